/* SPDX-License-Identifier: Apache-2.0 */
/* Schemata: one text of a C file that holds all of its mutants, so that the file is compiled once.
 *
 * A site is the smallest construct that can hold its mutants: a statement, a condition, a value.
 * There the text looks whether the site is armed (one byte) and, if so, asks the runtime
 * (runtime/) which mutant the process is. Each mutant stands behind `# 1 "mut:NUMBER:FILE" 3`, what
 * is wrapped around them behind `# LINE "site:SITE:FILE" 3`: a compiler's message names what it
 * does not accept, and the flag 3 (a header of the system) silences warnings, so that -Werror of
 * the project does no harm.
 *
 *   schema_plan()    finds the sites
 *   schema_write()   the text; again after schema_refuse() of what the compiler named
 *
 * What cannot stand in a schema keeps its reason; such mutants are tried one at a time, in a copy
 * of the file. */
#ifndef SLUICE_PLUGINS_MUTATION_SCHEMA_H
#define SLUICE_PLUGINS_MUTATION_SCHEMA_H

#include "base/str.h"
#include "plugins/mutation/mutant.h"
#include "plugins/mutation/source.h"

/* Of a mutant without site. */
#define SCHEMA_NO_SITE UINT32_MAX

/* A schema holds its mutants and the runtime: 8 MiB of source with 65,536 mutants of 1 KiB each,
 * and room. */
#define SCHEMA_TEXT_MAX (256u << 20)

enum schema_kind {
    SCHEMA_STATEMENT, /* {if (is a mutant) {if (which) {...} else {...}} else {original}}; no
                         switch, so that break and continue find their loop */
    SCHEMA_CONDITION, /* !!(...) ? : */
    SCHEMA_VALUE,     /* ? : */
    SCHEMA_EFFECT,    /* ? : of type void: parts of a `for` */
};

struct schema_site {
    uint32_t start; /* of the construct in the source */
    uint32_t end;
    uint32_t line; /* of `start` and `end`, from 1 */
    uint32_t end_line;
    uint32_t function_start; /* of the function around it */
    uint32_t function_end;
    enum schema_kind kind;
    bool is_macro;       /* a statement that is one call of what may be a macro */
    const char *refused; /* reason why it has no mutants; NULL = it has */
};

/* Where a mutant stands, or why nowhere. */
struct schema_place {
    uint32_t site;       /* SCHEMA_NO_SITE: there is none */
    bool compile_error;  /* the compiler refused just this mutant */
    const char *refused; /* reason; NULL = it is in the schema */
};

struct schema {
    struct arena *arena; /* owner of everything below, reasons included */
    uint64_t key;        /* of path, text and mutants: programs and states know the file by it */
    uint32_t name;       /* of the path alone: tells a file of other mutants from another file */
    struct schema_site *sites;
    uint32_t site_count;
    struct schema_place *places; /* by mutant.number */
    uint32_t mutant_count;
    uint32_t *first;   /* by site, and one more: index of its first mutant in `mutants` */
    uint32_t *mutants; /* numbers in the order of their sites */
};

/* What a macro is, by its name: asked of statements like `NAME(...);`. Headers are not looked at:
 * the compiler names what cannot be wrapped. */
enum schema_macro {
    SCHEMA_MACRO_UNKNOWN, /* judged by its name: all capitals are refused */
    SCHEMA_MACRO_NONE,    /* a function */
    SCHEMA_MACRO_STATEMENT /* begins with do, if, (, {: declares nothing */,
    SCHEMA_MACRO_OTHER, /* may declare: refused */
};

/* Finds the sites of the mutants of `list`, of `source`. *ret_schema is to be freed by
 * schema_fini(). Ignored mutants have no place. */
int schema_plan(const struct source *source,
                const struct mutant_list *list,
                struct schema *ret_schema,
                struct err *err);

/* Accepts a zeroed object. */
void schema_fini(struct schema *schema);

/* Takes one mutant, or all of a site, out of the text. The text of `reason` is copied; the first
 * one stays. */
int schema_refuse(struct schema *schema, uint32_t mutant, const char *reason, bool compile_error);
int schema_refuse_site(struct schema *schema, uint32_t site, const char *reason);

/* How many mutants stand in the text. */
uint32_t schema_count(const struct schema *schema);

/* Appends the text: a whole file. */
int schema_write(const struct schema *schema,
                 const struct source *source,
                 const struct mutant_list *list,
                 struct str *out,
                 struct err *err);

/* What a macro is, by its definitions; for schema_plan(). `name` has `length` bytes. */
enum schema_macro schema_macro_kind(const char *definitions, const char *name, size_t length);

/* The text of the runtime (runtime/state.h and runtime/runtime.c), made by CMake. */
extern const char schema_runtime[];

#endif
