/* The numbers of records of other hosts, which link.h explains. */
#pragma once

#include <stdint.h>

enum {
        NUMBER_INDEX_BITS = 14,
        NUMBER_SEQUENCE_BITS = 36,
        NUMBER_GENERATION_BITS = 13,
};

#define NUMBER_INDEX_MAX ((UINT64_C(1) << NUMBER_INDEX_BITS) - 1)
#define NUMBER_SEQUENCE_MAX ((UINT64_C(1) << NUMBER_SEQUENCE_BITS) - 1)
#define NUMBER_GENERATION_MAX ((UINT64_C(1) << NUMBER_GENERATION_BITS) - 1)

/* Returns the number of the first record of a message. */
static inline uint64_t number_of(uint64_t generation, uint64_t sequence)
{
        return generation << (NUMBER_SEQUENCE_BITS + NUMBER_INDEX_BITS) | sequence << NUMBER_INDEX_BITS;
}

static inline uint64_t number_generation(uint64_t number)
{
        return number >> (NUMBER_SEQUENCE_BITS + NUMBER_INDEX_BITS);
}

static inline uint64_t number_sequence(uint64_t number)
{
        return number >> NUMBER_INDEX_BITS & NUMBER_SEQUENCE_MAX;
}
