/* The text of a file that has an entry in each line, such as the file of bans: writes it, and finds the valid parts of a
 * text.
 *
 *   #bans 2 1f0c7ae21b6f03c5 9d1b4a2f06c2e871
 *   #sum 60303ae22b998861
 *   192.0.2.0/24 1700000000 1000 spam
 *   #sum 7f3340c839028ba4
 *   bob 1700000000 0 was rude
 *   #end 2 1f0c7ae21b6f03c5 09c7d3a518e0b6f2
 *
 * The line of each entry has a checksum in front of it. The first line and the last have the number of entries, all
 * checksums joined by exclusive or, and a checksum of the line itself. So a line that is damaged, missing or of an
 * earlier file is noticed, and the other entries stay in effect. The order of the lines does not matter.
 *
 * All lines for checksums begin with "#", as comments do: a program that knows no checksums still reads the entries. An
 * earlier chatd wrote the file of bans without checksums; that file is taken as it is.
 *
 * Administrators may edit the file. An entry without a checksum in front of it is in effect, and is reported. A line
 * behind the checksum of another text is damaged, and is no entry.
 *
 * What an entry is, only the owner of its kind knows (bans.h, for example).
 *
 * Pure: owns nothing, and reads and writes no file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        LINES_FILE_MAX_BYTES = 1024 * 1024, /* 1024 entries of the longest kind, and as much again */
        LINES_FILE_MAX_LINES = 16384,
        LINES_FILE_ENTRY_MAX_BYTES = 512, /* the line of an entry, without its LF */
        LINES_FILE_LINES_LISTED = 16,
};

/* What all files of one kind have in common. */
struct lines_file_kind {
        const char *noun;           /* the entries, such as "bans": the first line begins with "#" and this word */
        const char *comments;       /* lines behind the first line, each with "#" at its beginning and LF at its end */
        const char *old_first_line; /* the first line of a file that has no checksums; NULL: there is no such file */
        const char *key;            /* of the checksums: 16 bytes, others than those of other kinds */
        /* Writes the line of the entry `at` of the list, without LF, to `line` of LINES_FILE_ENTRY_MAX_BYTES. Returns
         * its length. */
        size_t (*describe)(const void *list, size_t at, char *line);
        /* Adds the entry in `line`, which it may change, to the list that `user` has. Returns 0, or a negative errno:
         * then the line is no entry, or there is no room for it. */
        int (*take)(void *user, char *line);
};

enum lines_file_state {
        LINES_FILE_WHOLE,   /* unchanged since chatd wrote it, apart from lines that are no entries */
        LINES_FILE_OLD,     /* written by a version without checksums; no line is bad */
        LINES_FILE_EDITED,  /* some entries have no checksums; there is no sign of damage */
        LINES_FILE_DAMAGED, /* entries are lost, or may be lost */
};

/* Numbers of lines of the file, from 1. */
struct lines_file_lines {
        size_t count;
        unsigned first[LINES_FILE_LINES_LISTED];
};

struct lines_file_report {
        enum lines_file_state state;
        bool has_total;                      /* `total` is known */
        size_t total;                        /* the number of entries in the file when chatd wrote it */
        size_t intact;                       /* entries with their checksums, all in effect */
        bool is_mixed;                       /* some of the intact entries are from another file */
        bool too_long;                       /* the file exceeds the limits, and its end was not read */
        struct lines_file_lines without_sum; /* entries without checksums, all in effect */
        struct lines_file_lines bad;         /* damaged lines, which are no entries */
};

/* Returns true if `text`, a word of a line, is a number from 0 to `most`. */
bool lines_file_parse_number(const char *text, int64_t most, int64_t *number);

/* Returns the text of the file for a list of `count` entries, and its size in `size`; or NULL if there is no memory.
 * The caller frees the text. */
char *lines_file_write(const struct lines_file_kind *kind, const void *list, size_t count, size_t *size);

/* Reads the file and calls `take` of its kind, with `user`, for each line that may be in effect. A line for which that
 * fails counts as bad. Returns 0 or -ENOMEM. */
int lines_file_read(const struct lines_file_kind *kind, const char *text, size_t size, void *user,
                    struct lines_file_report *report);
