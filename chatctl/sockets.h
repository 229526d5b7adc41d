/* What systemd knows of the chat's sockets: how many connections there are, were accepted, and were refused, because there
 * were too many (MaxConnections=, MaxConnectionsPerSource=, systemd.socket(5)). It closes those without a word, and logs
 * nothing. And since when a service runs.
 *
 * Owns the connection to systemd.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "asking.h"

struct sockets {
        sd_bus *bus; /* NULL: there is no way to ask */
};

enum { SOCKETS = 5 }; /* of the chat */

struct socket_counts {
        const char *unit;
        bool listens;
        uint32_t accepted, refused; /* connections, since the unit was loaded */
        uint32_t connections;       /* that there are now */
};

struct service_counts {
        uint64_t started_us; /* when its process was started last, of the epoch; 0: never */
        uint32_t restarts;   /* by systemd, since somebody started it */
};

/* Connects: root to systemd itself, others to the system bus. */
void sockets_open(struct sockets *s);
void sockets_close(struct sockets *s);

/* Reads what is counted of the chat's socket number `i`, from 0 on. Returns 1, or 0 where there is no such one, or a negative
 * errno where systemd cannot be asked. */
int sockets_read(const struct sockets *s, size_t i, struct socket_counts *counts);

/* Reads what is counted of a service. Returns 0 or a negative errno. */
int sockets_read_service(const struct sockets *s, const char *unit, struct service_counts *counts);

/* Appends fields to the record: "refused_by_systemd" with the sum, or "unknown", and "refused_at_UNIT" for each socket
 * that listens or has refused any. Returns 0 or -ENOMEM. */
int sockets_describe(const struct sockets *s, struct answer_record *r);
