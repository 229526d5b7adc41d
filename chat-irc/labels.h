/* Labels of the client's messages (IRCv3 labeled-response): the answer to a message with a label has the label, too.
 *
 * Several messages are a batch, and a message without an answer gets an ACK. Only one label is open at a
 * time: the next message waits until all requests that belong to it are answered.
 */
#pragma once

#include "irc.h"
#include "message.h"

/* Begins the label in these tags, if there is one and the client has turned labels on. What is written from now on is a
 * part of the answer. */
void labels_begin(struct irc *i, struct slice tags);

/* States whether what is written from now on is a part of the answer. */
void labels_activate(struct irc *i, bool is_active);

/* Ends the label, if there is one and nothing that belongs to it is left to be answered. */
void labels_end(struct irc *i);

/* Returns true while a label is open. */
static inline bool labels_are_open(const struct irc *i)
{
        return i->label.text[0] != '\0';
}
