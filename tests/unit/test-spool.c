#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/record.h>
#include <chat/siphash.h>

#include "../../chat-link/spool-ring.h"
#include "../../chat-link/spool.h"

#include "test.h"

enum {
        RING_BYTES = 256 << 10,
        FILE_HEAD_BYTES = 4096 + SPOOL_KEPT_BYTES,
        FILE_BYTES = FILE_HEAD_BYTES + RING_BYTES,
        /* fields of the file of the version before; only CLOSED_AT is at the same place today */
        RING_BYTES_AT = 8,
        CLOSED_AT = 60,
        OLDEST_AT = 64,
        RELEASED_AT = 72,
        CHUNK_END_AT = 80,
        TAIL_AT = 88,
        ENTRY_BYTES = 16, /* bytes of the ring that the header of an entry takes */
};

#define NETWORK "net"

struct fixture {
        char dir[64], path[96], notes[96];
        struct spool *spool;
        uint64_t lost;
        uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct spool_chunk chunk;
};

static struct spool *open_spool(struct fixture *f, size_t bytes)
{
        f->spool = spool_open(f->path, bytes, f->notes, NETWORK, &f->lost);
        assert_non_null(f->spool);
        return f->spool;
}

static struct spool *open_again(struct fixture *f)
{
        spool_close(f->spool);
        return open_spool(f, RING_BYTES);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        strcpy(f->dir, "/tmp/chat-unit.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/spool", f->dir);
        snprintf(f->notes, sizeof(f->notes), "%s/notes", f->dir);
        assert_int_equal(mkdir(f->notes, 0700), 0);
        open_spool(f, RING_BYTES);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        if (f->spool)
                spool_close(f->spool);
        unlink(f->path);
        rmdir(f->notes);
        rmdir(f->dir);
        free(f);
        return 0;
}

/* ---- records that tell their own position ---- */

enum { SHORT_MAX_BYTES = 600 };

static size_t text_bytes(uint64_t position)
{
        return (size_t)(position * 7919 % SHORT_MAX_BYTES);
}

static size_t make_record(uint8_t *buffer, size_t size, uint64_t position, size_t text_len)
{
        static _Thread_local char text[TEXT_MAX_BYTES];
        memset(text, 'a' + (int)(position % 26), text_len);
        return record_encode(buffer, size,
                             &(struct record){.kind = RECORD_LINE,
                                              .id = 7,
                                              .number = position,
                                              .name = slice_of("ann"),
                                              .text = {text, text_len}});
}

/* Appends one entry of `count` records. */
static int append(struct spool *s, uint32_t count)
{
        uint8_t records[16 * (SHORT_MAX_BYTES + 64)];
        size_t size = 0;
        for (uint64_t i = 0; i < count; i++) {
                uint64_t position = spool_position(s) + i;
                size += make_record(records + size, sizeof(records) - size, position, text_bytes(position));
        }
        return spool_append(s, records, size, count);
}

/* Appends one record that takes `bytes` of the ring. */
static int append_bytes(struct spool *s, size_t bytes)
{
        uint8_t record[RECORD_HEADER_BYTES + 3 + TEXT_MAX_BYTES];
        size_t size =
                make_record(record, sizeof(record), spool_position(s), bytes - ENTRY_BYTES - RECORD_HEADER_BYTES - 3);
        return spool_append(s, record, size, 1);
}

static bool is_record_of(const struct record *rec, uint64_t position)
{
        if (rec->kind != RECORD_LINE || rec->id != 7 || rec->number != position)
                return false;
        for (size_t i = 0; i < rec->text.len; i++)
                if (rec->text.at[i] != 'a' + (int)(position % 26))
                        return false;
        return true;
}

/* Returns the place in the file of the chunk's first record. */
static uint64_t place_of(const struct spool *s, const struct spool_chunk *chunk)
{
        size_t branch = branches_find(&s->branches, chunk->instance);
        assert_true(branch < s->branches.count);
        return s->branches.all[branch].begin + chunk->first;
}

static bool is_chunk_right(const struct spool *s, const struct spool_chunk *chunk)
{
        struct wire_reader r = wire_read(chunk->data, chunk->size);
        struct record rec;
        uint64_t count = 0;
        while (record_next(&r, &rec) > 0)
                if (!is_record_of(&rec, place_of(s, chunk) + count++))
                        return false;
        return count == chunk->count && wire_left(&r) == 0;
}

/* Asserts that the next chunk has `count` records from the place `first` on. */
static void assert_next(struct fixture *f, uint64_t first, uint64_t count)
{
        assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_int_equal(place_of(f->spool, &f->chunk), first);
        assert_int_equal(f->chunk.count, count);
        assert_true(is_chunk_right(f->spool, &f->chunk));
}

static void assert_empty(struct fixture *f)
{
        assert_false(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_int_equal(spool_waiting(f->spool), 0);
}

struct walked {
        bool any, wrong;
        uint64_t first, next;
};

static void note_record(void *user, const struct record *rec)
{
        struct walked *w = user;
        if (!w->any)
                w->first = w->next = rec->number;
        w->any = true;
        if (!is_record_of(rec, w->next))
                w->wrong = true;
        w->next++;
}

static void change_file(const struct fixture *f, off_t at, const void *bytes, size_t size)
{
        int fd = open(f->path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, bytes, size, at), size);
        close(fd);
}

static void change_u64(const struct fixture *f, off_t at, uint64_t value)
{
        change_file(f, at, &value, sizeof(value));
}

static uint64_t read_u64(const struct fixture *f, off_t at)
{
        uint64_t value;
        int fd = open(f->path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(pread(fd, &value, sizeof(value), at), sizeof(value));
        close(fd);
        return value;
}

static void keep(struct fixture *f)
{
        memset(spool_kept(f->spool), 0xaa, SPOOL_KEPT_BYTES);
}

static bool is_kept(const struct fixture *f, uint8_t byte)
{
        const uint8_t *kept = spool_kept(f->spool);
        for (int i = 0; i < SPOOL_KEPT_BYTES; i++)
                if (kept[i] != byte)
                        return false;
        return true;
}

static void assert_kept(const struct fixture *f)
{
        assert_true(is_kept(f, 0xaa));
}

static off_t file_size(const struct fixture *f)
{
        struct stat st;
        assert_int_equal(stat(f->path, &st), 0);
        return st.st_size;
}

/* ---- tests ---- */

static void test_what_was_appended_is_next(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(spool_position(f->spool), 0);
        assert_int_not_equal(spool_instance(f->spool), 0);
        assert_empty(f);
        assert_int_equal(append(f->spool, 2), 0);
        assert_int_equal(append(f->spool, 3), 0);
        assert_int_equal(spool_position(f->spool), 5);
        assert_int_equal(spool_waiting(f->spool), 5);
        assert_next(f, 0, 5);
        spool_release(f->spool);
        assert_empty(f);
        assert_int_equal(append(f->spool, 1), 0);
        assert_next(f, 5, 1);
        assert_int_equal(spool_waiting(f->spool), 1);
}

static void test_a_chunk_is_the_same_until_it_is_released(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 2);
        append(f->spool, 3);
        assert_next(f, 0, 5);
        append(f->spool, 4);
        assert_next(f, 0, 5);
        open_again(f);
        assert_int_equal(f->lost, 0);
        assert_true(spool_instance(f->spool) == instance);
        assert_int_equal(spool_position(f->spool), 9);
        assert_int_equal(spool_waiting(f->spool), 9);
        append(f->spool, 1);
        assert_next(f, 0, 5);
        spool_release(f->spool);
        assert_int_equal(spool_waiting(f->spool), 5);
        open_again(f); /* no chunk is begun */
        append(f->spool, 1);
        assert_next(f, 5, 6);
}

static void test_a_release_of_nothing_changes_nothing(void **state)
{
        struct fixture *f = *state;
        append(f->spool, 2);
        assert_next(f, 0, 2);
        spool_release(f->spool);
        assert_empty(f);
        spool_release(f->spool);
        assert_empty(f);
        append(f->spool, 1);
        spool_release(f->spool);
        assert_int_equal(spool_waiting(f->spool), 1);
        assert_next(f, 2, 1);
}

static void test_a_chunk_takes_what_fits(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 40; i++)
                assert_int_equal(append_bytes(f->spool, 4096), 0);
        assert_next(f, 0, 16); /* 16 × 4080 bytes; 17 are more than a datagram */
        spool_release(f->spool);
        assert_next(f, 16, 16);
        spool_release(f->spool);
        assert_next(f, 32, 8);
        spool_release(f->spool);
        assert_empty(f);
}

static void test_a_chunk_that_fits_no_more_is_cut(void **state) /* a later version may send less at once */
{
        struct fixture *f = *state;
        for (int i = 0; i < 4; i++)
                assert_int_equal(append_bytes(f->spool, 4096), 0);
        assert_next(f, 0, 4);
        assert_true(spool_next(f->spool, &f->chunk, f->buffer, 3 * 4080));
        assert_int_equal(f->chunk.count, 3);
        spool_release(f->spool);
        assert_next(f, 3, 1);
}

static void test_full_at_the_exact_byte(void **state)
{
        struct fixture *f = *state;
        uint64_t n = 0;
        for (; append_bytes(f->spool, 4096) == 0; n++)
                ;
        assert_int_equal(n, RING_BYTES / 4096);
        assert_int_equal(append(f->spool, 1), -ENOBUFS);
        assert_int_equal(spool_position(f->spool), n);
        assert_int_equal(spool_waiting(f->spool), n);
        open_again(f);
        assert_int_equal(append(f->spool, 1), -ENOBUFS);
        assert_next(f, 0, 16);
        assert_int_equal(append(f->spool, 1), -ENOBUFS); /* the chunk that is being sent is still needed */
        spool_release(f->spool);
        for (int i = 0; i < 15; i++)
                assert_int_equal(append_bytes(f->spool, 4096), 0);
        assert_int_equal(append_bytes(f->spool, 4096 + 16), -ENOBUFS);
        assert_int_equal(append_bytes(f->spool, 4096), 0);
        assert_int_equal(append_bytes(f->spool, 48), -ENOBUFS);
        for (uint64_t first = 16; first < n + 16; first += 16) {
                assert_next(f, first, 16);
                spool_release(f->spool);
        }
        assert_empty(f);
}

static void test_too_much_for_one_entry(void **state)
{
        struct fixture *f = *state;
        static uint8_t many[DATAGRAM_MAX_BYTES + 1];
        assert_int_equal(spool_append(f->spool, many, sizeof(many), 1), -ENOBUFS);
        assert_int_equal(spool_position(f->spool), 0);
        assert_empty(f);
}

/* Asserts that what can be read from `position` on begins at `first` and goes up to the end, or as far as fits. */
static void assert_read(struct fixture *f, uint64_t position, uint64_t first)
{
        assert_true(spool_read(f->spool, spool_instance(f->spool), position, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_int_equal(f->chunk.first, first);
        assert_true(is_chunk_right(f->spool, &f->chunk));
}

static void test_what_was_released_can_be_read(void **state)
{
        struct fixture *f = *state;
        assert_false(spool_read(f->spool, spool_instance(f->spool), 0, &f->chunk, f->buffer, sizeof(f->buffer)));
        append(f->spool, 3);
        append(f->spool, 4);
        assert_next(f, 0, 7);
        assert_int_equal(f->spool->fields[SPOOL_RELEASED_POSITION], 0);
        spool_release(f->spool);
        assert_int_equal(f->spool->fields[SPOOL_RELEASED_POSITION], 7);
        append(f->spool, 2); /* this entry waits */
        for (uint64_t position = 0; position < 9; position++) {
                assert_read(f, position, position);
                assert_int_equal(f->chunk.count, 9 - position);
        }
        assert_false(spool_read(f->spool, spool_instance(f->spool), 9, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_false(
                spool_read(f->spool, spool_instance(f->spool), UINT64_MAX, &f->chunk, f->buffer, sizeof(f->buffer)));
        open_again(f);
        assert_read(f, 4, 4);
        assert_next(f, 7, 2);

        while (spool_position(f->spool) < 10000) { /* around the end of the ring again and again */
                while (append(f->spool, 5) < 0) {
                        assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
                        spool_release(f->spool);
                }
                assert_read(f, spool_position(f->spool) - 7, spool_position(f->spool) - 7);
                assert_int_equal(f->chunk.count, 7);
        }
        assert_true(spool_read(f->spool, spool_instance(f->spool), 0, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_true(is_chunk_right(f->spool, &f->chunk));
        assert_in_range(f->chunk.first, 5000, 9999); /* the oldest that is left */
}

static void test_around_the_end_of_the_ring(void **state)
{
        struct fixture *f = *state;
        uint64_t expected = 0;
        for (uint32_t i = 0; i < 5000; i++) {
                assert_int_equal(append(f->spool, 1 + i % 13), 0);
                if (i % 3 == 0)
                        continue;
                if (i % 5 == 0)
                        open_again(f);
                assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
                assert_int_equal(f->chunk.first, expected);
                assert_true(is_chunk_right(f->spool, &f->chunk));
                expected += f->chunk.count;
                spool_release(f->spool);
        }
        assert_int_equal(expected + spool_waiting(f->spool), spool_position(f->spool));
        assert_true(spool_position(f->spool) > 20 * RING_BYTES / SHORT_MAX_BYTES);
}

static void test_what_was_released_can_be_looked_at(void **state)
{
        struct fixture *f = *state;
        struct walked w = {0};
        spool_walk(f->spool, note_record, &w);
        assert_false(w.any);
        for (int i = 0; i < 1000; i++) {
                append(f->spool, 5);
                spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer));
                spool_release(f->spool);
        }
        open_again(f);
        spool_walk(f->spool, note_record, &w);
        assert_false(w.wrong);
        assert_int_equal(w.next, 5000);
        assert_in_range(5000 - w.first, BATCH_MAX_RECORDS, 5000 - 1);
        assert_empty(f);
        append(f->spool, 1);
        assert_next(f, 5000, 1);
}

static void test_what_its_user_keeps(void **state)
{
        struct fixture *f = *state;
        static const uint8_t zeros[SPOOL_KEPT_BYTES];
        assert_memory_equal(spool_kept(f->spool), zeros, SPOOL_KEPT_BYTES);
        keep(f);
        append(f->spool, 2);
        open_again(f);
        assert_kept(f);
        assert_next(f, 0, 2);
}

static void test_another_size(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        keep(f);
        append(f->spool, 2);
        spool_close(f->spool);
        open_spool(f, 2 * RING_BYTES);
        assert_true(spool_instance(f->spool) == instance); /* the size stays while something waits */
        assert_int_equal(f->lost, 0);
        assert_next(f, 0, 2);
        spool_release(f->spool);
        spool_close(f->spool);
        open_spool(f, 2 * RING_BYTES);
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(f->lost, 0);
        assert_int_equal(spool_position(f->spool), 2); /* it goes on */
        assert_int_equal(spool_own(f->spool, instance), 2);
        assert_int_equal(file_size(f), FILE_HEAD_BYTES + 2 * RING_BYTES);
        assert_kept(f);
        spool_close(f->spool);
        open_spool(f, 2 * RING_BYTES);
        assert_int_equal(spool_position(f->spool), 2); /* the same if nothing was appended */
        for (int i = 0; i < 2 * RING_BYTES / 4096; i++)
                assert_int_equal(append_bytes(f->spool, 4096), 0);
        assert_int_equal(append_bytes(f->spool, 4096), -ENOBUFS);
}

static void test_what_was_left_over(void **state)
{
        struct fixture *f = *state;
        char left_over[128], other[96];
        keep(f);
        spool_close(f->spool);
        snprintf(left_over, sizeof(left_over), "%s.new", f->path);
        snprintf(other, sizeof(other), "%s/other", f->dir);
        FILE *file = fopen(other, "we");
        fputs("mine", file);
        fclose(file);
        assert_int_equal(symlink(other, left_over), 0);
        open_spool(f, 2 * RING_BYTES);
        assert_int_equal(f->lost, 0);
        assert_kept(f);
        assert_int_equal(access(left_over, F_OK), -1);
        struct stat st;
        assert_int_equal(stat(other, &st), 0);
        assert_int_equal(st.st_size, 4);
        unlink(other);
}

static void test_a_ring_is_not_too_small(void **state)
{
        struct fixture *f = *state;
        spool_close(f->spool);
        f->spool = spool_open(f->path, RING_BYTES - 16, f->notes, NETWORK, &f->lost);
        assert_null(f->spool);
        assert_int_equal(errno, EINVAL);
        open_spool(f, RING_BYTES);
}

static void close_before_boot(struct fixture *f, bool closed)
{
        memset(f->spool->header->boot_id, '0', BOOT_ID_BYTES);
        spool_seal_user(f->spool);
        spool_close(f->spool);
        f->spool = NULL;
        change_file(f, CLOSED_AT, &(uint32_t){closed}, sizeof(uint32_t));
}

static void boot_again(struct fixture *f, bool closed)
{
        close_before_boot(f, closed);
        open_spool(f, RING_BYTES);
}

/* Appends five records and sends two of them. Returns their instance. */
static uint64_t send_two_of_five(struct fixture *f)
{
        append(f->spool, 2);
        assert_next(f, 0, 2);
        spool_release(f->spool);
        append(f->spool, 3);
        return spool_instance(f->spool);
}

static void test_another_boot(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = send_two_of_five(f);
        keep(f);
        boot_again(f, true);
        assert_true(is_kept(f, 0));
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(f->lost, 0);
        assert_next(f, 2, 3);
        assert_true(f->chunk.instance == instance);
        keep(f);
        open_again(f);
        assert_kept(f);
}

/* Replaces the directory that others' state belongs to by another one. */
static void replace_notes(const struct fixture *f)
{
        char old[128];
        snprintf(old, sizeof(old), "%s.old", f->notes);
        assert_int_equal(rename(f->notes, old), 0);
        assert_int_equal(mkdir(f->notes, 0700), 0);
        rmdir(old);
}

static void test_another_directory(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 2);
        keep(f);
        open_again(f);
        assert_kept(f);
        spool_close(f->spool);
        replace_notes(f);
        open_spool(f, RING_BYTES);
        assert_true(is_kept(f, 0));
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(f->lost, 0);
        assert_next(f, 0, 2);
        spool_release(f->spool);
        keep(f);
        open_again(f);
        assert_kept(f);
        spool_close(f->spool);
        replace_notes(f);
        open_spool(f, 2 * RING_BYTES); /* the file was made anew */
        assert_true(is_kept(f, 0));
        keep(f);
        spool_close(f->spool);
        open_spool(f, 2 * RING_BYTES);
        assert_kept(f);
}

/* ---- branches ---- */

/* Sends everything from `waits` on, and returns the number of records. Each must be unchanged, and come once and in
 * order. */
static uint64_t send_all(struct fixture *f, uint64_t waits)
{
        uint64_t sent = 0, next = 0;
        while (spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer))) {
                uint64_t first = place_of(f->spool, &f->chunk);
                assert_true(is_chunk_right(f->spool, &f->chunk));
                assert_true(first >= next);
                next = first + f->chunk.count;
                if (next > waits)
                        sent += next - (first > waits ? first : waits);
                spool_release(f->spool);
        }
        return sent;
}

/* Asserts that the next chunk has `count` records of the branch, from `first` on. */
static void assert_next_of(struct fixture *f, uint64_t instance, uint64_t first, uint64_t count)
{
        assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_true(f->chunk.instance == instance);
        assert_int_equal(f->chunk.first, first);
        assert_int_equal(f->chunk.count, count);
        assert_true(is_chunk_right(f->spool, &f->chunk));
}

static void assert_said(const struct fixture *f, size_t count, const struct spool_said *expected)
{
        struct spool_said said[BRANCHES_MAX];
        assert_int_equal(spool_said(f->spool, said, BRANCHES_MAX), count);
        for (size_t i = 0; i < count; i++) {
                assert_true(said[i].instance == expected[i].instance);
                assert_int_equal(said[i].records, expected[i].records);
        }
}

/* Opens a copy of the file, as another machine would. */
static struct fixture *open_clone(const struct fixture *f)
{
        char command[256];
        void *state;
        setup(&state);
        struct fixture *clone = state;
        spool_close(clone->spool);
        snprintf(command, sizeof(command), "cp %s %s", f->path, clone->path);
        assert_int_equal(system(command), 0);
        open_spool(clone, RING_BYTES);
        return clone;
}

/* Waiting records are sent under the identity that they have in both spools, so they count once. Later records have an
 * identity in each. */
static void test_a_clone(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 4);
        assert_next(f, 0, 4);
        spool_release(f->spool);
        append(f->spool, 2);
        spool_close(f->spool);
        struct fixture *clone = open_clone(f);
        open_spool(f, RING_BYTES);
        append(f->spool, 3);
        append(clone->spool, 3);
        uint64_t clones = spool_instance(clone->spool);
        assert_true(spool_instance(f->spool) == instance && clones != instance);
        assert_next_of(f, instance, 4, 5);
        assert_said(clone, 2, (const struct spool_said[]){{clones, 0}, {instance, 4}});
        assert_next_of(clone, instance, 4, 2); /* a chunk belongs to one branch */
        spool_release(clone->spool);
        assert_said(clone, 2, (const struct spool_said[]){{clones, 0}, {instance, 6}});
        assert_next_of(clone, clones, 0, 3);
        spool_release(clone->spool);
        assert_said(clone, 2, (const struct spool_said[]){{clones, 3}, {instance, 6}});
        assert_empty(clone);
        assert_int_equal(spool_own(clone->spool, instance), 6);
        assert_int_equal(spool_own(clone->spool, clones), 3);
        assert_int_equal(spool_own(f->spool, instance), 9);
        assert_int_equal(spool_own(f->spool, clones), 0);
        /* each branch can be read again, up to its end */
        assert_true(spool_read(clone->spool, instance, 5, &clone->chunk, clone->buffer, sizeof(clone->buffer)));
        assert_true(clone->chunk.instance == instance && clone->chunk.first == 5 && clone->chunk.count == 1);
        assert_false(spool_read(clone->spool, instance, 6, &clone->chunk, clone->buffer, sizeof(clone->buffer)));
        assert_true(spool_read(clone->spool, clones, 1, &clone->chunk, clone->buffer, sizeof(clone->buffer)));
        assert_true(clone->chunk.instance == clones && clone->chunk.first == 1 && clone->chunk.count == 2);
        assert_false(spool_read(f->spool, clones, 0, &f->chunk, f->buffer, sizeof(f->buffer)));
        open_again(clone);
        assert_true(spool_instance(clone->spool) == clones);
        assert_int_equal(spool_own(clone->spool, instance), 6);
        teardown(&(void *){clone});
}

/* Begins a branch while running, as a clone of a running machine does once it hears of the other. */
static void test_a_branch_begins_at_work(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        append(f->spool, 2);
        assert_next(f, 0, 2);
        spool_part(f->spool);
        append(f->spool, 3);
        uint64_t newest = spool_instance(f->spool);
        assert_true(newest != instance);
        assert_next_of(f, instance, 0, 2);
        spool_release(f->spool);
        open_again(f);
        assert_true(spool_instance(f->spool) == newest);
        assert_next_of(f, newest, 0, 3);
        for (int i = 0; i < BRANCHES_MAX; i++) /* more than there is room for: the last branch goes on */
                spool_part(f->spool);
        append(f->spool, 1);
        assert_next_of(f, newest, 0, 3);
        spool_release(f->spool);
        assert_next_of(f, spool_instance(f->spool), 0, 1);
}

/* Each boot begins a branch if the last one has records. Before the room is used up, the file is made anew; records
 * that wait prevent that. */
static void test_many_boots(void **state)
{
        struct fixture *f = *state;
        for (int boot = 0; boot < 4 * BRANCHES_MAX; boot++) {
                uint64_t before = spool_instance(f->spool), own = spool_own(f->spool, before);
                uint64_t position = spool_position(f->spool);
                boot_again(f, true);
                assert_int_equal(spool_position(f->spool), position);
                assert_true(spool_instance(f->spool) != before);
                assert_int_equal(spool_own(f->spool, before), own);
                if (boot % 3 == 2)
                        continue; /* there are no lines in this boot */
                append(f->spool, 2);
                assert_next_of(f, spool_instance(f->spool), 0, 2);
                spool_release(f->spool);
        }
        assert_in_range(f->spool->branches.count, BRANCHES_CARRIED_MAX, BRANCHES_MAX);
        uint64_t last = 0;
        for (int boot = 0; boot < 2 * BRANCHES_MAX; boot++) { /* without a connection */
                append(f->spool, 1);
                last = spool_instance(f->spool);
                boot_again(f, true);
        }
        assert_int_equal(f->spool->branches.count, BRANCHES_MAX);
        assert_true(spool_instance(f->spool) == last);
        assert_int_equal(spool_waiting(f->spool), 2 * BRANCHES_MAX);
        assert_int_equal(send_all(f, 0), 2 * BRANCHES_MAX);
        boot_again(f, true);
        assert_true(spool_instance(f->spool) != last);
        assert_int_equal(f->lost, 0);
}

/* Records for the hosts of one network are not sent to those of another. */
static void test_another_network(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = send_two_of_five(f);
        open_again(f);
        assert_int_equal(spool_left(f->spool), 0);
        spool_close(f->spool);
        f->spool = spool_open(f->path, RING_BYTES, f->notes, "other", &f->lost);
        assert_int_equal(f->lost, 0);
        assert_int_equal(spool_left(f->spool), 3);
        assert_empty(f);
        assert_int_equal(spool_own(f->spool, instance), 0);
        assert_false(spool_read(f->spool, instance, 0, &f->chunk, f->buffer, sizeof(f->buffer)));
        append(f->spool, 1);
        spool_close(f->spool);
        f->spool = spool_open(f->path, RING_BYTES, f->notes, "other", &f->lost);
        assert_int_equal(spool_left(f->spool), 0);
        assert_next_of(f, spool_instance(f->spool), 0, 1);
}

/* Writes the header again as the version before branches wrote it, and closes the file. */
static void close_without_branches(struct fixture *f)
{
        struct spool *s = f->spool;
        struct spool_numbers *both[] = {&s->header->numbers, &s->header->again};
        for (size_t i = 0; i < 2; i++) {
                memcpy(both[i]->format, SPOOL_FORMAT_BEFORE, sizeof(both[i]->format));
                uint64_t words[2] = {s->ring_bytes};
                uint8_t key[16] = {0};
                memcpy(key, &s->instance, sizeof(s->instance));
                memcpy(&words[1], both[i]->format, sizeof(both[i]->format));
                both[i]->check = siphash(key, words, sizeof(words));
        }
        memset(&s->header->table, 0, sizeof(s->header->table));
        memset(&s->header->table_again, 0, sizeof(s->header->table_again));
        spool_close(s);
        f->spool = NULL;
}

/* Before branches all records belonged to the file's instance. Those that wait are sent under it. */
static void test_a_file_without_branches(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 2; i++) {
                append(f->spool, 2);
                assert_next(f, spool_position(f->spool) - 2, 2);
                spool_release(f->spool);
                append(f->spool, 3);
                uint64_t waits = spool_position(f->spool) - 3, instance = f->spool->instance;
                keep(f);
                close_without_branches(f);
                open_spool(f, RING_BYTES);
                assert_kept(f);
                assert_int_equal(f->lost, 0);
                assert_true(f->spool->instance == instance && spool_instance(f->spool) != instance);
                assert_int_equal(spool_own(f->spool, instance), waits + 3);
                append(f->spool, 1);
                assert_next_of(f, instance, waits, 3);
                open_again(f);
                assert_next_of(f, instance, waits, 3);
                spool_release(f->spool);
                assert_next_of(f, spool_instance(f->spool), 0, 1);
                spool_release(f->spool);
        }
}

static void test_a_directory_that_is_made_later(void **state)
{
        struct fixture *f = *state;
        keep(f);
        spool_close(f->spool);
        rmdir(f->notes);
        open_spool(f, RING_BYTES);
        assert_true(is_kept(f, 0));
        keep(f);
        open_again(f);
        assert_kept(f);
        mkdir(f->notes, 0700); /* made again by its owner */
        open_again(f);
        assert_kept(f);
        open_again(f);
        assert_kept(f);
        spool_close(f->spool);
        replace_notes(f);
        open_spool(f, RING_BYTES);
        assert_true(is_kept(f, 0));
}

static void test_a_power_loss(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = send_two_of_five(f);
        keep(f);
        boot_again(f, false);
        assert_int_equal(f->lost, 3);
        assert_true(spool_instance(f->spool) != instance);
        assert_int_equal(*(uint8_t *)spool_kept(f->spool), 0);
        assert_empty(f);
        append(f->spool, 1);
        assert_next(f, 0, 1);
}

/* A killed process leaves the file open, and nothing is lost as long as the machine runs. */
static void test_not_closed_in_this_boot(void **state)
{
        struct fixture *f = *state;
        append(f->spool, 2);
        assert_int_equal(read_u64(f, CLOSED_AT) & UINT32_MAX, 0);
        spool_close(f->spool);
        assert_int_equal(read_u64(f, CLOSED_AT) & UINT32_MAX, 1);
        change_file(f, CLOSED_AT, &(uint32_t){0}, sizeof(uint32_t));
        open_spool(f, RING_BYTES);
        assert_int_equal(f->lost, 0);
        assert_next(f, 0, 2);
        open_again(f);
        assert_int_equal(read_u64(f, CLOSED_AT) & UINT32_MAX, 0);
}

static void test_two_processes(void **state)
{
        struct fixture *f = *state;
        uint64_t lost;
        assert_null(spool_open(f->path, RING_BYTES, f->notes, NETWORK, &lost));
        assert_int_equal(errno, EBUSY);
        append(f->spool, 1);
        assert_next(f, 0, 1);
}

static void test_where_no_file_can_be(void **state)
{
        (void)state;
        uint64_t lost;
        assert_null(spool_open("/nonexistent/spool", RING_BYTES, "/", NETWORK, &lost));
        assert_int_equal(errno, ENOENT);
}

enum { CANNOT_MOUNT = 255, LEFT_OVER = 254 };

/* Returns the errno of opening a spool on a disk with room for half of it; in a mount namespace that ends with the
 * process. */
static int open_on_full_disk(const char *dir)
{
        char path[96];
        uint64_t lost;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", dir, "tmpfs", 0, "size=128k") < 0)
                return CANNOT_MOUNT;
        snprintf(path, sizeof(path), "%s/spool", dir);
        int error = spool_open(path, RING_BYTES, dir, NETWORK, &lost) ? 0 : errno;
        snprintf(path, sizeof(path), "%s/spool.new", dir);
        return access(path, F_OK) == 0 ? LEFT_OVER : error; /* an unusable file takes no room */
}

static bool make_run(const char *dir, const char *members, struct statx *st)
{
        return mount("tmpfs", dir, "tmpfs", 0, NULL) == 0 && mkdir(members, 0700) == 0 &&
               statx(AT_FDCWD, members, 0, STATX_INO | STATX_BTIME, st) == 0;
}

/* Restarts a container: /run is another tmpfs, on which the directory has the same inode. Returns an exit status. */
static int start_container_again(struct fixture *f)
{
        struct statx before, now;
        char members[128];
        snprintf(members, sizeof(members), "%s/members", f->notes);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            !make_run(f->notes, members, &before))
                return CANNOT_MOUNT;
        struct spool *s = spool_open(f->path, RING_BYTES, members, NETWORK, &f->lost);
        memset(spool_kept(s), 0xaa, SPOOL_KEPT_BYTES);
        spool_close(s);
        do { /* not within the same tick of the clock */
                if (umount(f->notes) < 0 || !make_run(f->notes, members, &now))
                        return 1;
                if (now.stx_ino != before.stx_ino || now.stx_btime.tv_sec == 0)
                        return CANNOT_MOUNT; /* this kernel's inodes differ */
        } while (memcmp(&now.stx_btime, &before.stx_btime, sizeof(now.stx_btime)) == 0);
        f->spool = spool_open(f->path, RING_BYTES, members, NETWORK, &f->lost);
        return is_kept(f, 0) ? 0 : 2;
}

static void test_a_container_is_started_again(void **state)
{
        struct fixture *f = *state;
        int status;
        spool_close(f->spool);
        f->spool = NULL;
        pid_t child = fork();
        if (child == 0)
                _exit(start_container_again(f));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == CANNOT_MOUNT)
                skip(); /* not root */
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_full_disk(void **state)
{
        struct fixture *f = *state;
        int status;
        pid_t child = fork();
        if (child == 0)
                _exit(open_on_full_disk(f->dir));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == CANNOT_MOUNT)
                skip(); /* not root */
        assert_int_equal(WEXITSTATUS(status), ENOSPC);
}

/* ---- damage ---- */

/* Works with the spool, then uses up what is there. */
static void use(struct fixture *f)
{
        struct walked w = {0};
        spool_walk(f->spool, note_record, &w);
        spool_position(f->spool);
        for (int i = 0; i < 50; i++)
                append(f->spool, 5);
        while (spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)))
                spool_release(f->spool);
        for (int i = 0; i < 50; i++)
                assert_int_equal(append(f->spool, 5), 0);
        while (spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)))
                spool_release(f->spool);
        assert_int_equal(spool_waiting(f->spool), 0);
}

/* Writes the file again as the version before wrote it, without checksums, and closes it. */
static void close_as_old(struct fixture *f, uint64_t instance)
{
        struct spool *s = f->spool;
        static uint8_t ring[RING_BYTES];
        const uint64_t numbers[] = {s->ring_bytes, instance};
        const uint64_t offsets[] = {s->fields[SPOOL_OLDEST], s->fields[SPOOL_RELEASED], s->fields[SPOOL_CHUNK_END],
                                    s->fields[SPOOL_TAIL]};
        const struct place kept_with = s->header->kept_with;
        memcpy(ring, s->ring, sizeof(ring));
        for (uint64_t at = offsets[0]; at < offsets[3]; at = spool_behind(s, at)) {
                const struct entry *e = spool_entry(s, at);
                const uint32_t counts[] = {(uint32_t)e->size, (uint32_t)e->count};
                const uint64_t first = e->first;
                memcpy(ring + at % RING_BYTES, counts, sizeof(counts));
                memcpy(ring + at % RING_BYTES + sizeof(counts), &first, sizeof(first));
        }
        spool_close(s);
        f->spool = NULL;
        change_file(f, RING_BYTES_AT, numbers, sizeof(numbers));
        change_file(f, OLDEST_AT, (const uint8_t[SPOOL_HEADER_BYTES - OLDEST_AT]){0}, SPOOL_HEADER_BYTES - OLDEST_AT);
        change_file(f, OLDEST_AT, offsets, sizeof(offsets));
        change_file(f, TAIL_AT + 8, &kept_with, sizeof(kept_with));
        change_file(f, FILE_HEAD_BYTES, ring, sizeof(ring));
}

/* An upgraded link sends what waits, knows what was sent, and begins the same chunk again. */
static void test_a_file_of_a_version_before(void **state)
{
        struct fixture *f = *state;
        uint64_t instance = spool_instance(f->spool);
        for (int laps = 0; laps < 3; laps++) {
                while (append(f->spool, 3) == 0)
                        ;
                for (int i = 0; i < 2; i++) {
                        assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
                        spool_release(f->spool);
                }
                assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
                append(f->spool, 1);
                keep(f);
                const uint64_t begun = place_of(f->spool, &f->chunk), count = f->chunk.count;
                const uint64_t waiting = spool_waiting(f->spool), position = spool_position(f->spool);
                struct walked before = {0}, now = {0};
                spool_walk(f->spool, note_record, &before);
                close_as_old(f, instance);
                open_spool(f, RING_BYTES);
                assert_int_equal(f->lost, 0);
                assert_int_equal(spool_damaged(f->spool), 0);
                assert_true(spool_instance(f->spool) != instance);
                assert_int_equal(spool_own(f->spool, instance), position);
                assert_int_equal(spool_position(f->spool), position);
                assert_int_equal(spool_waiting(f->spool), waiting);
                assert_kept(f);
                spool_walk(f->spool, note_record, &now);
                assert_false(now.wrong);
                assert_int_equal(now.first, before.first);
                assert_int_equal(now.next, before.next);
                assert_next(f, begun, count);
                assert_true(f->chunk.instance == instance);
        }
        spool_close(f->spool); /* from now on it is of this version */
        open_spool(f, RING_BYTES);
        assert_int_equal(f->lost, 0);
        while (spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer))) {
                assert_true(is_chunk_right(f->spool, &f->chunk));
                spool_release(f->spool);
        }
        assert_empty(f);
}

/* The loss from a power loss under the version before is reported after the upgrade, too. */
static void test_a_power_loss_before_an_upgrade(void **state)
{
        struct fixture *f = *state;
        append(f->spool, 5);
        memset(f->spool->header->boot_id, '0', BOOT_ID_BYTES);
        close_as_old(f, spool_instance(f->spool));
        change_file(f, CLOSED_AT, &(uint32_t){0}, sizeof(uint32_t));
        open_spool(f, RING_BYTES);
        assert_int_equal(f->lost, 5);
        assert_empty(f);
}

static void append_and_close_as_old(struct fixture *f)
{
        for (int i = 0; i < 3; i++)
                assert_int_equal(append_bytes(f->spool, 64), 0);
        assert_next(f, spool_position(f->spool) - 3, 3);
        close_as_old(f, spool_instance(f->spool));
}

static void append_and_close(struct fixture *f)
{
        for (int i = 0; i < 3; i++)
                assert_int_equal(append_bytes(f->spool, 64), 0);
        assert_next(f, spool_position(f->spool) - 3, 3);
        spool_close(f->spool);
}

/* A file of the version before is taken whole, or not at all: it has no checksums that would show what is damaged. */
static void test_fields_that_nobody_writes(void **state)
{
        struct fixture *f = *state;
        static const struct {
                off_t at;
                uint64_t value;
        } wrong[] = {
                {0, 0},                               /* no spool */
                {RING_BYTES_AT, 0},                   /* no ring */
                {RING_BYTES_AT, RING_BYTES / 2},      /* not of the file's size */
                {RING_BYTES_AT, UINT64_MAX - 15},     /* with the head, less than nothing */
                {16, 0},                              /* no instance */
                {OLDEST_AT, 16},                      /* within an entry */
                {OLDEST_AT, 128},                     /* behind what was released */
                {RELEASED_AT, 1},                     /* not where an entry can begin */
                {RELEASED_AT, 16},                    /* no entry begins there */
                {RELEASED_AT, 256},                   /* behind the end */
                {CHUNK_END_AT, 144},                  /* within an entry */
                {CHUNK_END_AT, 256},                  /* behind the end */
                {TAIL_AT, 176},                       /* within an entry */
                {TAIL_AT, 192 + 64},                  /* behind what was written: an entry without an end */
                {TAIL_AT, RING_BYTES + 64},           /* more than there is */
                {FILE_HEAD_BYTES, UINT64_MAX},        /* the size of an entry */
                {FILE_HEAD_BYTES, 1ULL << 32 | 1000}, /* the size differs from that of its record */
                {FILE_HEAD_BYTES, 2ULL << 32 | 48},   /* more records than there are */
                {FILE_HEAD_BYTES, 48},                /* filling that is not at the end */
                {FILE_HEAD_BYTES + 64 + 8, 7},        /* a position that is not the next */
                {FILE_HEAD_BYTES + 64 + 16, 0xffff},  /* a record that its entry does not hold */
        };
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                append_and_close_as_old(f);
                change_u64(f, wrong[i].at, wrong[i].value);
                open_spool(f, RING_BYTES);
                if (spool_position(f->spool) != 0)
                        fail_msg("%llu at %lld is taken for a spool", (unsigned long long)wrong[i].value,
                                 (long long)wrong[i].at);
                assert_int_equal(f->lost, MISSED_UNKNOWN);
                unlink(f->path);
                spool_close(f->spool);
                open_spool(f, RING_BYTES);
        }
}

static void test_an_entry_that_no_chunk_can_hold(void **state)
{
        struct fixture *f = *state;
        static uint8_t entry[ENTRY_BYTES + DATAGRAM_MAX_BYTES + 4096];
        uint32_t size = 0, count = 0;
        for (; size <= DATAGRAM_MAX_BYTES; count++)
                size += (uint32_t)make_record(entry + ENTRY_BYTES + size, 4096, count, 4000);
        memcpy(entry, (const uint32_t[]){size, count}, 2 * sizeof(uint32_t));
        close_as_old(f, spool_instance(f->spool));
        change_file(f, FILE_HEAD_BYTES, entry, ENTRY_BYTES + size);
        change_u64(f, TAIL_AT, (ENTRY_BYTES + size + 15) / 16 * 16);
        open_spool(f, RING_BYTES);
        assert_int_equal(f->lost, MISSED_UNKNOWN);
        assert_empty(f);
}

static void test_files_that_are_no_spools(void **state)
{
        struct fixture *f = *state;
        static const off_t sizes[] = {0, 1, 96, 4096, FILE_HEAD_BYTES - 1, FILE_HEAD_BYTES, FILE_HEAD_BYTES + 16};
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                append_and_close(f);
                assert_int_equal(truncate(f->path, sizes[i]), 0);
                if (sizes[i] >= 96) /* the size of the ring that such a file would have */
                        change_u64(f, RING_BYTES_AT, (uint64_t)sizes[i] - FILE_HEAD_BYTES);
                open_spool(f, RING_BYTES);
                assert_int_equal(spool_position(f->spool), 0);
                assert_int_equal(file_size(f), FILE_BYTES);
                use(f);
        }
}

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

/* Reads everything that was sent before. It must be unchanged. */
static void read_all(struct fixture *f)
{
        for (size_t i = 0; i < f->spool->branches.count; i++) {
                uint64_t position = 0, instance = f->spool->branches.all[i].instance;
                while (spool_read(f->spool, instance, position, &f->chunk, f->buffer, sizeof(f->buffer))) {
                        assert_true(f->chunk.instance == instance && is_chunk_right(f->spool, &f->chunk));
                        assert_true(f->chunk.first + f->chunk.count > position);
                        position = f->chunk.first + f->chunk.count;
                }
        }
}

static void note_any_record(void *user, const struct record *rec)
{
        struct walked *w = user;
        w->wrong |= !is_record_of(rec, rec->number) || (w->any && rec->number < w->next);
        w->any = true;
        w->next = rec->number + 1;
}

/* Damages up to four stretches of up to 200 bytes: in the header, in what waits, or anywhere in the ring. */
static void damage(const struct fixture *f, uint32_t *seed, uint64_t released, uint64_t tail)
{
        uint8_t bytes[200];
        for (uint32_t i = 1 + next_random(seed) % 4; i > 0; i--) {
                uint32_t size = next_random(seed) % 3 ? 1 : 1 + next_random(seed) % sizeof(bytes);
                uint64_t waits = released + next_random(seed) % (tail - released + 64);
                uint64_t in_ring = next_random(seed) % 3 ? waits : next_random(seed);
                off_t at = next_random(seed) % 4 ? FILE_HEAD_BYTES + (off_t)(in_ring % RING_BYTES)
                                                 : (off_t)(next_random(seed) % 800);
                if (next_random(seed) % 8 == 0)
                        at = SPOOL_AGAIN_AT + (off_t)(next_random(seed) % 700);
                if (at + size > FILE_BYTES)
                        size = 1;
                int fd = open(f->path, O_RDWR | O_CLOEXEC);
                assert_int_equal(pread(fd, bytes, size, at), size);
                for (uint32_t n = 0; n < size; n++)
                        bytes[n] ^= (uint8_t)(1 << next_random(seed) % 8);
                assert_int_equal(pwrite(fd, bytes, size, at), size);
                close(fd);
        }
}

enum { DAMAGES = 3000 };

/* Whatever is damaged: only real records are sent, waiting records that are not sent are counted, and no position is
 * used twice. */
static void test_any_damage(void **state)
{
        struct fixture *f = *state;
        uint32_t seed = 1;
        unsigned begun_anew = 0, counted = 0, unharmed = 0;
        for (int round = 0; round < DAMAGES; round++) {
                for (uint32_t i = next_random(&seed) % 20; i > 0; i--)
                        append(f->spool, 1 + next_random(&seed) % 8);
                if (spool_next(f->spool, &f->chunk, f->buffer, 16384 + 65536 * (size_t)(round % 2)) && round % 3)
                        spool_release(f->spool);
                const uint64_t instance = f->spool->instance, position = spool_position(f->spool),
                               waits = f->spool->fields[SPOOL_RELEASED_POSITION],
                               released = f->spool->fields[SPOOL_RELEASED], tail = f->spool->fields[SPOOL_TAIL];
                spool_close(f->spool);
                damage(f, &seed, released, tail);
                open_spool(f, RING_BYTES);
                if (f->lost > 0 || f->spool->instance != instance) {
                        assert_true(f->lost == MISSED_UNKNOWN || f->lost == position - waits || position == waits);
                        assert_true(f->spool->instance != instance);
                        assert_empty(f);
                        begun_anew++;
                } else {
                        struct walked w = {0};
                        spool_walk(f->spool, note_any_record, &w);
                        assert_false(w.wrong);
                        read_all(f);
                        assert_true(spool_position(f->spool) >= position);
                        uint64_t sent = send_all(f, waits);
                        assert_true(sent <= position - waits);
                        if (sent + spool_damaged(f->spool) < position - waits)
                                fail_msg("round %d: %llu waited, %llu sent, %llu counted", round,
                                         (unsigned long long)(position - waits), (unsigned long long)sent,
                                         (unsigned long long)spool_damaged(f->spool));
                        counted += sent < position - waits;
                        unharmed += sent == position - waits && spool_damaged(f->spool) == 0;
                }
                use(f);
                /* damage accumulates, so begin a new file now and then; it has other checksums */
                if (round % 50 == 0) {
                        spool_close(f->spool);
                        unlink(f->path);
                        open_spool(f, RING_BYTES);
                }
        }
        printf("of %d spools %u were unharmed, of %u some lines were lost, %u were begun anew\n", DAMAGES, unharmed,
               counted, begun_anew);
        assert_in_range(begun_anew, 1, DAMAGES / 4);
        assert_in_range(counted, DAMAGES / 20, DAMAGES);
        assert_in_range(unharmed, DAMAGES / 20, DAMAGES);
}

/* ---- kill -9 ---- */

enum { KILLS = 300 };

/* What the process that is killed reports. */
struct report {
        _Atomic uint64_t steps;
        _Atomic uint64_t appended;                  /* the position behind the last append that returned */
        _Atomic uint64_t first, count;              /* of the chunk that was begun */
        _Atomic enum { NONE, BEGUN, ENDING } chunk; /* what is known of that chunk */
        _Atomic uint64_t released;                  /* the position behind the last chunk whose release returned */
};

static void work_until_killed(struct fixture *f, struct report *told, uint32_t seed)
{
        struct spool *s = spool_open(f->path, RING_BYTES, f->notes, NETWORK, &f->lost);
        if (!s)
                _exit(1);
        for (;; told->steps++) {
                if (next_random(&seed) % 3 > 0) {
                        if (append(s, 1 + next_random(&seed) % 8) == 0)
                                told->appended = spool_position(s);
                        continue;
                }
                if (!spool_next(s, &f->chunk, f->buffer, sizeof(f->buffer)))
                        continue;
                told->first = f->chunk.first;
                told->count = f->chunk.count;
                told->chunk = BEGUN;
                if (next_random(&seed) % 2)
                        continue; /* the next round asks for it again */
                told->chunk = ENDING;
                spool_release(s);
                told->released = told->first + told->count;
                told->chunk = NONE;
        }
}

static void assert_whole(struct fixture *f, const struct report *told)
{
        struct walked w = {0};
        assert_int_equal(f->lost, 0);
        spool_walk(f->spool, note_record, &w);
        assert_false(w.wrong);
        uint64_t position = spool_position(f->spool);
        assert_true(!w.any || w.next == position);
        assert_in_range(position, told->appended, told->appended + 8);
        if (!spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer))) {
                assert_true(told->chunk != BEGUN);
                assert_int_equal(told->chunk == ENDING ? told->first + told->count : told->released, position);
                return;
        }
        assert_true(is_chunk_right(f->spool, &f->chunk));
        bool same = f->chunk.first == told->first && f->chunk.count == told->count;
        bool next = f->chunk.first == told->first + told->count;
        assert_true(told->chunk == NONE    ? f->chunk.first == told->released
                    : told->chunk == BEGUN ? same
                                           : same || next);
}

static void kill_at_random(pid_t child, struct report *told, uint64_t step)
{
        while (told->steps < step)
                sched_yield();
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &(int){0}, 0), child);
}

static void test_killed_anywhere(void **state)
{
        struct fixture *f = *state;
        struct report *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        uint32_t seed = (uint32_t)getpid();
        uint64_t instance = spool_instance(f->spool);
        for (int i = 0; i < KILLS; i++) {
                spool_close(f->spool);
                f->spool = NULL;
                uint32_t seed_of_child = next_random(&seed);
                uint64_t step = told->steps + next_random(&seed) % 200;
                pid_t child = fork();
                if (child == 0)
                        work_until_killed(f, told, seed_of_child);
                kill_at_random(child, told, step);
                open_spool(f, RING_BYTES);
                assert_true(spool_instance(f->spool) == instance);
                assert_whole(f, told);
                if (told->chunk != NONE && f->chunk.count == 0)
                        told->released = told->first + told->count;
                if (f->chunk.count > 0) { /* assert_whole() has begun a chunk */
                        told->released = f->chunk.first;
                        told->first = f->chunk.first;
                        told->count = f->chunk.count;
                }
                told->chunk = f->chunk.count > 0 ? BEGUN : NONE;
                told->appended = spool_position(f->spool);
        }
        assert_true(spool_position(f->spool) > 4 * RING_BYTES / SHORT_MAX_BYTES); /* several times around the ring */
        munmap(told, sizeof(*told));
}

/* Opens the spool in a process that is killed before or after its system call number `calls`, `steps` instructions
 * later. Returns true if it came so far. */
static bool kill_opening(struct fixture *f, size_t bytes, unsigned calls, uint32_t steps)
{
        int status;
        pid_t child = fork();
        if (child == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                _exit(spool_open(f->path, bytes, f->notes, NETWORK, &f->lost) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL), 0);
        for (unsigned i = 0; i < calls + steps && !WIFEXITED(status); i++) {
                assert_true(WIFSTOPPED(status));
                ptrace(i < calls ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, child, NULL, NULL);
                assert_int_equal(waitpid(child, &status, 0), child);
        }
        if (WIFEXITED(status)) {
                assert_int_equal(WEXITSTATUS(status), 0);
                return false;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        return true;
}

static void test_killed_while_it_is_made_anew(void **state)
{
        struct fixture *f = *state;
        char left_over[128];
        uint32_t seed = (uint32_t)getpid();
        unsigned kills = 0;
        bool killed = true;
        snprintf(left_over, sizeof(left_over), "%s.new", f->path);
        printf("seed %u\n", seed);
        keep(f);
        for (unsigned calls = 1; killed; calls++) {
                size_t bytes = calls % 2 ? 2 * RING_BYTES : RING_BYTES;
                uint64_t instance = f->spool->instance;
                spool_close(f->spool);
                f->spool = NULL;
                kills += killed = kill_opening(f, bytes, calls, calls % 3 ? next_random(&seed) % 2000 : 0);
                open_spool(f, bytes);
                assert_int_equal(f->lost, 0);
                assert_int_equal(file_size(f), FILE_HEAD_BYTES + bytes);
                assert_kept(f);
                assert_true(f->spool->instance != instance);
                assert_int_equal(access(left_over, F_OK), -1);
        }
        assert_in_range(kills, 20, 500);
}

/* The link is killed while a branch begins, also with a file of the version before branches. */
static void test_killed_while_a_branch_begins(void **state)
{
        struct fixture *f = *state;
        uint32_t seed = (uint32_t)getpid();
        unsigned kills = 0, survived = 0;
        printf("seed %u\n", seed);
        for (unsigned calls = 1; survived < 2; calls++) {
                append(f->spool, 2);
                uint64_t before = spool_instance(f->spool), own = spool_own(f->spool, before);
                uint64_t position = spool_position(f->spool), file = f->spool->instance;
                if (calls % 2)
                        close_before_boot(f, true);
                else
                        close_without_branches(f);
                bool killed = kill_opening(f, RING_BYTES, calls / 2, next_random(&seed) % 3000);
                kills += killed;
                survived = killed ? 0 : survived + 1;
                open_spool(f, RING_BYTES);
                assert_int_equal(f->lost, 0);
                assert_int_equal(spool_position(f->spool), position);
                if (calls % 2)
                        assert_int_equal(spool_own(f->spool, before), own);
                else
                        assert_int_equal(spool_own(f->spool, file), position);
                assert_true(spool_instance(f->spool) != before && spool_own(f->spool, spool_instance(f->spool)) == 0);
                assert_int_equal(send_all(f, position - 2), 2);
        }
        assert_in_range(kills, 10, 500);
}

enum { OPENERS = 3, OPENINGS = 100 };

/* Opens the spool again and again, each time with another size, and counts that in its state. */
static void open_often(const struct fixture *f)
{
        uint64_t lost;
        for (size_t i = 0; i < OPENINGS;) {
                struct spool *s = spool_open(f->path, RING_BYTES + i % 2 * RING_BYTES, f->notes, NETWORK, &lost);
                if (!s && errno != EBUSY)
                        _exit(1);
                if (!s)
                        continue;
                ++*(uint32_t *)spool_kept(s);
                spool_close(s);
                i++;
        }
        _exit(0);
}

static void test_several_make_it_anew(void **state)
{
        struct fixture *f = *state;
        int status;
        spool_close(f->spool);
        f->spool = NULL;
        for (int i = 0; i < OPENERS; i++)
                if (fork() == 0)
                        open_often(f);
        for (int i = 0; i < OPENERS; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        open_spool(f, RING_BYTES);
        assert_int_equal(*(uint32_t *)spool_kept(f->spool), OPENERS * OPENINGS);
}

/* ---- two threads ---- */

enum { BY_THREADS = 50000 };

static void *append_all(void *user)
{
        struct fixture *f = user;
        while (spool_position(f->spool) < BY_THREADS)
                if (append(f->spool, 1 + (uint32_t)(spool_position(f->spool) % 7)) < 0)
                        sched_yield();
        return NULL;
}

static void test_one_appends_and_another_sends(void **state)
{
        struct fixture *f = *state;
        pthread_t thread;
        uint64_t expected = 0;
        assert_int_equal(pthread_create(&thread, NULL, append_all, f), 0);
        while (expected < BY_THREADS) {
                if (!spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer))) {
                        sched_yield();
                        continue;
                }
                assert_int_equal(f->chunk.first, expected);
                assert_true(is_chunk_right(f->spool, &f->chunk));
                expected += f->chunk.count;
                spool_release(f->spool);
                if (expected % 16 == 0 &&
                    spool_read(f->spool, spool_instance(f->spool), 0, &f->chunk, f->buffer, sizeof(f->buffer)))
                        assert_true(is_chunk_right(f->spool, &f->chunk)); /* while the other thread may write over it */
        }
        pthread_join(thread, NULL);
        assert_empty(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_what_was_appended_is_next),
                TEST(test_a_chunk_is_the_same_until_it_is_released),
                TEST(test_a_release_of_nothing_changes_nothing),
                TEST(test_a_chunk_takes_what_fits),
                TEST(test_a_chunk_that_fits_no_more_is_cut),
                TEST(test_full_at_the_exact_byte),
                TEST(test_too_much_for_one_entry),
                TEST(test_around_the_end_of_the_ring),
                TEST(test_what_was_released_can_be_read),
                TEST(test_what_was_released_can_be_looked_at),
                TEST(test_what_its_user_keeps),
                TEST(test_another_size),
                TEST(test_what_was_left_over),
                TEST(test_a_ring_is_not_too_small),
                TEST(test_another_boot),
                TEST(test_another_directory),
                TEST(test_a_clone),
                TEST(test_a_branch_begins_at_work),
                TEST(test_many_boots),
                TEST(test_another_network),
                TEST(test_a_file_without_branches),
                TEST(test_a_directory_that_is_made_later),
                TEST(test_a_container_is_started_again),
                TEST(test_a_power_loss),
                TEST(test_not_closed_in_this_boot),
                TEST(test_two_processes),
                TEST(test_where_no_file_can_be),
                TEST(test_a_full_disk),
                TEST(test_a_file_of_a_version_before),
                TEST(test_a_power_loss_before_an_upgrade),
                TEST(test_fields_that_nobody_writes),
                TEST(test_an_entry_that_no_chunk_can_hold),
                TEST(test_files_that_are_no_spools),
                TEST(test_any_damage),
                TEST(test_killed_anywhere),
                TEST(test_killed_while_it_is_made_anew),
                TEST(test_killed_while_a_branch_begins),
                TEST(test_several_make_it_anew),
                TEST(test_one_appends_and_another_sends),
        };
        return RUN_TESTS(tests);
}
