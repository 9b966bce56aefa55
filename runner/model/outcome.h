/* SPDX-License-Identifier: Apache-2.0 */
/* How a unit ended, and each test result inside it. */
#ifndef SLUICE_MODEL_OUTCOME_H
#define SLUICE_MODEL_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum outcome_status {
    OUTCOME_PASSED,
    OUTCOME_FAILED,    /* the test says no */
    OUTCOME_ERRORED,   /* it could not say: crash, signal, infrastructure, broken report */
    OUTCOME_TIMED_OUT, /* ended by its timeout */
    OUTCOME_SKIPPED,
};

#define OUTCOME_STATUS_COUNT 5

/* "passed failed errored timed_out skipped"; -1 when unknown. */
const char *outcome_status_name(enum outcome_status status);
int outcome_status_parse(const char *word);

/* The worse of two: errored > timed_out > failed > passed > skipped. */
enum outcome_status outcome_status_worse(enum outcome_status a, enum outcome_status b);

/* One test result (JUnit testcase). Strings may be NULL when unknown. */
struct test_case {
    const char *suite;
    const char *classname;
    const char *name;
    const char *file;
    const char *message;        /* first line of the reason */
    const char *type;           /* failure type as the tool calls it */
    const char *details;        /* whole failure text */
    const char *output;         /* the case's own stdout+stderr */
    double time_s;              /* negative = unknown */
    uint32_t line;              /* 0 = unknown */
    enum outcome_status status; /* never OUTCOME_TIMED_OUT when read from a report */
    bool flaky;                 /* passed after a failed attempt, as the report says */
};

struct case_list {
    const struct test_case *items;
    size_t count;
};

/* Where captured output lies: a piece of a file in the run folder. */
struct capture {
    const char *file; /* relative to the run folder, e.g. "out.0"; NULL when len is 0 */
    uint64_t offset;
    uint64_t len;     /* bytes stored, a line that tells how much is missing included */
    uint64_t dropped; /* bytes between head and tail that were not kept */
};

/* What was odd about an ended unit; bits. */
enum outcome_flag {
    FLAG_LEAKED_PROCESS = 1 << 0, /* processes outlived the command and were killed */
    FLAG_LEAKED_PIPE = 1 << 1,    /* its output stayed open after the command ended */
    FLAG_OUTPUT_CUT = 1 << 2,     /* output beyond the limit was dropped */
    FLAG_SLOW = 1 << 3,           /* took longer than slow_after */
    FLAG_KILLED = 1 << 4,         /* did not end on SIGTERM, was killed */
    FLAG_UNSANDBOXED = 1 << 5,    /* ran in place */
    FLAG_CANCELLED = 1 << 6,      /* ended by sluice because the run was stopped */
    FLAG_SCRATCH_FULL = 1 << 7,   /* its scratch space was full when it ended, or it failed
                                    in a world of its own with the words of a full disk */
    FLAG_OOM = 1 << 8,            /* killed by the kernel for memory, as far as can be told */
    FLAG_OUTPUT_LOST = 1 << 9,    /* some of its output could not be written: the disk is full */
};

/* Words for the flags, bit by bit, as the event log has them. */
#define OUTCOME_FLAG_COUNT 10
extern const char *const outcome_flag_names[OUTCOME_FLAG_COUNT];

struct trace;

/* Where a reused outcome was earned. Strings may be NULL when unknown. */
struct reused {
    const char *evidence; /* its id */
    const char *run;      /* the run that earned it */
    const char *change;   /* the change it ran for; NULL = none: the main line */
    const char *tree;     /* its snapshot */
    int64_t earned_ms;    /* wall clock */
};

struct outcome {
    enum outcome_status status;
    int exit_code;       /* -1 when ended by a signal or never started */
    int signal;          /* 0 when it exited */
    unsigned flags;      /* enum outcome_flag bits */
    unsigned attempt;    /* 1 = first */
    bool final;          /* false: will be tried again */
    bool flaky;          /* passed, but not at the first attempt */
    const char *message; /* why it did not pass, one or more lines for people; NULL */
    const char *hint;    /* what to do next (e.g. the expose: line to add); NULL */
    int64_t started_ms;  /* wall clock */
    int64_t wall_ns;
    int64_t cpu_user_us;
    int64_t cpu_sys_us;
    int64_t max_rss_kib;
    struct capture out;
    struct capture err;
    struct case_list cases;      /* empty when the report is none: the unit is its own case */
    int slot;                    /* which slot ran it; -1 = none */
    const struct reused *reused; /* NULL = it ran. All else is as it was when it was earned */
    const char *unstored; /* why it became no evidence, a sentence; NULL = it did, or was not to */
    const char
        *warning; /* what is odd about its report, a sentence; no verdict rests on it; NULL */
    const struct trace *trace; /* what it asked of its world; NULL = it was not observed */
};

#endif
