#include "irc-clients.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "cable.h"

enum {
        COMMAND_BYTES = 2048,
        PAUSE_MS = 20,
        LOOK_AGAIN_MS = 1000,
};

#define TMUX "LC_ALL=C.UTF-8 tmux -S {dir}/tmux "
#define MASKS                                                                                                          \
        "s/[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?/TIME/g; s/^1[0-9]{9} /TIME /; s/\\b[0-9]{5}\\b/PORT/; "                 \
        "s/(chat-irc[- ])[0-9][.0-9]*/\\1VERSION/; s/(Irssi v)[0-9][.0-9]*/\\1VERSION/; s/ +$//"

/* In all strings, {dir} is the directory of the client, {host} and {port} are the address of the server, {nick} is the
 * nick of the client, and {place} the channel or person that it looks at. {to} and {text} are those of the deed or
 * sight.
 *
 * The clients delay messages that come faster than people type. That is turned off. They also notice within seconds
 * that the server is gone, and not within minutes. */
const struct irc_program irc_programs[] = {
        {
                .name = "irssi",
                .start = "mkdir -p {dir}/irssi && echo \"settings = { core = { real_name = \\\"zoe\\\"; "
                         "user_name = \\\"zoe\\\"; nick = \\\"{nick}\\\"; server_reconnect_time = \\\"1s\\\"; }; "
                         "\\\"irc/core\\\" = { cmd_queue_speed = \\\"1ms\\\"; alternate_nick = \\\"{nick}_\\\"; "
                         "lag_check_time = \\\"1s\\\"; lag_max_before_disconnect = \\\"3s\\\"; }; };\" "
                         ">{dir}/irssi/config && exec irssi --home={dir}/irssi -c {host} -p {port} -n {nick}",
                .has_screen = true,
                .shows = TMUX "capture-pane -p",
                .has_past = true,
                .comes_back = true,
                .deeds =
                        {
                                [IRC_JOIN] = "/join {to}",
                                [IRC_LOOK] = "/window goto {to}",
                                [IRC_TALK] = "/query {to} {text}",
                                [IRC_HOME] = "/window 1",
                                [IRC_NICK] = "/nick {to}",
                                [IRC_QUIT] = "/quit",
                                [IRC_SAY] = "{text}",
                                [IRC_ACT] = "/me {text}",
                                [IRC_TOPIC] = "/topic {text}",
                        },
                .sights =
                        {
                                [IRC_WELCOMED] = "-!- Your user mode is",
                                [IRC_JOINED] = "Irssi: {to}: Total of",
                                [IRC_LINE] = "< {to}> {text}",
                                [IRC_PRIVATE] = "<{to}> {text}",
                                [IRC_ACTION] = "\\* {to} {text}",
                                [IRC_TOPICKED] = "changed the topic of .* to: {text}",
                                [IRC_IS] = "({to} is|You.re) now known as {text}",
                                [IRC_LEFT] = "{to}.* has left {text}",
                                [IRC_REMOVED] = "You were removed",
                                [IRC_TAKEN] = "{to}.* already in use",
                                [IRC_LOOKED] = "^\\[{to}\\]",
                        },
        },
        {
                .name = "weechat",
                .start = "exec weechat --dir {dir}/weechat -r \"/server add chat {host}/{port} -notls "
                         "-nicks={nick},{nick}_ -autoreconnect_delay=1 -anti_flood_prio_high=0 "
                         "-anti_flood_prio_low=0\" -r \"/set irc.network.lag_check 1\" "
                         "-r \"/set irc.network.lag_reconnect 3\" -r \"/buffer clear\" -r \"/connect chat\"",
                .has_screen = true,
                .shows = TMUX "capture-pane -p",
                .has_past = true,
                .comes_back = true,
                .deeds =
                        {
                                [IRC_JOIN] = "/join {to}",
                                [IRC_LOOK] = "/buffer {to}",
                                [IRC_TALK] = "/query {to} {text}",
                                [IRC_HOME] = "/buffer 1",
                                [IRC_NICK] = "/nick {to}",
                                [IRC_QUIT] = "/quit",
                                [IRC_SAY] = "{text}",
                                [IRC_ACT] = "/me {text}",
                                [IRC_TOPIC] = "/topic {text}",
                        },
                .sights =
                        {
                                [IRC_WELCOMED] = "\\| A message of the day comes",
                                [IRC_JOINED] = "Channel {to}: ",
                                [IRC_LINE] = " {to} \\| {text}",
                                [IRC_PRIVATE] = " {to} \\| {text}",
                                [IRC_ACTION] = "\\* \\| {to} {text}",
                                [IRC_TOPICKED] = "changed topic .*to \"{text}\"",
                                [IRC_IS] = "({to} is|You are) now known as {text}",
                                [IRC_LEFT] = "{to}.* has left {text}",
                                [IRC_REMOVED] = "You were removed",
                                [IRC_TAKEN] = "{to}.* already in use",
                                [IRC_LOOKED] = "\\] [0-9]+:{to}",
                        },
        },
        {
                .name = "ii",
                .start = "exec ii -s {host} -p {port} -i {dir}/ii -n {nick} -f {nick}",
                .home = "{dir}/ii/{host}/in",
                .inputs = "{dir}/ii/{host}/{place}/in",
                .shows = "cd {dir}/ii/{host} && find . -name out | sort | xargs tail -v -n +1",
                .deeds =
                        {
                                [IRC_JOIN] = "/j {to}",
                                [IRC_TALK] = "/j {to} {text}",
                                [IRC_NICK] = "/n {to}",
                                [IRC_QUIT] = "/q",
                                [IRC_SAY] = "{text}",
                                [IRC_ACT] = "/PRIVMSG {place} :\001ACTION {text}\001",
                                [IRC_TOPIC] = "/t {text}",
                        },
                .sights =
                        {
                                [IRC_WELCOMED] = " A message of the day comes",
                                [IRC_JOINED] = "{to} End of /NAMES",
                                [IRC_LINE] = "<{to}> {text}",
                                [IRC_PRIVATE] = "<{to}> {text}",
                                [IRC_ACTION] = "<{to}> \001ACTION {text}\001",
                                [IRC_TOPICKED] = "changed topic to \"{text}\"",
                                [IRC_IS] = "-!- ({to} )?changed nick to \"?{text}",
                                [IRC_LEFT] = "-!- {to}.* has left {text}",
                                [IRC_REMOVED] = "You were removed",
                                [IRC_TAKEN] = "{to}.* already in use",
                        },
        },
        {
                .name = "bot",
                .start = "mkdir -p {dir}/bot && { test -p {dir}/bot/in || mkfifo {dir}/bot/in; } && "
                         "exec /usr/bin/python3 -u tests/system/irc-bot.py {host} {port} {nick} <>{dir}/bot/in "
                         ">>{dir}/bot/out 2>&1",
                .comes_back = true,
                .home = "{dir}/bot/in",
                .inputs = "{dir}/bot/in",
                .shows = "cat {dir}/bot/out",
                .deeds =
                        {
                                [IRC_JOIN] = "join {to}",
                                [IRC_TALK] = "say {to} {text}",
                                [IRC_NICK] = "nick {to}",
                                [IRC_QUIT] = "quit",
                                [IRC_SAY] = "say {place} {text}",
                                [IRC_ACT] = "act {place} {text}",
                                [IRC_TOPIC] = "topic {place} {text}",
                        },
                .sights =
                        {
                                [IRC_WELCOMED] = "^nomotd ",
                                [IRC_JOINED] = "^endofnames .* {to} ",
                                [IRC_LINE] = "^pubmsg {to} #[a-z]+ {text}",
                                [IRC_PRIVATE] = "^privmsg {to} [a-z]+ {text}",
                                [IRC_ACTION] = "^action {to} .* {text}",
                                [IRC_TOPICKED] = "^topic .* {text}",
                                [IRC_IS] = "^nick {to} {text}",
                                [IRC_LEFT] = "^part {to} {text}",
                                [IRC_REMOVED] = "You were removed",
                                [IRC_TAKEN] = "^nicknameinuse .* {to} ",
                        },
        },
        {.name = NULL},
};

/* ---- the server's side ---- */

struct irc_server irc_server_open(const char *host, pid_t network, int port)
{
        struct irc_server s = {.host = host};
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        socklen_t size = sizeof(a);
        int before = network > 0 ? cable_enter(network) : -1;
        s.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (before >= 0)
                cable_leave(before);
        assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
        assert_int_equal(bind(s.listener, (struct sockaddr *)&a, size), 0);
        assert_int_equal(listen(s.listener, SOMAXCONN), 0);
        getsockname(s.listener, (struct sockaddr *)&a, &size);
        s.port = ntohs(a.sin_port);
        return s;
}

void irc_server_start(struct irc_server *s, const struct chat *chat, const char *option)
{
        char *const argv[] = {program("chat-irc"),         (char *)chat->option, "--pace=off",
                              "--server-name=irc.example", (char *)option,       NULL};
        s->acceptor = process_fork();
        if (s->acceptor > 0)
                return;
        for (;;) {
                int connection = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
                if (connection < 0)
                        _exit(1);
                process_start(argv, connection, connection, -1);
                close(connection);
        }
}

void irc_server_close(struct irc_server *s)
{
        process_end(s->acceptor);
        close(s->listener);
}

/* ---- words ---- */

/* Returns the word for what stands between { and }. */
static const char *irc_client_word(const struct irc_client *c, const char *to, const char *text, const char *key,
                                   size_t len, char port[static 16])
{
        const struct {
                const char *key, *word;
        } words[] = {{"dir", c->dir},   {"host", c->server->host}, {"port", port},
                     {"nick", c->nick}, {"place", c->place},       {"to", to},
                     {"text", text}};
        snprintf(port, 16, "%d", c->server->port);
        for (size_t n = 0; n < sizeof(words) / sizeof(*words); n++)
                if (strlen(words[n].key) == len && strncmp(words[n].key, key, len) == 0)
                        return words[n].word;
        return NULL;
}

/* Fills in the words of a row of the table. Other braces stay as they are. Returns the result (static, one for each of
 * two calls). */
static const char *irc_client_fill(const struct irc_client *c, const char *row, const char *to, const char *text)
{
        static char results[2][COMMAND_BYTES];
        static unsigned turn;
        char *out = results[turn++ % 2], port[16];
        size_t len = 0;
        while (*row != '\0') {
                const char *word = NULL;
                size_t key = *row == '{' ? strcspn(row + 1, "}") : 0;
                if (key > 0)
                        word = irc_client_word(c, to, text, row + 1, key, port);
                len += (size_t)snprintf(out + len, COMMAND_BYTES - len, "%.*s", word ? COMMAND_BYTES : 1,
                                        word ? word : row);
                assert_true(len < COMMAND_BYTES);
                row += word ? key + 2 : 1;
        }
        return out;
}

/* ---- what a client is told ---- */

/* Returns the input with this path. It stays open, because a client that reads its end opens it anew, and loses what
 * was written in between. */
static int irc_client_input(struct irc_client *c, const char *path)
{
        size_t n = 0;
        while (n < IRC_CLIENT_INPUTS && c->inputs[n].fd > 0 && strcmp(c->inputs[n].path, path) != 0)
                n++;
        assert_true(n < IRC_CLIENT_INPUTS);
        if (c->inputs[n].fd <= 0) {
                snprintf(c->inputs[n].path, sizeof(c->inputs[n].path), "%s", path);
                shell_until("test -p '%s'", path);
                c->inputs[n].fd = open(path, O_RDWR | O_CLOEXEC);
                assert_true(c->inputs[n].fd > 0);
        }
        return c->inputs[n].fd;
}

static void irc_client_write(struct irc_client *c, enum irc_deed deed, const char *line)
{
        const char *row = deed >= IRC_OF_PLACE ? c->program->inputs : c->program->home;
        int fd = irc_client_input(c, irc_client_fill(c, row, "", ""));
        assert_int_equal(dprintf(fd, "%s\n", line), strlen(line) + 1);
}

static void irc_client_type(const struct irc_client *c, const char *line)
{
        const char *tmux = irc_client_fill(c, TMUX, "", "");
        shell("%s send-keys -l '%s' && %s send-keys Enter", tmux, line, tmux);
}

/* ---- what it shows ---- */

static const char *irc_client_view(const struct irc_client *c)
{
        return shell("{ %s; } 2>/dev/null || true", irc_client_fill(c, c->program->shows, "", ""));
}

unsigned irc_client_counts(struct irc_client *c, enum irc_sight sight, const char *to, const char *text)
{
        regex_t pattern;
        regmatch_t match;
        unsigned count = 0;
        const char *row = c->program->sights[sight];
        assert_int_equal(regcomp(&pattern, irc_client_fill(c, row, to, text), REG_EXTENDED | REG_NEWLINE), 0);
        for (const char *at = irc_client_view(c); regexec(&pattern, at, 1, &match, 0) == 0; at += match.rm_eo)
                count++;
        regfree(&pattern);
        return count;
}

/* Waits a little for a sight. Fails the test at the deadline. */
static void irc_client_pause(struct irc_client *c, int64_t deadline, enum irc_sight sight, const char *to,
                             const char *text)
{
        if (clock_ms() > deadline) {
                fprintf(stderr, "%s shows:\n%s\n", c->program->name, irc_client_view(c));
                fail_msg("%s waited for '%s'", c->program->name,
                         irc_client_fill(c, c->program->sights[sight], to, text));
        }
        usleep(PAUSE_MS * 1000);
}

void irc_client_sees(struct irc_client *c, enum irc_sight sight, const char *to, const char *text)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (irc_client_counts(c, sight, to, text) == 0)
                irc_client_pause(c, deadline, sight, to, text);
}

/* Types until the window of `to` is there. irssi has none while it connects again. */
static void irc_client_look(struct irc_client *c, const char *row, const char *to)
{
        int64_t deadline = clock_ms() + DEADLINE_MS, type_at = 0;
        while (irc_client_counts(c, IRC_LOOKED, to, "") == 0) {
                if (clock_ms() >= type_at) {
                        irc_client_type(c, irc_client_fill(c, row, to, ""));
                        type_at = clock_ms() + LOOK_AGAIN_MS;
                }
                irc_client_pause(c, deadline, IRC_LOOKED, to, "");
        }
}

void irc_client_do(struct irc_client *c, enum irc_deed deed, const char *to, const char *text)
{
        char line[COMMAND_BYTES];
        const char *row = c->program->deeds[deed];
        if (deed == IRC_JOIN || deed == IRC_LOOK || deed == IRC_TALK)
                snprintf(c->place, sizeof(c->place), "%s", to);
        if (!row)
                return; /* it looks at everything */
        if (deed == IRC_LOOK) {
                irc_client_look(c, row, to);
                return;
        }
        snprintf(line, sizeof(line), "%s", irc_client_fill(c, row, to, text));
        if (c->program->has_screen)
                irc_client_type(c, line);
        else
                irc_client_write(c, deed, line);
}

/* Writes the shell command that prints what the client shows, masked. */
static void irc_client_masked(const struct irc_client *c, char command[static COMMAND_BYTES])
{
        snprintf(command, COMMAND_BYTES, "{ %s; } | sed -E '" MASKS "'", irc_client_fill(c, c->program->shows, "", ""));
}

/* Writes the file once the client shows nothing new. */
static void irc_client_paint(const char *command, const char *path)
{
        shell("while { %s; } >%s; sleep 0.5; ! { %s; } | cmp -s - %s; do :; done", command, path, command, path);
}

void irc_client_picture(struct irc_client *c, const char *title)
{
        char command[COMMAND_BYTES], path[128];
        const char *wish = getenv("SCREENS");
        int64_t deadline = clock_ms() + DEADLINE_MS;
        irc_client_masked(c, command);
        snprintf(path, sizeof(path), "tests/system/screens/%s-%s.txt", c->program->name, title);
        if (wish && strcmp(wish, "new") == 0)
                irc_client_paint(command, path);
        for (;;) {
                const char *difference = shell("{ %s; } | diff -uN %s - || true", command, path);
                if (*difference == '\0')
                        return;
                if (clock_ms() > deadline)
                        fail_msg("%s is not what %s shows (SCREENS=new writes it):\n%s", path, c->program->name,
                                 difference);
                usleep(PAUSE_MS * 1000);
        }
}

/* ---- its life ---- */

struct irc_client *irc_client_start(const struct chat *chat, const struct irc_program *program,
                                    const struct irc_server *server, const char *nick)
{
        static unsigned count;
        char enter[32] = "", command[COMMAND_BYTES];
        struct irc_client *c = calloc(1, sizeof(*c));
        assert_non_null(c);
        c->program = program;
        c->server = server;
        snprintf(c->nick, sizeof(c->nick), "%s", nick);
        snprintf(c->dir, sizeof(c->dir), "%s/irc-%u", chat->dir, ++count);
        if (server->network > 0)
                snprintf(enter, sizeof(enter), "nsenter -t %d -n ", server->network);
        shell("mkdir %s", c->dir);
        snprintf(command, sizeof(command), "exec %sbash -c '%s'", enter, irc_client_fill(c, program->start, "", ""));
        if (program->has_screen) {
                shell("%s -f /dev/null new-session -d -x 100 -y 30 -e TERM=screen -e LC_ALL=C.UTF-8 -- \"$(cat "
                      "<<'END'\n"
                      "%s\nEND\n)\"",
                      irc_client_fill(c, TMUX, "", ""), command);
        } else {
                char *const argv[] = {"bash", "-c", command, NULL};
                c->pid = process_start(argv, -1, -1, -1);
        }
        return c;
}

void irc_client_end(struct irc_client *c)
{
        if (c->program->has_screen)
                shell("%s kill-server 2>/dev/null || true", irc_client_fill(c, TMUX, "", ""));
        else if (kill(c->pid, SIGKILL) == 0)
                process_wait(c->pid);
        for (size_t n = 0; n < IRC_CLIENT_INPUTS; n++)
                if (c->inputs[n].fd > 0)
                        close(c->inputs[n].fd);
        free(c);
}

void irc_clients_end(const struct chat *chat)
{
        shell("for s in %s/*/tmux; do tmux -S $s kill-server 2>/dev/null; done; true", chat->dir);
}
