/* /etc/chat/chat.conf and /etc/chat/motd under a real systemd: what an administrator does, and who may read them. */
#include <stdio.h>
#include <unistd.h>

#include <chat/frame.h>

#include "booted.h"

static void write_settings(const char *settings)
{
        shell("printf '%%b' '%s' >/etc/chat/chat.conf", settings);
}

/* Reloads chatd, and returns when it has read its settings or refused them. Asserts its report. */
static void reload(const char *says)
{
        int before = atoi(shell("journalctl -q -u chatd CHAT_EVENT=reload -o cat | wc -l"));
        shell("systemctl reload chatd");
        shell_until("test $(journalctl -q -u chatd CHAT_EVENT=reload -o cat | wc -l) = %d", before + 1);
        assert_string_equal(shell("journalctl -q -u chatd CHAT_EVENT=reload -o cat -n 1"), says);
}

#define TAKEN "settings were read again"
#define NOT_TAKEN "settings were not read again, because some are wrong; the old ones stay in effect"

static void leave(struct client *c)
{
        client_send(c, "exit\n");
        client_expect_end(c);
        client_free(c);
}

static void test_who_may_read_them(void **state)
{
        (void)state;
        assert_string_equal(shell("stat -c '%%U %%G %%a' /etc/chat/chat.conf /etc/chat/link.conf"),
                            "root root 644\nroot chat-link 640");
        shell("cmp /etc/chat/chat.conf units/chat.conf");
        shell("for u in chatd chat-session; do setpriv --reuid=$u --regid=chat --clear-groups "
              "cat /etc/chat/chat.conf || exit 1; done");
        assert_string_equal(shell("setpriv --reuid=chat-session --regid=chat --clear-groups cat /etc/chat/link.conf "
                                  "2>&1 || true"),
                            "cat: /etc/chat/link.conf: Permission denied");
        assert_string_equal(shell("chatd --check-config 2>&1"), "");
        for (int page = 0; page < 2; page++)
                shell("test -s /usr/local/share/man/man5/%s.conf.5", page ? "link" : "chat");
}

static void test_the_message_of_the_day(void **state)
{
        (void)state;
        struct client *a = booted_join();
        shell_until("systemctl is-active chatd.service");
        const char *pid = strdup(shell("systemctl show -P MainPID chatd"));
        shell("printf 'Be nice.\\n\\nHave fun.\\n' >/etc/chat/motd");
        reload(TAKEN);
        assert_string_equal(shell("systemctl show -P MainPID chatd"), pid);
        assert_string_equal(shell("systemctl is-active chatd"), "active");
        struct client *b = booted_join();
        client_expect(b, "*** Be nice.\r\n***\r\n*** Have fun.\r\n");
        shell("systemctl restart chatd 2>&1"); /* the new chatd reads the file, and does not show it again */
        struct client *c = booted_join();
        client_expect(c, "*** Have fun.\r\n");
        assert_null(strstr(client_expect(a, "*** %s is connected\r\n", c->name), "Be nice"));
        assert_null(strstr(client_expect(b, "*** %s is connected\r\n", c->name), "Be nice"));
        shell("yes 'to be cut' | head -n 21 >/etc/chat/motd");
        reload(TAKEN);
        shell("journalctl -q -u chatd CHAT_EVENT=settings -o cat | grep -qx "
              "'/etc/chat/motd has more than 20 lines or 2000 bytes: the rest is not shown'");
        shell("chatd --check-config 2>&1 | grep -q /etc/chat/motd");
        shell("rm /etc/chat/motd");
        reload(TAKEN);
        struct client *d = booted_join();
        client_expect(a, "*** %s is connected\r\n", d->name);
        client_send(a, "nothing before this\n");
        assert_string_equal(client_expect(d, "%s: nothing before this\r\n", a->name), "");
        leave(a);
        leave(b);
        leave(c);
        leave(d);
}

/* Sends lines that go out one a second: the leaving client is told that some are still being sent. */
static void assert_paced(struct client *c)
{
        client_send(c, "1\n2\n3\nexit\n");
        client_expect(c, " still being sent");
        client_free(c);
}

static void test_sessions_read_them_when_they_start(void **state)
{
        (void)state;
        struct client *before = booted_join();
        write_settings("Pace=1:1\\n");
        struct client *a = booted_join();
        client_send(before, "1\n2\n3\n4\n5\nat once\n");
        client_expect(a, "%s: at once\r\n", before->name);
        assert_paced(a);
        write_settings("Pace=fast\\nColor=red\\nClientTimeout=5\\n");
        a = booted_join();
        shell_until("journalctl -q -u 'chat@*' -o cat | grep -qx "
                    "'/etc/chat/chat.conf, line 1: Pace= takes RATE or RATE:BURST, 1 to 1000000 each, or off'");
        assert_in_range(atoi(shell("journalctl -q -u 'chat@*' -p warning -o cat | wc -l")), 2, 2);
        client_send(a, "1\n2\n3\n4\n5\nat once\n"); /* as by default */
        client_expect(before, "%s: at once\r\n", a->name);
        shell("chmod 600 /etc/chat/chat.conf");
        struct client *b = booted_join();
        client_expect(a, "*** %s is connected\r\n", b->name);
        shell_until("journalctl -q -u 'chat@*' -o cat | grep -qx "
                    "'cannot read /etc/chat/chat.conf: Permission denied'");
        shell("rm /etc/chat/chat.conf"); /* a missing file is no error */
        struct client *c = booted_join();
        client_expect(a, "*** %s is connected\r\n", c->name);
        assert_in_range(atoi(shell("journalctl -q -u 'chat@*' -p warning -o cat | wc -l")), 3, 3);
        leave(before);
        leave(a);
        leave(b);
        leave(c);
}

static void test_a_reload_of_what_is_wrong(void **state)
{
        (void)state;
        struct client *a = booted_join();
        write_settings("# nothing\\nHistory=many\\n");
        shell("! chatd --check-config 2>/dev/null");
        assert_string_equal(shell("chatd --check-config 2>&1 || echo $?"),
                            "chatd: /etc/chat/chat.conf, line 2: History= takes 0 to 100 lines, or off\n78");
        reload(NOT_TAKEN);
        shell("journalctl -q -u chatd CHAT_EVENT=settings -o cat | grep -qx "
              "'/etc/chat/chat.conf, line 2: History= takes 0 to 100 lines, or off'");
        shell("journalctl -q -u chatd CHAT_EVENT=settings -x | grep -q 'names the line and a valid value'"); /* the catalog */
        shell_until("systemctl show -P StatusText chatd | grep -q 'wrong settings were not taken'");
        assert_string_equal(shell("systemctl is-active chatd"), "active");
        write_settings("History=10\\n");
        reload(TAKEN);
        shell_until("systemctl show -P StatusText chatd | grep -q 'lines: [0-9]*$'");
        leave(a);
}

static void test_a_start_with_what_is_wrong(void **state)
{
        (void)state;
        struct client *a = booted_join(), *b = booted_join();
        client_expect(a, "*** %s is connected\r\n", b->name);
        write_settings("Arrivals=-1\\n");
        shell("! systemctl restart chatd 2>/dev/null");
        client_send(a, "it waits\n");
        shell_until("test $(systemctl show -P ExecMainStatus chatd) = 78");
        shell_until("systemctl status chatd | grep -q 'Status: \"/etc/chat/chat.conf, line 1: Arrivals= takes'");
        shell_until(
                "journalctl -q -u chatd -o cat | grep -qx 'chatd: /etc/chat/chat.conf, line 1: Arrivals= takes .*'");
        /* It is not said so often that it fills the journal: chatd is started again every five seconds. */
        shell_until("test $(journalctl -q -u chatd -o cat | grep -c 'Arrivals= takes') -ge 2");
        shell("journalctl -q -u chatd -o short-unix | awk '/Arrivals= takes/ { if ($1 - at < 5) exit 1; at = $1 }'");
        write_settings("");
        client_expect(b, "%s: it waits\r\n", a->name);
        shell_until("systemctl is-active chatd");
        leave(a);
        leave(b);
}

static void test_what_is_said_is_logged(void **state)
{
        (void)state;
        struct client *a = booted_join(), *b = booted_join();
        client_expect(a, "*** %s is connected\r\n", b->name);
        client_send(a, "before\n");
        client_expect(b, "%s: before\r\n", a->name);
        write_settings("LogLines=yes\\n");
        reload(TAKEN);
        char text[TEXT_MAX_BYTES + 1];
        memset(text, 'x', TEXT_MAX_BYTES);
        text[TEXT_MAX_BYTES] = '\0';
        client_send(a, "/nick ann\n");
        client_send(a, "/msg %s in private\n", b->name);
        client_send(a, "/me waves\n%s\n", text);
        client_expect(b, "* ann waves\r\nann: %s\r\n", text);
        client_send(b, "last\n");
        client_expect(a, "last\r\n");
        shell_until("journalctl -q -u chatd CHAT_EVENT=line -o cat | grep -qx '%s: last'", b->name);
        assert_string_equal(shell("journalctl -q -u chatd CHAT_EVENT=line -o cat | cut -c 1-12 | head -n 2"),
                            "* ann waves\nann: xxxxxxx");
        shell("journalctl -q -u chatd CHAT_EVENT=line CHAT_NAME=ann -o cat -n 1 | grep -qx 'ann: x\\{%d\\}'",
              TEXT_MAX_BYTES);
        shell("journalctl -q -u chatd CHAT_EVENT=line CHAT_NAME=ann -o verbose -n 1 | grep -Eq "
              "'^ +CHAT_SESSION=[0-9a-f]{16}$'");
        assert_string_equal(shell("journalctl -q | grep -c 'in private\\|before$' || true"), "0");
        write_settings("");
        reload(TAKEN);
        client_send(a, "behind\n");
        client_expect(b, "ann: behind\r\n");
        leave(a);
        shell_until("journalctl -q -u chatd CHAT_EVENT=leave CHAT_NAME=ann -o cat | grep -q .");
        assert_string_equal(shell("journalctl -q | grep -c 'behind$' || true"), "0");
        leave(b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_may_read_them),
                cmocka_unit_test(test_the_message_of_the_day),
                cmocka_unit_test(test_sessions_read_them_when_they_start),
                cmocka_unit_test(test_a_reload_of_what_is_wrong),
                cmocka_unit_test(test_a_start_with_what_is_wrong),
                cmocka_unit_test(test_what_is_said_is_logged),
        };
        return RUN_TESTS(tests, booted_install, NULL);
}
