#include "journal-entries.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "output.h"

enum {
        FOLLOW_US = 500 * 1000, /* how often the loop checks `*stop` */
        USEC = 1000000,
};

/* The keys of JSON besides the time, and the fields of the journal, with the names of systemd.journal-fields(7). */
static const struct {
        const char *field, *key;
        enum kind kind;
} fields[] = {
        {"CHAT_EVENT", "event", KIND_TEXT},       {"CHAT_NAME", "name", KIND_TEXT},
        {"CHAT_OLD_NAME", "was", KIND_TEXT},      {"CHAT_ROOM", "room", KIND_TEXT},
        {"CHAT_ADDR", "address", KIND_TEXT},      {"CHAT_SESSION", "id", KIND_TEXT},
        {"CHAT_PID", "pid", KIND_NUMBER},         {"CHAT_BY", "by", KIND_NUMBER},
        {"CHAT_BAN", "ban", KIND_TEXT},           {"CHAT_REASON", "reason", KIND_TEXT},
        {"CHAT_LINES_IN", "said", KIND_NUMBER},   {"CHAT_LINES_OUT", "shown", KIND_NUMBER},
        {"CHAT_SKIPPED", "skipped", KIND_NUMBER}, {"CHAT_MEMBERS", "members", KIND_NUMBER},
        {"CHAT_FROM", "from", KIND_TEXT},         {"PRIORITY", "priority", KIND_NUMBER},
        {"MESSAGE", "message", KIND_TEXT},
};

/* Adds the match FIELD=value. Returns 0 or a negative errno. */
static int entries_match(sd_journal *j, const char *field, const char *value)
{
        char text[256];
        int n = snprintf(text, sizeof(text), "%s=%s", field, value);
        return n < (int)sizeof(text) ? sd_journal_add_match(j, text, (size_t)n) : -ENAMETOOLONG;
}

/* Adds matches for the events of the two units, of a person under any of the fields for names, and of a room. The
 * journal joins matches of one field by "or", matches of several fields by "and". Returns 0 or a negative errno. */
static int entries_add_matches(sd_journal *j, const char *name, const char *room)
{
        static const char *const names[] = {"CHAT_NAME", "CHAT_OLD_NAME", "CHAT_BAN"};
        int r = entries_match(j, "_SYSTEMD_UNIT", "chatd.service");
        if (r >= 0)
                r = entries_match(j, "_SYSTEMD_UNIT", "chat-link.service");
        if (r >= 0 && name)
                r = sd_journal_add_conjunction(j);
        for (size_t i = 0; name && r >= 0 && i < sizeof(names) / sizeof(names[0]); i++) {
                r = entries_match(j, names[i], name);
                if (r >= 0)
                        r = sd_journal_add_disjunction(j);
        }
        if (r >= 0 && room)
                r = sd_journal_add_conjunction(j);
        return r >= 0 && room ? entries_match(j, "CHAT_ROOM", room) : r;
}

/* Returns the value of a field, of `*size` bytes, or NULL. */
static const char *entries_value_of(sd_journal *j, const char *field, size_t *size)
{
        const void *data;
        size_t skip = strlen(field) + 1;
        if (sd_journal_get_data(j, field, &data, size) < 0 || *size < skip)
                return NULL;
        *size -= skip;
        return (const char *)data + skip;
}

static bool entries_is_number(const char *value, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (value[i] < '0' || value[i] > '9')
                        return false;
        return size == 1 || (size > 0 && value[0] != '0');
}

static void entries_print_json(sd_journal *j, uint64_t usec)
{
        char time[64];
        size_t size;
        output_time(time, sizeof(time), (int64_t)(usec / USEC), true);
        printf("{\"time\":\"%.*s.%06uZ\"", (int)strcspn(time, "Z"), time, (unsigned)(usec % USEC));
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
                const char *value = entries_value_of(j, fields[i].field, &size);
                if (!value)
                        continue;
                printf(",\"%s\":", fields[i].key);
                if (fields[i].kind == KIND_NUMBER && entries_is_number(value, size))
                        printf("%.*s", (int)size, value);
                else
                        output_json_string(stdout, value, size);
        }
        puts("}");
}

static void entries_print_line(sd_journal *j, uint64_t usec)
{
        char time[64];
        size_t size;
        const char *message = entries_value_of(j, "MESSAGE", &size);
        output_time(time, sizeof(time), (int64_t)(usec / USEC), false);
        if (message)
                printf("%s %.*s\n", time, (int)size, message);
}

/* Prints an entry. Returns false if it is no event: then it comes from the service manager, or is a message on standard
 * error. */
static bool entries_print_event(sd_journal *j, bool json)
{
        uint64_t usec;
        size_t size;
        if (!entries_value_of(j, "CHAT_EVENT", &size) || sd_journal_get_realtime_usec(j, &usec) < 0)
                return false;
        if (json)
                entries_print_json(j, usec);
        else
                entries_print_line(j, usec);
        return true;
}

static bool entries_may_not(const char *path, int how)
{
        return access(path, how) < 0 && errno == EACCES;
}

/* Returns true if this directory has a journal of the system that this user may not read. */
static bool entries_is_closed(const char *dir)
{
        char pattern[64];
        glob_t found = {0};
        snprintf(pattern, sizeof(pattern), "%s/*", dir); /* there is one directory for each machine */
        bool closed = entries_may_not(dir, R_OK | X_OK);
        glob(pattern, 0, NULL, &found);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                char path[PATH_MAX];
                snprintf(path, sizeof(path), "%s/system.journal", found.gl_pathv[i]);
                closed |= entries_may_not(path, R_OK);
        }
        globfree(&found);
        return closed;
}

/* Goes to the place before the last `n` events, so that the next entry is the first of them. Returns a negative errno
 * if that fails. */
static int entries_seek(sd_journal *j, size_t n)
{
        if (n == SIZE_MAX)
                return sd_journal_seek_head(j);
        int r = sd_journal_seek_tail(j);
        /* Goes back by one event more than `n`, so that the next one is the first; if there are fewer, to the head. */
        for (size_t left = n + 1; r >= 0 && left > 0;) {
                size_t size;
                r = sd_journal_previous(j);
                if (r == 0)
                        return sd_journal_seek_head(j);
                left -= r > 0 && entries_value_of(j, "CHAT_EVENT", &size) != NULL;
        }
        return r;
}

int entries_print(const struct entries_options *o)
{
        sd_journal *j;
        int r = sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY);
        if (r < 0)
                return r;
        r = entries_add_matches(j, o->name, o->room);
        if (r >= 0)
                r = entries_seek(j, o->last);
        bool any = false;
        while (r >= 0 && !*o->stop) {
                r = sd_journal_next(j);
                if (r > 0) {
                        any |= entries_print_event(j, o->json);
                } else if (r == 0 && !o->follow) {
                        break;
                } else if (r == 0) {
                        if (fflush(stdout) != 0)
                                break;
                        r = sd_journal_wait(j, FOLLOW_US);
                }
        }
        sd_journal_close(j);
        if (r >= 0 && !any && (entries_is_closed("/var/log/journal") || entries_is_closed("/run/log/journal")))
                r = -EACCES;
        return r < 0 ? r : any;
}
