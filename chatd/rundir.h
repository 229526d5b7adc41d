/* The run directory, how notes in it are written, and an intake of chatd's own if systemd passes none. */
#pragma once

/* Makes the directories below `dir` that do not exist (chat/paths.h has their meaning), and takes the lock that keeps a
 * second chatd out for as long as the returned descriptor is open. Returns the descriptor, or a negative errno:
 * -EWOULDBLOCK if another chatd has the lock, -EPERM if a directory belongs to a user other than chatd's own or root,
 * or is writable for everybody. */
int rundir_open(const char *dir);

/* Binds a datagram socket at chatd.sock below `dir`, in place of one that a dead chatd left. Returns its descriptor, or
 * a negative errno. The caller has the lock. */
int rundir_bind(const char *dir);

/* Binds a socket at control.sock below `dir`, in place of an old one, and listens on it, for chatd's own user and root.
 * Returns its descriptor, or a negative errno. The caller has the lock. */
int rundir_bind_control(const char *dir);

/* Writes a note, which is a symlink with this text, in one step, in place of one at `path`. Returns 0, or a negative
 * errno: then the note at `path` is unchanged. The note is first made at `new`, in the same directory. A note that
 * exists can be replaced even if the file system has no inode left: rundir_open() keeps one. */
int rundir_replace_note(const char *path, const char *new, const char *text);
