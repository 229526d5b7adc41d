#include <fcntl.h>
#include <stdio.h>

#include "../../chatd/linelog.h"

#include "broker-fixture.h"

/* Standard error is a pipe while a test runs. */
static int saved, from;

static int setup_log(void **state)
{
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        saved = dup(STDERR_FILENO);
        from = fds[0];
        dup2(fds[1], STDERR_FILENO);
        close(fds[1]);
        return setup(state);
}

static int teardown_log(void **state)
{
        teardown(state);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(from);
        return 0;
}

/* Returns what was logged, up to the line `last`. */
static const char *read_until(const char *last)
{
        static char all[1 << 23];
        size_t len = 0;
        char line[128];
        snprintf(line, sizeof(line), "chatd: %s\n", last);
        all[0] = '\0';
        while (len < strlen(line) || strcmp(all + len - strlen(line), line) != 0) {
                ssize_t n = read(from, all + len, sizeof(all) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
                all[len] = '\0';
        }
        return all;
}

static void request(struct fixture *f, uint32_t who, enum frame_type type, const char *name, const char *text)
{
        put(f, &(struct frame){.type = (uint8_t)type,
                               .id = inbox_id(who),
                               .number = ++f->numbers[who],
                               .name = slice_of(name),
                               .text = slice_of(text)});
}

static void test_what_is_logged(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        say(f, ANN, "before");
        serve(f);
        f->chat->settings.log_lines = true;
        link_hello(f);
        say(f, ANN, "hi");
        say(f, ANN, "");
        request(f, BOB, FRAME_ACTION, "", "waves");
        request(f, BOB, FRAME_ROOM, "kitchen", "");
        request(f, BOB, FRAME_ACTION, "", "cooks");
        say(f, BOB, "soup\u00ad!");
        request(f, ANN, FRAME_PRIVATE, "bob", "psst");
        request(f, ANN, FRAME_PRIVATE, "zoe@b", "psst, you too");
        inject(f, 1, 1);
        inject_record(f, &(struct record){.kind = RECORD_PRIVATE,
                                          .number = 2,
                                          .name = slice_of("zoe@b"),
                                          .text = slice_of("ann psst from far away")});
        serve(f);
        f->chat->settings.log_lines = false;
        say(f, ANN, "behind");
        hello(f, EVE);
        serve(f);
        assert_string_equal(read_until("eve joined from here:1"), "chatd: ann joined from here:1\n"
                                                                  "chatd: bob joined from here:1\n"
                                                                  "chatd: ann: hi\n"
                                                                  "chatd: ann: \n"
                                                                  "chatd: * bob waves\n"
                                                                  "chatd: [kitchen] * bob cooks\n"
                                                                  "chatd: [kitchen] bob: soup?!\n"
                                                                  "chatd: zoe@b: 1\n"
                                                                  "chatd: the link to other hosts is there\n"
                                                                  "chatd: eve joined from here:1\n");
}

/* There is room for all fields of the longest possible line. */
static void test_the_longest_line(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1], name[NAME_MAX_BYTES + 1];
        struct journal *log = calloc(1, sizeof(*log)); /* without a thread, it keeps what is logged */
        struct journal_event e;
        struct room *room = rooms_get(&f->chat->roster.rooms, slice_of("abcdefghijklmnopqrstuvwx"));
        memset(text, 't', TEXT_MAX_BYTES);
        memset(name, 'n', NAME_MAX_BYTES);
        batch_begin(&f->chat->batch, f->chat->relay.epoch);
        batch_add_notice(&f->chat->batch, room,
                         &(struct record){.kind = RECORD_LINE,
                                          .id = UINT64_MAX,
                                          .number = UINT64_MAX,
                                          .name = slice_of(name),
                                          .text = slice_of(text)});
        linelog_write(log, &f->chat->batch);
        assert_int_equal(journal_next_event(log, &e), 1);
        assert_int_equal(e.fields, 8);
        assert_int_equal(strlen(e.data), strlen("MESSAGE=[] : ") + NICK_MAX_BYTES + NAME_MAX_BYTES + TEXT_MAX_BYTES);
        free(log);
}

static void test_a_log_that_is_stuck(void **state)
{
        struct fixture *f = *state;
        enum { LINES = 1000 };
        static char text[TEXT_MAX_BYTES + 1];
        size_t logged = 0;
        memset(text, 't', TEXT_MAX_BYTES);
        f->chat->settings.log_lines = true;
        fcntl(from, F_SETPIPE_SZ, 4096);
        hello(f, ANN);
        for (int i = 0; i < LINES; i++) {
                say(f, ANN, text);
                serve(f); /* the log is not read: each of these returns all the same */
        }
        assert_int_equal(f->chat->lines, LINES);

        static char all[1 << 23];
        size_t len = 0;
        char *drop;
        do {
                ssize_t n = read(from, all + len, sizeof(all) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
                all[len] = '\0';
                drop = strstr(all, "events that were not logged");
        } while (!drop || !strchr(drop, '\n'));
        for (const char *at = all; (at = strstr(at, "chatd: ann: ttt")); at++)
                logged++;
        assert_in_range(logged, 200, LINES - 1);
        assert_int_equal(logged + strtoul(strchr(drop, ':') + 1, NULL, 10), LINES);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup_log, teardown_log)

int main(void)
{
        const struct CMUnitTest tests[] = {
                LOG_TEST(test_what_is_logged),
                LOG_TEST(test_the_longest_line),
                LOG_TEST(test_a_log_that_is_stuck),
        };
        return RUN_TESTS(tests);
}
