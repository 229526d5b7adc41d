#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

static int terminal = STDERR_FILENO;

/* Duplicates standard error before libFuzzer's main(), which may close it. */
__attribute__((constructor)) static void keep_terminal(void)
{
        int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0)
                terminal = fd;
}

int fuzz_terminal(void)
{
        return terminal;
}

/* Freed memory need not be kept for long: an input has no pointers into the memory of an earlier one. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
        return "quarantine_size_mb=16";
}
