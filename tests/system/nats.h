/* NATS servers for the tests. Every server has an address in 127.0.0.0/8 of its own, so no other program takes its
 * ports.
 *
 * Uses the server of Debian in build/nats, or the one in PATH if that directory is empty.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum { NATS_PORT = 4222, NATS_ROUTES_PORT = 6222 };

struct nats {
        char address[32];
        char url[64]; /* nats://ADDRESS:PORT */
        char dir[64]; /* its settings (nats.conf), log and files */
        pid_t pid;    /* 0: the server does not run */
};

/* Returns true if there is a server to test with. */
bool nats_available(void);

/* Makes a server without starting it, with or without a store for JetStream, and with further lines of settings. */
struct nats *nats_prepare(bool jetstream, const char *settings);

/* Starts it, and waits until it takes connections. */
void nats_run(struct nats *n);

/* Starts a server whose settings make it listen at another address, and waits until it takes connections. */
void nats_run_elsewhere(struct nats *n, const char *address, int port);

/* Calls nats_prepare() and nats_run(). */
struct nats *nats_start(bool jetstream, const char *settings);

/* Sends a signal. If the signal ends the server, waits for the end. */
void nats_signal(struct nats *n, int signal);

/* Ends it, removes its files and frees it. */
void nats_stop(struct nats *n);

/* Stops all servers. For the end of a test, passed or failed. */
void nats_stop_all(void);

/* Makes servers that know each other, with JetStream. */
void nats_prepare_cluster(struct nats **n, int count);
