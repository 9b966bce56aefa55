/* SPDX-License-Identifier: Apache-2.0 */
/* XML formats as tables: which element or attribute means what. One reader works them all
 * (read_xml.c); xml_formats.c has the tables. */
#ifndef SLUICE_REPORTS_XML_TABLE_H
#define SLUICE_REPORTS_XML_TABLE_H

#include "model/unit.h"
#include "reports/junit_case.h"

#include <stdbool.h>

/* What is told by an element (its presence, or its text) or by an attribute. */
enum xml_what {
    XML_CASE, /* the element is a test case */
    XML_CASE_SKIPPED,
    XML_CASE_FAILED,  /* the element is a test case that failed, or worse */
    XML_GROUP,        /* the element is a suite around cases */
    XML_GROUP_NAME,   /* its name */
    XML_GROUP_KIND,   /* a word: suites of some kinds (an assembly) lend no name */
    XML_GROUP_STATUS, /* a word: a suite that says it failed though no case of it did gets a case */
    XML_GROUP_TEXT,   /* why */
    XML_NAME,
    XML_NAME_SPARE, /* taken when there is no other */
    XML_CLASSNAME,
    XML_CLASSNAME_OF, /* an id; elsewhere in the file XML_KEY has it, with XML_KEY_CLASSNAME */
    XML_KEY,
    XML_KEY_CLASSNAME,
    XML_FILE,
    XML_LINE,
    XML_PLACE,       /* file:line */
    XML_RESULT_FILE, /* of a failure: better than the case's own */
    XML_RESULT_LINE,
    XML_ITERATION, /* 1, 2, ...: makes names of a loop differ */
    XML_SECONDS,
    XML_MILLISECONDS,
    XML_MICROSECONDS,
    XML_CLOCK,        /* 00:01:02.34 */
    XML_STATUS_SPARE, /* a word, for cases that no XML_STATUS was told of */
    XML_STATUS,       /* a word */
    XML_MESSAGE,
    XML_TYPE,
    XML_DETAILS,
    XML_OUTPUT,
    XML_DROP,    /* the element's text is of no use (compressed) */
    XML_SKIPPED, /* the element's presence says so, and its text why */
    XML_FAILED,
    XML_ERRORED,
    XML_COUNT_BAD, /* cases that did not pass; none of them there: never green by absence */
    XML_COUNT,     /* cases as the report counts them: compared, not believed */
};

/* What a word means. The last entry has no word: what any other means; XML_WORD_KEEP = nothing. */
struct xml_word {
    const char *word;
    int status; /* enum outcome_status */
};

#define XML_WORD_KEEP (-1)

/* What XML_GROUP_KIND means for such suites; XML_WORD_KEEP for others. */
#define XML_WORD_UNNAMED 1

/* How the suites around a case make its suite. */
enum xml_join {
    XML_INNERMOST, /* the innermost one */
    XML_DOTS,      /* all, joined by '.' */
    XML_SPACES,    /* namespaces: joined, but a name that holds those around it stands alone, and
                      files (assemblies) lend no name */
};

/* `path` ends where the element stands: "test/id", "Test@Status"; a part "Name:tag" asks for an
 * element whose attribute name= is the tag. The first rule that fits is taken for an element, every
 * fitting one for attributes. */
struct xml_rule {
    const char *path;
    enum xml_what what;
    const struct xml_word *words; /* of XML_STATUS, XML_GROUP_STATUS */
};

struct xml_format {
    enum report_format format;
    const char *roots[3];     /* names of the root element */
    const char *namespace_of; /* part of its namespace; NULL = any */
    const struct xml_rule *rules;
    size_t rule_count;
    enum xml_join join;
    bool merges;   /* one test stands there once per failed assertion: these are one case */
    bool looks_up; /* has XML_KEY: read twice */
    /* What tables cannot say; `group` is the suite (never NULL). NULL = nothing. */
    void (*finish)(struct junit_case *c, const char *group);
};

/* NULL when the format is none of XML by table. */
const struct xml_format *xml_format_of(enum report_format format);

/* The format whose root element has this name and namespace (NULL = none). */
const struct xml_format *xml_format_of_root(const char *name, const char *uri);

/* Reads by table. As the other readers (read_impl.h). */
struct report_feed;
int read_xml(const struct xml_format *format,
             const char *text,
             size_t len,
             struct report_feed *feed);

#endif
