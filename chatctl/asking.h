/* Asks chatd (chat/control.h): one request, and its whole answer.
 *
 * If the connection ends before the answer does, chatd was killed or restarted. Then the request is sent to the next
 * chatd, with the same number, so that it is done once. If chatd answers that it is busy, it has done nothing, and the
 * request is repeated, too.
 *
 * Owns the connection and the answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/control.h>

enum {
        ASKING_ANSWER_MS = 15 * 1000, /* how long chatd may take: longer than any time limit of chatd's own */
        ASKING_AGAIN_MS = 10 * 1000,  /* how long chatctl waits for a new chatd after one ended */
        /* how long chatctl waits for a busy chatd: with 2,048 members, 300 at a time get their turn */
        ASKING_BUSY_MS = 30 * 1000,
        ASKING_RETRY_MS = 100, /* between two tries, on average */
};

struct answer_record {
        char *data; /* fields, each ended by a 0 */
        size_t size;
};

struct asking {
        char path[108]; /* of the socket; as long as sun_path, unix(7) */
        int fd;         /* -1: not connected */
        bool again;     /* the request was sent more than once */
        struct answer_record *records;
        size_t count, room;
        struct control_packet end;
};

/* Begins a struct. `dir` is the run directory of a chatd that bound its socket itself, or NULL. Returns 0 or
 * -ENAMETOOLONG. */
int asking_init(struct asking *a, const char *dir);
void asking_free(struct asking *a);

/* Makes a request of `words`, which end with NULL. If there is a second word, it is replaced by a random number.
 * Returns 0 if there is a whole answer (CONTROL_BUSY only if chatd stays busy), or a negative errno: -ENOENT or
 * -ECONNREFUSED if there is no chatd, -EACCES if this user may not connect, -ETIMEDOUT if chatd does not answer, -EPIPE
 * if its answers break off. */
int asking_make(struct asking *a, const char *const words[]);

/* Returns the status ("end") or another field of the end, or NULL if it has no such field. */
const char *asking_end(const struct asking *a, const char *key);

/* Returns the value of a field of a record, or NULL if it has no such field. */
const char *answer_value(const struct answer_record *r, const char *key);
