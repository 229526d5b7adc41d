#include "editing.h"

#include <stdio.h>

#include <chat/display.h>

#include "completion.h"
#include "screen.h"
#include "terminal.h"

enum {
        /* how much output may wait before a row is drawn behind it, and before the client's own line is shown */
        DRAW_BEHIND_MAX_BYTES = 4096,
        LINE_BEHIND_MAX_BYTES = CLIENT_OUT_MAX_BYTES / 2,
        TAB_SPACES = 4, /* as text_clean() does */
        KEY_ETX = 3,    /* ^C */
        COMPLETE_WAIT_MS = 1000,
};

/* Returns true if at most `behind` bytes of output wait. */
static bool editing_has_room(const struct terminal *t, size_t behind)
{
        return client_room(t->client) >= CLIENT_OUT_MAX_BYTES - LINE_END_BYTES - behind;
}

/* Notes that the row is empty if it was erased. Each line that the client was shown since the row was drawn erased it
 * and ended in an empty row. */
static void editing_note_row(struct terminal *t)
{
        if (!t->client->is_row_drawn)
                row_is_empty(&t->editor.row);
}

void editing_turn(struct terminal *t, bool on)
{
        uint8_t commands[TELNET_EDIT_BYTES];
        if (t->edits == on)
                return;
        size_t size = telnet_edit(&t->telnet, on, commands);
        if (t->client->is_socket)
                client_raw(t->client, commands, size);
        client_raw(t->client, ROW_ERASE, sizeof(ROW_ERASE) - 1); /* nc has shown the commands */
        t->client->is_row_drawn = false;
        if (on) {
                t->completion_request = t->pending_len = 0;
                editor_discard(&t->editor);
                editor_resize(&t->editor, t->telnet.columns);
                t->editor.line_end = t->lines.line_end;
        } else {
                t->lines.line_end = t->editor.line_end;
        }
        t->edits = on;
}

void editing_accept(struct terminal *t)
{
        if (!telnet_offers_editing(&t->telnet) || t->options->editing != EDITING_OFFERED || t->edits ||
            !talk_is_open(t->session))
                return;
        editing_turn(t, true);
        t->telnet.yields = true; /* as the client offered; before it knows of this, it may still send a whole line */
        size_t len = text_clean_all(t->lines.text, t->lines.len, t->clean_text, sizeof(t->clean_text));
        if (len > 0)
                editor_replace(&t->editor, 0, (struct slice){t->clean_text, len});
        lines_discard(&t->lines);
}

void editing_refuse(struct terminal *t, const char *why)
{
        char text[96];
        if (!t->edits)
                return;
        editing_turn(t, false);
        snprintf(text, sizeof(text), "/edit is off: %s", why);
        terminal_tell(t, text);
}

/* Writes to `out` what leaves the line, or a piece of it, where it was typed, and begins a new row below it. Returns
 * the size. */
static size_t editing_leave_below(struct terminal *t, char out[static EDITOR_DRAW_MAX_BYTES + LINE_END_BYTES])
{
        struct editor *e = &t->editor;
        struct slice line = {e->text, e->len};
        char *at = out;
        if (row_fits(&e->row, line)) {
                at += editor_draw(e, out);
        } else {
                at = mempcpy(at, ROW_ERASE, sizeof(ROW_ERASE) - 1);
                at = mempcpy(at, line.at, line.len);
        }
        row_is_empty(&e->row);
        return (size_t)((char *)mempcpy(at, LINE_END, LINE_END_BYTES) - out);
}

static void editing_enter(struct terminal *t, bool whole)
{
        struct editor *e = &t->editor;
        char row[EDITOR_DRAW_MAX_BYTES + LINE_END_BYTES];
        if (e->is_expanded && talk_room(t->session) < EDITING_ROOM_BYTES) {
                editor_refuse(e);
                return;
        }
        editing_note_row(t);
        if (editing_has_room(t, LINE_BEHIND_MAX_BYTES)) {
                screen_text(t->client, row, editing_leave_below(t, row));
                t->client->is_row_drawn = false;
        }
        enum lines_event event = e->is_cut ? LINES_LAST : LINES_LINE;
        t->lines.emit(t->lines.user, whole ? event : LINES_PIECE, e->text, e->len);
        editor_next(e);
        e->is_cut = !whole;
}

/* Completes the word. `names` has further names. */
static void editing_complete_to(struct terminal *t, struct slice names)
{
        struct editor *e = &t->editor;
        struct completion c;
        completion_find(&c, &t->names, names, (struct slice){e->text, e->cursor});
        if (c.count == 1 || c.text.len > e->cursor - c.begin)
                editor_replace(e, c.begin, c.text);
        else if (c.count > 1 && editing_has_room(t, DRAW_BEHIND_MAX_BYTES))
                terminal_tell(t, c.list);
        else
                editor_refuse(e);
}

/* Asks chatd for the names in the room, if chatd is there and the word may be a name. Keys that are typed before the
 * answer wait for it, for COMPLETE_WAIT_MS at most. */
static void editing_ask_names(struct terminal *t)
{
        struct slice word = completion_name((struct slice){t->editor.text, t->editor.cursor});
        bool knows = talk_version(t->session) >= frame_since(FRAME_COMPLETE) && !talk_is_away(t->session);
        if (word.len == 0 || !knows || talk_room(t->session) < EDITING_ROOM_BYTES) {
                editing_complete_to(t, (struct slice){"", 0});
                return;
        }
        t->completion_request = talk_request(t->session, (struct frame){.type = FRAME_COMPLETE, .name = word}, 1);
        t->completion_deadline = talk_now(t->session) + COMPLETE_WAIT_MS;
}

static enum editor_event editing_push_byte(struct terminal *t, uint8_t byte)
{
        if (editor_is_full_for(&t->editor, byte))
                editing_enter(t, false);
        return editor_push(&t->editor, byte);
}

/* Returns true if the byte was ^C. */
static bool editing_push_key(struct terminal *t, uint8_t byte, bool pasted)
{
        switch (editing_push_byte(t, byte)) {
        case EDITOR_NOTHING:
                break;
        case EDITOR_LINE:
                editing_enter(t, true);
                break;
        case EDITOR_END:
                t->lines.emit(t->lines.user, LINES_END, "", 0);
                break;
        case EDITOR_INTERRUPT:
                return true;
        case EDITOR_COMPLETE:
                for (int i = 0; pasted && i < TAB_SPACES; i++)
                        editing_push_byte(t, ' ');
                if (!pasted)
                        editing_ask_names(t);
                break;
        }
        return false;
}

/* Takes the keys that waited, up to another TAB that must wait. */
static void editing_take_held(struct terminal *t)
{
        uint8_t keys[EDITING_PENDING_MAX];
        size_t n = t->pending_len;
        memcpy(keys, t->pending_keys, n);
        t->completion_request = 0;
        t->pending_len = 0;
        for (size_t i = 0; i < n; i++)
                if (t->completion_request != 0)
                        t->pending_keys[t->pending_len++] = keys[i];
                else if (t->edits)
                        editing_push_key(t, keys[i], false);
                else
                        lines_push(&t->lines, keys[i]);
}

void editing_complete(struct terminal *t, uint64_t number, struct slice names)
{
        if (!t->edits || t->completion_request == 0 || number != t->completion_request)
                return;
        editing_complete_to(t, names);
        editing_take_held(t);
}

void editing_give_up(struct terminal *t)
{
        while (t->completion_request != 0)
                editing_take_held(t);
}

void editing_discard(struct terminal *t)
{
        t->completion_request = 0;
        t->pending_len = 0;
        editor_discard(&t->editor);
}

bool editing_push(struct terminal *t, uint8_t byte, bool pasted)
{
        bool waits = t->completion_request != 0 && !pasted && byte != KEY_ETX;
        if (waits && t->pending_len < EDITING_PENDING_MAX) {
                t->pending_keys[t->pending_len++] = byte;
                return false;
        }
        if (byte == KEY_ETX)
                t->completion_request = t->pending_len = 0;
        editing_give_up(t);
        return editing_push_key(t, byte, pasted);
}

bool editing_draw(struct terminal *t)
{
        struct editor *e = &t->editor;
        char row[EDITOR_DRAW_MAX_BYTES];
        if (!t->edits || !talk_is_open(t->session) || !editing_has_room(t, DRAW_BEHIND_MAX_BYTES))
                return false;
        bool stale = t->client->is_row_drawn ? e->is_changed : e->len > 0;
        if (!stale && !e->bell)
                return false;
        editing_note_row(t);
        screen_text(t->client, row, editor_draw(e, row));
        t->client->is_row_drawn = e->len > 0;
        return true;
}
