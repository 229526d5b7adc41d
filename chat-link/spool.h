/* The spool: what people on this host said and other hosts have not got yet, in a file.
 *
 * A ring of entries in a mapped file, so what was appended is there after kill -9, at whichever instruction: an entry
 * is written first, and becomes part of the spool by one store. An entry is the records of one datagram from chatd.
 * Every record has a position: how many there were before it in its branch (branches.h). Together with the random
 * `instance` of the branch it names a record for ever, so a receiver knows what came before, and how many are missing.
 *
 * Two threads use it: one appends, the other sends, chunk by chunk. A chunk is what goes out as one message; what it
 * covers is in the file too, and stays the same until it is released, also across kill -9: when it is not known whether
 * it was sent, the same one is sent again.
 *
 * The file is of fixed size and allocated when it is made, so a full disk is an error at the start. After a power loss
 * (another boot, and nobody closed the file) what is in it cannot be trusted: the spool is begun anew, and spool_open()
 * says how many records that may lose.
 *
 * All that is in the file has checksums (spool-ring.h). A damaged entry is passed over: the records behind it keep their
 * positions, so that receivers know how many are missing, and spool_damaged() counts them.
 *
 * What waits is for one network. In another it is not sent: the spool is begun anew, and spool_left() says how many.
 *
 * What was released stays readable until its place is needed: spool_walk() shows the last of it, for whoever must know
 * what was appended last, and spool_read() what lies behind a position, for a host that misses it.
 *
 * Owns the file and its mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/record.h>

enum {
        SPOOL_KEPT_BYTES = 16384,                      /* at the head of the file for its user, see spool_kept() */
        SPOOL_RING_MIN_BYTES = 4 * DATAGRAM_MAX_BYTES, /* so that the last entry stays when the next one needs place */
};

struct spool;

/* What a host has said of a branch: its first `records`. */
struct spool_said {
        uint64_t instance, records;
};

struct spool_chunk {
        uint64_t instance;   /* the branch of all its records */
        uint64_t first;      /* the position of its first record */
        uint64_t count;      /* records */
        const uint8_t *data; /* as record_encode() wrote them */
        size_t size;
};

/* Opens or makes `path` with a ring of `bytes`, SPOOL_RING_MIN_BYTES at least. A file of another size is used as it is
 * while records wait in it, else made anew, with the same in spool_kept(). A new file is made as `path`.new, while the
 * old one is there: whoever is killed leaves one of them. What is in spool_kept() is of use as long as what others keep
 * in the directory `kept_with` is there: it is zeros again after another boot, or where that is another directory than
 * before. A file of a version without checksums or without branches is converted. A branch begins where the file was not
 * in use with that directory in this boot. `network` is the label of the hosts that it is for. `*lost` is how many records a power loss cost, or
 * MISSED_UNKNOWN where the file is damaged so that nothing of it can be used. Returns NULL with errno: EBUSY where another
 * process has it. */
struct spool *spool_open(const char *path, size_t bytes, const char *kept_with, const char *network, uint64_t *lost);

/* Notes that the file is complete on disk, and closes it. */
void spool_close(struct spool *s);

/* The instance of the newest branch: random, never 0. */
uint64_t spool_instance(const struct spool *s);

/* How many records of the branch `instance` are of this host; 0 where it never had that branch. */
uint64_t spool_own(const struct spool *s, uint64_t instance);

/* What was sent of each branch, of the newest first, `max` at most, and of those before only where they have records.
 * Returns how many there are. */
size_t spool_said(const struct spool *s, struct spool_said *said, size_t max);

/* SPOOL_KEPT_BYTES of the file, all zeros in a new one: what its user stores there is there after kill -9. */
void *spool_kept(struct spool *s);

/* Calls `on_record` with the records that are still in the file, oldest first. Before anything else is done. */
void spool_walk(struct spool *s, void (*on_record)(void *user, const struct record *rec), void *user);

/* ---- for the thread that appends ---- */

/* Appends an entry: `count` records in `size` bytes, DATAGRAM_MAX_BYTES at most. Returns 0, or -ENOBUFS when it is
 * full. */
int spool_append(struct spool *s, const void *records, size_t size, uint32_t count);

/* Begins a branch: another host goes on with the newest one. */
void spool_part(struct spool *s);

/* ---- for the thread that sends ---- */

/* What is to be sent next: of as many entries as fit `max` bytes, DATAGRAM_MAX_BYTES at least. The same until it is
 * released. Returns false where nothing waits. `chunk` points into `buffer`, of `max` bytes. */
bool spool_next(struct spool *s, struct spool_chunk *chunk, uint8_t *buffer, size_t max);

/* The chunk was stored where it cannot be lost any more. */
void spool_release(struct spool *s);

/* What is still in the file of the branch `instance` from `position` on, as much as fits `max` bytes, DATAGRAM_MAX_BYTES at
 * least; also what was not sent yet. It begins behind `position` where that is not in the file any more. Returns false
 * where there is nothing. `chunk` points into `buffer`. spool_append() waits meanwhile, if it needs the place. */
bool spool_read(struct spool *s, uint64_t instance, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer,
                size_t max);

/* ---- for both ---- */

/* How many records were appended to the file so far, which only grows, and how many wait. */
uint64_t spool_position(const struct spool *s);
uint64_t spool_waiting(const struct spool *s);

/* Of the records that waited since the file was opened, how many are damaged and left out. */
uint64_t spool_damaged(const struct spool *s);

/* How many records waited for hosts of another network when it was opened. */
uint64_t spool_left(const struct spool *s);
