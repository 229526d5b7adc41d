/* The output of chatctl: tables for people, and JSON (RFC 8259) for programs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "asking.h"

/* How a value is printed. */
enum kind {
        KIND_TEXT,
        KIND_NUMBER,   /* in JSON null if the value is no number, as "unknown" */
        KIND_BOOL,     /* "yes" or "no" */
        KIND_TIME,     /* seconds since the epoch: local time with its zone; in JSON UTC in the form of RFC 3339 */
        KIND_USER,     /* a user id, shown as the user's name if there is one; in JSON always the id */
        KIND_DURATION, /* seconds */
};

struct column {
        const char *key, *heading;
        enum kind kind;
        bool json_only;
};

/* Columns of tables; each array ends with a column whose key is NULL. */
extern const struct column output_members[], output_bans[], output_tokens[], output_status[];

/* Writes a table with a line for each record, and with headings if `legend`. */
void output_table(FILE *out, const struct column *columns, const struct answer_record *records, size_t count,
                  bool legend);

/* Writes one record as lines of "Heading: value". */
void output_list(FILE *out, const struct column *columns, const struct answer_record *record);

/* Write records as a JSON array, or one record as an object, without a line end. A field without a column is written as
 * a string. */
void output_json(FILE *out, const struct column *columns, const struct answer_record *records, size_t count);
void output_json_object(FILE *out, const struct column *columns, const struct answer_record *record);

/* Writes `size` bytes as a JSON string. Text that is not clean (chat/safe-text.h) is cleaned. */
void output_json_string(FILE *out, const char *text, size_t size);

/* Writes a time to `text`: in UTC for JSON, otherwise local time with its zone. */
void output_time(char *text, size_t size, int64_t seconds, bool json);
