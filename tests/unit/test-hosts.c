#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/notice.h>

#include "../../chat-link/hosts.h"

#include "test.h"

enum { A = 11, B = 22, C = 33, D = 44 }; /* instances */

/* In memory that outlives a process, as the spool's file does. */
struct fixture {
        struct hosts hosts;
        struct hosts_kept memory;
        struct hosts_others others;
        uint64_t number, missing, unseen;
        int64_t now;
        char text[TEXT_MAX_BYTES];
};

static int setup(void **state)
{
        struct fixture *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        f->now = 1000000;
        hosts_init(&f->hosts, &f->memory, &f->others, f->now);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        return munmap(*state, sizeof(struct fixture));
}

static uint64_t said(struct fixture *f, const char *label, uint64_t instance, uint64_t position, uint64_t count,
                     uint64_t number)
{
        struct hosts_message m = {.instance = instance, .position = position, .count = count, .number = number};
        struct hosts_irregular is = hosts_said(&f->hosts, label, &m);
        f->missing = is.missing_count;
        f->unseen = is.unseen_count;
        return is.skip;
}

/* Takes the next message of a host. Returns how many of its records are left out. */
static uint64_t say(struct fixture *f, const char *label, uint64_t instance, uint64_t position, uint64_t count)
{
        f->number += 1000;
        return said(f, label, instance, position, count, f->number);
}

static void assert_said(struct fixture *f, uint64_t instance, uint64_t position, uint64_t count, uint64_t skipped,
                        uint64_t missing)
{
        uint64_t skip = say(f, "b", instance, position, count);
        assert_int_equal(skip, skipped);
        assert_int_equal(f->missing, missing);
        assert_int_equal(f->unseen, 0);
}

/* Returns the length of the sentence that says the news, or 0. */
static size_t take_news(struct fixture *f)
{
        static uint8_t list[HOSTS_NEWS_MAX_BYTES];
        struct answer news = {0};
        return hosts_news(&f->hosts, f->now, list, &news) ? notice_sentence(&news, f->text).len : 0;
}

static void assert_news(struct fixture *f, const char *expected)
{
        size_t len = take_news(f);
        assert_int_equal(len, strlen(expected));
        if (len > 0)
                assert_string_equal(f->text, expected);
}

static void assert_described(struct fixture *f, size_t here, const char *expected)
{
        assert_int_equal(hosts_describe(&f->hosts, f->text, sizeof(f->text)), here);
        assert_string_equal(f->text, expected);
}

static void alive(struct fixture *f, const char *label, uint64_t members)
{
        hosts_alive(&f->hosts, label, members, 0, f->now);
}

/* ---- what other hosts said ---- */

static void test_one_behind_another(void **state)
{
        struct fixture *f = *state;
        assert_said(f, A, 70, 3, 0, 0); /* the first message of this host: earlier ones are not for us */
        assert_said(f, A, 73, 1, 0, 0);
        assert_int_equal(say(f, "c", B, 5, 1), 0);
        assert_said(f, A, 74, 0, 0, 0);
        assert_said(f, A, 74, 2, 0, 0);
}

static void test_stored_twice(void **state)
{
        struct fixture *f = *state;
        assert_said(f, A, 0, 5, 0, 0);
        assert_said(f, A, 0, 5, 5, 0);
        assert_said(f, A, 3, 2, 2, 0);
        assert_said(f, A, 3, 4, 2, 0); /* two of the last four are new */
        assert_said(f, A, 1, 1, 1, 0);
        assert_said(f, A, 7, 1, 0, 0);
}

static void test_what_is_missing(void **state)
{
        struct fixture *f = *state;
        assert_said(f, A, 0, 5, 0, 0);
        assert_said(f, A, 8, 1, 0, 3);
        assert_said(f, A, 9, 1, 0, 0);
        assert_said(f, A, 11, 1, 0, 1);
}

static void test_a_new_spool(void **state)
{
        struct fixture *f = *state;
        assert_said(f, A, 0, 5, 0, 0);
        assert_said(f, B, 0, 1, 0, 0);
        assert_said(f, B, 1, 1, 0, 0);
        say(f, "b", C, 5, 1); /* the old instance is unknown: all that it had before may have come */
        assert_int_equal(f->missing, 0);
        assert_int_equal(f->unseen, 5);
        uint64_t number = f->number;
        assert_said(f, C, 6, 1, 0, 0);
        said(f, "b", C, 5, 1, number);
        assert_int_equal(f->unseen, 5); /* the same when it is read again */
}

/* Three hosts of one label speak in turns. The link forgets nothing about any of them. */
static void test_several_speak_in_turns(void **state)
{
        struct fixture *f = *state;
        static const uint64_t all[HOSTS_INSTANCES_MAX] = {A, B, C};
        uint64_t position[HOSTS_INSTANCES_MAX] = {0}, seed = 1;
        assert_said(f, D, 0, 9, 0, 0);
        assert_int_equal(say(f, "c", A, 50, 1), 0); /* another host's instance does not count */
        for (size_t i = 0; i < HOSTS_INSTANCES_MAX; i++)
                assert_said(f, all[i], 0, 1, position[i]++, 0);
        for (int i = 0; i < 1000; i++) {
                seed = seed * 6364136223846793005 + 1;
                size_t who = seed >> 33 & 3;
                if (who == 3)
                        hosts_init(&f->hosts, &f->memory, &f->others, f->now); /* as after kill -9 */
                if (who == 3)
                        continue;
                uint64_t count = 1 + (seed >> 40) % 3, missing = i % 7 == 0;
                assert_said(f, all[who], position[who] + missing, count, 0, missing);
                position[who] += missing + count;
                if (i % 5 == 0)
                        assert_said(f, all[who], position[who] - count, count, count, 0); /* stored twice */
        }
        assert_int_equal(say(f, "c", A, 51, 1), 0);
        assert_int_equal(f->missing + f->unseen, 0);
        say(f, "b", D, 9, 1); /* one instance too many: the one that spoke longest ago was forgotten */
        assert_int_equal(f->unseen, 9);
}

/* This host once had the label of the other host. Records of its members from that time are not shown again. */
static void test_what_is_our_own(void **state)
{
        struct fixture *f = *state;
        struct hosts_message m = {.instance = A, .position = 5, .count = 4, .number = 1000, .own_records = 7};
        say(f, "b", B, 0, 1);
        m.number = f->number += 1000;
        struct hosts_irregular is = hosts_said(&f->hosts, "b", &m);
        assert_true(is.skip == 2 && is.missing_count == 0 && is.unseen_count == 0);
        m = (struct hosts_message){
                .instance = C, .position = 9, .count = 1, .number = f->number += 1000, .own_records = 7};
        is = hosts_said(&f->hosts, "b", &m);
        assert_true(is.skip == 0 && is.missing_count == 2 && is.unseen_count == 0);
}

static void test_read_again(void **state)
{
        struct fixture *f = *state;
        say(f, "b", A, 0, 5);  /* 1000 */
        say(f, "b", A, 5, 5);  /* 2000 */
        say(f, "b", A, 12, 1); /* 3000 */
        for (int i = 0; i < 2; i++) {
                hosts_init(&f->hosts, &f->memory, &f->others, f->now);
                assert_int_equal(said(f, "b", A, 5, 5, 2000), 0);
                assert_int_equal(f->missing, 0);
                assert_int_equal(said(f, "b", A, 12, 1, 3000), 0);
                assert_int_equal(f->missing, 2); /* the same as the first time */
        }
        assert_said(f, A, 13, 1, 0, 0);
}

static void test_what_was_irregular_is_known_of_many(void **state)
{
        struct fixture *f = *state;
        say(f, "b", A, 0, 5);  /* 1000 */
        say(f, "b", A, 3, 4);  /* 2000 */
        say(f, "b", A, 10, 1); /* 3000 */
        for (uint64_t i = 0; i < HOSTS_IRREGULAR_MAX - 2; i++)
                say(f, "c", B, 2 * i, 1);
        say(f, "b", A, 11, 1);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(said(f, "b", A, 3, 4, 2000), 2);
                assert_int_equal(said(f, "b", A, 10, 1, 3000), 0);
                assert_int_equal(f->missing, 3);
                f->missing = 0;
                hosts_init(&f->hosts, &f->memory, &f->others, f->now);
        }
        say(f, "c", B, 1000000, 1);
        say(f, "c", B, 1000002, 1);
        assert_int_equal(said(f, "b", A, 3, 4, 2000), 0); /* it was too long ago */
}

/* Returns for how many ms records of host b have been missing, if the host states these `count` instances. The instance
 * at `which` is the one that lacks records. */
static int64_t lack_ms(struct fixture *f, const struct hosts_instance *all, size_t count, size_t which, bool follows)
{
        size_t at = SIZE_MAX;
        bool it_follows = false;
        int64_t ms = hosts_lack_ms(&f->hosts, "b", all, count, f->now += 100, &at, &it_follows);
        if (ms > 0)
                assert_true(at == which && it_follows == follows);
        return ms;
}

static int64_t lack_of(struct fixture *f, uint64_t instance, uint64_t position)
{
        return lack_ms(f, &(struct hosts_instance){.instance = instance, .position = position}, 1, 0, false);
}

static void test_something_lacks(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(lack_of(f, A, 9), 0); /* the host was not heard of before */
        say(f, "b", A, 0, 5);
        assert_int_equal(lack_of(f, A, 5), 0);
        assert_int_equal(lack_of(f, A, 7), 0);
        assert_int_equal(lack_of(f, A, 9), 100);
        say(f, "b", A, 5, 1); /* one of the missing records has come */
        assert_int_equal(lack_of(f, A, 9), 0);
        assert_int_equal(lack_of(f, A, 9), 100);
        assert_int_equal(lack_of(f, B, 0), 0); /* a new spool */
        assert_int_equal(lack_of(f, B, 1), 0);
        assert_int_equal(lack_of(f, A, 9), 400); /* two hosts of one label: each has its own time */
        assert_int_equal(lack_of(f, B, 1), 200);
        say(f, "b", A, 6, 3);
        assert_int_equal(lack_of(f, A, 9), 0);
        assert_int_equal(lack_of(f, B, 1), 400);
}

/* A host was away for several boots of another host. It gets the records of each boot that it missed, and no earlier
 * ones. */
static void test_something_lacks_of_those_before(void **state)
{
        struct fixture *f = *state;
        const struct hosts_instance all[] = {{D, 2, 0}, {C, 7, 0}, {B, 4, 0}, {A, 90, 0}};
        say(f, "b", B, 1, 1);
        assert_int_equal(lack_ms(f, all, 4, 0, false), 0);
        assert_int_equal(lack_ms(f, all, 4, 2, false), 100); /* the oldest first; A was earlier */
        say(f, "b", B, 4, 0);
        assert_int_equal(lack_ms(f, all, 4, 1, true), 200); /* an unknown instance begins at 0 */
        struct hosts_message m = {.instance = C, .position = 7, .number = f->number += 1000, .follows = true};
        struct hosts_irregular is = hosts_said(&f->hosts, "b", &m);
        assert_true(is.missing_count == 7 && is.unseen_count == 0);
        assert_int_equal(lack_ms(f, all, 4, 0, true), 300);
        say(f, "b", D, 0, 2);
        assert_int_equal(lack_ms(f, all, 4, 0, false), 0);
        /* records of members of this host are not lacking */
        const struct hosts_instance own[] = {{100, 5, 5}, {101, 6, 5}};
        assert_int_equal(lack_ms(f, own, 2, 0, false), 0);
        assert_int_equal(lack_ms(f, own, 2, 1, false), 100);
        /* if no instance is known it may be another host of that label: the newest counts, as always */
        const struct hosts_instance unknown[] = {{200, 5, 0}, {201, 6, 0}};
        assert_int_equal(lack_ms(f, unknown, 2, 0, false), 0);
        assert_int_equal(lack_ms(f, unknown, 2, 0, false), 100);
        /* if there are too many instances, a new one waits until another is no longer mentioned */
        for (uint64_t i = 0; i < HOSTS_LACKS_MAX - 2; i++)
                assert_int_equal(lack_of(f, 300 + i, 5), 0);
        assert_int_equal(lack_of(f, 400, 5), 0);
        assert_int_equal(lack_of(f, 400, 5), 0);
        f->now += HOSTS_LOST_MS;
        assert_int_equal(lack_of(f, 400, 5), 0);
        assert_int_equal(lack_of(f, 400, 5), 100);
}

static void test_the_credit_of_a_host(void **state)
{
        struct fixture *f = *state;
        assert_false(hosts_has_credit(&f->hosts, "b", f->now)); /* an unknown host */
        say(f, "b", A, 0, 5);
        say(f, "c", B, 0, 5);
        assert_true(hosts_has_credit(&f->hosts, "b", f->now));
        hosts_charge(&f->hosts, "b", HOSTS_CREDIT_MS - 1, f->now);
        assert_true(hosts_has_credit(&f->hosts, "b", f->now));
        hosts_charge(&f->hosts, "b", 1, f->now);
        hosts_init(&f->hosts, &f->memory, &f->others, f->now);
        assert_false(hosts_has_credit(&f->hosts, "b", f->now));
        assert_true(hosts_has_credit(&f->hosts, "b", f->now + HOSTS_CREDIT_SHARE));
        assert_true(hosts_has_credit(&f->hosts, "c", f->now));
}

static void test_stored_twice_and_read_again(void **state)
{
        struct fixture *f = *state;
        say(f, "b", A, 0, 5);
        assert_said(f, A, 3, 4, 2, 0);
        assert_int_equal(said(f, "b", A, 0, 5, 1000), 0);
        assert_int_equal(said(f, "b", A, 3, 4, 2000), 2);
        assert_int_equal(said(f, "b", A, 3, 4, 2000), 2);
        assert_said(f, A, 7, 1, 0, 0);
}

static void test_the_last_number(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(hosts_last_number(&f->hosts), 0);
        say(f, "b", A, 0, 5);
        say(f, "c", B, 0, 5);
        say(f, "b", A, 0, 5);
        assert_int_equal(hosts_last_number(&f->hosts), 3000);
        said(f, "b", A, 0, 5, 1000);
        assert_int_equal(hosts_last_number(&f->hosts), 3000);
}

static void test_positions_that_overflow(void **state)
{
        struct fixture *f = *state;
        assert_said(f, A, 0, 1, 0, 0);
        assert_said(f, A, UINT64_MAX, 2, 0, UINT64_MAX - 1);
        assert_said(f, A, 0, 1, 1, 0); /* its earlier records are not shown again */
        assert_said(f, A, UINT64_MAX - 1, UINT64_MAX, 0, UINT64_MAX - 2);
        assert_int_equal(say(f, "b", B, UINT64_MAX, 1), 0);
        assert_true(f->unseen == UINT64_MAX);
        assert_said(f, A, 0, 1, 1, 0);
        assert_int_equal(said(f, "b", A, 0, 1, UINT64_MAX), 1);
}

/* ---- which hosts are there ---- */

static void test_one_host_comes_goes_and_returns(void **state)
{
        struct fixture *f = *state;
        assert_news(f, "");
        assert_described(f, 0, "");
        say(f, "b", A, 0, 1); /* a message alone does not mean that the host is there */
        assert_news(f, "");
        alive(f, "b", 12);
        assert_news(f, "b is here, with 12 people");
        assert_news(f, "");
        assert_described(f, 1, "b (12 people)");
        assert_int_equal(hosts_wake_ms(&f->hosts, f->now), f->now + HOSTS_LOST_MS);
        alive(f, "b", 1);
        f->now += HOSTS_LOST_MS - 1;
        assert_news(f, "");
        f->now++;
        assert_true(hosts_wake_ms(&f->hosts, f->now) == INT64_MAX);
        assert_news(f, "b is away, with 1 person");
        assert_news(f, "");
        assert_described(f, 0, "b (away)");
        f->now += HOSTS_LOST_MS;
        alive(f, "b", 0);
        assert_described(f, 0, "b (away)");
        assert_news(f, "b is back, with 0 people");
        assert_described(f, 1, "b (0 people)");
}

static void test_several_hosts_together(void **state)
{
        struct fixture *f = *state;
        alive(f, "b", 1);
        alive(f, "c", 2);
        assert_news(f, "b (1 person) and c (2 people) are here");
        assert_news(f, "");
        f->now += HOSTS_LOST_MS / 2;
        alive(f, "d", 3);
        assert_int_equal(hosts_wake_ms(&f->hosts, f->now), f->now + HOSTS_LOST_MS / 2);
        f->now += HOSTS_LOST_MS / 2 - 1;
        alive(f, "d", 3);
        f->now++;
        assert_news(f, "b (1 person) and c (2 people) are away"); /* one kind of news at a time */
        assert_news(f, "d is here, with 3 people");
        assert_news(f, "");
        assert_described(f, 1, "b (away), c (away), d (3 people)");
        f->now += HOSTS_LOST_MS;
        assert_news(f, "d is away, with 3 people");
        alive(f, "d", 4);
        alive(f, "b", 5);
        alive(f, "c", 6);
        alive(f, "e", 7);
        assert_news(f, "b (5 people), c (6 people) and d (4 people) are back");
        assert_news(f, "e is here, with 7 people");
        assert_news(f, "");
}

static void test_a_restart_is_no_news(void **state)
{
        struct fixture *f = *state;
        alive(f, "b", 1);
        alive(f, "c", 2);
        assert_news(f, "b (1 person) and c (2 people) are here");
        f->now += HOSTS_LOST_MS - 1;
        alive(f, "b", 1);
        f->now++;
        assert_news(f, "c is away, with 2 people");
        f->now += 100 * HOSTS_LOST_MS;
        hosts_init(&f->hosts, &f->memory, &f->others, f->now);
        assert_news(f, "");
        assert_int_equal(hosts_wake_ms(&f->hosts, f->now), f->now + HOSTS_LOST_MS);
        f->now += HOSTS_LOST_MS;
        assert_news(f, "b is away, with 1 person");
}

static void process_alive(struct fixture *f, uint64_t process)
{
        f->now += 100;
        hosts_alive(&f->hosts, "b", 1, process, f->now);
}

static void assert_twin_news(struct fixture *f, const char *label, bool expected)
{
        bool several = !expected;
        const char *news = hosts_twin_news(&f->hosts, f->now, &several);
        assert_true(label ? news && strcmp(news, label) == 0 && several == expected : !news);
}

static void test_several_hosts_of_one_label(void **state)
{
        struct fixture *f = *state;
        process_alive(f, 0);                                  /* of an early version */
        for (uint64_t process = 1; process < 10; process++) { /* it is started again and again */
                process_alive(f, process);
                process_alive(f, process);
        }
        process_alive(f, 8); /* a late message */
        process_alive(f, 9);
        assert_twin_news(f, NULL, false);
        f->now += HOSTS_LOST_MS;
        for (int i = 0; i < 5; i++) { /* three of them */
                process_alive(f, 11);
                process_alive(f, 12);
                assert_twin_news(f, i == 2 ? "b" : NULL, true);
                process_alive(f, 13);
        }
        assert_twin_news(f, NULL, true);
        assert_true(take_news(f) > 0);
        assert_described(f, 1, "b (1 person, several hosts)");
        for (int64_t left = HOSTS_LOST_MS; left > 200; left -= 100)
                process_alive(f, 13);
        assert_twin_news(f, NULL, true);
        process_alive(f, 13);
        process_alive(f, 13);
        assert_twin_news(f, "b", false);
        assert_described(f, 1, "b (1 person)");
}

static void fill(struct fixture *f, bool tell)
{
        char label[48];
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "h%d", i);
                alive(f, label, 1);
                f->now++;
        }
        if (tell)
                assert_true(take_news(f) > 0);
}

static void test_no_place_while_all_are_here(void **state)
{
        struct fixture *f = *state;
        fill(f, true);
        hosts_alive(&f->hosts, "b", 1, 0, f->now);
        assert_said(f, A, 0, 7, 7, 0);
        assert_int_equal(f->hosts.refusals, 2);
        assert_news(f, "");
        assert_int_equal(say(f, "h7", A, 0, 7), 0);
}

static void test_who_was_away_for_longest_is_forgotten(void **state)
{
        struct fixture *f = *state;
        fill(f, true);
        say(f, "h0", A, 0, 7);
        say(f, "h7", A, 0, 7);
        say(f, "h7", A, 7, 7);
        for (int i = 0; i < HOSTS_MAX; i++)
                f->hosts.alive_ms[i] = i == 7 ? f->now - 1 : f->now;
        f->now += HOSTS_LOST_MS - 1;
        alive(f, "h0", 1);
        f->now++; /* only h0 is still there */
        assert_true(take_news(f) > 0);
        alive(f, "b", 3);
        assert_string_equal(f->memory.all[7].label, "b");
        assert_int_equal(f->memory.all[7].progress[f->memory.all[7].current].instance, 0); /* nothing of h7 is left */
        assert_said(f, B, 9, 1, 0, 0);
        assert_news(f, "b is here, with 3 people");
        assert_int_equal(say(f, "h0", A, 0, 7), 7);
        alive(f, "h7", 4);
        assert_string_equal(f->memory.all[1].label, "h7");
        assert_news(f, "h7 is here, with 4 people");
}

static void test_all_at_once_fit(void **state)
{
        struct fixture *f = *state;
        char label[48];
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "abcdefghijklmnopqrstuv%02d", i);
                alive(f, label, UINT64_MAX);
        }
        size_t len = take_news(f);
        assert_int_equal(len, strlen(f->text));
        assert_string_equal(f->text + len - strlen(" are here"), " are here");
        char small[20];
        memset(small, 'x', sizeof(small));
        assert_int_equal(hosts_describe(&f->hosts, small, sizeof(small) - 1), HOSTS_MAX);
        assert_string_equal(small, "abcdefghijklmnopqr");
        assert_int_equal(small[19], 'x');
}

static void test_memory_that_holds_no_hosts(void **state)
{
        struct fixture *f = *state;
        alive(f, "b", 1);
        assert_news(f, "b is here, with 1 person");
        f->memory.all[1] = (struct host){.label = "A\033", .state = HOST_HERE};
        memset(f->memory.all[2].label, 'x', sizeof(f->memory.all[2].label));
        f->memory.all[3] = (struct host){.label = "d", .state = HOST_AWAY + 1};
        f->memory.all[4] = (struct host){.label = "e", .current = 2};
        memset(&f->memory.all[5], 0xff, sizeof(f->memory.all[5]));
        hosts_init(&f->hosts, &f->memory, &f->others, f->now);
        assert_described(f, 1, "b (1 person)");
        assert_int_equal(f->memory.all[4].label[0], '\0');
        f->now += HOSTS_LOST_MS;
        assert_news(f, "b is away, with 1 person");
        assert_news(f, "");
}

/* ---- kill -9 ---- */

/* Runs `work` in another process, instruction by instruction. `check` checks what kill -9 at that moment would
 * leave. */
static void step_through(struct fixture *f, void (*work)(struct fixture *), void (*check)(struct fixture *left))
{
        static struct fixture before, left;
        int status, changes = 0;
        pid_t child = fork();
        if (child == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
                        raise(SIGSTOP);
                work(f);
                _exit(0);
        }
        while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
                if (memcmp(&before.memory, &f->memory, sizeof(f->memory)) != 0 ||
                    memcmp(&before.others, &f->others, sizeof(f->others)) != 0) {
                        before = left = *f;
                        hosts_init(&left.hosts, &left.memory, &left.others, f->now);
                        check(&left);
                        changes++;
                }
                ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
        }
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        if (changes == 0)
                skip(); /* ptrace(2) is not available here */
        assert_in_range(changes, 4, 1000);
}

static void say_more(struct fixture *f)
{
        say(f, "b", A, 5, 2);
}

static void check_said(struct fixture *left)
{
        const struct hosts_kept *memory = &left->memory;
        const struct host *host = &memory->all[0];
        const struct host_progress *last = &host->progress[host->current];
        const struct hosts_irregular *irregular = &memory->irregular[0];
        assert_string_equal(host->label, "b");
        assert_int_equal(last->instance, A);
        assert_int_equal(last->expected_position, last->number == 1000 ? 3 : 7);
        assert_in_range(last->number, 1000, 2000);
        assert_true(irregular->number == 0 || (irregular->number == 2000 && irregular->missing_count == 2));
        assert_true(last->number == 1000 || irregular->number == 2000);
}

static void test_killed_while_somebody_speaks(void **state)
{
        struct fixture *f = *state;
        say(f, "b", A, 0, 3);
        step_through(f, say_more, check_said);
        assert_said(f, A, 7, 1, 0, 0);
}

static void let_another_speak(struct fixture *f)
{
        say(f, "b", A, 5, 2);
}

/* Returns the position of the next record of the instance, as the next process finds it. */
static uint64_t expected_of(const struct fixture *left, uint64_t instance)
{
        static struct fixture next;
        next = *left;
        hosts_init(&next.hosts, &next.memory, &next.others, next.now);
        struct hosts_message m = {.instance = instance, .position = 1000, .number = 1000000};
        struct hosts_irregular is = hosts_said(&next.hosts, "b", &m);
        assert_int_equal(is.unseen_count, 0);
        return 1000 - is.missing_count;
}

static void check_all_are_known(struct fixture *left)
{
        const struct host *host = &left->memory.all[0];
        bool spoke = host->progress[host->current].number == 4000;
        assert_int_equal(expected_of(left, A), spoke ? 7 : 3);
        assert_int_equal(expected_of(left, B), 4);
        assert_int_equal(expected_of(left, C), 5);
}

static void test_killed_while_another_instance_speaks(void **state)
{
        struct fixture *f = *state;
        say(f, "b", A, 0, 3);
        say(f, "b", B, 0, 4);
        say(f, "b", C, 0, 5);
        step_through(f, let_another_speak, check_all_are_known);
        assert_said(f, A, 7, 1, 0, 0);
        assert_said(f, C, 5, 1, 0, 0);
}

static void admit_another(struct fixture *f)
{
        say(f, "another", HOSTS_MAX, 0, 1);
}

/* Checks that each host except the newcomer has its instance. */
static void check_admitted(struct fixture *left)
{
        const struct hosts_kept *memory = &left->memory;
        for (uint64_t i = 0; i < HOSTS_MAX; i++) {
                const struct host *host = &memory->all[i];
                uint64_t instance = host->progress[host->current].instance;
                char label[48] = "";
                snprintf(label, sizeof(label), "h%d", (int)i);
                if (strcmp(host->label, label) == 0)
                        assert_int_equal(instance, i + 100);
                else if (strcmp(host->label, "another") == 0)
                        assert_true(instance == 0 || instance == HOSTS_MAX);
                else
                        assert_string_equal(host->label, "");
        }
}

static void test_killed_while_one_takes_the_place_of_another(void **state)
{
        struct fixture *f = *state;
        char label[48];
        fill(f, false);
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "h%d", i);
                say(f, label, (uint64_t)i + 100, 0, 1);
                say(f, label, (uint64_t)i + 100, 1, 1);
        }
        step_through(f, admit_another, check_admitted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_one_behind_another),
                TEST(test_stored_twice),
                TEST(test_what_is_missing),
                TEST(test_a_new_spool),
                TEST(test_several_speak_in_turns),
                TEST(test_what_is_our_own),
                TEST(test_read_again),
                TEST(test_stored_twice_and_read_again),
                TEST(test_what_was_irregular_is_known_of_many),
                TEST(test_something_lacks),
                TEST(test_something_lacks_of_those_before),
                TEST(test_the_credit_of_a_host),
                TEST(test_the_last_number),
                TEST(test_positions_that_overflow),
                TEST(test_one_host_comes_goes_and_returns),
                TEST(test_several_hosts_of_one_label),
                TEST(test_several_hosts_together),
                TEST(test_a_restart_is_no_news),
                TEST(test_no_place_while_all_are_here),
                TEST(test_who_was_away_for_longest_is_forgotten),
                TEST(test_all_at_once_fit),
                TEST(test_memory_that_holds_no_hosts),
                TEST(test_killed_while_somebody_speaks),
                TEST(test_killed_while_another_instance_speaks),
                TEST(test_killed_while_one_takes_the_place_of_another),
        };
        return RUN_TESTS(tests);
}
