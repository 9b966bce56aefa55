/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit XML of any dialect -> cases. libxml2's push parser with SAX callbacks of our own: nothing
 * is built in memory but the case that is being read.
 *
 *   document* -> element stack -> testcase (junit_case.c) -> feed_case()
 *
 * Safety: no network, no DTD is loaded, no entity is ever expanded: whatever is not predefined
 * reads as "?", so neither XXE nor "billion laughs" has anything to work with. A damaged document
 * is read a second time in recovery mode, to deliver what follows the damage; the answer stays
 * -EBADMSG. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "reports/junit_case.h"
#include "reports/libxml.h"
#include "reports/read_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nested elements; real files have under 10, libxml2 stops at 256. Beyond: damaged. */
#define DEPTH_MAX 64

/* Testcases within testcases ("sub tests" of some tools); deeper ones are lost in their parent. */
#define CASES_MAX 4

/* Bytes handed to the parser at once. */
#define FEED_CHUNK (64 << 10)

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
    uint64_t cases;    /* seen in it, at any depth */
    uint64_t bad;      /* of these, failed or errored */
    uint64_t declared; /* failures= plus errors= */
};

struct reader {
    const struct libxml *xml;
    struct report_feed *feed;
    xmlParserCtxtPtr parser;
    bool counted;                       /* declared failures beyond the seen ones are errors */
    unsigned case_depth;                /* open testcases */
    struct junit_case cases[CASES_MAX]; /* the open ones, outermost first */
    struct junit_case suite_case;       /* a result element directly in a suite */
    struct junit_case *current;         /* the one whose result is being read */
    struct str attribute;
    struct element stack[DEPTH_MAX];
    unsigned depth;
    long root_end;        /* offset behind the root's end tag; -1 while it is open */
    int64_t first_line;   /* lines before this document, for messages */
    char problem[512];    /* the first fatal error of the parser ... */
    int64_t problem_line; /* ... and its line */
};

/* Callbacks do nothing from here on, and no further chunk is fed. Not xmlStopParser(): it frees the
 * input that the attributes of a running callback point into. */
static void stop(struct reader *r, int code)
{
    if (r->feed->stop == 0) {
        r->feed->stop = code;
    }
}

static void stop_without_memory(struct reader *r)
{
    if (r->feed->stop == 0) {
        stop(r, err_set(r->feed->err, -ENOMEM, "out of memory reading a report"));
    }
}

/* ---- attributes ---- */

/* libxml2 hands over attribute values with '&' as "&#38;" when entities are not substituted; any
 * other '&' cannot be in one. */
static const char *decode_attribute(struct reader *r, const xmlChar *value, const xmlChar *end)
{
    const char *at = (const char *)value;
    const char *last = (const char *)end;
    str_clear(&r->attribute);
    while (at < last) {
        const char *amp = memchr(at, '&', (size_t)(last - at));
        const char *until = amp != NULL ? amp : last;
        keep_text(&r->attribute, at, (size_t)(until - at));
        if (amp != NULL) {
            keep_text(&r->attribute, "&", 1);
            bool coded = last - amp >= 5 && memcmp(amp, "&#38;", 5) == 0;
            until += coded ? 5 : 1;
        }
        at = until;
    }
    if (r->attribute.error != 0) {
        stop_without_memory(r);
    }
    return str_text(&r->attribute);
}

struct attributes {
    const xmlChar **items; /* localname, prefix, URI, value, end */
    int count;
};

static char *copy_attribute(struct reader *r, const char *value)
{
    char *copy = mem_strdup(value);
    if (copy == NULL) {
        stop_without_memory(r);
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

static void take_attributes(struct reader *r, struct element *e, struct attributes attributes)
{
    for (int i = 0; i < attributes.count; i++) {
        const xmlChar **item = attributes.items + (ptrdiff_t)i * 5;
        const char *name = (const char *)item[0];
        const char *value = decode_attribute(r, item[3], item[4]);
        if (e->kind == KIND_SUITE || e->kind == KIND_SUITES) {
            suite_attribute(r, e, name, value);
        } else if (e->kind == KIND_CASE) {
            junit_case_attribute(innermost_case(r), name, value);
        } else if (e->kind == KIND_RESULT) {
            junit_case_result_attribute(r->current, name, value);
        }
    }
}

/* ---- elements ---- */

static const struct element_name *find_element(const xmlChar *name)
{
    static const struct element_name other = {"", KIND_OTHER, 0};
    for (size_t i = 0; i < sizeof element_names / sizeof element_names[0]; i++) {
        if (strcmp((const char *)name, element_names[i].name) == 0) {
            return &element_names[i];
        }
    }
    return &other;
}

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
        stop_without_memory(r);
        return;
    }
    if (suite != NULL) {
        suite->cases++;
        suite->bad +=
            test_case.status == OUTCOME_FAILED || test_case.status == OUTCOME_ERRORED ? 1 : 0;
    }
    if (r->feed->stop == 0) {
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
        junit_case_attribute(&r->suite_case, "name", "(suite)");
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
    } else if (e->kind == KIND_OUTPUT) {
        struct str *output = &innermost_case(r)->output;
        if (output->len > 0) {
            keep_text(output, "\n", 1);
        }
        e->text = output;
    }
}

static bool is_foreign_root(struct reader *r, const xmlChar *uri)
{
    if (r->depth > 0 || uri == NULL || strcmp((const char *)uri, CHECK_NAMESPACE) != 0) {
        return false;
    }
    stop(r,
         err_set(r->feed->err,
                 -EBADMSG,
                 "this is the XML of the Check library, not JUnit: let Check write TAP "
                 "(CK_TAP_LOG_FILE_NAME) and declare the report as tap"));
    return true;
}

// NOLINTNEXTLINE(readability-function-size): libxml2 says how many parameters it has
static void on_start(void *context,
                     const xmlChar *name,
                     const xmlChar *prefix,
                     const xmlChar *uri,
                     int namespace_count,
                     const xmlChar **namespaces,
                     int attribute_count,
                     int defaulted_count,
                     const xmlChar **attributes)
{
    struct reader *r = context;
    const struct element_name *known = find_element(name);
    (void)prefix;
    (void)namespace_count;
    (void)namespaces;
    (void)defaulted_count;
    if (r->feed->stop != 0 || is_foreign_root(r, uri)) {
        return;
    }
    if (r->depth == DEPTH_MAX) {
        stop(r,
             err_set(r->feed->err,
                     -EBADMSG,
                     "line %d: elements are nested deeper than %d",
                     r->xml->line_number(r->parser),
                     DEPTH_MAX));
        return;
    }
    struct element *e = &r->stack[r->depth];
    *e = (struct element){.kind = kind_in_place(r, known->kind),
                          .text = r->depth > 0 ? r->stack[r->depth - 1].text : NULL};
    begin_element(r, e, known->result);
    r->depth++;
    r->root_end = -1;
    take_attributes(r, e, (struct attributes){attributes, attribute_count});
}

/* A suite that says it has failures which no testcase shows: never green by absence. */
static bool hides_failures(const struct reader *r, const struct element *e)
{
    return r->counted ? e->declared > e->bad : e->cases == 0 && e->declared > 0;
}

static void end_suite(struct reader *r, struct element *e)
{
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
    mem_free(e->name);
    mem_free(e->file);
    *e = (struct element){0};
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct reader *r = context;
    (void)name;
    (void)prefix;
    (void)uri;
    if (r->feed->stop != 0 || r->depth == 0) {
        return;
    }
    struct element *e = &r->stack[--r->depth];
    end_element(r, e);
    forget_element(e);
    if (r->depth == 0) {
        r->root_end = r->xml->byte_consumed(r->parser);
    }
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct reader *r = context;
    if (r->feed->stop != 0 || r->depth == 0 || r->stack[r->depth - 1].text == NULL) {
        return;
    }
    keep_text(r->stack[r->depth - 1].text, (const char *)text, (size_t)len);
}

/* Every entity that is not predefined: one harmless character. */
static xmlEntityPtr on_entity(void *context, const xmlChar *name)
{
    static xmlChar content[] = "?";
    static xmlEntity unknown = {.type = XML_ENTITY_DECL,
                                .name = content,
                                .content = content,
                                .orig = content,
                                .length = 1,
                                .etype = XML_INTERNAL_PREDEFINED_ENTITY};
    (void)context;
    (void)name;
    return &unknown;
}

#if LIBXML_VERSION >= 21200
static void on_error(void *context, const xmlError *error)
#else
static void on_error(void *context, xmlErrorPtr error)
#endif
{
    struct reader *r = context;
    if (error->level < XML_ERR_FATAL || r->problem[0] != '\0') {
        return;
    }
    r->problem_line = r->first_line + error->line;
    if (r->depth > 0 && error->code == XML_ERR_DOCUMENT_END) {
        (void)snprintf(r->problem,
                       sizeof r->problem,
                       "line %lld: the report ends with %u elements still open: it is truncated",
                       (long long)r->problem_line,
                       r->depth);
        return;
    }
    const char *message = error->message != NULL ? error->message : "not well-formed";
    (void)snprintf(r->problem,
                   sizeof r->problem,
                   "line %lld, column %d: %.*s",
                   (long long)r->problem_line,
                   error->int2,
                   (int)strcspn(message, "\n"),
                   message);
}

/* ---- documents ---- */

static void forget_stack(struct reader *r)
{
    while (r->depth > 0) {
        forget_element(&r->stack[--r->depth]);
    }
    r->case_depth = 0;
}

static xmlParserCtxtPtr new_parser(struct reader *r, int options)
{
    xmlSAXHandler handler = {.initialized = XML_SAX2_MAGIC,
                             .startElementNs = on_start,
                             .endElementNs = on_end,
                             .characters = on_text,
                             .ignorableWhitespace = on_text,
                             .cdataBlock = on_text,
                             .getEntity = on_entity,
                             .serror = on_error};
    xmlParserCtxtPtr parser = r->xml->create_push_parser(&handler, r, NULL, 0, NULL);
    if (parser != NULL) {
        (void)r->xml->use_options(parser, XML_PARSE_NONET | options);
    }
    return parser;
}

static void free_parser(struct reader *r)
{
    if (r->parser->myDoc != NULL) {
        r->xml->free_doc(r->parser->myDoc); /* libxml2 notes the entities of a DTD in one */
        r->parser->myDoc = NULL;
    }
    r->xml->free_parser(r->parser);
    r->parser = NULL;
}

static void push_text(struct reader *r, const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && r->feed->stop == 0) {
        size_t chunk = len - at < FEED_CHUNK ? len - at : FEED_CHUNK;
        (void)r->xml->parse_chunk(r->parser, text + at, (int)chunk, 0);
        at += chunk;
    }
    (void)r->xml->parse_chunk(r->parser, NULL, 0, 1);
}

/* Parses one document from the start of the text. 0 and the bytes it took, or -EBADMSG with
 * r->problem, -ENOMEM, or feed->stop. */
static int parse_document(
    struct reader *r, const char *text, size_t len, int options, size_t *ret_used)
{
    r->problem[0] = '\0';
    r->root_end = -1;
    r->parser = new_parser(r, options);
    if (r->parser == NULL) {
        return err_set(r->feed->err, -ENOMEM, "out of memory reading a report");
    }
    push_text(r, text, len);
    bool whole = r->parser->wellFormed != 0;
    free_parser(r);
    bool closed = r->depth == 0 && r->root_end > 0;
    forget_stack(r);
    if (r->feed->stop != 0) {
        return r->feed->stop;
    }
    if (!whole && !(closed && r->root_end < (long)len)) {
        return -EBADMSG;
    }
    *ret_used = whole ? len : (size_t)r->root_end;
    return 0;
}

/* Blanks and a byte order mark before a document. */
static size_t skip_blank(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') {
        at++;
    }
    return len - at >= 3 && memcmp(text + at, "\xEF\xBB\xBF", 3) == 0 ? at + 3 : at;
}

static int64_t count_lines(const char *text, size_t len)
{
    int64_t lines = 0;
    const char *end = text + len;
    while (text < end && (text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
        lines++;
        text++;
    }
    return lines;
}

/* The second pass: what was delivered is skipped, what the parser can make of the rest follows. */
static int recover(struct reader *r, const char *text, size_t len, size_t delivered_before)
{
    char problem[sizeof r->problem];
    size_t used = 0;
    bool at_end = strstr(r->problem, "truncated") == NULL
                  && r->problem_line > r->first_line + count_lines(text, len);
    memcpy(problem, r->problem, sizeof problem);
    r->feed->skip = r->feed->count > r->feed->skip ? r->feed->count : r->feed->skip;
    r->feed->count = delivered_before;
    (void)parse_document(r, text, len, XML_PARSE_RECOVER, &used);
    if (r->feed->stop != 0) {
        return r->feed->stop;
    }
    return err_set(r->feed->err,
                   -EBADMSG,
                   "the report is damaged: %s%s",
                   problem[0] != '\0' ? problem : "not well-formed XML",
                   at_end ? " (in its last line: it may be truncated)" : "");
}

static int read_documents(struct reader *r, const char *text, size_t len)
{
    size_t at = 0;
    for (;;) {
        size_t blank = skip_blank(text + at, len - at);
        r->first_line += count_lines(text + at, blank);
        at += blank;
        if (at == len) {
            return 0;
        }
        size_t before = r->feed->count;
        size_t used = 0;
        int rc = parse_document(r, text + at, len - at, 0, &used);
        if (rc == -EBADMSG && r->feed->stop == 0) {
            return recover(r, text + at, len - at, before);
        }
        if (rc != 0) {
            return rc;
        }
        r->first_line += count_lines(text + at, used);
        at += used;
    }
}

static int read_all_documents(const char *text, size_t len, struct report_feed *feed, bool counted)
{
    const struct libxml *xml = NULL;
    int rc = libxml_load(&xml, feed->err);
    if (rc < 0) {
        return rc;
    }
    struct reader *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_set(feed->err, -ENOMEM, "out of memory reading a report");
    }
    r->xml = xml;
    r->feed = feed;
    r->counted = counted;
    str_init(&r->attribute, KEEP_MAX);
    for (unsigned i = 0; i < CASES_MAX; i++) {
        junit_case_init(&r->cases[i]);
    }
    junit_case_init(&r->suite_case);
    rc = read_documents(r, text, len);
    forget_stack(r);
    junit_case_fini(&r->suite_case);
    for (unsigned i = 0; i < CASES_MAX; i++) {
        junit_case_fini(&r->cases[i]);
    }
    str_fini(&r->attribute);
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
