/* The broker: relays the frames that sessions and the link put into the queue, and does all other work for members.
 *
 * broker_serve() is the heart: it takes a window of frames from the intake and does one round (batch-lifecycle.h) after
 * another until all of them are relayed and consumed.
 *
 * If a session dies without a BYE, its leave goes through the same queue: chatd sends GONE to itself, and this frame
 * comes behind the session's last frames. A GONE or BYE is ignored if the session is not a member, or no longer one. So
 * these frames may be sent again.
 */
#pragma once

#include "chat.h"

enum {
        CONFIRM_MS = 1000,    /* broker_confirm() is due this long after the first unconfirmed line */
        FINISH_MAX_MS = 1000, /* how long chatd relays new frames while it ends */
};

/* Calls chat_init(), and makes everything that handlers of frames need. Returns 0 or a negative errno. */
int broker_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
                struct journal *log);
void broker_free(struct chat *chat);

/* Relays one window of frames from the queue. Returns their number, or a negative errno if chatd cannot continue. */
int broker_serve(struct chat *chat);

/* Continues relaying to the lagging member `m`, whose inbox has room. */
void broker_has_room(struct chat *chat, struct member *m);

/* Tells each member that its lines went to everybody, if it does not know that yet. */
void broker_confirm(struct chat *chat);

/* Relays queued frames before an orderly end, for FINISH_MAX_MS at most, and tells all members which of their lines
 * were relayed. */
void broker_finish(struct chat *chat);

/* Does the work that is left after events: for members (contact.h), the link, new bans and chatctl. */
void broker_settle(struct chat *chat);
