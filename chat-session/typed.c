#include "typed.h"

#include <stdio.h>

#include <chat/nearest.h>
#include <chat/reveal.h>
#include <chat/safe-text.h>

#include "commands.h"
#include "editing.h"
#include "input.h"
#include "obey.h"
#include "paste.h"
#include "terminal.h"
#include "uplink.h"

/* The most that one byte of input takes in the queue: a LINE without text, for a line end. One more leaves room for the
 * longest request, which short input can become. */
enum { QUEUE_PER_BYTE = UPLINK_LINE_OVERHEAD_BYTES + 2 };

_Static_assert((sizeof("/reply x\n") - 1) * QUEUE_PER_BYTE >= UPLINK_REQUEST_OVERHEAD_BYTES + 1,
               "what becomes a long request from short input has a place in the queue");

_Static_assert((int)EDITING_ROOM_BYTES - TEXT_MAX_BYTES - UPLINK_REQUEST_OVERHEAD_BYTES >=
                       (int)INPUT_READ_MAX_BYTES * (int)QUEUE_PER_BYTE + (int)INPUT_ROOM_RESERVED,
               "behind a line from the history there is room for all that may have been read with it");

#define TOO_LONG "Not sent: the command is too long"

size_t typed_may_read(const struct terminal *t)
{
        size_t room = talk_room(t->session);
        if (room < INPUT_ROOM_RESERVED + QUEUE_PER_BYTE)
                return 0;
        size_t most = (room - INPUT_ROOM_RESERVED) / QUEUE_PER_BYTE;
        return most < INPUT_READ_MAX_BYTES ? most : INPUT_READ_MAX_BYTES;
}

/* ---- cleaning ---- */

/* Tells the client once that a letter of its line was lost, and why. */
static void typed_tell_charset(struct terminal *t)
{
        const struct charset *charset = t->options->charset;
        char text[96 + CHARSET_NAME_BYTES];
        if (t->input.charset_notice)
                return;
        t->input.charset_notice = true;
        snprintf(text, sizeof(text), "Others see \ufffd for some of your letters: they did not arrive as %s",
                 charset ? charset->name : "UTF-8");
        terminal_tell(t, text);
}

size_t typed_clean(struct terminal *t, struct slice line, typed_piece *take)
{
        struct text_cleaner c = {0};
        char *text = t->clean_text, bytes[TEXT_CLEAN_MAX];
        size_t len = 0, pieces = 1;
        if (text_is_clean(line.at, line.len)) {
                take(t, line);
                return 1;
        }
        for (size_t i = 0; i <= line.len; i++) {
                size_t n = i < line.len ? text_clean(&c, (uint8_t)line.at[i], bytes) : text_clean_end(&c, bytes);
                if (len + n > sizeof(t->clean_text)) {
                        take(t, (struct slice){text, len});
                        len = 0;
                        pieces++;
                }
                memcpy(text + len, bytes, n);
                len += n;
        }
        take(t, (struct slice){text, len});
        if (c.is_broken)
                typed_tell_charset(t);
        return pieces;
}

static void typed_say_piece(struct terminal *t, struct slice clean)
{
        talk_say(t->session, reveal(clean, t->last_text, sizeof(t->last_text)));
}

static void typed_drop_piece(struct terminal *t, struct slice clean)
{
        (void)t;
        (void)clean;
}

static void typed_say(struct terminal *t, struct slice line)
{
        typed_clean(t, line, typed_say_piece);
}

/* ---- lines ---- */

/* Recognises another protocol by the first line that is not empty. Returns true if the client was turned away. */
static bool typed_is_turned_away(struct terminal *t, struct slice line, bool whole)
{
        if (t->input.speaks_chat)
                return false;
        enum protocol protocol = protocol_of_line(line, whole);
        t->input.speaks_chat = true; /* otherwise it is turned away, and no other line comes */
        if (protocol == PROTOCOL_CHAT)
                return false;
        input_turn_away(t, protocol, line.len > 5 && memcmp(line.at, "HEAD ", 5) == 0);
        return true;
}

/* If the line is only a word like "help", tells the user which command it means, and returns true: the word was hardly
 * meant for everybody. Does so once for each word, and not in a paste. */
static bool typed_hints(struct terminal *t, struct slice line)
{
        char text[128];
        size_t word;
        const struct command_row *row = command_meant(line, &word);
        if (!row || t->input.paste.is_paste)
                return false;
        if (t->input.hints & 1u << word)
                return false;
        t->input.hints |= (uint8_t)(1u << word);
        snprintf(text, sizeof(text), "Not sent. %s; to say %.*s, type it again.",
                 row->command == COMMAND_HELP ? "/help lists the commands" : "exit or /quit leaves", (int)line.len,
                 line.at);
        terminal_tell(t, text);
        return true;
}

/* Obeys a command, which is clean. */
static void typed_obey(struct terminal *t, struct slice line)
{
        const struct command_row *row = NULL;
        struct paste *paste = &t->input.paste;
        struct slice rest;
        line = reveal(line, t->last_text, sizeof(t->last_text));
        enum command command = command_parse(line, &row, &rest);
        if (command == COMMAND_LEAVE && paste->is_paste && !input_is_at_end(&t->input)) {
                paste_note_stayed(paste, row ? row->name : "exit");
                if (!row)
                        typed_say_piece(t, line);
                return;
        }
        obey(t, command, row, rest);
        if (paste->is_paste && command != COMMAND_LEAVE && command != COMMAND_UNKNOWN)
                paste_note_obeyed(paste, row->name);
}

static void typed_take_line(struct terminal *t, struct slice line)
{
        const struct command_row *row = NULL;
        struct slice rest;
        enum command command = command_parse(line, &row, &rest);
        if (command == COMMAND_NOTHING) { /* it is still a sign of life */
                talk_arrive(t->session);
                return;
        }
        if (typed_is_turned_away(t, line, true))
                return;
        /* In a paste, an unknown command is text. A word that is nearly a command may have been typed, and come
         * together with another line. */
        if (command == COMMAND_UNKNOWN && t->input.paste.is_paste && nearest_distance(rest, slice_of(row->name)) > 1)
                typed_say(t, line);
        else if (command == COMMAND_DISGUISED)
                obey(t, command, row, rest);
        else if (command != COMMAND_SAY && typed_clean(t, line, typed_drop_piece) > 1)
                terminal_tell(t, TOO_LONG);
        else if (command != COMMAND_SAY)
                typed_clean(t, line, typed_obey);
        else if (!typed_hints(t, line))
                typed_say(t, rest);
}

/* Takes a piece of a line that is too long. The first piece decides whether the line may be said. */
static void typed_take_piece(struct terminal *t, struct slice line)
{
        const struct command_row *row;
        struct slice rest;
        bool first = !t->input.continues;
        t->input.continues = true;
        if (first && (t->input.swallows || typed_is_turned_away(t, line, false)))
                return;
        if (first && !command_is_text(command_parse(line, &row, &rest))) {
                terminal_tell(t, TOO_LONG);
                t->input.swallows = true;
        }
        if (!t->input.swallows)
                typed_say(t, line);
}

/* Takes a whole line, or the last piece of one. */
static void typed_take_end(struct terminal *t, enum lines_event event, struct slice line)
{
        struct input *in = &t->input;
        bool swallows = in->swallows;
        if (swallows && !in->continues && line.len > 0)
                terminal_tell(t, "Not sent: the line before it was a command that was interrupted. Type it again.");
        in->swallows = false;
        if (!swallows && event == LINES_LINE)
                typed_take_line(t, line);
        else if (!swallows && line.len > 0)
                typed_say(t, line);
        in->continues = false;
}

void typed_take(void *user, enum lines_event event, const char *text, size_t len)
{
        struct terminal *t = user;
        if (!talk_is_open(t->session))
                return;
        if (t->edits && t->editor.cleaner.is_broken)
                typed_tell_charset(t);
        switch (event) {
        case LINES_END:
                talk_leave(t->session, LEAVE_EXIT);
                break;
        case LINES_INTERRUPT:
                input_interrupt(t, true);
                break;
        case LINES_PIECE:
                typed_take_piece(t, (struct slice){text, len});
                break;
        case LINES_LINE:
        case LINES_LAST:
                typed_take_end(t, event, (struct slice){text, len});
                break;
        }
}
