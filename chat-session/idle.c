#include "idle.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client-output.h"
#include "session.h"

enum {
        IDLE_STACK_BYTES = 64 * 1024, /* so much of the stack is given back; every stack is larger */
        IDLE_STACK_USED_BYTES = 512,  /* below the frame of idle_drop_stack(), for the calls that it makes */
};

_Static_assert(offsetof(struct client, buffer) + CLIENT_OUT_MAX_BYTES == sizeof(struct client) &&
                       offsetof(struct session, client) + sizeof(struct client) == offsetof(struct session, queue) &&
                       offsetof(struct session, line) + OUTLET_LINE_MAX_BYTES == sizeof(struct session),
               "behind the output buffer are the other buffers, and nothing else");

/* Gives back the pages that lie wholly between these addresses. Their content is lost. */
static void idle_drop(char *from, char *to)
{
        size_t page = (size_t)getpagesize();
        from += (page - (uintptr_t)from % page) % page;
        to -= (uintptr_t)to % page;
        if (from < to)
                madvise(from, (size_t)(to - from), MADV_DONTNEED);
}

/* Gives back the stack that was used before, mostly by the dynamic linker. It is not inlined: in a
 * larger frame, more than IDLE_STACK_USED_BYTES would be in use. */
__attribute__((noinline)) static void idle_drop_stack(void)
{
        char *frame = __builtin_frame_address(0);
        idle_drop(frame - IDLE_STACK_BYTES, frame - IDLE_STACK_USED_BYTES);
}

void idle_end(struct session *s)
{
        /* at different times, so that sessions which were woken together do not wake together again */
        s->idle_at = s->now + IDLE_AFTER_MS + (int64_t)(s->uplink.id % IDLE_SPREAD_MS);
}

void idle_check(struct session *s)
{
        if (s->idle_at == 0 || s->now < s->idle_at)
                return;
        if (client_waits(&s->client) || !uplink_queue_is_empty(&s->queue)) {
                idle_end(s);
                return;
        }
        s->idle_at = 0;
        idle_drop(s->client.buffer, (char *)(s + 1));
        idle_drop_stack();
}

int64_t idle_due(const struct session *s)
{
        return s->idle_at == 0 ? INT64_MAX : s->idle_at;
}
