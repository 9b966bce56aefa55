/* SPDX-License-Identifier: Apache-2.0 */
/* What node:test says of a file. REPORT.cjs is read by node before the file (NODE_OPTIONS) and is
 * its reporter as well. It leaves lines in REPORT.raw while the tests run, each written at once:
 *
 *     {"start": NAME, "nesting": N}
 *     {"test": NAME, "nesting": N, "passed": true, "suite": false, "skip": WHY, "todo": WHY,
 *      "failure": KIND, "message": TEXT, "stack": TEXT, "file": PATH, "line": 3, "ms": 0.5}
 *     {"exit": CODE, "loaded": true, "begun": true, "ended": true, "natural": true}
 *     {"cut": PROGRAM}
 *     {"list": NAME}
 *
 * `start` and `test` come in the order of the file, a test behind those within it. `exit` is the
 * process's last word: did it load node:test, had tests begun, had all ended, and did it end by
 * having nothing to do any more or by process.exit()? `cut` is the word of a process that it
 * started, which ended with 0 while tests of its own were under way: node sees to an end of its
 * tests in a listener of `beforeExit` that is still there then.
 *
 * `list` names a test of a file that was loaded and asked for none. Node has no list of tests, and
 * since version 22 does not name those that it leaves out either; but each of its tests and suites
 * is an AsyncResource of type "Test" (node 18 to 26), which async_hooks shows as it is made. Node
 * takes a pattern that matches a test's own name, that of a suite around it, or these names joined
 * by spaces: where the name of one test would bring others along there is no list, nor where the
 * file could not be loaded, and it stays whole. A later node that makes its tests otherwise has
 * no list as well. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/unit/javascript.h"
#include "plugins/unit/report.h"
#include "plugins/unit/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Suites in suites: people use three or four. Deeper ones count as of this depth. */
#define NESTING_MAX 64

// clang-format off
const char report_node_script[] =
    "'use strict';\n"
    "const { openSync, writeSync } = require('node:fs');\n"
    "const { basename } = require('node:path');\n"
    "const { inspect } = require('node:util');\n"
    "const { isMainThread } = require('node:worker_threads');\n"
    "const name = basename(__filename);\n"
    "const raw = __filename.slice(0, -'cjs'.length) + 'raw';\n"
    "const words = process.execArgv;\n"
    "const isReporter = isMainThread && words.some((word) => word.includes('=') && word.includes(name));\n"
    "const fd = isReporter ? openSync(raw, 'a') : -1;\n"
    "let begun = false;\n"
    "let ended = false;\n"
    "let natural = false;\n"
    "const lists = isReporter && words.includes('--test-name-pattern=" JAVASCRIPT_NONE "');\n"
    "const made = [];\n"
    "\n"
    "function tell(where, line) {\n"
    "    const clean = (key, value) =>\n"
    "        typeof value === 'string' ? value.slice(0, 100000).replaceAll('\\0', '?') : value;\n"
    "    writeSync(where, JSON.stringify(line, clean) + '\\n');\n"
    "}\n"
    "\n"
    "function why(word) {\n"
    "    return word === undefined || word === false ? undefined : typeof word === 'string' ? word : '';\n"
    "}\n"
    "\n"
    "function isLoaded() {\n"
    "    return process.moduleLoadList.some((item) => item.endsWith('internal/test_runner/harness'));\n"
    "}\n"
    "\n"
    "function tellTest(passed, data) {\n"
    "    const error = data.details?.error;\n"
    "    const cause = error?.cause ?? error;\n"
    "    tell(fd, {\n"
    "        test: String(data.name), nesting: data.nesting, passed, suite: data.details?.type === 'suite',\n"
    "        skip: why(data.skip), todo: why(data.todo), failure: error?.failureType,\n"
    "        message: passed ? undefined : String(cause?.message ?? cause),\n"
    "        stack: passed ? undefined : typeof cause?.stack === 'string' ? cause.stack : inspect(cause),\n"
    "        file: data.file, line: data.line, ms: data.details?.duration_ms,\n"
    "    });\n"
    "}\n"
    "\n"
    "function isSuite(one) {\n"
    "    return one.constructor.name === 'Suite' || one.parent == null;\n"
    "}\n"
    "\n"
    "function isTest(one) {\n"
    "    return one.constructor.name === 'Test' && one.parent != null && isSuite(one.parent);\n"
    "}\n"
    "\n"
    "/* Every text in which node looks for the name of a test. */\n"
    "function textsOf(test) {\n"
    "    const names = [];\n"
    "    for (let at = test; at.parent != null; at = at.parent) {\n"
    "        names.unshift(at.name);\n"
    "    }\n"
    "    return [...names, ...names.map((name, i) => names.slice(0, i + 1).join(' '))];\n"
    "}\n"
    "\n"
    "function tellList() {\n"
    "    const tests = made.filter(isTest);\n"
    "    const all = new Set(tests.map((test) => test.name));\n"
    "    const isPlain = (test) => textsOf(test).every((text) => text === test.name || !all.has(text));\n"
    "    for (const one of tests.every(isPlain) ? all : []) {\n"
    "        tell(fd, { list: String(one) });\n"
    "    }\n"
    "}\n"
    "\n"
    "if (lists) {\n"
    "    require('node:async_hooks').createHook({\n"
    "        init(id, type, trigger, resource) {\n"
    "            if (type === 'Test') {\n"
    "                made.push(resource);\n"
    "            }\n"
    "        },\n"
    "    }).enable();\n"
    "}\n"
    "\n"
    "module.exports = async function* (source) {\n"
    "    begun = true;\n"
    "    for await (const { type, data } of source) {\n"
    "        if (type === 'test:start') {\n"
    "            tell(fd, { start: String(data.name), nesting: data.nesting });\n"
    "        } else if (type === 'test:pass' || type === 'test:fail') {\n"
    "            tellTest(type === 'test:pass', data);\n"
    "        }\n"
    "    }\n"
    "    ended = true;\n"
    "};\n"
    "\n"
    "if (isReporter) {\n"
    "    /* Processes that it starts report in their own way. */\n"
    "    process.execArgv = words.filter((word, i) =>\n"
    "        !word.includes(name) && !(i > 0 && words[i - 1].includes(name)));\n"
    "}\n"
    "if (isMainThread) {\n"
    "    process.once('beforeExit', () => { natural = true; });\n"
    "    process.on('exit', (code) => {\n"
    "        if (lists && code === 0) {\n"
    "            tellList();\n"
    "        }\n"
    "        if (isReporter) {\n"
    "            tell(fd, { exit: code, loaded: isLoaded(), begun, ended, natural });\n"
    "        } else if (!natural && code === 0 && isLoaded()\n"
    "            && process.listeners('beforeExit').some((one) => one.name === 'exitHandler')) {\n"
    "            try {\n"
    "                tell(openSync(raw, 'a'), { cut: process.argv[1] ?? 'node' });\n"
    "            } catch { /* a process that outlives its unit: nobody asks any more */ }\n"
    "        }\n"
    "    });\n"
    "}\n";

// clang-format on

int report_prepare_node(struct report_job *job, struct err *err)
{
    char script[PATH_TEXT_MAX];
    char here[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str options = STR_INIT((size_t)PATH_TEXT_MAX * 8);
    const char *before = getenv("NODE_OPTIONS"); // NOLINT(concurrency-mt-unsafe): one thread
    if (getcwd(here, sizeof here) == NULL) {
        return err_errno(err, "the working folder");
    }
    int n = snprintf(script, sizeof script, "%s.cjs", job->path);
    if (n < 0 || (size_t)n >= sizeof script) {
        return err_set(err, -ENAMETOOLONG, "too long a path: %.80s", job->path);
    }
    /* A double quote and a backslash are escaped by a backslash (node's documentation of it). */
    (void)str_appendf(&options, "%s --require \"", before != NULL ? before : "");
    for (const char *at = here; *at != '\0'; at++) {
        (void)str_append(&options, *at == '"' ? "\\\"" : *at == '\\' ? "\\\\" : "");
        (void)str_append_n(&options, at, *at == '"' || *at == '\\' ? 0 : 1);
    }
    (void)str_appendf(&options, "/%s\"", script);
    if (str_error(&options) != 0) {
        return err_set(err, str_error(&options), "too long a path: %.80s", here);
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    if (setenv("NODE_OPTIONS", str_text(&options), 1) != 0) {
        return err_set(err, -ENOMEM, "out of memory for NODE_OPTIONS");
    }
    return file_write_atomic(script, report_node_script, sizeof report_node_script - 1, err);
}

/* ---- reading ---- */

struct level {
    char *name;    /* of the test that runs at this depth */
    bool seen;     /* a test of this depth has ended since the last one above did */
    bool left_out; /* as `seen`, of one that was left out by its name */
};

struct reading {
    struct report_job *job;
    struct level levels[NESTING_MAX + 1];
    size_t cases;
    bool exited;
};

static void reading_fini(struct reading *reading)
{
    for (size_t i = 0; i <= NESTING_MAX; i++) {
        mem_free(reading->levels[i].name);
    }
}

static size_t nesting_of(const json_t *line)
{
    json_int_t n = json_integer_value(json_object_get(line, "nesting"));
    return n < 0 ? 0 : n > NESTING_MAX - 1 ? NESTING_MAX - 1 : (size_t)n;
}

static const char *text_at(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void add(struct reading *reading, const struct report_case *c)
{
    report_add_case(reading->job->report, c);
    reading->cases++;
}

static void join_names(const struct reading *reading, size_t nesting, struct str *out)
{
    for (size_t i = 0; i < nesting; i++) {
        const char *name = reading->levels[i].name;
        (void)str_appendf(out, "%s%s", i > 0 ? " > " : "", name != NULL ? name : "");
    }
}

static void add_test(struct reading *reading, const json_t *line, size_t nesting)
{
    CLEANUP(str_fini) struct str titles = STR_INIT(64u << 10);
    join_names(reading, nesting, &titles);
    const char *skip = text_at(line, "skip");
    const char *todo = text_at(line, "todo");
    const char *stack = text_at(line, "stack");
    const char *file = text_at(line, "file");
    const char *name = text_at(line, "test");
    bool passed = json_is_true(json_object_get(line, "passed"));
    int64_t at = stack != NULL && file != NULL ? report_find_line(stack, file) : 0;
    struct report_case c = {
        .name = name != NULL && name[0] != '\0' ? name : "(no name)",
        .classname = titles.len > 0 ? str_text(&titles) : NULL,
        .status = passed ? "passed" : "failed",
        .file = report_below_here(file),
        .line = at > 0 ? at : (int64_t)json_integer_value(json_object_get(line, "line")),
        .seconds = json_number_value(json_object_get(line, "ms")) / 1000,
        .message = text_at(line, "message"),
        .details = stack,
    };
    if (skip != NULL || todo != NULL) { /* a test that is to do may fail */
        c.status = "skipped";
        c.message = skip == NULL ? "todo" : skip[0] != '\0' ? skip : NULL;
    }
    add(reading, &c);
}

/* A test with tests within it is what they are, unless its own code failed. */
static void end_parent(struct reading *reading, const json_t *line, size_t nesting, bool left_out)
{
    const char *failure = text_at(line, "failure");
    bool passed = json_is_true(json_object_get(line, "passed"));
    if (left_out && !json_is_true(json_object_get(line, "suite"))) {
        const struct report_case c = {
            .name = text_at(line, "test"),
            .status = "errored",
            .message = "this version of node leaves out the tests within a test that is asked for "
                       "by its name; use `split: file`",
        };
        add(reading, &c);
    } else if (!passed && (failure == NULL || strcmp(failure, "subtestsFailed") != 0)) {
        add_test(reading, line, nesting);
    }
}

static void end_test(struct reading *reading, const json_t *line)
{
    size_t nesting = nesting_of(line);
    struct level *own = &reading->levels[nesting];
    struct level *below = &reading->levels[nesting + 1];
    const char *skip = text_at(line, "skip");
    bool left_out = reading->job->only != NULL && skip != NULL && strcmp(skip, NODE_LEFT_OUT) == 0;
    bool is_parent = below->seen || json_is_true(json_object_get(line, "suite"));
    bool left_out_below = below->left_out;
    own->seen = true;
    own->left_out = own->left_out || left_out;
    below->seen = false;
    below->left_out = false;
    if (is_parent) {
        end_parent(reading, line, nesting, left_out_below);
    } else if (!left_out) {
        add_test(reading, line, nesting);
    }
}

static int start_test(struct reading *reading, const json_t *line)
{
    struct level *level = &reading->levels[nesting_of(line)];
    mem_free(level->name);
    level->name = mem_strdup(text_at(line, "start"));
    return level->name != NULL ? 0 : -ENOMEM;
}

static void add_cut(struct reading *reading, const char *message)
{
    const struct report_case c = {.name = "(the process ended before its tests had)",
                                  .status = "errored",
                                  .message = message};
    add(reading, &c);
}

static bool is_set(const json_t *line, const char *key)
{
    return json_is_true(json_object_get(line, key));
}

/* A file that never called node:test is one test: its exit code. */
static void end_process(struct reading *reading, const json_t *line)
{
    struct report_job *job = reading->job;
    bool begun = is_set(line, "begun");
    reading->exited = true;
    if (is_set(line, "loaded") && !is_set(line, "ended")
        && (begun || (!is_set(line, "natural") && job->exit_code == 0))) {
        add_cut(reading,
                "a test, or what it called, ended the process; what was left out is not known");
    } else if (!begun && job->signal == 0) {
        char message[64];
        (void)snprintf(message, sizeof message, "exited with %d", job->exit_code);
        const struct report_case c = {.name = job->name,
                                      .status = job->exit_code == 0 ? "passed" : "failed",
                                      .message = job->exit_code == 0 ? NULL : message};
        add(reading, &c);
    }
}

static int read_line(struct reading *reading, const json_t *line)
{
    const char *cut = text_at(line, "cut");
    if (text_at(line, "start") != NULL) {
        return start_test(reading, line);
    }
    if (text_at(line, "test") != NULL) {
        end_test(reading, line);
    } else if (json_object_get(line, "exit") != NULL) {
        end_process(reading, line);
    } else if (cut != NULL) {
        char message[512];
        (void)snprintf(message,
                       sizeof message,
                       "it started node with %.300s, and that ended with exit code 0 before its "
                       "tests had; what was left out is not known",
                       cut);
        add_cut(reading, message);
    }
    return 0;
}

/* Calls `each` for the lines of REPORT.raw. -ENOENT when there is none. */
static int read_lines(const char *raw,
                      int (*each)(void *context, const json_t *line, struct err *err),
                      void *context,
                      struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_TEXT_MAX);
    int status = file_read(raw, &text, err);
    char *rest = text.data;
    char *word = NULL;
    while (status == 0 && (word = tool_line(&rest)) != NULL) {
        CLEANUP(json_cleanup) json_t *line = NULL;
        if (word[0] == '\0') {
            continue;
        }
        status = json_parse_foreign(word, strlen(word), &line, err);
        status = status == 0 ? each(context, line, err) : status;
    }
    return status;
}

static int take_line(void *context, const json_t *line, struct err *err)
{
    int status = read_line(context, line);
    return status == 0 ? 0 : err_set(err, status, "out of memory for the tests of a file");
}

int report_from_node(struct report_job *job, struct err *err)
{
    CLEANUP(reading_fini) struct reading reading = {.job = job};
    char script[PATH_TEXT_MAX];
    (void)snprintf(script, sizeof script, "%s.cjs", job->path);
    (void)unlink(script);
    int status = read_lines(job->raw, take_line, &reading, err);
    if (status == -ENOENT) {
        return err_set(err,
                       -ENOENT,
                       "node did not read its NODE_OPTIONS; does `command` start node, and does "
                       "`env` let it?");
    }
    if (status != 0) {
        return err_wrap(err, "what node:test left");
    }
    if (!reading.exited && job->signal == 0 && job->exit_code == 0) {
        add_cut(&reading, "it did not even come to process.exit(); what was left out is not known");
    }
    return reading.cases > 0 || job->only == NULL
               ? 0
               : err_set(err,
                         -ENODATA,
                         "no test is called \"%.200s\"; does its name change from run to run?",
                         job->only);
}

/* ---- the list of tests ---- */

struct listing {
    int (*each)(void *context, const char *name, struct err *err);
    void *context;
};

static int list_line(void *context, const json_t *line, struct err *err)
{
    const struct listing *listing = context;
    const char *name = text_at(line, "list");
    return name != NULL ? listing->each(listing->context, name, err) : 0;
}

int report_list_node(const char *raw,
                     int (*each)(void *context, const char *name, struct err *err),
                     void *context,
                     struct err *err)
{
    struct listing listing = {.each = each, .context = context};
    return read_lines(raw, list_line, &listing, err);
}
