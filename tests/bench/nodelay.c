/* nodelay.so: sets TCP_NODELAY (tcp(7)) on all connections that a program accepts. The dynamic linker loads it in front of
 * libc (LD_PRELOAD, ld.so(8)), for servers that have no such setting. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
        int on = 1, accepted = (int)syscall(SYS_accept4, fd, address, size, flags);
        if (accepted >= 0)
                (void)setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails for UNIX sockets */
        return accepted;
}

int accept(int fd, struct sockaddr *address, socklen_t *size)
{
        return accept4(fd, address, size, 0);
}
