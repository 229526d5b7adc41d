#include "world.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <chat/answer.h>

#include "../../chat-session/client-output.h"
#include "../../chat-session/talk.h"
#include "../../chat-session/uplink-inbox.h"
#include "../../chat-session/visit.h"

#define WORLD_DIR "/world"

enum {
        FD_CLIENT = 100001, /* descriptors that the system does not have */
        FD_UPLINK,
        FD_INBOX,
        ALL_BYTES = 1 << 30,
        ENDING_MAX_TURNS = 10000,
        TURNS_MAX = 100000,
        WAIT_SLOTS = 4, /* of visit.c */
        INTAKE_SLOT = 3,
};

struct world world;

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
        *t = (struct timespec){.tv_sec = world.now / 1000, .tv_nsec = world.now % 1000 * 1000000};
        return 0;
}

/* _FILE_OFFSET_BITS makes stat() this function. */
int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st)
{
        if (strncmp(path, WORLD_DIR, strlen(WORLD_DIR)) != 0)
                return __real_stat64(path, st);
        *st = (struct stat){.st_ino = world.chatd.epoch};
        if (!world.chatd.is_away)
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
        world.chatd.is_queue_gone = false;
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
        size_t n = size < world.reads ? size : world.reads;
        if (fd != FD_CLIENT && fd != FD_UPLINK)
                return __real_send(fd, data, size, flags);
        if (fd == FD_CLIENT && world.is_broken) {
                errno = EPIPE;
                return -1;
        }
        if (fd == FD_UPLINK) {
                world_trace_frame("to chatd: ", data, size);
                errno = -solo_chatd_take(&world.chatd, data, size);
                return errno == 0 ? (ssize_t)size : -1;
        }
        if (n == 0 && size > 0) {
                errno = EAGAIN;
                return -1;
        }
        world.reads -= n;
        world_trace("to the client:\n", data, n);
        world.client->sees(data, n);
        return (ssize_t)n;
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
        size_t n = size < world.sent_len ? size : world.sent_len;
        PROMISE(fd == FD_CLIENT, "recv(%d)", fd);
        if (world.is_broken) {
                errno = ECONNRESET;
                return -1;
        }
        if (n == 0 && world.is_ended)
                return 0;
        if (n == 0) {
                errno = EAGAIN;
                return -1;
        }
        memcpy(data, world.sent + world.sent_at, n);
        if (!(flags & MSG_PEEK)) {
                world.sent_at += n;
                world.sent_len -= n;
        }
        return (ssize_t)n;
}

/* In place of uplink-inbox.c. */

uint64_t uplink_random(void)
{
        world.random = world.random * UINT64_C(6364136223846793005) + 1;
        return world.random;
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
        size_t n = solo_chatd_give(&world.chatd, buffer);
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
        world.may_read = world.client->kind->may_read(me);
        return world.may_read;
}

static void kind_input(void *me, const uint8_t *bytes, size_t n)
{
        PROMISE(n > 0 && n <= world.may_read, "%zu bytes of at most %zu", n, world.may_read);
        world.client->kind->input(me, bytes, n);
}

static void kind_tick(void *me)
{
        world.client->kind->tick(me);
        PROMISE(world.client->kind->due(me) > world.session.now, "the next tick is due at once");
}

/* ---- the client ---- */

void world_type(const void *bytes, size_t n)
{
        if (world.is_ended || world.is_broken || n > world.client->sent_most_bytes - world.sent_at - world.sent_len)
                return;
        memcpy(world.sent + world.sent_at + world.sent_len, bytes, n);
        world.sent_len += n;
        world_trace("from the client: ", bytes, n);
        world.client->says(bytes, n);
}

void world_type_text(const char *text)
{
        world_type(text, strlen(text));
}

void world_type_raw(void)
{
        size_t n = choose_u8(&world.script), left = (size_t)(world.script.end - world.script.at);
        n = n < left ? n : left;
        world_type(world.script.at, n);
        world.script.at += n;
}

void world_type_many(const char *format, unsigned n)
{
        char text[64];
        for (; n > 0; n--) {
                snprintf(text, sizeof(text), format, n);
                world_type_text(text);
        }
}

/* ---- the script ---- */

/* Lets chatd relay records, and the same `more` times again. */
static void world_relay(unsigned more)
{
        const uint8_t *begin = world.script.at;
        solo_chatd_relay(&world.chatd, &world.script);
        for (; more > 0; more--) {
                world.script.at = begin;
                solo_chatd_relay(&world.chatd, &world.script);
        }
}

/* The client resets the connection. What the session has not read is lost. */
static void world_break(void)
{
        world.is_broken = true;
        world.sent_len = 0;
}

/* Takes the next command. Its lower digit says what happens. */
static void world_do_command(uint8_t command)
{
        unsigned more = command >> 4;
        switch (command & 15) {
        case 0:
        case 1:
                world.client->type();
                break;
        case 2:
                world_type_raw();
                break;
        case 3:
                solo_chatd_serve(&world.chatd, choose_u8(&world.script));
                break;
        case 4:
                solo_chatd_answer(&world.chatd, &world.script);
                break;
        case 5:
                world_relay(more);
                break;
        case 6:
                solo_chatd_show_past(&world.chatd, &world.script);
                break;
        case 7:
                solo_chatd_say(&world.chatd, &world.script);
                break;
        case 8:
                solo_chatd_welcome(&world.chatd, &world.script);
                break;
        case 9:
                world.reads += more < 15 ? more * more * 512 : ALL_BYTES;
                break;
        case 10:
                world.now += more * more * 200;
                break;
        case 11:
                solo_chatd_restart(&world.chatd, more & 1);
                break;
        case 12:
                world.chatd.is_away = more & 1;
                world.chatd.is_full = more & 2;
                world.chatd.is_old = more == 15 && world.client->meets_old_chatd;
                break;
        case 13:
                world.flags ^= more & (WORLD_SERVES);
                world.flags ^= more & 1 ? WORLD_READS : 0;
                if (more == 6)
                        world_break();
                if (more == 4)
                        world.is_stopped = true;
                break;
        case 14:
                world_type_many(world.client->many, 1 + more * more);
                break;
        default:
                if (more == 15)
                        world.is_ended = true;
                else
                        world.idle_turns = more;
                break;
        }
}

/* ---- the end ---- */

static bool world_is_quiet(void)
{
        return world.sent_len == 0 && world.chatd.open_count == 0 && world.chatd.inbox_count == 0 &&
               !client_waits(&world.session.client) &&
               (world.session.presence == SESSION_STRANGER || !uplink_waits(&world.session.uplink)) &&
               !world.session.uplink.is_queue_lost &&
               (world.session.state != SESSION_TALKING ||
                (world.client->kind->may_read(world.client->me) > 0 &&
                 !world.client->kind->holds_input(world.client->me) && world.client->is_settled()));
}

/* Lets everything be answered. When all is quiet, checks that, and lets the client leave. */
static void world_end(void)
{
        PROMISE(++world.ending_turns < ENDING_MAX_TURNS,
                "stuck: %zu bytes unread, %zu requests, %zu datagrams, %zu bytes unsent, may read %zu", world.sent_len,
                world.chatd.open_count, world.chatd.inbox_count, world.session.client.end - world.session.client.start,
                world.client->kind->may_read(world.client->me));
        world.reads = ALL_BYTES;
        solo_chatd_finish(&world.chatd);
        if (talk_version(&world.session) < frame_since(FRAME_ENTER) && world.chatd.inbox_count == 0)
                solo_chatd_restart(&world.chatd, false); /* the session knows of an earlier version alone */
        if (world.is_checked || !world_is_quiet())
                return;
        if (world.session.state == SESSION_TALKING && !world.is_ended && !world.is_broken)
                world.client->check_answers();
        world.is_checked = world.is_ended = true;
}

/* Returns false if nothing happens any more except that time passes. */
static bool world_step(void)
{
        const struct client *c = &world.session.client;
        PROMISE(c->start <= c->end && c->end <= sizeof(c->buffer), "the client's buffer overflowed");
        world.client->check();
        if (world.flags & WORLD_READS)
                world.reads = ALL_BYTES;
        if (world.flags & WORLD_SERVES) {
                if (world.chatd.has_hello && !world.chatd.is_welcomed)
                        solo_chatd_welcome(&world.chatd, &(struct choices){NULL, NULL});
                solo_chatd_serve(&world.chatd, 0);
        }
        if (world.idle_turns > 0) {
                world.idle_turns--;
                return true;
        }
        if (world.script.at < world.script.end) {
                world_do_command(choose_u8(&world.script));
                return true;
        }
        world_end();
        return false;
}

static bool world_is_ready(const struct pollfd *fd, bool is_intake)
{
        if (fd->fd == FD_CLIENT && world.is_broken)
                return true;
        if (fd->fd == FD_CLIENT && fd->events & POLLOUT)
                return world.reads > 0;
        if (fd->fd == FD_CLIENT)
                return fd->events & POLLIN && (world.sent_len > 0 || world.is_ended);
        if (fd->fd == FD_INBOX)
                return world.chatd.inbox_count > 0;
        return is_intake && fd->fd == FD_UPLINK &&
               (world.chatd.is_away || (!world.chatd.is_full && world.chatd.open_count < SOLO_CHATD_OPEN_FULL));
}

int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *signals);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *signals);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *signals)
{
        int64_t wake = timeout ? world.now + timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000 : INT64_MAX;
        int ready = 0;
        if (n != WAIT_SLOTS)
                return __real_ppoll(fds, n, timeout, signals);
        for (;;) {
                bool goes_on = world_step();
                PROMISE(++world.turns < TURNS_MAX, "the session does not end");
                for (nfds_t slot = 0; slot < n; slot++) {
                        short more = fds[slot].fd == FD_CLIENT && world.is_broken ? POLLHUP : 0;
                        fds[slot].revents =
                                world_is_ready(&fds[slot], slot == INTAKE_SLOT) ? fds[slot].events | more : 0;
                        ready += fds[slot].revents != 0;
                }
                if (ready > 0 || world.now >= wake)
                        return ready;
                if (!goes_on && wake != INT64_MAX && !world_is_quiet()) {
                        world.now = wake;
                        return 0;
                }
        }
}

void world_begin(const struct world_client *client, const uint8_t *data, size_t size)
{
        memset(&world, 0, offsetof(struct world, sent));
        memset(&world.session, 0, sizeof(world.session));
        solo_chatd_begin(&world.chatd);
        world.client = client;
        world.script = (struct choices){data, data + size};
        world.now = 1000000;
        world.flags = choose_u8(&world.script);
}

void world_run(void)
{
        struct kind kind = *world.client->kind;
        struct session_options options = {.dir = WORLD_DIR};
        sigset_t signals;

        if (world.flags & WORLD_PACED)
                options.pace = pace_of(10, 5);
        kind.may_read = kind_may_read;
        kind.input = kind_input;
        kind.tick = kind_tick;
        sigemptyset(&signals);
        visit_begin(&world.session, &kind, world.client->me, FD_CLIENT, FD_CLIENT, &options);
        visit_run(&world.session, &signals, &world.is_stopped);
        PROMISE(world.session.state == SESSION_DONE, "the session ended in state %d", world.session.state);
}
