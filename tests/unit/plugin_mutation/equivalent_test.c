/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/equivalent.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/subject.h"

static const char text[] = "#include \"own.h\"\n"
                           "#if WANTED != 3\n#error the flags of the project are not used\n#endif\n"
                           "static int keep(int a) { return a; }\n"
                           "int f(int a)\n"
                           "{\n"
                           "    int i, sum = 0;\n"
                           "    if (OWN == 2) sum = a @{* 2~+ a}@;\n"
                           "    for (i = 0; i < 3; i++) sum @{+= a~-= a}@;\n"
                           "    if (sum @{> 4~>= 5}@) return keep(sum);\n"
                           "    if (OWN @{== 3~== 4}@) return 7;\n"
                           "    return sum @{+ 1~- -1}@ + @{keep(a)~no_such(a, }@;\n"
                           "}\n"
                           "int g(int a) { return a @{+ 1~+ 2}@ - @{a~(a - 1)}@; }\n"
                           "int h(int a) { return @{__LINE__~16}@ + a; }\n";

/* A tree with the file, its header and the one command that a build would leave. */
static void make_tree(const char *command)
{
    char path[4096];
    char own[4096];
    struct err err = {0};
    (void)snprintf(path, sizeof(path), "%s/src/own.h", test_folder());
    assert_int_equal(file_write_atomic(path, "#define OWN 2\n", 14, &err), 0);
    if (command == NULL) {
        return;
    }
    int length =
        snprintf(own, sizeof(own), "[{\"directory\": \"%s\", %s}]", test_folder(), command);
    (void)snprintf(path, sizeof(path), "%s/b/compile_commands.json", test_folder());
    assert_int_equal(file_write_atomic(path, own, (size_t)length, &err), 0);
}

static int find(struct subject *subject, struct equivalent_found *found, const char **why)
{
    static const uint32_t survivors[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    const struct equivalent_job job = {.source = &subject->source,
                                       .list = &subject->list,
                                       .survivors = survivors,
                                       .count = 9,
                                       .tree = test_folder()};
    struct err err = {0};
    int64_t cpu_us = 0;
    int rc = equivalent_find(&job, found, why, &cpu_us, &err);
    if (rc < 0) {
        fail_msg("%s", err.text);
    }
    return rc;
}

#define COMMANDS                                                     \
    "\"file\": \"src/./subject.c\", \"command\": \"cc -c -O0 -g -D " \
    "WANTED=3 -o x.o src/subject.c\""

TEST(survivors_with_the_machine_code_of_the_original_are_found_in_one_compile)
{
    struct subject subject;
    struct equivalent_found found[9];
    const char *why = NULL;
    static const bool equal[] = {true, false, true, true, true, false, false, false, true};
    subject_init(&subject, "src/subject.c", text);
    assert_int_equal(subject.list.count, 9);
    make_tree(COMMANDS);
    assert_int_equal(find(&subject, found, &why), 0);
    for (size_t i = 0; i < 9; i++) {
        if (found[i].equal != equal[i]) {
            fail_msg("mutant %zu: %s", i, subject.list.items[i].replacement);
        }
    }
    /* a + 2 - a and a + 1 - (a - 1): both are 2. */
    assert_int_equal(found[6].same_as, EQUIVALENT_NONE);
    assert_int_equal(found[7].same_as, 6);
    subject_fini(&subject);
}

TEST(nothing_is_called_equivalent_without_the_flags_of_the_project)
{
    struct subject subject;
    struct equivalent_found found[9];
    const char *why = NULL;
    subject_init(&subject, "src/subject.c", text);
    make_tree(NULL);
    assert_int_equal(find(&subject, found, &why), 1);
    assert_non_null(strstr(why, "no compile_commands.json"));
    make_tree("\"file\": \"src/other.c\", \"command\": \"cc\"");
    assert_int_equal(find(&subject, found, &why), 1);
    assert_non_null(strstr(why, "no compile_commands.json"));
    make_tree("\"file\": \"src/subject.c\", \"arguments\": [\"cc\"]");
    assert_int_equal(find(&subject, found, &why), 1);
    assert_non_null(strstr(why, "gcc does not compile"));
    assert_false(found[0].equal);
    subject_fini(&subject);
}

TEST(flags_that_decide_what_a_text_means_are_taken_and_others_left)
{
    CLEANUP(cleanup_free) char **words = NULL;
    struct err err = {0};
    make_tree(
        "\"file\": \"src/subject.c\", \"arguments\": [\"cc\", "
        "\"-DA=1 2\", \"-I\", \"x y\", \"-O3\", \"-fsanitize=address\", \"-std=c99\", \"-o\", "
        "\"o\", \"-Wall\", \"-fPIC\"]");
    assert_int_equal(equivalent_flags(test_folder(), "src/subject.c", &words, &err), 1);
    static const char *const expected[] = {"-DA=1 2", "-I", "x y", "-std=c99", "-fPIC"};
    assert_string_equal(words[0], test_folder());
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(words[i + 1], expected[i]);
    }
    assert_null(words[6]);
}

TEST(code_is_compared_without_names_and_numbers_of_labels)
{
    static const char assembly[] =
        "one:\n\tjmp .L4\n.L4:\n\tcall one\n\t.size\tone, .-one\n"
        "two:\n\t.cfi_x\n\tjmp .L9\n.L9:\n\tcall two\n\t.size\ttwo, .-two\n"
        "three:\n\tjmp .L9\n.L8:\n\tcall three\n\t.size\tthree, .-three\n"
        "cut:\n\tret\n";
    struct hash one;
    struct hash two;
    struct hash three;
    assert_true(equivalent_code(assembly, "one", &one));
    assert_true(equivalent_code(assembly, "two", &two));
    assert_true(equivalent_code(assembly, "three", &three));
    assert_memory_equal(&one, &two, sizeof(one));
    assert_memory_not_equal(&one, &three, sizeof(one));
    assert_false(equivalent_code(assembly, "none", &one));
    assert_false(equivalent_code(assembly, "cut", &one));
}

static void keep_note(void *context, const char *note)
{
    (void)str_append(context, note);
}

TEST(equivalent_survivors_are_ignored_with_the_reason_and_duplicates_are_told_and_count)
{
    struct subject subject;
    struct engine_verdict items[9] = {0};
    struct engine_verdicts verdicts = {.items = items, .count = 9};
    struct engine_cost cost = {0};
    struct err err = {0};
    CLEANUP(str_fini) struct str notes = STR_INIT(1000);
    const struct engine_watch watch = {.context = &notes, .note = keep_note};
    subject_init(&subject, "src/subject.c", text);
    verdicts.arena = subject.list.arena;
    const struct equivalent_marks marks = {.source = &subject.source,
                                           .list = &subject.list,
                                           .verdicts = &verdicts,
                                           .watch = &watch,
                                           .cost = &cost,
                                           .tree = test_folder()};
    for (size_t i = 0; i < 9; i++) {
        items[i].status = i == 2 ? MUTANT_KILLED : MUTANT_SURVIVED;
    }
    make_tree(NULL);
    assert_int_equal(equivalent_mark(&marks, &err), 0);
    assert_int_equal(items[0].status, MUTANT_SURVIVED);
    assert_non_null(strstr(str_text(&notes), "equivalent mutants are not looked for"));
    make_tree(COMMANDS);
    assert_int_equal(equivalent_mark(&marks, &err), 0);
    assert_int_equal(items[0].status, MUTANT_IGNORED);
    assert_string_equal(items[0].reason, EQUIVALENT_REASON);
    assert_int_equal(items[1].status, MUTANT_SURVIVED);
    assert_int_equal(items[2].status, MUTANT_KILLED);
    assert_int_equal(items[7].status, MUTANT_SURVIVED);
    assert_non_null(strstr(items[7].reason, "duplicate of 0000000000000006"));
    assert_true(cost.build_us > 0);
    subject_fini(&subject);
}
