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
 * Each session has a page for it, which it shares with chatd alone. One description of the batch serves all sessions;
 * only chatd writes it. A session can spoil its own page, and with it what its own client sees, and nothing else.
 *
 * chatd asks for the connection (FRAME_LEND, with three descriptors: enum lend_fds). The session answers with
 * FRAME_OUTLET and its client's connection on the socket that came along, or closes that socket. A loan holds for one
 * chatd: the next chatd has to ask again.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "record.h"

/* The number of the layout: of the structures below and of how lines look (display.h). LEND states it, and a session
 * that was built with another number does not lend. Count it up with each change of either. */
enum { OUTLET_LAYOUT = 5 };

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

struct outlet_page {
        _Atomic uint32_t turn; /* an enum outlet_turn */
        /* The session writes these: */
        _Atomic uint64_t taken; /* datagrams since LEND that the session has taken and whose lines its client has */
        /* bytes that the session wrote to the connection, in addition to chatd's; changes while it has the turn */
        _Atomic uint64_t written;
        /* chatd writes these: */
        /* the session's own lines up to this number went to everybody, as with FRAME_RELAYED */
        _Atomic uint64_t relayed;
        _Atomic uint64_t lines_out; /* lines that chatd wrote while the turn was FREE */
        _Atomic uint64_t at;        /* bytes that the connection had taken before chatd began to write */
        _Atomic uint64_t batch;     /* the number of the batch whose records are being written */
        /* the records being written: indexes from `from` to before `to`, except the session's own */
        _Atomic uint32_t from, to;
        _Atomic uint32_t bytes; /* the bytes of these records together */
        _Atomic uint32_t room;  /* the client's room: records for another room are left out */
};

/* The records of the batch that is being relayed. They outlive chatd in each process that has mapped them. */
struct outlet_batch {
        _Atomic uint64_t number; /* counts batches from 1; 0 while chatd puts the records in */
        struct outlet_record {
                uint64_t id, number;
                uint32_t bytes; /* as shown; OUTLET_PRIVATE for a record that chatd writes to no connection */
                uint32_t room;  /* the room that the record is for; 0: everybody */
        } records[BATCH_MAX_RECORDS];
};
