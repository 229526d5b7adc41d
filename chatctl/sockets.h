/* Asks systemd about the chat's sockets: the connections that are open, accepted, and refused because there were too
 * many (MaxConnections=, MaxConnectionsPerSource=, systemd.socket(5)). systemd closes refused connections without a
 * message to the client or in the log. It also knows since when a service has been running.
 *
 * Owns the connection to systemd.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "asking.h"

struct sockets {
        sd_bus *bus; /* NULL: systemd cannot be asked */
};

enum { SOCKETS = 12 }; /* number of the chat's sockets */

struct socket_counts {
        const char *unit;
        bool listens;
        uint32_t accepted_count, refused_count; /* connections, since the unit was loaded */
        uint32_t connections;                   /* the current number */
};

struct service_counts {
        uint64_t started_us; /* µs of the epoch when its process was started last; 0: never */
        uint32_t restarts;   /* by systemd, since the service was started by other means */
};

/* Connects: root to systemd itself, other users to the system bus. */
void sockets_open(struct sockets *s);
void sockets_close(struct sockets *s);

/* Reads the numbers of the chat's socket `i`, counted from 0. Returns 1, 0 if there is no such socket, or a negative
 * errno if systemd cannot be asked. */
int sockets_read(const struct sockets *s, size_t i, struct socket_counts *counts);

/* Reads the numbers of a service. Returns 0 or a negative errno. */
int sockets_read_service(const struct sockets *s, const char *unit, struct service_counts *counts);

/* Appends fields to the record: "refused_by_systemd" with the sum, or "unknown", and "refused_at_UNIT" for each socket
 * that listens or has refused connections. Returns 0 or -ENOMEM. */
int sockets_describe(const struct sockets *s, struct answer_record *r);
