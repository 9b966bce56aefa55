/* SPDX-License-Identifier: Apache-2.0 */
/* Node tree -> typed values, driven by the table of keys.h. A reader carries what every step needs:
 * where complaints go, the arena of the result, and the values that `${{ }}` stands for. Reading
 * goes on after a complaint, so that one run of `sluice lint` shows many mistakes. */
#ifndef SLUICE_CONFIG_READER_H
#define SLUICE_CONFIG_READER_H

#include "base/arena.h"
#include "config/complain.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/node.h"
#include "config/rules.h"
#include "config/scalar.h"
#include "model/pipeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest id of a variant: unit[asan,clang]. */
#define LAYER_ID_MAX_BYTES 200
/* Variants of one layer: 8 x 8 x 4. Beyond, nobody reads the result any more. */
#define MATRIX_VARIANTS_MAX 256
/* Layers of a pipeline, variants counted; 1 KiB each. */
#define LAYERS_MAX 16384
/* Pairs (layer, needed layer), variants counted: 8 MiB of indices. */
#define NEEDS_MAX (1u << 20)
/* Stages of a pipeline, and variables of a layer (execve takes 128 KiB a variable); both are looked
 * through one by one. */
#define STAGES_MAX 256
#define ENV_MAX    1024
/* Nodes of one layer times its variants, so that a matrix is no bomb either: 256 variants of a
 * layer with 8,000 values. */
#define MATRIX_NODES_MAX 2000000
/* Parts a unit can be cut into, and slots it can take: far above any machine. */
#define SHARDS_MAX 4096
#define SLOTS_MAX  4096
/* A test that fails 20 times is not saved by the 21st. */
#define RETRY_MAX 20

/* A layer while it is read: what the model holds, and where names stand that other layers decide.
 */
struct draft {
    struct layer layer;
    const struct node *key;        /* the id under `layers:` */
    const struct node *value;      /* and what stands there */
    const char *stage;             /* as written; NULL = not given */
    const struct node *stage_node; /* where */
    const struct node *uses_node;  /* value of `uses` */
    struct text_list needs;        /* as written; NULL where an item was refused */
    const struct node *needs_node; /* the list, or the single text */
    const struct node_pair *with;  /* NULL = not given */
};

/* The top level while it is read. */
struct top {
    unsigned version;
    const char *name;
    const struct node *defaults;
    const struct node *stages_node;
    struct text_list stages;
    const struct node *layers;
};

struct reader {
    struct complaints *complaints;
    struct arena *arena;
    const struct config_options *options;
    const struct env_list *matrix; /* of the variant that is read; NULL = no `${{ }}` here */
    const struct node_pair *pair;  /* that is read now */
    struct draft *draft;           /* the layer, or `defaults`, that is read now */
};

/* The node's text with every `${{ }}` replaced. NULL after a complaint. */
const char *reader_text(struct reader *r, const struct node *node);

/* True when the whole text is one expression without quotes: then its value decides whether it is a
 * number, as if it had been written there. */
bool reader_is_bare_expression(const struct node *node);

/* A mapping with fixed keys, and how to speak of it. */
struct reader_place {
    enum key_scope scope;
    const char *what;         /* "the layer `unit`" */
    const struct node *where; /* a missing key is told here */
};

/* Reads a mapping into `target`, the struct whose offsets the table holds for this scope. */
void reader_object(struct reader *r,
                   const struct reader_place *place,
                   const struct node *node,
                   void *target);

/* A value that must be text, with `${{ }}` replaced and checked by the key's rule. NULL after a
 * complaint. */
const char *reader_checked(struct reader *r, const struct key *key, const struct node *node);

/* Applies a rule to a word; false after a complaint ("KIND `WORD` must not ..."). */
bool reader_check(struct reader *r,
                  const struct key_rule *rule,
                  const char *kind,
                  const struct node *node,
                  const char *text);

/* What a plain scalar means after `${{ }}` was replaced; SCALAR_TEXT for quoted text. False after a
 * complaint, or when the node is no scalar. */
bool reader_scalar(struct reader *r,
                   const struct node *node,
                   const char **ret_text,
                   struct scalar *ret_scalar);

/* Complains that a value is of the wrong kind. */
void reader_wrong_type(struct reader *r, const struct key *key, const struct node *node);

/* Copies `count` pointers into a list that ends with NULL; false when memory was short. */
bool reader_make_list(struct reader *r,
                      const char *const *items,
                      size_t count,
                      struct text_list *ret_list);

struct source_pos reader_pos(const struct reader *r, const struct node *node);

/* The functions of the table, one per type of value. `field` is where the result goes. */
key_read read_version, read_text, read_word, read_words, read_int, read_bool, read_duration,
    read_share, read_min, read_max, read_list, read_env, read_retry, read_reuse, read_gate;
/* These also keep the node, for the steps that come after all layers are known. */
key_read read_name, read_stage, read_stages, read_uses, read_needs;
/* Keep the node for another step: `defaults`, `layers`; `with`; nothing for `matrix`, which was
 * read before the layer. */
key_read read_node, read_with, read_matrix;

#endif
