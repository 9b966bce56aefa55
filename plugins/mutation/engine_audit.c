/* SPDX-License-Identifier: Apache-2.0 */
/* What engine A says is believed because B says the same of a sample of kills, chosen by a seed,
 * and of all survivors. A test about which they differ keeps something between its children (a
 * file, a port), or fails by chance: it goes to B with all of its mutants, where each kill has to
 * repeat. Kills of B are drawn, too: a test that fails by chance would kill whoever comes along. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "plugins/mutation/engine_impl.h"

#include <errno.h>
#include <stdlib.h>

static int by_ticket(const void *a, const void *b)
{
    const struct engine_drawn *left = a;
    const struct engine_drawn *right = b;
    if (left->ticket != right->ticket) {
        return left->ticket < right->ticket ? -1 : 1;
    }
    return left->index < right->index ? -1 : left->index > right->index;
}

void engine_draw(struct engine_drawn *all, size_t count)
{
    qsort(all, count, sizeof *all, by_ticket);
}

uint64_t engine_ticket(uint64_t seed, const char *id)
{
    uint64_t mixed = seed ^ hash_stable64(id);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* Is it worth a second look? Kills that have repeated and survivors of B are not. */
static bool is_open_to_doubt(const struct engine_attempt *attempt, uint32_t mutant)
{
    const struct engine_job *job = attempt->job;
    const struct engine_verdict *verdict = &job->verdicts->items[mutant];
    if (attempt->audited[mutant]) {
        return false;
    }
    if (verdict->status == MUTANT_KILLED) {
        return verdict->engine != ENGINE_COPY;
    }
    return verdict->engine == ENGINE_FORK && verdict->status == MUTANT_SURVIVED;
}

/* All that could be looked at again, in the order of their tickets. */
static size_t draw(const struct engine_attempt *attempt, struct engine_drawn *all)
{
    const struct engine_job *job = attempt->job;
    size_t count = 0;
    for (uint32_t i = 0; i < attempt->state.mutant_count; i++) {
        if (is_open_to_doubt(attempt, i)) {
            all[count++] = (struct engine_drawn){
                .ticket = engine_ticket(job->options->seed, job->list->items[i].id), .index = i};
        }
    }
    engine_draw(all, count);
    return count;
}

size_t engine_sample(const struct engine_options *options, size_t count)
{
    size_t share = (count * options->audit_percent + 99) / 100;
    size_t wanted = share > options->audit_min ? share : options->audit_min;
    return wanted < count ? wanted : count;
}

const char engine_unrepeated[] = "a test failed with it, and passed when it was run again";

void engine_doubt(struct engine_test *test,
                  const struct mutant *mutant,
                  const struct engine_watch *watch)
{
    test->doubted = true;
    engine_note(watch,
                "audit: test \"%s\" failed with mutant %s (%s:%u, %s), and passed when it was run "
                "again: it fails by chance. Its mutants are tried once more, and a kill of it "
                "counts when it repeats. Mend the test, or leave it out of `tests`",
                test->name,
                mutant->id,
                mutant->file,
                (unsigned)mutant->span.line,
                mutant->operator);
}

/* A and B differ about a test. */
static void disagree(const struct engine_attempt *attempt,
                     size_t test,
                     uint32_t mutant,
                     const char *said)
{
    const struct engine_job *job = attempt->job;
    const struct mutant *tried = &job->list->items[mutant];
    struct engine_test *used = &job->tests->items[test];
    used->kind = ENGINE_EXEC;
    used->doubted = true;
    engine_note(job->watch,
                "audit: test \"%s\" is run once for each mutant from now on, and its mutants are "
                "tried again: mutant %s (%s:%u, %s) %s",
                used->name,
                tried->id,
                tried->file,
                (unsigned)tried->span.line,
                tried->operator,
                said);
}

/* A kill of B once more. */
static int check_repeated(struct engine_attempt *attempt, uint32_t mutant, struct err *err)
{
    const struct engine_job *job = attempt->job;
    size_t killer = job->verdicts->items[mutant].killer;
    enum mutant_status status = MUTANT_PENDING;
    int rc = 0;
    if (!job->tests->items[killer].doubted) {
        rc = engine_exec_try(job, &attempt->state, killer, mutant, &status, err);
    }
    if (rc == 0 && status == MUTANT_SURVIVED) {
        engine_doubt(&job->tests->items[killer], &job->list->items[mutant], job->watch);
    }
    attempt->audited[mutant] = rc == 0 && status != MUTANT_SURVIVED && status != MUTANT_PENDING;
    return rc;
}

static int check_decided(struct engine_attempt *attempt, uint32_t mutant, struct err *err)
{
    const struct engine_job *job = attempt->job;
    struct engine_verdict *verdict = &job->verdicts->items[mutant];
    enum mutant_status status = MUTANT_PENDING;
    if (verdict->engine == ENGINE_EXEC) {
        return check_repeated(attempt, mutant, err);
    }
    if (job->tests->items[verdict->killer].kind != ENGINE_FORK) {
        return 0; /* it is open again already */
    }
    attempt->audited[mutant] = true;
    int rc = engine_exec_try(job, &attempt->state, verdict->killer, mutant, &status, err);
    if (rc == 0 && status == MUTANT_SURVIVED) {
        disagree(attempt, verdict->killer, mutant, "failed in a child, and passes alone");
    } else if (rc == 0 && status != verdict->status) {
        /* Killed in a child, too slow alone: a run alone is what a person would see. */
        verdict->status = status;
        verdict->engine = ENGINE_EXEC;
    }
    return rc;
}

static int check_survivor(struct engine_attempt *attempt, uint32_t mutant, struct err *err)
{
    const struct engine_job *job = attempt->job;
    const struct engine_verdict *verdict = &job->verdicts->items[mutant];
    int rc = 0;
    attempt->audited[mutant] = true;
    for (uint16_t i = 0; rc == 0 && i < verdict->reached_count; i++) {
        size_t test = verdict->reached[i];
        enum mutant_status status = MUTANT_SURVIVED;
        if (job->tests->items[test].kind != ENGINE_FORK) {
            continue;
        }
        rc = engine_exec_try(job, &attempt->state, test, mutant, &status, err);
        if (rc == 0 && status != MUTANT_SURVIVED) {
            disagree(attempt, test, mutant, "passed in a child, and fails alone");
        }
    }
    return rc;
}

/* Did a test have a part in a verdict that is no longer believed? */
static bool is_doubtful(const struct engine_attempt *attempt, uint32_t mutant)
{
    const struct engine_job *job = attempt->job;
    const struct engine_verdict *verdict = &job->verdicts->items[mutant];
    const struct engine_test *tests = job->tests->items;
    bool doubtful = false;
    if (verdict->status == MUTANT_KILLED && verdict->engine == ENGINE_EXEC) {
        return tests[verdict->killer].doubted && !attempt->audited[mutant];
    }
    if (verdict->engine != ENGINE_FORK) {
        return false;
    }
    if (verdict->status == MUTANT_KILLED) {
        return tests[verdict->killer].kind != ENGINE_FORK;
    }
    for (uint16_t i = 0; verdict->status == MUTANT_SURVIVED && i < verdict->reached_count; i++) {
        doubtful = doubtful || tests[verdict->reached[i]].kind != ENGINE_FORK;
    }
    return doubtful;
}

/* Opens them again. */
static void reopen(struct engine_attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->state.mutant_count; i++) {
        if (is_doubtful(attempt, i)) {
            attempt->job->verdicts->items[i].status = MUTANT_PENDING;
            attempt->open[i] = true;
            attempt->audited[i] = false;
        }
    }
}

/* Falls with each test that is demoted or doubted. */
static size_t count_trusted(const struct engine_tests *tests)
{
    size_t count = 0;
    for (size_t i = 0; i < tests->count; i++) {
        count += tests->items[i].kind == ENGINE_FORK;
        count += !tests->items[i].doubted;
    }
    return count;
}

/* Survivors are looked at whatever was drawn, or only where they were drawn. */
static size_t count_drawn(const struct engine_attempt *attempt,
                          const struct engine_drawn *all,
                          size_t count)
{
    size_t drawn = 0;
    for (size_t i = 0; i < count; i++) {
        bool survived = attempt->job->verdicts->items[all[i].index].status == MUTANT_SURVIVED;
        if (!survived || !attempt->job->options->audit_survivors) {
            drawn++;
        }
    }
    return drawn;
}

int engine_audit(struct engine_attempt *attempt, size_t *ret_demoted, struct err *err)
{
    const struct engine_job *job = attempt->job;
    size_t trusted = count_trusted(job->tests);
    CLEANUP(cleanup_free)
    struct engine_drawn *all = mem_calloc(attempt->state.mutant_count, sizeof(struct engine_drawn));
    if (all == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the audit");
    }
    size_t count = draw(attempt, all);
    size_t left = engine_sample(job->options, count_drawn(attempt, all, count));
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count && !engine_is_late(job->options); i++) {
        uint32_t mutant = (uint32_t)all[i].index;
        bool survived = job->verdicts->items[mutant].status == MUTANT_SURVIVED;
        bool always = survived && job->options->audit_survivors;
        if (!always && left == 0) {
            continue;
        }
        left -= always ? 0 : 1;
        rc = survived ? check_survivor(attempt, mutant, err) : check_decided(attempt, mutant, err);
    }
    if (rc == 0) {
        *ret_demoted = trusted - count_trusted(job->tests);
        if (*ret_demoted > 0) {
            reopen(attempt);
        }
    }
    return rc;
}
