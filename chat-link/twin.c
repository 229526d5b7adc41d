#include "twin.h"

#include <sys/random.h>

#include <chat/clock.h>

static uint64_t draw(void)
{
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number)) /* cannot happen once the system is up */
                number = clock_boottime_us();
        return number | 1;
}

void twin_init(struct twin *t, uint64_t instance)
{
        *t = (struct twin){.process = draw(), .instance = instance};
}

void twin_connect(struct twin *t, int64_t now_ms)
{
        t->process = draw();
        t->begun_at = now_ms;
}

void twin_say(const struct twin *t, struct message *alive, int64_t now_ms)
{
        alive->process = t->process;
        alive->heard = t->heard_at != 0 && now_ms - t->heard_at < TWIN_LOST_MS ? t->heard : 0;
}

/* A sign of version 1 tells by its instance alone whose it is, unless it is one that cannot be late any more. */
static bool is_of_another(const struct twin *t, const struct message *alive, int64_t now_ms)
{
        if (alive->process != 0)
                return alive->heard == t->process;
        return alive->instance != t->instance || now_ms - t->begun_at > TWIN_LATE_MS;
}

bool twin_take(struct twin *t, const struct message *alive, int64_t now_ms)
{
        if (alive->process == t->process)
                return false;
        if (alive->process != 0) {
                t->heard = alive->process;
                t->heard_at = now_ms;
        }
        return is_of_another(t, alive, now_ms);
}
