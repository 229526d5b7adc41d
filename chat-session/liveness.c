#include "liveness.h"

#include <chat/clock.h>

#include "client-output.h"
#include "session.h"
#include "talk.h"

static void liveness_time_out(struct session *s)
{
        s->client.is_out_broken = true;
        talk_leave(s, LEAVE_TIMEOUT);
}

/* The client may have vanished, and the network may not report that for minutes. So the client gets something to
 * acknowledge. */
void liveness_probe(struct session *s, const struct frame *f)
{
        if (s->state != SESSION_TALKING || s->now < s->liveness.next_probe_at || !s->kind->probe(s->me, f))
                return;
        s->liveness.next_probe_at = s->now + PROBE_AGAIN_MS;
        s->liveness.probe_at = s->now + PROBE_MS;
}

void liveness_check_probe(struct session *s)
{
        if (s->liveness.probe_at == 0 || s->now < s->liveness.probe_at)
                return;
        s->liveness.probe_at = 0;
        if (s->options->client_timeout_ms > 0 && client_deaf_ms(&s->client) >= PROBE_MS)
                liveness_time_out(s);
}

static int64_t liveness_interval(const struct session *s)
{
        return clock_earlier(CLIENT_CHECK_MS, s->options->client_timeout_ms);
}

/* Looks if chatd wrote to the client: such a write does not wake the session. Sessions do so at different times,
 * although all may have lent their connections at once. */
static void liveness_look(struct session *s)
{
        int64_t interval = liveness_interval(s);
        if (!loan_is_open(&s->loan) || interval == 0) {
                s->liveness.look_at = 0;
        } else if (s->liveness.look_at == 0) {
                s->liveness.look_at = s->now + 1 + (int64_t)(s->uplink.id % (uint64_t)interval);
        } else if (s->now >= s->liveness.look_at) {
                s->client.has_sent |= loan_has_written(&s->loan);
                s->liveness.look_at = s->now + interval;
        }
}

void liveness_check(struct session *s)
{
        liveness_look(s);
        if (s->liveness.check_at == 0 && client_sent(&s->client) && s->options->client_timeout_ms > 0) {
                s->liveness.check_at = s->now + liveness_interval(s);
                s->liveness.unacknowledged_since = s->now;
        }
        if (s->liveness.check_at == 0 || s->now < s->liveness.check_at)
                return;
        /* It counts as silent only while it had something to acknowledge. */
        int64_t silent_ms = clock_earlier(client_silent_ms(&s->client), s->now - s->liveness.unacknowledged_since);
        s->liveness.check_at = 0;
        if (silent_ms >= s->options->client_timeout_ms)
                liveness_time_out(s);
        else if (silent_ms >= 0)
                s->liveness.check_at = s->now + liveness_interval(s);
}

/* Returns true if the client is gone, and the session has not dealt with all that it sent. */
static bool liveness_is_gone(const struct session *s)
{
        return s->state == SESSION_TALKING &&
               (s->client.input == CLIENT_HUNG_UP || (client_has_ended(&s->client) && client_is_over(&s->client)));
}

/* Gives up a client that left while no chatd takes its last lines. The session does not read the input behind those
 * lines, so it would not see the end of the input before there is a chatd, and there may never be one. */
void liveness_give_up_gone(struct session *s)
{
        if (!liveness_is_gone(s) || uplink_is_connected(&s->uplink))
                s->liveness.give_up_at = 0;
        else if (s->liveness.give_up_at == 0)
                s->liveness.give_up_at = s->now + LEAVE_HANDOVER_MS;
        else if (s->now >= s->liveness.give_up_at)
                session_become(s, SESSION_DONE);
}

int64_t liveness_due(const struct session *s)
{
        int64_t due = INT64_MAX;
        const int64_t times[] = {s->liveness.check_at, s->liveness.look_at, s->liveness.probe_at};
        for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
                if (times[i] != 0)
                        due = clock_earlier(due, times[i]);
        return due;
}
