#include "listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "channels.h"
#include "numerics.h"
#include "output.h"
#include "requests.h"

void listing_take(struct irc *i, const struct irc_message *m)
{
        struct slice conditions = m->params_count > 0 ? m->params[0] : slice_of("");
        snprintf(i->listed, sizeof(i->listed), "%.*s", (int)conditions.len, conditions.at);
        requests_send(i, IRC_WISH_LIST, slice_of(""), (struct frame){.type = FRAME_ROOMS});
}

/* Returns true if the client wants to see this channel: all conditions are true of it, and one of the masks if there are
 * any. */
static bool listing_wants(const struct irc *i, const char *channel, uint64_t people)
{
        char conditions[sizeof(i->listed)], *rest = conditions, *one;
        bool has_masks = false, matches = false;
        snprintf(conditions, sizeof(conditions), "%s", i->listed);
        while ((one = strsep(&rest, ","))) {
                if ((one[0] == '>' && people <= strtoull(one + 1, NULL, 10)) ||
                    (one[0] == '<' && people >= strtoull(one + 1, NULL, 10)) ||
                    (one[0] == '!' && irc_matches(one + 1, channel)))
                        return false;
                if (one[0] == '\0' || strchr("<>!", one[0]))
                        continue;
                has_masks = true;
                matches |= irc_matches(one, channel);
        }
        return matches || !has_masks;
}

void listing_show(struct irc *i, const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        uint64_t missing = a->rooms_count;
        char channel[LINE_CHANNEL_BYTES], text[80];
        for (; answer_next_room(&rooms, &room) > 0; missing -= missing > 0) {
                line_channel(room.name, channel);
                if ((room.people == 0 && room.topic.len == 0) || !listing_wants(i, channel, room.people))
                        continue;
                snprintf(text, sizeof(text), "%" PRIu64, room.people);
                output_numeric(i, RPL_LIST, IRC_PARAMS(slice_of(channel), slice_of(text), room.topic));
        }
        if (missing > 0) {
                snprintf(text, sizeof(text), "There are %" PRIu64 " more channels, too many to list", missing);
                output_notice(i, slice_of(text));
        }
        output_numeric(i, RPL_LISTEND, IRC_PARAMS(slice_of("End of /LIST")));
}
