/* One batch: the records that a run of frames becomes, and how each member gets them.
 *
 * The records lie one behind another in one buffer, so a batch is one datagram per member, gathered by sendmsg() from
 * the stretches between that member's own records, which it does not get. A member that joined or left within the batch
 * gets the records behind its JOIN or before its LEAVE. A second buffer has the same records as text for clients, for
 * members that lent their clients' connections (lent.h): they get one write per batch in place of a datagram.
 *
 * A member whose inbox is full is waited for, a bounded moment and all such members together. Then it lags: nothing is
 * relayed to it, the records that it misses are counted, and it is told their number when its inbox has room. So
 * relay_send() returns only when every member has the batch in its inbox, or lags, or is dead: the batch may be
 * consumed.
 *
 * The moment is long enough for a session that waits for a processor. Two rules keep the cost for other members low:
 * - A member that was waited for in vain is on probation: it is not waited for again before it has not lagged for that
 *   long. Each probation is twice as long as the last one, up to a maximum. The next one is the shortest again for a
 *   member that did not lag for two of the longest. (Two of its own last one were too few: lagging every 20 s would
 *   cost other members more than lagging all the time.)
 * - All members share one patience. The part of each wait that is longer than a short moment is taken from the
 *   patience, and a tenth of the time that passes is added again; the short moment is there for every member. So
 *   members that lag in turn, or always find room at the last moment, cost a tenth of the time and the short moments,
 *   however many they are.
 *
 * A session that got a datagram has to write it out before chatd may write to its client again. Under load the next
 * batch always comes before that, so such a session would never sleep again. Therefore sessions that are behind are
 * waited for, now and then, for a short moment that is a small part of the time, after every other member has the
 * batch. This excludes sessions whose client is slow, or that were waited for in vain.
 *
 * A frame for one member alone, such as an answer, has a place among the records: its member gets the batch as several
 * datagrams, with the frame between the records before and behind it. If the member lags, such frames wait for it, and
 * come behind the notice of how much it missed; too many of them count as missed as well.
 *
 * A record is for a room, for everybody, or for one member alone. While all records of a batch are for one room, or for
 * everybody, a member gets all of them but its own; else each record is checked for each member. A record that only one
 * member gets is a datagram of its own. A member that goes to another room within the batch gets the records for its
 * first room before that, and those for the other room behind it.
 *
 * The link to other hosts (LINK_ID) also lags while its inbox is gone, because it will have another inbox.
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
        RELAY_PATIENCE_SHARE = 10, /* of this many ms that pass, one ms of patience is added again */
        RELAY_FREE_MS = 50,        /* the part of each wait that costs no patience */
        RELAY_PROBATION_MIN_MS = 10 * 1000,
        RELAY_PROBATION_MAX_MS = 640 * 1000,
        RELAY_FORGIVEN_MS = 2 * RELAY_PROBATION_MAX_MS,
        RELAY_CATCH_UP_MS = 20,               /* how long members that lend are waited for */
        RELAY_CATCH_UP_SHARE = 50,            /* one in this many ms is spent on that wait */
        RELAY_TEXT_MORE_BYTES = 8,            /* how much longer a record can be as text than in a datagram */
        RELAY_LETTERS_MAX_BYTES = 128 * 1024, /* of letters to a lagging member, which wait for it */
};

/* The forms in which records are written. */
enum relay_form {
        RELAY_DATAGRAM,
        RELAY_TEXT,
        RELAY_FORMS,
};

struct relay_record {
        struct {
                uint32_t at, len;
        } place[RELAY_FORMS];
        uint32_t next_own; /* the index of the same member's next record plus 1 */
        /* the member that it is of, or NULL; the only member that gets it, or NULL for all of `room` */
        const struct member *from, *to;
        const struct room *room; /* the room that gets it, together with the link; NULL: everybody */
};

struct relay {
        uint64_t epoch;
        int64_t catch_up_ms; /* when members that lend may be waited for again, CLOCK_MONOTONIC */
        int64_t patient_ms;  /* when the patience is complete again, CLOCK_MONOTONIC */
        bool wrote;          /* chatd wrote to a client since lending_wake() last looked */
        uint64_t batches;    /* batches of this epoch so far */
        uint64_t delivered;  /* records sent so far: each counts once for each receiver */
        uint64_t missed;     /* records not sent so far because the receiver lagged */
        /* the batch's records, for members that lend; `shared` is NULL if no member is to lend */
        struct lent_batch lent;
        size_t size, text_size, count; /* bytes in the buffers, and records */
        size_t moves_count;            /* how many moves from one room to another */
        const struct room *room;       /* the room that all records are for; NULL: everybody, or `mixed` */
        bool mixed;                    /* the records have different receivers */
        bool tells;                    /* there are frames for one member alone */
        struct relay_record records[BATCH_MAX_RECORDS];
        struct relay_move {
                const struct room *left;
                uint32_t at;   /* records from this index on are for its next room */
                uint32_t next; /* the index of the same member's next move plus 1; 0: none */
        } moves[CHANGES_MAX];
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        char text[DATAGRAM_MAX_BYTES + BATCH_MAX_RECORDS * RELAY_TEXT_MORE_BYTES];
};

/* Begins an empty batch for all members. */
void relay_begin(struct relay *r, const struct roster *roster);

/* Returns true if this many records fit, which are `bytes` long together in the format of record_encode(). */
bool relay_has_room_for(const struct relay *r, size_t records, size_t bytes);

/* Appends a record of `from`, which does not get it, for the members of `room`, or with NULL for everybody, and for the
 * link. Returns 0, or -ENOBUFS if the batch is full or the record is too large for any batch. */
int relay_add(struct relay *r, struct member *from, const struct room *room, const struct record *rec);

/* Appends a record that is no member's, for `room` as in relay_add(). Returns the same. */
int relay_add_notice(struct relay *r, const struct room *room, const struct record *rec);

/* Appends a record that is no member's, as relay_add_notice() does, but not for the link, if there is one. Returns the
 * same as relay_add(). */
int relay_add_here(struct relay *r, const struct member *link, const struct room *room, const struct record *rec);

/* Appends a record for `to` alone; `from`, if it is not NULL, does not get it. Returns the same as relay_add(). The
 * session of `to` gets this batch as a datagram, because it has to know the sender. */
int relay_add_private(struct relay *r, struct member *from, struct member *to, const struct record *rec);

/* Puts a frame for `to` alone behind the records that were added so far. Returns 0 or -ENOMEM. */
int relay_tell(struct relay *r, struct member *to, const struct frame *f);

/* Puts a frame for `to` alone, followed by `size` bytes of records, behind the records so far. Returns 0 or -ENOMEM. */
int relay_tell_records(struct relay *r, struct member *to, const struct frame *f, const uint8_t *records, size_t size);

/* Make `m` get only records that are added from now on, or only those that were added so far. */
void relay_joins(const struct relay *r, struct member *m);
void relay_leaves(const struct relay *r, struct member *m);

/* Notes that `m` leaves its room: of the records from now on it gets those for its next room. Its session gets this
 * batch as a datagram, because a page can name one room alone (chat/outlet.h). There are CHANGES_MAX moves in a batch
 * at most. */
void relay_moves(struct relay *r, struct member *m);

/* Sends the batch to every member that it is for. Marks members as lagging (and notes it) or dead. Blocks for a bounded
 * moment (see the top of this file). */
void relay_send(struct relay *r, struct roster *roster);

/* Tells the lagging member `m`, whose inbox may have room, how much it missed, and sends the letters that waited: then
 * records are relayed to it again. Marks it dead if its inbox is gone; the link lags on in that case. */
void relay_resume(const struct relay *r, const struct roster *roster, struct member *m);

/* Tells `m` that its lines went to everybody, if it does not know that yet. Returns true if it knows. */
bool relay_confirm(const struct relay *r, struct member *m);
