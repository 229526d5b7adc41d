#include "letters.h"

#include <stdlib.h>

#include <chat/assert.h>

enum { TYPE_AT = 1 }; /* the place of the type in an encoded frame */

static void letters_append(struct letters *l, struct letter *letter)
{
        letter->next = NULL;
        if (l->last)
                l->last->next = letter;
        else
                l->first = letter;
        l->last = letter;
        l->bytes += letter->size;
}

int letters_add(struct letters *l, uint32_t at, const struct frame *f, const uint8_t *records, size_t size)
{
        uint8_t buffer[FRAME_MAX_BYTES + ANSWER_MAX_BYTES];
        size_t frame_size = frame_encode(buffer, sizeof(buffer), f);
        assert(frame_size > 0);
        struct letter *letter = malloc(sizeof(*letter) + frame_size + size);
        if (!letter)
                return -ENOMEM;
        letter->at = at;
        letter->size = frame_size + size;
        memcpy(letter->bytes, buffer, frame_size);
        if (size > 0)
                memcpy(letter->bytes + frame_size, records, size);
        letters_append(l, letter);
        return 0;
}

void letters_drop_first(struct letters *l)
{
        struct letter *first = l->first;
        assert(first);
        l->first = first->next;
        if (!l->first)
                l->last = NULL;
        l->bytes -= first->size;
        free(first);
}

static bool letter_is_kicked(const struct letter *letter)
{
        return letter->bytes[TYPE_AT] == FRAME_KICKED;
}

size_t letters_trim(struct letters *l, size_t most)
{
        struct letters rest = {0};
        size_t dropped = 0;
        for (struct letter *letter = l->first, *next; letter; letter = next) {
                next = letter->next;
                if (rest.bytes + letter->size <= most || letter_is_kicked(letter)) {
                        letters_append(&rest, letter);
                        continue;
                }
                free(letter);
                dropped++;
                most = 0; /* the following letters are dropped, too */
        }
        *l = rest;
        return dropped;
}

void letters_clear(struct letters *l)
{
        while (l->first)
                letters_drop_first(l);
}
