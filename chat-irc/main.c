/* chat-irc: serves one IRC client, on standard input or on the descriptor that systemd passed (LISTEN_FDS). */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include <chat/options.h>
#include <chat/settings.h>

#include "../chat-session/serve.h"

#include "irc-kind.h"
#include "irc.h"
#include "line.h"

struct options {
        struct serve_options serve;
        char server[LINE_SERVER_MAX_BYTES + 1];
};

static void main_print_usage(const struct serve_options *o)
{
        fputs("Usage: chat-irc [OPTION...]\n"
              "Serve one IRC client on standard input and output, or on the socket that systemd passed.\n"
              "\n"
              "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
              "); an option overrides them\n"
              "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n",
              stdout);
        serve_print_options(o);
        fputs("  --server-name=NAME        the name of this server, with a dot (default: the host's name)\n"
              "  --proxied                 expect a proxy, which first states the client's address: the PROXY\n"
              "                            protocol, version 1 or 2\n"
              "  --no-sandbox              serve without the sandbox: for debuggers and valgrind\n"
              "  --help                    print this and exit\n"
              "  --version                 print the version and exit\n"
              "\n"
              "Exit status: 0 when the client has left, 1 without a sandbox, 2 for a wrong option or "
              "descriptor.\n",
              stdout);
}

/* Returns -1 if the session is to run, otherwise the exit status. */
static int main_parse_options(struct options *o, int argc, char **argv)
{
        struct option long_options[16 + SETTINGS] = {
                SERVE_LONG_OPTIONS,
                {"server-name", required_argument, NULL, 'n'},
        };
        int c, r;
        serve_add_options(&o->serve, long_options);
        while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (c) {
                case 'n':
                        if (!line_is_server(optarg)) {
                                fprintf(stderr, "%s: --server-name takes a host's name with a dot\n", argv[0]);
                                return EXIT_USAGE;
                        }
                        snprintf(o->server, sizeof(o->server), "%s", optarg);
                        break;
                default:
                        r = serve_take_option(&o->serve, c, argv[0], main_print_usage);
                        if (r >= 0)
                                return r;
                        break;
                }
        }
        if (!options_are_right(argc, argv, optind, o->serve.session.dir))
                return EXIT_USAGE;
        return -1;
}

int main(int argc, char **argv)
{
        static struct session session; /* large: its pages are used only as needed */
        static struct irc irc;
        static struct options options = {
                .serve = {.program = "chat-irc", .reads = SETTINGS_SESSION, .session = {.dir = RUN_DIR_DEFAULT}}};
        static struct irc_options irc_options = {.server = options.server};

        serve_init(&options.serve);
        int status = main_parse_options(&options, argc, argv);
        if (status < 0)
                status = serve_begin(&options.serve);
        if (status >= 0)
                return status;
        if (options.server[0] == '\0')
                line_server(options.server);
        irc.options = &irc_options;
        return serve_client(&options.serve, &session, &irc_kind, &irc);
}
