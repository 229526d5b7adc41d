/* A spool in a directory of its own. Each record has its position as its text. */
#pragma once

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
        /* fields of the file of the previous version; of these, only CLOSED_AT has kept its place */
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

static inline struct spool *open_spool(struct fixture *f, size_t bytes)
{
        f->spool = spool_open(f->path, bytes, f->notes, NETWORK, &f->lost);
        assert_non_null(f->spool);
        return f->spool;
}

static inline struct spool *open_again(struct fixture *f)
{
        spool_close(f->spool);
        return open_spool(f, RING_BYTES);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

enum { SHORT_MAX_BYTES = 600 };

static inline size_t text_bytes(uint64_t position)
{
        return (size_t)(position * 7919 % SHORT_MAX_BYTES);
}

static inline size_t make_record(uint8_t *buffer, size_t size, uint64_t position, size_t text_len)
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
static inline int append(struct spool *s, uint32_t count)
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
static inline int append_bytes(struct spool *s, size_t bytes)
{
        uint8_t record[RECORD_HEADER_BYTES + 3 + TEXT_MAX_BYTES];
        size_t size =
                make_record(record, sizeof(record), spool_position(s), bytes - ENTRY_BYTES - RECORD_HEADER_BYTES - 3);
        return spool_append(s, record, size, 1);
}

static inline bool is_record_of(const struct record *rec, uint64_t position)
{
        if (rec->kind != RECORD_LINE || rec->id != 7 || rec->number != position)
                return false;
        for (size_t i = 0; i < rec->text.len; i++)
                if (rec->text.at[i] != 'a' + (int)(position % 26))
                        return false;
        return true;
}

/* Returns the place in the file of the chunk's first record. */
static inline uint64_t place_of(const struct spool *s, const struct spool_chunk *chunk)
{
        size_t branch = branches_find(&s->branches, chunk->instance);
        assert_true(branch < s->branches.count);
        return s->branches.all[branch].begin + chunk->first;
}

static inline bool is_chunk_right(const struct spool *s, const struct spool_chunk *chunk)
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
static inline void assert_next(struct fixture *f, uint64_t first, uint64_t count)
{
        assert_true(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_int_equal(place_of(f->spool, &f->chunk), first);
        assert_int_equal(f->chunk.count, count);
        assert_true(is_chunk_right(f->spool, &f->chunk));
}

static inline void assert_empty(struct fixture *f)
{
        assert_false(spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer)));
        assert_int_equal(spool_waiting(f->spool), 0);
}

struct walked {
        bool any, wrong;
        uint64_t first, next;
};

static inline void note_record(void *user, const struct record *rec)
{
        struct walked *w = user;
        if (!w->any)
                w->first = w->next = rec->number;
        w->any = true;
        if (!is_record_of(rec, w->next))
                w->wrong = true;
        w->next++;
}

static inline void change_file(const struct fixture *f, off_t at, const void *bytes, size_t size)
{
        int fd = open(f->path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, bytes, size, at), size);
        close(fd);
}

static inline void keep(struct fixture *f)
{
        memset(spool_kept(f->spool), 0xaa, SPOOL_KEPT_BYTES);
}

static inline bool is_kept(const struct fixture *f, uint8_t byte)
{
        const uint8_t *kept = spool_kept(f->spool);
        for (int i = 0; i < SPOOL_KEPT_BYTES; i++)
                if (kept[i] != byte)
                        return false;
        return true;
}

static inline void assert_kept(const struct fixture *f)
{
        assert_true(is_kept(f, 0xaa));
}

static inline off_t file_size(const struct fixture *f)
{
        struct stat st;
        assert_int_equal(stat(f->path, &st), 0);
        return st.st_size;
}

static inline void close_before_boot(struct fixture *f, bool closed)
{
        memset(f->spool->header->boot_id, '0', BOOT_ID_BYTES);
        spool_seal_user(f->spool);
        spool_close(f->spool);
        f->spool = NULL;
        change_file(f, CLOSED_AT, &(uint32_t){closed}, sizeof(uint32_t));
}

/* Sends all records from `waits` on. Returns their number. Fails the test if a record is changed, comes twice or out of
 * order. */
static inline uint64_t send_all(struct fixture *f, uint64_t waits)
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

/* Writes the header again in the format of the version before branches, and closes the file. */
static inline void close_without_branches(struct fixture *f)
{
        struct spool *s = f->spool;
        struct spool_numbers *both[] = {&s->header->numbers, &s->header->numbers_copy};
        for (size_t i = 0; i < 2; i++) {
                memcpy(both[i]->format, SPOOL_FORMAT_BEFORE, sizeof(both[i]->format));
                uint64_t words[2] = {s->ring_bytes};
                uint8_t key[16] = {0};
                memcpy(key, &s->instance, sizeof(s->instance));
                memcpy(&words[1], both[i]->format, sizeof(both[i]->format));
                both[i]->check = siphash(key, words, sizeof(words));
        }
        memset(&s->header->table, 0, sizeof(s->header->table));
        memset(&s->header->table_copy, 0, sizeof(s->header->table_copy));
        spool_close(s);
        f->spool = NULL;
}

static inline uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
