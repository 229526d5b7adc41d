#include "form.h"

#include <inttypes.h>
#include <stdio.h>

#include <chat/utc.h>

_Static_assert((int)FORM_UTC_BYTES >= (int)UTC_BYTES, "a time fits");

/* The event of each kind of record. A kind without an event is not shown. The table has no pointers, here and in
 * http.c: the dynamic linker would write them, and each session would have a page of its own for them. */
static const char form_events[][8] = {
        [RECORD_LINE] = "line",   [RECORD_ACTION] = "action", [RECORD_PRIVATE] = "private", [RECORD_JOIN] = "join",
        [RECORD_ENTER] = "join",  [RECORD_CAME] = "join",     [RECORD_LEAVE] = "leave",     [RECORD_EXIT] = "leave",
        [RECORD_WENT] = "leave",  [RECORD_RENAME] = "rename", [RECORD_TOPIC] = "topic",     [RECORD_NOTICE] = "notice",
        [RECORD_REPLY] = "reply", [RECORD_ANSWER] = "reply",
};

const char *form_event(uint8_t kind)
{
        bool has_event = kind < sizeof(form_events) / sizeof(form_events[0]) && form_events[kind][0] != '\0';
        return has_event ? form_events[kind] : NULL;
}

struct slice form_name(struct slice name)
{
        const char *at = memchr(name.at, '@', name.len);
        return (struct slice){name.at, at ? (size_t)(at - name.at) : name.len};
}

void form_put_id(struct object *o, const char *key, uint64_t id, uint64_t number, const char *kind)
{
        char text[FORM_ID_BYTES];
        int len = snprintf(text, sizeof(text), "%016" PRIx64 "-%" PRIu64 "%s%s", id, number, kind ? "-" : "",
                           kind ? kind : "");
        object_text(o, key, (struct slice){text, (size_t)len});
}

void form_put_time(struct object *o, uint64_t ms)
{
        char text[UTC_BYTES];
        utc_write(ms, text);
        object_text(o, "time", slice_of(text));
}

void form_put_room(struct object *o, struct slice room)
{
        object_text(o, "room", room.len > 0 ? room : slice_of(FIRST_ROOM));
}

/* The name of a person on another host, such as "ann@b", becomes a name and a host. */
void form_put_name(struct object *o, struct slice name)
{
        struct slice alone = form_name(name);
        object_text(o, "name", alone);
        if (alone.len < name.len)
                object_text(o, "host", (struct slice){name.at + alone.len + 1, name.len - alone.len - 1});
}

size_t form_deed_bytes(const struct record *r)
{
        return object_members_bytes(3) + object_text_bytes(r->text.len);
}

void form_put_deed(struct object *o, const struct record *r)
{
        if (r->kind != RECORD_PRIVATE)
                form_put_room(o, r->room);
        form_put_name(o, r->name);
        if (r->kind == RECORD_RENAME)
                object_text(o, "new", form_name(r->text));
        else if (r->kind == RECORD_CAME || r->kind == RECORD_WENT)
                object_text(o, r->kind == RECORD_CAME ? "from" : "to", r->text);
        else if (record_is_said(r) || r->kind == RECORD_TOPIC)
                object_text(o, "text", r->text);
        else if (r->kind == RECORD_LEAVE && slice_equal(r->text, slice_of(LEAVE_REMOVED)))
                object_true(o, "removed");
        if (r->is_notice)
                object_true(o, "notice");
}

/* Returns true if everybody in the room gets the same. Notices and answers depend on the client, and a private message
 * is for one member. */
static bool form_is_for_room(uint8_t kind)
{
        return form_event(kind) && kind != RECORD_NOTICE && kind != RECORD_REPLY && kind != RECORD_ANSWER &&
               kind != RECORD_PRIVATE;
}

size_t form_record(bool is_message, const struct record *r, uint64_t ms, char *out, size_t size)
{
        size_t most = OBJECT_BYTES + FORM_COMMON_BYTES + form_deed_bytes(r);
        if (!form_is_for_room(r->kind) || size < most)
                return 0;
        const char *event = form_event(r->kind);
        struct object o = object_begin(out, most, is_message);
        object_text(&o, "event", slice_of(event));
        form_put_id(&o, "id", r->id, r->number, record_is_said(r) ? NULL : event);
        form_put_time(&o, ms);
        form_put_deed(&o, r);
        return (size_t)(object_end(&o) - out);
}
