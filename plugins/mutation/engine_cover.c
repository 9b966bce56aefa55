/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests reach, and whether they notice when it breaks. */
#include "base/cleanup.h"
#include "plugins/mutation/engine_schema.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* 65,535 tests that count 250 sites each; a sweep of more is divided into units of one file. */
#define COVER_MAX (256u << 20)

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to count what the tests reach");
}

static int sanity(const struct engine_test *test,
                  const struct copy_ended *ended,
                  const struct str *shown,
                  struct err *err)
{
    if (engine_passed(test, ended)) {
        return 0;
    }
    return err_set(err,
                   -EPROTO,
                   "test \"%s\" passes, but fails when its places are counted (%s %d): the schema "
                   "changes what the program does. Exclude the test or the file, and tell the "
                   "authors of sluice%s%.*s",
                   test->name,
                   ended->signal != 0 ? "signal" : "exit code",
                   ended->signal != 0 ? ended->signal : ended->exit,
                   shown->len > 0 ? "; it printed:\n" : "",
                   ENGINE_SHOWN_MAX,
                   str_text(shown));
}

/* A test that cannot be forked goes to engine B. */
static void demote(struct engine_test *test, unsigned hazards, const struct engine_watch *watch)
{
    const char *why = engine_hazard_text(hazards);
    if (why != NULL && test->kind == ENGINE_FORK) {
        test->kind = ENGINE_EXEC;
        engine_note(watch, "test \"%s\" is run once for each mutant: %s", test->name, why);
    }
}

static int cover_test(struct engine_test *test,
                      struct engine_state *state,
                      const struct engine_options *options,
                      struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    struct copy_ended ended = {0};
    engine_state_reset(state, SLUICE_MUTANT_COVER);
    int rc = engine_run_test(test, options, 0, &shown, &ended, err);
    if (rc == 0 && state->map->stale != 0) {
        return err_set(err,
                       -ESTALE,
                       "test \"%s\" was built with other mutants than those that are to be tried: "
                       "run the unit `build` again",
                       test->name);
    }
    return rc < 0 ? rc : sanity(test, &ended, &shown, err);
}

static int cover_all(struct engine_tests *tests,
                     struct engine_state *state,
                     const struct engine_group *group,
                     struct engine_cover *cover,
                     struct err *err)
{
    size_t size = state->site_count * sizeof(uint32_t);
    for (size_t i = 0; i < tests->count; i++) {
        struct engine_test *test = &tests->items[i];
        if (test->excluded != NULL) {
            continue;
        }
        int rc = cover_test(test, state, group->options, err);
        if (rc < 0) {
            return rc;
        }
        cover->hits[i] = arena_alloc(cover->arena, size);
        if (cover->hits[i] == NULL) {
            return no_memory(err);
        }
        memcpy(cover->hits[i], engine_state_hits(state), size);
        cover->hazards[i] = state->map->hazards;
        demote(test, state->map->hazards, group->watch);
    }
    for (uint32_t i = 0; i < state->site_count; i++) {
        cover->there[i] = engine_state_is_there(state, i);
    }
    return 0;
}

static int make_room(struct engine_cover *cover, size_t tests, uint32_t sites, struct err *err)
{
    if (cover->arena == NULL) {
        return no_memory(err);
    }
    cover->site_count = sites;
    cover->hits = arena_calloc(cover->arena, tests, sizeof(uint32_t *));
    cover->hazards = arena_calloc(cover->arena, tests, sizeof(unsigned));
    cover->there = arena_calloc(cover->arena, (size_t)sites + 1, sizeof(bool));
    bool made = cover->hits != NULL && cover->hazards != NULL && cover->there != NULL;
    return made ? 0 : no_memory(err);
}

int engine_cover(struct engine_tests *tests,
                 const struct engine_group *group,
                 struct engine_cover *ret_cover,
                 struct err *err)
{
    struct engine_cover cover = {.arena = arena_new(COVER_MAX)};
    CLEANUP(engine_state_fini) struct engine_state state = {.fd = -1};
    int rc = engine_state_new(group->schemata, group->count, &state, err);
    rc = rc < 0 ? rc : make_room(&cover, tests->count, state.site_count, err);
    rc = rc < 0 ? rc : engine_state_show(&state, err);
    rc = rc < 0 ? rc : cover_all(tests, &state, group, &cover, err);
    engine_state_hide();
    if (rc < 0) {
        engine_cover_fini(&cover);
        return rc;
    }
    *ret_cover = cover;
    return 0;
}

void engine_cover_fini(struct engine_cover *cover)
{
    arena_free(cover->arena);
    *cover = (struct engine_cover){0};
}

/* ---- canaries ---- */

const char engine_blind[] = "it reaches no file in `files`";

static int canary_exec(struct engine_test *test,
                       struct engine_state *state,
                       const struct engine_group *group,
                       struct err *err)
{
    struct copy_ended ended = {0};
    engine_state_reset(state, SLUICE_MUTANT_CANARY);
    int rc = engine_run_test(test, group->options, ENGINE_RETRY_FACTOR, NULL, &ended, err);
    if (rc < 0) {
        return rc;
    }
    if (state->map->reached == 0 && test->found) {
        test->excluded = engine_blind;
        engine_note(group->watch, "test \"%s\" is not used: %s", test->name, engine_blind);
        return 0;
    }
    if (state->map->reached == 0) {
        return err_set(err,
                       -EPROTO,
                       "test \"%s\" reaches no file in `files`: it does not use them, was not "
                       "built from the copied tree, or cleans its environment before its programs "
                       "start. Leave it out of `tests`, or mend what starts it",
                       test->name);
    }
    if (engine_passed(test, &ended)) {
        return err_set(err,
                       -EPROTO,
                       "test \"%s\" passes although the code under test aborts at the first place "
                       "that it reaches: it cannot notice any mutant. Its command loses the exit "
                       "code of the program that fails",
                       test->name);
    }
    return 0;
}

static int canary_fork(const struct engine_test *test,
                       struct engine_state *state,
                       const struct engine_options *options,
                       struct err *err)
{
    struct copy_ended ended = {0};
    engine_state_reset(state, SLUICE_MUTANT_CANARY_FORK);
    state->map->cpu_limit_us = (uint32_t)ENGINE_CPU_MIN_US * ENGINE_RETRY_FACTOR;
    state->map->wall_limit_us = ENGINE_WALL_MIN_US;
    int rc = engine_run_test(test, options, 0, NULL, &ended, err);
    if (rc < 0) {
        return rc;
    }
    if (state->map->canary != SLUICE_MUTANT_FAILED) {
        return err_set(err,
                       -EPROTO,
                       "test \"%s\": a child of it that aborts at the first place was not seen to "
                       "fail: set `isolation: exec`",
                       test->name);
    }
    return 0;
}

static int all_are_blind(struct err *err)
{
    return err_set(err,
                   -EPROTO,
                   "none of the tests reaches a file in `files`: they do not use them, were not "
                   "built from the copied tree, or clean their environment before their programs "
                   "start. Name other `tests` or other `files`");
}

int engine_canary(struct engine_tests *tests, const struct engine_group *group, struct err *err)
{
    size_t used = 0;
    CLEANUP(engine_state_fini) struct engine_state state = {.fd = -1};
    int rc = engine_state_new(group->schemata, group->count, &state, err);
    rc = rc < 0 ? rc : engine_state_show(&state, err);
    for (size_t i = 0; rc == 0 && i < tests->count; i++) {
        struct engine_test *test = &tests->items[i];
        if (test->excluded == NULL && test->kind != ENGINE_COPY) {
            rc = canary_exec(test, &state, group, err);
        }
        if (rc == 0 && test->excluded == NULL && test->kind == ENGINE_FORK) {
            rc = canary_fork(test, &state, group->options, err);
        }
        used += test->excluded == NULL;
    }
    engine_state_hide();
    return rc == 0 && used == 0 ? all_are_blind(err) : rc;
}
