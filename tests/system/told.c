#include "told.h"

#include <stdio.h>

#include "harness.h"

static void add(struct told *t, const char *event)
{
        t->events = realloc(t->events, (t->count + 1) * sizeof(*t->events));
        assert_non_null(t->events);
        memset(t->events[t->count], 0, TOLD_MAX_BYTES); /* zeros, because events are compared as a whole */
        snprintf(t->events[t->count++], TOLD_MAX_BYTES, "%s", event);
}

static void add_line(struct told *t, const char *line)
{
        char event[TOLD_MAX_BYTES];
        unsigned n;
        int end = 0;
        if (sscanf(line, "*** %u people connected\r%n", &n, &end) == 1 && end > 0)
                snprintf(event, sizeof(event), "+%u", n);
        else if ((sscanf(line, "*** %u others connected\r%n", &n, &end) == 1 && end > 0) ||
                 (sscanf(line, "*** %u other connected\r%n", &n, &end) == 1 && end > 0))
                snprintf(event, sizeof(event), "~%u", n);
        else if (sscanf(line, "*** %63s is connected\r%n", event, &end) != 1 || end == 0)
                return;
        add(t, event);
}

void told_add(struct told *t, const char *text)
{
        for (const char *line = text; (text = strchr(line, '\n')); line = text + 1)
                add_line(t, line);
}

void told_free(struct told *t)
{
        free(t->events);
        *t = (struct told){0};
}

static unsigned number_in(const char *event)
{
        return event[0] == '+' || event[0] == '~' ? (unsigned)atoi(event + 1) : 0;
}

unsigned told_unnamed(const struct told *t)
{
        unsigned n = 0;
        for (size_t i = 0; i < t->count; i++)
                n += number_in(t->events[i]);
        return n;
}

unsigned told_people(const struct told *t)
{
        unsigned named = 0;
        for (size_t i = 0; i < t->count; i++) {
                if (number_in(t->events[i]) > 0)
                        continue;
                named++;
                for (size_t k = 0; k < i; k++)
                        if (strcmp(t->events[i], t->events[k]) == 0)
                                fail_msg("twice: %s is connected", t->events[i]);
        }
        return named + told_unnamed(t);
}

static void print(const char *who, const struct told *t)
{
        print_error("%s:", who);
        for (size_t i = 0; i < t->count; i++)
                print_error(" %s", t->events[i]);
        print_error("\n");
}

/* Returns true if the newcomer is one of those that a notice was about. */
static bool is_among(const char *event, const char *newcomers)
{
        return event[0] == '+' && newcomers[0] == '~' && number_in(event) == number_in(newcomers) + 1;
}

/* Compares from the end back to the newcomer's own join. */
static bool is_same(const struct told *all, const struct told *newcomer, const char *name)
{
        size_t i = all->count;
        bool came = false;
        for (size_t k = newcomer->count; k > 0;) {
                if (i-- == 0)
                        return false;
                if (strcmp(all->events[i], newcomer->events[k - 1]) == 0) {
                        k--;
                } else if (!came && is_among(all->events[i], newcomer->events[k - 1])) {
                        k--;
                        came = true;
                } else if (!came && strcmp(all->events[i], name) == 0) {
                        came = true;
                } else {
                        return false;
                }
        }
        return came || (i > 0 && strcmp(all->events[i - 1], name) == 0);
}

void told_assert_same(const struct told *there_before, const struct told *newcomer, const char *name)
{
        if (is_same(there_before, newcomer, name))
                return;
        print("there before", there_before);
        print(name, newcomer);
        fail_msg("%s was told something else", name);
}
