/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit XML writer: entries of a run (case_fold.h) to files. Follows docs/formats/junit.md. */
#ifndef SLUICE_REPORTS_JUNIT_H
#define SLUICE_REPORTS_JUNIT_H

#include "base/err.h"
#include "model/event.h"

struct junit;
struct junit_profile;

struct junit_options {
    const char *file; /* one file; or, ending in '/', a folder that gets TEST-sluice-<layer>.xml per
                         layer */
    const char *run_dir;                 /* where captures lie */
    const struct junit_profile *profile; /* junit_body.h; NULL = rich */
};

/* Removes what an earlier run wrote to `file` (as in junit_options), so that nobody takes it for
 * this one's: only regular files whose names end in .xml. junit_new() does so too; earlier is
 * better. */
void junit_forget(const char *file);

int junit_new(const struct junit_options *options, struct junit **ret_junit, struct err *err);
struct event_sink *junit_sink(struct junit *junit);
/* After run_finished: writes (temporary file + rename). Called without run_finished (crash
 * recovery) it writes what there is and marks the run as an error. */
int junit_finish(struct junit *junit, struct err *err);
void junit_free(struct junit *junit);

#endif
