/* A session's outlet: the connection of its client, as the session lends it to chatd.
 *
 * A datagram wakes a process for each line and each client, and that is most of what a line costs. So a session whose
 * client is on TCP lends chatd the connection, and chatd writes there itself while the session sleeps. Whatever is out
 * of the ordinary stays with the session: what its client types, and a client that does not take everything at once.
 *
 * Both keep to this:
 *
 * - Only who has the `turn` writes to the connection. Nobody waits for it: chatd, finding that it is the session's,
 *   sends a datagram as to anybody else.
 * - chatd writes only when all datagrams that it sent have been taken and written out (`taken`). Else what is in there
 *   would be overtaken.
 * - Before it writes, chatd notes which records (`batch`, `from`, `to`), and how many bytes went to the client before
 *   (`at`). The kernel counts what a connection takes. Where chatd dies while it writes, or the client does not take
 *   everything, the turn stays OUTLET_WRITING; the session asks the kernel how many bytes it were, so it knows which
 *   records its client has, and of which one how much. It drops those when they are relayed again, and completes that
 *   one.
 *
 * Each session has a page for it, which it shares with chatd alone. What a batch is made of stands in one place for
 * all, which chatd alone writes. A session can spoil its own page, and with it what its own client sees.
 *
 * chatd asks (FRAME_LEND, with three descriptors: enum lend_fds); the session answers with FRAME_OUTLET and its
 * client's connection on the socket that came along, or closes that. It holds for that chatd: the next one has to ask
 * again.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "record.h"

/* What follows, and how lines look (display.h), is known to both: LEND says this number, and a session that was built
 * with another one does not lend. To be counted up with each change of either. */
enum { OUTLET_LAYOUT = 5 };

/* The descriptors that come with LEND, in this order. */
enum lend_fds {
        LENT_PAGE,  /* struct outlet_page, in memory of its own: memfd_create(2) */
        LENT_BATCH, /* struct outlet_batch, to be read */
        LENT_REPLY, /* where OUTLET goes: a socket of type SOCK_SEQPACKET */
        LENT_FDS,
};

#define OUTLET_PRIVATE UINT32_MAX

enum outlet_turn {
        OUTLET_FREE,  /* whoever wants to write takes it */
        OUTLET_CHATD, /* chatd has it, and has written nothing */
        OUTLET_WRITING, /* … writes what is noted, or died there, or could not write all of it and has sent a datagram */
        OUTLET_SESSION, /* the session has it; so it is at the beginning */
        OUTLET_SLOW,    /* … and its client does not take what it writes */
        OUTLET_KEPT,    /* … and keeps it, as its client wants lines to look otherwise than chatd writes them */
};

struct outlet_page {
        _Atomic uint32_t turn; /* enum outlet_turn */
        /* by the session */
        _Atomic uint64_t taken; /* datagrams since LEND that it has taken, and whose lines its client has */
        _Atomic uint64_t
                written; /* bytes that it wrote to the connection, in addition to chatd's. Changes in its turn */
        /* by chatd */
        _Atomic uint64_t relayed;   /* the session's own lines up to this number went to everybody: as FRAME_RELAYED */
        _Atomic uint64_t lines_out; /* lines that chatd wrote, while FREE */
        _Atomic uint64_t at;        /* bytes that the connection took before … */
        _Atomic uint64_t batch;     /* … records of the batch of this number were written … */
        _Atomic uint32_t from, to; /* … from the one of this index to before that one, without the session's own … */
        _Atomic uint32_t bytes;    /* … which are so many bytes together … */
        _Atomic uint32_t room;     /* … and without what is for another room than this */
};

/* The records of the batch that is being relayed. They stay when chatd dies, for whoever has this mapped. */
struct outlet_batch {
        _Atomic uint64_t number; /* counts batches from 1; 0: the records are being put in */
        struct outlet_record {
                uint64_t id, number;
                uint32_t bytes; /* as shown; or OUTLET_PRIVATE, and chatd writes it to nobody */
                uint32_t room;  /* that it is for; 0: for everybody */
        } records[BATCH_MAX_RECORDS];
};
