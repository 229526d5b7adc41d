/* The rows of tests/field: what clients of every kind send, and what others see of it. Each file has cases, which run
 * against the real programs over real sockets, without systemd as PID 1. A line is a step; "#" begins a comment.
 *
 *   case TITLE                begins a case, which has a chat of its own
 *   states STATE...           runs the case once for each state in which its clients join: nc (the default) sends text
 *                             alone; telnet has agreed on BINARY; edited is a telnet that typed /edit on
 *   through LAUNCHER...       runs the case once for each program that starts the sessions: test (the default) does it
 *                             as inetd would; activate and as-inetd are systemd-socket-activate; inetd; tcpserver
 *   chatd ARGUMENT...         arguments for chatd, before the first client connects
 *   queue kept                the test holds chatd's sockets, as systemd does: what is in the queue outlives chatd
 *
 * Clients:
 *   open NAME [ARGUMENT...]   connects; the arguments are chat-session's
 *   join NAME [ARGUMENT...]   connects in the case's state, is greeted, and takes the name
 *   dial NAME [ARGUMENT...]   connects a client of IRC, which sends nothing by itself
 *   irc NAME [ARGUMENT...]    connects a client of IRC, which takes the nick NAME; the arguments are chat-irc's
 *   crowd N NAME              N clients join, as NAME1 to NAMEN
 *   from ADDRESS              clients connect from ::1 from now on, or from 127.0.0.1 (the default)
 *   buffers BYTES             connections that are made from now on have so small buffers; 0: as they are
 *   greeted NAME              waits for the greeting of a client that was opened
 *   send NAME "BYTES"         one write
 *   sync NAME                 waits until the session has dealt with all that was sent: chatd's queue has it
 *   see NAME "TEXT"           waits until TEXT came, behind what was seen before
 *   never NAME "TEXT"         by the end of the case TEXT has not come
 *   once NAME "TEXT"          by the end of the case TEXT has come exactly once; waits for it
 *   narrow NAME               by the end of the case no line that came has more than 79 columns
 *   keepalive NAME            its connection has the keepalive of chat.socket
 *   end NAME [STATUS]         waits for the end of the connection, and of a program, which ends with this status
 *   close NAME                resets the connection
 *   halfclose NAME            sends an end of file
 *
 * Programs:
 *   run NAME chatctl ARGUMENT...      runs it beside the steps that follow; NAME sees what it prints
 *   run NAME chat-ssh [COMMAND...]    as sshd does for a client that asks for the command, or for none
 *   until "TEXT" chatctl ARGUMENT...  runs it until it prints TEXT
 *   lent N                    sends notices until chatd writes to N clients by itself
 *   stop NAME, continue NAME          SIGSTOP, once it has come to rest, and SIGCONT: to the program, the session, or chatd
 *   kill chatd, start chatd           kill -9, and a new one
 *   kill chatd behind "TEXT"          lets a chatd that was stopped go on, and kills it behind what it writes next to a
 *                                     session or client that has TEXT in it
 *   kill chatd amid "TEXT"            the same, where the client takes only a part of what is written
 *
 * NAME* in place of a name stands for all clients whose names begin with NAME.
 *
 * In quotes: \r \n \t \b \a \e \0 \\ \" and \xHH; \*N{TEXT} is TEXT N times; $NAME is what the chat calls the client.
 * A NUL that a client receives counts as \x01.
 *
 * FIELD=NAME in the environment runs one file, TEST=PATTERN the cases whose titles match.
 */
#include <glob.h>

#include "stage.h"

enum { STEPS_MAX = 128, CASES_MAX = 1024 };

static const char *const state_names[STATES] = {"nc", "telnet", "edited"};

struct field_case {
        const char *title;
        const struct step *steps;
        size_t count;
        const char *states, *launchers; /* words: the case runs once for each */
        enum state state;
        enum launcher launcher;
};

static void run_case(void **state)
{
        const struct field_case *test = *state;
        struct stage *stage = stage_begin(test->state, test->launcher);
        for (size_t i = 0; i < test->count; i++)
                stage_act(stage, &test->steps[i]);
        for (size_t i = 0; i < test->count; i++)
                stage_check(stage, &test->steps[i]);
        stage_end(stage);
}

/* ---- the files ---- */

static struct field_case cases[CASES_MAX];
static struct CMUnitTest tests[CASES_MAX];
static size_t cases_count;

static void add_case(const struct field_case *c, enum state state, enum launcher launcher)
{
        char *title;
        if (cases_count == CASES_MAX) {
                fprintf(stderr, "more than %d cases\n", CASES_MAX);
                exit(1);
        }
        if (asprintf(&title, "%s (%s%s%s)", c->title, state_names[state], launcher != LAUNCHER_TEST ? ", " : "",
                     launcher != LAUNCHER_TEST ? launcher_names[launcher] : "") < 0)
                exit(1);
        cases[cases_count] = *c;
        cases[cases_count].state = state;
        cases[cases_count].launcher = launcher;
        tests[cases_count] = (struct CMUnitTest){title, run_case, NULL, NULL, &cases[cases_count]};
        cases_count++;
}

/* Returns true if `word` is one of the words. */
static bool has_word(const char *words, const char *word)
{
        size_t len = strlen(word);
        for (const char *at = words; *at != '\0'; at += strspn(at, " ")) {
                if (strcspn(at, " ") == len && strncmp(at, word, len) == 0)
                        return true;
                at += strcspn(at, " ");
        }
        return false;
}

static void add_cases(const struct field_case *c)
{
        for (enum state state = 0; state < STATES; state++)
                for (enum launcher launcher = 0; launcher < LAUNCHERS; launcher++)
                        if (has_word(c->states, state_names[state]) && has_word(c->launchers, launcher_names[launcher]))
                                add_case(c, state, launcher);
}

static void read_file(const char *path)
{
        static char line[8192];
        struct field_case c = {0};
        struct step *steps = NULL;
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
                                add_cases(&c);
                        steps = calloc(STEPS_MAX, sizeof(*steps));
                        c = (struct field_case){strdup(text + 5), steps, .states = "nc", .launchers = "test"};
                } else if (!steps || c.count == STEPS_MAX) {
                        fprintf(stderr, "%s:%d: a step outside of a case, or too many steps\n", path, number);
                        exit(1);
                } else if (strncmp(text, "states ", 7) == 0) {
                        c.states = strdup(text + 7);
                } else if (strncmp(text, "through ", 8) == 0) {
                        c.launchers = strdup(text + 8);
                } else {
                        steps[c.count++] = (struct step){strdup(path), number, strdup(text)};
                }
        }
        if (c.title)
                add_cases(&c);
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
