/* The steps of tests/field that concern programs: launchers of sessions, chatctl and chat-ssh, and signals. */
#pragma once

#include "stage.h"

/* Returns a client that the launcher of the case has accepted. Skips the test if the launcher is unavailable. */
struct client *programs_connect(struct stage *s);

/* Runs "chatctl ARGUMENT..." or "chat-ssh [COMMAND...]" beside the steps that follow, under this name. */
void programs_run(struct stage *s, const char *name, char *rest);

/* Runs chatctl until it prints this. */
void programs_run_until(struct stage *s, const char *words, const char *command);

/* Waits for the end of a person's program. Asserts its exit status. */
void programs_expect_end(struct stage *s, struct person *p, int status);

/* Stops a process once it sleeps, and returns when it has stopped. */
void programs_stop(pid_t pid);

/* Fails the test if the connection of the client lacks the keepalive of chat.socket. */
void programs_check_keepalive(struct stage *s, const struct person *p);
