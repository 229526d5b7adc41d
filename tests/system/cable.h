/* Two hosts on one cable, each a process with its own network. The chat is at `near`, whose interface is near0, and
 * clients are at `far`, whose interface is far0. Only root can make such networks. */
#pragma once

#include <sys/types.h>

#define CABLE_NEAR "10.99.0.1"
#define CABLE_FAR "10.99.0.2"

struct cable {
        pid_t near, far; /* for nsenter -n -t */
};

struct cable cable_start(void);

/* Ends both processes, and their networks with them. */
void cable_end(struct cable c);

/* Enters the network of `pid`. Returns a descriptor of the network so far, for cable_leave(). */
int cable_enter(pid_t pid);

/* Goes back to the network before, and closes its descriptor. */
void cable_leave(int before);
