/* A container without systemd: a Debian from container/Containerfile, in which chat-init is the first process.
 * unshare(1) plays the container engine. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "harness.h"

enum {
        PORT = 8888,
        STOP_MAX_MS = 10000, /* the time that `docker stop` waits */
        KILLS = 20,
};

static char top[] = "/tmp/chat-container.XXXXXX", root[64];

/* The container that runs. */
static struct {
        pid_t launcher, init;
        struct client *log; /* its output */
} container;

static int prepare(void **state)
{
        (void)state;
        if (getuid() != 0 || access("build/container/usr/bin/systemd-socket-activate", X_OK) < 0) {
                fprintf(stderr, "SKIPPED: not root, or no build/container, which debootstrap makes\n");
                exit(getenv("NO_SKIP") ? 1 : 0);
        }
        assert_non_null(mkdtemp(top));
        snprintf(root, sizeof(root), "%s/root", top);
        assert_int_equal(unshare(CLONE_NEWNS | CLONE_NEWNET), 0); /* all of it ends with this process */
        shell("mount --make-rprivate / && ip link set lo up && mount -t tmpfs tmpfs %s && cd %s && mkdir upper work "
              "root",
              top, top);
        shell("mount -t overlay overlay -o lowerdir=$PWD/build/container,upperdir=%s/upper,workdir=%s/work %s", top,
              top, root);
        shell("make --no-print-directory install-container BIN=%s DESTDIR=%s 2>&1", getenv("BIN"), root);
        if (reports_dir())
                shell("mkdir -p %s%s && mount --bind %s %s%s", root, reports_dir(), reports_dir(), root, reports_dir());
        return 0;
}

static int remove_all(void **state)
{
        (void)state;
        shell("umount -R -l %s && rmdir %s", top, top);
        return 0;
}

/* Runs a command in the container, and returns its output. */
#define INSIDE "nsenter -t %d -m -p -r -w -- env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "

/* Starts a container whose first process is `command`, which leads to chat-init. */
static void begin(const char *command)
{
        char text[512];
        int fds[2];
        snprintf(text, sizeof(text),
                 "exec unshare --mount --pid --fork --kill-child --root=%s --wd=/ --mount-proc env -i "
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin STATE_DIRECTORY=/var/lib/chat %s",
                 root, command);
        char *const argv[] = {"sh", "-c", text, NULL};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        container.launcher = process_start(argv, -1, fds[1], fds[1]);
        close(fds[1]);
        container.log = client_of(fds[0], "chat-init");
}

static void begin_chat(const char *command)
{
        begin(command);
        client_expect(container.log, "chat-init: the chat is open on ");
        container.init = (pid_t)atol(shell("cat /proc/%d/task/%d/children", container.launcher, container.launcher));
        assert_true(container.init > 0);
}

/* Ends the container as `docker stop` does. */
static void stop(void)
{
        int64_t began = clock_ms();
        kill(container.init, SIGTERM);
        client_expect_end(container.log);
        assert_int_equal(process_wait(container.launcher), 0);
        assert_in_range(clock_ms() - began, 0, STOP_MAX_MS);
        client_free(container.log);
}

static int start(void **state)
{
        (void)state;
        begin_chat("chat-init");
        return 0;
}

static int end(void **state)
{
        (void)state;
        stop();
        return 0;
}

static struct client *join(void)
{
        struct client *c = client_connect("127.0.0.1", PORT);
        client_greeted(c);
        return c;
}

static struct client *join_beside(struct client *witness)
{
        struct client *c = join();
        client_expect(witness, "*** %s is connected\r\n", c->name);
        return c;
}

/* Returns the pid of a program in the container, as this test sees it. */
static pid_t pid_of(const char *name)
{
        const char *found = shell("for p in $(pgrep %s); do test \"$(readlink /proc/$p/ns/pid)\" = "
                                  "\"$(readlink /proc/%d/ns/pid)\" && echo $p; done | head -n 1",
                                  name, container.init);
        assert_true(atol(found) > 1); /* 0 and -1 would mean groups of processes to kill() */
        return (pid_t)atol(found);
}

static pid_t launcher_of_sessions(void)
{
        return pid_of("systemd-socket");
}

static void expect_no_zombies(void)
{
        shell_until("! " INSIDE "sh -c 'cat /proc/[0-9]*/stat' 2>/dev/null | grep ') Z '", container.init);
}

static void test_people_chat(void **state)
{
        (void)state;
        struct client *ann = join(), *bob = join_beside(ann), *six = client_connect("::1", PORT);
        client_greeted(six);
        client_expect(ann, "*** [::1]:");
        client_send(ann, "hello\n");
        client_expect(bob, "%s: hello\r\n", ann->name);
        client_expect(six, "%s: hello\r\n", ann->name);
        client_send(bob, "exit\n");
        client_expect_end(bob);
        client_expect(ann, "*** %s is disconnected\r\n", bob->name);
        assert_string_equal(shell("stat -c %%u /proc/%d /proc/%d | tr '\\n' ' '; " INSIDE "id -u chatd; " INSIDE
                                  "id -u chat-session",
                                  pid_of("chatd"), pid_of("chat-session"), container.init, container.init),
                            shell(INSIDE "sh -c 'echo $(id -u chatd) $(id -u chat-session); id -u chatd; id -u "
                                         "chat-session'",
                                  container.init));
        client_free(ann);
        client_free(bob);
        client_free(six);
}

/* The frames in the queue wait for the next chatd. */
static void test_chatd_is_killed(void **state)
{
        (void)state;
        struct client *ann = join(), *bob = join_beside(ann);
        int said = 0;
        for (int i = 0; i < KILLS; i++) {
                client_send(ann, "line %d\n", said++);
                kill(pid_of("chatd"), SIGKILL);
                client_send(ann, "line %d\n", said++);
                client_expect(container.log, "chat-init: chatd was killed by signal 9; starting it again");
                client_expect(container.log, "members found: 2");
        }
        for (int i = 0; i < said; i++) {
                const char *before = client_expect(bob, "%s: line %d\r\n", ann->name, i);
                if (i > 0)
                        assert_string_equal(before, "");
        }
        client_free(ann);
        client_free(bob);
}

/* systemd-socket-activate takes its sessions along. Clients that connect in between wait for the next one. */
static void test_the_launcher_is_killed(void **state)
{
        (void)state;
        for (int i = 0; i < 5; i++) {
                struct client *ann = join();
                kill(launcher_of_sessions(), SIGKILL);
                struct client *bob = join();
                client_expect(container.log, "systemd-socket-activate was killed by signal 9; starting it again");
                assert_non_null(strstr(client_expect_end(ann), "*** The chat was shut down\r\n"));
                shell_until("test $(" INSIDE "chatctl --run-dir=/run/chat who --no-legend | wc -l) = 1",
                            container.init);
                client_send(bob, "exit\n");
                client_expect_end(bob);
                client_free(ann);
                client_free(bob);
        }
        expect_no_zombies();
}

static void test_zombies_of_others(void **state)
{
        (void)state;
        shell(INSIDE "sh -c 'for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 0.1 &); done'", container.init);
        shell_until("! " INSIDE "sh -c 'cat /proc/[0-9]*/stat' 2>/dev/null | grep '(sleep)'", container.init);
        expect_no_zombies();
}

static void test_health(void **state)
{
        (void)state;
        shell_until(INSIDE "chatctl --run-dir=/run/chat status >/dev/null", container.init);
        shell("grep -q 'CMD \\[\"chatctl\", \"--run-dir=/run/chat\", \"status\"\\]' container/Containerfile");
        pid_t chatd = pid_of("chatd");
        kill(chatd, SIGSTOP);
        shell("! timeout 2 " INSIDE "chatctl --run-dir=/run/chat status", container.init);
        kill(chatd, SIGCONT);
        shell(INSIDE "chatctl --run-dir=/run/chat status >/dev/null", container.init);
}

static void test_settings_are_read_again(void **state)
{
        (void)state;
        struct client *ann = join();
        shell("echo Addresses=hidden >>%s/etc/chat/chat.conf", root);
        kill(container.init, SIGHUP);
        client_expect(container.log, "settings were read again");
        struct client *guest = client_connect("127.0.0.1", PORT);
        client_expect(guest, "*** Welcome, guest-");
        shell("sed -i /^Addresses/d %s/etc/chat/chat.conf", root);
        client_free(guest);
        client_free(ann);
}

/* Everybody is told, and a ban outlives the container. */
static void test_stop_and_start(void **state)
{
        (void)state;
        struct client *ann = join(), *bob = join_beside(ann);
        shell(INSIDE "chatctl --run-dir=/run/chat ban mallory", container.init);
        client_send(ann, "the last line\n");
        client_expect(bob, "%s: the last line\r\n", ann->name);
        stop();
        client_expect(bob, "*** The chat was shut down\r\n");
        client_expect_end(bob);
        client_expect(ann, "*** The chat was shut down\r\n");
        client_free(ann);
        client_free(bob);
        begin_chat("chat-init");
        assert_string_equal(
                shell(INSIDE "chatctl --run-dir=/run/chat bans --no-legend | cut -d' ' -f1", container.init),
                "mallory");
        shell(INSIDE "chatctl --run-dir=/run/chat unban mallory", container.init);
        ann = join();
        bob = join_beside(ann);
        client_free(ann);
        client_free(bob);
}

/* The container's process is killed, and the container started again with its files. */
static void test_after_a_kill(void **state)
{
        (void)state;
        struct client *ann = join();
        kill(container.init, SIGKILL);
        client_expect_end(ann);
        client_free(ann);
        client_expect_end(container.log);
        process_wait(container.launcher);
        client_free(container.log);
        begin_chat("chat-init");
        ann = join();
        assert_string_equal(shell(INSIDE "chatctl --run-dir=/run/chat who --no-legend | wc -l", container.init), "1");
        client_free(ann);
}

/* Any user, another program as the first process, and a single address. */
static void test_without_root(void **state)
{
        (void)state;
        stop();
        begin_chat("sh -c 'setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all chat-init "
                   "--run-dir=/tmp/chat --listen=127.0.0.1:8888 & trap \"kill $!\" TERM; wait; wait'");
        struct client *ann = join(), *bob = join_beside(ann);
        kill(pid_of("chatd"), SIGKILL);
        client_send(ann, "hello\n");
        client_expect(bob, "%s: hello\r\n", ann->name);
        assert_string_equal(shell("stat -c %%u /proc/%d /proc/%d", pid_of("chatd"), pid_of("chat-session")),
                            "1000\n1000");
        client_free(ann);
        client_free(bob);
}

static void expect_failure(const char *command, int status, const char *says)
{
        begin(command);
        const char *said = client_expect_end(container.log);
        assert_non_null(strstr(said, says));
        assert_int_equal(process_wait(container.launcher), status);
        client_free(container.log);
}

static void test_what_is_wrong_is_said(void **state)
{
        (void)state;
        static const char *const nowhere[] = {
                "nowhere", "localhost:8888", "127.0.0.1",       "127.0.0.1:",       "::1:8888", "[::1]",
                "0",       "65536",          "127.0.0.1:65536", "[127.0.0.1]:8888", ":8888",    "8888x"};
        char command[128];
        for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
                snprintf(command, sizeof(command), "chat-init --listen=%s", nowhere[i]);
                expect_failure(command, 2, "--listen takes PORT, ADDRESS:PORT or [ADDRESS]:PORT, as in 127.0.0.1:8888");
        }
        expect_failure("chat-init --listen=192.0.2.1:8888", 1,
                       "cannot listen on 192.0.2.1:8888: Cannot assign requested address");
        expect_failure("chat-init more", 2, "unexpected argument 'more'; see --help");
        expect_failure("chat-init --run-dir=/nowhere/chat", 1,
                       "cannot use the run directory /nowhere/chat: No such file or directory");
        expect_failure("env PATH=/usr/bin /usr/local/sbin/chat-init", 1, "cannot run chatd: No such file or directory");
        expect_failure(
                "sh -c 'sed -i s/^chatd:/away:/ /etc/passwd; chat-init; r=$?; sed -i s/^away:/chatd:/ /etc/passwd; "
                "exit $r'",
                1, "the user chatd or the group chat is missing: make both");
        expect_failure("sh -c 'chat-init --listen=8889 & until chatctl --run-dir=/run/chat status >/dev/null 2>&1; do "
                       "sleep 0.1; done; "
                       "chat-init; r=$?; kill $!; wait; exit $r'",
                       1, "a chatd serves /run/chat already");
}

static void test_a_short_queue_is_said(void **state)
{
        (void)state;
        shell("sysctl -q -w net.unix.max_dgram_qlen=10");
        begin_chat("chat-init");
        stop();
        begin("chat-init");
        client_expect(container.log,
                      "net.unix.max_dgram_qlen is 10 here, so busy chats are slower; start the container "
                      "with --sysctl net.unix.max_dgram_qlen=512\n");
        client_expect(container.log, "chat-init: the chat is open on ");
        container.init = (pid_t)atol(shell("cat /proc/%d/task/%d/children", container.launcher, container.launcher));
        test_chatd_is_killed(state); /* and nothing is lost */
        stop();
        shell("sysctl -q -w net.unix.max_dgram_qlen=512");
        begin("chat-init");
        assert_string_equal(client_expect(container.log, "chat-init: the chat is open on "), "");
        container.init = (pid_t)atol(shell("cat /proc/%d/task/%d/children", container.launcher, container.launcher));
        stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_people_chat),
                TEST(test_chatd_is_killed),
                TEST(test_the_launcher_is_killed),
                TEST(test_zombies_of_others),
                TEST(test_health),
                TEST(test_settings_are_read_again),
                TEST(test_stop_and_start),
                TEST(test_after_a_kill),
                TEST(test_without_root),
                cmocka_unit_test(test_what_is_wrong_is_said),
                cmocka_unit_test(test_a_short_queue_is_said),
        };
        return RUN_TESTS(tests, prepare, remove_all);
}
