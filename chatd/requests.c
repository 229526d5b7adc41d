#include "requests.h"

#include <stdarg.h>
#include <stdio.h>

#include <chat/names.h>
#include <chat/text.h>

#include "broker.h"

static void answer(struct member *m, const struct frame *f, uint64_t epoch, struct slice text)
{
        roster_send(m, &(struct frame){
                               .type = FRAME_ANSWER,
                               .id = epoch,
                               .number = f->number,
                               .name = slice_of(m->name),
                               .text = text,
                       });
}

__attribute__((format(printf, 4, 5))) static void answerf(struct broker *b, struct member *m, const struct frame *f,
                                                          const char *format, ...)
{
        char text[TEXT_MAX_BYTES];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        answer(m, f, b->relay.epoch, slice_of(text));
}

static void announce(struct broker *b, struct member *m, const struct frame *f, enum record_kind kind, const char *name,
                     struct slice text)
{
        struct record rec = {
                .kind = (uint8_t)kind, .id = m->id, .number = f->number, .name = slice_of(name), .text = text};
        if (m->arriving)
                arrivals_name(b, m);
        relay_add(&b->relay, m, &rec); /* there is room: the caller asked */
}

static void take_action(struct broker *b, struct member *m, const struct frame *f)
{
        if (!text_is_clean(f->text.at, f->text.len)) {
                broker_ignore(b, IGNORED_UNCLEAN);
                return;
        }
        b->lines++;
        announce(b, m, f, RECORD_ACTION, m->name, f->text);
}

/* Whether `m` can be called so; tells it why not. */
static bool may_be_called(struct broker *b, struct member *m, const struct frame *f)
{
        const struct member *other = roster_find_name(&b->roster, f->name);
        if (!name_is_nick(f->name.at, f->name.len)) {
                answerf(b, m, f, "A name is 1 to %d letters, digits, -, _ and ., and begins with a letter; no accents",
                        NICK_MAX_BYTES);
                return false;
        }
        if (bans_find(&b->bans, f->name, NULL)) {
                answerf(b, m, f, "Nobody may be called %.*s here: please take another name", (int)f->name.len,
                        f->name.at);
                return false;
        }
        if (slice_equal(f->name, slice_of(m->name))) {
                answerf(b, m, f, "You are called %s already", m->name);
                return false;
        }
        if (other && other != m) {
                answerf(b, m, f, "Somebody is called %s: please take another name", other->name);
                return false;
        }
        return true;
}

static void take_nick(struct broker *b, struct member *m, const struct frame *f)
{
        bool again = m->renamed == f->number && slice_equal(f->name, slice_of(m->name));
        if (!again && !may_be_called(b, m, f))
                return;
        if (!again && roster_rename(&b->roster, m, f->name, f->number) < 0) {
                answerf(b, m, f, "The chat has no memory for that now");
                return;
        }
        b->alone = true;
        b->renamed = m;
        announce(b, m, f, RECORD_RENAME, m->was, slice_of(m->name));
        eventlog_rename(b->log, m->id, m->was, m->name, m->address);
        answerf(b, m, f, "You are now called %s", m->name);
}

/* To "NAME@HOST": nobody here knows who is there. */
static void say_to_other_host(struct broker *b, struct member *m, const struct frame *f, struct record rec)
{
        char text[NAME_MAX_BYTES + 1 + TEXT_MAX_BYTES + 1];
        struct member *link = roster_find(&b->roster, LINK_ID);
        int len = snprintf(text, sizeof(text), "%.*s %.*s", (int)f->name.len, f->name.at, (int)f->text.len, f->text.at);
        rec.text = (struct slice){text, (size_t)len};
        if (!link)
                answerf(b, m, f, "This chat is not linked to other hosts");
        else if (len > TEXT_MAX_BYTES)
                answerf(b, m, f, "That is too long to be said to somebody on another host");
        else
                relay_add_private(&b->relay, m, link, &rec);
}

static void take_private(struct broker *b, struct member *m, const struct frame *f)
{
        struct member *to = f->key != 0 ? roster_find(&b->roster, f->key) : roster_find_name(&b->roster, f->name);
        bool remote = f->key == 0 && text_is_remote_name(f->name.at, f->name.len);
        struct record rec = {
                .kind = RECORD_PRIVATE, .id = m->id, .number = f->number, .name = slice_of(m->name), .text = f->text};
        if (!text_is_clean(f->text.at, f->text.len) || (f->key == 0 && !text_is_name(f->name.at, f->name.len))) {
                broker_ignore(b, IGNORED_UNCLEAN);
                return;
        }
        if (f->key != 0 && (!to || !member_is_here(to))) {
                answerf(b, m, f, "That one is not here any more; /who lists who is");
                return;
        }
        if (!remote && (!to || !member_is_here(to))) {
                answerf(b, m, f, "Nobody here is called %.*s; /who lists who is here", (int)f->name.len, f->name.at);
                return;
        }
        if (m->arriving)
                arrivals_name(b, m);
        if (remote) /* there is room for both: the caller asked */
                say_to_other_host(b, m, f, rec);
        else if (to == m)
                answerf(b, m, f, "You say to yourself: %.*s", (int)f->text.len, f->text.at);
        else
                relay_add_private(&b->relay, m, to, &rec);
}

struct list {
        char text[TEXT_MAX_BYTES];
        size_t len, line; /* bytes in all, and before the line that it ends with */
};

/* Appends a word, on another line where it does not fit into this one. Returns false where there is no room for it, and
 * for how many are left out. */
static bool list_add(struct list *l, const char *before, const char *word)
{
        size_t size = strlen(before) + strlen(word);
        if (sizeof(l->text) - l->len < size + 64)
                return false;
        bool wraps = l->len - l->line + size > REQUESTS_WHO_COLUMNS;
        if (wraps)
                l->line = l->len + strlen(before);
        l->len +=
                (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s%s", before, wraps ? "\n" : "", word);
        return true;
}

static void take_who(struct broker *b, struct member *m, const struct frame *f)
{
        struct list list = {.len = 0};
        size_t here = 0, listed = 0;
        for (size_t i = 0; i < b->roster.count; i++)
                here += member_is_here(b->roster.members[i]);
        list.len = (size_t)snprintf(list.text, sizeof(list.text),
                                    here == 1 ? "You are alone here: " : "%zu people are here: ", here);
        for (size_t i = 0; i < b->roster.count; i++)
                if (member_is_here(b->roster.members[i])) {
                        if (!list_add(&list, listed > 0 ? ", " : "", b->roster.members[i]->name))
                                break;
                        listed++;
                }
        if (listed < here)
                list.len += (size_t)snprintf(list.text + list.len, sizeof(list.text) - list.len, " and %zu more",
                                             here - listed);
        answer(m, f, b->relay.epoch, (struct slice){list.text, list.len});
}

int requests_take(struct broker *b, const struct frame *f)
{
        struct member *m = roster_find(&b->roster, f->id);
        if (!m || m->leaving || m->expected) {
                broker_ignore(b, IGNORED_STRANGER);
                return 0;
        }
        if (f->number <= m->lines_in || f->number == UINT64_MAX) {
                broker_ignore(b, IGNORED_REPEATED);
                return 0;
        }
        if (f->type == FRAME_NICK && b->begun)
                return -ENOBUFS;
        m->lines_in = m->said = f->number;
        b->unconfirmed = true;
        if ((f->type == FRAME_ACTION || f->type == FRAME_PRIVATE) && admin_silences(b, m, f->number))
                return 0;
        switch (f->type) {
        case FRAME_ACTION:
                take_action(b, m, f);
                break;
        case FRAME_NICK:
                take_nick(b, m, f);
                break;
        case FRAME_PRIVATE:
                take_private(b, m, f);
                break;
        default:
                take_who(b, m, f);
                break;
        }
        return 0;
}

void requests_note(struct broker *b)
{
        if (!b->renamed)
                return;
        int r = roster_note_name(&b->roster, b->renamed);
        if (r < 0) /* the next chatd will call it by its old name */
                broker_warn(b, "cannot note a new name", r);
        b->renamed = NULL;
}
