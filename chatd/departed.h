/* Members that left just before chatd died: their remaining frames in the queue are ignored. */
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
