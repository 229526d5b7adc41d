/* Who is at the other end of a descriptor. */
#pragma once

#include <chat/frame.h>

struct peer {
        char name[NAME_MAX_BYTES + 1];       /* shown to others; clean text */
        char address[ADDRESS_MAX_BYTES + 1]; /* for the log */
};

/* Fills `p` from the connection at `fd`. TCP: name and address are both "127.0.0.1:54321" or "[::1]:54321" (an IPv4
 * address mapped into IPv6 is shown as IPv4, a link-local one with its interface: "[fe80::1%eth0]:54321"); where the connection is gone already, what the launcher says of it in
 * REMOTE_ADDR and REMOTE_PORT, systemd.socket(5), or "unknown". A UNIX socket: the login name that SO_PEERCRED gives,
 * socket(7). Anything else, as behind ssh: the login name of this process. */
void peer_identify(struct peer *p, int fd);

/* The same where a proxy is at the other end, which says first whom it passes on, in a line as of the PROXY protocol,
 * version 1: "PROXY TCP4 192.168.1.7 192.168.1.10 54321 8889", or TCP6, and CR LF. Reads it and nothing behind it from
 * `fd`, for five seconds at most, and makes no other system calls than a session may in its sandbox. Returns 0, or
 * -EPROTO where there is no such line in time. */
int peer_identify_proxied(struct peer *p, int fd);
