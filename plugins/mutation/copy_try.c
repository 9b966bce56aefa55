/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/copy.h"
#include "plugins/mutation/copy_compiled.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/find.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No language reads this. */
static const char canary[] = ")]}\x01 sluice: this file is broken on purpose {[(\n";

/* C that ends the program in which it is, before main(). */
static const char c_canary[] = "\n__attribute__((constructor)) static void sluice_canary(void)\n"
                               "{\n    __builtin_trap();\n}\n";

/* Of what a compiler printed, so much is the reason of a CompileError. */
#define REASON_MAX 1000

/* One file while its mutants are tried. */
struct attempt {
    struct copy *copy;
    const struct copy_job *job;
    struct engine_verdicts *verdicts;
    struct engine_cost *cost;
    uint16_t *reached; /* indices of the tests that reach the file, ascending; the arena's */
    uint16_t reached_count;
    uint16_t *order; /* the same, those that killed most first */
    bool parses;     /* the file, without a mutant */
    struct copy_branches branches;
};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory to try mutants");
}

static int put_back(struct attempt *attempt, struct err *err)
{
    const struct source *source = attempt->job->source;
    int status = copy_tree_repair(&attempt->copy->tree, NULL, err);
    return status != 0 ? status
                       : copy_tree_write(
                           &attempt->copy->tree, source->path, source->text, source->size, err);
}

/* ---- canaries ---- */

/* A C file that builds still, so that what was built notices, and not make alone. */
static bool ends_in_canary(const struct copy *copy, const char *path)
{
    const struct language *language = language_of(path);
    return copy->builds && language != NULL && strcmp(language->name, "c") == 0;
}

static int read_origin(const struct copy *copy, const char *path, struct str *text, struct err *err)
{
    char name[PATH_TEXT_MAX];
    int len = snprintf(name, sizeof name, "%s/%s", copy->tree.origin, path);
    return len > 0 && (size_t)len < sizeof name
               ? file_read(name, text, err)
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
}

static int break_file(struct copy *copy, const char *path, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SOURCE_MAX + sizeof c_canary);
    if (ends_in_canary(copy, path)) {
        int status = read_origin(copy, path, &text, err);
        if (status != 0) {
            return status;
        }
        (void)str_append(&text, c_canary);
    } else {
        (void)str_append(&text, canary);
    }
    return str_error(&text) != 0
               ? no_memory(err)
               : copy_tree_write(&copy->tree, path, str_text(&text), text.len, err);
}

/* Tests that the check builds see nothing before it ran. */
static int build(struct attempt *attempt, const char *when, struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    int64_t cpu_us = 0;
    const char *path = attempt->job->source->path;
    int status = copy_run_check(attempt->copy, path, &shown, &cpu_us, err);
    attempt->cost->build_us += cpu_us;
    if (status > 0) {
        status = err_set(err,
                         -ENOTRECOVERABLE,
                         "check refuses %s %s; it printed:\n%.600s",
                         path,
                         when,
                         str_text(&shown));
    }
    return status;
}

/* The tests that fail with the file broken reach it. */
static int find_reaching(struct attempt *attempt, struct err *err)
{
    struct copy *copy = attempt->copy;
    const char *path = attempt->job->source->path;
    int status = break_file(copy, path, err);
    if (status == 0 && ends_in_canary(copy, path)) {
        status = build(attempt, "with the canary, a function that ends the program", err);
    }
    for (size_t i = 0; i < copy->tests->count && status == 0; i++) {
        struct copy_ended ended = {0};
        if (copy->tests->items[i].excluded != NULL) {
            continue;
        }
        status = copy_run_test(copy, i, 1, NULL, &ended, err);
        if (status == 0 && !copy_answers_as_before(copy, i, &ended)) {
            attempt->reached[attempt->reached_count++] = (uint16_t)i;
        }
    }
    return status != 0 ? status : put_back(attempt, err);
}

static int break_all(struct attempt *attempt, bool broken, struct err *err)
{
    struct copy *copy = attempt->copy;
    int status = 0;
    for (size_t i = 0; attempt->job->files[i] != NULL && status == 0; i++) {
        CLEANUP(str_fini) struct str text = STR_INIT(SOURCE_MAX);
        const char *path = attempt->job->files[i];
        if (broken) {
            status = break_file(copy, path, err);
            continue;
        }
        status = read_origin(copy, path, &text, err);
        status = status != 0 ? status
                             : copy_tree_write(&copy->tree, path, str_text(&text), text.len, err);
    }
    if (status == 0 && broken && copy->builds) {
        status = build(attempt, "with canaries in all files", err);
    }
    return status;
}

/* No test reaches the file. Either it has none, or the tests look at other files than those of the
 * copy: then no mutant would ever die, and all of it would be a lie. */
static int prove_harness(struct attempt *attempt, struct err *err)
{
    struct copy *copy = attempt->copy;
    const char *blind = NULL;
    bool any = false;
    int status = break_all(attempt, true, err);
    for (size_t i = 0; i < copy->tests->count && status == 0 && !any; i++) {
        struct copy_ended ended = {0};
        if (copy->tests->items[i].excluded != NULL) {
            continue;
        }
        status = copy_run_test(copy, i, 1, NULL, &ended, err);
        any = status == 0 && !copy_answers_as_before(copy, i, &ended);
        blind = copy->tests->items[i].name;
    }
    status = status != 0 ? status : copy_tree_repair(&copy->tree, NULL, err);
    status = status != 0 ? status : break_all(attempt, false, err);
    if (status == 0 && !any) {
        status =
            err_set(err,
                    -ENOTRECOVERABLE,
                    "canary: with every file in scope broken on purpose, test %s still passes: "
                    "it does not use the tree it runs in (an installed package? an absolute "
                    "path?), so it could not notice any mutant",
                    blind != NULL ? blind : "(none)");
    }
    return status;
}

/* Without a mutant a test has to pass again. */
static int prove_test(struct attempt *attempt, size_t test, const char *when, struct err *err)
{
    struct copy *copy = attempt->copy;
    struct copy_ended ended = {0};
    int status = copy_run_test(copy, test, 1, NULL, &ended, err);
    if (status != 0 || copy_answers_as_before(copy, test, &ended)) {
        return status;
    }
    return err_set(err,
                   -ENOTRECOVERABLE,
                   "test %s failed with %s %s: it passed before, and nothing is changed. Something "
                   "it leaves outside of the tree (in /tmp or HOME, a server?) breaks it, or it is "
                   "flaky: a mutant that it fails for would be called killed. Let it begin with "
                   "a clean state, or leave it out of `tests`",
                   copy->tests->items[test].name,
                   attempt->job->source->path,
                   when);
}

/* After the file was broken and put back all must pass. */
static int prove_sanity(struct attempt *attempt, struct err *err)
{
    int status = build(attempt, "as it is", err);
    for (size_t i = 0; i < attempt->reached_count && status == 0; i++) {
        status = prove_test(attempt, attempt->reached[i], "edited and put back", err);
    }
    return status != 0 ? status : put_back(attempt, err);
}

/* Those that killed have to pass once more: what the first runs left could be what "killed". */
static int prove_killers(struct attempt *attempt, struct err *err)
{
    bool built = false;
    int status = 0;
    for (size_t i = 0; i < attempt->reached_count && status == 0; i++) {
        uint16_t test = attempt->reached[i];
        if (attempt->copy->kills[test] == 0) {
            continue;
        }
        status = built ? 0 : build(attempt, "as it is, after all mutants", err);
        built = true;
        status = status != 0 ? status : prove_test(attempt, test, "as it is, after mutants", err);
    }
    return status;
}

/* ---- one mutant ---- */

/* Sorts tests by kills, most first; few, and nearly sorted already. */
static void sort_order(struct attempt *attempt)
{
    const uint32_t *kills = attempt->copy->kills;
    for (size_t i = 1; i < attempt->reached_count; i++) {
        uint16_t test = attempt->order[i];
        size_t at = i;
        while (at > 0 && kills[attempt->order[at - 1]] < kills[test]) {
            attempt->order[at] = attempt->order[at - 1];
            at--;
        }
        attempt->order[at] = test;
    }
}

/* One test, a timeout tried again. 1 = killed, 2 = timeout, 0 = survived. */
static int try_test(struct attempt *attempt,
                    size_t test,
                    struct engine_verdict *verdict,
                    struct err *err)
{
    struct copy *copy = attempt->copy;
    struct copy_ended ended = {0};
    int status = copy_run_test(copy, test, 1, NULL, &ended, err);
    verdict->cpu_us += ended.cpu_us;
    if (status == 0 && ended.timed_out) {
        status = copy_run_test(copy, test, ENGINE_RETRY_FACTOR, NULL, &ended, err);
        verdict->cpu_us += ended.cpu_us;
    }
    if (status != 0) {
        return status;
    }
    if (ended.timed_out) {
        return 2;
    }
    return copy_answers_as_before(copy, test, &ended) ? 0 : 1;
}

/* As above; a kill of a test that is doubted has to repeat. */
static int try_with_doubt(struct attempt *attempt,
                          size_t test,
                          struct engine_verdict *verdict,
                          struct err *err)
{
    int answer = try_test(attempt, test, verdict, err);
    if (answer == 1 && attempt->copy->tests->items[test].doubted) {
        answer = try_test(attempt, test, verdict, err);
        verdict->reason = answer == 0 ? engine_unrepeated : verdict->reason;
    }
    return answer;
}

/* Killed by one test is killed, whatever timed out before: the order of tests decides nothing. */
static int run_tests(struct attempt *attempt, struct engine_verdict *verdict, struct err *err)
{
    verdict->status = MUTANT_SURVIVED;
    for (size_t i = 0; i < attempt->reached_count; i++) {
        uint16_t test = attempt->order[i];
        int answer = try_with_doubt(attempt, test, verdict, err);
        if (answer < 0) {
            return answer;
        }
        if (answer == 1) {
            verdict->status = MUTANT_KILLED;
            verdict->reason = NULL;
            verdict->killer = test;
            attempt->copy->kills[test]++;
            sort_order(attempt);
            return 0;
        }
        if (answer == 2 && verdict->status != MUTANT_TIMEOUT) {
            verdict->status = MUTANT_TIMEOUT;
            verdict->reason = "its time was used up, and four times that when tried again";
            verdict->killer = test;
        }
    }
    return 0;
}

static int refuse_mutant(struct attempt *attempt,
                         struct engine_verdict *verdict,
                         const char *text,
                         struct err *err)
{
    verdict->status = MUTANT_COMPILE_ERROR;
    verdict->reason = arena_strndup(attempt->verdicts->arena, text, strnlen(text, REASON_MAX));
    return verdict->reason != NULL ? 0 : no_memory(err);
}

/* What a parser refuses would be "killed" by every test that reads the file. 1 = it parses. */
static int parses(const struct source *source, const char *text, size_t size, struct err *err)
{
    struct source parsed = {0};
    if (source->tree == NULL) {
        return 1;
    }
    int status = source_parse(source->path, text, size, &parsed, err);
    bool good =
        status == 0 && (parsed.tree == NULL || !ts_node_has_error(ts_tree_root_node(parsed.tree)));
    source_fini(&parsed);
    return status != 0 ? status : good;
}

/* check, then the tests, with the mutant in place. */
static int try_in_place(struct attempt *attempt, struct engine_verdict *verdict, struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    const char *path = attempt->job->source->path;
    int64_t cpu_us = 0;
    int refused = copy_run_check(attempt->copy, path, &shown, &cpu_us, err);
    attempt->cost->build_us += cpu_us;
    if (refused < 0) {
        return refused;
    }
    return refused > 0 ? refuse_mutant(attempt, verdict, str_text(&shown), err)
                       : run_tests(attempt, verdict, err);
}

static int try_mutant(struct attempt *attempt,
                      const struct mutant *mutant,
                      struct engine_verdict *verdict,
                      struct err *err)
{
    const struct source *source = attempt->job->source;
    size_t size = 0;
    CLEANUP(cleanup_free) char *text = find_apply(source, mutant, &size);
    if (text == NULL) {
        return no_memory(err);
    }
    verdict->reached = attempt->reached;
    verdict->reached_count = attempt->reached_count;
    int good = attempt->parses ? parses(source, text, size, err) : 1;
    if (good <= 0) {
        return good < 0 ? good : refuse_mutant(attempt, verdict, "it does not parse", err);
    }
    int status = copy_tree_write(&attempt->copy->tree, source->path, text, size, err);
    status = status != 0 ? status : try_in_place(attempt, verdict, err);
    int back = put_back(attempt, err);
    return status != 0 ? status : back;
}

static void tell(const struct attempt *attempt, const struct mutant *mutant)
{
    const struct engine_watch *watch = attempt->copy->watch;
    if (watch != NULL && watch->verdict != NULL) {
        watch->verdict(watch->context, mutant, &attempt->verdicts->items[mutant->number]);
    }
}

/* ---- what no program has ---- */

/* All goes on as before with an #error in the branch: nobody compiles it. */
static int look_at_branch(struct attempt *attempt, uint32_t at, struct err *err)
{
    const struct source *source = attempt->job->source;
    struct engine_verdict verdict = {.engine = ENGINE_COPY};
    size_t size = 0;
    CLEANUP(cleanup_free) char *text = copy_branch_probe(source, at, &size);
    if (text == NULL) {
        return no_memory(err);
    }
    int status = copy_tree_write(&attempt->copy->tree, source->path, text, size, err);
    status = status != 0 ? status : try_in_place(attempt, &verdict, err);
    attempt->cost->cpu_us += verdict.cpu_us;
    int back = put_back(attempt, err);
    if (status != 0 || back != 0) {
        return status != 0 ? status : back;
    }
    bool compiled = verdict.status != MUTANT_SURVIVED;
    return copy_branch_keep(&attempt->branches, at, compiled ? COPY_COMPILED : COPY_NOT_COMPILED)
                   == 0
               ? 0
               : no_memory(err);
}

/* As try_mutant(); a mutant in a branch that is not compiled is no survivor. */
static int try_compiled(struct attempt *attempt,
                        const struct mutant *mutant,
                        struct engine_verdict *verdict,
                        struct err *err)
{
    int status = 0;
    uint32_t at = copy_branch_of(attempt->job->source, mutant);
    enum copy_compiled known = copy_branch_known(&attempt->branches, at);
    if (known != COPY_NOT_COMPILED) {
        status = try_mutant(attempt, mutant, verdict, err);
    }
    if (status == 0 && at > 0 && known == COPY_COMPILED_UNKNOWN
        && verdict->status == MUTANT_SURVIVED) {
        status = look_at_branch(attempt, at, err);
        known = copy_branch_known(&attempt->branches, at);
    }
    if (status == 0 && known == COPY_NOT_COMPILED) {
        verdict->status = MUTANT_IGNORED;
        verdict->reason = engine_uncompiled;
    }
    return status;
}

/* ---- kills once more ---- */

/* The killer with its mutant in place: does it fail again? 1 = yes. */
static int repeats(struct attempt *attempt, const struct mutant *mutant, struct err *err)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(COPY_OUTPUT_MAX);
    const struct source *source = attempt->job->source;
    struct engine_verdict *verdict = &attempt->verdicts->items[mutant->number];
    int64_t cpu_us = 0;
    size_t size = 0;
    CLEANUP(cleanup_free) char *text = find_apply(source, mutant, &size);
    if (text == NULL) {
        return no_memory(err);
    }
    int status = copy_tree_write(&attempt->copy->tree, source->path, text, size, err);
    status =
        status != 0 ? status : copy_run_check(attempt->copy, source->path, &shown, &cpu_us, err);
    attempt->cost->build_us += cpu_us;
    cpu_us = verdict->cpu_us;
    int answer = status != 0 ? status : try_test(attempt, verdict->killer, verdict, err);
    attempt->cost->cpu_us += verdict->cpu_us - cpu_us;
    int back = put_back(attempt, err);
    return answer < 0 ? answer : back != 0 ? back : answer != 0;
}

static bool is_killed(const struct attempt *attempt, size_t index)
{
    uint32_t number = attempt->job->mutants[index]->number;
    return attempt->verdicts->items[number].status == MUTANT_KILLED;
}

static size_t draw(const struct attempt *attempt, struct engine_drawn *drawn)
{
    size_t count = 0;
    uint64_t seed = attempt->copy->options.seed;
    for (size_t i = 0; i < attempt->job->count; i++) {
        if (is_killed(attempt, i)) {
            drawn[count++] =
                (struct engine_drawn){engine_ticket(seed, attempt->job->mutants[i]->id), i};
        }
    }
    engine_draw(drawn, count);
    return count;
}

/* A run costs more here than a mutant of A: fewer are drawn. */
static size_t sample_size(const struct attempt *attempt, size_t kills)
{
    struct engine_options options = attempt->copy->options;
    options.audit_min = (options.audit_min + COPY_AUDIT_SHARE - 1) / COPY_AUDIT_SHARE;
    return engine_sample(&options, kills);
}

/* Mutants of tests that are doubted once more: their kills have to repeat. */
static int try_doubted(struct attempt *attempt, struct err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < attempt->job->count; i++) {
        const struct mutant *mutant = attempt->job->mutants[i];
        struct engine_verdict *verdict = &attempt->verdicts->items[mutant->number];
        if (is_killed(attempt, i) && attempt->copy->tests->items[verdict->killer].doubted) {
            int64_t before = verdict->cpu_us;
            status = try_mutant(attempt, mutant, verdict, err);
            attempt->cost->cpu_us += verdict->cpu_us - before;
            tell(attempt, mutant);
        }
    }
    return status;
}

/* A sample of the kills, drawn by the seed: chance would not repeat. */
static int audit(struct attempt *attempt, struct err *err)
{
    CLEANUP(cleanup_free)
    struct engine_drawn *drawn = mem_calloc(attempt->job->count + 1, sizeof *drawn);
    if (drawn == NULL) {
        return no_memory(err);
    }
    size_t count = sample_size(attempt, draw(attempt, drawn));
    bool doubted = false;
    for (size_t i = 0; i < count && !engine_is_late(&attempt->copy->options); i++) {
        const struct mutant *mutant = attempt->job->mutants[drawn[i].index];
        const struct engine_verdict *verdict = &attempt->verdicts->items[mutant->number];
        struct engine_test *test = &attempt->copy->tests->items[verdict->killer];
        int same = test->doubted ? 1 : repeats(attempt, mutant, err);
        if (same < 0) {
            return err_wrap(err, "mutant %s", mutant->id);
        }
        if (same == 0) {
            engine_doubt(test, mutant, attempt->copy->watch);
            doubted = true;
        }
    }
    return doubted ? try_doubted(attempt, err) : 0;
}

/* ---- all ---- */

static void count(struct attempt *attempt, const struct mutant *mutant)
{
    const struct engine_verdict *verdict = &attempt->verdicts->items[mutant->number];
    bool ran = verdict->status == MUTANT_KILLED || verdict->status == MUTANT_SURVIVED
               || verdict->status == MUTANT_TIMEOUT;
    attempt->cost->executed += ran ? 1 : 0;
    attempt->cost->cpu_us += verdict->cpu_us;
}

static int try_all(struct attempt *attempt, struct err *err)
{
    for (size_t i = 0; i < attempt->job->count; i++) {
        const struct mutant *mutant = attempt->job->mutants[i];
        struct engine_verdict *verdict = &attempt->verdicts->items[mutant->number];
        /* One at least, so that small budgets come to an end, too. */
        if (i > 0 && engine_is_late(&attempt->copy->options)) {
            return 0;
        }
        *verdict = (struct engine_verdict){.engine = ENGINE_COPY};
        int status = 0;
        if (attempt->reached_count == 0) {
            verdict->status = MUTANT_NO_COVERAGE;
            verdict->reason = "no test fails with the whole file broken";
        } else {
            status = try_compiled(attempt, mutant, verdict, err);
        }
        if (status != 0) {
            return err_wrap(err, "mutant %s", mutant->id);
        }
        count(attempt, mutant);
        tell(attempt, mutant);
    }
    return 0;
}

int copy_try(struct copy *copy,
             const struct copy_job *job,
             struct engine_verdicts *verdicts,
             struct engine_cost *cost,
             struct err *err)
{
    struct attempt attempt = {.copy = copy, .job = job, .verdicts = verdicts, .cost = cost};
    size_t tests = copy->tests->count;
    attempt.reached = arena_calloc(verdicts->arena, tests + 1, sizeof *attempt.reached);
    attempt.order = arena_calloc(verdicts->arena, tests + 1, sizeof *attempt.order);
    if (attempt.reached == NULL || attempt.order == NULL) {
        return no_memory(err);
    }
    cost->bare_us = engine_bare_us(copy->tests);
    int good = parses(job->source, job->source->text, job->source->size, err);
    if (good < 0) {
        return good;
    }
    attempt.parses = good == 1;
    int status = find_reaching(&attempt, err);
    if (status == 0 && attempt.reached_count == 0) {
        status = prove_harness(&attempt, err);
    }
    memcpy(attempt.order, attempt.reached, attempt.reached_count * sizeof *attempt.order);
    sort_order(&attempt);
    status = status != 0 ? status : prove_sanity(&attempt, err);
    status = status != 0 ? status : try_all(&attempt, err);
    status = status != 0 ? status : audit(&attempt, err);
    vec_fini(&attempt.branches);
    return status != 0 ? status : prove_killers(&attempt, err);
}
