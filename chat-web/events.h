/* What a client of JSON is told: one object for each event. chat-json(5) lists them. */
#pragma once

#include <chat/answer.h>
#include <chat/record.h>

#include "web.h"

/* The client joined. */
void events_welcome(struct web *w, struct slice asked, uint64_t people);

/* A record that came at `ms`, since 1970. */
void events_record(struct web *w, const struct record *r, uint64_t ms);

/* A line or action of earlier. */
void events_past(struct web *w, const struct record *r, uint64_t ms);

/* Past lines do not reach back to the line that the client had. */
void events_missing(struct web *w, const struct web_room *room);

/* An answer of chatd. `ref` is that of the request, as JSON; it may be empty. `line` is the number of the client's own
 * line that the answer is about, or 0. */
void events_answer(struct web *w, const char *ref, uint64_t line, const struct answer *a);

/* The same for an answer without a code that this version knows, which has a text. */
void events_answer_text(struct web *w, const char *event, const char *ref, struct slice text);

/* Answers without a code of chatd: the client's own line was taken; or a message went to `name`. */
void events_said(struct web *w, const char *ref, uint64_t number);
void events_sent(struct web *w, const char *ref, uint64_t number, struct slice name);
void events_history(struct web *w, const char *ref, uint64_t lines);

/* The answer to a ping. chatd is not asked. */
void events_pong(struct web *w, const char *ref);

/* A request that is wrong. */
void events_error(struct web *w, const char *ref, const char *code, const char *why);

/* Something that answers no request: a code, or a text of several lines. */
void events_notice(struct web *w, const char *event, const struct answer *a);
void events_motd(struct web *w, struct slice lines);
void events_away(struct web *w, bool is_away);
void events_skipped(struct web *w, uint64_t lines);
