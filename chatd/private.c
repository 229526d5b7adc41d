#include "private.h"

#include <limits.h>
#include <stdio.h>

#include <chat/text.h>

#include "answer.h"
#include "arrivals.h"
#include "speech.h"

/* Tells `m` that its private message in `f` went to `name`. */
static void confirm(struct chat *chat, struct member *m, const struct frame *f, struct slice name, struct slice text)
{
        if (f->version >= frame_since(FRAME_FIND)) /* an earlier version does not know SENT */
                answer_frame(chat, m, f, (struct frame){.type = FRAME_SENT, .name = name, .text = text});
}

/* Sends a private message to "NAME@HOST": chatd does not know the members there. */
static void say_to_other_host(struct chat *chat, struct member *m, const struct frame *f, struct record rec)
{
        char text[NAME_MAX_BYTES + 1 + TEXT_MAX_BYTES + 1];
        struct member *link = roster_find(&chat->roster, LINK_ID);
        struct slice said = rec.text;
        int len = snprintf(text, sizeof(text), "%.*s %.*s", (int)f->name.len, f->name.at, (int)said.len, said.at);
        rec.text = (struct slice){text, (size_t)len};
        if (!link)
                answer_printf(chat, m, f, "This chat is not linked to other hosts");
        else if (len > TEXT_MAX_BYTES)
                answer_printf(chat, m, f, "Not sent: the text is too long for a message to another host");
        else {
                batch_add_private(&chat->batch, m, link, &rec);
                confirm(chat, m, f, f->name, said);
        }
}

enum { NOBODY_BYTES = 2 * NAME_MAX_BYTES + 64 };

/* Writes the answer to a message for a name that no member has. */
static struct slice describe_nobody(const struct chat *chat, struct slice name, char text[static NOBODY_BYTES])
{
        const char *meant = roster_suggest(&chat->roster, name);
        snprintf(text, NOBODY_BYTES, "There is nobody called %.*s here%s%s%s", (int)name.len, name.at,
                 meant ? ". Did you mean " : "; /who lists who is here", meant ? meant : "", meant ? "?" : "");
        return slice_of(text);
}

/* Returns the member of this name that is here, or NULL. */
static struct member *find_here(const struct chat *chat, struct slice name)
{
        struct member *m = roster_find_name(&chat->roster, name);
        return m && member_is_here(m) ? m : NULL;
}

void private_find(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[NOBODY_BYTES];
        const struct member *found = find_here(chat, f->name);
        struct frame told = {.type = FRAME_FOUND, .name = f->name};
        if (!text_is_name(f->name.at, f->name.len)) {
                chat_ignore(chat, IGNORED_UNCLEAN);
                return;
        }
        if (found) {
                told.key = found->id;
                told.name = slice_of(found->name);
        } else {
                told.text = describe_nobody(chat, f->name, text);
        }
        answer_frame(chat, m, f, told);
}

void private_take(struct chat *chat, struct member *m, const struct frame *f)
{
        struct member *to = f->key != 0 ? roster_find(&chat->roster, f->key) : roster_find_name(&chat->roster, f->name);
        bool remote = f->key == 0 && text_is_remote_name(f->name.at, f->name.len);
        struct record rec = speech_record(m, f, RECORD_PRIVATE, f->text);
        if (f->key == 0 && !text_is_name(f->name.at, f->name.len)) {
                chat_ignore(chat, IGNORED_UNCLEAN);
                return;
        }
        if (!chat_take_text(chat, &rec.text))
                return;
        if (f->key != 0 && (!to || !member_is_here(to))) {
                bool named = text_is_name(f->name.at, f->name.len); /* sent by a session of this version */
                answer_printf(chat, m, f, "%.*s has left; /who lists who is here", named ? (int)f->name.len : INT_MAX,
                              named ? f->name.at : "That person");
                return;
        }
        if (!remote && (!to || !member_is_here(to))) {
                char nobody[NOBODY_BYTES];
                answer_text(chat, m, f, describe_nobody(chat, f->name, nobody));
                return;
        }
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        if (remote) /* there is room for both: the caller has checked */
                say_to_other_host(chat, m, f, rec);
        else if (to == m)
                answer_printf(chat, m, f, "That is you; the message went to nobody");
        else {
                batch_add_private(&chat->batch, m, to, &rec);
                confirm(chat, m, f, slice_of(to->name), rec.text);
        }
}
