/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <assert.h>
#include <string.h>

static bool within(const struct gate_rule *rule, double value)
{
    /* Written so that a value that is no number is within no bounds. */
    bool above = !rule->has_min || value >= rule->min;
    bool below = !rule->has_max || value <= rule->max;

    return value == value && above && below; // NOLINT(misc-redundant-expression): NaN
}

/* A metric that is reported more than once has to satisfy the rule each time. */
static struct gate_result apply(const struct gate_rule *rule,
                                const struct metric *metrics,
                                size_t metric_count)
{
    struct gate_result result = {.rule = *rule, .open = true};

    for (size_t i = 0; i < metric_count && result.open; i++) {
        if (strcmp(metrics[i].name, rule->metric) == 0) {
            result.known = true;
            result.value = metrics[i].value;
            result.open = within(rule, metrics[i].value);
        }
    }
    result.open = result.open && result.known;
    return result;
}

static bool names(const struct layer *layer, const char *metric)
{
    for (size_t i = 0; i < layer->gate_count; i++) {
        if (strcmp(layer->gate[i].metric, metric) == 0) {
            return true;
        }
    }
    return false;
}

enum verdict_state plan_gate(const struct layer *layer,
                             const struct metric *metrics,
                             size_t metric_count,
                             struct gate_result *results,
                             size_t *ret_count)
{
    size_t count = 0;
    bool open = true;

    for (size_t i = 0; i < layer->gate_count; i++) {
        results[count++] = apply(&layer->gate[i], metrics, metric_count);
    }
    for (size_t i = 0; i < GATE_DEFAULT_COUNT; i++) {
        if (!names(layer, gate_defaults[i].metric)) {
            results[count++] = apply(&gate_defaults[i], metrics, metric_count);
        }
    }
    assert(count <= layer->gate_count + GATE_DEFAULT_COUNT);
    for (size_t i = 0; i < count; i++) {
        open = open && results[i].open;
    }
    *ret_count = count;
    return open ? VERDICT_OPEN : VERDICT_SHUT;
}
