/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/planning.h"

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/exit_words.h"
#include "cli/say.h"
#include "cli/session.h"

#include <errno.h>
#include <string.h>

/* One answer: room for a piece and the longest line on top of it. */
#define ANSWER_MAX (8u << 20)

struct planning {
    struct event_sink sink;
    const struct invocation *invocation;
    planning_line line;
    struct str out;
    int written; /* EXIT_OPEN while standard output can be written */
    uint64_t run, skip;
    bool told; /* why a layer cannot be planned */
};

static int each_unit(void *context,
                     const struct layer *layer,
                     const struct unit *unit,
                     const struct plan_hint *hint,
                     const struct sched_forecast *forecast)
{
    struct planning *planning = context;
    const struct reason_subject subject = {
        .layer = layer, .unit = unit, .hint = hint, .forecast = forecast};
    const struct reason reason = reason_of(planning->invocation, &subject);
    planning->run += reason.run ? 1 : 0;
    planning->skip += reason.run ? 0 : 1;
    planning->line(&planning->out, &subject, &reason, planning->invocation->json);
    if (planning->out.len >= PLANNING_FLUSH && planning->written == EXIT_OPEN) {
        planning->written = say_answer(&planning->out);
    }
    return planning->written == EXIT_OPEN ? 0 : -EIO;
}

static void each_waiting(void *context, const struct layer *layer, const struct layer *producer)
{
    struct planning *planning = context;
    CLEANUP(str_fini) struct str text = STR_INIT(ERR_TEXT_MAX);
    (void)str_appendf(
        &text, "its units are known when layer %s has made its outputs", producer->id);
    const struct unit all = {.id = "*"};
    const struct sched_forecast forecast = {.fate = FATE_WAIT, .why = str_text(&text)};
    const struct reason_subject subject = {
        .layer = layer, .unit = &all, .forecast = &forecast, .whole_layer = true};
    const struct reason reason = reason_of(planning->invocation, &subject);
    planning->line(&planning->out, &subject, &reason, planning->invocation->json);
}

static void judged(struct planning *planning, const struct event *event)
{
    const struct verdict *verdict = event->u.layer_judged.verdict;
    const char *reason = verdict->reason != NULL ? verdict->reason : "no reason is known";
    if (verdict->state == VERDICT_ERROR) {
        planning->told = true;
        say_problem("layer %s cannot be planned: %s", event->u.layer_judged.layer, reason);
    } else if (verdict->state == VERDICT_SKIPPED && planning->invocation->verbose) {
        say_problem("layer %s is left out: %s", event->u.layer_judged.layer, reason);
    }
}

/* Only what goes wrong is told while planning. */
static void emit(struct event_sink *sink, const struct event *event)
{
    /* the sink is the first member */
    struct planning *planning = (struct planning *)(void *)sink;
    if (event->type == EVENT_NOTE && strcmp(event->u.note.level, "info") != 0) {
        say_problem("%s", event->u.note.text);
    } else if (event->type == EVENT_LAYER_JUDGED && event->u.layer_judged.verdict != NULL) {
        judged(planning, event);
    } else if (event->type == EVENT_RUN_FINISHED && event->u.run_finished.exit_code != EXIT_OPEN
               && event->u.run_finished.reason != NULL && !planning->told) {
        say_problem("%s", event->u.run_finished.reason);
    }
}

static void tell_problem(void *context, const char *text)
{
    (void)context;
    say_problem("%s", text);
}

static int plan_all(struct planning *planning, struct session *session, struct err *err)
{
    struct sched_options options;
    enum exit_code code = EXIT_INFRASTRUCTURE;
    session_fill(session, &options);
    options.sink = &planning->sink;
    options.plan_only = true;
    options.planned = each_unit;
    options.waiting = each_waiting;
    options.planned_context = planning;
    const int rc = sched_run(&options, &code, err);
    if (planning->written == EXIT_OPEN) {
        planning->written = say_answer(&planning->out);
    }
    if (planning->written != EXIT_OPEN) {
        return planning->written;
    }
    if (rc != 0) {
        say_error(err);
        return (int)exit_code_of_config_error(rc);
    }
    return (int)code;
}

int planning_run(const struct invocation *invocation, planning_line line)
{
    struct session session;
    struct err err = {0};
    struct planning planning = {
        .sink = {.emit = emit},
        .invocation = invocation,
        .line = line,
        .out = STR_INIT(ANSWER_MAX),
    };
    int code = (int)session_open(&session, invocation, true, &err);
    if (code != EXIT_OPEN) {
        say_error(&err);
    } else {
        session.tell = tell_problem;
        code = (int)session_prepare(&session, &err);
        if (code != EXIT_OPEN) {
            say_error(&err);
        } else {
            code = plan_all(&planning, &session, &err);
        }
    }
    session_close(&session);
    str_fini(&planning.out);
    if (code == EXIT_OPEN && invocation->command->bit == COMMAND_PLAN && !invocation->json
        && !invocation->quiet) {
        struct err count = {0};
        (void)err_set(&count,
                      -EINVAL,
                      "%llu to run, %llu not",
                      (unsigned long long)planning.run,
                      (unsigned long long)planning.skip);
        say_line(count.text);
    }
    return code;
}
