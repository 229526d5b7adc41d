#include "arrivals.h"

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/notice.h>

#include "chat.h"
#include "notes.h"

static bool arrivals_is_waiting(const struct member *m)
{
        return m->arrival == ARRIVAL_WAITING && m->presence == PRESENT;
}

bool arrivals_are_full(const struct chat *chat)
{
        return chat->arrivals->waiting_count >= ARRIVALS_MAX;
}

/* Returns true if too many came at once: then the newcomer is not named now. */
static bool arrivals_is_too_many(struct arrivals *a, int64_t now)
{
        if (a->waiting_count > 0 || pace_next_ms(&a->pace, now) > now)
                return true;
        pace_take(&a->pace, now);
        return false;
}

static void arrivals_wait(struct arrivals *a, int64_t now)
{
        if (a->waiting_count++ == 0)
                a->deadline_ms = now + ARRIVALS_WAIT_MS;
}

void arrivals_hold(struct chat *chat, struct member *m)
{
        if (note_held(chat->roster.dir, m->id) == 0)
                member_arrive(m, ARRIVAL_HELD);
}

void arrivals_take(struct chat *chat, struct member *m)
{
        int64_t now = clock_ms();
        if (m->presence == EXPECTED) { /* a previous chatd has decided */
                member_go_on(m, PRESENT);
        } else if (!member_is_held(m) && arrivals_is_too_many(chat->arrivals, now) &&
                   note_arrival(chat->roster.dir, m->id) == 0) {
                member_arrive(m, ARRIVAL_WAITING);
        }
        if (!member_is_held(m))
                chat_log_join(chat, m);
        if (m->arrival == ARRIVAL_ANNOUNCED)
                chat_announce(chat, m, RECORD_JOIN, (struct slice){"", 0});
        else if (m->arrival == ARRIVAL_WAITING)
                arrivals_wait(chat->arrivals, now);
}

void arrivals_release(struct chat *chat, struct member *m)
{
        int64_t now = clock_ms();
        if (!member_is_held(m))
                return;
        if (m->arrival != ARRIVAL_NAMED && !arrivals_are_full(chat) && arrivals_is_too_many(chat->arrivals, now) &&
            note_arrival(chat->roster.dir, m->id) == 0) {
                note_remove_held(chat->roster.dir, m->id);
                member_arrive(m, ARRIVAL_WAITING);
                chat_log_join(chat, m);
                arrivals_wait(chat->arrivals, now);
                return;
        }
        arrivals_name(chat, m);
}

bool arrivals_leave(struct chat *chat, struct member *m)
{
        if (m->arrival == ARRIVAL_NAMED)
                arrivals_name(chat, m);
        chat->arrivals->waiting_count -= m->arrival == ARRIVAL_WAITING;
        return m->arrival == ARRIVAL_ANNOUNCED;
}

void arrivals_name(struct chat *chat, struct member *m)
{
        struct arrivals *a = chat->arrivals;
        int r = m->arrival == ARRIVAL_NAMED ? 0 : note_named(chat->roster.dir, m);
        /* without the note, the next chatd may count it in a notice for members that have got its name already */
        if (r < 0)
                complaints_warn(&chat->complaints, "cannot note who is being announced", r);
        if (member_is_held(m))
                chat_log_join(chat, m);
        else
                a->waiting_count--;
        chat_announce(chat, m, RECORD_JOIN, (struct slice){"", 0});
        member_arrive(m, ARRIVAL_ANNOUNCED);
        a->speakers[a->speakers_count++] = m;
}

void arrivals_note(struct chat *chat)
{
        struct arrivals *a = chat->arrivals;
        assert(chat->order.step == STEP_NOTE);
        for (size_t i = 0; i < a->speakers_count; i++)
                note_remove_arrival(chat->roster.dir, a->speakers[i]->id);
        a->speakers_count = 0;
}

static void arrivals_add_text(struct chat *chat, uint64_t number, enum answer_code who, size_t count)
{
        char text[TEXT_MAX_BYTES];
        uint8_t bytes[NOTICE_ANSWER_MAX_BYTES];
        struct answer a = {.code = (uint8_t)who, .count = count};
        struct record rec = notice_record(ARRIVALS_ID, number, &a, text, bytes);
        batch_add_notice(&chat->batch, rooms_first(&chat->roster.rooms), &rec);
}

/* Adds a JOIN of each waiting member, for the link. */
static void arrivals_add_joins(struct chat *chat)
{
        for (size_t i = 0; i < chat->roster.count; i++)
                if (arrivals_is_waiting(chat->roster.members[i]))
                        chat_announce(chat, chat->roster.members[i], RECORD_JOIN, (struct slice){"", 0});
}

/* Fills the batch with three parts: one for members that were here, one for newcomers, and one for the link. */
static void arrivals_fill_batch(struct chat *chat, uint64_t number, size_t count)
{
        const struct roster *roster = &chat->roster;
        arrivals_add_text(chat, number, ANSWER_ARRIVED, count);
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                if (arrivals_is_waiting(m) || m->id == LINK_ID)
                        batch_joins(&chat->batch, m);
                else
                        batch_leaves(&chat->batch, m);
        }
        arrivals_add_text(chat, number, ANSWER_OTHERS_ARRIVED, count - 1);
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                if (m->id == LINK_ID)
                        batch_joins(&chat->batch, m);
                else if (arrivals_is_waiting(m))
                        batch_leaves(&chat->batch, m);
        }
        arrivals_add_joins(chat);
}

/* Sends the notice of the seal, that `count` newcomers came. A single newcomer is named. The waiting members still have
 * their notes. */
static void arrivals_say(struct chat *chat, uint64_t number, size_t count)
{
        batch_begin(&chat->batch, chat->relay.epoch);
        if (count > 1)
                arrivals_fill_batch(chat, number, count);
        else
                arrivals_add_joins(chat);
        relay_send(&chat->relay, &chat->batch, &chat->roster);
        for (size_t i = 0; i < chat->roster.count; i++) {
                struct member *m = chat->roster.members[i];
                if (!arrivals_is_waiting(m))
                        continue;
                note_remove_arrival(chat->roster.dir, m->id);
                member_arrive(m, ARRIVAL_ANNOUNCED);
        }
        chat->arrivals->waiting_count = 0;
        note_remove_seal(chat->roster.dir);
}

/* Returns a number that no other chatd has drawn: the time. */
static uint64_t arrivals_draw_number(struct arrivals *a)
{
        uint64_t now = clock_boottime_us();
        a->number = now > a->number ? now : a->number + 1;
        return a->number;
}

int64_t arrivals_due_ms(const struct chat *chat)
{
        if (chat->arrivals->waiting_count == 0 || chat->order.step != STEP_OVER)
                return INT64_MAX;
        return chat->arrivals->deadline_ms;
}

void arrivals_announce(struct chat *chat)
{
        struct arrivals *a = chat->arrivals;
        if (a->waiting_count == 0 || chat->order.step != STEP_OVER)
                return;
        uint64_t number = arrivals_draw_number(a);
        int r = note_seal(chat->roster.dir, number, a->waiting_count);
        if (r < 0) /* the notice may come twice, but only if chatd dies before all members have it */
                complaints_warn(&chat->complaints, "cannot note who is being announced", r);
        arrivals_say(chat, number, a->waiting_count);
}

void arrivals_say_again(struct chat *chat)
{
        uint64_t number;
        size_t count;
        if (note_read_seal(chat->roster.dir, &number, &count))
                arrivals_say(chat, number, count);
}

void arrivals_recover(struct chat *chat)
{
        struct arrivals *a = chat->arrivals;
        for (size_t i = 0; i < chat->roster.count; i++)
                a->waiting_count += arrivals_is_waiting(chat->roster.members[i]);
        a->deadline_ms = clock_ms(); /* these members have waited for long enough */
}
