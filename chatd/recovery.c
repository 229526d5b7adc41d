#include "recovery.h"

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

/* Connects to everyone of whom there is a note. The roll call is sent after the process is watched: if the inbox
 * still takes it, the pid was not used again in between, and the watch is on the right process. */
static void connect_members(struct broker *b)
{
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = b->relay.epoch};
        for (size_t i = 0; i < b->roster.count; i++) {
                struct member *m = b->roster.members[i];
                int r = broker_connect(b, m);
                if (r < 0)
                        eventlog_warning(b->log, "cannot reach a member", r);
                else if (!m->dead && roster_send(m, &rollcall) == -ECONNREFUSED)
                        m->dead = true;
        }
}

/* An inbox without a note: of a session whose HELLO is still in the queue or was lost with it, or of a dead one. */
static void ask_stranger(struct broker *b, int fd, uint64_t id)
{
        uint8_t buffer[FRAME_HEADER_BYTES];
        struct sockaddr_un address;
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = b->relay.epoch};
        size_t size = frame_encode(buffer, sizeof(buffer), &rollcall);

        if (path_inbox(&address, b->roster.dir, id) == 0 &&
            sendto(fd, buffer, size, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
            errno == ECONNREFUSED)
                unlink(address.sun_path);
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

/* A member whose HELLO was not consumed becomes a receiver only behind it, as the first time: else it would be shown
 * lines from before it came. The frames are walked without being consumed. The walk ends: while nothing is consumed a
 * full queue takes nothing more. */
static int expect_hellos(struct broker *b)
{
        for (;;) {
                int n = intake_peek(&b->intake);
                if (n <= 0)
                        return n < 0 ? n : intake_rewind(&b->intake);
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
        int r = roster_read_notes(&b->roster);
        if (r < 0)
                return r;
        connect_members(b);
        r = ask_strangers(b);
        if (r == 0)
                r = expect_hellos(b);
        return r < 0 ? r : (int)b->roster.count;
}
