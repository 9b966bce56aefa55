/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence: which outcome a unit came to under which answers to which questions, who attests it,
 * and what is remembered to find that out fast. FOLDER/evidence.db (SQLite, WAL) and FOLDER/blobs,
 * shared by all work trees and clones of a user.
 *
 * Survives kill -9 at any instant and a full disk: a row is there whole or not at all. Blobs are
 * written before the row that names them. One thread at a time per handle; many processes may have
 * the folder open. Functions that write are one transaction each, and wait for another process's
 * (up to EVIDENCE_BUSY_MS, then -EBUSY); between evidence_begin_write() and evidence_end_write()
 * they are all one. Between evidence_begin_read() and evidence_end_read() nothing may be written
 * through the same handle (asserted).
 *
 * Ids (atoms, classes, evidence) are never used twice. Digests of all zeros mean "none". */
#ifndef SLUICE_STORE_EVIDENCE_H
#define SLUICE_STORE_EVIDENCE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "model/trace.h"
#include "store/blobs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes of one unit key; beyond, the one used longest ago goes with its rows. A handful per unit
 * is normal; a program that asks by what it read before has one for each way through it: random
 * ones had 100 to 330 after 500 states of one tree. One more, of 300 questions, costs 8 us where
 * every class must be summed up, and 0.7 us to be read where not. */
#define EVIDENCE_CLASSES_MAX 1024
/* Bytes that all classes of a unit key may take, but for the first EVIDENCE_CLASSES_SURE: a look-up
 * reads them as one row. 1,024 classes of 128 questions of 2 bytes, or 256 of 500; a `git status`
 * over 100,000 files has 200 kB of its own. */
#define EVIDENCE_CLASSES_BYTES ((size_t)256 << 10)
#define EVIDENCE_CLASSES_SURE  16
/* Fingerprints kept per class, least recently used ones go first: 2,000 x 150 bytes. */
#define EVIDENCE_ROWS_PER_CLASS 2000
/* Vectors kept per class, for explanations. */
#define EVIDENCE_VECTORS_PER_CLASS 8
/* Questions of one class; a `git status` over 100,000 files asks for about as many. Beyond: the run
 * is not stored (-E2BIG). */
#define EVIDENCE_QUESTIONS_MAX (1u << 20)
/* States whose answers are remembered as a whole: 64 x 5,000 units x 40 bytes = 13 MB. */
#define EVIDENCE_STATES_MAX 64
/* How long a writer waits for another one. */
#define EVIDENCE_BUSY_MS 10000
/* Bytes the folder may take before a run tidies up after itself. */
#define EVIDENCE_BUDGET_DEFAULT ((uint64_t)5 << 30)

#define EVIDENCE_FAST_SIZE 16

struct evidence_store;

/* Opens (makes, mode 0700; migrates) FOLDER. -EUCLEAN: damaged, says what to do. -EPROTO: written
 * by a newer sluice. */
int evidence_open(const char *folder, struct evidence_store **ret_store, struct err *err);
void evidence_close(struct evidence_store *store);

/* The content store beside it; lives as long as the store. */
struct blobs *evidence_blobs(struct evidence_store *store);

/* The secret under which the `fast` values of this store are made. It changes only when an empty
 * store takes over an exported one; valid until the next evidence_import(). */
const unsigned char *evidence_secret(const struct evidence_store *store); /* HASH_SIZE bytes */

/* One consistent picture for many look-ups; without it each look-up takes its own. */
int evidence_begin_read(struct evidence_store *store, struct err *err);
void evidence_end_read(struct evidence_store *store);

/* A number that is another one after anybody else wrote. Inside evidence_begin_read() only. */
int evidence_version(struct evidence_store *store, int64_t *ret_version, struct err *err);

/* Many writes at once. Ended with ok = false, or when a write in between failed, nothing of them
 * happened. Others cannot write meanwhile: keep it short. */
int evidence_begin_write(struct evidence_store *store, struct err *err);
int evidence_end_write(struct evidence_store *store, bool ok, struct err *err);

/* ---- trust ---- */

enum evidence_trust {
    EVIDENCE_FORK,      /* attested by a machine that runs foreign code */
    EVIDENCE_MEMBER,    /* a member's machine */
    EVIDENCE_PROTECTED, /* a protected runner, under the base's pipeline */
};

#define EVIDENCE_TRUST_COUNT 3
extern const char *const evidence_trust_names[EVIDENCE_TRUST_COUNT];

/* Who asks. Protected reads protected rows only; a change (scope not "") reads protected rows and
 * those of its own scope at its own trust or above; a member without scope reads member and
 * protected rows; fork code without scope reads protected rows and those of forks without scope. */
struct evidence_reader {
    enum evidence_trust trust;
    const char *scope; /* change id, or "" */
};

/* ---- questions ---- */

/* An atom is an interned observation. Ids are dense, from 1. */

/* The observation behind an id; its path lives until evidence_close(). -ENOENT: no such atom. */
int evidence_atom(struct evidence_store *store,
                  uint32_t id,
                  struct observation *ret_observation,
                  struct err *err);

/* Loads all atoms at once (the quick way when most are needed). atoms[id] for id < *ret_end;
 * path NULL where there is none. The array lives until the next call of this or evidence_close().
 */
int evidence_atoms(struct evidence_store *store,
                   const struct observation **ret_atoms,
                   uint32_t *ret_end,
                   struct err *err);

/* Calls `each` for the atoms of a path, or, with `below`, of all paths below it. Writes nothing. A
 * number other than 0 from `each` ends it and is handed on. */
int evidence_atoms_at(struct evidence_store *store,
                      const char *path,
                      bool below,
                      int (*each)(void *context, uint32_t id, enum observation_kind kind),
                      void *context,
                      struct err *err);

/* Ids of observations, made where there are none. ret_ids has room for count. */
int evidence_intern(struct evidence_store *store,
                    const struct observation *items,
                    size_t count,
                    uint32_t *ret_ids,
                    struct err *err);

struct evidence_class {
    int64_t id;
    uint32_t count;     /* atoms */
    bool foreign;       /* it has rows whose fast value is not known here (imported under another
                           secret): evidence_probe() saying 0 does not rule it out */
    const void *packed; /* for evidence_class_atoms() */
    size_t packed_len;
};

/* The classes of a unit key, the most recently used first; none is *ret_count = 0. Atoms are not
 * unpacked yet: that is most of the cost, and often only the first class is needed. */
int evidence_classes(struct evidence_store *store,
                     const struct hash *unit_key,
                     struct arena *arena,
                     const struct evidence_class **ret_classes,
                     size_t *ret_count,
                     struct err *err);

/* Unpacks the atoms of a class into `atoms` (room for class->count), in the order in which they
 * were added: canonical, by path and kind. -EUCLEAN: damaged. */
int evidence_class_atoms(const struct evidence_class *item, uint32_t *atoms, struct err *err);

/* ---- finding ---- */

enum evidence_kind {
    EVIDENCE_OBSERVED,
    EVIDENCE_DECLARED, /* rests on inputs that were declared, not observed */
};

struct evidence_row {
    int64_t id;
    struct hash unit_key;
    int64_t class_id;
    struct hash full;
    bool passed;
    enum evidence_kind kind;
    enum evidence_trust trust;
    const char *scope; /* change id, or "" */
    const char *tree;  /* of the run; "" = none */
    const char *run;   /* run id */
    const char *host;
    const char *observer; /* version of what observed it */
    int64_t time_ms;      /* when it ended, wall clock */
    int64_t wall_ns, cpu_us;
    int64_t expires_ms;      /* 0 = never */
    int64_t used_ms;         /* when it answered last, true to BLOB_TOUCH_MS */
    unsigned confirmed;      /* runs that came to the same, this one included */
    struct hash stdout_blob; /* zeros = none, here and below */
    struct hash stderr_blob;
    struct hash manifest;
    struct hash outcome_blob; /* evidence_outcome() reads it, wherever it is */
    const void *outcome;      /* small outcomes are in the row; NULL = in the blob */
    size_t outcome_len;
};

struct evidence_query {
    struct hash unit_key;
    int64_t class_id;
    struct hash full;
    struct evidence_reader reader;
    bool failed_too; /* give rows with status failed as well */
    bool own;        /* give none but those of the reader's very trust and scope */
    int64_t now_ms;
};

/* Could there be a row? 1 when some row of the class has this fast value, 0 when none has. */
int evidence_probe(struct evidence_store *store,
                   int64_t class_id,
                   const unsigned char fast[EVIDENCE_FAST_SIZE],
                   struct err *err);

/* The row that answers: 1 and *ret_row (strings in the arena), 0 = none. `full` decides. Never
 * gives rows the reader may not read, of quarantined units, or expired; of several, passed ones
 * before failed ones, higher trust first, then the newest. */
int evidence_find(struct evidence_store *store,
                  const struct evidence_query *query,
                  struct arena *arena,
                  struct evidence_row *ret_row,
                  struct err *err);

/* The same by id, for ids from evidence_answers(); query->unit_key must be the row's own, and
 * class_id and full are not looked at. */
int evidence_get(struct evidence_store *store,
                 int64_t id,
                 const struct evidence_query *query,
                 struct arena *arena,
                 struct evidence_row *ret_row,
                 struct err *err);

/* Appends the outcome's bytes. -ENOENT, -EBADMSG: its blob is gone, the row is no use:
 * evidence_forget() it. */
int evidence_outcome(struct evidence_store *store,
                     const struct evidence_row *row,
                     struct str *out,
                     struct err *err);

/* Notes that rows were used: they and their class live longer and are looked at first. `fast`
 * (count values of EVIDENCE_FAST_SIZE bytes, one after the other, or NULL) mends rows that were
 * imported under another secret. */
int evidence_touch(struct evidence_store *store,
                   const int64_t *ids,
                   const unsigned char *fast,
                   size_t count,
                   struct err *err);

/* Deletes one row (its blob is gone). A missing row is success. */
int evidence_forget(struct evidence_store *store, int64_t id, struct err *err);

/* The newest vectors of a class, newest first: bytes as they were added. */
struct evidence_vector {
    int64_t evidence_id; /* its row may be gone */
    const void *bytes;
    size_t len;
};

int evidence_vectors(struct evidence_store *store,
                     int64_t class_id,
                     struct arena *arena,
                     const struct evidence_vector **ret_vectors,
                     size_t *ret_count,
                     struct err *err);

/* What a unit key means, as it was added; NULL when unknown. */
int evidence_words(struct evidence_store *store,
                   const struct hash *unit_key,
                   struct arena *arena,
                   const char **ret_words,
                   struct err *err);

/* ---- adding ---- */

struct evidence_new {
    struct hash unit_key;
    const char *words; /* JSON for explanations: layer, unit, argv; kept once per unit key */

    /* the class: canonical questions */
    const struct observation *questions;
    size_t question_count;

    /* the fingerprint */
    unsigned char fast[EVIDENCE_FAST_SIZE];
    struct hash full;
    const void *vector; /* answers, opaque to the store; NULL = none kept */
    size_t vector_len;

    /* the outcome. Blobs were put before; `outcome` is put by evidence_add() when it is large */
    bool passed;
    const void *outcome;
    size_t outcome_len;
    struct hash stdout_blob, stderr_blob, manifest;
    const struct hash *products; /* blobs the manifest names, so that they are kept and exported */
    size_t product_count;
    bool products_vary; /* another manifest for the same fingerprint is told, but no conflict */

    /* provenance */
    enum evidence_kind kind;
    enum evidence_trust trust;
    const char *scope, *tree, *run, *host, *observer;
    int64_t time_ms, wall_ns, cpu_us;
    int64_t expires_ms; /* 0 = never */

    /* for imports; zeros for what was just run */
    bool imported;            /* the ledger has counted it where it was made */
    bool fast_unknown;        /* `fast` was made under another secret */
    unsigned confirmed;       /* runs that came to this; 0 = 1 */
    struct hash outcome_blob; /* where the outcome is, when `outcome` is NULL */
};

/* Evidence that contradicts what is added. */
struct evidence_conflict {
    bool found;
    bool status;      /* one passed, the other failed: the unit is flaky, proven */
    bool products;    /* the manifests differ */
    bool quarantined; /* the unit's evidence is not given out any more */
    int64_t other_id;
    struct hash other_manifest;
};

struct evidence_added {
    int64_t id; /* the new row, or the one that it confirmed */
    int64_t class_id;
    struct evidence_conflict conflict;
};

/* Adds evidence: class, row, vector and ledger in one transaction. The same result from the same
 * trust and scope confirms the row that is there. When the unit key has too many classes, the one
 * used longest ago goes; not for what is imported: -EMLINK. -EPERM: it rests on something that was
 * revoked. ret_added may be NULL. */
int evidence_add(struct evidence_store *store,
                 const struct evidence_new *evidence,
                 struct evidence_added *ret_added,
                 struct err *err);

/* ---- the flake ledger ---- */

/* How often a unit passed and failed under one and the same fingerprint, over all trusts. Kept when
 * rows go. Zeros when unknown. */
int evidence_ledger(struct evidence_store *store,
                    const struct hash *unit_key,
                    const struct hash *full,
                    uint64_t *ret_passes,
                    uint64_t *ret_failures,
                    struct err *err);

/* Counts a result that makes no row (a retry, a verified hit). */
int evidence_ledger_count(struct evidence_store *store,
                          const struct hash *unit_key,
                          const struct hash *full,
                          bool passed,
                          struct err *err);

/* ---- quarantine ---- */

struct evidence_quarantine {
    struct hash unit_key;
    const char *words;  /* of the unit; NULL = unknown */
    const char *reason; /* a sentence */
    int64_t time_ms;
    int64_t first_id, second_id; /* the pair of rows; 0 = none */
    /* of the pair: whoever may not read rows of both is not concerned */
    enum evidence_trust trust;
    const char *scope;
    enum evidence_trust other_trust;
    const char *other_scope;
};

/* Hides a unit's evidence from those who may read rows of both origins (trust and scope, twice).
 * Again for the same: nothing. */
int evidence_quarantine_add(struct evidence_store *store,
                            const struct evidence_quarantine *quarantine,
                            struct err *err);

/* Is the unit quarantined for this reader? 1 and *ret (may be NULL), or 0. */
int evidence_quarantined(struct evidence_store *store,
                         const struct hash *unit_key,
                         const struct evidence_reader *reader,
                         struct arena *arena,
                         struct evidence_quarantine *ret,
                         struct err *err);

/* Newest first; `each` as in blobs_walk(). */
int evidence_quarantine_walk(struct evidence_store *store,
                             int (*each)(void *context, const struct evidence_quarantine *entry),
                             void *context,
                             struct err *err);

/* Ends it for a unit key and deletes its rows, some of which contradict each other: it starts
 * afresh. The ledger stays. ret_count (may be NULL): quarantines ended. */
int evidence_quarantine_lift(struct evidence_store *store,
                             const struct hash *unit_key,
                             uint64_t *ret_count,
                             struct err *err);

/* ---- leases: one runs, the others wait ---- */

struct evidence_lease {
    struct hash key;
    uint64_t token; /* tells this holder from later ones */
};

#define EVIDENCE_OWNER_MAX 128

/* The longest time a lease is taken or renewed for. One that is to last longer from now on was
 * taken under a clock that has been set back since, and is believed no more: its holder, if it
 * lives, renews it under the clock as it is. */
#define EVIDENCE_LEASE_MS_MAX (INT64_C(3600) * 1000)

/* Takes the lease on a key for the calling process: 1 and *ret_lease; 0 when another one holds it,
 * named in `holder` ("host, pid 123: OWNER"). The lease of a process that is dead is free at once
 * where that can be told (same machine and process namespace), else when its time is over. A
 * process that holds the lease and takes it again gets 0 too. */
int evidence_lease_take(struct evidence_store *store,
                        const struct hash *key,
                        const char *owner,
                        int64_t ttl_ms,
                        struct evidence_lease *ret_lease,
                        char holder[EVIDENCE_OWNER_MAX],
                        struct err *err);

/* Holds it for another ttl_ms: 1; 0 = it was lost (its time was over and another one took it). */
int evidence_lease_renew(struct evidence_store *store,
                         const struct evidence_lease *lease,
                         int64_t ttl_ms,
                         struct err *err);

/* Gives it back; a lost one is success. */
int evidence_lease_drop(struct evidence_store *store,
                        const struct evidence_lease *lease,
                        struct err *err);

/* Is somebody (alive) holding it? 1 and `holder` (may be NULL), or 0. Writes nothing. */
int evidence_lease_look(struct evidence_store *store,
                        const struct hash *key,
                        char holder[EVIDENCE_OWNER_MAX],
                        struct err *err);

/* ---- memos: what can be worked out again, but not for free ---- */

/* Digest of a file outside of the tree, by what stat(2) says. */
struct evidence_file {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    struct hash digest;
};

/* A file changed less than this before it was looked at may change again without a trace in its
 * times: such digests are not kept. */
#define EVIDENCE_FILE_AGE_MS 2000

/* Fills digest: 1; 0 = unknown. */
int evidence_file_get(struct evidence_store *store, struct evidence_file *file, struct err *err);
/* Those looked at (hashed) at `now_ms` that changed too lately are passed over. */
int evidence_files_put(struct evidence_store *store,
                       const struct evidence_file *files,
                       size_t count,
                       int64_t now_ms,
                       struct err *err);

/* Which evidence answered for a unit key in a state (the caller's id of it: whatever the answers
 * depend on). A shortcut: the row is looked up by evidence_get(), which checks it as any other. */
struct evidence_answer {
    struct hash unit_key;
    int64_t evidence_id;
};

/* All answers of a state, sorted by unit key (bytes); *ret_count = 0 when unknown. */
int evidence_answers(struct evidence_store *store,
                     const struct hash *state,
                     struct arena *arena,
                     const struct evidence_answer **ret_answers,
                     size_t *ret_count,
                     struct err *err);

/* What a state is called: what is exported for a tree is what answered for its states. */
struct evidence_state {
    struct hash id;
    const char *tree; /* git tree; "" = none */
    const char *run;  /* the run that asked last */
};

/* Adds answers to what is known of a state; an answer for the same unit key is replaced. Any
 * order. */
int evidence_answers_put(struct evidence_store *store,
                         const struct evidence_state *state,
                         const struct evidence_answer *answers,
                         size_t count,
                         struct err *err);

/* ---- keeping house: evidence_keep.h ---- */

#endif
