#include "labels.h"

#include <stdio.h>

#include "lists.h"
#include "output.h"
#include "requests.h"

void labels_begin(struct irc *i, struct slice tags)
{
        struct slice value;
        if (!irc_has(i, IRC_LABELED_RESPONSE) || !irc_has(i, IRC_BATCH) || !irc_find_tag(tags, "label", &value) ||
            value.len > IRC_LABEL_MAX_BYTES || value.len == 0)
                return;
        snprintf(i->label.text, sizeof(i->label.text), "%.*s", (int)value.len, value.at);
        i->label.is_open = false;
        i->label.is_active = true;
}

void labels_activate(struct irc *i, bool is_active)
{
        i->label.is_active = is_active && labels_are_open(i);
}

void labels_end(struct irc *i)
{
        char tag[sizeof("label=") + IRC_LABEL_MAX_BYTES];
        i->label.is_active = false;
        if (!labels_are_open(i) || lists_are_open(i) || requests_are_labelled(i))
                return;
        snprintf(tag, sizeof(tag), "label=%s", i->label.text);
        if (i->label.is_open)
                output_end_batch(i, i->label.batch);
        else
                output_tagged(i, slice_of(tag), "ACK", NULL, 0);
        i->label.text[0] = '\0';
}
