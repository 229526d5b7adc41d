#include "floods.h"

/* Returns the entry of this network. A network without an entry gets the entry of the network whose count began
 * first. */
static struct flood *floods_find_place(struct floods *floods, const struct network *n, int64_t now)
{
        struct flood *oldest = floods->networks;
        for (size_t i = 0; i < FLOODS_NETWORKS; i++) {
                struct flood *flood = &floods->networks[i];
                if (network_equal(&flood->network, n))
                        return flood;
                if (flood->since_ms < oldest->since_ms)
                        oldest = flood;
        }
        *oldest = (struct flood){.network = *n, .since_ms = now};
        return oldest;
}

bool floods_count(struct floods *floods, const struct network *n, int64_t now)
{
        if (!network_is_known(n) || network_is_user(n))
                return false;
        struct flood *flood = floods_find_place(floods, n, now);
        if (now - flood->since_ms >= FLOODS_MS)
                *flood = (struct flood){.network = *n, .since_ms = now};
        if (++flood->connections < FLOODS_CONNECTIONS)
                return false;
        *flood = (struct flood){.network = *n, .since_ms = now};
        return true;
}
