/* Installs the chat as an administrator does, for tests that run inside a booted systemd (in-systemd). */
#pragma once

#include "harness.h"

enum { CHAT_PORT = 8888, ECHO_PORT = 8887, WEB_PORT = 8880 };

/* Runs `make install` and `systemctl enable --now chat.socket` only. To be used as the setup of a group. */
int booted_install(void **state);

/* Does the same as booted_install(), with history off, for tests that compare all output to a client. */
int booted_install_without_history(void **state);

/* Does the same as booted_install_without_history(), and lets chatd announce all newcomers by name, even if many
 * join. */
int booted_install_naming(void **state);

/* Stops chatd. The next chatd waits for booted_release_chatd(); messages to it wait in the queue until then. */
void booted_hold_chatd(void);

/* Lets the next chatd start. The queue must not be empty: otherwise systemd starts no chatd, and this waits for
 * ever. */
void booted_release_chatd(void);

/* Copies the programs that the Makefile unpacked into `dir` into the system. If one of `programs`, a list of paths that
 * ends with NULL, is still missing, prints that and skips all tests. */
void booted_unpack(const char *dir, const char *const programs[]);

/* Makes the certificate and the key of stunnel, for localhost. /etc/chat/tls-cert.pem also proves it to clients. */
void booted_install_certificate(void);

/* Starts a client that is a program, on a socket. */
struct client *booted_start_client(char *const argv[], pid_t *pid);

/* Starts an s_client, which connects to `target` and checks the certificate of booted_install_certificate(). It takes
 * lines that begin with B, K, k, Q or R for itself. */
struct client *booted_start_tls_client(const char *target, pid_t *pid);

/* Connects to chat.socket. Waits for the greeting, and until the others were told of the client. */
struct client *booted_join(void);

/* Returns the pid of the session that serves `c`, from chatd's notes. */
pid_t booted_session(const struct client *c);
