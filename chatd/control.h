/* The connections of chatctl (chat/control.h): the users that may make requests, and the time limit of each request.
 *
 * control-client.h has the states of a connection, and control-requests.h the requests. chatd never waits for a
 * chatctl. There are CONTROL_CLIENTS_MAX connections at most. A connection is closed if it makes no request for too
 * long, or does not take its answer.
 *
 * Owns the connections, but not the socket that accepts them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "member.h"

enum {
        CONTROL_CLIENTS_MAX = 16,
        CONTROL_AGAIN_MS = 1000, /* connections are accepted again this long after descriptors ran out */
};

struct chat;
struct control_client;

struct control {
        int listener; /* -1: none */
        gid_t group;  /* its members may make requests, as root and chatd's own user may; -1: no group */
        struct watch bans_watch, tokens_watch; /* for the end of a write of these files */
        struct watch watch;                    /* for new connections; disarmed only while descriptors have run out */
        int64_t retry_ms;                      /* when the listener is watched again, CLOCK_MONOTONIC */
        size_t count;                          /* the number of connections */
        struct control_client *clients;        /* CONTROL_CLIENTS_MAX; NULL: control_listen() was not called */
};

void control_init(struct control *c);

/* Closes all connections. */
void control_free(struct control *c);

/* Listens on `fd`, for root, for chatd's own user, and for the members of `group` unless that is NULL. Returns 0 or a
 * negative errno. */
int control_listen(struct chat *chat, int fd, const char *group);

/* Accepts a connection. */
void control_accept(struct chat *chat);

/* Handles an event of the connection with the watch `w`. */
void control_serve(struct chat *chat, const struct watch *w);

/* Answers the client of the request `number`. The `answer` of struct admin is this function. */
void control_done(struct chat *chat, uint64_t number, int result);

/* Does the work that is left after events: continues requests that waited for these events, and ends states that have
 * reached their time limit. */
void control_settle(struct chat *chat, int64_t now);

/* Returns the time at which control_settle() is due, in ms of CLOCK_MONOTONIC, or INT64_MAX if it is not. */
int64_t control_due_ms(const struct control *c);
