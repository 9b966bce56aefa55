/* SPDX-License-Identifier: Apache-2.0 */
/* What engine A says is believed because B says the same of a sample, chosen by a seed, and of all
 * survivors. A test about which they differ keeps something between its children (a file, a port):
 * it goes to B with all of its mutants. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "plugins/mutation/engine_impl.h"

#include <errno.h>
#include <stdlib.h>

/* One mutant that could be looked at again. */
struct drawn {
    uint64_t ticket;
    uint32_t mutant;
};

static int by_ticket(const void *a, const void *b)
{
    const struct drawn *left = a;
    const struct drawn *right = b;
    if (left->ticket != right->ticket) {
        return left->ticket < right->ticket ? -1 : 1;
    }
    return left->mutant < right->mutant ? -1 : left->mutant > right->mutant;
}

/* The same for a seed and a mutant, whatever else is tried. */
static uint64_t ticket_of(uint64_t seed, const char *id)
{
    uint64_t mixed = seed ^ hash_stable64(id);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static size_t draw(const struct engine_attempt *attempt, struct drawn *all)
{
    const struct engine_job *job = attempt->job;
    size_t count = 0;
    for (uint32_t i = 0; i < attempt->state.mutant_count; i++) {
        const struct engine_verdict *verdict = &job->verdicts->items[i];
        bool ran = verdict->status == MUTANT_KILLED || verdict->status == MUTANT_SURVIVED
                   || verdict->status == MUTANT_TIMEOUT;
        if (ran && verdict->engine == ENGINE_FORK && !attempt->audited[i]) {
            all[count++] = (struct drawn){
                .ticket = ticket_of(job->options->seed, job->list->items[i].id), .mutant = i};
        }
    }
    qsort(all, count, sizeof(*all), by_ticket);
    return count;
}

static size_t sample_size(const struct engine_options *options, size_t count)
{
    size_t share = (count * options->audit_percent + 99) / 100;
    size_t wanted = share > options->audit_min ? share : options->audit_min;
    return wanted < count ? wanted : count;
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

static int check_decided(struct engine_attempt *attempt, uint32_t mutant, struct err *err)
{
    const struct engine_job *job = attempt->job;
    struct engine_verdict *verdict = &job->verdicts->items[mutant];
    enum mutant_status status = MUTANT_PENDING;
    if (job->tests->items[verdict->killer].kind != ENGINE_FORK) {
        return 0; /* it is open again already */
    }
    int rc = engine_exec_try(job, &attempt->state, verdict->killer, mutant, &status, err);
    if (rc == 0 && status == MUTANT_SURVIVED) {
        disagree(attempt, verdict->killer, mutant, "failed in a child, and passes alone");
    } else if (rc == 0 && status != verdict->status) {
        /* Too slow in one way, killed in the other: a run alone is what a person would see. */
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

/* Opens what a test that is no longer forked had a part in. */
static void reopen(struct engine_attempt *attempt)
{
    const struct engine_job *job = attempt->job;
    for (uint32_t i = 0; i < attempt->state.mutant_count; i++) {
        struct engine_verdict *verdict = &job->verdicts->items[i];
        bool again = verdict->engine == ENGINE_FORK
                     && (verdict->status == MUTANT_KILLED || verdict->status == MUTANT_TIMEOUT)
                     && job->tests->items[verdict->killer].kind != ENGINE_FORK;
        for (uint16_t j = 0; verdict->status == MUTANT_SURVIVED && j < verdict->reached_count;
             j++) {
            again = again
                    || (verdict->engine == ENGINE_FORK
                        && job->tests->items[verdict->reached[j]].kind != ENGINE_FORK);
        }
        if (again) {
            verdict->status = MUTANT_PENDING;
            attempt->open[i] = true;
            attempt->audited[i] = false;
        }
    }
}

static size_t count_forked(const struct engine_tests *tests)
{
    size_t count = 0;
    for (size_t i = 0; i < tests->count; i++) {
        count += tests->items[i].kind == ENGINE_FORK;
    }
    return count;
}

int engine_audit(struct engine_attempt *attempt, size_t *ret_demoted, struct err *err)
{
    const struct engine_job *job = attempt->job;
    size_t forked = count_forked(job->tests);
    CLEANUP(cleanup_free)
    struct drawn *all = mem_calloc(attempt->state.mutant_count, sizeof(struct drawn));
    if (all == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the audit");
    }
    size_t count = draw(attempt, all);
    size_t sample = sample_size(job->options, count);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count && !engine_is_late(job->options); i++) {
        uint32_t mutant = all[i].mutant;
        bool survived = job->verdicts->items[mutant].status == MUTANT_SURVIVED;
        if (i >= sample && !(survived && job->options->audit_survivors)) {
            continue;
        }
        rc = survived ? check_survivor(attempt, mutant, err) : check_decided(attempt, mutant, err);
        attempt->audited[mutant] = true;
    }
    if (rc == 0) {
        *ret_demoted = forked - count_forked(job->tests);
        if (*ret_demoted > 0) {
            reopen(attempt);
        }
    }
    return rc;
}
