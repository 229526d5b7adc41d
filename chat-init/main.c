/* chat-init: the first process of a container without systemd. It holds the sockets and keeps chatd and a launcher of
 * sessions running. The launcher is systemd-socket-activate, which accepts connections and starts a chat-session for
 * each.
 *
 * chat-init reaps all orphans, restarts chatd and the launcher when they end, and passes SIGHUP on to chatd. On SIGTERM
 * or SIGINT it closes the chat in order: first it stops accepting clients, then the sessions say goodbye, then chatd
 * ends.
 *
 * As root it runs chatd and the sessions as two users, as the units do. Otherwise all run as its own user.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/lack.h>
#include <chat/options.h>
#include <chat/version.h>

#include "../chatd/kernel.h"

#include "child.h"

#define WHERE_DEFAULT "8888"
#define QUEUE_LENGTH_FILE "/proc/sys/net/unix/max_dgram_qlen"

enum {
        QUEUE_LENGTH = 512,     /* the smallest good value of QUEUE_LENGTH_FILE */
        SESSIONS_END_MS = 7000, /* `docker stop` waits for ten seconds in all */
        CHATD_END_MS = 2000,
        TURN_MS = 60 * 1000, /* the longest wait of the loop */
        OPTION_MAX_BYTES = sizeof("--run-dir=") + RUN_DIR_MAX_BYTES,
};

struct init {
        const char *dir, *where;
        struct listening sockets;
        struct owner chatd_user, session_user;
        struct child chatd, launcher;
        bool is_stopping;
        int status; /* the exit status; 0: nothing failed */
};

static void init_print_usage(void)
{
        fputs("Usage: chat-init [OPTION...]\n"
              "Run a chat as the first process of a container: chatd, and a session for each connection.\n"
              "\n"
              "  --listen=WHERE   PORT, ADDRESS:PORT or [ADDRESS]:PORT (default: " WHERE_DEFAULT ", of all addresses)\n"
              "  --run-dir=DIR    where the sockets are (default: " RUN_DIR_DEFAULT ")\n"
              "  --help           print this and exit\n"
              "  --version        print the version and exit\n"
              "\n"
              "SIGTERM and SIGINT close the chat, SIGHUP makes chatd read its settings again.\n"
              "Exit status: 0 after SIGTERM or SIGINT, 1 when the chat cannot run, 2 for a wrong option, 71 on a\n"
              "kernel that lacks what chatd needs.\n",
              stdout);
}

/* Returns true if the chat is to run. Otherwise sets `*status` to the exit status. */
static bool init_parse_options(struct init *i, int argc, char **argv, int *status)
{
        *status = EXIT_SUCCESS;
        static const struct option known[] = {
                {"listen", required_argument, NULL, 'l'},
                {"run-dir", required_argument, NULL, 'd'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {0},
        };
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                switch (c) {
                case 'l':
                        i->where = optarg;
                        break;
                case 'd':
                        i->dir = optarg;
                        break;
                case 'h':
                        init_print_usage();
                        return false;
                case 'v':
                        puts("chat-init " VERSION);
                        return false;
                default: /* getopt_long() has printed the error */
                        *status = EXIT_USAGE;
                        return false;
                }
        }
        if (options_are_right(argc, argv, optind, i->dir))
                return true;
        *status = EXIT_USAGE;
        return false;
}

/* ---- before anything runs ---- */

/* Looks the user up. Returns 0, or prints an error and returns -ENOENT. */
static int init_find_user(const char *name, const struct group *group, struct owner *user)
{
        const struct passwd *pw = getpwnam(name);
        if (!pw || !group) {
                fprintf(stderr,
                        "chat-init: the user %s or the group chat is missing: make both, as in chat.sysusers, or run "
                        "chat-init as a user other than root\n",
                        name);
                return -ENOENT;
        }
        *user = (struct owner){pw->pw_uid, group->gr_gid};
        return 0;
}

static int init_find_users(struct init *i)
{
        if (geteuid() != 0) {
                i->chatd_user = (struct owner){geteuid(), getegid()};
                return 0;
        }
        int r = init_find_user("chatd", getgrnam("chat"), &i->chatd_user);
        if (r == 0)
                r = init_find_user("chat-session", getgrnam("chat"), &i->session_user);
        i->chatd.user = &i->chatd_user;
        i->launcher.user = &i->session_user;
        return r;
}

/* Warns of a short queue. The kernel sets the length of a queue when the socket is made. A short queue is full sooner,
 * and sessions that wait for room read nothing from their clients. */
static void init_check_queue_length(void)
{
        int length = QUEUE_LENGTH;
        FILE *file = fopen(QUEUE_LENGTH_FILE, "re");
        if (file && fscanf(file, "%d", &length) == 1 && length < QUEUE_LENGTH)
                fprintf(stderr,
                        "chat-init: net.unix.max_dgram_qlen is %d here, so busy chats are slower; start the container "
                        "with --sysctl net.unix.max_dgram_qlen=%d\n",
                        length, QUEUE_LENGTH);
        if (file)
                fclose(file);
}

/* Opens all sockets. Returns an exit status, after a message on standard error unless it is EXIT_SUCCESS. */
static int init_open_sockets(struct init *i, int *clients)
{
        *clients = listen_tcp(i->where);
        if (*clients == -EINVAL) {
                fprintf(stderr,
                        "chat-init: --listen takes PORT, ADDRESS:PORT or [ADDRESS]:PORT, as in 127.0.0.1:8888\n");
                return EXIT_USAGE;
        }
        if (*clients < 0) {
                fprintf(stderr, "chat-init: cannot listen on %s: %s\n", i->where, strerror(-*clients));
                return EXIT_FAILURE;
        }
        int r = listen_in_dir(&i->sockets, i->dir, &i->chatd_user);
        if (r == -EWOULDBLOCK)
                fprintf(stderr, "chat-init: a chatd serves %s already\n", i->dir);
        else if (r < 0)
                fprintf(stderr, "chat-init: cannot use the run directory %s: %s; %s\n", i->dir, strerror(-r),
                        lack_run_dir(i->dir));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the loop ---- */

/* Starts each child that is due. Returns when the next one is due. */
static int64_t init_start_due(struct init *i, int64_t now)
{
        struct child *const all[] = {&i->chatd, &i->launcher};
        int64_t due = INT64_MAX;
        for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
                struct child *c = all[n];
                int r = c->pid == 0 && now >= c->start_ms ? child_start(c, now) : 0;
                if (r < 0)
                        fprintf(stderr, "chat-init: cannot start %s: %s\n", c->argv[0], strerror(-r));
                if (c->pid == 0)
                        due = clock_earlier(due, c->start_ms);
        }
        return due;
}

static void init_take_end(struct init *i, const struct child *c, int status)
{
        if (i->is_stopping || i->status != 0)
                return;
        if (WIFSIGNALED(status))
                fprintf(stderr, "chat-init: %s was killed by signal %d; starting it again\n", c->argv[0],
                        WTERMSIG(status));
        else if (WEXITSTATUS(status) == CHILD_MISSING)
                i->status = EXIT_FAILURE;
        else
                fprintf(stderr, "chat-init: %s ended with exit status %d; starting it again\n", c->argv[0],
                        WEXITSTATUS(status));
}

/* Reaps all processes that ended. If the launcher dies, its sessions become our children, and so do all other orphans
 * of the container. */
static void init_reap(struct init *i)
{
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
                int64_t now = clock_ms();
                if (child_ended(&i->chatd, pid, now))
                        init_take_end(i, &i->chatd, status);
                else if (child_ended(&i->launcher, pid, now))
                        init_take_end(i, &i->launcher, status);
        }
}

/* Waits for a signal, until `due` at the latest, and handles it. */
static void init_take_signal(struct init *i, const sigset_t *taken, int64_t due)
{
        int64_t now = clock_ms(), wait = due > now ? clock_earlier(due - now, TURN_MS) : 0;
        const struct timespec most = clock_timespec(wait);
        int signal = sigtimedwait(taken, NULL, &most);
        if (signal == SIGTERM || signal == SIGINT)
                i->is_stopping = true;
        if (signal == SIGHUP && i->chatd.pid > 0)
                kill(i->chatd.pid, SIGHUP);
        init_reap(i);
}

/* Ends a child and all processes that it started. Kills those that remain after `most_ms`. */
static void init_end(struct init *i, struct child *c, const sigset_t *taken, int64_t most_ms)
{
        int64_t until = clock_ms() + most_ms;
        if (c->group == 0 || kill(-c->group, SIGTERM) < 0)
                return;
        while (kill(-c->group, 0) == 0 && clock_ms() < until)
                init_take_signal(i, taken, until);
        if (kill(-c->group, SIGKILL) == 0)
                fprintf(stderr, "chat-init: not all of %s ended in time\n", c->argv[0]);
}

/* Blocks the signals that init_take_signal() takes. A signal that is not blocked is lost if this is the first process
 * of its namespace: the kernel does nothing by default there, pid_namespaces(7). */
static void init_block_signals(sigset_t *taken)
{
        sigemptyset(taken);
        sigaddset(taken, SIGCHLD);
        sigaddset(taken, SIGTERM);
        sigaddset(taken, SIGINT);
        sigaddset(taken, SIGHUP);
        sigprocmask(SIG_BLOCK, taken, NULL);
}

static int init_run(struct init *i, const sigset_t *taken)
{
        while (!i->is_stopping && i->status == 0) {
                int64_t due = init_start_due(i, clock_ms());
                init_take_signal(i, taken, due);
        }
        init_end(i, &i->launcher, taken, SESSIONS_END_MS);
        init_end(i, &i->chatd, taken, CHATD_END_MS);
        return i->status;
}

int main(int argc, char **argv)
{
        struct init i = {.dir = RUN_DIR_DEFAULT, .where = WHERE_DEFAULT};
        char run_dir[OPTION_MAX_BYTES];
        sigset_t taken;
        int clients;
        int status;
        if (!init_parse_options(&i, argc, argv, &status))
                return status;
        init_block_signals(&taken);
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) { /* needed if the container has another first process */
                fprintf(stderr, "chat-init: cannot adopt sessions whose launcher ends: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        const char *lacks = kernel_lacks();
        if (lacks) {
                fprintf(stderr, "chat-init: chatd cannot run, as this kernel lacks %s\n", lacks);
                return EXIT_KERNEL;
        }
        if (init_find_users(&i) < 0)
                return EXIT_FAILURE;
        status = init_open_sockets(&i, &clients);
        if (status != EXIT_SUCCESS)
                return status;
        init_check_queue_length();
        snprintf(run_dir, sizeof(run_dir), "--run-dir=%s", i.dir);
        char *const chatd[] = {"chatd", run_dir, i.chatd.user ? "--session-user=chat-session" : NULL, NULL};
        char *const launcher[] = {"systemd-socket-activate", "--accept", "chat-session", run_dir, NULL};
        const int chatd_fds[] = {i.sockets.queue, i.sockets.control};
        i.chatd.argv = chatd;
        i.chatd.fds = chatd_fds;
        i.chatd.count = 2;
        i.launcher.argv = launcher;
        i.launcher.fds = &clients;
        i.launcher.count = 1;
        if (setenv("SYSTEMD_LOG_LEVEL", "warning", 1) <
            0) { /* without this, the launcher prints two lines for each connection */
                fprintf(stderr, "chat-init: cannot set the launcher's log level: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        printf("chat-init: the chat is open on %s\n", i.where);
        fflush(stdout);
        return init_run(&i, &taken);
}
