/* Records: the lines and notices in a BATCH for members, in an INJECT from other hosts, and in a PAST from earlier.
 *
 * Each record has its own length, so a reader can skip kinds that it does not know.
 */
#pragma once

#include <errno.h>

#include "frame.h"

enum {
        RECORD_HEADER_BYTES = 20, /* length 2, kind 1, name length 1, id 8, number 8 */
        BATCH_MAX_RECORDS = 512,  /* what a session must remember to recognise a batch that is relayed again */
};

enum record_kind {
        RECORD_LINE = 1,
        RECORD_JOIN,
        RECORD_LEAVE,
        RECORD_NOTICE,  /* from the link or chatd: a sentence and an answer. See notice.h */
        RECORD_MISSED,  /* between links alone: `number` records of the sender are missing, or MISSED_UNKNOWN */
        RECORD_ACTION,  /* text is what somebody does */
        RECORD_RENAME,  /* text is somebody's new name */
        RECORD_PRIVATE, /* text for one member; to and from the link it begins with the member's name and a space */
        RECORD_WENT,    /* somebody went to the room that text names: for the room that was left, not for the link */
        RECORD_CAME,    /* somebody came from the room that text names */
        RECORD_TOPIC,   /* somebody set the topic to text; empty: removed it */
        RECORD_ASK,     /* to and from the link alone: somebody asks who is there: text is ASK_WHO or ASK_ROOMS */
        RECORD_REPLY,   /* from chatd on another host, to who asked it, addressed as a PRIVATE: see reply.h */
        /* since version 4: a RENAME on another host, for those who are in other rooms. It is not shown */
        RECORD_RENAMED,
        /* since version 8: another host's REPLY to a session that knows this kind; text is an answer, see reply.h. What
         * is shown of it is a sentence in place of the text */
        RECORD_ANSWER,
        /* since version 9: somebody who may be in several rooms entered this one, or left it and is still in the chat */
        RECORD_ENTER,
        RECORD_EXIT,
        /* since version 9, in a PAST for a session that roams: `number` is the time of the next record, in seconds since
         * 1970 */
        RECORD_TIME,
        /* since version 10: how the record in front of it, of the same id and number, looks to clients that can show it.
         * See record_next_styled() */
        RECORD_STYLE,
        /* since version 10: text is for the program of one member's client (CTCP); addressed as a PRIVATE, and not shown */
        RECORD_CTCP,
        /* or'ed to a kind: the text begins with the name of the room that it is for, and a space. See `room` */
        RECORD_IN_ROOM = 0x80,
};

#define LEAVE_REMOVED "removed" /* the text of a LEAVE if an administrator removed the member; since version 4 */
#define ASK_WHO "who"
#define ASK_ROOMS "rooms"
#define STYLED_NOTICE "notice" /* the name of a STYLE if the record in front of it is a notice */

/* One line or notice of a batch. The id and record_key() identify it for ever. The number of a JOIN is 0, that of a
 * LEAVE is UINT64_MAX. Records from other hosts have LINK_ID and the number that the link gave them. The two notices of
 * ARRIVALS_ID about the same newcomers have the same key: no member gets both. */
struct record {
        uint8_t kind;
        uint64_t id;
        uint64_t number;
        struct slice name, text;
        struct slice room; /* it is for; empty: for the first one, or for everybody; ASK, PRIVATE, REPLY: see reply.h */
        struct slice answer; /* of a NOTICE, which has no name: it lies in the place of the name */
        /* of what a member says, since version 10: the text with formatting (chat-irc/formatting.h); empty: it has none */
        struct slice styled;
        bool is_notice; /* no program may answer it, as with SPEECH_NOTICE (frame-types.h) */
};

/* Appends `rec` to a batch. Returns its size. If it does not fit, returns 0 and writes nothing. */
static inline size_t record_encode(void *buffer, size_t size, const struct record *rec)
{
        bool in_room = rec->room.len > 0;
        struct slice name = rec->kind == RECORD_NOTICE ? rec->answer : rec->name;
        size_t total = RECORD_HEADER_BYTES + name.len + (in_room ? rec->room.len + 1 : 0) + rec->text.len;
        if (total > size || total > UINT16_MAX || name.len > NAME_MAX_BYTES)
                return 0;
        struct wire_writer w = wire_write(buffer, size);
        wire_put_u16(&w, (uint16_t)total);
        wire_put_u8(&w, in_room ? rec->kind | RECORD_IN_ROOM : rec->kind);
        wire_put_u8(&w, (uint8_t)name.len);
        wire_put_u64(&w, rec->id);
        wire_put_u64(&w, rec->number);
        wire_put(&w, name.at, name.len);
        if (in_room) {
                wire_put(&w, rec->room.at, rec->room.len);
                wire_put_u8(&w, ' ');
        }
        wire_put(&w, rec->text.at, rec->text.len);
        return wire_written(&w);
}

/* Takes the next record off `r`. Returns 1, 0 at the end, or -EBADMSG. Its text and name may be longer than this
 * version allows: see record_is_bounded(). */
static inline int record_next(struct wire_reader *r, struct record *rec)
{
        if (wire_left(r) == 0)
                return 0;
        struct wire_reader whole = *r;
        size_t total = wire_get_u16(&whole);
        if (whole.bad || total < RECORD_HEADER_BYTES || total > wire_left(r))
                return -EBADMSG;
        struct wire_reader one = wire_read(r->at, total);
        wire_get_u16(&one);
        uint8_t kind = wire_get_u8(&one);
        size_t name_len = wire_get_u8(&one);
        rec->id = wire_get_u64(&one);
        rec->number = wire_get_u64(&one);
        rec->name = wire_get_bytes(&one, name_len);
        rec->answer = rec->styled = (struct slice){"", 0};
        rec->is_notice = false;
        if (one.bad)
                return -EBADMSG;
        rec->text = wire_get_bytes(&one, wire_left(&one));
        rec->room = (struct slice){"", 0};
        rec->kind = kind & (RECORD_IN_ROOM - 1);
        if (rec->kind == RECORD_NOTICE) {
                rec->answer = rec->name;
                rec->name = (struct slice){"", 0};
        }
        if (kind & RECORD_IN_ROOM && (!word_next(&rec->text, &rec->room) || rec->room.len == 0))
                return -EBADMSG;
        r->at += total;
        return 1;
}

/* Returns true if a STYLE belongs to the record. */
static inline bool record_has_style(const struct record *rec)
{
        return rec->styled.len > 0 || rec->is_notice;
}

/* Appends `rec` to a batch, and its STYLE if it has one. Returns the size of both. If they do not fit, returns 0. */
static inline size_t record_encode_styled(void *buffer, size_t size, const struct record *rec)
{
        const struct record style = {.kind = RECORD_STYLE,
                                     .id = rec->id,
                                     .number = rec->number,
                                     .name = slice_of(rec->is_notice ? STYLED_NOTICE : ""),
                                     .text = rec->styled,
                                     .room = rec->room};
        size_t len = record_encode(buffer, size, rec);
        if (len == 0 || !record_has_style(rec))
                return len;
        size_t more = record_encode((uint8_t *)buffer + len, size - len, &style);
        return more > 0 ? len + more : 0;
}

/* Returns true if the record is what a member says, so that it may have a STYLE. */
static inline bool record_is_said(const struct record *rec)
{
        return rec->kind == RECORD_LINE || rec->kind == RECORD_ACTION || rec->kind == RECORD_PRIVATE ||
               rec->kind == RECORD_CTCP;
}

/* Finds the STYLE of `rec` at the beginning of `r`, and takes over what it says. Returns false if there is none. */
static inline bool record_take_style(struct wire_reader *r, struct record *rec)
{
        struct wire_reader next = *r;
        struct record style;
        if (!record_is_said(rec) || record_next(&next, &style) <= 0 || style.kind != RECORD_STYLE ||
            style.id != rec->id || style.number != rec->number || style.text.len > STYLED_MAX_BYTES ||
            style.text.len + rec->text.len > TEXT_MAX_BYTES)
                return false;
        rec->styled = style.text;
        rec->is_notice = slice_equal(style.name, slice_of(STYLED_NOTICE));
        *r = next;
        return true;
}

/* Takes the next record off `r`, and its STYLE if it has one. Returns as record_next() does. */
static inline int record_next_styled(struct wire_reader *r, struct record *rec)
{
        int result = record_next(r, rec);
        if (result > 0)
                record_take_style(r, rec);
        return result;
}

/* Returns true if this version could have written a record of this length, so that any buffer for a line has room for
 * it. A longer record is from a later version, or from no version of this program. */
static inline bool record_is_bounded(const struct record *rec)
{
        return rec->name.len <= NAME_MAX_BYTES && rec->answer.len <= NAME_MAX_BYTES &&
               rec->text.len <= TEXT_MAX_BYTES && rec->room.len <= NAME_MAX_BYTES;
}

/* Returns what tells a record from all others of the same id: a hash of its number, kind and room. One step can become
 * several records of the same number: the WENT and CAME of a move, and a RENAME or LEAVE in each room of a member. */
static inline uint64_t record_key(const struct record *rec)
{
        uint64_t hash = rec->kind; /* FNV-1a, without its offset */
        for (size_t i = 0; i < rec->room.len; i++)
                hash = (hash ^ (uint8_t)rec->room.at[i]) * UINT64_C(0x100000001b3);
        return rec->number ^ hash * UINT64_C(0x9e3779b97f4a7c15);
}

/* Returns the number of records in `r`, each STYLE among them, up to its end or to the first bytes that are no
 * record. */
static inline size_t records_count(struct wire_reader r)
{
        struct record rec;
        size_t count = 0;
        while (record_next(&r, &rec) > 0)
                count++;
        return count;
}

/* Returns true if a person said the record to a room, in words or as an action. */
static inline bool record_is_line(const struct record *rec)
{
        return rec->kind == RECORD_LINE || rec->kind == RECORD_ACTION;
}

/* Returns true if the record tells people on all hosts what a person did. */
static inline bool record_is_of_person(const struct record *rec)
{
        return rec->kind == RECORD_LINE || rec->kind == RECORD_JOIN || rec->kind == RECORD_LEAVE ||
               rec->kind == RECORD_ACTION || rec->kind == RECORD_RENAME || rec->kind == RECORD_CAME ||
               rec->kind == RECORD_TOPIC || rec->kind == RECORD_ENTER || rec->kind == RECORD_EXIT;
}
