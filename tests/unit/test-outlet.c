/* Both sides of an outlet, chatd's and the session's, and a real TCP connection to the client. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../chatd/lent.h"

#include "../../chat-irc/line.h"

#include "outlet-fixture.h"

enum {
        OWN = 7, /* the id of the session */
        RECORDS = 6,
        SHOWN = RECORDS - 2,
        ROOM = 1, /* the client's room */
        RECORDS_MAX = 20,
        NOW_MS = 1000,
        LONG = 4000, /* bytes of a line for a slow client */
        BATCH_TEXT_BYTES = RECORDS_MAX * (LONG + 100),
        ROUNDS = 300,
        LESS_BYTES = 331,
        AROUND = 100, /* instructions */
        SPARSE = 37,
        DEADLINE_MS = 20000,
};

static const struct record few[RECORDS] = {
        {.kind = RECORD_JOIN, .id = 3, .number = 0, .name = {"ann", 3}, .text = {"", 0}},
        {.kind = RECORD_LINE, .id = 3, .number = 1, .name = {"ann", 3}, .text = {"hello", 5}},
        {.kind = RECORD_LINE, .id = OWN, .number = 4, .name = {"bob", 3}, .text = {"my own", 6}},
        {.kind = RECORD_LINE, .id = 5, .number = 9, .name = {"eve@b", 5}, .text = {"x", 1}},
        {.kind = RECORD_LINE, .id = 6, .number = 2, .name = {"joe", 3}, .text = {"far", 3}, .room = {"kitchen", 7}},
        {.kind = RECORD_LEAVE, .id = 3, .number = UINT64_MAX, .name = {"ann", 3}, .text = {"", 0}},
};

/* The records as the client sees them, without its own and those for other rooms. */
static const char shown[] = "*** ann is connected\r\nann: hello\r\neve@b: x\r\n*** ann is disconnected\r\n";

static bool is_for_us(const struct record *r)
{
        return r->id != OWN && r->room.len == 0;
}

struct fixture {
        struct lent_batch batch;
        struct lent lent;
        struct loan loan;
        struct client client;
        struct seen seen;
        int peer;     /* the client's own end */
        int inbox[2]; /* chatd's end, and the session's */
        size_t count;
        struct record records[RECORDS_MAX];
        struct iovec pieces[RECORDS_MAX];
        size_t junk; /* bytes that fill the connection */
        struct lent_text text;
};

/* Describes a batch, as chatd does before it relays: the batch's records, as all sessions see them. */
static void begin_batch(struct fixture *f, uint64_t number)
{
        static char text[BATCH_TEXT_BYTES];
        static const uint32_t rooms[] = {ROOM, 0};
        char *at = text;
        atomic_store(&f->batch.outlet->number, 0);
        f->text = (struct lent_text){
                .pieces = f->pieces, .number = number, .to = (uint32_t)f->count, .lines = SHOWN, .rooms = rooms};
        for (size_t i = 0; i < f->count; i++) {
                const struct record *r = &f->records[i];
                struct slice parts[DISPLAY_PARTS_MAX];
                size_t bytes = display_bytes(r);
                f->batch.outlet->records[i] = (struct outlet_record){
                        r->id, record_key(r), {(uint32_t)bytes}, r->room.len > 0 ? ROOM + 1 : ROOM, 0};
                if (!is_for_us(r))
                        continue;
                display_write(at, parts, display_parts(r, parts));
                f->pieces[f->text.n++] = (struct iovec){at, bytes};
                f->text.bytes += bytes;
                at += bytes;
        }
        atomic_store(&f->batch.outlet->number, number);
}

/* Returns what a client sees of the batch, without its own lines. */
static const char *shown_now(const struct fixture *f)
{
        static char text[BATCH_TEXT_BYTES + 1], *at;
        at = text;
        for (size_t i = 0; i < f->text.n; i++)
                at = mempcpy(at, f->pieces[i].iov_base, f->pieces[i].iov_len);
        *at = '\0';
        return text;
}

static bool write_batch(struct fixture *f)
{
        return lent_prepare(&f->lent, &f->text) && lent_write(&f->lent, &f->text, 4);
}

/* Returns what the client has received since the last call. */
static const char *received(struct fixture *f)
{
        static char got[1 << 20];
        size_t len = 0;
        for (ssize_t n; (n = recv(f->peer, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT)) > 0;)
                len += (size_t)n;
        got[len] = '\0';
        return got;
}

/* Lets the session take LEND from its inbox. */
static void take_lend(struct fixture *f)
{
        struct socket_fds fds;
        assert_true(outlet_is_asked(f->inbox[1], &fds));
        assert_int_equal(fds.count, LENT_FDS);
        loan_begin(&f->loan, &fds, &f->client, OUTLET_TEXT, "");
        socket_close_fds(&fds);
}

static void lend(struct fixture *f)
{
        assert_int_equal(lent_ask(&f->lent, f->inbox[0], 1, &f->batch, NOW_MS), 0);
        take_lend(f);
        assert_true(lent_answer(&f->lent));
        loan_release(&f->loan, &f->client, 0);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        int fds[2];
        tcp_connect(fds, LENDER_ROOM_BYTES);
        f->peer = fds[1];
        client_init(&f->client, fds[0], fds[0]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, f->inbox), 0);
        assert_int_equal(lent_batch_init(&f->batch), 0);
        lent_init(&f->lent);
        memcpy(f->records, few, sizeof(few));
        f->count = RECORDS;
        begin_batch(f, 1);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        loan_end(&f->loan, &f->client, &f->seen, OWN);
        lent_close(&f->lent);
        lent_batch_free(&f->batch);
        close(f->client.in);
        if (f->peer >= 0)
                close(f->peer);
        close(f->inbox[0]);
        close(f->inbox[1]);
        free(f);
        return 0;
}

static void client_say(struct fixture *f, const char *text)
{
        struct slice part = slice_of(text);
        client_line(&f->client, &part, 1);
}

static void test_lent_and_written_to(void **state)
{
        struct fixture *f = *state;
        assert_false(lent_is_open(&f->lent));
        assert_false(lent_confirm(&f->lent, 3));
        lend(f);
        assert_true(lent_is_open(&f->lent));
        assert_true(write_batch(f));
        assert_string_equal(received(f), shown);
        assert_int_equal(loan_lines_out(&f->loan), 4);
        assert_int_equal(loan_relayed(&f->loan), 4);
        assert_true(lent_confirm(&f->lent, 6));
        assert_int_equal(loan_relayed(&f->loan), 6);
        loan_settle(&f->loan, &f->client); /* there is nothing to settle */
        assert_int_equal(f->loan.client_bytes, 0);
        assert_true(write_batch(f));
        assert_string_equal(received(f), shown);
}

static void test_only_one_writes(void **state)
{
        struct fixture *f = *state;
        lend(f);
        assert_true(loan_claim(&f->loan));
        assert_false(write_batch(f));
        client_say(f, "*** from the session");
        client_flush(&f->client);
        loan_release(&f->loan, &f->client, 0);
        assert_true(write_batch(f));
        assert_true(strncmp(received(f), "*** from the session\r\n*** ann", 29) == 0);

        atomic_store(&f->lent.page->turn, OUTLET_CHATD);
        assert_false(loan_claim(&f->loan));
        atomic_store(&f->lent.page->turn, OUTLET_WRITING);
        assert_false(loan_claim(&f->loan));
        atomic_store(&f->lent.page->turn, OUTLET_FREE);
        assert_true(loan_claim(&f->loan));
        assert_true(loan_claim(&f->loan));
        loan_release(&f->loan, &f->client, 0);
}

static void test_datagrams_are_not_overtaken(void **state)
{
        struct fixture *f = *state;
        lend(f);
        assert_false(lent_is_behind(&f->lent));
        f->lent.datagrams = 2; /* as if chatd had sent datagrams */
        assert_false(write_batch(f));
        assert_true(lent_is_behind(&f->lent));
        loan_release(&f->loan, &f->client, 1);
        assert_false(write_batch(f));
        assert_true(loan_claim(&f->loan));
        assert_true(lent_is_behind(&f->lent));
        loan_is_slow(&f->loan); /* chatd need not wait for it */
        assert_false(lent_is_behind(&f->lent));
        loan_release(&f->loan, &f->client, 2);
        assert_false(lent_is_behind(&f->lent));
        assert_true(write_batch(f));
        assert_string_equal(received(f), shown);
}

static void test_who_was_waited_for_in_vain(void **state)
{
        struct fixture *f = *state;
        lend(f);
        f->lent.datagrams = 1;
        f->lent.unresponsive = true;
        assert_false(lent_is_behind(&f->lent));
        loan_release(&f->loan, &f->client, 1);
        assert_true(write_batch(f));
        f->lent.datagrams = 2;
        assert_true(lent_is_behind(&f->lent)); /* the session caught up once: chatd may wait for it again */
}

static void test_what_the_session_sees_of_it(void **state)
{
        struct fixture *f = *state;
        assert_false(loan_has_written(&f->loan));
        lend(f);
        assert_false(loan_has_written(&f->loan));
        assert_true(write_batch(f));
        assert_true(loan_has_written(&f->loan));
        assert_false(loan_has_written(&f->loan));
}

static void test_a_turn_is_asked_for_ever_less_often(void **state)
{
        struct fixture *f = *state;
        lend(f);
        atomic_store(&f->lent.page->turn, OUTLET_CHATD);
        for (int64_t ms = LOAN_RETRY_MIN_MS; ms < LOAN_RETRY_MAX_MS; ms *= 2) {
                assert_false(loan_claim(&f->loan));
                assert_int_equal(f->loan.retry_ms, ms);
        }
        assert_false(loan_claim(&f->loan));
        assert_int_equal(f->loan.retry_ms, LOAN_RETRY_MAX_MS);
        atomic_store(&f->lent.page->turn, OUTLET_FREE);
        assert_true(loan_claim(&f->loan));
        assert_int_equal(f->loan.retry_ms, 0);
}

/* ---- what the client has of an interrupted write ---- */

/* Compares what the client got with what the session finds out: the records that it remembers, and the beginning of
 * another. */
static void assert_accounted(struct fixture *f, const char *got)
{
        static char expected[BATCH_TEXT_BYTES];
        char *at = expected;
        unsigned seen = 0;
        for (size_t i = 0; i < f->count; i++) {
                struct slice parts[DISPLAY_PARTS_MAX];
                size_t n = display_parts(&f->records[i], parts);
                if (seen_remembers(&f->seen, f->records[i].id, record_key(&f->records[i]))) {
                        assert_true(is_for_us(&f->records[i]));
                        at = display_write(at, parts, n);
                        seen++;
                } else if (f->loan.rest.bytes > 0 && f->loan.rest.id == f->records[i].id &&
                           f->loan.rest.key == record_key(&f->records[i])) {
                        assert_in_range(f->loan.rest.bytes, 1, display_bytes(&f->records[i]) - 1);
                        display_write(at, parts, n);
                        at += f->loan.rest.bytes;
                        assert_true(f->client.is_broken_off);
                }
        }
        *at = '\0';
        assert_int_equal(f->seen.count, seen);
        assert_string_equal(got, expected);
        if (f->loan.rest.bytes == 0)
                assert_false(f->client.is_broken_off);
        f->client.is_broken_off = false;
        f->loan.rest.bytes = 0;
        f->seen = (struct seen){0};
}

/* Writes the batch in a process that is killed `steps` instructions later. Returns how many instructions it made: fewer
 * if the write was complete. Sets `*wrote` to the number after which the client had something. */
static unsigned kill_writing(struct fixture *f, unsigned steps, unsigned *wrote)
{
        int status, waiting = 0;
        unsigned made = 0;
        pid_t child = fork();
        if (child == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                write_batch(f);
                raise(SIGSTOP);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL), 0);
        for (; made < steps; made++) {
                ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
                assert_int_equal(waitpid(child, &status, 0), child);
                assert_true(WIFSTOPPED(status));
                if (WSTOPSIG(status) == SIGSTOP)
                        break;
                if (wrote && waiting == 0 && ioctl(f->peer, FIONREAD, &waiting) == 0 && waiting > 0)
                        *wrote = made;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        return made;
}

/* Lets the next chatd ask for the connection. */
static void lend_again(struct fixture *f)
{
        loan_end(&f->loan, &f->client, &f->seen, OWN);
        lent_close(&f->lent);
        lend(f);
}

/* Around the system call the process is killed at every instruction, elsewhere at some. */
static void test_killed_while_it_writes(void **state)
{
        struct fixture *f = *state;
        unsigned wrote = 0, with = 0, rounds = 0, batch = 1;
        lend(f);
        unsigned all = kill_writing(f, UINT32_MAX, &wrote);
        assert_string_equal(received(f), shown);
        for (unsigned steps = 0; steps < all + 10;
             steps += steps + AROUND < wrote || steps > wrote + AROUND ? SPARSE : 1) {
                lend_again(f);
                f->seen = (struct seen){0};
                assert_true(write_batch(f));
                begin_batch(f, ++batch);
                client_say(f, "*** between"); /* the bytes of both sides count */
                assert_true(loan_claim(&f->loan));
                client_flush(&f->client);
                loan_release(&f->loan, &f->client, 0);
                assert_string_equal(received(f) + strlen(shown), "*** between\r\n");
                kill_writing(f, steps, NULL);
                const char *got = received(f);
                with += got[0] != '\0';
                rounds++;
                loan_end(&f->loan, &f->client, &f->seen, OWN);
                assert_accounted(f, got);
        }
        assert_in_range(with, 10, rounds - 10);
}

/* ---- a client that does not take everything ---- */

/* Makes the batch longer than what the connection takes at once. */
static void lengthen_batch(struct fixture *f)
{
        static char text[LONG];
        memset(text, 'y', sizeof(text));
        for (f->count = RECORDS; f->count < RECORDS_MAX; f->count++)
                f->records[f->count] = (struct record){.kind = RECORD_LINE,
                                                       .id = f->count % 5 == 0 ? OWN : 11,
                                                       .number = f->count,
                                                       .name = {"ida", 3},
                                                       .text = {text, sizeof(text) - f->count},
                                                       .room = {"kitchen", f->count % 7 == 0 ? 7 : 0}};
}

/* Shows the records of the datagram that follows an interrupted write, without the bytes that the client has. */
static void show_datagram(struct fixture *f)
{
        for (size_t i = 0; i < f->count; i++) {
                char line[OUTLET_LINE_MAX_BYTES];
                struct slice parts[DISPLAY_PARTS_MAX];
                size_t n = display_parts(&f->records[i], parts), bytes = display_line(&f->records[i], line);
                if (!is_for_us(&f->records[i]))
                        continue;
                size_t has = loan_has(&f->loan, &f->records[i], bytes);
                if (has == bytes)
                        continue;
                if (has > 0)
                        client_rest(&f->client, line + has, bytes - has);
                else
                        client_line(&f->client, parts, n);
        }
        assert_int_equal(f->loan.client_bytes, 0);
}

/* Fills the connection, and then takes `size` bytes out of it. */
static void fill_but(struct fixture *f, size_t size)
{
        static char junk[64 * 1024];
        assert_true(loan_claim(&f->loan));
        f->junk += outlet_fill(&f->client);
        loan_release(&f->loan, &f->client, f->lent.datagrams);
        while (size > 0 && f->junk > 0) {
                size_t most = size < sizeof(junk) ? size : sizeof(junk);
                ssize_t n = recv(f->peer, junk, most < f->junk ? most : f->junk, MSG_DONTWAIT);
                if (n <= 0)
                        break;
                f->junk -= (size_t)n;
                size -= (size_t)n;
        }
}

/* Returns all that comes behind the bytes that filled the connection. */
static char *receive_behind(struct fixture *f, size_t size)
{
        static char got[4 * BATCH_TEXT_BYTES];
        size_t len = 0;
        while (f->junk + size > len) {
                struct pollfd p = {.fd = f->peer, .events = POLLIN};
                client_flush(&f->client);
                assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
                ssize_t n = recv(f->peer, got + len, sizeof(got) - 1 - len, MSG_DONTWAIT);
                len += n > 0 ? (size_t)n : 0;
                size_t drop = len < f->junk ? len : f->junk;
                memmove(got, got + drop, len - drop);
                f->junk -= drop;
                len -= drop;
        }
        got[len] = '\0';
        return got;
}

/* In each round the client stops taking bytes at another place. It gets everything once. */
static void test_a_client_that_is_slow(void **state)
{
        static const char own[] = "*** the session's own\r\n";
        struct fixture *f = *state;
        unsigned parts = 0;
        lengthen_batch(f);
        lend(f);
        for (unsigned i = 0; i < ROUNDS; i++) {
                begin_batch(f, i + 1);
                fill_but(f, i * LESS_BYTES);
                if (write_batch(f)) {
                        assert_string_equal(receive_behind(f, f->text.bytes), shown_now(f));
                        continue;
                }
                assert_false(write_batch(f)); /* chatd does not try again */
                f->lent.datagrams++;
                assert_false(loan_claim(&f->loan));
                loan_settle(&f->loan, &f->client);
                parts += f->loan.client_bytes > 0;
                client_say(f, "*** the session's own"); /* before the session has read the datagram */
                show_datagram(f);
                assert_true(loan_claim(&f->loan));
                char *got = receive_behind(f, f->text.bytes + strlen(own)), *notice = strstr(got, own);
                loan_release(&f->loan, &f->client, f->lent.datagrams);
                assert_non_null(notice);
                assert_true(notice == got || notice[-1] == '\n');
                memmove(notice, notice + strlen(own), strlen(notice + strlen(own)) + 1);
                assert_string_equal(got, shown_now(f));
        }
        assert_in_range(parts, ROUNDS / 20, ROUNDS);
}

static void test_chatd_dies_while_the_client_is_slow(void **state)
{
        struct fixture *f = *state;
        unsigned rests = 0;
        lengthen_batch(f);
        lend(f);
        for (unsigned i = 0; i < ROUNDS; i++) {
                fill_but(f, i * LESS_BYTES);
                begin_batch(f, i + 1);
                int64_t before = client_position(&f->client);
                write_batch(f);
                size_t taken = (size_t)(client_position(&f->client) - before);
                loan_end(&f->loan, &f->client, &f->seen, OWN);
                rests += f->loan.rest.bytes > 0;
                bool broken_off = f->client.is_broken_off;
                const char *got = receive_behind(f, taken);
                f->client.is_broken_off = broken_off;
                assert_accounted(f, got);
                lend_again(f);
        }
        assert_in_range(rests, ROUNDS / 20, ROUNDS);
}

static void test_the_rest_comes_first(void **state)
{
        struct fixture *f = *state;
        char line[OUTLET_LINE_MAX_BYTES];
        size_t bytes = display_line(&f->records[1], line);
        f->client.is_broken_off = true;
        client_say(f, "*** later");
        client_flush(&f->client);
        assert_string_equal(received(f), "");
        client_rest(&f->client, line + 7, bytes - 7);
        client_flush(&f->client);
        assert_string_equal(received(f), "llo\r\n*** later\r\n");
        f->client.is_broken_off = true;
        client_say(f, "*** never mind");
        client_give_up_rest(&f->client);
        client_flush(&f->client);
        assert_string_equal(received(f), "\r\n*** never mind\r\n");
}

/* chatd writes a batch, begins to relay a later one, and dies. The written batch was consumed. */
static void test_an_older_batch(void **state)
{
        struct fixture *f = *state;
        lend(f);
        assert_true(write_batch(f));
        begin_batch(f, 2);
        loan_end(&f->loan, &f->client, &f->seen, OWN);
        assert_int_equal(f->seen.count, 0);

        lend_again(f);
        assert_true(write_batch(f));
        atomic_store(&f->batch.outlet->number, 0); /* as while chatd puts records in */
        loan_end(&f->loan, &f->client, &f->seen, OWN);
        assert_int_equal(f->seen.count, 0);

        lend_again(f);
        begin_batch(f, 3);
        assert_true(write_batch(f)); /* now the records are complete */
        assert_true(loan_claim(&f->loan));
        loan_end(&f->loan, &f->client, &f->seen, OWN);
        assert_int_equal(f->seen.count, 4);
}

/* chatd could not write all of a batch, nor send it, because the session's inbox was full. It relayed another batch and
 * died. The rest will not come. */
static void test_a_part_of_an_older_batch(void **state)
{
        struct fixture *f = *state;
        unsigned parts = 0;
        lengthen_batch(f);
        lend(f);
        for (unsigned i = 0; i < ROUNDS; i++) {
                fill_but(f, i * LESS_BYTES);
                begin_batch(f, 2 * i + 1);
                int64_t before = client_position(&f->client);
                bool whole = write_batch(f);
                size_t taken = (size_t)(client_position(&f->client) - before);
                begin_batch(f, 2 * i + 2);
                loan_end(&f->loan, &f->client, &f->seen, OWN);
                assert_int_equal(f->seen.count, 0);
                assert_false(f->client.is_broken_off);
                bool ended = !whole && taken > 0;
                assert_int_equal(client_waits(&f->client), ended);
                parts += ended;
                client_say(f, "*** lines were skipped");
                const char *got = receive_behind(f, taken + strlen("*** lines were skipped\r\n") + (ended ? 2 : 0));
                assert_memory_equal(got, shown_now(f), taken);
                assert_string_equal(got + taken,
                                    ended ? "\r\n*** lines were skipped\r\n" : "*** lines were skipped\r\n");
                lend_again(f);
        }
        assert_in_range(parts, ROUNDS / 20, ROUNDS);
}

/* ---- sessions that cannot lend, or that try to do harm ---- */

static void answer_with(struct fixture *f, const int *fds, size_t n)
{
        uint8_t frame[FRAME_MAX_BYTES];
        struct iovec iov = {frame, frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_OUTLET})};
        int pair[2];
        assert_int_equal(lent_ask(&f->lent, f->inbox[0], 1, &f->batch, NOW_MS), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        close(f->lent.reply);
        f->lent.reply = pair[0];
        if (n > 0)
                assert_int_equal(socket_send_fds(pair[1], &iov, fds, n), 0);
        close(pair[1]);
        assert_false(lent_answer(&f->lent));
        assert_false(lent_is_open(&f->lent));
        assert_int_equal(f->lent.reply, -1);
}

static void test_other_things_than_a_connection(void **state)
{
        struct fixture *f = *state;
        int pair[2], others[] = {socket(AF_INET, SOCK_DGRAM, 0), open("/dev/null", O_RDWR), -1, -1};
        int two[] = {f->client.out, f->client.out};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        others[2] = pair[0];
        others[3] = pair[1];
        unsigned before = count_fds();
        for (int i = 0; i < 4; i++)
                answer_with(f, &others[i], 1);
        answer_with(f, two, 2);
        answer_with(f, NULL, 0); /* it closes its end, as an older session does */
        assert_int_equal(count_fds(), before);
        for (int i = 0; i < 4; i++)
                close(others[i]);
}

static void test_a_client_that_is_not_on_tcp(void **state)
{
        struct fixture *f = *state;
        int pair[2];
        struct client other = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        client_init(&other, pair[0], pair[0]);
        assert_int_equal(client_position(&other), -1);
        assert_int_equal(lent_ask(&f->lent, f->inbox[0], 1, &f->batch, NOW_MS), 0);
        struct client tcp = f->client;
        f->client = other;
        take_lend(f);
        f->client = tcp;
        assert_null(f->loan.page);
        assert_false(lent_answer(&f->lent));
        assert_true(loan_claim(&f->loan)); /* only the session writes to the connection */
        close(pair[0]);
        close(pair[1]);
}

static void test_what_is_shared_is_guarded(void **state)
{
        struct fixture *f = *state;
        lend(f);
        assert_int_equal(ftruncate(f->batch.fd, 0), -1);
        assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f->batch.fd, 0) == MAP_FAILED);
        assert_int_equal(pwrite(f->batch.fd, "x", 1, 0), -1);
        assert_int_equal(lent_ask(&f->lent, f->inbox[0], 1, &f->batch, NOW_MS), 0);
}

static void test_whatever_the_session_writes_into_its_page(void **state)
{
        struct fixture *f = *state;
        lend(f);
        for (uint32_t turn = 0; turn < 8; turn++) {
                atomic_store(&f->lent.page->turn, turn);
                atomic_store(&f->lent.page->datagrams, turn * UINT64_C(0x123456789));
                atomic_store(&f->lent.page->session_bytes, UINT64_MAX - turn);
                write_batch(f);
                lent_is_behind(&f->lent);
                lent_confirm(&f->lent, turn);
        }
}

static void test_a_connection_that_is_reset(void **state)
{
        struct fixture *f = *state;
        struct linger reset = {.l_onoff = 1};
        lend(f);
        setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(f->peer);
        f->peer = -1;
        assert_false(write_batch(f));
        loan_settle(&f->loan, &f->client);
        assert_int_equal(f->loan.client_bytes, 0);
        assert_true(loan_claim(&f->loan));
}

/* Writes a record, and "|" in place of the line end. Returns the end. */
static char *write_look(char *at, enum outlet_look look, const struct record *r)
{
        size_t n = looks_write(look, LENDER_SERVER, r, 1500, at, OUTLET_LINE_MAX_BYTES);
        while (n > 0 && (at[n - 1] == '\n' || at[n - 1] == '\r'))
                n--;
        at[n] = '|';
        return at + n + 1;
}

/* Writes the kinds of records in a look. */
static void write_looks(char *at, enum outlet_look look)
{
        for (uint8_t kind = RECORD_LINE; kind <= RECORD_EXIT; kind++) {
                struct record r = {.kind = kind, .id = 10, .number = 2, .name = slice_of("n"), .text = slice_of("t")};
                if (kind == RECORD_REPLY || kind == RECORD_ANSWER)
                        r.name = slice_of("n@h");
                at = write_look(at, look, &r);
        }
        const struct record removed = {.kind = RECORD_LEAVE, .name = slice_of("n"), .text = slice_of(LEAVE_REMOVED)};
        const struct record styled = {.kind = RECORD_LINE,
                                      .name = slice_of("n"),
                                      .text = slice_of("t"),
                                      .styled = slice_of("\x02t"),
                                      .is_notice = true};
        const struct record removal = {.kind = RECORD_TOPIC, .name = slice_of("n"), .text = {"", 0}};
        at = write_look(at, look, &removed);
        at = write_look(at, look, &styled);
        *write_look(at, look, &removal) = '\0';
}

/* chatd and a session of another version add up how many bytes of a batch the client has. So a change of these lines
 * needs another OUTLET_LAYOUT. */
static void test_lines_look_as_the_layout_says(void **state)
{
        static const char layout_10[] =
                "n: t|*** n is connected|*** n is disconnected|*** t||* n t|*** n is now called t|"
                "n (to you): t|*** n went to t|*** n came from t|*** n set the topic: t||*** h: t|"
                "|*** h: t|*** n entered the room|*** n left the room|"
                "*** n was removed|n: t|*** n removed the topic|";
#define N ":n!chat@b.example "
        static const char layout_10_irc[] = N "PRIVMSG #lobby :t|" N "JOIN #lobby|" N "QUIT :t||"
                                              "|" N "PRIVMSG #lobby :\001ACTION t\001|" N "NICK :t|"
                                              "|" N "PART #lobby :t|" N "JOIN #lobby|" N "TOPIC #lobby :t|||"
                                              "||" N "JOIN #lobby|" N "PART #lobby|" N "QUIT :removed|" N
                                              "NOTICE #lobby :\x02t|" N "TOPIC #lobby :|";
#undef N
        static const char with_tags[] = "@time=1970-01-01T00:00:01.500Z;msgid=000000000000000a-2 :n!chat@b.example "
                                        "PRIVMSG #lobby :t|@time=1970-01-01T00:00:01.500Z :n!chat@b.example JOIN "
                                        "#lobby * :chat|";
#define E(event, id) "{\"event\":\"" event "\",\"id\":\"00000000000000" id "\",\"time\":\"1970-01-01T00:00:01.500Z\","
#define R(more) "\"room\":\"lobby\",\"name\":\"n\"" more "}|"
#define T ",\"text\":\"t\""
        static const char layout_10_json[] = E("line", "0a-2") R(T) E("join", "0a-2-join") R("")
                E("leave", "0a-2-leave") R("") "||" E("action", "0a-2") R(T) E("rename", "0a-2-rename")
                        R(",\"new\":\"t\"") "|" E("leave", "0a-2-leave") R(",\"to\":\"t\"") E("join", "0a-2-join")
                                R(",\"from\":\"t\"") E("topic", "0a-2-topic") R(T) "||||" E("join", "0a-2-join") R("")
                                        E("leave", "0a-2-leave") R("") E("leave", "00-0-leave") R(",\"removed\":true")
                                                E("line", "00-0") R(T ",\"notice\":true") E("topic", "00-0-topic")
                                                        R(",\"text\":\"\"");
#undef E
#undef R
#undef T
        char text[16 * 1024];
        (void)state;
        write_looks(text, OUTLET_JSON);
        assert_string_equal(text, layout_10_json);
        write_looks(text, OUTLET_TEXT);
        assert_string_equal(text, layout_10);
        write_looks(text, OUTLET_IRC);
        assert_string_equal(text, layout_10_irc);
        write_looks(text, OUTLET_IRC + LINE_TIME + LINE_ID + LINE_EXTENDED_JOIN);
        assert_memory_equal(text, with_tags, sizeof(with_tags) - 1);
        assert_int_equal(OUTLET_LAYOUT, 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_look_as_the_layout_says),
                cmocka_unit_test_setup_teardown(test_lent_and_written_to, setup, teardown),
                cmocka_unit_test_setup_teardown(test_only_one_writes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_datagrams_are_not_overtaken, setup, teardown),
                cmocka_unit_test_setup_teardown(test_who_was_waited_for_in_vain, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_the_session_sees_of_it, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_turn_is_asked_for_ever_less_often, setup, teardown),
                cmocka_unit_test_setup_teardown(test_killed_while_it_writes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_client_that_is_slow, setup, teardown),
                cmocka_unit_test_setup_teardown(test_chatd_dies_while_the_client_is_slow, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_rest_comes_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_an_older_batch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_part_of_an_older_batch, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_things_than_a_connection, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_client_that_is_not_on_tcp, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_is_shared_is_guarded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_whatever_the_session_writes_into_its_page, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_connection_that_is_reset, setup, teardown),
        };
        return RUN_TESTS(tests);
}
