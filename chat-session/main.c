/* chat-session: serves one client, on standard input or on the descriptor that systemd passed (LISTEN_FDS). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <chat/lack.h>
#include <chat/options.h>
#include <chat/settings.h>
#include <chat/version.h>

#include "echo.h"
#include "sandbox.h"
#include "terminal-kind.h"
#include "terminal.h"
#include "visit.h"
#if SANDBOX_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

enum {
        LISTEN_FDS_START = 3, /* sd_listen_fds(3) */
};

struct options {
        struct session_options session;
        struct terminal_options terminal;
        const struct kind *kind;
        struct settings settings;
        struct charset *charset; /* where the option's set is stored */
        const char *config;      /* NULL: the default */
        bool no_sandbox;
};

static void main_print_usage(void)
{
        fputs("Usage: chat-session [OPTION...]\n"
              "Serve one chat client on standard input and output, or on the socket that systemd passed.\n"
              "\n"
              "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
              "); an option overrides them\n"
              "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n",
              stdout);
        settings_print_options(SETTINGS_SESSION);
        fputs("  --echo                    send the client its own lines back; needs no broker\n"
              "  --proxied                 expect a proxy, which first states the client's address: the PROXY\n"
              "                            protocol, version 1 or 2\n"
              "  --charset=NAME            the character set of the client's terminal, with one byte for a character;\n"
              "                            iconv -l lists their names (default: UTF-8)\n"
              "  --no-sandbox              serve without the sandbox: for debuggers and valgrind\n"
              "  --help                    print this and exit\n"
              "  --version                 print the version and exit\n"
              "\n"
              "Exit status: 0 when the client has left, 1 without a sandbox, 2 for a wrong option or "
              "descriptor.\n",
              stdout);
}

static volatile sig_atomic_t stop;

static void main_on_stop(int signal)
{
        (void)signal;
        stop = 1;
}

/* Takes the option --charset. Returns false, and prints the reason on standard error, if there is no such character
 * set. */
static bool main_take_charset(struct options *o, const char *name, const char *program)
{
        o->terminal.charset = NULL;
        if (strcasecmp(name, "UTF-8") == 0 || strcasecmp(name, "UTF8") == 0)
                return true;
        int r = charset_open(o->charset, name);
        if (r < 0)
                fprintf(stderr, "%s: --charset=%s: %s\n", program, name,
                        r == -ENOTSUP ? "not a set of one byte for a character, with ASCII in its lower half"
                                      : "no such character set; iconv -l lists them");
        else
                o->terminal.charset = o->charset;
        return r == 0;
}

/* Returns -1 if the session is to run, otherwise the exit status. */
static int main_parse_options(struct options *o, int argc, char **argv)
{
        struct option long_options[16 + SETTINGS] = {
                {"config", required_argument, NULL, 'c'},  {"echo", no_argument, NULL, 'e'},
                {"run-dir", required_argument, NULL, 'd'}, {"proxied", no_argument, NULL, 'x'},
                {"no-sandbox", no_argument, NULL, 's'},    {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},       {"charset", required_argument, NULL, 'a'},
        };
        int c, r;
        settings_add_options(long_options, SETTINGS_SESSION);
        while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (c) {
                case 'c':
                        o->config = optarg;
                        break;
                case 'e':
                        o->kind = &echo_kind;
                        break;
                case 'd':
                        o->session.dir = optarg;
                        break;
                case 'x':
                        o->session.is_proxied = true;
                        break;
                case 's':
                        o->no_sandbox = true;
                        break;
                case 'a':
                        if (!main_take_charset(o, optarg, argv[0]))
                                return EXIT_USAGE;
                        break;
                case 'h':
                        main_print_usage();
                        return 0;
                case 'v':
                        puts("chat-session " VERSION);
                        return 0;
                default: /* a setting; or getopt_long() has printed the error */
                        r = settings_take_option(&o->settings, c, optarg, argv[0]);
                        if (r >= 0)
                                return r;
                        break;
                }
        }
        if (!options_are_right(argc, argv, optind, o->session.dir))
                return EXIT_USAGE;
        return -1;
}

/* Reports an error by syslog(3): standard error may be the client, or nowhere. */
static void main_complain(void *user, const char *error)
{
        (void)user;
        openlog("chat-session", LOG_PID, LOG_DAEMON);
        syslog(LOG_WARNING, "%s", error);
        closelog();
}

/* Returns what chatd is told of the sandbox. */
static enum confinement main_confinement(bool no_sandbox)
{
        if (no_sandbox)
                return CONFINED_NOT;
        return SANDBOX_HAS_FILTER ? CONFINED : CONFINED_NO_FILTER;
}

/* Reads the settings. An error in the file costs only its line, not the session. Not inline, because the stack of
 * main() lasts as long as the session. */
__attribute__((noinline)) static void main_read_settings(struct options *o)
{
        settings_read(&o->settings, o->config, SETTINGS_SESSION, main_complain, NULL);
        o->session.pace = o->settings.pace;
        o->session.client_timeout_ms = o->settings.client_timeout_ms;
        o->session.confinement = main_confinement(o->no_sandbox);
        o->terminal.editing = o->kind == &echo_kind ? EDITING_OFF : o->settings.editing;
        zone_read(&o->terminal.zone);
}

/* Opens the standard descriptors that the launcher left closed, so that no socket of the session gets a number which
 * the sandbox takes for the client's. Returns false if that fails. */
static bool main_fill_standard_fds(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
                        return false;
        return true;
}

/* Moves the client to standard input and output if systemd passed it to this process as another descriptor. Returns
 * false if that fails. sd_listen_fds(3) reads the same variables, but loading libsystemd would double the time to
 * start. */
static bool main_take_passed_fd(void)
{
        const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
        if (!pid || !fds || strtol(pid, NULL, 10) != getpid() || strtol(fds, NULL, 10) < 1)
                return true;
        if (dup2(LISTEN_FDS_START, STDIN_FILENO) < 0 || dup2(LISTEN_FDS_START, STDOUT_FILENO) < 0)
                return false;
        close(LISTEN_FDS_START);
        return true;
}

static bool main_is_listening(int fd)
{
        int listening = 0;
        socklen_t size = sizeof(listening);
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

#if SANDBOX_SANITIZED
/* Turns off the search for leaks in the sandbox: it inspects the process from another one, which the sandbox does not
 * allow. */
static bool sandboxed;

int __lsan_is_turned_off(void)
{
        return sandboxed;
}
#endif

/* Enters the sandbox. Returns 0, or a negative errno. */
static int main_enter_sandbox(struct session *s)
{
#if SANDBOX_SANITIZED
        sandboxed = true;
#endif
        return sandbox_enter(SANDBOX_OF_THIS_BUILD, &s->uplink.socket);
}

int main(int argc, char **argv)
{
        static struct session session; /* large, as is the next; their pages are used only as needed */
        static struct terminal terminal;
        static struct charset charset;
        static struct options options = {
                .charset = &charset,
                .kind = &terminal_kind,
                .session = {.dir = RUN_DIR_DEFAULT},
        };
        sigset_t stops, unblocked;

        settings_init(&options.settings);
        int status = main_parse_options(&options, argc, argv);
        if (status >= 0)
                return status;
        if (!main_fill_standard_fds() || !main_take_passed_fd()) {
                fprintf(stderr, "%s: cannot use the descriptors that were passed: %s\n", argv[0], strerror(errno));
                return EXIT_USAGE;
        }
        if (main_is_listening(STDIN_FILENO)) {
                fprintf(stderr, "%s: this is a listening socket; use Accept=yes or --accept\n", argv[0]);
                return EXIT_USAGE;
        }

        main_read_settings(&options);
        umask(SOCKET_UMASK);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGTERM, main_on_stop);
        signal(SIGINT, main_on_stop);
        signal(SIGHUP, main_on_stop);
        sigemptyset(&stops);
        sigaddset(&stops, SIGTERM);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGHUP);
        sigprocmask(SIG_BLOCK, &stops, &unblocked);

        terminal.options = &options.terminal;
        visit_begin(&session, options.kind, &terminal, STDIN_FILENO, STDOUT_FILENO, &options.session);
        int r = options.no_sandbox ? 0 : main_enter_sandbox(&session);
        if (r < 0) {
                fprintf(stderr, "%s: cannot enter the sandbox, and serves nobody without: %s%s\n", argv[0],
                        strerror(-r), lack_sandbox(-r));
                visit_refuse_unconfined(&session, -r);
                return EXIT_FAILURE;
        }
        visit_run(&session, &unblocked, &stop);
        return 0;
}
