/* The connection of chatd to a member: to its inbox, and to its process.
 *
 * `dir` is the run directory. `owner` is the user of all sessions, which owns their inboxes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "member.h"

/* Connects to the inbox of `m` and, unless it is the link, opens a pidfd of its process. Returns 0 or a negative errno:
 * -ECONNREFUSED, -ENOENT or -ESRCH if the session is dead or the link's inbox is gone; -EPERM if the inbox is no socket
 * of `owner`, or for the link, of chatd's own user. After an error no descriptor of `m` is open. */
int reach_connect(const char *dir, uid_t owner, struct member *m);

/* Returns true if the process of `m` runs, even if its inbox cannot be reached. */
bool reach_process_runs(const struct member *m);

/* Closes the descriptors of `m`, and ends its loan. */
void reach_close(struct member *m);

/* Opens the inbox `file` in the directory `dir` (openat(2)), and writes an address of the opened file. Returns a
 * descriptor, or a negative errno: -EPERM if the file is no socket of `owner`. The address is valid until the
 * descriptor is closed. The file is checked because sessions can put any file into their directory: a symlink could
 * lead to any socket that chatd's user may write to. */
int reach_open_inbox(int dir, const char *file, uid_t owner, struct sockaddr_un *address);

/* Sends one frame other than a batch to `m`. Returns 0 or a negative errno. */
int reach_send(struct member *m, const struct frame *f);

/* Sends a frame from the unconnected socket `fd` to the inbox `key` of a session that is no member; if `id` is LINK_ID,
 * to the link's inbox. Returns 0 or a negative errno. */
int reach_send_stranger(const char *dir, uid_t owner, int fd, uint64_t id, uint64_t key, const struct frame *f);

/* Removes the inbox `key` of a session that left or died. */
void reach_remove_inbox(const char *dir, uint64_t key);
