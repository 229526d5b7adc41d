#include "obey.h"

#include <stdarg.h>
#include <stdio.h>

#include <chat/clock.h>
#include <chat/names.h>
#include <chat/text.h>

#include "commands.h"
#include "editing.h"
#include "session.h"
#include "wrap.h"

enum {
        HELP_COLUMN = 18,
        HISTORY_DIGITS = 6,
        /* A reply is queued with the name of its reader. So a command with a shorter name than this, as "/r x", takes
         * more room in the queue than its input was allowed for (input.c). */
        REPLY_NAME_BYTES = sizeof("/reply") - 1,
        SHOWN_MAX_BYTES = 32,     /* of an unknown command that a notice shows */
        DISGUISED_MAX_BYTES = 56, /* of a disguised command that a notice shows */
};

__attribute__((format(printf, 2, 3))) static void tell(struct session *s, const char *format, ...)
{
        char text[256];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        session_tell(s, text);
}

/* Returns the beginning of `text`: whole characters of at most `bytes` bytes. */
static struct slice shorten(struct slice text, size_t bytes)
{
        size_t most = text.len < bytes ? text.len : bytes;
        while (most > 0 && most < text.len && ((uint8_t)text.at[most] & 0xc0) == 0x80)
                most--;
        return (struct slice){text.at, most};
}

/* Shows a row of /help. */
static void explain(struct session *s, const char *name, const char *arguments, const char *help)
{
        char usage[64], text[160];
        snprintf(usage, sizeof(usage), "%s %s", name, arguments);
        snprintf(text, sizeof(text), "%-*s %s", HELP_COLUMN, usage, help);
        session_notice_indented(s, slice_of(text), WRAP_INDENT + HELP_COLUMN + 1);
}

static void list_commands(struct session *s)
{
        for (const struct command_row *row = commands; row->name; row++)
                if (row->help)
                        explain(s, row->name, row->arguments, row->help);
        explain(s, "//TEXT", "", "says a line that begins with a slash");
}

/* Shows what one command does, and its other names. */
static void explain_command(struct session *s, const struct command_row *command)
{
        char others[128] = "";
        size_t len = 0;
        for (const struct command_row *row = commands; row->name; row++) {
                if (row->command != command->command)
                        continue;
                if (row->help)
                        explain(s, row->name, row->arguments, row->help);
                else
                        len += (size_t)snprintf(others + len, sizeof(others) - len, "%s%s", len > 0 ? ", " : "",
                                                row->name);
        }
        if (len > 0)
                tell(s, "Other names for it: %s", others);
}

static void unknown(struct session *s, const struct command_row *nearest, struct slice word)
{
        if (nearest->command == COMMAND_HELP)
                tell(s, "Unknown command %.*s; /help lists the commands", (int)word.len, word.at);
        else
                tell(s, "Unknown command %.*s. Did you mean %s? /help lists the commands", (int)word.len, word.at,
                     nearest->name);
}

/* Shows the help on all commands, or on the one of this name, with its slash or without. */
static void help(struct session *s, struct slice name)
{
        char text[SHOWN_MAX_BYTES + 2];
        struct slice word = shorten(name, SHOWN_MAX_BYTES);
        if (name.len == 0) {
                list_commands(s);
                return;
        }
        snprintf(text, sizeof(text), "%s%.*s", word.at[0] == '/' ? "" : "/", (int)word.len, word.at);
        const struct command_row *row = command_find(slice_of(text));
        if (row)
                explain_command(s, row);
        else
                unknown(s, command_nearest(slice_of(text)), slice_of(text));
}

static void tell_usage(struct session *s, const struct command_row *row)
{
        tell(s, "Usage: %s %s", row->name, row->arguments);
}

/* Sends a request to chatd, or tells the user that chatd is too old for it. */
static void request(struct session *s, const struct command_row *row, struct frame f)
{
        unsigned version = s->uplink.broker_version;
        if (version > 0 && version < frame_since(f.type))
                tell(s, "%s is unavailable: the chat's broker is older than your session", row->name);
        else
                uplink_request(&s->uplink, f, row->cost);
}

/* Sends a request for the name of a member or a room. */
static void request_name(struct session *s, const struct command_row *row, enum frame_type type, struct slice name)
{
        if (type == FRAME_ROOM && name.len > 1 && name.at[0] == '#') /* as other chats write rooms */
                name = (struct slice){name.at + 1, name.len - 1};
        if (name.len == 0 || name.len > NAME_MAX_BYTES)
                tell_usage(s, row);
        else
                request(s, row, (struct frame){.type = (uint8_t)type, .name = name});
}

static void act(struct session *s, const struct command_row *row, struct slice text)
{
        if (text.len == 0)
                tell_usage(s, row);
        else
                request(s, row, (struct frame){.type = FRAME_ACTION, .text = text});
}

static void msg(struct session *s, const struct command_row *row, struct slice rest)
{
        struct slice name;
        if (!word_next(&rest, &name) || rest.len == 0)
                tell_usage(s, row);
        else if (name.len > NAME_MAX_BYTES || !text_is_name(name.at, name.len))
                tell(s, "There is nobody called %.*s here; /who lists who is here",
                     (int)shorten(name, SHOWN_MAX_BYTES).len, name.at);
        else
                request(s, row, (struct frame){.type = FRAME_PRIVATE, .name = name, .text = rest});
}

static void reply(struct session *s, const struct command_row *row, struct slice text)
{
        if (text.len == 0)
                tell_usage(s, row);
        else if (s->writer[0] == '\0')
                tell(s, "Nobody has sent you a private message yet");
        else if (strlen(row->name) < REPLY_NAME_BYTES && uplink_room(&s->uplink) < EDITING_ROOM_BYTES)
                tell(s, "Not sent: too many of your lines are waiting. Try again in a moment");
        else if (s->writer_id == LINK_ID)
                request(s, row, (struct frame){.type = FRAME_PRIVATE, .name = slice_of(s->writer), .text = text});
        else
                request(s, row,
                        (struct frame){
                                .type = FRAME_PRIVATE, .key = s->writer_id, .name = slice_of(s->writer), .text = text});
}

static void history(struct session *s, const struct command_row *row, struct slice rest)
{
        uint64_t lines = 0;
        size_t i = 0;
        for (; i < rest.len && i < HISTORY_DIGITS && rest.at[i] >= '0' && rest.at[i] <= '9'; i++)
                lines = lines * 10 + (uint64_t)(rest.at[i] - '0');
        if (i < rest.len || (rest.len > 0 && lines == 0))
                tell_usage(s, row);
        else
                request(s, row, (struct frame){.type = FRAME_HISTORY, .key = lines});
}

static void list_ignored(struct session *s)
{
        const struct ignore_list *l = &s->view.ignored;
        if (l->count == 0)
                tell(s, "You ignore nobody");
        for (size_t i = 0; i < l->count; i++)
                tell(s, "You ignore %s%s", l->people[i].name, l->people[i].left ? ", who has left" : "");
}

/* Begins or ends ignoring this person. */
static void toggle_ignored(struct session *s, uint64_t id, struct slice name)
{
        struct ignore_list *l = &s->view.ignored;
        const struct ignored_person *person = ignored_find(l, id, name);
        if (person) {
                ignored_remove(l, person);
                tell(s, "You see what %.*s says again", (int)name.len, name.at);
        } else if (ignored_add(l, id, name)) {
                tell(s, "You no longer see what %.*s says; /ignore %.*s again undoes this", (int)name.len, name.at,
                     (int)name.len, name.at);
        } else {
                tell(s, "You cannot ignore more than %d people", IGNORED_PEOPLE_MAX);
        }
}

static void ignore(struct session *s, const struct command_row *row, struct slice name)
{
        if (name.len == 0)
                list_ignored(s);
        else if (name.len > NAME_MAX_BYTES || !text_is_name(name.at, name.len))
                tell(s, "There is nobody called %.*s here; /who lists who is here",
                     (int)shorten(name, SHOWN_MAX_BYTES).len, name.at);
        else if (name_is_reserved(name.at, name.len))
                tell(s, "You cannot ignore administrators");
        else if (memchr(name.at, '@', name.len)) /* only the host of that member knows its id */
                toggle_ignored(s, LINK_ID, name);
        else
                request(s, row, (struct frame){.type = FRAME_FIND, .name = name});
}

void obey_found(struct session *s, const struct frame *f)
{
        const struct ignored_person *absent = f->key == 0 ? ignored_find_absent(&s->view.ignored, f->name) : NULL;
        if (f->key == s->uplink.id)
                tell(s, "You cannot ignore yourself");
        else if (f->key != 0 || absent)
                toggle_ignored(s, absent ? absent->id : f->key, f->name);
        else
                session_notice(s, f->text);
}

static void turn(struct session *s, const struct command_row *row, bool *what, struct slice rest, const char *how)
{
        if (slice_equal_case(rest, slice_of("on")) || slice_equal_case(rest, slice_of("off")))
                *what = rest.len == 2;
        else if (rest.len > 0)
                tell_usage(s, row);
        bool more = *what && how[0] != '\0';
        tell(s, "%s is %s%s%s", row->name, *what ? "on" : "off", more ? ", in " : "", more ? how : "");
}

/* Turns times on or off, or takes the zone in which they are shown from then on. */
static void turn_time(struct session *s, const struct command_row *row, struct slice rest)
{
        char name[ZONE_NAME_BYTES];
        bool local = slice_equal_case(rest, slice_of("local"));
        if (local)
                s->view.zone = s->options->zone;
        if (local || zone_parse_offset(&s->view.zone, rest))
                rest = slice_of("on");
        zone_name(&s->view.zone, clock_realtime_s(), name);
        turn(s, row, &s->view.time, rest, slice_equal(slice_of(name), slice_of("UTC")) ? "" : name);
}

static void edit(struct session *s, const struct command_row *row, struct slice rest)
{
        bool on = s->edits;
        if (s->options->editing == EDITING_OFF) {
                tell(s, "%s is switched off in this chat", row->name);
                return;
        }
        turn(s, row, &on, rest, "");
        editing_turn(s, on);
}

/* Shows how to type a command that was disguised, and how to say it as text. */
static void disguised(struct session *s, struct slice rest)
{
        char clean[DISGUISED_MAX_BYTES * 4];
        struct slice begin = shorten(rest, DISGUISED_MAX_BYTES);
        size_t len = text_clean_all(begin.at, begin.len, clean, sizeof(clean));
        tell(s, "Not sent. Commands start at the beginning of the line: /%.*s", (int)len, clean);
        tell(s, "To say it, type //%.*s", (int)len, clean);
}

void obey(struct session *s, enum command command, const struct command_row *row, struct slice rest)
{
        switch (command) {
        case COMMAND_NOTHING:
        case COMMAND_SAY: /* the caller says the line */
                break;
        case COMMAND_UNKNOWN:
                unknown(s, row, shorten(rest, SHOWN_MAX_BYTES));
                break;
        case COMMAND_DISGUISED:
                disguised(s, rest);
                break;
        case COMMAND_LEAVE:
                session_leave(s, LEAVE_EXIT);
                break;
        case COMMAND_HELP:
                help(s, rest);
                break;
        case COMMAND_NICK:
                request_name(s, row, FRAME_NICK, rest);
                break;
        case COMMAND_WHO:
                request(s, row, (struct frame){.type = FRAME_WHO});
                break;
        case COMMAND_ME:
                act(s, row, rest);
                break;
        case COMMAND_MSG:
                msg(s, row, rest);
                break;
        case COMMAND_REPLY:
                reply(s, row, rest);
                break;
        case COMMAND_JOIN:
                request_name(s, row, FRAME_ROOM, rest);
                break;
        case COMMAND_BACK:
                request(s, row, (struct frame){.type = FRAME_ROOM, .name = {"", 0}});
                break;
        case COMMAND_ROOMS:
                request(s, row, (struct frame){.type = FRAME_ROOMS});
                break;
        case COMMAND_TOPIC:
                request(s, row, (struct frame){.type = FRAME_TOPIC, .text = rest});
                break;
        case COMMAND_HISTORY:
                history(s, row, rest);
                break;
        case COMMAND_IGNORE:
                ignore(s, row, rest);
                break;
        case COMMAND_TIME:
                turn_time(s, row, rest);
                break;
        case COMMAND_BELL:
                turn(s, row, &s->view.bell, rest, "");
                break;
        case COMMAND_COLOR:
                turn(s, row, &s->view.color, rest, "");
                break;
        case COMMAND_EDIT:
                edit(s, row, rest);
                break;
        }
}
