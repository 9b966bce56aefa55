/* SPDX-License-Identifier: Apache-2.0 */
/* Making room. Under a lock of its own, so that one process cleans at a time; others go on.
 *
 *   1. memos, leases and leftovers of killed writers that are too old go
 *   2. each blob counts how many rows name it; what none names goes, when it is older than the
 *      grace
 *   3. rows go, the one unused for the longest time first, until those that stay and their blobs
 *      take no more than the target; some hundred in a transaction, so that nobody waits long
 *   4. the blobs that only they named go; questions that no class asks; the file gives pages back
 *
 * Killed anywhere in it, blobs without rows are left, which the next cleaning finds. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_impl.h"
#include "store/evidence_keep.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows deleted at once: some 10 ms. */
#define GC_BATCH_ROWS 500

/* What a row takes in the database with its places in two indexes, without its outcome. */
#define GC_ROW_BYTES 400

/* Leftovers of killed writers: no writer takes a day for one file. */
#define GC_LEFTOVER_MS (24LL * 3600 * 1000)

/* Questions nobody asks any more are looked for when as many rows were removed: it reads all. */
#define GC_ATOMS_AFTER_ROWS 1000

/* evidence_gc_when_due() looks at most this often. */
#define GC_LOOK_MS (3600LL * 1000)

struct gc_blob {
    struct hash digest;
    uint64_t bytes;
    int64_t used_ms;
    uint32_t refs;
};

struct gc_row {
    int64_t id;
    int64_t used_ms;
    uint64_t bytes;
};

struct gc {
    struct evidence_store *store;
    uint64_t budget;
    int64_t before_ms; /* rows not used since go whatever the budget */
    int64_t now_ms;
    uint64_t bytes;      /* of the database and of blobs that rows name */
    uint64_t kept_bytes; /* of blobs that are there in the end */
    bool no_memory;      /* while walking */
    struct evidence_cleaned cleaned;

    struct {
        VEC_FIELDS(struct gc_blob);
    } blobs; /* sorted by digest */

    struct {
        VEC_FIELDS(struct gc_row);
    } rows; /* sorted by last use */

    size_t next_row;
};

/* ---- what there is ---- */

static int add_blob(void *context, const struct blob_info *info)
{
    struct gc *gc = context;
    const struct gc_blob blob = {info->digest, info->bytes, info->used_ms, 0};
    gc->bytes += info->bytes;
    gc->no_memory = gc->no_memory || vec_push(&gc->blobs, blob) != 0;
    return gc->no_memory ? -ENOMEM : 0;
}

static int compare_blobs(const void *a, const void *b)
{
    const struct gc_blob *left = a;
    const struct gc_blob *right = b;
    return memcmp(&left->digest, &right->digest, sizeof left->digest);
}

static int compare_rows(const void *a, const void *b)
{
    const struct gc_row *left = a;
    const struct gc_row *right = b;
    if (left->used_ms != right->used_ms) {
        return left->used_ms < right->used_ms ? -1 : 1;
    }
    return left->id < right->id ? -1 : 1;
}

static struct gc_blob *find_blob(const struct gc *gc, const struct hash *digest)
{
    const struct gc_blob wanted = {.digest = *digest};
    return gc->blobs.count > 0 && !hash_is_zero(digest) ? bsearch(
               &wanted, gc->blobs.items, gc->blobs.count, sizeof *gc->blobs.items, compare_blobs)
                                                        : NULL;
}

static void count_blob(struct gc *gc, const struct hash *digest, int by)
{
    struct gc_blob *blob = find_blob(gc, digest);
    if (blob == NULL) {
        return;
    }
    if (by > 0) {
        blob->refs++;
    } else if (blob->refs > 0 && --blob->refs == 0) {
        gc->bytes -= blob->bytes; /* it goes with the row */
    }
}

/* Counts all blobs that the statement's row names up or down. */
static void count_row(struct gc *gc, sqlite3_stmt *statement, int by)
{
    static const int columns[] = {ROW_STDOUT, ROW_STDERR, ROW_MANIFEST, ROW_OUTCOME};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct hash digest = column_hash(statement, columns[i]);
        count_blob(gc, &digest, by);
    }
    const unsigned char *products = sqlite3_column_blob(statement, ROW_PRODUCTS);
    size_t count = products != NULL ? column_len(statement, ROW_PRODUCTS) / HASH_SIZE : 0;
    for (size_t i = 0; i < count; i++) {
        struct hash digest;
        memcpy(&digest, products + i * HASH_SIZE, sizeof digest);
        count_blob(gc, &digest, by);
    }
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to tidy the evidence up");
}

static int take_rows(struct gc *gc, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(gc->store, SQL_ROWS, &statement, err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(gc->store, statement, err)) == 1) {
        const int64_t used_ms = sqlite3_column_int64(statement, ROW_USED);
        const struct gc_row row = {
            sqlite3_column_int64(statement, ROW_ID),
            used_ms,
            GC_ROW_BYTES + column_len(statement, ROW_INLINED),
        };
        count_row(gc, statement, 1);
        if (vec_push(&gc->rows, row) != 0) {
            result = no_memory(err);
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int take_stock(struct gc *gc, struct err *err)
{
    int64_t bytes = 0;
    int result = evidence_number(gc->store, EVIDENCE_BYTES_SQL, &bytes, err);
    if (result != 0) {
        return result;
    }
    gc->bytes = (uint64_t)bytes;
    result = blobs_walk(gc->store->blobs, add_blob, gc, err);
    if (gc->no_memory) {
        return no_memory(err);
    }
    gc->cleaned.bytes_before = gc->bytes;
    if (result == 0 && gc->blobs.count > 0) {
        qsort(gc->blobs.items, gc->blobs.count, sizeof *gc->blobs.items, compare_blobs);
    }
    result = result == 0 ? take_rows(gc, err) : result;
    if (result == 0 && gc->rows.count > 0) {
        qsort(gc->rows.items, gc->rows.count, sizeof *gc->rows.items, compare_rows);
    }
    for (size_t i = 0; i < gc->blobs.count; i++) {
        const struct gc_blob *blob = &gc->blobs.items[i];
        gc->bytes -= blob->refs == 0 ? blob->bytes : 0; /* goes anyway, now or when it is older */
    }
    return result;
}

/* ---- rows ---- */

/* Deletes one row, unless it was used since we looked: 1 = deleted, 0 = kept. */
static int delete_row(struct gc *gc, const struct gc_row *row, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(gc->store, SQL_ROW_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, row->id);
    result = evidence_next(gc->store, statement, err);
    if (result != 1) {
        return result;
    }
    const bool same = sqlite3_column_int64(statement, ROW_USED) == row->used_ms;
    if (same) {
        count_row(gc, statement, -1);
        gc->bytes -= gc->bytes > row->bytes ? row->bytes : gc->bytes;
    }
    (void)sqlite3_reset(statement);
    if (!same) {
        return 0;
    }
    result = evidence_forget(gc->store, row->id, err);
    gc->cleaned.rows += result == 0 ? 1 : 0;
    return result == 0 ? 1 : result;
}

static bool is_done(const struct gc *gc)
{
    return gc->next_row == gc->rows.count
           || (gc->bytes <= gc->budget && gc->rows.items[gc->next_row].used_ms >= gc->before_ms);
}

static int batch_body(struct evidence_store *store, void *context, struct err *err)
{
    struct gc *gc = context;
    int result = 0;
    assert(store == gc->store);
    (void)store;
    for (int i = 0; i < GC_BATCH_ROWS && result >= 0 && !is_done(gc); i++) {
        result = delete_row(gc, &gc->rows.items[gc->next_row++], err);
    }
    return result < 0 ? result : 0;
}

/* ---- a full disk ---- */

/* Deleting rows writes to the log of the database first. When there is no room for that, content of
 * the rows that would go first makes some: a row without its content is a miss. */
#define GC_FIRST_ROOM_BYTES ((uint64_t)16 << 20)

/* The digests of the row that the statement stands at, products left aside; bytes freed. */
static uint64_t remove_named(struct gc *gc, sqlite3_stmt *statement)
{
    static const int columns[] = {ROW_STDOUT, ROW_STDERR, ROW_MANIFEST, ROW_OUTCOME};
    uint64_t freed = 0;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const struct hash digest = column_hash(statement, columns[i]);
        const struct gc_blob *blob = find_blob(gc, &digest);
        if (blob != NULL && blobs_remove(gc->store->blobs, &digest, NULL) == 0) {
            freed += blob->bytes;
        }
    }
    return freed;
}

static uint64_t remove_content(struct gc *gc, const struct gc_row *row)
{
    sqlite3_stmt *statement = NULL;
    uint64_t freed = 0;
    if (evidence_statement(gc->store, SQL_ROW_GET, &statement, NULL) != 0) {
        return 0;
    }
    (void)sqlite3_bind_int64(statement, 1, row->id);
    if (evidence_next(gc->store, statement, NULL) == 1) {
        freed = remove_named(gc, statement);
        (void)sqlite3_reset(statement);
    }
    return freed;
}

/* Deletes a batch of rows, a full disk notwithstanding. */
static int delete_batch(struct gc *gc, struct err *err)
{
    const size_t first = gc->next_row;
    const struct evidence_cleaned before = gc->cleaned;
    int result = evidence_write(gc->store, batch_body, gc, err);
    if (result != -ENOSPC) {
        return result;
    }
    uint64_t freed = 0;
    for (size_t i = first; i < gc->rows.count && freed < GC_FIRST_ROOM_BYTES; i++) {
        freed += remove_content(gc, &gc->rows.items[i]);
    }
    if (freed == 0) {
        return result;
    }
    gc->next_row = first; /* what was counted off stays counted off: it only ends sooner */
    gc->cleaned = before;
    return evidence_write(gc->store, batch_body, gc, err);
}

/* ---- blobs ---- */

static int remove_blobs(struct gc *gc, struct err *err)
{
    for (size_t i = 0; i < gc->blobs.count; i++) {
        const struct gc_blob *blob = &gc->blobs.items[i];
        if (blob->refs > 0) {
            gc->kept_bytes += blob->bytes;
            continue;
        }
        int result = blobs_remove_unused(
            gc->store->blobs, &blob->digest, gc->now_ms - EVIDENCE_GRACE_MS, err);
        if (result < 0) {
            return result;
        }
        gc->cleaned.blobs += result == 1 ? 1 : 0;
        if (result == 0 && blobs_has(gc->store->blobs, &blob->digest)) {
            gc->kept_bytes += blob->bytes; /* not old enough */
            gc->cleaned.recent++;
        }
    }
    return 0;
}

/* ---- questions ---- */

struct marking {
    unsigned char *marks; /* by atom id */
    size_t end;
};

static int mark_class(const struct marking *marking, const struct evidence_class *item)
{
    CLEANUP(cleanup_free) uint32_t *ids = mem_calloc((size_t)item->count + 1, sizeof *ids);
    int result = ids == NULL ? -ENOMEM : evidence_class_atoms(item, ids, NULL);
    for (uint32_t i = 0; result == 0 && i < item->count; i++) {
        marking->marks[ids[i] < marking->end ? ids[i] : 0] = 1;
    }
    return result;
}

/* Marks the atoms of all classes. */
static int mark_atoms(struct evidence_store *store, const struct marking *marking)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_UNITS, &statement, NULL);
    while (result >= 0 && (result = evidence_next(store, statement, NULL)) == 1) {
        struct evidence_class classes[EVIDENCE_CLASSES_MAX];
        size_t count = 0;
        result = unpack_classes(
            sqlite3_column_blob(statement, 2), column_len(statement, 2), classes, &count);
        for (size_t i = 0; result == 0 && i < count; i++) {
            result = mark_class(marking, &classes[i]);
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int delete_atoms(struct evidence_store *store,
                        const unsigned char *marks,
                        size_t end,
                        struct err *err)
{
    int result = 0;
    for (size_t id = 1; result == 0 && id < end; id++) {
        sqlite3_stmt *statement = NULL;
        if (marks[id] != 0) {
            continue;
        }
        result = evidence_statement(store, SQL_ATOM_DELETE, &statement, err);
        if (result == 0) {
            (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)id);
            result = evidence_step(store, statement, NULL, err);
        }
    }
    return result;
}

/* Whoever keeps ids of observations in memory learns from the epoch that some are gone. */
static int atoms_body(struct evidence_store *store, void *context, struct err *err)
{
    int64_t last = 0;
    (void)context;
    int result = evidence_number(store, "SELECT max(id) FROM atom", &last, err);
    if (result != 0) {
        return result;
    }
    CLEANUP(cleanup_free) unsigned char *marks = mem_calloc((size_t)last + 1, 1);
    if (marks == NULL) {
        return no_memory(err);
    }
    const struct marking marking = {marks, (size_t)last + 1};
    if (mark_atoms(store, &marking) != 0) {
        return 0; /* something makes no sense: `verify` tells; nothing is deleted */
    }
    result = delete_atoms(store, marks, (size_t)last + 1, err);
    result = result == 0 ? evidence_run(store, SQL_EPOCH_GROW, err) : result;
    atoms_forget_ids(store);
    return result;
}

/* ---- all of it ---- */

static int sweep_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct gc *gc = context;

    const struct {
        enum evidence_sql which;
        int64_t before_ms;
    } sweeps[] = {
        {SQL_LEASES_SWEEP, gc->now_ms                   },
        {SQL_FILES_SWEEP,  gc->now_ms - EVIDENCE_MEMO_MS},
        {SQL_LEDGER_SWEEP, gc->now_ms - EVIDENCE_MEMO_MS},
    };

    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof sweeps / sizeof sweeps[0]; i++) {
        sqlite3_stmt *statement = NULL;
        result = evidence_statement(store, sweeps[i].which, &statement, err);
        if (result == 0) {
            (void)sqlite3_bind_int64(statement, 1, sweeps[i].before_ms);
            result = evidence_step(store, statement, NULL, err);
        }
    }
    return result;
}

static int origins_body(struct evidence_store *store, void *context, struct err *err)
{
    (void)context;
    int result = evidence_run(store, SQL_ORIGINS_SWEEP, err);
    return result == 0 ? evidence_run(store, SQL_ROLLS_STALE, err) : result;
}

static int rolls_body(struct evidence_store *store, void *context, struct err *err)
{
    (void)context;
    return evidence_run(store, SQL_ROLLS_CLEAR, err);
}

/* Rolls are copies, and end with the first row that goes: they make room before any row has to. */
static int drop_rolls(struct gc *gc, struct err *err)
{
    int64_t before = 0;
    int64_t after = 0;
    int result = evidence_number(gc->store, EVIDENCE_BYTES_SQL, &before, err);
    result = result == 0 ? evidence_write(gc->store, rolls_body, NULL, err) : result;
    if (result == -ENOSPC) {
        return 0; /* rows know how to go on a full disk */
    }
    result = result == 0 ? evidence_number(gc->store, EVIDENCE_BYTES_SQL, &after, err) : result;
    if (result == 0 && after < before) {
        gc->bytes -= (uint64_t)(before - after);
    }
    return result;
}

/* Gives pages back to the disk; that others read meanwhile is no error. */
static void shrink(struct evidence_store *store)
{
    (void)sqlite3_exec(store->database.db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    (void)sqlite3_wal_checkpoint_v2(
        store->database.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* What is left to do once the rows are gone. On a full disk it waits for the next time. */
static int tidy(struct gc *gc, struct err *err)
{
    struct evidence_store *store = gc->store;
    int result = evidence_write(store, sweep_body, gc, err);
    if (result == 0 && gc->cleaned.rows > 0) {
        result = evidence_write(store, origins_body, NULL, err);
    }
    if (result == 0 && gc->cleaned.rows >= GC_ATOMS_AFTER_ROWS) {
        result = evidence_write(store, atoms_body, NULL, err);
    }
    return result == -ENOSPC ? 0 : result;
}

static int clean(struct gc *gc, struct err *err)
{
    struct evidence_store *store = gc->store;
    int64_t bytes = 0;
    int result = blobs_sweep(store->blobs, GC_LEFTOVER_MS, err);
    result = result == 0 ? take_stock(gc, err) : result;
    result = result == 0 && !is_done(gc) ? drop_rolls(gc, err) : result;
    while (result == 0 && !is_done(gc)) {
        result = delete_batch(gc, err);
    }
    result = result == 0 ? remove_blobs(gc, err) : result;
    shrink(store);
    result = result == 0 ? tidy(gc, err) : result;
    if (result != 0) {
        return result;
    }
    shrink(store);
    result = evidence_number(store, EVIDENCE_BYTES_SQL, &bytes, err);
    gc->cleaned.bytes_after = (uint64_t)bytes + gc->kept_bytes;
    return result;
}

/* The lock of cleanings; -EBUSY. The time of its file is that of the last look. */
static int lock(struct evidence_store *store, int *ret_fd, struct err *err)
{
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/gc.lock", store->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err_errno(err, "cannot open %s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return err_set(
            err, -EBUSY, "%s: another process is tidying up: try again later", store->folder);
    }
    *ret_fd = fd;
    return 0;
}

static int clean_locked(struct gc *gc, struct evidence_cleaned *ret, struct err *err)
{
    gc->now_ms = clock_wall_ms();
    int result = clean(gc, err);
    vec_fini(&gc->blobs);
    vec_fini(&gc->rows);
    if (result == 0) {
        *ret = gc->cleaned;
    }
    return result;
}

static int run_gc(struct gc *gc, struct evidence_cleaned *ret, struct err *err)
{
    CLEANUP(cleanup_fd) int fd = -1;
    int result = lock(gc->store, &fd, err);
    return result == 0 ? clean_locked(gc, ret, err) : result;
}

int evidence_gc(struct evidence_store *store,
                uint64_t budget,
                struct evidence_cleaned *ret,
                struct err *err)
{
    struct gc gc = {.store = store, .budget = budget, .before_ms = INT64_MIN};
    return run_gc(&gc, ret, err);
}

int evidence_prune(struct evidence_store *store,
                   int64_t before_ms,
                   struct evidence_cleaned *ret,
                   struct err *err)
{
    struct gc gc = {.store = store, .budget = UINT64_MAX, .before_ms = before_ms};
    return run_gc(&gc, ret, err);
}

/* ---- at the end of a run ---- */

static int add_bytes(void *context, const struct blob_info *info)
{
    *(uint64_t *)context += info->bytes;
    return 0;
}

/* Was it looked at lately? Notes the look. A new lock file counts as never. */
static bool looked_lately(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return true;
    }
    int64_t age_ms = clock_wall_ms() - (int64_t)st.st_mtim.tv_sec * 1000;
    if (st.st_size > 0 && age_ms >= 0 && age_ms < GC_LOOK_MS) {
        return true;
    }
    /* where the look cannot be noted (a full disk), the next run looks as well */
    const bool noted = pwrite(fd, "looked\n", 7, 0) == 7;
    (void)noted;
    return false;
}

int evidence_gc_when_due(struct evidence_store *store,
                         uint64_t budget,
                         struct evidence_cleaned *ret,
                         struct err *err)
{
    CLEANUP(cleanup_fd) int fd = -1;
    int64_t database_bytes = 0;
    uint64_t bytes = 0;
    int result = lock(store, &fd, err);
    if (result != 0 || looked_lately(fd)) {
        return result == -EBUSY ? 0 : result;
    }
    result = evidence_number(store, EVIDENCE_BYTES_SQL, &database_bytes, err);
    result = result == 0 ? blobs_walk(store->blobs, add_bytes, &bytes, err) : result;
    if (result != 0 || bytes + (uint64_t)database_bytes <= budget) {
        return result;
    }
    struct gc gc = {.store = store, .budget = budget / 10 * 9, .before_ms = INT64_MIN};
    result = clean_locked(&gc, ret, err);
    return result == 0 ? 1 : result;
}
