/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/judge_findings.h"

#include "base/mem.h"
#include "plugins/mutation/scope.h"

#include <errno.h>

void judge_findings_fini(struct judge_findings *findings)
{
    vec_fini(&findings->later);
    arena_free(findings->arena);
    *findings = (struct judge_findings){0};
}

static int tell(struct judge_findings *findings,
                struct sdk *sdk,
                const struct sdk_finding *finding,
                struct err *err)
{
    if (findings->told >= JUDGE_FINDINGS_MAX) {
        return 0;
    }
    findings->told++;
    return sdk_emit_finding(sdk, finding, err);
}

static int let_wait(struct judge_findings *findings,
                    const struct sdk_finding *finding,
                    struct err *err)
{
    struct sdk_finding copy = *finding;
    if (findings->later.count >= JUDGE_FINDINGS_MAX) {
        return 0;
    }
    if (findings->arena == NULL) {
        findings->arena = arena_new(JUDGE_FINDINGS_ARENA_MAX);
    }

    const char **const texts[] = {&copy.file, &copy.rule, &copy.severity, &copy.message, &copy.fix};

    bool ok = findings->arena != NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && ok; i++) {
        if (*texts[i] != NULL) {
            *texts[i] = arena_strdup(findings->arena, *texts[i]);
            ok = *texts[i] != NULL;
        }
    }
    return ok && vec_push(&findings->later, copy) == 0
               ? 0
               : err_set(err, -ENOMEM, "out of memory for the findings of the layer");
}

int judge_findings_add(struct judge_findings *findings,
                       struct sdk *sdk,
                       const struct sdk_finding *finding,
                       uint32_t last,
                       struct err *err)
{
    bool first =
        sdk->diff == NULL
        || scope_is_on_lines(scope_lines_of(sdk->diff, finding->file), finding->line, last);
    findings->count++;
    return first ? tell(findings, sdk, finding, err) : let_wait(findings, finding, err);
}

int judge_findings_end(struct judge_findings *findings, struct sdk *sdk, struct err *err)
{
    int status = 0;
    for (size_t i = 0; i < findings->later.count && status == 0; i++) {
        status = tell(findings, sdk, &findings->later.items[i], err);
    }
    return status;
}
