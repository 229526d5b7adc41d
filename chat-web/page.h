/* The page that people chat with in a browser: page/page.html, with page.css and page.js in it. The program contains
 * these three files.
 */
#pragma once

#include <chat/wire.h>

enum {
        PAGE_PARTS = 5,
        PAGE_POLICY_MAX_BYTES = 512,
        PAGE_TAG_BYTES = sizeof("\"0123456789abcdef\""),
};

struct page {
        struct slice parts[PAGE_PARTS];
        char policy[PAGE_POLICY_MAX_BYTES]; /* what the page may do: a Content-Security-Policy (CSP, level 3) */
        char tag[PAGE_TAG_BYTES];           /* its ETag (RFC 9110, section 8.8.3) */
};

/* Makes the page, its policy and its tag. It hashes the whole page, so call it when the page is asked for. */
void page_make(struct page *p);

/* Returns the size of the page. */
size_t page_bytes(void);
