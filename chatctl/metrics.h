/* What monitoring reads of the chat: samples as text, of chatd and of systemd.
 *
 * As it is, the text is of two formats at once, as far as their parsers in Prometheus go: of the older text format
 * (version 0.0.4), which node_exporter's textfile collector and `promtool check metrics` read, and of OpenMetrics 1.0,
 * https://prometheus.io/docs/specs/om/open_metrics_spec/. They differ in one thing: to the older one the whole name of a
 * counter, "chat_lines_total", has a type and a help; in OpenMetrics that is the name without "_total". A strict reader
 * of OpenMetrics wants the latter.
 */
#pragma once

#include <stdbool.h>

#include "asking.h"

struct metrics_options {
        const char *path; /* of the file to write; NULL: standard output */
        bool strict;      /* OpenMetrics to the letter */
        bool systemd;     /* the chat is that of this host's units */
};

/* Writes what is known. `status` is chatd's answer; NULL where chatd does not run, or does not answer. A file is replaced
 * as a whole, and everybody may read it. Returns 0 or a negative errno. */
int metrics_write(const struct metrics_options *o, const struct answer_record *status);
