#include "intake.h"

#include <stdlib.h>
#include <sys/uio.h>

#include <chat/assert.h>
#include <chat/socket.h>

struct intake_slot {
        struct iovec iov;
        struct credentials_room control;
        uint8_t data[FRAME_MAX_BYTES];
};

static int intake_set_offset(const struct intake *in, int offset)
{
        return setsockopt(in->fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) < 0 ? -errno : 0;
}

int intake_init(struct intake *in, int fd)
{
        int on = 1;
        *in = (struct intake){.fd = fd};
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        int r = intake_set_offset(in, 0);
        if (r < 0)
                return r;
        in->headers = calloc(INTAKE_WINDOW, sizeof(*in->headers));
        in->slots = calloc(INTAKE_WINDOW, sizeof(*in->slots));
        if (!in->headers || !in->slots) {
                intake_free(in);
                return -ENOMEM;
        }
        for (size_t i = 0; i < INTAKE_WINDOW; i++) {
                struct intake_slot *slot = &in->slots[i];
                slot->iov = (struct iovec){.iov_base = slot->data, .iov_len = sizeof(slot->data)};
                in->headers[i].msg_hdr = (struct msghdr){
                        .msg_iov = &slot->iov,
                        .msg_iovlen = 1,
                        .msg_control = &slot->control,
                        .msg_controllen = sizeof(slot->control),
                };
        }
        return 0;
}

void intake_free(struct intake *in)
{
        free(in->headers);
        free(in->slots);
        *in = (struct intake){.fd = -1};
}

void intake_skip(struct intake *in)
{
        in->first = in->count = 0;
}

int intake_rewind(struct intake *in)
{
        intake_skip(in);
        in->peek_offset = 0;
        return intake_set_offset(in, 0);
}

/* Removes the empty datagrams at the head of the queue: a peek shows them only once, but poll() still reports them.
 * Without an offset (-1) a peek shows the head itself, so no other datagram can be removed by mistake. */
static int intake_drop_empty(struct intake *in)
{
        int r = intake_set_offset(in, -1);
        if (r < 0)
                return r;
        /* bounded, because a flood of empty datagrams must not keep chatd here */
        for (int i = 0; i < INTAKE_WINDOW; i++) {
                if (recv(in->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) != 0)
                        break;
                recv(in->fd, NULL, 0, MSG_DONTWAIT);
        }
        return intake_rewind(in);
}

int intake_peek(struct intake *in)
{
        if (in->count > 0)
                return (int)in->count;
        for (size_t i = 0; i < in->filled_count; i++)
                in->headers[i].msg_hdr.msg_controllen = sizeof(in->slots[i].control);
        in->filled_count = 0;
        int n = recvmmsg(in->fd, in->headers, INTAKE_WINDOW, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
                         NULL);
        if (n < 0 && errno == EAGAIN)
                return in->peek_offset > 0 ? 0 : intake_drop_empty(in);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        in->first = 0;
        in->count = in->filled_count = (size_t)n;
        for (size_t i = 0; i < in->count; i++) {
                in->peek_offset += in->headers[i].msg_len;
                if (in->headers[i].msg_hdr.msg_flags & MSG_TRUNC) {
                        in->count = i + 1;
                        int r = intake_set_offset(in, (int)in->peek_offset);
                        if (r < 0)
                                return r;
                }
        }
        return (int)in->count;
}

struct datagram intake_get(const struct intake *in, size_t i)
{
        const struct mmsghdr *header = &in->headers[in->first + i];
        struct ucred cred;
        assert(i < in->count);

        if (!socket_credentials(&header->msg_hdr, &cred))
                cred = (struct ucred){.uid = (uid_t)-1};
        return (struct datagram){
                .data = in->slots[in->first + i].data,
                .size = header->msg_len < FRAME_MAX_BYTES ? header->msg_len : FRAME_MAX_BYTES,
                .is_truncated = header->msg_hdr.msg_flags & MSG_TRUNC,
                .uid = cred.uid,
                .pid = cred.pid,
        };
}

int intake_consume(struct intake *in, size_t n)
{
        static const struct msghdr no_buffer; /* MSG_TRUNC makes msg_len the real length without a buffer, too */
        size_t left = 0;
        assert(n <= in->count); /* otherwise a frame that chatd has not peeked would be lost */
        for (size_t i = 0; i < n; i++)
                left += in->headers[in->first + i].msg_len > 0;
        in->first += n;
        in->count -= n;
        while (left > 0) {
                struct mmsghdr headers[64];
                unsigned most = left < 64 ? (unsigned)left : 64;
                for (unsigned i = 0; i < most; i++)
                        headers[i].msg_hdr = no_buffer;
                int count = recvmmsg(in->fd, headers, most, MSG_TRUNC | MSG_DONTWAIT, NULL);
                if (count < 0 && errno == EINTR)
                        continue;
                if (count < 0)
                        return -errno;
                for (int i = 0; i < count; i++) {
                        left -= headers[i].msg_len > 0;
                        in->peek_offset -= headers[i].msg_len;
                }
        }
        return 0;
}
