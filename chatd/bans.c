#include "bans.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <chat/names.h>
#include <chat/text.h>

#include "bans-file.h"
#include "eventlog.h"

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

static int keep_read(void *user, const struct ban *ban)
{
        return keep(user, ban);
}

/* Reads a file, but not much more than there can be of bans. Returns it, to be freed by the caller, or NULL and errno. */
static char *read_file(const char *path, size_t *size)
{
        char *text = malloc(BANS_FILE_MAX_BYTES + 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = text && fd >= 0 ? 1 : -1;
        for (*size = 0; n > 0 && *size <= BANS_FILE_MAX_BYTES; *size += n > 0 ? (size_t)n : 0)
                n = read(fd, text + *size, BANS_FILE_MAX_BYTES + 1 - *size);
        int error = errno;
        if (fd >= 0)
                close(fd);
        if (n >= 0)
                return text;
        free(text);
        errno = error;
        return NULL;
}

/* Gives the file a second name, where it stays when it is written anew. Returns 0 or a negative errno. */
static int keep_damaged(const struct bans *bans)
{
        unlink(bans->damaged_path);
        return link(bans->path, bans->damaged_path) < 0 ? -errno : 0;
}

/* Says what is wrong with the file, and has it written anew. Where it cannot be kept it stays as it is until the bans
 * change. */
static void mend(struct bans *bans, const struct bans_file_report *report)
{
        bool damaged = report->state == BANS_FILE_DAMAGED;
        int r = damaged ? keep_damaged(bans) : 0;
        if (report->state != BANS_FILE_OLD)
                eventlog_bans(bans->log, bans->path, report, damaged && r == 0 ? bans->damaged_path : NULL);
        if (r < 0)
                eventlog_warning(bans->log, "cannot keep the damaged file of bans", r);
        bans->damaged |= damaged;
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
        bans->damaged = access(bans->damaged_path, F_OK) == 0;
        char *text = read_file(bans->path, &size);
        if (!text && errno == ENOENT)
                return 0;
        r = text ? bans_file_read(text, size, keep_read, bans, &report) : -errno;
        free(text);
        if (r < 0) { /* it is not lost when the bans change */
                bans->damaged = true;
                keep_damaged(bans);
        } else if (report.state != BANS_FILE_WHOLE) {
                mend(bans, &report);
        }
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

/* What was being written is, or with a negative errno cannot be. */
static void end_writing(struct bans *bans, int error)
{
        bans->error = error;
        bans->written = bans->writing;
        if (error < 0)
                eventlog_warning(bans->log, "cannot write who is banned, which is known until chatd ends", error);
}

static void begin_to_write(struct bans *bans)
{
        size_t size;
        char *text = bans_file_write(bans->list, bans->count, &size);
        bans->writing = bans->changes;
        int r = text ? disk_begin(&bans->disk, bans->path, text, size) : -ENOMEM;
        if (r < 0)
                end_writing(bans, r);
}

/* With `wait`, waits for what is being written. */
static void take_end(struct bans *bans, bool wait)
{
        int error;
        if (disk_end(&bans->disk, wait, &error))
                end_writing(bans, error);
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
