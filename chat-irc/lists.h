/* Commands with a list, such as JOIN #a,#b. The items are taken one by one, each after chatd has answered the one before
 * it. So a list needs no more room for requests and output than one item does.
 */
#pragma once

#include "irc.h"

/* Begins a list of items with commas or blanks between them. `each` is called for each item; `done`, unless it is NULL,
 * is called after the last one was answered. There must be no list. A list that is too long is cut. */
void lists_begin(struct irc *i, struct slice items, void (*each)(struct irc *i, struct slice item),
                 void (*done)(struct irc *i));

/* Appends an item to the list. */
void lists_append(struct irc *i, struct slice item);

/* Returns true while items are left, or the end is. */
static inline bool lists_are_open(const struct irc *i)
{
        return i->list.each;
}

/* Takes the next item, or ends the list. There must be a list, and room for the effects. */
void lists_go_on(struct irc *i);
