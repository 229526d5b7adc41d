/* An upgrade of the host: a library is replaced under a chat where people talk, and the real needrestart(1) restarts
 * what uses it. Nobody is disconnected; and a session that is restarted nevertheless does not become a ghost. */
#include <stdio.h>
#include <unistd.h>

#include "booted.h"
#include "browsers.h"

#define EXEMPTION "/etc/needrestart/conf.d/chat.conf"
#define LOCAL_SOCKET "/run/chat-local.sock"
#define PROXIED_SOCKET "/run/chat-proxied.sock"
#define IRC_SOCKET "/run/chat-irc-proxied.sock"
#define JSON_SOCKET "/run/chat-json.sock"

enum { PEOPLE = 3 };

/* One for each unit whose instances are sessions of the chat. */
static struct client *people[PEOPLE];
static struct client *echo, *irc, *bot, *browser;

static int install(void **state)
{
        shell("for d in usr lib etc; do [ ! -d build/needrestart/$d ] || cp -a build/needrestart/$d/. /$d/ || exit 1; "
              "done");
        if (access("/usr/sbin/needrestart", X_OK) != 0) {
                fprintf(stderr,
                        "SKIPPED: no needrestart; these tests need build/needrestart, which apt-get downloads\n");
                exit(0);
        }
        booted_install_without_history(state);
        shell("systemctl enable --now chat-local.socket chat-echo.socket chat-json.socket chat-web.socket 2>&1 && "
              "systemctl start chat-tls.socket chat-ircs.socket");
        return 0;
}

/* Joins over a UNIX socket, with `first` in front of the input. */
static struct client *join_unix(const char *path, const char *first)
{
        struct client *c = client_connect_unix(path);
        client_send(c, "%s", first);
        client_expect(c, "*** Welcome, ");
        const char *name = client_expect(c, ". ");
        snprintf(c->name, sizeof(c->name), "%s", name);
        client_expect(c, "exit leaves.\r\n");
        return c;
}

/* Lets each say something that all others see. Returns false if any client was told of a join or a leave in that
 * time. */
static bool talk(const char *what)
{
        bool calm = true;
        for (int i = 0; i < PEOPLE; i++) {
                client_send(people[i], "%s %d\n", what, i);
                for (int other = 0; other < PEOPLE; other++)
                        if (other != i)
                                calm &= !strstr(client_expect(people[other], "%s: %s %d\r\n", people[i]->name, what, i),
                                                "connected");
        }
        client_send(echo, "%s\n", what);
        assert_string_equal(client_expect(echo, "%s\r\n", what), "");
        client_send(irc, "PING :%s\r\n", what);
        client_expect(irc, " PONG ");
        client_expect(irc, ":%s\r\n", what);
        client_send(bot, "{\"do\":\"rooms\",\"ref\":\"%s\"}\n", what);
        client_expect(bot, "{\"event\":\"answer\",\"ref\":\"%s\",\"code\":\"rooms\",", what);
        browser_send(browser, "{\"do\":\"rooms\",\"ref\":\"%s\"}", what);
        client_expect(browser, "{\"event\":\"answer\",\"ref\":\"%s\",\"code\":\"rooms\",", what);
        return calm;
}

static int join(void **state)
{
        (void)state;
        people[0] = booted_join();
        people[1] = join_unix(LOCAL_SOCKET, "");
        people[2] = join_unix(PROXIED_SOCKET, "PROXY TCP4 192.0.2.7 192.0.2.1 4711 8889\r\n");
        echo = client_connect("127.0.0.1", ECHO_PORT);
        client_send(echo, "there\n");
        client_expect(echo, "there\r\n");
        irc = client_connect_unix(IRC_SOCKET);
        client_send(irc, "PROXY TCP4 192.0.2.7 192.0.2.1 4712 6697\r\nNICK irc\r\nUSER irc 0 * :irc\r\n");
        client_expect(irc, " 001 irc ");
        bot = client_connect_unix(JSON_SOCKET);
        client_expect(bot, "{\"event\":\"welcome\",");
        browser = browser_connect("127.0.0.1", WEB_PORT);
        browser_open_websocket(browser, "localhost", "");
        talk("hello"); /* after the notice of the join */
        return 0;
}

static int leave(void **state)
{
        (void)state;
        for (int i = 0; i < PEOPLE; i++)
                client_free(people[i]);
        client_free(echo);
        client_free(irc);
        client_free(bot);
        client_free(browser);
        shell_until("! systemctl list-units --plain --no-legend 'chat*@*.service' | grep -q .");
        return 0;
}

/* Replaces libc as a package does: by a new file under the old name. Running programs have the old one, which is
 * deleted. */
static void replace_libc(void)
{
        shell("libc=$(ldd /usr/local/sbin/chat-session | sed -n 's/.*libc.so.6 => \\([^ ]*\\).*/\\1/p') && "
              "cp -p $libc $libc.new && mv $libc.new $libc");
        shell("grep -q 'libc.so.6 (deleted)' /proc/%d/maps", booted_session(people[0]));
}

static const char *what_runs(void)
{
        return shell("systemctl show -P InvocationID 'chat*@*.service' | sort");
}

/* Runs needrestart and returns its output. It restarts chatd, too, which shows that it found what to restart. */
static const char *run_needrestart(void)
{
        char broker[16];
        snprintf(broker, sizeof(broker), "%s", shell("systemctl show -P MainPID chatd"));
        shell("needrestart -l -m a -r a >/run/needrestart.log 2>&1");
        assert_string_not_equal(shell("systemctl show -P MainPID chatd"), broker);
        return shell("cat /run/needrestart.log");
}

static void test_needrestart_leaves_sessions_alone(void **state)
{
        (void)state;
        char before[1024];
        replace_libc();
        snprintf(before, sizeof(before), "%s", what_runs());
        const char *said = run_needrestart(), *deferred = strstr(said, "Service restarts being deferred:");
        if (!deferred || !strstr(deferred, "chat@") || !strstr(deferred, "chat-local@") ||
            !strstr(deferred, "chat-proxied@") || !strstr(deferred, "chat-echo@") ||
            !strstr(deferred, "chat-irc-proxied@") || !strstr(deferred, "chat-json@") || !strstr(deferred, "chat-web@"))
                fail_msg("it does not say that it leaves the sessions alone:\n%s", said);
        assert_true(talk("behind needrestart"));
        assert_string_equal(what_runs(), before);
}

/* If the exemption was removed, systemd refuses. */
static void test_systemd_refuses_restarts(void **state)
{
        (void)state;
        char before[1024];
        replace_libc();
        snprintf(before, sizeof(before), "%s", what_runs());
        shell("mv " EXEMPTION " /run/exemption");
        const char *said = run_needrestart();
        for (const char *const *unit = (const char *const[]){"chat", "chat-local", "chat-proxied", "chat-echo",
                                                             "chat-irc-proxied", "chat-json", "chat-web", NULL};
             *unit; unit++) {
                char refusal[64];
                snprintf(refusal, sizeof(refusal), "Failed to restart %s@", *unit);
                if (!strstr(said, refusal))
                        fail_msg("%s@ was not refused:\n%s", *unit, said);
        }
        shell("mv /run/exemption " EXEMPTION);
        assert_true(talk("behind a refusal"));
        assert_string_equal(shell("systemctl show -P RefuseManualStart chat-tls@x.service"), "yes");
        assert_string_equal(what_runs(), before);
}

/* If that was removed, too, the restarted session finds a connection that was shut down, and ends. */
static void test_a_restarted_session_is_no_ghost(void **state)
{
        (void)state;
        shell("for u in chat chat-local chat-echo; do d=/run/systemd/system/$u@.service.d; mkdir -p $d && printf "
              "'[Unit]\\nRefuseManualStart=no\\n' >$d/restart.conf; done; systemctl daemon-reload");
        for (int i = 0; i < 2; i++) {
                shell("systemctl restart '%s@*.service'", i == 0 ? "chat" : "chat-local");
                client_expect(people[i], "*** The chat was shut down\r\n");
                client_expect_end(people[i]);
                client_expect(people[2], "*** %s is disconnected\r\n", people[i]->name);
        }
        shell("systemctl restart 'chat-echo@*.service'");
        shell_until("! systemctl list-units --plain --no-legend 'chat@*' 'chat-local@*' 'chat-echo@*' | grep -q .");
        shell("rm -r /run/systemd/system/chat*@.service.d && systemctl daemon-reload");
        client_expect_end(echo);
        client_send(people[2], "/who\n");
        assert_string_equal(client_expect(people[2], "*** You are alone here"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, join, leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_needrestart_leaves_sessions_alone),
                TEST(test_systemd_refuses_restarts),
                TEST(test_a_restarted_session_is_no_ghost),
        };
        return RUN_TESTS(tests, install, NULL);
}
