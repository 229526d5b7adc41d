#include "lists.h"

#include <chat/assert.h>

void lists_append(struct irc *i, struct slice item)
{
        struct irc_list *l = &i->list;
        if (item.len + 1 > sizeof(l->text) - l->len)
                return;
        if (l->len > 0)
                l->text[l->len++] = ',';
        memcpy(l->text + l->len, item.at, item.len);
        l->len += item.len;
}

void lists_begin(struct irc *i, struct slice items, void (*each)(struct irc *i, struct slice item),
                 void (*done)(struct irc *i))
{
        assert(!lists_are_open(i));
        i->list.each = each;
        i->list.done = done;
        i->list.at = i->list.len = 0;
        lists_append(i, items);
}

void lists_go_on(struct irc *i)
{
        struct irc_list *l = &i->list;
        while (l->at < l->len && (l->text[l->at] == ',' || l->text[l->at] == ' '))
                l->at++;
        size_t begin = l->at;
        while (l->at < l->len && l->text[l->at] != ',' && l->text[l->at] != ' ')
                l->at++;
        if (l->at > begin) {
                l->each(i, (struct slice){l->text + begin, l->at - begin});
                return;
        }
        if (l->done)
                l->done(i);
        l->each = NULL;
}
