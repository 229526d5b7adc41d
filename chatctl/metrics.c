#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "sockets.h"

/* A metric: its name, and the other values that all of its samples share. */
struct family {
        const char *name; /* of a counter, without "_total" */
        const char *unit; /* the unit, with which the name ends; NULL: none */
        bool is_counter;
        const char *help;
};

struct writer {
        FILE *out;
        bool strict;
};

static void metrics_begin(const struct writer *w, const struct family *f)
{
        const char *suffix = f->is_counter && !w->strict ? "_total" : "";
        fprintf(w->out, "# HELP %s%s %s\n", f->name, suffix, f->help);
        fprintf(w->out, "# TYPE %s%s %s\n", f->name, suffix, f->is_counter ? "counter" : "gauge");
        if (f->unit && suffix[0] == '\0') /* in the older format "_total" hides the unit at the end of the name */
                fprintf(w->out, "# UNIT %s %s\n", f->name, f->unit);
}

/* Writes a sample, with a label unless `label` is NULL. */
static void metrics_put(const struct writer *w, const struct family *f, const char *label, const char *is,
                        const char *value)
{
        fprintf(w->out, "%s%s", f->name, f->is_counter ? "_total" : "");
        if (label) {
                fprintf(w->out, "{%s=", label);
                /* the escapes are the same, because there are no control characters */
                output_json_string(w->out, is, strlen(is));
                putc('}', w->out);
        }
        fprintf(w->out, " %s\n", value);
}

static void metrics_put_number(const struct writer *w, const struct family *f, const char *label, const char *is,
                               uint64_t number)
{
        char value[24];
        snprintf(value, sizeof(value), "%" PRIu64, number);
        metrics_put(w, f, label, is, value);
}

/* ---- from chatd ---- */

#define REFUSED                                                                                                        \
        {                                                                                                              \
                "chat_refused", NULL, true, "Connections that chatd refused, by reason."                               \
        }

/* Metrics that are fields of chatd's answer. Rows with the same name follow each other and differ in the label. */
static const struct {
        const char *key;
        struct family family;
        const char *label, *is;
} fields[] = {
        {"started",
         {"chat_start_time_seconds", "seconds", false, "When chatd was started, since the epoch."},
         NULL,
         NULL},
        {"members", {"chat_members", NULL, false, "People who are here."}, NULL, NULL},
        {"direct", {"chat_members_direct", NULL, false, "People to whose clients chatd writes by itself."}, NULL, NULL},
        {"lagging",
         {"chat_members_lagging", NULL, false, "People whose sessions are full and miss lines."},
         NULL,
         NULL},
        {"muted", {"chat_members_muted", NULL, false, "People who are muted."}, NULL, NULL},
        {"unconfined",
         {"chat_members_unconfined", NULL, false, "People whose sessions lack their sandbox or a part of it."},
         NULL,
         NULL},
        {"rooms", {"chat_rooms", NULL, false, "Rooms, with the lobby."}, NULL, NULL},
        {"bans", {"chat_bans", NULL, false, "Bans."}, NULL, NULL},
        {"tokens", {"chat_tokens", NULL, false, "Tokens, with which programs say lines."}, NULL, NULL},
        {"joined", {"chat_joined", NULL, true, "Connections that chatd let in."}, NULL, NULL},
        {"lines", {"chat_lines", NULL, true, "Lines relayed."}, NULL, NULL},
        {"delivered", {"chat_deliveries", NULL, true, "Lines and notices sent, once for each receiver."}, NULL, NULL},
        {"missed", {"chat_missed", NULL, true, "Lines and notices not sent, as the receiver lagged."}, NULL, NULL},
        {"batches", {"chat_batches", NULL, true, "Batches of lines that were relayed together."}, NULL, NULL},
        {"unserved",
         {"chat_unserved", NULL, true, "Connections not served, as the session could not enter its sandbox."},
         NULL,
         NULL},
        {"queue",
         {"chat_queue_datagrams", "datagrams", false, "Datagrams in the queue; 512 stands for 512 and more."},
         NULL,
         NULL},
        {"ignored", {"chat_ignored_datagrams", "datagrams", true, "Datagrams that were ignored."}, NULL, NULL},
        {"refused_banned", REFUSED, "reason", "banned"},
        {"refused_crowded", REFUSED, "reason", "crowded"},
        {"refused_full", REFUSED, "reason", "full"},
        {"not_chat", REFUSED, "reason", "not-chat"},
};

static bool metrics_is_number(const char *value)
{
        return value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
}

/* Writes the metrics of chatd. A field that a chatd of an earlier version does not have is left out. */
static void metrics_put_fields(const struct writer *w, const struct answer_record *status)
{
        const char *begun = NULL;
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
                const struct family *f = &fields[i].family;
                const char *value = answer_value(status, fields[i].key);
                if (!value || !metrics_is_number(value))
                        continue;
                if (!begun || strcmp(begun, f->name) != 0)
                        metrics_begin(w, f);
                begun = f->name;
                metrics_put(w, f, fields[i].label, fields[i].is, value);
        }
}

static void metrics_put_version(const struct writer *w, const struct answer_record *status)
{
        static const struct family family = {"chat_build_info", NULL, false, "1, with the version of chatd."};
        const char *version = answer_value(status, "version");
        if (!version)
                return;
        metrics_begin(w, &family);
        metrics_put(w, &family, "version", version, "1");
}

/* Writes the state of the link. Writes no sample if the chat has no link, because then nothing is wrong. */
static void metrics_put_link(const struct writer *w, const struct answer_record *status)
{
        static const struct family family = {"chat_link_up", NULL, false,
                                             "1 if the link to other hosts takes lines, 0 if its inbox is gone."};
        const char *link = answer_value(status, "link");
        if (!link || strcmp(link, "none") == 0)
                return;
        metrics_begin(w, &family);
        metrics_put(w, &family, NULL, NULL, strcmp(link, "there") == 0 ? "1" : "0");
}

/* ---- from systemd ---- */

static void metrics_put_sockets(const struct writer *w, const struct sockets *sockets)
{
        static const struct family families[] = {
                {"chat_socket_listening", NULL, false, "1 if this socket takes connections."},
                {"chat_socket_connections", NULL, false, "Connections at this socket."},
                {"chat_socket_accepted", NULL, true, "Connections that systemd accepted at this socket."},
                {"chat_socket_refused", NULL, true, "Connections that systemd closed, as there were too many."},
        };
        struct socket_counts counts[SOCKETS];
        size_t n = 0;
        while (n < SOCKETS && sockets_read(sockets, n, &counts[n]) > 0)
                n++;
        for (size_t f = 0; n > 0 && f < sizeof(families) / sizeof(families[0]); f++) {
                metrics_begin(w, &families[f]);
                for (size_t i = 0; i < n; i++) {
                        const struct socket_counts *c = &counts[i];
                        const uint64_t values[] = {c->listens, c->connections, c->accepted_count, c->refused_count};
                        metrics_put_number(w, &families[f], "socket", c->unit, values[f]);
                }
        }
}

static void metrics_put_services(const struct writer *w, const struct sockets *sockets)
{
        static const struct family started = {"chat_service_start_time_seconds", "seconds", false,
                                              "When this service was started last, since the epoch."};
        static const struct family restarts = {"chat_service_restarts", NULL, true,
                                               "How often systemd started this service again."};
        static const char *const units[] = {"chatd.service", "chat-link.service"};
        struct service_counts counts[2];
        bool known[2];
        for (size_t i = 0; i < 2; i++)
                known[i] = sockets_read_service(sockets, units[i], &counts[i]) == 0 && counts[i].started_us > 0;
        if (!known[0] && !known[1])
                return;
        metrics_begin(w, &started);
        for (size_t i = 0; i < 2; i++) {
                char value[32];
                snprintf(value, sizeof(value), "%" PRIu64 ".%06" PRIu64, counts[i].started_us / 1000000,
                         counts[i].started_us % 1000000);
                if (known[i])
                        metrics_put(w, &started, "service", units[i], value);
        }
        metrics_begin(w, &restarts);
        for (size_t i = 0; i < 2; i++)
                if (known[i])
                        metrics_put_number(w, &restarts, "service", units[i], counts[i].restarts);
}

/* ---- all metrics ---- */

static void metrics_write_all(const struct metrics_options *o, const struct answer_record *status, FILE *out)
{
        static const struct family up = {"chat_up", NULL, false, "1 if chatd answered."};
        const struct writer w = {out, o->strict};
        metrics_begin(&w, &up);
        metrics_put(&w, &up, NULL, NULL, status ? "1" : "0");
        if (status) {
                metrics_put_version(&w, status);
                metrics_put_fields(&w, status);
                metrics_put_link(&w, status);
        }
        if (o->systemd) {
                struct sockets sockets = {NULL};
                sockets_open(&sockets);
                metrics_put_sockets(&w, &sockets);
                metrics_put_services(&w, &sockets);
                sockets_close(&sockets);
        }
        fputs("# EOF\n", out);
}

/* Opens the new file. Returns NULL and sets errno if that fails. */
static FILE *metrics_open_new(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return NULL;
        /* the collector is another user, so the umask must not count */
        FILE *out = fchmod(fd, 0644) < 0 ? NULL : fdopen(fd, "w");
        if (!out)
                close(fd);
        return out;
}

int metrics_write(const struct metrics_options *o, const struct answer_record *status)
{
        char new[PATH_MAX];
        if (!o->path) {
                metrics_write_all(o, status, stdout);
                return 0;
        }
        /* The collector reads "*.prom": it must not read this file while it is incomplete. */
        if ((size_t)snprintf(new, sizeof(new), "%s.new", o->path) >= sizeof(new))
                return -ENAMETOOLONG;
        FILE *out = metrics_open_new(new);
        if (!out)
                return -errno;
        metrics_write_all(o, status, out);
        int r = ferror(out) ? -EIO : 0;
        if (fclose(out) != 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(new, o->path) < 0)
                r = -errno;
        if (r < 0)
                unlink(new);
        return r;
}
