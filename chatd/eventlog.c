#include "eventlog.h"

#include <chat/journal.h>
#include <chat/lack.h>

#include "floods.h"
#include "lines-file.h"

static const char *const reasons[LEAVE_REASONS] = {
        [LEAVE_EXIT] = "exit",       [LEAVE_EOF] = "end of file",       [LEAVE_INTERRUPT] = "interrupt",
        [LEAVE_RESET] = "reset",     [LEAVE_TERMINATED] = "terminated", [LEAVE_KILLED] = "killed",
        [LEAVE_TIMEOUT] = "timeout", [LEAVE_KICKED] = "kicked",         [LEAVE_NOT_CHAT] = "not a chat client",
};

static const char *eventlog_reason(enum leave_reason reason)
{
        return reason > 0 && reason < LEAVE_REASONS ? reasons[reason] : "unknown";
}

/* An administrator as text. The uid is not looked up in a directory of users: that may take long, and chatd must not
 * wait. */
struct user_text {
        char text[24];
};

static struct user_text eventlog_describe_user(uid_t uid)
{
        struct user_text t = {"root"};
        if (uid != 0)
                snprintf(t.text, sizeof(t.text), "user %u", (unsigned)uid);
        return t;
}

static void eventlog_put_user(struct journal_event *e, uid_t uid)
{
        journal_field(e, "CHAT_BY=%u", (unsigned)uid);
        journal_field(e, "CHAT_BY_USER=%s", eventlog_describe_user(uid).text);
}

static void eventlog_describe_member(struct journal_event *e, const struct eventlog_member *m)
{
        journal_field(e, "CHAT_NAME=%s", m->name);
        journal_field(e, "CHAT_ADDR=%s", m->address);
        journal_field(e, "CHAT_SESSION=%016" PRIx64, m->id);
        journal_field(e, "CHAT_PID=%" PRIu64, m->id >> 32);
        journal_field(e, "CHAT_MEMBERS=%zu", m->members);
}

void eventlog_join(struct journal *log, const struct eventlog_member *m)
{
        struct journal_event e = {0};
        if (strcmp(m->name, m->address) == 0)
                journal_field(&e, "MESSAGE=%s joined", m->name);
        else
                journal_field(&e, "MESSAGE=%s joined from %s", m->name, m->address);
        journal_describe(&e, LOG_INFO, EVENT_JOIN);
        eventlog_describe_member(&e, m);
        journal_write(log, &e);
}

void eventlog_leave(struct journal *log, const struct eventlog_member *m)
{
        struct journal_event e = {0};
        const char *reason = eventlog_reason(m->reason);
        journal_field(&e, "MESSAGE=%s left after %.1f s (%s); lines in: %" PRIu64 ", out: %" PRIu64, m->name,
                      m->seconds, reason, m->lines_in, m->lines_out);
        journal_describe(&e, LOG_INFO, EVENT_LEAVE);
        eventlog_describe_member(&e, m);
        journal_field(&e, "CHAT_REASON=%s", reason);
        journal_field(&e, "CHAT_SECONDS=%.3f", m->seconds);
        journal_field(&e, "CHAT_LINES_IN=%" PRIu64, m->lines_in);
        journal_field(&e, "CHAT_LINES_OUT=%" PRIu64, m->lines_out);
        journal_field(&e, "CHAT_SKIPPED=%" PRIu64, m->lines_skipped);
        journal_write(log, &e);
}

void eventlog_rename(struct journal *log, uint64_t id, const char *old_name, const char *name, const char *address)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s is now called %s", old_name, name);
        journal_describe(&e, LOG_INFO, EVENT_RENAME);
        journal_field(&e, "CHAT_NAME=%s", name);
        journal_field(&e, "CHAT_OLD_NAME=%s", old_name);
        journal_field(&e, "CHAT_ADDR=%s", address);
        journal_field(&e, "CHAT_SESSION=%016" PRIx64, id);
        journal_write(log, &e);
}

void eventlog_say(struct journal *log, uid_t uid, struct slice text)
{
        struct journal_event e = {0};
        int len = (int)(text.len < EVENTLOG_TEXT_MAX_BYTES ? text.len : EVENTLOG_TEXT_MAX_BYTES);
        journal_field(&e, "MESSAGE=%s told everybody: %.*s%s", eventlog_describe_user(uid).text, len, text.at,
                      (size_t)len < text.len ? "…" : "");
        journal_describe(&e, LOG_NOTICE, EVENT_SAY);
        eventlog_put_user(&e, uid);
        journal_write(log, &e);
}

void eventlog_topic(struct journal *log, uid_t uid, const char *room, struct slice topic)
{
        struct journal_event e = {0};
        if (topic.len > 0)
                journal_field(&e, "MESSAGE=%s set the topic of %s: %.*s", eventlog_describe_user(uid).text, room,
                              (int)topic.len, topic.at);
        else
                journal_field(&e, "MESSAGE=%s removed the topic of %s", eventlog_describe_user(uid).text, room);
        journal_describe(&e, LOG_NOTICE, EVENT_TOPIC);
        journal_field(&e, "CHAT_ROOM=%s", room);
        eventlog_put_user(&e, uid);
        journal_write(log, &e);
}

/* Writes the fields of an action on a member. */
static void eventlog_describe_act(struct journal_event *e, const struct eventlog_act *a)
{
        journal_field(e, "CHAT_NAME=%s", a->name);
        journal_field(e, "CHAT_ADDR=%s", a->address);
        journal_field(e, "CHAT_SESSION=%016" PRIx64, a->id);
        journal_field(e, "CHAT_PID=%" PRIu64, a->id >> 32);
        eventlog_put_user(e, a->uid);
}

void eventlog_kick(struct journal *log, const struct eventlog_act *a, struct slice why)
{
        struct journal_event e = {0};
        int len = (int)(why.len < EVENTLOG_TEXT_MAX_BYTES ? why.len : EVENTLOG_TEXT_MAX_BYTES);
        journal_field(&e, "MESSAGE=%s removed %s%s%.*s", eventlog_describe_user(a->uid).text, a->name,
                      len > 0 ? ": " : "", len, why.at);
        journal_describe(&e, LOG_NOTICE, EVENT_KICK);
        eventlog_describe_act(&e, a);
        journal_field(&e, "CHAT_REASON=%.*s", len, why.at);
        journal_write(log, &e);
}

void eventlog_mute(struct journal *log, const struct eventlog_act *a, bool muted)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s %s %s", eventlog_describe_user(a->uid).text, muted ? "muted" : "unmuted",
                      a->name);
        if (muted)
                journal_describe(&e, LOG_NOTICE, EVENT_MUTE);
        else
                journal_describe(&e, LOG_NOTICE, EVENT_UNMUTE);
        eventlog_describe_act(&e, a);
        journal_write(log, &e);
}

void eventlog_ban(struct journal *log, uid_t uid, const char *what, const char *why)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s banned %s%s%s", eventlog_describe_user(uid).text, what, why[0] ? ": " : "", why);
        journal_describe(&e, LOG_NOTICE, EVENT_BAN);
        journal_field(&e, "CHAT_BAN=%s", what);
        eventlog_put_user(&e, uid);
        journal_field(&e, "CHAT_REASON=%s", why);
        journal_write(log, &e);
}

void eventlog_unban(struct journal *log, uid_t uid, const char *what)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s unbanned %s", eventlog_describe_user(uid).text, what);
        journal_describe(&e, LOG_NOTICE, EVENT_UNBAN);
        journal_field(&e, "CHAT_BAN=%s", what);
        eventlog_put_user(&e, uid);
        journal_write(log, &e);
}

/* Writes an event about a token, in which `who`, the user `uid`, `did` something. */
static void eventlog_describe_token(struct journal_event *e, const char *who, uid_t uid, const char *did,
                                    const char *name, const char *room)
{
        journal_field(e, "MESSAGE=%s %s the token for %s%s%s", who, did, name, room[0] != '\0' ? ", in the room " : "",
                      room);
        journal_field(e, "CHAT_NAME=%s", name);
        if (room[0] != '\0')
                journal_field(e, "CHAT_ROOM=%s", room);
        eventlog_put_user(e, uid);
}

void eventlog_token(struct journal *log, uid_t uid, const char *name, const char *room)
{
        struct journal_event e = {0};
        eventlog_describe_token(&e, eventlog_describe_user(uid).text, uid, "added", name, room);
        journal_describe(&e, LOG_NOTICE, EVENT_TOKEN);
        journal_write(log, &e);
}

void eventlog_token_removed(struct journal *log, uid_t uid, const char *name, const char *room)
{
        struct journal_event e = {0};
        eventlog_describe_token(&e, eventlog_describe_user(uid).text, uid, "removed", name, room);
        journal_describe(&e, LOG_NOTICE, EVENT_TOKEN_REMOVED);
        journal_write(log, &e);
}

void eventlog_token_taken_back(struct journal *log, const char *name, const char *room)
{
        struct journal_event e = {0};
        eventlog_describe_token(&e, "chatd", getuid(), "took back", name, room);
        journal_describe(&e, LOG_NOTICE, EVENT_TOKEN_REMOVED);
        journal_write(log, &e);
}

/* Writes the fields of a refused newcomer. MESSAGE begins with the name. The address follows, unless it is the name, as
 * in "guest-7 (192.0.2.1:40414) may not join: ". fail2ban/filter.d/chat.conf reads this. */
__attribute__((format(printf, 4, 5))) static void
eventlog_describe_newcomer(struct journal_event *e, struct slice name, struct slice address, const char *format, ...)
{
        char why[256];
        va_list args;
        va_start(args, format);
        vsnprintf(why, sizeof(why), format, args);
        va_end(args);
        if (slice_equal(name, address))
                journal_field(e, "MESSAGE=%.*s may not join: %s", (int)name.len, name.at, why);
        else
                journal_field(e, "MESSAGE=%.*s (%.*s) may not join: %s", (int)name.len, name.at, (int)address.len,
                              address.at, why);
        journal_field(e, "CHAT_NAME=%.*s", (int)name.len, name.at);
        journal_field(e, "CHAT_ADDR=%.*s", (int)address.len, address.at);
}

void eventlog_refused(struct journal *log, struct slice name, struct slice address, const char *what, uint64_t others)
{
        struct journal_event e = {0};
        eventlog_describe_newcomer(&e, name, address, "%s is banned; others that were refused since: %" PRIu64, what,
                                   others);
        journal_describe(&e, LOG_INFO, EVENT_REFUSED);
        journal_field(&e, "CHAT_BAN=%s", what);
        journal_write(log, &e);
}

void eventlog_crowded(struct journal *log, struct slice name, struct slice address, const char *from, size_t most,
                      uint64_t others)
{
        struct journal_event e = {0};
        eventlog_describe_newcomer(&e, name, address,
                                   "%zu connections from %s are here; others that were refused since: %" PRIu64, most,
                                   from, others);
        journal_describe(&e, LOG_NOTICE, EVENT_CROWDED);
        journal_field(&e, "CHAT_FROM=%s", from);
        journal_write(log, &e);
}

void eventlog_flood(struct journal *log, struct slice address, const char *from)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%.*s connects too often: %d connections from %s within %d s", (int)address.len,
                      address.at, FLOODS_CONNECTIONS, from, FLOODS_MS / 1000);
        journal_describe(&e, LOG_NOTICE, EVENT_FLOOD);
        journal_field(&e, "CHAT_ADDR=%.*s", (int)address.len, address.at);
        journal_field(&e, "CHAT_FROM=%s", from);
        journal_field(&e, "CHAT_CONNECTIONS=%d", FLOODS_CONNECTIONS);
        journal_write(log, &e);
}

/* Logs an error in a proxy's header. `what` is a word for the error. */
static void eventlog_bad_header(struct journal *log, const char *address, struct slice what, uint64_t others)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s was not let in: wrong PROXY header (%.*s); others since: %" PRIu64, address,
                      (int)what.len, what.at, others);
        journal_describe(&e, LOG_WARNING, EVENT_BAD_HEADER);
        journal_field(&e, "CHAT_ADDR=%s", address);
        journal_field(&e, "CHAT_HEADER=%.*s", (int)what.len, what.at);
        journal_write(log, &e);
}

void eventlog_not_chat(struct journal *log, const char *address, struct slice protocol, uint64_t others)
{
        struct journal_event e = {0};
        const size_t prefix = sizeof(NOT_CHAT_HEADER) - 1;
        if (protocol.len > prefix && memcmp(protocol.at, NOT_CHAT_HEADER, prefix) == 0) {
                eventlog_bad_header(log, address, (struct slice){protocol.at + prefix, protocol.len - prefix}, others);
                return;
        }
        journal_field(&e, "MESSAGE=%s is not a chat client and was not let in: it speaks %.*s; others since: %" PRIu64,
                      address, (int)protocol.len, protocol.at, others);
        journal_describe(&e, LOG_NOTICE, EVENT_NOT_CHAT);
        journal_field(&e, "CHAT_ADDR=%s", address);
        journal_field(&e, "CHAT_PROTOCOL=%.*s", (int)protocol.len, protocol.at);
        journal_write(log, &e);
}

void eventlog_wrong_token(struct journal *log, const char *address, uint64_t others)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s sent a line with a wrong token; others since: %" PRIu64, address, others);
        journal_describe(&e, LOG_NOTICE, EVENT_WRONG_TOKEN);
        journal_field(&e, "CHAT_ADDR=%s", address);
        journal_write(log, &e);
}

void eventlog_unconfined(struct journal *log, uint64_t id, enum confinement confinement)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s; others like it are not logged",
                      confinement == CONFINED_NO_FILTER
                              ? "a session has no filter of system calls: there is none for its architecture"
                              : "a session runs without its sandbox, as its --no-sandbox says");
        journal_describe(&e, LOG_WARNING, EVENT_UNCONFINED);
        journal_field(&e, "CHAT_SESSION=%016" PRIx64, id);
        journal_field(&e, "CHAT_PID=%" PRIu64, id >> 32);
        journal_write(log, &e);
}

void eventlog_unserved(struct journal *log, uint64_t id, int error, uint64_t others)
{
        struct journal_event e = {0};
        journal_field(&e,
                      "MESSAGE=a session cannot enter its sandbox, and does not serve its client: %s%s; others since: "
                      "%" PRIu64,
                      strerror(error), lack_sandbox(error), others);
        journal_describe(&e, LOG_ERR, EVENT_UNSERVED);
        journal_field(&e, "CHAT_PID=%" PRIu64, id >> 32);
        journal_field(&e, "ERRNO=%d", error);
        journal_write(log, &e);
}

/* Appends the numbers of the listed lines. */
static void eventlog_list_lines(FILE *out, const struct lines_file_lines *lines)
{
        size_t count = lines->count < LINES_FILE_LINES_LISTED ? lines->count : LINES_FILE_LINES_LISTED;
        for (size_t i = 0; i < count; i++)
                fprintf(out, "%s%u", i > 0 ? ", " : ": line ", lines->first[i]);
        if (lines->count > count)
                fprintf(out, " and %zu more", lines->count - count);
}

static void eventlog_describe_damage(FILE *out, const char *noun, const struct lines_file_report *report)
{
        if (report->has_total)
                fprintf(out, " is damaged: %zu of %zu %s are intact and in effect", report->intact, report->total,
                        noun);
        else
                fprintf(out, " is damaged: %zu %s are intact and in effect; how many are lost is not known",
                        report->intact, noun);
        if (report->is_mixed)
                fputs(", but some of them are of an earlier file", out);
        if (report->bad.count > 0)
                fputs("; damaged, and without effect", out);
        eventlog_list_lines(out, &report->bad);
        if (report->without_sum.count > 0)
                fputs("; in effect without a checksum", out);
        eventlog_list_lines(out, &report->without_sum);
        if (report->too_long)
                fputs("; the file is too long, and its end was not read", out);
}

static void eventlog_describe_edit(FILE *out, const struct lines_file_report *report)
{
        fputs(" was edited; in effect without a checksum", out);
        eventlog_list_lines(out, &report->without_sum);
}

void eventlog_lines_file(struct journal *log, const char *noun, const char *path,
                         const struct lines_file_report *report, const char *kept)
{
        struct journal_event e = {0};
        char text[1024] = "";
        bool damaged = report->state == LINES_FILE_DAMAGED;
        FILE *out = fmemopen(text, sizeof(text), "w");
        if (!out)
                return;
        if (damaged)
                eventlog_describe_damage(out, noun, report);
        else
                eventlog_describe_edit(out, report);
        if (kept)
                fprintf(out, "; the damaged file is kept as %s", strrchr(kept, '/') + 1);
        fclose(out);
        journal_field(&e, "MESSAGE=%s%s", path, text);
        if (damaged)
                journal_describe(&e, LOG_WARNING, EVENT_BAD_BAN);
        else
                journal_describe(&e, LOG_NOTICE, EVENT_BANS_EDITED);
        journal_field(&e, "CHAT_FILE=%s", path);
        journal_field(&e, "CHAT_KEPT=%s", kept ? kept : "");
        journal_write(log, &e);
}

void eventlog_link(struct journal *log, bool there)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s",
                      there ? "the link to other hosts is there"
                            : "the inbox of the link to other hosts is gone: they miss what is said here");
        if (there)
                journal_describe(&e, LOG_INFO, EVENT_LINK_HERE);
        else
                journal_describe(&e, LOG_WARNING, EVENT_LINK_AWAY);
        journal_write(log, &e);
}

void eventlog_started(struct journal *log, uint64_t epoch, size_t recovered)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=started; members found: %zu", recovered);
        journal_describe(&e, LOG_INFO, EVENT_STARTED);
        journal_field(&e, "CHAT_EPOCH=%016" PRIx64, epoch);
        journal_field(&e, "CHAT_MEMBERS=%zu", recovered);
        journal_write(log, &e);
}

void eventlog_stopped(struct journal *log, size_t members, uint64_t lines)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=stopped; members that stay connected: %zu, lines relayed: %" PRIu64, members, lines);
        journal_describe(&e, LOG_INFO, EVENT_STOPPED);
        journal_field(&e, "CHAT_MEMBERS=%zu", members);
        journal_field(&e, "CHAT_LINES=%" PRIu64, lines);
        journal_write(log, &e);
}

void eventlog_ignored(struct journal *log, uint64_t datagrams, const char *what)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=datagrams ignored: %s", what);
        journal_describe(&e, LOG_WARNING, EVENT_IGNORED);
        journal_field(&e, "CHAT_IGNORED=%" PRIu64, datagrams);
        journal_write(log, &e);
}

void eventlog_warning(struct journal *log, const char *what, int error)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s: %s", what, strerror(-error));
        journal_describe(&e, LOG_WARNING, EVENT_WARNING);
        journal_field(&e, "ERRNO=%d", -error);
        journal_write(log, &e);
}

void eventlog_settings(struct journal *log, const char *what)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s", what);
        journal_describe(&e, LOG_WARNING, EVENT_SETTINGS);
        journal_write(log, &e);
}

void eventlog_reload(struct journal *log, bool taken)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s",
                      taken ? "settings were read again"
                            : "settings were not read again, because some are wrong; the old ones stay in effect");
        journal_describe(&e, taken ? LOG_INFO : LOG_WARNING, EVENT_RELOAD);
        journal_write(log, &e);
}
