/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <math.h>
#include <string.h>

const struct gate_rule gate_defaults[GATE_DEFAULT_COUNT] = {
    {.metric = "failed",    .has_max = true, .max = 0},
    {.metric = "errored",   .has_max = true, .max = 0},
    {.metric = "timed_out", .has_max = true, .max = 0},
    {.metric = "total",     .has_min = true, .min = 1},
};

const char *const standard_metrics[STANDARD_METRICS] = {
    "units",
    "passed",
    "failed",
    "errored",
    "timed_out",
    "skipped",
    "flaky",
    "not_run",
    "total",
    "cases_passed",
    "cases_failed",
    "cases_errored",
    "cases_skipped",
    "findings",
};

bool metric_is_standard(const char *name)
{
    for (size_t i = 0; i < STANDARD_METRICS; i++) {
        if (strcmp(name, standard_metrics[i]) == 0) {
            return true;
        }
    }
    return false;
}

void metrics_of_tally(const struct tally *tally,
                      size_t finding_count,
                      struct metric ret_metrics[STANDARD_METRICS])
{
    const uint64_t values[STANDARD_METRICS] = {
        tally->units,
        tally->passed,
        tally->failed,
        tally->errored,
        tally->timed_out,
        tally->skipped,
        tally->flaky,
        tally->not_run,
        tally->cases,
        tally->cases_passed,
        tally->cases_failed,
        tally->cases_errored,
        tally->cases_skipped,
        finding_count,
    };
    for (size_t i = 0; i < STANDARD_METRICS; i++) {
        ret_metrics[i] = (struct metric){.name = standard_metrics[i], .value = (double)values[i]};
    }
}

static bool within(const struct gate_rule *rule, double value)
{
    /* Written so that a value that is no number is within no bounds. */
    bool above = !rule->has_min || value >= rule->min;
    bool below = !rule->has_max || value <= rule->max;

    return value == value && above && below; // NOLINT(misc-redundant-expression): NaN
}

struct gate_result gate_apply(const struct gate_rule *rule,
                              const struct metric *metrics,
                              size_t metric_count)
{
    struct gate_result result = {.rule = *rule, .open = true};

    for (size_t i = 0; i < metric_count && result.open; i++) {
        if (strcmp(metrics[i].name, rule->metric) == 0) {
            result.known = true;
            result.value = metrics[i].value;
            result.why = metrics[i].why;
            result.open = within(rule, metrics[i].value);
        }
    }
    result.open = result.open && result.known;
    return result;
}

bool gate_is_unmeasured(const struct gate_result *gate)
{
    return gate->known && isnan(gate->value);
}

enum verdict_state gate_state(const struct gate_result *gates, size_t count)
{
    enum verdict_state state = VERDICT_OPEN;
    for (size_t i = 0; i < count; i++) {
        if (!gates[i].open && !gate_is_unmeasured(&gates[i])) {
            return VERDICT_SHUT;
        }
        state = gates[i].open ? state : VERDICT_ERROR;
    }
    return state;
}

static void append_met(struct str *out, const struct gate_result *gate)
{
    const struct gate_rule *rule = &gate->rule;
    if (!gate->known) {
        (void)str_append(out, "was not reported by the plugin");
    } else if (gate_is_unmeasured(gate)) {
        (void)str_append(out, "was not measured");
        (void)str_appendf(
            out, gate->why != NULL ? ": %s" : "%s", gate->why != NULL ? gate->why : "");
    } else if (rule->has_max && gate->value > rule->max) {
        (void)str_appendf(out, "is %.6g, at most %.6g is allowed", gate->value, rule->max);
    } else {
        (void)str_appendf(out, "is %.6g, at least %.6g is required", gate->value, rule->min);
    }
}

int gate_reason(struct str *out, const struct gate_result *gates, size_t count)
{
    size_t before = out->len;
    for (size_t i = 0; i < count; i++) {
        if (!gates[i].open) {
            (void)str_appendf(out, "%s%s ", out->len > before ? "; " : "", gates[i].rule.metric);
            append_met(out, &gates[i]);
        }
    }
    return str_error(out);
}
