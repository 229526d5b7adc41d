/* The sandbox of a real chat-session: that it is there under every launcher, and in no one's way. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

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

/* A session enters the sandbox before it says its first word, so it is in it once its client was greeted. */
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

/* Of a process that is not dumpable, others see nothing: its files in /proc are root's, proc(5). */
static void test_a_session_cannot_be_looked_at(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        if (getuid() != 0)
                skip(); /* only root can start a session as another user, and then look whose the files are */
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

/* The same visit for every launcher: a broker that dies and comes back, and a run directory that is made anew. */
static void assert_visit(struct chat *chat, struct client *c, pid_t session)
{
        struct client *other = chat_join(chat, NULL);
        client_expect(c, "*** %s is connected\r\n", other->name);
        client_send(c, "one\n");
        client_expect(other, ": one\r\n");
        assert_sandboxed(session);

        chat_kill_broker(chat, SIGKILL);
        client_send(c, "two\n"); /* who says nothing does not notice */
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

/* The client at these descriptors, and those of the standard ones that are not named closed. */
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
        /* besides, there are the inbox and the socket to chatd; nothing that the launcher left open */
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

/* RLIMIT_FSIZE must not stop what a shell asked for. */
static void test_output_to_a_file(void **state)
{
        struct chat *chat = *state;
        shell("printf 'one\\ntwo\\n' | %s --echo >%s/out", program("chat-session"), chat->dir);
        assert_string_equal(shell("cat %s/out", chat->dir), "one\r\ntwo\r");
}

/* A kernel without seccomp: a filter that answers for it. */
static pid_t start_without_seccomp(struct chat *chat, int client, int err)
{
        pid_t pid = process_fork();
        if (pid > 0)
                return pid;
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog answer = {sizeof(filter) / sizeof(filter[0]), filter};
        dup2(client, 0);
        dup2(client, 1);
        dup2(err, 2);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &answer);
        execl(program("chat-session"), "chat-session", chat->option, NULL);
        _exit(127);
}

static void test_no_sandbox_no_service(void **state)
{
        struct chat *chat = *state;
        int err[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, err), 0);
        struct client *other = chat_join(chat, NULL);
        struct client *c = client_connect("127.0.0.1", chat->port);
        struct client *error = client_of(err[0], "standard error");
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        client_send(c, "a line that nobody gets\n");
        pid_t session = start_without_seccomp(chat, accepted, err[1]);
        close(accepted);
        close(err[1]);
        assert_int_equal(process_wait(session), 1);
        assert_string_equal(client_expect_end(c), "*** You cannot join: the session has no sandbox on this host\r\n");
        assert_string_equal(client_expect_end(error), "chat-session: cannot enter the sandbox: Invalid argument\n");
        struct client *last = chat_join(chat, NULL);
        assert_string_equal(client_expect(other, "*** %s is connected\r\n", last->name), "");
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
                TEST(test_output_to_a_file),
                TEST(test_no_sandbox_no_service),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
