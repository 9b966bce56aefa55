/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/build.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/subject.h"

#define FILES_MAX 3

/* A tree with marked files, built in a copy. */
struct built {
    struct subject subjects[FILES_MAX];
    struct build_file items[FILES_MAX];
    struct build_files files;
    struct str notes;
    char root[4096];
    char tree[4096];
    int64_t cpu_us;
};

static void keep_note(void *context, const char *text)
{
    (void)str_append(&((struct built *)context)->notes, text);
}

static void built_init(struct built *built)
{
    struct err err = {0};
    *built = (struct built){.notes = STR_INIT(1u << 20)};
    (void)snprintf(built->root, sizeof(built->root), "%s/root", test_folder());
    (void)snprintf(built->tree, sizeof(built->tree), "%s/copy/tree", test_folder());
    built->files = (struct build_files){.arena = arena_new(1u << 20), .items = built->items};
    assert_int_equal(dir_make(built->root, 0777, &err), 0);
}

static void built_fini(struct built *built)
{
    for (size_t i = 0; i < built->files.count; i++) {
        schema_fini(&built->items[i].schema);
        subject_fini(&built->subjects[i]);
    }
    arena_free(built->files.arena);
    str_fini(&built->notes);
}

static struct schema *add(struct built *built, const char *name, const char *marked)
{
    struct subject *subject = &built->subjects[built->files.count];
    struct build_file *file = &built->items[built->files.count++];
    struct err err = {0};
    subject_init(subject, name, marked);
    assert_int_equal(
        build_write(built->root, name, subject->source.text, subject->source.size, &err), 0);
    *file = (struct build_file){
        .source = &subject->source, .list = &subject->list, .schema = subject->schema};
    subject->schema = (struct schema){0};
    return &file->schema;
}

static int run(struct built *built, const char *command, struct err *err)
{
    const struct engine_watch watch = {.context = built, .note = keep_note};
    const struct build_options options = {.tree = built->tree, .command = command, .watch = &watch};
    int rc = build_copy(built->root, built->tree, err);
    return rc < 0 ? rc : build_schemata(&built->files, &options, &built->cpu_us, err);
}

static void must(struct built *built, const char *command)
{
    struct err err = {0};
    if (run(built, command, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

TEST(just_the_mutants_that_the_compiler_names_are_compile_errors)
{
    static const char *const commands[] = {"gcc -DX=1 -c a.c", "clang -DX=1 -c a.c"};
    for (size_t i = 0; i < 2; i++) {
        struct built built;
        built_init(&built);
        const struct schema *schema =
            add(&built,
                "a.c",
                "int f(int a, const char *b) { return X @{+~-}@ a @{+~*}@ b[0] + "
                "@{a~b}@ * 2 + @{a~(b = a * b)}@; }");
        must(&built, commands[i]);
        assert_int_equal(schema_count(schema), 2);
        assert_null(schema->places[0].refused);
        assert_null(schema->places[1].refused);
        assert_true(schema->places[2].compile_error && schema->places[3].compile_error);
        assert_non_null(strstr(schema->places[2].refused, "invalid operands"));
        assert_true(built.cpu_us > 0);
        built_fini(&built);
    }
}

TEST(more_errors_than_a_compiler_prints_by_default_are_found_in_the_files_of_a_make)
{
    struct built built;
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    struct err err = {0};
    built_init(&built);
    for (int i = 0; i < 60; i++) {
        (void)str_appendf(&text, "int f%d(int a) { return a @{+ 1~+ \"\" * X}@; }\n", i);
    }
    const struct schema *one = add(&built, "one.c", str_text(&text));
    const struct schema *two = add(&built, "two.c", str_text(&text));
    static const char makefile[] = "all: one.o two.o\n%.o: %.c\n\tclang -DX=1 -c $<\n";
    assert_int_equal(build_write(built.root, "Makefile", makefile, strlen(makefile), &err), 0);
    must(&built, "make && echo >>rounds");
    assert_int_equal(schema_count(one), 0);
    assert_int_equal(schema_count(two), 0);
    assert_true(one->places[59].compile_error && two->places[59].compile_error);
    built_fini(&built);
}

TEST(a_statement_that_declares_is_left_to_engine_c_with_the_macros_of_its_function_only)
{
    struct built built;
    built_init(&built);
    const struct schema *schema =
        add(&built,
            "a.c",
            "#include \"own.h\"\n"
            "int f(int a) { own_var(a @{+~-}@ 1); return own @{+~-}@ a; }\n"
            "int g(int a) { return a @{+~-}@ 2; }\n");
    struct err err = {0};
    static const char header[] = "#define own_var(x) int own = (x)\n";
    assert_int_equal(build_write(built.root, "own.h", header, strlen(header), &err), 0);
    must(&built, "gcc -c a.c");
    assert_non_null(schema->places[0].refused);
    assert_false(schema->places[0].compile_error);
    assert_null(schema->places[2].refused);
    built_fini(&built);
}

TEST(a_file_whose_schema_breaks_the_build_for_no_reason_given_is_named_and_built_as_it_is)
{
    struct built built;
    built_init(&built);
    const struct schema *one = add(&built, "one.c", "int f(int a) { return a @{+~-}@ 1; }\n");
    const struct schema *two = add(&built, "two.c", "int g(int a) { return a @{+~-}@ 1; }\n");
    must(&built, "gcc -c one.c two.c && ! grep -q sluice two.c");
    assert_int_equal(schema_count(one), 1);
    assert_int_equal(schema_count(two), 0);
    assert_false(two->places[0].compile_error);
    assert_null(built.items[0].dropped);
    assert_non_null(built.items[1].dropped);
    assert_non_null(strstr(str_text(&built.notes), "two.c"));
    built_fini(&built);
}

TEST(a_command_that_fails_without_any_schema_is_an_error_with_what_it_printed)
{
    struct built built;
    struct err err = {0};
    built_init(&built);
    (void)add(&built, "one.c", "int f(int a) { return a @{+~-}@ 1; }\n");
    assert_int_equal(run(&built, "echo no rule to make it; exit 2", &err), -ENOTRECOVERABLE);
    assert_non_null(strstr(err.text, "no rule to make it"));
    assert_non_null(strstr(err.text, "without any mutant"));
    built_fini(&built);
}

TEST(the_copy_has_the_times_of_files_and_neither_history_nor_configured_folders)
{
    struct built built;
    struct err err = {0};
    struct stat original;
    struct stat copy;
    char path[4200];
    built_init(&built);
    subject_must(built.root,
                 "mkdir -p .git .sluice-mutation/tree b/deep src && touch .git/x b/CMakeCache.txt "
                 "b/deep/x src/kept .sluice-mutation/tree/x && ln -s kept src/link && "
                 "chmod 755 src/kept && touch -d 2020-01-01 src/kept");
    assert_int_equal(build_copy(built.root, built.tree, &err), 0);
    subject_must(built.tree,
                 "test ! -e .git && test ! -e b && test ! -e .sluice-mutation && test -x src/kept "
                 "&& test \"$(readlink src/link)\" = kept");
    (void)snprintf(path, sizeof(path), "%s/src/kept", built.root);
    assert_int_equal(stat(path, &original), 0);
    (void)snprintf(path, sizeof(path), "%s/src/kept", built.tree);
    assert_int_equal(stat(path, &copy), 0);
    assert_int_equal(original.st_mtim.tv_sec, copy.st_mtim.tv_sec);
    /* What is there of an earlier sweep goes. */
    subject_must(built.tree, "touch old");
    assert_int_equal(build_copy(built.root, built.tree, &err), 0);
    subject_must(built.tree, "test ! -e old");
    built_fini(&built);
}

TEST(a_file_of_the_copy_is_written_anew_and_other_links_to_it_stay)
{
    struct built built;
    struct err err = {0};
    built_init(&built);
    subject_must(built.root, "echo one >a && ln a b && chmod 750 a");
    assert_int_equal(build_write(built.root, "a", "two\n", 4, &err), 0);
    subject_must(built.root, "test \"$(cat a b)\" = \"$(printf 'two\\none\\n')\" && test -x a");
    built_fini(&built);
}

TEST(a_log_is_read_in_the_moods_of_compilers)
{
    struct built built;
    struct err err = {0};
    size_t count = 0;
    built_init(&built);
    struct schema *schema = add(&built,
                                "src/a.c",
                                "int f(int a) { return a @{+~-}@ 1 @{+~-}@ 2; }\n"
                                "int g(int a) { return a @{+~-}@ 1; }\n"
                                "int h(int a) { return a @{+~-}@ 1; }\n");
    static const char log[] =
        "In file included from main.c:3:\n"
        "mut:0:src/a.c: In function 'f':\n"
        "mut:1:src/a.c:1:20: warning: what it says\n"
        "\033[01mmut:0:src/a.c:1:20:\033[K \033[31merror: \033[Kno such thing\n"
        "mut:99:src/a.c:1:1: error: nobody\n"
        "mut:2:other/b.c:1:1: error: somebody else\n"
        "site:1:src/a.c:2:3: error: not here\n"
        "../src/a.c:3:5: error: this follows from it\n";
    assert_int_equal(build_read_log(&built.files, log, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(schema->places[0].refused, "no such thing");
    assert_true(schema->places[0].compile_error);
    assert_null(schema->places[1].refused);
    assert_non_null(strstr(schema->places[2].refused, "not here"));
    assert_false(schema->places[2].compile_error);
    assert_null(schema->places[3].refused);
    assert_int_equal(build_read_log(&built.files, log, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_non_null(strstr(schema->places[3].refused, "this follows"));
    assert_int_equal(build_read_log(&built.files, "", &count, &err), 0);
    assert_int_equal(count, 0);
    built_fini(&built);
}
