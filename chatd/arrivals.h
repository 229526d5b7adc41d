/* Arrivals: a newcomer is announced by name. If many newcomers come at once, a notice states their number instead, so
 * that N newcomers do not cost N² datagrams.
 *
 * A token bucket lets a burst pass by name. A newcomer that finds the bucket empty waits: it is a member at once, but
 * is announced later. One notice announces all waiting members, ARRIVALS_WAIT_MS after the first of them came. If a
 * waiting member says something, it is named before that. If it goes to another room, it is named there alone. If a
 * member leaves while it waits, neither its arrival nor its leave is announced. The link gets a JOIN of each newcomer,
 * because it counts them.
 *
 * A session that does not know its client yet sends a quiet HELLO. Its member is held: it gets lines, but is neither
 * announced nor listed before its ARRIVE, its first request or its first line. If a held member leaves, other members
 * never learn of it.
 *
 * Each decision is noted before members are told, so that the next chatd decides in the same way. doc/design.md (A
 * batch is one call per member) describes these notes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/pace.h>
#include <chat/record.h>

struct chat;
struct member;

enum {
        ARRIVALS_WAIT_MS = 1000,
        /* newcomers in one notice: one batch has room for two texts and a JOIN of each */
        ARRIVALS_MAX = BATCH_MAX_RECORDS - 2,
};

struct arrivals {
        struct pace pace;     /* all zeros: every newcomer is named */
        size_t waiting_count; /* members that wait */
        int64_t deadline_ms;  /* when the waiting members are announced, CLOCK_MONOTONIC; only while members wait */
        uint64_t number;      /* the number of the last notice */
        /* members that were named in this batch because they spoke; they still have their notes */
        struct member *speakers[BATCH_MAX_RECORDS];
        size_t speakers_count;
};

/* Holds the newcomer `m`, whose note is not written yet: a chatd that finds the note needs the mark. If the mark
 * cannot be made, `m` is announced as others are. */
void arrivals_hold(struct chat *chat, struct member *m);

/* Announces the newcomer `m`, or lets it wait, unless it is held. A chatd that takes the HELLO again calls this
 * again. The batch must have room for one record, and arrivals_are_full() must have returned false. */
void arrivals_take(struct chat *chat, struct member *m);

/* Announces the held member `m`, or lets it wait. Called when its session says that `m` may be announced, or makes a
 * request. The batch must have room for one record. */
void arrivals_release(struct chat *chat, struct member *m);

/* Returns true if the leaving member `m` was announced by name or in a notice. Returns false if other members never
 * knew of it. */
bool arrivals_leave(struct chat *chat, struct member *m);

/* Returns true if no more members can wait before arrivals_announce(). */
bool arrivals_are_full(const struct chat *chat);

/* Announces the waiting or held member `m` before the text that it says. The caller has checked that the batch has
 * room. */
void arrivals_name(struct chat *chat, struct member *m);

/* Removes the notes of members that were named in the batch, which was sent to all members. */
void arrivals_note(struct chat *chat);

/* Returns when arrivals_announce() is due, CLOCK_MONOTONIC; INT64_MAX while no member waits. */
int64_t arrivals_due_ms(const struct chat *chat);

/* Announces all members that wait. Does nothing if the first frames in the queue may have been relayed before. May
 * block as relay_send() does. */
void arrivals_announce(struct chat *chat);

/* If the last chatd may have died before all members had its notice, sends the notice again. To be called after the
 * notes were read and the members connected, and before the queue is read. */
void arrivals_say_again(struct chat *chat);

/* Counts the members that were waiting when the previous chatd died, and makes their notice due. To be called after the
 * queue was read. */
void arrivals_recover(struct chat *chat);
