/* The parts that all system tests share: clients that wait for expected output, processes, and a chat without PID 1.
 *
 * Every wait is for an event, and not for a time. It fails the test if the event does not come within DEADLINE_MS, and
 * prints the output that did come.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

enum { DEADLINE_MS = 60000 }; /* long, because test machines are busy and valgrind is slow */

/* TEST=pattern in the environment runs only the tests whose names match. */
#define RUN_TESTS(tests, setup, teardown) (tests_begin(), tests_end(cmocka_run_group_tests(tests, setup, teardown)))

void tests_begin(void);

/* Prints the reports of the sanitizers, each of which is a failure. Returns the number of failures. */
int tests_end(int failed);

/* ---- the programs ---- */

/* Returns the path of "chatd" or "chat-session": in BIN= of the environment, as in the Makefile. */
char *program(const char *name);

/* Returns the directory for the sanitizers' reports of the programs, or NULL if they are not sanitized. */
const char *reports_dir(void);

/* ---- processes ---- */

/* Starts a program (argv ends with NULL, looked up in PATH) with these descriptors as its standard ones. -1 means
 * /dev/null, and -2 the descriptor of the test. All started programs die with the test. Returns the pid. */
pid_t process_start(char *const argv[], int in, int out, int err);

/* Forks a child that sends while the test runs, and then ends by _exit(). Returns the same as fork(). */
pid_t process_fork(void);

/* Becomes a program, in a child, with the arguments of process_start(). Never returns. */
_Noreturn void process_become(char *const argv[], int in, int out, int err);

/* Returns true if `pid` has ended. Fails the test if its exit status is not 0. */
bool process_has_ended(pid_t pid);

/* Waits for the end of `pid`. Returns its exit status, or 128 and the signal. */
int process_wait(pid_t pid);

/* Ends `pid` by SIGTERM, and waits for its end. */
void process_end(pid_t pid);

/* Runs a shell command line and returns its standard output (static, without the last line end). Fails the test when
 * the command fails. */
const char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs a shell command line until it succeeds. */
void shell_until(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with another deadline, for what takes a busy machine long: in ms from now. */
void shell_until_within(int64_t ms, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- clients ---- */

struct client {
        int fd;
        char name[64]; /* the chat's name for the client */
        char *got;     /* output that came and was not expected yet */
        size_t len, room;
        FILE *copy; /* gets all output, too: a command, as schema_open() starts it; NULL: there is none */
};

/* Connects. Waits for a listener if necessary. */
struct client *client_connect(const char *host, int port);
struct client *client_connect_unix(const char *path);

/* Makes a client of a connected descriptor. */
struct client *client_of(int fd, const char *name);

void client_send(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void client_send_bytes(struct client *c, const void *bytes, size_t size);

/* Waits for more bytes and appends them to `got`. Returns false at the end of the connection. Fails the test if no byte
 * comes before the deadline, with a message that quotes `what`. */
bool client_read(struct client *c, int64_t deadline, const char *what);

/* Waits until `text` has come. Forgets it and all output before it. Returns the output before it (static). */
const char *client_expect(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Waits until the session has handled all input, by TIMING-MARK (RFC 860). */
void client_sync(struct client *c);

/* Waits for the greeting, and sends an empty line, so that the client is announced. */
void client_greeted(struct client *c);

/* Waits until everybody that the chatd of this run directory greeted, and that is to be announced, is announced. A
 * client that connects after that hears of none of them. */
void clients_announced(const char *run_dir);

/* Waits for the end of the connection. Returns all output until then (valid until client_free()). */
const char *client_expect_end(struct client *c);

/* Closes at once with a RST. */
void client_reset(struct client *c);

/* Closes. Fails the test if the command that got the output fails. */
void client_free(struct client *c);

/* Returns a TCP port of 127.0.0.1 without a listener. */
int port_free(void);

/* ---- a chat without PID 1 ---- */

struct chat {
        char dir[64];        /* the run directory */
        char option[80];     /* --run-dir=, for both programs */
        const char *server;  /* the program that serves new clients; NULL: chat-session */
        const char *history; /* chatd's option; off in tests of other things */
        const char *more;    /* further options for chatd, with blanks between them; NULL: none */
        pid_t broker;        /* 0: none */
        int listener, port;
        int buffers;        /* bytes, for connections that are made from now on; 0: the default */
        int queue, control; /* chatd's sockets, if the test holds them; -1: they are chatd's own */
};

struct chat *chat_start(void);

/* Makes a chat without starting chatd. */
struct chat *chat_prepare(void);
void chat_stop(struct chat *chat);
void chat_start_broker(struct chat *chat);

/* Lets the test hold chatd's sockets from now on, as systemd does, so that the queue outlives chatd. To be called
 * before any chatd is started. */
void chat_hold_queue(struct chat *chat);

/* Becomes chatd, in a child. Never returns. */
_Noreturn void chat_become_broker(const struct chat *chat);

void chat_kill_broker(struct chat *chat, int signal);

/* Connects a client to the chat, and starts its session as inetd would, without a pace. Waits for the greeting, and
 * until the others were told of the client. Sets `*session` to the pid of the session, unless it is NULL. */
struct client *chat_join(struct chat *chat, pid_t *session);

/* Connects a client to the chat at `host`, and starts its session with these arguments (NULL at the end). Reads no output. */
struct client *chat_join_with(struct chat *chat, const char *host, pid_t *session, ...);
