/* A whole session with a client of IRC (chat-irc/, and chat-session/ from visit down), without a process, socket or
 * clock of the system.
 *
 * Input: flags, then commands: see world_step(). A client sends messages or any bytes, and reads or does not read. A
 * chatd (irc-chatd.h) answers, relays, and is restarted. Time passes only by commands. The session runs in visit_run(),
 * which waits in ppoll(): that is where the commands are taken. At the end chatd answers everything, and the client
 * reads everything and leaves.
 *
 * Promises, besides those of irc-client.h and irc-chatd.h: no call overruns the client's buffer. The kind gets no more
 * bytes than it said it can take. After tick(), nothing is due at the same time. In the end nothing is stuck: everything
 * that the client sent was read and answered, and the session ends.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../../chat-irc/irc-kind.h"
#include "../../chat-irc/labels.h"
#include "../../chat-irc/requests.h"
#include "../../chat-session/client-output.h"
#include "../../chat-session/session.h"
#include "../../chat-session/uplink-inbox.h"
#include "../../chat-session/visit.h"
#include "fuzz.h"
#include "irc-chatd.h"
#include "irc-client.h"

#define DIR "/irc-kind"
#define SERVER "irc.test"

enum {
        FD_CLIENT = 100001, /* descriptors that the system does not have */
        FD_UPLINK,
        FD_INBOX,
        SENT_MAX_BYTES = 7 * IRC_CLIENT_PINGS_MAX, /* a PING has 7 bytes at least */
        ALL_BYTES = 1 << 30,
        ENDING_MAX_TURNS = 10000,
        TURNS_MAX = 100000,
        WAIT_SLOTS = 4, /* of visit.c */
        INTAKE_SLOT = 3,
};

enum world_flags {
        WORLD_REGISTERS = 1,    /* the client begins with its registration */
        WORLD_CAPABILITIES = 2, /* and turns on all capabilities */
        WORLD_PACED = 4,
        WORLD_SERVES = 8, /* chatd answers at once */
        WORLD_READS = 16, /* the client reads at once */
};

/* What the session and this target share. */
static struct world {
        struct choices script;
        uint8_t flags;
        int64_t now; /* ms */
        uint64_t random;
        bool is_ended;   /* the client's input has ended */
        bool is_ending;  /* the script is over */
        bool is_checked; /* everything was answered */
        unsigned turns, idle_turns, ending_turns, labels;
        size_t reads;    /* how many bytes the client still reads */
        size_t may_read; /* what the kind said last */
        size_t sent_at, sent_len;
        uint8_t sent[SENT_MAX_BYTES];
} w;
static struct irc irc;
static struct session session;
static struct irc_client client;
static struct irc_chatd chatd;

/* Shows what is said, if TRACE is set in the environment: for a finding that is run again. */
static void world_trace(const char *who, const void *bytes, size_t n)
{
        static int traces = -1;
        if (traces < 0)
                traces = getenv("TRACE") != NULL;
        if (traces)
                dprintf(fuzz_terminal(), "%s%.*s\n", who, (int)n, (const char *)bytes);
}

/* Shows a frame in the same way. */
static void world_trace_frame(const char *who, const void *data, size_t size)
{
        char text[128];
        struct frame f;
        struct answer a = {0};
        int r = frame_decode(&f, data, size);
        if (f.answer.len > 0)
                answer_decode(&a, f.answer);
        int len = snprintf(text, sizeof(text), "%d: type %d, number %llu, %.*s, %s", r, f.type,
                           (unsigned long long)f.number, (int)f.name.len, f.name.len > 0 ? f.name.at : "",
                           answer_rules[a.code].name);
        world_trace(who, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

/* ---- the system ---- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
        (void)clock;
        *t = (struct timespec){.tv_sec = w.now / 1000, .tv_nsec = w.now % 1000 * 1000000};
        return 0;
}

/* _FILE_OFFSET_BITS makes stat() this function. */
int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st)
{
        if (strncmp(path, DIR, strlen(DIR)) != 0)
                return __real_stat64(path, st);
        *st = (struct stat){.st_ino = chatd.epoch};
        if (!chatd.is_away)
                return 0;
        errno = ENOENT;
        return -1;
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
        (void)domain;
        (void)type;
        (void)protocol;
        return FD_UPLINK;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
        (void)address;
        (void)size;
        PROMISE(fd == FD_UPLINK, "connect(%d)", fd);
        chatd.is_queue_gone = false;
        return 0;
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
        (void)value;
        (void)size;
        if (fd == FD_CLIENT && level == SOL_SOCKET && option == SO_TYPE)
                return 0;
        errno = EOPNOTSUPP;
        return -1;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
        (void)fd;
        (void)level;
        (void)option;
        (void)value;
        (void)size;
        return 0;
}

ssize_t __real_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
        size_t n = size < w.reads ? size : w.reads;
        if (fd != FD_CLIENT && fd != FD_UPLINK)
                return __real_send(fd, data, size, flags);
        if (fd == FD_UPLINK) {
                world_trace_frame("to chatd: ", data, size);
                errno = -irc_chatd_take(&chatd, data, size);
                return errno == 0 ? (ssize_t)size : -1;
        }
        if (n == 0 && size > 0) {
                errno = EAGAIN;
                return -1;
        }
        w.reads -= n;
        world_trace("to the client:\n", data, n);
        irc_client_sees(&client, data, n);
        return (ssize_t)n;
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
        size_t n = size < w.sent_len ? size : w.sent_len;
        PROMISE(fd == FD_CLIENT, "recv(%d)", fd);
        if (n == 0 && w.is_ended)
                return 0;
        if (n == 0) {
                errno = EAGAIN;
                return -1;
        }
        memcpy(data, w.sent + w.sent_at, n);
        if (!(flags & MSG_PEEK)) {
                w.sent_at += n;
                w.sent_len -= n;
        }
        return (ssize_t)n;
}

/* In place of uplink-inbox.c. */

uint64_t uplink_random(void)
{
        w.random = w.random * UINT64_C(6364136223846793005) + 1;
        return w.random;
}

int uplink_inbox_open(int *inbox, const char *dir, uint64_t key, int probe)
{
        (void)dir;
        (void)key;
        (void)probe;
        *inbox = FD_INBOX;
        return 0;
}

void uplink_inbox_close(int *inbox, const char *dir, uint64_t key)
{
        (void)dir;
        (void)key;
        *inbox = -1;
}

ssize_t uplink_inbox_receive(int inbox, void *buffer, size_t size, uid_t *sender, struct socket_fds *fds)
{
        size_t n = irc_chatd_give(&chatd, buffer);
        PROMISE(inbox == FD_INBOX && size == DATAGRAM_MAX_BYTES, "another inbox");
        if (n > 0)
                world_trace_frame("from chatd: ", buffer, n);
        *sender = 0;
        fds->count = 0;
        errno = EAGAIN;
        return n > 0 ? (ssize_t)n : -1;
}

/* ---- the kind, and what it must keep ---- */

static size_t kind_may_read(const void *me)
{
        w.may_read = irc_kind.may_read(me);
        return w.may_read;
}

static void kind_input(void *me, const uint8_t *bytes, size_t n)
{
        PROMISE(n > 0 && n <= w.may_read, "%zu bytes of at most %zu", n, w.may_read);
        irc_kind.input(me, bytes, n);
}

static void kind_tick(void *me)
{
        irc_kind.tick(me);
        PROMISE(irc_kind.due(me) > session.now, "the next tick is due at once");
}

void __real_labels_begin(struct irc *i, struct slice tags);
void __wrap_labels_begin(struct irc *i, struct slice tags);
void __wrap_labels_begin(struct irc *i, struct slice tags)
{
        PROMISE(!labels_are_open(i), "two labels are open");
        __real_labels_begin(i, tags);
        if (labels_are_open(i))
                irc_client_expects(&client, i->label.text);
}

static void world_check(void)
{
        const struct client *c = &session.client;
        PROMISE(c->start <= c->end && c->end <= sizeof(c->buffer), "the client's buffer overflowed");
        PROMISE(irc.input_len <= sizeof(irc.input), "the input overflowed");
        PROMISE(irc.list.at <= irc.list.len && irc.list.len <= sizeof(irc.list.text), "the list overflowed");
        PROMISE(irc.found_len < sizeof(irc.found), "what was found overflowed");
        PROMISE(irc.channels_count <= MEMBER_ROOMS_MAX && irc.rejoined <= irc.channels_count, "%zu channels",
                irc.channels_count);
        if (session.state == SESSION_TALKING && !client_waits(c))
                irc_client_check_channels(&client, &irc);
}

/* ---- the client ---- */

static void world_type(const void *bytes, size_t n)
{
        if (w.is_ended || n > sizeof(w.sent) - w.sent_at - w.sent_len)
                return;
        memcpy(w.sent + w.sent_at + w.sent_len, bytes, n);
        w.sent_len += n;
        world_trace("from the client: ", bytes, n);
        irc_client_says(&client, bytes, n);
}

static void world_type_text(const char *text)
{
        world_type(text, strlen(text));
}

/* Types bytes of the input as they are. */
static void world_type_raw(void)
{
        size_t n = choose_u8(&w.script), left = (size_t)(w.script.end - w.script.at);
        n = n < left ? n : left;
        world_type(w.script.at, n);
        w.script.at += n;
}

static void world_type_many(const char *format, unsigned n)
{
        char text[32];
        for (; n > 0; n--) {
                snprintf(text, sizeof(text), format, n);
                world_type_text(text);
        }
}

static void world_type_param(void)
{
        static const char *const words[] = {
                "",
                "*",
                "ann",
                "bob",
                "guest-192.0.2.7-4711",
                "guest-192.0.2.7-4711~",
                "kim/b",
                "pid\\3d7",
                "lobby",
                "#lobby",
                "#den",
                "0",
                "LS",
                "LIST",
                "REQ",
                "END",
                "302",
                "-echo-message",
                "%tcuihsnfdlaor,42",
                "+b",
                "LATEST",
                "BEFORE",
                "AFTER",
                "AROUND",
                "BETWEEN",
                "timestamp=2001-01-01T00:00:00.000Z",
                "msgid=0000000000000001-1",
                "5",
                "ann,bob,kim/b,nobody",
                "\001ACTION waves\001",
                "\001VERSION\001",
                ":\001DCC SEND x 1 2 3\001",
                ":\002bold\x0f and \00304,05red",
                ":server-time echo-message",
                ":batch labeled-response message-tags",
                ":bob ann kim/b",
        };
        uint8_t choice = choose_u8(&w.script);
        world_type_text(" ");
        if (choice < 0xa0) {
                world_type_text(words[choice % (sizeof(words) / sizeof(words[0]))]);
        } else if (choice < 0xc0) {
                world_type_many("#r%u", 1);
                world_type_many(",#r%u", choice - 0x9fu);
        } else if (choice < 0xe0) {
                world_type_text(":");
                world_type_raw();
        } else {
                world_type_text(":");
                world_type_many(choice & 1 ? "\u20ac" : "abc ", (choice - 0xdfu) * 20);
        }
}

static void world_type_message(void)
{
        static const char *const commands[] = {
                "PING",   "PRIVMSG", "JOIN",   "PART",   "NICK",    "CAP",  "WHOIS",    "WHO",
                "NAMES",  "TOPIC",   "LIST",   "NOTICE", "MODE",    "ISON", "USERHOST", "CHATHISTORY",
                "LUSERS", "AWAY",    "KICK",   "INVITE", "VERSION", "TIME", "INFO",     "HELP",
                "WHOWAS", "MOTD",    "TAGMSG", "PONG",   "USER",    "PASS", "QUIT",     "FOO",
        };
        char label[32];
        uint8_t command = choose_u8(&w.script), shape = choose_u8(&w.script);
        snprintf(label, sizeof(label), "@label=%u;+x=y ", ++w.labels);
        if (command & 0x80)
                world_type_text(label);
        world_type_text(commands[command % (sizeof(commands) / sizeof(commands[0]))]);
        for (unsigned n = shape % 6u; n > 0; n--)
                world_type_param();
        world_type_text(shape & 0x40 ? "\n" : "\r\n");
}

static void world_register(void)
{
        if (w.flags & WORLD_CAPABILITIES)
                world_type_text("CAP REQ :batch labeled-response echo-message message-tags server-time "
                                "standard-replies\r\n");
        if (w.flags & WORLD_REGISTERS)
                world_type_text("NICK ann\r\nUSER ann 0 * :Ann\r\nCAP END\r\n");
}

/* ---- the script ---- */

/* Lets chatd relay records, and the same `more` times again. */
static void world_relay(unsigned more)
{
        const uint8_t *begin = w.script.at;
        irc_chatd_relay(&chatd, &w.script);
        for (; more > 0; more--) {
                w.script.at = begin;
                irc_chatd_relay(&chatd, &w.script);
        }
}

/* Takes the next command. Its lower digit says what happens. */
static void world_do_command(uint8_t command)
{
        unsigned more = command >> 4;
        switch (command & 15) {
        case 0:
        case 1:
                world_type_message();
                break;
        case 2:
                world_type_raw();
                break;
        case 3:
                irc_chatd_serve(&chatd, choose_u8(&w.script));
                break;
        case 4:
                irc_chatd_answer(&chatd, &w.script);
                break;
        case 5:
                world_relay(more);
                break;
        case 6:
                irc_chatd_show_past(&chatd, &w.script);
                break;
        case 7:
                irc_chatd_say(&chatd, &w.script);
                break;
        case 8:
                irc_chatd_welcome(&chatd, &w.script);
                break;
        case 9:
                w.reads += more < 15 ? more * more * 512 : ALL_BYTES;
                break;
        case 10:
                w.now += more * more * 200;
                break;
        case 11:
                irc_chatd_restart(&chatd, more & 1);
                break;
        case 12:
                chatd.is_away = more & 1;
                chatd.is_full = more & 2;
                chatd.is_old = more == 15;
                break;
        case 13:
                w.flags ^= more & (WORLD_SERVES);
                w.flags ^= more & 1 ? WORLD_READS : 0;
                break;
        case 14:
                world_type_many("PING %u\r\n", 1 + more * more);
                break;
        default:
                if (more == 15)
                        w.is_ended = true;
                else
                        w.idle_turns = more;
                break;
        }
}

/* ---- the end ---- */

static bool world_is_quiet(void)
{
        return w.sent_len == 0 && chatd.open_count == 0 && chatd.inbox_count == 0 && !client_waits(&session.client) &&
               (session.presence == SESSION_STRANGER || !uplink_waits(&session.uplink)) &&
               !session.uplink.is_queue_lost &&
               (session.state != SESSION_TALKING ||
                (irc_kind.may_read(&irc) > 0 && !irc_kind.holds_input(&irc) && !requests_must_wait(&irc)));
}

/* Lets everything be answered. When all is quiet, checks that, and lets the client leave. */
static void world_end(void)
{
        PROMISE(++w.ending_turns < ENDING_MAX_TURNS,
                "stuck: %zu bytes unread, %zu requests, %zu datagrams, %zu bytes unsent, may read %zu, stage %d",
                w.sent_len, chatd.open_count, chatd.inbox_count, session.client.end - session.client.start,
                irc_kind.may_read(&irc), irc.stage);
        w.reads = ALL_BYTES;
        irc_chatd_finish(&chatd);
        if (talk_version(&session) < frame_since(FRAME_ENTER) && chatd.inbox_count == 0)
                irc_chatd_restart(&chatd, false); /* the session knows of an earlier version alone */
        if (w.is_checked || !world_is_quiet())
                return;
        if (session.state == SESSION_TALKING && !w.is_ended) {
                irc_client_check_answers(&client);
                irc_client_check_channels(&client, &irc);
        }
        w.is_checked = w.is_ended = true;
}

/* Returns false if nothing happens any more except that time passes. */
static bool world_step(void)
{
        world_check();
        if (w.flags & WORLD_READS)
                w.reads = ALL_BYTES;
        if (w.flags & WORLD_SERVES) {
                if (chatd.has_hello && !chatd.is_welcomed)
                        irc_chatd_welcome(&chatd, &(struct choices){NULL, NULL});
                irc_chatd_serve(&chatd, 0);
        }
        if (w.idle_turns > 0) {
                w.idle_turns--;
                return true;
        }
        if (w.script.at < w.script.end) {
                world_do_command(choose_u8(&w.script));
                return true;
        }
        world_end();
        return false;
}

static bool world_is_ready(const struct pollfd *fd, bool is_intake)
{
        if (fd->fd == FD_CLIENT && fd->events & POLLOUT)
                return w.reads > 0;
        if (fd->fd == FD_CLIENT)
                return fd->events & POLLIN && (w.sent_len > 0 || w.is_ended);
        if (fd->fd == FD_INBOX)
                return chatd.inbox_count > 0;
        return is_intake && fd->fd == FD_UPLINK &&
               (chatd.is_away || (!chatd.is_full && chatd.open_count < IRC_CHATD_OPEN_FULL));
}

int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *signals);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *signals);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *signals)
{
        int64_t wake = timeout ? w.now + timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000 : INT64_MAX;
        int ready = 0;
        if (n != WAIT_SLOTS)
                return __real_ppoll(fds, n, timeout, signals);
        for (;;) {
                bool goes_on = world_step();
                PROMISE(++w.turns < TURNS_MAX, "the session does not end");
                for (nfds_t slot = 0; slot < n; slot++) {
                        fds[slot].revents = world_is_ready(&fds[slot], slot == INTAKE_SLOT) ? fds[slot].events : 0;
                        ready += fds[slot].revents != 0;
                }
                if (ready > 0 || w.now >= wake)
                        return ready;
                if (!goes_on && wake != INT64_MAX && !world_is_quiet()) {
                        w.now = wake;
                        return 0;
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct irc_options irc_options = {.server = SERVER};
        static const volatile sig_atomic_t never = 0;
        struct kind kind = irc_kind;
        struct session_options options = {.dir = DIR};
        sigset_t signals;

        memset(&w, 0, offsetof(struct world, sent));
        w.script = (struct choices){data, data + size};
        w.now = 1000000;
        w.flags = choose_u8(&w.script);
        if (w.flags & WORLD_PACED)
                options.pace = pace_of(10, 5);
        memset(&irc, 0, sizeof(irc));
        memset(&session, 0, sizeof(session));
        irc.options = &irc_options;
        irc_client_begin(&client, SERVER);
        irc_chatd_begin(&chatd);
        kind.may_read = kind_may_read;
        kind.input = kind_input;
        kind.tick = kind_tick;
        sigemptyset(&signals);

        world_register();
        visit_begin(&session, &kind, &irc, FD_CLIENT, FD_CLIENT, &options);
        visit_run(&session, &signals, &never);
        PROMISE(session.state == SESSION_DONE, "the session ended in state %d", session.state);
        return 0;
}
