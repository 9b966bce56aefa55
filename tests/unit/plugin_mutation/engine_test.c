/* SPDX-License-Identifier: Apache-2.0 */
/* Engines A and B with small programs: what they say, and whatever may come between a program and
 * its children. */
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/subject.h"

#define BUILD "gcc -pthread -o program subject.c"

/* Verdicts of one test by an engine, and the engine that it ended with. */
static void expect(struct attempt *attempt, enum engine_kind kind, const char *words)
{
    struct err err = {0};
    attempt->tests.count = 0;
    struct engine_test *test = attempt_test(attempt, "exec ./program", kind);
    if (attempt_run(attempt, &err) != 0) {
        fail_msg("%s", err.text);
    }
    if (test->excluded != NULL) {
        fail_msg("%s", str_text(&attempt->notes));
    }
    assert_string_equal(attempt_words(attempt), words);
}

/* Both engines say the same, and the test stays with A. */
static void expect_both_built(const char *marked, const char *command, const char *words)
{
    struct attempt attempt;
    attempt_init(&attempt, marked, command);
    expect(&attempt, ENGINE_EXEC, words);
    expect(&attempt, ENGINE_FORK, words);
    if (attempt.tests.items[0].kind != ENGINE_FORK) {
        fail_msg("%s", str_text(&attempt.notes));
    }
    attempt_fini(&attempt);
}

static void expect_both(const char *marked, const char *words)
{
    expect_both_built(marked, BUILD, words);
}

/* A notices that it cannot, B says it. */
static void expect_demoted(const char *marked, const char *words, const char *why)
{
    struct attempt attempt;
    attempt_init(&attempt, marked, BUILD);
    expect(&attempt, ENGINE_FORK, words);
    assert_int_equal(attempt.tests.items[0].kind, ENGINE_EXEC);
    assert_non_null(strstr(str_text(&attempt.notes), why));
    attempt_fini(&attempt);
}

/* ---- verdicts ---- */

static const char verdicts_text[] = "#include <stdlib.h>\n"
                                    "static int f(int a, int b)\n"
                                    "{\n"
                                    "    int i, sum = 0;\n"
                                    "    for (i = 0; i < a; @{i++~i += 0}@) sum @{+=~-=}@ b;\n"
                                    "    if (@{sum > 0~sum >= 0}@) return @{sum~sum + 1}@;\n"
                                    "    if (@{a == 5~abort(), 1}@) return 0;\n"
                                    "    return a == 7 ? 1 : 2;\n"
                                    "}\n"
                                    "static int never(int a) { return a @{+~-}@ 1; }\n"
                                    "int main(int argc, char **argv)\n"
                                    "{\n"
                                    "    (void)argv;\n"
                                    "    if (argc > 5) return never(1);\n"
                                    "    return f(3, 2) == 6 && f(5, 0) == 0 ? 0 : 1;\n"
                                    "}\n";

TEST(mutants_are_killed_by_exit_codes_and_signals_survive_time_out_or_are_never_reached)
{
    expect_both(verdicts_text, "Timeout Killed Survived Killed Killed NoCoverage");
}

TEST(a_mutant_that_waits_for_ever_uses_no_cpu_time_and_times_out)
{
    expect_both("#include <unistd.h>\n"
                "int main(void) { int a = 1; @{a--;~pause();}@ return a; }",
                "Timeout");
}

/* What memory holds that nobody set may be otherwise in a child: two mutants of sds looped there
 * and crashed alone. Here a mutant asks outright whether it is one. */
TEST(a_mutant_that_never_ends_in_a_child_and_dies_alone_is_killed)
{
    expect_both(
        "#include <unistd.h>\n"
        "static void odd(pid_t self) { while (getpid() != self) {} _exit(1); }\n"
        "int main(void) { pid_t self = getpid(); int a = 1; @{a--;~odd(self);}@ return a; }",
        "Killed");
}

TEST(a_loop_without_end_in_a_process_of_the_test_ends_by_its_hits_and_is_a_timeout)
{
    struct attempt attempt;
    CLEANUP(str_fini) struct str sizes = STR_INIT(4096);
    attempt_init(&attempt,
                 "#include <fcntl.h>\n#include <unistd.h>\n"
                 "static int tick(void)\n"
                 "{\n"
                 "    int fd = open(\"ticks\", O_CREAT | O_WRONLY | O_APPEND, 0666);\n"
                 "    long n = write(fd, \"x\", 1);\n"
                 "    return close(fd) + (int)(n - n);\n"
                 "}\n"
                 "int main(void) { int i; for (i = 0; i < 3; @{i++~i += tick()}@) {} return 0; }",
                 BUILD);
    attempt.options.cpu_factor = 30; /* time comes to an end later than hits */
    struct err err = {0};
    (void)attempt_test(
        &attempt, "rm -f ticks; ./program; s=$?; wc -c <ticks >>sizes; exit $s", ENGINE_EXEC);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Timeout");
    assert_int_equal(subject_shell(attempt.folder, "cat sizes", &sizes), 0);
    assert_string_equal(str_text(&sizes), "1299\n"); /* 3 hits: their hundredfold, and 1,000 */
    attempt_fini(&attempt);
}

TEST(a_test_in_which_a_mutant_was_killed_decides_and_the_next_one_is_not_asked)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt,
                 "int main(int argc, char **argv) { (void)argv; int a = argc @{*~+}@ 2;\n"
                 "    return argc == 2 && a != 4 ? 1 : argc == 3 && a != 6 ? 2 : 0; }",
                 BUILD);
    (void)attempt_test(&attempt, "exec ./program", ENGINE_FORK);
    (void)attempt_test(&attempt, "exec ./program b c", ENGINE_FORK);
    (void)attempt_test(&attempt, "exec ./program b", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Killed");
    assert_int_equal(attempt.verdicts.items[0].killer, 1);
    assert_int_equal(attempt.verdicts.items[0].reached_count, 3);
    assert_int_equal(attempt.verdicts.items[0].engine, ENGINE_FORK);
    assert_int_equal(attempt.cost.executed, 1);
    assert_true(attempt.cost.cpu_us > 0 && attempt.cost.bare_us > 0);
    attempt_fini(&attempt);
}

TEST(what_a_test_prints_is_compared_where_it_is_its_answer)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt,
                 "#include <stdio.h>\n"
                 "int main(void) { int a = 1; printf(\"%d\\n\", a @{+~-}@ 1); return 0; }",
                 BUILD);
    attempt_test(&attempt, "exec ./program", ENGINE_EXEC)->compare_stdout = true;
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Killed");
    attempt.tests.items[0].compare_stdout = false;
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Survived");
    attempt_fini(&attempt);
}

TEST(what_is_open_at_the_deadline_stays_pending)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, verdicts_text, BUILD);
    attempt.options.deadline_ms = clock_mono_ns() / 1000000 - 1;
    (void)attempt_test(&attempt, "exec ./program", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt),
                        "Pending Pending Pending Pending Pending NoCoverage");
    attempt_fini(&attempt);
}

/* The deadline is over when the second mutant was decided. */
struct clock_out {
    struct attempt *attempt;
    size_t count;
};

static void run_out(void *context,
                    const struct mutant *mutant,
                    const struct engine_verdict *verdict)
{
    struct clock_out *out = context;
    (void)verdict;
    (void)mutant;
    if (++out->count == 2) {
        out->attempt->options.deadline_ms = 1;
    }
}

/* In two turns; time is over when two mutants are decided. */
static void expect_turns(const char *text,
                         enum engine_kind kind,
                         const uint32_t *turns,
                         const char *expected,
                         size_t decided)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, text, BUILD);
    (void)attempt_test(&attempt, "exec ./program", kind);
    struct clock_out out = {.attempt = &attempt};
    attempt.watch.context = &out;
    attempt.watch.verdict = run_out;
    attempt.watch.note = NULL;
    attempt.turns = turns;
    attempt.turn_count = 2;
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), expected);
    assert_int_equal(out.count, decided);
    attempt_fini(&attempt);
}

TEST(the_deadline_leaves_those_whose_turn_has_not_come)
{
    static const uint32_t turns[] = {1, 1, 0, 0, 1, 1};
    static const char expected[] = "Pending Pending Survived Killed Pending NoCoverage";
    expect_turns(verdicts_text, ENGINE_FORK, turns, expected, 2);
    expect_turns(verdicts_text, ENGINE_EXEC, turns, expected, 2);
}

/* Each would be run alone for fifty times its test. The third mutant here never ends. */
TEST(the_deadline_leaves_children_that_did_not_end_but_of_the_first_turn)
{
    static const char text[] = "int main(void) { int a = 1; @{a--;~a++;}@ @{a += 0;~a += 3;}@ "
                               "@{a += 0;~for (;;) {}}@ return a; }";
    static const uint32_t later[] = {1, 1, 1};
    static const uint32_t first[] = {0, 0, 0};
    expect_turns(text, ENGINE_FORK, later, "Killed Killed Pending", 2);
    expect_turns(text, ENGINE_FORK, first, "Killed Killed Timeout", 3);
}

/* ---- what may come between a program and its children ---- */

TEST(a_child_that_reads_on_in_a_file_does_not_move_its_parent)
{
    expect_both("#include <fcntl.h>\n#include <unistd.h>\n"
                "int main(void)\n"
                "{\n"
                "    char c[3] = {0, 0, 0};\n"
                "    int fd = open(\"subject.c\", O_RDONLY);\n"
                "    if (read(fd, c, @{1~2}@) != 1) return 1;\n"
                "    if (read(fd, c + 1, 1) != @{1~(read(fd, c, 3), 1)}@) return 2;\n"
                "    return c[0] == '#' && c[1] == 'p' ? 0 : 3;\n"
                "}",
                "Killed Killed");
}

TEST(alarms_and_child_handlers_of_the_test_do_not_see_our_children)
{
    expect_both("#include <signal.h>\n#include <unistd.h>\n#include <sys/time.h>\n"
                "static volatile int children, alarms;\n"
                "static void on_child(int s) { (void)s; children++; }\n"
                "static void on_alarm(int s) { (void)s; alarms++; }\n"
                "int main(void)\n"
                "{\n"
                "    struct itimerval soon = {{0, 0}, {1, 0}};\n"
                "    int a = 1;\n"
                "    signal(SIGCHLD, on_child);\n"
                "    signal(SIGALRM, on_alarm);\n"
                "    setitimer(ITIMER_REAL, &soon, 0);\n"
                "    @{a = 1;~pause(), pause();}@\n"
                "    @{a += 0;~a += (alarms = 2);}@\n"
                "    @{a--;~;}@\n"
                "    return a == 0 && children == 0 && alarms == 0 ? 0 : 1;\n"
                "}",
                "Timeout Killed Killed");
}

TEST(a_test_that_ignores_its_children_does_not_take_ours)
{
    expect_both("#include <signal.h>\n"
                "int main(void) { int a = 1; signal(SIGCHLD, SIG_IGN);\n"
                "    @{a--;~;}@ @{a += 0;~a = a;}@ return a; }",
                "Killed Survived");
}

TEST(a_mutant_that_starts_the_program_again_is_the_mutant_there_too)
{
    expect_both("#include <stdlib.h>\n#include <unistd.h>\n"
                "static int f(int a) { return a @{+~-}@ 1; }\n"
                "int main(int argc, char **argv)\n"
                "{\n"
                "    (void)argv;\n"
                "    if (argc > 1 || f(1) == 2) return f(1) != 2;\n"
                "    return system(\"./program again\") == 0 ? 0 : 1;\n"
                "}",
                "Killed");
}

TEST(tests_that_close_all_leave_their_folder_or_clean_their_environment_are_followed)
{
    expect_both("#define _GNU_SOURCE\n#include <stdlib.h>\n#include <unistd.h>\n"
                "int main(void)\n"
                "{\n"
                "    int a = 1;\n"
                "    for (int i = 0; i < 100; i++) close(i);\n"
                "    if (chdir(\"/\") != 0 || clearenv() != 0) return 1;\n"
                "    @{a--;~;}@\n"
                "    return a;\n"
                "}",
                "Killed");
}

TEST(what_a_mutant_leaves_running_is_ended)
{
    expect_both("#include <unistd.h>\n"
                "int main(void) { int a = 1; @{a = 0;~a = fork() * 0; if (a == 0) sleep(1000);}@\n"
                "    return a; }",
                "Timeout");
}

TEST(a_mutant_that_allocates_for_ever_gets_no_memory_at_last)
{
    /* Not filled: a gigabyte would take longer than all the rest. */
    expect_both("#include <malloc.h>\n#include <stdlib.h>\n"
                "int main(void)\n"
                "{\n"
                "    int n = mallopt(M_PERTURB, 0);\n"
                "    void *p = malloc(1 << 20);\n"
                "    for (n = 1; @{n < 3~n < 100000 && p != NULL}@; n++) p = malloc(1 << 26);\n"
                "    return n == 3 && p != NULL ? 0 : 1;\n"
                "}",
                "Killed");
}

TEST(a_mutant_that_overwrites_all_it_can_does_not_decide_about_others)
{
    expect_both(
        "#include <stdio.h>\n#include <string.h>\n"
        "static void spoil(void)\n"
        "{\n"
        "    char line[500]; unsigned long from, to; char rights[8];\n"
        "    FILE *maps = fopen(\"/proc/self/maps\", \"r\");\n"
        "    while (fgets(line, sizeof(line), maps)) {\n"
        "        if (strstr(line, \"sluice-mutants\") && sscanf(line, \"%lx-%lx %7s\", &from,\n"
        "            &to, rights) == 3) memset((void *)from, 2, to - from);\n"
        "    }\n"
        "}\n"
        "int main(void) { int a = 1; @{a++;~a++, spoil();}@ @{a--;~;}@ return a - 1; }",
        "Killed Killed");
}

TEST(threads_an_open_pipe_or_a_file_being_written_take_a_test_to_engine_b)
{
    expect_demoted("#include <pthread.h>\n"
                   "static int a = 1;\n"
                   "static void *run(void *p) { @{a--;~;}@ return p; }\n"
                   "int main(void)\n"
                   "{\n"
                   "    pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); return a;\n"
                   "}",
                   "Killed",
                   "it has threads");
    expect_demoted(
        "#include <unistd.h>\n"
        "int main(void)\n"
        "{\n"
        "    int ends[2]; char c = 0;\n"
        "    if (pipe(ends) != 0) return 1;\n"
        "    if (write(ends[1], \"ab\", @{2~0}@) != 2 || read(ends[0], &c, 1) != 1) return 2;\n"
        "    return c @{== 'a'~!= 'a'}@ ? 0 : 3;\n"
        "}",
        "Killed Killed",
        "it holds a pipe or socket open");
    expect_demoted("#include <stdio.h>\n"
                   "int main(void)\n"
                   "{\n"
                   "    FILE *out = fopen(\"out\", \"w\"); int a = 1;\n"
                   "    @{fputc('a', out);~;}@\n"
                   "    a = ftell(out) == 1 ? 0 : 1;\n"
                   "    fclose(out);\n"
                   "    return a;\n"
                   "}",
                   "Killed",
                   "it holds a file open for writing");
}

TEST(code_that_runs_in_a_process_of_the_test_takes_it_to_engine_b)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, "int main(void) { int a = 1; return a @{-~+}@ 1; }", BUILD);
    (void)attempt_test(&attempt, "./program; test $? -eq 0", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Killed");
    assert_int_equal(attempt.verdicts.items[0].engine, ENGINE_EXEC);
    assert_non_null(strstr(str_text(&attempt.notes), "in a process that the test starts"));
    attempt_fini(&attempt);
}

/* ---- how programs are put together ---- */

/* The subject is f(); other.c, with mutants that are not tried, calls it. */
static void expect_linked(const char *command)
{
    struct attempt attempt;
    struct subject other;
    subject_init(&other,
                 "other.c",
                 "int f(int); int main(int argc, char **argv)\n"
                 "{ (void)argv; return f(argc) @{==~!=}@ 2 ? 0 : 1; }");
    subject_write(&other, test_folder());
    attempt_init(&attempt,
                 "static int g(int a) { @{a++;~;}@ return a; }\n"
                 "int f(int); int f(int a) { return @{g(a)~(g(a), a + 1)}@ @{+~-}@ 0; }",
                 command);
    expect(&attempt, ENGINE_EXEC, "Killed Survived Survived");
    expect(&attempt, ENGINE_FORK, "Killed Survived Survived");
    if (attempt.tests.items[0].kind != ENGINE_FORK) {
        fail_msg("%s", str_text(&attempt.notes));
    }
    attempt_fini(&attempt);
    subject_fini(&other);
}

TEST(a_program_of_several_schemata_tries_those_of_the_file_that_is_asked_for)
{
    expect_linked("gcc -O2 -o program subject.c other.c");
    expect_linked(
        "clang -O2 -c subject.c && ar rc libs.a subject.o && gcc -o program other.c libs.a");
    expect_linked("echo '#include \"subject.c\"' >all.c && echo '#include \"other.c\"' >>all.c && "
                  "gcc -o program all.c");
}

/* What f() has depends on macros. */
static void expect_left_out(const char *command, const char *words)
{
    static const char text[] = "#ifdef MORE\n"
                               "int f(int a) { return a @{+~-}@ 1; }\n"
                               "int idle(int a) { return a @{*~/}@ 2; }\n"
                               "#else\n"
                               "int g(int a) { return a @{+~-}@ 2; }\n"
                               "#endif\n"
                               "#if 0\n"
                               "int h(int a) { return a @{+~-}@ 3; }\n"
                               "#endif\n"
                               "#ifdef MAIN\n"
                               "int main(int argc, char **argv)\n"
                               "{ (void)argv; return CALL(argc) == @{MAIN~9}@ ? 0 : 1; }\n"
                               "#endif\n";
    expect_both_built(text, command, words);
}

TEST(what_no_program_of_the_tests_was_compiled_with_is_no_gap_of_the_tests)
{
    expect_left_out("gcc -DMORE -DMAIN=2 -DCALL=f -o program subject.c",
                    "Killed NoCoverage Ignored Ignored Killed");
    expect_left_out("clang -O2 -flto -DMAIN=3 -DCALL=g -o program subject.c",
                    "Ignored Ignored Killed Ignored Killed");
}

TEST(what_one_object_leaves_out_and_another_has_is_compiled)
{
    expect_left_out("gcc -c -DMORE -o more.o subject.c && "
                    "gcc -DMAIN=3 -DCALL=g -o program subject.c more.o",
                    "NoCoverage NoCoverage Killed Ignored Killed");
    /* Twice in one object: nothing can be said, and h() is taken for compiled. */
    expect_left_out("printf '#define MORE\\n#include \"subject.c\"\\n#undef MORE\\n"
                    "#define MAIN 3\\n#define CALL g\\n#include \"subject.c\"\\n' >all.c && "
                    "gcc -o program all.c",
                    "NoCoverage NoCoverage Killed NoCoverage Killed");
}

TEST(shared_libraries_with_a_runtime_of_their_own_are_followed)
{
    expect_linked(
        "gcc -shared -fPIC -fvisibility=hidden -Df='__attribute__((visibility(\"default\"))) "
        "f' -o libs.so subject.c && gcc -o program other.c -L. -ls -Wl,-rpath,'$ORIGIN'");
    expect_linked("gcc -shared -fPIC -Wl,-Bsymbolic -o libs.so subject.c && "
                  "gcc -o program other.c -L. -ls -Wl,-rpath,'$ORIGIN'");
}

TEST(programs_with_sanitizers_or_linked_statically_can_be_forked)
{
    expect_linked("gcc -fsanitize=address,undefined -g -o program subject.c other.c");
    expect_linked("gcc -static -o program subject.c other.c");
    expect_linked("gcc -O2 -flto -o program subject.c other.c");
}

/* ---- guards ---- */

TEST(a_test_that_fails_or_is_flaky_without_a_mutant_is_named_and_not_used)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, "int main(void) { int a = 1; return a @{-~+}@ 1; }", BUILD);
    (void)attempt_test(&attempt, "echo it is broken; exit 3", ENGINE_FORK);
    (void)attempt_test(&attempt, "test -e seen && exit 1; touch seen", ENGINE_FORK);
    (void)attempt_test(&attempt, "exec ./program", ENGINE_FORK);
    attempt_test(&attempt, "echo $$", ENGINE_EXEC)->compare_stdout = true;
    assert_int_equal(attempt_run(&attempt, &err), 0);
    const struct engine_test *tests = attempt.tests.items;
    assert_string_equal(tests[0].excluded, "it fails without any mutant");
    assert_non_null(strstr(str_text(&attempt.notes), "it is broken"));
    assert_non_null(strstr(tests[1].excluded, "flaky"));
    assert_null(tests[2].excluded);
    assert_non_null(strstr(tests[3].excluded, "differs from run to run"));
    assert_string_equal(attempt_words(&attempt), "Killed");
    assert_int_equal(attempt.verdicts.items[0].killer, 2);
    attempt_fini(&attempt);
}

static int canary_of(const char *command, struct err *err)
{
    struct attempt attempt;
    attempt_init(&attempt, "int main(void) { int a = 1; return a @{-~+}@ 1; }", BUILD);
    (void)attempt_test(&attempt, command, ENGINE_FORK);
    int rc = attempt_run(&attempt, err);
    rc = rc < 0 ? rc : engine_canary(&attempt.tests, &attempt.group, err);
    attempt_fini(&attempt);
    return rc;
}

TEST(a_test_that_cannot_fail_or_reaches_nothing_is_an_error_of_the_canary)
{
    struct err err = {0};
    assert_int_equal(canary_of("exec ./program", &err), 0);
    assert_int_equal(canary_of("./program", &err), 0);
    assert_int_equal(canary_of("./program; true", &err), -EPROTO);
    assert_non_null(strstr(err.text, "loses the exit code"));
    assert_int_equal(canary_of("exec true", &err), -EPROTO);
    assert_non_null(strstr(err.text, "reaches no file"));
    assert_int_equal(canary_of("exec env -i ./program", &err), -EPROTO);
    assert_non_null(strstr(err.text, "cleans its environment"));
}

TEST(a_test_that_was_only_found_and_reaches_nothing_is_left_out_as_long_as_another_is_there)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, "int main(void) { int a = 1; return a @{-~+}@ 1; }", BUILD);
    attempt_test(&attempt, "exec true", ENGINE_FORK)->found = true;
    (void)attempt_test(&attempt, "exec ./program", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_int_equal(engine_canary(&attempt.tests, &attempt.group, &err), 0);
    assert_non_null(attempt.tests.items[0].excluded);
    assert_null(attempt.tests.items[1].excluded);
    assert_non_null(strstr(str_text(&attempt.notes),
                           "test \"exec true\" is not used: it reaches no file in `files`"));
    attempt.tests.count = 1;
    attempt.tests.items[0].excluded = NULL;
    assert_int_equal(engine_canary(&attempt.tests, &attempt.group, &err), -EPROTO);
    assert_non_null(strstr(err.text, "none of the tests reaches a file"));
    attempt_fini(&attempt);
}

TEST(a_program_that_was_built_with_other_mutants_is_an_error_and_not_without_coverage)
{
    struct attempt attempt;
    struct subject other;
    struct err err = {0};
    attempt_init(&attempt, "int main(void) { int a = 1; return a @{-~+}@ 1; }", BUILD);
    subject_init(&other, "subject.c", "int main(void) { int a = 1; return a @{-~*}@ 1; }");
    attempt.schemata[0] = &other.schema;
    (void)attempt_test(&attempt, "exec ./program", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), -ESTALE);
    assert_non_null(strstr(err.text, "other mutants"));
    subject_fini(&other);
    attempt_fini(&attempt);
}

TEST(a_schema_that_changes_what_a_test_says_is_an_error)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt,
                 "#include <stdio.h>\n#include <stdlib.h>\n"
                 "int main(void) { int a = getenv(\"SLUICE_MUTANT_STATE\") != 0;\n"
                 "    if (a) puts(\"it sees us\");\n"
                 "    return a @{+~-}@ 0; }",
                 BUILD);
    (void)attempt_test(&attempt, "exec ./program", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), -EPROTO);
    assert_non_null(strstr(err.text, "the schema changes what the program does"));
    assert_non_null(strstr(err.text, "; it printed:\nit sees us\n"));
    attempt_fini(&attempt);
}

/* A folder that is left behind by the first child makes all later ones fail. */
static const char audited_text[] = "#include <sys/stat.h>\n#include <unistd.h>\n"
                                   "int main(void)\n"
                                   "{\n"
                                   "    int a = 1;\n"
                                   "    @{a += 0;~a += 1 - 1;}@\n"
                                   "    @{a += 0;~a += 2 - 2;}@\n"
                                   "    @{a--;~;}@\n"
                                   "    if (mkdir(\"left\", 0777) != 0) return 2;\n"
                                   "    if (a == 0) rmdir(\"left\");\n"
                                   "    return a;\n"
                                   "}\n";

TEST(the_audit_finds_a_test_that_keeps_something_between_its_children)
{
    struct attempt attempt;
    struct err err = {0};
    /* The third mutant leaves the folder, after which nothing passes in a child: the command of the
     * test cleans up before each run, so that alone all is well. */
    attempt_init(&attempt, audited_text, BUILD);
    (void)attempt_test(&attempt, "rm -rf left; exec ./program", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Survived Survived Killed");
    attempt_fini(&attempt);
}

/* Mutants that differ from run to run by what the first child wrote. */
static const char lasting_text[] =
    "#include <fcntl.h>\n#include <unistd.h>\n"
    "static int used(void)\n"
    "{\n"
    "    int there = access(\"mark\", F_OK) == 0;\n"
    "    close(open(\"mark\", O_CREAT | O_WRONLY, 0666));\n"
    "    return there;\n"
    "}\n"
    "int main(void) { int a = 0; @{a += 0;~a += used();}@ @{a += 0;~a += used();}@ return a; }\n";

TEST(tests_that_the_audit_demoted_are_printed_and_their_mutants_tried_again)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, lasting_text, BUILD);
    (void)attempt_test(&attempt, "rm -f mark; exec ./program", ENGINE_FORK);
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Survived Killed");
    attempt.options.audit_percent = 2;
    attempt.options.audit_min = 50;
    attempt.options.audit_survivors = true;
    assert_int_equal(attempt_run(&attempt, &err), 0);
    assert_string_equal(attempt_words(&attempt), "Survived Survived");
    assert_int_equal(attempt.tests.items[0].kind, ENGINE_EXEC);
    assert_non_null(strstr(str_text(&attempt.notes), "failed in a child, and passes alone"));
    attempt_fini(&attempt);
}

/* The first mutant leaves a file with which the test never passes again. */
static const char poison_text[] =
    "#include <fcntl.h>\n#include <unistd.h>\n"
    "static int poison(void)\n"
    "{\n"
    "    close(open(\"poison\", O_CREAT | O_WRONLY, 0666));\n"
    "    return 1;\n"
    "}\n"
    "int main(void) { int a = 0; @{a += 0;~a += poison();}@ @{a += 0;~a += 1 - 1;}@ return a; }\n";

static void expect_unbelieved(enum engine_kind kind)
{
    struct attempt attempt;
    struct err err = {0};
    attempt_init(&attempt, poison_text, BUILD);
    (void)attempt_test(&attempt, "test ! -e poison || exit 1; exec ./program", kind);
    assert_int_equal(attempt_run(&attempt, &err), -ENOTRECOVERABLE);
    assert_non_null(strstr(err.text, "fails without any mutant after mutants were tried"));
    attempt_fini(&attempt);
}

TEST(what_a_test_leaves_behind_is_no_kill_of_engine_a)
{
    expect_unbelieved(ENGINE_FORK);
}

TEST(what_a_test_leaves_behind_is_no_kill_of_engine_b)
{
    expect_unbelieved(ENGINE_EXEC);
}

/* One run in 33 fails, whatever the code does: 3 %. Forty mutants change nothing, one breaks it. */
static void write_chance(struct str *text)
{
    (void)str_append(text,
                     "#include <fcntl.h>\n#include <unistd.h>\n"
                     "static int chance(void)\n"
                     "{\n"
                     "    int fd = open(\"runs\", O_CREAT | O_WRONLY | O_APPEND, 0666);\n"
                     "    long n = write(fd, \"x\", 1) == 1 ? lseek(fd, 0, SEEK_END) : 0;\n"
                     "    close(fd);\n"
                     "    return n % 33 == 0;\n"
                     "}\n"
                     "int main(void) { int a = 1;\n");
    for (int i = 0; i < 40; i++) {
        (void)str_append(text, "@{a += 0;~a += 1 - 1;}@\n");
    }
    (void)str_append(text, "@{a--;~;}@ return a || chance(); }\n");
    assert_int_equal(str_error(text), 0);
}

static void expect_no_kill_by_chance(enum engine_kind kind)
{
    struct attempt attempt;
    struct err err = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(65536);
    write_chance(&text);
    attempt_init(&attempt, str_text(&text), BUILD);
    attempt.options.audit_percent = 2;
    attempt.options.audit_min = 50;
    attempt.options.audit_survivors = true;
    (void)attempt_test(&attempt, "exec ./program", kind);
    if (attempt_run(&attempt, &err) != 0) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(attempt.verdicts.items[i].status, MUTANT_SURVIVED);
    }
    assert_int_equal(attempt.verdicts.items[40].status, MUTANT_KILLED);
    assert_true(attempt.tests.items[0].doubted);
    assert_non_null(strstr(str_text(&attempt.notes), "audit: test \"exec ./program\""));
    attempt_fini(&attempt);
    subject_must(test_folder(), "rm runs");
}

TEST(a_test_that_fails_by_chance_kills_nobody_in_silence)
{
    expect_no_kill_by_chance(ENGINE_FORK);
    expect_no_kill_by_chance(ENGINE_EXEC);
}

TEST(words_of_engines_are_read_back)
{
    assert_int_equal(engine_parse("fork"), ENGINE_FORK);
    assert_int_equal(engine_parse(engine_name(ENGINE_COPY)), ENGINE_COPY);
    assert_int_equal(engine_parse("thread"), -1);
}
