/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of the TAP reader: read_tap.c takes lines apart, tap_points.c keeps levels and
 * points and makes cases of them. */
#ifndef SLUICE_REPORTS_TAP_IMPL_H
#define SLUICE_REPORTS_TAP_IMPL_H

#include "base/arena.h"
#include "base/limits.h"
#include "base/vec.h"
#include "reports/read_impl.h"

#include <stdbool.h>

/* Subtests within subtests; deeper lines are noise. */
#define LEVELS_MAX 16
#define INDENT     4

/* Memory for the points of one top-level test and its subtests; the report itself is bounded by
 * REPORT_BYTES_MAX. */
#define POINTS_ARENA_MAX ((size_t)2 * REPORT_BYTES_MAX)

struct point {
    bool ok;
    bool skip;
    bool todo;
    bool brace; /* its subtest follows in { } */
    uint64_t number;
    const char *name;
    const char *reason; /* of the directive */
    double time_s;
};

struct level {
    bool active;
    bool open; /* `point` is waiting for what belongs to it */
    bool has_plan;
    bool plan_last;      /* the plan came after points */
    bool strict;         /* pragma +strict: a line that is not TAP is an error */
    bool announced;      /* by "# Subtest", a version line or a brace: not noise */
    char complaint[192]; /* of a subtest: told when it turns out not to be noise */
    uint64_t planned;
    uint64_t seen;
    uint64_t last_number;
    uint64_t highest;
    unsigned char *numbers; /* bit per number that was seen */
    char name[64];          /* from "# Subtest: name", for messages */
    struct point point;
    struct str details;

    struct {
        VEC_FIELDS(struct test_case);
    } cases; /* of closed points, waiting for the point above */
};

struct tap {
    struct report_feed *feed;
    struct arena *arena; /* of the open top-level point */
    struct level levels[LEVELS_MAX];
    struct str skip_all; /* reason of a plan 1..0 */
    size_t line_number;
    size_t yaml_indent;  /* > 0: within a YAML block of that indentation ... */
    unsigned yaml_level; /* ... that belongs to the open point of this level */
    bool broken;         /* a message is in feed->err */
    bool torn_not;       /* the line before was "not" alone: VMS and torn writes */
    bool done;           /* bailed out */
    int error;           /* -ENOMEM */
};

/* The first complaint is kept, reading goes on. */
void tap_complain(struct tap *tap, const char *what, const char *detail);

/* Ends the reading. */
void tap_out_of_memory(struct tap *tap);

/* A copy that lives as long as the open top-level point; "" without memory. */
const char *tap_keep(struct tap *tap, const char *text, size_t len);

/* Forgets all of a level, and frees it. */
void tap_level_clear(struct level *level);

/* Makes a level ready for its first point. */
struct level *tap_level_begin(struct tap *tap, unsigned index);

/* Marks a number as seen; false when it was seen before. */
bool tap_level_mark(struct tap *tap, struct level *level, uint64_t number);

/* A complaint about a subtest waits until it is known to be one. */
void tap_level_complain(struct tap *tap, struct level *level, const char *what);

/* Checks the plan of a stream that is over. */
void tap_level_check_plan(struct tap *tap, struct level *level);

/* Frees the strings of the top-level point that was closed. */
void tap_renew_arena(struct tap *tap);

/* Hands a case on: to the level above, or from the top to the reader. */
void tap_emit(struct tap *tap, unsigned index, const struct test_case *test_case);

/* "outer/inner"; either may be NULL. */
const char *tap_join_suite(struct tap *tap, const char *outer, const char *inner);

/* True when the lines of a level were a subtest: a group that nothing announced and that has no
 * plan is what a test printed; an announcement that nothing followed is how node:test writes. */
bool tap_is_subtest(const struct level *level);

/* Closes all that is open at a level and below it, innermost first. */
void tap_close_level(struct tap *tap, unsigned index);

#endif
