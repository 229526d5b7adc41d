/* The socket that takes what chatd sends to a session. It is bound in the run directory, under a name that only chatd
 * and the session know. Owns the socket and its file. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/socket.h>

/* Returns a random number. Makes no other system call than getrandom(2). */
uint64_t uplink_random(void);

/* Binds the inbox of this key below `dir`, and sets `*inbox` to the socket. If `*inbox` is a socket already (it is not
 * negative), binds it again if its file is gone: the run directory may have been made anew. `probe` is a datagram
 * socket that is not connected, or no longer needs to be. Returns 0 or a negative errno. */
int uplink_inbox_open(int *inbox, const char *dir, uint64_t key, int probe);

/* Receives a datagram of at most `size` bytes, the sender's user as the kernel states it ((uid_t)-1: not stated), and
 * the descriptors that came along. Returns the size, or -1 if there is none. */
ssize_t uplink_inbox_receive(int inbox, void *buffer, size_t size, uid_t *sender, struct socket_fds *fds);

/* Closes the socket, if there is one, and removes its file. Sets `*inbox` to -1. */
void uplink_inbox_close(int *inbox, const char *dir, uint64_t key);
