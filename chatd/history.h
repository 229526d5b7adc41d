/* What was said last in each room, for who comes, and for /history.
 *
 * It lies in a file of the run directory that is mapped, so it outlives chatd, and is whole after kill -9 at any
 * instruction: a slot is taken out of use by one store, filled, and taken into use by one store. A room has a shelf of
 * HISTORY_KEPT slots. There are HISTORY_SHELVES, the first of which is that of the first room; a room that finds none has
 * no history. When nobody is in a room any more its shelf is emptied (history_forget_others()); or the settings keep it, until another
 * room needs it. The first room's is never emptied.
 *
 * A line goes in when it was relayed, before it is consumed. What is shown has the lines of the batch as well, up to
 * where it was asked for. So where a batch is taken again by the next chatd, some of its lines may be in there already:
 * of the last HISTORY_KEPT of each room those are known by (id, number), and those before them would be gone by now. Who
 * comes in such a batch is shown what is there: if that has lines from behind its HELLO, the chatd before showed it
 * what it had to see, be it nothing, and sessions show that once.
 *
 * Owns the mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>
#include <chat/settings.h>

#include "relay.h"

enum {
        HISTORY_KEPT = HISTORY_MAX_LINES, /* lines of a room */
        HISTORY_SHELVES = 32,
        HISTORY_SLOT_BYTES = 4352,
        HISTORY_SHOWN_MAX_BYTES = 48 * 1024, /* of records, at once: in any inbox there is room for that */
};

struct history_slot {
        _Atomic uint64_t place; /* counts a shelf's lines from 1; 0: nothing is in here */
        uint64_t seconds;       /* since 1970 */
        uint64_t id, number;
        uint32_t size; /* of the record, as record_encode() writes it */
        uint8_t record[HISTORY_SLOT_BYTES - 4 * sizeof(uint64_t) - sizeof(uint32_t)];
};

/* Which room a shelf is of. */
struct history_label {
        _Atomic uint64_t used; /* counts when it was given to a room; 0: to none, and `name` may be half */
        char name[NICK_MAX_BYTES + 1];
};

/* There is space for the labels always, for the slots of a shelf once it is given to a room. */
struct history_file {
        uint64_t layout;
        struct history_label labels[HISTORY_SHELVES];
        _Alignas(4096) struct history_slot shelves[HISTORY_SHELVES][HISTORY_KEPT];
};

struct history {
        struct history_file *file;      /* NULL: it is off */
        uint64_t last[HISTORY_SHELVES]; /* the last place that is in use */
        uint64_t uses;
        int fd;
};

/* Maps the file in `dir`, the run directory; makes it where there is none of this layout. Returns 0 or a negative
 * errno: then it is off. */
int history_open(struct history *h, const char *dir);

/* Forgets what was said, and removes the file. */
void history_remove(struct history *h, const char *dir);

/* Forgets what was said in rooms that there are not any more. */
void history_forget_others(struct history *h, const struct rooms *rooms);

/* Unmaps it: what was said stays. Where it is off, this and what follows does nothing. */
void history_close(struct history *h);

/* Puts in what was said in the batch. */
void history_note(struct history *h, const struct rooms *rooms, const struct relay *r);

/* … where a chatd before this one may have done so, up to any line of the batch. */
void history_note_again(struct history *h, const struct rooms *rooms, const struct relay *r);

/* Writes the last `lines` of `room`, with what the batch has so far behind them, or as many as fit, the oldest first: as
 * records whose number is when that was said, in seconds since 1970. Returns how many bytes that is. */
size_t history_read(const struct history *h, const struct rooms *rooms, const struct room *room, const struct relay *r,
                    unsigned lines, uint8_t buffer[static HISTORY_SHOWN_MAX_BYTES]);
