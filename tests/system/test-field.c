/* The rows of tests/field: what clients of every kind send, and what others see of it. Each file has cases, which run
 * against the real programs over real sockets, without systemd as PID 1. A line is a step; "#" begins a comment.
 *
 *   case TITLE                begins a case, which has a chat of its own
 *   states STATE...           runs the case once for each state in which its clients join: nc (the default) sends text
 *                             alone; telnet has agreed on BINARY; edited is a telnet that typed /edit on
 *   chatd ARGUMENT...         arguments for chatd, before anybody connects
 *   open NAME [ARGUMENT...]   connects; the arguments are chat-session's
 *   join NAME [ARGUMENT...]   connects in the case's state, is greeted, and takes the name
 *   greeted NAME              waits for the greeting of a client that was opened
 *   send NAME "BYTES"         one write
 *   see NAME "TEXT"           waits until TEXT came, behind what was seen before
 *   never NAME "TEXT"         by the end of the case TEXT has not come
 *   once NAME "TEXT"          by the end of the case TEXT has come exactly once
 *   narrow NAME               by the end of the case no line that came has more than 79 columns
 *   end NAME                  waits for the end of the connection
 *   close NAME                resets the connection
 *   halfclose NAME            sends an end of file
 *   kill chatd, start chatd   kill -9, and a new one
 *
 * In quotes: \r \n \t \b \a \e \0 \\ \" and \xHH; \*N{TEXT} is TEXT N times; $NAME is what the chat calls the client.
 * A NUL that a client receives counts as \x01.
 *
 * FIELD=NAME in the environment runs one file, TEST=PATTERN the cases whose titles match.
 */
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <sys/socket.h>

#include <signal.h>

#include "harness.h"

enum { COLUMNS_MAX = 79 };
enum { CLIENTS_MAX = 12, ARGUMENTS_MAX = 6, STEPS_MAX = 128, CASES_MAX = 1024, TEXT_MAX = 64 * 1024 };

enum state { STATE_NC, STATE_TELNET, STATE_EDITED, STATES };

static const char *const state_names[STATES] = {"nc", "telnet", "edited"};

struct step {
        const char *file;
        int line;
        char *text;
};

struct field_case {
        const char *title;
        enum state state;
        const struct step *steps;
        size_t count;
};

struct person {
        char name[32];   /* in the file */
        char called[64]; /* by the chat */
        struct client *client;
        char *log; /* what was seen so far */
        size_t len;
};

struct stage {
        const struct field_case *test;
        const struct step *step;
        struct chat *chat;
        struct person people[CLIENTS_MAX];
        size_t count;
};

#define FAIL_AT(s, ...)                                                                                                \
        do {                                                                                                           \
                fprintf(stderr, "%s:%d: ", (s)->step->file, (s)->step->line);                                          \
                fail_msg(__VA_ARGS__);                                                                                 \
        } while (0)

/* ---- reading ---- */

static struct person *find_person(struct stage *s, const char *name)
{
        for (size_t i = 0; i < s->count; i++)
                if (strcmp(s->people[i].name, name) == 0)
                        return &s->people[i];
        FAIL_AT(s, "nobody has joined as %s", name);
        return NULL;
}

static char *put(struct stage *s, char *at, const char *end, const char *text, size_t size)
{
        if ((size_t)(end - at) < size)
                FAIL_AT(s, "the text is too long");
        memcpy(at, text, size);
        return at + size;
}

static char escaped(struct stage *s, const char **text)
{
        static const char letters[] = "rntbae0\\\"", bytes[] = "\r\n\t\b\a\x1b\0\\\"";
        char c = *(*text)++;
        const char *at = strchr(letters, c);
        if (c != '\0' && at)
                return bytes[at - letters];
        unsigned byte;
        if (c != 'x' || sscanf(*text, "%2x", &byte) != 1)
                FAIL_AT(s, "\\%c is no escape", c);
        *text += 2;
        return (char)byte;
}

/* Reads up to `stop` into `out`. Returns the bytes; `*text` moves behind the stop. */
static size_t unquote(struct stage *s, const char **text, char stop, char *out, size_t size)
{
        char *at = out, *end = out + size;
        while (**text != stop) {
                char c = *(*text)++;
                if (c == '\0')
                        FAIL_AT(s, "there is no %c", stop);
                if (c == '$' && isalpha((unsigned char)**text)) {
                        char name[32] = "";
                        for (size_t n = 0; isalnum((unsigned char)**text) && n < sizeof(name) - 1; n++)
                                name[n] = *(*text)++;
                        const char *called = find_person(s, name)->called;
                        at = put(s, at, end, called, strlen(called));
                } else if (c == '\\' && **text == '*') {
                        char *more;
                        unsigned long times = strtoul(*text + 1, &more, 10);
                        static char once[TEXT_MAX];
                        *text = more + 1;
                        size_t n = unquote(s, text, '}', once, sizeof(once));
                        while (times-- > 0)
                                at = put(s, at, end, once, n);
                } else {
                        c = c == '\\' ? escaped(s, text) : c;
                        at = put(s, at, end, &c, 1);
                }
        }
        (*text)++;
        return (size_t)(at - out);
}

/* The text in quotes at the end of a step. */
static size_t quoted(struct stage *s, const char *text, char out[static TEXT_MAX])
{
        if (*text++ != '"')
                FAIL_AT(s, "here is text in quotes missing");
        size_t n = unquote(s, &text, '"', out, TEXT_MAX - 1);
        out[n] = '\0';
        return n;
}

/* ---- the steps ---- */

/* Adds what a client got to what it has seen. */
static void log_seen(struct person *p, const char *text)
{
        size_t n = strlen(text);
        p->log = realloc(p->log, p->len + n + 1);
        assert_non_null(p->log);
        memcpy(p->log + p->len, text, n + 1);
        p->len += n;
}

static void see(struct person *p, const char *text)
{
        log_seen(p, client_expect(p->client, "%s", text));
        log_seen(p, text);
}

static struct person *open_client(struct stage *s, const char *name, char *rest)
{
        char *arguments[ARGUMENTS_MAX] = {NULL};
        struct person *p = &s->people[s->count];
        if (s->count == CLIENTS_MAX)
                FAIL_AT(s, "there are too many clients");
        for (size_t i = 0; i < ARGUMENTS_MAX && (arguments[i] = strtok_r(rest, " ", &rest)); i++)
                ;
        if (!s->chat->broker && s->count == 0) {
                chat_start_broker(s->chat);
                shell_until("test -S %s/chatd.sock", s->chat->dir);
        }
        snprintf(p->name, sizeof(p->name), "%s", name);
        p->client = chat_join_with(s->chat, "127.0.0.1", NULL, s->chat->option, arguments[0], arguments[1],
                                   arguments[2], arguments[3], NULL);
        snprintf(p->called, sizeof(p->called), "%s", p->client->name);
        s->count++;
        return p;
}

/* Negotiates as a telnet does that is told DO BINARY once it has shown that it is one. */
static void become_telnet(struct person *p)
{
        client_send_bytes(p->client, "\xff\xfd\6", 3);
        see(p, "\xff\xfc\6");
        see(p, "\xff\xfd\1" /* NUL */);
        client_send_bytes(p->client, "\xff\xfb\0\xff\xfd\6", 6);
        see(p, "\xff\xfc\6");
}

static void join(struct stage *s, const char *name, char *rest)
{
        struct person *p = open_client(s, name, rest);
        client_greeted(p->client);
        if (s->test->state != STATE_NC)
                become_telnet(p);
        client_send(p->client, "/nick %s\r\n", name);
        see(p, "*** You are now called ");
        see(p, "\r\n");
        snprintf(p->client->name, sizeof(p->client->name), "%s", name);
        snprintf(p->called, sizeof(p->called), "%s", name);
        if (s->test->state == STATE_EDITED) {
                client_send(p->client, "/edit on\r\n");
                see(p, "/edit is on\r\n");
                /* DO ECHO, DO SUPPRESS-GO-AHEAD, WILL SUPPRESS-GO-AHEAD, WILL NAWS, and a window of 80 by 24 */
                client_send_bytes(p->client,
                                  "\xff\xfd\1\xff\xfd\3\xff\xfb\3\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0", 21);
                client_sync(p->client);
        }
}

static size_t count(const char *log, const char *text)
{
        size_t n = 0;
        for (const char *at = log; (at = strstr(at, text)); at += strlen(text))
                n++;
        return n;
}

/* Takes in what came and was not asked for yet. */
static void drain(struct person *p)
{
        if (p->client && p->client->len > 0) {
                log_seen(p, p->client->got);
                p->client->len = 0;
                p->client->got[0] = '\0';
        }
}

static void check_count(struct stage *s, struct person *p, const char *what, const char *text)
{
        drain(p);
        size_t n = p->log ? count(p->log, text) : 0;
        if (n != (strcmp(what, "never") == 0 ? 0 : 1))
                FAIL_AT(s, "%s saw %zu times \"%s\" in:\n%s", p->name, n, text, p->log ? p->log : "");
}

/* Letters are one column wide here: a row that has others does not use this. */
static void check_width(struct stage *s, struct person *p)
{
        drain(p);
        for (const char *at = p->log ? p->log : ""; *at != '\0';) {
                const char *end = at + strcspn(at, "\r\n");
                size_t columns = 0;
                for (const char *c = at; c < end; c++)
                        columns += ((unsigned char)*c & 0xc0) != 0x80;
                if (columns > COLUMNS_MAX)
                        FAIL_AT(s, "%s saw a line of %zu columns: %.*s", p->name, columns, (int)(end - at), at);
                at = end + strspn(end, "\r\n");
        }
}

static void hang_up(struct person *p)
{
        drain(p);
        client_reset(p->client);
        p->client = NULL;
}

static void act_on_chatd(struct stage *s, const char *what)
{
        if (strcmp(what, "kill") == 0) {
                chat_kill_broker(s->chat, SIGKILL);
        } else {
                chat_start_broker(s->chat);
                shell_until("test -S %s/chatd.sock", s->chat->dir);
        }
}

/* A step on somebody who has connected. */
static void act_on_person(struct stage *s, const char *what, const char *name, const char *rest)
{
        static char text[TEXT_MAX];
        struct person *p = find_person(s, name);
        if (strcmp(what, "send") == 0) {
                size_t n = quoted(s, rest, text);
                client_send_bytes(p->client, text, n);
        } else if (strcmp(what, "see") == 0) {
                quoted(s, rest, text);
                see(p, text);
        } else if (strcmp(what, "greeted") == 0) {
                client_greeted(p->client);
        } else if (strcmp(what, "end") == 0) {
                client_expect_end(p->client);
        } else if (strcmp(what, "close") == 0) {
                hang_up(p);
        } else if (strcmp(what, "halfclose") == 0) {
                shutdown(p->client->fd, SHUT_WR);
        } else if (strcmp(what, "never") != 0 && strcmp(what, "once") != 0 && strcmp(what, "narrow") != 0) {
                FAIL_AT(s, "there is no step \"%s\"", what);
        }
}

static void act(struct stage *s)
{
        char line[8192], *rest = line;
        snprintf(line, sizeof(line), "%s", s->step->text);
        const char *what = strtok_r(rest, " ", &rest), *name = strtok_r(rest, " ", &rest);
        if (!name)
                FAIL_AT(s, "a step has two words at least");
        if (strcmp(what, "chatd") == 0)
                s->chat->more = s->step->text + strlen("chatd "); /* as words */
        else if (strcmp(name, "chatd") == 0)
                act_on_chatd(s, what);
        else if (strcmp(what, "open") == 0)
                open_client(s, name, rest);
        else if (strcmp(what, "join") == 0)
                join(s, name, rest);
        else
                act_on_person(s, what, name, rest);
}

/* What holds at the end of the case. */
static void check(struct stage *s)
{
        static char text[TEXT_MAX];
        char line[8192], *rest = line;
        snprintf(line, sizeof(line), "%s", s->step->text);
        const char *what = strtok_r(rest, " ", &rest), *name = strtok_r(rest, " ", &rest);
        if (strcmp(what, "narrow") == 0)
                check_width(s, find_person(s, name));
        if (strcmp(what, "never") != 0 && strcmp(what, "once") != 0)
                return;
        quoted(s, rest, text);
        check_count(s, find_person(s, name), what, text);
}

static void run_case(void **state)
{
        const struct field_case *test = *state;
        struct stage stage = {.test = test, .chat = chat_prepare()};
        for (size_t i = 0; i < test->count; i++) {
                stage.step = &test->steps[i];
                act(&stage);
        }
        for (size_t i = 0; i < test->count; i++) {
                stage.step = &test->steps[i];
                check(&stage);
        }
        for (size_t i = 0; i < stage.count; i++) {
                if (stage.people[i].client)
                        client_free(stage.people[i].client);
                free(stage.people[i].log);
        }
        chat_stop(stage.chat);
}

/* ---- the files ---- */

static struct field_case cases[CASES_MAX];
static struct CMUnitTest tests[CASES_MAX];
static size_t cases_count;

static void add_case(const struct field_case *c, const char *states)
{
        for (enum state state = STATE_NC; state < STATES; state++) {
                if (!strstr(states, state_names[state]))
                        continue;
                if (cases_count == CASES_MAX) {
                        fprintf(stderr, "more than %d cases\n", CASES_MAX);
                        exit(1);
                }
                char *title;
                if (asprintf(&title, "%s (%s)", c->title, state_names[state]) < 0)
                        exit(1);
                cases[cases_count] = *c;
                cases[cases_count].state = state;
                tests[cases_count] = (struct CMUnitTest){title, run_case, NULL, NULL, &cases[cases_count]};
                cases_count++;
        }
}

static void read_file(const char *path)
{
        static char line[8192];
        struct field_case c = {0};
        struct step *steps = NULL;
        const char *states = "nc";
        int number = 0;
        FILE *f = fopen(path, "r");
        if (!f) {
                perror(path);
                exit(1);
        }
        while (fgets(line, sizeof(line), f)) {
                number++;
                char *text = line + strspn(line, " \t");
                text[strcspn(text, "\n")] = '\0';
                if (text[0] == '\0' || text[0] == '#')
                        continue;
                if (strncmp(text, "case ", 5) == 0) {
                        if (c.title)
                                add_case(&c, states);
                        steps = calloc(STEPS_MAX, sizeof(*steps));
                        c = (struct field_case){.title = strdup(text + 5), .steps = steps};
                        states = "nc";
                } else if (!steps || c.count == STEPS_MAX) {
                        fprintf(stderr, "%s:%d: a step outside of a case, or too many steps\n", path, number);
                        exit(1);
                } else if (strncmp(text, "states ", 7) == 0) {
                        states = strdup(text + 7);
                } else {
                        steps[c.count++] = (struct step){strdup(path), number, strdup(text)};
                }
        }
        if (c.title)
                add_case(&c, states);
        fclose(f);
}

int main(void)
{
        char pattern[256];
        glob_t files;
        const char *only = getenv("FIELD");
        snprintf(pattern, sizeof(pattern), "tests/field/%s.rows", only ? only : "*");
        if (glob(pattern, 0, NULL, &files) != 0) {
                fprintf(stderr, "there is no %s\n", pattern);
                return 1;
        }
        for (size_t i = 0; i < files.gl_pathc; i++)
                read_file(files.gl_pathv[i]);
        globfree(&files);
        tests_begin();
        return tests_end(_cmocka_run_group_tests("field", tests, cases_count, NULL, NULL));
}
