/* The actions of chatd and a session with an outlet, for test-outlet-model.c. They call the real functions of
 * chatd/lent.c and chat-session/loan.c, in any order in which relay.c, broker.c, incoming.c and visit.c may call
 * them. */
#pragma once

#include "outlet-machine.h"

enum {
        OWN_ID = 7,
        OTHER_ID = 3,
        CLIENTS_ROOM = 1,
        RECORDS_OF_BATCH = 2, /* for this client */
        SHARED_RECORDS = 5,
        NOT_FOR_IT = 100, /* the number of a record that the client does not get */
        LINE_BYTES = sizeof("n: a\r\n") - 1,
        BUFFER_KEPT = 64, /* bytes of the session's output that a state has */
        SEEN_KEPT = 16,
        LANES = 4, /* of a hash */
};

/* Limits of the actions in a play. */
struct bounds {
        unsigned batches, kills, deaths, parts, notices, switches, tells, lags, inbox;
};

enum stage {
        BETWEEN, /* batches */
        TO_WRITE,
        TO_SEND,
        TO_CONSUME,
};

/* An action that a side may begin. */
enum deed {
        IDLE,
        ASK,
        TAKE_ANSWER,
        FILL,
        WRITE_BATCH,
        SEND_BATCH,
        CONSUME,
        TELL,
        LAG,
        RESUME,
        TAKE_DATAGRAM,
        WRITE_OUT,
        SAY_NOTICE,
        SWITCH_VIEW,
        DEEDS,
};

static const char *const deed_names[DEEDS] = {
        "",
        "chatd asks",
        "chatd takes the answer",
        "chatd fills the batch",
        "chatd writes",
        "chatd sends",
        "chatd consumes",
        "chatd tells",
        "chatd lets it lag",
        "chatd resumes",
        "the session takes a datagram",
        "the session writes",
        "the session says something",
        "the session's view changes",
};

struct state {
        struct machine machine;
        struct lent lent;
        struct {
                struct loan loan;
                char client[offsetof(struct client, buffer)], buffer[BUFFER_KEPT];
                uint64_t seen[SEEN_KEPT][2], epoch, taken;
                unsigned next, kept, to_check;
        } session;
        uint8_t deed[SIDES];
        uint8_t stage, consumed, asked, old, lagging, gone, lagged;
        uint8_t dirty, keeps;
        uint8_t kills, deaths, notices, switches, tells, lags;
} __attribute__((aligned(LANES * sizeof(uint64_t))));

static struct lender session;
static struct lent lent;
static struct lent_batch shared;
static int32_t records_in[LOANS]; /* the batch whose records are in `batches`, plus 1 */
static struct bounds bounds;
static struct state *now; /* the state in which a step is being taken */

/* The events that have happened in any play. */
static struct {
        unsigned by_itself, after_datagram, cut, killed_in[OUTLET_KEPT + 1];
} happened;

/* ---- records ---- */

static struct record record_of(unsigned batch, unsigned i)
{
        static const char letters[] = "abcdef";
        return (struct record){.kind = RECORD_LINE,
                               .id = OTHER_ID,
                               .number = RECORDS_OF_BATCH * batch + i + 1,
                               .name = {"n", 1},
                               .text = {letters + RECORDS_OF_BATCH * batch + i, 1}};
}

/* Puts the records of `batch` into the memory that all sessions have mapped. This client gets the second and the
 * fourth. The first is from before its join, the third is its own, and the last is for another room. */
static void put_records(struct outlet_batch *b, unsigned batch)
{
        const struct record first = record_of(batch, 0), second = record_of(batch, 1);
        const struct outlet_record records[SHARED_RECORDS] = {
                {OTHER_ID, NOT_FOR_IT, {LINE_BYTES}, CLIENTS_ROOM, 0},
                {first.id, record_key(&first), {LINE_BYTES}, CLIENTS_ROOM, 0},
                {OWN_ID, NOT_FOR_IT, {LINE_BYTES}, CLIENTS_ROOM, 0},
                {second.id, record_key(&second), {LINE_BYTES}, 0, 0},
                {OTHER_ID, NOT_FOR_IT, {LINE_BYTES}, CLIENTS_ROOM + 1, 0},
        };
        memcpy(b->records, records, sizeof(records));
}

static size_t text_of(unsigned batch, char *text)
{
        char *at = text;
        for (unsigned i = 0; i < RECORDS_OF_BATCH; i++) {
                struct slice parts[DISPLAY_PARTS_MAX];
                struct record r = record_of(batch, i);
                at = display_write(at, parts, display_parts(&r, parts));
        }
        return (size_t)(at - text);
}

/* ---- what chatd does ---- */

static uint64_t epoch_of(unsigned loan)
{
        return loan + 1;
}

static void chatd_fill(void)
{
        int32_t result;
        outlet_batch_begin(&batches[now->machine.loan]);
        if (!is_repeated_silent(&result)) {
                add_value((unsigned)now->machine.loan * PLACES_OF_LOAN + RECORDS, now->consumed + 1, false, false);
                end_step(0);
        }
        outlet_batch_end(&batches[now->machine.loan], now->consumed + 1u);
        now->stage = lent_is_open(&lent) && !now->lagging ? TO_WRITE : TO_SEND;
        if (now->lagging || now->gone)
                now->stage = TO_CONSUME;
}

static void chatd_write(void)
{
        char bytes[RECORDS_OF_BATCH * LINE_BYTES];
        struct iovec iov = {bytes, text_of(now->consumed, bytes)};
        bool after = lent.datagrams > 0;
        struct lent_text text = {.pieces = &iov,
                                 .n = 1,
                                 .bytes = iov.iov_len,
                                 .number = now->consumed + 1u,
                                 .from = 1,
                                 .to = SHARED_RECORDS,
                                 .lines = RECORDS_OF_BATCH,
                                 .ms = now->consumed + 1u,
                                 .rooms = (const uint32_t[]){CLIENTS_ROOM, 0}};
        bool written = lent_prepare(&lent, &text) && lent_write(&lent, &text, 0);
        happened.by_itself += written;
        happened.after_datagram += written && after;
        now->stage = written ? TO_CONSUME : TO_SEND;
}

/* Sends a datagram, as reach_send() and relay.c do. */
static void chatd_post(uint8_t type)
{
        if (machine_post(type, now->consumed))
                lent_sent(&lent);
        else
                now->gone = true;
}

static void chatd_do(enum deed deed)
{
        int32_t result;
        switch (deed) {
        case ASK:
                now->asked = true;
                now->gone |= lent_ask(&lent, FD_INBOX, epoch_of(now->machine.loan), &shared, 0) < 0;
                break;
        case TAKE_ANSWER:
                lent_answer(&lent);
                now->machine.replied = 0;
                break;
        case FILL:
                chatd_fill();
                break;
        case WRITE_BATCH:
                chatd_write();
                break;
        case SEND_BATCH:
                chatd_post(POST_BATCH);
                now->stage = TO_CONSUME;
                break;
        case CONSUME:
                if (!is_repeated_silent(&result)) {
                        be_in_order();
                        end_step(0);
                }
                now->consumed++;
                now->old = false;
                now->stage = BETWEEN;
                break;
        case TELL:
                now->tells--;
                chatd_post(POST_TELL);
                break;
        case LAG:
                now->lags--;
                now->lagging = now->lagged = true;
                now->stage = TO_CONSUME;
                break;
        case RESUME:
                now->lagging = false;
                chatd_post(POST_MISSED);
                break;
        default:
                break;
        }
}

static bool has_room(const struct state *s)
{
        return s->machine.letters < bounds.inbox;
}

/* Returns the actions that chatd may begin now, as a set of bits. */
static unsigned chatd_deeds(const struct state *s)
{
        switch (s->stage) {
        case TO_WRITE:
                return 1u << WRITE_BATCH;
        case TO_SEND:
                return has_room(s) ? 1u << SEND_BATCH : s->lags > 0 ? 1u << LAG : 0;
        case TO_CONSUME:
                return 1u << CONSUME;
        default:
                break;
        }
        if (s->gone)
                return s->consumed < bounds.batches ? 1u << FILL : 0;
        if (!s->asked && !s->old && !s->lagging && has_room(s))
                return 1u << ASK;
        unsigned deeds = s->consumed < bounds.batches && (s->asked || s->old || s->lagging) ? 1u << FILL : 0;
        if (s->machine.replied == s->machine.loan + 1)
                deeds |= 1u << TAKE_ANSWER;
        if (s->tells > 0 && s->asked && has_room(s) && !s->lagging)
                deeds |= 1u << TELL;
        if (s->lagging && has_room(s))
                deeds |= 1u << RESUME;
        return deeds;
}

/* ---- what the session does ---- */

static void load_session(const struct state *s)
{
        session.id = OWN_ID;
        session.loan = s->session.loan;
        memcpy(&session.client, s->session.client, sizeof(s->session.client));
        memcpy(session.client.buffer, s->session.buffer, BUFFER_KEPT);
        for (unsigned i = 0; i < SEEN_KEPT; i++) {
                session.seen.last[BATCH_MAX_RECORDS - 1 - i].id = s->session.seen[i][0];
                session.seen.last[BATCH_MAX_RECORDS - 1 - i].key = s->session.seen[i][1];
        }
        session.seen.next = s->session.next;
        session.seen.count = s->session.kept;
        session.seen.checks_left = s->session.to_check;
        session.seen.epoch = s->session.epoch;
        session.taken = s->session.taken;
        for (unsigned loan = 0; loan < LOANS; loan++) {
                int32_t batch = latest(&s->machine, loan * PLACES_OF_LOAN + RECORDS);
                if (batch > 0 && batch != records_in[loan])
                        put_records(&batches[loan], (unsigned)batch - 1);
                records_in[loan] = batch;
        }
}

static void save_session(struct state *s)
{
        if (session.client.end > BUFFER_KEPT || session.seen.next > SEEN_KEPT)
                fail_step("the session keeps more than a state has room for");
        memset(session.client.buffer + session.client.end, 0, BUFFER_KEPT - session.client.end);
        memset(session.client.buffer, 0, session.client.start);
        session.loan.retry_ms = 0;
        s->session.loan = session.loan;
        memcpy(s->session.client, &session.client, sizeof(s->session.client));
        memcpy(s->session.buffer, session.client.buffer, BUFFER_KEPT);
        for (unsigned i = 0; i < session.seen.next; i++) {
                s->session.seen[i][0] = session.seen.last[BATCH_MAX_RECORDS - 1 - i].id;
                s->session.seen[i][1] = session.seen.last[BATCH_MAX_RECORDS - 1 - i].key;
        }
        s->session.next = session.seen.next;
        s->session.kept = session.seen.count;
        s->session.to_check = session.seen.checks_left;
        s->session.epoch = session.seen.epoch;
        s->session.taken = session.taken;
}

/* Takes a datagram from the inbox. Returns its type, batch and loan as one number. */
static uint32_t take_letter(void)
{
        struct machine *m = &now->machine;
        int32_t result;
        if (is_repeated(&result))
                return (uint32_t)result;
        choose(1);
        struct letter_in_inbox l = m->inbox[0];
        memmove(m->inbox, m->inbox + 1, sizeof(m->inbox) - sizeof(m->inbox[0]));
        memset(&m->inbox[--m->letters], 0, sizeof(m->inbox[0]));
        join(own_view(), l.view);
        return (uint32_t)end_step(l.type | l.batch << 8 | l.loan << 16);
}

static void session_take(void)
{
        uint8_t records[256];
        size_t size = 0;
        uint32_t letter = take_letter();
        unsigned type = letter & 0xff, batch = letter >> 8 & 0xff, loan = letter >> 16;
        struct socket_fds fds = {.fd = {[LENT_PAGE] = FD_PAGE + (int)loan,
                                        [LENT_BATCH] = FD_BATCH + (int)loan,
                                        [LENT_REPLY] = FD_SESSIONS_REPLY + (int)loan},
                                 .count = LENT_FDS};
        for (unsigned i = 0; type == POST_BATCH && i < RECORDS_OF_BATCH; i++) {
                struct record r = record_of(batch, i);
                size += record_encode(records + size, sizeof(records) - size, &r);
        }
        struct frame f = {.type = type == POST_LEND    ? FRAME_LEND
                                  : type == POST_BATCH ? FRAME_BATCH
                                  : type == POST_TELL  ? FRAME_RELAYED
                                                       : FRAME_MISSED,
                          .id = epoch_of(loan),
                          .records = wire_read(records, size)};
        session.rest_ms = UINT64_MAX; /* no rest */
        lender_take_frame(&session, &f, &fds);
        if (session.rest_ms != UINT64_MAX && session.rest_ms != batch + 1u)
                fail_step("the end of a line has another time than its beginning");
        now->dirty = true;
}

static void session_write(void)
{
        if (now->keeps) {
                if (client_waits(&session.client) && loan_claim(&session.loan))
                        client_flush(&session.client);
                if (client_waits(&session.client))
                        loan_is_slow(&session.loan);
                else
                        loan_keep(&session.loan);
        } else {
                lender_write(&session);
        }
        bool wants = client_waits(&session.client) || (now->keeps && !session.loan.has_turn && session.loan.page);
        now->dirty = wants && !session.client.is_broken_off;
}

static void session_do(enum deed deed)
{
        struct slice notice = slice_of("*");
        switch (deed) {
        case TAKE_DATAGRAM:
                session_take();
                break;
        case WRITE_OUT:
                session_write();
                break;
        case SAY_NOTICE:
                now->notices--;
                client_line(&session.client, &notice, 1);
                now->dirty = true;
                break;
        case SWITCH_VIEW:
                now->switches--;
                now->keeps = !now->keeps;
                now->dirty = true;
                break;
        default:
                break;
        }
}

/* Returns the turn of the session's page, or OUTLET_FREE if nothing is lent. */
static unsigned turn_of(const struct state *s)
{
        for (unsigned loan = 0; loan < LOANS; loan++)
                if (s->session.loan.page == &pages[loan])
                        return (unsigned)latest(&s->machine, loan * PLACES_OF_LOAN + TURN);
        return OUTLET_FREE;
}

/* Returns the actions that the session may begin now, as a set of bits. */
static unsigned session_deeds(const struct state *s)
{
        bool may_claim = s->session.loan.has_turn || turn_of(s) == OUTLET_FREE;
        unsigned deeds = s->machine.letters > 0 ? 1u << TAKE_DATAGRAM : 0;
        if (s->dirty && (may_claim || !s->keeps))
                deeds |= 1u << WRITE_OUT;
        if (s->notices > 0)
                deeds |= 1u << SAY_NOTICE;
        if (s->switches > 0)
                deeds |= 1u << SWITCH_VIEW;
        return deeds;
}
