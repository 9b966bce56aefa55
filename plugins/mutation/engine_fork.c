/* SPDX-License-Identifier: Apache-2.0 */
/* Engine A. A test runs once; at the first reach of a site it makes a child for each mutant there
 * that is still open (runtime/runtime.c). What the children ended with stands in the state. */
#include "plugins/mutation/engine_impl.h"

#include <assert.h>
#include <errno.h>

static uint32_t limit_of(int64_t limit_us)
{
    return limit_us < UINT32_MAX ? (uint32_t)limit_us : UINT32_MAX;
}

/* Fills the state; how many mutants there are to try. */
static size_t arm(struct engine_attempt *attempt, size_t test)
{
    const struct engine_job *job = attempt->job;
    struct engine_state *state = &attempt->state;
    size_t count = 0;
    engine_state_reset(state, SLUICE_MUTANT_FORK);
    state->map->cpu_limit_us =
        limit_of(engine_cpu_limit_us(&job->tests->items[test], job->options));
    state->map->wall_limit_us =
        limit_of(engine_wall_limit_us(&job->tests->items[test], job->options));
    for (uint32_t i = 0; i < state->site_count; i++) {
        engine_state_hits(state)[i] = engine_hits_limit(job->cover->hits[test][i]);
    }
    for (uint32_t i = 0; i < state->mutant_count; i++) {
        if (engine_is_due(attempt, i) && engine_reaches(attempt, test, i)) {
            engine_state_status(state)[i] = SLUICE_MUTANT_TO_TRY;
            count++;
        }
    }
    return count;
}

/* Why a run counts for nothing, or NULL. */
static const char *why_useless(const struct engine_attempt *attempt,
                               const struct engine_test *test,
                               const struct copy_ended *ended)
{
    const char *hazard = engine_hazard_text(attempt->state.map->hazards);
    if (hazard != NULL) {
        return hazard;
    }
    return engine_passed(test, ended) ? NULL : "it fails when mutants are tried in its children";
}

/* What a child of a test said of one mutant. */
static int take(
    struct engine_attempt *attempt, size_t test, uint32_t mutant, unsigned said, struct err *err)
{
    enum mutant_status status = MUTANT_SURVIVED;
    struct engine_verdict *verdict = &attempt->job->verdicts->items[mutant];
    enum engine_kind engine = ENGINE_FORK;
    int rc = 0;
    switch ((enum sluice_mutant_try)said) {
    case SLUICE_MUTANT_LEFT_OUT:
        return 0;
    case SLUICE_MUTANT_PASSED:
        verdict->engine = ENGINE_FORK;
        return 0;
    case SLUICE_MUTANT_FAILED:
        status = MUTANT_KILLED;
        break;
    case SLUICE_MUTANT_TIMED_OUT: /* believed when a run alone times out, too, and with more time */
    case SLUICE_MUTANT_TO_TRY:    /* reached when it was counted, and not now */
    case SLUICE_MUTANT_NO_CHILD:  /* no process to be had at that moment */
        engine = ENGINE_EXEC;
        rc = engine_exec_try(attempt->job, &attempt->state, test, mutant, &status, err);
        break;
    }
    if (rc == 0 && status != MUTANT_SURVIVED) {
        engine_decide(attempt, mutant, status, engine, test);
    }
    return rc;
}

/* At the deadline what still needs a run of its own is left open: fifty times its test for a
 * timeout. The one of the first turn is tried all the same. */
static bool is_left(struct engine_attempt *attempt, unsigned said)
{
    if (said == SLUICE_MUTANT_TIMED_OUT && attempt->turn > 0) {
        attempt->cut = attempt->cut || engine_is_late(attempt->job->options);
        return attempt->cut;
    }
    return attempt->cut && said == SLUICE_MUTANT_TO_TRY;
}

/* The state is used again by engine_exec_try(): what it says is copied before. */
static int harvest(struct engine_attempt *attempt, size_t test, struct err *err)
{
    struct engine_state *state = &attempt->state;
    const struct engine_job *job = attempt->job;
    struct arena *arena = job->verdicts->arena;
    unsigned char *said = arena_alloc(arena, state->mutant_count);
    if (said == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for verdicts");
    }
    for (uint32_t i = 0; i < state->mutant_count; i++) {
        said[i] = engine_state_status(state)[i];
        job->verdicts->items[i].cpu_us += engine_state_spent(state)[i];
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < state->mutant_count; i++) {
        rc = is_left(attempt, said[i]) ? 0 : take(attempt, test, i, said[i], err);
    }
    return rc;
}

int engine_fork_test(struct engine_attempt *attempt, size_t test, struct err *err)
{
    const struct engine_job *job = attempt->job;
    struct engine_test *used = &job->tests->items[test];
    struct copy_ended ended = {0};
    assert(used->kind == ENGINE_FORK && used->excluded == NULL);
    if (arm(attempt, test) == 0) {
        return 0;
    }
    int rc = engine_run_test(used, job->options, ENGINE_UNLIMITED, NULL, &ended, err);
    if (rc < 0) {
        return rc;
    }
    job->cost->cpu_us += ended.cpu_us;
    attempt->cut = attempt->cut || (ended.timed_out && engine_is_late(job->options));
    const char *why = attempt->cut ? NULL : why_useless(attempt, used, &ended);
    if (why != NULL) {
        used->kind = ENGINE_EXEC;
        engine_note(job->watch, "test \"%s\" is run once for each mutant: %s", used->name, why);
        return 0;
    }
    rc = harvest(attempt, test, err);
    return rc < 0 || attempt->cut ? rc : engine_prove_killer(attempt, test, err);
}
