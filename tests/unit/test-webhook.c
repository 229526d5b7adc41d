/* Lines that programs say with a token (webhook.h). */
#include "../../chatd/webhook.h"

#include "requests-fixture.h"

#define DISK "disk-secret-0123456789ab"
#define BACKUP "backup-secret-012345678"

static void add_token(struct fixture *f, const char *name, const char *room, const char *secret)
{
        struct token t;
        assert_int_equal(token_make(&t, slice_of(name), slice_of(room), slice_of(secret)), 0);
        assert_int_equal(tokens_add(&f->chat->tokens, &t), 0);
}

/* The tokens of a chatd, which real ones read from a file. */
static void add_tokens(struct fixture *f)
{
        add_token(f, "disk", "", DISK);
        add_token(f, "backup", "den", BACKUP);
}

static void post_as(struct fixture *f, uint32_t who, uint64_t number, const char *secret, uint64_t key,
                    const char *room, const char *text)
{
        put(f, &(struct frame){.type = FRAME_WEBHOOK,
                               .id = inbox_id(who),
                               .number = number,
                               .key = key,
                               .name = slice_of(room),
                               .secret = slice_of(secret),
                               .text = slice_of(text)});
}

static void post(struct fixture *f, const char *secret, uint64_t key, const char *room, const char *text)
{
        post_as(f, EVE, ++f->numbers[EVE], secret, key, room, text);
}

/* Ann is in the lobby and bob in the den. Eve is a program. Everything is read. */
static void begin(struct fixture *f)
{
        add_tokens(f);
        hello(f, ANN);
        hello(f, BOB);
        join(f, BOB, "den");
        hello_with(f, EVE, (struct frame){.address = slice_of("here:1"), .quiet = true, .roams = true});
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

/* chatd dies and another one starts. The inboxes are read. */
static void restart(struct fixture *f)
{
        restart_broker(f);
        add_tokens(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

static void test_a_line(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post(f, DISK, 0, "", "full");
        post(f, DISK, 0, "DEN", "full there");
        post(f, BACKUP, 0, "", "done");
        serve(f);
        assert_inbox(f, ANN, "line disk full");
        assert_inbox(f, BOB, "line den: disk full there, line den: backup done");
        assert_inbox(f, EVE, "answer Said in lobby as disk, answer Said in den as disk, answer Said in den as backup");
        assert_false(member_is_here(member(f, EVE))); /* nobody knows of it */
        bye(f, EVE);
        serve(f);
        assert_inbox(f, ANN, "");
}

static void test_refusals(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post(f, "no-secret-0123456789abcdef", 1, "", "no");
        post(f, "", 1, "", "no");
        post(f, BACKUP, 1, "lobby", "no");
        post(f, DISK, 1, "kitchen", "no");
        post(f, DISK, 1, "no room", "no");
        serve(f);
        assert_inbox(f, ANN, "");
        assert_inbox(f, BOB, "");
        assert_inbox(
                f, EVE,
                "answer There is no such token, answer There is no such token, answer The token is for the room den "
                "alone, answer Nobody on this host is in the room kitchen, answer A room's name has 1 "
                "to 24 characters and starts with a letter:\nplain letters (no accents), digits, - _ and .");
        post(f, DISK, 1, "", "yes"); /* the key was not used */
        serve(f);
        assert_inbox(f, ANN, "line disk yes");
}

/* The last person leaves the den in the same batch. */
static void test_a_room_that_ends(void **state)
{
        struct fixture *f = *state;
        begin(f);
        bye(f, BOB);
        post(f, BACKUP, 1, "", "no");
        serve(f);
        assert_inbox(f, EVE, "answer Nobody on this host is in the room den");
        f->numbers[BOB] = 0;
}

static void test_several_lines(void **state)
{
        struct fixture *f = *state;
        char text[2 * FRAME_LINES_MAX + 4] = "";
        begin(f);
        post(f, DISK, 0, "", "one\ntwo\n\nfour");
        serve(f);
        assert_inbox(f, ANN, "line disk one, line disk two, line disk, line disk four");
        post(f, DISK, 0, "", "repeated"); /* this number is that of the second line */
        serve(f);
        assert_inbox(f, ANN, "");
        assert_inbox(f, EVE, "answer Said in lobby as disk");
        f->numbers[EVE] = 10;
        for (size_t i = 0; i < FRAME_LINES_MAX; i++)
                strcat(text, "\n");
        post(f, DISK, 0, "", text); /* one line too many */
        serve(f);
        assert_inbox(f, ANN, "");
        text[FRAME_LINES_MAX - 1] = '\0';
        post(f, DISK, 0, "", text);
        post(f, DISK, 0, "", "bad \x1b text");
        serve(f);
        assert_int_equal(strlen(inbox_read(f->inboxes[ANN])), FRAME_LINES_MAX * strlen("line disk, ") - 2);
}

static void test_keys(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post(f, DISK, 7, "", "one");
        post(f, DISK, 7, "", "one");
        post(f, DISK, 9, "", "two");
        post(f, BACKUP, 7, "", "of another token");
        serve(f);
        assert_inbox(f, ANN, "line disk one, line disk two");
        assert_inbox(f, BOB, "line den: backup of another token");
        assert_inbox(f, EVE,
                     "answer Said in lobby as disk, answer Not said again: disk said a line with this key before, "
                     "answer Said in lobby as disk, answer Said in den as backup");
        post(f, DISK, 7, "", "one");
        post(f, DISK, 0, "", "without");
        post(f, DISK, 0, "", "without");
        serve(f);
        assert_inbox(f, ANN, "line disk without, line disk without");
        restart(f);
        post(f, DISK, 9, "", "two");
        post(f, DISK, 11, "", "three");
        serve(f);
        assert_inbox(f, ANN, "line disk three");
}

/* Whoever repeats a request learns that its line was said, whatever has become of the room. */
static void test_a_room_that_is_gone(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post(f, DISK, 7, "den", "once");
        serve(f);
        assert_inbox(f, BOB, "line den: disk once");
        bye(f, BOB);
        serve(f);
        inbox_read(f->inboxes[EVE]);
        post(f, DISK, 7, "den", "once");
        post(f, DISK, 9, "den", "new");
        serve(f);
        assert_inbox(
                f, EVE,
                "answer Not said again: disk said a line with this key before, answer Nobody on this host is in the "
                "room den");
}

/* The numbers of a session do not begin anew. */
static void test_the_last_numbers(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post_as(f, EVE, UINT64_MAX - 2, DISK, 0, "", "a\nb\nc\nd");
        serve(f);
        assert_inbox(f, ANN, "");
        assert_inbox(f, EVE, "answer There is no such token");
}

/* Each token has its own keys, of which the last WEBHOOK_KEYS are known. */
static void test_many_keys(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post(f, BACKUP, 1, "", "once");
        for (uint64_t key = 1; key <= WEBHOOK_KEYS; key++) {
                post(f, DISK, 2 * key + 1, "", "x");
                serve(f);
                inbox_read(f->inboxes[EVE]);
                inbox_read(f->inboxes[ANN]);
        }
        inbox_read(f->inboxes[BOB]);
        post(f, DISK, 3, "", "again");
        post(f, DISK, 2 * WEBHOOK_KEYS + 3, "", "new");
        serve(f);
        assert_inbox(f, ANN, "line disk new");
        post(f, DISK, 3, "", "forgotten");
        post(f, BACKUP, 1, "", "again");
        serve(f);
        assert_inbox(f, ANN, "line disk forgotten");
        assert_inbox(f, BOB, "");
}

/* A chatd that died behind its notes, and in front of consuming: the next one meets the same frame. */
static void test_a_frame_comes_again(void **state)
{
        struct fixture *f = *state;
        struct seen seen = {0};
        begin(f);
        seen_epoch(&seen, f->chat->relay.epoch);
        post_as(f, EVE, 1, DISK, 7, "", "once");
        post_as(f, EVE, 2, DISK, 0, "", "without a key");
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[ANN], &seen), "line disk once, line disk without a key");
        assert_int_equal(restart_broker(f), 3);
        add_tokens(f);
        post_as(f, EVE, 1, DISK, 7, "", "once");
        post_as(f, EVE, 2, DISK, 0, "", "without a key");
        say(f, BOB, "behind");
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[ANN], &seen), "rollcall");
        post_as(f, EVE, 3, DISK, 7, "", "once");
        serve(f);
        assert_inbox(f, ANN, "");
}

/* A token that was removed takes its keys with it. Its shelf is for another token. */
static void test_another_token_of_the_name(void **state)
{
        struct fixture *f = *state;
        begin(f);
        post(f, DISK, 7, "", "one");
        serve(f);
        for (size_t i = 0; i < TOKENS_MAX + 10; i++) {
                char secret[64];
                snprintf(secret, sizeof(secret), "another-secret-%08zu", i);
                assert_int_equal(tokens_remove(&f->chat->tokens, slice_of("disk")), 0);
                add_token(f, "disk", "", secret);
                post(f, secret, 7, "", "one");
                post(f, secret, 7, "", "one");
                serve(f);
                assert_inbox(
                        f, EVE,
                        i == 0 ? "answer Said in lobby as disk, answer Said in lobby as disk, answer Not said again: "
                                 "disk said a line with this key before"
                               : "answer Said in lobby as disk, answer Not said again: disk said a line with this "
                                 "key before");
                inbox_read(f->inboxes[ANN]);
        }
}

/* If a key cannot be noted, its line is not said, and the program is told so. */
static void test_no_room_for_keys(void **state)
{
        struct fixture *f = *state;
        char path[256];
        begin(f);
        snprintf(path, sizeof(path), "%s/webhooks", f->dir);
        assert_int_equal(mkdir(path, 0700), 0);
        post(f, DISK, 7, "", "no");
        post(f, DISK, 0, "", "yes");
        serve(f);
        assert_inbox(f, ANN, "line disk yes");
        assert_inbox(
                f, EVE,
                "answer Not said: the chat cannot store the key right now; try again later, answer Said in lobby as "
                "disk");
        assert_int_equal(rmdir(path), 0);
        post(f, DISK, 7, "", "now");
        serve(f);
        assert_inbox(f, ANN, "line disk now");
}

/* A file of another layout holds no keys. */
static void test_another_layout(void **state)
{
        struct fixture *f = *state;
        char path[256];
        begin(f);
        post(f, DISK, 7, "", "one");
        serve(f);
        kill_broker(f);
        snprintf(path, sizeof(path), "%s/webhooks", f->dir);
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        assert_int_equal(fputc(99, file), 99);
        assert_int_equal(fclose(file), 0);
        start_broker(f);
        recovery_run(f->chat);
        add_tokens(f);
        inbox_read(f->inboxes[ANN]);
        post(f, DISK, 7, "", "one");
        post(f, DISK, 7, "", "one");
        serve(f);
        assert_inbox(f, ANN, "line disk one, rollcall");
}

/* Newcomers see the line among the past ones, and other hosts get it. */
static void test_history_and_link(void **state)
{
        struct fixture *f = *state;
        begin(f);
        link_hello(f);
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
        f->chat->settings.history = 5;
        serve(f);
        inbox_read(f->inboxes[LINK]);
        post(f, DISK, 7, "", "full");
        serve(f);
        assert_inbox(f, LINK, "line disk full");
        inbox_read(f->inboxes[ANN]);
        struct frame frame = numbered(f, ANN, FRAME_HISTORY);
        put(f, &frame);
        serve(f);
        assert_inbox(f, ANN, "past, line disk full");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_line),
                TEST(test_refusals),
                TEST(test_a_room_that_ends),
                TEST(test_several_lines),
                TEST(test_keys),
                TEST(test_a_room_that_is_gone),
                TEST(test_the_last_numbers),
                TEST(test_many_keys),
                TEST(test_a_frame_comes_again),
                TEST(test_another_token_of_the_name),
                TEST(test_no_room_for_keys),
                TEST(test_another_layout),
                TEST(test_history_and_link),
        };
        return RUN_TESTS(tests);
}
