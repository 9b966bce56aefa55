/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/mutation.h"

#include "plugins/mutation/judge.h"
#include "plugins/mutation/plan.h"
#include "plugins/mutation/select.h"
#include "plugins/mutation/settings.h"
#include "plugins/mutation/unit.h"

static const struct sdk_private_verb verbs[] = {
    {"build",   unit_run_build  },
    {"try",     unit_run_try    },
    {"nothing", unit_run_nothing},
    {"replay",  unit_run_replay },
    {"merge",   unit_run_merge  },
    {NULL,      NULL            },
};

const struct sdk_plugin mutation_plugin = {
    .name = "mutation",
    .write_schema = settings_write_schema,
    .metrics = judge_metrics,
    .plan = mutation_plan,
    .select = mutation_select,
    .judge = mutation_judge,
    .verbs = verbs,
};
