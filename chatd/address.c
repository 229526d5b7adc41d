#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_KEY "uid="

enum {
        IPV4_OFFSET = 12,
};

static const uint8_t ipv4_prefix[IPV4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t user_prefix[IPV4_OFFSET] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Returns the length of an address without its port. The address has no brackets, so a port is the part behind its only
 * colon. */
static size_t address_length_without_port(const char *text, size_t len)
{
        const char *colon = memchr(text, ':', len);
        bool only = colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - text));
        return only ? (size_t)(colon - text) : len;
}

/* Takes the interface off the end of an IPv6 address. Returns false if the interface is invalid. */
static bool address_take_scope(struct address *a, char *text)
{
        char *percent = strchr(text, '%');
        if (!percent)
                return true;
        *percent++ = '\0';
        size_t len = strlen(percent);
        if (len == 0 || len > ADDRESS_SCOPE_MAX_BYTES)
                return false;
        memcpy(a->scope, percent, len + 1);
        return true;
}

bool address_parse(struct address *a, const char *text)
{
        char copy[INET6_ADDRSTRLEN + 1 + ADDRESS_SCOPE_MAX_BYTES + 1] = "";
        struct in_addr v4;
        struct in6_addr v6;
        bool brackets = text[0] == '[';
        size_t len = brackets ? strcspn(++text, "]") : address_length_without_port(text, strlen(text));
        *a = (struct address){0};
        if (len >= sizeof(copy))
                return false;
        snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
        if (inet_pton(AF_INET, copy, &v4) == 1) {
                memcpy(a->bytes, ipv4_prefix, sizeof(ipv4_prefix));
                memcpy(a->bytes + IPV4_OFFSET, &v4, sizeof(v4));
                a->bits = ADDRESS_IPV4_BITS;
                return true;
        }
        if (!address_take_scope(a, copy) || inet_pton(AF_INET6, copy, &v6) != 1)
                return false;
        memcpy(a->bytes, &v6, sizeof(v6));
        a->bits = ADDRESS_IPV6_BITS;
        return true;
}

/* Returns the byte with all but its first `bits` bits cleared. */
static uint8_t address_mask_byte(uint8_t byte, int bits)
{
        if (bits <= 0)
                return 0;
        if (bits >= 8)
                return byte;
        return (uint8_t)(byte & 0xff << (8 - bits));
}

void address_mask(uint8_t bytes[static ADDRESS_BYTES], int bits)
{
        for (int i = 0; i < ADDRESS_BYTES; i++)
                bytes[i] = address_mask_byte(bytes[i], bits - i * 8);
}

/* Reads the uid in "pid=7,uid=1000" or "uid=1000". Returns false if the address has none. */
static bool address_parse_user(const char *address, uint32_t *uid)
{
        const char *comma = strchr(address, ','), *key = comma ? comma + 1 : address;
        char *end;
        if (strncmp(key, USER_KEY, strlen(USER_KEY)) != 0 || !isdigit((unsigned char)key[strlen(USER_KEY)]))
                return false;
        *uid = (uint32_t)strtoul(key + strlen(USER_KEY), &end, 10);
        return *end == '\0';
}

/* Returns true for an address whose /64 does not belong to one host: an IPv4 address, a link-local one, or the loopback
 * address. */
static bool address_is_alone(const uint8_t bytes[static ADDRESS_BYTES])
{
        struct in6_addr v6;
        memcpy(&v6, bytes, sizeof(v6));
        return IN6_IS_ADDR_V4MAPPED(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) || IN6_IS_ADDR_LOOPBACK(&v6);
}

struct network network_of(const char *address)
{
        struct network n = {{0}};
        struct address a;
        uint32_t uid;
        if (address_parse(&a, address)) {
                memcpy(n.bytes, a.bytes, sizeof(n.bytes));
                if (!address_is_alone(a.bytes))
                        address_mask(n.bytes, NETWORK_IPV6_BITS);
        } else if (address_parse_user(address, &uid)) {
                uid = htonl(uid);
                memcpy(n.bytes, user_prefix, sizeof(user_prefix));
                memcpy(n.bytes + IPV4_OFFSET, &uid, sizeof(uid));
        }
        return n;
}

bool network_equal(const struct network *a, const struct network *b)
{
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool network_is_known(const struct network *n)
{
        return !network_equal(n, &(struct network){{0}});
}

bool network_is_user(const struct network *n)
{
        return memcmp(n->bytes, user_prefix, sizeof(user_prefix)) == 0;
}

void network_describe(const struct network *n, char text[static NETWORK_MAX_BYTES + 1])
{
        char address[INET6_ADDRSTRLEN];
        uint32_t uid;
        if (network_is_user(n)) {
                memcpy(&uid, n->bytes + IPV4_OFFSET, sizeof(uid));
                if (uid == 0)
                        snprintf(text, NETWORK_MAX_BYTES + 1, "root");
                else
                        snprintf(text, NETWORK_MAX_BYTES + 1, "user %u", (unsigned)ntohl(uid));
        } else if (memcmp(n->bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0) {
                inet_ntop(AF_INET, n->bytes + IPV4_OFFSET, text, NETWORK_MAX_BYTES + 1);
        } else {
                inet_ntop(AF_INET6, n->bytes, address, sizeof(address));
                snprintf(text, NETWORK_MAX_BYTES + 1, "%s%s", address, address_is_alone(n->bytes) ? "" : "/64");
        }
}
