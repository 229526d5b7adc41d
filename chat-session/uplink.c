#include "uplink.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/connect.h>
#include <chat/socket.h>

static void enqueue(struct uplink *u, const struct frame *f)
{
        uint16_t size = 0;
        if (u->start > 0 && sizeof(u->queue) - u->end < sizeof(size) + FRAME_MAX_BYTES) {
                memmove(u->queue, u->queue + u->start, u->end - u->start);
                u->end -= u->start;
                u->start = 0;
        }
        uint8_t *at = u->queue + u->end;
        if (sizeof(u->queue) - u->end > sizeof(size))
                size = (uint16_t)frame_encode(at + sizeof(size), sizeof(u->queue) - u->end - sizeof(size), f);
        if (size == 0)
                abort(); /* the caller did not ask uplink_room() */
        memcpy(at, &size, sizeof(size));
        u->end += sizeof(size) + size;
}

static uint64_t draw_random(void)
{
        uint64_t random;
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
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
        u->inbox = u->socket = -1;
        enqueue(u, &(struct frame){.type = FRAME_HELLO, .id = u->id, .key = u->key, .name = name, .address = address});
}

void uplink_say(struct uplink *u, struct slice text)
{
        enqueue(u, &(struct frame){.type = FRAME_LINE, .id = u->id, .number = ++u->number, .text = text});
}

void uplink_bye(struct uplink *u, enum leave_reason reason, uint64_t lines_out, uint64_t skipped)
{
        enqueue(u, &(struct frame){.type = FRAME_BYE,
                                   .id = u->id,
                                   .number = u->number,
                                   .reason = (uint8_t)reason,
                                   .lines_out = lines_out,
                                   .skipped = skipped});
}

void uplink_answer(struct uplink *u)
{
        u->here_due = u->greeted && !u->departed;
        u->retry_at = 0;
        u->retry_ms = UPLINK_RETRY_MIN_MS;
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

bool uplink_waits(const struct uplink *u)
{
        return u->end > u->start || u->here_due;
}

/* Reads the frame at `at` of the queue. Returns how much of the queue it takes. */
static size_t read_queue(const struct uplink *u, size_t at, struct frame *f)
{
        uint16_t size;
        memcpy(&size, u->queue + at, sizeof(size));
        if (frame_decode(f, u->queue + at + sizeof(size), size) != 0)
                abort(); /* what enqueue() put there */
        return sizeof(size) + size;
}

size_t uplink_lines_waiting(const struct uplink *u)
{
        size_t lines = 0;
        struct frame f;
        for (size_t at = u->start; at < u->end;) {
                at += read_queue(u, at, &f);
                lines += f.type == FRAME_LINE;
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
        return lines;
}

int64_t uplink_wake_ms(const struct uplink *u)
{
        if (u->socket < 0)
                return u->retry_at;
        return u->paced ? u->turn_at : INT64_MAX;
}

/* A socket that fails is one whose other end is gone, and the queue with it. */
static void disconnect(struct uplink *u, int error, int64_t now)
{
        if (u->socket >= 0) {
                close(u->socket);
                u->lost_to = u->handed_over;
        }
        u->socket = -1;
        u->blocked = u->paced = false;
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

/* Takes a datagram and the kernel's word on its sender from the inbox. Returns its size, or -1. */
static ssize_t receive(const struct uplink *u, void *buffer, size_t size, struct ucred *cred)
{
        struct credentials_room control;
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
        return n;
}

/* Whether what is sent to `address` arrives in our inbox. Another process of our user may have put a socket of its own
 * in place of ours, between bind() and rename(), and would get what is meant for us. */
static bool leads_to_inbox(const struct uplink *u, const struct sockaddr_un *address)
{
        uint64_t nonce = draw_random(), got;
        struct ucred cred;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return false;
        bool sent = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                    send(fd, &nonce, sizeof(nonce), MSG_NOSIGNAL) == sizeof(nonce);
        close(fd);
        while (sent && receive(u, &got, sizeof(got), &cred) >= 0) /* others may have sent something meanwhile */
                if (cred.pid == getpid() && got == nonce)
                        return true;
        return false;
}

/* Binds under a name that anybody may know, and renames. Returns 0 or a negative errno. */
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

/* Binds the inbox, and again where its file is gone: the run directory may have been made anew. Returns 0 or a
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

/* Returns 0 or a negative errno. */
static int open_socket(struct uplink *u)
{
        struct stat intake;
        u->socket = connect_broker(u->dir, &intake);
        if (u->socket < 0)
                return u->socket;
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
                r = open_socket(u);
        if (r < 0) {
                disconnect(u, -r, now);
                return false;
        }
        u->error = 0;
        u->here_due = u->greeted && !u->departed;
        return true;
}

/* Hands one frame to the intake. Returns 1, 0 when it is full, or a negative errno when it is gone. */
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
                                                   .lines_out = u->lines_out,
                                                   .skipped = u->skipped});
        int r = hand_over(u, here, size);
        if (r > 0)
                u->here_due = false;
        return r;
}

static void remove_first(struct uplink *u, size_t size)
{
        u->start += size;
        if (u->start == u->end)
                u->start = u->end = 0;
}

/* Hands over the lines at the head of the queue that may go now, as many as one frame takes. Returns as hand_over(). */
static int hand_over_lines(struct uplink *u, int64_t now)
{
        char text[TEXT_MAX_BYTES];
        uint8_t encoded[FRAME_MAX_BYTES];
        struct frame lines = {.type = FRAME_LINE, .id = u->id}, f;
        struct wire_writer w = wire_write(text, sizeof(text));
        struct pace pace = u->pace;
        size_t count = 0, taken = 0;

        while (count < FRAME_LINES_MAX && u->start + taken < u->end && pace_next_ms(&pace, now) <= now) {
                size_t size = read_queue(u, u->start + taken, &f);
                struct wire_writer longer = w;
                if (count > 0)
                        wire_put_u8(&longer, '\n');
                wire_put(&longer, f.text.at, f.text.len);
                if (f.type != FRAME_LINE || longer.bad)
                        break;
                if (count == 0)
                        lines.number = f.number;
                w = longer;
                pace_take(&pace, now);
                taken += size;
                count++;
        }
        lines.text = (struct slice){text, wire_written(&w)};
        int r = hand_over(u, encoded, frame_encode(encoded, sizeof(encoded), &lines));
        if (r > 0) {
                u->handed_over = lines.number + count - 1;
                u->pace = pace;
                remove_first(u, taken);
        }
        return r;
}

/* Hands over what is first in the queue. Returns as hand_over(), and 0 where it is a line that has to wait for its turn. */
static int hand_over_first(struct uplink *u, int64_t now)
{
        struct frame f;
        size_t taken = read_queue(u, u->start, &f);
        u->turn_at = f.type == FRAME_LINE ? pace_next_ms(&u->pace, now) : now;
        u->paced = u->turn_at > now;
        if (u->paced)
                return 0;
        if (f.type == FRAME_LINE)
                return hand_over_lines(u, now);
        int r = hand_over(u, u->queue + u->start + sizeof(uint16_t), taken - sizeof(uint16_t));
        if (r > 0) {
                u->greeted = true;
                u->departed = f.type == FRAME_BYE;
                remove_first(u, taken);
        }
        return r;
}

void uplink_pump(struct uplink *u, int64_t now)
{
        if (u->socket < 0 && (now < u->retry_at || !connect_now(u, now)))
                return;
        u->blocked = u->paced = false;
        while (uplink_waits(u)) {
                int r = u->here_due ? hand_over_here(u) : hand_over_first(u, now);
                if (r < 0) {
                        disconnect(u, 0, now);
                        return;
                }
                if (r == 0) {
                        u->blocked = !u->paced;
                        return;
                }
                u->retry_ms = UPLINK_RETRY_MIN_MS;
        }
}

bool uplink_receive(struct uplink *u, void *buffer, struct frame *f)
{
        struct ucred cred;
        ssize_t n = receive(u, buffer, DATAGRAM_MAX_BYTES, &cred);
        return n >= 0 && cred.uid == u->broker && frame_decode(f, buffer, (size_t)n) == 0;
}

void uplink_check_intake(struct uplink *u)
{
        struct sockaddr_un address;
        struct stat st;
        if (u->handed_over == u->relayed || u->socket < 0 || path_broker(&address, u->dir) < 0)
                return;
        if (stat(address.sun_path, &st) < 0 || st.st_ino != u->intake ||
            connect(u->socket, (const struct sockaddr *)&address, sizeof(address)) < 0)
                u->lost_to = u->handed_over;
}

void uplink_close(struct uplink *u)
{
        close_inbox(u);
        if (u->socket >= 0)
                close(u->socket);
        u->socket = -1;
}
