/* The link to other hosts (chat-link), as chatd sees it: one more member, whose frames say what people elsewhere said.
 *
 * It is a member for ever once it said HELLO, because its inbox belongs to systemd and holds what is relayed while
 * chat-link is started again: nobody watches its process, and nobody is told that it comes or goes. While its inbox is
 * gone it lags, and what it misses is counted.
 *
 * It says HELLO again and again, whenever it does not know where it stands, and is answered with the number of the last
 * of its records that were relayed. That number is in a file beside its note: written behind the relaying of a batch,
 * and in front of its consuming. So a record is never relayed by one chatd when one before it had consumed it; and what
 * is relayed by two, as its batch was not consumed, is dropped by the sessions like any other (chat/seen.h).
 *
 * Owns the file's descriptor; the member belongs to the roster.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <chat/frame.h>

struct chat;
struct member;

struct remote {
        int fd;           /* the file with the number; negative: not open, and nothing is taken */
        uint64_t last;    /* the number of the last record that was put into a batch … */
        uint64_t noted;   /* … and that in the file */
        bool welcome_due; /* its inbox was too full for it */
        bool is_there;    /* as was logged last */
};

void remote_init(struct remote *remote);
void remote_free(struct remote *remote);

/* After the notes were read: goes on where the last chatd was, if the link is a member. */
void remote_recover(struct chat *chat);

/* Does what a frame of the link says, or ignores and counts it or its records. Returns 0, or -ENOBUFS where it belongs
 * to the next batch: then nothing was done. */
int remote_take(struct chat *chat, const struct frame *f);

/* The batch was sent to everybody: writes down the number of its last record from the link. */
void remote_note(struct chat *chat);

/* The inbox of the link has room again. */
void remote_resumed(struct chat *chat, struct member *m);

/* Logs when the link came, or its inbox is gone. */
void remote_report(struct chat *chat);
