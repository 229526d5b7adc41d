/* chat-session: serves one client, on standard input or on the descriptor that systemd passed (LISTEN_FDS). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include <chat/options.h>
#include <chat/settings.h>

#include "echo.h"
#include "serve.h"
#include "terminal-kind.h"
#include "terminal.h"

struct options {
        struct serve_options serve;
        struct terminal_options terminal;
        const struct kind *kind;
        struct charset *charset; /* where the option's set is stored */
};

static void main_print_usage(const struct serve_options *o)
{
        fputs("Usage: chat-session [OPTION...]\n"
              "Serve one chat client on standard input and output, or on the socket that systemd passed.\n"
              "\n"
              "  --config=FILE             the settings of this chat (default: " SETTINGS_FILE
              "); an option overrides them\n"
              "  --run-dir=DIR             where chatd is found (default: " RUN_DIR_DEFAULT ")\n",
              stdout);
        serve_print_options(o);
        fputs("  --echo                    send the client its own lines back; needs no broker\n"
              "  --proxied                 expect a proxy, which first states the client's address: the PROXY\n"
              "                            protocol, version 1 or 2\n"
              "  --charset=NAME            the character set of the client's terminal, with one byte for a character;\n"
              "                            iconv -l lists their names (default: UTF-8)\n"
              "  --no-sandbox              serve without the sandbox: for debuggers and valgrind\n"
              "  --help                    print this and exit\n"
              "  --version                 print the version and exit\n"
              "\n"
              "Exit status: 0 when the client has left, 1 without a sandbox, 2 for a wrong option or "
              "descriptor.\n",
              stdout);
}

/* Takes the option --charset. Returns false, and prints the reason on standard error, if there is no such character
 * set. */
static bool main_take_charset(struct options *o, const char *name, const char *program)
{
        o->terminal.charset = NULL;
        if (strcasecmp(name, "UTF-8") == 0 || strcasecmp(name, "UTF8") == 0)
                return true;
        int r = charset_open(o->charset, name);
        if (r < 0)
                fprintf(stderr, "%s: --charset=%s: %s\n", program, name,
                        r == -ENOTSUP ? "not a set of one byte for a character, with ASCII in its lower half"
                                      : "no such character set; iconv -l lists them");
        else
                o->terminal.charset = o->charset;
        return r == 0;
}

/* Returns -1 if the session is to run, otherwise the exit status. */
static int main_parse_options(struct options *o, int argc, char **argv)
{
        struct option long_options[16 + SETTINGS] = {
                SERVE_LONG_OPTIONS,
                {"echo", no_argument, NULL, 'e'},
                {"charset", required_argument, NULL, 'a'},
        };
        int c, r;
        serve_add_options(&o->serve, long_options);
        while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                switch (c) {
                case 'e':
                        o->kind = &echo_kind;
                        break;
                case 'a':
                        if (!main_take_charset(o, optarg, argv[0]))
                                return EXIT_USAGE;
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
        static struct session session; /* large, as is the next; their pages are used only as needed */
        static struct terminal terminal;
        static struct charset charset;
        static struct options options = {
                .serve = {.program = "chat-session", .reads = SETTINGS_SESSION, .session = {.dir = RUN_DIR_DEFAULT}},
                .charset = &charset,
                .kind = &terminal_kind,
        };

        serve_init(&options.serve);
        int status = main_parse_options(&options, argc, argv);
        if (status < 0)
                status = serve_begin(&options.serve);
        if (status >= 0)
                return status;
        options.terminal.editing = options.kind == &echo_kind ? EDITING_OFF : options.serve.settings.editing;
        zone_read(&options.terminal.zone);
        terminal.options = &options.terminal;
        return serve_client(&options.serve, &session, options.kind, &terminal);
}
