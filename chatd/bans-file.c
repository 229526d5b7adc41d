#include "bans-file.h"

#include <errno.h>
#include <stdlib.h>

#include <chat/safe-text.h>
#include <chat/siphash.h>

#include "ban.h"

#define FIRST_LINE "#bans "
#define SUM_LINE "#sum "
#define LAST_LINE "#end "
/* The first line of the file as the previous version wrote it. */
#define OLD_FIRST_LINE "# Who may not join the chat: WHAT TIME UID REASON. Written by chatd; chatctl(1) changes it."
#define EXPLANATION                                                                                                    \
        "# Who may not join the chat: WHAT TIME UID REASON. chatd writes this file, chatctl(1) changes it.\n"          \
        "# To edit it: stop chatd, and remove all lines that begin with #; chatd writes them again. See chatd(8).\n"

enum {
        SUM_DIGITS = 16,
        SUM_LINE_BYTES = sizeof(SUM_LINE) - 1 + SUM_DIGITS,
        /* If only so many digits differ, the checksum is damaged, and its line is not. The checksum of another text has
         * three or four equal digits by chance once in a thousand times, and never twelve. */
        SUM_DIGITS_DAMAGED = 4,
        LINE_MAX_BYTES = BAN_WHAT_MAX_BYTES + CONTROL_REASON_MAX_BYTES + 64,
        TOTAL_MAX_BYTES = 64,
};

/* Returns a checksum, which finds accidents. It keeps no secret, because its key is the same in all files. */
static uint64_t bans_file_sum(const char *text, size_t size)
{
        static const uint8_t key[] = "chatd: bans file";
        return siphash(key, text, size);
}

/* ---- writing ---- */

/* Writes the first line or the last, which describe all bans, to `text` of TOTAL_MAX_BYTES. Returns its length. */
static size_t bans_file_describe_total(char *text, const char *prefix, size_t count, uint64_t all)
{
        int n = snprintf(text, TOTAL_MAX_BYTES, "%s%zu %016" PRIx64 " ", prefix, count, all);
        n += snprintf(text + n, (size_t)(TOTAL_MAX_BYTES - n), "%016" PRIx64, bans_file_sum(text, (size_t)n));
        return (size_t)n;
}

static int bans_file_describe_ban(char text[static LINE_MAX_BYTES], const struct ban *ban)
{
        return snprintf(text, LINE_MAX_BYTES, "%s %" PRId64 " %u %s", ban->target, ban->time, (unsigned)ban->uid,
                        ban->reason);
}

char *bans_file_write(const struct ban *list, size_t count, size_t *size)
{
        char line[LINE_MAX_BYTES], total[TOTAL_MAX_BYTES], *text = NULL;
        uint64_t all = 0;
        FILE *file = open_memstream(&text, size);
        if (!file)
                return NULL;
        for (size_t i = 0; i < count; i++)
                all ^= bans_file_sum(line, (size_t)bans_file_describe_ban(line, &list[i]));
        bans_file_describe_total(total, FIRST_LINE, count, all);
        fprintf(file, "%s\n" EXPLANATION, total);
        for (size_t i = 0; i < count; i++) {
                int len = bans_file_describe_ban(line, &list[i]);
                fprintf(file, SUM_LINE "%016" PRIx64 "\n%s\n", bans_file_sum(line, (size_t)len), line);
        }
        bans_file_describe_total(total, LAST_LINE, count, all);
        fprintf(file, "%s\n", total);
        if (fclose(file) == 0)
                return text;
        free(text);
        return NULL;
}

/* ---- one line ---- */

/* Returns true if `text` is a number from 0 to `most`. */
static bool bans_file_parse_number(const char *text, int64_t most, int64_t *number)
{
        char *end;
        if (text[0] < '0' || text[0] > '9')
                return false;
        errno = 0;
        *number = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' && *number <= most;
}

static bool bans_file_parse_ban(struct ban *ban, char *line)
{
        const char *what = text_next_word(&line), *time = what ? text_next_word(&line) : NULL;
        const char *uid = time ? text_next_word(&line) : NULL;
        int64_t number;
        *ban = (struct ban){0};
        if (!uid || ban_parse(ban, what) < 0 || !bans_file_parse_number(time, INT64_MAX, &ban->time) ||
            !bans_file_parse_number(uid, UINT32_MAX, &number))
                return false;
        ban->uid = (uid_t)number;
        if (strlen(line) > CONTROL_REASON_MAX_BYTES || !text_is_clean(line, strlen(line)))
                return false;
        memcpy(ban->reason, line, strlen(line));
        return true;
}

enum row_kind {
        ROW_COMMENT,
        ROW_SUM,
        ROW_BAN,
};

/* One line of the file. */
struct row {
        struct slice text;
        enum row_kind kind;
        bool has_end;    /* has an LF at its end */
        bool is_matched; /* a checksum whose ban was found, or a ban whose checksum was found */
};

struct rows {
        struct row *list;
        size_t count;
        bool has_sums; /* the file has checksums, or remains of them */
        uint64_t all;  /* the joined checksums in the first or last line, if these have any */
};

static bool bans_file_begins_with(struct slice text, const char *prefix)
{
        return text.len >= strlen(prefix) && memcmp(text.at, prefix, strlen(prefix)) == 0;
}

static enum row_kind row_kind_of(struct slice text)
{
        if (text.len == SUM_LINE_BYTES && bans_file_begins_with(text, SUM_LINE))
                return ROW_SUM;
        return text.len == 0 || text.at[0] == '#' ? ROW_COMMENT : ROW_BAN;
}

/* Takes the total from the first line or the last, if it is not damaged and no other line had one. */
static void rows_take_total(struct rows *rows, struct bans_file_report *report, struct slice text, const char *prefix)
{
        char copy[TOTAL_MAX_BYTES], expected[TOTAL_MAX_BYTES], *end;
        if (!bans_file_begins_with(text, prefix) || text.len >= sizeof(copy))
                return;
        memcpy(copy, text.at, text.len);
        copy[text.len] = '\0';
        size_t count = strtoul(copy + strlen(prefix), &end, 10);
        uint64_t all = strtoull(end, NULL, 16);
        if (bans_file_describe_total(expected, prefix, count, all) != text.len || memcmp(expected, copy, text.len) != 0)
                return;
        report->is_mixed |= report->has_total && (report->total != count || rows->all != all);
        if (report->has_total)
                return;
        report->has_total = true;
        report->total = count;
        rows->all = all;
}

/* Divides the text into lines. Returns 0 or -ENOMEM. */
static int rows_split(struct rows *rows, struct bans_file_report *report, struct slice rest)
{
        size_t most = 1; /* the last line may have no LF */
        for (size_t i = 0; i < rest.len && most < BANS_FILE_MAX_LINES; i++)
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
                rows->has_sums |= row->kind == ROW_SUM || bans_file_begins_with(row->text, FIRST_LINE) ||
                                  bans_file_begins_with(row->text, LAST_LINE);
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

/* Matches checksums and bans. Returns the joined checksums of all bans that have one. */
static uint64_t rows_match_all(struct rows *rows)
{
        uint64_t all = 0;
        for (size_t i = 0; i < rows->count; i++) {
                struct row *row = &rows->list[i];
                if (row->kind != ROW_BAN)
                        continue;
                uint64_t value = bans_file_sum(row->text.at, row->text.len);
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

/* ---- bans ---- */

static void bans_file_add_line(struct bans_file_lines *lines, unsigned number)
{
        if (lines->count < BANS_FILE_LINES_LISTED)
                lines->first[lines->count] = number;
        lines->count++;
}

/* Reads the line `at`. Returns true if it is a ban that may be in effect. */
static bool rows_read_ban(const struct rows *rows, size_t at, struct ban *ban)
{
        char line[LINE_MAX_BYTES + 1];
        const struct row *row = &rows->list[at], *before = rows_sum_before(rows, at);
        if (!row->is_matched && (!row->has_end || (before && !before->is_matched)))
                return false;
        if (row->text.len > LINE_MAX_BYTES || memchr(row->text.at, '\0', row->text.len))
                return false;
        memcpy(line, row->text.at, row->text.len);
        line[row->text.len] = '\0';
        return bans_file_parse_ban(ban, line);
}

/* Returns true for a checksum whose ban is missing, without a damaged line in its place. */
static bool rows_is_left_alone(const struct rows *rows, size_t at)
{
        const struct row *row = &rows->list[at];
        return row->kind == ROW_SUM && !row->is_matched && (at + 1 == rows->count || row[1].kind != ROW_BAN);
}

static enum bans_file_state bans_file_judge(const struct rows *rows, const struct bans_file_report *report)
{
        bool old = rows->count > 0 && slice_equal(rows->list[0].text, slice_of(OLD_FIRST_LINE));
        if (report->bad.count > 0 || report->too_long || report->is_mixed)
                return BANS_FILE_DAMAGED;
        if (report->has_total && report->intact != report->total)
                return BANS_FILE_DAMAGED;
        if (!report->has_total && rows->has_sums)
                return BANS_FILE_DAMAGED;
        if (!report->has_total && old)
                return BANS_FILE_OLD;
        if (report->without_sum.count > 0)
                return BANS_FILE_EDITED;
        return report->has_total ? BANS_FILE_WHOLE : BANS_FILE_DAMAGED;
}

int bans_file_read(const char *text, size_t size, int (*take)(void *user, const struct ban *ban), void *user,
                   struct bans_file_report *report)
{
        struct rows rows = {0};
        struct ban ban;
        *report = (struct bans_file_report){.too_long = size > BANS_FILE_MAX_BYTES};
        int r = rows_split(&rows, report,
                           (struct slice){text, size > BANS_FILE_MAX_BYTES ? BANS_FILE_MAX_BYTES : size});
        if (r < 0)
                return r;
        if (rows.count > 0) {
                rows_take_total(&rows, report, rows.list[0].text, FIRST_LINE);
                rows_take_total(&rows, report, rows.list[rows.count - 1].text, LAST_LINE);
        }
        uint64_t all = rows_match_all(&rows);
        for (size_t i = 0; i < rows.count; i++) {
                const struct row *row = &rows.list[i];
                bool is_ban = row->kind == ROW_BAN && rows_read_ban(&rows, i, &ban) && take(user, &ban) >= 0;
                if (is_ban && row->is_matched)
                        report->intact++;
                else if (is_ban)
                        bans_file_add_line(&report->without_sum, (unsigned)i + 1);
                else if (row->kind == ROW_BAN || rows_is_left_alone(&rows, i))
                        bans_file_add_line(&report->bad, (unsigned)i + 1);
        }
        report->is_mixed |= report->has_total && report->intact == report->total && all != rows.all;
        report->state = bans_file_judge(&rows, report);
        free(rows.list);
        return 0;
}
