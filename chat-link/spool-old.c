#include "spool-old.h"

#include <string.h>
#include <sys/mman.h>

#include "spool-ring.h"

#include <chat/record.h>

struct old_header {
        char magic[8];
        uint64_t ring_bytes;
        uint64_t instance;
        char boot_id[BOOT_ID_BYTES];
        uint32_t is_closed;
        uint64_t oldest, release_end, chunk_end, tail;
        struct place directory;
};

struct old_entry {
        uint32_t size, count; /* bytes and records that follow; an entry without records fills the end of the ring */
        uint64_t first;
};

_Static_assert(sizeof(struct old_entry) == sizeof(struct entry), "entries stay where they are");

static const struct old_header *spool_old_header_of(const struct spool_old *old)
{
        return (const struct old_header *)(const void *)old->map;
}

static const struct old_entry *spool_old_entry_at(const struct spool_old *old, uint64_t offset)
{
        return (const struct old_entry *)(const void *)(old->map + SPOOL_RING_AT + offset % old->ring_bytes);
}

/* Returns true if the entry holds as many records as its header says, and nothing else. */
static bool spool_old_has_records(const struct old_entry *e)
{
        struct wire_reader r = wire_read(e + 1, e->size);
        struct record rec;
        uint32_t count = 0;
        int next;
        while ((next = record_next(&r, &rec)) > 0)
                count++;
        return next == 0 && count == e->count;
}

/* Returns true if there is an entry at `at`, in the format of those versions. */
static bool spool_old_is_entry(const struct spool_old *old, uint64_t at, uint64_t tail)
{
        const struct old_entry *e = spool_old_entry_at(old, at);
        uint64_t bytes = spool_entry_bytes(e->size), left = old->ring_bytes - at % old->ring_bytes;
        if (bytes > tail - at || bytes > left)
                return false;
        if (e->count == 0)
                return bytes == left;
        return e->size <= DATAGRAM_MAX_BYTES && spool_old_has_records(e);
}

/* Returns true if all entries are undamaged. Otherwise no part of the file can be used. */
static bool spool_old_is_whole(const struct spool_old *old)
{
        const struct old_header *h = spool_old_header_of(old);
        uint64_t at = h->oldest, next = UINT64_MAX;
        bool released_met = false, chunk_end_met = false;
        if (at % SPOOL_ALIGNMENT || at > h->tail || h->tail - at > old->ring_bytes || h->chunk_end < h->release_end)
                return false;
        for (;; at += spool_entry_bytes(spool_old_entry_at(old, at)->size)) {
                released_met |= at == h->release_end;
                chunk_end_met |= at == h->chunk_end;
                if (at == h->tail)
                        return released_met && chunk_end_met;
                const struct old_entry *e = spool_old_entry_at(old, at);
                if (!spool_old_is_entry(old, at, h->tail) || (e->count > 0 && next != UINT64_MAX && e->first != next))
                        return false;
                next = e->count > 0 ? e->first + e->count : next;
        }
}

bool spool_old_map(struct spool_old *old, int fd, uint64_t file_bytes)
{
        if (file_bytes < SPOOL_RING_AT + SPOOL_RING_MIN_BYTES || file_bytes > SIZE_MAX)
                return false;
        void *map = mmap(NULL, (size_t)file_bytes, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return false;
        *old = (struct spool_old){map, (size_t)file_bytes, file_bytes - SPOOL_RING_AT};
        const struct old_header *h = spool_old_header_of(old);
        if (memcmp(h->magic, SPOOL_MAGIC, sizeof(h->magic)) == 0 && h->instance != 0 &&
            h->ring_bytes == old->ring_bytes && h->ring_bytes % SPOOL_ALIGNMENT == 0 && spool_old_is_whole(old))
                return true;
        spool_old_unmap(old);
        return false;
}

void spool_old_unmap(struct spool_old *old)
{
        munmap((void *)old->map, old->mapped_bytes);
        old->map = NULL;
}

static void spool_old_convert_entries(const struct spool_old *old, struct spool *s)
{
        const struct old_header *h = spool_old_header_of(old);
        uint64_t position = 0, released = UINT64_MAX;
        for (uint64_t at = h->oldest; at < h->tail;) {
                const struct old_entry e = *spool_old_entry_at(old, at);
                if (e.count > 0 && at >= h->release_end && released == UINT64_MAX)
                        released = e.first;
                position = e.count > 0 ? e.first + e.count : position;
                spool_seal_entry(s, at, e.size, e.count, e.first);
                at += spool_entry_bytes(e.size);
        }
        spool_set(s, SPOOL_POSITION, position);
        spool_set(s, SPOOL_RELEASED_POSITION, released == UINT64_MAX ? position : released);
}

void spool_old_convert(const struct spool_old *old, struct spool *s)
{
        const struct old_header *h = spool_old_header_of(old);
        s->instance = h->instance;
        memcpy(s->map + SPOOL_HEADER_BYTES, old->map + SPOOL_HEADER_BYTES, old->mapped_bytes - SPOOL_HEADER_BYTES);
        spool_seal_numbers(s);
        memcpy(s->header->boot_id, h->boot_id, BOOT_ID_BYTES);
        s->header->is_closed = h->is_closed;
        s->header->directory = h->directory;
        spool_seal_user(s);
        spool_set(s, SPOOL_OLDEST, h->oldest);
        spool_set(s, SPOOL_RELEASED, h->release_end);
        spool_set(s, SPOOL_CHUNK_END, h->chunk_end);
        spool_set(s, SPOOL_TAIL, h->tail);
        spool_old_convert_entries(old, s);
}
