#include "roster.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <search.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <chat/names.h>
#include <chat/text.h>

#include "rundir.h"

#define DEPARTED_SUFFIX ".left"
#define LAGGING_SUFFIX ".lagging"
#define ARRIVING_SUFFIX ".arriving"
#define HELD_SUFFIX ".held"
#define NAMED_SUFFIX ".named"
#define RENAMED_SUFFIX ".renamed"
#define ROOM_SUFFIX ".room"
#define MUTED_SUFFIX ".muted"
#define MUTING_SUFFIX ".muting" /* a mark that is to become the one before */
#define REMOVED_WORD "removed"  /* in the mark of who is muted for that */
#define NEW_SUFFIX ".new"
#define SEAL_NAME "arrivals"
#define RELAYED_SUFFIX ".relayed"

enum {
        NOTE_MAX_BYTES = 64 + ADDRESS_MAX_BYTES + NAME_MAX_BYTES,
        MARK_MAX_BYTES = CHANGES_TEXT_MAX_BYTES + 1 + NICK_MAX_BYTES,
        NAME_NUMBER_BYTES = 11, /* "~4294967295" */
        SEAL_MAX_BYTES = 64,
        RELAYED_MODE = 0600,
};

static int compare(uint64_t x, uint64_t y)
{
        return (x > y) - (x < y);
}

static int compare_ids(const void *a, const void *b)
{
        return compare(((const struct member *)a)->id, ((const struct member *)b)->id);
}

/* Ids begin with the pid, so a tree in the order of ids is in the order of pids too. */
static int compare_pids(const void *a, const void *b)
{
        return compare(((const struct member *)a)->id >> 32, ((const struct member *)b)->id >> 32);
}

int roster_init(struct roster *r, const char *dir, uid_t owner)
{
        *r = (struct roster){.owner = owner};
        snprintf(r->dir, sizeof(r->dir), "%s", dir);
        return rooms_init(&r->rooms);
}

void roster_free(struct roster *r)
{
        while (r->count > 0)
                roster_remove(r, r->members[r->count - 1]);
        free(r->members);
        r->members = NULL;
        r->room = 0;
        rooms_free(&r->rooms);
}

struct member *roster_find(const struct roster *r, uint64_t id)
{
        struct member key = {.id = id};
        void *const *found = tfind(&key, &r->by_id, compare_ids);
        return found ? *found : NULL;
}

struct member *roster_find_process(const struct roster *r, pid_t pid)
{
        struct member key = {.id = (uint64_t)pid << 32};
        void *const *found = tfind(&key, &r->by_id, compare_pids);
        return found ? *found : NULL;
}

struct member *roster_find_name(const struct roster *r, struct slice name)
{
        return naming_find(&r->naming, name);
}

struct member *roster_find_alike(const struct roster *r, struct slice name, const struct member *but)
{
        return naming_find_alike(&r->naming, name, but);
}

const char *roster_suggest(const struct roster *r, struct slice name)
{
        const struct member *m = naming_suggest(&r->naming, r->members, r->count, name);
        return m ? m->name : NULL;
}

size_t roster_people(const struct roster *r)
{
        return r->count - (roster_find(r, LINK_ID) != NULL);
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

/* Returns true where `m`, whose name it is, may not be called so. */
static bool is_taken(const struct roster *r, const struct member *m)
{
        return name_is_reserved(m->name, strlen(m->name)) || roster_find_alike(r, slice_of(m->name), m);
}

/* Gives `m` a name that nobody has, and may have. */
static void set_name(const struct roster *r, struct member *m, struct slice name)
{
        size_t len = name.len < LOCAL_NAME_MAX_BYTES ? name.len : LOCAL_NAME_MAX_BYTES;
        memcpy(m->name, name.at, len);
        for (unsigned n = 2; is_taken(r, m); n++) {
                if (len > LOCAL_NAME_MAX_BYTES - NAME_NUMBER_BYTES)
                        len = LOCAL_NAME_MAX_BYTES - NAME_NUMBER_BYTES;
                snprintf(m->name + len, sizeof(m->name) - len, "~%u", n);
        }
}

struct member *roster_add(struct roster *r, uint64_t id, uint64_t key, struct slice name, struct slice address,
                          uint64_t since_us)
{
        struct member *m = make_room(r) ? calloc(1, sizeof(*m)) : NULL;
        if (!m)
                return NULL;
        m->id = id;
        m->key = key;
        m->fd = m->pidfd = -1;
        lent_init(&m->lent);
        m->since_us = since_us;
        set_name(r, m, name);
        memcpy(m->address, address.at, address.len < ADDRESS_MAX_BYTES ? address.len : ADDRESS_MAX_BYTES);
        m->network = network_of(m->address);
        if (!tsearch(m, &r->by_id, compare_ids) || naming_add(&r->naming, m) < 0) {
                tdelete(m, &r->by_id, compare_ids);
                free(m);
                return NULL;
        }
        m->index = r->count;
        r->members[r->count++] = m;
        if (id != LINK_ID)
                rooms_enter(&r->rooms, rooms_first(&r->rooms), m);
        return m;
}

int roster_rename(struct roster *r, struct member *m, struct slice name)
{
        char was[sizeof(m->name)];
        memcpy(was, m->name, sizeof(was));
        naming_remove(&r->naming, m);
        memset(m->name, 0, sizeof(m->name));
        memcpy(m->name, name.at, name.len < LOCAL_NAME_MAX_BYTES ? name.len : LOCAL_NAME_MAX_BYTES);
        if (naming_add(&r->naming, m) < 0) {
                memcpy(m->name, was, sizeof(was));
                naming_add(&r->naming, m); /* it was there: the memory has just been freed */
                return -ENOMEM;
        }
        m->renamed = true;
        return 0;
}

/* … without a word. */
static void put_into(struct roster *r, struct member *m, struct room *room)
{
        rooms_leave(&r->rooms, m);
        rooms_enter(&r->rooms, room, m);
}

void roster_move(struct roster *r, struct member *m, struct room *room)
{
        m->moved = true;
        m->told_alone = false;
        put_into(r, m, room);
}

static void close_member(struct member *m)
{
        if (m->fd >= 0)
                close(m->fd);
        if (m->pidfd >= 0)
                close(m->pidfd);
        lent_close(&m->lent);
        m->fd = m->pidfd = -1;
}

void roster_remove(struct roster *r, struct member *m)
{
        struct member *last = r->members[--r->count];
        last->index = m->index;
        r->members[m->index] = last;
        tdelete(m, &r->by_id, compare_ids);
        naming_remove(&r->naming, m);
        close_member(m);
        if (m->room)
                rooms_leave(&r->rooms, m);
        letters_clear(&m->letters);
        free(m->removal);
        free(m);
}

int roster_open_inbox(int dir, const char *file, uid_t owner, struct sockaddr_un *address)
{
        struct stat st;
        int fd = openat(dir, file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == EACCES || errno == ELOOP ? -EPERM : -errno;
        int error = fstat(fd, &st) < 0 ? -errno : !S_ISSOCK(st.st_mode) || st.st_uid != owner ? -EPERM : 0;
        if (error < 0) {
                close(fd);
                return error;
        }
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d", fd);
        return fd;
}

/* Opens the inbox of the link, or of the session with this `key`. Returns as roster_open_inbox(). */
static int open_inbox(const struct roster *r, uint64_t id, uint64_t key, struct sockaddr_un *address)
{
        struct sockaddr_un path;
        int error = id == LINK_ID ? path_link(&path, r->dir) : path_inbox(&path, r->dir, key);
        if (error < 0)
                return error;
        return roster_open_inbox(AT_FDCWD, path.sun_path, id == LINK_ID ? geteuid() : r->owner, address);
}

/* The link's inbox must hold what comes while chat-link is started again: as much as the kernel lets us have on the
 * way. */
static void widen(int fd)
{
        int most = INT_MAX;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
}

/* Returns false with errno. */
static bool open_member(struct member *m, const struct sockaddr_un *address)
{
        m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (m->fd < 0 || connect(m->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
                return false;
        if (m->id == LINK_ID) {
                widen(m->fd);
                return true;
        }
        m->pidfd = pidfd_open((pid_t)(m->id >> 32), 0);
        return m->pidfd >= 0;
}

int roster_connect(struct roster *r, struct member *m)
{
        struct sockaddr_un address;
        close_member(m);
        int inbox = open_inbox(r, m->id, m->key, &address);
        if (inbox < 0)
                return inbox;
        int error = open_member(m, &address) ? 0 : -errno;
        close(inbox);
        if (error < 0)
                close_member(m);
        return error;
}

bool member_is_alive(const struct member *m)
{
        struct pollfd p = {.fd = m->pidfd, .events = POLLIN};
        return m->pidfd >= 0 && !m->dead && poll(&p, 1, 0) == 0;
}

bool member_is_here(const struct member *m)
{
        return m->id != LINK_ID && !m->leaving && !m->expected && !m->held;
}

int roster_send(struct member *m, const struct frame *f)
{
        return roster_send_records(m, f, NULL, 0);
}

int roster_send_records(struct member *m, const struct frame *f, const uint8_t *records, size_t size)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct iovec iov[] = {{buffer, frame_encode(buffer, sizeof(buffer), f)}, {(uint8_t *)records, size}};
        const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = size > 0 ? 2 : 1};
        if (m->fd < 0)
                return -ENOTCONN;
        if (sendmsg(m->fd, &msg, MSG_NOSIGNAL) < 0)
                return -errno;
        lent_sent(&m->lent);
        return 0;
}

int roster_send_stranger(const struct roster *r, int fd, uint64_t id, uint64_t key, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct sockaddr_un address;
        size_t size = frame_encode(buffer, sizeof(buffer), f);
        int inbox = open_inbox(r, id, key, &address);
        if (inbox < 0)
                return inbox;
        ssize_t n = sendto(fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&address,
                           sizeof(address));
        int error = n < 0 ? -errno : 0;
        close(inbox);
        return error;
}

/* `suffix` is "" or one of those above. */
static void note_path(const struct roster *r, uint64_t id, const char *suffix, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/%016" PRIx64 "%s", r->dir, id, suffix);
}

static void describe(const struct member *m, char text[static NOTE_MAX_BYTES])
{
        snprintf(text, NOTE_MAX_BYTES, "%" PRIu64 " %016" PRIx64 " %s %s", m->since_us, m->key, m->address, m->name);
}

int roster_note(const struct roster *r, const struct member *m)
{
        char path[PATH_MAX], text[NOTE_MAX_BYTES];
        note_path(r, m->id, "", path);
        describe(m, text);
        return symlink(text, path) < 0 && errno != EEXIST ? -errno : 0;
}

/* Writes the note of `id` with this suffix. Returns 0 or a negative errno. */
static int replace(const struct roster *r, uint64_t id, const char *suffix, const char *text)
{
        char path[PATH_MAX], new[PATH_MAX];
        note_path(r, id, suffix, path);
        note_path(r, id, NEW_SUFFIX, new);
        return rundir_replace_note(path, new, text);
}

int roster_note_name(const struct roster *r, const struct member *m, const char *changes)
{
        char text[NOTE_MAX_BYTES];
        int error = replace(r, m->id, RENAMED_SUFFIX, changes);
        describe(m, text);
        return error < 0 ? error : replace(r, m->id, "", text);
}

int roster_note_room(const struct roster *r, const struct member *m, const char *room, const char *changes)
{
        char text[MARK_MAX_BYTES];
        snprintf(text, sizeof(text), "%s %s", changes, room);
        return replace(r, m->id, ROOM_SUFFIX, text);
}

void roster_mark_departed(const struct roster *r, uint64_t id)
{
        char path[PATH_MAX], marked[PATH_MAX];
        note_path(r, id, "", path);
        note_path(r, id, DEPARTED_SUFFIX, marked);
        rename(path, marked);
}

/* A mark beside the note, of a name alone. Returns 0, also where it is there already, or a negative errno. */
static int put_mark(const struct roster *r, uint64_t id, const char *suffix)
{
        char path[PATH_MAX];
        note_path(r, id, suffix, path);
        return symlink("-", path) < 0 && errno != EEXIST ? -errno : 0;
}

static void remove_mark(const struct roster *r, uint64_t id, const char *suffix)
{
        char path[PATH_MAX];
        note_path(r, id, suffix, path);
        unlink(path);
}

void roster_remove_name_mark(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, RENAMED_SUFFIX);
}

void roster_remove_room_mark(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, ROOM_SUFFIX);
}

void roster_remove_note(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, DEPARTED_SUFFIX);
}

void roster_note_lag(const struct roster *r, uint64_t id)
{
        put_mark(r, id, LAGGING_SUFFIX); /* without it only the notice is lost, and only if chatd dies now */
}

void roster_remove_lag(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, LAGGING_SUFFIX);
}

/* Gives the mark beside the note another suffix, in one step. Returns 0 or a negative errno. */
static int rename_mark(const struct roster *r, uint64_t id, const char *was, const char *suffix)
{
        char from[PATH_MAX], to[PATH_MAX];
        note_path(r, id, was, from);
        note_path(r, id, suffix, to);
        return rename(from, to) < 0 ? -errno : 0;
}

int roster_reserve_mute(const struct roster *r, uint64_t id)
{
        return put_mark(r, id, MUTING_SUFFIX);
}

int roster_note_mute(const struct roster *r, uint64_t id)
{
        int error = rename_mark(r, id, MUTING_SUFFIX, MUTED_SUFFIX);
        return error == -ENOENT ? put_mark(r, id, MUTED_SUFFIX) : error;
}

int roster_note_removal(const struct roster *r, const struct member *m)
{
        char text[PATH_MAX];
        snprintf(text, sizeof(text), REMOVED_WORD " %s", m->removal);
        return replace(r, m->id, MUTED_SUFFIX, text);
}

void roster_remove_mute(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, MUTED_SUFFIX);
        remove_mark(r, id, MUTING_SUFFIX);
}

int roster_note_arrival(const struct roster *r, uint64_t id)
{
        return put_mark(r, id, ARRIVING_SUFFIX);
}

void roster_remove_arrival(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, ARRIVING_SUFFIX);
        remove_mark(r, id, NAMED_SUFFIX);
        remove_mark(r, id, HELD_SUFFIX);
}

int roster_note_held(const struct roster *r, uint64_t id)
{
        return put_mark(r, id, HELD_SUFFIX);
}

int roster_note_named(const struct roster *r, const struct member *m)
{
        return rename_mark(r, m->id, m->held ? HELD_SUFFIX : ARRIVING_SUFFIX, NAMED_SUFFIX);
}

void roster_remove_held(const struct roster *r, uint64_t id)
{
        remove_mark(r, id, HELD_SUFFIX);
}

static void seal_path(const struct roster *r, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/" SEAL_NAME, r->dir);
}

int roster_seal(const struct roster *r, uint64_t number, size_t count)
{
        char path[PATH_MAX], text[SEAL_MAX_BYTES];
        seal_path(r, path);
        snprintf(text, sizeof(text), "%" PRIu64 " %zu", number, count);
        return symlink(text, path) < 0 ? -errno : 0;
}

bool roster_read_seal(const struct roster *r, uint64_t *number, size_t *count)
{
        char path[PATH_MAX], text[SEAL_MAX_BYTES], *end;
        seal_path(r, path);
        ssize_t n = readlink(path, text, sizeof(text) - 1);
        if (n < 0)
                return false;
        text[n] = '\0';
        *number = strtoull(text, &end, 10);
        *count = strtoul(end, NULL, 10);
        return true;
}

void roster_remove_seal(const struct roster *r)
{
        char path[PATH_MAX];
        seal_path(r, path);
        unlink(path);
}

int roster_open_relayed(const struct roster *r, uint64_t id)
{
        char path[PATH_MAX];
        note_path(r, id, RELAYED_SUFFIX, path);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, RELAYED_MODE);
        return fd < 0 ? -errno : fd;
}

void roster_remove_inbox(const struct roster *r, uint64_t key)
{
        struct sockaddr_un address;
        if (path_inbox(&address, r->dir, key) == 0)
                unlink(address.sun_path);
}

/* Reads the mark beside the note of `id` that has this suffix. Returns false where there is none. */
static bool read_mark(int dir, uint64_t id, const char *suffix, char text[static MARK_MAX_BYTES])
{
        char file[ID_DIGITS + 16];
        snprintf(file, sizeof(file), "%016" PRIx64 "%s", id, suffix);
        ssize_t n = readlinkat(dir, file, text, MARK_MAX_BYTES - 1);
        text[n < 0 ? 0 : n] = '\0';
        return n >= 0;
}

/* A note is microseconds, key, address (without spaces) and name (the rest). Takes those alone whose last change of name
 * is in the queue (`undone`), or is not. */
static void read_note(struct roster *r, int dir, const char *file, const struct queued *queued, bool undone)
{
        char text[NOTE_MAX_BYTES], mark[MARK_MAX_BYTES], *rest = text;
        const char *before = NULL;
        uint64_t id, key;

        if (path_parse_id(file, &id) < 0)
                return;
        if (queued->count > 0 && read_mark(dir, id, RENAMED_SUFFIX, mark))
                before = queued_find_before(queued, id, mark);
        if ((before != NULL) != undone)
                return;
        ssize_t n = readlinkat(dir, file, text, sizeof(text) - 1);
        if (n < 0)
                return;
        text[n] = '\0';
        char *since = text_next_word(&rest), *digits = text_next_word(&rest), *address = text_next_word(&rest), *end;
        if (!address || path_parse_id(digits, &key) < 0)
                return;
        errno = 0;
        uint64_t since_us = strtoull(since, &end, 10);
        if (errno == 0 && end > since && *end == '\0' && strlen(address) <= ADDRESS_MAX_BYTES &&
            strlen(rest) <= NAME_MAX_BYTES) {
                struct member *m =
                        roster_add(r, id, key, slice_of(before ? before : rest), slice_of(address), since_us);
                if (m)
                        m->undone = before != NULL;
        }
}

/* Whether `file` is an id and this suffix. */
static bool has_suffix(const char *file, const char *suffix, uint64_t *id)
{
        char digits[ID_DIGITS + 1] = "";
        if (strlen(file) != ID_DIGITS + strlen(suffix) || strcmp(file + ID_DIGITS, suffix) != 0)
                return false;
        memcpy(digits, file, ID_DIGITS);
        return path_parse_id(digits, id) == 0;
}

/* Whether `file` is the note of a member that left; adds its id. */
static bool read_departed(struct departed *d, const char *file)
{
        uint64_t id;
        if (!has_suffix(file, DEPARTED_SUFFIX, &id))
                return false;
        uint64_t *ids = reallocarray(d->ids, d->count + 1, sizeof(*ids));
        if (ids) {
                d->ids = ids;
                d->ids[d->count++] = id;
        }
        return true;
}

/* The member of whom `file` is a mark with this suffix, or NULL. A mark of nobody is removed. */
static struct member *find_marked(const struct roster *r, const char *file, const char *suffix,
                                  void (*remove)(const struct roster *, uint64_t))
{
        uint64_t id;
        if (!has_suffix(file, suffix, &id))
                return NULL;
        struct member *m = roster_find(r, id);
        if (!m)
                remove(r, id);
        return m;
}

/* Who lagged when the last chatd died missed something, and nobody knows how much. */
static void read_lagging(const struct roster *r, const char *file)
{
        struct member *m = find_marked(r, file, LAGGING_SUFFIX, roster_remove_lag);
        if (!m)
                return;
        m->lagging = true;
        m->missed = MISSED_UNKNOWN;
}

/* … and who waited to be announced waits on. */
static void read_arriving(const struct roster *r, const char *file)
{
        struct member *m = find_marked(r, file, ARRIVING_SUFFIX, roster_remove_arrival);
        if (!m)
                return;
        m->arriving = true;
        m->held = false; /* it was, and is not any more */
}

static void read_held(const struct roster *r, const char *file)
{
        struct member *m = find_marked(r, file, HELD_SUFFIX, roster_remove_held);
        if (!m || m->arriving)
                return;
        m->arriving = m->held = true;
}

static void read_named(const struct roster *r, const char *file)
{
        struct member *m = find_marked(r, file, NAMED_SUFFIX, roster_remove_arrival);
        if (m)
                m->arriving = m->held = m->named = true;
}

/* … and who was muted, or removed, is. */
static void read_muted(const struct roster *r, int dir, const char *file)
{
        char text[PATH_MAX], *why = text;
        struct member *m = find_marked(r, file, MUTED_SUFFIX, roster_remove_mute);
        if (!m)
                return;
        m->muted = true;
        ssize_t n = readlinkat(dir, file, text, sizeof(text) - 1);
        text[n < 0 ? 0 : n] = '\0';
        const char *word = text_next_word(&why);
        if (word && strcmp(word, REMOVED_WORD) == 0)
                m->removal = strdup(why);
}

/* … and who took another name has it. */
static void read_renamed(const struct roster *r, int dir, const char *file)
{
        uint64_t id;
        if (has_suffix(file, NEW_SUFFIX, &id))
                unlinkat(dir, file, 0);
        struct member *m = find_marked(r, file, RENAMED_SUFFIX, roster_remove_name_mark);
        if (m)
                m->renamed = true;
}

/* … and who is in another room stays there, or where it was before what is in the queue. */
static void read_room(struct roster *r, int dir, const char *file, const struct queued *queued)
{
        char mark[MARK_MAX_BYTES];
        struct member *m = find_marked(r, file, ROOM_SUFFIX, roster_remove_room_mark);
        if (!m)
                return;
        char *space = read_mark(dir, m->id, ROOM_SUFFIX, mark) ? strrchr(mark, ' ') : NULL;
        const char *name = "";
        if (space && space > strchr(mark, ' ')) { /* there is a list before it */
                *space = '\0';
                const char *before = queued_find_before(queued, m->id, mark);
                name = before ? before : space + 1;
                m->undone |= before != NULL;
        }
        struct room *room = m->room && name_is_nick(name, strlen(name)) ? rooms_get(&r->rooms, slice_of(name)) : NULL;
        if (!room) {
                roster_remove_room_mark(r, m->id);
                return;
        }
        m->moved = true;
        put_into(r, m, room);
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

/* Those who are called otherwise than before the queue come last: their names are free then, or nobody else's fault. */
int roster_read_notes(struct roster *r, struct departed *departed, const struct queued *queued)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, r->dir);
        DIR *dir = opendir(path);
        if (!dir)
                return -errno;
        for (const struct dirent *entry; (entry = readdir(dir));)
                if (!read_departed(departed, entry->d_name))
                        read_note(r, dirfd(dir), entry->d_name, queued, false);
        rewinddir(dir);
        for (const struct dirent *entry; queued->count > 0 && (entry = readdir(dir));)
                read_note(r, dirfd(dir), entry->d_name, queued, true);
        rewinddir(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                read_lagging(r, entry->d_name);
                read_arriving(r, entry->d_name);
                read_held(r, entry->d_name);
                read_named(r, entry->d_name);
                read_muted(r, dirfd(dir), entry->d_name);
                find_marked(r, entry->d_name, MUTING_SUFFIX, roster_remove_mute); /* of a member: to be used yet */
                read_renamed(r, dirfd(dir), entry->d_name);
                read_room(r, dirfd(dir), entry->d_name, queued);
        }
        closedir(dir);
        rooms_read_topics(&r->rooms, r->dir);
        return 0;
}
