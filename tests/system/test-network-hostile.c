/* Messages on NATS that no chat-link sent, and messages that come too fast: the link takes valid ones, and nothing
 * else. */
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chat/clock.h>

#include "../../chat-link/gap.h"
#include "../../chat-link/inbound.h"

#include "network-hosts.h"

static void publish(natsConnection *nc, const char *subject, const char *reply, const void *data, int size)
{
        assert_int_equal(natsConnection_PublishRequest(nc, subject, reply ? reply : "", data, size),
                         reply ? NATS_OK : NATS_INVALID_ARG);
        if (!reply)
                assert_int_equal(natsConnection_Publish(nc, subject, data, size), NATS_OK);
}

static void test_hostile_messages(void **state)
{
        (void)state;
        jsCtx *js;
        char inbox[128], huge[200000] = "";
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        say(a, 10);
        UNTIL(has_all(b, a));
        uint64_t before = b->status.ignored_count;
        static const char *const kinds[] = {"said", "alive"};
        static const char *const labels[] = {"UPPER", "-x", "x-", "a_b", "\xc3\xa4", "0123456789012345678901234"};
        for (size_t k = 0; k < 2; k++) {
                char subject[128];
                for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
                        snprintf(subject, sizeof(subject), "chat.net.%s.%s", kinds[k], labels[i]);
                        publish(nc, subject, NULL, "x", 1);
                }
                snprintf(subject, sizeof(subject), "chat.net.%s.x", kinds[k]);
                publish(nc, subject, NULL, huge, sizeof(huge));
                snprintf(subject, sizeof(subject), "chat.net.%s.garbage", kinds[k]);
                publish(nc, subject, NULL, "x", 1);
                publish(nc, subject, NULL, "", 0);
                snprintf(subject, sizeof(subject), "chat.net.%s.b", kinds[k]);
                publish(nc, subject, NULL, "x", 1);
        }
        UNTIL(b->garbage >= 3 && a->garbage >= 5);
        UNTIL(b->status.ignored_count == before + 14);

        /* messages to the consumer's own inbox */
        any_consumer(js, inbox, sizeof(inbox));
        publish(nc, inbox, NULL, "x", 1);
        say(a, 10);
        UNTIL(has_all(b, a));
        static const char *const replies[] = {"$JS.ACK", "$JS.ACK.chat-net.x.1.1.1.1.1",
                                              "$JS.ACK.chat-net.x.1.99999999999999999999999.2.1.1", "$JS.ACK.......",
                                              "$JS.ACK.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18"};
        for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
                any_consumer(js, inbox, sizeof(inbox));
                publish(nc, inbox, replies[i], "x", 1);
                say(a, 10);
                UNTIL(has_all(b, a));
        }
        say(b, 10);
        UNTIL(has_all(a, b));
        assert_int_equal(b->begins, 1);
        assert_in_range(a->garbage, 5, 6); /* one of two ALIVE messages may be dropped for the other */
        assert_in_range(b->garbage, 3, 4);
        a->garbage_expected = a->garbage;
        b->garbage_expected = b->garbage;
        disconnect(nc, js);
}

static void test_what_was_lost_is_said_again(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 1000);
        a->spool->padding = 3000;
        a->spool->kept_from = 20;
        uint64_t instance = a->spool->instance;
        uint64_t count = ask_in_vain_or_not(b, a, instance, 10, 20);
        assert_in_range(count, 15, 22); /* as many as fit into a message */
        assert_int_equal(ask_in_vain_or_not(b, a, instance, 998, 998), 2);
        assert_int_equal(ask_in_vain_or_not(b, a, instance, 1000, UINT64_MAX), 0);
        assert_int_equal(ask_in_vain_or_not(a, b, b->spool->instance, 0, UINT64_MAX), 0);
}

static void test_hostile_questions_and_answers(void **state)
{
        (void)state;
        jsCtx *js;
        static uint8_t data[MESSAGE_MAX_BYTES + 1];
        char subject[128];
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        static const char *const subjects[] = {"chat.net.ask.EVIL.a", "chat.net.again._.a", "chat.net.ask.evil.a",
                                               "chat.net.again.evil.a"};
        for (size_t i = 0; i < 4; i++) {
                publish(nc, subjects[i], NULL, "", 0);
                publish(nc, subjects[i], NULL, "x", 1);
                publish(nc, subjects[i], NULL, data, sizeof(data));
        }
        UNTIL(a->status.ignored_count == 12);
        /* more questions, from more hosts, than can wait, and answers without a question */
        struct message m = {.type = MESSAGE_ASK, .instance = a->spool->instance};
        say(a, 100);
        for (int i = 0; i < 3000; i++) {
                m.type = i % 2 ? MESSAGE_ASK : MESSAGE_AGAIN;
                snprintf(subject, sizeof(subject), "chat.net.%s.h%d.a", i % 2 ? "ask" : "again", i % 300);
                publish(nc, subject, NULL, data, (int)message_encode(data, sizeof(data), &m));
        }
        UNTIL(has_all(b, a));
        assert_int_equal(ask_in_vain_or_not(b, a, a->spool->instance, 10, 10), 90);
        assert_null(network_answer(a->network));
        say(b, 100);
        UNTIL(has_all(a, b));
        disconnect(nc, js);
}

/* A message that looks like one of the consumer's own is an ordinary message if a host sent it: it does not hide the
 * messages behind it. */
static void test_messages_with_headers(void **state)
{
        (void)state;
        jsCtx *js;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        static const char *const headers[][2] = {
                {"Status", "100"}, {"Status", "503"}, {"Nats-Last-Consumer", "99"}, {"Nats-Consumer-Stalled", "x"}};
        for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
                natsMsg *msg = NULL;
                assert_int_equal(natsMsg_Create(&msg, "chat.net.said.evil", NULL, NULL, 0), NATS_OK);
                assert_int_equal(natsMsgHeader_Set(msg, "Status", "100"), NATS_OK);
                assert_int_equal(natsMsgHeader_Set(msg, headers[i][0], headers[i][1]), NATS_OK);
                assert_int_equal(natsConnection_PublishMsg(nc, msg), NATS_OK);
                natsMsg_Destroy(msg);
        }
        a->garbage_expected = b->garbage_expected = 4;
        UNTIL(a->garbage == 4 && b->garbage == 4);
        say(a, 10);
        UNTIL(has_all(b, a));
        assert_int_equal(b->begins, 1);
        disconnect(nc, js);
}

/* The identities of messages are public, and a server takes two messages with one identity for one: yet no host can be
 * silenced. */
static void test_nobody_is_silenced(void **state)
{
        (void)state;
        jsCtx *js;
        jsPubOptions options;
        char id[64];
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        jsPubOptions_Init(&options);
        options.MsgId = id;
        for (int i = 0; i < 200; i++) {
                snprintf(id, sizeof(id), "%016llx-0-%d", (unsigned long long)spool_instance(a->spool), i);
                assert_int_equal(js_Publish(NULL, js, "chat.net.said.c", "", 0, &options, NULL), NATS_OK);
        }
        say(a, 1);
        UNTIL(has_all(b, a));
        disconnect(nc, js);
}

/* The queue alone, open to a consumer of a stream that has 10 messages. */
struct queue {
        struct report report;
        struct inbound in;
        int work;
        uint64_t generation;
};

static void queue_open(struct queue *q, uint64_t created, uint64_t last, uint64_t expected_behind)
{
        struct network_place behind;
        q->generation = inbound_open(&q->in, created, last, &behind);
        assert_true(behind.stream == created && behind.sequence == expected_behind);
        assert_false(inbound_needs_subscription(&q->in, clock_ms()));
}

static void queue_make(struct queue *q)
{
        q->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        report_init(&q->report, -1);
        inbound_init(&q->in, &q->report, "a", q->work);
        assert_false(inbound_needs_subscription(&q->in, clock_ms()));
        inbound_ask(&q->in, (struct network_place){0});
        assert_true(inbound_needs_subscription(&q->in, clock_ms()));
        queue_open(q, 5, 10, 10);
}

static void queue_free(struct queue *q)
{
        inbound_destroy(&q->in);
        report_destroy(&q->report);
        close(q->work);
}

static void queue_put(struct queue *q, const char *host, uint64_t sequence, uint64_t consumer_sequence)
{
        struct inbound_message m = {
                .host = host, .data = "", .sequence = sequence, .consumer_sequence = consumer_sequence};
        inbound_said(&q->in, q->generation, &m);
}

static void queue_expect(struct queue *q, enum network_event event, uint64_t sequence)
{
        struct network_message *m = inbound_next(&q->in);
        assert_non_null(m);
        assert_int_equal(m->event, event);
        assert_int_equal(m->place.sequence, sequence);
        free(m);
}

static void test_only_what_follows_is_taken(void **state)
{
        (void)state;
        struct queue q;
        queue_make(&q);
        queue_expect(&q, NETWORK_BEGIN, 10);
        queue_put(&q, "b", 11, 1);
        queue_put(&q, "a", 12, 2); /* our own message */
        queue_put(&q, "b", 13, 3);
        inbound_heartbeat(&q.in, q.generation, 3);
        assert_false(inbound_needs_subscription(&q.in, clock_ms()));
        assert_true(inbound_needs_subscription(&q.in, clock_ms() + INBOUND_SILENCE_MS + 1));
        queue_put(&q, "b", 15, 5); /* one is missing */
        queue_put(&q, "b", 14, 4);
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        queue_expect(&q, NETWORK_SAID, 11);
        queue_expect(&q, NETWORK_SAID, 13);
        assert_null(inbound_next(&q.in));

        uint64_t old = q.generation;
        queue_open(&q, 5, 20, 13);
        queue_put(&q, "b", 13, 1); /* this one came already */
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        queue_open(&q, 5, 20, 13);
        queue_put(&q, NULL, 19, 1); /* not from the consumer */
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        queue_open(&q, 5, 20, 13);
        inbound_lose(&q.in, old);
        inbound_said(&q.in, old, &(struct inbound_message){.host = "b", .sequence = 14, .consumer_sequence = 1});
        assert_false(inbound_needs_subscription(&q.in, clock_ms()));
        inbound_heartbeat(&q.in, q.generation, 1); /* there was one */
        assert_true(inbound_needs_subscription(&q.in, clock_ms()));
        assert_null(inbound_next(&q.in));

        queue_open(&q, 6, 20, 20); /* another stream, with as many messages */
        queue_put(&q, "b", 21, 1);
        queue_expect(&q, NETWORK_BEGIN, 20);
        inbound_ask(&q.in, (struct network_place){.stream = 6, .sequence = 3}); /* what waits is dropped */
        queue_open(&q, 6, 20, 3);
        queue_expect(&q, NETWORK_BEGIN, 3);
        assert_null(inbound_next(&q.in));
        inbound_ask(&q.in, (struct network_place){.stream = 6, .sequence = 30}); /* beyond its end */
        queue_open(&q, 6, 20, 20);
        queue_expect(&q, NETWORK_BEGIN, 20);
        queue_free(&q);
}

static void *put_many(void *user)
{
        struct queue *q = user;
        for (uint64_t i = 1; i <= NETWORK_QUEUE_MAX + 1; i++)
                queue_put(q, "b", 10 + i, i);
        return NULL;
}

static void test_a_full_queue_blocks(void **state)
{
        (void)state;
        struct queue q;
        pthread_t thread;
        bool blocked = false;
        queue_make(&q);
        queue_expect(&q, NETWORK_BEGIN, 10);
        assert_int_equal(pthread_create(&thread, NULL, put_many, &q), 0);
        for (int64_t deadline = clock_ms() + DEADLINE_MS; !blocked; assert_true(clock_ms() < deadline)) {
                pthread_mutex_lock(&q.in.lock);
                blocked = q.in.is_blocked;
                assert_in_range(q.in.said_count, 0, NETWORK_QUEUE_MAX);
                pthread_mutex_unlock(&q.in.lock);
        }
        assert_false(inbound_needs_subscription(&q.in, clock_ms() + 10 * INBOUND_SILENCE_MS));
        queue_expect(&q, NETWORK_SAID, 11);
        pthread_join(thread, NULL);
        for (uint64_t i = 2; i <= NETWORK_QUEUE_MAX + 1; i++)
                queue_expect(&q, NETWORK_SAID, 10 + i);
        queue_free(&q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                NETWORK_TEST(test_hostile_messages),
                NETWORK_TEST(test_what_was_lost_is_said_again),
                NETWORK_TEST(test_hostile_questions_and_answers),
                NETWORK_TEST(test_messages_with_headers),
                NETWORK_TEST(test_nobody_is_silenced),
                NETWORK_TEST(test_only_what_follows_is_taken),
                NETWORK_TEST(test_a_full_queue_blocks),
        };
        return RUN_NETWORK_TESTS(tests);
}
