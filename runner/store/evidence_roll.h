/* SPDX-License-Identifier: Apache-2.0 */
/* A roll: copies of many rows of evidence in one piece. A run that is reused as a whole asks for
 * thousands of rows by their ids, and one piece is read in a fraction of the time. Which rows are
 * in it is the caller's affair; that they are as in the store is seen to here: a copy is given out
 * only while the store's rows are of the generation it was made in (the database counts it, when
 * any row goes or changes), and only inside evidence_begin_read(). Everything else that
 * evidence_get() checks is checked each time. Rows of failures are never in it: theirs change. */
#ifndef SLUICE_STORE_EVIDENCE_ROLL_H
#define SLUICE_STORE_EVIDENCE_ROLL_H

#include "store/evidence.h"

/* Rolls kept, the least recently written ones go first. */
#define EVIDENCE_ROLLS_MAX 16
/* Fewer rows are as well asked for one by one. */
#define EVIDENCE_ROLL_ROWS_MIN 64
/* Beyond, a roll is not kept: 60,000 rows of 270 bytes. */
#define EVIDENCE_ROLL_BYTES_MAX ((size_t)16 << 20)

struct evidence_roll;

/* The roll of that name; an empty one when there is none, or none that holds. */
int evidence_roll_open(struct evidence_store *store,
                       const struct hash *name,
                       struct evidence_roll **ret_roll,
                       struct err *err);
void evidence_roll_free(struct evidence_roll *roll); /* NULL is accepted */

/* As evidence_get(), for a row that is in the roll: 1 and *ret_row, whose texts live as long as the
 * roll; 0: it is not, or may not be given out: ask evidence_get(). */
int evidence_roll_get(struct evidence_store *store,
                      const struct evidence_roll *roll,
                      int64_t id,
                      const struct evidence_query *query,
                      struct evidence_row *ret_row);

/* Puts a row that was just found into the roll. What cannot be put is left out. */
void evidence_roll_add(struct evidence_store *store,
                       struct evidence_roll *roll,
                       const struct evidence_row *row);

/* The row was used at that time, and evidence_touch() will say so. */
void evidence_roll_touch(struct evidence_roll *roll, int64_t id, int64_t now_ms);

/* Keeps the roll when it has news and still holds. */
int evidence_roll_put(struct evidence_store *store,
                      const struct hash *name,
                      struct evidence_roll *roll,
                      struct err *err);

#endif
