/* SPDX-License-Identifier: Apache-2.0 */
/* The open evidence: its statements, its transactions, what it remembers of atoms. Inside of
 * evidence*.c only. */
#ifndef SLUICE_STORE_EVIDENCE_IMPL_H
#define SLUICE_STORE_EVIDENCE_IMPL_H

#include "base/map.h"
#include "store/database.h"
#include "store/evidence.h"

enum evidence_sql {
    SQL_BEGIN_READ,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_META,
    SQL_SECRET_SET,
    SQL_EPOCH_GROW,
    SQL_ATOM_GET,
    SQL_ATOM_FIND,
    SQL_ATOM_ADD,
    SQL_ATOMS,
    SQL_ATOMS_AT,
    SQL_ATOMS_BELOW,
    SQL_ATOM_DELETE,
    SQL_UNIT_GET,
    SQL_UNIT_ADD,
    SQL_UNIT_CLASSES_SET,
    SQL_UNITS,
    SQL_UNIT_DELETE,
    SQL_CLASS_ADD,
    SQL_CLASS_GET,
    SQL_CLASS_GROW,
    SQL_CLASS_VECTORS_SET,
    SQL_CLASS_DELETE,
    SQL_CLASS_IS_EMPTY,
    SQL_CLASS_TRIM,
    SQL_PROBE,
    SQL_ROWS_OF_FULL,
    SQL_ROW_GET,
    SQL_ROWS,
    SQL_ROW_ADD,
    SQL_ROW_CONFIRM,
    SQL_ROW_TOUCH,
    SQL_ROW_MEND,
    SQL_ROW_DELETE,
    SQL_ORIGIN_ADD,
    SQL_ORIGINS_SWEEP,
    SQL_LEDGER_GET,
    SQL_LEDGER_COUNT,
    SQL_LEDGER_MERGE,
    SQL_LEDGER_SWEEP,
    SQL_QUARANTINE_ADD,
    SQL_QUARANTINE_OF,
    SQL_QUARANTINE_ANY,
    SQL_QUARANTINES,
    SQL_QUARANTINE_LIFT,
    SQL_REVOKED,
    SQL_REVOCATION_ADD,
    SQL_LEASE_GET,
    SQL_LEASE_PUT,
    SQL_LEASE_RENEW,
    SQL_LEASE_DROP,
    SQL_LEASES_SWEEP,
    SQL_FILE_GET,
    SQL_FILE_PUT,
    SQL_FILES_SWEEP,
    SQL_ANSWERS_GET,
    SQL_ANSWERS_PUT,
    SQL_ANSWERS_SWEEP,
    SQL_ANSWERS_ALL,
    SQL_ANSWERS_CLEAR,
    SQL_ROLL_GET,
    SQL_ROLL_PUT,
    SQL_ROLLS_SWEEP,
    SQL_ROLLS_STALE,
    SQL_ROLLS_CLEAR,
    SQL_DATA_VERSION,
    SQL_COUNT,
};

/* The columns of SQL_ROWS_OF_FULL, SQL_ROW_GET and SQL_ROWS, in order. */
enum row_column {
    ROW_ID,
    ROW_CLASS,
    ROW_FAST,
    ROW_FULL,
    ROW_PASSED,
    ROW_KIND,
    ROW_TIME,
    ROW_WALL,
    ROW_CPU,
    ROW_EXPIRES,
    ROW_USED,
    ROW_CONFIRMED,
    ROW_STDOUT,
    ROW_STDERR,
    ROW_MANIFEST,
    ROW_OUTCOME,
    ROW_INLINED,
    ROW_PRODUCTS,
    ROW_TRUST,
    ROW_SCOPE,
    ROW_TREE,
    ROW_RUN,
    ROW_HOST,
    ROW_OBSERVER,
    ROW_UNIT_KEY,
    ROW_UNIT,
    ROW_ORIGIN,
};

/* Outcomes up to this size are in the row: a look-up then opens no file. Most are some hundred
 * bytes of JSON; half a page of the database. */
#define EVIDENCE_INLINE_MAX 2048

/* Paths of atoms kept in memory by one handle: 3 million of 170 bytes. */
#define EVIDENCE_ATOM_BYTES ((size_t)512 << 20)

/* A column of digests or an outcome in a row; beyond, the row is refused. 2^20 products. */
#define EVIDENCE_BLOB_MAX ((size_t)32 << 20)

/* Words of a unit: layer, id and argv as JSON. */
#define EVIDENCE_WORDS_MAX ((size_t)1 << 20)

struct evidence_store {
    struct database database;
    sqlite3_stmt *statements[SQL_COUNT]; /* prepared at first use, kept */
    struct blobs *blobs;
    char *folder;

    /* transactions */
    bool reading;          /* evidence_begin_read() */
    bool none_quarantined; /* in the picture that is open, if any */
    bool batching;         /* evidence_begin_write() */
    bool writing;          /* some write transaction is open */
    bool spoiled;          /* a write of the batch failed */

    unsigned char secret[HASH_SIZE];
    bool secret_stale;  /* the file has another one by now: our fast values mean nothing there */
    int64_t generation; /* of the rows, in the transaction that is open */
    int64_t epoch;      /* of the atoms that `ids` knows */

    /* observations by id; a path is NULL where none was looked up */
    struct observation *atoms;
    uint32_t atoms_cap;
    struct observation *atoms_lent; /* handed out by evidence_atoms(): not moved; may be `atoms` */
    uint32_t atoms_end;             /* all below it were loaded */
    struct arena *atom_arena;

    /* ids by observation: letter and path */
    struct map ids;
    struct arena *id_arena;
};

/* The statement, reset and without bindings. */
int evidence_statement(struct evidence_store *store,
                       enum evidence_sql which,
                       sqlite3_stmt **ret_statement,
                       struct err *err);
/* Runs one that gives no row, or whose first column is wanted (ret_id may be NULL). */
int evidence_step(struct evidence_store *store,
                  sqlite3_stmt *statement,
                  sqlite3_int64 *ret_id,
                  struct err *err);
/* A statement without parameters and rows. */
int evidence_run(struct evidence_store *store, enum evidence_sql which, struct err *err);
/* The next row: 1, 0 = no more, or an error; reset by the caller when it stops early. */
int evidence_next(struct evidence_store *store, sqlite3_stmt *statement, struct err *err);

/* Runs `body` in a write transaction: its own, or the one that is open. When it fails, all of it is
 * undone, a batch too, but not for the refusals EMLINK, EPERM, E2BIG and EINVAL: bodies return
 * those before they change anything that counts. */
int evidence_write(struct evidence_store *store,
                   int (*body)(struct evidence_store *store, void *context, struct err *err),
                   void *context,
                   struct err *err);

/* ---- binding and reading columns ---- */

void bind_hash(sqlite3_stmt *statement, int index, const struct hash *hash); /* zeros: NULL */
void bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t len); /* borrowed */
void bind_text(sqlite3_stmt *statement, int index, const char *text); /* borrowed; NULL: '' */
bool hash_is_zero(const struct hash *hash);
/* Zeros when the column is NULL or of another length. */
struct hash column_hash(sqlite3_stmt *statement, int column);
const char *column_text(sqlite3_stmt *statement, int column); /* never NULL */
/* Copied into the arena; NULL without memory. */
const char *column_copy(sqlite3_stmt *statement, int column, struct arena *arena);
size_t column_len(sqlite3_stmt *statement, int column);

/* A complaint about the file's contents. */
int evidence_damaged(const struct evidence_store *store, const char *what, struct err *err);

/* ---- pieces ---- */

/* Pages in use, in bytes. */
#define EVIDENCE_BYTES_SQL                                                      \
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, " \
    "pragma_freelist_count, pragma_page_size"

/* The number that a query gives. */
int evidence_number(struct evidence_store *store, const char *sql, int64_t *ret, struct err *err);

/* All rows of a class under one fingerprint, whoever may read them: to be stepped through by
 * evidence_next() and reset. */
int rows_of_full(struct evidence_store *store,
                 int64_t class_id,
                 const struct hash *full,
                 sqlite3_stmt **ret_statement,
                 struct err *err);

/* Copies the row that the statement stands at; -ENOMEM. */
int row_copy(sqlite3_stmt *statement, struct arena *arena, struct evidence_row *row);

/* Are all blobs there that the statement's row names? */
bool row_is_complete(struct evidence_store *store, sqlite3_stmt *statement);

/* Bytes of one answer in its column: unit key, evidence id. */
#define ANSWER_BYTES ((size_t)HASH_SIZE + 8)

void answer_unpack(const unsigned char *bytes, struct evidence_answer *ret);

/* Is it the letter of an observation kind? */
bool atom_is_kind(int kind);

/* Deletes a unit with all below it; a missing one is success. */
int unit_delete(struct evidence_store *store, const struct hash *key, struct err *err);

/* Deletes a class with its rows; its unit still lists it. */
int class_delete(struct evidence_store *store, int64_t class_id, struct err *err);

struct unit_row {
    sqlite3_int64 id; /* 0 = there is none */
    struct str classes;
};

/* Looks a unit key up; classes are appended. */
int unit_find(struct evidence_store *store,
              const struct hash *key,
              struct unit_row *unit,
              struct err *err);
int unit_set_classes(struct evidence_store *store,
                     sqlite3_int64 unit,
                     const struct evidence_class *classes,
                     size_t count,
                     struct err *err);

/* May rows of this origin be read? */
bool evidence_readable(const struct evidence_reader *reader,
                       enum evidence_trust trust,
                       const char *scope);

/* And is it asked for? */
bool evidence_is_given(const struct evidence_query *query,
                       enum evidence_trust trust,
                       const char *scope);

enum evidence_trust column_trust(sqlite3_stmt *statement, int column);

/* Takes the classes without rows out of the unit of this key, and the unit when none is left. */
int evidence_drop_empty(struct evidence_store *store, const struct hash *key, struct err *err);

/* 1 when evidence of this provenance was revoked. */
int evidence_is_revoked(struct evidence_store *store,
                        const struct evidence_new *evidence,
                        struct err *err);

/* Interns inside of a write transaction. */
int atoms_intern(struct evidence_store *store,
                 const struct observation *items,
                 size_t count,
                 uint32_t *ret_ids,
                 struct err *err);
/* After a rollback, or when atoms were deleted. */
void atoms_forget_ids(struct evidence_store *store);

#endif
