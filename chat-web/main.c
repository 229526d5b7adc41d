/* chat-web: serves a browser, or a program that speaks JSON, on standard input or on the descriptor that systemd passed
 * (LISTEN_FDS). */
#include <stdio.h>

#include <chat/options.h>

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

enum main_option { MAIN_JSON = 'j', MAIN_FORWARDED = 'f' };

static int main_take_option(void *own, int option, const char *argument, const char *name)
{
        struct options *o = own;
        (void)argument;
        o->is_json |= option == MAIN_JSON;
        o->is_forwarded |= option == MAIN_FORWARDED;
        if (!o->is_json || !o->is_forwarded)
                return -1;
        fprintf(stderr, "%s: --forwarded is for browsers, so it does not go with --json\n", name);
        return EXIT_USAGE;
}

static const struct serve_program main_program = {
        .name = "chat-web",
        .reads = SETTINGS_WEB,
        .purpose = "Serve a browser on standard input and output, or on the socket that systemd passed. The page is at "
                   "/, and\n"
                   "a WebSocket for JSON objects is at /ws. chat-json(5) describes the objects.\n",
        .help = "  --json                    serve a program, which sends and gets JSON objects, one in a line\n"
                "  --forwarded               expect a web server as a proxy, which states the browser's address in\n"
                "                            X-Real-IP and X-Real-Port\n",
        .options = {{"json", no_argument, NULL, MAIN_JSON}, {"forwarded", no_argument, NULL, MAIN_FORWARDED}},
        .take = main_take_option,
};

/* Returns the kind of client that the options ask for, and prepares its state. */
static struct kind main_kind(struct web *w, const struct options *o)
{
        static struct site site;
        if (o->is_json)
                return json_kind;
        site.origins = o->serve.settings.web_origins;
        site.is_forwarded = o->is_forwarded;
        w->site = &site;
        return browser_kind();
}

int main(int argc, char **argv)
{
        static struct {
                struct web web;
                struct session session;
        } state; /* large: its pages are used only as needed */
        static struct options options = {.serve = SERVE_DEFAULTS};

        int status = serve_begin(&options.serve, &main_program, argc, argv, &options);
        if (status >= 0)
                return status;
        parser_begin();
        struct kind kind = main_kind(&state.web, &options);
        return serve_client(&options.serve, &main_program, &state.session, &kind, &state.web);
}
