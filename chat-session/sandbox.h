/* What a session gives up before it reads the first byte from its client.
 *
 * Whoever takes over a session by its input gets a process that can talk on the client's connection and on UNIX
 * datagram sockets of its own, and use files by their path as far as the session's user may; it can open none, start
 * nothing, reach no other process and no network. What is forbidden ends the process at once (SIGSYS).
 *
 * The filter stands in sandbox-filter.c, which writes it while the program is built, for each architecture that
 * SANDBOX_HAS_FILTER names. On other architectures a session does everything else here, and tells chatd that it has no
 * filter (enum confinement in chat/frame.h).
 */
#pragma once

enum {
        /* Descriptors 0 and 1 are the client, and 2 may be it too (inetd). */
        SANDBOX_UPLINK_FD = 3,
        SANDBOX_OWN_FD = 4, /* those from here on are the session's own as well */
        SANDBOX_FDS_MAX = 16,
        SANDBOX_DATA_MAX_BYTES = 8 * 1024 * 1024,
        SANDBOX_STACK_MAX_BYTES = 1024 * 1024,
};

/* Not x32: its calls have numbers of their own. The tests build a session that has no filter, with NO_FILTER. */
#if !defined(NO_FILTER) && ((defined(__x86_64__) && !defined(__ILP32__)) || defined(__aarch64__) ||                    \
                            defined(__i386__) || (defined(__ARM_EABI__) && !defined(__ARMEB__)))
#define SANDBOX_HAS_FILTER 1
#else
#define SANDBOX_HAS_FILTER 0
#endif

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANDBOX_SANITIZED 1
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

enum sandbox_kind {
        SANDBOX_STRICT,
        /* For a program with AddressSanitizer, whose reports take more calls, memory and output. */
        SANDBOX_WITH_SANITIZER,
        SANDBOX_OF_THIS_BUILD = SANDBOX_SANITIZED ? SANDBOX_WITH_SANITIZER : SANDBOX_STRICT,
};

/* Moves the UNIX datagram socket `*uplink` to SANDBOX_UPLINK_FD, closes all descriptors behind that, and gives up, for
 * good, what the session does not need: other processes' eyes (PR_SET_DUMPABLE), capabilities, resources
 * (getrlimit(2)), new privileges, and system calls (seccomp(2)).
 *
 * That socket alone can be connected, and it cannot be closed. A session may pass descriptors, its client's too, and
 * what it passes to itself comes under any number that is free: under this one it could connect that to somewhere else.
 *
 * Returns 0, or a negative errno; then the process may have given up a part. */
int sandbox_enter(enum sandbox_kind kind, int *uplink);
