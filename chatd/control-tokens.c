#include "control-tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chat.h"
#include "control-client.h"

/* Ends the answer to a request whose name of a token or a room is invalid. */
static void control_end_invalid_name(struct control_client *client, const char *whose)
{
        control_client_end(client, CONTROL_WRONG,
                           "a %s's name has 1 to %d characters and starts with a letter: plain letters (no accents), "
                           "digits, - _ and .",
                           whose, NICK_MAX_BYTES);
}

/* Makes a token of the words of a request. Returns false if they cannot be a token; then the answer has ended. */
static bool control_make_token(struct control_client *client, struct token *token, const char *name, const char *secret,
                               const char *room)
{
        switch (token_make(token, slice_of(name), slice_of(room), slice_of(secret))) {
        case 0:
                return true;
        case TOKEN_E_NAME:
                control_end_invalid_name(client, "token");
                return false;
        case TOKEN_E_RESERVED:
                control_client_end(client, CONTROL_WRONG, "the name %s is for administrators; choose another", name);
                return false;
        case TOKEN_E_ROOM:
                control_end_invalid_name(client, "room");
                return false;
        default:
                control_client_end(client, CONTROL_WRONG,
                                   "a token has %d to %d characters out of A-Z a-z 0-9 - . _ ~ + / and =",
                                   TOKEN_MIN_BYTES, SECRET_MAX_BYTES);
                return false;
        }
}

/* Refuses a name because `other` is the same name or looks like it. `what` says whose name that is, and `advice` what
 * to do if it is the same. */
static void control_end_taken(struct control_client *client, const char *name, const char *other, const char *what,
                              const char *advice)
{
        if (name_compare(name, strlen(name), other, strlen(other)) == 0)
                control_client_end(client, CONTROL_FAILED, "%s %s%s", what, other, advice);
        else
                control_client_end(client, CONTROL_FAILED, "%s %s, which looks like %s; choose another name", what,
                                   other, name);
}

/* Returns true if no member and no other token has the name, or one that looks like it. Otherwise ends the answer. */
static bool control_is_free(const struct chat *chat, struct control_client *client, const char *name)
{
        const struct member *m = roster_find_name(&chat->roster, slice_of(name));
        const struct token *token = tokens_find_alike(&chat->tokens, slice_of(name));
        if (!m)
                m = roster_find_blurred(&chat->roster, slice_of(name));
        if (chat->settings.hide_addresses && guests_is_name(slice_of(name)))
                control_client_end(client, CONTROL_FAILED, "the name %s is for guests; choose another", name);
        else if (m)
                control_end_taken(client, name, m->name, "somebody here is called", "; choose another name");
        else if (token)
                control_end_taken(client, name, token->name, "there is a token for", " already; remove it first");
        else
                return true;
        return false;
}

static void control_end_unwritten_token(struct control_client *client)
{
        control_client_end(client, CONTROL_FAILED, "no token was added: cannot write %s: %s", client->file->path,
                           strerror(-client->file->error));
}

static void control_end_unwritten_removal(struct control_client *client)
{
        control_client_end(client, CONTROL_FAILED,
                           "%s is removed, but chatd cannot write %s (%s): the token works again after a restart of "
                           "chatd",
                           client->removed, client->file->path, strerror(-client->file->error));
}

/* Prepares the end of the answer, and waits until the token is in the file. */
static void control_confirm_token(const struct chat *chat, struct control_client *client, const char *name)
{
        const struct token *token = tokens_find_name(&chat->tokens, slice_of(name));
        control_client_prepare(client, CONTROL_OK, "%s", token->name);
        control_client_await_disk(client, &chat->tokens.file, token->change, control_end_unwritten_token);
}

void control_tokens_add(struct chat *chat, struct control_client *client, const char *name, const char *secret,
                        const char *room)
{
        struct token token;
        if (!control_make_token(client, &token, name, secret, room))
                return;
        const struct token *same = tokens_find_name(&chat->tokens, slice_of(name));
        if (same && token_is_same(same, &token)) {
                control_confirm_token(chat, client, same->name); /* an earlier chatd died before it answered */
                return;
        }
        if (!control_is_free(chat, client, name))
                return;
        token.time = time(NULL);
        token.uid = client->uid;
        int r = tokens_add(&chat->tokens, &token);
        if (r == -ENOSPC) {
                control_client_end(client, CONTROL_FAILED, "there are %d tokens already; remove one first", TOKENS_MAX);
        } else if (r == -EEXIST) {
                control_client_end(client, CONTROL_FAILED, "this token is already that of another name");
        } else if (r < 0) {
                control_client_end(client, CONTROL_FAILED, "cannot add the token: %s", strerror(-r));
        } else {
                eventlog_token(chat->log, client->uid, token.name, token.room);
                control_confirm_token(chat, client, token.name);
        }
}

void control_tokens_remove(struct chat *chat, struct control_client *client, const char *name)
{
        const struct token *token = tokens_find_name(&chat->tokens, slice_of(name));
        if (!token) {
                control_client_end(client, CONTROL_NOBODY, "there is no token for %.*s", NAME_MAX_BYTES, name);
                return;
        }
        const struct token removed = *token;
        tokens_remove(&chat->tokens, slice_of(name));
        eventlog_token_removed(chat->log, client->uid, removed.name, removed.room);
        memcpy(client->removed, removed.name, sizeof(removed.name));
        control_client_prepare(client, CONTROL_OK, "%s", removed.name);
        control_client_await_disk(client, &chat->tokens.file, chat->tokens.file.changes, control_end_unwritten_removal);
}

bool control_tokens_hint(const struct chat *chat, const char *name, char text[static CONTROL_TOKENS_HINT_BYTES])
{
        const struct token *token = tokens_find_name(&chat->tokens, slice_of(name));
        text[0] = '\0';
        if (token)
                snprintf(text, CONTROL_TOKENS_HINT_BYTES, "%s is a token: chatctl token remove %s ends it", token->name,
                         token->name);
        return token;
}
