/* SPDX-License-Identifier: Apache-2.0 */
/* The filter language of --filter:
 *
 *     expr    := and ("or" and)*
 *     and     := not ("and" not)*
 *     not     := "not" not | "(" expr ")" | test
 *     test    := ("layer" | "stage" | "name" | "status" | "label") "(" matcher ")"
 *              | word                       short for name(*word*)
 *     matcher := GLOB                       over the whole value
 *              | "=" EXACT | "~" SUBSTRING | "/" PCRE2 "/"
 *
 * In a GLOB '*' is any run of characters ('/' included), '?' one character, [a-z] and [!a-z] one of
 * a set, '\' quotes; a value equal to the text itself matches too, so layer(unit[asan]) finds that
 * matrix variant. Blanks around a matcher are dropped. In a matcher parentheses come in pairs or
 * are quoted with '\'; between the slashes of /PCRE2/ they are free, and '/' is written "\/".
 * Comparison is by bytes, case counts; (?i) in a pattern switches that off.
 *
 * layer(...) matches the id ("unit[asan]") or the base id ("unit"). label(...) matches when any
 * label does. status(...) is the unit's newest final outcome in history: passed failed errored
 * timed_out skipped new flaky; a matcher that fits none of these words is refused.
 *
 * A parsed filter is pure: the same question has the same answer. It is not for several threads.
 * Complaints carry the column, counted in characters. */
#ifndef SLUICE_PLAN_FILTER_H
#define SLUICE_PLAN_FILTER_H

#include "base/err.h"
#include "model/unit.h"

#include <stdbool.h>

/* Longest expression and deepest nesting; people write one line, scripts a few hundred names. */
#define FILTER_TEXT_MAX  65536
#define FILTER_DEPTH_MAX 64
/* Steps PCRE2 may take on one name (no catastrophic backtracking). Beyond, and on any other match
 * error, nobody knows whether the name matches: see filter_error(). 100,000 steps take about a
 * millisecond. */
#define FILTER_MATCH_LIMIT 100000

struct filter;

struct filter_subject {
    const char *layer; /* id and base id both match layer() */
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
/* True when some layer(...) test of the filter matches this layer: the user spoke of it. Beside
 * filter_may_match_layer() this is what switches a `when: manual` layer on. */
bool filter_names_layer(const struct filter *filter, const char *layer, const char *layer_base);
/* 0 while every answer so far is one. -EINVAL once a pattern could not be followed to its end (too
 * many steps), -ENOMEM when memory ran out: then answers since are worth nothing, and *err says for
 * which pattern and text. Ask after a question whose answer decides what is proven. */
int filter_error(const struct filter *filter, struct err *err);

#endif
