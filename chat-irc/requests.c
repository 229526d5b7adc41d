#include "requests.h"

#include <chat/assert.h>

static struct irc_request *requests_find_free(const struct irc *i)
{
        for (size_t n = 0; n < IRC_REQUESTS_MAX; n++)
                if (i->requests[n].number == 0)
                        return (struct irc_request *)&i->requests[n];
        return NULL;
}

bool requests_are_labelled(const struct irc *i)
{
        for (size_t n = 0; n < IRC_REQUESTS_MAX; n++)
                if (i->requests[n].number != 0 && i->requests[n].is_labelled)
                        return true;
        return false;
}

bool requests_are_answered(const struct irc *i)
{
        for (size_t n = 0; n < IRC_REQUESTS_MAX; n++)
                if (i->requests[n].number != 0)
                        return false;
        return true;
}

bool requests_have_room(const struct irc *i)
{
        return requests_find_free(i) != NULL;
}

bool requests_must_wait(const struct irc *i)
{
        for (size_t n = 0; n < IRC_REQUESTS_MAX; n++)
                if (i->requests[n].number != 0 &&
                    (i->requests[n].wish <= IRC_WISH_WAITED_FOR || i->requests[n].is_labelled))
                        return true;
        return false;
}

void requests_send(struct irc *i, enum irc_wish wish, struct slice target, struct frame f)
{
        struct irc_request *r = requests_find_free(i);
        assert(r);
        size_t len = target.len < IRC_TARGET_MAX_BYTES ? target.len : IRC_TARGET_MAX_BYTES;
        r->wish = wish;
        r->is_labelled = i->label.is_active;
        memcpy(r->target, target.at, len);
        r->target[len] = '\0';
        r->number = talk_request(i->session, f, 1);
}

void requests_forget(struct irc *i)
{
        for (size_t n = 0; n < IRC_REQUESTS_MAX; n++)
                if (i->requests[n].number > 0) /* a store would use a page */
                        i->requests[n].number = 0;
}

const struct irc_request *requests_take(struct irc *i, uint64_t number)
{
        const struct irc_request *found = NULL;
        for (size_t n = 0; n < IRC_REQUESTS_MAX; n++) {
                if (i->requests[n].number == number)
                        found = &i->requests[n];
                if (i->requests[n].number > 0 && i->requests[n].number <= number)
                        i->requests[n].number = 0;
        }
        return number > 0 ? found : NULL;
}
