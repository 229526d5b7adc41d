/* The rooms that there are: the first one always, any other while somebody is in it.
 *
 * A line goes to the room of who says it. Rooms are called as people are (chat/names.h), and compared like that. Which
 * room somebody is in stands beside its note (roster.h); a topic in a symlink of its own, members/room:NAME, because it
 * is one system call to write and to read, never half. Of a room, a few changes of the topic within a time are allowed.
 * Those stand in another symlink, members/room:NAME:set, so that a chatd that meets their frames again allows the same.
 *
 * Owns the rooms and the topics' files; borrows the members.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/names.h>
#include <chat/wire.h>

struct member;

enum {
        TOPIC_MAX_BYTES = 256,
        TOPIC_CHANGES = 5, /* of each room … */
        TOPIC_CHANGES_MS = 30 * 1000,
};

/* One of the last changes of a topic, by whose frame of which number, and when (CLOCK_MONOTONIC). */
struct topic_change {
        uint64_t id, number; /* 0: there was none */
        int64_t ms;
};

struct room {
        char name[NICK_MAX_BYTES + 1];
        char topic[TOPIC_MAX_BYTES + 1];            /* empty: none */
        struct topic_change changes[TOPIC_CHANGES]; /* a ring … */
        unsigned next_change;                       /* … and its oldest */
        uint32_t number;                            /* of this chatd's: from 1 on, never used again */
        size_t people;
        struct member *first, *last; /* a chain, in the order in which they came */
};

struct rooms {
        struct room **all; /* the first `count`: in the order in which they came to be, the first one first */
        size_t count, size;
        uint32_t last; /* number */
        size_t empty;  /* how many have nobody: rooms_forget_empty() takes them */
        void *by_name; /* tree of struct room: tsearch(3) */
};

/* Makes the first room. Returns 0 or -ENOMEM. */
int rooms_init(struct rooms *r);
void rooms_free(struct rooms *r);

/* Returns the first room. */
static inline struct room *rooms_first(const struct rooms *r)
{
        return r->all[0];
}

/* Returns the room of this name, or NULL; no name is the first one's. */
struct room *rooms_find(const struct rooms *r, struct slice name);

/* Returns the room whose name is too similar to this one (chat/names.h), where there is none of this name; or NULL. */
struct room *rooms_find_alike(const struct rooms *r, struct slice name);

/* Returns true if the last member has left this room, which is not the first one, in the batch. */
bool room_is_ending(const struct rooms *r, const struct room *room);

/* Returns the room of this name, or makes it. Returns NULL without memory. The caller has seen to it that the name is
 * one (name_is_nick()). */
struct room *rooms_get(struct rooms *r, struct slice name);

/* `m`, who is nowhere, is in `room` now; or is nowhere any more. The room stays until rooms_forget_empty(). */
void rooms_enter(struct rooms *r, struct room *room, struct member *m);
void rooms_leave(struct rooms *r, struct member *m);

/* Frees the rooms that nobody is in, and removes their topics; `dir` is the run directory. Records of a batch may point
 * to them until then. Returns true if there were any. */
bool rooms_forget_empty(struct rooms *r, const char *dir);

/* Notes and sets the topic, which is no longer than TOPIC_MAX_BYTES; empty: none. Returns 0, or a negative errno: then it
 * stays as it was, because the next chatd would not know the new one. */
int rooms_set_topic(struct room *room, const char *dir, struct slice topic);

/* Asks to change the topic by the frame `number` of `id`. Returns 0 where that may be, and notes it; else in how many ms
 * it may. */
int64_t rooms_change_topic(struct room *room, const char *dir, uint64_t id, uint64_t number, int64_t now_ms);

/* Reads the topics of the rooms that there are, and removes those of others. */
void rooms_read_topics(const struct rooms *r, const char *dir);
