/* chatd's queue, a UNIX datagram socket. chatd peeks datagrams, relays them, and then consumes them.
 *
 * intake_peek() copies a window of datagrams from the head of the queue without removing them (SO_PEEK_OFF, socket(7));
 * intake_consume() removes them after they were handled. Datagrams that were peeked and not consumed when chatd dies
 * are still in the queue for the next chatd, because PID 1 holds the socket.
 *
 * This module handles these traps:
 * - A datagram that is longer than a slot would be peeked in several pieces. So the window ends with it, and the offset
 *   is set behind it.
 * - An empty datagram does not move the offset, and a second walk, as after a crash, does not show it any more. It is
 *   removed like any other datagram, but only datagrams with content are counted.
 * - Descriptors in a datagram (SCM_RIGHTS) must not be installed. So the control buffer has room for the sender's
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

enum { INTAKE_WINDOW = 512 }; /* datagrams in a window: as many as net.unix.max_dgram_qlen has under systemd */

struct intake_slot;

struct intake {
        int fd;
        struct mmsghdr *headers; /* INTAKE_WINDOW of each */
        struct intake_slot *slots;
        size_t first, count; /* the part of the window that is not consumed */
        size_t filled_count; /* slots that the last peek filled */
        size_t peek_offset;  /* the socket's peek offset: bytes that were peeked and not consumed */
};

/* One datagram of the window, valid until the next intake_peek(). */
struct datagram {
        const uint8_t *data;
        size_t size;
        bool is_truncated; /* the datagram is longer than any frame */
        uid_t uid;         /* the sender's user, from the kernel; -1: unknown */
        pid_t pid;
};

/* Prepares the socket `fd`, and begins at the head of its queue. Returns 0 or a negative errno. */
int intake_init(struct intake *in, int fd);
void intake_free(struct intake *in);

/* Peeks queued datagrams if the window is empty. Returns the number of datagrams in the window, or a negative errno.
 * Does not block. */
int intake_peek(struct intake *in);

/* Returns datagram `i` of the window, counted from 0. `i` must be less than the result of intake_peek(). */
struct datagram intake_get(const struct intake *in, size_t i);

/* Removes the window's first `n` datagrams from the queue. Returns 0 or a negative errno. */
int intake_consume(struct intake *in, size_t n);

/* Empties the window without removing a datagram: the next peek continues behind it. */
void intake_skip(struct intake *in);

/* Empties the window: the next peek begins at the head of the queue again. Returns 0 or a negative errno. */
int intake_rewind(struct intake *in);
