#include "editing.h"

#include <stdio.h>

#include <chat/display.h>

#include "completion.h"
#include "session.h"

enum {
        /* how much output may wait before a row is drawn behind it, and before the client's own line is shown */
        DRAW_BEHIND_MAX_BYTES = 4096,
        LINE_BEHIND_MAX_BYTES = CLIENT_OUT_MAX_BYTES / 2,
        TAB_SPACES = 4, /* as text_clean() does */
        KEY_ETX = 3,    /* ^C */
        COMPLETE_WAIT_MS = 1000,
};

/* Returns true if at most `behind` bytes of output wait. */
static bool has_room(const struct session *s, size_t behind)
{
        return client_room(&s->client) >= CLIENT_OUT_MAX_BYTES - LINE_END_BYTES - behind;
}

/* Notes that the row is empty if it was erased: whatever the client was shown since the row was drawn has erased it,
 * and ended with a line. */
static void note_row(struct session *s)
{
        if (!s->client.row_drawn)
                row_is_empty(&s->editor.row);
}

void editing_turn(struct session *s, bool on)
{
        uint8_t commands[TELNET_EDIT_BYTES];
        if (s->edits == on)
                return;
        size_t size = telnet_edit(&s->telnet, on, commands);
        if (s->client.is_socket)
                client_raw(&s->client, commands, size);
        client_raw(&s->client, ROW_ERASE, sizeof(ROW_ERASE) - 1); /* nc has shown the commands */
        s->client.row_drawn = false;
        if (on) {
                s->completing = s->held_len = 0;
                editor_discard(&s->editor);
                editor_resize(&s->editor, s->telnet.columns);
                s->editor.ended = s->lines.ended;
        } else {
                s->lines.ended = s->editor.ended;
        }
        s->edits = on;
}

void editing_accept(struct session *s)
{
        if (!telnet_offers_editing(&s->telnet) || s->options->editing != EDITING_OFFERED || s->echo || s->edits ||
            s->state != SESSION_TALKING)
                return;
        editing_turn(s, true);
        s->telnet.yields = true; /* as the client offered; a line may come first that it sent before it knew of this */
        size_t typed = text_clean_all(s->lines.text, s->lines.len, s->cleaned, sizeof(s->cleaned));
        if (typed > 0)
                editor_replace(&s->editor, 0, (struct slice){s->cleaned, typed});
        lines_discard(&s->lines);
}

void editing_refuse(struct session *s, const char *why)
{
        char text[96];
        if (!s->edits)
                return;
        editing_turn(s, false);
        snprintf(text, sizeof(text), "/edit is off: %s", why);
        session_tell(s, text);
}

/* Writes to `out` what leaves the line, or a piece of it, in the place where it was typed, and lets further output
 * begin below. Returns the bytes. */
static size_t leave_below(struct session *s, char out[static EDITOR_DRAW_MAX_BYTES + LINE_END_BYTES])
{
        struct editor *e = &s->editor;
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

static void enter(struct session *s, bool whole)
{
        struct editor *e = &s->editor;
        char row[EDITOR_DRAW_MAX_BYTES + LINE_END_BYTES];
        if (e->expanded && uplink_room(&s->uplink) < EDITING_ROOM_BYTES) {
                editor_refuse(e);
                return;
        }
        note_row(s);
        if (has_room(s, LINE_BEHIND_MAX_BYTES)) {
                client_text(&s->client, row, leave_below(s, row));
                s->client.row_drawn = false;
        }
        s->lines.emit(s->lines.user, !whole ? LINES_PIECE : e->cut ? LINES_LAST : LINES_LINE, e->text, e->len);
        editor_next(e);
        e->cut = !whole;
}

/* Completes the word, also to one of these names. */
static void complete_to(struct session *s, struct slice names)
{
        struct editor *e = &s->editor;
        struct completion c;
        completion_find(&c, &s->names, names, (struct slice){e->text, e->cursor});
        if (c.count == 1 || c.text.len > e->cursor - c.begin)
                editor_replace(e, c.begin, c.text);
        else if (c.count > 1 && has_room(s, DRAW_BEHIND_MAX_BYTES))
                session_notice(s, slice_of(c.list));
        else
                editor_refuse(e);
}

/* Asks chatd for the names in the room, if chatd is there and the word may be a name. Keys that are typed before the
 * answer wait for it, for COMPLETE_WAIT_MS at most. */
static void complete(struct session *s)
{
        const struct uplink *u = &s->uplink;
        struct slice word = completion_name((struct slice){s->editor.text, s->editor.cursor});
        bool knows = u->broker_version >= frame_since(FRAME_COMPLETE) && u->error == 0;
        if (word.len == 0 || !knows || uplink_room(u) < EDITING_ROOM_BYTES) {
                complete_to(s, (struct slice){"", 0});
        } else {
                uplink_request(&s->uplink, (struct frame){.type = FRAME_COMPLETE, .name = word}, 1);
                s->completing = u->number;
                s->complete_by = s->now + COMPLETE_WAIT_MS;
        }
}

static enum editor_event push(struct session *s, uint8_t byte)
{
        if (editor_is_full_for(&s->editor, byte))
                enter(s, false);
        return editor_push(&s->editor, byte);
}

/* Returns true if the byte was ^C. */
static bool push_key(struct session *s, uint8_t byte, bool pasted)
{
        switch (push(s, byte)) {
        case EDITOR_NOTHING:
                break;
        case EDITOR_LINE:
                enter(s, true);
                break;
        case EDITOR_END:
                s->lines.emit(s->lines.user, LINES_END, "", 0);
                break;
        case EDITOR_INTERRUPT:
                return true;
        case EDITOR_COMPLETE:
                for (int i = 0; pasted && i < TAB_SPACES; i++)
                        push(s, ' ');
                if (!pasted)
                        complete(s);
                break;
        }
        return false;
}

/* Takes the keys that waited, up to another TAB that must wait. */
static void take_held(struct session *s)
{
        uint8_t held[EDITING_HELD_MAX];
        size_t n = s->held_len;
        memcpy(held, s->held, n);
        s->completing = 0;
        s->held_len = 0;
        for (size_t i = 0; i < n; i++)
                if (s->completing != 0)
                        s->held[s->held_len++] = held[i];
                else if (s->edits)
                        push_key(s, held[i], false);
                else
                        lines_push(&s->lines, held[i]);
}

void editing_complete(struct session *s, struct slice names)
{
        complete_to(s, names);
        take_held(s);
}

void editing_give_up(struct session *s)
{
        while (s->completing != 0)
                take_held(s);
}

void editing_discard(struct session *s)
{
        s->completing = 0;
        s->held_len = 0;
        editor_discard(&s->editor);
}

bool editing_push(struct session *s, uint8_t byte, bool pasted)
{
        bool waits = s->completing != 0 && !pasted && byte != KEY_ETX;
        if (waits && s->held_len < EDITING_HELD_MAX) {
                s->held[s->held_len++] = byte;
                return false;
        }
        if (byte == KEY_ETX)
                s->completing = s->held_len = 0;
        editing_give_up(s);
        return push_key(s, byte, pasted);
}

bool editing_draw(struct session *s)
{
        struct editor *e = &s->editor;
        char row[EDITOR_DRAW_MAX_BYTES];
        if (!s->edits || s->state != SESSION_TALKING || !has_room(s, DRAW_BEHIND_MAX_BYTES))
                return false;
        bool stale = s->client.row_drawn ? e->changed : e->len > 0;
        if (!stale && !e->bell)
                return false;
        note_row(s);
        client_text(&s->client, row, editor_draw(e, row));
        s->client.row_drawn = e->len > 0;
        return true;
}
