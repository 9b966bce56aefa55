/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reason.h"

#include "base/hash.h"

#include "support/test.h"

static const struct layer layer = {.id = "unit", .base_id = "unit"};
static const struct unit unit = {.id = "a"};
static const struct sched_forecast runs = {.fate = FATE_RUN};

static const char *words(const struct invocation *in,
                         const struct reason_subject *subject,
                         bool run)
{
    const struct reason reason = reason_of(in, subject);
    assert_int_equal(reason.run, run);
    return reason.text;
}

TEST(a_selected_unit_runs_with_what_is_known_of_it)
{
    const struct invocation in = {0};
    struct plan_hint hint = {0};
    struct reason_subject subject = {.layer = &layer, .unit = &unit, .forecast = &runs};
    assert_string_equal(words(&in, &subject, true), "never run");
    subject.hint = &hint;
    assert_string_equal(words(&in, &subject, true), "never run");
    hint = (struct plan_hint){.known = true, .last = OUTCOME_FAILED};
    assert_string_equal(words(&in, &subject, true), "failed last time");
    hint.last = OUTCOME_TIMED_OUT;
    assert_string_equal(words(&in, &subject, true), "timed out last time");
    hint.last = OUTCOME_PASSED;
    assert_string_equal(words(&in, &subject, true), "passed last time, runs again");
}

TEST(a_unit_its_plugin_skips_says_the_plugins_reason)
{
    const struct invocation in = {0};
    const struct unit skipped = {.id = "a", .skip = "no network here"};
    const struct reason_subject subject = {.layer = &layer, .unit = &skipped, .forecast = &runs};
    assert_string_equal(words(&in, &subject, false), "no network here");
}

TEST(a_unit_left_out_says_whether_shard_history_or_filter_did_it)
{
    struct invocation in = {0};
    struct plan_hint hint = {.known = true};
    struct reason_subject subject = {.layer = &layer, .unit = &unit, .hint = &hint};
    assert_string_equal(words(&in, &subject, false), "filtered out");
    hint.carried = true;
    assert_string_equal(words(&in, &subject, false), "passed in the resumed run");
    in.rerun_failed = true;
    assert_string_equal(words(&in, &subject, false), "passed last time");
    const unsigned mine = (unsigned)(hash_stable64("unit/a") % 2) + 1;
    in.shard = (struct shard_choice){.index = mine, .count = 2};
    assert_string_equal(words(&in, &subject, false), "passed last time");
    in.shard.index = 3 - mine;
    assert_string_equal(words(&in, &subject, false), "in another shard");
}

TEST(a_unit_with_evidence_says_where_it_was_earned)
{
    const struct invocation in = {0};
    const struct sched_forecast hit = {.fate = FATE_HIT, .why = "earned by run r1"};
    const struct sched_forecast wait = {.fate = FATE_WAIT,
                                        .why = "it sees what layer b will have made"};
    struct reason_subject subject = {.layer = &layer, .unit = &unit, .forecast = &hit};
    assert_string_equal(words(&in, &subject, false), "earned by run r1");
    assert_string_equal(reason_of(&in, &subject).decision, "hit");
    subject.forecast = &wait;
    assert_string_equal(words(&in, &subject, true), "it sees what layer b will have made");
    assert_string_equal(reason_of(&in, &subject).decision, "wait");
}
