#include "notices.h"

#include <chat/assert.h>

#include "inject.h"

void notices_init(struct notices *n, uint64_t *kept_number)
{
        n->kept_number = kept_number;
        n->newest_number = *kept_number;
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

static void notices_add(struct notices *n, uint64_t number, uint64_t to, const struct answer *a)
{
        assert(n->count < NOTICES_ROOM);
        struct notice *added = &n->ring[notices_index(n, n->count++)];
        added->number = number;
        added->to = to;
        added->answer_bytes = notice_answer(a, added->answer).len;
        sentence_write(a, (struct slice){"", 0}, 0, added->text, sizeof(added->text));
}

void notices_tell(struct notices *n, uint64_t to, const struct answer *a)
{
        if (n->count < NOTICES_TELLS_MAX)
                notices_add(n, 0, to, a);
}

void notices_report_missing(struct notices *n, const char *host, uint64_t lines, uint64_t number)
{
        if (number <= n->newest_number)
                return;
        n->newest_number = number;
        notices_add(n, number, 0, &(struct answer){.code = ANSWER_HOST_LACKS, .host = slice_of(host), .count = lines});
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

void notices_tell_news(struct notices *n, const struct answer *news)
{
        if (notices_are_full(n)) {
                size_t place = notices_oldest_news(n);
                for (n->count--; place < n->count; place++)
                        n->ring[notices_index(n, place)] = n->ring[notices_index(n, place + 1)];
        }
        notices_add(n, 0, 0, news);
}

bool notices_flush(struct notices *n, struct inject *inject, int64_t now_ms)
{
        while (inject_flush(inject, now_ms)) {
                const struct notice *next = &n->ring[n->first];
                struct slice answer = {(const char *)next->answer, next->answer_bytes};
                if (n->pending_number > *n->kept_number)
                        *n->kept_number = n->pending_number;
                if (n->count == 0)
                        return true;
                if (!inject_notice(inject, slice_of(next->text), answer, next->to))
                        return false; /* another frame waits */
                n->pending_number = next->number;
                n->first = notices_index(n, 1);
                n->count--;
        }
        return false;
}
