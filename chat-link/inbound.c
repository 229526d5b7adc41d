#include "inbound.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <chat/clock.h>
#include <chat/safe-text.h>

void inbound_init(struct inbound *in, struct report *report, const char *own, int work)
{
        *in = (struct inbound){.report = report, .own_host = own, .work = work};
        in->end = &in->first;
        pthread_mutex_init(&in->lock, NULL);
        pthread_cond_init(&in->room, NULL);
}

static void inbound_drop_all(struct inbound *in)
{
        for (struct network_message *m = in->first, *next; m; m = next) {
                next = m->next;
                free(m);
        }
        in->first = NULL;
        in->end = &in->first;
        in->said_count = in->alive_count = 0;
}

void inbound_destroy(struct inbound *in)
{
        inbound_drop_all(in);
        pthread_cond_destroy(&in->room);
        pthread_mutex_destroy(&in->lock);
}

static void inbound_close_to_all(struct inbound *in)
{
        in->generation = 0;
        pthread_cond_broadcast(&in->room);
}

void inbound_ask(struct inbound *in, struct network_place from)
{
        pthread_mutex_lock(&in->lock);
        inbound_drop_all(in);
        inbound_close_to_all(in);
        in->request++;
        in->place = from;
        pthread_mutex_unlock(&in->lock);
}

struct network_message *inbound_next(struct inbound *in)
{
        pthread_mutex_lock(&in->lock);
        struct network_message *m = in->first;
        if (m) {
                in->first = m->next;
                if (!in->first)
                        in->end = &in->first;
                in->said_count -= m->event == NETWORK_SAID;
                in->alive_count -= m->event == NETWORK_ALIVE;
                m->next = NULL;
                pthread_cond_signal(&in->room);
        }
        pthread_mutex_unlock(&in->lock);
        return m;
}

uint64_t inbound_needs_subscription(struct inbound *in, int64_t now)
{
        pthread_mutex_lock(&in->lock);
        bool silent = in->place.stream != 0 && !in->is_blocked && now - in->delivery_ms > INBOUND_SILENCE_MS;
        uint64_t request = in->generation == 0 || in->is_lost || silent ? in->request : 0;
        pthread_mutex_unlock(&in->lock);
        return request;
}

/* Adds a message to the queue. Returns false if there is no memory: then the message counts as lost on the way. */
static bool inbound_enqueue(struct inbound *in, enum network_event event, struct network_place place,
                            const struct inbound_message *from)
{
        struct network_message *m = calloc(1, sizeof(*m) + from->size);
        if (!m)
                return false;
        m->event = event;
        m->place = place;
        if (from->host)
                strncpy(m->host, from->host, HOST_MAX_BYTES);
        m->size = from->size;
        if (from->size > 0)
                memcpy(m->data, from->data, from->size);
        *in->end = m;
        in->end = &m->next;
        in->said_count += event == NETWORK_SAID;
        in->alive_count += event == NETWORK_ALIVE;
        report_wake(in->report);
        return true;
}

bool inbound_is_behind(struct inbound *in, uint64_t stream, uint64_t last, int64_t now)
{
        pthread_mutex_lock(&in->lock);
        bool behind = stream != 0 && in->place.stream == stream && in->place.sequence > last;
        if (!behind)
                in->behind_since = 0;
        else if (in->behind_since == 0)
                in->behind_since = now;
        behind = behind && now - in->behind_since < INBOUND_BEHIND_MS;
        pthread_mutex_unlock(&in->lock);
        return behind;
}

uint64_t inbound_open(struct inbound *in, uint64_t stream, uint64_t last, struct network_place *behind)
{
        pthread_mutex_lock(&in->lock);
        bool begun = in->begin_request == in->request;
        bool same = in->place.stream == stream && in->place.sequence <= last;
        if (!same)
                in->place = (struct network_place){.stream = stream, .sequence = last};
        if (!begun || !same)
                in->begin_request =
                        inbound_enqueue(in, NETWORK_BEGIN, in->place, &(struct inbound_message){0}) ? in->request : 0;
        in->is_lost = in->begin_request != in->request;
        in->is_blocked = false;
        in->consumer_sequence = 0;
        in->delivery_ms = clock_ms();
        uint64_t generation = in->generation = ++in->generations;
        *behind = in->place;
        pthread_mutex_unlock(&in->lock);
        return generation;
}

void inbound_close(struct inbound *in)
{
        pthread_mutex_lock(&in->lock);
        inbound_close_to_all(in);
        pthread_mutex_unlock(&in->lock);
}

/* Makes the network's thread replace the subscription. */
static void inbound_lose_subscription(struct inbound *in)
{
        in->is_lost = true;
        eventfd_write(in->work, 1);
}

void inbound_read_anew(struct inbound *in)
{
        pthread_mutex_lock(&in->lock);
        if (!in->is_blocked)
                inbound_lose_subscription(in);
        pthread_mutex_unlock(&in->lock);
}

/* Returns true if messages of this generation are still taken. Notes that the subscription delivered something. */
static bool inbound_is_current(struct inbound *in, uint64_t generation)
{
        if (generation != in->generation || in->is_lost)
                return false;
        in->delivery_ms = clock_ms();
        return true;
}

/* Returns false if the subscription is no longer wanted. */
static bool inbound_wait_for_room(struct inbound *in, uint64_t generation)
{
        while (generation == in->generation && in->said_count >= NETWORK_QUEUE_MAX) {
                in->is_blocked = true;
                pthread_cond_wait(&in->room, &in->lock);
        }
        if (generation != in->generation)
                return false;
        in->is_blocked = false;
        in->delivery_ms = clock_ms();
        return true;
}

static bool inbound_is_acceptable(const struct inbound_message *m)
{
        return m->host && text_is_host(m->host, strlen(m->host)) && strlen(m->host) <= HOST_MAX_BYTES &&
               m->size <= MESSAGE_MAX_BYTES;
}

/* Returns false if the message is not the next one of its consumer, or does not come from the consumer. */
static bool inbound_is_next(struct inbound *in, const struct inbound_message *m)
{
        if (in->place.stream == 0)
                return true;
        if (!m->host || m->consumer_sequence != in->consumer_sequence + 1 || m->sequence <= in->place.sequence) {
                inbound_lose_subscription(in);
                return false;
        }
        in->consumer_sequence++;
        return true;
}

void inbound_said(struct inbound *in, uint64_t generation, const struct inbound_message *m)
{
        pthread_mutex_lock(&in->lock);
        if (inbound_is_current(in, generation) && inbound_is_next(in, m)) {
                struct network_place place = {.stream = in->place.stream, .sequence = m->sequence};
                bool own = m->host && strcmp(m->host, in->own_host) == 0, acceptable = inbound_is_acceptable(m);
                bool done = own || !acceptable ||
                            (inbound_wait_for_room(in, generation) && inbound_enqueue(in, NETWORK_SAID, place, m));
                if (done)
                        in->place = place;
                else if (generation == in->generation)
                        inbound_lose_subscription(in);
                if (!own && !acceptable)
                        report_ignored(in->report);
        }
        pthread_mutex_unlock(&in->lock);
}

void inbound_heartbeat(struct inbound *in, uint64_t generation, uint64_t consumer_sequence)
{
        pthread_mutex_lock(&in->lock);
        if (inbound_is_current(in, generation) && consumer_sequence != in->consumer_sequence)
                inbound_lose_subscription(in);
        pthread_mutex_unlock(&in->lock);
}

void inbound_lose(struct inbound *in, uint64_t generation)
{
        pthread_mutex_lock(&in->lock);
        if (inbound_is_current(in, generation))
                inbound_lose_subscription(in);
        pthread_mutex_unlock(&in->lock);
}

static bool inbound_waits_already(const struct inbound *in, const char *host)
{
        for (const struct network_message *m = in->alive_count > 0 ? in->first : NULL; m; m = m->next)
                if (m->event == NETWORK_ALIVE && strcmp(m->host, host) == 0)
                        return true;
        return false;
}

void inbound_alive(struct inbound *in, const struct inbound_message *m)
{
        pthread_mutex_lock(&in->lock);
        if (!inbound_is_acceptable(m))
                report_ignored(in->report);
        else if (in->request > 0 && in->alive_count < INBOUND_ALIVE_MAX && !inbound_waits_already(in, m->host))
                inbound_enqueue(in, NETWORK_ALIVE, (struct network_place){0}, m);
        pthread_mutex_unlock(&in->lock);
}
