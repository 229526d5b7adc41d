#include "talk.h"

#include "session.h"

void talk_introduce(struct session *s, struct slice name)
{
        if (name.len >= sizeof(s->peer.name))
                name.len = sizeof(s->peer.name) - 1;
        session_be_called(s, name);
        session_introduce(s);
}

void talk_is_at(struct session *s, const struct sockaddr_in6 *address)
{
        peer_is_at(&s->peer, address);
}

void talk_say(struct session *s, struct slice text)
{
        uplink_say(&s->uplink, text);
}

uint64_t talk_say_in(struct session *s, struct slice room, struct slice text)
{
        uplink_say_in(&s->uplink, room, text);
        return s->uplink.number;
}

uint64_t talk_request(struct session *s, struct frame f, unsigned cost)
{
        uplink_request(&s->uplink, f, cost);
        return s->uplink.number;
}

size_t talk_room(const struct session *s)
{
        return uplink_room(&s->uplink);
}

unsigned talk_version(const struct session *s)
{
        return s->uplink.broker_version;
}

bool talk_is_settled(const struct session *s)
{
        return s->uplink.relayed_number >= s->uplink.number || s->answer_number >= s->uplink.number;
}

bool talk_is_away(const struct session *s)
{
        return s->uplink.error != 0;
}

void talk_arrive(struct session *s)
{
        if (s->state != SESSION_TALKING)
                return;
        if (s->presence == SESSION_INTRODUCED)
                session_be(s, SESSION_LIVELY);
        else if (s->presence == SESSION_QUIET)
                session_arrive(s);
}

void talk_leave(struct session *s, enum leave_reason reason)
{
        session_leave(s, reason, (struct slice){"", 0});
}

void talk_not_chat(struct session *s, const char *protocol)
{
        session_leave(s, LEAVE_NOT_CHAT, slice_of(protocol));
}

bool talk_is_open(const struct session *s)
{
        return s->state == SESSION_TALKING;
}

struct client *talk_client(struct session *s)
{
        return &s->client;
}

uint64_t talk_lines_lent(const struct session *s)
{
        return loan_lines_out(&s->loan);
}

struct slice talk_name(const struct session *s)
{
        return slice_of(s->peer.name);
}

struct slice talk_address(const struct session *s)
{
        return slice_of(s->peer.address);
}

uint64_t talk_id(const struct session *s)
{
        return s->uplink.id;
}

int64_t talk_now(const struct session *s)
{
        return s->now;
}
