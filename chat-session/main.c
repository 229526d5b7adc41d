/* chat-session: serves one client, on standard input or on the descriptor that systemd passed (LISTEN_FDS). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/options.h>

#include "sandbox.h"
#include "session.h"
#if SANDBOX_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

#ifndef VERSION
#define VERSION "unknown"
#endif

enum {
        LISTEN_FDS_START = 3, /* sd_listen_fds(3) */
        CLIENT_TIMEOUT_MAX_S = 1000000,
};

struct options {
        struct session_options session;
        bool no_sandbox;
};

static const char usage[] =
        "Usage: chat-session [--echo] [--run-dir=DIR] [--pace=RATE[:BURST]] [--client-timeout=SECONDS]\n"
        "                    [--proxied] [--no-sandbox]\n"
        "Serve one chat client on standard input and output, or on the socket that systemd passed.\n"
        "\n"
        "  --echo                    give the client its own lines back; no broker is needed\n"
        "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n"
        "  --pace=RATE[:BURST]       lines per second, and lines at once (default: 10:20); off: no limit\n"
        "  --client-timeout=SECONDS  a client that acknowledges nothing for so long has vanished (default: 240);\n"
        "                            off: wait for ever\n"
        "  --proxied                 a proxy is in front, and says first whom it passes on: a line of the PROXY\n"
        "                            protocol, version 1\n"
        "  --no-sandbox              give up nothing before serving: for debuggers and valgrind\n"
        "  --help                    print this and exit\n"
        "  --version                 print the version and exit\n"
        "\n"
        "Exit status: 0 when the client left, 1 where the sandbox cannot be had, 2 for a wrong option or descriptor.\n";

static volatile sig_atomic_t stop;

static void on_stop(int signal)
{
        (void)signal;
        stop = 1;
}

/* Seconds, or "off". Returns 0 or -EINVAL. */
static int parse_timeout(int *ms, const char *text)
{
        char *end;
        if (strcmp(text, "off") == 0) {
                *ms = 0;
                return 0;
        }
        long seconds = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
        if (seconds < 1 || seconds > CLIENT_TIMEOUT_MAX_S || *end != '\0')
                return -EINVAL;
        *ms = (int)seconds * 1000;
        return 0;
}

/* Returns -1 to go on, or an exit status. */
static int parse_options(struct options *o, int argc, char **argv)
{
        static const struct option known[] = {
                {"echo", no_argument, NULL, 'e'},
                {"run-dir", required_argument, NULL, 'd'},
                {"pace", required_argument, NULL, 'p'},
                {"client-timeout", required_argument, NULL, 't'},
                {"proxied", no_argument, NULL, 'x'},
                {"no-sandbox", no_argument, NULL, 's'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        int c;
        while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
                switch (c) {
                case 'e':
                        o->session.echo = true;
                        break;
                case 'd':
                        o->session.dir = optarg;
                        break;
                case 'p':
                        if (pace_parse(&o->session.pace, optarg) == 0)
                                break;
                        fprintf(stderr, "%s: --pace takes RATE or RATE:BURST, 1 to %d each, or off\n", argv[0],
                                PACE_MAX);
                        return EXIT_USAGE;
                case 't':
                        if (parse_timeout(&o->session.client_timeout_ms, optarg) == 0)
                                break;
                        fprintf(stderr, "%s: --client-timeout takes 1 to %d seconds, or off\n", argv[0],
                                CLIENT_TIMEOUT_MAX_S);
                        return EXIT_USAGE;
                case 'x':
                        o->session.proxied = true;
                        break;
                case 's':
                        o->no_sandbox = true;
                        break;
                case 'h':
                        fputs(usage, stdout);
                        return 0;
                case 'v':
                        puts("chat-session " VERSION);
                        return 0;
                default: /* getopt_long() has printed what is wrong */
                        return EXIT_USAGE;
                }
        }
        if (!options_are_right(argc, argv, optind, o->session.dir))
                return EXIT_USAGE;
        return -1;
}

/* Opens those of the standard descriptors that the launcher left closed: a socket of the session's own must not come
 * to lie where the sandbox takes it for the client's. */
static bool fill_standard_fds(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
                        return false;
        return true;
}

/* Moves the client to standard input and output if systemd passed it as another descriptor to this very process.
 * sd_listen_fds(3) reads the same; libsystemd alone would double the time to start. */
static bool take_passed_fd(void)
{
        const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
        if (!pid || !fds || strtol(pid, NULL, 10) != getpid() || strtol(fds, NULL, 10) < 1)
                return true;
        if (dup2(LISTEN_FDS_START, STDIN_FILENO) < 0 || dup2(LISTEN_FDS_START, STDOUT_FILENO) < 0)
                return false;
        close(LISTEN_FDS_START);
        return true;
}

static bool is_listening(int fd)
{
        int listening = 0;
        socklen_t size = sizeof(listening);
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

#if SANDBOX_SANITIZED
/* The search for leaks looks at the process from another one, which the sandbox does not allow. */
static bool sandboxed;

int __lsan_is_turned_off(void)
{
        return sandboxed;
}
#endif

/* Returns 0, or a negative errno. */
static int enter_sandbox(struct session *s)
{
#if SANDBOX_SANITIZED
        sandboxed = true;
#endif
        int r = sandbox_enter(SANDBOX_OF_THIS_BUILD, s->uplink.socket);
        if (r == 0)
                s->uplink.socket = SANDBOX_UPLINK_FD;
        return r;
}

int main(int argc, char **argv)
{
        static struct session session; /* large, and its pages are used only as needed */
        struct options options = {
                .session =
                        {
                                .dir = RUN_DIR_DEFAULT,
                                .pace = pace_of(PACE_RATE_DEFAULT, PACE_BURST_DEFAULT),
                                .client_timeout_ms = CLIENT_TIMEOUT_DEFAULT_MS,
                        },
        };
        sigset_t stops, unblocked;

        int status = parse_options(&options, argc, argv);
        if (status >= 0)
                return status;
        if (!fill_standard_fds() || !take_passed_fd()) {
                fprintf(stderr, "%s: cannot use the descriptors that were passed: %s\n", argv[0], strerror(errno));
                return EXIT_USAGE;
        }
        if (is_listening(STDIN_FILENO)) {
                fprintf(stderr, "%s: this is a listening socket; use Accept=yes or --accept\n", argv[0]);
                return EXIT_USAGE;
        }

        umask(SOCKET_UMASK);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGTERM, on_stop);
        signal(SIGINT, on_stop);
        signal(SIGHUP, on_stop);
        sigemptyset(&stops);
        sigaddset(&stops, SIGTERM);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGHUP);
        sigprocmask(SIG_BLOCK, &stops, &unblocked);

        session_begin(&session, STDIN_FILENO, STDOUT_FILENO, &options.session);
        int r = options.no_sandbox ? 0 : enter_sandbox(&session);
        if (r < 0) {
                fprintf(stderr, "%s: cannot enter the sandbox: %s\n", argv[0], strerror(-r));
                session_refuse(&session, "the session has no sandbox on this host");
                return EXIT_FAILURE;
        }
        session_run(&session, &unblocked, &stop);
        return 0;
}
