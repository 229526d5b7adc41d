#include "recovery.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

/* Connects to everyone of whom there is a note. The roll call is sent after the process is watched: if the inbox
 * still takes it, the pid was not used again in between, and the watch is on the right process. */
static void connect_members(struct broker *b)
{
        for (size_t i = 0; i < b->roster.count; i++) {
                struct member *m = b->roster.members[i];
                int r = broker_connect(b, m);
                if (r < 0)
                        eventlog_warning(b->log, "cannot reach a member", r);
                else
                        broker_tell(b, m, FRAME_ROLLCALL);
        }
}

/* An inbox without a note: of a session whose HELLO is still in the queue or was lost with it, or of a dead one. One
 * that refuses may also be of a session that is just binding it, as the file is there before the socket: so its file is
 * removed only when the process is gone too. */
static void ask_stranger(struct broker *b, int fd, uint64_t id)
{
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = b->relay.epoch};
        if (roster_send_stranger(&b->roster, fd, id, &rollcall) == -ECONNREFUSED && kill((pid_t)(id >> 32), 0) < 0 &&
            errno == ESRCH)
                roster_remove_inbox(&b->roster, id);
}

static int ask_strangers(struct broker *b)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/" SESSIONS_DIR_NAME, b->roster.dir);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        DIR *dir = opendir(path);
        if (!dir) {
                int error = -errno;
                close(fd);
                return error;
        }
        for (const struct dirent *entry; (entry = readdir(dir));) {
                uint64_t id;
                if (path_parse_id(entry->d_name, &id) == 0 && !roster_find(&b->roster, id))
                        ask_stranger(b, fd, id);
        }
        closedir(dir);
        close(fd);
        return 0;
}

/* Walks the queue without consuming it: counts its frames, and looks for HELLOs. A member whose HELLO was not consumed
 * becomes a receiver only behind it, as the first time; else it would be shown lines from before it came. The walk
 * ends: while nothing is consumed, a full queue takes nothing more. */
static int walk_queue(struct broker *b)
{
        for (;;) {
                int n = intake_peek(&b->intake);
                if (n <= 0)
                        return n < 0 ? n : intake_rewind(&b->intake);
                b->old_frames += (size_t)n;
                for (size_t i = 0; i < (size_t)n; i++) {
                        struct datagram d = intake_get(&b->intake, i);
                        struct frame f;
                        if (d.truncated || frame_decode(&f, d.data, d.size) != 0 || f.type != FRAME_HELLO)
                                continue;
                        struct member *m = roster_find(&b->roster, f.id);
                        if (m && (pid_t)(f.id >> 32) == d.pid)
                                m->expected = true;
                }
                intake_skip(&b->intake);
        }
}

int recovery_run(struct broker *b)
{
        int r = roster_read_notes(&b->roster, &b->departed);
        if (r < 0)
                return r;
        connect_members(b);
        r = ask_strangers(b);
        if (r == 0)
                r = walk_queue(b);
        if (b->old_frames == 0)
                broker_forget_departed(b);
        return r < 0 ? r : (int)b->roster.count;
}
