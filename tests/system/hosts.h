/* For tests beside three booted hosts (in-hosts). Each has the chat as an administrator installs it, and a server of a
 * NATS cluster with JetStream. The test itself runs outside of the hosts and has full control of them.
 *
 * Hosts are numbers from 0 here, and a, b, c in names.
 */
#pragma once

#include "harness.h"

enum { HOSTS = 3 };

/* Returns "a", "b" or "c". */
const char *host_name(int host);

/* Installs and starts NATS, the chat and its link on all hosts. To be used as the setup of a group. If there is no
 * nats-server, prints that and ends the program. */
int hosts_install(void **state);

/* Runs a shell command line on a host, as root. Returns and fails the same as shell(). */
const char *host_shell(int host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs a shell command line on a host until it succeeds. */
void host_shell_until(int host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs a shell command line on a host and discards its output. Returns its exit status. For children, which must not
 * fail a test. */
int host_try(int host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Connects to a TCP port of `address` from within the host's network. Waits for a listener if necessary. */
struct client *host_connect(int host, const char *address, int port);

/* Connects to chat.socket of the host. Waits for the greeting, and until the others there were told of the client. */
struct client *host_join(int host);

/* Returns the name of `c`, a client on `host`, as the other hosts show it (static, one for each of eight calls). */
const char *host_remote_name(int host, const struct client *c);

/* Disconnects the host's network (false: it cannot reach the others), or connects it again. Returns 0, or an exit
 * status. */
int host_set_network(int host, bool there);

/* Waits until the host's link is connected to a server that stores what it publishes. */
void host_await_link(int host);

/* Prints the last messages of the links, the brokers and NATS on all hosts, for a test that failed. Returns
 * `failed`. */
int hosts_tell(int failed);

/* ---- NATS, by its plain protocol (docs.nats.io, client protocol) ---- */

/* Connects to the server on `host`, and waits until it is ready for PUB and SUB. */
struct client *nats_client_connect(int host);

/* Publishes `size` bytes. Returns when the server has them. */
void nats_client_publish(struct client *c, const char *subject, const void *payload, size_t size);

/* Repeats a request until there is an answer. Returns the answer (static, 64 KiB at most). */
const char *nats_client_request(struct client *c, const char *subject, const char *payload);
