#include "kept-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "eventlog.h"

/* Reads a file, up to one byte more than such a file may have. Returns the text, which the caller frees; or NULL, with
 * errno. */
static char *kept_file_load(const char *path, size_t *size)
{
        char *text = malloc(LINES_FILE_MAX_BYTES + 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = text && fd >= 0 ? 1 : -1;
        *size = 0;
        while (n > 0 && *size <= LINES_FILE_MAX_BYTES) {
                n = read(fd, text + *size, LINES_FILE_MAX_BYTES + 1 - *size);
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
static int kept_file_keep_damaged(const struct kept_file *file)
{
        unlink(file->damaged_path);
        return link(file->path, file->damaged_path) < 0 ? -errno : 0;
}

/* Logs what chatd cannot do with the file, and what follows from that. */
static void kept_file_warn(const struct kept_file *file, const char *what, const char *result, int error)
{
        char text[128];
        snprintf(text, sizeof(text), "cannot %s of %s%s", what, file->kind->noun, result);
        eventlog_warning(file->log, text, error);
}

/* Reports errors of the file, and makes kept_file_settle() write it anew. If the damaged file cannot be kept under
 * another name, it stays in place until the list changes. */
static void kept_file_mend(struct kept_file *file, const struct lines_file_report *report)
{
        bool damaged = report->state == LINES_FILE_DAMAGED;
        int r = damaged ? kept_file_keep_damaged(file) : 0;
        if (report->state != LINES_FILE_OLD)
                eventlog_lines_file(file->log, file->kind->noun, file->path, report,
                                    damaged && r == 0 ? file->damaged_path : NULL);
        if (r < 0)
                kept_file_warn(file, "keep the damaged file", "", r);
        file->is_damaged |= damaged;
        file->changes += r == 0;
}

int kept_file_read(struct kept_file *file, const struct lines_file_kind *kind, const char *dir, struct journal *log,
                   void *user)
{
        struct lines_file_report report = {.state = LINES_FILE_WHOLE};
        size_t size;
        *file = (struct kept_file){.kind = kind, .log = log};
        int r = disk_init(&file->disk);
        if (r < 0)
                return r;
        snprintf(file->path, sizeof(file->path), "%s/%s", dir, kind->noun);
        snprintf(file->damaged_path, sizeof(file->damaged_path), "%s/%s" KEPT_FILE_DAMAGED_SUFFIX, dir, kind->noun);
        file->is_damaged = access(file->damaged_path, F_OK) == 0;
        char *text = kept_file_load(file->path, &size);
        if (!text && errno == ENOENT)
                return 0;
        r = text ? lines_file_read(kind, text, size, user, &report) : -errno;
        free(text);
        if (r < 0) { /* the file is kept when the list changes */
                file->is_damaged = true;
                kept_file_keep_damaged(file);
        } else if (report.state != LINES_FILE_WHOLE) {
                kept_file_mend(file, &report);
        }
        return r;
}

void kept_file_free(struct kept_file *file, const void *list, size_t count)
{
        if (file->path[0] == '\0')
                return;
        kept_file_finish(file, list, count);
        disk_free(&file->disk);
        file->path[0] = '\0';
}

void kept_file_change(struct kept_file *file)
{
        file->changes++;
}

/* Takes the result of a write: `error` is 0, or a negative errno if the file could not be written. */
static void kept_file_end_writing(struct kept_file *file, int error)
{
        file->error = error;
        file->disk_changes = file->job_changes;
        if (error < 0)
                kept_file_warn(file, "write the file", ": the last changes are lost when chatd ends", error);
        else
                file->written_changes = file->job_changes;
}

static void kept_file_begin_to_write(struct kept_file *file, const void *list, size_t count)
{
        size_t size;
        char *text = lines_file_write(file->kind, list, count, &size);
        file->job_changes = file->changes;
        int r = text ? disk_begin(&file->disk, file->path, text, size) : -ENOMEM;
        if (r < 0)
                kept_file_end_writing(file, r);
}

void kept_file_take_end(struct kept_file *file, enum disk_wait wait)
{
        int error;
        if (disk_end(&file->disk, wait, &error))
                kept_file_end_writing(file, error);
}

void kept_file_begin(struct kept_file *file, const void *list, size_t count)
{
        if (!file->disk.job && file->disk_changes < file->changes)
                kept_file_begin_to_write(file, list, count);
}

bool kept_file_is_settled(const struct kept_file *file)
{
        return !file->disk.job && file->disk_changes == file->changes;
}

void kept_file_settle(struct kept_file *file, const void *list, size_t count)
{
        kept_file_take_end(file, DISK_NO_WAIT);
        kept_file_begin(file, list, count);
}

void kept_file_finish(struct kept_file *file, const void *list, size_t count)
{
        kept_file_take_end(file, DISK_WAIT);
        kept_file_settle(file, list, count);
        kept_file_take_end(file, DISK_WAIT);
}
