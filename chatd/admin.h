/* What an administrator has done in the chat: a notice to everybody, the topic of a room, who is removed, whose lines are not relayed.
 *
 * control.h takes the requests; what they change goes through the queue, as frames of chatd to itself. So it has its
 * place in the order, and a chatd that dies leaves it to the next one.
 *
 * Each has the number of its request, and a removal because of a ban has none: that may be done again. The last numbers
 * are noted when everybody has what they say, before they are consumed; one that is noted is not done again. So a request that is made again, because a chatd died before it
 * answered, is done once; and what is relayed again, because a batch was not consumed, the sessions drop like any other
 * (chat/seen.h).
 *
 * KICK, MUTE and UNMUTE are batches of their own: from there on lines are dropped, or are not. A chatd that meets such
 * a frame again finds the member muted before it or not, and nothing in front of it that this would change.
 *
 * What a muted member says is counted as relayed, and nobody gets it. It is told so, of lines seldom enough. Who was
 * removed is muted as well, until it leaves; its mark says why, so that the next chatd tells it again.
 *
 * The note is a symlink in the run directory, as members' notes are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>

struct chat;
struct member;

enum {
        ADMIN_REMEMBERED = 64,      /* requests; what waits in the queue at once is less (CONTROL_CLIENTS_MAX) */
        ADMIN_MUTED_TOLD_MS = 5000, /* who is muted is told so once per that time for lines */
};

/* What was done to a member. */
struct admin_act {
        struct member *member; /* NULL: nothing was */
        uint8_t type;          /* KICK, MUTE or UNMUTE */
        bool news;             /* else a chatd before us did it */
        uid_t uid;             /* who asked for it */
};

struct admin {
        uint64_t done[ADMIN_REMEMBERED]; /* numbers, a ring; 0: none */
        size_t next;                     /* where the next one goes */
        bool changed;                    /* in this batch */
        struct admin_act act;            /* in this batch */
        bool sweep;                      /* somebody here may be banned, and is to be removed */
        /* Called when the request `number` had its turn. `result` is 0 where it was done; -ENOENT where there was nobody,
         * or no room, to do it to; another negative errno where it cannot be noted. NULL: nobody waits for it. */
        void (*answer)(struct chat *chat, uint64_t number, int result);
        int64_t refused_ms; /* when it was logged last that somebody banned was refused … */
        uint64_t refused;   /* … and how many were since */
};

/* Reads the note of the last chatd; who is here and was banned is removed. */
void admin_recover(struct chat *chat);

/* Does what a SAY, SET_TOPIC, KICK, MUTE or UNMUTE says. Returns 0, or -ENOBUFS where it belongs to the next batch: then nothing
 * was done. There is room for a record. */
int admin_take(struct chat *chat, const struct frame *f);

/* The batch was sent to everybody: notes what was done. */
void admin_note(struct chat *chat);

/* Whether the request of this number was done. */
bool admin_has_done(const struct admin *a, uint64_t number);

/* Whether what `m` says in the frame of this number is not to be relayed; then it is told so: each time where it made a
 * request, whose answer that is. */
bool admin_silences(struct chat *chat, struct member *m, uint64_t number, bool is_request);

/* Whether who says this HELLO or HERE is banned; then it is told so. */
bool admin_refuses(struct chat *chat, const struct frame *f);

/* Sends KICK for those who are banned, as far as the queue takes it. */
void admin_settle(struct chat *chat);
