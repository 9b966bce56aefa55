/* SPDX-License-Identifier: Apache-2.0 */
/* The gates of merged shards: what is counted is judged over the whole, what is not is the shards'
 * own, and nothing red of a shard is lost on the way. */
#include "reports/event_log.h"
#include "reports/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/feed.h"

/* One shard's run: a layer of units of its own, its gate by one rule, and how the run ended. */
struct part {
    struct gate_rule rule; /* metric NULL: the layer has no gate (skipped, in error) */
    double value;          /* of a plugin's metric */
    unsigned passed, skipped, failed;
    uint64_t carried; /* passed before, in the tally without an event */
    enum verdict_state state;
    const char *reason;
    const char *finding; /* message; NULL = none */
    enum exit_code code;
    const char *why; /* of the exit code */
    bool allow_failure;
};

static const char *file_of(unsigned index)
{
    static char files[8][512];
    (void)snprintf(files[index], sizeof files[index], "%s/%u.ndjson", test_folder(), index);
    return files[index];
}

static void put_units(struct event_sink *sink,
                      unsigned shard,
                      enum outcome_status status,
                      unsigned count,
                      struct tally *tally)
{
    const struct unit definition = {.id = "u"};
    for (unsigned i = 0; i < count; i++) {
        char unit[64];
        struct outcome outcome = feed_outcome(status);
        struct event event = {.type = EVENT_UNIT_FINISHED, .time_ms = 5};
        (void)snprintf(unit, sizeof unit, "u%u-%d-%u", shard, (int)status, i);
        event.u.unit_finished.layer = "unit";
        event.u.unit_finished.unit = unit;
        event.u.unit_finished.definition = &definition;
        event.u.unit_finished.outcome = &outcome;
        tally_add(tally, &outcome);
        sink->emit(sink, &event);
    }
}

static void put_judged(struct event_sink *sink, const struct part *part, const struct tally *tally)
{
    struct metric metrics[STANDARD_METRICS + 1];
    const struct finding finding = {.file = "a.c", .line = 7, .message = part->finding};
    metrics_of_tally(tally, part->finding != NULL ? 1 : 0, metrics);
    metrics[STANDARD_METRICS] = (struct metric){.name = "score", .value = part->value};
    struct gate_result gate = {0};
    if (part->rule.metric != NULL) {
        gate = gate_apply(&part->rule, metrics, STANDARD_METRICS + 1);
    }
    const struct verdict verdict = {.state = part->state,
                                    .reason = part->reason,
                                    .gates = &gate,
                                    .gate_count = part->rule.metric != NULL ? 1 : 0};
    const struct judgement judgement = {.metrics = metrics,
                                        .metric_count = STANDARD_METRICS + 1,
                                        .findings = &finding,
                                        .finding_count = part->finding != NULL ? 1 : 0};
    struct event event = {.type = EVENT_LAYER_JUDGED, .time_ms = 6};
    event.u.layer_judged.layer = "unit";
    event.u.layer_judged.allow_failure = part->allow_failure;
    event.u.layer_judged.verdict = &verdict;
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.tally = tally;
    sink->emit(sink, &event);
}

static void write_part(unsigned index, unsigned count, const struct part *part)
{
    struct err err = {0};
    struct event_log *log = NULL;
    struct tally tally = {.units = part->carried,
                          .passed = part->carried,
                          .cases = part->carried,
                          .cases_passed = part->carried};
    const int fd = open(file_of(index), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(event_log_new(fd, true, &log, &err), 0);
    struct event_sink *sink = event_log_sink(log);
    struct event event = {.type = EVENT_RUN_STARTED, .time_ms = 1};
    event.u.run_started.run_id = "r";
    event.u.run_started.version = "1";
    event.u.run_started.root = "/";
    event.u.run_started.pipeline = "sluice.yml";
    event.u.run_started.tree = "abc";
    event.u.run_started.shard_index = index;
    event.u.run_started.shard_count = count;
    sink->emit(sink, &event);
    put_units(sink, index, OUTCOME_PASSED, part->passed, &tally);
    put_units(sink, index, OUTCOME_SKIPPED, part->skipped, &tally);
    put_units(sink, index, OUTCOME_FAILED, part->failed, &tally);
    put_judged(sink, part, &tally);
    event = (struct event){.type = EVENT_RUN_FINISHED, .time_ms = 9};
    event.u.run_finished.exit_code = part->code;
    event.u.run_finished.reason = part->why;
    event.u.run_finished.tally = &tally;
    sink->emit(sink, &event);
    event_log_free(log);
}

struct seen {
    struct event_sink sink;
    unsigned notes;
    size_t findings;
    enum verdict_state state;
    enum exit_code code;
    struct tally tally;
    char layer_reason[256], reason[256], note[256];
    double value; /* of the first gate */
};

static void copy(char to[256], const char *text)
{
    (void)snprintf(to, 256, "%s", text != NULL ? text : "");
}

static void see(struct event_sink *sink, const struct event *event)
{
    struct seen *seen = (struct seen *)sink;
    if (event->type == EVENT_NOTE) {
        seen->notes++;
        copy(seen->note, event->u.note.text);
    } else if (event->type == EVENT_LAYER_JUDGED) {
        const struct verdict *verdict = event->u.layer_judged.verdict;
        seen->state = verdict->state;
        seen->findings = event->u.layer_judged.judgement->finding_count;
        seen->value = verdict->gate_count > 0 ? verdict->gates[0].value : -1;
        copy(seen->layer_reason, verdict->reason);
    } else if (event->type == EVENT_RUN_FINISHED) {
        seen->code = event->u.run_finished.exit_code;
        seen->tally = *event->u.run_finished.tally;
        copy(seen->reason, event->u.run_finished.reason);
    }
}

static struct seen merged(const struct part *a, const struct part *b)
{
    const struct part *const parts[] = {a, b};
    struct seen seen = {.sink.emit = see};
    struct merge *merge = NULL;
    struct err err = {0};
    assert_int_equal(merge_new(&merge, &err), 0);
    for (unsigned i = 0; i < 2; i++) {
        write_part(i + 1, 2, parts[i]);
        assert_int_equal(merge_add(merge, file_of(i + 1), NULL, &err), 0);
    }
    assert_int_equal(merge_emit(merge, "merge", &seen.sink, &err), 0);
    assert_int_equal(merge_exit_code(merge), seen.code);
    merge_free(merge);
    return seen;
}

static struct gate_rule at_most(const char *metric, double max)
{
    return (struct gate_rule){.metric = metric, .has_max = true, .max = max};
}

static struct gate_rule at_least(const char *metric, double min)
{
    return (struct gate_rule){.metric = metric, .has_min = true, .min = min};
}

TEST(parts_that_are_within_a_limit_can_be_beyond_it_together)
{
    struct part part = {
        .rule = at_most("skipped", 3), .passed = 1, .skipped = 2, .state = VERDICT_OPEN};
    struct seen seen = merged(&part, &part);
    assert_int_equal(seen.state, VERDICT_SHUT);
    assert_int_equal(seen.code, EXIT_SHUT);
    assert_string_equal(seen.layer_reason, "skipped is 4, at most 3 is allowed");
    assert_string_equal(seen.reason, "layer unit is shut: skipped is 4, at most 3 is allowed");
    assert_int_equal(seen.notes, 0);
    part.allow_failure = true;
    seen = merged(&part, &part);
    assert_int_equal(seen.state, VERDICT_SHUT);
    assert_int_equal(seen.code, EXIT_OPEN);
}

TEST(a_part_that_has_too_few_tests_is_made_up_for_by_the_others)
{
    const struct part little = {.rule = at_least("total", 3),
                                .passed = 2,
                                .state = VERDICT_SHUT,
                                .reason = "total is 2, at least 3 is required",
                                .code = EXIT_SHUT,
                                .why = "layer unit is shut: total is 2, at least 3 is required"};
    const struct seen seen = merged(&little, &little);
    assert_int_equal(seen.state, VERDICT_OPEN);
    assert_int_equal(seen.code, EXIT_OPEN);
    assert_string_equal(seen.reason, "");
    assert_true(seen.value > 3.5 && seen.value < 4.5);
}

TEST(a_shard_whose_tests_were_all_skipped_is_red_only_when_the_whole_is)
{
    struct part skipped = {.rule = at_least("total", 1),
                           .skipped = 2,
                           .state = VERDICT_ERROR,
                           .reason = "every test was skipped: that proves nothing",
                           .code = EXIT_INFRASTRUCTURE,
                           .why = "layer unit is in error: every test was skipped"};
    const struct part passed = {.rule = at_least("total", 1), .passed = 2, .state = VERDICT_OPEN};
    struct seen seen = merged(&skipped, &passed);
    assert_int_equal(seen.state, VERDICT_OPEN);
    assert_int_equal(seen.code, EXIT_OPEN);
    seen = merged(&skipped, &skipped);
    assert_int_equal(seen.state, VERDICT_ERROR);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    skipped.why = "no space left on device"; /* and that was not all */
    seen = merged(&skipped, &passed);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    assert_string_equal(seen.reason, "no space left on device");
}

TEST(a_layer_in_error_in_one_shard_is_in_error)
{
    const struct part broken = {.state = VERDICT_ERROR,
                                .reason = "the plugin crashed",
                                .code = EXIT_INFRASTRUCTURE,
                                .why = "layer unit is in error: the plugin crashed"};
    const struct part passed = {.rule = at_least("total", 1), .passed = 2, .state = VERDICT_OPEN};
    const struct seen seen = merged(&passed, &broken);
    assert_int_equal(seen.state, VERDICT_ERROR);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    assert_string_equal(seen.layer_reason, "shard 2/2: the plugin crashed");
}

TEST(what_a_shut_shard_left_out_is_missing_from_the_whole)
{
    const struct part left_out = {.state = VERDICT_SKIPPED,
                                  .reason = "it needs lint, which is shut",
                                  .code = EXIT_SHUT,
                                  .why = "layer lint is shut"};
    struct part passed = {.rule = at_least("total", 1), .passed = 2, .state = VERDICT_OPEN};
    struct seen seen = merged(&left_out, &passed);
    assert_int_equal(seen.state, VERDICT_SHUT);
    assert_int_equal(seen.code, EXIT_SHUT);
    assert_string_equal(seen.layer_reason, "shard 1/2: it needs lint, which is shut");
    /* what had nothing to run is not missing */
    struct part none = {.state = VERDICT_SKIPPED,
                        .reason = "none of its units is in this shard",
                        .code = EXIT_NOTHING_SELECTED};
    seen = merged(&none, &passed);
    assert_int_equal(seen.state, VERDICT_OPEN);
    assert_int_equal(seen.code, EXIT_OPEN);
    seen = merged(&none, &none);
    assert_int_equal(seen.state, VERDICT_SKIPPED);
    assert_int_equal(seen.code, EXIT_NOTHING_SELECTED);
}

TEST(metrics_of_plugins_do_not_add_up_and_that_is_said)
{
    const struct part good = {
        .rule = at_least("score", 80), .value = 90, .passed = 1, .state = VERDICT_OPEN};
    const struct part bad = {.rule = at_least("score", 80),
                             .value = 70,
                             .passed = 1,
                             .state = VERDICT_SHUT,
                             .reason = "score is 70",
                             .code = EXIT_SHUT};
    struct seen seen = merged(&good, &good);
    assert_int_equal(seen.code, EXIT_OPEN);
    assert_int_equal(seen.notes, 1);
    assert_non_null(strstr(seen.note, "`score`"));
    seen = merged(&bad, &good);
    assert_int_equal(seen.state, VERDICT_SHUT);
    assert_int_equal(seen.code, EXIT_SHUT);
    assert_string_equal(seen.layer_reason, "score is 70, at least 80 is required");
    assert_int_equal(merged(&good, &bad).state, VERDICT_SHUT);
}

TEST(a_failure_stays_one_whatever_the_others_say)
{
    const struct part bad = {.rule = at_most("failed", 0),
                             .passed = 1,
                             .failed = 1,
                             .state = VERDICT_SHUT,
                             .reason = "failed is 1",
                             .code = EXIT_SHUT};
    const struct part good = {.rule = at_most("failed", 0), .passed = 5, .state = VERDICT_OPEN};
    const struct seen seen = merged(&good, &bad);
    assert_int_equal(seen.state, VERDICT_SHUT);
    assert_int_equal(seen.code, EXIT_SHUT);
    assert_int_equal(seen.tally.passed, 6);
    assert_int_equal(seen.tally.failed, 1);
}

TEST(units_that_had_passed_before_and_were_not_run_again_are_counted)
{
    const struct part part = {.rule = at_least("total", 7),
                              .passed = 1,
                              .carried = 3,
                              .state = VERDICT_SHUT,
                              .reason = "total is 4",
                              .code = EXIT_SHUT};
    const struct seen seen = merged(&part, &part);
    assert_int_equal(seen.tally.units, 8);
    assert_int_equal(seen.tally.cases_passed, 8);
    assert_int_equal(seen.code, EXIT_OPEN);
}

TEST(a_finding_of_a_layer_that_ran_in_each_shard_is_one)
{
    struct part part = {
        .rule = at_most("findings", 1), .passed = 1, .state = VERDICT_OPEN, .finding = "too long"};
    struct part other = part;
    struct seen seen = merged(&part, &other);
    assert_int_equal(seen.findings, 1);
    assert_int_equal(seen.code, EXIT_OPEN);
    other.finding = "too short";
    seen = merged(&part, &other);
    assert_int_equal(seen.findings, 2);
    assert_int_equal(seen.code, EXIT_SHUT);
}

TEST(a_case_in_two_reports_is_told)
{
    const struct test_case cases[] = {
        {.suite = "s", .name = "x", .status = OUTCOME_PASSED},
        {.suite = "s", .name = "x", .status = OUTCOME_PASSED}, /* twice in one: its own affair */
        {.suite = "s", .name = "y", .status = OUTCOME_PASSED},
    };
    const struct case_list all = {cases, 3};
    const struct case_list last = {cases + 2, 1};
    const struct merge_report reports[] = {
        {.file = "a.xml", .cases = &all },
        {.file = "b.xml", .cases = &last}
    };
    struct seen seen = {.sink.emit = see};
    struct merge *merge = NULL;
    struct err err = {0};
    assert_int_equal(merge_new(&merge, &err), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(merge_add_report(merge, &reports[i], &err), 0);
    }
    assert_int_equal(merge_emit(merge, "merge", &seen.sink, &err), 0);
    merge_free(merge);
    assert_int_equal(seen.notes, 1);
    assert_string_equal(seen.note,
                        "1 case is in more than one of the merged reports, and counted in each; "
                        "the first: y");
    assert_int_equal(seen.tally.cases_passed, 4);
}
