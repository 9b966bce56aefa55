/* SPDX-License-Identifier: Apache-2.0 */
/* Event logs of the shards of one run to the events of the whole. What it makes is green only when
 * every shard was there, came to its end and was green:
 *
 *   shards     each of 1/N .. N/N, once; else the whole ends with exit code 3 and says which is
 *              missing. Logs of runs without --shard are wholes, and may be merged too
 *   unit       that several logs have: the worst outcome counts, and a note says so
 *   layer      rules about counts are judged over what the shards add up to; of a plugin's metric
 *              the worst part counts, and a note says so. In error or not run in a red shard: so is
 *              the whole. Findings add up; the same ones of several shards are one
 *   exit code  the worst: 3, 2, 130, 6, 1, 5, 0; 4 (nothing selected) when all say so. A gate that
 *              was shut over a part and is open over the whole does not count
 *
 * Logs are read twice, so they are files. Memory: a key for each unit. */
#ifndef SLUICE_REPORTS_MERGE_H
#define SLUICE_REPORTS_MERGE_H

#include "base/err.h"
#include "model/event.h"

struct merge;

int merge_new(struct merge **ret_merge, struct err *err);
void merge_free(struct merge *merge); /* NULL is accepted */

/* Takes a log in. `run_dir` is where its captures lie, absolute, or NULL. -ESTALE: it is of another
 * tree or pipeline than the ones before, or a shard of another number of shards. */
int merge_add(struct merge *merge, const char *file, const char *run_dir, struct err *err);

/* A report of another tool, or of sluice as JUnit, as merge_add_report() takes it. */
struct merge_report {
    const char *file;              /* its unit, in the layer "reports" */
    const struct case_list *cases; /* must live until the merge is freed */
    const char *problem;           /* why it could not be read (whole); NULL */
    unsigned shard, shards;        /* as it says itself; 0 = it does not */
};

/* Takes a report in: cases that failed shut the gate of "reports", and so does one without cases; a
 * problem is an error. Nobody knows whether more reports belong to it unless it names its shard.
 * -ESTALE as above. */
int merge_add_report(struct merge *merge, const struct merge_report *report, struct err *err);

/* Emits the events of the whole, run_started to run_finished. Captures in them are relative to the
 * root folder. `command` is told as the command line. */
int merge_emit(struct merge *merge, const char *command, struct event_sink *sink, struct err *err);

/* After merge_emit(). */
enum exit_code merge_exit_code(const struct merge *merge);

#endif
