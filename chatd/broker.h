/* The broker: relays what sessions and the link put into the queue, and does what follows.
 *
 * broker_serve() is the heart: it takes a window of frames from the intake and does one round (batch-lifecycle.h) after
 * another until all of them are relayed and consumed.
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
