/* The file of a spool (spool.h) in memory: a header, the data that the spool's user keeps, and a ring of
 * entries.
 *
 * All contents are checked before use, so damaged bytes are always recognised. An offset or a position in the header
 * has 16 bits of checksum in the same word, so one store writes both. An entry has 16 bits of checksum for its header
 * and 32 for its records. All checksums are SipHash, with the file's random instance and the place in the file as the
 * key: neither an entry of an earlier lap nor a member's text looks like an entry.
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
#include "spool-sizes.h"

enum {
        SPOOL_HEADER_BYTES = 4096,
        SPOOL_RING_AT = SPOOL_HEADER_BYTES + SPOOL_KEPT_BYTES,
        SPOOL_AGAIN_AT = 2048, /* the second copy of the header's numbers */
        SPOOL_ALIGNMENT = 16,  /* of entries, so that an entry's header always fits before the end of the ring */
        BOOT_ID_BYTES = 36,
};

/* Numbers of the header, below 1 << 48. oldest <= released <= tail, and the entries between `released` and `chunk_end`
 * are the chunk that is being sent. */
enum spool_field {
        SPOOL_OLDEST, /* an offset, as are the next three */
        SPOOL_RELEASED,
        SPOOL_CHUNK_END,
        SPOOL_TAIL,
        SPOOL_POSITION,          /* place of the next record, see branches.h */
        SPOOL_RELEASED_POSITION, /* place of the first record that waits */
        SPOOL_FIELDS,
};

/* The identity of a directory. The inode alone is not enough: it is often the same on a tmpfs that was mounted again.
 * Zeros: there is no directory. */
struct place {
        uint64_t inode;
        int64_t birth_s; /* 0 if the kernel or the file system does not know it */
        uint64_t birth_ns;
};

#define SPOOL_MAGIC "chatspl1" /* of all formats */
#define SPOOL_FORMAT "checked3"
#define SPOOL_FORMAT_BEFORE "checked2" /* the format without branches: all records have the instance of the file */

/* Numbers that the file has twice: if one copy is damaged, the other is used. */
struct spool_numbers {
        _Atomic uint64_t fields[SPOOL_FIELDS];
        char format[8];
        uint64_t instance, ring_bytes;
        uint64_t check; /* the checksum of `format`, `instance` and `ring_bytes` */
};

/* The branches, which the file has twice, too: the copy with the higher `total` is the newer one. */
struct spool_table {
        struct branch all[BRANCHES_MAX];
        uint64_t count, total; /* of branches: in `all`, and begun so far */
        uint64_t network;      /* a hash of the network's label that the records are for */
        uint64_t check;        /* the checksum of all members above */
};

/* The header of the file. A chat-link that does not know this format finds a known magic number and a ring without
 * bytes, so it reports a damaged spool. */
struct spool_header {
        char magic[8];
        uint64_t zeros[2];
        char boot_id[BOOT_ID_BYTES];
        uint32_t is_closed; /* complete on disk */
        struct spool_numbers numbers;
        struct place directory;
        /* the checksum of `boot_id` and `directory`: the kept data belongs to that boot and that directory */
        uint64_t user_check;
        struct spool_table table;
        uint8_t room[SPOOL_AGAIN_AT - 176 - sizeof(struct spool_table)];
        struct spool_numbers numbers_copy;
        struct spool_table table_copy;
};

/* The header of an entry; the entry's records follow. An entry without records fills the end of the ring. */
struct entry {
        uint32_t size : 20, count : 12;  /* bytes and records that follow */
        uint32_t sum;                    /* the checksum of those bytes */
        uint64_t first : 48, check : 16; /* the place of the first record */
};

struct spool {
        int fd;
        char boot_id[BOOT_ID_BYTES]; /* of this boot */
        struct place directory;      /* the directory as it is now */
        size_t mapped_bytes;
        uint8_t *map;
        struct spool_header *header;
        uint8_t *ring;
        uint64_t instance, ring_bytes;         /* the file's instance: the key of its checksums */
        _Atomic uint64_t fields[SPOOL_FIELDS]; /* the same as in the header */
        struct branches branches;              /* the same as in the header, like `branches_total` and `network` */
        uint64_t branches_total, network;
        uint64_t foreign_records;         /* records that waited for hosts of another network */
        _Atomic uint64_t damaged_records; /* records that waited and cannot be sent */
        uint64_t damage_ahead;            /* damaged records that were not passed over yet */
        uint64_t chunk_end_position;      /* the place behind the chunk that is being sent */
        char new_path[PATH_MAX];          /* of the file that is to replace this one */
        pthread_mutex_t read_lock;        /* no entry is dropped while it is locked */
};

static inline struct entry *spool_entry(const struct spool *s, uint64_t offset)
{
        return (struct entry *)(void *)(s->ring + offset % s->ring_bytes);
}

/* Returns how many bytes of the ring an entry takes with records of this size. */
static inline uint64_t spool_entry_bytes(uint64_t size)
{
        return (sizeof(struct entry) + size + SPOOL_ALIGNMENT - 1) / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT;
}

/* Returns the offset behind the entry at `offset`. */
static inline uint64_t spool_behind(const struct spool *s, uint64_t offset)
{
        return offset + spool_entry_bytes(spool_entry(s, offset)->size);
}

/* Writes the header of an entry at `offset`, whose records are already there. */
void spool_seal_entry(const struct spool *s, uint64_t offset, size_t size, uint32_t count, uint64_t first);

/* Returns the offset of the first entry at or behind `offset` that ends at `end` at the latest, with or without
 * records. Returns `end` if there is none. Skips damaged bytes. Does not check the entry's records. */
uint64_t spool_find_entry(const struct spool *s, uint64_t offset, uint64_t end);

/* Returns the same as spool_find_entry(), but only for an entry that has records, and undamaged ones. */
uint64_t spool_find_records(const struct spool *s, uint64_t offset, uint64_t end);

/* Write into the header the identity of the file: its instance and the size of its ring; and the boot and directory to
 * which the kept data belongs. */
void spool_seal_numbers(struct spool *s);
void spool_seal_user(struct spool *s);

/* Reads the identity of the file from the header. `*before` is true for the previous format. Returns false for any
 * other format. */
bool spool_read_numbers(const struct spool_header *h, uint64_t *instance, uint64_t *ring_bytes, bool *before);

/* Writes the branches into the header. */
void spool_seal_table(struct spool *s);

/* Takes the branches from the header. Returns false if both copies are damaged. */
bool spool_load_table(struct spool *s);

/* Returns true if the boot and directory in the header are undamaged. */
bool spool_has_user(const struct spool *s);

/* Stores a number: in the header first, by one store. */
void spool_set(struct spool *s, enum spool_field field, uint64_t value);

/* Adds an entry: the tail becomes `tail`, and the position of the next record `position`. Other threads see the tail
 * first. In the header the tail is written last, and that store makes the entry part of the spool. */
void spool_set_end(struct spool *s, uint64_t tail, uint64_t position);

/* Takes the number from the header. Returns false if it is damaged. */
bool spool_load(struct spool *s, enum spool_field field);
