/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"

#define TAP(text)                   collect_text(REPORT_TAP, text)
#define ASSERT_CONTAINS(text, part) assert_non_null(strstr((text), (part)))

static void assert_broken(const char *text, const char *why)
{
    struct collected c = TAP(text);
    if (c.rc != -EBADMSG || strstr(c.err.text, why) == NULL) {
        fail_msg("%d \"%s\" instead of \"%s\" for:\n%s", c.rc, c.err.text, why, text);
    }
    collected_fini(&c);
}

static void assert_counts(const char *text, size_t passed, size_t failed, size_t skipped)
{
    struct collected c = TAP(text);
    if (c.rc != 0 || c.by_status[OUTCOME_PASSED] != passed || c.by_status[OUTCOME_FAILED] != failed
        || c.by_status[OUTCOME_SKIPPED] != skipped) {
        fail_msg("%d %s: %zu passed, %zu failed, %zu skipped for:\n%s",
                 c.rc,
                 c.err.text,
                 c.by_status[OUTCOME_PASSED],
                 c.by_status[OUTCOME_FAILED],
                 c.by_status[OUTCOME_SKIPPED],
                 text);
    }
    collected_fini(&c);
}

TEST(points_become_cases)
{
    struct collected c = TAP("TAP version 14\n1..4\nok 1 - first\nnot ok 2 second\n"
                             "# t.c:12: no\nok\nok 4 - a \\# b \\\\ c\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 4);
    assert_string_equal(c.cases[0].name, "first");
    assert_int_equal(c.cases[1].status, OUTCOME_FAILED);
    assert_string_equal(c.cases[1].name, "second");
    assert_string_equal(c.cases[1].message, "t.c:12: no");
    assert_string_equal(c.cases[1].file, "t.c");
    assert_int_equal(c.cases[1].line, 12);
    assert_string_equal(c.cases[2].name, "test 3");
    assert_string_equal(c.cases[3].name, "a # b \\ c");
    collected_fini(&c);
}

TEST(the_plan_may_end_the_stream)
{
    assert_counts("ok 1\nok 2\n1..2\n", 2, 0, 0);
    assert_counts("ok 1\r\nok 2\r\n1..2\r\n", 2, 0, 0);
}

TEST(a_plan_that_is_not_met_is_an_error)
{
    assert_broken("ok 1\nok 2\n", "no plan");
    assert_broken("1..3\nok 1\nok 2\n", "3 tests were planned, 2 were run");
    assert_broken("1..1\nok 1\nok 2\n", "outside the plan");
    assert_broken("ok 1\n1..1\nok 2\n", "follows the plan");
    assert_broken("1..2\nok 1\nok 1\n", "there before");
    assert_broken("1..2\nok 1\nok 0\n", "outside the plan");
    assert_broken("1..2\nok 1\nok 999999999999999999999\n", "outside the plan");
    assert_broken("ok 1\nok 5\n1..2\n", "outside of it");
    assert_broken("1..2\nok 1\n1..2\nok 2\n", "second plan");
    assert_broken("TAP version 15\n1..1\nok\n", "newer than 14");
}

TEST(no_point_is_an_error)
{
    static const char *const empty[] = {"", "\n\n", "hello\n", "1..0\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct collected c = TAP(empty[i]);
        assert_int_equal(c.rc, -ENODATA);
        collected_fini(&c);
    }
    assert_broken("1..2\n", "0 were run");
}

TEST(a_stream_that_skips_all_is_one_skipped_case)
{
    struct collected c = TAP("1..0 # SKIP no database here\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.cases[0].status, OUTCOME_SKIPPED);
    assert_string_equal(c.cases[0].message, "no database here");
    collected_fini(&c);
    assert_broken("1..0 # SKIP x\nok 1\n", "outside the plan");
}

TEST(directives_skip_and_todo)
{
    struct collected c = TAP("1..8\nok 1 - a # SKIP why not\nnot ok 2 - b # TODO later\n"
                             "ok 3 - c # todo\nok 4 - d \\# SKIP\nok 5 # skipped: x\n"
                             "not ok 6 - e # TODOs are words\nok 7 - f#SKIP\nok 8 # time=20ms\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 8);
    assert_int_equal(c.cases[0].status, OUTCOME_SKIPPED);
    assert_string_equal(c.cases[0].name, "a");
    assert_string_equal(c.cases[0].message, "why not");
    assert_int_equal(c.cases[1].status, OUTCOME_SKIPPED);
    assert_string_equal(c.cases[1].message, "later");
    assert_int_equal(c.cases[2].status, OUTCOME_PASSED);
    assert_int_equal(c.cases[3].status, OUTCOME_PASSED);
    assert_string_equal(c.cases[3].name, "d # SKIP");
    assert_int_equal(c.cases[4].status, OUTCOME_SKIPPED);
    assert_int_equal(c.cases[5].status, OUTCOME_FAILED);
    assert_int_equal(c.cases[6].status, OUTCOME_PASSED);
    assert_true(c.cases[7].time_s > 0.019 && c.cases[7].time_s < 0.021);
    collected_fini(&c);
}

/* cmocka writes a skipped test as `not ok 3 # SKIP name`; Perl's harness counts that as failed. */
TEST(not_ok_skip_is_skipped_and_named_as_cmocka_means_it)
{
    struct collected c = TAP("1..4\nok 1 - ok\nnot ok 2 - bad\n# t.c:8: error: Failure!\n"
                             "not ok 3 # SKIP sk\nnot ok 4 - ok Could not run test\n"
                             "# not ok - first\n1..1\nok 1 - again\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 5);
    assert_int_equal(c.cases[2].status, OUTCOME_SKIPPED);
    assert_string_equal(c.cases[2].name, "sk");
    assert_int_equal(c.cases[4].status, OUTCOME_PASSED);
    collected_fini(&c);
    assert_broken("1..1\nok 1\n1..2\nnot ok 0 - third [  FAILED  ] GROUP SETUP\n", "outside");
}

TEST(a_bail_out_is_an_error)
{
    assert_broken("1..3\nok 1\nBail out! no more memory\nok 2\n", "bailed out: no more memory");
    assert_broken("1..1\n    1..2\n    ok 1\n    Bail out! x\n", "bailed out");
}

TEST(yaml_diagnostics_are_kept_as_details)
{
    struct collected c = TAP("1..3\nok 1 - a\n  ---\n  duration_ms: 250.5\n  ok 7 - not a test\n"
                             "  ...\nnot ok 2 - b\n  ---\n  message: 'it broke'\n  file: src/x.c\n"
                             "  line: 41\n  dump:\n    deep: 1\n  ...\n"
                             "ok 3 - c\n  ---\n  never: closed\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_true(c.cases[0].time_s > 0.25 && c.cases[0].time_s < 0.251);
    assert_null(c.cases[0].details);
    assert_string_equal(c.cases[1].message, "it broke");
    assert_string_equal(c.cases[1].file, "src/x.c");
    assert_int_equal(c.cases[1].line, 41);
    ASSERT_CONTAINS(c.cases[1].details, "dump:\n  deep: 1");
    collected_fini(&c);
}

TEST(subtests_stand_for_the_point_that_sums_them_up)
{
    struct collected c = TAP("1..2\n# Subtest: math\n    1..2\n    ok 1 - adds\n"
                             "    not ok 2 - divides\n      ---\n      message: 'by zero'\n"
                             "      ...\nnot ok 1 - math\nok 2 - plain\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_string_equal(c.cases[0].name, "adds");
    assert_string_equal(c.cases[0].suite, "math");
    assert_int_equal(c.cases[1].status, OUTCOME_FAILED);
    assert_string_equal(c.cases[1].message, "by zero");
    assert_string_equal(c.cases[2].name, "plain");
    assert_null(c.cases[2].suite);
    collected_fini(&c);
}

TEST(subtests_nest_and_come_in_braces)
{
    struct collected c = TAP("TAP version 14\n1..2\n    # Subtest: outer\n    1..1\n"
                             "        # Subtest: inner\n        ok 1 - deep\n        1..1\n"
                             "    ok 1 - inner\nok 1 - outer\nok 2 - braced {\n    1..1\n"
                             "    ok 1 - in\n}\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.cases[0].suite, "outer > inner");
    assert_string_equal(c.cases[0].name, "deep");
    assert_string_equal(c.cases[1].suite, "braced");
    assert_string_equal(c.cases[1].name, "in");
    collected_fini(&c);
}

/* node:test announces every test as a subtest, also those without points of their own. */
TEST(an_announced_subtest_may_be_a_single_point)
{
    struct collected c =
        TAP("TAP version 13\n# Subtest: a\nok 1 - a\n  ---\n  duration_ms: 1\n  ...\n"
            "# Subtest: s\n    # Subtest: s1\n    ok 1 - s1\n    # Subtest: s2\n    not ok 2 - s2\n"
            "    1..2\nnot ok 2 - s\n1..2\n# tests 3\n# pass 2\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_string_equal(c.cases[0].name, "a");
    assert_string_equal(c.cases[1].suite, "s");
    assert_string_equal(c.cases[2].name, "s2");
    assert_int_equal(c.cases[2].status, OUTCOME_FAILED);
    collected_fini(&c);
}

TEST(a_failed_summary_whose_points_passed_stays_visible)
{
    struct collected c = TAP("1..1\n    1..1\n    ok 1 - fine\nnot ok 1 - sum\n");
    assert_int_equal(c.count, 2);
    assert_int_equal(c.by_status[OUTCOME_FAILED], 1);
    assert_string_equal(c.cases[1].name, "sum");
    collected_fini(&c);
}

TEST(a_subtest_is_held_to_its_plan)
{
    assert_broken("1..1\n    1..2\n    ok 1\nok 1 - s\n", "2 tests were planned, 1 were run");
    assert_broken("1..1\n# Subtest: s\n    ok 1\nok 1 - s\n", "no plan");
    assert_broken("1..1\n    1..1\n    ok 1\n", "without the test point");
    assert_counts("1..1\n# Subtest: s\n    1..1\n    not ok 1\nok 1 - s # SKIP off\n", 0, 0, 1);
}

TEST(what_a_test_prints_is_no_test)
{
    assert_counts("1..2\n    ok, we go on\n    ok 17 indented noise\nok 1\nokay\nnot okay\n"
                  "  ok 3 - odd indent\n\tok 4\n1..x\nok 2\n",
                  2,
                  0,
                  0);
    assert_broken("pragma +strict\n1..1\nok 1\nnoise\n", "strict");
    assert_counts("pragma +strict\npragma -strict\n1..1\nok 1\nnoise\n", 1, 0, 0);
}

TEST(escapes_and_broken_bytes_are_cleaned)
{
    struct collected c = TAP("\xEF\xBB\xBF"
                             "1..1\nnot ok 1 - \033[31mred\033[0m \xFF\n");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.cases[0].name, "red \xEF\xBF\xBD");
    collected_fini(&c);
}

TEST(reading_tap_without_memory_is_an_error_at_any_allocation)
{
    for (size_t n = 1; n < 200; n++) {
        (void)mem_fail_from(0);
        struct collected c;
        /* collect() itself allocates by malloc(): only the reader is hit */
        (void)mem_fail_from(n);
        c = TAP("1..1\n# Subtest: s\n    1..1\n    not ok 1 - x\n      ---\n      message: m\n"
                "      ...\nnot ok 1 - s\n");
        (void)mem_fail_from(0);
        int rc = c.rc;
        size_t count = c.count;
        collected_fini(&c);
        if (rc == 0) {
            assert_int_equal(count, 1);
            assert_true(n > 5);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    fail_msg("still failing after 200 allocations");
}

static void read_folder(const char *below, size_t *files, size_t *good)
{
    char base[2048];
    const char *folder = corpus_path(below);
    if (folder == NULL) {
        print_message("no corpora (SLUICE_SHARED): skipped\n");
        skip();
    }
    (void)snprintf(base, sizeof base, "%s", folder);
    DIR *dir = opendir(base);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[4096];
        if (entry->d_type != DT_REG) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", base, entry->d_name);
        struct collected c = collect_file(REPORT_TAP, path);
        assert_true(c.rc == 0 || c.rc == -EBADMSG || c.rc == -ENODATA);
        if (getenv("SLUICE_TEST_TALK") != NULL) {
            print_message("%s: %d %s: %zu cases, %zu failed, %zu skipped\n",
                          entry->d_name,
                          c.rc,
                          c.err.text,
                          c.count,
                          c.by_status[OUTCOME_FAILED],
                          c.by_status[OUTCOME_SKIPPED]);
        }
        *files += 1;
        *good += c.rc == 0 ? 1 : 0;
        collected_fini(&c);
    }
    (void)closedir(dir);
}

TEST(every_stream_of_the_corpora_is_read)
{
    size_t files = 0;
    size_t good = 0;
    read_folder("tap/tapjs", &files, &good);
    read_folder("tap/perl/t/sample-tests", &files, &good);
    print_message("%zu streams, %zu of them good\n", files, good);
    assert_true(files > 100);
    assert_true(good > 50);
}
