#include "guests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/names.h>
#include <chat/siphash.h>

enum { KEY_MODE = 0400 };

static const char consonants[] = "bdgklmnprstv", vowels[] = "aeiou";

void guests_init(struct guests *g, const char *dir)
{
        g->has_key = false;
        snprintf(g->path, sizeof(g->path), "%s/" GUESTS_KEY_NAME, dir);
}

/* Returns the checksum of the key, which stands behind it in the file. */
static uint64_t guests_sum(const uint8_t key[static GUESTS_KEY_BYTES])
{
        static const uint8_t of_sums[] = "chatd: guest key";
        return htole64(siphash(of_sums, key, GUESTS_KEY_BYTES));
}

/* Reads the key. Returns 0; 1 for a key without a checksum, which an earlier version wrote; -ENOENT if there is no
 * file; -EBADMSG if the file has no key or a damaged one; or another negative errno. */
static int guests_read_key(struct guests *g)
{
        uint8_t file[GUESTS_FILE_BYTES + 1];
        int fd = open(g->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, file, sizeof(file));
        int error = errno;
        close(fd);
        if (n < 0)
                return -error;
        if (n != GUESTS_KEY_BYTES && n != GUESTS_FILE_BYTES)
                return -EBADMSG;
        memcpy(g->key, file, sizeof(g->key));
        if (n == GUESTS_KEY_BYTES)
                return 1;
        const uint64_t right = guests_sum(g->key);
        return memcmp(file + sizeof(g->key), &right, sizeof(right)) == 0 ? 0 : -EBADMSG;
}

static void guests_draw_key(struct guests *g)
{
        uint64_t now = clock_boottime_us();
        if (getrandom(g->key, sizeof(g->key), 0) != sizeof(g->key))
                memcpy(g->key, &now, sizeof(now));
}

/* Writes the file as a whole or not at all. Returns 0 or a negative errno. */
static int guests_write_key(const struct guests *g)
{
        char new[PATH_MAX + 8];
        uint8_t file[GUESTS_FILE_BYTES];
        const uint64_t right = guests_sum(g->key);
        memcpy(file, g->key, sizeof(g->key));
        memcpy(file + sizeof(g->key), &right, sizeof(right));
        snprintf(new, sizeof(new), "%s.new", g->path);
        unlink(new);
        int fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, KEY_MODE);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, file, sizeof(file));
        int r = n >= 0 && n < (ssize_t)sizeof(file) ? -ENOSPC : 0;
        if (n < 0 || (r == 0 && fsync(fd) < 0))
                r = -errno;
        close(fd);
        if (r == 0 && rename(new, g->path) < 0)
                r = -errno;
        if (r < 0)
                unlink(new);
        return r;
}

int guests_open(struct guests *g)
{
        if (g->has_key)
                return 0;
        g->has_key = true;
        int r = guests_read_key(g);
        if (r == 0)
                return 0;
        if (r == 1) { /* the key stays without a checksum if the file cannot be written */
                guests_write_key(g);
                return 0;
        }
        guests_draw_key(g);
        if (r != -ENOENT && r != -EBADMSG)
                return r;
        int error = guests_write_key(g);
        if (error < 0)
                return error;
        return r == -EBADMSG ? 1 : 0;
}

void guests_name(const struct guests *g, const struct network *n, char name[static GUESTS_NAME_BYTES + 1])
{
        uint64_t hash = siphash(g->key, n->bytes, sizeof(n->bytes));
        char *at = name + sizeof(GUESTS_PREFIX) - 1;
        memcpy(name, GUESTS_PREFIX, sizeof(GUESTS_PREFIX));
        for (int i = 0; i < GUESTS_SYLLABLES; i++) {
                *at++ = consonants[hash % (sizeof(consonants) - 1)];
                hash /= sizeof(consonants) - 1;
                *at++ = vowels[hash % (sizeof(vowels) - 1)];
                hash /= sizeof(vowels) - 1;
        }
        *at = '\0';
}

bool guests_is_name(struct slice name)
{
        size_t prefix = sizeof(GUESTS_PREFIX) - 1;
        return name.len >= prefix && name_compare(name.at, prefix, GUESTS_PREFIX, prefix) == 0;
}
