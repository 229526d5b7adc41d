/* The commands that a client may type, in one table. /help is printed from it. */
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
        char name[12];      /* characters, not pointers: see sentence.h */
        char arguments[12]; /* as /help shows them: words in capitals; those in brackets are optional */
        char help[56];      /* empty: another name for a command that has a row already */
        enum command command;
        unsigned cost; /* how many lines the pace counts for the request to chatd */
};

/* The table of all commands, which ends with a row without a name. */
extern const struct command_row commands[];

/* Returns the row of the command `name`, or NULL if there is none. `name` includes the slash, and may be in any
 * case. */
const struct command_row *command_find(struct slice name);

/* Returns the row whose name begins with `word` or is most similar to it. Returns the row of /help if every name
 * differs from the word in more than half of it. */
const struct command_row *command_nearest(struct slice word);

/* Returns the command that a line stands for. Sets `*row` to the row of the command, or to the nearest row if the
 * command is unknown. `*row` is undefined for text, and unchanged for "exit". Sets `*rest` to what stands behind the
 * command's name. For text, sets it to the text to be said; for an unknown command, to its name; for a disguised
 * command, to what stands behind its slash.
 *
 * A line that begins with "//" is text without the first slash. A path ("/etc/passwd": a second slash in the first
 * word) is text. "exit" leaves, also with blanks around it. Commands may be in any case.
 */
enum command command_parse(struct slice line, const struct command_row **row, struct slice *rest);

/* Returns true if the line is text and no command of any kind. */
static inline bool command_is_text(enum command command)
{
        return command == COMMAND_SAY || command == COMMAND_NOTHING;
}

enum { COMMANDS_MEANT = 5 }; /* words that may be meant as commands: a byte has a bit for each */

/* Returns the command that a line of only this word ("quit", "help", "?") probably means, or NULL. If there is a
 * command, sets `*word` to the number of the word, below COMMANDS_MEANT. */
const struct command_row *command_meant(struct slice line, size_t *word);
