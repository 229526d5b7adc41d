/* Time and death for the broker's target: both come from the input, so that an input always does the same, quickly.
 *
 * The linker puts these functions in the way of chatd's own calls (--wrap). The clocks stand still except for
 * time_pass(), and poll() waits only in that time. A death is a jump out of chatd, before one of the calls by which it
 * becomes visible from outside: what it sends, what it notes, what it consumes.
 */
#pragma once

#include <setjmp.h>
#include <stdint.h>

/* Lets `ms` pass. */
void time_pass(uint64_t ms);

/* From now on the call number `batch-lifecycle` among those calls (1 is the next one) jumps to `where`, instead of being made. 0:
 * none. */
void death_arm(unsigned steps, jmp_buf *where);
