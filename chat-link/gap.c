#include "gap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <chat/clock.h>

static void gap_drop_answer(struct gap *g)
{
        free(g->answer);
        g->answer = NULL;
}

void gap_open(struct gap *g, const char *host, uint64_t instance, uint64_t at, uint64_t end, bool hopeless,
              int64_t now_ms)
{
        gap_close(g);
        *g = (struct gap){.instance = instance, .at = at, .end = end, .ask_at = now_ms, .opened_at = now_ms};
        g->questions = hopeless ? 0 : GAP_QUESTIONS_MAX;
        snprintf(g->host, sizeof(g->host), "%s", host);
}

void gap_close(struct gap *g)
{
        gap_drop_answer(g);
        g->at = g->end;
}

/* Takes an answer to the last question, if there is one. Drops any other answer, which would begin behind the open
 * gap. */
static void gap_take_answer(struct gap *g, struct network *n)
{
        struct message m;
        g->answer = network_answer(n);
        if (!g->answer)
                return;
        if (strcmp(g->answer->host, g->host) != 0 || message_decode(&m, g->answer->data, g->answer->size) != 0 ||
            m.type != MESSAGE_AGAIN || m.instance != g->instance || m.question_position != g->question_position) {
                gap_drop_answer(g);
                return;
        }
        g->records = m.records;
        g->answer_position = m.position;
}

/* Reads the next record of the answer that belongs into the gap. Returns false if the answer has none. */
static bool gap_read_answer(struct gap *g, struct record *rec)
{
        struct wire_reader r = g->records;
        while (record_next(&r, rec) > 0) {
                if (g->answer_position == g->at) {
                        record_take_style(&r, rec); /* which has a position of its own */
                        return true;
                }
                g->records = r;
                g->answer_position++;
        }
        return false;
}

enum gap_step gap_next(struct gap *g, struct network *n, int64_t now_ms, struct record *rec, uint64_t *missing)
{
        if (gap_is_closed(g)) {
                gap_drop_answer(g);
                return GAP_CLOSED;
        }
        if (!g->answer)
                gap_take_answer(g, n);
        if (g->answer && g->answer_position > g->at) {
                *missing = (g->answer_position < g->end ? g->answer_position : g->end) - g->at;
                return GAP_MISSING;
        }
        if (g->answer && gap_read_answer(g, rec))
                return GAP_RECORD;
        gap_drop_answer(g);
        if (now_ms < g->ask_at)
                return GAP_WAITS;
        if (g->questions == 0 || now_ms - g->opened_at >= GAP_OPEN_MAX_MS) {
                *missing = g->end - g->at;
                return GAP_MISSING;
        }
        g->questions--;
        g->question_position = g->at;
        g->ask_at = now_ms + GAP_ASK_MS;
        network_ask(n, g->host, g->instance, g->question_position);
        return GAP_WAITS;
}

/* A good answer is a reason to go on asking. Records that it had no room for are asked for at once. */
void gap_advance(struct gap *g, uint64_t records, int64_t now_ms)
{
        g->at += records;
        if (!g->answer || g->answer_position >= g->at)
                return; /* the answer had none of these records */
        g->ask_at = now_ms;
        g->questions = GAP_QUESTIONS_MAX;
}

void gap_hold(struct gap *g, int64_t now_ms)
{
        g->ask_at = now_ms + GAP_ASK_MS;
        g->opened_at = now_ms;
}

bool gap_is_closed(const struct gap *g)
{
        return g->at == g->end;
}

int64_t gap_open_ms(const struct gap *g, int64_t now_ms)
{
        return now_ms - g->opened_at;
}

int64_t gap_wake_ms(const struct gap *g)
{
        if (gap_is_closed(g) || g->answer)
                return INT64_MAX;
        return g->ask_at;
}
