/* A session's outlet: the connection of its client, as the session lends it to chatd.
 *
 * A datagram wakes a process for each line and each client, and that is most of what a line costs. So a session whose
 * client is on TCP lends chatd the connection, and chatd writes to it while the session sleeps. The session itself
 * handles everything unusual: input from its client, and a client that does not take everything at once.
 *
 * Both sides follow these rules:
 *
 * - Only the side that has the `turn` writes to the connection. Neither waits for the turn: if the session has it,
 *   chatd sends a datagram, as to any other session.
 * - chatd writes only when the session has taken all datagrams and written them out (`taken`). Otherwise the lines of
 *   chatd would overtake the lines in those datagrams.
 * - Before chatd writes, it notes which records it writes (`batch`, `from`, `to`), and how many bytes the connection
 *   has taken so far (`at`). The kernel counts the bytes that a connection takes. If chatd dies while it writes, or if
 *   the client does not take everything, the turn stays OUTLET_WRITING. The session then asks the kernel for the number
 *   of bytes, so it knows which records its client has, and how much of the last one. The session drops those records
 *   when they are relayed again, and completes the last one.
 *
 * chatd wakes no session after it wrote. A client that vanished is found by its session, which looks now and then if
 * chatd wrote something, and if the client acknowledged that (chat-session/liveness.h).
 *
 * Each session has a page for it, which it shares with chatd alone. One description of the batch serves all sessions;
 * only chatd writes it. A session can spoil its own page, and with it what its own client sees, and nothing else.
 *
 * chatd asks for the connection (FRAME_LEND, with three descriptors: enum lend_fds). The session answers with
 * FRAME_OUTLET and its client's connection on the socket that came along, or closes that socket. A loan holds for one
 * chatd: the next chatd has to ask again.
 *
 * Turns. These are all changes of `turn`; lent.c and outlet.c have them.
 *
 *   from      to        by       when
 *   -         SESSION   chatd    it makes the page: lent_ask()
 *   SESSION   FREE      session  its client has taken all output: outlet_release(); so from SLOW and KEPT
 *   FREE      SESSION   session  it has something to write: outlet_claim()
 *   SESSION   SLOW      session  its client does not take all of it: outlet_is_slow()
 *   SESSION   KEPT      session  its client's view has changed: outlet_keep(); so from SLOW
 *   FREE      CHATD     chatd    it has a batch to write: lent_write()
 *   CHATD     FREE      chatd    the session has datagrams to write first: `taken` is behind
 *   CHATD     WRITING   chatd    it has noted what it is about to write
 *   WRITING   FREE      chatd    the client has taken all of it
 *   WRITING   SESSION   session  a datagram came, and the client had taken a part or nothing: outlet_settle()
 *
 * If chatd is killed, the turn stays as it is until the first datagram of the next chatd. Then the session reads the
 * page a last time (outlet_end()), and the connection is its own. CHATD says that nothing of the noted records was
 * written; WRITING, that as many bytes were as the connection has taken behind `at`; each other turn, that all of them
 * were.
 *
 * Memory orders. There is one pair, and it makes the turn a lock:
 *
 * - FREE is stored with release, and whoever takes the turn exchanges FREE with acquire. So each side's writes to the
 *   connection come behind those of the other side, and chatd finds `taken` and `written` as they were when the session
 *   let go. chatd stores FREE with release also when it has written nothing: it passes on what it got from the session.
 *
 * All other loads and stores are relaxed:
 *
 * - The fields that chatd notes are read by the session behind a datagram: that of the chatd that gave up a write, or
 *   the first one of the chatd after it. The kernel hands it over behind all that its sender did, or behind the death
 *   of the sender before it.
 * - SESSION, SLOW and KEPT keep chatd out, and tell it nothing else.
 * - `relayed`, `lines_out`, and `taken` without the turn are numbers by themselves. An old value does no harm: then
 *   chatd sends a datagram in place of a write.
 *
 * Neither side waits for a store of the other one: the session tries again after a while (`retry_ms`), and chatd does
 * not wait at all. So no order between a store and a later load is needed, which x86 would not give either.
 *
 * Two more orders are for a kill. A killed process has made all its stores up to some instruction, so the processor
 * does not matter, but the compiler does:
 *
 * - WRITING is stored with release: what is noted, and the number of the batch, come before it. The write itself is a
 *   system call, which nothing passes.
 * - A fence for the compiler keeps records of a batch behind the number 0 (outlet_batch_begin()).
 *
 * tests/unit/test-outlet-model.c tries all orders of the steps of both sides with kills at each of them, and shows that
 * none of these orders can be left out.
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

/* Most accesses are relaxed. The head of this file says which ones are not. */
#define outlet_load(field) atomic_load_explicit((field), memory_order_relaxed)
#define outlet_store(field, value) atomic_store_explicit((field), (value), memory_order_relaxed)

/* Each field has one writer, except for the turn. */
struct outlet_page {
        _Atomic uint32_t turn; /* an enum outlet_turn. Both write and read it */

        /* The session writes these, and chatd reads them. */
        _Atomic uint64_t taken; /* datagrams since LEND that the session has taken and whose lines its client has */
        /* bytes that the session wrote to the connection, in addition to chatd's; changes while it has the turn */
        _Atomic uint64_t written;

        /* chatd writes these at any time, and the session reads them at any time. */
        /* the session's own lines up to this number went to everybody, as with FRAME_RELAYED */
        _Atomic uint64_t relayed;
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
