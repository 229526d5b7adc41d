/* chatctl: the administrator's tool. It asks chatd for the state of the chat, gives it orders, and reads the
 * journal. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include <chat/options.h>
#include <chat/version.h>

#include "commands.h"
#include "options.h"
#include "tool.h"

/* Does the command that `argv` begins with. Returns an exit status. */
static int chatctl_run(struct chatctl *c, int argc, char **argv)
{
        if (argc == 0)
                return tool_complain(c, EXIT_USAGE, "no command given; see --help");
        const struct command *command = commands_find(argv[0]);
        if (!command)
                return tool_complain(c, EXIT_USAGE, "there is no command %s; see --help", argv[0]);
        if (argc - 1 < command->arguments_min || argc - 1 > command->arguments_max)
                return tool_complain(c, EXIT_USAGE, "%s takes %s; see --help", command->name,
                                     command->arguments_max == 0 ? "no arguments" : command->arguments);
        int status = options_check(c, command);
        if (status != EXIT_SUCCESS)
                return status;
        if ((c->options.dir && c->options.dir[0] == '\0') || asking_init(&c->asking, c->options.dir) < 0)
                return tool_complain(c, EXIT_USAGE, "--run-dir takes a path of 1 to %zu bytes", RUN_DIR_MAX_BYTES);
        status = command->run(c, argc, argv);
        asking_free(&c->asking);
        return status;
}

int main(int argc, char **argv)
{
        static struct chatctl c = {.options = {.legend = true}};
        c.program = argv[0];
        int status = options_parse(&c, argc, argv);
        if (status != EXIT_SUCCESS)
                return status;
        if (c.options.help)
                commands_print_help();
        else if (c.options.version)
                puts("chatctl " VERSION);
        else
                status = chatctl_run(&c, argc - optind, argv + optind);
        if (fflush(stdout) == 0 || status != EXIT_SUCCESS)
                return status;
        fprintf(stderr, "%s: cannot write: %s\n", c.program, strerror(errno));
        return EXIT_FAILURE;
}
