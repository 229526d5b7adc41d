/* chat-link: carries records of this host's members to the other hosts of the network, and records of other hosts to
 * chatd. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/options.h>
#include <chat/version.h>
#include <chat/watchdog.h>

#include "link.h"
#include "log.h"

struct options {
        const char *config, *run_dir, *state_dir;
        bool check;
};

struct chat_link {
        struct config config;
        struct link link;
        struct spool *spool;
        struct network *network;
        struct journal *journal;
        int inbox, wake, signals;
        /* a socket that chat-link bound itself; empty: none */
        char own_inbox[sizeof(((struct sockaddr_un *)0)->sun_path)];
        uint64_t lost_records; /* lines lost to a power loss */
        struct watchdog watchdog;
};

static const char usage[] =
        "Usage: chat-link [--config=FILE] [--run-dir=DIR] [--state-dir=DIR] [--check]\n"
        "Link the chat of this host to those of other hosts, through NATS.\n"
        "\n"
        "  --config=FILE    the settings (default: " CONFIG_DEFAULT ")\n"
        "  --run-dir=DIR    where chatd is found (default: " RUN_DIR_DEFAULT ")\n"
        "  --state-dir=DIR  where lines wait for other hosts (default: $STATE_DIRECTORY)\n"
        "  --check          check the settings, and exit\n"
        "  --help           print this and exit\n"
        "  --version        print the version and exit\n"
        "\n"
        "Exit status: 0 after SIGTERM or SIGINT, 1 when chat-link cannot run, 2 for a wrong option, 78 for wrong "
        "settings.\n";

/* Returns true to go on; otherwise `*status` is the exit status. */
static bool chat_link_parse_options(struct options *o, int argc, char **argv, int *status)
{
        static const struct option known[] = {
                {"config", required_argument, NULL, 'c'},
                {"run-dir", required_argument, NULL, 'd'},
                {"state-dir", required_argument, NULL, 's'},
                {"check", no_argument, NULL, 'k'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        *status = EXIT_SUCCESS;
        int c;
        while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
                switch (c) {
                case 'c':
                        o->config = optarg;
                        break;
                case 'd':
                        o->run_dir = optarg;
                        break;
                case 's':
                        o->state_dir = optarg;
                        break;
                case 'k':
                        o->check = true;
                        break;
                case 'h':
                        fputs(usage, stdout);
                        return false;
                case 'v':
                        puts("chat-link " VERSION);
                        return false;
                default: /* getopt_long() has printed the error */
                        *status = EXIT_USAGE;
                        return false;
                }
        }
        *status = EXIT_USAGE;
        if (!options_are_right(argc, argv, optind, o->run_dir))
                return false;
        if (!o->check && (!o->state_dir || o->state_dir[0] == '\0')) {
                fprintf(stderr, "%s: --state-dir is needed, because $STATE_DIRECTORY is not set\n", argv[0]);
                return false;
        }
        return true;
}

/* Returns true if a process has the socket: systemd, or another chat-link. */
static bool chat_link_is_held(const struct sockaddr_un *address)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool held = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
        if (fd >= 0)
                close(fd);
        return held;
}

/* Takes the socket from systemd, or binds one. Returns 0 or a negative errno. */
static int chat_link_open_inbox(struct chat_link *cl, const char *run_dir)
{
        struct sockaddr_un address;
        int r = path_link(&address, run_dir);
        if (r < 0)
                return r;
        if (sd_listen_fds(true) >= 1) {
                cl->inbox = SD_LISTEN_FDS_START;
                return sd_is_socket_unix(cl->inbox, SOCK_DGRAM, -1, NULL, 0) > 0 ? 0 : -ENOTSOCK;
        }
        if (chat_link_is_held(&address))
                return -EADDRINUSE;
        cl->inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (cl->inbox < 0)
                return -errno;
        unlink(address.sun_path);
        mode_t before = umask(0177);
        if (bind(cl->inbox, (const struct sockaddr *)&address, sizeof(address)) < 0)
                r = -errno;
        umask(before);
        if (r == 0)
                memcpy(cl->own_inbox, address.sun_path, sizeof(cl->own_inbox));
        return r;
}

/* Opens the inbox, the signals and the spool. Returns 0, or a negative errno after a message on standard error. */
static int chat_link_open_all(struct chat_link *cl, const struct options *o)
{
        char path[PATH_MAX], notes[PATH_MAX];
        sigset_t stop_signals;
        int r = chat_link_open_inbox(cl, o->run_dir);
        if (r < 0) {
                fprintf(stderr, "chat-link: cannot use the inbox %s/" LINK_SOCKET_NAME ": %s%s\n", o->run_dir,
                        strerror(-r), r == -ENOENT ? "; chatd makes that directory: start it first" : "");
                return r;
        }
        sigemptyset(&stop_signals); /* blocked before there are threads that could take them */
        sigaddset(&stop_signals, SIGTERM);
        sigaddset(&stop_signals, SIGINT);
        sigprocmask(SIG_BLOCK, &stop_signals, NULL);
        cl->signals = signalfd(-1, &stop_signals, SFD_CLOEXEC | SFD_NONBLOCK);
        cl->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (cl->signals < 0 || cl->wake < 0) {
                r = -errno;
                fprintf(stderr, "chat-link: cannot wait for signals: %s\n", strerror(-r));
                return r;
        }
        snprintf(path, sizeof(path), "%s/spool", o->state_dir);
        /* The directory in which chatd notes what it relayed. It lives as long as the notes: longer than chatd and the
         * sockets. */
        snprintf(notes, sizeof(notes), "%s/" MEMBERS_DIR_NAME, o->run_dir);
        cl->spool = spool_open(path, cl->config.spool_bytes, notes, cl->config.network, &cl->lost_records);
        if (!cl->spool) {
                r = -errno;
                fprintf(stderr, "chat-link: cannot use %s, of %zu MiB: %s%s\n", path, cl->config.spool_bytes >> 20,
                        r == -EBUSY ? "another chat-link has it" : strerror(-r),
                        r == -ENOENT ? "; make that directory, or name another with --state-dir=" : "");
        }
        return r;
}

/* Prints that `what` failed, unless `error` is 0. Returns `error`, which is 0 or a negative errno. */
static int chat_link_report(int error, const char *what)
{
        if (error < 0)
                fprintf(stderr, "chat-link: cannot %s: %s\n", what, strerror(-error));
        return error;
}

/* Starts the threads of the journal and the network. Returns 0, or a negative errno after a message on standard
 * error. */
static int chat_link_start_threads(struct chat_link *cl)
{
        cl->journal = journal_start("chat-link");
        if (!cl->journal)
                return chat_link_report(-ENOMEM, "start the thread of the journal");
        cl->network = network_start(&cl->config, cl->spool, cl->wake);
        return chat_link_report(cl->network ? 0 : -errno, "start the thread of the network");
}

/* Descriptors that the main loop waits for. */
enum chat_link_slot {
        CHAT_LINK_SIGNALS,
        CHAT_LINK_WAKE,
        CHAT_LINK_INBOX,
        CHAT_LINK_CHATD,
        CHAT_LINK_SLOTS,
};

/* Returns how long poll() may wait, in ms. */
static int chat_link_wait_ms(int64_t wake)
{
        int64_t now = clock_ms(), latest = now + WATCHDOG_TICK_MS;
        wake = clock_earlier(wake, latest);
        return wake > now ? (int)(wake - now) : 0;
}

static int chat_link_run(struct chat_link *cl)
{
        eventfd_t value;
        for (;;) {
                const struct link *l = &cl->link;
                watchdog_beat(&cl->watchdog);
                int64_t wake = link_work(&cl->link);
                struct pollfd fds[CHAT_LINK_SLOTS] = {
                        [CHAT_LINK_SIGNALS] = {.fd = cl->signals, .events = POLLIN},
                        [CHAT_LINK_WAKE] = {.fd = cl->wake, .events = POLLIN},
                        [CHAT_LINK_INBOX] = {.fd = l->full ? -1 : cl->inbox, .events = POLLIN},
                        [CHAT_LINK_CHATD] = {.fd = l->inject.is_blocked ? l->inject.socket : -1, .events = POLLOUT},
                };
                if (poll(fds, CHAT_LINK_SLOTS, chat_link_wait_ms(wake)) < 0 && errno != EINTR)
                        return -errno;
                if (fds[CHAT_LINK_SIGNALS].revents)
                        return 0;
                if (fds[CHAT_LINK_WAKE].revents)
                        eventfd_read(cl->wake, &value);
        }
}

/* Ends the network, which may take seconds. Members talk on meanwhile: their records go to the spool. */
static void chat_link_stop_network(struct chat_link *cl)
{
        int64_t deadline = network_stop(cl->network);
        eventfd_t value;
        while (!network_has_stopped(cl->network) && clock_ms() < deadline) {
                int64_t wake = link_drain(&cl->link);
                struct pollfd fds[CHAT_LINK_SLOTS] = {
                        [CHAT_LINK_SIGNALS] = {.fd = -1},
                        [CHAT_LINK_WAKE] = {.fd = cl->wake, .events = POLLIN},
                        [CHAT_LINK_INBOX] = {.fd = cl->link.full ? -1 : cl->inbox, .events = POLLIN},
                        [CHAT_LINK_CHATD] = {.fd = -1},
                };
                int ready = poll(fds, CHAT_LINK_SLOTS, chat_link_wait_ms(clock_earlier(wake, deadline)));
                if (ready > 0 && fds[CHAT_LINK_WAKE].revents)
                        eventfd_read(cl->wake, &value);
        }
        network_end(cl->network);
}

/* Runs the link from the network's start to its end. Returns 0, or a negative errno after a message on standard
 * error. */
static int chat_link_serve(struct chat_link *cl, const char *run_dir)
{
        int r = link_begin(&cl->link, &cl->config, run_dir, cl->inbox, cl->spool, cl->network, cl->journal,
                           cl->lost_records);
        bool begun = chat_link_report(r, "read its inbox") == 0;
        if (begun && getenv("NOTIFY_SOCKET")) /* a service manager starts it again */
                r = chat_link_report(watchdog_start(&cl->watchdog, "chat-link", WATCHDOG_TICK_MS),
                                     "start the watchdog's thread");
        if (r == 0) {
                sd_notify(false, "READY=1");
                r = chat_link_report(chat_link_run(cl), "wait for events");
                watchdog_stop(&cl->watchdog);
                sd_notify(false, "STOPPING=1");
        }
        chat_link_stop_network(cl);
        if (begun)
                log_stopped(cl->journal, &cl->link);
        link_end(&cl->link);
        return r;
}

/* Starts and runs everything. Returns 0, or a negative errno after a message on standard error. */
static int chat_link_run_all(struct chat_link *cl, const char *run_dir)
{
        int r = chat_link_start_threads(cl);
        return r == 0 ? chat_link_serve(cl, run_dir) : r;
}

int main(int argc, char **argv)
{
        static struct chat_link cl; /* static because it is large: the buffers of datagrams */
        static char error[CONFIG_ERROR_BYTES];
        struct options options = {
                .config = CONFIG_DEFAULT,
                .run_dir = RUN_DIR_DEFAULT,
                .state_dir = getenv("STATE_DIRECTORY"),
        };
        int status;
        if (!chat_link_parse_options(&options, argc, argv, &status))
                return status;
        if (config_read(&cl.config, options.config, error) < 0) {
                fprintf(stderr, "chat-link: %s\n", error);
                return EXIT_SETTINGS;
        }
        if (options.check) {
                printf("host %s of the network %s\n", cl.config.host, cl.config.network);
                if (cl.config.machine[0] != '\0')
                        printf("The label is made from the machine's name, %s, which is not 1 to 24 of a-z, 0-9 and "
                               "-.\n"
                               "To choose another, set Host= in %s.\n",
                               cl.config.machine, options.config);
                return 0;
        }
        signal(SIGPIPE, SIG_IGN);
        int r = chat_link_open_all(&cl, &options);
        if (r == 0)
                r = chat_link_run_all(&cl, options.run_dir);
        if (cl.spool)
                spool_close(cl.spool);
        if (cl.own_inbox[0] != '\0')
                unlink(cl.own_inbox);
        if (cl.journal)
                journal_stop(cl.journal);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
