#include "asking.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>

int asking_init(struct asking *a, const char *dir)
{
        struct sockaddr_un address;
        *a = (struct asking){.fd = -1};
        if (!dir) {
                snprintf(a->path, sizeof(a->path), "%s", CONTROL_SOCKET_DEFAULT);
                return 0;
        }
        int r = path_control(&address, dir);
        if (r == 0)
                snprintf(a->path, sizeof(a->path), "%s", address.sun_path);
        return r;
}

static void asking_forget(struct asking *a)
{
        while (a->count > 0)
                free(a->records[--a->count].data);
        a->end.size = 0;
}

static void asking_disconnect(struct asking *a)
{
        if (a->fd >= 0)
                close(a->fd);
        a->fd = -1;
}

void asking_free(struct asking *a)
{
        asking_forget(a);
        free(a->records);
        a->records = NULL;
        asking_disconnect(a);
}

/* Connects to chatd. Returns 0 or a negative errno. */
static int asking_connect_now(struct asking *a)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct timeval most = {.tv_sec = ASKING_ANSWER_MS / 1000};
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", a->path);
        a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (a->fd < 0)
                return -errno;
        setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
        setsockopt(a->fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
        if (connect(a->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
                return 0;
        int r = errno == EAGAIN ? -ETIMEDOUT : -errno;
        asking_disconnect(a);
        return r;
}

static int asking_keep(struct asking *a, const char *data, size_t size)
{
        if (a->count == a->room) {
                size_t room = a->room > 0 ? 2 * a->room : 64;
                struct answer_record *records = reallocarray(a->records, room, sizeof(*records));
                if (!records)
                        return -ENOMEM;
                a->records = records;
                a->room = room;
        }
        struct answer_record *r = &a->records[a->count];
        r->data = malloc(size);
        if (!r->data)
                return -ENOMEM;
        memcpy(r->data, data, size);
        r->size = size;
        a->count++;
        return 0;
}

/* Receives a packet. Returns its size, or a negative errno. If chatd answers and closes the connection before it has
 * read all of the request, the kernel reports ECONNRESET once, and delivers the answer after that (unix(7)). */
static ssize_t asking_receive(struct asking *a)
{
        struct control_packet *p = &a->end;
        bool reset = false;
        for (;;) {
                ssize_t n = recv(a->fd, p->data, sizeof(p->data), 0);
                if (n > 0)
                        return n;
                if (n == 0 || (errno == ECONNRESET && reset))
                        return -EPIPE;
                if (errno != EINTR && errno != ECONNRESET)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                reset |= errno == ECONNRESET;
        }
}

/* Takes packets up to the end of the answer. Returns 0, or a negative errno: -EPIPE if the connection ended earlier. */
static int asking_take_answer(struct asking *a)
{
        struct control_packet *p = &a->end;
        asking_forget(a);
        for (;;) {
                ssize_t n = asking_receive(a);
                if (n <= 0)
                        return n < 0 ? (int)n : -EPIPE;
                p->size = (size_t)n;
                if (p->data[n - 1] != '\0')
                        return -EBADMSG;
                if (control_value(p->data, "end"))
                        return 0;
                int r = asking_keep(a, p->data, p->size);
                if (r < 0)
                        return r;
        }
}

/* Sends the request and takes the answer. Returns 0 or a negative errno: -EPIPE if chatd may not have handled the
 * request. */
static int asking_try_once(struct asking *a, const struct control_packet *request)
{
        int r = a->fd < 0 ? asking_connect_now(a) : 0;
        if (r < 0)
                return r;
        /* a busy chatd answers at once and closes the connection: its answer can still be read */
        if (send(a->fd, request->data, request->size, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET &&
            errno != ENOTCONN)
                r = errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (r == 0)
                r = asking_take_answer(a);
        if (r < 0)
                asking_disconnect(a);
        return r;
}

/* Returns true if chatd answered that it is busy, so it has done nothing. Disconnects in that case, because chatd may
 * have disconnected, too. */
static bool asking_is_busy(struct asking *a)
{
        const char *status = asking_end(a, "end");
        bool busy = status && strcmp(status, CONTROL_BUSY) == 0;
        if (busy)
                asking_disconnect(a);
        return busy;
}

/* Waits for a random time, so that many waiting chatctl do not all come back at once. */
static void asking_wait_a_moment(void)
{
        uint32_t random = 0;
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
                random = (uint32_t)clock_ms();
        const int64_t ms = ASKING_RETRY_MS / 2 + random % ASKING_RETRY_MS;
        nanosleep(&(struct timespec){.tv_nsec = (long)(ms * 1000000)}, NULL);
}

/* Returns true if the same request may succeed when it is repeated. `lost` is true if a chatd ended during an earlier
 * attempt. */
static bool asking_may_come_back(struct asking *a, int error, bool lost)
{
        if (error == 0)
                return asking_is_busy(a);
        return error == -EPIPE || (lost && (error == -ECONNREFUSED || error == -ENOENT));
}

int asking_make(struct asking *a, const char *const words[])
{
        struct control_packet request = {0};
        uint64_t number = 0;
        if (getrandom(&number, sizeof(number), 0) != sizeof(number))
                return -EIO;
        for (size_t i = 0; i < CONTROL_WORDS_MAX && words[i]; i++) {
                if (i == 1)
                        control_put(&request, "%016" PRIx64, number | 1);
                else
                        control_put(&request, "%s", words[i]);
        }
        if (request.bad)
                return -EMSGSIZE;
        a->again = false;
        int r = asking_try_once(a, &request);
        int64_t begin = clock_ms();
        while (asking_may_come_back(a, r, a->again) &&
               clock_ms() < begin + (r == 0 ? ASKING_BUSY_MS : ASKING_AGAIN_MS)) {
                a->again |= r == -EPIPE;
                asking_wait_a_moment();
                r = asking_try_once(a, &request);
        }
        return r;
}

static const char *asking_find(const char *data, size_t size, const char *key)
{
        struct slice rest = {data, size};
        for (const char *field; (field = control_next(&rest));) {
                const char *value = control_value(field, key);
                if (value)
                        return value;
        }
        return NULL;
}

const char *asking_end(const struct asking *a, const char *key)
{
        return asking_find(a->end.data, a->end.size, key);
}

const char *answer_value(const struct answer_record *r, const char *key)
{
        return asking_find(r->data, r->size, key);
}
