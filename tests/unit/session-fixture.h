/* A whole session in a thread. The test plays its client and its chatd. */
#pragma once

#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include <chat/answer.h>
#include <chat/clock.h>

#include "../../chat-session/echo.h"
#include "../../chat-session/terminal-kind.h"
#include "../../chat-session/terminal.h"
#include "../../chat-session/visit.h"
#include "../../chatd/lent.h"

#include "rundir-fixture.h"

enum { DEADLINE_MS = 20000 };

struct fixture {
        char *dir;
        int lock, intake, client;
        struct session_options options;
        const struct kind *kind;
        void *me; /* the kind's state; NULL: a terminal */
        volatile sig_atomic_t stop;
        pthread_t thread;
        struct session *session; /* of the thread, while it runs */
        int session_end;
        uint64_t id, key; /* of the session, from its HELLO */
        /* the state of a chatd that writes to the client itself */
        int inbox; /* connected to the session's inbox; -1: not yet */
        struct lent_batch batch;
        struct lent lent;
        uint64_t batches;
};

static inline void *run(void *arg)
{
        struct fixture *f = arg;
        struct session *s = f->session = calloc(1, sizeof(*s));
        struct terminal *t = calloc(1, sizeof(*t));
        struct terminal_options options = {.editing = f->kind == &echo_kind ? EDITING_OFF : EDITING_OFFERED};
        sigset_t unblocked;
        sigemptyset(&unblocked);
        t->options = &options;
        visit_begin(s, f->kind, f->me ? f->me : t, f->session_end, f->session_end, &f->options);
        visit_run(s, &unblocked, &f->stop);
        free(s);
        free(t);
        close(f->session_end);
        return NULL;
}

/* Starts a session with a client of this kind, whose state is `me`. `fds` are the session's end of the connection and
 * the client's. */
static inline struct fixture *start_kind(const struct kind *kind, void *me, const int fds[static 2],
                                         const struct session_options *options)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->options = *options;
        f->options.dir = f->dir;
        f->kind = kind;
        f->me = me;
        f->client = fds[1];
        f->session_end = fds[0];
        f->inbox = -1;
        lent_init(&f->lent);
        assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
        return f;
}

static inline struct fixture *start_on(const int fds[static 2], const struct session_options *options)
{
        return start_kind(&terminal_kind, NULL, fds, options);
}

static inline struct fixture *start_with(const struct session_options *options)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        return start_on(fds, options);
}

static inline struct fixture *start(bool echo)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        return start_kind(echo ? &echo_kind : &terminal_kind, NULL, fds, &(struct session_options){0});
}

/* Answers a BYE, so that the session does not wait for the answer. */
static inline void say_goodbye(struct fixture *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct sockaddr_un inbox;
        struct frame frame;
        struct pollfd p = {.fd = f->intake, .events = POLLIN};
        if (poll(&p, 1, 1) < 1)
                return;
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (n <= 0 || frame_decode(&frame, buffer, (size_t)n) != 0 || frame.type != FRAME_BYE)
                return;
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_GOODBYE, .id = UINT64_MAX});
        path_inbox(&inbox, f->dir, f->key);
        sendto(f->intake, buffer, size, 0, (struct sockaddr *)&inbox, sizeof(inbox));
}

static inline void stop(struct fixture *f)
{
        close(f->client);
        lent_close(&f->lent);
        lent_batch_free(&f->batch);
        while (pthread_tryjoin_np(f->thread, NULL) != 0)
                say_goodbye(f);
        close(f->intake);
        if (f->inbox >= 0)
                close(f->inbox);
        rundir_remove(f->dir, f->lock);
        free(f);
}

static inline void await(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
}

static inline void type(struct fixture *f, const char *text)
{
        assert_int_equal(write(f->client, text, strlen(text)), strlen(text));
}

/* Types line by line, as a person does, so that the session reads each line before the next. */
static inline void type_each(struct fixture *f, const char *lines)
{
        for (const char *at = lines, *end; *at != '\0'; at = end + 1) {
                int unread = 1;
                end = strchr(at, '\n');
                assert_non_null(end);
                assert_int_equal(write(f->client, at, (size_t)(end + 1 - at)), end + 1 - at);
                for (int64_t begin = clock_ms(); unread > 0; usleep(100)) {
                        assert_in_range(clock_ms() - begin, 0, DEADLINE_MS);
                        assert_int_equal(ioctl(f->session_end, FIONREAD, &unread), 0);
                }
        }
}

/* Asserts that the client is shown exactly this next, with \1 for each NUL. */
static inline void assert_shown(struct fixture *f, const char *expected)
{
        char got[1024];
        size_t len = 0, size = strlen(expected);
        while (len < size) {
                await(f->client);
                ssize_t n = read(f->client, got + len, size - len);
                assert_true(n > 0);
                len += (size_t)n;
        }
        for (char *nul = got; (nul = memchr(nul, '\0', len - (size_t)(nul - got)));)
                *nul = '\1';
        got[len] = '\0';
        assert_string_equal(got, expected);
}

static inline void assert_ended(struct fixture *f)
{
        char byte;
        await(f->client);
        assert_int_equal(read(f->client, &byte, 1), 0);
}

static inline void assert_line_ends(struct fixture *f)
{
        char byte = 0;
        while (byte != '\n') {
                await(f->client);
                assert_int_equal(read(f->client, &byte, 1), 1);
        }
}

/* Answers the session's HELLO, which stays in the intake, with WELCOME. */
static inline void welcome(struct fixture *f)
{
        uint8_t buffer[FRAME_MAX_BYTES], answer[FRAME_MAX_BYTES];
        struct sockaddr_un inbox;
        struct frame hello;
        await(f->intake);
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), MSG_PEEK);
        assert_int_equal(frame_decode(&hello, buffer, (size_t)n), 0);
        assert_int_equal(hello.type, FRAME_HELLO);
        assert_true(hello.quiet);
        size_t size = frame_encode(answer, sizeof(answer),
                                   &(struct frame){.type = FRAME_WELCOME, .id = 1, .name = hello.name, .members = 2});
        path_inbox(&inbox, f->dir, hello.key);
        assert_int_equal(sendto(f->intake, answer, size, 0, (struct sockaddr *)&inbox, sizeof(inbox)), size);
}

static inline void assert_greeting(struct fixture *f)
{
        assert_shown(f, "*** Welcome, ");
        assert_line_ends(f);
        assert_shown(f, "*** What you type goes to everyone here. /help lists the commands; exit leaves.\r\n");
}

static inline void assert_greeted(struct fixture *f)
{
        welcome(f);
        assert_greeting(f);
}

/* Returns the next frame except ARRIVE, which comes at any time. */
static inline struct frame next_frame(struct fixture *f)
{
        static uint8_t buffer[FRAME_MAX_BYTES];
        struct frame frame;
        await(f->intake);
        ssize_t n = recv(f->intake, buffer, sizeof(buffer), 0);
        assert_int_equal(frame_decode(&frame, buffer, (size_t)n), 0);
        if (frame.type == FRAME_ARRIVE)
                return next_frame(f);
        if (frame.type == FRAME_HELLO) {
                f->id = frame.id;
                f->key = frame.key;
        }
        assert_true(frame.id == f->id);
        return frame;
}

/* Takes the client's lines `from` to `to`, in any number of frames. */
static inline void assert_lines(struct fixture *f, uint64_t from, uint64_t to)
{
        while (from <= to) {
                struct frame frame = next_frame(f);
                assert_int_equal(frame.type, FRAME_LINE);
                assert_int_equal(frame.number, from);
                from += frame_lines(&frame);
        }
        assert_int_equal(from, to + 1);
}

static inline void tell_raw(struct fixture *f, const void *data, size_t size)
{
        struct sockaddr_un inbox;
        path_inbox(&inbox, f->dir, f->key);
        assert_int_equal(sendto(f->intake, data, size, 0, (struct sockaddr *)&inbox, sizeof(inbox)), size);
        f->lent.datagrams++;
}

static inline void tell(struct fixture *f, enum frame_type type, uint64_t epoch, uint64_t number, const char *text)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = (uint8_t)type,
                                              .id = epoch,
                                              .number = number,
                                              .name = slice_of(text),
                                              .text = slice_of(text)}));
}

static inline void tell_answer(struct fixture *f, uint64_t epoch, uint64_t number, const char *name, const char *text)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        tell_raw(f, buffer,
                 frame_encode(buffer, sizeof(buffer),
                              &(struct frame){.type = FRAME_ANSWER,
                                              .id = epoch,
                                              .number = number,
                                              .name = slice_of(name),
                                              .text = slice_of(text)}));
}

/* Sends a frame with an answer. */
static inline void tell_code(struct fixture *f, struct frame frame, const struct answer *a)
{
        static uint8_t bytes[ANSWER_MAX_BYTES], buffer[FRAME_MAX_BYTES + ANSWER_MAX_BYTES];
        frame.id = frame.id == 0 ? 1 : frame.id;
        frame.answer = (struct slice){(const char *)bytes, answer_encode(bytes, sizeof(bytes), a)};
        assert_true(frame.answer.len > 0);
        tell_raw(f, buffer, frame_encode(buffer, sizeof(buffer), &frame));
}

/* Returns the line `n` of a session called bob; `text` has room for it. */
static inline struct record bobs_line(uint64_t n, char text[static 24])
{
        snprintf(text, 24, "%llu", (unsigned long long)n);
        return (struct record){
                .kind = RECORD_LINE, .id = 99, .number = n, .name = slice_of("bob"), .text = slice_of(text)};
}

/* Sends a batch of bob's lines `first` to `last`. */
static inline void tell_lines(struct fixture *f, uint64_t epoch, uint64_t first, uint64_t last)
{
        uint8_t buffer[4096];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = epoch});
        for (uint64_t n = first; n <= last; n++) {
                char text[24];
                struct record r = bobs_line(n, text);
                size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        }
        tell_raw(f, buffer, size);
}

/* Sends a record of the member with this id and name. */
static inline void tell_record(struct fixture *f, enum record_kind kind, uint64_t id, uint64_t number, const char *name,
                               const char *text)
{
        uint8_t buffer[4096];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        struct record r = {
                .kind = (uint8_t)kind, .id = id, .number = number, .name = slice_of(name), .text = slice_of(text)};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

/* Sends a record with what the host b answers. */
static inline void tell_host_answer(struct fixture *f, uint64_t number, const struct answer *a)
{
        uint8_t bytes[TEXT_MAX_BYTES], buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 1});
        struct record r = {.kind = RECORD_ANSWER, .id = LINK_ID, .number = number, .name = slice_of("chat@b")};
        r.text = (struct slice){(const char *)bytes, answer_encode(bytes, sizeof(bytes), a)};
        assert_true(r.text.len > 0);
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

/* Replaces the queue by a new one, and lets the session notice that. */
static inline void replace_queue(struct fixture *f)
{
        close(f->intake);
        f->intake = rundir_bind(f->dir);
        tell(f, FRAME_ROLLCALL, 2, 0, "");
        assert_int_equal(next_frame(f).type, FRAME_HERE);
}
