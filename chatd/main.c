/* chatd: the broker. Relays each line that a session sends to all other sessions. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/journal.h>
#include <chat/lack.h>
#include <chat/options.h>
#include <chat/settings.h>
#include <chat/version.h>
#include <chat/watchdog.h>

#include "arrivals.h"
#include "broker.h"
#include "contact.h"
#include "control.h"
#include "kernel.h"
#include "lending.h"
#include "recovery.h"
#include "reload.h"
#include "rundir.h"

enum {
        EVENTS_MAX = 64,
        STATUS_MS = 1000, /* the shortest time between two STATUS= */
        /* If a setting is wrong or the kernel lacks a feature, systemd starts chatd again at once, and does so for
         * ever. So chatd runs again when the error is repaired, and finds the queue as it was. The pause leaves room in
         * the journal for other entries. */
        GIVE_UP_WAIT_MS = 5000,
        FAILED_WAIT_MS = 250, /* the pause after any other error, so that PID 1 has time for other services */
};

struct options {
        const char *dir;
        uid_t session_user, link_user;
        struct reload reload;
        bool check;
};

struct chatd {
        struct chat chat;
        int lock, intake, epoll, signals;
        bool own_intake;
        int control; /* the socket for chatctl; -1: none */
        struct watch intake_watch, signal_watch;
        struct reload reload;
        struct watchdog watchdog;
        int64_t status_at_ms;
        int64_t confirm_at_ms; /* 0: no line to confirm */
        uint64_t status_lines;
        size_t status_members;
        bool is_stopping;
        const char *task; /* the present task, named in the message if it fails */
};

static void chatd_print_usage(void)
{
        fputs("Usage: chatd [OPTION...]\n"
              "Relay chat lines between chat-session processes.\n"
              "\n"
              "The intake is the datagram socket that systemd passes; without one, chatd binds DIR/chatd.sock.\n"
              "\n"
              "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
              "); an option overrides them\n"
              "  --check-config            check the settings, and exit\n"
              "  --run-dir=DIR             where the sockets are (default: " RUN_DIR_DEFAULT ")\n"
              "  --session-user=USER       the user that sessions run as (default: chatd's own)\n"
              "  --link-user=USER          the user that the link to other hosts runs as (default: chatd's own)\n",
              stdout);
        settings_print_options(SETTINGS_CHATD);
        fputs("  --help                    print this and exit\n"
              "  --version                 print the version and exit\n"
              "\n"
              "SIGHUP makes chatd read the settings again.\n"
              "Exit status: 0 after SIGTERM or SIGINT, 1 when chatd cannot run, 2 for a wrong option, 71 on a kernel\n"
              "that lacks something, 78 for wrong settings.\n",
              stdout);
}

static int chatd_parse_user(const char *name, uid_t *uid, const char *option, const char *program)
{
        const struct passwd *pw = getpwnam(name);
        if (!pw) {
                fprintf(stderr, "%s: --%s: there is no user '%s'\n", program, option, name);
                return EXIT_USAGE;
        }
        *uid = pw->pw_uid;
        return -1;
}

/* Returns -1 to continue, or an exit status. */
static int chatd_parse_options(struct options *o, int argc, char **argv)
{
        struct option known[16 + SETTINGS] = {
                {"config", required_argument, NULL, 'c'},    {"check-config", no_argument, NULL, 'k'},
                {"run-dir", required_argument, NULL, 'd'},   {"session-user", required_argument, NULL, 'u'},
                {"link-user", required_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
        };
        int c, r, i = 0;
        settings_add_options(known, SETTINGS_CHATD);
        while ((c = getopt_long(argc, argv, "", known, &i)) != -1) {
                switch (c) {
                case 'c':
                        o->reload.path = optarg;
                        break;
                case 'k':
                        o->check = true;
                        break;
                case 'd':
                        o->dir = optarg;
                        break;
                case 'u':
                case 'l':
                        r = chatd_parse_user(optarg, c == 'u' ? &o->session_user : &o->link_user, known[i].name,
                                             argv[0]);
                        if (r >= 0)
                                return r;
                        break;
                case 'h':
                        chatd_print_usage();
                        return 0;
                case 'v':
                        puts("chatd " VERSION);
                        return 0;
                default: /* a setting, or an error that getopt_long() has printed */
                        r = settings_take_option(&o->reload.options, c, optarg, argv[0]);
                        if (r >= 0)
                                return r;
                        break;
                }
        }
        if (!options_are_right(argc, argv, optind, o->dir))
                return EXIT_USAGE;
        return -1;
}

/* Raises the limit of descriptors to the hard limit, because each member needs two. */
static void chatd_raise_fd_limit(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

/* Opens the intake. Returns 0, or a negative errno after a message on standard error. */
static int chatd_open_intake(struct chatd *d, const char *dir)
{
        d->lock = rundir_open(dir);
        if (d->lock == -EWOULDBLOCK) {
                fprintf(stderr, "chatd: another chatd serves %s\n", dir);
                return d->lock;
        }
        if (d->lock < 0) {
                fprintf(stderr, "chatd: cannot use the run directory %s: %s; %s\n", dir, strerror(-d->lock),
                        lack_run_dir(dir));
                return d->lock;
        }
        int passed = sd_listen_fds(true);
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + passed; fd++) {
                if (sd_is_socket_unix(fd, SOCK_DGRAM, -1, NULL, 0) > 0)
                        d->intake = fd;
                else if (sd_is_socket_unix(fd, SOCK_SEQPACKET, true, NULL, 0) > 0)
                        d->control = fd;
        }
        if (d->intake >= 0)
                return 0;
        if (passed >= 1) {
                fprintf(stderr, "chatd: no passed socket is a UNIX datagram socket (ListenDatagram=)\n");
                return -EINVAL;
        }
        d->own_intake = true;
        d->intake = rundir_bind(dir);
        d->control = rundir_bind_control(dir); /* if this fails, only chatctl cannot connect */
        if (d->intake < 0)
                fprintf(stderr, "chatd: cannot bind %s/" BROKER_SOCKET_NAME ": %s\n", dir, strerror(-d->intake));
        return d->intake < 0 ? d->intake : 0;
}

static int chatd_add_watch(struct chatd *d, struct watch *w, enum watch_kind kind, int fd)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
        *w = (struct watch){.kind = kind, .is_armed = true};
        return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Makes the epoll. Returns 0 or a negative errno. Signals are read from a descriptor, so that they do not interrupt a
 * batch. */
static int chatd_open_loop(struct chatd *d)
{
        sigset_t taken;
        sigemptyset(&taken);
        sigaddset(&taken, SIGTERM);
        sigaddset(&taken, SIGINT);
        sigaddset(&taken, SIGHUP);
        sigprocmask(SIG_BLOCK, &taken, NULL);
        d->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
        d->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (d->signals < 0 || d->epoll < 0)
                return -errno;
        int r = chatd_add_watch(d, &d->signal_watch, WATCH_SIGNAL, d->signals);
        return r < 0 ? r : chatd_add_watch(d, &d->intake_watch, WATCH_INTAKE, d->intake);
}

static void chatd_take_signal(struct chatd *d)
{
        struct signalfd_siginfo signal;
        if (read(d->signals, &signal, sizeof(signal)) != sizeof(signal))
                return;
        if (signal.ssi_signo != SIGHUP) {
                d->is_stopping = true;
                return;
        }
        reload_again(&d->reload, &d->chat);
        d->status_members = SIZE_MAX; /* so that the next status is sent, and shows the result */
}

/* Returns the directory for files that survive a boot (systemd.exec(5)), or `dir` if none is set. */
static const char *chatd_state_directory(const char *dir)
{
        const char *state = getenv("STATE_DIRECTORY");
        return state ? state : dir;
}

/* Opens files and sockets for administrators. If that fails, the chat runs without them. */
static void chatd_open_control(struct chatd *d, const char *dir)
{
        int r = bans_read(&d->chat.bans, chatd_state_directory(dir), d->chat.log);
        if (r < 0)
                eventlog_warning(d->chat.log, "cannot read the file of bans", r);
        r = tokens_read(&d->chat.tokens, chatd_state_directory(dir), d->chat.log);
        if (r < 0)
                eventlog_warning(d->chat.log, "cannot read the file of tokens", r);
        if (d->control < 0)
                return;
        r = control_listen(&d->chat, d->control, d->own_intake ? NULL : CONTROL_GROUP);
        if (r < 0)
                eventlog_warning(d->chat.log, "cannot listen to chatctl", r);
}

/* Handles all events except those of the intake. Returns true if the intake has frames. They come after all other
 * events, because a batch may free members. */
static bool chatd_handle_events(struct chatd *d, const struct epoll_event *events, int n)
{
        bool frames = false;
        for (int i = 0; i < n; i++) {
                const struct watch *w = events[i].data.ptr;
                switch (w->kind) {
                case WATCH_INTAKE:
                        frames = true;
                        break;
                case WATCH_SIGNAL:
                        chatd_take_signal(d);
                        break;
                case WATCH_EXIT:
                        contact_exited(&d->chat, w->member);
                        break;
                case WATCH_INBOX:
                        broker_has_room(&d->chat, w->member);
                        break;
                case WATCH_LENT:
                        lending_answered(&d->chat, w->member);
                        break;
                case WATCH_CONTROL:
                        control_accept(&d->chat);
                        break;
                case WATCH_CLIENT:
                        control_serve(&d->chat, w);
                        break;
                case WATCH_DISK: /* control_settle() checks it */
                        break;
                }
        }
        return frames;
}

/* Sends the status if it is due. Returns true if a newer status is to be sent later. */
static bool chatd_notify_status(struct chatd *d, int64_t now)
{
        const struct chat *chat = &d->chat;
        size_t members = roster_people(&chat->roster);
        if (chat->lines == d->status_lines && members == d->status_members)
                return false;
        if (now < d->status_at_ms)
                return true;
        d->status_lines = chat->lines;
        d->status_members = members;
        d->status_at_ms = now + STATUS_MS;
        sd_notifyf(false, "STATUS=members: %zu, lines: %" PRIu64 "%s", d->status_members, d->status_lines,
                   d->reload.has_failed ? "; wrong settings were not taken: journalctl -u chatd" : "");
        return false;
}

/* Confirms lines if that is due. Returns true if members are to be told later. */
static bool chatd_confirm(struct chatd *d, int64_t now)
{
        if (!todo_first(&d->chat.roster.todo, TODO_CONFIRM))
                return false;
        if (d->confirm_at_ms == 0)
                d->confirm_at_ms = now + CONFIRM_MS;
        if (now < d->confirm_at_ms)
                return true;
        broker_confirm(&d->chat);
        d->confirm_at_ms = 0;
        return false;
}

/* Does the work that is due. Returns how long epoll_wait() may wait, in ms. */
static int chatd_do_chores(struct chatd *d)
{
        int64_t now = clock_ms(), wake = now + WATCHDOG_TICK_MS;
        watchdog_beat(&d->watchdog);
        if (chatd_notify_status(d, now) && d->status_at_ms < wake)
                wake = d->status_at_ms;
        if (chatd_confirm(d, now) && d->confirm_at_ms < wake)
                wake = d->confirm_at_ms;
        wake = clock_earlier(wake, complaints_report(&d->chat.complaints, now));
        wake = clock_earlier(wake, arrivals_due_ms(&d->chat));
        wake = clock_earlier(wake, contact_call_ms(&d->chat));
        wake = clock_earlier(wake, control_due_ms(d->chat.control));
        return wake > now ? (int)(wake - now) : 0;
}

static int chatd_run(struct chatd *d)
{
        struct epoll_event events[EVENTS_MAX];
        while (!d->is_stopping) {
                int n = epoll_wait(d->epoll, events, EVENTS_MAX, chatd_do_chores(d));
                if (n < 0 && errno != EINTR) {
                        d->task = "wait for events";
                        return -errno;
                }
                if (chatd_handle_events(d, events, n)) {
                        int r = broker_serve(&d->chat);
                        if (r < 0) {
                                d->task = "read the queue of frames";
                                return r;
                        }
                }
                if (arrivals_due_ms(&d->chat) <= clock_ms())
                        arrivals_announce(&d->chat);
                broker_settle(&d->chat);
        }
        return 0;
}

/* Runs chatd from the recovery to the end. Returns 0 or a negative errno. */
static int chatd_serve(struct chatd *d)
{
        d->task = "read what the chatd before left";
        int members = recovery_run(&d->chat);
        if (members < 0)
                return members;
        broker_settle(&d->chat);
        eventlog_started(d->chat.log, d->chat.relay.epoch, (size_t)members);
        d->task = "start the watchdog";
        int r = getenv("NOTIFY_SOCKET") ? watchdog_start(&d->watchdog, "chatd", WATCHDOG_TICK_MS) : 0;
        if (r == 0) {
                d->status_members = SIZE_MAX; /* the first status is always sent */
                sd_notify(false, "READY=1");
                r = chatd_run(d);
                watchdog_stop(&d->watchdog);
        }
        sd_notify(false, "STOPPING=1");
        if (d->own_intake) { /* nobody else holds the queue */
                struct sockaddr_un address;
                path_broker(&address, d->chat.roster.dir);
                unlink(address.sun_path);
                path_control(&address, d->chat.roster.dir);
                unlink(address.sun_path);
        }
        broker_finish(&d->chat);
        eventlog_stopped(d->chat.log, roster_people(&d->chat.roster), d->chat.lines);
        return r;
}

/* Makes the chat, and runs it to the end. Returns 0 or a negative errno. */
static int chatd_serve_with(struct chatd *d, const struct options *o, const struct settings *settings,
                            struct journal *log)
{
        d->task = "make the chat";
        int r = broker_init(&d->chat, o->dir, d->intake, d->epoll, o->session_user, o->link_user, log);
        if (r < 0)
                return r;
        d->reload = o->reload;
        guests_init(&d->chat.guests, chatd_state_directory(o->dir));
        reload_apply(&d->chat, settings);
        chatd_open_control(d, o->dir);
        r = chatd_serve(d);
        broker_free(&d->chat);
        return r;
}

/* Starts the log, calls chatd_serve_with(), and stops the log. Returns 0 or a negative errno. */
static int chatd_serve_logged(struct chatd *d, const struct options *o, const struct settings *settings)
{
        d->task = "start the thread of its log";
        struct journal *log = journal_start("chatd");
        if (!log)
                return -ENOMEM;
        int r = chatd_serve_with(d, o, settings, log);
        journal_stop(log);
        return r;
}

/* Returns `status`, the exit status of a chatd that cannot run and has printed the reason. If systemd starts the next
 * chatd at once, pauses first. */
static int chatd_give_up(int status, int64_t pause_ms)
{
        struct timespec pause = clock_timespec(pause_ms);
        if (getenv("NOTIFY_SOCKET"))
                nanosleep(&pause, NULL);
        return status;
}

int main(int argc, char **argv)
{
        static struct chatd d = {.intake = -1, .control = -1}; /* static, because the buffers of a batch are large */
        struct options options = {
                .dir = RUN_DIR_DEFAULT,
                .session_user = geteuid(),
                .link_user = geteuid(),
        };
        struct settings settings;

        settings_init(&options.reload.options);
        int status = chatd_parse_options(&options, argc, argv);
        if (status >= 0)
                return status;
        if (reload_start(&options.reload, &settings) < 0)
                return options.check ? EXIT_SETTINGS : chatd_give_up(EXIT_SETTINGS, GIVE_UP_WAIT_MS);
        if (options.check) {
                reload_check_motd(&settings);
                return EXIT_SUCCESS;
        }
        signal(SIGPIPE, SIG_IGN); /* a closed standard error is no reason to die */
        const char *lacks = kernel_lacks();
        if (lacks) {
                fprintf(stderr, "chatd: cannot run, as this kernel lacks %s\n", lacks);
                return chatd_give_up(EXIT_KERNEL, GIVE_UP_WAIT_MS);
        }
        chatd_raise_fd_limit();
        int r = chatd_open_intake(&d, options.dir);
        if (r < 0)
                return chatd_give_up(EXIT_FAILURE, r == -EWOULDBLOCK ? FAILED_WAIT_MS : GIVE_UP_WAIT_MS);
        d.task = "make its event loop";
        /* blocks signals before the log's thread exists, because that thread could take them */
        r = chatd_open_loop(&d);
        if (r == 0)
                r = chatd_serve_logged(&d, &options, &settings);
        if (r < 0)
                fprintf(stderr, "chatd: cannot run: %s; it failed to %s, with the run directory %s\n", strerror(-r),
                        d.task, options.dir);
        return r < 0 ? chatd_give_up(EXIT_FAILURE, FAILED_WAIT_MS) : EXIT_SUCCESS;
}
