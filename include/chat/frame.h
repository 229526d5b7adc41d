/* The datagrams between chatd and its members, and the rules that keep them readable across versions.
 *
 * A member is a session, or the link to other hosts (chat-link). There is one link at most.
 *
 * Every frame begins with a version, a type, an id and a number. In a frame from a session, the id is the session id,
 * and the number counts what the session says: HELLO is 0, its first line is 1. In a frame from chatd, the id is
 * chatd's epoch. Each chatd draws a random epoch at its start, so a session recognises a restart.
 *
 * The upper half of a session id is the session's pid. The kernel states the sender's pid with each datagram
 * (SCM_CREDENTIALS, unix(7)). So chatd can refuse any frame whose id is not its sender's own, and need not remember
 * anything for that. The lower half is random, so a session with a pid that is used again has another id. The link's id
 * is LINK_ID, without a pid, because its inbox belongs to systemd and outlives its process. chatd takes frames with
 * LINK_ID from the link's user alone.
 *
 * Versions: a later version may append fields to a frame and add types, and nothing else. In a frame of a later
 * version, a reader ignores the bytes behind the fields that it knows; in any other frame such bytes are an error. A
 * reader ignores types that it does not know. So sessions survive an upgrade of chatd, and a downgrade. frame_rule()
 * has the first version of each type and field.
 */
#pragma once

#include <errno.h>
#include <limits.h>

#include "frame-types.h"

#ifndef FRAME_VERSION
#define FRAME_VERSION 11
/* The tests also build a next version, in which each frame without records has one more field, and a previous version,
 * which lacks the fields of this one. */
#define FRAME_APPENDED_BYTES 0
#endif

enum {
        FRAME_E_TYPE = 1, /* a type this version does not know: ignore it */
};

enum frame_sender {
        FROM_SESSION = 1,
        FROM_LINK = 2,
        FROM_CHATD = 4,
        FROM_ITSELF = 8,   /* from chatd to itself */
        UNLESS_MUTED = 16, /* or'ed to FROM_SESSION: the frame reaches nobody while its sender is muted */
};

/* The fields of struct frame in a datagram. Nothing can be appended behind FIELD_RECORDS. */
enum frame_field {
        FIELD_KEY = 1,
        FIELD_NAME,     /* NAME_MAX_BYTES at most */
        FIELD_ADDRESS,  /* ADDRESS_MAX_BYTES at most */
        FIELD_TEXT,     /* TEXT_MAX_BYTES at most */
        FIELD_PROTOCOL, /* also `text`, but PROTOCOL_NAME_MAX_BYTES at most */
        FIELD_REASON,
        FIELD_QUIET,
        FIELD_CONFINEMENT,
        FIELD_LINES_OUT,
        FIELD_SKIPPED,
        FIELD_MEMBERS,
        FIELD_ANSWER, /* ANSWER_MAX_BYTES at most */
        FIELD_RECORDS,
        FIELD_ROAMS,
        FIELD_SPEECH,
        FIELD_STYLED, /* STYLED_MAX_BYTES at most */
        FIELD_SECRET, /* SECRET_MAX_BYTES at most */
        FIELD_MASK = 31,
};
#define FRAME_STYLED_SINCE 10           /* the first version that has FIELD_SPEECH and FIELD_STYLED */
#define SINCE(version) ((version) << 5) /* or'ed to a field that frames of earlier versions do not have */
#define FRAME_FIELDS_MAX 8

struct frame_rule {
        uint8_t since;                     /* the first version that knows this type; 0: there is no such type */
        uint8_t from;                      /* enum frame_sender, or'ed */
        uint16_t fields[FRAME_FIELDS_MAX]; /* in their order, behind the header */
};

/* Returns the rule of this type, or NULL if this version does not know the type. */
static inline const struct frame_rule *frame_rule(uint8_t type)
{
        static const struct frame_rule rules[FRAME_TYPES] = {
                [FRAME_HELLO] = {1,
                                 FROM_SESSION | FROM_LINK,
                                 {FIELD_KEY, FIELD_NAME, FIELD_ADDRESS, FIELD_LINES_OUT, FIELD_SKIPPED,
                                  FIELD_QUIET | SINCE(4), FIELD_CONFINEMENT | SINCE(5), FIELD_ROAMS | SINCE(9)}},
                [FRAME_HERE] = {1,
                                FROM_SESSION,
                                {FIELD_KEY, FIELD_NAME, FIELD_ADDRESS, FIELD_LINES_OUT, FIELD_SKIPPED,
                                 FIELD_QUIET | SINCE(4), FIELD_CONFINEMENT | SINCE(5), FIELD_ROAMS | SINCE(9)}},
                [FRAME_LINE] = {1, FROM_SESSION | UNLESS_MUTED, {FIELD_TEXT}},
                [FRAME_BYE] = {1,
                               FROM_SESSION,
                               {FIELD_REASON, FIELD_LINES_OUT, FIELD_SKIPPED, FIELD_PROTOCOL | SINCE(4)}},
                [FRAME_INJECT] = {1, FROM_LINK, {FIELD_RECORDS}},
                [FRAME_NOTICE] = {1, FROM_LINK, {FIELD_TEXT, FIELD_ANSWER | SINCE(7)}},
                [FRAME_OUTLET] = {1, FROM_SESSION, {0}},
                [FRAME_ACTION] = {2, FROM_SESSION | UNLESS_MUTED, {FIELD_TEXT}},
                [FRAME_NICK] = {2, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME}},
                [FRAME_PRIVATE] = {2,
                                   FROM_SESSION | UNLESS_MUTED,
                                   {FIELD_KEY, FIELD_NAME, FIELD_TEXT, FIELD_SPEECH | SINCE(FRAME_STYLED_SINCE),
                                    FIELD_STYLED | SINCE(FRAME_STYLED_SINCE)}},
                [FRAME_WHO] = {2, FROM_SESSION, {0}},
                [FRAME_ROOM] = {3, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME}},
                [FRAME_TOPIC] = {3, FROM_SESSION | UNLESS_MUTED, {FIELD_TEXT}},
                [FRAME_ROOMS] = {3, FROM_SESSION, {0}},
                [FRAME_HISTORY] = {3, FROM_SESSION, {FIELD_KEY}},
                [FRAME_TELL] = {3, FROM_LINK, {FIELD_KEY, FIELD_TEXT, FIELD_ANSWER | SINCE(7)}},
                [FRAME_FIND] = {4, FROM_SESSION, {FIELD_NAME}},
                [FRAME_COMPLETE] = {4, FROM_SESSION, {FIELD_NAME}},
                [FRAME_ARRIVE] = {4, FROM_SESSION, {0}},
                [FRAME_UNSERVED] = {5, FROM_SESSION, {FIELD_KEY}},
                [FRAME_ENTER] = {9, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME, FIELD_KEY | SINCE(10)}},
                [FRAME_EXIT] = {9, FROM_SESSION, {FIELD_NAME}},
                [FRAME_ROOM_LINE] = {9,
                                     FROM_SESSION | UNLESS_MUTED,
                                     {FIELD_NAME, FIELD_TEXT, FIELD_SPEECH | SINCE(FRAME_STYLED_SINCE),
                                      FIELD_STYLED | SINCE(FRAME_STYLED_SINCE)}},
                [FRAME_ROOM_ACTION] = {9,
                                       FROM_SESSION | UNLESS_MUTED,
                                       {FIELD_NAME, FIELD_TEXT, FIELD_SPEECH | SINCE(FRAME_STYLED_SINCE),
                                        FIELD_STYLED | SINCE(FRAME_STYLED_SINCE)}},
                [FRAME_ROOM_TOPIC] = {9, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME, FIELD_TEXT}},
                [FRAME_ROOM_HISTORY] = {9, FROM_SESSION, {FIELD_KEY, FIELD_NAME}},
                [FRAME_PEOPLE] = {9, FROM_SESSION, {FIELD_NAME}},
                [FRAME_WEBHOOK] = {11, FROM_SESSION, {FIELD_KEY, FIELD_NAME, FIELD_SECRET, FIELD_TEXT}},
                [FRAME_GONE] = {1, FROM_ITSELF, {0}},
                [FRAME_SAY] = {2, FROM_ITSELF, {FIELD_KEY, FIELD_TEXT}},
                [FRAME_KICK] = {2, FROM_ITSELF, {FIELD_KEY, FIELD_TEXT}},
                [FRAME_MUTE] = {2, FROM_ITSELF, {FIELD_KEY, FIELD_TEXT}},
                [FRAME_UNMUTE] = {2, FROM_ITSELF, {FIELD_KEY, FIELD_TEXT}},
                [FRAME_SET_TOPIC] = {4, FROM_ITSELF, {FIELD_KEY, FIELD_NAME, FIELD_TEXT}},
                [FRAME_WELCOME] = {1, FROM_CHATD, {FIELD_NAME, FIELD_MEMBERS}},
                [FRAME_BATCH] = {1, FROM_CHATD, {FIELD_RECORDS}},
                [FRAME_MISSED] = {1, FROM_CHATD, {0}},
                [FRAME_ROLLCALL] = {1, FROM_CHATD, {0}},
                [FRAME_GOODBYE] = {1, FROM_CHATD, {0}},
                [FRAME_REFUSED] = {1, FROM_CHATD, {FIELD_TEXT, FIELD_ANSWER | SINCE(6)}},
                [FRAME_RELAYED] = {1, FROM_CHATD, {0}},
                [FRAME_LEND] = {1, FROM_CHATD, {0}},
                [FRAME_ANSWER] = {2, FROM_CHATD, {FIELD_NAME, FIELD_TEXT, FIELD_ANSWER | SINCE(6)}},
                [FRAME_KICKED] = {2, FROM_CHATD, {FIELD_TEXT, FIELD_ANSWER | SINCE(7)}},
                [FRAME_PAST] = {3, FROM_CHATD, {FIELD_RECORDS}},
                [FRAME_TEXT] = {2, FROM_CHATD, {FIELD_TEXT}},
                [FRAME_PROBE] = {2, FROM_CHATD, {FIELD_TEXT, FIELD_KEY | SINCE(4), FIELD_ANSWER | SINCE(6)}},
                [FRAME_SENT] = {4,
                                FROM_CHATD,
                                {FIELD_NAME, FIELD_TEXT, FIELD_SPEECH | SINCE(FRAME_STYLED_SINCE),
                                 FIELD_STYLED | SINCE(FRAME_STYLED_SINCE)}},
                [FRAME_FOUND] = {4, FROM_CHATD, {FIELD_KEY, FIELD_NAME, FIELD_TEXT, FIELD_ANSWER | SINCE(6)}},
                [FRAME_NAMES] = {4, FROM_CHATD, {FIELD_TEXT}},
        };
        return type < FRAME_TYPES && rules[type].since > 0 ? &rules[type] : NULL;
}

/* Returns the first version that knows this type, or UINT_MAX if this version does not know it. */
static inline unsigned frame_since(uint8_t type)
{
        const struct frame_rule *rule = frame_rule(type);
        return rule ? rule->since : UINT_MAX;
}

/* Returns true if one of these `senders` may send this type. */
static inline bool frame_is_from(uint8_t type, unsigned senders)
{
        const struct frame_rule *rule = frame_rule(type);
        return rule && (rule->from & senders);
}

/* Returns true if this type reaches nobody while its sender is muted. New names and rooms are included, because a name
 * can be a message, too. */
static inline bool frame_is_silenced(uint8_t type)
{
        const struct frame_rule *rule = frame_rule(type);
        return rule && (rule->from & UNLESS_MUTED);
}

/* Returns true if records follow the header. */
static inline bool frame_has_records(uint8_t type)
{
        const struct frame_rule *rule = frame_rule(type);
        return rule && rule->fields[0] == FIELD_RECORDS;
}

static inline void frame_put_field(struct wire_writer *w, const struct frame *f, unsigned field)
{
        switch (field) {
        case FIELD_KEY:
                wire_put_u64(w, f->key);
                break;
        case FIELD_NAME:
                wire_put_string(w, f->name);
                break;
        case FIELD_ADDRESS:
                wire_put_string(w, f->address);
                break;
        case FIELD_TEXT:
        case FIELD_PROTOCOL:
                wire_put_string(w, f->text);
                break;
        case FIELD_REASON:
                wire_put_u8(w, f->reason);
                break;
        case FIELD_QUIET:
                wire_put_u8(w, f->quiet);
                break;
        case FIELD_CONFINEMENT:
                wire_put_u8(w, f->confinement);
                break;
        case FIELD_ROAMS:
                wire_put_u8(w, f->roams);
                break;
        case FIELD_SPEECH:
                wire_put_u8(w, f->speech);
                break;
        case FIELD_STYLED:
                wire_put_string(w, f->styled);
                break;
        case FIELD_SECRET:
                wire_put_string(w, f->secret);
                break;
        case FIELD_LINES_OUT:
                wire_put_u64(w, f->lines_out);
                break;
        case FIELD_SKIPPED:
                wire_put_u64(w, f->lines_skipped);
                break;
        case FIELD_MEMBERS:
                wire_put_u64(w, f->members);
                break;
        case FIELD_ANSWER:
                wire_put_string(w, f->answer);
                break;
        }
}

static inline void frame_get_field(struct wire_reader *r, struct frame *f, unsigned field)
{
        switch (field) {
        case FIELD_KEY:
                f->key = wire_get_u64(r);
                break;
        case FIELD_NAME:
                f->name = wire_get_string(r, NAME_MAX_BYTES);
                break;
        case FIELD_ADDRESS:
                f->address = wire_get_string(r, ADDRESS_MAX_BYTES);
                break;
        case FIELD_TEXT:
                f->text = wire_get_string(r, TEXT_MAX_BYTES);
                break;
        case FIELD_PROTOCOL:
                f->text = wire_get_string(r, PROTOCOL_NAME_MAX_BYTES);
                break;
        case FIELD_REASON:
                f->reason = wire_get_u8(r);
                break;
        case FIELD_QUIET:
                f->quiet = wire_get_flag(r);
                break;
        case FIELD_CONFINEMENT:
                f->confinement = wire_get_u8(r);
                break;
        case FIELD_ROAMS:
                f->roams = wire_get_flag(r);
                break;
        case FIELD_SPEECH:
                f->speech = wire_get_u8(r);
                break;
        case FIELD_STYLED:
                f->styled = wire_get_string(r, STYLED_MAX_BYTES);
                r->bad |= f->text.len + f->styled.len > TEXT_MAX_BYTES;
                break;
        case FIELD_SECRET:
                f->secret = wire_get_string(r, SECRET_MAX_BYTES);
                break;
        case FIELD_LINES_OUT:
                f->lines_out = wire_get_u64(r);
                break;
        case FIELD_SKIPPED:
                f->lines_skipped = wire_get_u64(r);
                break;
        case FIELD_MEMBERS:
                f->members = wire_get_u64(r);
                break;
        case FIELD_ANSWER:
                f->answer = wire_get_string(r, ANSWER_MAX_BYTES);
                break;
        }
}

/* Writes `f` into `buffer`. Returns its size in bytes, or 0 if `size` is too small or the type is unknown. It writes
 * only the header of a BATCH, INJECT or PAST: record_encode() appends the records. */
static inline size_t frame_encode(void *buffer, size_t size, const struct frame *f)
{
        const struct frame_rule *rule = frame_rule(f->type);
        if (!rule)
                return 0;
        struct wire_writer w = wire_write(buffer, size);
        wire_put_u8(&w, FRAME_VERSION);
        wire_put_u8(&w, f->type);
        wire_put_u64(&w, f->id);
        wire_put_u64(&w, f->number);
        for (size_t i = 0; i < FRAME_FIELDS_MAX && rule->fields[i] != 0; i++)
                if (rule->fields[i] / SINCE(1) <= FRAME_VERSION)
                        frame_put_field(&w, f, rule->fields[i] & FIELD_MASK);
        if (!frame_has_records(f->type))
                wire_put(&w, (uint8_t[FRAME_APPENDED_BYTES + 1]){0}, FRAME_APPENDED_BYTES);
        return wire_written(&w);
}

/* Changes the number of an encoded frame. */
static inline void frame_set_number(uint8_t *encoded, uint64_t number)
{
        number = htole64(number);
        memcpy(encoded + FRAME_HEADER_BYTES - sizeof(number), &number, sizeof(number));
}

/* Reads the frame in `data` into `f`; its slices point into `data`. Returns 0; FRAME_E_TYPE for an unknown type (the
 * header is filled); -EPROTONOSUPPORT for version 0; -EBADMSG for a frame that is too short or too long, or has a
 * tail. */
static inline int frame_decode(struct frame *f, const void *data, size_t size)
{
        struct wire_reader r = wire_read(data, size);
        *f = (struct frame){.version = wire_get_u8(&r)};
        f->type = wire_get_u8(&r);
        f->id = wire_get_u64(&r);
        f->number = wire_get_u64(&r);
        if (r.bad)
                return -EBADMSG;
        if (f->version == 0)
                return -EPROTONOSUPPORT;
        const struct frame_rule *rule = frame_rule(f->type);
        if (!rule)
                return FRAME_E_TYPE;
        if (frame_has_records(f->type)) {
                f->records = r;
                return 0;
        }
        for (size_t i = 0; i < FRAME_FIELDS_MAX && rule->fields[i] != 0; i++)
                if (f->version >= rule->fields[i] / SINCE(1))
                        frame_get_field(&r, f, rule->fields[i] & FIELD_MASK);
        if (f->version >= FRAME_VERSION)
                wire_get_bytes(&r, FRAME_APPENDED_BYTES);
        if (r.bad || (wire_left(&r) > 0 && f->version <= FRAME_VERSION))
                return -EBADMSG;
        return 0;
}

/* Returns the number of lines that a LINE, ROOM_LINE or WEBHOOK says. */
static inline size_t frame_lines(const struct frame *f)
{
        size_t lines = 1;
        for (const char *at = f->text.at, *end = at + f->text.len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
                lines++;
        return lines;
}
