/* chatd's events, and what an administrator reads of each (chat/journal.h). None of these blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>

struct bans_file_report;
struct journal;

enum { EVENTLOG_TEXT_MAX_BYTES = 256 }; /* of what an administrator says */

/* What is known of a member that joins or leaves; see systemd.journal-fields(7) for the form of the fields. */
struct eventlog_member {
        uint64_t id;
        const char *name, *address;
        size_t members; /* how many there are now */
        /* of a member that leaves: */
        enum leave_reason reason;
        double seconds;
        uint64_t lines_in, lines_out, skipped;
};

void eventlog_join(struct journal *log, const struct eventlog_member *m);
void eventlog_leave(struct journal *log, const struct eventlog_member *m);
/* A member took another name. */
void eventlog_rename(struct journal *log, uint64_t id, const char *was, const char *name, const char *address);
/* What the administrator `uid` did to a member. */
struct eventlog_act {
        uint64_t id;
        const char *name, *address;
        uid_t uid;
};

void eventlog_kick(struct journal *log, const struct eventlog_act *a, struct slice why);
void eventlog_mute(struct journal *log, const struct eventlog_act *a, bool muted);
/* … said to everybody, or did to who may join. */
void eventlog_say(struct journal *log, uid_t uid, struct slice text);
void eventlog_topic(struct journal *log, uid_t uid, const char *room, struct slice topic);
void eventlog_ban(struct journal *log, uid_t uid, const char *what, const char *why);
void eventlog_unban(struct journal *log, uid_t uid, const char *what);
/* Somebody was refused because of the ban `what`, and so were `others` since that was logged last. */
void eventlog_refused(struct journal *log, struct slice name, struct slice address, const char *what, uint64_t others);
/* Somebody was refused because `most` are here from the same network or user, and so were `others` since that was logged
 * last. */
void eventlog_crowded(struct journal *log, struct slice name, struct slice address, const char *from, size_t most,
                      uint64_t others);
/* FLOODS_CONNECTIONS connections came from the network `from` (chatd/floods.h), this one last. */
void eventlog_flood(struct journal *log, struct slice address, const char *from);
/* A client at this address spoke `protocol`, which says so where it is a proxy with a wrong header (NOT_CHAT_HEADER,
 * chat/frame.h). `others` are those like it since the last such event. */
void eventlog_not_chat(struct journal *log, const char *address, struct slice protocol, uint64_t others);
/* The session `id` has no sandbox, or no filter of system calls in it; others will not be logged. */
void eventlog_unconfined(struct journal *log, uint64_t id, enum confinement confinement);
/* The session `id` ends because it could enter no sandbox: `error` is why, an errno. So did `others` since that was logged
 * last. */
void eventlog_unserved(struct journal *log, uint64_t id, int error, uint64_t others);
/* The file of bans is damaged, or was edited; the damaged one is kept under the path `kept`, or nowhere (NULL). */
void eventlog_bans(struct journal *log, const char *path, const struct bans_file_report *report, const char *kept);
/* The link to other hosts said HELLO, or its inbox is gone. */
void eventlog_link(struct journal *log, bool there);
void eventlog_started(struct journal *log, uint64_t epoch, size_t recovered);
void eventlog_stopped(struct journal *log, size_t members, uint64_t lines);
/* `what` is a list of counts and reasons, clean text. */
void eventlog_ignored(struct journal *log, uint64_t datagrams, const char *what);
/* Something failed and chatd goes on; `error` is a negative errno. */
void eventlog_warning(struct journal *log, const char *what, int error);
/* Something in the settings is wrong, or was not taken as it is: one line, clean. */
void eventlog_settings(struct journal *log, const char *what);
/* The settings were read again, and taken, or not. */
void eventlog_reload(struct journal *log, bool taken);
