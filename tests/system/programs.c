#include "programs.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- launchers ---- */

struct client *programs_connect(struct stage *s)
{
        if (s->launcher == 0) {
                s->port = port_free();
                snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", s->port);
                s->launcher = launcher_start(s->through, s->chat, s->address);
        }
        if (s->launcher == 0)
                skip();
        return client_connect("127.0.0.1", s->port);
}

/* Returns the value of a setting of chat.socket's. */
static int setting(const char *name)
{
        return atoi(shell("sed -n 's/^%s=//p' units/chat.socket", name));
}

static int option(int fd, int level, int name)
{
        int value = -1;
        socklen_t size = sizeof(value);
        assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
        return value;
}

/* Returns the session's end of the connection, taken from the process that has it. */
static int sessions_end(struct stage *s, const struct person *p)
{
        struct sockaddr_in own, peer;
        socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
        int pid, fd;
        assert_int_equal(getsockname(p->client->fd, (struct sockaddr *)&own, &own_size), 0);
        assert_int_equal(getpeername(p->client->fd, (struct sockaddr *)&peer, &peer_size), 0);
        const char *users = shell("ss -Htnp 'sport = :%d and dport = :%d'", ntohs(peer.sin_port), ntohs(own.sin_port));
        const char *user = strstr(users, "pid=");
        if (!user || sscanf(user, "pid=%d,fd=%d", &pid, &fd) != 2)
                FAIL_AT(s, "nobody has the connection of %s: %s", p->name, users);
        int process = (int)syscall(SYS_pidfd_open, pid, 0), end = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
        assert_true(end >= 0);
        close(process);
        return end;
}

void programs_check_keepalive(struct stage *s, const struct person *p)
{
        static const struct {
                int name;
                const char *setting;
        } options[] = {
                {TCP_KEEPIDLE, "KeepAliveTimeSec"},
                {TCP_KEEPINTVL, "KeepAliveIntervalSec"},
                {TCP_KEEPCNT, "KeepAliveProbes"},
        };
        int fd = sessions_end(s, p);
        if (!option(fd, SOL_SOCKET, SO_KEEPALIVE))
                FAIL_AT(s, "TCP does not ask whether %s is there", p->name);
        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
                int is = option(fd, IPPROTO_TCP, options[i].name), should_be = setting(options[i].setting);
                if (should_be <= 0 || is != should_be)
                        FAIL_AT(s, "%s is %d for %s, and not %d", options[i].setting, is, p->name, should_be);
        }
        close(fd);
}

/* ---- programs beside the steps ---- */

/* Starts a program whose standard descriptors are the input and output of a person of this name. */
static void start(struct stage *s, const char *name, char *const argv[])
{
        int ends[2];
        stage_need_broker(s);
        struct person *p = stage_add(s, name);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        p->program = process_start(argv, ends[1], ends[1], ends[1]);
        close(ends[1]);
        snprintf(p->called, sizeof(p->called), "%s", shell("id -un"));
        p->client = client_of(ends[0], p->called);
}

static void start_chatctl(struct stage *s, const char *name, const char *arguments)
{
        char command[STAGE_STEP_MAX];
        snprintf(command, sizeof(command), "exec %s %s %s", program("chatctl"), s->chat->option, arguments);
        start(s, name, (char *const[]){"sh", "-c", command, NULL});
}

/* Starts chat-ssh as sshd does. Its /run is not that of the host, but one that has the socket of this chat. */
static void start_chat_ssh(struct stage *s, const char *name, const char *command)
{
        static const char script[] = "mount -t tmpfs tmpfs /run && ln -s \"$1\" /run/chat-local.sock || exit 1; "
                                     "[ -z \"$2\" ] || export SSH_ORIGINAL_COMMAND=\"$2\"; exec sh units/chat-ssh";
        char path[128];
        stage_need_broker(s);
        snprintf(path, sizeof(path), "%s/local.sock", s->chat->dir);
        if (s->local == 0) {
                s->local = launcher_start(LAUNCHER_AS_INETD, s->chat, path);
                client_free(client_connect_unix(path)); /* wait until it listens */
        }
        start(s, name,
              (char *const[]){"unshare", getuid() == 0 ? "-m" : "-rm", "sh", "-c", (char *)script, "sh", path,
                              (char *)command, NULL});
}

void programs_run(struct stage *s, const char *name, char *rest)
{
        const char *what = stage_word(s, &rest);
        if (strcmp(what, "chatctl") == 0)
                start_chatctl(s, name, rest);
        else if (strcmp(what, "chat-ssh") == 0)
                start_chat_ssh(s, name, rest);
        else
                FAIL_AT(s, "there is no program \"%s\" to run", what);
}

void programs_run_until(struct stage *s, const char *words, const char *command)
{
        static const char chatctl[] = " chatctl ";
        if (strncmp(command, chatctl, strlen(chatctl)) != 0)
                FAIL_AT(s, "it is chatctl that is run until it prints something");
        stage_need_broker(s);
        shell_until("%s %s %s | grep -qF -- '%s'", program("chatctl"), s->chat->option, command + strlen(chatctl),
                    words);
}

void programs_wait_for_loans(struct stage *s, int loans)
{
        const char *chatctl = program("chatctl"), *option = s->chat->option;
        stage_need_broker(s);
        shell_until("%s %s say again && %s %s status | grep -qE 'Written to by chatd: +%d$'", chatctl, option, chatctl,
                    option, loans);
}

void programs_expect_end(struct stage *s, struct person *p, int status)
{
        int is = process_wait(p->program);
        p->program = 0;
        if (is != status)
                FAIL_AT(s, "%s ended with %d and printed: %s", p->name, is, p->client->got);
}

static void wait_for_state(pid_t pid, char state)
{
        shell_until("grep -q '^State:.%c' /proc/%d/status", state, (int)pid);
}

void programs_stop(pid_t pid)
{
        wait_for_state(pid, 'S'); /* a chatd that is stopped while it writes to a client keeps that connection */
        kill(pid, SIGSTOP);
        wait_for_state(pid, 'T');
}
