/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit XML of any dialect -> cases. Nothing is built in memory but the case that is being read:
 *
 *   xml_read.c -> element stack -> testcase (junit_case.c) -> feed_case() */
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "reports/junit_case.h"
#include "reports/xml_read.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Testcases within testcases ("sub tests" of some tools); deeper ones are lost in their parent. */
#define CASES_MAX 4

/* The other vocabulary that calls its root "testsuites". */
#define CHECK_NAMESPACE "http://check.sourceforge.net/ns"

enum kind {
    KIND_OTHER,
    KIND_SUITES,
    KIND_SUITE,
    KIND_CASE,
    KIND_RESULT,
    KIND_OUTPUT,
};

struct element_name {
    const char *name;
    enum kind kind;
    enum junit_result result;
};

static const struct element_name element_names[] = {
    {"testsuites",   KIND_SUITES, 0            },
    {"testsuite",    KIND_SUITE,  0            },
    {"testcase",     KIND_CASE,   0            },
    {"failure",      KIND_RESULT, JUNIT_FAILURE},
    {"error",        KIND_RESULT, JUNIT_ERROR  },
    {"skipped",      KIND_RESULT, JUNIT_SKIPPED},
    {"flakyFailure", KIND_RESULT, JUNIT_FLAKY  },
    {"flakyError",   KIND_RESULT, JUNIT_FLAKY  },
    {"rerunFailure", KIND_RESULT, JUNIT_RERUN  },
    {"rerunError",   KIND_RESULT, JUNIT_RERUN  },
    {"system-out",   KIND_OUTPUT, 0            },
    {"system-err",   KIND_OUTPUT, 0            },
    {"system.out",   KIND_OUTPUT, 0            },
    {"system.err",   KIND_OUTPUT, 0            },
};

/* One open element. Names and counts are a suite's. */
struct element {
    enum kind kind;
    struct str *text; /* where its text goes; NULL = nowhere */
    char *name;
    char *file;
    uint64_t direct; /* cases seen in it */
    uint64_t cases;  /* and in suites within it */
    uint64_t tests;  /* tests=, when it was given */
    bool has_tests;
    uint64_t bad;      /* of these, failed or errored */
    uint64_t declared; /* failures= plus errors= */
};

/* What the parser's names mean, by their pointers; of two in one place the last one stays. libxml2
 * packs names into pools of 1,000 bytes and more: the few that a report has lie next to each other
 * and have a place each. */
#define NAMES_KNOWN 512

struct known_name {
    const char *name;
    const struct element_name *element;
    enum junit_attribute attribute;
};

struct reader {
    struct xml_reader *xml;
    struct known_name names[NAMES_KNOWN];
    struct report_feed *feed;
    bool counted;                       /* declared failures beyond the seen ones are errors */
    unsigned case_depth;                /* open testcases */
    struct junit_case cases[CASES_MAX]; /* the open ones, outermost first */
    struct junit_case suite_case;       /* a result element directly in a suite */
    struct junit_case *current;         /* the one whose result is being read */
    struct element stack[XML_DEPTH_MAX];
    unsigned depth;
};

/* ---- attributes ---- */

/* Name and file of a suite are those of its cases, and as long at most. */
static char *copy_attribute(struct reader *r, const char *value)
{
    size_t len = strnlen(value, CASE_NAME_MAX + 1);
    char *copy =
        mem_strndup(value, len <= CASE_NAME_MAX ? len : utf8_valid_prefix(value, CASE_NAME_MAX));
    if (copy == NULL) {
        feed_no_memory(r->feed);
    }
    return copy;
}

static void suite_attribute(struct reader *r,
                            struct element *e,
                            const char *name,
                            const char *value)
{
    if (strcmp(name, "name") == 0 && e->name == NULL) {
        /* what ctest writes when a build has no name: no name */
        e->name = strcmp(value, "(empty)") != 0 ? copy_attribute(r, value) : NULL;
    } else if (strcmp(name, "file") == 0 && e->file == NULL) {
        e->file = copy_attribute(r, value);
    } else if (strcmp(name, "tests") == 0) {
        char *end = NULL;
        e->tests = strtoul(value, &end, 10);
        e->has_tests = *value != '\0' && *end == '\0';
    } else if (strcmp(name, "failures") == 0 || strcmp(name, "errors") == 0) {
        unsigned long number = strtoul(value, NULL, 10);
        e->declared += number < CASES_PER_UNIT_MAX ? number : 0;
    }
}

static struct junit_case *innermost_case(struct reader *r)
{
    assert(r->case_depth > 0);
    return &r->cases[r->case_depth - 1];
}

static const struct element_name *find_element(const char *name)
{
    static const struct element_name other = {"", KIND_OTHER, 0};
    for (size_t i = 0; i < sizeof element_names / sizeof element_names[0]; i++) {
        if (strcmp(name, element_names[i].name) == 0) {
            return &element_names[i];
        }
    }
    return &other;
}

/* What a name of the parser means. A report has few names and says them a million times. */
static const struct known_name *know(struct reader *r, const char *name)
{
    struct known_name *known = &r->names[(uintptr_t)name % NAMES_KNOWN];
    if (known->name != name) {
        *known = (struct known_name){name, find_element(name), junit_attribute_of(name)};
    }
    return known;
}

static void take_case_attributes(struct reader *r, const struct xml_attributes *attributes)
{
    struct junit_case *c = innermost_case(r);
    for (int i = 0; i < attributes->count; i++) {
        const char *name = NULL;
        size_t len = 0;
        const char *value = xml_read_attribute_bytes(r->xml, attributes, i, &name, &len);
        junit_case_attribute(c, know(r, name)->attribute, value, len);
    }
}

static void take_attributes(struct reader *r,
                            struct element *e,
                            const struct xml_attributes *attributes)
{
    if (e->kind == KIND_CASE) {
        take_case_attributes(r, attributes);
        return;
    }
    if (e->kind == KIND_OTHER || e->kind == KIND_OUTPUT) {
        return;
    }
    for (int i = 0; i < attributes->count; i++) {
        const char *name = NULL;
        const char *value = xml_read_attribute(r->xml, attributes, i, &name);
        if (e->kind == KIND_RESULT) {
            junit_case_result_attribute(r->current, name, value);
        } else {
            suite_attribute(r, e, name, value);
        }
    }
}

/* ---- elements ---- */

/* The innermost open suite, or NULL. */
static struct element *innermost_suite(struct reader *r)
{
    for (unsigned i = r->depth; i > 0; i--) {
        if (r->stack[i - 1].kind == KIND_SUITE || r->stack[i - 1].kind == KIND_SUITES) {
            return &r->stack[i - 1];
        }
    }
    return NULL;
}

static const char *suite_name(const struct element *suite)
{
    return suite != NULL && suite->kind == KIND_SUITE ? suite->name : NULL;
}

static void deliver(struct reader *r, struct junit_case *c)
{
    struct element *suite = innermost_suite(r);
    struct test_case test_case;
    if (junit_case_finish(c, suite_name(suite), suite != NULL ? suite->file : NULL, &test_case)
        != 0) {
        feed_no_memory(r->feed);
        return;
    }
    if (suite != NULL) {
        suite->cases++;
        suite->direct++;
        suite->bad +=
            test_case.status == OUTCOME_FAILED || test_case.status == OUTCOME_ERRORED ? 1 : 0;
    }
    if (r->feed->stop != 0) {
        return;
    }
    if (test_case.name != NULL && junit_case_is_short(c)) {
        (void)feed_short_case(r->feed, &test_case);
    } else {
        (void)feed_case(r->feed, &test_case);
    }
}

/* What an element means where it stands: results and output count inside a testcase; a result
 * directly in a suite is the suite's own. */
static enum kind kind_in_place(struct reader *r, enum kind kind)
{
    const struct element *parent = r->depth > 0 ? &r->stack[r->depth - 1] : NULL;
    if (kind == KIND_CASE) {
        return r->case_depth < CASES_MAX ? KIND_CASE : KIND_OTHER;
    }
    if (kind == KIND_OUTPUT) {
        return r->case_depth > 0 ? KIND_OUTPUT : KIND_OTHER;
    }
    if (kind == KIND_RESULT) {
        bool placed = parent != NULL && (parent->kind == KIND_CASE || parent->kind == KIND_SUITE);
        return placed ? KIND_RESULT : KIND_OTHER;
    }
    return kind;
}

static void begin_result(struct reader *r, struct element *e, enum junit_result result)
{
    bool of_case = r->depth > 0 && r->stack[r->depth - 1].kind == KIND_CASE;
    r->current = of_case ? innermost_case(r) : &r->suite_case;
    if (!of_case) {
        junit_case_clear(&r->suite_case);
        junit_case_attribute(&r->suite_case, JUNIT_ATTR_NAME, "(suite)", strlen("(suite)"));
    }
    junit_case_begin_result(r->current, result);
    e->text = &r->current->result_text;
}

static void begin_element(struct reader *r, struct element *e, enum junit_result result)
{
    if (e->kind == KIND_CASE) {
        junit_case_clear(&r->cases[r->case_depth++]);
    } else if (e->kind == KIND_RESULT) {
        begin_result(r, e, result);
    } else if (e->kind == KIND_OUTPUT && r->feed->brief) {
        e->text = NULL;
    } else if (e->kind == KIND_OUTPUT) {
        struct str *output = &innermost_case(r)->output;
        if (output->len > 0) {
            keep_text(output, "\n", 1);
        }
        e->text = output;
    }
}

static bool is_foreign_root(struct reader *r, const char *uri)
{
    if (r->depth > 0 || uri == NULL || strcmp(uri, CHECK_NAMESPACE) != 0) {
        return false;
    }
    r->feed->stop = err_set(r->feed->err,
                            -EBADMSG,
                            "this is the XML of the Check library, not JUnit: declare the report "
                            "as check");
    return true;
}

static void on_start(void *context,
                     const char *name,
                     const char *uri,
                     const struct xml_attributes *attributes)
{
    struct reader *r = context;
    const struct element_name *known = know(r, name)->element;
    if (is_foreign_root(r, uri)) {
        return;
    }
    struct element *e = &r->stack[r->depth];
    *e = (struct element){.kind = kind_in_place(r, known->kind),
                          .text = r->depth > 0 ? r->stack[r->depth - 1].text : NULL};
    begin_element(r, e, known->result);
    r->depth++;
    take_attributes(r, e, attributes);
}

/* A suite that says it has failures which no testcase shows: never green by absence. */
static bool hides_failures(const struct reader *r, const struct element *e)
{
    return r->counted ? e->declared > e->bad : e->cases == 0 && e->declared > 0;
}

/* Counters are not believed, but who reads them elsewhere is told. */
static void compare_counter(struct reader *r, const struct element *e)
{
    if (e->has_tests && e->tests != e->cases && e->tests != e->direct) {
        feed_warn(r->feed,
                  "%s%s%s counts %llu tests, but %llu are in it",
                  e->kind == KIND_SUITE ? "suite " : "the root",
                  e->kind == KIND_SUITE && e->name != NULL ? e->name : "",
                  e->kind == KIND_SUITE && e->name == NULL ? "without name" : "",
                  (unsigned long long)e->tests,
                  (unsigned long long)e->cases);
    }
}

static void end_suite(struct reader *r, struct element *e)
{
    compare_counter(r, e);
    if (e->kind == KIND_SUITE && hides_failures(r, e)) {
        char message[160];
        (void)snprintf(message,
                       sizeof message,
                       "the suite counts %llu failures and errors, its cases show %llu "
                       "(set-up or tear-down of the suite?)",
                       (unsigned long long)e->declared,
                       (unsigned long long)e->bad);
        r->depth++; /* it is still the innermost suite */
        begin_result(r, e, JUNIT_ERROR);
        junit_case_result_attribute(&r->suite_case, "message", message);
        junit_case_end_result(&r->suite_case);
        deliver(r, &r->suite_case);
        r->depth--;
    }
    struct element *parent = innermost_suite(r);
    if (parent != NULL) {
        parent->cases += e->cases;
        parent->bad += e->bad;
    }
}

static void end_element(struct reader *r, struct element *e)
{
    if (e->kind == KIND_CASE) {
        deliver(r, innermost_case(r));
        r->case_depth--;
    } else if (e->kind == KIND_RESULT) {
        junit_case_end_result(r->current);
        if (r->current == &r->suite_case) {
            deliver(r, &r->suite_case);
        }
    } else if (e->kind == KIND_SUITE || e->kind == KIND_SUITES) {
        end_suite(r, e);
    }
}

static void forget_element(struct element *e)
{
    if (e->name != NULL || e->file != NULL) {
        mem_free(e->name);
        mem_free(e->file);
    }
}

static void on_end(void *context)
{
    struct reader *r = context;
    struct element *e = &r->stack[--r->depth];
    end_element(r, e);
    forget_element(e);
}

static void on_text(void *context, const char *bytes, size_t len)
{
    const struct reader *r = context;
    if (r->stack[r->depth - 1].text != NULL) {
        keep_text(r->stack[r->depth - 1].text, bytes, len);
    }
}

static void on_forget(void *context)
{
    struct reader *r = context;
    while (r->depth > 0) {
        forget_element(&r->stack[--r->depth]);
    }
    r->case_depth = 0;
    memset(r->names, 0, sizeof r->names); /* the next document's parser has its own */
}

static int read_all_documents(const char *text, size_t len, struct report_feed *feed, bool counted)
{
    static const struct xml_handler handler = {on_start, on_text, on_end, on_forget};
    struct reader *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
    r->feed = feed;
    r->counted = counted;
    for (unsigned i = 0; i < CASES_MAX; i++) {
        junit_case_init(&r->cases[i]);
    }
    junit_case_init(&r->suite_case);
    const int rc = xml_read(text, len, feed, &handler, r, &r->xml);
    junit_case_fini(&r->suite_case);
    for (unsigned i = 0; i < CASES_MAX; i++) {
        junit_case_fini(&r->cases[i]);
    }
    mem_free(r);
    return rc;
}

int read_junit(const char *text, size_t len, struct report_feed *feed)
{
    return read_all_documents(text, len, feed, false);
}

int read_junit_counted(const char *text, size_t len, struct report_feed *feed)
{
    return read_all_documents(text, len, feed, true);
}
