/* SPDX-License-Identifier: Apache-2.0 */
/* A source file and its syntax tree. */
#ifndef SLUICE_PLUGINS_MUTATION_SOURCE_H
#define SLUICE_PLUGINS_MUTATION_SOURCE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tree_sitter/api.h>

/* A file that is mutated: beyond, it is generated, and nobody reads its mutants. */
#define SOURCE_MAX (8u << 20)

/* How text that is no code looks, for what works without a grammar: from `open` to `close`. */
struct language_quote {
    const char *open;
    const char *close; /* "\n": the end of the line */
    char escape;       /* the byte behind it is not looked at; '\0' = none */
    bool comment;      /* suppressions may stand in it */
};

/* A language: its grammar, its operators (queries/NAME.scm, part of the program) and the comments
 * in which suppressions stand. */
struct language {
    const char *name;                    /* "c", "python", "javascript", "typescript", "tsx" */
    const char *const *endings;          /* ".c", ".h"; NULL at the end */
    const TSLanguage *(*grammar)(void);  /* NULL: no grammar, regex operators only */
    const char *queries;                 /* text of the .scm; NULL with no grammar */
    const char *line_comment;            /* "//", "#" */
    const char *function_nodes;          /* node types that are functions, divided by blanks */
    const char *scope_nodes;             /* ... that lend functions their name: classes */
    const struct language_quote *quotes; /* ends with a NULL `open` */
};

/* The language of a path by its ending; NULL for none that is known. */
const struct language *language_of(const char *path);
const struct language *language_named(const char *name);

/* What a file of no known ending is in: "text", without a grammar, comments by # and //. */
const struct language *language_of_text(void);

/* All languages in turn; NULL at the end. */
const struct language *language_at(size_t index);

struct source {
    char *path; /* relative to the root */
    char *text; /* terminated; may hold NULs in broken files, which is refused when read */
    uint32_t size;
    const struct language *language; /* never NULL; see language_of(), language_of_text() */
    TSTree *tree;                    /* NULL when the language has no grammar */
};

/* Reads and parses ROOT/PATH. -EFBIG beyond SOURCE_MAX, -EINVAL for NULs, -ENOTSUP when the
 * grammar's ABI is not one of this libtree-sitter. source_fini() afterwards in any case. */
int source_read(const char *root, const char *path, struct source *ret_source, struct err *err);

/* The same of text that is given; it is copied. */
int source_parse(
    const char *path, const char *text, size_t size, struct source *ret_source, struct err *err);

void source_fini(struct source *source);

#endif
