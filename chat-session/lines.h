/* Turns bytes into lines: finds the line ends of every kind of client, obeys the keys that correct a line, and cuts
 * lines that are too long. The text is what was typed; it is cleaned (chat/safe-text.h) when it is sent.
 *
 * A line ends with CR LF, LF CR, CR NUL (telnet in character mode, PuTTY), LF (nc) or a lone CR. The first byte ends
 * the line at once, and the second is swallowed, so a read may end between the two. A line of more than TEXT_MAX_BYTES
 * comes as several pieces, cut between characters.
 *
 * Many clients send each key as it is pressed and correct nothing themselves. So BS and DEL erase a character (a
 * grapheme cluster), ^W a word and ^U the line, as in a terminal (termios(3)). Escape sequences of keys add nothing
 * (escape.h). NUL is ignored: some clients send it to keep a connection alive.
 *
 * Memory is constant; there is no descriptor and no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>

#include "escape.h"

enum lines_event {
        LINES_LINE,      /* a whole line */
        LINES_PIECE,     /* a piece of a line that is too long; more pieces follow */
        LINES_LAST,      /* the last piece of such a line; it may be empty */
        LINES_END,       /* ^D on an empty line: telnet and terminals send it as a byte, not as an end of file */
        LINES_INTERRUPT, /* ^C from a client that sends it as a byte */
};

/* Takes an event. `text` is what was typed, not terminated, and valid during the call only. */
typedef void lines_emit(void *user, enum lines_event event, const char *text, size_t len);

struct lines {
        lines_emit *emit;
        void *user;
        struct escape escape;
        uint8_t line_end; /* the CR or LF that ended the last line, whose other half may follow; 0: none */
        bool is_cut;      /* pieces of this line went out already */
        size_t len;
        char text[TEXT_MAX_BYTES]; /* last, because the other fields are in constant use */
};

/* Begins a struct. lines_push() and lines_finish() call `emit` with `user` for each event. */
void lines_init(struct lines *l, lines_emit *emit, void *user);

/* Takes the next byte of text. */
void lines_push(struct lines *l, uint8_t byte);

/* Takes `size` bytes, at least one, of text that text_plain() counts as plain. Does the same as lines_push() for each
 * byte. */
void lines_push_plain(struct lines *l, const void *text, size_t size);

/* Ends the input: text without a line end is a line, too. */
void lines_finish(struct lines *l);

/* Forgets what was typed of the current line. */
void lines_discard(struct lines *l);

/* Returns true if `byte` is the second half of a line end whose first half is `*ended`. Clears `*ended`. */
static inline bool line_end_is_second(uint8_t *ended, uint8_t byte)
{
        uint8_t first = *ended;
        *ended = 0;
        return (first == '\r' && (byte == '\n' || byte == '\0')) || (first == '\n' && byte == '\r');
}
