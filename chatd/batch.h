/* One batch: the records that several frames become, and the audience of each record.
 *
 * The records lie one behind another in one buffer. sendmsg() gathers the records for a member from stretches of this
 * buffer, so each member gets the batch in one datagram. For members that lend their clients' connections (lent.h), the
 * same records stand in further buffers as text, one for each look that they want.
 *
 * The audience of a record is a room, everybody, or one member. The batch has a list of the records for each room, and
 * one for everybody. A member gets the list of its room, without its own records. In some cases the records are checked
 * one by one: if the member enters or leaves a room within the batch, gets a record alone, or is the link; and if the
 * batch has records for more than one of its rooms, or for one of them and for everybody. A member that joins gets the
 * records behind its JOIN, and a member that leaves gets the records before its LEAVE. A member that changes rooms gets
 * the records for its old room up to the move, and the records for its new room behind the move. A record for all rooms
 * of its sender has a copy for each of them. A member of several of these rooms gets the first copy alone, and the link
 * gets all. A frame for one member alone (letters.h) has a place among the records.
 *
 * The `share` of a member has all that the batch knows of it. A share from another batch counts as empty. No function
 * here loses a record: each asserts that its caller has checked the room in the batch.
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
        BATCH_STEPS_MAX = 2 * CHANGES_MAX,         /* into rooms and out of them: two for each move */
        BATCH_TEXT_MORE_BYTES = 8,                 /* a record as plain text can be so much longer than in a datagram */
        BATCH_TEXT_BYTES = 2 * DATAGRAM_MAX_BYTES, /* messages of IRC may be longer, and then do not fit */
        BATCH_LETTERS_MAX_BYTES = 128 * 1024,      /* the limit of letters that wait for a lagging member */
};

_Static_assert(BATCH_TEXT_BYTES >= DATAGRAM_MAX_BYTES + BATCH_MAX_RECORDS * BATCH_TEXT_MORE_BYTES,
               "all records of a batch fit as plain text");

/* The forms in which records are written. */
enum batch_form {
        BATCH_DATAGRAM,
        BATCH_LOOK, /* in a look, which is added: enum outlet_look */
        BATCH_FORMS = BATCH_LOOK + OUTLET_LOOKS,
};

/* The records in one look, for the members that lend connections with this look. */
struct batch_text {
        bool is_whole; /* it has all records. Otherwise members with this look get datagrams */
        uint64_t ms;   /* the time that stands in the lines, since 1970 */
        size_t size;
        char bytes[BATCH_TEXT_BYTES];
};

struct batch_record {
        struct {
                uint32_t at, len;
        } place[BATCH_FORMS]; /* where it stands in the buffer, and in each text that is whole */
        uint32_t next_own;    /* the index of the same member's next record plus 1 */
        uint32_t copies;      /* so many copies of it, for other rooms, stand directly before it */
        /* the member that sent it, or NULL; the only member that gets it, or NULL for all of `room` */
        const struct member *from, *to;
        const struct room *room; /* the room that gets it, and so does the link; NULL: everybody */
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
        uint64_t number; /* the number of this batch, counted from 1 on; a share with another number is empty */
        /* the batch's records, for members that lend; `outlet` is NULL if no member is to lend */
        struct lent_batch lent;
        size_t size, count; /* bytes in the buffer, and records */
        size_t entries;     /* records in the buffer, each STYLE among them */
        struct batch_text texts[OUTLET_LOOKS];
        size_t moves_count; /* steps into rooms and out of them */
        size_t stretches_count, audiences_count;
        /* the members with a share of this batch: a chain by share.next, in the order in which they got their shares */
        struct member *first, *last;
        bool has_letters; /* there are frames for one member alone */
        struct batch_record records[BATCH_MAX_RECORDS];
        struct batch_stretch stretches[BATCH_MAX_RECORDS];
        struct batch_audience audiences[BATCH_MAX_RECORDS + 1];
        struct batch_move {
                const struct room *room;
                bool enters;   /* false: it leaves the room */
                uint32_t at;   /* the index of the first record behind this step */
                uint32_t next; /* the index of the same member's next step plus 1; 0: none */
        } moves[BATCH_STEPS_MAX];
        uint8_t buffer[DATAGRAM_MAX_BYTES];
};

/* Begins an empty batch of the chatd of this epoch. The previous batch was consumed. */
void batch_begin(struct batch *b, uint64_t epoch);

/* Returns true if there is nothing to send. */
static inline bool batch_is_empty(const struct batch *b)
{
        return b->count == 0 && !b->has_letters;
}

/* Returns true if the batch has room for so many records, which have `bytes` together in the format of record_encode().
 * A STYLE counts as one more. */
bool batch_has_room_for(const struct batch *b, size_t records, size_t bytes);

/* Append a record. There must be room for it (batch_has_room_for()).
 *
 * A record of `from` for the members of `room`, or for everybody if that is NULL, and for the link. `from` does not get
 * it: */
void batch_add(struct batch *b, struct member *from, struct room *room, const struct record *rec);
/* A copy of a record of `from` for each of its rooms, in an order that the next chatd has, too: a member of several gets
 * the same copy again. If `from` is in no room, the record is for the link alone, or for nobody if `link` is NULL: */
void batch_add_to_rooms_of(struct batch *b, struct member *from, struct member *link, const struct record *rec);
/* A record of no member, for the same audience as batch_add(): */
void batch_add_notice(struct batch *b, struct room *room, const struct record *rec);
/* A record of no member, for the same audience without the link, if there is one: */
void batch_add_here(struct batch *b, const struct member *link, struct room *room, const struct record *rec);
/* For `to` alone; `from`, if it is not NULL, does not get it. The record may name a room. The session of `to` gets this
 * batch as a datagram, because it has to know the sender: */
void batch_add_private(struct batch *b, struct member *from, struct member *to, const struct record *rec);

/* Puts a frame for `to` alone behind the records that were added so far. */
void batch_tell(struct batch *b, struct member *to, const struct frame *f);

/* Puts a frame for `to` alone, followed by `size` bytes of records, behind the records so far. */
void batch_tell_records(struct batch *b, struct member *to, const struct frame *f, const uint8_t *records, size_t size);

/* Drops letters of a lagging member beyond BATCH_LETTERS_MAX_BYTES, and counts them as missed. */
void batch_trim_letters(struct member *m);

/* Notes that the frame `number` of `m` is in the batch: later batches tell `m` that it was relayed. */
void batch_take_number(struct batch *b, struct member *m, uint64_t number);

/* Limit the records that `m` gets: to those that are added from now on, or to those that were added so far. */
void batch_joins(struct batch *b, struct member *m);
void batch_leaves(struct batch *b, struct member *m);

/* Note that `m` enters a room, or leaves it: from now on it gets records for the room, or no more. Its session gets this
 * batch as a datagram, because a page knows no steps within a batch (chat/outlet.h). There are BATCH_STEPS_MAX such steps
 * in a batch at most. */
void batch_enters(struct batch *b, struct member *m, const struct room *room);
void batch_exits(struct batch *b, struct member *m, const struct room *room);

/* Returns the share of `m` in this batch. */
struct share *batch_share(struct batch *b, struct member *m);

/* Returns the index behind the last record that `m` gets. */
uint32_t batch_end_for(const struct batch *b, const struct member *m);

/* The part of the batch that a member gets. */
struct batch_part {
        size_t pieces, bytes, records;
};

/* Returns the part of the batch that `m` gets, which must have a share. Writes the stretches of these records, in this
 * form, to `iov`, unless that is NULL. */
struct batch_part batch_gather(struct batch *b, const struct member *m, enum batch_form form, struct iovec *iov);
