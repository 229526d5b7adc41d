/* Something that the chat needs runs out or stops: the journal, descriptors, space, memory, processes. Members go on
 * talking, refused newcomers are told why, and afterwards everything is as before. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "booted.h"

enum { VISITS = 3000 }; /* two events each: more than journald and chatd keep */

static struct client *a, *b;

static int join_two(void **state)
{
        (void)state;
        a = booted_join();
        b = booted_join();
        client_expect(a, "*** %s is connected\r\n", b->name);
        return 0;
}

static int leave_two(void **state)
{
        (void)state;
        client_free(a);
        client_free(b);
        return 0;
}

/* Sessions run as a user with a number that is unique on this machine: the kernel counts the processes of a number
 * across all containers, and test_no_processes() limits their count. */
static int install(void **state)
{
        booted_install_naming(state);
        shell("usermod -u $((0x10000000 + $(od -An -N3 -tu4 /dev/urandom))) chat-session");
        return 0;
}

static void assert_alive(const char *when)
{
        client_send(a, "a %s\n", when);
        client_expect(b, "%s: a %s\r\n", a->name, when);
        client_send(b, "b %s\n", when);
        client_expect(a, "%s: b %s\r\n", b->name, when);
}

/* Changes a setting of a unit, until drop_setting(); it affects units that start from now on. */
static void set(const char *unit, const char *setting)
{
        shell("mkdir -p /run/systemd/system/%s.d && printf '[Service]\\n%s\\n' > /run/systemd/system/%s.d/test.conf",
              unit, setting, unit);
        shell("systemctl daemon-reload");
}

static void drop_setting(const char *unit)
{
        shell("rm /run/systemd/system/%s.d/test.conf && systemctl daemon-reload", unit);
}

static long count_events(const char *event)
{
        return strtol(shell("journalctl -q -u chatd -o cat CHAT_EVENT=%s CHAT_NAME=chat-session | wc -l", event), NULL,
                      10);
}

/* Runs sessions one after another; each joins, says a word and leaves. */
static void visit(int times)
{
        shell("setpriv --reuid chat-session --regid chat --clear-groups sh -c 'for i in $(seq %d); do echo hi | "
              "/usr/local/sbin/chat-session >/dev/null; done'",
              times);
}

static void test_a_journal_that_is_stopped(void **state)
{
        (void)state;
        set("systemd-journald.service", "WatchdogSec=0"); /* else systemd ends it after three minutes */
        shell("systemctl restart systemd-journald");
        assert_alive("before");
        shell_until("test $(journalctl -q -u chatd -o cat CHAT_EVENT=join | wc -l) -ge 2");
        shell("systemctl kill -s STOP systemd-journald");
        for (int i = 0; i < 4; i++) {
                visit(VISITS / 4);
                assert_alive("while the journal is stopped");
        }
        shell("systemctl kill -s CONT systemd-journald");
        shell_until("journalctl -q -u chatd CHAT_EVENT=dropped | grep -q .");
        assert_alive("after");
        /* each join and leave is either logged or counted */
        long dropped = strtol(shell("journalctl -q -u chatd -o json CHAT_EVENT=dropped | "
                                    "sed 's/.*\"CHAT_DROPPED\":\"//; s/\".*//' | awk '{ n += $1 } END { print n }'"),
                              NULL, 10);
        assert_true(dropped > 0);
        assert_int_equal(count_events("join") + count_events("leave") + dropped, 2 * VISITS);
        drop_setting("systemd-journald.service");
}

static void test_a_journal_that_is_gone(void **state)
{
        (void)state;
        assert_alive("before");
        long before = count_events("join") + count_events("leave");
        const char *units = "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket "
                            "systemd-journald.service";
        shell("systemctl stop %s 2>&1", units);
        visit(3);
        assert_alive("while there is no journal");
        shell("systemctl start systemd-journald.service 2>&1");
        shell_until("journalctl -q -u chatd CHAT_EVENT=dropped CHAT_DROPPED=6 | grep -q .");
        assert_int_equal(count_events("join") + count_events("leave"), before);
        long left = count_events("leave");
        visit(1);
        shell_until("test $(journalctl -q -u chatd -o cat CHAT_EVENT=leave CHAT_NAME=chat-session | wc -l) -gt %ld",
                    left);
}

static void test_no_descriptors(void **state)
{
        (void)state;
        enum { MOST = 30 };
        struct client *others[MOST];
        int n = 0;
        set("chatd.service", "LimitNOFILE=40");
        shell("systemctl restart chatd");
        assert_alive("before");
        for (; n < MOST; n++) {
                others[n] = client_connect("127.0.0.1", CHAT_PORT);
                client_expect(others[n], "*** ");
                const char *told = client_expect(others[n], "\r\n"); /* the newcomer is welcomed, or refused */
                if (strcmp(told, "You cannot join: the chat is full") == 0)
                        break;
                client_send(others[n], "hello %d\n", n);
                client_expect(a, "*** %s is connected\r\n", others[n]->name);
        }
        assert_in_range(n, 5, MOST - 1);
        client_free(others[n]);
        assert_alive("while there are no descriptors");
        shell("systemctl kill -s KILL --kill-who=main chatd"); /* the next chatd has as few, and must work with them */
        assert_alive("after a crash");
        client_send(others[0], "still here\n");
        client_expect(a, "%s: still here\r\n", others[0]->name);
        client_send(others[0], "exit\n");
        client_expect_end(others[0]);
        client_expect(a, "*** %s is disconnected\r\n", others[0]->name);
        struct client *newcomer = booted_join();
        client_expect(a, "*** %s is connected\r\n", newcomer->name);
        client_free(newcomer);
        for (int i = 0; i < n; i++)
                client_free(others[i]);
        shell("journalctl -q -u chatd CHAT_EVENT=warning | grep -q 'cannot take a new member: Too many open files'");
        drop_setting("chatd.service");
        shell("systemctl restart chatd");
}

static void test_no_space(void **state)
{
        (void)state;
        client_free(a);
        client_free(b);
        shell("systemctl stop chat.socket; systemctl stop 'chat@*.service' chatd.socket chatd.service");
        shell("mount -t tmpfs -o nr_inodes=60 tmpfs /run/chat && systemd-tmpfiles --create");
        shell("systemctl start chat.socket");
        join_two(state);
        assert_alive("before");
        shell("i=0; while touch /run/chat/fill$i 2>/dev/null; do i=$((i+1)); done");
        struct client *c = booted_join();
        client_expect(c, "*** The chat is unavailable right now; what you type is sent when it is back\r\n");
        client_send(c, "kept\n");
        assert_alive("while there is no space");
        struct client *d = booted_join();
        client_expect(d, "*** The chat is unavailable right now");
        client_send(d, "exit\n"); /* it leaves, and is told that nothing was sent, because there was nothing */
        client_expect_end(d);
        client_free(d);
        /* enough for its inbox, but not for chatd's note, without which lines may be lost */
        shell("rm /run/chat/fill0");
        client_expect(c, "*** You cannot join: the chat is full\r\n");
        client_expect_end(c);
        client_free(c);
        shell_until("journalctl -q -u chatd CHAT_EVENT=warning | grep -q 'cannot take a new member: No space left'");
        shell("rm /run/chat/fill*");
        c = booted_join();
        client_send(c, "with space\n");
        client_expect(a, "*** %s is connected\r\n%s: with space\r\n", c->name, c->name);
        shell("systemctl kill -s KILL --kill-who=main chatd");
        assert_alive("after a crash");
        client_send(c, "exit\n");
        client_expect_end(c);
        assert_string_equal(client_expect(a, "*** %s is disconnected\r\n", c->name),
                            ""); /* it was not announced again */
        client_free(c);
}

static void test_no_memory(void **state)
{
        (void)state;
        if (reports_dir())
                skip(); /* a sanitizer's shadow memory alone is terabytes */
        assert_alive("before");
        set("chatd.service", "LimitAS=12M");
        shell("systemctl kill -s KILL --kill-who=main chatd");
        shell_until("journalctl -q -u chatd | grep -q 'chatd: cannot run: Cannot allocate memory; it failed to .* "
                    "/run/chat$'");
        client_send(a, "waits\n");
        client_sync(a);
        assert_string_equal(shell("systemctl is-active chatd.socket"), "active");
        drop_setting("chatd.service");
        client_expect(b, "%s: waits\r\n", a->name);
        assert_alive("after");
}

static void test_no_processes(void **state)
{
        (void)state;
        set("chat@.service", "LimitNPROC=2"); /* the kernel lets one more than that through */
        struct client *c = booted_join();
        client_expect(a, "*** %s is connected\r\n", c->name);
        for (int i = 0; i < 20; i++) {
                struct client *refused = client_connect("127.0.0.1", CHAT_PORT);
                assert_string_equal(client_expect_end(refused), "");
                client_free(refused);
        }
        assert_alive("while there are no processes");
        client_send(c, "exit\n");
        client_expect_end(c);
        client_free(c);
        shell_until("test $(ls /run/chat/sessions | wc -l) = 2");
        c = booted_join();
        client_expect(a, "*** %s is connected\r\n", c->name);
        client_free(c);
        assert_string_equal(shell("systemctl is-active chat.socket"), "active");
        drop_setting("chat@.service");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, join_two, leave_two)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_journal_that_is_stopped),
                TEST(test_a_journal_that_is_gone),
                TEST(test_no_descriptors),
                TEST(test_no_space),
                TEST(test_no_memory),
                TEST(test_no_processes),
        };
        return RUN_TESTS(tests, install, NULL);
}
