/* Files of earlier versions, and damaged ones. */
#include "spool-fixture.h"

static void change_u64(const struct fixture *f, off_t at, uint64_t value)
{
        change_file(f, at, &value, sizeof(value));
}

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
        const struct place kept_with = s->header->directory;
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

/* A power loss under the version before is reported after the upgrade. */
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

/* After any damage, only real records are sent, waiting records that are not sent are counted, and no position is used
 * twice. */
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_file_of_a_version_before), TEST(test_a_power_loss_before_an_upgrade),
                TEST(test_fields_that_nobody_writes),  TEST(test_an_entry_that_no_chunk_can_hold),
                TEST(test_files_that_are_no_spools),   TEST(test_any_damage),
        };
        return RUN_TESTS(tests);
}
