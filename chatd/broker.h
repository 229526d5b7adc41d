/* What chatd does with a frame: which sender may send it, which member it makes, and what other members are told.
 *
 * broker_serve() is the heart: it takes a window of frames from the intake, turns them into batches, relays each batch
 * and consumes it. The order of a batch's steps, which round.h asserts, makes a crash between any two of them harmless:
 *
 *   1. notes of each member that joins      the next chatd knows it, even if it dies meanwhile, and announces it as
 *                                           this one would have (arrivals.h)
 *      and of each that is renamed          the next chatd begins with the previous name and room (changes.h)
 *      or goes to another room
 *   2. the batch goes to every member       the next chatd relays it again; sessions drop records that they have seen
 *   3. numbers of the link's records,       all members have them: the next chatd ignores them (remote.h, admin.h)
 *      members not to be announced again,
 *      mutings and administrators' requests
 *      are noted
 *   4. notes of leaving members are marked  all members were told: the next chatd ignores the leaving members' frames
 *   5. the frames are consumed
 *   6. marked notes are removed             no frame is left to ignore
 *
 * A session that dies without a BYE is announced through the same queue: chatd sends itself GONE, behind the session's
 * last frames. A GONE or BYE of a session that is not a member (any more) is ignored, so it may be sent again.
 */
#pragma once

#include "chat.h"

enum {
        CONFIRM_MS = 1000,    /* broker_confirm() is due this long after a line is unconfirmed */
        FINISH_MAX_MS = 1000, /* how long chatd relays new frames while it ends */
};

/* Makes a chat, as chat_init() does, with everything that its frames need. Returns 0 or a negative errno. */
int broker_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
                struct journal *log);
void broker_free(struct chat *chat);

/* Relays the frames in the queue, one window of them. Returns how many frames that was, or a negative errno if chatd
 * cannot continue. */
int broker_serve(struct chat *chat);

/* Continues relaying to the lagging member `m`, whose inbox has room. */
void broker_has_room(struct chat *chat, struct member *m);

/* Tells members that do not know it yet that their lines went to everybody. */
void broker_confirm(struct chat *chat);

/* Relays queued frames before an orderly end, for a bounded time, and tells all members which of their lines were
 * relayed. */
void broker_finish(struct chat *chat);

/* Does the work after events were handled: for members (contact.h), the link, new bans, and administrators' tools. */
void broker_settle(struct chat *chat);
