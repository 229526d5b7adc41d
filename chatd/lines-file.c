#include "lines-file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chat/siphash.h>
#include <chat/wire.h>

#define SUM_LINE "#sum "
#define LAST_WORD "end"

enum {
        SUM_DIGITS = 16,
        SUM_LINE_BYTES = sizeof(SUM_LINE) - 1 + SUM_DIGITS,
        /* If only so many digits differ, the checksum is damaged, and its line is not. The checksum of another text has
         * three or four equal digits by chance once in a thousand times, and never twelve. */
        SUM_DIGITS_DAMAGED = 4,
        TOTAL_MAX_BYTES = 64,
};

/* Returns a checksum, which finds accidents. It keeps no secret, because its key is the same in all files of the
 * kind. */
static uint64_t lines_file_sum(const struct lines_file_kind *kind, const char *text, size_t size)
{
        return siphash((const uint8_t *)kind->key, text, size);
}

/* ---- writing ---- */

/* Writes the first line or the last, which describe all entries, to `text` of TOTAL_MAX_BYTES. The line begins with "#"
 * and `word`. Returns its length. */
static size_t lines_file_describe_total(const struct lines_file_kind *kind, char *text, const char *word, size_t count,
                                        uint64_t all)
{
        int n = snprintf(text, TOTAL_MAX_BYTES, "#%s %zu %016" PRIx64 " ", word, count, all);
        n += snprintf(text + n, (size_t)(TOTAL_MAX_BYTES - n), "%016" PRIx64, lines_file_sum(kind, text, (size_t)n));
        return (size_t)n;
}

char *lines_file_write(const struct lines_file_kind *kind, const void *list, size_t count, size_t *size)
{
        char line[LINES_FILE_ENTRY_MAX_BYTES], total[TOTAL_MAX_BYTES], *text = NULL;
        uint64_t all = 0;
        FILE *file = open_memstream(&text, size);
        if (!file)
                return NULL;
        for (size_t i = 0; i < count; i++)
                all ^= lines_file_sum(kind, line, kind->describe(list, i, line));
        lines_file_describe_total(kind, total, kind->noun, count, all);
        fprintf(file, "%s\n%s", total, kind->comments);
        for (size_t i = 0; i < count; i++) {
                size_t len = kind->describe(list, i, line);
                fprintf(file, SUM_LINE "%016" PRIx64 "\n%.*s\n", lines_file_sum(kind, line, len), (int)len, line);
        }
        lines_file_describe_total(kind, total, LAST_WORD, count, all);
        fprintf(file, "%s\n", total);
        if (fclose(file) == 0)
                return text;
        free(text);
        return NULL;
}

/* ---- one line ---- */

bool lines_file_parse_number(const char *text, int64_t most, int64_t *number)
{
        char *end;
        if (text[0] < '0' || text[0] > '9')
                return false;
        errno = 0;
        *number = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' && *number <= most;
}

enum row_kind {
        ROW_COMMENT,
        ROW_SUM,
        ROW_ENTRY,
};

/* One line of the file. */
struct row {
        struct slice text;
        enum row_kind kind;
        bool has_end;    /* has an LF at its end */
        bool is_matched; /* a checksum whose entry was found, or an entry whose checksum was found */
};

struct rows {
        const struct lines_file_kind *of;
        struct row *list;
        size_t count;
        bool has_sums; /* the file has checksums, or remains of them */
        uint64_t all;  /* the joined checksums in the first or last line, if these have any */
};

static bool lines_file_begins_with(struct slice text, const char *prefix)
{
        return text.len >= strlen(prefix) && memcmp(text.at, prefix, strlen(prefix)) == 0;
}

/* Returns how many bytes of the first line or the last are in front of its numbers: "#", `word` and a space. Returns 0
 * for any other line. */
static size_t lines_file_total_begins(struct slice text, const char *word)
{
        size_t len = strlen(word);
        bool begins = text.len >= len + 2 && text.at[0] == '#' && memcmp(text.at + 1, word, len) == 0;
        return begins && text.at[len + 1] == ' ' ? len + 2 : 0;
}

static enum row_kind row_kind_of(struct slice text)
{
        if (text.len == SUM_LINE_BYTES && lines_file_begins_with(text, SUM_LINE))
                return ROW_SUM;
        return text.len == 0 || text.at[0] == '#' ? ROW_COMMENT : ROW_ENTRY;
}

/* Takes the total from the first line or the last, if it is not damaged and no other line had one. */
static void rows_take_total(struct rows *rows, struct lines_file_report *report, struct slice text, const char *word)
{
        char copy[TOTAL_MAX_BYTES], expected[TOTAL_MAX_BYTES], *end;
        size_t begin = lines_file_total_begins(text, word);
        if (begin == 0 || text.len >= sizeof(copy))
                return;
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        size_t count = strtoul(copy + begin, &end, 10);
        uint64_t all = strtoull(end, NULL, 16);
        size_t len = lines_file_describe_total(rows->of, expected, word, count, all);
        if (len != text.len || memcmp(expected, copy, len) != 0)
                return;
        report->is_mixed |= report->has_total && (report->total != count || rows->all != all);
        if (report->has_total)
                return;
        report->has_total = true;
        report->total = count;
        rows->all = all;
}

/* Divides the text into lines. Returns 0 or -ENOMEM. */
static int rows_split(struct rows *rows, struct lines_file_report *report, struct slice rest)
{
        size_t most = 1; /* the last line may have no LF */
        for (size_t i = 0; i < rest.len && most < LINES_FILE_MAX_LINES; i++)
                most += rest.at[i] == '\n';
        rows->list = calloc(most, sizeof(*rows->list));
        if (!rows->list)
                return -ENOMEM;
        while (rest.len > 0 && rows->count < most) {
                struct row *row = &rows->list[rows->count++];
                const char *end = memchr(rest.at, '\n', rest.len);
                row->has_end = end;
                row->text = (struct slice){rest.at, end ? (size_t)(end - rest.at) : rest.len};
                row->kind = row_kind_of(row->text);
                rest.at += row->text.len + row->has_end;
                rest.len -= row->text.len + row->has_end;
                rows->has_sums |= row->kind == ROW_SUM || lines_file_total_begins(row->text, rows->of->noun) > 0 ||
                                  lines_file_total_begins(row->text, LAST_WORD) > 0;
        }
        report->too_long |= rest.len > 0;
        return 0;
}

/* ---- matching checksums and lines ---- */

static int row_count_differences(const struct row *row, const char digits[static SUM_DIGITS + 1])
{
        int n = 0;
        for (int i = 0; i < SUM_DIGITS; i++)
                n += row->text.at[sizeof(SUM_LINE) - 1 + (size_t)i] != digits[i];
        return n;
}

/* Returns the checksum in front of the line `at`, or NULL. */
static struct row *rows_sum_before(const struct rows *rows, size_t at)
{
        return at > 0 && rows->list[at - 1].kind == ROW_SUM ? &rows->list[at - 1] : NULL;
}

/* Returns the row with the checksum `value` of the line `at`, wherever that row is; or NULL. */
static struct row *rows_find_sum(const struct rows *rows, size_t at, uint64_t value)
{
        char digits[SUM_DIGITS + 1];
        snprintf(digits, sizeof(digits), "%016" PRIx64, value);
        struct row *before = rows_sum_before(rows, at);
        if (before && !before->is_matched && row_count_differences(before, digits) <= SUM_DIGITS_DAMAGED)
                return before;
        for (size_t i = 0; i < rows->count; i++)
                if (rows->list[i].kind == ROW_SUM && row_count_differences(&rows->list[i], digits) == 0)
                        return &rows->list[i];
        return NULL;
}

/* Matches checksums and entries. Returns the joined checksums of all entries that have one. */
static uint64_t rows_match_all(struct rows *rows)
{
        uint64_t all = 0;
        for (size_t i = 0; i < rows->count; i++) {
                struct row *row = &rows->list[i];
                if (row->kind != ROW_ENTRY)
                        continue;
                uint64_t value = lines_file_sum(rows->of, row->text.at, row->text.len);
                struct row *sum_row = rows_find_sum(rows, i, value);
                if (!sum_row)
                        continue;
                row->is_matched = true;
                if (sum_row->is_matched) { /* the same line a second time */
                        row->kind = ROW_COMMENT;
                        continue;
                }
                sum_row->is_matched = true;
                all ^= value;
        }
        return all;
}

/* ---- entries ---- */

static void lines_file_add_line(struct lines_file_lines *lines, unsigned number)
{
        if (lines->count < LINES_FILE_LINES_LISTED)
                lines->first[lines->count] = number;
        lines->count++;
}

/* Reads the line `at`. Returns true if it is an entry that is in effect now. */
static bool rows_take_entry(const struct rows *rows, size_t at, void *user)
{
        char line[LINES_FILE_ENTRY_MAX_BYTES + 1];
        const struct row *row = &rows->list[at], *before = rows_sum_before(rows, at);
        if (!row->is_matched && (!row->has_end || (before && !before->is_matched)))
                return false;
        if (row->text.len > LINES_FILE_ENTRY_MAX_BYTES || memchr(row->text.at, '\0', row->text.len))
                return false;
        memcpy(line, row->text.at, row->text.len);
        line[row->text.len] = '\0';
        return rows->of->take(user, line) >= 0;
}

/* Returns true for a checksum whose entry is missing, without a damaged line in its place. */
static bool rows_is_left_alone(const struct rows *rows, size_t at)
{
        const struct row *row = &rows->list[at];
        return row->kind == ROW_SUM && !row->is_matched && (at + 1 == rows->count || row[1].kind != ROW_ENTRY);
}

static enum lines_file_state lines_file_judge(const struct rows *rows, const struct lines_file_report *report)
{
        const char *old_first_line = rows->of->old_first_line;
        bool old = old_first_line && rows->count > 0 && slice_equal(rows->list[0].text, slice_of(old_first_line));
        if (report->bad.count > 0 || report->too_long || report->is_mixed)
                return LINES_FILE_DAMAGED;
        if (report->has_total && report->intact != report->total)
                return LINES_FILE_DAMAGED;
        if (!report->has_total && rows->has_sums)
                return LINES_FILE_DAMAGED;
        if (!report->has_total && old)
                return LINES_FILE_OLD;
        if (report->without_sum.count > 0)
                return LINES_FILE_EDITED;
        return report->has_total ? LINES_FILE_WHOLE : LINES_FILE_DAMAGED;
}

int lines_file_read(const struct lines_file_kind *kind, const char *text, size_t size, void *user,
                    struct lines_file_report *report)
{
        struct rows rows = {.of = kind};
        *report = (struct lines_file_report){.too_long = size > LINES_FILE_MAX_BYTES};
        int r = rows_split(&rows, report,
                           (struct slice){text, size > LINES_FILE_MAX_BYTES ? LINES_FILE_MAX_BYTES : size});
        if (r < 0)
                return r;
        if (rows.count > 0) {
                rows_take_total(&rows, report, rows.list[0].text, kind->noun);
                rows_take_total(&rows, report, rows.list[rows.count - 1].text, LAST_WORD);
        }
        uint64_t all = rows_match_all(&rows);
        for (size_t i = 0; i < rows.count; i++) {
                const struct row *row = &rows.list[i];
                bool is_entry = row->kind == ROW_ENTRY && rows_take_entry(&rows, i, user);
                if (is_entry && row->is_matched)
                        report->intact++;
                else if (is_entry)
                        lines_file_add_line(&report->without_sum, (unsigned)i + 1);
                else if (row->kind == ROW_ENTRY || rows_is_left_alone(&rows, i))
                        lines_file_add_line(&report->bad, (unsigned)i + 1);
        }
        report->is_mixed |= report->has_total && report->intact == report->total && all != rows.all;
        report->state = lines_file_judge(&rows, report);
        free(rows.list);
        return 0;
}
