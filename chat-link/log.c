#include "log.h"

#include <systemd/sd-daemon.h>

#include "link-state.h"
#include "twin.h"

/* Logs that the machine's name is no label, so a label was made from it. This is no error, but users look for the host
 * by its label. */
static void log_label(struct journal *j, const struct config *c)
{
        struct journal_event e = {0};
        journal_field(
                &e,
                "MESSAGE=this host is called %s in the chat: the machine's name, %s, is not 1 to 24 of a-z, 0-9 and "
                "-; to choose another label, set Host= in /etc/chat/link.conf",
                c->host, c->machine);
        journal_describe(&e, LOG_NOTICE, EVENT_LINK_LABEL);
        journal_field(&e, "CHAT_HOST=%s", c->host);
        journal_write(j, &e);
}

void log_started(struct journal *j, const struct link *l)
{
        struct journal_event e = {0};
        uint64_t backlog = spool_waiting(l->spool);
        journal_field(&e, "MESSAGE=started as host %s of the network %s; lines that wait: %" PRIu64, l->config->host,
                      l->config->network, backlog);
        journal_describe(&e, LOG_INFO, EVENT_LINK_STARTED);
        journal_field(&e, "CHAT_LINES_WAITING=%" PRIu64, backlog);
        journal_write(j, &e);
        if (l->config->machine[0] != '\0')
                log_label(j, l->config);
}

void log_stopped(struct journal *j, const struct link *l)
{
        struct journal_event e = {0};
        uint64_t backlog = spool_waiting(l->spool);
        journal_field(&e, "MESSAGE=stopped; lines that wait for other hosts: %" PRIu64 ", lines from them: %" PRIu64,
                      backlog, l->lines_in);
        journal_describe(&e, LOG_INFO, EVENT_LINK_STOPPED);
        journal_field(&e, "CHAT_LINES_WAITING=%" PRIu64, backlog);
        journal_field(&e, "CHAT_LINES_IN=%" PRIu64, l->lines_in);
        journal_write(j, &e);
}

void log_lost(struct journal *j, uint64_t lines)
{
        struct journal_event e = {0};
        if (lines == MISSED_UNKNOWN)
                journal_field(&e,
                              "MESSAGE=the spool is damaged, or of a later version: it was made anew, and the lines "
                              "in it did not reach other hosts");
        else
                journal_field(&e,
                              "MESSAGE=this machine went down without notice: %" PRIu64
                              " lines did not reach other hosts",
                              lines);
        journal_describe(&e, LOG_WARNING, EVENT_LINK_LOST);
        if (lines != MISSED_UNKNOWN)
                journal_field(&e, "CHAT_LINES_LOST=%" PRIu64, lines);
        journal_write(j, &e);
}

void log_left(struct journal *j, uint64_t lines)
{
        struct journal_event e = {0};
        journal_field(&e,
                      "MESSAGE=Network= was changed: %" PRIu64 " line%s that waited for hosts of the former network %s "
                      "not sent",
                      lines, lines == 1 ? "" : "s", lines == 1 ? "is" : "are");
        journal_describe(&e, LOG_WARNING, EVENT_LINK_LEFT);
        journal_field(&e, "CHAT_LINES_LOST=%" PRIu64, lines);
        journal_write(j, &e);
}

void log_refused(struct journal *j, const char *why)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=chatd does not take the link: %s", why);
        journal_describe(&e, LOG_WARNING, EVENT_LINK_REFUSED);
        journal_write(j, &e);
}

void log_hosts(struct journal *j, const char *text)
{
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s", text);
        journal_describe(&e, LOG_INFO, EVENT_LINK_HOSTS);
        journal_write(j, &e);
}

/* Returns true if all records of this host's members reach other hosts now. A new link must also have begun to read: it
 * does not get lines that other hosts said before that. */
static bool log_is_linked(const struct link *l)
{
        return l->status.is_connected && !l->status.is_stuck && (l->is_link_logged || l->reading == LINK_READS);
}

static void log_linked(struct journal *j, const struct link *l)
{
        const struct network_status *s = &l->status;
        struct journal_event e = {0};
        journal_field(
                &e, "MESSAGE=linked by %s%s", s->server,
                s->is_stored ? "" : ", which has no JetStream: a host that is not connected gets lines late, or never");
        journal_describe(&e, s->is_stored ? LOG_INFO : LOG_WARNING, EVENT_LINK_LINKED);
        journal_field(&e, "CHAT_SERVER=%s", s->server);
        journal_write(j, &e);
}

static void log_problem(struct journal *j, const struct link *l)
{
        const struct network_status *s = &l->status;
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=%s%s", log_is_linked(l) ? "" : "not linked: ", s->problem);
        journal_describe(&e, LOG_WARNING, EVENT_LINK_PROBLEM);
        journal_field(&e, "CHAT_LINES_WAITING=%" PRIu64, spool_waiting(l->spool));
        journal_write(j, &e);
}

/* Logs a change of the network's state, LINK_LOG_MS after the last change at the earliest. Returns when that is, or
 * INT64_MAX. */
static int64_t log_change(struct link *l)
{
        const struct network_status *s = &l->status;
        bool linked = log_is_linked(l);
        bool same_problem = strcmp(s->problem, l->logged_problem) == 0;
        if (linked == l->is_link_logged && same_problem)
                return INT64_MAX;
        if (l->log_at != 0 && l->now < l->log_at)
                return l->log_at;
        l->log_at = l->now + LINK_LOG_MS;
        if (linked && !l->is_link_logged)
                log_linked(l->journal, l);
        if (s->problem[0] != '\0' && !same_problem)
                log_problem(l->journal, l);
        l->is_link_logged = linked;
        snprintf(l->logged_problem, sizeof(l->logged_problem), "%s", s->problem);
        return INT64_MAX;
}

/* Returns what to do about ignored messages. The rarest reason comes first. */
static const char *log_ignored_why(const struct link *l)
{
        if (l->hosts.refusals > l->logged_refusals)
                return "there are more hosts in this network than a chat-link can know, which are 64";
        return "no chat-link sends such messages";
}

/* Logs how many messages were ignored since the last entry. */
static void log_ignored(struct link *l)
{
        uint64_t total = l->ignored_count + l->status.ignored_count + l->inbox.ignored_count + l->hosts.refusals;
        if (total == l->logged_ignored_count || (l->ignored_at != 0 && l->now < l->ignored_at))
                return;
        struct journal_event e = {0};
        uint64_t count = total - l->logged_ignored_count;
        l->ignored_at = l->now + LINK_IGNORED_MS;
        journal_field(&e, "MESSAGE=messages ignored: %" PRIu64 "; %s", count, log_ignored_why(l));
        journal_describe(&e, LOG_WARNING, EVENT_LINK_IGNORED);
        journal_field(&e, "CHAT_IGNORED=%" PRIu64, count);
        journal_write(l->journal, &e);
        l->logged_ignored_count = total;
        l->logged_refusals = l->hosts.refusals;
}

/* Logs how many records NATS lost and their hosts sent again, since the last entry. */
static void log_repeats(struct link *l)
{
        uint64_t count = l->repeats - l->logged_repeats;
        if (count == 0 || (l->repeats_at != 0 && l->now < l->repeats_at))
                return;
        struct journal_event e = {0};
        l->repeats_at = l->now + LINK_IGNORED_MS;
        journal_field(&e, "MESSAGE=lines that NATS lost and other hosts sent again: %" PRIu64, count);
        journal_describe(&e, LOG_NOTICE, EVENT_LINK_HAD_AGAIN);
        journal_field(&e, "CHAT_LINES_HAD_AGAIN=%" PRIu64, count);
        journal_write(l->journal, &e);
        l->logged_repeats = l->repeats;
}

/* Logs how many records of the spool were found damaged since the last entry. */
static void log_damaged(struct link *l)
{
        uint64_t total = spool_damaged(l->spool), count = total - l->logged_damage;
        if (count == 0)
                return;
        struct journal_event e = {0};
        journal_field(&e, "MESSAGE=the spool was damaged: %" PRIu64 " line%s in it cannot be sent to other hosts",
                      count, count == 1 ? "" : "s");
        journal_describe(&e, LOG_WARNING, EVENT_LINK_DAMAGED);
        journal_field(&e, "CHAT_LINES_LOST=%" PRIu64, count);
        journal_write(l->journal, &e);
        l->logged_damage = total;
}

static void log_twin(struct journal *j, const char *label, bool is_there)
{
        struct journal_event e = {0};
        if (is_there)
                journal_field(&e,
                              "MESSAGE=another host of this network is called %s, too: the two do not hear each other, "
                              "and others hear both under that name; give one of them another Host= in "
                              "/etc/chat/link.conf, and "
                              "there: systemctl restart chat-link",
                              label);
        else
                journal_field(&e, "MESSAGE=no other host of this network is called %s any more", label);
        journal_describe(&e, is_there ? LOG_WARNING : LOG_NOTICE, EVENT_LINK_TWIN);
        journal_field(&e, "CHAT_HOST=%s", label);
        journal_write(j, &e);
}

/* Logs labels that several other hosts share now, or that only one host has again. */
static void log_look_for_others_twins(struct link *l)
{
        bool several;
        const char *label;
        while ((label = hosts_twin_news(&l->hosts, l->now, &several))) {
                struct journal_event e = {0};
                if (several)
                        journal_field(&e,
                                      "MESSAGE=several hosts of this network are called %s: people here hear all of "
                                      "them under that name; give each another Host= in its /etc/chat/link.conf",
                                      label);
                else
                        journal_field(&e, "MESSAGE=one host of this network is called %s again", label);
                journal_describe(&e, several ? LOG_WARNING : LOG_NOTICE, EVENT_LINK_TWINS);
                journal_field(&e, "CHAT_HOST=%s", label);
                journal_write(l->journal, &e);
        }
}

/* Logs that another host has this host's label, or no longer has it. Without a connection, no message arrives and the
 * last state holds. */
static void log_look_for_twin(struct link *l)
{
        if (l->status.twin != l->twin_signs || (l->is_twin_logged && !l->status.is_connected))
                l->twin_at = l->now;
        l->twin_signs = l->status.twin;
        bool is_there = l->twin_at != 0 && l->now - l->twin_at < TWIN_LOST_MS;
        if (is_there != l->is_twin_logged)
                log_twin(l->journal, l->config->host, is_there);
        l->is_twin_logged = is_there;
}

/* Returns what a link that is not linked waits for. */
static const char *log_why_not_linked(const struct network_status *s)
{
        if (s->problem[0])
                return s->problem;
        return s->is_connected ? "waiting for chatd" : "connecting";
}

static void log_notify(struct link *l)
{
        const struct network_status *s = &l->status;
        char hosts[512], text[sizeof(l->status_line)];
        uint64_t backlog = spool_waiting(l->spool);
        hosts_describe(&l->hosts, hosts, sizeof(hosts));
        if (log_is_linked(l))
                snprintf(text, sizeof(text),
                         "STATUS=linked as %s by %s%s%s%s%s; hosts: %s; lines waiting: %" PRIu64
                         ", from others: %" PRIu64,
                         l->config->host, s->server, s->is_stored ? "" : " (no JetStream)",
                         l->is_twin_logged ? "; problem: another host has the same label: give one another Host= in "
                                             "/etc/chat/link.conf"
                                           : "",
                         s->problem[0] ? "; problem: " : "", s->problem, hosts[0] ? hosts : "none yet", backlog,
                         l->lines_in);
        else
                snprintf(text, sizeof(text), "STATUS=not linked: %s; lines waiting: %" PRIu64, log_why_not_linked(s),
                         backlog);
        if (strcmp(text, l->status_line) == 0)
                return;
        snprintf(l->status_line, sizeof(l->status_line), "%s", text);
        sd_notify(false, text);
}

int64_t log_status(struct link *l)
{
        network_get_status(l->network, &l->status);
        if (l->status_at == 0 || l->now >= l->status_at) {
                l->status_at = l->now + LINK_STATUS_MS;
                log_look_for_twin(l);
                log_look_for_others_twins(l);
                log_notify(l);
                log_ignored(l);
                log_repeats(l);
                log_damaged(l);
        }
        int64_t change = log_change(l);
        return change < l->status_at ? change : l->status_at;
}
