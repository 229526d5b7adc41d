/* Notices of the link for members of this host, which wait for chatd in their order.
 *
 * A notice of missing records is never dropped. Its number is kept once chatd has it, so members are told once. If
 * there are NOTICES_MAX notices, the oldest news of hosts is dropped for newer news.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/notice.h>

struct inject;

enum {
        NOTICES_MAX = 16,               /* no message is taken while this many notices wait */
        NOTICES_ROOM = NOTICES_MAX + 1, /* a message that is begun may add one notice of missing records */
        NOTICES_TELLS_MAX = 8,          /* no notice for a single member is added while this many wait */
};

struct notice {
        uint64_t number; /* the number of the missing record that it reports; 0: another kind of notice */
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

/* Makes an empty list, with the kept number. */
void notices_init(struct notices *n, uint64_t *kept);

/* Returns true if no message may be taken, because its notice might find no room. */
bool notices_are_full(const struct notices *n);

/* Tells one member, unless the notice would take room that others may need. */
void notices_tell(struct notices *n, uint64_t to, const struct answer *a);

/* Reports that `lines` of the host (or MISSED_UNKNOWN) are missing; `number` is that of the last of them. Members are
 * told once, even if the message is read again. There must be room. */
void notices_report_missing(struct notices *n, const char *host, uint64_t lines, uint64_t number);

/* Returns true if there is room for news, or older news to drop. */
bool notices_take_news(const struct notices *n);

/* Tells everybody news of hosts. notices_take_news() must have returned true. */
void notices_tell_news(struct notices *n, const struct answer *news);

/* Hands all notices to chatd. Returns false while that is not possible. */
bool notices_flush(struct notices *n, struct inject *inject, int64_t now_ms);
