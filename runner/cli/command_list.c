/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/commands.h"
#include "cli/planning.h"
#include "cli/say.h"

static void write_labels(struct json_writer *w, const struct unit *unit)
{
    if (unit->labels.count == 0) {
        return;
    }
    jw_key(w, "labels");
    jw_array(w);
    for (size_t i = 0; i < unit->labels.count; i++) {
        jw_string(w, unit->labels.items[i]);
    }
    jw_end_array(w);
}

static void write_line(struct str *out,
                       const struct reason_subject *subject,
                       const struct reason *reason,
                       bool json)
{
    if (subject->whole_layer) {
        say_problem("layer %s is not in this list: %s", subject->layer->id, reason->text);
        return;
    }
    if (subject->forecast == NULL) {
        return;
    }
    if (!json) {
        (void)str_appendf(out, "%s/%s\n", subject->layer->id, subject->unit->id);
        return;
    }
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "id", subject->unit->id);
    jw_put_string(&w, "layer", subject->layer->id);
    jw_put_string(&w, "file", subject->unit->file);
    if (subject->unit->line != 0) {
        jw_put_int(&w, "line", subject->unit->line);
    }
    write_labels(&w, subject->unit);
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}

int command_list(const struct invocation *invocation)
{
    return planning_run(invocation, write_line);
}
