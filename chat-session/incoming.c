#include "incoming.h"

#include <stdio.h>

#include <chat/clock.h>
#include <chat/display.h>

#include "editing.h"
#include "liveness.h"
#include "obey.h"

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
                session_give_up_rest(s);
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
        session_give_up_rest(s);
        session_tell(s, text);
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
        session_greet(s, f->members);
        if (!s->welcomed)
                s->arrive_at = s->alive ? s->now : s->now + ARRIVE_MS;
        s->welcomed = true;
        if (text[0] != '\0')
                session_tell(s, text);
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
                session_give_up_rest(s);
        zone_name(&s->view.zone, (int64_t)now, zone);
        snprintf(intro, sizeof(intro), "Earlier here (times in %s):", zone);
        session_tell(s, intro);
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
                session_give_up_rest(s);
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

void incoming_tell_lost(struct session *s)
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
        session_give_up_rest(s);
        if (lines > 0)
                session_tell(s, text);
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
        if (s->kicked || s->state == SESSION_FLUSHING || s->uplink.stage == UPLINK_DEPARTED)
                return; /* a chatd that meets the request again sends this again */
        s->kicked = true;
        uplink_discard(&s->uplink);
        if (s->outlet.had > 0)
                session_give_up_rest(s);
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

void incoming_take(struct session *s)
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
                session_turn_away(s, f.text);
                break;
        case FRAME_GOODBYE:
                if (s->state == SESSION_LEAVING)
                        session_flush_and_end(s);
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
                liveness_probe(s, f.key, f.text);
                break;
        case FRAME_KICKED:
                on_kicked(s, f.text);
                break;
        case FRAME_LEND: /* behind everything that an earlier chatd relayed */
                session_give_up_rest(s);
                s->uplink.taken = 0;
                if (s->state == SESSION_TALKING && f.number == OUTLET_LAYOUT && !s->options->charset)
                        outlet_lend(&s->outlet, &fds, &s->client);
                break;
        default:
                break;
        }
        socket_close_fds(&fds);
}
