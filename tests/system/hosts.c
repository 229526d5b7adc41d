#include "hosts.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <chat/clock.h>

#include "booted.h"

enum {
        NATS_PORT = 4222,
        COMMAND_MAX_BYTES = 4096,
        TOLD_LINES = 60,
        PAUSE_MS = 10,       /* the interval of checks for states that give no event */
        ASK_AGAIN_MS = 1000, /* a request is lost while the cluster has no leader */
};

static pid_t inits[HOSTS]; /* 0: not known yet */

const char *host_name(int host)
{
        static const char *const names[HOSTS] = {"a", "b", "c"};
        return names[host];
}

/* ---- commands on the hosts ---- */

static pid_t host_init(int host)
{
        const char *text = getenv("HOSTS_INITS");
        if (inits[0] == 0 && (!text || sscanf(text, "%d %d %d", &inits[0], &inits[1], &inits[2]) != HOSTS)) {
                fprintf(stderr, "Run this by `make check-system/hosts`, which boots the hosts for it.\n");
                exit(1);
        }
        return inits[host];
}

/* Writes a command line that runs the given one on the host. */
static void command_there(char *out, int host, const char *format, va_list args)
{
        char command[COMMAND_MAX_BYTES];
        int n = vsnprintf(command, sizeof(command), format, args);
        assert_in_range(n, 1, COMMAND_MAX_BYTES - 1);
        n = snprintf(out, COMMAND_MAX_BYTES,
                     "nsenter -m -u -i -n -p -C -t %d -- sh -c 'cd \"$0\" && eval \"$1\"' \"$PWD\" '", host_init(host));
        for (const char *at = command; *at; at++) {
                assert_true(n < COMMAND_MAX_BYTES - 8);
                if (*at == '\'')
                        n += sprintf(out + n, "'\\''");
                else
                        out[n++] = *at;
        }
        strcpy(out + n, "'");
}

const char *host_shell(int host, const char *format, ...)
{
        char command[COMMAND_MAX_BYTES];
        va_list args;
        va_start(args, format);
        command_there(command, host, format, args);
        va_end(args);
        return shell("%s", command);
}

void host_shell_until(int host, const char *format, ...)
{
        char command[COMMAND_MAX_BYTES];
        va_list args;
        va_start(args, format);
        command_there(command, host, format, args);
        va_end(args);
        shell_until("%s", command);
}

int host_try(int host, const char *format, ...)
{
        char command[COMMAND_MAX_BYTES], quiet[COMMAND_MAX_BYTES + 32];
        va_list args;
        va_start(args, format);
        command_there(command, host, format, args);
        va_end(args);
        snprintf(quiet, sizeof(quiet), "%s >/dev/null 2>&1", command);
        return system(quiet);
}

int host_set_network(int host, bool there)
{
        char command[256];
        snprintf(command, sizeof(command), "ip -n %s link set dev %s %s", getenv("HOSTS_HUB"), host_name(host),
                 there ? "up" : "down");
        return system(command);
}

/* ---- clients of the hosts ---- */

static void enter_network(pid_t of)
{
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/net", of);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && setns(fd, CLONE_NEWNET) == 0);
        close(fd);
}

/* Connects in the network of the host. A socket belongs to the network in which it was made. */
struct client *host_connect(int host, const char *address, int port)
{
        enter_network(host_init(host));
        struct client *c = client_connect(address, port);
        enter_network(getppid()); /* back to in-hosts, where we were */
        return c;
}

struct client *host_join(int host)
{
        struct client *c = host_connect(host, "127.0.0.1", CHAT_PORT);
        client_greeted(c);
        host_shell_until(host, "! ls /run/chat/members | grep -q held");
        return c;
}

const char *host_remote_name(int host, const struct client *c)
{
        static char names[8][sizeof(c->name) + 2];
        static unsigned next;
        char *name = names[next++ % 8];
        snprintf(name, sizeof(names[0]), "%s@%s", c->name, host_name(host));
        return name;
}

/* ---- NATS ---- */

struct client *nats_client_connect(int host)
{
        char address[32];
        snprintf(address, sizeof(address), "10.0.0.%d", host + 1);
        struct client *c = host_connect(host, address, NATS_PORT);
        client_expect(c, "INFO {");
        client_send(c, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n");
        client_expect(c, "PONG\r\n");
        return c;
}

void nats_client_publish(struct client *c, const char *subject, const void *payload, size_t size)
{
        client_send(c, "PUB %s %zu\r\n", subject, size);
        client_send_bytes(c, payload, size);
        client_send(c, "\r\nPING\r\n");
        client_expect(c, "PONG\r\n");
}

/* Returns the payload of the message to `inbox` in `got`, terminated there, or NULL. An HMSG does not count: its status
 * 503 means that there is nobody to answer. */
static char *find_answer(char *got, const char *inbox)
{
        char head[64];
        snprintf(head, sizeof(head), "\nMSG %s ", inbox);
        char *at = strstr(got, head);
        if (!at)
                return NULL;
        at = strstr(at, "\r\n") + 2;
        strstr(at, "\r\n")[0] = '\0';
        return at;
}

const char *nats_client_request(struct client *c, const char *subject, const char *payload)
{
        static unsigned requests;
        static char got[1 << 16];
        char inbox[32], *answer = NULL;
        size_t len = (size_t)sprintf(got, "\n");
        int64_t deadline = clock_ms() + DEADLINE_MS, again = 0;
        snprintf(inbox, sizeof(inbox), "_INBOX.test.%u", ++requests);
        client_send(c, "SUB %s %u\r\n", inbox, requests);
        while (!answer) {
                assert_true(clock_ms() < deadline);
                if (clock_ms() >= again) {
                        client_send(c, "PUB %s %s %zu\r\n%s\r\n", subject, inbox, strlen(payload), payload);
                        again = clock_ms() + ASK_AGAIN_MS;
                }
                client_send(c, "PING\r\n");
                len += (size_t)snprintf(got + len, sizeof(got) - len, "%s", client_expect(c, "PONG\r\n"));
                assert_true(len < sizeof(got));
                answer = find_answer(got, inbox);
                usleep(PAUSE_MS * 1000);
        }
        client_send(c, "UNSUB %u\r\n", requests);
        return answer;
}

/* ---- installation ---- */

#define NATS_SERVER "build/nats/usr/sbin/nats-server" /* below the directory of the tests, which is on the hosts too */

static const char nats_unit[] = "[Unit]\n"
                                "StartLimitIntervalSec=0\n"
                                "[Service]\n"
                                "StateDirectory=nats\n"
                                "Restart=always\n"
                                "RestartSec=200ms\n"
                                "ExecStart=$PWD/" NATS_SERVER " -n %s -a 10.0.0.%d -p %d -js -sd /var/lib/nats "
                                "--cluster_name chat --cluster nats://10.0.0.%d:6222 "
                                "--routes nats://10.0.0.1:6222,nats://10.0.0.2:6222,nats://10.0.0.3:6222\n";

static void install_nats(int host)
{
        char unit[1024];
        snprintf(unit, sizeof(unit), nats_unit, host_name(host), host + 1, NATS_PORT, host + 1);
        host_shell(host, "echo \"%s\" > /run/systemd/system/nats.service", unit);
        host_shell(host, "systemctl daemon-reload && systemctl start nats");
}

static void install_chat(int host)
{
        host_shell(host, "make --no-print-directory install 2>&1 && echo History=off >>/etc/chat/chat.conf");
        if (reports_dir()) /* as in booted_install() */
                host_shell(host,
                           "for u in chatd chat-link; do d=/run/systemd/system/$u.service.d; mkdir -p $d && "
                           "printf '[Service]\nBindPaths=%s\n' >$d/reports.conf; done; systemctl daemon-reload",
                           reports_dir());
        host_shell(host,
                   "mkdir -p /etc/chat && printf 'Servers=nats://10.0.0.1:%d nats://10.0.0.2:%d nats://10.0.0.3:%d\n"
                   "Host=%s\nNetwork=test\n' > /etc/chat/link.conf",
                   NATS_PORT, NATS_PORT, NATS_PORT, host_name(host));
        host_shell(host, "systemctl enable --now chat.socket chat-link 2>&1");
}

void host_await_link(int host)
{
        host_shell_until(host, "systemctl show -P StatusText chat-link | grep -q ^linked");
}

int hosts_install(void **state)
{
        (void)state;
        if (access(NATS_SERVER, X_OK) != 0) {
                printf("SKIPPED: no nats-server; these tests need Debian's package of that name\n");
                exit(getenv("NO_SKIP") ? 1 : 0);
        }
        for (int i = 0; i < HOSTS; i++)
                install_nats(i);
        for (int i = 0; i < HOSTS; i++)
                install_chat(i);
        for (int i = 0; i < HOSTS; i++)
                host_await_link(i);
        return 0;
}

int hosts_tell(int failed)
{
        static const char *const units[] = {"chat-link", "chatd", "nats"};
        for (int i = 0; i < HOSTS && failed; i++)
                for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
                        fprintf(stderr, "---- %s on %s: %s\n", units[u], host_name(i),
                                host_shell(i,
                                           "systemctl show -P StatusText %s; journalctl -q -o short-precise -u %s | "
                                           "grep -v -e joined -e ' left after' | tail -n %d",
                                           units[u], units[u], TOLD_LINES));
        return failed;
}
