/* The look of a record on a terminal: one line, which CR LF ends. A change needs another OUTLET_LAYOUT (outlet.h). */
#pragma once

#include "record.h"

enum { DISPLAY_PARTS_MAX = 4 };

#define LINE_END "\r\n"
#define LINE_END_BYTES (sizeof(LINE_END) - 1)

/* Returns the HOST of "NAME@HOST". Returns any other name as it is. */
static inline struct slice display_host(struct slice name)
{
        const char *at = memchr(name.at, '@', name.len);
        size_t before = at ? (size_t)(at + 1 - name.at) : 0;
        return (struct slice){name.at + before, name.len - before};
}

/* Returns the words behind the member's name in a JOIN or LEAVE. */
static inline const char *display_arrival(const struct record *r)
{
        if (r->kind == RECORD_JOIN)
                return " is connected";
        return slice_equal(r->text, slice_of(LEAVE_REMOVED)) ? " was removed" : " is disconnected";
}

/* Points `parts` to the pieces of the line, which are in the record and in constants. Returns the number of pieces, or
 * 0 for a kind of a later version, which is not shown. */
static inline size_t display_parts(const struct record *r, struct slice parts[static DISPLAY_PARTS_MAX])
{
        switch (r->kind) {
        case RECORD_LINE:
                parts[0] = r->name;
                parts[1] = slice_of(": ");
                parts[2] = r->text;
                return 3;
        case RECORD_JOIN:
        case RECORD_LEAVE:
                parts[0] = slice_of("*** ");
                parts[1] = r->name;
                parts[2] = slice_of(display_arrival(r));
                return 3;
        case RECORD_ACTION:
                parts[0] = slice_of("* ");
                parts[1] = r->name;
                parts[2] = slice_of(" ");
                parts[3] = r->text;
                return 4;
        case RECORD_RENAME:
                parts[0] = slice_of("*** ");
                parts[1] = r->name;
                parts[2] = slice_of(" is now called ");
                parts[3] = r->text;
                return 4;
        case RECORD_WENT:
        case RECORD_CAME:
                parts[0] = slice_of("*** ");
                parts[1] = r->name;
                parts[2] = slice_of(r->kind == RECORD_WENT ? " went to " : " came from ");
                parts[3] = r->text;
                return 4;
        case RECORD_ENTER:
        case RECORD_EXIT:
                parts[0] = slice_of("*** ");
                parts[1] = r->name;
                parts[2] = slice_of(r->kind == RECORD_ENTER ? " entered the room" : " left the room");
                return 3;
        case RECORD_TOPIC:
                parts[0] = slice_of("*** ");
                parts[1] = r->name;
                parts[2] = slice_of(r->text.len > 0 ? " set the topic: " : " removed the topic");
                parts[3] = r->text;
                return 4;
        case RECORD_REPLY: /* under the name of the other host */
        case RECORD_ANSWER:
                parts[0] = slice_of("*** ");
                parts[1] = display_host(r->name);
                parts[2] = slice_of(": ");
                parts[3] = r->text;
                return 4;
        case RECORD_PRIVATE:
                parts[0] = r->name;
                parts[1] = slice_of(" (to you): ");
                parts[2] = r->text;
                return 3;
        case RECORD_NOTICE:
                parts[0] = slice_of("*** ");
                parts[1] = r->text;
                return 2;
        default:
                return 0;
        }
}

/* Returns true if the record is shown. */
static inline bool display_shows(const struct record *r)
{
        struct slice parts[DISPLAY_PARTS_MAX];
        return display_parts(r, parts) > 0;
}

/* Returns the size of the line with its CR LF, in bytes, or 0 if the record is not shown. */
static inline size_t display_bytes(const struct record *r)
{
        struct slice parts[DISPLAY_PARTS_MAX];
        size_t n = display_parts(r, parts), bytes = n > 0 ? LINE_END_BYTES : 0;
        for (size_t i = 0; i < n; i++)
                bytes += parts[i].len;
        return bytes;
}

/* Writes these parts and CR LF to `at`, where there must be room. Returns the end. */
static inline char *display_write(char *at, const struct slice *parts, size_t n)
{
        for (size_t i = 0; i < n; i++)
                at = mempcpy(at, parts[i].at, parts[i].len);
        return mempcpy(at, LINE_END, LINE_END_BYTES);
}

/* Writes the record to `at`, where there must be room. Returns its size, or 0 if it is not shown. */
static inline size_t display_line(const struct record *r, char *at)
{
        struct slice parts[DISPLAY_PARTS_MAX];
        size_t n = display_parts(r, parts);
        return n > 0 ? (size_t)(display_write(at, parts, n) - at) : 0;
}
