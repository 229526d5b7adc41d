/* The installed units under a real systemd: what an administrator does and sees. */
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/frame.h>
#include <chat/paths.h>

#include "booted.h"

static void test_enabling_the_socket_is_enough(void **state)
{
        (void)state;
        shell("systemctl is-active chat.socket chatd.socket");
        shell("test -L /etc/systemd/system/sockets.target.wants/chat.socket");
        struct client *a = booted_join();
        shell_until("systemctl is-active chatd.service");
        struct client *six = client_connect("::1", CHAT_PORT);
        client_greeted(six);
        client_expect(a, "*** %s is connected\r\n", six->name);
        client_send(six, "over IPv6\r\n");
        client_expect(a, "%s: over IPv6\r\n", six->name);
        client_send(a, "exit\n");
        client_expect_end(a);
        client_expect(six, "*** %s is disconnected\r\n", a->name);
        client_free(a);
        client_free(six);
}

static void test_units_are_verified(void **state)
{
        (void)state;
        /* systemd-analyze looks for it, and does not start it */
        shell("test -x /usr/bin/stunnel || ln -s /bin/true /usr/bin/stunnel");
        assert_string_equal(shell("systemd-analyze verify --man=no --recursive-errors=yes "
                                  "/usr/local/lib/systemd/system/chat*.socket "
                                  "/usr/local/lib/systemd/system/chat*.service "
                                  "/usr/local/lib/systemd/system/chat*.timer 2>&1"),
                            "");
        assert_string_equal(shell("grep -L ^Documentation= units/*.socket units/*.service units/*.timer"), "");
        assert_string_equal(
                shell("grep -L ^WantedBy= units/*.socket units/*.timer units/chatd.service units/chat-link.service"),
                "");
        shell("systemctl preset chat-echo.socket chat-irc.socket chat-ircs.socket chat-irc-proxied.socket "
              "chat-local.socket chat-tls.socket chat-proxied.socket chat-json.socket chat-json-tcp.socket "
              "chat-web.socket chat-web-proxied.socket 2>&1");
        assert_string_equal(shell("systemctl is-enabled chat-echo.socket chat-irc.socket chat-ircs.socket "
                                  "chat-irc-proxied.socket chat-local.socket chat-tls.socket "
                                  "chat-proxied.socket chat-json.socket chat-json-tcp.socket chat-web.socket "
                                  "chat-web-proxied.socket || true"),
                            "disabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\n"
                            "disabled\ndisabled\ndisabled");
}

/* From version 255 on systemd limits how often a socket wakes it, which would hold up newcomers. The units turn that
 * limit off. Older versions do not know the setting, and have no such limit. */
static void test_nothing_limits_how_quickly_people_come(void **state)
{
        (void)state;
        bool knows = atoi(shell("systemctl --version | sed -n '1s/^systemd //p'")) >= 255;
        assert_string_equal(
                shell("systemctl show -P PollLimitIntervalUSec $(cd units && ls *.socket) | grep . | sort -u || true"),
                knows ? "0" : "");
        assert_string_equal(shell("find /usr/local/lib/systemd -name poll-limit.conf | wc -l"), knows ? "15" : "0");
        for (int version = 252; version <= 257; version++) {
                shell("make --no-print-directory install DESTDIR=/tmp/systemd SYSTEMD=%d 2>&1", version);
                assert_string_equal(shell("cd /tmp/systemd && find . -name poll-limit.conf | wc -l"),
                                    version >= 255 ? "15" : "0");
                shell("make --no-print-directory uninstall DESTDIR=/tmp/systemd 2>&1");
                assert_string_equal(shell("find /tmp/systemd ! -type d -o -name '*.d' -path '*/chat*'"), "");
        }
}

/* Checks what systemd-analyze says of the hardening: the exposure, in tenths, and how many of its points are not met.
 * It rounds the exposure, so the count shows the effect of a directive of little weight. */
static void test_the_exposure(void **state)
{
        static const struct {
                const char *unit;
                int tenths, unmet;
        } most[] = {{"chatd.service", 7, 6},           {"chat@.service", 63, 42},
                    {"chat-echo@.service", 63, 42},    {"chat-local@.service", 63, 42},
                    {"chat-proxied@.service", 63, 42}, {"chat-tls@.service", 12, 9},
                    {"chat-irc@.service", 63, 42},     {"chat-irc-proxied@.service", 63, 42},
                    {"chat-json@.service", 63, 42},    {"chat-json-tcp@.service", 63, 42},
                    {"chat-web@.service", 63, 42},     {"chat-web-proxied@.service", 63, 42},
                    {"chat-ircs@.service", 12, 9},     {"chat-link.service", 15, 10},
                    {"chat-metrics.service", 14, 9}};
        (void)state;
        for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
                const char *table = shell("systemd-analyze security --no-pager --offline=yes --threshold=%d "
                                          "/usr/local/lib/systemd/system/%s 2>&1",
                                          most[i].tenths, most[i].unit);
                int unmet = 0;
                for (const char *at = table; (at = strstr(at, "\n✗ ")); at++)
                        unmet++;
                assert_in_range(unmet, 1, most[i].unmet);
        }
}

static void test_users_and_files(void **state)
{
        (void)state;
        struct client *a = booted_join();
        shell_until("systemctl is-active chatd.service");
        assert_string_equal(shell("stat -c '%%U %%G' /proc/$(systemctl show -P MainPID chatd)"), "chatd chat");
        assert_string_equal(shell("stat -c '%%U %%G' /proc/%d", booted_session(a)), "chat-session chat");
        assert_string_equal(
                shell("stat -c '%%A %%U %%G' /run/chat /run/chat/chatd.sock /run/chat/sessions /run/chat/members"),
                "drwxr-x--- chatd chat\nsrw-rw---- chatd chat\ndrwx-wx--T chatd chat\ndrwx------ chatd chat");
        client_free(a);
}

static void test_echo(void **state)
{
        (void)state;
        shell("systemctl start chat-echo.socket");
        struct client *c = client_connect("127.0.0.1", ECHO_PORT);
        client_send(c, "one\r\ntwo\n");
        client_expect(c, "one\r\ntwo\r\n");
        client_send(c, "exit\n");
        assert_string_equal(client_expect_end(c), "");
        client_free(c);
        shell("systemctl stop chat-echo.socket");
}

static void test_the_journal(void **state)
{
        (void)state;
        struct client *a = booted_join(), *b = booted_join();
        client_send(a, "one\ntwo\n");
        client_expect(b, "%s: two\r\n", a->name);
        client_send(b, "exit\n");
        client_expect_end(b);
        client_send(a, "exit\n");
        client_expect_end(a);
        shell_until("journalctl -u chatd -o json CHAT_EVENT=leave CHAT_NAME=%s | grep -q .", a->name);
        const char *leave = shell("journalctl -u chatd -o json CHAT_EVENT=leave CHAT_NAME=%s", a->name);
        assert_non_null(strstr(leave, "\"CHAT_REASON\":\"exit\""));
        assert_non_null(strstr(leave, "\"CHAT_LINES_IN\":\"2\""));
        assert_non_null(strstr(leave, "\"CHAT_SECONDS\":\""));
        assert_non_null(strstr(leave, "\"CHAT_LINES_OUT\":\""));
        assert_non_null(strstr(leave, "\"CHAT_SKIPPED\":\"0\""));
        assert_non_null(strstr(leave, "\"MESSAGE_ID\":\"3e16bd3502be441989cf976e6599e015\""));
        char address[96];
        snprintf(address, sizeof(address), "\"CHAT_ADDR\":\"%s\"", b->name);
        const char *join = shell("journalctl -u chatd -o json CHAT_EVENT=join CHAT_NAME=%s", b->name);
        assert_non_null(strstr(join, address));
        assert_non_null(strstr(join, "\"CHAT_SESSION\":\""));
        shell("journalctl -u chatd CHAT_EVENT=start | grep -q 'started; members found: .'");
        shell("journalctl -u chatd -x CHAT_EVENT=leave | grep -q 'A session ended after'"); /* the catalog */
        /* lines are not logged */
        assert_string_equal(shell("journalctl | grep -c ' two$' || true"), "0");
        client_free(a);
        client_free(b);
}

static void test_status(void **state)
{
        (void)state;
        struct client *a = booted_join(), *b = booted_join();
        client_send(a, "counted\n");
        client_expect(b, "%s: counted\r\n", a->name);
        shell_until("systemctl show -P StatusText chatd | grep -Eq '^members: [0-9]+, lines: [1-9][0-9]*$'");
        shell_until("systemctl status chatd | grep -q 'Status: \"'");
        /* systemd's watchdog would end them when a paused machine goes on: each has its own watchdog */
        shell("! systemctl cat chatd chat-link | grep '^WatchdogSec='");
        client_free(a);
        client_free(b);
}

/* Lets a say "WHAT N". b gets that next, and nothing else of a before it: no line twice, no join, no leave. */
static void assert_alive(struct client *a, struct client *b, const char *what, int n)
{
        client_send(a, "%s %d\n", what, n);
        const char *before = client_expect(b, "%s: %s %d\r\n", a->name, what, n);
        assert_null(strstr(before, a->name));
}

/* Lets two clients join that have seen each other join. */
static void join_two(struct client **a, struct client **b)
{
        *a = booted_join();
        *b = booted_join();
        client_expect(*a, "*** %s is connected\r\n", (*b)->name);
}

/* Returns how often the session of `c` went to sleep. */
static long sleeps_of(const struct client *c)
{
        return atol(shell("awk '/^voluntary_ctxt_switches/ {print $2}' /proc/%d/status", (int)booted_session(c)));
}

/* Waits until b's session is not woken for a's lines any more, because chatd writes to b. */
static void assert_asleep_soon(struct client *a, struct client *b)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        long before, after;
        int n = 0;
        do {
                before = sleeps_of(b);
                assert_alive(a, b, "quietly", n++);
                after = sleeps_of(b);
        } while (after != before && clock_ms() < deadline);
        assert_int_equal(after, before);
}

static void test_sessions_sleep(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        assert_asleep_soon(a, b);
        assert_asleep_soon(b, a);
        shell("systemctl kill -s KILL --kill-who=main chatd");
        assert_asleep_soon(a, b);
        assert_string_equal(shell("journalctl -q -u chatd -p warning -o cat | grep -c 'cannot write' || true"), "0");
        client_free(a);
        client_free(b);
}

static void test_restart_stop_and_kill(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        assert_alive(a, b, "begin", 0);
        for (int i = 0; i < 5; i++) {
                shell("systemctl restart chatd 2>&1");
                assert_alive(a, b, "restart", i);
                assert_alive(b, a, "restart", i);
        }
        for (int i = 0; i < 5; i++) {
                shell("systemctl stop chatd.service 2>&1");
                assert_alive(a, b, "stop", i); /* the queue starts it again */
        }
        for (int i = 0; i < 10; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                assert_alive(a, b, "kill", i);
        }
        shell("systemctl daemon-reload; systemctl daemon-reexec");
        assert_alive(a, b, "reexec", 0);
        assert_string_equal(shell("systemctl is-active chatd.socket chat.socket"), "active\nactive");
        client_free(a);
        client_free(b);
}

static void test_what_waits_in_the_queue(void **state)
{
        (void)state;
        pid_t session;
        struct client *a, *b;
        join_two(&a, &b);
        struct client *c = booted_join();
        client_expect(b, "*** %s is connected\r\n", c->name);
        session = booted_session(c);
        /* while chatd is stopped, lines wait, and so do leaves */
        shell("systemctl kill -s STOP --kill-who=main chatd");
        client_send(a, "waits\n");
        client_sync(a);
        client_send(c, "last words\n");
        client_sync(c);
        struct client *d = booted_join();
        client_send(d, "newcomer's words\n");
        client_send(d, "exit\n");
        client_expect_end(d); /* its lines are in the queue, even without a chatd that answers BYE */
        kill(session, SIGKILL);
        client_expect_end(c);
        shell("systemctl kill -s KILL --kill-who=main chatd");
        client_expect(b, "%s: waits\r\n", a->name);
        client_expect(b, "%s: last words\r\n", c->name);
        client_expect(b, "*** %s is connected\r\n", d->name);
        client_expect(b, "%s: newcomer's words\r\n", d->name);
        client_expect(b, "*** %s is disconnected\r\n", d->name);
        client_expect(b, "*** %s is disconnected\r\n", c->name);
        client_free(a);
        client_free(b);
        client_free(c);
        client_free(d);
}

static void test_a_restart_of_the_queue(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        for (int i = 0; i < 3; i++) {
                client_send(a, "said %d\n", i);
                client_expect(b, "%s: said %d\r\n", a->name, i);
                shell("systemctl restart chatd.socket 2>&1");
                /* everything had been relayed, and chatd stated that before it ended: nothing is lost */
                client_send(a, "again %d\n", i);
                const char *before = client_expect(b, "%s: again %d\r\n", a->name, i);
                assert_null(strstr(before, "lost"));
                assert_null(strstr(before, "connected"));
                client_send(b, "and I\n");
                assert_null(strstr(client_expect(a, "%s: and I\r\n", b->name), "lost"));
        }
        client_free(a);
        client_free(b);
}

/* Three lines are in the queue, and no chatd comes to relay them. */
static void test_a_queue_that_is_lost(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        shell("mkdir -p /run/systemd/system/chatd.service.d");
        shell("printf '[Service]\nExecStartPre=/bin/sleep 1000\n' > /run/systemd/system/chatd.service.d/never.conf");
        shell("systemctl daemon-reload; systemctl stop chatd.service 2>&1");
        client_send(a, "one\ntwo\nthree\n");
        client_sync(a);
        shell("rm /run/systemd/system/chatd.service.d/never.conf; systemctl daemon-reload");
        shell("systemctl restart chatd.socket 2>&1");
        client_send(a, "four\n");
        client_expect(a, "*** The chat lost its queue: your last 3 lines may not have reached everybody\r\n");
        const char *before = client_expect(b, "%s: four\r\n", a->name);
        assert_null(strstr(before, "three"));
        assert_null(strstr(before, "lost")); /* b said nothing, so it lost nothing */
        client_send(b, "still here\n");
        client_expect(a, "%s: still here\r\n", b->name);
        client_free(a);
        client_free(b);
}

/* Where chatd cannot run it says why in one line, each five seconds, and goes on when it can: people wait, and lose nothing.
 * `lacks` makes the host so, `has` undoes it. */
static void assert_chatd_waits(const char *lacks, const char *has, const char *says, int status)
{
        struct client *a, *b;
        join_two(&a, &b);
        shell("systemctl stop chatd.service 2>&1; journalctl --sync; %s", lacks);
        client_send(a, "one\n");
        shell("systemctl start --no-block chatd.service");
        shell_until("journalctl --sync; test $(journalctl -u chatd -o cat | grep -c -x 'chatd: cannot .*%s.*') -ge 3",
                    says);
        shell("journalctl -u chatd -o short-unix | grep 'chatd: cannot .*%s' | "
              "awk 'last && $1 - last < 4 { exit 1 } { last = $1 }'",
              says);
        shell("journalctl -u chatd -o cat | grep -q 'status=%d/'", status);
        shell("%s", has);
        client_expect(b, "%s: one\r\n", a->name);
        client_free(a);
        client_free(b);
}

static void test_a_host_that_lacks_something(void **state)
{
        (void)state;
        shell("mkdir -p /run/systemd/system/chatd.service.d");
        assert_chatd_waits("printf '[Service]\nSystemCallFilter=~pidfd_open\n' "
                           ">/run/systemd/system/chatd.service.d/lacks.conf; systemctl daemon-reload",
                           "rm /run/systemd/system/chatd.service.d/lacks.conf; systemctl daemon-reload",
                           "run, as this kernel lacks pidfd_open(2)", 71);
        assert_chatd_waits("mv /run/chat /run/chat-away", "mv /run/chat-away /run/chat",
                           "use the run directory /run/chat: Permission denied; systemd-tmpfiles --create makes it", 1);
}

/* PID 1 tries again, and not as fast as it can. What was said meanwhile arrives. */
static void test_a_chatd_that_cannot_be_executed(void **state)
{
        (void)state;
        enum { TRIES = 6, WAIT_MS = 250 };
        struct client *a, *b;
        join_two(&a, &b);
        shell("mkdir -p /run/systemd/system/chatd.service.d; printf '[Service]\nExecStart=\nExecStart=/no/chatd\n' "
              ">/run/systemd/system/chatd.service.d/away.conf; systemctl daemon-reload");
        int before = atoi(shell("systemctl show -P NRestarts chatd"));
        int64_t begin = clock_ms();
        shell("systemctl kill -s KILL chatd");
        client_send(a, "said to nobody yet\n");
        shell_until("test $(systemctl show -P NRestarts chatd) -gt %d", before + TRIES);
        assert_in_range(clock_ms() - begin, (TRIES - 1) * WAIT_MS, DEADLINE_MS);
        shell("rm /run/systemd/system/chatd.service.d/away.conf; systemctl daemon-reload");
        client_expect(b, "%s: said to nobody yet\r\n", a->name);
        client_free(a);
        client_free(b);
}

static void test_throwing_somebody_out(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        shell("systemctl stop 'chat@*-%s.service'", b->name);
        client_expect(b, "*** The chat was shut down\r\n");
        assert_string_equal(client_expect_end(b), "");
        client_expect(a, "*** %s is disconnected\r\n", b->name);
        shell_until("journalctl -q -u chatd -o json CHAT_EVENT=leave CHAT_NAME=%s | grep -q terminated", b->name);
        client_free(a);
        client_free(b);
}

static void test_counts_survive_a_restart(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        assert_alive(a, b, "one", 1);
        assert_alive(a, b, "two", 2);
        shell("systemctl restart chatd 2>&1");
        shell_until("systemctl show -P StatusText chatd | grep -q '^members: [1-9]'");
        client_send(a, "exit\n");
        client_expect_end(a);
        shell_until("journalctl -q -u chatd -o json CHAT_EVENT=leave CHAT_NAME=%s | grep -q '\"CHAT_LINES_IN\":\"2\"'",
                    a->name);
        pid_t session = booted_session(b);
        shell("systemctl restart chatd 2>&1");
        client_sync(b);
        kill(session, SIGKILL); /* it saw at least two lines and a's leave, before this chatd */
        shell_until("journalctl -q -u chatd -o json CHAT_EVENT=leave CHAT_NAME=%s | grep -Eq "
                    "'\"CHAT_LINES_OUT\":\"([3-9]|[1-9][0-9]+)\"'",
                    b->name);
        client_free(a);
        client_free(b);
}

static void test_stopping_the_listener_disconnects_nobody(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        shell("systemctl stop chat.socket");
        assert_alive(a, b, "no listener", 1);
        shell("systemctl start chat.socket");
        struct client *c = booted_join();
        client_expect(a, "*** %s is connected\r\n", c->name);
        client_free(a);
        client_free(b);
        client_free(c);
}

/* Sends `count` datagrams as another user. Returns 0, or the errno of the first that failed. */
static int send_as(const char *user, const char *group, int count)
{
        struct sockaddr_un address;
        path_broker(&address, RUN_DIR_DEFAULT);
        pid_t pid = process_fork();
        if (pid > 0)
                return process_wait(pid);
        gid_t gid = getgrnam(group)->gr_gid;
        if (setgroups(1, &gid) < 0 || setgid(gid) < 0 || setuid(getpwnam(user)->pw_uid) < 0)
                _exit(1);
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                _exit(errno);
        uint8_t frame[FRAME_MAX_BYTES];
        size_t n = frame_encode(frame, sizeof(frame),
                                &(struct frame){.type = FRAME_HELLO,
                                                .id = (uint64_t)getpid() << 32,
                                                .name = slice_of("intruder"),
                                                .address = slice_of("nowhere")});
        for (int i = 0; i < count; i++)
                if (send(fd, frame, n, 0) < 0)
                        _exit(errno);
        _exit(0);
}

static void test_strangers_at_the_queue(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        assert_alive(a, b, "begin", 0);
        assert_int_equal(send_as("nobody", "nogroup", 1), EACCES);
        assert_int_equal(send_as("nobody", "chat", 1000), 0);
        shell_until("journalctl -u chatd CHAT_EVENT=ignored | grep -q 'of another user'");
        assert_alive(a, b, "end", 0); /* and no member saw an intruder */
        /* a thousand datagrams do not make a thousand entries */
        assert_in_range(atoi(shell("journalctl -q -u chatd -o cat CHAT_EVENT=ignored | wc -l")), 1, 10);
        client_free(a);
        client_free(b);
}

static void write_link_settings(const char *settings)
{
        shell("printf '%%b' '%s' >/etc/chat/link.conf", settings);
}

static void test_a_link_with_wrong_settings(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        assert_string_equal(shell("stat -c '%%U %%G %%a' /etc/chat/link.conf"), "root chat-link 640");
        write_link_settings("# nothing\\nServers=telnet://there\\n");
        shell("! systemctl enable --now chat-link 2>&1");
        shell_until(
                "journalctl -u chat-link | grep -q '/etc/chat/link.conf, line 2: Servers= takes .*nats://HOST:PORT'");
        /* chatd does not know the link yet, and a datagram to its inbox does not start it for ever */
        shell_until("! systemctl is-active chat-link.service");
        assert_alive(a, b, "wrong settings", 0);
        assert_in_range(atoi(shell("journalctl -q -u chat-link -o cat | grep -c link.conf")), 1, 100);
        client_free(a);
        client_free(b);
}

static void test_a_link_without_a_server(void **state)
{
        (void)state;
        struct client *a, *b;
        join_two(&a, &b);
        write_link_settings("Servers=nats://127.0.0.1:4\\nSpoolSize=1M\\n");
        shell("hostname > /tmp/hostname && hostname production-frontend-server-01");
        shell("systemctl reset-failed 'chat-link*'; systemctl enable --now chat-link 2>&1");
        shell_until(
                "journalctl -u chat-link -x CHAT_EVENT=label | grep -q 'called production-fronte-a2c6d5 in the chat'");
        assert_string_equal(shell("chat-link --check | head -1"), "host production-fronte-a2c6d5 of the network chat");
        shell("hostname -F /tmp/hostname");
        write_link_settings("Servers=nats://127.0.0.1:4\\nHost=here\\nSpoolSize=1M\\n");
        shell("systemctl restart chat-link");
        shell_until("journalctl -u chat-link -o cat | grep -q 'started as host here of the network chat'");
        shell("test -L /etc/systemd/system/multi-user.target.wants/chat-link.service");
        shell("test -L /etc/systemd/system/sockets.target.wants/chat-link.socket");
        shell_until(
                "systemctl status chat-link | grep -q 'Status: \"not linked: no NATS server at nats://127.0.0.1:4'");
        assert_string_equal(shell("stat -c '%%U %%G %%a' /run/chat/link.sock"), "chatd chatd 600");
        assert_string_equal(shell("stat -c '%%U %%a' /var/lib/chat-link /var/lib/chat-link/spool"),
                            "chat-link 700\nchat-link 600");
        assert_alive(a, b, "no server", 0);
        shell_until("systemctl status chat-link | grep -q 'lines waiting: [1-9]'");
        shell_until("journalctl -u chat-link -x | grep -q 'The message says what the problem is'"); /* the catalog */
        shell("systemctl stop chat-link.socket chat-link.service");
        assert_alive(a, b, "no link", 0); /* chatd finds that out when it has something to relay */
        shell_until("journalctl -q -u chatd CHAT_EVENT=link-gone | grep -q inbox");
        shell("! systemctl is-active chat-link.service chat-link.socket");
        client_free(a);
        client_free(b);
}

static void test_install_into_a_package(void **state)
{
        (void)state;
        shell("make --no-print-directory install DESTDIR=/tmp/package PREFIX=/usr 2>&1");
        shell("grep -qx 'ExecStart=/usr/sbin/chat-session' '/tmp/package/usr/lib/systemd/system/chat@.service'");
        shell("test -x /tmp/package/usr/sbin/chatd && test -f /tmp/package/usr/share/man/man8/chatd.8");
        shell("make --no-print-directory uninstall DESTDIR=/tmp/package PREFIX=/usr 2>&1");
        assert_string_equal(shell("find /tmp/package ! -type d"), "");
        shell("systemctl is-active chat.socket");
}

static void test_uninstall(void **state)
{
        (void)state;
        shell("systemctl enable --now chat-json.socket chat-web.socket chat-web-proxied.socket 2>&1");
        struct client *a = booted_join(), *bot = client_connect_unix("/run/chat-json.sock"),
                      *browser = client_connect("127.0.0.1", WEB_PORT);
        client_expect(bot, "{\"event\":\"welcome\",");
        client_send(browser, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client_expect(browser, "\r\n\r\nok\n");
        shell("make --no-print-directory uninstall 2>&1");
        client_expect(a, "*** The chat was shut down\r\n");
        assert_string_equal(client_expect_end(a), "");
        client_expect(bot, "\"code\":\"shut-down\"");
        client_expect_end(bot);
        client_expect_end(browser);
        shell("make --no-print-directory uninstall 2>&1"); /* a second time is no error */
        shell("test ! -e /run/chat && test ! -e /run/chat-json.sock && test ! -e /run/chat-web-proxied.sock");
        assert_string_equal(shell("systemctl list-units --plain --no-legend --all 'chat*.socket' 'chat*.service'"), "");
        assert_string_equal(shell("find /usr/local /etc/systemd -name 'chat*'"), "");
        shell("test ! -e /etc/needrestart/conf.d/chat.conf");
        client_free(a);
        client_free(bot);
        client_free(browser);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_enabling_the_socket_is_enough),
                cmocka_unit_test(test_units_are_verified),
                cmocka_unit_test(test_nothing_limits_how_quickly_people_come),
                cmocka_unit_test(test_the_exposure),
                cmocka_unit_test(test_users_and_files),
                cmocka_unit_test(test_echo),
                cmocka_unit_test(test_the_journal),
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_sessions_sleep),
                cmocka_unit_test(test_restart_stop_and_kill),
                cmocka_unit_test(test_what_waits_in_the_queue),
                cmocka_unit_test(test_a_restart_of_the_queue),
                cmocka_unit_test(test_a_queue_that_is_lost),
                cmocka_unit_test(test_a_host_that_lacks_something),
                cmocka_unit_test(test_a_chatd_that_cannot_be_executed),
                cmocka_unit_test(test_throwing_somebody_out),
                cmocka_unit_test(test_counts_survive_a_restart),
                cmocka_unit_test(test_stopping_the_listener_disconnects_nobody),
                cmocka_unit_test(test_strangers_at_the_queue),
                cmocka_unit_test(test_a_link_with_wrong_settings),
                cmocka_unit_test(test_a_link_without_a_server),
                cmocka_unit_test(test_install_into_a_package),
                cmocka_unit_test(test_uninstall),
        };
        return RUN_TESTS(tests, booted_install_without_history, NULL);
}
