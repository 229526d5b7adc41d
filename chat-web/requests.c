#include "requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <chat/assert.h>
#include <chat/paths.h>
#include <chat/safe-text.h>

#include "events.h"
#include "parser.h"
#include "rooms.h"

/* A request while it is being obeyed. */
struct asked {
        struct web *web;
        const json_t *object;
        char ref[WEB_REF_MAX_BYTES + 1];
};

size_t requests_free(const struct web *w)
{
        size_t n = 0;
        for (size_t i = 0; i < WEB_REQUESTS_MAX; i++)
                n += w->requests[i].number == 0;
        return n;
}

bool requests_answered(struct web *w, uint64_t number, struct web_request *request)
{
        bool found = false;
        *request = (struct web_request){0};
        for (size_t i = 0; i < WEB_REQUESTS_MAX && number > 0; i++) {
                if (w->requests[i].number == number) {
                        *request = w->requests[i];
                        found = true;
                }
                if (w->requests[i].number > 0 && w->requests[i].number <= number) /* a store would use a page */
                        w->requests[i].number = 0;
        }
        return found;
}

void requests_forget(struct web *w)
{
        for (size_t i = 0; i < WEB_REQUESTS_MAX; i++)
                if (w->requests[i].number > 0)
                        w->requests[i].number = 0;
}

static void requests_note(const struct asked *a, uint64_t number, bool is_history)
{
        size_t i = WEB_REQUESTS_MAX - 1;
        while (i > 0 && a->web->requests[i].number != 0)
                i--;
        assert(a->web->requests[i].number == 0);
        a->web->requests[i].number = number;
        a->web->requests[i].is_history = is_history;
        snprintf(a->web->requests[i].ref, sizeof(a->web->requests[i].ref), "%s", a->ref);
}

/* Sends a request whose answer has the same ref. */
static void requests_send(const struct asked *a, struct frame f)
{
        requests_note(a, talk_request(a->web->session, f, 1), f.type == FRAME_ROOM_HISTORY);
}

static void requests_refuse(const struct asked *a, const char *code, const char *why)
{
        events_error(a->web, a->ref, code, why);
}

/* Finds the room that a request names. Refuses the request if there is none. */
static bool requests_room(const struct asked *a, struct slice *room)
{
        if (parser_text(a->object, "room", room) && name_is_nick(room->at, room->len))
                return true;
        requests_refuse(a, "room-invalid", "the request needs the name of a room, in \"room\"");
        return false;
}

/* Finds the text of a request and makes it clean. Refuses the request if there is none, or if it is too long. */
static bool requests_text(const struct asked *a, char clean[static TEXT_MAX_BYTES + TEXT_CLEAN_MAX], struct slice *text)
{
        if (!parser_text(a->object, "text", text)) {
                requests_refuse(a, "text-missing", "the request needs a text, in \"text\"");
                return false;
        }
        *text = (struct slice){clean, text_clean_all(text->at, text->len, clean, TEXT_MAX_BYTES + TEXT_CLEAN_MAX)};
        if (text->len <= TEXT_MAX_BYTES)
                return true;
        requests_refuse(a, "too-long", "a text has at most 4096 bytes");
        return false;
}

/* Returns true if each line of the text can be said. */
static bool requests_may_say(struct slice text)
{
        char clean[TEXT_MAX_BYTES + TEXT_CLEAN_MAX];
        struct slice line;
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                if (text_clean_all(line.at, line.len, clean, sizeof(clean)) > TEXT_MAX_BYTES)
                        return false;
        }
        return true;
}

/* Answers that the line of this number was taken, if the client asked for that by a ref. Otherwise it does not wait
 * for an answer, and chatd may go on writing to it. */
static void requests_said(const struct asked *a, uint64_t number)
{
        if (a->ref[0] != '\0')
                events_said(a->web, a->ref, number);
}

/* Says each line of the text. The answer has the id of the last one. */
static void requests_say(const struct asked *a)
{
        char clean[TEXT_MAX_BYTES + TEXT_CLEAN_MAX];
        struct slice room, text, line;
        uint64_t number = 0;
        if (!requests_room(a, &room))
                return;
        if (!parser_text(a->object, "text", &text)) {
                requests_refuse(a, "text-missing", "the request needs a text, in \"text\"");
                return;
        }
        if (text.len > 0 && text.at[text.len - 1] == '\n')
                text.len--;
        if (!requests_may_say(text)) {
                requests_refuse(a, "too-long", "a line has at most 4096 bytes");
                return;
        }
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                size_t len = text_clean_all(line.at, line.len, clean, sizeof(clean));
                number = talk_say_in(a->web->session, room, (struct slice){clean, len});
        }
        requests_said(a, number);
}

static void requests_act(const struct asked *a)
{
        char clean[TEXT_MAX_BYTES + TEXT_CLEAN_MAX];
        struct slice room, text;
        if (!requests_room(a, &room) || !requests_text(a, clean, &text))
                return;
        uint64_t number =
                talk_request(a->web->session, (struct frame){.type = FRAME_ROOM_ACTION, .name = room, .text = text}, 1);
        requests_said(a, number);
}

static void requests_msg(const struct asked *a)
{
        char clean[TEXT_MAX_BYTES + TEXT_CLEAN_MAX];
        struct slice to, text;
        if (!parser_text(a->object, "to", &to) || !text_is_name(to.at, to.len) || to.len > NAME_MAX_BYTES)
                requests_refuse(a, "name-invalid", "the request needs somebody's name, in \"to\"");
        else if (requests_text(a, clean, &text))
                requests_send(a, (struct frame){.type = FRAME_PRIVATE, .name = to, .text = text});
}

static void requests_nick(const struct asked *a)
{
        struct slice name;
        if (!parser_text(a->object, "name", &name) || name.len > NAME_MAX_BYTES)
                requests_refuse(a, "name-invalid", "the request needs a name, in \"name\"");
        else
                requests_send(a, (struct frame){.type = FRAME_NICK, .name = name});
}

/* Reads the id of a line, exactly as events have it. */
static bool requests_read_place(struct slice text, struct web_place *place)
{
        char copy[48];
        snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.at);
        const char *number = copy + ID_DIGITS + 1;
        if (text.len >= sizeof(copy) || strspn(copy, "0123456789abcdef") != ID_DIGITS || number[-1] != '-' ||
            number[strspn(number, "0123456789")] != '\0')
                return false;
        place->id = strtoull(copy, NULL, 16);
        place->number = strtoull(number, NULL, 10);
        return place->number > 0;
}

static void requests_join(const struct asked *a)
{
        struct slice name, since;
        struct web_place place = {0};
        if (!requests_room(a, &name))
                return;
        if (json_object_get(a->object, "since") &&
            (!parser_text(a->object, "since", &since) || !requests_read_place(since, &place))) {
                requests_refuse(a, "since-invalid", "\"since\" is the id of a line");
                return;
        }
        struct web_room *room = rooms_add(a->web, name);
        if (!room) {
                requests_refuse(a, "too-many-rooms", "a client may be in 20 rooms");
                return;
        }
        if (room->is_in || room->entry > 0) { /* chatd answers that the client is there, or will be */
                requests_send(a, (struct frame){.type = FRAME_ENTER, .name = name});
                return;
        }
        room->since = room->last = place;
        room->is_again = false;
        requests_note(a, rooms_enter(a->web, room), false);
}

static void requests_about_room(const struct asked *a, uint8_t type)
{
        struct slice room;
        if (requests_room(a, &room))
                requests_send(a, (struct frame){.type = type, .name = room});
}

static void requests_leave(const struct asked *a)
{
        requests_about_room(a, FRAME_EXIT);
}

static void requests_who(const struct asked *a)
{
        requests_about_room(a, FRAME_PEOPLE);
}

/* Answers at once, so that a program learns that its connection still works. chatd is not asked. */
static void requests_ping(const struct asked *a)
{
        events_pong(a->web, a->ref);
}

static void requests_rooms(const struct asked *a)
{
        requests_send(a, (struct frame){.type = FRAME_ROOMS});
}

/* Without a text it asks for the topic; an empty text removes it. */
static void requests_topic(const struct asked *a)
{
        char clean[TEXT_MAX_BYTES + TEXT_CLEAN_MAX];
        struct slice room, text = {"", 0};
        if (!requests_room(a, &room) || (json_object_get(a->object, "text") && !requests_text(a, clean, &text)))
                return;
        if (json_object_get(a->object, "text") && text.len == 0)
                text = slice_of(TOPIC_NONE);
        requests_send(a, (struct frame){.type = FRAME_ROOM_TOPIC, .name = room, .text = text});
}

static void requests_history(const struct asked *a)
{
        struct slice room;
        uint64_t lines = HISTORY_MAX_LINES;
        if (json_object_get(a->object, "lines") &&
            (!parser_number(a->object, "lines", HISTORY_MAX_LINES, &lines) || lines == 0))
                requests_refuse(a, "lines-invalid", "\"lines\" is a number from 1 to 100");
        else if (requests_room(a, &room))
                requests_send(a, (struct frame){.type = FRAME_ROOM_HISTORY, .name = room, .key = lines});
}

static const struct {
        char name[8];
        void (*obey)(const struct asked *a);
} rows[] = {
        {"say", requests_say},     {"act", requests_act},         {"msg", requests_msg},     {"nick", requests_nick},
        {"join", requests_join},   {"leave", requests_leave},     {"topic", requests_topic}, {"who", requests_who},
        {"rooms", requests_rooms}, {"history", requests_history}, {"ping", requests_ping},
};

/* Ends the session of a program whose first line is not JSON. A web page can make a browser send lines of JSON to any
 * port, but the browser first sends the head of an HTTP request. */
static void requests_turn_away(struct web *w)
{
        if (w->stage == WEB_LINES && !w->has_spoken)
                talk_not_chat(w->session, "no JSON");
}

/* Writes the ref of a request, a text or a whole number, as JSON. Returns false if it is anything else, or too long. */
static bool requests_take_ref(struct asked *a)
{
        const json_t *ref = json_object_get(a->object, "ref");
        if (!ref)
                return true;
        if (!json_is_string(ref) && !json_is_integer(ref))
                return false;
        size_t len = json_dumpb(ref, a->ref, WEB_REF_MAX_BYTES, JSON_ENCODE_ANY | JSON_COMPACT);
        a->ref[len <= WEB_REF_MAX_BYTES ? len : 0] = '\0';
        return len > 0 && len <= WEB_REF_MAX_BYTES;
}

void requests_take(struct web *w, struct slice line)
{
        struct asked a = {.web = w};
        char why[PARSER_WHY_BYTES];
        struct slice name;
        if (!parser_is_small(line)) {
                events_error(w, "", "too-many-values", "a line has at most 256 values");
                requests_turn_away(w);
                return;
        }
        a.object = parser_parse(line, why);
        if (a.object)
                w->has_spoken = true;
        if (!a.object) {
                events_error(w, "", "not-json", why);
                requests_turn_away(w);
        } else if (!requests_take_ref(&a)) {
                events_error(w, "", "ref-invalid", "\"ref\" is a text or a whole number, at most 64 bytes long");
        } else if (!parser_text(a.object, "do", &name)) {
                requests_refuse(&a, "do-missing", "a request says in \"do\" what is to be done");
        } else {
                size_t i = 0, count = sizeof(rows) / sizeof(rows[0]);
                while (i < count && !slice_equal(name, slice_of(rows[i].name)))
                        i++;
                if (i < count)
                        rows[i].obey(&a);
                else
                        requests_refuse(&a, "do-unknown", "there is no such request");
        }
}

void requests_refuse_long(struct web *w)
{
        events_error(w, "", "too-long", "a line has at most 8192 bytes");
        requests_turn_away(w);
}
