#include "words.h"

#include <string.h>

#include <chat/control.h>
#include <chat/reveal.h>
#include <chat/safe-text.h>

struct words {
        struct text_cleaner cleaner;
        char *text;
        size_t len, size; /* bytes */
};

/* Appends the cleaned form of `size` bytes. Returns false if there is no room for it. */
static bool words_append(struct words *w, const char *bytes, size_t size)
{
        char clean[TEXT_CLEAN_MAX];
        for (size_t i = 0; i < size; i++) {
                size_t n = text_clean(&w->cleaner, (uint8_t)bytes[i], clean);
                if (w->len + n > w->size)
                        return false;
                memcpy(w->text + w->len, clean, n);
                w->len += n;
        }
        return true;
}

bool words_join(char *text, size_t most, int count, char **words)
{
        char clean[CONTROL_TEXT_MAX_BYTES];
        struct words w = {.text = text, .size = most};
        for (int i = 0; i < count; i++)
                if (!words_append(&w, " ", i > 0) || !words_append(&w, words[i], strlen(words[i])))
                        return false;
        if (w.cleaner.total > 0 && !words_append(&w, " ", 1)) /* ends an incomplete character */
                return false;
        struct slice all = reveal((struct slice){text, w.len}, clean, most);
        memmove(text, all.at, all.len);
        text[all.len] = '\0';
        return true;
}
