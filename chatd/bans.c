#include "bans.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <chat/names.h>
#include <chat/text.h>

#include "eventlog.h"

enum {
        LINE_MAX_BYTES = BAN_WHAT_MAX_BYTES + CONTROL_REASON_MAX_BYTES + 64,
};

/* Writes an address as it is shown. */
static void describe_address(struct ban *ban)
{
        char text[INET6_ADDRSTRLEN];
        struct in6_addr v6;
        memcpy(&v6, ban->address, sizeof(v6));
        bool v4 = IN6_IS_ADDR_V4MAPPED(&v6) && ban->bits >= ADDRESS_IPV6_BITS - ADDRESS_IPV4_BITS;
        int bits = v4 ? ban->bits - (ADDRESS_IPV6_BITS - ADDRESS_IPV4_BITS) : ban->bits;
        const char *percent = ban->scope[0] != '\0' ? "%" : "";
        inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ban->address + 12 : ban->address, text, sizeof(text));
        if (ban->bits == ADDRESS_IPV6_BITS)
                snprintf(ban->what, sizeof(ban->what), "%s%s%s", text, percent, ban->scope);
        else
                snprintf(ban->what, sizeof(ban->what), "%s%s%s/%d", text, percent, ban->scope, bits);
}

static int parse_bits(const char *text, int most)
{
        char *end;
        if (text[0] < '0' || text[0] > '9')
                return -1;
        unsigned long bits = strtoul(text, &end, 10);
        return *end == '\0' && bits <= (unsigned long)most ? (int)bits : -1;
}

static bool has_letter(const char *text)
{
        for (; *text != '\0'; text++)
                if (name_is_letter(*text))
                        return true;
        return false;
}

int ban_parse(struct ban *ban, const char *what)
{
        char text[BAN_WHAT_MAX_BYTES + 1];
        struct address address;
        size_t len = strlen(what);
        if (len == 0 || len > BAN_WHAT_MAX_BYTES)
                return -EINVAL;
        memcpy(text, what, len + 1);
        char *slash = strchr(text, '/');
        if (slash)
                *slash = '\0';
        bool parsed = address_parse(&address, text);
        int bits = parsed && slash ? parse_bits(slash + 1, address.bits) : address.bits;
        if (parsed && bits >= 0) {
                ban->bits = bits + ADDRESS_IPV6_BITS - address.bits;
                memcpy(ban->address, address.bytes, sizeof(ban->address));
                memcpy(ban->scope, address.scope, sizeof(ban->scope));
                address_mask(ban->address, ban->bits);
                describe_address(ban);
                return 0;
        }
        /* what was meant for an address, and is none, would ban nobody as a name; nor would what has no letter */
        if (strpbrk(what, "/:#") || !has_letter(what) || (what[0] >= '0' && what[0] <= '9') ||
            len > LOCAL_NAME_MAX_BYTES || !text_is_local_name(what, len))
                return -EINVAL;
        ban->bits = -1;
        memcpy(ban->what, what, len + 1);
        return 0;
}

bool ban_widen(const struct ban *ban, char text[static NETWORK_MAX_BYTES + 1])
{
        const struct network n = network_of(ban->what);
        if (ban->bits != ADDRESS_IPV6_BITS)
                return false;
        network_describe(&n, text);
        return strchr(text, '/') != NULL;
}

/* A ban without an interface holds for all of them. */
static bool matches_address(const struct ban *ban, const struct address *address)
{
        uint8_t masked[ADDRESS_BYTES];
        if (ban->bits < 0 || (ban->scope[0] != '\0' && strcmp(ban->scope, address->scope) != 0))
                return false;
        memcpy(masked, address->bytes, sizeof(masked));
        address_mask(masked, ban->bits);
        return memcmp(masked, ban->address, sizeof(masked)) == 0;
}

bool ban_has_name(const struct ban *ban, struct slice name)
{
        return ban->bits < 0 && name_compare(ban->what, strlen(ban->what), name.at, name.len) == 0;
}

static bool is_same(const struct ban *a, const struct ban *b)
{
        return a->bits == b->bits && (a->bits < 0 ? ban_has_name(a, slice_of(b->what))
                                                  : memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
                                                            strcmp(a->scope, b->scope) == 0);
}

const struct ban *bans_find(const struct bans *bans, struct slice name, const char *address)
{
        struct address parsed;
        bool has_address = bans->count > 0 && address && address_parse(&parsed, address);
        for (size_t i = 0; i < bans->count; i++)
                if (ban_has_name(&bans->list[i], name) || (has_address && matches_address(&bans->list[i], &parsed)))
                        return &bans->list[i];
        return NULL;
}

static struct ban *find_same(const struct bans *bans, const struct ban *ban)
{
        for (size_t i = 0; i < bans->count; i++)
                if (is_same(&bans->list[i], ban))
                        return &bans->list[i];
        return NULL;
}

/* ---- the file ---- */

/* Returns whether `text` is a number from 0 to `most`. */
static bool parse_number(const char *text, int64_t most, int64_t *number)
{
        char *end;
        if (text[0] < '0' || text[0] > '9')
                return false;
        errno = 0;
        *number = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' && *number <= most;
}

static bool parse_line(struct ban *ban, char *line)
{
        const char *what = text_next_word(&line), *time = what ? text_next_word(&line) : NULL;
        const char *uid = time ? text_next_word(&line) : NULL;
        int64_t number;
        *ban = (struct ban){0};
        if (!uid || ban_parse(ban, what) < 0 || !parse_number(time, INT64_MAX, &ban->time) ||
            !parse_number(uid, UINT32_MAX, &number))
                return false;
        ban->uid = (uid_t)number;
        if (strlen(line) > CONTROL_REASON_MAX_BYTES || !text_is_clean(line, strlen(line)))
                return false;
        memcpy(ban->reason, line, strlen(line));
        return true;
}

static int make_room(struct bans *bans)
{
        if (!bans->list)
                bans->list = calloc(BANS_MAX, sizeof(*bans->list));
        return !bans->list ? -ENOMEM : bans->count == BANS_MAX ? -ENOSPC : 0;
}

/* Keeps a ban in memory alone. Returns as bans_add(). */
static int keep(struct bans *bans, const struct ban *ban)
{
        struct ban *same = find_same(bans, ban);
        int r = same ? 0 : make_room(bans);
        if (r < 0)
                return r;
        if (!same)
                same = &bans->list[bans->count++];
        *same = *ban;
        return 0;
}

int bans_read(struct bans *bans, const char *dir, struct journal *log)
{
        char line[LINE_MAX_BYTES + 2]; /* and LF */
        struct ban ban;
        *bans = (struct bans){0};
        int r = disk_init(&bans->disk);
        if (r < 0)
                return r;
        snprintf(bans->path, sizeof(bans->path), "%s/" BANS_FILE_NAME, dir);
        FILE *file = fopen(bans->path, "re");
        if (!file)
                return errno == ENOENT ? 0 : -errno;
        for (unsigned number = 1; fgets(line, sizeof(line), file); number++) {
                size_t len = strcspn(line, "\n");
                bool whole = line[len] == '\n';
                line[len] = '\0';
                for (int c = 0; !whole && c != EOF && c != '\n';) /* longer than any, or the last without an end */
                        c = getc(file);
                if (line[0] != '#' && (!whole || !parse_line(&ban, line) || keep(bans, &ban) < 0))
                        eventlog_bad_ban(log, bans->path, number);
        }
        r = ferror(file) ? -EIO : 0;
        fclose(file);
        return r;
}

void bans_free(struct bans *bans)
{
        if (bans->path[0] != '\0') { /* else they were not read */
                bans_finish(bans);
                disk_free(&bans->disk);
                bans->path[0] = '\0';
        }
        free(bans->list);
        bans->list = NULL;
        bans->count = 0;
}

/* What the file is to be. Returns NULL where there is no memory. */
static char *write_text(const struct bans *bans, size_t *size)
{
        char *text = NULL;
        FILE *file = open_memstream(&text, size);
        if (!file)
                return NULL;
        fputs("# Who may not join the chat: WHAT TIME UID REASON. Written by chatd; chatctl(1) changes it.\n", file);
        for (size_t i = 0; i < bans->count; i++)
                fprintf(file, "%s %" PRId64 " %u %s\n", bans->list[i].what, bans->list[i].time,
                        (unsigned)bans->list[i].uid, bans->list[i].reason);
        if (fclose(file) == 0)
                return text;
        free(text);
        return NULL;
}

static void begin_to_write(struct bans *bans)
{
        size_t size;
        char *text = write_text(bans, &size);
        bans->writing = bans->changes;
        int r = text ? disk_begin(&bans->disk, bans->path, text, size) : -ENOMEM;
        if (r < 0) {
                bans->error = r;
                bans->written = bans->writing;
        }
}

/* With `wait`, waits for what is being written. */
static void take_end(struct bans *bans, bool wait)
{
        if (disk_end(&bans->disk, wait, &bans->error))
                bans->written = bans->writing;
}

void bans_settle(struct bans *bans)
{
        take_end(bans, false);
        if (!bans->disk.job && bans->written < bans->changes)
                begin_to_write(bans);
}

void bans_finish(struct bans *bans)
{
        take_end(bans, true);
        bans_settle(bans);
        take_end(bans, true);
}

int bans_add(struct bans *bans, const struct ban *ban)
{
        int r = keep(bans, ban);
        bans->changes += r == 0;
        return r;
}

int bans_remove(struct bans *bans, const struct ban *what)
{
        struct ban *same = find_same(bans, what);
        if (!same)
                return -ENOENT;
        const struct ban *last = &bans->list[bans->count - 1];
        memmove(same, same + 1, (size_t)((const char *)last - (const char *)same));
        bans->count--;
        bans->changes++;
        return 0;
}
