#include "speech.h"

#include <ctype.h>

#include <chat/names.h>
#include <chat/reveal.h>

#include "../chat-irc/formatting.h"

#include "admin.h"
#include "answer.h"
#include "arrivals.h"

struct record speech_record(const struct member *m, const struct frame *f, enum record_kind kind, struct slice text)
{
        return (struct record){
                .kind = (uint8_t)kind,
                .id = m->id,
                .number = f->number,
                .name = slice_of(m->name),
                .text = text,
                .styled = f->styled,
                .is_notice = f->speech & SPEECH_NOTICE,
        };
}

/* Returns true for a CTCP message that may go to a client. DCC would have two computers connect to each other, past the
 * chat. A name begins with a letter, because some clients pass over blanks in front of it. */
static bool speech_is_ctcp(struct slice text)
{
        bool is_dcc = text.len >= 3 && strncasecmp(text.at, "DCC", 3) == 0;
        return text.len > 0 && isalpha((unsigned char)text.at[0]) && !is_dcc;
}

bool speech_take_text(struct chat *chat, struct record *rec)
{
        if (rec->kind == RECORD_CTCP && !speech_is_ctcp(rec->text)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return false;
        }
        if (!chat_take_text(chat, &rec->text))
                return false;
        if (rec->kind == RECORD_LINE)
                rec->text = reveal_behind_name(rec->text, rec->name.len);
        if (!formatting_is_of(rec->styled, rec->text))
                rec->styled = slice_of("");
        return true;
}

/* Returns the seat of `m` in the room of this name; or, if the name is empty, that of a member that does not roam. Returns
 * NULL if `m` is not there. */
static struct seat *speech_seat(const struct chat *chat, const struct member *m, struct slice name)
{
        if (name.len == 0)
                return m->roams ? NULL : m->seats;
        return member_seat_in(m, rooms_find(&chat->roster.rooms, name));
}

/* Tells `m` that it is not in the room of `f`. */
static void speech_tell_absent(struct chat *chat, struct member *m, const struct frame *f)
{
        if (name_is_nick(f->name.at, f->name.len))
                answer_send(chat, m, f, &(struct answer){.code = ANSWER_NOT_IN_ROOM, .room = f->name});
        else
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
}

struct seat *speech_find_seat(struct chat *chat, struct member *m, const struct frame *f)
{
        struct seat *seat = speech_seat(chat, m, f->name);
        if (!seat)
                speech_tell_absent(chat, m, f);
        return seat;
}

static void speech_add(struct chat *chat, struct member *m, struct room *room, const struct record *rec)
{
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        batch_add(&chat->batch, m, room, rec);
}

void speech_announce(struct chat *chat, struct member *m, struct room *room, const struct frame *f,
                     enum record_kind kind, struct slice text)
{
        struct record rec = speech_record(m, f, kind, text);
        speech_add(chat, m, room, &rec);
}

/* Returns true if nobody else gets the lines that are said from `seat`. If there is a link, people on other hosts may be
 * in the room: chatd does not know them. */
static bool speech_is_alone(const struct chat *chat, const struct seat *seat)
{
        const struct seat *other = seat->room->first;
        while (other && (other == seat || !member_is_here(other->member)))
                other = other->next;
        return !other && !roster_find(&chat->roster, LINK_ID);
}

/* Tells the member of `seat`, once, that no other member could get its line or action `f`. */
static void speech_tell_alone(struct chat *chat, struct seat *seat, const struct frame *f)
{
        bool alone = speech_is_alone(chat, seat);
        if (alone && !seat->alone_notice)
                answer_code(chat, seat->member, f, ANSWER_ALONE);
        seat->alone_notice = alone;
}

/* Says a line from `seat`; NULL: `m` is not in the room, so nobody gets the line. Only the version and the number of `f`
 * are used; the number is that of the line. */
static void speech_say(struct chat *chat, struct member *m, struct seat *seat, const struct frame *f,
                       struct record *line)
{
        if (line->number <= m->lines_in || line->number == UINT64_MAX) {
                complaints_ignore(&chat->complaints, IGNORED_REPEATED);
                return;
        }
        if (!speech_take_text(chat, line))
                return;
        chat_take_number(chat, m, line->number);
        m->lines_total = line->number;
        if (admin_silences(chat, m, f, false) || !seat)
                return;
        chat->lines++;
        speech_add(chat, m, seat->room, line);
        speech_tell_alone(chat, seat, f);
}

enum outcome speech_line(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        if (!m || m->presence != PRESENT) {
                complaints_ignore(&chat->complaints, IGNORED_STRANGER);
                return TAKEN;
        }
        struct record rec = speech_record(m, f, RECORD_LINE, slice_of(""));
        struct seat *seat = speech_seat(chat, m, f->name);
        struct slice text = f->text;
        if (!seat && f->number > m->lines_in) /* one answer is enough for all lines */
                speech_tell_absent(chat, m, f);
        for (bool more = true; more; rec.number++, rec.styled = slice_of("")) {
                more = line_next(&text, &rec.text);
                speech_say(chat, m, seat, &(struct frame){.version = f->version, .number = rec.number}, &rec);
        }
        return TAKEN;
}

void speech_action(struct chat *chat, struct member *m, const struct frame *f)
{
        struct record rec = speech_record(m, f, RECORD_ACTION, f->text);
        struct seat *seat = speech_find_seat(chat, m, f);
        if (!seat || !speech_take_text(chat, &rec))
                return;
        chat->lines++;
        speech_add(chat, m, seat->room, &rec);
        speech_tell_alone(chat, seat, f);
}
