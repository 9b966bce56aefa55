/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/subject.h"

/* ---- where a mutant can stand ---- */

/* A file with one mutant, and why it has no place; NULL = it has. */
static void expect_refused(const char *marked, const char *reason)
{
    struct subject subject;
    subject_init(&subject, "subject.c", marked);
    assert_int_equal(subject.list.count, 1);
    const char *refused = subject.schema.places[0].refused;
    if (reason == NULL && refused != NULL) {
        fail_msg("%s is refused: %s", marked, refused);
    }
    if (reason != NULL) {
        assert_non_null(refused);
        assert_string_equal(refused, reason);
    }
    subject_fini(&subject);
}

TEST(what_the_compiler_has_to_know_is_refused_with_its_reason)
{
    expect_refused("int f(int x) { switch (x) { case @{1~2}@: return 1; } return 0; }",
                   "a case label is a constant");
    expect_refused("int f(void) { int a[@{3~4}@]; a[0] = 1; return a[0]; }",
                   "the size of an array");
    expect_refused("enum e { A = @{1~2}@ };", "a value of an enumeration");
    expect_refused("struct s { int a : @{3~4}@; };", "the width of a bit-field");
    expect_refused("int f(void) { static int a = @{1~2}@; return a; }",
                   "the initialiser of a static object is a constant");
    expect_refused("int f(void) { char a[] = @{\"a\"~\"b\"}@; return a[0]; }",
                   "the initialiser of an array");
    expect_refused("static int a = @{1~2}@;", "the initialiser of a static object is a constant");
    expect_refused("int a = @{1~2}@;", "outside of functions");
    expect_refused("#define A (@{1~2}@)\n", "in the definition of a macro");
    expect_refused("int f(int a) {\n#if @{A~B}@\n a++;\n#endif\n return a; }",
                   "a condition of the preprocessor");
}

TEST(what_would_mean_something_else_in_braces_is_refused_with_its_reason)
{
    expect_refused("int f(int a) { int b = ({ int c = a; c @{+~-}@ 1; }); return b; }",
                   "in a statement expression, whose value braces would take away");
    expect_refused("int *p; void f(void) { p = (int[]){@{1~2}@}; }",
                   "a compound literal lives as long as its block");
    expect_refused("int f(int a) { return g(a,\n#ifdef X\n 1\n#else\n a @{+~-}@ 2\n#endif\n); }",
                   "near text that is not understood");
    expect_refused("void f(int a) { SOME_MACRO(a @{+~-}@ 1); }",
                   "a macro that may declare something");
}

TEST(a_macro_of_the_file_itself_is_judged_by_its_text)
{
    expect_refused("#define SET(x) do { y = (x); } while (0)\nvoid f(int a) { SET(a @{+~-}@ 1); }",
                   NULL);
    expect_refused("#define SET(x) \\\n  y = (x)\nvoid f(int a) { SET(a @{+~-}@ 1); }", NULL);
    expect_refused("#define VAR(x) struct s *v = (x)\nvoid f(int a) { VAR(a @{+~-}@ 1); }",
                   "a macro that may declare something");
    expect_refused("#define var(x) int v = (x)\nvoid f(int a) { var(a @{+~-}@ 1); }",
                   "a macro that may declare something");
}

TEST(a_change_of_more_than_one_statement_is_refused)
{
    expect_refused("void f(int a) { if (a) @{{ g(); h(); }~{}}@ }", "more than one statement");
}

TEST(mutants_of_one_construct_share_a_site_and_sites_are_in_the_order_of_the_text)
{
    struct subject subject;
    subject_init(&subject,
                 "subject.c",
                 "int f(int a, int b)\n{\n    if (a @{<~<=}@ b @{&&~||}@ b) { a @{+=~-=}@ 1; }\n"
                 "    return @{a~b}@;\n}\n");
    const struct schema *schema = &subject.schema;
    assert_int_equal(schema->site_count, 3);
    assert_int_equal(schema->places[0].site, 0);
    assert_int_equal(schema->places[1].site, 0);
    assert_int_equal(schema->places[2].site, 1);
    assert_int_equal(schema->sites[0].kind, SCHEMA_CONDITION);
    assert_int_equal(schema->sites[1].kind, SCHEMA_STATEMENT);
    assert_int_equal(schema->sites[2].line, 4);
    assert_int_equal(schema_count(schema), 4);
    subject_fini(&subject);
}

TEST(other_mutants_of_the_same_text_make_another_schema)
{
    struct subject one;
    struct subject other;
    subject_init(&one, "subject.c", "int f(int a) { return a @{+~-}@ 1; }");
    subject_init(&other, "subject.c", "int f(int a) { return a @{+~*}@ 1; }");
    assert_true(one.schema.key != other.schema.key);
    assert_int_equal(one.schema.name, other.schema.name);
    subject_fini(&one);
    subject_fini(&other);
}

/* ---- compilers ---- */

/* Constructs that have been trouble, each with mutants; main() checks that the file without a
 * mutant still does what it did. */
static const char common_text[] =
    "#define CHECK(x) do { if (!(x)) { failures++; } } while (0)\n"
    "extern int printf(const char *, ...);\n"
    "static int failures;\n"
    "struct point { int x; int y; };\n"
    "static int kr(a, b) int a; char *b; { if (b[0] @{==~!=}@ 'x') return a @{+~-}@ 1; return a; }\n"
    "static int loops(int n)\n"
    "{\n"
    "    int i, sum = @{0~1}@;\n"
    "    for (@{i = 0~i = 1}@; i @{<~<=}@ n; @{i++~i--}@) {\n"
    "        if (i == 3) @{continue;~break;}@\n"
    "        if (i == 6) @{break;~continue;}@\n"
    "        sum @{+=~-=}@ i;\n"
    "    }\n"
    "    while (sum @{>~>=}@ 10) sum--;\n"
    "    do sum @{+=~-=}@ 2; while (sum @{<~<=}@ 12 @{&&~||}@ n);\n"
    "    return @{sum~0}@;\n"
    "}\n"
    "static int jumps(int n)\n"
    "{\n"
    "    int r = 0;\n"
    "    switch (n @{+~-}@ 1) {\n"
    "    case 1: @{r = 1;~;}@ break;\n"
    "    case 2: @{r = 2;~;}@ /* falls through */\n"
    "    default: @{r++;~r--;}@\n"
    "    }\n"
    "    if (r > 100) @{goto out;~;}@\n"
    "    r @{+=~-=}@ 10;\n"
    "out:\n"
    "    return r;\n"
    "}\n"
    "static int values(int n)\n"
    "{\n"
    "    struct point p = {1, 2};\n"
    "    struct point q;\n"
    "    int size = (int)(sizeof(int) @{*~/}@ 2);\n"
    "    const char *text = @{\"abc\"~\"abd\"}@;\n"
    "    if (n) @{q = p~;}@; else q.x = q.y = 0;\n"
    "    @{CHECK(n > 0);~;}@\n"
    "    CHECK(@{n~!n}@);\n"
    "    /* a comment // and another */\n"
    "    return q.x @{+~-}@ size @{+~-}@ text[2] @{-~+}@ // \"line\n"
    "           'c';\n"
    "}\n"
    "static void none(int *n) { if (@{!n~n}@) return; (*n)@{++~--}@; @{return;~;}@ }\n";

static const char main_text[] =
    "int main(void)\n"
    "{\n"
    "    int n = 1;\n"
    "    none(&n);\n"
    "    if (kr(1, \"x\") != 2 || kr(1, \"y\") != 1) return 1;\n"
    "    if (loops(8) != 12) return 2;\n"
    "    if (jumps(0) != 11 || jumps(1) != 13 || jumps(5) != 11) return 3;\n"
    "    if (values(2) != 9 || failures != 0 || n != 2) return 4;\n"
    "    return MORE;\n"
    "}\n";

static const char more_text[] =
    "#define MORE more(3)\n"
    "#include <stddef.h>\n"
    "static inline int twice(int n) { return n @{*~+}@ 2; }\n"
    "static int more(int n)\n"
    "{\n"
    "    int vla[n];\n"
    "    int list[] = {@{n~1}@, [2] = n @{+~-}@ 1};\n"
    "    struct point p = {.x = n @{*~+}@ 3, .y = 1};\n"
    "    struct point *at = &(struct point){@{n~0}@, 2};\n"
    "    void *target = &&there;\n"
    "    int stmt = ({ int k = n; k + 1; });\n"
    "    for (int i = @{0~1}@; i @{<~<=}@ n; i++) vla[i] = i;\n"
    "    if (@{n == 3~n != 3}@) goto *target;\n"
    "    return 20;\n"
    "there:\n"
    "    @{stmt = ({ int k = stmt; k + 1; });~;}@\n"
    "    if (vla[2] @{!=~==}@ 2 || list[0] != 3 || list[2] != 4 || p.x != 9 || at->x != 3) return 21;\n"
    "    if (_Generic(n, int: 1, default: 2) @{!=~==}@ 1) return 22;\n"
    "    return stmt == 5 && twice(2) == 4 ? @{0~1}@ : 23;\n"
    "}\n";

/* Warnings of the project must not fail the build, whatever stands in the mutants. */
static void compile_all(const char *folder, const char *const *standards)
{
    static const char *const compilers[] = {"gcc", "clang"};
    static const char *const levels[] = {"-O0", "-O2"};
    char command[500];
    for (size_t i = 0; standards[i] != NULL; i++) {
        for (size_t j = 0; j < 4; j++) {
            (void)snprintf(command,
                           sizeof(command),
                           "%s %s %s -Wall -Wextra -Wconversion -Wunreachable-code -Werror "
                           "-pedantic-errors -o program subject.c && ./program",
                           compilers[j / 2],
                           levels[j % 2],
                           standards[i]);
            subject_must(folder, command);
        }
    }
}

static void expect_all_compile(const char *text, const char *const *standards)
{
    struct subject subject;
    subject_init(&subject, "subject.c", text);
    for (uint32_t i = 0; i < subject.schema.mutant_count; i++) {
        if (subject.schema.places[i].refused != NULL) {
            fail_msg("mutant %u of %s is refused: %s",
                     i,
                     subject.list.items[i].original,
                     subject.schema.places[i].refused);
        }
    }
    subject_write(&subject, test_folder());
    compile_all(test_folder(), standards);
    subject_fini(&subject);
}

TEST(schemata_of_c89_compile_with_all_warnings_as_errors_and_do_what_the_source_does)
{
    static const char *const standards[] = {"-std=c89", NULL};
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    (void)str_append(&text, "#define MORE 0\n");
    (void)str_append(&text, common_text);
    (void)str_append(&text, main_text);
    /* A comment of C99 is no C89. */
    char *line = strstr(text.data, "// \"line");
    line[1] = '*';
    memcpy(line + 6, "*/", 2); /* NOLINT(bugprone-not-null-terminated-result): in the middle */
    expect_all_compile(str_text(&text), standards);
}

TEST(schemata_of_gnu17_compile_with_all_warnings_as_errors_and_do_what_the_source_does)
{
    static const char *const standards[] = {"-std=gnu17 -Wno-pedantic", "-std=gnu99", NULL};
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    (void)str_append(&text, common_text);
    (void)str_append(&text, more_text);
    (void)str_append(&text, main_text);
    expect_all_compile(str_text(&text), standards);
}

TEST(user_macros_named_like_functions_of_libc_do_not_reach_the_runtime)
{
    struct subject subject;
    subject_init(&subject, "subject.c", "int main(void) { int a = 1; return a @{-~+}@ 1; }");
    subject_write(&subject, test_folder());
    subject_must(test_folder(),
                 "gcc -Dfork=nothing '-Dopen(a)=nothing' '-Dread(a,b)=x' -Dmmap=1 -Dint32_t=x "
                 "-Dstatic= -Werror -o program subject.c && ./program");
    subject_fini(&subject);
}

TEST(a_file_can_be_included_and_linked_with_others_and_by_cxx)
{
    struct subject one;
    struct subject two;
    subject_init(&one, "one.c", "int one(int a) { return a @{+~-}@ 1; }");
    subject_init(&two, "two.c", "int one(int); int two(int a) { return one(a) @{+~-}@ 1; }");
    subject_write(&one, test_folder());
    subject_write(&two, test_folder());
    subject_must(test_folder(),
                 "echo 'int two(int); int main(void) { return two(1) - 3; }' >main.c && "
                 "gcc -c one.c && clang -c two.c && ar rc lib.a one.o two.o && "
                 "gcc main.c lib.a -o program && ./program && "
                 "printf '#include \"one.c\"\\n#include \"two.c\"\\n' >all.c && "
                 "gcc -shared -fPIC -fvisibility=hidden all.c -o liball.so && "
                 "printf 'extern \"C\" {\\n#include \"one.c\"\\n}\\n"
                 "int main() { return one(1) - 2; }\\n' >main.cc && "
                 "g++ -Wall -Werror main.cc -o program && ./program");
    subject_fini(&one);
    subject_fini(&two);
}

TEST(line_and_file_are_those_of_the_source_where_nothing_is_tried)
{
    struct subject subject;
    subject_init(
        &subject,
        "subject.c",
        "#include <string.h>\nint main(void)\n{\n"
        "    int line = @{__LINE__~0}@;\n"
        "    const char *file = @{__FILE__~0}@;\n"
        "    return line == 4 && __LINE__ == 6 && strcmp(file, \"subject.c\") == 0 ? 0 : 1;\n"
        "}\n");
    subject_write(&subject, test_folder());
    subject_must(test_folder(), "gcc -o program subject.c && ./program");
    subject_fini(&subject);
}

TEST(a_plan_without_memory_fails_and_leaves_nothing)
{
    struct subject subject;
    struct err err = {0};
    int rc = -ENOMEM;
    subject_init(&subject, "subject.c", "int f(int a) { return a @{+~-}@ 1; }");
    for (size_t i = 1; rc == -ENOMEM; i++) {
        struct schema schema = {0};
        assert_true(i < 1000);
        (void)mem_fail_from(i);
        rc = schema_plan(&subject.source, &subject.list, &schema, &err);
        (void)mem_fail_from(0);
        assert_true(rc == 0 || schema.arena == NULL);
        schema_fini(&schema);
    }
    assert_int_equal(rc, 0);
    subject_fini(&subject);
}
