#include "tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base16.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include <chat/safe-text.h>

#include "eventlog.h"

_Static_assert((int)TOKEN_HASH_BYTES == (int)SHA256_DIGEST_SIZE, "the hash is SHA-256");
_Static_assert(sizeof(struct token) + TOKEN_HASH_BYTES + 32 <= LINES_FILE_ENTRY_MAX_BYTES, "a token fits a line");

/* ---- one token ---- */

bool token_is_secret(struct slice secret)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";
        for (size_t i = 0; i < secret.len; i++)
                if (!memchr(allowed, secret.at[i], sizeof(allowed) - 1))
                        return false;
        return secret.len >= TOKEN_MIN_BYTES && secret.len <= SECRET_MAX_BYTES;
}

static void token_hash(struct slice secret, uint8_t hash[static TOKEN_HASH_BYTES])
{
        struct sha256_ctx sha;
        sha256_init(&sha);
        sha256_update(&sha, secret.len, (const uint8_t *)secret.at);
        sha256_digest(&sha, TOKEN_HASH_BYTES, hash);
}

/* Sets the name and the room. Returns 0 or TOKEN_E_... */
static int token_set_names(struct token *token, struct slice name, struct slice room)
{
        if (!name_is_nick(name.at, name.len))
                return TOKEN_E_NAME;
        if (name_is_reserved(name.at, name.len))
                return TOKEN_E_RESERVED;
        if (room.len > 0 && !name_is_nick(room.at, room.len))
                return TOKEN_E_ROOM;
        memcpy(token->name, name.at, name.len);
        memcpy(token->room, room.at, room.len);
        return 0;
}

int token_make(struct token *token, struct slice name, struct slice room, struct slice secret)
{
        *token = (struct token){0};
        int r = token_set_names(token, name, room);
        if (r != 0)
                return r;
        if (!token_is_secret(secret))
                return TOKEN_E_SECRET;
        token_hash(secret, token->hash);
        return 0;
}

static bool token_has_name(const struct token *token, struct slice name)
{
        return name_compare(token->name, strlen(token->name), name.at, name.len) == 0;
}

/* Returns true if the token has this hash. The time that it takes says nothing about the hash. */
static bool token_has_hash(const struct token *token, const uint8_t hash[static TOKEN_HASH_BYTES])
{
        return memeql_sec(token->hash, hash, TOKEN_HASH_BYTES);
}

bool token_is_same(const struct token *a, const struct token *b)
{
        return token_has_name(a, slice_of(b->name)) && token_has_hash(a, b->hash);
}

/* ---- finding ---- */

/* Returns the index of the token with this hash, or the number of tokens. Looks at all of them, for the same reason as
 * token_has_hash(). */
static size_t tokens_find_hash(const struct tokens *tokens, const uint8_t hash[static TOKEN_HASH_BYTES])
{
        size_t found = tokens->count;
        for (size_t i = 0; i < tokens->count; i++)
                if (token_has_hash(&tokens->list[i], hash))
                        found = i;
        return found;
}

const struct token *tokens_find(const struct tokens *tokens, struct slice secret)
{
        uint8_t hash[TOKEN_HASH_BYTES];
        if (!token_is_secret(secret))
                return NULL;
        token_hash(secret, hash);
        size_t found = tokens_find_hash(tokens, hash);
        return found < tokens->count ? &tokens->list[found] : NULL;
}

const struct token *tokens_find_alike(const struct tokens *tokens, struct slice name)
{
        for (size_t i = 0; i < tokens->count; i++) {
                const struct token *token = &tokens->list[i];
                if (name_looks_like(token->name, strlen(token->name), name.at, name.len))
                        return token;
        }
        return NULL;
}

const struct token *tokens_find_blurred(const struct tokens *tokens, struct slice name)
{
        for (size_t i = 0; i < tokens->count; i++) {
                const struct token *token = &tokens->list[i];
                if (name_compare_blurred(token->name, strlen(token->name), name.at, name.len) == 0)
                        return token;
        }
        return NULL;
}

/* Returns the index of the token of this name, or the number of tokens. */
static size_t tokens_index(const struct tokens *tokens, struct slice name)
{
        size_t at = 0;
        while (at < tokens->count && !token_has_name(&tokens->list[at], name))
                at++;
        return at;
}

const struct token *tokens_find_name(const struct tokens *tokens, struct slice name)
{
        size_t at = tokens_index(tokens, name);
        return at < tokens->count ? &tokens->list[at] : NULL;
}

/* ---- the file ---- */

/* Adds a token in memory, not in the file. Returns the same as tokens_add(). */
static int tokens_keep(struct tokens *tokens, const struct token *token)
{
        if (tokens_find_alike(tokens, slice_of(token->name)) || tokens_find_hash(tokens, token->hash) < tokens->count)
                return -EEXIST;
        if (!tokens->list)
                tokens->list = calloc(TOKENS_MAX, sizeof(*tokens->list));
        if (!tokens->list)
                return -ENOMEM;
        if (tokens->count == TOKENS_MAX)
                return -ENOSPC;
        tokens->list[tokens->count++] = *token;
        return 0;
}

static size_t tokens_describe(const void *list, size_t at, char *line)
{
        const struct token *token = (const struct token *)list + at;
        char hash[BASE16_ENCODE_LENGTH(TOKEN_HASH_BYTES)];
        base16_encode_update(hash, TOKEN_HASH_BYTES, token->hash);
        return (size_t)snprintf(line, LINES_FILE_ENTRY_MAX_BYTES, "%s %.*s %" PRId64 " %u%s%s", token->name,
                                (int)sizeof(hash), hash, token->time, (unsigned)token->uid,
                                token->room[0] != '\0' ? " " : "", token->room);
}

/* Returns true if `text` is a hash in hexadecimal digits. */
static bool tokens_parse_hash(const char *text, uint8_t hash[static TOKEN_HASH_BYTES])
{
        struct base16_decode_ctx base16;
        size_t size = TOKEN_HASH_BYTES;
        base16_decode_init(&base16);
        return strlen(text) == BASE16_ENCODE_LENGTH(TOKEN_HASH_BYTES) &&
               base16_decode_update(&base16, &size, hash, BASE16_ENCODE_LENGTH(TOKEN_HASH_BYTES), text) &&
               base16_decode_final(&base16) && size == TOKEN_HASH_BYTES;
}

static int tokens_take(void *user, char *line)
{
        struct token token = {0};
        int64_t number;
        const char *name = text_next_word(&line), *hash = name ? text_next_word(&line) : NULL;
        const char *time = hash ? text_next_word(&line) : NULL, *uid = time ? text_next_word(&line) : NULL;
        const char *room = uid ? line : "";
        if (!uid)
                uid = line;
        if (!time || !tokens_parse_hash(hash, token.hash) || !lines_file_parse_number(time, INT64_MAX, &token.time) ||
            !lines_file_parse_number(uid, UINT32_MAX, &number) ||
            token_set_names(&token, slice_of(name), slice_of(room)) != 0)
                return -EINVAL;
        token.uid = (uid_t)number;
        return tokens_keep(user, &token);
}

static const struct lines_file_kind tokens_file = {
        .noun = "tokens",
        .comments =
                "# Which programs may say lines: NAME HASH TIME UID [ROOM]. chatd writes this file, chatctl(1) changes "
                "it.\n"
                "# To edit it: stop chatd, and remove all lines that begin with #; chatd writes them again. See "
                "chatd(8).\n",
        .key = "chatd:token file",
        .describe = tokens_describe,
        .take = tokens_take,
};

int tokens_read(struct tokens *tokens, const char *dir, struct journal *log)
{
        tokens->list = NULL;
        tokens->count = 0;
        return kept_file_read(&tokens->file, &tokens_file, dir, log, tokens);
}

/* Takes back the tokens that a file was to have and no file got. That is a change: the file may have been replaced
 * before its directory could not be flushed. */
static void tokens_take_back(struct tokens *tokens)
{
        struct kept_file *file = &tokens->file;
        size_t kept = 0;
        for (size_t i = 0; i < tokens->count; i++) {
                const struct token *token = &tokens->list[i];
                if (token->change > file->written_changes && token->change <= file->disk_changes) {
                        eventlog_token_taken_back(file->log, token->name, token->room);
                        kept_file_change(file);
                } else {
                        tokens->list[kept++] = *token;
                }
        }
        tokens->count = kept;
}

void tokens_free(struct tokens *tokens)
{
        if (tokens->file.path[0] != '\0')
                tokens_finish(tokens);
        kept_file_free(&tokens->file, tokens->list, tokens->count);
        free(tokens->list);
        tokens->list = NULL;
        tokens->count = 0;
}

void tokens_settle(struct tokens *tokens)
{
        kept_file_take_end(&tokens->file, DISK_NO_WAIT);
        tokens_take_back(tokens);
        kept_file_begin(&tokens->file, tokens->list, tokens->count);
        tokens_take_back(tokens); /* it may have failed to begin */
}

void tokens_finish(struct tokens *tokens)
{
        while (!kept_file_is_settled(&tokens->file)) {
                kept_file_take_end(&tokens->file, DISK_WAIT);
                tokens_settle(tokens);
        }
}

/* ---- changes ---- */

int tokens_add(struct tokens *tokens, const struct token *token)
{
        int r = tokens_keep(tokens, token);
        if (r < 0)
                return r;
        kept_file_change(&tokens->file);
        tokens->list[tokens->count - 1].change = tokens->file.changes;
        return 0;
}

int tokens_remove(struct tokens *tokens, struct slice name)
{
        size_t at = tokens_index(tokens, name);
        if (at == tokens->count)
                return -ENOENT;
        tokens->count--;
        memmove(&tokens->list[at], &tokens->list[at + 1], (tokens->count - at) * sizeof(*tokens->list));
        kept_file_change(&tokens->file);
        return 0;
}
