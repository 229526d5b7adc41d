/* Lines of members in the journal, if the settings ask for them (LogLines=): an entry for each line and each /me, with
 * its member and room. Private messages are left out.
 *
 * It never blocks: entries that the journal does not take in time are only counted (chat/journal.h). If chatd dies
 * before the batch is consumed, the next chatd relays and logs it again, with the same session and number in each
 * entry.
 */
#pragma once

struct journal;
struct batch;

/* Logs the lines of the batch. */
void linelog_write(struct journal *log, const struct batch *batch);
