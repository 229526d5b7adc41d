/* The session's side of its outlet: lends the client's connection to chatd, and keeps the order between what chatd
 * writes there and what the session does. The rules stand in chat/outlet.h.
 *
 * The session writes only after outlet_claim(), and gives the turn back by outlet_release() when its client has
 * everything that was for it. A datagram of chatd's may mean that chatd left something half done: then outlet_settle(),
 * or outlet_end() for a chatd that died, finds out what the client has.
 *
 * Owns the mappings. Where nothing is lent, all of this does nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/outlet.h>
#include <chat/seen.h>
#include <chat/socket.h>

#include "client.h"

/* After which a turn is asked for again that is chatd's. */
enum {
        OUTLET_RETRY_MIN_MS = 10,
        OUTLET_RETRY_MAX_MS = 1000,
};

struct outlet {
        struct outlet_page *page; /* NULL: nothing is lent */
        const struct outlet_batch *batch;
        bool claimed;       /* it is the session's turn */
        int64_t retry_ms;   /* … and when to ask again, where it is not */
        uint64_t looked_at; /* the batch that chatd had written when outlet_wrote() was asked */
        int64_t base; /* bytes on the connection that are neither the session's nor, in whole writes, this chatd's */
        uint64_t lines_out; /* by chatds before this one, and of writes that were broken off */
        uint64_t had;       /* bytes of the next datagram's records that the client has */
        struct {
                uint64_t id, number;
                size_t bytes; /* 0: there is none */
        } rest;               /* the record that the client has the beginning of, from a chatd that died */
};

/* Lends the connection of `c`, where that is possible. `fds` came with LEND; they may be closed then. */
void outlet_lend(struct outlet *o, const struct socket_fds *fds, const struct client *c);

/* Whether chatd wrote to the client since this was asked. */
bool outlet_wrote(struct outlet *o);

/* Takes the turn. Returns whether the session may write to its client; if not, `retry_ms` says when to try again. */
bool outlet_claim(struct outlet *o);

/* … and the client does not take it. */
void outlet_is_slow(struct outlet *o);

/* The client has everything out of the `taken` datagrams that came since LEND: chatd may write. */
void outlet_release(struct outlet *o, const struct client *c, uint64_t taken);

/* … but the session goes on writing by itself, until outlet_release(). */
void outlet_keep(struct outlet *o, uint64_t taken);

/* A datagram of chatd's came: finds out how much of its records (`had`) the client has. */
void outlet_settle(struct outlet *o, const struct client *c);

/* The chatd that it was lent to is dead: remembers the records that the client has, but for those of `own`, and of
 * which one it has the beginning (`rest`). Ends a line whose rest will not come. */
void outlet_end(struct outlet *o, struct client *c, struct seen *seen, uint64_t own);

/* How many bytes of this record the client has; to be asked for each in turn. */
size_t outlet_has(struct outlet *o, const struct record *r);

/* The number of the last own line that went to everybody, and how many lines the client was shown: by chatd. */
uint64_t outlet_relayed(const struct outlet *o);
uint64_t outlet_lines_out(const struct outlet *o);
