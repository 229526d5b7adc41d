/* Random numbers by which links tell apart things of the same name. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

#include <chat/clock.h>

/* Returns a random number other than 0. */
static inline uint64_t draw_number(void)
{
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number)) /* does not happen once the system is up */
                number = clock_boottime_us();
        return number | 1;
}
