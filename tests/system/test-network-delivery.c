/* Lines of one host reach the others through NATS, whatever happens to the servers. */
#include <signal.h>

#include <chat/clock.h>

#include "network-hosts.h"

static void test_without_jetstream(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        until_subscribed(a, b);
        assert_false(a->status.is_stored);
        assert_string_equal(a->status.server, server->url);
        assert_string_equal(a->status.problem, "");
        assert_true(a->place.stream == 0 && a->place.sequence == 0);
        say(a, 1000);
        say(b, 500);
        UNTIL(has_all(b, a) && has_all(a, b));
        UNTIL(heard_of(b, "a")->position == 1000);
        assert_int_equal(heard_of(b, "a")->members, 3);
        assert_int_equal(a->begins, 1);
}

static void test_jetstream(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b) && a->status.is_stored && b->status.is_stored);
        say(a, 1000);
        say(b, 500);
        UNTIL(has_all(b, a) && has_all(a, b));
        assert_true(b->place.stream != 0 && b->place.sequence > 100);

        /* a host that was away gets what was said in that time, and only that */
        host_halt(b);
        say(a, 1000);
        say(b, 20);
        UNTIL(spool_waiting(a->spool) == 0);
        host_run(b);
        UNTIL(has_all(b, a) && has_all(a, b));
        assert_int_equal(b->begins, 2);
}

static void test_a_cluster_loses_servers(void **state)
{
        (void)state;
        struct nats *servers[3];
        nats_prepare_cluster(servers, 3);
        for (int i = 0; i < 3; i++)
                nats_run(servers[i]);
        struct host *a = host_start("a", servers, 3), *b = host_start("b", servers, 3),
                    *c = host_start("c", servers, 3);
        a->lossy = b->lossy = c->lossy = true;
        UNTIL(reads(a) && reads(b) && reads(c) && a->status.is_stored && b->status.is_stored && c->status.is_stored);
        /* The hosts made the stream at the same time: one may have begun with one that was replaced since. */
        for (int i = 0; i < 3; i++) {
                host_halt(hosts[i]);
                host_run(hosts[i]);
        }
        UNTIL(reads(a) && reads(b) && reads(c));
        UNTIL(a->place.stream == b->place.stream && b->place.stream == c->place.stream);
        unsigned begins[] = {a->begins, b->begins, c->begins};
        for (int round = 0; round < 3; round++) {
                struct nats *victim = servers[round % 3];
                for (int i = 0; i < 20; i++) {
                        say(a, 10);
                        say(b, 5);
                        fetch();
                }
                if (round == 1)
                        host_halt(c);
                nats_signal(victim, SIGKILL);
                say(a, 100);
                UNTIL(spool_waiting(a->spool) == 0 && spool_waiting(b->spool) == 0);
                nats_run(victim);
                say(a, 100);
                if (round == 1)
                        host_run(c);
                int64_t say_more_ms = clock_ms() + SAY_MORE_MS;
                UNTIL(all_have_all(a, b, c, &say_more_ms));
        }
        /* it is the same stream */
        assert_int_equal(a->begins, begins[0]);
        assert_int_equal(b->begins, begins[1]);
        assert_int_equal(c->begins, begins[2] + 1);
}

static void test_a_server_is_killed(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        UNTIL(has_all(b, a));
        for (int i = 0; i < 5; i++) {
                say(a, 500);
                fetch();
                nats_signal(server, SIGKILL);
                say(a, 10);
                UNTIL(!a->status.is_connected && !b->status.is_connected);
                UNTIL(strstr(a->status.problem, "Servers="));
                nats_run(server);
                UNTIL(has_all(b, a));
        }
        UNTIL(!*a->status.problem && !*b->status.problem);
        assert_int_equal(b->begins, 1); /* it is the same stream */
}

static void test_a_server_that_hangs(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        nats_signal(server, SIGSTOP);
        say(a, 100);
        host_halt(b);
        UNTIL(!a->status.is_connected);
        UNTIL(strstr(a->status.problem, "does not answer"));
        host_run(b);
        nats_signal(server, SIGCONT);
        UNTIL(has_all(b, a));
}

static void test_alive_while_jetstream_is_not(void **state)
{
        (void)state;
        struct nats *servers[3];
        nats_prepare_cluster(servers, 3);
        for (int i = 0; i < 3; i++)
                nats_run(servers[i]);
        struct host *a = host_start("a", servers, 1), *b = host_start("b", servers, 1);
        a->lossy = b->lossy = true;
        UNTIL(reads(a) && reads(b) && a->status.is_stored && b->status.is_stored);
        nats_signal(servers[1], SIGKILL);
        nats_signal(servers[2], SIGKILL);
        say(a, 100);
        UNTIL(a->status.is_stuck); /* b is stuck only if its consumer was on another server */
        struct heard *heard = heard_of(b, "a");
        *heard = (struct heard){.host = "a", .next = heard->next, .begun = heard->begun};
        UNTIL(heard->alive >= 12 && a->status.is_stuck);
        assert_in_range(heard->gap_ms, 0, 3000);
        assert_true(a->status.is_connected && a->status.is_stored);
        assert_non_null(strstr(a->status.problem, "JetStream"));
        nats_run(servers[1]);
        nats_run(servers[2]);
        UNTIL(has_all(b, a) && !a->status.is_stuck && !b->status.is_stuck);
        assert_string_equal(a->status.problem, "");
}

static void test_another_stream(void **state)
{
        (void)state;
        jsCtx *js;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        UNTIL(has_all(b, a));
        struct network_place old = b->place;
        natsConnection *nc = connect_to(server, &js);
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        UNTIL(a->begins == 2 && b->begins == 2 && reads(a) && reads(b));
        assert_true(b->place.stream != old.stream && b->place.sequence == 0);
        say(a, 100);
        UNTIL(has_all(b, a));
        host_halt(b);
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        say(a, 100);
        UNTIL(spool_waiting(a->spool) == 0); /* into another stream again */
        b->gaps = true;                      /* it may miss what is said from now on, so not this */
        host_run(b);
        UNTIL(b->begins == 3 && reads(b));
        say(a, 1);
        UNTIL(has_all(b, a));
        disconnect(nc, js);
}

/* Returns true if JetStream refuses because the leader changes. Any other problem must be stated in words, too. */
static bool lacks_a_leader(const struct host *h)
{
        assert_null(strstr(h->status.problem, "says:  ("));
        return strstr(h->status.problem, "JetStream says: its servers are just choosing another leader") != NULL;
}

static void test_the_leader_steps_down(void **state)
{
        (void)state;
        struct nats *servers[3];
        nats_prepare_cluster(servers, 3);
        for (int i = 0; i < 3; i++)
                nats_run(servers[i]);
        struct host *a = host_start("a", servers, 3), *b = host_start("b", servers, 3);
        a->lossy = b->lossy = true;
        UNTIL(reads(a) && reads(b) && a->status.is_stored && b->status.is_stored);
        natsConnection *nc = connect_to(servers[0], NULL);
        bool lacked = false;
        for (int round = 0; round < 3 || (round < 100 && !lacked); round++) {
                natsMsg *answer = NULL;
                natsConnection_RequestString(&answer, nc, "$JS.API.STREAM.LEADER.STEPDOWN.chat-net", "", 5000);
                natsMsg_Destroy(answer);
                for (int i = 0; i < 20; i++) {
                        say(a, 10);
                        say(b, 5);
                        fetch();
                }
                UNTIL((lacked |= lacks_a_leader(a) || lacks_a_leader(b), has_all(b, a) && has_all(a, b)));
        }
        assert_true(lacked);
        UNTIL(!*a->status.problem && !*b->status.problem);
        disconnect(nc, NULL);
}

static void test_a_consumer_is_lost(void **state)
{
        (void)state;
        jsCtx *js;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        natsConnection *nc = connect_to(server, &js);
        host_halt(a);
        host_run(a);
        for (int i = 0; i < 2; i++) { /* the consumers of a and b, and an earlier one of a */
                say(a, 100);
                js_DeleteConsumer(js, "chat-net", any_consumer(js, NULL, 0), NULL, NULL);
                say(a, 100);
        }
        js_DeleteConsumer(js, "chat-net", any_consumer(js, NULL, 0), NULL, NULL);
        say(a, 100);
        say(b, 100);
        UNTIL(has_all(b, a) && has_all(a, b));
        assert_int_equal(b->begins, 1);
        disconnect(nc, js);
}

static void test_a_host_that_does_not_fetch(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        a->spool->padding = 3000;
        a->spool->chunk_max = 20;
        say(a, 10000); /* the server sends more and more ahead */
        UNTIL(has_all(b, a));
        b->deaf = true;
        say(a, 10000);
        UNTIL(spool_waiting(a->spool) == 0);
        b->deaf = false;
        UNTIL(has_all(b, a));
        b->deaf = true;
        say(a, 2000);
        UNTIL(spool_waiting(a->spool) == 0);
        host_halt(b);
        b->deaf = false;
        host_run(b);
        UNTIL(has_all(b, a));
        assert_int_equal(b->begins, 2);
}

static void test_reading_again(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        for (unsigned i = 0; i < 50; i++) {
                say(a, 300);
                UNTIL(heard_of(b, "a")->next > i * 300);
                network_read(b->network, b->place);
                UNTIL(b->begins > i + 1);
        }
        UNTIL(has_all(b, a));
        assert_int_equal(b->begins, 51);
        network_read(b->network, (struct network_place){0}); /* from now on */
        UNTIL(b->begins == 52);
        say(a, 10);
        UNTIL(has_all(b, a));

        /* "now" is the time of network_read(), not that of the connection */
        struct host *c = host_make("c");
        host_add_server(c, server->url);
        c->network = network_start(&c->config, c->spool, c->wake);
        UNTIL(c->status.is_stored);
        say(a, 10);
        UNTIL(has_all(b, a));
        network_read(c->network, c->place);
        UNTIL(c->begins == 1);
        assert_true(c->place.sequence == b->place.sequence);
}

static void test_two_hosts_of_one_name(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("a", &server, 1),
                    *c = host_start("c", &server, 1);
        UNTIL(a->status.twin > 0 && b->status.twin > 0 && heard_of(a, "c")->alive > 0);
        assert_int_equal(c->status.twin, 0);
        assert_true(a->status.clone == 0 && b->status.clone == 0);
        /* both are asked for the missing records, and the host that has them answers */
        a->spool->appended = 70;
        b->spool->appended = 50;
        for (int i = 0; i < 10; i++) {
                assert_int_equal(ask_in_vain_or_not(c, a, a->spool->instance, 40, 40), 30);
                assert_int_equal(ask_in_vain_or_not(c, b, b->spool->instance, 40, 40), 10);
        }
}

/* A clone of a running machine has the instance of the original. */
static void test_a_cloned_machine(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *clone = host_make("a"), *c = host_start("c", &server, 1);
        host_add_server(clone, server->url);
        clone->spool->instance = a->spool->instance;
        host_run(clone);
        UNTIL(a->status.twin > 0 && clone->status.twin > 0);
        assert_true(a->status.clone == a->spool->instance && clone->status.clone == a->spool->instance);
        assert_int_equal(c->status.twin, 0);
        a->spool->before = (struct spool_progress){.instance = a->spool->instance, .records = 12};
        a->spool->instance = 0x2000;
        UNTIL(a->status.clone == 0 && clone->status.clone == 0 && heard_of(c, "a")->before_instance != 0);
        assert_true(heard_of(c, "a")->before_instance == clone->spool->instance);
        assert_int_equal(heard_of(c, "a")->before_position, 12);
        /* a host that is killed and started again, or connects again, is not its own twin */
        host_halt(clone);
        host_halt(a);
        uint64_t heard = heard_of(c, "a")->alive;
        for (int i = 0; i < 3; i++) {
                host_run(a);
                UNTIL(heard_of(c, "a")->alive > heard);
                assert_int_equal(a->status.twin, 0);
                heard = heard_of(c, "a")->alive;
                host_halt(a);
        }
}

static void test_what_was_stored_is_not_sent_again(void **state)
{
        (void)state;
        jsCtx *js;
        jsStreamConfig config;
        jsStreamInfo *info = NULL;
        jsPubAck *ack = NULL;
        jsPubOptions options;
        struct nats *server = nats_start(true, "");
        natsConnection *nc = connect_to(server, &js);
        /* a stream that does not recognise repeated messages */
        jsStreamConfig_Init(&config);
        config.Name = "chat-net";
        config.Subjects = (const char *[]){"chat.net.said.*"};
        config.SubjectsLen = 1;
        config.Duplicates = 100 * 1000000;
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        say(a, 5);
        UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0);
        host_halt(a);

        jsPubOptions_Init(&options); /* until JetStream has forgotten */
        options.MsgId = "marker";
        for (bool again = false, forgotten = false; !forgotten; again = true) {
                assert_int_equal(js_Publish(&ack, js, "chat.net.said.c", "", 0, &options, NULL), NATS_OK);
                forgotten = again && !ack->Duplicate;
                jsPubAck_Destroy(ack);
        }
        a->spool->released = 0; /* it died before it noted that */
        a->spool->chunk = 5;
        say(a, 5);
        host_run(a);
        UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0);
        assert_int_equal(js_GetStreamInfo(&info, js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(info->State.Msgs, 2 + 2); /* those of a, and the markers */
        jsStreamInfo_Destroy(info);
        disconnect(nc, js);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                NETWORK_TEST(test_without_jetstream),       NETWORK_TEST(test_jetstream),
                NETWORK_TEST(test_a_cluster_loses_servers), NETWORK_TEST(test_a_server_is_killed),
                NETWORK_TEST(test_a_server_that_hangs),     NETWORK_TEST(test_alive_while_jetstream_is_not),
                NETWORK_TEST(test_another_stream),          NETWORK_TEST(test_the_leader_steps_down),
                NETWORK_TEST(test_a_consumer_is_lost),      NETWORK_TEST(test_a_host_that_does_not_fetch),
                NETWORK_TEST(test_reading_again),           NETWORK_TEST(test_two_hosts_of_one_name),
                NETWORK_TEST(test_a_cloned_machine),        NETWORK_TEST(test_what_was_stored_is_not_sent_again),
        };
        return RUN_NETWORK_TESTS(tests);
}
