/* The three sockets that outlive the programs that serve them: for clients, for chatd's queue, and for chatctl.
 * chat-init holds them as systemd would. Connections and datagrams that wait there are taken by the next launcher or
 * chatd.
 */
#pragma once

#include <sys/types.h>

/* The owner of the run directory and of its contents. */
struct owner {
        uid_t uid;
        gid_t gid; /* the group of the sessions, too */
};

struct listening {
        int queue;   /* chatd's queue: the owner and the group may send, and the kernel states the sender */
        int control; /* for chatctl: the owner and root may connect */
};

/* Makes the run directory `dir` and its contents, removes what an earlier start left there, and binds both sockets. If
 * the caller is root, all of it is given to the owner; any other caller must be the owner. Returns 0 or a negative
 * errno: -EWOULDBLOCK if a chatd serves this directory. */
int listen_in_dir(struct listening *l, const char *dir, const struct owner *owner);

/* Listens for clients at `where`: "PORT" of all addresses, "IPv4:PORT" or "[IPv6]:PORT". Returns a descriptor or a
 * negative errno: -EINVAL if `where` has none of these forms. */
int listen_tcp(const char *where);
