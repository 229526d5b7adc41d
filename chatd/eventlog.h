/* chatd's events in the journal, with their texts for administrators (chat/journal.h). None of these functions
 * blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>

struct journal;
struct lines_file_report;

enum { EVENTLOG_TEXT_MAX_BYTES = 256 }; /* of an administrator's text */

/* Describes a member that joins or leaves; see systemd.journal-fields(7) for the form of the fields. */
struct eventlog_member {
        uint64_t id;
        const char *name, *address;
        size_t members; /* how many members there are now */
        /* only for a member that leaves: */
        enum leave_reason reason;
        double seconds;
        uint64_t lines_in, lines_out, lines_skipped;
};

void eventlog_join(struct journal *log, const struct eventlog_member *m);
void eventlog_leave(struct journal *log, const struct eventlog_member *m);
/* Logs that a member took another name. */
void eventlog_rename(struct journal *log, uint64_t id, const char *old_name, const char *name, const char *address);
/* An action of the administrator `uid` on a member. */
struct eventlog_act {
        uint64_t id;
        const char *name, *address;
        uid_t uid;
};

void eventlog_kick(struct journal *log, const struct eventlog_act *a, struct slice why);
void eventlog_mute(struct journal *log, const struct eventlog_act *a, bool muted);
/* Log actions of the administrator `uid`: a notice to everybody, a topic, a ban, the end of a ban. */
void eventlog_say(struct journal *log, uid_t uid, struct slice text);
void eventlog_topic(struct journal *log, uid_t uid, const char *room, struct slice topic);
void eventlog_ban(struct journal *log, uid_t uid, const char *what, const char *why);
void eventlog_unban(struct journal *log, uid_t uid, const char *what);
/* Log that the administrator `uid` added or removed the token of this name. `room` is its only room, or empty. */
void eventlog_token(struct journal *log, uid_t uid, const char *name, const char *room);
void eventlog_token_removed(struct journal *log, uid_t uid, const char *name, const char *room);

/* Logs that chatd itself removed a new token, because the file of tokens could not be written. */
void eventlog_token_taken_back(struct journal *log, const char *name, const char *room);
/* Logs that a client was refused because of the ban `what`. `others` were refused since the last such entry. */
void eventlog_refused(struct journal *log, struct slice name, struct slice address, const char *what, uint64_t others);
/* Logs that a client was refused because `most` members are here from the same network or user. `others` were refused
 * since the last such entry. */
void eventlog_crowded(struct journal *log, struct slice name, struct slice address, const char *from, size_t most,
                      uint64_t others);
/* Logs that FLOODS_CONNECTIONS connections came from the network `from` (floods.h), the last of them from `address`. */
void eventlog_flood(struct journal *log, struct slice address, const char *from);
/* Logs that a client at this address spoke `protocol`, which begins with NOT_CHAT_HEADER (chat/frame.h) for a proxy
 * with a wrong header. `others` did so since the last such entry. */
void eventlog_not_chat(struct journal *log, const char *address, struct slice protocol, uint64_t others);
/* Logs that a program at this address sent a line with a token that does not exist. `others` did so since the last such
 * entry. */
void eventlog_wrong_token(struct journal *log, const char *address, uint64_t others);
/* Logs that the session `id` has no sandbox, or a sandbox without the filter of system calls. Further sessions like it
 * are not logged. */
void eventlog_unconfined(struct journal *log, uint64_t id, enum confinement confinement);
/* Logs that the session `id` ends because it could not enter its sandbox. `error` is an errno. `others` did so since
 * the last such entry. */
void eventlog_unserved(struct journal *log, uint64_t id, int error, uint64_t others);
/* Logs that the file `path` is damaged, or was edited. Its entries are called `noun`, such as "bans". The damaged file is
 * kept under the path `kept`, or not at all (NULL). */
void eventlog_lines_file(struct journal *log, const char *noun, const char *path,
                         const struct lines_file_report *report, const char *kept);
/* Logs that the link to other hosts sent HELLO, or that its inbox is gone. */
void eventlog_link(struct journal *log, bool there);
void eventlog_started(struct journal *log, uint64_t epoch, size_t recovered);
void eventlog_stopped(struct journal *log, size_t members, uint64_t lines);
/* Logs ignored datagrams. `what` is a list of counts and reasons, clean text. */
void eventlog_ignored(struct journal *log, uint64_t datagrams, const char *what);
/* Logs a failure after which chatd continues; `error` is a negative errno. */
void eventlog_warning(struct journal *log, const char *what, int error);
/* Logs `what`, a problem with the settings or their files: one line of clean text. */
void eventlog_settings(struct journal *log, const char *what);
/* Logs that the settings were read again, and if they were `taken`. */
void eventlog_reload(struct journal *log, bool taken);
