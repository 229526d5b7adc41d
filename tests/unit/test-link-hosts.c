/* Hosts that come and go, and several hosts of one label. */
#include "link-fixture.h"

/* Returns all journal entries since the last call. */
static const char *logged(struct fixture *f)
{
        static char all[8192];
        struct journal_event e;
        size_t len = 0;
        all[0] = '\0';
        while (f->journal->used_bytes > 0 && len < sizeof(all)) {
                e.data[0] = '\0';
                journal_next_event(f->journal, &e);
                len += (size_t)snprintf(all + len, sizeof(all) - len, "%s\n", e.data);
        }
        return all;
}

static void test_more_hosts_than_can_be(void **state)
{
        struct fixture *f = *state;
        char label[16];
        settle(f);
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "b%d", i);
                alive(f, label, 1);
        }
        settle(f);
        publish(f, "c", 1, 0, 1, NULL);
        alive(f, "c", 1);
        settle(f);
        now_ms += LINK_STATUS_MS;
        work(f);
        assert_int_equal(f->link->hosts.refusals, 2);
        assert_int_equal(f->link->ignored_count, 0);
        assert_non_null(strstr(last_logged(f), "more hosts"));
}

static void test_hosts_come_and_go(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 12);
        settle(f);
        alive(f, "b", 12);
        alive(f, "c", 1);
        assert_seen(f, "* b is here, with 12 people, * c is here, with 1 person");
        for (int i = 0; i < 11; i++) {
                alive(f, "c", 2);
                work(f);
                now_ms += 1000;
        }
        assert_seen(f, "* b is away, with 12 people");
        restart(f);
        assert_seen(f, "");
        alive(f, "b", 2);
        assert_seen(f, "* b is back, with 2 people");
}

/* Checks a notice about this many hosts, of which each has 12 people: it counts those that it does not name. */
static void check_long_notice(const char *notice, unsigned hosts, const char *end)
{
        const size_t most = sizeof(((struct notice *)NULL)->text) - 1;
        unsigned listed = 0, more = 0;
        const char *behind = strstr(notice, " and ");
        assert_memory_equal(notice, "* b-", 4);
        for (const char *at = notice; (at = strstr(at, " (12 people)")); at++)
                listed++;
        assert_non_null(behind);
        assert_int_equal(sscanf(behind, " and %u more", &more), 1);
        assert_true(listed > 5 && more > 5);
        assert_int_equal(listed + more, hosts);
        assert_string_equal(strstr(behind, " more") + strlen(" more"), end);
        assert_in_range(strlen(notice) - strlen("* "), most - 128, most);
}

/* Very many hosts come or go at once: the notice names some, and counts the others. The journal names all. */
static void test_many_hosts_at_once(void **state)
{
        struct fixture *f = *state;
        char label[HOST_MAX_BYTES + 16];
        settle(f);
        last_logged(f);
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "b-with-a-long-label-%02d", i);
                alive(f, label, 12);
        }
        settle(f);
        check_long_notice(f->words, HOSTS_MAX, " are here");
        const char *entry = logged(f);
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "b-with-a-long-label-%02d", i);
                assert_non_null(strstr(entry, label));
        }
        f->words[0] = '\0';
        f->len = 0;
        for (int i = 0; i < 11; i++) {
                work(f);
                now_ms += 1000;
        }
        settle(f);
        check_long_notice(f->words, HOSTS_MAX, " are away");
}

/* No member is ever told that hosts of another network are away. */
static void test_hosts_of_another_network(void **state)
{
        struct fixture *f = *state;
        char hosts[256];
        strcpy(f->config.network, "one");
        restart(f);
        settle(f);
        for (int i = 0; i < 2; i++) {
                alive(f, "b", 12);
                alive(f, "c", 1);
                settle(f);
        }
        assert_seen(f, "* b (12 people) and c (1 person) are here");
        restart(f); /* in the same network they are known */
        assert_int_equal(hosts_describe(&f->link->hosts, hosts, sizeof(hosts)), 2);
        strcpy(f->config.host, "c");
        restart(f);
        hosts_describe(&f->link->hosts, hosts, sizeof(hosts));
        assert_string_equal(hosts, "b (12 people)");
        say_here(f);
        settle(f);
        restart(f);
        assert_int_equal(spool_waiting(f->spool), 1);
        last_logged(f);
        strcpy(f->config.network, "two");
        restart(f);
        assert_non_null(strstr(logged(f), "1 line that waited for hosts of the former network is not sent"));
        assert_int_equal(spool_waiting(f->spool), 0);
        assert_int_equal(hosts_describe(&f->link->hosts, hosts, sizeof(hosts)), 0);
        assert_string_equal(hosts, "");
        for (int i = 0; i < 11; i++) {
                work(f);
                now_ms += 1000;
        }
        assert_seen(f, "");
        alive(f, "b", 3); /* another host b */
        settle(f);
        alive(f, "b", 3);
        assert_seen(f, "* b is here, with 3 people");
}

static void test_a_host_of_the_same_label(void **state)
{
        struct fixture *f = *state;
        settle(f);
        last_logged(f);
        assert_null(strstr(f->link->status_line, "same label"));
        for (int i = 0; i < 20; i++) { /* it is logged once */
                f->network->twin++;
                now_ms += 1000;
                settle(f);
                const char *logged = last_logged(f);
                assert_true(i == 0 ? strstr(logged, "is called here, too") != NULL : *logged == '\0');
                assert_non_null(strstr(f->link->status_line, "another host has the same label"));
        }
        f->network->disconnected = true; /* it is unknown whether the twin is there now */
        for (int i = 0; i < 20; i++) {
                now_ms += 1000;
                settle(f);
                assert_null(strstr(last_logged(f), "called here"));
        }
        f->network->disconnected = false;
        for (int i = 0; i < 8; i++) {
                now_ms += 1000;
                settle(f);
                assert_null(strstr(last_logged(f), "called here"));
        }
        now_ms += 3000;
        settle(f);
        assert_non_null(strstr(last_logged(f), "no other host of this network is called here any more"));
        assert_null(strstr(f->link->status_line, "same label"));
}

/* The machine was cloned with all its processes. Lines that people say from then on have an instance of their own. */
static void test_a_clone_at_work(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_here(f);
        settle(f);
        uint64_t instance = spool_instance(f->spool);
        f->network->twin++;
        now_ms += 1000;
        settle(f);
        assert_true(spool_instance(f->spool) == instance); /* the other has another instance */
        f->network->clone = instance;
        now_ms += 1000;
        settle(f);
        uint64_t newest = spool_instance(f->spool);
        assert_true(newest != instance);
        now_ms += 1000;
        settle(f);
        assert_true(spool_instance(f->spool) == newest); /* this happens only once */
        say_here(f);
        settle(f);
        assert_int_equal(spool_own(f->spool, instance), 1);
        assert_int_equal(spool_own(f->spool, newest), 1);
}

/* Another host now has the former label of this host. Both hosts spoke under it. */
static void test_what_was_said_here_under_another_label(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 3; i++)
                say_here(f);
        settle(f);
        uint64_t instance = spool_instance(f->spool);
        publish(f, "b", 1, 0, 1, NULL);
        publish(f, "b", instance, 0, 2, NULL);
        publish(f, "b", instance, 2, 1, NULL);
        publish(f, "b", 1, 1, 1, NULL);
        assert_seen(f, "eve@b 0, eve@b 1");
        restart(f);
        assert_seen(f, "");
        publish(f, "b", instance, 2, 2, NULL); /* the other host went on where the copy was made */
        publish(f, "b", instance, 5, 1, NULL);
        settle(f);
        now_ms += GAP_ASK_MS * (GAP_QUESTIONS_MAX + 1);
        assert_seen(f, "eve@b 3, * 1 line from b is missing, eve@b 5");
        assert_true(f->network->asked > 0);
}

static void test_who_does_not_look_does_not_know_who_is_away(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "* b is here, with 1 person");
        now_ms += 60000; /* this machine slept */
        assert_seen(f, "");
        now_ms += HOSTS_LOST_MS / 4;
        assert_seen(f, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_more_hosts_than_can_be),
                TEST(test_hosts_come_and_go),
                TEST(test_many_hosts_at_once),
                TEST(test_hosts_of_another_network),
                TEST(test_a_host_of_the_same_label),
                TEST(test_a_clone_at_work),
                TEST(test_what_was_said_here_under_another_label),
                TEST(test_who_does_not_look_does_not_know_who_is_away),
        };
        return RUN_TESTS(tests);
}
