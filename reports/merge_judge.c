/* SPDX-License-Identifier: Apache-2.0 */
/* The gates of the whole. A shard's gate saw a part: five of nine skipped tests where five are
 * allowed, or none of the three that are required. So rules about counts are judged again over what
 * the parts add up to; metrics of plugins do not add up, of these the worst part counts. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "reports/merge_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Longest reason: a sentence of 100 bytes for each of 40 rules. */
#define REASON_MAX 4096

/* A finding as a key: its texts are words of a plugin's answer, which is limited. */
#define KEY_MAX ((size_t)1 << 20)

/* ---- first reading ---- */

struct merge_layer *merge_layer_of(struct merge *merge, const char *id)
{
    for (size_t i = merge->layers.count; i > 0; i--) {
        if (strcmp(merge->layers.items[i - 1].id, id) == 0) {
            return &merge->layers.items[i - 1];
        }
    }
    struct merge_layer layer = {.id = mem_strdup(id)};
    if (layer.id == NULL || vec_push(&merge->layers, layer) != 0) {
        mem_free(layer.id);
        merge_keep_error(merge, -ENOMEM);
        return NULL;
    }
    return &merge->layers.items[merge->layers.count - 1];
}

void merge_layer_fini(struct merge_layer *layer)
{
    mem_free(layer->id);
    vec_fini(&layer->parts);
    vec_fini(&layer->findings);
    vec_fini(&layer->gates);
}

/* A layer that other layers need runs whole in each shard, and finds the same in each. */
static bool is_known_finding(struct merge *merge,
                             const struct merge_layer *layer,
                             const struct finding *finding)
{
    CLEANUP(str_fini) struct str key = STR_INIT(KEY_MAX);
    (void)str_appendf(&key, "%s\n%u\n%u\n", layer->id, finding->line, finding->column);
    const char *const texts[] = {
        finding->file, finding->rule, finding->severity, finding->message, finding->fix};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)str_appendf(&key, "%s\n", texts[i] != NULL ? texts[i] : "");
    }
    if (str_error(&key) == -EFBIG) {
        return false; /* then it is told twice */
    }
    merge_keep_error(merge, str_error(&key));
    return merge_seen_elsewhere(merge, &merge->finding_index, str_text(&key));
}

static void learn_findings(struct merge *merge,
                           struct merge_layer *layer,
                           const struct judgement *judgement)
{
    for (size_t i = 0; judgement != NULL && i < judgement->finding_count; i++) {
        struct finding finding = judgement->findings[i];
        if (is_known_finding(merge, layer, &finding)) {
            continue;
        }
        finding.file = merge_keep(merge, finding.file);
        finding.rule = merge_keep(merge, finding.rule);
        finding.severity = merge_keep(merge, finding.severity);
        finding.message = merge_keep(merge, finding.message);
        finding.fix = merge_keep(merge, finding.fix);
        merge_keep_error(merge, vec_push(&layer->findings, finding));
    }
}

static const struct gate_result *keep_gates(struct merge *merge, const struct verdict *verdict)
{
    struct gate_result *gates = arena_calloc(merge->arena, verdict->gate_count, sizeof *gates);
    if (gates == NULL) {
        merge_keep_error(merge, verdict->gate_count > 0 ? -ENOMEM : 0);
        return NULL;
    }
    for (size_t i = 0; i < verdict->gate_count; i++) {
        gates[i] = verdict->gates[i];
        gates[i].rule.metric = merge_keep(merge, verdict->gates[i].rule.metric);
        gates[i].why = merge_keep(merge, verdict->gates[i].why);
    }
    return gates;
}

void merge_learn_layer(struct merge *merge, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const struct tally *tally = event->u.layer_judged.tally;
    struct merge_layer *layer = merge_layer_of(merge, event->u.layer_judged.layer);
    if (layer == NULL) {
        return;
    }
    struct merge_part part = {.log = merge->log,
                              .state = verdict->state,
                              .unasked = verdict->unasked,
                              .reason = merge_keep(merge, verdict->reason),
                              .gates = keep_gates(merge, verdict)};
    part.gate_count = part.gates != NULL ? verdict->gate_count : 0;
    part.counted = tally != NULL;
    part.tally = tally != NULL ? *tally : part.tally;
    merge_keep_error(merge, vec_push(&layer->parts, part));
    if (layer->name == NULL) {
        layer->name = merge_keep(merge, event->u.layer_judged.name);
    }
    layer->allow_failure = event->u.layer_judged.allow_failure;
    learn_findings(merge, layer, event->u.layer_judged.judgement);
}

/* ---- second reading ---- */

void merge_count_unit(struct merge_layer *layer,
                      size_t log,
                      const struct outcome *outcome,
                      bool counts)
{
    while (layer->at < layer->parts.count && layer->parts.items[layer->at].log < log) {
        layer->at++;
    }
    const bool counted = layer->at < layer->parts.count && layer->parts.items[layer->at].log == log
                         && layer->parts.items[layer->at].counted;
    if (counted && !counts) {
        tally_add(&layer->twice, outcome);
    } else if (!counted && counts) {
        tally_add(&layer->loose, outcome);
    }
}

/* ---- the verdict ---- */

/* Can its gate be judged again? An error that has gates is that of skipped tests alone, which
 * others of the whole may make up for. */
static bool is_judged(const struct merge_part *part)
{
    return part->gate_count > 0 && part->state != VERDICT_SKIPPED;
}

/* "shard 2/4: REASON", or the reason of a log that is no shard. */
static const char *reason_of(struct merge *merge, const struct merge_part *part)
{
    const unsigned shard = merge->logs.items[part->log].shard;
    if (shard == 0 || part->reason == NULL) {
        return part->reason;
    }
    const char *reason =
        arena_printf(merge->arena, "shard %u/%u: %s", shard, merge->shards, part->reason);
    merge_keep_error(merge, reason == NULL ? -ENOMEM : 0);
    return reason;
}

static bool is_same_rule(const struct gate_rule *a, const struct gate_rule *b)
{
    return strcmp(a->metric, b->metric) == 0 && a->has_min == b->has_min && a->has_max == b->has_max
           && (!a->has_min || !(a->min < b->min || a->min > b->min))
           && (!a->has_max || !(a->max < b->max || a->max > b->max));
}

/* What a rule met in one more part. Counts are judged at the end, over the whole. */
static void add_gate(struct merge *merge, struct merge_layer *layer, const struct gate_result *gate)
{
    for (size_t i = 0; i < layer->gates.count; i++) {
        struct gate_result *known = &layer->gates.items[i];
        if (is_same_rule(&known->rule, &gate->rule)) {
            *known = known->open ? *gate : *known;
            return;
        }
    }
    merge_keep_error(merge, vec_push(&layer->gates, *gate));
}

static void judge_counts(struct merge_layer *layer)
{
    struct metric metrics[STANDARD_METRICS];
    metrics_of_tally(&layer->tally, layer->findings.count, metrics);
    for (size_t i = 0; i < layer->gates.count; i++) {
        struct gate_result *gate = &layer->gates.items[i];
        if (metric_is_standard(gate->rule.metric)) {
            *gate = gate_apply(&gate->rule, metrics, STANDARD_METRICS);
        }
    }
}

static void shut_by_gates(struct merge *merge, struct merge_layer *layer)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REASON_MAX);
    if (gate_reason(&text, layer->gates.items, layer->gates.count) != 0) {
        merge_keep_error(merge, text.error == -ENOMEM ? -ENOMEM : 0); /* or cut */
    }
    if (text.len == 0) {
        return;
    }
    layer->state = gate_state(layer->gates.items, layer->gates.count);
    layer->reason = merge_keep(merge, str_text(&text));
}

/* As a run judges its own layers: gates, then what did not run, then what proves nothing. */
static void judge_again(struct merge *merge, struct merge_layer *layer)
{
    const struct tally *tally = &layer->tally;
    const bool bad = tally->failed + tally->errored + tally->timed_out > 0;
    layer->state = VERDICT_OPEN;
    shut_by_gates(merge, layer);
    if (tally->not_run > 0 && (layer->state == VERDICT_OPEN || !bad)) {
        layer->state = VERDICT_SHUT;
        layer->reason = arena_printf(merge->arena,
                                     "%llu of %llu units were not run",
                                     (unsigned long long)tally->not_run,
                                     (unsigned long long)tally->units);
        merge_keep_error(merge, layer->reason == NULL ? -ENOMEM : 0);
    } else if (layer->state == VERDICT_OPEN && tally->cases > 0
               && tally->cases == tally->cases_skipped) {
        layer->state = VERDICT_ERROR;
        layer->reason = "every test was skipped: that proves nothing";
    }
}

static bool is_worse(enum verdict_state a, enum verdict_state b)
{
    static const int rank[] = {
        [VERDICT_SKIPPED] = 0, [VERDICT_OPEN] = 1, [VERDICT_SHUT] = 2, [VERDICT_ERROR] = 3};
    return rank[a] > rank[b];
}

/* Parts whose verdict stands as it is. */
static void take_verdicts(struct merge *merge, struct merge_layer *layer)
{
    for (size_t i = 0; i < layer->parts.count; i++) {
        const struct merge_part *part = &layer->parts.items[i];
        const bool first = layer->state == VERDICT_SKIPPED && layer->reason == NULL;
        if (!is_judged(part) && (first || is_worse(part->state, layer->state))) {
            layer->state = part->state;
            layer->reason = reason_of(merge, part);
        }
    }
}

/* A shard whose run was shut left layers out that were waiting for the gate: these units never ran
 * anywhere, and no gate knows of them. */
static void miss_parts(struct merge *merge, struct merge_layer *layer)
{
    for (size_t i = 0; layer->state == VERDICT_OPEN && i < layer->parts.count; i++) {
        const struct merge_part *part = &layer->parts.items[i];
        const enum exit_code code = merge->logs.items[part->log].exit_code;
        if (part->state == VERDICT_SKIPPED && !part->unasked && code != EXIT_OPEN
            && code != EXIT_NOTHING_SELECTED) {
            layer->state = VERDICT_SHUT;
            layer->reason = reason_of(merge, part);
        }
    }
}

static void add_up(struct merge *merge, struct merge_layer *layer)
{
    for (size_t i = 0; i < layer->parts.count; i++) {
        const struct merge_part *part = &layer->parts.items[i];
        tally_merge(&layer->tally, &part->tally);
        for (size_t k = 0; is_judged(part) && k < part->gate_count; k++) {
            add_gate(merge, layer, &part->gates[k]);
        }
    }
    tally_subtract(&layer->tally, &layer->twice);
    tally_merge(&layer->tally, &layer->loose);
}

static void judge_layer(struct merge *merge, struct merge_layer *layer)
{
    layer->state = VERDICT_SKIPPED;
    layer->unasked = layer->parts.count > 0;
    for (size_t i = 0; i < layer->parts.count; i++) {
        layer->unasked = layer->unasked && layer->parts.items[i].unasked;
    }
    add_up(merge, layer);
    if (layer->parts.count == 0) {
        layer->state = VERDICT_ERROR;
        layer->reason = "it was not judged in any of the merged runs";
        return;
    }
    judge_counts(layer);
    take_verdicts(merge, layer);
    if (layer->gates.count > 0 && !is_worse(layer->state, VERDICT_OPEN)) {
        layer->reason = NULL;
        judge_again(merge, layer);
        miss_parts(merge, layer);
    }
}

void merge_judge(struct merge *merge)
{
    for (size_t i = 0; i < merge->layers.count; i++) {
        struct merge_layer *layer = &merge->layers.items[i];
        judge_layer(merge, layer);
        tally_merge(&merge->tally, &layer->tally);
    }
}

/* ---- what comes of it ---- */

static const struct merge_part *part_of(const struct merge_layer *layer, size_t log)
{
    for (size_t i = 0; i < layer->parts.count; i++) {
        if (layer->parts.items[i].log == log) {
            return &layer->parts.items[i];
        }
    }
    return NULL;
}

/* Is it the reason "layer ID is ..."? */
static bool names_layer(const char *reason, const char *id)
{
    static const char word[] = "layer ";
    const size_t len = strlen(id);
    return reason != NULL && strncmp(reason, word, sizeof word - 1) == 0
           && strncmp(reason + sizeof word - 1, id, len) == 0
           && strncmp(reason + sizeof word - 1 + len, " is ", 4) == 0;
}

/* What a log's own word on a layer does to its exit code: -1 = it is red, and stays so; 1 = it was
 * red by this layer, which is open over the whole; 0 = nothing. An error may have other causes than
 * layers: there the reason tells. */
static int made_up(const struct merge_log *log,
                   const struct merge_layer *layer,
                   const struct merge_part *part)
{
    if (layer->allow_failure || !is_worse(part->state, VERDICT_OPEN)) {
        return 0;
    }
    if (layer->state != VERDICT_OPEN || !is_judged(part)) {
        return -1;
    }
    return log->exit_code == EXIT_SHUT || names_layer(log->reason, layer->id) ? 1 : 0;
}

enum exit_code merge_log_exit(const struct merge *merge, size_t index)
{
    const struct merge_log *log = &merge->logs.items[index];
    bool is_open = false;
    if (log->exit_code != EXIT_SHUT && log->exit_code != EXIT_INFRASTRUCTURE) {
        return log->exit_code;
    }
    for (size_t i = 0; i < merge->layers.count; i++) {
        const struct merge_layer *layer = &merge->layers.items[i];
        const struct merge_part *part = part_of(layer, index);
        const int made = part != NULL ? made_up(log, layer, part) : 0;
        if (made < 0) {
            return log->exit_code;
        }
        is_open = is_open || made > 0;
    }
    return is_open ? EXIT_OPEN : log->exit_code;
}

static size_t judged_parts(const struct merge_layer *layer)
{
    size_t count = 0;
    for (size_t i = 0; i < layer->parts.count; i++) {
        count += is_judged(&layer->parts.items[i]) ? 1 : 0;
    }
    return count;
}

/* Nobody must think that a metric of a plugin was taken over the whole. */
static void tell_apart(struct merge *merge, const struct merge_layer *layer)
{
    char text[256];
    struct event event = {.type = EVENT_NOTE, .time_ms = merge->last_ms};
    event.u.note.level = "warning";
    event.u.note.text = text;
    event.u.note.layer = layer->id;
    for (size_t i = 0; judged_parts(layer) > 1 && i < layer->gates.count; i++) {
        const char *metric = layer->gates.items[i].rule.metric;
        if (!metric_is_standard(metric)) {
            (void)snprintf(
                text,
                sizeof text,
                "the gate's `%.64s` is the plugin's, and was judged in each run over its "
                "part alone: only counts add up",
                metric);
            merge_emit_event(merge, &event);
        }
    }
}

void merge_emit_layer(struct merge *merge, const struct merge_layer *layer)
{
    struct metric metrics[STANDARD_METRICS];
    const struct verdict verdict = {
        .state = layer->state,
        .gates = layer->gates.items,
        .gate_count = layer->gates.count,
        .reason = layer->reason,
        .unasked = layer->unasked,
    };
    metrics_of_tally(&layer->tally, layer->findings.count, metrics);
    const struct judgement judgement = {.metrics = metrics,
                                        .metric_count = STANDARD_METRICS,
                                        .findings = layer->findings.items,
                                        .finding_count = layer->findings.count};
    struct event event = {.type = EVENT_LAYER_JUDGED, .time_ms = merge->last_ms};
    event.u.layer_judged.layer = layer->id;
    event.u.layer_judged.name = layer->name;
    event.u.layer_judged.allow_failure = layer->allow_failure;
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.verdict = &verdict;
    event.u.layer_judged.tally = &layer->tally;
    tell_apart(merge, layer);
    merge_emit_event(merge, &event);
}
