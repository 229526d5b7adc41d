#include "killing.h"

#include <dirent.h>
#include <limits.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>

#include "tracer.h"

enum {
        EVERY_MAX = 20,     /* a round has more than 40 calls, so a sample has two of them at least */
        RESTS_IN_A_ROW = 5, /* chatd does not make quite the same number of calls each time */
};

unsigned seed;
struct killed killed[KILLS_MAX];
unsigned killed_count;
bool (*is_at_rest)(void);
unsigned direct;
bool playing;

void start_broker(bool traced)
{
        chat->broker = process_fork();
        if (chat->broker > 0)
                return;
        if (traced)
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        chat_become_broker(chat);
}

int end_broker(int signal)
{
        int status;
        kill(chat->broker, signal);
        do
                assert_int_equal(waitpid(chat->broker, &status, 0), chat->broker);
        while (WIFSTOPPED(status));
        chat->broker = 0;
        return status;
}

bool is_queue_empty(void)
{
        int next;
        assert_int_equal(ioctl(chat->queue, SIOCINQ, &next), 0);
        return next == 0;
}

static bool is_wait(uint64_t call)
{
#ifdef SYS_epoll_wait
        if (call == SYS_epoll_wait)
                return true;
#endif
        return call == SYS_epoll_pwait;
}

/* Lets a stopped and traced chatd run until its next stop. Returns false if it came to rest instead, which means that
 * it waits and has no work. */
static bool run_to_next_stop(bool waits, int *status, int64_t deadline)
{
        link_hear();
        int signal = WIFSTOPPED(*status) && WSTOPSIG(*status) != (SIGTRAP | 0x80) && WSTOPSIG(*status) != SIGTRAP
                             ? WSTOPSIG(*status)
                             : 0;
        assert_int_equal(ptrace(PTRACE_SYSCALL, chat->broker, NULL, signal), 0);
        while (waitpid(chat->broker, status, WNOHANG) == 0) {
                if (waits && is_at_rest() && is_queue_empty())
                        return false;
                if (!wait_for_news(0, waits ? RESIDENTS : 0, deadline))
                        fail_msg("chatd neither stops nor comes to rest; Cat was shown:\n%s", persons[CAT].client->got);
        }
        if (!WIFSTOPPED(*status)) {
                chat->broker = 0;
                fail_msg("chatd ended by itself: %x", (unsigned)*status);
        }
        return true;
}

int whose_connection(const char *fd)
{
        char path[32 + NAME_MAX];
        struct stat st;
        int who = 0;
        snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)chat->broker, fd);
        if (stat(path, &st) < 0)
                return ROLES;
        while (who < ROLES && (!persons[who].client || persons[who].connection != st.st_ino))
                who++;
        return who;
}

/* Returns the role that a beginning system call writes to, or ROLES. */
static int written_to(const struct __ptrace_syscall_info *info)
{
        char fd[24];
        if (info->entry.nr != SYS_sendmsg)
                return ROLES;
        snprintf(fd, sizeof(fd), "%d", (int)info->entry.args[0]);
        return whose_connection(fd);
}

bool kill_at(unsigned at, int first, int status)
{
        struct killed *k = &killed[killed_count++];
        struct __ptrace_syscall_info info = {0};
        unsigned calls = 0;
        int whom = ROLES;
        bool waits = false;
        int64_t deadline = clock_ms() + DEADLINE_MS;

        *k = (struct killed){.at = at};
        direct = 0;
        while (run_to_next_stop(waits, &status, deadline)) {
                assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, chat->broker, sizeof(info), &info) > 0);
                waits = info.op == PTRACE_SYSCALL_INFO_ENTRY && is_wait(info.entry.nr);
                if (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
                    (calls == 0 && first >= 0 && info.entry.nr != (uint64_t)first))
                        continue;
                k->call = info.entry.nr;
                k->done = ++calls == at || (at == BEHIND_DAN && whom == DAN);
                if (k->done)
                        break;
                whom = written_to(&info);
                direct += whom != ROLES;
        }
        int end = end_broker(SIGKILL);
        assert_true(WIFSIGNALED(end));
        return k->done;
}

bool run_and_kill(unsigned at)
{
        int status = 0;
        start_broker(true);
        assert_int_equal(waitpid(chat->broker, &status, 0), chat->broker); /* after execve() */
        assert_true(WIFSTOPPED(status));
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, chat->broker, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
        return kill_at(at, SYS_flock, status);
}

int stop_broker(void)
{
        int status;
        assert_int_equal(ptrace(PTRACE_SEIZE, chat->broker, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
        assert_int_equal(ptrace(PTRACE_INTERRUPT, chat->broker, NULL, NULL), 0);
        assert_int_equal(waitpid(chat->broker, &status, 0), chat->broker);
        assert_true(WIFSTOPPED(status));
        return status;
}

void end_gathering(void)
{
        for (int who = 0; who < MEMBERS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
}

/* ---- points ---- */

void show_progress(const char *what, unsigned of)
{
        static int64_t shown;
        if ((!isatty(STDOUT_FILENO) && !getenv("PROGRESS")) || clock_ms() - shown < 1000)
                return;
        shown = clock_ms();
        printf("%s: round %u", what, round_number);
        printf(of > 0 ? " of %u\n" : "\n", of);
        fflush(stdout);
}

unsigned number_from(const char *name, unsigned otherwise)
{
        const char *text = getenv(name);
        return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* Returns EVERY= of the environment, or 1. Fails the test if it is no number from 1 to EVERY_MAX. */
static unsigned every(void)
{
        unsigned n = number_from("EVERY", 1);
        if (n < 1 || n > EVERY_MAX)
                fail_msg("EVERY=%s is not a number from 1 to %d: without it, chatd is killed at every system call, and "
                         "with EVERY=%d at one of %d. To save more time, set ROUNDS=, the number of random rounds, as "
                         "in ROUNDS=1.",
                         getenv("EVERY"), EVERY_MAX, EVERY_MAX, EVERY_MAX);
        return n;
}

bool next_point(struct points *p)
{
        p->at += p->at == 0 ? 1 + seed % every() : every();
        return p->at <= p->calls + RESTS_IN_A_ROW * every();
}

void show_points(unsigned calls, const char *when)
{
        printf("killed in front of ");
        printf(every() > 1 ? "every %uth" : "each", every());
        printf(" of %u system calls%s\n", calls, when);
}

/* ---- fixture ---- */

bool is_anybody_marked(const char *mark)
{
        char path[128];
        bool marked = false;
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, chat->dir);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir));)
                marked |= strstr(entry->d_name, mark) != NULL;
        closedir(dir);
        return marked;
}

bool is_nobody_held(void)
{
        return !is_anybody_marked(".held") && !is_anybody_marked(".named");
}

void start_with_residents(void)
{
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir);
        link_hello();
        for (int who = 0; who < RESIDENTS; who++)
                join_greeted((enum role)who);
}

int killing_set_up(void **state)
{
        (void)state;
        memset(persons, 0, sizeof(persons));
        for (int who = 0; who < ROLES; who++)
                snprintf(persons[who].room, sizeof(persons[who].room), "%s", FIRST_ROOM);
        memset(&played, 0, sizeof(played));
        round_number = 0;
        struct sockaddr_un address;
        const char *given = getenv("SEED");
        sigset_t child;
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
        child_signals = signalfd(-1, &child, SFD_CLOEXEC);
        seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_ms();
        chat = chat_prepare(); /* like chat.socket: accepted connections inherit it */
        chat_hold_queue(chat);
        assert_int_equal(path_broker(&address, chat->dir), 0);
        played.sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(played.sender, (const struct sockaddr *)&address, sizeof(address)), 0);
        played.inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(path_link(&address, chat->dir), 0);
        snprintf(persons[ZOE].name, sizeof(persons[ZOE].name), "zoe@b");
        return bind(played.inbox, (const struct sockaddr *)&address, sizeof(address));
}

static const char *call_name(uint64_t call)
{
#define NAME(n)                                                                                                        \
        {                                                                                                              \
                SYS_##n, #n                                                                                            \
        }
        static const struct {
                uint64_t call;
                const char *name;
        } names[] = {
                NAME(close),      NAME(connect),   NAME(epoll_ctl), NAME(epoll_pwait), NAME(flock),   NAME(futex),
                NAME(getrandom),  NAME(kill),      NAME(munmap),    NAME(getdents64),  NAME(openat),  NAME(recvfrom),
                NAME(pidfd_open), NAME(recvmmsg),  NAME(renameat),  NAME(sendmsg),     NAME(sendto),  NAME(setsockopt),
                NAME(socket),     NAME(symlinkat), NAME(unlinkat),  NAME(readlinkat),  NAME(pread64), NAME(pwrite64),
#ifdef SYS_mmap
                NAME(mmap),
#endif
#ifdef SYS_mmap2 /* where a register has 32 bits; ARM has no other */
                NAME(mmap2),
#endif
#ifdef SYS_epoll_wait
                NAME(epoll_wait),
#endif
#ifdef SYS_rename
                NAME(rename),
#endif
#ifdef SYS_symlink
                NAME(symlink),
#endif
#ifdef SYS_unlink
                NAME(unlink),
#endif
        };
#undef NAME
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (names[i].call == call)
                        return names[i].name;
        return "another";
}

/* Prints in which round the test failed. */
static void describe_round(void)
{
        fprintf(stderr, "In round %u (SEED=%u), where", round_number, seed);
        for (unsigned i = 0; i < killed_count; i++) {
                const struct killed *k = &killed[i];
                fprintf(stderr, "%s chatd %u was killed ", i > 0 ? "," : "", i + 1);
                if (k->done)
                        fprintf(stderr, "in front of its system call %u, %s (%u)", k->at, call_name(k->call),
                                (unsigned)k->call);
                else
                        fprintf(stderr, "when it had come to rest before its system call %u", k->at);
        }
        fprintf(stderr, "%s\n", killed_count == 0 ? " no chatd was killed yet" : "");
}

int killing_tear_down(void **state)
{
        (void)state;
        if (playing)
                describe_round();
        if (chat->broker > 0)
                end_broker(SIGKILL);
        chat_stop(chat);
        return 0;
}
