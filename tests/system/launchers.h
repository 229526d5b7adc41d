/* Programs that accept connections and start a chat-session for each. */
#pragma once

#include <sys/types.h>

#include "harness.h"

enum launcher {
        LAUNCHER_TEST, /* no launcher: the test accepts the connection and passes it as inetd does, chat_join_with() */
        LAUNCHER_ACTIVATE, /* systemd-socket-activate, which passes a descriptor */
        LAUNCHER_AS_INETD, /* systemd-socket-activate --inetd, which passes standard input and output */
        LAUNCHER_INETD,
        LAUNCHER_TCPSERVER,
        LAUNCHERS,
};

extern const char *const launcher_names[LAUNCHERS];

/* Starts a launcher for the chat, which listens on `address`: 127.0.0.1 and a port, or for LAUNCHER_AS_INETD also a
 * path. Returns its pid. Returns 0 if the launcher is unavailable: inetd may be missing, and must run as root, because
 * it becomes the user of its line. */
pid_t launcher_start(enum launcher launcher, const struct chat *chat, const char *address);
