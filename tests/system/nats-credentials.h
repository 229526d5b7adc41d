/* A NATS operator, an account and a user, without the tools of NATS: keys by openssl, and JSON Web Tokens as the NATS
 * documentation (JWT, nkeys) has them.
 */
#pragma once

/* Writes below `dir`: operator.conf, settings of a server that trusts the operator, and user.creds, the credentials of
 * a user of its account; and stranger.creds, of another operator's. */
void credentials_make(const char *dir);
