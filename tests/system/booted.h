/* For tests that run inside a booted systemd (in-systemd): the chat as an administrator installs it. */
#pragma once

#include "harness.h"

enum { CHAT_PORT = 8888, ECHO_PORT = 8887 };

/* `make install` and `systemctl enable --now chat.socket`, and nothing else. For the group's setup. */
int booted_install(void **state);

/* The same, and who comes is not shown what was said before: who compares all that it is shown. */
int booted_install_without_history(void **state);

/* … and chatd announces everybody by name, however many come. */
int booted_install_naming(void **state);

/* Stops chatd. The next chatd waits for booted_release_chatd(); messages to it wait in the queue until then. */
void booted_hold_chatd(void);

/* Lets the next chatd start. Something must be in the queue, or systemd starts none and this waits for ever. */
void booted_release_chatd(void);

/* Copies the programs that the Makefile unpacked into `dir` over the system. Where one of `programs`, paths up to a NULL, is
 * missing then, this says so and skips all tests. */
void booted_unpack(const char *dir, const char *const programs[]);

/* Connects to chat.socket and waits for the greeting. */
struct client *booted_join(void);

/* The pid of the session that serves `c`, as chatd notes it. */
pid_t booted_session(const struct client *c);
