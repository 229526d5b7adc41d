#include "arrivals.h"

#include <stdio.h>

#include <chat/clock.h>

#include "broker.h"
#include "notes.h"

static bool waits(const struct member *m)
{
        return m->arriving && !m->held && !m->expected && !m->leaving;
}

bool arrivals_are_full(const struct broker *b)
{
        return b->arrivals.waiting >= ARRIVALS_MAX;
}

/* Whether somebody who comes now is one too many to be named. */
static bool is_too_many(struct arrivals *a, int64_t now)
{
        if (a->waiting > 0 || pace_next_ms(&a->pace, now) > now)
                return true;
        pace_take(&a->pace, now);
        return false;
}

static void wait_for_others(struct arrivals *a, int64_t now)
{
        if (a->waiting++ == 0)
                a->due_ms = now + ARRIVALS_WAIT_MS;
}

void arrivals_take(struct broker *b, struct member *m, bool quiet)
{
        int64_t now = clock_ms();
        if (!m->expected && quiet) /* else a chatd before this one decided */
                m->arriving = m->held = note_held(b->roster.dir, m->id) == 0;
        else if (!m->expected && is_too_many(&b->arrivals, now))
                m->arriving = note_arrival(b->roster.dir, m->id) == 0;
        m->expected = false;
        if (!m->held)
                broker_log_join(b, m);
        if (!m->arriving)
                broker_announce(b, m, RECORD_JOIN);
        else if (!m->held)
                wait_for_others(&b->arrivals, now);
}

void arrivals_release(struct broker *b, struct member *m)
{
        int64_t now = clock_ms();
        if (!m->held)
                return;
        if (!m->named && !arrivals_are_full(b) && is_too_many(&b->arrivals, now) &&
            note_arrival(b->roster.dir, m->id) == 0) {
                note_remove_held(b->roster.dir, m->id);
                m->held = false;
                broker_log_join(b, m);
                wait_for_others(&b->arrivals, now);
                return;
        }
        arrivals_name(b, m);
}

bool arrivals_leave(struct broker *b, struct member *m)
{
        if (m->named)
                arrivals_name(b, m);
        b->arrivals.waiting -= m->arriving && !m->held;
        return !m->arriving;
}

void arrivals_name(struct broker *b, struct member *m)
{
        struct arrivals *a = &b->arrivals;
        int r = m->named ? 0 : note_named(b->roster.dir, m);
        if (r < 0) /* the next chatd may let it wait, and count it for those that are told its name by this one */
                broker_warn(b, "cannot note who is being announced", r);
        if (m->held)
                broker_log_join(b, m);
        else
                a->waiting--;
        broker_announce(b, m, RECORD_JOIN);
        m->arriving = m->held = m->named = false;
        a->speakers[a->speakers_count++] = m;
}

void arrivals_note(struct broker *b)
{
        struct arrivals *a = &b->arrivals;
        for (size_t i = 0; i < a->speakers_count; i++)
                note_remove_arrival(b->roster.dir, a->speakers[i]->id);
        a->speakers_count = 0;
}

static void add_text(struct broker *b, uint64_t number, size_t count, const char *who)
{
        char text[64];
        snprintf(text, sizeof(text), "%zu %s connected", count, who);
        struct record rec = {
                .kind = RECORD_NOTICE,
                .id = ARRIVALS_ID,
                .number = number,
                .name = {"", 0},
                .text = slice_of(text),
        };
        relay_add_notice(&b->relay, rooms_first(&b->roster.rooms), &rec);
}

/* Each of the group, for the link. */
static void add_joins(struct broker *b)
{
        for (size_t i = 0; i < b->roster.count; i++)
                if (waits(b->roster.members[i]))
                        broker_announce(b, b->roster.members[i], RECORD_JOIN);
}

/* Three stretches: one for those who were here, one for those who came, and one for the link. */
static void fill_batch(struct broker *b, uint64_t number, size_t count)
{
        const struct roster *roster = &b->roster;
        add_text(b, number, count, "people");
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                if (waits(m) || m->id == LINK_ID)
                        relay_joins(&b->relay, m);
                else
                        relay_leaves(&b->relay, m);
        }
        add_text(b, number, count - 1, count == 2 ? "other" : "others");
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                if (m->id == LINK_ID)
                        relay_joins(&b->relay, m);
                else if (waits(m))
                        relay_leaves(&b->relay, m);
        }
        add_joins(b);
}

/* Says what the seal says: that `count` people came, of whom those who wait have their notes yet. One is named. */
static void say(struct broker *b, uint64_t number, size_t count)
{
        relay_begin(&b->relay, &b->roster);
        if (count > 1)
                fill_batch(b, number, count);
        else
                add_joins(b);
        relay_send(&b->relay, &b->roster);
        for (size_t i = 0; i < b->roster.count; i++) {
                struct member *m = b->roster.members[i];
                if (!waits(m))
                        continue;
                note_remove_arrival(b->roster.dir, m->id);
                m->arriving = false;
        }
        b->arrivals.waiting = 0;
        note_remove_seal(b->roster.dir);
}

/* The time, as no other chatd can have drawn the same. */
static uint64_t draw_number(struct arrivals *a)
{
        uint64_t now = clock_boottime_us();
        a->number = now > a->number ? now : a->number + 1;
        return a->number;
}

int64_t arrivals_due_ms(const struct broker *b)
{
        return b->arrivals.waiting > 0 && !b->unconsumed ? b->arrivals.due_ms : INT64_MAX;
}

void arrivals_announce(struct broker *b)
{
        struct arrivals *a = &b->arrivals;
        if (a->waiting == 0 || b->unconsumed)
                return;
        uint64_t number = draw_number(a);
        int r = note_seal(b->roster.dir, number, a->waiting);
        if (r < 0) /* it is said once more, but only if we die before everybody has it */
                broker_warn(b, "cannot note who is being announced", r);
        say(b, number, a->waiting);
}

void arrivals_say_again(struct broker *b)
{
        uint64_t number;
        size_t count;
        if (note_read_seal(b->roster.dir, &number, &count))
                say(b, number, count);
}

void arrivals_recover(struct broker *b)
{
        struct arrivals *a = &b->arrivals;
        for (size_t i = 0; i < b->roster.count; i++)
                a->waiting += waits(b->roster.members[i]);
        a->due_ms = clock_ms(); /* they have waited for long enough */
}
