/* A disk that takes as long as the test likes. */
#pragma once

#include <pthread.h>
#include <unistd.h>

/* Replaces fsync() of libc: the disk takes as long as `disk_held` is locked. */
static pthread_mutex_t disk_held = PTHREAD_MUTEX_INITIALIZER;

int fsync(int fd)
{
        (void)fd;
        pthread_mutex_lock(&disk_held);
        pthread_mutex_unlock(&disk_held);
        return 0;
}
