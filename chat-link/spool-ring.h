/* The file of a spool (spool.h) as it lies in memory: a header, what the spool's user keeps, and a ring of entries.
 *
 * Everything in there is checked before it is believed, so damaged bytes are never taken for others. An offset or a
 * position of the header carries 16 bits of a checksum in the same word, so that it is still written by one store. An
 * entry has 16 bits for its header, 32 for its records. All checksums are SipHash with the file's random instance and
 * the place where they stand as the key: neither an entry of an earlier lap nor what somebody says looks like an entry.
 *
 * Offsets only grow; their place in the ring is the remainder.
 */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "branches.h"
#include "spool.h"

enum {
        SPOOL_HEADER_BYTES = 4096,
        SPOOL_RING_AT = SPOOL_HEADER_BYTES + SPOOL_KEPT_BYTES,
        SPOOL_AGAIN_AT = 2048, /* the header's numbers once more */
        SPOOL_ALIGNMENT = 16,  /* of entries, so that an entry's header always fits before the end of the ring */
        BOOT_ID_BYTES = 36,
};

/* Numbers of the header, below 1 << 48. oldest <= released <= tail, and what is between `released` and `chunk_end` is
 * the chunk that is being sent. */
enum spool_field {
        SPOOL_OLDEST, /* this and the next three are offsets */
        SPOOL_RELEASED,
        SPOOL_CHUNK_END,
        SPOOL_TAIL,
        SPOOL_POSITION,          /* place of the next record, see branches.h */
        SPOOL_RELEASED_POSITION, /* place of the first record that waits */
        SPOOL_FIELDS,
};

/* Which directory it is: of those on a tmpfs that was mounted again the inode alone is often the same. Zeros: there is
 * none. */
struct place {
        uint64_t inode;
        int64_t birth_s; /* 0 where the kernel or the file system does not know it */
        uint64_t birth_ns;
};

#define SPOOL_MAGIC "chatspl1" /* of all formats */
#define SPOOL_FORMAT "checked3"
#define SPOOL_FORMAT_BEFORE "checked2" /* without branches: its instance is that of all records */

/* Numbers that the file has twice: if one copy is damaged, the other is used. */
struct spool_numbers {
        _Atomic uint64_t fields[SPOOL_FIELDS];
        char format[8];
        uint64_t instance, ring_bytes;
        uint64_t check; /* of these three */
};

/* The branches, also twice: the copy with more of them `begun` is the newer one. */
struct spool_table {
        struct branch all[BRANCHES_MAX];
        uint64_t count, begun;
        uint64_t network; /* a hash of the network's label that the records are for */
        uint64_t check;   /* of all that */
};

/* A chat-link that does not know this format finds a magic number that it knows and a ring without bytes, takes the file
 * for a damaged spool, and says so. */
struct spool_header {
        char magic[8];
        uint64_t zeros[2];
        char boot_id[BOOT_ID_BYTES];
        uint32_t closed; /* complete on disk */
        struct spool_numbers numbers;
        struct place kept_with;
        uint64_t user_check; /* of boot_id and kept_with, which say whose what is kept is */
        struct spool_table table;
        uint8_t room[SPOOL_AGAIN_AT - 176 - sizeof(struct spool_table)];
        struct spool_numbers again;
        struct spool_table table_again;
};

/* An entry; its records follow. Without records it fills the end of the ring. */
struct entry {
        uint32_t size : 20, count : 12;  /* bytes and records that follow */
        uint32_t sum;                    /* of those bytes */
        uint64_t first : 48, check : 16; /* the place of the first record */
};

struct spool {
        int fd;
        char boot_id[BOOT_ID_BYTES]; /* of this boot */
        struct place kept_with;      /* the directory as it is now */
        size_t mapped_bytes;
        uint8_t *map;
        struct spool_header *header;
        uint8_t *ring;
        uint64_t instance, ring_bytes;         /* the file's instance: the key of its checksums */
        _Atomic uint64_t fields[SPOOL_FIELDS]; /* as those of the header */
        struct branches branches;              /* as the header's table, and so are the next two */
        uint64_t begun, network;
        uint64_t left;               /* records that waited for hosts of another network */
        _Atomic uint64_t damaged;    /* records that waited and cannot be sent */
        uint64_t foreseen;           /* damaged records that were not passed over yet */
        uint64_t chunk_end_position; /* the place behind the chunk that is being sent */
        char new_path[PATH_MAX];     /* of a file that is to take its place */
        pthread_mutex_t reading;     /* nothing is given up meanwhile */
};

static inline struct entry *spool_entry(const struct spool *s, uint64_t offset)
{
        return (struct entry *)(void *)(s->ring + offset % s->ring_bytes);
}

/* Returns how much of the ring an entry takes with records of this size. */
static inline uint64_t spool_entry_bytes(uint64_t size)
{
        return (sizeof(struct entry) + size + SPOOL_ALIGNMENT - 1) / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT;
}

/* Returns the offset behind the entry at `offset`. */
static inline uint64_t spool_behind(const struct spool *s, uint64_t offset)
{
        return offset + spool_entry_bytes(spool_entry(s, offset)->size);
}

/* Writes the header of an entry at `offset`, whose records are there. */
void spool_seal_entry(const struct spool *s, uint64_t offset, size_t size, uint32_t count, uint64_t first);

/* Returns the offset of the first entry at or behind `offset` that ends at `end` at the latest, with records or without;
 * else `end`. Passes over what is damaged; whether the records are whole is not looked at. */
uint64_t spool_find_entry(const struct spool *s, uint64_t offset, uint64_t end);

/* As spool_find_entry(), for an entry that has records, all of them undamaged. */
uint64_t spool_find_records(const struct spool *s, uint64_t offset, uint64_t end);

/* Writes into the header what the file is: its instance and the size of its ring; or whose what is kept is. */
void spool_seal_numbers(struct spool *s);
void spool_seal_user(struct spool *s);

/* Reads from the header what the file is, and whether it is of the format before. Returns false where it is of neither. */
bool spool_read_numbers(const struct spool_header *h, uint64_t *instance, uint64_t *ring_bytes, bool *before);

/* Writes the branches into the header. */
void spool_seal_table(struct spool *s);

/* Takes the branches from the header. Returns false where both copies are damaged. */
bool spool_load_table(struct spool *s);

/* Returns true if the header says truly whose what is kept is. */
bool spool_has_user(const struct spool *s);

/* Stores a number: in the header first, by one store. */
void spool_set(struct spool *s, enum spool_field field, uint64_t value);

/* An entry was added: the tail is `tail` now, and the position of the next record `position`. Other threads see the tail
 * first; in the header it is the last, and the store of it makes the entry part of the spool. */
void spool_set_end(struct spool *s, uint64_t tail, uint64_t position);

/* Takes the number from the header. Returns false where it is damaged. */
bool spool_load(struct spool *s, enum spool_field field);
