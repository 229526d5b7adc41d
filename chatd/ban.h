/* A ban: of an address with its network, or of a name.
 *
 * An address is IPv4 or IPv6 (chatd/address.h). A ban of an address with an interface (fe80::1%eth0) applies to clients
 * that come by that interface. Names are compared as in chat/names.h: a ban of "bob" also bans "Bob", and no other
 * name. A banned name cannot be taken by NICK either.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/control.h>
#include <chat/frame.h>

#include "address.h"
#include "lines-file.h"

enum { BAN_WHAT_MAX_BYTES = NAME_MAX_BYTES }; /* "IPv6%INTERFACE/BITS" needs 65 */

struct ban {
        char target[BAN_WHAT_MAX_BYTES + 1]; /* the name or address, in the form that is shown and written */
        /* an IPv4 address is stored as IPv6; bits behind the first `bits` are zero */
        uint8_t address[ADDRESS_BYTES];
        char scope[ADDRESS_SCOPE_MAX_BYTES + 1]; /* the interface; empty: any */
        int bits;                                /* how many bits of `address` are compared; -1: the ban is of a name */
        int64_t time;                            /* seconds since 1970 */
        uid_t uid;
        char reason[CONTROL_REASON_MAX_BYTES + 1]; /* clean text, may be empty */
};

/* Reads `what` into `ban`: a name, or an address with or without bits. Returns 0 or -EINVAL. A port is ignored, because
 * the addresses of members are shown with their ports. */
int ban_parse(struct ban *ban, const char *what);

/* Writes the ban as a line of a file, "WHAT TIME UID REASON". Returns its length. */
size_t ban_describe(const struct ban *ban, char line[static LINES_FILE_ENTRY_MAX_BYTES]);

/* Reads such a line, which it changes. Returns 0 or -EINVAL. */
int ban_parse_line(struct ban *ban, char *line);

/* Returns true if the ban is of a single IPv6 address, and its host may have other addresses in the same network. Then
 * writes that network, in the form of a ban. */
bool ban_widen(const struct ban *ban, char text[static NETWORK_MAX_BYTES + 1]);

/* Returns true if the ban is of this name, in upper or lower case. */
bool ban_has_name(const struct ban *ban, struct slice name);

/* Returns true if the ban is of this address. A ban without an interface applies to all interfaces. */
bool ban_matches_address(const struct ban *ban, const struct address *address);

/* Returns true if both bans are of the same address and bits, or of the same name. */
bool ban_is_same(const struct ban *a, const struct ban *b);
