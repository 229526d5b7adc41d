#include "commands.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

const struct command_row commands[] = {
        {"/help", "", "lists what you can type", COMMAND_HELP, 0},
        {"/nick", "NAME", "takes another name", COMMAND_NICK, 5},
        {"/who", "", "lists who is here", COMMAND_WHO, 5},
        {"/msg", "NAME TEXT", "says something to one person alone", COMMAND_MSG, 1},
        {"/reply", "TEXT", "answers whoever last said something to you alone", COMMAND_REPLY, 1},
        {"/me", "TEXT", "tells what you do: /me waves", COMMAND_ME, 1},
        {"/join", "ROOM", "goes to another room, or makes it", COMMAND_JOIN, 5},
        {"/leave", "", "goes back to the room where everybody begins", COMMAND_BACK, 5},
        {"/rooms", "", "lists the rooms where people are", COMMAND_ROOMS, 5},
        {"/topic", "[TEXT]", "shows what your room is about, or sets it; - removes it", COMMAND_TOPIC, 5},
        {"/history", "[LINES]", "shows what was said last in your room", COMMAND_HISTORY, 5},
        {"/ignore", "[NAME]", "hides what somebody says, or shows it again", COMMAND_IGNORE, 0},
        {"/time", "on|off", "shows when each line came, in UTC", COMMAND_TIME, 0},
        {"/bell", "on|off", "rings when somebody says your name", COMMAND_BELL, 0},
        {"/color", "on|off", "shows names in colors", COMMAND_COLOR, 0},
        {"/edit", "on|off", "edits your line while others talk, on a telnet", COMMAND_EDIT, 0},
        {"/quit", "", "leaves; so does exit", COMMAND_LEAVE, 0},
        /* what people try who come from elsewhere */
        {"/exit", "", NULL, COMMAND_LEAVE, 0},
        {"/bye", "", NULL, COMMAND_LEAVE, 0},
        {"/name", "NAME", NULL, COMMAND_NICK, 5},
        {"/names", "", NULL, COMMAND_WHO, 5},
        {"/list", "", NULL, COMMAND_ROOMS, 5},
        {"/part", "", NULL, COMMAND_BACK, 5},
        {"/tell", "NAME TEXT", NULL, COMMAND_MSG, 1},
        {"/whisper", "NAME TEXT", NULL, COMMAND_MSG, 1},
        {"/colour", "on|off", NULL, COMMAND_COLOR, 0},
        {"/?", "", NULL, COMMAND_HELP, 0},
        {0},
};

enum { WORD_MAX_BYTES = 16 }; /* of what is compared; no name is longer */

static size_t least(size_t a, size_t b, size_t c)
{
        size_t ab = a < b ? a : b;
        return ab < c ? ab : c;
}

/* How many characters have to be put in, taken out or changed to make one of the other (Levenshtein). */
static size_t distance(struct slice word, const char *name)
{
        size_t row[WORD_MAX_BYTES + 1], len = strlen(name);
        for (size_t i = 0; i <= len; i++)
                row[i] = i;
        for (size_t at = 0; at < word.len; at++) {
                size_t diagonal = row[0];
                row[0] = at + 1;
                for (size_t i = 1; i <= len; i++) {
                        size_t change = diagonal + (tolower((unsigned char)word.at[at]) != name[i - 1]);
                        diagonal = row[i];
                        row[i] = least(change, row[i] + 1, row[i - 1] + 1);
                }
        }
        return row[len];
}

/* What was not typed to its end, or is most like it; with less than half of it in common, the list of all there is. */
static const struct command_row *find_nearest(struct slice word)
{
        const struct command_row *best = &commands[0];
        if (word.len > WORD_MAX_BYTES)
                word.len = WORD_MAX_BYTES;
        for (const struct command_row *row = commands; word.len > 1 && row->name; row++)
                if (word.len < strlen(row->name) && strncasecmp(word.at, row->name, word.len) == 0)
                        return row;
        size_t best_distance = word.len / 2 + 1;
        for (const struct command_row *row = commands; row->name; row++) {
                size_t d = row->help ? distance(word, row->name) : SIZE_MAX;
                if (d < best_distance) {
                        best_distance = d;
                        best = row;
                }
        }
        return best;
}

static const struct command_row *find(struct slice word)
{
        for (const struct command_row *row = commands; row->name; row++)
                if (slice_equal_case(word, slice_of(row->name)))
                        return row;
        return NULL;
}

static void trim(struct slice *text)
{
        while (text->len > 0 && text->at[0] == ' ') {
                text->at++;
                text->len--;
        }
        while (text->len > 0 && text->at[text->len - 1] == ' ')
                text->len--;
}

static struct slice first_word(struct slice line)
{
        const char *space = memchr(line.at, ' ', line.len);
        return (struct slice){line.at, space ? (size_t)(space - line.at) : line.len};
}

enum command command_parse(struct slice line, const struct command_row **row, struct slice *rest)
{
        struct slice word = first_word(line), behind = {line.at + word.len, line.len - word.len};

        *rest = line;
        trim(&behind);
        if (slice_equal(word, slice_of("exit")) && behind.len == 0)
                return COMMAND_LEAVE;
        if (line.len == 0 || line.at[0] != '/') {
                trim(&line);
                *row = find(first_word(line));
                return *row ? COMMAND_INDENTED : COMMAND_SAY;
        }
        if (line.len > 1 && line.at[1] == '/') {
                *rest = (struct slice){line.at + 1, line.len - 1};
                return COMMAND_SAY;
        }
        *rest = behind;
        *row = find(word);
        if (*row)
                return (*row)->command;
        *row = find_nearest(word);
        *rest = word;
        return COMMAND_UNKNOWN;
}
