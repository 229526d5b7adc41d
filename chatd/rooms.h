/* The rooms. The first one always exists; any other one exists while it has members.
 *
 * A line goes to the room of its member, or to the room that it names if its member roams (member.h). The names of rooms
 * follow the rules of members' names (chat/names.h). The room or rooms of a member are in a mark beside the member's
 * note (notes.h). Each topic is in a symlink of its own,
 * members/room:NAME, because one system call writes or reads a symlink, so it is never half written. A room allows
 * TOPIC_CHANGES changes of its topic within TOPIC_CHANGES_MS. These changes are in another symlink,
 * members/room:NAME:set. So if the next chatd takes their frames again, it allows the same changes.
 *
 * A room has a list of seats. Each seat joins the room and a member (member.h).
 *
 * Owns the rooms and the topics' files; borrows the seats.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>
#include <chat/wire.h>

#include "member.h"

enum {
        TOPIC_MAX_BYTES = 256,
        TOPIC_CHANGES = 5, /* of each room's topic within TOPIC_CHANGES_MS */
        TOPIC_CHANGES_MS = 30 * 1000,
};

/* One of the last changes of a topic: the sender and number of its frame, and its time (CLOCK_MONOTONIC). */
struct topic_change {
        uint64_t id, number; /* 0: free */
        int64_t ms;
};

struct room {
        char name[NICK_MAX_BYTES + 1];
        char topic[TOPIC_MAX_BYTES + 1];            /* empty: none */
        struct topic_change changes[TOPIC_CHANGES]; /* a ring */
        unsigned next_change;                       /* the oldest in `changes` */
        uint32_t number;                            /* counted by this chatd from 1 on, and never used again */
        size_t people;
        struct seat *first, *last; /* its seats, in the order in which they were taken */
        uint64_t batch;            /* the number of the last batch with records for the room */
        uint32_t audience;         /* the index of the room's audience in that batch, see batch.h */
};

struct rooms {
        struct room **all; /* `count` rooms, in the order in which they were made: the first room is first */
        size_t count, size;
        uint32_t last;      /* the number of the newest room */
        size_t empty_count; /* how many rooms have no members; rooms_forget_empty() removes such rooms */
        void *by_name;      /* a tree of struct room: tsearch(3) */
};

/* Makes the first room. Returns 0 or -ENOMEM. */
int rooms_init(struct rooms *r);
void rooms_free(struct rooms *r);

/* Returns the first room. */
static inline struct room *rooms_first(const struct rooms *r)
{
        return r->all[0];
}

/* Returns the room of this name, or NULL. An empty name stands for the first room. */
struct room *rooms_find(const struct rooms *r, struct slice name);

/* Returns a room whose name is too similar to this one (chat/names.h), or NULL. Also returns NULL if there is a room of
 * this very name. */
struct room *rooms_find_alike(const struct rooms *r, struct slice name);

/* Returns true if the last member has left this room in the batch, unless it is the first room. */
bool room_is_ending(const struct rooms *r, const struct room *room);

/* Returns the room of this name, and makes it if it does not exist. Returns NULL if there is no memory. The caller has
 * checked that the name is valid (name_is_nick()). */
struct room *rooms_get(struct rooms *r, struct slice name);

/* Put `seat`, which is in no room, into `room`; or take it out of its room. An empty room stays until
 * rooms_forget_empty(). */
void rooms_enter(struct rooms *r, struct room *room, struct seat *seat);
void rooms_leave(struct rooms *r, struct seat *seat);

/* Frees the rooms without members, and removes their topics. Returns true if there were any. `dir` is the run
 * directory. Until this call, records of a batch may point to the rooms. */
bool rooms_forget_empty(struct rooms *r, const char *dir);

/* Notes and sets the topic, which has TOPIC_MAX_BYTES at most; empty: no topic. Returns 0, or a negative errno if it
 * cannot be noted: then the topic is unchanged, because the next chatd would not know the new one. */
int rooms_set_topic(struct room *room, const char *dir, struct slice topic);

/* Returns 0 if the frame `number` of `id` may change the topic now, and notes the change. Otherwise returns how many ms
 * are left until that is allowed. */
int64_t rooms_change_topic(struct room *room, const char *dir, uint64_t id, uint64_t number, int64_t now_ms);

/* Reads the topics of the rooms, and removes topics of rooms that do not exist. */
void rooms_read_topics(const struct rooms *r, const char *dir);
