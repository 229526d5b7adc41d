/* The functions of sockets on i386, each with a system call of its own.
 *
 * On i386 glibc makes all of them by socketcall(2). Its arguments are in memory, where no filter sees them, so the
 * sandbox forbids it (sandbox-filter.c). Since Linux 4.3 i386 has a system call for each function, as other
 * architectures have. The functions here replace those of libc.
 */
#ifdef __i386__

#undef _FORTIFY_SOURCE /* its recv() and recvfrom() are defined in the headers */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int domain, int type, int protocol)
{
        return (int)syscall(SYS_socket, domain, type, protocol);
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
        return (int)syscall(SYS_bind, fd, address.__sockaddr__, size);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
        return (int)syscall(SYS_connect, fd, address.__sockaddr__, size);
}

int shutdown(int fd, int how)
{
        return (int)syscall(SYS_shutdown, fd, how);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
        return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
        return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address, socklen_t address_size)
{
        return syscall(SYS_sendto, fd, data, size, flags, address.__sockaddr__, address_size);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
        return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
        return syscall(SYS_sendmsg, fd, msg, flags);
}

ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags, __SOCKADDR_ARG address,
                 socklen_t *restrict address_size)
{
        return syscall(SYS_recvfrom, fd, data, size, flags, address.__sockaddr__, address_size);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
        return syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
        return syscall(SYS_recvmsg, fd, msg, flags);
}

/* _FORTIFY_SOURCE calls these in place of recv() and recvfrom(). `room` is the size of `data` that the compiler
 * knows. */
ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *restrict data, size_t size, size_t room, int flags, __SOCKADDR_ARG address,
                       socklen_t *restrict address_size);

ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
        if (size > room)
                abort();
        return recv(fd, data, size, flags);
}

ssize_t __recvfrom_chk(int fd, void *restrict data, size_t size, size_t room, int flags, __SOCKADDR_ARG address,
                       socklen_t *restrict address_size)
{
        if (size > room)
                abort();
        return recvfrom(fd, data, size, flags, address, address_size);
}

#endif
