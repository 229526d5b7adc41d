/* chatd's side of a loan: the client's connection, to which chatd writes by itself, and the page that chatd shares with
 * the session. chat/outlet.h has the purpose and the rules.
 *
 * Owns the connection, the page and the socket on which the session answers. The session can change the page at any
 * time, so a value from the page may affect only the session's own client.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <chat/outlet.h>

enum {
        /* the pause before a session that could not lend is asked again: first the shortest, and then twice as long
         * each time */
        LENT_ASK_AGAIN_MIN_MS = 1000,
        LENT_ASK_AGAIN_MAX_MS = 64 * 1000,
        LENT_ANSWER_MS = 10 * 1000, /* after this time without an answer, chatd gives the question up */
};

struct lent {
        struct outlet_page *page; /* NULL: nothing is lent, and no question is open */
        int client;               /* the connection; -1: none yet */
        int reply;                /* the socket for the answer; -1: no question is open */
        bool unresponsive;        /* the session did not catch up when chatd waited for it */
        bool worth_asking;        /* the session got a batch as a datagram, so it is worth asking */
        enum outlet_look look;    /* in which chatd writes lines to the connection */
        struct lent_batch *batch; /* what the page was made for; NULL if `page` is NULL */
        uint64_t datagrams;       /* datagrams to the session since LEND */
        uint64_t bytes;           /* bytes to the connection */
        int64_t ask_ms;           /* when the session was last asked */
        int64_t pause_ms;         /* no question for this long after `ask_ms`; 0: the session never declined */
};

/* The records of the batch that is being relayed, shared by all sessions. */
struct lent_batch {
        struct outlet_batch *outlet; /* NULL: no session is asked to lend */
        int fd;
        unsigned clients[OUTLET_LOOKS];   /* lent connections with each look */
        char server[OUTLET_SERVER_BYTES]; /* the name of the server in lines with the looks of IRC */
};

/* Makes the memory. `b` is all zeros, but for the name of the server. Returns 0 or a negative errno; then `outlet` is
 * NULL. */
int lent_batch_init(struct lent_batch *b);
void lent_batch_free(struct lent_batch *b);

/* Makes `l` empty: nothing is lent. */
void lent_init(struct lent *l);

/* Gives everything back. A session that was asked and has not answered counts as having declined. */
void lent_close(struct lent *l);

/* Asks the session at the inbox `fd` for its client's connection. Returns 0 or a negative errno. `reply` becomes
 * readable when the session answers. `batch` must live as long as the loan. `now` in ms. */
int lent_ask(struct lent *l, int fd, uint64_t epoch, struct lent_batch *batch, int64_t now);

/* Takes the answer. Returns true if the connection is lent now. Otherwise no question is open any more. */
bool lent_answer(struct lent *l);

/* Returns the time at which a session that declined may be asked again, in ms. */
static inline int64_t lent_pause_ends_ms(const struct lent *l)
{
        return l->ask_ms + l->pause_ms;
}

/* Returns true if it is worth asking the session, and the pause is over. */
bool lent_may_ask(const struct lent *l, int64_t now);

/* Returns true if the connection is lent, or a question is open. */
static inline bool lent_is_open(const struct lent *l)
{
        return l->page != NULL;
}

/* A text for a client: `n` pieces, which are the records from `from` to before `to` of batch `number`. The session's own
 * records are left out. */
struct lent_text {
        struct iovec *pieces;
        size_t n, bytes;
        uint64_t number;
        uint32_t from, to;
        uint64_t lines;
        uint64_t ms;           /* the time that stands in the lines, since 1970 */
        const uint32_t *rooms; /* with a 0 behind the last: records for other rooms are left out */
};

/* Takes the turn, and notes in the page what lent_write() is about to write. Returns false if chatd may not write: then
 * the caller sends a datagram, and calls lent_sent(). */
bool lent_prepare(struct lent *l, const struct lent_text *text);

/* Writes the text that lent_prepare() has noted, for which it needs no `rooms`. Tells the session that its own lines up to
 * `relayed_number` went to everybody. Returns true if the client has the whole text. Otherwise the caller sends a
 * datagram, and calls lent_sent(). Does not block. */
bool lent_write(struct lent *l, const struct lent_text *text, uint64_t relayed_number);

/* Counts a datagram that was sent to the session. */
void lent_sent(struct lent *l);

/* Returns true if chatd may not write before the session has written out its datagrams, and if that may happen soon. */
bool lent_is_behind(const struct lent *l);

/* Tells the session, without waking it, that its lines up to `number` went to everybody. Returns false if nothing is
 * lent. */
bool lent_confirm(struct lent *l, uint64_t number);
