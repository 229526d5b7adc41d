/* The numbers of the chat for monitoring: samples as text, from chatd and from systemd.
 *
 * By default the text is in two formats at once, as far as their parsers in Prometheus are concerned: in the older text
 * format (version 0.0.4), which node_exporter's textfile collector and `promtool check metrics` read, and in
 * OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/. They differ in one thing: in the older
 * format the type and the help of a counter belong to its whole name, "chat_lines_total"; in OpenMetrics they belong to
 * the name without "_total". A strict reader of OpenMetrics wants the latter.
 */
#pragma once

#include <stdbool.h>

#include "asking.h"

struct metrics_options {
        const char *path; /* the file to write; NULL: standard output */
        bool strict;      /* OpenMetrics to the letter */
        bool systemd;     /* the chat is run by this host's units */
};

/* Writes all metrics. `status` is chatd's answer, or NULL if chatd does not run or does not answer. A file is replaced
 * as a whole, and everybody may read it. Returns 0 or a negative errno. */
int metrics_write(const struct metrics_options *o, const struct answer_record *status);
