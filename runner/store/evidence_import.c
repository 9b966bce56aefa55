/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a file, twice: the first time all of it is checked (every record, every digest, the sum
 * at the end), the second time it is taken. Bounded memory: one record, the questions, one class.
 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_file.h"
#include "store/evidence_pack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Questions of one file: 256 MiB of paths, some 2 million. */
#define IMPORT_QUESTION_BYTES ((size_t)256 << 20)
#define IMPORT_QUESTIONS_MAX  ((size_t)1 << 22)

/* Texts of one row or unit. */
#define IMPORT_TEXT_BYTES ((size_t)2 << 20)

/* Rows taken in one transaction. */
#define IMPORT_BATCH_ROWS 200

struct importing {
    struct evidence_store *store;
    enum evidence_trust trust;
    bool taking; /* the second time */
    struct evidence_transferred done;
    struct err *err;
    bool told; /* *err says why */

    bool head_seen;
    bool same_secret; /* fast values of the file mean something here */
    int64_t now_ms;

    /* the blob that is coming in */
    bool in_blob;
    bool blob_wanted; /* it is not here yet */
    struct hash blob;
    struct hasher *hasher;
    int spool; /* its bytes; an unlinked file; -1 = none yet */

    struct arena *question_arena;

    struct {
        VEC_FIELDS(struct observation);
    } questions; /* by number */

    bool unit_seen;
    bool class_seen;
    struct hash unit_key;
    char *words;

    struct {
        VEC_FIELDS(struct observation);
    } class_questions;

    size_t batch; /* rows in the open transaction */
};

static int fail(struct importing *importing, int code)
{
    importing->told = true;
    return code;
}

/* ---- blobs ---- */

static int open_spool(struct importing *importing)
{
    const char *folder = importing->store->folder;
    importing->spool = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (importing->spool < 0) {
        char name[] = "/tmp/sluice-import-XXXXXX"; /* a file system without nameless files */
        importing->spool = mkostemp(name, O_CLOEXEC);
        if (importing->spool >= 0) {
            (void)unlink(name);
        }
    }
    return importing->spool >= 0
               ? 0
               : fail(importing, err_errno(importing->err, "cannot make a file in %s", folder));
}

static int start_blob(struct importing *importing, struct fields *fields)
{
    importing->blob = take_hash(fields);
    if (fields->wrong || fields->place != fields->end || importing->in_blob) {
        return -EBADMSG;
    }
    importing->in_blob = true;
    importing->blob_wanted =
        importing->taking && !blobs_has(importing->store->blobs, &importing->blob);
    hasher_begin(importing->hasher);
    if (!importing->blob_wanted) {
        return 0;
    }
    int result = importing->spool < 0 ? open_spool(importing) : 0;
    if (result == 0
        && (ftruncate(importing->spool, 0) != 0 || lseek(importing->spool, 0, SEEK_SET) != 0)) {
        result = -errno;
    }
    return result;
}

static int end_blob(struct importing *importing)
{
    const struct hash found = hasher_end(importing->hasher);
    struct hash stored;
    importing->in_blob = false;
    if (memcmp(&found, &importing->blob, sizeof found) != 0) {
        return -EBADMSG;
    }
    if (!importing->blob_wanted) {
        return 0;
    }
    if (lseek(importing->spool, 0, SEEK_SET) != 0) {
        return -errno;
    }
    int result =
        blobs_put_file(importing->store->blobs, importing->spool, &stored, NULL, importing->err);
    importing->done.blobs += result == 0 ? 1 : 0;
    return result == 0 ? 0 : fail(importing, result);
}

static int on_bytes(struct importing *importing, const struct record *record)
{
    if (!importing->in_blob || record->len > EVIDENCE_CHUNK_MAX) {
        return -EBADMSG;
    }
    if (record->len == 0) {
        return end_blob(importing);
    }
    hasher_add(importing->hasher, record->bytes, record->len);
    return importing->blob_wanted ? fd_write_all(importing->spool, record->bytes, record->len) : 0;
}

/* ---- questions, units, classes ---- */

static int on_questions(struct importing *importing, struct fields *fields)
{
    while (fields->place < fields->end) {
        const int kind = *fields->place++;
        const char *path = take_text(fields, importing->question_arena);
        const struct observation question = {(enum observation_kind)kind, path};
        if (fields->wrong || !atom_is_kind(kind)
            || importing->questions.count == IMPORT_QUESTIONS_MAX) {
            return -EBADMSG;
        }
        if (vec_push(&importing->questions, question) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int on_unit(struct importing *importing, struct fields *fields)
{
    size_t len = 0;
    importing->unit_key = take_hash(fields);
    const char *words = take_bytes(fields, &len);
    if (fields->wrong || fields->place != fields->end || hash_is_zero(&importing->unit_key)
        || len > EVIDENCE_WORDS_MAX || memchr(words, '\0', len) != NULL) {
        return -EBADMSG;
    }
    mem_free(importing->words);
    importing->words = mem_strndup(words, len);
    importing->unit_seen = true;
    importing->class_seen = false;
    return importing->words != NULL ? 0 : -ENOMEM;
}

static int on_class(struct importing *importing, struct fields *fields)
{
    uint64_t count = take_number(fields);
    if (count > EVIDENCE_QUESTIONS_MAX) {
        return -EBADMSG;
    }
    importing->class_questions.count = 0;
    for (uint64_t i = 0; i < count && !fields->wrong; i++) {
        uint64_t number = take_number(fields);
        if (number >= importing->questions.count) {
            return -EBADMSG;
        }
        if (vec_push(&importing->class_questions, importing->questions.items[number]) != 0) {
            return -ENOMEM;
        }
    }
    importing->class_seen = true;
    return !fields->wrong && fields->place == fields->end ? 0 : -EBADMSG;
}

/* ---- rows ---- */

static bool is_complete(struct importing *importing, const struct transfer_row *row)
{
    const struct hash *const hashes[] = {
        &row->stdout_blob, &row->stderr_blob, &row->manifest, &row->outcome_blob};
    struct blobs *blobs = importing->store->blobs;
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        if (!hash_is_zero(hashes[i]) && !blobs_has(blobs, hashes[i])) {
            return false;
        }
    }
    const unsigned char *products = row->products;
    for (size_t at = 0; at < row->products_len; at += HASH_SIZE) {
        struct hash digest;
        memcpy(&digest, products + at, sizeof digest);
        if (!blobs_has(blobs, &digest)) {
            return false;
        }
    }
    return true;
}

static int end_batch(struct importing *importing, bool ok)
{
    if (importing->batch == 0) {
        return 0;
    }
    importing->batch = 0;
    int result = evidence_end_write(importing->store, ok, importing->err);
    return result == 0 ? 0 : fail(importing, result);
}

/* What became of a row. */
static int count_added(struct importing *importing,
                       int result,
                       const struct evidence_added *added,
                       int64_t newest_before)
{
    struct evidence_transferred *done = &importing->done;
    switch (result) {
    case 0:
        done->rows += added->id > newest_before ? 1 : 0;
        done->known += added->id > newest_before ? 0 : 1;
        done->conflicts += added->conflict.quarantined && added->id > newest_before ? 1 : 0;
        return 0;
    case -EMLINK:
        done->crowded++;
        return 0;
    case -EPERM:
        done->revoked++;
        return 0;
    default:
        return fail(importing, result);
    }
}

static struct evidence_new make_evidence(const struct importing *importing,
                                         const struct transfer_row *row,
                                         const struct hash *products)
{
    const bool inlined = hash_is_zero(&row->outcome_blob);
    const enum evidence_trust trust = row->trust < (unsigned)importing->trust
                                          ? (enum evidence_trust)row->trust
                                          : importing->trust;
    struct evidence_new evidence = {
        .unit_key = importing->unit_key,
        .words = importing->words,
        .questions = importing->class_questions.items,
        .question_count = importing->class_questions.count,
        .full = row->full,
        .vector = row->vector_len > 0 ? row->vector : NULL,
        .vector_len = row->vector_len,
        .passed = (row->flags & TRANSFER_PASSED) != 0,
        .outcome = inlined ? row->outcome : NULL,
        .outcome_len = inlined ? row->outcome_len : 0,
        .outcome_blob = row->outcome_blob,
        .stdout_blob = row->stdout_blob,
        .stderr_blob = row->stderr_blob,
        .manifest = row->manifest,
        .products = products,
        .product_count = row->products_len / HASH_SIZE,
        .products_vary = true, /* as where they were made: judged where a consumer reads them */
        .kind = (row->flags & TRANSFER_DECLARED) != 0 ? EVIDENCE_DECLARED : EVIDENCE_OBSERVED,
        .trust = trust,
        .scope = row->scope,
        .tree = row->tree,
        .run = row->run,
        .host = row->host,
        .observer = row->observer,
        /* what claims to be of tomorrow would outlive every revocation until then */
        .time_ms =
            (int64_t)row->time_ms < importing->now_ms ? (int64_t)row->time_ms : importing->now_ms,
        .wall_ns = (int64_t)row->wall_ns,
        .cpu_us = (int64_t)row->cpu_us,
        .expires_ms = (int64_t)row->expires_ms,
        .imported = true,
        .fast_unknown = (row->flags & TRANSFER_FAST) == 0 || !importing->same_secret,
        .confirmed = (unsigned)row->confirmed,
    };
    memcpy(evidence.fast, row->fast, sizeof evidence.fast);
    return evidence;
}

static int take_in(struct importing *importing, const struct transfer_row *row)
{
    struct evidence_added added = {.id = 0};
    int64_t newest = 0;
    if (!is_complete(importing, row)) {
        importing->done.incomplete++;
        return 0;
    }
    CLEANUP(cleanup_free) struct hash *products = mem_calloc(row->products_len + 1, 1);
    if (products == NULL) {
        return -ENOMEM;
    }
    memcpy(products, row->products, row->products_len);
    int result = 0;
    if (importing->batch == 0) {
        result = evidence_begin_write(importing->store, importing->err);
        if (result != 0) {
            return fail(importing, result);
        }
    }
    importing->batch++;
    const struct evidence_new evidence = make_evidence(importing, row, products);
    result = evidence_number(
        importing->store, "SELECT coalesce(max(id), 0) FROM evidence", &newest, importing->err);
    result =
        result == 0 ? evidence_add(importing->store, &evidence, &added, importing->err) : result;
    result = count_added(importing, result, &added, newest);
    return result == 0 && importing->batch == IMPORT_BATCH_ROWS ? end_batch(importing, true)
                                                                : result;
}

static int on_row(struct importing *importing, struct fields *fields)
{
    struct transfer_row row;
    if (!importing->unit_seen || !importing->class_seen) {
        return -EBADMSG;
    }
    struct arena *arena = arena_new(IMPORT_TEXT_BYTES);
    int result = arena == NULL ? -ENOMEM : take_row(fields, arena, &row) ? 0 : -EBADMSG;
    if (result == 0 && importing->taking) {
        result = take_in(importing, &row);
    }
    arena_free(arena);
    return result;
}

static int on_ledger(struct importing *importing, struct fields *fields)
{
    const struct hash key = take_hash(fields);
    const struct hash full = take_hash(fields);
    const uint64_t passes = take_number(fields);
    const uint64_t failures = take_number(fields);
    if (fields->wrong || fields->place != fields->end || passes > INT32_MAX
        || failures > INT32_MAX) {
        return -EBADMSG;
    }
    if (!importing->taking || importing->batch == 0) {
        return 0; /* its row was left out */
    }
    sqlite3_stmt *statement = NULL;
    struct evidence_store *store = importing->store;
    int result = evidence_statement(store, SQL_LEDGER_MERGE, &statement, importing->err);
    if (result == 0) {
        bind_hash(statement, 1, &key);
        bind_hash(statement, 2, &full);
        (void)sqlite3_bind_int64(statement, 3, (int64_t)passes);
        (void)sqlite3_bind_int64(statement, 4, (int64_t)failures);
        (void)sqlite3_bind_int64(statement, 5, importing->now_ms);
        result = evidence_step(store, statement, NULL, importing->err);
    }
    return result == 0 ? 0 : fail(importing, result);
}

/* ---- head ---- */

/* An empty store takes over the secret, so that fast values mean something in it. */
static int adopt_body(struct evidence_store *store, void *context, struct err *err)
{
    const unsigned char *secret = context;
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, SQL_SECRET_SET, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_bytes(statement, 1, secret, HASH_SIZE);
    result = evidence_step(store, statement, NULL, err);
    if (result == 0 && sqlite3_changes(store->database.db) > 0) {
        memcpy(store->secret, secret, HASH_SIZE);
    }
    return result;
}

static int on_head(struct importing *importing, const struct record *record)
{
    unsigned char secret[HASH_SIZE];
    if (importing->head_seen || record->len < 1) {
        return -EBADMSG;
    }
    if (record->bytes[0] > EVIDENCE_FILE_VERSION) {
        return fail(importing,
                    err_set(importing->err,
                            -EPROTO,
                            "it was written by a newer sluice (version %d, this one knows %d): "
                            "update sluice",
                            record->bytes[0],
                            EVIDENCE_FILE_VERSION));
    }
    if (record->len != 1 + HASH_SIZE) {
        return -EBADMSG;
    }
    importing->head_seen = true;
    memcpy(secret, record->bytes + 1, sizeof secret);
    if (importing->taking) {
        int result = evidence_write(importing->store, adopt_body, secret, importing->err);
        if (result != 0) {
            return fail(importing, result);
        }
    }
    importing->same_secret = memcmp(secret, importing->store->secret, sizeof secret) == 0;
    return 0;
}

/* ---- the stream ---- */

static int on_record(struct importing *importing, const struct record *record)
{
    struct fields fields = {record->bytes, record->bytes + record->len, false};
    if (record->type == RECORD_HEAD) {
        return on_head(importing, record);
    }
    if (!importing->head_seen || (importing->in_blob && record->type != RECORD_BYTES)) {
        return -EBADMSG;
    }
    switch (record->type) {
    case RECORD_BLOB:
        return start_blob(importing, &fields);
    case RECORD_BYTES:
        return on_bytes(importing, record);
    case RECORD_QUESTIONS:
        return on_questions(importing, &fields);
    case RECORD_UNIT:
        return on_unit(importing, &fields);
    case RECORD_CLASS:
        return on_class(importing, &fields);
    case RECORD_ROW:
        return on_row(importing, &fields);
    case RECORD_LEDGER:
        return on_ledger(importing, &fields);
    case RECORD_HEAD:
    case RECORD_END:
    default:
        return -EBADMSG;
    }
}

static int read_records(struct importing *importing, int fd)
{
    struct record_reader reader;
    struct record record;
    int result = record_reader_init(&reader, fd);
    while (result == 0) {
        int more = record_read(&reader, &record);
        if (more <= 0) {
            result = more;
            break;
        }
        result = on_record(importing, &record);
    }
    if (result == 0 && (!importing->head_seen || importing->in_blob)) {
        result = -EBADMSG;
    }
    record_reader_fini(&reader);
    return result;
}

static void importing_fini(struct importing *importing)
{
    cleanup_fd(&importing->spool);
    hasher_free(importing->hasher);
    arena_free(importing->question_arena);
    mem_free(importing->words);
    vec_fini(&importing->questions);
    vec_fini(&importing->class_questions);
}

/* Reads the file once; *importing is used up but for what it counted and told. */
static int pass(struct importing *importing, int fd)
{
    importing->spool = -1;
    importing->now_ms = clock_wall_ms();
    importing->hasher = hasher_new();
    importing->question_arena = arena_new(IMPORT_QUESTION_BYTES);
    int result = importing->hasher == NULL || importing->question_arena == NULL
                     ? -ENOMEM
                     : read_records(importing, fd);
    int ended = end_batch(importing, result == 0);
    importing_fini(importing);
    return result == 0 ? ended : result;
}

static int explain(const struct importing *importing, const char *name, int code, struct err *err)
{
    if (importing->told) {
        return err_wrap(err, "cannot import %s", name);
    }
    if (code == -EBADMSG) {
        return err_set(err,
                       -EBADMSG,
                       "%s is no evidence file, or it was damaged or cut on its way: nothing of it "
                       "was taken; export or fetch it again",
                       name);
    }
    errno = -code;
    return err_errno(err, "cannot import %s", name);
}

int evidence_import_fd(struct evidence_store *store,
                       int fd,
                       const char *name,
                       enum evidence_trust trust,
                       struct evidence_transferred *ret,
                       struct err *err)
{
    struct err unused = {0};
    struct stat st;
    err = err != NULL ? err : &unused;
    for (int taking = 0; taking < 2; taking++) {
        struct importing importing = {
            .store = store, .trust = trust, .taking = taking == 1, .err = err};
        int result = pass(&importing, fd);
        if (result != 0) {
            return explain(&importing, name, result, err);
        }
        if (taking == 1) {
            importing.done.bytes = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
            *ret = importing.done;
        }
    }
    return 0;
}

int evidence_import(struct evidence_store *store,
                    const char *file,
                    enum evidence_trust trust,
                    struct evidence_transferred *ret,
                    struct err *err)
{
    CLEANUP(cleanup_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot import %s", file);
    }
    return evidence_import_fd(store, fd, file, trust, ret, err);
}
