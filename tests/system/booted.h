/* For tests that run inside a booted systemd (in-systemd): installs the chat as an administrator does. */
#pragma once

#include "harness.h"

enum { CHAT_PORT = 8888, ECHO_PORT = 8887 };

/* Runs `make install` and `systemctl enable --now chat.socket`, and nothing else. For the group's setup. */
int booted_install(void **state);

/* Does the same as booted_install(), with history off: for tests that compare everything that a client is shown. */
int booted_install_without_history(void **state);

/* Does the same as booted_install_without_history(), and chatd announces all newcomers by name, however many join. */
int booted_install_naming(void **state);

/* Stops chatd. The next chatd waits for booted_release_chatd(); messages to it wait in the queue until then. */
void booted_hold_chatd(void);

/* Lets the next chatd start. Something must be in the queue: otherwise systemd starts none and this waits for ever. */
void booted_release_chatd(void);

/* Copies the programs that the Makefile unpacked into `dir` over the system. If one of `programs`, paths up to a NULL,
 * is still missing, prints that and skips all tests. */
void booted_unpack(const char *dir, const char *const programs[]);

/* Connects to chat.socket and waits for the greeting. */
struct client *booted_join(void);

/* Returns the pid of the session that serves `c`, from chatd's notes. */
pid_t booted_session(const struct client *c);
