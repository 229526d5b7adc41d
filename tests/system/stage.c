#include "stage.h"

#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <chat/clock.h>
#include <chat/paths.h>

#include "programs.h"
#include "tracer.h"

enum { COLUMNS_MAX = 79, ARGUMENTS_MAX = 6 };

struct stage *stage_begin(enum state state, enum launcher through)
{
        struct stage *s = calloc(1, sizeof(*s));
        assert_non_null(s);
        *s = (struct stage){.state = state, .through = through, .chat = chat_prepare(), .host = "127.0.0.1"};
        return s;
}

static void end_process(pid_t pid)
{
        if (pid <= 0)
                return;
        kill(pid, SIGKILL);
        process_wait(pid);
}

void stage_end(struct stage *s)
{
        for (size_t i = 0; i < s->count; i++) {
                struct person *p = &s->people[i];
                if (p->client)
                        client_free(p->client);
                if (p->session > 0)
                        kill(p->session, SIGCONT); /* so that it can end */
                end_process(p->program);
                free(p->log);
        }
        end_process(s->launcher);
        end_process(s->local);
        chat_stop(s->chat);
        free(s);
}

/* ---- reading ---- */

struct person *stage_find(struct stage *s, const char *name)
{
        for (size_t i = 0; i < s->count; i++)
                if (strcmp(s->people[i].name, name) == 0)
                        return &s->people[i];
        FAIL_AT(s, "nobody has joined as %s", name);
}

struct person *stage_add(struct stage *s, const char *name)
{
        if (s->count == STAGE_PEOPLE_MAX)
                FAIL_AT(s, "there are too many clients");
        struct person *p = &s->people[s->count++];
        snprintf(p->name, sizeof(p->name), "%s", name);
        return p;
}

static char *put(struct stage *s, char *at, const char *end, const char *text, size_t size)
{
        if ((size_t)(end - at) < size)
                FAIL_AT(s, "the text is too long");
        memcpy(at, text, size);
        return at + size;
}

static char escaped(struct stage *s, char **text)
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

/* Reads text up to `stop` into `out`, and moves `*text` behind the stop. Returns the bytes. */
static size_t unquote(struct stage *s, char **text, char stop, char *out, size_t size)
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
                        const char *called = stage_find(s, name)->called;
                        at = put(s, at, end, called, strlen(called));
                } else if (c == '\\' && **text == '*') {
                        char *more;
                        unsigned long times = strtoul(*text + 1, &more, 10);
                        *text = more + 1;
                        size_t n = unquote(s, text, '}', at, (size_t)(end - at));
                        for (const char *once = at; times-- > 1;)
                                at = put(s, at + n, end, once, n) - n;
                        at += n;
                } else {
                        c = c == '\\' ? escaped(s, text) : c;
                        at = put(s, at, end, &c, 1);
                }
        }
        (*text)++;
        return (size_t)(at - out);
}

size_t stage_quoted(struct stage *s, char **text, char out[static STAGE_TEXT_MAX])
{
        *text += strspn(*text, " ");
        if (**text != '"')
                FAIL_AT(s, "here is text in quotes missing");
        (*text)++;
        size_t n = unquote(s, text, '"', out, STAGE_TEXT_MAX - 1);
        out[n] = '\0';
        return n;
}

char *stage_word(struct stage *s, char **text)
{
        char *word = strtok_r(*text, " ", text);
        if (!word)
                FAIL_AT(s, "here is a word missing");
        return word;
}

/* Takes a number if there is one. Returns `otherwise` if there is none. */
static long number(char **text, long otherwise)
{
        const char *word = strtok_r(*text, " ", text);
        return word ? strtol(word, NULL, 10) : otherwise;
}

/* ---- what clients see ---- */

/* Adds the output to a client to the text that it has seen. */
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

/* Logs output that was read and that no step expected. */
static void drain(struct person *p)
{
        if (p->client && p->client->len > 0) {
                log_seen(p, p->client->got);
                p->client->len = 0;
                p->client->got[0] = '\0';
        }
}

/* Waits until TEXT is in the log, or the connection ends. After an end, check_count() reports missing text. */
static void wait_for(struct person *p, const char *text)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        drain(p);
        while (p->client && !(p->log && strstr(p->log, text)) && client_read(p->client, deadline, text))
                drain(p);
}

/* Logs all output that has come, without waiting for more. */
static void drain_connection(struct person *p)
{
        if (p->client) {
                struct pollfd ready = {.fd = p->client->fd, .events = POLLIN};
                while (poll(&ready, 1, 0) > 0 && client_read(p->client, clock_ms() + DEADLINE_MS, "what is there"))
                        ;
        }
        drain(p);
}

static size_t count(const char *log, const char *text)
{
        size_t n = 0;
        for (const char *at = log; (at = strstr(at, text)); at += strlen(text))
                n++;
        return n;
}

static void check_count(struct stage *s, struct person *p, size_t times, const char *text)
{
        size_t n = p->log ? count(p->log, text) : 0;
        if (n != times)
                FAIL_AT(s, "%s saw %zu times \"%s\" in:\n%s", p->name, n, text, p->log ? p->log : "");
}

/* Checks the width of rows. Counts one column for each character, so rows with other characters must not use this. */
static void check_width(struct stage *s, struct person *p)
{
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

/* ---- clients that connect ---- */

/* Starts a chatd, and returns when it listens. */
static void start_broker(struct stage *s)
{
        chat_start_broker(s->chat);
        shell_until("test -S %s/" CONTROL_SOCKET_NAME, s->chat->dir);
}

void stage_need_broker(struct stage *s)
{
        if (!s->chat->broker && s->count == 0)
                start_broker(s);
}

static struct person *open_client(struct stage *s, const char *name, char *rest)
{
        char *a[ARGUMENTS_MAX] = {NULL};
        for (size_t i = 0; i < ARGUMENTS_MAX && (a[i] = strtok_r(rest, " ", &rest)); i++)
                ;
        stage_need_broker(s);
        struct person *p = stage_add(s, name);
        if (s->through == LAUNCHER_TEST)
                p->client =
                        chat_join_with(s->chat, s->host, &p->session, s->chat->option, a[0], a[1], a[2], a[3], NULL);
        else if (a[0])
                FAIL_AT(s, "the launcher takes no arguments for chat-session");
        else
                p->client = programs_connect(s);
        snprintf(p->called, sizeof(p->called), "%s", p->client->name);
        return p;
}

/* Negotiates like a telnet that has shown that it speaks telnet, and then is asked for BINARY. */
static void become_telnet(struct person *p)
{
        client_send_bytes(p->client, "\xff\xfd\6", 3);
        see(p, "\xff\xfc\6");
        see(p, "\xff\xfd\1" /* NUL */);
        client_send_bytes(p->client, "\xff\xfb\0\xff\xfd\6", 6);
        see(p, "\xff\xfc\6");
}

/* Connects a client of IRC. */
static struct person *open_irc(struct stage *s, const char *name, char *rest)
{
        stage_need_broker(s);
        s->chat->server = "chat-irc";
        struct person *p = open_client(s, name, rest);
        s->chat->server = NULL;
        return p;
}

/* Connects a client of IRC, and waits until it is in the lobby under this nick. */
static void join_irc(struct stage *s, const char *name, char *rest)
{
        struct person *p = open_irc(s, name, rest);
        snprintf(p->called, sizeof(p->called), "%s", name);
        client_send(p->client, "NICK %s\r\nUSER %s 0 * :%s\r\nJOIN #lobby\r\n", name, name, name);
        see(p, " 366 ");
}

static void join(struct stage *s, const char *name, char *rest)
{
        struct person *p = open_client(s, name, rest);
        client_greeted(p->client);
        if (s->state != STATE_NC)
                become_telnet(p);
        client_send(p->client, "/nick %s\r\n", name);
        see(p, "*** You are now called ");
        see(p, "\r\n");
        snprintf(p->client->name, sizeof(p->client->name), "%s", name);
        snprintf(p->called, sizeof(p->called), "%s", name);
        if (s->state == STATE_EDITED) {
                client_send(p->client, "/edit on\r\n");
                see(p, "/edit is on\r\n");
                /* DO ECHO, DO SUPPRESS-GO-AHEAD, WILL SUPPRESS-GO-AHEAD, WILL NAWS, and a window of 80 by 24 */
                client_send_bytes(p->client,
                                  "\xff\xfd\1\xff\xfd\3\xff\xfb\3\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0", 21);
                client_sync(p->client);
        }
}

static void join_crowd(struct stage *s, long n, const char *name)
{
        char numbered[32], no_arguments[1] = "";
        for (long i = 1; i <= n; i++) {
                snprintf(numbered, sizeof(numbered), "%s%ld", name, i);
                join(s, numbered, no_arguments);
        }
}

/* ---- the steps ---- */

static void hang_up(struct person *p)
{
        drain(p);
        client_reset(p->client);
        p->client = NULL;
}

static void expect_end(struct stage *s, struct person *p, char *rest)
{
        long status = number(&rest, -1);
        client_expect_end(p->client);
        if (status >= 0)
                programs_expect_end(s, p, (int)status);
}

/* Kills chatd at once, or behind a certain write. */
static void kill_broker(struct stage *s, char *rest)
{
        static char text[STAGE_TEXT_MAX];
        const char *when = strtok_r(rest, " ", &rest);
        if (!when) {
                chat_kill_broker(s->chat, SIGKILL);
                return;
        }
        if (strcmp(when, "behind") != 0 && strcmp(when, "amid") != 0)
                FAIL_AT(s, "chatd is killed behind or amid something");
        stage_quoted(s, &rest, text);
        tracer_kill_behind(s->chat->broker, text, strcmp(when, "amid") == 0 ? TRACER_CUT : TRACER_WHOLE);
        s->chat->broker = 0;
}

static void act_on_broker(struct stage *s, const char *what, char *rest)
{
        if (strcmp(what, "kill") == 0) {
                kill_broker(s, rest);
        } else if (strcmp(what, "start") == 0) {
                start_broker(s);
        } else if (strcmp(what, "stop") == 0) {
                programs_stop(s->chat->broker);
        } else if (strcmp(what, "continue") == 0) {
                kill(s->chat->broker, SIGCONT);
        } else {
                FAIL_AT(s, "there is no step \"%s chatd\"", what);
        }
}

static pid_t process_of(struct stage *s, const struct person *p)
{
        pid_t pid = p->program > 0 ? p->program : p->session;
        if (pid <= 0)
                FAIL_AT(s, "the process of %s is not known", p->name);
        return pid;
}

/* Returns true if the step checks the end of the case. */
static bool is_check(const char *what)
{
        return strcmp(what, "never") == 0 || strcmp(what, "once") == 0 || strcmp(what, "narrow") == 0;
}

/* Takes a text that clients must see, in the form of client_read(): with \1 for each NUL. */
static void expected(struct stage *s, char **rest, char text[static STAGE_TEXT_MAX])
{
        size_t n = stage_quoted(s, rest, text);
        for (size_t i = 0; i < n; i++)
                if (text[i] == '\0')
                        text[i] = '\1';
}

static void act_on_person(struct stage *s, const char *what, struct person *p, char *rest)
{
        static char text[STAGE_TEXT_MAX];
        if (strcmp(what, "send") == 0) {
                size_t n = stage_quoted(s, &rest, text);
                if (p->program > 0) /* the program may have ended without reading */
                        send(p->client->fd, text, n, MSG_NOSIGNAL);
                else
                        client_send_bytes(p->client, text, n);
        } else if (strcmp(what, "see") == 0) {
                expected(s, &rest, text);
                see(p, text);
        } else if (strcmp(what, "sync") == 0) {
                client_send_bytes(p->client, "\xff\xfd\6", 3);
                see(p, "\xff\xfc\6");
        } else if (strcmp(what, "greeted") == 0) {
                client_greeted(p->client);
        } else if (strcmp(what, "end") == 0) {
                expect_end(s, p, rest);
        } else if (strcmp(what, "close") == 0) {
                hang_up(p);
        } else if (strcmp(what, "halfclose") == 0) {
                shutdown(p->client->fd, SHUT_WR);
        } else if (strcmp(what, "stop") == 0) {
                programs_stop(process_of(s, p));
        } else if (strcmp(what, "continue") == 0) {
                kill(process_of(s, p), SIGCONT);
        } else if (strcmp(what, "keepalive") == 0) {
                programs_check_keepalive(s, p);
        } else {
                FAIL_AT(s, "there is no step \"%s\"", what);
        }
}

static void check_person(struct stage *s, const char *what, struct person *p, char *rest)
{
        static char text[STAGE_TEXT_MAX];
        if (strcmp(what, "narrow") == 0) {
                drain_connection(p);
                check_width(s, p);
                return;
        }
        expected(s, &rest, text);
        if (strcmp(what, "once") == 0)
                wait_for(p, text);
        drain_connection(p);
        check_count(s, p, strcmp(what, "once") == 0 ? 1 : 0, text);
}

typedef void person_step(struct stage *s, const char *what, struct person *p, char *rest);

/* Does a step with each person of this name. "x*" stands for all names that begin with x. */
static void do_with(struct stage *s, person_step *step, const char *what, const char *name, char *rest)
{
        size_t len = strlen(name);
        if (name[len - 1] != '*') {
                step(s, what, stage_find(s, name), rest);
                return;
        }
        for (size_t i = 0; i < s->count; i++) {
                char line[STAGE_STEP_MAX];
                snprintf(line, sizeof(line), "%s", rest);
                if (strncmp(s->people[i].name, name, len - 1) == 0)
                        step(s, what, &s->people[i], line);
        }
}

/* Does a step that concerns the chat as a whole, or that adds a person. Returns false for a step of a person. */
static bool act_on_chat(struct stage *s, const char *what, char *name, char *rest)
{
        static char text[STAGE_TEXT_MAX];
        if (strcmp(what, "chatd") == 0) {
                s->chat->more = s->step->text + strlen("chatd "); /* the words */
        } else if (strcmp(what, "queue") == 0 && strcmp(name, "kept") == 0) {
                chat_hold_queue(s->chat);
        } else if (strcmp(what, "buffers") == 0) {
                s->chat->buffers = atoi(name);
        } else if (strcmp(what, "from") == 0) {
                s->host = strcmp(name, "::1") == 0 ? "::1" : "127.0.0.1";
        } else if (strcmp(what, "open") == 0) {
                open_client(s, name, rest);
        } else if (strcmp(what, "join") == 0) {
                join(s, name, rest);
        } else if (strcmp(what, "dial") == 0) {
                open_irc(s, name, rest);
        } else if (strcmp(what, "irc") == 0) {
                join_irc(s, name, rest);
        } else if (strcmp(what, "crowd") == 0) {
                join_crowd(s, atol(name), stage_word(s, &rest));
        } else if (strcmp(what, "run") == 0) {
                programs_run(s, name, rest);
        } else if (strcmp(what, "until") == 0) {
                rest = s->step->text + strlen("until ");
                stage_quoted(s, &rest, text);
                programs_run_until(s, text, rest);
        } else if (strcmp(what, "lent") == 0) {
                programs_wait_for_loans(s, atoi(name));
        } else if (strcmp(name, "chatd") == 0) {
                act_on_broker(s, what, rest);
        } else {
                return false;
        }
        return true;
}

/* Does a step if it checks the end of the case and `checks_end` is true, or if neither holds. */
static void do_step(struct stage *s, const struct step *step, bool checks_end)
{
        char line[STAGE_STEP_MAX], *rest = line;
        s->step = step;
        snprintf(line, sizeof(line), "%s", step->text);
        const char *what = stage_word(s, &rest);
        char *name = stage_word(s, &rest);
        if (is_check(what) != checks_end)
                return;
        if (checks_end)
                do_with(s, check_person, what, name, rest);
        else if (!act_on_chat(s, what, name, rest))
                do_with(s, act_on_person, what, name, rest);
}

void stage_act(struct stage *s, const struct step *step)
{
        do_step(s, step, false);
}

void stage_check(struct stage *s, const struct step *step)
{
        do_step(s, step, true);
}
