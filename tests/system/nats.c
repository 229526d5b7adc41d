#include "nats.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

enum { NATS_MAX = 16 };

static const char *server(void)
{
        static const char unpacked[] = "build/nats/usr/sbin/nats-server";
        return access(unpacked, X_OK) == 0 ? unpacked : "nats-server";
}

bool nats_available(void)
{
        return *shell("command -v %s || true", server()) != '\0';
}

static void draw_address(struct nats *n)
{
        static unsigned count;
        unsigned pid = (unsigned)getpid();
        count++;
        snprintf(n->address, sizeof(n->address), "127.%u.%u.%u", 1 + (pid >> 8) % 250, pid & 0xff, 1 + count % 250);
        snprintf(n->url, sizeof(n->url), "nats://%s:%d", n->address, NATS_PORT);
}

static struct nats *made[NATS_MAX]; /* NULL: a free place */

static void write_settings(const struct nats *n, bool jetstream, const char *settings)
{
        char path[128];
        snprintf(path, sizeof(path), "%s/nats.conf", n->dir);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fprintf(f, "listen: \"%s:%d\"\nserver_name: \"n%s\"\nlog_file: \"%s/log\"\n%s\n", n->address, NATS_PORT,
                n->address, n->dir, settings);
        if (jetstream)
                fprintf(f, "jetstream { store_dir: \"%s/store\", max_file_store: 1G, max_memory_store: 64M }\n",
                        n->dir);
        fclose(f);
}

struct nats *nats_prepare(bool jetstream, const char *settings)
{
        struct nats *n = calloc(1, sizeof(*n));
        size_t place = 0;
        while (made[place])
                assert_true(++place < NATS_MAX);
        made[place] = n;
        strcpy(n->dir, "/tmp/chat-nats.XXXXXX");
        assert_non_null(mkdtemp(n->dir));
        draw_address(n);
        write_settings(n, jetstream, settings);
        return n;
}

void nats_run_elsewhere(struct nats *n, const char *address, int port)
{
        char settings[128], program[64];
        snprintf(settings, sizeof(settings), "%s/nats.conf", n->dir);
        snprintf(program, sizeof(program), "%s", server());
        char *const argv[] = {program, "-c", settings, NULL};
        n->pid = process_start(argv, -1, -1, -1);
        struct client *c = client_connect(address, port);
        client_expect(c, "INFO ");
        client_free(c);
}

void nats_run(struct nats *n)
{
        nats_run_elsewhere(n, n->address, NATS_PORT);
}

struct nats *nats_start(bool jetstream, const char *settings)
{
        struct nats *n = nats_prepare(jetstream, settings);
        nats_run(n);
        return n;
}

void nats_signal(struct nats *n, int signal)
{
        if (n->pid == 0)
                return;
        kill(n->pid, signal);
        if (signal == SIGKILL || signal == SIGTERM) {
                process_wait(n->pid);
                n->pid = 0;
        }
}

void nats_stop(struct nats *n)
{
        nats_signal(n, SIGKILL);
        shell("rm -rf %s", n->dir);
        for (size_t i = 0; i < NATS_MAX; i++)
                if (made[i] == n)
                        made[i] = NULL;
        free(n);
}

void nats_stop_all(void)
{
        for (size_t i = 0; i < NATS_MAX; i++)
                if (made[i])
                        nats_stop(made[i]);
}

void nats_prepare_cluster(struct nats **n, int count)
{
        char settings[1024];
        for (int i = 0; i < count; i++)
                n[i] = nats_prepare(true, "");
        for (int i = 0; i < count; i++) {
                int size = snprintf(settings, sizeof(settings), "cluster { name: chat, listen: \"%s:%d\", routes: [",
                                    n[i]->address, NATS_ROUTES_PORT);
                for (int j = 0; j < count; j++)
                        size += snprintf(settings + size, sizeof(settings) - (size_t)size, "%s \"nats://%s:%d\"",
                                         j > 0 ? "," : "", n[j]->address, NATS_ROUTES_PORT);
                snprintf(settings + size, sizeof(settings) - (size_t)size, " ] }");
                write_settings(n[i], true, settings);
        }
}
