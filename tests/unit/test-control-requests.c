/* Requests of administrators: questions, notices and topics, also if they are repeated after chatd was killed. */
#include "../../chatd/confinement.h"

#include "control-fixture.h"

static void test_status_and_who(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        assert_string_equal(ask(c, "who"), "end=ok");
        join_all(f);
        say(f, ANN, "one");
        serve(f);
        const char *got = ask(c, "status");
        assert_non_null(strstr(got, "members=3 lines=1 queue=0 "));
        assert_non_null(strstr(got, " link=none "));
        /* ann was told of bob and eve, bob of eve; bob and eve got her line */
        assert_non_null(strstr(got, " rooms=1 joined=3 batches=2 delivered=5 missed=0 "));
        assert_non_null(strstr(got, " refused=0 not_chat=0 "));
        put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(BOB), .reason = LEAVE_NOT_CHAT});
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " refused=0 not_chat=1 "));
        assert_non_null(strstr(ask(c, "status"), " unconfined=0 unserved=0 "));
        got = ask(c, "who");
        assert_non_null(strstr(got, "name=ann room=lobby address=here:1 since="));
        assert_non_null(strstr(got, "said=1"));
        assert_non_null(strstr(got, ", name=eve "));
        assert_string_equal(strstr(got, ", end="), ", end=ok");
        bye(f, ANN);
        serve(f);
        assert_null(strstr(ask(c, "who"), "name=ann"));
}

/* Sessions report that a part of their sandbox is missing. Members of each kind are counted, and one of each kind is
 * logged. A session that could not enter its sandbox is logged now and then. The next chatd knows them by HERE. */
static void test_sandboxes(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct frame frame = {.type = FRAME_HELLO, .address = slice_of("here:1")};
        for (uint32_t who = ANN; who < SESSIONS; who++) {
                f->inboxes[who] = inbox_bind(f->dir, inbox_id(who));
                frame.id = frame.key = inbox_id(who);
                frame.name = slice_of(names[who]);
                frame.confinement = who == BOB ? CONFINED : CONFINED_NO_FILTER;
                put(f, &frame);
        }
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " unconfined=2 unserved=0 "));
        assert_true(f->chat->confinements->entry[CONFINED_NO_FILTER]);
        assert_false(f->chat->confinements->entry[CONFINED_NOT]);
        kill_and_restart(c);
        assert_non_null(strstr(ask(c, "status"), " unconfined=0 unserved=0 "));
        frame.type = FRAME_HERE; /* of EVE */
        put(f, &frame);
        for (int i = 0; i < 3; i++)
                put(f, &(struct frame){.type = FRAME_UNSERVED, .id = inbox_id(40), .key = UINT64_MAX});
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " unconfined=1 unserved=3 "));
        assert_true(f->chat->confinements->entry[CONFINED_NO_FILTER]);
        assert_int_equal(f->chat->confinements->complaint.unlogged_count, 2);
        bye(f, EVE);
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " members=2 "));
        assert_non_null(strstr(ask(c, "status"), " unconfined=0 unserved=3 "));
}

static void test_what_is_no_request(void **state)
{
        struct control_fixture *c = *state;
        char words[CONTROL_PACKET_MAX_BYTES + 2];
        assert_non_null(strstr(ask(c, ""), "end=wrong"));
        assert_non_null(strstr(ask(c, "frobnicate"), "end=wrong"));
        assert_non_null(strstr(ask(c, "frobnicate|1|x"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|0|hello"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1x|hello"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1|"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1|red \x1b[31m"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1|a|b|c"), "end=wrong"));
        assert_non_null(strstr(ask(c, "ban|1|192.0.2"), "end=wrong"));
        memset(words, 'x', sizeof(words) - 1);
        words[sizeof(words) - 1] = '\0';
        memcpy(words, "say|1|", 6);
        assert_non_null(strstr(ask(c, words), "end=wrong text=the request is too long"));
        words[6 + CONTROL_TEXT_MAX_BYTES + 1] = '\0';
        assert_non_null(strstr(ask(c, words), "end=wrong"));
        words[6 + CONTROL_TEXT_MAX_BYTES] = '\0';
        assert_string_equal(ask(c, words), "end=ok");
        assert_string_equal(ask(c, "bans"), "end=ok"); /* the connection can be used for more requests */
        send(tool(c, 0), "no end", 6, 0);
        run(&c->base);
        assert_non_null(strstr(answer(c, 0), "end=wrong"));
}

static void test_a_notice(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        say(f, ANN, "before");
        request(c, 0, "say|7|the host goes down");
        turn(f); /* chatctl is connected */
        turn(f); /* its request is read */
        say(f, ANN, "after");
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        assert_inbox(f, BOB, "line ann before, notice Administrator: the host goes down, line ann after");
        assert_inbox(f, ANN, "notice Administrator: the host goes down");
        assert_string_equal(ask(c, "say|7|the host goes down"), "end=ok"); /* the same request */
        assert_inbox(f, BOB, "");
}

/* Wherever chatd dies, chatctl asks again, and the notice is shown once. */
static void test_a_notice_is_said_once(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct seen seen = {0};
        join_all(f);
        say(f, ANN, "first"); /* so that a session knows an epoch */
        serve(f);
        inbox_read_new(f->inboxes[BOB], &seen);
        request(c, 0, "say|8|hello");
        turn(f);
        turn(f);
        kill_and_restart(c);
        assert_string_equal(ask(c, "say|8|hello"), "end=ok");
        kill_and_restart(c);
        assert_string_equal(ask(c, "say|8|hello"), "end=ok");
        /* the frame comes again, as if it had not been consumed */
        put(f, &(struct frame){.type = FRAME_SAY, .id = ADMIN_ID, .number = 8, .text = slice_of("hello")});
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "notice Administrator: hello, rollcall, rollcall");
}

static void test_a_topic(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct seen seen = {0};
        char text[TOPIC_MAX_BYTES + 16] = "topic|9|lobby|";
        join_all(f);
        say(f, ANN, "first"); /* so that a session knows an epoch */
        serve(f);
        inbox_read_new(f->inboxes[BOB], &seen);
        assert_string_equal(ask(c, "topic|7|LOBBY"), "end=ok room=lobby topic=");
        assert_string_equal(ask(c, "topic|8|lobby|tea and cakes"), "end=ok");
        assert_string_equal(ask(c, "topic|9|lobby"), "end=ok room=lobby topic=tea and cakes");
        kill_and_restart(c);
        assert_string_equal(ask(c, "topic|8|lobby|tea and cakes"), "end=ok"); /* asked again, and done once */
        put(f, &(struct frame){.type = FRAME_SET_TOPIC,
                               .id = ADMIN_ID,
                               .number = 8,
                               .name = slice_of("lobby"),
                               .text = slice_of("tea and cakes")});
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "topic Administrator tea and cakes, rollcall");
        assert_string_equal(ask(c, "topic|a|lobby|-"), "end=ok");
        assert_string_equal(ask(c, "topic|b|lobby"), "end=ok room=lobby topic=");
        assert_string_equal(ask(c, "topic|c|den"), "end=nobody text=there is no room called den");
        assert_string_equal(ask(c, "topic|d|den|tea"), "end=nobody text=there is no room called den");
        assert_string_equal(ask(c, "topic|e|lobby|  "),
                            "end=wrong text=a topic is clean text of 1 to 256 bytes, not all "
                            "spaces");
        memset(text + strlen(text), 'x', TOPIC_MAX_BYTES + 1);
        assert_string_equal(ask(c, text), "end=wrong text=a topic is clean text of 1 to 256 bytes, not all spaces");
        for (int i = 0; i < 2 * TOPIC_CHANGES; i++) { /* there is no limit for administrators */
                snprintf(text, sizeof(text), "topic|%x|lobby|%d", 0x20 + i, i);
                assert_string_equal(ask(c, text), "end=ok");
        }
}

/* If a request is repeated, another member that has taken the name in the meantime is not affected. */
static void test_a_name_is_looked_up_once(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char id[64], words[128];
        join_all(f);
        snprintf(id, sizeof(id), "%016llx", (unsigned long long)inbox_id(BOB));
        snprintf(words, sizeof(words), "end=ok text=bob id=%s", id);
        assert_string_equal(ask(c, "find|1|BOB"), words);
        assert_non_null(strstr(ask(c, "find|2|zoe"), "end=nobody"));
        snprintf(words, sizeof(words), "kick|3|#%s|", id);
        assert_string_equal(ask(c, words), "");
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        put(f, &(struct frame){
                       .type = FRAME_NICK, .id = inbox_id(EVE), .number = ++f->numbers[EVE], .name = slice_of("bob")});
        serve(f);
        inbox_read(f->inboxes[EVE]);
        kill_and_restart(c);
        assert_string_equal(ask(c, words), "end=ok"); /* eve is neither awaited nor removed */
        assert_inbox(f, EVE, "rollcall");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CONTROL_TEST(test_status_and_who),           CONTROL_TEST(test_sandboxes),
                CONTROL_TEST(test_what_is_no_request),       CONTROL_TEST(test_a_notice),
                CONTROL_TEST(test_a_notice_is_said_once),    CONTROL_TEST(test_a_topic),
                CONTROL_TEST(test_a_name_is_looked_up_once),
        };
        return RUN_TESTS(tests);
}
