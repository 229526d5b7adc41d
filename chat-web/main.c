/* chat-web: serves a browser, or a program that speaks JSON, on standard input or on the descriptor that systemd passed
 * (LISTEN_FDS). */
#include <getopt.h>
#include <stdio.h>

#include <chat/options.h>
#include <chat/settings.h>

#include "../chat-session/serve.h"

#include "browser-kind.h"
#include "json-kind.h"
#include "parser.h"
#include "site.h"
#include "web.h"

struct options {
        struct serve_options serve;
        bool is_json, is_forwarded;
};

static void main_print_usage(const struct serve_options *o)
{
        fputs("Usage: chat-web [OPTION...]\n"
              "Serve a browser on standard input and output, or on the socket that systemd passed. The page is at /, "
              "and\n"
              "a WebSocket for JSON objects is at /ws. chat-json(5) describes the objects.\n"
              "\n"
              "  --json                    serve a program, which sends and gets JSON objects, one in a line\n"
              "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
              "); an option overrides them\n"
              "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n",
              stdout);
        serve_print_options(o);
        fputs("  --forwarded               expect a web server as a proxy, which states the browser's address in\n"
              "                            X-Real-IP and X-Real-Port\n"
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
                {"json", no_argument, NULL, 'j'},
                {"forwarded", no_argument, NULL, 'f'},
        };
        int c, r;
        serve_add_options(&o->serve, long_options);
        while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (c) {
                case 'j':
                        o->is_json = true;
                        break;
                case 'f':
                        o->is_forwarded = true;
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
        if (o->is_json && o->is_forwarded) {
                fprintf(stderr, "%s: --forwarded is for browsers, so it does not go with --json\n", argv[0]);
                return EXIT_USAGE;
        }
        return -1;
}

/* Returns the kind of client that the options ask for, and prepares its state. */
static struct kind main_kind(struct web *w, const struct options *o)
{
        static struct site site;
        if (o->is_json)
                return json_kind;
        page_make(&site.page);
        site.origins = o->serve.settings.web_origins;
        site.is_forwarded = o->is_forwarded;
        w->site = &site;
        return browser_kind();
}

int main(int argc, char **argv)
{
        static struct session session; /* large: its pages are used only as needed */
        static struct web web;
        static struct options options = {
                .serve = {.program = "chat-web", .reads = SETTINGS_WEB, .session = {.dir = RUN_DIR_DEFAULT}}};

        serve_init(&options.serve);
        int status = main_parse_options(&options, argc, argv);
        if (status < 0)
                status = serve_begin(&options.serve);
        if (status >= 0)
                return status;
        parser_begin();
        struct kind kind = main_kind(&web, &options);
        return serve_client(&options.serve, &session, &kind, &web);
}
