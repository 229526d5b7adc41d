/* chatd's queue: one UNIX datagram socket, walked in three steps, peek, relay, consume.
 *
 * intake_peek() copies a window of datagrams from the head of the queue without removing them (SO_PEEK_OFF, socket(7));
 * intake_consume() removes them once they have been dealt with. What was peeked and not consumed when chatd dies is
 * still in the queue for the next chatd, because PID 1 holds the socket.
 *
 * Traps that this module is there for:
 * - A datagram longer than a slot would be peeked as several pieces: the window ends at it, and the offset is set
 *   behind it.
 * - An empty datagram moves no offset. A second walk over it, as after a crash, does not show it any more, but it is
 *   removed like any other: only datagrams with content are counted.
 * - Descriptors in a datagram (SCM_RIGHTS) are not installed, because the control buffer has room for the sender's
 *   credentials alone.
 *
 * Does not own the socket.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <chat/frame.h>

enum { INTAKE_WINDOW = 512 }; /* datagrams in a window: what net.unix.max_dgram_qlen is under systemd */

struct intake_slot;

struct intake {
        int fd;
        struct mmsghdr *headers; /* INTAKE_WINDOW of each */
        struct intake_slot *slots;
        size_t first, count; /* what of the window is not consumed */
        size_t used;         /* slots that the last peek filled */
        size_t walked;       /* the socket's peek offset: bytes that were peeked and not consumed */
};

/* One datagram of the window; valid until the next intake_peek(). */
struct datagram {
        const uint8_t *data;
        size_t size;
        bool truncated; /* it was longer than any frame */
        uid_t uid;      /* of the sender, from the kernel; -1 where it is not known */
        pid_t pid;
};

/* Takes the socket `fd` into use, from the head of its queue. Returns 0 or a negative errno. */
int intake_init(struct intake *in, int fd);
void intake_free(struct intake *in);

/* Peeks what is queued, if the window is empty. Returns how many datagrams the window holds,
 * or a negative errno. Does not block. */
int intake_peek(struct intake *in);

/* The window's datagram `i`, from 0 to what intake_peek() returned less one. */
struct datagram intake_get(const struct intake *in, size_t i);

/* Removes the window's first `n` datagrams from the queue. Returns 0 or a negative errno. */
int intake_consume(struct intake *in, size_t n);

/* Empties the window without removing anything: the next peek goes on behind it. */
void intake_skip(struct intake *in);

/* Empties the window: the next peek begins at the head of the queue again. Returns 0 or a negative errno. */
int intake_rewind(struct intake *in);
