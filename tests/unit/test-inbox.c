#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../chat-link/inbox.h"

#include "test.h"

enum { ANN = 7, EPOCH = 100 };

struct fixture {
        char dir[64], path[96];
        struct spool *spool;
        struct inbox *inbox;
        int chatd; /* the sending end */
        uint8_t datagram[DATAGRAM_MAX_BYTES];
        size_t size; /* of the batch in `datagram` */
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        char words[8192];
};

/* Starts the inbox as after kill -9: the queued datagrams are still there. */
static void start_inbox(struct fixture *f)
{
        uint64_t lost;
        int fd = f->inbox->fd;
        *f->inbox = (struct inbox){0};
        f->spool = spool_open(f->path, SPOOL_RING_MIN_BYTES, f->dir, "net", &lost);
        assert_non_null(f->spool);
        assert_int_equal(inbox_init(f->inbox, fd, f->spool), 0);
}

static void restart_inbox(struct fixture *f)
{
        spool_close(f->spool);
        start_inbox(f);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        int pair[2];
        strcpy(f->dir, "/tmp/chat-unit.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/spool", f->dir);
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
        f->chatd = pair[0];
        f->inbox = calloc(1, sizeof(*f->inbox));
        f->inbox->fd = pair[1];
        start_inbox(f);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        close(f->chatd);
        close(f->inbox->fd);
        spool_close(f->spool);
        unlink(f->path);
        rmdir(f->dir);
        free(f->inbox);
        free(f);
        return 0;
}

static void send_bytes(struct fixture *f, const void *data, size_t size)
{
        assert_int_equal(send(f->chatd, data, size, 0), size);
}

static void send_frame(struct fixture *f, const struct frame *frame)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        send_bytes(f, buffer, frame_encode(buffer, sizeof(buffer), frame));
}

static void begin_batch(struct fixture *f, uint64_t epoch)
{
        f->size = frame_encode(f->datagram, sizeof(f->datagram), &(struct frame){.type = FRAME_BATCH, .id = epoch});
}

static void add_text(struct fixture *f, uint8_t kind, uint64_t id, uint64_t number, struct slice text)
{
        struct record rec = {.kind = kind, .id = id, .number = number, .name = slice_of("ann"), .text = text};
        size_t n = record_encode(f->datagram + f->size, sizeof(f->datagram) - f->size, &rec);
        assert_true(n > 0);
        f->size += n;
}

static void add(struct fixture *f, uint8_t kind, uint64_t id, uint64_t number)
{
        add_text(f, kind, id, number, slice_of(kind == RECORD_LINE ? "hi" : ""));
}

static void send_batch(struct fixture *f)
{
        send_bytes(f, f->datagram, f->size);
}

/* Sends a batch of the lines `first` to `last` of ann. */
static void say(struct fixture *f, uint64_t epoch, uint64_t first, uint64_t last)
{
        begin_batch(f, epoch);
        for (uint64_t n = first; n <= last; n++)
                add(f, RECORD_LINE, ANN, n);
        send_batch(f);
}

static void miss(struct fixture *f, uint64_t epoch, uint64_t lines)
{
        send_frame(f, &(struct frame){.type = FRAME_MISSED, .id = epoch, .number = lines});
}

static void assert_taken(struct fixture *f, enum inbox_event event)
{
        assert_int_equal(inbox_take(f->inbox, getuid()), event);
}

/* Takes all that is there, which must be `n` datagrams. */
static void take(struct fixture *f, int n)
{
        while (n-- > 0)
                assert_taken(f, INBOX_TAKEN);
        assert_taken(f, INBOX_NOTHING);
}

/* Asserts what the spool hands out next, in words: "1 2 3" for lines of these numbers, "+7" and "-7" for a JOIN and
 * LEAVE of id 7, "missed 3". Its count must be that of the records in it. */
static void assert_spooled(struct fixture *f, const char *expected)
{
        struct spool_chunk chunk;
        struct record rec = {0};
        uint64_t count = 0;
        int len = 0;
        f->words[0] = '\0';
        while (spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer))) {
                struct wire_reader r = wire_read(chunk.data, chunk.size);
                for (count = 0; record_next(&r, &rec) > 0; count++) {
                        const char *kind = rec.kind == RECORD_LINE    ? ""
                                           : rec.kind == RECORD_JOIN  ? "+"
                                           : rec.kind == RECORD_LEAVE ? "-"
                                                                      : "missed ";
                        uint64_t n = rec.kind == RECORD_JOIN || rec.kind == RECORD_LEAVE ? rec.id : rec.number;
                        len += snprintf(f->words + len, sizeof(f->words) - (size_t)len, "%s%s%llu", len ? " " : "",
                                        kind, (unsigned long long)n);
                }
                assert_int_equal(count, chunk.count);
                spool_release(f->spool);
        }
        assert_string_equal(f->words, expected);
}

static void test_what_people_say_goes_to_the_spool(void **state)
{
        struct fixture *f = *state;
        begin_batch(f, EPOCH);
        add(f, RECORD_JOIN, ANN, 0);
        add(f, RECORD_LINE, ANN, 1);
        add(f, RECORD_LEAVE, ANN, UINT64_MAX);
        send_batch(f);
        say(f, EPOCH, 5, 6);
        take(f, 2);
        assert_spooled(f, "+7 1 -7 5 6");
}

static void test_what_is_not_for_others_stays(void **state)
{
        struct fixture *f = *state;
        begin_batch(f, EPOCH);
        add(f, RECORD_NOTICE, LINK_ID, 1);
        add(f, RECORD_LINE, LINK_ID, 2);
        add(f, RECORD_MISSED, ANN, 3);
        add(f, 77, ANN, 4);
        send_batch(f);
        begin_batch(f, EPOCH);
        send_batch(f);
        take(f, 2);
        assert_spooled(f, "");
        assert_int_equal(spool_position(f->spool), 0);
        assert_int_equal(f->inbox->ignored_count, 0);
}

static void test_a_batch_that_ends_within_a_record(void **state)
{
        struct fixture *f = *state;
        begin_batch(f, EPOCH);
        add(f, RECORD_LINE, ANN, 1);
        add(f, RECORD_LINE, ANN, 2);
        f->size--;
        send_batch(f);
        take(f, 1);
        assert_spooled(f, "1");
}

static void test_a_name_that_is_too_long_is_not_counted(void **state)
{
        struct fixture *f = *state;
        begin_batch(f, EPOCH);
        add_text(f, RECORD_LINE, ANN, 1, (struct slice){f->words, 200});
        f->datagram[FRAME_HEADER_BYTES + 3] = NAME_MAX_BYTES + 1; /* the length of the name */
        add(f, RECORD_LINE, ANN, 2);
        send_batch(f);
        take(f, 1);
        assert_int_equal(spool_position(f->spool), 1);
        assert_spooled(f, "2");
}

static void test_a_batch_again_from_the_next_chatd(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, 3);
        say(f, EPOCH, 4, 6);
        say(f, EPOCH + 1, 4, 7);
        say(f, EPOCH + 2, 6, 8); /* from another chatd that died in the same place */
        take(f, 4);
        assert_spooled(f, "1 2 3 4 5 6 7 8");
}

static void test_a_largest_batch_again(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, BATCH_MAX_RECORDS);
        take(f, 1);
        say(f, EPOCH + 1, 1, BATCH_MAX_RECORDS);
        take(f, 1);
        assert_int_equal(spool_position(f->spool), BATCH_MAX_RECORDS);
        say(f, EPOCH + 1, BATCH_MAX_RECORDS + 1, BATCH_MAX_RECORDS + 2);
        take(f, 1);
        assert_int_equal(spool_position(f->spool), BATCH_MAX_RECORDS + 2);
}

static void test_killed_between_the_spool_and_the_inbox(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 3; i++) {
                say(f, EPOCH, 1, BATCH_MAX_RECORDS);
                take(f, 1);
                assert_int_equal(spool_position(f->spool), BATCH_MAX_RECORDS);
                restart_inbox(f);
        }
        say(f, EPOCH, BATCH_MAX_RECORDS + 1, BATCH_MAX_RECORDS + 1);
        take(f, 1);
        assert_int_equal(spool_position(f->spool), BATCH_MAX_RECORDS + 1);
}

static void test_killed_while_it_waits_and_chatd_too(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, 3);
        take(f, 1);
        restart_inbox(f);
        say(f, EPOCH, 1, 3);     /* found again after the restart */
        say(f, EPOCH + 1, 1, 4); /* relayed again */
        take(f, 2);
        assert_spooled(f, "1 2 3 4");
}

static void test_who_was_sent_is_known_from_the_spool(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, 3);
        take(f, 1);
        assert_spooled(f, "1 2 3"); /* this also releases the records */
        restart_inbox(f);
        say(f, EPOCH, 1, 4);
        take(f, 1);
        assert_spooled(f, "4");
}

static void test_missed(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, 1);
        miss(f, EPOCH, 5);
        miss(f, EPOCH, 5); /* another gap of the same size */
        say(f, EPOCH, 7, 7);
        miss(f, EPOCH, MISSED_UNKNOWN);
        take(f, 5);
        assert_true(inbox_note_missing(f->inbox, 9));
        assert_spooled(f, "1 missed 5 missed 5 7 missed 18446744073709551615 missed 9");
}

static void test_missed_and_killed(void **state)
{
        struct fixture *f = *state;
        miss(f, EPOCH, 5);
        take(f, 1);
        restart_inbox(f);
        miss(f, EPOCH, 5); /* found again after the restart */
        miss(f, EPOCH, 5); /* another notice with the same number */
        take(f, 2);
        restart_inbox(f);
        say(f, EPOCH, 1, 1);
        take(f, 1);
        miss(f, EPOCH, 5);
        take(f, 1);
        restart_inbox(f);
        miss(f, EPOCH, 6);
        take(f, 1);
        restart_inbox(f);
        miss(f, EPOCH + 1, 6);
        take(f, 1);
        assert_spooled(f, "missed 5 missed 5 1 missed 5 missed 6 missed 6");
}

/* A notice takes no place among the records that may come again. */
static void test_missed_before_a_batch_comes_again(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, BATCH_MAX_RECORDS);
        miss(f, EPOCH, 5);
        take(f, 2);
        say(f, EPOCH + 1, 1, BATCH_MAX_RECORDS);
        take(f, 1);
        restart_inbox(f);
        say(f, EPOCH + 2, 1, BATCH_MAX_RECORDS);
        take(f, 1);
        assert_int_equal(spool_position(f->spool), BATCH_MAX_RECORDS + 1);
}

static void fill_spool(struct fixture *f)
{
        uint8_t record[1024];
        char text[1000] = {0};
        memset(text, 'x', sizeof(text));
        struct record rec = {.kind = RECORD_LINE, .id = ANN + 1, .name = slice_of("bob"), .text = {text, 0}};
        for (size_t len = sizeof(text); len-- > 0;) { /* up to the last byte */
                rec.text.len = len;
                size_t size = record_encode(record, sizeof(record), &rec);
                while (spool_append(f->spool, record, size, 1) == 0)
                        rec.number++;
        }
}

static void test_a_full_spool_leaves_the_datagram(void **state)
{
        struct fixture *f = *state;
        struct spool_chunk chunk;
        fill_spool(f);
        uint64_t position = spool_position(f->spool);
        begin_batch(f, EPOCH);
        add(f, RECORD_JOIN, ANN, 0);
        send_batch(f);
        miss(f, EPOCH, 5);
        for (int i = 0; i < 3; i++)
                assert_taken(f, INBOX_FULL);
        assert_false(inbox_note_missing(f->inbox, 1));
        assert_int_equal(f->inbox->members, 0);
        assert_true(spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer)));
        spool_release(f->spool);
        take(f, 2);
        assert_int_equal(f->inbox->members, 1);
        assert_int_equal(spool_position(f->spool), position + 2);
        fill_spool(f);
        position = spool_position(f->spool);
        miss(f, EPOCH, 5);
        assert_taken(f, INBOX_FULL);
        restart_inbox(f);
        assert_taken(f, INBOX_FULL);
        assert_true(spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer)));
        spool_release(f->spool);
        take(f, 1);
        assert_int_equal(spool_position(f->spool), position + 1);
}

static void test_a_full_spool_takes_what_needs_no_place(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, 1);
        take(f, 1);
        fill_spool(f);
        say(f, EPOCH + 1, 1, 1);
        begin_batch(f, EPOCH + 1);
        add(f, RECORD_LINE, LINK_ID, 1);
        send_batch(f);
        take(f, 2);
        send_frame(f, &(struct frame){.type = FRAME_ROLLCALL, .id = EPOCH + 1});
        assert_taken(f, INBOX_ROLLCALL);
}

static void test_people_are_counted(void **state)
{
        struct fixture *f = *state;
        assert_false(f->inbox->has_members);
        send_frame(f, &(struct frame){.type = FRAME_WELCOME, .id = EPOCH, .number = 44, .members = 2});
        assert_taken(f, INBOX_WELCOME);
        assert_int_equal(f->inbox->number, 44);
        assert_true(f->inbox->has_members);
        assert_int_equal(f->inbox->members, 2);
        begin_batch(f, EPOCH);
        add(f, RECORD_JOIN, ANN, 0);
        add(f, RECORD_JOIN, ANN + 1, 0);
        add(f, RECORD_LINE, ANN, 1);
        add(f, RECORD_LEAVE, ANN, UINT64_MAX);
        add(f, RECORD_JOIN, LINK_ID, 0);
        send_batch(f);
        take(f, 1);
        assert_int_equal(f->inbox->members, 3);
        assert_true(f->inbox->has_members);
        f->datagram[2] = EPOCH + 1; /* the same from the next chatd, which must be asked anew */
        send_batch(f);
        take(f, 1);
        assert_int_equal(f->inbox->members, 3);
        assert_false(f->inbox->has_members);
        send_frame(f, &(struct frame){.type = FRAME_WELCOME, .id = EPOCH + 1, .members = 3});
        assert_taken(f, INBOX_WELCOME);
        miss(f, EPOCH + 1, 1);
        take(f, 1);
        assert_false(f->inbox->has_members);
        send_frame(f, &(struct frame){.type = FRAME_WELCOME, .id = EPOCH + 1, .members = 0});
        assert_taken(f, INBOX_WELCOME);
        assert_true(f->inbox->has_members);
        begin_batch(f, EPOCH + 1);
        add(f, RECORD_LEAVE, ANN + 2, UINT64_MAX);
        send_batch(f);
        take(f, 1);
        assert_int_equal(f->inbox->members, 0); /* never less than 0 */
}

static void test_refused(void **state)
{
        struct fixture *f = *state;
        send_frame(f, &(struct frame){.type = FRAME_REFUSED, .id = EPOCH, .text = slice_of("not now")});
        assert_taken(f, INBOX_REFUSED);
        assert_string_equal(f->inbox->reason, "not now");
        send_frame(f, &(struct frame){.type = FRAME_REFUSED, .id = EPOCH, .text = slice_of("\033[2J")});
        assert_taken(f, INBOX_REFUSED);
        assert_string_equal(f->inbox->reason, "not now");
        memset(f->words, 'x', TEXT_MAX_BYTES);
        send_frame(f, &(struct frame){.type = FRAME_REFUSED, .id = EPOCH, .text = {f->words, TEXT_MAX_BYTES}});
        assert_taken(f, INBOX_REFUSED);
        assert_int_equal(strlen(f->inbox->reason), sizeof(f->inbox->reason) - 1);
}

static void test_only_chatd_is_heard(void **state)
{
        struct fixture *f = *state;
        say(f, EPOCH, 1, 1);
        assert_int_equal(inbox_take(f->inbox, getuid() + 1), INBOX_TAKEN); /* as if chatd were another user */
        assert_int_equal(f->inbox->ignored_count, 1);
        say(f, EPOCH, 2, 2);
        take(f, 1);
        assert_spooled(f, "2");
}

static void test_what_chatd_does_not_send(void **state)
{
        struct fixture *f = *state;
        send_bytes(f, "", 0);
        send_bytes(f, "junk", 4);
        send_bytes(f, f->datagram, FRAME_HEADER_BYTES); /* version 0 */
        take(f, 3);
        assert_int_equal(f->inbox->ignored_count, 3);
        memset(f->datagram, 1, sizeof(f->datagram));
        f->datagram[1] = 200; /* of a later version */
        send_bytes(f, f->datagram, 100);
        send_frame(f, &(struct frame){.type = FRAME_GOODBYE, .id = EPOCH});
        take(f, 2);
        assert_int_equal(f->inbox->ignored_count, 3);
        assert_spooled(f, "");
}

static void test_a_socket_that_is_none(void **state)
{
        struct fixture *f = *state;
        struct inbox *other = calloc(1, sizeof(*other));
        assert_int_equal(inbox_init(other, -1, f->spool), -EBADF);
        free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_people_say_goes_to_the_spool),
                TEST(test_what_is_not_for_others_stays),
                TEST(test_a_batch_that_ends_within_a_record),
                TEST(test_a_name_that_is_too_long_is_not_counted),
                TEST(test_a_batch_again_from_the_next_chatd),
                TEST(test_a_largest_batch_again),
                TEST(test_killed_between_the_spool_and_the_inbox),
                TEST(test_killed_while_it_waits_and_chatd_too),
                TEST(test_who_was_sent_is_known_from_the_spool),
                TEST(test_missed),
                TEST(test_missed_and_killed),
                TEST(test_missed_before_a_batch_comes_again),
                TEST(test_a_full_spool_leaves_the_datagram),
                TEST(test_a_full_spool_takes_what_needs_no_place),
                TEST(test_people_are_counted),
                TEST(test_refused),
                TEST(test_only_chatd_is_heard),
                TEST(test_what_chatd_does_not_send),
                TEST(test_a_socket_that_is_none),
        };
        return RUN_TESTS(tests);
}
