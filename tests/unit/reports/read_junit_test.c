/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "reports/junit_case.h"
#include "reports/read.h"
#include "reports/read_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"

#define JUNIT(text)                 collect_text(REPORT_JUNIT, text)
#define ASSERT_CONTAINS(text, part) assert_non_null(strstr((text), (part)))

TEST(a_plain_report_is_read)
{
    struct collected c =
        JUNIT("<testsuites><testsuite name='S' file='s.c'>"
              "<testcase name='a' classname='C' time='0.5' file='a.c' line='7'/>"
              "<testcase name='b'><failure message='no' type='T'>a.c:9: no\nmore</failure>"
              "</testcase><testcase name='c'><skipped message='why'/></testcase>"
              "<testcase name='d'><error>boom</error><system-out>out</system-out>"
              "<system-err>err</system-err></testcase></testsuite></testsuites>");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 4);
    assert_string_equal(c.cases[0].suite, "S");
    assert_string_equal(c.cases[0].classname, "C");
    assert_string_equal(c.cases[0].file, "a.c");
    assert_int_equal(c.cases[0].line, 7);
    assert_true(c.cases[0].time_s > 0.49 && c.cases[0].time_s < 0.51);
    assert_int_equal(c.cases[0].status, OUTCOME_PASSED);
    assert_int_equal(c.cases[1].status, OUTCOME_FAILED);
    assert_string_equal(c.cases[1].message, "no");
    assert_string_equal(c.cases[1].type, "T");
    assert_string_equal(c.cases[1].details, "a.c:9: no\nmore");
    assert_string_equal(c.cases[1].file, "s.c");
    assert_int_equal(c.cases[2].status, OUTCOME_SKIPPED);
    assert_string_equal(c.cases[2].message, "why");
    assert_true(c.cases[2].time_s < 0);
    assert_int_equal(c.cases[3].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[3].message, "boom");
    assert_string_equal(c.cases[3].output, "out\nerr");
    collected_fini(&c);
}

/* Readers that do not recurse lose one testcase in 27 of the surveyed files. */
TEST(testcases_are_found_at_any_depth)
{
    struct collected c =
        JUNIT("<testsuites><testcase name='bare'><failure/></testcase><testsuite name='o'>"
              "<testsuite name='i'><testcase name='x'/></testsuite><testcase name='y'/>"
              "</testsuite></testsuites>");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_null(c.cases[0].suite);
    assert_int_equal(c.cases[0].status, OUTCOME_FAILED);
    assert_string_equal(c.cases[1].suite, "i");
    assert_string_equal(c.cases[2].suite, "o");
    collected_fini(&c);
    c = JUNIT("\xEF\xBB\xBF<testsuite xmlns='http://x/y'><testcase name='a'/></testsuite>");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    collected_fini(&c);
}

TEST(counters_are_not_believed)
{
    struct collected c = JUNIT("<testsuite tests='9' failures='0'><testcase name='a'><failure/>"
                               "</testcase></testsuite>");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.cases[0].status, OUTCOME_FAILED);
    collected_fini(&c);
    c = JUNIT("<testsuites tests='3'><testsuite tests='3'/></testsuites>");
    assert_int_equal(c.rc, -ENODATA);
    collected_fini(&c);
}

TEST(no_case_is_an_error)
{
    struct collected c = JUNIT("");
    assert_int_equal(c.rc, -ENODATA);
    collected_fini(&c);
    c = JUNIT("<testsuites/>\n");
    assert_int_equal(c.rc, -ENODATA);
    ASSERT_CONTAINS(c.err.text, "no test case");
    collected_fini(&c);
}

/* A suite whose set-up failed has no case to show it: it must not vanish. */
TEST(failures_of_a_suite_become_cases)
{
    struct collected c = JUNIT("<testsuites><testsuite name='S' tests='0' errors='1'/>"
                               "<testsuite name='T'><error message='died'/></testsuite>"
                               "<testsuite name='U'><testcase name='a'/></testsuite></testsuites>");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_string_equal(c.cases[0].name, "(suite)");
    assert_string_equal(c.cases[0].suite, "S");
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    assert_int_equal(c.cases[1].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[1].message, "died");
    assert_int_equal(c.cases[2].status, OUTCOME_PASSED);
    collected_fini(&c);
}

/* Each failing CTest case was told as "(empty) > name". */
TEST(the_word_ctest_has_for_no_name_is_none)
{
    struct collected c =
        JUNIT("<testsuite name='(empty)'><testcase name='a' classname='a'/></testsuite>");
    assert_int_equal(c.rc, 0);
    assert_null(c.cases[0].suite);
    collected_fini(&c);
}

TEST(of_several_results_the_most_severe_counts_and_all_texts_stay)
{
    struct collected c =
        JUNIT("<testsuite><testcase name='a'><skipped message='s'/><failure message='f'>F</failure>"
              "<error message='e'>E</error><failure>G</failure></testcase></testsuite>");
    assert_int_equal(c.count, 1);
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[0].message, "e");
    assert_string_equal(c.cases[0].details, "s\nf\nF\ne\nE\nG");
    collected_fini(&c);
}

TEST(two_cases_of_one_name_are_both_kept)
{
    struct collected c = JUNIT("<testsuite><testcase name='a'><failure/></testcase>"
                               "<testcase name='a'><error/></testcase></testsuite>");
    assert_int_equal(c.count, 2);
    assert_int_equal(c.by_status[OUTCOME_FAILED], 1);
    assert_int_equal(c.by_status[OUTCOME_ERRORED], 1);
    collected_fini(&c);
}

TEST(status_words_are_heard_when_no_element_speaks)
{
    struct collected c = JUNIT("<testsuite><testcase name='a' status='disabled'/>"
                               "<testcase name='b' status='notrun'/><testcase name='c' "
                               "status='ignored'/><testcase name='d' status='run'/>"
                               "<testcase name='e' status='disabled'><failure/></testcase>"
                               "<testcase name='f' status='fail'/></testsuite>");
    assert_int_equal(c.count, 6);
    assert_int_equal(c.cases[0].status, OUTCOME_SKIPPED);
    assert_int_equal(c.cases[1].status, OUTCOME_SKIPPED);
    assert_int_equal(c.cases[2].status, OUTCOME_SKIPPED);
    assert_int_equal(c.cases[3].status, OUTCOME_PASSED);
    assert_int_equal(c.cases[4].status, OUTCOME_FAILED);
    assert_int_equal(c.cases[5].status, OUTCOME_FAILED);
    collected_fini(&c);
}

/* node:test writes a failing TODO as skipped and failure; the run is green for it. */
TEST(a_todo_that_fails_is_skipped)
{
    struct collected c = JUNIT("<testsuites><testcase name='t'><skipped type='todo' message='x'/>"
                               "<failure type='testCodeFailure' message='m'/></testcase>"
                               "</testsuites>");
    assert_int_equal(c.cases[0].status, OUTCOME_SKIPPED);
    collected_fini(&c);
}

TEST(flaky_cases_pass_and_are_marked)
{
    struct collected c = JUNIT("<testsuite><testcase name='a'><flakyFailure message='m'>"
                               "<stackTrace>trace</stackTrace></flakyFailure></testcase>"
                               "<testcase name='b'><failure message='x'/><rerunFailure "
                               "message='y'/></testcase></testsuite>");
    assert_int_equal(c.cases[0].status, OUTCOME_PASSED);
    assert_true(c.cases[0].flaky);
    ASSERT_CONTAINS(c.cases[0].details, "trace");
    assert_int_equal(c.cases[1].status, OUTCOME_FAILED);
    assert_false(c.cases[1].flaky);
    assert_string_equal(c.cases[1].message, "x");
    collected_fini(&c);
}

TEST(times_are_read_as_tools_write_them)
{
    static const struct {
        const char *text;
        double seconds;
    } times[] = {
        {"1.5",                      1.5    },
        {"0,014",                    0.014  },
        {"1,234.5",                  1234.5 },
        {"1.7e-05",                  1.7e-05},
        {"0.2s",                     0.2    },
        {"0",                        0      },
        {"-1",                       -1     },
        {"NaN",                      -1     },
        {"inf",                      -1     },
        {"",                         -1     },
        {"fast",                     -1     },
        {"1.5x",                     -1     },
        {"-0.000000",                0      },
        {"12",                       12     },
        {".5",                       0.5    },
        {"5.",                       5      },
        {"1.2.3",                    -1     },
        {".",                        -1     },
        {"000000000000000000000.25", 0.25   },
    };

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        double got = junit_time(times[i].text);
        if (got < times[i].seconds - 1e-9 || got > times[i].seconds + 1e-9) {
            fail_msg("%s read as %f", times[i].text, got);
        }
    }
}

/* Plain numbers have a way of their own; strtod() is the judge, to the last bit. */
TEST(plain_times_are_the_nearest_number_there_is)
{
    for (unsigned i = 0; i < 20000; i++) {
        char text[40];
        uint64_t digits = i * UINT64_C(2654435761) * 4099 % UINT64_C(100000000000);
        int places = (int)(i % 11);
        uint64_t power = 1;
        for (int p = 0; p < places; p++) {
            power *= 10;
        }
        (void)snprintf(text,
                       sizeof text,
                       "%llu.%0*llu",
                       (unsigned long long)(digits / power),
                       places,
                       (unsigned long long)(digits % power));
        double got = junit_time(text);
        double exact = strtod(text, NULL);
        uint64_t got_bits = 0; /* two zeros are equal as numbers */
        uint64_t exact_bits = 0;
        memcpy(&got_bits, &got, sizeof got_bits);
        memcpy(&exact_bits, &exact, sizeof exact_bits);
        if (got_bits != exact_bits) {
            fail_msg("%s read as %.17g, not %.17g", text, got, exact);
        }
    }
}

/* CTest counts it as failed, and only its report says "skipped". */
TEST(what_ctest_could_not_run_is_an_error_what_it_skipped_is_not)
{
    struct collected c =
        JUNIT("<testsuite><testcase name='a' status='notrun'><skipped message='Unable to find "
              "executable'/></testcase><testcase name='b' status='notrun'><skipped "
              "message='SKIP_RETURN_CODE=77'/></testcase><testcase name='c'><skipped "
              "message='Unable to find executable'/></testcase></testsuite>");
    assert_int_equal(c.count, 3);
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[0].message, "Unable to find executable");
    assert_int_equal(c.cases[1].status, OUTCOME_SKIPPED);
    assert_int_equal(c.cases[2].status, OUTCOME_SKIPPED);
    collected_fini(&c);
}

TEST(other_names_of_attributes_are_known)
{
    struct collected c =
        JUNIT("<testsuite><testcase class='K' lineno='12' file='f.c'/></testsuite>");
    assert_string_equal(c.cases[0].classname, "K");
    assert_int_equal(c.cases[0].line, 12);
    assert_string_equal(c.cases[0].name, "(case 1)");
    collected_fini(&c);
}

TEST(entities_in_attributes_and_texts_are_decoded)
{
    struct collected c =
        JUNIT("<testsuite><testcase name='a &amp;lt; &lt;b&gt; &#38;#x; &quot;'><failure "
              "message='1&#10;2'>x &amp; y<![CDATA[ <z> ]]></failure></testcase></testsuite>");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.cases[0].name, "a &lt; <b> &#x; \"");
    assert_string_equal(c.cases[0].message, "1");
    ASSERT_CONTAINS(c.cases[0].details, "1\n2");
    ASSERT_CONTAINS(c.cases[0].details, "x & y <z> ");
    collected_fini(&c);
}

/* cmocka and tools that append: several roots in one file, the later ones with a declaration. */
TEST(several_roots_are_read_one_after_the_other)
{
    struct collected c = JUNIT("<?xml version='1.0'?><testsuites><testsuite><testcase name='a'/>"
                               "</testsuite></testsuites>\n\n<?xml version='1.0'?>\n<testsuite>"
                               "<testcase name='b'/></testsuite><testsuite/>\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.cases[1].name, "b");
    collected_fini(&c);
}

TEST(a_truncated_report_is_an_error_and_its_whole_cases_are_delivered)
{
    struct collected c =
        JUNIT("<testsuites><testsuite>\n<testcase name='a'/>\n<testcase name='b'><failure mes");
    assert_int_equal(c.rc, -EBADMSG);
    assert_int_equal(c.count, 1);
    ASSERT_CONTAINS(c.err.text, "truncated");
    ASSERT_CONTAINS(c.err.text, "line 3");
    collected_fini(&c);
    c = JUNIT("<testsuite><testcase name='a'/>");
    assert_int_equal(c.rc, -EBADMSG);
    collected_fini(&c);
}

TEST(cases_behind_a_damage_are_delivered_once_and_the_report_is_an_error)
{
    struct collected c = JUNIT("<testsuite><testcase name='a'/>\n<testcase name='b & c'/>\n"
                               "<testcase name='d'/></testsuite>");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "line 2");
    assert_true(c.count >= 2);
    assert_string_equal(c.cases[0].name, "a");
    assert_string_equal(c.cases[c.count - 1].name, "d");
    for (size_t i = 1; i < c.count; i++) {
        assert_string_not_equal(c.cases[i].name, "a");
    }
    collected_fini(&c);
}

TEST(what_is_not_xml_says_so)
{
    struct collected c = JUNIT("Segmentation fault\n");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "line 1");
    collected_fini(&c);
    c = JUNIT("<testsuite><testcase name='a'/></testsuite>\ntrailing noise");
    assert_int_equal(c.rc, -EBADMSG);
    assert_int_equal(c.count, 1);
    collected_fini(&c);
}

TEST(the_xml_of_check_is_told_from_junit)
{
    struct collected c = JUNIT("<testsuites xmlns='http://check.sourceforge.net/ns'><suite>"
                               "<test result='failure'/></suite></testsuites>");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "Check");
    collected_fini(&c);
}

TEST(an_external_entity_leaks_nothing)
{
    char path[512];
    char report[2048];
    (void)snprintf(path, sizeof path, "%s/secret", test_folder());
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fputs("TOP-SECRET", file);
    (void)fclose(file);
    (void)snprintf(report,
                   sizeof report,
                   "<?xml version='1.0'?><!DOCTYPE t [<!ENTITY x SYSTEM 'file://%s'>"
                   "<!ENTITY %% p SYSTEM 'file://%s'>%%p;]>"
                   "<testsuite><testcase name='a&x;'><failure>&x;</failure></testcase></testsuite>",
                   path,
                   path);
    struct collected c = JUNIT(report);
    for (size_t i = 0; i < c.count; i++) {
        assert_null(strstr(c.cases[i].name, "SECRET"));
        assert_true(c.cases[i].details == NULL || strstr(c.cases[i].details, "SECRET") == NULL);
    }
    assert_null(strstr(c.err.text, "SECRET"));
    collected_fini(&c);
}

TEST(entities_are_never_expanded)
{
    struct collected c = JUNIT(
        "<!DOCTYPE t [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
        "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
        "<testsuite>\n<testcase name='x&d;y'><failure>p&d;q</failure></testcase></testsuite>");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "line 2: &d; is an entity of the document's own");
    assert_int_equal(c.count, 1);
    assert_string_equal(c.cases[0].name, "x?y");
    assert_string_equal(c.cases[0].details, "p?q");
    collected_fini(&c);
}

TEST(entities_that_are_declared_and_not_used_do_no_harm)
{
    struct collected c = JUNIT("<!DOCTYPE t [<!ENTITY a 'aaa'><!ENTITY b '&a;&a;'>]>"
                               "<testsuite><testcase name='&lt;x&gt;'/></testsuite>");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.cases[0].name, "<x>");
    collected_fini(&c);
}

TEST(elements_nested_too_deep_are_refused)
{
    CLEANUP(str_fini) struct str report = STR_INIT(8192);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(str_append(&report, "<testsuite name='n'>"), 0);
    }
    struct collected c = JUNIT(str_text(&report));
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "deeper");
    collected_fini(&c);
}

TEST(utf16_is_read)
{
    static const char text[] = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><testsuite><testcase "
                               "name=\"wide\"/></testsuite>";
    char wide[2 * sizeof text + 2] = {(char)0xFF, (char)0xFE};
    for (size_t i = 0; i < sizeof text - 1; i++) {
        wide[2 + 2 * i] = text[i];
    }
    struct collected c = collect(REPORT_JUNIT, wide, 2 * sizeof text);
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.cases[0].name, "wide");
    collected_fini(&c);
}

TEST(a_failure_that_names_its_place_gives_it_to_the_case)
{
    struct collected c = JUNIT("<testsuite><testcase name='a'><failure message='src/t.c:81&#10;"
                               "Expected: 1'>x</failure></testcase></testsuite>");
    assert_string_equal(c.cases[0].file, "src/t.c");
    assert_int_equal(c.cases[0].line, 81);
    collected_fini(&c);
}

/* A file that cannot be imported: pytest's trace begins in pytest. */
TEST(what_is_installed_is_not_the_place_of_a_failure)
{
    struct collected c =
        JUNIT("<testsuite><testcase name='a'><failure>/usr/lib/python3/x.py:61: in "
              "f&#10;test_a.py:7: AssertionError</failure></testcase><testcase "
              "name='b'><error>/usr/lib/python3/x.py:61: in f</error></testcase>"
              "</testsuite>");
    assert_string_equal(c.cases[0].file, "test_a.py");
    assert_int_equal(c.cases[0].line, 7);
    assert_null(c.cases[1].file);
    collected_fini(&c);
}

TEST(a_long_text_is_cut_and_says_so)
{
    CLEANUP(str_fini) struct str report = STR_INIT(4u << 20);
    (void)str_append(&report, "<testsuite><testcase name='a'><failure>");
    for (int i = 0; i < 3 << 20; i++) {
        (void)str_append_char(&report, 'x');
    }
    (void)str_append(&report, "</failure></testcase></testsuite>");
    struct collected c = JUNIT(str_text(&report));
    assert_int_equal(c.rc, 0);
    ASSERT_CONTAINS(c.cases[0].details, "[cut: longer than 1 MiB]");
    assert_true(strlen(c.cases[0].details) < (1 << 20) + 64);
    collected_fini(&c);
}

/* `bytes` of two-byte letters behind one letter: the limit falls in the middle of one. */
static void put_long_name(struct str *out, size_t bytes)
{
    (void)str_append_char(out, 'x');
    for (size_t i = 1; i + 1 < bytes; i += 2) {
        (void)str_append(out, "\xC3\xA4");
    }
}

TEST(names_are_cut_at_their_limit_whoever_gave_them)
{
    CLEANUP(str_fini) struct str report = STR_INIT(4u << 20);
    (void)str_append(&report, "<testsuite name='");
    put_long_name(&report, CASE_NAME_MAX + 100);
    (void)str_append(&report, "'><testcase name='a'/><testcase name='");
    put_long_name(&report, CASE_NAME_MAX + 100);
    (void)str_append(&report, "'/><testcase name='b' classname='\"&amp;'/></testsuite>");
    struct collected c = JUNIT(str_text(&report));
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 3);
    assert_int_equal(strlen(c.cases[0].suite), CASE_NAME_MAX - 1);
    assert_string_equal(c.cases[0].name, "a");
    assert_int_equal(strlen(c.cases[1].name), CASE_NAME_MAX - 1);
    assert_string_equal(c.cases[2].name, "b");
    assert_string_equal(c.cases[2].classname, "\"&");
    collected_fini(&c);
}

static int stop_at_second(void *context, const struct test_case *c)
{
    size_t *seen = context;
    (void)c;
    return ++*seen == 2 ? -ECANCELED : 0;
}

static int open_text(const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/report", test_folder());
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

TEST(the_caller_can_stop_the_reading)
{
    size_t seen = 0;
    struct err err = {0};
    int fd = open_text("<testsuite><testcase name='a'/><testcase name='b'/><testcase name='c'/>"
                       "</testsuite>");
    assert_int_equal(report_read(REPORT_JUNIT, fd, stop_at_second, &seen, &err), -ECANCELED);
    assert_int_equal(seen, 2);
    (void)close(fd);
}

static int count_case(void *context, const struct test_case *c)
{
    (void)c;
    ++*(size_t *)context;
    return 0;
}

TEST(reading_without_memory_is_an_error_at_any_allocation)
{
    size_t failures = 0;
    for (size_t n = 1; n < 200; n++) {
        size_t seen = 0;
        struct err err = {0};
        int fd = open_text("<testsuite name='s' file='f'><testcase name='a'><failure message='m'>"
                           "text</failure></testcase></testsuite>");
        (void)mem_fail_from(n);
        int rc = report_read(REPORT_JUNIT, fd, count_case, &seen, &err);
        (void)mem_fail_from(0);
        (void)close(fd);
        if (rc == 0) {
            assert_int_equal(seen, 1);
            assert_true(n > 3);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
        failures++;
    }
    fail_msg("still failing after %zu allocations", failures);
}

/* ---- the corpus: real files of 17 projects ---- */

/* The second way of counting: "<testcase" outside of comments and CDATA. */
static size_t count_testcases(const char *text)
{
    size_t count = 0;
    for (const char *at = strchr(text, '<'); at != NULL; at = strchr(at + 1, '<')) {
        if (strncmp(at, "<!--", 4) == 0) {
            at = strstr(at, "-->");
        } else if (strncmp(at, "<![CDATA[", 9) == 0) {
            at = strstr(at, "]]>");
        } else if (strncmp(at, "<testcase", 9) == 0 && strchr(" \t\r\n/>", at[9]) != NULL) {
            count++;
        }
        if (at == NULL) {
            break;
        }
    }
    return count;
}

static size_t count_real(const struct collected *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++) {
        count += strcmp(c->cases[i].name, "(suite)") != 0 ? 1 : 0;
    }
    return count;
}

static void check_corpus_file(const char *path, size_t *good, size_t *cases)
{
    size_t len = 0;
    char *text = read_text_file(path, &len);
    struct collected c = collect(REPORT_JUNIT, text, len);
    if (c.rc == 0) {
        size_t expected = count_testcases(text);
        if (strlen(text) == len && count_real(&c) != expected) {
            fail_msg("%s: %zu cases read, %zu counted", path, count_real(&c), expected);
        }
        *good += 1;
        *cases += c.count;
    } else if (c.rc != -ENODATA && c.rc != -EBADMSG) {
        fail_msg("%s: %d %s", path, c.rc, c.err.text);
    } else if (getenv("SLUICE_TEST_TALK") != NULL) {
        print_message("%s: %d %s\n", path, c.rc, c.err.text);
    }
    collected_fini(&c);
    free(text);
}

TEST(every_file_of_the_corpus_is_read_and_counted_right)
{
    const char *folder = corpus_path("junit");
    if (folder == NULL) {
        print_message("no corpora (SLUICE_SHARED): skipped\n");
        skip();
    }
    char base[2048];
    (void)snprintf(base, sizeof base, "%s", folder);
    DIR *dir = opendir(base);
    assert_non_null(dir);
    size_t files = 0;
    size_t good = 0;
    size_t cases = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[4096];
        if (strstr(entry->d_name, ".xml") == NULL) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", base, entry->d_name);
        check_corpus_file(path, &good, &cases);
        files++;
    }
    (void)closedir(dir);
    print_message("%zu files, %zu of them good, %zu cases\n", files, good, cases);
    assert_true(files > 300);
    assert_true(good * 10 > files * 8);
}
