/* SPDX-License-Identifier: Apache-2.0 */
/* The look-up, class by class, the most recently used first: sum up the answers, ask the store
 * whether any row has that sum, prove it by the full fingerprint, read the row. What cannot be
 * looked up must run. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One outcome with its cases; as the event log allows. */
#define OUTCOME_BYTES_MAX (512u << 20)

/* A vector of EVIDENCE_QUESTIONS_MAX answers. */
#define VECTOR_BYTES_MAX ((size_t)EVIDENCE_QUESTIONS_MAX * 49)

#define MILLION 1000000u

/* Runs that must have failed with the same answers before a failure stands for a run: one may be
 * chance, and testers do not forgive a remembered red they cannot reproduce. */
#define CONFIRMED_RUNS 2u

/* Clocks of machines that share evidence differ by less. What is earned later than this from now
 * was earned under a clock that was wrong, and its age cannot be told. */
#define CLOCK_SKEW_MS (INT64_C(10) * 60 * 1000)

struct look {
    struct reuse *reuse;
    const struct reuse_request *request;
    struct arena *arena;
    struct reuse_decision *decision;
    struct evidence_row row;
    const uint32_t *atoms; /* of the class that answered; NULL = not known */
    size_t atom_count;
    bool carried; /* it answered over another tree */
    struct flight flight;
    const struct outcome_artifacts *artifacts; /* as the row has them; NULL = none */
    const char *doubt;                         /* why a failure that was found does not answer */
};

struct evidence_reader reuse_reader(const struct reuse *reuse)
{
    return (struct evidence_reader){.trust = reuse->options.trust, .scope = reuse->options.scope};
}

static bool is_declared(const struct reuse_policy *policy)
{
    return policy != NULL && policy->mode == REUSE_DECLARED;
}

/* ---- rows ---- */

/* Is the row that was found over its time, older than the policy allows, or than can be told? */
static bool is_too_old(const struct look *look, int64_t now_ms)
{
    const struct reuse_policy *policy = look->request->policy;
    const int64_t age_ms = now_ms - look->row.time_ms;
    return (look->row.expires_ms != 0 && look->row.expires_ms <= now_ms)
           || (policy != NULL && policy->ttl_ms > 0
               && (age_ms >= policy->ttl_ms || age_ms < -CLOCK_SKEW_MS));
}

/* Of rows with the same answers the one of the highest trust is found. Where that one will not do,
 * is there one of our own? Then it is the row that was found, whatever its age. */
static bool turn_to_own(struct look *look)
{
    struct evidence_row row;
    const struct evidence_query query = {
        .unit_key = look->row.unit_key,
        .class_id = look->row.class_id,
        .full = look->row.full,
        .reader = reuse_reader(look->reuse),
        .failed_too = true,
        .own = true,
        .now_ms = 1,
    };
    if (evidence_find(look->reuse->store, &query, look->arena, &row, NULL) != 1
        || row.id == look->row.id) {
        return false;
    }
    look->row = row;
    return true;
}

static int find_row(struct look *look, const struct evidence_query *query, bool *ret_expired)
{
    int rc = evidence_find(look->reuse->store, query, look->arena, &look->row, NULL);
    if (rc == 0) { /* would there be one, were it not for its age? */
        struct evidence_query ageless = *query;
        ageless.now_ms = 1;
        rc = evidence_find(look->reuse->store, &ageless, look->arena, &look->row, NULL);
    }
    if (rc == 1 && is_too_old(look, query->now_ms)
        && (!turn_to_own(look) || is_too_old(look, query->now_ms))) {
        *ret_expired = true;
        return 0;
    }
    return rc;
}

static int hash_vector(struct reuse_state *state,
                       const uint32_t *atoms,
                       size_t count,
                       struct hash *ret_full)
{
    CLEANUP(str_fini) struct str vector = STR_INIT(VECTOR_BYTES_MAX);
    int rc = state_vector(state, atoms, count, &vector, NULL);
    if (rc == 0) {
        *ret_full = hash_bytes(str_text(&vector), vector.len);
    }
    return rc;
}

/* Others that have the same answers wait for each other: what they sum up to names the questions,
 * too. */
static void note_class(struct look *look, const unsigned char *fast)
{
    if (!look->flight.has_class) {
        memcpy(look->flight.by_class.bytes, fast, EVIDENCE_FAST_SIZE);
        look->flight.has_class = true;
    }
}

/* One class: 1 = a row answers, 0 = none, *ret_reason says more when there nearly was one. */
static int look_at_class(struct look *look,
                         const struct evidence_class *item,
                         enum reuse_reason *reason)
{
    struct reuse_state *state = look->request->state;
    struct term sum = {0};
    bool expired = false;
    uint32_t *atoms = arena_calloc(look->arena, item->count + 1u, sizeof *atoms);
    if (atoms == NULL || evidence_class_atoms(item, atoms, NULL) != 0
        || state_fast(state, atoms, item->count, &sum, NULL) != 1) {
        return 0;
    }
    unsigned char fast[EVIDENCE_FAST_SIZE];
    term_bytes(sum, fast);
    note_class(look, fast);
    struct evidence_query query = {
        .unit_key = look->request->key,
        .class_id = item->id,
        .reader = reuse_reader(look->reuse),
        .failed_too = true,
        .now_ms = reuse_now(look->reuse),
    };
    if ((!item->foreign && evidence_probe(look->reuse->store, item->id, fast, NULL) != 1)
        || hash_vector(state, atoms, item->count, &query.full) != 0) {
        return 0;
    }
    int found = find_row(look, &query, &expired);
    if (found == 1) {
        look->atoms = atoms;
        look->atom_count = item->count;
        return 1;
    }
    *reason = expired ? REUSE_REASON_EXPIRED : *reason;
    return 0;
}

static int look_at_classes(struct look *look, enum reuse_reason *reason)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    if (evidence_classes(
            look->reuse->store, &look->request->key, look->arena, &classes, &count, NULL)
        != 0) {
        *reason = REUSE_REASON_TROUBLE;
        return 0;
    }
    *reason = count == 0 ? REUSE_REASON_NEW : REUSE_REASON_CHANGED;
    for (size_t i = 0; i < count; i++) {
        if (look_at_class(look, &classes[i], reason) == 1) {
            return 1;
        }
    }
    return 0;
}

/* A row by its id, if it may still answer. */
static bool get_row(struct look *look, int64_t id)
{
    const struct reuse_request *request = look->request;
    const struct evidence_query query = {
        .unit_key = request->key,
        .reader = reuse_reader(look->reuse),
        .failed_too = true,
        .now_ms = reuse_now(look->reuse),
    };
    struct evidence_roll *roll = request->state->roll;
    if (id == 0) {
        return false;
    }
    if (roll != NULL && evidence_roll_get(look->reuse->store, roll, id, &query, &look->row) == 1) {
        return !is_too_old(look, query.now_ms);
    }
    if (evidence_get(look->reuse->store, id, &query, look->arena, &look->row, NULL) != 1) {
        return false;
    }
    if (roll != NULL) {
        evidence_roll_add(look->reuse->store, roll, &look->row);
    }
    return !is_too_old(look, query.now_ms);
}

/* Does nothing that the row's class asks of differ from the tree where it answered? */
static bool is_untouched(struct look *look)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    if (evidence_classes(
            look->reuse->store, &look->request->key, look->arena, &classes, &count, NULL)
        != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (classes[i].id == look->row.class_id) {
            uint32_t *atoms = arena_calloc(look->arena, classes[i].count + 1u, sizeof *atoms);
            return atoms != NULL && evidence_class_atoms(&classes[i], atoms, NULL) == 0
                   && shortcut_holds(look->request->state, atoms, classes[i].count);
        }
    }
    return false;
}

/* What answered in this very state before, or over the tree before: no class needs to be summed up.
 */
static bool look_at_shortcut(struct look *look)
{
    struct reuse_state *state = look->request->state;
    const struct hash *key = &look->request->key;
    if (get_row(look, shortcut_get(state, key))) {
        return true;
    }
    if (!get_row(look, shortcut_carried(state, key)) || !is_untouched(look)) {
        return false;
    }
    look->carried = true;
    return true;
}

/* ---- from a row to an outcome ---- */

static bool is_none(const struct hash *digest)
{
    static const struct hash none = {0};
    return memcmp(digest->bytes, none.bytes, HASH_SIZE) == 0;
}

static const struct hash *blob_of(struct look *look, const struct hash *digest, bool *whole)
{
    if (is_none(digest)) {
        return NULL;
    }
    struct hash *kept = arena_alloc(look->arena, sizeof *kept);
    *whole = *whole && kept != NULL && blobs_has(look->reuse->blobs, digest);
    if (kept != NULL) {
        *kept = *digest;
    }
    return kept;
}

static bool read_manifest(struct look *look,
                          const struct hash *blob,
                          const struct manifest **ret_products)
{
    struct manifest *manifest = arena_calloc(look->arena, 1, sizeof *manifest);
    CLEANUP(str_fini) struct str text = STR_INIT(OUTCOME_BYTES_MAX);
    if (manifest == NULL || blobs_get(look->reuse->blobs, blob, &text, NULL) != 0
        || manifest_decode(str_text(&text), text.len, look->arena, manifest, NULL) != 0) {
        return false;
    }
    for (size_t i = 0; i < manifest->count; i++) {
        const struct product *product = &manifest->items[i];
        if (!is_none(&product->digest) && !blobs_has(look->reuse->blobs, &product->digest)) {
            return false;
        }
    }
    *ret_products = manifest;
    return true;
}

static const struct reused *origin_of(const struct look *look)
{
    const struct evidence_row *row = &look->row;
    struct reused *reused = arena_calloc(look->arena, 1, sizeof *reused);
    if (reused != NULL) {
        reused->evidence = arena_printf(look->arena, "%lld", (long long)row->id);
        reused->run = row->run;
        reused->change = row->scope != NULL && row->scope[0] != '\0' ? row->scope : NULL;
        reused->tree = row->tree != NULL && row->tree[0] != '\0' ? row->tree : NULL;
        reused->earned_ms = row->time_ms;
    }
    return reused;
}

/* False: something of it is missing or broken, and the row is no use any more. */
static bool read_outcome(struct look *look)
{
    struct reuse_decision *decision = look->decision;
    CLEANUP(str_fini) struct str text = STR_INIT(OUTCOME_BYTES_MAX);
    struct outcome *outcome = arena_calloc(look->arena, 1, sizeof *outcome);
    struct outcome_bytes bytes = {.at = look->row.outcome, .len = look->row.outcome_len};
    struct outcome_texts texts = {0};
    bool whole = true;
    if (bytes.at == NULL) {
        if (evidence_outcome(look->reuse->store, &look->row, &text, NULL) != 0) {
            return false;
        }
        bytes = (struct outcome_bytes){.at = str_text(&text), .len = text.len};
    }
    if (outcome == NULL || outcome_decode(&bytes, look->arena, outcome, &texts, NULL) != 0) {
        return false;
    }
    outcome->reused = origin_of(look);
    outcome->final = true;
    decision->outcome = outcome;
    decision->evidence = look->row.id;
    decision->out_text = texts.out;
    decision->out_len = texts.out_len;
    decision->err_text = texts.err;
    decision->err_len = texts.err_len;
    decision->out = blob_of(look, &look->row.stdout_blob, &whole);
    decision->err = blob_of(look, &look->row.stderr_blob, &whole);
    look->artifacts = texts.artifacts;
    return whole && outcome->reused != NULL
           && (is_none(&look->row.manifest)
               || read_manifest(look, &look->row.manifest, &decision->products));
}

/* Are the artifacts that are asked for now there as well? */
static bool find_artifacts(struct look *look)
{
    const struct text_list *wanted = &look->request->artifacts;
    if (wanted->count == 0) {
        return true;
    }
    const struct hash patterns = hash_patterns(wanted);
    return look->artifacts != NULL && !is_none(&patterns) /* for want of memory */
           && memcmp(&look->artifacts->patterns, &patterns, sizeof patterns) == 0
           && (is_none(&look->artifacts->manifest)
               || read_manifest(look, &look->artifacts->manifest, &look->decision->artifacts));
}

/* ---- the decision ---- */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static const char *run_words(struct look *look, enum reuse_reason reason)
{
    const char *difference = NULL;
    char took[DURATION_TEXT_MAX];
    switch (reason) {
    case REUSE_REASON_NEW:
        return "it has never run with this command and these settings, as far as this store knows";
    case REUSE_REASON_CHANGED:
        difference =
            explain_difference(look->request->state, &look->request->key, look->arena, NULL);
        return difference != NULL ? difference : "what it looks at has changed";
    case REUSE_REASON_EXPIRED:
        return arena_printf(look->arena,
                            "its evidence is too old: %s",
                            or_empty(explain_origin(look->reuse, &look->row, look->arena)));
    case REUSE_REASON_SLOW:
        return arena_printf(look->arena,
                            "it took %s, which is more than its timeout is now: %s",
                            duration_format(look->row.wall_ns / MILLION, took),
                            or_empty(explain_origin(look->reuse, &look->row, look->arena)));
    case REUSE_REASON_ARTIFACTS:
        return arena_printf(look->arena,
                            "the artifacts that are asked for were not kept with it: %s",
                            or_empty(explain_origin(look->reuse, &look->row, look->arena)));
    case REUSE_REASON_QUARANTINED:
        return "its evidence contradicts itself (sluice cache quarantine shows how)";
    case REUSE_REASON_FAILED:
        return arena_printf(look->arena,
                            "%s: %s",
                            look->doubt != NULL ? look->doubt : "it failed with the same inputs",
                            or_empty(explain_origin(look->reuse, &look->row, look->arena)));
    case REUSE_REASON_OFF:
        return "nothing is looked up for it";
    case REUSE_REASON_DAMAGED:
        return "it has evidence, but what was stored with it is missing or damaged";
    case REUSE_REASON_TROUBLE:
        return "evidence could not be looked up";
    case REUSE_REASON_VERIFY:
    case REUSE_REASON_BUSY:
    case REUSE_REASON_NONE:
        break;
    }
    return "";
}

/* The row that was found, if a pass of ours may take its place. */
static int64_t own_row(const struct look *look)
{
    const struct evidence_reader reader = reuse_reader(look->reuse);
    const bool own = look->row.trust == reader.trust
                     && strcmp(or_empty(look->row.scope), or_empty(reader.scope)) == 0;
    return own ? look->row.id : 0;
}

static void join(struct look *look, const char *holder)
{
    look->decision->action = REUSE_JOIN;
    look->decision->reason = REUSE_REASON_BUSY;
    look->decision->why =
        or_empty(arena_printf(look->arena, "the same is being run by %s", holder));
}

/* It runs, unless another process is at it already. */
static void decide_run(struct look *look, enum reuse_reason reason)
{
    struct reuse_decision *decision = look->decision;
    char holder[EVIDENCE_OWNER_MAX] = "";
    *decision = (struct reuse_decision){.action = REUSE_RUN, .reason = reason};
    decision->why = or_empty(run_words(look, reason));
    const bool alone = look->request->no_join || look->request->again;
    if (look->request->peek) {
        if (!alone && flight_is_under_way(look->reuse, &look->flight, holder)) {
            join(look, holder);
        }
        return;
    }
    decision->lease = lease_new(look->reuse, look->request);
    if (decision->lease != NULL
        && (reason == REUSE_REASON_EXPIRED || reason == REUSE_REASON_SLOW
            || reason == REUSE_REASON_ARTIFACTS)) {
        decision->lease->replaces = own_row(look);
        decision->lease->replaces_failed = reason == REUSE_REASON_ARTIFACTS;
    }
    if (decision->lease == NULL || alone
        || flight_take(look->reuse, &look->flight, decision->lease, holder)) {
        return;
    }
    reuse_release(look->reuse, decision->lease);
    decision->lease = NULL;
    join(look, holder);
}

/* The same units in every process of a run, others in the next run. */
static bool in_sample(const struct look *look)
{
    const struct reuse_policy *policy = look->request->policy;
    unsigned ppm = look->reuse->options.verify_ppm;
    char hex[HASH_HEX_SIZE];
    char text[HASH_HEX_SIZE + 256];
    if (policy != NULL && policy->verify_ppm > ppm) {
        ppm = policy->verify_ppm;
    }
    if (look->request->peek || ppm == 0) {
        return false;
    }
    (void)snprintf(text,
                   sizeof text,
                   "%.200s %s",
                   look->reuse->options.run,
                   hash_hex(&look->request->key, hex));
    return hash_stable64(text) % MILLION < ppm;
}

static const char *hit_words(struct look *look)
{
    const char *origin = explain_origin(look->reuse, &look->row, look->arena);
    return look->row.passed
               ? origin
               : arena_printf(look->arena,
                              "it failed %u times with the same inputs and never passed; %s",
                              look->row.confirmed,
                              or_empty(origin));
}

/* Its use is noted at the end, when that of earlier runs is not recent enough. */
static void note_use(const struct look *look)
{
    struct reuse *reuse = look->reuse;
    struct evidence_roll *roll = look->request->state->roll;
    const int64_t now_ms = reuse_now(reuse);
    if (look->row.used_ms > now_ms - BLOB_TOUCH_MS) {
        return;
    }
    (void)vec_push(&reuse->used, look->row.id);
    if (roll != NULL) {
        evidence_roll_touch(roll, look->row.id, now_ms);
    }
}

static void decide_hit(struct look *look)
{
    struct reuse_decision *decision = look->decision;
    const struct reuse_request *request = look->request;
    decision->action = REUSE_HIT;
    if (in_sample(look)) {
        decision->lease = lease_new(look->reuse, look->request);
    }
    decision->why = request->brief && decision->lease == NULL ? "" : or_empty(hit_words(look));
    if (decision->lease != NULL) {
        decision->action = REUSE_VERIFY;
        decision->reason = REUSE_REASON_VERIFY;
        decision->why = or_empty(
            arena_printf(look->arena, "it is in the sample that runs again; %s", decision->why));
        decision->lease->verify = true;
        decision->lease->verify_id = look->row.id;
        decision->lease->verify_passed = look->row.passed;
        decision->lease->verify_trust = look->row.trust;
        decision->lease->verify_scope =
            arena_strdup(decision->lease->arena, or_empty(look->row.scope));
        return;
    }
    if (!request->peek) {
        note_use(look);
        if (look->atoms != NULL || look->carried) {
            shortcut_put(
                request->state, &request->key, look->row.id, look->atoms, look->atom_count);
        }
    }
}

/* Did it take longer than it may now? A fresh run may well be ended by its timeout. */
static bool is_too_slow(const struct look *look)
{
    const int64_t timeout_ms = look->request->timeout_ms;
    return timeout_ms > 0 && look->row.wall_ns / MILLION >= timeout_ms;
}

/* Does another class of the unit hold a pass that answers in this state too? */
static bool passed_elsewhere(const struct look *look)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    struct look other = *look;
    enum reuse_reason reason = REUSE_REASON_NONE;
    if (evidence_classes(
            look->reuse->store, &look->request->key, look->arena, &classes, &count, NULL)
        != 0) {
        return true; /* not known is no */
    }
    for (size_t i = 0; i < count; i++) {
        if (classes[i].id != look->row.class_id && look_at_class(&other, &classes[i], &reason) == 1
            && other.row.passed) {
            return true;
        }
    }
    return false;
}

/* May a failure stand for a run? Only one that was observed, came again, and that nothing speaks
 * against: a flaky unit would be red for as long as its inputs stay. NULL = yes. */
static const char *doubt_failure(const struct look *look)
{
    uint64_t passes = 0;
    uint64_t failures = 0;
    if (!look->request->take_fails || look->row.kind != EVIDENCE_OBSERVED) {
        return "it failed with the same inputs, and failures of it always run again";
    }
    if (look->row.confirmed < CONFIRMED_RUNS) {
        return "it failed with the same inputs, and no second run has confirmed that";
    }
    if (evidence_ledger(
            look->reuse->store, &look->row.unit_key, &look->row.full, &passes, &failures, NULL)
            != 0
        || passes > 0 || passed_elsewhere(look)) {
        return "it failed with the same inputs, and passed with them too: it is flaky";
    }
    return NULL;
}

int reuse_doubt_failures(struct reuse *reuse,
                         struct reuse_state *state,
                         const struct hash *key,
                         const struct hash *counted,
                         struct arena *arena,
                         struct err *err)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    const struct reuse_request request = {.state = state, .key = *key};
    struct look look = {.reuse = reuse, .request = &request, .arena = arena};
    enum reuse_reason reason = REUSE_REASON_NONE;
    int rc = evidence_classes(reuse->store, key, arena, &classes, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (look_at_class(&look, &classes[i], &reason) == 1 && !look.row.passed
            && memcmp(&look.row.full, counted, sizeof *counted) != 0) {
            rc = evidence_ledger_count(reuse->store, key, &look.row.full, true, err);
        }
    }
    return rc;
}

/* Why the row that was found does not answer; NONE = it does. */
static enum reuse_reason judge_row(struct look *look)
{
    const struct reuse_request *request = look->request;
    *look->decision = (struct reuse_decision){.action = REUSE_RUN};
    look->doubt = !look->row.passed && !request->attribute ? doubt_failure(look) : NULL;
    if (look->doubt != NULL) {
        return REUSE_REASON_FAILED;
    }
    if (is_too_slow(look)) {
        return REUSE_REASON_SLOW;
    }
    if (!read_outcome(look)) {
        return REUSE_REASON_DAMAGED;
    }
    return find_artifacts(look) ? REUSE_REASON_NONE : REUSE_REASON_ARTIFACTS;
}

/* A row was found. */
static void decide_row(struct look *look)
{
    enum reuse_reason reason = judge_row(look);
    if ((reason == REUSE_REASON_SLOW || reason == REUSE_REASON_ARTIFACTS) && turn_to_own(look)) {
        reason = is_too_old(look, reuse_now(look->reuse)) ? REUSE_REASON_EXPIRED : judge_row(look);
    }
    if (reason == REUSE_REASON_NONE) {
        decide_hit(look);
        return;
    }
    if (reason == REUSE_REASON_DAMAGED && !look->request->peek) {
        reuse_picture_end(look->reuse);
        (void)evidence_forget(look->reuse->store, look->row.id, NULL);
    }
    decide_run(look, reason);
}

/* Reasons to look nothing up. */
static bool looks_up(struct look *look, enum reuse_reason *reason)
{
    const struct reuse_request *request = look->request;
    const struct reuse_policy *policy = request->policy;
    bool undeclared_net = request->state->network && !is_declared(policy);
    *reason = REUSE_REASON_OFF;
    if ((policy != NULL && policy->mode == REUSE_OFF) || undeclared_net || request->again
        || look->reuse->options.hits_off) {
        return false;
    }
    const struct evidence_reader reader = reuse_reader(look->reuse);
    int rc =
        evidence_quarantined(look->reuse->store, &request->key, &reader, look->arena, NULL, NULL);
    *reason = rc == 1 ? REUSE_REASON_QUARANTINED : REUSE_REASON_TROUBLE;
    return rc == 0;
}

void reuse_decide(struct reuse *reuse,
                  const struct reuse_request *request,
                  struct arena *arena,
                  struct reuse_decision *ret_decision)
{
    enum reuse_reason reason = REUSE_REASON_TROUBLE;
    struct look look = {
        .reuse = reuse,
        .request = request,
        .arena = arena,
        .decision = ret_decision,
        .flight = {.state = request->state, .key = request->key},
    };
    reuse_picture_begin(reuse);
    if (looks_up(&look, &reason)
        && (look_at_shortcut(&look) || look_at_classes(&look, &reason) == 1)) {
        decide_row(&look);
    } else {
        decide_run(&look, reason);
    }
}
