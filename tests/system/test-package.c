/* The Debian packages in a booted system: installed, upgraded while people talk, removed and purged. In this order. */
#include <stdio.h>
#include <unistd.h>

#include "booted.h"

#define PACKAGES "build/package/chat-broker_*.deb build/package/chat-broker-link_*.deb"
#define LATER "/run/later" /* the same packages, of a later version */

static int setup(void **state)
{
        (void)state;
        /* An image for containers may have this, so that nothing is started in there. */
        shell("rm -f /usr/sbin/policy-rc.d");
        return 0;
}

static void repack(const char *package)
{
        shell("dpkg-deb -R build/package/%s_*.deb " LATER "/%s", package, package);
        shell("sed -i 's/^Version: .*/&+later/; s/(= \\([^)]*\\))/(= \\1+later)/' " LATER "/%s/DEBIAN/control",
              package);
        shell("dpkg-deb --root-owner-group -b " LATER "/%s " LATER, package);
}

static void test_install(void **state)
{
        (void)state;
        shell("dpkg -i " PACKAGES " 2>&1");
        assert_string_equal(shell("systemctl is-active chat.socket chat-echo.socket chatd.socket chatd.service "
                                  "chat-link.socket chat-link.service || true"),
                            "inactive\ninactive\ninactive\ninactive\ninactive\ninactive");
        assert_string_equal(shell("systemctl is-enabled chat.socket chatd.service || true"), "disabled\ndisabled");
        assert_string_equal(shell("stat -c '%%a %%U:%%G' /etc/chat/link.conf /run/chat/sessions"),
                            "640 root:chat-link\n1730 chatd:chat");
        shell("journalctl --list-catalog | grep -q '^e2f34a8cb7fc42d98226c7d701dd8484 '");
        shell("systemd-analyze verify chat.socket chatd.service chat-link.service 2>&1 | { ! grep /chat; }");
        shell("man -w chatd chat-session chat-link");
}

/* What a test bed of Debian's would run. */
static void test_of_the_installed_package(void **state)
{
        (void)state;
        shell("debian/tests/chat 2>&1 | grep -qx 'The chat works.'");
}

/* They are there, with the sockets that hold what they say, as before. */
static const char *what_stays(void)
{
        return shell("systemctl show -P InvocationID chat.socket chatd.socket 'chat@*.service'");
}

static void test_upgrade_while_people_talk(void **state)
{
        (void)state;
        char before[512], broker[32];
        int lines = 0;
        shell("systemctl enable --now chat.socket 2>&1");
        shell("mkdir -p " LATER);
        repack("chat-broker");
        repack("chat-broker-link");
        struct client *ann = booted_join(), *bob = booted_join();
        client_expect(ann, "*** %s is connected\r\n", bob->name);
        snprintf(before, sizeof(before), "%s", what_stays());
        snprintf(broker, sizeof(broker), "%s", shell("systemctl show -P MainPID chatd"));

        char *const upgrade[] = {"sh", "-c", "exec dpkg -i " LATER "/*.deb >" LATER "/log 2>&1", NULL};
        pid_t dpkg = process_start(upgrade, -1, -1, -1);
        while (!process_has_ended(dpkg)) {
                client_send(ann, "line %d\n", lines);
                assert_string_equal(client_expect(bob, "%s: line %d\r\n", ann->name, lines), "");
                lines++;
                usleep(20000); /* not all that the pace allows at once */
        }
        assert_true(lines > 10);
        shell("dpkg -s chat-broker | grep -q '^Version: .*+later$'");
        assert_string_not_equal(shell("systemctl show -P MainPID chatd"), broker);
        assert_string_equal(what_stays(), before);
        assert_string_equal(shell("systemctl is-active chat.socket chatd.socket chatd.service"),
                            "active\nactive\nactive");
        client_send(bob, "still here\n");
        assert_string_equal(client_expect(ann, "%s: still here\r\n", bob->name), "");
        client_free(ann);
        client_free(bob);
}

static void test_remove(void **state)
{
        (void)state;
        struct client *ann = booted_join();
        shell("dpkg -r chat-broker-link chat-broker 2>&1");
        client_expect(ann, "*** this session was ended by the system\r\n");
        client_expect_end(ann);
        client_free(ann);
        assert_string_equal(shell("systemctl list-units --all --plain --no-legend 'chat*' | grep -v not-found || true"),
                            "");
        shell("! test -e /run/chat && ! test -e /usr/sbin/chatd && ! test -e /usr/sbin/chat-link");
        shell("test -e /etc/chat/link.conf"); /* settings stay until they are purged */
}

static void test_purge(void **state)
{
        (void)state;
        shell("mkdir -p /var/lib/chat-link");
        shell("dpkg -P chat-broker-link chat-broker 2>&1");
        assert_string_equal(shell("find /etc /run /usr /var /lib/systemd -xdev -path /usr/local -prune -o "
                                  "-path /var/lib/dpkg -prune -o -path " LATER
                                  " -prune -o -path /run/systemd/propagate -prune -o "
                                  "\\( -name 'chat*' -o -name '*-chat.*' \\) ! -name '*.md' "
                                  "-print 2>/dev/null | grep -e systemd -e /etc/chat -e sbin -e man8 -e /run/ -e "
                                  "/var/lib/ || true"),
                            "");
        assert_string_equal(shell("dpkg -l chat-broker chat-broker-link 2>/dev/null | grep '^[ir]' || true"), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_install),
                cmocka_unit_test(test_of_the_installed_package),
                cmocka_unit_test(test_upgrade_while_people_talk),
                cmocka_unit_test(test_remove),
                cmocka_unit_test(test_purge),
        };
        return RUN_TESTS(tests, setup, NULL);
}
