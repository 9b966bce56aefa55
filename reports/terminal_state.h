/* SPDX-License-Identifier: Apache-2.0 */
/* What the terminal knows of a run: a fold over events into counts and short lists. No output, no
 * clock: `now_ms` moves with events and ticks. What does not fit into memory is left out; the
 * counts stay right. */
#ifndef SLUICE_REPORTS_TERMINAL_STATE_H
#define SLUICE_REPORTS_TERMINAL_STATE_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/event.h"
#include "reports/origins.h"

/* Failures and flaky units told again at the end; a person reads no more. Beyond: "and N more". Of
 * each kind of failure so many are kept, because only the end knows which come first: 3 x 100 x
 * 64 KiB at most. */
#define RECAP_FAILURES_MAX 100
#define RECAP_FLAKY_MAX    20

struct render_options;

struct view_running {
    char *layer;
    char *unit;
    int64_t started_ms;
    unsigned attempt;
};

/* A failed unit, for the end. */
struct view_failure {
    char *layer;
    char *text;
    enum outcome_status status;
};

/* One of the units that took longest. */
struct view_slow {
    char *layer;
    char *unit;
    int64_t wall_ns;
};

struct view_layer {
    char *id;
    int64_t started_ms;
    uint64_t units;
    struct origins origins; /* of its units */
    bool planned;
    bool may_fail; /* known when it was judged */
};

struct view {
    char *title;            /* what runs, for the first line */
    char *run_id;           /* NULL before the run was started */
    size_t layer_count;     /* of the pipeline */
    size_t layers_settled;  /* planned, or judged without a plan */
    uint64_t planned;       /* units of all layers planned so far */
    uint64_t done;          /* of these, those with a final outcome */
    struct tally tally;     /* of what is done */
    struct origins origins; /* where of it the reused comes from */
    int64_t started_ms, now_ms;
    int64_t first_unit_ms; /* 0 = none started */
    int64_t told_ms;       /* when a progress line was written last */
    uint64_t failure_count, flaky_count;

    struct {
        VEC_FIELDS(struct view_running);
    } running; /* in the order they were started */

    struct {
        VEC_FIELDS(struct view_layer);
    } layers;

    struct {
        VEC_FIELDS(struct view_failure);
    } failures; /* for the recap, in the order they ended */

    struct {
        VEC_FIELDS(struct view_slow);
    } slowest; /* units that ran, the slowest first */

    size_t slowest_max; /* so many are kept; set by the owner, 0 = none */
    /* How the failures for the end are rendered; set by the owner, NULL = short and plain. */
    const struct render_options *render;

    struct {
        VEC_FIELDS(char *);
    } flaky;
    struct str gates;  /* a line per gate or layer that is shut or in error */
    struct map places; /* of cases that failed: layer, file and line; the keys are owned */
};

void view_init(struct view *view);
void view_fini(struct view *view);

/* Takes an event in. */
void view_apply(struct view *view, const struct event *event);

/* Units that failed, errored or timed out so far. */
uint64_t view_bad(const struct view *view);

/* May the gate of this layer stay shut? False while nothing is known. */
bool view_may_fail(const struct view *view, const char *layer);

/* Does a case that failed tell of the place of this finding? */
bool view_tells(const struct view *view, const char *layer, const struct finding *finding);

/* The layer, or NULL. */
const struct view_layer *view_layer(const struct view *view, const char *id);

/* The running unit, or NULL. */
const struct view_running *view_running(const struct view *view,
                                        const char *layer,
                                        const char *unit);

/* Milliseconds until the end if the rest goes as what is done; -1 = not known. */
int64_t view_eta_ms(const struct view *view);

#endif
