/* The datagrams between chatd and its members, and the rules that keep them readable across versions.
 *
 * A member is a session, or the link to other hosts (chat-link), of which there is one at most.
 *
 * Every frame begins with a version, a type, an id and a number. From a session the id is its session id and the
 * number counts what it says: HELLO is 0, its first line 1. From chatd the id is chatd's epoch, drawn at random at its
 * start, so a session knows a restart when it sees one.
 *
 * A session id carries the session's pid in its upper half. The kernel states the sender's pid with each datagram
 * (SCM_CREDENTIALS, unix(7)), so chatd refuses any frame whose id is not its sender's own, without having to remember
 * anything. The lower half is random: a pid that is used again makes another id. The link's id is LINK_ID, without a
 * pid, because its inbox belongs to systemd and outlives its process; chatd takes it from the link's user alone.
 *
 * Versions: a later version may append fields to a frame and add types, nothing else. A reader accepts what follows
 * the fields it knows only in a frame of a later version, and ignores types it does not know. So sessions live through
 * an upgrade of chatd, and a downgrade.
 */
#pragma once

#include <errno.h>

#include "wire.h"

#ifndef FRAME_VERSION
#define FRAME_VERSION 5
#define FRAME_APPENDED_BYTES 0 /* the tests build a next version, with a field behind each frame but a batch */
#endif

enum {
        TEXT_MAX_BYTES = 4096, /* one line's text; longer lines travel in pieces */
        NAME_MAX_BYTES = 96,   /* as it is shown: a name, and on another host "@" and the host's label */
        HOST_MAX_BYTES = 24,   /* a host's label: see text_is_host() */
        LOCAL_NAME_MAX_BYTES = NAME_MAX_BYTES - 1 - HOST_MAX_BYTES,
        ADDRESS_MAX_BYTES = 128,    /* "[IPv6%scope]:port" needs 65 */
        FRAME_HEADER_BYTES = 18,    /* version 1, type 1, id 8, number 8 */
        FRAME_MAX_BYTES = 4608,     /* any frame but a batch, with room for later versions */
        DATAGRAM_MAX_BYTES = 65536, /* a batch: one datagram per session */
        RECORD_HEADER_BYTES = 20,   /* length 2, kind 1, name length 1, id 8, number 8 */
        BATCH_MAX_RECORDS = 512,    /* what a session must remember to recognise a batch that is relayed again */
        FRAME_LINES_MAX = 64,       /* in one frame */
        PROTOCOL_NAME_MAX_BYTES = 16,
};

#define KICKED_BANNED "banned" /* a KICKED by a ban has this text, or begins with it and ": " */
#define LINK_ID UINT64_C(1)
#define ARRIVALS_ID UINT64_C(2) /* of the notices by which chatd says how many came */
#define REPLIES_ID UINT64_C(3)  /* of what chatd replies to other hosts */
#define ADMIN_ID UINT64_C(4)    /* of the notices by which chatd says what an administrator says */

enum frame_type {
        /* from a session; the link says HELLO too, and again whenever it starts or chatd asks who is there */
        FRAME_HELLO =
                1,  /* joins: key, name, address, lines_out, skipped; since version 4 quiet: it is not announced before
                            ARRIVE, or before it says something; since version 5 confinement */
        FRAME_HERE, /* is still there, after chatd or its socket was restarted: the same; `number` is that of the
                            last line that went before it through the same queue, or one that was relayed */
        FRAME_LINE, /* says: text, which is one line or up to FRAME_LINES_MAX with LF between them, numbered from
                       `number` on */
        FRAME_BYE,  /* leaves: reason, lines_out, skipped; since version 4 text: of LEAVE_NOT_CHAT what it speaks */
        /* from the link */
        FRAME_INJECT, /* what people on other hosts said: records whose names are "NAME@HOST". Their numbers grow from
                         record to record; one that is not above all before was here already */
        FRAME_NOTICE, /* to be shown to everybody here: text; `number` is not that of any notice of late */
        /* from a session, not through the queue */
        FRAME_OUTLET, /* answers LEND, on the socket that came with it: the client's connection comes along, see outlet.h */
        /* from a session again, numbered as its lines are; since version 2 */
        FRAME_ACTION,  /* does something (/me): text, one line */
        FRAME_NICK,    /* wants to be called name */
        FRAME_PRIVATE, /* says text, one line, to one alone: the member whose id is `key`, or where that is 0, name */
        FRAME_WHO,     /* asks who is here */
        /* … since version 3 */
        FRAME_ROOM,    /* goes to the room of this name; empty: to the first one */
        FRAME_TOPIC,   /* sets the topic of its room; empty: asks for it; TOPIC_NONE: removes it */
        FRAME_ROOMS,   /* asks which rooms there are */
        FRAME_HISTORY, /* asks for the last `key` lines of its room; 0: as many as a newcomer is shown */
        FRAME_TELL,    /* from the link: a notice for the member of the id `key` alone */
        /* … since version 4 */
        FRAME_FIND,     /* asks who is called name */
        FRAME_COMPLETE, /* asks whose names in its room begin with name, whatever their case */
        FRAME_ARRIVE,   /* from a session whose HELLO was quiet: its client may be announced */
        /* since version 5 */
        FRAME_UNSERVED, /* from a session that is no member and ends: it could not enter its sandbox; `key` is the
                            errno */
        /* from chatd to itself, through the same queue */
        FRAME_GONE = 32, /* the session of this id died without a BYE */
        /* … what an administrator asked for, user `key`; `number` is that of the request, see control.h */
        FRAME_SAY,       /* show everybody text; `id` is ADMIN_ID */
        FRAME_KICK,      /* remove the session of this id: text is why, or empty */
        FRAME_MUTE,      /* relay no more what it says */
        FRAME_UNMUTE,    /* … and relay it again */
        FRAME_SET_TOPIC, /* set the topic of the room of this name, or remove it: as TOPIC; `id` is ADMIN_ID. Since version
                            4 */
        /* from chatd */
        FRAME_WELCOME = 64, /* you are a member, and the others see this name; `members` sessions are here. `number` is
                               that of your last record that was relayed, by this chatd or one before: for the link */
        FRAME_BATCH,        /* records: see struct record; `number` is as in RELAYED */
        FRAME_MISSED,       /* `number` lines did not reach you, because your process did not run */
        FRAME_ROLLCALL,     /* a new chatd: answer with HERE, or HELLO if you are the link */
        FRAME_GOODBYE,      /* your BYE was relayed; nothing more will come */
        FRAME_REFUSED,      /* you cannot join: text says why */
        FRAME_RELAYED,      /* your lines up to `number` went to everybody */
        FRAME_LEND,         /* chatd would write to your client itself: outlet.h; `number` is OUTLET_LAYOUT */
        FRAME_ANSWER, /* to your request of this `number`, NICK or a later one: text, of lines with LF between them, for
                         your client alone, and your name, which NICK may have changed. There may be none to a PRIVATE */
        FRAME_KICKED, /* an administrator removed you: leave; text says why, or is empty. See KICKED_BANNED */
        FRAME_PAST,   /* records that were said before: for your client alone, unasked or to your request of this
                           `number`. Each one's own number is when it was said, in seconds since 1970 */
        FRAME_TEXT, /* for your client alone, unasked: text, of lines with LF between them. To be shown where no TEXT of
                            this `number` or above was */
        FRAME_PROBE, /* somebody, whose id is `key` since version 4, asks for your client's name, and it may have
                            vanished: show it text, and see to it that you leave where it does not acknowledge that */
        /* … since version 4, to your request of this `number` */
        FRAME_SENT,  /* your PRIVATE went to name: text is what it says */
        FRAME_FOUND, /* to FIND: the member of the id `key` is called name; where that is 0, text is to be shown */
        FRAME_NAMES, /* to COMPLETE: text is names with spaces between, and "…" behind them where there are more */
};

#define MISSED_UNKNOWN UINT64_MAX /* in MISSED: nobody knows how many */

enum leave_reason {
        LEAVE_EXIT = 1,   /* the user wrote exit, /quit or ^D */
        LEAVE_EOF,        /* the client closed its side */
        LEAVE_INTERRUPT,  /* IAC IP twice */
        LEAVE_RESET,      /* the connection broke */
        LEAVE_TERMINATED, /* the session was told to stop (SIGTERM) */
        LEAVE_KILLED,     /* the session died without a word */
        LEAVE_TIMEOUT,    /* the client did not acknowledge anything for minutes: it vanished */
        LEAVE_KICKED,     /* an administrator removed it */
        LEAVE_NOT_CHAT,   /* it speaks another protocol, since version 4 */
        LEAVE_REASONS,
};

/* The beginning of a LEAVE_NOT_CHAT's text where a proxy sent no right header. A word that says what is wrong with the header
 * comes next; both have PROTOCOL_NAME_MAX_BYTES at most. */
#define NOT_CHAT_HEADER "header:"

/* The sandbox of a session, see chat-session/sandbox.h. A session of a version before 5 does not name it. */
enum confinement {
        CONFINED,           /* the whole sandbox */
        CONFINED_NO_FILTER, /* without the filter of system calls: there is none for the architecture */
        CONFINED_NOT,       /* no sandbox (--no-sandbox) */
        CONFINEMENTS,       /* a later version may have more, which lack something, too */
};

struct frame {
        uint8_t version; /* filled by frame_decode(); frame_encode() writes FRAME_VERSION */
        uint8_t type;
        uint64_t id;
        uint64_t number;
        /* names the inbox of the sender, see paths.h; PRIVATE and TELL: the id of who gets it; HISTORY: lines; PROBE and
         * FOUND: see there; UNSERVED: an errno; what an administrator asked for: whose uid that was */
        uint64_t key;
        struct slice name, address, text;
        uint8_t reason;
        bool quiet;
        uint8_t confinement; /* enum confinement */
        uint64_t lines_out, skipped;
        uint64_t members;
        struct wire_reader records; /* of a BATCH, INJECT or PAST */
};

enum record_kind {
        RECORD_LINE = 1,
        RECORD_JOIN,
        RECORD_LEAVE,
        RECORD_NOTICE, /* text without a name, from the link or chatd */
        RECORD_MISSED, /* between links alone: `number` records of the sender's are missing, or MISSED_UNKNOWN */
        RECORD_ACTION, /* text is what somebody does */
        RECORD_RENAME, /* text is what somebody is called from now on */
        RECORD_PRIVATE, /* text that only one member gets; to and from the link it begins with that one's name and a space */
        RECORD_WENT,  /* somebody went to the room that text names; in the one that was left, and not for the link */
        RECORD_CAME,  /* … came from the room that text names */
        RECORD_TOPIC, /* somebody made text the topic; empty: removed it */
        RECORD_ASK,   /* to and from the link alone: somebody asks who is there: text is ASK_WHO or ASK_ROOMS */
        RECORD_REPLY, /* from chatd on another host, to who asked it, addressed as a PRIVATE */
        /* since version 4: a RENAME on another host, for those who are in other rooms. It is not shown */
        RECORD_RENAMED,
        /* or'ed to a kind: the text begins with the name of the room that it is for, and a space. See `room` */
        RECORD_IN_ROOM = 0x80,
};

#define TOPIC_NONE "-"
#define LEAVE_REMOVED "removed" /* the text of a LEAVE of somebody whom an administrator removed, since version 4 */
#define ASK_WHO "who"
#define ASK_ROOMS "rooms"

/* One line or notice of a batch. (id, number) names it for ever: a JOIN is number 0, a LEAVE is UINT64_MAX. Whatever
 * comes from other hosts has LINK_ID and the number that the link gave it. A notice of ARRIVALS_ID has one number for
 * all, also where what it says differs; and a WENT has that of the CAME, as nobody gets both. */
struct record {
        uint8_t kind;
        uint64_t id;
        uint64_t number;
        struct slice name, text;
        struct slice room; /* it is for; empty: for the first one, or for everybody */
};

enum {
        FRAME_E_TYPE = 1, /* a type this version does not know: ignore it */
};

/* The first version that knows this type of what a session asks for. */
static inline unsigned frame_since(uint8_t type)
{
        return type >= FRAME_UNSERVED ? 5
               : type >= FRAME_FIND   ? 4
               : type >= FRAME_ROOM   ? 3
               : type >= FRAME_ACTION ? 2
                                      : 1;
}

/* Whether only chatd itself sends it, to itself. */
static inline bool frame_is_own(uint8_t type)
{
        return type >= FRAME_GONE && type <= FRAME_SET_TOPIC;
}

/* Whether records follow the header: then nothing can be appended to the frame. */
static inline bool frame_has_records(uint8_t type)
{
        return type == FRAME_BATCH || type == FRAME_INJECT || type == FRAME_PAST;
}

/* Writes `f` into `buffer`. A BATCH, INJECT or PAST is its header alone: records follow by record_encode(). Returns the size
 * in bytes, or 0 where `size` does not suffice or the type is unknown. */
static inline size_t frame_encode(void *buffer, size_t size, const struct frame *f)
{
        struct wire_writer w = wire_write(buffer, size);
        wire_put_u8(&w, FRAME_VERSION);
        wire_put_u8(&w, f->type);
        wire_put_u64(&w, f->id);
        wire_put_u64(&w, f->number);
        switch (f->type) {
        case FRAME_HELLO:
        case FRAME_HERE:
                wire_put_u64(&w, f->key);
                wire_put_string(&w, f->name);
                wire_put_string(&w, f->address);
                wire_put_u64(&w, f->lines_out);
                wire_put_u64(&w, f->skipped);
                wire_put_u8(&w, f->quiet);
                wire_put_u8(&w, f->confinement);
                break;
        case FRAME_LINE:
        case FRAME_ACTION:
        case FRAME_NOTICE:
        case FRAME_REFUSED:
        case FRAME_TOPIC:
        case FRAME_TEXT:
        case FRAME_KICKED:
        case FRAME_NAMES:
                wire_put_string(&w, f->text);
                break;
        case FRAME_PROBE:
                wire_put_string(&w, f->text);
                wire_put_u64(&w, f->key);
                break;
        case FRAME_TELL:
        case FRAME_SAY:
        case FRAME_KICK:
        case FRAME_MUTE:
        case FRAME_UNMUTE:
                wire_put_u64(&w, f->key);
                wire_put_string(&w, f->text);
                break;
        case FRAME_NICK:
        case FRAME_ROOM:
        case FRAME_FIND:
        case FRAME_COMPLETE:
                wire_put_string(&w, f->name);
                break;
        case FRAME_HISTORY:
        case FRAME_UNSERVED:
                wire_put_u64(&w, f->key);
                break;
        case FRAME_PRIVATE:
        case FRAME_FOUND:
        case FRAME_SET_TOPIC:
                wire_put_u64(&w, f->key);
                wire_put_string(&w, f->name);
                wire_put_string(&w, f->text);
                break;
        case FRAME_ANSWER:
        case FRAME_SENT:
                wire_put_string(&w, f->name);
                wire_put_string(&w, f->text);
                break;
        case FRAME_BYE:
                wire_put_u8(&w, f->reason);
                wire_put_u64(&w, f->lines_out);
                wire_put_u64(&w, f->skipped);
                wire_put_string(&w, f->text);
                break;
        case FRAME_WELCOME:
                wire_put_string(&w, f->name);
                wire_put_u64(&w, f->members);
                break;
        case FRAME_GONE:
        case FRAME_WHO:
        case FRAME_ROOMS:
        case FRAME_ARRIVE:
        case FRAME_BATCH:
        case FRAME_INJECT:
        case FRAME_PAST:
        case FRAME_MISSED:
        case FRAME_RELAYED:
        case FRAME_ROLLCALL:
        case FRAME_GOODBYE:
        case FRAME_LEND:
        case FRAME_OUTLET:
                break;
        default:
                return 0;
        }
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
 * header is filled); -EPROTONOSUPPORT for version 0; -EBADMSG for anything short, overlong or with a tail. */
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
        switch (f->type) {
        case FRAME_HELLO:
        case FRAME_HERE:
                f->key = wire_get_u64(&r);
                f->name = wire_get_string(&r, NAME_MAX_BYTES);
                f->address = wire_get_string(&r, ADDRESS_MAX_BYTES);
                f->lines_out = wire_get_u64(&r);
                f->skipped = wire_get_u64(&r);
                if (f->version >= 4)
                        f->quiet = wire_get_flag(&r);
                if (f->version >= 5)
                        f->confinement = wire_get_u8(&r);
                break;
        case FRAME_LINE:
        case FRAME_ACTION:
        case FRAME_NOTICE:
        case FRAME_REFUSED:
        case FRAME_TOPIC:
        case FRAME_TEXT:
        case FRAME_KICKED:
        case FRAME_NAMES:
                f->text = wire_get_string(&r, TEXT_MAX_BYTES);
                break;
        case FRAME_PROBE:
                f->text = wire_get_string(&r, TEXT_MAX_BYTES);
                f->key = f->version >= 4 ? wire_get_u64(&r) : 0;
                break;
        case FRAME_TELL:
        case FRAME_SAY:
        case FRAME_KICK:
        case FRAME_MUTE:
        case FRAME_UNMUTE:
                f->key = wire_get_u64(&r);
                f->text = wire_get_string(&r, TEXT_MAX_BYTES);
                break;
        case FRAME_NICK:
        case FRAME_ROOM:
        case FRAME_FIND:
        case FRAME_COMPLETE:
                f->name = wire_get_string(&r, NAME_MAX_BYTES);
                break;
        case FRAME_HISTORY:
        case FRAME_UNSERVED:
                f->key = wire_get_u64(&r);
                break;
        case FRAME_PRIVATE:
        case FRAME_FOUND:
        case FRAME_SET_TOPIC:
                f->key = wire_get_u64(&r);
                f->name = wire_get_string(&r, NAME_MAX_BYTES);
                f->text = wire_get_string(&r, TEXT_MAX_BYTES);
                break;
        case FRAME_ANSWER:
        case FRAME_SENT:
                f->name = wire_get_string(&r, NAME_MAX_BYTES);
                f->text = wire_get_string(&r, TEXT_MAX_BYTES);
                break;
        case FRAME_BYE:
                f->reason = wire_get_u8(&r);
                f->lines_out = wire_get_u64(&r);
                f->skipped = wire_get_u64(&r);
                if (f->version >= 4)
                        f->text = wire_get_string(&r, PROTOCOL_NAME_MAX_BYTES);
                break;
        case FRAME_BATCH:
        case FRAME_INJECT:
        case FRAME_PAST:
                f->records = r;
                return 0;
        case FRAME_WELCOME:
                f->name = wire_get_string(&r, NAME_MAX_BYTES);
                f->members = wire_get_u64(&r);
                break;
        case FRAME_GONE:
        case FRAME_WHO:
        case FRAME_ROOMS:
        case FRAME_ARRIVE:
        case FRAME_MISSED:
        case FRAME_RELAYED:
        case FRAME_ROLLCALL:
        case FRAME_GOODBYE:
        case FRAME_LEND:
        case FRAME_OUTLET:
                break;
        default:
                return FRAME_E_TYPE;
        }
        if (f->version >= FRAME_VERSION)
                wire_get_bytes(&r, FRAME_APPENDED_BYTES);
        if (r.bad || (wire_left(&r) > 0 && f->version <= FRAME_VERSION))
                return -EBADMSG;
        return 0;
}

/* Takes the first word, which ends with a space, off `text`. Returns whether there is one. */
static inline bool word_next(struct slice *text, struct slice *word)
{
        const char *end = memchr(text->at, ' ', text->len);
        if (!end)
                return false;
        *word = (struct slice){text->at, (size_t)(end - text->at)};
        text->at = end + 1;
        text->len -= word->len + 1;
        return true;
}

/* Appends `rec` to a batch. Returns its size, or 0 (and nothing is written) where it does not fit. */
static inline size_t record_encode(void *buffer, size_t size, const struct record *rec)
{
        bool in_room = rec->room.len > 0;
        size_t total = RECORD_HEADER_BYTES + rec->name.len + (in_room ? rec->room.len + 1 : 0) + rec->text.len;
        if (total > size || total > UINT16_MAX || rec->name.len > NAME_MAX_BYTES)
                return 0;
        struct wire_writer w = wire_write(buffer, size);
        wire_put_u16(&w, (uint16_t)total);
        wire_put_u8(&w, in_room ? rec->kind | RECORD_IN_ROOM : rec->kind);
        wire_put_u8(&w, (uint8_t)rec->name.len);
        wire_put_u64(&w, rec->id);
        wire_put_u64(&w, rec->number);
        wire_put(&w, rec->name.at, rec->name.len);
        if (in_room) {
                wire_put(&w, rec->room.at, rec->room.len);
                wire_put_u8(&w, ' ');
        }
        wire_put(&w, rec->text.at, rec->text.len);
        return wire_written(&w);
}

/* Takes the next record off `r`. Returns 1, 0 at the end, or -EBADMSG. Its text and name may be longer than any of this
 * version: see record_is_bounded(). */
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
        if (one.bad)
                return -EBADMSG;
        rec->text = wire_get_bytes(&one, wire_left(&one));
        rec->room = (struct slice){"", 0};
        rec->kind = kind & (RECORD_IN_ROOM - 1);
        if (kind & RECORD_IN_ROOM && (!word_next(&rec->text, &rec->room) || rec->room.len == 0))
                return -EBADMSG;
        r->at += total;
        return 1;
}

/* Returns true if the record is no longer than this version writes any: it fits where a line has room. Another one is of
 * a later version, or of nobody. */
static inline bool record_is_bounded(const struct record *rec)
{
        return rec->name.len <= NAME_MAX_BYTES && rec->text.len <= TEXT_MAX_BYTES && rec->room.len <= NAME_MAX_BYTES;
}

/* How many records there are in `r`, up to its end or to what is none. */
static inline size_t records_count(struct wire_reader r)
{
        struct record rec;
        size_t count = 0;
        while (record_next(&r, &rec) > 0)
                count++;
        return count;
}

/* How many lines a LINE says. */
static inline size_t frame_lines(const struct frame *f)
{
        size_t lines = 1;
        for (const char *at = f->text.at, *end = at + f->text.len; (at = memchr(at, '\n', (size_t)(end - at))); at++)
                lines++;
        return lines;
}

/* Takes the next line, without its LF, off `text`. Returns whether there is another behind it. */
static inline bool line_next(struct slice *text, struct slice *line)
{
        const char *end = memchr(text->at, '\n', text->len);
        *line = (struct slice){text->at, end ? (size_t)(end - text->at) : text->len};
        size_t taken = end ? line->len + 1 : line->len;
        text->at += taken;
        text->len -= taken;
        return end != NULL;
}

/* Whether it is something that a person said to a room, in words or as an action. */
static inline bool record_is_line(const struct record *rec)
{
        return rec->kind == RECORD_LINE || rec->kind == RECORD_ACTION;
}

/* Whether it is something that a person did, and that people on all hosts are to see. */
static inline bool record_is_of_person(const struct record *rec)
{
        return rec->kind == RECORD_LINE || rec->kind == RECORD_JOIN || rec->kind == RECORD_LEAVE ||
               rec->kind == RECORD_ACTION || rec->kind == RECORD_RENAME || rec->kind == RECORD_CAME ||
               rec->kind == RECORD_TOPIC;
}
