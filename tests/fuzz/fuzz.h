/* Included by every fuzz target: the entry that libFuzzer calls with each input, and the check of promises. Each target
 * states its promises (oracles) at its top, and looks for more than crashes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns standard error as it was at the start: -close_fd_mask=2 keeps chatd's log off the terminal. */
int fuzz_terminal(void);

#define BROKEN(...)                                                                                                    \
        do {                                                                                                           \
                dprintf(fuzz_terminal(), "%s:%d: ", __FILE__, __LINE__);                                               \
                dprintf(fuzz_terminal(), __VA_ARGS__);                                                                 \
                dprintf(fuzz_terminal(), "\n");                                                                        \
                abort();                                                                                               \
        } while (0)

/* Aborts with a message unless the condition holds. */
#define PROMISE(condition, ...)                                                                                        \
        do {                                                                                                           \
                if (!(condition))                                                                                      \
                        BROKEN(__VA_ARGS__);                                                                           \
        } while (0)

/* The input as a source of choices; it reads as zeros behind its end. */
struct choices {
        const uint8_t *at, *end;
};

static inline uint8_t choose_u8(struct choices *c)
{
        return c->at < c->end ? *c->at++ : 0;
}

static inline uint16_t choose_u16(struct choices *c)
{
        uint16_t high = choose_u8(c);
        return (uint16_t)(high << 8 | choose_u8(c));
}
