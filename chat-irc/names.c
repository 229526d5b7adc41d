#include "names.h"

#include <inttypes.h>
#include <stdio.h>

#include <chat/assert.h>

#include "../chat-session/client-output.h"

#include "channels.h"
#include "numerics.h"
#include "output.h"
#include "people.h"

/* The names of one message. */
struct names_row {
        size_t len;
        char text[IRC_LINE_MAX_BYTES];
};

static void names_flush(struct irc *i, struct names_row *row)
{
        if (row->len > 0)
                output_numeric(
                        i, RPL_NAMREPLY,
                        IRC_PARAMS(slice_of("="), slice_of(i->names.channel), (struct slice){row->text, row->len}));
        row->len = 0;
}

static void names_add(struct irc *i, struct names_row *row, struct slice name)
{
        char nick[LINE_SOURCE_MAX_BYTES];
        if (irc_has(i, IRC_USERHOST_IN_NAMES))
                line_source(i->options->server, name, nick);
        else
                nick_of_name(name, nick);
        if (row->len + 1 + strlen(nick) > IRC_LINE_MAX_BYTES / 2)
                names_flush(i, row);
        row->len += (size_t)snprintf(row->text + row->len, sizeof(row->text) - row->len, "%s%s",
                                     row->len > 0 ? " " : "", nick);
}

/* Ends the list. Says so if chatd left people out, because its answers have a limit. */
static void names_end(struct irc *i)
{
        struct irc_names *n = &i->names;
        char text[128];
        if (n->missing > 0) {
                snprintf(text, sizeof(text), "%" PRIu64 " more people are in %s, too many to list", n->missing,
                         n->channel);
                output_notice(i, slice_of(text));
        }
        if (n->is_who)
                output_refuse(i, RPL_ENDOFWHO, slice_of(n->asked), "End of /WHO list");
        else
                output_refuse(i, RPL_ENDOFNAMES, slice_of(n->asked), "End of /NAMES list");
        n->is_open = false;
}

/* Ends the list without the rest of it. */
static void names_cut(struct irc *i)
{
        struct slice name;
        while (answer_next_name(&i->names.left, &name) > 0)
                i->names.missing++;
        names_end(i);
}

/* Writes names until none are left, or the room is needed for other answers. */
static void names_write(struct irc *i)
{
        struct irc_names *n = &i->names;
        struct names_row row = {0};
        struct slice name;
        int more = 1;
        while (client_room(i->client) > IRC_RESERVED_BYTES && (more = answer_next_name(&n->left, &name)) > 0) {
                if (n->is_who)
                        people_show(i, slice_of(n->channel), name);
                else
                        names_add(i, &row, name);
        }
        names_flush(i, &row);
        if (more <= 0)
                names_end(i);
}

void names_begin(struct irc *i, bool is_who, struct slice asked, const struct answer_room *room)
{
        struct irc_names *n = &i->names;
        struct wire_reader names = room->names;
        struct slice name;
        assert(wire_left(&names) <= sizeof(i->names_bytes));
        if (n->is_open) /* chatd answered a request that was forgotten */
                names_cut(i);
        n->is_open = true;
        n->is_who = is_who;
        n->is_labelled = i->label.is_active;
        line_channel(room->name, n->channel);
        snprintf(n->asked, sizeof(n->asked), "%.*s", (int)asked.len, asked.at);
        n->left = names;
        for (n->missing = room->people; n->missing > 0 && answer_next_name(&names, &name) > 0; n->missing--)
                ;
        names_write(i);
        if (!n->is_open)
                return;
        size_t left = wire_left(&n->left);
        memcpy(i->names_bytes, n->left.at, left);
        n->left = wire_read(i->names_bytes, left);
}

void names_go_on(struct irc *i)
{
        names_write(i);
}
