#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <chat/reveal.h>

#include "../chat-irc/formatting.h"

#define FILE_NAME "history"

enum {
        LAYOUT = 1, /* increase it with each change of the file's layout */
        MODE = 0600,
        NO_SHELF = -1,
};

_Static_assert(sizeof(((struct history_slot *)0)->record) >= 2 * (RECORD_HEADER_BYTES + NICK_MAX_BYTES + 1) +
                                                                     NAME_MAX_BYTES + sizeof(STYLED_NOTICE) +
                                                                     TEXT_MAX_BYTES,
               "any line has a place, with its STYLE");

static void history_path(const char *dir, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" FILE_NAME, dir);
}

/* Returns the number of a slot or a label, or 0 if it is not in use. */
static uint64_t history_use(const _Atomic uint64_t *number)
{
        return atomic_load_explicit(number, memory_order_relaxed);
}

/* Takes a slot or a label out of use. The fence keeps the compiler from changing the other fields earlier. */
static void history_begin_change(_Atomic uint64_t *number)
{
        atomic_store_explicit(number, 0, memory_order_relaxed);
        atomic_signal_fence(memory_order_release);
}

/* Takes a slot or a label into use, after all changes of its other fields. */
static void history_end_change(_Atomic uint64_t *number, uint64_t value)
{
        atomic_signal_fence(memory_order_release);
        atomic_store_explicit(number, value, memory_order_relaxed);
}

/* Returns the highest place on a shelf, which is that of the last line. */
static uint64_t history_find_last(const struct history_slot shelf[static HISTORY_KEPT])
{
        uint64_t last = 0;
        for (size_t i = 0; i < HISTORY_KEPT; i++) {
                uint64_t place = history_use(&shelf[i].place);
                last = place > last ? place : last;
        }
        return last;
}

/* Gives the file its size, and reserves space for the labels alone. Returns 0 or an errno. */
static int history_reserve(int fd)
{
        /* A tmpfs allocates a page at its first use, and sends SIGBUS if no page is left. */
        if (posix_fallocate(fd, 0, offsetof(struct history_file, shelves)) != 0)
                return ENOSPC;
        return ftruncate(fd, sizeof(struct history_file)) < 0 ? errno : 0;
}

/* Opens the file with space for the labels. Returns a descriptor or a negative errno. */
static int history_open_file(const char *path)
{
        uint64_t layout = LAYOUT;
        struct stat st;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, MODE);
        if (fd < 0)
                return -errno;
        int error = fstat(fd, &st) < 0 ? errno : history_reserve(fd);
        if (error == 0 && st.st_size == 0 && pwrite(fd, &layout, sizeof(layout), 0) != sizeof(layout))
                error = EIO;
        if (error == 0 && pread(fd, &layout, sizeof(layout), 0) == sizeof(layout) && layout == LAYOUT)
                return fd;
        close(fd);
        return error != 0 ? -error : -ESTALE;
}

int history_open(struct history *h, const char *dir)
{
        char path[PATH_MAX];
        *h = (struct history){.fd = -1};
        history_path(dir, path);
        int fd = history_open_file(path);
        if (fd == -ESTALE) { /* the file is of another version, or chatd died when it had just made the file */
                unlink(path);
                fd = history_open_file(path);
        }
        if (fd < 0)
                return fd;
        void *mapped = mmap(NULL, sizeof(*h->file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped == MAP_FAILED) {
                int error = -errno;
                close(fd);
                return error;
        }
        h->file = mapped;
        h->fd = fd;
        for (size_t i = 0; i < HISTORY_SHELVES; i++) {
                uint64_t use = history_use(&h->file->labels[i].generation);
                h->uses = use > h->uses ? use : h->uses;
                h->last[i] = use > 0 ? history_find_last(h->file->shelves[i]) : 0;
        }
        return 0;
}

void history_close(struct history *h)
{
        if (!h->file)
                return;
        munmap(h->file, sizeof(*h->file));
        close(h->fd);
        h->file = NULL;
}

void history_remove(struct history *h, const char *dir)
{
        char path[PATH_MAX];
        history_close(h);
        history_path(dir, path);
        unlink(path);
}

/* Returns the shelf of the room of this name, or NO_SHELF. */
static int history_find_shelf(const struct history *h, const char *name)
{
        for (int i = 0; i < HISTORY_SHELVES; i++) {
                const struct history_label *label = &h->file->labels[i];
                if (history_use(&label->generation) > 0 &&
                    name_compare(label->name, strlen(label->name), name, strlen(name)) == 0)
                        return i;
        }
        return NO_SHELF;
}

/* Returns the offset of the shelf in the file. */
static off_t history_offset(int shelf)
{
        return (off_t)(offsetof(struct history_file, shelves) +
                       (size_t)shelf * sizeof(((struct history_file *)0)->shelves[0]));
}

/* Gives the memory of the shelf back, which clears it, and then marks the shelf as free. If chatd dies in between, the
 * shelf is empty. */
static void history_empty_shelf(struct history *h, int shelf)
{
        if (fallocate(h->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, history_offset(shelf),
                      sizeof(h->file->shelves[shelf])) < 0)
                memset(h->file->shelves[shelf], 0, sizeof(h->file->shelves[shelf]));
        history_end_change(&h->file->labels[shelf].generation, 0);
        h->last[shelf] = 0;
}

void history_forget_others(struct history *h, const struct rooms *rooms)
{
        for (int i = 1; h->file && i < HISTORY_SHELVES; i++)
                if (history_use(&h->file->labels[i].generation) > 0 &&
                    !rooms_find(rooms, slice_of(h->file->labels[i].name)))
                        history_empty_shelf(h, i);
}

/* Returns a free shelf, or else a shelf of a room that does not exist any more: the shelf that got its room first. The
 * first shelf is for the first room alone. Returns NO_SHELF if there is none. */
static int history_find_free_shelf(const struct history *h, const struct rooms *rooms, const char *name)
{
        int best = NO_SHELF;
        uint64_t best_use = UINT64_MAX;
        if (name == rooms_first(rooms)->name)
                return 0;
        for (int i = 1; i < HISTORY_SHELVES; i++) {
                uint64_t use = history_use(&h->file->labels[i].generation);
                if (use < best_use && (use == 0 || !rooms_find(rooms, slice_of(h->file->labels[i].name)))) {
                        best = i;
                        best_use = use;
                }
        }
        return best;
}

/* Gives a shelf to the room. Returns it, or NO_SHELF. */
static int history_take_shelf(struct history *h, const struct rooms *rooms, const char *name)
{
        int i = history_find_free_shelf(h, rooms, name);
        if (i == NO_SHELF)
                return NO_SHELF;
        struct history_slot *shelf = h->file->shelves[i];
        if (posix_fallocate(h->fd, history_offset(i), sizeof(h->file->shelves[i])) != 0)
                return NO_SHELF;
        history_begin_change(&h->file->labels[i].generation);
        for (size_t slot = 0; slot < HISTORY_KEPT; slot++)
                history_begin_change(&shelf[slot].place);
        snprintf(h->file->labels[i].name, sizeof(h->file->labels[i].name), "%s", name);
        history_end_change(&h->file->labels[i].generation, ++h->uses);
        h->last[i] = 0;
        return i;
}

static bool history_has(const struct history_slot shelf[static HISTORY_KEPT], const struct record *rec)
{
        for (size_t i = 0; i < HISTORY_KEPT; i++)
                if (history_use(&shelf[i].place) > 0 && shelf[i].id == rec->id && shelf[i].number == rec->number)
                        return true;
        return false;
}

/* Puts record `i` of the batch, which is `rec`, at the end of the shelf. */
static void history_put(struct history *h, int shelf, const struct batch *b, size_t i, const struct record *rec)
{
        const uint8_t *bytes = b->buffer + b->records[i].place[BATCH_DATAGRAM].at;
        size_t size = b->records[i].place[BATCH_DATAGRAM].len;
        uint64_t place = h->last[shelf] + 1;
        struct history_slot *slot = &h->file->shelves[shelf][place % HISTORY_KEPT];
        if (size > sizeof(slot->record))
                return; /* a line of a later version */
        history_begin_change(&slot->place);
        slot->seconds = (uint64_t)time(NULL);
        slot->id = rec->id;
        slot->number = rec->number;
        slot->size = (uint32_t)size;
        memcpy(slot->record, bytes, size);
        history_end_change(&slot->place, place);
        h->last[shelf] = place;
}

/* Decodes record `i` of the batch into `rec`. Returns the room of the line, or NULL if the record is no line for a
 * room. */
static const struct room *history_line_room(const struct batch *b, size_t i, struct record *rec)
{
        const struct batch_record *record = &b->records[i];
        struct wire_reader reader =
                wire_read(b->buffer + record->place[BATCH_DATAGRAM].at, record->place[BATCH_DATAGRAM].len);
        if (record->to || !record->room || record_next_styled(&reader, rec) <= 0 || !record_is_line(rec))
                return NULL;
        return record->room;
}

/* Decodes record `i` of the batch into `rec`. Returns the shelf for it, or NO_SHELF if it belongs on none. */
static int history_shelf_for(struct history *h, const struct rooms *rooms, const struct batch *b, size_t i,
                             struct record *rec)
{
        const struct room *room = history_line_room(b, i, rec);
        if (!room)
                return NO_SHELF;
        int shelf = history_find_shelf(h, room->name);
        return shelf == NO_SHELF ? history_take_shelf(h, rooms, room->name) : shelf;
}

void history_note(struct history *h, const struct rooms *rooms, const struct batch *b)
{
        struct record rec;
        for (size_t i = 0; h->file && i < b->count; i++) {
                int shelf = history_shelf_for(h, rooms, b, i, &rec);
                if (shelf != NO_SHELF)
                        history_put(h, shelf, b, i, &rec);
        }
}

void history_note_again(struct history *h, const struct rooms *rooms, const struct batch *b)
{
        size_t behind[HISTORY_SHELVES] = {0};
        struct record rec;
        for (size_t i = 0; h->file && i < b->count; i++) {
                int shelf = history_shelf_for(h, rooms, b, i, &rec);
                if (shelf != NO_SHELF)
                        behind[shelf]++;
        }
        for (size_t i = 0; h->file && i < b->count; i++) {
                int shelf = history_shelf_for(h, rooms, b, i, &rec);
                if (shelf != NO_SHELF && behind[shelf]-- <= HISTORY_KEPT && !history_has(h->file->shelves[shelf], &rec))
                        history_put(h, shelf, b, i, &rec);
        }
}

/* Returns the line at this place, or NULL. */
static const struct history_slot *history_slot_at(const struct history *h, int shelf, uint64_t place)
{
        const struct history_slot *slot = &h->file->shelves[shelf][place % HISTORY_KEPT];
        return place > 0 && history_use(&slot->place) == place && slot->size <= sizeof(slot->record) ? slot : NULL;
}

/* An answer with the last lines, while it is being written. */
struct writing {
        uint8_t *buffer;
        size_t size;
        unsigned lines;    /* how many more lines may follow */
        size_t bytes_left; /* how many more bytes may follow */
        enum history_form form;
};

static void history_write_line(struct writing *w, struct record *rec, uint64_t seconds)
{
        const struct record time = {.kind = RECORD_TIME, .number = seconds, .name = {"", 0}, .text = {"", 0}};
        if (w->form == HISTORY_TIME_AS_NUMBER)
                rec->number = seconds;
        else
                w->size += record_encode(w->buffer + w->size, HISTORY_SHOWN_MAX_BYTES - w->size, &time);
        w->size += record_encode_styled(w->buffer + w->size, HISTORY_SHOWN_MAX_BYTES - w->size, rec);
}

/* Counts one more line; the last line comes first. Returns false if the line does not fit: then no earlier line is
 * taken either. */
static bool history_take_line(struct writing *w, size_t bytes)
{
        bytes += w->form == HISTORY_TIME_IN_FRONT ? RECORD_HEADER_BYTES : 0;
        if (bytes > w->bytes_left)
                w->lines = 0;
        if (w->lines == 0)
                return false;
        w->lines--;
        w->bytes_left -= bytes;
        return true;
}

/* Decodes record `i` of the batch into `rec`. Returns true if it is a line for `room` that is not on the shelf. */
static bool history_is_new_line(const struct history *h, int shelf, const struct room *room, const struct batch *b,
                                size_t i, struct record *rec)
{
        const struct room *of = history_line_room(b, i, rec);
        return of && of == room && (shelf == NO_SHELF || !history_has(h->file->shelves[shelf], rec));
}

/* Writes the lines of the shelf that still fit. */
static void history_write_shelf(const struct history *h, int shelf, struct writing *w)
{
        uint64_t last = h->last[shelf], first = last + 1;
        const struct history_slot *slot;
        while ((slot = history_slot_at(h, shelf, first - 1)) && history_take_line(w, slot->size))
                first--;
        for (; first <= last; first++) {
                slot = history_slot_at(h, shelf, first);
                struct wire_reader reader = wire_read(slot->record, slot->size);
                struct record rec;
                char clean[HISTORY_SLOT_BYTES];
                if (record_next_styled(&reader, &rec) <= 0)
                        continue;
                /* a chatd of an earlier version may have stored the text */
                rec.text = reveal(rec.text, clean, rec.text.len);
                if (!formatting_is_of(rec.styled, rec.text))
                        rec.styled = slice_of("");
                history_write_line(w, &rec, slot->seconds);
        }
}

size_t history_read(const struct history *h, const struct rooms *rooms, const struct room *room, const struct batch *b,
                    unsigned lines, enum history_form form, uint8_t buffer[static HISTORY_SHOWN_MAX_BYTES])
{
        struct writing w = {.lines = lines, .bytes_left = HISTORY_SHOWN_MAX_BYTES, .form = form};
        struct record rec;
        size_t first = b->count;
        w.buffer = buffer;
        if (!h->file)
                return 0;
        int shelf = history_find_shelf(h, room->name);
        if (shelf == NO_SHELF && history_find_free_shelf(h, rooms, room->name) == NO_SHELF)
                return 0;
        for (size_t i = b->count; i-- > 0;) {
                if (!history_is_new_line(h, shelf, room, b, i, &rec))
                        continue;
                if (!history_take_line(&w, b->records[i].place[BATCH_DATAGRAM].len))
                        break;
                first = i;
        }
        if (shelf != NO_SHELF)
                history_write_shelf(h, shelf, &w);
        for (size_t i = first; i < b->count; i++)
                if (history_is_new_line(h, shelf, room, b, i, &rec))
                        history_write_line(&w, &rec, (uint64_t)time(NULL));
        return w.size;
}
