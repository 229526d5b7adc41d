#include "showing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <chat/options.h>

#include "journal-entries.h"
#include "metrics.h"
#include "output.h"
#include "sockets.h"
#include "tool.h"
#include "top.h"

enum { SHOWING_LAST = 20 }; /* events that `log` shows by default */

int showing_who(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        (void)argv;
        return tool_list(c, "who", output_members);
}

int showing_bans(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        (void)argv;
        return tool_list(c, "bans", output_bans);
}

int showing_status(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        (void)argv;
        int status = tool_ask(c, (const char *const[]){"status", NULL});
        if (status != EXIT_SUCCESS)
                return status;
        if (c->asking.count == 0)
                return tool_complain(c, EXIT_FAILURE, "no answer from chatd");
        struct sockets sockets = {NULL};
        if (!c->options.dir) {
                sockets_open(&sockets);
                int r = sockets_describe(&sockets, c->asking.records);
                sockets_close(&sockets);
                if (r < 0)
                        return tool_complain(c, EXIT_FAILURE, "cannot add what systemd refused: %s", strerror(-r));
        }
        if (c->options.json) {
                output_json_object(stdout, output_status, c->asking.records);
                putchar('\n');
        } else {
                output_list(stdout, output_status, c->asking.records);
        }
        return EXIT_SUCCESS;
}

int showing_log(struct chatctl *c, int argc, char **argv)
{
        const struct options *o = &c->options;
        struct entries_options events = {
                .name = o->name,
                .room = o->room,
                .last = o->lines > 0 ? o->lines : SHOWING_LAST,
                .follow = o->follow,
                .json = o->json,
                .stop = tool_watch_signals(),
        };
        (void)argc;
        (void)argv;
        int r = entries_print(&events);
        if (r == -EACCES)
                return tool_complain(c, EXIT_DENIED,
                                     "the journal is for root and members of the group systemd-journal: "
                                     "sudo usermod -aG systemd-journal USER, then log out and in again");
        if (r < 0)
                return tool_complain(c, EXIT_FAILURE, "cannot read the journal: %s", strerror(-r));
        if (r == 0 && !o->follow && !*events.stop)
                fprintf(stderr, "%s: no such event in the journal\n", c->program);
        return EXIT_SUCCESS;
}

int showing_top(struct chatctl *c, int argc, char **argv)
{
        struct top_options top = {
                .times = c->options.lines == SIZE_MAX ? 0 : c->options.lines,
                .json = c->options.json,
                .legend = c->options.legend,
                .systemd = !c->options.dir,
                .stop = tool_watch_signals(),
        };
        (void)argc;
        (void)argv;
        int r = top_run(&c->asking, &top);
        if (r < 0)
                return tool_complain_of_error(c, r);
        return r > 0 ? tool_complain_of_end(c) : EXIT_SUCCESS;
}

/* Writes the metrics. If chatd does not answer, they have a sample that says so, and writing them to a file succeeds: a
 * failure would make the timer log an error again and again. Returns an exit status. */
int showing_metrics(struct chatctl *c, int argc, char **argv)
{
        const struct metrics_options metrics = {
                .path = c->options.output,
                .strict = c->options.strict,
                .systemd = !c->options.dir,
        };
        (void)argc;
        (void)argv;
        if (c->options.json)
                return tool_complain(c, EXIT_USAGE, "metrics prints no JSON; status --json has the same numbers");
        int asked = asking_make(&c->asking, (const char *const[]){"status", NULL});
        bool answered = asked >= 0 && tool_ended_with(c, CONTROL_OK) && c->asking.count > 0;
        if (asked == -EACCES || asked == -EPERM || (asked >= 0 && tool_ended_with(c, CONTROL_DENIED)))
                return tool_complain_of_error(c, -EACCES);
        int r = metrics_write(&metrics, answered ? c->asking.records : NULL);
        if (r < 0)
                return tool_complain(c, EXIT_FAILURE, "cannot write %s: %s", c->options.output, strerror(-r));
        if (answered || c->options.output)
                return EXIT_SUCCESS;
        return asked < 0 ? tool_complain_of_error(c, asked) : tool_complain_of_end(c);
}
