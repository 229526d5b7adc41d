/* Random numbers by which links tell things apart that have one name. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

#include <chat/clock.h>

/* Returns a number that is not 0. */
static inline uint64_t draw_number(void)
{
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number)) /* cannot happen once the system is up */
                number = clock_boottime_us();
        return number | 1;
}
