/* What a member asks chatd for besides relaying lines: another name or room, a word to one member, who is where.
 *
 * Each comes through the queue, numbered as lines are, so it has its place in the order. What the others see of it is
 * relayed as lines are; what only its client sees is an ANSWER at the same place in the order, which may come twice
 * where a batch is relayed again: sessions take one for each number.
 *
 * Names, rooms and topics that are changed are noted before anybody is told (changes.h); what cannot be noted is not
 * done, and whoever asked for it is told so.
 *
 * Who is on other hosts is asked there: the link carries an ASK, and each chatd that gets it sends a REPLY back, for who
 * asked alone.
 */
#pragma once

#include <chat/record.h>

struct chat;
struct member;

enum {
        REQUESTS_WHO_COLUMNS = 76,       /* of a list of names */
        REQUESTS_REPLY_MAX_BYTES = 1024, /* to another host */
};

/* Does what a frame from ACTION on says, or ignores and counts it. Returns 0, or -ENOBUFS where it belongs to the next
 * batch: then nothing was done. There is room for two records. */
int requests_take(struct chat *chat, const struct frame *f);

/* Tells `m`, once, that nobody is there who could have heard what it said in the frame of this number. */
void requests_tell_alone(struct chat *chat, struct member *m, uint64_t number);

/* Writes what somebody on another host is told whose question is ASK_WHO or ASK_ROOMS, as far as it fits. Returns the
 * length, terminated; 0 where that is no question. */
size_t requests_reply(const struct chat *chat, struct slice question, char *text, size_t size);
