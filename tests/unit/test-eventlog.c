#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <chat/journal.h>

#include "../../chatd/eventlog.h"
#include "../../chatd/lines-file.h"

#include "test.h"

/* While a test runs, standard error is a pipe; `from` is the end to read from. */
struct fixture {
        int saved, from;
        struct journal *log;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        f->saved = dup(STDERR_FILENO);
        f->from = fds[0];
        dup2(fds[1], STDERR_FILENO);
        close(fds[1]);
        f->log = journal_start("chatd");
        assert_non_null(f->log);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        close(f->saved);
        free(f);
        return 0;
}

/* Ends the log and returns all that it wrote. */
static const char *stop_and_read(struct fixture *f, char *all, size_t size)
{
        size_t len = 0;
        ssize_t n;
        journal_stop(f->log);
        dup2(f->saved, STDERR_FILENO); /* closes the end of the pipe */
        while ((n = read(f->from, all + len, size - 1 - len)) > 0)
                len += (size_t)n;
        close(f->from);
        all[len] = '\0';
        return all;
}

static void test_messages(void **state)
{
        struct fixture *f = *state;
        static char all[4096];
        struct eventlog_member m = {.id = 1, .name = "ann", .address = "1.2.3.4:5", .members = 1};
        eventlog_started(f->log, 1, 0);
        eventlog_join(f->log, &m);
        m.seconds = 2.34;
        m.lines_in = 5;
        m.lines_out = 6;
        m.reason = LEAVE_RESET;
        eventlog_leave(f->log, &m);
        eventlog_ignored(f->log, 1, "1 malformed");
        eventlog_warning(f->log, "cannot fly", -28);
        eventlog_not_chat(f->log, "1.2.3.4:5", slice_of("HTTP"), 0);
        eventlog_not_chat(f->log, "uid=1", slice_of(NOT_CHAT_HEADER "malformed"), 2);
        eventlog_unconfined(f->log, 1, CONFINED_NO_FILTER);
        eventlog_unconfined(f->log, 1, CONFINED_NOT);
        eventlog_unserved(f->log, 1, EINVAL, 3);
        eventlog_token(f->log, 0, "ops", "");
        eventlog_token_removed(f->log, 1000, "ops", "den");
        eventlog_token_taken_back(f->log, "ops", "");
        eventlog_stopped(f->log, 0, 7);
        assert_string_equal(
                stop_and_read(f, all, sizeof(all)),
                "chatd: started; members found: 0\n"
                "chatd: ann joined from 1.2.3.4:5\n"
                "chatd: ann left after 2.3 s (reset); lines in: 5, out: 6\n"
                "chatd: datagrams ignored: 1 malformed\n"
                "chatd: cannot fly: No space left on device\n"
                "chatd: 1.2.3.4:5 is not a chat client and was not let in: it speaks HTTP; others since: 0\n"
                "chatd: uid=1 was not let in: wrong PROXY header (malformed); others since: 2\n"
                "chatd: a session has no filter of system calls: there is none for its architecture; "
                "others like it are not logged\n"
                "chatd: a session runs without its sandbox, as its --no-sandbox says; others like it are not "
                "logged\n"
                "chatd: a session cannot enter its sandbox, and does not serve its client: Invalid argument; "
                "the kernel has no filters of system calls (CONFIG_SECCOMP_FILTER); others since: 3\n"
                "chatd: root added the token for ops\n"
                "chatd: user 1000 removed the token for ops, in the room den\n"
                "chatd: chatd took back the token for ops\n"
                "chatd: stopped; members that stay connected: 0, lines relayed: 7\n");
}

/* The event of a damaged file of bans: how many are left, which lines are bad, and where the file is. */
static void test_damaged_bans(void **state)
{
        struct fixture *f = *state;
        static char all[4096];
        struct lines_file_report report = {.state = LINES_FILE_DAMAGED, .has_total = true, .total = 9, .intact = 8};
        eventlog_lines_file(f->log, "bans", "/d/bans", &report, "/d/bans.damaged");
        report.bad.count = 2;
        report.bad.first[0] = 5;
        report.bad.first[1] = 7;
        report.is_mixed = report.too_long = true;
        eventlog_lines_file(f->log, "bans", "/d/bans", &report, NULL);
        report = (struct lines_file_report){.state = LINES_FILE_DAMAGED,
                                            .without_sum.count = LINES_FILE_LINES_LISTED + 3};
        eventlog_lines_file(f->log, "bans", "/d/bans", &report, "/d/bans.damaged");
        report = (struct lines_file_report){.state = LINES_FILE_EDITED, .without_sum = {1, {12}}};
        eventlog_lines_file(f->log, "bans", "/d/bans", &report, NULL);
        report = (struct lines_file_report){.state = LINES_FILE_DAMAGED, .has_total = true, .total = 2};
        eventlog_lines_file(f->log, "tokens", "/d/tokens", &report, NULL);
        assert_string_equal(
                stop_and_read(f, all, sizeof(all)),
                "chatd: /d/bans is damaged: 8 of 9 bans are intact and in effect; the damaged file is kept as "
                "bans.damaged\n"
                "chatd: /d/bans is damaged: 8 of 9 bans are intact and in effect, but some of them are of an earlier "
                "file; damaged, and without effect: line 5, 7; the file is too long, and its end was not read\n"
                "chatd: /d/bans is damaged: 0 bans are intact and in effect; how many are lost is not known; in "
                "effect without a checksum: line 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 and 3 more; the "
                "damaged file is kept as bans.damaged\n"
                "chatd: /d/bans was edited; in effect without a checksum: line 12\n"
                "chatd: /d/tokens is damaged: 0 of 2 tokens are intact and in effect\n");
}

static void test_a_log_that_is_stuck_costs_events_and_they_are_counted(void **state)
{
        struct fixture *f = *state;
        static char all[1 << 20];
        enum { EVENTS = 20000 };
        struct eventlog_member m = {.id = 1, .name = "ann", .address = "1.2.3.4:5"};
        fcntl(f->from, F_SETPIPE_SZ, 4096);
        for (int i = 0; i < EVENTS; i++)
                eventlog_join(f->log, &m); /* the pipe is not read: each of these returns all the same */

        size_t len = 0, joined = 0;
        char *drop;
        for (;;) {
                ssize_t n = read(f->from, all + len, sizeof(all) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
                all[len] = '\0';
                drop = strstr(all, "events that were not logged");
                if (drop && strchr(drop, '\n'))
                        break;
        }
        for (const char *at = all; (at = strstr(at, "ann joined")); at++)
                joined++;
        assert_int_equal(joined + strtoul(strchr(drop, ':') + 1, NULL, 10), EVENTS);
        stop_and_read(f, all, sizeof(all));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_messages),
                TEST(test_damaged_bans),
                TEST(test_a_log_that_is_stuck_costs_events_and_they_are_counted),
        };
        return RUN_TESTS(tests);
}
