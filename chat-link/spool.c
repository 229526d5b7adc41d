#include "spool.h"

#include <errno.h>
#include <string.h>

#include "spool-ring.h"

uint64_t spool_instance(const struct spool *s)
{
        const struct branches *b = &s->branches;
        return b->all[b->count - 1].instance;
}

/* Returns how many of the branch's records are before this place. */
static uint64_t spool_records_before(const struct branches *b, size_t number, uint64_t place)
{
        uint64_t begin = b->all[number].begin, end = branches_end(b, number);
        place = place < end ? place : end;
        return place > begin ? place - begin : 0;
}

uint64_t spool_own(const struct spool *s, uint64_t instance)
{
        size_t number = branches_find(&s->branches, instance);
        return number == SIZE_MAX ? 0 : spool_records_before(&s->branches, number, s->fields[SPOOL_POSITION]);
}

size_t spool_progress(const struct spool *s, struct spool_progress *progress, size_t max)
{
        const struct branches *b = &s->branches;
        uint64_t position = s->fields[SPOOL_RELEASED_POSITION];
        size_t n = 0, count = (size_t)b->count;
        for (size_t number = count; number-- > 0 && n < max;) {
                uint64_t records = spool_records_before(b, number, position);
                if (records > 0 || number + 1 == count)
                        progress[n++] =
                                (struct spool_progress){.instance = b->all[number].instance, .records = records};
        }
        return n;
}

void spool_part(struct spool *s)
{
        s->branches_total += branches_begin(&s->branches, s->fields[SPOOL_POSITION]);
        spool_seal_table(s);
}

void *spool_kept(struct spool *s)
{
        return s->map + SPOOL_HEADER_BYTES;
}

static void spool_show_records(const struct entry *e, void (*on_record)(void *user, const struct record *rec),
                               void *user)
{
        struct wire_reader r = wire_read(e + 1, e->size);
        struct record rec;
        while (record_next(&r, &rec) > 0)
                on_record(user, &rec);
}

void spool_walk(struct spool *s, void (*on_record)(void *user, const struct record *rec), void *user)
{
        uint64_t tail = s->fields[SPOOL_TAIL], at = spool_find_records(s, s->fields[SPOOL_OLDEST], tail);
        for (; at < tail; at = spool_find_records(s, spool_behind(s, at), tail))
                spool_show_records(spool_entry(s, at), on_record, user);
}

/* Returns the offset behind the entry at `at`, or behind the damaged bytes there: at most `most`. */
static uint64_t spool_next_offset(const struct spool *s, uint64_t at, uint64_t most)
{
        uint64_t entry = spool_find_entry(s, at, s->fields[SPOOL_TAIL]);
        uint64_t next = entry == at ? spool_behind(s, at) : entry;
        return next < most ? next : most;
}

/* Drops the oldest released entries, until `bytes` fit. Returns false if entries that wait are in the way. */
static bool spool_make_room(struct spool *s, uint64_t bytes)
{
        uint64_t oldest = s->fields[SPOOL_OLDEST], released = s->fields[SPOOL_RELEASED], tail = s->fields[SPOOL_TAIL];
        if (tail + bytes - oldest <= s->ring_bytes)
                return true;
        while (tail + bytes - oldest > s->ring_bytes) {
                if (oldest >= released)
                        return false;
                oldest = spool_next_offset(s, oldest, released);
        }
        pthread_mutex_lock(&s->read_lock);
        spool_set(s, SPOOL_OLDEST, oldest); /* before the first byte of it is overwritten */
        pthread_mutex_unlock(&s->read_lock);
        return true;
}

int spool_append(struct spool *s, const void *records, size_t size, uint32_t count)
{
        uint64_t bytes = spool_entry_bytes(size), tail = s->fields[SPOOL_TAIL], position = s->fields[SPOOL_POSITION];
        uint64_t filling = s->ring_bytes - tail % s->ring_bytes;

        if (filling >= bytes)
                filling = 0;
        if (size > DATAGRAM_MAX_BYTES || !spool_make_room(s, filling + bytes))
                return -ENOBUFS;
        if (filling > 0) {
                spool_seal_entry(s, tail, (size_t)filling - sizeof(struct entry), 0, position);
                tail += filling;
        }
        memcpy(spool_entry(s, tail) + 1, records, size);
        spool_seal_entry(s, tail, size, count, position);
        spool_set_end(s, tail + bytes, position + count);
        return 0;
}

/* Copies the records of an entry from the place `position` on into the chunk. Returns false if they do not fit, or do
 * not follow the records in the chunk. */
static bool spool_copy_from(const struct entry *e, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer,
                            size_t max)
{
        struct wire_reader r = wire_read(e + 1, e->size);
        struct record rec;
        uint64_t first = e->first;
        while (first < position && record_next(&r, &rec) > 0)
                first++;
        size_t size = wire_left(&r);
        if (size > max - chunk->size || (chunk->count > 0 && first != chunk->first + chunk->count))
                return false;
        if (chunk->count == 0)
                chunk->first = first;
        memcpy(buffer + chunk->size, r.at, size);
        chunk->size += size;
        chunk->count += e->count - (first - e->first);
        return true;
}

/* Skips the damaged records that wait before the place `position`, which is that of the entry at `at`. Other hosts
 * recognise by the positions that they are missing. */
static void spool_pass_over(struct spool *s, uint64_t at, uint64_t position)
{
        uint64_t count = position - s->fields[SPOOL_RELEASED_POSITION];
        s->damaged_records += count > s->damage_ahead ? count - s->damage_ahead : 0;
        s->damage_ahead -= count > s->damage_ahead ? s->damage_ahead : count;
        spool_set(s, SPOOL_RELEASED_POSITION, position);
        spool_set(s, SPOOL_RELEASED, at);
        if (s->fields[SPOOL_CHUNK_END] < at)
                spool_set(s, SPOOL_CHUNK_END, at);
}

/* Changes the chunk's places into the instance of their branch and a position in it. */
static void spool_name_records(const struct spool *s, size_t branch, struct spool_chunk *chunk)
{
        chunk->instance = s->branches.all[branch].instance;
        chunk->first -= s->branches.all[branch].begin;
}

bool spool_next(struct spool *s, struct spool_chunk *chunk, uint8_t *buffer, size_t max)
{
        /* before the tail: the thread that appends stores the tail first */
        uint64_t position = s->fields[SPOOL_POSITION];
        uint64_t tail = s->fields[SPOOL_TAIL], at = spool_find_records(s, s->fields[SPOOL_RELEASED], tail);
        uint64_t end = s->fields[SPOOL_CHUNK_END];

        *chunk = (struct spool_chunk){.data = buffer};
        if (at < tail)
                position = spool_entry(s, at)->first;
        if (position > s->fields[SPOOL_RELEASED_POSITION])
                spool_pass_over(s, at, position);
        if (end <= at) /* no chunk was begun */
                end = tail;
        /* A chunk that was begun may become shorter: if `max` was larger then, or entries were damaged since. */
        uint64_t behind = at;
        size_t branch = branches_at(&s->branches, position);
        uint64_t branch_end = branches_end(&s->branches, branch);
        while (at < end && spool_entry(s, at)->first < branch_end &&
               spool_copy_from(spool_entry(s, at), 0, chunk, buffer, max)) {
                behind = spool_behind(s, at);
                at = spool_find_records(s, behind, tail);
        }
        if (chunk->count == 0)
                return false;
        spool_set(s, SPOOL_CHUNK_END, behind);
        s->chunk_end_position = chunk->first + chunk->count;
        spool_name_records(s, branch, chunk);
        return true;
}

void spool_release(struct spool *s)
{
        if (s->fields[SPOOL_CHUNK_END] <= s->fields[SPOOL_RELEASED])
                return;
        spool_set(s, SPOOL_RELEASED_POSITION, s->chunk_end_position);
        spool_set(s, SPOOL_RELEASED, s->fields[SPOOL_CHUNK_END]);
}

bool spool_read(struct spool *s, uint64_t instance, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer,
                size_t max)
{
        *chunk = (struct spool_chunk){.data = buffer};
        if (position >= spool_own(s, instance))
                return false;
        size_t branch = branches_find(&s->branches, instance);
        uint64_t end = branches_end(&s->branches, branch);
        position += s->branches.all[branch].begin;
        pthread_mutex_lock(&s->read_lock);
        uint64_t tail = s->fields[SPOOL_TAIL], at = spool_find_entry(s, s->fields[SPOOL_OLDEST], tail);
        while (at < tail &&
               (spool_entry(s, at)->count == 0 || spool_entry(s, at)->first + spool_entry(s, at)->count <= position))
                at = spool_find_entry(s, spool_behind(s, at), tail);
        at = spool_find_records(s, at, tail);
        while (at < tail && spool_entry(s, at)->first < end &&
               spool_copy_from(spool_entry(s, at), position, chunk, buffer, max))
                at = spool_find_records(s, spool_behind(s, at), tail);
        pthread_mutex_unlock(&s->read_lock);
        spool_name_records(s, branch, chunk);
        return chunk->count > 0;
}

uint64_t spool_position(const struct spool *s)
{
        return s->fields[SPOOL_POSITION];
}

uint64_t spool_waiting(const struct spool *s)
{
        uint64_t released = s->fields[SPOOL_RELEASED_POSITION], position = s->fields[SPOOL_POSITION];
        return position > released ? position - released : 0;
}

uint64_t spool_damaged(const struct spool *s)
{
        return s->damaged_records;
}

uint64_t spool_foreign(const struct spool *s)
{
        return s->foreign_records;
}
