/* Makes a NATS operator, an account and a user without the tools of NATS: keys by openssl, and JSON Web Tokens as in
 * the NATS documentation (JWT, nkeys).
 */
#pragma once

/* Writes files below `dir`: operator.conf, settings of a server that trusts the operator; user.creds, the credentials
 * of a user of its account; and stranger.creds, those of another operator's user. */
void credentials_make(const char *dir);
