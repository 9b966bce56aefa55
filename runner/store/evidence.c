/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, transactions, columns. The parts: evidence_atom.c questions, evidence_find.c look-ups,
 * evidence_add.c new rows, evidence_ledger.c flakes and quarantine, evidence_lease.c single flight,
 * evidence_memo.c shortcuts, evidence_keep.c room and trust. */
#include "store/evidence.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "store/evidence_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "slev". Larger pages would serve look-ups a little better (a unit's classes are read whole), but
 * each addition writes some eight pages to the log. */
static const struct database_kind evidence_file_kind = {
    .application_id = 0x736c6576,
    .schema = &schema_evidence,
    .page_bytes = 4096,
    .gives_back = true,
    .loss = "Only what was learnt from earlier runs is in it: without it they run again.",
};

const char *const evidence_trust_names[EVIDENCE_TRUST_COUNT] = {"fork", "member", "protected"};

/* ---- opening ---- */

/* The secret and the epoch as they are in the file. */
static int read_meta(struct evidence_store *store,
                     unsigned char secret[HASH_SIZE],
                     int64_t *ret_epoch,
                     struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_META, &statement, err);
    result = result == 0 ? evidence_next(store, statement, err) : result;
    if (result == 1 && column_len(statement, 1) == HASH_SIZE) {
        *ret_epoch = sqlite3_column_int64(statement, 0);
        store->generation = sqlite3_column_int64(statement, 2);
        memcpy(secret, sqlite3_column_blob(statement, 1), HASH_SIZE);
        result = 0;
    } else if (result >= 0) {
        result = evidence_damaged(store, "the secret is missing", err);
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int open_parts(struct evidence_store *store, struct err *err)
{
    char path[PATH_TEXT_MAX];
    int len = snprintf(path, sizeof path, "%s/evidence.db", store->folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", store->folder);
    }
    int result = dir_make(store->folder, 0700, err);
    result = result == 0 ? database_open(&store->database, path, &evidence_file_kind, err) : result;
    if (result != 0) {
        return result;
    }
    (void)snprintf(path, sizeof path, "%s/blobs", store->folder);
    result = blobs_open(path, &store->blobs, err);
    return result == 0 ? read_meta(store, store->secret, &store->epoch, err) : result;
}

int evidence_open(const char *folder, struct evidence_store **ret_store, struct err *err)
{
    struct evidence_store *store = mem_calloc(1, sizeof *store);
    if (store == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to open %s", folder);
    }
    store->folder = mem_strdup(folder);
    store->atom_arena = arena_new(EVIDENCE_ATOM_BYTES);
    int result = store->folder == NULL || store->atom_arena == NULL
                     ? err_set(err, -ENOMEM, "not enough memory to open %s", folder)
                     : open_parts(store, err);
    if (result != 0) {
        evidence_close(store);
        return result;
    }
    *ret_store = store;
    return 0;
}

void evidence_close(struct evidence_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < SQL_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    database_close(&store->database); /* an open transaction is undone */
    blobs_close(store->blobs);
    atoms_forget_ids(store);
    arena_free(store->atom_arena);
    if (store->atoms_lent != store->atoms) {
        mem_free(store->atoms_lent);
    }
    mem_free(store->atoms);
    mem_free(store->folder);
    mem_free(store);
}

struct blobs *evidence_blobs(struct evidence_store *store)
{
    return store->blobs;
}

const unsigned char *evidence_secret(const struct evidence_store *store)
{
    return store->secret;
}

int evidence_damaged(const struct evidence_store *store, const char *what, struct err *err)
{
    return err_set(err,
                   -EUCLEAN,
                   "%s: %s: the file is damaged.\n%s Move it away and a new one is made: "
                   "mv '%s' '%s.damaged'",
                   store->database.file,
                   what,
                   evidence_file_kind.loss,
                   store->database.file,
                   store->database.file);
}

/* ---- statements ---- */

int evidence_step(struct evidence_store *store,
                  sqlite3_stmt *statement,
                  sqlite3_int64 *ret_id,
                  struct err *err)
{
    return database_step(&store->database, statement, ret_id, err);
}

int evidence_run(struct evidence_store *store, enum evidence_sql which, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, which, &statement, err);
    return result == 0 ? evidence_step(store, statement, NULL, err) : result;
}

int evidence_next(struct evidence_store *store, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return 1;
    }
    int result = code == SQLITE_DONE ? 0 : database_error(&store->database, "cannot read it", err);
    (void)sqlite3_reset(statement);
    return result;
}

/* ---- transactions ---- */

/* Most stores have none: then no unit needs to be looked for. When it cannot be told, each is. */
static bool any_quarantined(struct evidence_store *store)
{
    sqlite3_stmt *statement = NULL;
    bool any = true;
    if (evidence_statement(store, SQL_QUARANTINE_ANY, &statement, NULL) == 0
        && evidence_next(store, statement, NULL) == 1) {
        any = sqlite3_column_int(statement, 0) != 0;
    }
    (void)sqlite3_reset(statement);
    return any;
}

int evidence_begin_read(struct evidence_store *store, struct err *err)
{
    unsigned char secret[HASH_SIZE];
    int64_t epoch = 0;
    assert(!store->reading && !store->writing);
    int result = evidence_run(store, SQL_BEGIN_READ, err);
    if (result != 0) {
        return result;
    }
    result = read_meta(store, secret, &epoch, err); /* the picture is taken with the first look */
    if (result != 0) {
        (void)sqlite3_exec(store->database.db, "ROLLBACK", NULL, NULL, NULL);
        return result;
    }
    store->reading = true;
    store->none_quarantined = !any_quarantined(store);
    return 0;
}

void evidence_end_read(struct evidence_store *store)
{
    assert(store->reading);
    store->reading = false;
    store->none_quarantined = false;
    (void)sqlite3_exec(store->database.db, "COMMIT", NULL, NULL, NULL);
}

int evidence_version(struct evidence_store *store, int64_t *ret_version, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    assert(store->reading);
    int result = evidence_statement(store, SQL_DATA_VERSION, &statement, err);
    result = result == 0 ? evidence_next(store, statement, err) : result;
    if (result == 1) {
        *ret_version = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
    }
    return result < 0 ? result : 0;
}

static int begin(struct evidence_store *store, struct err *err)
{
    unsigned char secret[HASH_SIZE];
    int64_t epoch = 0;
    assert(!store->reading && !store->writing);
    int result = evidence_run(store, SQL_BEGIN_WRITE, err);
    if (result != 0) {
        return result;
    }
    result = read_meta(store, secret, &epoch, err);
    if (result != 0) {
        (void)sqlite3_exec(store->database.db, "ROLLBACK", NULL, NULL, NULL);
        return result;
    }
    if (epoch != store->epoch) {
        atoms_forget_ids(store);
        store->epoch = epoch;
    }
    store->secret_stale = memcmp(secret, store->secret, sizeof secret) != 0;
    store->writing = true;
    store->spoiled = false;
    return 0;
}

static int end(struct evidence_store *store, int result, struct err *err)
{
    assert(store->writing);
    result = result == 0 ? evidence_run(store, SQL_COMMIT, err) : result;
    if (result != 0) {
        (void)sqlite3_exec(store->database.db, "ROLLBACK", NULL, NULL, NULL);
        atoms_forget_ids(store); /* ids that were made are free again */
    }
    store->writing = false;
    return result;
}

int evidence_begin_write(struct evidence_store *store, struct err *err)
{
    int result = begin(store, err);
    store->batching = result == 0;
    return result;
}

int evidence_end_write(struct evidence_store *store, bool ok, struct err *err)
{
    assert(store->batching);
    store->batching = false;
    if (ok && store->spoiled) {
        (void)end(store, -EIO, NULL);
        return err_set(err,
                       -EIO,
                       "%s: one of the writes failed, so none of them was kept",
                       store->database.file);
    }
    int result = end(store, ok ? 0 : -ECANCELED, err);
    return ok ? result : 0;
}

/* Codes that a body returns before it changed anything. */
static bool is_refusal(int code)
{
    return code == -EMLINK || code == -EPERM || code == -E2BIG || code == -EINVAL;
}

int evidence_write(struct evidence_store *store,
                   int (*body)(struct evidence_store *store, void *context, struct err *err),
                   void *context,
                   struct err *err)
{
    assert(!store->reading);
    if (store->batching && store->spoiled) { /* SQLite may have ended the transaction already */
        return err_set(err, -EIO, "%s: a write before this one failed", store->database.file);
    }
    if (store->writing) { /* a batch, or a part of something larger */
        int result = body(store, context, err);
        store->spoiled = store->spoiled || (result < 0 && !is_refusal(result));
        return result;
    }
    int result = begin(store, err);
    if (result != 0) {
        return result;
    }
    result = body(store, context, err);
    int ended = end(store, result < 0 ? result : 0, err);
    return ended < 0 ? ended : result;
}

/* ---- columns ---- */

bool hash_is_zero(const struct hash *hash)
{
    static const struct hash zero;
    return memcmp(hash, &zero, sizeof zero) == 0;
}

/* A bind fails only for want of memory or a wrong index; then the parameter is NULL: NOT NULL
 * refuses the row, a comparison finds none. */
void bind_hash(sqlite3_stmt *statement, int index, const struct hash *hash)
{
    if (!hash_is_zero(hash)) {
        bind_bytes(statement, index, hash->bytes, HASH_SIZE);
    }
}

void bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t len)
{
    (void)sqlite3_bind_blob64(statement, index, len > 0 ? bytes : "", len, SQLITE_STATIC);
}

void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    (void)sqlite3_bind_text(statement, index, text != NULL ? text : "", -1, SQLITE_STATIC);
}

size_t column_len(sqlite3_stmt *statement, int column)
{
    int len = sqlite3_column_bytes(statement, column);
    return len > 0 ? (size_t)len : 0;
}

struct hash column_hash(sqlite3_stmt *statement, int column)
{
    struct hash hash = {{0}};
    const void *bytes = sqlite3_column_blob(statement, column);
    if (bytes != NULL && column_len(statement, column) == sizeof hash) {
        memcpy(&hash, bytes, sizeof hash);
    }
    return hash;
}

const char *column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text != NULL ? (const char *)text : "";
}

const char *column_copy(sqlite3_stmt *statement, int column, struct arena *arena)
{
    return arena_strdup(arena, column_text(statement, column));
}

enum evidence_trust column_trust(sqlite3_stmt *statement, int column)
{
    int number = sqlite3_column_int(statement, column);
    return number == EVIDENCE_PROTECTED ? EVIDENCE_PROTECTED
           : number == EVIDENCE_MEMBER  ? EVIDENCE_MEMBER
                                        : EVIDENCE_FORK; /* whatever somebody wrote there */
}
