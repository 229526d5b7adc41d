#include "visit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include <chat/clock.h>
#include <chat/connect.h>

#include "editing.h"
#include "incoming.h"
#include "liveness.h"

/* Tells a leaving client, once, why it takes so long. */
static void tell_on_their_way(struct session *s)
{
        char text[80];
        size_t lines = uplink_lines_waiting(&s->uplink);
        if (s->waiting_told)
                return;
        s->waiting_told = true;
        snprintf(text, sizeof(text), "%zu line%s still being sent; you leave after that", lines,
                 lines == 1 ? " is" : "s are");
        session_tell(s, text);
}

/* Ends the session because it was told to stop: the lines of its client go out at once. */
static void terminate(struct session *s)
{
        s->terminated = true;
        uplink_unpace(&s->uplink);
        if (s->state == SESSION_TALKING)
                session_tell(s, "The chat was shut down");
        session_leave(s, LEAVE_TERMINATED);
}

/* Tells the client once when chatd is gone, and once when there is a chatd again. */
static void tell_away(struct session *s)
{
        bool away = s->uplink.error != 0;
        if (s->state != SESSION_TALKING || away == s->away_told || (!away && !uplink_is_connected(&s->uplink)))
                return;
        s->away_told = away;
        session_greet(s, 0);
        session_tell(s, away ? "The chat is unavailable right now; what you type is sent when it is back"
                             : "The chat is back");
}

/* Takes the steps of leaving that do not depend on a datagram. */
static void advance_leave(struct session *s)
{
        if (s->state == SESSION_LEAVING) {
                bool handed_over = !uplink_waits(&s->uplink);
                if (s->uplink.state == UPLINK_PACED) {
                        tell_on_their_way(s);
                        /* the deadline counts only while no line waits for its turn */
                        s->deadline = s->now + LEAVE_HANDOVER_MS;
                }
                if (handed_over && s->client.out_broken) {
                        s->state = SESSION_DONE;
                } else if (handed_over && s->deadline > s->now + LEAVE_GOODBYE_MS) {
                        s->deadline = s->now + LEAVE_GOODBYE_MS;
                } else if (s->now >= s->deadline) {
                        size_t lost = uplink_lines_waiting(&s->uplink);
                        char text[80];
                        snprintf(text, sizeof(text), "%zu line%s not sent%s", lost, lost == 1 ? " was" : "s were",
                                 !uplink_is_connected(&s->uplink) ? ": the chat is unavailable" : "");
                        if (lost > 0)
                                session_tell(s, text);
                        uplink_check_intake(&s->uplink);
                        incoming_tell_lost(s);
                        session_flush_and_end(s);
                }
        }
        if (s->state == SESSION_FLUSHING && (!client_waits(&s->client) || s->now >= s->deadline))
                s->state = SESSION_DONE;
}

/* Returns true if the client wants lines as chatd would write them. */
static bool looks_plain(const struct session *s)
{
        return !s->edits && s->client.columns == 0 && view_is_plain(&s->view);
}

static void flush(struct session *s)
{
        if (!client_waits(&s->client) || !outlet_claim(&s->outlet))
                return;
        client_flush(&s->client);
        if (client_waits(&s->client))
                outlet_is_slow(&s->outlet);
}

/* Writes what the client takes now, if the session has the turn. */
static void write_to_client(struct session *s)
{
        editing_draw(s);
        flush(s);
        if (editing_draw(s)) /* there was no room before */
                flush(s);
        if (client_is_deaf(&s->client))
                session_leave(s, LEAVE_RESET); /* it would see nothing, and could still talk */
        if (s->state != SESSION_TALKING || client_waits(&s->client))
                return;
        if (looks_plain(s))
                outlet_release(&s->outlet, &s->client, s->uplink.taken);
        else
                outlet_keep(&s->outlet, s->uplink.taken);
}

static void wait_for_events(struct session *s, struct pollfd fds[static 4], const sigset_t *unblocked)
{
        const struct client *c = &s->client;
        const struct uplink *u = &s->uplink;
        int64_t wake = INT64_MAX;

        bool wants = input_may_read(s) > 0, watches = s->state == SESSION_TALKING && !c->hung_up;
        bool writes = client_waits(c) && !c->broken_off;
        bool keeps = s->state == SESSION_TALKING && !looks_plain(s);
        if ((writes || keeps) && !outlet_claim(&s->outlet)) {
                writes = false;
                wake = s->now + s->outlet.retry_ms;
        }
        fds[0] = (struct pollfd){.fd = wants || watches ? c->in : -1, .events = wants ? POLLIN : 0};
        fds[1] = (struct pollfd){.fd = writes ? c->out : -1, .events = POLLOUT};
        fds[2] = (struct pollfd){.fd = u->inbox, .events = POLLIN};
        fds[3] = (struct pollfd){.fd = u->state == UPLINK_FULL ? u->socket : -1, .events = POLLOUT};
        if (s->state == SESSION_LEAVING || s->state == SESSION_FLUSHING)
                wake = clock_earlier(wake, s->deadline);
        if (!s->echo && s->state != SESSION_FLUSHING)
                wake = clock_earlier(wake, uplink_wake_ms(u));
        if (s->check_at != 0)
                wake = clock_earlier(wake, s->check_at);
        if (s->probe_at != 0)
                wake = clock_earlier(wake, s->probe_at);
        if (s->completing != 0)
                wake = clock_earlier(wake, s->complete_by);
        if (s->greet_at != 0 && s->input.protocol == PROTOCOL_CHAT)
                wake = clock_earlier(wake, s->greet_at);
        if (s->arrive_at != 0)
                wake = clock_earlier(wake, s->arrive_at);
        if (u->queue_lost)
                wake = s->now;

        struct timespec timeout = {0};
        if (wake != INT64_MAX && wake > s->now)
                timeout = clock_timespec(wake - s->now);
        if (ppoll(fds, 4, wake == INT64_MAX ? NULL : &timeout, unblocked) < 0)
                for (int i = 0; i < 4; i++)
                        fds[i].revents = 0;
        s->now = clock_ms();
}

static void handle_events(struct session *s, const struct pollfd fds[static 4])
{
        if (fds[0].revents && input_may_read(s) > 0)
                input_take(s);
        else if (fds[0].revents)
                s->client.hung_up = true;
        if (fds[3].revents)
                uplink_has_room(&s->uplink);
        if (fds[2].revents)
                incoming_take(s);
        else if (s->uplink.queue_lost)
                incoming_tell_lost(s);
        if (s->client.out_broken && !s->client.is_socket)
                /* for a socket the session reads the end, behind the input that came before it */
                session_leave(s, LEAVE_RESET);
}

/* Begins the uplink, once the client's name is known. */
static void introduce(struct session *s)
{
        uplink_init(&s->uplink, s->options->dir, slice_of(s->peer.name), slice_of(s->peer.address), s->options->pace);
}

void visit_begin(struct session *s, int in, int out, const struct session_options *o)
{
        s->options = o;
        s->echo = o->echo;
        s->client_timeout_ms = o->client_timeout_ms;
        s->now = clock_ms();
        s->uplink.inbox = -1;
        s->uplink.socket = connect_socket();
        s->uplink.confinement = o->confinement;
        client_init(&s->client, in, out);
        s->client.charset = o->charset;
        client_keep_alive(&s->client, o->client_timeout_ms);
        input_begin(s);
        if (!s->echo)
                peer_identify(&s->peer, in);
        if (!s->echo && !o->proxied)
                introduce(s);
}

void visit_refuse(struct session *s, const char *why)
{
        session_turn_away(s, slice_of(why));
        client_flush(&s->client);
        client_close(&s->client);
}

void visit_refuse_unconfined(struct session *s, int error)
{
        if (!s->echo)
                uplink_unserved(&s->uplink, s->options->dir, error);
        visit_refuse(s, "the session has no sandbox on this host");
}

/* Serves a proxy's own connection. Returns true if it says something. A health check says nothing, and the chat must
 * not hear of it. */
static bool proxy_speaks(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        int64_t deadline = s->now + PROXY_SILENT_MS;
        session_tell(s, "The chat is here");
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

/* Reads what the proxy says of its client. Returns true if there is a client to serve or to turn away. */
static bool take_header(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        int r = peer_identify_proxied(&s->peer, s->client.in);
        s->now = clock_ms();
        if (r == -ENODATA || (r >= 0 && client_is_gone(&s->client)))
                return false;
        if (r == PROXY_LOCAL && !proxy_speaks(s, unblocked, stop))
                return false;
        if (!s->echo)
                introduce(s);
        if (r < 0) { /* chatd is told, for the journal */
                struct slice why = slice_of("*** You cannot join: the proxy did not say where you come from");
                client_line(&s->client, &why, 1);
                s->input.protocol = protocol_of_header(r);
                session_leave(s, LEAVE_NOT_CHAT);
        }
        return true;
}

void visit_run(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        struct pollfd fds[4];

        if (client_is_gone(&s->client))
                return; /* a port scan, or one of many quick connections: the chat need not hear of it */
        if (s->options->proxied && !take_header(s, unblocked, stop)) {
                client_close(&s->client);
                return;
        }
        if (!s->echo)
                s->greet_at = s->now + GREET_MS;
        while (s->state != SESSION_DONE) {
                liveness_check(s);
                liveness_check_probe(s);
                if (s->completing != 0 && s->now >= s->complete_by)
                        editing_give_up(s);
                if (s->greet_at != 0 && s->now >= s->greet_at)
                        session_greet(s, 0);
                if (s->arrive_at != 0 && s->now >= s->arrive_at)
                        session_arrive(s);
                if (!s->echo && s->state != SESSION_FLUSHING) {
                        uplink_relayed(&s->uplink, outlet_relayed(&s->outlet));
                        uplink_count(&s->uplink, session_lines_out(s), s->client.skipped_all);
                        uplink_pump(&s->uplink, s->now);
                        tell_away(s);
                }
                write_to_client(s);
                advance_leave(s);
                liveness_give_up_gone(s);
                if (s->state == SESSION_DONE)
                        break;
                wait_for_events(s, fds, unblocked);
                handle_events(s, fds);
                if (*stop && !s->terminated)
                        terminate(s);
        }
        uplink_close(&s->uplink);
        client_close(&s->client);
}
