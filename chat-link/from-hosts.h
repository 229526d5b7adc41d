/* What other hosts say, through the network: their messages, and which hosts there are. */
#pragma once

#include <stdbool.h>

struct link;

/* Delivers messages of other hosts, as far as chatd takes them. The number is bounded, because a host may publish faster
 * than the link reads. Returns true if there may be more. */
bool from_hosts_take(struct link *l);
