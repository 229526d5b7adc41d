/* Asks chatd (chat/control.h): one request, and its whole answer.
 *
 * Where the connection ends before the answer does, chatd was killed or restarted: the request is made again to the
 * next one, with the same number, so that it is done once. Where chatd says that it is busy, it has done nothing, and
 * the request is made again, too.
 *
 * Owns the connection and the answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/control.h>

enum {
        ASKING_ANSWER_MS = 15 * 1000, /* so long chatd may take: more than it gives anything itself */
        ASKING_AGAIN_MS = 10 * 1000,  /* so long chatctl waits for a chatd that went away … */
        ASKING_BUSY_MS = 30 * 1000,   /* … or is busy: 300 at a time get their turn, with 2,048 members */
        ASKING_RETRY_MS = 100,        /* between two tries, on average */
};

struct answer_record {
        char *data; /* fields, each ended by a 0 */
        size_t size;
};

struct asking {
        char path[108]; /* of the socket: as sun_path, unix(7) */
        int fd;         /* -1: not connected */
        bool again;     /* the request was made more than once */
        struct answer_record *records;
        size_t count, room;
        struct control_packet end;
};

/* `dir` is the run directory of a chatd that bound its socket itself, or NULL. Returns 0 or -ENAMETOOLONG. */
int asking_init(struct asking *a, const char *dir);
void asking_free(struct asking *a);

/* Makes a request of `words` (NULL at the end), in whose second place, if it is there, a number is put. Returns 0 when
 * there is a whole answer (CONTROL_BUSY only where chatd stays busy), or a negative errno: -ENOENT or -ECONNREFUSED where
 * nobody listens, -EACCES where one may not connect, -ETIMEDOUT where chatd does not answer, -EPIPE where its answers
 * break off. */
int asking_make(struct asking *a, const char *const words[]);

/* Returns the status, or the value of a field, of the end; NULL where there is none. */
const char *asking_end(const struct asking *a, const char *key);

/* Returns the value of a field of a record, or NULL. */
const char *answer_value(const struct answer_record *r, const char *key);
