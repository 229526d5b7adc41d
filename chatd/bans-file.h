/* The text of the file of bans: writes it, and finds the valid parts of a text.
 *
 *   #bans 2 1f0c7ae21b6f03c5 9d1b4a2f06c2e871
 *   #sum 60303ae22b998861
 *   192.0.2.0/24 1700000000 1000 spam
 *   #sum 7f3340c839028ba4
 *   bob 1700000000 0 was rude
 *   #end 2 1f0c7ae21b6f03c5 09c7d3a518e0b6f2
 *
 * The line of each ban, "WHAT TIME UID REASON", has a checksum in front of it. The first line and the last have the
 * number of bans, all checksums joined by exclusive or, and a checksum of the line itself. So a line that is damaged,
 * missing or of an earlier file is noticed, and the other bans stay in effect. The order of the lines does not matter.
 *
 * All lines for checksums begin with "#", as comments do: a chatd of an earlier version still reads the bans. That
 * version wrote no checksums; its file is taken as it is.
 *
 * Administrators may edit the file. A ban without a checksum in front of it is in effect, and is reported. A line
 * behind the checksum of another text is damaged, and is no ban.
 *
 * Pure: owns nothing, and reads and writes no file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ban;

enum {
        BANS_FILE_MAX_BYTES = 1024 * 1024, /* BANS_MAX bans of the longest kind, and as much again */
        BANS_FILE_MAX_LINES = 16384,
        BANS_FILE_LINES_LISTED = 16,
};

enum bans_file_state {
        BANS_FILE_WHOLE,   /* unchanged since chatd wrote it, apart from lines that are no bans */
        BANS_FILE_OLD,     /* written by a version without checksums; no line is bad */
        BANS_FILE_EDITED,  /* some bans have no checksums; there is no sign of damage */
        BANS_FILE_DAMAGED, /* bans are lost, or may be lost */
};

/* Numbers of lines of the file, from 1. */
struct bans_file_lines {
        size_t count;
        unsigned first[BANS_FILE_LINES_LISTED];
};

struct bans_file_report {
        enum bans_file_state state;
        bool has_total;                     /* `total` is known */
        size_t total;                       /* the number of bans in the file when chatd wrote it */
        size_t intact;                      /* bans with their checksums, all in effect */
        bool is_mixed;                      /* some of the intact bans are from another file */
        bool too_long;                      /* the file exceeds the limits, and its end was not read */
        struct bans_file_lines without_sum; /* bans without checksums, all in effect */
        struct bans_file_lines bad;         /* damaged lines, which are no bans */
};

/* Returns the text of the file for these bans, and its size in `size`; or NULL if there is no memory. The caller frees
 * the text. */
char *bans_file_write(const struct ban *list, size_t count, size_t *size);

/* Reads the file and calls `take` for each ban that is in effect. A ban for which `take` returns a negative errno
 * counts as bad. Returns 0 or -ENOMEM. */
int bans_file_read(const char *text, size_t size, int (*take)(void *user, const struct ban *ban), void *user,
                   struct bans_file_report *report);
