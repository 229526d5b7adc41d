/* What chatctl prints: tables for people, and JSON (RFC 8259) for programs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "asking.h"

/* How a value is printed. */
enum kind {
        KIND_TEXT,
        KIND_NUMBER,   /* in JSON null where it is none, as of "unknown" */
        KIND_BOOL,     /* "yes" or "no" */
        KIND_TIME,     /* seconds of the epoch: local time with its zone, and in JSON UTC as of RFC 3339 */
        KIND_USER,     /* a user id, and in JSON nothing else: else the user's name, if there is one */
        KIND_DURATION, /* seconds */
};

struct column {
        const char *key, *heading;
        enum kind kind;
        bool json_only;
};

/* Ends with one whose key is NULL. */
extern const struct column output_members[], output_bans[], output_status[];

/* A table with a line for each record; with the headings on top if `legend`. */
void output_table(FILE *out, const struct column *columns, const struct answer_record *records, size_t count,
                  bool legend);

/* "Heading: value" lines of one record. */
void output_list(FILE *out, const struct column *columns, const struct answer_record *record);

/* Records as a JSON array, or one as an object, without a line end. What has no column is a string. */
void output_json(FILE *out, const struct column *columns, const struct answer_record *records, size_t count);
void output_json_object(FILE *out, const struct column *columns, const struct answer_record *record);

/* A JSON string of `size` bytes; what is not clean (chat/text.h) is cleaned. */
void output_json_string(FILE *out, const char *text, size_t size);

/* Writes a time: local with its zone for people, in UTC for JSON. */
void output_time(char *text, size_t size, int64_t seconds, bool json);
