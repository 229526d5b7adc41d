#include "parser.h"

#include <stdio.h>
#include <sys/random.h>

#include <chat/assert.h>
#include <chat/safe-text.h>

/* jansson has one allocator for the whole process, so its buffer is one of the process, too. Most lines need a few pages
 * of it. */
static struct {
        size_t used;
        _Alignas(max_align_t) char bytes[PARSER_ARENA_BYTES];
} arena;

static void *parser_allocate(size_t size)
{
        size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
        /* jansson 2.14 writes behind a text if there is no memory for it */
        assert(size <= sizeof(arena.bytes) - arena.used);
        void *at = arena.bytes + arena.used;
        arena.used += size;
        return at;
}

/* All is freed at once, by the next parser_parse(). */
static void parser_free(void *at)
{
        (void)at;
}

void parser_begin(void)
{
        size_t seed = 0;
        if (getrandom(&seed, sizeof(seed), 0) < 0 || seed == 0)
                seed = 1; /* cannot happen once the system is up, getrandom(2) */
        json_object_seed(seed);
        json_set_alloc_funcs(parser_allocate, parser_free);
}

/* Each value but the first comes behind a mark, which counts only outside of texts. */
bool parser_is_small(struct slice line)
{
        size_t marks = 0;
        bool in_text = false;
        if (line.len <= PARSER_VALUES_MAX) /* a value has at least one byte */
                return true;
        for (size_t i = 0; i < line.len; i++) {
                if (line.at[i] == '"')
                        in_text = !in_text;
                else if (in_text && line.at[i] == '\\')
                        i++;
                else if (!in_text && line.at[i] != '\0' && strchr("[{,:", line.at[i]))
                        marks++;
        }
        return marks <= PARSER_VALUES_MAX;
}

/* Writes where the error is and what it is. It may quote the line. */
static void parser_explain(const json_error_t *error, char why[static PARSER_WHY_BYTES])
{
        int len = snprintf(why, PARSER_WHY_BYTES, "at byte %d: ", error->position);
        size_t room = PARSER_WHY_BYTES - 1 - (size_t)len;
        why[(size_t)len + text_clean_all(error->text, strlen(error->text), why + len, room)] = '\0';
}

json_t *parser_parse(struct slice line, char why[static PARSER_WHY_BYTES])
{
        json_error_t error;
        arena.used = 0;
        json_t *object = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, &error);
        if (json_is_object(object))
                return object;
        if (object)
                snprintf(why, PARSER_WHY_BYTES, "a line is a JSON object");
        else
                parser_explain(&error, why);
        return NULL;
}

bool parser_text(const json_t *object, const char *key, struct slice *text)
{
        const json_t *value = json_object_get(object, key);
        if (!json_is_string(value))
                return false;
        *text = (struct slice){json_string_value(value), json_string_length(value)};
        return true;
}

bool parser_number(const json_t *object, const char *key, uint64_t most, uint64_t *number)
{
        const json_t *value = json_object_get(object, key);
        if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > most)
                return false;
        *number = (uint64_t)json_integer_value(value);
        return true;
}
