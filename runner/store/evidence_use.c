/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to rows after they were added: they are used, or turn out to be no use. */
#include "base/clock.h"
#include "store/evidence_impl.h"
#include "store/evidence_pack.h"

#include <errno.h>
#include <string.h>

struct touching {
    const int64_t *ids;
    const unsigned char *fast;
    size_t count;
    int64_t now_ms;
};

/* Puts the class of a row in front of its unit's. */
static int move_to_front(struct evidence_store *store,
                         const struct hash *key,
                         int64_t class_id,
                         struct err *err)
{
    struct unit_row unit = {.classes = STR_INIT(PACK_CLASSES_BYTES)};
    struct evidence_class classes[EVIDENCE_CLASSES_MAX];
    size_t count = 0;
    int result = unit_find(store, key, &unit, err);
    if (result == 0 && unpack_classes(unit.classes.data, unit.classes.len, classes, &count) != 0) {
        result = evidence_damaged(store, "the classes of a unit make no sense", err);
    }
    size_t at = 0;
    while (at < count && classes[at].id != class_id) {
        at++;
    }
    if (result == 0 && at > 0 && at < count) {
        struct evidence_class item = classes[at];
        memmove(classes + 1, classes, at * sizeof *classes);
        classes[0] = item;
        result = unit_set_classes(store, unit.id, classes, count, err);
    }
    str_fini(&unit.classes);
    return result;
}

static int touch_class_of(struct evidence_store *store, int64_t id, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROW_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, id);
    result = evidence_next(store, statement, err);
    if (result != 1) {
        return result;
    }
    const struct hash key = column_hash(statement, ROW_UNIT_KEY);
    const int64_t class_id = sqlite3_column_int64(statement, ROW_CLASS);
    (void)sqlite3_reset(statement);
    return move_to_front(store, &key, class_id, err);
}

static int touch_one(struct evidence_store *store,
                     const struct touching *touching,
                     size_t i,
                     struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROW_TOUCH, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, touching->ids[i]);
    (void)sqlite3_bind_int64(statement, 2, touching->now_ms);
    (void)sqlite3_bind_int64(statement, 3, touching->now_ms - BLOB_TOUCH_MS);
    result = evidence_step(store, statement, NULL, err);
    const bool noted = sqlite3_changes(store->database.db) > 0;
    if (result == 0 && touching->fast != NULL && !store->secret_stale) {
        result = evidence_statement(store, SQL_ROW_MEND, &statement, err);
        if (result != 0) {
            return result;
        }
        (void)sqlite3_bind_int64(statement, 1, touching->ids[i]);
        bind_bytes(statement, 2, touching->fast + i * EVIDENCE_FAST_SIZE, EVIDENCE_FAST_SIZE);
        result = evidence_step(store, statement, NULL, err);
    }
    return result == 0 && noted ? touch_class_of(store, touching->ids[i], err) : result;
}

static int touch_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct touching *touching = context;
    int result = 0;
    for (size_t i = 0; result == 0 && i < touching->count; i++) {
        result = touch_one(store, touching, i, err);
    }
    return result;
}

int evidence_touch(struct evidence_store *store,
                   const int64_t *ids,
                   const unsigned char *fast,
                   size_t count,
                   struct err *err)
{
    struct touching touching = {ids, fast, count, clock_wall_ms()};
    return count > 0 ? evidence_write(store, touch_body, &touching, err) : 0;
}

/* ---- no use ---- */

int unit_delete(struct evidence_store *store, const struct hash *key, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_UNIT_DELETE, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, key);
    return evidence_step(store, statement, NULL, err);
}

int class_delete(struct evidence_store *store, int64_t class_id, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_CLASS_DELETE, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    return evidence_step(store, statement, NULL, err);
}

/* 1 when the class has no rows; it is deleted. */
static int delete_if_empty(struct evidence_store *store, int64_t class_id, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    sqlite3_int64 empty = 0;
    int result = evidence_statement(store, SQL_CLASS_IS_EMPTY, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, class_id);
    result = evidence_step(store, statement, &empty, err);
    if (result != 0 || empty == 0) {
        return result;
    }
    result = class_delete(store, class_id, err);
    return result == 0 ? 1 : result;
}

int evidence_drop_empty(struct evidence_store *store, const struct hash *key, struct err *err)
{
    struct unit_row unit = {.classes = STR_INIT(PACK_CLASSES_BYTES)};
    struct evidence_class classes[EVIDENCE_CLASSES_MAX];
    size_t count = 0;
    size_t kept = 0;
    int result = unit_find(store, key, &unit, err);
    if (result == 0 && unpack_classes(unit.classes.data, unit.classes.len, classes, &count) != 0) {
        count = 0; /* damaged: nothing of it is any use */
    }
    for (size_t i = 0; result >= 0 && i < count; i++) {
        result = delete_if_empty(store, classes[i].id, err);
        if (result == 0) {
            classes[kept++] = classes[i];
        }
    }
    result = result > 0 ? 0 : result;
    if (result == 0 && unit.id != 0 && kept == 0) {
        result = unit_delete(store, key, err);
    } else if (result == 0 && kept < count) {
        result = unit_set_classes(store, unit.id, classes, kept, err);
    }
    str_fini(&unit.classes);
    return result;
}

static int forget_body(struct evidence_store *store, void *context, struct err *err)
{
    const int64_t *id = context;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROW_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, *id);
    result = evidence_next(store, statement, err);
    if (result != 1) {
        return result;
    }
    const struct hash key = column_hash(statement, ROW_UNIT_KEY);
    (void)sqlite3_reset(statement);
    result = evidence_statement(store, SQL_ROW_DELETE, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, *id);
    result = evidence_step(store, statement, NULL, err);
    return result == 0 ? evidence_drop_empty(store, &key, err) : result;
}

int evidence_forget(struct evidence_store *store, int64_t id, struct err *err)
{
    return evidence_write(store, forget_body, &id, err);
}
