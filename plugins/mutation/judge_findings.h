/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which the judge tells its findings. Where it is known which lines changed those on
 * them come first, as reports show only the first few; the others keep their order, by file. */
#ifndef SLUICE_PLUGINS_MUTATION_JUDGE_FINDINGS_H
#define SLUICE_PLUGINS_MUTATION_JUDGE_FINDINGS_H

#include "base/arena.h"
#include "base/vec.h"
#include "plugins/sdk/sdk.h"

/* Told at most; the reports have all survivors. The host takes 100,000 from a layer. */
#define JUDGE_FINDINGS_MAX 10000

/* Texts of those that wait: 4 KiB of path, 1.5 KiB of words each. */
#define JUDGE_FINDINGS_ARENA_MAX (64u << 20)

struct judge_findings {
    struct arena *arena; /* owner of texts; NULL = nothing waits */
    size_t count;        /* of all */
    size_t told;

    struct {
        VEC_FIELDS(struct sdk_finding);
    } later;
};

/* Accepts a zeroed object. */
void judge_findings_fini(struct judge_findings *findings);

/* Tells a finding, whose last line is `last`, or lets it wait; texts are copied. */
int judge_findings_add(struct judge_findings *findings,
                       struct sdk *sdk,
                       const struct sdk_finding *finding,
                       uint32_t last,
                       struct err *err);

/* Tells those that wait, while there is room. */
int judge_findings_end(struct judge_findings *findings, struct sdk *sdk, struct err *err);

#endif
