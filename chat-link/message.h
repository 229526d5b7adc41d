/* The messages between chat-links, as payloads of NATS messages.
 *
 * Subject chat.NETWORK.said.HOST: records of the members of HOST (MESSAGE_SAID); JetStream keeps them. Subject
 * chat.NETWORK.alive.HOST, every ALIVE_INTERVAL_MS: HOST is there (MESSAGE_ALIVE); not kept. Only the subject states
 * HOST, because NATS can restrict which user may publish there.
 *
 * A link that receives signs of life of its own label may have a twin: another host with the same label. The instance
 * is no proof, because links before version 3 took it over with a cloned disk. So every connection has a random number,
 * `process`. As a message of a link that has ended may come late, a link that receives another number with its label
 * repeats that number in `other_process`. A link that finds its own number there has a twin now.
 *
 * Subject chat.NETWORK.ask.HOST.OTHER: HOST asks OTHER for records that NATS lost (MESSAGE_ASK). Subject
 * chat.NETWORK.again.OTHER.HOST: those of the records that OTHER still has (MESSAGE_AGAIN). Neither is kept. If two
 * hosts have one label, both get the question, and the one that said the records answers.
 *
 * A later version may add types, kinds of records, and fields behind those of an ALIVE or ASK. Anything unknown is
 * ignored. Since version 2 an ALIVE has `process` and `other_process`, since version 3 `branches`. Up to version 2 an
 * instance is that of a spool, since version 3 that of a branch of a spool (branches.h).
 */
#pragma once

#include <chat/frame.h>

enum {
        MESSAGE_VERSION = 3,
        MESSAGE_BRANCHES_MAX = 16,
        MESSAGE_HEADER_BYTES = 18, /* version 1, type 1, instance 8, position 8 */
        MESSAGE_AGAIN_HEADER_BYTES = MESSAGE_HEADER_BYTES + 8,
        MESSAGE_MAX_BYTES = MESSAGE_AGAIN_HEADER_BYTES + DATAGRAM_MAX_BYTES,
        ALIVE_INTERVAL_MS = 1000,
};

enum message_type {
        MESSAGE_SAID = 1, /* records: what members did, and MISSED, STYLE, PRIVATE, CTCP, ASK, REPLY */
        MESSAGE_ALIVE,    /* members */
        MESSAGE_ASK,
        MESSAGE_AGAIN, /* asked, and the same records as in SAID */
};

struct message_branch {
        uint64_t instance, position;
};

struct message {
        uint8_t version; /* filled by message_decode() */
        uint8_t type;
        uint64_t instance; /* of the sender's records; ASK: of the records of the host that is asked */
        /* SAID, AGAIN: of the first record. ALIVE: of the first record that was not sent yet. ASK: of the first record
         * that is missing. */
        uint64_t position;
        uint64_t members; /* ALIVE: how many members that host has */
        uint64_t process; /* ALIVE: of the sender's connection; 0: the message is of version 1 */
        /* ALIVE: the other number that the sender received with its own label lately; 0: none */
        uint64_t other_process;
        /* ALIVE: earlier instances of the sender, the latest first, each with the position of its first record that was
         * not sent */
        struct message_branch branches[MESSAGE_BRANCHES_MAX];
        uint8_t branches_count;
        uint64_t question_position; /* AGAIN: the position that was asked for */
        struct wire_reader records;
};

/* Returns true if records follow the header of this type. */
static inline bool message_has_records(uint8_t type)
{
        return type == MESSAGE_SAID || type == MESSAGE_AGAIN;
}

static inline void message_put_branches(struct wire_writer *w, const struct message *m)
{
        wire_put_u8(w, m->branches_count);
        for (size_t i = 0; i < m->branches_count; i++) {
                wire_put_u64(w, m->branches[i].instance);
                wire_put_u64(w, m->branches[i].position);
        }
}

static inline void message_get_branches(struct wire_reader *r, struct message *m)
{
        uint8_t count = wire_get_u8(r);
        if (count > MESSAGE_BRANCHES_MAX)
                r->bad = true;
        for (; m->branches_count < count && !r->bad; m->branches_count++) {
                m->branches[m->branches_count].instance = wire_get_u64(r);
                m->branches[m->branches_count].position = wire_get_u64(r);
        }
}

/* Writes `m`, but only the header of a SAID or AGAIN, which the records follow. Returns the size in bytes, or 0 if it
 * does not fit. */
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
                wire_put_u64(&w, m->other_process);
                message_put_branches(&w, m);
        }
        if (m->type == MESSAGE_AGAIN)
                wire_put_u64(&w, m->question_position);
        return wire_written(&w);
}

/* Parses a payload; the records point into it. Returns 0; FRAME_E_TYPE for a type that this version does not know;
 * -EPROTONOSUPPORT for version 0; -EBADMSG if it is short or has a tail. Does not check the records. */
static inline int message_decode(struct message *m, const void *data, size_t size)
{
        struct wire_reader r = wire_read(data, size);
        *m = (struct message){.version = wire_get_u8(&r)};
        m->type = wire_get_u8(&r);
        m->instance = wire_get_u64(&r);
        m->position = wire_get_u64(&r);
        if (m->type == MESSAGE_AGAIN)
                m->question_position = wire_get_u64(&r);
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
                m->other_process = wire_get_u64(&r);
        }
        if (m->type == MESSAGE_ALIVE && m->version >= 3)
                message_get_branches(&r, m);
        return r.bad || (wire_left(&r) > 0 && m->version <= MESSAGE_VERSION) ? -EBADMSG : 0;
}
