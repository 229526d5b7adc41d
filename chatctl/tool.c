#include "tool.h"

#include <errno.h>
#include <stdlib.h>

#include <chat/options.h>

#include "output.h"

void tool_print_error(const char *text)
{
        printf("{\"ok\":false,\"error\":");
        output_json_string(stdout, text, strlen(text));
        puts("}");
}

int tool_complain(const struct chatctl *c, int status, const char *format, ...)
{
        char text[1024];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        fprintf(stderr, "%s: %s\n", c->program, text);
        if (c->options.json)
                tool_print_error(text);
        return status;
}

int tool_complain_of_error(const struct chatctl *c, int error)
{
        switch (-error) {
        case ENOENT:
        case ECONNREFUSED:
        case ENOTDIR:
                if (c->options.dir)
                        return tool_complain(c, EXIT_NOT_RUNNING, "no chatd serves %s", c->options.dir);
                return tool_complain(
                        c, EXIT_NOT_RUNNING,
                        "the chat is not running, or takes no requests; see: systemctl status chatd.socket "
                        "chatctl.socket; systemctl restart chatd brings both");
        case EACCES:
        case EPERM:
                return tool_complain(c, EXIT_DENIED,
                                     "not permitted: this is for root and members of the group " CONTROL_GROUP
                                     ": sudo usermod -aG " CONTROL_GROUP " USER, then log out and in again");
        case EMSGSIZE:
                return tool_complain(c, EXIT_USAGE, "the request is too long");
        case ETIMEDOUT:
                return tool_complain(c, EXIT_FAILURE, "chatd does not answer%s",
                                     c->options.dir ? "" : "; see: systemctl status chatd.service");
        case EPIPE:
                return tool_complain(c, EXIT_FAILURE, "chatd ended before it answered, at each attempt");
        default:
                return tool_complain(c, EXIT_FAILURE, "cannot ask chatd: %s", strerror(-error));
        }
}

int tool_complain_of_end(const struct chatctl *c)
{
        const char *status = asking_end(&c->asking, "end"), *text = asking_end(&c->asking, "text");
        if (strcmp(status, CONTROL_DENIED) == 0)
                return tool_complain_of_error(c, -EACCES);
        if (strcmp(status, CONTROL_NOBODY) == 0)
                return tool_complain(c, EXIT_NOBODY, "%s", text ? text : "no such person, room, ban or token");
        if (strcmp(status, CONTROL_BUSY) == 0)
                return tool_complain(c, EXIT_FAILURE, "chatd is busy%s%s; try again later", text ? ": " : "",
                                     text ? text : "");
        if (strcmp(status, CONTROL_QUEUED) == 0)
                return tool_complain(c, EXIT_QUEUED, "this takes a while and will be done; do not repeat it%s%s",
                                     text ? ": " : "", text ? text : "");
        int wrong = strcmp(status, CONTROL_WRONG) == 0 ? EXIT_USAGE : EXIT_FAILURE;
        return tool_complain(c, wrong, "%s", text ? text : status);
}

bool tool_ended_with(const struct chatctl *c, const char *status)
{
        return strcmp(asking_end(&c->asking, "end"), status) == 0;
}

int tool_ask(struct chatctl *c, const char *const words[])
{
        int r = asking_make(&c->asking, words);
        if (r < 0)
                return tool_complain_of_error(c, r);
        return tool_ended_with(c, CONTROL_OK) ? EXIT_SUCCESS : tool_complain_of_end(c);
}

int tool_list(struct chatctl *c, const char *request, const struct column *columns)
{
        int status = tool_ask(c, (const char *const[]){request, NULL});
        if (status != EXIT_SUCCESS)
                return status;
        if (c->options.json) {
                output_json(stdout, columns, c->asking.records, c->asking.count);
                putchar('\n');
        } else {
                output_table(stdout, columns, c->asking.records, c->asking.count, c->options.legend);
        }
        return EXIT_SUCCESS;
}

int tool_confirm_with(const struct chatctl *c, const char *what, const char *key, const char *value)
{
        if (c->options.json) {
                printf("{\"ok\":true,\"did\":\"%s\",\"%s\":", what, key);
                output_json_string(stdout, value, strlen(value));
                puts("}");
        }
        return EXIT_SUCCESS;
}

int tool_confirm_and(const struct chatctl *c, const char *what, const char *whom, const char *key, const char *value)
{
        if (c->options.json) {
                printf("{\"ok\":true,\"did\":\"%s\",\"to\":", what);
                output_json_string(stdout, whom, strlen(whom));
                printf(",\"%s\":", key);
                output_json_string(stdout, value, strlen(value));
                puts("}");
        }
        return EXIT_SUCCESS;
}

int tool_confirm(const struct chatctl *c, const char *what, const char *whom)
{
        return tool_confirm_with(c, what, "to", whom);
}

static volatile sig_atomic_t tool_stop;

static void tool_on_signal(int signal)
{
        (void)signal;
        tool_stop = 1;
}

const volatile sig_atomic_t *tool_watch_signals(void)
{
        struct sigaction action = {.sa_handler = tool_on_signal}; /* without SA_RESTART */
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        return &tool_stop;
}
