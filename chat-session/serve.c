#include "serve.h"

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
#include <chat/version.h>

#include "sandbox.h"
#if SANDBOX_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

enum {
        LISTEN_FDS_START = 3, /* sd_listen_fds(3) */
};

static volatile sig_atomic_t serve_stop;

static void serve_on_stop(int signal)
{
        (void)signal;
        serve_stop = 1;
}

/* Reports an error by syslog(3): standard error may be the client, or nowhere. */
static void serve_complain(void *user, const char *error)
{
        const char *program = user;
        openlog(program, LOG_PID, LOG_DAEMON);
        syslog(LOG_WARNING, "%s", error);
        closelog();
}

/* Returns what chatd is told of the sandbox. */
static enum confinement serve_confinement(bool no_sandbox)
{
        if (no_sandbox)
                return CONFINED_NOT;
        return SANDBOX_HAS_FILTER ? CONFINED : CONFINED_NO_FILTER;
}

/* Opens the standard descriptors that the launcher left closed, so that no socket of the session gets a number which
 * the sandbox takes for the client's. Returns false if that fails. */
static bool serve_fill_standard_fds(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
                        return false;
        return true;
}

/* Moves the client to standard input and output if systemd passed it to this process as another descriptor. Returns
 * false if that fails. sd_listen_fds(3) reads the same variables, but loading libsystemd would double the time to
 * start. */
static bool serve_take_passed_fd(void)
{
        const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
        if (!pid || !fds || strtol(pid, NULL, 10) != getpid() || strtol(fds, NULL, 10) < 1)
                return true;
        if (dup2(LISTEN_FDS_START, STDIN_FILENO) < 0 || dup2(LISTEN_FDS_START, STDOUT_FILENO) < 0)
                return false;
        close(LISTEN_FDS_START);
        return true;
}

static bool serve_is_listening(int fd)
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
static int serve_enter_sandbox(struct session *s)
{
#if SANDBOX_SANITIZED
        sandboxed = true;
#endif
        return sandbox_enter(SANDBOX_OF_THIS_BUILD, &s->uplink.socket);
}

/* ---- the command line ---- */

enum serve_option { SERVE_CONFIG = 1, SERVE_RUN_DIR, SERVE_PROXIED, SERVE_NO_SANDBOX, SERVE_HELP, SERVE_VERSION };

static void serve_print_help(const struct serve_program *p)
{
        printf("Usage: %s [OPTION...]\n%s\n"
               "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
               "); an option overrides them\n"
               "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n",
               p->name, p->purpose);
        settings_print_options(p->reads);
        printf("%s"
               "  --proxied                 expect a proxy, which first states the client's address: the PROXY\n"
               "                            protocol, version 1 or 2\n"
               "  --no-sandbox              serve without the sandbox: for debuggers and valgrind\n"
               "  --help                    print this and exit\n"
               "  --version                 print the version and exit\n"
               "\n"
               "Exit status: 0 when the client has left, 1 without a sandbox, 2 for a wrong option or descriptor.\n",
               p->help);
}

/* Takes an option. Returns -1 if the program goes on, otherwise its exit status. */
static int serve_take_option(struct serve_options *o, const struct serve_program *p, int option, const char *name,
                             void *own)
{
        switch (option) {
        case SERVE_CONFIG:
                o->config = optarg;
                return -1;
        case SERVE_RUN_DIR:
                o->session.dir = optarg;
                return -1;
        case SERVE_PROXIED:
                o->session.is_proxied = true;
                return -1;
        case SERVE_NO_SANDBOX:
                o->no_sandbox = true;
                return -1;
        case SERVE_HELP:
                serve_print_help(p);
                return EXIT_SUCCESS;
        case SERVE_VERSION:
                printf("%s %s\n", p->name, VERSION);
                return EXIT_SUCCESS;
        default:
                break;
        }
        for (const struct option *known = p->options; known->name; known++)
                if (known->val == option)
                        return p->take(own, option, optarg, name);
        return settings_take_option(&o->settings, option, optarg, name); /* or getopt_long() has printed the error */
}

static int serve_parse(struct serve_options *o, const struct serve_program *p, int argc, char **argv, void *own)
{
        enum { COMMON = 6 };
        struct option options[COMMON + SERVE_OWN_OPTIONS_MAX + SETTINGS + 1] = {
                {"config", required_argument, NULL, SERVE_CONFIG}, {"run-dir", required_argument, NULL, SERVE_RUN_DIR},
                {"proxied", no_argument, NULL, SERVE_PROXIED},     {"no-sandbox", no_argument, NULL, SERVE_NO_SANDBOX},
                {"help", no_argument, NULL, SERVE_HELP},           {"version", no_argument, NULL, SERVE_VERSION},
        };
        int option, r;
        memcpy(options + COMMON, p->options, sizeof(p->options));
        settings_add_options(options, p->reads);
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
                if ((r = serve_take_option(o, p, option, argv[0], own)) >= 0)
                        return r;
        return options_are_right(argc, argv, optind, o->session.dir) ? -1 : EXIT_USAGE;
}

int serve_begin(struct serve_options *o, const struct serve_program *p, int argc, char **argv, void *own)
{
        settings_init(&o->settings);
        int r = serve_parse(o, p, argc, argv, own);
        if (r >= 0)
                return r;
        if (!serve_fill_standard_fds() || !serve_take_passed_fd()) {
                fprintf(stderr, "%s: cannot use the descriptors that were passed: %s\n", p->name, strerror(errno));
                return EXIT_USAGE;
        }
        if (serve_is_listening(STDIN_FILENO)) {
                fprintf(stderr, "%s: this is a listening socket; use Accept=yes or --accept\n", p->name);
                return EXIT_USAGE;
        }
        settings_read(&o->settings, o->config, p->reads, serve_complain, (void *)p->name);
        o->session.pace = o->settings.pace;
        o->session.client_timeout_ms = o->settings.client_timeout_ms;
        o->session.confinement = serve_confinement(o->no_sandbox);
        return -1;
}

/* ---- the client ---- */

/* Lets the signals that end a session come only while it waits. Sets `*unblocked` to the signals that are blocked
 * then. */
static void serve_take_signals(sigset_t *unblocked)
{
        sigset_t stops;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGTERM, serve_on_stop);
        signal(SIGINT, serve_on_stop);
        signal(SIGHUP, serve_on_stop);
        sigemptyset(&stops);
        sigaddset(&stops, SIGTERM);
        sigaddset(&stops, SIGINT);
        sigaddset(&stops, SIGHUP);
        sigprocmask(SIG_BLOCK, &stops, unblocked);
}

int serve_client(const struct serve_options *o, const struct serve_program *p, struct session *session,
                 const struct kind *kind, void *me)
{
        sigset_t unblocked;
        umask(SOCKET_UMASK);
        serve_take_signals(&unblocked);
        visit_begin(session, kind, me, STDIN_FILENO, STDOUT_FILENO, &o->session);
        int r = o->no_sandbox ? 0 : serve_enter_sandbox(session);
        if (r < 0) {
                fprintf(stderr, "%s: cannot enter the sandbox, and serves nobody without: %s%s\n", p->name,
                        strerror(-r), lack_sandbox(-r));
                visit_refuse_unconfined(session, -r);
                return EXIT_FAILURE;
        }
        visit_run(session, &unblocked, &serve_stop);
        return 0;
}
