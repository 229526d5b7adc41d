/* chatctl: the administrator's tool. It asks chatd for the state of the chat, gives it orders, and reads the
 * journal. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <chat/options.h>
#include <chat/reveal.h>
#include <chat/version.h>

#include "asking.h"
#include "events.h"
#include "metrics.h"
#include "output.h"
#include "sockets.h"
#include "top.h"

/* Exit statuses besides 0, EXIT_FAILURE and EXIT_USAGE. */
enum {
        EXIT_NOT_RUNNING = 3,
        EXIT_DENIED = 4,
        EXIT_NOBODY = 5,
        EXIT_STAYS = 6,
        EXIT_QUEUED = 7,
};

enum {
        LAST_DEFAULT = 20,
        WHO_MAX_BYTES = 256, /* a name, or "#ID" */
};

struct options {
        const char *dir, *name, *room;
        const char *output;
        bool json, legend, follow, kill, strict;
        size_t lines;  /* -n; 0: not given, SIZE_MAX: all */
        unsigned some; /* a bit for each of SOME_OPTIONS that was given */
};

struct chatctl {
        struct options options;
        struct asking asking;
        const char *program;
};

/* Does a command. `argv` has its words, beginning with its name, and ends with NULL. Returns an exit status. */
typedef int handler(struct chatctl *c, int argc, char **argv);

struct command {
        const char *name;
        handler *handle;
        int least, most;     /* number of arguments */
        const char *options; /* the options out of SOME_OPTIONS that it takes */
        const char *arguments, *help;
};

#define SOME_OPTIONS "nfNRkdoO" /* options that not every command takes */

static const struct option known_options[] = {
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

static volatile sig_atomic_t stop;

static handler show_status, show_members, show_bans, show_log, show_top, show_metrics, show_help, say, topic, kick,
        mute, ban, unban, complete;

/* All commands. --help prints this table. */
static const struct command commands[] = {
        {"status", show_status, 0, 0, "d", "", "shows the state of the chat"},
        {"who", show_members, 0, 0, "d", "", "lists who is here"},
        {"say", say, 1, INT32_MAX, "d", "TEXT...", "shows a notice to everybody on this host"},
        {"topic", topic, 1, INT32_MAX, "d", "ROOM [TEXT...]", "shows the topic of a room, or sets it; - removes it"},
        {"kick", kick, 1, INT32_MAX, "dk", "NAME [REASON]",
         "removes a person; --kill: even if the session is stuck (root)"},
        {"mute", mute, 1, 1, "d", "NAME", "hides what a person says, until that person leaves"},
        {"unmute", mute, 1, 1, "d", "NAME", "shows that person's lines again"},
        {"ban", ban, 1, INT32_MAX, "d", "WHAT [REASON]", "bans and removes an address, ADDRESS/BITS or a name"},
        {"unban", unban, 1, 1, "d", "WHAT", "lifts a ban"},
        {"bans", show_bans, 0, 0, "d", "", "lists the bans"},
        {"log", show_log, 0, 0, "nfNR", "", "shows events from the journal; -f, -n N, --name=, --room="},
        {"top", show_top, 0, 0, "nd", "", "shows every second how much is said and who is slow; -n N"},
        {"metrics", show_metrics, 0, 0, "doO", "", "prints numbers for Prometheus; --output=, --openmetrics"},
        {"help", show_help, 0, 1, "", "[COMMAND]", "prints this, or what one command does"},
        {"commands", complete, 0, 0, SOME_OPTIONS, NULL, NULL}, /* for the shells' completion */
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(void)
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
             "  --room=NAME        log: only what was said in this room, where lines are logged\n"
             "  --kill             kick: end the session's process if it does not leave by itself\n"
             "  --output=FILE      metrics: write to this file\n"
             "  --openmetrics      metrics: for strict readers of OpenMetrics\n"
             "  --run-dir=DIR      the run directory of a chatd without systemd\n"
             "  --help             print this and exit\n"
             "  --version          print the version and exit\n"
             "\n"
             "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the chat is not running, 4 not permitted,\n"
             "5 no such person here, or no such ban, 6 the person who was removed has not left,\n"
             "7 it takes a while and will be done.");
}

static const struct command *find_command(const char *name)
{
        for (size_t i = 0; i < COMMANDS; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

/* ---- errors ---- */

static void print_error(const char *text)
{
        printf("{\"ok\":false,\"error\":");
        output_json_string(stdout, text, strlen(text));
        puts("}");
}

/* Prints an error on standard error, and with --json as an object on standard output, too. Returns `status`. */
__attribute__((format(printf, 3, 4))) static int complain(const struct chatctl *c, int status, const char *format, ...)
{
        char text[1024];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        fprintf(stderr, "%s: %s\n", c->program, text);
        if (c->options.json)
                print_error(text);
        return status;
}

static int complain_of_error(const struct chatctl *c, int error)
{
        switch (-error) {
        case ENOENT:
        case ECONNREFUSED:
        case ENOTDIR:
                if (c->options.dir)
                        return complain(c, EXIT_NOT_RUNNING, "no chatd serves %s", c->options.dir);
                return complain(c, EXIT_NOT_RUNNING,
                                "the chat is not running, or takes no requests; see: systemctl status chatd.socket "
                                "chatctl.socket; systemctl restart chatd brings both");
        case EACCES:
        case EPERM:
                return complain(c, EXIT_DENIED,
                                "not permitted: this is for root and members of the group " CONTROL_GROUP
                                ": sudo usermod -aG " CONTROL_GROUP " USER, then log out and in again");
        case EMSGSIZE:
                return complain(c, EXIT_USAGE, "the request is too long");
        case ETIMEDOUT:
                return complain(c, EXIT_FAILURE, "chatd does not answer%s",
                                c->options.dir ? "" : "; see: systemctl status chatd.service");
        case EPIPE:
                return complain(c, EXIT_FAILURE, "chatd ended each time before it had answered");
        default:
                return complain(c, EXIT_FAILURE, "cannot ask chatd: %s", strerror(-error));
        }
}

/* Prints the error in the end of an answer. Returns an exit status. */
static int complain_of_end(const struct chatctl *c)
{
        const char *status = asking_end(&c->asking, "end"), *text = asking_end(&c->asking, "text");
        if (strcmp(status, CONTROL_DENIED) == 0)
                return complain_of_error(c, -EACCES);
        if (strcmp(status, CONTROL_NOBODY) == 0)
                return complain(c, EXIT_NOBODY, "%s", text ? text : "no such person, room or ban");
        if (strcmp(status, CONTROL_BUSY) == 0)
                return complain(c, EXIT_FAILURE, "chatd is busy%s%s; try again later", text ? ": " : "",
                                text ? text : "");
        if (strcmp(status, CONTROL_QUEUED) == 0)
                return complain(c, EXIT_QUEUED, "this takes a while and will be done; do not repeat it%s%s",
                                text ? ": " : "", text ? text : "");
        int wrong = strcmp(status, CONTROL_WRONG) == 0 ? EXIT_USAGE : EXIT_FAILURE;
        return complain(c, wrong, "%s", text ? text : status);
}

static bool ended_with(const struct chatctl *c, const char *status)
{
        return strcmp(asking_end(&c->asking, "end"), status) == 0;
}

/* ---- what is shown ---- */

/* Makes a request. Returns -1 if its answer ended with CONTROL_OK. Otherwise prints an error and returns an exit
 * status. */
static int ask(struct chatctl *c, const char *const words[])
{
        int r = asking_make(&c->asking, words);
        if (r < 0)
                return complain_of_error(c, r);
        return ended_with(c, CONTROL_OK) ? -1 : complain_of_end(c);
}

static int show_list(struct chatctl *c, const char *request, const struct column *columns)
{
        int status = ask(c, (const char *const[]){request, NULL});
        if (status >= 0)
                return status;
        if (c->options.json) {
                output_json(stdout, columns, c->asking.records, c->asking.count);
                putchar('\n');
        } else {
                output_table(stdout, columns, c->asking.records, c->asking.count, c->options.legend);
        }
        return EXIT_SUCCESS;
}

static int show_members(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        (void)argv;
        return show_list(c, "who", output_members);
}

static int show_bans(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        (void)argv;
        return show_list(c, "bans", output_bans);
}

static int show_status(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        (void)argv;
        int status = ask(c, (const char *const[]){"status", NULL});
        if (status >= 0)
                return status;
        if (c->asking.count == 0)
                return complain(c, EXIT_FAILURE, "no answer from chatd");
        struct sockets sockets = {NULL};
        if (!c->options.dir) {
                sockets_open(&sockets);
                sockets_describe(&sockets, c->asking.records);
                sockets_close(&sockets);
        }
        if (c->options.json) {
                output_json_object(stdout, output_status, c->asking.records);
                putchar('\n');
        } else {
                output_list(stdout, output_status, c->asking.records);
        }
        return EXIT_SUCCESS;
}

static int show_log(struct chatctl *c, int argc, char **argv)
{
        const struct options *o = &c->options;
        struct events_options events = {
                .name = o->name,
                .room = o->room,
                .last = o->lines > 0 ? o->lines : LAST_DEFAULT,
                .follow = o->follow,
                .json = o->json,
                .stop = &stop,
        };
        (void)argc;
        (void)argv;
        int r = events_print(&events);
        if (r == -EACCES)
                return complain(c, EXIT_DENIED,
                                "the journal is for root and members of the group systemd-journal: "
                                "sudo usermod -aG systemd-journal USER, then log out and in again");
        if (r < 0)
                return complain(c, EXIT_FAILURE, "cannot read the journal: %s", strerror(-r));
        if (r == 0 && !o->follow && !stop)
                fprintf(stderr, "%s: no such event in the journal\n", c->program);
        return EXIT_SUCCESS;
}

static int show_top(struct chatctl *c, int argc, char **argv)
{
        struct top_options top = {
                .times = c->options.lines == SIZE_MAX ? 0 : c->options.lines,
                .json = c->options.json,
                .legend = c->options.legend,
                .systemd = !c->options.dir,
                .stop = &stop,
        };
        (void)argc;
        (void)argv;
        int r = top_run(&c->asking, &top);
        return r < 0 ? complain_of_error(c, r) : r > 0 ? complain_of_end(c) : EXIT_SUCCESS;
}

/* Writes the metrics. That chatd does not answer is a sample, too. In a file a reader finds that sample, so it is no
 * failure then: otherwise a timer would log a failure again and again. */
static int show_metrics(struct chatctl *c, int argc, char **argv)
{
        const struct metrics_options metrics = {
                .path = c->options.output,
                .strict = c->options.strict,
                .systemd = !c->options.dir,
        };
        (void)argc;
        (void)argv;
        if (c->options.json)
                return complain(c, EXIT_USAGE, "metrics is no JSON; status --json has the same numbers");
        int asked = asking_make(&c->asking, (const char *const[]){"status", NULL});
        bool answered = asked >= 0 && ended_with(c, CONTROL_OK) && c->asking.count > 0;
        if (asked == -EACCES || asked == -EPERM || (asked >= 0 && ended_with(c, CONTROL_DENIED)))
                return complain_of_error(c, -EACCES);
        int r = metrics_write(&metrics, answered ? c->asking.records : NULL);
        if (r < 0)
                return complain(c, EXIT_FAILURE, "cannot write %s: %s", c->options.output, strerror(-r));
        if (answered || c->options.output)
                return EXIT_SUCCESS;
        return asked < 0 ? complain_of_error(c, asked) : complain_of_end(c);
}

static int show_help(struct chatctl *c, int argc, char **argv)
{
        const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
        if (argc == 1)
                print_help();
        else if (command && command->help)
                printf("chatctl %s%s%s: %s\n", command->name, command->arguments[0] != '\0' ? " " : "",
                       command->arguments, command->help);
        else
                return complain(c, EXIT_USAGE, "there is no command %s; see --help", argv[1]);
        return EXIT_SUCCESS;
}

static int complete(struct chatctl *c, int argc, char **argv)
{
        (void)c;
        (void)argc;
        (void)argv;
        for (size_t i = 0; i < COMMANDS; i++)
                if (commands[i].help)
                        printf("%s:%s\n", commands[i].name, commands[i].help);
        return EXIT_SUCCESS;
}

/* ---- commands that change something ---- */

struct words {
        struct text_cleaner cleaner;
        char *text;
        size_t len, most; /* bytes */
};

/* Appends the cleaned form of `size` bytes. Returns false if there is no room for it. */
static bool append(struct words *w, const char *bytes, size_t size)
{
        char clean[TEXT_CLEAN_MAX];
        for (size_t i = 0; i < size; i++) {
                size_t n = text_clean(&w->cleaner, (uint8_t)bytes[i], clean);
                if (w->len + n > w->most)
                        return false;
                memcpy(w->text + w->len, clean, n);
                w->len += n;
        }
        return true;
}

/* Joins arguments with spaces to a text as members see it (chat/reveal.h), of at most `most` bytes and a 0. `most` must
 * not exceed CONTROL_TEXT_MAX_BYTES. Returns false if the text is longer. */
static bool join(char *text, size_t most, int argc, char **argv)
{
        char shown[CONTROL_TEXT_MAX_BYTES];
        struct words w = {.text = text, .most = most};
        for (int i = 0; i < argc; i++)
                if (!append(&w, " ", i > 0) || !append(&w, argv[i], strlen(argv[i])))
                        return false;
        if (w.cleaner.need > 0 && !append(&w, " ", 1)) /* ends an incomplete character */
                return false;
        struct slice all = reveal((struct slice){text, w.len}, shown, most);
        memmove(text, all.at, all.len);
        text[all.len] = '\0';
        return true;
}

/* Confirms that `what` was done: with --json prints an object, which has `value` under `key`. Returns EXIT_SUCCESS. */
static int confirm_with(const struct chatctl *c, const char *what, const char *key, const char *value)
{
        if (c->options.json) {
                printf("{\"ok\":true,\"did\":\"%s\",\"%s\":", what, key);
                output_json_string(stdout, value, strlen(value));
                puts("}");
        }
        return EXIT_SUCCESS;
}

/* Confirms that `what` was done to `whom`, a name or another object of a command. Returns EXIT_SUCCESS. */
static int confirm(const struct chatctl *c, const char *what, const char *whom)
{
        return confirm_with(c, what, "to", whom);
}

static int say(struct chatctl *c, int argc, char **argv)
{
        char text[CONTROL_TEXT_MAX_BYTES + 1];
        if (!join(text, CONTROL_TEXT_MAX_BYTES, argc - 1, argv + 1))
                return complain(c, EXIT_USAGE, "a notice is %d bytes at most", CONTROL_TEXT_MAX_BYTES);
        int status = ask(c, (const char *const[]){"say", "", text, NULL});
        return status >= 0 ? status : confirm_with(c, "say", "text", text);
}

static int show_topic(struct chatctl *c, const char *name)
{
        int status = ask(c, (const char *const[]){"topic", "", name, NULL});
        if (status >= 0)
                return status;
        const char *room = asking_end(&c->asking, "room"), *text = asking_end(&c->asking, "topic");
        if (!room || !text)
                return complain(c, EXIT_FAILURE, "no answer from chatd");
        if (c->options.json) {
                printf("{\"room\":");
                output_json_string(stdout, room, strlen(room));
                printf(",\"topic\":");
                output_json_string(stdout, text, strlen(text));
                puts("}");
        } else if (text[0] != '\0') {
                puts(text);
        } else {
                printf("%s has no topic\n", room);
        }
        return EXIT_SUCCESS;
}

static int topic(struct chatctl *c, int argc, char **argv)
{
        char text[CONTROL_TEXT_MAX_BYTES + 1];
        const char *room = argv[1][0] == '#' ? argv[1] + 1 : argv[1];
        if (argc == 2)
                return show_topic(c, room);
        if (!join(text, CONTROL_TEXT_MAX_BYTES, argc - 2, argv + 2))
                return complain(c, EXIT_USAGE, "the topic is too long");
        int status = ask(c, (const char *const[]){"topic", "", room, text, NULL});
        return status >= 0 ? status : confirm_with(c, "topic", "text", text);
}

/* Writes "#ID" of the member with this name to `who`. The id cannot hit another member: if chatd dies and the request
 * is repeated, the name may have passed to somebody else. Returns -1, or an exit status if there is no such member. */
static int resolve(struct chatctl *c, const char *name, char who[static WHO_MAX_BYTES])
{
        int r = asking_make(&c->asking, (const char *const[]){"find", "", name, NULL});
        if (r < 0)
                return complain_of_error(c, r);
        const char *id = asking_end(&c->asking, "id");
        if (ended_with(c, CONTROL_OK) && id)
                snprintf(who, WHO_MAX_BYTES, "#%s", id);
        else if (ended_with(c, CONTROL_WRONG)) /* chatd has an earlier version */
                snprintf(who, WHO_MAX_BYTES, "%s", name);
        else
                return complain_of_end(c);
        return -1;
}

/* Prints the error in the end of an answer about a member who was found just before. Returns an exit status. */
static int complain_of_leaver(const struct chatctl *c, const char *name)
{
        return ended_with(c, CONTROL_NOBODY) ? complain(c, EXIT_NOBODY, "%s has just left", name) : complain_of_end(c);
}

static int mute(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        char who[WHO_MAX_BYTES];
        int status = resolve(c, argv[1], who);
        if (status >= 0)
                return status;
        int r = asking_make(&c->asking, (const char *const[]){argv[0], "", who, NULL});
        if (r < 0)
                return complain_of_error(c, r);
        return ended_with(c, CONTROL_OK) ? confirm(c, argv[0], argv[1]) : complain_of_leaver(c, argv[1]);
}

/* Returns true if the member with this id is here and its process runs. chatd watches the process. */
static bool is_alive(struct chatctl *c, const char *id)
{
        if (asking_make(&c->asking, (const char *const[]){"who", NULL}) < 0)
                return false;
        for (size_t i = 0; i < c->asking.count; i++) {
                const char *is = answer_value(&c->asking.records[i], "id");
                const char *alive = answer_value(&c->asking.records[i], "alive");
                if (is && alive && strcmp(is, id) == 0)
                        return strcmp(alive, "yes") == 0;
        }
        return false;
}

/* Kills the process of a session that does not leave. The descriptor is opened before chatd states that the session
 * runs, so the pid cannot have passed to another process in between. Returns 0 or a negative errno. */
static int end_session(struct chatctl *c, const char *pid, const char *id)
{
        int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);
        if (fd < 0)
                return errno == ESRCH ? 0 : -errno;
        int r = 0;
        if (is_alive(c, id) && pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0)
                r = -errno;
        close(fd);
        return r;
}

static int deal_with_stayer(struct chatctl *c, const char *name)
{
        const char *end_pid = asking_end(&c->asking, "pid"), *end_id = asking_end(&c->asking, "id");
        char pid[24], id[24];
        if (!end_pid || !end_id)
                return complain_of_end(c);
        snprintf(pid, sizeof(pid), "%s", end_pid);
        snprintf(id, sizeof(id), "%s", end_id);
        if (!c->options.kill)
                return complain(
                        c, EXIT_STAYS,
                        "%s has not left within %d s: the session, process %s, is not running, or is an "
                        "earlier version. Nobody sees what it says. To end it, as root: chatctl%s%s kick --kill %s",
                        name, CONTROL_LEAVE_MS / 1000, pid, c->options.dir ? " --run-dir=" : "",
                        c->options.dir ? c->options.dir : "", name);
        int r = end_session(c, pid, id);
        if (r < 0)
                return complain(c, r == -EPERM ? EXIT_DENIED : EXIT_FAILURE, "cannot end process %s: %s%s%s", pid,
                                strerror(-r), r == -EPERM ? "; --kill is for root" : "",
                                r == -ENOSYS ? "; --kill needs pidfd_open(2), of Linux 5.3 or later" : "");
        return confirm(c, "kill", name);
}

static int kick(struct chatctl *c, int argc, char **argv)
{
        char reason[CONTROL_REASON_MAX_BYTES + 1];
        if (!join(reason, CONTROL_REASON_MAX_BYTES, argc - 2, argv + 2))
                return complain(c, EXIT_USAGE, "a reason is %d bytes at most", CONTROL_REASON_MAX_BYTES);
        char who[WHO_MAX_BYTES];
        int status = resolve(c, argv[1], who);
        if (status >= 0)
                return status;
        int r = asking_make(&c->asking, (const char *const[]){"kick", "", who, reason, NULL});
        if (r < 0)
                return complain_of_error(c, r);
        if (ended_with(c, CONTROL_STAYS))
                return deal_with_stayer(c, argv[1]);
        bool left = ended_with(c, CONTROL_NOBODY) && c->asking.again; /* the first request did it, before chatd died */
        return ended_with(c, CONTROL_OK) || left ? confirm(c, "kick", argv[1]) : complain_of_leaver(c, argv[1]);
}

/* Confirms a ban, and suggests what else could be banned: the network of a banned member who is still here, or the
 * network of an IPv6 address, because one host usually has many addresses. Returns EXIT_SUCCESS. */
static int confirm_ban(const struct chatctl *c, const char *what)
{
        const char *network = asking_end(&c->asking, "network"), *name = asking_end(&c->asking, "name");
        if (!network)
                return confirm(c, "ban", what);
        if (c->options.json) {
                fputs("{\"ok\":true,\"did\":\"ban\",\"to\":", stdout);
                output_json_string(stdout, what, strlen(what));
                fputs(",\"network\":", stdout);
                output_json_string(stdout, network, strlen(network));
                puts("}");
                return EXIT_SUCCESS;
        }
        if (name)
                fprintf(stderr, "%s: %s is here from %s; to ban that, too:", c->program, name, network);
        else
                fprintf(stderr, "%s: one host usually has all of %s; to ban that:", c->program, network);
        fprintf(stderr, " chatctl%s%s ban %s\n", c->options.dir ? " --run-dir=" : "",
                c->options.dir ? c->options.dir : "", network);
        return EXIT_SUCCESS;
}

static int ban(struct chatctl *c, int argc, char **argv)
{
        char reason[CONTROL_REASON_MAX_BYTES + 1];
        if (!join(reason, CONTROL_REASON_MAX_BYTES, argc - 2, argv + 2))
                return complain(c, EXIT_USAGE, "a reason is %d bytes at most", CONTROL_REASON_MAX_BYTES);
        int status = ask(c, (const char *const[]){"ban", "", argv[1], reason, NULL});
        if (status >= 0)
                return status;
        const char *what = asking_end(&c->asking, "text");
        return confirm_ban(c, what ? what : argv[1]);
}

static int unban(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        int r = asking_make(&c->asking, (const char *const[]){"unban", "", argv[1], NULL});
        if (r < 0)
                return complain_of_error(c, r);
        bool gone = ended_with(c, CONTROL_NOBODY) && c->asking.again; /* the first request did it, before chatd died */
        return ended_with(c, CONTROL_OK) || gone ? confirm(c, "unban", argv[1]) : complain_of_end(c);
}

/* ---- the command line ---- */

static bool parse_lines(const char *text, size_t *lines)
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
static unsigned some_option(int option)
{
        const char *at = option > 0 ? strchr(SOME_OPTIONS, option) : NULL;
        return at ? 1U << (at - SOME_OPTIONS) : 0;
}

/* Returns true if the command takes all options that were given. Otherwise prints an error about the first that it does
 * not take. */
static bool takes_options(const struct chatctl *c, const struct command *command)
{
        for (const struct option *o = known_options; o->name; o++) {
                if ((c->options.some & some_option(o->val)) && !strchr(command->options, o->val)) {
                        complain(c, EXIT_USAGE, "%s takes no --%s; see --help", command->name, o->name);
                        return false;
                }
        }
        return true;
}

/* Returns -1 if the command is to run, otherwise the exit status. */
static int parse_options(struct chatctl *c, int argc, char **argv)
{
        struct options *o = &c->options;
        int option;
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) /* for errors in options before --json */
                o->json |= strcmp(argv[i], "--json") == 0;
        while ((option = getopt_long(argc, argv, "n:fh", known_options, NULL)) != -1) {
                o->some |= some_option(option);
                switch (option) {
                case 'j':
                        o->json = true;
                        break;
                case 'q':
                        o->legend = false;
                        break;
                case 'n':
                        if (parse_lines(optarg, &o->lines))
                                break;
                        return complain(c, EXIT_USAGE, "--lines takes a number, 1 at least, or all");
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
                        print_help();
                        return EXIT_SUCCESS;
                case 'v':
                        puts("chatctl " VERSION);
                        return EXIT_SUCCESS;
                default: /* getopt_long() has printed the error */
                        if (o->json)
                                print_error("there is no such option, or it takes another argument; see --help");
                        return EXIT_USAGE;
                }
        }
        return -1;
}

static void on_signal(int signal)
{
        (void)signal;
        stop = 1;
}

int main(int argc, char **argv)
{
        static struct chatctl c = {.options = {.legend = true}};
        /* without SA_RESTART, so that a signal interrupts waiting calls */
        struct sigaction action = {.sa_handler = on_signal};

        c.program = argv[0];
        int status = parse_options(&c, argc, argv);
        if (status >= 0)
                return status;
        argc -= optind;
        argv += optind;
        const struct command *command = argc > 0 ? find_command(argv[0]) : NULL;
        if (!command)
                return complain(&c, EXIT_USAGE, "%s%s; see --help",
                                argc > 0 ? "there is no command " : "no command given", argc > 0 ? argv[0] : "");
        if (argc - 1 < command->least || argc - 1 > command->most)
                return complain(&c, EXIT_USAGE, "%s takes %s; see --help", command->name,
                                command->most == 0 ? "no arguments" : command->arguments);
        if (!takes_options(&c, command))
                return EXIT_USAGE;
        if (command->handle == show_log || command->handle == show_top) {
                sigaction(SIGINT, &action, NULL);
                sigaction(SIGTERM, &action, NULL);
        }
        if ((c.options.dir && c.options.dir[0] == '\0') || asking_init(&c.asking, c.options.dir) < 0)
                return complain(&c, EXIT_USAGE, "--run-dir takes a path of 1 to %zu bytes", RUN_DIR_MAX_BYTES);
        status = command->handle(&c, argc, argv);
        asking_free(&c.asking);
        if (fflush(stdout) == 0 || status != EXIT_SUCCESS)
                return status;
        fprintf(stderr, "%s: cannot write: %s\n", c.program, strerror(errno));
        return EXIT_FAILURE;
}
