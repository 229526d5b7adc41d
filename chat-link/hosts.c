#include "hosts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <chat/safe-text.h>

/* Keeps the compiler from moving stores across it: after kill -9 the next process finds them in this order. */
static void hosts_keep_order(void)
{
        atomic_signal_fence(memory_order_seq_cst);
}

static bool hosts_is_host(const struct host *host)
{
        return host->label[HOST_MAX_BYTES] == '\0' && text_is_host(host->label, strlen(host->label)) &&
               host->state <= HOST_AWAY && host->current <= 1;
}

void hosts_init(struct hosts *h, struct hosts_kept *kept, struct hosts_others *others, int64_t now_ms)
{
        struct host *memory = kept->all;
        h->kept = kept;
        h->others = others;
        h->all = memory;
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                if (!hosts_is_host(&memory[i]))
                        memory[i] = (struct host){0};
                h->alive_ms[i] = memory[i].state == HOST_HERE ? now_ms : now_ms - HOSTS_LOST_MS;
        }
}

static struct host *hosts_find(const struct hosts *h, const char *label)
{
        for (size_t i = 0; i < HOSTS_MAX; i++)
                if (strcmp(h->all[i].label, label) == 0)
                        return &h->all[i];
        return NULL;
}

/* Returns a free place, or the place of the host with the longest silence. Returns NULL if all hosts are here. */
static struct host *hosts_find_place(const struct hosts *h)
{
        struct host *oldest = NULL;
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                struct host *host = &h->all[i];
                if (host->label[0] == '\0')
                        return host;
                if (host->state != HOST_HERE && (!oldest || h->alive_ms[i] < h->alive_ms[oldest - h->all]))
                        oldest = host;
        }
        return oldest;
}

static struct host *hosts_admit(struct hosts *h, const char *label)
{
        struct host *host = hosts_find(h, label);
        if (host)
                return host;
        host = hosts_find_place(h);
        if (!host) {
                h->refusals++;
                return NULL;
        }
        /* if the process is killed here the old host is forgotten, and no mixture of two hosts is left */
        host->label[0] = '\0';
        hosts_keep_order();
        host->state = HOST_UNKNOWN;
        host->current = 0;
        host->progress[0] = host->progress[1] = (struct host_progress){0};
        memset(h->others->all[host - h->all], 0, sizeof(h->others->all[0]));
        host->members = 0;
        h->alive_ms[host - h->all] = INT64_MIN / 2;
        h->credit_ms[host - h->all] = 0;
        memset(h->lacks[host - h->all], 0, sizeof(h->lacks[0]));
        h->twins[host - h->all] = (struct hosts_twins){0};
        memcpy(host->label + 1, label + 1, strlen(label));
        hosts_keep_order();
        host->label[0] = label[0];
        return host;
}

void hosts_forget(struct hosts *h, const char *label)
{
        struct host *host = hosts_find(h, label);
        if (host)
                host->label[0] = '\0';
}

static void hosts_keep_irregular(struct hosts *h, const struct hosts_irregular *what)
{
        struct hosts_irregular *oldest = &h->kept->irregular[h->kept->irregular_next++ % HOSTS_IRREGULAR_MAX];
        oldest->number = 0;
        hosts_keep_order();
        oldest->skip = what->skip;
        oldest->missing_count = what->missing_count;
        oldest->unseen_count = what->unseen_count;
        hosts_keep_order();
        oldest->number = what->number;
}

/* Returns the note of the first time that the message `number` was read. */
static struct hosts_irregular hosts_recall(const struct hosts *h, uint64_t number)
{
        for (size_t i = 0; i < HOSTS_IRREGULAR_MAX; i++)
                if (h->kept->irregular[i].number == number)
                        return h->kept->irregular[i];
        return (struct hosts_irregular){0};
}

/* Returns true if `before` is the slot that was current before `last`; false if a kill kept it from becoming
 * current. */
static bool hosts_is_before(const struct host_progress *last, const struct host_progress *before)
{
        return before->instance != 0 && before->instance != last->instance && before->number < last->number;
}

/* Returns the entry of an instance that is not one of the last two, or NULL. */
static struct host_other *hosts_find_other(const struct hosts *h, const struct host *host, uint64_t instance)
{
        struct host_other *others = h->others->all[host - h->all];
        for (size_t i = 0; i < HOSTS_OTHERS_MAX; i++)
                if (others[i].instance == instance)
                        return &others[i];
        return NULL;
}

/* Returns true if records of this instance arrived, or `own` of its records are known without that. Then `*expected` is
 * the position of its next record. */
static bool hosts_is_known(const struct hosts *h, const struct host *host, uint64_t instance, uint64_t own,
                           uint64_t *expected)
{
        const struct host_progress *last = &host->progress[host->current], *before = &host->progress[!host->current];
        const struct host_other *other = instance != 0 ? hosts_find_other(h, host, instance) : NULL;
        bool known = true;
        *expected = 0;
        if (instance != 0 && last->instance == instance)
                *expected = last->expected_position;
        else if (hosts_is_before(last, before) && before->instance == instance)
                *expected = before->expected_position;
        else if (other)
                *expected = other->expected_position;
        else
                known = own > 0;
        if (*expected < own)
                *expected = own;
        return known;
}

static void hosts_write_other(struct host_other *at, struct host_other what)
{
        at->instance = 0;
        hosts_keep_order();
        at->expected_position = what.expected_position;
        hosts_keep_order();
        at->instance = what.instance;
}

/* Keeps what is known of the instance that was current before, because the instance `next` takes its slot. The entry of
 * the current instance is out of date and may be replaced. */
static void hosts_keep_before(const struct hosts *h, const struct host *host, uint64_t next)
{
        const struct host_progress *last = &host->progress[host->current], *before = &host->progress[!host->current];
        struct host_other *others = h->others->all[host - h->all];
        if (!hosts_is_before(last, before))
                return;
        struct host_other *place = hosts_find_other(h, host, before->instance);
        if (!place)
                place = hosts_find_other(h, host, last->instance);
        if (!place)
                place = hosts_find_other(h, host, 0);
        if (!place)
                place = &others[others[1].instance == next ? 0 : 1];
        if (place == &others[1])
                hosts_write_other(&others[1], others[0]); /* the instance that spoke last comes first */
        hosts_write_other(&others[0], (struct host_other){.instance = before->instance,
                                                          .expected_position = before->expected_position});
}

/* Compares the message with those before it. Returns how it is irregular. */
static struct hosts_irregular hosts_compare(const struct hosts *h, const struct host *host,
                                            const struct hosts_message *m)
{
        struct hosts_irregular is = {.number = m->number};
        uint64_t expected;
        /* there must be no other known instance, either */
        if (!hosts_is_known(h, host, m->instance, m->own_records, &expected) && !m->follows)
                is.unseen_count = host->progress[host->current].instance != 0 ? m->position : 0;
        else if (m->position >= expected)
                is.missing_count = m->position - expected;
        else
                is.skip = expected - m->position < m->count ? expected - m->position : m->count;
        return is;
}

/* Notes that the message arrived. */
static void hosts_advance(struct hosts *h, struct host *host, const struct hosts_message *m)
{
        struct host_progress *next = &host->progress[!host->current];
        uint64_t end = m->position + m->count, expected;
        if (hosts_is_known(h, host, m->instance, m->own_records, &expected) && end < expected)
                end = expected;
        hosts_keep_before(h, host, m->instance);
        hosts_keep_order();
        next->instance = 0;
        hosts_keep_order();
        next->expected_position = end;
        next->number = m->number;
        hosts_keep_order();
        next->instance = m->instance;
        hosts_keep_order();
        host->current = !host->current;
}

struct hosts_irregular hosts_said(struct hosts *h, const char *label, const struct hosts_message *m)
{
        struct host *host = hosts_admit(h, label);
        if (!host)
                return (struct hosts_irregular){.skip = m->count};
        const struct host_progress *last = &host->progress[host->current];
        if (last->instance != 0 && m->number <= last->number)
                return hosts_recall(h, m->number);
        struct hosts_irregular is = hosts_compare(h, host, m);
        if (is.skip > 0 || is.missing_count > 0 || is.unseen_count > 0)
                hosts_keep_irregular(h, &is);
        hosts_advance(h, host, m);
        return is;
}

uint64_t hosts_last_number(const struct hosts *h)
{
        uint64_t last = 0;
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                uint64_t number = h->all[i].progress[h->all[i].current].number;
                last = number > last ? number : last;
        }
        return last;
}

static void hosts_note_process(struct hosts_twins *t, uint64_t process, int64_t now_ms)
{
        size_t place = 0;
        if (process == 0)
                return;
        while (place < HOSTS_PROCESSES_MAX && t->processes[place] != process)
                place++;
        if (place > 0 && place < HOSTS_PROCESSES_MAX) {
                t->repeats = now_ms - t->repeat_ms < HOSTS_LOST_MS ? t->repeats + 1 : 1;
                t->repeat_ms = now_ms;
                if (t->repeats >= HOSTS_AGAIN)
                        t->twin_ms = now_ms;
        }
        for (place = place < HOSTS_PROCESSES_MAX ? place : HOSTS_PROCESSES_MAX - 1; place > 0; place--)
                t->processes[place] = t->processes[place - 1];
        t->processes[0] = process;
}

const char *hosts_twin_news(struct hosts *h, int64_t now_ms, bool *several)
{
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                struct hosts_twins *t = &h->twins[i];
                *several = t->twin_ms != 0 && now_ms - t->twin_ms < HOSTS_LOST_MS;
                if (*several == t->is_announced)
                        continue;
                t->is_announced = *several;
                return h->all[i].label;
        }
        return NULL;
}

void hosts_alive(struct hosts *h, const char *label, uint64_t members, uint64_t process, int64_t now_ms)
{
        struct host *host = hosts_admit(h, label);
        if (!host)
                return;
        host->members = members;
        h->alive_ms[host - h->all] = now_ms;
        hosts_note_process(&h->twins[host - h->all], process, now_ms);
}

/* Returns the entry for missing records of the instance: its own, or an entry that was not updated lately. Returns NULL
 * if there is none. */
static struct hosts_lack *hosts_find_lack(struct hosts *h, const struct host *host, uint64_t instance, int64_t now_ms)
{
        struct hosts_lack *lacks = h->lacks[host - h->all], *free_lack = NULL;
        for (size_t i = 0; i < HOSTS_LACKS_MAX; i++) {
                if (lacks[i].instance == instance)
                        return &lacks[i];
                if (lacks[i].instance == 0 || now_ms - lacks[i].report_ms >= HOSTS_LOST_MS)
                        free_lack = &lacks[i];
        }
        if (free_lack)
                *free_lack = (struct hosts_lack){0};
        return free_lack;
}

/* Notes that records of an instance are missing from `expected` on, or that none are. Returns for how many ms they have
 * been missing. */
static int64_t hosts_note_lack(struct hosts *h, const struct host *host, uint64_t instance, bool lacks,
                               uint64_t expected, int64_t now_ms)
{
        struct hosts_lack *lack = hosts_find_lack(h, host, instance, now_ms);
        if (lack && !lacks)
                lack->instance = 0;
        if (!lack || !lacks)
                return 0;
        if (lack->instance != instance || lack->expected_position != expected)
                *lack = (struct hosts_lack){.instance = instance, .expected_position = expected, .since_ms = now_ms};
        lack->report_ms = now_ms;
        return now_ms - lack->since_ms;
}

/* Returns how many of the instances count: those up to the oldest that is known. */
static size_t hosts_count_known(const struct hosts *h, const struct host *host, const struct hosts_instance *all,
                                size_t count)
{
        uint64_t expected;
        while (count > 0 && !hosts_is_known(h, host, all[count - 1].instance, all[count - 1].own_records, &expected))
                count--;
        return count;
}

int64_t hosts_lack_ms(struct hosts *h, const char *label, const struct hosts_instance *all, size_t count,
                      int64_t now_ms, size_t *index, bool *follows)
{
        const struct host *host = hosts_find(h, label);
        int64_t longest = 0;
        if (!host || host->progress[host->current].instance == 0)
                return 0;
        size_t count_known = hosts_count_known(h, host, all, count);
        for (size_t i = count_known > 0 ? count_known : 1; i-- > 0;) {
                uint64_t expected;
                hosts_is_known(h, host, all[i].instance, all[i].own_records, &expected);
                int64_t ms = hosts_note_lack(h, host, all[i].instance, expected < all[i].position, expected, now_ms);
                if (ms <= longest)
                        continue;
                longest = ms;
                *index = i;
                *follows = i + 1 < count_known;
        }
        return longest;
}

void hosts_charge(struct hosts *h, const char *label, int64_t ms, int64_t now_ms)
{
        const struct host *host = hosts_find(h, label);
        if (!host)
                return;
        int64_t *credit = &h->credit_ms[host - h->all];
        *credit = (*credit > now_ms ? *credit : now_ms) + ms * HOSTS_CREDIT_SHARE;
}

bool hosts_has_credit(const struct hosts *h, const char *label, int64_t now_ms)
{
        const struct host *host = hosts_find(h, label);
        return host && (h->credit_ms[host - h->all] - now_ms) / HOSTS_CREDIT_SHARE < HOSTS_CREDIT_MS;
}

static bool hosts_is_heard(const struct hosts *h, size_t i, int64_t now_ms)
{
        return now_ms - h->alive_ms[i] < HOSTS_LOST_MS;
}

enum host_state hosts_state(const struct hosts *h, const char *label, int64_t now_ms)
{
        const struct host *host = label[0] != '\0' ? hosts_find(h, label) : NULL;
        if (!host)
                return HOST_UNKNOWN;
        return host->state == HOST_HERE || hosts_is_heard(h, (size_t)(host - h->all), now_ms) ? HOST_HERE : HOST_AWAY;
}

/* Returns the news of a host, or HOST_UNKNOWN if there is none. */
static enum host_state hosts_news_of(const struct hosts *h, size_t i, int64_t now_ms)
{
        const struct host *host = &h->all[i];
        if (host->label[0] == '\0')
                return HOST_UNKNOWN;
        if (hosts_is_heard(h, i, now_ms))
                return host->state == HOST_HERE ? HOST_UNKNOWN : HOST_HERE;
        return host->state == HOST_HERE ? HOST_AWAY : HOST_UNKNOWN;
}

__attribute__((format(printf, 4, 5))) static size_t hosts_append(char *text, size_t size, size_t len,
                                                                 const char *format, ...)
{
        va_list args;
        if (len >= size)
                return len;
        va_start(args, format);
        int n = vsnprintf(text + len, size - len, format, args);
        va_end(args);
        return n < 0 || (size_t)n >= size - len ? size - 1 : len + (size_t)n;
}

static const char *hosts_people(uint64_t members)
{
        return members == 1 ? "person" : "people";
}

/* Makes news of all hosts that are in `state` now, and of which members were last told the state `before`. Returns
 * false if there are none. */
static bool hosts_tell(struct hosts *h, int64_t now_ms, enum host_state before, enum host_state state,
                       uint8_t list[static HOSTS_NEWS_MAX_BYTES], struct answer *news)
{
        struct answer_rooms l = answer_rooms_begin(list);
        enum answer_code back = before == HOST_AWAY ? ANSWER_HOSTS_BACK : ANSWER_HOSTS_HERE;
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                if (h->all[i].state != before || hosts_news_of(h, i, now_ms) != state)
                        continue;
                h->all[i].state = (uint8_t)state;
                answer_add_room(&l,
                                &(struct answer_room){.name = slice_of(h->all[i].label), .people = h->all[i].members});
        }
        *news = answer_of_rooms(state == HOST_AWAY ? ANSWER_HOSTS_AWAY : back, &l);
        return l.count > 0;
}

bool hosts_news(struct hosts *h, int64_t now_ms, uint8_t list[static HOSTS_NEWS_MAX_BYTES], struct answer *news)
{
        return hosts_tell(h, now_ms, HOST_HERE, HOST_AWAY, list, news) ||
               hosts_tell(h, now_ms, HOST_AWAY, HOST_HERE, list, news) ||
               hosts_tell(h, now_ms, HOST_UNKNOWN, HOST_HERE, list, news);
}

int64_t hosts_wake_ms(const struct hosts *h, int64_t now_ms)
{
        int64_t wake = INT64_MAX;
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                if (h->all[i].label[0] == '\0' || h->all[i].state != HOST_HERE || !hosts_is_heard(h, i, now_ms))
                        continue;
                int64_t lost_ms = h->alive_ms[i] + HOSTS_LOST_MS;
                wake = lost_ms < wake ? lost_ms : wake;
        }
        return wake;
}

size_t hosts_describe(const struct hosts *h, char *text, size_t size)
{
        size_t len = 0, count = 0;
        text[0] = '\0';
        for (size_t i = 0; i < HOSTS_MAX; i++) {
                const struct host *host = &h->all[i];
                if (host->label[0] == '\0' || host->state == HOST_UNKNOWN)
                        continue;
                count += host->state == HOST_HERE;
                len = hosts_append(text, size, len, "%s%s ", len > 0 ? ", " : "", host->label);
                if (host->state == HOST_HERE)
                        len = hosts_append(text, size, len, "(%" PRIu64 " %s%s)", host->members,
                                           hosts_people(host->members),
                                           h->twins[i].is_announced ? ", several hosts" : "");
                else
                        len = hosts_append(text, size, len, "(away)");
        }
        return count;
}
