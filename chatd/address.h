/* Addresses of members as text ("192.0.2.1:40414", "[fe80::1%eth0]:40414", "pid=7,uid=1000"), and the network of an
 * address, by which members are counted and guests are named.
 *
 * An IPv4 address is a network of its own. One host usually has a whole IPv6 /64 and can take any address in it, so a
 * /64 is one network. Link-local addresses are an exception, because all hosts of a link have them in the same /64. An
 * IPv4 address that is written as IPv6 (::ffff:192.0.2.1) is the same as the IPv4 address. For members that connect by
 * a UNIX socket or a pipe, each user is one network.
 *
 * Pure: text in, bytes out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        ADDRESS_BYTES = 16,
        ADDRESS_IPV4_BITS = 32,
        ADDRESS_IPV6_BITS = 128,
        ADDRESS_SCOPE_MAX_BYTES = 15, /* the name of an interface: IFNAMSIZ - 1 */
        NETWORK_MAX_BYTES = 63,       /* "IPv6/64", "user 4294967295" */
        NETWORK_IPV6_BITS = 64,
};

struct address {
        uint8_t bytes[ADDRESS_BYTES];            /* an IPv4 address is stored as IPv6 */
        int bits;                                /* how many bits the address has in its written form: 32 or 128 */
        char scope[ADDRESS_SCOPE_MAX_BYTES + 1]; /* the interface of an IPv6 address; empty: none is given */
};

/* Reads an address with or without a port. The text must end behind the address or its port. Returns false if the text
 * is no address. */
bool address_parse(struct address *a, const char *text);

/* Keeps the first `bits` of the 128 bits, and clears the others. */
void address_mask(uint8_t bytes[static ADDRESS_BYTES], int bits);

/* A network. All zeros: unknown. */
struct network {
        uint8_t bytes[ADDRESS_BYTES];
};

/* Returns the network of a member's address. */
struct network network_of(const char *address);

bool network_equal(const struct network *a, const struct network *b);
bool network_is_known(const struct network *n);

/* Returns true for a user of this host. */
bool network_is_user(const struct network *n);

/* Writes the network in the form of a ban ("192.0.2.1", "2001:db8:0:1::/64"), or as "root" or "user 1000". */
void network_describe(const struct network *n, char text[static NETWORK_MAX_BYTES + 1]);
