/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that are read by table, and those of JSON and lines: small reports of our own, one a
 * trap. What other projects' files say: tests/corpora. */
#include "base/mem.h"
#include "base/str.h"
#include "reports/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/collect.h"

#define ASSERT_CONTAINS(text, part) assert_non_null(strstr(text, part))

/* One report of each format, with a passed, a failed and a skipped case: "ok", "bad", "later". */
static const struct {
    enum report_format format;
    const char *text;
} samples[] = {
    {REPORT_CHECK,
     "<testsuites xmlns=\"http://check.sourceforge.net/ns\"><suite><title>s</title>"
     "<test result=\"success\"><id>ok</id><fn>a.c:3</fn><duration>-1</duration>"
     "<message>Passed</message></test>"
     "<test result=\"failure\"><id>bad</id><fn>a.c:9</fn><duration>0.5</duration>"
     "<message>1 != 2</message></test>"
     "<test result=\"skipped\"><id>later</id></test></suite></testsuites>"                      },
    {REPORT_CUNIT,
     "<CUNIT_TEST_RUN_REPORT><CUNIT_RUN_SUITE><CUNIT_RUN_SUITE_SUCCESS><SUITE_NAME>s</SUITE_NAME>"
     "<CUNIT_RUN_TEST_RECORD><CUNIT_RUN_TEST_SUCCESS><TEST_NAME>ok</TEST_NAME>"
     "</CUNIT_RUN_TEST_SUCCESS></CUNIT_RUN_TEST_RECORD><CUNIT_RUN_TEST_RECORD>"
     "<CUNIT_RUN_TEST_FAILURE><TEST_NAME> bad </TEST_NAME><FILE_NAME>a.c</FILE_NAME>"
     "<LINE_NUMBER> 9 </LINE_NUMBER><CONDITION>1 != 2</CONDITION></CUNIT_RUN_TEST_FAILURE>"
     "</CUNIT_RUN_TEST_RECORD></CUNIT_RUN_SUITE_SUCCESS></CUNIT_RUN_SUITE>"
     "</CUNIT_TEST_RUN_REPORT>"                                                                 },
    {REPORT_CPPUNIT,
     "<TestRun><FailedTests><FailedTest id=\"1\"><Name>s::bad</Name><FailureType>Assertion"
     "</FailureType><Location><File>a.c</File><Line>9</Line></Location><Message>1 != 2</Message>"
     "</FailedTest></FailedTests><SuccessfulTests><Test id=\"2\"><Name>s::ok</Name></Test>"
     "</SuccessfulTests></TestRun>"                                                             },
    {REPORT_CTEST,
     "<Site><Testing><TestList><Test>./ok</Test></TestList>"
     "<Test Status=\"passed\"><Name>ok</Name><Path>./s</Path><Results>"
     "<NamedMeasurement name=\"Execution Time\"><Value>0.5</Value></NamedMeasurement>"
     "<Measurement><Value encoding=\"base64\" compression=\"gzip\">eJxL</Value></Measurement>"
     "</Results></Test>"
     "<Test Status=\"failed\"><Name>bad</Name><Path>.</Path><Results>"
     "<NamedMeasurement name=\"Exit Code\"><Value>1 != 2</Value></NamedMeasurement></Results></Test>"
     "<Test Status=\"notrun\"><Name>later</Name><Path>.</Path><Results>"
     "<NamedMeasurement name=\"Completion Status\"><Value>Disabled</Value></NamedMeasurement>"
     "</Results></Test></Testing></Site>"                                                       },
    {REPORT_BOOST,
     "<TestLog><TestSuite name=\"s\"><TestCase name=\"ok\"><TestingTime>500000</TestingTime>"
     "</TestCase><TestCase name=\"bad\" file=\"b.c\" line=\"1\"><Error file=\"a.c\" line=\"9\">"
     "<![CDATA[1 != 2]]></Error></TestCase><TestCase name=\"later\" skipped=\"yes\"/></TestSuite>"
     "</TestLog>"                                                                               },
    {REPORT_NUNIT,
     "<test-run><test-suite name=\"s\"><test-case name=\"ok\" result=\"Passed\" duration=\"0.5\">"
     "<reason><message>why not</message></reason></test-case>"
     "<test-case name=\"bad\" result=\"Failed\"><failure><message>1 != 2</message>"
     "<stack-trace>at a.c</stack-trace></failure></test-case>"
     "<test-case name=\"later\" result=\"Skipped\"/></test-suite></test-run>"                   },
    {REPORT_XUNIT,
     "<assemblies><assembly><collection name=\"c\"><test name=\"s.ok\" type=\"s\" method=\"ok\" "
     "time=\"0.5\" result=\"Pass\"/><test name=\"s.bad\" type=\"s\" method=\"bad\" result=\"Fail\">"
     "<failure exception-type=\"E\"><message>1 != 2</message></failure></test>"
     "<test name=\"later\" type=\"s\" method=\"\" result=\"Skip\"><reason>soon</reason></test>"
     "</collection></assembly></assemblies>"                                                    },
    {REPORT_TRX,
     "<TestRun xmlns=\"http://microsoft.com/schemas/VisualStudio/TeamTest/2010\"><Results>"
     "<UnitTestResult testId=\"1\" testName=\"s.ok\" duration=\"00:00:00.5000000\" "
     "outcome=\"Passed\"/><UnitTestResult testId=\"2\" testName=\"bad\" outcome=\"Failed\"><Output>"
     "<ErrorInfo><Message>1 != 2</Message><StackTrace>x</StackTrace></ErrorInfo></Output>"
     "</UnitTestResult><UnitTestResult testId=\"3\" testName=\"later\" outcome=\"NotExecuted\"/>"
     "</Results><TestDefinitions><UnitTest id=\"1\"><TestMethod className=\"s, lib\"/></UnitTest>"
     "<UnitTest id=\"2\"><TestMethod className=\"s\"/></UnitTest></TestDefinitions></TestRun>"  },
    {REPORT_QTEST,
     "<TestCase name=\"s\"><TestFunction name=\"ok\"><Incident type=\"pass\" file=\"\" line=\"0\"/>"
     "<Duration msecs=\"500\"/></TestFunction><TestFunction name=\"bad\"><Incident type=\"fail\" "
     "file=\"a.c\" line=\"9\"><Description>1 != 2</Description></Incident></TestFunction>"
     "<TestFunction name=\"later\"><Message type=\"skip\" file=\"a.c\" line=\"1\"><Description>soon"
     "</Description></Message></TestFunction></TestCase>"                                       },
    {REPORT_CTRF,
     "{\"reportFormat\":\"CTRF\",\"results\":{\"summary\":{\"tests\":3},\"tests\":["
     "{\"name\":\"ok\",\"status\":\"passed\",\"duration\":500,\"suite\":[\"s\"]},"
     "{\"name\":\"bad\",\"status\":\"failed\",\"duration\":1,\"message\":\"1 != 2\\nmore\"},"
     "{\"name\":\"later\",\"status\":\"pending\",\"duration\":0}]}}"                            },
    {REPORT_MOCHA,
     "{\"stats\":{\"tests\":3},\"tests\":[],\"pending\":[{\"fullTitle\":\"later\"}],\"failures\":["
     "{\"fullTitle\":\"bad\",\"err\":{\"message\":\"1 != 2\",\"stack\":\"at a.js\"}}],"
     "\"passes\":[{\"fullTitle\":\"ok\",\"duration\":500}]}"                                    },
    {REPORT_GOTEST,
     "{\"Action\":\"run\",\"Package\":\"s\",\"Test\":\"ok\"}\n"
     "{\"Action\":\"pass\",\"Package\":\"s\",\"Test\":\"ok\",\"Elapsed\":0.5}\n"
     "{\"Action\":\"output\",\"Package\":\"s\",\"Test\":\"bad\",\"Output\":\"    a.go:9: 1 != 2\\n\"}\n"
     "{\"Action\":\"fail\",\"Package\":\"s\",\"Test\":\"bad\",\"Elapsed\":0}\n"
     "{\"Action\":\"skip\",\"Package\":\"s\",\"Test\":\"later\",\"Elapsed\":0}\n"
     "{\"Action\":\"fail\",\"Package\":\"s\",\"Elapsed\":1}\n"                                  },
    {REPORT_SUBUNIT,
     "time: 2026-01-01 00:00:00Z\ntest: ok\ntime: 2026-01-01 00:00:00.500000Z\nsuccess: ok\n"
     "test: bad\nnoise\nfailure: bad [\na.c:9: 1 != 2\n]\ntest: later\nskip: later [\nsoon\n]\n"},
};

#define SAMPLE_COUNT (sizeof samples / sizeof samples[0])

static const struct test_case *find_case(const struct collected *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->cases[i].name, name) == 0) {
            return &c->cases[i];
        }
    }
    return NULL;
}

TEST(each_format_tells_names_statuses_times_and_why)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct collected c = collect_text(samples[i].format, samples[i].text);
        const char *name = report_format_name(samples[i].format);
        const struct test_case *ok = find_case(&c, "ok");
        const struct test_case *bad = find_case(&c, "bad");
        const struct test_case *later = find_case(&c, "later");
        if (c.rc != 0 || ok == NULL || bad == NULL) {
            fail_msg("%s: %d %s, %zu cases", name, c.rc, c.err.text, c.count);
        }
        assert_string_equal(c.err.text, "");
        assert_int_equal(ok->status, OUTCOME_PASSED);
        assert_null(ok->message);
        assert_int_equal(bad->status, OUTCOME_FAILED);
        ASSERT_CONTAINS(bad->message, "1 != 2");
        assert_true(ok->time_s == 0.5 || ok->time_s < 0);
        assert_true(later == NULL || later->status == OUTCOME_SKIPPED);
        collected_fini(&c);
    }
}

TEST(places_of_failures_are_the_tools_own)
{
    static const enum report_format with_place[] = {
        REPORT_CHECK, REPORT_CUNIT, REPORT_CPPUNIT, REPORT_BOOST, REPORT_QTEST, REPORT_SUBUNIT};

    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        for (size_t k = 0; k < sizeof with_place / sizeof with_place[0]; k++) {
            if (samples[i].format == with_place[k]) {
                struct collected c = collect_text(samples[i].format, samples[i].text);
                assert_string_equal(find_case(&c, "bad")->file, "a.c");
                assert_int_equal(find_case(&c, "bad")->line, 9);
                collected_fini(&c);
            }
        }
    }
}

TEST(auto_reads_each_as_what_it_is)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct collected known = collect_text(samples[i].format, samples[i].text);
        struct collected told = collect_text(REPORT_AUTO, samples[i].text);
        if (told.rc != 0 || told.count != known.count) {
            fail_msg("%s: %s", report_format_name(samples[i].format), told.err.text);
        }
        assert_memory_equal(told.by_status, known.by_status, sizeof told.by_status);
        collected_fini(&known);
        collected_fini(&told);
    }
}

TEST(auto_says_what_it_cannot_tell)
{
    static const struct {
        const char *text;
        int rc;
        const char *words;
    } rows[] = {
        {"",                       -ENODATA, "empty"          },
        {" \n\t",                  -ENODATA, "empty"          },
        {"<html/>",                -EINVAL,  "root is <html>" },
        {"<!-- nothing -->",       -EINVAL,  "no element"     },
        {"<!DOCTYPE a [ <!ENTITY", -EINVAL,  "no element"     },
        {"hello\n",                -EINVAL,  "name its format"},
        {"{\"a\":1}",              -EINVAL,  "name its format"},
        {"ok  \tpkg\t0.01s\n",     -EINVAL,  "name its format"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct collected c = collect_text(REPORT_AUTO, rows[i].text);
        assert_int_equal(c.rc, rows[i].rc);
        ASSERT_CONTAINS(c.err.text, rows[i].words);
        collected_fini(&c);
    }
}

/* A report cut anywhere: an error, or all of what matters was there; never a failure that is gone
 * from a report that is said to be whole. */
TEST(a_report_torn_at_any_byte_is_never_green)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        size_t len = strlen(samples[i].text);
        for (size_t cut = 0; cut + 1 < len; cut++) {
            struct collected c = collect(samples[i].format, samples[i].text, cut);
            bool green =
                c.rc == 0 && c.by_status[OUTCOME_FAILED] == 0 && c.by_status[OUTCOME_ERRORED] == 0;
            /* a stream of lines that has not come to its failure is whole */
            if (green && samples[i].format != REPORT_SUBUNIT) {
                fail_msg("%s cut at %zu is green", report_format_name(samples[i].format), cut);
            }
            collected_fini(&c);
        }
    }
}

static int count_case(void *context, const struct test_case *c)
{
    (void)c;
    ++*(size_t *)context;
    return 0;
}

/* Reads a sample with the n-th allocation failing; true when it was read whole. */
static bool read_starved(size_t sample, size_t n, size_t cases)
{
    size_t seen = 0;
    struct err err = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    size_t len = strlen(samples[sample].text);
    assert_int_equal(write(fd, samples[sample].text, len), (ssize_t)len);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    (void)mem_fail_from(n);
    int rc = report_read(samples[sample].format, fd, count_case, &seen, &err);
    (void)mem_fail_from(0);
    (void)close(fd);
    if (rc == 0) {
        assert_int_equal(seen, cases);
        return true;
    }
    assert_true(rc == -ENOMEM || rc == -EBADMSG);
    assert_true(err.text[0] != '\0');
    return false;
}

TEST(without_memory_no_case_is_lost_in_silence)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct collected c = collect_text(samples[i].format, samples[i].text);
        size_t n = 1;
        while (!read_starved(i, n, c.count)) {
            assert_true(++n < 2000);
        }
        assert_true(n > 2);
        collected_fini(&c);
    }
}

TEST(texts_beyond_their_limit_are_cut)
{
    struct str text = STR_INIT(8u << 20);
    (void)str_append(&text, "{\"results\":{\"tests\":[{\"status\":\"failed\",\"name\":\"");
    for (int i = 0; i < 40000; i++) {
        (void)str_append(&text, "\xC3\xA4\xC3\xB6");
    }
    (void)str_append(&text, "\"}]}}");
    struct collected c = collect_text(REPORT_CTRF, str_text(&text));
    assert_int_equal(c.rc, 0);
    assert_true(strlen(c.cases[0].name) <= 65536);
    assert_true(strlen(c.cases[0].name) > 65000);
    collected_fini(&c);
    str_fini(&text);
}

/* ---- never green by absence ---- */

TEST(a_package_that_fails_by_itself_is_a_case)
{
    struct collected c =
        collect_text(REPORT_GOTEST,
                     "{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T\",\"Elapsed\":0}\n"
                     "{\"Action\":\"output\",\"Package\":\"p\",\"Output\":\"exit status 2\\n\"}\n"
                     "{\"Action\":\"fail\",\"Package\":\"p\",\"Elapsed\":0}\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.cases[1].name, "(package)");
    assert_int_equal(c.cases[1].status, OUTCOME_ERRORED);
    ASSERT_CONTAINS(c.cases[1].details, "exit status 2");
    collected_fini(&c);
}

TEST(a_package_that_does_not_build_is_a_case_however_it_is_told)
{
    static const char *const texts[] = {
        "FAIL\tp [build failed]\n",
        "{\"ImportPath\":\"p\",\"Action\":\"build-output\",\"Output\":\"a.go:1: oops\\n\"}\n"
        "{\"ImportPath\":\"p\",\"Action\":\"build-fail\"}\n"
        "{\"Action\":\"start\",\"Package\":\"p\"}\n"
        "{\"Action\":\"fail\",\"Package\":\"p\",\"FailedBuild\":\"p\"}\n",
    };
    for (size_t i = 0; i < 2; i++) {
        struct collected c = collect_text(REPORT_GOTEST, texts[i]);
        assert_int_equal(c.rc, 0);
        assert_int_equal(c.count, 1);
        assert_string_equal(c.cases[0].classname, "p");
        assert_string_equal(c.cases[0].message, "the package could not be built");
        assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
        collected_fini(&c);
    }
}

TEST(a_test_that_panicked_and_has_no_end_is_errored)
{
    struct collected c = collect_text(
        REPORT_GOTEST,
        "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n"
        "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"T\",\"Output\":\"panic\"}\n"
        "{\"Action\":\"fail\",\"Package\":\"p\",\"Elapsed\":1}\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    ASSERT_CONTAINS(c.cases[0].details, "panic");
    collected_fini(&c);
}

TEST(a_go_test_that_printed_nul_or_no_line_break_has_passed)
{
    static const char text[] = "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n"
                               "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"T\","
                               "\"Output\":\"a\\u0000b--- PASS: T (0.00s)\\n\"}\n"
                               "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"U\"}\n"
                               "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"U\","
                               "\"Output\":\"--- PASS: T (0.00s)\\n\"}\n"
                               "{\"Action\":\"%s\",\"Package\":\"p\",\"Elapsed\":1}\n";
    for (int passed = 0; passed < 2; passed++) {
        char report[1000];
        // NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): the literal above
        (void)snprintf(report, sizeof report, text, passed ? "pass" : "fail");
        struct collected c = collect_text(REPORT_GOTEST, report);
        assert_int_equal(c.rc, 0);
        assert_int_equal(c.count, 2);
        assert_int_equal(c.cases[0].status, passed ? OUTCOME_PASSED : OUTCOME_ERRORED);
        assert_int_equal(c.cases[1].status, OUTCOME_ERRORED);
        collected_fini(&c);
    }
}

TEST(a_subunit_test_without_end_is_errored_and_chunks_are_read)
{
    struct collected c = collect_text(
        REPORT_SUBUNIT,
        "test: a\nfailure: a [ multipart\nContent-Type: text/plain\ntraceback\n5\r\nhello0\r\n]\n"
        "test: b\n");
    assert_int_equal(c.count, 2);
    ASSERT_CONTAINS(c.cases[0].details, "hello");
    assert_int_equal(c.cases[1].status, OUTCOME_ERRORED);
    collected_fini(&c);
    c = collect_text(REPORT_SUBUNIT, "test: a\nfailure: a [ multipart\nContent-Type: x\ny\nFF\r\n");
    assert_int_equal(c.rc, -EBADMSG);
    assert_int_equal(c.by_status[OUTCOME_FAILED], 1);
    collected_fini(&c);
}

TEST(a_suite_that_failed_outside_of_its_tests_is_a_case)
{
    static const struct {
        enum report_format format;
        const char *text;
    } rows[] = {
        {REPORT_NUNIT,
         "<test-run><test-suite name=\"s\" result=\"Failed\" site=\"TearDown\"><failure><message>no "
         "disk</message></failure><test-case name=\"a\" result=\"Passed\"/></test-suite>"
         "</test-run>"                                                                            },
        {REPORT_XUNIT,
         "<assembly><errors><error type=\"fixture\"><failure><message>no disk</message></failure>"
         "</error></errors><collection><test name=\"a\" result=\"Pass\"/></collection></assembly>"},
        {REPORT_CUNIT,
         "<CUNIT_TEST_RUN_REPORT><CUNIT_RUN_SUITE><CUNIT_RUN_SUITE_FAILURE><SUITE_NAME>s"
         "</SUITE_NAME><FAILURE_REASON>no disk</FAILURE_REASON></CUNIT_RUN_SUITE_FAILURE>"
         "</CUNIT_RUN_SUITE></CUNIT_TEST_RUN_REPORT>"                                             },
        {REPORT_BOOST,
         "<TestLog><TestSuite name=\"s\"><Exception file=\"a.c\" line=\"1\">no disk</Exception>"
         "</TestSuite></TestLog>"                                                                 },
        {REPORT_TRX,
         "<TestRun><Results><UnitTestResult testName=\"a\" outcome=\"Passed\"/></Results>"
         "<ResultSummary><RunInfos><RunInfo outcome=\"Error\"><Text>no disk</Text></RunInfo>"
         "</RunInfos></ResultSummary></TestRun>"                                                  },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct collected c = collect_text(rows[i].format, rows[i].text);
        assert_int_equal(c.rc, 0);
        assert_int_equal(c.by_status[OUTCOME_ERRORED], 1);
        ASSERT_CONTAINS(find_case(&c, "(suite)")->message, "no disk");
        collected_fini(&c);
    }
}

TEST(a_cunit_test_with_two_failed_assertions_is_one_case)
{
#define FAILURE_OF_A(why)                                                            \
    "<CUNIT_RUN_TEST_FAILURE><TEST_NAME>a</TEST_NAME><CONDITION>" why "</CONDITION>" \
    "</CUNIT_RUN_TEST_FAILURE>"
    struct collected c = collect_text(REPORT_CUNIT,
                                      "<CUNIT_TEST_RUN_REPORT><CUNIT_RUN_SUITE>" FAILURE_OF_A("one")
                                          FAILURE_OF_A("two") "</CUNIT_RUN_SUITE>"
                                                              "</CUNIT_TEST_RUN_REPORT>");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    assert_string_equal(c.cases[0].message, "one");
    ASSERT_CONTAINS(c.cases[0].details, "two");
    collected_fini(&c);
}

TEST(a_subunit_time_beyond_all_clocks_is_none)
{
    struct collected c = collect_text(REPORT_SUBUNIT,
                                      "time: 2026-01-01 00:00:00Z\ntest: a\n"
                                      "time: 2026-01-01 00:00:99999999999999999999999Z\n"
                                      "success: a\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.count, 1);
    assert_true(c.cases[0].time_s < 1);
    collected_fini(&c);
}

TEST(a_set_up_that_failed_is_told_by_cmockas_subunit)
{
    struct collected c =
        collect_text(REPORT_SUBUNIT, "test: a\nerror: a [ Could not run test: no disk ]\n");
    assert_int_equal(c.count, 1);
    assert_string_equal(c.cases[0].name, "a");
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[0].message, "Could not run test: no disk");
    collected_fini(&c);
}

TEST(counted_failures_that_are_nowhere_shown_are_a_case)
{
    struct collected c = collect_text(
        REPORT_CPPUNIT,
        "<TestRun><SuccessfulTests><Test><Name>a</Name></Test></SuccessfulTests><Statistics>"
        "<Tests>2</Tests><FailuresTotal>1</FailuresTotal></Statistics></TestRun>");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.cases[1].name, "(report)");
    assert_int_equal(c.cases[1].status, OUTCOME_ERRORED);
    collected_fini(&c);
}

TEST(counters_that_disagree_are_told)
{
    struct collected c = collect_text(
        REPORT_JUNIT, "<testsuite name='s' tests='3'><testcase name='a'/></testsuite>");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.err.text, "suite s counts 3 tests, but 1 are in it");
    collected_fini(&c);
    c = collect_text(
        REPORT_CTRF,
        "{\"results\":{\"summary\":{\"tests\":2},\"tests\":[{\"name\":\"a\",\"status\":"
        "\"passed\"}]}}");
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.err.text, "the summary counts 2 tests, but 1 are in it");
    collected_fini(&c);
}

TEST(a_ctest_that_could_not_run_is_no_skip)
{
    struct collected c = collect_text(
        REPORT_CTEST,
        "<Site><Testing><Test Status=\"notrun\"><Name>a</Name><Results><NamedMeasurement "
        "name=\"Completion Status\"><Value>Unable to find executable</Value></NamedMeasurement>"
        "</Results></Test></Testing></Site>");
    assert_int_equal(c.cases[0].status, OUTCOME_ERRORED);
    assert_string_equal(c.cases[0].message, "Unable to find executable");
    collected_fini(&c);
}

TEST(words_that_nobody_knows_are_no_pass)
{
    static const struct {
        enum report_format format;
        const char *text;
    } rows[] = {
        {REPORT_NUNIT, "<test-run><test-case name=\"a\" result=\"Exploded\"/></test-run>"       },
        {REPORT_XUNIT, "<assembly><test name=\"a\" result=\"Exploded\"/></assembly>"            },
        {REPORT_TRX,   "<TestRun><UnitTestResult testName=\"a\" outcome=\"Aborted\"/></TestRun>"},
        {REPORT_CTRF,  "{\"results\":{\"tests\":[{\"name\":\"a\",\"status\":\"other\"}]}}"      },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct collected c = collect_text(rows[i].format, rows[i].text);
        assert_int_equal(c.by_status[OUTCOME_ERRORED], 1);
        collected_fini(&c);
    }
}

TEST(a_flaky_test_is_told_by_ctrf_and_mocha)
{
    struct collected c = collect_text(
        REPORT_CTRF,
        "{\"results\":{\"tests\":[{\"name\":\"a\",\"status\":\"passed\",\"flaky\":true},"
        "{\"name\":\"b\",\"status\":\"passed\",\"retryAttempts\":[{\"status\":\"failed\"}]},"
        "{\"name\":\"c\",\"status\":\"failed\",\"flaky\":true}]}}");
    assert_true(c.cases[0].flaky);
    assert_true(c.cases[1].flaky);
    assert_false(c.cases[2].flaky);
    collected_fini(&c);
    c = collect_text(REPORT_MOCHA, "{\"passes\":[{\"title\":\"a\",\"currentRetry\":1}]}");
    assert_true(c.cases[0].flaky);
    collected_fini(&c);
}

TEST(a_not_torn_from_its_ok_is_a_failure)
{
    struct collected c = collect_text(REPORT_TAP, "1..2\nnot \nok 1 - a\nok 2 - b\n");
    assert_int_equal(c.rc, 0);
    assert_int_equal(c.by_status[OUTCOME_FAILED], 1);
    collected_fini(&c);
}

/* ---- hostile ---- */

TEST(entities_of_any_xml_format_open_no_file)
{
    struct collected c = collect_text(
        REPORT_NUNIT,
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><test-run><test-case name=\"a&x;\" "
        "result=\"Failed\"><failure><message>&x;</message></failure></test-case></test-run>");
    for (size_t i = 0; i < c.count; i++) {
        assert_null(strstr(c.cases[i].name, "root:"));
        assert_null(strstr(c.cases[i].message, "root:"));
    }
    assert_true(c.count == 1 || c.rc == -EBADMSG);
    collected_fini(&c);
}

TEST(what_is_too_deep_is_an_error)
{
    static const enum report_format formats[] = {
        REPORT_JUNIT, REPORT_NUNIT, REPORT_TRX, REPORT_AUTO};
    struct str text = STR_INIT(1u << 20);
    (void)str_append(&text, "<TestRun xmlns=\"microsoft.com\">");
    for (int i = 0; i < 100000; i++) {
        (void)str_append(&text, "<a>");
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct collected c = collect_text(formats[i], str_text(&text));
        assert_int_equal(c.rc, -EBADMSG);
        ASSERT_CONTAINS(c.err.text, "nested deeper than 64");
        collected_fini(&c);
    }
    str_clear(&text);
    (void)str_append(&text, "{\"results\":{\"tests\":[");
    for (int i = 0; i < 100000; i++) {
        (void)str_append(&text, "[");
    }
    struct collected c = collect_text(REPORT_AUTO, str_text(&text));
    assert_int_equal(c.rc, -EBADMSG);
    collected_fini(&c);
    str_fini(&text);
}

TEST(bytes_that_are_no_text_are_errors_or_marked)
{
    static const char nul[] = "<test-run><test-case name=\"a\0b\" result=\"Passed\"/></test-run>";
    struct collected c = collect(REPORT_NUNIT, nul, sizeof nul - 1);
    assert_int_equal(c.rc, -EBADMSG);
    collected_fini(&c);
    c = collect_text(REPORT_GOTEST, "{\"Action\":\"pass\",\"Test\":\"a\xff\"}\n");
    assert_int_equal(c.rc, -EBADMSG);
    ASSERT_CONTAINS(c.err.text, "line 1");
    collected_fini(&c);
    c = collect_text(REPORT_SUBUNIT, "success: a\xff\n");
    assert_string_equal(c.cases[0].name, "a\xEF\xBF\xBD");
    collected_fini(&c);
}
