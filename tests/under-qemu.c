/* What chatd needs of the kernel and qemu-user lacks, for unit tests of other architectures.
 *
 * - SO_PEEK_OFF, and all of TCP_INFO but its first four bytes. These belong to the socket, so a program that runs on the
 *   host, without an emulator, sets and gets them.
 * - recvmmsg() of headers without a buffer. qemu-user says that each took 0 bytes, and takes nothing.
 *
 * This file makes two things. Built for the machine that is emulated, it is a library to preload. Built for the host, it
 * is that program, HOST_PROGRAM. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void give_buffers(struct mmsghdr *headers, unsigned count)
{
        static char byte;
        static struct iovec one = {&byte, 1};
        for (unsigned i = 0; i < count; i++)
                if (headers[i].msg_hdr.msg_iovlen == 0) {
                        headers[i].msg_hdr.msg_iov = &one;
                        headers[i].msg_hdr.msg_iovlen = 1;
                }
}

/* In place of libc's, as the rest. Some tests have a recvmmsg() of their own, which calls this. */
long syscall(long number, ...)
{
        long (*of_libc)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
        long args[6];
        va_list list;
        va_start(list, number);
        for (int i = 0; i < 6; i++)
                args[i] = va_arg(list, long);
        va_end(list);
        if (number == SYS_recvmmsg)
                give_buffers((struct mmsghdr *)args[1], (unsigned)args[2]);
        return of_libc(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* The timeout is NULL wherever the chat calls it. */
int recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags, struct timespec *timeout)
{
        return (int)syscall(SYS_recvmmsg, fd, headers, count, flags, timeout);
}

/* Runs the program with the socket as its standard input. Returns 0, or an error number. */
static int run_on_host(int fd, const char *arg, int output)
{
        char word[16], *argv[] = {HOST_PROGRAM, word, NULL}, *no_environment[] = {NULL};
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int status;
        snprintf(word, sizeof(word), "%s", arg);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fd, 0);
        if (output >= 0)
                posix_spawn_file_actions_adddup2(&actions, output, 1);
        int error = posix_spawn(&pid, HOST_PROGRAM, &actions, NULL, argv, no_environment);
        posix_spawn_file_actions_destroy(&actions);
        if (error)
                return error;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* Returns 0, or -1 and sets errno. */
static int result_of(int error)
{
        if (error == 0)
                return 0;
        errno = error;
        return -1;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
        char offset[16];
        if (level != SOL_SOCKET || name != SO_PEEK_OFF)
                return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
        snprintf(offset, sizeof(offset), "%d", *(const int *)value);
        return result_of(run_on_host(fd, offset, -1));
}

/* struct tcp_info is the same on all machines. */
int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
        int ends[2];
        if (level != IPPROTO_TCP || name != TCP_INFO)
                return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        int error = run_on_host(fd, "tcp_info", ends[1]);
        ssize_t n = error ? 0 : read(ends[0], value, *size);
        close(ends[0]);
        close(ends[1]);
        *size = (socklen_t)(n > 0 ? n : 0);
        return result_of(error);
}

/* What setsockopt() and getsockopt() above run. The exit status is 0, or an error number. */
int main(int argc, char **argv)
{
        const char *what = argc == 2 ? argv[1] : "";
        struct tcp_info info;
        socklen_t size = sizeof(info);
        int offset = atoi(what);
        if (strcmp(what, "tcp_info") != 0)
                return syscall(SYS_setsockopt, 0, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) < 0 ? errno : 0;
        if (syscall(SYS_getsockopt, 0, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 || write(1, &info, size) < 0)
                return errno;
        return 0;
}
