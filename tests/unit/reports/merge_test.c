/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/merge.h"

#include "base/mem.h"
#include "reports/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/feed.h"

/* ---- logs of shards ---- */

struct shard {
    struct event_sink sink; /* adds what the helpers of feed.h do not know */
    struct event_log *log;
    unsigned index, count;
    const char *tree;
};

static void pass_on(struct event_sink *sink, const struct event *event)
{
    const struct shard *shard = (struct shard *)sink;
    struct event copy = *event;
    if (event->type == EVENT_RUN_STARTED) {
        copy.u.run_started.shard_index = shard->index;
        copy.u.run_started.shard_count = shard->count;
        copy.u.run_started.tree = shard->tree;
    }
    event_log_sink(shard->log)->emit(event_log_sink(shard->log), &copy);
}

static const char *file_of(unsigned index)
{
    static char files[8][512];
    (void)snprintf(files[index], sizeof files[index], "%s/%u.ndjson", test_folder(), index);
    return files[index];
}

static void open_shard(struct shard *shard, unsigned index, unsigned count)
{
    struct err err = {0};
    *shard = (struct shard){.sink.emit = pass_on, .index = index, .count = count, .tree = "abc"};
    const int fd = open(file_of(index), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(event_log_new(fd, true, &shard->log, &err), 0);
}

/* A shard with one unit of its own and one that all have. */
static void write_shard(unsigned index, unsigned count, enum outcome_status own, bool finished)
{
    struct shard shard;
    char unit[16];
    const bool bad = own != OUTCOME_PASSED;
    struct outcome outcome = feed_outcome(own);
    (void)snprintf(unit, sizeof unit, "u%u", index);
    open_shard(&shard, index, count);
    feed_run_started(&shard.sink);
    feed_layer_started(&shard.sink, "unit");
    feed_unit(&shard.sink, "unit", unit, &outcome);
    feed_unit(&shard.sink, "unit", "all", &outcome);
    if (finished) {
        feed_judged(&shard.sink, "unit", bad ? VERDICT_SHUT : VERDICT_OPEN, bad ? "failed" : NULL);
        feed_run_finished(&shard.sink, bad ? EXIT_SHUT : EXIT_OPEN, bad ? "shut" : NULL);
    }
    event_log_free(shard.log);
}

/* ---- what comes out ---- */

struct seen {
    struct event_sink sink;
    unsigned started, units, notes, layers, finished;
    enum outcome_status all; /* of the unit that all shards have */
    enum verdict_state state;
    enum exit_code code;
    uint64_t seq;
    struct tally tally;
    char reason[512];
};

static void see(struct event_sink *sink, const struct event *event)
{
    struct seen *seen = (struct seen *)sink;
    assert_int_equal(event->seq, ++seen->seq);
    seen->started += event->type == EVENT_RUN_STARTED ? 1 : 0;
    seen->notes += event->type == EVENT_NOTE ? 1 : 0;
    if (event->type == EVENT_UNIT_FINISHED) {
        seen->units++;
        if (strcmp(event->u.unit_finished.unit, "all") == 0) {
            seen->all = event->u.unit_finished.outcome->status;
        }
    } else if (event->type == EVENT_LAYER_JUDGED) {
        seen->layers++;
        seen->state = event->u.layer_judged.verdict->state;
    } else if (event->type == EVENT_RUN_FINISHED) {
        seen->finished++;
        seen->code = event->u.run_finished.exit_code;
        seen->tally = *event->u.run_finished.tally;
        const char *reason = event->u.run_finished.reason;
        (void)snprintf(seen->reason, sizeof seen->reason, "%s", reason != NULL ? reason : "");
    }
}

static int try_merge(const unsigned *indexes, size_t count, struct seen *seen, struct err *err)
{
    struct merge *merge = NULL;
    *seen = (struct seen){.sink.emit = see};
    int rc = merge_new(&merge, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = merge_add(merge, file_of(indexes[i]), NULL, err);
    }
    rc = rc == 0 ? merge_emit(merge, "merge", &seen->sink, err) : rc;
    if (rc == 0) {
        assert_int_equal(merge_exit_code(merge), seen->code);
    }
    merge_free(merge);
    return rc;
}

static struct seen merged(const unsigned *indexes, size_t count)
{
    struct seen seen;
    struct err err = {0};
    if (try_merge(indexes, count, &seen, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(seen.started, 1);
    assert_int_equal(seen.finished, 1);
    assert_int_equal(seen.layers, 1);
    return seen;
}

TEST(green_shards_are_a_green_whole_and_their_counts_add_up)
{
    write_shard(1, 2, OUTCOME_PASSED, true);
    write_shard(2, 2, OUTCOME_PASSED, true);
    struct seen seen = merged((unsigned[]){2, 1}, 2);
    assert_int_equal(seen.code, EXIT_OPEN);
    assert_int_equal(seen.state, VERDICT_OPEN);
    assert_int_equal(seen.tally.units, 3); /* u1, u2, and "all" once */
    assert_int_equal(seen.tally.passed, 3);
    assert_int_equal(seen.units, 3);
    assert_int_equal(seen.notes, 2); /* of "all", and of the gate's score */
}

TEST(a_unit_that_two_shards_have_counts_by_its_worst_outcome_whatever_the_order)
{
    write_shard(1, 2, OUTCOME_FAILED, true);
    write_shard(2, 2, OUTCOME_PASSED, true);
    struct seen seen = merged((unsigned[]){1, 2}, 2);
    assert_int_equal(seen.all, OUTCOME_FAILED);
    assert_int_equal(seen.code, EXIT_SHUT);
    assert_int_equal(seen.state, VERDICT_SHUT);
    assert_int_equal(seen.tally.failed, 2);
    seen = merged((unsigned[]){2, 1}, 2);
    assert_int_equal(seen.all, OUTCOME_FAILED);
    assert_int_equal(seen.tally.failed, 2);
}

TEST(a_shard_that_is_missing_twice_there_or_unfinished_is_never_green)
{
    for (unsigned i = 1; i <= 3; i++) {
        write_shard(i, 3, OUTCOME_PASSED, i != 3);
    }
    struct seen seen = merged((unsigned[]){1, 2}, 2);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    assert_non_null(strstr(seen.reason, "shard 3/3 is missing"));
    seen = merged((unsigned[]){1, 2, 3}, 3);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    assert_non_null(strstr(seen.reason, "3.ndjson did not come to its end"));
    write_shard(3, 3, OUTCOME_PASSED, true);
    assert_int_equal(merged((unsigned[]){1, 2, 3}, 3).code, EXIT_OPEN);
    seen = merged((unsigned[]){1, 2, 3, 1}, 4);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    assert_non_null(strstr(seen.reason, "1.ndjson is shard 1/3 again"));
    /* its last line is torn: run_finished may be behind what is lost */
    assert_int_equal(truncate(file_of(3), 900), 0);
    assert_int_equal(merged((unsigned[]){1, 2, 3}, 3).code, EXIT_INFRASTRUCTURE);
}

static struct seen merged_reports(const struct merge_report *reports, size_t count)
{
    struct merge *merge = NULL;
    struct err err = {0};
    struct seen seen = {.sink.emit = see};
    assert_int_equal(merge_new(&merge, &err), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(merge_add_report(merge, &reports[i], &err), 0);
    }
    assert_int_equal(merge_emit(merge, "merge", &seen.sink, &err), 0);
    merge_free(merge);
    return seen;
}

TEST(reports_are_units_and_an_empty_one_is_an_error)
{
    const struct test_case good[] = {
        {.name = "x", .time_s = 1, .status = OUTCOME_PASSED },
        {.name = "y", .time_s = 1, .status = OUTCOME_SKIPPED}
    };
    const struct test_case bad[] = {
        {.name = "z", .time_s = -1, .status = OUTCOME_FAILED}
    };
    const struct case_list green = {good, 2};
    const struct case_list red = {bad, 1};
    const struct case_list none = {0};
    struct merge_report reports[] = {
        {.file = "a.xml", .cases = &green},
        {.file = "b.xml", .cases = &green}
    };
    struct seen seen = merged_reports(reports, 2);
    assert_int_equal(seen.code, EXIT_OPEN);
    assert_int_equal(seen.tally.cases_passed, 2);
    assert_int_equal(seen.tally.cases_skipped, 2);
    reports[0].cases = &red;
    seen = merged_reports(reports, 2);
    assert_int_equal(seen.code, EXIT_SHUT);
    assert_int_equal(seen.state, VERDICT_SHUT);
    reports[0].cases = &none;
    assert_int_equal(merged_reports(reports, 2).code, EXIT_INFRASTRUCTURE);
    reports[0].cases = &green;
    reports[0].problem = "truncated";
    assert_int_equal(merged_reports(reports, 2).code, EXIT_INFRASTRUCTURE);
    /* those that name their shard must be complete */
    reports[0] = (struct merge_report){.file = "a", .cases = &green, .shard = 1, .shards = 3};
    reports[1] = (struct merge_report){.file = "b", .cases = &green, .shard = 3, .shards = 3};
    seen = merged_reports(reports, 2);
    assert_int_equal(seen.code, EXIT_INFRASTRUCTURE);
    assert_non_null(strstr(seen.reason, "shard 2/3 is missing"));
}

TEST(shards_of_another_tree_or_number_are_refused)
{
    struct err err = {0};
    struct seen seen;
    struct shard other;
    write_shard(1, 2, OUTCOME_PASSED, true);
    open_shard(&other, 2, 2);
    other.tree = "def";
    feed_run_started(&other.sink);
    event_log_free(other.log);
    assert_int_equal(try_merge((unsigned[]){1, 2}, 2, &seen, &err), -ESTALE);
    assert_non_null(strstr(err.text, "2.ndjson is of another tree"));
    write_shard(2, 3, OUTCOME_PASSED, true);
    assert_int_equal(try_merge((unsigned[]){1, 2}, 2, &seen, &err), -ESTALE);
    assert_int_equal(try_merge((unsigned[]){7}, 1, &seen, &err), -ENOENT);
}

TEST(a_merge_without_memory_is_an_error_never_another_answer)
{
    write_shard(1, 2, OUTCOME_FAILED, true);
    write_shard(2, 2, OUTCOME_PASSED, true);
    const struct seen full = merged((unsigned[]){1, 2}, 2);
    for (size_t n = 1; n < 2000; n++) {
        struct err err = {0};
        struct seen seen;
        (void)mem_fail_from(n);
        const int rc = try_merge((unsigned[]){1, 2}, 2, &seen, &err);
        (void)mem_fail_from(0);
        if (rc == 0) {
            assert_memory_equal(&seen.tally, &full.tally, sizeof full.tally);
            assert_string_equal(seen.reason, full.reason);
            assert_true(n > 20);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
    fail_msg("still failing after 2000 allocations");
}
