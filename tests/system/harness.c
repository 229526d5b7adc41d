#include "harness.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>

enum {
        PAUSE_MS = 10, /* the interval of checks for states that give no event */
        CHATD_ARGUMENTS_MAX = 10,
};

static bool is_child;

/* Fails the test. A child reports the failure by its exit status, and its parent fails the test. */
#define FAIL(...)                                                                                                      \
        do {                                                                                                           \
                if (is_child) {                                                                                        \
                        warnx(__VA_ARGS__);                                                                            \
                        _exit(1);                                                                                      \
                }                                                                                                      \
                fail_msg(__VA_ARGS__);                                                                                 \
        } while (0)

static void pause_before_deadline(int64_t deadline, const char *what)
{
        if (clock_ms() > deadline)
                FAIL("waited too long for: %s", what);
        usleep(PAUSE_MS * 1000);
}

/* ---- the programs ---- */

static const char *bin;        /* the programs' directory */
static char reports[PATH_MAX]; /* the directory of the sanitizers' reports; empty: the programs are not sanitized */

char *program(const char *name)
{
        static char chatd[PATH_MAX], session[PATH_MAX];
        char *path = strcmp(name, "chatd") == 0 ? chatd : session;
        snprintf(path, PATH_MAX, "%s/%s", bin, name);
        return path;
}

const char *reports_dir(void)
{
        return reports[0] ? reports : NULL;
}

void tests_begin(void)
{
        char path[PATH_MAX];
        cmocka_set_test_filter(getenv("TEST"));
        bin = getenv("BIN");
        if (!bin || !*bin)
                bin = "build";
        snprintf(path, sizeof(path), "%s/reports", bin);
        FILE *f = fopen(path, "r");
        if (!f)
                return;
        if (fscanf(f, "%4095s", reports) != 1 || (mkdir(reports, 0777) < 0 && errno != EEXIST) ||
            (chmod(reports, 01777) < 0 && errno != EPERM)) {
                fprintf(stderr, "%s: cannot use what it says: %s\n", path, strerror(errno));
                exit(1);
        }
        fclose(f);
}

int tests_end(int failed)
{
        char command[PATH_MAX + 256];
        if (!reports[0])
                return failed;
        snprintf(command, sizeof(command),
                 "cd %s && set -- * && test -e \"$1\" || exit 0; for r; do echo \"$r:\"; head -n 40 \"$r\"; rm \"$r\"; "
                 "done;"
                 "echo 'The sanitizers reported what is above.'; exit 1",
                 reports);
        fflush(stdout);
        return system(command) == 0 ? failed : failed + 1;
}

/* ---- processes ---- */

static void use_fd(int fd, int as)
{
        if (fd == -2)
                return;
        if (fd == -1)
                fd = open("/dev/null", O_RDWR);
        dup2(fd, as);
}

pid_t process_fork(void)
{
        pid_t parent = getpid(), pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        is_child = true;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        return 0;
}

void process_become(char *const argv[], int in, int out, int err)
{
        use_fd(in, 0);
        use_fd(out, 1);
        use_fd(err, 2);
        closefrom(3);
        execvp(argv[0], argv);
        _exit(127);
}

pid_t process_start(char *const argv[], int in, int out, int err)
{
        pid_t pid = process_fork();
        if (pid == 0)
                process_become(argv, in, out, err);
        return pid;
}

bool process_has_ended(pid_t pid)
{
        int status;
        if (waitpid(pid, &status, WNOHANG) == 0)
                return false;
        assert_int_equal(status, 0);
        return true;
}

int process_wait(pid_t pid)
{
        int status;
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (waitpid(pid, &status, WNOHANG) == 0)
                pause_before_deadline(deadline, "the end of a process");
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void process_end(pid_t pid)
{
        kill(pid, SIGTERM);
        process_wait(pid);
}

static int run_shell(const char *command, char *out, size_t size)
{
        size_t len = 0, n;
        FILE *f = popen(command, "r");
        assert_non_null(f);
        while ((n = fread(out + len, 1, size - 1 - len, f)) > 0)
                len += n;
        while (len > 0 && out[len - 1] == '\n')
                len--;
        out[len] = '\0';
        return pclose(f);
}

const char *shell(const char *format, ...)
{
        static char out[1 << 20];
        char command[4096];
        va_list args;
        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        int status = run_shell(command, out, sizeof(out));
        if (status != 0)
                FAIL("'%s' ended with %d: %s", command, WEXITSTATUS(status), out);
        return out;
}

static void run_shell_until(int64_t ms, const char *format, va_list args)
{
        static char out[1 << 16];
        char command[4096];
        int64_t deadline = clock_ms() + ms;
        vsnprintf(command, sizeof(command), format, args);
        while (run_shell(command, out, sizeof(out)) != 0)
                pause_before_deadline(deadline, command);
}

void shell_until(const char *format, ...)
{
        va_list args;
        va_start(args, format);
        run_shell_until(DEADLINE_MS, format, args);
        va_end(args);
}

void shell_until_within(int64_t ms, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        run_shell_until(ms, format, args);
        va_end(args);
}

/* ---- clients ---- */

struct client *client_of(int fd, const char *name)
{
        struct client *c = calloc(1, sizeof(*c));
        assert_non_null(c);
        c->fd = fd;
        snprintf(c->name, sizeof(c->name), "%s", name);
        c->room = 4096;
        c->got = calloc(1, c->room);
        return c;
}

/* Connects with a receive buffer of `buffer` bytes; 0: the default size. */
static int connect_until(int domain, const struct sockaddr *address, socklen_t size, int buffer)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        for (;;) {
                int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* otherwise each short line takes 40 ms */
                if (buffer > 0)
                        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
                if (connect(fd, address, size) == 0)
                        return fd;
                close(fd);
                pause_before_deadline(deadline, "a listener");
        }
}

static struct client *connect_to(const char *host, int port, int buffer)
{
        char text[INET6_ADDRSTRLEN], name[64];
        if (strchr(host, ':')) {
                struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
                socklen_t size = sizeof(a);
                assert_int_equal(inet_pton(AF_INET6, host, &a.sin6_addr), 1);
                int fd = connect_until(AF_INET6, (struct sockaddr *)&a, size, buffer);
                getsockname(fd, (struct sockaddr *)&a, &size);
                inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof(text));
                snprintf(name, sizeof(name), "[%s]:%d", text, ntohs(a.sin6_port));
                return client_of(fd, name);
        }
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        socklen_t size = sizeof(a);
        assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
        int fd = connect_until(AF_INET, (struct sockaddr *)&a, size, buffer);
        getsockname(fd, (struct sockaddr *)&a, &size);
        inet_ntop(AF_INET, &a.sin_addr, text, sizeof(text));
        snprintf(name, sizeof(name), "%s:%d", text, ntohs(a.sin_port));
        return client_of(fd, name);
}

struct client *client_connect(const char *host, int port)
{
        return connect_to(host, port, 0);
}

struct client *client_connect_unix(const char *path)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
        return client_of(connect_until(AF_UNIX, (struct sockaddr *)&a, sizeof(a), 0), "");
}

void client_send_bytes(struct client *c, const void *bytes, size_t size)
{
        const char *at = bytes;
        while (size > 0) {
                ssize_t n = send(c->fd, at, size, MSG_NOSIGNAL);
                if (n < 0)
                        FAIL("%s: send: %s", c->name, strerror(errno));
                at += n;
                size -= (size_t)n;
        }
}

void client_send(struct client *c, const char *format, ...)
{
        char text[8192];
        va_list args;
        va_start(args, format);
        int n = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        client_send_bytes(c, text, (size_t)n);
}

bool client_read(struct client *c, int64_t deadline, const char *what)
{
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int64_t left = deadline - clock_ms();
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
                FAIL("%s waited %d ms for: %s\nand got: %s", c->name, DEADLINE_MS, what, c->got);
        if (c->len + 4096 > c->room) {
                c->room *= 2;
                c->got = realloc(c->got, c->room);
                assert_non_null(c->got);
        }
        ssize_t n = recv(c->fd, c->got + c->len, c->room - 1 - c->len, 0);
        if (n <= 0)
                return false;
        if (c->copy)
                fwrite(c->got + c->len, 1, (size_t)n, c->copy);
        for (ssize_t i = 0; i < n; i++) /* the tests treat it as a string */
                if (c->got[c->len + (size_t)i] == '\0')
                        c->got[c->len + (size_t)i] = '\1';
        c->len += (size_t)n;
        c->got[c->len] = '\0';
        return true;
}

const char *client_expect(struct client *c, const char *format, ...)
{
        static char *before;
        char text[8192];
        size_t looked = 0;
        int64_t deadline = clock_ms() + DEADLINE_MS;
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        size_t size = strlen(text);
        const char *found;
        while (!(found = strstr(c->got + looked, text))) {
                looked = c->len > size ? c->len - size : 0;
                if (!client_read(c, deadline, text))
                        FAIL("%s: the connection ended before: %s\nand got: %s", c->name, text, c->got);
        }
        free(before);
        before = strndup(c->got, (size_t)(found - c->got));
        c->len -= (size_t)(found - c->got) + size;
        memmove(c->got, found + size, c->len + 1);
        return before;
}

void client_sync(struct client *c)
{
        client_send_bytes(c, "\xff\xfd\6", 3);
        client_expect(c, "\xff\xfc\6");
}

void client_greeted(struct client *c)
{
        client_expect(c, "*** Welcome, %s.", c->name);
        client_expect(c, "\r\n*** What you type goes to everyone here. /help lists the commands; exit leaves.\r\n");
        client_send(c, "\n"); /* an empty line is a sign of life, after which the client is announced at once */
}

static bool is_announcing(const char *run_dir)
{
        char path[PATH_MAX];
        struct dirent *entry;
        bool found = false;
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, run_dir);
        DIR *members = opendir(path);
        while (members && !found && (entry = readdir(members)))
                found = strstr(entry->d_name, ".held");
        if (members)
                closedir(members);
        return found;
}

void clients_announced(const char *run_dir)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (is_announcing(run_dir))
                pause_before_deadline(deadline, "the newcomers to be announced");
}

const char *client_expect_end(struct client *c)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (client_read(c, deadline, "the end of the connection"))
                ;
        return c->got;
}

void client_reset(struct client *c)
{
        struct linger none = {.l_onoff = 1};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
        client_free(c);
}

void client_free(struct client *c)
{
        if (c->copy)
                assert_int_equal(pclose(c->copy), 0);
        close(c->fd);
        free(c->got);
        free(c);
}

int port_free(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(a);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
        getsockname(fd, (struct sockaddr *)&a, &size);
        close(fd);
        return ntohs(a.sin_port);
}

/* ---- a chat without PID 1 ---- */

/* Binds a socket of chatd's as systemd does. */
static int bind_for_broker(int type, const struct sockaddr_un *address)
{
        int on = 1, fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
        return fd;
}

void chat_hold_queue(struct chat *chat)
{
        struct sockaddr_un address;
        assert_int_equal(path_broker(&address, chat->dir), 0);
        chat->queue = bind_for_broker(SOCK_DGRAM, &address);
        assert_int_equal(path_control(&address, chat->dir), 0);
        chat->control = bind_for_broker(SOCK_SEQPACKET, &address);
        assert_int_equal(listen(chat->control, SOMAXCONN), 0);
}

/* Passes these two descriptors as sd_listen_fds(3) expects them. */
static void pass(int first, int second)
{
        char pid[16];
        dup2(fcntl(first, F_DUPFD, 5), 3); /* the other one may have number 3 */
        dup2(fcntl(second, F_DUPFD, 5), 4);
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, true);
        setenv("LISTEN_FDS", "2", true);
}

_Noreturn void chat_become_broker(const struct chat *chat)
{
        char more[256],
                *rest = more,
                *argv[CHATD_ARGUMENTS_MAX + 1] = {program("chatd"), (char *)chat->option, (char *)chat->history};
        snprintf(more, sizeof(more), "%s", chat->more ? chat->more : "");
        for (size_t n = 3; n < CHATD_ARGUMENTS_MAX && (argv[n] = strtok_r(rest, " ", &rest)); n++)
                ;
        use_fd(-1, 0);
        use_fd(-1, 1);
        use_fd(getenv("VERBOSE") ? -2 : -1, 2);
        if (chat->queue >= 0)
                pass(chat->queue, chat->control);
        closefrom(chat->queue >= 0 ? 5 : 3);
        execv(argv[0], argv);
        _exit(127);
}

void chat_start_broker(struct chat *chat)
{
        chat->broker = process_fork();
        if (chat->broker == 0)
                chat_become_broker(chat);
}

void chat_kill_broker(struct chat *chat, int signal)
{
        kill(chat->broker, signal);
        process_wait(chat->broker);
        chat->broker = 0;
}

struct chat *chat_prepare(void)
{
        struct chat *chat = calloc(1, sizeof(*chat));
        struct sockaddr_in6 a = {.sin6_family = AF_INET6};
        socklen_t size = sizeof(a);
        int on = 1;
        strcpy(chat->dir, "/tmp/chat-system.XXXXXX");
        assert_non_null(mkdtemp(chat->dir));
        snprintf(chat->option, sizeof(chat->option), "--run-dir=%s", chat->dir);
        chat->history = "--history=off";
        chat->queue = chat->control = -1;
        chat->listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(chat->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* as chat.socket does */
        assert_int_equal(bind(chat->listener, (struct sockaddr *)&a, size), 0);
        assert_int_equal(listen(chat->listener, 1024), 0);
        getsockname(chat->listener, (struct sockaddr *)&a, &size);
        chat->port = ntohs(a.sin6_port);
        return chat;
}

struct chat *chat_start(void)
{
        struct chat *chat = chat_prepare();
        chat_start_broker(chat);
        shell_until("test -S %s/chatd.sock", chat->dir); /* from now on sessions join in the order of their greeting */
        return chat;
}

void chat_stop(struct chat *chat)
{
        if (chat->broker > 0)
                chat_kill_broker(chat, SIGTERM);
        close(chat->listener);
        if (chat->queue >= 0) {
                close(chat->queue);
                close(chat->control);
        }
        shell_until("rm -rf %s 2>/dev/null", chat->dir); /* a session that has just lost its inbox may bind it anew */
        free(chat);
}

struct client *chat_join_with(struct chat *chat, const char *host, pid_t *session, ...)
{
        char *argv[8] = {program(chat->server ? chat->server : "chat-session")};
        int n = 0;
        va_list args;
        va_start(args, session);
        while (argv[n])
                argv[++n] = va_arg(args, char *);
        va_end(args);

        struct client *c = connect_to(host, chat->port, chat->buffers);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        if (chat->buffers > 0)
                setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &chat->buffers, sizeof(chat->buffers));
        pid_t pid = process_start(argv, accepted, accepted, -1);
        close(accepted);
        if (session)
                *session = pid;
        return c;
}

struct client *chat_join(struct chat *chat, pid_t *session)
{
        struct client *c = chat_join_with(chat, "127.0.0.1", session, chat->option, "--pace=off", NULL);
        client_greeted(c);
        clients_announced(chat->dir);
        return c;
}
