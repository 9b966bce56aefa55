/* SPDX-License-Identifier: Apache-2.0 */
/* The steps from `layers:` to the model, in order: matrix (which variants there are), reading
 * (reader.h), links (stages and needs), with (settings as JSON). Private to this module. */
#ifndef SLUICE_CONFIG_LAYERS_H
#define SLUICE_CONFIG_LAYERS_H

#include "base/str.h"
#include "base/vec.h"
#include "config/reader.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- matrix.c ---- */

/* The variants of one layer: `count` lists of (axis, value). One empty list without a matrix. */
struct variants {
    const struct env_list *items;
    size_t count;
};

/* Reads `matrix` of a layer (a mapping or not; then there is one variant). False after a
 * complaint: then there is one empty variant, so that reading can go on. */
bool matrix_read(struct reader *r, const struct node *layer, struct variants *ret_variants);

/* The id of a variant: base, or base[value,value], in the arena. NULL when memory was short. */
const char *matrix_id(struct reader *r, const char *base, const struct env_list *variant);

/* ---- links.c ---- */

struct drafts {
    VEC_FIELDS(struct draft);
};

/* Resolves stages and needs of all layers, checks `uses`, finds cycles. Fills layer.stage,
 * layer.needs and layer.need_count. */
void links_resolve(struct reader *r, struct drafts *drafts, const struct text_list *stages);

/* ---- with.c ---- */

/* Appends a mapping as one JSON object, `${{ }}` replaced. */
void with_write(struct reader *r, const struct node *map, struct str *out);

/* Where JSON pointer `pointer` leads below the pair of `with`. */
const struct node *with_find(const struct node_pair *with, const char *pointer);

/* ---- pipeline.c ---- */

/* Reads the whole tree into *ret_pipeline (arena). *ret_with gets the pair of `with` of each layer,
 * by index. Look at r->complaints for success. */
void pipeline_read(struct reader *r,
                   const struct node *root,
                   struct pipeline *ret_pipeline,
                   const struct node_pair *const **ret_with);

#endif
