/* A chatd for one session, whose client may be in several rooms. It answers at random, or as the real one would.
 *
 * Promises: each frame of the session can be decoded, is one that a session may send, and is the next one: HELLO comes
 * first, the numbers have no gaps, and nothing follows BYE. Names, rooms and texts are those that chatd allows. There is
 * at most one WEBHOOK, with a token and a text.
 */
#pragma once

#include <chat/frame.h>
#include <chat/record.h>

#include "fuzz.h"

enum {
        SOLO_CHATD_OPEN_MAX = 64,
        SOLO_CHATD_OPEN_FULL = 48, /* with so many open requests its intake counts as full */
        SOLO_CHATD_INBOX_MAX = 32,
};

struct solo_chatd {
        bool is_away, is_full;
        bool is_queue_gone;         /* the queue of an earlier chatd, until the session connects again */
        bool is_old;                /* it says that it is of the version before channels */
        bool is_asked_for_any_name; /* the session leaves it to chatd which names are allowed */
        bool is_at_random;          /* it gave an answer that the real one would not give */
        bool has_hello, has_bye, is_welcomed;
        bool has_refused;              /* the session, which may have asked something before */
        char name[NAME_MAX_BYTES + 1]; /* of the client */
        uint64_t epoch, id;
        uint64_t sent_number;     /* the highest number that the session sent */
        uint64_t answered_number; /* the highest number that was answered */
        uint64_t entered_number;  /* that of the last request to enter a room, if it was answered with ENTERED */
        uint64_t lost_number;     /* numbers up to this one may be lost with a queue */
        uint64_t relayed_number;  /* those up to this one are not */
        uint64_t records, texts;  /* the numbers of those that were sent */
        size_t webhook_size;      /* 0: the session did not ask to say a line with a token */
        uint8_t webhook_code;     /* of the answer to that; 0: there was none yet */
        size_t open_count;
        size_t inbox_first, inbox_count;
        /* what follows is used up to the counts above */
        struct solo_chatd_request {
                uint8_t type;
                uint64_t number;
                char name[NAME_MAX_BYTES + 1];
        } open[SOLO_CHATD_OPEN_MAX];
        uint8_t webhook[FRAME_MAX_BYTES]; /* the frame */
        struct {
                size_t size;
                uint8_t data[DATAGRAM_MAX_BYTES];
        } inbox[SOLO_CHATD_INBOX_MAX];
};

void solo_chatd_begin(struct solo_chatd *d);

/* Takes a datagram of the session. Returns 0 or a negative errno, as send(2). */
int solo_chatd_take(struct solo_chatd *d, const void *data, size_t size);

/* Moves the next datagram for the session to `buffer`, which has DATAGRAM_MAX_BYTES. Returns its size; 0: there is
 * none. */
size_t solo_chatd_give(struct solo_chatd *d, void *buffer);

/* Returns true if chatd knows the session, and there is room for one more datagram to it. */
bool solo_chatd_may_say(const struct solo_chatd *d);

/* Ends this chatd, and begins another one. With `loses_queue`, what the session had sent is lost. */
void solo_chatd_restart(struct solo_chatd *d, bool loses_queue);

/* Welcomes the client, under its name or another one. */
void solo_chatd_welcome(struct solo_chatd *d, struct choices *c);

/* Answers the first open request as the real chatd does, or with another answer that it could give. */
void solo_chatd_serve(struct solo_chatd *d, uint8_t how);

/* Answers a request, or another number, with any answer. */
void solo_chatd_answer(struct solo_chatd *d, struct choices *c);

/* Says a few records, past lines, or something else that answers no request. */
void solo_chatd_relay(struct solo_chatd *d, struct choices *c);
void solo_chatd_show_past(struct solo_chatd *d, struct choices *c);
void solo_chatd_say(struct solo_chatd *d, struct choices *c);

/* Does all that is left to be done, as the real chatd does. */
void solo_chatd_finish(struct solo_chatd *d);
