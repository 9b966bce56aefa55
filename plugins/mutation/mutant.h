/* SPDX-License-Identifier: Apache-2.0 */
/* A mutant: one small change of one source file, and the names by which people, reports and the
 * store know it. Plain data; found by find.h, tried by the engines (engine.h). */
#ifndef SLUICE_PLUGINS_MUTATION_MUTANT_H
#define SLUICE_PLUGINS_MUTATION_MUTANT_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 64 bits in hexadecimal, and the terminator. Two of 100,000 mutants share one by chance in one
 * sweep of 3.7 * 10^9 (n^2 / 2 / 2^64); find.h refuses a sweep in which two do. */
#define MUTANT_ID_SIZE 17

/* How a mutant ended: the words of mutation-testing-report-schema 3, exactly. */
enum mutant_status {
    MUTANT_PENDING,       /* not tried: the budget was used up */
    MUTANT_KILLED,        /* a test that passes without it failed with it */
    MUTANT_SURVIVED,      /* all tests that reach it passed */
    MUTANT_NO_COVERAGE,   /* no test reaches it */
    MUTANT_TIMEOUT,       /* a test did not end within its CPU time: neither killed nor survived */
    MUTANT_COMPILE_ERROR, /* the compiler, or the user's `check`, refuses it: never killed */
    MUTANT_RUNTIME_ERROR, /* it could not be tried */
    MUTANT_IGNORED,       /* suppressed, equivalent or not expressible; `reason` says which */
};

#define MUTANT_STATUS_COUNT 8

/* "Killed", "NoCoverage", ... -1 for a word that is none. */
const char *mutant_status_name(enum mutant_status status);
int mutant_status_parse(const char *word);

/* How the reason of a mutant begins that a comment suppresses. */
#define MUTANT_SUPPRESSED "suppressed: "

/* Is a mutant ignored because a comment suppresses it? It counts as a survivor in each score, as
 * nothing else would be said of what is not tried. */
bool mutant_is_suppressed(enum mutant_status status, const char *reason);

/* A place in a file. Lines and columns count from 1, columns in bytes; `end` is behind the last
 * byte. */
struct mutant_span {
    uint32_t start;
    uint32_t end;
    uint32_t line;
    uint32_t column;
    uint32_t end_line;
    uint32_t end_column;
};

struct mutant {
    char id[MUTANT_ID_SIZE]; /* of path, function, operator, original, the normalised text around
                                it and its number among equals: moved text keeps it */
    const char *file;        /* relative to the root */
    const char *function;    /* "" outside of functions */
    const char *operator;    /* e.g. "relational-boundary" */
    const char *original;    /* the text at `span` */
    const char *replacement;
    const char *note;    /* what the command that proposed it says of it; NULL = nothing */
    const char *ignored; /* reason why it is not tried; NULL = it is */
    struct mutant_span span;
    uint32_t number; /* index in its list: what schemata and engines count by */
};

/* A suppression in the code that suppresses nothing. */
struct mutant_unused {
    uint32_t line;
    const char *names; /* of its operators: "a,b" */
};

/* All mutants of one file, in the order of (start, end, operator, replacement). */
struct mutant_list {
    struct arena *arena; /* owner of everything below */
    struct mutant *items;
    size_t count;
    size_t points_lost; /* places where an operator would apply, were the text not a parse error */
    struct mutant_unused *unused; /* in scope */
    size_t unused_count;
};

/* Frees what the list holds; the list itself is the caller's. */
void mutant_list_fini(struct mutant_list *list);

#endif
