/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked for: the words of the command line, understood. Filled by options.c from its
 * table, read by the commands. Strings are borrowed from argv. */
#ifndef SLUICE_CLI_INVOCATION_H
#define SLUICE_CLI_INVOCATION_H

#include "model/pipeline.h"
#include "reports/report.h"

#include <stdbool.h>
#include <stdint.h>

struct command;

enum color_mode {
    COLOR_AUTO, /* when standard error is a terminal and NO_COLOR is not set */
    COLOR_ALWAYS,
    COLOR_NEVER,
};

/* --shard I/N: the I-th (from 1) of N parts; count 0 = not given. */
struct shard_choice {
    unsigned index;
    unsigned count;
};

/* --resume[=RUN] */
struct run_choice {
    bool given;
    const char *run; /* NULL = the newest unfinished one */
};

/* Values of --when and --sandbox; 0 = as the pipeline says. */
enum when_choice {
    WHEN_CHOICE_PIPELINE,
    WHEN_CHOICE_ALWAYS,
    WHEN_CHOICE_CHANGED,
};

enum sandbox_choice {
    SANDBOX_CHOICE_PIPELINE,
    SANDBOX_CHOICE_FULL,
    SANDBOX_CHOICE_NONE,
};

/* A number of bytes that may be left out. */
struct size_choice {
    bool given;
    uint64_t bytes;
};

/* What `sluice cache` is told beside its verb; NULL and 0 = not given. */
struct cache_choice {
    struct size_choice budget;
    int64_t older_ms;
    const char *host, *since, *until;
    const char *for_revision; /* --for */
    const char *run;
    bool dry_run;
};

/* What `sluice mutants` is told beside its verb; its run is cache.run. NULL = not given. */
struct mutants_choice {
    const char *status, *file, *against;
};

/* --report KIND=PATH, as often as given. */
struct report_choice {
    const struct report_kind *kind;
    const char *path;
};

/* There are fewer kinds; each costs a pass over the events. */
#define REPORTS_MAX 8

struct report_choices {
    struct report_choice items[REPORTS_MAX];
    size_t count;
};

struct invocation {
    const struct command *command; /* NULL: no command was named */
    struct text_list args;         /* words that are no options; owned, see invocation_fini() */
    const char *const *argv;       /* all words, for the record of the run */
    int argc;

    /* everywhere */
    const char *directory; /* -C; NULL = stay */
    const char *pipeline;  /* --pipeline; NULL = look for it */
    int color;             /* enum color_mode */
    bool quiet, verbose, json, help, version;

    /* where the work goes */
    unsigned jobs; /* 0 = one per processor we may use */
    const char *junit;
    struct report_choices reports;
    bool no_github; /* annotations and summary in GitHub Actions are not wanted */
    const char *events;
    unsigned slowest;   /* so many of the slowest units are named */
    int failure_output; /* enum failure_output */

    /* what is selected */
    const char *filter;
    struct shard_choice shard;
    bool rerun_failed;
    struct run_choice resume;
    int when;    /* enum when_choice */
    int sandbox; /* enum sandbox_choice */
    uint64_t seed;

    /* reuse */
    unsigned verify_ppm;
    const char *change; /* NULL = the main line */
    int trust;          /* enum evidence_trust + 1; 0 = not given */
    const char *at;     /* another state than the tree on disk; NULL */
    const char *diff;   /* the run is about what differs from this revision; NULL = all */

    /* when to stop */
    bool no_reuse, fail_fast;
    unsigned max_fail;
    unsigned repeat;  /* so many runs, until one is not open; 0 = one */
    unsigned shuffle; /* number of the random order; 0 = the plan's own */
    int64_t budget_ms;

    /* report, schema, help */
    const char *format; /* of `report read`; NULL = told from the files */
    bool list, reference, man;

    /* init */
    bool print, force;

    struct cache_choice cache;
    struct mutants_choice mutants;
};

/* Most slots that may be asked for: each is a process and about six descriptors of ours; 1024 of
 * them stay below the usual hard limit of 4096+ descriptors. Beyond: a usage error. */
#define JOBS_MAX 1024
/* Most runs of one `run --repeat`: each leaves a folder of which RUNS_KEPT are kept. */
#define REPEAT_MAX 1000000
/* Most units named as the slowest: a list that a person still reads, and each is kept in memory. */
#define SLOWEST_MAX 1000
/* Most parts a run may be split into; a CI provider's matrix ends at 256. */
#define SHARDS_MAX 4096

void invocation_fini(struct invocation *invocation);

#endif
