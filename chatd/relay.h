/* One batch: the records that a run of frames becomes, and how each member gets them.
 *
 * The records lie one behind another in one buffer, so a batch is one datagram per member, gathered by sendmsg() from
 * the stretches between that member's own records, which it does not get. A member that joined or left within the
 * batch gets what lies behind its JOIN or before its LEAVE. A second buffer has the same records as people see them,
 * for members that lent their clients' connections (lent.h): they get one write per batch in place of a datagram.
 *
 * A member whose inbox is full is waited for, a bounded moment and all such members together; then it lags: it is
 * relayed nothing, what it misses is counted, and it is told how much once it has room. So relay_send() returns only
 * when every member has the batch in its inbox, or lags, or is dead: the batch may be consumed.
 *
 * The moment is long enough for a session that waits for a processor. What keeps it from costing the others much:
 * - A member that was waited for in vain is on probation: it is not waited for again before it has not lagged for that
 *   long. Each probation is twice as long as the last one, up to a maximum, and the first is the shortest again for who
 *   did not lag for two of the longest. (Two of its own last one were too few: lagging every 20 s would cost the others
 *   more than lagging all the time.)
 * - All have one patience between them. Of each wait, what is longer than a short moment is gone from it, and a tenth
 *   of the time that passes comes back; the short moment is there for everybody. So members that lag in turn, or always
 *   find room at the last moment, cost a tenth of the time and the short moments, however many they are.
 *
 * A session that got a datagram has to write it out before chatd may write to its client again. Under load the next
 * batch is always there first, so that such a session would never sleep again. Therefore those who are behind are
 * waited for, now and then, a short moment that is a small part of the time, after everybody else has the batch; not
 * those whose client is slow, or who were waited for in vain.
 *
 * A frame for one member alone, as an answer is, has its place among the records: its member gets the batch as several
 * datagrams, with that frame between those behind which and in front of which it was put. Where the member lags, such
 * frames wait for it, and come behind the notice of how much it missed; too many of them count as missed as well.
 *
 * A record is for a room, for everybody, or for one member alone. While a batch is for one room, or for everybody, a
 * member gets all of it but its own; else each record is asked whether it is for that member. What only one member
 * gets goes as a datagram alone. A member that goes to another room within the batch gets what is for its room before
 * that, and what is for the other one behind it.
 *
 * The link to other hosts (LINK_ID) lags as well while its inbox is gone, because it will have another one.
 *
 * Owns the buffer; borrows the members.
 */
#pragma once

#include <stdint.h>

#include <chat/record.h>

#include "changes.h"
#include "roster.h"

enum {
        RELAY_PATIENCE_MS = 500,
        RELAY_PATIENCE_SHARE = 10, /* in so many ms, one of patience comes back */
        RELAY_FREE_MS = 50,        /* of each wait */
        RELAY_PROBATION_MIN_MS = 10 * 1000,
        RELAY_PROBATION_MAX_MS = 640 * 1000,
        RELAY_FORGIVEN_MS = 2 * RELAY_PROBATION_MAX_MS,
        RELAY_CATCH_UP_MS = 20,               /* how long members that lend are waited for … */
        RELAY_CATCH_UP_SHARE = 50,            /* … of so many ms one */
        RELAY_TEXT_MORE_BYTES = 8,            /* so much longer a record can be as text than in a datagram, at most */
        RELAY_LETTERS_MAX_BYTES = 128 * 1024, /* of answers to a member that lags, which wait for it */
};

/* What records are written as. */
enum relay_form {
        RELAY_DATAGRAM,
        RELAY_TEXT,
        RELAY_FORMS,
};

struct relay_record {
        struct {
                uint32_t at, len;
        } place[RELAY_FORMS];
        uint32_t next_own;              /* the same member's next record: index plus 1 */
        const struct member *from, *to; /* whose it is; who alone gets it. NULL: nobody's, and all of … */
        const struct room *room;        /* … this room, and the link. NULL: everybody */
};

struct relay {
        uint64_t epoch;
        int64_t catch_up_ms;    /* when members that lend may be waited for again, CLOCK_MONOTONIC */
        int64_t patient_ms;     /* when all patience is there again, CLOCK_MONOTONIC */
        bool wrote;             /* to a client, since lending_wake() looked */
        uint64_t batches;       /* so far; of this epoch */
        uint64_t delivered;     /* records that were sent, so far: each counts once for each receiver */
        uint64_t missed;        /* records that were not sent, so far, as the receiver lagged */
        struct lent_batch lent; /* the batch's records, for members that lend; `shared` is NULL where nobody is to */
        size_t size, text_size, count; /* bytes in the buffers, and records */
        size_t moves_count;            /* from one room to another */
        const struct room *room;       /* that all records are for; NULL: everybody … */
        bool mixed;                    /* … or they are not for the same people */
        bool tells;                    /* there are frames for one member alone */
        struct relay_record records[BATCH_MAX_RECORDS];
        struct relay_move {
                const struct room *left;
                uint32_t at;   /* records from this index on, its member gets as one who is elsewhere */
                uint32_t next; /* of the same member: its index plus 1; 0: none */
        } moves[CHANGES_MAX];
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        char text[DATAGRAM_MAX_BYTES + BATCH_MAX_RECORDS * RELAY_TEXT_MORE_BYTES];
};

/* Begins an empty batch for all members. */
void relay_begin(struct relay *r, const struct roster *roster);

/* Whether this many records fit, which are `bytes` long together, as record_encode() writes them. */
bool relay_has_room_for(const struct relay *r, size_t records, size_t bytes);

/* Appends a record of `from`, which does not get it, for the people in `room`, or with NULL for everybody, and for the
 * link. Returns 0, or -ENOBUFS where the batch is full or the record is larger than any. */
int relay_add(struct relay *r, struct member *from, const struct room *room, const struct record *rec);

/* … that is nobody's. */
int relay_add_notice(struct relay *r, const struct room *room, const struct record *rec);

/* … that the link, if there is one, does not get. */
int relay_add_here(struct relay *r, const struct member *link, const struct room *room, const struct record *rec);

/* … that is for `to` alone; `from`, if it is somebody's, does not get it. Its session gets this batch as a datagram,
 * because it has to know who wrote that. */
int relay_add_private(struct relay *r, struct member *from, struct member *to, const struct record *rec);

/* Puts a frame for `to` alone behind the records that were added so far. Returns 0 or -ENOMEM. */
int relay_tell(struct relay *r, struct member *to, const struct frame *f);

/* … that is followed by `size` bytes of records. */
int relay_tell_records(struct relay *r, struct member *to, const struct frame *f, const uint8_t *records, size_t size);

/* `m` gets only what is added from now on, or what was added so far. */
void relay_joins(const struct relay *r, struct member *m);
void relay_leaves(const struct relay *r, struct member *m);

/* `m` leaves its room: of what is added from now on it gets what is for another one, in which it is from now on. Its
 * session gets this batch as a datagram, because a page can name one room alone (chat/outlet.h). There are no more than
 * CHANGES_MAX in a batch. */
void relay_moves(struct relay *r, struct member *m);

/* Sends the batch to every member it is for. Marks members as lagging (and notes it) or dead. Blocks for a bounded
 * moment (see above). */
void relay_send(struct relay *r, struct roster *roster);

/* The inbox of the lagging member `m` may have room: tells it what it missed, and what waited for it, and it is relayed
 * to again. Marks it dead where its inbox is gone; the link lags on then. */
void relay_resume(const struct relay *r, const struct roster *roster, struct member *m);

/* Tells `m` that its lines went to everybody, where it does not know that yet. Returns whether it knows. */
bool relay_confirm(const struct relay *r, struct member *m);
