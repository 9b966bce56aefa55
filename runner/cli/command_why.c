/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "cli/commands.h"
#include "cli/planning.h"
#include "cli/say.h"

#include <string.h>

/* The lines of an explanation as a JSON array. */
static void write_lines(struct json_writer *w, const char *lines)
{
    jw_key(w, "explanation");
    jw_array(w);
    while (lines != NULL && *lines != '\0') {
        const size_t len = strcspn(lines, "\n");
        jw_string_n(w, lines, len);
        lines += len + (lines[len] == '\n');
    }
    jw_end_array(w);
}

/* Is what the run before came to the answer, and not what the evidence lacks? */
static bool is_told_by_history(const struct reason_subject *subject, const struct reason *reason)
{
    return subject->hint != NULL && reason->text == subject->hint->unstored;
}

static const char *after_first_line(const char *lines)
{
    const size_t len = strcspn(lines, "\n");
    return lines + len + (lines[len] == '\n');
}

static void write_answer(struct str *out,
                         const struct reason_subject *subject,
                         const struct reason *reason,
                         bool json)
{
    const char *explanation = subject->explanation != NULL ? subject->explanation : "";
    if (subject->whole_layer) {
        return;
    }
    if (is_told_by_history(subject, reason)) {
        explanation = after_first_line(explanation);
    }
    if (!json) {
        const bool explained = explanation[0] != '\0';
        (void)str_appendf(out, "%s/%s\n", subject->layer->id, subject->unit->id);
        if (is_told_by_history(subject, reason)) {
            (void)str_appendf(out, "%s: %s\n%s", reason->decision, reason->text, explanation);
        } else if (explained) {
            (void)str_append(out, explanation);
        } else {
            (void)str_appendf(out, "%s: %s\n", reason->decision, reason->text);
        }
        return;
    }
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "id", subject->unit->id);
    jw_put_string(&w, "layer", subject->layer->id);
    jw_put_string(&w, "decision", reason->decision);
    jw_put_string(&w, "reason", reason->text);
    write_lines(&w, explanation);
    jw_end_object(&w);
    (void)str_append_char(out, '\n');
}

int command_why(const struct invocation *invocation)
{
    if (invocation->args.count == 0) {
        say_problem("why which unit? `sluice list` names them; e.g. sluice why unit/parser");
        return EXIT_USAGE;
    }
    const char *unit = invocation->args.items[0];
    uint64_t found = 0;
    const int code = planning_explain(invocation, unit, write_answer, &found);
    if (code == EXIT_OPEN && found == 0) {
        say_problem("there is no unit \"%s\" (`sluice list` names them all)", unit);
        return EXIT_NOTHING_SELECTED;
    }
    return code;
}
