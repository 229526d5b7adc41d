/* Lines that programs say by HTTP: POST /say, with a token.
 *
 * The text of the request, in its body, is said in the room that the query names, or else in that of the token. The
 * session joins the chat for this one request. Nobody learns of that: chatd says the line under the name of the token
 * (FRAME_WEBHOOK). chatd's answer becomes the answer to the request, which is the last one of the connection.
 *
 * Sources: RFC 6750 (Bearer), draft-ietf-httpapi-idempotency-key-header.
 */
#pragma once

#include "web.h"

enum { POST_ANSWER_MS = 20000 }; /* how long chatd may take to answer */

/* Takes the head of a request with a line. Answers it if it is wrong. Otherwise the stage is WEB_POST from now on. */
void post_begin(struct web *w);

/* ---- in the stage WEB_POST ---- */

/* Returns how many bytes of the body are missing. */
size_t post_missing(const struct web *w);

/* Takes bytes of the body, at most as many as are missing. */
void post_take(struct web *w, const uint8_t *bytes, size_t n);

/* The session is a member: asks chatd to say the line. */
void post_welcome(struct web *w);

/* chatd answers, or refuses the session. */
void post_answer(struct web *w, const struct frame *f);
void post_refusal(struct web *w, const struct frame *f);

/* The request was not complete or not answered in time. */
void post_time_out(struct web *w);

/* The session ends before the request is answered, or chatd lost the line. An incomplete request gets no answer. */
void post_give_up(struct web *w);
