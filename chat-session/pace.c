#include "pace.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pace pace_of(unsigned rate, unsigned burst)
{
        return (struct pace){.interval_us = 1000000 / (int64_t)rate, .burst = burst};
}

/* A number from 1 to PACE_MAX; moves `*text` behind it. Returns 0 where there is none. */
static unsigned parse_number(const char **text)
{
        char *end;
        if (!isdigit((unsigned char)**text))
                return 0;
        unsigned long n = strtoul(*text, &end, 10);
        *text = end;
        return n <= PACE_MAX ? (unsigned)n : 0;
}

int pace_parse(struct pace *p, const char *text)
{
        if (strcmp(text, "off") == 0) {
                *p = (struct pace){0};
                return 0;
        }
        unsigned rate = parse_number(&text), burst = rate <= PACE_MAX / 2 ? rate * 2 : PACE_MAX;
        if (*text == ':') {
                text++;
                burst = parse_number(&text);
        }
        if (rate == 0 || burst == 0 || *text != '\0')
                return -EINVAL;
        *p = pace_of(rate, burst);
        return 0;
}

int64_t pace_next_ms(const struct pace *p, int64_t now_ms)
{
        if (p->interval_us == 0)
                return now_ms;
        int64_t next_us = p->full_at_us - (p->burst - 1) * p->interval_us;
        return next_us <= now_ms * 1000 ? now_ms : (next_us + 999) / 1000;
}

void pace_take(struct pace *p, int64_t now_ms)
{
        if (p->full_at_us < now_ms * 1000)
                p->full_at_us = now_ms * 1000;
        p->full_at_us += p->interval_us;
}
