/* chat-web: serves one program that speaks JSON, on standard input or on the descriptor that systemd passed
 * (LISTEN_FDS). */
#include <getopt.h>
#include <stdio.h>

#include <chat/options.h>
#include <chat/settings.h>

#include "../chat-session/serve.h"

#include "json-kind.h"
#include "parser.h"
#include "web.h"

static void main_print_usage(void)
{
        fputs("Usage: chat-web --json [OPTION...]\n"
              "Serve one program on standard input and output, or on the socket that systemd passed: JSON objects, "
              "one\n"
              "in a line, each way. chat-json(5) describes them.\n"
              "\n"
              "  --json                    speak JSON\n"
              "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
              "); an option overrides them\n"
              "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n",
              stdout);
        settings_print_options(SETTINGS_SESSION);
        fputs("  --proxied                 expect a proxy, which first states the client's address: the PROXY\n"
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
static int main_parse_options(struct serve_options *o, int argc, char **argv)
{
        struct option long_options[16 + SETTINGS] = {
                SERVE_LONG_OPTIONS,
                {"json", no_argument, NULL, 'j'},
        };
        bool is_json = false;
        int c, r;
        settings_add_options(long_options, SETTINGS_SESSION);
        while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                if (c == 'j') {
                        is_json = true;
                        continue;
                }
                r = serve_take_option(o, c, argv[0], main_print_usage);
                if (r >= 0)
                        return r;
        }
        if (!options_are_right(argc, argv, optind, o->session.dir))
                return EXIT_USAGE;
        if (!is_json) {
                fprintf(stderr, "%s: --json is missing: see --help\n", argv[0]);
                return EXIT_USAGE;
        }
        return -1;
}

int main(int argc, char **argv)
{
        static struct session session; /* large: its pages are used only as needed */
        static struct web web;
        static struct serve_options options = {.program = "chat-web", .session = {.dir = RUN_DIR_DEFAULT}};

        settings_init(&options.settings);
        int status = main_parse_options(&options, argc, argv);
        if (status < 0)
                status = serve_begin(&options);
        if (status >= 0)
                return status;
        parser_begin();
        return serve_client(&options, &session, &json_kind, &web);
}
