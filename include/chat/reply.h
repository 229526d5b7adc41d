/* What one host tells a member of another one: who is there, which rooms there are, or that nobody has a name.
 *
 * A question (ASK) goes to all hosts, and a private message (PRIVATE) to one. Both name a room, "answer8", if the
 * member's session takes a REPLY with an answer (answer.h): the number is the highest version whose codes the session
 * and its chatd know. No other ASK, PRIVATE or REPLY names a room. chatd before version 8 does not look at the room of
 * an ASK or PRIVATE, and replies in English. A REPLY with an answer names the room that the question named. Its text,
 * behind the name of the member, is the answer in letters (RFC 4648, base64url without padding), because links pass on
 * clean text alone. The member's chatd checks the answer, and gives the session its bytes, in an ANSWER.
 */
#pragma once

#include <stdio.h>

#include "answer.h"
#include "base64url.h"
#include "names.h"
#include "record.h"

#define REPLY_ROOM "answer" /* the beginning of the room's name */

enum {
        REPLY_SINCE = 8, /* the first version that knows answers between hosts */
        REPLY_ANSWER_MAX_BYTES = 1536,
        REPLY_TEXT_MAX_BYTES = REPLY_ANSWER_MAX_BYTES / 3 * 4,     /* of an answer in letters */
        REPLY_LIST_MAX_BYTES = REPLY_ANSWER_MAX_BYTES - 1 - 8 - 2, /* of a list of rooms */
        REPLY_SENTENCE_MAX_BYTES = 1024,                           /* of an answer in English */
        REPLY_VERSION_DIGITS = 3,
};

/* Writes the name of the room by which a member asks for answers, if frames of its session are of this version. Returns
 * it, or an empty slice if the session or this chatd is of an earlier version. */
static inline struct slice reply_room(unsigned version, char name[static NICK_MAX_BYTES + 1])
{
        version = version < FRAME_VERSION ? version : FRAME_VERSION;
        if (version < REPLY_SINCE)
                return (struct slice){"", 0};
        return (struct slice){name, (size_t)snprintf(name, NICK_MAX_BYTES + 1, REPLY_ROOM "%u", version)};
}

/* Returns the version of the answers that are asked for by the name of this room, or 0 if none are. */
static inline unsigned reply_version(struct slice room)
{
        const size_t before = sizeof(REPLY_ROOM) - 1;
        unsigned version = 0;
        if (room.len <= before || room.len > before + REPLY_VERSION_DIGITS || memcmp(room.at, REPLY_ROOM, before) != 0)
                return 0;
        for (size_t i = before; i < room.len; i++) {
                if (room.at[i] < '0' || room.at[i] > '9')
                        return 0;
                version = version * 10 + (unsigned)(room.at[i] - '0');
        }
        return version >= REPLY_SINCE && FRAME_VERSION >= REPLY_SINCE ? version : 0;
}

/* Begins the list of rooms of an answer to another host. */
static inline struct answer_rooms reply_list(uint8_t buffer[static REPLY_LIST_MAX_BYTES])
{
        return (struct answer_rooms){.w = wire_write(buffer, REPLY_LIST_MAX_BYTES)};
}

/* Writes the answer in letters. Returns their number, or 0 if the answer is too long or of an unknown code. */
static inline size_t reply_encode(char text[static REPLY_TEXT_MAX_BYTES], const struct answer *a)
{
        uint8_t bytes[REPLY_ANSWER_MAX_BYTES];
        size_t size = answer_encode(bytes, sizeof(bytes), a);
        return base64url_write(text, bytes, size);
}

/* Reads bytes from letters. Returns the bytes, which are in `bytes`; none if there are too many, or if another text
 * would be written for them. */
static inline struct slice reply_read_letters(struct slice text, uint8_t bytes[static REPLY_ANSWER_MAX_BYTES])
{
        size_t size = 0;
        unsigned bits = 0, count = 0; /* that are not read yet */
        if (text.len > REPLY_TEXT_MAX_BYTES || text.len % 4 == 1)
                return (struct slice){"", 0};
        for (size_t i = 0; i < text.len; i++) {
                const char *letter = memchr(base64url_letters, text.at[i], sizeof(base64url_letters) - 1);
                if (!letter)
                        return (struct slice){"", 0};
                bits = (bits << 6 | (unsigned)(letter - base64url_letters)) & 0xffff;
                count += 6;
                if (count >= 8) {
                        count -= 8;
                        bytes[size++] = (uint8_t)(bits >> count);
                }
        }
        return (bits & ((1u << count) - 1)) != 0 ? (struct slice){"", 0} : (struct slice){(const char *)bytes, size};
}

/* Returns true if the names in the room are of people on the host, and there are no more of them than people. */
static inline bool reply_room_is_good(const struct answer_room *room)
{
        struct wire_reader names = room->names;
        struct slice name;
        uint64_t count = 0;
        while (answer_next_name(&names, &name) > 0) {
                if (!text_is_local_name(name.at, name.len))
                        return false;
                count++;
        }
        return name_is_nick(room->name.at, room->name.len) && !room->yours && count <= room->people;
}

/* Returns true if a host may tell this of itself. */
static inline bool reply_is_good(const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        uint64_t count = 0;
        if (a->code == ANSWER_NOBODY_THERE)
                return true;
        if (a->code != ANSWER_PEOPLE && a->code != ANSWER_ROOMS)
                return false;
        for (; answer_next_room(&rooms, &room) > 0; count++)
                if (!reply_room_is_good(&room))
                        return false;
        return count <= a->rooms_count;
}

/* Reads the answer from the letters in `text` into `a`, whose slices point into `bytes`. Returns 0, or -EBADMSG for
 * anything else than the answers that hosts give each other. */
static inline int reply_decode(struct answer *a, uint8_t bytes[static REPLY_ANSWER_MAX_BYTES], struct slice text)
{
        if (answer_decode(a, reply_read_letters(text, bytes)) < 0 || !reply_is_good(a))
                return -EBADMSG;
        return 0;
}
