/* SPDX-License-Identifier: Apache-2.0 */
/* What is recorded is known afterwards. */
#include "store/store.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/story.h"
#include "support/test.h"

struct runs_seen {
    char text[1024];
    struct run_row last;
};

static int see_run(void *context, const struct run_row *row)
{
    struct runs_seen *seen = context;
    size_t len = strlen(seen->text);
    (void)snprintf(seen->text + len,
                   sizeof seen->text - len,
                   "%s %s %s %ld %ld %d;",
                   row->run_id,
                   row->pipeline,
                   row->tree != NULL ? row->tree : "-",
                   (long)row->started_ms,
                   (long)row->wall_ms,
                   row->exit_code);
    seen->last = *row;
    return 0;
}

static int see_outcome(void *context, const struct outcome_row *row)
{
    char *text = context;
    size_t len = strlen(text);
    (void)snprintf(text + len,
                   1024 - len,
                   "%s/%s %d%s;",
                   row->layer,
                   row->unit,
                   (int)row->status,
                   row->flaky ? " flaky" : "");
    return 0;
}

TEST(a_run_is_read_back_after_the_file_was_closed)
{
    struct store *store = open_store("new/folder/store.db");
    tell_start(store, "run-1", 1000, "abc");
    tell_unit(store, "a", OUTCOME_PASSED, 10);
    tell_unit(store, "b \"q\"; DROP TABLE run; --\xff", OUTCOME_FAILED, 20);
    tell_outcome(
        store,
        "other",
        "a",
        (struct outcome){.status = OUTCOME_PASSED, .attempt = 2, .final = true, .flaky = true});
    tell_verdict(store, "unit", VERDICT_SHUT);
    tell_end(store, EXIT_SHUT);
    tell_start(store, "run-2", 2000, NULL);
    store_close(store);

    store = open_store("new/folder/store.db");
    struct runs_seen seen = {0};
    assert_int_equal(store_runs(store, see_run, &seen, NULL), 0);
    assert_string_equal(seen.text,
                        "run-2 sluice.yml - 2000 -1 -1;run-1 sluice.yml abc 1000 12345 1;");
    assert_int_equal(seen.last.tally.units, 9);
    assert_int_equal(seen.last.tally.passed, 8);
    assert_int_equal(seen.last.tally.failed, 1);
    assert_int_equal(seen.last.tally.cases, 21);
    assert_int_equal(seen.last.tally.cases_skipped, 4);
    char text[1024] = "";
    assert_int_equal(store_outcomes(store, "run-1", see_outcome, text, NULL), 0);
    assert_string_equal(text, "unit/a 0;unit/b \"q\"; DROP TABLE run; --\xff 1;other/a 0 flaky;");
    assert_int_equal(count_outcomes(store, "run-2"), 0);
    assert_int_equal(count_outcomes(store, "no such run"), 0);
    store_close(store);
    store_close(NULL);
}

TEST(a_run_that_never_finished_is_told_with_what_is_known_of_it)
{
    struct store *store = open_store("s.db");
    tell_start(store, "killed", 1000, "abc");
    tell_unit(store, "a", OUTCOME_PASSED, 1);
    tell_unit(store, "b", OUTCOME_TIMED_OUT, 1);
    tell_unit(store, "c", OUTCOME_SKIPPED, 1);
    struct runs_seen seen = {0};
    assert_int_equal(store_runs(store, see_run, &seen, NULL), 0);
    assert_string_equal(seen.text, "killed sluice.yml abc 1000 -1 -1;");
    assert_int_equal(seen.last.tally.units, 3);
    assert_int_equal(seen.last.tally.passed, 1);
    assert_int_equal(seen.last.tally.timed_out, 1);
    assert_int_equal(seen.last.tally.skipped, 1);
    assert_int_equal(seen.last.tally.failed, 0);
    store_close(store);
}

TEST(seldom_outcomes_are_in_the_file_at_once)
{
    struct store *store = open_store("s.db");
    tell_start(store, "r", 1000, NULL);
    tell_unit(store, "a", OUTCOME_PASSED, 1);
    tell_unit(store, "b", OUTCOME_PASSED, 1);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM outcome"), "0"); /* a batch */
    (void)usleep((STORE_BATCH_MS + 50) * 1000);
    tell_unit(store, "c", OUTCOME_PASSED, 1);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM outcome"), "3");
    tell_unit(store, "d", OUTCOME_PASSED, 1);
    assert_int_equal(store_flush(store, NULL), 0);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM outcome"), "4");
    store_close(store);
}

TEST(durations_are_a_mean_of_passes_weighted_to_the_newest)
{
    struct store *store = open_store("s.db");
    tell_start(store, "r1", 1, NULL);
    tell_unit(store, "a", OUTCOME_FAILED, 5000);
    struct unit_history history = history_of(store, "unit", "a");
    assert_int_equal(history.duration_ms, 0);
    assert_int_equal(history.runs, 1);
    assert_int_equal(history.last, OUTCOME_FAILED);
    assert_int_equal(history.last_failed_ms, 7000);
    tell_end(store, EXIT_SHUT);
    tell_start(store, "r2", 2, NULL);
    tell_unit(store, "a", OUTCOME_PASSED, 100);
    assert_int_equal(history_of(store, "unit", "a").duration_ms, 100);
    tell_end(store, EXIT_OPEN);
    tell_start(store, "r3", 3, NULL);
    tell_unit(store, "a", OUTCOME_PASSED, 200);
    history = history_of(store, "unit", "a");
    assert_int_equal(history.duration_ms, 130);
    assert_int_equal(history.runs, 3);
    assert_int_equal(history.last, OUTCOME_PASSED);
    assert_int_equal(history.last_failed_ms, 7000);
    assert_int_equal(history_of(store, "unit", "unknown").runs, 0);
    assert_int_equal(history_of(store, "other", "a").runs, 0);
    tell_outcome(
        store, "unit", "quick", (struct outcome){.attempt = 1, .final = true, .wall_ns = 9});
    assert_int_equal(history_of(store, "unit", "quick").duration_ms, 1);
    store_close(store);
}

TEST(attempts_that_are_tried_again_or_cancelled_tell_nothing_of_a_unit)
{
    struct store *store = open_store("s.db");
    tell_start(store, "r", 1, NULL);
    struct outcome first = {.status = OUTCOME_FAILED, .attempt = 1};
    struct outcome second = {.status = OUTCOME_PASSED, .attempt = 2, .final = true, .flaky = true};
    struct outcome cancelled = {
        .status = OUTCOME_ERRORED, .attempt = 1, .final = true, .flags = FLAG_CANCELLED};
    tell_outcome(store, "unit", "a", first);
    assert_int_equal(history_of(store, "unit", "a").runs, 0);
    tell_outcome(store, "unit", "a", second);
    tell_outcome(store, "unit", "c", cancelled);
    struct unit_history history = history_of(store, "unit", "a");
    assert_int_equal(history.runs, 1);
    assert_int_equal(history.flakes, 1);
    assert_int_equal(history.last, OUTCOME_PASSED);
    assert_int_equal(history_of(store, "unit", "c").runs, 0);
    char text[1024] = "";
    assert_int_equal(store_outcomes(store, "r", see_outcome, text, NULL), 0);
    assert_string_equal(text, "unit/a 0 flaky;");
    assert_string_equal(sql("s.db", "SELECT count(*) FROM outcome"), "2");
    store_close(store);
}

static void tell_reused(struct store *store, const char *unit, enum outcome_status status)
{
    const struct reused reused = {.evidence = "77", .run = "r0"};
    tell_outcome(store,
                 "unit",
                 unit,
                 (struct outcome){.status = status,
                                  .attempt = 2,
                                  .final = true,
                                  .flaky = status == OUTCOME_PASSED,
                                  .wall_ns = 9000000000,
                                  .reused = &reused});
}

TEST(a_reused_outcome_is_one_of_its_run_and_measures_nothing)
{
    struct store *store = open_store("s.db");
    tell_start(store, "r1", 1, "t");
    tell_unit(store, "a", OUTCOME_FAILED, 50);
    tell_end(store, EXIT_SHUT);
    tell_start(store, "r2", 2, "t");
    tell_unit(store, "a", OUTCOME_PASSED, 100);
    tell_end(store, EXIT_OPEN);
    const struct unit_history before = history_of(store, "unit", "a");
    tell_start(store, "r3", 3, "t");
    tell_reused(store, "a", OUTCOME_PASSED);
    tell_reused(store, "b", OUTCOME_PASSED);
    struct unit_history after = history_of(store, "unit", "a");
    assert_int_equal(after.runs, before.runs);
    assert_int_equal(after.flakes, 0);
    assert_int_equal(after.duration_ms, 100);
    assert_int_equal(after.last, OUTCOME_PASSED);
    assert_int_equal(history_of(store, "unit", "b").runs, 0);
    char text[1024] = "";
    assert_int_equal(store_outcomes(store, "r3", see_outcome, text, NULL), 0);
    assert_string_equal(text, "unit/a 0 flaky;unit/b 0 flaky;");
    /* a run that never finished knows what it reused, too */
    struct runs_seen seen = {0};
    assert_int_equal(store_runs(store, see_run, &seen, NULL), 0);
    assert_non_null(strstr(seen.text, "r3 sluice.yml t 3 -1 -1;"));
    assert_string_equal(sql("s.db", "SELECT sum(count) FROM reused_set"), "2");
    tell_start(store, "r4", 4, "t");
    tell_reused(store, "a", OUTCOME_FAILED);
    after = history_of(store, "unit", "a");
    assert_int_equal(after.last, OUTCOME_FAILED);
    assert_int_equal(after.last_failed_ms, before.last_failed_ms);
    tell_unit(store, "b", OUTCOME_PASSED, 30);
    assert_int_equal(history_of(store, "unit", "b").duration_ms, 30);
    assert_int_equal(history_of(store, "unit", "b").runs, 1);
    store_close(store);
}

/* One run that is reused as a whole: a and b passed, c failed. */
static void tell_reused_run(struct store *store, const char *run, const char *tree)
{
    tell_start(store, run, 1, tree);
    tell_reused(store, "a", OUTCOME_PASSED);
    tell_reused(store, "b", OUTCOME_PASSED);
    tell_reused(store, "c", OUTCOME_FAILED);
    tell_end(store, EXIT_OPEN);
}

TEST(what_is_reused_again_and_again_is_kept_once)
{
    struct store *store = open_store("s.db");
    tell_reused_run(store, "r1", "t");
    tell_reused_run(store, "r2", "t");
    tell_reused_run(store, "r3", "t");
    assert_string_equal(sql("s.db", "SELECT count(*) FROM reused_set"), "1");
    for (int i = 1; i <= 3; i++) {
        char run_id[8];
        char text[1024] = "";
        (void)snprintf(run_id, sizeof run_id, "r%d", i);
        assert_int_equal(store_outcomes(store, run_id, see_outcome, text, NULL), 0);
        assert_string_equal(text, "unit/a 0 flaky;unit/b 0 flaky;unit/c 1;");
    }
    assert_int_equal(store_prune(store, 1, NULL), 0);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM reused_set"), "1");
    assert_int_equal(store_prune(store, 0, NULL), 0);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM reused_set"), "0");
    store_close(store);
}

/* A set that was written before does not write its units' rows again: only while nothing else did.
 */
TEST(the_last_outcome_of_a_unit_is_the_last_one_whether_it_was_reused_or_not)
{
    struct store *store = open_store("s.db");
    tell_start(store, "r0", 1, "t0");
    tell_unit(store, "a", OUTCOME_PASSED, 50);
    tell_unit(store, "c", OUTCOME_PASSED, 50);
    tell_end(store, EXIT_OPEN);
    for (int i = 0; i < 2; i++) {
        tell_reused_run(store, "r1", "t1");
        assert_int_equal(history_of(store, "unit", "c").last, OUTCOME_FAILED);
        assert_string_equal(sql("s.db", "SELECT last_tree FROM unit WHERE name = 'a'"), "t1");
        /* another snapshot */
        tell_reused_run(store, "r2", "t2");
        assert_string_equal(sql("s.db", "SELECT last_tree FROM unit WHERE name = 'a'"), "t2");
        /* it ran */
        tell_reused_run(store, "r3", "t1");
        tell_start(store, "r4", 1, "t3");
        tell_unit(store, "c", OUTCOME_PASSED, 50);
        tell_end(store, EXIT_OPEN);
        assert_int_equal(history_of(store, "unit", "c").last, OUTCOME_PASSED);
        tell_reused_run(store, "r5", "t1");
        assert_int_equal(history_of(store, "unit", "c").last, OUTCOME_FAILED);
        /* another set said something else */
        tell_start(store, "r6", 1, "t1");
        tell_reused(store, "c", OUTCOME_PASSED);
        tell_end(store, EXIT_OPEN);
        assert_int_equal(history_of(store, "unit", "c").last, OUTCOME_PASSED);
        tell_reused_run(store, "r7", "t1");
        assert_int_equal(history_of(store, "unit", "c").last, OUTCOME_FAILED);
        assert_int_equal(store_prune(store, 0, NULL), 0);
    }
    store_close(store);
}

/* Two processes with the same history: the one has reused the set that the other doubts. */
TEST(what_another_process_ran_meanwhile_counts)
{
    struct store *one = open_store("s.db");
    struct store *other = open_store("s.db");
    tell_start(one, "r0", 1, "t");
    tell_unit(one, "c", OUTCOME_PASSED, 50);
    tell_end(one, EXIT_OPEN);
    tell_reused_run(one, "r1", "t");
    tell_start(other, "r2", 2, "t");
    tell_unit(other, "c", OUTCOME_PASSED, 50);
    tell_end(other, EXIT_OPEN);
    assert_int_equal(history_of(one, "unit", "c").last, OUTCOME_PASSED);
    tell_reused_run(one, "r3", "t");
    assert_int_equal(history_of(other, "unit", "c").last, OUTCOME_FAILED);
    store_close(one);
    store_close(other);
}

static int see_reused(void *context, const struct run_row *row)
{
    char *text = context;
    size_t len = strlen(text);
    (void)snprintf(text + len,
                   256 - len,
                   "%s %lu of %lu;",
                   row->run_id,
                   (unsigned long)row->tally.reused,
                   (unsigned long)row->tally.units);
    return 0;
}

TEST(runs_know_how_much_they_reused)
{
    struct store *store = open_store("s.db");
    struct tally tally = {.units = 431, .passed = 431, .reused = 412};
    struct event end = {.type = EVENT_RUN_FINISHED};
    end.u.run_finished.tally = &tally;
    tell_start(store, "done", 1, "t");
    tell_reused(store, "a", OUTCOME_PASSED);
    store_sink(store)->emit(store_sink(store), &end);
    tell_start(store, "killed", 2, "t");
    tell_reused(store, "a", OUTCOME_PASSED);
    tell_reused(store, "b", OUTCOME_PASSED);
    tell_unit(store, "c", OUTCOME_PASSED, 30);
    char text[256] = "";
    assert_int_equal(store_runs(store, see_reused, text, NULL), 0);
    assert_string_equal(text, "killed 2 of 3;done 412 of 431;");
    store_close(store);
}

TEST(events_outside_of_a_run_are_not_recorded)
{
    struct store *store = open_store("s.db");
    tell_unit(store, "a", OUTCOME_PASSED, 1);
    tell_verdict(store, "unit", VERDICT_OPEN);
    tell_end(store, EXIT_OPEN);
    assert_int_equal(store_flush(store, NULL), 0);
    assert_int_equal(count_runs(store), 0);
    assert_int_equal(history_of(store, "unit", "a").runs, 0);
    store_close(store);
}

/* A filtered run whose gate opened proves nothing of the layer: with `when: changed` the rest would
 * never run. */
TEST(the_snapshot_of_the_last_run_is_known_unless_it_had_none)
{
    char tree[65] = "untouched";
    char small[2] = "x";
    struct store *store = open_store("s.db");
    assert_int_equal(store_last_tree(store, tree, sizeof tree, NULL), 0);
    tell_resume(store, "r1", "t1", NULL);
    tell_end(store, EXIT_OPEN);
    assert_int_equal(store_last_tree(store, tree, sizeof tree, NULL), 1);
    assert_string_equal(tree, "t1");
    tell_resume(store, "r2", "t2", NULL); /* never ended */
    assert_int_equal(store_last_tree(store, tree, sizeof tree, NULL), 1);
    assert_string_equal(tree, "t2");
    assert_int_equal(store_last_tree(store, small, sizeof small, NULL), -ENOBUFS);
    tell_resume(store, "r3", NULL, NULL);
    assert_int_equal(store_last_tree(store, tree, sizeof tree, NULL), 0);
    assert_string_equal(tree, "t2");
    store_close(store);
}

TEST(a_gate_counts_as_open_only_for_all_units_on_a_snapshot)
{
    static const struct {
        const char *tree;
        uint64_t excluded, carried;
        const char *resumed;
        enum verdict_state state;
        const char *expected; /* snapshot known afterwards */
    } samples[] = {
        {"t1", 0, 0, NULL, VERDICT_SHUT,    NULL},
        {"t2", 0, 0, NULL, VERDICT_SKIPPED, NULL},
        {"t3", 1, 0, NULL, VERDICT_OPEN,    NULL},
        {"t4", 0, 1, NULL, VERDICT_OPEN,    NULL},
        {NULL, 0, 0, NULL, VERDICT_OPEN,    NULL},
        {"t5", 0, 0, NULL, VERDICT_OPEN,    "t5"},
        {"t6", 0, 9, "r1", VERDICT_OPEN,    "t6"},
        {"t7", 0, 0, NULL, VERDICT_SHUT,    "t6"},
    };
    struct store *store = open_store("s.db");
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char run_id[32];
        char tree[65] = "untouched";
        (void)snprintf(run_id, sizeof run_id, "run-%zu", i);
        tell_resume(store, run_id, samples[i].tree, samples[i].resumed);
        tell_plan(store, "unit", samples[i].excluded, samples[i].carried);
        tell_plan(store, "other", 0, 0);
        tell_verdict(store, "unit", samples[i].state);
        tell_end(store, EXIT_OPEN);
        int known = store_last_open(store, "unit", tree, sizeof tree, NULL);
        assert_int_equal(known, samples[i].expected != NULL ? 1 : 0);
        assert_string_equal(tree, known == 1 ? samples[i].expected : "untouched");
    }
    char small[2] = "x";
    assert_int_equal(store_last_open(store, "unit", small, sizeof small, NULL), -ENOBUFS);
    assert_int_equal(store_last_open(store, "never", small, sizeof small, NULL), 0);
    tell_resume(store, "unplanned", "t8", NULL);
    tell_verdict(store, "never", VERDICT_OPEN);
    assert_int_equal(store_last_open(store, "never", small, sizeof small, NULL), 0);
    store_close(store);
}

static int stop_with(void *context, const struct outcome_row *row)
{
    (void)row;
    int *numbers = context;
    numbers[1]++;
    return numbers[0];
}

TEST(a_callback_ends_its_query)
{
    struct store *store = open_store("s.db");
    tell_start(store, "r", 1, NULL);
    tell_unit(store, "a", OUTCOME_PASSED, 1);
    tell_unit(store, "b", OUTCOME_PASSED, 1);
    struct err err = {0};
    int numbers[2] = {1, 0};
    assert_int_equal(store_outcomes(store, "r", stop_with, numbers, &err), 0);
    assert_int_equal(numbers[1], 1);
    numbers[0] = -ENOMEM;
    assert_int_equal(store_outcomes(store, "r", stop_with, numbers, &err), -ENOMEM);
    assert_int_equal(err.code, 0);
    assert_int_equal(count_outcomes(store, "r"), 2);
    store_close(store);
}

TEST(pruning_deletes_the_oldest_runs_and_keeps_what_is_known_of_units)
{
    struct store *store = open_store("s.db");
    for (int i = 1; i <= 9; i++) {
        char run_id[32];
        (void)snprintf(run_id, sizeof run_id, "run-%d", i);
        tell_start(store, run_id, INT64_C(1000) * i, "t");
        tell_plan(store, "unit", 0, 0);
        tell_unit(store, "a", OUTCOME_PASSED, 50);
        tell_verdict(store, "unit", VERDICT_OPEN);
        tell_end(store, EXIT_OPEN);
    }
    assert_int_equal(store_prune(store, 4, NULL), 0);
    assert_int_equal(count_runs(store), 4);
    assert_int_equal(count_outcomes(store, "run-5"), 0);
    assert_int_equal(count_outcomes(store, "run-6"), 1);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM outcome"), "4");
    assert_string_equal(sql("s.db", "SELECT count(*) FROM verdict"), "4");
    assert_int_equal(history_of(store, "unit", "a").runs, 9);
    assert_int_equal(history_of(store, "unit", "a").duration_ms, 50);
    char tree[65];
    assert_int_equal(store_prune(store, 0, NULL), 0);
    assert_int_equal(count_runs(store), 0);
    assert_int_equal(store_last_open(store, "unit", tree, sizeof tree, NULL), 1);
    store_close(store);
}

static int64_t cpu_us(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return (int64_t)now.tv_sec * INT64_C(1000000) + (int64_t)now.tv_nsec / 1000;
}

TEST(ten_thousand_outcomes_cost_little)
{
    struct store *store = open_store("s.db");
    char unit[64];
    for (int round = 0; round < 2; round++) { /* new units, then known ones */
        int64_t begin = cpu_us();
        tell_start(store, round == 0 ? "r0" : "r1", 1, NULL);
        for (int i = 0; i < 10000; i++) {
            (void)snprintf(unit, sizeof unit, "tests/some/folder/test_number_%d", i * 7919 % 10000);
            tell_unit(store, unit, OUTCOME_PASSED, i);
        }
        tell_end(store, EXIT_OPEN);
        int64_t took = cpu_us() - begin;
        print_message("10,000 outcomes: %ld us\n", (long)took);
        assert_true(took < 1500000); /* 70 ms in a release build, ten times that under sanitizers */
    }
    assert_int_equal(store_error(store, NULL), 0);
    assert_int_equal(count_outcomes(store, "r1"), 10000);
    store_close(store);
}

/* A row without a unit is a verdict: a unit whose name could not be copied must not become one. */
TEST(a_unit_whose_name_finds_no_memory_is_no_verdict)
{
    const size_t len = (size_t)16 << 20; /* more than a batch has for names */
    char *name = malloc(len + 1);
    struct store *store = NULL;
    struct err err = {0};
    assert_non_null(name);
    memset(name, 'u', len);
    name[len] = '\0';
    assert_int_equal(store_open(at("s.db"), &store, &err), 0);
    tell_start(store, "run-1", 1, "t");
    tell_unit(store, name, OUTCOME_FAILED, 1);
    assert_int_equal(store_error(store, &err), -ENOMEM);
    store_close(store);
    free(name);
    assert_string_equal(sql("s.db", "SELECT count(*) FROM verdict"), "0");
}

TEST(short_memory_stops_the_history_and_nothing_else)
{
    bool worked = false;
    for (size_t n = 1; !worked; n++) {
        struct store *store = NULL;
        struct err err = {0};
        (void)mem_fail_from(n);
        int result = store_open(at("s.db"), &store, &err);
        if (result == 0) {
            char run_id[32];
            (void)snprintf(run_id, sizeof run_id, "run-%zu", n);
            tell_start(store, run_id, 1, "t");
            tell_plan(store, "unit", 0, 0);
            tell_unit(store, "a", OUTCOME_PASSED, 1);
            tell_verdict(store, "unit", VERDICT_OPEN);
            tell_end(store, EXIT_OPEN);
            result = store_error(store, &err);
        }
        (void)mem_fail_from(0);
        assert_true(result == 0 || result == -ENOMEM);
        assert_true(result == 0 || err.text[0] != '\0');
        worked = result == 0;
        store_close(store);
    }
    assert_string_equal(sql("s.db", "SELECT count(*) FROM run WHERE exit_code = 0"), "1");
}
