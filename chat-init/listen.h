/* The three sockets that outlive the programs that serve them: for clients, for chatd's queue, and for chatctl. chat-init holds
 * them, as systemd would: what waits there waits for the next chatd or the next launcher.
 */
#pragma once

#include <sys/types.h>

/* The owner of the run directory and of what is in it. */
struct owner {
        uid_t uid;
        gid_t gid; /* sessions are in it, too */
};

struct listening {
        int queue;   /* chatd's; the owner and the group may send, and the kernel says who does */
        int control; /* for the owner and root */
};

/* Makes the run directory `dir` and what is in it, removes what an earlier start left there, and binds both sockets. Root gives
 * all of it to the owner; any other caller must be the owner. Returns 0 or a negative errno: -EWOULDBLOCK if a chatd serves this
 * directory. */
int listen_in_dir(struct listening *l, const char *dir, const struct owner *owner);

/* Listens for clients at `where`: "PORT" of all addresses, "IPv4:PORT" or "[IPv6]:PORT". Returns a descriptor or a
 * negative errno: -EINVAL if it is none of these. */
int listen_tcp(const char *where);
