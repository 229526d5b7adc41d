/* What a client may type besides text: one table, from which /help is made too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/wire.h>

enum command {
        COMMAND_NOTHING, /* nothing that anybody sees */
        COMMAND_SAY,     /* it is text */
        COMMAND_UNKNOWN,
        COMMAND_DISGUISED, /* it does not begin with a slash, but looks as if it was meant as a command: disguise.h */
        COMMAND_LEAVE,
        COMMAND_HELP,
        COMMAND_NICK,
        COMMAND_WHO,
        COMMAND_ME,
        COMMAND_MSG,
        COMMAND_REPLY,
        COMMAND_JOIN,
        COMMAND_BACK,
        COMMAND_ROOMS,
        COMMAND_TOPIC,
        COMMAND_HISTORY,
        COMMAND_IGNORE,
        COMMAND_TIME,
        COMMAND_BELL,
        COMMAND_COLOR,
        COMMAND_EDIT,
};

struct command_row {
        const char *name;
        const char *arguments; /* as /help shows them: words in capitals, those in brackets may be left out */
        const char *help;      /* NULL: another name for something that is in the table already */
        enum command command;
        unsigned cost; /* of what goes to chatd: for how many lines the pace counts it */
};

/* The table, which ends with a row without a name. */
extern const struct command_row commands[];

/* Returns the row of the command of this name, which has its slash, in whatever case; or NULL. */
const struct command_row *command_find(struct slice name);

/* Returns the row whose name begins with the word, or is most like it; with less than half of it in common, that of
 * /help. */
const struct command_row *command_nearest(struct slice word);

/* Returns which command a whole line is, in whatever case it is written. `*row` is its row; for an unknown command the
 * nearest; for text undefined; for "exit" it stays as it was. `*rest` is what stands behind the command's name; for text, the
 * text to be said; for an unknown command its name; for a disguised one the line from where the slash belongs, which it
 * replaces.
 *
 * A line that begins with "//" is text without the first of the two. A path ("/etc/passwd": a second slash in the first
 * word) is text. "exit" leaves, in whatever case and with blanks around it. */
enum command command_parse(struct slice line, const struct command_row **row, struct slice *rest);

/* Returns true for what is no command of any kind. */
static inline bool command_is_text(enum command command)
{
        return command == COMMAND_SAY || command == COMMAND_NOTHING;
}

enum { COMMANDS_MEANT = 5 }; /* words: a bit for each, in a byte */

/* Returns the command that somebody may look for who writes just this line ("quit", "help", "?"), or NULL. `*word` tells
 * these words apart: it is below COMMANDS_MEANT. */
const struct command_row *command_meant(struct slice line, size_t *word);
