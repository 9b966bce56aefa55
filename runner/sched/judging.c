/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a layer: its outcomes go to the plugin's `judge`, its metrics to the gate. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "sched/sched_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Judge input is written when this much is waiting. */
#define JUDGE_FLUSH_SIZE 65536

/* Of the name of a case, and of why it was skipped: a sentence of a reason. */
#define SKIPPED_SHOWN_MAX 200

static void flush_judge_input(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    int rc = str_error(&state->judge_input);
    rc = rc == 0
             ? fd_write_all(state->judge_fd, str_text(&state->judge_input), state->judge_input.len)
             : rc;
    str_clear(&state->judge_input);
    if (rc < 0) {
        layer_set_error(sched, index, "cannot write the input of judge");
    }
}

/* Artifacts that were kept and cannot be told would be results that nobody misses. */
static void write_outcome(struct sched *sched,
                          size_t index,
                          const struct unit *unit,
                          const struct outcome *outcome)
{
    struct sched_layer *state = &sched->layers[unit->layer];
    struct text_list artifacts = {0};
    struct err err = {0};
    struct arena *arena = sched_take_arena(sched);
    int rc = arena != NULL ? kept_list_artifacts(sched, index, unit, arena, &artifacts, &err)
                           : err_set(&err, -ENOMEM, "out of memory");
    if (rc < 0) {
        (void)err_wrap(&err, "artifacts of unit \"%s\"", unit->id);
        layer_set_error(sched, unit->layer, err.text);
    }
    (void)plugin_judge_outcome(unit, outcome, &artifacts, &state->judge_input);
    sched_give_arena(sched, arena);
}

/* Of the first case that says why it was skipped: when all are, that is what a user wants to know.
 */
static void note_skipped(struct sched *sched, size_t layer, const struct outcome *outcome)
{
    struct sched_layer *state = &sched->layers[layer];
    for (size_t i = 0; state->skipped == NULL && i < outcome->cases.count; i++) {
        const struct test_case *item = &outcome->cases.items[i];
        if (item->status == OUTCOME_SKIPPED && item->message != NULL && item->message[0] != '\0') {
            state->skipped = arena_printf(sched->arena,
                                          "%.*s: %.*s",
                                          SKIPPED_SHOWN_MAX,
                                          item->name,
                                          SKIPPED_SHOWN_MAX,
                                          item->message);
        }
    }
}

static const char *skipped_reason(struct sched *sched, size_t index)
{
    static const char plain[] = "every test was skipped: that proves nothing";
    const char *first = sched->layers[index].skipped;
    const char *reason =
        first != NULL ? arena_printf(sched->arena, "%s (%s)", plain, first) : plain;
    return reason != NULL ? reason : plain;
}

void layer_note_outcome(struct sched *sched,
                        size_t index,
                        const struct unit *unit,
                        const struct outcome *outcome)
{
    struct sched_layer *state = &sched->layers[unit->layer];
    if (outcome->final) {
        note_skipped(sched, unit->layer, outcome);
    }
    if (state->judge_fd < 0 || !outcome->final) {
        return;
    }
    write_outcome(sched, index, unit, outcome);
    if (state->judge_input.len >= JUDGE_FLUSH_SIZE) {
        flush_judge_input(sched, unit->layer);
    }
}

static const char *not_run_reason(struct sched *sched, const struct plan_layer_counts *counts)
{
    const char *why = sched->interrupted ? "the run was interrupted"
                      : sched->deadline  ? "the time budget was used up"
                                         : "the run was stopped";
    return arena_printf(sched->arena,
                        "%llu of %llu units were not run: %s",
                        (unsigned long long)counts->tally.not_run,
                        (unsigned long long)counts->selected,
                        why);
}

static const char *shut_reason(struct sched *sched, const struct gate_result *gates, size_t count)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    (void)gate_reason(&text, gates, count);
    return arena_strdup(sched->arena, str_text(&text));
}

/* The verdict; gates has room for all rules. */
static void decide(struct sched *sched,
                   size_t index,
                   const struct judgement *judgement,
                   struct gate_result *gates,
                   struct verdict *verdict)
{
    struct plan_layer_counts counts;
    plan_layer_counts(sched->plan, index, &counts);
    *verdict = (struct verdict){.state = VERDICT_OPEN, .gates = gates};
    if (sched->layers[index].error != NULL) {
        verdict->state = VERDICT_ERROR;
        verdict->reason = sched->layers[index].error;
        return;
    }
    verdict->state = plan_gate(sched_layer_of(sched, index),
                               judgement->metrics,
                               judgement->metric_count,
                               gates,
                               &verdict->gate_count);
    const struct tally *tally = &counts.tally;
    bool bad = tally->failed + tally->errored + tally->timed_out > 0;
    if (tally->not_run > 0 && (verdict->state == VERDICT_OPEN || !bad)) {
        verdict->state = VERDICT_SHUT; /* whatever the gate says of what did run */
        verdict->reason = not_run_reason(sched, &counts);
    } else if (verdict->state != VERDICT_OPEN) {
        verdict->reason = shut_reason(sched, gates, verdict->gate_count);
    } else if (tally->cases > 0 && tally->cases == tally->cases_skipped) {
        verdict->state = VERDICT_ERROR;
        verdict->reason = skipped_reason(sched, index);
    }
}

static void remember(struct sched *sched, const struct layer *layer, const struct verdict *verdict)
{
    if (layer->allow_failure || verdict->state == VERDICT_OPEN
        || verdict->state == VERDICT_SKIPPED) {
        return;
    }
    sched->any_shut = sched->any_shut || verdict->state == VERDICT_SHUT;
    sched->any_error = sched->any_error || verdict->state == VERDICT_ERROR;
    if (sched->first_reason == NULL) {
        sched->first_reason =
            arena_printf(sched->arena,
                         "layer %s is %s: %s",
                         layer->id,
                         verdict->state == VERDICT_ERROR ? "in error" : "shut",
                         verdict->reason != NULL ? verdict->reason : "no reason given");
    }
}

static void emit_judged(struct sched *sched,
                        size_t index,
                        const struct judgement *judgement,
                        const struct verdict *verdict)
{
    const struct layer *layer = sched_layer_of(sched, index);
    struct plan_layer_counts counts;
    plan_layer_counts(sched->plan, index, &counts);
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = layer->id;
    event.u.layer_judged.name = layer->name;
    event.u.layer_judged.allow_failure = layer->allow_failure;
    event.u.layer_judged.judgement = judgement;
    event.u.layer_judged.verdict = verdict;
    event.u.layer_judged.tally = &counts.tally;
    sched_emit(sched, &event);
}

/* Standard metrics and the plugin's, gates, verdict. `extra` may be NULL. */
static void conclude(struct sched *sched, size_t index, const struct judgement *extra)
{
    const struct layer *layer = sched_layer_of(sched, index);
    struct metric metrics[STANDARD_METRICS + PLUGIN_METRICS_MAX];
    struct plan_layer_counts counts;
    struct verdict verdict;
    plan_layer_counts(sched->plan, index, &counts);
    metrics_of_tally(&counts.tally, extra != NULL ? extra->finding_count : 0, metrics);
    struct judgement judgement = extra != NULL ? *extra : (struct judgement){0};
    size_t more =
        judgement.metric_count < PLUGIN_METRICS_MAX ? judgement.metric_count : PLUGIN_METRICS_MAX;
    if (more > 0) {
        memcpy(metrics + STANDARD_METRICS, judgement.metrics, more * sizeof *metrics);
    }
    judgement.metrics = metrics;
    judgement.metric_count = STANDARD_METRICS + more;
    struct gate_result *gates =
        arena_calloc(sched->arena, layer->gate_count + GATE_DEFAULT_COUNT, sizeof *gates);
    if (gates == NULL) {
        layer_set_error(sched, index, "out of memory");
    }
    decide(sched, index, &judgement, gates, &verdict);
    remember(sched, layer, &verdict);
    emit_judged(sched, index, &judgement, &verdict);
    plan_layer_judged(sched->plan, index, verdict.state);
}

void layer_judge(struct sched *sched, size_t index)
{
    struct sched_layer *state = &sched->layers[index];
    if (sched->options->plan_only && state->error == NULL) {
        plan_layer_judged(sched->plan, index, VERDICT_OPEN);
        return;
    }
    if (state->judge_fd >= 0 && state->error == NULL) {
        flush_judge_input(sched, index);
        if (state->error == NULL
            && chore_add(sched, &(struct chore){.kind = CHORE_JUDGE, .layer = index}) == 0) {
            return;
        }
        layer_set_error(sched, index, "out of memory");
    }
    conclude(sched, index, NULL);
}

void layer_judge_done(struct sched *sched, const struct chore *chore, const struct outcome *outcome)
{
    char path[PATH_TEXT_MAX];
    struct file_part answer;
    struct err err = {0};
    struct judgement judgement = {0};
    if (outcome->status != OUTCOME_PASSED) {
        layer_set_program_error(sched, chore, "judge", outcome);
    } else {
        int rc = layer_check_answer(sched,
                                    outcome,
                                    sched->options->plugins[chore->layer].name,
                                    "judge",
                                    PLUGIN_JUDGE_MAX,
                                    &err);
        rc = rc == 0 ? chore_answer(sched, &outcome->out, path, &answer, &err) : rc;
        rc = rc == 0 ? plugin_read_judgement(
                 &sched->options->plugins[chore->layer], &answer, sched->arena, &judgement, &err)
                     : rc;
        if (rc < 0) {
            layer_set_error(sched, chore->layer, err.text);
        }
    }
    conclude(sched, chore->layer, &judgement);
}

void layer_skip(struct sched *sched, const struct plan_action *action)
{
    const struct verdict verdict = {
        .state = VERDICT_SKIPPED, .reason = action->reason, .unasked = action->unasked};
    sched->any_asked = sched->any_asked || !action->unasked;
    emit_judged(sched, action->layer, NULL, &verdict);
}
