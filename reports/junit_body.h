/* SPDX-License-Identifier: Apache-2.0 */
/* The testcase elements of the JUnit writer. What a case says is gathered in a struct case_entry;
 * writing it follows the rules of docs/formats/junit.md. */
#ifndef SLUICE_REPORTS_JUNIT_BODY_H
#define SLUICE_REPORTS_JUNIT_BODY_H

#include "base/str.h"
#include "model/outcome.h"
#include "reports/case_entry.h"
#include "reports/unique.h"

#include <stdbool.h>
#include <stdint.h>

/* Text of one failure, and of each output stream, that is written: GitLab and dorny's action cut a
 * report at 64 KiB, people long before. */
#define JUNIT_TEXT_MAX (64u << 10)

/* All texts of one report together. GitLab refuses files of 30 MB; the rest is for markup: 60,000
 * cases at 100 bytes. Beyond, outputs are left out, which is told in their place. */
#define JUNIT_TEXTS_MAX (24u << 20)

/* What a profile may write; all of it is forbidden by some schema (docs/formats/junit.md). */
struct junit_profile {
    bool case_place;      /* testcase@file, @line */
    bool case_properties; /* <properties> in a testcase */
    bool case_outputs;    /* <system-out> and <system-err> in a testcase; else in its suite */
    bool case_attempts;   /* flakyFailure, rerunFailure; else words in the suite's output */
    bool root_name;       /* testsuites@name, @time */
    bool root_counts;     /* testsuites@tests, @failures, @errors, @skipped, @timestamp */
    bool all_required;    /* testsuite@package, @id, both outputs, every @time must be there */
};

extern const struct junit_profile junit_profile_rich, junit_profile_jenkins, junit_profile_ant;

struct junit_counts {
    uint64_t tests, failures, errors, skipped;
    uint64_t reused; /* tests that did not run, also counted above */
    double time_s;   /* reused ones: as long as they took when they were earned */
};

/* What is told of a reused case beside its evidence, as it was told last. */
struct junit_reused {
    bool made;
    bool dated;      /* it is known when it was earned */
    int64_t minutes; /* of age, rounded down */
    bool has_run, has_change;
    struct str run, change; /* what the rest was made of */
    struct str origin, age; /* properties */
    struct str line;        /* words, escaped */
};

/* What the entries of one report share. */
struct junit_writer {
    const struct junit_profile *profile;
    struct str *suite_out; /* profiles without outputs in cases: where they go instead, as XML */
    struct str *suite_err;
    const char *run_dir;
    struct unique names;
    size_t texts; /* bytes of texts written so far */
    struct junit_reused reused;
    size_t reused_details; /* bytes of what is told of reused cases beside their evidence */
    int error;             /* first failure */
};

void junit_writer_fini(struct junit_writer *writer);

/* Appends the testcase and counts it. Errors stick in writer->error and out->error. */
void junit_write_entry(struct junit_writer *writer,
                       struct str *out,
                       const struct case_entry *entry,
                       struct junit_counts *counts);

/* Appends what is kept of a failed attempt (case_fold_ops.attempt). */
int junit_write_attempt(struct junit_writer *writer,
                        struct str *out,
                        const struct case_entry *entry);

/* Appends <system-out> and <system-err> with what a unit printed, or adds it to the suite's. */
void junit_write_captures(struct junit_writer *writer,
                          struct str *out,
                          const struct outcome *outcome);

/* Appends the attributes of <testsuite> and <testsuites> that count. */
void junit_write_counts(struct str *out, const struct junit_counts *counts);
/* Appends the property with the number of reused cases, if there are any. */
void junit_write_reused_count(struct str *out, const struct junit_counts *counts);
void junit_counts_add(struct junit_counts *into, const struct junit_counts *from);

/* Appends one <property>; nothing when the value is NULL. */
void junit_write_property(struct str *out, const char *name, const char *value);

/* Words for outcome flags, "leaked a process, ..."; empty text when there are none. */
const char *outcome_flag_text(unsigned flags, struct str *out);

#endif
