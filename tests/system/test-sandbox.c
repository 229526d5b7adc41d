/* The sandbox of a real chat-session: it is there under every launcher, and does not get in the way. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "kernel.h"

static int setup(void **state)
{
        *state = chat_start();
        return 0;
}

static int teardown(void **state)
{
        chat_stop(*state);
        return 0;
}

/* Asserts that the session is in its sandbox, which it enters before it greets its client. */
static void assert_sandboxed(pid_t session)
{
        shell("grep -qx 'Seccomp:\t2' /proc/%d/status", session);
        shell("grep -qx 'NoNewPrivs:\t1' /proc/%d/status", session);
        for (const char *const *set = (const char *const[]){"CapInh", "CapPrm", "CapEff", "CapAmb", NULL}; *set; set++)
                shell("grep -qx '%s:\t0000000000000000' /proc/%d/status", *set, session);
}

static void assert_limit(pid_t session, const char *name, const char *value)
{
        shell("grep -Eq '^Max %s +%s +%s ' /proc/%d/limits", name, value, value, session);
}

static void test_what_a_session_gave_up(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        struct client *c = chat_join(chat, &session);
        assert_sandboxed(session);
        assert_limit(session, "core file size", "0");
        assert_limit(session, "processes", "0");
        assert_limit(session, "open files", "16");
        client_free(c);
        if (reports_dir())
                return; /* a sanitizer's memory and reports are not limited */
        c = chat_join(chat, &session);
        assert_limit(session, "file size", "0");
        assert_limit(session, "data size", "8388608");
        assert_limit(session, "stack size", "1048576");
        client_free(c);
}

/* Other processes of the user can see nothing of a process that is not dumpable: its files in /proc belong to root,
 * proc(5). */
static void test_a_session_cannot_be_looked_at(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        if (getuid() != 0)
                skip(); /* only root can start a session as another user, and then look at the owner of its files */
        shell("chmod 777 %s %s/sessions", chat->dir, chat->dir);
        struct client *c = client_connect("127.0.0.1", chat->port);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        for (int sandbox = 0; sandbox <= 1; sandbox++) {
                char *const argv[] = {"setpriv",
                                      "--reuid=65534",
                                      "--clear-groups",
                                      program("chat-session"),
                                      "--echo",
                                      sandbox ? NULL : "--no-sandbox",
                                      NULL};
                session = process_start(argv, accepted, accepted, -1);
                client_send(c, "hello\n");
                client_expect(c, "hello\r\n");
                shell("test \"$(stat -c %%u /proc/%d/mem)\" = %d", session, sandbox ? 0 : 65534);
                kill(session, SIGKILL);
                process_wait(session);
        }
        close(accepted);
        client_free(c);
}

static void test_without_a_sandbox(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        struct client *c = chat_join_with(chat, "127.0.0.1", &session, chat->option, "--no-sandbox", NULL);
        client_greeted(c);
        shell("grep -qx 'NoNewPrivs:\t0' /proc/%d/status", session);
        client_free(c);
}

/* Plays the same visit for every launcher: a broker that dies and comes back, and a run directory that is made anew. */
static void assert_visit(struct chat *chat, struct client *c, pid_t session)
{
        struct client *other = chat_join(chat, NULL);
        client_expect(c, "*** %s is connected\r\n", other->name);
        client_send(c, "one\n");
        client_expect(other, ": one\r\n");
        assert_sandboxed(session);

        chat_kill_broker(chat, SIGKILL);
        client_send(c, "two\n"); /* an idle session does not notice */
        client_send(other, "three\n");
        client_expect(c, "*** The chat is unavailable right now");
        client_expect(other, "*** The chat is unavailable right now");
        shell("rm -rf %s/sessions", chat->dir);
        chat_start_broker(chat);
        client_expect(c, "*** The chat is back\r\n");
        client_expect(other, "*** The chat is back\r\n");
        client_send(c, "four\n");
        client_expect(other, ": four\r\n");
        client_send(other, "five\n");
        client_expect(c, "%s: five\r\n", other->name);

        client_send(c, "exit\n");
        assert_int_equal(process_wait(session), 0);
        client_expect(other, " is disconnected\r\n");
        client_free(other);
}

static void test_the_client_at_0_and_1(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        struct client *c = chat_join(chat, &session);
        assert_visit(chat, c, session);
        client_free(c);
}

/* Starts a session with the client at these descriptors. Standard descriptors that are not named are closed. */
static pid_t start_with(struct chat *chat, int client, const int *at, size_t n, bool passed)
{
        char pid_text[16];
        pid_t pid = process_fork();
        if (pid > 0)
                return pid;
        int high = fcntl(client, F_DUPFD, 20);
        closefrom(high + 1);
        for (int fd = 0; fd < high; fd++)
                close(fd);
        for (size_t i = 0; i < n; i++)
                dup2(high, at[i]);
        close(high);
        snprintf(pid_text, sizeof(pid_text), "%d", getpid());
        if (passed) {
                setenv("LISTEN_PID", pid_text, 1);
                setenv("LISTEN_FDS", "1", 1);
        }
        execl(program("chat-session"), "chat-session", chat->option, NULL);
        _exit(127);
}

static void assert_visit_at(struct chat *chat, const int *at, size_t n, bool passed)
{
        struct client *c = client_connect("127.0.0.1", chat->port);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        pid_t session = start_with(chat, accepted, at, n, passed);
        close(accepted);
        client_greeted(c);
        /* the client, at 0 and 1, and perhaps at 2 */
        shell("test \"$(readlink /proc/%d/fd/0)\" = \"$(readlink /proc/%d/fd/1)\"", session, session);
        /* otherwise only the inbox and the socket to chatd; nothing that the launcher left open */
        shell_until("test \"$(ls /proc/%d/fd | tr '\\n' ' ')\" = '0 1 2 3 4 '", session);
        assert_visit(chat, c, session);
        assert_string_equal(client_expect_end(c), "");
        client_free(c);
}

static void test_the_client_at_3(void **state)
{
        assert_visit_at(*state, (const int[]){3}, 1, true);
}

static void test_the_client_everywhere(void **state)
{
        assert_visit_at(*state, (const int[]){0, 1, 2}, 3, false);              /* inetd */
        assert_visit_at(*state, (const int[]){0, 1, 2, 3, 4, 9, 17}, 7, false); /* a careless launcher */
}

static void test_standard_error_closed(void **state)
{
        assert_visit_at(*state, (const int[]){0, 1}, 2, false);
}

static void test_a_descriptor_that_was_not_passed(void **state)
{
        struct chat *chat = *state;
        struct client *c = client_connect("127.0.0.1", chat->port);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        pid_t session = start_with(chat, accepted, (const int[]){0, 1}, 2, true);
        close(accepted);
        assert_int_equal(process_wait(session), 2);
        client_free(c);
}

static void test_a_pipe(void **state)
{
        struct chat *chat = *state;
        int in[2], out[2];
        char *const argv[] = {program("chat-session"), chat->option, NULL};
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
        struct client *other = chat_join(chat, NULL);
        pid_t session = process_start(argv, in[0], out[1], -1);
        close(in[0]);
        close(out[1]);
        struct client *c = client_of(out[0], shell("id -un"));
        client_greeted(c);
        client_expect(other, "*** %s is connected\r\n", c->name);
        assert_sandboxed(session);
        assert_int_equal(write(in[1], "hello\n", 6), 6);
        client_expect(other, "%s: hello\r\n", c->name);
        close(in[1]);
        assert_int_equal(process_wait(session), 0);
        client_expect_end(c);
        client_free(c);
        client_free(other);
}

/* Sends the commands that use the most of a session, and waits for the answers. */
static void use_commands(struct client *c)
{
        static const char *const steps[][2] = {
                {"/help\n", "/quit"},
                {"/help nick\n", "/nick NAME"},
                {"/time on\n", "/time is on"},
                {"/time +5:30\n", "UTC+5:30"},
                {"/color on\n", "/color is on"},
                {"/bell on\n", "/bell is on"},
                {"/me waves\n/who\n", "You are alone here"},
                {"/rooms\n", "lobby"},
                {"/topic tea\n", "The topic of lobby is set"},
                {"/history 5\n", "waves"},
                {"/join den\n", "den"},
                {"/leave\n", "lobby"},
                {"/nick zoe\n", "zoe"},
                {"/msg zoe hi\n", "went to nobody"},
                {"/ignore nobody-here\n", "nobody-here"},
                {"/hepl\n", "/help"},
                {"a\x1b[31mb\xfe\n/who\n", "You are alone here"},
                {"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\x01\x01\x01\x01\xff\xf0/edit on\n", "/edit"},
        };
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
                client_send(c, "%s", steps[i][0]);
                client_expect(c, "%s", steps[i][1]);
        }
}

/* Some libc sets up a function at its first use, by calls that the sandbox forbids. A session behind a proxy uses the
 * most functions in the sandbox, because it does not know its client before. */
static void test_a_libc_that_does_things_late(void **state)
{
        static const char *const kinds[][2] = {{"--proxied", NULL}, {"--proxied", "--charset=CP1252"}, {NULL, NULL}};
        struct chat *chat = *state;
        if (reports_dir())
                skip(); /* a sanitizer has its own malloc(), and may make any call */
        chat_kill_broker(chat, SIGTERM);
        chat->history = "--history=9";
        chat_start_broker(chat);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                pid_t session;
                setenv("LD_PRELOAD", "build/tests/late-libc.so", 1);
                struct client *c =
                        chat_join_with(chat, "127.0.0.1", &session, chat->option, kinds[i][0], kinds[i][1], NULL);
                unsetenv("LD_PRELOAD");
                if (kinds[i][0]) {
                        client_send(c, "PROXY TCP4 192.0.2.7 192.0.2.1 4000 8889\r\n");
                        snprintf(c->name, sizeof(c->name), "192.0.2.7:4000");
                }
                client_greeted(c);
                shell("grep -q late-libc /proc/%d/maps", session);
                assert_sandboxed(session);
                use_commands(c);
                client_send(c, "exit\n");
                client_expect_end(c);
                assert_int_equal(process_wait(session), 0);
                client_free(c);
        }
}

/* Headers of version 2 from a proxy: one of its client, with a right checksum, and one of its own connection, which no
 * member is told of. */
static void test_headers_of_a_proxy(void **state)
{
        static const char client[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xc0\0\2\7\xc0\0\2\1\x12\x67\x22\xb8"
                                     "\3\0\4\xb4\x15\x08\xf4",
                          own[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
        struct chat *chat = *state;
        pid_t session;
        struct client *witness = chat_join(chat, NULL);
        struct client *c = chat_join_with(chat, "127.0.0.1", &session, chat->option, "--proxied", NULL);
        client_send_bytes(c, client, sizeof(client) - 1);
        snprintf(c->name, sizeof(c->name), "192.0.2.7:4711");
        client_greeted(c);
        assert_sandboxed(session);
        client_expect(witness, "*** 192.0.2.7:4711 is connected\r\n");
        client_send(c, "exit\n");
        client_expect_end(c);
        client_expect(witness, "*** 192.0.2.7:4711 is disconnected\r\n");
        assert_int_equal(process_wait(session), 0);
        client_free(c);

        c = chat_join_with(chat, "127.0.0.1", &session, chat->option, "--proxied", NULL);
        client_send_bytes(c, own, sizeof(own) - 1);
        client_expect(c, "*** The chat is here\r\n");
        client_free(c);
        assert_int_equal(process_wait(session), 0);
        client_send(witness, "/who\n");
        assert_string_equal(client_expect(witness, "*** You are alone here"), "");
        client_free(witness);
}

/* The functions of libc that chat-session calls before it enters the sandbox, and in the sandbox. None of the latter
 * needs anything at its first use that the sandbox forbids: each only computes, or is a system call that the sandbox
 * allows. */
static const char before_sandbox[] =
        " printf fprintf puts fwrite strerror syslog openlog closelog getopt_long getenv iconv_open iconv iconv_close "
        "getpwuid if_indextoname getpeername getuid open lseek pread fcntl dup2 umask signal sigaddset sigemptyset "
        "closefrom dup3 getrlimit setrlimit prctl libc_start_main cxa_finalize gmon_start__ ITM_deregisterTMCloneTable "
        "ITM_registerTMCloneTable ";
static const char in_sandbox[] =
        " snprintf vsnprintf strtol strtoul inet_ntop inet_pton ctype_b_loc ctype_tolower_loc errno_location memchr "
        "memcmp "
        "memcpy memmem memmove mempcpy memrchr memset strcasecmp strchr strcmp strcspn strlen strncasecmp strncmp "
        "strpbrk "
        "strsep strspn strchrnul clock_gettime ppoll sigprocmask getpid syscall socket bind connect close access stat "
        "fstat "
        "rename "
        "unlink read write recv recvmsg send sendmsg shutdown getsockopt setsockopt ioctl mmap munmap madvise "
        "getpagesize "
        /* from utf8proc, which needs them for functions that a session does not use */
        "malloc realloc free "
        /* at a bug, which ends the session anyway */
        "abort assert_fail stack_chk_fail ";

static void test_the_functions_of_libc(void **state)
{
        (void)state;
        if (reports_dir())
                skip(); /* a sanitizer replaces them by its own */
        /* without the version, and without the difference between a function and its variants with checks, of a later
         * C, or for large files */
        char *names = strdup(
                shell("nm -D --undefined-only %s | sed 's/.* U //; s/.* w //; s/@.*//; s/^_*\\(isoc[0-9]*_\\)\\?//; "
                      "s/_chk$//; s/64$//' | sort -u",
                      program("chat-session")));
        assert_non_null(strstr(names, "\nppoll\n"));
        for (char *rest = names, *name; (name = strsep(&rest, "\n"));) {
                char word[64];
                snprintf(word, sizeof(word), " %s ", name);
                if (!strstr(before_sandbox, word) && !strstr(in_sandbox, word))
                        fail_msg("chat-session calls %s(): find out what libc does at its first use, and add it to a "
                                 "list "
                                 "above",
                                 name);
        }
        free(names);
}

/* RLIMIT_FSIZE must not stop output that a shell redirected to a file. */
static void test_output_to_a_file(void **state)
{
        struct chat *chat = *state;
        shell("printf 'one\\ntwo\\n' | %s --echo >%s/out", program("chat-session"), chat->dir);
        assert_string_equal(shell("cat %s/out", chat->dir), "one\r\ntwo\r");
}

/* Starts a chatd that logs to this file, and waits until it answers. */
static void start_broker_with_log(struct chat *chat, const char *log)
{
        char *argv[] = {program("chatd"), chat->option, (char *)chat->history, NULL};
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        chat->broker = process_start(argv, -1, -1, fd);
        close(fd);
        shell_until("%s %s status >/dev/null 2>&1", program("chatctl"), chat->option);
}

static void assert_status(const struct chat *chat, const char *line)
{
        shell_until("%s %s status | grep -qx ' *%s'", program("chatctl"), chat->option, line);
}

/* chatd counts the sessions that lack a part of their sandbox, and logs the first of each kind. */
static void test_what_is_missing_is_known(void **state)
{
        struct chat *chat = *state;
        char log[96], no_filter[] = "build/no-filter/chat-session";
        struct client *c[3], *whole = NULL;
        pid_t sessions[3];
        snprintf(log, sizeof(log), "%s/log", chat->dir);
        chat_kill_broker(chat, SIGTERM);
        start_broker_with_log(chat, log);
        whole = chat_join(chat, NULL);
        assert_status(chat, "Without a sandbox: 0");
        for (size_t i = 0; i < 3; i++) {
                char *const argv[] = {i == 2 ? program("chat-session") : no_filter, chat->option,
                                      i == 2 ? "--no-sandbox" : NULL, NULL};
                c[i] = client_connect("127.0.0.1", chat->port);
                int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
                sessions[i] = process_start(argv, accepted, accepted, -1);
                close(accepted);
                client_greeted(c[i]);
        }
        /* without a filter, everything else is given up */
        shell("grep -qx 'Seccomp:\t0' /proc/%d/status && grep -qx 'NoNewPrivs:\t1' /proc/%d/status", sessions[0],
              sessions[0]);
        for (int chatds = 1; chatds <= 3; chatds++) {
                assert_status(chat, "Without a sandbox: 3");
                shell_until("test \"$(grep -c 'a session has no filter of system calls: ' %s)\" = %d", log, chatds);
                shell_until("test \"$(grep -c 'a session runs without its sandbox, ' %s)\" = %d", log, chatds);
                chat_kill_broker(chat, SIGKILL);
                start_broker_with_log(chat, log);
        }
        for (size_t i = 0; i < 3; i++) {
                client_send(c[i], "exit\n");
                client_expect_end(c[i]);
                client_free(c[i]);
        }
        assert_status(chat, "Without a sandbox: 0");
        assert_status(chat, "Sessions that failed: 0");
        client_free(whole);
}

static void test_no_sandbox_no_service(void **state)
{
        struct chat *chat = *state;
        char log[96];
        int err[2];
        snprintf(log, sizeof(log), "%s/log", chat->dir);
        chat_kill_broker(chat, SIGTERM);
        start_broker_with_log(chat, log);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, err), 0);
        struct client *other = chat_join(chat, NULL);
        struct client *c = client_connect("127.0.0.1", chat->port);
        struct client *error = client_of(err[0], "standard error");
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        client_send(c, "a line that nobody gets\n");
        char *const argv[] = {program("chat-session"), chat->option, NULL};
        pid_t session = kernel_start(KERNEL_WITHOUT_SECCOMP, argv, accepted, accepted, err[1]);
        close(accepted);
        close(err[1]);
        assert_int_equal(process_wait(session), 1);
        assert_string_equal(client_expect_end(c), "*** You cannot join: the session has no sandbox on this host\r\n");
        assert_true(
                kernel_is_one_line(client_expect_end(error),
                                   "cannot enter the sandbox, and serves nobody without: Invalid argument; the kernel "
                                   "has no filters of system calls (CONFIG_SECCOMP_FILTER)"));
        struct client *last = chat_join(chat, NULL);
        assert_string_equal(client_expect(other, "*** %s is connected\r\n", last->name), "");
        assert_status(chat, "Sessions that failed: 1");
        shell_until(
                "grep -qx 'chatd: a session cannot enter its sandbox, and does not serve its client: Invalid argument; "
                "the kernel has no filters of system calls (CONFIG_SECCOMP_FILTER); others since: 0' %s",
                log);
        client_free(c);
        client_free(error);
        client_free(last);
        client_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_a_session_gave_up),
                TEST(test_a_session_cannot_be_looked_at),
                TEST(test_without_a_sandbox),
                TEST(test_the_client_at_0_and_1),
                TEST(test_the_client_at_3),
                TEST(test_the_client_everywhere),
                TEST(test_standard_error_closed),
                TEST(test_a_descriptor_that_was_not_passed),
                TEST(test_a_pipe),
                TEST(test_a_libc_that_does_things_late),
                TEST(test_headers_of_a_proxy),
                TEST(test_the_functions_of_libc),
                TEST(test_output_to_a_file),
                TEST(test_what_is_missing_is_known),
                TEST(test_no_sandbox_no_service),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
