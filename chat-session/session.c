#include "session.h"

#include <stdio.h>

#include "wrap.h"

#define NOTICE_PREFIX "*** "

void session_notice_indented(struct session *s, struct slice text, size_t indent)
{
        struct slice parts[] = {slice_of(text.len > 0 ? NOTICE_PREFIX : "***"), text};
        client_line_hanging(&s->client, parts, 2, indent);
}

void session_notice(struct session *s, struct slice text)
{
        session_notice_indented(s, text, WRAP_INDENT);
}

void session_tell(struct session *s, const char *text)
{
        session_notice(s, slice_of(text));
}

void session_greet(struct session *s, uint64_t people)
{
        char count[64] = "";
        if (people == 1)
                snprintf(count, sizeof(count), " Nobody else is here yet.");
        else if (people > 1)
                snprintf(count, sizeof(count), " %llu people are here, including you.", (unsigned long long)people);
        struct slice parts[] = {slice_of(NOTICE_PREFIX "Welcome, "), slice_of(s->peer.name), slice_of("."),
                                slice_of(count)};
        if (s->greet_at == 0 || s->state >= SESSION_FLUSHING || s->input.protocol != PROTOCOL_CHAT)
                return;
        s->greet_at = 0;
        client_line_hanging(&s->client, parts, 4, 0);
        session_tell(s, "What you type goes to everyone here. /help lists the commands; exit leaves.");
}

void session_arrive(struct session *s)
{
        s->alive = true;
        if (s->arrive_at == 0 || s->state != SESSION_TALKING)
                return;
        s->arrive_at = 0;
        uplink_arrive(&s->uplink);
}

void session_give_up_rest(struct session *s)
{
        if (s->client.broken_off || s->outlet.had > 0)
                client_give_up_rest(&s->client);
        s->outlet.had = s->outlet.rest.bytes = 0;
}

void session_flush_and_end(struct session *s)
{
        session_give_up_rest(s);
        s->state = SESSION_FLUSHING;
        s->deadline = s->now + LEAVE_FLUSH_MS;
}

uint64_t session_lines_out(const struct session *s)
{
        return s->client.lines_out + outlet_lines_out(&s->outlet);
}

void session_leave(struct session *s, enum leave_reason reason)
{
        if (s->state != SESSION_TALKING)
                return;
        if (s->echo) {
                session_flush_and_end(s);
                return;
        }
        struct slice text = slice_of(reason == LEAVE_NOT_CHAT ? protocol_name(s->input.protocol) : "");
        uplink_bye(&s->uplink, reason, text, session_lines_out(s), s->client.skipped_all);
        s->state = SESSION_LEAVING;
        s->deadline = s->now + LEAVE_HANDOVER_MS;
}

void session_turn_away(struct session *s, struct slice why)
{
        struct slice parts[] = {slice_of("*** You cannot join: "), why};
        client_line(&s->client, parts, 2);
        session_flush_and_end(s);
}
