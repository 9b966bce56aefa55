/* SPDX-License-Identifier: Apache-2.0 */
/* Trust taken back. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_impl.h"
#include "store/evidence_keep.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Strings of one row at a time. */
#define ROW_ARENA_BYTES ((size_t)16 << 20)

int evidence_is_revoked(struct evidence_store *store,
                        const struct evidence_new *evidence,
                        struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_REVOKED, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_text(statement, 1, evidence->host);
    bind_text(statement, 2, evidence->scope);
    bind_text(statement, 3, evidence->run);
    (void)sqlite3_bind_int64(statement, 4, evidence->time_ms);
    result = evidence_next(store, statement, err);
    if (result == 1) {
        result = sqlite3_column_int(statement, 0);
        (void)sqlite3_reset(statement);
    }
    return result;
}

struct revoking {
    struct evidence_revocation what;
    const struct evidence_listener *listener; /* NULL = none */
    bool dry;

    struct {
        VEC_FIELDS(int64_t);
    } ids;
};

static bool same_or_any(const char *wanted, sqlite3_stmt *statement, int column)
{
    return wanted == NULL || strcmp(wanted, column_text(statement, column)) == 0;
}

static bool rests_on(sqlite3_stmt *statement, const struct evidence_revocation *what)
{
    const int64_t time_ms = sqlite3_column_int64(statement, ROW_TIME);
    return time_ms >= what->since_ms && time_ms <= what->until_ms
           && same_or_any(what->host, statement, ROW_HOST)
           && same_or_any(what->scope, statement, ROW_SCOPE)
           && same_or_any(what->run, statement, ROW_RUN);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to revoke evidence");
}

static int tell(struct evidence_store *store,
                const struct revoking *revoking,
                sqlite3_stmt *statement,
                struct err *err)
{
    if (revoking->listener == NULL) {
        return 0;
    }
    struct arena *arena = arena_new(ROW_ARENA_BYTES);
    struct evidence_row row;
    const char *words = NULL;
    int result = arena != NULL && row_copy(statement, arena, &row) == 0 ? 0 : no_memory(err);
    result = result == 0 ? evidence_words(store, &row.unit_key, arena, &words, err) : result;
    if (result == 0) {
        result =
            revoking->listener->each(revoking->listener->context, &row, words != NULL ? words : "");
        result = result < 0 ? result : 0;
    }
    arena_free(arena);
    return result;
}

static int collect(struct evidence_store *store, struct revoking *revoking, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_ROWS, &statement, err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(store, statement, err)) == 1) {
        if (!rests_on(statement, &revoking->what)) {
            continue;
        }
        result = vec_push(&revoking->ids, (int64_t)sqlite3_column_int64(statement, ROW_ID)) == 0
                     ? tell(store, revoking, statement, err)
                     : no_memory(err);
        if (result < 0) {
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

static void bind_or_null(sqlite3_stmt *statement, int index, const char *text)
{
    if (text != NULL) {
        bind_text(statement, index, text);
    }
}

static int record(struct evidence_store *store, const struct revoking *revoking, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_REVOCATION_ADD, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_or_null(statement, 1, revoking->what.host);
    bind_or_null(statement, 2, revoking->what.scope);
    bind_or_null(statement, 3, revoking->what.run);
    (void)sqlite3_bind_int64(statement, 4, revoking->what.since_ms);
    (void)sqlite3_bind_int64(statement, 5, revoking->what.until_ms);
    (void)sqlite3_bind_int64(statement, 6, clock_wall_ms());
    return evidence_step(store, statement, NULL, err);
}

static int revoke_body(struct evidence_store *store, void *context, struct err *err)
{
    struct revoking *revoking = context;
    int result = collect(store, revoking, err);
    if (result != 0 || revoking->dry) {
        return result;
    }
    for (size_t i = 0; result == 0 && i < revoking->ids.count; i++) {
        result = evidence_forget(store, revoking->ids.items[i], err);
    }
    result = result == 0 ? record(store, revoking, err) : result;
    return result == 0 ? evidence_run(store, SQL_ANSWERS_CLEAR, err) : result;
}

int evidence_revoke(struct evidence_store *store,
                    const struct evidence_revocation *what,
                    bool dry,
                    const struct evidence_listener *listener,
                    uint64_t *ret_count,
                    struct err *err)
{
    struct revoking revoking = {.what = *what, .listener = listener, .dry = dry};
    if (what->host == NULL && what->scope == NULL && what->run == NULL && what->since_ms <= 0
        && what->until_ms == INT64_MAX) {
        return err_set(err, -EINVAL, "say what is revoked: a host, a change, a run or a time");
    }
    if (what->until_ms == INT64_MAX) {
        revoking.what.until_ms =
            clock_wall_ms(); /* what is earned from now on may be right again */
    }
    int result = evidence_write(store, revoke_body, &revoking, err);
    if (result == 0 && ret_count != NULL) {
        *ret_count = revoking.ids.count;
    }
    vec_fini(&revoking.ids);
    return result;
}
