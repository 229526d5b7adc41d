#include "commands.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chat/control.h>
#include <chat/options.h>

#include "moderation.h"
#include "showing.h"
#include "speaking.h"
#include "tokens.h"
#include "tool.h"

static int commands_help(struct chatctl *c, int argc, char **argv);
static int commands_complete(struct chatctl *c, int argc, char **argv);

/* All commands. --help prints this table. */
static const struct command commands[] = {
        {"status", showing_status, 0, 0, "d", "", "shows the state of the chat"},
        {"who", showing_who, 0, 0, "d", "", "lists who is here"},
        {"say", speaking_say, 1, INT_MAX, "d", "TEXT...", "shows a notice to everybody on this host"},
        {"topic", speaking_topic, 1, INT_MAX, "d", "ROOM [TEXT...]",
         "shows the topic of a room, or sets it; - removes it"},
        {"kick", moderation_kick, 1, INT_MAX, "dk", "NAME [REASON]",
         "removes a person; --kill: even if the session is stuck (root)"},
        {"mute", moderation_mute, 1, 1, "d", "NAME", "hides what a person says, until that person leaves"},
        {"unmute", moderation_mute, 1, 1, "d", "NAME", "shows that person's lines again"},
        {"ban", moderation_ban, 1, INT_MAX, "d", "WHAT [REASON]",
         "bans and removes an address, ADDRESS/BITS or a name"},
        {"unban", moderation_unban, 1, 1, "d", "WHAT", "lifts a ban"},
        {"bans", showing_bans, 0, 0, "d", "", "lists the bans"},
        {"token", tokens_run, 1, 2, "dR", "ACTION [NAME]",
         "lets programs say lines: add NAME, list, remove NAME; --room="},
        {"log", showing_log, 0, 0, "nfNR", "", "shows events from the journal; -f, -n N, --name=, --room="},
        {"top", showing_top, 0, 0, "nd", "", "shows every second how many lines are said, and slow members; -n N"},
        {"metrics", showing_metrics, 0, 0, "doO", "", "prints numbers for Prometheus; --output=, --openmetrics"},
        {"help", commands_help, 0, 1, "", "[COMMAND]", "prints this help, or the help of one command"},
        {"commands", commands_complete, 0, 0, OPTIONS_OF_SOME, NULL, NULL}, /* for the shells' completion */
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

void commands_print_help(void)
{
        puts("Usage: chatctl [OPTION...] COMMAND [ARGUMENT...]\n"
             "See who is in the chat, and keep order in it. For root and members of the group " CONTROL_GROUP ".\n");
        for (size_t i = 0; i < COMMANDS; i++)
                if (commands[i].help)
                        printf("  %-7s%-15s%s\n", commands[i].name, commands[i].arguments, commands[i].help);
        puts("\n"
             "  --json             print JSON; log and top: an object on each line\n"
             "  --no-legend        print no headings\n"
             "  -n, --lines=N      log: the last N events, or all (default: 20); top: stop after N seconds\n"
             "  -f, --follow       log: keep showing new events\n"
             "  --name=NAME        log: only events of a person who has or had this name\n"
             "  --room=NAME        log: only what was said in this room, where lines are logged;\n"
             "                     token add: the only room of the program\n"
             "  --kill             kick: end the session's process if it does not leave by itself\n"
             "  --output=FILE      metrics: write to this file\n"
             "  --openmetrics      metrics: for strict readers of OpenMetrics\n"
             "  --run-dir=DIR      the run directory of a chatd without systemd\n"
             "  --help             print this and exit\n"
             "  --version          print the version and exit\n"
             "\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the chat is not running, 4 not permitted,\n"
             "5 no such person here, no such ban or token, 6 the person who was removed has not left,\n"
             "7 it takes a while and will be done.");
}

const struct command *commands_find(const char *name)
{
        for (size_t i = 0; i < COMMANDS; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static int commands_help(struct chatctl *c, int argc, char **argv)
{
        const struct command *command = argc > 1 ? commands_find(argv[1]) : NULL;
        if (argc == 1)
                commands_print_help();
        else if (command && command->help)
                printf("chatctl %s%s%s: %s\n", command->name, command->arguments[0] != '\0' ? " " : "",
                       command->arguments, command->help);
        else
                return tool_complain(c, EXIT_USAGE, "there is no command %s; see --help", argv[1]);
        return EXIT_SUCCESS;
}

static int commands_complete(struct chatctl *c, int argc, char **argv)
{
        (void)c;
        (void)argc;
        (void)argv;
        for (size_t i = 0; i < COMMANDS; i++)
                if (commands[i].help)
                        printf("%s:%s\n", commands[i].name, commands[i].help);
        return EXIT_SUCCESS;
}
