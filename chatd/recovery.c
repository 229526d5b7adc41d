#include "recovery.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin.h"
#include "arrivals.h"
#include "ban-check.h"
#include "contact.h"
#include "lagging.h"
#include "leftover.h"
#include "notes.h"
#include "reach.h"
#include "recall.h"
#include "remote.h"

/* Connects to every member. Sessions are called later, by broker_settle(): their answers would take the processor from
 * this chatd, and fill the queue, which is not read before the recovery is over. */
static void recovery_connect_members(struct chat *chat)
{
        for (size_t i = 0; i < chat->roster.count; i++) {
                struct member *m = chat->roster.members[i];
                int r = contact_open(chat, m);
                if (r == 0 && m->id == LINK_ID)
                        chat_tell(chat, m, FRAME_ROLLCALL);
                if (r == 0 && m->id != LINK_ID)
                        todo_add(&chat->roster.todo, TODO_CALL, m);
                if (r == 0 || r == CONTACT_E_DEAD)
                        continue;
                eventlog_warning(chat->log, "cannot reach a member", r < 0 ? r : -EPERM);
                roster_lags(&chat->roster, m); /* it lags until it can be connected */
                lagging_lose_count(m);
        }
}

static int recovery_compare_keys(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return (x > y) - (x < y);
}

/* Returns the keys of all members, in order, or NULL if there is no memory. */
static uint64_t *recovery_sorted_keys(const struct roster *r)
{
        uint64_t *keys = calloc(r->count + 1, sizeof(*keys));
        for (size_t i = 0; keys && i < r->count; i++)
                keys[i] = r->members[i]->key;
        if (keys)
                qsort(keys, r->count, sizeof(*keys), recovery_compare_keys);
        return keys;
}

/* Removes a file that is no inbox. A directory that is not empty stays, because chatd may have no right to empty it. */
static void recovery_remove_file(int dir, const char *file)
{
        if (unlinkat(dir, file, 0) < 0)
                unlinkat(dir, file, AT_REMOVEDIR);
}

/* Returns true if this error says that a file is no inbox of a living session: it is the socket of a dead session,
 * another kind of file, of another user, or a socket that chatd may not send to. Other errors say that a resource of
 * chatd has run out. */
static bool recovery_is_no_inbox(int error)
{
        return error == -ECONNREFUSED || error == -EPERM || error == -EACCES || error == -EPROTOTYPE;
}

/* Returns 0 if an inbox can be reached, or a negative errno. */
static int recovery_try_inbox(const struct roster *r, int dir, const char *file)
{
        struct sockaddr_un address;
        int inbox = reach_open_inbox(dir, file, r->owner, &address);
        if (inbox < 0)
                return inbox;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int error = fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        close(inbox);
        return error;
}

/* Removes a file whose name is not that of an inbox, if it is old. A session binds its inbox under the name of its
 * process, and renames it at once. A file with such a name stays while its process lives and the inbox can be reached.
 * (In the middle of bind(2) an inbox cannot be reached. A session that was stopped there finds its file gone, and binds
 * anew.) */
static void recovery_remove_if_old(const struct roster *r, int dir, const char *file)
{
        pid_t pid = path_parse_binding(file);
        bool runs = pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
        if (!runs || recovery_is_no_inbox(recovery_try_inbox(r, dir, file)))
                recovery_remove_file(dir, file);
}

/* Sends the roll call to an inbox without a member. The HELLO of its session may still be in the queue, or it was lost
 * with the queue, or the session is dead. The inbox of a dead session refuses the connection and is removed. A new
 * inbox never does that, because it gets its name only after it was bound. */
static void recovery_ask_stranger(struct chat *chat, int fd, int dir, const char *file, const uint64_t *members)
{
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = chat->relay.epoch};
        uint64_t key;
        if (path_parse_id(file, &key) < 0)
                recovery_remove_if_old(&chat->roster, dir, file);
        else if (!bsearch(&key, members, chat->roster.count, sizeof(key), recovery_compare_keys) &&
                 recovery_is_no_inbox(reach_send_stranger(chat->roster.dir, chat->roster.owner, fd, 0, key, &rollcall)))
                recovery_remove_file(dir, file);
}

static int recovery_ask_strangers(struct chat *chat)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/" SESSIONS_DIR_NAME, chat->roster.dir);
        uint64_t *members = recovery_sorted_keys(&chat->roster);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        DIR *dir = opendir(path);
        int r = 0;
        if (!members || fd < 0 || !dir) {
                r = -errno;
        } else {
                for (const struct dirent *entry; (entry = readdir(dir));)
                        recovery_ask_stranger(chat, fd, dirfd(dir), entry->d_name, members);
        }
        if (dir)
                closedir(dir);
        if (fd >= 0)
                close(fd);
        free(members);
        return r;
}

/* Walks through the queue without consuming it: counts its frames, and collects the frames that matter for reading the
 * notes. Returns 0 or a negative errno. The walk comes to an end, because a full queue takes no more frames while
 * nothing is consumed. */
static int recovery_walk_queue(struct chat *chat, struct leftover *queued, size_t *count)
{
        for (;;) {
                int n = intake_peek(&chat->intake);
                if (n <= 0)
                        return n < 0 ? n : intake_rewind(&chat->intake);
                *count += (size_t)n;
                for (size_t i = 0; i < (size_t)n; i++) {
                        struct datagram d = intake_get(&chat->intake, i);
                        int r = leftover_add(queued, &d);
                        if (r < 0)
                                return r;
                }
                intake_skip(&chat->intake);
        }
}

/* Marks the members whose HELLO is still in the queue. They get records only from behind their HELLO, as they did the
 * first time: otherwise they would be shown lines from before they came. There are two exceptions: the link, which
 * repeats HELLO, and a member whose change in the queue was taken before, so that its HELLO is a second one. */
static void recovery_expect_hellos(const struct roster *r, const struct leftover *queued)
{
        for (size_t i = 0; i < r->count; i++)
                if (leftover_has_type(queued, r->members[i]->id, FRAME_HELLO) &&
                    !leftover_repeats_change(queued, r->members[i]->id))
                        r->members[i]->presence = EXPECTED;
}

/* Does the steps of a recovery. Returns 0 or a negative errno. */
static int recovery_do_steps(struct chat *chat, struct leftover *queued)
{
        size_t old_frames = 0;
        int r = recovery_walk_queue(chat, queued, &old_frames);
        if (r == 0)
                r = recall_members(&chat->roster, &chat->departures, queued);
        if (r == 0)
                r = recovery_ask_strangers(chat); /* before the members, which may take all descriptors */
        if (r < 0)
                return r;
        recovery_connect_members(chat);
        remote_recover(chat);
        admin_recover(chat);
        ban_check_begin(chat);
        arrivals_say_again(chat); /* members whose HELLO is expected get the notice, too */
        recovery_expect_hellos(&chat->roster, queued);
        chat_forget_said(chat); /* the previous chatd may have died just before it did this */
        order_recover(&chat->order, old_frames);
        arrivals_recover(chat);
        if (old_frames == 0)
                chat_forget_departures(chat);
        return 0;
}

int recovery_run(struct chat *chat)
{
        struct leftover queued = {0};
        int r = recovery_do_steps(chat, &queued);
        leftover_free(&queued);
        return r < 0 ? r : (int)roster_people(&chat->roster);
}
