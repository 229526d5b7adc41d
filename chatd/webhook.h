/* Lines that programs say with a token (tokens.h), without a place in the chat.
 *
 * A program that gets no answer repeats its request. So that its line is said once, both requests have the same key.
 * chatd keeps the last WEBHOOK_KEYS keys of each token, in a mapped file in the run directory, which survives a killed
 * chatd. A key is noted when all members have its line, and before the frame is consumed. A chatd that meets the frame
 * again either finds the key, or relays the line again and members recognise it.
 *
 * The file is made when the first key comes.
 *
 * Owns the mapping.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "chat.h"

enum { WEBHOOK_KEYS = 126 }; /* of each token */

/* The keys of one token. */
struct webhook_shelf {
        uint64_t owner; /* the beginning of the token's hash; 0: the shelf is free */
        uint64_t count; /* how many keys were noted so far: a ring */
        uint64_t keys[WEBHOOK_KEYS];
};

struct webhook_file {
        uint64_t layout;
        struct webhook_shelf shelves[TOKENS_MAX];
};

struct webhook {
        struct webhook_file *file;  /* NULL: no key has come yet */
        struct complaint complaint; /* about wrong tokens */
        struct {
                struct webhook_shelf *shelf;
                uint64_t key;
        } pending[INTAKE_WINDOW]; /* the keys of this batch */
        size_t pending_count;
};

/* Says the line of a WEBHOOK, and answers it. */
void webhook_take(struct chat *chat, struct member *m, const struct frame *f);

/* Notes the keys of a batch that was sent to all members. */
void webhook_note(struct chat *chat);

/* Unmaps the file, which keeps the keys. */
void webhook_free(struct webhook *w);
