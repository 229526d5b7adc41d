/* Arrivals: a newcomer is announced by name. When many come at once a notice says how many instead, so that N newcomers
 * do not cost N² datagrams.
 *
 * A token bucket lets a burst pass by name. A newcomer that finds the bucket empty waits: it is a member at once, and
 * is announced with all others that wait, in one notice, ARRIVALS_WAIT_MS after the first of them came. A waiting
 * member that says something is named first. If a member leaves while it waits, neither its arrival nor its leave is
 * announced. The link gets a JOIN of each newcomer, because it counts them.
 *
 * The HELLO of a session that does not know its client yet is quiet, and its member is held: it gets lines, and is
 * neither announced nor listed before ARRIVE, a request or a line. A held member that leaves was never here.
 *
 * Each step is noted before anything is sent of it, so that the next chatd decides in the same way. doc/design.md
 * (A batch is one call per member) has these notes.
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
        ARRIVALS_MAX = BATCH_MAX_RECORDS - 2, /* newcomers in one notice: a JOIN of each and two texts are one batch */
};

struct arrivals {
        struct pace pace;     /* all zeros: every newcomer is named */
        size_t waiting_count; /* members that wait */
        int64_t deadline_ms;  /* when they are to be announced, CLOCK_MONOTONIC; only while members wait */
        uint64_t number;      /* of the last notice */
        /* members of the batch that were named because they spoke, and still have their notes */
        struct member *speakers[BATCH_MAX_RECORDS];
        size_t speakers_count;
};

/* Announces the newcomer `m`, lets it wait, or holds it if its HELLO was `quiet`. Also called if the HELLO is met
 * again. The batch must have room for one record, and arrivals_are_full() must have returned false. */
void arrivals_take(struct chat *chat, struct member *m, bool quiet);

/* Announces the held member `m`, or lets it wait, because its session says that it may be announced, or makes a
 * request. The batch must have room for one record. */
void arrivals_release(struct chat *chat, struct member *m);

/* Returns true if the leaving member `m` was announced, or counted in a notice; false if others never knew of it. */
bool arrivals_leave(struct chat *chat, struct member *m);

/* Returns true if no more members can wait before arrivals_announce(). */
bool arrivals_are_full(const struct chat *chat);

/* Announces the waiting member `m` before the text that it says. The caller has checked that the batch has room. */
void arrivals_name(struct chat *chat, struct member *m);

/* Removes the notes of members that were named in the batch, which was sent to all members. */
void arrivals_note(struct chat *chat);

/* Returns when arrivals_announce() is due, CLOCK_MONOTONIC; INT64_MAX while no member waits. */
int64_t arrivals_due_ms(const struct chat *chat);

/* Announces all members that wait, unless the queue may begin with frames that were relayed. May block as relay_send()
 * does. */
void arrivals_announce(struct chat *chat);

/* Sends the notice again that the last chatd may not have sent to all members. To be called after the notes were read
 * and the members connected, before the queue is read. */
void arrivals_say_again(struct chat *chat);

/* Counts members that wait since before this chatd, and makes their notice due. To be called after the queue was
 * read. */
void arrivals_recover(struct chat *chat);
