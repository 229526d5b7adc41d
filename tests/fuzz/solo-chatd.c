#include "solo-chatd.h"

#include <errno.h>
#include <stddef.h>

#include <chat/answer.h>
#include <chat/names.h>
#include <chat/safe-text.h>
#include <chat/settings.h>

#include "../../chat-irc/formatting.h"

#define OTHER_NAME "somebody-else"

void solo_chatd_begin(struct solo_chatd *d)
{
        memset(d, 0, offsetof(struct solo_chatd, open));
        d->epoch = 1;
}

/* ---- what the session sends ---- */

static void solo_chatd_note(struct solo_chatd *d, const struct frame *f)
{
        struct solo_chatd_request *r = &d->open[d->open_count++];
        r->type = f->type;
        r->number = f->number;
        snprintf(r->name, sizeof(r->name), "%.*s", (int)f->name.len, f->name.at);
}

static void solo_chatd_check_text(struct slice text)
{
        struct slice line;
        for (bool more = text.len > 0; more;) {
                more = line_next(&text, &line);
                PROMISE(text_is_clean(line.at, line.len), "an unclean text: %.*s", (int)line.len, line.at);
        }
}

/* Formatting is that of the text, and CTCP is for one person. */
static void solo_chatd_check_style(const struct frame *f)
{
        char plain[STYLED_MAX_BYTES];
        if (f->styled.len > 0)
                PROMISE(f->styled.len <= sizeof(plain) && slice_equal(formatting_remove(f->styled, plain), f->text),
                        "formatting of another text: %.*s", (int)f->styled.len, f->styled.at);
        PROMISE(f->speech <= (SPEECH_NOTICE | SPEECH_CTCP), "the style %d", f->speech);
        PROMISE(!(f->speech & SPEECH_CTCP) || (f->type == FRAME_PRIVATE && strncasecmp(f->text.at, "DCC ", 4) != 0),
                "CTCP: %.*s", (int)f->text.len, f->text.at);
}

static void solo_chatd_check_name(const struct solo_chatd *d, const struct frame *f)
{
        bool is_room = f->type == FRAME_ENTER || f->type == FRAME_EXIT || f->type == FRAME_PEOPLE ||
                       f->type == FRAME_ROOM_LINE || f->type == FRAME_ROOM_ACTION || f->type == FRAME_ROOM_TOPIC ||
                       f->type == FRAME_ROOM_HISTORY;
        if (is_room || (f->type == FRAME_NICK && !d->is_asked_for_any_name))
                PROMISE(name_is_nick(f->name.at, f->name.len), "the name %.*s", (int)f->name.len, f->name.at);
        if (f->type == FRAME_ENTER || f->type == FRAME_ROOM_HISTORY)
                PROMISE(f->key <= HISTORY_MAX_LINES, "%llu lines", (unsigned long long)f->key);
        if (f->type == FRAME_PRIVATE || f->type == FRAME_FIND)
                PROMISE(text_is_name(f->name.at, f->name.len), "the name %.*s", (int)f->name.len, f->name.at);
}

/* Keeps the frame, for the target. */
static void solo_chatd_take_webhook(struct solo_chatd *d, const struct frame *f, const void *data, size_t size)
{
        PROMISE(d->webhook_size == 0, "a second WEBHOOK");
        PROMISE(f->name.len == 0 || name_is_nick(f->name.at, f->name.len), "the room %.*s", (int)f->name.len,
                f->name.at);
        PROMISE(f->secret.len > 0, "no token");
        PROMISE(f->text.len > 0 && frame_lines(f) <= FRAME_LINES_MAX, "%zu lines in %zu bytes", frame_lines(f),
                f->text.len);
        PROMISE(size <= sizeof(d->webhook), "a frame of %zu bytes", size);
        memcpy(d->webhook, data, size);
        d->webhook_size = size;
}

/* Takes a line or a request, which has a number. */
static void solo_chatd_take_numbered(struct solo_chatd *d, const struct frame *f)
{
        bool is_line = f->type == FRAME_LINE || f->type == FRAME_ROOM_LINE;
        PROMISE(f->number == d->sent_number + 1, "the number %llu behind %llu", (unsigned long long)f->number,
                (unsigned long long)d->sent_number);
        d->sent_number += is_line ? frame_lines(f) : 1;
        if (!is_line)
                solo_chatd_note(d, f);
}

int solo_chatd_take(struct solo_chatd *d, const void *data, size_t size)
{
        struct frame f;
        if (d->is_away || d->is_queue_gone)
                return -ECONNREFUSED;
        if (d->is_full || d->open_count >= SOLO_CHATD_OPEN_FULL)
                return -EAGAIN;
        PROMISE(frame_decode(&f, data, size) == 0, "a frame that cannot be decoded");
        PROMISE(frame_is_from(f.type, FROM_SESSION), "a frame of type %d", f.type);
        PROMISE(f.type == FRAME_HELLO ? !d->has_hello : d->has_hello && f.id == d->id, "a frame of a stranger");
        PROMISE(!d->has_bye || f.type == FRAME_HERE, "a frame behind BYE");
        solo_chatd_check_text(f.text);
        solo_chatd_check_name(d, &f);
        solo_chatd_check_style(&f);
        switch (f.type) {
        case FRAME_HELLO:
                d->has_hello = true;
                d->id = f.id;
                snprintf(d->name, sizeof(d->name), "%.*s", (int)f.name.len, f.name.at);
                break;
        case FRAME_HERE:
        case FRAME_ARRIVE:
                break;
        case FRAME_BYE:
                d->has_bye = true;
                break;
        case FRAME_WEBHOOK:
                solo_chatd_take_webhook(d, &f, data, size);
                solo_chatd_take_numbered(d, &f);
                break;
        default:
                solo_chatd_take_numbered(d, &f);
                break;
        }
        return 0;
}

/* ---- datagrams to the session ---- */

size_t solo_chatd_give(struct solo_chatd *d, void *buffer)
{
        size_t n = d->inbox_first;
        if (d->inbox_count == 0)
                return 0;
        d->inbox_first = (d->inbox_first + 1) % SOLO_CHATD_INBOX_MAX;
        d->inbox_count--;
        memcpy(buffer, d->inbox[n].data, d->inbox[n].size);
        return d->inbox[n].size;
}

bool solo_chatd_may_say(const struct solo_chatd *d)
{
        return d->has_hello && !d->is_away && d->inbox_count < SOLO_CHATD_INBOX_MAX;
}

/* Sends a frame, and these bytes behind its header. */
static void solo_chatd_send(struct solo_chatd *d, struct frame f, const void *records, size_t size)
{
        size_t n = (d->inbox_first + d->inbox_count) % SOLO_CHATD_INBOX_MAX;
        f.id = d->epoch;
        struct slice *const fields[] = {&f.name, &f.text, &f.answer, &f.styled};
        for (size_t field = 0; field < sizeof(fields) / sizeof(fields[0]); field++)
                if (!fields[field]->at)
                        *fields[field] = slice_of("");
        if (!solo_chatd_may_say(d))
                return;
        size_t header = frame_encode(d->inbox[n].data, sizeof(d->inbox[n].data), &f);
        PROMISE(header > 0 && size <= sizeof(d->inbox[n].data) - header, "this target's frame does not fit");
        if (size > 0)
                memcpy(d->inbox[n].data + header, records, size);
        if (d->is_old)
                d->inbox[n].data[0] = (uint8_t)(frame_since(FRAME_ENTER) - 1);
        d->inbox[n].size = header + size;
        d->inbox_count++;
}

/* Returns a number up to which everything was relayed, and answered. What was lost is not. */
static uint64_t solo_chatd_relayed(const struct solo_chatd *d)
{
        uint64_t number = d->open_count > 0 ? d->open[0].number - 1 : d->sent_number;
        return number <= d->lost_number ? d->relayed_number : number;
}

void solo_chatd_restart(struct solo_chatd *d, bool loses_queue)
{
        d->epoch++;
        d->is_away = false;
        if (loses_queue && d->has_hello) {
                d->relayed_number = solo_chatd_relayed(d);
                d->lost_number = d->sent_number;
                d->is_queue_gone = true;
                d->open_count = 0;
        }
        solo_chatd_send(d, (struct frame){.type = FRAME_ROLLCALL}, NULL, 0);
}

/* ---- parts of what it says ---- */

/* Returns the name of somebody, who is not the client. */
static struct slice solo_chatd_choose_name(const struct solo_chatd *d, struct choices *c,
                                           char name[static NAME_MAX_BYTES + 1])
{
        static const char *const names[] = {"bob",
                                            "Zoe",
                                            "guest-192.0.2.7-4711",
                                            "guest-192.0.2.7-4711~",
                                            "192.0.2.7:4711",
                                            "[2001:db8::7]:4711",
                                            "pid=7,uid=1000",
                                            "kim@b",
                                            "192.0.2.7:4711@host-2",
                                            "!,*?"};
        uint8_t choice = choose_u8(c);
        size_t len = 0, most = choice & 1 ? LOCAL_NAME_MAX_BYTES : NICK_MAX_BYTES;
        if (choice < 0x80) {
                strcpy(name, names[choice % (sizeof(names) / sizeof(names[0]))]);
        } else {
                for (size_t n = choose_u8(c); len <= n % most; len++)
                        name[len] = (char)('!' + choose_u8(c) % ('~' - '!'));
                name[len] = '\0';
                for (size_t n = 0; n < len; n++)
                        if (name[n] == '@' || name[n] == ':')
                                name[n] = 'a';
                if (choice & 2)
                        strcat(name, "@another-host");
        }
        if (strcmp(name, d->name) == 0)
                strcpy(name, OTHER_NAME);
        return slice_of(name);
}

/* Gives the client another name, which somebody here can have. */
static void solo_chatd_rename(struct solo_chatd *d, struct slice name)
{
        const char *host = memchr(name.at, '@', name.len);
        snprintf(d->name, sizeof(d->name), "%.*s", (int)(host ? (size_t)(host - name.at) : name.len), name.at);
}

static struct slice solo_chatd_choose_room(struct choices *c, char room[static NICK_MAX_BYTES + 1])
{
        uint8_t choice = choose_u8(c);
        if (choice < 0x80)
                snprintf(room, NICK_MAX_BYTES + 1, "%s",
                         choice % 3 == 0   ? FIRST_ROOM
                         : choice % 3 == 1 ? "den"
                                           : "tea");
        else
                snprintf(room, NICK_MAX_BYTES + 1, "%s%d", choice & 1 ? "R" : "a-room-with-a-long-name", choice % 30);
        return slice_of(room);
}

/* Returns a clean text: bytes of the input, or characters that are repeated. */
static struct slice solo_chatd_choose_text(struct choices *c, char *text, size_t most)
{
        static const char *const units[] = {"a", "\u20ac", "word ", "\U0001f600 ", "\u0301", "\u200b<; "};
        uint8_t choice = choose_u8(c);
        size_t len = 0;
        char raw[0x80];
        if (choice < 0x80) {
                for (; len < choice % 0x40u; len++)
                        raw[len] = (char)choose_u8(c);
                return (struct slice){text, text_clean_all(raw, len, text, most)};
        }
        const char *unit = units[choice % (sizeof(units) / sizeof(units[0]))];
        for (size_t n = (choice & 0x7f) * 20u, size = strlen(unit); n > 0 && size <= most - len; n--, len += size)
                memcpy(text + len, unit, size);
        return (struct slice){text, len};
}

/* Chooses a style. Formatting stands around the text, if both are not too long. */
static uint8_t solo_chatd_choose_style(struct choices *c, struct slice text,
                                       char formatted[static STYLED_MAX_BYTES + 1], struct slice *styled)
{
        static const char *const codes[] = {"\x02", "\00304,5", "\x1d\x1f", "\004ff00ff"};
        uint8_t choice = choose_u8(c);
        *styled = slice_of("");
        if (choice & 0x40 && text.len + 16 <= STYLED_MAX_BYTES) {
                snprintf(formatted, STYLED_MAX_BYTES + 1, "%s%.*s\x0f", codes[choice & 3], (int)text.len, text.at);
                *styled = slice_of(formatted);
        }
        return choice & 0x80 ? SPEECH_NOTICE : 0;
}

/* Adds a room with its people to a list: with a high `size`, as many as the list has room for. */
static void solo_chatd_list_room(struct solo_chatd *d, struct choices *c, struct answer_rooms *l, const char *room,
                                 uint8_t size)
{
        char topic[ANSWER_TEXT_MAX_BYTES], name[NAME_MAX_BYTES + 1];
        size_t people = size < 0xf0 ? size % 8u : (size - 0xefu) * 500u;
        answer_add_room(l, &(struct answer_room){.name = slice_of(room),
                                                 .people = people,
                                                 .topic = solo_chatd_choose_text(c, topic, sizeof(topic))});
        answer_add_name(l, slice_of(d->name));
        for (size_t n = 0; n < people; n++) {
                if (people > 8)
                        snprintf(name, sizeof(name), "m%zu", n);
                answer_add_name(l, people > 8 ? slice_of(name) : solo_chatd_choose_name(d, c, name));
        }
}

/* Sends an answer of this code with any details. The room is `room_name` if a room can have that name. An ANSWER has
 * the client's name. */
static void solo_chatd_send_answer(struct solo_chatd *d, struct choices *c, struct frame f, uint8_t code,
                                   const char *room_name)
{
        static uint8_t rooms[ANSWER_ROOMS_MAX_BYTES], bytes[ANSWER_MAX_BYTES];
        char name[NAME_MAX_BYTES + 1], other[NAME_MAX_BYTES + 1], room[NICK_MAX_BYTES + 1], text[ANSWER_TEXT_MAX_BYTES];
        struct answer_rooms list = answer_rooms_begin(rooms);
        uint8_t shape = choose_u8(c);
        struct answer a = {.code = code,
                           .name = solo_chatd_choose_name(d, c, name),
                           .other = solo_chatd_choose_name(d, c, other),
                           .room = solo_chatd_choose_room(c, room),
                           .host = slice_of("b"),
                           .text = solo_chatd_choose_text(c, text, sizeof(text)),
                           .most = shape,
                           .count = choose_u16(c),
                           .seconds = choose_u16(c)};
        if (room_name && name_is_nick(room_name, strlen(room_name)))
                snprintf(room, sizeof(room), "%s", room_name);
        a.room = slice_of(room);
        solo_chatd_list_room(d, c, &list, room, shape);
        for (unsigned n = shape & 3; n > 0 && code != ANSWER_ENTERED; n--) {
                solo_chatd_choose_room(c, room);
                solo_chatd_list_room(d, c, &list, room, choose_u8(c));
        }
        struct answer of_rooms = answer_of_rooms((enum answer_code)code, &list);
        a.rooms = of_rooms.rooms;
        a.rooms_count = of_rooms.rooms_count;
        f.answer = (struct slice){(const char *)bytes, answer_encode(bytes, sizeof(bytes), &a)};
        if (f.type == FRAME_ANSWER && code == ANSWER_RENAMED && f.number > d->answered_number && solo_chatd_may_say(d))
                solo_chatd_rename(d, a.name);
        if (f.type == FRAME_ANSWER)
                f.name = slice_of(d->name);
        solo_chatd_send(d, f, NULL, 0);
}

/* ---- answers ---- */

/* Forgets the requests up to this number: the session takes no other answer to them. */
static void solo_chatd_close(struct solo_chatd *d, uint64_t number)
{
        size_t n = 0;
        while (n < d->open_count && d->open[n].number <= number)
                n++;
        d->open_count -= n;
        memmove(d->open, d->open + n, d->open_count * sizeof(d->open[0]));
        if (number > d->answered_number)
                d->answered_number = number;
}

void solo_chatd_welcome(struct solo_chatd *d, struct choices *c)
{
        char name[NAME_MAX_BYTES + 1];
        uint8_t choice = choose_u8(c);
        if (!d->has_hello || !solo_chatd_may_say(d))
                return;
        if (choice >= 0xc0)
                solo_chatd_rename(d, solo_chatd_choose_name(d, c, name));
        d->is_welcomed = true;
        solo_chatd_send(d, (struct frame){.type = FRAME_WELCOME, .name = slice_of(d->name), .members = choice & 7},
                        NULL, 0);
}

/* Returns an answer that the real chatd can give to a request. 0: none. */
static uint8_t solo_chatd_fitting_code(uint8_t type, uint8_t how)
{
        static const struct {
                uint8_t type, codes[6];
        } fitting[] = {
                {FRAME_ENTER,
                 {ANSWER_ENTERED, ANSWER_ENTERED, ANSWER_ROOM_SAME, ANSWER_ROOM_ALIKE, ANSWER_TOO_MANY_ROOMS,
                  ANSWER_MUTED}},
                {FRAME_EXIT, {ANSWER_EXITED, ANSWER_EXITED, ANSWER_NOT_IN_ROOM}},
                {FRAME_NICK,
                 {ANSWER_RENAMED, ANSWER_RENAMED, ANSWER_NAME_TAKEN, ANSWER_NAME_ALIKE, ANSWER_NAME_UNNOTED}},
                {FRAME_PEOPLE, {ANSWER_PEOPLE}},
                {FRAME_ROOMS, {ANSWER_ROOMS}},
                {FRAME_ROOM_TOPIC,
                 {ANSWER_TOPIC, ANSWER_NO_TOPIC, ANSWER_TOPIC_SET, ANSWER_TOPIC_REMOVED, ANSWER_NOT_IN_ROOM,
                  ANSWER_TOPIC_TOO_LONG}},
                {FRAME_ROOM_HISTORY, {ANSWER_NOTHING_SAID, ANSWER_NO_HISTORY, ANSWER_NOT_IN_ROOM}},
                {FRAME_PRIVATE, {ANSWER_NOBODY, ANSWER_NOBODY_BUT, ANSWER_MUTED, ANSWER_IS_YOU, ANSWER_HOST_AWAY}},
                {FRAME_FIND, {ANSWER_NOBODY, ANSWER_NOBODY_BUT}},
                {FRAME_ROOM_ACTION, {0, ANSWER_MUTED}},
        };
        static const uint8_t of_webhook[] = {ANSWER_POSTED,          ANSWER_POSTED_BEFORE, ANSWER_TOKEN_UNKNOWN,
                                             ANSWER_TOKEN_ELSEWHERE, ANSWER_ROOM_EMPTY,    ANSWER_ROOM_INVALID,
                                             ANSWER_POST_UNNOTED};
        if (type == FRAME_WEBHOOK)
                return of_webhook[how % sizeof(of_webhook)];
        for (size_t n = 0; n < sizeof(fitting) / sizeof(fitting[0]); n++)
                if (fitting[n].type == type) {
                        uint8_t code = fitting[n].codes[how % 6];
                        return code != 0 ? code : fitting[n].codes[0];
                }
        return 0;
}

void solo_chatd_serve(struct solo_chatd *d, uint8_t how)
{
        const uint8_t shape[] = {how};
        struct choices c = {shape, shape + sizeof(shape)};
        if (d->open_count == 0 || !solo_chatd_may_say(d))
                return;
        struct solo_chatd_request r = d->open[0];
        uint8_t code = solo_chatd_fitting_code(r.type, how);
        struct frame f = {.type = FRAME_ANSWER, .number = r.number};
        if (r.type == FRAME_FIND || (r.type == FRAME_PRIVATE && how & 0x40)) {
                f.type = r.type == FRAME_FIND ? FRAME_FOUND : FRAME_SENT;
                f.name = slice_of(r.name);
                f.text = slice_of(f.type == FRAME_SENT ? "psst" : "");
                f.speech = how & 0x20 ? SPEECH_CTCP : 0;
                f.key = how & 1;
        }
        if (code != 0)
                solo_chatd_send_answer(d, &c, f, code, r.type == FRAME_NICK ? NULL : r.name);
        if (code == ANSWER_ENTERED)
                d->entered_number = r.number;
        if (r.type == FRAME_WEBHOOK)
                d->webhook_code = code;
        solo_chatd_close(d, r.number);
}

void solo_chatd_answer(struct solo_chatd *d, struct choices *c)
{
        static const uint8_t types[] = {FRAME_ANSWER, FRAME_ANSWER, FRAME_SENT, FRAME_NAMES, FRAME_FOUND};
        char name[NAME_MAX_BYTES + 1], text[TEXT_MAX_BYTES], formatted[STYLED_MAX_BYTES + 1];
        uint8_t choice = choose_u8(c), code = choose_u8(c) % ANSWER_CODES;
        uint64_t number = choose_u8(c);
        if (!solo_chatd_may_say(d))
                return;
        d->is_at_random = true;
        if (choice & 0x80 && d->open_count > 0)
                number = d->open[number % d->open_count].number;
        else
                number %= d->sent_number + 1;
        struct frame f = {.type = types[choice % sizeof(types)], .number = number};
        if (f.type != FRAME_ANSWER) {
                f.key = choice & 1;
                f.name = solo_chatd_choose_name(d, c, name);
                f.text = solo_chatd_choose_text(c, text, sizeof(text));
                f.speech = solo_chatd_choose_style(c, f.text, formatted, &f.styled) | (choice & 0x20 ? SPEECH_CTCP : 0);
        }
        solo_chatd_send_answer(d, c, f, code, choice & 0x40 && d->open_count > 0 ? d->open[0].name : NULL);
        solo_chatd_close(d, number);
}

/* ---- what it says unasked ---- */

/* Appends a record to `buffer`. Returns its size. */
static size_t solo_chatd_add_record(struct solo_chatd *d, struct choices *c, uint8_t kind, uint8_t *buffer, size_t size)
{
        char name[NAME_MAX_BYTES + 1], room[NICK_MAX_BYTES + 1], text[TEXT_MAX_BYTES], new_name[NAME_MAX_BYTES + 1];
        char formatted[STYLED_MAX_BYTES + 1];
        struct record r = {.kind = kind, .id = 1 + choose_u8(c) % 4u, .number = ++d->records, .name = {"", 0}};
        struct answer a = {.code = (uint8_t)(1 + choose_u8(c) % (ANSWER_CODES - 1)), .count = 1};
        uint8_t answer[NAME_MAX_BYTES];
        if (kind == RECORD_TIME)
                r.number = choose_u16(c) * UINT64_C(100000);
        else
                r.name = solo_chatd_choose_name(d, c, name);
        r.text = solo_chatd_choose_text(c, text, sizeof(text));
        if (choose_u8(c) & 1)
                r.room = solo_chatd_choose_room(c, room);
        if (kind == RECORD_RENAME || kind == RECORD_RENAMED)
                r.text = solo_chatd_choose_name(d, c, new_name);
        if (kind == RECORD_WENT || kind == RECORD_CAME)
                r.text = slice_of(FIRST_ROOM);
        a.host = a.name = slice_of("b");
        if (kind == RECORD_ANSWER && a.code != ANSWER_ROOMS && a.code != ANSWER_NOBODY_THERE)
                a.code = ANSWER_PEOPLE; /* hosts give each other no other answer: see reply.h */
        if (kind == RECORD_ANSWER)
                r.text = (struct slice){(const char *)answer, answer_encode(answer, sizeof(answer), &a)};
        else if (kind == RECORD_NOTICE)
                r.answer = (struct slice){(const char *)answer, answer_encode(answer, sizeof(answer), &a)};
        if (record_is_line(&r) || kind == RECORD_PRIVATE || kind == RECORD_CTCP)
                r.is_notice = solo_chatd_choose_style(c, r.text, formatted, &r.styled) & SPEECH_NOTICE;
        PROMISE(record_is_bounded(&r), "this target's record is too long");
        return record_encode_styled(buffer, size, &r);
}

void solo_chatd_relay(struct solo_chatd *d, struct choices *c)
{
        static uint8_t records[32 * 1024];
        uint64_t relayed = solo_chatd_relayed(d);
        size_t size = 0;
        for (unsigned n = 1 + choose_u8(c) % 4; n > 0; n--) {
                uint8_t kind = choose_u8(c) % (RECORD_CTCP + 1);
                size += solo_chatd_add_record(d, c, kind, records + size, sizeof(records) - size);
        }
        solo_chatd_send(d, (struct frame){.type = FRAME_BATCH, .number = relayed}, records, size);
}

void solo_chatd_show_past(struct solo_chatd *d, struct choices *c)
{
        static uint8_t records[48 * 1024];
        uint8_t choice = choose_u8(c);
        uint64_t number = choice & 0x80 && d->open_count > 0 ? d->open[0].number : 0;
        size_t size = 0;
        if (!solo_chatd_may_say(d) || (number > 0 && d->open[0].type != FRAME_ROOM_HISTORY))
                return;
        if (choice & 0x40 && number == 0)
                number = d->entered_number;
        for (unsigned n = 1 + choice % 8; n > 0; n--) {
                size += solo_chatd_add_record(d, c, RECORD_TIME, records + size, sizeof(records) - size);
                size += solo_chatd_add_record(d, c, choose_u8(c) & 1 ? RECORD_ACTION : RECORD_LINE, records + size,
                                              sizeof(records) - size);
        }
        solo_chatd_send(d, (struct frame){.type = FRAME_PAST, .number = number}, records, size);
        if (number > d->entered_number)
                solo_chatd_close(d, number);
}

void solo_chatd_say(struct solo_chatd *d, struct choices *c)
{
        static const struct {
                uint8_t type, code;
        } all[] = {
                {FRAME_RELAYED, 0},
                {FRAME_MISSED, 0},
                {FRAME_ROLLCALL, 0},
                {FRAME_TEXT, 0},
                {FRAME_PROBE, ANSWER_NAME_WANTED},
                {FRAME_LEND, 0},
                {FRAME_MISSED, 0},
                {FRAME_TEXT, 0},
                {FRAME_PROBE, ANSWER_NAME_WANTED},
                {FRAME_KICKED, ANSWER_REMOVED},
                {FRAME_KICKED, ANSWER_REMOVED_BANNED},
                {FRAME_REFUSED, ANSWER_BANNED},
                {FRAME_REFUSED, ANSWER_FULL},
                {FRAME_GOODBYE, 0},
        };
        char text[TEXT_MAX_BYTES];
        uint8_t choice = choose_u8(c) % (sizeof(all) / sizeof(all[0]));
        struct frame f = {.type = all[choice].type, .number = choose_u8(c)};
        if (!solo_chatd_may_say(d))
                return;
        if (f.type == FRAME_RELAYED)
                f.number = solo_chatd_relayed(d);
        if (f.type == FRAME_MISSED)
                d->open_count = 0;
        if (f.type == FRAME_REFUSED)
                d->has_refused = true;
        if (f.type == FRAME_TEXT || all[choice].code != 0)
                f.text = solo_chatd_choose_text(c, text, sizeof(text));
        if (f.type == FRAME_TEXT)
                f.number = ++d->texts;
        if (all[choice].code != 0)
                solo_chatd_send_answer(d, c, f, all[choice].code, NULL);
        else
                solo_chatd_send(d, f, NULL, 0);
}

/* ---- the end ---- */

void solo_chatd_finish(struct solo_chatd *d)
{
        struct choices none = {NULL, NULL};
        d->is_full = d->is_old = false;
        if (d->is_away)
                solo_chatd_restart(d, false);
        if (d->has_hello && !d->is_welcomed)
                solo_chatd_welcome(d, &none);
        while (d->open_count > 0 && solo_chatd_may_say(d))
                solo_chatd_serve(d, 0);
        if (d->has_bye && d->inbox_count == 0)
                solo_chatd_send(d, (struct frame){.type = FRAME_GOODBYE}, NULL, 0);
}
