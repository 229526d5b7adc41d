#include "input.h"

#include <stdio.h>

#include <chat/nearest.h>
#include <chat/reveal.h>
#include <chat/text.h>

#include "charset.h"
#include "commands.h"
#include "editing.h"
#include "obey.h"
#include "session.h"

enum {
        READ_MAX_BYTES = 4096,
        /* What one byte of input can become: in the uplink's queue a LINE without text (for a line end), in the
         * client's buffer four times itself (a TAB). */
        QUEUE_PER_BYTE = UPLINK_LINE_OVERHEAD_BYTES + 1,
        CLEAN_PER_BYTE = 4,
        /* The cleaned form of what was read earlier and comes out with this input, and room for BYE. */
        ROOM_RESERVED = CLEAN_PER_BYTE * TEXT_MAX_BYTES + 256,
        PASTE_MIN_BYTES = 16, /* in one read: nobody types that fast */
        AT_ONCE_MS = 50,      /* several bytes in so short a time come from a program, unless one key sends them all */
        KEY_ETX = 3,          /* ^C */
        KEY_BS = 8,
        KEY_NAK = 21, /* ^U */
};

_Static_assert((sizeof("/reply x\n") - 1) * QUEUE_PER_BYTE >= UPLINK_REQUEST_OVERHEAD_BYTES + 1,
               "what becomes a long request from short input has a place in the queue");

_Static_assert((int)EDITING_ROOM_BYTES - TEXT_MAX_BYTES - UPLINK_REQUEST_OVERHEAD_BYTES >=
                       (int)READ_MAX_BYTES * (int)QUEUE_PER_BYTE + (int)ROOM_RESERVED,
               "behind a line from the history there is room for all that may have been read with it");

#define TOO_LONG "Not sent: the command is too long"

/* ---- cleaning ---- */

/* Tells the client once that a letter of its line was lost, and why. */
static void tell_charset(struct session *s)
{
        const struct charset *charset = s->options->charset;
        char text[96 + CHARSET_NAME_BYTES];
        if (s->input.charset_told || s->echo)
                return;
        s->input.charset_told = true;
        snprintf(text, sizeof(text), "Others see \ufffd for some of your letters: they did not arrive as %s",
                 charset ? charset->name : "UTF-8");
        session_tell(s, text);
}

typedef void take_piece(struct session *s, struct slice clean);

/* Cleans what was typed and hands it to `take`, in pieces of up to TEXT_MAX_BYTES. Returns how many pieces. */
static size_t clean(struct session *s, struct slice typed, take_piece *take)
{
        struct text_cleaner c = {0};
        char *text = s->cleaned, bytes[TEXT_CLEAN_MAX];
        size_t len = 0, pieces = 1;
        if (text_is_clean(typed.at, typed.len)) {
                take(s, typed);
                return 1;
        }
        for (size_t i = 0; i <= typed.len; i++) {
                size_t n = i < typed.len ? text_clean(&c, (uint8_t)typed.at[i], bytes) : text_clean_end(&c, bytes);
                if (len + n > sizeof(s->cleaned)) {
                        take(s, (struct slice){text, len});
                        len = 0;
                        pieces++;
                }
                memcpy(text + len, bytes, n);
                len += n;
        }
        take(s, (struct slice){text, len});
        if (c.broken)
                tell_charset(s);
        return pieces;
}

static void say_piece(struct session *s, struct slice clean)
{
        uplink_say(&s->uplink, reveal(clean, s->shown, sizeof(s->shown)));
}

static void echo_piece(struct session *s, struct slice clean)
{
        client_line(&s->client, &clean, 1);
}

static void drop_piece(struct session *s, struct slice clean)
{
        (void)s;
        (void)clean;
}

static void say(struct session *s, struct slice typed)
{
        clean(s, typed, say_piece);
}

/* ---- lines ---- */

static void turn_away(struct session *s, enum protocol protocol, bool head)
{
        struct slice answer = protocol_answer(protocol, head);
        s->input.protocol = protocol;
        client_raw(&s->client, answer.at, answer.len);
        session_leave(s, LEAVE_NOT_CHAT);
}

/* Decides by the first line that is not empty. Returns true if the client was turned away. */
static bool is_turned_away(struct session *s, struct slice line, bool whole)
{
        struct input *in = &s->input;
        if (in->decided)
                return false;
        enum protocol protocol = protocol_of_line(line, whole);
        in->decided = true;
        if (protocol == PROTOCOL_CHAT)
                return false;
        turn_away(s, protocol, line.len > 5 && memcmp(line.at, "HEAD ", 5) == 0);
        return true;
}

/* Returns true if only line ends follow in this read. */
static bool is_last(const struct input *in)
{
        const uint8_t *at = in->behind;
        while (at < in->end && (*at == '\r' || *at == '\n' || *at == '\0'))
                at++;
        return at == in->end;
}

/* Returns true if the line is only a word like "help", which was hardly meant for everybody, and is not pasted, the
 * first time for each word. Then tells the user which command it is. */
static bool hints(struct session *s, struct slice line)
{
        char text[128];
        size_t word;
        const struct command_row *row = command_meant(line, &word);
        if (!row || s->input.paste.is_one)
                return false;
        if (s->input.hinted & 1u << word)
                return false;
        s->input.hinted |= (uint8_t)(1u << word);
        snprintf(text, sizeof(text), "Not sent. %s; to say %.*s, type it again.",
                 row->command == COMMAND_HELP ? "/help lists the commands" : "exit or /quit leaves", (int)line.len,
                 line.at);
        session_tell(s, text);
        return true;
}

/* Obeys a command, which is clean. */
static void obey_clean(struct session *s, struct slice line)
{
        const struct command_row *row = NULL;
        struct paste *paste = &s->input.paste;
        struct slice rest;
        line = reveal(line, s->shown, sizeof(s->shown));
        enum command command = command_parse(line, &row, &rest);
        if (command == COMMAND_LEAVE && paste->is_one && !is_last(&s->input)) {
                paste_note_stayed(paste, row ? row->name : "exit");
                if (!row)
                        say_piece(s, line);
                return;
        }
        obey(s, command, row, rest);
        if (paste->is_one && command != COMMAND_LEAVE && command != COMMAND_UNKNOWN)
                paste_note_obeyed(paste, row->name);
}

static void take_line(struct session *s, struct slice typed)
{
        const struct command_row *row = NULL;
        struct slice rest;
        enum command command = command_parse(typed, &row, &rest);
        if (command == COMMAND_NOTHING) { /* it is still a sign of life */
                session_arrive(s);
                return;
        }
        if (is_turned_away(s, typed, true))
                return;
        if (command == COMMAND_UNKNOWN && s->input.paste.is_one && nearest_distance(rest, slice_of(row->name)) > 1)
                /* a word that is nearly a command may have been typed, and come together with another line */
                say(s, typed);
        else if (command == COMMAND_DISGUISED)
                obey(s, command, row, rest);
        else if (command != COMMAND_SAY && clean(s, typed, drop_piece) > 1)
                session_tell(s, TOO_LONG);
        else if (command != COMMAND_SAY)
                clean(s, typed, obey_clean);
        else if (!hints(s, typed))
                say(s, rest);
}

/* Takes a piece of a line that is too long. The first piece decides whether the line may be said. */
static void take_piece_of_line(struct session *s, struct slice typed)
{
        const struct command_row *row;
        struct slice rest;
        bool first = !s->input.continues;
        s->input.continues = true;
        if (first && (s->input.swallows || is_turned_away(s, typed, false)))
                return;
        if (first && !command_is_text(command_parse(typed, &row, &rest))) {
                session_tell(s, TOO_LONG);
                s->input.swallows = true;
        }
        if (!s->input.swallows)
                say(s, typed);
}

/* Returns true if the line that ends here, or its last piece, must not be said. */
static bool is_swallowed(struct session *s, size_t len)
{
        bool swallows = s->input.swallows;
        if (swallows && !s->input.continues && len > 0)
                session_tell(s, "Not sent: the line before it was a command that was interrupted. Type it again.");
        s->input.swallows = false;
        return swallows;
}

static void on_interrupt(struct session *s, bool is_key);

static void echo(struct session *s, enum lines_event event, struct slice line)
{
        const struct command_row *row;
        struct slice rest;
        if (event == LINES_LINE && command_parse(line, &row, &rest) == COMMAND_LEAVE)
                session_leave(s, LEAVE_EXIT);
        else if (event != LINES_LAST || line.len > 0)
                clean(s, line, echo_piece);
}

static void on_line(void *user, enum lines_event event, const char *text, size_t len)
{
        struct session *s = user;
        struct slice line = {text, len};

        if (s->state != SESSION_TALKING)
                return;
        if (s->edits && s->editor.cleaner.broken)
                tell_charset(s);
        if (event == LINES_END) {
                session_leave(s, LEAVE_EXIT);
        } else if (event == LINES_INTERRUPT) {
                on_interrupt(s, true);
        } else if (s->echo) {
                echo(s, event, line);
        } else if (event == LINES_PIECE) {
                take_piece_of_line(s, line);
        } else {
                bool swallowed = is_swallowed(s, len);
                if (!swallowed && event == LINES_LINE)
                        take_line(s, line);
                else if (!swallowed && len > 0)
                        say(s, line);
                s->input.continues = false;
        }
}

void input_begin(struct session *s)
{
        lines_init(&s->lines, on_line, s);
}

/* ---- keys and telnet commands ---- */

/* Returns what was typed of the current line. */
static struct slice typed_so_far(const struct session *s)
{
        return s->edits ? (struct slice){s->editor.text, s->editor.len} : (struct slice){s->lines.text, s->lines.len};
}

/* Returns true if what was typed of the line is a command. */
static bool is_command(const struct session *s)
{
        const struct command_row *row;
        struct slice rest, typed = typed_so_far(s);
        return typed.len > 0 && !s->input.continues && !command_is_text(command_parse(typed, &row, &rest));
}

static void on_interrupt(struct session *s, bool is_key)
{
        struct input *in = &s->input;
        in->discarded &= in->interrupt_due; /* unless an earlier one in the same read discarded something */
        in->discarded |= typed_so_far(s).len > 0 || in->continues;
        /* The rest of a discarded command must not be said, unless the user sees that the line is gone. Also, telnet
         * may have taken a byte of a character for an interrupt. */
        in->swallows |= !(is_key && s->edits) && is_command(s);
        in->continues = false;
        if (s->edits)
                editing_discard(s);
        else
                lines_discard(&s->lines);
        /* While the answer about BINARY is missing, it may still be a letter that telnet took for ^C. */
        if (!in->interrupted)
                in->interrupt_due = true;
        else if (!s->telnet.asking)
                session_leave(s, LEAVE_INTERRUPT);
}

static void on_character(struct session *s, uint8_t byte)
{
        if (!s->edits)
                lines_push(&s->lines, byte);
        else if (editing_push(s, byte, s->input.size >= PASTE_MIN_BYTES)) {
                on_interrupt(s, true);
                return;
        }
        if (byte != KEY_ETX)
                s->input.interrupted = false; /* the next ^C has something to discard again */
}

static void on_data(struct session *s, uint8_t byte)
{
        char utf8[CHARSET_READ_MAX_BYTES];
        size_t n = s->options->charset ? charset_read(s->options->charset, byte, utf8) : 0;
        if (n == 0)
                on_character(s, byte);
        for (size_t i = 0; i < n; i++)
                on_character(s, (uint8_t)utf8[i]);
}

/* Returns true if the telnet command stands for a byte of the incomplete character. */
static bool is_mangled(const struct session *s)
{
        uint8_t byte = s->telnet.data;
        struct slice typed = typed_so_far(s);
        if (s->options->charset)
                return false;
        if (s->edits)
                return editor_continues(&s->editor, byte);
        return byte != 0 && text_continues(typed.at, typed.len, byte);
}

static void answer_ayt(struct session *s)
{
        if (s->now < s->input.ayt_at)
                return;
        s->input.ayt_at = s->now + INPUT_AYT_MS;
        session_tell(s, "[Yes, the chat is here]");
}

static void on_byte(struct session *s, uint8_t byte)
{
        enum telnet_event event = telnet_push(&s->telnet, byte);
        bool may_be_mangled = event == TELNET_INTERRUPT || event == TELNET_IGNORED || event == TELNET_END;
        if (may_be_mangled && is_mangled(s))
                event = TELNET_DATA;
        switch (event) {
        case TELNET_NOTHING:
        case TELNET_IGNORED:
                break;
        case TELNET_DATA:
                on_data(s, s->telnet.data);
                break;
        case TELNET_REPLY:
                client_raw(&s->client, s->telnet.reply, TELNET_REPLY_BYTES);
                break;
        case TELNET_INTERRUPT:
                on_interrupt(s, false);
                break;
        case TELNET_AYT:
                answer_ayt(s);
                break;
        case TELNET_ERASE_CHARACTER:
                on_data(s, KEY_BS);
                break;
        case TELNET_ERASE_LINE:
                on_data(s, KEY_NAK);
                break;
        case TELNET_END:
                session_leave(s, LEAVE_EXIT);
                break;
        case TELNET_WINDOW:
                s->client.columns = s->echo ? 0 : s->telnet.columns;
                if (s->edits)
                        editor_resize(&s->editor, s->telnet.columns);
                break;
        case TELNET_ECHOES:
                editing_refuse(s, "your client insists on showing what you type itself");
                break;
        }
}

/* ---- reads ---- */

/* Decides by the first bytes, if they suffice. Returns true if the client was turned away. */
static bool decide_by_bytes(struct session *s, const uint8_t *bytes, size_t n)
{
        struct input *in = &s->input;
        size_t room = sizeof(in->first) - in->first_count, taken = n < room ? n : room;
        if (in->decided || s->echo || n == 0 || room == 0)
                return false;
        if (in->first_count == 0)
                in->first_at = s->now;
        memcpy(in->first + in->first_count, bytes, taken);
        in->first_count = (uint8_t)(in->first_count + taken);
        bool at_once = s->now - in->first_at <= AT_ONCE_MS;
        enum protocol protocol = protocol_of_bytes(in->first, in->first_count, at_once);
        if (protocol != PROTOCOL_CHAT)
                turn_away(s, protocol, false);
        return protocol != PROTOCOL_CHAT;
}

static void take_bytes(struct session *s, const uint8_t *bytes, size_t n)
{
        struct input *in = &s->input;
        in->end = bytes + n;
        for (in->behind = bytes; in->behind < in->end && s->state == SESSION_TALKING;) {
                size_t left = (size_t)(in->end - in->behind);
                size_t plain = !s->edits && telnet_is_between(&s->telnet) ? text_plain(in->behind, left) : 0;
                if (plain == 0) {
                        on_byte(s, *in->behind++);
                        continue;
                }
                lines_push_plain(&s->lines, in->behind, plain);
                in->interrupted = false;
                in->behind += plain;
        }
}

/* Tells the client of ^C after the whole read: telnet sends DO TIMING-MARK behind IP, and discards what precedes the
 * answer. Several ^C in one read count as one. */
static void tell_interrupted(struct session *s)
{
        struct input *in = &s->input;
        if (in->interrupt_due) {
                session_tell(s, in->discarded ? "Line discarded. ^C again, or exit, leaves."
                                              : "^C again, or exit, leaves.");
                in->discarded = false;
                in->interrupted = true;
        }
        in->interrupt_due = false;
}

size_t input_may_read(const struct session *s)
{
        if (s->state != SESSION_TALKING || s->client.in_ended)
                return 0;
        size_t room = s->echo ? client_room(&s->client) : uplink_room(&s->uplink);
        size_t each = s->echo ? (size_t)CLEAN_PER_BYTE : (size_t)QUEUE_PER_BYTE;
        if (room < ROOM_RESERVED + each)
                return 0;
        size_t most = (room - ROOM_RESERVED) / each;
        return most < READ_MAX_BYTES ? most : READ_MAX_BYTES;
}

void input_take(struct session *s)
{
        uint8_t bytes[READ_MAX_BYTES];
        struct input *in = &s->input;
        size_t n = client_read(&s->client, bytes, input_may_read(s));
        size_t had = typed_so_far(s).len;
        bool edited = s->edits;

        in->size = n;
        paste_begin(&in->paste, bytes, n);
        if (decide_by_bytes(s, bytes, n))
                return;
        take_bytes(s, bytes, n);
        keys_watch(s, &(struct keys_read){bytes, n, had, typed_so_far(s).len, edited});
        if (telnet_ask(&s->telnet))
                client_raw(&s->client, s->telnet.reply, TELNET_REPLY_BYTES);
        editing_accept(s);
        tell_interrupted(s);
        paste_tell(s, &in->paste);
        if (!s->client.in_ended)
                return;
        in->paste.is_one = false;
        editing_give_up(s);
        lines_finish(&s->lines);
        session_leave(s, s->client.timed_out                           ? LEAVE_TIMEOUT
                         : s->client.in_failed || s->client.out_broken ? LEAVE_RESET
                                                                       : LEAVE_EOF);
}
