/* The Debian packages in a booted system: upgraded from a version without chat-broker-irc; then installed, upgraded and
 * downgraded while people talk, removed, installed again and purged. In this order. */
#include <stdio.h>
#include <unistd.h>

#include <chat/clock.h>

#include "booted.h"
#include "browsers.h"

#define NAMES "chat-broker-link chat-broker-irc chat-broker-web chat-broker"
#define BROKER "build/package/chat-broker_*.deb"
#define IRC "build/package/chat-broker-irc_*.deb"
#define PACKAGES BROKER " " IRC " build/package/chat-broker-web_*.deb build/package/chat-broker-link_*.deb"
#define JSON_SOCKET "/run/chat-json.sock"
#define EARLIER "/run/earlier" /* a chat-broker of the version that had chat-irc in it */
#define LATER "/run/later"     /* packages of a later version, with the next version's chatd and chat-session */
/* Lists every path that a package may leave, below the directory that stands in front. dpkg's own data are left out: a
 * test of its own checks that dpkg remembers nothing of a purged package. */
#define ALL_FILES                                                                                                      \
        "find etc usr var -xdev -path var/lib/dpkg -prune -o -path var/cache -prune -o -path var/log -prune -o "       \
        "-print | sort"
#define BEFORE "/run/files-before"
#define WRITTEN "/run/written" /* what this system wrote; other processes of the machine write, too */

enum {
        LINES_ON_THE_WAY = 20, /* of each speaker, so that chatd ends with some in its queue */
        IRC_PORT = 6667,
};

/* Makes the package from today's files, without those that are new. */
static void repack_as_earlier(void)
{
        shell("mkdir " EARLIER " && dpkg-deb -R " BROKER " " EARLIER "/tree && dpkg-deb -x " IRC " " EARLIER "/tree");
        shell("cd " EARLIER "/tree && rm -r etc/chat/ircs.conf usr/share/doc/chat-broker-irc "
              "usr/share/lintian/overrides/chat-broker-irc");
        shell("find " EARLIER "/tree '(' -name 'chat-ircs*' -o -name 'chat-irc-proxied*' ')' -exec rm -r {} +");
        shell("sed -i 's/^Version: .*/Version: 0.1.0/; /^Recommends:/d' " EARLIER "/tree/DEBIAN/control");
        shell("dpkg-deb --root-owner-group -Znone -b " EARLIER "/tree " EARLIER);
}

static int setup(void **state)
{
        (void)state;
        /* An image for containers may have this file, which prevents the start of services. */
        shell("rm -f /usr/sbin/policy-rc.d");
        shell("cd / && " ALL_FILES " >" BEFORE);
        repack_as_earlier();
        return 0;
}

static void repack(const char *package)
{
        shell("dpkg-deb -R build/package/%s_*.deb " LATER "/%s", package, package);
        shell("sed -i 's/^Version: .*/&+later/; s/(= \\([^)]*\\))/(= \\1+later)/' " LATER "/%s/DEBIAN/control",
              package);
        shell("for p in build/next/*; do f=" LATER "/%s/usr/sbin/${p##*/}; [ ! -e $f ] || cp $p $f || exit 1; done",
              package);
        shell("dpkg-deb --root-owner-group -Znone -b " LATER "/%s " LATER, package);
}

/* Registers a client of IRC, which joins no channel and so is told nothing of the others. */
static struct client *join_irc(void)
{
        struct client *c = client_connect("127.0.0.1", IRC_PORT);
        client_send(c, "NICK irc\r\nUSER irc 0 * :irc\r\n");
        client_expect(c, " 001 irc :Welcome to the chat");
        return c;
}

/* Asserts that the client is a member: chatd answers its JOIN and its PART. */
static void assert_irc_works(struct client *c)
{
        client_send(c, "JOIN #den\r\n");
        client_expect(c, " 366 irc #den ");
        client_send(c, "PART #den\r\n");
        client_expect(c, " PART #den");
}

static void leave_irc(struct client *c)
{
        client_send(c, "QUIT\r\n");
        client_expect_end(c);
        client_free(c);
        shell_until("! systemctl list-units --plain --no-legend 'chat-irc@*' | grep -q .");
}

/* Connects a program that speaks JSON. It enters a room of its own, so it is told nothing of the others. */
static struct client *join_bot(void)
{
        struct client *c = client_connect_unix(JSON_SOCKET);
        client_expect(c, "{\"event\":\"welcome\",");
        client_send(c, "{\"do\":\"join\",\"room\":\"bots\"}\n"); /* others learn of it, and need not wait for that */
        client_expect(c, "{\"event\":\"answer\",\"code\":\"entered\",");
        client_expect(c, "\n");
        return c;
}

/* Asserts that the program is a member: chatd answers it. */
static void assert_bot_works(struct client *c)
{
        client_send(c, "{\"do\":\"join\",\"room\":\"den\"}\n{\"do\":\"leave\",\"room\":\"den\"}\n");
        client_expect(c, "{\"event\":\"answer\",\"code\":\"entered\",");
        client_expect(c, "{\"event\":\"answer\",\"code\":\"exited\",");
}

static void assert_browser_works(struct client *c)
{
        browser_join(c, "den");
        browser_send(c, "{\"do\":\"leave\",\"room\":\"den\"}");
        client_expect(c, "{\"event\":\"answer\",\"code\":\"exited\",");
}

/* Opens a WebSocket. A browser is announced when it enters its first room, and this one leaves that at once. */
static struct client *join_browser(void)
{
        struct client *c = browser_connect("127.0.0.1", WEB_PORT);
        browser_open_websocket(c, "localhost", "");
        assert_browser_works(c);
        return c;
}

/* Its files go to chat-broker-irc, while a client of IRC stays connected, and other clients come. */
static void test_upgrade_from_a_chat_broker_with_chat_irc(void **state)
{
        (void)state;
        char before[128];
        shell("dpkg -i " EARLIER "/*.deb 2>&1");
        shell("systemctl enable --now chat-irc.socket 2>&1");
        struct client *irc = join_irc();
        snprintf(before, sizeof(before), "%s", shell("systemctl show -P InvocationID 'chat-irc@*'"));
        shell("dpkg -i " BROKER " " IRC " 2>&1");
        assert_irc_works(irc);
        assert_string_equal(shell("systemctl show -P InvocationID 'chat-irc@*'"), before);
        assert_string_equal(shell("dpkg -S $(command -v chat-irc) && dpkg -V " NAMES " 2>/dev/null || true"),
                            "chat-broker-irc: /usr/sbin/chat-irc");
        assert_string_equal(shell("systemctl is-enabled chat-irc.socket; systemctl show -P NeedDaemonReload "
                                  "chat-irc.socket"),
                            "enabled\nno");
        leave_irc(irc);
        irc = join_irc();
        assert_irc_works(irc);
        leave_irc(irc);
        shell("dpkg -P chat-broker-irc chat-broker 2>&1");
}

/* The files are gone for a while. If PID 1 reads the units in that time, it closes the port; if a client comes, it fails
 * the socket. The upgrade repairs both. */
static void test_upgrade_in_two_steps(void **state)
{
        (void)state;
        for (int step = 0; step < 2; step++) {
                shell("dpkg -i " EARLIER "/*.deb 2>&1");
                shell("systemctl enable --now chat-irc.socket 2>&1");
                if (step == 0) {
                        shell("dpkg -i " BROKER " 2>&1");
                        shell("! nc -z 127.0.0.1 %d", IRC_PORT);
                } else {
                        shell("dpkg --unpack " BROKER " 2>&1");
                        struct client *refused = client_connect("127.0.0.1", IRC_PORT);
                        client_expect_end(refused);
                        client_free(refused);
                        shell_until("systemctl is-failed chat-irc.socket");
                        shell("dpkg --configure chat-broker 2>&1");
                }
                shell("dpkg -i " IRC " 2>&1");
                struct client *irc = join_irc();
                assert_irc_works(irc);
                leave_irc(irc);
                shell("dpkg -P chat-broker-irc chat-broker 2>&1");
        }
}

static void test_upgrade_leaves_a_stopped_socket_alone(void **state)
{
        (void)state;
        shell("dpkg -i " EARLIER "/*.deb 2>&1");
        shell("systemctl enable chat-irc.socket 2>&1");
        shell("dpkg -i " BROKER " " IRC " 2>&1");
        assert_string_equal(shell("systemctl is-active chat-irc.socket; systemctl is-enabled chat-irc.socket"),
                            "inactive\nenabled");
        shell("dpkg -P chat-broker-irc chat-broker 2>&1");
}

/* Asserts that no unit is active, not even one without a unit file, which systemd calls "not-found" and "active". */
static void assert_nothing_runs(void)
{
        assert_string_equal(shell("systemctl list-units --all --plain --no-legend "
                                  "--state=active,reloading,activating,deactivating,failed 'chat*'"),
                            "");
        assert_string_equal(shell("ps -o args= -u chatd,chat-session,chat-link,chat-tls || true"), "");
        shell("! test -e /run/chat && ! test -e /run/chat-local.sock && ! test -e " JSON_SOCKET " && "
              "! test -e /run/chat-web-proxied.sock");
}

/* chat-broker removes what it had itself, if chat-broker-irc was never installed. */
static void test_purge_after_an_upgrade_without_chat_broker_irc(void **state)
{
        (void)state;
        shell("dpkg -i " EARLIER "/*.deb 2>&1");
        shell("systemctl enable --now chat-irc.socket 2>&1");
        struct client *irc = join_irc();
        shell("dpkg -i " BROKER " 2>&1");
        assert_irc_works(irc);
        shell("dpkg -P chat-broker 2>&1");
        client_expect(irc, "ERROR :");
        client_expect_end(irc);
        client_free(irc);
        assert_nothing_runs();
        assert_string_equal(shell("find /etc /var/lib/systemd -name '*chat*'"), "");
}

static void test_install(void **state)
{
        (void)state;
        shell("dpkg -i " PACKAGES " 2>&1");
        assert_string_equal(shell("systemctl is-active chat.socket chat-echo.socket chatd.socket chatd.service "
                                  "chat-link.socket chat-link.service chat-irc.socket chat-ircs.socket "
                                  "chat-json.socket chat-json-tcp.socket chat-web.socket chat-web-proxied.socket "
                                  "chat-metrics.timer || true"),
                            "inactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\n"
                            "inactive\ninactive\ninactive\ninactive");
        assert_string_equal(shell("systemctl is-enabled chat.socket chatd.service chat-irc.socket chat-ircs.socket "
                                  "chat-json.socket chat-json-tcp.socket chat-web.socket chat-web-proxied.socket "
                                  "chat-metrics.timer || true"),
                            "disabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled");
        assert_string_equal(shell("stat -c '%%a %%U:%%G' /etc/chat/link.conf /run/chat/sessions"),
                            "640 root:chat-link\n1730 chatd:chat");
        shell("journalctl --list-catalog | grep -q '^e2f34a8cb7fc42d98226c7d701dd8484 '");
        shell("systemd-analyze verify chat.socket chatd.service chat-link.service chat-irc.socket "
              "chat-json.socket chat-json-tcp.socket chat-web.socket chat-web-proxied.socket 2>&1 | { ! grep /chat; }");
        shell("man -w chatd chat-session chat-link chat-irc chat-ircs.socket chat-web chat-json chat-json.socket "
              "chat-web.socket");
}

/* Runs the tests of the packages as Debian's test bed would. Output on standard error counts as a failure. */
static void test_of_the_installed_packages(void **state)
{
        (void)state;
        assert_string_equal(shell("{ debian/tests/chat >/run/said && debian/tests/json >>/run/said && "
                                  "debian/tests/web >>/run/said; } 2>&1"),
                            "");
        shell("grep -qx 'The chat works.' /run/said && grep -qx 'JSON works.' /run/said && "
              "grep -qx 'The page works.' /run/said && rm /run/said");
}

/* Returns the identities of the sessions and of the sockets with the queues: they must stay the same. */
static const char *what_stays(void)
{
        return shell("systemctl show -P InvocationID chat.socket chat-local.socket chat-irc.socket chat-json.socket "
                     "chat-web.socket chatd.socket chat-link.socket "
                     "'chat@*.service' 'chat-irc@*.service' 'chat-json@*.service' 'chat-web@*.service' | sort");
}

static void hear(struct client *c, const struct client *from, int line)
{
        assert_string_equal(client_expect(c, "%s: line %d\r\n", from->name, line), "");
}

/* Lets both talk until `command` has ended. It begins when LINES_ON_THE_WAY lines of each are on the way. */
static void talk_during(char *command, struct client *ann, struct client *bob)
{
        int said = 0, heard = 0;
        char *const argv[] = {"sh", "-c", command, NULL};
        int64_t deadline = clock_ms() + DEADLINE_MS;
        pid_t dpkg = 0;
        for (bool ended = false; !ended || heard < said;) {
                bool full = said - heard == LINES_ON_THE_WAY;
                if (full && dpkg == 0)
                        dpkg = process_start(argv, -1, -1, -1);
                if (dpkg != 0 && !ended)
                        ended = process_has_ended(dpkg);
                if (ended || full) {
                        hear(bob, ann, heard);
                        hear(ann, bob, heard);
                        heard++;
                }
                if (!ended) {
                        assert_true(clock_ms() < deadline);
                        client_send(ann, "line %d\n", said);
                        client_send(bob, "line %d\n", said);
                        said++;
                }
        }
        client_send(bob, "still here\n");
        assert_string_equal(client_expect(ann, "%s: still here\r\n", bob->name), "");
        client_send(ann, "so am I\n");
        assert_string_equal(client_expect(bob, "%s: so am I\r\n", ann->name), "");
}

/* Changes the version while ann and bob talk. Afterwards chatd comes from the package, and the sessions of ann and bob
 * are the same. */
static void change_version(char *command, struct client *ann, struct client *bob)
{
        char before[512], broker[32], link[32];
        snprintf(before, sizeof(before), "%s", what_stays());
        assert_int_equal(strlen(before),
                         12 * 32 + 11 + 11); /* twelve identities, in lines, with empty lines between them */
        snprintf(broker, sizeof(broker), "%s", shell("systemctl show -P MainPID chatd"));
        snprintf(link, sizeof(link), "%s", shell("systemctl show -P MainPID chat-link"));

        talk_during(command, ann, bob);

        assert_string_equal(what_stays(), before);
        assert_string_not_equal(shell("systemctl show -P MainPID chatd"), broker);
        assert_string_not_equal(shell("systemctl show -P MainPID chat-link"), link);
        /* No "(deleted)" follows: these are the programs of the package. */
        assert_string_equal(shell("for unit in chatd chat-link; do readlink /proc/$(systemctl show -P MainPID "
                                  "$unit)/exe; done"),
                            "/usr/sbin/chatd\n/usr/sbin/chat-link");
        shell("grep -q '^Servers=nats://127.0.0.1:1$' /etc/chat/link.conf && grep -q '^Pace=off$' /etc/chat/chat.conf");
        assert_string_equal(shell("stat -c '%%a %%U:%%G' /etc/chat/link.conf"), "640 root:chat-link");

        /* A newcomer has a session of the new version. */
        struct client *carl = booted_join();
        client_expect(ann, "*** %s is connected\r\n", carl->name);
        client_expect(bob, "*** %s is connected\r\n", carl->name);
        client_send(carl, "hello\n");
        assert_string_equal(client_expect(ann, "%s: hello\r\n", carl->name), "");
        client_send(bob, "hello, too\n");
        assert_string_equal(client_expect(carl, "%s: hello, too\r\n", bob->name), "");
        client_send(carl, "exit\n");
        client_expect(ann, "*** %s is disconnected\r\n", carl->name);
        client_expect(bob, "*** %s is disconnected\r\n", carl->name);
        client_free(carl);
        shell_until("test $(systemctl list-units --plain --no-legend 'chat@*.service' | wc -l) = 2");
}

static void test_upgrade_and_downgrade_while_people_talk(void **state)
{
        (void)state;
        /* a newcomer is shown only lines from then on */
        shell("printf 'Pace=off\\nHistory=off\\n' >>/etc/chat/chat.conf");
        /* there is no such server, so the link waits for it */
        shell("echo Servers=nats://127.0.0.1:1 >>/etc/chat/link.conf");
        shell("systemctl enable --now chat.socket chat-local.socket chat-irc.socket chat-json.socket chat-web.socket "
              "chat-link.service 2>&1");
        shell("systemctl restart chatd");
        shell("mkdir -p " LATER);
        repack("chat-broker");
        repack("chat-broker-link");
        repack("chat-broker-irc");
        repack("chat-broker-web");
        struct client *irc = join_irc(), *bot = join_bot(), *browser = join_browser(), *ann = booted_join(),
                      *bob = booted_join();
        client_expect(ann, "*** %s is connected\r\n", bob->name);

        change_version("exec dpkg -i " LATER "/*.deb >" LATER "/log 2>&1", ann, bob);
        shell("dpkg -s chat-broker | grep -q '^Version: .*+later$'");
        shell("cmp /usr/sbin/chatd build/next/chatd && cmp /usr/sbin/chat-session build/next/chat-session");
        assert_irc_works(irc);
        assert_bot_works(bot);
        assert_browser_works(browser);
        change_version("exec dpkg -i " PACKAGES " >" LATER "/log 2>&1", ann, bob);
        assert_irc_works(irc);
        assert_bot_works(bot);
        assert_browser_works(browser);
        shell("! dpkg -s chat-broker | grep -q '^Version: .*+later$'");
        shell("! cmp -s /usr/sbin/chatd build/next/chatd");
        leave_irc(irc);
        client_free(ann);
        client_free(bob);
        client_free(bot);
        client_free(browser);
}

/* Services that an administrator has stopped stay stopped, even if they are enabled. */
static void test_upgrade_starts_nothing(void **state)
{
        (void)state;
        static const char units[] = "chat.socket chat-local.socket chat-irc.socket chat-json.socket chat-web.socket "
                                    "chat-link.socket chat-link.service chatd.socket chatd.service";
        shell("systemctl enable chatd.service 2>&1");
        shell("systemctl stop %s 'chat@*.service' 'chat-json@*.service' 'chat-web@*.service'", units);
        shell("dpkg -i " LATER "/*.deb 2>&1");
        assert_string_equal(shell("systemctl is-active %s || true", units),
                            "inactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\n"
                            "inactive");
        shell("systemctl start %s", units);
}

static void test_remove(void **state)
{
        (void)state;
        struct client *ann = booted_join(), *irc = join_irc(), *bot = join_bot(), *browser = join_browser();
        assert_string_equal(shell("systemctl is-enabled chat.socket chat-local.socket chat-irc.socket "
                                  "chat-json.socket chat-web.socket chat-link.service chatd.service"),
                            "enabled\nenabled\nenabled\nenabled\nenabled\nenabled\nenabled");
        shell("systemctl enable --now chat-metrics.timer 2>&1");
        shell("dpkg -r " NAMES " 2>&1");
        client_expect(irc, "ERROR :");
        client_expect_end(irc);
        client_free(irc);
        client_expect(bot, "\"code\":\"shut-down\"");
        client_expect_end(bot);
        client_free(bot);
        client_expect(browser, "\"code\":\"shut-down\"");
        client_expect_end(browser);
        client_free(browser);
        client_expect(ann, "*** The chat was shut down\r\n");
        client_expect_end(ann);
        client_free(ann);
        assert_nothing_runs();
        shell("! test -e /usr/sbin/chatd && ! test -e /usr/sbin/chat-link && ! test -e /usr/sbin/chat-irc && "
              "! test -e /usr/sbin/chat-web");
        shell("test -e /etc/chat/link.conf"); /* settings stay until they are purged */
        assert_string_equal(shell("find /etc/systemd -name 'chat*'"), "");
}

/* Installs over the leftovers of a removal, of which an administrator removed one. Some units were enabled before the
 * removal; now no boot starts them. */
static void test_install_again(void **state)
{
        (void)state;
        static const char units[] = "chat.socket chat-local.socket chat-irc.socket chat-json.socket chat-web.socket "
                                    "chat-link.socket chat-link.service chatd.socket chatd.service chatctl.socket";
        shell("rm /etc/chat/link.conf");
        shell("dpkg -i " PACKAGES " 2>&1");
        shell("! test -e /etc/chat/link.conf");
        assert_string_equal(shell("systemctl is-enabled %s || true", units),
                            "disabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\ndisabled\n"
                            "disabled\ndisabled");
        /* What a boot starts: sockets.target is active, and starts everything that it wants. */
        assert_string_equal(shell("systemctl list-dependencies --plain multi-user.target | grep chat || true"), "");
        shell("systemctl start sockets.target");
        assert_string_equal(shell("systemctl is-active %s || true", units),
                            "inactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\ninactive\n"
                            "inactive\ninactive");
        shell("systemctl start chat.socket");
        struct client *ann = booted_join(), *bob = booted_join();
        client_expect(ann, "*** %s is connected\r\n", bob->name);
        client_send(bob, "here again\n");
        client_expect(ann, "%s: here again\r\n", bob->name);
        client_free(ann);
        client_free(bob);
}

static void test_purge_what_runs(void **state)
{
        (void)state;
        struct client *ann = booted_join();
        shell("mkdir -p /var/lib/chat-link");
        shell("dpkg -P " NAMES " 2>&1");
        client_expect_end(ann);
        client_free(ann);
        assert_nothing_runs();
        /* files that were written and exist; a deleted file is there as a device of this name (overlayfs) */
        assert_string_equal(shell("cd " WRITTEN " && " ALL_FILES " | comm -13 " BEFORE " - | "
                                  "while read -r f; do test ! -e \"/$f\" -a ! -L \"/$f\" || echo \"$f\"; done"),
                            "");
        assert_string_equal(shell("find /run -xdev -path " LATER " -prune -o -path " EARLIER
                                  " -prune -o -path /run/systemd/propagate -prune -o "
                                  "-name '*chat*' -print"),
                            "");
        shell("! journalctl --list-catalog | grep '^e2f34a8cb7fc42d98226c7d701dd8484 '");
        assert_string_equal(shell("dpkg -l " NAMES " 2>/dev/null | grep '^[ir]' || true"), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_upgrade_from_a_chat_broker_with_chat_irc),
                cmocka_unit_test(test_upgrade_in_two_steps),
                cmocka_unit_test(test_upgrade_leaves_a_stopped_socket_alone),
                cmocka_unit_test(test_purge_after_an_upgrade_without_chat_broker_irc),
                cmocka_unit_test(test_install),
                cmocka_unit_test(test_of_the_installed_packages),
                cmocka_unit_test(test_upgrade_and_downgrade_while_people_talk),
                cmocka_unit_test(test_upgrade_starts_nothing),
                cmocka_unit_test(test_remove),
                cmocka_unit_test(test_install_again),
                cmocka_unit_test(test_purge_what_runs),
        };
        return RUN_TESTS(tests, setup, NULL);
}
