#include "session.h"

#include <chat/assert.h>

#include "client-output.h"

#define BIT(state) (1u << (state))

enum { SESSION_LEAVES = BIT(SESSION_FLUSHING) | BIT(SESSION_DONE) };

static const uint8_t session_next_state[] = {
        [SESSION_TALKING] = SESSION_LEAVES | BIT(SESSION_LEAVING) | BIT(SESSION_REMOVED),
        [SESSION_LEAVING] = SESSION_LEAVES | BIT(SESSION_LINGERING) | BIT(SESSION_REMOVED),
        [SESSION_LINGERING] = SESSION_LEAVES | BIT(SESSION_REMOVED),
        [SESSION_REMOVED] = SESSION_LEAVES,
        [SESSION_FLUSHING] = BIT(SESSION_DONE),
        [SESSION_DONE] = 0,
};

static const uint8_t session_next_presence[] = {
        [SESSION_STRANGER] = BIT(SESSION_INTRODUCED), [SESSION_INTRODUCED] = BIT(SESSION_LIVELY) | BIT(SESSION_QUIET),
        [SESSION_LIVELY] = BIT(SESSION_ARRIVED),      [SESSION_QUIET] = BIT(SESSION_ARRIVED),
        [SESSION_ARRIVED] = BIT(SESSION_QUIET),
};

void session_become(struct session *s, enum session_state state)
{
        assert(session_next_state[s->state] & BIT(state));
        s->state = state;
}

void session_be(struct session *s, enum session_presence presence)
{
        assert(session_next_presence[s->presence] & BIT(presence));
        s->presence = presence;
}

bool session_is_leaving(const struct session *s)
{
        return s->state > SESSION_TALKING && s->state < SESSION_FLUSHING;
}

bool session_has_uplink(const struct session *s)
{
        return s->presence != SESSION_STRANGER && s->state < SESSION_FLUSHING;
}

void session_tell(struct session *s, const struct answer *a)
{
        s->kind->notice(s->me, a);
}

void session_introduce(struct session *s)
{
        session_be(s, SESSION_INTRODUCED);
        s->uplink.roams = s->kind->roams;
        uplink_init(&s->uplink, s->options->dir, slice_of(s->peer.name), slice_of(s->peer.address), s->options->pace);
}

void session_arrive(struct session *s)
{
        session_be(s, SESSION_ARRIVED);
        uplink_arrive(&s->uplink);
}

void session_be_called(struct session *s, struct slice name)
{
        if (name.len == 0 || name.len >= sizeof(s->peer.name))
                return;
        memmove(s->peer.name, name.at, name.len);
        s->peer.name[name.len] = '\0';
        s->uplink.name = slice_of(s->peer.name);
}

void session_give_up_rest(struct session *s)
{
        if (s->client.is_broken_off || s->loan.client_bytes > 0)
                client_give_up_rest(&s->client);
        s->loan.client_bytes = s->loan.rest.bytes = 0;
}

void session_flush_and_end(struct session *s)
{
        session_give_up_rest(s);
        session_become(s, SESSION_FLUSHING);
        s->deadline = s->now + LEAVE_FLUSH_MS;
        s->kind->end(s->me);
}

uint64_t session_lines_out(const struct session *s)
{
        return s->client.lines_out + loan_lines_out(&s->loan);
}

static void session_say_bye(struct session *s, enum session_state state, enum leave_reason reason, struct slice text)
{
        uplink_bye(&s->uplink, reason, text, session_lines_out(s), s->client.skipped_total);
        session_become(s, state);
        s->deadline = s->now + LEAVE_HANDOVER_MS;
}

void session_leave(struct session *s, enum leave_reason reason, struct slice text)
{
        if (s->state != SESSION_TALKING)
                return;
        if (s->presence == SESSION_STRANGER)
                session_flush_and_end(s);
        else
                session_say_bye(s, SESSION_LEAVING, reason, text);
}

void session_remove(struct session *s)
{
        uplink_discard(&s->uplink);
        session_say_bye(s, SESSION_REMOVED, LEAVE_KICKED, (struct slice){"", 0});
}
