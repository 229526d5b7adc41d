#include "witness.h"

struct client *witness;

int witness_join(void **state)
{
        (void)state;
        witness = booted_join();
        return 0;
}

int witness_leave(void **state)
{
        (void)state;
        client_free(witness);
        witness = NULL;
        return 0;
}

void witness_sees_leave(struct client *c)
{
        client_expect(witness, "*** %s is disconnected\r\n", c->name);
        client_free(c);
}
