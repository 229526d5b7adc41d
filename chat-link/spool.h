/* The spool: records of this host's members that other hosts have not got yet, in a file of fixed size.
 *
 * The file is a mapped ring of entries. An entry is the records of one datagram from chatd. It is written first, and
 * one store makes it part of the spool, so kill -9 leaves the spool whole. Every record has a position: the number of
 * records before it in its branch (branches.h). The random `instance` of the branch and the position name a record for
 * ever.
 *
 * Two threads use it: one appends, the other sends, chunk by chunk. A chunk is the contents of one message. It stays
 * the same until it is released, even across kill -9, because it may have been sent without an answer.
 *
 * A damaged entry is skipped, and the records behind it keep their positions. After a power loss (another boot, and the
 * file was not closed) no record can be trusted, so the spool begins anew. It also begins anew for another network.
 *
 * Released records stay readable until their place is needed: for spool_walk() and spool_read().
 *
 * Owns the file and its mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/record.h>

#include "spool-sizes.h"

struct spool;

/* How much of a branch a host has sent: its first `records`. */
struct spool_progress {
        uint64_t instance, records;
};

struct spool_chunk {
        uint64_t instance;   /* the branch of all records of the chunk */
        uint64_t first;      /* the position of the chunk's first record */
        uint64_t count;      /* records */
        const uint8_t *data; /* in the format of record_encode() */
        size_t size;
};

/* Opens or makes `path` with a ring of `bytes`, SPOOL_RING_MIN_BYTES at least. Returns NULL with errno: EBUSY if
 * another process has the file. A file of another size is used as it is while records wait in it; else it is made anew,
 * with the same data in spool_kept(). A new file is made as `path`.new while the old file is there: if the process is
 * killed, one of the two is left. The data in spool_kept() is valid as long as the data that others keep in the
 * directory `kept_with`: it becomes zeros after another boot, or if that is another directory than before. A file of a
 * version without checksums or without branches is converted. A branch begins if the file was not in use with that
 * directory in this boot. `network` is the label of the network that the records are for. `*lost_records` is how many
 * records a power loss cost, or MISSED_UNKNOWN if the file is so damaged that nothing of it can be used. */
struct spool *spool_open(const char *path, size_t bytes, const char *kept_with, const char *network,
                         uint64_t *lost_records);

/* Notes that the file is complete on disk, and closes it. */
void spool_close(struct spool *s);

/* Returns the instance of the newest branch: random, never 0. */
uint64_t spool_instance(const struct spool *s);

/* Returns how many records of the branch `instance` are of this host; 0 if it never had that branch. */
uint64_t spool_own(const struct spool *s, uint64_t instance);

/* Writes the progress of each branch, the newest first, of at most `max` branches. Branches without records are left
 * out, except for the newest. Returns the number of branches written. */
size_t spool_progress(const struct spool *s, struct spool_progress *said, size_t max);

/* Returns the SPOOL_KEPT_BYTES of the file that are its user's, all zeros in a new file: data that the user stores
 * there survives kill -9. */
void *spool_kept(struct spool *s);

/* Calls `on_record` with the records that are still in the file, oldest first. Must be called before any other
 * function. */
void spool_walk(struct spool *s, void (*on_record)(void *user, const struct record *rec), void *user);

/* ---- for the thread that appends ---- */

/* Appends an entry: `count` records in `size` bytes, DATAGRAM_MAX_BYTES at most. Returns 0, or -ENOBUFS if the spool is
 * full. */
int spool_append(struct spool *s, const void *records, size_t size, uint32_t count);

/* Begins a branch, because another host continues the newest one. */
void spool_part(struct spool *s);

/* ---- for the thread that sends ---- */

/* Sets `chunk` to the next chunk to send: as many entries as fit `max` bytes, which is at least DATAGRAM_MAX_BYTES.
 * Returns false if no record waits. The chunk stays the same until it is released. `chunk` points into `buffer`, of
 * `max` bytes. */
bool spool_next(struct spool *s, struct spool_chunk *chunk, uint8_t *buffer, size_t max);

/* Releases the chunk, which has been stored where it cannot be lost. */
void spool_release(struct spool *s);

/* Sets `chunk` to the records of the branch `instance` from `position` on that are still in the file, sent or not: as
 * many as fit `max` bytes, which is at least DATAGRAM_MAX_BYTES. Returns false if there are none. The chunk begins
 * behind `position` if the record there is no longer in the file. `chunk` points into `buffer`. spool_append() waits
 * meanwhile if it needs the place. */
bool spool_read(struct spool *s, uint64_t instance, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer,
                size_t max);

/* ---- for both threads ---- */

/* Return how many records were appended to the file so far, which only grows, and how many wait. */
uint64_t spool_position(const struct spool *s);
uint64_t spool_waiting(const struct spool *s);

/* Returns how many of the records that have waited since the file was opened are damaged and left out. */
uint64_t spool_damaged(const struct spool *s);

/* Returns how many records waited for hosts of another network when the file was opened. */
uint64_t spool_foreign(const struct spool *s);
