#include "roster.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEPARTED_SUFFIX ".left"

enum { NOTE_MAX_BYTES = 32 + ADDRESS_MAX_BYTES + NAME_MAX_BYTES };

static int compare(const void *a, const void *b)
{
        uint64_t x = ((const struct member *)a)->id, y = ((const struct member *)b)->id;
        return (x > y) - (x < y);
}

void roster_init(struct roster *r, const char *dir)
{
        *r = (struct roster){0};
        snprintf(r->dir, sizeof(r->dir), "%s", dir);
}

void roster_free(struct roster *r)
{
        while (r->count > 0)
                roster_remove(r, r->members[r->count - 1]);
        free(r->members);
        r->members = NULL;
        r->room = 0;
}

struct member *roster_find(const struct roster *r, uint64_t id)
{
        struct member key = {.id = id};
        void *const *found = tfind(&key, &r->tree, compare);
        return found ? *found : NULL;
}

static bool make_room(struct roster *r)
{
        if (r->count < r->room)
                return true;
        size_t room = r->room ? r->room * 2 : 64;
        struct member **members = reallocarray(r->members, room, sizeof(struct member *));
        if (!members)
                return false;
        r->members = members;
        r->room = room;
        return true;
}

struct member *roster_add(struct roster *r, uint64_t id, struct slice name, struct slice address, uint64_t since_us)
{
        struct member *m = make_room(r) ? calloc(1, sizeof(*m)) : NULL;
        if (!m)
                return NULL;
        m->id = id;
        m->fd = m->pidfd = -1;
        m->since_us = since_us;
        memcpy(m->name, name.at, name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES);
        memcpy(m->address, address.at, address.len < ADDRESS_MAX_BYTES ? address.len : ADDRESS_MAX_BYTES);
        if (!tsearch(m, &r->tree, compare)) {
                free(m);
                return NULL;
        }
        m->index = r->count;
        r->members[r->count++] = m;
        return m;
}

static void close_member(struct member *m)
{
        if (m->fd >= 0)
                close(m->fd);
        if (m->pidfd >= 0)
                close(m->pidfd);
        m->fd = m->pidfd = -1;
}

void roster_remove(struct roster *r, struct member *m)
{
        struct member *last = r->members[--r->count];
        last->index = m->index;
        r->members[m->index] = last;
        tdelete(m, &r->tree, compare);
        close_member(m);
        free(m);
}

int roster_connect(struct roster *r, struct member *m)
{
        struct sockaddr_un address;
        int error = path_inbox(&address, r->dir, m->id);
        if (error < 0)
                return error;
        close_member(m);
        m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (m->fd < 0)
                return -errno;
        if (connect(m->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                m->pidfd = pidfd_open((pid_t)(m->id >> 32), 0);
        if (m->pidfd < 0) {
                error = -errno;
                close_member(m);
                return error;
        }
        return 0;
}

int roster_send(const struct member *m, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), f);
        if (m->fd < 0)
                return -ENOTCONN;
        return send(m->fd, buffer, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int roster_send_stranger(const struct roster *r, int fd, uint64_t id, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct sockaddr_un address;
        size_t size = frame_encode(buffer, sizeof(buffer), f);
        int error = path_inbox(&address, r->dir, id);
        if (error < 0)
                return error;
        ssize_t n = sendto(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&address,
                           sizeof(address));
        return n < 0 ? -errno : 0;
}

/* `suffix` is "" or DEPARTED_SUFFIX. */
static void note_path(const struct roster *r, uint64_t id, const char *suffix, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/%016" PRIx64 "%s", r->dir, id, suffix);
}

int roster_note(const struct roster *r, const struct member *m)
{
        char path[PATH_MAX], text[NOTE_MAX_BYTES];
        note_path(r, m->id, "", path);
        snprintf(text, sizeof(text), "%" PRIu64 " %s %s", m->since_us, m->address, m->name);
        return symlink(text, path) < 0 && errno != EEXIST ? -errno : 0;
}

void roster_mark_departed(const struct roster *r, uint64_t id)
{
        char path[PATH_MAX], marked[PATH_MAX];
        note_path(r, id, "", path);
        note_path(r, id, DEPARTED_SUFFIX, marked);
        rename(path, marked);
}

void roster_remove_note(const struct roster *r, uint64_t id)
{
        char marked[PATH_MAX];
        note_path(r, id, DEPARTED_SUFFIX, marked);
        unlink(marked);
}

void roster_remove_inbox(const struct roster *r, uint64_t id)
{
        struct sockaddr_un address;
        if (path_inbox(&address, r->dir, id) == 0)
                unlink(address.sun_path);
}

/* Takes a note apart: microseconds, address (without spaces), name (the rest). */
static bool parse_note(char *text, uint64_t *since_us, struct slice *address, struct slice *name)
{
        char *end;
        errno = 0;
        *since_us = strtoull(text, &end, 10);
        if (errno != 0 || end == text || *end != ' ')
                return false;
        char *space = strchr(end + 1, ' ');
        if (!space)
                return false;
        *address = (struct slice){end + 1, (size_t)(space - end - 1)};
        *name = slice_of(space + 1);
        return address->len <= ADDRESS_MAX_BYTES && name->len <= NAME_MAX_BYTES;
}

static void read_note(struct roster *r, int dir, const char *file)
{
        char text[NOTE_MAX_BYTES];
        struct slice name, address;
        uint64_t id, since_us;

        if (path_parse_id(file, &id) < 0)
                return;
        ssize_t n = readlinkat(dir, file, text, sizeof(text) - 1);
        if (n < 0)
                return;
        text[n] = '\0';
        if (parse_note(text, &since_us, &address, &name))
                roster_add(r, id, name, address, since_us);
}

/* Whether `file` is the note of a member that left; adds its id. */
static bool read_departed(struct departed *d, const char *file)
{
        char digits[ID_DIGITS + 1] = "";
        uint64_t id;
        if (strlen(file) != ID_DIGITS + sizeof(DEPARTED_SUFFIX) - 1 || strcmp(file + ID_DIGITS, DEPARTED_SUFFIX) != 0)
                return false;
        memcpy(digits, file, ID_DIGITS);
        if (path_parse_id(digits, &id) < 0)
                return false;
        uint64_t *ids = reallocarray(d->ids, d->count + 1, sizeof(*ids));
        if (ids) {
                d->ids = ids;
                d->ids[d->count++] = id;
        }
        return true;
}

void departed_clear(struct departed *d)
{
        free(d->ids);
        *d = (struct departed){0};
}

bool departed_has(const struct departed *d, uint64_t id)
{
        for (size_t i = 0; i < d->count; i++)
                if (d->ids[i] == id)
                        return true;
        return false;
}

int roster_read_notes(struct roster *r, struct departed *departed)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, r->dir);
        DIR *dir = opendir(path);
        if (!dir)
                return -errno;
        for (const struct dirent *entry; (entry = readdir(dir));)
                if (!read_departed(departed, entry->d_name))
                        read_note(r, dirfd(dir), entry->d_name);
        closedir(dir);
        return 0;
}
