/* A link with a network in memory, a real spool and real sockets. This process plays chatd, the people on this host,
 * the other hosts and the clock, and may kill the link at any step.
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/connect.h>
#include <chat/names.h>
#include <chat/safe-text.h>

#include "../../chat-link/link.h"
#include "../clock-call.h"

#include "network-fixture.h"
#include "rundir-fixture.h"

enum { ANN = 7, STREAM = 5, CHATD_EPOCH = 100, WORDS_MAX_BYTES = 256 * 1024 };

/* Time passes only if a test changes this. */
static int64_t now_ms;
static unsigned steps_left; /* steps until the link is killed; 0: it is not killed */
static jmp_buf grave;

/* Replaces clock_gettime() of libc. The functions below replace others. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
        if (clock != CLOCK_MONOTONIC)
                return clock_call(clock, t);
        *t = clock_timespec(now_ms);
        return 0;
}

static inline void step(void)
{
        if (steps_left > 0 && --steps_left == 0)
                longjmp(grave, 1);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
        step();
        ssize_t n = sendto(fd, data, size, flags, NULL, 0);
        int error = errno;
        step();
        errno = error;
        return n;
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
        step();
        ssize_t n = recvfrom(fd, data, size, flags, NULL, NULL);
        int error = errno;
        step();
        errno = error;
        return n;
}

/* Encodes a line of eve, whose text is its position. */
static inline size_t encode_line(uint8_t *data, size_t size, uint64_t position)
{
        char text[24];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)position);
        struct record rec = {
                .kind = RECORD_LINE, .id = 9, .number = position, .name = slice_of("eve"), .text = slice_of(text)};
        return record_encode(data, size, &rec);
}

struct fixture {
        char *dir, path[128], notes[128];
        int lock, intake, inbox, to_link;
        struct config config;
        struct spool *spool;
        struct network *network;
        struct journal *journal;
        struct link *link;
        /* the chatd that this process plays */
        uid_t chatd;     /* chatd's user */
        uint64_t last;   /* the number of the last record that chatd relayed */
        uint64_t before; /* the number of the last record in the life of this link */
        unsigned hellos, kills;
        char *words; /* the text that people on this host see */
        size_t len;
        uint64_t said;         /* lines of ann */
        uint64_t positions[2]; /* of hosts b and c */
        uint64_t kept_from;    /* hosts can repeat records from this position on */
        uint64_t again_max;    /* the maximum of records that hosts repeat at once */
        unsigned deaf;         /* one of so many questions is lost; 0: none is lost */
        uint8_t buffer[DATAGRAM_MAX_BYTES];
};

static inline void begin(struct fixture *f)
{
        uint64_t lost;
        f->spool = spool_open(f->path, SPOOL_RING_MIN_BYTES, f->notes, f->config.network, &lost);
        assert_non_null(f->spool);
        *f->link = (struct link){0};
        f->network->reading = false;
        f->before = 0;
        assert_int_equal(link_begin(f->link, &f->config, f->dir, f->inbox, f->spool, f->network, f->journal, lost), 0);
}

/* Kills the link as kill -9 would: without sending or tidying up anything. */
static inline void kill_link(struct fixture *f)
{
        link_end(f->link);
        spool_close(f->spool);
        f->kills++;
}

static inline void restart(struct fixture *f)
{
        kill_link(f);
        begin(f);
}

static inline int bind_inbox(const char *dir)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;
        path_link(&address, dir);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
        return fd;
}

static struct fixture *fixture;

/* Answers a question for records of a host. Each record is a line "POSITION" of eve. */
static inline void answer(struct network *n, const char *host, uint64_t instance, uint64_t position)
{
        struct fixture *f = fixture;
        uint8_t data[4096];
        uint64_t end = f->positions[host[0] - 'b'], first = position > f->kept_from ? position : f->kept_from;
        struct message m = {.type = MESSAGE_AGAIN, .instance = instance, .question_position = position};
        m.position = first < end ? first : UINT64_MAX;
        if (f->deaf > 0 && n->asked % f->deaf == 0)
                return;
        size_t size = message_encode(data, sizeof(data), &m);
        for (uint64_t i = first; i < end && i < first + f->again_max; i++)
                size += encode_line(data + size, sizeof(data) - size, i);
        free(network_answer(n));
        n->answer = network_make(n, NETWORK_AGAIN, host, data, size);
}

static inline int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct sockaddr_un address;
        now_ms = 1000000;
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->inbox = bind_inbox(f->dir);
        f->to_link = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        path_link(&address, f->dir);
        assert_int_equal(connect(f->to_link, (struct sockaddr *)&address, sizeof(address)), 0);
        f->chatd = getuid();
        strcpy(f->config.host, "here");
        snprintf(f->path, sizeof(f->path), "%s/spool", f->dir);
        snprintf(f->notes, sizeof(f->notes), "%s/" MEMBERS_DIR_NAME, f->dir);
        f->network = calloc(1, sizeof(*f->network));
        f->network->stream = STREAM;
        f->network->on_next = step;
        f->network->on_ask = answer;
        f->kept_from = UINT64_MAX;
        f->again_max = 3;
        fixture = f;
        f->journal = calloc(1, sizeof(*f->journal)); /* without a thread, it keeps what is logged */
        f->link = calloc(1, sizeof(*f->link));
        f->words = calloc(1, WORDS_MAX_BYTES);
        begin(f);
        *state = f;
        return 0;
}

static inline int teardown(void **state)
{
        struct fixture *f = *state;
        kill_link(f);
        network_replace(f->network, 0);
        close(f->intake);
        close(f->inbox);
        close(f->to_link);
        rundir_remove(f->dir, f->lock);
        free(f->network);
        free(f->journal);
        free(f->link);
        free(f->words);
        free(f);
        return 0;
}

/* Sends a datagram to the link with the credentials of chatd's user. */
static inline bool to_link(struct fixture *f, const void *data, size_t size)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(struct ucred))];
        } control = {.header = {CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS}};
        struct ucred cred = {getpid(), f->chatd, getgid()};
        struct iovec iov = {(void *)data, size};
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
        memcpy(CMSG_DATA(&control.header), &cred, sizeof(cred));
        return sendmsg(f->to_link, &msg, 0) == (ssize_t)size;
}

static inline void tell_link(struct fixture *f, const struct frame *frame)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        assert_true(to_link(f, buffer, frame_encode(buffer, sizeof(buffer), frame)));
}

/* Sends ann's next record; she is a member on this host. */
static inline void say_here_to(struct fixture *f, enum record_kind kind, const char *text)
{
        uint8_t batch[256];
        struct frame header = {.type = FRAME_BATCH, .id = CHATD_EPOCH};
        struct record rec = {.kind = (uint8_t)kind,
                             .id = ANN,
                             .number = f->said + 1,
                             .name = slice_of("ann"),
                             .text = slice_of(text)};
        size_t size = frame_encode(batch, sizeof(batch), &header);
        size += record_encode(batch + size, sizeof(batch) - size, &rec);
        if (to_link(f, batch, size)) /* if that fails, chatd would count the line as missed */
                f->said++;
}

static inline void say_here(struct fixture *f)
{
        say_here_to(f, RECORD_LINE, "x");
}

static inline void show(struct fixture *f, const char *kind, struct slice name, struct slice text)
{
        assert_true(text_is_clean(text.at, text.len));
        f->len +=
                (size_t)snprintf(f->words + f->len, WORDS_MAX_BYTES - f->len, "%s%s%.*s%s%.*s", f->len ? ", " : "",
                                 kind, (int)name.len, name.at, name.len && text.len ? " " : "", (int)text.len, text.at);
        assert_true(f->len < WORDS_MAX_BYTES);
}

/* Shows new records. Their numbers are above the last one that chatd relayed. */
static inline void relay(struct fixture *f, struct wire_reader records)
{
        struct record rec;
        while (record_next_styled(&records, &rec) > 0) {
                assert_true(rec.number > f->before);
                assert_true(text_is_remote_name(rec.name.at, rec.name.len));
                f->before = rec.number;
                if (rec.number <= f->last)
                        continue;
                f->last = rec.number;
                char kind[NICK_MAX_BYTES + 2];
                snprintf(kind, sizeof(kind), "%.*s%s", (int)rec.room.len, rec.room.at,
                         rec.kind == RECORD_JOIN    ? "+"
                         : rec.kind == RECORD_LEAVE ? "-"
                         : rec.room.len > 0         ? ":"
                                                    : "");
                show(f, kind, rec.name, rec.text);
                if (record_has_style(&rec)) /* formatting is not clean text */
                        f->len += (size_t)snprintf(f->words + f->len, WORDS_MAX_BYTES - f->len, " (%s%.*s)",
                                                   rec.is_notice ? "notice " : "", (int)rec.styled.len, rec.styled.at);
        }
}

/* Lets chatd serve its queue. */
static inline void serve(struct fixture *f)
{
        ssize_t n;
        while ((n = recv(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT)) > 0) {
                struct frame frame;
                assert_true(n <= FRAME_MAX_BYTES);
                int decoded = frame_decode(&frame, f->buffer, (size_t)n);
                assert_int_equal(decoded, 0);
                if (frame.type == FRAME_HELLO) {
                        f->hellos++;
                        f->before = 0; /* the link may read messages again */
                        tell_link(f, &(struct frame){.type = FRAME_WELCOME,
                                                     .id = CHATD_EPOCH,
                                                     .number = f->last,
                                                     .name = slice_of("link"),
                                                     .members = 3});
                } else if (frame.type == FRAME_NOTICE) {
                        show(f, "* ", frame.text, (struct slice){"", 0});
                } else if (frame.type == FRAME_TELL) {
                        assert_true(frame.key == ANN && frame.number >> 63);
                        show(f, "ann: ", frame.text, (struct slice){"", 0});
                } else {
                        relay(f, frame.records);
                }
        }
}

/* Lets the link work once. If it is killed at the chosen step, begins another link. */
static inline void work(struct fixture *f)
{
        now_ms += 10;
        if (setjmp(grave) == 0) {
                link_work(f->link);
                steps_left = 0;
        } else {
                restart(f);
        }
}

/* Lets both work until neither has more work. */
static inline void settle(struct fixture *f)
{
        for (int i = 0; i < 8; i++) {
                work(f);
                serve(f);
        }
}

/* Asserts that people on this host saw exactly this since the last call. */
static inline void assert_seen(struct fixture *f, const char *expected)
{
        settle(f);
        assert_string_equal(f->words, expected);
        f->words[0] = '\0';
        f->len = 0;
}

/* Publishes a message of `host`: `count` lines "1", "2" and so on, and `also` as a further record in front of them. */
static inline void publish(struct fixture *f, const char *host, uint64_t instance, uint64_t position, uint64_t count,
                           const struct record *also)
{
        uint8_t data[2 * FRAME_MAX_BYTES];
        struct message header = {.type = MESSAGE_SAID, .instance = instance, .position = position};
        size_t size = message_encode(data, sizeof(data), &header);
        if (also)
                size += record_encode_styled(data + size, sizeof(data) - size, also);
        for (uint64_t i = also != NULL; i < count; i++)
                size += encode_line(data + size, sizeof(data) - size, position + i);
        network_add(f->network, NETWORK_SAID, host, data, size);
}

static inline void say_there(struct fixture *f, int host, uint64_t count)
{
        publish(f, host == 0 ? "b" : "c", 1, f->positions[host], count, NULL);
        f->positions[host] += count;
}

static inline void alive(struct fixture *f, const char *host, uint64_t members)
{
        uint8_t data[64];
        struct message m = {.type = MESSAGE_ALIVE, .instance = 1, .members = members};
        m.position = f->positions[host[0] - 'b'];
        network_add(f->network, NETWORK_ALIVE, host, data, message_encode(data, sizeof(data), &m));
}

/* Returns the message, the first field, of the last journal entry since the last call. */
static inline const char *last_logged(struct fixture *f)
{
        static struct journal_event last;
        last.data[0] = '\0';
        while (f->journal->used_bytes > 0)
                journal_next_event(f->journal, &last);
        return last.data;
}

/* Asserts that people on this host saw every line of both hosts, once and in order. */
static inline void assert_all_seen(struct fixture *f)
{
        uint64_t next[2] = {0};
        for (char *save, *word = strtok_r(f->words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
                unsigned long long position;
                char host;
                assert_int_equal(sscanf(word, " eve@%c %llu", &host, &position), 2);
                assert_int_equal(position, next[host - 'b']++);
        }
        assert_int_equal(next[0], f->positions[0]);
        assert_int_equal(next[1], f->positions[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
