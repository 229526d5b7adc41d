/* Records that did not come: the link gets them from the host that said them, or tells how many are missing. */
#include "link-fixture.h"

static void test_what_is_missing_is_told_before_what_follows(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 2;
        say_there(f, 0, 1);
        publish(f, "b", 1, 4, 2, &(struct record){.kind = RECORD_MISSED, .number = 7});
        publish(f, "b", 1, 6, 1, &(struct record){.kind = RECORD_MISSED, .number = 1});
        publish(f, "c", 1, 0, 1, &(struct record){.kind = RECORD_MISSED, .number = MISSED_UNKNOWN});
        assert_seen(f, "eve@b 0, * 2 lines from b are missing, eve@b 3, * 7 lines from b are missing, eve@b 5, "
                       "* 1 line from b is missing, * lines from c are missing");
}

static void test_what_is_missing_is_had_from_who_said_it(void **state)
{
        struct fixture *f = *state;
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 7; /* more than is repeated at once */
        say_there(f, 1, 1);
        say_there(f, 0, 2);
        assert_seen(f, "eve@b 0, eve@c 0, eve@b 1, eve@b 2, eve@b 3, eve@b 4, eve@b 5, eve@b 6, eve@b 7, eve@b 8, "
                       "eve@b 9");
        assert_int_equal(f->network->asked, 3);
        now_ms += LINK_STATUS_MS;
        work(f);
        assert_string_equal(last_logged(f), "MESSAGE=lines that NATS lost and other hosts sent again: 7");
        restart(f);
        assert_seen(f, "");
}

static void test_what_nobody_has_any_more(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 3;
        f->kept_from = 3;
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, * 2 lines from b are missing, eve@b 3, eve@b 4");
        f->kept_from = 0;
        restart(f);
        assert_seen(f, "");
}

static void test_more_is_missing_than_can_be_had(void **state)
{
        struct fixture *f = *state;
        enum { NUMBERS = 1 << 14, RECORDS_MAX = MESSAGE_MAX_BYTES / RECORD_HEADER_BYTES };
        char expected[64];
        f->kept_from = 0;
        f->again_max = 100;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += NUMBERS;
        say_there(f, 0, 1);
        work(f);
        serve(f);
        snprintf(expected, sizeof(expected), "eve@b 0, * %d lines from b are missing, eve@b %d,", RECORDS_MAX + 3,
                 RECORDS_MAX + 4);
        for (int i = 0; i < 200; i++) {
                work(f);
                serve(f);
        }
        assert_memory_equal(f->words, expected, strlen(expected));
        snprintf(expected, sizeof(expected), "eve@b %d, eve@b %d", NUMBERS, NUMBERS + 1);
        assert_string_equal(f->words + f->len - strlen(expected), expected);
}

/* Lets time pass until the link has asked all its questions. */
static void ask_in_vain(struct fixture *f)
{
        unsigned asked;
        do {
                asked = f->network->asked;
                now_ms += GAP_ASK_MS;
                settle(f);
        } while (f->network->asked > asked);
}

static void test_who_said_it_does_not_answer(void **state)
{
        struct fixture *f = *state;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0");
        for (int i = 0; i < HOSTS_CREDIT_MS / 1000; i++) { /* in vain, several times */
                f->positions[0] += 2;
                say_there(f, 0, 1);
                ask_in_vain(f);
        }
        f->words[0] = '\0';
        f->len = 0;
        unsigned asked = f->network->asked;
        f->positions[0] += 2;
        say_there(f, 0, 1);
        /* the link does not wait for this host again so soon */
        assert_seen(f, "* 2 lines from b are missing, eve@b 33");
        assert_int_equal(f->network->asked, asked);
        f->deaf = 0;
        f->kept_from = 0;
        f->positions[1] += 1;
        say_there(f, 1, 1);
        f->positions[1] += 1;
        say_there(f, 1, 1);
        assert_seen(f, "eve@c 1, eve@c 2, eve@c 3"); /* it does wait for others */
        now_ms += HOSTS_CREDIT_MS * HOSTS_CREDIT_SHARE / 2;
        f->positions[0] += 1;
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 34, eve@b 35");
}

/* The link or chatd does not run for a while. This time does not count as waiting for an answer. */
static void test_time_that_passes_is_no_answer(void **state)
{
        struct fixture *f = *state;
        uint8_t frame[FRAME_HEADER_BYTES];
        size_t size = frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        settle(f);
        f->deaf = 1;
        f->positions[0] += 7;
        say_there(f, 0, 1);
        settle(f);
        now_ms += GAP_OPEN_MAX_MS - 1000;
        assert_seen(f, "eve@b 0");
        f->deaf = 0;
        now_ms += GAP_ASK_MS;
        while (sendto(f->link->inject.socket, frame, size, MSG_DONTWAIT, NULL, 0) > 0)
                ; /* chatd's queue is full */
        for (int i = 0; i < 8; i++)
                work(f);
        now_ms += 2 * GAP_OPEN_MAX_MS;
        work(f);
        assert_seen(f, "eve@b 1, eve@b 2, eve@b 3, eve@b 4, eve@b 5, eve@b 6, eve@b 7, eve@b 8");
}

static void put_answer(struct fixture *f, const char *host, const struct message *m, const char *records, size_t size);

/* A host answers just in time, and without records. It cannot keep all others waiting for ever. */
static void test_answers_without_records(void **state)
{
        struct fixture *f = *state;
        int64_t begin, waited = 0;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        settle(f);
        begin = now_ms;
        for (int i = 0; i < 40; i++) {
                int64_t opened = now_ms;
                f->positions[0] += 10;
                say_there(f, 0, 1);
                for (settle(f); f->link->message; settle(f)) {
                        struct message late = {.type = MESSAGE_AGAIN,
                                               .instance = 1,
                                               .question_position = f->link->gap.question_position};
                        late.position = late.question_position + 1;
                        now_ms += GAP_ASK_MS - 1;
                        put_answer(f, "b", &late, "", 0);
                }
                waited += now_ms - opened;
                now_ms += 1000;
        }
        assert_in_range(waited, 0, (now_ms - begin) / 2);
        f->words[0] = '\0';
        f->len = 0;
}

/* Loses the second line, and the question for it. */
static void lose_one_and_ask(struct fixture *f)
{
        f->kept_from = 0;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 1;
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0");
}

static void test_a_question_is_lost(void **state)
{
        struct fixture *f = *state;
        lose_one_and_ask(f);
        f->deaf = 0;
        now_ms += GAP_ASK_MS;
        assert_seen(f, "eve@b 1, eve@b 2");
}

static void test_nobody_is_asked_without_a_connection(void **state)
{
        struct fixture *f = *state;
        lose_one_and_ask(f);
        f->network->disconnected = true;
        settle(f);
        for (int i = 0; i < 2 * GAP_QUESTIONS_MAX; i++) {
                now_ms += GAP_ASK_MS;
                settle(f);
        }
        now_ms += 2 * GAP_OPEN_MAX_MS;
        assert_seen(f, "");
        f->network->disconnected = false;
        f->deaf = 0;
        settle(f);
        now_ms += GAP_ASK_MS;
        assert_seen(f, "eve@b 1, eve@b 2");
}

static void put_answer(struct fixture *f, const char *host, const struct message *m, const char *records, size_t size)
{
        uint8_t data[256];
        size_t header = message_encode(data, sizeof(data), m);
        memcpy(data + header, records, size);
        free(network_answer(f->network));
        f->network->answer = network_make(f->network, NETWORK_AGAIN, host, data, header + size);
}

static void test_bad_answers(void **state)
{
        struct fixture *f = *state;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 1;
        say_there(f, 0, 1);
        settle(f);
        const struct message nothing = {
                .type = MESSAGE_AGAIN, .instance = 1, .position = UINT64_MAX, .question_position = 1};
        put_answer(f, "c", &nothing, "", 0);
        settle(f);
        struct message bad = nothing;
        bad.instance = 2;
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad = nothing;
        bad.type = MESSAGE_SAID;
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad = nothing;
        bad.question_position = 2; /* an answer to an earlier question */
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad = nothing;
        bad.position = 0;
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad.position = 1;
        put_answer(f, "b", &bad, "junk", 4);
        assert_seen(f, "eve@b 0");
        put_answer(f, "b", &nothing, "", 0);
        assert_seen(f, "* 1 line from b is missing, eve@b 2");
}

static void test_the_last_is_lost(void **state)
{
        struct fixture *f = *state;
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 2;
        for (int i = 0; i < 20; i++) {
                now_ms += ALIVE_INTERVAL_MS;
                alive(f, "b", 1);
                settle(f);
        }
        assert_seen(f, "eve@b 0, * b is here, with 1 person");
        assert_in_range(f->network->anew, 2, 3); /* the stream has it, and is read anew, less and less often */
        assert_int_equal(f->network->asked, 0);
        now_ms += LINK_LACK_LOST_MS;
        alive(f, "b", 1);
        assert_seen(f, "eve@b 1, eve@b 2");
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 3");
        restart(f);
        assert_seen(f, "");
}

static void test_the_last_is_lost_without_jetstream(void **state)
{
        struct fixture *f = *state;
        f->network->stream = 0;
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 2;
        alive(f, "b", 1);
        assert_seen(f, "eve@b 0, * b is here, with 1 person");
        assert_int_equal(f->network->asked, 0); /* it may be on its way */
        now_ms += LINK_LACK_MS;
        alive(f, "b", 1);
        assert_seen(f, "eve@b 1, eve@b 2");
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 3");
}

static void test_without_jetstream_nothing_seems_to_be_missing(void **state)
{
        struct fixture *f = *state;
        f->network->stream = 0;
        settle(f);
        say_there(f, 0, 1);
        publish(f, "b", 1, 1, 1, &(struct record){.kind = RECORD_MISSED, .number = 7});
        publish(f, "b", 1, 2, 1, &(struct record){.kind = 99});
        f->positions[0] = 3;
        say_there(f, 0, 2);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, * 7 lines from b are missing, eve@b 3, eve@b 4, eve@b 5");
        publish(f, "b", 1, 6, 1, &(struct record){.kind = 99});
        settle(f);
        restart(f);
        settle(f);
        f->positions[0] = 7;
        say_there(f, 0, 1);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 7, eve@b 8");
}

/* A host was restarted twice. The link asks for the last lines before each restart, which NATS lost. */
static void test_the_last_before_a_boot_is_lost(void **state)
{
        struct fixture *f = *state;
        uint8_t data[128];
        const struct message m = {.type = MESSAGE_ALIVE,
                                  .instance = 3,
                                  .position = 1,
                                  .members = 1,
                                  .branches = {{.instance = 2, .position = 2}, {1, 3}, {9, 100}},
                                  .branches_count = 3};
        f->kept_from = 0;
        settle(f);
        publish(f, "b", 1, 0, 1, NULL);
        publish(f, "b", 3, 0, 1, NULL);
        assert_seen(f, "eve@b 0, eve@b 0");
        f->positions[0] = 3;
        for (int i = 0; i < 3; i++) {
                network_add(f->network, NETWORK_ALIVE, "b", data, message_encode(data, sizeof(data), &m));
                settle(f);
                now_ms += LINK_LACK_LOST_MS;
        }
        assert_seen(f, "* b is here, with 1 person, eve@b 1, eve@b 2, eve@b 0, eve@b 1");
        for (int i = 0; i < 3; i++) {
                network_add(f->network, NETWORK_ALIVE, "b", data, message_encode(data, sizeof(data), &m));
                settle(f);
                now_ms += LINK_LACK_LOST_MS;
        }
        publish(f, "b", 3, 1, 1, NULL);
        assert_seen(f, "eve@b 1");
}

/* The notice of missing lines is not lost although many hosts come. */
static void test_many_hosts_come_where_something_is_missing(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un intake;
        int filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        char host[16];
        settle(f);
        path_broker(&intake, f->dir);
        assert_int_equal(connect(filler, (struct sockaddr *)&intake, sizeof(intake)), 0);
        while (sendto(filler, "x", 1, 0, NULL, 0) > 0)
                continue;
        alive(f, "c", 1);
        work(f);
        publish(f, "b", 1, 0, 1, &(struct record){.kind = RECORD_MISSED, .number = 7});
        work(f);
        for (int i = 0; f->link->notices.count < NOTICES_MAX - 1; i++) {
                snprintf(host, sizeof(host), "c%d", i);
                alive(f, host, 1);
                work(f);
        }
        for (int ms = 0; ms < HOSTS_LOST_MS; ms += 1000) {
                now_ms += 1000;
                if (ms + 1000 >= HOSTS_LOST_MS)
                        alive(f, "c-is-the-last", 1); /* when all others are away: two notices at once */
                work(f);
        }
        while (recvfrom(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT, NULL, NULL) > 0)
                continue;
        settle(f);
        assert_non_null(strstr(f->words, "* 7 lines from b are missing"));
        assert_non_null(strstr(f->words, "are away"));
        assert_non_null(strstr(f->words, "* c-is-the-last is here"));
        close(filler);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_is_missing_is_told_before_what_follows),
                TEST(test_what_is_missing_is_had_from_who_said_it),
                TEST(test_what_nobody_has_any_more),
                TEST(test_more_is_missing_than_can_be_had),
                TEST(test_who_said_it_does_not_answer),
                TEST(test_time_that_passes_is_no_answer),
                TEST(test_answers_without_records),
                TEST(test_a_question_is_lost),
                TEST(test_bad_answers),
                TEST(test_nobody_is_asked_without_a_connection),
                TEST(test_the_last_is_lost),
                TEST(test_the_last_is_lost_without_jetstream),
                TEST(test_without_jetstream_nothing_seems_to_be_missing),
                TEST(test_the_last_before_a_boot_is_lost),
                TEST(test_many_hosts_come_where_something_is_missing),
        };
        return RUN_TESTS(tests);
}
