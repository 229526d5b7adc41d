/* SipHash-2-4, a keyed hash of short input: https://www.aumasson.jp/siphash/siphash.pdf. Without the key it is
 * infeasible to tell which input belongs to a hash, or to find two inputs with the same hash.
 */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t siphash_rotate(uint64_t x, unsigned bits)
{
        return x << bits | x >> (64 - bits);
}

static inline void siphash_rounds(uint64_t v[static 4], int rounds)
{
        while (rounds-- > 0) {
                v[0] += v[1];
                v[2] += v[3];
                v[1] = siphash_rotate(v[1], 13) ^ v[0];
                v[3] = siphash_rotate(v[3], 16) ^ v[2];
                v[0] = siphash_rotate(v[0], 32);
                v[2] += v[1];
                v[0] += v[3];
                v[1] = siphash_rotate(v[1], 17) ^ v[2];
                v[3] = siphash_rotate(v[3], 21) ^ v[0];
                v[2] = siphash_rotate(v[2], 32);
        }
}

static inline void siphash_take(uint64_t v[static 4], uint64_t word)
{
        v[3] ^= word;
        siphash_rounds(v, 2);
        v[0] ^= word;
}

static inline uint64_t siphash_word(const uint8_t *at, size_t size)
{
        uint64_t word = 0;
        memcpy(&word, at, size);
        return le64toh(word);
}

static inline uint64_t siphash(const uint8_t key[static 16], const void *data, size_t size)
{
        const uint8_t *at = data;
        uint64_t k0 = siphash_word(key, 8), k1 = siphash_word(key + 8, 8), last = (uint64_t)size << 56;
        uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                         k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
        for (; size >= 8; size -= 8, at += 8)
                siphash_take(v, siphash_word(at, 8));
        siphash_take(v, last | siphash_word(at, size));
        v[2] ^= 0xff;
        siphash_rounds(v, 4);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}
