#include "commands.h"

#include <stdio.h>

#include "about.h"
#include "channels.h"
#include "history.h"
#include "listing.h"
#include "numerics.h"
#include "output.h"
#include "people.h"
#include "registration.h"
#include "speaking.h"

static void commands_help(struct irc *i, const struct irc_message *m);

static const struct commands_row {
        char name[12];
        bool when_registering; /* it is also taken before the client has registered */
        uint8_t params_min;
        uint8_t server; /* this parameter, counted from 1, may name the server that is to answer; 0: none does */
        void (*take)(struct irc *i, const struct irc_message *m);
} commands_table[] = {
        {"CAP", true, 1, 0, registration_cap},
        {"PASS", true, 1, 0, registration_pass},
        {"NICK", true, 0, 0, registration_nick},
        {"USER", true, 0, 0, registration_user},
        {"PING", true, 1, 0, about_ping},
        {"PONG", true, 0, 0, about_ignore},
        {"QUIT", true, 0, 0, about_quit},
        {"JOIN", false, 1, 0, channels_join},
        {"PART", false, 1, 0, channels_part},
        {"PRIVMSG", false, 0, 0, speaking_take},
        {"NOTICE", false, 0, 0, speaking_take},
        {"TOPIC", false, 1, 0, channels_topic},
        {"NAMES", false, 0, 0, channels_names},
        {"LIST", false, 0, 0, listing_take},
        {"WHO", false, 0, 0, people_who},
        {"WHOIS", false, 1, 0, people_whois},
        {"WHOWAS", false, 1, 0, people_whowas},
        {"ISON", false, 1, 0, people_ison},
        {"USERHOST", false, 1, 0, people_userhost},
        {"AWAY", false, 0, 0, about_away},
        {"MODE", false, 1, 0, channels_mode},
        {"KICK", false, 2, 0, channels_refuse_power},
        {"INVITE", false, 2, 0, channels_refuse_power},
        {"CHATHISTORY", false, 1, 0, history_take},
        {"LUSERS", false, 0, 2, about_lusers},
        {"MOTD", false, 0, 1, about_motd},
        {"VERSION", false, 0, 1, about_version},
        {"TIME", false, 0, 1, about_time},
        {"INFO", false, 0, 1, about_info},
        {"HELP", false, 0, 0, commands_help},
        {"TAGMSG", false, 0, 0, about_ignore},
};

enum { COMMANDS = sizeof(commands_table) / sizeof(commands_table[0]) };

static const struct commands_row *commands_find(struct slice name)
{
        for (size_t n = 0; n < COMMANDS; n++)
                if (slice_equal_case(name, slice_of(commands_table[n].name)))
                        return &commands_table[n];
        return NULL;
}

static void commands_help(struct irc *i, const struct irc_message *m)
{
        char text[COMMANDS * sizeof(commands_table[0].name)];
        struct slice subject = m->params_count > 0 && m->params[0].len > 0 ? m->params[0] : slice_of("*");
        size_t len = 0;
        if (!slice_equal(subject, slice_of("*")) && !commands_find(subject)) {
                output_refuse(i, ERR_HELPNOTFOUND, subject, "There is no such command");
                return;
        }
        for (size_t n = 0; n < COMMANDS; n++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", n > 0 ? " " : "",
                                        commands_table[n].name);
        output_refuse(i, RPL_HELPSTART, subject, "The commands of this server; chat-irc(8) explains them");
        output_numeric(i, RPL_HELPTXT, IRC_PARAMS(output_quote(subject), (struct slice){text, len}));
        output_refuse(i, RPL_ENDOFHELP, subject, "End of /HELP");
}

void commands_take(struct irc *i, const struct irc_message *m)
{
        const struct commands_row *row = commands_find(m->command);
        if (i->stage != IRC_TALKING && !(row && row->when_registering))
                output_numeric(i, ERR_NOTREGISTERED, IRC_PARAMS(slice_of("You have not registered")));
        else if (!row)
                output_refuse(i, ERR_UNKNOWNCOMMAND, m->command, "Unknown command");
        else if (m->params_count < row->params_min)
                output_refuse(i, ERR_NEEDMOREPARAMS, m->command, "Not enough parameters");
        else if (row->server == 0 || about_is_here(i, m, row->server - 1))
                row->take(i, m);
}
