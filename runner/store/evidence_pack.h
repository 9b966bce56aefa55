/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of packed columns. Pure; every length is checked, because somebody may have edited the
 * file.
 *
 * A unit's classes, the most recently used first, are one column, so that a look-up is one row:
 * each is id, atoms * 2 + foreign, length of what follows, and then the atom ids, each as the
 * difference from the one before, zigzag. All numbers are LEB128.
 *
 * A class's vectors, newest first, are one zstd frame of: evidence id, length, bytes. They share
 * most of their bytes. */
#ifndef SLUICE_STORE_EVIDENCE_PACK_H
#define SLUICE_STORE_EVIDENCE_PACK_H

#include "base/arena.h"
#include "base/str.h"
#include "store/evidence.h"

/* Bytes of a unit's classes: 16 x 2^20 atoms x 2 bytes would be 32 MiB; few units have one such
 * class. Beyond, a class is not stored. */
#define PACK_CLASSES_BYTES ((size_t)64 << 20)

/* Plain bytes of a class's vectors: 8 of 16,000 answers each. Older ones go beyond it. */
#define PACK_VECTORS_BYTES ((size_t)4 << 20)

/* Appends a number; at most 10 bytes. Returns out->error. */
int pack_number(struct str *out, uint64_t number);

/* Reads a number from *place and moves it; -EUCLEAN beyond `end`. */
int unpack_number(const unsigned char **place, const unsigned char *end, uint64_t *ret_number);

/* Appends the differences of atom ids. */
int pack_atoms(struct str *out, const uint32_t *ids, size_t count);

/* Appends one class with its packed atoms. */
int pack_class(struct str *out, const struct evidence_class *item);

/* Splits the classes of a unit: at most EVIDENCE_CLASSES_MAX; `packed` of each points into bytes.
 */
int unpack_classes(const void *bytes,
                   size_t len,
                   struct evidence_class classes[EVIDENCE_CLASSES_MAX],
                   size_t *ret_count);

/* The frame with one more vector in front. Returns 0 and appends it to out. */
int pack_vectors(struct str *out,
                 const void *old_frame,
                 size_t old_len,
                 const struct evidence_vector *newest);

/* Unpacks a frame into the arena. */
int unpack_vectors(const void *frame,
                   size_t len,
                   struct arena *arena,
                   const struct evidence_vector **ret_vectors,
                   size_t *ret_count);

#endif
