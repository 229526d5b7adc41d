#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include <chat/clock.h>
#include <chat/connect.h>
#include <chat/display.h>

#include "editing.h"
#include "obey.h"
#include "wrap.h"

#define NOTICE_PREFIX "*** "

void session_notice_indented(struct session *s, struct slice text, size_t indent)
{
        struct slice parts[] = {slice_of(text.len > 0 ? NOTICE_PREFIX : "***"), text};
        client_line_hanging(&s->client, parts, 2, indent);
}

void session_notice(struct session *s, struct slice text)
{
        session_notice_indented(s, text, WRAP_INDENT);
}

static void notice(struct session *s, const char *text)
{
        session_notice(s, slice_of(text));
}

/* Greets the client once. `people` is how many are here, or 0 if chatd has not said so in time. */
static void greet(struct session *s, uint64_t people)
{
        char count[64] = "";
        if (people == 1)
                snprintf(count, sizeof(count), " Nobody else is here yet.");
        else if (people > 1)
                snprintf(count, sizeof(count), " %llu people are here, including you.", (unsigned long long)people);
        struct slice parts[] = {slice_of(NOTICE_PREFIX "Welcome, "), slice_of(s->peer.name), slice_of("."),
                                slice_of(count)};
        if (s->greet_at == 0 || s->state >= SESSION_FLUSHING || s->input.protocol != PROTOCOL_CHAT)
                return;
        s->greet_at = 0;
        client_line_hanging(&s->client, parts, 4, 0);
        notice(s, "What you type goes to everyone here. /help lists the commands; exit leaves.");
}

void session_arrive(struct session *s)
{
        s->alive = true;
        if (s->arrive_at == 0 || s->state != SESSION_TALKING)
                return;
        s->arrive_at = 0;
        uplink_arrive(&s->uplink);
}

/* Ends a line whose rest will not come, because other output comes in its place. */
static void give_up_rest(struct session *s)
{
        if (s->client.broken_off || s->outlet.had > 0)
                client_give_up_rest(&s->client);
        s->outlet.had = s->outlet.rest.bytes = 0;
}

static void flush_and_end(struct session *s)
{
        give_up_rest(s);
        s->state = SESSION_FLUSHING;
        s->deadline = s->now + LEAVE_FLUSH_MS;
}

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
        notice(s, text);
}

static uint64_t lines_out(const struct session *s)
{
        return s->client.lines_out + outlet_lines_out(&s->outlet);
}

void session_leave(struct session *s, enum leave_reason reason)
{
        if (s->state != SESSION_TALKING)
                return;
        if (s->echo) {
                flush_and_end(s);
                return;
        }
        struct slice text = slice_of(reason == LEAVE_NOT_CHAT ? protocol_name(s->input.protocol) : "");
        uplink_bye(&s->uplink, reason, text, lines_out(s), s->client.skipped_all);
        s->state = SESSION_LEAVING;
        s->deadline = s->now + LEAVE_HANDOVER_MS;
}

/* Ends the session because it was told to stop: the lines of its client go out at once. */
static void terminate(struct session *s)
{
        s->terminated = true;
        s->uplink.pace = (struct pace){0};
        s->uplink.paced = false;
        if (s->state == SESSION_TALKING)
                notice(s, "The chat was shut down");
        session_leave(s, LEAVE_TERMINATED);
}

/* Notes what commands need to know of a record: names, and the last private message. */
static void take_note(struct session *s, const struct record *r)
{
        bool hidden = ignored_hides(&s->view.ignored, r);
        if (s->edits && !hidden)
                names_note(&s->names, r);
        if (r->kind != RECORD_PRIVATE || hidden)
                return;
        s->writer_id = r->id;
        snprintf(s->writer, sizeof(s->writer), "%.*s", (int)r->name.len, r->name.at);
}

/* Shows a record of which the client has nothing, in the way that the client chose. */
static void show_new(struct session *s, const struct record *r, struct slice parts[static VIEW_PARTS_MAX], size_t n)
{
        if (s->client.broken_off)
                give_up_rest(s);
        if (!view_is_plain(&s->view))
                n = view_parts(&s->view, r, slice_of(s->peer.name), clock_realtime_s(), parts);
        if (n > 0)
                client_line(&s->client, parts, n);
}

/* Shows what the client has not seen of a record. A record that came before is not shown again, with one exception: the
 * rest of a line that chatd, which does not compare, wrote in part, as after a second HELLO under the same id. */
static void show_record(struct session *s, const struct record *r, bool seen)
{
        struct slice parts[VIEW_PARTS_MAX];
        size_t n = display_parts(r, parts), has = outlet_has(&s->outlet, r);

        if (r->kind == RECORD_RENAMED && !seen)
                ignored_note(&s->view.ignored, r);
        if (n == 0 || has == display_bytes(r) || (seen && has == 0))
                return;
        take_note(s, r);
        if (has > 0)
                client_rest(&s->client, parts, n, has);
        else
                show_new(s, r, parts, n);
        ignored_note(&s->view.ignored, r);
}

static void show_batch(struct session *s, struct wire_reader records)
{
        struct record r;
        while (record_next(&records, &r) > 0)
                if (record_is_bounded(&r))
                        show_record(s, &r, seen_before(&s->seen, r.id, r.number));
        s->outlet.had = 0;
}

static void show_missed(struct session *s, uint64_t missed)
{
        char text[80];
        if (missed == MISSED_UNKNOWN)
                snprintf(text, sizeof(text), "Some lines were skipped: your session was not running");
        else
                snprintf(text, sizeof(text), "%llu line%s skipped: your session was not running",
                         (unsigned long long)missed, missed == 1 ? "" : "s");
        give_up_rest(s);
        notice(s, text);
}

/* Sets the client's name to the one that others see. */
static void be_called(struct session *s, struct slice name)
{
        if (name.len == 0 || name.len >= sizeof(s->peer.name))
                return;
        memmove(s->peer.name, name.at, name.len);
        s->peer.name[name.len] = '\0';
        s->uplink.name = slice_of(s->peer.name);
}

/* Takes the name in WELCOME, which others see. It may differ from the name that the client came with. The greeting says
 * which name it is. If the client had asked for another name, a notice says why. */
static void on_welcome(struct session *s, const struct frame *f)
{
        char text[2 * NAME_MAX_BYTES + 64] = "";
        const struct slice name = f->name;
        bool other = name.len > 0 && !slice_equal(name, slice_of(s->peer.name)), greeted = s->greet_at == 0;
        bool had_none = strcmp(s->peer.name, s->peer.address) == 0; /* an address is unique */
        if (other && !had_none)
                snprintf(text, sizeof(text), "The name %s is taken. Others see you as %.*s", s->peer.name,
                         (int)name.len, name.at);
        else if (other && greeted)
                snprintf(text, sizeof(text), "Others see you as %.*s", (int)name.len, name.at);
        be_called(s, name);
        greet(s, f->members);
        if (!s->welcomed)
                s->arrive_at = s->alive ? s->now : s->now + ARRIVE_MS;
        s->welcomed = true;
        if (text[0] != '\0')
                notice(s, text);
}

static void show_lines(struct session *s, struct slice text)
{
        struct slice line;
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                session_notice(s, line);
        }
}

/* Shows past lines, once for each request and once for a newcomer. */
static void show_past(struct session *s, const struct frame *f)
{
        struct wire_reader records = f->records;
        struct record r;
        uint64_t now = (uint64_t)clock_realtime_s(), uptime = clock_boottime_us() / 1000000;
        char zone[ZONE_NAME_BYTES], intro[sizeof("Earlier here (times in ):") + ZONE_NAME_BYTES];
        if (f->number < s->past)
                return;
        s->past = f->number + 1;
        if (wire_left(&records) == 0)
                return;
        if (s->outlet.had > 0) /* as with an answer */
                give_up_rest(s);
        zone_name(&s->view.zone, (int64_t)now, zone);
        snprintf(intro, sizeof(intro), "Earlier here (times in %s):", zone);
        notice(s, intro);
        while (record_next(&records, &r) > 0) {
                if (!record_is_bounded(&r))
                        continue;
                struct slice parts[DISPLAY_PARTS_MAX + 1];
                char time_text[VIEW_PAST_TIME_BYTES];
                size_t n = display_parts(&r, parts + 1);
                view_past_time(&s->view, r.number, now, uptime, time_text);
                parts[0] = slice_of(time_text);
                if (n > 0 && !ignored_hides(&s->view.ignored, &r))
                        client_line(&s->client, parts, n + 1);
        }
}

/* Returns true for the first answer to each request: there may be two if chatd died in between. */
static bool is_first_answer(struct session *s, const struct frame *f)
{
        if (f->number <= s->answered)
                return false;
        s->answered = f->number;
        if (s->outlet.had >
            0) /* from a living chatd, which would have sent the rest before this answer if there had been room */
                give_up_rest(s);
        return true;
}

static void show_answer(struct session *s, const struct frame *f)
{
        if (!is_first_answer(s, f))
                return;
        be_called(s, f->name); /* what follows waits behind the rest that the next chatd will send */
        show_lines(s, f->text);
}

/* Shows the client a private message that it sent. No other line begins with "-> ", because no name does
 * (chat/names.h). */
static void show_sent(struct session *s, const struct frame *f)
{
        struct slice parts[] = {slice_of("-> "), f->name, slice_of(": "), f->text};
        if (is_first_answer(s, f))
                client_line(&s->client, parts, 4);
}

/* Shows TEXT, once for each HELLO. chatd sends it again if it meets the HELLO again after a restart. */
static void show_text(struct session *s, const struct frame *f)
{
        if (f->number <= s->text_shown)
                return;
        s->text_shown = f->number;
        show_lines(s, f->text);
}

/* Tells the client how many of its last lines were in a queue that is gone. Ends a line of which the client has only
 * the beginning. */
static void tell_lost(struct session *s)
{
        char text[96];
        uplink_relayed(&s->uplink, outlet_relayed(&s->outlet)); /* the last that chatd stated */
        uint64_t lines = uplink_lost_lines(&s->uplink);
        if (lines == 1)
                snprintf(text, sizeof(text), "The chat lost its queue: your last line may not have reached everybody");
        else
                snprintf(text, sizeof(text),
                         "The chat lost its queue: your last %llu lines may not have reached everybody",
                         (unsigned long long)lines);
        give_up_rest(s);
        if (lines > 0)
                notice(s, text);
}

static void on_refused(struct session *s, struct slice why)
{
        struct slice parts[] = {slice_of("*** You cannot join: "), why};
        client_line(&s->client, parts, 2);
        flush_and_end(s);
}

/* Returns true if the client is removed because of a ban. */
static bool is_ban(struct slice why)
{
        size_t len = strlen(KICKED_BANNED);
        return why.len >= len && memcmp(why.at, KICKED_BANNED, len) == 0 && (why.len == len || why.at[len] == ':');
}

/* Obeys KICKED: an administrator removed the client. Lines that are not sent yet are discarded. */
static void on_kicked(struct session *s, struct slice why)
{
        const char *separator = is_ban(why) ? " and " : why.len > 0 ? ": " : "";
        struct slice parts[] = {slice_of("*** You were removed"), slice_of(separator), why};
        if (s->kicked || s->state == SESSION_FLUSHING || s->uplink.departed)
                return; /* a chatd that meets the request again sends this again */
        s->kicked = true;
        uplink_discard(&s->uplink);
        if (s->outlet.had > 0)
                give_up_rest(s);
        client_line(&s->client, parts, 3);
        if (s->state == SESSION_LEAVING) /* much is still to be handed over, with BYE behind it */
                s->state = SESSION_TALKING;
        session_leave(s, LEAVE_KICKED);
}

/* Takes account of what chatd did on its own before this datagram. */
static void catch_up(struct session *s, uint64_t epoch)
{
        bool first = s->seen.epoch == 0, another = s->seen.epoch != epoch;
        uplink_relayed(&s->uplink, outlet_relayed(&s->outlet));
        s->client.sent |= outlet_wrote(&s->outlet);
        if (another)
                outlet_end(&s->outlet, &s->client, &s->seen, s->uplink.id);
        else
                outlet_settle(&s->outlet, &s->client);
        if (seen_epoch(&s->seen, epoch) && !first)
                uplink_answer_uncalled(&s->uplink, s->now); /* the inbox may be too full for the roll call */
}

/* Tells the client that another member asks for its name. The client may have vanished, which the network may not
 * report for minutes; now it has something to acknowledge. */
static void probe(struct session *s, uint64_t asker, struct slice text)
{
        /* the notice has the asker's name */
        bool ignored = ignored_find(&s->view.ignored, asker, (struct slice){"", 0});
        if (s->state != SESSION_TALKING || s->now < s->probe_again_at || ignored)
                return;
        s->probe_again_at = s->now + PROBE_AGAIN_MS;
        s->probe_at = s->now + PROBE_MS;
        session_notice(s, text);
}

static void take_datagram(struct session *s)
{
        struct frame f;
        struct socket_fds fds;
        if (!uplink_receive(&s->uplink, s->datagram, &f, &fds))
                return;
        catch_up(s, f.id);
        switch (f.type) {
        case FRAME_WELCOME:
                on_welcome(s, &f);
                break;
        case FRAME_BATCH:
                uplink_relayed(&s->uplink, f.number);
                show_batch(s, f.records);
                break;
        case FRAME_RELAYED:
                uplink_relayed(&s->uplink, f.number);
                break;
        case FRAME_MISSED:
                show_missed(s, f.number);
                break;
        case FRAME_ROLLCALL:
                uplink_answer(&s->uplink);
                break;
        case FRAME_REFUSED:
                on_refused(s, f.text);
                break;
        case FRAME_GOODBYE:
                if (s->state == SESSION_LEAVING)
                        flush_and_end(s);
                break;
        case FRAME_ANSWER:
                show_answer(s, &f);
                break;
        case FRAME_SENT:
                show_sent(s, &f);
                break;
        case FRAME_NAMES:
                if (s->edits && s->completing != 0 && f.number == s->completing)
                        editing_complete(s, f.text);
                break;
        case FRAME_FOUND:
                if (is_first_answer(s, &f))
                        obey_found(s, &f);
                break;
        case FRAME_PAST:
                show_past(s, &f);
                break;
        case FRAME_TEXT:
                show_text(s, &f);
                break;
        case FRAME_PROBE:
                probe(s, f.key, f.text);
                break;
        case FRAME_KICKED:
                on_kicked(s, f.text);
                break;
        case FRAME_LEND: /* behind everything that an earlier chatd relayed */
                give_up_rest(s);
                s->uplink.taken = 0;
                if (s->state == SESSION_TALKING && f.number == OUTLET_LAYOUT && !s->options->charset)
                        outlet_lend(&s->outlet, &fds, &s->client);
                break;
        default:
                break;
        }
        socket_close_fds(&fds);
}

/* Tells the client once when chatd is gone, and once when there is a chatd again. */
static void tell_away(struct session *s)
{
        bool away = s->uplink.error != 0;
        if (s->state != SESSION_TALKING || away == s->away_told || (!away && !s->uplink.connected))
                return;
        s->away_told = away;
        greet(s, 0);
        notice(s,
               away ? "The chat is unavailable right now; what you type is sent when it is back" : "The chat is back");
}

/* Takes the steps of leaving that do not depend on a datagram. */
static void advance_leave(struct session *s)
{
        if (s->state == SESSION_LEAVING) {
                bool handed_over = !uplink_waits(&s->uplink);
                if (s->uplink.paced) {
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
                                 !s->uplink.connected ? ": the chat is unavailable" : "");
                        if (lost > 0)
                                notice(s, text);
                        uplink_check_intake(&s->uplink);
                        tell_lost(s);
                        flush_and_end(s);
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
        fds[3] = (struct pollfd){.fd = u->blocked ? u->socket : -1, .events = POLLOUT};
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
                take_datagram(s);
        else if (s->uplink.queue_lost)
                tell_lost(s);
        if (s->client.out_broken && !s->client.is_socket)
                /* for a socket the session reads the end, behind the input that came before it */
                session_leave(s, LEAVE_RESET);
}

static void time_out(struct session *s)
{
        s->client.out_broken = true;
        session_leave(s, LEAVE_TIMEOUT);
}

static void check_probe(struct session *s)
{
        if (s->probe_at == 0 || s->now < s->probe_at)
                return;
        s->probe_at = 0;
        if (s->client_timeout_ms > 0 && client_deaf_ms(&s->client) >= PROBE_MS)
                time_out(s);
}

/* Ends the session of a client that has vanished without the network's saying so: it acknowledges nothing. A client
 * that is slow, or stopped for a night, still acknowledges: TCP_USER_TIMEOUT, tcp(7), would disconnect both. */
static void check_client(struct session *s)
{
        if (s->check_at == 0 && client_sent(&s->client) && s->client_timeout_ms > 0) {
                s->check_at = s->now + clock_earlier(CLIENT_CHECK_MS, s->client_timeout_ms);
                s->checked_from = s->now;
        }
        if (s->check_at == 0 || s->now < s->check_at)
                return;
        /* At most as long as the client has had something to acknowledge. */
        int64_t silent_ms = clock_earlier(client_silent_ms(&s->client), s->now - s->checked_from);
        s->check_at = 0;
        if (silent_ms >= s->client_timeout_ms) {
                time_out(s);
        } else if (silent_ms >= 0) {
                s->check_at = s->now + clock_earlier(CLIENT_CHECK_MS, s->client_timeout_ms);
        }
}

/* Gives up a client that left while no chatd takes its last lines: there is nobody to be told of that either. The
 * session does not read the input behind those lines, so it would not learn that it must leave before there is a chatd,
 * and there may never be one. */
static void give_up_gone(struct session *s)
{
        if (s->state != SESSION_TALKING || !s->client.hung_up || s->uplink.connected)
                s->gone_at = 0;
        else if (s->gone_at == 0)
                s->gone_at = s->now + LEAVE_HANDOVER_MS;
        else if (s->now >= s->gone_at)
                s->state = SESSION_DONE;
}

/* Begins the uplink, once the client's name is known. */
static void introduce(struct session *s)
{
        uplink_init(&s->uplink, s->options->dir, slice_of(s->peer.name), slice_of(s->peer.address), s->options->pace);
}

void session_begin(struct session *s, int in, int out, const struct session_options *o)
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

void session_refuse(struct session *s, const char *why)
{
        on_refused(s, slice_of(why));
        client_flush(&s->client);
        client_close(&s->client);
}

void session_refuse_unconfined(struct session *s, int error)
{
        if (!s->echo)
                uplink_unserved(&s->uplink, s->options->dir, error);
        session_refuse(s, "the session has no sandbox on this host");
}

/* Serves a proxy's own connection. Returns true if it says something. A health check says nothing, and the chat must
 * not hear of it. */
static bool proxy_speaks(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
{
        int64_t deadline = s->now + PROXY_SILENT_MS;
        notice(s, "The chat is here");
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

void session_run(struct session *s, const sigset_t *unblocked, const volatile sig_atomic_t *stop)
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
                check_client(s);
                check_probe(s);
                if (s->completing != 0 && s->now >= s->complete_by)
                        editing_give_up(s);
                if (s->greet_at != 0 && s->now >= s->greet_at)
                        greet(s, 0);
                if (s->arrive_at != 0 && s->now >= s->arrive_at)
                        session_arrive(s);
                if (!s->echo && s->state != SESSION_FLUSHING) {
                        uplink_relayed(&s->uplink, outlet_relayed(&s->outlet));
                        uplink_count(&s->uplink, lines_out(s), s->client.skipped_all);
                        uplink_pump(&s->uplink, s->now);
                        tell_away(s);
                }
                write_to_client(s);
                advance_leave(s);
                give_up_gone(s);
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
