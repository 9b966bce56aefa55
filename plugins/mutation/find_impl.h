/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of find_mutants(), in the order of their work:
 *
 *   find_outline.c    one walk over the tree: functions, comments, parse errors, statements
 *   find_match.c      queries: places of the operators, regions
 *   regex.c           regular expressions over code; where code is, without a grammar
 *   generator.c       the user's command
 *   find_id.c         names
 *   suppress.c        comments that say what is not to be tried
 *   find.c            puts them together */
#ifndef SLUICE_PLUGINS_MUTATION_FIND_IMPL_H
#define SLUICE_PLUGINS_MUTATION_FIND_IMPL_H

#include "plugins/mutation/operators_impl.h"

/* Texts of all mutants of a file. 65,536 mutants of 200 bytes are 13 MiB; beyond the limit are
 * brackets nested thousands deep, each of which is the text of a mutant. */
#define FIND_MEMORY_MAX (128u << 20)

/* What one file offers before scope and repetition are taken out. */
#define FIND_PLACES_MAX ((size_t)4 * FIND_MAX)

/* Bytes [start, end) of a file. */
struct extent {
    uint32_t start;
    uint32_t end;
};

struct extents {
    VEC_FIELDS(struct extent);
};

/* Sorts and joins them, so that extents_have() can search. */
void extents_settle(struct extents *extents);
bool extents_have(const struct extents *extents, uint32_t start, uint32_t end);

#define FIND_NOWHERE UINT32_MAX

/* A stretch of the file that lies within another one: statements and their parts, functions. In the
 * order of their starts, the outer one first. */
struct stretch {
    struct extent extent;
    uint32_t outer;   /* index; FIND_NOWHERE = none */
    bool part;        /* of a statement: what ids are made of; else a statement or block */
    const char *name; /* of a function or class */
    uint64_t hash;    /* of its text without blanks; 0 = not yet computed */
};

struct stretches {
    VEC_FIELDS(struct stretch);
};

/* The innermost one that holds all of an extent; FIND_NOWHERE when none does. */
uint32_t stretches_find(const struct stretches *stretches, struct extent extent);

/* What is known of a file beside its places. */
struct outline {
    struct stretches statements;
    struct stretches functions;
    struct extents comments;
    struct extents errors;
    struct extents code; /* neither comment nor text between quotes; only without a grammar */
    uint32_t *lines;     /* starts of the lines */
    size_t line_count;
    size_t tokens_lost; /* operators directly in parse errors */
};

/* A place with what an operator makes of it. */
struct place {
    struct extent extent;
    const char *name; /* of the operator */
    const char *replacement;
    const char *note;        /* see struct mutant */
    const struct rule *rule; /* its #in? and #not-in? are still to be asked; NULL = none */
    uint32_t order;          /* of the operator: of equal changes the first one names the mutant */
};

struct region {
    const char *name;
    struct extents extents;
};

/* One search. */
struct finding {
    const struct source *source;
    const struct operators *operators;
    const struct find_scope *scope;
    struct arena *arena; /* becomes the list's */
    struct outline outline;
    uint32_t order; /* of what comes next; see struct place */

    struct {
        VEC_FIELDS(struct place);
    } places;

    struct {
        VEC_FIELDS(struct region);
    } regions;
};

int outline_make(struct finding *finding, struct err *err);
/* Comments and code by the language's quotes: lexer of a few lines. */
int outline_by_quotes(struct finding *finding, struct err *err);
void outline_fini(struct outline *outline);

/* Line and column, from 1, of a byte. */
void outline_position(const struct outline *outline,
                      uint32_t at,
                      uint32_t *ret_line,
                      uint32_t *ret_column);

/* Adds a place; what would change nothing is passed over. */
int finding_add(struct finding *finding, const struct place *place, struct err *err);
struct extents *finding_region(struct finding *finding, const char *name);
bool finding_in_region(const struct finding *finding, const char *name, struct extent extent);
int finding_short_of_memory(const struct finding *finding, struct err *err);

int find_by_queries(struct finding *finding, struct err *err);
int find_by_regexes(struct finding *finding, struct err *err);
int find_by_command(struct finding *finding, struct err *err);

/* Whether the conditions of a rule hold at a match; #in? apart, which is asked later. */
struct rule_match {
    const struct finding *finding;
    const struct rules *rules;
    const struct rule *rule;
    const TSQueryMatch *match;
};

bool rule_holds(const struct rule_match *match);
/* The first node of a capture; false when the match has none. */
bool rule_capture(const TSQueryMatch *match, uint32_t capture, TSNode *ret_node);

/* Fills `id` of all mutants, which are in the list's order. */
int find_name_mutants(struct finding *finding,
                      struct mutant *mutants,
                      size_t count,
                      struct err *err);

/* Fills `ignored` where a comment says so; `list` holds all mutants of the file, and is told which
 * comments suppress none. */
int find_suppress(struct finding *finding, struct mutant_list *list, struct err *err);

#endif
