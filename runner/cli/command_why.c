/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/past_run.h"
#include "cli/planning.h"
#include "cli/say.h"
#include "cli/why_run.h"
#include "reports/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Names of a layer and a unit: a command line of 128 KiB at most (MAX_ARG_STRLEN), twice. */
#define WHY_OFFER_MAX (256u << 10)

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

/* It cannot be told yet: what to do so that it can. */
static void write_next_step(struct str *out, const struct sched_forecast *forecast)
{
    if (forecast != NULL && forecast->fate == FATE_WAIT && forecast->producer != NULL) {
        (void)str_appendf(out,
                          "  run `sluice run %s` first, or `sluice run`; then ask again\n",
                          forecast->producer);
    }
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
        write_next_step(out, subject->forecast);
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

/* ---- a past run ---- */

static int replay_into(const struct invocation *invocation, struct why_run *why, struct err *err)
{
    struct past_run past = {0};
    int rc = past_run_find(invocation->pipeline, invocation->cache.run, &past, err);
    if (rc != 0) {
        return rc;
    }
    CLEANUP(cleanup_fd) int fd = open(past.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "%s", past.file);
    }
    rc = event_log_replay(fd, past.file, why_run_sink(why), NULL, err);
    const int ended = why_run_end(why);
    return rc == 0 && ended < 0 ? err_set(err, ended, "the answer is too long") : rc;
}

static int explain_past(const struct invocation *invocation, const char *unit)
{
    struct err err = {0};
    struct why_run *why = NULL;
    int rc = why_run_new(unit, invocation->json, &why, &err);
    rc = rc == 0 ? replay_into(invocation, why, &err) : rc;
    int code = EXIT_OPEN;
    if (rc != 0) {
        say_error(&err);
        code = rc == -ENOENT ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    } else if (why_run_found(why) == 0) {
        say_problem("run %s had no unit \"%s\" (`sluice report RUN --verbose` shows them)",
                    invocation->cache.run,
                    unit);
        code = EXIT_NOTHING_SELECTED;
    } else {
        code = say_answer(why_run_answer(why));
    }
    why_run_free(why);
    return code;
}

int command_why(const struct invocation *invocation)
{
    if (invocation->args.count == 0) {
        say_problem("why which unit? `sluice list` names them; e.g. sluice why unit/parser");
        return EXIT_USAGE;
    }
    const char *unit = invocation->args.items[0];
    uint64_t found = 0;
    if (invocation->cache.run != NULL) {
        return explain_past(invocation, unit);
    }
    CLEANUP(str_fini) struct str offer = STR_INIT(WHY_OFFER_MAX);
    const int code = planning_explain(invocation, unit, write_answer, &found, &offer);
    if (code == EXIT_OPEN && found == 0 && offer.len > 0) {
        say_problem("%s is a layer: ask for a unit of it, as `sluice why '%s'` (`sluice list %s` "
                    "names them)",
                    unit,
                    str_text(&offer),
                    unit);
        return EXIT_NOTHING_SELECTED;
    }
    if (code == EXIT_OPEN && found == 0) {
        say_problem("there is no unit \"%s\" (`sluice list` names them all)", unit);
        return EXIT_NOTHING_SELECTED;
    }
    return code;
}
