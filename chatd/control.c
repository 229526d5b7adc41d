#include "control.h"

#include <grp.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/socket.h>
#include <chat/text.h>
#include <chat/version.h>

#include "chat.h"

enum { GROUPS_MAX = 256 }; /* groups of a user that are checked */

void control_init(struct control *c)
{
        *c = (struct control){.listener = -1, .group = (gid_t)-1, .started_ms = clock_ms(), .started = time(NULL)};
}

static void close_client(struct control *c, struct control_client *client)
{
        close(client->fd);
        free(client->ids);
        client->ids = NULL;
        client->fd = -1;
        c->count--;
}

void control_free(struct control *c)
{
        for (size_t i = 0; c->clients && i < CONTROL_CLIENTS_MAX; i++)
                if (c->clients[i].fd >= 0)
                        close_client(c, &c->clients[i]);
        free(c->clients);
        c->clients = NULL;
}

/* Returns true if new connections have to wait, because descriptors have run out. */
static bool is_deaf(const struct control *c)
{
        return c->clients && !c->watch.armed;
}

/* Adds a watch to the epoll. Returns 0 or a negative errno. */
static int watch(const struct chat *chat, struct watch *w, enum watch_kind kind, int fd)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
        *w = (struct watch){.kind = kind};
        if (epoll_ctl(chat->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        w->armed = true;
        return 0;
}

/* Watches the listener. Returns 0 or a negative errno; then it is tried again at `again_ms`. */
static int listen_to(struct chat *chat)
{
        chat->control.again_ms = clock_ms() + CONTROL_AGAIN_MS;
        return watch(chat, &chat->control.watch, WATCH_CONTROL, chat->control.listener);
}

int control_listen(struct chat *chat, int fd, const char *group)
{
        struct control *c = &chat->control;
        const struct group *g = group ? getgrnam(group) : NULL;
        if (g)
                c->group = g->gr_gid;
        c->clients = calloc(CONTROL_CLIENTS_MAX, sizeof(*c->clients));
        if (!c->clients)
                return -ENOMEM;
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
                c->clients[i].fd = -1;
        c->listener = fd;
        int r = watch(chat, &c->bans_watch, WATCH_BANS, chat->bans.disk.done);
        return r < 0 ? r : listen_to(chat);
}

/* Returns true if the peer is root, chatd's own user, or in the group, according to the kernel. */
static bool is_allowed(const struct chat *chat, int fd, uid_t *uid)
{
        gid_t groups[GROUPS_MAX];
        struct ucred peer;
        socklen_t size = sizeof(peer), groups_size = sizeof(groups);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return false;
        *uid = peer.uid;
        if (peer.uid == 0 || peer.uid == chat->own_user)
                return true;
        if (chat->control.group == (gid_t)-1)
                return false;
        if (peer.gid == chat->control.group)
                return true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0)
                return false;
        for (size_t i = 0; i < groups_size / sizeof(groups[0]); i++)
                if (groups[i] == chat->control.group)
                        return true;
        return false;
}

/* Writes the end of an answer, with `text` unless it is empty. */
static void put_end(struct control_packet *p, const char *status, const char *text)
{
        p->size = 0;
        p->bad = false;
        control_put(p, "end=%s", status);
        if (text[0] != '\0')
                control_put(p, "text=%s", text);
}

/* Tells a client that is not served why. */
static void turn_away(int fd, const char *status)
{
        static struct control_packet end;
        put_end(&end, status, "");
        send(fd, end.data, end.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
}

/* Returns true if accept4() failed because something has run out, and not because of the client. */
static bool is_lack(int error)
{
        return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

void control_accept(struct chat *chat)
{
        struct control *c = &chat->control;
        uid_t uid = (uid_t)-1;
        int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && is_lack(errno)) { /* else the event would come again at once, for ever */
                epoll_ctl(chat->epoll, EPOLL_CTL_DEL, c->listener, NULL);
                c->watch.armed = false;
                c->again_ms = clock_ms() + CONTROL_AGAIN_MS;
        }
        if (fd < 0)
                return;
        struct control_client *client = c->clients, *end = c->clients + CONTROL_CLIENTS_MAX;
        if (!is_allowed(chat, fd, &uid)) {
                turn_away(fd, CONTROL_DENIED);
                return;
        }
        while (client < end && client->fd >= 0)
                client++;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (client == end || epoll_ctl(chat->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
                turn_away(fd, CONTROL_BUSY);
                return;
        }
        client->watch = (struct watch){.kind = WATCH_CLIENT, .armed = true};
        client->fd = fd;
        client->uid = uid;
        client->state = CONTROL_IDLE;
        client->events = EPOLLIN;
        client->due_ms = clock_ms() + CONTROL_IDLE_MS;
        c->count++;
}

/* ---- answers ---- */

static void enter(struct control_client *client, enum control_state state)
{
        client->state = state;
        client->due_ms = clock_ms() + (state == CONTROL_IDLE ? CONTROL_IDLE_MS : CONTROL_ANSWER_MS);
}

__attribute__((format(printf, 3, 4))) static void end_with(struct control_client *client, const char *status,
                                                           const char *format, ...)
{
        char text[CONTROL_REASON_MAX_BYTES + NAME_MAX_BYTES + 64];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        put_end(&client->end, status, text);
        enter(client, CONTROL_END);
}

/* Returns 1, 0 if the connection has no room now, or -1 if it is gone. */
static int send_packet(const struct control_client *client, const struct control_packet *p)
{
        if (send(client->fd, p->data, p->size, MSG_NOSIGNAL) >= 0)
                return 1;
        return socket_is_transient(errno) ? 0 : -1;
}

/* Returns how many bytes the client has not got yet, as far as chatd knows: of those that chatd wrote. */
static int behind(const struct member *m)
{
        int bytes = 0;
        return m->lent.client >= 0 && ioctl(m->lent.client, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

static const char *yes_no(bool yes)
{
        return yes ? "yes" : "no";
}

/* Returns when `m` joined, in seconds since 1970: the same number each time. */
static int64_t since(const struct member *m)
{
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        int64_t now_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
        return (now_us - (int64_t)(clock_boottime_us() - m->since_us)) / 1000000;
}

static void describe_member(struct control_packet *p, const struct member *m)
{
        bool slow = m->lent.page && atomic_load(&m->lent.page->turn) == OUTLET_SLOW;
        control_put(p, "name=%s", m->name);
        control_put(p, "room=%s", m->room ? m->room->name : "");
        control_put(p, "address=%s", m->address);
        control_put(p, "since=%" PRId64, since(m));
        control_put(p, "pid=%" PRIu64, m->id >> 32);
        control_put(p, "id=%016" PRIx64, m->id);
        control_put(p, "said=%" PRIu64, m->said);
        control_put(p, "shown=%" PRIu64, m->lines_out);
        control_put(p, "skipped=%" PRIu64, m->skipped);
        if (m->missed == MISSED_UNKNOWN)
                control_put(p, "missed=unknown");
        else
                control_put(p, "missed=%" PRIu64, m->missed);
        control_put(p, "behind=%d", behind(m));
        control_put(p, "slow=%s", yes_no(slow));
        control_put(p, "lagging=%s", yes_no(m->lagging));
        control_put(p, "muted=%s", yes_no(m->muted));
        control_put(p, "alive=%s", yes_no(m->pidfd >= 0 && !m->dead));
}

static void describe_ban(struct control_packet *p, const struct ban *ban)
{
        control_put(p, "ban=%s", ban->what);
        control_put(p, "since=%" PRId64, ban->time);
        control_put(p, "by=%u", (unsigned)ban->uid);
        control_put(p, "reason=%s", ban->reason);
}

/* Adds the fields that chatctl metrics shows and chatctl status does not print in its table. */
static void describe_counts(const struct chat *chat, struct control_packet *p)
{
        control_put(p, "started=%" PRId64, chat->control.started);
        control_put(p, "rooms=%zu", chat->roster.rooms.count);
        control_put(p, "joined=%" PRIu64, chat->joined);
        control_put(p, "batches=%" PRIu64, chat->relay.batches);
        control_put(p, "delivered=%" PRIu64, chat->relay.delivered);
        control_put(p, "missed=%" PRIu64, chat->relay.missed);
        control_put(p, "refused_banned=%" PRIu64, chat->refused[REFUSED_BANNED]);
        control_put(p, "refused_crowded=%" PRIu64, chat->refused[REFUSED_CROWDED]);
        control_put(p, "refused_full=%" PRIu64, chat->refused[REFUSED_FULL]);
}

static void describe_chat(struct chat *chat, struct control_packet *p)
{
        size_t lagging = 0, muted = 0, lent = 0, unconfined = 0;
        const struct member *link = roster_find(&chat->roster, LINK_ID);
        for (size_t i = 0; i < chat->roster.count; i++) {
                const struct member *m = chat->roster.members[i];
                lagging += m->lagging && m->id != LINK_ID;
                muted += m->muted;
                lent += m->lent.client >= 0;
                unconfined += m->confinement != CONFINED;
        }
        int queued = intake_peek(&chat->intake); /* these frames are served next, as always */
        control_put(p, "version=" VERSION);
        control_put(p, "pid=%d", (int)getpid());
        control_put(p, "uptime=%" PRId64, (clock_ms() - chat->control.started_ms) / 1000);
        control_put(p, "members=%zu", roster_people(&chat->roster));
        control_put(p, "lines=%" PRIu64, chat->lines);
        control_put(p, "queue=%d", queued > 0 ? queued : 0);
        control_put(p, "direct=%zu", lent);
        control_put(p, "lagging=%zu", lagging);
        control_put(p, "muted=%zu", muted);
        control_put(p, "bans=%zu", chat->bans.count);
        control_put(p, "bans_file=%s", chat->bans.damaged ? "damaged" : "whole");
        control_put(p, "ignored=%" PRIu64, chat->ignored_all);
        control_put(p, "refused=%" PRIu64,
                    chat->refused[REFUSED_BANNED] + chat->refused[REFUSED_CROWDED] + chat->refused[REFUSED_FULL]);
        control_put(p, "not_chat=%" PRIu64, chat->not_chat);
        control_put(p, "unconfined=%zu", unconfined);
        control_put(p, "unserved=%" PRIu64, chat->confinements.unserved);
        control_put(p, "link=%s", !link ? "none" : link->dead ? "gone" : "there");
        describe_counts(chat, p);
}

/* Writes the next record of a list. Returns false if there is no further record. */
static bool next_record(struct chat *chat, struct control_client *client, struct control_packet *p)
{
        p->size = 0;
        p->bad = false;
        if (client->state == CONTROL_BANS) {
                if (client->next >= chat->bans.count)
                        return false;
                describe_ban(p, &chat->bans.list[client->next++]);
                return true;
        }
        while (client->next < client->count) { /* members that left meanwhile are left out */
                const struct member *m = roster_find(&chat->roster, client->ids[client->next++]);
                if (m && member_is_here(m)) {
                        describe_member(p, m);
                        return true;
                }
        }
        return false;
}

/* Sends a part of a list. Returns the same as send_packet(): 1 means that it may continue. */
static int send_list(struct chat *chat, struct control_client *client)
{
        static struct control_packet p;
        for (int i = 0; i < CONTROL_TURN; i++) {
                size_t before = client->next;
                if (!next_record(chat, client, &p)) {
                        free(client->ids);
                        client->ids = NULL;
                        end_with(client, CONTROL_OK, "%s", "");
                        return 1;
                }
                int r = send_packet(client, &p);
                if (r <= 0) {
                        client->next = before; /* sent again when there is room */
                        return r;
                }
                client->due_ms = clock_ms() + CONTROL_ANSWER_MS;
        }
        return 1;
}

/* Waits for the event that the state needs: a request, room, or only the end of the connection. */
static void wait_for(const struct chat *chat, struct control_client *client)
{
        bool sends = client->state == CONTROL_MEMBERS || client->state == CONTROL_BANS || client->state == CONTROL_END;
        uint32_t events = client->state == CONTROL_IDLE ? EPOLLIN : sends ? EPOLLOUT : 0;
        struct epoll_event event = {.events = events, .data.ptr = client};
        if (client->events != events && epoll_ctl(chat->epoll, EPOLL_CTL_MOD, client->fd, &event) == 0)
                client->events = events;
}

/* ---- requests ---- */

static void list_members(struct chat *chat, struct control_client *client)
{
        client->ids = calloc(chat->roster.count + 1, sizeof(*client->ids));
        client->next = client->count = 0;
        for (size_t i = 0; client->ids && i < chat->roster.count; i++)
                client->ids[client->count++] = chat->roster.members[i]->id;
        enter(client, CONTROL_MEMBERS);
}

static void list_bans(struct control_client *client)
{
        client->next = 0;
        enter(client, CONTROL_BANS);
}

/* Puts the frame into the queue, if there is room. */
static void try_queue(struct chat *chat, struct control_client *client)
{
        if (send(chat->self, client->frame, client->frame_size, MSG_NOSIGNAL) >= 0)
                enter(client, CONTROL_TAKE);
}

/* Puts the frame into the queue, now or when there is room. */
static void queue(struct chat *chat, struct control_client *client, struct frame f)
{
        f.number = client->number;
        f.key = client->uid;
        client->id = f.id;
        client->removes = f.type == FRAME_KICK;
        client->frame_size = frame_encode(client->frame, sizeof(client->frame), &f);
        enter(client, CONTROL_QUEUE);
        try_queue(chat, client);
}

static void say(struct chat *chat, struct control_client *client, const char *text)
{
        bool blank = text[strspn(text, " ")] == '\0';
        if (blank || strlen(text) > CONTROL_TEXT_MAX_BYTES || !text_is_clean(text, strlen(text)))
                end_with(client, CONTROL_WRONG, "a notice is clean text of 1 to %d bytes, not all spaces",
                         CONTROL_TEXT_MAX_BYTES);
        else
                queue(chat, client, (struct frame){.type = FRAME_SAY, .id = ADMIN_ID, .text = slice_of(text)});
}

/* Shows the topic of a room; with a text, sets it. */
static void topic(struct chat *chat, struct control_client *client, const char *name, const char *text)
{
        const struct room *room = name[0] != '\0' ? rooms_find(&chat->roster.rooms, slice_of(name)) : NULL;
        bool blank = text && text[strspn(text, " ")] == '\0';
        if (!room) {
                end_with(client, CONTROL_NOBODY, "there is no room called %.*s", NICK_MAX_BYTES, name);
        } else if (!text) {
                end_with(client, CONTROL_OK, "%s", "");
                control_put(&client->end, "room=%s", room->name);
                control_put(&client->end, "topic=%s", room->topic);
        } else if (blank || strlen(text) > TOPIC_MAX_BYTES || !text_is_clean(text, strlen(text))) {
                end_with(client, CONTROL_WRONG, "a topic is clean text of 1 to %d bytes, not all spaces",
                         TOPIC_MAX_BYTES);
        } else {
                struct frame f = {.type = FRAME_SET_TOPIC, .id = ADMIN_ID};
                f.name = slice_of(room->name);
                f.text = slice_of(text);
                queue(chat, client, f);
        }
}

/* Returns the member of this name or id; or NULL after ending the answer with an error. */
static const struct member *find(struct chat *chat, struct control_client *client, const char *who)
{
        uint64_t id;
        const struct member *m = who[0] != '#'                      ? roster_find_name(&chat->roster, slice_of(who))
                                 : path_parse_id(who + 1, &id) == 0 ? roster_find(&chat->roster, id)
                                                                    : NULL;
        if (m && member_is_here(m))
                return m;
        const char *meant = m || who[0] == '#' ? NULL : roster_suggest(&chat->roster, slice_of(who));
        end_with(client, CONTROL_NOBODY, "there is nobody called %.*s here%s%s%s", NAME_MAX_BYTES, who,
                 meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
        return NULL;
}

/* Answers with the id of the member that has the name now, so that a repeated request means no other member. */
static void find_id(struct chat *chat, struct control_client *client, const char *who)
{
        const struct member *m = find(chat, client, who);
        if (!m)
                return;
        end_with(client, CONTROL_OK, "%s", m->name);
        control_put(&client->end, "id=%016" PRIx64, m->id);
}

static bool is_reason(struct control_client *client, const char *text)
{
        if (strlen(text) <= CONTROL_REASON_MAX_BYTES && text_is_clean(text, strlen(text)))
                return true;
        end_with(client, CONTROL_WRONG, "a reason is clean text of %d bytes at most", CONTROL_REASON_MAX_BYTES);
        return false;
}

static void act(struct chat *chat, struct control_client *client, enum frame_type type, const char *who,
                const char *why)
{
        const struct member *m = is_reason(client, why) ? find(chat, client, who) : NULL;
        if (m)
                queue(chat, client, (struct frame){.type = (uint8_t)type, .id = m->id, .text = slice_of(why)});
}

static bool parse_ban(struct control_client *client, struct ban *ban, const char *what)
{
        *ban = (struct ban){.time = time(NULL), .uid = client->uid};
        if (ban_parse(ban, what) == 0)
                return true;
        end_with(client, CONTROL_WRONG, "'%.*s' is neither an address, ADDRESS/BITS, nor a name", BAN_WHAT_MAX_BYTES,
                 what);
        return false;
}

/* Returns a present member of a banned name, with an address that could be banned and is not; or NULL. */
static const struct member *find_banned(const struct chat *chat, const struct ban *ban)
{
        for (size_t i = 0; i < chat->roster.count; i++) {
                const struct member *m = chat->roster.members[i];
                if (member_is_here(m) && ban_has_name(ban, slice_of(m->name)) && network_is_known(&m->network) &&
                    !network_is_user(&m->network) && !bans_find(&chat->bans, slice_of(""), m->address))
                        return m;
        }
        return NULL;
}

/* Appends to the answer what else could be banned: a member whose name is banned comes back under another name, and one
 * IPv6 address is one of many. */
static void suggest_ban(const struct chat *chat, struct control_client *client, const struct ban *ban)
{
        char network[NETWORK_MAX_BYTES + 1];
        if (ban_widen(ban, network)) {
                control_put(&client->end, "network=%s", network);
                return;
        }
        const struct member *m = find_banned(chat, ban);
        if (!m)
                return;
        network_describe(&m->network, network);
        control_put(&client->end, "network=%s", network);
        control_put(&client->end, "name=%s", m->name);
}

/* Answers the client when its change of the bans is on the disk. */
static void end_when_written(const struct chat *chat, struct control_client *client)
{
        client->changes = chat->bans.changes;
        enter(client, CONTROL_WRITE);
}

static void ban(struct chat *chat, struct control_client *client, const char *what, const char *why)
{
        struct ban ban;
        if (!is_reason(client, why) || !parse_ban(client, &ban, what))
                return;
        memcpy(ban.reason, why, strlen(why));
        int r = bans_add(&chat->bans, &ban);
        if (r == -ENOSPC) {
                end_with(client, CONTROL_FAILED, "there are %d bans already; lift one first", BANS_MAX);
        } else if (r < 0) {
                end_with(client, CONTROL_FAILED, "cannot add the ban: %s", strerror(-r));
        } else {
                eventlog_ban(chat->log, client->uid, ban.what, ban.reason);
                chat->admin.sweep = true;
                end_with(client, CONTROL_OK, "%s", ban.what);
                suggest_ban(chat, client, &ban);
                end_when_written(chat, client);
        }
}

static void unban(struct chat *chat, struct control_client *client, const char *what)
{
        struct ban ban;
        if (!parse_ban(client, &ban, what))
                return;
        int r = bans_remove(&chat->bans, &ban);
        if (r < 0) {
                end_with(client, CONTROL_NOBODY, "%s is not banned", ban.what);
        } else {
                eventlog_unban(chat->log, client->uid, ban.what);
                end_with(client, CONTROL_OK, "%s", ban.what);
                end_when_written(chat, client);
        }
}

static void status(struct chat *chat, struct control_client *client)
{
        static struct control_packet p;
        p.size = 0;
        describe_chat(chat, &p);
        if (send_packet(client, &p) > 0) /* the first packet of an answer has room */
                end_with(client, CONTROL_OK, "%s", "");
        else
                end_with(client, CONTROL_BUSY, "%s", "");
}

/* Handles a command that has no number, and changes nothing. Returns false for another command. */
static bool ask(struct chat *chat, struct control_client *client, const char *command)
{
        if (strcmp(command, "status") == 0)
                status(chat, client);
        else if (strcmp(command, "who") == 0)
                list_members(chat, client);
        else if (strcmp(command, "bans") == 0)
                list_bans(client);
        else
                return false;
        return true;
}

/* Answers a request that this chatd or a previous one has done already; the removed member may still be here. */
static void say_again(struct chat *chat, struct control_client *client, const char *command, const char *who)
{
        const struct member *m = strcmp(command, "kick") == 0 ? find(chat, client, who) : NULL;
        if (!m) {
                end_with(client, CONTROL_OK, "%s", "");
                return;
        }
        client->id = m->id;
        enter(client, CONTROL_LEAVE);
}

static void change(struct chat *chat, struct control_client *client, const char *const words[CONTROL_WORDS_MAX])
{
        const char *command = words[0], *what = words[2], *why = words[3] ? words[3] : "";
        char *end = NULL;
        client->number = words[1] ? strtoull(words[1], &end, 16) : 0;
        if (!what || client->number == 0 || !end || *end != '\0')
                end_with(client, CONTROL_WRONG, "%s", "no such request");
        else if (admin_has_done(&chat->admin, client->number))
                say_again(chat, client, command, what);
        else if (strcmp(command, "find") == 0)
                find_id(chat, client, what);
        else if (strcmp(command, "say") == 0)
                say(chat, client, what);
        else if (strcmp(command, "topic") == 0)
                topic(chat, client, what, words[3]);
        else if (strcmp(command, "kick") == 0)
                act(chat, client, FRAME_KICK, what, why);
        else if (strcmp(command, "mute") == 0)
                act(chat, client, FRAME_MUTE, what, "");
        else if (strcmp(command, "unmute") == 0)
                act(chat, client, FRAME_UNMUTE, what, "");
        else if (strcmp(command, "ban") == 0)
                ban(chat, client, what, why);
        else if (strcmp(command, "unban") == 0)
                unban(chat, client, what);
        else
                end_with(client, CONTROL_WRONG, "this chatd (" VERSION ") does not know the command '%.*s'",
                         NAME_MAX_BYTES, command);
}

static void take_request(struct chat *chat, struct control_client *client, const char *data, size_t size)
{
        struct slice rest = {data, size};
        const char *words[CONTROL_WORDS_MAX + 1] = {0};
        size_t n = 0;
        while (n <= CONTROL_WORDS_MAX && (words[n] = control_next(&rest)))
                n++;
        if (n == 0 || n > CONTROL_WORDS_MAX || rest.len > 0)
                end_with(client, CONTROL_WRONG, "%s", "no such request");
        else if (n > 1 || !ask(chat, client, words[0]))
                change(chat, client, words);
}

/* Reads a request. Returns false when the connection is gone. */
static bool read_request(struct chat *chat, struct control_client *client)
{
        static char data[CONTROL_PACKET_MAX_BYTES];
        ssize_t n = recv(client->fd, data, sizeof(data), MSG_TRUNC);
        if (n < 0 && socket_is_transient(errno))
                return true;
        if (n <= 0)
                return false;
        if ((size_t)n > sizeof(data))
                end_with(client, CONTROL_WRONG, "%s", "the request is too long");
        else
                take_request(chat, client, data, (size_t)n);
        return true;
}

/* Sends as much of the answer as the connection takes. Returns false when it is gone. */
static bool go_on(struct chat *chat, struct control_client *client)
{
        int r = 1;
        if (client->state == CONTROL_MEMBERS || client->state == CONTROL_BANS)
                r = send_list(chat, client);
        if (r > 0 && client->state == CONTROL_END) {
                r = send_packet(client, &client->end);
                if (r > 0)
                        enter(client, CONTROL_IDLE);
        }
        if (r >= 0)
                wait_for(chat, client);
        return r >= 0;
}

void control_serve(struct chat *chat, const struct watch *w)
{
        struct control_client *client = (struct control_client *)w;
        bool lives = client->fd >= 0;
        if (!lives)
                return;
        if (client->state == CONTROL_IDLE)
                lives = read_request(chat, client);
        else if (client->events == 0) /* only the end of the connection causes an event then */
                lives = false;
        if (!lives || !go_on(chat, client))
                close_client(&chat->control, client);
}

void control_done(struct chat *chat, uint64_t number, int result)
{
        for (size_t i = 0; chat->control.count > 0 && i < CONTROL_CLIENTS_MAX; i++) {
                struct control_client *client = &chat->control.clients[i];
                if (client->fd < 0 || client->state != CONTROL_TAKE || client->number != number)
                        continue;
                if (result == -ENOENT)
                        end_with(client, CONTROL_NOBODY, "%s", "that person has left");
                else if (result < 0)
                        end_with(client, CONTROL_FAILED, "not done, because chatd cannot note it in %s: %s",
                                 chat->roster.dir, strerror(-result));
                else if (client->removes)
                        enter(client, CONTROL_LEAVE);
                else
                        end_with(client, CONTROL_OK, "%s", "");
        }
}

/* Continues a client that waited for an event in the chat. */
static void look_again(struct chat *chat, struct control_client *client, bool late)
{
        const struct member *m;
        switch (client->state) {
        case CONTROL_QUEUE:
                try_queue(chat, client);
                if (client->state == CONTROL_QUEUE && late)
                        end_with(client, CONTROL_BUSY, "%s", "the queue of the chat is full");
                break;
        case CONTROL_TAKE:
                if (late)
                        end_with(client, CONTROL_QUEUED, "%s", "the request is in the queue of the chat");
                break;
        case CONTROL_WRITE:
                if (chat->bans.written >= client->changes && chat->bans.error == 0)
                        enter(client, CONTROL_END);
                else if (chat->bans.written >= client->changes)
                        end_with(client, CONTROL_FAILED, "in effect only until chatd ends: cannot write %s: %s",
                                 chat->bans.path, strerror(-chat->bans.error));
                else if (late)
                        end_with(client, CONTROL_QUEUED, "the change is in effect, but %s is not written yet",
                                 chat->bans.path);
                break;
        case CONTROL_LEAVE:
                m = roster_find(&chat->roster, client->id);
                if (!m)
                        end_with(client, CONTROL_OK, "%s", "");
                else if (late) {
                        end_with(client, CONTROL_STAYS, "%s", m->name);
                        control_put(&client->end, "pid=%" PRIu64, m->id >> 32);
                        control_put(&client->end, "id=%016" PRIx64, m->id);
                }
                break;
        default:
                break;
        }
}

void control_settle(struct chat *chat, int64_t now)
{
        if (is_deaf(&chat->control) && now >= chat->control.again_ms)
                listen_to(chat);
        if (chat->control.clients)
                bans_settle(&chat->bans);
        for (size_t i = 0; chat->control.count > 0 && i < CONTROL_CLIENTS_MAX; i++) {
                struct control_client *client = &chat->control.clients[i];
                if (client->fd < 0)
                        continue;
                enum control_state before = client->state;
                bool late = now >= client->due_ms;
                look_again(chat, client, late);
                bool stuck = late && client->state == before; /* a client that waited for the chat is told so instead */
                bool answers = client->state == CONTROL_END && !client->events;
                if (stuck || (answers && !go_on(chat, client)))
                        close_client(&chat->control, client);
        }
}

int64_t control_due_ms(const struct control *c)
{
        int64_t due = is_deaf(c) ? c->again_ms : INT64_MAX;
        for (size_t i = 0; c->count > 0 && i < CONTROL_CLIENTS_MAX; i++)
                if (c->clients[i].fd >= 0)
                        due = clock_earlier(due, c->clients[i].due_ms);
        return due;
}
