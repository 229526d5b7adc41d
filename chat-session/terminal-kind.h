/* The kind of client (kind.h) that is a person at a terminal. Its state is a struct terminal. */
#pragma once

#include "kind.h"

enum { GREET_MS = 1000 }; /* how long a greeting waits for WELCOME */

extern const struct kind terminal_kind;

/* Functions for other kinds of clients at a terminal, such as echo.c. `me` is a struct terminal. */
void terminal_input(void *me, const uint8_t *bytes, size_t n);
bool terminal_holds_input(const void *me);
void terminal_input_end(void *me);
void terminal_show_notice(void *me, const struct answer *a);
void terminal_away(void *me, bool is_away);
void terminal_refusal(void *me, const struct frame *f);
void terminal_skips(void *me, uint64_t lines);
enum outlet_look terminal_look(const void *me, const char **server);
bool terminal_is_plain(const void *me);
bool terminal_draw(void *me);
int64_t terminal_due(const void *me);
void terminal_tick(void *me);
void terminal_end(void *me);
