#include "control-lists.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/version.h>

#include "chat.h"
#include "confinement.h"
#include "control-client.h"
#include "lagging.h"
#include "membership.h"

enum { CONTROL_LISTS_TURN = 64 }; /* records of a list that are sent in one turn of the main loop */

/* Returns the number of bytes that chatd wrote and the client has not got yet. */
static int control_behind(const struct member *m)
{
        int bytes = 0;
        return m->lent.client >= 0 && ioctl(m->lent.client, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

static const char *control_yes_no(bool yes)
{
        return yes ? "yes" : "no";
}

/* Returns the time at which `m` joined, in seconds since 1970: the same number in each call. */
static int64_t control_since(const struct member *m)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        int64_t now_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
        return (now_us - (int64_t)(clock_boottime_us() - m->since_us)) / 1000000;
}

/* Puts the rooms of `m`, with commas between them. */
static void control_put_rooms(struct control_packet *p, const struct member *m)
{
        char rooms[MEMBER_ROOMS_MAX * (NICK_MAX_BYTES + 1) + 1] = "";
        size_t len = 0;
        for (const struct seat *seat = m->seats; seat; seat = seat->other)
                len += (size_t)snprintf(rooms + len, sizeof(rooms) - len, "%s%s", len > 0 ? "," : "", seat->room->name);
        control_put(p, "room=%s", rooms);
}

static void control_put_member(struct control_packet *p, const struct member *m)
{
        bool slow = m->lent.page && outlet_load(&m->lent.page->turn) == OUTLET_SLOW;
        control_put(p, "name=%s", m->name);
        control_put_rooms(p, m);
        control_put(p, "address=%s", m->address);
        control_put(p, "since=%" PRId64, control_since(m));
        control_put(p, "pid=%" PRIu64, m->id >> 32);
        control_put(p, "id=%016" PRIx64, m->id);
        control_put(p, "said=%" PRIu64, m->lines_total);
        control_put(p, "shown=%" PRIu64, m->lines_out);
        control_put(p, "skipped=%" PRIu64, m->lines_skipped);
        if (m->lag.state == LAG_UNCOUNTED)
                control_put(p, "missed=unknown");
        else
                control_put(p, "missed=%" PRIu64, lagging_missed(m));
        control_put(p, "behind=%d", control_behind(m));
        control_put(p, "slow=%s", control_yes_no(slow));
        control_put(p, "lagging=%s", control_yes_no(member_lags(m)));
        control_put(p, "muted=%s", control_yes_no(m->is_muted));
        control_put(p, "alive=%s", control_yes_no(m->pidfd >= 0 && !member_is_dead(m)));
}

static void control_put_ban(struct control_packet *p, const struct ban *ban)
{
        control_put(p, "ban=%s", ban->target);
        control_put(p, "since=%" PRId64, ban->time);
        control_put(p, "by=%u", (unsigned)ban->uid);
        control_put(p, "reason=%s", ban->reason);
}

/* The hash stays here: only the program that has the secret needs to be recognised by it. */
static void control_put_token(struct control_packet *p, const struct token *token)
{
        control_put(p, "name=%s", token->name);
        control_put(p, "room=%s", token->room);
        control_put(p, "since=%" PRId64, token->time);
        control_put(p, "by=%u", (unsigned)token->uid);
}

/* Adds the fields that chatctl metrics shows and chatctl status does not print in its table. */
static void control_put_counts(const struct chat *chat, struct control_packet *p)
{
        control_put(p, "started=%" PRId64, chat->start_time);
        control_put(p, "rooms=%zu", chat->roster.rooms.count);
        control_put(p, "joined=%" PRIu64, chat->membership->joins);
        control_put(p, "batches=%" PRIu64, chat->relay.batches);
        control_put(p, "delivered=%" PRIu64, chat->relay.deliveries);
        control_put(p, "missed=%" PRIu64, chat->relay.misses);
        control_put(p, "refused_banned=%" PRIu64, chat->refusals[REFUSED_BANNED]);
        control_put(p, "refused_crowded=%" PRIu64, chat->refusals[REFUSED_CROWDED]);
        control_put(p, "refused_full=%" PRIu64, chat->refusals[REFUSED_FULL]);
}

static const char *control_link(const struct chat *chat)
{
        const struct member *link = roster_find(&chat->roster, LINK_ID);
        if (!link)
                return "none";
        return member_is_dead(link) ? "gone" : "there";
}

static void control_put_chat(struct chat *chat, struct control_packet *p)
{
        size_t lagging = 0, muted = 0, lent = 0, unconfined = 0;
        for (size_t i = 0; i < chat->roster.count; i++) {
                const struct member *m = chat->roster.members[i];
                lagging += member_lags(m) && m->id != LINK_ID;
                muted += m->is_muted;
                lent += m->lent.client >= 0;
                unconfined += m->confinement != CONFINED;
        }
        int queued = intake_peek(&chat->intake); /* these frames are served next, as always */
        control_put(p, "version=" VERSION);
        control_put(p, "pid=%d", (int)getpid());
        control_put(p, "uptime=%" PRId64, (clock_ms() - chat->start_ms) / 1000);
        control_put(p, "members=%zu", roster_people(&chat->roster));
        control_put(p, "lines=%" PRIu64, chat->lines);
        control_put(p, "queue=%d", queued > 0 ? queued : 0);
        control_put(p, "direct=%zu", lent);
        control_put(p, "lagging=%zu", lagging);
        control_put(p, "muted=%zu", muted);
        control_put(p, "bans=%zu", chat->bans.count);
        control_put(p, "bans_file=%s", chat->bans.file.is_damaged ? "damaged" : "whole");
        control_put(p, "tokens=%zu", chat->tokens.count);
        control_put(p, "tokens_file=%s", chat->tokens.file.is_damaged ? "damaged" : "whole");
        control_put(p, "ignored=%" PRIu64, chat->complaints.ignored_total);
        control_put(p, "refused=%" PRIu64,
                    chat->refusals[REFUSED_BANNED] + chat->refusals[REFUSED_CROWDED] + chat->refusals[REFUSED_FULL]);
        control_put(p, "not_chat=%" PRIu64, chat->membership->not_chat);
        control_put(p, "unconfined=%zu", unconfined);
        control_put(p, "unserved=%" PRIu64, chat->confinements->unserved_count);
        control_put(p, "link=%s", control_link(chat));
        control_put_counts(chat, p);
}

void control_lists_status(struct chat *chat, struct control_client *client)
{
        struct control_packet p;
        control_begin(&p);
        control_put_chat(chat, &p);
        if (control_client_send(client, &p) == 0) /* the first packet of an answer has room */
                control_client_done(client, CONTROL_OK);
        else
                control_client_done(client, CONTROL_BUSY);
}

/* Members that left since the list began are left out. */
static bool control_next_member(struct chat *chat, struct control_client *client, struct control_packet *p)
{
        while (client->next < client->count) {
                const struct member *m = roster_find(&chat->roster, client->ids[client->next++]);
                if (m && member_is_here(m)) {
                        control_put_member(p, m);
                        return true;
                }
        }
        return false;
}

void control_lists_members(struct chat *chat, struct control_client *client)
{
        client->ids = calloc(chat->roster.count + 1, sizeof(*client->ids));
        if (!client->ids) {
                control_client_end(client, CONTROL_FAILED, "chatd cannot list the members: %s", strerror(ENOMEM));
                return;
        }
        client->next_record = control_next_member;
        client->next = client->count = 0;
        for (size_t i = 0; i < chat->roster.count; i++)
                client->ids[client->count++] = chat->roster.members[i]->id;
        control_client_enter(client, CONTROL_LIST);
}

static bool control_next_ban(struct chat *chat, struct control_client *client, struct control_packet *p)
{
        if (client->next >= chat->bans.count)
                return false;
        control_put_ban(p, &chat->bans.list[client->next++]);
        return true;
}

void control_lists_bans(struct control_client *client)
{
        client->next_record = control_next_ban;
        client->next = 0;
        control_client_enter(client, CONTROL_LIST);
}

static bool control_next_token(struct chat *chat, struct control_client *client, struct control_packet *p)
{
        if (client->next >= chat->tokens.count)
                return false;
        control_put_token(p, &chat->tokens.list[client->next++]);
        return true;
}

void control_lists_tokens(struct control_client *client)
{
        client->next_record = control_next_token;
        client->next = 0;
        control_client_enter(client, CONTROL_LIST);
}

int control_lists_send(struct chat *chat, struct control_client *client)
{
        struct control_packet p;
        for (int i = 0; i < CONTROL_LISTS_TURN; i++) {
                size_t before = client->next;
                control_begin(&p);
                if (!client->next_record(chat, client, &p)) {
                        free(client->ids);
                        client->ids = NULL;
                        control_client_done(client, CONTROL_OK);
                        return 0;
                }
                int r = control_client_send(client, &p);
                if (r < 0) {
                        client->next = before; /* sent again when there is room */
                        return r;
                }
                control_client_extend(client);
        }
        return 0;
}
