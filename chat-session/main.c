/* chat-session: serves one client, on standard input or on the descriptor that systemd passed (LISTEN_FDS). */
#include <errno.h>
#include <stdio.h>

#include <chat/options.h>
#include <chat/settings.h>

#include "echo.h"
#include "serve.h"
#include "terminal-kind.h"
#include "terminal.h"

/* What the options of this program alone say. */
struct own_options {
        struct terminal_options terminal;
        const struct kind *kind;
        struct charset *charset; /* where the option's set is stored */
};

enum main_option { MAIN_ECHO = 'e', MAIN_CHARSET = 'a' };

/* Takes the option --charset. Returns false, and prints the reason on standard error, if there is no such character
 * set. */
static bool main_take_charset(struct own_options *o, const char *name, const char *program)
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

static int main_take_option(void *own, int option, const char *argument, const char *name)
{
        struct own_options *o = own;
        if (option == MAIN_ECHO)
                o->kind = &echo_kind;
        else if (!main_take_charset(o, argument, name))
                return EXIT_USAGE;
        return -1;
}

static const struct serve_program main_program = {
        .name = "chat-session",
        .reads = SETTINGS_SESSION,
        .purpose = "Serve one chat client on standard input and output, or on the socket that systemd passed.\n",
        .help = "  --echo                    send the client its own lines back; needs no broker\n"
                "  --charset=NAME            the character set of the client's terminal, with one byte for a "
                "character;\n"
                "                            iconv -l lists their names (default: UTF-8)\n",
        .options = {{"echo", no_argument, NULL, MAIN_ECHO}, {"charset", required_argument, NULL, MAIN_CHARSET}},
        .take = main_take_option,
};

int main(int argc, char **argv)
{
        /* Large, and their pages are used only as needed. The first fields of the terminal, which are in constant use,
         * share a page with other data of the program. */
        static struct {
                struct terminal terminal;
                struct session session;
                struct charset charset;
        } state;
        static struct serve_options options = SERVE_DEFAULTS;
        static struct own_options own = {.charset = &state.charset, .kind = &terminal_kind};

        int status = serve_begin(&options, &main_program, argc, argv, &own);
        if (status >= 0)
                return status;
        own.terminal.editing = own.kind == &echo_kind ? EDITING_OFF : options.settings.editing;
        zone_read(&own.terminal.zone);
        state.terminal.options = &own.terminal;
        return serve_client(&options, &main_program, &state.session, own.kind, &state.terminal);
}
