#include "launchers.h"

#include <unistd.h>

#define INETD "build/inetd/usr/sbin/inetutils-inetd"

const char *const launcher_names[LAUNCHERS] = {"test", "activate", "as-inetd", "inetd", "tcpserver"};

/* Command lines for a shell; the arguments are the address, chat-session, its option and the run directory. */
static const char *const commands[LAUNCHERS] = {
        [LAUNCHER_ACTIVATE] = "exec systemd-socket-activate --accept -l \"$1\" \"$2\" \"$3\"",
        [LAUNCHER_AS_INETD] = "exec systemd-socket-activate --accept --inetd -l \"$1\" \"$2\" \"$3\"",
        [LAUNCHER_INETD] = "echo \"$1 stream tcp4 nowait root $PWD/$2 chat-session $3\" >\"$4/inetd.conf\" && "
                           "exec " INETD " --debug \"$4/inetd.conf\"",
        [LAUNCHER_TCPSERVER] = "exec tcpserver -HRDl0 \"${1%:*}\" \"${1#*:}\" \"$2\" \"$3\"",
};

pid_t launcher_start(enum launcher launcher, const struct chat *chat, const char *address)
{
        char *const argv[] = {"sh",
                              "-c",
                              (char *)commands[launcher],
                              "sh",
                              (char *)address,
                              program("chat-session"),
                              (char *)chat->option,
                              (char *)chat->dir,
                              NULL};
        assert_non_null(commands[launcher]);
        if (launcher == LAUNCHER_INETD && (getuid() != 0 || access(INETD, X_OK) != 0))
                return 0;
        return process_start(argv, -1, -1, -1);
}
