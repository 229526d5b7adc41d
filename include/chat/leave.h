/* The reason why a member left: one word, the text of a LEAVE (record.h).
 *
 * Before version 7 the text of a LEAVE was empty or LEAVE_REMOVED. Links of those versions leave out other words.
 */
#pragma once

#include "record.h"

/* Returns the word for a reason, or an empty one if there is no such reason. */
static inline struct slice leave_word(enum leave_reason why)
{
        static const char *const words[LEAVE_REASONS] = {
                [LEAVE_EXIT] = "exit",
                [LEAVE_EOF] = "eof",
                [LEAVE_INTERRUPT] = "interrupt",
                [LEAVE_RESET] = "reset",
                [LEAVE_TERMINATED] = "terminated",
                [LEAVE_KILLED] = "killed",
                [LEAVE_TIMEOUT] = "timeout",
                [LEAVE_KICKED] = LEAVE_REMOVED,
                [LEAVE_NOT_CHAT] = "not-chat",
        };
        return slice_of(why < LEAVE_REASONS && words[why] ? words[why] : "");
}

/* Returns the reason for a word, or 0 if the word stands for none. */
static inline enum leave_reason leave_why(struct slice word)
{
        for (unsigned why = LEAVE_EXIT; why < LEAVE_REASONS && word.len > 0; why++)
                if (slice_equal(word, leave_word((enum leave_reason)why)))
                        return (enum leave_reason)why;
        return (enum leave_reason)0;
}
