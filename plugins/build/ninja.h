/* SPDX-License-Identifier: Apache-2.0 */
/* The language of build.ninja: reads a manifest with all it includes and answers what each edge is.
 * Private to this plugin.
 *
 * Read by hand, never recursive, with limits that a hostile file meets as errors. What ninja itself
 * refuses is refused here with file and line; what it does at run time only (dyndep) is left to the
 * caller to refuse. Everything lives in one arena until ninja_free(). */
#ifndef SLUICE_PLUGINS_BUILD_NINJA_H
#define SLUICE_PLUGINS_BUILD_NINJA_H

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All text that is read: Chromium's is about 500 MiB in 30,000 files, LLVM's 30 MiB in 10. */
#define NINJA_TEXT_MAX  ((size_t)1 << 30)
#define NINJA_FILES_MAX 100000
/* include within include; a file that includes itself ends here. */
#define NINJA_DEPTH_MAX 64
/* Memory for what was read: an edge with its paths costs about 400 bytes. */
#define NINJA_ARENA_MAX ((size_t)4 << 30)
/* Longest value of a variable or path, after all is replaced: response files of large links have
 * some hundred KiB. */
#define NINJA_VALUE_MAX ((size_t)64 << 20)
/* Variables of a rule that name each other. ninja has no limit; real rules go three deep. */
#define NINJA_NESTING_MAX 64
/* Replacements in one value: a value of a few MiB has some thousand. (2^64 empty ones would fit the
 * nesting.) */
#define NINJA_REPLACEMENTS_MAX 1000000

struct ninja;
struct ninja_edge;

/* A file, by its path as ninja spells it (relative to the build folder, "./" and "x/.." removed).
 */
struct ninja_node {
    const char *path;
    struct ninja_edge *maker; /* NULL = it is there */
    bool is_input;            /* of some edge */
};

struct ninja_nodes {
    struct ninja_node **items;
    size_t count;
};

struct ninja_pool {
    const char *name;
    unsigned depth; /* 0 = no limit */
};

/* One `build` statement. */
struct ninja_edge {
    const struct ninja_rule *rule; /* NULL = phony */
    const char *file;              /* where it is written */
    unsigned line;
    struct ninja_nodes outputs;
    size_t explicit_outputs; /* the first of them */
    struct ninja_nodes inputs;
    size_t explicit_inputs;
    size_t all_inputs; /* what follows them in `inputs` are validations: built, not waited for */
    const struct ninja_scope *scope; /* of the file */
    const struct ninja_variables *own;
    const struct ninja_pool *pool; /* NULL = none */

    /* graph.c */
    struct ninja_edge **needs; /* edges with a command that make its inputs; phony ones dissolved */
    size_t need_count;
    size_t cursor;
    size_t stamp;
    uint8_t state;
    bool generator; /* makes the manifest itself */
    const char *id; /* the caller's */
};

struct ninja_edges {
    VEC_FIELDS(struct ninja_edge *);
};

struct ninja_reader {
    /* Appends the file to `out`; its name is as written in the manifest. */
    int (*read)(void *context, const char *path, struct str *out, struct err *err);
    void *context;
};

/* Reads the manifest `path`. */
int ninja_read(const char *path,
               const struct ninja_reader *reader,
               struct ninja **ret_ninja,
               struct err *err);
void ninja_free(struct ninja *ninja);

const struct ninja_edges *ninja_edges(const struct ninja *ninja);

/* Appends the value of a variable of an edge ("command", "depfile", "rspfile_content", ...);
 * nothing when it is not set. */
int ninja_value(const struct ninja *ninja,
                const struct ninja_edge *edge,
                const char *name,
                struct str *out,
                struct err *err);

/* ---- graph.c */

/* Needs of all edges together: 2,000 compilations that need 2,000 generated headers are 4 million.
 */
#define NINJA_NEEDS_MAX 16000000

/* Appends the edges with a command that the targets need, each after those it needs; fills their
 * `needs`. No targets: those that the manifest names as default, or else all that nothing else
 * uses. Edges of generator rules are left out: the manifest is as it is. */
int ninja_needed(struct ninja *ninja,
                 const char *const *targets,
                 struct ninja_edges *ret_edges,
                 struct err *err);

#endif
