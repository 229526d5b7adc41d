/* The rooms: the first one always exists, any other one while it has members.
 *
 * A line goes to the room of its member. Names of rooms have the form of members' names (chat/names.h), and are
 * compared like these. The room of a member stands beside the member's note (notes.h). A topic is in a symlink of its
 * own, members/room:NAME, because a symlink is written and read by one system call, never half. Each room allows a few
 * changes of the topic within a time. These are in another symlink, members/room:NAME:set, so that a chatd that meets
 * their frames again allows the same changes.
 *
 * A room has a list of its seats, each of which joins it to a member (member.h).
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
        TOPIC_CHANGES = 5, /* of each room within TOPIC_CHANGES_MS */
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
        uint32_t number;                            /* of this chatd: from 1 on, never used again */
        size_t people;
        struct seat *first, *last; /* its seats, in the order in which they were taken */
        uint64_t batch;            /* the number of the last batch with records for it */
        uint32_t audience;         /* the index of its audience there, see batch.h */
};

struct rooms {
        struct room **all; /* the first `count`: in the order in which they were made, the first room first */
        size_t count, size;
        uint32_t last;      /* the last number of a room */
        size_t empty_count; /* how many rooms have no members: rooms_forget_empty() removes them */
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

/* Returns the room of this name, or NULL; an empty name is the first room's. */
struct room *rooms_find(const struct rooms *r, struct slice name);

/* Returns a room whose name is too similar to this one (chat/names.h), if there is none of this name; or NULL. */
struct room *rooms_find_alike(const struct rooms *r, struct slice name);

/* Returns true if the last member has left this room in the batch, and it is not the first one. */
bool room_is_ending(const struct rooms *r, const struct room *room);

/* Returns the room of this name, which is made if it does not exist. Returns NULL if there is no memory. The caller has
 * checked that the name is valid (name_is_nick()). */
struct room *rooms_get(struct rooms *r, struct slice name);

/* Put `seat`, which is in no room, into `room`; or take it out of its room. The room stays until
 * rooms_forget_empty(). */
void rooms_enter(struct rooms *r, struct room *room, struct seat *seat);
void rooms_leave(struct rooms *r, struct seat *seat);

/* Frees the rooms without members, and removes their topics; `dir` is the run directory. Returns true if there were
 * any. Records of a batch may point to the rooms until then. */
bool rooms_forget_empty(struct rooms *r, const char *dir);

/* Notes and sets the topic, which is TOPIC_MAX_BYTES long at most; empty: none. Returns 0, or a negative errno: then
 * the topic is unchanged, because the next chatd would not know the new one. */
int rooms_set_topic(struct room *room, const char *dir, struct slice topic);

/* Asks to change the topic by the frame `number` of `id`. Returns 0 if that is allowed, and notes it; else in how many
 * ms it will be allowed. */
int64_t rooms_change_topic(struct room *room, const char *dir, uint64_t id, uint64_t number, int64_t now_ms);

/* Reads the topics of the rooms, and removes topics of rooms that do not exist. */
void rooms_read_topics(const struct rooms *r, const char *dir);
