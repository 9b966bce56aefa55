/* SPDX-License-Identifier: Apache-2.0 */
/* What all engines share: the tests, how a mutant is tried, and what came of it.
 *
 *   A  fork   C schemata; one run of each test, a child per live mutant at its first reach
 *   B  exec   C schemata; one run of a test per mutant that it reaches
 *   C  copy   any language: the file is edited in a private copy, `check`, then the tests
 *
 * A mutant of C goes to A; what schemata cannot express goes to C; tests that have threads, whose
 * output is compared, or that the audit demoted, are run by B. */
#ifndef SLUICE_PLUGINS_MUTATION_ENGINE_H
#define SLUICE_PLUGINS_MUTATION_ENGINE_H

#include "base/hash.h"
#include "plugins/mutation/mutant.h"
#include "plugins/mutation/source.h"

enum engine_kind {
    ENGINE_FORK,
    ENGINE_EXEC,
    ENGINE_COPY,
};

#define ENGINE_COUNT 3

/* "fork", "exec", "copy"; -1 for a word that is none. */
const char *engine_name(enum engine_kind kind);
int engine_parse(const char *word);

/* CPU time of a test with a mutant: ten times its own, 20 ms at least; tried once again with four
 * times that before it counts as a timeout. Wall time, for tests that sleep: ten times that, 2 s at
 * least. (Figures: a prototype over 1,834 mutants of cJSON gave the same ten timeouts on an idle
 * and a loaded machine.) */
#define ENGINE_CPU_FACTOR   10
#define ENGINE_CPU_MIN_US   20000
#define ENGINE_RETRY_FACTOR 4
#define ENGINE_WALL_FACTOR  10
#define ENGINE_WALL_MIN_US  2000000

/* Tests in a layer: killers are told by their index in 16 bits. */
#define ENGINE_TESTS_MAX 65535

struct engine_test {
    const char *name;        /* in reports */
    const char *const *argv; /* NULL-terminated; argv[0] relative to the root, or on PATH */
    const char *cwd;         /* relative to the root; NULL = the root */
    bool found;              /* by a pattern: nobody named this one */
    bool compare_stdout;     /* what it prints is part of its answer */
    enum engine_kind kind;   /* the first engine to try; demotion only raises it */
    bool doubted;            /* a kill of it did not repeat: each has to, from then on */

    /* Measured by engine_baseline(). */
    int64_t cpu_us;
    int64_t wall_us;
    struct hash output;   /* of what it prints, with compare_stdout */
    const char *excluded; /* why it is not used: it fails, or is flaky; NULL = it is used */
};

/* Why a test that only a pattern found is not used: it reaches nothing. Compared by address. */
extern const char engine_blind[];

struct engine_tests {
    struct arena *arena; /* owner */
    struct engine_test *items;
    size_t count;
};

/* What became of one mutant. Zeroed = pending. */
struct engine_verdict {
    enum mutant_status status;
    enum engine_kind engine;
    const char *reason;      /* of anything but killed, survived and pending; else NULL or a note */
    uint16_t killer;         /* index of the test; with KILLED and TIMEOUT */
    const uint16_t *reached; /* tests that reach it, ascending; NULL = not known */
    uint16_t reached_count;
    int64_t cpu_us; /* spent on it */
    bool reused;    /* an earlier run said so (unit_known.h) */
    bool unsure;    /* and ended before it was audited and its killer proven */
};

/* Verdicts of a list of mutants, by mutant.number. */
struct engine_verdicts {
    struct arena *arena; /* owner of everything below, reasons included */
    struct engine_verdict *items;
    size_t count;
};

/* What was spent, for `mutants per CPU second` and the distance to the bare tests. */
struct engine_cost {
    int64_t executed; /* mutants that were killed, survived or timed out in this run */
    int64_t cpu_us;   /* of all that was tried, builds apart */
    int64_t build_us; /* CPU of builds and checks */
    int64_t bare_us;  /* CPU of one run of all tests without a mutant */
};

struct engine_options {
    const char *root;       /* where the tests run: the built tree, absolute */
    uint64_t seed;          /* of the audit's sample */
    uint32_t audit_percent; /* of kills that are tried again; 2 by default */
    uint32_t audit_min;     /* and at least so many; 50 by default */
    bool audit_survivors;   /* and every reached survivor of A once; on by default */
    int64_t deadline_ms;    /* clock_monotonic_ms() at which to stop, the rest pending; 0 = none */
    uint32_t cpu_factor;    /* 0 = ENGINE_CPU_FACTOR */
    int64_t wall_min_us;    /* 0 = ENGINE_WALL_MIN_US */
};

/* Told now and then; NULL functions are not called. Return is void: it cannot fail. `verdict` comes
 * when a mutant is decided, and again when an audit made it another verdict. */
struct engine_watch {
    void *context;
    void (*verdict)(void *context,
                    const struct mutant *mutant,
                    const struct engine_verdict *verdict);
    void (*note)(void *context, const char *text); /* a test is excluded or demoted, a retry */
};

/* Runs each test twice without any mutant: measures it, excludes those that fail or whose two
 * answers differ. -ENOTRECOVERABLE, with the first reason, when none is left. */
int engine_baseline(struct engine_tests *tests,
                    const struct engine_options *options,
                    const struct engine_watch *watch,
                    struct err *err);

/* CPU time of one run of the tests that are used. */
int64_t engine_bare_us(const struct engine_tests *tests);

#endif
