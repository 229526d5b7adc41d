/* Who is at the other end of a descriptor. */
#pragma once

#include <chat/frame.h>

#include "proxy.h"

struct peer {
        char name[NAME_MAX_BYTES + 1];       /* shown to others; clean text */
        char address[ADDRESS_MAX_BYTES + 1]; /* for the log */
};

/* Fills `p` from the connection at `fd`. TCP: name and address are both "127.0.0.1:54321" or "[::1]:54321" (an IPv4
 * address mapped into IPv6 is shown as IPv4, a link-local one with its interface: "[fe80::1%eth0]:54321"); where the connection is gone already, what the launcher says of it in
 * REMOTE_ADDR and REMOTE_PORT, systemd.socket(5), or "unknown". A UNIX socket: the login name that SO_PEERCRED gives,
 * socket(7). Anything else, as behind ssh: the login name of this process. */
void peer_identify(struct peer *p, int fd);

/* Reads from `fd`, the connection of a proxy, the header that names its client (proxy.h) and nothing behind it, for five
 * seconds at most. `p` is the proxy itself, as peer_identify() has it. Returns a proxy_kind; with PROXY_CLIENT
 * `p` has become the client that the header names. Makes no other system calls than a session may in its sandbox.
 *
 * Returns a negative errno where there was no such header: -ENODATA if the connection ended before its first byte,
 * -EPIPE if it did so within it, -ETIMEDOUT if it did not come in time, or what proxy_wants() and proxy_parse() return. */
int peer_identify_proxied(struct peer *p, int fd);
