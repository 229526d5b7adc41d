#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox-filter.h"

#if !SANDBOX_HAS_FILTER
#elif defined(__x86_64__)
#define FILTER sandbox_x86_64
#define FILTER_WITH_SANITIZER sandbox_x86_64_with_sanitizer
#elif defined(__aarch64__)
#define FILTER sandbox_aarch64
#define FILTER_WITH_SANITIZER sandbox_aarch64_with_sanitizer
#elif defined(__i386__)
#define FILTER sandbox_i386
#define FILTER_WITH_SANITIZER sandbox_i386_with_sanitizer
#else
#define FILTER sandbox_arm
#define FILTER_WITH_SANITIZER sandbox_arm_with_sanitizer
#endif

/* Lowers a limit, also the hard one. Returns 0 or a negative errno. */
static int sandbox_limit(int resource, rlim_t most)
{
        struct rlimit both = {0};
        if (most > 0 && getrlimit((__rlimit_resource_t)resource, &both) < 0)
                return -errno;
        if (both.rlim_cur > most)
                both.rlim_cur = most;
        if (both.rlim_max > most)
                both.rlim_max = most;
        return setrlimit((__rlimit_resource_t)resource, &both) < 0 ? -errno : 0;
}

static int sandbox_limit_all(enum sandbox_kind kind)
{
        struct stat st;
        int r = sandbox_limit(RLIMIT_CORE, 0);
        if (r == 0)
                r = sandbox_limit(RLIMIT_NPROC, 0);
        if (r == 0)
                r = sandbox_limit(RLIMIT_NOFILE, SANDBOX_FDS_MAX);
        if (r < 0 || kind == SANDBOX_WITH_SANITIZER)
                return r;
        /* No RLIMIT_AS: it is unknown which libraries were mapped to look up a login name, and a limit below the
         * current size would stop the growth of the stack. */
        r = sandbox_limit(RLIMIT_DATA, SANDBOX_DATA_MAX_BYTES);
        if (r == 0)
                r = sandbox_limit(RLIMIT_STACK, SANDBOX_STACK_MAX_BYTES);
        /* The session cannot open files, but standard output may be one: a shell's "chat-session >log". */
        if (r == 0 && !(fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode)))
                r = sandbox_limit(RLIMIT_FSIZE, 0);
        return r;
}

static int sandbox_drop_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
        return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int sandbox_install_filter(enum sandbox_kind kind)
{
#if SANDBOX_HAS_FILTER
        static const struct sock_filter strict[] = FILTER, with_sanitizer[] = FILTER_WITH_SANITIZER;
        struct sock_fprog program = {sizeof(strict) / sizeof(strict[0]), (struct sock_filter *)strict};
        if (kind == SANDBOX_WITH_SANITIZER)
                program = (struct sock_fprog){sizeof(with_sanitizer) / sizeof(with_sanitizer[0]),
                                              (struct sock_filter *)with_sanitizer};
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
#else
        (void)kind;
        return 0;
#endif
}

int sandbox_enter(enum sandbox_kind kind, int *uplink)
{
        if (*uplink != SANDBOX_UPLINK_FD && dup3(*uplink, SANDBOX_UPLINK_FD, O_CLOEXEC) < 0)
                return -errno;
        *uplink = SANDBOX_UPLINK_FD;
        /* Close all that the launcher or the search for a login name left open. */
        closefrom(SANDBOX_OWN_FD);
        int r = sandbox_limit_all(kind);
        if (r == 0)
                r = sandbox_drop_capabilities();
        if (r == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
                r = -errno;
        if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                r = -errno;
        if (r == 0)
                r = sandbox_install_filter(kind);
        return r;
}
