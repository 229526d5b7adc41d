#include "bans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <chat/safe-text.h>

#include "bans-file.h"
#include "eventlog.h"

const struct ban *bans_find(const struct bans *bans, struct slice name, const char *address)
{
        struct address ban_address;
        bool has_address = bans->count > 0 && address && address_parse(&ban_address, address);
        for (size_t i = 0; i < bans->count; i++)
                if (ban_has_name(&bans->list[i], name) ||
                    (has_address && ban_matches_address(&bans->list[i], &ban_address)))
                        return &bans->list[i];
        return NULL;
}

static struct ban *bans_find_same(const struct bans *bans, const struct ban *ban)
{
        for (size_t i = 0; i < bans->count; i++)
                if (ban_is_same(&bans->list[i], ban))
                        return &bans->list[i];
        return NULL;
}

/* ---- the file ---- */

static int bans_make_room(struct bans *bans)
{
        if (!bans->list)
                bans->list = calloc(BANS_MAX, sizeof(*bans->list));
        if (!bans->list)
                return -ENOMEM;
        return bans->count < BANS_MAX ? 0 : -ENOSPC;
}

/* Adds a ban in memory, not in the file. Returns 0, or -ENOSPC or -ENOMEM: then nothing has changed. */
static int bans_keep(struct bans *bans, const struct ban *ban)
{
        struct ban *same = bans_find_same(bans, ban);
        int r = same ? 0 : bans_make_room(bans);
        if (r < 0)
                return r;
        if (!same)
                same = &bans->list[bans->count++];
        *same = *ban;
        return 0;
}

static int bans_keep_read(void *user, const struct ban *ban)
{
        return bans_keep(user, ban);
}

/* Reads a file, up to one byte more than a file of bans may have. Returns the text, which the caller frees; or NULL,
 * with errno. */
static char *bans_read_file(const char *path, size_t *size)
{
        char *text = malloc(BANS_FILE_MAX_BYTES + 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = text && fd >= 0 ? 1 : -1;
        *size = 0;
        while (n > 0 && *size <= BANS_FILE_MAX_BYTES) {
                n = read(fd, text + *size, BANS_FILE_MAX_BYTES + 1 - *size);
                if (n > 0)
                        *size += (size_t)n;
        }
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (n >= 0)
                return text;
        free(text);
        errno = error;
        return NULL;
}

/* Gives the damaged file a second name, which it keeps when the file is written anew. Returns 0 or a negative errno. */
static int bans_keep_damaged(const struct bans *bans)
{
        unlink(bans->damaged_path);
        return link(bans->path, bans->damaged_path) < 0 ? -errno : 0;
}

/* Reports errors of the file, and makes bans_settle() write it anew. If the damaged file cannot be kept under another
 * name, it stays in place until the bans change. */
static void bans_mend(struct bans *bans, const struct bans_file_report *report)
{
        bool damaged = report->state == BANS_FILE_DAMAGED;
        int r = damaged ? bans_keep_damaged(bans) : 0;
        if (report->state != BANS_FILE_OLD)
                eventlog_bans(bans->log, bans->path, report, damaged && r == 0 ? bans->damaged_path : NULL);
        if (r < 0)
                eventlog_warning(bans->log, "cannot keep the damaged file of bans", r);
        bans->is_damaged |= damaged;
        bans->changes += r == 0;
}

int bans_read(struct bans *bans, const char *dir, struct journal *log)
{
        struct bans_file_report report = {.state = BANS_FILE_WHOLE};
        size_t size;
        *bans = (struct bans){.log = log};
        int r = disk_init(&bans->disk);
        if (r < 0)
                return r;
        snprintf(bans->path, sizeof(bans->path), "%s/" BANS_FILE_NAME, dir);
        snprintf(bans->damaged_path, sizeof(bans->damaged_path), "%s/" BANS_DAMAGED_NAME, dir);
        bans->is_damaged = access(bans->damaged_path, F_OK) == 0;
        char *text = bans_read_file(bans->path, &size);
        if (!text && errno == ENOENT)
                return 0;
        r = text ? bans_file_read(text, size, bans_keep_read, bans, &report) : -errno;
        free(text);
        if (r < 0) { /* the file is kept when the bans change */
                bans->is_damaged = true;
                bans_keep_damaged(bans);
        } else if (report.state != BANS_FILE_WHOLE) {
                bans_mend(bans, &report);
        }
        return r;
}

void bans_free(struct bans *bans)
{
        if (bans->path[0] != '\0') { /* otherwise the bans were not read */
                bans_finish(bans);
                disk_free(&bans->disk);
                bans->path[0] = '\0';
        }
        free(bans->list);
        bans->list = NULL;
        bans->count = 0;
}

/* Takes the result of a write: `error` is 0, or a negative errno if the file could not be written. */
static void bans_end_writing(struct bans *bans, int error)
{
        bans->error = error;
        bans->disk_changes = bans->job_changes;
        if (error < 0)
                eventlog_warning(bans->log, "cannot write who is banned, which is known until chatd ends", error);
}

static void bans_begin_to_write(struct bans *bans)
{
        size_t size;
        char *text = bans_file_write(bans->list, bans->count, &size);
        bans->job_changes = bans->changes;
        int r = text ? disk_begin(&bans->disk, bans->path, text, size) : -ENOMEM;
        if (r < 0)
                bans_end_writing(bans, r);
}

/* Takes the result of a write that has ended. DISK_WAIT waits for the end. */
static void bans_take_end(struct bans *bans, enum disk_wait wait)
{
        int error;
        if (disk_end(&bans->disk, wait, &error))
                bans_end_writing(bans, error);
}

void bans_settle(struct bans *bans)
{
        bans_take_end(bans, DISK_NO_WAIT);
        if (!bans->disk.job && bans->disk_changes < bans->changes)
                bans_begin_to_write(bans);
}

void bans_finish(struct bans *bans)
{
        bans_take_end(bans, DISK_WAIT);
        bans_settle(bans);
        bans_take_end(bans, DISK_WAIT);
}

int bans_add(struct bans *bans, const struct ban *ban)
{
        int r = bans_keep(bans, ban);
        bans->changes += r == 0;
        return r;
}

int bans_remove(struct bans *bans, const struct ban *what)
{
        struct ban *same = bans_find_same(bans, what);
        if (!same)
                return -ENOENT;
        const struct ban *last = &bans->list[bans->count - 1];
        memmove(same, same + 1, (size_t)((const char *)last - (const char *)same));
        bans->count--;
        bans->changes++;
        return 0;
}
