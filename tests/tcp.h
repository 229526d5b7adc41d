/* A TCP connection on the loopback. */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Makes fds[0], the server's end, which sends without delay, and fds[1], the client's end. With `room`, each buffer
 * holds not much more than `room` bytes, in segments of 1000. Ends the program if that fails. */
static inline void tcp_connect(int fds[static 2], int room)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(a);
        int on = 1, segment = 1000, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (room > 0) {
                setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
                setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
                setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
        }
        fds[0] = -1;
        if (bind(listener, (struct sockaddr *)&a, size) == 0 && listen(listener, 1) == 0 &&
            getsockname(listener, (struct sockaddr *)&a, &size) == 0 &&
            connect(fds[1], (struct sockaddr *)&a, size) == 0)
                fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fds[0] < 0) {
                perror("a connection of TCP on 127.0.0.1");
                abort();
        }
        setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        close(listener);
}
