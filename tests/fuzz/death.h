/* The time and the deaths of the broker's target. Both come from the input, so an input always has the same effect,
 * without delay.
 *
 * The linker replaces calls of chatd by these functions (--wrap). The clocks stand still except for time_pass(), and
 * poll() waits only in that time. A death is a jump out of chatd in front of a call that has an effect outside: a
 * datagram, a note, or the end of a datagram in the queue.
 */
#pragma once

#include <setjmp.h>
#include <stdint.h>

/* Lets `ms` pass. */
void time_pass(uint64_t ms);

/* Makes call number `steps` of those calls jump to `where`; 1 is the next call. With 0, no call does. */
void death_arm(unsigned steps, jmp_buf *where);
