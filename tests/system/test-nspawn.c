/* Containers in which a systemd is the first process (in-containers). The chat is installed there as on a host, and
 * clients connect in the network of the container. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "booted.h"

enum { USERS, LESS, CONTAINERS };

/* Runs a command in the container with this first process. */
#define INSIDE                                                                                                         \
        "nsenter -U -m -u -i -n -p -C -t %d -- env -i "                                                                \
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "

static pid_t inits[CONTAINERS];
static int own_network = -1;
static char top[] = "/tmp/chat-nspawn.XXXXXX";

static void enter_network(int fd)
{
        assert_true(fd >= 0);
        assert_int_equal(setns(fd, CLONE_NEWNET), 0);
}

static void enter_network_of(pid_t init)
{
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/net", init);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        enter_network(fd);
        close(fd);
}

static int install(void **state)
{
        (void)state;
        const char *text = getenv("CONTAINERS_INITS");
        if (!text || sscanf(text, "%d %d", &inits[USERS], &inits[LESS]) != CONTAINERS) {
                fprintf(stderr, "Run this by `make check-system/nspawn`, which boots the containers for it.\n");
                exit(1);
        }
        own_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_non_null(mkdtemp(top));
        shell("make --no-print-directory install BIN=%s DESTDIR=%s 2>&1", getenv("BIN"), top);
        for (int i = 0; i < CONTAINERS; i++) {
                shell("tar -C %s -c . | " INSIDE "tar -C / -x --no-same-owner --no-overwrite-dir", top, inits[i]);
                shell(INSIDE "sh -c 'echo History=off >>/etc/chat/chat.conf && systemd-sysusers && "
                             "systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/chat.conf && systemctl daemon-reload "
                             "&& systemctl enable --now chat.socket chat-echo.socket chat-proxied.socket' 2>&1",
                      inits[i]);
        }
        return 0;
}

static int clean(void **state)
{
        (void)state;
        shell("rm -r %s", top);
        return 0;
}

/* ---- for each container ---- */

static void people_chat(pid_t init)
{
        struct client *ann = booted_join(), *bob = booted_join();
        client_expect(ann, "*** %s is connected\r\n", bob->name);
        client_send(ann, "hello\n");
        client_expect(bob, "%s: hello\r\n", ann->name);
        shell(INSIDE "systemctl kill -s KILL chatd.service", init);
        client_send(ann, "still here\n");
        client_expect(bob, "%s: still here\r\n", ann->name);
        assert_string_equal(shell(INSIDE "chatctl who --no-legend | wc -l", init), "2");
        client_free(ann);
        client_free(bob);
}

/* Uses the other sockets, whose sessions have units of their own. */
static void other_sockets(pid_t init)
{
        char path[64];
        struct client *echo = client_connect("127.0.0.1", ECHO_PORT);
        client_send(echo, "hello\n");
        client_expect(echo, "hello\r\n");
        snprintf(path, sizeof(path), "/proc/%d/root/run/chat-proxied.sock", init);
        struct client *proxied = client_connect_unix(path);
        client_send(proxied, "PROXY TCP4 192.0.2.7 192.0.2.8 40414 8888\r\n");
        client_expect(proxied, "*** Welcome, 192.0.2.7:40414");
        client_free(echo);
        client_free(proxied);
}

/* Asserts that the process with this name is another user outside the container, and has no capability and a filter. */
static void expect_confined(pid_t init, const char *name)
{
        const char *status = shell("cat /proc/$(pgrep -x --ns %d --nslist pid,user %s | head -n 1)/status", init, name);
        const char *uid = strstr(status, "\nUid:\t");
        assert_non_null(uid);
        assert_true(atol(uid + strlen("\nUid:\t")) > UINT16_MAX);
        assert_non_null(strstr(status, "\nCapEff:\t0000000000000000\n"));
        assert_non_null(strstr(status, "\nNoNewPrivs:\t1\n"));
        assert_non_null(strstr(status, "\nSeccomp:\t2\n"));
}

static void sandboxes_hold(pid_t init)
{
        struct client *ann = booted_join();
        expect_confined(init, "chat-session");
        expect_confined(init, "chatd");
        const char *metrics = shell(INSIDE "chatctl metrics", init);
        assert_non_null(strstr(metrics, "\nchat_members 1\n"));
        assert_non_null(strstr(metrics, "\nchat_members_unconfined 0\n"));
        assert_non_null(strstr(metrics, "\nchat_unserved_total 0\n"));
        client_free(ann);
}

/* Returns "different" if chatd sees other files than PID 1 of the container, because of ProtectSystem= and the like. */
static const char *files_of_chatd(pid_t init)
{
        return shell(INSIDE "sh -c 'test $(readlink /proc/1/ns/mnt) = $(readlink /proc/$(systemctl show -P MainPID "
                            "chatd)/ns/mnt) && echo same || echo different'",
                     init);
}

static void nothing_failed(pid_t init)
{
        assert_string_equal(shell(INSIDE "systemctl --failed -q --plain list-units 'chat*'", init), "");
        assert_string_equal(shell(INSIDE "sh -c 'journalctl --sync; journalctl -b -o cat' | grep -E 'Failed at step|"
                                         "cannot enter' || true",
                                  init),
                            "");
}

static void check(pid_t init)
{
        enter_network_of(init);
        people_chat(init);
        other_sockets(init);
        sandboxes_hold(init);
        enter_network(own_network);
}

static void test_users_of_its_own(void **state)
{
        (void)state;
        check(inits[USERS]);
        assert_string_equal(files_of_chatd(inits[USERS]), "different");
        nothing_failed(inits[USERS]);
}

/* systemd logs which settings of chatd.service it leaves out. Sessions have no such settings. */
static void test_less_capabilities(void **state)
{
        (void)state;
        check(inits[LESS]);
        assert_string_equal(files_of_chatd(inits[LESS]), "same");
        shell(INSIDE "journalctl -u chatd -o cat | grep -q 'PrivateNetwork=yes is configured, but'", inits[LESS]);
        nothing_failed(inits[LESS]);
}

/* Addresses are not filtered inside a container: the manual tells the administrator to filter outside. */
static void test_addresses_are_not_filtered(void **state)
{
        (void)state;
        for (int i = 0; i < CONTAINERS; i++) {
                shell(INSIDE "sh -c 'd=/run/systemd/system/chat.socket.d; mkdir -p $d && printf \"[Socket]\\n"
                             "IPAddressDeny=any\\n\" >$d/test.conf && systemctl daemon-reload && systemctl restart "
                             "chat.socket'",
                      inits[i]);
                enter_network_of(inits[i]);
                struct client *ann = booted_join();
                client_free(ann);
                enter_network(own_network);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_users_of_its_own),
                cmocka_unit_test(test_less_capabilities),
                cmocka_unit_test(test_addresses_are_not_filtered),
        };
        return RUN_TESTS(tests, install, clean);
}
