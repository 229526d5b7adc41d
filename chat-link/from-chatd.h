/* Takes datagrams of chatd: records of members here, and the number from which the network is to be read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct link;

/* Connects to chatd, and says HELLO if that is due. */
void from_chatd_connect(struct link *l);

/* Moves datagrams from the inbox to the spool, a bounded number. Returns true if there may be more. */
bool from_chatd_take(struct link *l);

/* Moves datagrams as from_chatd_take() does, but ignores roll calls and answers to HELLO, because the next chat-link
 * sends HELLO when it begins. Returns the time at which there may be more to do, ms of CLOCK_MONOTONIC. */
int64_t from_chatd_drain(struct link *l);
