/* SPDX-License-Identifier: Apache-2.0 */
/* From events to testcases, the same for every format:
 *
 *   unit without cases  -> one entry in the suite LAYER
 *   unit with cases     -> a suite LAYER.UNIT, one entry per case; "(unit)" for what went wrong
 *                          beside them
 *   layer               -> "(layer)" / "(gate)" when its verdict shows in no case
 *   run                 -> "(run)" in the layer "sluice" when it did not end well
 *
 * Never green by absence: whatever keeps the exit code from 0 is an entry that failed or errored.
 */
#ifndef SLUICE_REPORTS_CASE_FOLD_H
#define SLUICE_REPORTS_CASE_FOLD_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/event.h"
#include "reports/case_entry.h"

/* What is known of a layer; writers keep their own beside it, by the same index. */
struct fold_layer {
    char *id;
    int64_t started_ms;
    uint64_t tests; /* entries */
    uint64_t bad;   /* of them, failed and errored ones */
};

/* Where the entries go. Each returns 0 or a negative errno, which sticks in fold->error. Pointers
 * are valid during the call. NULL functions are passed over. */
struct case_fold_ops {
    /* A layer is met for the first time; its index is the number of layers before it. */
    int (*layer)(void *context, size_t layer);
    /* Writes what of a failed attempt is to be kept into `out`. */
    int (*attempt)(void *context, struct str *out, const struct case_entry *entry);
    /* A unit with cases: they come between the two. */
    int (*begin_unit)(void *context, size_t layer, const struct event *event, const char *suite);
    int (*end_unit)(void *context, size_t layer, const struct event *event, const char *suite);
    int (*entry)(void *context, size_t layer, const struct case_entry *entry);
};

/* Failed attempts of a unit that will be tried again. */
struct fold_retried {
    char *key; /* layer, newline, unit */
    struct case_attempts attempts;
};

struct case_fold {
    const struct case_fold_ops *ops;
    void *context;
    int error; /* the first one */

    struct {
        VEC_FIELDS(struct fold_layer);
    } layers;

    struct {
        VEC_FIELDS(struct fold_retried *);
    } retried;
    struct map retried_by_key;

    /* the run */
    struct str reason;
    int64_t started_ms;
    bool finished;
    enum exit_code exit_code;
    int64_t wall_ns;
};

void case_fold_init(struct case_fold *fold, const struct case_fold_ops *ops, void *context);
void case_fold_fini(struct case_fold *fold);

void case_fold_event(struct case_fold *fold, const struct event *event);

/* After the last event: adds "(run)" where it is due. Without run_finished it always is. */
void case_fold_finish(struct case_fold *fold);

/* What a gate, and a judgement as a whole, say in words; shared with what tells of gates. */
void gate_words(struct str *out, const struct gate_result *gate);
void judgement_words(struct str *out,
                     const struct verdict *verdict,
                     const struct judgement *judgement);

#endif
