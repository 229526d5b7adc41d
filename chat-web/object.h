/* Writes JSON objects (RFC 8259), each as a line, or as a message of a WebSocket (RFC 6455, section 5.2).
 *
 * An object is begun, gets its members, and is ended. Whatever the texts are, the object is valid: callers pass UTF-8,
 * and all that needs an escape gets one. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/wire.h>

struct object {
        char *begin, *at; /* NULL: it is skipped */
        const char *end;  /* the room for it ends here */
        bool is_empty;    /* the innermost object or list has no member yet */
        bool is_message;
};

enum {
        OBJECT_MEMBER_BYTES = 40, /* a key with its marks, and a number or a word */
        OBJECT_BYTES = 16,        /* the marks of an object, and a line end or the head of a frame */
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

/* Begins an object of at most `size` bytes at `at`, a line or a message. The object is skipped if `at` is NULL. */
struct object object_begin(char *at, size_t size, bool is_message);

/* Ends the object, and the line or message. Returns the end of what was written, or NULL if the object is skipped. */
char *object_end(struct object *o);

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
