#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chat/clock.h>
#include <chat/safe-text.h>

/* The closure of a subscription to records. */
struct subscription {
        struct reader *reader;
        uint64_t generation;
};

void reader_init(struct reader *r, struct connection *c, struct inbound *in, struct resend *resend, struct twin *twin)
{
        *r = (struct reader){
                .connection = c, .inbound = in, .resend = resend, .config = c->config, .report = c->report};
        r->twin = twin;
        snprintf(r->said_prefix, sizeof(r->said_prefix), "chat.%s.said.", c->config->network);
        snprintf(r->alive_prefix, sizeof(r->alive_prefix), "chat.%s.alive.", c->config->network);
}

static struct inbound_message reader_take_apart(natsMsg *msg, const char *prefix)
{
        const char *subject = natsMsg_GetSubject(msg);
        struct inbound_message m = {
                .host = strncmp(subject, prefix, strlen(prefix)) == 0 ? subject + strlen(prefix) : NULL,
                .data = natsMsg_GetData(msg),
                .size = (size_t)natsMsg_GetDataLength(msg),
        };
        return m;
}

/* Reads the place of a message from its reply subject, which the consumer sets:
 * $JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.DELIVERIES.SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING[.RANDOM] */
static void reader_take_place(struct inbound_message *m, const char *reply)
{
        const char *tokens[16];
        size_t n = 0;
        if (!reply || strncmp(reply, "$JS.ACK.", 8) != 0)
                return;
        for (const char *at = reply; at && n < sizeof(tokens) / sizeof(tokens[0]); n++) {
                tokens[n] = at;
                at = strchr(at, '.');
                at += at != NULL;
        }
        size_t stream = n == 9 ? 2 : 4;
        if (n != 9 && n != 11 && n != 12)
                return;
        m->sequence = strtoull(tokens[stream + 3], NULL, 10);
        m->consumer_sequence = strtoull(tokens[stream + 4], NULL, 10);
}

/* Takes a message of the consumer itself: a heartbeat, which states its progress, or a request for flow control. Any
 * other status means that the consumer ends. */
static void reader_obey_consumer(natsConnection *nc, const struct subscription *s, natsMsg *msg, const char *status)
{
        const char *last = NULL, *stall_reply = NULL, *answer = natsMsg_GetReply(msg);
        if (strcmp(status, "100") != 0) {
                inbound_lose(s->reader->inbound, s->generation);
                return;
        }
        natsMsgHeader_Get(msg, "Nats-Last-Consumer", &last);
        natsMsgHeader_Get(msg, "Nats-Consumer-Stalled", &stall_reply);
        if (last)
                inbound_heartbeat(s->reader->inbound, s->generation, strtoull(last, NULL, 10));
        if (!answer)
                answer = stall_reply;
        if (answer)
                natsConnection_Publish(nc, answer, NULL, 0);
}

static void reader_on_stored(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
        const struct subscription *s = closure;
        const char *status = NULL;
        (void)sub;
        struct inbound_message m = reader_take_apart(msg, s->reader->said_prefix);
        /* A message with records is never taken as the consumer's own, whatever headers its sender set. */
        if (!m.host && m.size == 0 && natsMsgHeader_Get(msg, "Status", &status) == NATS_OK) {
                reader_obey_consumer(nc, s, msg, status);
        } else {
                reader_take_place(&m, natsMsg_GetReply(msg));
                inbound_said(s->reader->inbound, s->generation, &m);
        }
        natsMsg_Destroy(msg);
}

static void reader_on_said(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
        const struct subscription *s = closure;
        (void)nc;
        (void)sub;
        struct inbound_message m = reader_take_apart(msg, s->reader->said_prefix);
        inbound_said(s->reader->inbound, s->generation, &m);
        natsMsg_Destroy(msg);
}

static void reader_take_own_label(struct reader *r, const struct message *alive)
{
        enum twin_sign sign = twin_take(r->twin, alive, clock_ms());
        if (sign != TWIN_UNKNOWN)
                report_twin(r->report, sign == TWIN_OF_CLONE ? alive->instance : 0);
}

static void reader_on_alive(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
        struct reader *r = closure;
        struct message alive;
        (void)nc;
        (void)sub;
        struct inbound_message m = reader_take_apart(msg, r->alive_prefix);
        if (!m.host || strcmp(m.host, r->config->host) != 0)
                inbound_alive(r->inbound, &m);
        else if (message_decode(&alive, m.data, m.size) == 0 && alive.type == MESSAGE_ALIVE)
                reader_take_own_label(r, &alive);
        natsMsg_Destroy(msg);
}

/* Takes a question or an answer: the subject is chat.NETWORK.KIND.FROM.TO. */
static void reader_on_resend(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
        struct reader *r = closure;
        const char *to = strrchr(natsMsg_GetSubject(msg), '.'), *from = to;
        char host[HOST_MAX_BYTES + 1];
        (void)nc;
        (void)sub;
        while (from > natsMsg_GetSubject(msg) && from[-1] != '.')
                from--;
        size_t len = (size_t)(to - from);
        if (text_is_host(from, len) && len <= HOST_MAX_BYTES) {
                memcpy(host, from, len);
                host[len] = '\0';
                resend_take(r->resend, host, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
        } else {
                report_ignored(r->report);
        }
        natsMsg_Destroy(msg);
}

static void reader_on_said_complete(void *closure)
{
        struct subscription *s = closure;
        struct connection *c = s->reader->connection;
        free(s);
        connection_let_go(c);
}

static void reader_on_complete(void *closure)
{
        connection_let_go(((struct reader *)closure)->connection);
}

/* Subscribes; `closure` is held until `complete` is called with it. Returns NULL on failure: then `complete` has been
 * called. */
static natsSubscription *reader_subscribe_to(struct reader *r, const char *subject, natsMsgHandler handler,
                                             natsOnCompleteCB complete, void *closure)
{
        natsSubscription *sub = NULL;
        connection_hold(r->connection);
        if (natsConnection_Subscribe(&sub, r->connection->nc, subject, handler, closure) != NATS_OK) {
                complete(closure);
                return NULL;
        }
        natsSubscription_SetOnCompleteCB(sub, complete, closure);
        natsSubscription_SetPendingLimits(sub, READER_PENDING_MAX, READER_PENDING_MAX_BYTES);
        return sub;
}

bool reader_listen(struct reader *r)
{
        char subject[2 * STREAM_NAME_BYTES];
        snprintf(subject, sizeof(subject), "%s*", r->alive_prefix);
        r->alive = reader_subscribe_to(r, subject, reader_on_alive, reader_on_complete, r);
        snprintf(subject, sizeof(subject), "chat.%s.ask.*.%s", r->config->network, r->config->host);
        r->ask = reader_subscribe_to(r, subject, reader_on_resend, reader_on_complete, r);
        snprintf(subject, sizeof(subject), "chat.%s.again.*.%s", r->config->network, r->config->host);
        r->again = reader_subscribe_to(r, subject, reader_on_resend, reader_on_complete, r);
        return r->alive && r->ask && r->again;
}

static void reader_forget(natsSubscription **sub)
{
        natsSubscription_Destroy(*sub);
        *sub = NULL;
}

/* Subscribes to `subject` for the open generation. Returns false if it failed. */
static bool reader_subscribe_to_said(struct reader *r, const char *subject, natsMsgHandler handler, uint64_t generation)
{
        struct subscription *s = malloc(sizeof(*s));
        if (!s)
                return false;
        *s = (struct subscription){.reader = r, .generation = generation};
        r->said = reader_subscribe_to(r, subject, handler, reader_on_said_complete, s);
        return r->said != NULL;
}

static bool reader_subscribe_to_stream(struct reader *r, struct stream *s, uint64_t generation, uint64_t sequence)
{
        natsInbox *random = NULL;
        char inbox[CONNECTION_INBOX_BYTES + 64];
        if (natsInbox_Create(&random) != NATS_OK)
                return false;
        connection_inbox(r->config, inbox);
        strncat(inbox, strrchr(random, '.'), sizeof(inbox) - strlen(inbox) - 1);
        natsInbox_Destroy(random);
        return reader_subscribe_to_said(r, inbox, reader_on_stored, generation) && stream_consume(s, sequence, inbox);
}

/* Puts the present subscription aside, to be freed later. The read loop of libnats may still use a subscription that
 * was removed, and does not notice that it is freed (nats.c issue 637; Debian 12 has it). So it is freed once the
 * server's answer to a later request has come through the same loop. Such an answer comes before each call of
 * reader_subscribe(), unless the connection is another one. */
static void reader_retire(struct reader *r)
{
        reader_forget(&r->previous);
        if (!r->said)
                return;
        natsSubscription_Unsubscribe(r->said);
        r->previous = r->said;
        r->said = NULL;
}

bool reader_subscribe(struct reader *r, struct stream *s)
{
        struct network_place behind;
        bool done;
        inbound_close(r->inbound);
        reader_retire(r);
        uint64_t generation = inbound_open(r->inbound, s->identity, s->last, &behind);
        if (s->state == STREAM_NONE)
                done = reader_subscribe_to_said(r, s->said_subjects, reader_on_said, generation);
        else
                done = reader_subscribe_to_stream(r, s, generation, behind.sequence);
        if (!done)
                inbound_lose(r->inbound, generation);
        return done;
}

void reader_close(struct reader *r)
{
        reader_forget(&r->previous);
        reader_forget(&r->said);
        reader_forget(&r->alive);
        reader_forget(&r->ask);
        reader_forget(&r->again);
}
