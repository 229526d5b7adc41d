/* chatd is killed between any two of its system calls, and no member notices.
 *
 * The test plays systemd: it holds the queue and passes it to one chatd after the other. A round fills the queue while
 * there is no chatd: lines, a member that leaves, a newcomer that leaves again, and two whose processes are killed, one
 * before it was a member and one after. The link to other hosts, which the test plays as well, sends HELLO again in the
 * middle of that, and lines of other hosts. Then chatd is started, traced (ptrace(2)), and killed in front of its Nth
 * system call; so may be the next ones. The last one runs freely, and then all clients must have been shown every line,
 * join and leave once and in order, and nothing of those that left may remain in the run directory. The link must have
 * been sent the same, and is told a number behind which nothing was relayed.
 *
 * The same for a chatd that writes to the clients by itself (chat/outlet.h): it runs, and all have lent it their
 * connections, when it is stopped, the queue is filled, and it is killed from there on. One client, Dan, does not read,
 * and one line is longer than all that his connection takes: what chatd writes to him ends in the middle of it. He
 * reads when that chatd is dead, or after the next one, and must get everything once as well.
 *
 * The same for many newcomers at once: they are in the queue, or wait to be announced already, when chatd is started,
 * and all must be told once that each of them joined, by name or in a notice.
 *
 * The same for requests to chatd: names, among them one that another member has just given up, and private messages;
 * and for orders of an administrator: a notice, and a member that is muted and unmuted.
 *
 * First N goes from 1 (the lock of the run directory; before that is the dynamic linker) to the end of chatd's work.
 * Then several chatds are killed in a row, at random points.
 *
 * The environment may have: EVERY=8, which tries only every eighth N, from one that SEED= decides; ROUNDS=, the number
 * of random rounds; SEED=, which repeats a run; PROGRESS=1, which prints the progress.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
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
#include <chat/names.h>
#include <chat/paths.h>
#include <chat/record.h>
#include <chat/seen.h>

#include "harness.h"
#include "told.h"
#include "tracer.h"

enum {
        RANDOM_ROUNDS = 300,
        LENT_RANDOM_ROUNDS = 100,
        KILLS_MAX = 4,      /* in one round */
        EVERY_MAX = 20,     /* of the calls of a round, which are more than twice that */
        RESTS_IN_A_ROW = 5, /* chatd does not make quite the same number of calls each time */
        EVENTS_MAX = 24,
        TEXT_BYTES = TEXT_MAX_BYTES,
        HEARD_MAX_BYTES = 16 * 1024,
        LEAVERS_WAIT_MS = 1500, /* a session that left waits two seconds for what was said before */
        DATAGRAM_ROOM = 16 * 1024,
        CROWD = 4,              /* newcomers at once */
        DANS_ROOM_BYTES = 2048, /* of his connection's buffers, as small as possible: they take 3 KiB of lines */
        LONG_LINE_BYTES = 4000, /* more than Dan's connection takes */
        SHORT_LINE_BYTES = 280,
        VARIED_BYTES = 331,     /* how much more in each round, modulo VARIED_MAX_BYTES */
        VARIED_MAX_BYTES = 400, /* less than any connection with room takes */
        RECOVERY_CALLS = 200,   /* roughly the number of calls of a chatd that finds a queue */
        BROKEN_ROUNDS = 40,     /* rounds in which chatd dies after it wrote to Dan */
        LEND_WAIT_MS =
                500, /* sessions decline while other tests of this user have many descriptors on their way, unix(7) */
        BEHIND_DAN = 0, /* in place of a system call's number: the call after the write to Dan */
};

/* All people, by what happens to them in a round. At most as many frames are queued as fit if net.unix.max_dgram_qlen
 * is 10. */
enum role {
        ANN,
        BOB,
        CAT, /* the three that stay */
        RESIDENTS,
        DAN = RESIDENTS, /* is a member, and is killed, or does not read */
        EVE,             /* is a member, and leaves */
        MEMBERS,
        FAY = MEMBERS, /* joins and leaves */
        GUS,           /* joins and is killed */
        HAL,           /* joins after a chatd was killed, and is Dan in the next round */
        ZOE,           /* is on another host */
        ROLES,
};

static const char *const role_names[ROLES] = {"Ann", "Bob", "Cat", "Dan", "Eve", "Fay", "Gus", "Hal", "Zoe"};

struct person {
        struct client *client;
        pid_t session;
        char name[64];
        char room[32];
        char inbox[20];   /* the name of its file */
        ino_t connection; /* the session's end; only if it is lent to chatd */
};

enum what {
        JOINS,
        SAYS,
        LEAVES,
        ACTS,
        WHISPERS,
        BECOMES,   /* takes the name `text` */
        GOES,      /* goes to the room `text` */
        ANNOUNCED, /* `text`, to everybody */
        TOLD,      /* `text`, to `who` alone */
};

struct event {
        enum role who, to; /* WHISPERS: the receiver */
        enum what what;
        char name[64]; /* the name of `who` at that time */
        char room[32]; /* the room of `who` at that time */
        char text[TEXT_BYTES];
        char with[64]; /* GOES: the members there; WHISPERS: the name of `to` */
};

struct killed {
        unsigned at;
        uint64_t call; /* its number; only if `done` */
        bool done;     /* otherwise it had come to rest before and was killed while it waited */
};

/* The link, which the test plays. Its inbox is read before it can fill up. */
struct played_link {
        int inbox, sender;
        struct seen seen;
        char got[HEARD_MAX_BYTES]; /* as a session would show it */
        size_t len;
        uint64_t number; /* of the last record it injected */
        uint8_t injected[FRAME_MAX_BYTES];
        size_t injected_size;
        bool welcome;
        struct frame welcome_frame;
};

static struct chat *chat;
static struct played_link played;
static int child_signals;
static struct person persons[ROLES];
static struct event events[EVENTS_MAX]; /* what all must be shown, in this order */
static size_t events_count;
static unsigned round_number;
static unsigned seed;
static struct killed killed[KILLS_MAX]; /* of this round */
static unsigned killed_count;
static bool (*is_at_rest)(void); /* returns true if all were shown what chatd has to send */
static struct person crowd[CROWD];
static int dans_end = -1;  /* the end of his connection, if it is his session's */
static size_t junk;        /* bytes on it that are not lines, which he has not read */
static int64_t dans_bytes; /* that his connection had taken when chatd was stopped */
static int64_t lend_until; /* how long the test waits for Fay */
static unsigned direct;    /* how often the traced chatd wrote to a client */
static bool playing;       /* a round is under way, or was when the test failed */

/* ---- what must be shown ---- */

static struct event *add_event(enum role who, enum what what)
{
        assert_true(events_count < EVENTS_MAX);
        struct event *e = &events[events_count++];
        *e = (struct event){.who = who, .what = what};
        memcpy(e->name, persons[who].name, sizeof(e->name));
        memcpy(e->room, persons[who].room, sizeof(e->room));
        return e;
}

/* Returns the room of `who` before the events. */
static const char *room_at_first(enum role who)
{
        for (size_t i = 0; i < events_count; i++)
                if (events[i].who == who)
                        return events[i].room;
        return persons[who].room;
}

/* Writes what `who` must be shown: the events of the others, from its own join to its own leave. */
static void expected_of(enum role who, char text[static HEARD_MAX_BYTES])
{
        size_t first = 0, len = 0;
        const char *room = room_at_first(who);
        text[0] = '\0';
        for (size_t i = 0; i < events_count; i++)
                if (events[i].who == who && events[i].what == JOINS)
                        first = i + 1;
        for (const struct event *e = events + first; e < events + events_count; e++) {
                const char *name = e->name;
                char *at = text + len;
                size_t left = HEARD_MAX_BYTES - len;
                bool here = who == ZOE || strcmp(e->room, room) == 0; /* the link gets the lines of all rooms */
                if (e->who == who && e->what == LEAVES)
                        return;
                if (e->what == ANNOUNCED ? who != ZOE : e->who == who && e->what == TOLD) {
                        len += (size_t)snprintf(at, left, "*** %s\r\n", e->text);
                } else if (e->what == ANNOUNCED || e->what == TOLD) {
                        continue; /* the link gets it, and does not pass it on */
                } else if (e->who == who && e->what == GOES) {
                        room = e->text;
                        len += (size_t)snprintf(at, left, "*** You are now in %s, with %s\r\n", room, e->with);
                } else if (e->who != who && e->what == GOES && (who == ZOE || strcmp(e->text, room) == 0)) {
                        len += (size_t)snprintf(at, left, "*** %s came from %s\r\n", name, e->room);
                } else if (e->who != who && e->what == GOES && here) {
                        len += (size_t)snprintf(at, left, "*** %s went to %s\r\n", name, e->text);
                } else if (e->what == GOES) {
                        continue;
                } else if (e->who == who && e->what == BECOMES)
                        len += (size_t)snprintf(at, left, "*** You are now called %s\r\n", e->text);
                else if (e->who == who && e->what == WHISPERS)
                        len += (size_t)snprintf(at, left, "-> %s: %s\r\n", e->with, e->text);
                else if (e->who == who || (e->what == WHISPERS ? e->to != who : !here))
                        continue;
                else if (e->what == SAYS)
                        len += (size_t)snprintf(at, left, "%s: %s\r\n", name, e->text);
                else if (e->what == ACTS)
                        len += (size_t)snprintf(at, left, "* %s %s\r\n", name, e->text);
                else if (e->what == WHISPERS)
                        len += (size_t)snprintf(at, left, "%s (to you): %s\r\n", name, e->text);
                else if (e->what == BECOMES)
                        len += (size_t)snprintf(at, left, "*** %s is now called %s\r\n", name, e->text);
                else
                        len += (size_t)snprintf(at, left, "*** %s is %s\r\n", name,
                                                e->what == JOINS ? "connected" : "disconnected");
                assert_true(len < HEARD_MAX_BYTES);
        }
}

static bool heard_as_expected(enum role who)
{
        char text[HEARD_MAX_BYTES];
        expected_of(who, text);
        return strcmp(persons[who].client->got, text) == 0;
}

static void assert_heard(enum role who)
{
        char text[HEARD_MAX_BYTES];
        expected_of(who, text);
        if (strcmp(persons[who].client->got, text) != 0)
                fail_msg("%s (%s) was to be shown:\n%sand was shown:\n%s", role_names[who], persons[who].name, text,
                         persons[who].client->got);
}

static void link_show(const struct record *r)
{
        char *at = played.got + played.len;
        size_t room = sizeof(played.got) - played.len;
        if (r->kind == RECORD_NOTICE)
                return;
        int name = (int)r->name.len, text = (int)r->text.len;
        if (r->kind == RECORD_LINE)
                played.len += (size_t)snprintf(at, room, "%.*s: %.*s\r\n", name, r->name.at, text, r->text.at);
        else if (r->kind == RECORD_ACTION)
                played.len += (size_t)snprintf(at, room, "* %.*s %.*s\r\n", name, r->name.at, text, r->text.at);
        else if (r->kind == RECORD_CAME)
                played.len +=
                        (size_t)snprintf(at, room, "*** %.*s came from %.*s\r\n", name, r->name.at, text, r->text.at);
        else if (r->kind == RECORD_RENAME)
                played.len += (size_t)snprintf(at, room, "*** %.*s is now called %.*s\r\n", name, r->name.at, text,
                                               r->text.at);
        else
                played.len += (size_t)snprintf(at, room, "*** %.*s is %s\r\n", name, r->name.at,
                                               r->kind == RECORD_JOIN ? "connected" : "disconnected");
        assert_true(played.len < sizeof(played.got));
}

/* Takes what has come for the link. */
static void link_hear(void)
{
        static uint8_t datagram[DATAGRAM_MAX_BYTES];
        struct frame f;
        struct record r;
        ssize_t n;
        while ((n = recv(played.inbox, datagram, sizeof(datagram), MSG_DONTWAIT)) > 0) {
                assert_int_equal(frame_decode(&f, datagram, (size_t)n), 0);
                seen_epoch(&played.seen, f.id);
                if (f.type == FRAME_WELCOME) {
                        played.welcome = true;
                        played.welcome_frame = f;
                        continue;
                }
                assert_true(f.type == FRAME_BATCH || f.type == FRAME_ROLLCALL);
                while (f.type == FRAME_BATCH && record_next(&f.records, &r) > 0)
                        if (!seen_before(&played.seen, r.id, r.number))
                                link_show(&r);
        }
}

/* Asserts what the link was sent. It may be sent something later than the others. */
static void assert_link_heard(void)
{
        char text[HEARD_MAX_BYTES];
        int64_t deadline = clock_ms() + DEADLINE_MS;
        expected_of(ZOE, text);
        for (link_hear(); played.len < strlen(text) && clock_ms() < deadline; link_hear())
                usleep(50);
        if (strcmp(played.got, text) != 0)
                fail_msg("the link was to be sent:\n%sand was sent:\n%s", text, played.got);
}

static void forget_events(void)
{
        link_hear();
        played.got[played.len = 0] = '\0';
        events_count = 0;
        for (int who = 0; who < ROLES; who++) {
                struct client *c = persons[who].client;
                if (c)
                        c->got[c->len = 0] = '\0';
        }
}

#define GREETING_BEGIN "*** Welcome, "

/* Drops the greeting, which is not caused by others. */
static void drop_greeting(struct client *c)
{
        static const char end[] = "exit leaves.\r\n";
        const char *found = strncmp(c->got, GREETING_BEGIN, strlen(GREETING_BEGIN)) == 0 ? strstr(c->got, end) : NULL;
        if (!found)
                return;
        size_t size = (size_t)(found - c->got) + sizeof(end) - 1;
        c->len -= size;
        memmove(c->got, c->got + size, c->len + 1);
}

/* Takes what has come for the roles from `first` to before `end`. Returns true if that is all that they must be
 * shown. */
static bool have_heard(int first, int end)
{
        bool all = true;
        link_hear();
        for (int who = first; who < end; who++) {
                struct client *c = persons[who].client;
                char text[HEARD_MAX_BYTES];
                ssize_t got = recv(c->fd, c->got + c->len, c->room - 1 - c->len, MSG_DONTWAIT);
                if (got == 0 || (got < 0 && errno != EAGAIN))
                        fail_msg("%s (%s) was disconnected", role_names[who], c->name);
                c->len += got > 0 ? (size_t)got : 0;
                c->got[c->len] = '\0';
                drop_greeting(c);
                expected_of((enum role)who, text);
                all &= c->len >= strlen(text) && strncmp(c->got, GREETING_BEGIN, strlen(GREETING_BEGIN)) != 0;
        }
        return all;
}

static bool have_residents_heard(void)
{
        return have_heard(0, RESIDENTS);
}

/* Waits until one of these roles is shown something, the link is sent something, or a child stops or ends. Returns
 * false when the deadline has passed. */
static bool wait_for_news(int first, int end, int64_t deadline)
{
        struct pollfd fds[2 + ROLES] = {{.fd = child_signals, .events = POLLIN},
                                        {.fd = played.inbox, .events = POLLIN}};
        struct signalfd_siginfo info;
        nfds_t n = 2;
        int64_t left = deadline - clock_ms();
        for (int who = first; who < end; who++)
                fds[n++] = (struct pollfd){.fd = persons[who].client->fd, .events = POLLIN};
        if (left <= 0 || poll(fds, n, (int)left) == 0)
                return false;
        if (fds[0].revents)
                assert_int_equal(read(child_signals, &info, sizeof(info)), sizeof(info));
        return true;
}

/* Waits until these roles were shown everything, or the deadline has passed; assert_heard() shows what is missing
 * then. */
static void wait_until_heard(int first, int end)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (!have_heard(first, end) && wait_for_news(first, end, deadline))
                ;
}

static void wait_until_true(bool (*condition)(void), const char *what)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        for (; !condition(); usleep(50))
                if (clock_ms() > deadline)
                        fail_msg("waited for: %s", what);
}

/* ---- chatd ---- */

static void start_broker(bool traced)
{
        chat->broker = process_fork();
        if (chat->broker > 0)
                return;
        if (traced)
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        chat_become_broker(chat);
}

/* Ends chatd. Returns its status as of waitpid(2). */
static int end_broker(int signal)
{
        int status;
        kill(chat->broker, signal);
        do
                assert_int_equal(waitpid(chat->broker, &status, 0), chat->broker);
        while (WIFSTOPPED(status));
        chat->broker = 0;
        return status;
}

static bool is_queue_empty(void)
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

/* Lets a traced chatd that has stopped run until its next stop. Returns false if it came to rest instead: it waits, and
 * has nothing left to do. */
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

/* Returns the role whose connection this descriptor of chatd's is, or ROLES. */
static int whose_connection(const char *fd)
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

/* Lets the traced chatd, which has stopped, run to its system call number `at`, counted from `first` on (-1: any), and
 * kills it in front of that. Returns false if it came to rest before that; then it is killed while it waits. */
static bool kill_at(unsigned at, int first, int status)
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

/* Starts chatd and kills it in front of its system call number `at`. Returns the same as kill_at(). */
static bool run_and_kill(unsigned at)
{
        int status = 0;
        start_broker(true);
        assert_int_equal(waitpid(chat->broker, &status, 0), chat->broker); /* after execve() */
        assert_true(WIFSTOPPED(status));
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, chat->broker, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
        return kill_at(at, SYS_flock, status);
}

/* Stops a running chatd, and traces it. Returns its status as of waitpid(2). */
static int stop_broker(void)
{
        int status;
        assert_int_equal(ptrace(PTRACE_SEIZE, chat->broker, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
        assert_int_equal(ptrace(PTRACE_INTERRUPT, chat->broker, NULL, NULL), 0);
        assert_int_equal(waitpid(chat->broker, &status, 0), chat->broker);
        assert_true(WIFSTOPPED(status));
        return status;
}

/* ---- actions ---- */

/* Returns how many datagrams are queued. Only while no chatd runs: it is the same socket, with the same offset. */
static unsigned queue_length(void)
{
        static char datagram[DATAGRAM_ROOM];
        int before, head = 0;
        unsigned n = 0;
        socklen_t size = sizeof(before);
        assert_int_equal(getsockopt(chat->queue, SOL_SOCKET, SO_PEEK_OFF, &before, &size), 0);
        setsockopt(chat->queue, SOL_SOCKET, SO_PEEK_OFF, &head, sizeof(head));
        while (recv(chat->queue, datagram, sizeof(datagram), MSG_PEEK | MSG_DONTWAIT) > 0)
                n++;
        setsockopt(chat->queue, SOL_SOCKET, SO_PEEK_OFF, &before, sizeof(before));
        return n;
}

/* Waits until the next frame is in the queue, so that later frames are behind it. */
static void queue_grows(unsigned *length)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        ++*length;
        for (unsigned n; (n = queue_length()) != *length; usleep(50)) {
                if (n > *length || clock_ms() > deadline)
                        fail_msg("%u frames are queued, not %u", n, *length);
        }
}

/* Lets a role join. There may be no chatd, for which the greeting would wait, so have_heard() takes it. The empty line
 * is a sign of life. */
static void join(enum role who)
{
        struct person *p = &persons[who];
        p->client = chat_join_with(chat, "127.0.0.1", &p->session, chat->option, "--pace=off", NULL);
        client_send(p->client, "\n");
        snprintf(p->name, sizeof(p->name), "%s", p->client->name);
        add_event(who, JOINS);
}

/* Lets a role join and waits for the greeting. chatd must run. */
static void join_greeted(enum role who)
{
        join(who);
        client_greeted(persons[who].client);
}

static void say(enum role who, const char *text)
{
        struct event *e = add_event(who, SAYS);
        snprintf(e->text, sizeof(e->text), "%s, round %u", text, round_number);
        client_send(persons[who].client, "%s\n", e->text);
}

static void leave(enum role who)
{
        add_event(who, LEAVES);
        client_send(persons[who].client, "exit\n");
}

/* Kills a session. Its leave is no event yet: chatd announces it after all that is queued. */
static void die(enum role who)
{
        int status;
        kill(persons[who].session, SIGKILL);
        waitpid(persons[who].session, &status, 0);
        client_free(persons[who].client);
        persons[who].client = NULL;
}

static void link_send(const void *data, size_t size)
{
        assert_int_equal(send(played.sender, data, size, 0), size);
}

static void link_hello(void)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame hello = {.type = FRAME_HELLO, .id = LINK_ID, .name = slice_of(""), .address = slice_of("")};
        link_send(buffer, frame_encode(buffer, sizeof(buffer), &hello));
}

/* Injects two lines of Zoe's in one frame. */
static void link_inject(void)
{
        static const char *const texts[] = {"from afar", "and once more"};
        struct frame f = {.type = FRAME_INJECT, .id = LINK_ID};
        size_t n = frame_encode(played.injected, sizeof(played.injected), &f);
        for (int i = 0; i < 2; i++) {
                struct event *e = add_event(ZOE, SAYS);
                snprintf(e->text, sizeof(e->text), "%s, round %u", texts[i], round_number);
                struct record r = {.kind = RECORD_LINE,
                                   .number = ++played.number,
                                   .name = slice_of(persons[ZOE].name),
                                   .text = slice_of(e->text)};
                n += record_encode(played.injected + n, sizeof(played.injected) - n, &r);
        }
        played.injected_size = n;
        link_send(played.injected, n);
}

/* Injects the same lines again, which must not be shown to anybody, and asks chatd by HELLO how far it is. */
static void link_ask(unsigned members)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        link_send(played.injected, played.injected_size);
        link_hear();
        played.welcome = false;
        link_hello();
        while (!played.welcome) {
                assert_true(wait_for_news(0, 0, deadline));
                link_hear();
        }
        assert_int_equal(played.welcome_frame.number, played.number);
        assert_int_equal(played.welcome_frame.members, members);
}

/* The first part of a round, without chatd. */
static void fill_queue(void)
{
        unsigned length = 0;
        say(ANN, "first");
        queue_grows(&length);
        join(FAY);
        queue_grows(&length);
        say(FAY, "here I am");
        queue_grows(&length);
        link_inject();
        queue_grows(&length);
        link_hello();
        queue_grows(&length);
        leave(FAY);
        queue_grows(&length);
        join(GUS);
        queue_grows(&length);
        say(GUS, "and I");
        queue_grows(&length);
        die(GUS);
        leave(EVE);
        queue_grows(&length);
        say(DAN, "I am still here");
        queue_grows(&length);
        die(DAN);
        say(ANN, "last");
        queue_grows(&length);
        add_event(DAN, LEAVES);
        add_event(GUS, LEAVES);
}

static int count_content(void)
{
        int content = 0;
        for (int who = 0; who < RESIDENTS; who++)
                content += heard_as_expected((enum role)who);
        return content;
}

/* Members whose processes were killed leave in the order in which chatd finds them, and Hal may join before or after
 * that. It must be the same order for all: takes the one that most residents were shown. These are the last events. */
static void accept_order(void)
{
        static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        struct event *last = &events[events_count - 3], given[3];
        int best = 0, best_content = -1;
        memcpy(given, last, sizeof(given));
        for (int order = 0; order < 7; order++) { /* the seventh is the best once more */
                const uint8_t *by = orders[order < 6 ? order : best];
                for (int i = 0; i < 3; i++)
                        last[i] = given[by[i]];
                if (order < 6 && count_content() > best_content) {
                        best = order;
                        best_content = count_content();
                }
        }
}

/* Asserts what Hal was shown. Hal is a member before it is announced, so it may be shown some of the last events that
 * others were shown before its join. chatd's answer comes after them. */
static void assert_hal_heard(void)
{
        struct event *last = &events[events_count - 3], given[3];
        struct client *c = persons[HAL].client;
        client_send(c, "/msg nobody psst\n");
        char *heard = strdup(client_expect(c, "*** There is nobody called nobody here"));
        client_expect(c, "\r\n");
        assert_true(strlen(heard) < c->room);
        c->len = strlen(strcpy(c->got, heard));
        free(heard);
        drop_greeting(c);
        memcpy(given, last, sizeof(given));
        for (int i = 2; i > 0 && !heard_as_expected(HAL); i--) {
                if (last[i].who != HAL) /* only an event in front of it changes places */
                        continue;
                struct event before = last[i - 1];
                last[i - 1] = last[i];
                last[i] = before;
        }
        assert_heard(HAL);
        memcpy(last, given, sizeof(given));
}

/* Asserts that a role that left was shown what was said before, and then nothing. */
static void assert_farewell(enum role who, bool in_time)
{
        struct person *p = &persons[who];
        int status;
        char text[HEARD_MAX_BYTES];
        client_expect_end(p->client);
        drop_greeting(p->client);
        expected_of(who, text);
        if (in_time || strncmp(text, p->client->got, p->client->len) != 0)
                assert_heard(who);
        assert_int_equal(waitpid(p->session, &status, 0), p->session);
        if (status != 0)
                fail_msg("the session of %s (%s) ended with %x", role_names[who], p->name, (unsigned)status);
        client_free(p->client);
        p->client = NULL;
}

/* Lets the link ask, and each role up to `last` say a line, after which there is nothing left of the round. One after
 * the other, because they may overtake each other while the queue is full. */
static void all_speak(enum role last)
{
        forget_events();
        link_ask(last + 1);
        for (enum role who = ANN; who <= last; who++) {
                say(who, "all is well");
                wait_until_heard(0, (int)last + 1);
        }
}

/* Ends a gathering: all members are there, and have spoken. */
static void end_gathering(void)
{
        for (int who = 0; who < MEMBERS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
}

/* The last part of a round, with a new Eve. */
static void gather(void)
{
        all_speak(DAN);
        join(EVE);
        wait_until_heard(0, DAN + 1);
        end_gathering();
}

/* Returns the owner of a note: its name is the id, which begins with the pid. Keeps the name of the inbox that the note
 * has. Returns MEMBERS if it belongs to no member. */
static int owner_of_note(int dir, const char *file)
{
        char note[512] = "";
        uint64_t id;
        int who = 0;
        if (path_parse_id(file, &id) < 0)
                return MEMBERS;
        while (who < MEMBERS && persons[who].session != (pid_t)(id >> 32))
                who++;
        if (who == MEMBERS || readlinkat(dir, file, note, sizeof(note) - 1) < 0 ||
            sscanf(note, "%*u %19s", persons[who].inbox) != 1)
                return MEMBERS;
        return who;
}

static int owner_of_inbox(const char *file)
{
        int who = 0;
        while (who < MEMBERS && strcmp(persons[who].inbox, file) != 0)
                who++;
        return who;
}

/* Returns true for the link's note, the file of its number, and the requests of administrators. */
static bool is_of_nobody(const char *file)
{
        static const char *const files[] = {"0000000000000001", "0000000000000001.relayed", "requests"};
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
                if (strcmp(file, files[i]) == 0)
                        return true;
        return false;
}

/* Asserts that there is one file for each member, and nothing else. */
static void assert_files(const char *folder)
{
        char path[128];
        int found[MEMBERS] = {0};
        snprintf(path, sizeof(path), "%s/%s", chat->dir, folder);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.' || is_of_nobody(entry->d_name))
                        continue;
                int who = strcmp(folder, MEMBERS_DIR_NAME) == 0 ? owner_of_note(dirfd(dir), entry->d_name)
                                                                : owner_of_inbox(entry->d_name);
                if (who == MEMBERS)
                        fail_msg("%s/%s is left of somebody who is gone", folder, entry->d_name);
                found[who]++;
        }
        closedir(dir);
        for (int who = 0; who < MEMBERS; who++)
                if (found[who] != 1)
                        fail_msg("%s (%s) has %d files in %s", role_names[who], persons[who].name, found[who], folder);
}

/* ---- rounds ---- */

/* Kills `n` chatds in a row, each in front of its system call number at[i]; Hal joins after the one of index
 * `hal_behind`. Returns true if the first one reached its call. */
static bool play_round(const unsigned *at, unsigned n, unsigned hal_behind)
{
        int64_t start = clock_ms();
        round_number++;
        killed_count = 0;
        playing = true;
        fill_queue();
        for (unsigned i = 0; i < n; i++) {
                run_and_kill(at[i]);
                if (i == hal_behind)
                        join(HAL);
        }
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        accept_order();
        assert_hal_heard();
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        bool in_time = clock_ms() - start < LEAVERS_WAIT_MS;
        assert_farewell(EVE, in_time);
        assert_farewell(FAY, in_time);
        persons[DAN] = persons[HAL];
        persons[HAL].client = NULL;
        gather();
        assert_files(MEMBERS_DIR_NAME); /* these tell the owners of the others */
        assert_files(SESSIONS_DIR_NAME);
        playing = false;
        return killed[0].done;
}

static void show_progress(const char *what, unsigned of)
{
        static int64_t shown;
        if ((!isatty(STDOUT_FILENO) && !getenv("PROGRESS")) || clock_ms() - shown < 1000)
                return;
        shown = clock_ms();
        printf("%s: round %u", what, round_number);
        printf(of > 0 ? " of %u\n" : "\n", of);
        fflush(stdout);
}

/* Returns the number in the environment under this name, or `otherwise` if there is none. */
static unsigned number_from(const char *name, unsigned otherwise)
{
        const char *text = getenv(name);
        return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* The points at which chatd is killed, one in a round. Begins as {0}. */
struct points {
        unsigned at;    /* the system call of the next round */
        unsigned calls; /* the last call that a chatd reached */
};

static unsigned every(void)
{
        unsigned n = number_from("EVERY", 1);
        assert_in_range(n, 1, EVERY_MAX);
        return n;
}

/* Goes to the next point. Returns false if no chatd reaches it any more. */
static bool next_point(struct points *p)
{
        p->at += p->at == 0 ? 1 + seed % every() : every();
        return p->at <= p->calls + RESTS_IN_A_ROW * every();
}

static void show_points(unsigned calls, const char *when)
{
        printf("killed in front of ");
        printf(every() > 1 ? "every %uth" : "each", every());
        printf(" of %u system calls%s\n", calls, when);
}

/* Plays a round for each call. Returns how many calls a chatd makes in a round. */
static unsigned play_each_call(void)
{
        struct points p = {0};
        while (next_point(&p)) {
                if (play_round(&p.at, 1, 0))
                        p.calls = p.at;
                show_progress("each call", 0);
        }
        return p.calls;
}

static void play_at_random(unsigned calls)
{
        unsigned last = round_number + number_from("ROUNDS", RANDOM_ROUNDS);
        srandom(seed);
        while (round_number < last) {
                unsigned at[KILLS_MAX], kills = 2 + (unsigned)random() % (KILLS_MAX - 1);
                for (unsigned i = 0; i < kills; i++)
                        at[i] = 1 + (unsigned)random() % calls;
                play_round(at, kills, (unsigned)random() % kills);
                show_progress("at random", last);
        }
}

static void test_every_call(void **state)
{
        (void)state;
        if (!tracer_may_trace()) {
                puts("chatd cannot be killed at its system calls here: ptrace(2) is not permitted");
                skip();
        }
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir); /* the other folder is made before */
        link_hello();
        for (int who = 0; who <= DAN; who++)
                join_greeted((enum role)who);
        wait_until_heard(0, DAN + 1);
        for (int who = 0; who <= DAN; who++)
                assert_heard((enum role)who);
        gather();
        unsigned calls = play_each_call();
        assert_true(calls > 50);
        show_points(calls, "");
        printf("SEED=%u\n", seed);
        play_at_random(calls);
}

/* ---- rounds in which chatd writes to the clients by itself ---- */

/* Connects to the chat, with buffers of `room` bytes (0: the default), and starts the session. */
static void join_lending(enum role who, int room)
{
        struct person *p = &persons[who];
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)chat->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(a);
        struct stat st;
        char *const argv[] = {program("chat-session"), chat->option, "--pace=off", NULL};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (room > 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        if (room > 0)
                setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
        assert_int_equal(fstat(accepted, &st), 0);
        snprintf(p->name, sizeof(p->name), "127.0.0.1:%d", ntohs(a.sin_port));
        p->client = client_of(fd, p->name);
        p->client->got = realloc(p->client->got, HEARD_MAX_BYTES);
        assert_non_null(p->client->got);
        p->client->room = HEARD_MAX_BYTES;
        p->connection = st.st_ino;
        p->session = process_start(argv, accepted, accepted, -1);
        if (who == DAN)
                dans_end = accepted;
        else
                close(accepted);
        client_greeted(p->client);
        add_event(who, JOINS);
}

static bool is_lent(enum role who)
{
        char path[64];
        bool found = false;
        snprintf(path, sizeof(path), "/proc/%d/fd", (int)chat->broker);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *entry; !found && (entry = readdir(dir));)
                found = whose_connection(entry->d_name) == (int)who;
        closedir(dir);
        return found;
}

static bool are_all_lent(void)
{
        bool all = true;
        for (int who = 0; who < MEMBERS; who++)
                all = all && is_lent((enum role)who);
        return all;
}

static bool have_residents_heard_and_fay_lent(void)
{
        if (!have_residents_heard())
                return false;
        if (lend_until == 0)
                lend_until = clock_ms() + LEND_WAIT_MS;
        return is_lent(FAY) || clock_ms() > lend_until;
}

/* Returns how many bytes Dan's connection has taken since it was made. */
static int64_t dans_position(void)
{
        struct tcp_info before = {0}, after = {0};
        int waiting;
        do { /* an acknowledgement in between moves bytes from one count to the other */
                socklen_t size = sizeof(before);
                assert_int_equal(getsockopt(dans_end, IPPROTO_TCP, TCP_INFO, &before, &size), 0);
                assert_int_equal(ioctl(dans_end, SIOCOUTQ, &waiting), 0);
                assert_int_equal(getsockopt(dans_end, IPPROTO_TCP, TCP_INFO, &after, &size), 0);
        } while (before.tcpi_bytes_acked != after.tcpi_bytes_acked);
        return (int64_t)after.tcpi_bytes_acked + waiting;
}

/* Puts bytes into Dan's connection while nothing else writes to it, so that the kernel's count differs from what his
 * session wrote. */
static void put_junk(void)
{
        char bytes[VARIED_MAX_BYTES];
        memset(bytes, 'j', sizeof(bytes));
        junk = round_number * VARIED_BYTES % VARIED_MAX_BYTES;
        assert_int_equal(send(dans_end, bytes, junk, MSG_DONTWAIT), junk);
}

/* Returns true if a process waits: it has done what it had to do. */
static bool is_asleep(pid_t pid)
{
        char path[64], text[128] = "";
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
        close(fd);
        const char *name_end = strrchr(text, ')'); /* proc_pid_stat(5) */
        return name_end && strncmp(name_end, ") S", 3) == 0;
}

static bool are_all_asleep(void)
{
        bool all = true;
        for (int who = 0; who < MEMBERS; who++)
                all = all && is_asleep(persons[who].session);
        return all;
}

/* Returns true if what Dan's connection has taken since he was shown everything ends in the middle of a line. */
static bool is_dans_line_cut(void)
{
        char text[HEARD_MAX_BYTES];
        expected_of(DAN, text);
        int64_t end = (int64_t)persons[DAN].client->len + dans_position() - dans_bytes;
        return end > (int64_t)persons[DAN].client->len && end < (int64_t)strlen(text) && text[end - 1] != '\n';
}

static void drop_junk(void)
{
        char bytes[1024];
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (junk > 0) {
                ssize_t n =
                        recv(persons[DAN].client->fd, bytes, junk < sizeof(bytes) ? junk : sizeof(bytes), MSG_DONTWAIT);
                assert_true(n > 0 || clock_ms() < deadline);
                junk -= n > 0 ? (size_t)n : 0;
        }
}

/* Lets Dan take what is on its way to him. */
static void dan_reads(void)
{
        const struct client *c = persons[DAN].client;
        int64_t deadline = clock_ms() + DEADLINE_MS;
        int sending, waiting;
        do {
                assert_true(clock_ms() < deadline);
                have_heard(DAN, DAN + 1);
                assert_int_equal(ioctl(dans_end, SIOCOUTQ, &sending), 0);
                assert_int_equal(ioctl(c->fd, SIOCINQ, &waiting), 0);
        } while (sending > 0 || waiting > 0);
}

/* Lets a role say a line of `bytes` bytes that has the number of the round. */
static void say_much(enum role who, const char *text, size_t bytes)
{
        char much[LONG_LINE_BYTES + 1];
        size_t len = (size_t)snprintf(much, sizeof(much), "%s ", text);
        if (len < bytes)
                memset(much + len, 'a' + (int)who, bytes - len);
        much[len < bytes ? bytes : len] = '\0';
        say(who, much);
}

/* Lets a new chatd relay a line to all, after which it asks them to lend. Returns true if all lent; then chatd may
 * write to their clients, and Dan's connection is empty. */
static bool try_to_lend(void)
{
        int64_t until = clock_ms() + LEND_WAIT_MS;
        put_junk();
        start_broker(false);
        say(ANN, "who is there?");
        wait_until_heard(0, RESIDENTS);
        say(BOB, "I am");
        wait_until_heard(0, RESIDENTS);
        drop_junk();
        wait_until_heard(DAN, MEMBERS);
        while (!are_all_lent() && clock_ms() < until)
                usleep(50);
        wait_until_true(is_queue_empty, "an empty queue");
        wait_until_true(are_all_asleep, "all sessions have done what they had to");
        dan_reads();
        dans_bytes = dans_position();
        return are_all_lent();
}

/* The first part of a round in which chatd writes to the clients. */
static void begin_lent_round(void)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (!try_to_lend()) {
                if (clock_ms() > deadline)
                        fail_msg("not all lend their connections");
                end_gathering();
        }
        lend_until = 0;
}

/* The second part of such a round, while chatd is stopped. */
static void fill_queue_of_stopped(void)
{
        unsigned length = 0;
        say_much(ANN, "first", round_number * VARIED_BYTES % VARIED_MAX_BYTES);
        queue_grows(&length);
        say_much(BOB, "second", LONG_LINE_BYTES);
        queue_grows(&length);
        join_lending(FAY, 0);
        queue_grows(&length);
        say_much(FAY, "here I am", SHORT_LINE_BYTES);
        queue_grows(&length);
        link_inject();
        queue_grows(&length);
        say_much(EVE, "I go", SHORT_LINE_BYTES);
        queue_grows(&length);
        leave(EVE);
        queue_grows(&length);
        say_much(ANN, "last", SHORT_LINE_BYTES);
        queue_grows(&length);
}

/* Kills the chatd to which all have lent in front of its system call number `at`, or BEHIND_DAN, and the next one in
 * front of number `then`, unless that is 0. Fay is Eve in the next round. Returns true if the first one reached its
 * call; it always reaches BEHIND_DAN, and has cut a line then. */
static bool play_lent_round(unsigned at, unsigned then)
{
        int64_t start = clock_ms();
        round_number++;
        killed_count = 0;
        playing = true;
        begin_lent_round();
        int status = stop_broker();
        fill_queue_of_stopped();
        is_at_rest = have_residents_heard_and_fay_lent;
        kill_at(at, -1, status);
        unsigned written = direct;
        if (at == BEHIND_DAN)
                assert_true(killed[0].done && is_dans_line_cut());
        if (round_number % 2 == 0)
                dan_reads();
        is_at_rest = have_residents_heard;
        if (then > 0)
                run_and_kill(then);
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        wait_until_heard(FAY, FAY + 1);
        wait_until_heard(DAN, DAN + 1);
        for (int who = 0; who <= DAN; who++)
                assert_heard((enum role)who);
        assert_heard(FAY);
        assert_link_heard();
        assert_farewell(EVE, clock_ms() - start < LEAVERS_WAIT_MS);
        persons[EVE] = persons[FAY];
        persons[FAY].client = NULL;
        all_speak(EVE);
        end_gathering();
        assert_files(MEMBERS_DIR_NAME); /* these tell the owners of the others */
        assert_files(SESSIONS_DIR_NAME);
        playing = false;
        if (!killed[0].done) /* everything was relayed, except to the newcomers of that time */
                assert_in_range(written, MEMBERS, UINT32_MAX);
        return killed[0].done;
}

/* Kills the next chatd, too: it first reads notes and calls the roll. */
static void play_lent_at_random(unsigned calls)
{
        unsigned last = round_number + number_from("ROUNDS", LENT_RANDOM_ROUNDS);
        srandom(seed);
        while (round_number < last) {
                unsigned at = random() % 2 == 0 ? BEHIND_DAN : 1 + (unsigned)random() % calls;
                play_lent_round(at, 1 + (unsigned)random() % RECOVERY_CALLS);
                show_progress("at random, to clients", last);
        }
}

/* Returns true if a member has a mark beside its note that begins with `mark`. */
static bool is_anybody_marked(const char *mark)
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

/* Returns true if no newcomer is held until its session says that it may be announced, or is being named. */
static bool is_nobody_held(void)
{
        return !is_anybody_marked(".held") && !is_anybody_marked(".named");
}

static void test_every_call_while_it_writes_to_clients(void **state)
{
        (void)state;
        struct points p = {0};
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=off";
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir);
        link_hello();
        for (int who = 0; who < MEMBERS; who++) {
                join_lending((enum role)who, who == DAN ? DANS_ROOM_BYTES : 0);
                wait_until_true(is_nobody_held, "it is announced before the next one comes");
        }
        wait_until_heard(0, MEMBERS);
        all_speak(EVE);
        end_gathering();
        while (next_point(&p)) {
                if (play_lent_round(p.at, 0))
                        p.calls = p.at;
                show_progress("each call, to clients", 0);
        }
        assert_true(p.calls > 30);
        for (unsigned i = 0; i < BROKEN_ROUNDS; i++)
                play_lent_round(BEHIND_DAN, 0);
        show_points(p.calls, " while it wrote to clients");
        printf("killed %d times in the middle of a line\n", BROKEN_ROUNDS);
        printf("SEED=%u\n", seed);
        play_lent_at_random(p.calls);
}

/* ---- rounds with many newcomers at once ---- */

static bool is_anybody_waiting(void)
{
        return is_anybody_marked(".arriv") || !is_nobody_held();
}

static bool is_all_announced(void)
{
        link_hear();
        return !is_anybody_waiting();
}

static bool is_queue_taken(void)
{
        return is_queue_empty() && is_nobody_held();
}

/* Starts a chatd that takes what is queued, and kills it, so that no newcomer waits for the next one. */
static void take_queue(void)
{
        start_broker(false);
        wait_until_true(is_queue_taken, "an empty queue, and nobody held");
        end_broker(SIGKILL);
}

static void crowd_comes(void)
{
        unsigned length = 0;
        for (int i = 0; i < CROWD; i++) {
                crowd[i].client =
                        chat_join_with(chat, "127.0.0.1", &crowd[i].session, chat->option, "--pace=off", NULL);
                client_send(crowd[i].client, "\n"); /* a sign of life, so that it may be announced at once */
                queue_grows(&length);
        }
}

/* Lets Ann ask. All newcomers must have been told to each client by then. */
static void assert_crowd_told(void)
{
        struct told all = {0};
        client_send(persons[ANN].client, "all here?\n");
        told_add(&all, client_expect(persons[BOB].client, ": all here?\r\n"));
        assert_int_equal(told_people(&all), CROWD);
        struct told cat = {0}, link = {0};
        told_add(&cat, client_expect(persons[CAT].client, ": all here?\r\n"));
        assert_int_equal(cat.count, all.count);
        assert_memory_equal(cat.events, all.events, all.count * sizeof(*all.events));
        for (int i = 0; i < CROWD; i++) {
                struct told told = {0};
                told_add(&told, client_expect(crowd[i].client, ": all here?\r\n"));
                told_assert_same(&all, &told, crowd[i].client->name);
                told_free(&told);
        }
        link_hear();
        told_add(&link, played.got);
        assert_int_equal(told_people(&link), CROWD);
        assert_int_equal(told_unnamed(&link), 0);
        told_free(&link);
        told_free(&cat);
        told_free(&all);
}

static void assert_link_counts(unsigned members)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        played.welcome = false;
        link_hello();
        for (; !played.welcome; link_hear())
                assert_true(wait_for_news(0, 0, deadline));
        assert_int_equal(played.welcome_frame.members, members);
}

static void crowd_goes(void)
{
        int status;
        for (int i = 0; i < CROWD; i++) {
                client_send(crowd[i].client, "exit\n");
                client_expect_end(crowd[i].client);
                assert_int_equal(waitpid(crowd[i].session, &status, 0), crowd[i].session);
                assert_int_equal(status, 0);
                for (int who = 0; who < RESIDENTS; who++)
                        client_expect(persons[who].client, "*** %s is disconnected\r\n", crowd[i].client->name);
                client_free(crowd[i].client);
        }
}

/* Lets each resident say a line, so that each has handed over what it had to: a session that finds the queue full tries
 * again at a random moment. */
static void residents_speak(void)
{
        for (int who = 0; who < RESIDENTS; who++) {
                client_send(persons[who].client, "I am here\n");
                for (int other = 0; other < RESIDENTS; other++)
                        if (other != who)
                                client_expect(persons[other].client, "%s: I am here\r\n", persons[who].name);
        }
}

/* Plays a round of newcomers. With `wait`, they wait to be announced when the chatd is started that is killed at
 * `at`. */
static bool play_crowd(unsigned at, bool wait)
{
        round_number++;
        killed_count = 0;
        playing = true;
        crowd_comes();
        if (wait)
                take_queue();
        run_and_kill(at);
        take_queue();
        start_broker(false);
        wait_until_true(is_all_announced, "all are announced");
        assert_crowd_told();
        assert_link_counts(RESIDENTS + CROWD);
        crowd_goes();
        residents_speak();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        assert_false(is_anybody_waiting());
        playing = false;
        return killed[0].done;
}

static unsigned play_crowd_at_each_call(bool wait)
{
        struct points p = {0};
        while (next_point(&p)) {
                if (play_crowd(p.at, wait))
                        p.calls = p.at;
                show_progress(wait ? "each call, a crowd waits" : "each call, a crowd comes", 0);
        }
        return p.calls;
}

/* Changes the name of `who`. */
static void become(enum role who, const char *name)
{
        struct event *e = add_event(who, BECOMES);
        snprintf(e->text, sizeof(e->text), "%s", name);
        snprintf(persons[who].name, sizeof(persons[who].name), "%s", name);
        client_send(persons[who].client, "/nick %s\n", name);
}

static void act(enum role who, const char *text)
{
        snprintf(add_event(who, ACTS)->text, TEXT_BYTES, "%s", text);
        client_send(persons[who].client, "/me %s\n", text);
}

static void whisper(enum role who, enum role to, const char *text)
{
        struct event *e = add_event(who, WHISPERS);
        e->to = to;
        snprintf(e->with, sizeof(e->with), "%s", persons[to].name);
        snprintf(e->text, sizeof(e->text), "%s", text);
        client_send(persons[who].client, "/msg %s %s\n", persons[to].name, text);
}

/* Lets `who` go to a room, in which `with` is. */
static void go(enum role who, const char *room, enum role with)
{
        struct event *e = add_event(who, GOES);
        snprintf(e->text, sizeof(e->text), "%s", room);
        snprintf(e->with, sizeof(e->with), "%s", persons[with].name);
        snprintf(persons[who].room, sizeof(persons[who].room), "%s", room);
        client_send(persons[who].client, "/join %s\n", room);
}

/* Bob takes another name, and Cat the one that he gives up; she is named by it, and sent a private message. Then he
 * takes one more. */
static void fill_queue_with_requests(void)
{
        unsigned length = 0;
        char given_up[64], name[64];
        snprintf(given_up, sizeof(given_up), "%s", persons[BOB].name);
        snprintf(name, sizeof(name), "round-%u", round_number);
        say(ANN, "who is who?");
        queue_grows(&length);
        become(BOB, name);
        queue_grows(&length);
        whisper(ANN, BOB, "is it you?");
        queue_grows(&length);
        become(CAT, given_up);
        queue_grows(&length);
        act(CAT, "smiles");
        queue_grows(&length);
        snprintf(name, sizeof(name), "again-%u", round_number);
        become(BOB, name);
        queue_grows(&length);
        whisper(BOB, CAT, "that was my name");
        queue_grows(&length);
        say(ANN, "so it is");
        queue_grows(&length);
}

/* Ann, who was with Cat, goes to Bob and back, all in one batch. */
static void fill_queue_with_rooms(void)
{
        unsigned length = 0;
        say(ANN, "good bye");
        queue_grows(&length);
        go(ANN, "kitchen", BOB);
        queue_grows(&length);
        say(ANN, "hello, kitchen");
        queue_grows(&length);
        say(CAT, "hello?");
        queue_grows(&length);
        say(BOB, "hello, Ann");
        queue_grows(&length);
        go(ANN, "lobby", CAT);
        queue_grows(&length);
        say(CAT, "hello again");
        queue_grows(&length);
        act(BOB, "is alone");
        queue_grows(&length);
}

/* Asserts that the notes have the current names, at the latest when the next chatd has noted them, and that this chatd
 * knows them, too. */
static void assert_names(void)
{
        for (int who = 0; who < RESIDENTS; who++)
                shell_until("ls -l %s/" MEMBERS_DIR_NAME " 2>/dev/null | grep -q ' %s$'", chat->dir,
                            persons[who].name); /* written after all were told */
        forget_events();
        say(BOB, "I am Bob");
        wait_until_heard(0, RESIDENTS);
        say(CAT, "I am Cat");
        wait_until_heard(0, RESIDENTS);
        say(ANN, "I am Ann");
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
}

/* Waits for the answers to the roll call: each session has received it from this chatd. Each says something more, which
 * goes out after its answer, for which the queue may have been too full until now. So no answer comes into the next
 * round. */
static void wait_for_answers(void)
{
        whisper(BOB, CAT, "I am here");
        wait_until_heard(0, RESIDENTS);
        whisper(CAT, BOB, "so am I");
        wait_until_heard(0, RESIDENTS);
        whisper(ANN, BOB, "and I");
        wait_until_heard(0, RESIDENTS);
}

static bool play_requests(unsigned at, void (*fill)(void), void (*assert_after)(void))
{
        round_number++;
        killed_count = 0;
        playing = true;
        fill();
        run_and_kill(at);
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        assert_after();
        wait_for_answers();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        playing = false;
        return killed[0].done;
}

/* Asserts that two are in the lobby and one in the kitchen, whose lines only the link gets. */
static void assert_rooms(void)
{
        forget_events();
        say(BOB, "I am in the kitchen");
        wait_until_heard(0, RESIDENTS);
        say(CAT, "I am in the lobby");
        wait_until_heard(0, RESIDENTS); /* two lines in one read would be a paste */
        whisper(CAT, BOB, "can you hear me?");
        wait_until_heard(0, RESIDENTS);
        say(ANN, "so am I");
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
}

static unsigned play_requests_at_each_call(const char *what, void (*fill)(void), void (*assert_after)(void))
{
        struct points p = {0};
        while (next_point(&p)) {
                if (play_requests(p.at, fill, assert_after))
                        p.calls = p.at;
                show_progress(what, 0);
        }
        assert_true(p.calls > 50);
        return p.calls;
}

/* Starts chatd with the residents and the link, whose inbox this process reads. */
static void start_with_residents(void)
{
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir);
        link_hello();
        for (int who = 0; who < RESIDENTS; who++)
                join_greeted((enum role)who);
}

static void test_every_call_of_requests(void **state)
{
        (void)state;
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_with_residents();
        wait_until_heard(0, RESIDENTS);
        become(BOB, "Bob");
        wait_until_heard(0, RESIDENTS);
        become(CAT, "Cat");
        wait_until_heard(0, RESIDENTS);
        assert_int_equal(end_broker(SIGTERM), 0);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        forget_events();
        unsigned names = play_requests_at_each_call("each call of requests", fill_queue_with_requests, assert_names);
        start_broker(false);
        client_send(persons[BOB].client, "/join kitchen\n");
        client_expect(persons[BOB].client, "*** You are now in kitchen, alone\r\n");
        for (int who = 0; who < RESIDENTS; who += 2)
                client_expect(persons[who].client, " went to kitchen\r\n");
        snprintf(persons[BOB].room, sizeof(persons[BOB].room), "kitchen");
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        unsigned rooms = play_requests_at_each_call("each call of rooms", fill_queue_with_rooms, assert_rooms);
        show_points(names, " while people took names and whispered");
        show_points(rooms, " while they went to rooms");
}

/* ---- orders of an administrator ---- */

/* Returns the id of a member, which begins with its pid, from its note. */
static uint64_t id_of(enum role who)
{
        uint64_t id = 0;
        const char *note =
                shell("ls %s/" MEMBERS_DIR_NAME " | grep -x '%08x........'", chat->dir, (unsigned)persons[who].session);
        assert_int_equal(path_parse_id(note, &id), 0);
        return id;
}

/* Sends a frame of chatd to itself, which is possible because the test has the same user. */
static void ask_as_chatd(enum frame_type type, enum role who, const char *text)
{
        static uint64_t number;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f = {.type = (uint8_t)type, .id = ADMIN_ID, .number = ++number, .text = slice_of(text)};
        if (type != FRAME_SAY)
                f.id = id_of(who);
        size_t size = frame_encode(buffer, sizeof(buffer), &f);
        link_send(buffer, size);
        if (number % 2 == 0) /* as if the request was repeated */
                link_send(buffer, size);
}

static void announce(const char *text)
{
        snprintf(add_event(ANN, ANNOUNCED)->text, TEXT_BYTES, "Administrator: %s", text);
        ask_as_chatd(FRAME_SAY, ANN, text);
}

static void tell(enum role who, const char *text)
{
        snprintf(add_event(who, TOLD)->text, TEXT_BYTES, "%s", text);
}

/* Lines of Bob's in between reach nobody; he is told that once, because all come at the same moment. */
static void fill_queue_with_orders(void)
{
        unsigned length = 0;
        say(BOB, "I may speak");
        queue_grows(&length);
        announce("somebody will be muted");
        ask_as_chatd(FRAME_MUTE, BOB, "");
        length = queue_length();
        tell(BOB, "An administrator muted you: nobody sees what you say");
        client_send(persons[BOB].client, "I may not\n");
        tell(BOB, "You are muted: nobody sees what you say");
        queue_grows(&length);
        say(CAT, "do you hear Bob?");
        queue_grows(&length);
        ask_as_chatd(FRAME_UNMUTE, BOB, "");
        length = queue_length();
        tell(BOB, "You are no longer muted");
        say(BOB, "I may speak again");
        queue_grows(&length);
        announce("that is all");
}

static bool play_orders(unsigned at)
{
        round_number++;
        killed_count = 0;
        playing = true;
        fill_queue_with_orders();
        run_and_kill(at);
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        forget_events();
        for (int who = 0; who < RESIDENTS; who++) { /* after the answer to the roll call */
                say((enum role)who, "I am here");
                wait_until_heard(0, RESIDENTS);
        }
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_int_equal(end_broker(SIGTERM), 0);
        shell("! ls %s/" MEMBERS_DIR_NAME " | grep -q muted", chat->dir);
        forget_events();
        playing = false;
        return killed[0].done;
}

static void test_every_call_of_orders(void **state)
{
        struct points p = {0};
        (void)state;
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_with_residents();
        wait_until_heard(0, RESIDENTS);
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        while (next_point(&p)) {
                if (play_orders(p.at))
                        p.calls = p.at;
                show_progress("each call of orders", 0);
        }
        assert_true(p.calls > 50);
        show_points(p.calls, " while an administrator said something and muted somebody");
}

static void test_every_call_of_many_arrivals(void **state)
{
        (void)state;
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=1:1";
        start_with_residents();
        client_send(persons[CAT].client, "I am the last\n");
        client_expect(persons[ANN].client, ": I am the last\r\n");
        client_expect(persons[BOB].client, ": I am the last\r\n");
        assert_int_equal(end_broker(SIGTERM), 0); /* all are announced */
        for (int who = 0; who < RESIDENTS; who++)
                client_sync(persons[who].client);
        forget_events();

        is_at_rest = is_nobody_held; /* the crowd waits for a second, and is announced by the next chatd */
        unsigned coming = play_crowd_at_each_call(false);
        is_at_rest = is_all_announced;
        unsigned waiting = play_crowd_at_each_call(true);
        assert_true(coming > 50 && waiting > 50);
        show_points(coming, " while many came");
        show_points(waiting, " while they were announced");
}

static int set_up(void **state)
{
        (void)state;
        memset(persons, 0, sizeof(persons));
        for (int who = 0; who < ROLES; who++)
                snprintf(persons[who].room, sizeof(persons[who].room), "%s", FIRST_ROOM);
        memset(&played, 0, sizeof(played));
        round_number = 0;
        junk = 0;
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

static int tear_down(void **state)
{
        (void)state;
        if (playing)
                describe_round();
        if (chat->broker > 0)
                end_broker(SIGKILL);
        if (dans_end >= 0)
                close(dans_end);
        dans_end = -1;
        chat_stop(chat);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_every_call, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_every_call_while_it_writes_to_clients, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_every_call_of_many_arrivals, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_every_call_of_requests, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_every_call_of_orders, set_up, tear_down),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
