#include "completion.h"

#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include <chat/names.h>

#include "commands.h"

/* Returns the place of this name, or the number of names if it is not there. */
static size_t names_find(const struct names *n, struct slice name)
{
        size_t i = 0;
        while (i < n->count && name_compare(n->name[i], strlen(n->name[i]), name.at, name.len) != 0)
                i++;
        return i;
}

static void names_forget(struct names *n, struct slice name)
{
        size_t i = names_find(n, name);
        if (i < n->count)
                memmove(n->name[i], n->name[i + 1], (--n->count - i) * sizeof(n->name[0]));
}

/* Puts a name first and removes `old_name`. If `old_name` is not there and the list is full, removes the last name. */
static void names_put_first(struct names *n, struct slice old_name, struct slice name)
{
        size_t i = names_find(n, old_name);
        if (name.len == 0 || name.len > NAME_MAX_BYTES)
                return;
        if (i == n->count && n->count < NAMES_MAX)
                n->count++;
        else if (i == n->count)
                i--;
        memmove(n->name[1], n->name[0], i * sizeof(n->name[0]));
        memcpy(n->name[0], name.at, name.len);
        n->name[0][name.len] = '\0';
}

void names_note(struct names *n, const struct record *r)
{
        switch (r->kind) {
        case RECORD_LINE:
        case RECORD_ACTION:
        case RECORD_PRIVATE:
        case RECORD_JOIN:
                names_put_first(n, r->name, r->name);
                break;
        case RECORD_RENAME:
                names_put_first(n, r->name, r->text);
                break;
        case RECORD_LEAVE:
                names_forget(n, r->name);
                break;
        default:
                break;
        }
}

static void completion_add_to_list(struct completion *c, const char *match)
{
        static const char more[] = " …";
        size_t len_before = strlen(c->list), len = strlen(match), blank = len_before > 0;
        if (len_before + blank + len + sizeof(more) <= sizeof(c->list)) {
                memcpy(c->list + len_before, " ", blank);
                memcpy(c->list + len_before + blank, match, len + 1);
        } else if (len_before < sizeof(more) ||
                   memcmp(c->list + len_before + 1 - sizeof(more), more, sizeof(more)) != 0) {
                memcpy(c->list + len_before, more, sizeof(more));
        }
}

/* Takes `match` as a match if it begins with the word, without regard to case. */
static void completion_take(struct completion *c, struct slice word, const char *match)
{
        size_t len = strlen(match), common = 0;
        if (len < word.len || strncasecmp(match, word.at, word.len) != 0)
                return;
        if (c->count++ == 0) {
                memcpy(c->text_buffer, match, len);
                c->text.len = len;
        }
        while (common < c->text.len && strncasecmp(match + common, c->text_buffer + common, 1) == 0)
                common++;
        c->text.len = common;
        completion_add_to_list(c, match);
}

/* Takes the names in `more` that are not among the names heard of. */
static void completion_take_others(struct completion *c, const struct names *n, struct slice more, struct slice word)
{
        char name[NAME_MAX_BYTES + 1];
        struct slice one;
        while (more.len > 0) {
                const char *end = memchr(more.at, ' ', more.len);
                one = (struct slice){more.at, end ? (size_t)(end - more.at) : more.len};
                more.at += one.len + (end != NULL);
                more.len -= one.len + (end != NULL);
                if (one.len == 0 || one.len > NAME_MAX_BYTES || names_find(n, one) < n->count)
                        continue;
                snprintf(name, sizeof(name), "%.*s", (int)one.len, one.at);
                completion_take(c, word, name);
        }
}

static struct slice completion_last_word(struct slice line)
{
        const char *blank = memrchr(line.at, ' ', line.len);
        size_t begin = blank ? (size_t)(blank + 1 - line.at) : 0;
        return (struct slice){line.at + begin, line.len - begin};
}

struct slice completion_name(struct slice line)
{
        struct slice word = completion_last_word(line);
        bool is_name = word.len > 0 && word.len <= NAME_MAX_BYTES && (word.at > line.at || word.at[0] != '/');
        return is_name ? word : (struct slice){"", 0};
}

void completion_find(struct completion *c, const struct names *n, struct slice more, struct slice line)
{
        struct slice word = completion_last_word(line);
        size_t begin = line.len - word.len;
        bool is_command = begin == 0 && word.len > 0 && word.at[0] == '/';

        c->begin = begin;
        c->count = 0;
        c->text = (struct slice){c->text_buffer, 0};
        c->list[0] = '\0';
        if (is_command) {
                for (const struct command_row *row = commands; row->name[0] != '\0'; row++)
                        if (row->help[0] != '\0') /* the other rows mean the same */
                                completion_take(c, word, row->name);
        } else if (word.len > 0) {
                for (size_t i = 0; i < n->count; i++)
                        completion_take(c, word, n->name[i]);
                completion_take_others(c, n, more, word);
        }
        if (c->count != 1)
                return;
        if (!is_command && begin == 0) /* the line addresses a member */
                c->text_buffer[c->text.len++] = ':';
        c->text_buffer[c->text.len++] = ' ';
}
