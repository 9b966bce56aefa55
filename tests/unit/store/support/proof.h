/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence, told in few words. */
#ifndef SLUICE_TESTS_STORE_PROOF_H
#define SLUICE_TESTS_STORE_PROOF_H

#include "store/evidence.h"

/* Opens test_folder()/name, which must work. */
struct evidence_store *open_evidence(const char *name);

/* The digest of a word. */
struct hash hash_of(const char *word);

/* Questions: "C/src/a.c X/src/b.h" as observations; in static storage, one of four. */
struct questions {
    struct observation items[64];
    size_t count;
    char text[2048];
};

const struct questions *ask(const char *words);

/* A passed row of unit `unit` under `questions` with the fingerprint of `answers`: of a member, run
 * r1, without blobs. */
struct evidence_new proof_of(const char *unit, const char *questions, const char *answers);

/* Adds it, which must work. */
struct evidence_added add(struct evidence_store *store, const struct evidence_new *evidence);

/* Looks for a unit's evidence under the answers in any of its classes, by probe and find, as a
 * member. 1 = found, 0. The row's strings live until the next call. */
int find_proof(struct evidence_store *store,
               const char *unit,
               const char *answers,
               struct evidence_row *ret_row);
/* The same for another reader, failed rows too. */
int find_as(struct evidence_store *store,
            const char *unit,
            const char *answers,
            enum evidence_trust trust,
            const char *scope,
            struct evidence_row *ret_row);

/* Rows in a table. */
unsigned long count_in(const char *store_name, const char *table);

#endif
