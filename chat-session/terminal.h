/* A person at a terminal: telnet, nc and the like. The state of this kind of client (kind.h), and what all its parts
 * may do: show a notice, greet.
 *
 * terminal-kind.h is the kind itself. echo.h is another kind for the same clients.
 */
#pragma once

#include <chat/settings.h>

#include "charset.h"
#include "completion.h"
#include "editor.h"
#include "lines.h"
#include "protocol.h"
#include "talk.h"
#include "telnet.h"
#include "view.h"

enum { EDITING_PENDING_MAX = 64 }; /* keys that wait, like TAB, for an answer of chatd, see editing.h */

enum terminal_greeting {
        TERMINAL_ARRIVES, /* the client is new */
        TERMINAL_WAITS,   /* it is greeted at `greet_at` at the latest */
        TERMINAL_GREETED, /* it was greeted, or will not be */
};

struct terminal_options {
        enum settings_editing editing;
        struct zone zone;              /* of this host */
        const struct charset *charset; /* of the client; NULL: UTF-8 */
};

enum {
        PASTE_NAMES_BYTES = 36, /* for the names of commands: the notice fits a row of 80 columns */
        PASTE_LEAVE_BYTES = 8,  /* for "exit" or the name of a command that leaves */
};

/* The last read, if it was several lines. */
struct paste {
        bool is_paste;                         /* the last read was a paste */
        size_t count;                          /* of the commands that were obeyed */
        char names[PASTE_NAMES_BYTES];         /* their names */
        char leave_command[PASTE_LEAVE_BYTES]; /* the first "exit" or /quit before the last line; or "" */
};

/* What the reads show of a client, keys.h. */
struct keys {
        uint8_t reads; /* reads of a single key so far, up to the number that shows that the client sends keys */
        bool knows;    /* the user knows how to see the keys */
};

/* What a ^C does. */
enum input_interrupt {
        INPUT_DISCARDS,    /* discards the line */
        INPUT_INTERRUPTED, /* discards the line; the client must be told of a ^C in this read */
        INPUT_LEAVES,      /* leaves: the client was told so, and has typed nothing since */
};

/* The state of the input (input.h). */
struct input {
        bool speaks_chat; /* shown by the first bytes or the first line */
        uint8_t first_count;
        uint8_t first[PROTOCOL_FIRST_BYTES]; /* of the client's input */
        int64_t first_at;                    /* when the first of these bytes came, ms of CLOCK_MONOTONIC */
        enum input_interrupt interrupt;
        bool discards;       /* a ^C of this read discarded something */
        bool swallows;       /* nothing is said until the line ends */
        bool continues;      /* pieces of the line went out already */
        bool charset_notice; /* the user knows that the input is not in the client's character set */
        uint8_t hints;       /* a bit for each word that was taken for a command once, and not said */
        struct keys keys;
        int64_t ayt_at; /* when IAC AYT is answered again, ms of CLOCK_MONOTONIC */
        /* the current read */
        const uint8_t *next, *end; /* the bytes that are not taken yet */
        size_t size;
        struct paste paste;
};

/* All zeros, except for `options`, which must live as long as the session. */
struct terminal {
        /* in constant use, all in one page */
        const struct terminal_options *options;
        struct session *session;
        struct client *client;
        enum terminal_greeting greeting;
        bool edits;          /* the client's input goes to the editor, editing.h */
        bool is_turned_away; /* it speaks another protocol: it is shown nothing of the chat */
        bool no_rows;        /* lines are not broken into rows, however narrow the window is */
        int64_t greet_at;    /* ms of CLOCK_MONOTONIC */
        struct telnet telnet;
        struct input input;
        struct view view;
        struct lines lines; /* its text comes last */
        /* in pages that are written to only if needed */
        char clean_text[TEXT_MAX_BYTES];           /* of a line that is not clean as it was typed */
        char last_text[TEXT_MAX_BYTES];            /* of the last line that was said (chat/reveal.h) */
        uint64_t writer_id;                        /* the sender of the client's last private message */
        char writer[NAME_MAX_BYTES + 1];           /* the sender's name; empty: there was no such message */
        struct names names;                        /* while the line is edited */
        uint8_t pending_keys[EDITING_PENDING_MAX]; /* keys that were typed while TAB waits */
        uint64_t completion_request;               /* the number of the request for names that TAB waits for; 0: none */
        int64_t completion_deadline;               /* how long TAB waits: ms of CLOCK_MONOTONIC */
        size_t pending_len;                        /* how many keys were typed while TAB waits */
        struct editor editor;                      /* its texts come last */
};

/* Shows the client a notice of `n` parts, at most three. If the window is known to be narrower than the notice, breaks
 * it into rows at words. */
void terminal_notice(struct terminal *t, const struct slice *parts, size_t n);

/* Shows the client a notice. */
void terminal_tell(struct terminal *t, const char *text);

/* Shows the client a notice. All rows except the first begin with `indent` blanks. */
void terminal_tell_indented(struct terminal *t, struct slice text, size_t indent);

/* Shows the client a notice for each line of the text. */
void terminal_tell_lines(struct terminal *t, struct slice text);

/* Greets the client once. `people` is how many are here, or 0 if chatd has not said so in time. */
void terminal_greet(struct terminal *t, uint64_t people);
