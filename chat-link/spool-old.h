/* The file of a spool of an earlier version, without checksums. After an upgrade, the records that wait in it are sent.
 *
 * Owns the mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;

struct spool_old {
        const uint8_t *map;
        size_t mapped_bytes;
        uint64_t ring_bytes;
};

/* Maps the file `fd` of `file_bytes`. Returns false if the file is no such spool, or cannot be used. */
bool spool_old_map(struct spool_old *old, int fd, uint64_t file_bytes);
void spool_old_unmap(struct spool_old *old);

/* Copies the old spool into the empty file that `s` maps, whose ring has the same size. */
void spool_old_convert(const struct spool_old *old, struct spool *s);
