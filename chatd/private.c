#include "private.h"

#include <stdio.h>

#include <chat/reply.h>
#include <chat/safe-text.h>

#include "answer.h"
#include "arrivals.h"
#include "speech.h"

/* Returns true if messages can reach `m`. A member that roams is held until it enters its first room. If it has the name
 * that its client chose, whoever knows the name may write to it. If chatd gave it another one, as in "ann~2", the client
 * may still have to choose. */
static bool private_reaches(const struct member *m)
{
        bool has_chosen = m->roams && m->presence == PRESENT && name_is_nick(m->name, strlen(m->name));
        return member_is_here(m) || (m->id != LINK_ID && has_chosen);
}

/* Tells `m` that its private message in `f`, which became `rec`, went to `name`. */
static void private_confirm(struct chat *chat, struct member *m, const struct frame *f, struct slice name,
                            const struct record *rec)
{
        if (f->version >= frame_since(FRAME_FIND)) /* an earlier version does not know SENT */
                answer_frame(chat, m, f,
                             (struct frame){.type = FRAME_SENT,
                                            .name = name,
                                            .text = rec->text,
                                            .speech = f->speech,
                                            .styled = rec->styled});
}

/* Sends a private message to "NAME@HOST": chatd does not know the members there. */
static void private_say_to_other_host(struct chat *chat, struct member *m, const struct frame *f, struct record rec)
{
        char text[NAME_MAX_BYTES + 1 + TEXT_MAX_BYTES + 1];
        char room[NICK_MAX_BYTES + 1];
        struct member *link = roster_find(&chat->roster, LINK_ID);
        struct record addressed = rec;
        int len =
                snprintf(text, sizeof(text), "%.*s %.*s", (int)f->name.len, f->name.at, (int)rec.text.len, rec.text.at);
        addressed.text = (struct slice){text, (size_t)len};
        addressed.room = reply_room(f->version, room);
        if (!link) {
                answer_code(chat, m, f, ANSWER_NOT_LINKED);
        } else if (len > TEXT_MAX_BYTES) {
                answer_code(chat, m, f, ANSWER_TOO_LONG_FOR_HOST);
        } else {
                batch_add_private(&chat->batch, m, link, &addressed);
                private_confirm(chat, m, f, f->name, &rec);
        }
}

/* Returns the answer to a request about a name that no member has. */
static struct answer private_nobody(const struct chat *chat, struct slice name)
{
        const char *suggestion = roster_suggest(&chat->roster, name);
        if (!suggestion)
                return (struct answer){.code = ANSWER_NOBODY, .name = name};
        return (struct answer){.code = ANSWER_NOBODY_BUT, .name = name, .other = slice_of(suggestion)};
}

/* Returns the member of this name if messages can reach it, or NULL. */
static struct member *private_find_reachable(const struct chat *chat, struct slice name)
{
        struct member *m = roster_find_name(&chat->roster, name);
        return m && private_reaches(m) ? m : NULL;
}

void private_find(struct chat *chat, struct member *m, const struct frame *f)
{
        const struct member *other = private_find_reachable(chat, f->name);
        struct frame answer = {.type = FRAME_FOUND, .name = f->name};
        if (!text_is_name(f->name.at, f->name.len)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return;
        }
        if (other) {
                answer.key = other->id;
                answer.name = slice_of(other->name);
                answer_frame(chat, m, f, answer);
        } else {
                struct answer a = private_nobody(chat, f->name);
                answer_with(chat, m, f, answer, &a);
        }
}

void private_take(struct chat *chat, struct member *m, const struct frame *f)
{
        struct member *to = f->key != 0 ? roster_find(&chat->roster, f->key) : roster_find_name(&chat->roster, f->name);
        bool remote = f->key == 0 && text_is_remote_name(f->name.at, f->name.len);
        enum record_kind kind = f->speech & SPEECH_CTCP ? RECORD_CTCP : RECORD_PRIVATE;
        struct record rec = speech_record(m, f, kind, f->text);
        if (f->key == 0 && !text_is_name(f->name.at, f->name.len)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return;
        }
        if (!speech_take_text(chat, &rec))
                return;
        if (f->key != 0 && (!to || !private_reaches(to))) {
                struct answer a = {.code = ANSWER_LEFT, .name = f->name};
                if (!text_is_name(f->name.at, f->name.len)) /* a session of an early version does not send it */
                        a = (struct answer){.code = ANSWER_LEFT_UNNAMED};
                answer_send(chat, m, f, &a);
                return;
        }
        if (!remote && (!to || !private_reaches(to))) {
                struct answer a = private_nobody(chat, f->name);
                answer_send(chat, m, f, &a);
                return;
        }
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        if (remote) { /* there is room for both: the caller has checked */
                private_say_to_other_host(chat, m, f, rec);
        } else if (to == m) {
                answer_code(chat, m, f, ANSWER_IS_YOU);
        } else {
                batch_add_private(&chat->batch, m, to, &rec);
                private_confirm(chat, m, f, slice_of(to->name), &rec);
        }
}
