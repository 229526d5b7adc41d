#include "twin.h"

#include "draw.h"

void twin_init(struct twin *t)
{
        *t = (struct twin){.process = draw_number()};
}

void twin_connect(struct twin *t, int64_t now_ms)
{
        t->process = draw_number();
        t->begun_at = now_ms;
}

void twin_say(struct twin *t, struct message *alive, int64_t now_ms)
{
        t->instance = alive->instance;
        alive->process = t->process;
        alive->heard = t->heard_at != 0 && now_ms - t->heard_at < TWIN_LOST_MS ? t->heard : 0;
}

/* Returns true if an ALIVE is of another host. A message of version 1 does not tell, unless this connection is older
 * than TWIN_LATE_MS: then no late message of this host arrives any more. */
static bool twin_is_of_another(const struct twin *t, const struct message *alive, int64_t now_ms)
{
        if (alive->process != 0)
                return alive->heard == t->process;
        return now_ms - t->begun_at > TWIN_LATE_MS;
}

enum twin_sign twin_take(struct twin *t, const struct message *alive, int64_t now_ms)
{
        if (alive->process == t->process)
                return TWIN_UNKNOWN;
        if (alive->process != 0) {
                t->heard = alive->process;
                t->heard_at = now_ms;
        }
        if (!twin_is_of_another(t, alive, now_ms))
                return TWIN_UNKNOWN;
        return alive->instance == t->instance ? TWIN_OF_CLONE : TWIN_THERE;
}
