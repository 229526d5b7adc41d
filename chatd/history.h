/* The last lines of each room, for newcomers and for /history.
 *
 * The history is in a mapped file in the run directory, and survives kill -9 at any instruction: one store takes a slot
 * out of use, the slot is filled, and one store takes it into use. For this `place` and `generation` are atomic, with
 * fences for the compiler. Only one thread of one chatd uses the file, so no order between processors is needed.
 *
 * A room has a shelf of HISTORY_KEPT slots. There are HISTORY_SHELVES shelves, and the first is for the first room. A
 * room that finds no free shelf has no history. When the last member leaves a room, its shelf is emptied
 * (history_forget_others()). The settings may keep it instead, until another room needs the shelf.
 *
 * A line is added after it was relayed, and before it is consumed. So lines of a batch that is taken again may be in
 * the history already: they are recognised by (id, number). A reader also gets the lines of the present batch that
 * stand before its request.
 *
 * Owns the mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>
#include <chat/settings.h>

#include "batch.h"

enum {
        HISTORY_KEPT = HISTORY_MAX_LINES, /* lines of a room */
        HISTORY_SHELVES = 32,
        HISTORY_SLOT_BYTES = 4352,
        HISTORY_SHOWN_MAX_BYTES = 48 * 1024, /* of records in one answer: any inbox has room for it */
};

struct history_slot {
        _Atomic uint64_t place; /* counts a shelf's lines from 1; 0: the slot is empty */
        uint64_t seconds;       /* since 1970 */
        uint64_t id, number;
        uint32_t size; /* the size of `record`, which has the format of record_encode() */
        uint8_t record[HISTORY_SLOT_BYTES - 4 * sizeof(uint64_t) - sizeof(uint32_t)];
};

/* The room of a shelf. */
struct history_label {
        /* counts the times that a shelf was given to a room; 0: the shelf is free, and `name` may be half written */
        _Atomic uint64_t generation;
        char name[NICK_MAX_BYTES + 1];
};

/* The file. The labels always have space in it. The slots of a shelf get space when the shelf is given to a room. */
struct history_file {
        uint64_t layout;
        struct history_label labels[HISTORY_SHELVES];
        _Alignas(4096) struct history_slot shelves[HISTORY_SHELVES][HISTORY_KEPT];
};

struct history {
        struct history_file *file;      /* NULL: the history is off */
        uint64_t last[HISTORY_SHELVES]; /* the last place in use on each shelf */
        uint64_t uses;
        int fd;
};

/* Maps the file in `dir`, the run directory. Makes the file if there is none of this layout. Returns 0, or a negative
 * errno: then the history is off. */
int history_open(struct history *h, const char *dir);

/* Forgets all lines, and removes the file. */
void history_remove(struct history *h, const char *dir);

/* Forgets the lines of rooms that do not exist any more. */
void history_forget_others(struct history *h, const struct rooms *rooms);

/* Unmaps the file, which keeps the lines. If the history is off, this and the functions below do nothing. */
void history_close(struct history *h);

/* Adds the lines of the batch. */
void history_note(struct history *h, const struct rooms *rooms, const struct batch *b);

/* Adds the lines of the batch that are not in the history yet: a previous chatd may have added some of them. */
void history_note_again(struct history *h, const struct rooms *rooms, const struct batch *b);

/* How the time of each line is written. */
enum history_form {
        HISTORY_TIME_AS_NUMBER, /* in place of the number of its record */
        HISTORY_TIME_IN_FRONT,  /* in a RECORD_TIME in front of its record */
};

/* Writes the last `lines` of `room` into `buffer`, the oldest first, and returns their size in bytes. Lines of the
 * batch so far are included. If not all of them fit, writes the last ones. */
size_t history_read(const struct history *h, const struct rooms *rooms, const struct room *room, const struct batch *b,
                    unsigned lines, enum history_form form, uint8_t buffer[static HISTORY_SHOWN_MAX_BYTES]);
