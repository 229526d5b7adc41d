/* What a session gives up before it reads the first byte from its client.
 *
 * An attacker who takes over a session by its input gets a process that can talk on the client's connection and on UNIX
 * datagram sockets of its own. The process can look up, rename and remove files by their path as far as the session's
 * user may. It cannot open a file, start a program, or reach another process or a network. A forbidden system call ends
 * the process at once (SIGSYS).
 *
 * The filter is in sandbox-filter.c, which writes it while the program is built, for each architecture that
 * SANDBOX_HAS_FILTER names. On other architectures a session does everything else here, and tells chatd that it has no
 * filter (enum confinement in chat/frame.h).
 */
#pragma once

enum {
        /* Descriptors 0 and 1 are the client; 2 may be the client, too (inetd). */
        SANDBOX_UPLINK_FD = 3,
        SANDBOX_OWN_FD = 4, /* the first of the session's other descriptors */
        SANDBOX_FDS_MAX = 16,
        SANDBOX_DATA_MAX_BYTES = 8 * 1024 * 1024,
        SANDBOX_STACK_MAX_BYTES = 1024 * 1024,
};

/* Not x32: its calls have other numbers. The tests build a session without a filter by NO_FILTER. */
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
        /* For a program with AddressSanitizer, whose reports need more calls, memory and output. */
        SANDBOX_WITH_SANITIZER,
        SANDBOX_OF_THIS_BUILD = SANDBOX_SANITIZED ? SANDBOX_WITH_SANITIZER : SANDBOX_STRICT,
};

/* Moves the UNIX datagram socket `*uplink` to SANDBOX_UPLINK_FD, and closes all higher descriptors. Gives up for good
 * what the session does not need: capabilities, new privileges, resources (getrlimit(2)) and system calls (seccomp(2)).
 * Other processes can no longer inspect it (PR_SET_DUMPABLE).
 *
 * Only that socket can be connected, and it cannot be closed. The reason: a session may pass descriptors, even its
 * client's, and a descriptor that it passes to itself gets any free number. If it got the number of the socket, the
 * session could connect it to another place.
 *
 * Returns 0. Returns a negative errno if it fails; the process may have given up a part by then.
 */
int sandbox_enter(enum sandbox_kind kind, int *uplink);
