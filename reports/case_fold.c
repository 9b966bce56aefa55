/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/case_fold.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "reports/unique.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Findings told in the text of a shut gate; the rest is counted. */
#define FINDINGS_TOLD 50

/* Text of one failed attempt: message, details and hint of 64 KiB, each byte of which may take six.
 */
#define ATTEMPT_TEXT_MAX (4u << 20)

/* The layer that the run itself is told in. */
#define RUN_LAYER "sluice"

/* No layer: memory is short. */
#define NO_LAYER SIZE_MAX

static void keep_error(struct case_fold *fold, int rc)
{
    if (rc != 0 && fold->error == 0) {
        fold->error = rc;
    }
}

/* ---- layers ---- */

/* Layers are few (a pipeline has tens): a search is fine, the newest first because events come in
 * bursts of one layer. */
static size_t layer_of(struct case_fold *fold, const char *id, int64_t time_ms)
{
    for (size_t i = fold->layers.count; i > 0; i--) {
        if (strcmp(fold->layers.items[i - 1].id, id) == 0) {
            return i - 1;
        }
    }
    struct fold_layer layer = {.id = mem_strdup(id), .started_ms = time_ms};
    if (layer.id == NULL || vec_push(&fold->layers, layer) != 0) {
        mem_free(layer.id);
        keep_error(fold, -ENOMEM);
        return NO_LAYER;
    }
    const size_t index = fold->layers.count - 1;
    const int rc = fold->ops->layer != NULL ? fold->ops->layer(fold->context, index) : 0;
    if (rc != 0) {
        keep_error(fold, rc);
        mem_free(fold->layers.items[index].id);
        fold->layers.count--;
        return NO_LAYER;
    }
    return index;
}

static void add_entry(struct case_fold *fold, size_t layer, const struct case_entry *entry)
{
    fold->layers.items[layer].tests++;
    fold->layers.items[layer].bad += status_is_bad(entry->status) ? 1 : 0;
    keep_error(fold, fold->ops->entry(fold->context, layer, entry));
}

/* ---- attempts ---- */

static struct fold_retried *retried_new(struct case_fold *fold, const struct str *key)
{
    struct fold_retried *retried = mem_calloc(1, sizeof *retried);
    if (retried == NULL) {
        return NULL;
    }
    retried->key = mem_strdup(str_text(key));
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (retried->key == NULL || vec_push(&fold->retried, retried) != 0) {
        mem_free(retried->key);
        mem_free(retried);
        return NULL;
    }
    if (map_put(&fold->retried_by_key, retried->key, (uintptr_t)retried) < 0) {
        return NULL; /* freed with the vector */
    }
    return retried;
}

/* The failed attempts of a unit so far; NULL when there are none (and `make` is false). */
static struct fold_retried *retried_of(struct case_fold *fold, const struct event *event, bool make)
{
    CLEANUP(str_fini) struct str key = STR_INIT(SIZE_MAX / 4);
    uintptr_t found = 0;
    if (fold->retried.count == 0 && !make) {
        return NULL;
    }
    if (str_appendf(&key, "%s\n%s", event->u.unit_finished.layer, event->u.unit_finished.unit)
        != 0) {
        keep_error(fold, -ENOMEM);
        return NULL;
    }
    if (map_get(&fold->retried_by_key, str_text(&key), &found) == 1) {
        return (struct fold_retried *)found; // NOLINT(performance-no-int-to-ptr)
    }
    struct fold_retried *retried = make ? retried_new(fold, &key) : NULL;
    if (make && retried == NULL) {
        keep_error(fold, -ENOMEM);
    }
    return retried;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static uint64_t case_key(const struct test_case *c)
{
    return unique_hash(text_or(c->suite, ""), text_or(c->name, ""));
}

static struct case_entry unit_entry(const struct event *event, enum entry_kind kind)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    const struct unit *unit = event->u.unit_finished.definition;
    bool cancelled = (outcome->flags & FLAG_CANCELLED) != 0;
    return (struct case_entry){
        .kind = kind,
        .unit = event->u.unit_finished.unit,
        .classname = event->u.unit_finished.layer,
        .name = kind == ENTRY_UNIT ? event->u.unit_finished.unit : "(unit)",
        .file = unit != NULL ? unit->file : NULL,
        .line = unit != NULL ? unit->line : 0,
        .time_s = (double)outcome->wall_ns / 1e9,
        .status = cancelled ? OUTCOME_SKIPPED : outcome->status,
        .message = outcome->message != NULL || !cancelled ? outcome->message : "not run to its end",
        .hint = outcome->hint,
        .outcome = outcome,
        .reused = outcome->reused,
        .now_ms = event->time_ms,
    };
}

/* A case of the unit that ended with this event. */
static struct case_entry case_entry(const struct test_case *c, const struct event *event)
{
    return (struct case_entry){
        .kind = ENTRY_CASE,
        .unit = event->u.unit_finished.unit,
        .name = text_or(c->name, "(no name)"),
        .file = c->file,
        .line = c->line,
        .time_s = c->time_s,
        .status = c->status,
        .message = c->message,
        .type = c->type,
        .details = c->details,
        .output = c->output,
        .reused = event->u.unit_finished.outcome->reused,
        .now_ms = event->time_ms,
    };
}

static void keep_entry(struct case_fold *fold,
                       struct case_attempts *attempts,
                       uint64_t key,
                       const struct case_entry *entry)
{
    CLEANUP(str_fini) struct str text = STR_INIT(ATTEMPT_TEXT_MAX);
    int rc = str_append(&text, "");
    if (rc == 0 && fold->ops->attempt != NULL) {
        rc = fold->ops->attempt(fold->context, &text, entry);
    }
    keep_error(fold, rc == 0 ? case_attempts_keep(attempts, key, str_take(&text)) : rc);
}

/* Keeps what failed in an attempt that is not the last: each case, or the unit as a whole. */
static void keep_attempt(struct case_fold *fold, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct fold_retried *retried = retried_of(fold, event, true);
    bool any = false;
    for (size_t i = 0; retried != NULL && i < outcome->cases.count; i++) {
        const struct test_case *c = &outcome->cases.items[i];
        if (status_is_bad(c->status)) {
            struct case_entry entry = case_entry(c, event);
            keep_entry(fold, &retried->attempts, case_key(c), &entry);
            any = true;
        }
    }
    if (retried != NULL && !any) {
        struct case_entry entry = unit_entry(event, ENTRY_UNIT);
        keep_entry(fold, &retried->attempts, 0, &entry);
    }
}

/* ---- units ---- */

/* A status that the cases do not account for: a non-zero exit beside a clean report, a crash, a
 * timeout, a damaged report. */
static bool is_unexplained(const struct outcome *outcome)
{
    bool failed = false;
    bool errored = false;
    if (!status_is_bad(outcome->status)) {
        return false;
    }
    for (size_t i = 0; i < outcome->cases.count; i++) {
        failed = failed || outcome->cases.items[i].status == OUTCOME_FAILED;
        errored = errored || outcome->cases.items[i].status == OUTCOME_ERRORED;
    }
    if (outcome->status == OUTCOME_FAILED) {
        return !failed && !errored;
    }
    return outcome->status == OUTCOME_TIMED_OUT || !errored || outcome->signal != 0;
}

static bool has_own_attempts(const struct case_entry *entry)
{
    for (size_t i = 0; entry->attempts != NULL && i < entry->attempts->count; i++) {
        const struct case_attempt *attempt = &entry->attempts->items[i];
        if (!attempt->used && (entry->attempt_key == 0 || entry->attempt_key == attempt->key)) {
            return true;
        }
    }
    return false;
}

/* "", or "#2/3": which part of a file a unit is. */
static bool is_part(const char *text)
{
    static const char digits[] = "0123456789";
    if (*text == '\0') {
        return true;
    }
    const size_t number = *text == '#' ? strspn(text + 1, digits) : 0;
    if (number == 0 || text[1 + number] != '/') {
        return false;
    }
    const char *of = text + 1 + number + 1;
    const size_t count = strspn(of, digits);
    return count > 0 && of[count] == '\0';
}

/* The suite within a unit that is not told by the unit's id: a mutated file is a unit of that name,
 * or several. NULL = none. */
static const char *inner_suite(const struct event *event, const struct test_case *c)
{
    const char *unit = event->u.unit_finished.unit;
    const char *inner = c->suite != NULL ? c->suite : c->classname;
    const size_t len = inner != NULL ? strlen(inner) : 0;
    if (len == 0 || (strncmp(unit, inner, len) == 0 && is_part(unit + len))) {
        return NULL;
    }
    return inner;
}

static void add_case(struct case_fold *fold,
                     size_t layer,
                     const char *suite,
                     const struct event *event,
                     const struct test_case *c)
{
    CLEANUP(str_fini) struct str classname = STR_INIT(SIZE_MAX / 4);
    struct fold_retried *retried = retried_of(fold, event, false);
    struct case_entry entry = case_entry(c, event);
    const char *inner = inner_suite(event, c);
    if (inner != NULL) {
        keep_error(fold, str_appendf(&classname, "%s.%s", suite, inner));
        entry.classname = str_text(&classname);
    } else {
        entry.classname = suite;
    }
    struct case_attempts reported = {0};
    if (c->flaky && c->status == OUTCOME_PASSED) { /* its report tells of the failed attempt */
        keep_entry(fold, &reported, case_key(c), &entry);
    }
    if (reported.count > 0) {
        entry.attempts = &reported;
    } else if (retried != NULL) {
        entry.attempts = &retried->attempts;
    }
    entry.attempt_key = case_key(c);
    entry.flaky = c->status == OUTCOME_PASSED && (c->flaky || has_own_attempts(&entry));
    add_entry(fold, layer, &entry);
    case_attempts_fini(&reported);
}

static void add_cases(struct case_fold *fold,
                      size_t layer,
                      const char *suite,
                      const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    struct fold_retried *retried = retried_of(fold, event, false);
    struct case_attempts *attempts = retried != NULL ? &retried->attempts : NULL;
    for (size_t i = 0; i < outcome->cases.count; i++) {
        add_case(fold, layer, suite, event, &outcome->cases.items[i]);
    }
    const bool good = !status_is_bad(outcome->status);
    if (is_unexplained(outcome) || (good && case_attempts_left(attempts))) {
        struct case_entry entry = unit_entry(event, ENTRY_REST);
        entry.classname = suite;
        entry.time_s = -1; /* its cases have the time */
        entry.attempts = attempts;
        entry.flaky = entry.status == OUTCOME_PASSED;
        add_entry(fold, layer, &entry);
    }
}

/* The suite of a unit with cases. */
static void add_suite(struct case_fold *fold, size_t layer, const struct event *event)
{
    const struct case_fold_ops *ops = fold->ops;
    CLEANUP(str_fini) struct str suite = STR_INIT(SIZE_MAX / 4);
    keep_error(
        fold,
        str_appendf(&suite, "%s.%s", event->u.unit_finished.layer, event->u.unit_finished.unit));
    if (ops->begin_unit != NULL) {
        keep_error(fold, ops->begin_unit(fold->context, layer, event, str_text(&suite)));
    }
    add_cases(fold, layer, str_text(&suite), event);
    if (ops->end_unit != NULL) {
        keep_error(fold, ops->end_unit(fold->context, layer, event, str_text(&suite)));
    }
}

static void on_unit_finished(struct case_fold *fold, const struct event *event)
{
    const struct outcome *outcome = event->u.unit_finished.outcome;
    if (!outcome->final) {
        keep_attempt(fold, event);
        return;
    }
    const size_t layer = layer_of(fold, event->u.unit_finished.layer, event->time_ms);
    if (layer == NO_LAYER) {
        return;
    }
    struct fold_retried *retried = retried_of(fold, event, false);
    if (outcome->cases.count > 0) {
        add_suite(fold, layer, event);
    } else {
        struct case_entry entry = unit_entry(event, ENTRY_UNIT);
        entry.attempts = retried != NULL ? &retried->attempts : NULL;
        entry.flaky =
            entry.status == OUTCOME_PASSED && (outcome->flaky || has_own_attempts(&entry));
        add_entry(fold, layer, &entry);
    }
    if (retried != NULL) {
        case_attempts_fini(&retried->attempts); /* their texts were written */
    }
}

/* ---- layers and the run ---- */

void gate_words(struct str *out, const struct gate_result *gate)
{
    (void)str_appendf(out, "gate %s: %s", gate->open ? "open" : "shut", gate->rule.metric);
    if (gate_is_unmeasured(gate)) {
        (void)str_append(out, " was not measured");
    } else if (gate->known) {
        (void)str_appendf(out, " is %g", gate->value);
    } else {
        (void)str_append(out, " was not reported");
    }
    if (gate->rule.has_min) {
        (void)str_appendf(out, ", must be at least %g", gate->rule.min);
    }
    if (gate->rule.has_max) {
        (void)str_appendf(out, ", must be at most %g", gate->rule.max);
    }
    (void)str_append_char(out, '\n');
}

static void finding_words(struct str *out, const struct finding *f)
{
    (void)str_appendf(out, "%s", text_or(f->file, "(tree)"));
    if (f->line > 0) {
        (void)str_appendf(out, ":%u", (unsigned)f->line);
    }
    (void)str_appendf(out, ": %s: %s", text_or(f->severity, "finding"), text_or(f->message, ""));
    (void)str_appendf(out, f->rule != NULL ? " [%s]\n" : "%s\n", text_or(f->rule, ""));
}

void judgement_words(struct str *out,
                     const struct verdict *verdict,
                     const struct judgement *judgement)
{
    for (size_t i = 0; i < verdict->gate_count; i++) {
        gate_words(out, &verdict->gates[i]);
    }
    const size_t count = judgement != NULL ? judgement->finding_count : 0;
    for (size_t i = 0; i < count && i < FINDINGS_TOLD; i++) {
        finding_words(out, &judgement->findings[i]);
    }
    if (count > FINDINGS_TOLD) {
        (void)str_appendf(out, "and %zu more\n", count - FINDINGS_TOLD);
    }
}

/* How a verdict shows as a case: status, or -1 when the cases of the layer say it already. */
static int verdict_status(const struct fold_layer *layer, const struct event *event)
{
    switch (event->u.layer_judged.verdict->state) {
    case VERDICT_OPEN:
    case VERDICT_SKIPPED:
        return layer->tests == 0 ? OUTCOME_SKIPPED : -1;
    case VERDICT_SHUT:
        if (layer->bad > 0) {
            return -1;
        }
        return event->u.layer_judged.allow_failure ? OUTCOME_SKIPPED : OUTCOME_FAILED;
    case VERDICT_ERROR:
        return event->u.layer_judged.allow_failure ? OUTCOME_SKIPPED : OUTCOME_ERRORED;
    }
    return -1;
}

static void on_layer_judged(struct case_fold *fold, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const struct judgement *judgement = event->u.layer_judged.judgement;
    const size_t layer = layer_of(fold, event->u.layer_judged.layer, event->time_ms);
    const int status = layer != NO_LAYER ? verdict_status(&fold->layers.items[layer], event) : -1;
    if (status < 0) {
        return;
    }
    CLEANUP(str_fini) struct str details = STR_INIT(1u << 20);
    judgement_words(&details, verdict, judgement);
    const bool has_artifact = judgement != NULL && judgement->artifacts.count > 0;
    const bool shut = verdict->state == VERDICT_SHUT;
    const char *none = verdict->state == VERDICT_OPEN ? "no units" : NULL;
    const struct case_entry entry = {
        .kind = shut ? ENTRY_GATE : ENTRY_LAYER,
        .classname = fold->layers.items[layer].id,
        .name = shut ? "(gate)" : "(layer)",
        .time_s = -1,
        .status = (enum outcome_status)status,
        .message = verdict->reason != NULL ? verdict->reason : none,
        .details = str_text(&details),
        .attachment = has_artifact ? judgement->artifacts.items[0] : NULL,
        .now_ms = event->time_ms,
    };
    add_entry(fold, layer, &entry);
}

static void on_run_finished(struct case_fold *fold, const struct event *event)
{
    fold->finished = true;
    fold->exit_code = event->u.run_finished.exit_code;
    fold->wall_ns = event->u.run_finished.wall_ns;
    (void)str_append(&fold->reason, text_or(event->u.run_finished.reason, ""));
}

void case_fold_event(struct case_fold *fold, const struct event *event)
{
    switch (event->type) {
    case EVENT_RUN_STARTED:
        fold->started_ms = event->time_ms;
        break;
    case EVENT_LAYER_STARTED:
        (void)layer_of(fold, event->u.layer_started.layer, event->time_ms);
        break;
    case EVENT_UNIT_FINISHED:
        on_unit_finished(fold, event);
        break;
    case EVENT_LAYER_JUDGED:
        on_layer_judged(fold, event);
        break;
    case EVENT_RUN_FINISHED:
        on_run_finished(fold, event);
        break;
    case EVENT_LAYER_PLANNED:
    case EVENT_UNIT_STARTED:
    case EVENT_UNIT_SLOW:
    case EVENT_NOTE:
        break;
    }
}

void case_fold_finish(struct case_fold *fold)
{
    bool bad = false;
    for (size_t i = 0; i < fold->layers.count; i++) {
        bad = bad || fold->layers.items[i].bad > 0;
    }
    if (fold->finished && (fold->exit_code == EXIT_OPEN || (fold->exit_code == EXIT_SHUT && bad))) {
        return;
    }
    const size_t layer = layer_of(fold, RUN_LAYER, fold->started_ms);
    if (layer == NO_LAYER) {
        return;
    }
    const char *reason = fold->reason.len > 0 ? fold->reason.data : "the run did not end well";
    const struct case_entry entry = {
        .kind = ENTRY_RUN,
        .classname = RUN_LAYER,
        .name = "(run)",
        .time_s = -1,
        .status = OUTCOME_ERRORED,
        .message = fold->finished ? reason
                                  : "the run did not finish: sluice was killed or lost its "
                                    "machine; this report shows what had ended by then",
        .now_ms = fold->started_ms,
    };
    add_entry(fold, layer, &entry);
}

/* ---- life ---- */

void case_fold_init(struct case_fold *fold, const struct case_fold_ops *ops, void *context)
{
    assert(ops->entry != NULL);
    *fold = (struct case_fold){.ops = ops, .context = context};
    str_init(&fold->reason, 1u << 20);
}

void case_fold_fini(struct case_fold *fold)
{
    for (size_t i = 0; i < fold->layers.count; i++) {
        mem_free(fold->layers.items[i].id);
    }
    vec_fini(&fold->layers);
    for (size_t i = 0; i < fold->retried.count; i++) {
        case_attempts_fini(&fold->retried.items[i]->attempts);
        mem_free(fold->retried.items[i]->key);
        mem_free(fold->retried.items[i]);
    }
    vec_fini(&fold->retried);
    map_fini(&fold->retried_by_key);
    str_fini(&fold->reason);
}
