/* The ring of a spool: records come out in order and once, also when it is full. */
#include "spool-fixture.h"

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
                TEST(test_one_appends_and_another_sends),
        };
        return RUN_TESTS(tests);
}
