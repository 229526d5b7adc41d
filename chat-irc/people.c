#include "people.h"

#include <stdio.h>

#include "about.h"
#include "lists.h"
#include "numerics.h"
#include "output.h"
#include "requests.h"

#define WHO_USER "chat"

enum { USERHOST_MAX = 5 };

/* Asks chatd for the member with this nick. Returns false if nobody can have it. */
static bool people_find(struct irc *i, enum irc_wish wish, struct slice nick)
{
        char name[NAME_MAX_BYTES + 1];
        if (!nick_to_name(nick, name) || !text_is_name(name, strlen(name)))
                return false;
        requests_send(i, wish, nick, (struct frame){.type = FRAME_FIND, .name = slice_of(name)});
        return true;
}

/* ---- WHO ---- */

/* Notes which fields WHO is to show: "%tcnf,42" asks for four fields and has the token 42. This is WHOX, as ircu and the
 * Modern IRC documentation state it. */
static void people_take_fields(struct irc *i, struct slice what)
{
        const char *comma = memchr(what.at, ',', what.len);
        size_t fields = comma ? (size_t)(comma - what.at) : what.len, token = what.len - fields;
        i->who = (struct irc_who){.is_extended = what.len > 1 && what.at[0] == '%'};
        if (!i->who.is_extended)
                return;
        snprintf(i->who.fields, sizeof(i->who.fields), "%.*s", (int)(fields - 1), what.at + 1);
        if (token > 1 && token <= sizeof(i->who.token))
                snprintf(i->who.token, sizeof(i->who.token), "%.*s", (int)(token - 1), comma + 1);
}

void people_who(struct irc *i, const struct irc_message *m)
{
        struct slice mask = m->params_count > 0 ? m->params[0] : slice_of("*"), room;
        people_take_fields(i, m->params_count > 1 ? m->params[1] : slice_of(""));
        if (nick_channel_to_room(mask, &room))
                requests_send(i, IRC_WISH_WHO, mask, (struct frame){.type = FRAME_PEOPLE, .name = room});
        else if (!people_find(i, IRC_WISH_WHO_NICK, mask))
                output_refuse(i, RPL_ENDOFWHO, mask, "End of /WHO list");
}

/* Appends the fields that were asked for, in the order of WHOX, to `fields`. Returns their number. */
static size_t people_fields(const struct irc *i, struct slice channel, struct slice nick,
                            struct slice fields[static IRC_PARAMS_MAX])
{
        const struct slice server = slice_of(i->options->server);
        const struct {
                char letter;
                struct slice value;
        } all[] = {
                {'t', slice_of(i->who.token[0] != '\0' ? i->who.token : "0")},
                {'c', channel},
                {'u', slice_of(WHO_USER)},
                {'i', slice_of("255.255.255.255")},
                {'h', server},
                {'s', server},
                {'n', nick},
                {'f', slice_of("H")},
                {'d', slice_of("0")},
                {'l', slice_of("0")},
                {'a', slice_of("0")},
                {'o', slice_of("n/a")},
                {'r', slice_of(LINE_REAL_NAME)},
        };
        size_t count = 0;
        for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++)
                if (strchr(i->who.fields, all[n].letter))
                        fields[count++] = all[n].value;
        return count;
}

void people_show(struct irc *i, struct slice channel, struct slice name)
{
        char nick[IRC_NICK_MAX_BYTES];
        struct slice fields[IRC_PARAMS_MAX], server = slice_of(i->options->server);
        nick_of_name(name, nick);
        if (i->who.is_extended)
                output_numeric(i, RPL_WHOSPCRPL, fields, people_fields(i, channel, slice_of(nick), fields));
        else
                output_numeric(i, RPL_WHOREPLY,
                               IRC_PARAMS(channel, slice_of(WHO_USER), server, server, slice_of(nick), slice_of("H"),
                                          slice_of("0 " LINE_REAL_NAME)));
}

/* ---- one person, or a few ---- */

void people_whois(struct irc *i, const struct irc_message *m)
{
        bool names_server = m->params_count > 1;
        struct slice nick = m->params[names_server ? 1 : 0];
        /* many clients ask the server of the person itself */
        if (names_server && !slice_equal_case(m->params[0], nick) && !about_is_here(i, m, 0))
                return;
        if (people_find(i, IRC_WISH_WHOIS, nick))
                return;
        output_refuse(i, ERR_NOSUCHNICK, nick, "No such nick");
        output_refuse(i, RPL_ENDOFWHOIS, nick, "End of /WHOIS list");
}

/* Nobody remembers who left. */
void people_whowas(struct irc *i, const struct irc_message *m)
{
        output_refuse(i, ERR_WASNOSUCHNICK, m->params[0], "There was no such nickname");
        output_refuse(i, RPL_ENDOFWHOWAS, m->params[0], "End of WHOWAS");
}

void people_found(struct irc *i, enum irc_wish wish, struct slice name)
{
        char nick[IRC_NICK_MAX_BYTES], one[LINE_SOURCE_MAX_BYTES + 4];
        nick_of_name(name, nick);
        int len = wish == IRC_WISH_ISON ? snprintf(one, sizeof(one), "%s", nick)
                                        : snprintf(one, sizeof(one), "%s=+" WHO_USER "@%s", nick, i->options->server);
        if (i->found_len + 1 + (size_t)len < sizeof(i->found))
                i->found_len += (size_t)snprintf(i->found + i->found_len, sizeof(i->found) - i->found_len, "%s%s",
                                                 i->found_len > 0 ? " " : "", one);
}

static void people_ison_one(struct irc *i, struct slice nick)
{
        people_find(i, IRC_WISH_ISON, nick);
}

static void people_userhost_one(struct irc *i, struct slice nick)
{
        if (i->userhosts++ < USERHOST_MAX)
                people_find(i, IRC_WISH_USERHOST, nick);
}

static void people_end_ison(struct irc *i)
{
        output_numeric(i, RPL_ISON, IRC_PARAMS((struct slice){i->found, i->found_len}));
}

static void people_end_userhost(struct irc *i)
{
        output_numeric(i, RPL_USERHOST, IRC_PARAMS((struct slice){i->found, i->found_len}));
}

/* Begins a list of the nicks in all parameters. */
static void people_begin(struct irc *i, const struct irc_message *m, void (*each)(struct irc *i, struct slice nick),
                         void (*done)(struct irc *i))
{
        i->found_len = 0;
        lists_begin(i, m->params[0], each, done);
        for (size_t n = 1; n < m->params_count; n++)
                lists_append(i, m->params[n]);
}

void people_ison(struct irc *i, const struct irc_message *m)
{
        people_begin(i, m, people_ison_one, people_end_ison);
}

/* Takes five nicks and leaves out others (RFC 2812, 4.8). */
void people_userhost(struct irc *i, const struct irc_message *m)
{
        i->userhosts = 0;
        people_begin(i, m, people_userhost_one, people_end_userhost);
}
