/* What a session has lent: its client's connection, to which chatd writes by itself, and the page that both share. The
 * rules, and what they are good for, stand in chat/outlet.h; this is chatd's side of it.
 *
 * Owns the connection, the page and the socket on which the session answers. The page can be changed by the session at
 * any time: nothing that is read from it decides about more than this one client.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <chat/outlet.h>

enum {
        LENT_ASK_AGAIN_MIN_MS =
                1000, /* who could not lend may be asked again after that time, and each time twice as long … */
        LENT_ASK_AGAIN_MAX_MS = 64 * 1000, /* … up to this */
        LENT_ANSWER_MS = 10 * 1000,        /* … and does not answer for that time is asked no more */
};

struct lent {
        struct outlet_page *page; /* NULL: nothing is lent, or asked for */
        int client;               /* the connection; -1: none yet */
        int reply;                /* where the answer will come; -1: nothing is asked */
        bool vain;                /* it did not catch up when it was waited for */
        bool due;                 /* a batch went as a datagram: it is worth asking */
        uint64_t sent;            /* datagrams to the session since LEND */
        uint64_t written;         /* bytes to the connection */
        bool wrote;               /* … since the session got a datagram */
        int64_t asked_ms;
        int64_t pause_ms; /* not to be asked again for so long from then; 0: it never declined */
};

/* The records of the batch that is being relayed, for all sessions. */
struct lent_batch {
        struct outlet_batch *shared; /* NULL: nobody is asked to lend anything */
        int fd;
};

/* Makes the memory. Returns 0 or a negative errno; then `shared` is NULL. */
int lent_batch_init(struct lent_batch *b);
void lent_batch_free(struct lent_batch *b);

/* Nothing is lent. */
void lent_init(struct lent *l);

/* Gives everything back. Who was asked and has not answered counts as having declined. */
void lent_close(struct lent *l);

/* Asks the session at the inbox `fd` for its client's connection. Then `reply` becomes readable. `now` in ms. Returns 0
 * or a negative errno. */
int lent_ask(struct lent *l, int fd, uint64_t epoch, const struct lent_batch *batch, int64_t now);

/* Takes the answer. Returns whether something is lent now; else nothing is asked any more. */
bool lent_answer(struct lent *l);

/* Whether it is worth asking, and time. */
bool lent_may_ask(const struct lent *l, int64_t now);

/* Whether something is lent, or asked for. */
static inline bool lent_is_open(const struct lent *l)
{
        return l->page != NULL;
}

/* What lent_write() writes: `n` pieces, which are records `from` to before `to` of batch `number` without the session's
 * own and without those for another `room`. */
struct lent_text {
        struct iovec *pieces;
        size_t n, bytes;
        uint64_t number;
        uint32_t from, to;
        uint64_t lines;
        uint32_t room; /* without what is for another one */
};

/* Writes to the client, and tells the session that its own lines up to `relayed` went to everybody. Returns whether the
 * client has all of it; else it has to go as a datagram, of which the caller calls lent_sent(). Does not block. */
bool lent_write(struct lent *l, const struct lent_text *text, uint64_t relayed);

/* A datagram was sent to the session. */
void lent_sent(struct lent *l);

/* Whether the session has datagrams to write before chatd may, and might do so soon. */
bool lent_is_behind(const struct lent *l);

/* Tells the session, without waking it, that its lines up to `number` went to everybody. Returns false where nothing is
 * lent. */
bool lent_confirm(struct lent *l, uint64_t number);
