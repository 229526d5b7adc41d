#include "uplink.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/connect.h>
#include <chat/socket.h>

#include "sandbox.h"

/* The head of an entry in the queue. The bytes of the entry follow it: a frame, or as many lines as fit one. */
struct queued {
        uint64_t number; /* of the first line, or of the frame if it has a cost */
        uint16_t size;
        uint8_t lines;   /* of text, with LF between them; 0: the entry is an encoded frame */
        uint8_t cost;    /* lines that the pace counts for an encoded frame; 0: the frame goes out at once */
        uint32_t unused; /* makes the size the same on all architectures */
};

_Static_assert((int)FRAME_LINES_MAX <= UINT8_MAX, "lines are counted in a byte");

_Static_assert((int)UPLINK_LINE_OVERHEAD_BYTES == sizeof(struct queued), "uplink_room() counts with it");

static struct queued read_queued(const struct uplink *u, size_t at)
{
        struct queued q;
        memcpy(&q, u->queue + at, sizeof(q));
        return q;
}

static void write_queued(struct uplink *u, size_t at, const struct queued *q)
{
        memcpy(u->queue + at, q, sizeof(*q));
}

/* Makes room for `size` more bytes at the end of the queue. Returns their place. */
static uint8_t *extend(struct uplink *u, size_t size)
{
        if (u->start > 0 && sizeof(u->queue) - u->end < size) {
                memmove(u->queue, u->queue + u->start, u->end - u->start);
                u->last -= u->start;
                u->end -= u->start;
                u->start = 0;
        }
        if (sizeof(u->queue) - u->end < size)
                abort(); /* the caller did not call uplink_room() */
        uint8_t *at = u->queue + u->end;
        u->end += size;
        return at;
}

static void enqueue(struct uplink *u, const struct queued *q, const void *data)
{
        uint8_t *at = extend(u, sizeof(*q) + q->size);
        u->last = (size_t)(at - u->queue);
        write_queued(u, u->last, q);
        memcpy(at + sizeof(*q), data, q->size);
}

static void enqueue_frame(struct uplink *u, const struct frame *f)
{
        uint8_t encoded[FRAME_MAX_BYTES];
        enqueue(u, &(struct queued){.size = (uint16_t)frame_encode(encoded, sizeof(encoded), f)}, encoded);
}

void uplink_request(struct uplink *u, struct frame f, unsigned cost)
{
        uint8_t encoded[FRAME_MAX_BYTES];
        f.id = u->id;
        f.number = ++u->number;
        enqueue(u,
                &(struct queued){.size = (uint16_t)frame_encode(encoded, sizeof(encoded), &f),
                                 .cost = (uint8_t)cost,
                                 .number = f.number},
                encoded);
}

/* Returns a random number from the kernel itself: getrandom(3) may map memory at its first use (glibc 2.41 does), which
 * the sandbox forbids, and a session behind a proxy first draws in the sandbox. */
static uint64_t draw_random(void)
{
        uint64_t random;
        if (syscall(SYS_getrandom, &random, sizeof(random), 0) != sizeof(random))
                abort(); /* cannot happen once the system is up, getrandom(2) */
        return random;
}

void uplink_init(struct uplink *u, const char *dir, struct slice name, struct slice address, struct pace pace)
{
        u->dir = dir;
        u->name = name;
        u->address = address;
        u->pace = pace;
        u->key = draw_random();
        u->id = (uint64_t)getpid() << 32 | (draw_random() & UINT32_MAX);
        u->inbox = -1;
        enqueue_frame(u, &(struct frame){.type = FRAME_HELLO,
                                         .id = u->id,
                                         .key = u->key,
                                         .name = name,
                                         .address = address,
                                         .quiet = true,
                                         .confinement = (uint8_t)u->confinement});
}

void uplink_unserved(struct uplink *u, const char *dir, int error)
{
        uint8_t encoded[FRAME_MAX_BYTES];
        struct stat intake;
        if (connect_broker(u->socket, dir, &intake) < 0)
                return;
        struct frame f = {.type = FRAME_UNSERVED, .id = (uint64_t)getpid() << 32, .key = (uint64_t)error};
        send(u->socket, encoded, frame_encode(encoded, sizeof(encoded), &f), MSG_NOSIGNAL);
}

void uplink_say(struct uplink *u, struct slice text)
{
        struct queued last = u->end > u->start ? read_queued(u, u->last) : (struct queued){0};
        u->number++;
        if (last.lines == 0 || last.lines == FRAME_LINES_MAX || last.size + 1 + text.len > TEXT_MAX_BYTES) {
                enqueue(u, &(struct queued){.size = (uint16_t)text.len, .lines = 1, .number = u->number}, text.at);
                return;
        }
        char *at = (char *)extend(u, 1 + text.len);
        at[0] = '\n';
        memcpy(at + 1, text.at, text.len);
        last.size = (uint16_t)(last.size + 1 + text.len);
        last.lines++;
        write_queued(u, u->last, &last);
}

void uplink_bye(struct uplink *u, enum leave_reason reason, struct slice text, uint64_t lines_out, uint64_t skipped)
{
        enqueue_frame(u, &(struct frame){.type = FRAME_BYE,
                                         .id = u->id,
                                         .number = u->number,
                                         .reason = (uint8_t)reason,
                                         .text = text,
                                         .lines_out = lines_out,
                                         .skipped = skipped});
}

void uplink_arrive(struct uplink *u)
{
        if (u->broker_version >= frame_since(FRAME_ARRIVE))
                enqueue_frame(u, &(struct frame){.type = FRAME_ARRIVE, .id = u->id});
}

void uplink_answer(struct uplink *u)
{
        u->here_due = u->greeted && !u->departed;
        u->retry_at = u->again_at = 0;
        u->retry_ms = UPLINK_RETRY_MIN_MS;
}

void uplink_answer_uncalled(struct uplink *u, int64_t now)
{
        if (u->greeted && !u->departed)
                u->here_at = now + UPLINK_UNCALLED_MS + (int64_t)(draw_random() % UPLINK_UNCALLED_MS);
}

void uplink_count(struct uplink *u, uint64_t lines_out, uint64_t skipped)
{
        u->lines_out = lines_out;
        u->skipped = skipped;
}

size_t uplink_room(const struct uplink *u)
{
        return sizeof(u->queue) - (u->end - u->start);
}

void uplink_discard(struct uplink *u)
{
        u->start = u->end = 0;
        u->paced = false;
}

bool uplink_waits(const struct uplink *u)
{
        return u->end > u->start || u->here_due;
}

size_t uplink_lines_waiting(const struct uplink *u)
{
        size_t lines = 0;
        struct queued q;
        for (size_t at = u->start; at < u->end; at += sizeof(q) + q.size) {
                q = read_queued(u, at);
                lines += q.cost > 0 ? 1 : q.lines;
        }
        return lines;
}

void uplink_relayed(struct uplink *u, uint64_t number)
{
        uint64_t most = u->lost_to > 0 ? u->lost_to : u->handed_over;
        if (number > u->relayed && number <= most)
                u->relayed = number;
}

uint64_t uplink_lost_lines(struct uplink *u)
{
        uint64_t lines = u->lost_to > u->relayed ? u->lost_to - u->relayed : 0;
        u->relayed += lines;
        u->lost_to = 0;
        u->queue_lost = false;
        return lines;
}

int64_t uplink_wake_ms(const struct uplink *u)
{
        if (!u->connected)
                return u->retry_at;
        if (u->again_at != 0)
                return u->again_at;
        int64_t wake = u->paced ? u->turn_at : INT64_MAX;
        return u->here_at != 0 ? clock_earlier(wake, u->here_at) : wake;
}

/* Notes that the socket failed: its other end is gone, and the queue with it. The socket stays, for the next chatd: see
 * sandbox.h. */
static void disconnect(struct uplink *u, int error, int64_t now)
{
        if (u->connected) {
                u->lost_to = u->handed_over;
                u->queue_lost = true;
        }
        u->connected = u->blocked = u->paced = false;
        u->stand_back_ms = 0;
        u->again_at = 0;
        u->error = error;
        u->retry_at = now + u->retry_ms;
        u->retry_ms = u->retry_ms * 2 < UPLINK_RETRY_MAX_MS ? u->retry_ms * 2 : UPLINK_RETRY_MAX_MS;
}

static void close_inbox(struct uplink *u)
{
        struct sockaddr_un address;
        if (u->inbox < 0)
                return;
        path_inbox(&address, u->dir, u->key);
        unlink(address.sun_path);
        close(u->inbox);
        u->inbox = -1;
}

/* Receives a datagram, the sender's credentials as the kernel states them, and the descriptors that came along. Returns
 * the size, or -1. */
static ssize_t receive(const struct uplink *u, void *buffer, size_t size, struct ucred *cred, struct socket_fds *fds)
{
        struct fds_room control;
        struct iovec iov = {.iov_base = buffer, .iov_len = size};
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(u->inbox, &msg, MSG_CMSG_CLOEXEC);
        if (n >= 0 && (!socket_credentials(&msg, cred) || (msg.msg_flags & MSG_TRUNC)))
                *cred = (struct ucred){.pid = 0, .uid = (uid_t)-1};
        fds->count = 0;
        if (n >= 0)
                socket_take_fds(&msg, fds);
        return n;
}

/* Returns true if a datagram to `address` arrives in our inbox. Another process of our user may have put its own socket
 * in place of ours between bind() and rename(), and would get our datagrams. */
static bool leads_to_inbox(const struct uplink *u, const struct sockaddr_un *address)
{
        uint64_t nonce = draw_random(), got;
        struct ucred cred;
        struct socket_fds fds;
        bool sent = connect(u->socket, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                    send(u->socket, &nonce, sizeof(nonce), MSG_NOSIGNAL) == sizeof(nonce);
        /* other processes may have sent datagrams in the meantime */
        while (sent && receive(u, &got, sizeof(got), &cred, &fds) >= 0) {
                socket_close_fds(&fds);
                if (cred.pid == getpid() && got == nonce)
                        return true;
        }
        return false;
}

/* Binds the inbox under a name that everybody may know, and renames it. Returns 0 or a negative errno. */
static int bind_inbox(const struct uplink *u, const struct sockaddr_un *address)
{
        struct sockaddr_un binding;
        int on = 1, r = path_binding(&binding, u->dir, getpid(), (uint32_t)draw_random());
        if (r < 0)
                return r;
        if (setsockopt(u->inbox, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        if (bind(u->inbox, (const struct sockaddr *)&binding, sizeof(binding)) < 0)
                return -errno;
        if (rename(binding.sun_path, address->sun_path) < 0) {
                r = -errno;
                unlink(binding.sun_path);
        } else if (!leads_to_inbox(u, address)) {
                unlink(address->sun_path);
                r = -EPERM;
        }
        return r;
}

/* Binds the inbox. Binds it again if its file is gone: the run directory may have been made anew. Returns 0 or a
 * negative errno. */
static int open_inbox(struct uplink *u)
{
        struct sockaddr_un address;
        int r = path_inbox(&address, u->dir, u->key);
        if (r < 0)
                return r;
        if (u->inbox >= 0 && access(address.sun_path, F_OK) == 0)
                return 0;
        close_inbox(u);
        u->inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (u->inbox < 0)
                return -errno;
        r = bind_inbox(u, &address);
        if (r < 0) {
                close(u->inbox);
                u->inbox = -1;
        }
        return r;
}

/* Connects to chatd's intake. Returns 0 or a negative errno. */
static int connect_intake(struct uplink *u)
{
        struct stat intake;
        int r = connect_broker(u->socket, u->dir, &intake);
        if (r < 0)
                return r;
        u->connected = true;
        u->broker = intake.st_uid;
        u->intake = intake.st_ino;
        return 0;
}

static bool connect_now(struct uplink *u, int64_t now)
{
        if (u->retry_ms == 0)
                u->retry_ms = UPLINK_RETRY_MIN_MS;
        int r = open_inbox(u);
        if (r == 0)
                r = connect_intake(u);
        if (r < 0) {
                disconnect(u, -r, now);
                return false;
        }
        u->error = 0;
        u->here_due = u->greeted && !u->departed;
        return true;
}

/* Hands one frame to the intake. Returns 1, 0 if the intake is full, or a negative errno if it is gone. */
static int hand_over(struct uplink *u, const void *data, size_t size)
{
        if (send(u->socket, data, size, MSG_NOSIGNAL) >= 0)
                return 1;
        return socket_is_transient(errno) ? 0 : -errno;
}

static int hand_over_here(struct uplink *u)
{
        uint8_t here[FRAME_MAX_BYTES];
        size_t size = frame_encode(here, sizeof(here),
                                   &(struct frame){.type = FRAME_HERE,
                                                   .id = u->id,
                                                   .key = u->key,
                                                   .number = u->lost_to > 0 ? u->relayed : u->handed_over,
                                                   .name = u->name,
                                                   .address = u->address,
                                                   .confinement = (uint8_t)u->confinement,
                                                   .lines_out = u->lines_out,
                                                   .skipped = u->skipped});
        int r = hand_over(u, here, size);
        if (r > 0) {
                u->here_due = false;
                u->here_at = 0;
        }
        return r;
}

static void remove_first(struct uplink *u, size_t size)
{
        u->start += size;
        if (u->start == u->end)
                u->start = u->end = 0;
}

/* Returns the first `n` lines of `text`, which must have as many. */
static struct slice first_lines(struct slice text, size_t n)
{
        struct slice rest = text, line = {text.at, 0};
        while (n-- > 0)
                line_next(&rest, &line);
        return (struct slice){text.at, (size_t)(line.at + line.len - text.at)};
}

/* Hands over those lines at the head of the queue whose turn it is, at least one. Returns as hand_over(). */
static int hand_over_lines(struct uplink *u, struct queued q, int64_t now)
{
        uint8_t encoded[FRAME_MAX_BYTES];
        struct frame f = {.type = FRAME_LINE, .id = u->id, .number = q.number};
        struct pace pace = u->pace;
        uint16_t n = 0;

        for (; n < q.lines && pace_next_ms(&pace, now) <= now; n++)
                pace_take(&pace, now);
        f.text = (struct slice){(char *)u->queue + u->start + sizeof(q), q.size};
        if (n < q.lines)
                f.text = first_lines(f.text, n);
        int r = hand_over(u, encoded, frame_encode(encoded, sizeof(encoded), &f));
        if (r <= 0)
                return r;
        u->handed_over = q.number + n - 1;
        u->pace = pace;
        if (n == q.lines) {
                remove_first(u, sizeof(q) + q.size);
                return r;
        }
        size_t taken = f.text.len + 1;
        if (u->last == u->start)
                u->last += taken;
        u->start += taken;
        q = (struct queued){
                .size = (uint16_t)(q.size - taken), .lines = (uint8_t)(q.lines - n), .number = q.number + n};
        write_queued(u, u->start, &q);
        return r;
}

/* Hands over the first entry of the queue. Returns as hand_over(); also 0 if it is a line that must wait for its
 * turn. */
static int hand_over_first(struct uplink *u, int64_t now)
{
        struct queued q = read_queued(u, u->start);
        u->turn_at = q.lines + q.cost > 0 ? pace_next_ms(&u->pace, now) : now;
        u->paced = u->turn_at > now;
        if (u->paced)
                return 0;
        if (q.lines > 0)
                return hand_over_lines(u, q, now);
        struct frame f;
        const uint8_t *frame = u->queue + u->start + sizeof(q);
        int r = hand_over(u, frame, q.size);
        if (r > 0 && q.cost > 0) {
                u->handed_over = q.number;
                for (unsigned i = 0; i < q.cost; i++)
                        pace_take(&u->pace, now);
                remove_first(u, sizeof(q) + q.size);
        } else if (r > 0) {
                u->greeted = true;
                u->departed = frame_decode(&f, frame, q.size) == 0 && f.type == FRAME_BYE;
                remove_first(u, sizeof(q) + q.size);
        }
        return r;
}

/* Waits for room in the intake. The kernel wakes all processes that poll a full intake for each datagram that it takes
 * out. So if thousands of clients come at once, a session that does not get in soon stops polling for a random time,
 * longer each time. */
static void wait_for_room(struct uplink *u, int64_t now)
{
        u->blocked = u->stand_back_ms == 0;
        if (u->blocked) {
                u->again_at = now + UPLINK_ROOM_MS;
                u->stand_back_ms = UPLINK_STAND_BACK_MIN_MS;
                return;
        }
        u->again_at = now + 1 + (int64_t)(draw_random() % (uint64_t)u->stand_back_ms);
        u->stand_back_ms =
                u->stand_back_ms * 2 < UPLINK_STAND_BACK_MAX_MS ? u->stand_back_ms * 2 : UPLINK_STAND_BACK_MAX_MS;
}

void uplink_has_room(struct uplink *u)
{
        u->again_at = 0;
}

void uplink_pump(struct uplink *u, int64_t now)
{
        if (!u->connected && (now < u->retry_at || !connect_now(u, now)))
                return;
        if (now < u->again_at)
                return;
        u->blocked = u->paced = false;
        u->again_at = 0;
        u->here_due |= u->here_at != 0 && (now >= u->here_at || u->end > u->start);
        while (uplink_waits(u)) {
                int r = u->here_due ? hand_over_here(u) : hand_over_first(u, now);
                if (r < 0) {
                        disconnect(u, 0, now);
                        return;
                }
                if (r == 0) {
                        if (!u->paced)
                                wait_for_room(u, now);
                        return;
                }
                u->retry_ms = UPLINK_RETRY_MIN_MS;
                u->stand_back_ms = 0;
        }
}

bool uplink_receive(struct uplink *u, void *buffer, struct frame *f, struct socket_fds *fds)
{
        struct ucred cred;
        ssize_t n = receive(u, buffer, DATAGRAM_MAX_BYTES, &cred, fds);
        if (n < 0)
                return false;
        bool ours = cred.uid == u->broker;
        u->taken += ours;
        if (ours && frame_decode(f, buffer, (size_t)n) == 0) {
                u->broker_version = f->version;
                return true;
        }
        socket_close_fds(fds);
        return false;
}

void uplink_check_intake(struct uplink *u)
{
        struct sockaddr_un address;
        struct stat st;
        if (u->handed_over == u->relayed || !u->connected || path_broker(&address, u->dir) < 0)
                return;
        if (stat(address.sun_path, &st) < 0 || st.st_ino != u->intake ||
            connect(u->socket, (const struct sockaddr *)&address, sizeof(address)) < 0)
                u->lost_to = u->handed_over;
}

void uplink_close(struct uplink *u)
{
        close_inbox(u);
        if (u->socket >= 0 && u->socket != SANDBOX_UPLINK_FD)
                close(u->socket);
        u->socket = -1;
        u->connected = false;
}
