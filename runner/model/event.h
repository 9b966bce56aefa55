/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that happens is one typed, versioned event. The log is NDJSON (event_json.h);
 * terminal, JUnit, store, `sluice report` are folds over it. Pointers in an event are valid during
 * emit() only. */
#ifndef SLUICE_MODEL_EVENT_H
#define SLUICE_MODEL_EVENT_H

#include "model/outcome.h"
#include "model/pipeline.h"
#include "model/unit.h"
#include "model/verdict.h"

/* Raised when a reader of an older version could misread a log; new optional fields do not raise
 * it. */
#define EVENT_VERSION 1

enum event_type {
    EVENT_RUN_STARTED,
    EVENT_LAYER_STARTED, /* its needs are met; planning begins */
    EVENT_LAYER_PLANNED, /* the number of its units is known */
    EVENT_UNIT_STARTED,
    EVENT_UNIT_SLOW,     /* still running after slow_after */
    EVENT_UNIT_FINISHED, /* one attempt ended; carries the outcome and its cases */
    EVENT_LAYER_JUDGED,
    EVENT_NOTE, /* a message for people: warning or information */
    EVENT_RUN_FINISHED,
};

#define EVENT_TYPE_COUNT 9
const char *event_type_name(enum event_type type); /* "run_started", ... */

/* What a layer's units added up to. Units, not cases, in the first group. */
struct tally {
    uint64_t units, passed, failed, errored, timed_out, skipped, flaky, not_run;
    uint64_t cases, cases_passed, cases_failed, cases_errored, cases_skipped;
    uint64_t reused; /* units that did not run because evidence answered; also counted above */
};

void tally_add(struct tally *into, const struct outcome *outcome);
void tally_merge(struct tally *into, const struct tally *from);
/* Takes a part out again; no count becomes less than nothing. */
void tally_subtract(struct tally *from, const struct tally *part);

/* Exit codes, design section 7. */
enum exit_code {
    EXIT_OPEN = 0,
    EXIT_SHUT = 1,
    EXIT_USAGE = 2,
    EXIT_INFRASTRUCTURE = 3,
    EXIT_NOTHING_SELECTED = 4,
    EXIT_RERUNS_OUTSTANDING = 5,
    EXIT_DEADLINE = 6,
    EXIT_INTERRUPTED = 130,
};

struct event {
    enum event_type type;
    uint64_t seq;     /* 1, 2, 3 ... in one run */
    int64_t time_ms;  /* wall clock */
    const char *line; /* what event_write() makes of it, when that is there already; NULL */
    size_t line_len;

    union {
        struct {
            const char *run_id;   /* sortable: "20261122T090000-4f2a" */
            const char *version;  /* sluice version */
            const char *root;     /* the tree's top folder */
            const char *pipeline; /* file */
            const char *name;     /* pipeline name */
            const char *tree;     /* snapshot id; NULL when everything runs in place */
            const char *host;
            const char *resumed; /* id of the run this one continues; NULL */
            const char *command; /* shell-quoted command line */
            unsigned jobs;
            size_t layer_count;
            unsigned shard_index; /* of a run that is a part of a whole: 1 .. shard_count */
            unsigned shard_count; /* 0 = it is no part */
        } run_started;

        struct {
            const char *layer;
            const char *name;
            const char *stage;
        } layer_started;

        struct {
            const char *layer;
            uint64_t units;    /* selected to run */
            uint64_t excluded; /* left out by filter or shard */
            uint64_t left_out; /* not selected by the layer's plugin */
            uint64_t carried;  /* passed in the run that is resumed, not run again */
        } layer_planned;

        struct {
            const char *layer;
            const char *unit;
            unsigned attempt;
            int slot;
            const char *why; /* no evidence answered: a sentence; NULL = reuse had no say */
        } unit_started, unit_slow;

        struct {
            const char *layer;
            const char *unit;
            const struct unit *definition; /* NULL when read back from a log without it */
            const struct outcome *outcome;
        } unit_finished;

        struct {
            const char *layer;
            const char *name;
            bool allow_failure;
            const struct judgement *judgement; /* NULL when there is none */
            const struct verdict *verdict;
            const struct tally *tally;
        } layer_judged;

        struct {
            const char *level; /* "info", "warning", "error" */
            const char *text;
            const char *layer; /* NULL */
            const char *unit;  /* NULL */
        } note;

        struct {
            enum exit_code exit_code;
            const char *reason; /* sentence for people; NULL when open */
            const struct tally *tally;
            int64_t wall_ns;
            int64_t cpu_us; /* of all units */
        } run_finished;
    } u;
};

/* Where events go. emit() must not keep pointers. */
struct event_sink {
    void (*emit)(struct event_sink *sink, const struct event *event);
};

#endif
