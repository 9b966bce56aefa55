/* SPDX-License-Identifier: Apache-2.0 */
/* Chores: planning, expanding, selecting and judging programs. One at a time, in a slot of their
 * own, so that they never wait for units. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "sched/sched_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int chore_add(struct sched *sched, const struct chore *chore)
{
    return vec_push(&sched->chores, *chore);
}

void chore_stop_planning(struct sched *sched)
{
    if (sched->chore_runs && sched->chores.items[sched->chore_at].kind != CHORE_JUDGE) {
        exec_stop(sched->options->exec, sched->options->plan.slots, false);
    }
}

int chore_answer(const struct sched *sched,
                 const struct capture *capture,
                 char path[PATH_TEXT_MAX],
                 struct file_part *ret_answer,
                 struct err *err)
{
    const int len = snprintf(path,
                             PATH_TEXT_MAX,
                             "%s/%s",
                             sched->options->run_dir,
                             capture->len > 0 ? capture->file : "");
    if (len >= PATH_TEXT_MAX) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", sched->options->run_dir);
    }
    *ret_answer = capture->len > 0 ? (struct file_part){path, capture->offset, capture->len}
                                   : FILE_WHOLE("/dev/null");
    return 0;
}

/* ---- what runs ---- */

/* A file of this run alone: nobody else reads it, and after a crash nobody needs it. */
static int write_plain(const char *path, const struct str *text, struct err *err)
{
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_errno(err, "%s", path);
    }
    const int rc = fd_write_all(fd, str_text(text), text->len);
    errno = -rc;
    return rc == 0 ? 0 : err_errno(err, "%s", path);
}

static int write_input(
    struct sched *sched, const struct chore *chore, char *path, size_t size, struct err *err)
{
    const struct layer *layer = sched_layer_of(sched, chore->layer);
    const struct world *world = &sched->layers[chore->layer].world;
    CLEANUP(str_fini) struct str text = STR_INIT(64U << 20);
    struct arena *arena = arena_new(START_ARENA_MAX);
    const char *program = arena != NULL ? plugin_program_inside(sched, chore->layer, arena) : NULL;
    int rc = program == NULL ? -ENOMEM
                             : plugin_plan_input(layer,
                                                 world->isolated ? WORLD_ROOT : world->root,
                                                 program,
                                                 sched->options->diff,
                                                 &text);
    arena_free(arena);
    if (rc < 0) {
        return err_set(err, rc, "cannot write the plugin's input");
    }
    (void)snprintf(path, size, "%s/plan-%zu.json", sched->options->run_dir, chore->layer);
    return write_plain(path, &text, err);
}

const char *plugin_program_inside(const struct sched *sched, size_t index, struct arena *arena)
{
    const char *program = sched->options->plugins[index].program;
    const struct world *world = &sched->layers[index].world;
    if (!world->isolated) {
        return program;
    }
    size_t root = strlen(world->root);
    if (sched_layer_of(sched, index)->uses[0] == '.' && strncmp(program, world->root, root) == 0
        && program[root] == '/') {
        return arena_printf(arena, "%s%s", WORLD_ROOT, program + root);
    }
    return arena_printf(arena, "%s/%s", WORLD_PLUGINS, path_basename(program));
}

bool chore_prepares(const struct chore *chore)
{
    return chore->kind == CHORE_EXPAND && chore->unit->links != NULL
           && chore->unit->links->outputs.count > 0;
}

/* As units have one: for the folder of what it leaves. */
static struct sched_slot slot_of(struct sched *sched, const struct chore *chore, size_t number)
{
    /* Its number is none of the plan's. */
    return (struct sched_slot){.sched = sched, .unit = chore->unit, .index = UNITS_MAX + number};
}

bool chore_ends_as_unit(const struct sched *sched, const struct outcome *outcome)
{
    return outcome->status == OUTCOME_PASSED
           || (!sched->options->plan_only && !sched->interrupted && !sched->deadline);
}

/* It stands in the reports like any other unit; what it printed is the list of the others. */
static void end_prepared(struct sched *sched,
                         const struct chore *chore,
                         struct outcome *outcome,
                         const struct manifest **ret_products)
{
    const struct sched_slot slot = slot_of(sched, chore, sched->chore_at);
    if (outcome->status == OUTCOME_PASSED && outcome->reused == NULL
        && unit_has_outputs(sched, chore->unit)) {
        *ret_products = unit_take_products(sched, &slot, outcome);
    }
    if (chore_ends_as_unit(sched, outcome)) {
        struct outcome told = *outcome;
        told.out = (struct capture){0};
        layer_unit_prepared(sched, chore->unit, &told);
    }
}

static void on_done(void *context, const struct outcome *result)
{
    struct outcome mine = *result;
    const struct outcome *outcome = &mine;
    const struct manifest *products = NULL;
    struct sched *sched = context;
    const struct chore chore = sched->chores.items[sched->chore_at];
    void *ticket = sched->chore_ticket;
    if (chore_prepares(&chore)) {
        end_prepared(sched, &chore, &mine, &products);
    }
    sched->chore_at++;
    sched->chore_runs = false;
    sched->chore_ticket = NULL;
    if (outcome->reused == NULL) {
        sched->cpu_us += outcome->cpu_user_us + outcome->cpu_sys_us;
    }
    (void)reusing_ended(sched, ticket, outcome, products);
    switch (chore.kind) {
    case CHORE_PLAN:
    case CHORE_EXPAND:
        layer_plan_done(sched, &chore, outcome);
        break;
    case CHORE_SELECT:
        layer_select_done(sched, &chore, outcome);
        break;
    case CHORE_JUDGE:
        layer_judge_done(sched, &chore, outcome);
        break;
    }
    sched_pump(sched);
}

static int start_plan(struct sched *sched,
                      const struct chore *chore,
                      struct arena *arena,
                      struct exec_request *request,
                      struct err *err)
{
    char input[PATH_MAX];
    int rc = write_input(sched, chore, input, sizeof input, err);
    if (rc < 0) {
        return rc;
    }
    const char **argv = arena_calloc(arena, 3, sizeof *argv);
    if (argv == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    argv[0] = plugin_program_inside(sched, chore->layer, arena);
    argv[1] = "plan";
    request->argv = argv;
    request->input = arena_strdup(arena, input);
    request->cwd = ".";
    request->timeout_ms = CHORE_TIMEOUT_MS;
    request->output_max = PLUGIN_PLAN_MAX;
    return 0;
}

static int start_expand(struct sched *sched,
                        const struct chore *chore,
                        struct arena *arena,
                        struct exec_request *request)
{
    const struct sched_slot slot = slot_of(sched, chore, sched->chore_at);
    const struct layer *layer = sched_layer_of(sched, chore->layer);
    request->argv = chore->unit->argv;
    request->cwd = chore->unit->cwd != NULL ? chore->unit->cwd : layer->cwd;
    request->timeout_ms =
        chore->unit->timeout_ms != 0 ? chore->unit->timeout_ms : layer->timeout_ms;
    request->output_max = PLUGIN_PLAN_MAX;
    return chore_prepares(chore) ? unit_fill_outputs(sched, &slot, arena, request) : 0;
}

/* A plain child in the live tree: it speaks of units, it is never evidence itself. */
static int start_beside(struct sched *sched,
                        const struct chore *chore,
                        const char *verb,
                        struct arena *arena,
                        struct exec_request *request)
{
    struct world *world = arena_alloc(sched->arena, sizeof *world);
    const char **argv = arena_calloc(arena, 3, sizeof *argv);
    if (world == NULL || argv == NULL) {
        return -ENOMEM;
    }
    *world = (struct world){.root = sched->options->root};
    argv[0] = sched->options->plugins[chore->layer].program;
    argv[1] = verb;
    request->world = world;
    request->argv = argv;
    request->cwd = ".";
    request->timeout_ms = CHORE_TIMEOUT_MS;
    return 0;
}

static int start_judge(struct sched *sched,
                       const struct chore *chore,
                       struct arena *arena,
                       struct exec_request *request)
{
    request->input =
        arena_printf(arena, "%s/judge-%zu.jsonl", sched->options->run_dir, chore->layer);
    request->output_max = PLUGIN_JUDGE_MAX;
    return request->input == NULL ? -ENOMEM : start_beside(sched, chore, "judge", arena, request);
}

static int start_select(struct sched *sched,
                        const struct chore *chore,
                        struct arena *arena,
                        struct exec_request *request,
                        struct err *err)
{
    char input[PATH_MAX];
    int rc = select_write_input(sched, chore->layer, input, sizeof input, err);
    if (rc < 0) {
        return rc;
    }
    request->input = arena_strdup(arena, input);
    request->output_max = PLUGIN_SELECT_MAX;
    return request->input == NULL ? -ENOMEM : start_beside(sched, chore, "select", arena, request);
}

/* Selecting and judging: plain children, never evidence. */
static bool runs_beside(const struct chore *chore)
{
    return chore->kind == CHORE_SELECT || chore->kind == CHORE_JUDGE;
}

/* A planning program is a unit like any other: evidence may answer for it. */
static bool has_answer(struct sched *sched,
                       const struct chore *chore,
                       struct exec_request *request,
                       struct arena *arena,
                       const char **ret_why)
{
    struct reuse_found found;
    if (runs_beside(chore) || !reusing_applies(sched, chore->layer)) {
        return false;
    }
    struct reuse_subject subject = {
        .layer = sched_layer_of(sched, chore->layer),
        .unit = chore->unit != NULL ? chore->unit->id : SCHED_PLAN_UNIT,
        .request = request,
        .base_env = base_env_of(sched, chore->layer),
        .products = sched->layers[chore->layer].seen,
        .no_join = true,
        .plans = true,
    };
    request->observe = true;
    reusing_decide(sched, &subject, arena, &found);
    sched->chore_ticket = found.ticket;
    *ret_why = found.why;
    if (found.choice == REUSE_CHOICE_HIT) {
        const struct sched_slot slot = slot_of(sched, chore, sched->chore_at);
        struct outcome hit = *found.outcome;
        if (chore_prepares(chore) && unit_adopt_products(sched, &slot, found.products) < 0) {
            hit.status = OUTCOME_ERRORED;
            hit.message = "out of memory for its products";
        }
        on_done(sched, &hit); /* we are inside the pump: it does not pump again */
        sched->again = true;
    }
    return found.choice == REUSE_CHOICE_HIT;
}

static void emit_started(struct sched *sched, const struct chore *chore, const char *why)
{
    struct event event = {.type = EVENT_UNIT_STARTED};
    event.u.unit_started.layer = sched_layer_of(sched, chore->layer)->id;
    event.u.unit_started.unit = chore->unit->id;
    event.u.unit_started.attempt = 1;
    event.u.unit_started.slot = (int)sched->options->plan.slots;
    event.u.unit_started.why = why;
    sched_emit(sched, &event);
}

/* Products that it needs are there now, or cannot be had. */
static void start_again(void *context)
{
    struct sched *sched = context;
    sched->chore_runs = false;
    sched->again = true;
}

/* Its world could not be made: 0 = that is being mended, and nothing else starts meanwhile. */
static int mend_world(struct sched *sched, int failed, struct err *err)
{
    const struct remake_waiter waiter = {start_again, sched};
    const struct outcome dropped = {
        .status = OUTCOME_ERRORED, .exit_code = -1, .flags = FLAG_CANCELLED};
    const int rc = remake_lost(sched, sched->options->plan.slots, &waiter, err);
    if (rc != 1) {
        return rc < 0 ? rc : failed;
    }
    (void)reusing_ended(sched, sched->chore_ticket, &dropped, NULL);
    sched->chore_ticket = NULL;
    return 0;
}

/* 0 = it runs, 1 = it was answered. */
static int launch(struct sched *sched,
                  const struct chore *chore,
                  struct exec_request *request,
                  struct arena *arena,
                  struct err *err)
{
    const char *why = NULL;
    if (has_answer(sched, chore, request, arena, &why)) {
        return 1;
    }
    if (!sched_confirm(sched, true)) {
        return sched_refused(sched, err);
    }
    int rc = runs_beside(chore) ? 0 : world_make(sched, chore->layer, err);
    if (rc < 0) {
        return mend_world(sched, rc, err);
    }
    if (chore_prepares(chore) && !sched->options->plan_only) {
        emit_started(sched, chore, why);
    }
    return exec_start(sched->options->exec, sched->options->plan.slots, request, err);
}

static int start(struct sched *sched,
                 const struct chore *chore,
                 struct arena *arena,
                 struct err *err)
{
    struct exec_request request = {
        .world = &sched->layers[chore->layer].world,
        .env = env_of_unit(sched, chore->layer, chore->unit, arena),
        .output_is_data = true,
        .errors_max = CHORE_ERRORS_MAX,
        .done = on_done,
        .context = sched,
    };
    int rc = request.env == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        switch (chore->kind) {
        case CHORE_PLAN:
            rc = start_plan(sched, chore, arena, &request, err);
            break;
        case CHORE_EXPAND:
            rc = start_expand(sched, chore, arena, &request);
            break;
        case CHORE_SELECT:
            rc = start_select(sched, chore, arena, &request, err);
            break;
        case CHORE_JUDGE:
            rc = start_judge(sched, chore, arena, &request);
            break;
        }
    }
    if (rc < 0) {
        return err->code != 0 ? rc : err_set(err, rc, "out of memory");
    }
    return launch(sched, chore, &request, arena, err);
}

/* Why a chore is not begun any more: an early end waits for no planning, and after the second
 * interrupt for no judging either. */
static int check_wanted(const struct sched *sched, const struct chore *chore, struct err *err)
{
    if (chore->kind == CHORE_JUDGE ? sched->killed : sched->interrupted || sched->deadline) {
        return err_set(err,
                       -ECANCELED,
                       "not begun: %s",
                       sched->interrupted ? "the run was interrupted"
                                          : "the time budget was used up");
    }
    return 0;
}

void chore_start_next(struct sched *sched)
{
    while (!sched->chore_runs && sched->chore_at < sched->chores.count) {
        const struct chore chore = sched->chores.items[sched->chore_at];
        struct err err = {0};
        struct arena *arena = arena_new(START_ARENA_MAX);
        int rc = arena == NULL ? err_set(&err, -ENOMEM, "out of memory")
                               : check_wanted(sched, &chore, &err);
        rc = rc == 0 ? start(sched, &chore, arena, &err) : rc;
        arena_free(arena);
        sched->chore_runs = rc == 0;
        if (rc < 0) {
            const struct outcome outcome = {
                .status = OUTCOME_ERRORED,
                .exit_code = -1,
                .flags = sched->refused != 0 ? FLAG_CANCELLED : 0,
                .message = err.text,
                .final = true,
            };
            on_done(sched, &outcome); /* we are inside the pump: it does not pump again */
            sched->again = true;
        }
    }
}
