#include "obey.h"

#include <stdarg.h>
#include <stdio.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/names.h>
#include <chat/safe-text.h>

#include "commands.h"
#include "editing.h"
#include "terminal.h"
#include "wrap.h"

enum {
        HELP_COLUMN = 18,
        HISTORY_DIGITS = 6,
        /* A reply is queued with the name of its reader. So a shorter command than this, such as "/r x", takes more
         * room in the queue than typed_may_read() reserves for its input. */
        REPLY_NAME_BYTES = sizeof("/reply") - 1,
        SHOWN_MAX_BYTES = 32,     /* the most that a notice shows of an unknown command */
        DISGUISED_MAX_BYTES = 56, /* the most that a notice shows of a disguised command */
};

__attribute__((format(printf, 2, 3))) static void obey_tell(struct terminal *t, const char *format, ...)
{
        char text[256];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        terminal_tell(t, text);
}

/* Returns the beginning of `text`: whole characters of at most `bytes` bytes. */
static struct slice obey_shorten(struct slice text, size_t bytes)
{
        size_t most = text.len < bytes ? text.len : bytes;
        while (most > 0 && most < text.len && ((uint8_t)text.at[most] & 0xc0) == 0x80)
                most--;
        return (struct slice){text.at, most};
}

/* Shows a row of /help. */
static void obey_explain(struct terminal *t, const char *name, const char *arguments, const char *help)
{
        char usage[64], text[160];
        snprintf(usage, sizeof(usage), "%s %s", name, arguments);
        snprintf(text, sizeof(text), "%-*s %s", HELP_COLUMN, usage, help);
        terminal_tell_indented(t, slice_of(text), WRAP_INDENT + HELP_COLUMN + 1);
}

static void obey_list_commands(struct terminal *t)
{
        for (const struct command_row *row = commands; row->name[0] != '\0'; row++)
                if (row->help[0] != '\0')
                        obey_explain(t, row->name, row->arguments, row->help);
        obey_explain(t, "//TEXT", "", "says a line that begins with a slash");
}

/* Shows what one command does, and its other names. */
static void obey_explain_command(struct terminal *t, const struct command_row *command)
{
        char others[128] = "";
        size_t len = 0;
        for (const struct command_row *row = commands; row->name[0] != '\0'; row++) {
                if (row->command != command->command)
                        continue;
                if (row->help[0] != '\0')
                        obey_explain(t, row->name, row->arguments, row->help);
                else
                        len += (size_t)snprintf(others + len, sizeof(others) - len, "%s%s", len > 0 ? ", " : "",
                                                row->name);
        }
        if (len > 0)
                obey_tell(t, "Other names for it: %s", others);
}

static void obey_unknown(struct terminal *t, const struct command_row *nearest, struct slice rest)
{
        struct slice word = obey_shorten(rest, SHOWN_MAX_BYTES);
        if (nearest->command == COMMAND_HELP)
                obey_tell(t, "Unknown command %.*s; /help lists the commands", (int)word.len, word.at);
        else
                obey_tell(t, "Unknown command %.*s. Did you mean %s? /help lists the commands", (int)word.len, word.at,
                          nearest->name);
}

/* Shows the help on all commands, or on the command of this name, with or without a slash. */
static void obey_help(struct terminal *t, const struct command_row *own, struct slice name)
{
        (void)own;
        char text[SHOWN_MAX_BYTES + 2];
        struct slice word = obey_shorten(name, SHOWN_MAX_BYTES);
        if (name.len == 0) {
                obey_list_commands(t);
                return;
        }
        snprintf(text, sizeof(text), "%s%.*s", word.at[0] == '/' ? "" : "/", (int)word.len, word.at);
        const struct command_row *row = command_find(slice_of(text));
        if (row)
                obey_explain_command(t, row);
        else
                obey_unknown(t, command_nearest(slice_of(text)), slice_of(text));
}

static void obey_tell_usage(struct terminal *t, const struct command_row *row)
{
        obey_tell(t, "Usage: %s %s", row->name, row->arguments);
}

/* Sends a request to chatd, or tells the user that chatd is too old for it. */
static void obey_request(struct terminal *t, const struct command_row *row, struct frame f)
{
        unsigned version = talk_version(t->session);
        if (version > 0 && version < frame_since(f.type))
                obey_tell(t, "%s is unavailable: the chat's broker is older than your session", row->name);
        else
                talk_request(t->session, f, row->cost);
}

/* Sends a request for the name of a member or a room. */
static void obey_request_name(struct terminal *t, const struct command_row *row, enum frame_type type,
                              struct slice name)
{
        if (type == FRAME_ROOM && name.len > 1 && name.at[0] == '#') /* as other chats write rooms */
                name = (struct slice){name.at + 1, name.len - 1};
        if (name.len == 0 || name.len > NAME_MAX_BYTES)
                obey_tell_usage(t, row);
        else
                obey_request(t, row, (struct frame){.type = (uint8_t)type, .name = name});
}

static void obey_act(struct terminal *t, const struct command_row *row, struct slice text)
{
        if (text.len == 0)
                obey_tell_usage(t, row);
        else
                obey_request(t, row, (struct frame){.type = FRAME_ACTION, .text = text});
}

static void obey_msg(struct terminal *t, const struct command_row *row, struct slice rest)
{
        struct slice name;
        if (!word_next(&rest, &name) || rest.len == 0)
                obey_tell_usage(t, row);
        else if (name.len > NAME_MAX_BYTES || !text_is_name(name.at, name.len))
                obey_tell(t, "There is nobody called %.*s here; /who lists who is here",
                          (int)obey_shorten(name, SHOWN_MAX_BYTES).len, name.at);
        else
                obey_request(t, row, (struct frame){.type = FRAME_PRIVATE, .name = name, .text = rest});
}

static void obey_reply(struct terminal *t, const struct command_row *row, struct slice text)
{
        if (text.len == 0)
                obey_tell_usage(t, row);
        else if (t->writer[0] == '\0')
                obey_tell(t, "Nobody has sent you a private message yet");
        else if (strlen(row->name) < REPLY_NAME_BYTES && talk_room(t->session) < EDITING_ROOM_BYTES)
                obey_tell(t, "Not sent: too many of your lines are waiting. Try again in a moment");
        else if (t->writer_id == LINK_ID)
                obey_request(t, row, (struct frame){.type = FRAME_PRIVATE, .name = slice_of(t->writer), .text = text});
        else
                obey_request(
                        t, row,
                        (struct frame){
                                .type = FRAME_PRIVATE, .key = t->writer_id, .name = slice_of(t->writer), .text = text});
}

static void obey_history(struct terminal *t, const struct command_row *row, struct slice rest)
{
        uint64_t lines = 0;
        size_t i = 0;
        for (; i < rest.len && i < HISTORY_DIGITS && rest.at[i] >= '0' && rest.at[i] <= '9'; i++)
                lines = lines * 10 + (uint64_t)(rest.at[i] - '0');
        if (i < rest.len || (rest.len > 0 && lines == 0))
                obey_tell_usage(t, row);
        else
                obey_request(t, row, (struct frame){.type = FRAME_HISTORY, .key = lines});
}

static void obey_list_ignored(struct terminal *t)
{
        const struct ignore_list *l = &t->view.ignore_list;
        if (l->count == 0)
                obey_tell(t, "You ignore nobody");
        for (size_t i = 0; i < l->count; i++)
                obey_tell(t, "You ignore %s%s", l->people[i].name, l->people[i].has_left ? ", who has left" : "");
}

/* Ignores this person, or no longer does. */
static void obey_toggle_ignored(struct terminal *t, uint64_t id, struct slice name)
{
        struct ignore_list *l = &t->view.ignore_list;
        const struct ignored_person *person = ignored_find(l, id, name);
        if (person) {
                ignored_remove(l, person);
                obey_tell(t, "You see what %.*s says again", (int)name.len, name.at);
        } else if (ignored_add(l, id, name)) {
                obey_tell(t, "You no longer see what %.*s says; /ignore %.*s again undoes this", (int)name.len, name.at,
                          (int)name.len, name.at);
        } else {
                obey_tell(t, "You cannot ignore more than %d people", IGNORED_PEOPLE_MAX);
        }
}

static void obey_ignore(struct terminal *t, const struct command_row *row, struct slice name)
{
        if (name.len == 0)
                obey_list_ignored(t);
        else if (name.len > NAME_MAX_BYTES || !text_is_name(name.at, name.len))
                obey_tell(t, "There is nobody called %.*s here; /who lists who is here",
                          (int)obey_shorten(name, SHOWN_MAX_BYTES).len, name.at);
        else if (name_is_reserved(name.at, name.len))
                obey_tell(t, "You cannot ignore administrators");
        else if (memchr(name.at, '@', name.len)) /* only that member's host knows the id */
                obey_toggle_ignored(t, LINK_ID, name);
        else
                obey_request(t, row, (struct frame){.type = FRAME_FIND, .name = name});
}

void obey_found(struct terminal *t, const struct frame *f)
{
        const struct ignored_person *person = f->key == 0 ? ignored_find_absent(&t->view.ignore_list, f->name) : NULL;
        if (f->key == talk_id(t->session))
                obey_tell(t, "You cannot ignore yourself");
        else if (f->key != 0 || person)
                obey_toggle_ignored(t, person ? person->id : f->key, f->name);
        else
                terminal_notice(t, &f->text, 1);
}

static void obey_turn(struct terminal *t, const struct command_row *row, bool *setting, struct slice rest,
                      const char *detail)
{
        if (slice_equal_case(rest, slice_of("on")) || slice_equal_case(rest, slice_of("off")))
                *setting = rest.len == 2;
        else if (rest.len > 0)
                obey_tell_usage(t, row);
        bool more = *setting && detail[0] != '\0';
        obey_tell(t, "%s is %s%s%s", row->name, *setting ? "on" : "off", more ? ", in " : "", more ? detail : "");
}

/* Turns times on or off, or takes the zone in which they are shown from then on. */
static void obey_time(struct terminal *t, const struct command_row *row, struct slice rest)
{
        char name[ZONE_NAME_BYTES];
        bool local = slice_equal_case(rest, slice_of("local"));
        if (local)
                t->view.zone = t->options->zone;
        if (local || zone_parse_offset(&t->view.zone, rest))
                rest = slice_of("on");
        zone_name(&t->view.zone, clock_realtime_s(), name);
        obey_turn(t, row, &t->view.time, rest, slice_equal(slice_of(name), slice_of("UTC")) ? "" : name);
}

static void obey_edit(struct terminal *t, const struct command_row *row, struct slice rest)
{
        bool on = t->edits;
        if (t->options->editing == EDITING_OFF) {
                obey_tell(t, "%s is switched off in this chat", row->name);
                return;
        }
        obey_turn(t, row, &on, rest, "");
        editing_turn(t, on);
}

/* Shows how to type a command that was disguised, and how to say it as text. */
static void obey_disguised(struct terminal *t, const struct command_row *row, struct slice rest)
{
        (void)row;
        char clean[DISGUISED_MAX_BYTES * 4];
        struct slice begin = obey_shorten(rest, DISGUISED_MAX_BYTES);
        size_t len = text_clean_all(begin.at, begin.len, clean, sizeof(clean));
        obey_tell(t, "Not sent. Commands start at the beginning of the line: /%.*s", (int)len, clean);
        obey_tell(t, "To say it, type //%.*s", (int)len, clean);
}

static void obey_leave(struct terminal *t, const struct command_row *row, struct slice rest)
{
        (void)row;
        (void)rest;
        talk_leave(t->session, LEAVE_EXIT);
}

static void obey_nick(struct terminal *t, const struct command_row *row, struct slice name)
{
        obey_request_name(t, row, FRAME_NICK, name);
}

static void obey_join(struct terminal *t, const struct command_row *row, struct slice room)
{
        obey_request_name(t, row, FRAME_ROOM, room);
}

static void obey_back(struct terminal *t, const struct command_row *row, struct slice rest)
{
        (void)rest;
        obey_request(t, row, (struct frame){.type = FRAME_ROOM, .name = {"", 0}});
}

static void obey_who(struct terminal *t, const struct command_row *row, struct slice rest)
{
        (void)rest;
        obey_request(t, row, (struct frame){.type = FRAME_WHO});
}

static void obey_rooms(struct terminal *t, const struct command_row *row, struct slice rest)
{
        (void)rest;
        obey_request(t, row, (struct frame){.type = FRAME_ROOMS});
}

static void obey_topic(struct terminal *t, const struct command_row *row, struct slice topic)
{
        obey_request(t, row, (struct frame){.type = FRAME_TOPIC, .text = topic});
}

static void obey_bell(struct terminal *t, const struct command_row *row, struct slice rest)
{
        obey_turn(t, row, &t->view.bell, rest, "");
}

static void obey_color(struct terminal *t, const struct command_row *row, struct slice rest)
{
        obey_turn(t, row, &t->view.color, rest, "");
}

typedef void obey_command(struct terminal *t, const struct command_row *row, struct slice rest);

static obey_command *const obey_commands[COMMANDS] = {
        [COMMAND_UNKNOWN] = obey_unknown, [COMMAND_DISGUISED] = obey_disguised,
        [COMMAND_LEAVE] = obey_leave,     [COMMAND_HELP] = obey_help,
        [COMMAND_NICK] = obey_nick,       [COMMAND_WHO] = obey_who,
        [COMMAND_ME] = obey_act,          [COMMAND_MSG] = obey_msg,
        [COMMAND_REPLY] = obey_reply,     [COMMAND_JOIN] = obey_join,
        [COMMAND_BACK] = obey_back,       [COMMAND_ROOMS] = obey_rooms,
        [COMMAND_TOPIC] = obey_topic,     [COMMAND_HISTORY] = obey_history,
        [COMMAND_IGNORE] = obey_ignore,   [COMMAND_TIME] = obey_time,
        [COMMAND_BELL] = obey_bell,       [COMMAND_COLOR] = obey_color,
        [COMMAND_EDIT] = obey_edit,
};

void obey(struct terminal *t, enum command command, const struct command_row *row, struct slice rest)
{
        if (command_is_text(command)) /* the caller says the line */
                return;
        assert(obey_commands[command]);
        obey_commands[command](t, row, rest);
}
