/* SPDX-License-Identifier: Apache-2.0 */
/* Judgement of a layer: metrics and findings (from its plugin), gate results, verdict. */
#ifndef SLUICE_MODEL_VERDICT_H
#define SLUICE_MODEL_VERDICT_H

#include "base/str.h"
#include "model/pipeline.h"

#include <stdbool.h>
#include <stddef.h>

struct tally; /* model/event.h */

struct metric {
    const char *name;
    double value;    /* NaN: not measured */
    const char *why; /* it was not; NULL = not said */
};

struct finding {
    const char *file; /* relative to the root; NULL = the whole tree */
    uint32_t line;
    uint32_t column;
    const char *rule;
    const char *severity; /* "error", "warning", "note" */
    const char *message;
    const char *fix; /* what to do; NULL */
};

struct judgement {
    const struct metric *metrics;
    size_t metric_count;
    const struct finding *findings;
    size_t finding_count;
    struct text_list artifacts;
};

/* One rule of a gate with what it met. */
struct gate_result {
    struct gate_rule rule;
    bool known;   /* false: no such metric was reported, which shuts the gate */
    double value; /* NaN: not measured */
    bool open;
    const char *why; /* it was not measured; not in event logs */
};

enum verdict_state {
    VERDICT_OPEN,
    VERDICT_SHUT,
    VERDICT_SKIPPED, /* not run: `when`, filter, or a layer it needs is shut (see reason) */
    VERDICT_ERROR,   /* could not be judged: plugin failed, no units, infrastructure */
};

const char *verdict_state_name(enum verdict_state state); /* "open shut skipped error" */
int verdict_state_parse(const char *word);

struct verdict {
    enum verdict_state state;
    const struct gate_result *gates;
    size_t gate_count;
    const char *reason; /* sentence; NULL when open */
    bool unasked;       /* skipped because nobody asked for the layer: no news */
};

/* Metrics every layer has, whatever its plugin: counts of units, then of cases, and of findings.
 * `total` counts cases, a unit without report being one. */
#define STANDARD_METRICS 14
extern const char *const standard_metrics[STANDARD_METRICS];

/* Is it one of them? They add up: what a whole is can be told from its parts. */
bool metric_is_standard(const char *name);

/* Fills all of them, in that order, from what a layer added up to. */
void metrics_of_tally(const struct tally *tally,
                      size_t finding_count,
                      struct metric ret_metrics[STANDARD_METRICS]);

/* What a rule meets. A metric that is reported more than once has to satisfy it each time; one that
 * is not reported, or is no number, does not. */
struct gate_result gate_apply(const struct gate_rule *rule,
                              const struct metric *metrics,
                              size_t metric_count);

/* Was the metric reported as one that could not be measured? */
bool gate_is_unmeasured(const struct gate_result *gate);

/* Open when all rules are; shut when one is that was measured; else in error, as what was not
 * measured says neither yes nor no. */
enum verdict_state gate_state(const struct gate_result *gates, size_t count);

/* Appends why a gate is shut: what each rule that is not open met. Returns out->error. */
int gate_reason(struct str *out, const struct gate_result *gates, size_t count);

/* Gate rules of a layer that declares none for these metrics: failed, errored and timed_out at most
 * 0, total at least 1. */
#define GATE_DEFAULT_COUNT 4
extern const struct gate_rule gate_defaults[GATE_DEFAULT_COUNT];

#endif
