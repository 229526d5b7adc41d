#include "bans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static size_t bans_describe(const void *list, size_t at, char *line)
{
        return ban_describe((const struct ban *)list + at, line);
}

static int bans_take(void *user, char *line)
{
        struct ban ban;
        int r = ban_parse_line(&ban, line);
        return r < 0 ? r : bans_keep(user, &ban);
}

const struct lines_file_kind bans_file = {
        .noun = "bans",
        .comments =
                "# Who may not join the chat: WHAT TIME UID REASON. chatd writes this file, chatctl(1) changes it.\n"
                "# To edit it: stop chatd, and remove all lines that begin with #; chatd writes them again. See "
                "chatd(8).\n",
        .old_first_line = "# Who may not join the chat: WHAT TIME UID REASON. Written by chatd; chatctl(1) changes it.",
        .key = "chatd: bans file",
        .describe = bans_describe,
        .take = bans_take,
};

int bans_read(struct bans *bans, const char *dir, struct journal *log)
{
        bans->list = NULL;
        bans->count = 0;
        return kept_file_read(&bans->file, &bans_file, dir, log, bans);
}

void bans_free(struct bans *bans)
{
        kept_file_free(&bans->file, bans->list, bans->count);
        free(bans->list);
        bans->list = NULL;
        bans->count = 0;
}

void bans_settle(struct bans *bans)
{
        kept_file_settle(&bans->file, bans->list, bans->count);
}

void bans_finish(struct bans *bans)
{
        kept_file_finish(&bans->file, bans->list, bans->count);
}

int bans_add(struct bans *bans, const struct ban *ban)
{
        int r = bans_keep(bans, ban);
        if (r == 0)
                kept_file_change(&bans->file);
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
        kept_file_change(&bans->file);
        return 0;
}
