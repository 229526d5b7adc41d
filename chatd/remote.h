/* The link to other hosts (chat-link), which is one more member for chatd. Its frames contain the records of other
 * hosts.
 *
 * After its first HELLO the link is a member for ever, because its inbox belongs to systemd, and holds relayed records
 * while chat-link is started again. Its process is not watched, and its arrival and leave are not announced. While its
 * inbox is gone, the link lags, and the records that it misses are counted.
 *
 * The link sends HELLO whenever it does not know which of its records were relayed. chatd answers with the number of
 * the last one. That number is in a file beside the link's note, which is written after a batch was relayed and before
 * the batch is consumed. So if one chatd has consumed a record, no later one relays it. If a batch was not consumed,
 * two chatds relay its records. Sessions drop the second copies, as they do with all records (chat/seen.h).
 *
 * Owns the file's descriptor; the member belongs to the roster.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <chat/frame.h>

#include "order.h"

struct chat;
struct member;

struct remote {
        int fd;                /* the file with the number; negative: it is not open, and no record is taken */
        uint64_t last;         /* the number of the last record that was put into a batch */
        uint64_t noted_number; /* the number in the file */
        bool welcome_due;      /* WELCOME is still to be sent, because the link's inbox was too full for it */
        bool is_there;         /* the last entry in the journal says that the link is there */
};

void remote_init(struct remote *remote);
void remote_free(struct remote *remote);

/* Reads the number that the last chatd wrote, if the link is a member. To be called after the notes were read. */
void remote_recover(struct chat *chat);

/* Does what a frame of the link says, or ignores and counts it or its records. Returns NEXT_BATCH if it is a HELLO
 * and the batch has records, or an INJECT that has no room in the batch. */
enum outcome remote_take(struct chat *chat, const struct frame *f);

/* Writes the number of the link's last record in the batch, which was sent to all members. */
void remote_note(struct chat *chat);

/* Sends WELCOME to the link `m` if it is still to be sent. Called when the link's inbox has room again. */
void remote_resumed(struct chat *chat, struct member *m);

/* Logs that the link came, or that its inbox is gone. */
void remote_report(struct chat *chat);
