/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reason.h"

#include "base/hash.h"
#include "base/limits.h"

#include <stdio.h>

static const char *const last_words[OUTCOME_STATUS_COUNT] = {
    [OUTCOME_PASSED] = "passed last time, runs again",
    [OUTCOME_FAILED] = "failed last time",
    [OUTCOME_ERRORED] = "ended in an error last time",
    [OUTCOME_TIMED_OUT] = "timed out last time",
    [OUTCOME_SKIPPED] = "was skipped last time",
};

/* The same rule as in plan/plan.h. */
static bool in_shard(const struct shard_choice *shard, const struct reason_subject *subject)
{
    char key[2 * ID_MAX + 2];
    if (shard->count == 0) {
        return true;
    }
    (void)snprintf(key, sizeof key, "%s/%s", subject->layer->id, subject->unit->id);
    return hash_stable64(key) % shard->count == shard->index - 1;
}

static const char *why_not(const struct invocation *invocation,
                           const struct reason_subject *subject)
{
    if (subject->hint != NULL && subject->hint->left_out) {
        return "not selected by its plugin";
    }
    if (!in_shard(&invocation->shard, subject)) {
        return "in another shard";
    }
    if (subject->hint != NULL && subject->hint->carried) {
        return invocation->rerun_failed ? "passed last time" : "passed in the resumed run";
    }
    return "filtered out";
}

/* What history says of a unit that runs. */
static const char *why_run(const struct reason_subject *subject)
{
    if (subject->forecast->fate == FATE_RUN && subject->hint != NULL
        && subject->hint->unstored != NULL) {
        return subject->hint->unstored; /* what there was before does not matter */
    }
    if (subject->forecast->why != NULL) {
        return subject->forecast->why;
    }
    return subject->hint == NULL || !subject->hint->known ? "never run"
                                                          : last_words[subject->hint->last];
}

struct reason reason_of(const struct invocation *invocation, const struct reason_subject *subject)
{
    static const char *const decisions[] = {
        [FATE_RUN] = "run",
        [FATE_HIT] = "hit",
        [FATE_JOIN] = "join",
        [FATE_WAIT] = "wait",
    };
    if (subject->forecast == NULL) {
        return (struct reason){.decision = "skip", .text = why_not(invocation, subject)};
    }
    if (subject->unit->skip != NULL) {
        return (struct reason){.decision = "skip", .text = subject->unit->skip};
    }
    return (struct reason){
        .run = subject->forecast->fate != FATE_HIT,
        .decision = decisions[subject->forecast->fate],
        .text = why_run(subject),
    };
}
