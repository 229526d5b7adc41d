#include "top.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>

#include "output.h"
#include "sockets.h"

enum {
        ROWS_DEFAULT = 24,
        ROWS_ABOVE = 5, /* two lines on top, an empty one, the headings, and the line of the cursor */
        JSON_SLOWEST = 10,
        PERIOD_MS = 1000,
};

#define CLEAR "\033[H\033[2J\033[3J"

/* A member in the list. Lagging members come first, then the members with the most waiting lines. */
struct row {
        const struct answer_record *record;
        bool is_lagging, is_slow;
        uint64_t misses, backlog, lines;
};

struct top {
        const struct top_options *options;
        struct asking *asking;
        struct sockets sockets;
        char *status; /* a copy of the record that answered `status` */
        size_t status_size;
        uint64_t lines;  /* lines relayed at `when_ms` */
        int64_t when_ms; /* time of the last measurement; 0: there was none yet */
        double rate;     /* lines per second since then */
};

static uint64_t top_number(const struct answer_record *r, const char *key)
{
        const char *value = answer_value(r, key);
        return value ? strtoull(value, NULL, 10) : 0;
}

static bool top_is_yes(const struct answer_record *r, const char *key)
{
        const char *value = answer_value(r, key);
        return value && strcmp(value, "yes") == 0;
}

static int top_compare_numbers(uint64_t a, uint64_t b)
{
        return (a < b) - (a > b);
}

static int top_compare_rows(const void *x, const void *y)
{
        const struct row *a = x, *b = y;
        int order = b->is_lagging - a->is_lagging;
        if (order == 0)
                order = b->is_slow - a->is_slow;
        if (order == 0)
                order = top_compare_numbers(a->backlog, b->backlog);
        if (order == 0)
                order = top_compare_numbers(a->misses, b->misses);
        return order != 0 ? order : top_compare_numbers(a->lines, b->lines);
}

static struct row *top_sorted_rows(const struct asking *a)
{
        struct row *rows = calloc(a->count + 1, sizeof(*rows));
        for (size_t i = 0; rows && i < a->count; i++) {
                const struct answer_record *r = &a->records[i];
                rows[i] = (struct row){
                        .record = r,
                        .is_lagging = top_is_yes(r, "lagging"),
                        .is_slow = top_is_yes(r, "slow"),
                        .misses = top_number(r, "missed") + top_number(r, "skipped"),
                        .backlog = top_number(r, "behind"),
                        .lines = top_number(r, "said"),
                };
        }
        if (rows)
                qsort(rows, a->count, sizeof(*rows), top_compare_rows);
        return rows;
}

/* Returns the word in the column STATE. */
static const char *top_state(const struct row *r)
{
        if (r->is_lagging)
                return "lags";
        if (r->is_slow)
                return "slow";
        return top_is_yes(r->record, "muted") ? "muted" : "";
}

static void top_print_json(const struct top *t, const struct answer_record *status, const struct row *rows,
                           size_t count)
{
        char now[64];
        output_time(now, sizeof(now), time(NULL), true);
        printf("{\"time\":\"%s\",\"lines_per_second\":%.1f,\"status\":", now, t->rate);
        output_json_object(stdout, output_status, status);
        printf(",\"slowest\":[");
        for (size_t i = 0; i < count && i < JSON_SLOWEST; i++) {
                fputs(i > 0 ? "," : "", stdout);
                output_json_object(stdout, output_members, rows[i].record);
        }
        puts("]}");
}

static size_t top_rows_of_terminal(void)
{
        struct winsize size;
        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > ROWS_ABOVE ? size.ws_row : ROWS_DEFAULT;
}

/* Returns true if standard output is a terminal that knows escape sequences. On any other, each screen comes below the
 * one before. */
static bool top_clears_screen(void)
{
        const char *term = getenv("TERM");
        return isatty(STDOUT_FILENO) && term && term[0] != '\0' && strcmp(term, "dumb") != 0 &&
               strcmp(term, "unknown") != 0;
}

static void top_print_screen(const struct top *t, const struct answer_record *status, const struct row *rows,
                             size_t count)
{
        size_t most = top_rows_of_terminal() - ROWS_ABOVE;
        const char *refused = answer_value(status, "refused_by_systemd");
        printf("%smembers: %" PRIu64 "   lines/s: %.1f   lines: %" PRIu64 "   queue: %" PRIu64 "   lagging: %" PRIu64
               "   link: %s\n",
               top_clears_screen() ? CLEAR : "", top_number(status, "members"), t->rate, top_number(status, "lines"),
               top_number(status, "queue"), top_number(status, "lagging"), answer_value(status, "link"));
        printf("refused by systemd: %s   by chatd: %" PRIu64 "   not chat clients: %" PRIu64 "\n\n",
               refused ? refused : "-", top_number(status, "refused"), top_number(status, "not_chat"));
        if (t->options->legend)
                printf("%-24s %9s %9s %9s %9s  %s\n", "NAME", "SAID", "SHOWN", "MISSED", "BEHIND", "STATE");
        for (size_t i = 0; i < count && i < most; i++) {
                const struct row *r = &rows[i];
                printf("%-24s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %s\n",
                       answer_value(r->record, "name"), r->lines, top_number(r->record, "shown"), r->misses, r->backlog,
                       top_state(r));
        }
}

static void top_measure(struct top *t, const struct answer_record *status)
{
        int64_t now = clock_ms();
        uint64_t lines = top_number(status, "lines");
        t->rate = 0;
        /* a smaller number comes from another chatd, which counts from 0 */
        if (t->when_ms != 0 && now > t->when_ms && lines >= t->lines)
                t->rate = (double)(lines - t->lines) * 1000 / (double)(now - t->when_ms);
        t->lines = lines;
        t->when_ms = now;
}

static bool top_is_ok(const struct asking *a)
{
        const char *status = asking_end(a, "end");
        return status && strcmp(status, CONTROL_OK) == 0;
}

/* Prints the status, and the members that the answer has. Returns 0 or -ENOMEM. */
static int top_print(const struct top *t, const struct answer_record *status)
{
        const struct asking *a = t->asking;
        struct row *rows = top_sorted_rows(a);
        if (!rows)
                return -ENOMEM;
        if (t->options->json)
                top_print_json(t, status, rows, a->count);
        else
                top_print_screen(t, status, rows, a->count);
        free(rows);
        return 0;
}

/* Shows the chat once. Returns the same as top_run(). */
static int top_show_once(struct top *t)
{
        struct asking *a = t->asking;
        int r = asking_make(a, (const char *const[]){"status", NULL});
        if (r != 0 || !top_is_ok(a) || a->count == 0)
                return r != 0 ? r : 1;
        struct answer_record status = {malloc(a->records[0].size), a->records[0].size};
        if (!status.data)
                return -ENOMEM;
        memcpy(status.data, a->records[0].data, status.size);
        if (t->options->systemd)
                r = sockets_describe(&t->sockets, &status);
        top_measure(t, &status);
        if (r == 0)
                r = asking_make(a, (const char *const[]){"who", NULL});
        if (r == 0)
                r = top_is_ok(a) ? top_print(t, &status) : 1;
        free(status.data);
        return r;
}

int top_run(struct asking *a, const struct top_options *o)
{
        struct top t = {.options = o, .asking = a};
        const struct timespec period = {.tv_sec = PERIOD_MS / 1000};
        int r = 0;
        if (o->systemd)
                sockets_open(&t.sockets);
        for (size_t i = 0; r == 0 && !*o->stop && (o->times == 0 || i < o->times); i++) {
                if (i > 0)
                        nanosleep(&period, NULL);
                if (*o->stop)
                        break;
                r = top_show_once(&t);
                if (r == 0 && fflush(stdout) != 0)
                        r = -errno;
        }
        sockets_close(&t.sockets);
        return r;
}
