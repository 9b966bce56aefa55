/* SPDX-License-Identifier: Apache-2.0 */
/* Engine B: a test starts as the mutant, and ends as it does. */
#include "plugins/mutation/engine_impl.h"

#include <assert.h>

uint32_t engine_hits_limit(uint32_t hits)
{
    uint64_t limit = (uint64_t)hits * ENGINE_HITS_FACTOR + ENGINE_HITS_MIN;
    return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

/* What does not come to an end is ended early the first time. */
static void arm(const struct engine_job *job,
                struct engine_state *state,
                size_t test,
                uint32_t mutant,
                bool again)
{
    uint32_t site = job->schema->places[mutant].site;
    engine_state_reset(state, SLUICE_MUTANT_ONE);
    state->map->one = mutant + 1;
    if (!again) {
        engine_state_hits(state)[site] = engine_hits_limit(job->cover->hits[test][site]);
    }
}

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
        arm(job, state, test, mutant, i > 0);
        int rc = engine_run_test(used, job->options, limits[i], NULL, &ended, err);
        if (rc < 0) {
            return rc;
        }
        job->cost->cpu_us += ended.cpu_us;
        job->verdicts->items[mutant].cpu_us += ended.cpu_us;
        ended.timed_out = ended.timed_out || state->map->looped != 0;
    }
    if (ended.timed_out) {
        *ret_status = MUTANT_TIMEOUT;
    } else {
        *ret_status = engine_passed(used, &ended) ? MUTANT_SURVIVED : MUTANT_KILLED;
    }
    return 0;
}

/* As above; a kill of a test that is doubted has to repeat. */
static int try_with_doubt(struct engine_attempt *attempt,
                          size_t test,
                          uint32_t mutant,
                          enum mutant_status *ret_status,
                          struct err *err)
{
    const struct engine_job *job = attempt->job;
    int rc = engine_exec_try(job, &attempt->state, test, mutant, ret_status, err);
    if (rc == 0 && *ret_status == MUTANT_KILLED && job->tests->items[test].doubted) {
        rc = engine_exec_try(job, &attempt->state, test, mutant, ret_status, err);
        attempt->audited[mutant] = true;
        if (*ret_status == MUTANT_SURVIVED) {
            job->verdicts->items[mutant].reason = engine_unrepeated;
        }
    }
    return rc;
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
        int rc = try_with_doubt(attempt, test, mutant, &status, err);
        if (rc == 0 && status != MUTANT_SURVIVED) {
            engine_decide(attempt, mutant, status, ENGINE_EXEC, test);
            rc = engine_prove_killer(attempt, test, err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}
