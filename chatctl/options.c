#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <chat/options.h>

#include "commands.h"
#include "tool.h"

static const struct option options_known[] = {
        {"json", no_argument, NULL, 'j'},
        {"no-legend", no_argument, NULL, 'q'},
        {"lines", required_argument, NULL, 'n'},
        {"follow", no_argument, NULL, 'f'},
        {"name", required_argument, NULL, 'N'},
        {"room", required_argument, NULL, 'R'},
        {"kill", no_argument, NULL, 'k'},
        {"run-dir", required_argument, NULL, 'd'},
        {"output", required_argument, NULL, 'o'},
        {"openmetrics", no_argument, NULL, 'O'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {0},
};

static bool options_parse_lines(const char *text, size_t *lines)
{
        char *end;
        if (strcmp(text, "all") == 0) {
                *lines = SIZE_MAX;
                return true;
        }
        errno = 0;
        unsigned long n = strtoul(text, &end, 10);
        *lines = n;
        return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && n > 0 && n < INT32_MAX;
}

/* Returns the bit of an option that not every command takes, or 0 for any other option. */
static unsigned options_bit(int option)
{
        const char *at = option > 0 ? strchr(OPTIONS_OF_SOME, option) : NULL;
        return at ? 1U << (at - OPTIONS_OF_SOME) : 0;
}

int options_check(const struct chatctl *c, const struct command *command)
{
        for (const struct option *o = options_known; o->name; o++)
                if ((c->options.option_bits & options_bit(o->val)) && !strchr(command->options, o->val))
                        return tool_complain(c, EXIT_USAGE, "%s takes no --%s; see --help", command->name, o->name);
        return EXIT_SUCCESS;
}

int options_parse(struct chatctl *c, int argc, char **argv)
{
        struct options *o = &c->options;
        int option;
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) /* for errors in options before --json */
                o->json |= strcmp(argv[i], "--json") == 0;
        while ((option = getopt_long(argc, argv, "n:fh", options_known, NULL)) != -1) {
                o->option_bits |= options_bit(option);
                switch (option) {
                case 'j':
                        o->json = true;
                        break;
                case 'q':
                        o->legend = false;
                        break;
                case 'n':
                        if (options_parse_lines(optarg, &o->lines))
                                break;
                        return tool_complain(c, EXIT_USAGE, "--lines takes a number, 1 at least, or all");
                case 'f':
                        o->follow = true;
                        break;
                case 'N':
                        o->name = optarg;
                        break;
                case 'R':
                        o->room = optarg;
                        break;
                case 'k':
                        o->kill = true;
                        break;
                case 'd':
                        o->dir = optarg;
                        break;
                case 'o':
                        o->output = optarg;
                        break;
                case 'O':
                        o->strict = true;
                        break;
                case 'h':
                        o->help = true;
                        return EXIT_SUCCESS;
                case 'v':
                        o->version = true;
                        return EXIT_SUCCESS;
                default: /* getopt_long() has printed the error */
                        if (o->json)
                                tool_print_error("there is no such option, or it takes another argument; see --help");
                        return EXIT_USAGE;
                }
        }
        return EXIT_SUCCESS;
}
