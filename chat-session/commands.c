#include "commands.h"

#include <string.h>
#include <strings.h>

#include <chat/nearest.h>

#include "disguise.h"

const struct command_row commands[] = {
        {"/help", "[COMMAND]", "lists the commands, or explains one", COMMAND_HELP, 0},
        {"/nick", "NAME", "takes another name", COMMAND_NICK, 5},
        {"/who", "", "lists who is here", COMMAND_WHO, 5},
        {"/msg", "NAME TEXT", "sends a private message", COMMAND_MSG, 1},
        {"/reply", "TEXT", "replies to your last private message", COMMAND_REPLY, 1},
        {"/me", "TEXT", "tells what you do: /me waves", COMMAND_ME, 1},
        {"/join", "ROOM", "goes to another room, or makes it", COMMAND_JOIN, 5},
        {"/leave", "", "goes back to the lobby, where everybody begins", COMMAND_BACK, 5},
        {"/rooms", "", "lists the rooms where people are", COMMAND_ROOMS, 5},
        {"/topic", "[TEXT]", "shows what your room is about, or sets it; - removes it", COMMAND_TOPIC, 5},
        {"/history", "[LINES]", "shows what was said last in your room", COMMAND_HISTORY, 5},
        {"/ignore", "[NAME]", "hides what somebody says, or shows it again", COMMAND_IGNORE, 1},
        {"/time", "on|off|ZONE", "shows when each line came; ZONE is +2, +5:30 or local", COMMAND_TIME, 0},
        {"/bell", "on|off", "rings when somebody says your name", COMMAND_BELL, 0},
        {"/color", "on|off", "shows names in colors", COMMAND_COLOR, 0},
        {"/edit", "on|off", "keeps your half-typed line in a row of its own", COMMAND_EDIT, 0},
        {"/quit", "", "leaves; so does exit", COMMAND_LEAVE, 0},
        /* names that users of other chats try */
        {"/exit", "", "", COMMAND_LEAVE, 0},
        {"/bye", "", "", COMMAND_LEAVE, 0},
        {"/q", "", "", COMMAND_LEAVE, 0},
        {"/name", "NAME", "", COMMAND_NICK, 5},
        {"/names", "", "", COMMAND_WHO, 5},
        {"/list", "", "", COMMAND_ROOMS, 5},
        {"/part", "", "", COMMAND_BACK, 5},
        {"/tell", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/whisper", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/w", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/m", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/pm", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/dm", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/query", "NAME TEXT", "", COMMAND_MSG, 1},
        {"/r", "TEXT", "", COMMAND_REPLY, 1},
        {"/colour", "on|off", "", COMMAND_COLOR, 0},
        {"/?", "[COMMAND]", "", COMMAND_HELP, 0},
        {"", "", "", COMMAND_NOTHING, 0},
};

/* Suggests no name of one letter, because each of them is similar to every word. */
const struct command_row *command_nearest(struct slice word)
{
        const struct command_row *best = &commands[0];
        for (const struct command_row *row = commands; word.len > 1 && row->name[0] != '\0'; row++)
                if (word.len < strlen(row->name) && strncasecmp(word.at, row->name, word.len) == 0)
                        return row;
        size_t best_distance = word.len / 2 + 1;
        for (const struct command_row *row = commands; row->name[0] != '\0'; row++) {
                size_t d = row->name[1] && row->name[2] ? nearest_distance(word, slice_of(row->name)) : SIZE_MAX;
                if (d < best_distance) {
                        best_distance = d;
                        best = row;
                }
        }
        return best;
}

const struct command_row *command_find(struct slice word)
{
        for (const struct command_row *row = commands; row->name[0] != '\0'; row++)
                if (slice_equal_case(word, slice_of(row->name)))
                        return row;
        return NULL;
}

static bool commands_is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static void commands_trim(struct slice *text)
{
        while (text->len > 0 && commands_is_blank(text->at[0])) {
                text->at++;
                text->len--;
        }
        while (text->len > 0 && commands_is_blank(text->at[text->len - 1]))
                text->len--;
}

static struct slice commands_first_word(struct slice line)
{
        const char *space = memchr(line.at, ' ', line.len);
        return (struct slice){line.at, space ? (size_t)(space - line.at) : line.len};
}

static bool commands_is_path(struct slice word)
{
        return word.len > 1 && memchr(word.at + 1, '/', word.len - 1);
}

/* Returns true if a command stands behind invisible characters, or behind a character that only looks like a slash. */
static bool commands_is_disguised(struct disguise d, const struct command_row **row, struct slice *rest)
{
        char word[1 + NEAREST_MAX_BYTES + 1] = "/";
        struct slice name = {d.rest.at + d.slash, d.rest.len - d.slash};
        bool two = name.len > 0 && name.at[0] == '/';
        if (d.slash == 0 || (two && !d.looks_only && !d.stroke))
                return false;
        if (two)
                name = (struct slice){name.at + 1, name.len - 1};
        disguise_word(name, word + 1, sizeof(word) - 1);
        const struct command_row *command = command_find(slice_of(word));
        bool is_command = command || (!d.stroke && !commands_is_path(commands_first_word(d.rest)) &&
                                      (d.looks_only || !d.blanks_only));
        if (is_command) {
                *row = command ? command : command_nearest(slice_of(word));
                *rest = name;
        }
        return is_command;
}

enum command command_parse(struct slice line, const struct command_row **row, struct slice *rest)
{
        struct slice word = commands_first_word(line), behind = {line.at + word.len, line.len - word.len}, whole = line;

        *rest = line;
        commands_trim(&whole);
        commands_trim(&behind);
        if (slice_equal_case(whole, slice_of("exit")))
                return COMMAND_LEAVE;
        if (line.len == 0 || line.at[0] != '/') {
                struct disguise d = disguise_of(line);
                if (d.empty)
                        return COMMAND_NOTHING;
                return commands_is_disguised(d, row, rest) ? COMMAND_DISGUISED : COMMAND_SAY;
        }
        if (line.len > 1 && line.at[1] == '/') {
                *rest = (struct slice){line.at + 1, line.len - 1};
                return COMMAND_SAY;
        }
        *row = command_find(word);
        if (*row) {
                *rest = behind;
                return (*row)->command;
        }
        if (commands_is_path(word))
                return COMMAND_SAY;
        if (commands_is_disguised(disguise_of(line), row, rest)) /* there is an invisible character within the word */
                return COMMAND_DISGUISED;
        *row = command_nearest(word);
        *rest = word;
        return COMMAND_UNKNOWN;
}

const struct command_row *command_meant(struct slice line, size_t *word)
{
        static const struct {
                char word[sizeof("logout")], command[sizeof("/quit")]; /* the longest of each */
        } words[COMMANDS_MEANT] = {
                {"quit", "/quit"}, {"bye", "/quit"}, {"logout", "/quit"}, {"help", "/help"}, {"?", "/help"}};
        commands_trim(&line);
        if (line.len >= sizeof(words[0].word))
                return NULL;
        for (*word = 0; *word < COMMANDS_MEANT; (*word)++)
                if (slice_equal_case(line, slice_of(words[*word].word)))
                        return command_find(slice_of(words[*word].command));
        return NULL;
}
