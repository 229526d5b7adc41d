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
        i->label.is_open = i->label.has_first = false;
        i->label.is_active = true;
}

void labels_activate(struct irc *i, bool is_active)
{
        i->label.is_active = is_active && labels_are_open(i);
}

void labels_end(struct irc *i)
{
        i->label.is_active = false;
        if (!labels_are_open(i))
                return;
        if (lists_are_open(i) || requests_are_labelled(i) || irc_has_names_left(i) || i->ping.is_due) {
                output_pause_label(i);
                return;
        }
        output_end_label(i);
        i->label.text[0] = '\0';
}
