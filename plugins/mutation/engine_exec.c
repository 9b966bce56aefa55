/* SPDX-License-Identifier: Apache-2.0 */
/* Engine B: a test starts as the mutant, and ends as it does. */
#include "plugins/mutation/engine_impl.h"

#include <assert.h>

int engine_exec_try(const struct engine_job *job,
                    struct engine_state *state,
                    size_t test,
                    uint32_t mutant,
                    enum mutant_status *ret_status,
                    struct err *err)
{
    const struct engine_test *used = &job->tests->items[test];
    struct copy_ended ended = {.timed_out = true};
    static const unsigned limits[] = {1, ENGINE_RETRY_FACTOR};
    assert(used->excluded == NULL && mutant < state->mutant_count);
    for (size_t i = 0; ended.timed_out && i < sizeof(limits) / sizeof(limits[0]); i++) {
        engine_state_reset(state, SLUICE_MUTANT_ONE);
        state->map->one = mutant + 1;
        int rc = engine_run_test(used, job->options, limits[i], NULL, &ended, err);
        if (rc < 0) {
            return rc;
        }
        job->cost->cpu_us += ended.cpu_us;
        job->verdicts->items[mutant].cpu_us += ended.cpu_us;
    }
    if (ended.timed_out) {
        *ret_status = MUTANT_TIMEOUT;
    } else {
        *ret_status = engine_passed(used, &ended) ? MUTANT_SURVIVED : MUTANT_KILLED;
    }
    return 0;
}

int engine_exec_mutant(struct engine_attempt *attempt, uint32_t mutant, struct err *err)
{
    const struct engine_job *job = attempt->job;
    const struct engine_verdict *verdict = &job->verdicts->items[mutant];
    for (uint16_t i = 0; attempt->open[mutant] && i < verdict->reached_count; i++) {
        size_t test = verdict->reached[i];
        enum mutant_status status = MUTANT_SURVIVED;
        if (job->tests->items[test].kind != ENGINE_EXEC) {
            continue;
        }
        int rc = engine_exec_try(job, &attempt->state, test, mutant, &status, err);
        if (rc < 0) {
            return rc;
        }
        if (status != MUTANT_SURVIVED) {
            engine_decide(attempt, mutant, status, ENGINE_EXEC, test);
        }
    }
    return 0;
}
