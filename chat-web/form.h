/* What members do and say, as JSON for a client (chat-json(5)). chatd writes the same form to lent connections
 * (chat/outlet.h), so chatd links this file and object.h, too.
 *
 * Pure functions. A change of the form needs another OUTLET_LAYOUT (chat/outlet.h).
 */
#pragma once

#include <chat/names.h>
#include <chat/record.h>

#include "object.h"

enum {
        FORM_ID_BYTES = 64,
        FORM_UTC_BYTES = 32,
        /* the members that several events have: event, id, time, room, name, host */
        FORM_COMMON_BYTES =
                7 * OBJECT_MEMBER_BYTES + FORM_ID_BYTES + FORM_UTC_BYTES + 2 * (NAME_MAX_BYTES + 2 * NICK_MAX_BYTES),
};

/* Returns the name of the event for a kind of record, or NULL if clients are not shown such records. */
const char *form_event(uint8_t kind);

/* Returns the name of a person without the host. */
struct slice form_name(struct slice name);

/* Add a member of an event. The id of a record is the same after a crash. Only lines have numbers of their own, so the
 * id of any other record has its kind, too. `kind` is NULL for a line. */
void form_put_id(struct object *o, const char *key, uint64_t id, uint64_t number, const char *kind);
void form_put_time(struct object *o, uint64_t ms);
void form_put_room(struct object *o, struct slice room);
void form_put_name(struct object *o, struct slice name);

/* Adds the room, the name, and what the member did or said. A private message has no room. */
void form_put_deed(struct object *o, const struct record *r);

/* Returns the most bytes that form_put_deed() writes, besides FORM_COMMON_BYTES. */
size_t form_deed_bytes(const struct record *r);

/* Writes a record that came at `ms`, since 1970, as a line or as a message of a WebSocket. Returns its size. Returns 0
 * if `size` has no room for the longest form of such a record, or if the record is not the same for everybody in the
 * room. */
size_t form_record(bool is_message, const struct record *r, uint64_t ms, char *out, size_t size);
