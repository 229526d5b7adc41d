/* The run directory, how notes in it are written, and an intake of chatd's own where no systemd passes one. */
#pragma once

/* Makes the directories below `dir` that do not exist (chat/paths.h has their meaning), and takes the lock that keeps
 * a second chatd out for as long as the returned descriptor is open. Returns it, or a negative errno: -EWOULDBLOCK
 * where another chatd has it, -EPERM where a directory is not ours or root's, or writable for everybody. */
int rundir_open(const char *dir);

/* Binds a datagram socket at chatd.sock below `dir`, in place of one that a dead chatd left. The caller has the lock.
 * Returns its descriptor, or a negative errno. */
int rundir_bind(const char *dir);

/* … and listens on control.sock below `dir`, for our own user and root. */
int rundir_bind_control(const char *dir);

/* Writes a note, which is a symlink with this text, in place of the one that is at `path`, or of none, in one step.
 * `new`, in the same directory, is where it is made before that. A note that is there can be replaced also where the file
 * system has no inode left: rundir_open() keeps one. Returns 0, or a negative errno: then what was at `path` is there. */
int rundir_replace_note(const char *path, const char *new, const char *text);
