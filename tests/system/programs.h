/* The steps of tests/field about programs: launchers of sessions, chatctl, chat-ssh, and signals. */
#pragma once

#include "stage.h"

/* Returns a client that the launcher of the case has accepted. Skips the test if the launcher is unavailable. */
struct client *programs_connect(struct stage *s);

/* Starts "chatctl ARGUMENT..." or "chat-ssh [COMMAND...]" under this name. The program runs during the steps that
 * follow. */
void programs_run(struct stage *s, const char *name, char *rest);

/* Runs chatctl until it prints this. */
void programs_run_until(struct stage *s, const char *words, const char *command);

/* Sends notices until chatd writes to so many clients by itself. It asks a session for its connection when the session
 * got a datagram, and the session may not lend it at that moment. */
void programs_wait_for_loans(struct stage *s, int loans);

/* Waits for the end of a person's program, and asserts its exit status. */
void programs_expect_end(struct stage *s, struct person *p, int status);

/* Stops a process once it sleeps. Returns when it has stopped. */
void programs_stop(pid_t pid);

/* Fails the test if the connection of the client lacks the keepalive of chat.socket. */
void programs_check_keepalive(struct stage *s, const struct person *p);
