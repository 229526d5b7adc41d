#include "about.h"

#include <stdio.h>

#include <chat/clock.h>
#include <chat/version.h>

#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "requests.h"

void about_ping(struct irc *i, const struct irc_message *m)
{
        output_server(i, "PONG", IRC_PARAMS(slice_of(i->options->server), m->params[0]));
}

void about_ignore(struct irc *i, const struct irc_message *m)
{
        (void)i;
        (void)m;
}

void about_quit(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_error(i, slice_of("Closing link: you quit"));
        talk_leave(i->session, LEAVE_EXIT);
}

void about_lusers(struct irc *i, const struct irc_message *m)
{
        (void)m;
        requests_send(i, IRC_WISH_LUSERS, slice_of(""), (struct frame){.type = FRAME_ROOMS});
}

void about_motd(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, ERR_NOMOTD, IRC_PARAMS(slice_of("The message of the day is shown to newcomers")));
}

void about_version(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, RPL_VERSION,
                       IRC_PARAMS(slice_of("chat-irc-" VERSION), slice_of(i->options->server), slice_of("")));
        registration_isupport(i);
}

void about_time(struct irc *i, const struct irc_message *m)
{
        char text[LINE_TIME_BYTES];
        (void)m;
        line_time((uint64_t)clock_realtime_s() * 1000, text);
        output_numeric(i, RPL_TIME, IRC_PARAMS(slice_of(i->options->server), slice_of(text)));
}

void about_info(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, RPL_INFO, IRC_PARAMS(slice_of("chat-irc " VERSION ", a way for IRC clients into the chat")));
        output_numeric(i, RPL_ENDOFINFO, IRC_PARAMS(slice_of("End of /INFO list")));
}

/* The chat does not know who is away, and a client must not believe that it does. */
void about_away(struct irc *i, const struct irc_message *m)
{
        if (m->params_count > 0 && m->params[0].len > 0)
                output_fail(i, "AWAY", "UNSUPPORTED", "The chat does not show who is away");
        else
                output_numeric(i, RPL_UNAWAY, IRC_PARAMS(slice_of("You are not marked as away")));
}
