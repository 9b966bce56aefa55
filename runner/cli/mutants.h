/* SPDX-License-Identifier: Apache-2.0 */
/* The parts `sluice mutants` is made of. */
#ifndef SLUICE_CLI_MUTANTS_H
#define SLUICE_CLI_MUTANTS_H

#include "base/str.h"
#include "cli/invocation.h"
#include "cli/past_run.h"
#include "reports/mutants.h"

/* What one verb prints: 100,000 lines of 1 KiB are written as they come, see MUTANTS_FLUSH. */
#define MUTANTS_ANSWER_MAX (64u << 20)
#define MUTANTS_FLUSH      (1u << 20)

/* Answers are written when so much waits. */
struct mutants_out {
    struct str text;
    bool color;
};

/* A run that has results of mutation. */
struct mutants_run {
    char run_dir[PATH_TEXT_MAX];
    const char *id; /* in run_dir */
};

/* mutants_runs.c: `word` as a user names a run; NULL = the newest that has results, one older than
 * `before` (id) when that is not NULL. -ENOENT: there is none; the message says what to do. */
int mutants_run_find(const struct invocation *invocation,
                     const char *word,
                     const char *before,
                     struct mutants_run *ret_run,
                     struct err *err);
/* Reads all results of a run. */
int mutants_run_read(const struct mutants_run *run,
                     const struct mutants_reader *reader,
                     struct err *err);

/* mutants_text.c: one mutant in a line or two, with the source line as the mutant has it. */
void mutants_put_line(struct mutants_out *out,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry);
/* All that is known of it, with its diff. */
void mutants_put_all(struct mutants_out *out,
                     const struct mutants_part *part,
                     const struct mutants_entry *entry);
void mutants_put_json(struct str *out,
                      const struct mutants_part *part,
                      const struct mutants_entry *entry);

/* The verbs beside `list` and `show`; each returns the exit code. */
int mutants_diff(const struct invocation *invocation);
int mutants_replay(const struct invocation *invocation);
int mutants_merge(const struct invocation *invocation);

/* Who is meant by ID or its beginning. -ENOENT: nobody, or several. */
struct mutants_found {
    char id[64];
    char layer[256];
    char file[PATH_TEXT_MAX];
};

int mutants_find(const struct mutants_run *run,
                 const char *word,
                 struct mutants_found *ret_found,
                 struct err *err);

#endif
