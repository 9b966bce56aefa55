/* SPDX-License-Identifier: Apache-2.0 */
/* Judgement of a layer: metrics and findings (from its plugin), gate results, verdict. */
#ifndef SLUICE_MODEL_VERDICT_H
#define SLUICE_MODEL_VERDICT_H

#include "model/pipeline.h"

struct metric {
    const char *name;
    double value;
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
    bool known; /* false: no such metric was reported, which shuts the gate */
    double value;
    bool open;
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

/* Gate rules of a layer that declares none for these metrics: failed, errored and timed_out at most
 * 0, total at least 1. */
#define GATE_DEFAULT_COUNT 4
extern const struct gate_rule gate_defaults[GATE_DEFAULT_COUNT];

#endif
