#include "limits.h"

#include "chat.h"

/* Returns how many members are from this network. Members that are dead or are leaving do not count. */
static size_t limits_count_from(const struct roster *r, const struct network *n)
{
        size_t count = 0;
        for (size_t i = 0; i < r->count; i++) {
                const struct member *m = r->members[i];
                count += network_equal(&m->network, n) && !member_is_dead(m) && m->presence != LEAVING;
        }
        return count;
}

static void limits_log_refusal(struct chat *chat, const struct frame *f, const struct network *n, size_t most)
{
        char from[NETWORK_MAX_BYTES + 1];
        uint64_t unlogged;
        if (!complaint_is_due(&chat->limits->complaint, &unlogged))
                return;
        network_describe(n, from);
        eventlog_crowded(chat->log, f->name, f->address, from, most, unlogged);
}

bool limits_refuse(struct chat *chat, const struct frame *f)
{
        char address[ADDRESS_MAX_BYTES + 1] = "";
        memcpy(address, f->address.at, f->address.len);
        const struct network n = network_of(address);
        bool is_user = network_is_user(&n);
        int most = is_user ? chat->settings.members_per_user : chat->settings.members_per_network;
        if (most == 0 || !network_is_known(&n) || limits_count_from(&chat->roster, &n) < (size_t)most)
                return false;
        struct answer why = {.code = is_user ? ANSWER_USER_FULL : ANSWER_NETWORK_FULL, .most = (uint64_t)most};
        chat_refuse(chat, f->id, f->key, REFUSED_CROWDED, &why);
        limits_log_refusal(chat, f, &n, (size_t)most);
        return true;
}
