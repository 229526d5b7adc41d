#include "notices.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <chat/assert.h>

#include "inject.h"

void notices_init(struct notices *n, uint64_t *kept)
{
        n->kept = kept;
        n->newest = *kept;
}

bool notices_are_full(const struct notices *n)
{
        return n->count >= NOTICES_MAX;
}

/* Returns the index of the notice at `place` in the order. */
static size_t notices_index(const struct notices *n, size_t place)
{
        return (n->first + place) % NOTICES_ROOM;
}

static void notices_add(struct notices *n, uint64_t number, uint64_t to, const char *format, va_list args)
{
        assert(n->count < NOTICES_ROOM);
        struct notice *added = &n->ring[notices_index(n, n->count++)];
        added->number = number;
        added->to = to;
        vsnprintf(added->text, sizeof(added->text), format, args);
}

/* Adds a notice for everybody. */
__attribute__((format(printf, 3, 4))) static void notices_tell_all(struct notices *n, uint64_t number,
                                                                   const char *format, ...)
{
        va_list args;
        va_start(args, format);
        notices_add(n, number, 0, format, args);
        va_end(args);
}

void notices_tell(struct notices *n, uint64_t to, const char *format, ...)
{
        va_list args;
        if (n->count >= NOTICES_TELLS_MAX)
                return;
        va_start(args, format);
        notices_add(n, 0, to, format, args);
        va_end(args);
}

void notices_report_missing(struct notices *n, const char *host, uint64_t lines, uint64_t number)
{
        if (number <= n->newest)
                return;
        n->newest = number;
        if (lines == MISSED_UNKNOWN)
                notices_tell_all(n, number, "lines from %s are missing", host);
        else
                notices_tell_all(n, number, "%" PRIu64 " line%s from %s %s missing", lines, lines == 1 ? "" : "s", host,
                                 lines == 1 ? "is" : "are");
}

/* Returns the place of the oldest news of hosts; `count` if there are none. */
static size_t notices_oldest_news(const struct notices *n)
{
        size_t place = 0;
        while (place < n->count && n->ring[notices_index(n, place)].number != 0)
                place++;
        return place;
}

bool notices_take_news(const struct notices *n)
{
        return !notices_are_full(n) || notices_oldest_news(n) < n->count;
}

void notices_tell_news(struct notices *n, const char *text)
{
        if (notices_are_full(n)) {
                size_t place = notices_oldest_news(n);
                for (n->count--; place < n->count; place++)
                        n->ring[notices_index(n, place)] = n->ring[notices_index(n, place + 1)];
        }
        notices_tell_all(n, 0, "%s", text);
}

bool notices_flush(struct notices *n, struct inject *inject, int64_t now_ms)
{
        while (inject_flush(inject, now_ms)) {
                const struct notice *next = &n->ring[n->first];
                if (n->going > *n->kept)
                        *n->kept = n->going;
                if (n->count == 0)
                        return true;
                if (!inject_notice(inject, slice_of(next->text), next->to))
                        return false; /* another frame waits */
                n->going = next->number;
                n->first = notices_index(n, 1);
                n->count--;
        }
        return false;
}
