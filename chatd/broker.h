/* What chatd does with a frame: who may send it, whom it makes a member, what the others are told.
 *
 * broker_serve() is the heart: it takes a window of frames from the intake, turns them into batches, relays each and
 * consumes it. The order of a batch's steps makes a crash between any two of them harmless:
 *
 *   1. notes of each member that joins      the next chatd knows it, also if it dies meanwhile, and announces it as
 *                                           this one would have (arrivals.h)
 *      and of each that is called otherwise  the next chatd begins with what was before (changes.h)
 *      or goes to another room
 *   2. the batch goes to every member       the next chatd relays it again; sessions drop what they have seen
 *   3. what came from other hosts is noted  everybody has it: the next chatd ignores it (remote.h)
 *      and who is not to be announced again,
 *      or muted; and what an administrator asked
 *      for
 *   4. notes of those that left are marked  everybody has been told: the next chatd ignores what it finds of them
 *   5. the frames are consumed
 *   6. marked notes are removed             there is nothing left to ignore
 *
 * A session that dies without a BYE is announced through the same queue: chatd sends itself GONE, behind whatever the
 * session still said. A GONE or BYE of somebody who is no member (any more) is ignored, so it may be sent again.
 */
#pragma once

#include "chat.h"

enum {
        IGNORED_REPORT_MS = 5000,
        CONFIRM_MS = 1000,    /* broker_confirm() is due that long after something is unconfirmed */
        FINISH_MAX_MS = 1000, /* how long an ending chatd goes on relaying what comes */
};

/* Makes a chat, as chat_init() does, with all that its frames can do. Returns 0 or a negative errno. */
int broker_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
                struct journal *log);
void broker_free(struct chat *chat);

/* Relays what is in the queue, one window of it. Returns how many frames that was, or a negative errno that chatd
 * cannot go on with. */
int broker_serve(struct chat *chat);

/* The inbox of `m`, which lagged, has room. */
void broker_has_room(struct chat *chat, struct member *m);

/* Tells those who do not know it yet that their lines went to everybody. */
void broker_confirm(struct chat *chat);

/* Before an orderly end: relays what is queued, for a bounded time, and tells everybody how far that went. */
void broker_finish(struct chat *chat);

/* After events were handled: sees to the members (contact.h), to the link, to bans that were added, and to
 * administrators' tools. */
void broker_settle(struct chat *chat);

/* Logs what was ignored, once per IGNORED_REPORT_MS at most. Returns true while there is something left to log. */
bool broker_report_ignored(struct chat *chat, int64_t now_ms);
