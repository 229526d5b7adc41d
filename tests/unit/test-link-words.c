/* The link passes on words and actions of people on other hosts, and tells people here about hosts. */
#include "link-fixture.h"

static void test_what_others_say_is_shown(void **state)
{
        struct fixture *f = *state;
        assert_seen(f, "");
        assert_int_equal(f->hellos, 1);
        assert_int_equal(f->network->members, 3);
        say_there(f, 0, 2);
        say_there(f, 1, 1);
        publish(f, "b", 1, 2, 1, &(struct record){.kind = RECORD_JOIN, .name = slice_of("bob")});
        publish(f, "b", 1, 3, 1,
                &(struct record){.kind = RECORD_LEAVE, .name = slice_of("bob"), .text = slice_of("x")});
        assert_seen(f, "eve@b 0, eve@b 1, eve@c 0, +bob@b, -bob@b");
        assert_int_equal(f->link->lines_in, 5);
}

static void test_nothing_is_read_before_welcome(void **state)
{
        struct fixture *f = *state;
        work(f);
        work(f);
        assert_false(f->network->reading);
        assert_false(f->network->counted); /* the number of members is not published either */
        serve(f);
        work(f);
        assert_true(f->network->reading);
        assert_true(f->network->counted);
}

static void test_what_people_there_do(void **state)
{
        struct fixture *f = *state;
        settle(f);
        publish(f, "b", 1, 0, 1,
                &(struct record){.kind = RECORD_ACTION, .name = slice_of("bob"), .text = slice_of("waves")});
        publish(f, "b", 1, 1, 1,
                &(struct record){.kind = RECORD_RENAME, .name = slice_of("bob"), .text = slice_of("al")});
        publish(f, "b", 1, 2, 1,
                &(struct record){.kind = RECORD_RENAME, .name = slice_of("bob"), .text = slice_of("al@c")});
        assert_seen(f, "bob@b waves, bob@b al@b");
        assert_int_equal(f->link->ignored_count, 1);
}

static void test_rooms_there(void **state)
{
        struct fixture *f = *state;
        struct record rec = {
                .kind = RECORD_LINE, .name = slice_of("bob"), .text = slice_of("hi"), .room = slice_of("kitchen")};
        settle(f);
        publish(f, "b", 1, 0, 1, &rec);
        rec.kind = RECORD_CAME;
        rec.text = slice_of("lobby");
        publish(f, "b", 1, 1, 1, &rec);
        rec.kind = RECORD_TOPIC;
        rec.text = slice_of("tea");
        publish(f, "b", 1, 2, 1, &rec);
        rec.kind = RECORD_LEAVE;
        publish(f, "b", 1, 3, 1, &rec);
        rec.kind = RECORD_ASK;
        rec.text = slice_of(ASK_WHO);
        rec.room = (struct slice){"", 0};
        publish(f, "b", 1, 4, 1, &rec);
        rec.kind = RECORD_REPLY;
        rec.text = slice_of("ann@here 1 person is in lobby: bob");
        publish(f, "b", 1, 5, 1, &rec);
        rec.text = slice_of("ann@there 1 person is in lobby: bob");
        publish(f, "b", 1, 6, 1, &rec);
        rec.room = slice_of("no/room");
        publish(f, "b", 1, 7, 1, &rec);
        rec.room = slice_of("answer8"); /* such a room is for the two chatds, see reply.h */
        rec.text = slice_of("ann@here PwMAYW5u");
        publish(f, "b", 1, 8, 1, &rec);
        rec.kind = RECORD_PRIVATE;
        rec.text = slice_of("ann@here psst");
        publish(f, "b", 1, 9, 1, &rec);
        rec.kind = RECORD_ASK;
        rec.text = slice_of(ASK_WHO);
        publish(f, "b", 1, 10, 1, &rec);
        assert_seen(f, "kitchen:bob@b hi, kitchen:bob@b lobby, kitchen:bob@b tea, kitchen-bob@b, bob@b who, "
                       "bob@b ann 1 person is in lobby: bob, answer8:bob@b ann PwMAYW5u, answer8:bob@b ann psst, "
                       "answer8:bob@b who");
        assert_int_equal(f->link->ignored_count, 1);
}

/* A private message goes to one host. */
static void test_private_words(void **state)
{
        struct fixture *f = *state;
        static const char *const not_for_us[] = {"ann@c psst",     "ann psst",     "ann@here", "@here psst",
                                                 "ann@where psst", "annhere psst", " psst",    ""};
        uint64_t position = 0;
        settle(f);
        for (size_t i = 0; i < sizeof(not_for_us) / sizeof(not_for_us[0]); i++)
                publish(f, "b", 1, position++, 1,
                        &(struct record){
                                .kind = RECORD_PRIVATE, .name = slice_of("bob"), .text = slice_of(not_for_us[i])});
        publish(f, "b", 1, position++, 1,
                &(struct record){
                        .kind = RECORD_PRIVATE, .name = slice_of("bob"), .text = slice_of("ann@here psst, you")});
        assert_seen(f, "bob@b ann psst, you");
        assert_int_equal(f->link->ignored_count, 0);
}

/* The STYLE of a record goes with it, and has a position of its own. Without its record it goes nowhere. */
static void test_styles(void **state)
{
        struct fixture *f = *state;
        char text[TEXT_MAX_BYTES - 1], expected[sizeof(text) + 16];
        struct record rec = {
                .kind = RECORD_LINE, .id = 9, .number = 1, .name = slice_of("bob"), .text = slice_of("hi")};
        settle(f);
        rec.styled = slice_of("\x02hi");
        publish(f, "b", 1, 0, 1, &rec);
        rec.is_notice = true;
        publish(f, "b", 1, 2, 1, &rec);
        rec.kind = RECORD_PRIVATE;
        rec.text = slice_of("ann@here psst");
        publish(f, "b", 1, 4, 1, &rec);
        rec.text = slice_of("ann@c psst");
        publish(f, "b", 1, 6, 1, &rec);
        rec.kind = RECORD_CTCP;
        rec.text = slice_of("ann@here VERSION");
        rec.styled = slice_of("");
        publish(f, "b", 1, 8, 1, &rec);
        rec = (struct record){.kind = RECORD_STYLE, .id = 9, .number = 1, .text = slice_of("\x02hi")};
        publish(f, "b", 1, 10, 1, &rec);
        publish(f, "b", 1, 11, 1, NULL);
        assert_seen(f, "bob@b hi (\x02hi), bob@b hi (notice \x02hi), bob@b ann psst (notice \x02hi), "
                       "bob@b ann VERSION (notice ), eve@b 11");
        assert_int_equal(f->link->ignored_count, 0);
        memset(text, 'x', sizeof(text)); /* together with its formatting, this is too long for a frame */
        rec.kind = RECORD_RENAME;        /* nobody says it */
        rec.name = slice_of("bob");
        rec.text = slice_of("al");
        rec.is_notice = true;
        publish(f, "b", 1, 12, 1, &rec);
        assert_seen(f, "bob@b al@b");
        rec.is_notice = false;
        rec.kind = RECORD_LINE;
        rec.text = slice_of("\x02hi");
        rec.styled = rec.text;
        rec.text = (struct slice){text, sizeof(text)};
        rec.name = slice_of("bob");
        publish(f, "b", 1, 14, 1, &rec);
        snprintf(expected, sizeof(expected), "bob@b %.*s", (int)sizeof(text), text);
        assert_seen(f, expected);
}

static void repeat_notice(struct network *n, const char *host, uint64_t instance, uint64_t position)
{
        uint8_t data[4096];
        struct message m = {
                .type = MESSAGE_AGAIN, .instance = instance, .question_position = position, .position = position};
        struct record rec = {.kind = RECORD_LINE,
                             .id = 9,
                             .number = 1,
                             .name = slice_of("bob"),
                             .text = slice_of("hi"),
                             .styled = slice_of("\x02hi"),
                             .is_notice = true};
        size_t size = message_encode(data, sizeof(data), &m);
        size += record_encode_styled(data + size, sizeof(data) - size, &rec);
        free(network_answer(n));
        n->answer = network_make(n, NETWORK_AGAIN, host, data, size);
}

/* A record that the host sends again has its style. */
static void test_styles_again(void **state)
{
        struct fixture *f = *state;
        settle(f);
        publish(f, "b", 1, 0, 1, NULL);
        settle(f);
        f->network->on_ask = repeat_notice;
        publish(f, "b", 1, 3, 1, NULL); /* two positions are missing */
        for (int i = 0; i < 4; i++)
                settle(f);
        assert_seen(f, "eve@b 0, bob@b hi (notice \x02hi), eve@b 3");
}

/* What people here say goes to other hosts with its style. */
static void test_styles_from_here(void **state)
{
        struct fixture *f = *state;
        uint8_t batch[256];
        struct record rec = {.kind = RECORD_LINE,
                             .id = ANN,
                             .number = 1,
                             .name = slice_of("ann"),
                             .text = slice_of("hi"),
                             .styled = slice_of("\x02hi"),
                             .is_notice = true};
        settle(f);
        size_t size = frame_encode(batch, sizeof(batch), &(struct frame){.type = FRAME_BATCH, .id = CHATD_EPOCH});
        size += record_encode_styled(batch + size, sizeof(batch) - size, &rec);
        assert_true(to_link(f, batch, size));
        settle(f);
        struct spool_chunk chunk;
        assert_true(spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer)));
        struct wire_reader r = wire_read(chunk.data, chunk.size);
        struct record got;
        assert_int_equal(chunk.count, 2);
        assert_int_equal(record_next_styled(&r, &got), 1);
        assert_true(got.is_notice && slice_equal(got.styled, rec.styled) && slice_equal(got.text, rec.text));
}

static void test_what_cannot_be_shown(void **state)
{
        struct fixture *f = *state;
        static const char *const names[] = {"", "a b", "a:", "a@c", "\033", "\xc3\xa4"};
        char text[TEXT_MAX_BYTES + 1];
        uint64_t position = 0;
        settle(f);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                publish(f, "b", 1, position++, 1,
                        &(struct record){.kind = RECORD_LINE, .name = slice_of(names[i]), .text = slice_of("x")});
        memset(text, 'a', sizeof(text));
        publish(f, "b", 1, position++, 1,
                &(struct record){.kind = RECORD_JOIN, .name = {text, LOCAL_NAME_MAX_BYTES + 1}});
        publish(f, "b", 1, position++, 1,
                &(struct record){.kind = RECORD_LINE, .name = slice_of("a"), .text = slice_of("\033[2J")});
        assert_seen(f, "");
        assert_int_equal(f->link->ignored_count, position);
        publish(f, "b", 1, position++, 1, &(struct record){.kind = 99, .name = slice_of("a")}); /* of a later version */
        network_add(f->network, NETWORK_SAID, "b", "junk", 4);
        publish(f, "b", 1, position++, 1, NULL);
        assert_seen(f, "eve@b 9");
        assert_int_equal(f->link->ignored_count, position - 1);
}

static void test_the_longest_name_and_text(void **state)
{
        struct fixture *f = *state;
        static const char host[] = "abcdefghijklmnopqrstuvwx";
        char name[LOCAL_NAME_MAX_BYTES + 1] = "", expected[512];
        memset(name, 'n', LOCAL_NAME_MAX_BYTES);
        settle(f);
        publish(f, host, 1, 0, 1,
                &(struct record){.kind = RECORD_LINE, .name = slice_of(name), .text = slice_of("hi")});
        snprintf(expected, sizeof(expected), "%s@%s hi", name, host);
        assert_seen(f, expected);
}

static void test_words_to_absent_hosts(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 12);
        assert_seen(f, "* b is here, with 12 people");
        say_here_to(f, RECORD_PRIVATE, "bob@b psst");
        say_here_to(f, RECORD_PRIVATE, "zoe@nowhere psst");
        say_here_to(f, RECORD_PRIVATE, "bob@here psst");
        say_here_to(f, RECORD_LINE, "bob@nowhere is a strange name");
        say_here_to(f, RECORD_PRIVATE, "zoe@a-host-with-a-very-long-name psst");
        assert_seen(f, "ann: There is no host called nowhere; /who lists the hosts, "
                       "ann: here is this host: /msg bob says it here, "
                       "ann: There is no host called a-host-with-a-very-long-name; /who lists the hosts");
        for (int i = 0; i < 11; i++) {
                work(f);
                now_ms += 1000;
        }
        assert_seen(f, "* b is away, with 12 people");
        say_here_to(f, RECORD_PRIVATE, "bob@b psst");
        assert_seen(f, "ann: b is away; bob may get the message when it is back");
}

/* One member sends many private messages to absent hosts. Lines for everybody are not lost. */
static void test_many_words_to_absent_hosts(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un intake;
        char *at;
        int told = 0, filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        settle(f);
        path_broker(&intake, f->dir);
        assert_int_equal(connect(filler, (struct sockaddr *)&intake, sizeof(intake)), 0);
        while (sendto(filler, "x", 1, 0, NULL, 0) > 0)
                continue;
        assert_int_equal(errno, EAGAIN);
        for (int i = 0; i < 2 * NOTICES_MAX; i++) {
                if (i == NOTICES_MAX)
                        alive(f, "b", 12);
                say_here_to(f, RECORD_PRIVATE, "zoe@nowhere psst");
                work(f);
        }
        assert_int_equal(f->said, 2 * NOTICES_MAX);
        while (recvfrom(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT, NULL, NULL) > 0)
                continue;
        settle(f);
        assert_non_null(strstr(f->words, "* b is here, with 12 people"));
        for (at = f->words; (at = strstr(at, "ann: There is no host")); at++)
                told++;
        assert_in_range(told, NOTICES_TELLS_MAX, NOTICES_TELLS_MAX + 1); /* one is under way */
        close(filler);
}

static void test_too_many_notices(void **state)
{
        struct fixture *f = *state;
        char expected[2048] = "";
        size_t len = 0;
        settle(f);
        for (uint64_t i = 1; i <= NOTICES_MAX + 3; i++)
                publish(f, "b", 1, i - 1, 1, &(struct record){.kind = RECORD_MISSED, .number = i + 1});
        for (int i = 0; i < NOTICES_MAX + 3; i++)
                len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s* %d lines from b are missing",
                                        i ? ", " : "", i + 2);
        settle(f);
        assert_string_equal(f->words, expected);
}

static void test_a_flood_of_messages(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 1000; i++)
                network_add(f->network, NETWORK_SAID, "evil", "x", 1);
        say_here(f);
        assert_true(link_work(f->link) <= now_ms); /* it handles the rest soon, and everything else before that */
        assert_true(f->network->next < 100);
        say_there(f, 0, 1);
        for (int i = 0; i < 20; i++)
                work(f);
        assert_seen(f, "eve@b 0");
}

static void test_chatd_is_busy(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 1000; i++)
                say_there(f, i % 2, 10);
        for (int i = 0; i < 20; i++)
                work(f);
        assert_true(f->link->inject.is_blocked);
        while (f->network->next < f->network->count || f->link->message)
                settle(f);
        settle(f);
        assert_all_seen(f);
        assert_int_equal(f->network->reads, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_others_say_is_shown),
                TEST(test_nothing_is_read_before_welcome),
                TEST(test_what_people_there_do),
                TEST(test_rooms_there),
                TEST(test_private_words),
                TEST(test_styles),
                TEST(test_styles_again),
                TEST(test_styles_from_here),
                TEST(test_what_cannot_be_shown),
                TEST(test_the_longest_name_and_text),
                TEST(test_words_to_absent_hosts),
                TEST(test_many_words_to_absent_hosts),
                TEST(test_a_flood_of_messages),
                TEST(test_chatd_is_busy),
                TEST(test_too_many_notices),
        };
        return RUN_TESTS(tests);
}
