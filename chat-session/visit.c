#include "visit.h"

#include <errno.h>
#include <poll.h>

#include <chat/clock.h>
#include <chat/connect.h>

#include "client-output.h"
#include "idle.h"
#include "incoming.h"
#include "liveness.h"
#include "talk.h"

enum { READ_MAX_BYTES = 4096 };

/* What the session waits for. */
enum visit_slot {
        VISIT_INPUT,
        VISIT_OUTPUT,
        VISIT_INBOX,
        VISIT_INTAKE, /* room in it */
        VISIT_SLOTS,
};

/* ---- leaving ---- */

/* Tells a leaving client why it takes so long. */
static void visit_tell_lingering(struct session *s)
{
        size_t lines = uplink_lines_waiting(&s->uplink);
        if (s->state != SESSION_LEAVING)
                return;
        session_become(s, SESSION_LINGERING);
        session_tell(s, &(struct answer){.code = ANSWER_WAITS, .count = lines});
}

/* Gives up the lines of a leaving client that chatd has not taken. */
static void visit_give_up_lines(struct session *s)
{
        size_t lines = uplink_lines_waiting(&s->uplink);
        enum answer_code why = uplink_is_connected(&s->uplink) ? ANSWER_UNSENT : ANSWER_UNSENT_AWAY;
        if (lines > 0)
                session_tell(s, &(struct answer){.code = (uint8_t)why, .count = lines});
        uplink_check_intake(&s->uplink);
        incoming_tell_lost(s);
        session_flush_and_end(s);
}

/* Takes the steps of leaving that do not depend on a datagram. */
static void visit_hand_over(struct session *s)
{
        bool handed_over = !uplink_waits(&s->uplink);
        if (s->uplink.state == UPLINK_PACED) {
                visit_tell_lingering(s);
                /* the deadline counts only while no line waits for its turn */
                s->deadline = s->now + LEAVE_HANDOVER_MS;
        }
        if (handed_over && s->client.is_out_broken)
                session_become(s, SESSION_DONE);
        else if (handed_over && s->deadline > s->now + LEAVE_GOODBYE_MS)
                s->deadline = s->now + LEAVE_GOODBYE_MS;
        else if (s->now >= s->deadline)
                visit_give_up_lines(s);
}

static void visit_advance_leave(struct session *s)
{
        if (session_is_leaving(s))
                visit_hand_over(s);
        if (s->state == SESSION_FLUSHING && (!client_waits(&s->client) || s->now >= s->deadline))
                session_become(s, SESSION_DONE);
}

/* Ends the session because of a signal: the lines of its client go out at once. */
static void visit_terminate(struct session *s)
{
        uplink_unpace(&s->uplink);
        if (s->state == SESSION_TALKING)
                session_tell(s, &(struct answer){.code = ANSWER_SHUT_DOWN});
        talk_leave(s, LEAVE_TERMINATED);
}

/* ---- one turn of the loop ---- */

/* Tells the kind once when chatd is gone, and once when there is a chatd again. */
static void visit_tell_away(struct session *s)
{
        bool away = s->uplink.error != 0;
        if (s->state != SESSION_TALKING || away == s->away || (!away && !uplink_is_connected(&s->uplink)))
                return;
        s->away = away;
        s->kind->away(s->me, away);
}

/* Hands over to chatd what waits. */
static void visit_pump(struct session *s)
{
        if (!session_has_uplink(s))
                return;
        uplink_relayed(&s->uplink, loan_relayed(&s->loan));
        uplink_count(&s->uplink, session_lines_out(s), s->client.skipped_total);
        uplink_pump(&s->uplink, s->now);
        visit_tell_away(s);
}

static enum leave_reason visit_end_of_input(const struct client *c)
{
        if (c->input == CLIENT_TIMED_OUT)
                return LEAVE_TIMEOUT;
        return c->input == CLIENT_BROKE || c->is_out_broken ? LEAVE_RESET : LEAVE_EOF;
}

/* Leaves behind the end of the input, when the kind has taken all of it. */
static void visit_end_input(struct session *s)
{
        if (s->state != SESSION_TALKING || !client_has_ended(&s->client) || s->kind->holds_input(s->me))
                return;
        s->kind->input_end(s->me);
        talk_leave(s, visit_end_of_input(&s->client));
}

/* Does what depends on the time alone. */
static void visit_tick(struct session *s)
{
        liveness_check(s);
        liveness_check_probe(s);
        if (s->now >= s->kind->due(s->me))
                s->kind->tick(s->me);
        visit_end_input(s);
        if (s->presence == SESSION_QUIET && s->now >= s->arrive_at)
                talk_arrive(s);
}

static void visit_flush(struct session *s)
{
        if (!client_waits(&s->client) || !loan_claim(&s->loan))
                return;
        client_flush(&s->client);
        uint64_t lines = client_take_skipped(&s->client);
        if (lines > 0)
                s->kind->skips(s->me, lines);
        if (client_waits(&s->client))
                loan_is_slow(&s->loan);
}

/* Returns true if chatd may write lines to the client: they have the look in which the connection is lent. */
static bool visit_may_lend(const struct session *s)
{
        const char *server;
        return s->kind->look(s->me, &server) == s->loan.look && s->kind->is_plain(s->me);
}

/* Writes what the client takes now, if the session has the turn. */
static void visit_write(struct session *s)
{
        s->kind->draw(s->me);
        visit_flush(s);
        if (s->kind->draw(s->me)) /* there was no room before */
                visit_flush(s);
        if (client_is_deaf(&s->client))
                talk_leave(s, LEAVE_RESET); /* otherwise the client could still talk, and would see nothing */
        if (s->state != SESSION_TALKING || client_waits(&s->client))
                return;
        if (visit_may_lend(s))
                loan_release(&s->loan, &s->client, s->uplink.datagrams);
        else
                loan_keep(&s->loan);
}

/* Returns how many bytes may be read from the client now. */
static size_t visit_may_read(const struct session *s)
{
        if (s->state != SESSION_TALKING || client_has_ended(&s->client))
                return 0;
        size_t most = s->kind->may_read(s->me);
        return most < READ_MAX_BYTES ? most : READ_MAX_BYTES;
}

/* Takes the turn if the session wants to write, or to keep it. Returns false if chatd has it. */
static bool visit_claim(struct session *s)
{
        bool writes = client_waits(&s->client) && !s->client.is_broken_off;
        bool keeps = s->state == SESSION_TALKING && !visit_may_lend(s);
        return (!writes && !keeps) || loan_claim(&s->loan);
}

/* Returns when the loop must go on even if no descriptor is ready. */
static int64_t visit_due(const struct session *s)
{
        int64_t wake = clock_earlier(clock_earlier(liveness_due(s), idle_due(s)), s->kind->due(s->me));
        if (s->state > SESSION_TALKING)
                wake = clock_earlier(wake, s->deadline);
        if (session_has_uplink(s))
                wake = clock_earlier(wake, uplink_wake_ms(&s->uplink));
        if (s->presence == SESSION_QUIET && s->state == SESSION_TALKING)
                wake = clock_earlier(wake, s->arrive_at);
        return s->uplink.is_queue_lost ? s->now : wake;
}

static void visit_wait(struct session *s, struct pollfd fds[static VISIT_SLOTS], const sigset_t *unblocked)
{
        const struct client *c = &s->client;
        const struct uplink *u = &s->uplink;
        bool wants = visit_may_read(s) > 0, watches = s->state == SESSION_TALKING && c->input == CLIENT_OPEN;
        bool writes = client_waits(c) && !c->is_broken_off;
        int64_t wake = visit_due(s);
        if (!visit_claim(s)) {
                writes = false;
                wake = clock_earlier(wake, s->now + s->loan.retry_ms);
        }
        fds[VISIT_INPUT] = (struct pollfd){.fd = wants || watches ? c->in : -1, .events = wants ? POLLIN : 0};
        fds[VISIT_OUTPUT] = (struct pollfd){.fd = writes ? c->out : -1, .events = POLLOUT};
        fds[VISIT_INBOX] = (struct pollfd){.fd = u->inbox, .events = POLLIN};
        fds[VISIT_INTAKE] = (struct pollfd){.fd = u->state == UPLINK_FULL ? u->socket : -1, .events = POLLOUT};

        struct timespec timeout = {0};
        if (wake != INT64_MAX && wake > s->now)
                timeout = clock_timespec(wake - s->now);
        int ready = ppoll(fds, VISIT_SLOTS, wake == INT64_MAX ? NULL : &timeout, unblocked);
        for (int i = 0; ready < 0 && i < VISIT_SLOTS; i++)
                fds[i].revents = 0;
        s->now = clock_ms();
        if (ready > 0)
                idle_end(s);
}

static void visit_take_input(struct session *s)
{
        size_t n = client_read(&s->client, s->datagram, visit_may_read(s));
        if (n > 0)
                s->kind->input(s->me, s->datagram, n);
        visit_end_input(s);
}

static void visit_handle(struct session *s, const struct pollfd fds[static VISIT_SLOTS])
{
        if (fds[VISIT_INPUT].revents && visit_may_read(s) > 0)
                visit_take_input(s);
        else if (fds[VISIT_INPUT].revents && s->client.input == CLIENT_OPEN)
                s->client.input = CLIENT_HUNG_UP;
        if (fds[VISIT_INTAKE].revents)
                uplink_has_room(&s->uplink);
        if (fds[VISIT_INBOX].revents)
                incoming_take(s);
        else if (s->uplink.is_queue_lost)
                incoming_tell_lost(s);
        /* The end of a socket is read later, behind the input that came before it. */
        if (s->client.is_out_broken && !s->client.is_socket)
                talk_leave(s, LEAVE_RESET);
}

/* ---- the beginning ---- */

/* Joins the chat under the name of the connection, unless the client names itself. */
static void visit_introduce(struct session *s)
{
        if (s->kind->joining == KIND_JOINS_AT_ONCE)
                session_introduce(s);
}

void visit_begin(struct session *s, const struct kind *kind, void *me, int in, int out, const struct session_options *o)
{
        s->options = o;
        s->kind = kind;
        s->me = me;
        s->now = clock_ms();
        s->uplink.queue = &s->queue;
        s->uplink.inbox = -1;
        s->uplink.socket = connect_socket();
        s->uplink.confinement = o->confinement;
        client_init(&s->client, in, out);
        client_keep_alive(&s->client, o->client_timeout_ms);
        idle_end(s);
        kind->begin(me, s);
        if (kind->joining == KIND_JOINS_NEVER)
                return;
        peer_identify(&s->peer, in);
        if (!o->is_proxied)
                visit_introduce(s);
}

/* Tells a client why the session itself refuses it: a code without details. */
static void visit_tell_refused(struct session *s, enum answer_code why)
{
        const struct answer a = {.code = (uint8_t)why};
        uint8_t bytes[1];
        size_t size = answer_encode(bytes, sizeof(bytes), &a);
        s->kind->refusal(s->me, &(struct frame){.type = FRAME_REFUSED, .answer = {(const char *)bytes, size}});
}

void visit_refuse_unconfined(struct session *s, int error)
{
        if (s->kind->joining != KIND_JOINS_NEVER)
                uplink_unserved(&s->uplink, s->options->dir, error);
        visit_tell_refused(s, ANSWER_UNCONFINED);
        session_flush_and_end(s);
        client_flush(&s->client);
        client_close(&s->client);
}

/* Serves a proxy's own connection. Returns true if the proxy sends something. A health check sends nothing, and the
 * chat must not hear of it. */
static bool visit_proxy_speaks(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        int64_t deadline = s->now + PROXY_SILENT_MS;
        session_tell(s, &(struct answer){.code = ANSWER_SERVES});
        client_flush(&s->client);
        while (!*stop && s->now < deadline) {
                struct pollfd in = {.fd = s->client.in, .events = POLLIN};
                struct timespec left = clock_timespec(deadline - s->now);
                if (ppoll(&in, 1, &left, unblocked) > 0)
                        return !client_is_gone(&s->client);
                s->now = clock_ms();
        }
        return false;
}

/* Turns away a client whose proxy did not name it. chatd is told, for the journal. */
static void visit_refuse_header(struct session *s, int error)
{
        visit_tell_refused(s, ANSWER_UNNAMED);
        if (s->presence == SESSION_STRANGER && s->kind->joining != KIND_JOINS_NEVER)
                session_introduce(s);
        talk_not_chat(s, peer_error_name(error));
}

/* Reads what the proxy says of its client. Returns true if there is a client to serve or to turn away. */
static bool visit_take_header(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        int r = peer_identify_proxied(&s->peer, s->client.in);
        s->now = clock_ms();
        if (r == -ENODATA || (r >= 0 && client_is_gone(&s->client)))
                return false;
        if (r == PROXY_LOCAL && !visit_proxy_speaks(s, unblocked, stop))
                return false;
        if (r < 0)
                visit_refuse_header(s, r);
        else
                visit_introduce(s);
        return true;
}

void visit_run(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        struct pollfd fds[VISIT_SLOTS];

        if (client_is_gone(&s->client))
                return; /* a port scan, or one of many quick connections: the chat need not hear of it */
        if (s->options->is_proxied && !visit_take_header(s, unblocked, stop)) {
                client_close(&s->client);
                return;
        }
        for (;;) {
                visit_tick(s);
                visit_pump(s);
                visit_write(s);
                visit_advance_leave(s);
                liveness_give_up_gone(s);
                if (s->state == SESSION_DONE)
                        break;
                idle_check(s);
                visit_wait(s, fds, unblocked);
                visit_handle(s, fds);
                if (*stop)
                        visit_terminate(s);
        }
        uplink_close(&s->uplink);
        client_close(&s->client);
}
