/* The requests of administrators, which chatctl makes (chat/control.h): which users may make them, and the answers.
 *
 * A request that only asks is answered at once. For a list, only the ids of its members are kept, and a part of the
 * list goes out in each turn of the main loop, as fast as chatctl takes it. A request that changes the chat goes into
 * the queue (admin.h) and is answered when it had its turn there; a removal is answered when the session has left.
 * chatd waits for no client: there are CONTROL_CLIENTS_MAX connections at most, and a connection that makes no request,
 * or does not take its answer, is closed.
 *
 * Owns the connections, not the socket that they come from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/control.h>
#include <chat/frame.h>

#include "roster.h"

struct chat;

enum {
        CONTROL_CLIENTS_MAX = 16,
        CONTROL_AGAIN_MS = 1000,     /* when new connections are accepted again after descriptors ran out */
        CONTROL_IDLE_MS = 60 * 1000, /* a connection without a request for this long is closed */
        CONTROL_ANSWER_MS =
                /* a connection is closed if it takes nothing of its answer for this long, or if the queue does not take
                 * its request */
        5 * 1000,
        CONTROL_TURN = 64, /* records that go out in one turn of the main loop */
};

enum control_state {
        CONTROL_IDLE,    /* waits for a request */
        CONTROL_MEMBERS, /* gets a list of members */
        CONTROL_BANS,
        CONTROL_END,   /* gets the end of a list */
        CONTROL_QUEUE, /* its frame has no place in the queue yet */
        CONTROL_TAKE,  /* its frame is in the queue */
        CONTROL_WRITE, /* its change is in effect, and is being written */
        CONTROL_LEAVE, /* waits for the removed member to leave */
};

struct control_client {
        struct watch watch; /* the first member: epoll returns its address */
        int fd;             /* -1: free */
        uid_t uid;
        enum control_state state;
        uint32_t events;     /* the events that epoll waits for */
        int64_t due_ms;      /* when its state has lasted for too long */
        uint64_t number, id; /* of the request, and of the member that it removes */
        uint64_t changes;    /* the number of changes of the bans up to this request's own */
        bool removes;
        size_t next, count; /* of a list: the next record, and how many there are */
        uint64_t *ids;      /* the ids of a list of members */
        size_t frame_size;
        uint8_t frame[FRAME_MAX_BYTES];
        struct control_packet end;
};

struct control {
        int listener;            /* -1: none */
        gid_t group;             /* the group that may make requests, besides root and chatd's own user; -1: none */
        int64_t started_ms;      /* when this chatd began, CLOCK_MONOTONIC */
        int64_t started;         /* when this chatd began, in seconds since 1970 */
        struct watch bans_watch; /* of the file of bans */
        struct watch watch;      /* of the listener; disarmed only while descriptors have run out */
        int64_t again_ms;        /* when the listener is armed again, CLOCK_MONOTONIC */
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
