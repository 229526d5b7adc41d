/* Makes a NATS operator, an account and a user without the tools of NATS. openssl makes the keys; the JSON Web Tokens
 * are those of the NATS documentation (JWT, nkeys).
 */
#pragma once

/* Writes files to `dir`: operator.conf, settings of a server that trusts the operator; user.creds, credentials of a
 * user of its account; and stranger.creds, credentials of another operator's user. */
void credentials_make(const char *dir);
