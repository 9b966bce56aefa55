/* SPDX-License-Identifier: Apache-2.0 */
/* A new row: its unit, its class, the row itself (or the one it confirms), the rows it
 * contradicts, its vector, the ledger. One transaction. */
#include "store/evidence_add.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/evidence_impl.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to keep evidence");
}

/* ---- class ---- */

int unit_set_classes(struct evidence_store *store,
                     sqlite3_int64 unit,
                     const struct evidence_class *classes,
                     size_t count,
                     struct err *err)
{
    CLEANUP(str_fini) struct str bytes = STR_INIT(PACK_CLASSES_BYTES);
    for (size_t i = 0; i < count; i++) {
        (void)pack_class(&bytes, &classes[i]);
    }
    if (bytes.error != 0) {
        return bytes.error == -EFBIG
                   ? err_set(err, -E2BIG, "a unit asked too many questions to be kept")
                   : no_memory(err);
    }
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_UNIT_CLASSES_SET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, unit);
    bind_bytes(statement, 2, bytes.data, bytes.len);
    return evidence_step(store, statement, NULL, err);
}

int questions_pack(struct evidence_store *store,
                   const struct observation *questions,
                   size_t count,
                   struct str *packed,
                   struct err *err)
{
    CLEANUP(cleanup_free) uint32_t *ids = mem_calloc(count > 0 ? count : 1, sizeof *ids);
    if (ids == NULL) {
        return no_memory(err);
    }
    int result = atoms_intern(store, questions, count, ids, err);
    if (result == 0 && pack_atoms(packed, ids, count) != 0) {
        result = no_memory(err);
    }
    return result;
}

static bool class_is_of(const struct evidence_class *item, const struct str *packed, size_t count)
{
    return item->count == count && item->packed_len == packed->len
           && (packed->len == 0 || memcmp(item->packed, packed->data, packed->len) == 0);
}

static int add_unit(struct evidence_store *store,
                    const struct hash *key,
                    const char *words,
                    sqlite3_int64 *ret_id,
                    struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_UNIT_ADD, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, key);
    bind_text(statement, 2, words);
    return evidence_step(store, statement, ret_id, err);
}

static int add_class(struct evidence_store *store,
                     sqlite3_int64 unit,
                     int64_t *ret_id,
                     struct err *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 id = 0;
    int result = evidence_statement(store, SQL_CLASS_ADD, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, unit);
    result = evidence_step(store, statement, &id, err);
    if (result == 0) {
        *ret_id = id;
    }
    return result;
}

/* Is there no room for one more of `bytes`? */
static bool is_crowded(const struct evidence_class *classes, size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        bytes += classes[i].packed_len;
    }
    return count == EVIDENCE_CLASSES_MAX
           || (count >= EVIDENCE_CLASSES_SURE && bytes > EVIDENCE_CLASSES_BYTES);
}

/* Classes used longest ago go, with their rows. To lose evidence is always sound. */
static int make_room(struct evidence_store *store,
                     const struct class_wanted *wanted,
                     const struct evidence_class *classes,
                     size_t *count,
                     struct err *err)
{
    int result = 0;
    while (result == 0 && is_crowded(classes, *count, wanted->packed->len)) {
        if (!wanted->makes_room) {
            return err_set(err, -EMLINK, "the unit has %zu classes of questions already", *count);
        }
        result = class_delete(store, classes[--*count].id, err);
    }
    return result;
}

/* Puts the class in front of the unit's classes, made or moved. `classes` has room for one more
 * than EVIDENCE_CLASSES_MAX. */
static int place_class(struct evidence_store *store,
                       const struct class_wanted *wanted,
                       sqlite3_int64 unit,
                       struct evidence_class *classes,
                       size_t *count,
                       struct err *err)
{
    size_t at = 0;
    while (at < *count && !class_is_of(&classes[at], wanted->packed, wanted->question_count)) {
        at++;
    }
    struct evidence_class item = at < *count ? classes[at] : (struct evidence_class){.id = 0};
    if (at == *count) {
        int result = make_room(store, wanted, classes, count, err);
        result = result == 0 ? add_class(store, unit, &item.id, err) : result;
        if (result != 0) {
            return result;
        }
        item.count = (uint32_t)wanted->question_count;
        item.packed = wanted->packed->data;
        item.packed_len = wanted->packed->len;
        at = (*count)++;
    } else if (at == 0 && (item.foreign || !wanted->foreign)) {
        return 0; /* as it is */
    }
    item.foreign = item.foreign || wanted->foreign;
    memmove(classes + 1, classes, at * sizeof *classes);
    classes[0] = item;
    return unit_set_classes(store, unit, classes, *count, err);
}

int class_add(struct evidence_store *store,
              struct class_wanted *wanted,
              int64_t *ret_class,
              struct err *err)
{
    CLEANUP(str_fini) struct str packed = STR_INIT(PACK_CLASSES_BYTES);
    struct unit_row unit = {.classes = STR_INIT(PACK_CLASSES_BYTES)};
    struct evidence_class classes[EVIDENCE_CLASSES_MAX + 1];
    size_t count = 0;
    wanted->packed = &packed;
    int result = questions_pack(store, wanted->questions, wanted->question_count, &packed, err);
    result = result == 0 ? unit_find(store, wanted->unit_key, &unit, err) : result;
    if (result == 0 && unpack_classes(unit.classes.data, unit.classes.len, classes, &count) != 0) {
        result = evidence_damaged(store, "the classes of a unit make no sense", err);
    }
    if (result == 0 && (unit.id == 0 || wanted->words != NULL)) {
        result = add_unit(store, wanted->unit_key, wanted->words, &unit.id, err);
    }
    result = result == 0 ? place_class(store, wanted, unit.id, classes, &count, err) : result;
    if (result == 0) {
        *ret_class = classes[0].id;
        wanted->unit = unit.id;
    }
    str_fini(&unit.classes);
    wanted->packed = NULL;
    return result;
}

/* ---- conflict ---- */

struct adding {
    const struct evidence_new *evidence;
    struct hash outcome_blob; /* where a large outcome was put */
    int64_t used_ms;
    unsigned confirmed;
    bool fast_unknown; /* made under another secret than the file's */
    struct evidence_added added;
    /* the first row that contradicts */
    enum evidence_trust other_trust;
    const char *other_scope;
    struct arena *arena;
};

static bool same_hash(const struct hash *a, const struct hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Compares what is added with one row of the same fingerprint: 1 = it says the same and is of the
 * same origin, so it is confirmed. */
static int compare(struct adding *adding, sqlite3_stmt *statement, struct err *err)
{
    const struct evidence_new *new = adding->evidence;
    const struct hash manifest = column_hash(statement, ROW_MANIFEST);
    const bool passed = sqlite3_column_int(statement, ROW_PASSED) == 1;
    const bool same_products = same_hash(&manifest, &new->manifest);
    if (passed == new->passed && (same_products || !passed)) {
        bool same_origin = column_trust(statement, ROW_TRUST)
                               == new->trust &&strcmp(column_text(statement, ROW_SCOPE), new->scope)
                               == 0
                           && sqlite3_column_int(statement, ROW_KIND) == (int)new->kind;
        return same_origin ? 1 : 0;
    }
    struct evidence_conflict *conflict = &adding->added.conflict;
    if (conflict->found && conflict->status) {
        return 0; /* nothing is worse */
    }
    conflict->found = true;
    conflict->status = passed != new->passed;
    conflict->products = !conflict->status;
    conflict->other_id = sqlite3_column_int64(statement, ROW_ID);
    conflict->other_manifest = manifest;
    adding->other_trust = column_trust(statement, ROW_TRUST);
    adding->other_scope = column_copy(statement, ROW_SCOPE, adding->arena);
    return adding->other_scope != NULL ? 0 : no_memory(err);
}

/* Looks at all rows of the fingerprint. *ret_same = the row that is confirmed, 0 = none. */
static int look_around(struct evidence_store *store,
                       struct adding *adding,
                       int64_t *ret_same,
                       struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result =
        rows_of_full(store, adding->added.class_id, &adding->evidence->full, &statement, err);
    if (result != 0) {
        return result;
    }
    *ret_same = 0;
    while ((result = evidence_next(store, statement, err)) == 1) {
        result = compare(adding, statement, err);
        if (result < 0) {
            break;
        }
        if (result == 1) {
            *ret_same = sqlite3_column_int64(statement, ROW_ID);
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int quarantine(struct evidence_store *store, struct adding *adding, struct err *err)
{
    struct evidence_conflict *conflict = &adding->added.conflict;
    if (!conflict->found || (conflict->products && adding->evidence->products_vary)) {
        return 0;
    }
    const struct evidence_quarantine entry = {
        .unit_key = adding->evidence->unit_key,
        .reason = conflict->status
                      ? "it passed once and failed once although all it asked had the same answers"
                      : "two runs left different products although all they asked had the same "
                        "answers",
        .time_ms = adding->evidence->time_ms,
        .first_id = conflict->other_id,
        .second_id = adding->added.id,
        .trust = adding->evidence->trust,
        .scope = adding->evidence->scope,
        .other_trust = adding->other_trust,
        .other_scope = adding->other_scope,
    };
    int result = evidence_quarantine_add(store, &entry, err);
    conflict->quarantined = result == 0;
    return result;
}

/* ---- row ---- */

static int add_origin(struct evidence_store *store,
                      const struct evidence_new *new,
                      sqlite3_int64 *ret_id,
                      struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ORIGIN_ADD, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int(statement, 1, (int)new->trust);
    bind_text(statement, 2, new->scope);
    bind_text(statement, 3, new->tree);
    bind_text(statement, 4, new->run);
    bind_text(statement, 5, new->host);
    bind_text(statement, 6, new->observer);
    return evidence_step(store, statement, ret_id, err);
}

static void bind_row(sqlite3_stmt *statement, const struct adding *adding, sqlite3_int64 origin)
{
    const struct evidence_new *new = adding->evidence;
    const int64_t numbers[] = {origin,
                               new->passed ? 1 : 0,
                               (int)new->kind,
                               new->time_ms,
                               new->wall_ns,
                               new->cpu_us,
                               new->expires_ms,
                               adding->used_ms,
                               adding->confirmed};
    (void)sqlite3_bind_int64(statement, 1, adding->added.class_id);
    if (!adding->fast_unknown) {
        bind_bytes(statement, 2, new->fast, EVIDENCE_FAST_SIZE);
    }
    bind_hash(statement, 3, &new->full);
    for (int i = 0; i < (int)(sizeof numbers / sizeof numbers[0]); i++) {
        (void)sqlite3_bind_int64(statement, 4 + i, numbers[i]);
    }
    bind_hash(statement, 13, &new->stdout_blob);
    bind_hash(statement, 14, &new->stderr_blob);
    bind_hash(statement, 15, &new->manifest);
    bind_hash(statement, 16, &adding->outcome_blob);
    if (hash_is_zero(&adding->outcome_blob)) {
        bind_bytes(statement, 17, new->outcome, new->outcome_len);
    }
    if (new->product_count > 0) {
        bind_bytes(statement, 18, new->products, new->product_count *HASH_SIZE);
    }
}

static int add_row(struct evidence_store *store, struct adding *adding, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 origin = 0;
    sqlite3_int64 id = 0;
    int result = add_origin(store, adding->evidence, &origin, err);
    result = result == 0 ? evidence_statement(store, SQL_ROW_ADD, &statement, err) : result;
    if (result != 0) {
        return result;
    }
    bind_row(statement, adding, origin);
    result = evidence_step(store, statement, &id, err);
    if (result == 0) {
        adding->added.id = id;
    }
    return result;
}

static int confirm(struct evidence_store *store,
                   const struct adding *adding,
                   int64_t id,
                   struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROW_CONFIRM, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, id);
    /* an import tells what was counted elsewhere, perhaps for the second time */
    (void)sqlite3_bind_int64(statement, 2, adding->evidence->imported ? 0 : adding->confirmed);
    (void)sqlite3_bind_int64(statement, 6, adding->confirmed);
    (void)sqlite3_bind_int64(statement, 3, adding->used_ms);
    (void)sqlite3_bind_int64(statement, 4, adding->evidence->expires_ms);
    if (!adding->fast_unknown) {
        bind_bytes(statement, 5, adding->evidence->fast, EVIDENCE_FAST_SIZE);
    }
    return evidence_step(store, statement, NULL, err);
}

/* ---- what follows from it ---- */

int vectors_add(struct evidence_store *store,
                int64_t class_id,
                const struct evidence_vector *vector,
                struct err *err)
{
    CLEANUP(str_fini) struct str frame = STR_INIT(2 * PACK_VECTORS_BYTES);
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_CLASS_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    result = evidence_next(store, statement, err);
    if (result != 1) {
        return result;
    }
    result =
        pack_vectors(&frame, sqlite3_column_blob(statement, 2), column_len(statement, 2), vector);
    (void)sqlite3_reset(statement);
    if (result != 0) {
        return no_memory(err);
    }
    result = evidence_statement(store, SQL_CLASS_VECTORS_SET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    bind_bytes(statement, 2, frame.data, frame.len);
    return evidence_step(store, statement, NULL, err);
}

/* Counts the rows that came to a class; now and then those beyond the limit go. */
static int trim_class(struct evidence_store *store, int64_t class_id, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 added = 0;
    int result = evidence_statement(store, SQL_CLASS_GROW, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    result = evidence_step(store, statement, &added, err);
    if (result != 0 || added <= EVIDENCE_ROWS_PER_CLASS || added % EVIDENCE_TRIM_EVERY != 0) {
        return result;
    }
    result = evidence_statement(store, SQL_CLASS_TRIM, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    (void)sqlite3_bind_int64(statement, 2, EVIDENCE_ROWS_PER_CLASS);
    return evidence_step(store, statement, NULL, err);
}

static int keep_vector(struct evidence_store *store, const struct adding *adding, struct err *err)
{
    const struct evidence_vector vector = {
        .evidence_id = adding->added.id,
        .bytes = adding->evidence->vector,
        .len = adding->evidence->vector_len,
    };
    int result = trim_class(store, adding->added.class_id, err);
    if (result != 0 || vector.bytes == NULL) {
        return result;
    }
    return vectors_add(store, adding->added.class_id, &vector, err);
}

static int add_body(struct evidence_store *store, void *context, struct err *err)
{
    struct adding *adding = context;
    const struct evidence_new *new = adding->evidence;
    int64_t same = 0;
    int result = evidence_is_revoked(store, new, err);
    if (result != 0) {
        return result < 0 ? result
                          : err_set(err,
                                    -EPERM,
                                    "evidence of run %s on %s was revoked and is not kept",
                                    new->run,
                                    new->host);
    }
    adding->fast_unknown = adding->fast_unknown || store->secret_stale;
    struct class_wanted wanted = {
        .unit_key = &new->unit_key,
        .words = new->words,
        .questions = new->questions,
        .question_count = new->question_count,
        .makes_room = !new->imported,
        .foreign = adding->fast_unknown,
    };
    result = class_add(store, &wanted, &adding->added.class_id, err);
    result = result == 0 ? look_around(store, adding, &same, err) : result;
    if (result != 0) {
        return result;
    }
    if (same != 0) {
        adding->added.id = same;
        result = confirm(store, adding, same, err);
    } else {
        result = add_row(store, adding, err);
        result = result == 0 ? keep_vector(store, adding, err) : result;
    }
    result = result == 0 ? quarantine(store, adding, err) : result;
    return result == 0 && !adding->evidence->imported
               ? evidence_ledger_count(store, &new->unit_key, &new->full, new->passed, err)
               : result;
}

static int check(const struct evidence_new *new, struct err *err)
{
    assert(new->scope != NULL &&new->tree != NULL &&new->run != NULL &&new->host
           != NULL &&new->observer != NULL);
    assert(!hash_is_zero(&new->unit_key) && !hash_is_zero(&new->full));
    assert((unsigned)new->trust < EVIDENCE_TRUST_COUNT);
    if (new->question_count > EVIDENCE_QUESTIONS_MAX) {
        return err_set(err,
                       -E2BIG,
                       "it asked %zu questions of its world, more than the %u that are kept: it "
                       "runs each time",
                       new->question_count,
                       EVIDENCE_QUESTIONS_MAX);
    }
    if (new->product_count > EVIDENCE_BLOB_MAX / HASH_SIZE
        || (new->words != NULL &&strlen(new->words) > EVIDENCE_WORDS_MAX)) {
        return err_set(err, -E2BIG, "it left too many products, or its command is too long");
    }
    return 0;
}

int evidence_add(struct evidence_store *store,
                 const struct evidence_new *evidence,
                 struct evidence_added *ret_added,
                 struct err *err)
{
    struct adding adding = {
        .evidence = evidence,
        .used_ms = clock_wall_ms(),
        .confirmed = evidence->confirmed > 0 ? evidence->confirmed : 1,
        .fast_unknown = evidence->fast_unknown,
        .outcome_blob = evidence->outcome_blob,
    };
    int result = check(evidence, err);
    if (result == 0 && evidence->outcome_len > EVIDENCE_INLINE_MAX) {
        result = blobs_put(
            store->blobs, evidence->outcome, evidence->outcome_len, &adding.outcome_blob, err);
    }
    if (result != 0) {
        return result;
    }
    adding.arena = arena_new((size_t)1 << 20);
    result = adding.arena != NULL ? evidence_write(store, add_body, &adding, err) : no_memory(err);
    arena_free(adding.arena);
    if (result == 0 && ret_added != NULL) {
        *ret_added = adding.added;
    }
    return result;
}
