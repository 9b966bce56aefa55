/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"
#include "model/trace.h"

#include <assert.h>
#include <string.h>

static const char *const format_names[REPORT_FORMAT_COUNT] = {
    [REPORT_NONE] = "none",       [REPORT_JUNIT] = "junit",   [REPORT_TAP] = "tap",
    [REPORT_CMOCKA] = "cmocka",   [REPORT_CASES] = "cases",   [REPORT_CTRF] = "ctrf",
    [REPORT_SUBUNIT] = "subunit", [REPORT_GOTEST] = "gotest", [REPORT_CHECK] = "check",
    [REPORT_CUNIT] = "cunit",     [REPORT_CTEST] = "ctest",   [REPORT_BOOST] = "boost",
    [REPORT_NUNIT] = "nunit",     [REPORT_XUNIT] = "xunit",   [REPORT_TRX] = "trx",
    [REPORT_QTEST] = "qtest",     [REPORT_AUTO] = "auto",     [REPORT_CPPUNIT] = "cppunit",
    [REPORT_MOCHA] = "mocha",
};

static const char *const status_names[OUTCOME_STATUS_COUNT] = {
    [OUTCOME_PASSED] = "passed",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_ERRORED] = "errored",
    [OUTCOME_TIMED_OUT] = "timed_out",
    [OUTCOME_SKIPPED] = "skipped",
};

const char *const outcome_flag_names[OUTCOME_FLAG_COUNT] = {
    "leaked_process",
    "leaked_pipe",
    "output_cut",
    "slow",
    "killed",
    "unsandboxed",
    "cancelled",
    "scratch_full",
    "oom",
    "output_lost",
};

const char *const trace_flag_names[TRACE_FLAG_COUNT] = {
    "incomplete",
    "escaped",
    "net",
    "foreign",
};

static const char *const verdict_names[] = {
    [VERDICT_OPEN] = "open",
    [VERDICT_SHUT] = "shut",
    [VERDICT_SKIPPED] = "skipped",
    [VERDICT_ERROR] = "error",
};

static const char *const event_names[EVENT_TYPE_COUNT] = {
    [EVENT_RUN_STARTED] = "run_started",
    [EVENT_LAYER_STARTED] = "layer_started",
    [EVENT_LAYER_PLANNED] = "layer_planned",
    [EVENT_UNIT_STARTED] = "unit_started",
    [EVENT_UNIT_SLOW] = "unit_slow",
    [EVENT_UNIT_FINISHED] = "unit_finished",
    [EVENT_LAYER_JUDGED] = "layer_judged",
    [EVENT_NOTE] = "note",
    [EVENT_RUN_FINISHED] = "run_finished",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int find_name(const char *const *names, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *report_format_name(enum report_format format)
{
    assert((size_t)format < COUNT(format_names));
    return format_names[format];
}

int report_format_parse(const char *word)
{
    return find_name(format_names, COUNT(format_names), word);
}

const char *outcome_status_name(enum outcome_status status)
{
    assert((size_t)status < COUNT(status_names));
    return status_names[status];
}

int outcome_status_parse(const char *word)
{
    return find_name(status_names, COUNT(status_names), word);
}

enum outcome_status outcome_status_worse(enum outcome_status a, enum outcome_status b)
{
    static const int rank[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_SKIPPED] = 0,
        [OUTCOME_PASSED] = 1,
        [OUTCOME_FAILED] = 2,
        [OUTCOME_TIMED_OUT] = 3,
        [OUTCOME_ERRORED] = 4,
    };
    assert((size_t)a < OUTCOME_STATUS_COUNT && (size_t)b < OUTCOME_STATUS_COUNT);
    return rank[a] >= rank[b] ? a : b;
}

const char *verdict_state_name(enum verdict_state state)
{
    assert((size_t)state < COUNT(verdict_names));
    return verdict_names[state];
}

int verdict_state_parse(const char *word)
{
    return find_name(verdict_names, COUNT(verdict_names), word);
}

const char *event_type_name(enum event_type type)
{
    assert((size_t)type < COUNT(event_names));
    return event_names[type];
}

const struct layer *pipeline_find_layer(const struct pipeline *pipeline, const char *id)
{
    for (size_t i = 0; i < pipeline->layer_count; i++) {
        if (strcmp(pipeline->layers[i].id, id) == 0) {
            return &pipeline->layers[i];
        }
    }
    return NULL;
}
