/* Requests of an IRC client that wait for chatd's answer. */
#pragma once

#include "irc.h"

/* Returns true if a request that belongs to the label (labels.h) waits for its answer. */
bool requests_are_labelled(const struct irc *i);

/* Returns true if no request waits for its answer. */
bool requests_are_answered(const struct irc *i);

/* Returns true if there is room for one more request. */
bool requests_have_room(const struct irc *i);

/* Returns true if the client's next message must wait until chatd has answered: see enum irc_wish. */
bool requests_must_wait(const struct irc *i);

/* Sends a request to chatd, and remembers what it was for. `target` is the nick or channel as the client wrote it, and
 * may be empty. There must be room, here and in the queue to chatd. */
void requests_send(struct irc *i, enum irc_wish wish, struct slice target, struct frame f);

/* Forgets all requests, because their answers may be lost. */
void requests_forget(struct irc *i);

/* Returns the request of this number, or NULL. Forgets it, and requests before it: answers come in order, so those get
 * none. The result is valid until the next call of a function of this file. */
const struct irc_request *requests_take(struct irc *i, uint64_t number);
