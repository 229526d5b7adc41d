/* `make run`, as a user types it. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

/* Starts `make run` in its own process group, as a shell would; its output goes to `out`. */
static pid_t start_run(const char *dir, const char *listen, int out)
{
        pid_t pid = process_fork();
        if (pid > 0)
                return pid;
        setpgid(0, 0);
        signal(SIGINT, SIG_DFL);
        setenv("TMPDIR", dir, 1);
        unsetenv("MAKEFLAGS"); /* this is not the make that runs the tests */
        unsetenv("MAKELEVEL");
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(out, 1);
        dup2(out, 2);
        execlp("make", "make", "--no-print-directory", "run", listen, NULL);
        _exit(127);
}

/* Runs a chat by `make run`. `host` is as in LISTEN=HOST:PORT, `telnet_host` as telnet wants it. */
static void assert_run(const char *host, const char *telnet_host, int signal, bool to_group)
{
        int port = port_free();
        char listen[64], says[160];
        snprintf(listen, sizeof(listen), "LISTEN=%s:%d", host, port);
        snprintf(says, sizeof(says), "The chat is open on %s:%d. From other terminals: telnet %s %d. Here: ^C ends it.",
                 host, port, telnet_host, port);
        char dir[] = "/tmp/chat-run.XXXXXX";
        int out[2];
        assert_non_null(mkdtemp(dir));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
        pid_t pid = start_run(dir, listen, out[1]);
        close(out[1]);
        struct client *output = client_of(out[0], "make run");
        client_expect(output, "%s", says);
        struct client *a = client_connect(telnet_host, port);
        client_greeted(a);
        struct client *b = client_connect(telnet_host, port);
        client_greeted(b);
        client_expect(output, "chatd: %s joined", b->name); /* the port may be open before chatd is there */
        client_send(a, "hello\n");
        client_expect(b, "%s: hello\r\n", a->name);

        /* a killed chatd is started again */
        shell("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -q '^%s --run-dir=%s/' && kill -9 ${p#/proc/};"
              " done 2>/dev/null; true",
              program("chatd"), dir);
        client_expect(output, "chatd: starting again");
        client_expect(output, "members found: 2");
        client_send(b, "again\n");
        client_expect(a, "%s: again\r\n", b->name);

        kill(to_group ? -pid : pid, signal); /* ^C goes to the whole group, kill to make alone */
        client_expect_end(a);
        client_expect_end(b);
        int status = process_wait(pid);
        if (signal == SIGINT)
                assert_true(status == 0 || status == 130);
        const char *rest = client_expect_end(output); /* all processes that had it open are gone */
        assert_non_null(strstr(rest, "chatd: stopped"));
        assert_string_equal(shell("ls %s", dir), "");
        assert_int_equal(rmdir(dir), 0);
        client_free(a);
        client_free(b);
        client_free(output);
}

static void test_run_and_interrupt(void **state)
{
        (void)state;
        assert_run("127.0.0.1", "127.0.0.1", SIGINT, true);
}

static void test_run_on_ipv6_and_terminate(void **state)
{
        (void)state;
        assert_run("[::1]", "::1", SIGTERM, false);
}

static void test_a_port_that_is_taken(void **state)
{
        (void)state;
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), out[2];
        char listen_on[64], dir[] = "/tmp/chat-run.XXXXXX";
        assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
        assert_int_equal(listen(fd, 1), 0);
        getsockname(fd, (struct sockaddr *)&a, &size);
        snprintf(listen_on, sizeof(listen_on), "LISTEN=127.0.0.1:%d", ntohs(a.sin_port));
        assert_non_null(mkdtemp(dir));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
        pid_t pid = start_run(dir, listen_on, out[1]);
        close(out[1]);
        struct client *output = client_of(out[0], "make run");
        client_expect(output, "Address already in use");
        client_expect(output, "The chat is not open: it cannot listen on %s. ", listen_on + strlen("LISTEN="));
        client_expect(output, "choose another: make run LISTEN=");
        assert_null(strstr(client_expect_end(output), "is open"));
        assert_int_equal(process_wait(pid), 2); /* from make */
        assert_int_equal(rmdir(dir), 0);
        client_free(output);
        close(fd);
}

static void test_what_is_no_address(void **state)
{
        (void)state;
        static const char *const wrong[] = {"8888",     "127.0.0.1", "127.0.0.1:", ":8888",  "*:8888",
                                            "::1:8888", "[::1]",     "[::1]:",     "[1:8888"};
        static const char *const names[] = {"localhost:8888", "ip6-localhost:8888", "chat.example.org:8888",
                                            "[localhost]:8888"};
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                assert_string_equal(
                        shell("make -s --no-print-directory run LISTEN=%s 2>&1 | grep -v '^make'", wrong[i]),
                        "LISTEN is ADDRESS:PORT, as in LISTEN=127.0.0.1:8888 or LISTEN=[::1]:8888");
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                shell("make -s --no-print-directory run LISTEN=%s 2>&1 | grep -qxF '%s has a name, and needs its "
                      "address'",
                      names[i], names[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_run_and_interrupt),
                cmocka_unit_test(test_run_on_ipv6_and_terminate),
                cmocka_unit_test(test_a_port_that_is_taken),
                cmocka_unit_test(test_what_is_no_address),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
