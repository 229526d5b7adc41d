/* A file system whose inodes for symlinks can be used up. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int inodes = INT_MAX; /* how many are left */

static bool is_there(const char *path)
{
        struct stat st;
        return lstat(path, &st) == 0;
}

int symlink(const char *text, const char *path)
{
        if (inodes == 0 && !is_there(path)) {
                errno = ENOSPC;
                return -1;
        }
        int r = (int)syscall(SYS_symlinkat, text, AT_FDCWD, path);
        inodes -= r == 0 && inodes < INT_MAX;
        return r;
}

int unlink(const char *path)
{
        int r = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
        inodes += r == 0 && inodes < INT_MAX;
        return r;
}

int rename(const char *from, const char *to)
{
        bool replaces = is_there(to);
        int r = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
        inodes += r == 0 && replaces && inodes < INT_MAX;
        return r;
}
