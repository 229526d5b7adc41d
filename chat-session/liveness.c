#include "liveness.h"

#include <chat/clock.h>

static void time_out(struct session *s)
{
        s->client.out_broken = true;
        session_leave(s, LEAVE_TIMEOUT);
}

/* Tells the client that another member asks for its name. The client may have vanished, which the network may not
 * report for minutes; now it has something to acknowledge. */
void liveness_probe(struct session *s, uint64_t asker, struct slice text)
{
        /* the notice has the asker's name */
        bool ignored = ignored_find(&s->view.ignored, asker, (struct slice){"", 0});
        if (s->state != SESSION_TALKING || s->now < s->probe_again_at || ignored)
                return;
        s->probe_again_at = s->now + PROBE_AGAIN_MS;
        s->probe_at = s->now + PROBE_MS;
        session_notice(s, text);
}

void liveness_check_probe(struct session *s)
{
        if (s->probe_at == 0 || s->now < s->probe_at)
                return;
        s->probe_at = 0;
        if (s->client_timeout_ms > 0 && client_deaf_ms(&s->client) >= PROBE_MS)
                time_out(s);
}

void liveness_check(struct session *s)
{
        if (s->check_at == 0 && client_sent(&s->client) && s->client_timeout_ms > 0) {
                s->check_at = s->now + clock_earlier(CLIENT_CHECK_MS, s->client_timeout_ms);
                s->checked_from = s->now;
        }
        if (s->check_at == 0 || s->now < s->check_at)
                return;
        /* At most as long as the client has had something to acknowledge. */
        int64_t silent_ms = clock_earlier(client_silent_ms(&s->client), s->now - s->checked_from);
        s->check_at = 0;
        if (silent_ms >= s->client_timeout_ms) {
                time_out(s);
        } else if (silent_ms >= 0) {
                s->check_at = s->now + clock_earlier(CLIENT_CHECK_MS, s->client_timeout_ms);
        }
}

/* Gives up a client that left while no chatd takes its last lines: there is nobody to be told of that either. The
 * session does not read the input behind those lines, so it would not learn that it must leave before there is a chatd,
 * and there may never be one. */
void liveness_give_up_gone(struct session *s)
{
        if (s->state != SESSION_TALKING || !s->client.hung_up || uplink_is_connected(&s->uplink))
                s->gone_at = 0;
        else if (s->gone_at == 0)
                s->gone_at = s->now + LEAVE_HANDOVER_MS;
        else if (s->now >= s->gone_at)
                s->state = SESSION_DONE;
}
