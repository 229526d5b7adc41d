#include "echo.h"

#include "commands.h"
#include "input.h"
#include "screen.h"
#include "terminal-kind.h"
#include "terminal.h"
#include "typed.h"

static void echo_piece(struct terminal *t, struct slice clean)
{
        screen_line(t->client, &clean, 1);
}

static void echo_take_line(struct terminal *t, enum lines_event event, struct slice line)
{
        const struct command_row *row;
        struct slice rest;
        if (event == LINES_LINE && command_parse(line, &row, &rest) == COMMAND_LEAVE)
                talk_leave(t->session, LEAVE_EXIT);
        else if (event != LINES_LAST || line.len > 0)
                typed_clean(t, line, echo_piece);
}

static void echo_take(void *user, enum lines_event event, const char *text, size_t len)
{
        struct terminal *t = user;
        if (!talk_is_open(t->session))
                return;
        if (event == LINES_END)
                talk_leave(t->session, LEAVE_EXIT);
        else if (event == LINES_INTERRUPT)
                input_interrupt(t, true);
        else
                echo_take_line(t, event, (struct slice){text, len});
}

static void echo_begin(void *me, struct session *s)
{
        struct terminal *t = me;
        terminal_kind.begin(me, s);
        t->greeting = TERMINAL_GREETED; /* it will not be */
        t->no_rows = true;
        t->input.speaks_chat = true; /* any protocol may come back */
        t->input.charset_notice = true;
        input_begin(t, echo_take);
}

static size_t echo_may_read(const void *me)
{
        const struct terminal *t = me;
        size_t room = client_room(t->client);
        if (room < INPUT_ROOM_RESERVED + INPUT_CLEAN_PER_BYTE)
                return 0;
        size_t most = (room - INPUT_ROOM_RESERVED) / INPUT_CLEAN_PER_BYTE;
        return most < INPUT_READ_MAX_BYTES ? most : INPUT_READ_MAX_BYTES;
}

const struct kind echo_kind = {
        .joining = KIND_JOINS_NEVER,
        .begin = echo_begin,
        .may_read = echo_may_read,
        .input = terminal_input,
        .holds_input = terminal_holds_input,
        .input_end = terminal_input_end,
        .notice = terminal_show_notice,
        .away = terminal_away,
        .refusal = terminal_refusal,
        .skips = terminal_skips,
        .look = terminal_look,
        .is_plain = terminal_is_plain,
        .draw = terminal_draw,
        .due = terminal_due,
        .tick = terminal_tick,
        .end = terminal_end,
};
