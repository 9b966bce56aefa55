/* SPDX-License-Identifier: Apache-2.0 */
/* A unit: the smallest piece of work that is scheduled, observed and reused. One command. */
#ifndef SLUICE_MODEL_UNIT_H
#define SLUICE_MODEL_UNIT_H

#include "model/pipeline.h"

/* How the cases of a unit are learnt. Numbers are part of evidence keys: new ones go to the end. */
enum report_format {
    REPORT_NONE,    /* the exit status is the only case */
    REPORT_JUNIT,   /* JUnit XML of any dialect, gtest's and PHPUnit's too */
    REPORT_TAP,     /* TAP 12 to 14 */
    REPORT_CMOCKA,  /* cmocka's XML with its defects */
    REPORT_CASES,   /* sluice's own: one JSON object a line (docs/plugin-protocol.md) */
    REPORT_CTRF,    /* Common Test Report Format, JSON */
    REPORT_SUBUNIT, /* subunit version 1, text */
    REPORT_GOTEST,  /* `go test -json` */
    REPORT_CHECK,   /* the Check library's XML */
    REPORT_CUNIT,   /* CUnit's run report */
    REPORT_CTEST,   /* CTest's Test.xml */
    REPORT_BOOST,   /* Boost.Test's XML, log or report */
    REPORT_NUNIT,   /* NUnit 2 and 3 */
    REPORT_XUNIT,   /* xUnit.net version 1 and 2 */
    REPORT_TRX,     /* Visual Studio's test results, MSTest */
    REPORT_QTEST,   /* Qt Test's XML */
    REPORT_AUTO,    /* what it looks like: told from its beginning */
    REPORT_CPPUNIT, /* CppUnit's XML */
    REPORT_MOCHA,   /* mocha's JSON */
};

#define REPORT_FORMAT_COUNT 19

/* Words as in the protocol: "none", "junit", "tap", "cmocka", "cases", "ctrf", ... -1 when
 * unknown. */
const char *report_format_name(enum report_format format);
int report_format_parse(const char *word);

/* How a unit hangs together with others of its layer, and what is kept of it. Most have none of it,
 * and there may be millions of those: it is kept out of their way. */
struct unit_links {
    struct text_list needs;     /* ids of units of the same layer that must have passed */
    struct text_list outputs;   /* paths and glob patterns below the root, added to the layer's;
                                   seen by units that need this one, transitively */
    struct text_list artifacts; /* the same, collected whatever the outcome and seen by no unit */
    const char *memo;           /* path below the root of what it wants to find again when it runs
                                   the next time, docs/decisions/0021-memo.md; NULL = nothing */
};

struct unit {
    const char *id;          /* unique in its layer */
    const char *const *argv; /* NULL-terminated; argv[0] is looked up on PATH when it has no '/' */
    const char *cwd;         /* relative to the root; NULL = the layer's */
    struct env_list env;     /* added over the layer's */
    struct text_list locks;  /* added to the layer's */
    struct text_list labels; /* for filters */
    const char *report_path; /* file (or glob) relative to cwd; NULL = standard output */
    const char *file;        /* where the test is written, relative to the root; NULL = unknown */
    const char *skip;        /* reason: not run, outcome skipped; NULL = run */
    const struct unit_links *links; /* NULL = needs no unit, leaves nothing of its own */
    int64_t timeout_ms;             /* 0 = the layer's */
    int64_t cost_ms; /* the plugin's estimate, used when history knows nothing; 0 = unknown */
    uint32_t layer;  /* index in the pipeline */
    uint32_t line;   /* in `file`; 0 = unknown */
    uint32_t slots;  /* 0 = the layer's */
    uint32_t shard;  /* 1-based part, 0 = not sharded */
    enum report_format report;
    bool expands; /* its output is further units */
};

/* Does it need other units, or leave what they may see? */
static inline bool unit_is_linked(const struct unit *unit)
{
    return unit->links != NULL && unit->links->needs.count + unit->links->outputs.count > 0;
}

#endif
