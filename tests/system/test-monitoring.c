/* The chat under a real systemd as monitoring sees it: the numbers of chatctl, read by Prometheus's own tools and by a
 * real node_exporter. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "booted.h"

#define COLLECTED "/var/lib/prometheus/node-exporter"

enum { LAG_MAX_LINES = 20000 }; /* far more than the kernel holds for a session that is stopped */

static int install(void **state)
{
        booted_unpack("build/monitoring",
                      (const char *const[]){"/usr/bin/promtool", "/usr/bin/prometheus-node-exporter", NULL});
        shell("mkdir -p " COLLECTED);
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
        assert_value("chat_joined_total", "3");
        assert_value("chat_missed_total", "0");
        assert_value("chat_queue_datagrams", "0");
        assert_value("chat_link_up", ""); /* nothing is wrong where there is no link */
        assert_value("chat_socket_connections{socket=\"chat.socket\"}", "3");
        assert_value("chat_socket_accepted_total{socket=\"chat.socket\"}", "3");
        assert_value("chat_socket_listening{socket=\"chat-tls.socket\"}", "0");
        assert_value("chat_build_info{version=\"[0-9.]*\"}", "1");
        /* both say when it was started, one in seconds, one more precisely */
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
                client_expect(ann, "%s: %0400d\r\n", eve->name, i + 99); /* who never lags */
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

/* The form that the textfile collector wants, and that Prometheus takes as OpenMetrics; and OpenMetrics to the letter. */
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
                            "chatctl: metrics is no JSON; status --json has the same numbers\n2");
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
        /* whoever reads meanwhile never sees half of it */
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
        /* where node_exporter is not installed it says so */
        shell("mv " COLLECTED " /run/away; ! systemctl start chat-metrics.service 2>&1; mv /run/away " COLLECTED);
        shell("journalctl --sync; journalctl -u chat-metrics.service -o cat | grep -q 'cannot write " COLLECTED
              "/chat.prom: '");
        shell("systemctl reset-failed chat-metrics.service");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),  cmocka_unit_test(test_a_member_who_lags),
                cmocka_unit_test(test_forms),   cmocka_unit_test(test_file),
                cmocka_unit_test(test_who_may), cmocka_unit_test(test_timer_and_node_exporter),
        };
        return RUN_TESTS(tests, install, NULL);
}
