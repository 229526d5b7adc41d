/* Bytes to lines: finds the line ends of every kind of client, cleans the text (chat/text.h) and cuts what is too long.
 *
 * A line ends with CR LF, CR NUL (telnet in character mode, PuTTY), LF (nc) or a lone CR, also where a read ends in
 * between: a CR ends the line at once, and one LF or NUL behind it is swallowed. A line of more than TEXT_MAX_BYTES
 * comes as several pieces, cut between characters. Memory is constant; there is no descriptor and no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/frame.h>
#include <chat/text.h>

enum lines_event {
        LINES_LINE,  /* a whole line */
        LINES_PIECE, /* a piece of a line that was too long, its last one too */
        LINES_END,   /* ^D on an empty line: telnet and terminals send it as a byte, not as an end of file */
};

/* `text` is clean, not terminated, and valid during the call only. */
typedef void lines_emit(void *user, enum lines_event event, const char *text, size_t len);

struct lines {
        char text[TEXT_MAX_BYTES]; /* first: what is always used then shares a page with what follows in a session */
        lines_emit *emit;
        void *user;
        struct text_cleaner cleaner;
        bool after_cr;
        bool cut; /* pieces of this line went before */
        size_t len;
};

/* `emit` is called with `user` for each line, from lines_push() and lines_finish(). */
void lines_init(struct lines *l, lines_emit *emit, void *user);

/* Takes the next byte of text. */
void lines_push(struct lines *l, uint8_t byte);

/* Takes `size` bytes, at least one, that text_plain() calls so, as lines_push() would one by one. */
void lines_push_plain(struct lines *l, const void *text, size_t size);

/* The input ended: what was typed without a line end is a line too. */
void lines_finish(struct lines *l);

/* Forgets what was typed of the current line. */
void lines_discard(struct lines *l);
