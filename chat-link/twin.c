#include "twin.h"

#include "draw.h"

void twin_init(struct twin *t)
{
        *t = (struct twin){.process = draw_number()};
}

void twin_connect(struct twin *t, int64_t now_ms)
{
        t->process = draw_number();
        t->connected_at = now_ms;
}

void twin_say(struct twin *t, struct message *alive, int64_t now_ms)
{
        t->instance = alive->instance;
        alive->process = t->process;
        alive->other_process = t->other_at != 0 && now_ms - t->other_at < TWIN_LOST_MS ? t->other_process : 0;
}

/* Returns true if an ALIVE comes from another host. A message of version 1 is no proof, unless this connection is older
 * than TWIN_LATE_MS, after which no late message of this host arrives. */
static bool twin_is_of_another(const struct twin *t, const struct message *alive, int64_t now_ms)
{
        if (alive->process != 0)
                return alive->other_process == t->process;
        return now_ms - t->connected_at > TWIN_LATE_MS;
}

enum twin_sign twin_take(struct twin *t, const struct message *alive, int64_t now_ms)
{
        if (alive->process == t->process)
                return TWIN_UNKNOWN;
        if (alive->process != 0) {
                t->other_process = alive->process;
                t->other_at = now_ms;
        }
        if (!twin_is_of_another(t, alive, now_ms))
                return TWIN_UNKNOWN;
        return alive->instance == t->instance ? TWIN_OF_CLONE : TWIN_THERE;
}
