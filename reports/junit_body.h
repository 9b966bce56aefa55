/* SPDX-License-Identifier: Apache-2.0 */
/* The testcase elements of the JUnit writer. What a case says is gathered in a struct junit_entry;
 * writing it follows the rules of docs/formats/junit.md. */
#ifndef SLUICE_REPORTS_JUNIT_BODY_H
#define SLUICE_REPORTS_JUNIT_BODY_H

#include "base/str.h"
#include "base/vec.h"
#include "model/outcome.h"
#include "reports/unique.h"

#include <stdbool.h>
#include <stdint.h>

/* Text of one failure, and of each output stream, that is written: GitLab and dorny's action cut a
 * report at 64 KiB, people long before. */
#define JUNIT_TEXT_MAX (64u << 10)

/* All texts of one report together. GitLab refuses files of 30 MB; the rest is for markup: 60,000
 * cases at 100 bytes. Beyond, outputs are left out, which is told in their place. */
#define JUNIT_TEXTS_MAX (24u << 20)

/* A failed attempt, kept until it is known how the last one ends. */
struct junit_attempt {
    uint64_t key; /* unique_hash() of the case's suite and name; 0 = the unit as a whole */
    char *xml;    /* ` message="..." ...>TEXT` */
    bool used;
};

struct junit_attempts {
    VEC_FIELDS(struct junit_attempt);
};

/* One testcase to write. Strings may be NULL. */
struct junit_entry {
    const char *classname;
    const char *name;
    const char *file;
    uint32_t line;
    double time_s;
    enum outcome_status status;
    const char *message;
    const char *type;
    const char *details;
    const char *hint;
    const char *output;
    const char *attachment;        /* path, written as [[ATTACHMENT|path]] */
    const struct outcome *outcome; /* exit code, flags and captures; NULL = of no concern */
    struct junit_attempts *attempts;
    uint64_t attempt_key;        /* which of the attempts are its own; 0 = all that are left */
    const struct reused *reused; /* where it was earned; NULL = it ran */
    int64_t now_ms;              /* with `reused`: wall clock, for its age */
};

struct junit_counts {
    uint64_t tests, failures, errors, skipped;
    uint64_t reused; /* tests that did not run, also counted above */
    double time_s;   /* reused ones: as long as they took when they were earned */
};

/* What the entries of one report share. */
struct junit_writer {
    const char *run_dir;
    struct unique names;
    size_t texts;          /* bytes of texts written so far */
    size_t reused_details; /* bytes of what is told of reused cases beside their evidence */
    int error;             /* first failure */
};

void junit_writer_fini(struct junit_writer *writer);

/* Appends the testcase and counts it. Errors stick in writer->error and out->error. */
void junit_write_entry(struct junit_writer *writer,
                       struct str *out,
                       const struct junit_entry *entry,
                       struct junit_counts *counts);

/* Remembers a failed attempt. 0 or -ENOMEM. */
int junit_keep_attempt(struct junit_writer *writer,
                       struct junit_attempts *attempts,
                       uint64_t key,
                       const struct junit_entry *entry);
void junit_attempts_fini(struct junit_attempts *attempts);

/* Appends <system-out> and <system-err> with what a unit printed. */
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
