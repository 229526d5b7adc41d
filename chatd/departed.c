#include "departed.h"

#include <errno.h>
#include <stdlib.h>

int departed_add(struct departed *d, uint64_t id)
{
        uint64_t *ids = reallocarray(d->ids, d->count + 1, sizeof(*ids));
        if (!ids)
                return -ENOMEM;
        d->ids = ids;
        d->ids[d->count++] = id;
        return 0;
}

void departed_clear(struct departed *d)
{
        free(d->ids);
        *d = (struct departed){0};
}

bool departed_has(const struct departed *d, uint64_t id)
{
        for (size_t i = 0; i < d->count; i++)
                if (d->ids[i] == id)
                        return true;
        return false;
}
