/* SPDX-License-Identifier: Apache-2.0 */
/* The mutants of one file: who reaches them, engine A, engine B, the audit, and again for what the
 * audit opened. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "plugins/mutation/engine_impl.h"

#include <assert.h>
#include <errno.h>

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory for verdicts");
}

bool engine_is_late(const struct engine_options *options)
{
    return options->deadline_ms != 0 && clock_mono_ns() / 1000000 >= options->deadline_ms;
}

bool engine_reaches(const struct engine_attempt *attempt, size_t test, uint32_t mutant)
{
    const struct engine_job *job = attempt->job;
    uint32_t site = job->schema->places[mutant].site;
    return job->tests->items[test].excluded == NULL && job->cover->hits[test] != NULL
           && job->cover->hits[test][site] > 0;
}

bool engine_is_due(const struct engine_attempt *attempt, uint32_t mutant)
{
    const uint32_t *turns = attempt->job->turns;
    return attempt->open[mutant] && (turns == NULL || turns[mutant] == attempt->turn);
}

/* Says that a mutant is decided. */
static void tell_verdict(const struct engine_job *job, uint32_t mutant)
{
    if (job->watch != NULL && job->watch->verdict != NULL) {
        job->watch->verdict(
            job->watch->context, &job->list->items[mutant], &job->verdicts->items[mutant]);
    }
}

void engine_decide(struct engine_attempt *attempt,
                   uint32_t mutant,
                   enum mutant_status status,
                   enum engine_kind engine,
                   size_t killer)
{
    struct engine_verdict *verdict = &attempt->job->verdicts->items[mutant];
    verdict->status = status;
    verdict->engine = engine;
    verdict->killer = (uint16_t)killer;
    verdict->reason = NULL;
    attempt->open[mutant] = false;
    attempt->killed[killer] = attempt->killed[killer] || status == MUTANT_KILLED;
    verdict->reused = false;
    tell_verdict(attempt->job, mutant);
}

/* ---- before ---- */

const char engine_uncompiled[] =
    "not compiled: an #if leaves it out of every program that the tests run";

/* The tests that reach a mutant, in its verdict. */
static int note_reached(struct engine_attempt *attempt, uint32_t mutant)
{
    const struct engine_job *job = attempt->job;
    struct engine_verdict *verdict = &job->verdicts->items[mutant];
    uint16_t count = 0;
    for (size_t i = 0; i < job->tests->count; i++) {
        count = (uint16_t)(count + (engine_reaches(attempt, i, mutant) ? 1 : 0));
    }
    uint16_t *reached = arena_calloc(job->verdicts->arena, count, sizeof(*reached));
    if (reached == NULL) {
        return -ENOMEM;
    }
    uint16_t at = 0;
    for (size_t i = 0; i < job->tests->count; i++) {
        if (engine_reaches(attempt, i, mutant)) {
            reached[at++] = (uint16_t)i;
        }
    }
    verdict->reached = reached;
    verdict->reached_count = count;
    return 0;
}

static int open_mutant(struct engine_attempt *attempt, uint32_t mutant)
{
    const struct engine_job *job = attempt->job;
    const struct schema_place *place = &job->schema->places[mutant];
    struct engine_verdict *verdict = &job->verdicts->items[mutant];
    if (verdict->status != MUTANT_PENDING) {
        return 0;
    }
    if (place->refused != NULL) {
        bool ignored = job->list->items[mutant].ignored != NULL;
        if (place->compile_error || ignored) {
            verdict->status = ignored ? MUTANT_IGNORED : MUTANT_COMPILE_ERROR;
            verdict->reason = arena_strdup(job->verdicts->arena, place->refused);
            return verdict->reason == NULL ? -ENOMEM : 0;
        }
        return 0;
    }
    if (note_reached(attempt, mutant) < 0) {
        return -ENOMEM;
    }
    if (verdict->reached_count == 0 && !job->cover->there[place->site]) {
        verdict->status = MUTANT_IGNORED;
        verdict->reason = engine_uncompiled;
    } else if (verdict->reached_count == 0) {
        verdict->status = MUTANT_NO_COVERAGE;
    }
    attempt->open[mutant] = verdict->reached_count > 0;
    return 0;
}

static int prepare(struct engine_attempt *attempt, struct err *err)
{
    uint32_t count = attempt->job->schema->mutant_count;
    attempt->open = mem_calloc(count, sizeof(bool));
    attempt->audited = mem_calloc(count, sizeof(bool));
    attempt->killed = mem_calloc(attempt->job->tests->count + 1, sizeof(bool));
    attempt->proven = mem_calloc(attempt->job->tests->count + 1, sizeof(bool));
    if (attempt->open == NULL || attempt->audited == NULL || attempt->killed == NULL
        || attempt->proven == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        /* What an earlier run said was audited there. */
        attempt->audited[i] = attempt->job->verdicts->items[i].status != MUTANT_PENDING
                              && !attempt->job->verdicts->items[i].unsure;
        if (open_mutant(attempt, i) < 0) {
            return no_memory(err);
        }
    }
    return engine_state_new(&attempt->job->schema, 1, &attempt->state, err);
}

/* ---- without a mutant ---- */

static int prove_test(const struct engine_job *job, const struct engine_test *test, struct err *err)
{
    struct copy_ended ended = {0};
    int rc = engine_run_test(test, job->options, ENGINE_RETRY_FACTOR, NULL, &ended, err);
    if (rc < 0 || engine_passed(test, &ended)) {
        return rc;
    }
    return err_set(err,
                   -ENOTRECOVERABLE,
                   "test \"%s\" fails without any mutant after mutants were tried: it passed "
                   "before. Something it leaves outside of the tree (in /tmp or HOME, a server?) "
                   "breaks it, or it is flaky: a mutant that it fails for would be called killed. "
                   "Let it begin with a clean state, or leave it out of `tests`",
                   test->name);
}

int engine_prove_killer(struct engine_attempt *attempt, size_t test, struct err *err)
{
    if (!attempt->killed[test] || attempt->proven[test]) {
        return 0;
    }
    attempt->proven[test] = true;
    engine_state_reset(&attempt->state, SLUICE_MUTANT_OFF);
    return prove_test(attempt->job, &attempt->job->tests->items[test], err);
}

/* ---- one round ---- */

static int try_by_fork(struct engine_attempt *attempt, struct err *err)
{
    const struct engine_job *job = attempt->job;
    for (size_t i = 0; i < job->tests->count && !attempt->cut; i++) {
        const struct engine_test *test = &job->tests->items[i];
        attempt->cut = engine_is_late(job->options);
        if (attempt->cut || test->excluded != NULL || test->kind != ENGINE_FORK) {
            continue;
        }
        int rc = engine_fork_test(attempt, i, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* Has a test of engine A a part in the verdict of a survivor? */
static enum engine_kind engine_of(const struct engine_job *job,
                                  const struct engine_verdict *verdict)
{
    for (uint16_t i = 0; i < verdict->reached_count; i++) {
        if (job->tests->items[verdict->reached[i]].kind == ENGINE_FORK) {
            return ENGINE_FORK;
        }
    }
    return ENGINE_EXEC;
}

/* What is open has passed all tests of engine A; what passes those of B as well has survived. */
static int try_open(struct engine_attempt *attempt, uint32_t mutant, struct err *err)
{
    int rc = engine_exec_mutant(attempt, mutant, err);
    if (rc == 0 && attempt->open[mutant]) {
        struct engine_verdict *verdict = &attempt->job->verdicts->items[mutant];
        verdict->status = MUTANT_SURVIVED;
        verdict->engine = engine_of(attempt->job, verdict);
        attempt->open[mutant] = false;
        verdict->reused = false;
        tell_verdict(attempt->job, mutant);
    }
    return rc;
}

/* What tests of engine A reach is open until these have run. */
static bool is_decided_by_exec(const struct engine_attempt *attempt, uint32_t mutant)
{
    const struct engine_job *job = attempt->job;
    return engine_of(job, &job->verdicts->items[mutant]) == ENGINE_EXEC;
}

static int try_by_exec(struct engine_attempt *attempt, struct err *err)
{
    bool tried = false;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < attempt->state.mutant_count; i++) {
        /* One at least, so that small budgets come to an end, too. */
        bool late = attempt->cut || engine_is_late(attempt->job->options);
        bool is_first = !tried && attempt->turn == 0;
        attempt->cut = late;
        if (engine_is_due(attempt, i) && (!late || (is_first && is_decided_by_exec(attempt, i)))) {
            rc = try_open(attempt, i, err);
            tried = true;
        }
    }
    return rc;
}

static int try_turns(struct engine_attempt *attempt, struct err *err)
{
    uint32_t count = attempt->job->turns != NULL ? attempt->job->turn_count : 1;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count && !attempt->cut; i++) {
        attempt->turn = i;
        rc = try_by_fork(attempt, err);
        rc = rc < 0 ? rc : try_by_exec(attempt, err);
    }
    return rc;
}

/* Each round but the last takes a test from engine A. */
static int try_all(struct engine_attempt *attempt, struct err *err)
{
    size_t demoted = 0;
    do {
        demoted = 0;
        int rc = try_turns(attempt, err);
        rc = rc < 0 || attempt->cut ? rc : engine_audit(attempt, &demoted, err);
        if (rc < 0) {
            return rc;
        }
    } while (demoted > 0 && !attempt->cut);
    return 0;
}

/* ---- after ---- */

/* Tests that killed have to pass once more: what the first runs left could be what "killed". */
static int prove_killers(const struct engine_job *job, struct err *err)
{
    int rc = 0;
    CLEANUP(cleanup_free) bool *killed = mem_calloc(job->tests->count + 1, sizeof(*killed));
    if (killed == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to run the tests once more");
    }
    for (size_t i = 0; i < job->list->count; i++) {
        const struct engine_verdict *verdict = &job->verdicts->items[i];
        if (verdict->status == MUTANT_KILLED && (!verdict->reused || verdict->unsure)) {
            killed[verdict->killer] = true;
        }
    }
    for (size_t i = 0; rc == 0 && i < job->tests->count; i++) {
        rc = killed[i] ? prove_test(job, &job->tests->items[i], err) : 0;
    }
    return rc;
}

static void tell(const struct engine_job *job)
{
    for (size_t i = 0; i < job->list->count; i++) {
        const struct engine_verdict *verdict = &job->verdicts->items[i];
        job->cost->executed +=
            !verdict->reused
            && (verdict->status == MUTANT_KILLED || verdict->status == MUTANT_SURVIVED
                || verdict->status == MUTANT_TIMEOUT);
    }
    job->cost->bare_us = engine_bare_us(job->tests);
}

int engine_schema_run(const struct engine_job *job, struct err *err)
{
    struct engine_attempt attempt = {.job = job, .state = {.fd = -1}};
    assert(job->verdicts->count == job->list->count);
    assert(job->cover->site_count == job->schema->site_count);
    int rc = prepare(&attempt, err);
    if (rc == 0) {
        rc = engine_state_show(&attempt.state, err);
    }
    if (rc == 0) {
        rc = try_all(&attempt, err);
        engine_state_hide();
    }
    engine_state_fini(&attempt.state);
    mem_free(attempt.open);
    mem_free(attempt.audited);
    mem_free(attempt.killed);
    mem_free(attempt.proven);
    rc = rc < 0 ? rc : prove_killers(job, err);
    if (rc == 0) {
        tell(job);
    }
    return rc;
}
