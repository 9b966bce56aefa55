/* SPDX-License-Identifier: Apache-2.0 */
/* The filter language of --filter:
 *     expr   := or ; or := and ("or" and)* ; and := not ("and" not)* ; not := "not" not | "(" or
 * ")" | test test   := ("layer" | "stage" | "name" | "status" | "label") "(" matcher ")" | word
 * (short for name(*word*)) matcher:= GLOB over the whole value | "=" EXACT | "~" SUBSTRING | "/"
 * PCRE2 "/" status(...) is the unit's newest final outcome in history: passed failed errored
 * timed_out skipped new flaky. A parsed filter is immutable and pure. Complaints carry the column.
 */
#ifndef SLUICE_PLAN_FILTER_H
#define SLUICE_PLAN_FILTER_H

#include "base/err.h"
#include "model/unit.h"

#include <stdbool.h>

/* Longest expression and deepest nesting; people write one line, scripts a few hundred names. */
#define FILTER_TEXT_MAX  65536
#define FILTER_DEPTH_MAX 64
/* Steps PCRE2 may take on one name before the match counts as an error (no catastrophic
 * backtracking). */
#define FILTER_MATCH_LIMIT 100000

struct filter;

struct filter_subject {
    const char *layer; /* id, base id and name all match layer() */
    const char *layer_base;
    const char *stage;
    const char *unit;
    struct text_list labels;
    const char *status; /* word as above; "new" when history knows nothing */
    bool flaky;
};

int filter_parse(const char *text, struct filter **ret_filter, struct err *err);
void filter_free(struct filter *filter);
bool filter_match(const struct filter *filter, const struct filter_subject *subject);
/* False only when no unit of this layer can match, whatever its name, labels and status. */
bool filter_may_match_layer(const struct filter *filter,
                            const char *layer,
                            const char *layer_base,
                            const char *stage);

#endif
