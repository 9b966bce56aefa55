/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of the GitHub report: github.c counts and annotates, github_summary.c writes the
 * page. */
#ifndef SLUICE_REPORTS_GITHUB_IMPL_H
#define SLUICE_REPORTS_GITHUB_IMPL_H

#include "reports/case_fold.h"
#include "reports/report_impl.h"

/* GitHub shows ten errors and ten warnings of a step and drops the others in silence. */
#define ANNOTATIONS_MAX 10

/* GitHub drops a step's whole summary when it is over 1024 KiB; the rest is for what other commands
 * of the step write after us. */
#define GITHUB_SUMMARY_MAX (1000u << 10)

/* Parts of a summary: of the layers' table (500 layers), of the failures, of flaky cases. */
#define GITHUB_LAYERS_MAX   (150u << 10)
#define GITHUB_FAILURES_MAX (600u << 10)
#define GITHUB_FLAKY_MAX    (50u << 10)

struct annotation {
    unsigned rank; /* low ones first */
    char *line;    /* the workflow command, with its newline */
};

/* The best of one level, in order. */
struct annotations {
    struct annotation items[ANNOTATIONS_MAX];
    size_t kept;
    uint64_t count; /* of all */
};

struct github_layer {
    uint64_t passed, failed, errored, skipped, flaky, reused;
    bool judged;
    bool allow_failure;
    enum verdict_state state;
    char *reason; /* NULL */
};

/* Pieces of Markdown that end when there are enough. */
struct github_list {
    struct str text;
    uint64_t count;    /* of all */
    uint64_t left_out; /* not in the text */
};

struct github {
    struct report_output report;
    struct case_fold fold;
    struct annotations errors, warnings;

    struct {
        VEC_FIELDS(struct github_layer);
    } layers; /* by index, as the fold's */

    struct github_list failures, flaky;
    struct str name, run;
};

/* Takes an entry into the summary. */
void github_tell_entry(struct github *self, size_t layer, const struct case_entry *entry);

/* Appends the page, at most `max` bytes of it. */
void github_write_summary(const struct github *self, size_t max, struct str *out);

#endif
