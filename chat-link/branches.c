#include "branches.h"

#include <string.h>

#include "draw.h"

bool branches_begin(struct branches *b, uint64_t place)
{
        uint64_t count = b->count;
        if (count == BRANCHES_MAX)
                return false;
        b->all[count] = (struct branch){.instance = draw_number(), .begin = place};
        b->count = count + 1;
        return true;
}

bool branches_are_good(const struct branches *b)
{
        uint64_t begin = 0;
        if (b->count == 0 || b->count > BRANCHES_MAX)
                return false;
        for (size_t i = 0; i < b->count; i++) {
                if (b->all[i].instance == 0 || b->all[i].begin < begin)
                        return false;
                begin = b->all[i].begin;
        }
        return true;
}

void branches_shorten(struct branches *b)
{
        if (b->count <= BRANCHES_CARRIED_MAX)
                return;
        memmove(b->all, b->all + (b->count - BRANCHES_CARRIED_MAX), BRANCHES_CARRIED_MAX * sizeof(b->all[0]));
        b->count = BRANCHES_CARRIED_MAX;
}

size_t branches_at(const struct branches *b, uint64_t place)
{
        size_t number = (size_t)b->count - 1;
        while (number > 0 && b->all[number].begin > place)
                number--;
        return number;
}

size_t branches_find(const struct branches *b, uint64_t instance)
{
        for (size_t i = 0; i < b->count; i++)
                if (b->all[i].instance == instance)
                        return i;
        return SIZE_MAX;
}

uint64_t branches_end(const struct branches *b, size_t number)
{
        return number + 1 < b->count ? b->all[number + 1].begin : UINT64_MAX;
}
