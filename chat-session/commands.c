#include "commands.h"

static const struct {
        const char *line;
        enum command command;
} commands[] = {
        {"exit", COMMAND_LEAVE},
        {"/quit", COMMAND_LEAVE},
};

enum command command_find(struct slice line)
{
        while (line.len > 0 && line.at[line.len - 1] == ' ')
                line.len--;
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
                if (slice_equal(line, slice_of(commands[i].line)))
                        return commands[i].command;
        return COMMAND_NONE;
}
