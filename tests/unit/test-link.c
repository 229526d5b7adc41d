#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/connect.h>
#include <chat/names.h>
#include <chat/text.h>

#include "../../chat-link/link.h"
#include "../clock-call.h"
#include "network-fixture.h"
#include "rundir-fixture.h"

enum { ANN = 7, STREAM = 5, CHATD_EPOCH = 100, WORDS_MAX_BYTES = 256 * 1024 };

/* ---- time, and death ---- */

static int64_t now_ms;
static unsigned steps_left; /* steps until it is killed; 0: it is not */
static jmp_buf grave;

/* Replaces clock_gettime() of libc. The functions below replace others. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
        if (clock != CLOCK_MONOTONIC)
                return clock_call(clock, t);
        *t = clock_timespec(now_ms);
        return 0;
}

static void step(void)
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

/* ---- the link, and a chatd that this process plays ---- */

/* Encodes a line of eve's: its text is its position. */
static size_t encode_line(uint8_t *data, size_t size, uint64_t position)
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
        char *words; /* what people on this host see */
        size_t len;
        uint64_t said;         /* lines of ann's */
        uint64_t positions[2]; /* of hosts b and c */
        uint64_t kept_from;    /* hosts can repeat records from this position on */
        uint64_t again_max;    /* the most records that hosts repeat at once */
        unsigned deaf;         /* one of so many questions is lost; 0: none */
        uint8_t buffer[DATAGRAM_MAX_BYTES];
};

static void begin(struct fixture *f)
{
        uint64_t lost;
        f->spool = spool_open(f->path, SPOOL_RING_MIN_BYTES, f->notes, f->config.network, &lost);
        assert_non_null(f->spool);
        *f->link = (struct link){0};
        f->network->reading = false;
        f->before = 0;
        assert_int_equal(link_begin(f->link, &f->config, f->dir, f->inbox, f->spool, f->network, f->journal, lost), 0);
}

/* Kills the link as kill -9 would: it neither sends nor tidies up anything. */
static void kill_link(struct fixture *f)
{
        link_end(f->link);
        spool_close(f->spool);
        f->kills++;
}

static void restart(struct fixture *f)
{
        kill_link(f);
        begin(f);
}

static int bind_inbox(const char *dir)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1;
        path_link(&address, dir);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
        return fd;
}

static struct fixture *fixture;

/* Answers a question for a host, each of whose records is a line "POSITION" of eve's. */
static void answer(struct network *n, const char *host, uint64_t instance, uint64_t position)
{
        struct fixture *f = fixture;
        uint8_t data[4096];
        uint64_t end = f->positions[host[0] - 'b'], first = position > f->kept_from ? position : f->kept_from;
        struct message m = {.type = MESSAGE_AGAIN, .instance = instance, .asked = position};
        m.position = first < end ? first : UINT64_MAX;
        if (f->deaf > 0 && n->asked % f->deaf == 0)
                return;
        size_t size = message_encode(data, sizeof(data), &m);
        for (uint64_t i = first; i < end && i < first + f->again_max; i++)
                size += encode_line(data + size, sizeof(data) - size, i);
        free(network_answer(n));
        n->answer = network_make(n, NETWORK_AGAIN, host, data, size);
}

static int setup(void **state)
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

static int teardown(void **state)
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
static bool to_link(struct fixture *f, const void *data, size_t size)
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

static void tell_link(struct fixture *f, const struct frame *frame)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        assert_true(to_link(f, buffer, frame_encode(buffer, sizeof(buffer), frame)));
}

static void rollcall(struct fixture *f)
{
        tell_link(f, &(struct frame){.type = FRAME_ROLLCALL, .id = CHATD_EPOCH});
}

/* Sends ann's next record; she is a member on this host. */
static void say_here_to(struct fixture *f, enum record_kind kind, const char *text)
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
        if (to_link(f, batch, size)) /* otherwise chatd would count it as missed */
                f->said++;
}

static void say_here(struct fixture *f)
{
        say_here_to(f, RECORD_LINE, "x");
}

static void show(struct fixture *f, const char *kind, struct slice name, struct slice text)
{
        assert_true(text_is_clean(text.at, text.len));
        f->len +=
                (size_t)snprintf(f->words + f->len, WORDS_MAX_BYTES - f->len, "%s%s%.*s%s%.*s", f->len ? ", " : "",
                                 kind, (int)name.len, name.at, name.len && text.len ? " " : "", (int)text.len, text.at);
        assert_true(f->len < WORDS_MAX_BYTES);
}

/* Shows new records. chatd tells by the numbers which are new. */
static void relay(struct fixture *f, struct wire_reader records)
{
        struct record rec;
        while (record_next(&records, &rec) > 0) {
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
        }
}

/* Lets chatd serve its queue. */
static void serve(struct fixture *f)
{
        ssize_t n;
        while ((n = recv(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT)) > 0) {
                struct frame frame;
                assert_true(n <= FRAME_MAX_BYTES);
                int decoded = frame_decode(&frame, f->buffer, (size_t)n);
                assert_int_equal(decoded, 0);
                if (frame.type == FRAME_HELLO) {
                        f->hellos++;
                        f->before = 0; /* the link may read again */
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

/* Lets the link work once. If it is killed at the chosen step, begins another. */
static void work(struct fixture *f)
{
        now_ms += 10;
        if (setjmp(grave) == 0) {
                link_work(f->link);
                steps_left = 0;
        } else {
                restart(f);
        }
}

/* Lets both work until nothing happens any more. */
static void settle(struct fixture *f)
{
        for (int i = 0; i < 8; i++) {
                work(f);
                serve(f);
        }
}

/* Asserts what people on this host saw since the last call. */
static void assert_seen(struct fixture *f, const char *expected)
{
        settle(f);
        assert_string_equal(f->words, expected);
        f->words[0] = '\0';
        f->len = 0;
}

/* ---- other hosts ---- */

/* Publishes a message of `host`. Its records are `count` lines "1", "2" …; `also` is one more in front of them. */
static void publish(struct fixture *f, const char *host, uint64_t instance, uint64_t position, uint64_t count,
                    const struct record *also)
{
        uint8_t data[4096];
        struct message header = {.type = MESSAGE_SAID, .instance = instance, .position = position};
        size_t size = message_encode(data, sizeof(data), &header);
        if (also)
                size += record_encode(data + size, sizeof(data) - size, also);
        for (uint64_t i = also != NULL; i < count; i++)
                size += encode_line(data + size, sizeof(data) - size, position + i);
        network_add(f->network, NETWORK_SAID, host, data, size);
}

static void say_there(struct fixture *f, int host, uint64_t count)
{
        publish(f, host == 0 ? "b" : "c", 1, f->positions[host], count, NULL);
        f->positions[host] += count;
}

static void alive(struct fixture *f, const char *host, uint64_t members)
{
        uint8_t data[64];
        struct message m = {.type = MESSAGE_ALIVE, .instance = 1, .members = members};
        m.position = f->positions[host[0] - 'b'];
        network_add(f->network, NETWORK_ALIVE, host, data, message_encode(data, sizeof(data), &m));
}

/* Returns the message, the first field, of the last journal entry since the last call. */
static const char *last_logged(struct fixture *f)
{
        static struct journal_event last;
        last.data[0] = '\0';
        while (f->journal->used > 0)
                journal_next_event(f->journal, &last);
        return last.data;
}

/* Returns all journal entries since the last call. */
static const char *logged(struct fixture *f)
{
        static char all[8192];
        struct journal_event e;
        size_t len = 0;
        all[0] = '\0';
        while (f->journal->used > 0 && len < sizeof(all)) {
                e.data[0] = '\0';
                journal_next_event(f->journal, &e);
                len += (size_t)snprintf(all + len, sizeof(all) - len, "%s\n", e.data);
        }
        return all;
}

/* ---- tests ---- */

static void test_what_others_say_is_shown(void **state)
{
        struct fixture *f = *state;
        assert_seen(f, "");
        assert_int_equal(f->hellos, 1);
        assert_int_equal(f->network->members, 3);
        say_there(f, 0, 2);
        say_there(f, 1, 1);
        publish(f, "b", 1, 2, 1, &(struct record){.kind = RECORD_JOIN, .name = slice_of("bob")});
        publish(f, "b", 1, 3, 1,
                &(struct record){.kind = RECORD_LEAVE, .name = slice_of("bob"), .text = slice_of("x")});
        assert_seen(f, "eve@b 0, eve@b 1, eve@c 0, +bob@b, -bob@b");
        assert_int_equal(f->link->lines_in, 5);
}

static void test_nothing_is_read_before_welcome(void **state)
{
        struct fixture *f = *state;
        work(f);
        work(f);
        assert_false(f->network->reading);
        assert_false(f->network->counted); /* the number of members is not published either */
        serve(f);
        work(f);
        assert_true(f->network->reading);
        assert_true(f->network->counted);
}

static void test_what_people_there_do(void **state)
{
        struct fixture *f = *state;
        settle(f);
        publish(f, "b", 1, 0, 1,
                &(struct record){.kind = RECORD_ACTION, .name = slice_of("bob"), .text = slice_of("waves")});
        publish(f, "b", 1, 1, 1,
                &(struct record){.kind = RECORD_RENAME, .name = slice_of("bob"), .text = slice_of("al")});
        publish(f, "b", 1, 2, 1,
                &(struct record){.kind = RECORD_RENAME, .name = slice_of("bob"), .text = slice_of("al@c")});
        assert_seen(f, "bob@b waves, bob@b al@b");
        assert_int_equal(f->link->ignored, 1);
}

static void test_rooms_there(void **state)
{
        struct fixture *f = *state;
        struct record rec = {
                .kind = RECORD_LINE, .name = slice_of("bob"), .text = slice_of("hi"), .room = slice_of("kitchen")};
        settle(f);
        publish(f, "b", 1, 0, 1, &rec);
        rec.kind = RECORD_CAME;
        rec.text = slice_of("lobby");
        publish(f, "b", 1, 1, 1, &rec);
        rec.kind = RECORD_TOPIC;
        rec.text = slice_of("tea");
        publish(f, "b", 1, 2, 1, &rec);
        rec.kind = RECORD_LEAVE;
        publish(f, "b", 1, 3, 1, &rec);
        rec.kind = RECORD_ASK;
        rec.text = slice_of(ASK_WHO);
        rec.room = (struct slice){"", 0};
        publish(f, "b", 1, 4, 1, &rec);
        rec.kind = RECORD_REPLY;
        rec.text = slice_of("ann@here 1 person is in lobby: bob");
        publish(f, "b", 1, 5, 1, &rec);
        rec.text = slice_of("ann@there 1 person is in lobby: bob");
        publish(f, "b", 1, 6, 1, &rec);
        rec.room = slice_of("no/room");
        publish(f, "b", 1, 7, 1, &rec);
        assert_seen(f, "kitchen:bob@b hi, kitchen:bob@b lobby, kitchen:bob@b tea, kitchen-bob@b, bob@b who, "
                       "bob@b ann 1 person is in lobby: bob");
        assert_int_equal(f->link->ignored, 1);
}

/* A private message goes to one host. */
static void test_private_words(void **state)
{
        struct fixture *f = *state;
        static const char *const not_for_us[] = {"ann@c psst",     "ann psst",     "ann@here", "@here psst",
                                                 "ann@where psst", "annhere psst", " psst",    ""};
        uint64_t position = 0;
        settle(f);
        for (size_t i = 0; i < sizeof(not_for_us) / sizeof(not_for_us[0]); i++)
                publish(f, "b", 1, position++, 1,
                        &(struct record){
                                .kind = RECORD_PRIVATE, .name = slice_of("bob"), .text = slice_of(not_for_us[i])});
        publish(f, "b", 1, position++, 1,
                &(struct record){
                        .kind = RECORD_PRIVATE, .name = slice_of("bob"), .text = slice_of("ann@here psst, you")});
        assert_seen(f, "bob@b ann psst, you");
        assert_int_equal(f->link->ignored, 0);
}

static void test_what_cannot_be_shown(void **state)
{
        struct fixture *f = *state;
        static const char *const names[] = {"", "a b", "a:", "a@c", "\033", "\xc3\xa4"};
        char text[TEXT_MAX_BYTES + 1];
        uint64_t position = 0;
        settle(f);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                publish(f, "b", 1, position++, 1,
                        &(struct record){.kind = RECORD_LINE, .name = slice_of(names[i]), .text = slice_of("x")});
        memset(text, 'a', sizeof(text));
        publish(f, "b", 1, position++, 1,
                &(struct record){.kind = RECORD_JOIN, .name = {text, LOCAL_NAME_MAX_BYTES + 1}});
        publish(f, "b", 1, position++, 1,
                &(struct record){.kind = RECORD_LINE, .name = slice_of("a"), .text = slice_of("\033[2J")});
        assert_seen(f, "");
        assert_int_equal(f->link->ignored, position);
        publish(f, "b", 1, position++, 1, &(struct record){.kind = 99, .name = slice_of("a")}); /* of a later version */
        network_add(f->network, NETWORK_SAID, "b", "junk", 4);
        publish(f, "b", 1, position++, 1, NULL);
        assert_seen(f, "eve@b 9");
        assert_int_equal(f->link->ignored, position - 1);
}

static void test_the_longest_name_and_text(void **state)
{
        struct fixture *f = *state;
        static const char host[] = "abcdefghijklmnopqrstuvwx";
        char name[LOCAL_NAME_MAX_BYTES + 1] = "", expected[512];
        memset(name, 'n', LOCAL_NAME_MAX_BYTES);
        settle(f);
        publish(f, host, 1, 0, 1,
                &(struct record){.kind = RECORD_LINE, .name = slice_of(name), .text = slice_of("hi")});
        snprintf(expected, sizeof(expected), "%s@%s hi", name, host);
        assert_seen(f, expected);
}

static void test_what_is_missing_is_told_before_what_follows(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 2;
        say_there(f, 0, 1);
        publish(f, "b", 1, 4, 2, &(struct record){.kind = RECORD_MISSED, .number = 7});
        publish(f, "b", 1, 6, 1, &(struct record){.kind = RECORD_MISSED, .number = 1});
        publish(f, "c", 1, 0, 1, &(struct record){.kind = RECORD_MISSED, .number = MISSED_UNKNOWN});
        assert_seen(f, "eve@b 0, * 2 lines from b are missing, eve@b 3, * 7 lines from b are missing, eve@b 5, "
                       "* 1 line from b is missing, * lines from c are missing");
}

static void test_what_is_missing_is_had_from_who_said_it(void **state)
{
        struct fixture *f = *state;
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 7; /* more than is repeated at once */
        say_there(f, 1, 1);
        say_there(f, 0, 2);
        assert_seen(f, "eve@b 0, eve@c 0, eve@b 1, eve@b 2, eve@b 3, eve@b 4, eve@b 5, eve@b 6, eve@b 7, eve@b 8, "
                       "eve@b 9");
        assert_int_equal(f->network->asked, 3);
        now_ms += LINK_STATUS_MS;
        work(f);
        assert_string_equal(last_logged(f),
                            "MESSAGE=lines that NATS lost, and that came again from the hosts that said them: 7");
        restart(f);
        assert_seen(f, "");
}

static void test_what_nobody_has_any_more(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 3;
        f->kept_from = 3;
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, * 2 lines from b are missing, eve@b 3, eve@b 4");
        f->kept_from = 0;
        restart(f);
        assert_seen(f, "");
}

static void test_more_is_missing_than_can_be_had(void **state)
{
        struct fixture *f = *state;
        enum { NUMBERS = 1 << 14, RECORDS_MAX = MESSAGE_MAX_BYTES / RECORD_HEADER_BYTES };
        char expected[64];
        f->kept_from = 0;
        f->again_max = 100;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += NUMBERS;
        say_there(f, 0, 1);
        work(f);
        serve(f);
        snprintf(expected, sizeof(expected), "eve@b 0, * %d lines from b are missing, eve@b %d,", RECORDS_MAX + 3,
                 RECORDS_MAX + 4);
        for (int i = 0; i < 200; i++) {
                work(f);
                serve(f);
        }
        assert_memory_equal(f->words, expected, strlen(expected));
        snprintf(expected, sizeof(expected), "eve@b %d, eve@b %d", NUMBERS, NUMBERS + 1);
        assert_string_equal(f->words + f->len - strlen(expected), expected);
}

/* Lets time pass until the link has asked all its questions. */
static void ask_in_vain(struct fixture *f)
{
        unsigned asked;
        do {
                asked = f->network->asked;
                now_ms += GAP_ASK_MS;
                settle(f);
        } while (f->network->asked > asked);
}

static void test_who_said_it_does_not_answer(void **state)
{
        struct fixture *f = *state;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0");
        for (int i = 0; i < HOSTS_CREDIT_MS / 1000; i++) { /* in vain, several times */
                f->positions[0] += 2;
                say_there(f, 0, 1);
                ask_in_vain(f);
        }
        f->words[0] = '\0';
        f->len = 0;
        unsigned asked = f->network->asked;
        f->positions[0] += 2;
        say_there(f, 0, 1);
        /* the link does not wait for this host again so soon */
        assert_seen(f, "* 2 lines from b are missing, eve@b 33");
        assert_int_equal(f->network->asked, asked);
        f->deaf = 0;
        f->kept_from = 0;
        f->positions[1] += 1;
        say_there(f, 1, 1);
        f->positions[1] += 1;
        say_there(f, 1, 1);
        assert_seen(f, "eve@c 1, eve@c 2, eve@c 3"); /* it does wait for others */
        now_ms += HOSTS_CREDIT_MS * HOSTS_CREDIT_SHARE / 2;
        f->positions[0] += 1;
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 34, eve@b 35");
}

/* Time that passes because the link or chatd did not run does not count as waiting for an answer. */
static void test_time_that_passes_is_no_answer(void **state)
{
        struct fixture *f = *state;
        uint8_t frame[FRAME_HEADER_BYTES];
        size_t size = frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        settle(f);
        f->deaf = 1;
        f->positions[0] += 7;
        say_there(f, 0, 1);
        settle(f);
        now_ms += GAP_OPEN_MAX_MS - 1000;
        assert_seen(f, "eve@b 0");
        f->deaf = 0;
        now_ms += GAP_ASK_MS;
        while (sendto(f->link->inject.socket, frame, size, MSG_DONTWAIT, NULL, 0) > 0)
                ; /* chatd's queue is full */
        for (int i = 0; i < 8; i++)
                work(f);
        now_ms += 2 * GAP_OPEN_MAX_MS;
        work(f);
        assert_seen(f, "eve@b 1, eve@b 2, eve@b 3, eve@b 4, eve@b 5, eve@b 6, eve@b 7, eve@b 8");
}

static void put_answer(struct fixture *f, const char *host, const struct message *m, const char *records, size_t size);

/* A host that answers just in time, and with nothing, cannot keep all others waiting for ever. */
static void test_answers_without_records(void **state)
{
        struct fixture *f = *state;
        int64_t begin, waited = 0;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        settle(f);
        begin = now_ms;
        for (int i = 0; i < 40; i++) {
                int64_t opened = now_ms;
                f->positions[0] += 10;
                say_there(f, 0, 1);
                for (settle(f); f->link->message; settle(f)) {
                        struct message late = {.type = MESSAGE_AGAIN, .instance = 1, .asked = f->link->gap.asked};
                        late.position = late.asked + 1;
                        now_ms += GAP_ASK_MS - 1;
                        put_answer(f, "b", &late, "", 0);
                }
                waited += now_ms - opened;
                now_ms += 1000;
        }
        assert_in_range(waited, 0, (now_ms - begin) / 2);
        f->words[0] = '\0';
        f->len = 0;
}

/* Loses the second line, and the question for it. */
static void lose_one_and_ask(struct fixture *f)
{
        f->kept_from = 0;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 1;
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0");
}

static void test_a_question_is_lost(void **state)
{
        struct fixture *f = *state;
        lose_one_and_ask(f);
        f->deaf = 0;
        now_ms += GAP_ASK_MS;
        assert_seen(f, "eve@b 1, eve@b 2");
}

static void test_nobody_is_asked_without_a_connection(void **state)
{
        struct fixture *f = *state;
        lose_one_and_ask(f);
        f->network->disconnected = true;
        settle(f);
        for (int i = 0; i < 2 * GAP_QUESTIONS_MAX; i++) {
                now_ms += GAP_ASK_MS;
                settle(f);
        }
        now_ms += 2 * GAP_OPEN_MAX_MS;
        assert_seen(f, "");
        f->network->disconnected = false;
        f->deaf = 0;
        settle(f);
        now_ms += GAP_ASK_MS;
        assert_seen(f, "eve@b 1, eve@b 2");
}

static void test_more_hosts_than_can_be(void **state)
{
        struct fixture *f = *state;
        char label[16];
        settle(f);
        for (int i = 0; i < HOSTS_MAX; i++) {
                snprintf(label, sizeof(label), "b%d", i);
                alive(f, label, 1);
        }
        settle(f);
        publish(f, "c", 1, 0, 1, NULL);
        alive(f, "c", 1);
        settle(f);
        now_ms += LINK_STATUS_MS;
        work(f);
        assert_int_equal(f->link->hosts.turned_away, 2);
        assert_int_equal(f->link->ignored, 0);
        assert_non_null(strstr(last_logged(f), "more hosts"));
}

static void put_answer(struct fixture *f, const char *host, const struct message *m, const char *records, size_t size)
{
        uint8_t data[256];
        size_t header = message_encode(data, sizeof(data), m);
        memcpy(data + header, records, size);
        free(network_answer(f->network));
        f->network->answer = network_make(f->network, NETWORK_AGAIN, host, data, header + size);
}

static void test_bad_answers(void **state)
{
        struct fixture *f = *state;
        f->deaf = 1;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 1;
        say_there(f, 0, 1);
        settle(f);
        const struct message nothing = {.type = MESSAGE_AGAIN, .instance = 1, .position = UINT64_MAX, .asked = 1};
        put_answer(f, "c", &nothing, "", 0);
        settle(f);
        struct message bad = nothing;
        bad.instance = 2;
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad = nothing;
        bad.type = MESSAGE_SAID;
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad = nothing;
        bad.asked = 2; /* an answer to an earlier question */
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad = nothing;
        bad.position = 0;
        put_answer(f, "b", &bad, "", 0);
        settle(f);
        bad.position = 1;
        put_answer(f, "b", &bad, "junk", 4);
        assert_seen(f, "eve@b 0");
        put_answer(f, "b", &nothing, "", 0);
        assert_seen(f, "* 1 line from b is missing, eve@b 2");
}

static void test_the_last_is_lost(void **state)
{
        struct fixture *f = *state;
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 2;
        for (int i = 0; i < 20; i++) {
                now_ms += ALIVE_INTERVAL_MS;
                alive(f, "b", 1);
                settle(f);
        }
        assert_seen(f, "eve@b 0, * b is here, with 1 person");
        assert_in_range(f->network->anew, 2, 3); /* it is in the stream, which is read anew, less and less often */
        assert_int_equal(f->network->asked, 0);
        now_ms += LINK_LACK_LOST_MS;
        alive(f, "b", 1);
        assert_seen(f, "eve@b 1, eve@b 2");
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 3");
        restart(f);
        assert_seen(f, "");
}

static void test_the_last_is_lost_without_jetstream(void **state)
{
        struct fixture *f = *state;
        f->network->stream = 0;
        f->kept_from = 0;
        settle(f);
        say_there(f, 0, 1);
        f->positions[0] += 2;
        alive(f, "b", 1);
        assert_seen(f, "eve@b 0, * b is here, with 1 person");
        assert_int_equal(f->network->asked, 0); /* it may be on its way */
        now_ms += LINK_LACK_MS;
        alive(f, "b", 1);
        assert_seen(f, "eve@b 1, eve@b 2");
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 3");
}

static void test_without_jetstream_nothing_seems_to_be_missing(void **state)
{
        struct fixture *f = *state;
        f->network->stream = 0;
        settle(f);
        say_there(f, 0, 1);
        publish(f, "b", 1, 1, 1, &(struct record){.kind = RECORD_MISSED, .number = 7});
        publish(f, "b", 1, 2, 1, &(struct record){.kind = 99});
        f->positions[0] = 3;
        say_there(f, 0, 2);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, * 7 lines from b are missing, eve@b 3, eve@b 4, eve@b 5");
        publish(f, "b", 1, 6, 1, &(struct record){.kind = 99});
        settle(f);
        restart(f);
        settle(f);
        f->positions[0] = 7;
        say_there(f, 0, 1);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 7, eve@b 8");
}

static void test_hosts_come_and_go(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 12);
        settle(f);
        alive(f, "b", 12);
        alive(f, "c", 1);
        assert_seen(f, "* b is here, with 12 people, * c is here, with 1 person");
        for (int i = 0; i < 11; i++) {
                alive(f, "c", 2);
                work(f);
                now_ms += 1000;
        }
        assert_seen(f, "* b is away, with 12 people");
        restart(f);
        assert_seen(f, "");
        alive(f, "b", 2);
        assert_seen(f, "* b is back, with 2 people");
}

/* No member is ever told that hosts of another network are away. */
static void test_hosts_of_another_network(void **state)
{
        struct fixture *f = *state;
        char hosts[256];
        strcpy(f->config.network, "one");
        restart(f);
        settle(f);
        for (int i = 0; i < 2; i++) {
                alive(f, "b", 12);
                alive(f, "c", 1);
                settle(f);
        }
        assert_seen(f, "* b (12 people) and c (1 person) are here");
        restart(f); /* in the same network they are known */
        assert_int_equal(hosts_describe(&f->link->hosts, hosts, sizeof(hosts)), 2);
        strcpy(f->config.host, "c");
        restart(f);
        hosts_describe(&f->link->hosts, hosts, sizeof(hosts));
        assert_string_equal(hosts, "b (12 people)");
        say_here(f);
        settle(f);
        restart(f);
        assert_int_equal(spool_waiting(f->spool), 1);
        last_logged(f);
        strcpy(f->config.network, "two");
        restart(f);
        assert_non_null(strstr(logged(f), "1 line that waited for hosts of the former network is not sent"));
        assert_int_equal(spool_waiting(f->spool), 0);
        assert_int_equal(hosts_describe(&f->link->hosts, hosts, sizeof(hosts)), 0);
        assert_string_equal(hosts, "");
        for (int i = 0; i < 11; i++) {
                work(f);
                now_ms += 1000;
        }
        assert_seen(f, "");
        alive(f, "b", 3); /* another host b */
        settle(f);
        alive(f, "b", 3);
        assert_seen(f, "* b is here, with 3 people");
}

static void test_a_host_of_the_same_label(void **state)
{
        struct fixture *f = *state;
        settle(f);
        last_logged(f);
        assert_null(strstr(f->link->notified, "same label"));
        for (int i = 0; i < 20; i++) { /* it is logged once */
                f->network->twin++;
                now_ms += 1000;
                settle(f);
                const char *logged = last_logged(f);
                assert_true(i == 0 ? strstr(logged, "is called here, too") != NULL : *logged == '\0');
                assert_non_null(strstr(f->link->notified, "another host has the same label"));
        }
        f->network->disconnected = true; /* it is unknown whether the twin is there now */
        for (int i = 0; i < 20; i++) {
                now_ms += 1000;
                settle(f);
                assert_null(strstr(last_logged(f), "called here"));
        }
        f->network->disconnected = false;
        for (int i = 0; i < 8; i++) {
                now_ms += 1000;
                settle(f);
                assert_null(strstr(last_logged(f), "called here"));
        }
        now_ms += 3000;
        settle(f);
        assert_non_null(strstr(last_logged(f), "no other host of this network is called here any more"));
        assert_null(strstr(f->link->notified, "same label"));
}

/* The machine was cloned with all that runs on it: what is said from then on has an instance of its own. */
static void test_a_clone_at_work(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_here(f);
        settle(f);
        uint64_t instance = spool_instance(f->spool);
        f->network->twin++;
        now_ms += 1000;
        settle(f);
        assert_true(spool_instance(f->spool) == instance); /* the other has another instance */
        f->network->clone = instance;
        now_ms += 1000;
        settle(f);
        uint64_t newest = spool_instance(f->spool);
        assert_true(newest != instance);
        now_ms += 1000;
        settle(f);
        assert_true(spool_instance(f->spool) == newest); /* this happens only once */
        say_here(f);
        settle(f);
        assert_int_equal(spool_own(f->spool, instance), 1);
        assert_int_equal(spool_own(f->spool, newest), 1);
}

/* The former label of this host belongs to another now, and both spoke under it. */
static void test_what_was_said_here_under_another_label(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 3; i++)
                say_here(f);
        settle(f);
        uint64_t instance = spool_instance(f->spool);
        publish(f, "b", 1, 0, 1, NULL);
        publish(f, "b", instance, 0, 2, NULL);
        publish(f, "b", instance, 2, 1, NULL);
        publish(f, "b", 1, 1, 1, NULL);
        assert_seen(f, "eve@b 0, eve@b 1");
        restart(f);
        assert_seen(f, "");
        publish(f, "b", instance, 2, 2, NULL); /* the other went on from the place of the copy */
        publish(f, "b", instance, 5, 1, NULL);
        settle(f);
        now_ms += GAP_ASK_MS * (GAP_QUESTIONS_MAX + 1);
        assert_seen(f, "eve@b 3, * 1 line from b is missing, eve@b 5");
        assert_true(f->network->asked > 0);
}

/* A host was restarted twice. The link asks for the last lines before each restart, which NATS lost. */
static void test_the_last_before_a_boot_is_lost(void **state)
{
        struct fixture *f = *state;
        uint8_t data[128];
        const struct message m = {.type = MESSAGE_ALIVE,
                                  .instance = 3,
                                  .position = 1,
                                  .members = 1,
                                  .before = {{.instance = 2, .position = 2}, {1, 3}, {9, 100}},
                                  .before_count = 3};
        f->kept_from = 0;
        settle(f);
        publish(f, "b", 1, 0, 1, NULL);
        publish(f, "b", 3, 0, 1, NULL);
        assert_seen(f, "eve@b 0, eve@b 0");
        f->positions[0] = 3;
        for (int i = 0; i < 3; i++) {
                network_add(f->network, NETWORK_ALIVE, "b", data, message_encode(data, sizeof(data), &m));
                settle(f);
                now_ms += LINK_LACK_LOST_MS;
        }
        assert_seen(f, "* b is here, with 1 person, eve@b 1, eve@b 2, eve@b 0, eve@b 1");
        for (int i = 0; i < 3; i++) {
                network_add(f->network, NETWORK_ALIVE, "b", data, message_encode(data, sizeof(data), &m));
                settle(f);
                now_ms += LINK_LACK_LOST_MS;
        }
        publish(f, "b", 3, 1, 1, NULL);
        assert_seen(f, "eve@b 1");
}

static void test_words_to_absent_hosts(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 12);
        assert_seen(f, "* b is here, with 12 people");
        say_here_to(f, RECORD_PRIVATE, "bob@b psst");
        say_here_to(f, RECORD_PRIVATE, "zoe@nowhere psst");
        say_here_to(f, RECORD_PRIVATE, "bob@here psst");
        say_here_to(f, RECORD_LINE, "bob@nowhere is a strange name");
        say_here_to(f, RECORD_PRIVATE, "zoe@a-host-with-a-very-long-name psst");
        assert_seen(f, "ann: There is no host called nowhere; /who lists the hosts, "
                       "ann: here is this host: /msg bob says it here, "
                       "ann: There is no host called a-host-with-a-very-long-name; /who lists the hosts");
        for (int i = 0; i < 11; i++) {
                work(f);
                now_ms += 1000;
        }
        assert_seen(f, "* b is away, with 12 people");
        say_here_to(f, RECORD_PRIVATE, "bob@b psst");
        assert_seen(f, "ann: b is away; bob may get the message when it is back");
}

/* Lines for everybody are not lost although one member sends many private messages to absent hosts. */
static void test_many_words_to_absent_hosts(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un intake;
        char *at;
        int told = 0, filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        settle(f);
        path_broker(&intake, f->dir);
        assert_int_equal(connect(filler, (struct sockaddr *)&intake, sizeof(intake)), 0);
        while (sendto(filler, "x", 1, 0, NULL, 0) > 0)
                continue;
        assert_int_equal(errno, EAGAIN);
        for (int i = 0; i < 2 * NOTICES_MAX; i++) {
                if (i == NOTICES_MAX)
                        alive(f, "b", 12);
                say_here_to(f, RECORD_PRIVATE, "zoe@nowhere psst");
                work(f);
        }
        assert_int_equal(f->said, 2 * NOTICES_MAX);
        while (recvfrom(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT, NULL, NULL) > 0)
                continue;
        settle(f);
        assert_non_null(strstr(f->words, "* b is here, with 12 people"));
        for (at = f->words; (at = strstr(at, "ann: There is no host")); at++)
                told++;
        assert_in_range(told, NOTICES_TELLS_MAX, NOTICES_TELLS_MAX + 1); /* one is under way */
        close(filler);
}

/* The notice of missing lines is not lost although many hosts come. */
static void test_many_hosts_come_where_something_is_missing(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un intake;
        int filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        char host[16];
        settle(f);
        path_broker(&intake, f->dir);
        assert_int_equal(connect(filler, (struct sockaddr *)&intake, sizeof(intake)), 0);
        while (sendto(filler, "x", 1, 0, NULL, 0) > 0)
                continue;
        alive(f, "c", 1);
        work(f);
        publish(f, "b", 1, 0, 1, &(struct record){.kind = RECORD_MISSED, .number = 7});
        work(f);
        for (int i = 0; f->link->notices.count < NOTICES_MAX - 1; i++) {
                snprintf(host, sizeof(host), "c%d", i);
                alive(f, host, 1);
                work(f);
        }
        for (int ms = 0; ms < HOSTS_LOST_MS; ms += 1000) {
                now_ms += 1000;
                if (ms + 1000 >= HOSTS_LOST_MS)
                        alive(f, "c-is-the-last", 1); /* when all others are away: two notices at once */
                work(f);
        }
        while (recvfrom(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT, NULL, NULL) > 0)
                continue;
        settle(f);
        assert_non_null(strstr(f->words, "* 7 lines from b are missing"));
        assert_non_null(strstr(f->words, "are away"));
        assert_non_null(strstr(f->words, "* c-is-the-last is here"));
        close(filler);
}

static void test_who_does_not_look_does_not_know_who_is_away(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "* b is here, with 1 person");
        now_ms += 60000; /* this machine slept */
        assert_seen(f, "");
        now_ms += HOSTS_LOST_MS / 4;
        assert_seen(f, "");
}

static void test_another_stream(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 2);
        settle(f);
        network_replace(f->network, STREAM + 1);
        say_there(f, 0, 1);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2, eve@b 3");
        restart(f);
        say_there(f, 0, 1); /* read from the right place of the right stream */
        assert_seen(f, "eve@b 4");
        assert_int_equal(f->network->from.stream, STREAM + 1);
        network_replace(f->network, 0);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 5");
}

/* A user that may delete the stream can do so again and again. */
static void test_many_streams(void **state)
{
        struct fixture *f = *state;
        char expected[32];
        settle(f);
        for (unsigned i = 0; i < 300; i++) {
                network_replace(f->network, STREAM + 1 + i);
                say_there(f, 0, 1);
                snprintf(expected, sizeof(expected), "eve@b %u", i);
                assert_seen(f, expected);
        }
}

static void test_a_stream_that_was_put_back(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 4; i++)
                say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2, eve@b 3");
        network_put_back(f->network, 3); /* its server had a power loss: the numbers of lost messages are used again */
        say_there(f, 0, 1);
        say_there(f, 1, 1);
        assert_seen(f, "eve@b 4, eve@c 0");
        restart(f); /* it is read from the right place */
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 5");
        kill_link(f);
        network_put_back(f->network, 1);
        begin(f);
        settle(f);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 6");
}

static void test_a_stream_is_replaced_while_a_frame_waits(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 2);
        uint8_t frame[FRAME_HEADER_BYTES];
        size_t size = frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        while (sendto(f->link->inject.socket, frame, size, MSG_DONTWAIT, NULL, 0) > 0)
                ; /* chatd's queue is full */
        work(f);
        assert_true(f->link->inject.blocked);
        network_replace(f->network, STREAM + 1);
        say_there(f, 0, 1);
        work(f);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2");
}

static void lose_queue(struct fixture *f)
{
        close(f->intake);
        f->intake = rundir_bind(f->dir);
}

static void test_the_first_of_a_stream_and_killed(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0");
        f->network->stream++;
        f->network->begin_due = true;
        work(f);
        say_there(f, 0, 1);
        work(f);
        lose_queue(f); /* with the first record of this stream for chatd */
        restart(f);
        assert_seen(f, "eve@b 1");
}

static void test_what_chatd_has_is_not_told_again(void **state)
{
        struct fixture *f = *state;
        settle(f);
        publish(f, "b", 1, 0, 2, &(struct record){.kind = RECORD_MISSED, .number = 7});
        assert_seen(f, "* 7 lines from b are missing, eve@b 1");
        restart(f);
        assert_seen(f, "");
        assert_int_equal(f->network->from.sequence, 0); /* it was read again */
        assert_int_equal(f->network->next, 1);
}

static void test_stored_twice_and_killed(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 3);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2");
        publish(f, "b", 1, 0, 3, NULL);
        publish(f, "c", 1, 0, 1, &(struct record){.kind = 99}); /* nothing that chatd would know follows it */
        settle(f);
        restart(f);
        assert_seen(f, "");
        publish(f, "b", 1, 2, 2, NULL);
        work(f);
        restart(f); /* before chatd looked at it */
        assert_seen(f, "eve@b 3");
}

static void test_the_queue_of_chatd_is_lost(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 2);
        settle(f);
        say_there(f, 0, 2);
        work(f);       /* the record is in chatd's queue */
        lose_queue(f); /* the queue with the record is lost */
        say_there(f, 0, 1);
        work(f);
        now_ms += 1000;
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2, eve@b 3, eve@b 4");
        assert_int_equal(f->network->reads, 2);
}

static void test_roll_call(void **state)
{
        struct fixture *f = *state;
        settle(f);
        rollcall(f);
        settle(f);
        assert_int_equal(f->hellos, 2);
        assert_int_equal(f->network->reads, 1);
        tell_link(f, &(struct frame){.type = FRAME_MISSED, .id = CHATD_EPOCH, .number = 1});
        settle(f);
        assert_int_equal(f->hellos, 3); /* to learn how many members there are */
}

static void test_hello_is_said_again(void **state)
{
        struct fixture *f = *state;
        work(f);
        recv(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT); /* HELLO is lost */
        settle(f);
        assert_int_equal(f->hellos, 0);
        now_ms += LINK_HELLO_MS;
        settle(f);
        assert_int_equal(f->hellos, 1);
        assert_true(f->network->reading);
}

static void test_the_inbox_waits_until_chatd_was_found(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un address;
        if (getuid() == 0) { /* by default root is not taken for chatd */
                f->chatd = 65534;
                path_broker(&address, f->dir);
                assert_int_equal(chown(f->dir, f->chatd, 0), 0);
        }
        close(f->intake);
        path_broker(&address, f->dir);
        unlink(address.sun_path);
        say_here(f);
        for (int i = 0; i < 5; i++)
                work(f);
        assert_int_equal(f->link->inbox.ignored, 0);
        f->intake = rundir_bind(f->dir);
        assert_int_equal(chown(address.sun_path, f->chatd, 0), 0);
        now_ms += 1000;
        settle(f);
        assert_int_equal(spool_position(f->spool), 1);
        assert_int_equal(f->network->publishes, 1);
        assert_int_equal(f->hellos, 1);
        kill_link(f);
        begin(f);
        say_here(f);
        link_drain(f->link); /* stopped before it looked for chatd */
        assert_int_equal(f->link->inbox.ignored, 0);
        assert_int_equal(spool_position(f->spool), 1);
        settle(f);
        assert_int_equal(spool_position(f->spool), 2);
}

static void test_while_the_network_ends(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 3; i++)
                say_here(f);
        rollcall(f);
        tell_link(f, &(struct frame){.type = FRAME_WELCOME, .id = CHATD_EPOCH, .name = slice_of("link")});
        say_here(f);
        assert_true(link_drain(f->link) > now_ms + 60000); /* until there is more in the inbox */
        assert_int_equal(spool_position(f->spool), 4);
        assert_int_equal(f->network->publishes, 0); /* the network is told nothing */
        assert_int_equal(f->network->reads, 1);
        serve(f); /* chatd is told nothing either */
        assert_int_equal(f->hellos, 1);
        for (int i = 0; i < 1000; i++) /* as many as the inbox takes */
                say_here(f);
        for (int calls = 1; link_drain(f->link) <= now_ms; calls++)
                assert_in_range(calls, 1, 100);
        assert_int_equal(spool_position(f->spool), f->said);
}

static void test_a_full_spool_while_the_network_ends(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; !f->link->full; i++) {
                assert_in_range(i, 0, SPOOL_RING_MIN_BYTES / 16);
                say_here(f);
                link_drain(f->link);
        }
        uint64_t full = f->said - 1;
        assert_int_equal(spool_position(f->spool), full);
        assert_in_range(link_drain(f->link), now_ms + 1, now_ms + LINK_FULL_MS);
        struct spool_chunk chunk;
        while (spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer)))
                spool_release(f->spool);
        link_drain(f->link);
        assert_false(f->link->full);
        assert_int_equal(spool_position(f->spool), f->said);
}

/* Asserts that what the link knew of the others is forgotten, and what chatd knew, too: their earlier lines are not
 * shown again. */
static void assert_begins_anew(struct fixture *f)
{
        f->last = 0;
        say_there(f, 0, 1);
        begin(f);
        settle(f);
        alive(f, "b", 1);
        say_there(f, 0, 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "eve@b 2, * b is here, with 1 person");
}

static void hear_of_others(struct fixture *f)
{
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        say_there(f, 0, 1);
        assert_seen(f, "* b is here, with 1 person, eve@b 0");
}

static void test_after_another_boot(void **state)
{
        struct fixture *f = *state;
        hear_of_others(f);
        kill_link(f);
        FILE *file = fopen(f->path, "r+e");
        fseek(file, 24, SEEK_SET); /* the id of the boot */
        fputc('x', file);
        fclose(file);
        assert_begins_anew(f);
}

/* The notes are gone, as if /run were emptied without another boot. */
static void test_after_the_notes_of_chatd_are_gone(void **state)
{
        struct fixture *f = *state;
        char old[160];
        hear_of_others(f);
        kill_link(f);
        snprintf(old, sizeof(old), "%s.old", f->notes);
        assert_int_equal(rename(f->notes, old), 0);
        assert_int_equal(mkdir(f->notes, 0700), 0);
        assert_begins_anew(f);
}

static void test_what_another_version_kept(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "* b is here, with 1 person");
        f->link->kept->layout--;
        restart(f);
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "* b is here, with 1 person");
}

static void test_too_many_notices(void **state)
{
        struct fixture *f = *state;
        char expected[2048] = "";
        size_t len = 0;
        settle(f);
        for (uint64_t i = 1; i <= NOTICES_MAX + 3; i++)
                publish(f, "b", 1, i - 1, 1, &(struct record){.kind = RECORD_MISSED, .number = i + 1});
        for (int i = 0; i < NOTICES_MAX + 3; i++)
                len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s* %d lines from b are missing",
                                        i ? ", " : "", i + 2);
        settle(f);
        assert_string_equal(f->words, expected);
}

/* ---- kill -9 ---- */

enum { ROUNDS = 600 };

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

/* Asserts that people on this host saw every line of both hosts, once and in order. */
static void assert_all_seen(struct fixture *f)
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

/* Asserts that the spool has every line of ann's, once and in order. */
static void assert_all_spooled(struct fixture *f)
{
        struct spool_chunk chunk;
        uint64_t next = 1;
        while (spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer))) {
                struct wire_reader r = wire_read(chunk.data, chunk.size);
                struct record rec;
                while (record_next(&r, &rec) > 0)
                        assert_int_equal(rec.number, next++);
                spool_release(f->spool);
        }
        assert_int_equal(next, f->said + 1);
}

static void test_a_flood_of_messages(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 1000; i++)
                network_add(f->network, NETWORK_SAID, "evil", "x", 1);
        say_here(f);
        assert_true(link_work(f->link) <= now_ms); /* it handles the rest soon, and everything else before that */
        assert_true(f->network->next < 100);
        say_there(f, 0, 1);
        for (int i = 0; i < 20; i++)
                work(f);
        assert_seen(f, "eve@b 0");
}

static void test_chatd_is_busy(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 1000; i++)
                say_there(f, i % 2, 10);
        for (int i = 0; i < 20; i++)
                work(f);
        assert_true(f->link->inject.blocked);
        while (f->network->next < f->network->count || f->link->message)
                settle(f);
        settle(f);
        assert_all_seen(f);
        assert_int_equal(f->network->reads, 1);
}

/* Settles everything, including records that were lost with a queue, which the link learns from a roll call. */
static void settle_all(struct fixture *f)
{
        settle(f);
        rollcall(f);
        for (int i = 0; i < 8; i++) {
                now_ms += INJECT_RETRY_MAX_MS;
                settle(f);
        }
}

static void test_killed_at_any_step(void **state)
{
        struct fixture *f = *state;
        uint32_t seed = (uint32_t)getpid();
        printf("seed %u\n", seed);
        f->kept_from = 0;
        f->deaf = 5;
        settle(f); /* lines from before its start are not for people on this host */
        say_there(f, 0, 1);
        say_there(f, 1, 1);
        settle(f);
        for (int i = 0; i < ROUNDS; i++) {
                for (uint32_t n = next_random(&seed) % 4; n > 0; n--) {
                        say_there(f, next_random(&seed) % 2 ? 0 : 1, next_random(&seed) % 4);
                        say_here(f);
                }
                if (next_random(&seed) % 8 == 0) { /* NATS loses something, which the next message shows */
                        int host = next_random(&seed) % 2;
                        f->positions[host] += 1 + next_random(&seed) % 8;
                        say_there(f, host, 1);
                }
                if (next_random(&seed) % 8 == 0)
                        now_ms += GAP_ASK_MS;
                switch (next_random(&seed) % 32) {
                case 0:
                        rollcall(f);
                        break;
                case 1: /* chatd's queue is lost */
                        lose_queue(f);
                        break;
                case 2: /* another stream, without the earlier messages: all of them must have come */
                        settle_all(f);
                        f->network->stream++;
                        f->network->begin_due = true;
                        steps_left = 1 + next_random(&seed) % 8;
                        work(f);
                        settle_all(f);
                        break;
                default:
                        break;
                }
                steps_left = next_random(&seed) % 2 ? 1 + next_random(&seed) % 24 : 0;
                work(f);
                if (next_random(&seed) % 2)
                        serve(f);
        }
        settle_all(f);
        assert_true(f->kills > ROUNDS / 8);
        assert_all_seen(f);
        assert_all_spooled(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_others_say_is_shown),
                TEST(test_nothing_is_read_before_welcome),
                TEST(test_what_people_there_do),
                TEST(test_rooms_there),
                TEST(test_private_words),
                TEST(test_what_cannot_be_shown),
                TEST(test_the_longest_name_and_text),
                TEST(test_what_is_missing_is_told_before_what_follows),
                TEST(test_what_is_missing_is_had_from_who_said_it),
                TEST(test_what_nobody_has_any_more),
                TEST(test_more_is_missing_than_can_be_had),
                TEST(test_who_said_it_does_not_answer),
                TEST(test_time_that_passes_is_no_answer),
                TEST(test_answers_without_records),
                TEST(test_a_question_is_lost),
                TEST(test_bad_answers),
                TEST(test_nobody_is_asked_without_a_connection),
                TEST(test_more_hosts_than_can_be),
                TEST(test_the_last_is_lost),
                TEST(test_the_last_is_lost_without_jetstream),
                TEST(test_without_jetstream_nothing_seems_to_be_missing),
                TEST(test_hosts_come_and_go),
                TEST(test_hosts_of_another_network),
                TEST(test_a_host_of_the_same_label),
                TEST(test_a_clone_at_work),
                TEST(test_what_was_said_here_under_another_label),
                TEST(test_the_last_before_a_boot_is_lost),
                TEST(test_words_to_absent_hosts),
                TEST(test_many_words_to_absent_hosts),
                TEST(test_many_hosts_come_where_something_is_missing),
                TEST(test_who_does_not_look_does_not_know_who_is_away),
                TEST(test_another_stream),
                TEST(test_a_flood_of_messages),
                TEST(test_chatd_is_busy),
                TEST(test_many_streams),
                TEST(test_a_stream_that_was_put_back),
                TEST(test_a_stream_is_replaced_while_a_frame_waits),
                TEST(test_the_first_of_a_stream_and_killed),
                TEST(test_what_chatd_has_is_not_told_again),
                TEST(test_stored_twice_and_killed),
                TEST(test_the_queue_of_chatd_is_lost),
                TEST(test_roll_call),
                TEST(test_hello_is_said_again),
                TEST(test_the_inbox_waits_until_chatd_was_found),
                TEST(test_while_the_network_ends),
                TEST(test_a_full_spool_while_the_network_ends),
                TEST(test_after_another_boot),
                TEST(test_after_the_notes_of_chatd_are_gone),
                TEST(test_what_another_version_kept),
                TEST(test_too_many_notices),
                TEST(test_killed_at_any_step),
        };
        return RUN_TESTS(tests);
}
