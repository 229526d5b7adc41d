#include "../../chat-link/twin.h"

#include "test.h"

enum { INSTANCE = 7, START_MS = 1000 };

/* Returns what a link says, as others receive it. */
static struct message say(struct twin *t, int64_t now_ms)
{
        uint8_t data[FRAME_MAX_BYTES];
        struct message m = {.type = MESSAGE_ALIVE, .instance = t->instance, .position = 3, .members = 2}, heard;
        twin_say(t, &m, now_ms);
        size_t size = message_encode(data, sizeof(data), &m);
        assert_int_equal(message_decode(&heard, data, size), 0);
        assert_int_equal(heard.version, MESSAGE_VERSION);
        assert_true(heard.process == t->process && heard.process != 0);
        assert_true(heard.position == 3 && heard.members == 2);
        return heard;
}

static void start(struct twin *t, uint64_t instance, int64_t now_ms)
{
        twin_init(t);
        t->instance = instance;
        twin_connect(t, now_ms);
}

/* Lets both links learn of each other: each must hear that the other has heard of it. */
static void know_each_other(struct twin *a, struct twin *b, enum twin_sign sign)
{
        struct message of_a = say(a, START_MS), of_b = say(b, START_MS);
        assert_int_equal(twin_take(b, &of_a, START_MS), TWIN_UNKNOWN); /* it may be late */
        assert_int_equal(twin_take(a, &of_b, START_MS), TWIN_UNKNOWN);
        of_a = say(a, START_MS + 1000);
        of_b = say(b, START_MS + 1000);
        assert_int_equal(twin_take(b, &of_a, START_MS + 1000), sign);
        assert_int_equal(twin_take(a, &of_b, START_MS + 1000), sign);
}

static void test_two_hosts(void **state)
{
        (void)state;
        struct twin a, b;
        start(&a, INSTANCE, START_MS);
        start(&b, INSTANCE + 1, START_MS);
        know_each_other(&a, &b, TWIN_THERE);
}

static void test_a_clone(void **state)
{
        (void)state;
        struct twin a, b;
        start(&a, INSTANCE, START_MS);
        start(&b, INSTANCE, START_MS);
        know_each_other(&a, &b, TWIN_OF_CLONE);
}

static void test_late_messages_of_ones_own(void **state)
{
        (void)state;
        struct twin a, again;
        start(&a, INSTANCE, START_MS);
        struct message late = say(&a, START_MS);
        assert_int_equal(twin_take(&a, &late, START_MS), TWIN_UNKNOWN); /* our own message */
        uint64_t process = a.process;
        twin_connect(&a, START_MS + 1); /* another connection */
        assert_true(a.process != process);
        assert_int_equal(twin_take(&a, &late, START_MS + 1), TWIN_UNKNOWN);
        late = say(&a, START_MS + 2);
        start(&again, INSTANCE, START_MS + 3); /* the process was killed */
        for (int i = 0; i < 100; i++)
                assert_int_equal(twin_take(&again, &late, START_MS + 3), TWIN_UNKNOWN);
}

/* Signs of life repeat the number of a twin only while the twin is there. */
static void test_a_twin_that_is_gone(void **state)
{
        (void)state;
        struct twin a, b;
        start(&a, INSTANCE, START_MS);
        start(&b, INSTANCE, START_MS);
        assert_int_equal(say(&a, START_MS).other_process, 0);
        struct message of_b = say(&b, START_MS);
        twin_take(&a, &of_b, START_MS);
        assert_true(say(&a, START_MS + TWIN_LOST_MS - 1).other_process == b.process);
        assert_int_equal(say(&a, START_MS + TWIN_LOST_MS).other_process, 0);
}

/* A link of version 1 has no number: it is identified by a message that cannot be late. */
static void test_a_link_of_version_1(void **state)
{
        (void)state;
        struct twin a;
        uint8_t data[FRAME_MAX_BYTES];
        struct message m = {.type = MESSAGE_ALIVE, .instance = INSTANCE + 1, .members = 2}, heard;
        assert_true(message_encode(data, sizeof(data), &m) == MESSAGE_HEADER_BYTES + 25);
        data[0] = 1;
        assert_int_equal(message_decode(&heard, data, MESSAGE_HEADER_BYTES + 8), 0);
        assert_true(heard.process == 0 && heard.other_process == 0 && heard.members == 2);
        start(&a, INSTANCE, START_MS);
        assert_int_equal(twin_take(&a, &heard, START_MS + TWIN_LATE_MS), TWIN_UNKNOWN);
        assert_int_equal(twin_take(&a, &heard, START_MS + TWIN_LATE_MS + 1), TWIN_THERE);
        assert_int_equal(say(&a, START_MS).other_process, 0);
}

/* A link of version 2 does not state earlier instances. */
static void test_a_link_of_version_2(void **state)
{
        (void)state;
        uint8_t data[FRAME_MAX_BYTES];
        struct message m = {.type = MESSAGE_ALIVE, .instance = INSTANCE, .process = 5, .other_process = 6}, heard;
        size_t size = message_encode(data, sizeof(data), &m);
        data[0] = 2;
        assert_int_equal(message_decode(&heard, data, size - 1), 0);
        assert_true(heard.process == 5 && heard.other_process == 6 && heard.branches_count == 0);
        assert_int_equal(message_decode(&heard, data, size), -EBADMSG);
}

static void test_messages_that_are_cut(void **state)
{
        (void)state;
        uint8_t data[FRAME_MAX_BYTES];
        struct message m = {.type = MESSAGE_ALIVE, .instance = INSTANCE, .process = 5, .other_process = 6}, heard;
        for (; m.branches_count < MESSAGE_BRANCHES_MAX; m.branches_count++)
                m.branches[m.branches_count] = (struct message_branch){.instance = m.branches_count, .position = 100};
        size_t size = message_encode(data, sizeof(data), &m), count_at = size - MESSAGE_BRANCHES_MAX * 16 - 1;
        for (size_t cut = 0; cut < size; cut++)
                assert_int_equal(message_decode(&heard, data, cut), -EBADMSG);
        assert_int_equal(message_decode(&heard, data, size), 0);
        assert_true(heard.process == 5 && heard.other_process == 6 && heard.branches_count == MESSAGE_BRANCHES_MAX);
        for (uint64_t i = 0; i < MESSAGE_BRANCHES_MAX; i++)
                assert_true(heard.branches[i].instance == i && heard.branches[i].position == 100);
        data[size] = 0;
        assert_int_equal(message_decode(&heard, data, size + 1), -EBADMSG);
        data[0]++; /* from a later version, with more fields */
        assert_int_equal(message_decode(&heard, data, size + 1), 0);
        memset(data + size, 0, 16);
        data[count_at]++; /* more than there can be */
        assert_int_equal(message_decode(&heard, data, size + 16), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_hosts),
                cmocka_unit_test(test_a_clone),
                cmocka_unit_test(test_late_messages_of_ones_own),
                cmocka_unit_test(test_a_twin_that_is_gone),
                cmocka_unit_test(test_a_link_of_version_1),
                cmocka_unit_test(test_a_link_of_version_2),
                cmocka_unit_test(test_messages_that_are_cut),
        };
        return RUN_TESTS(tests);
}
