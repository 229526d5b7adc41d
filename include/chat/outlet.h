/* A session's outlet: the connection of its client, as the session lends it to chatd.
 *
 * A session whose client is on TCP lends chatd the connection, and chatd writes to it while the session sleeps. Each
 * session shares a page about it with chatd alone; a session can spoil its own page, and with it only what its own
 * client sees. One description of the batch serves all sessions; only chatd writes it.
 *
 * - Only the side that has the `turn` writes to the connection. Neither waits for the turn: if the session has it,
 *   chatd sends a datagram.
 * - chatd writes only when the session has written out all datagrams (`datagrams`): its lines must not overtake them.
 * - Before chatd writes, it notes which records it writes, and how many bytes the connection has taken so far (`at`).
 *   If it dies or the client does not take everything, the turn stays OUTLET_WRITING, and the session asks the kernel
 *   how many bytes the connection took: it drops the records that its client has, and completes the last one.
 * - chatd wakes no session after it wrote. A client that vanished is found by its session, which looks now and then if
 *   chatd wrote something, and if the client acknowledged that (chat-session/liveness.h).
 *
 * A loan holds for one chatd. chatd asks for the connection by FRAME_LEND with three descriptors (enum lend_fds), and
 * the session answers with FRAME_OUTLET and the connection, or closes the socket for the answer.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "record.h"

/* The number of the layout: of the structures below, of how lines look (display.h), and of the rules above. LEND states
 * it, and a session that was built with another number does not lend. Count it up with each change of these. (Since 6 a
 * session looks by itself if chatd wrote; before, chatd woke it.) */
enum { OUTLET_LAYOUT = 6 };

/* The descriptors that come with LEND, in this order. */
enum lend_fds {
        LENT_PAGE,  /* struct outlet_page, in memory of its own: memfd_create(2) */
        LENT_BATCH, /* struct outlet_batch, which the session only reads */
        LENT_REPLY, /* the socket for OUTLET, of type SOCK_SEQPACKET */
        LENT_FDS,
};

#define OUTLET_PRIVATE UINT32_MAX

/* The side that may write. These are all changes; lent.c and outlet.c have them.
 *
 *   from      to        by       when
 *   -         SESSION   chatd    it makes the page: lent_ask()
 *   SESSION   FREE      session  its client has taken all output: loan_release(); so from SLOW and KEPT
 *   FREE      SESSION   session  it has something to write: loan_claim()
 *   SESSION   SLOW      session  its client does not take all of it: loan_is_slow()
 *   SESSION   KEPT      session  its client's view has changed: loan_keep(); so from SLOW
 *   FREE      CHATD     chatd    it has a batch to write: lent_write()
 *   CHATD     FREE      chatd    the session has datagrams to write first: `datagrams` is too low
 *   CHATD     WRITING   chatd    it has noted what it is about to write
 *   WRITING   FREE      chatd    the client has taken all of it
 *   WRITING   SESSION   session  a datagram came, and the client had taken a part or nothing: loan_settle()
 *
 * If chatd is killed, the turn stays until the first datagram of the next chatd. Then the session reads the page a last
 * time (loan_end()), and the connection is its own. CHATD says that nothing of the noted records was written;
 * WRITING, that as many bytes were as the connection has taken behind `at`; each other turn, that all of them were. */
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
 * All other accesses are relaxed. The session reads what chatd notes only behind a datagram, which the kernel hands
 * over behind all that its sender did, or behind the death of the sender before it. SESSION, SLOW and KEPT only keep
 * chatd out. An old value of `relayed_number`, `lines_out` or `datagrams` does no harm: chatd then sends a datagram in
 * place of a write. Neither side waits for a store of the other, so no order between a store and a later load is
 * needed.
 *
 * Two orders are for a kill, which stops a process between two instructions. They bind the compiler alone: WRITING is
 * stored with release, so that what is noted comes before it; and a fence keeps records behind the number 0
 * (outlet_batch_begin()).
 *
 * tests/unit/test-outlet-model.c tries all orders of the steps of both sides, with kills at each step, and shows that
 * no order can be left out. */
#define outlet_load(field) atomic_load_explicit((field), memory_order_relaxed)
#define outlet_store(field, value) atomic_store_explicit((field), (value), memory_order_relaxed)

/* Each field has one writer, except for the turn. */
struct outlet_page {
        _Atomic uint32_t turn; /* an enum outlet_turn. Both write and read it */

        /* The session writes these, and chatd reads them. */
        _Atomic uint64_t datagrams; /* datagrams since LEND that the session has taken and whose lines its client has */
        /* bytes that the session wrote to the connection, in addition to chatd's; changes while it has the turn */
        _Atomic uint64_t session_bytes;

        /* chatd writes these at any time, and the session reads them at any time. */
        /* the session's own lines up to this number went to everybody, as with FRAME_RELAYED */
        _Atomic uint64_t relayed_number;
        /* lines that chatd wrote, without those of a write that it gave up or did not outlive; for the log */
        _Atomic uint64_t lines_out;

        /* chatd writes these in OUTLET_CHATD, and the session reads them when it settles or ends a write. */
        _Atomic uint64_t at;    /* bytes that the connection had taken before chatd began to write */
        _Atomic uint64_t batch; /* the number of the batch whose records are being written; also read at any time */
        /* the records being written: indexes from `from` to before `to`, except the session's own */
        _Atomic uint32_t from, to;
        _Atomic uint32_t bytes; /* the bytes of these records together */
        _Atomic uint32_t room;  /* the client's room: records for another room are left out */
};

/* The records of the batch that is being relayed. chatd alone writes them. They outlive it in each process that has
 * mapped them, and sessions read them only then. */
struct outlet_batch {
        _Atomic uint64_t number; /* counts batches from 1; 0 while chatd puts the records in */
        struct outlet_record {
                uint64_t id, number;
                uint32_t bytes; /* as shown; OUTLET_PRIVATE for a record that chatd writes to no connection */
                uint32_t room;  /* the room that the record is for; 0: everybody */
        } records[BATCH_MAX_RECORDS];
};

/* Says, before records are put in, that those of the batch before are not complete any more. The fence keeps the
 * compiler from putting a record in earlier. */
static inline void outlet_batch_begin(struct outlet_batch *b)
{
        outlet_store(&b->number, 0);
        atomic_signal_fence(memory_order_release);
}

/* Says that the records of this batch are complete. */
static inline void outlet_batch_end(struct outlet_batch *b, uint64_t number)
{
        outlet_store(&b->number, number);
}
