/* The requests of administrators, which chatctl makes (chat/control.h): who may make them, and their answers.
 *
 * What only asks is answered at once; of a list, only who it is of is kept, and some of it goes out in each turn of the
 * main loop, as fast as chatctl takes it. What changes the chat goes into the queue (admin.h) and is answered when it
 * had its turn there; a removal, when the session has left. Nobody is waited for: there are CONTROL_CLIENTS_MAX
 * connections at most, and one that asks nothing, or does not take its answer, is closed.
 *
 * Owns the connections, not the socket they come from.
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
        CONTROL_AGAIN_MS = 1000,     /* after which who connects is looked for again, where there was no descriptor */
        CONTROL_IDLE_MS = 60 * 1000, /* a connection that asks nothing for so long is closed … */
        CONTROL_ANSWER_MS =
                5 * 1000,  /* … and one that takes nothing of its answer, or whose request the queue does not */
        CONTROL_TURN = 64, /* records that go out in one turn of the main loop */
};

enum control_state {
        CONTROL_IDLE,    /* its request is to come */
        CONTROL_MEMBERS, /* it gets a list … */
        CONTROL_BANS,
        CONTROL_END,   /* … its end */
        CONTROL_QUEUE, /* its frame has no place in the queue yet … */
        CONTROL_TAKE,  /* … is in there */
        CONTROL_WRITE, /* its change holds, and is being written … */
        CONTROL_LEAVE, /* … and who was removed is to leave */
};

struct control_client {
        struct watch watch; /* the first: what epoll hands back is its address */
        int fd;             /* -1: free */
        uid_t uid;
        enum control_state state;
        uint32_t events;     /* that epoll waits for */
        int64_t due_ms;      /* when its state has lasted for too long */
        uint64_t number, id; /* of the request, and of who is removed by it */
        uint64_t changes;    /* of the bans, of which its own is the last */
        bool removes;
        size_t next, count; /* of a list */
        uint64_t *ids;      /* … of members */
        size_t frame_size;
        uint8_t frame[FRAME_MAX_BYTES];
        struct control_packet end;
};

struct control {
        int listener;                   /* -1: none */
        gid_t group;                    /* who may ask, besides root and our own user; -1: nobody */
        int64_t started_ms;             /* when this chatd began, CLOCK_MONOTONIC */
        int64_t started;                /* the same in seconds since the epoch */
        struct watch bans_watch;        /* of the file of the bans */
        struct watch watch;             /* of the listener; armed but for a moment without descriptors, until … */
        int64_t again_ms;               /* … then, CLOCK_MONOTONIC */
        size_t count;                   /* connections */
        struct control_client *clients; /* CONTROL_CLIENTS_MAX; NULL: there was none yet */
};

void control_init(struct control *c);

/* Closes all connections. */
void control_free(struct control *c);

/* Listens on `fd`, to root, our own user and, unless that is NULL, members of `group`. Returns 0 or a negative errno. */
int control_listen(struct chat *chat, int fd, const char *group);

/* Somebody connects. */
void control_accept(struct chat *chat);

/* `w`, of a connection, fired. */
void control_serve(struct chat *chat, const struct watch *w);

/* Answers the client of the request `number`; it is the `answer` of struct admin. */
void control_done(struct chat *chat, uint64_t number, int result);

/* After events were handled: goes on with what waited for them, and closes what has lasted for too long. */
void control_settle(struct chat *chat, int64_t now);

/* When control_settle() is due, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
int64_t control_due_ms(const struct control *c);
