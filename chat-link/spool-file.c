#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/record.h>
#include <chat/siphash.h>

#include "draw.h"
#include "spool-old.h"
#include "spool-ring.h"
#include "spool.h"

static void spool_file_read_boot_id(char id[static BOOT_ID_BYTES])
{
        int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        memset(id, 0, BOOT_ID_BYTES);
        if (fd >= 0 && read(fd, id, BOOT_ID_BYTES) != BOOT_ID_BYTES)
                memset(id, 0, BOOT_ID_BYTES);
        if (fd >= 0)
                close(fd);
}

static void spool_file_read_place(struct place *p, const char *dir)
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

/* Returns true if the file was in use in this boot, with the same directory. */
static bool spool_file_was_here(const struct spool *s)
{
        const struct spool_header *h = s->header;
        return spool_has_user(s) && memcmp(h->boot_id, s->boot_id, BOOT_ID_BYTES) == 0 &&
               memcmp(&h->directory, &s->directory, sizeof(h->directory)) == 0;
}

/* Returns true if the kept data is valid in this boot and directory. It is also valid if there was no directory before,
 * because the user of the spool has made one since. */
static bool spool_file_is_of_use(const struct spool *s)
{
        const struct spool_header *h = s->header;
        return spool_file_was_here(s) ||
               (h->directory.inode == 0 && spool_has_user(s) && memcmp(h->boot_id, s->boot_id, BOOT_ID_BYTES) == 0);
}

static uint64_t spool_file_hash_network(const char *network)
{
        static const uint8_t key[16] = "chat-link spool";
        return siphash(key, network, strlen(network));
}

static void spool_file_unmap(struct spool *s)
{
        if (s->map)
                munmap(s->map, s->mapped_bytes);
        s->map = NULL;
}

/* Maps the file `fd`. Returns 0 or a negative errno. */
static int spool_file_map(struct spool *s, int fd, uint64_t ring_bytes)
{
        if (ring_bytes > SIZE_MAX - SPOOL_RING_AT)
                return -ENOMEM; /* more than addresses of 32 bits can reach */
        s->ring_bytes = ring_bytes;
        s->mapped_bytes = (size_t)(SPOOL_RING_AT + ring_bytes);
        s->map = mmap(NULL, s->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (s->map == MAP_FAILED) {
                s->map = NULL;
                return -ENOMEM; /* for a file of this process, mmap(2) fails for no other reason */
        }
        s->header = (struct spool_header *)(void *)s->map;
        s->ring = s->map + SPOOL_RING_AT;
        return 0;
}

/* Makes renames in the directory of `path` survive a power loss. Returns 0 or a negative errno. */
static int spool_file_sync_directory(const char *path)
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

/* Begins a branch, unless the table is full. */
static void spool_file_begin_branch(struct spool *s)
{
        struct branches *b = &s->branches;
        if (b->count > 0 && b->all[b->count - 1].begin == s->fields[SPOOL_POSITION])
                b->count--; /* the branch has no records, so no host knows it */
        s->branches_total += branches_begin(b, s->fields[SPOOL_POSITION]);
        spool_seal_table(s);
}

/* Takes a file of a version without branches: all records so far have the instance of the file. */
static void spool_file_take_instance(struct spool *s)
{
        s->branches.all[0] = (struct branch){.instance = s->instance};
        s->branches.count = 1;
        s->branches_total = s->network = 0;
}

/* Writes the head of a new file, with the data that its user keeps. If the old file was usable, the places continue and
 * the branches stay, because other hosts may still ask for their records. */
static void spool_file_fill_head(struct spool *s, const uint8_t kept[static SPOOL_KEPT_BYTES], bool usable)
{
        uint64_t position = usable ? s->fields[SPOOL_POSITION] : 0;
        s->instance = draw_number();
        spool_seal_numbers(s);
        for (enum spool_field f = 0; f < SPOOL_FIELDS; f++)
                spool_set(s, f, f < SPOOL_POSITION ? 0 : position);
        if (usable)
                branches_shorten(&s->branches);
        else
                s->branches.count = 0;
        spool_file_begin_branch(s);
        memcpy(s->header->boot_id, s->boot_id, BOOT_ID_BYTES);
        s->header->directory = s->directory;
        spool_seal_user(s);
        memcpy(spool_kept(s), kept, SPOOL_KEPT_BYTES);
}

/* Fills the file `fd`, which is empty and this process's own. With `from`, the file of an earlier version, it fills in
 * the records of that file. Without `from` it fills in the kept data and the branches of the old file, if that is
 * `usable`. Returns 0 or a negative errno. */
static int spool_file_fill(struct spool *s, int fd, uint64_t ring_bytes, bool usable, const struct spool_old *from)
{
        uint8_t kept[SPOOL_KEPT_BYTES] = {0};
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        int r = -posix_fallocate(fd, 0, (off_t)(SPOOL_RING_AT + ring_bytes));
        if (r < 0)
                return r;
        if (usable)
                memcpy(kept, spool_kept(s), sizeof(kept));
        spool_file_unmap(s);
        r = spool_file_map(s, fd, ring_bytes);
        if (r < 0)
                return r;
        if (from) {
                spool_old_convert(from, s);
                spool_file_take_instance(s);
                spool_file_begin_branch(s);
        } else {
                spool_file_fill_head(s, kept, usable);
        }
        return 0;
}

/* Fills the file `fd`, as spool_file_fill() does, and renames it to `path`. Returns 0 or a negative errno. */
static int spool_file_replace(struct spool *s, int fd, const char *path, uint64_t ring_bytes, bool usable,
                              const struct spool_old *from)
{
        int r = spool_file_fill(s, fd, ring_bytes, usable, from);
        if (r == 0 && (msync(s->map, s->mapped_bytes, MS_SYNC) < 0 || fsync(fd) < 0 || rename(s->new_path, path) < 0))
                r = -errno;
        return r == 0 ? spool_file_sync_directory(path) : r;
}

/* Makes the file anew, as spool_file_fill() does. Returns 0 or a negative errno. The new file takes the place of the
 * old one when it is complete, so a process that is killed leaves one of the two, whole. The old file must not come
 * back after a power loss. */
static int spool_file_make_anew(struct spool *s, const char *path, uint64_t ring_bytes, bool usable,
                                const struct spool_old *from)
{
        int fd = open(s->new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = spool_file_replace(s, fd, path, ring_bytes, usable, from);
        if (r == -ENOSPC && !usable && !from && ftruncate(s->fd, 0) == 0) /* no part of the old file is needed */
                r = spool_file_replace(s, fd, path, ring_bytes, usable, from);
        if (r < 0) {
                unlink(s->new_path);
                close(fd);
                return r;
        }
        close(s->fd);
        s->fd = fd;
        return 0;
}

/* ---- the contents of a file ---- */

/* The numbers of the header that are not damaged. */
struct intact {
        bool field[SPOOL_FIELDS];
};

static bool spool_file_is_between(const struct spool *s, enum spool_field field, uint64_t from, uint64_t to)
{
        return s->fields[field] >= from && s->fields[field] <= to && s->fields[field] % SPOOL_ALIGNMENT == 0;
}

/* Loads the offsets. Replaces a damaged offset by one that loses no records: some are then sent again, and other hosts
 * recognise them by their positions. Returns false if neither the end nor the begin of the ring is known. */
static bool spool_file_load_offsets(struct spool *s, struct intact *k)
{
        for (enum spool_field f = 0; f < SPOOL_FIELDS; f++)
                k->field[f] = spool_load(s, f);
        uint64_t tail = s->fields[SPOOL_TAIL];
        k->field[SPOOL_TAIL] &= spool_file_is_between(s, SPOOL_TAIL, 0, UINT64_MAX);
        k->field[SPOOL_OLDEST] &= spool_file_is_between(s, SPOOL_OLDEST, 0, k->field[SPOOL_TAIL] ? tail : UINT64_MAX);
        if (!k->field[SPOOL_TAIL] && !k->field[SPOOL_OLDEST])
                return false;
        if (!k->field[SPOOL_OLDEST])
                s->fields[SPOOL_OLDEST] = tail > s->ring_bytes ? tail - s->ring_bytes : 0;
        if (!k->field[SPOOL_TAIL])
                s->fields[SPOOL_TAIL] = s->fields[SPOOL_OLDEST] + s->ring_bytes;
        tail = s->fields[SPOOL_TAIL];
        if (tail - s->fields[SPOOL_OLDEST] > s->ring_bytes)
                return false;
        k->field[SPOOL_RELEASED] &= spool_file_is_between(s, SPOOL_RELEASED, s->fields[SPOOL_OLDEST], tail);
        if (!k->field[SPOOL_RELEASED])
                s->fields[SPOOL_RELEASED] = s->fields[SPOOL_OLDEST];
        if (!k->field[SPOOL_CHUNK_END] || !spool_file_is_between(s, SPOOL_CHUNK_END, s->fields[SPOOL_RELEASED], tail))
                s->fields[SPOOL_CHUNK_END] = s->fields[SPOOL_RELEASED];
        return true;
}

/* The result of a look at all entries. */
struct stock {
        bool is_damaged;            /* damaged bytes were passed over */
        uint64_t end, position;     /* the offset behind the last entry, and the position behind its records */
        uint64_t released_position; /* the position behind the last released entry; 0: there is none */
        uint64_t pending;           /* the offset of the first entry that waits; UINT64_MAX: there is none */
        uint64_t pending_records;   /* undamaged records that wait */
};

static void spool_file_look_at(const struct spool *s, uint64_t at, struct stock *f)
{
        const struct entry *e = spool_entry(s, at);
        bool whole = spool_find_records(s, at, spool_behind(s, at)) == at;
        f->end = spool_behind(s, at);
        if (e->count == 0)
                return;
        f->is_damaged |= !whole;
        f->position = e->first + e->count;
        if (at < s->fields[SPOOL_RELEASED]) {
                f->released_position = f->position;
                return;
        }
        if (f->pending == UINT64_MAX)
                f->pending = at;
        f->pending_records += whole ? e->count : 0;
}

static struct stock spool_file_look_at_all(const struct spool *s)
{
        uint64_t at = s->fields[SPOOL_OLDEST], tail = s->fields[SPOOL_TAIL];
        struct stock f = {.end = at, .pending = UINT64_MAX};
        while (at < tail) {
                uint64_t entry = spool_find_entry(s, at, tail);
                f.is_damaged |= entry != at;
                if (entry == tail)
                        break;
                spool_file_look_at(s, entry, &f);
                at = f.end;
        }
        return f;
}

/* Returns the place of the next record. The place in the header may be ahead by an entry that was being appended. That
 * matters only if the last entries are damaged. Without entries, no record was appended after the newest branch
 * began. */
static uint64_t spool_file_find_position(const struct spool *s, const struct intact *k, const struct stock *f)
{
        uint64_t begin = s->branches.all[s->branches.count - 1].begin;
        if (!f->is_damaged)
                return f->position > begin ? f->position : begin;
        if (k->field[SPOOL_POSITION] && s->fields[SPOOL_POSITION] > f->position)
                return s->fields[SPOOL_POSITION];
        uint64_t bytes = s->fields[SPOOL_TAIL] - f->end;
        uint64_t position = k->field[SPOOL_POSITION] ? f->position : f->position + bytes / RECORD_HEADER_BYTES;
        return position > begin ? position : begin; /* an upper bound */
}

static uint64_t spool_file_find_released_position(const struct spool *s, const struct intact *k, const struct stock *f)
{
        uint64_t pending_position =
                f->pending == UINT64_MAX ? s->fields[SPOOL_POSITION] : spool_entry(s, f->pending)->first;
        uint64_t released_position =
                k->field[SPOOL_RELEASED_POSITION] ? s->fields[SPOOL_RELEASED_POSITION] : f->released_position;
        bool follows = f->pending == s->fields[SPOOL_RELEASED] || !k->field[SPOOL_RELEASED] || !f->is_damaged;
        return follows || released_position > pending_position ? pending_position : released_position;
}

/* Determines the contents of the ring. Returns false if that is not possible. */
static bool spool_file_take_stock(struct spool *s)
{
        struct intact k;
        if (!spool_file_load_offsets(s, &k))
                return false;
        struct stock f = spool_file_look_at_all(s);
        if (!k.field[SPOOL_TAIL]) {
                f.is_damaged = true;
                for (enum spool_field field = SPOOL_RELEASED; field <= SPOOL_TAIL; field++)
                        if (s->fields[field] > f.end)
                                s->fields[field] = f.end;
        }
        s->fields[SPOOL_POSITION] = spool_file_find_position(s, &k, &f);
        s->fields[SPOOL_RELEASED_POSITION] = spool_file_find_released_position(s, &k, &f);
        s->damaged_records = s->damage_ahead = spool_waiting(s) - f.pending_records;
        for (enum spool_field field = 0; field < SPOOL_FIELDS; field++)
                spool_set(s, field, s->fields[field]);
        return true;
}

/* Takes a file of this format, or of the previous one, into use. Returns false if it cannot be used. */
static bool spool_file_take_over(struct spool *s, const struct spool_header *h, uint64_t file_bytes, bool *before)
{
        uint64_t ring_bytes;
        if (!spool_read_numbers(h, &s->instance, &ring_bytes, before) || ring_bytes < SPOOL_RING_MIN_BYTES ||
            ring_bytes % SPOOL_ALIGNMENT || ring_bytes > file_bytes || file_bytes - ring_bytes != SPOOL_RING_AT ||
            spool_file_map(s, s->fd, ring_bytes) < 0)
                return false;
        if (*before)
                spool_file_take_instance(s);
        return (*before || spool_load_table(s)) && spool_file_take_stock(s);
}

/* Takes a file of a version without checksums into use. Returns 1, 0 if it is no such file, or a negative errno. */
static int spool_file_convert(struct spool *s, const char *path, uint64_t file_bytes)
{
        struct spool_old old;
        if (!spool_old_map(&old, s->fd, file_bytes))
                return 0;
        int r = spool_file_make_anew(s, path, old.ring_bytes, false, &old);
        spool_old_unmap(&old);
        return r < 0 ? r : spool_file_take_stock(s);
}

/* Takes an existing file into use. Returns 1, 0 if it cannot be used (`*lost_records` is set unless the file is new),
 * or a negative errno. `*before`: it is of a version without branches. */
static int spool_file_take_file(struct spool *s, const char *path, uint64_t *lost_records, bool *before)
{
        struct spool_header h;
        struct stat st;
        if (fstat(s->fd, &st) < 0)
                return -errno;
        if (st.st_size == 0)
                return 0;
        *lost_records = MISSED_UNKNOWN;
        if (pread(s->fd, &h, sizeof(h), 0) != sizeof(h))
                return 0;
        int r = spool_file_take_over(s, &h, (uint64_t)st.st_size, before)
                        ? 1
                        : spool_file_convert(s, path, (uint64_t)st.st_size);
        if (r > 0)
                *lost_records = 0;
        return r;
}

/* Returns true if the records of the file are to be sent. Otherwise `*lost_records` or s->foreign_records states how
 * many are not sent. */
static bool spool_file_is_to_be_sent(struct spool *s, uint64_t network, uint64_t *lost_records)
{
        bool another_boot = spool_has_user(s) && memcmp(s->header->boot_id, s->boot_id, BOOT_ID_BYTES) != 0;
        if (another_boot && !s->header->is_closed)
                *lost_records = spool_waiting(s);
        else if (s->network != 0 && s->network != network)
                s->foreign_records = spool_waiting(s);
        else
                return true;
        return false;
}

/* Continues a file. A file that is found elsewhere may be a clone, whose original continues the newest branch. */
static void spool_file_go_on(struct spool *s, bool before)
{
        if (before || !spool_file_was_here(s))
                spool_file_begin_branch(s);
        spool_seal_table(s); /* also if a copy is damaged */
        /* the numbers come last: after kill -9 before that, all of this is done again */
        atomic_signal_fence(memory_order_seq_cst);
        spool_seal_numbers(s);
}

/* Opens the ring, or makes it anew. Returns 0 or a negative errno. */
static int spool_file_open_ring(struct spool *s, const char *path, uint64_t ring_bytes, uint64_t network,
                                uint64_t *lost_records)
{
        bool before = false;
        int r = spool_file_take_file(s, path, lost_records, &before);
        if (r < 0)
                return r;
        bool usable = r > 0 && spool_file_is_to_be_sent(s, network, lost_records);
        bool full = usable && s->branches.count == BRANCHES_MAX && !spool_file_was_here(s);
        s->network = network;
        if (usable && !spool_file_is_of_use(s))
                memset(spool_kept(s), 0, SPOOL_KEPT_BYTES);
        if (!usable || ((full || s->ring_bytes != ring_bytes) && spool_waiting(s) == 0)) {
                s->damaged_records = s->damage_ahead = 0;
                r = spool_file_make_anew(s, path, ring_bytes, usable, NULL);
        } else {
                spool_file_go_on(s, before);
        }
        if (r < 0 || !s->map)
                return r;
        /* data that is not valid here is cleared first, even after kill -9 */
        atomic_signal_fence(memory_order_seq_cst);
        memcpy(s->header->boot_id, s->boot_id, BOOT_ID_BYTES);
        s->header->directory = s->directory;
        spool_seal_user(s);
        s->header->is_closed = 0;
        return msync(s->map, SPOOL_HEADER_BYTES, MS_SYNC) < 0 ? -errno : 0;
}

/* Returns true if `fd` is the file at `path`. */
static bool spool_file_is_at(int fd, const char *path)
{
        struct stat open_file, path_file;
        return fstat(fd, &open_file) == 0 && stat(path, &path_file) == 0 && open_file.st_dev == path_file.st_dev &&
               open_file.st_ino == path_file.st_ino;
}

/* Opens the file, or an empty one, and locks it. Returns 0 or a negative errno. */
static int spool_file_open_file(struct spool *s, const char *path)
{
        for (;;) {
                s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                if (s->fd < 0)
                        return -errno;
                if (flock(s->fd, LOCK_EX | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK ? -EBUSY : -errno;
                if (spool_file_is_at(s->fd, path)) {
                        unlink(s->new_path); /* left by a process that was killed: the lock excludes any other */
                        return 0;
                }
                close(s->fd); /* another file has taken its place before it was locked */
        }
}

struct spool *spool_open(const char *path, size_t bytes, const char *kept_with, const char *network,
                         uint64_t *lost_records)
{
        *lost_records = 0;
        if (bytes < SPOOL_RING_MIN_BYTES) {
                errno = EINVAL;
                return NULL;
        }
        struct spool *s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        pthread_mutex_init(&s->read_lock, NULL);
        spool_file_read_boot_id(s->boot_id);
        spool_file_read_place(&s->directory, kept_with);
        int r = snprintf(s->new_path, sizeof(s->new_path), "%s.new", path) < (int)sizeof(s->new_path) ? 0
                                                                                                      : -ENAMETOOLONG;
        if (r == 0)
                r = spool_file_open_file(s, path);
        if (r == 0)
                r = spool_file_open_ring(s, path, bytes / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT,
                                         spool_file_hash_network(network), lost_records);
        if (r == 0)
                return s;
        spool_file_unmap(s);
        if (s->fd >= 0)
                close(s->fd);
        pthread_mutex_destroy(&s->read_lock);
        free(s);
        errno = -r;
        return NULL;
}

void spool_close(struct spool *s)
{
        pthread_mutex_lock(&s->read_lock); /* a thread that network_end() left running may still read */
        pthread_mutex_unlock(&s->read_lock);
        if (msync(s->map, s->mapped_bytes, MS_SYNC) == 0) {
                s->header->is_closed = 1;
                msync(s->map, SPOOL_HEADER_BYTES, MS_SYNC);
        }
        spool_file_unmap(s);
        close(s->fd);
        pthread_mutex_destroy(&s->read_lock);
        free(s);
}
