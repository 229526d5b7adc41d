/* The words of a command line as the text of a notice, a topic or a reason. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Joins words with spaces to a text as members see it (chat/reveal.h), of at most `most` bytes and a 0. `most` must not
 * exceed CONTROL_TEXT_MAX_BYTES. Returns false if the text is longer. */
bool words_join(char *text, size_t most, int count, char **words);
