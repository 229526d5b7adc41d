/* The steps of tests/field that are about programs: those that start sessions, chatctl and chat-ssh, and signals. */
#pragma once

#include "stage.h"

/* Returns a client that the launcher of the case has accepted. Skips the test where the launcher cannot be had. */
struct client *programs_connect(struct stage *s);

/* Runs "chatctl ARGUMENT..." or "chat-ssh [COMMAND...]" beside the steps that follow, as somebody of this name. */
void programs_run(struct stage *s, const char *name, char *rest);

/* Runs chatctl until it prints this. */
void programs_run_until(struct stage *s, const char *words, const char *command);

/* Waits for the end of somebody's program. Its exit status is to be this. */
void programs_expect_end(struct stage *s, struct person *p, int status);

/* Stops a process that has come to rest, and returns when it stands still. */
void programs_stop(pid_t pid);

/* Fails the test where the connection of the client has not the keepalive of chat.socket. */
void programs_check_keepalive(struct stage *s, const struct person *p);
