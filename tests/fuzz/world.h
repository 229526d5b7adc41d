/* A whole session with a client of any kind (chat-session/ from visit down), without a process, socket or clock of the
 * system.
 *
 * Input: flags, then commands: see world_step(). A client sends messages or any bytes, and reads or does not read. A
 * chatd (solo-chatd.h) answers, relays, and is restarted. Time passes only by commands. The session runs in
 * visit_run(), which waits in ppoll(): that is where the commands are taken. At the end chatd answers everything, and
 * the client reads everything and leaves. A signal may end the session before that.
 *
 * Promises, besides those of solo-chatd.h: no call overruns the client's buffer. The kind gets no more bytes than it
 * said it can take. After tick(), nothing is due at the same time. In the end nothing is stuck: everything that the
 * client sent was read and answered, and the session ends, also if the connection breaks.
 */
#pragma once

#include <signal.h>

#include "../../chat-session/kind.h"
#include "../../chat-session/session.h"

#include "fuzz.h"
#include "solo-chatd.h"

enum { WORLD_SENT_MAX_BYTES = 64 * 1024 };

/* The other flags are those of the target. */
enum world_flags {
        WORLD_PACED = 4,
        WORLD_SERVES = 8, /* chatd answers at once */
        WORLD_READS = 16, /* the client reads at once */
};

/* What a target knows of its kind of client. */
struct world_client {
        const struct kind *kind;
        void *me;               /* the state of the kind */
        size_t sent_most_bytes; /* that the client sends, WORLD_SENT_MAX_BYTES at most */
        const char *many;       /* a message that it sends many times, with its number: a format */
        bool meets_old_chatd;   /* of the version before channels */

        /* Types a message that the script chooses. */
        void (*type)(void);

        /* Take the bytes that the client sends and gets. */
        void (*says)(const uint8_t *bytes, size_t n);
        void (*sees)(const char *bytes, size_t n);

        /* Checks the bounds of the state. Called before each command. */
        void (*check)(void);

        /* Returns true if nothing that the client sent waits in the kind. */
        bool (*is_settled)(void);

        /* Checks that the client was told everything. */
        void (*check_answers)(void);
};

/* What the session and the target share. */
extern struct world {
        const struct world_client *client;
        struct choices script;
        uint8_t flags;
        int64_t now; /* ms */
        uint64_t random;
        bool is_ended;                    /* the client's input has ended */
        bool is_broken;                   /* the client reset the connection */
        bool is_checked;                  /* everything was answered */
        volatile sig_atomic_t is_stopped; /* a signal ends the session */
        unsigned turns, idle_turns, ending_turns;
        size_t reads;    /* how many bytes the client still reads */
        size_t may_read; /* what the kind said last */
        size_t sent_at, sent_len;
        /* what follows is used up to the counts above, or begun anew */
        uint8_t sent[WORLD_SENT_MAX_BYTES];
        struct session session;
        struct solo_chatd chatd;
} world;

/* Begins a world with this script. After that the client may type. */
void world_begin(const struct world_client *client, const uint8_t *data, size_t size);

/* Runs the session until it ends. */
void world_run(void);

/* Let the client send bytes, a text, bytes of the script as they are, or a text with each number from `n` down to 1. */
void world_type(const void *bytes, size_t n);
void world_type_text(const char *text);
void world_type_raw(void);
void world_type_many(const char *format, unsigned n);
