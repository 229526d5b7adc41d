#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_MAGIC "chatspl1"

enum {
        HEADER_BYTES = 4096,
        RING_AT = HEADER_BYTES + SPOOL_KEPT_BYTES,
        ALIGNMENT = 16, /* of entries, so that an entry's header always fits before the end of the ring */
        BOOT_ID_BYTES = 36,
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a store of 64 bits must be one store");

/* Which directory it is: of those on a tmpfs that was mounted again the inode alone is often the same. Zeros: there is
 * none.
 */
struct place {
        uint64_t inode;
        int64_t birth_s; /* 0 where the kernel or the file system does not know it */
        uint64_t birth_ns;
};

/* Offsets only grow; their place in the ring is the remainder. oldest <= released <= tail, and what is between
 * `released` and `chunk_end` is the chunk that is being sent. */
struct spool_header {
        char magic[8];
        uint64_t ring_bytes;
        uint64_t instance;
        char boot_id[BOOT_ID_BYTES];
        uint32_t closed; /* complete on disk */
        _Atomic uint64_t oldest, released, chunk_end, tail;
        struct place kept_with;
};

struct entry {
        uint32_t size, count; /* bytes and records that follow; without records it fills the end of the ring */
        uint64_t first;       /* the position of the first */
};

_Static_assert(sizeof(struct entry) == ALIGNMENT, "an entry's header is one unit");
_Static_assert(sizeof(struct spool_header) <= HEADER_BYTES, "the header has a page");

struct spool {
        int fd;
        char boot_id[BOOT_ID_BYTES]; /* now … */
        struct place kept_with;      /* … and here */
        size_t mapped_bytes;
        uint8_t *map;
        struct spool_header *header;
        uint8_t *ring;
        uint64_t ring_bytes;
        _Atomic uint64_t position;          /* of the next record */
        _Atomic uint64_t released_position; /* of the first that waits */
        uint64_t chunk_end_position;        /* of the first behind the chunk that is being sent */
        char new_path[PATH_MAX];            /* of a file that is to take its place */
        pthread_mutex_t reading;            /* nothing is given up meanwhile */
};

static struct entry *entry_at(const struct spool *s, uint64_t offset)
{
        return (struct entry *)(void *)(s->ring + offset % s->ring_bytes);
}

static uint64_t entry_bytes(uint32_t size)
{
        return (sizeof(struct entry) + (uint64_t)size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Whether there are as many records as it says, and nothing else. */
static bool has_records(const struct entry *e)
{
        struct wire_reader r = wire_read(e + 1, e->size);
        struct record rec;
        uint32_t count = 0;
        int next;
        while ((next = record_next(&r, &rec)) > 0)
                count++;
        return next == 0 && count == e->count;
}

/* Whether there is an entry at `at`, as spool_append() writes it. */
static bool is_entry(const struct spool *s, uint64_t at, uint64_t tail)
{
        const struct entry *e = entry_at(s, at);
        uint64_t bytes = entry_bytes(e->size), left = s->ring_bytes - at % s->ring_bytes;
        if (bytes > tail - at || bytes > left)
                return false;
        if (e->count == 0)
                return bytes == left;
        return e->size <= DATAGRAM_MAX_BYTES && has_records(e);
}

/* Calls `on_entry` for every entry from `oldest` to `tail` that has records. Returns false where something is not as it
 * is written here: then nothing of the file can be used. */
static bool walk(const struct spool *s, void (*on_entry)(void *user, const struct entry *e), void *user)
{
        const struct spool_header *h = s->header;
        uint64_t at = h->oldest, released = h->released, chunk_end = h->chunk_end, tail = h->tail, next = 0;
        bool first = true, released_met = false, chunk_end_met = false;

        if (at % ALIGNMENT || at > tail || tail - at > s->ring_bytes || chunk_end < released)
                return false;
        for (;;) {
                released_met |= at == released;
                chunk_end_met |= at == chunk_end;
                if (at == tail)
                        return released_met && chunk_end_met;
                if (!is_entry(s, at, tail))
                        return false;
                const struct entry *e = entry_at(s, at);
                if (e->count > 0 && !first && e->first != next)
                        return false;
                if (e->count > 0) {
                        first = false;
                        next = e->first + e->count;
                        if (on_entry)
                                on_entry(user, e);
                }
                at += entry_bytes(e->size);
        }
}

/* The offset of the entry that begins at or behind `offset` and has records, or the tail. */
static uint64_t skip_filling(const struct spool *s, uint64_t offset, uint64_t tail)
{
        while (offset < tail && entry_at(s, offset)->count == 0)
                offset += entry_bytes(entry_at(s, offset)->size);
        return offset;
}

static void note_end(void *user, const struct entry *e)
{
        struct spool *s = user;
        s->position = e->first + e->count;
}

static void read_positions(struct spool *s)
{
        uint64_t tail = s->header->tail, released = skip_filling(s, s->header->released, tail);
        walk(s, note_end, s);
        s->released_position = released < tail ? entry_at(s, released)->first : s->position;
}

static void read_boot_id(char id[static BOOT_ID_BYTES])
{
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        memset(id, 0, BOOT_ID_BYTES);
        if (fd >= 0 && read(fd, id, BOOT_ID_BYTES) != BOOT_ID_BYTES)
                memset(id, 0, BOOT_ID_BYTES);
        if (fd >= 0)
                close(fd);
}

static void read_place(struct place *p, const char *dir)
{
        struct statx st;
        *p = (struct place){0};
        if (statx(AT_FDCWD, dir, 0, STATX_INO | STATX_BTIME, &st) < 0)
                return;
        p->inode = st.stx_ino;
        if (!(st.stx_mask & STATX_BTIME))
                return;
        p->birth_s = st.stx_btime.tv_sec;
        p->birth_ns = st.stx_btime.tv_nsec;
}

/* Whether what is kept in `h` is of use here. Where there was no directory yet, one has been made since by who needs
 * it. */
static bool is_of_use(const struct spool *s, const struct spool_header *h)
{
        return memcmp(h->boot_id, s->boot_id, BOOT_ID_BYTES) == 0 &&
               (h->kept_with.inode == 0 || memcmp(&h->kept_with, &s->kept_with, sizeof(h->kept_with)) == 0);
}

static void unmap(struct spool *s)
{
        if (s->map)
                munmap(s->map, s->mapped_bytes);
        s->map = NULL;
}

/* Maps the file `fd`. Returns 0 or a negative errno. */
static int map_file(struct spool *s, int fd, uint64_t ring_bytes)
{
        s->ring_bytes = ring_bytes;
        s->mapped_bytes = RING_AT + ring_bytes;
        s->map = mmap(NULL, s->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (s->map == MAP_FAILED) {
                s->map = NULL;
                return -ENOMEM; /* with a file of its own mmap(2) fails for no other reason */
        }
        s->header = (struct spool_header *)(void *)s->map;
        s->ring = s->map + RING_AT;
        return 0;
}

/* What was renamed in the directory of `path` is so after a power loss, too. Returns 0 or a negative errno. */
static int sync_directory(const char *path)
{
        char dir[PATH_MAX];
        const char *slash = strrchr(path, '/');
        snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

/* Writes the head of a new file, with what its user keeps. Returns 0 or a negative errno. */
static int fill_head(struct spool *s, uint64_t ring_bytes, const uint8_t kept[static SPOOL_KEPT_BYTES])
{
        struct spool_header *h = s->header;
        memcpy(h->magic, SPOOL_MAGIC, sizeof(h->magic));
        h->ring_bytes = ring_bytes;
        if (getrandom(&h->instance, sizeof(h->instance), 0) != sizeof(h->instance))
                return -errno;
        h->instance |= 1;
        memcpy(h->boot_id, s->boot_id, BOOT_ID_BYTES);
        h->kept_with = s->kept_with;
        memcpy(spool_kept(s), kept, SPOOL_KEPT_BYTES);
        s->position = s->released_position = 0;
        return msync(s->map, RING_AT, MS_SYNC) < 0 ? -errno : 0;
}

/* Makes the file `fd`, which is empty and ours, and puts it in the place of `path`. Returns 0 or a negative errno. */
static int replace(struct spool *s, int fd, const char *new_path, const char *path, uint64_t ring_bytes, bool usable)
{
        uint8_t kept[SPOOL_KEPT_BYTES] = {0};
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        int r = -posix_fallocate(fd, 0, (off_t)(RING_AT + ring_bytes));
        if (r < 0)
                return r;
        if (usable)
                memcpy(kept, spool_kept(s), sizeof(kept));
        unmap(s);
        r = map_file(s, fd, ring_bytes);
        if (r == 0)
                r = fill_head(s, ring_bytes, kept);
        if (r == 0 && (fsync(fd) < 0 || rename(new_path, path) < 0))
                r = -errno;
        return r == 0 ? sync_directory(path) : r;
}

/* Makes the file anew; of one that can be used, what its user keeps there stays. It is made beside the old one, whose
 * place it takes when it is complete: who is killed leaves the one or the other, and after a power loss the old one
 * must not be there again. Returns 0 or a negative errno. */
static int make_anew(struct spool *s, const char *path, uint64_t ring_bytes, bool usable)
{
        int fd = open(s->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = replace(s, fd, s->new_path, path, ring_bytes, usable);
        if (r == -ENOSPC && !usable && ftruncate(s->fd, 0) == 0) /* nothing of the old one is wanted */
                r = replace(s, fd, s->new_path, path, ring_bytes, usable);
        if (r < 0) {
                unlink(s->new_path);
                close(fd);
                return r;
        }
        close(s->fd);
        s->fd = fd;
        return 0;
}

/* Takes a file that is there into use. Returns whether it can be; `*lost` is set where it was a spool, and is damaged.
 * */
static bool take_over(struct spool *s, uint64_t *lost)
{
        struct spool_header h;
        struct stat st;
        if (fstat(s->fd, &st) < 0 || pread(s->fd, &h, sizeof(h), 0) != sizeof(h) ||
            memcmp(h.magic, SPOOL_MAGIC, sizeof(h.magic)) != 0)
                return false;
        *lost = MISSED_UNKNOWN;
        if (h.instance == 0 || h.ring_bytes < SPOOL_RING_MIN_BYTES || h.ring_bytes % ALIGNMENT ||
            st.st_size < RING_AT || (uint64_t)st.st_size - RING_AT != h.ring_bytes ||
            map_file(s, s->fd, h.ring_bytes) < 0)
                return false;
        if (!walk(s, NULL, NULL))
                return false;
        *lost = 0;
        read_positions(s);
        return true;
}

/* Returns 0 or a negative errno. */
static int open_ring(struct spool *s, const char *path, uint64_t ring_bytes, uint64_t *lost)
{
        int r = 0;
        bool usable = take_over(s, lost);
        bool another_boot = usable && memcmp(s->header->boot_id, s->boot_id, BOOT_ID_BYTES) != 0;
        if (another_boot && !s->header->closed) {
                *lost = spool_waiting(s);
                usable = false;
        }
        if (usable && !is_of_use(s, s->header))
                memset(spool_kept(s), 0, SPOOL_KEPT_BYTES);
        if (!usable || (s->ring_bytes != ring_bytes && spool_waiting(s) == 0))
                r = make_anew(s, path, ring_bytes, usable);
        if (r < 0 || !s->map)
                return r;
        atomic_signal_fence(memory_order_seq_cst); /* what is not of use here is forgotten first, also after kill -9 */
        memcpy(s->header->boot_id, s->boot_id, BOOT_ID_BYTES);
        s->header->kept_with = s->kept_with;
        s->header->closed = 0;
        return msync(s->map, HEADER_BYTES, MS_SYNC) < 0 ? -errno : 0;
}

/* Whether `fd` is the file at `path`. */
static bool is_at(int fd, const char *path)
{
        struct stat ours, there;
        return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
               ours.st_ino == there.st_ino;
}

/* Opens the file, or an empty one, and locks it. Returns 0 or a negative errno. */
static int open_file(struct spool *s, const char *path)
{
        for (;;) {
                s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                if (s->fd < 0)
                        return -errno;
                if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK ? -EBUSY : -errno;
                if (is_at(s->fd, path)) {
                        unlink(s->new_path); /* of who was killed: nobody else is here */
                        return 0;
                }
                close(s->fd); /* another has taken its place before it was locked */
        }
}

struct spool *spool_open(const char *path, size_t bytes, const char *kept_with, uint64_t *lost)
{
        *lost = 0;
        if (bytes < SPOOL_RING_MIN_BYTES) {
                errno = EINVAL;
                return NULL;
        }
        struct spool *s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        pthread_mutex_init(&s->reading, NULL);
        read_boot_id(s->boot_id);
        read_place(&s->kept_with, kept_with);
        int r = snprintf(s->new_path, sizeof(s->new_path), "%s.new", path) < (int)sizeof(s->new_path) ? 0
                                                                                                      : -ENAMETOOLONG;
        if (r == 0)
                r = open_file(s, path);
        if (r == 0)
                r = open_ring(s, path, bytes / ALIGNMENT * ALIGNMENT, lost);
        if (r == 0)
                return s;
        unmap(s);
        if (s->fd >= 0)
                close(s->fd);
        pthread_mutex_destroy(&s->reading);
        free(s);
        errno = -r;
        return NULL;
}

void spool_close(struct spool *s)
{
        pthread_mutex_lock(&s->reading); /* who was left alone by network_end() may still read */
        pthread_mutex_unlock(&s->reading);
        if (msync(s->map, s->mapped_bytes, MS_SYNC) == 0) {
                s->header->closed = 1;
                msync(s->map, HEADER_BYTES, MS_SYNC);
        }
        unmap(s);
        close(s->fd);
        pthread_mutex_destroy(&s->reading);
        free(s);
}

uint64_t spool_instance(const struct spool *s)
{
        return s->header->instance;
}

void *spool_kept(struct spool *s)
{
        return s->map + HEADER_BYTES;
}

struct walker {
        void (*on_record)(void *user, const struct record *rec);
        void *user;
};

static void show_records(void *user, const struct entry *e)
{
        const struct walker *w = user;
        struct wire_reader r = wire_read(e + 1, e->size);
        struct record rec;
        while (record_next(&r, &rec) > 0)
                w->on_record(w->user, &rec);
}

void spool_walk(struct spool *s, void (*on_record)(void *user, const struct record *rec), void *user)
{
        walk(s, show_records, &(struct walker){on_record, user});
}

/* Gives up what was released long ago, until `bytes` fit. Returns false where what waits is in the way. */
static bool make_room(struct spool *s, uint64_t bytes)
{
        struct spool_header *h = s->header;
        uint64_t oldest = h->oldest, released = h->released, tail = h->tail;
        if (tail + bytes - oldest <= s->ring_bytes)
                return true;
        while (tail + bytes - oldest > s->ring_bytes) {
                if (oldest >= released)
                        return false;
                oldest += entry_bytes(entry_at(s, oldest)->size);
        }
        pthread_mutex_lock(&s->reading);
        h->oldest = oldest; /* before anything is written over it */
        pthread_mutex_unlock(&s->reading);
        return true;
}

int spool_append(struct spool *s, const void *records, size_t size, uint32_t count)
{
        struct spool_header *h = s->header;
        uint64_t bytes = entry_bytes((uint32_t)size), tail = h->tail;
        uint64_t filling = s->ring_bytes - tail % s->ring_bytes;

        if (filling >= bytes)
                filling = 0;
        if (size > DATAGRAM_MAX_BYTES || !make_room(s, filling + bytes))
                return -ENOBUFS;
        if (filling > 0) {
                *entry_at(s, tail) = (struct entry){.size = (uint32_t)(filling - sizeof(struct entry))};
                tail += filling;
        }
        struct entry *e = entry_at(s, tail);
        *e = (struct entry){.size = (uint32_t)size, .count = count, .first = s->position};
        memcpy(e + 1, records, size);
        h->tail = tail + bytes; /* the one store that makes it part of the spool */
        s->position += count;
        return 0;
}

/* Copies the records of an entry from `position` on into the chunk. Returns false where they do not fit. */
static bool copy_from(const struct entry *e, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer, size_t max)
{
        struct wire_reader r = wire_read(e + 1, e->size);
        struct record rec;
        uint64_t first = e->first;
        while (first < position && record_next(&r, &rec) > 0)
                first++;
        size_t size = wire_left(&r);
        if (size > max - chunk->size)
                return false;
        if (chunk->count == 0)
                chunk->first = first;
        memcpy(buffer + chunk->size, r.at, size);
        chunk->size += size;
        chunk->count += e->count - (first - e->first);
        return true;
}

bool spool_next(struct spool *s, struct spool_chunk *chunk, uint8_t *buffer, size_t max)
{
        struct spool_header *h = s->header;
        uint64_t tail = h->tail, end = h->chunk_end, at = skip_filling(s, h->released, tail);
        bool begun = end > at;

        *chunk = (struct spool_chunk){.data = buffer};
        while (at < (begun ? end : tail)) {
                const struct entry *e = entry_at(s, at);
                if (e->count > 0 && !copy_from(e, e->first, chunk, buffer, max))
                        break; /* of one that was begun, too, where `max` was larger then */
                at += entry_bytes(e->size);
        }
        if (chunk->count == 0)
                return false;
        h->chunk_end = at;
        s->chunk_end_position = chunk->first + chunk->count;
        return true;
}

void spool_release(struct spool *s)
{
        s->header->released = s->header->chunk_end;
        s->released_position = s->chunk_end_position;
}

bool spool_read(struct spool *s, uint64_t position, struct spool_chunk *chunk, uint8_t *buffer, size_t max)
{
        const struct spool_header *h = s->header;
        *chunk = (struct spool_chunk){.data = buffer};
        if (position >= s->position)
                return false;
        pthread_mutex_lock(&s->reading);
        for (uint64_t at = h->oldest, tail = h->tail; at < tail; at += entry_bytes(entry_at(s, at)->size)) {
                const struct entry *e = entry_at(s, at);
                if (e->first + e->count > position && e->count > 0 && !copy_from(e, position, chunk, buffer, max))
                        break;
        }
        pthread_mutex_unlock(&s->reading);
        return chunk->count > 0;
}

uint64_t spool_position(const struct spool *s)
{
        return s->position;
}

uint64_t spool_released(const struct spool *s)
{
        return s->released_position;
}

uint64_t spool_waiting(const struct spool *s)
{
        uint64_t released = s->released_position, position = s->position;
        return position > released ? position - released : 0;
}
