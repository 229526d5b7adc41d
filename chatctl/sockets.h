/* What systemd knows of the chat's sockets: how many connections it refused there, because there were too many
 * (MaxConnections=, MaxConnectionsPerSource=, systemd.socket(5)). It closes those without a word, and logs nothing.
 *
 * Owns the connection to systemd.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "asking.h"

struct sockets {
        sd_bus *bus; /* NULL: there is no way to ask */
};

/* Connects: root to systemd itself, others to the system bus. */
void sockets_open(struct sockets *s);
void sockets_close(struct sockets *s);

/* Appends fields to the record: "refused_by_systemd" with the sum, or "unknown", and "refused_at_UNIT" for each socket
 * that listens or has refused any. Returns 0 or -ENOMEM. */
int sockets_describe(const struct sockets *s, struct answer_record *r);
