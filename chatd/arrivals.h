/* Arrivals: a newcomer is announced by name. When many come at once a notice says how many instead, so that N newcomers
 * do not cost N² datagrams.
 *
 * A token bucket lets a burst pass by name. A newcomer that finds the bucket empty waits: it is a member at once, gets
 * lines, and is announced together with all others that wait, in one notice, ARRIVALS_WAIT_MS after the first of them
 * came. No newcomer is named while others wait, so members are announced in the order in which they come. An exception
 * is a waiting member that says something: it is named first, and waits no more. If a member leaves while it waits,
 * neither its arrival nor its leave is announced. The link to other hosts gets a JOIN of each newcomer, because it
 * counts them.
 *
 * A session does not know at once if its client is a chat client. So its HELLO may be quiet: its member is held. A held
 * member gets lines, and is neither announced nor listed, nor logged, before ARRIVE, or before it makes a request or
 * says something. A member that leaves before that was never here.
 *
 * A crash between any two steps is harmless:
 *
 * - A waiting member has a note, members/ID.arriving, written before anything is sent of the batch with its HELLO. So a
 *   HELLO that is met again is decided as before. A held member has members/ID.held in its place, and the next chatd
 *   holds it as well. Before anything is sent of the batch that names the member, that note becomes ID.named, and it is
 *   removed when the batch was sent, before it is consumed. So the next chatd names the member, too: when it meets the
 *   same frame again or, if the queue was lost, with the session's next frame, even if that says that the session
 *   ended.
 * - A notice is a batch of its own, without frames. Before it is sent it is sealed: a file contains its number and the
 *   number of newcomers. When all members have it, the notes of these newcomers are removed, then the seal. A chatd
 *   that finds a seal sends the same notice again before it takes any frame, and the sessions drop records that they
 *   have seen (chat/seen.h).
 * - No other notice is sent while a batch may have been relayed that is not consumed yet: all members must see one
 *   order.
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
        struct pace pace; /* all zeros: every newcomer is named */
        size_t waiting;   /* members that wait */
        int64_t due_ms;   /* when they are to be announced, CLOCK_MONOTONIC; only while members wait */
        uint64_t number;  /* of the last notice */
        struct member
                /* members of the batch that were named because they spoke, and still have their notes */
                *speakers[BATCH_MAX_RECORDS];
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

/* Counts members that wait since before this chatd, and makes their notice due. To be called after the queue was read. */
void arrivals_recover(struct chat *chat);
