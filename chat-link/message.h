/* What chat-links say to each other, as the payload of NATS messages.
 *
 * On the subject chat.NETWORK.said.HOST: what the people of HOST said (MESSAGE_SAID); kept by JetStream. On
 * chat.NETWORK.alive.HOST, every ALIVE_INTERVAL_MS: that HOST is there (MESSAGE_ALIVE); kept by nobody. HOST is taken
 * from the subject alone, because NATS can see to it who may publish there.
 *
 * A link that hears signs of life of its own label may have a twin: another host with the same label. The instance does not
 * tell, because links before version 3 took it over with a cloned disk. So every connection has a random number, `process`. A
 * message of a link that is gone may come late; so a link that hears another number with its label says that in `heard`,
 * and a link that finds its own number there has a twin now.
 *
 * On chat.NETWORK.ask.HOST.OTHER: HOST misses what OTHER said (MESSAGE_ASK), and on chat.NETWORK.again.OTHER.HOST comes
 * what OTHER still has of it (MESSAGE_AGAIN); kept by nobody. This is for what NATS lost. Of two hosts with one label both
 * are asked, and the one answers that said it.
 *
 * A later version may add types, kinds of records, and fields behind those of an ALIVE or ASK. Whatever is not known is
 * ignored. Since version 2 an ALIVE has `process` and `heard`, since version 3 `before`. Up to version 2 an instance is
 * that of a spool, since then that of a branch of it (branches.h).
 */
#pragma once

#include <chat/frame.h>

enum {
        MESSAGE_VERSION = 3,
        MESSAGE_BEFORE_MAX = 16,
        MESSAGE_HEADER_BYTES = 18, /* version 1, type 1, instance 8, position 8 */
        MESSAGE_AGAIN_HEADER_BYTES = MESSAGE_HEADER_BYTES + 8,
        MESSAGE_MAX_BYTES = MESSAGE_AGAIN_HEADER_BYTES + DATAGRAM_MAX_BYTES,
        ALIVE_INTERVAL_MS = 1000,
};

enum message_type {
        MESSAGE_SAID = 1, /* records: what people did, and MISSED, PRIVATE, ASK, REPLY */
        MESSAGE_ALIVE,    /* members */
        MESSAGE_ASK,
        MESSAGE_AGAIN, /* asked, and records as they were said */
};

struct message_before {
        uint64_t instance, position;
};

struct message {
        uint8_t version; /* filled by message_decode() */
        uint8_t type;
        uint64_t instance; /* of the sender's records; ASK: of those of who is asked */
        /* SAID, AGAIN: of the first record. ALIVE: of the first that was not said yet. ASK: of the first that is
         * missing. */
        uint64_t position;
        uint64_t members; /* ALIVE: who are on that host */
        uint64_t process; /* ALIVE: of the sender's connection; 0: it is of version 1 */
        uint64_t heard;   /* ALIVE: the other number that the sender heard with its own label lately; 0: none */
        /* ALIVE: instances of the sender before this one, the last first, and what was said of each as `position` says it */
        struct message_before before[MESSAGE_BEFORE_MAX];
        uint8_t before_count;
        uint64_t asked; /* AGAIN: the position that was asked for */
        struct wire_reader records;
};

/* Whether records follow. */
static inline bool message_has_records(uint8_t type)
{
        return type == MESSAGE_SAID || type == MESSAGE_AGAIN;
}

static inline void message_put_before(struct wire_writer *w, const struct message *m)
{
        wire_put_u8(w, m->before_count);
        for (size_t i = 0; i < m->before_count; i++) {
                wire_put_u64(w, m->before[i].instance);
                wire_put_u64(w, m->before[i].position);
        }
}

static inline void message_get_before(struct wire_reader *r, struct message *m)
{
        uint8_t count = wire_get_u8(r);
        if (count > MESSAGE_BEFORE_MAX)
                r->bad = true;
        for (; m->before_count < count && !r->bad; m->before_count++) {
                m->before[m->before_count].instance = wire_get_u64(r);
                m->before[m->before_count].position = wire_get_u64(r);
        }
}

/* Writes `m`; of a SAID or AGAIN the header alone: the records follow. Returns the size in bytes, or 0 where it does
 * not fit. */
static inline size_t message_encode(void *buffer, size_t size, const struct message *m)
{
        struct wire_writer w = wire_write(buffer, size);
        wire_put_u8(&w, MESSAGE_VERSION);
        wire_put_u8(&w, m->type);
        wire_put_u64(&w, m->instance);
        wire_put_u64(&w, m->position);
        if (m->type == MESSAGE_ALIVE) {
                wire_put_u64(&w, m->members);
                wire_put_u64(&w, m->process);
                wire_put_u64(&w, m->heard);
                message_put_before(&w, m);
        }
        if (m->type == MESSAGE_AGAIN)
                wire_put_u64(&w, m->asked);
        return wire_written(&w);
}

/* Takes a payload apart; the records point into it. Returns 0; FRAME_E_TYPE for a type this version does not know;
 * -EPROTONOSUPPORT for version 0; -EBADMSG for anything short or with a tail. Records are not looked at. */
static inline int message_decode(struct message *m, const void *data, size_t size)
{
        struct wire_reader r = wire_read(data, size);
        *m = (struct message){.version = wire_get_u8(&r)};
        m->type = wire_get_u8(&r);
        m->instance = wire_get_u64(&r);
        m->position = wire_get_u64(&r);
        if (m->type == MESSAGE_AGAIN)
                m->asked = wire_get_u64(&r);
        if (r.bad)
                return -EBADMSG;
        if (m->version == 0)
                return -EPROTONOSUPPORT;
        if (message_has_records(m->type)) {
                m->records = r;
                return 0;
        }
        if (m->type != MESSAGE_ALIVE && m->type != MESSAGE_ASK)
                return FRAME_E_TYPE;
        if (m->type == MESSAGE_ALIVE)
                m->members = wire_get_u64(&r);
        if (m->type == MESSAGE_ALIVE && m->version >= 2) {
                m->process = wire_get_u64(&r);
                m->heard = wire_get_u64(&r);
        }
        if (m->type == MESSAGE_ALIVE && m->version >= 3)
                message_get_before(&r, m);
        return r.bad || (wire_left(&r) > 0 && m->version <= MESSAGE_VERSION) ? -EBADMSG : 0;
}
