#undef NDEBUG /* the assertions of this file stay on: without them a line could be lost silently */
#include "batch.h"

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/display.h>

#include "lagging.h"
#include "looks.h"

void batch_begin(struct batch *b, uint64_t epoch)
{
        struct frame header = {.type = FRAME_BATCH, .id = epoch};
        b->number++;
        b->size = frame_encode(b->buffer, sizeof(b->buffer), &header);
        b->count = b->entries = b->moves_count = b->stretches_count = 0;
        b->audiences[BATCH_EVERYBODY] = (struct batch_audience){0};
        b->audiences_count = 1;
        b->first = b->last = NULL;
        b->has_letters = false;
        if (b->lent.outlet) /* the previous batch was consumed: nobody needs its records */
                outlet_batch_begin(b->lent.outlet);
}

struct share *batch_share(struct batch *b, struct member *m)
{
        if (m->share.batch == b->number)
                return &m->share;
        m->share = (struct share){
                .batch = b->number,
                .relayed_number = m->lines_in,
                .to = UINT32_MAX,
                .is_apart = m->id == LINK_ID,
        };
        if (!member_lags(m)) /* letters are left only if it was dead */
                letters_clear(&m->letters);
        if (b->last)
                b->last->share.next = m;
        else
                b->first = m;
        b->last = m;
        return &m->share;
}

bool batch_has_room_for(const struct batch *b, size_t records, size_t bytes)
{
        return BATCH_MAX_RECORDS - b->entries >= records && sizeof(b->buffer) - b->size >= bytes;
}

/* ---- records ---- */

/* Begins a text for each look that a lent connection has now. */
static void batch_begin_texts(struct batch *b)
{
        uint64_t ms = (uint64_t)clock_realtime_ms();
        for (enum outlet_look look = OUTLET_TEXT; look < OUTLET_LOOKS; look++) {
                b->texts[look].is_whole = b->lent.clients[look] > 0;
                b->texts[look].ms = ms;
                b->texts[look].size = 0;
        }
}

/* Appends the record to the text of a look, unless it is for one member alone. Returns its size. If the record cannot
 * be in this text, the text is no longer whole. */
static size_t batch_append_text(struct batch *b, enum outlet_look look, const struct batch_record *record,
                                const struct record *rec)
{
        struct batch_text *text = &b->texts[look];
        if (record->to || !display_shows(rec))
                return 0;
        size_t size = looks_write(look, b->lent.server, rec, text->ms, text->bytes + text->size,
                                  sizeof(text->bytes) - text->size);
        text->is_whole = size > 0;
        text->size += size;
        return size;
}

/* Puts the record into the texts, and into the memory that sessions share. */
static void batch_append_texts(struct batch *b, struct batch_record *record, const struct record *rec)
{
        struct outlet_record *shared = &b->lent.outlet->records[b->count];
        if (b->count == 0)
                batch_begin_texts(b);
        shared->id = rec->id;
        shared->key = record_key(rec);
        shared->room = record->to ? OUTLET_PRIVATE : record->room ? record->room->number : 0;
        shared->copies = record->copies;
        for (enum outlet_look look = OUTLET_TEXT; look < OUTLET_LOOKS; look++) {
                if (!b->texts[look].is_whole)
                        continue;
                record->place[BATCH_LOOK + look].at = (uint32_t)b->texts[look].size;
                size_t size = batch_append_text(b, look, record, rec);
                record->place[BATCH_LOOK + look].len = (uint32_t)size;
                shared->bytes[look] = (uint32_t)size;
        }
}

/* Returns the name of a room in a record. The first room has none, because sessions of versions without rooms know no
 * other form. */
static struct slice batch_name_of(const struct room *room)
{
        return room && room->number > 1 ? slice_of(room->name) : (struct slice){"", 0};
}

/* Returns the audience of records for `room`. */
static struct batch_audience *batch_audience_of(struct batch *b, struct room *room)
{
        if (!room)
                return &b->audiences[BATCH_EVERYBODY];
        if (room->batch != b->number) {
                room->batch = b->number;
                room->audience = (uint32_t)b->audiences_count++;
                b->audiences[room->audience] = (struct batch_audience){.room = room};
        }
        return &b->audiences[room->audience];
}

/* Adds the record with the index `b->count` to the list of its audience. */
static void batch_append_to_audience(struct batch *b, struct room *room)
{
        struct batch_audience *audience = batch_audience_of(b, room);
        uint32_t at = (uint32_t)b->count;
        struct batch_stretch *last = audience->last > 0 ? &b->stretches[audience->last - 1] : NULL;
        if (last && last->to == at) {
                last->to++;
                return;
        }
        b->stretches[b->stretches_count++] = (struct batch_stretch){.from = at, .to = at + 1};
        *(last ? &last->next : &audience->first) = (uint32_t)b->stretches_count;
        audience->last = (uint32_t)b->stretches_count;
}

/* Appends a record. `who` has the sender and, if there is only one, the receiver. */
static void batch_append(struct batch *b, struct batch_record who, struct room *room, struct record rec)
{
        size_t entries = record_has_style(&rec) ? 2 : 1;
        assert(BATCH_MAX_RECORDS - b->entries >= entries);
        if (!who.to)
                rec.room = batch_name_of(room);
        size_t len = record_encode_styled(b->buffer + b->size, sizeof(b->buffer) - b->size, &rec);
        assert(len > 0);
        struct batch_record *record = &b->records[b->count];
        *record = who;
        record->room = room;
        record->place[BATCH_DATAGRAM].at = (uint32_t)b->size;
        record->place[BATCH_DATAGRAM].len = (uint32_t)len;
        if (b->lent.outlet)
                batch_append_texts(b, record, &rec);
        if (!record->to)
                batch_append_to_audience(b, room);
        b->size += len;
        b->entries += entries;
        b->count++;
}

/* Appends a record of a member. So many copies of it, for other rooms, stand directly before it. */
static void batch_add_copy(struct batch *b, struct member *from, struct room *room, const struct record *rec,
                           uint32_t copies)
{
        struct share *share = batch_share(b, from);
        batch_append(b, (struct batch_record){.from = from, .copies = copies}, room, *rec);
        *(share->own_last > 0 ? &b->records[share->own_last - 1].next_own : &share->own_first) = (uint32_t)b->count;
        share->own_last = (uint32_t)b->count;
}

void batch_add(struct batch *b, struct member *from, struct room *room, const struct record *rec)
{
        batch_add_copy(b, from, room, rec, 0);
}

void batch_add_to_rooms_of(struct batch *b, struct member *from, struct member *link, const struct record *rec)
{
        uint32_t copies = 0;
        for (const struct seat *seat = from->seats; seat; seat = seat->other)
                batch_add_copy(b, from, seat->room, rec, copies++);
        if (!from->seats && link)
                batch_add_private(b, from, link, rec);
}

void batch_add_notice(struct batch *b, struct room *room, const struct record *rec)
{
        batch_append(b, (struct batch_record){0}, room, *rec);
}

void batch_add_here(struct batch *b, const struct member *link, struct room *room, const struct record *rec)
{
        batch_append(b, (struct batch_record){.from = link}, room, *rec);
}

void batch_add_private(struct batch *b, struct member *from, struct member *to, const struct record *rec)
{
        struct share *share = batch_share(b, to);
        share->by_datagram = share->is_apart = true;
        batch_append(b, (struct batch_record){.from = from, .to = to}, NULL, *rec);
}

/* ---- members ---- */

void batch_trim_letters(struct member *m)
{
        lagging_miss(m, letters_trim(&m->letters, BATCH_LETTERS_MAX_BYTES));
}

void batch_tell(struct batch *b, struct member *to, const struct frame *f)
{
        batch_tell_records(b, to, f, NULL, 0);
}

void batch_tell_records(struct batch *b, struct member *to, const struct frame *f, const uint8_t *records, size_t size)
{
        batch_share(b, to)->by_datagram = true;
        int error = letters_add(&to->letters, (uint32_t)b->count, f, records, size);
        assert(error == 0);
        b->has_letters = true;
        if (member_lags(to))
                batch_trim_letters(to);
}

void batch_take_number(struct batch *b, struct member *m, uint64_t number)
{
        batch_share(b, m);
        m->lines_in = number;
}

void batch_joins(struct batch *b, struct member *m)
{
        struct share *share = batch_share(b, m);
        share->from = (uint32_t)b->count;
        share->to = UINT32_MAX;
}

void batch_leaves(struct batch *b, struct member *m)
{
        batch_share(b, m)->to = (uint32_t)b->count;
}

static void batch_add_move(struct batch *b, struct member *m, const struct room *room, bool enters)
{
        struct share *share = batch_share(b, m);
        assert(b->moves_count < BATCH_STEPS_MAX);
        uint32_t move = (uint32_t)++b->moves_count;
        b->moves[move - 1] = (struct batch_move){.room = room, .enters = enters, .at = (uint32_t)b->count};
        *(share->move_last > 0 ? &b->moves[share->move_last - 1].next : &share->move_first) = move;
        share->move_last = move;
        share->by_datagram = share->is_apart = true;
}

void batch_enters(struct batch *b, struct member *m, const struct room *room)
{
        batch_add_move(b, m, room, true);
}

void batch_exits(struct batch *b, struct member *m, const struct room *room)
{
        batch_add_move(b, m, room, false);
}

uint32_t batch_end_for(const struct batch *b, const struct member *m)
{
        return m->share.to < b->count ? m->share.to : (uint32_t)b->count;
}

/* ---- the part of each member ---- */

/* Returns true if `m` is in the room of record `i`, at the place of this record. */
static bool batch_hears(const struct batch *b, const struct member *m, uint32_t i)
{
        const struct room *room = b->records[i].room;
        for (uint32_t move = m->share.move_first; move > 0; move = b->moves[move - 1].next)
                if (b->moves[move - 1].room == room && i < b->moves[move - 1].at)
                        return !b->moves[move - 1].enters;
        return member_seat_in(m, room);
}

/* Returns true if `m` gets record `i`, which must be within the part of `m`. */
static bool batch_is_for(const struct batch *b, const struct member *m, uint32_t i)
{
        const struct batch_record *record = &b->records[i];
        if (record->from == m || record->to)
                return record->from != m && record->to == m;
        if (!record->room || m->id == LINK_ID)
                return true;
        for (uint32_t copy = i - record->copies; copy < i; copy++)
                if (batch_hears(b, m, copy))
                        return false;
        return batch_hears(b, m, i);
}

/* A walk over the records that a member gets. */
struct walk {
        const struct batch *batch;
        const struct member *member;
        uint32_t at, end; /* the index of the next record, and the index behind the last */
        bool is_apart;    /* each record is checked; `stretch` and `own` are not used */
        uint32_t stretch; /* the present stretch of its audience: an index plus 1; 0: none is left */
        uint32_t own;     /* the next of its own records: an index plus 1; 0: none is left */
};

static struct walk batch_walk(const struct batch *b, const struct member *m)
{
        uint32_t first = b->audiences[BATCH_EVERYBODY].first;
        size_t lists = first > 0; /* of records that `m` may get */
        for (const struct seat *seat = m->seats; seat; seat = seat->other) {
                if (seat->room->batch != b->number)
                        continue;
                first = b->audiences[seat->room->audience].first;
                lists++;
        }
        return (struct walk){
                .batch = b,
                .member = m,
                .at = m->share.from,
                .end = batch_end_for(b, m),
                .is_apart = m->share.is_apart || lists > 1,
                .stretch = first,
                .own = m->share.own_first,
        };
}

/* Finds the next stretch of records, from `*from` to before `*to`, by checking each record. Returns false if there is
 * none. */
static bool batch_check_next(struct walk *w, uint32_t *from, uint32_t *to)
{
        while (w->at < w->end && !batch_is_for(w->batch, w->member, w->at))
                w->at++;
        *from = w->at;
        while (w->at < w->end && batch_is_for(w->batch, w->member, w->at))
                w->at++;
        *to = w->at;
        return *from < *to;
}

/* Finds the next stretch of records, from `*from` to before `*to`. Returns false if there is none. */
static bool batch_walk_next(struct walk *w, uint32_t *from, uint32_t *to)
{
        if (w->is_apart)
                return batch_check_next(w, from, to);
        while (w->stretch > 0) {
                const struct batch_stretch *stretch = &w->batch->stretches[w->stretch - 1];
                w->at = stretch->from > w->at ? stretch->from : w->at;
                for (; w->own > 0 && w->own - 1 <= w->at; w->own = w->batch->records[w->own - 1].next_own)
                        w->at += w->own - 1 == w->at;
                uint32_t end = stretch->to < w->end ? stretch->to : w->end;
                *from = w->at;
                *to = w->own > 0 && w->own - 1 < end ? w->own - 1 : end;
                if (*from < *to) {
                        w->at = *to;
                        return true;
                }
                w->stretch = stretch->next;
        }
        return false;
}

struct batch_part batch_gather(struct batch *b, const struct member *m, enum batch_form form, struct iovec *iov)
{
        struct batch_part part = {0};
        struct walk walk = batch_walk(b, m);
        uint8_t *buffer = form == BATCH_DATAGRAM ? b->buffer : (uint8_t *)b->texts[form - BATCH_LOOK].bytes;
        assert(m->share.batch == b->number);
        for (uint32_t from, to; batch_walk_next(&walk, &from, &to); part.pieces++) {
                uint32_t at = b->records[from].place[form].at;
                size_t len = b->records[to - 1].place[form].at + b->records[to - 1].place[form].len - at;
                part.bytes += len;
                part.records += to - from;
                if (iov)
                        iov[part.pieces] = (struct iovec){buffer + at, len};
        }
        return part;
}
