/* pidfd_open(2) for programs under a valgrind that does not know it (Debian 12's 3.19). It is preloaded, and makes the
 * system call outside of valgrind's simulation. */
#include <errno.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#ifdef __x86_64__
/* Makes the call without syscall(), because outside errno is not this program's. */
static long call_outside(unsigned thread, long pid, long flags)
{
        long r;
        (void)thread;
        __asm__ volatile("syscall" : "=a"(r) : "0"(SYS_pidfd_open), "D"(pid), "S"(flags) : "rcx", "r11", "memory");
        return r;
}

int pidfd_open(pid_t pid, unsigned flags)
{
        long r = (long)VALGRIND_NON_SIMD_CALL2(call_outside, pid, flags);
        if (r >= 0)
                return (int)r;
        errno = (int)-r;
        return -1;
}
#else
int pidfd_open(pid_t pid, unsigned flags)
{
        return (int)syscall(SYS_pidfd_open, pid, flags);
}
#endif
