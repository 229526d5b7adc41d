#include "object.h"

#include <inttypes.h>
#include <stdio.h>

#include <chat/assert.h>

enum { OBJECT_HEAD_MAX_BYTES = 10 };

/* Appends bytes. There is room for them: the caller of object_begin() has counted. */
static void object_put(struct object *o, const char *bytes, size_t n)
{
        if (!o->at)
                return;
        assert((size_t)(o->end - o->at) >= n);
        o->at = mempcpy(o->at, bytes, n);
}

static void object_put_word(struct object *o, const char *word)
{
        object_put(o, word, strlen(word));
}

struct object object_begin(char *at, size_t size, bool is_message)
{
        struct object o = {.begin = at, .is_empty = true, .is_message = is_message};
        if (at) {
                o.at = at + (is_message ? OBJECT_HEAD_MAX_BYTES : 0);
                o.end = at + size;
        }
        object_put_word(&o, "{");
        return o;
}

/* Puts the head of a frame in front of the object. The head has only as many bytes as the length needs. */
static void object_put_head(struct object *o)
{
        char *object = o->begin + OBJECT_HEAD_MAX_BYTES, *head = o->begin;
        size_t size = (size_t)(o->at - object), digits = size < 126 ? 0 : size < 65536 ? 2 : 8;
        *head++ = (char)0x81; /* a whole message of text */
        *head++ = (char)(digits == 0 ? size : digits == 2 ? 126 : 127);
        for (size_t i = digits; i > 0; i--)
                *head++ = (char)(size >> 8 * (i - 1));
        memmove(head, object, size);
        o->at = head + size;
}

char *object_end(struct object *o)
{
        object_put_word(o, o->is_message ? "}" : "}\n");
        if (o->at && o->is_message)
                object_put_head(o);
        return o->at;
}

/* Writes what stands between a member and the one before it. */
static void object_part(struct object *o)
{
        if (!o->is_empty)
                object_put_word(o, ",");
        o->is_empty = false;
}

static void object_key(struct object *o, const char *key)
{
        object_part(o);
        object_put_word(o, "\"");
        object_put_word(o, key);
        object_put_word(o, "\":");
}

/* Returns how many bytes of the text need no escape. */
static size_t object_plain(struct slice text)
{
        size_t n = 0;
        while (n < text.len && (unsigned char)text.at[n] >= 0x20 && text.at[n] != '"' && text.at[n] != '\\')
                n++;
        return n;
}

static void object_put_text(struct object *o, struct slice text)
{
        object_put_word(o, "\"");
        while (text.len > 0) {
                size_t n = object_plain(text);
                object_put(o, text.at, n);
                text.at += n;
                text.len -= n;
                if (text.len == 0)
                        break;
                char escape[] = {'\\', *text.at};
                if (*text.at == '\n') /* a sentence has several lines */
                        escape[1] = 'n';
                assert(escape[1] == 'n' || escape[1] == '"' || escape[1] == '\\');
                object_put(o, escape, sizeof(escape));
                text.at++;
                text.len--;
        }
        object_put_word(o, "\"");
}

void object_text(struct object *o, const char *key, struct slice text)
{
        object_key(o, key);
        object_put_text(o, text);
}

void object_number(struct object *o, const char *key, uint64_t number)
{
        char digits[24];
        object_key(o, key);
        object_put(o, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number));
}

void object_true(struct object *o, const char *key)
{
        object_key(o, key);
        object_put_word(o, "true");
}

void object_raw(struct object *o, const char *key, struct slice json)
{
        object_key(o, key);
        object_put(o, json.at, json.len);
}

void object_list(struct object *o, const char *key)
{
        object_key(o, key);
        object_put_word(o, "[");
        o->is_empty = true;
}

void object_list_end(struct object *o)
{
        object_put_word(o, "]");
        o->is_empty = false;
}

void object_item(struct object *o)
{
        object_part(o);
        object_put_word(o, "{");
        o->is_empty = true;
}

void object_item_end(struct object *o)
{
        object_put_word(o, "}");
        o->is_empty = false;
}

void object_list_text(struct object *o, struct slice text)
{
        object_part(o);
        object_put_text(o, text);
}
