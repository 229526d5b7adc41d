/* A session that lends its client's connection, and the client. The connection is a real one, by TCP. The other parts
 * of a session are missing. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <chat/display.h>
#include <chat/record.h>

#include "../chat-session/client-output.h"
#include "../chat-session/loan.h"
#include "../chatd/looks.h"

#include "tcp.h"

#define LENDER_SERVER "b.example"

struct lender {
        uint64_t id;
        enum outlet_look look; /* of the lines to its client */
        const char *server;    /* in lines with a look of IRC */
        struct loan loan;
        struct client client;
        struct seen seen;
        uint64_t taken;   /* datagrams since LEND */
        bool gave_up;     /* the rest of a line did not come */
        uint64_t rest_ms; /* the time that stands in the last rest that it wrote */
        int peer;         /* the client's own end */
};

enum {
        LENDER_PATIENCE_S = 10,
        LENDER_ROOM_BYTES = 16 * 1024,
};

/* Fills a connection. Returns how many bytes it took. */
static inline size_t outlet_fill(struct client *c)
{
        static char junk[64 * 1024];
        size_t size = 0;
        memset(junk, 'x', sizeof(junk));
        for (ssize_t n; (n = send(c->out, junk, sizeof(junk), MSG_DONTWAIT)) > 0;)
                size += (size_t)n;
        c->written_bytes += size;
        return size;
}

static inline struct lender *lender_make(uint64_t id)
{
        struct lender *l = calloc(1, sizeof(*l));
        const struct timeval patience = {.tv_sec = LENDER_PATIENCE_S};
        int fds[2];
        tcp_connect(fds, LENDER_ROOM_BYTES);
        l->id = id;
        l->server = LENDER_SERVER;
        l->peer = fds[1];
        setsockopt(l->peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        client_init(&l->client, fds[0], fds[0]);
        return l;
}

/* Ends the session as kill -9 would. */
static inline void lender_die(struct lender *l)
{
        loan_end(&l->loan, &l->client, &l->seen, l->id);
        if (l->client.in >= 0)
                close(l->client.in);
        l->client.in = l->client.out = -1;
}

static inline void lender_free(struct lender *l)
{
        lender_die(l);
        close(l->peer);
        free(l);
}

/* Takes note of the writes of chatd before this datagram. */
static inline void lender_catch_up(struct lender *l, uint64_t epoch)
{
        if (l->seen.epoch == epoch)
                loan_settle(&l->loan, &l->client);
        else
                loan_end(&l->loan, &l->client, &l->seen, l->id);
        seen_epoch(&l->seen, epoch);
}

/* Ends a line whose rest will never come. */
static inline void lender_give_up_rest(struct lender *l)
{
        if (!l->client.is_broken_off && l->loan.client_bytes == 0)
                return;
        client_give_up_rest(&l->client);
        l->loan.client_bytes = l->loan.rest.bytes = 0;
        l->gave_up = true;
}

/* Writes a record as it looks to the client. Returns its size. A record without a look is plain text. */
static inline size_t lender_line(const struct lender *l, const struct record *r,
                                 char line[static OUTLET_LINE_MAX_BYTES])
{
        size_t size = display_shows(r)
                              ? looks_write(l->look, l->server, r, l->loan.client_ms, line, OUTLET_LINE_MAX_BYTES)
                              : 0;
        return size > 0 ? size : display_line(r, line);
}

/* Writes the records of a batch that the client must get. */
static inline void lender_show(struct lender *l, struct wire_reader records)
{
        struct record r;
        while (record_next_styled(&records, &r) > 0) {
                char line[OUTLET_LINE_MAX_BYTES];
                bool seen = seen_before(&l->seen, r.id, record_key(&r));
                size_t bytes = lender_line(l, &r, line);
                size_t has = loan_may_have(&l->loan, &r) ? loan_has(&l->loan, &r, bytes) : 0;
                if (bytes == 0 || has == bytes || (seen && has == 0))
                        continue;
                if (has > 0) {
                        l->rest_ms = l->loan.client_ms;
                        client_rest(&l->client, line + has, bytes - has);
                        continue;
                }
                if (l->client.is_broken_off)
                        lender_give_up_rest(l);
                char *at = client_begin_line(&l->client, bytes);
                if (at)
                        client_end_line(&l->client, mempcpy(at, line, bytes));
        }
        l->loan.client_bytes = 0;
}

/* Takes a datagram as a session does. Lends the connection if chatd asks for it. */
static inline void lender_take_frame(struct lender *l, const struct frame *f, const struct socket_fds *fds)
{
        l->taken++;
        lender_catch_up(l, f->id);
        if (f->type == FRAME_BATCH)
                lender_show(l, f->records);
        if (f->type == FRAME_MISSED)
                lender_give_up_rest(l);
        if (f->type == FRAME_LEND) { /* LEND comes behind the records of an earlier chatd */
                lender_give_up_rest(l);
                l->taken = 0;
                loan_begin(&l->loan, fds, &l->client, l->look, l->server);
        }
}

/* Tells the client how many lines it missed, as a session does. */
static inline void lender_tell_skipped(struct lender *l)
{
        char text[64];
        uint64_t skipped = client_take_skipped(&l->client);
        struct slice part = {
                text, (size_t)snprintf(text, sizeof(text), "*** %llu lines skipped", (unsigned long long)skipped)};
        if (skipped > 0)
                client_line(&l->client, &part, 1);
}

/* Writes the output that waits for the client. Lets chatd write if none is left. */
static inline void lender_write(struct lender *l)
{
        if (client_waits(&l->client) && loan_claim(&l->loan)) {
                client_flush(&l->client);
                lender_tell_skipped(l);
        }
        if (client_waits(&l->client))
                loan_is_slow(&l->loan);
        else
                loan_release(&l->loan, &l->client, l->taken);
}
