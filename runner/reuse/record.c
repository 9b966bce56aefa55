/* SPDX-License-Identifier: Apache-2.0 */
/* What ran becomes evidence: blobs first, then the row, so that every row has all it names. Fails
 * closed: whatever may have been missed, or may not be the same next time, is not stored. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "model/world.h"
#include "reuse/reuse_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A vector of EVIDENCE_QUESTIONS_MAX answers. */
#define VECTOR_BYTES_MAX ((size_t)EVIDENCE_QUESTIONS_MAX * 49)

#define OUTCOME_BYTES_MAX (512u << 20)

/* The observer's version, as rows keep it. */
#define TEXT_OF(number)      TEXT_OF_TOKEN(number)
#define TEXT_OF_TOKEN(token) #token
#define OBSERVER_TEXT        TEXT_OF(REUSE_OBSERVER_VERSION)

/* One piece of captured output; exec keeps a few MiB. */
#define CAPTURE_BYTES_MAX (1u << 30)

struct recording {
    struct reuse *reuse;
    struct reuse_lease *lease;
    const struct reuse_result *result;
    struct arena *arena;
    const char *why; /* why it is not stored */
    const struct observation *questions;
    size_t count;
    uint32_t *atoms;
    struct evidence_new row;
    struct outcome_artifacts artifacts;
    size_t text_room; /* bytes of output that may still be kept with the outcome */
    struct str vector;
    struct str outcome;
};

/* ---- may it become evidence ---- */

static const struct {
    unsigned flag;
    const char *why;
} barred[] = {
    {FLAG_UNSANDBOXED,    "it ran in place, outside of an isolated world"},
    {FLAG_CANCELLED,      "it was cancelled"                             },
    {FLAG_LEAKED_PROCESS, "processes outlived it"                        },
    {FLAG_LEAKED_PIPE,    "its output stayed open after it ended"        },
    {FLAG_KILLED,         "it had to be killed"                          },
    {FLAG_SCRATCH_FULL,   "its scratch space was full"                   },
    {FLAG_OOM,            "it was killed for memory"                     },
    {FLAG_OUTPUT_LOST,    "some of its output was lost: the disk is full"},
};

static const char *outcome_bar(const struct outcome *outcome)
{
    for (size_t i = 0; i < sizeof barred / sizeof barred[0]; i++) {
        if ((outcome->flags & barred[i].flag) != 0) {
            return barred[i].why;
        }
    }
    if (outcome->signal != 0) {
        return "it was ended by a signal";
    }
    switch (outcome->status) {
    case OUTCOME_PASSED:
    case OUTCOME_FAILED:
    case OUTCOME_SKIPPED:
        return outcome->exit_code < 0 ? "it did not come to an end by itself" : NULL;
    case OUTCOME_ERRORED:
        return "it could not say: an error is no answer";
    case OUTCOME_TIMED_OUT:
        return "it timed out";
    }
    return "its status is unknown";
}

static const char *trace_bar(const struct trace *trace, struct arena *arena)
{
    if (trace == NULL) {
        return "it was not observed";
    }
    for (unsigned i = 0; i < TRACE_FLAG_COUNT; i++) {
        if ((trace->flags & (1u << i)) != 0) {
            return arena_printf(arena,
                                "its trace is marked %s%s%s",
                                trace_flag_names[i],
                                trace->why != NULL ? ": " : "",
                                trace->why != NULL ? trace->why : "");
        }
    }
    return trace->flags == 0 ? NULL : "its trace has a mark that is not known here";
}

static bool is_declared(const struct recording *rec)
{
    return rec->lease->policy.mode == REUSE_DECLARED;
}

static const char *find_bar(const struct recording *rec)
{
    const struct outcome *outcome = rec->result->outcome;
    const char *bar = outcome_bar(outcome);
    if (bar == NULL && rec->lease->policy.mode == REUSE_OFF) {
        bar = "reuse is off for it";
    }
    if (bar == NULL && rec->lease->network && !is_declared(rec)) {
        bar = "it may use the network, and what it rests on is not declared (reuse: {declared: "
              "[...], ttl: ...})";
    }
    if (bar == NULL && !is_declared(rec)) {
        bar = trace_bar(outcome->trace, rec->arena);
    }
    return bar;
}

/* ---- questions ---- */

/* All are of one kind. */
static int compare_declared(const void *a, const void *b)
{
    const struct observation *x = a;
    const struct observation *y = b;
    assert(x != NULL && y != NULL);
    return strcmp(x->path, y->path);
}

int declared_questions(const struct reuse_policy *policy,
                       struct arena *arena,
                       struct observation **ret_questions,
                       size_t *ret_count,
                       struct err *err)
{
    size_t count = policy->declared.count;
    struct observation *questions = arena_calloc(arena, count + 1, sizeof *questions);
    for (size_t i = 0; questions != NULL && i < count; i++) {
        questions[i].kind = OBSERVE_SUBTREE;
        questions[i].path = arena_printf(arena, WORLD_ROOT "/%s", policy->declared.items[i]);
        if (questions[i].path == NULL) {
            questions = NULL;
        }
    }
    if (questions == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the declared files");
    }
    qsort(questions, count, sizeof *questions, compare_declared);
    *ret_questions = questions;
    *ret_count = count;
    return 0;
}

static int take_questions(struct recording *rec, struct err *err)
{
    const struct trace *trace = rec->result->outcome->trace;
    struct observation *declared = NULL;
    if (!is_declared(rec)) {
        rec->questions = trace->items;
        rec->count = trace->count;
        return 0;
    }
    int rc = declared_questions(&rec->lease->policy, rec->arena, &declared, &rec->count, err);
    rec->questions = declared;
    return rc;
}

/* Files of the machine are no immutable state: they must be now what the answers rest on. 0 = they
 * may have changed while it ran. */
static int recheck(struct recording *rec, struct err *err)
{
    struct answers *answers = state_answers(rec->lease->state);
    const char *path = NULL;
    int rc = answers_recheck_exposed(answers, &path);
    for (size_t i = 0; rc == 1 && i < rec->count; i++) {
        rc = answers_recheck(
            answers, &rec->questions[i], rec->result->outcome->started_ms, &path, err);
    }
    if (rc == 0) {
        rec->why = arena_printf(rec->arena, "%s may have changed while it ran", path);
    }
    return rc;
}

/* ---- the fingerprint ---- */

/* 1; 0 = a question has no answer that could be compared later. */
static int fingerprint(struct recording *rec, struct err *err)
{
    struct term sum = {0};
    struct reuse_state *state = rec->lease->state;
    rec->atoms = arena_calloc(rec->arena, rec->count + 1, sizeof *rec->atoms);
    if (rec->atoms == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a trace");
    }
    int rc = evidence_intern(rec->reuse->store, rec->questions, rec->count, rec->atoms, err);
    rc = rc == 0 ? state_fast(state, rec->atoms, rec->count, &sum, err) : rc;
    if (rc != 1) {
        rec->why = rc == 0 ? "it looked at something that no state can stand for" : rec->why;
        return rc;
    }
    rc = state_vector(state, rec->atoms, rec->count, &rec->vector, err);
    if (rc != 0) {
        return rc;
    }
    term_bytes(sum, rec->row.fast);
    rec->row.full = hash_bytes(str_text(&rec->vector), rec->vector.len);
    rec->row.vector = str_text(&rec->vector);
    rec->row.vector_len = rec->vector.len;
    rec->row.questions = rec->questions;
    rec->row.question_count = rec->count;
    return 1;
}

/* ---- what it left ---- */

static int read_capture(const struct recording *rec,
                        const struct capture *capture,
                        struct str *out,
                        struct err *err)
{
    char path[2 * PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", rec->result->run_dir, capture->file);
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot read %s", path);
    }
    if (capture->len > CAPTURE_BYTES_MAX || str_reserve(out, (size_t)capture->len) != 0) {
        return err_set(err, -EFBIG, "%s: too much output", path);
    }
    while (out->len < capture->len) {
        ssize_t n = pread(fd,
                          out->data + out->len,
                          (size_t)capture->len - out->len,
                          (off_t)(capture->offset + out->len));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? err_errno(err, "cannot read %s", path)
                         : err_set(err, -EIO, "%s is shorter than it was", path);
        }
        out->len += (size_t)n;
    }
    return 0;
}

struct kept_output {
    struct hash blob; /* zeros = none */
    const char *text; /* NULL = none */
    size_t len;
};

/* Short output is kept with the outcome, as long as there is room; the rest is a blob. */
static int put_capture(struct recording *rec,
                       const struct capture *capture,
                       struct kept_output *ret_kept,
                       struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CAPTURE_BYTES_MAX);
    if (capture->len == 0 || capture->file == NULL) {
        return 0;
    }
    int rc = read_capture(rec, capture, &text, err);
    if (rc != 0) {
        return rc;
    }
    if (!outcome_takes_texts(rec->result->outcome) || text.len > rec->text_room) {
        return blobs_put(rec->reuse->blobs, str_text(&text), text.len, &ret_kept->blob, err);
    }
    char *copy = arena_alloc(rec->arena, text.len + 1);
    if (copy == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to store what a unit printed");
    }
    memcpy(copy, str_text(&text), text.len);
    rec->text_room -= text.len;
    ret_kept->text = copy;
    ret_kept->len = text.len;
    return 0;
}

/* Adds the digests of all but folders: their content must be in the store. */
static int list_blobs(struct recording *rec, const struct manifest *products, struct err *err)
{
    const size_t before = rec->row.product_count;
    struct hash *blobs = arena_calloc(rec->arena, before + products->count + 1, sizeof *blobs);
    size_t used = before;
    if (blobs == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a list of products");
    }
    if (before > 0) {
        memcpy(blobs, rec->row.products, before * sizeof *blobs);
    }
    for (size_t i = 0; i < products->count; i++) {
        const struct product *product = &products->items[i];
        if (S_ISDIR(product->mode)) {
            continue;
        }
        if (!blobs_has(rec->reuse->blobs, &product->digest)) {
            return err_set(err, -ENOENT, "the product %s was not kept", product->path);
        }
        blobs[used++] = product->digest;
    }
    rec->row.products = blobs;
    rec->row.product_count = used;
    return 0;
}

static int put_manifest(struct recording *rec,
                        const struct manifest *products,
                        struct hash *ret_blob,
                        struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(MANIFEST_BYTES_MAX);
    int rc = list_blobs(rec, products, err);
    if (rc == 0 && manifest_encode(products, &text) != 0) {
        rc = err_set(err, str_error(&text), "the list of products is too long");
    }
    return rc == 0 ? blobs_put(rec->reuse->blobs, str_text(&text), text.len, ret_blob, err) : rc;
}

/* Only what passed has products: nothing was collected of anything else. */
static int put_products(struct recording *rec, struct err *err)
{
    const struct manifest *products = rec->result->products;
    int rc = 0;
    if (rec->result->outcome->status != OUTCOME_PASSED) {
        return 0;
    }
    if (rec->result->folder != NULL) { /* read again: contents go into the store */
        rc = reuse_read_products(rec->reuse, rec->result->folder, true, rec->arena, &products, err);
    }
    if (rc != 0 || products == NULL || products->count == 0) {
        return rc;
    }
    return put_manifest(rec, products, &rec->row.manifest, err);
}

/* The manifest of the artifacts is named by the outcome; the row names it among its products. */
static int put_artifacts(struct recording *rec, struct err *err)
{
    const char *folder = rec->result->artifacts;
    const struct manifest *artifacts = NULL;
    rec->artifacts.patterns = rec->lease->artifacts;
    if (!rec->lease->wants_artifacts || folder == NULL || !file_exists(folder)) {
        return 0;
    }
    int rc = reuse_read_products(rec->reuse, folder, true, rec->arena, &artifacts, err);
    if (rc != 0 || artifacts->count == 0) {
        return rc;
    }
    rc = put_manifest(rec, artifacts, &rec->artifacts.manifest, err);
    if (rc == 0) {
        struct hash *blobs = arena_calloc(rec->arena, rec->row.product_count + 1, sizeof *blobs);
        if (blobs == NULL) {
            return err_set(err, -ENOMEM, "not enough memory for a list of artifacts");
        }
        memcpy(blobs, rec->row.products, rec->row.product_count * sizeof *blobs);
        blobs[rec->row.product_count++] = rec->artifacts.manifest;
        rec->row.products = blobs;
    }
    return rc;
}

static int put_blobs(struct recording *rec, struct err *err)
{
    const struct outcome *outcome = rec->result->outcome;
    struct kept_output out = {0};
    struct kept_output errors = {0};
    int rc = put_capture(rec, &outcome->out, &out, err);
    rc = rc == 0 ? put_capture(rec, &outcome->err, &errors, err) : rc;
    rc = rc == 0 ? put_products(rec, err) : rc;
    rc = rc == 0 ? put_artifacts(rec, err) : rc;
    const struct outcome_texts texts = {.out = out.text,
                                        .out_len = out.len,
                                        .err = errors.text,
                                        .err_len = errors.len,
                                        .artifacts =
                                            rec->lease->wants_artifacts ? &rec->artifacts : NULL};
    rec->row.stdout_blob = out.blob;
    rec->row.stderr_blob = errors.blob;
    if (rc == 0 && outcome_encode(outcome, &texts, &rec->outcome) != 0) {
        rc = err_set(err, str_error(&rec->outcome), "not enough memory to store an outcome");
    }
    rec->row.outcome = str_text(&rec->outcome);
    rec->row.outcome_len = rec->outcome.len;
    return rc;
}

/* ---- the row ---- */

static void fill_row(struct recording *rec)
{
    const struct outcome *outcome = rec->result->outcome;
    const struct reuse_options *options = &rec->reuse->options;
    const int64_t ttl_ms = rec->lease->policy.ttl_ms;
    struct evidence_new *row = &rec->row;
    row->unit_key = rec->lease->key;
    row->words = rec->lease->words;
    row->passed = outcome->status != OUTCOME_FAILED;
    row->products_vary = true; /* judged where a consumer read it */
    row->kind = is_declared(rec) ? EVIDENCE_DECLARED : EVIDENCE_OBSERVED;
    row->trust = options->trust;
    row->scope = options->scope;
    row->tree = rec->lease->state->world.tree != NULL ? rec->lease->state->world.tree : "";
    row->run = options->run;
    row->host = options->host;
    row->observer = OBSERVER_TEXT;
    row->time_ms = reuse_now(rec->reuse);
    row->wall_ns = outcome->wall_ns;
    row->cpu_us = outcome->cpu_user_us + outcome->cpu_sys_us;
    row->expires_ms = ttl_ms > 0 ? row->time_ms + ttl_ms : 0;
}

/* ---- contradictions ---- */

static const char *name_of(const struct recording *rec)
{
    return rec->lease->unit != NULL ? rec->lease->unit : "a unit";
}

static void tell_conflict(struct recording *rec, const struct evidence_added *added)
{
    const struct evidence_conflict *conflict = &added->conflict;
    if (conflict->status) {
        reuse_note(rec->reuse,
                   "%s is flaky, proven: it passed and failed with the same inputs (evidence %lld "
                   "and %lld). It runs every time until `sluice cache quarantine` lifts it",
                   name_of(rec),
                   (long long)conflict->other_id,
                   (long long)added->id);
    } else if (conflict->products) {
        varying_add(
            rec->reuse, name_of(rec), &conflict->other_manifest, &rec->row.manifest, rec->arena);
    }
}

/* A hit that ran again came to something else: what was reused is not to be trusted. `id`: its row,
 * 0 = it earned none. */
static void quarantine_verified(struct recording *rec, int64_t id, const char *ended)
{
    const struct reuse_lease *lease = rec->lease;
    const struct evidence_quarantine quarantine = {
        .unit_key = lease->key,
        .reason = "a hit that ran again to verify it came to another result",
        .time_ms = reuse_now(rec->reuse),
        .first_id = lease->verify_id,
        .second_id = id,
        .trust = lease->verify_trust,
        .scope = lease->verify_scope,
        .other_trust = rec->reuse->options.trust,
        .other_scope = rec->reuse->options.scope,
    };
    (void)evidence_quarantine_add(rec->reuse->store, &quarantine, NULL);
    reuse_note(rec->reuse,
               "%s was to be reused as %s, and %s when it ran again to verify that: its evidence "
               "is not used any more (evidence %lld)",
               name_of(rec),
               lease->verify_passed ? "passed" : "failed",
               ended,
               (long long)lease->verify_id);
}

static void judge_verified(struct recording *rec, int64_t id)
{
    if (rec->lease->verify && rec->lease->verify_passed != rec->row.passed) {
        quarantine_verified(rec, id, rec->row.passed ? "passed" : "failed");
    }
}

/* What the machine or somebody else may have done to it says nothing about the evidence. */
#define FLAGS_FROM_OUTSIDE                                                         \
    ((unsigned)FLAG_UNSANDBOXED | (unsigned)FLAG_CANCELLED | (unsigned)FLAG_KILLED \
     | (unsigned)FLAG_SCRATCH_FULL | (unsigned)FLAG_OOM | (unsigned)FLAG_OUTPUT_LOST)

/* How it ended if that speaks against a pass, be it fit as evidence or not; NULL = it does not. */
static const char *bad_end(const struct outcome *outcome)
{
    if ((outcome->flags & FLAGS_FROM_OUTSIDE) != 0 || outcome->signal == SIGKILL) {
        return NULL;
    }
    if (outcome->signal != 0 && outcome->status == OUTCOME_ERRORED) {
        return "was ended by a signal";
    }
    return outcome->status == OUTCOME_FAILED ? "failed" : NULL;
}

/* ---- all of it ---- */

/* A further attempt makes no row: what came before failed. That it passed now is what counts; that
 * it failed again says little, as one bad minute of a machine fails all attempts of a run alike. */
static int count_attempt(struct recording *rec, struct err *err)
{
    rec->why = "it is a further attempt: only counted";
    return evidence_ledger_count(
        rec->reuse->store, &rec->lease->key, &rec->row.full, rec->row.passed, err);
}

static int store_it(struct recording *rec, struct err *err)
{
    struct evidence_added added = {0};
    int rc = fingerprint(rec, err);
    if (rc <= 0) {
        return rc;
    }
    fill_row(rec);
    if (rec->result->outcome->attempt > 1) {
        return count_attempt(rec, err);
    }
    rc = put_blobs(rec, err);
    if (rc == 0 && rec->lease->replaces != 0 && (rec->row.passed || rec->lease->replaces_failed)) {
        /* else what came now would only confirm it, as old, slow or bare as it was */
        rc = evidence_forget(rec->reuse->store, rec->lease->replaces, err);
    }
    rc = rc == 0 ? evidence_add(rec->reuse->store, &rec->row, &added, err) : rc;
    if (rc != 0) {
        return rc;
    }
    tell_conflict(rec, &added);
    judge_verified(rec, added.id);
    if (rec->row.passed && !added.conflict.found) {
        shortcut_put(rec->lease->state, &rec->lease->key, added.id, rec->atoms, rec->count);
    }
    return 1;
}

/* It earned nothing, but may still speak against the pass that it was to verify: a test that
 * crashes has no evidence, and the hit would come back in the next run. */
static void judge_unfit(struct recording *rec)
{
    const struct outcome *outcome = rec->result->outcome;
    const char *ended = bad_end(outcome);
    const char *why = rec->why;
    if (!rec->lease->verify || !rec->lease->verify_passed || ended == NULL
        || state_answers(rec->lease->state) == NULL) {
        return;
    }
    const bool asked = is_declared(rec) || outcome->trace != NULL;
    if (asked && take_questions(rec, NULL) == 0 && recheck(rec, NULL) == 1) {
        quarantine_verified(rec, 0, ended);
    }
    rec->why = why;
}

static int record(struct recording *rec, struct err *err)
{
    rec->why = find_bar(rec);
    if (rec->why != NULL) {
        judge_unfit(rec);
        return 0;
    }
    if (state_answers(rec->lease->state) == NULL) {
        rec->why = "its state has no answers";
        return 0;
    }
    int rc = take_questions(rec, err);
    if (rc == 0) {
        varying_judge(rec->reuse, rec->lease, rec->questions, rec->count);
    }
    rc = rc == 0 ? recheck(rec, err) : rc;
    return rc == 1 ? store_it(rec, err) : rc;
}

int reuse_record(struct reuse *reuse,
                 struct reuse_lease *lease,
                 const struct reuse_result *result,
                 struct arena *arena,
                 const char **ret_why,
                 struct err *err)
{
    struct recording rec = {
        .reuse = reuse,
        .lease = lease,
        .result = result,
        .arena = arena,
        .text_room = OUTCOME_TEXTS_MAX,
        .vector = STR_INIT(VECTOR_BYTES_MAX),
        .outcome = STR_INIT(OUTCOME_BYTES_MAX),
    };
    reuse_picture_end(reuse);
    int rc = record(&rec, err);
    if (rc == 0 && result->outcome->status == OUTCOME_PASSED) {
        rc = reuse_doubt_failures(reuse, lease->state, &lease->key, &rec.row.full, arena, err);
    }
    str_fini(&rec.vector);
    str_fini(&rec.outcome);
    reuse_release(reuse, lease);
    *ret_why = rec.why;
    return rc;
}
