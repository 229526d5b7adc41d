/* All tokens: secrets with which programs may say lines, each under a name of its own.
 *
 * A program sends its token with each line (webhook.h). chatd knows only the SHA-256 of a token. A token has 128 random
 * bits at least, so it cannot be guessed from that. Nobody in the chat can take the name of a token, or one that looks
 * like it at a glance: a line of a program may be an alarm. The names of two tokens may be as similar as those of two
 * members.
 *
 * The tokens are in a file, as the bans are (kept-file.h): "NAME HASH TIME UID [ROOM]", where HASH is in hexadecimal
 * digits, TIME is in seconds since 1970, and UID is the administrator that added the token.
 *
 * A token that cannot be written is taken back: a program must not rely on a token that ends with chatd. A removal that
 * cannot be written stays in effect until chatd ends.
 *
 * Owns the list. The file is in the state directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame-types.h>
#include <chat/names.h>

#include "kept-file.h"

enum {
        TOKENS_MAX = 256,
        TOKEN_MIN_BYTES = 22, /* of the secret: 128 bits in base64; SECRET_MAX_BYTES at most */
        TOKEN_HASH_BYTES = 32,
};

struct token {
        char name[NICK_MAX_BYTES + 1]; /* under which the lines are said */
        char room[NICK_MAX_BYTES + 1]; /* the only room in which it may say lines; empty: any */
        uint8_t hash[TOKEN_HASH_BYTES];
        int64_t time; /* seconds since 1970 */
        uid_t uid;
        uint64_t change; /* the number of the change (kept-file.h) that added it; 0: it was in the file */
};

struct tokens {
        struct kept_file file;
        struct token *list; /* room for TOKENS_MAX; NULL: there has been no token yet */
        size_t count;
};

/* Why token_make() refuses a token. */
enum {
        TOKEN_E_NAME = 1, /* the name is no valid name (chat/names.h) */
        TOKEN_E_RESERVED, /* the name is that of administrators */
        TOKEN_E_ROOM,     /* the room is no valid name */
        TOKEN_E_SECRET,   /* the secret is none, see token_is_secret() */
};

/* Gives a new token its name, its only room (empty: any), and the hash of its secret. Returns 0 or TOKEN_E_...: the
 * first of these words that is wrong. */
int token_make(struct token *token, struct slice name, struct slice room, struct slice secret);

/* Returns true if the secret has TOKEN_MIN_BYTES to SECRET_MAX_BYTES out of A-Z a-z 0-9 - . _ ~ + / and = (RFC 6750,
 * 2.1). */
bool token_is_secret(struct slice secret);

/* Returns true if both have the same name and secret. */
bool token_is_same(const struct token *a, const struct token *b);

/* Reads the file in the directory `dir`, as kept_file_read() does. */
int tokens_read(struct tokens *tokens, const char *dir, struct journal *log);

/* Writes the remaining changes, and frees everything. */
void tokens_free(struct tokens *tokens);

/* Take the result of a write that has ended, take back the tokens that could not be written, and write later changes;
 * tokens_finish() waits for the disk. See kept-file.h. */
void tokens_settle(struct tokens *tokens);
void tokens_finish(struct tokens *tokens);

/* Returns the token with this secret, or NULL. */
const struct token *tokens_find(const struct tokens *tokens, struct slice secret);

/* Returns the token whose name is the same or too similar (chat/names.h), or NULL. */
const struct token *tokens_find_alike(const struct tokens *tokens, struct slice name);

/* Returns a token whose name is the same or looks like this one at a glance (name_compare_blurred()), or NULL. */
const struct token *tokens_find_blurred(const struct tokens *tokens, struct slice name);

/* Returns the token of this name, in upper or lower case; or NULL. */
const struct token *tokens_find_name(const struct tokens *tokens, struct slice name);

/* Adds a token, which has no number of a change yet. Returns 0, or a negative errno: then nothing has changed. -EEXIST
 * says that another token has the same or a similar name, or the same secret, and -ENOSPC that there are TOKENS_MAX
 * tokens. */
int tokens_add(struct tokens *tokens, const struct token *token);

/* Removes the token of this name, in upper or lower case. Returns 0, or -ENOENT if there is none. */
int tokens_remove(struct tokens *tokens, struct slice name);
