/* A ban: of an address with its network, or of a name.
 *
 * An address is IPv4 or IPv6 (chatd/address.h); one with an interface (fe80::1%eth0) is banned where it comes by that.
 * A name is compared as chat/names.h does: that of "bob" is one of "Bob", and of nobody else; nobody can take it by NICK
 * either.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/control.h>
#include <chat/frame.h>

#include "address.h"

enum { BAN_WHAT_MAX_BYTES = NAME_MAX_BYTES }; /* "IPv6%INTERFACE/BITS" needs 65 */

struct ban {
        char what[BAN_WHAT_MAX_BYTES + 1];       /* as it is shown and written */
        uint8_t address[ADDRESS_BYTES];          /* of IPv4 as IPv6, without the bits that do not count */
        char scope[ADDRESS_SCOPE_MAX_BYTES + 1]; /* the interface that it is of; empty: any */
        int bits;                                /* of `address`, that count; -1: it is a name */
        int64_t time;                            /* seconds of the epoch */
        uid_t uid;
        char reason[CONTROL_REASON_MAX_BYTES + 1]; /* clean text, may be empty */
};

/* Reads `what`, an address with or without bits (and with a port, which does not count: as members' addresses are
 * shown) or a name, into `ban`. Returns 0 or -EINVAL. */
int ban_parse(struct ban *ban, const char *what);

/* Writes the network of one host that the ban is a single IPv6 address of, as another ban would name it. Returns false
 * where the ban is of something else. */
bool ban_widen(const struct ban *ban, char text[static NETWORK_MAX_BYTES + 1]);

/* Returns true where the ban is of this name, whatever its case. */
bool ban_has_name(const struct ban *ban, struct slice name);

/* Returns true where the ban is of this address. A ban without an interface holds for all of them. */
bool ban_matches_address(const struct ban *ban, const struct address *address);

/* Returns true where both are of the same address and bits, or of the same name. */
bool ban_is_same(const struct ban *a, const struct ban *b);
