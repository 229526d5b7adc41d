/* The chat under a real systemd as monitoring sees it: the numbers of chatctl, read by Prometheus's own tools and by a
 * real node_exporter, and the filter and the jail of fail2ban. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "../../chatd/floods.h"

#include "booted.h"

#define COLLECTED "/var/lib/prometheus/node-exporter"
#define FILTER "/etc/fail2ban/filter.d/chat.conf"
/* The addresses that fail2ban finds in the journal, each with its number of entries */
#define FOUND                                                                                                          \
        "journalctl --sync; fail2ban-regex -o ip systemd-journal " FILTER " | sort | uniq -c | awk '{ print $1, $2 }'"

enum { LAG_MAX_LINES = 20000 }; /* far more than the kernel holds for a stopped session */

static int install(void **state)
{
        booted_unpack("build/monitoring",
                      (const char *const[]){"/usr/bin/promtool", "/usr/bin/prometheus-node-exporter",
                                            "/usr/bin/fail2ban-regex", NULL});
        shell("mkdir -p " COLLECTED " /run/fail2ban /var/lib/fail2ban");
        return booted_install_naming(state);
}

/* ---- the numbers ---- */

static void assert_value(const char *sample, const char *value)
{
        assert_string_equal(shell("chatctl metrics | sed -n 's/^%s //p'", sample), value);
}

static long long value_of(const char *sample)
{
        return atoll(shell("chatctl metrics | sed -n 's/^%s //p'", sample));
}

static void test_values(void **state)
{
        (void)state;
        struct client *ann = booted_join(), *bob = booted_join(), *eve = booted_join();
        client_expect(ann, "*** %s is connected\r\n", eve->name);
        client_expect(bob, "*** %s is connected\r\n", eve->name);
        client_sync(eve);
        long long lines = value_of("chat_lines_total"), sent = value_of("chat_deliveries_total"),
                  batches = value_of("chat_batches_total");
        client_send(ann, "one line\n");
        client_expect(bob, "%s: one line\r\n", ann->name);
        client_expect(eve, "%s: one line\r\n", ann->name);
        assert_int_equal(value_of("chat_lines_total"), lines + 1);
        assert_int_equal(value_of("chat_deliveries_total"), sent + 2);
        assert_int_equal(value_of("chat_batches_total"), batches + 1);
        assert_value("chat_up", "1");
        assert_value("chat_members", "3");
        assert_value("chat_rooms", "1");
        assert_value("chat_tokens", "0");
        assert_value("chat_joined_total", "3");
        assert_value("chat_missed_total", "0");
        shell_until("chatctl metrics | grep -qx 'chat_queue_datagrams 0'"); /* sessions send to chatd now and then */
        assert_value("chat_link_up", "");                                   /* without a link nothing is wrong */
        assert_value("chat_socket_connections{socket=\"chat.socket\"}", "3");
        assert_value("chat_socket_accepted_total{socket=\"chat.socket\"}", "3");
        assert_value("chat_socket_listening{socket=\"chat-tls.socket\"}", "0");
        assert_value("chat_build_info{version=\"[0-9.]*\"}", "1");
        /* both state its start, one in seconds, one more precisely */
        long long by_itself = value_of("chat_start_time_seconds"),
                  by_systemd = value_of("chat_service_start_time_seconds{service=\"chatd.service\"}");
        assert_in_range(by_itself - by_systemd, 0, 30);
        shell("systemctl kill -s KILL --kill-who=main chatd");
        shell_until("chatctl metrics | grep -qx 'chat_service_restarts_total{service=\"chatd.service\"} 1'");
        assert_value("chat_members", "3");
        client_free(ann);
        client_free(bob);
        client_free(eve);
        shell_until("chatctl metrics | grep -qx 'chat_members 0'");
}

static void test_a_member_who_lags(void **state)
{
        (void)state;
        struct client *ann = booted_join(), *bob = booted_join();
        client_send(bob, "/time on\n"); /* so that his session writes to him, and chatd does not */
        client_expect(bob, "/time is on\r\n");
        pid_t session = booted_session(bob);
        kill(session, SIGSTOP);
        shell("echo Pace=off >>/etc/chat/chat.conf"); /* a session reads it when it starts */
        struct client *eve = booted_join();
        for (int i = 1; i <= LAG_MAX_LINES && value_of("chat_members_lagging") == 0; i += 100) {
                for (int j = i; j < i + 100; j++)
                        client_send(eve, "%0400d\n", j);
                client_expect(ann, "%s: %0400d\r\n", eve->name, i + 99); /* ann never lags */
        }
        assert_value("chat_members_lagging", "1");
        client_send(eve, "one more\n");
        client_expect(ann, "%s: one more\r\n", eve->name);
        assert_true(value_of("chat_missed_total") > 0);
        kill(session, SIGCONT);
        shell("sed -i '/^Pace=off$/d' /etc/chat/chat.conf");
        client_expect(bob, " lines skipped: ");
        shell_until("chatctl metrics | grep -qx 'chat_members_lagging 0'");
        client_free(ann);
        client_free(bob);
        client_free(eve);
}

/* Changes the unit of the sessions for clients that connect from now on. */
static void change_sessions(const char *settings)
{
        shell("d=/run/systemd/system/chat@.service.d; mkdir -p $d && printf '[Service]\\n%%b\\n' '%s' >$d/test.conf && "
              "systemctl daemon-reload",
              settings);
}

static void test_sessions_without_a_sandbox(void **state)
{
        (void)state;
        assert_value("chat_members_unconfined", "0");
        assert_value("chat_unserved_total", "0");
        change_sessions("ExecStart=\\nExecStart=/usr/local/sbin/chat-session --no-sandbox");
        struct client *ann = booted_join();
        assert_value("chat_members_unconfined", "1");
        change_sessions("SystemCallFilter=~capset\\nSystemCallErrorNumber=EPERM");
        struct client *bob = client_connect("127.0.0.1", CHAT_PORT);
        client_expect_end(bob);
        shell_until("chatctl metrics | grep -qx 'chat_unserved_total 1'");
        assert_value("chat_members_unconfined", "1");
        assert_string_equal(shell("chatctl metrics | promtool check metrics 2>&1"), "");
        shell("rm -r /run/systemd/system/chat@.service.d && systemctl daemon-reload");
        client_free(ann);
        client_free(bob);
        shell_until("chatctl metrics | grep -qx 'chat_members_unconfined 0'");
}

/* The default form suits the textfile collector, and Prometheus takes it as OpenMetrics, too; the other form is
 * OpenMetrics to the letter. */
static void test_forms(void **state)
{
        (void)state;
        assert_string_equal(shell("chatctl metrics | promtool check metrics 2>&1"), "");
        assert_string_equal(shell("chatctl metrics | tail -n 1"), "# EOF");
        shell("chatctl metrics | sed '/^#/! s/$/ 1700000000/' >/run/all.om && promtool tsdb create-blocks-from "
              "openmetrics /run/all.om /run/blocks 2>&1");
        shell("chatctl metrics --openmetrics | /usr/bin/python3 -c 'import sys; from "
              "prometheus_client.openmetrics.parser import "
              "text_string_to_metric_families as read; f = {m.name: m for m in read(sys.stdin.read())}; "
              "assert f[\"chat_lines\"].type == \"counter\" and f[\"chat_start_time_seconds\"].unit == \"seconds\" and "
              "all(m.documentation and m.type != \"unknown\" for m in f.values()), f'");
        shell("chatctl metrics --openmetrics | sed '/^#/! s/$/ 1700000000/' >/run/all.om && promtool tsdb "
              "create-blocks-from openmetrics /run/all.om /run/blocks 2>&1");
        assert_string_equal(shell("chatctl metrics --json 2>&1 >/dev/null; echo $?"),
                            "chatctl: metrics prints no JSON; status --json has the same numbers\n2");
}

static void test_file(void **state)
{
        (void)state;
        shell("umask 077; chatctl metrics --output=/run/chat.prom");
        assert_string_equal(shell("stat -c %%a /run/chat.prom; ls /run/chat.prom.new 2>&1 || true"),
                            "644\nls: cannot access '/run/chat.prom.new': No such file or directory");
        assert_string_equal(shell("chatctl metrics --output=/nowhere/chat.prom 2>&1; echo $?"),
                            "chatctl: cannot write /nowhere/chat.prom: No such file or directory\n1");
        shell("systemctl stop chatd.service chatd.socket chatctl.socket 2>&1");
        assert_string_equal(
                shell("chatctl metrics 2>&1 >/dev/null | cut -c -33; chatctl metrics 2>/dev/null | head -n 3 | tail "
                      "-n 1; chatctl metrics >/dev/null 2>&1; echo $?"),
                "chatctl: the chat is not running,\nchat_up 0\n3");
        assert_string_equal(
                shell("chatctl metrics --output=/run/chat.prom 2>&1; echo $?; grep -v '^#' /run/chat.prom | "
                      "grep -v _s[oe][cr]"),
                "0\nchat_up 0");
        shell("systemctl start chatd.socket chatctl.socket");
        /* a reader never sees an incomplete file */
        char *const writer[] = {"sh", "-c", "for i in $(seq 100); do chatctl metrics --output=/run/chat.prom; done",
                                NULL};
        pid_t pid = process_start(writer, -1, -1, -1);
        while (!process_has_ended(pid))
                assert_string_equal(shell("head -n 1 /run/chat.prom; tail -n 1 /run/chat.prom"),
                                    "# HELP chat_up 1 if chatd answered.\n# EOF");
}

static void test_who_may(void **state)
{
        (void)state;
        assert_string_equal(shell("setpriv --reuid=nobody --regid=nogroup --clear-groups chatctl metrics 2>/dev/null; "
                                  "echo $?"),
                            "4");
        shell("setpriv --reuid=nobody --regid=nogroup --groups=chat-admin chatctl metrics | promtool check metrics");
}

/* The timer, its service in the sandbox, and a node_exporter that reads the file. */
static void test_timer_and_node_exporter(void **state)
{
        (void)state;
        shell("systemd-analyze verify chat-metrics.timer chat-metrics.service 2>&1 | { ! grep /chat; }");
        shell("mkdir -p /run/systemd/system/chat-metrics.timer.d && printf '[Timer]\\nOnUnitActiveSec=\\n"
              "OnActiveSec=0\\nOnUnitActiveSec=200ms\\nAccuracySec=1ms\\n' "
              ">/run/systemd/system/chat-metrics.timer.d/often.conf");
        shell("systemctl daemon-reload && systemctl enable --now chat-metrics.timer 2>&1");
        shell_until("test -e " COLLECTED "/chat.prom");
        assert_string_equal(shell("stat -c '%%a %%U' " COLLECTED "/chat.prom"), "644 root");
        char *const exporter[] = {"setpriv",
                                  "--reuid=nobody",
                                  "--regid=nogroup",
                                  "--clear-groups",
                                  "prometheus-node-exporter",
                                  "--collector.disable-defaults",
                                  "--collector.textfile",
                                  "--collector.textfile.directory=" COLLECTED,
                                  "--web.listen-address=127.0.0.1:9100",
                                  NULL};
        pid_t pid = process_start(exporter, -1, -1, -1);
#define SCRAPE "printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 9100 | tr -d '\\r'"
        shell_until(SCRAPE " | grep -qx 'chat_up 1'");
        shell(SCRAPE " | grep -qx '# TYPE chat_lines_total counter'");
        shell(SCRAPE " | grep -qx 'node_textfile_scrape_error 0'");
        struct client *ann = booted_join();
        shell_until(SCRAPE " | grep -qx 'chat_members 1'"); /* the timer fires again and again */
        shell("systemctl stop chatd.service chatd.socket chatctl.socket 2>&1");
        shell_until(SCRAPE " | grep -qx 'chat_up 0'");
        shell("! " SCRAPE " | grep '^chat_members'");
        assert_string_equal(shell("systemctl --failed -q --plain list-units 'chat*'"), "");
        shell("systemctl start chatd.socket chatctl.socket");
        shell_until(SCRAPE " | grep -qx 'chat_up 1'");
        kill(pid, SIGTERM);
        process_wait(pid);
        client_free(ann);
        shell("systemctl disable --now chat-metrics.timer 2>&1");
        shell("! systemctl is-active chat-metrics.timer");
        assert_string_equal(shell("journalctl --sync; journalctl -u chat-metrics.service -p err -o cat"), "");
        /* without node_exporter the service says so */
        shell("mv " COLLECTED " /run/away; ! systemctl start chat-metrics.service 2>&1; mv /run/away " COLLECTED);
        shell("journalctl --sync; journalctl -u chat-metrics.service -o cat | grep -q 'cannot write " COLLECTED
              "/chat.prom: '");
        shell("systemctl reset-failed chat-metrics.service");
}

/* ---- fail2ban ---- */

static void expect_event(const char *event, const char *message)
{
        shell_until("journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=%s | grep -q '%s'", event, message);
}

/* Connects from another address of this host. */
#define FROM(address) "nc -N -s " address " 127.0.0.1 8888"

/* The filter finds each kind of entry, with a name and without one, and nothing else in the journal. */
static void test_filter(void **state)
{
        (void)state;
        shell("echo LogLines=yes >>/etc/chat/chat.conf; systemctl reload chatd; systemctl start chat-local.socket");
        struct client *ann = booted_join();
        client_send(ann, "192.0.2.66:1 may not join: 192.0.2.66 is banned; others that were refused since: 0\n");
        expect_event("line", "192.0.2.66 is banned");
        shell("echo MembersPerNetwork=1 >>/etc/chat/chat.conf; echo MembersPerUser=1 >>/etc/chat/chat.conf; "
              "systemctl reload chatd");
        struct client *local = client_connect_unix("/run/chat-local.sock");
        snprintf(local->name, sizeof(local->name), "root");
        client_greeted(local);
        shell("echo | nc -NU /run/chat-local.sock | grep -q 'You cannot join: 1 connection '");
        expect_event("crowded", "^root (pid=[0-9]*,uid=0) may not join: 1 connection");
        assert_string_equal(shell(FOUND), "");

        shell("systemctl restart chatd"); /* so that the next entry of this kind need not wait */
        struct client *six = client_connect("::1", CHAT_PORT);
        client_greeted(six);
        shell("echo | nc -N ::1 8888 | grep -q 'You cannot join: 1 connection '");
        expect_event("crowded", "^\\[::1\\]:[0-9]* may not join: 1 connections from ::1 are here; ");
        shell("printf 'POST / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n' | " FROM("127.0.0.2"));
        expect_event("not-chat", "^127.0.0.2:[0-9]* is not a chat client");
        shell("echo Addresses=hidden >>/etc/chat/chat.conf && systemctl reload chatd && chatctl ban 127.0.0.3");
        shell("echo | " FROM("127.0.0.3") " | grep -q 'You cannot join: you are banned'");
        expect_event("refused", "^guest-[^ ]* (127.0.0.3:[0-9]*) may not join: 127.0.0.3 is banned");
        /* these connections are gone at once */
        shell("sed -i '/^Members/d' /etc/chat/chat.conf && systemctl reload chatd");
        shell("for i in $(seq %d); do echo exit | nc -N -s 127.0.0.4 127.0.0.1 8888 >/dev/null || exit 1; done",
              FLOODS_CONNECTIONS);
        expect_event("flood", "^127.0.0.4:[0-9]* connects too often: 100 connections from 127.0.0.4 within 60 s");
        shell("journalctl -u chatd -x CHAT_EVENT=flood | grep -q 'chatctl ban 127.0.0.4$'"); /* the catalog */
        assert_string_equal(shell(FOUND), "1 127.0.0.2\n1 127.0.0.3\n1 127.0.0.4\n1 ::1");
        client_free(ann);
        client_free(local);
        client_free(six);
        shell("sed -i '/^LogLines=/d; /^Addresses=/d' /etc/chat/chat.conf && systemctl reload chatd && "
              "chatctl unban 127.0.0.3 && systemctl stop chat-local.socket");
}

/* The jail with a real fail2ban: an address that repeats an offence is banned in the chat, and free again after a
 * while. */
static void test_jail(void **state)
{
        (void)state;
        shell("printf '[DEFAULT]\\nignoreself = false\\nignoreip =\\n[sshd]\\nenabled = false\\n[chat]\\nenabled = "
              "true\\n"
              "banaction = chat\\nmaxretry = 2\\nbantime = 10s\\nfindtime = 30s\\n' >/etc/fail2ban/jail.d/chat.local");
        assert_string_equal(shell("sed 's/enabled = true/enabled = false/' /etc/fail2ban/jail.d/chat.local "
                                  ">/run/off.local; grep -c '^enabled  = false' /etc/fail2ban/jail.d/chat.conf"),
                            "1"); /* off by default */
        shell("fail2ban-client -x start");
        shell_until("fail2ban-client status chat");
        struct client *ann = booted_join();
        for (int i = 0; i < 2; i++) {
                shell("for i in $(seq %d); do echo exit | nc -N -s 127.0.0.5 127.0.0.1 8888 >/dev/null || exit 1; done",
                      FLOODS_CONNECTIONS);
                shell_until("journalctl --sync; test $(journalctl -u chatd -o cat CHAT_EVENT=flood | grep -c "
                            "'from 127.0.0.5 ') = %d",
                            i + 1);
        }
        shell_until("chatctl bans --no-legend | grep -q '^127.0.0.5 .* root  *fail2ban$'");
        shell("echo | " FROM("127.0.0.5") " | grep -q 'You cannot join: you are banned (fail2ban)'");
        client_send(ann, "others stay\n");
        client_sync(ann);
        shell_until("test -z \"$(chatctl bans --no-legend)\"");
        shell("fail2ban-client stop");
        client_free(ann);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_a_member_who_lags),
                cmocka_unit_test(test_sessions_without_a_sandbox),
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_who_may),
                cmocka_unit_test(test_timer_and_node_exporter),
                cmocka_unit_test(test_filter),
                cmocka_unit_test(test_jail),
        };
        return RUN_TESTS(tests, install, NULL);
}
