/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plugin_mutation/support/subject.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define TEXT_MAX    (4u << 20)
#define MUTANTS_MAX 256

/* What only waits is ended after this, and again after four times as long. */
#define WALL_MIN_US 400000

/* Programs here have less than two milliseconds of work: the least limit holds, and one that waits
 * on a busy machine is ended sooner. */
#define CPU_FACTOR 3

/* Takes the marks out of a text. */
static void read_marks(struct subject *subject, const char *marked, struct str *text)
{
    struct mutant_list *list = &subject->list;
    list->arena = arena_new(TEXT_MAX);
    list->items = arena_calloc(list->arena, MUTANTS_MAX, sizeof(*list->items));
    for (const char *at = marked; *at != '\0'; at++) {
        if (at[0] != '@' || at[1] != '{') {
            (void)str_append_char(text, *at);
            continue;
        }
        const char *bar = strchr(at, '~');
        const char *close = strstr(bar, "}@");
        struct mutant *mutant = &list->items[list->count];
        assert_true(list->count < MUTANTS_MAX);
        *mutant = (struct mutant){
            .number = (uint32_t)list->count,
            .original = arena_strndup(list->arena, at + 2, (size_t)(bar - at) - 2),
            .replacement = arena_strndup(list->arena, bar + 1, (size_t)(close - bar) - 1),
            .operator= "marked",
            .function = "f",
            .file = "subject.c",
            .span = {.start = (uint32_t)text->len,
                     .end = (uint32_t)(text->len + (size_t)(bar - at) - 2)},
        };
        (void)snprintf(mutant->id, sizeof(mutant->id), "%016zx", list->count++);
        (void)str_append(text, mutant->original);
        at = close + 1;
    }
}

void subject_init(struct subject *subject, const char *name, const char *marked)
{
    CLEANUP(str_fini) struct str text = STR_INIT(TEXT_MAX);
    struct err err = {0};
    *subject = (struct subject){0};
    read_marks(subject, marked, &text);
    assert_int_equal(source_parse(name, str_text(&text), text.len, &subject->source, &err), 0);
    if (schema_plan(&subject->source, &subject->list, &subject->schema, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

void subject_fini(struct subject *subject)
{
    schema_fini(&subject->schema);
    mutant_list_fini(&subject->list);
    source_fini(&subject->source);
}

void subject_write(const struct subject *subject, const char *folder)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SCHEMA_TEXT_MAX);
    char path[4096];
    struct err err = {0};
    (void)snprintf(path, sizeof(path), "%s/%s", folder, subject->source.path);
    assert_int_equal(schema_write(&subject->schema, &subject->source, &subject->list, &text, &err),
                     0);
    assert_int_equal(file_write_atomic(path, text.data, text.len, &err), 0);
}

int subject_shell(const char *folder, const char *command, struct str *shown)
{
    const char *const argv[] = {"sh", "-c", command, NULL};
    const struct copy_command run = {
        .argv = argv, .cwd = folder, .wall_us = 120 * INT64_C(1000000), .shown = shown};
    struct copy_ended ended = {0};
    struct err err = {0};
    if (copy_run(&run, &ended, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return ended.timed_out ? -1 : ended.exit;
}

void subject_must(const char *folder, const char *command)
{
    CLEANUP(str_fini) struct str shown = STR_INIT(1u << 20);
    if (subject_shell(folder, command, &shown) != 0) {
        fail_msg("%s:\n%s", command, str_text(&shown));
    }
}

/* ---- attempts ---- */

static void keep_note(void *context, const char *text)
{
    struct attempt *attempt = context;
    (void)str_append(&attempt->notes, text);
    (void)str_append_char(&attempt->notes, '\n');
}

void attempt_init(struct attempt *attempt, const char *marked, const char *command)
{
    *attempt = (struct attempt){.notes = STR_INIT(SUBJECT_NOTES_MAX)};
    (void)snprintf(attempt->folder, sizeof(attempt->folder), "%s", test_folder());
    subject_init(&attempt->subject, "subject.c", marked);
    subject_write(&attempt->subject, attempt->folder);
    subject_must(attempt->folder, command);
    attempt->tests.arena = arena_new(TEXT_MAX);
    attempt->tests.items =
        arena_calloc(attempt->tests.arena, SUBJECT_TESTS_MAX, sizeof(struct engine_test));
    attempt->options = (struct engine_options){
        .root = attempt->folder, .seed = 1, .cpu_factor = CPU_FACTOR, .wall_min_us = WALL_MIN_US};
    attempt->watch = (struct engine_watch){.context = attempt, .note = keep_note};
    attempt->schemata[0] = &attempt->subject.schema;
    attempt->group =
        (struct engine_group){attempt->schemata, 1, &attempt->options, &attempt->watch};
    attempt->verdicts.arena = arena_new(TEXT_MAX);
    attempt->verdicts.count = attempt->subject.list.count;
    attempt->verdicts.items = arena_calloc(
        attempt->verdicts.arena, attempt->verdicts.count, sizeof(struct engine_verdict));
}

void attempt_fini(struct attempt *attempt)
{
    engine_cover_fini(&attempt->cover);
    arena_free(attempt->verdicts.arena);
    arena_free(attempt->tests.arena);
    str_fini(&attempt->notes);
    subject_fini(&attempt->subject);
}

struct engine_test *attempt_test(struct attempt *attempt,
                                 const char *command,
                                 enum engine_kind kind)
{
    struct engine_test *test = &attempt->tests.items[attempt->tests.count++];
    const char **argv = arena_calloc(attempt->tests.arena, 4, sizeof(*argv));
    assert_true(attempt->tests.count <= SUBJECT_TESTS_MAX);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = command;
    *test = (struct engine_test){.name = command, .argv = argv, .kind = kind};
    return test;
}

int attempt_run(struct attempt *attempt, struct err *err)
{
    const struct engine_job job = {
        .tests = &attempt->tests,
        .list = &attempt->subject.list,
        .schema = &attempt->subject.schema,
        .cover = &attempt->cover,
        .options = &attempt->options,
        .watch = &attempt->watch,
        .verdicts = &attempt->verdicts,
        .cost = &attempt->cost,
        .turns = attempt->turns,
        .turn_count = attempt->turn_count,
    };
    memset(attempt->verdicts.items, 0, attempt->verdicts.count * sizeof(struct engine_verdict));
    engine_cover_fini(&attempt->cover);
    int rc = engine_baseline(&attempt->tests, &attempt->options, &attempt->watch, err);
    rc = rc < 0 ? rc : engine_cover(&attempt->tests, &attempt->group, &attempt->cover, err);
    return rc < 0 ? rc : engine_schema_run(&job, err);
}

const char *attempt_words(const struct attempt *attempt)
{
    struct str words = STR_INIT(TEXT_MAX);
    for (size_t i = 0; i < attempt->verdicts.count; i++) {
        (void)str_append(&words, i > 0 ? " " : "");
        (void)str_append(&words, mutant_status_name(attempt->verdicts.items[i].status));
    }
    const char *kept = arena_strdup(attempt->verdicts.arena, str_text(&words));
    str_fini(&words);
    return kept;
}
