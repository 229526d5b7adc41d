#include "events.h"

#include <inttypes.h>
#include <stdio.h>

#include <chat/clock.h>
#include <chat/display.h>
#include <chat/notice.h>

#include "../chat-session/answers.h"
#include "../chat-session/client-output.h"

#include "form.h"

enum {
        EVENTS_COMMON_BYTES = FORM_COMMON_BYTES + OBJECT_MEMBER_BYTES + WEB_REF_MAX_BYTES, /* with a ref */
};

/* Begins an event whose further members take `more` bytes. */
static struct object events_begin(struct web *w, const char *event, size_t more)
{
        size_t size = OBJECT_BYTES + EVENTS_COMMON_BYTES + more;
        char *at = NULL; /* the event is skipped if the client has no WebSocket yet, or no longer has one */
        if (w->stage == WEB_LINES || w->stage == WEB_SOCKET)
                at = client_begin_line(w->client, size);
        struct object o = object_begin(at, size, w->stage == WEB_SOCKET);
        object_text(&o, "event", slice_of(event));
        return o;
}

static void events_end(struct web *w, struct object *o)
{
        char *end = object_end(o);
        if (end)
                client_end_line(w->client, end);
}

static void events_put_ref(struct object *o, const char *ref)
{
        if (*ref != '\0')
                object_raw(o, "ref", slice_of(ref));
}

void events_welcome(struct web *w, struct slice asked, uint64_t people)
{
        char id[FORM_ID_BYTES];
        struct object o = events_begin(w, "welcome", object_text_bytes(NAME_MAX_BYTES));
        snprintf(id, sizeof(id), "%016" PRIx64, talk_id(w->session));
        object_text(&o, "id", slice_of(id));
        form_put_name(&o, talk_name(w->session));
        if (!slice_equal(asked, talk_name(w->session)))
                object_text(&o, "asked", asked);
        if (people > 0)
                object_number(&o, "people", people);
        events_end(w, &o);
}

/* Adds a list of rooms. One without people who are listed has no list of names, and one without a topic has none. */
static void events_put_rooms(struct object *o, const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        struct slice name;
        object_list(o, "rooms");
        while (answer_next_room(&rooms, &room) > 0) {
                object_item(o);
                object_text(o, "room", room.name);
                if (room.topic.len > 0)
                        object_text(o, "topic", room.topic);
                object_number(o, "people", room.people);
                if (room.yours)
                        object_true(o, "yours");
                if (wire_left(&room.names) > 0)
                        object_list(o, "names");
                bool has_names = wire_left(&room.names) > 0;
                while (answer_next_name(&room.names, &name) > 0)
                        object_list_text(o, name);
                if (has_names)
                        object_list_end(o);
                object_item_end(o);
        }
        object_list_end(o);
}

/* Returns the most that the list of rooms of an answer takes. */
static size_t events_rooms_bytes(const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        struct slice name;
        size_t bytes = object_members_bytes(1);
        while (answer_next_room(&rooms, &room) > 0) {
                bytes += sizeof("{\"room\":,\"topic\":,\"people\":18446744073709551615,\"yours\":true,\"names\":[]},") +
                         object_text_bytes(room.name.len) + object_text_bytes(room.topic.len);
                while (answer_next_name(&room.names, &name) > 0)
                        bytes += object_text_bytes(name.len) + 1;
        }
        return bytes;
}

static void events_put_code(struct object *o, const struct answer *a)
{
        const struct answer_rule *rule = answer_rule(a->code);
        object_text(o, "code", slice_of(rule ? rule->name : "unknown"));
}

/* Adds the code of an answer, its details, and a sentence. */
static void events_put_answer(struct object *o, const struct web *w, const struct answer *a)
{
        char text[TEXT_MAX_BYTES];
        const struct answer_rule *rule = answer_rule(a->code);
        events_put_code(o, a);
        for (size_t i = 0; rule && i < ANSWER_DETAILS_MAX; i++) {
                switch (rule->details[i]) {
                case DETAIL_NAME:
                        object_text(o, "name", a->name);
                        break;
                case DETAIL_OTHER:
                        object_text(o, "other", a->other);
                        break;
                case DETAIL_ROOM:
                        form_put_room(o, a->room);
                        break;
                case DETAIL_HOST:
                        object_text(o, "host", a->host);
                        break;
                case DETAIL_TEXT:
                        object_text(o, "text", a->text);
                        break;
                case DETAIL_MOST:
                        object_number(o, "most", a->most);
                        break;
                case DETAIL_COUNT:
                        if (a->count != MISSED_UNKNOWN)
                                object_number(o, "count", a->count);
                        break;
                case DETAIL_SECONDS:
                        object_number(o, "seconds", a->seconds);
                        break;
                case DETAIL_ROOMS:
                        events_put_rooms(o, a);
                        break;
                }
        }
        object_text(o, "sentence", answers_sentence(a, talk_name(w->session), 0, text));
}

/* Returns the most that events_put_answer() writes. */
static size_t events_answer_bytes(const struct answer *a)
{
        return object_members_bytes(8) + object_text_bytes(a->text.len) + object_text_bytes(TEXT_MAX_BYTES) +
               object_text_bytes(a->name.len) + object_text_bytes(a->other.len) + object_text_bytes(a->room.len) +
               object_text_bytes(a->host.len) + events_rooms_bytes(a);
}

/* A notice of chatd or of the link has a sentence, and in later versions an answer. */
static void events_put_notice(struct object *o, const struct record *r)
{
        struct answer a;
        if (notice_read(r, &a) == 0)
                events_put_code(o, &a);
        object_text(o, "text", r->text);
}

static void events_put_reply(struct object *o, const struct web *w, const struct record *r)
{
        struct answer a;
        object_text(o, "host", display_host(r->name));
        if (r->kind == RECORD_ANSWER && answer_decode(&a, r->text) == 0)
                events_put_answer(o, w, &a);
        else
                object_text(o, "text", r->text);
}

void events_record(struct web *w, const struct record *r, uint64_t ms)
{
        const char *event = form_event(r->kind);
        if (!event)
                return;
        struct answer a;
        bool is_answer = r->kind == RECORD_ANSWER && answer_decode(&a, r->text) == 0;
        struct object o = events_begin(w, event, form_deed_bytes(r) + (is_answer ? events_answer_bytes(&a) : 0));
        form_put_id(&o, "id", r->id, r->number, record_is_said(r) ? NULL : event);
        form_put_time(&o, ms);
        if (r->kind == RECORD_NOTICE)
                events_put_notice(&o, r);
        else if (r->kind == RECORD_REPLY || r->kind == RECORD_ANSWER)
                events_put_reply(&o, w, r);
        else
                form_put_deed(&o, r);
        events_end(w, &o);
}

void events_past(struct web *w, const struct record *r, uint64_t ms)
{
        struct object o = events_begin(w, "past", form_deed_bytes(r));
        object_text(&o, "said", slice_of(r->kind == RECORD_ACTION ? "action" : "line"));
        form_put_id(&o, "id", r->id, r->number, NULL);
        form_put_time(&o, ms);
        form_put_deed(&o, r);
        events_end(w, &o);
}

void events_missing(struct web *w, const struct web_room *room)
{
        struct object o = events_begin(w, "missing", object_members_bytes(2) + FORM_ID_BYTES);
        form_put_room(&o, slice_of(room->name));
        form_put_id(&o, "since", room->since.id, room->since.number, NULL);
        events_end(w, &o);
}

void events_answer(struct web *w, const char *ref, uint64_t line, const struct answer *a)
{
        struct object o = events_begin(w, "answer", events_answer_bytes(a));
        events_put_ref(&o, ref);
        if (line > 0)
                form_put_id(&o, "id", talk_id(w->session), line, NULL);
        events_put_answer(&o, w, a);
        events_end(w, &o);
}

void events_answer_text(struct web *w, const char *event, const char *ref, struct slice text)
{
        struct object o = events_begin(w, event, object_members_bytes(2) + object_text_bytes(text.len));
        events_put_ref(&o, ref);
        object_text(&o, "code", slice_of("unknown"));
        object_text(&o, "sentence", text);
        events_end(w, &o);
}

void events_said(struct web *w, const char *ref, uint64_t number)
{
        struct object o = events_begin(w, "answer", OBJECT_MEMBER_BYTES);
        events_put_ref(&o, ref);
        object_text(&o, "code", slice_of("said"));
        form_put_id(&o, "id", talk_id(w->session), number, NULL);
        events_end(w, &o);
}

void events_sent(struct web *w, const char *ref, uint64_t number, struct slice name)
{
        struct object o = events_begin(w, "answer", OBJECT_MEMBER_BYTES + object_text_bytes(name.len));
        events_put_ref(&o, ref);
        object_text(&o, "code", slice_of("sent"));
        form_put_id(&o, "id", talk_id(w->session), number, NULL);
        form_put_name(&o, name);
        events_end(w, &o);
}

void events_pong(struct web *w, const char *ref)
{
        struct object o = events_begin(w, "answer", 0);
        events_put_ref(&o, ref);
        object_text(&o, "code", slice_of("pong"));
        events_end(w, &o);
}

void events_history(struct web *w, const char *ref, uint64_t lines)
{
        struct object o = events_begin(w, "answer", object_members_bytes(2));
        events_put_ref(&o, ref);
        object_text(&o, "code", slice_of("history"));
        object_number(&o, "count", lines);
        events_end(w, &o);
}

void events_error(struct web *w, const char *ref, const char *code, const char *why)
{
        struct object o = events_begin(w, "error", object_members_bytes(2) + object_text_bytes(strlen(why)));
        events_put_ref(&o, ref);
        object_text(&o, "code", slice_of(code));
        object_text(&o, "sentence", slice_of(why));
        events_end(w, &o);
}

void events_notice(struct web *w, const char *event, const struct answer *a)
{
        struct object o = events_begin(w, event, events_answer_bytes(a));
        events_put_answer(&o, w, a);
        events_end(w, &o);
}

void events_motd(struct web *w, struct slice lines)
{
        struct object o = events_begin(w, "motd", OBJECT_MEMBER_BYTES + object_text_bytes(lines.len));
        object_text(&o, "text", lines);
        events_end(w, &o);
}

void events_away(struct web *w, bool is_away)
{
        struct object o = events_begin(w, is_away ? "away" : "back", 0);
        events_end(w, &o);
}

void events_skipped(struct web *w, uint64_t lines)
{
        struct object o = events_begin(w, "skipped", OBJECT_MEMBER_BYTES);
        object_number(&o, "lines", lines);
        events_end(w, &o);
}
