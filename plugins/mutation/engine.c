/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/engine.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/engine_schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

/* What fresh memory is filled with: no pointer, no text, no small number. */
#define MALLOC_FILL "165"

#define PERSONALITY_ASK 0xffffffffUL

/* A line that is told. */
#define NOTE_MAX 2048

static const char *const names[ENGINE_COUNT] = {
    [ENGINE_FORK] = "fork",
    [ENGINE_EXEC] = "exec",
    [ENGINE_COPY] = "copy",
};

const char *engine_name(enum engine_kind kind)
{
    assert((unsigned)kind < ENGINE_COUNT);
    return names[kind];
}

int engine_parse(const char *word)
{
    for (int i = 0; i < ENGINE_COUNT; i++) {
        if (strcmp(word, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

void engine_note(const struct engine_watch *watch, const char *format, ...)
{
    CLEANUP(str_fini) struct str text = STR_INIT(NOTE_MAX);
    if (watch == NULL || watch->note == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)str_vappendf(&text, format, args);
    va_end(args);
    watch->note(watch->context, str_text(&text));
}

static int64_t at_least(int64_t value, int64_t least)
{
    return value > least ? value : least;
}

int64_t engine_cpu_limit_us(const struct engine_test *test, const struct engine_options *options)
{
    int64_t factor = options->cpu_factor > 0 ? options->cpu_factor : ENGINE_CPU_FACTOR;
    return at_least(test->cpu_us * factor, ENGINE_CPU_MIN_US);
}

int64_t engine_wall_limit_us(const struct engine_test *test, const struct engine_options *options)
{
    int64_t factor = options->cpu_factor > 0 ? options->cpu_factor : ENGINE_CPU_FACTOR;
    return at_least(test->wall_us * factor * ENGINE_WALL_FACTOR,
                    options->wall_min_us > 0 ? options->wall_min_us : ENGINE_WALL_MIN_US);
}

/* ---- one run ---- */

/* A path below the root as an absolute one. */
static int below_root(char path[PATH_TEXT_MAX],
                      const struct engine_options *options,
                      const struct engine_test *test,
                      const char *name,
                      struct err *err)
{
    int length = snprintf(path, PATH_TEXT_MAX, "%s/%s", options->root, name);
    return length > 0 && length < PATH_TEXT_MAX
               ? 0
               : err_set(err, -ENAMETOOLONG, "test \"%s\": its path is too long", test->name);
}

/* The command with its program and folder below the root. The caller frees *ret_argv. */
static int make_command(const struct engine_test *test,
                        const struct engine_options *options,
                        char program[PATH_TEXT_MAX],
                        char folder[PATH_TEXT_MAX],
                        const char ***ret_argv,
                        struct err *err)
{
    size_t count = 0;
    const char *name = test->argv[0];
    bool is_below = strchr(name, '/') != NULL && name[0] != '/';
    int rc = below_root(folder, options, test, test->cwd != NULL ? test->cwd : ".", err);
    if (rc == 0 && is_below) {
        rc = below_root(program, options, test, name, err);
    }
    if (rc < 0) {
        return rc;
    }
    while (test->argv[count] != NULL) {
        count++;
    }
    const char **argv = mem_calloc(count + 1, sizeof(*argv));
    if (argv == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to start test \"%s\"", test->name);
    }
    memcpy(argv, test->argv, count * sizeof(*argv));
    argv[0] = is_below ? program : name;
    *ret_argv = argv;
    return 0;
}

/* What tests find in their environment where the user has not set it. Programs that know none of
 * it do not care. */
static const struct {
    const char *name;
    const char *value;
} environment[] = {
    {"MALLOC_PERTURB_",     MALLOC_FILL},
    {"CMOCKA_TEST_ABORT",   "1"        }, /* these end at the first failure: it is the verdict */
    {"GTEST_FAIL_FAST",     "1"        },
    {"CRITERION_FAIL_FAST", "1"        },
    {"PYTEST_ADDOPTS",      "-x"       },
};

void engine_settle(void)
{
    for (size_t i = 0; i < sizeof(environment) / sizeof(environment[0]); i++) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): the program has one thread */
        (void)setenv(environment[i].name, environment[i].value, 0);
    }
    int now = personality(PERSONALITY_ASK);
    if (now >= 0) {
        (void)personality((unsigned long)(unsigned)now | ADDR_NO_RANDOMIZE);
    }
}

static int run(const struct engine_test *test,
               const struct engine_options *options,
               const struct copy_command *limits,
               struct copy_ended *ret_ended,
               struct err *err)
{
    char program[PATH_TEXT_MAX];
    char folder[PATH_TEXT_MAX];
    CLEANUP(cleanup_free) const char **argv = NULL;
    int rc = make_command(test, options, program, folder, &argv, err);
    if (rc < 0) {
        return rc;
    }
    struct copy_command command = *limits;
    command.argv = argv;
    command.cwd = folder;
    command.digest = test->compare_stdout;
    engine_settle();
    rc = copy_run(&command, ret_ended, err);
    return rc < 0 ? err_wrap(err, "test \"%s\"", test->name) : 0;
}

int engine_run_test(const struct engine_test *test,
                    const struct engine_options *options,
                    unsigned limit,
                    struct str *shown,
                    struct copy_ended *ret_ended,
                    struct err *err)
{
    struct copy_command limits = {.wall_us = ENGINE_BASELINE_WALL_US, .shown = shown};
    if (limit == ENGINE_UNLIMITED) {
        int64_t left = options->deadline_ms * 1000 - clock_mono_ns() / 1000;
        limits.wall_us = options->deadline_ms == 0 ? 0 : at_least(left, 1);
    } else if (limit > 0) {
        limits.cpu_us = engine_cpu_limit_us(test, options) * limit;
        limits.wall_us = engine_wall_limit_us(test, options) * limit;
    }
    return run(test, options, &limits, ret_ended, err);
}

bool engine_passed(const struct engine_test *test, const struct copy_ended *ended)
{
    return copy_passed(ended)
           && (!test->compare_stdout
               || memcmp(&ended->digest, &test->output, sizeof(test->output)) == 0);
}

/* ---- baseline ---- */

static const char *why_excluded(struct engine_test *test,
                                const struct copy_ended *first,
                                const struct copy_ended *second)
{
    if (copy_passed(first) != copy_passed(second)) {
        return "it is flaky: without any mutant it passed and failed";
    }
    if (!copy_passed(first)) {
        return "it fails without any mutant";
    }
    test->output = first->digest;
    return engine_passed(test, second)
               ? NULL
               : "what it prints differs from run to run: leave out `stdout: compare`";
}

static int measure(struct engine_tests *tests,
                   struct engine_test *test,
                   const struct engine_options *options,
                   const struct engine_watch *watch,
                   struct err *err)
{
    struct copy_ended first = {0};
    struct copy_ended second = {0};
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    struct copy_command limits = {.wall_us = ENGINE_BASELINE_WALL_US, .shown = &shown};
    int rc = run(test, options, &limits, &first, err);
    if (rc == 0 && copy_passed(&first)) {
        str_clear(&shown);
    }
    if (rc == 0) {
        limits.shown = copy_passed(&first) ? &shown : NULL;
        rc = run(test, options, &limits, &second, err);
    }
    if (rc < 0) {
        return rc;
    }
    test->cpu_us = at_least(first.cpu_us, second.cpu_us);
    test->wall_us = at_least(first.wall_us, second.wall_us);
    const char *why = why_excluded(test, &first, &second);
    if (why == NULL) {
        return 0;
    }
    test->excluded = arena_strdup(tests->arena, why);
    if (test->excluded == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the baseline");
    }
    engine_note(watch,
                "test \"%s\" is not used: %s%s%.*s",
                test->name,
                why,
                shown.len > 0 ? "; it printed:\n" : "",
                ENGINE_SHOWN_MAX,
                str_text(&shown));
    return 0;
}

int engine_baseline(struct engine_tests *tests,
                    const struct engine_options *options,
                    const struct engine_watch *watch,
                    struct err *err)
{
    size_t used = 0;
    for (size_t i = 0; i < tests->count; i++) {
        struct engine_test *test = &tests->items[i];
        int rc = test->excluded == NULL ? measure(tests, test, options, watch, err) : 0;
        if (rc < 0) {
            return rc;
        }
        used += test->excluded == NULL;
    }
    if (used > 0) {
        return 0;
    }
    return err_set(err,
                   -ENOTRECOVERABLE,
                   "no test is left to try mutants with: %s: %s",
                   tests->count > 0 ? tests->items[0].name : "there are none",
                   tests->count > 0 ? tests->items[0].excluded : "name some in `tests`");
}

int64_t engine_bare_us(const struct engine_tests *tests)
{
    int64_t sum = 0;
    for (size_t i = 0; i < tests->count; i++) {
        sum += tests->items[i].excluded == NULL ? tests->items[i].cpu_us : 0;
    }
    return sum;
}
