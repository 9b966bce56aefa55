/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a file: first which rows and which blobs, then all blobs, then the rows by unit and
 * class. One picture of the database from the first row to the last. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_file.h"
#include "store/evidence_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Vectors of one class and texts of one row. */
#define EXPORT_ARENA_BYTES (2 * PACK_VECTORS_BYTES)

struct chosen_row {
    int64_t unit, class_id, id;
};

struct chosen_blob {
    struct hash digest;
    bool missing;
};

struct exporting {
    struct evidence_store *store;
    const struct evidence_selection *selection;
    struct record_writer writer;
    struct evidence_transferred done;

    struct {
        VEC_FIELDS(int64_t);
    } answered; /* ids of rows that answered for the selection, sorted */

    struct {
        VEC_FIELDS(struct chosen_row);
    } rows;

    struct {
        VEC_FIELDS(struct chosen_blob);
    } blobs; /* sorted once all are there */

    struct {
        VEC_FIELDS(uint32_t);
    } numbers; /* in the file, by atom id; 0 = not written yet, else number + 1 */

    uint32_t next_number;
    struct chosen_row last; /* written */
};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to export evidence");
}

/* ---- which rows ---- */

static bool is_selected(const struct evidence_selection *selection,
                        const char *tree,
                        const char *run)
{
    return (selection->tree != NULL && strcmp(selection->tree, tree) == 0)
           || (selection->run != NULL && strcmp(selection->run, run) == 0);
}

static int compare_ids(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return *left < *right ? -1 : *left > *right ? 1 : 0;
}

static int take_answers(struct exporting *exporting, sqlite3_stmt *statement)
{
    const unsigned char *bytes = sqlite3_column_blob(statement, 2);
    size_t count = bytes != NULL ? column_len(statement, 2) / ANSWER_BYTES : 0;
    for (size_t i = 0; i < count; i++) {
        struct evidence_answer answer;
        answer_unpack(bytes + i * ANSWER_BYTES, &answer);
        if (vec_push(&exporting->answered, answer.evidence_id) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int choose_answered(struct exporting *exporting, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(exporting->store, SQL_ANSWERS_ALL, &statement, err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(exporting->store, statement, err)) == 1) {
        if (is_selected(exporting->selection, column_text(statement, 0), column_text(statement, 1))
            && take_answers(exporting, statement) != 0) {
            result = no_memory(err);
            break;
        }
    }
    (void)sqlite3_reset(statement);
    if (result == 0 && exporting->answered.count > 0) {
        qsort(exporting->answered.items, exporting->answered.count, sizeof(int64_t), compare_ids);
    }
    return result;
}

static bool answered(const struct exporting *exporting, int64_t id)
{
    return exporting->answered.count > 0
           && bsearch(
                  &id, exporting->answered.items, exporting->answered.count, sizeof id, compare_ids)
                  != NULL;
}

static int add_blob(struct exporting *exporting, const struct hash *digest)
{
    const struct chosen_blob blob = {.digest = *digest};
    return hash_is_zero(digest) ? 0 : vec_push(&exporting->blobs, blob);
}

/* Calls `each` for every blob that the row names, until one says something else than 0. */
static int each_blob(struct exporting *exporting,
                     sqlite3_stmt *statement,
                     int (*each)(struct exporting *exporting, const struct hash *digest))
{
    static const int columns[] = {ROW_STDOUT, ROW_STDERR, ROW_MANIFEST, ROW_OUTCOME};
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof columns / sizeof columns[0]; i++) {
        const struct hash digest = column_hash(statement, columns[i]);
        result = each(exporting, &digest);
    }
    const unsigned char *products = sqlite3_column_blob(statement, ROW_PRODUCTS);
    size_t count = products != NULL ? column_len(statement, ROW_PRODUCTS) / HASH_SIZE : 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct hash digest;
        memcpy(&digest, products + i * HASH_SIZE, sizeof digest);
        result = each(exporting, &digest);
    }
    return result;
}

static int choose_rows(struct exporting *exporting, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(exporting->store, SQL_ROWS, &statement, err);
    if (result != 0) {
        return result;
    }
    while ((result = evidence_next(exporting->store, statement, err)) == 1) {
        const struct chosen_row row = {
            sqlite3_column_int64(statement, ROW_UNIT),
            sqlite3_column_int64(statement, ROW_CLASS),
            sqlite3_column_int64(statement, ROW_ID),
        };
        if (!is_selected(exporting->selection,
                         column_text(statement, ROW_TREE),
                         column_text(statement, ROW_RUN))
            && !answered(exporting, row.id)) {
            continue;
        }
        if (vec_push(&exporting->rows, row) != 0
            || each_blob(exporting, statement, add_blob) != 0) {
            result = no_memory(err);
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

static int compare_rows(const void *a, const void *b)
{
    const struct chosen_row *left = a;
    const struct chosen_row *right = b;
    if (left->unit != right->unit) {
        return left->unit < right->unit ? -1 : 1;
    }
    if (left->class_id != right->class_id) {
        return left->class_id < right->class_id ? -1 : 1;
    }
    return left->id < right->id ? -1 : 1;
}

static int compare_blobs(const void *a, const void *b)
{
    const struct chosen_blob *left = a;
    const struct chosen_blob *right = b;
    return memcmp(&left->digest, &right->digest, sizeof left->digest);
}

/* Sorts both; each blob once. */
static void sort_chosen(struct exporting *exporting)
{
    size_t kept = 0;
    qsort(exporting->rows.items, exporting->rows.count, sizeof(struct chosen_row), compare_rows);
    if (exporting->blobs.count == 0) {
        return;
    }
    struct chosen_blob *blobs = exporting->blobs.items;
    qsort(blobs, exporting->blobs.count, sizeof *blobs, compare_blobs);
    for (size_t i = 0; i < exporting->blobs.count; i++) {
        if (i == 0 || compare_blobs(&blobs[kept - 1], &blobs[i]) != 0) {
            blobs[kept++] = blobs[i];
        }
    }
    exporting->blobs.count = kept;
}

/* ---- blobs ---- */

static int write_chunk(void *context, const void *bytes, size_t len)
{
    struct exporting *exporting = context;
    return len > 0 ? record_write(&exporting->writer, RECORD_BYTES, bytes, len) : 0;
}

static int write_blob(struct exporting *exporting, struct chosen_blob *blob, struct err *err)
{
    struct blobs *blobs = exporting->store->blobs;
    int result = blobs_verify(blobs, &blob->digest, err);
    if (result == -ENOENT || result == -EBADMSG) {
        blob->missing = true;
        return 0;
    }
    if (result != 0) {
        return result;
    }
    exporting->done.blobs++;
    result = record_write(&exporting->writer, RECORD_BLOB, blob->digest.bytes, HASH_SIZE);
    result = result == 0 ? blobs_stream(blobs, &blob->digest, write_chunk, exporting, err) : result;
    return result == 0 ? record_write(&exporting->writer, RECORD_BYTES, "", 0) : result;
}

static int blob_is_missing(struct exporting *exporting, const struct hash *digest)
{
    const struct chosen_blob wanted = {.digest = *digest};
    if (hash_is_zero(digest) || exporting->blobs.count == 0) {
        return 0;
    }
    const struct chosen_blob *found = bsearch(
        &wanted, exporting->blobs.items, exporting->blobs.count, sizeof wanted, compare_blobs);
    return found == NULL || found->missing ? 1 : 0;
}

/* ---- rows ---- */

static int put_record(struct exporting *exporting,
                      enum record_type type,
                      const struct str *record,
                      struct err *err)
{
    if (record->error != 0) {
        return record->error == -EFBIG ? err_set(err, -EFBIG, "a row is too long to be exported")
                                       : no_memory(err);
    }
    return record_write(&exporting->writer, type, str_text(record), record->len);
}

/* Numbers an atom; appends it to `questions` when it is new to the file. */
static int number_atom(struct exporting *exporting,
                       uint32_t id,
                       struct str *questions,
                       uint32_t *ret_number,
                       struct err *err)
{
    struct observation atom;
    while (exporting->numbers.count <= id) {
        if (vec_push(&exporting->numbers, 0) != 0) {
            return no_memory(err);
        }
    }
    if (exporting->numbers.items[id] == 0) {
        int result = evidence_atom(exporting->store, id, &atom, err);
        if (result != 0) {
            return result;
        }
        (void)str_append_char(questions, (char)atom.kind);
        put_text(questions, atom.path);
        exporting->numbers.items[id] = ++exporting->next_number;
    }
    *ret_number = exporting->numbers.items[id] - 1;
    return 0;
}

static int write_class(struct exporting *exporting,
                       const struct evidence_class *item,
                       struct err *err)
{
    CLEANUP(str_fini) struct str questions = STR_INIT(EVIDENCE_RECORD_MAX);
    CLEANUP(str_fini) struct str record = STR_INIT(EVIDENCE_RECORD_MAX);
    CLEANUP(cleanup_free) uint32_t *ids = mem_calloc((size_t)item->count + 1, sizeof *ids);
    if (ids == NULL) {
        return no_memory(err);
    }
    int result = evidence_class_atoms(item, ids, err);
    (void)pack_number(&record, item->count);
    for (uint32_t i = 0; result == 0 && i < item->count; i++) {
        uint32_t number = 0;
        result = number_atom(exporting, ids[i], &questions, &number, err);
        (void)pack_number(&record, number);
    }
    if (result == 0 && questions.len > 0) {
        result = put_record(exporting, RECORD_QUESTIONS, &questions, err);
    }
    return result == 0 ? put_record(exporting, RECORD_CLASS, &record, err) : result;
}

static int find_class(struct exporting *exporting,
                      const struct hash *key,
                      int64_t class_id,
                      struct arena *arena,
                      struct err *err)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    int result = evidence_classes(exporting->store, key, arena, &classes, &count, err);
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (classes[i].id == class_id) {
            return write_class(exporting, &classes[i], err);
        }
    }
    return result == 0 ? evidence_damaged(exporting->store, "a class is missing", err) : result;
}

/* Unit and class of the row when they are not those of the last one. */
static int write_place(struct exporting *exporting,
                       const struct chosen_row *row,
                       const struct hash *key,
                       struct arena *arena,
                       struct err *err)
{
    const char *words = NULL;
    int result = 0;
    if (row->unit != exporting->last.unit) {
        CLEANUP(str_fini) struct str record = STR_INIT(EVIDENCE_RECORD_MAX);
        result = evidence_words(exporting->store, key, arena, &words, err);
        (void)str_append_n(&record, key, sizeof *key);
        put_text(&record, words != NULL ? words : "");
        result = result == 0 ? put_record(exporting, RECORD_UNIT, &record, err) : result;
    }
    if (result == 0 && row->class_id != exporting->last.class_id) {
        result = find_class(exporting, key, row->class_id, arena, err);
    }
    exporting->last = *row;
    return result;
}

/* What the row of the statement says; texts point into the arena. */
static int gather_row(sqlite3_stmt *statement,
                      struct arena *arena,
                      struct hash *ret_key,
                      struct transfer_row *row)
{
    struct evidence_row found;
    if (row_copy(statement, arena, &found) != 0) {
        return -ENOMEM;
    }
    *ret_key = found.unit_key;
    *row = (struct transfer_row){
        .flags = (found.passed ? (unsigned)TRANSFER_PASSED : 0)
                 | (found.kind == EVIDENCE_DECLARED ? (unsigned)TRANSFER_DECLARED : 0),
        .trust = (unsigned)found.trust,
        .time_ms = (uint64_t)found.time_ms,
        .wall_ns = (uint64_t)found.wall_ns,
        .cpu_us = (uint64_t)found.cpu_us,
        .expires_ms = (uint64_t)found.expires_ms,
        .confirmed = found.confirmed,
        .full = found.full,
        .stdout_blob = found.stdout_blob,
        .stderr_blob = found.stderr_blob,
        .manifest = found.manifest,
        .outcome_blob = found.outcome_blob,
        .outcome = found.outcome != NULL ? found.outcome : "",
        .outcome_len = found.outcome_len,
        .scope = found.scope,
        .tree = found.tree,
        .run = found.run,
        .host = found.host,
        .observer = found.observer,
    };
    if (column_len(statement, ROW_FAST) == EVIDENCE_FAST_SIZE) {
        memcpy(row->fast, sqlite3_column_blob(statement, ROW_FAST), EVIDENCE_FAST_SIZE);
        row->flags |= TRANSFER_FAST;
    }
    size_t len = column_len(statement, ROW_PRODUCTS);
    void *products = arena_alloc(arena, len);
    if (products == NULL) {
        return -ENOMEM;
    }
    if (len > 0) {
        memcpy(products, sqlite3_column_blob(statement, ROW_PRODUCTS), len);
    }
    row->products = products;
    row->products_len = len;
    return 0;
}

static void find_vector(struct exporting *exporting,
                        const struct chosen_row *chosen,
                        struct arena *arena,
                        struct transfer_row *row)
{
    const struct evidence_vector *vectors = NULL;
    size_t count = 0;
    row->vector = "";
    if (evidence_vectors(exporting->store, chosen->class_id, arena, &vectors, &count, NULL) != 0) {
        return; /* they only explain */
    }
    for (size_t i = 0; i < count; i++) {
        if (vectors[i].evidence_id == chosen->id) {
            row->vector = vectors[i].bytes;
            row->vector_len = vectors[i].len;
        }
    }
}

static int write_ledger(struct exporting *exporting,
                        const struct hash *key,
                        const struct hash *full,
                        struct err *err)
{
    uint64_t passes = 0;
    uint64_t failures = 0;
    int result = evidence_ledger(exporting->store, key, full, &passes, &failures, err);
    if (result != 0 || failures == 0) {
        return result;
    }
    CLEANUP(str_fini) struct str record = STR_INIT(1000);
    (void)str_append_n(&record, key, sizeof *key);
    (void)str_append_n(&record, full, sizeof *full);
    (void)pack_number(&record, passes);
    (void)pack_number(&record, failures);
    return put_record(exporting, RECORD_LEDGER, &record, err);
}

static int write_gathered(struct exporting *exporting,
                          const struct chosen_row *chosen,
                          const struct hash *key,
                          struct transfer_row *row,
                          struct arena *arena,
                          struct err *err)
{
    CLEANUP(str_fini) struct str record = STR_INIT(EVIDENCE_RECORD_MAX);
    int result = write_place(exporting, chosen, key, arena, err);
    if (result != 0) {
        return result;
    }
    find_vector(exporting, chosen, arena, row);
    put_row(&record, row);
    result = put_record(exporting, RECORD_ROW, &record, err);
    exporting->done.rows++;
    return result == 0 ? write_ledger(exporting, key, &row->full, err) : result;
}

static int write_row(struct exporting *exporting, const struct chosen_row *chosen, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    struct hash key;
    struct transfer_row row;
    int result = evidence_statement(exporting->store, SQL_ROW_GET, &statement, err);
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, chosen->id);
    result = evidence_next(exporting->store, statement, err);
    if (result != 1) {
        return result;
    }
    struct arena *arena = arena_new(EXPORT_ARENA_BYTES + EVIDENCE_BLOB_MAX + PACK_CLASSES_BYTES);
    const bool missing = each_blob(exporting, statement, blob_is_missing) != 0;
    exporting->done.incomplete += missing ? 1 : 0;
    result = arena == NULL || gather_row(statement, arena, &key, &row) != 0 ? no_memory(err) : 0;
    (void)sqlite3_reset(statement);
    if (result == 0 && !missing) {
        result = write_gathered(exporting, chosen, &key, &row, arena, err);
    }
    arena_free(arena);
    return result;
}

/* ---- the file ---- */

static int write_head(struct exporting *exporting)
{
    unsigned char head[1 + HASH_SIZE] = {EVIDENCE_FILE_VERSION};
    memcpy(head + 1, exporting->store->secret, HASH_SIZE);
    return record_write(&exporting->writer, RECORD_HEAD, head, sizeof head);
}

static int write_stream(struct exporting *exporting, int fd, struct err *err)
{
    err->code = 0;
    int result = record_writer_init(&exporting->writer, fd);
    result = result == 0 ? write_head(exporting) : result;
    for (size_t i = 0; result == 0 && i < exporting->blobs.count; i++) {
        result = write_blob(exporting, &exporting->blobs.items[i], err);
    }
    for (size_t i = 0; result == 0 && i < exporting->rows.count; i++) {
        result = write_row(exporting, &exporting->rows.items[i], err);
    }
    result = result == 0 ? record_write_end(&exporting->writer) : result;
    exporting->done.bytes = exporting->writer.bytes;
    record_writer_fini(&exporting->writer);
    return result;
}

static int write_file(struct exporting *exporting, const char *file, struct err *err)
{
    char name[PATH_TEXT_MAX];
    struct err why = {0};
    int len = snprintf(name, sizeof name, "%s.XXXXXX", file);
    if (len < 0 || (size_t)len >= sizeof name) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", file);
    }
    CLEANUP(cleanup_fd) int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "cannot write %s", file);
    }
    int result = write_stream(exporting, fd, &why);
    if (result == 0 && (fsync(fd) != 0 || rename(name, file) != 0)) {
        result = -errno;
    }
    if (result == 0) {
        return 0;
    }
    (void)unlink(name);
    if (why.code == result) {
        return err_set(err, result, "cannot write %s: %s", file, why.text);
    }
    errno = -result;
    return err_errno(err, "cannot write %s", file);
}

static int export_chosen(struct exporting *exporting, const char *file, struct err *err)
{
    int result = choose_answered(exporting, err);
    result = result == 0 ? choose_rows(exporting, err) : result;
    if (result == 0 && exporting->rows.count == 0) {
        return err_set(err,
                       -ENODATA,
                       "there is no evidence for %s %s: run it first",
                       exporting->selection->tree != NULL ? "tree" : "run",
                       exporting->selection->tree != NULL ? exporting->selection->tree
                                                          : exporting->selection->run);
    }
    if (result != 0) {
        return result;
    }
    sort_chosen(exporting);
    return write_file(exporting, file, err);
}

int evidence_export(struct evidence_store *store,
                    const struct evidence_selection *selection,
                    const char *file,
                    struct evidence_transferred *ret,
                    struct err *err)
{
    struct exporting exporting = {.store = store, .selection = selection};
    int result = evidence_begin_read(store, err);
    if (result != 0) {
        return result;
    }
    result = export_chosen(&exporting, file, err);
    evidence_end_read(store);
    vec_fini(&exporting.answered);
    vec_fini(&exporting.rows);
    vec_fini(&exporting.blobs);
    vec_fini(&exporting.numbers);
    if (result == 0) {
        *ret = exporting.done;
    }
    return result;
}
