#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chat/assert.h>

enum { FILE_MODE = 0600 };

struct disk_job {
        pthread_t thread;
        int event, error;
        char path[PATH_MAX];
        char *text;
        size_t size;
};

int disk_init(struct disk *d)
{
        *d = (struct disk){.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        return d->event < 0 ? -errno : 0;
}

void disk_free(struct disk *d)
{
        int error;
        if (d->job)
                disk_end(d, DISK_WAIT, &error);
        if (d->event >= 0)
                close(d->event);
        d->event = -1;
}

/* Writes all bytes, and flushes them. Returns 0 or a negative errno. */
static int disk_write_all(int fd, const char *text, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                text += n;
                size -= (size_t)n;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

/* Flushes the directory of the file, so that the file's name is on the disk as well. Returns 0 or a negative errno. */
static int disk_flush_directory(const char *path)
{
        char dir[PATH_MAX];
        snprintf(dir, sizeof(dir), "%s", path);
        *strrchr(dir, '/') = '\0';
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* Puts the new file in place of the old one. Returns 0 or a negative errno. */
static int disk_replace(const struct disk_job *job)
{
        char new[PATH_MAX + 8];
        snprintf(new, sizeof(new), "%s.new", job->path);
        int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (fd < 0)
                return -errno;
        int r = disk_write_all(fd, job->text, job->size);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r < 0)
                unlink(new);
        else
                r = rename(new, job->path) < 0 ? -errno : disk_flush_directory(job->path);
        return r;
}

static void *disk_run(void *user)
{
        struct disk_job *job = user;
        job->error = disk_replace(job);
        eventfd_write(job->event, 1);
        return NULL;
}

static void disk_free_job(struct disk_job *job)
{
        free(job->text);
        free(job);
}

int disk_begin(struct disk *d, const char *path, char *text, size_t size)
{
        assert(!d->job);
        struct disk_job *job = calloc(1, sizeof(*job));
        if (!job) {
                free(text);
                return -ENOMEM;
        }
        job->event = d->event;
        job->text = text;
        job->size = size;
        snprintf(job->path, sizeof(job->path), "%s", path);
        int error = pthread_create(&job->thread, NULL, disk_run, job);
        if (error != 0) {
                disk_free_job(job);
                return -error;
        }
        d->job = job;
        return 0;
}

bool disk_end(struct disk *d, enum disk_wait wait, int *error)
{
        eventfd_t count;
        if (!d->job || (eventfd_read(d->event, &count) < 0 && wait == DISK_NO_WAIT))
                return false;
        pthread_join(d->job->thread, NULL);
        *error = d->job->error;
        disk_free_job(d->job);
        d->job = NULL;
        return true;
}
