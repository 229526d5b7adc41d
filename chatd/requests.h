/* Requests of a member to chatd besides lines: another name or room, a private message, a list of members or rooms.
 *
 * Each request comes through the queue, with a number as lines have, so it has its place in the order. The part that
 * other members see is relayed as lines are. The part for its own client is an ANSWER at the same place in the order,
 * which may come twice if a batch is relayed again: sessions take one for each number.
 *
 * Changes of names, rooms and topics are noted before any member is told (changes.h). A change that cannot be noted is
 * not made, and the member is told so.
 *
 * Questions about other hosts are sent there: the link carries an ASK, and each chatd that gets it sends a REPLY back,
 * for the asking member alone.
 */
#pragma once

#include <chat/record.h>

struct chat;
struct member;

enum {
        REQUESTS_WHO_COLUMNS = 76,       /* of a list of names */
        REQUESTS_REPLY_MAX_BYTES = 1024, /* to another host */
};

/* Does what a frame from ACTION on says, or ignores and counts it. Returns 0, or -ENOBUFS if it belongs to the next
 * batch: then nothing was done. The batch must have room for two records. */
int requests_take(struct chat *chat, const struct frame *f);

/* Tells `m`, once, that no other member could get its line in the frame of this number. */
void requests_tell_alone(struct chat *chat, struct member *m, uint64_t number);

/* Writes the reply to a member on another host whose question is ASK_WHO or ASK_ROOMS, as far as it fits. Returns the
 * length of the terminated text; 0 if `question` is neither. */
size_t requests_reply(const struct chat *chat, struct slice question, char *text, size_t size);
