/* chat-irc: serves one IRC client, on standard input or on the descriptor that systemd passed (LISTEN_FDS). */
#include <stdio.h>

#include <chat/options.h>

#include "../chat-session/serve.h"

#include "irc-kind.h"
#include "irc.h"
#include "line.h"

struct options {
        struct serve_options serve;
        char server[LINE_SERVER_MAX_BYTES + 1]; /* the name of the server */
};

/* `own` is `server`. */
static int main_take_option(void *own, int option, const char *argument, const char *name)
{
        (void)option; /* there is one */
        if (!line_is_server(argument)) {
                fprintf(stderr, "%s: --server-name takes a host's name with a dot\n", name);
                return EXIT_USAGE;
        }
        snprintf(own, LINE_SERVER_MAX_BYTES + 1, "%s", argument);
        return -1;
}

static const struct serve_program main_program = {
        .name = "chat-irc",
        .reads = SETTINGS_SESSION,
        .purpose = "Serve one IRC client on standard input and output, or on the socket that systemd passed.\n",
        .help = "  --server-name=NAME        the name of this server, with a dot (default: the host's name)\n",
        .options = {{"server-name", required_argument, NULL, 'n'}},
        .take = main_take_option,
};

int main(int argc, char **argv)
{
        /* Large, and their pages are used only as needed. The first fields of `irc`, which are in constant use, share a page
         * with other data of the program. */
        static struct {
                struct irc irc;
                char space[1536]; /* moves the fields of `session` that are in constant use from two pages into one */
                struct session session;
        } state;
        /* not static, because that page has no room for them */
        struct options options = {.serve = SERVE_DEFAULTS};
        const struct irc_options irc_options = {.server = options.server};

        int status = serve_begin(&options.serve, &main_program, argc, argv, options.server);
        if (status >= 0)
                return status;
        if (options.server[0] == '\0')
                line_server(options.server);
        state.irc.options = &irc_options;
        return serve_client(&options.serve, &main_program, &state.session, &irc_kind, &state.irc);
}
