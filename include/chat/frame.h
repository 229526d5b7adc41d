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

#include "wire.h"

#ifndef FRAME_VERSION
#define FRAME_VERSION 9
/* The tests also build a next version, in which each frame without records has one more field, and a previous version,
 * which lacks the fields of this one. */
#define FRAME_APPENDED_BYTES 0
#endif

enum {
        TEXT_MAX_BYTES = 4096, /* one line's text; longer lines are sent in pieces */
        NAME_MAX_BYTES = 96,   /* as it is shown: on another host, a name with "@" and the host's label */
        HOST_MAX_BYTES = 24,   /* a host's label: see text_is_host() */
        LOCAL_NAME_MAX_BYTES = NAME_MAX_BYTES - 1 - HOST_MAX_BYTES,
        ADDRESS_MAX_BYTES = 128, /* "[IPv6%scope]:port" needs 65 */
        FRAME_HEADER_BYTES = 18, /* version 1, type 1, id 8, number 8 */
        FRAME_MAX_BYTES = 4608,  /* any frame except a batch, without its answer, and with room for later versions */
        FRAME_TEXTLESS_BYTES = FRAME_MAX_BYTES - TEXT_MAX_BYTES, /* the same, of a frame without a text */
        ANSWER_MAX_BYTES = 33 * 1024,
        DATAGRAM_MAX_BYTES = 65536, /* a batch: one datagram per session */
        FRAME_LINES_MAX = 64,       /* in one frame */
        PROTOCOL_NAME_MAX_BYTES = 16,
};

/* If a ban causes a KICK or KICKED, its text is this word, and ": REASON" if the ban has a reason. Otherwise its text
 * is the reason alone. A reason that reads like the text of a ban, or begins with a space, gets one more space in
 * front: see answer_of_removal(). */
#define KICKED_BANNED "banned"
#define TOPIC_NONE "-" /* the text of a TOPIC or SET_TOPIC that removes the topic */
#define LINK_ID UINT64_C(1)
#define ARRIVALS_ID UINT64_C(2) /* in chatd's notices about the number of newcomers */
#define REPLIES_ID UINT64_C(3)  /* in chatd's replies to other hosts */
#define ADMIN_ID UINT64_C(4)    /* in chatd's notices that quote an administrator */

/* The types of frames. frame_rule() has the fields and the senders of each type. `number` counts what a session says,
 * unless a type explains it in another way. */
enum frame_type {
        /* ---- from a session, or the link ---- */

        /* The sender joins. The link joins again whenever it starts, and whenever chatd calls the roll. If `quiet` is
         * set, other members are not told before ARRIVE, or before the session says something. */
        FRAME_HELLO = 1,
        /* The sender is still there, after chatd or its socket was restarted. `number` is that of the sender's last
         * line that went through this queue before, or of a line that was relayed. */
        FRAME_HERE,
        /* Text is one line, or up to FRAME_LINES_MAX lines with LF between them. `number` is that of the first line. */
        FRAME_LINE,
        /* The sender leaves. With the reason LEAVE_NOT_CHAT, text names the protocol that the client speaks. */
        FRAME_BYE,
        /* Records of people on other hosts, whose names are "NAME@HOST". The numbers grow from record to record: a
         * record whose number is not above all earlier ones was here before. */
        FRAME_INJECT,
        /* A notice for everybody here: see notice.h. No recent notice has the same `number`. */
        FRAME_NOTICE,
        /* The answer to LEND, on the socket that came with LEND. The client's connection comes with it: see
         * outlet.h. */
        FRAME_OUTLET,
        FRAME_ACTION,   /* text, one line, is what the sender does (/me) */
        FRAME_NICK,     /* asks for another name */
        FRAME_PRIVATE,  /* text, one line, is for the member with the id `key`; if that is 0, for `name` */
        FRAME_WHO,      /* asks who is here */
        FRAME_ROOM,     /* the sender goes to the room of this name; empty: to the first one */
        FRAME_TOPIC,    /* sets the topic of the room; empty: asks for it; TOPIC_NONE: removes it */
        FRAME_ROOMS,    /* asks which rooms there are */
        FRAME_HISTORY,  /* asks for the last `key` lines of the room; 0: as many as a newcomer is shown */
        FRAME_TELL,     /* a notice for the member with the id `key` alone */
        FRAME_FIND,     /* asks who has this name */
        FRAME_COMPLETE, /* asks which names in the room begin with `name`, in upper or lower case */
        FRAME_ARRIVE,   /* other members may be told of the sender, whose HELLO was quiet */
        FRAME_UNSERVED, /* the sender could not enter its sandbox: it did not join, and ends; `key` is an errno */

        /* ---- from a session that roams (see `roams`); `name` is a room ---- */

        FRAME_ENTER,        /* the sender enters this room, and stays in its other rooms */
        FRAME_EXIT,         /* the sender leaves this room */
        FRAME_ROOM_LINE,    /* as LINE, in this room */
        FRAME_ROOM_ACTION,  /* as ACTION, in this room */
        FRAME_ROOM_TOPIC,   /* as TOPIC, of this room */
        FRAME_ROOM_HISTORY, /* as HISTORY, of this room */
        FRAME_PEOPLE,       /* asks who is in this room; the sender need not be there */

        /* ---- from chatd to itself, through the same queue ---- */

        FRAME_GONE = 32, /* the session with this id died without a BYE */
        /* Requests of an administrator, the user `key`. `number` is that of the request: see control.h. */
        FRAME_SAY,       /* text is a notice for everybody; `id` is ADMIN_ID */
        FRAME_KICK,      /* the session with this id must leave; text is the reason, or empty */
        FRAME_MUTE,      /* what the session with this id says is no longer relayed */
        FRAME_UNMUTE,    /* what the session with this id says is relayed again */
        FRAME_SET_TOPIC, /* sets the topic of the room of this name, as TOPIC does; `id` is ADMIN_ID */

        /* ---- from chatd ---- */

        /* You are a member, and the others see this name. `members` is the number of sessions that are here. For the
         * link, `number` is that of its last record that this chatd or an earlier one relayed. */
        FRAME_WELCOME = 64,
        FRAME_BATCH,    /* records for you; `number` is as in RELAYED */
        FRAME_MISSED,   /* `number` lines did not reach you, because your process did not run */
        FRAME_ROLLCALL, /* a new chatd asks you for HERE, or for HELLO if you are the link */
        FRAME_GOODBYE,  /* your BYE was relayed; nothing more will come */
        FRAME_REFUSED,  /* you cannot join: `answer` has the reason, and so has text */
        FRAME_RELAYED,  /* your lines up to `number` went to everybody */
        FRAME_LEND,     /* chatd asks for your client's connection: see outlet.h; `number` is OUTLET_LAYOUT */
        /* The answer to your request of this `number`, for your client alone. `answer` has its meaning. A session of an
         * earlier version gets text instead: lines with LF between them. Name is your own name, which NICK may have
         * changed. A PRIVATE may get no ANSWER. */
        FRAME_ANSWER,
        /* An administrator removed you: leave. `answer` has the reason, and so has text (see KICKED_BANNED). A chatd of
         * an earlier version sends text alone. */
        FRAME_KICKED,
        /* Earlier records, for your client alone: unasked, or as the answer to your request of this `number`. The
         * number of each record is the time at which it was said, in seconds since 1970. For a session that roams, the
         * records have their own numbers, and a RECORD_TIME stands in front of each. */
        FRAME_PAST,
        /* Text is lines, with LF between them, for your client alone, unasked. Show them, unless you showed a TEXT of
         * this `number` or above. */
        FRAME_TEXT,
        /* The session with the id `key` asks for your client's name, and your client may have vanished. Show `answer`,
         * or text, to your client. Leave if your client does not acknowledge that. */
        FRAME_PROBE,
        FRAME_SENT, /* your PRIVATE of this `number` went to `name`; text is its text */
        /* The answer to your FIND of this `number`: the member with the id `key` has this name. If `key` is 0, no
         * member has it: show `answer`, or text. */
        FRAME_FOUND,
        /* The answer to your COMPLETE of this `number`. Text is names with spaces between them. If there are more
         * names, "…" follows. */
        FRAME_NAMES,
        FRAME_TYPES,
};

#define MISSED_UNKNOWN UINT64_MAX /* in MISSED: nobody knows how many */

enum leave_reason {
        LEAVE_EXIT = 1,   /* the user typed exit, /quit or ^D */
        LEAVE_EOF,        /* the client closed its side */
        LEAVE_INTERRUPT,  /* IAC IP twice */
        LEAVE_RESET,      /* the connection broke */
        LEAVE_TERMINATED, /* the session was told to stop (SIGTERM) */
        LEAVE_KILLED,     /* the session died without a BYE */
        LEAVE_TIMEOUT,    /* the client did not acknowledge anything for minutes: it vanished */
        LEAVE_KICKED,     /* an administrator removed the member */
        LEAVE_NOT_CHAT,   /* the client speaks another protocol; since version 4 */
        LEAVE_REASONS,
};

/* The beginning of a LEAVE_NOT_CHAT's text if a proxy sent a wrong header or none. A word for the error follows. Both
 * together have PROTOCOL_NAME_MAX_BYTES at most. */
#define NOT_CHAT_HEADER "header:"

/* The sandbox of a session, see chat-session/sandbox.h. A session of a version before 5 does not name it. */
enum confinement {
        CONFINED,           /* the whole sandbox */
        CONFINED_NO_FILTER, /* without the filter of system calls: there is none for the architecture */
        CONFINED_NOT,       /* no sandbox (--no-sandbox) */
        CONFINEMENTS,       /* a later version may have more values, for sandboxes that lack something */
};

struct frame {
        uint8_t version; /* filled by frame_decode(); frame_encode() writes FRAME_VERSION */
        uint8_t type;
        uint64_t id;
        uint64_t number;
        /* HELLO and HERE: the key of the sender's inbox, see paths.h; PRIVATE and TELL: the id of the receiver;
         * HISTORY: a number of lines; PROBE and FOUND: see there; UNSERVED: an errno; requests of an administrator: a
         * uid */
        uint64_t key;
        struct slice name, address, text;
        uint8_t reason;
        bool quiet;
        uint8_t confinement; /* enum confinement */
        /* HELLO and HERE: the sender begins in no room, and may be in several. All others are in one room, the first at
         * the beginning */
        bool roams;
        uint64_t lines_out, lines_skipped;
        uint64_t members;
        struct slice answer;        /* a code and its details, see answer.h; empty: there is text instead */
        struct wire_reader records; /* the records of a BATCH, INJECT or PAST */
};

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
        FIELD_MASK = 15,
};
#define SINCE(version) ((version) << 4) /* or'ed to a field that frames of earlier versions do not have */
#define FRAME_FIELDS_MAX 8

struct frame_rule {
        uint8_t since;                    /* the first version that knows this type; 0: there is no such type */
        uint8_t from;                     /* enum frame_sender, or'ed */
        uint8_t fields[FRAME_FIELDS_MAX]; /* in their order, behind the header */
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
                [FRAME_PRIVATE] = {2, FROM_SESSION | UNLESS_MUTED, {FIELD_KEY, FIELD_NAME, FIELD_TEXT}},
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
                [FRAME_ENTER] = {9, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME}},
                [FRAME_EXIT] = {9, FROM_SESSION, {FIELD_NAME}},
                [FRAME_ROOM_LINE] = {9, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME, FIELD_TEXT}},
                [FRAME_ROOM_ACTION] = {9, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME, FIELD_TEXT}},
                [FRAME_ROOM_TOPIC] = {9, FROM_SESSION | UNLESS_MUTED, {FIELD_NAME, FIELD_TEXT}},
                [FRAME_ROOM_HISTORY] = {9, FROM_SESSION, {FIELD_KEY, FIELD_NAME}},
                [FRAME_PEOPLE] = {9, FROM_SESSION, {FIELD_NAME}},
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
                [FRAME_SENT] = {4, FROM_CHATD, {FIELD_NAME, FIELD_TEXT}},
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

/* Returns the number of lines that a LINE or ROOM_LINE says. */
static inline size_t frame_lines(const struct frame *f)
{
        size_t lines = 1;
        for (const char *at = f->text.at, *end = at + f->text.len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
                lines++;
        return lines;
}
