/* Writes JSON objects (RFC 8259), one in a line, to a client.
 *
 * An object is begun, gets its members, and is ended. If it does not fit into the client's buffer, it is skipped and
 * counted, like any line for a client that is too slow. Whatever the text is, the line is valid: text that is not UTF-8
 * does not come here, and all else is escaped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/wire.h>

#include "../chat-session/client.h"

struct object {
        struct client *client;
        char *at;        /* NULL: it is skipped */
        const char *end; /* the room for it ends here */
        bool is_empty;   /* the innermost object or list has no member yet */
};

enum {
        OBJECT_MEMBER_BYTES = 40, /* a key with its marks, and a number or a word */
        OBJECT_BYTES = 16,        /* the marks of an object, and the line end */
};

/* Returns the most that so many members take, without their texts. */
static inline size_t object_members_bytes(size_t n)
{
        return n * OBJECT_MEMBER_BYTES;
}

/* Returns the most that a text takes, with its quotes. Clean text (chat/safe-text.h) has no control characters. */
static inline size_t object_text_bytes(size_t len)
{
        return 2 * len + sizeof("\"\"");
}

/* Begins an object of at most `size` bytes. */
struct object object_begin(struct client *c, size_t size);

/* Ends the object, and the line. */
void object_end(struct object *o);

/* Append a member. Keys are words of this program, and need no escapes. */
void object_text(struct object *o, const char *key, struct slice text);
void object_number(struct object *o, const char *key, uint64_t number);
void object_true(struct object *o, const char *key);

/* Appends a member that is JSON already. */
void object_raw(struct object *o, const char *key, struct slice json);

/* Begin a list, an object in a list, or a text in a list, and end a list or an object in a list. */
void object_list(struct object *o, const char *key);
void object_list_end(struct object *o);
void object_item(struct object *o);
void object_item_end(struct object *o);
void object_list_text(struct object *o, struct slice text);
