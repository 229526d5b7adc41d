/* Private messages between hosts: a record of NAME@HOST and the text (chat/record.h). */
#pragma once

#include <stdbool.h>
#include <string.h>

#include <chat/wire.h>

/* Removes "NAME@HOST " from the front of `text`. Returns false if the text begins with anything else. */
static inline bool private_address(struct slice *text, struct slice *name, struct slice *host)
{
        struct slice word;
        const char *at = word_next(text, &word) ? memrchr(word.at, '@', word.len) : NULL;
        if (!at || at == word.at)
                return false;
        *name = (struct slice){word.at, (size_t)(at - word.at)};
        *host = (struct slice){at + 1, word.len - name->len - 1};
        return true;
}
