/* The files below the run directory, by which chatd and its members reach each other.
 *
 *   chatd.sock      chatd's intake: every session sends here                (srw-rw---- chatd chat)
 *   link.sock       the inbox of the link to other hosts: only chatd sends here (srw------- chatd)
 *   control.sock    where chatctl connects, if chatd bound it itself        (srw------- chatd)
 *   sessions/KEY    a session's inbox, bound by the session                 (drwx-wx--T chatd chat)
 *   members/ID      chatd's notes on member ID, as the target of a symlink  (drwx------ chatd chat)
 *
 * ID is a session id as 16 hexadecimal digits, and so is KEY. All members may know an id. Only chatd and the session
 * itself know the session's key, because a process that knows the name of an inbox could fill it, or replace it.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define RUN_DIR_DEFAULT "/run/chat"
#define BROKER_SOCKET_NAME "chatd.sock"
#define LINK_SOCKET_NAME "link.sock"
#define CONTROL_SOCKET_NAME "control.sock"
#define SESSIONS_DIR_NAME "sessions"
#define MEMBERS_DIR_NAME "members"
#define ID_DIGITS 16
#define SOCKET_UMASK 0117 /* for both kinds of socket: access for the owner and the group chat, for nobody else */

/* The longest run directory: "/sessions/" and a key must still fit into sun_path, unix(7). */
#define RUN_DIR_MAX_BYTES (sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" SESSIONS_DIR_NAME "/") - ID_DIGITS)

/* Writes the address of the socket `name` below `dir`. Returns 0, or -ENAMETOOLONG. */
static inline int path_socket(struct sockaddr_un *address, const char *dir, const char *name)
{
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        int n = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", dir, name);
        return n < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Writes the address of chatd's intake below `dir`, which has RUN_DIR_MAX_BYTES at most. Returns 0, or
 * -ENAMETOOLONG. */
static inline int path_broker(struct sockaddr_un *address, const char *dir)
{
        return path_socket(address, dir, BROKER_SOCKET_NAME);
}

/* Writes the address of the link's inbox below `dir`. Returns 0, or -ENAMETOOLONG. */
static inline int path_link(struct sockaddr_un *address, const char *dir)
{
        return path_socket(address, dir, LINK_SOCKET_NAME);
}

/* Writes the address of the socket for chatctl that chatd binds itself. Returns 0, or -ENAMETOOLONG. */
static inline int path_control(struct sockaddr_un *address, const char *dir)
{
        return path_socket(address, dir, CONTROL_SOCKET_NAME);
}

/* Writes the address of the inbox `key` below `dir`. Returns 0, or -ENAMETOOLONG. */
static inline int path_inbox(struct sockaddr_un *address, const char *dir, uint64_t key)
{
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        int n = snprintf(address->sun_path, sizeof(address->sun_path), "%s/" SESSIONS_DIR_NAME "/%016llx", dir,
                         (unsigned long long)key);
        return n < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Writes the address under which process `pid` binds its inbox before it renames the inbox to its key: PID+RANDOM in
 * hexadecimal digits, no longer than a key. Returns 0, or -ENAMETOOLONG. */
static inline int path_binding(struct sockaddr_un *address, const char *dir, pid_t pid, uint32_t random)
{
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        int n = snprintf(address->sun_path, sizeof(address->sun_path), "%s/" SESSIONS_DIR_NAME "/%x+%07x", dir,
                         (unsigned)pid, random & 0xfffffff);
        return n < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Reads the lower-case hexadecimal digits at the beginning of `name` into `*number`. Returns how many there are. */
static inline size_t path_parse_digits(const char *name, uint64_t *number)
{
        size_t digits = strspn(name, "0123456789abcdef");
        *number = 0;
        for (size_t i = 0; i < digits; i++)
                *number = *number << 4 | (uint64_t)(name[i] <= '9' ? name[i] - '0' : name[i] - 'a' + 10);
        return digits;
}

/* Returns the pid in a name that path_binding() made, or 0 for any other name. */
static inline pid_t path_parse_binding(const char *name)
{
        uint64_t pid;
        size_t digits = path_parse_digits(name, &pid);
        return digits <= 8 && name[digits] == '+' ? (pid_t)pid : 0;
}

/* Reads a file name that is an id or a key and nothing else: 16 lower-case hexadecimal digits. Returns 0 or -EINVAL. */
static inline int path_parse_id(const char *name, uint64_t *id)
{
        return path_parse_digits(name, id) == ID_DIGITS && name[ID_DIGITS] == '\0' ? 0 : -EINVAL;
}
