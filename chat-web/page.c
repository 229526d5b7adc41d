#include "page.h"

#include <stdio.h>

#include <nettle/base64.h>
#include <nettle/sha2.h>

#include <chat/assert.h>

/* Puts a file of the source tree into the program, between two symbols. */
#define PAGE_FILE(name, path) __asm__(".section .rodata\n" name ":\n.incbin \"" path "\"\n" name "_end:\n.previous\n")

PAGE_FILE("page_html", "chat-web/page/page.html");
PAGE_FILE("page_css", "chat-web/page/page.css");
PAGE_FILE("page_js", "chat-web/page/page.js");

#pragma GCC visibility push(hidden)
extern const char page_html[], page_html_end[], page_css[], page_css_end[], page_js[], page_js_end[];
#pragma GCC visibility pop

/* The places in page.html for the other two files. */
#define PAGE_STYLE "<style></style>"
#define PAGE_SCRIPT "<script></script>"

enum { PAGE_HASH_BYTES = BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE) + 1 };

static void page_hash(struct slice text, char hash[static PAGE_HASH_BYTES])
{
        struct sha256_ctx sha;
        uint8_t digest[SHA256_DIGEST_SIZE];
        sha256_init(&sha);
        sha256_update(&sha, text.len, (const uint8_t *)text.at);
        sha256_digest(&sha, sizeof(digest), digest);
        base64_encode_raw(hash, sizeof(digest), digest);
        hash[PAGE_HASH_BYTES - 1] = '\0';
}

/* Returns the bytes between two symbols. */
static struct slice page_between(const char *begin, const char *end)
{
        return (struct slice){begin, (size_t)((uintptr_t)end - (uintptr_t)begin)};
}

/* Splits the page between the two tags of `place`. */
static void page_split(struct slice *before, struct slice *behind, const char *place)
{
        const char *at = memmem(before->at, before->len, place, strlen(place));
        assert(at);
        const char *end = before->at + before->len;
        at = (const char *)memchr(at, '>', strlen(place)) + 1;
        *behind = (struct slice){at, (size_t)(end - at)};
        before->len = (size_t)(at - before->at);
}

void page_make(struct page *p)
{
        char style[PAGE_HASH_BYTES], script[PAGE_HASH_BYTES];
        struct sha256_ctx sha;
        uint8_t digest[8];
        p->parts[0] = page_between(page_html, page_html_end);
        page_split(&p->parts[0], &p->parts[2], PAGE_STYLE);
        page_split(&p->parts[2], &p->parts[4], PAGE_SCRIPT);
        p->parts[1] = page_between(page_css, page_css_end);
        p->parts[3] = page_between(page_js, page_js_end);
        page_hash(p->parts[1], style);
        page_hash(p->parts[3], script);
        snprintf(
                p->policy, sizeof(p->policy),
                "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; connect-src 'self'; img-src data:; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
                "trusted-types 'none'",
                script, style);
        sha256_init(&sha);
        for (size_t i = 0; i < PAGE_PARTS; i++)
                sha256_update(&sha, p->parts[i].len, (const uint8_t *)p->parts[i].at);
        sha256_digest(&sha, sizeof(digest), digest);
        snprintf(p->tag, sizeof(p->tag), "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", digest[0], digest[1], digest[2],
                 digest[3], digest[4], digest[5], digest[6], digest[7]);
}

size_t page_bytes(void)
{
        return page_between(page_html, page_html_end).len + page_between(page_css, page_css_end).len +
               page_between(page_js, page_js_end).len;
}
