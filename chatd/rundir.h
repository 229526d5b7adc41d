/* The run directory: makes it, writes notes in it, and binds chatd's own sockets in it if systemd passes none. */
#pragma once

/* Makes the missing directories below `dir` (chat/paths.h explains them), and takes the lock that keeps a second chatd
 * out. Returns a descriptor, which holds the lock while it is open; or a negative errno: -EWOULDBLOCK if another chatd
 * has the lock, -EPERM if a directory belongs to a user other than chatd's own and root, or if everybody may write to
 * it. */
int rundir_open(const char *dir);

/* Binds a datagram socket at chatd.sock below `dir`, in place of a socket that a dead chatd left. Returns its
 * descriptor or a negative errno. The caller has the lock. */
int rundir_bind(const char *dir);

/* Binds a socket at control.sock below `dir`, in place of an old one, and listens on it, for chatd's own user and root.
 * Returns its descriptor or a negative errno. The caller has the lock. */
int rundir_bind_control(const char *dir);

/* Writes a note, which is a symlink with this text, in place of the note at `path`, in one step. Returns 0, or a
 * negative errno: then the note at `path` is unchanged. The new note is first made at `new`, in the same directory. An
 * existing note can be replaced even if the file system has no inode left, because rundir_open() keeps one. */
int rundir_replace_note(const char *path, const char *new, const char *text);
