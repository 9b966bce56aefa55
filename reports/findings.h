/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of judge verbs, for formats that tell of nothing else (SARIF, code quality). Failed
 * cases are no findings; what made a layer or the run as a whole bad is passed on as an entry, so
 * that an empty list is never taken for a clean run. */
#ifndef SLUICE_REPORTS_FINDINGS_H
#define SLUICE_REPORTS_FINDINGS_H

#include "reports/case_fold.h"
#include "reports/report_impl.h"
#include "reports/unique.h"

struct findings_report;

/* Where they go. Return 0 or a negative errno. */
struct findings_ops {
    /* `fingerprint`: see report_text.h */
    int (*finding)(struct findings_report *self,
                   const char *layer,
                   const struct finding *finding,
                   const char *fingerprint);
    /* "(gate)", "(layer)" or "(run)", failed or errored. `found`: the layer has findings too. */
    int (*trouble)(struct findings_report *self, const struct case_entry *entry, bool found);
    /* A layer that is shut, or could not be judged, whatever shows it. NULL = of no concern. */
    int (*shut)(struct findings_report *self, const char *layer, const char *reason);
};

struct findings_report {
    struct report_output report;
    const struct findings_ops *ops;
    struct case_fold fold;
    struct unique seen; /* for fingerprints */
    struct str run, version, root, pipeline, command;
    int64_t last_ms;
    bool found; /* the layer that is judged right now has findings */
};

/* The pipeline's path below the root: formats want a file, and what concerns the whole tree is
 * shown there. */
const char *findings_pipeline(const struct findings_report *self);

int findings_init(struct findings_report *self, const struct findings_ops *ops);
/* Ends the fold. 0, or the first failure. */
int findings_finish(struct findings_report *self, struct err *err);
void findings_fini(struct findings_report *self);

#endif
