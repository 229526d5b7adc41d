/* The connections of chatctl (chat/control.h): which users may make requests, and how long each may take.
 *
 * control-client.h has the states of a connection, and control-requests.h what each request does. chatd waits for no
 * chatctl: there are CONTROL_CLIENTS_MAX connections at most, and a connection that makes no request, or does not take
 * its answer, is closed.
 *
 * Owns the connections, not the socket that they come from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "member.h"

enum {
        CONTROL_CLIENTS_MAX = 16,
        CONTROL_AGAIN_MS = 1000, /* when new connections are accepted again after descriptors ran out */
};

struct chat;
struct control_client;

struct control {
        int listener;            /* -1: none */
        gid_t group;             /* the group that may make requests, besides root and chatd's own user; -1: none */
        struct watch bans_watch; /* of the file of bans */
        struct watch watch;      /* of the listener; disarmed only while descriptors have run out */
        int64_t retry_ms;        /* when the listener is armed again, CLOCK_MONOTONIC */
        size_t count;            /* the number of connections */
        struct control_client *clients; /* CONTROL_CLIENTS_MAX; NULL: there was no connection yet */
};

void control_init(struct control *c);

/* Closes all connections. */
void control_free(struct control *c);

/* Listens on `fd`, for root, chatd's own user and, unless it is NULL, members of `group`. Returns 0 or a negative
 * errno. */
int control_listen(struct chat *chat, int fd, const char *group);

/* Accepts a connection. */
void control_accept(struct chat *chat);

/* Handles an event of the connection with the watch `w`. */
void control_serve(struct chat *chat, const struct watch *w);

/* Answers the client of the request `number`; it is the `answer` of struct admin. */
void control_done(struct chat *chat, uint64_t number, int result);

/* Does the work after events were handled: continues requests that waited for them, and closes connections whose state
 * has lasted for too long. */
void control_settle(struct chat *chat, int64_t now);

/* Returns when control_settle() is due, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t control_due_ms(const struct control *c);
