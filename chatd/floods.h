/* Networks that connect too often (chatd/address.h). Each newcomer counts, also one that is refused. A client that
 * closes at once sends chatd nothing and does not count. chatd refuses no client for this. It writes an entry to the
 * journal, and fail2ban(1) reads that (chat.socket(8)).
 *
 * There is room for FLOODS_NETWORKS. A newcomer replaces the network whose time began first. So a flood from more
 * networks than that at once may go unseen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

enum {
        FLOODS_NETWORKS = 64,
        FLOODS_CONNECTIONS = 100, /* more connections than this within FLOODS_MS are too often */
        FLOODS_MS = 60 * 1000,
};

struct floods {
        struct flood {
                struct network network; /* all zeros: free */
                int64_t since_ms;       /* when the first connection of the count came */
                unsigned connections;
        } networks[FLOODS_NETWORKS];
};

/* Counts a connection. Returns true for the last of each FLOODS_CONNECTIONS within FLOODS_MS. Users of this host and
 * unknown networks do not count. `now` is of CLOCK_MONOTONIC. */
bool floods_count(struct floods *floods, const struct network *n, int64_t now);
