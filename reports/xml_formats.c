/* SPDX-License-Identifier: Apache-2.0 */
/* The XML formats that are read by table (xml_table.h), and the few things a table cannot say. What
 * each does with what tools write: docs/formats/xml.md. */
#include "reports/read_impl.h"
#include "reports/xml_table.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Words that are not listed are no pass: new ones of a newer tool must be seen. */
#define ANY_OTHER(status) \
    {                     \
        NULL, status      \
    }

/* ---- Check ---- */

static const struct xml_word check_words[] = {
    {"success", OUTCOME_PASSED },
    {"failure", OUTCOME_FAILED },
    {"skipped", OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_rule check_rules[] = {
    {"suite",          XML_GROUP,      NULL       },
    {"suite/title",    XML_GROUP_NAME, NULL       },
    {"suite/test",     XML_CASE,       NULL       },
    {"test@result",    XML_STATUS,     check_words},
    {"test/id",        XML_NAME,       NULL       },
    {"test/fn",        XML_PLACE,      NULL       },
    {"test/iteration", XML_ITERATION,  NULL       },
    {"test/duration",  XML_SECONDS,    NULL       },
    {"test/message",   XML_MESSAGE,    NULL       },
};

/* ---- CUnit ---- */

static const struct xml_rule cunit_rules[] = {
    {"CUNIT_RUN_SUITE",                        XML_GROUP,       NULL},
    {"CUNIT_RUN_SUITE_SUCCESS/SUITE_NAME",     XML_GROUP_NAME,  NULL},
    {"CUNIT_RUN_SUITE_FAILURE/SUITE_NAME",     XML_GROUP_NAME,  NULL},
    {"CUNIT_RUN_SUITE_FAILURE",                XML_ERRORED,     NULL},
    {"CUNIT_RUN_SUITE_FAILURE/FAILURE_REASON", XML_MESSAGE,     NULL},
    {"CUNIT_RUN_TEST_SUCCESS",                 XML_CASE,        NULL},
    {"CUNIT_RUN_TEST_FAILURE",                 XML_CASE_FAILED, NULL},
    {"TEST_NAME",                              XML_NAME,        NULL},
    {"FILE_NAME",                              XML_FILE,        NULL},
    {"LINE_NUMBER",                            XML_LINE,        NULL},
    {"CONDITION",                              XML_MESSAGE,     NULL},
};

/* ---- CTest ---- */

static const struct xml_word ctest_words[] = {
    {"passed", OUTCOME_PASSED },
    {"failed", OUTCOME_FAILED },
    {"notrun", OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_rule ctest_rules[] = {
    {"Testing/Test",                             XML_CASE,      NULL       },
    {"Testing/Test@Status",                      XML_STATUS,    ctest_words},
    {"Test/Name",                                XML_NAME,      NULL       },
    {"Test/Path",                                XML_CLASSNAME, NULL       },
    {"NamedMeasurement:Execution Time/Value",    XML_SECONDS,   NULL       },
    {"NamedMeasurement:Completion Status/Value", XML_TYPE,      NULL       },
    {"NamedMeasurement:Exit Code/Value",         XML_MESSAGE,   NULL       },
    {"Measurement/Value",                        XML_OUTPUT,    NULL       },
    {"Measurement/Value@compression",            XML_DROP,      NULL       },
};

/* A test that did not run on purpose is skipped; one that could not run ("Unable to find
 * executable", a fixture that failed) is none: ctest counts it as failed. */
static void judge_not_run(struct junit_case *c)
{
    const char *why = str_text(&c->type);
    if (c->status == OUTCOME_SKIPPED && why[0] != '\0' && strcmp(why, "Disabled") != 0
        && strncmp(why, "SKIP_", 5) != 0) {
        junit_case_worsen(c, OUTCOME_ERRORED);
        str_clear(&c->message);
        keep_text(&c->message, why, strlen(why));
    }
}

/* "./libs/a" -> "projectroot.libs.a", as Jenkins names them. */
static void finish_ctest(struct junit_case *c, const char *group)
{
    (void)group;
    judge_not_run(c);
    struct str path = STR_INIT(KEEP_MAX);
    const char *from = str_text(&c->classname);
    from += strcmp(from, ".") == 0 ? 1 : strncmp(from, "./", 2) == 0 ? 2 : 0;
    keep_text(&path, "projectroot", strlen("projectroot"));
    if (*from != '\0') {
        keep_text(&path, ".", 1);
        keep_text(&path, from, strlen(from));
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '/') {
            path.data[i] = '.';
        }
    }
    str_clear(&c->classname);
    keep_text(&c->classname, str_text(&path), path.len);
    c->classname.error = c->classname.error != 0 ? c->classname.error : path.error;
    str_fini(&path);
}

/* ---- Boost.Test ---- */

static const struct xml_word boost_words[] = {
    {"passed",   OUTCOME_PASSED },
    {"failed",   OUTCOME_FAILED },
    {"aborted",  OUTCOME_ERRORED},
    {"skipped",  OUTCOME_SKIPPED},
    {"disabled", OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_word boost_skip_words[] = {
    {"no", OUTCOME_PASSED},
    ANY_OTHER(OUTCOME_SKIPPED),
};

static const struct xml_rule boost_rules[] = {
    {"TestSuite",           XML_GROUP,        NULL            },
    {"TestSuite@name",      XML_GROUP_NAME,   NULL            },
    {"TestSuite@result",    XML_GROUP_STATUS, boost_words     },
    {"TestCase",            XML_CASE,         NULL            },
    {"TestCase@name",       XML_NAME,         NULL            },
    {"TestCase@file",       XML_FILE,         NULL            },
    {"TestCase@line",       XML_LINE,         NULL            },
    {"TestCase@result",     XML_STATUS,       boost_words     },
    {"TestCase@skipped",    XML_STATUS,       boost_skip_words},
    {"TestCase@reason",     XML_MESSAGE,      NULL            },
    {"TestingTime",         XML_MICROSECONDS, NULL            },
    {"Error",               XML_FAILED,       NULL            },
    {"FatalError",          XML_ERRORED,      NULL            },
    {"Exception",           XML_ERRORED,      NULL            },
    {"Error@file",          XML_RESULT_FILE,  NULL            },
    {"Error@line",          XML_RESULT_LINE,  NULL            },
    {"FatalError@file",     XML_RESULT_FILE,  NULL            },
    {"FatalError@line",     XML_RESULT_LINE,  NULL            },
    {"Exception@file",      XML_RESULT_FILE,  NULL            },
    {"Exception@line",      XML_RESULT_LINE,  NULL            },
    {"LastCheckpoint@file", XML_RESULT_FILE,  NULL            },
    {"LastCheckpoint@line", XML_RESULT_LINE,  NULL            },
    {"TestCase/Info",       XML_OUTPUT,       NULL            },
    {"TestCase/Message",    XML_OUTPUT,       NULL            },
    {"TestCase/Warning",    XML_OUTPUT,       NULL            },
};

/* ---- CppUnit ---- */

static const struct xml_word cppunit_words[] = {
    {"Assertion", OUTCOME_FAILED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_rule cppunit_rules[] = {
    {"FailedTest",           XML_CASE_FAILED,  NULL         },
    {"SuccessfulTests/Test", XML_CASE,         NULL         },
    {"FailedTests/Test",     XML_CASE_FAILED,  NULL         },
    {"SkippedTests/Test",    XML_CASE_SKIPPED, NULL         },
    {"FailedTest/Name",      XML_NAME,         NULL         },
    {"Test/Name",            XML_NAME,         NULL         },
    {"FailureType",          XML_STATUS,       cppunit_words},
    {"Location/File",        XML_FILE,         NULL         },
    {"Location/Line",        XML_LINE,         NULL         },
    {"FailedTest/Message",   XML_MESSAGE,      NULL         },
    {"Statistics/Tests",     XML_COUNT,        NULL         },
    {"FailuresTotal",        XML_COUNT_BAD,    NULL         },
};

/* Splits a name behind its class: "Class::test". */
static void split_name(struct junit_case *c, size_t class_len, size_t separator_len)
{
    size_t cut = class_len + separator_len;
    str_clear(&c->classname);
    keep_text(&c->classname, c->name.data, class_len);
    memmove(c->name.data, c->name.data + cut, c->name.len - cut + 1);
    c->name.len -= cut;
}

static void finish_cppunit(struct junit_case *c, const char *group)
{
    (void)group;
    const char *name = str_text(&c->name);
    const char *last = NULL;
    for (const char *at = strstr(name, "::"); at != NULL; at = strstr(at + 2, "::")) {
        last = at;
    }
    if (last != NULL && last > name && last[2] != '\0') {
        split_name(c, (size_t)(last - name), 2);
        return;
    }
    last = strchr(name, ':') != NULL ? strrchr(name, '.') : NULL; /* AUnit: "suite : class.1" */
    if (last != NULL && last[1] != '\0') {
        split_name(c, (size_t)(last - name), 1);
    }
}

/* ---- NUnit 2 and 3 ---- */

static const struct xml_word nunit_words[] = {
    {"Success",      OUTCOME_PASSED },
    {"Passed",       OUTCOME_PASSED },
    {"Warning",      OUTCOME_PASSED },
    {"Failure",      OUTCOME_FAILED },
    {"Failed",       OUTCOME_FAILED },
    {"Ignored",      OUTCOME_SKIPPED},
    {"Skipped",      OUTCOME_SKIPPED},
    {"Inconclusive", OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

/* Suites that are files, or all of them, and no namespace or class. */
static const struct xml_word nunit_kinds[] = {
    {"Assembly",             XML_WORD_UNNAMED},
    {"Assemblies",           XML_WORD_UNNAMED},
    {"Project",              XML_WORD_UNNAMED},
    {"Test Project",         XML_WORD_UNNAMED},
    {"GenericFixture",       XML_WORD_UNNAMED}, /* "Fixture<T>" around "Fixture<Double>" */
    {"ParameterizedFixture", XML_WORD_UNNAMED},
    ANY_OTHER(XML_WORD_KEEP),
};

static const struct xml_word nunit_executed[] = {
    {"False", OUTCOME_SKIPPED},
    ANY_OTHER(XML_WORD_KEEP),
};

static const struct xml_word nunit_success[] = {
    {"False", OUTCOME_FAILED},
    ANY_OTHER(XML_WORD_KEEP),
};

static const struct xml_word nunit_suite_words[] = {
    {"Failure", OUTCOME_FAILED },
    {"Failed",  OUTCOME_FAILED },
    {"Error",   OUTCOME_ERRORED},
    ANY_OTHER(XML_WORD_KEEP),
};

static const struct xml_rule nunit_rules[] = {
    {"test-suite",                    XML_GROUP,        NULL             },
    {"test-suite@name",               XML_GROUP_NAME,   NULL             },
    {"test-suite@fullname",           XML_GROUP_NAME,   NULL             },
    {"test-suite@type",               XML_GROUP_KIND,   nunit_kinds      },
    {"test-suite@result",             XML_GROUP_STATUS, nunit_suite_words},
    {"test-suite/failure/message",    XML_GROUP_TEXT,   NULL             },
    {"test-case",                     XML_CASE,         NULL             },
    {"test-case@name",                XML_NAME,         NULL             },
    {"test-case@classname",           XML_CLASSNAME,    NULL             },
    {"test-case@time",                XML_SECONDS,      NULL             },
    {"test-case@duration",            XML_SECONDS,      NULL             },
    {"test-case@result",              XML_STATUS,       nunit_words      },
    {"test-case@executed",            XML_STATUS,       nunit_executed   },
    {"test-case@success",             XML_STATUS_SPARE, nunit_success    },
    {"test-case/failure",             XML_FAILED,       NULL             },
    {"test-case/failure/message",     XML_MESSAGE,      NULL             },
    {"test-case/failure/stack-trace", XML_DETAILS,      NULL             },
    {"test-case/reason/message",      XML_MESSAGE,      NULL             },
    {"test-case/output",              XML_OUTPUT,       NULL             },
    {"test-run@total",                XML_COUNT,        NULL             },
    {"test-run@failed",               XML_COUNT_BAD,    NULL             },
    {"test-results@failures",         XML_COUNT_BAD,    NULL             },
    {"test-results@errors",           XML_COUNT_BAD,    NULL             },
};

/* NUnit 2 knows no class: the name begins with it, or with the method of a parameterized test. */
static void finish_nunit(struct junit_case *c, const char *group)
{
    const char *name = str_text(&c->name);
    size_t len = strlen(group);
    if (c->classname.len > 0 || len == 0 || strncmp(name, group, len) != 0) {
        return;
    }
    size_t dot = name[len] == '.' ? 1 : 0;
    if (name[len + dot] != '\0') {
        split_name(c, len, dot);
    }
}

/* ---- xUnit.net ---- */

static const struct xml_word xunit_words[] = {
    {"Pass",   OUTCOME_PASSED },
    {"Fail",   OUTCOME_FAILED },
    {"Skip",   OUTCOME_SKIPPED},
    {"NotRun", OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_rule xunit_rules[] = {
    {"collection",                  XML_GROUP,      NULL       },
    {"collection@name",             XML_GROUP_NAME, NULL       },
    {"class",                       XML_GROUP,      NULL       },
    {"class@name",                  XML_GROUP_NAME, NULL       },
    {"class/failure",               XML_ERRORED,    NULL       },
    {"class/failure/message",       XML_MESSAGE,    NULL       },
    {"class/failure/stack-trace",   XML_DETAILS,    NULL       },
    {"errors/error",                XML_ERRORED,    NULL       },
    {"errors/error@type",           XML_TYPE,       NULL       },
    {"error/failure/message",       XML_MESSAGE,    NULL       },
    {"error/failure/stack-trace",   XML_DETAILS,    NULL       },
    {"test",                        XML_CASE,       NULL       },
    {"test@method",                 XML_NAME,       NULL       },
    {"test@name",                   XML_NAME_SPARE, NULL       },
    {"test@type",                   XML_CLASSNAME,  NULL       },
    {"test@time",                   XML_SECONDS,    NULL       },
    {"test@source-file",            XML_FILE,       NULL       },
    {"test@source-line",            XML_LINE,       NULL       },
    {"test@result",                 XML_STATUS,     xunit_words},
    {"test/failure",                XML_FAILED,     NULL       },
    {"test/failure@exception-type", XML_TYPE,       NULL       },
    {"test/failure/message",        XML_MESSAGE,    NULL       },
    {"test/failure/stack-trace",    XML_DETAILS,    NULL       },
    {"test/reason",                 XML_MESSAGE,    NULL       },
    {"test/reason/message",         XML_MESSAGE,    NULL       },
    {"test/output",                 XML_OUTPUT,     NULL       },
    {"assembly@total",              XML_COUNT,      NULL       },
};

/* ---- Visual Studio ---- */

static const struct xml_word trx_words[] = {
    {"Passed",       OUTCOME_PASSED },
    {"Warning",      OUTCOME_PASSED },
    {"Completed",    OUTCOME_PASSED },
    {"Failed",       OUTCOME_FAILED },
    {"NotExecuted",  OUTCOME_SKIPPED},
    {"Inconclusive", OUTCOME_SKIPPED},
    {"Pending",      OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_word trx_run_words[] = {
    {"Error",  OUTCOME_ERRORED},
    {"Failed", OUTCOME_FAILED },
    ANY_OTHER(XML_WORD_KEEP),
};

static const struct xml_rule trx_rules[] = {
    {"UnitTest@id",                   XML_KEY,           NULL         },
    {"UnitTest/TestMethod@className", XML_KEY_CLASSNAME, NULL         },
    {"UnitTestResult",                XML_CASE,          NULL         },
    {"UnitTestResult@testId",         XML_CLASSNAME_OF,  NULL         },
    {"UnitTestResult@testName",       XML_NAME,          NULL         },
    {"UnitTestResult@duration",       XML_CLOCK,         NULL         },
    {"UnitTestResult@outcome",        XML_STATUS,        trx_words    },
    {"ErrorInfo/Message",             XML_MESSAGE,       NULL         },
    {"ErrorInfo/StackTrace",          XML_DETAILS,       NULL         },
    {"Output/StdOut",                 XML_OUTPUT,        NULL         },
    {"Output/StdErr",                 XML_OUTPUT,        NULL         },
    {"RunInfo",                       XML_GROUP,         NULL         },
    {"RunInfo@outcome",               XML_GROUP_STATUS,  trx_run_words},
    {"RunInfo/Text",                  XML_GROUP_TEXT,    NULL         },
    {"ResultSummary/Counters@total",  XML_COUNT,         NULL         },
    {"ResultSummary/Counters@failed", XML_COUNT_BAD,     NULL         },
    {"ResultSummary/Counters@error",  XML_COUNT_BAD,     NULL         },
};

/* "Space.Class, Assembly, Version=..." is the class; some write it before the name, too. */
static void finish_trx(struct junit_case *c, const char *group)
{
    (void)group;
    size_t len = strcspn(str_text(&c->classname), ",");
    if (len < c->classname.len) {
        c->classname.data[len] = '\0';
        c->classname.len = len;
    }
    if (len > 0 && strncmp(str_text(&c->name), c->classname.data, len) == 0
        && c->name.data[len] == '.' && c->name.data[len + 1] != '\0') {
        memmove(c->name.data, c->name.data + len + 1, c->name.len - len);
        c->name.len -= len + 1;
    }
}

/* ---- Qt Test ---- */

static const struct xml_word qtest_words[] = {
    {"pass",   OUTCOME_PASSED },
    {"xfail",  OUTCOME_PASSED },
    {"bpass",  OUTCOME_PASSED },
    {"bfail",  OUTCOME_PASSED },
    {"bxfail", OUTCOME_PASSED },
    {"bxpass", OUTCOME_PASSED },
    {"fail",   OUTCOME_FAILED },
    {"xpass",  OUTCOME_FAILED },
    {"skip",   OUTCOME_SKIPPED},
    ANY_OTHER(OUTCOME_ERRORED),
};

static const struct xml_word qtest_message_words[] = {
    {"skip",   OUTCOME_SKIPPED},
    {"qfatal", OUTCOME_ERRORED},
    ANY_OTHER(XML_WORD_KEEP),
};

static const struct xml_rule qtest_rules[] = {
    {"TestCase",                    XML_GROUP,        NULL               },
    {"TestCase@name",               XML_GROUP_NAME,   NULL               },
    {"TestFunction",                XML_CASE,         NULL               },
    {"TestFunction@name",           XML_NAME,         NULL               },
    {"TestFunction/Duration@msecs", XML_MILLISECONDS, NULL               },
    {"Incident@type",               XML_STATUS,       qtest_words        },
    {"Incident@file",               XML_RESULT_FILE,  NULL               },
    {"Incident@line",               XML_RESULT_LINE,  NULL               },
    {"Incident/Description",        XML_DETAILS,      NULL               },
    {"Message@type",                XML_STATUS,       qtest_message_words},
    {"Message@file",                XML_RESULT_FILE,  NULL               },
    {"Message@line",                XML_RESULT_LINE,  NULL               },
    {"Message/Description",         XML_DETAILS,      NULL               },
};

/* ---- all ---- */

/* In the order in which a root is looked up: a namespace tells more than a name. */
static const struct xml_format formats[] = {
    {
     .format = REPORT_CHECK,
     .roots = {"testsuites"},
     .namespace_of = "check.sourceforge.net",
     .rules = check_rules,
     .rule_count = COUNT(check_rules),
     },
    {
     .format = REPORT_CUNIT,
     .roots = {"CUNIT_TEST_RUN_REPORT"},
     .merges = true,
     .rules = cunit_rules,
     .rule_count = COUNT(cunit_rules),
     },
    {
     .format = REPORT_CTEST,
     .roots = {"Site"},
     .finish = finish_ctest,
     .rules = ctest_rules,
     .rule_count = COUNT(ctest_rules),
     },
    {
     .format = REPORT_BOOST,
     .roots = {"TestLog", "TestResult"},
     .join = XML_DOTS,
     .rules = boost_rules,
     .rule_count = COUNT(boost_rules),
     },
    {
     .format = REPORT_NUNIT,
     .roots = {"test-results", "test-run", "test-suite"},
     .join = XML_SPACES,
     .finish = finish_nunit,
     .rules = nunit_rules,
     .rule_count = COUNT(nunit_rules),
     },
    {
     .format = REPORT_XUNIT,
     .roots = {"assemblies", "assembly"},
     .rules = xunit_rules,
     .rule_count = COUNT(xunit_rules),
     },
    {
     .format = REPORT_TRX,
     .roots = {"TestRun"},
     .namespace_of = "microsoft.com",
     .looks_up = true,
     .finish = finish_trx,
     .rules = trx_rules,
     .rule_count = COUNT(trx_rules),
     },
    {
     .format = REPORT_CPPUNIT,
     .roots = {"TestRun"},
     .finish = finish_cppunit,
     .rules = cppunit_rules,
     .rule_count = COUNT(cppunit_rules),
     },
    {
     .format = REPORT_QTEST,
     .roots = {"TestCase"},
     .rules = qtest_rules,
     .rule_count = COUNT(qtest_rules),
     },
};

const struct xml_format *xml_format_of(enum report_format format)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (formats[i].format == format) {
            return &formats[i];
        }
    }
    return NULL;
}

static bool has_root(const struct xml_format *format, const char *name)
{
    for (size_t i = 0; i < COUNT(format->roots); i++) {
        if (format->roots[i] != NULL && strcmp(format->roots[i], name) == 0) {
            return true;
        }
    }
    return false;
}

const struct xml_format *xml_format_of_root(const char *name, const char *uri)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        const char *wanted = formats[i].namespace_of;
        bool in_namespace = wanted == NULL || (uri != NULL && strstr(uri, wanted) != NULL);
        if (in_namespace && has_root(&formats[i], name)) {
            return &formats[i];
        }
    }
    return NULL;
}
