/* An assert() that stays on in every build, also with NDEBUG. A program may end, because nothing is lost by that: chatd
 * is started again, and takes the same frames again. A program that goes on with a broken invariant could lose
 * something silently.
 *
 * Include it in place of libc's <assert.h>, in .c files.
 */
#pragma once

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Prints the last words of a process on standard error. It does not block: a stuck journal must not keep the process
 * from ending. */
static inline void assert_print(const char *text)
{
        size_t size = strlen(text);
        if (send(STDERR_FILENO, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != ENOTSOCK)
                return;
        struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
        const struct timespec no_time = {0};
        /* ppoll(2), because the sandbox of sessions has no poll(2) */
        bool has_room = ppoll(&room, 1, &no_time, NULL) > 0;
        if (has_room && write(STDERR_FILENO, text, size) < 0)
                return; /* there is no reader */
}

/* Prints the condition that does not hold, and ends the process by SIGABRT. */
__attribute__((noreturn, cold)) static inline void assert_fail(const char *condition, const char *file, int line,
                                                               const char *function)
{
        char text[512];
        snprintf(text, sizeof(text), "%s: a fault in the program: %s:%d: %s(): '%s' does not hold\n",
                 program_invocation_short_name, file, line, function, condition);
        assert_print(text);
        abort();
}

#undef assert
#define assert(condition)                                                                                              \
        (__builtin_expect(!!(condition), 1) ? (void)0 : assert_fail(#condition, __FILE__, __LINE__, __func__))
