/* A run directory of its own for each test. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "../../chatd/rundir.h"

#include "test.h"

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

/* Makes the directory and its lock. Returns its path, which rundir_remove() takes. */
static inline char *rundir_make(int *lock)
{
        char *dir = strdup("/tmp/chat-unit.XXXXXX");
        assert_non_null(mkdtemp(dir));
        *lock = rundir_open(dir);
        assert_true(*lock >= 0);
        return dir;
}

static inline void rundir_remove(char *dir, int lock)
{
        close(lock);
        nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        free(dir);
}
