/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <assert.h>

static uint64_t *units_by_status(struct tally *tally, enum outcome_status status)
{
    uint64_t *const places[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = &tally->passed,
        [OUTCOME_FAILED] = &tally->failed,
        [OUTCOME_ERRORED] = &tally->errored,
        [OUTCOME_TIMED_OUT] = &tally->timed_out,
        [OUTCOME_SKIPPED] = &tally->skipped,
    };
    assert((size_t)status < OUTCOME_STATUS_COUNT);
    return places[status];
}

static void add_case(struct tally *tally, enum outcome_status status)
{
    uint64_t *const places[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = &tally->cases_passed,
        [OUTCOME_FAILED] = &tally->cases_failed,
        [OUTCOME_ERRORED] = &tally->cases_errored,
        [OUTCOME_TIMED_OUT] = &tally->cases_errored,
        [OUTCOME_SKIPPED] = &tally->cases_skipped,
    };
    assert((size_t)status < OUTCOME_STATUS_COUNT);
    tally->cases++;
    (*places[status])++;
}

void tally_add(struct tally *into, const struct outcome *outcome)
{
    if (!outcome->final) {
        return;
    }
    into->units++;
    if ((outcome->flags & FLAG_CANCELLED) != 0) {
        into->not_run++;
        return;
    }
    (*units_by_status(into, outcome->status))++;
    if (outcome->flaky) {
        into->flaky++;
    }
    if (outcome->reused != NULL) {
        into->reused++;
    }
    if (outcome->cases.count == 0) {
        add_case(into, outcome->status);
    }
    for (size_t i = 0; i < outcome->cases.count; i++) {
        add_case(into, outcome->cases.items[i].status);
    }
}

void tally_merge(struct tally *into, const struct tally *from)
{
    into->units += from->units;
    into->passed += from->passed;
    into->failed += from->failed;
    into->errored += from->errored;
    into->timed_out += from->timed_out;
    into->skipped += from->skipped;
    into->flaky += from->flaky;
    into->not_run += from->not_run;
    into->reused += from->reused;
    into->cases += from->cases;
    into->cases_passed += from->cases_passed;
    into->cases_failed += from->cases_failed;
    into->cases_errored += from->cases_errored;
    into->cases_skipped += from->cases_skipped;
}

static void subtract(uint64_t *from, uint64_t count)
{
    *from -= count < *from ? count : *from;
}

void tally_subtract(struct tally *from, const struct tally *part)
{
    subtract(&from->units, part->units);
    subtract(&from->passed, part->passed);
    subtract(&from->failed, part->failed);
    subtract(&from->errored, part->errored);
    subtract(&from->timed_out, part->timed_out);
    subtract(&from->skipped, part->skipped);
    subtract(&from->flaky, part->flaky);
    subtract(&from->not_run, part->not_run);
    subtract(&from->reused, part->reused);
    subtract(&from->cases, part->cases);
    subtract(&from->cases_passed, part->cases_passed);
    subtract(&from->cases_failed, part->cases_failed);
    subtract(&from->cases_errored, part->cases_errored);
    subtract(&from->cases_skipped, part->cases_skipped);
}
