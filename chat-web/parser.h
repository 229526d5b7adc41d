/* Parses a line of JSON with jansson, which is strict: UTF-8, surrogates, numbers and depth are checked, and no key may
 * come twice. All that it allocates lies in one buffer of fixed size, so that a line cannot take more.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include <chat/wire.h>

enum {
        PARSER_LINE_MAX_BYTES = 8192,
        PARSER_VALUES_MAX = 256,
        /* A value takes up to 400 bytes, and the texts together up to eight times the line: jansson's buffer for a text is
         * copied whenever it doubles. Pages that are not used cost no memory. */
        PARSER_ARENA_BYTES = PARSER_VALUES_MAX * 400 + 8 * PARSER_LINE_MAX_BYTES,
        PARSER_WHY_BYTES = 160,
};

/* Lets jansson use the buffer. Call it once, before the session enters its sandbox. */
void parser_begin(void);

/* Returns true if the line has at most PARSER_VALUES_MAX values. */
bool parser_is_small(struct slice line);

/* Parses an object in such a line of at most PARSER_LINE_MAX_BYTES. Returns the object, which is valid until the next call,
 * and is not freed. Returns NULL and says why if the line is no object. */
json_t *parser_parse(struct slice line, char why[static PARSER_WHY_BYTES]);

/* Finds a member that is a text. Returns false if there is none. */
bool parser_text(const json_t *object, const char *key, struct slice *text);

/* Finds a member that is a whole number from 0 to `most`. Returns false if there is none. */
bool parser_number(const json_t *object, const char *key, uint64_t most, uint64_t *number);
