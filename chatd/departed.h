/* Members that left just before chatd died: what is left of theirs in the queue is ignored. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct departed {
        uint64_t *ids;
        size_t count;
};

/* Adds an id. Returns 0 or -ENOMEM. */
int departed_add(struct departed *d, uint64_t id);

bool departed_has(const struct departed *d, uint64_t id);

/* Frees the ids. */
void departed_clear(struct departed *d);
