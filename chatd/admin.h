/* Actions of administrators: a notice to everybody, the topic of a room, the removal of a member, the muting of a
 * member.
 *
 * control.h takes the requests. A change goes through the queue, as a frame of chatd to itself. So it has its place in
 * the order, and if chatd dies, the next chatd makes it. Each change has the number of its request. When all members
 * have the result, the number is noted in a symlink in the run directory, with the numbers of other recent requests. A
 * change whose number is noted is not made again. The removal of a banned member has no number, because it may be
 * repeated.
 *
 * Each KICK, MUTE or UNMUTE is a batch of its own: behind it the lines of the member are dropped, or are no longer
 * dropped. Lines of a muted member count as relayed, but nobody gets them. A removed member is muted as well, until it
 * leaves. Its mark contains the reason, so that the next chatd can tell the member again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>

#include "order.h"

struct chat;
struct member;

enum {
        /* numbers of requests: more than can wait in the queue at once (CONTROL_CLIENTS_MAX) */
        ADMIN_REMEMBERED = 64,
        ADMIN_MUTE_NOTICE_MS = 5000, /* a muted member that says lines is told so once in this time */
};

/* An action on a member. */
struct admin_act {
        struct member *member; /* NULL: no action */
        uint8_t type;          /* KICK, MUTE or UNMUTE */
        bool news;             /* false: a previous chatd did it */
        uid_t uid;             /* the administrator that asked for it */
};

struct admin {
        uint64_t numbers[ADMIN_REMEMBERED]; /* numbers of requests, a ring; 0: free */
        size_t next;                        /* the index for the next number */
        bool is_changed;                    /* `numbers` changed in this batch */
        struct admin_act act;               /* the action of this batch */
        /* Called after the request `number` had its turn. `result` is 0 if it was done; -ENOENT if the member or room
         * does not exist; another negative errno if it cannot be noted. NULL: no client waits for results. */
        void (*answer)(struct chat *chat, uint64_t number, int result);
};

/* Reads the note of the last chatd. */
void admin_recover(struct chat *chat);

/* Does what a SAY, SET_TOPIC, KICK, MUTE or UNMUTE says. Returns NEXT_BATCH if it is an action on a member and the
 * batch may not have one. The batch must have room for a record. */
enum outcome admin_take(struct chat *chat, const struct frame *f);

/* Notes the actions of a batch that was sent to all members. */
void admin_note(struct chat *chat);

/* Returns true if the request of this number was done. */
bool admin_has_done(const struct admin *a, uint64_t number);

/* Returns true if `m` is muted: then the frame is not relayed. Tells the member so. For a request it does that each
 * time, because this is the answer to the request. */
bool admin_silences(struct chat *chat, struct member *m, const struct frame *f, bool is_request);
