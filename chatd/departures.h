/* Members that left just before the previous chatd died. Their remaining frames in the queue are ignored. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct departures {
        uint64_t *ids;
        size_t count;
};

/* Adds an id. Returns 0 or -ENOMEM. */
int departures_add(struct departures *d, uint64_t id);

bool departures_has(const struct departures *d, uint64_t id);

/* Frees the ids. */
void departures_clear(struct departures *d);
