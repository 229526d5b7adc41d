/* Lends the client's connection to chatd, and keeps the order between what chatd writes and what the session writes.
 * This is the session's side of an outlet; chat/outlet.h has the rules.
 *
 * The session writes only after loan_claim(). It gives the turn back by loan_release() when its client has taken all
 * output. A datagram from chatd may mean that chatd left a write half done. Then loan_settle() finds out what the
 * client has; after the death of a chatd, loan_end() does.
 *
 * Owns the mappings. While nothing is lent, all these functions do nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/outlet.h>
#include <chat/seen.h>
#include <chat/socket.h>

#include "client.h"

/* How long to wait before asking for the turn again while chatd has it. */
enum {
        LOAN_RETRY_MIN_MS = 10,
        LOAN_RETRY_MAX_MS = 1000,
};

struct loan {
        struct outlet_page *page; /* NULL: nothing is lent */
        const struct outlet_batch *batch;
        bool has_turn;         /* the session has the turn */
        enum outlet_look look; /* in which chatd writes lines */
        int64_t retry_ms;      /* when to ask for the turn again */
        uint64_t last_batch;   /* the last batch that chatd had written when loan_has_written() was called */
        int64_t base;          /* bytes on the connection from neither the session nor a whole write of this chatd */
        uint64_t lines_out;    /* of earlier chatds, and of writes that were broken off */
        uint64_t client_bytes; /* bytes of the next datagram's records that the client has */
        uint64_t client_ms;    /* the time that stands in these records */
        struct {
                uint64_t id, key;
                size_t bytes; /* 0: there is no such record */
                size_t whole; /* all bytes of this record, as chatd wrote it */
        } rest; /* the record of a dead chatd whose rest the client lacks; `client_ms` stands in it, too */
};

/* Lends the connection of `c` if that is possible. `fds` came with LEND; the caller may close them afterwards. chatd is
 * to write lines in this look; `server` is empty, or the name of the server. */
void loan_begin(struct loan *l, const struct socket_fds *fds, const struct client *c, enum outlet_look look,
                const char *server);

/* Returns true if chatd has the connection, or is about to get it. */
static inline bool loan_is_open(const struct loan *l)
{
        return l->page != NULL;
}

/* Returns true if chatd wrote to the client since the last call. */
bool loan_has_written(struct loan *l);

/* Takes the turn. Returns true if the session may write to its client. Otherwise `retry_ms` says when to try again. */
bool loan_claim(struct loan *l);

/* Notes that the client does not take the session's output. The session must have the turn. */
void loan_is_slow(struct loan *l);

/* Lets chatd write: the client has all output of the `datagrams` that came since LEND. */
void loan_release(struct loan *l, const struct client *c, uint64_t datagrams);

/* Keeps the turn, so that only the session writes until loan_release(). */
void loan_keep(struct loan *l);

/* Finds out how much of the records of a datagram from chatd the client has already (`client_bytes`). */
void loan_settle(struct loan *l, const struct client *c);

/* Ends the loan to a chatd that died. Remembers the records that the client has, except those of session `own`, and the
 * record whose rest the client lacks (`rest`). Ends a line whose rest will not come. */
void loan_end(struct loan *l, struct client *c, struct seen *seen, uint64_t own);

/* Returns true if chatd may have written this record, or a part of it, at `client_ms`. */
bool loan_may_have(const struct loan *l, const struct record *r);

/* Returns how many bytes of this record the client has. It has `bytes` bytes in the look of the client, or 0 if chatd
 * writes no such record. Call it once for each record for which loan_may_have() returns true, in their order. */
size_t loan_has(struct loan *l, const struct record *r, size_t bytes);

/* Return the number of the client's last line that chatd relayed to everybody, and how many lines chatd showed the
 * client. */
uint64_t loan_relayed(const struct loan *l);
uint64_t loan_lines_out(const struct loan *l);
