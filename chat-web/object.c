#include "object.h"

#include <inttypes.h>
#include <stdio.h>

#include <chat/assert.h>

#include "../chat-session/client-output.h"

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

struct object object_begin(struct client *c, size_t size)
{
        struct object o = {.client = c, .at = client_begin_line(c, size), .is_empty = true};
        o.end = o.at ? o.at + size : NULL;
        object_put_word(&o, "{");
        return o;
}

void object_end(struct object *o)
{
        object_put_word(o, "}\n");
        if (o->at)
                client_end_line(o->client, o->at);
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
