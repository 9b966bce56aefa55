/* SPDX-License-Identifier: Apache-2.0 */
/* Operators as they are applied: compiled queries with their directives, regular expressions, and
 * which of them are on. For operators*.c, find*.c, regex.c and generator.c only.
 *
 * A pattern of a query finds places; what is done there stands in directives, which tree-sitter
 * reads and leaves to us:
 *
 *     ((binary_expression operator: ["<" "<="] @mutant)        the place
 *       (#eq? @mutant "<")                                     conditions, operators_match.c
 *       (#set! mutant.operator "relational-boundary")          what it is called
 *       (#set! mutant.swap "<" "<="))                          what stands there then
 *
 * A capture @region.NAME names a region of the file instead, which #in? and #not-in? ask for;
 * nothing is mutated in `never`, and in `arid` unless "arid" is on. */
#ifndef SLUICE_PLUGINS_MUTATION_OPERATORS_IMPL_H
#define SLUICE_PLUGINS_MUTATION_OPERATORS_IMPL_H

#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "plugins/mutation/find.h"

#include <pcre2.h>

#include <stdbool.h>

/* All that the settings and one file of operators say: far below it, unless it is generated. */
#define OPERATORS_MEMORY_MAX (16u << 20)

/* A query file; ours have 8 KiB. */
#define OPERATORS_QUERY_MAX (1u << 20)

/* Steps of one regular expression at one place: a hundred times what sane ones take. */
#define OPERATORS_MATCH_MAX 1000000

/* Matches of one query in the making. Each open bracket around a place is one; deeper nesting is
 * generated code, in which each further match costs the time of all that are open. */
#define OPERATORS_OPEN_MAX 4096

enum condition_kind {
    CONDITION_EQUAL, /* #eq? #any-of?: the text is one of those given, or of another capture */
    CONDITION_MATCH, /* #match? */
    CONDITION_KIND,  /* #kind?: the type of the node is one of those given */
    CONDITION_SIGN,  /* #operator?: so is the text of its field `operator` */
    CONDITION_ARID,  /* #arid?: matches a pattern given, or one of the setting `arid` */
    CONDITION_IN,    /* #in?: it lies in a region of that name */
};

struct condition {
    enum condition_kind kind;
    bool negated;
    uint32_t capture;
    uint32_t other;     /* #eq? @a @b; UINT32_MAX = none */
    const char **texts; /* the words given; NULL at the end */
    pcre2_code *code;   /* #match? */
};

/* A pattern of a query with what it says. */
struct rule {
    const char *name;   /* NULL: it only names regions */
    bool off;           /* unless asked for */
    const char **swaps; /* from, to, from, to, ...; NULL at the end */
    const char **replaces;
    struct condition *conditions;
    size_t condition_count;
};

/* A compiled query. */
struct rules {
    const struct language *language;
    const char *file; /* for messages */
    TSQuery *query;
    struct rule *items; /* by pattern */
    size_t count;
    const char **regions; /* by capture: NULL, or the name behind "region." */
    uint32_t mutant;      /* the capture @mutant; UINT32_MAX = none */
    bool enabled;         /* what is off is taken out of the query */
};

struct regex {
    const char *name;
    const char *replace;
    const char **files; /* globs; NULL: all files whose language has no grammar */
    pcre2_code *code;
};

/* Languages with built-in queries; see language_at(). */
#define OPERATORS_LANGUAGES 16

struct operators {
    struct arena *arena; /* owner of all texts */
    const char *root;
    struct map known;  /* names of operators -> 1 */
    const char **only; /* NULL = not said; lists end with NULL */
    const char **on;
    const char **off;
    const char **arid;
    const char *command;     /* NULL = none */
    struct rules **built_in; /* by language; made when the first file of it comes */

    struct {
        VEC_FIELDS(struct rules *);
    } queries; /* the user's */

    struct {
        VEC_FIELDS(struct regex);
    } regexes;
};

bool text_in_list(const char *text, const char *const *list);

/* Whether an operator is on, by the settings; `off` is how it is when they say nothing. */
bool operators_enabled(const struct operators *operators, const char *name, bool off);

/* Remembers a name that settings and suppressions may use. 0 or -ENOMEM. */
int operators_learn(struct operators *operators, const char *name);

/* The built-in rules of a language with a grammar. */
int operators_built_in(const struct operators *operators,
                       const struct language *language,
                       const struct rules **ret_rules,
                       struct err *err);

/* Compiles a query; errors begin with file:line:column. */
int rules_compile(struct arena *arena,
                  const struct language *language,
                  const char *file,
                  const char *text,
                  struct rules **ret_rules,
                  struct err *err);
void rules_free(struct rules *rules);

/* Compiles a regular expression over bytes, with JIT where there is one. */
int operators_regex(const char *pattern, pcre2_code **ret_code, struct err *err);

/* Reads the setting `regex`, and the embedded list of the same form. */
int operators_read_regexes(struct operators *operators, json_t *list, bool ours, struct err *err);

#endif
