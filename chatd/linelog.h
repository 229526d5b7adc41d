/* What is said, in the journal, where the settings ask for it (LogLines=): an entry for each line and each /me, with who
 * said it and in which room. What people say in private is in the same batch, and left out.
 *
 * It never blocks: what the journal does not take in time is counted (chat/journal.h). Where chatd dies before the batch
 * is consumed the next one relays and logs it again; session and number of an entry are the same then.
 */
#pragma once

struct journal;
struct relay;

/* Logs what is in the batch. */
void linelog_write(struct journal *log, const struct relay *batch);
