#include "departures.h"

#include <errno.h>
#include <stdlib.h>

int departures_add(struct departures *d, uint64_t id)
{
        uint64_t *ids = reallocarray(d->ids, d->count + 1, sizeof(*ids));
        if (!ids)
                return -ENOMEM;
        d->ids = ids;
        d->ids[d->count++] = id;
        return 0;
}

void departures_clear(struct departures *d)
{
        free(d->ids);
        *d = (struct departures){0};
}

bool departures_has(const struct departures *d, uint64_t id)
{
        for (size_t i = 0; i < d->count; i++)
                if (d->ids[i] == id)
                        return true;
        return false;
}
