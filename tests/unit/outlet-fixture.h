/* Sessions that lend their clients' connections. These are real TCP connections, and the test plays the sessions and
 * the clients. */
#pragma once

#include <fcntl.h>

#include "../lender.h"

#include "test.h"

enum { FDS_COUNTED = 1024 };

static inline unsigned count_fds(void)
{
        unsigned n = 0;
        for (int fd = 0; fd < FDS_COUNTED; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* Takes the next datagram of an inbox. Returns false if there is none. The caller must close the descriptors. */
static inline bool outlet_receive(int inbox, struct frame *f, struct socket_fds *fds)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct iovec iov = {buffer, sizeof(buffer)};
        struct fds_room control;
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(inbox, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        fds->count = 0;
        if (n < 0)
                return false;
        socket_take_fds(&msg, fds);
        assert_int_equal(frame_decode(f, buffer, (size_t)n), 0);
        return true;
}

/* Takes the datagrams in the inbox, up to LEND. Returns true if chatd asked for a connection. */
static inline bool outlet_is_asked(int inbox, struct socket_fds *fds)
{
        struct frame f;
        while (outlet_receive(inbox, &f, fds)) {
                if (f.type == FRAME_LEND)
                        return true;
                assert_int_equal(fds->count, 0);
        }
        return false;
}

/* Takes the datagrams in the session's inbox. Returns their number. */
static inline unsigned lender_take(struct lender *l, int inbox)
{
        struct frame f;
        struct socket_fds fds;
        unsigned n = 0;
        for (; outlet_receive(inbox, &f, &fds); n++) {
                lender_take_frame(l, &f, &fds);
                socket_close_fds(&fds);
        }
        return n;
}

/* Asserts that the client receives exactly this next. */
static inline void assert_lender_got(struct lender *l, const char *expected)
{
        static char got[1 << 20];
        size_t len = 0, wanted = strlen(expected);
        assert_in_range(wanted, 0, sizeof(got) - 1);
        for (ssize_t n; len < wanted && (n = recv(l->peer, got + len, wanted - len, 0)) > 0;)
                len += (size_t)n;
        ssize_t more = recv(l->peer, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
        got[len + (size_t)(more > 0 ? more : 0)] = '\0';
        assert_string_equal(got, expected);
}
