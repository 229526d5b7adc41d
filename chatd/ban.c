#include "ban.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <chat/names.h>
#include <chat/safe-text.h>

/* Writes the address into `target`, in the form in which it is shown. */
static void ban_describe_address(struct ban *ban)
{
        char text[INET6_ADDRSTRLEN];
        struct in6_addr v6;
        memcpy(&v6, ban->address, sizeof(v6));
        bool v4 = IN6_IS_ADDR_V4MAPPED(&v6) && ban->bits >= ADDRESS_IPV6_BITS - ADDRESS_IPV4_BITS;
        int bits = v4 ? ban->bits - (ADDRESS_IPV6_BITS - ADDRESS_IPV4_BITS) : ban->bits;
        const char *percent = ban->scope[0] != '\0' ? "%" : "";
        inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ban->address + 12 : ban->address, text, sizeof(text));
        if (ban->bits == ADDRESS_IPV6_BITS)
                snprintf(ban->target, sizeof(ban->target), "%s%s%s", text, percent, ban->scope);
        else
                snprintf(ban->target, sizeof(ban->target), "%s%s%s/%d", text, percent, ban->scope, bits);
}

static int ban_parse_bits(const char *text, int most)
{
        char *end;
        if (text[0] < '0' || text[0] > '9')
                return -1;
        unsigned long bits = strtoul(text, &end, 10);
        return *end == '\0' && bits <= (unsigned long)most ? (int)bits : -1;
}

static bool ban_has_letter(const char *text)
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
        int bits = parsed && slash ? ban_parse_bits(slash + 1, address.bits) : address.bits;
        if (parsed && bits >= 0) {
                ban->bits = bits + ADDRESS_IPV6_BITS - address.bits;
                memcpy(ban->address, address.bytes, sizeof(ban->address));
                memcpy(ban->scope, address.scope, sizeof(ban->scope));
                address_mask(ban->address, ban->bits);
                ban_describe_address(ban);
                return 0;
        }
        /* No member can have an invalid address as its name, or a name without a letter: such a ban would have no
         * effect. */
        if (strpbrk(what, "/:#") || !ban_has_letter(what) || (what[0] >= '0' && what[0] <= '9') ||
            len > LOCAL_NAME_MAX_BYTES || !text_is_local_name(what, len))
                return -EINVAL;
        ban->bits = -1;
        memcpy(ban->target, what, len + 1);
        return 0;
}

size_t ban_describe(const struct ban *ban, char line[static LINES_FILE_ENTRY_MAX_BYTES])
{
        _Static_assert(sizeof(struct ban) + 32 <= LINES_FILE_ENTRY_MAX_BYTES, "a ban is longer than a line");
        return (size_t)snprintf(line, LINES_FILE_ENTRY_MAX_BYTES, "%s %" PRId64 " %u %s", ban->target, ban->time,
                                (unsigned)ban->uid, ban->reason);
}

int ban_parse_line(struct ban *ban, char *line)
{
        const char *what = text_next_word(&line), *time = what ? text_next_word(&line) : NULL;
        const char *uid = time ? text_next_word(&line) : NULL;
        int64_t number;
        *ban = (struct ban){0};
        if (!uid || ban_parse(ban, what) < 0 || !lines_file_parse_number(time, INT64_MAX, &ban->time) ||
            !lines_file_parse_number(uid, UINT32_MAX, &number))
                return -EINVAL;
        ban->uid = (uid_t)number;
        if (strlen(line) > CONTROL_REASON_MAX_BYTES || !text_is_clean(line, strlen(line)))
                return -EINVAL;
        memcpy(ban->reason, line, strlen(line));
        return 0;
}

bool ban_widen(const struct ban *ban, char text[static NETWORK_MAX_BYTES + 1])
{
        const struct network n = network_of(ban->target);
        if (ban->bits != ADDRESS_IPV6_BITS)
                return false;
        network_describe(&n, text);
        return strchr(text, '/') != NULL;
}

bool ban_matches_address(const struct ban *ban, const struct address *address)
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
        return ban->bits < 0 && name_compare(ban->target, strlen(ban->target), name.at, name.len) == 0;
}

bool ban_is_same(const struct ban *a, const struct ban *b)
{
        if (a->bits != b->bits)
                return false;
        if (a->bits < 0)
                return ban_has_name(a, slice_of(b->target));
        return memcmp(a->address, b->address, sizeof(a->address)) == 0 && strcmp(a->scope, b->scope) == 0;
}
