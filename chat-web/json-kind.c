#include "json-kind.h"

#include <chat/clock.h>

#include "../chat-session/client-output.h"

#include "events.h"
#include "form.h"
#include "requests.h"
#include "rooms.h"

void json_begin(void *me, struct session *s)
{
        struct web *w = me;
        w->session = s;
        w->client = talk_client(s);
        w->client->is_indivisible = true; /* half an object is none, and a message has its length in front */
}

/* ---- bytes from the client ---- */

/* So few bytes are read that each request in them can wait for its answer. */
size_t json_may_read(const void *me)
{
        const struct web *w = me;
        if (!w->is_welcomed || w->reentered < w->rooms_count || client_room(w->client) < WEB_OUTPUT_MAX_BYTES ||
            talk_room(w->session) < WEB_QUEUE_MIN_BYTES)
                return 0;
        return requests_free(w) * WEB_REQUEST_MIN_BYTES;
}

static void json_take_line(struct web *w)
{
        struct slice line = {w->line, w->line_len};
        if (line.len > 0 && line.at[line.len - 1] == '\r')
                line.len--;
        if (w->skips_line)
                requests_refuse_long(w);
        else if (line.len > 0)
                requests_take(w, line);
        w->line_len = 0;
        w->skips_line = false;
}

static void json_input(void *me, const uint8_t *bytes, size_t n)
{
        struct web *w = me;
        for (size_t i = 0; i < n && talk_is_open(w->session); i++) {
                if (bytes[i] == '\n')
                        json_take_line(w);
                else if (w->line_len < sizeof(w->line))
                        w->line[w->line_len++] = (char)bytes[i];
                else
                        w->skips_line = true;
        }
}

static bool json_holds_input(const void *me)
{
        (void)me;
        return false;
}

static void json_input_end(void *me)
{
        json_take_line(me);
}

/* ---- events from the chat ---- */

static void json_welcome(void *me, struct slice asked, uint64_t members)
{
        struct web *w = me;
        w->is_welcomed = true;
        events_welcome(w, asked, members);
        rooms_reenter(w);
}

static void json_record(void *me, const struct record *r)
{
        struct web *w = me;
        events_record(w, r, (uint64_t)clock_realtime_ms());
}

static void json_note(void *me, const struct record *r)
{
        struct web *w = me;
        if (record_is_line(r) && r->id != talk_id(w->session))
                rooms_saw(w, r->room, r->id, r->number);
}

/* Finds the line that the client had. Returns the records behind it, or all records if it is not among them. */
static struct wire_reader json_skip_known(struct web *w, struct web_room *room, struct wire_reader records)
{
        struct wire_reader all = records;
        struct record r;
        if (room->since.number == 0)
                return all;
        while (record_next_styled(&records, &r) > 0)
                if (r.kind != RECORD_TIME && r.id == room->since.id && r.number == room->since.number)
                        return records;
        events_missing(w, room);
        return all;
}

/* Returns the room whose past lines these are, or NULL. */
static struct web_room *json_room_of(struct web *w, struct wire_reader records)
{
        struct record r;
        while (record_next_styled(&records, &r) > 0)
                if (record_is_line(&r))
                        return rooms_find(w, r.room);
        return NULL;
}

/* Shows past lines. If the session entered the room by itself, the client has its own lines. Returns their number. */
static uint64_t json_show_past(struct web *w, struct wire_reader records, bool has_own)
{
        struct record r;
        uint64_t ms = 0, lines = 0;
        while (record_next_styled(&records, &r) > 0) {
                if (r.kind == RECORD_TIME) {
                        ms = r.number * 1000;
                } else if (record_is_bounded(&r) && record_is_line(&r) && !(has_own && r.id == talk_id(w->session))) {
                        events_past(w, &r, ms);
                        lines++;
                }
        }
        return lines;
}

/* Notes the last of the lines that somebody else said. */
static void json_note_past(struct web *w, struct wire_reader records)
{
        struct record r;
        while (record_next_styled(&records, &r) > 0)
                if (record_is_line(&r) && r.id != talk_id(w->session))
                        rooms_saw(w, r.room, r.id, r.number);
}

static void json_past(void *me, uint64_t number, struct wire_reader records)
{
        struct web *w = me;
        struct web_request request;
        requests_answered(w, number, &request);
        if (request.is_history) {
                events_history(w, request.ref, json_show_past(w, records, false));
                return;
        }
        struct web_room *room = json_room_of(w, records);
        if (!room)
                return;
        records = json_skip_known(w, room, records);
        json_show_past(w, records, room->is_again);
        json_note_past(w, records);
        room->since = (struct web_place){0};
        room->missing_at = 0;
}

/* The client entered a room: others learn of it now, and past lines may follow. */
static void json_take_entry(struct web *w, uint64_t number, const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room entered;
        if (answer_next_room(&rooms, &entered) <= 0)
                return;
        struct web_room *room = rooms_is_in(w, entered.name, number);
        talk_arrive(w->session);
        if (room && room->since.number > 0)
                room->missing_at = talk_now(w->session) + WEB_MISSING_MS;
}

/* Keeps the list of the client's rooms. */
static void json_note_answer(struct web *w, uint64_t number, const struct answer *a)
{
        struct web_room *room = rooms_entered_by(w, number);
        if (a->code == ANSWER_ENTERED)
                json_take_entry(w, number, a);
        else if (a->code == ANSWER_ROOM_SAME)
                rooms_is_in(w, a->room, number);
        else if (a->code == ANSWER_EXITED || a->code == ANSWER_NOT_IN_ROOM)
                rooms_is_out(w, a->room, number);
        else if (room && !room->is_in)
                rooms_remove(w, slice_of(room->name));
        else if (room)
                room->entry = 0;
}

/* Returns true if the answer only says that the client is still in a room, which it need not know. */
static bool json_is_known(struct web *w, uint64_t number, const struct answer *a)
{
        const struct web_room *room = rooms_entered_by(w, number);
        return room && room->is_again && (a->code == ANSWER_ENTERED || a->code == ANSWER_ROOM_SAME);
}

static void json_answer(void *me, const struct frame *f)
{
        struct web *w = me;
        struct web_request request;
        struct answer a;
        bool is_asked = requests_answered(w, f->number, &request);
        if (f->type == FRAME_SENT) {
                events_sent(w, request.ref, f->number, f->name);
        } else if (f->type == FRAME_ANSWER && answer_decode(&a, f->answer) == 0) {
                if (!json_is_known(w, f->number, &a))
                        events_answer(w, request.ref, is_asked || rooms_entered_by(w, f->number) ? 0 : f->number, &a);
                json_note_answer(w, f->number, &a);
        } else if (f->type == FRAME_ANSWER) {
                events_answer_text(w, "answer", request.ref, f->text);
                json_note_answer(w, f->number, &(struct answer){.code = 0});
        }
}

static bool json_probe(void *me, const struct frame *f)
{
        struct answer a;
        if (answer_decode(&a, f->answer) == 0)
                events_notice(me, "notice", &a);
        else
                events_answer_text(me, "notice", "", f->text);
        return true;
}

/* ---- events of the session ---- */

static void json_notice(void *me, const struct answer *a)
{
        if (a->code == ANSWER_LOST || a->code == ANSWER_MISSED)
                requests_forget(me);
        events_notice(me, "notice", a);
}

static void json_motd(void *me, struct slice lines)
{
        events_motd(me, lines);
}

static void json_away(void *me, bool is_away)
{
        events_away(me, is_away);
}

static void json_refusal(void *me, const struct frame *f)
{
        struct answer a;
        if (answer_decode(&a, f->answer) == 0)
                events_notice(me, "refused", &a);
        else
                events_answer_text(me, "refused", "", f->text);
}

static void json_skips(void *me, uint64_t lines)
{
        events_skipped(me, lines);
}

static enum outlet_look json_look(const void *me, const char **server)
{
        const struct web *w = me;
        (void)server;
        if (w->stage == WEB_POST)
                return OUTLET_NO_LOOK;
        return w->stage == WEB_SOCKET ? OUTLET_MESSAGE : OUTLET_JSON;
}

static bool json_is_plain(const void *me)
{
        const struct web *w = me;
        return w->is_welcomed;
}

static size_t json_lent_line(const void *me, enum outlet_look look, const struct record *r, uint64_t ms,
                             char line[static OUTLET_LINE_MAX_BYTES])
{
        (void)me;
        return form_record(look == OUTLET_MESSAGE, r, ms, line, OUTLET_LINE_MAX_BYTES);
}

static bool json_draw(void *me)
{
        (void)me;
        return false;
}

/* The client joins under the name of its connection. Others learn of it when it enters its first room. */
void json_introduce(struct web *w)
{
        w->is_introduced = true;
        talk_introduce(w->session, slice_of(""));
}

static bool json_must_join(const struct web *w)
{
        return !w->is_introduced && talk_is_open(w->session);
}

int64_t json_due(const void *me)
{
        const struct web *w = me;
        if (json_must_join(w))
                return talk_now(w->session);
        int64_t due = rooms_may_reenter(w) ? talk_now(w->session) : INT64_MAX;
        for (size_t n = 0; n < w->rooms_count; n++)
                if (w->rooms[n].missing_at > 0)
                        due = clock_earlier(due, w->rooms[n].missing_at);
        return due;
}

void json_tick(void *me)
{
        struct web *w = me;
        if (json_must_join(w))
                json_introduce(w);
        while (rooms_may_reenter(w))
                rooms_reenter_next(w);
        for (size_t n = 0; n < w->rooms_count; n++) {
                struct web_room *room = &w->rooms[n];
                if (room->missing_at == 0 || talk_now(w->session) < room->missing_at)
                        continue;
                events_missing(w, room);
                room->missing_at = 0;
        }
}

static void json_end(void *me)
{
        (void)me;
}

const struct kind json_kind = {
        .joining = KIND_JOINS_LATER,
        .roams = true,
        .begin = json_begin,
        .may_read = json_may_read,
        .input = json_input,
        .holds_input = json_holds_input,
        .input_end = json_input_end,
        .welcome = json_welcome,
        .record = json_record,
        .note = json_note,
        .past = json_past,
        .answer = json_answer,
        .probe = json_probe,
        .notice = json_notice,
        .motd = json_motd,
        .away = json_away,
        .refusal = json_refusal,
        .skips = json_skips,
        .look = json_look,
        .is_plain = json_is_plain,
        .lent_line = json_lent_line,
        .draw = json_draw,
        .due = json_due,
        .tick = json_tick,
        .end = json_end,
};
