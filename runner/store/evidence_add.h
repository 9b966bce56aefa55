/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a new row that importing uses as well. Inside of a write transaction. */
#ifndef SLUICE_STORE_EVIDENCE_ADD_H
#define SLUICE_STORE_EVIDENCE_ADD_H

#include "store/evidence_impl.h"

/* A class has up to this many rows more than EVIDENCE_ROWS_PER_CLASS before the oldest go. */
#define EVIDENCE_TRIM_EVERY 64

struct class_wanted {
    const struct hash *unit_key;
    const char *words; /* NULL = nothing to say */
    const struct observation *questions;
    size_t question_count;
    bool makes_room;          /* may older classes go for it? */
    bool foreign;             /* a row comes to it whose fast value is not known */
    const struct str *packed; /* class_add()'s own */
    sqlite3_int64 unit;       /* filled by class_add() */
};

/* Interns questions and appends their packed ids. */
int questions_pack(struct evidence_store *store,
                   const struct observation *questions,
                   size_t count,
                   struct str *packed,
                   struct err *err);

/* The class of these questions, made when there is none, as the first one of its unit. -EMLINK. */
int class_add(struct evidence_store *store,
              struct class_wanted *wanted,
              int64_t *ret_class,
              struct err *err);

/* Puts a vector in front of those of its class. */
int vectors_add(struct evidence_store *store,
                int64_t class_id,
                const struct evidence_vector *vector,
                struct err *err);

#endif
