#include "input.h"

#include <chat/safe-text.h>

#include "charset.h"
#include "commands.h"
#include "editing.h"
#include "keys.h"
#include "paste.h"
#include "terminal.h"

enum {
        PASTE_MIN_BYTES = 16, /* in one read: nobody types that fast */
        AT_ONCE_MS = 50,      /* several bytes in so short a time come from a program, unless one key sends them all */
        KEY_ETX = 3,          /* ^C */
        KEY_BS = 8,
        KEY_NAK = 21, /* ^U */
};

void input_begin(struct terminal *t, lines_emit *emit)
{
        lines_init(&t->lines, emit, t);
}

void input_turn_away(struct terminal *t, enum protocol protocol, bool head)
{
        struct slice answer = protocol_answer(protocol, head);
        t->greeting = TERMINAL_GREETED; /* a client of another protocol would not understand a greeting */
        client_raw(t->client, answer.at, answer.len);
        t->is_turned_away = true;
        talk_not_chat(t->session, protocol_name(protocol));
}

bool input_is_at_end(const struct input *in)
{
        const uint8_t *at = in->next;
        while (at < in->end && (*at == '\r' || *at == '\n' || *at == '\0'))
                at++;
        return at == in->end;
}

/* ---- ^C ---- */

/* Returns what was typed of the current line. */
static struct slice input_typed(const struct terminal *t)
{
        return t->edits ? (struct slice){t->editor.text, t->editor.len} : (struct slice){t->lines.text, t->lines.len};
}

/* Returns true if what was typed of the line is a command. */
static bool input_is_command(const struct terminal *t)
{
        const struct command_row *row;
        struct slice rest, line = input_typed(t);
        return line.len > 0 && !t->input.continues && !command_is_text(command_parse(line, &row, &rest));
}

void input_interrupt(struct terminal *t, bool is_key)
{
        struct input *in = &t->input;
        in->discards &= in->interrupt == INPUT_INTERRUPTED; /* keeps what an earlier ^C of the same read has set */
        in->discards |= input_typed(t).len > 0 || in->continues;
        /* The rest of a discarded command must not be said, unless the user sees that the line is gone. Also, telnet
         * may have taken a byte of a character for an interrupt. */
        in->swallows |= !(is_key && t->edits) && input_is_command(t);
        in->continues = false;
        if (t->edits)
                editing_discard(t);
        else
                lines_discard(&t->lines);
        /* Until the peer has answered about BINARY, this may be a letter that telnet took for ^C. */
        if (in->interrupt != INPUT_LEAVES)
                in->interrupt = INPUT_INTERRUPTED;
        else if (!t->telnet.binary_pending)
                talk_leave(t->session, LEAVE_INTERRUPT);
}

/* Notes that something was typed, so the next ^C discards it and does not leave. */
static void input_note_typed(struct input *in)
{
        if (in->interrupt == INPUT_LEAVES)
                in->interrupt = INPUT_DISCARDS;
}

/* Tells the client of ^C after the whole read: telnet sends DO TIMING-MARK behind IP, and discards what precedes the
 * answer. Several ^C in one read count as one. */
static void input_tell_interrupted(struct terminal *t)
{
        struct input *in = &t->input;
        if (in->interrupt != INPUT_INTERRUPTED)
                return;
        terminal_tell(t, in->discards ? "Line discarded. ^C again, or exit, leaves." : "^C again, or exit, leaves.");
        in->discards = false;
        in->interrupt = INPUT_LEAVES;
}

/* ---- keys and telnet commands ---- */

static void input_on_character(struct terminal *t, uint8_t byte)
{
        if (!t->edits) {
                lines_push(&t->lines, byte);
        } else if (editing_push(t, byte, t->input.size >= PASTE_MIN_BYTES)) {
                input_interrupt(t, true);
                return;
        }
        if (byte != KEY_ETX)
                input_note_typed(&t->input);
}

static void input_on_data(struct terminal *t, uint8_t byte)
{
        char utf8[CHARSET_READ_MAX_BYTES];
        size_t n = t->options->charset ? charset_read(t->options->charset, byte, utf8) : 0;
        if (n == 0)
                input_on_character(t, byte);
        for (size_t i = 0; i < n; i++)
                input_on_character(t, (uint8_t)utf8[i]);
}

/* Returns true if the telnet command stands for a byte of the incomplete character. */
static bool input_is_mangled(const struct terminal *t)
{
        uint8_t byte = t->telnet.data;
        struct slice line = input_typed(t);
        if (t->options->charset)
                return false;
        if (t->edits)
                return editor_continues(&t->editor, byte);
        return byte != 0 && text_continues(line.at, line.len, byte);
}

static void input_answer_ayt(struct terminal *t)
{
        int64_t now = talk_now(t->session);
        if (now < t->input.ayt_at)
                return;
        t->input.ayt_at = now + INPUT_AYT_MS;
        terminal_tell(t, "[Yes, the chat is here]");
}

static void input_on_window(struct terminal *t)
{
        if (!t->no_rows)
                t->client->columns = t->telnet.columns;
        if (t->edits)
                editor_resize(&t->editor, t->telnet.columns);
}

static void input_on_byte(struct terminal *t, uint8_t byte)
{
        enum telnet_event event = telnet_push(&t->telnet, byte);
        bool may_be_mangled = event == TELNET_INTERRUPT || event == TELNET_IGNORED || event == TELNET_END;
        if (may_be_mangled && input_is_mangled(t))
                event = TELNET_DATA;
        switch (event) {
        case TELNET_NOTHING:
        case TELNET_IGNORED:
                break;
        case TELNET_DATA:
                input_on_data(t, t->telnet.data);
                break;
        case TELNET_REPLY:
                client_raw(t->client, t->telnet.reply, TELNET_REPLY_BYTES);
                break;
        case TELNET_INTERRUPT:
                input_interrupt(t, false);
                break;
        case TELNET_AYT:
                input_answer_ayt(t);
                break;
        case TELNET_ERASE_CHARACTER:
                input_on_data(t, KEY_BS);
                break;
        case TELNET_ERASE_LINE:
                input_on_data(t, KEY_NAK);
                break;
        case TELNET_END:
                talk_leave(t->session, LEAVE_EXIT);
                break;
        case TELNET_WINDOW:
                input_on_window(t);
                break;
        case TELNET_ECHOES:
                editing_refuse(t, "your client insists on showing what you type itself");
                break;
        }
}

/* ---- reads ---- */

/* Recognises another protocol by the first bytes, if they suffice. Returns true if the client was turned away. */
static bool input_decide_by_bytes(struct terminal *t, const uint8_t *bytes, size_t n)
{
        struct input *in = &t->input;
        size_t room = sizeof(in->first) - in->first_count, count = n < room ? n : room;
        if (in->speaks_chat || room == 0)
                return false;
        if (in->first_count == 0)
                in->first_at = talk_now(t->session);
        memcpy(in->first + in->first_count, bytes, count);
        in->first_count = (uint8_t)(in->first_count + count);
        bool at_once = talk_now(t->session) - in->first_at <= AT_ONCE_MS;
        enum protocol protocol = protocol_of_bytes(in->first, in->first_count, at_once);
        if (protocol != PROTOCOL_CHAT)
                input_turn_away(t, protocol, false);
        return protocol != PROTOCOL_CHAT;
}

static void input_take_bytes(struct terminal *t, const uint8_t *bytes, size_t n)
{
        struct input *in = &t->input;
        in->end = bytes + n;
        for (in->next = bytes; in->next < in->end && talk_is_open(t->session);) {
                size_t left = (size_t)(in->end - in->next);
                size_t plain = !t->edits && telnet_is_between(&t->telnet) ? text_plain(in->next, left) : 0;
                if (plain == 0) {
                        input_on_byte(t, *in->next++);
                        continue;
                }
                lines_push_plain(&t->lines, in->next, plain);
                input_note_typed(in);
                in->next += plain;
        }
}

void input_take(struct terminal *t, const uint8_t *bytes, size_t n)
{
        struct input *in = &t->input;
        size_t old_len = input_typed(t).len;
        bool edited = t->edits;

        in->size = n;
        paste_begin(&in->paste, bytes, n);
        if (input_decide_by_bytes(t, bytes, n))
                return;
        input_take_bytes(t, bytes, n);
        keys_watch(t, &(struct keys_read){bytes, n, old_len, input_typed(t).len, edited});
        if (telnet_ask(&t->telnet))
                client_raw(t->client, t->telnet.reply, TELNET_REPLY_BYTES);
        editing_accept(t);
        input_tell_interrupted(t);
        paste_tell(t, &in->paste);
}

void input_end(struct terminal *t)
{
        t->input.paste.is_paste = false;
        editing_give_up(t);
        lines_finish(&t->lines);
}
