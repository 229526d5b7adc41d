/* Who comes is announced by name, but not when many come at once: then a notice says how many, so that N of them do not
 * cost N² datagrams.
 *
 * A token bucket lets a burst pass by name. Who finds it empty waits: it is a member at once, gets lines, and is
 * announced with all others who wait, in one notice, ARRIVALS_WAIT_MS after the first of them came. Nobody is named
 * while others wait, so people are announced in the order in which they come; but who says something is named first,
 * and waits no more. Who leaves while it waits has not been here for the others: neither is announced. The link to
 * other hosts gets a JOIN of each, because it counts them.
 *
 * A session does not know at once whether its client is a chat client. So its HELLO may be quiet: its member is held, gets
 * lines, and is neither announced nor listed, nor logged, before ARRIVE, or before it asks for something or says
 * something. Who leaves before that was never here.
 *
 * What makes a crash between any two steps harmless:
 *
 *   - Who waits has a note, members/ID.arriving, written before anything is sent of the batch with its HELLO. So a HELLO
 *     that is met again is decided as before. Who is held has members/ID.held in its place, and is held by the next
 *     chatd as well. Before anything is sent of the batch that names it, that note becomes ID.named, and it is removed
 *     when the batch was sent, before it is consumed. So the next chatd names it, too: when it meets the same frame
 *     again or, where the queue was lost, with the session's next frame, also if that says that the session ended.
 *   - A notice is a batch of its own, without frames. Before it is sent it is sealed: a file says its number and how
 *     many people that is. When everybody has it, the notes of those it is about are removed, then the seal. A chatd
 *     that finds a seal says the same again before it takes any frame, and the sessions drop what they have seen
 *     (chat/seen.h).
 *   - No other notice is sent while a batch may have been relayed that is not consumed yet: all are to see one order.
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
        ARRIVALS_MAX = BATCH_MAX_RECORDS - 2, /* in one notice: the JOIN of each and two texts are one batch */
};

struct arrivals {
        struct pace pace; /* all zeros: everybody is named */
        size_t waiting;   /* members that wait */
        int64_t due_ms;   /* when they are to be announced, CLOCK_MONOTONIC; only while somebody waits */
        uint64_t number;  /* of the last notice */
        struct member
                *speakers[BATCH_MAX_RECORDS]; /* of the batch: who was named because it spoke, and has its note yet */
        size_t speakers_count;
};

/* `m` came, or its HELLO is met again: announces it, lets it wait, or holds it where that was `quiet`. There is room for
 * one record, and arrivals_are_full() said no. */
void arrivals_take(struct chat *chat, struct member *m, bool quiet);

/* The session of `m` says that it may be announced, or asks for something: announces it, or lets it wait. There is room for
 * one record. */
void arrivals_release(struct chat *chat, struct member *m);

/* `m` leaves. Returns whether it was announced, or counted: else it was not here for the others. */
bool arrivals_leave(struct chat *chat, struct member *m);

/* Whether nobody can wait any more before arrivals_announce(). */
bool arrivals_are_full(const struct chat *chat);

/* `m`, who waits, says something: announces it before. The caller has seen to it that the batch has room. */
void arrivals_name(struct chat *chat, struct member *m);

/* The batch was sent to everybody: removes the notes of those who were named in it. */
void arrivals_note(struct chat *chat);

/* When arrivals_announce() is due, CLOCK_MONOTONIC; INT64_MAX while it has nothing to do. */
int64_t arrivals_due_ms(const struct chat *chat);

/* Announces all who wait, unless the queue may begin with frames that were relayed. May block as relay_send() does. */
void arrivals_announce(struct chat *chat);

/* After the notes were read and the members were connected, before the queue is looked at: says again what the last
 * chatd may not have said to everybody. */
void arrivals_say_again(struct chat *chat);

/* After the queue was looked at: who waits since before this chatd. */
void arrivals_recover(struct chat *chat);
