/* Answers of chatd, and what it tells unasked: a code, with details such as names, numbers and lists of rooms. Each
 * kind of client turns an answer into what its user reads: a sentence (sentence.h), a numeric, an object.
 *
 * The frames ANSWER, FOUND, REFUSED, PROBE and KICKED (frame.h) carry an answer, and so do notices (notice.h). A
 * session also makes answers by itself, for its own client. The details of a code never change: a later version adds
 * codes. Sessions of early versions do not know all codes (answer_is_known()): chatd sends them a sentence instead.
 *
 * The size of a list of rooms is limited. Rooms that do not fit are left out, and so are people in a room; the numbers
 * beside the list count all of them. Nothing is allocated.
 */
#pragma once

#include "frame.h"
#include "safe-text.h"

enum {
        ANSWER_TEXT_MAX_BYTES = 512,         /* of a topic or a reason */
        ANSWER_ROOMS_MAX_BYTES = 32 * 1024,  /* of a list of rooms */
        ANSWER_DETAILS_MAX_BYTES = 1 * 1024, /* of the code and all details, except a list */
};
_Static_assert(ANSWER_ROOMS_MAX_BYTES + ANSWER_DETAILS_MAX_BYTES <= ANSWER_MAX_BYTES, "any answer fits into a frame");

/* New codes come at the end. */
enum answer_code {
        ANSWER_RENAMED = 1,
        ANSWER_NAME_INVALID,
        ANSWER_NAME_FORBIDDEN,
        ANSWER_NAME_SAME,
        ANSWER_NAME_TAKEN,
        ANSWER_NAME_ALIKE, /* the requested name looks like that of another member */
        ANSWER_NAME_UNNOTED,
        ANSWER_NAME_WANTED, /* in a PROBE: somebody asked for the name of the client */
        ANSWER_MOVED,       /* to the only room in the list */
        ANSWER_ROOM_INVALID,
        ANSWER_ROOM_SAME,
        ANSWER_ROOM_ALIKE,
        ANSWER_ROOM_UNNOTED,
        ANSWER_NOWHERE_BACK, /* the client asked to leave the first room */
        ANSWER_TOPIC,
        ANSWER_NO_TOPIC,
        ANSWER_TOPIC_SET,
        ANSWER_TOPIC_REMOVED,
        ANSWER_TOPIC_TOO_LONG,
        ANSWER_TOPIC_TOO_OFTEN,
        ANSWER_TOPIC_UNNOTED,
        ANSWER_PEOPLE, /* lists the people in each room; the client's own room comes first */
        ANSWER_ROOMS,
        ANSWER_NO_HISTORY,
        ANSWER_NOTHING_SAID,
        ANSWER_NOBODY,
        ANSWER_NOBODY_BUT, /* nobody has the name, but a member has a similar one */
        ANSWER_LEFT,
        ANSWER_LEFT_UNNAMED, /* the session sent an id without a name */
        ANSWER_IS_YOU,
        ANSWER_NOT_LINKED,
        ANSWER_TOO_LONG_FOR_HOST,
        ANSWER_ALONE,
        ANSWER_MUTED,
        ANSWER_NO_MEMORY,
        ANSWER_FULL, /* FULL, BANNED, NETWORK_FULL and USER_FULL are in a REFUSED */
        ANSWER_BANNED,
        ANSWER_NETWORK_FULL,
        ANSWER_USER_FULL,
        ANSWER_REMOVED, /* REMOVED and REMOVED_BANNED are in a KICKED */
        ANSWER_REMOVED_BANNED,
        /* A session makes these by itself. */
        ANSWER_MISSED, /* lines did not reach the session; MISSED_UNKNOWN: nobody knows how many */
        ANSWER_LOST,   /* lines of the client may not have reached everybody */
        ANSWER_WAITS,  /* the client leaves, and some of its lines are still to be sent */
        ANSWER_UNSENT,
        ANSWER_UNSENT_AWAY, /* the same, because there is no chatd */
        ANSWER_SHUT_DOWN,
        ANSWER_SERVES,     /* answers the health check of a proxy */
        ANSWER_UNCONFINED, /* the client is refused, because its session has no sandbox */
        ANSWER_UNNAMED,    /* the client is refused, because its proxy did not name it */
        /* These are in notices of chatd. */
        ANSWER_ARRIVED, /* newcomers, too many to name them */
        ANSWER_OTHERS_ARRIVED,
        ANSWER_SAID, /* an administrator says the text of the notice, to everybody */
        ANSWER_NOW_MUTED,
        ANSWER_UNMUTED,
        /* These are in notices of the link. Their lists have hosts in place of rooms. */
        ANSWER_HOST_LACKS, /* lines of the host are missing; MISSED_UNKNOWN: nobody knows how many */
        ANSWER_HOSTS_HERE,
        ANSWER_HOSTS_BACK,
        ANSWER_HOSTS_AWAY,
        ANSWER_HOST_IS_THIS, /* HOST_IS_THIS, HOST_UNKNOWN and HOST_AWAY answer a message to NAME@HOST */
        ANSWER_HOST_UNKNOWN,
        ANSWER_HOST_AWAY,
        /* PEOPLE and ROOMS are also answers of another host, and so is this one, to a message to NAME@HOST; see
         * reply.h */
        ANSWER_NOBODY_THERE,
        ANSWER_ENTERED, /* the only room in the list */
        ANSWER_EXITED,
        ANSWER_NOT_IN_ROOM,
        ANSWER_TOO_MANY_ROOMS,
        /* The answers to a WEBHOOK. */
        ANSWER_POSTED,        /* the line is said, under the name of the token */
        ANSWER_POSTED_BEFORE, /* another line with the same key was said; this one is not */
        ANSWER_TOKEN_UNKNOWN,
        ANSWER_TOKEN_ELSEWHERE, /* the token is for another room, which is the detail */
        ANSWER_ROOM_EMPTY,      /* there is no such room, because nobody is there */
        ANSWER_POST_UNNOTED,    /* the line is not said, because its key cannot be noted */
        ANSWER_CODES,
};

/* The kinds of details. */
enum answer_detail {
        DETAIL_NAME = 1, /* of a person */
        DETAIL_OTHER,    /* a similar name, which may be meant */
        DETAIL_ROOM,     /* a room's name */
        DETAIL_HOST,     /* another host's label */
        DETAIL_TEXT,     /* ANSWER_TEXT_MAX_BYTES at most */
        DETAIL_MOST,     /* the highest number or size that is allowed */
        DETAIL_COUNT,    /* how many there are */
        DETAIL_SECONDS,
        DETAIL_ROOMS,
};

enum { ANSWER_DETAILS_MAX = 3, ANSWER_NAME_BYTES = 24 };

struct answer_rule {
        char name[ANSWER_NAME_BYTES];        /* the name of the code, for programs */
        uint8_t since;                       /* the first version that knows this code */
        uint8_t details[ANSWER_DETAILS_MAX]; /* in the order of the frame */
};

/* A code and its details. Details that the code does not have are empty. */
struct answer {
        uint8_t code;
        struct slice name, other, room, host, text;
        uint64_t most, count, seconds;
        uint64_t rooms_count;     /* how many rooms there are */
        struct wire_reader rooms; /* the list of them, for answer_next_room() */
};

/* A room in a list, or a host with the people there. */
struct answer_room {
        struct slice name, topic;
        uint64_t people;          /* how many people are there */
        bool yours;               /* the client is there */
        struct wire_reader names; /* the names of the people, for answer_next_name() */
};

static const struct answer_rule answer_rules[ANSWER_CODES] = {
        [ANSWER_RENAMED] = {"renamed", 6, {DETAIL_NAME}},
        [ANSWER_NAME_INVALID] = {"name-invalid", 6, {DETAIL_MOST}},
        [ANSWER_NAME_FORBIDDEN] = {"name-forbidden", 6, {DETAIL_NAME}},
        [ANSWER_NAME_SAME] = {"name-same", 6, {DETAIL_NAME}},
        [ANSWER_NAME_TAKEN] = {"name-taken", 6, {DETAIL_NAME}},
        [ANSWER_NAME_ALIKE] = {"name-alike", 6, {DETAIL_NAME}},
        [ANSWER_NAME_UNNOTED] = {"name-unnoted", 6, {0}},
        [ANSWER_NAME_WANTED] = {"name-wanted", 6, {DETAIL_NAME}},
        [ANSWER_MOVED] = {"moved", 6, {DETAIL_ROOMS}},
        [ANSWER_ROOM_INVALID] = {"room-invalid", 6, {DETAIL_MOST}},
        [ANSWER_ROOM_SAME] = {"room-same", 6, {DETAIL_ROOM}},
        [ANSWER_ROOM_ALIKE] = {"room-alike", 6, {DETAIL_ROOM}},
        [ANSWER_ROOM_UNNOTED] = {"room-unnoted", 6, {0}},
        [ANSWER_NOWHERE_BACK] = {"nowhere-back", 6, {DETAIL_ROOM}},
        [ANSWER_TOPIC] = {"topic", 6, {DETAIL_ROOM, DETAIL_TEXT}},
        [ANSWER_NO_TOPIC] = {"no-topic", 6, {DETAIL_ROOM}},
        [ANSWER_TOPIC_SET] = {"topic-set", 6, {DETAIL_ROOM}},
        [ANSWER_TOPIC_REMOVED] = {"topic-removed", 6, {DETAIL_ROOM}},
        [ANSWER_TOPIC_TOO_LONG] = {"topic-too-long", 6, {DETAIL_MOST}},
        [ANSWER_TOPIC_TOO_OFTEN] = {"topic-too-often", 6, {DETAIL_ROOM, DETAIL_MOST, DETAIL_SECONDS}},
        [ANSWER_TOPIC_UNNOTED] = {"topic-unnoted", 6, {0}},
        [ANSWER_PEOPLE] = {"people", 6, {DETAIL_ROOMS}},
        [ANSWER_ROOMS] = {"rooms", 6, {DETAIL_ROOMS}},
        [ANSWER_NO_HISTORY] = {"no-history", 6, {0}},
        [ANSWER_NOTHING_SAID] = {"nothing-said", 6, {DETAIL_ROOM}},
        [ANSWER_NOBODY] = {"nobody", 6, {DETAIL_NAME}},
        [ANSWER_NOBODY_BUT] = {"nobody-but", 6, {DETAIL_NAME, DETAIL_OTHER}},
        [ANSWER_LEFT] = {"left", 6, {DETAIL_NAME}},
        [ANSWER_LEFT_UNNAMED] = {"left-unnamed", 6, {0}},
        [ANSWER_IS_YOU] = {"is-you", 6, {0}},
        [ANSWER_NOT_LINKED] = {"not-linked", 6, {0}},
        [ANSWER_TOO_LONG_FOR_HOST] = {"too-long-for-host", 6, {0}},
        [ANSWER_ALONE] = {"alone", 6, {0}},
        [ANSWER_MUTED] = {"muted", 6, {0}},
        [ANSWER_NO_MEMORY] = {"no-memory", 6, {0}},
        [ANSWER_FULL] = {"full", 6, {0}},
        [ANSWER_BANNED] = {"banned", 6, {DETAIL_TEXT}},
        [ANSWER_NETWORK_FULL] = {"network-full", 6, {DETAIL_MOST}},
        [ANSWER_USER_FULL] = {"user-full", 6, {DETAIL_MOST}},
        [ANSWER_REMOVED] = {"removed", 7, {DETAIL_TEXT}},
        [ANSWER_REMOVED_BANNED] = {"removed-banned", 7, {DETAIL_TEXT}},
        [ANSWER_MISSED] = {"missed", 7, {DETAIL_COUNT}},
        [ANSWER_LOST] = {"lost", 7, {DETAIL_COUNT}},
        [ANSWER_WAITS] = {"waits", 7, {DETAIL_COUNT}},
        [ANSWER_UNSENT] = {"unsent", 7, {DETAIL_COUNT}},
        [ANSWER_UNSENT_AWAY] = {"unsent-away", 7, {DETAIL_COUNT}},
        [ANSWER_SHUT_DOWN] = {"shut-down", 7, {0}},
        [ANSWER_SERVES] = {"serves", 7, {0}},
        [ANSWER_UNCONFINED] = {"unconfined", 7, {0}},
        [ANSWER_UNNAMED] = {"unnamed", 7, {0}},
        [ANSWER_ARRIVED] = {"arrived", 7, {DETAIL_COUNT}},
        [ANSWER_OTHERS_ARRIVED] = {"others-arrived", 7, {DETAIL_COUNT}},
        [ANSWER_SAID] = {"said", 7, {DETAIL_NAME}},
        [ANSWER_NOW_MUTED] = {"now-muted", 7, {0}},
        [ANSWER_UNMUTED] = {"unmuted", 7, {0}},
        [ANSWER_HOST_LACKS] = {"host-lacks", 7, {DETAIL_HOST, DETAIL_COUNT}},
        [ANSWER_HOSTS_HERE] = {"hosts-here", 7, {DETAIL_ROOMS}},
        [ANSWER_HOSTS_BACK] = {"hosts-back", 7, {DETAIL_ROOMS}},
        [ANSWER_HOSTS_AWAY] = {"hosts-away", 7, {DETAIL_ROOMS}},
        [ANSWER_HOST_IS_THIS] = {"host-is-this", 7, {DETAIL_HOST, DETAIL_NAME}},
        [ANSWER_HOST_UNKNOWN] = {"host-unknown", 7, {DETAIL_HOST}},
        [ANSWER_HOST_AWAY] = {"host-away", 7, {DETAIL_HOST, DETAIL_NAME}},
        [ANSWER_NOBODY_THERE] = {"nobody-there", 8, {DETAIL_NAME}},
        [ANSWER_ENTERED] = {"entered", 9, {DETAIL_ROOMS}},
        [ANSWER_EXITED] = {"exited", 9, {DETAIL_ROOM}},
        [ANSWER_NOT_IN_ROOM] = {"not-in-room", 9, {DETAIL_ROOM}},
        [ANSWER_TOO_MANY_ROOMS] = {"too-many-rooms", 9, {DETAIL_MOST}},
        [ANSWER_POSTED] = {"posted", 11, {DETAIL_ROOM, DETAIL_NAME}},
        [ANSWER_POSTED_BEFORE] = {"posted-before", 11, {DETAIL_ROOM, DETAIL_NAME}},
        [ANSWER_TOKEN_UNKNOWN] = {"token-unknown", 11, {0}},
        [ANSWER_TOKEN_ELSEWHERE] = {"token-elsewhere", 11, {DETAIL_ROOM}},
        [ANSWER_ROOM_EMPTY] = {"room-empty", 11, {DETAIL_ROOM}},
        [ANSWER_POST_UNNOTED] = {"post-unnoted", 11, {0}},
};

/* Returns the rule of this code, or NULL if this version does not know the code. */
static inline const struct answer_rule *answer_rule(uint8_t code)
{
        return code < ANSWER_CODES && answer_rules[code].since > 0 ? &answer_rules[code] : NULL;
}

/* Returns true if sessions of this version know the code. */
static inline bool answer_is_known(uint8_t code, unsigned version)
{
        const struct answer_rule *rule = answer_rule(code);
        return rule && rule->since <= version && rule->since <= FRAME_VERSION;
}

static inline void answer_put_detail(struct wire_writer *w, const struct answer *a, uint8_t detail)
{
        switch (detail) {
        case DETAIL_NAME:
                wire_put_string(w, a->name);
                break;
        case DETAIL_OTHER:
                wire_put_string(w, a->other);
                break;
        case DETAIL_ROOM:
                wire_put_string(w, a->room);
                break;
        case DETAIL_HOST:
                wire_put_string(w, a->host);
                break;
        case DETAIL_TEXT:
                wire_put_string(w, a->text);
                break;
        case DETAIL_MOST:
                wire_put_u64(w, a->most);
                break;
        case DETAIL_COUNT:
                wire_put_u64(w, a->count);
                break;
        case DETAIL_SECONDS:
                wire_put_u64(w, a->seconds);
                break;
        case DETAIL_ROOMS:
                wire_put_u64(w, a->rooms_count);
                wire_put_string(w, (struct slice){(const char *)a->rooms.at, wire_left(&a->rooms)});
                break;
        }
}

/* Writes `a` into `buffer`. Returns its size in bytes, or 0 if it does not fit or the code is unknown. */
static inline size_t answer_encode(void *buffer, size_t size, const struct answer *a)
{
        const struct answer_rule *rule = answer_rule(a->code);
        if (!rule)
                return 0;
        struct wire_writer w = wire_write(buffer, size);
        wire_put_u8(&w, a->code);
        for (size_t i = 0; i < ANSWER_DETAILS_MAX && rule->details[i] != 0; i++)
                answer_put_detail(&w, a, rule->details[i]);
        return wire_written(&w);
}

/* Reads a name. Sets `bad` if it is not safe for a terminal. */
static inline struct slice answer_get_name(struct wire_reader *r)
{
        struct slice name = wire_get_string(r, NAME_MAX_BYTES);
        r->bad |= !text_is_name(name.at, name.len);
        return name;
}

/* Reads a text, which may be empty. Sets `bad` if it is not safe for a terminal. */
static inline struct slice answer_get_text(struct wire_reader *r)
{
        struct slice text = wire_get_string(r, ANSWER_TEXT_MAX_BYTES);
        r->bad |= !text_is_clean(text.at, text.len);
        return text;
}

/* Takes the next name off `names`. Returns 1, 0 at the end, or -EBADMSG. */
static inline int answer_next_name(struct wire_reader *names, struct slice *name)
{
        if (wire_left(names) == 0)
                return 0;
        *name = wire_get_bytes(names, wire_get_u8(names));
        names->bad |= name->len > NAME_MAX_BYTES || !text_is_name(name->at, name->len);
        return names->bad ? -EBADMSG : 1;
}

/* Takes the next room off `rooms`. Returns 1, 0 at the end, or -EBADMSG. */
static inline int answer_next_room(struct wire_reader *rooms, struct answer_room *room)
{
        if (wire_left(rooms) == 0)
                return 0;
        struct slice whole = wire_get_string(rooms, ANSWER_ROOMS_MAX_BYTES);
        struct wire_reader r = wire_read(whole.at, whole.len);
        *room = (struct answer_room){.name = answer_get_name(&r)};
        room->people = wire_get_u64(&r);
        room->yours = wire_get_flag(&r);
        room->topic = answer_get_text(&r);
        room->names = r;
        return rooms->bad || r.bad ? -EBADMSG : 1;
}

/* Reads a list of rooms, and checks all of it. */
static inline struct wire_reader answer_get_rooms(struct wire_reader *r)
{
        struct slice bytes = wire_get_string(r, ANSWER_ROOMS_MAX_BYTES), name;
        const struct wire_reader list = wire_read(bytes.at, bytes.len);
        struct wire_reader rooms = list;
        struct answer_room room;
        int more, more_names = 0;
        while ((more = answer_next_room(&rooms, &room)) > 0) {
                while ((more_names = answer_next_name(&room.names, &name)) > 0)
                        ;
                r->bad |= more_names < 0;
        }
        r->bad |= more < 0;
        return list;
}

static inline void answer_get_detail(struct wire_reader *r, struct answer *a, uint8_t detail)
{
        switch (detail) {
        case DETAIL_NAME:
                a->name = answer_get_name(r);
                break;
        case DETAIL_OTHER:
                a->other = answer_get_name(r);
                break;
        case DETAIL_ROOM:
                a->room = answer_get_name(r);
                break;
        case DETAIL_HOST:
                a->host = answer_get_name(r);
                break;
        case DETAIL_TEXT:
                a->text = answer_get_text(r);
                break;
        case DETAIL_MOST:
                a->most = wire_get_u64(r);
                break;
        case DETAIL_COUNT:
                a->count = wire_get_u64(r);
                break;
        case DETAIL_SECONDS:
                a->seconds = wire_get_u64(r);
                break;
        case DETAIL_ROOMS:
                a->rooms_count = wire_get_u64(r);
                a->rooms = answer_get_rooms(r);
                break;
        }
}

/* Returns true if the list of rooms or hosts cannot be empty. */
static inline bool answer_needs_list(uint8_t code)
{
        return code == ANSWER_MOVED || code == ANSWER_ENTERED || code == ANSWER_HOSTS_HERE ||
               code == ANSWER_HOSTS_BACK || code == ANSWER_HOSTS_AWAY;
}

/* Reads the answer in `bytes` into `a`, whose slices point into `bytes`. Returns 0, or -EBADMSG for an unknown code and
 * for bytes that are too short, too long or unclean, or have a tail. */
static inline int answer_decode(struct answer *a, struct slice bytes)
{
        struct wire_reader r = wire_read(bytes.at, bytes.len);
        *a = (struct answer){.code = wire_get_u8(&r)};
        const struct answer_rule *rule = r.bad ? NULL : answer_rule(a->code);
        if (!rule)
                return -EBADMSG;
        for (size_t i = 0; i < ANSWER_DETAILS_MAX && rule->details[i] != 0; i++)
                answer_get_detail(&r, a, rule->details[i]);
        r.bad |= answer_needs_list(a->code) && wire_left(&a->rooms) == 0;
        return r.bad || wire_left(&r) > 0 ? -EBADMSG : 0;
}

/* Returns the meaning of this text in a KICK or KICKED: see KICKED_BANNED. A chatd of an earlier version does not add
 * the space. If its reason begins with a space, that space is lost. */
static inline struct answer answer_of_removal(struct slice why)
{
        static const char more[] = KICKED_BANNED ": ";
        size_t len = sizeof(more) - 1;
        if (why.len > 0 && why.at[0] == ' ')
                return (struct answer){.code = ANSWER_REMOVED, .text = {why.at + 1, why.len - 1}};
        if (slice_equal(why, slice_of(KICKED_BANNED)))
                return (struct answer){.code = ANSWER_REMOVED_BANNED, .text = {"", 0}};
        if (why.len >= len && memcmp(why.at, more, len) == 0)
                return (struct answer){.code = ANSWER_REMOVED_BANNED, .text = {why.at + len, why.len - len}};
        return (struct answer){.code = ANSWER_REMOVED, .text = why};
}

/* Returns true if a kick for this reason needs the additional space in its text: see KICKED_BANNED. */
static inline bool answer_kick_needs_space(struct slice reason)
{
        const struct answer a = answer_of_removal(reason);
        return a.code != ANSWER_REMOVED || a.text.len != reason.len;
}

/* A list of rooms that is being written. */
struct answer_rooms {
        struct wire_writer w;
        uint8_t *last;  /* the last room */
        uint64_t count; /* all rooms, including those that did not fit */
};

static inline struct answer_rooms answer_rooms_begin(uint8_t buffer[static ANSWER_ROOMS_MAX_BYTES])
{
        return (struct answer_rooms){.w = wire_write(buffer, ANSWER_ROOMS_MAX_BYTES)};
}

/* Returns true if everything that was written since `before` fits; then it becomes a part of the last room. Otherwise
 * drops it. */
static inline bool answer_rooms_keep(struct answer_rooms *l, struct wire_writer before)
{
        if (l->w.bad || !l->last) {
                l->w = before;
                return false;
        }
        struct wire_writer length = wire_write(l->last, sizeof(uint16_t));
        wire_put_u16(&length, (uint16_t)((size_t)(l->w.at - l->last) - sizeof(uint16_t)));
        return true;
}

/* Appends a room, without names. Returns false if it does not fit. The room is counted in both cases. */
static inline bool answer_add_room(struct answer_rooms *l, const struct answer_room *room)
{
        struct wire_writer before = l->w;
        l->count++;
        wire_put_u16(&l->w, 0);
        wire_put_string(&l->w, room->name);
        wire_put_u64(&l->w, room->people);
        wire_put_u8(&l->w, room->yours);
        wire_put_string(&l->w, room->topic);
        l->last = l->w.bad ? NULL : before.at;
        return answer_rooms_keep(l, before);
}

/* Appends the name of a person in the last room. Returns false if the name or the room does not fit. */
static inline bool answer_add_name(struct answer_rooms *l, struct slice name)
{
        struct wire_writer before = l->w;
        if (name.len > NAME_MAX_BYTES)
                return false;
        wire_put_u8(&l->w, (uint8_t)name.len);
        wire_put(&l->w, name.at, name.len);
        return answer_rooms_keep(l, before);
}

/* Returns an answer with this list, which lives as long as the list's buffer. */
static inline struct answer answer_of_rooms(enum answer_code code, const struct answer_rooms *l)
{
        return (struct answer){.code = (uint8_t)code,
                               .rooms_count = l->count,
                               .rooms = wire_read(l->w.start, (size_t)(l->w.at - l->w.start))};
}
