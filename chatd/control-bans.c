#include "control-bans.h"

#include <string.h>
#include <time.h>

#include "ban-check.h"
#include "chat.h"
#include "control-client.h"
#include "control-tokens.h"

static bool control_parse_ban(struct control_client *client, struct ban *ban, const char *what)
{
        *ban = (struct ban){.time = time(NULL), .uid = client->uid};
        if (ban_parse(ban, what) == 0)
                return true;
        control_client_end(client, CONTROL_WRONG, "'%.*s' is neither an address, ADDRESS/BITS, nor a name",
                           BAN_WHAT_MAX_BYTES, what);
        return false;
}

/* Returns a present member whose name is banned, and whose address is not banned but could be; or NULL. */
static const struct member *control_find_banned(const struct chat *chat, const struct ban *ban)
{
        for (size_t i = 0; i < chat->roster.count; i++) {
                const struct member *m = chat->roster.members[i];
                if (member_is_here(m) && ban_has_name(ban, slice_of(m->name)) && network_is_known(&m->network) &&
                    !network_is_user(&m->network) && !bans_find(&chat->bans, slice_of(""), m->address))
                        return m;
        }
        return NULL;
}

/* Appends to the answer a network that could be banned, too: a member whose name is banned can come back under another
 * name, and one whose IPv6 address is banned can take another address. */
static void control_suggest_ban(const struct chat *chat, struct control_client *client, const struct ban *ban)
{
        char network[NETWORK_MAX_BYTES + 1];
        if (ban_widen(ban, network)) {
                control_put(&client->end, "network=%s", network);
                return;
        }
        const struct member *m = control_find_banned(chat, ban);
        if (!m)
                return;
        network_describe(&m->network, network);
        control_put(&client->end, "network=%s", network);
        control_put(&client->end, "name=%s", m->name);
}

static void control_end_unwritten_ban(struct control_client *client)
{
        control_client_end(client, CONTROL_FAILED, "in effect only until chatd ends: cannot write %s: %s",
                           client->file->path, strerror(-client->file->error));
}

/* Waits until the last change of the bans is in the file. The end of the answer is prepared. */
static void control_await_bans(const struct chat *chat, struct control_client *client)
{
        const struct kept_file *file = &chat->bans.file;
        control_client_await_disk(client, file, file->changes, control_end_unwritten_ban);
}

void control_bans_add(struct chat *chat, struct control_client *client, const char *what, const char *why)
{
        struct ban ban;
        char hint[CONTROL_TOKENS_HINT_BYTES];
        if (!control_parse_ban(client, &ban, what))
                return;
        if (control_tokens_hint(chat, ban.target, hint)) { /* a ban does not keep a program from saying lines */
                control_client_end(client, CONTROL_FAILED, "%s", hint);
                return;
        }
        memcpy(ban.reason, why, strlen(why));
        int r = bans_add(&chat->bans, &ban);
        if (r == -ENOSPC) {
                control_client_end(client, CONTROL_FAILED, "there are %d bans already; lift one first", BANS_MAX);
        } else if (r < 0) {
                control_client_end(client, CONTROL_FAILED, "cannot add the ban: %s", strerror(-r));
        } else {
                eventlog_ban(chat->log, client->uid, ban.target, ban.reason);
                ban_check_begin(chat);
                control_client_prepare(client, CONTROL_OK, "%s", ban.target);
                control_suggest_ban(chat, client, &ban);
                control_await_bans(chat, client);
        }
}

void control_bans_remove(struct chat *chat, struct control_client *client, const char *what)
{
        struct ban ban;
        if (!control_parse_ban(client, &ban, what))
                return;
        int r = bans_remove(&chat->bans, &ban);
        if (r < 0) {
                control_client_end(client, CONTROL_NOBODY, "%s is not banned", ban.target);
        } else {
                eventlog_unban(chat->log, client->uid, ban.target);
                control_client_prepare(client, CONTROL_OK, "%s", ban.target);
                control_await_bans(chat, client);
        }
}
