/* Questions for records that NATS lost: this host asks the host that said them, and other hosts may ask this one.
 *
 * One question of this host is under way at a time. Questions of other hosts wait, one for each host, and are answered
 * from the spool. At most a tenth of the time goes into answers, so questions cannot keep this host from its other
 * work.
 */
#pragma once

#include <pthread.h>

#include <nats/nats.h>

#include "network-message.h"
#include "report.h"

enum {
        RESEND_QUEUE_MAX = 64,
        RESEND_PAUSE_MS = 20,   /* the shortest pause after an answer */
        RESEND_PAUSE_SHARE = 9, /* the pause after an answer is this many times as long as the answer took */
};

struct resend_question {
        char host[HOST_MAX_BYTES + 1]; /* the other host: it is asked, or it asks */
        uint64_t instance, position;
};

struct resend {
        pthread_mutex_t lock;
        struct report *report;
        struct spool *spool;
        const char *network, *own_host; /* labels, not owned */
        int work;                       /* an eventfd that the network's thread waits for, not owned */
        struct resend_question question;
        bool question_pending;
        struct network_message *answer;
        struct resend_question queue[RESEND_QUEUE_MAX];
        unsigned first, count;
        int64_t answer_at; /* when the next question may be answered, ms of CLOCK_MONOTONIC */
        uint8_t buffer[MESSAGE_MAX_BYTES];
};

void resend_init(struct resend *r, const struct config *c, struct spool *s, struct report *report, int work);
void resend_destroy(struct resend *r);

/* ---- for the thread that misses records ---- */

/* See network_ask() and network_answer(). */
void resend_ask(struct resend *r, const char *host, uint64_t instance, uint64_t position);
struct network_message *resend_answer(struct resend *r);

/* ---- for libnats' threads ---- */

/* Takes a MESSAGE_ASK or MESSAGE_AGAIN of `host`, which is a label. */
void resend_take(struct resend *r, const char *host, const void *data, size_t size);

/* ---- for the network's thread ---- */

/* Sends the question that is due, and answers a question that waits. Returns when there is more to do, or INT64_MAX. */
int64_t resend_work(struct resend *r, natsConnection *nc, int64_t now);
