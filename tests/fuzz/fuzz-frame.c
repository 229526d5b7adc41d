/* Frames and records (chat/frame.h, chat/wire.h).
 *
 * Input: a datagram.
 *
 * Promises: slices lie within the datagram and within their limits. A decoded frame is encoded to the same bytes, so
 * there is one form of each frame. It fits exactly and in nothing smaller. A frame that is cut is refused. A frame with
 * bytes behind it is refused, too, except a frame of a later version. The records of a BATCH, INJECT or PAST lie one
 * behind another, and the last ends with the frame.
 */
#include <chat/record.h>

#include "fuzz.h"

static void check_slice(struct slice s, const uint8_t *data, size_t size, size_t most)
{
        const uint8_t *at = (const uint8_t *)s.at;
        PROMISE(s.len == 0 || (at >= data && at <= data + size && s.len <= (size_t)(data + size - at)),
                "a slice outside of its datagram");
        PROMISE(s.len <= most, "a slice of %zu bytes", s.len);
}

static bool is_same(const struct frame *a, const struct frame *b)
{
        return a->type == b->type && a->id == b->id && a->number == b->number && a->key == b->key &&
               slice_equal(a->name, b->name) && slice_equal(a->address, b->address) && slice_equal(a->text, b->text) &&
               a->reason == b->reason && a->lines_out == b->lines_out && a->lines_skipped == b->lines_skipped &&
               a->members == b->members && slice_equal(a->answer, b->answer) && a->speech == b->speech &&
               slice_equal(a->styled, b->styled) && slice_equal(a->secret, b->secret);
}

/* Checks that a record and its STYLE mean the same when they are encoded again. */
static void check_styles(struct wire_reader r)
{
        static uint8_t buffer[2 * UINT16_MAX];
        struct record rec, again;
        while (record_next_styled(&r, &rec) > 0) {
                size_t n = record_encode_styled(buffer, sizeof(buffer), &rec);
                struct wire_reader same = wire_read(buffer, n);
                if (n == 0) /* its name is too long */
                        continue;
                PROMISE(rec.styled.len <= STYLED_MAX_BYTES, "formatting of %zu bytes", rec.styled.len);
                PROMISE(record_next_styled(&same, &again) == 1 && wire_left(&same) == 0, "more than a record");
                PROMISE(again.kind == rec.kind && slice_equal(again.text, rec.text) &&
                                slice_equal(again.styled, rec.styled) && again.is_notice == rec.is_notice,
                        "the record has another style");
        }
}

static void check_records(struct wire_reader r)
{
        struct record rec;
        const uint8_t *start = r.at;
        int more;
        while ((more = record_next(&r, &rec)) > 0) {
                size_t size = (size_t)(r.at - start), left = (size_t)(r.end - start);
                struct slice name = rec.kind == RECORD_NOTICE ? rec.answer : rec.name; /* one place for both */
                PROMISE(rec.answer.len + rec.name.len == name.len, "a record with a name and an answer");
                size_t room = rec.room.len > 0 ? rec.room.len + 1 : 0; /* a space is behind it */
                PROMISE(size <= left && size == RECORD_HEADER_BYTES + name.len + room + rec.text.len,
                        "a record of %zu bytes", size);
                check_slice(rec.room, start, size, UINT16_MAX);
                check_slice(name, start, size, UINT8_MAX);
                check_slice(rec.text, start, size, UINT16_MAX);
                uint8_t *again = malloc(size);
                size_t n = record_encode(again, size, &rec);
                PROMISE(n == (name.len <= NAME_MAX_BYTES ? size : 0), "a record of %zu bytes is encoded to %zu", size,
                        n);
                PROMISE(n == 0 || memcmp(again, start, n) == 0, "the record is encoded to something else");
                PROMISE(record_encode(again, size - 1, &rec) == 0, "a record in too little room");
                free(again);
                start = r.at;
        }
        PROMISE(r.at == start, "a bad record moves the reader");
        PROMISE((more == 0) == (wire_left(&r) == 0), "the end of the records is not the end of the batch");
}

/* Checks that every shorter frame is refused. A frame with a tail is good only in a later version, and means the same
 * there. */
static void check_other_sizes(const uint8_t *data, size_t size, const struct frame *f)
{
        struct frame other;
        for (size_t shorter = 0; shorter < size; shorter += 1 + size / 64) {
                uint8_t *copy = malloc(shorter ? shorter : 1); /* so that ASan sees reads beyond its end */
                memcpy(copy, data, shorter);
                PROMISE(frame_decode(&other, copy, shorter) == -EBADMSG, "%zu of %zu bytes are taken", shorter, size);
                free(copy);
        }
        uint8_t *longer = malloc(size + 1);
        memcpy(longer, data, size);
        longer[size] = 0;
        longer[0] = FRAME_VERSION;
        PROMISE(frame_decode(&other, longer, size + 1) == -EBADMSG, "a tail is taken");
        longer[0] = FRAME_VERSION + 1;
        PROMISE(frame_decode(&other, longer, size + 1) == 0 && is_same(f, &other),
                "what a later version appends is not skipped");
        free(longer);
}

/* Returns the bytes that this version appends to a frame of an earlier one. */
static size_t appended(const struct frame *f)
{
        if (f->type == FRAME_HELLO || f->type == FRAME_HERE)
                return f->version >= 9 ? 0 : f->version >= 5 ? 1 : f->version == 4 ? 2 : 3;
        size_t answer = f->version >= 6 ? 0 : sizeof(uint16_t);
        switch (f->type) {
        case FRAME_ENTER:
                return f->version >= 10 ? 0 : sizeof(f->key);
        case FRAME_BYE:
                return f->version >= 4 ? 0 : 2;
        case FRAME_PROBE:
                return answer + (f->version >= 4 ? 0 : sizeof(f->key));
        case FRAME_ANSWER:
        case FRAME_FOUND:
        case FRAME_REFUSED:
                return answer;
        case FRAME_ROOM_LINE:
        case FRAME_ROOM_ACTION:
        case FRAME_PRIVATE:
        case FRAME_SENT:
                return f->version >= FRAME_STYLED_SINCE ? 0 : 1 + sizeof(uint16_t);
        case FRAME_KICKED:
        case FRAME_NOTICE:
        case FRAME_TELL:
                return f->version >= 7 ? 0 : sizeof(uint16_t);
        default:
                return 0;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct frame f, again;
        int r = frame_decode(&f, data, size);
        check_slice(f.name, data, size, NAME_MAX_BYTES);
        check_slice(f.address, data, size, ADDRESS_MAX_BYTES);
        check_slice(f.text, data, size, TEXT_MAX_BYTES);
        check_slice(f.styled, data, size, STYLED_MAX_BYTES);
        check_slice(f.secret, data, size, SECRET_MAX_BYTES);
        check_slice(f.answer, data, size, ANSWER_MAX_BYTES);
        if (r != 0) {
                PROMISE(r == -EBADMSG || r == -EPROTONOSUPPORT || r == FRAME_E_TYPE, "error %d", r);
                PROMISE((r == -EPROTONOSUPPORT) == (size >= FRAME_HEADER_BYTES && data[0] == 0), "version 0: %d", r);
                PROMISE(r != FRAME_E_TYPE || (size >= FRAME_HEADER_BYTES && f.type == data[1]), "no header");
                uint8_t buffer[FRAME_MAX_BYTES];
                PROMISE(r != FRAME_E_TYPE || frame_encode(buffer, sizeof(buffer), &f) == 0, "encodes an unknown type");
                return 0;
        }
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &f);
        size_t more = appended(&f), same = n - more;
        PROMISE(n >= FRAME_HEADER_BYTES && same <= size, "%zu bytes are encoded to %zu", size, n);
        PROMISE(memcmp(buffer + 1, data + 1, same - 1) == 0, "the frame is encoded to something else");
        PROMISE(frame_decode(&again, buffer, n) == 0 && again.version == FRAME_VERSION && is_same(&f, &again),
                "the encoded frame says something else");
        uint8_t *small = malloc(n);
        PROMISE(frame_encode(small, n, &f) == n, "no place where there is just enough");
        PROMISE(frame_encode(small, n - 1, &f) == 0, "a frame in too little room");
        free(small);
        if (frame_has_records(f.type)) {
                PROMISE(n == FRAME_HEADER_BYTES && f.records.at == data + n && f.records.end == data + size,
                        "records elsewhere");
                check_records(f.records);
                check_styles(f.records);
        } else {
                PROMISE(same == size || f.version > FRAME_VERSION, "a tail of %zu bytes is taken", size - same);
                check_other_sizes(buffer, n, &f);
        }
        return 0;
}
