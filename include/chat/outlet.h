/* The outlet of a session: the page that it shares with chatd while it lends chatd its client's connection.
 *
 * A session whose client is on TCP lends chatd the connection, and chatd writes to it while the session sleeps. Each
 * session has a page of its own. If a session spoils its page, only its own client is affected. All sessions share one
 * description of the batch, which only chatd writes.
 *
 * - Only the side that has the `turn` writes to the connection. Neither side waits for the turn: if the session has it,
 *   chatd sends a datagram instead.
 * - chatd writes only when the session has written out all datagrams (`datagrams`), because chatd's lines must not
 *   overtake them.
 * - Before chatd writes, it notes which records it writes, and how many bytes the connection has taken so far (`at`).
 *   If chatd dies, or the client does not take everything, the turn stays OUTLET_WRITING. Then the session asks the
 *   kernel how many bytes the connection took. It drops the records that its client has, and completes the last one.
 * - chatd does not wake a session after it wrote. The session has to notice that its client vanished. So it looks now
 *   and then if chatd wrote something, and if the client acknowledged that (chat-session/liveness.h).
 *
 * A loan is valid for one chatd. chatd asks for the connection by FRAME_LEND with three descriptors (enum lend_fds).
 * The session answers with FRAME_OUTLET and the connection, or declines by closing the socket for the answer.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "names.h"
#include "record.h"

/* The version of the structures below, of the rules above, and of how lines look (display.h; chat-irc/line.h, nick.h and
 * message.h; chat-web/form.h and object.h). Increase it with each change of these. LEND states the number, and a session that was built with another
 * number does not lend. (Since 6 a session looks by itself if chatd wrote; before, chatd woke it.) */
enum { OUTLET_LAYOUT = 10 };

/* The descriptors that come with LEND, in this order. */
enum lend_fds {
        LENT_PAGE,  /* struct outlet_page, in memory of its own: memfd_create(2) */
        LENT_BATCH, /* struct outlet_batch, which the session only reads */
        LENT_REPLY, /* the socket for OUTLET, of type SOCK_SEQPACKET */
        LENT_FDS,
};

/* How lines look to a client. */
enum outlet_look {
        OUTLET_TEXT,    /* as chat/display.h writes them */
        OUTLET_JSON,    /* as chat-web/form.h writes them, in lines */
        OUTLET_MESSAGE, /* the same in messages of a WebSocket */
        OUTLET_IRC,     /* as chat-irc/line.h writes them; the flags of the form are added */
        OUTLET_LOOKS = OUTLET_IRC + 8,
        OUTLET_NO_LOOK = OUTLET_LOOKS, /* in no look that chatd knows */
};

enum {
        OUTLET_SERVER_BYTES = 64,     /* the name of an IRC server, with a NUL */
        OUTLET_LINE_MAX_BYTES = 8192, /* chatd writes no record that is longer in the look of the client */
};

#define OUTLET_PRIVATE UINT32_MAX /* the room of a record that chatd writes to no connection */

/* The side that may write. These are all changes; chatd/lent.c and chat-session/loan.c make them.
 *
 *   from      to        by       when
 *   -         SESSION   chatd    it makes the page: lent_ask()
 *   SESSION   FREE      session  its client has taken all output: loan_release(); also from SLOW and KEPT
 *   FREE      SESSION   session  it has something to write: loan_claim()
 *   SESSION   SLOW      session  its client does not take all of it: loan_is_slow()
 *   SESSION   KEPT      session  its client wants another look now: loan_keep(); also from SLOW
 *   FREE      CHATD     chatd    it has a batch to write: lent_prepare()
 *   CHATD     FREE      chatd    the session has datagrams to write first: `datagrams` is too low
 *   CHATD     WRITING   chatd    it has noted what it is about to write: lent_write()
 *   WRITING   FREE      chatd    the client has taken all of it
 *   WRITING   SESSION   session  a datagram came, and the client had taken a part or nothing: loan_settle()
 *
 * If chatd is killed, the turn stays as it is until the first datagram of the next chatd. Then the session reads the
 * page a last time (loan_end()), and the connection is its own again. The turn tells how much of the noted records was
 * written. CHATD: nothing. WRITING: the bytes that the connection has taken behind `at`. Any other turn: all of
 * them. */
enum outlet_turn {
        OUTLET_FREE,  /* either side may take the turn */
        OUTLET_CHATD, /* chatd has the turn, and has written nothing */
        /* chatd is writing the noted records; or it died while writing; or it could not write all and has sent a
         * datagram */
        OUTLET_WRITING,
        OUTLET_SESSION, /* the session has the turn, as it does at the beginning */
        OUTLET_SLOW,    /* the session has the turn, and its client does not take what it writes */
        OUTLET_KEPT,    /* the session keeps the turn, because its client wants lines to look different from chatd's */
};

/* Memory orders. One pair makes the turn a lock: FREE is stored with release, and the side that takes the turn
 * exchanges FREE with acquire. So each side's writes to the connection come behind those of the other side, and chatd
 * finds `datagrams` and `session_bytes` as they were when the session released the turn. chatd stores FREE with release
 * also when it has written nothing, because it passes on what it got from the session.
 *
 * All other accesses are relaxed. The session reads chatd's notes only after a datagram. If it is from the chatd that
 * wrote the notes, the kernel delivers it after all that chatd did before. If it is from the next chatd, the first one
 * is dead. SESSION, SLOW and KEPT only keep chatd out. An old value of `relayed_number`, `lines_out` or `datagrams`
 * does no harm: chatd then sends a datagram in place of a write. Neither side waits for a store of the other, so no
 * order between a store and a later load is needed.
 *
 * Two more orders are for a kill, which stops a process between two instructions. They bind the compiler alone. WRITING
 * is stored with release, so that the notes come before it. A fence keeps records behind the number 0
 * (outlet_batch_begin()).
 *
 * tests/unit/test-outlet-model.c tries all orders of the steps of both sides, with kills at each step, and shows that
 * no order can be left out. */
#define outlet_load(field) atomic_load_explicit((field), memory_order_relaxed)
#define outlet_store(field, value) atomic_store_explicit((field), (value), memory_order_relaxed)

/* Each field has one writer, except for the turn. */
struct outlet_page {
        _Atomic uint32_t turn; /* an enum outlet_turn; both sides write and read it */

        /* The session writes these, and chatd reads them. */
        _Atomic uint64_t datagrams; /* datagrams since LEND that the session has taken and whose lines its client has */
        /* bytes that the session, not chatd, wrote to the connection; changes only while it has the turn */
        _Atomic uint64_t session_bytes;

        /* chatd writes these at any time, and the session reads them at any time. */
        /* the session's own lines up to this number went to everybody, as with FRAME_RELAYED */
        _Atomic uint64_t relayed_number;
        /* lines that chatd wrote; for the log. Writes that chatd gave up, or during which it died, do not count */
        _Atomic uint64_t lines_out;

        /* chatd writes these in OUTLET_CHATD, and the session reads them when it settles or ends a write. */
        _Atomic uint64_t at;    /* bytes that the connection had taken before chatd began to write */
        _Atomic uint64_t batch; /* the number of the batch whose records are being written; also read at any time */
        /* the records being written: indexes from `from` to before `to`, except the session's own, those for other rooms
         * and members, and all copies but the first for one of its rooms */
        _Atomic uint32_t from, to;
        _Atomic uint32_t bytes; /* the bytes of these records together */
        _Atomic uint64_t ms;    /* the time that stands in them, since 1970 */
        /* the client's rooms, and a 0 behind the last: records for other rooms are left out */
        _Atomic uint32_t rooms[MEMBER_ROOMS_MAX + 1];

        /* The session writes these before it answers LEND, and chatd reads them then. */
        volatile uint32_t look;           /* enum outlet_look; chatd reads it once, as it may change */
        char server[OUTLET_SERVER_BYTES]; /* with OUTLET_IRC: the server that the lines name */
};

/* The records of the batch that is being relayed. Only chatd writes them. They outlive chatd in each process that has
 * mapped them, and sessions read them only when chatd is dead. */
struct outlet_batch {
        _Atomic uint64_t number; /* counts batches from 1; 0 while chatd puts the records in */
        struct outlet_record {
                uint64_t id, key;             /* see record_key() */
                uint32_t bytes[OUTLET_LOOKS]; /* in each look that a client has */
                uint32_t room;                /* the room that the record is for; 0: everybody; or OUTLET_PRIVATE */
                uint32_t copies;              /* so many copies, for other rooms, stand directly before it */
        } records[BATCH_MAX_RECORDS];
};

/* Marks the records as incomplete. Called before the first record of a batch is put in: the fence keeps the compiler
 * from putting a record in earlier. */
static inline void outlet_batch_begin(struct outlet_batch *b)
{
        outlet_store(&b->number, 0);
        atomic_signal_fence(memory_order_release);
}

/* Marks the records as those of batch `number`, and complete. */
static inline void outlet_batch_end(struct outlet_batch *b, uint64_t number)
{
        outlet_store(&b->number, number);
}
