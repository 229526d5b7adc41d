/* Notices of the link for members of this host, which wait for chatd in their order.
 *
 * A notice of missing records is never dropped: its number is kept when chatd has it, so that members are told once.
 * News of hosts are dropped for newer ones if there are NOTICES_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/notice.h>

struct inject;

enum {
        NOTICES_MAX = 16,               /* at this number no message is taken */
        NOTICES_ROOM = NOTICES_MAX + 1, /* a message that is begun may add one notice of missing records */
        NOTICES_TELLS_MAX = 8,          /* at this number none for a single member is added */
};

struct notice {
        uint64_t number; /* the number of the missing record that it reports; 0: it reports something else */
        uint64_t to;     /* the member that it is for; 0: everybody */
        char text[512];  /* the sentence */
        size_t answer_bytes;
        uint8_t answer[NOTICE_ANSWER_MAX_BYTES];
};

struct notices {
        struct notice ring[NOTICES_ROOM];
        size_t first, count;
        uint64_t newest_number;  /* the number of the last notice of missing records */
        uint64_t pending_number; /* the number of the notice that goes out */
        uint64_t *kept_number;   /* the number of the last notice that chatd took */
};

/* Begins, with the number that was kept. */
void notices_init(struct notices *n, uint64_t *kept);

/* Returns true if no message may be taken, because there might be no room for its notice. */
bool notices_are_full(const struct notices *n);

/* Tells one member, unless other notices might then have to wait for room. */
void notices_tell(struct notices *n, uint64_t to, const struct answer *a);

/* Reports that `lines` of the host (or MISSED_UNKNOWN) are missing; `number` is that of the last of them. Members are
 * told once, even if the message is read again. There must be room. */
void notices_report_missing(struct notices *n, const char *host, uint64_t lines, uint64_t number);

/* Returns true if there is room for news, or older news to drop. */
bool notices_take_news(const struct notices *n);

/* Tells everybody news of hosts. notices_take_news() must have returned true. */
void notices_tell_news(struct notices *n, const struct answer *news);

/* Hands all notices over. Returns false while that is not possible. */
bool notices_flush(struct notices *n, struct inject *inject, int64_t now_ms);
