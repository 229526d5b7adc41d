/* A ban: of an address with its network, or of a name.
 *
 * An address is IPv4 or IPv6 (chatd/address.h). A ban of an address with an interface (fe80::1%eth0) holds for clients
 * that come by that interface. Names are compared as in chat/names.h: a ban of "bob" is also one of "Bob", and of no
 * other name. Nobody can take a banned name by NICK either.
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
        char target[BAN_WHAT_MAX_BYTES + 1]; /* as it is shown and written */
        uint8_t address[ADDRESS_BYTES];      /* an IPv4 address is stored as IPv6; bits that do not count are zero */
        char scope[ADDRESS_SCOPE_MAX_BYTES + 1]; /* the interface; empty: any */
        int bits;     /* the number of bits of `address` that count; -1: the ban is of a name */
        int64_t time; /* seconds since 1970 */
        uid_t uid;
        char reason[CONTROL_REASON_MAX_BYTES + 1]; /* clean text, may be empty */
};

/* Reads `what` into `ban`: a name, or an address with or without bits. A port is ignored, because members' addresses
 * are shown with one. Returns 0 or -EINVAL. */
int ban_parse(struct ban *ban, const char *what);

/* If the ban is of a single IPv6 address, writes the network of its host as text for another ban. Returns false if the
 * ban is of something else. */
bool ban_widen(const struct ban *ban, char text[static NETWORK_MAX_BYTES + 1]);

/* Returns true if the ban is of this name, whatever its case. */
bool ban_has_name(const struct ban *ban, struct slice name);

/* Returns true if the ban is of this address. A ban without an interface holds for all interfaces. */
bool ban_matches_address(const struct ban *ban, const struct address *address);

/* Returns true if both bans are of the same address and bits, or of the same name. */
bool ban_is_same(const struct ban *a, const struct ban *b);
