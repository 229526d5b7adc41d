/* The link to other hosts (chat-link), as chatd sees it: one more member, whose frames contain the records of other
 * hosts.
 *
 * It stays a member for ever after its first HELLO, because its inbox belongs to systemd and holds relayed records
 * while chat-link is started again: its process is not watched, and its coming and going is not announced. While its
 * inbox is gone it lags, and the records that it misses are counted.
 *
 * It sends HELLO whenever it does not know its place, and chatd answers with the number of the last of its records that
 * was relayed. That number is in a file beside its note: it is written after a batch was relayed, and before it is
 * consumed. So a record that one chatd has consumed is never relayed by a later one. Records that two relay, because
 * their batch was not consumed, are dropped by the sessions like any others (chat/seen.h).
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
        int fd;                /* the file with the number; negative: not open, and no record is taken */
        uint64_t last;         /* the number of the last record that was put into a batch */
        uint64_t noted_number; /* the number in the file */
        bool welcome_due;      /* WELCOME has to be sent, for which its inbox was too full */
        bool is_there;         /* the link is there, as last logged */
};

void remote_init(struct remote *remote);
void remote_free(struct remote *remote);

/* Continues at the number of the last chatd, if the link is a member. To be called after the notes were read. */
void remote_recover(struct chat *chat);

/* Does what a frame of the link says, or ignores and counts it or its records. Returns NEXT_BATCH if it is a HELLO
 * and the batch has records, or an INJECT that has no room in the batch. */
enum outcome remote_take(struct chat *chat, const struct frame *f);

/* Writes the number of the last record from the link in the batch, which was sent to all members. */
void remote_note(struct chat *chat);

/* Continues with the link `m`, whose inbox has room again. */
void remote_resumed(struct chat *chat, struct member *m);

/* Logs that the link came, or that its inbox is gone. */
void remote_report(struct chat *chat);
