#include "about.h"

#include <stdio.h>

#include <chat/clock.h>
#include <chat/utc.h>
#include <chat/version.h>

#include "labels.h"
#include "numerics.h"
#include "output.h"
#include "registration.h"
#include "requests.h"

bool about_is_here(struct irc *i, const struct irc_message *m, size_t n)
{
        char mask[IRC_LINE_MAX_BYTES], nick[IRC_NICK_MAX_BYTES];
        if (m->params_count <= n || m->params[n].len == 0)
                return true;
        snprintf(mask, sizeof(mask), "%.*s", (int)m->params[n].len, m->params[n].at);
        if (irc_matches(mask, i->options->server) || slice_equal_case(m->params[n], output_own_nick(i, nick)))
                return true;
        output_refuse(i, ERR_NOSUCHSERVER, m->params[n], "There is no such server");
        return false;
}

void about_pong(struct irc *i, struct slice token)
{
        output_server(i, "PONG", IRC_PARAMS(slice_of(i->options->server), token));
}

bool about_may_answer_ping(const struct irc *i)
{
        return requests_are_answered(i) || talk_now(i->session) >= i->ping.by;
}

void about_answer_ping(struct irc *i)
{
        i->ping.is_due = false;
        labels_activate(i, true);
        about_pong(i, slice_of(i->ping_token));
        labels_end(i);
}

void about_ping(struct irc *i, const struct irc_message *m)
{
        if (talk_is_settled(i->session) && !i->may_get_more) {
                about_pong(i, m->params[0]);
                return;
        }
        i->ping.is_due = true;
        i->ping.by = talk_now(i->session) + IRC_PATIENCE_MS;
        snprintf(i->ping_token, sizeof(i->ping_token), "%.*s", (int)m->params[0].len, m->params[0].at);
        requests_send(i, IRC_WISH_SYNC, slice_of(""),
                      (struct frame){.type = FRAME_FIND, .name = talk_name(i->session)});
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
        registration_show_motd(i, "There is no message of the day");
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
        char text[UTC_BYTES];
        (void)m;
        utc_write((uint64_t)clock_realtime_s() * 1000, text);
        output_numeric(i, RPL_TIME, IRC_PARAMS(slice_of(i->options->server), slice_of(text)));
}

void about_info(struct irc *i, const struct irc_message *m)
{
        (void)m;
        output_numeric(i, RPL_INFO, IRC_PARAMS(slice_of("chat-irc " VERSION ", a way for IRC clients into the chat")));
        output_numeric(i, RPL_ENDOFINFO, IRC_PARAMS(slice_of("End of /INFO list")));
}

static void about_refuse_away(struct irc *i)
{
        static const char why[] = "The chat does not show who is away";
        if (irc_has(i, IRC_STANDARD_REPLIES))
                output_fail(i, slice_of("AWAY"), "UNSUPPORTED", NULL, 0, why);
        else
                output_notice(i, slice_of(why));
}

/* The chat does not know who is away, and a client must not believe that it does. */
void about_away(struct irc *i, const struct irc_message *m)
{
        if (m->params_count > 0 && m->params[0].len > 0)
                about_refuse_away(i);
        else
                output_numeric(i, RPL_UNAWAY, IRC_PARAMS(slice_of("You are not marked as away")));
}
