/* The commands that a client may type: one table, which /help prints, too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/wire.h>

enum command {
        COMMAND_NOTHING, /* a line without anything visible */
        COMMAND_SAY,     /* text */
        COMMAND_UNKNOWN,
        COMMAND_DISGUISED, /* does not begin with a slash, but looks as if a command was meant: disguise.h */
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
        COMMANDS, /* how many there are */
};

struct command_row {
        const char *name;
        const char *arguments; /* as /help shows them: words in capitals; those in brackets are optional */
        const char *help;      /* NULL: another name for a command that has a row already */
        enum command command;
        unsigned cost; /* how many lines the pace counts for the request to chatd */
};

/* The table of all commands, which ends with a row without a name. */
extern const struct command_row commands[];

/* Returns the row of the command `name`, which includes the slash, without regard to case. Returns NULL if there is
 * none. */
const struct command_row *command_find(struct slice name);

/* Returns the row whose name begins with `word` or is most similar to it. Returns the row of /help if no name has half
 * of it in common. */
const struct command_row *command_nearest(struct slice word);

/* Returns the command that a whole line is, without regard to case. Sets `*row` to its row; for an unknown command, to
 * the nearest row. `*row` is undefined for text, and unchanged for "exit". Sets `*rest` to what stands behind the
 * command's name; for text, to the text to be said; for an unknown command, to its name; for a disguised command, to
 * the part of the line behind the place of the slash.
 *
 * A line that begins with "//" is text without the first slash. A path ("/etc/passwd": a second slash in the first
 * word) is text. "exit" leaves, in any case and with blanks around it.
 */
enum command command_parse(struct slice line, const struct command_row **row, struct slice *rest);

/* Returns true if the line is text and no command of any kind. */
static inline bool command_is_text(enum command command)
{
        return command == COMMAND_SAY || command == COMMAND_NOTHING;
}

enum { COMMANDS_MEANT = 5 }; /* words that may be meant as commands: a byte has a bit for each */

/* Returns the command that a user probably means who types only this word ("quit", "help", "?"), or NULL. Sets `*word`
 * to the number of the word, below COMMANDS_MEANT. */
const struct command_row *command_meant(struct slice line, size_t *word);
