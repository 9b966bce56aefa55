/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <assert.h>
#include <string.h>

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

    for (size_t i = 0; i < layer->gate_count; i++) {
        results[count++] = gate_apply(&layer->gate[i], metrics, metric_count);
    }
    for (size_t i = 0; i < GATE_DEFAULT_COUNT; i++) {
        if (!names(layer, gate_defaults[i].metric)) {
            results[count++] = gate_apply(&gate_defaults[i], metrics, metric_count);
        }
    }
    assert(count <= layer->gate_count + GATE_DEFAULT_COUNT);
    *ret_count = count;
    return gate_state(results, count);
}
