/* A host that lacks something: each program prints in one line what is missing, and ends with the status in its manual
 * page, or goes on without it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "kernel.h"

enum {
        FAILED = 1,
        NOT_RUNNING = 3,
        NO_KERNEL = 71,
};

static int setup(void **state)
{
        *state = chat_prepare();
        return 0;
}

static int teardown(void **state)
{
        chat_stop(*state);
        return 0;
}

/* Opens an empty file in the run directory, for standard error. */
static int open_said(const struct chat *chat)
{
        char path[96];
        snprintf(path, sizeof(path), "%s/said", chat->dir);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
        assert_true(fd >= 0);
        return fd;
}

/* Returns all that was written to that file. */
static const char *said(const struct chat *chat)
{
        static char text[65536];
        snprintf(text, sizeof(text), "%s\n", shell("cat %s/said", chat->dir));
        return text[0] == '\n' ? "" : text;
}

/* Runs a program to its end on this kernel. Asserts its exit status, and that standard error is one line with
 * `part`. */
static void assert_ends(struct chat *chat, enum kernel kernel, char *const argv[], int status, const char *part)
{
        int err = open_said(chat);
        pid_t pid = kernel_start(kernel, argv, -1, -1, err);
        close(err);
        assert_int_equal(process_wait(pid), status);
        assert_true(kernel_is_one_line(said(chat), part));
}

static void start_broker_on(struct chat *chat, enum kernel kernel, int err)
{
        char *const argv[] = {program("chatd"), chat->option, (char *)chat->history, NULL};
        chat->broker = kernel_start(kernel, argv, -1, -1, err);
        shell_until("%s %s status >/dev/null 2>&1", program("chatctl"), chat->option);
}

static void test_chatd_on_old_kernels(void **state)
{
        struct chat *chat = *state;
        char *const argv[] = {program("chatd"), chat->option, NULL};
        assert_ends(chat, KERNEL_WITHOUT_PIDFD, argv, NO_KERNEL,
                    "chatd: cannot run, as this kernel lacks pidfd_open(2), which tells when a session has died; Linux "
                    "5.3 or later has it");
        assert_ends(chat, KERNEL_FORBIDS_PIDFD, argv, NO_KERNEL, "the seccomp profile of a container must allow it");
        assert_ends(chat, KERNEL_WITHOUT_PEEK_OFFSET, argv, NO_KERNEL,
                    "chatd: cannot run, as this kernel lacks SO_PEEK_OFF for UNIX sockets");
        char *const check[] = {program("chatd"), "--check-config", "--config=/dev/null", NULL};
        pid_t pid = kernel_start(KERNEL_WITHOUT_PIDFD, check, -1, -1, -1); /* checking settings works on any kernel */
        assert_int_equal(process_wait(pid), 0);
}

/* chatd does not need seccomp, and its sessions need neither of the others. */
static void test_what_is_not_needed(void **state)
{
        static const enum kernel kernels[] = {KERNEL_WITHOUT_PIDFD, KERNEL_FORBIDS_PIDFD, KERNEL_WITHOUT_PEEK_OFFSET};
        struct chat *chat = *state;
        start_broker_on(chat, KERNEL_WITHOUT_SECCOMP, -1);
        struct client *ann = chat_join(chat, NULL);
        for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
                char *const argv[] = {program("chat-session"), chat->option, NULL};
                struct client *c = client_connect("127.0.0.1", chat->port);
                int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
                pid_t session = kernel_start(kernels[i], argv, accepted, accepted, -1);
                close(accepted);
                client_greeted(c);
                client_send(c, "hello\nexit\n");
                client_expect(ann, "%s: hello\r\n", c->name);
                assert_int_equal(process_wait(session), 0);
                client_free(c);
        }
        client_free(ann);
}

/* chat-init needs what chatd needs. Here it runs as another user than root, so that no users have to be made. */
static void test_chat_init_on_old_kernels(void **state)
{
        static const enum kernel kernels[] = {KERNEL_WITHOUT_PIDFD, KERNEL_WITHOUT_PEEK_OFFSET};
        struct chat *chat = *state;
        char listen[48], option[112], path[4096];
        char *bin = strdup(program("chatd"));
        char *argv[] = {
                "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program("chat-init"), listen, option,
                NULL};
        snprintf(listen, sizeof(listen), "--listen=127.0.0.1:%d", port_free());
        snprintf(option, sizeof(option), "--run-dir=%s/init", chat->dir);
        *strrchr(bin, '/') = '\0';
        snprintf(path, sizeof(path), "%s:%s", bin, getenv("PATH"));
        setenv("PATH", path, 1);
        shell("chmod 777 %s", chat->dir);
        for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
                assert_ends(chat, kernels[i], argv + (getuid() == 0 ? 0 : 4), NO_KERNEL,
                            "chat-init: chatd cannot run, as this kernel lacks ");
        free(bin);
}

/* Only chatctl kick --kill needs pidfd_open(2): otherwise the pid of a stopped session could pass to another
 * process. */
static void test_chatctl_on_old_kernels(void **state)
{
        struct chat *chat = *state;
        pid_t session;
        chat_start_broker(chat);
        struct client *c = chat_join(chat, &session);
        shell_until("%s %s who | grep -q '^%s '", program("chatctl"), chat->option, c->name);
        char *const argv[] = {program("chatctl"), chat->option, "kick", "--kill", c->name, NULL};
        kill(session, SIGSTOP);
        assert_ends(chat, KERNEL_WITHOUT_PIDFD, argv, FAILED,
                    "Function not implemented; --kill needs pidfd_open(2), of Linux 5.3 or later");
        kill(session, SIGCONT);
        client_expect(c, "*** You were removed\r\n");
        client_expect_end(c);
        client_free(c);
}

/* ---- directories ---- */

static void test_no_run_directory(void **state)
{
        struct chat *chat = *state;
        char missing[112], config[112], state_dir[112];
        char *const chatd[] = {program("chatd"), missing, NULL};
        snprintf(missing, sizeof(missing), "--run-dir=%s/missing/run", chat->dir);
        assert_ends(chat, KERNEL_AS_IT_IS, chatd, FAILED,
                    "/missing/run: No such file or directory; make it as the user who is to run this");
        char *const init[] = {
                "setpriv", "--reuid=65534", "--clear-groups", program("chat-init"), missing, "--listen=127.0.0.1:1024",
                NULL};
        if (getuid() == 0)
                assert_ends(chat, KERNEL_AS_IT_IS, init, FAILED, "chat-init: cannot use the run directory ");
        char *const chatctl[] = {program("chatctl"), missing, "who", NULL};
        assert_ends(chat, KERNEL_AS_IT_IS, chatctl, NOT_RUNNING, ": no chatd serves /");

        snprintf(config, sizeof(config), "--config=%s/link.conf", chat->dir);
        snprintf(state_dir, sizeof(state_dir), "--state-dir=%s", chat->dir);
        shell("echo Servers=nats://127.0.0.1:1 >%s/link.conf", chat->dir);
        char *const link[] = {program("chat-link"), config, missing, state_dir, NULL};
        assert_ends(chat, KERNEL_AS_IT_IS, link, FAILED,
                    "/link.sock: No such file or directory; chatd makes that directory: start it first");
        snprintf(missing, sizeof(missing), "--state-dir=%s/missing", chat->dir);
        char *const link_state[] = {program("chat-link"), config, chat->option, missing, NULL};
        assert_ends(chat, KERNEL_AS_IT_IS, link_state, FAILED,
                    "/missing/spool, of 64 MiB: No such file or directory; make that directory, or name another");
}

/* A user that does not own the directory, and may not write to it, runs chatd. */
static void test_a_run_directory_of_somebody_else(void **state)
{
        struct chat *chat = *state;
        char *const argv[] = {"setpriv", "--reuid=65534", "--clear-groups", program("chatd"), chat->option, NULL};
        if (getuid() != 0)
                skip(); /* only root can become another user */
        shell("chmod 755 %s", chat->dir);
        assert_ends(chat, KERNEL_AS_IT_IS, argv, FAILED, "chatd: cannot use the run directory ");
}

/* Sessions wait for a chatd, and for the directory that it makes. */
static void test_a_session_without_a_run_directory(void **state)
{
        struct chat *chat = *state;
        char was[64];
        pid_t session;
        strcpy(was, chat->dir);
        strcat(chat->dir, "/later");
        snprintf(chat->option, sizeof(chat->option), "--run-dir=%s", chat->dir);
        struct client *c = chat_join_with(chat, "127.0.0.1", &session, chat->option, NULL);
        client_send(c, "hello\n");
        client_expect(c, "*** The chat is unavailable right now");
        chat_start_broker(chat);
        client_expect(c, "*** The chat is back\r\n");
        struct client *other = chat_join(chat, NULL);
        client_send(c, "again\nexit\n");
        client_expect(other, ": again\r\n");
        client_expect_end(c);
        assert_int_equal(process_wait(session), 0);
        client_free(c);
        client_free(other);
        chat_kill_broker(chat, SIGTERM);
        shell("rm -r %s", chat->dir);
        strcpy(chat->dir, was);
}

/* Starts a program with an argument in a mount namespace with a read-only /etc. */
static pid_t start_with_read_only_etc(char *name, const char *argument, int client, int err)
{
        char script[] =
                "mount --bind /etc /etc && mount -o remount,bind,ro /etc && ! touch /etc/chat-test 2>/dev/null && "
                "exec \"$@\"";
        char *const argv[] = {"unshare", "-m", "sh", "-c", script, "sh", name, (char *)argument, NULL};
        return process_start(argv, client, client, err);
}

/* No program writes to /etc: all work, and none complains. */
static void test_etc_is_read_only(void **state)
{
        struct chat *chat = *state;
        if (process_wait(start_with_read_only_etc("true", NULL, -1, -1)) != 0)
                skip(); /* not root, or file systems cannot be mounted here */
        int err = open_said(chat);
        chat->broker = start_with_read_only_etc(program("chatd"), chat->option, -1, err);
        shell_until("%s %s ban mallory >/dev/null 2>&1", program("chatctl"), chat->option);
        struct client *c = client_connect("127.0.0.1", chat->port);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        pid_t session = start_with_read_only_etc(program("chat-session"), chat->option, accepted, err);
        close(accepted);
        close(err);
        client_greeted(c);
        client_send(c, "/who\nexit\n");
        client_expect(c, "*** You are alone here");
        assert_int_equal(process_wait(session), 0);
        chat_kill_broker(chat, SIGTERM);
        shell("! grep -v -e ': started; ' -e ' joined' -e ' left after ' -e ' banned mallory$' -e ': stopped; ' "
              "%s/said",
              chat->dir);
        client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_chatd_on_old_kernels),
                TEST(test_what_is_not_needed),
                TEST(test_chat_init_on_old_kernels),
                TEST(test_chatctl_on_old_kernels),
                TEST(test_no_run_directory),
                TEST(test_a_run_directory_of_somebody_else),
                TEST(test_a_session_without_a_run_directory),
                TEST(test_etc_is_read_only),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
