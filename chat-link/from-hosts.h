/* Takes messages of other hosts from the network, and notes which hosts are there. */
#pragma once

#include <stdbool.h>

struct link;

/* Delivers messages of other hosts while chatd takes them. Their number is bounded, because a host may publish faster
 * than the link reads. Returns true if there may be more. */
bool from_hosts_take(struct link *l);
