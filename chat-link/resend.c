#include "resend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <chat/clock.h>

#include "spool.h"

void resend_init(struct resend *r, const struct config *c, struct spool *s, struct report *report, int work)
{
        *r = (struct resend){.report = report, .spool = s, .network = c->network, .own_host = c->host, .work = work};
        pthread_mutex_init(&r->lock, NULL);
}

void resend_destroy(struct resend *r)
{
        free(r->answer);
        pthread_mutex_destroy(&r->lock);
}

void resend_ask(struct resend *r, const char *host, uint64_t instance, uint64_t position)
{
        pthread_mutex_lock(&r->lock);
        r->question = (struct resend_question){.instance = instance, .position = position};
        snprintf(r->question.host, sizeof(r->question.host), "%s", host);
        r->question_pending = true;
        pthread_mutex_unlock(&r->lock);
        eventfd_write(r->work, 1);
}

static struct network_message *resend_take_answer(struct resend *r)
{
        struct network_message *m = r->answer;
        r->answer = NULL;
        return m;
}

struct network_message *resend_answer(struct resend *r)
{
        pthread_mutex_lock(&r->lock);
        struct network_message *m = resend_take_answer(r);
        pthread_mutex_unlock(&r->lock);
        return m;
}

/* Keeps an answer if it comes from the host that was asked and has records of the requested spool. */
static void resend_keep_answer(struct resend *r, const char *host, uint64_t instance, const void *data, size_t size)
{
        if (strcmp(host, r->question.host) != 0 || instance != r->question.instance)
                return;
        struct network_message *m = calloc(1, sizeof(*m) + size);
        if (!m)
                return; /* the answer counts as lost on the way */
        snprintf(m->host, sizeof(m->host), "%s", host);
        m->event = NETWORK_AGAIN;
        m->size = size;
        memcpy(m->data, data, size);
        free(resend_take_answer(r));
        r->answer = m;
        report_wake(r->report);
}

static void resend_keep_question(struct resend *r, const char *host, const struct message *m)
{
        struct resend_question *q = NULL;
        for (unsigned i = 0; i < r->count && !q; i++)
                if (strcmp(r->queue[(r->first + i) % RESEND_QUEUE_MAX].host, host) == 0)
                        q = &r->queue[(r->first + i) % RESEND_QUEUE_MAX];
        if (!q && r->count == RESEND_QUEUE_MAX)
                return; /* the host will ask again */
        if (!q)
                q = &r->queue[(r->first + r->count++) % RESEND_QUEUE_MAX];
        snprintf(q->host, sizeof(q->host), "%s", host);
        q->instance = m->instance;
        q->position = m->position;
        eventfd_write(r->work, 1);
}

void resend_take(struct resend *r, const char *host, const void *data, size_t size)
{
        struct message m;
        if (size > MESSAGE_MAX_BYTES || message_decode(&m, data, size) != 0 ||
            (m.type != MESSAGE_ASK && m.type != MESSAGE_AGAIN)) {
                report_ignored(r->report);
                return;
        }
        pthread_mutex_lock(&r->lock);
        if (m.type == MESSAGE_ASK)
                resend_keep_question(r, host, &m);
        else
                resend_keep_answer(r, host, m.instance, data, size);
        pthread_mutex_unlock(&r->lock);
}

static void resend_publish(const struct resend *r, natsConnection *nc, const char *kind, const char *to, size_t size)
{
        char subject[4 * (HOST_MAX_BYTES + 1) + 16];
        snprintf(subject, sizeof(subject), "chat.%s.%s.%s.%s", r->network, kind, r->own_host, to);
        natsConnection_Publish(nc, subject, r->buffer, (int)size);
}

static void resend_send_question(struct resend *r, natsConnection *nc, const struct resend_question *q)
{
        struct message m = {.type = MESSAGE_ASK, .instance = q->instance, .position = q->position};
        resend_publish(r, nc, "ask", q->host, message_encode(r->buffer, sizeof(r->buffer), &m));
}

/* Sends an answer. If none of the records is left, the answer says that all are missing. Sends no answer for a branch
 * of another host, because a host with the same label may have it. */
static void resend_send_answer(struct resend *r, natsConnection *nc, const struct resend_question *q)
{
        struct spool_chunk chunk = {0};
        struct message m = {.type = MESSAGE_AGAIN,
                            .instance = q->instance,
                            .position = UINT64_MAX,
                            .question_position = q->position};
        if (q->instance != spool_instance(r->spool) && spool_own(r->spool, q->instance) == 0)
                return;
        if (spool_read(r->spool, q->instance, q->position, &chunk, r->buffer + MESSAGE_AGAIN_HEADER_BYTES,
                       DATAGRAM_MAX_BYTES))
                m.position = chunk.first;
        size_t size = message_encode(r->buffer, sizeof(r->buffer), &m);
        resend_publish(r, nc, "again", q->host, size + chunk.size);
}

int64_t resend_work(struct resend *r, natsConnection *nc, int64_t now)
{
        struct resend_question question, other;
        pthread_mutex_lock(&r->lock);
        bool ask = r->question_pending, answer = r->count > 0 && now >= r->answer_at;
        question = r->question;
        r->question_pending = false;
        if (answer) {
                other = r->queue[r->first];
                r->first = (r->first + 1) % RESEND_QUEUE_MAX;
                r->count--;
        }
        bool more = r->count > 0;
        pthread_mutex_unlock(&r->lock);
        if (ask)
                resend_send_question(r, nc, &question);
        if (answer) {
                resend_send_answer(r, nc, &other);
                int64_t end = clock_ms();
                r->answer_at = end + RESEND_PAUSE_MS + RESEND_PAUSE_SHARE * (end - now);
        }
        return more ? r->answer_at : INT64_MAX;
}
