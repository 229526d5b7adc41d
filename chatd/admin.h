/* What an administrator does in the chat: a notice to everybody, the topic of a room, removing a member, muting a
 * member.
 *
 * control.h takes the requests. Changes go through the queue, as frames of chatd to itself, so each change has its
 * place in the order, and a chatd that dies leaves it to the next one. Each change has the number of its request, and
 * is not made again if that number is noted; a removal because of a ban has no number, because it may be repeated. The
 * last numbers are noted, in a symlink in the run directory, when all members have the result.
 *
 * KICK, MUTE and UNMUTE are batches of their own, because lines are dropped from that place on, or no longer dropped.
 * Lines of a muted member count as relayed, and nobody gets them. A removed member is muted as well, until it leaves;
 * its mark contains the reason, so that the next chatd tells the member again.
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
        ADMIN_REMEMBERED = 64,       /* requests; fewer than this wait in the queue at once (CONTROL_CLIENTS_MAX) */
        ADMIN_MUTE_NOTICE_MS = 5000, /* a muted member is told so once per this time for lines */
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
        /* Called when the request `number` had its turn. `result` is 0 if it was done; -ENOENT if the member or room
         * does not exist; another negative errno if it cannot be noted. NULL: no client waits for results. */
        void (*answer)(struct chat *chat, uint64_t number, int result);
};

/* Reads the note of the last chatd. */
void admin_recover(struct chat *chat);

/* Does the action of a SAY, SET_TOPIC, KICK, MUTE or UNMUTE. Returns NEXT_BATCH if the batch may not have
 * an action on a member. The batch must have room for a record. */
enum outcome admin_take(struct chat *chat, const struct frame *f);

/* Notes the actions of a batch that was sent to all members. */
void admin_note(struct chat *chat);

/* Returns true if the request of this number was done. */
bool admin_has_done(const struct admin *a, uint64_t number);

/* Returns true if `m` is muted, so that the frame is not relayed. Tells the member: each time if the frame is a
 * request, because that is its answer. */
bool admin_silences(struct chat *chat, struct member *m, const struct frame *f, bool is_request);
