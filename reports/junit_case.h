/* SPDX-License-Identifier: Apache-2.0 */
/* One JUnit testcase under construction: attributes and result elements in, a test_case out. Holds
 * the rules where dialects differ (docs/formats/junit.md). */
#ifndef SLUICE_REPORTS_JUNIT_CASE_H
#define SLUICE_REPORTS_JUNIT_CASE_H

#include "base/str.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stddef.h>

/* The elements that say how a case, or a suite as a whole, ended. */
enum junit_result {
    JUNIT_FAILURE,
    JUNIT_ERROR,
    JUNIT_SKIPPED,
    JUNIT_FLAKY, /* flakyFailure, flakyError: a failed attempt of a case that passed later */
    JUNIT_RERUN, /* rerunFailure, rerunError: a further failed attempt of a case that failed */
};

/* Texts of a case. */
#define JUNIT_CASE_TEXTS 11

struct junit_case {
    union {
        struct {
            struct str name, classname, file, message, type, details, output;
            struct str parameter; /* what the test was given; part of its name */
            /* of the result element that is being read */
            struct str result_message, result_type, result_text;
        };

        struct str texts[JUNIT_CASE_TEXTS]; /* all of them */
    };

    uint32_t line;
    double time_s;
    enum outcome_status status; /* the most severe result so far */
    bool has_result;
    bool todo;                /* marked as expected to fail */
    bool flaky;               /* has a flaky element */
    bool not_run;             /* status="notrun" */
    enum junit_result result; /* of the result element that is being read */
};

_Static_assert(offsetof(struct junit_case, result_text)
                   == (JUNIT_CASE_TEXTS - 1) * sizeof(struct str),
               "every text is one of texts[]");

void junit_case_init(struct junit_case *c);
void junit_case_fini(struct junit_case *c);
/* Makes it ready for the next testcase; keeps the memory. */
void junit_case_clear(struct junit_case *c);

/* What an attribute of a testcase element means. */
enum junit_attribute {
    JUNIT_ATTR_OTHER,
    JUNIT_ATTR_NAME,
    JUNIT_ATTR_CLASSNAME,
    JUNIT_ATTR_CLASS,
    JUNIT_ATTR_PARAMETER,
    JUNIT_ATTR_FILE,
    JUNIT_ATTR_LINE,
    JUNIT_ATTR_LINENO,
    JUNIT_ATTR_TIME,
    JUNIT_ATTR_STATUS,
};

enum junit_attribute junit_attribute_of(const char *name);

/* Takes one attribute of the testcase element; `value` needs no terminator. */
void junit_case_attribute(struct junit_case *c,
                          enum junit_attribute attribute,
                          const char *value,
                          size_t len);

/* A result element: begin, its attributes, its text (into c->result_text), end. */
void junit_case_begin_result(struct junit_case *c, enum junit_result result);
void junit_case_result_attribute(struct junit_case *c, const char *name, const char *value);
void junit_case_end_result(struct junit_case *c);

/* Worsens the status: skipped < failed < errored; a better one changes nothing. */
void junit_case_worsen(struct junit_case *c, enum outcome_status status);

/* Makes the test case; strings belong to `c`. `suite` and `file` come from the suite around it and
 * may be NULL. Returns 0, or -ENOMEM when a text could not be kept. */
int junit_case_finish(struct junit_case *c,
                      const char *suite,
                      const char *file,
                      struct test_case *ret_case);

/* Are all texts of the case short enough to be its names? Seldom not. */
bool junit_case_is_short(const struct junit_case *c);

/* Seconds as reports write them: "1.5", "0,014", "1,234.5", "1.7e-05". -1 when it is no time. */
double junit_time(const char *text);

/* Seconds of "1.02:03:04.5": days, hours, minutes, seconds. -1 when it is none. */
double junit_clock(const char *value);

#endif
