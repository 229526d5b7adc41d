#include "terminal.h"

#include <stdio.h>

#include "screen.h"
#include "wrap.h"

#define NOTICE_PREFIX "*** "

enum { NOTICE_PARTS_MAX = 4 };

static void terminal_show(struct terminal *t, const struct slice *parts, size_t n, size_t indent)
{
        struct slice line[NOTICE_PARTS_MAX] = {slice_of(NOTICE_PREFIX)};
        if (n >= NOTICE_PARTS_MAX)
                n = NOTICE_PARTS_MAX - 1;
        if (n == 1 && parts[0].len == 0)
                line[0] = slice_of("***");
        memcpy(line + 1, parts, n * sizeof(*parts));
        screen_line_hanging(t->client, line, n + 1, indent);
}

void terminal_notice(struct terminal *t, const struct slice *parts, size_t n)
{
        terminal_show(t, parts, n, WRAP_INDENT);
}

void terminal_tell_indented(struct terminal *t, struct slice text, size_t indent)
{
        terminal_show(t, &text, 1, indent);
}

void terminal_tell(struct terminal *t, const char *text)
{
        terminal_tell_indented(t, slice_of(text), WRAP_INDENT);
}

void terminal_tell_lines(struct terminal *t, struct slice text)
{
        struct slice line;
        for (bool more = true; more;) {
                more = line_next(&text, &line);
                terminal_tell_indented(t, line, WRAP_INDENT);
        }
}

void terminal_greet(struct terminal *t, uint64_t people)
{
        char count[64] = "";
        if (people == 1)
                snprintf(count, sizeof(count), " Nobody else is here yet.");
        else if (people > 1)
                snprintf(count, sizeof(count), " %llu people are here, including you.", (unsigned long long)people);
        struct slice parts[] = {slice_of(NOTICE_PREFIX "Welcome, "), talk_name(t->session), slice_of("."),
                                slice_of(count)};
        if (t->greeting == TERMINAL_GREETED)
                return;
        t->greeting = TERMINAL_GREETED;
        screen_line_hanging(t->client, parts, 4, 0);
        terminal_tell(t, "What you type goes to everyone here. /help lists the commands; exit leaves.");
}
