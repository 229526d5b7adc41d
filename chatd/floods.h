/* Networks that connect too often (address.h). Each newcomer counts, also a refused one. A client that closes at once
 * does not count, because chatd does not learn of it. chatd refuses no client because of this. It writes an entry to
 * the journal, which fail2ban(1) reads (chat.socket(8)).
 *
 * There is room for FLOODS_NETWORKS networks. A new network replaces the one whose count began first. So a flood from
 * more networks at once may go unnoticed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"

enum {
        FLOODS_NETWORKS = 64,
        FLOODS_CONNECTIONS = 100, /* so many connections within FLOODS_MS are too often */
        FLOODS_MS = 60 * 1000,
};

struct floods {
        struct flood {
                struct network network; /* all zeros: free */
                int64_t since_ms;       /* when the first connection of the count came */
                unsigned connections;
        } networks[FLOODS_NETWORKS];
};

/* Counts a connection. Returns true if it is the last of FLOODS_CONNECTIONS connections within FLOODS_MS. Users of this
 * host and unknown networks do not count. `now` is of CLOCK_MONOTONIC. */
bool floods_count(struct floods *floods, const struct network *n, int64_t now);
