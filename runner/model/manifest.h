/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: what units left, as data. */
#ifndef SLUICE_MODEL_MANIFEST_H
#define SLUICE_MODEL_MANIFEST_H

#include "base/arena.h"
#include "base/err.h"
#include "model/trace.h"

/* The union of several, in `arena`; texts are borrowed. One path with two contents: -EEXIST with
 * the path. */
int manifest_merge(const struct manifest *const *parts,
                   size_t count,
                   struct arena *arena,
                   struct manifest *ret_manifest,
                   struct err *err);

/* Same paths, modes and contents. */
bool manifest_equal(const struct manifest *a, const struct manifest *b);

#endif
