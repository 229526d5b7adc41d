#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
        LINE_MIN_BYTES = 15, /* "PROXY UNKNOWN" and CR LF; shorter than any header of version 2 */
        LINE_WORDS = 6,
        HEAD_BYTES = 16, /* of version 2: the signature, version and command, family, and the size of the rest */
        COMMAND_AT = 12,
        FAMILY_AT = 13,
        SIZE_AT = 14,
        COMMAND_LOCAL = 0x20,
        COMMAND_PROXY = 0x21,
        FIELD_HEAD_BYTES = 3, /* of a TLV: its type and the size of its value */
        FIELD_CHECKSUM = 3,
        CHECKSUM_BYTES = 4,
};

static const char line_begin[] = "PROXY ", signature[] = "\r\n\r\n\0\r\nQUIT\n";

static bool proxy_begins(const uint8_t *bytes, size_t size, const char *with, size_t with_size)
{
        return memcmp(bytes, with, size < with_size ? size : with_size) == 0;
}

static size_t proxy_read_u16(const uint8_t *at)
{
        return (size_t)at[0] << 8 | at[1];
}

/* Begins an IPv4 address that is mapped into IPv6. Returns the place of its four bytes. */
static uint8_t *proxy_map_ipv4(struct in6_addr *ip)
{
        memset(ip, 0, sizeof(*ip));
        memset(&ip->s6_addr[10], 0xff, 2);
        return &ip->s6_addr[12];
}

/* ---- version 1 ---- */

static ssize_t proxy_line_wants(const uint8_t *bytes, size_t size)
{
        const uint8_t *end = memchr(bytes, '\n', size);
        if (size > PROXY_LINE_MAX_BYTES)
                return -EMSGSIZE;
        if (end) /* a line shorter than LINE_MIN_BYTES may have been read beyond its end */
                return size >= LINE_MIN_BYTES && end + 1 == bytes + size && end[-1] == '\r' ? 0 : -EPROTO;
        if (size < LINE_MIN_BYTES)
                return LINE_MIN_BYTES - (ssize_t)size;
        return size < PROXY_LINE_MAX_BYTES ? 1 : -EMSGSIZE;
}

/* Reads a port, which must not have zeros in front. Returns false if it is none. */
static bool proxy_read_port(in_port_t *port, const char *text)
{
        size_t digits = strlen(text);
        if (digits == 0 || digits > 5 || strspn(text, "0123456789") != digits || (text[0] == '0' && digits > 1) ||
            atoi(text) > UINT16_MAX)
                return false;
        *port = htons((uint16_t)atoi(text));
        return true;
}

static bool proxy_read_address(struct in6_addr *ip, bool ipv4, const char *text)
{
        return ipv4 ? inet_pton(AF_INET, text, proxy_map_ipv4(ip)) == 1 : inet_pton(AF_INET6, text, ip) == 1;
}

static int proxy_parse_line(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size)
{
        char line[PROXY_LINE_MAX_BYTES], *rest = line, *word[LINE_WORDS] = {0};
        struct sockaddr_in6 target;
        memcpy(line, bytes, size);
        line[size - 2] = '\0';
        if (strcmp(line, "PROXY UNKNOWN") == 0 || strncmp(line, "PROXY UNKNOWN ", 14) == 0)
                return PROXY_UNKNOWN;
        if (strlen(line) != size - 2)
                return -EPROTO;
        for (int i = 0; i < LINE_WORDS; i++)
                if (!(word[i] = strsep(&rest, " ")))
                        return -EPROTO;
        bool ipv4 = strcmp(word[1], "TCP4") == 0;
        if (rest || (!ipv4 && strcmp(word[1], "TCP6") != 0))
                return -EPROTO;
        if (!proxy_read_address(&source->sin6_addr, ipv4, word[2]) ||
            !proxy_read_address(&target.sin6_addr, ipv4, word[3]) || !proxy_read_port(&source->sin6_port, word[4]) ||
            !proxy_read_port(&target.sin6_port, word[5]))
                return -EPROTO;
        return PROXY_CLIENT;
}

/* ---- version 2 ---- */

static ssize_t proxy_binary_wants(const uint8_t *bytes, size_t size)
{
        if (size < HEAD_BYTES)
                return HEAD_BYTES - (ssize_t)size;
        uint8_t command = bytes[COMMAND_AT], family = bytes[FAMILY_AT];
        size_t whole = HEAD_BYTES + proxy_read_u16(bytes + SIZE_AT);
        /* the family is meaningless for the proxy's own connection */
        if (command != COMMAND_LOCAL && (command != COMMAND_PROXY || family >> 4 > 3 || (family & 15) > 2))
                return -EPROTO;
        if (whole > PROXY_HEADER_MAX_BYTES)
                return -EMSGSIZE;
        return whole >= size ? (ssize_t)(whole - size) : -EPROTO;
}

/* Returns the next state of CRC32c (RFC 4960, appendix B), one byte further. */
static uint32_t proxy_checksum_push(uint32_t sum, uint8_t byte)
{
        sum ^= byte;
        for (int bit = 0; bit < 8; bit++)
                sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
        return sum;
}

/* Returns the checksum of a header. Its four bytes at `at`, which hold the stated checksum, count as zeros. */
static uint32_t proxy_checksum_of(const uint8_t *bytes, size_t size, size_t at)
{
        uint32_t sum = UINT32_MAX;
        for (size_t i = 0; i < size; i++)
                sum = proxy_checksum_push(sum, i >= at && i < at + CHECKSUM_BYTES ? 0 : bytes[i]);
        return ~sum;
}

/* Checks the fields from `at` on. Returns 0, -EPROTO if they are malformed, or -EBADMSG if the checksum is wrong. */
static int proxy_check_fields(const uint8_t *bytes, size_t size, size_t at)
{
        size_t checksum = 0;
        for (size_t value; at < size; at = value + proxy_read_u16(bytes + at + 1)) {
                value = at + FIELD_HEAD_BYTES;
                if (value > size || value + proxy_read_u16(bytes + at + 1) > size)
                        return -EPROTO;
                if (bytes[at] != FIELD_CHECKSUM)
                        continue;
                if (checksum != 0 || proxy_read_u16(bytes + at + 1) != CHECKSUM_BYTES)
                        return -EPROTO;
                checksum = value;
        }
        if (checksum == 0)
                return 0;
        uint32_t sum = (uint32_t)(proxy_read_u16(bytes + checksum) << 16 | proxy_read_u16(bytes + checksum + 2));
        return sum == proxy_checksum_of(bytes, size, checksum) ? 0 : -EBADMSG;
}

/* Returns the size of two addresses of a family, with their ports. */
static size_t proxy_addresses_bytes(uint8_t family)
{
        static const size_t sizes[] = {0, 12, 36, 216}; /* none, IPv4, IPv6, two paths of UNIX sockets */
        return sizes[family >> 4];
}

static int proxy_parse_binary(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size)
{
        uint8_t family = bytes[FAMILY_AT];
        const uint8_t *at = bytes + HEAD_BYTES;
        if (bytes[COMMAND_AT] == COMMAND_LOCAL)
                return PROXY_LOCAL;
        if (family >> 4 == 0 || (family & 15) == 0) /* the size of the addresses is unknown */
                return PROXY_UNKNOWN;
        if (size - HEAD_BYTES < proxy_addresses_bytes(family))
                return -EPROTO;
        int r = proxy_check_fields(bytes, size, HEAD_BYTES + proxy_addresses_bytes(family));
        if (r < 0)
                return r;
        if (family == 0x11) {
                memcpy(proxy_map_ipv4(&source->sin6_addr), at, 4);
                memcpy(&source->sin6_port, at + 8, sizeof(source->sin6_port));
        } else if (family == 0x21) {
                memcpy(&source->sin6_addr, at, sizeof(source->sin6_addr));
                memcpy(&source->sin6_port, at + 32, sizeof(source->sin6_port));
        } else {
                return PROXY_UNKNOWN;
        }
        return PROXY_CLIENT;
}

ssize_t proxy_wants(const uint8_t *bytes, size_t size)
{
        if (proxy_begins(bytes, size, line_begin, sizeof(line_begin) - 1))
                return proxy_line_wants(bytes, size);
        if (proxy_begins(bytes, size, signature, sizeof(signature) - 1))
                return proxy_binary_wants(bytes, size);
        return -EPROTO;
}

int proxy_parse(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size)
{
        if (proxy_wants(bytes, size) != 0)
                return -EPROTO;
        *source = (struct sockaddr_in6){.sin6_family = AF_INET6};
        return bytes[0] == 'P' ? proxy_parse_line(source, bytes, size) : proxy_parse_binary(source, bytes, size);
}
