/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to the questions of a class, hashed. `fast` finds: a keyed 128-bit sum over the questions
 * with their answers, so one changed answer changes it by a difference. `full` proves: SHA-256 over
 * the vector of answers in the class's order. */
#ifndef SLUICE_REUSE_FINGERPRINT_H
#define SLUICE_REUSE_FINGERPRINT_H

#include "base/str.h"
#include "reuse/answer.h"
#include "store/evidence.h"

#include <stdint.h>

/* One addend of `fast`, or a sum of them; arithmetic is modulo 2^128. */
struct term {
    uint64_t lo;
    uint64_t hi;
};

/* The addend of a question with its answer. `key` has 16 bytes and is secret: sums are easily made
 * to collide by whoever can compute them. -ENAMETOOLONG for a path of PATH_TEXT_MAX and more. */
int term_of(const unsigned char *key,
            const struct observation *asked,
            const struct answer *answer,
            struct term *ret_term);

struct term term_add(struct term a, struct term b);
struct term term_sub(struct term a, struct term b);

/* The bytes of a sum as the store keeps them: independent of the machine. */
void term_bytes(struct term sum, unsigned char bytes[EVIDENCE_FAST_SIZE]);

/* A number for a question, the same in every store: a class of the same answers to other questions
 * has another `full`. */
uint64_t question_number(const struct observation *asked);

/* Appends one answer of the vector: what `full` is taken over, and what is kept to explain. */
int vector_add(struct str *vector, uint64_t question, const struct answer *answer);

/* Takes the next answer from a vector at *at, which moves on: 1; 0 at the end; -EUCLEAN. */
int vector_next(const void *vector, size_t len, size_t *at, struct answer *ret_answer);

#endif
