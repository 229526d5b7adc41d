#include "spool-ring.h"

#include <string.h>

#include <chat/siphash.h>

enum {
        CHECK_BITS = 16,
        CHECK_MASK = (1 << CHECK_BITS) - 1,
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a store of 64 bits must be one store");
_Static_assert(sizeof(struct entry) == SPOOL_ALIGNMENT, "an entry's header is one unit");
_Static_assert(sizeof(struct spool_header) <= SPOOL_HEADER_BYTES, "the header has a page");
_Static_assert(offsetof(struct spool_header, numbers_copy) == SPOOL_AGAIN_AT,
               "the header's numbers are far from their copy");

static uint64_t spool_ring_hash(uint64_t instance, uint64_t place, const void *data, size_t size)
{
        const uint64_t words[2] = {instance, place};
        uint8_t key[sizeof(words)];
        memcpy(key, words, sizeof(key));
        return siphash(key, data, size);
}

/* ---- entries ---- */

static uint32_t spool_ring_sum_records(const struct spool *s, uint64_t offset, size_t size)
{
        return (uint32_t)spool_ring_hash(s->instance, offset, spool_entry(s, offset) + 1, size);
}

static uint16_t spool_ring_check_entry(const struct spool *s, uint64_t offset, const struct entry *e)
{
        const uint64_t words[] = {e->first, (uint64_t)e->size << 32 | e->count, e->sum};
        return (uint16_t)spool_ring_hash(s->instance, ~offset, words, sizeof(words));
}

void spool_seal_entry(const struct spool *s, uint64_t offset, size_t size, uint32_t count, uint64_t first)
{
        struct entry e = {
                .size = size & 0xfffff,
                .count = count & 0xfff,
                .sum = count > 0 ? spool_ring_sum_records(s, offset, size) : 0,
                .first = first & ((UINT64_C(1) << 48) - 1),
        };
        e.check = spool_ring_check_entry(s, offset, &e);
        *spool_entry(s, offset) = e;
}

/* Returns true if an entry begins at `offset` and ends at `end` at the latest. */
static bool spool_ring_is_entry(const struct spool *s, uint64_t offset, uint64_t end)
{
        const struct entry e = *spool_entry(s, offset);
        uint64_t bytes = spool_entry_bytes(e.size), left = s->ring_bytes - offset % s->ring_bytes;
        return e.check == spool_ring_check_entry(s, offset, &e) && bytes <= end - offset && bytes <= left;
}

uint64_t spool_find_entry(const struct spool *s, uint64_t offset, uint64_t end)
{
        while (offset < end && !spool_ring_is_entry(s, offset, end))
                offset += SPOOL_ALIGNMENT;
        return offset < end ? offset : end;
}

uint64_t spool_find_records(const struct spool *s, uint64_t offset, uint64_t end)
{
        for (;;) {
                offset = spool_find_entry(s, offset, end);
                if (offset == end)
                        return end;
                const struct entry *e = spool_entry(s, offset);
                if (e->count > 0 && spool_ring_sum_records(s, offset, e->size) == e->sum)
                        return offset;
                offset += spool_entry_bytes(e->size);
        }
}

/* ---- the header ---- */

static uint64_t spool_ring_check_numbers(const struct spool_numbers *n)
{
        uint64_t words[2] = {n->ring_bytes};
        memcpy(&words[1], n->format, sizeof(n->format));
        return spool_ring_hash(n->instance, 0, words, sizeof(words));
}

static void spool_ring_seal_numbers(const struct spool *s, struct spool_numbers *n)
{
        memcpy(n->format, SPOOL_FORMAT, sizeof(n->format));
        n->instance = s->instance;
        n->ring_bytes = s->ring_bytes;
        n->check = spool_ring_check_numbers(n);
}

void spool_seal_numbers(struct spool *s)
{
        memcpy(s->header->magic, SPOOL_MAGIC, sizeof(s->header->magic));
        memset(s->header->zeros, 0, sizeof(s->header->zeros));
        spool_ring_seal_numbers(s, &s->header->numbers);
        spool_ring_seal_numbers(s, &s->header->numbers_copy);
}

static bool spool_ring_is_of_format(const struct spool_numbers *n, const char *format)
{
        return memcmp(n->format, format, sizeof(n->format)) == 0;
}

static bool spool_ring_has_numbers(const struct spool_numbers *n)
{
        return n->instance != 0 &&
               (spool_ring_is_of_format(n, SPOOL_FORMAT) || spool_ring_is_of_format(n, SPOOL_FORMAT_BEFORE)) &&
               n->check == spool_ring_check_numbers(n);
}

bool spool_read_numbers(const struct spool_header *h, uint64_t *instance, uint64_t *ring_bytes, bool *before)
{
        const struct spool_numbers *n = spool_ring_has_numbers(&h->numbers) ? &h->numbers : &h->numbers_copy;
        *instance = n->instance;
        *ring_bytes = n->ring_bytes;
        *before = spool_ring_is_of_format(n, SPOOL_FORMAT_BEFORE);
        return spool_ring_has_numbers(n);
}

static uint64_t spool_ring_check_table(const struct spool *s, const struct spool_table *t)
{
        return spool_ring_hash(s->instance, UINT64_C(1) << 63, t, offsetof(struct spool_table, check));
}

void spool_seal_table(struct spool *s)
{
        struct spool_table t = {.count = s->branches.count, .total = s->branches_total, .network = s->network};
        memcpy(t.all, s->branches.all, sizeof(t.all));
        t.check = spool_ring_check_table(s, &t);
        s->header->table = t;
        atomic_signal_fence(memory_order_seq_cst); /* after kill -9 one of the two copies is whole */
        s->header->table_copy = t;
}

bool spool_load_table(struct spool *s)
{
        const struct spool_table *all[2] = {&s->header->table, &s->header->table_copy}, *newest = NULL;
        for (size_t i = 0; i < 2; i++)
                if (all[i]->check == spool_ring_check_table(s, all[i]) && (!newest || all[i]->total > newest->total))
                        newest = all[i];
        if (!newest)
                return false;
        memcpy(s->branches.all, newest->all, sizeof(newest->all));
        s->branches.count = newest->count;
        s->branches_total = newest->total;
        s->network = newest->network;
        return branches_are_good(&s->branches);
}

static uint64_t spool_ring_check_user(const struct spool *s)
{
        const struct spool_header *h = s->header;
        uint8_t user[BOOT_ID_BYTES + sizeof(h->directory)];
        memcpy(user, h->boot_id, BOOT_ID_BYTES);
        memcpy(user + BOOT_ID_BYTES, &h->directory, sizeof(h->directory));
        return spool_ring_hash(s->instance, 1, user, sizeof(user));
}

void spool_seal_user(struct spool *s)
{
        s->header->user_check = spool_ring_check_user(s);
}

bool spool_has_user(const struct spool *s)
{
        return s->header->user_check == spool_ring_check_user(s);
}

static uint64_t spool_ring_check_field(const struct spool *s, enum spool_field field, uint64_t value)
{
        return spool_ring_hash(s->instance, 2 + (uint64_t)field, &value, sizeof(value)) & CHECK_MASK;
}

static void spool_ring_store(struct spool *s, enum spool_field field, uint64_t value)
{
        uint64_t word = value << CHECK_BITS | spool_ring_check_field(s, field, value);
        s->header->numbers.fields[field] = word;
        s->header->numbers_copy.fields[field] = word;
}

void spool_set(struct spool *s, enum spool_field field, uint64_t value)
{
        spool_ring_store(s, field, value);
        s->fields[field] = value;
}

void spool_set_end(struct spool *s, uint64_t tail, uint64_t position)
{
        spool_ring_store(s, SPOOL_POSITION, position);
        spool_ring_store(s, SPOOL_TAIL, tail);
        s->fields[SPOOL_TAIL] = tail;
        s->fields[SPOOL_POSITION] = position;
}

static bool spool_ring_load(struct spool *s, enum spool_field field, uint64_t word)
{
        uint64_t value = word >> CHECK_BITS;
        if ((word & CHECK_MASK) != spool_ring_check_field(s, field, value))
                return false;
        s->fields[field] = value;
        return true;
}

bool spool_load(struct spool *s, enum spool_field field)
{
        return spool_ring_load(s, field, s->header->numbers.fields[field]) ||
               spool_ring_load(s, field, s->header->numbers_copy.fields[field]);
}
