/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/commands.h"
#include "cli/planning.h"

static void write_line(struct str *out,
                       const struct reason_subject *subject,
                       const struct reason *reason,
                       bool json)
{
    if (!json) {
        (void)str_appendf(out,
                          "%-4s  %s/%s  (%s)\n",
                          reason->decision,
                          subject->layer->id,
                          subject->unit->id,
                          reason->text);
        return;
    }
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "id", subject->unit->id);
    jw_put_string(&w, "layer", subject->layer->id);
    jw_put_string(&w, "decision", reason->decision);
    jw_put_string(&w, "reason", reason->text);
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}

int command_plan(const struct invocation *invocation)
{
    return planning_run(invocation, write_line);
}
