/* Requests of members to a broker. */
#pragma once

#include "../../chatd/arrivals.h"
#include "../../chatd/notes.h"

#include "broker-fixture.h"
#include "inodes.h"

static inline struct frame numbered(struct fixture *f, uint32_t who, enum frame_type type)
{
        return (struct frame){.type = (uint8_t)type, .id = inbox_id(who), .number = ++f->numbers[who]};
}

static inline void nick(struct fixture *f, uint32_t who, const char *name)
{
        struct frame frame = numbered(f, who, FRAME_NICK);
        frame.name = slice_of(name);
        put(f, &frame);
}

static inline void act(struct fixture *f, uint32_t who, const char *text)
{
        struct frame frame = numbered(f, who, FRAME_ACTION);
        frame.text = slice_of(text);
        put(f, &frame);
}

static inline void msg(struct fixture *f, uint32_t who, const char *to, const char *text)
{
        struct frame frame = numbered(f, who, FRAME_PRIVATE);
        frame.name = slice_of(to);
        frame.text = slice_of(text);
        put(f, &frame);
}

static inline void who_is_here(struct fixture *f, uint32_t who)
{
        struct frame frame = numbered(f, who, FRAME_WHO);
        put(f, &frame);
}

static inline void join(struct fixture *f, uint32_t who, const char *room)
{
        struct frame frame = numbered(f, who, FRAME_ROOM);
        frame.name = slice_of(room);
        put(f, &frame);
}

static inline void set_topic(struct fixture *f, uint32_t who, const char *topic)
{
        struct frame frame = numbered(f, who, FRAME_TOPIC);
        frame.text = slice_of(topic);
        put(f, &frame);
}

/* All three change their names and two of them change rooms, one after another. */
static const struct {
        uint32_t who;
        enum frame_type type;
        const char *what;
} story[] = {
        {ANN, FRAME_NICK, "x"},   {BOB, FRAME_NICK, "ann"},     {EVE, FRAME_ROOM, "kitchen"},
        {ANN, FRAME_NICK, "bob"}, {BOB, FRAME_ROOM, "kitchen"}, {EVE, FRAME_NICK, "y"},
        {ANN, FRAME_NICK, "z"},   {BOB, FRAME_LINE, "said"},    {EVE, FRAME_ROOM, ""},
};
