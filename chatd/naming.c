#include "naming.h"

#include <errno.h>
#include <search.h>

#include <chat/names.h>
#include <chat/nearest.h>

#include "member.h"

static int naming_compare(const void *a, const void *b)
{
        const char *x = ((const struct member *)a)->name, *y = ((const struct member *)b)->name;
        return name_compare(x, strlen(x), y, strlen(y));
}

static int naming_compare_blurred(const void *a, const void *b)
{
        const char *x = ((const struct member *)a)->name, *y = ((const struct member *)b)->name;
        return name_compare_blurred(x, strlen(x), y, strlen(y));
}

/* Returns the place in the tree that is equal to this name, or NULL. */
static struct member **naming_place(void *const *tree, int (*compare)(const void *, const void *), struct slice name)
{
        struct member key = {0};
        if (name.len > LOCAL_NAME_MAX_BYTES)
                return NULL;
        memcpy(key.name, name.at, name.len);
        return tfind(&key, tree, compare);
}

struct member *naming_find_blurred(const struct naming *n, struct slice name)
{
        struct member **place = naming_place(&n->by_blur, naming_compare_blurred, name);
        return place ? *place : NULL;
}

int naming_add(struct naming *n, struct member *m)
{
        if (!tsearch(m, &n->by_name, naming_compare))
                return -ENOMEM;
        struct member **first = tsearch(m, &n->by_blur, naming_compare_blurred);
        if (!first) {
                tdelete(m, &n->by_name, naming_compare);
                return -ENOMEM;
        }
        if (*first != m) {
                m->alike = (*first)->alike;
                (*first)->alike = m;
        }
        return 0;
}

void naming_remove(struct naming *n, struct member *m)
{
        struct member **at = naming_place(&n->by_blur, naming_compare_blurred, slice_of(m->name));
        tdelete(m, &n->by_name, naming_compare);
        if (*at == m && !m->alike) {
                tdelete(m, &n->by_blur, naming_compare_blurred);
                return;
        }
        while (*at != m)
                at = &(*at)->alike;
        *at = m->alike; /* `at` may be in the tree, whose order stays the same */
        m->alike = NULL;
}

struct member *naming_find(const struct naming *n, struct slice name)
{
        struct member **place = naming_place(&n->by_name, naming_compare, name);
        return place ? *place : NULL;
}

struct member *naming_find_alike(const struct naming *n, struct slice name, const struct member *other)
{
        struct member *m = naming_find_blurred(n, name);
        while (m && (m == other || !name_looks_like(m->name, strlen(m->name), name.at, name.len)))
                m = m->alike;
        return m;
}

/* Returns true if the name begins with the word, and the word has two letters at least. */
static bool naming_is_begun(struct slice word, struct slice name)
{
        return word.len > 1 && word.len < name.len && name_compare(word.at, word.len, name.at, word.len) == 0;
}

struct member *naming_suggest(const struct naming *n, struct member *const *members, size_t count, struct slice name)
{
        struct member *best = naming_find_blurred(n, name);
        size_t best_distance = (name.len + 2) / 3 + 1, comparisons = 0;
        while (best && !member_is_here(best))
                best = best->alike;
        if (best || name.len == 0 || !name_is_letter(name.at[0])) /* names that are addresses all look alike */
                return best;
        for (size_t i = 0; i < count && comparisons < NAMING_LOOKS_MAX; i++) {
                struct slice other = slice_of(members[i]->name);
                if (!member_is_here(members[i]) || !name_is_letter(other.at[0]))
                        continue;
                comparisons++;
                size_t distance = naming_is_begun(name, other) ? 1 : nearest_distance(name, other);
                if (distance < best_distance) {
                        best_distance = distance;
                        best = members[i];
                }
        }
        return best;
}
