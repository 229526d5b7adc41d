#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <chat/clock.h>
#include <chat/socket.h>

#include "reach.h"

enum {
        CATCH_UP_POLL_NS = 100 * 1000,
        GROUP = 64, /* members whose writes are prepared together */
};

/* Some members. */
struct members {
        struct member **all; /* NULL: none yet */
        size_t count;
};

/* A write to a lent connection. The session's page has the notes of it, and nothing is written yet. */
struct prepared {
        struct member *member;
        struct lent_text text;
        struct iovec piece; /* the only piece of the text */
};

/* One batch while it is being sent.
 *
 * Writes to lent connections are prepared in groups, and then made one behind another. The kernel's work for a write
 * drives chatd's code out of the caches, so chatd takes less time if it returns to this code once for a group. */
struct sending {
        struct relay *relay;
        struct batch *batch;
        struct roster *roster;
        int64_t begin_ms;
        bool may_wait;             /* chatd may wait for sessions that are behind */
        struct members behind;     /* members for whose sessions chatd waits */
        struct members full;       /* members whose inbox was full */
        struct prepared *prepared; /* room for GROUP */
        size_t prepared_count;
};

static void relay_count_delivered(struct relay *r, struct member *m, size_t records)
{
        m->lines_out += records;
        r->deliveries += m->id == LINK_ID ? 0 : records;
}

static void relay_count_missed(const struct sending *s, struct member *m)
{
        size_t records = batch_gather(s->batch, m, BATCH_DATAGRAM, NULL).records;
        lagging_miss(m, records);
        s->relay->misses += m->id == LINK_ID ? 0 : records;
}

static void relay_begin_to_lag(const struct sending *s, struct member *m)
{
        roster_lags(s->roster, m);
        relay_count_missed(s, m);
        batch_trim_letters(m);
}

/* Writes the numbers of the member's rooms. */
static void relay_note_rooms(const struct member *m, uint32_t rooms[static MEMBER_ROOMS_MAX])
{
        size_t n = 0;
        for (const struct seat *seat = m->seats; seat; seat = seat->other)
                rooms[n++] = seat->room->number;
}

/* Writes the text that was prepared for `m`. Returns true if the client has everything. */
static bool relay_write(const struct sending *s, struct member *m, const struct lent_text *text)
{
        if (!lent_write(&m->lent, text, m->share.relayed_number))
                return false;
        m->confirmed_number = m->share.relayed_number;
        relay_count_delivered(s->relay, m, text->lines);
        return true;
}

/* Writes to the client of `m` directly, or prepares that. Returns false if the records must be sent as a datagram. */
static bool relay_write_to(struct sending *s, struct member *m)
{
        struct iovec iov[BATCH_MAX_RECORDS];
        uint32_t rooms[MEMBER_ROOMS_MAX + 1] = {0};
        const enum outlet_look look = m->lent.look;
        if (m->lent.client < 0 || !s->batch->texts[look].is_whole)
                return false;
        struct batch_part part = batch_gather(s->batch, m, BATCH_LOOK + look, iov);
        relay_note_rooms(m, rooms);
        struct lent_text text = {
                .pieces = iov,
                .n = part.pieces,
                .bytes = part.bytes,
                .number = s->relay->batches,
                .from = m->share.from,
                .to = batch_end_for(s->batch, m),
                .lines = part.records,
                .ms = s->batch->texts[look].ms,
                .rooms = rooms,
        };
        if (text.n == 0)
                return true;
        if (!lent_prepare(&m->lent, &text))
                return false;
        if (text.n > 1)
                return relay_write(s, m, &text);
        text.rooms = NULL;
        s->prepared[s->prepared_count++] = (struct prepared){.member = m, .text = text, .piece = iov[0]};
        return true;
}

/* Takes the result of sendmsg() to `m`. Returns false if its inbox is full, or the kernel does not send for another
 * reason. Otherwise the datagram was sent, or `m` is dead. */
static bool relay_take_result(const struct sending *s, struct member *m, ssize_t sent)
{
        if (sent >= 0) {
                lent_sent(&m->lent);
                return true;
        }
        if (errno == ECONNREFUSED || errno == ENOTCONN || errno == EPIPE)
                roster_dies(s->roster, m);
        if (member_is_dead(m) && m->id == LINK_ID) /* the link will have another inbox */
                relay_begin_to_lag(s, m);
        return member_is_dead(m);
}

/* Sends all records that `m` has not got yet. Returns false if its inbox is full. */
static bool relay_send_records(const struct sending *s, struct member *m)
{
        struct iovec iov[1 + BATCH_MAX_RECORDS] = {{s->batch->buffer, FRAME_HEADER_BYTES}};
        struct batch_part part = batch_gather(s->batch, m, BATCH_DATAGRAM, iov + 1);
        const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 1 + part.pieces};
        if (part.pieces == 0)
                return true;
        frame_set_number(s->batch->buffer, m->share.relayed_number);
        bool taken = relay_take_result(s, m, sendmsg(m->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT));
        if (taken && !member_is_dead(m)) {
                m->lent.worth_asking = true;
                if (m->id != LINK_ID && !lent_is_open(&m->lent) && !todo_has(TODO_PAUSE, m))
                        todo_add(&s->roster->todo, TODO_LEND, m);
                m->confirmed_number = m->share.relayed_number;
                relay_count_delivered(s->relay, m, part.records);
        }
        return taken;
}

static ssize_t relay_send_letter(const struct member *m, const struct letter *letter)
{
        struct iovec iov = {(void *)letter->bytes, letter->size};
        const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        return sendmsg(m->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends the records of `m` that stand before index `at`, and notes that `m` has them. Returns false if its inbox is
 * full. */
static bool relay_send_records_before(const struct sending *s, struct member *m, uint32_t at)
{
        struct share *share = &m->share;
        uint32_t to = share->to;
        if (at <= share->from)
                return true;
        share->to = at < to ? at : to;
        bool sent = relay_send_records(s, m);
        share->to = to;
        if (sent)
                share->from = at;
        return sent;
}

/* Sends `m` its part of the batch. Returns true if `m` has its part, gets none, or has no inbox any more. Returns false
 * if its inbox is full, or the kernel does not send for another reason: then the next call continues from there. */
static bool relay_send_to(const struct sending *s, struct member *m)
{
        const struct letter *letter;
        while ((letter = m->letters.first)) {
                if (!relay_send_records_before(s, m, letter->at))
                        return false;
                if (member_is_dead(m))
                        return true;
                if (!relay_take_result(s, m, relay_send_letter(m, letter)))
                        return false;
                letters_drop_first(&m->letters);
        }
        return relay_send_records(s, m);
}

static bool relay_is_receiver(const struct member *m)
{
        return m->id == LINK_ID || (m->fd >= 0 && !member_is_dead(m) && m->presence != EXPECTED);
}

/* Waits for the members whose inbox was full, and sends them the batch when they have room. Members that get no room in
 * time lag. */
static void relay_wait_for_room(struct sending *s)
{
        struct member **full = s->full.all;
        size_t n = s->full.count;
        struct pollfd *fds = calloc(n, sizeof(*fds));
        int64_t begin = clock_ms(), now = begin, deadline = begin + lagging_patience(&s->relay->patience, begin);

        while (fds && n > 0 && now < deadline) {
                for (size_t i = 0; i < n; i++)
                        fds[i] = (struct pollfd){.fd = full[i]->fd, .events = POLLOUT};
                if (poll(fds, n, (int)(deadline - now)) > 0) {
                        for (size_t i = n; i-- > 0;)
                                if (fds[i].revents && relay_send_to(s, full[i]))
                                        full[i] = full[--n];
                }
                now = clock_ms();
        }
        for (size_t i = 0; i < n; i++) {
                lagging_in_vain(full[i], begin);
                relay_begin_to_lag(s, full[i]);
        }
        lagging_waited(&s->relay->patience, now - begin, now);
        free(fds);
}

/* Appends `m`. Returns false if there is no memory. */
static bool members_add(struct members *some, const struct roster *roster, struct member *m)
{
        if (!some->all)
                some->all = calloc(roster->count, sizeof(struct member *));
        if (some->all)
                some->all[some->count++] = m;
        return some->all != NULL;
}

/* Sends `m` its part of the batch. If that is not possible, `m` waits for room in its inbox, or lags. */
static void relay_deliver_by_datagram(struct sending *s, struct member *m)
{
        if (relay_send_to(s, m))
                return;
        int64_t now = clock_ms();
        if (lagging_is_on_probation(m, now) || !members_add(&s->full, s->roster, m))
                relay_begin_to_lag(s, m);
}

/* Makes the writes that were prepared. */
static void relay_write_prepared(struct sending *s)
{
        for (size_t i = 0; i < s->prepared_count; i++) {
                struct prepared *p = &s->prepared[i];
                p->text.pieces = &p->piece;
                if (!relay_write(s, p->member, &p->text))
                        relay_deliver_by_datagram(s, p->member);
        }
        s->prepared_count = 0;
}

/* Gives `m` its part of the batch, or prepares that. */
static void relay_deliver(struct sending *s, struct member *m)
{
        if (!lent_is_open(&m->lent) || m->share.by_datagram || !relay_write_to(s, m))
                relay_deliver_by_datagram(s, m);
        if (s->prepared_count == GROUP)
                relay_write_prepared(s);
}

static bool relay_is_anybody_behind(const struct members *some)
{
        for (size_t i = 0; i < some->count; i++)
                if (lent_is_behind(&some->all[i]->lent))
                        return true;
        return false;
}

/* Waits for sessions that are behind, after all other members have the batch. chatd's own writes must not overtake a
 * datagram. Under load the next batch comes before the session has run, and so does the batch after that. Without this
 * wait, the client would get everything by datagrams from then on. */
static void relay_let_catch_up(struct sending *s)
{
        const struct timespec moment = {.tv_nsec = CATCH_UP_POLL_NS};
        int64_t now = s->begin_ms;
        while (now - s->begin_ms < RELAY_CATCH_UP_MS && relay_is_anybody_behind(&s->behind)) {
                nanosleep(&moment, NULL);
                now = clock_ms();
        }
        for (size_t i = 0; i < s->behind.count; i++)
                s->behind.all[i]->lent.unresponsive = lent_is_behind(&s->behind.all[i]->lent);
        s->relay->catch_up_ms = now + (now - s->begin_ms + 1) * RELAY_CATCH_UP_SHARE;
}

/* Gives `m` its part of the batch, unless that was done already: `m` may be in several lists. */
static void relay_serve(struct sending *s, struct member *m)
{
        struct share *share = batch_share(s->batch, m);
        if (share->is_served || !relay_is_receiver(m))
                return;
        share->is_served = true;
        if (member_lags(m))
                relay_count_missed(s, m);
        else if (!s->may_wait || !lent_is_behind(&m->lent) || !members_add(&s->behind, s->roster, m))
                relay_deliver(s, m);
}

/* Serves the members that the batch concerns. */
static void relay_serve_all(struct sending *s)
{
        const struct batch *b = s->batch;
        struct member *link = roster_find(s->roster, LINK_ID);
        bool everybody = b->audiences[BATCH_EVERYBODY].first > 0;
        if (link) /* the link is first, because its records have the longest way */
                relay_serve(s, link);
        for (size_t i = 0; everybody && i < s->roster->count; i++)
                relay_serve(s, s->roster->members[i]);
        for (size_t i = BATCH_EVERYBODY + 1; !everybody && i < b->audiences_count; i++)
                for (struct seat *seat = b->audiences[i].room->first; seat; seat = seat->next)
                        relay_serve(s, seat->member);
        for (struct member *m = b->first; m; m = m->share.next)
                relay_serve(s, m);
        relay_write_prepared(s);
}

void relay_send(struct relay *r, struct batch *b, struct roster *roster)
{
        struct prepared prepared[GROUP];
        struct sending s = {.relay = r, .batch = b, .roster = roster, .begin_ms = clock_ms(), .prepared = prepared};
        if (batch_is_empty(b))
                return;
        s.may_wait = s.begin_ms >= r->catch_up_ms && b->count > 0;
        r->batches++;
        if (b->lent.outlet)
                outlet_batch_end(b->lent.outlet, r->batches);
        relay_serve_all(&s);
        if (s.behind.count > 0)
                relay_let_catch_up(&s);
        for (size_t i = 0; i < s.behind.count; i++)
                relay_deliver(&s, s.behind.all[i]);
        relay_write_prepared(&s);
        if (s.full.count > 0)
                relay_wait_for_room(&s);
        free(s.behind.all);
        free(s.full.all);
}

void relay_resume(const struct relay *r, struct roster *roster, struct member *m)
{
        struct frame missed = {.type = FRAME_MISSED, .id = r->epoch, .number = lagging_missed(m)};
        int error = missed.number > 0 ? reach_send(m, &missed) : 0;
        if (error == 0)
                lagging_told(m);
        while (error == 0 && m->letters.first) {
                error = relay_send_letter(m, m->letters.first) < 0 ? -errno : 0;
                if (error == 0) {
                        lent_sent(&m->lent);
                        letters_drop_first(&m->letters);
                }
        }
        if (socket_is_transient(-error))
                return;
        if (error < 0)
                roster_dies(roster, m);
        if (member_is_dead(m) && m->id == LINK_ID)
                return;
        lagging_end(roster->dir, m);
}

bool relay_confirm(const struct relay *r, struct member *m)
{
        struct frame relayed = {.type = FRAME_RELAYED, .id = r->epoch, .number = m->lines_in};
        if (m->confirmed_number < m->lines_in && !member_lags(m) &&
            (lent_confirm(&m->lent, m->lines_in) || reach_send(m, &relayed) == 0))
                m->confirmed_number = m->lines_in;
        return m->confirmed_number == m->lines_in;
}
