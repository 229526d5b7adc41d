/* One batch: the records that a run of frames becomes, and who gets which of them.
 *
 * The records lie one behind another in one buffer, so a batch is one datagram per member, which sendmsg() gathers from
 * stretches of records. A second buffer has the same records as text, for members that lend their clients' connections
 * (lent.h).
 *
 * The audience of a record is a room, everybody, or one member; the batch has a list of its records for each. A member
 * gets its room's list without its own records. The records are checked one by one only for a member that changes rooms
 * within the batch, gets a record alone, or is the link, or if the batch has records for its room and for everybody. A
 * member that joins, leaves or changes rooms gets what stands behind its JOIN, before its LEAVE, or on either side of
 * its move. A frame for one member alone (letters.h) has a place among the records.
 *
 * What the batch notes of a member is in its `share`, which counts as empty if it is of another batch. No function here
 * loses a record: each asserts that its caller has made sure of room.
 *
 * Owns the buffers and the memory of records that sessions share; borrows members and rooms.
 */
#pragma once

#include <stdint.h>
#include <sys/uio.h>

#include <chat/record.h>

#include "changes.h"
#include "lent.h"
#include "member.h"
#include "rooms.h"

enum {
        BATCH_TEXT_MORE_BYTES = 8,            /* how much longer a record can be as text than in a datagram */
        BATCH_LETTERS_MAX_BYTES = 128 * 1024, /* of letters to a lagging member, which wait for it */
};

/* The forms in which records are written. */
enum batch_form {
        BATCH_DATAGRAM,
        BATCH_TEXT,
        BATCH_FORMS,
};

struct batch_record {
        struct {
                uint32_t at, len;
        } place[BATCH_FORMS];
        uint32_t next_own; /* the index of the same member's next record plus 1 */
        /* the member that it is of, or NULL; the only member that gets it, or NULL for all of `room` */
        const struct member *from, *to;
        const struct room *room; /* the room that gets it, together with the link; NULL: everybody */
};

/* Records one behind another that have the same audience: from index `from` to before `to`. */
struct batch_stretch {
        uint32_t from, to;
        uint32_t next; /* the index of the next stretch for this audience plus 1; 0: none */
};

/* A room for which there are records, or everybody. */
struct batch_audience {
        struct room *room;    /* NULL: everybody */
        uint32_t first, last; /* its stretches: indices plus 1; 0: there are none */
};

enum { BATCH_EVERYBODY }; /* the index of the audience that is everybody */

struct batch {
        uint64_t number; /* of this batch, counted from 1 on: shares of other batches are empty */
        /* the batch's records, for members that lend; `outlet` is NULL if no member is to lend */
        struct lent_batch lent;
        size_t size, text_size, count; /* bytes in the buffers, and records */
        size_t moves_count;            /* how many moves from one room to another */
        size_t stretches_count, audiences_count;
        /* the members with a share of this batch, a chain by share.next, in the order in which they got it */
        struct member *first, *last;
        bool has_letters; /* there are frames for one member alone */
        struct batch_record records[BATCH_MAX_RECORDS];
        struct batch_stretch stretches[BATCH_MAX_RECORDS];
        struct batch_audience audiences[BATCH_MAX_RECORDS + 1];
        struct batch_move {
                const struct room *old_room;
                uint32_t at;   /* records from this index on are for its next room */
                uint32_t next; /* the index of the same member's next move plus 1; 0: none */
        } moves[CHANGES_MAX];
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        char text[DATAGRAM_MAX_BYTES + BATCH_MAX_RECORDS * BATCH_TEXT_MORE_BYTES];
};

/* Begins an empty batch of the chatd of this epoch. The previous batch was consumed. */
void batch_begin(struct batch *b, uint64_t epoch);

/* Returns true if there is nothing to send. */
static inline bool batch_is_empty(const struct batch *b)
{
        return b->count == 0 && !b->has_letters;
}

/* Returns true if this many records fit, which are `bytes` long together in the format of record_encode(). */
bool batch_has_room_for(const struct batch *b, size_t records, size_t bytes);

/* Append a record. There must be room for it (batch_has_room_for()).
 *
 * Of `from`, which does not get it, for the members of `room`, or with NULL for everybody, and for the link: */
void batch_add(struct batch *b, struct member *from, struct room *room, const struct record *rec);
/* Of no member, for `room` as above: */
void batch_add_notice(struct batch *b, struct room *room, const struct record *rec);
/* Of no member, for `room` as above, but not for the link, if there is one: */
void batch_add_here(struct batch *b, const struct member *link, struct room *room, const struct record *rec);
/* For `to` alone; `from`, if it is not NULL, does not get it. The session of `to` gets this batch as a datagram,
 * because it has to know the sender: */
void batch_add_private(struct batch *b, struct member *from, struct member *to, const struct record *rec);

/* Puts a frame for `to` alone behind the records that were added so far. */
void batch_tell(struct batch *b, struct member *to, const struct frame *f);

/* Puts a frame for `to` alone, followed by `size` bytes of records, behind the records so far. */
void batch_tell_records(struct batch *b, struct member *to, const struct frame *f, const uint8_t *records, size_t size);

/* Drops letters of a lagging member beyond BATCH_LETTERS_MAX_BYTES, and counts them as missed. */
void batch_trim_letters(struct member *m);

/* Notes that the frame `number` of `m` is in the batch: later batches tell `m` that it was relayed. */
void batch_take_number(struct batch *b, struct member *m, uint64_t number);

/* Make `m` get only records that are added from now on, or only those that were added so far. */
void batch_joins(struct batch *b, struct member *m);
void batch_leaves(struct batch *b, struct member *m);

/* Notes that `m` leaves its room: of the records from now on it gets those for its next room. Its session gets this
 * batch as a datagram, because a page can name one room alone (chat/outlet.h). There are CHANGES_MAX moves in a batch
 * at most. */
void batch_moves(struct batch *b, struct member *m);

/* Returns the share of `m` in this batch. */
struct share *batch_share(struct batch *b, struct member *m);

/* Returns the index behind the last record that `m` gets. */
uint32_t batch_end_for(const struct batch *b, const struct member *m);

/* The part of the batch that a member gets. */
struct batch_part {
        size_t pieces, bytes, records;
};

/* Returns the part of `m`, which has a share of this batch, and writes the stretches between records that are not for
 * it, in this form, to `iov` unless that is NULL. */
struct batch_part batch_gather(struct batch *b, const struct member *m, enum batch_form form, struct iovec *iov);
