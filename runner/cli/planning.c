/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/planning.h"

#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/exit_words.h"
#include "cli/say.h"
#include "cli/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One answer: room for a piece and the longest line on top of it. */
#define ANSWER_MAX (8u << 20)

struct planning {
    struct event_sink sink;
    const struct invocation *invocation;
    planning_line line;
    struct str out;
    int written; /* EXIT_OPEN while standard output can be written */
    uint64_t run, wait, hit, skip;
    const char *explained; /* the unit `why` asks for; NULL = all, unexplained */
    struct str explanation;
    struct str *offer; /* a unit of the layer of that name; empty = there is none */
    bool told;         /* why a layer cannot be planned */
};

static void count(struct planning *planning,
                  const struct sched_forecast *forecast,
                  const struct reason *reason)
{
    const bool hit = forecast != NULL && forecast->fate == FATE_HIT;
    const bool wait = forecast != NULL && forecast->fate == FATE_WAIT && reason->run;
    planning->run += reason->run && !wait ? 1 : 0;
    planning->wait += wait ? 1 : 0;
    planning->hit += hit ? 1 : 0;
    planning->skip += reason->run || hit ? 0 : 1;
}

static int each_unit(void *context,
                     const struct layer *layer,
                     const struct unit *unit,
                     const struct plan_hint *hint,
                     const struct sched_forecast *forecast)
{
    struct planning *planning = context;
    const struct reason_subject subject = {
        .layer = layer,
        .unit = unit,
        .hint = hint,
        .forecast = forecast,
        .explanation = planning->explained != NULL ? str_text(&planning->explanation) : NULL,
    };
    const struct reason reason = reason_of(planning->invocation, &subject);
    if (planning->explained != NULL && !sched_explains(planning->explained, layer, unit->id)) {
        if (planning->offer->len == 0 && strcmp(planning->explained, layer->id) == 0) {
            (void)str_appendf(planning->offer, "%s/%s", layer->id, unit->id);
        }
        return 0;
    }
    count(planning, forecast, &reason);
    planning->line(&planning->out, &subject, &reason, planning->invocation->json);
    str_clear(&planning->explanation);
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
    options.explain = planning->explained != NULL ? &planning->explanation : NULL;
    options.explained = planning->explained;
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

/* Opens, plans and closes; the process's exit code. */
static int plan_session(struct planning *planning)
{
    struct session session;
    struct err err = {0};
    int code = (int)session_open(&session, planning->invocation, true, &err);
    if (code != EXIT_OPEN) {
        say_error(&err);
    } else {
        session.tell = tell_problem;
        code = (int)session_prepare(&session, &err);
        if (code != EXIT_OPEN) {
            say_error(&err);
        } else {
            code = plan_all(planning, &session, &err);
        }
    }
    session_close(&session);
    str_fini(&planning->out);
    str_fini(&planning->explanation);
    return code;
}

static void say_counts(const struct planning *planning)
{
    struct err count = {0};
    char waiting[64] = "";
    if (planning->wait > 0) {
        (void)snprintf(waiting,
                       sizeof waiting,
                       "%llu undecided until then, ",
                       (unsigned long long)planning->wait);
    }
    (void)err_set(&count,
                  -EINVAL,
                  "%llu to run, %s%llu answered by evidence, %llu not selected",
                  (unsigned long long)planning->run,
                  waiting,
                  (unsigned long long)planning->hit,
                  (unsigned long long)planning->skip);
    say_line(count.text);
}

int planning_run(const struct invocation *invocation, planning_line line)
{
    struct planning planning = {
        .sink = {.emit = emit},
        .invocation = invocation,
        .line = line,
        .out = STR_INIT(ANSWER_MAX),
    };
    const int code = plan_session(&planning);
    if (code == EXIT_OPEN && invocation->command->bit == COMMAND_PLAN && !invocation->json
        && !invocation->quiet) {
        say_counts(&planning);
    }
    return code;
}

int planning_explain(const struct invocation *invocation,
                     const char *unit,
                     planning_line line,
                     uint64_t *ret_found,
                     struct str *ret_offer)
{
    struct invocation all = *invocation;
    all.args = (struct text_list){0};
    struct planning planning = {
        .sink = {.emit = emit},
        .invocation = &all,
        .line = line,
        .out = STR_INIT(ANSWER_MAX),
        .explained = unit,
        .offer = ret_offer,
        .explanation = STR_INIT(ANSWER_MAX),
    };
    const int code = plan_session(&planning);
    *ret_found = planning.run + planning.wait + planning.hit + planning.skip;
    return code;
}
