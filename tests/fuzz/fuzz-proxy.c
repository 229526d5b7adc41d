/* The PROXY protocol's header (chat-session/proxy.c), compared with a second implementation that has all of it at once.
 *
 * Input: the bytes that arrive on a connection from a proxy.
 *
 * Promises: a reader that asks proxy_wants() how much to read takes no byte behind the header, however the bytes come,
 * and stops at the first byte that cannot be part of one. The kind and the address of a whole header are those that the
 * second implementation finds. A header that it finds wrong is refused. At most PROXY_HEADER_MAX_BYTES are read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>

#include "../../chat-session/proxy.h"

#include "fuzz.h"

/* Returns CRC32c, by a table, which proxy.c does not use. */
static uint32_t checksum(const uint8_t *bytes, size_t size)
{
        static uint32_t table[256];
        uint32_t sum = UINT32_MAX;
        for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
                table[i] = i;
                for (int bit = 0; bit < 8; bit++)
                        table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78 : 0);
        }
        for (size_t i = 0; i < size; i++)
                sum = sum >> 8 ^ table[(sum ^ bytes[i]) & 255];
        return ~sum;
}

/* Returns true if the fields that begin at `at` are whole. Counts the checksums, and sets `where` to the last one. */
static bool are_fields(const uint8_t *bytes, size_t at, size_t size, size_t *checksums, size_t *where)
{
        if (at == size)
                return true;
        if (size - at < 3)
                return false;
        size_t value = (size_t)(bytes[at + 1] << 8 | bytes[at + 2]);
        if (size - at - 3 < value)
                return false;
        if (bytes[at] == 3) {
                ++*checksums;
                *where = at + 3;
                if (value != 4)
                        return false;
        }
        return are_fields(bytes, at + 3 + value, size, checksums, where);
}

static int read_binary(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size)
{
        size_t addresses = 0, checksums = 0, where = 0;
        if (bytes[12] == 0x20)
                return PROXY_LOCAL;
        switch (bytes[13]) {
        case 0x11:
        case 0x12:
                addresses = 12;
                break;
        case 0x21:
        case 0x22:
                addresses = 36;
                break;
        case 0x31:
        case 0x32:
                addresses = 216;
                break;
        default:
                return PROXY_UNKNOWN;
        }
        if (size < 16 + addresses || !are_fields(bytes, 16 + addresses, size, &checksums, &where) || checksums > 1)
                return -EPROTO;
        if (checksums == 1) {
                static uint8_t copy[PROXY_HEADER_MAX_BYTES];
                uint32_t stated;
                memcpy(copy, bytes, size);
                memcpy(&stated, bytes + where, 4);
                memset(copy + where, 0, 4);
                if (ntohl(stated) != checksum(copy, size))
                        return -EBADMSG;
        }
        if (bytes[13] == 0x11) {
                memcpy(&source->sin6_addr, (uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
                memcpy(&source->sin6_addr.s6_addr[12], bytes + 16, 4);
                memcpy(&source->sin6_port, bytes + 24, 2);
        } else if (bytes[13] == 0x21) {
                memcpy(&source->sin6_addr, bytes + 16, 16);
                memcpy(&source->sin6_port, bytes + 48, 2);
        } else {
                return PROXY_UNKNOWN;
        }
        return PROXY_CLIENT;
}

/* Reads a line by sscanf(3), and writes it again to check that nothing else was there. */
static int read_line(struct sockaddr_in6 *source, const uint8_t *bytes, size_t size)
{
        char line[PROXY_LINE_MAX_BYTES + 1], from[48], to[48], again[PROXY_LINE_MAX_BYTES + 32];
        unsigned from_port, to_port;
        struct in6_addr target;
        char kind;
        memcpy(line, bytes, size);
        line[size] = '\0';
        if (memcmp(line, "PROXY UNKNOWN", 13) == 0 && (line[13] == ' ' || line[13] == '\r' || line[13] == '\0'))
                return line[13] == '\r' && size != 15 ? -EPROTO : PROXY_UNKNOWN;
        if (sscanf(line, "PROXY TCP%c %47[^ ] %47[^ ] %5u %5u\r\n", &kind, from, to, &from_port, &to_port) != 5)
                return -EPROTO;
        snprintf(again, sizeof(again), "PROXY TCP%c %s %s %u %u\r\n", kind, from, to, from_port, to_port);
        if (strlen(line) != size || strcmp(again, line) != 0 || from_port > 65535 || to_port > 65535)
                return -EPROTO;
        memcpy(&source->sin6_addr, (uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
        bool good = kind == '4' ? inet_pton(AF_INET, from, &source->sin6_addr.s6_addr[12]) == 1 &&
                                          inet_pton(AF_INET, to, &target) == 1
                                : kind == '6' && inet_pton(AF_INET6, from, &source->sin6_addr) == 1 &&
                                          inet_pton(AF_INET6, to, &target) == 1;
        source->sin6_port = htons((uint16_t)from_port);
        return good ? PROXY_CLIENT : -EPROTO;
}

/* Returns the size of the header at the beginning of the input, or 0 if there is none, or only a part of one. */
static size_t header_size(const uint8_t *data, size_t size)
{
        static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
        if (size >= 6 && memcmp(data, "PROXY ", 6) == 0) {
                const uint8_t *end = memchr(data, '\n', size < 107 ? size : 107);
                return end && end[-1] == '\r' && end - data >= 14 ? (size_t)(end + 1 - data) : 0;
        }
        if (size < 16 || memcmp(data, signature, 12) != 0)
                return 0;
        size_t whole = 16 + (size_t)(data[14] << 8 | data[15]);
        bool good = data[12] == 0x20 || (data[12] == 0x21 && data[13] < 0x40 && data[13] % 16 < 3);
        return good && whole <= PROXY_HEADER_MAX_BYTES && whole <= size ? whole : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t whole = header_size(data, size), got = 0;
        ssize_t wants;
        while ((wants = proxy_wants(data, got)) > 0) {
                PROMISE(got + (size_t)wants <= PROXY_HEADER_MAX_BYTES, "reads %zd bytes behind %zu", wants, got);
                PROMISE(whole == 0 || got + (size_t)wants <= whole, "reads %zd bytes behind %zu of %zu", wants, got,
                        whole);
                if (got + (size_t)wants > size)
                        break; /* the rest never comes */
                got += (size_t)wants;
        }
        PROMISE((wants == 0) == (whole > 0), "wants %zd of a header of %zu", wants, whole);
        for (size_t part = 0; part < whole; part++) {
                ssize_t more = proxy_wants(data, part);
                PROMISE(more > 0 && part + (size_t)more <= whole, "wants %zd behind %zu of %zu", more, part, whole);
        }
        if (wants != 0)
                return 0;
        PROMISE(got == whole, "a header of %zu, not %zu", got, whole);
        struct sockaddr_in6 source, expected = {.sin6_family = AF_INET6};
        int kind = proxy_parse(&source, data, whole),
            right = data[0] == 'P' ? read_line(&expected, data, whole) : read_binary(&expected, data, whole);
        PROMISE(kind == right, "%d, not %d", kind, right);
        PROMISE(kind != PROXY_CLIENT || memcmp(&source, &expected, sizeof(source)) == 0, "another address");
        return 0;
}
