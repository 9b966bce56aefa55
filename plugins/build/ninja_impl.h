/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a manifest, shared by ninja_read.c, ninja_value.c and graph.c. */
#ifndef SLUICE_PLUGINS_BUILD_NINJA_IMPL_H
#define SLUICE_PLUGINS_BUILD_NINJA_IMPL_H

#include "base/arena.h"
#include "plugins/build/ninja.h"

/* A piece of a manifest, not yet replaced; the text lives with the manifest. */
struct ninja_raw {
    const char *text;
    size_t len;
};

/* Variables with their values. */
struct ninja_variables {
    struct map values; /* name -> const char * */
};

/* What a file sees; a subninja has a scope of its own inside that of its includer. */
struct ninja_scope {
    struct ninja_variables variables;
    struct map rules; /* name -> struct ninja_rule * */
    const struct ninja_scope *parent;
};

struct ninja_binding {
    const char *name;
    struct ninja_raw value;
};

struct ninja_rule {
    const char *name;
    struct ninja_binding *bindings;
    size_t binding_count;
};

struct ninja {
    struct arena *arena;
    struct map nodes; /* path -> struct ninja_node * */
    struct map pools; /* name -> struct ninja_pool * */
    struct ninja_edges edges;

    struct {
        VEC_FIELDS(struct ninja_node *);
    } defaults;

    struct {
        VEC_FIELDS(struct ninja_scope *);
    } scopes;

    struct {
        VEC_FIELDS(struct ninja_variables *);
    } owns; /* for their maps */
};

/* Appends the raw text with variables of a scope replaced. -EINVAL with the message of what is
 * wrong, without file and line. */
int ninja_replace(const struct ninja_scope *scope,
                  const struct ninja_variables *own,
                  const struct ninja_raw *raw,
                  struct str *out,
                  struct err *err);

/* Removes "./", "//" and "x/.." in place. Returns the new length, 0 when nothing is left. */
size_t ninja_clean_path(char *path);

#endif
