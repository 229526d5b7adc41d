/* The identity of the client at the other end of a descriptor. */
#pragma once

#include <chat/frame.h>

#include "proxy.h"

struct peer {
        char name[NAME_MAX_BYTES + 1];       /* shown to other members; clean text */
        char address[ADDRESS_MAX_BYTES + 1]; /* for the log */
};

/* Fills `p` from the connection at `fd`. TCP: name and address are both "127.0.0.1:54321" or "[::1]:54321" (an IPv4
 * address mapped into IPv6 is shown as IPv4, a link-local one with its interface: "[fe80::1%eth0]:54321"). If the
 * connection is gone already, they are what the launcher states in REMOTE_ADDR and REMOTE_PORT, systemd.socket(5), or
 * "unknown". A UNIX socket: the login name that SO_PEERCRED gives, socket(7). Any other descriptor, as behind ssh: the
 * login name of this process. */
void peer_identify(struct peer *p, int fd);

/* Reads the header that names a proxy's client (proxy.h) from `fd`, the connection of the proxy. Reads nothing behind
 * the header, and takes five seconds at most. Before the call `p` is the proxy itself, as peer_identify() fills it.
 * Returns a proxy_kind; for PROXY_CLIENT `p` becomes the client that the header names. Makes only system calls that the
 * sandbox allows.
 *
 * Returns a negative errno if there was no such header: -ENODATA if the connection ended before its first byte, -EPIPE
 * if it ended within the header, -ETIMEDOUT if the header did not come in time, or what proxy_wants() and proxy_parse()
 * return.
 */
int peer_identify_proxied(struct peer *p, int fd);

/* Makes `p` the client at this address; an IPv4 address is mapped into IPv6. Makes no system call. */
void peer_is_at(struct peer *p, const struct sockaddr_in6 *address);

/* Returns what was wrong with a proxy's header, for the journal: NOT_CHAT_HEADER (chat/frame.h) and a word. `error` is
 * the negative errno with which peer_identify_proxied() failed. */
const char *peer_error_name(int error);
