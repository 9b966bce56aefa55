/* SPDX-License-Identifier: Apache-2.0 */
/* Two classes become one that asks what both asked. Only stricter, so it is sound; rows whose
 * extra answers are known go over, the others go. */
#include "store/evidence_add.h"
#include "store/evidence_pack.h"

#include <errno.h>
#include <string.h>

struct widen {
    const struct evidence_widening *widening;
    struct str packed; /* the union's questions */
    int64_t class_id;
};

static bool is_replaced(const struct evidence_widening *widening, int64_t class_id)
{
    for (size_t i = 0; i < widening->class_count; i++) {
        if (widening->classes[i] == class_id) {
            return true;
        }
    }
    return false;
}

/* Takes the old classes out of the unit's list, the union itself excepted. */
static int unlist_classes(struct evidence_store *store, const struct widen *widen, struct err *err)
{
    struct unit_row unit = {.classes = STR_INIT(PACK_CLASSES_BYTES)};
    struct evidence_class classes[EVIDENCE_CLASSES_MAX];
    size_t count = 0;
    size_t kept = 0;
    int result = unit_find(store, &widen->widening->unit_key, &unit, err);
    if (result == 0 && unpack_classes(unit.classes.data, unit.classes.len, classes, &count) != 0) {
        result = evidence_damaged(store, "the classes of a unit make no sense", err);
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (!is_replaced(widen->widening, classes[i].id)
            || class_is_of(&classes[i], &widen->packed, widen->widening->question_count)) {
            classes[kept++] = classes[i];
        }
    }
    if (result == 0 && unit.id != 0) {
        result = unit_set_classes(store, unit.id, classes, kept, err);
    }
    str_fini(&unit.classes);
    return result;
}

/* What a row says and who says it. */
struct statement_of_row {
    int64_t class_id;
    bool passed;
    struct hash manifest;
    enum evidence_trust trust;
    char scope[256];
};

static void read_statement(sqlite3_stmt *statement, struct statement_of_row *ret)
{
    ret->class_id = sqlite3_column_int64(statement, ROW_CLASS);
    ret->passed = sqlite3_column_int(statement, ROW_PASSED) == 1;
    ret->manifest = column_hash(statement, ROW_MANIFEST);
    ret->trust = column_trust(statement, ROW_TRUST);
    ret->scope[0] = '\0';
    (void)strncat(ret->scope, column_text(statement, ROW_SCOPE), sizeof ret->scope - 1);
}

/* 1 and the row's words, 0 = there is no such row. */
static int get_row(struct evidence_store *store,
                   int64_t id,
                   struct statement_of_row *ret,
                   struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROW_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, id);
    result = evidence_next(store, statement, err);
    if (result == 1) {
        read_statement(statement, ret);
        (void)sqlite3_reset(statement);
    }
    return result;
}

/* Looks for a row of the same fingerprint that says something else: 1 = found. */
static int find_opposite(struct evidence_store *store,
                         const struct widen *widen,
                         const struct evidence_moved *moved,
                         const struct statement_of_row *row,
                         struct evidence_quarantine *ret,
                         struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = rows_of_full(store, widen->class_id, &moved->full, &statement, err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(store, statement, err)) == 1) {
        struct statement_of_row other;
        read_statement(statement, &other);
        if (other.passed != row->passed) {
            ret->first_id = sqlite3_column_int64(statement, ROW_ID);
            ret->other_trust = other.trust;
            ret->time_ms = sqlite3_column_int64(statement, ROW_TIME);
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

/* Two rows that differed in a question that is not asked any more would be a contradiction; that
 * questions are only added makes it rare, not impossible: both were the same in A and B apart. */
static int quarantine_opposite(struct evidence_store *store,
                               const struct widen *widen,
                               const struct evidence_moved *moved,
                               const struct statement_of_row *row,
                               struct err *err)
{
    struct evidence_quarantine entry = {
        .unit_key = widen->widening->unit_key,
        .reason = "it passed once and failed once although all it asked had the same answers",
        .second_id = moved->id,
        .trust = row->trust,
        .scope = row->scope,
        .other_scope = row->scope,
    };
    int result = find_opposite(store, widen, moved, row, &entry, err);
    return result == 1 ? evidence_quarantine_add(store, &entry, err) : result;
}

static int move_row(struct evidence_store *store,
                    const struct widen *widen,
                    const struct evidence_moved *moved,
                    struct err *err)
{
    struct statement_of_row row = {.class_id = 0};
    int result = get_row(store, moved->id, &row, err);
    if (result != 1) {
        return result; /* gone meanwhile */
    }
    if (!is_replaced(widen->widening, row.class_id)) {
        return 0; /* a cleaning or another widening was there first */
    }
    result = quarantine_opposite(store, widen, moved, &row, err);
    sqlite3_stmt *statement = NULL;
    result = result == 0 ? evidence_statement(store, SQL_ROW_MOVE, &statement, err) : result;
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, moved->id);
    (void)sqlite3_bind_int64(statement, 2, widen->class_id);
    if (!store->secret_stale) {
        bind_bytes(statement, 3, moved->fast, EVIDENCE_FAST_SIZE);
    }
    bind_hash(statement, 4, &moved->full);
    result = evidence_step(store, statement, NULL, err);
    if (result != 0 || moved->vector == NULL) {
        return result;
    }
    const struct evidence_vector vector = {moved->id, moved->vector, moved->vector_len};
    return vectors_add(store, widen->class_id, &vector, err);
}

static int delete_class(struct evidence_store *store, int64_t class_id, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_CLASS_DELETE, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    return evidence_step(store, statement, NULL, err);
}

static int widen_body(struct evidence_store *store, void *context, struct err *err)
{
    struct widen *widen = context;
    const struct evidence_widening *widening = widen->widening;
    int result =
        questions_pack(store, widening->questions, widening->question_count, &widen->packed, err);
    result = result == 0 ? unlist_classes(store, widen, err) : result;
    struct class_wanted wanted = {
        .unit_key = &widening->unit_key,
        .questions = widening->questions,
        .question_count = widening->question_count,
        .foreign = store->secret_stale,
    };
    result = result == 0 ? class_add(store, &wanted, &widen->class_id, err) : result;
    for (size_t i = 0; result == 0 && i < widening->moved_count; i++) {
        result = move_row(store, widen, &widening->moved[i], err);
    }
    for (size_t i = 0; result == 0 && i < widening->class_count; i++) {
        if (widening->classes[i] != widen->class_id) {
            result = delete_class(store, widening->classes[i], err);
        }
    }
    return result;
}

int evidence_widen(struct evidence_store *store,
                   const struct evidence_widening *widening,
                   int64_t *ret_class_id,
                   struct err *err)
{
    if (widening->question_count > EVIDENCE_QUESTIONS_MAX) {
        return err_set(err,
                       -E2BIG,
                       "the classes of a unit ask %zu questions together, more than the %u that "
                       "are kept",
                       widening->question_count,
                       EVIDENCE_QUESTIONS_MAX);
    }
    struct widen widen = {.widening = widening, .packed = STR_INIT(PACK_CLASSES_BYTES)};
    int result = evidence_write(store, widen_body, &widen, err);
    str_fini(&widen.packed);
    if (result == 0 && ret_class_id != NULL) {
        *ret_class_id = widen.class_id;
    }
    return result;
}
