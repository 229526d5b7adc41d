#include "control-requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <chat/answer.h>
#include <chat/safe-text.h>
#include <chat/version.h>

#include "admin.h"
#include "chat.h"
#include "control-bans.h"
#include "control-client.h"
#include "control-lists.h"
#include "control-tokens.h"

static bool control_is_clean(const char *text, size_t max_bytes)
{
        size_t size = strlen(text);
        return size <= max_bytes && text_is_clean(text, size);
}

static bool control_is_blank(const char *text)
{
        return text[strspn(text, " ")] == '\0';
}

/* Returns the present member of this name, or of this id behind a "#"; or NULL. */
static const struct member *control_look_up(const struct chat *chat, const char *who)
{
        uint64_t id;
        const struct member *m = NULL;
        if (who[0] != '#')
                m = roster_find_name(&chat->roster, slice_of(who));
        else if (path_parse_id(who + 1, &id) == 0)
                m = roster_find(&chat->roster, id);
        return m && member_is_here(m) ? m : NULL;
}

/* Returns the present member of this name, or of this id behind a "#". Returns NULL if there is none; then the answer
 * has ended. */
static const struct member *control_find_member(struct chat *chat, struct control_client *client, const char *who)
{
        const struct member *m = control_look_up(chat, who);
        if (m)
                return m;
        bool leaves = who[0] != '#' && roster_find_name(&chat->roster, slice_of(who));
        const char *meant = leaves || who[0] == '#' ? NULL : roster_suggest(&chat->roster, slice_of(who));
        char hint[CONTROL_TOKENS_HINT_BYTES];
        if (control_tokens_hint(chat, who, hint)) {
                control_client_end(client, CONTROL_NOBODY, "there is nobody called %.*s here; %s", NAME_MAX_BYTES, who,
                                   hint);
                return NULL;
        }
        control_client_end(client, CONTROL_NOBODY, "there is nobody called %.*s here%s%s%s", NAME_MAX_BYTES, who,
                           meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
        return NULL;
}

/* ---- requests that go through the queue ---- */

void control_requests_queue(struct chat *chat, struct control_client *client)
{
        if (send(chat->self, client->frame, client->frame_size, MSG_NOSIGNAL) >= 0)
                control_client_enter(client, CONTROL_TURN);
}

static void control_send_frame(struct chat *chat, struct control_client *client, struct frame f)
{
        f.number = client->number;
        f.key = client->uid;
        client->id = f.id;
        client->removal = f.type == FRAME_KICK;
        client->frame_size = frame_encode(client->frame, sizeof(client->frame), &f);
        control_client_enter(client, CONTROL_QUEUE);
        control_requests_queue(chat, client);
}

void control_requests_done(const struct chat *chat, struct control_client *client, int result)
{
        if (result == -ENOENT)
                control_client_end(client, CONTROL_NOBODY, "that person has left");
        else if (result < 0)
                control_client_end(client, CONTROL_FAILED, "not done, because chatd cannot note it in %s: %s",
                                   chat->roster.dir, strerror(-result));
        else if (client->removal)
                control_client_enter(client, CONTROL_DEPARTURE);
        else
                control_client_done(client, CONTROL_OK);
}

void control_requests_departure(const struct chat *chat, struct control_client *client, bool late)
{
        const struct member *m = roster_find(&chat->roster, client->id);
        if (!m) {
                control_client_done(client, CONTROL_OK);
        } else if (late) {
                control_client_end(client, CONTROL_STAYS, "%s", m->name);
                control_put(&client->end, "pid=%" PRIu64, m->id >> 32);
                control_put(&client->end, "id=%016" PRIx64, m->id);
        }
}

/* ---- a function for each command ---- */

struct control_request {
        struct control_client *client;
        const char *target, *text, *room; /* its arguments; `text` and `room` are NULL if they are missing */
};

static void control_status(struct chat *chat, const struct control_request *r)
{
        control_lists_status(chat, r->client);
}

static void control_who(struct chat *chat, const struct control_request *r)
{
        control_lists_members(chat, r->client);
}

static void control_bans(struct chat *chat, const struct control_request *r)
{
        (void)chat;
        control_lists_bans(r->client);
}

static void control_tokens(struct chat *chat, const struct control_request *r)
{
        (void)chat;
        control_lists_tokens(r->client);
}

/* Answers with the id of the member that has the name now. A request that names the id can be repeated: it never means
 * another member. */
static void control_find(struct chat *chat, const struct control_request *r)
{
        const struct member *m = control_find_member(chat, r->client, r->target);
        if (!m)
                return;
        control_client_end(r->client, CONTROL_OK, "%s", m->name);
        control_put(&r->client->end, "id=%016" PRIx64, m->id);
}

static void control_say(struct chat *chat, const struct control_request *r)
{
        if (control_is_blank(r->target) || !control_is_clean(r->target, CONTROL_TEXT_MAX_BYTES))
                control_client_end(r->client, CONTROL_WRONG, "a notice is clean text of 1 to %d bytes, not all spaces",
                                   CONTROL_TEXT_MAX_BYTES);
        else
                control_send_frame(chat, r->client,
                                   (struct frame){.type = FRAME_SAY, .id = ADMIN_ID, .text = slice_of(r->target)});
}

/* Sets the topic of a room, or answers with its topic if there is no text. */
static void control_topic(struct chat *chat, const struct control_request *r)
{
        const struct room *room = r->target[0] != '\0' ? rooms_find(&chat->roster.rooms, slice_of(r->target)) : NULL;
        if (!room) {
                control_client_end(r->client, CONTROL_NOBODY, "there is no room called %.*s", NICK_MAX_BYTES,
                                   r->target);
        } else if (!r->text) {
                control_client_done(r->client, CONTROL_OK);
                control_put(&r->client->end, "room=%s", room->name);
                control_put(&r->client->end, "topic=%s", room->topic);
        } else if (control_is_blank(r->text) || !control_is_clean(r->text, TOPIC_MAX_BYTES)) {
                control_client_end(r->client, CONTROL_WRONG, "a topic is clean text of 1 to %d bytes, not all spaces",
                                   TOPIC_MAX_BYTES);
        } else {
                struct frame f = {.type = FRAME_SET_TOPIC, .id = ADMIN_ID};
                f.name = slice_of(room->name);
                f.text = slice_of(r->text);
                control_send_frame(chat, r->client, f);
        }
}

/* Returns the reason in a request, which may be empty. Returns NULL if it is invalid; then the answer has ended. */
static const char *control_reason(const struct control_request *r)
{
        if (!r->text)
                return "";
        if (control_is_clean(r->text, CONTROL_REASON_MAX_BYTES))
                return r->text;
        control_client_end(r->client, CONTROL_WRONG, "a reason is clean text of %d bytes at most",
                           CONTROL_REASON_MAX_BYTES);
        return NULL;
}

static void control_act(struct chat *chat, const struct control_request *r, enum frame_type type, const char *why)
{
        const struct member *m = control_find_member(chat, r->client, r->target);
        if (m)
                control_send_frame(chat, r->client,
                                   (struct frame){.type = (uint8_t)type, .id = m->id, .text = slice_of(why)});
}

static void control_kick(struct chat *chat, const struct control_request *r)
{
        char text[1 + CONTROL_REASON_MAX_BYTES + 1];
        const char *why = control_reason(r);
        if (!why)
                return;
        snprintf(text, sizeof(text), "%s%s", answer_kick_needs_space(slice_of(why)) ? " " : "", why);
        control_act(chat, r, FRAME_KICK, text);
}

static void control_mute(struct chat *chat, const struct control_request *r)
{
        control_act(chat, r, FRAME_MUTE, "");
}

static void control_unmute(struct chat *chat, const struct control_request *r)
{
        control_act(chat, r, FRAME_UNMUTE, "");
}

static void control_ban(struct chat *chat, const struct control_request *r)
{
        const char *why = control_reason(r);
        if (why)
                control_bans_add(chat, r->client, r->target, why);
}

static void control_unban(struct chat *chat, const struct control_request *r)
{
        control_bans_remove(chat, r->client, r->target);
}

static void control_token_add(struct chat *chat, const struct control_request *r)
{
        control_tokens_add(chat, r->client, r->target, r->text ? r->text : "", r->room ? r->room : "");
}

static void control_token_remove(struct chat *chat, const struct control_request *r)
{
        control_tokens_remove(chat, r->client, r->target);
}

/* ---- the table ---- */

static const struct control_command {
        const char *name;
        void (*take)(struct chat *chat, const struct control_request *r);
        size_t words_max; /* 1: the request is the name alone; otherwise it has a number and arguments, too */
} control_commands[] = {
        {"status", control_status, 1},
        {"who", control_who, 1},
        {"bans", control_bans, 1},
        {"tokens", control_tokens, 1},
        {"find", control_find, 4},
        {"say", control_say, 4},
        {"topic", control_topic, 4},
        {"kick", control_kick, 4},
        {"mute", control_mute, 4},
        {"unmute", control_unmute, 4},
        {"ban", control_ban, 4},
        {"unban", control_unban, 4},
        {"token-add", control_token_add, 5},
        {"token-remove", control_token_remove, 4},
};

/* Returns the command of this name, or NULL. */
static const struct control_command *control_find_command(const char *name)
{
        for (size_t i = 0; i < sizeof(control_commands) / sizeof(control_commands[0]); i++)
                if (strcmp(control_commands[i].name, name) == 0)
                        return &control_commands[i];
        return NULL;
}

/* Returns the number in `word`, or 0 if it is no number. */
static uint64_t control_parse_number(const char *word)
{
        char *end;
        uint64_t number = strtoull(word, &end, 16);
        return *end == '\0' ? number : 0;
}

/* Answers a request that this chatd or a previous one has done already. A removed member may still be here. */
static void control_answer_again(struct chat *chat, struct control_client *client, const char *command, const char *who)
{
        const struct member *m = strcmp(command, "kick") == 0 ? control_look_up(chat, who) : NULL;
        if (!m) {
                control_client_done(client, CONTROL_OK);
                return;
        }
        client->id = m->id;
        control_client_enter(client, CONTROL_DEPARTURE);
}

/* Takes a request of `count` words: with a number, and with one argument at least. */
static void control_take_numbered(struct chat *chat, struct control_client *client, const char *const words[],
                                  size_t count)
{
        const struct control_command *command = control_find_command(words[0]);
        client->number = control_parse_number(words[1]);
        bool is_known = command && command->words_max > 1;
        if (client->number == 0 || (is_known && count > command->words_max))
                control_client_end(client, CONTROL_WRONG, "no such request");
        else if (admin_has_done(chat->admin, client->number))
                control_answer_again(chat, client, words[0], words[2]);
        else if (is_known)
                command->take(chat, &(struct control_request){client, words[2], words[3], words[4]});
        else
                control_client_end(client, CONTROL_WRONG, "this chatd (" VERSION ") does not know the command '%.*s'",
                                   NAME_MAX_BYTES, words[0]);
}

void control_requests_take(struct chat *chat, struct control_client *client, const char *data, size_t size)
{
        struct slice rest = {data, size};
        const char *words[CONTROL_WORDS_MAX + 1] = {0};
        size_t n = 0;
        while (n <= CONTROL_WORDS_MAX && (words[n] = control_next(&rest)))
                n++;
        bool whole = n <= CONTROL_WORDS_MAX && rest.len == 0;
        const struct control_command *command = n == 1 ? control_find_command(words[0]) : NULL;
        if (whole && command && command->words_max == 1)
                command->take(chat, &(struct control_request){.client = client});
        else if (whole && n > 2)
                control_take_numbered(chat, client, words, n);
        else
                control_client_end(client, CONTROL_WRONG, "no such request");
}
