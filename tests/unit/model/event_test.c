/* SPDX-License-Identifier: Apache-2.0 */
/* The log says what happened: every event, every field, there and back. */
#include "base/json.h"
#include "base/mem.h"
#include "model/event_json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "support/test.h"

/* Everything of one test: the text and where it is read to. */
static struct str line;
static struct arena *arena;
static struct event back;

static void open_all(void)
{
    str_init(&line, 1 << 20);
    arena = arena_new(1 << 20);
    assert_non_null(arena);
    memset(&back, 0, sizeof back);
}

static void close_all(void)
{
    str_fini(&line);
    arena_free(arena);
}

static int read_text(const char *text)
{
    struct err err = {0};
    int rc = event_read(text, strlen(text), arena, &back, &err);
    assert_true(rc >= 0 || err.text[0] != '\0');
    return rc;
}

/* Writes, reads back into `back`, and writes that again: the same bytes. */
static void round_trip(struct event *event)
{
    struct err err = {0};
    struct str again = STR_INIT(1 << 20);
    event->seq = 7;
    event->time_ms = 1700000000123;
    assert_int_equal(event_write(&line, event), 0);
    assert_int_equal(line.data[line.len - 1], '\n');
    if (event_read(line.data, line.len - 1, arena, &back, &err) != 1) {
        fail_msg("%s: %s", line.data, err.text);
    }
    assert_int_equal(back.type, event->type);
    assert_int_equal(back.seq, 7);
    assert_int_equal(back.time_ms, 1700000000123);
    assert_int_equal(event_write(&again, &back), 0);
    assert_string_equal(again.data, line.data);
    str_fini(&again);
}

TEST(run_started_keeps_every_field)
{
    struct event event = {.type = EVENT_RUN_STARTED};
    event.u.run_started.run_id = "20261122T090000-4f2a";
    event.u.run_started.version = "1.2";
    event.u.run_started.root = "/tree";
    event.u.run_started.pipeline = "sluice.yml";
    event.u.run_started.name = "my \"pipeline\"\n";
    event.u.run_started.tree = "abc";
    event.u.run_started.shard_index = 2;
    event.u.run_started.shard_count = 4;
    event.u.run_started.host = "box";
    event.u.run_started.resumed = "20261121T090000-4f2a";
    event.u.run_started.command = "sluice run 'a b'";
    event.u.run_started.jobs = 3;
    event.u.run_started.layer_count = 5;
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.run_started.run_id, "20261122T090000-4f2a");
    assert_string_equal(back.u.run_started.version, "1.2");
    assert_string_equal(back.u.run_started.root, "/tree");
    assert_string_equal(back.u.run_started.pipeline, "sluice.yml");
    assert_string_equal(back.u.run_started.name, "my \"pipeline\"\n");
    assert_string_equal(back.u.run_started.tree, "abc");
    assert_string_equal(back.u.run_started.host, "box");
    assert_string_equal(back.u.run_started.resumed, "20261121T090000-4f2a");
    assert_string_equal(back.u.run_started.command, "sluice run 'a b'");
    assert_int_equal(back.u.run_started.jobs, 3);
    assert_int_equal(back.u.run_started.layer_count, 5);
    assert_int_equal(back.u.run_started.shard_index, 2);
    assert_int_equal(back.u.run_started.shard_count, 4);
    close_all();
}

TEST(what_is_not_known_is_left_out_and_reads_back_as_null)
{
    struct event event = {.type = EVENT_RUN_STARTED};
    event.u.run_started.run_id = "x";
    open_all();
    round_trip(&event);
    assert_null(strstr(line.data, "null"));
    assert_null(back.u.run_started.tree);
    assert_null(back.u.run_started.resumed);
    close_all();
}

TEST(layer_started_keeps_every_field)
{
    struct event event = {.type = EVENT_LAYER_STARTED};
    event.u.layer_started.layer = "unit[asan]";
    event.u.layer_started.name = "Unit tests";
    event.u.layer_started.stage = "test";
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.layer_started.layer, "unit[asan]");
    assert_string_equal(back.u.layer_started.name, "Unit tests");
    assert_string_equal(back.u.layer_started.stage, "test");
    close_all();
}

TEST(layer_planned_keeps_every_field)
{
    struct event event = {.type = EVENT_LAYER_PLANNED};
    event.u.layer_planned.layer = "unit";
    event.u.layer_planned.units = 1;
    event.u.layer_planned.excluded = 2;
    event.u.layer_planned.left_out = 5;
    event.u.layer_planned.carried = 3;
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.layer_planned.layer, "unit");
    assert_int_equal(back.u.layer_planned.units, 1);
    assert_int_equal(back.u.layer_planned.excluded, 2);
    assert_int_equal(back.u.layer_planned.left_out, 5);
    assert_int_equal(back.u.layer_planned.carried, 3);
    close_all();
}

TEST(unit_started_and_unit_slow_keep_every_field)
{
    static const enum event_type types[] = {EVENT_UNIT_STARTED, EVENT_UNIT_SLOW};

    for (size_t i = 0; i < 2; i++) {
        struct event event = {.type = types[i]};
        event.u.unit_started.layer = "unit";
        event.u.unit_started.unit = "a/b";
        event.u.unit_started.attempt = 2;
        event.u.unit_started.slot = 1;
        event.u.unit_started.why = "never run";
        open_all();
        round_trip(&event);
        assert_string_equal(back.u.unit_started.layer, "unit");
        assert_string_equal(back.u.unit_started.unit, "a/b");
        assert_int_equal(back.u.unit_started.attempt, 2);
        assert_int_equal(back.u.unit_started.slot, 1);
        assert_string_equal(back.u.unit_started.why, "never run");
        close_all();
    }
}

static const struct test_case two_cases[] = {
    {
     .suite = "suite",
     .classname = "class",
     .name = "name",
     .file = "a.c",
     .message = "1 != 2",
     .type = "assert",
     .details = "at a.c:12\nbecause",
     .output = "said\n",
     .time_s = 0.25,
     .line = 12,
     .status = OUTCOME_FAILED,
     .flaky = true,
     },
    {.name = "short", .status = OUTCOME_SKIPPED,     .time_s = -1},
};

static void assert_whole_case(const struct test_case *test_case)
{
    assert_string_equal(test_case->suite, "suite");
    assert_string_equal(test_case->classname, "class");
    assert_string_equal(test_case->name, "name");
    assert_string_equal(test_case->file, "a.c");
    assert_string_equal(test_case->message, "1 != 2");
    assert_string_equal(test_case->type, "assert");
    assert_string_equal(test_case->details, "at a.c:12\nbecause");
    assert_string_equal(test_case->output, "said\n");
    assert_float_equal(test_case->time_s, 0.25, 0);
    assert_int_equal(test_case->line, 12);
    assert_int_equal(test_case->status, OUTCOME_FAILED);
    assert_true(test_case->flaky);
}

static const struct reused whole_reused = {
    .evidence = "77", .run = "r1", .change = "7", .tree = "abc", .earned_ms = 1700000000000};

static struct outcome whole_outcome(void)
{
    return (struct outcome){
        .status = OUTCOME_FAILED,
        .exit_code = -1,
        .signal = 11,
        .flags = (1U << OUTCOME_FLAG_COUNT) - 1,
        .attempt = 2,
        .final = true,
        .flaky = true,
        .message = "why",
        .hint = "do this",
        .unstored = "it was not observed",
        .warning = "its counters lie",
        .started_ms = 1700000000001,
        .wall_ns = 5000000001,
        .cpu_user_us = 11,
        .cpu_sys_us = 12,
        .max_rss_kib = 13,
        .out = {.file = "out.0", .offset = 5000000000, .len = 3, .dropped = 4},
        .err = {.file = "err.0",   .offset = 1,                       .len = 2},
        .cases = {two_cases,  2},
        .slot = 1,
        .reused = &whole_reused,
    };
}

static void assert_whole_reused(const struct reused *reused)
{
    assert_non_null(reused);
    assert_string_equal(reused->evidence, "77");
    assert_string_equal(reused->run, "r1");
    assert_string_equal(reused->change, "7");
    assert_string_equal(reused->tree, "abc");
    assert_int_equal(reused->earned_ms, 1700000000000);
}

static void assert_whole_outcome(const struct outcome *outcome)
{
    assert_int_equal(outcome->status, OUTCOME_FAILED);
    assert_int_equal(outcome->exit_code, -1);
    assert_int_equal(outcome->signal, 11);
    assert_int_equal(outcome->flags, (1U << OUTCOME_FLAG_COUNT) - 1);
    assert_int_equal(outcome->attempt, 2);
    assert_true(outcome->final);
    assert_true(outcome->flaky);
    assert_string_equal(outcome->message, "why");
    assert_string_equal(outcome->hint, "do this");
    assert_string_equal(outcome->unstored, "it was not observed");
    assert_string_equal(outcome->warning, "its counters lie");
    assert_int_equal(outcome->started_ms, 1700000000001);
    assert_int_equal(outcome->wall_ns, 5000000001);
    assert_int_equal(outcome->cpu_user_us, 11);
    assert_int_equal(outcome->cpu_sys_us, 12);
    assert_int_equal(outcome->max_rss_kib, 13);
    assert_int_equal(outcome->slot, 1);
    assert_string_equal(outcome->out.file, "out.0");
    assert_int_equal(outcome->out.offset, 5000000000);
    assert_int_equal(outcome->out.len, 3);
    assert_int_equal(outcome->out.dropped, 4);
    assert_string_equal(outcome->err.file, "err.0");
    assert_int_equal(outcome->cases.count, 2);
    assert_whole_reused(outcome->reused);
}

TEST(unit_finished_keeps_every_field)
{
    static const char *const labels[] = {"slow", "db", NULL};
    const struct unit unit = {
        .id = "a", .file = "t.c", .line = 9, .labels = {labels, 2}
    };
    const struct outcome outcome = whole_outcome();
    struct event event = {.type = EVENT_UNIT_FINISHED};
    event.u.unit_finished.layer = "unit";
    event.u.unit_finished.unit = "a";
    event.u.unit_finished.definition = &unit;
    event.u.unit_finished.outcome = &outcome;
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.unit_finished.layer, "unit");
    assert_string_equal(back.u.unit_finished.unit, "a");
    assert_string_equal(back.u.unit_finished.definition->file, "t.c");
    assert_int_equal(back.u.unit_finished.definition->line, 9);
    assert_int_equal(back.u.unit_finished.definition->labels.count, 2);
    assert_string_equal(back.u.unit_finished.definition->labels.items[1], "db");
    assert_whole_outcome(back.u.unit_finished.outcome);
    assert_whole_case(&back.u.unit_finished.outcome->cases.items[0]);
    assert_true(back.u.unit_finished.outcome->cases.items[1].time_s < 0);
    assert_null(back.u.unit_finished.outcome->cases.items[1].suite);
    close_all();
}

TEST(a_plain_pass_is_a_short_line)
{
    const struct outcome outcome = {.status = OUTCOME_PASSED, .attempt = 1, .final = true};
    struct event event = {.type = EVENT_UNIT_FINISHED};
    event.u.unit_finished.layer = "unit";
    event.u.unit_finished.unit = "a";
    event.u.unit_finished.outcome = &outcome;
    open_all();
    round_trip(&event);
    assert_true(line.len < 220);
    assert_null(back.u.unit_finished.outcome->out.file);
    assert_null(back.u.unit_finished.outcome->message);
    close_all();
}

static const struct tally whole_tally = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

TEST(layer_judged_keeps_every_field)
{
    static const struct metric metrics[] = {
        {.name = "score", .value = 87.5},
        {.name = "total", .value = 40  }
    };
    static const struct finding findings[] = {
        {.file = "a.c",
         .line = 3,
         .column = 4,
         .rule = "r",
         .severity = "warning",
         .message = "m",
         .fix = "f"},
        {.rule = "whole", .severity = "note", .message = "tree" },
    };
    static const char *const artifacts[] = {"report.html", NULL};
    static const struct gate_result gates[] = {
        {.rule = {.metric = "score", .has_min = true, .min = 80},
         .known = true,
         .value = 87.5,
         .open = true},
        {.rule = {.metric = "total", .has_min = true, .min = 1, .has_max = true, .max = 9}                                          },
    };
    const struct judgement judgement = {
        .metrics = metrics,
        .metric_count = 2,
        .findings = findings,
        .finding_count = 2,
        .artifacts = {artifacts, 1}
    };
    const struct verdict verdict = {
        .state = VERDICT_SHUT, .gates = gates, .gate_count = 2, .reason = "total was not reported"};
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = "mutation";
    event.u.layer_judged.name = "Mutation";
    event.u.layer_judged.allow_failure = true;
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.verdict = &verdict;
    event.u.layer_judged.tally = &whole_tally;
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.layer_judged.layer, "mutation");
    assert_string_equal(back.u.layer_judged.name, "Mutation");
    assert_true(back.u.layer_judged.allow_failure);
    const struct judgement *judged = back.u.layer_judged.judgement;
    assert_int_equal(judged->metric_count, 2);
    assert_string_equal(judged->metrics[0].name, "score");
    assert_float_equal(judged->metrics[0].value, 87.5, 0);
    assert_int_equal(judged->finding_count, 2);
    assert_string_equal(judged->findings[0].file, "a.c");
    assert_int_equal(judged->findings[0].line, 3);
    assert_int_equal(judged->findings[0].column, 4);
    assert_string_equal(judged->findings[0].fix, "f");
    assert_null(judged->findings[1].file);
    assert_string_equal(judged->artifacts.items[0], "report.html");
    const struct verdict *decided = back.u.layer_judged.verdict;
    assert_int_equal(decided->state, VERDICT_SHUT);
    assert_string_equal(decided->reason, "total was not reported");
    assert_int_equal(decided->gate_count, 2);
    assert_true(decided->gates[0].open && decided->gates[0].known);
    assert_false(decided->gates[0].rule.has_max);
    assert_false(decided->gates[1].open || decided->gates[1].known);
    assert_float_equal(decided->gates[1].rule.max, 9, 0);
    assert_memory_equal(back.u.layer_judged.tally, &whole_tally, sizeof whole_tally);
    close_all();
}

/* It was read back as 0, and 0 new survivors are a fine value. */
TEST(what_was_not_measured_stays_so_in_a_log)
{
    static const struct metric metrics[] = {
        {.name = "score", .value = (double)NAN}
    };
    static const struct gate_result gates[] = {
        {.rule = {.metric = "score", .has_max = true, .max = 0},
         .known = true,
         .value = (double)NAN}
    };
    const struct judgement judgement = {.metrics = metrics, .metric_count = 1};
    const struct verdict verdict = {.state = VERDICT_ERROR, .gates = gates, .gate_count = 1};
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = "mutation";
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.verdict = &verdict;
    event.u.layer_judged.tally = &whole_tally;
    open_all();
    round_trip(&event);
    assert_true(isnan(back.u.layer_judged.judgement->metrics[0].value));
    assert_true(gate_is_unmeasured(&back.u.layer_judged.verdict->gates[0]));
    close_all();
}

TEST(a_skipped_layer_has_no_judgement)
{
    const struct verdict verdict = {.state = VERDICT_SKIPPED, .reason = "not selected"};
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = "unit";
    event.u.layer_judged.verdict = &verdict;
    open_all();
    round_trip(&event);
    assert_null(back.u.layer_judged.judgement);
    assert_null(back.u.layer_judged.tally);
    assert_int_equal(back.u.layer_judged.verdict->state, VERDICT_SKIPPED);
    close_all();
}

TEST(note_keeps_every_field)
{
    struct event event = {.type = EVENT_NOTE};
    event.u.note.level = "warning";
    event.u.note.text = "text";
    event.u.note.layer = "unit";
    event.u.note.unit = "a";
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.note.level, "warning");
    assert_string_equal(back.u.note.text, "text");
    assert_string_equal(back.u.note.layer, "unit");
    assert_string_equal(back.u.note.unit, "a");
    close_all();
}

TEST(run_finished_keeps_every_field)
{
    struct event event = {.type = EVENT_RUN_FINISHED};
    event.u.run_finished.exit_code = EXIT_INTERRUPTED;
    event.u.run_finished.reason = "interrupted";
    event.u.run_finished.tally = &whole_tally;
    event.u.run_finished.wall_ns = 5000000001;
    event.u.run_finished.cpu_us = 17;
    open_all();
    round_trip(&event);
    assert_int_equal(back.u.run_finished.exit_code, EXIT_INTERRUPTED);
    assert_string_equal(back.u.run_finished.reason, "interrupted");
    assert_memory_equal(back.u.run_finished.tally, &whole_tally, sizeof whole_tally);
    assert_int_equal(back.u.run_finished.wall_ns, 5000000001);
    assert_int_equal(back.u.run_finished.cpu_us, 17);
    close_all();
}

TEST(an_unknown_type_is_passed_over_and_an_unknown_field_ignored)
{
    open_all();
    assert_int_equal(read_text("{\"v\":1,\"seq\":1,\"t\":2,\"type\":\"moon_rose\",\"phase\":3}"),
                     0);
    assert_int_equal(
        read_text(
            "{\"v\":1,\"seq\":1,\"t\":2,\"type\":\"note\",\"level\":\"info\",\"text\":\"x\",\"new\":{}}"),
        1);
    close_all();
}

TEST(an_unknown_flag_is_ignored)
{
    open_all();
    assert_int_equal(read_text("{\"v\":1,\"type\":\"unit_finished\",\"layer\":\"l\",\"unit\":\"u\","
                               "\"status\":\"passed\",\"flags\":[\"slow\",\"from_the_future\",3]}"),
                     1);
    assert_int_equal(back.u.unit_finished.outcome->flags, FLAG_SLOW);
    close_all();
}

TEST(a_newer_version_is_refused_with_what_to_do)
{
    struct err err = {0};
    const char *text =
        "{\"v\":2,\"seq\":1,\"t\":2,\"type\":\"note\",\"level\":\"info\",\"text\":\"x\"}";
    open_all();
    assert_int_equal(event_read(text, strlen(text), arena, &back, &err), -EPROTO);
    assert_non_null(strstr(err.text, "newer sluice"));
    close_all();
}

TEST(damaged_lines_are_errors_and_leave_the_output_alone)
{
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "3",
        "{\"v\":1}",
        "{\"type\":7}",
        "{\"v\":1,\"type\":\"run_started\"}",
        "{\"v\":1,\"type\":\"layer_started\",\"layer\":7}",
        "{\"v\":1,\"type\":\"note\",\"level\":\"info\"}",
        "{\"v\":1,\"type\":\"unit_finished\",\"layer\":\"l\",\"unit\":\"u\",\"status\":\"great\"}",
        "{\"v\":1,\"type\":\"unit_finished\",\"layer\":\"l\",\"unit\":\"u\"}",
        "{\"v\":1,\"type\":\"unit_finished\",\"layer\":\"l\",\"unit\":\"u\",\"status\":\"passed\",\"out\":{}}",
        "{\"v\":1,\"type\":\"unit_finished\",\"layer\":\"l\",\"unit\":\"u\",\"status\":\"failed\",\"cases\":[{}]}",
        "{\"v\":1,\"type\":\"layer_judged\",\"layer\":\"l\",\"state\":\"ajar\"}",
    };
    open_all();
    memset(&back, 0x5a, sizeof back);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (read_text(lines[i]) >= 0) {
            fail_msg("accepted: %s", lines[i]);
        }
        assert_int_equal(back.seq, 0x5a5a5a5a5a5a5a5a);
    }
    close_all();
}

TEST(numbers_out_of_range_read_as_nothing)
{
    open_all();
    assert_int_equal(read_text("{\"v\":1,\"seq\":-1,\"type\":\"layer_planned\",\"layer\":\"l\","
                               "\"units\":-5,\"excluded\":\"many\"}"),
                     1);
    assert_int_equal(back.seq, 0);
    assert_int_equal(back.u.layer_planned.units, 0);
    assert_int_equal(back.u.layer_planned.excluded, 0);
    close_all();
}

TEST(invalid_utf_8_in_an_event_still_gives_a_readable_line)
{
    struct event event = {.type = EVENT_NOTE};
    event.u.note.level = "info";
    event.u.note.text = "bad \xff byte";
    open_all();
    round_trip(&event);
    assert_string_equal(back.u.note.text, "bad \xef\xbf\xbd byte");
    close_all();
}

/* Each allocation of the arena fails once; the last try needs none. */
TEST(reading_without_memory_is_an_error)
{
    const struct outcome outcome = whole_outcome();
    struct event event = {.type = EVENT_UNIT_FINISHED};
    event.u.unit_finished.layer = "unit";
    event.u.unit_finished.unit = "a";
    event.u.unit_finished.outcome = &outcome;
    open_all();
    assert_int_equal(event_write(&line, &event), 0);
    size_t room = 0;
    int rc = -ENOMEM;
    for (; rc == -ENOMEM; room += 16) {
        struct err err = {0};
        struct arena *small = arena_new(room);
        assert_non_null(small);
        rc = event_read(line.data, line.len - 1, small, &back, &err);
        arena_free(small);
    }
    assert_int_equal(rc, 1);
    assert_true(room > 256);
    close_all();
}

TEST(writing_beyond_the_limit_is_an_error)
{
    struct event event = {.type = EVENT_NOTE};
    struct str small = STR_INIT(20);
    event.u.note.level = "info";
    event.u.note.text = "longer than what there is room for";
    assert_true(event_write(&small, &event) < 0);
    str_fini(&small);
}

/* ---- cases ---- */

TEST(a_case_keeps_every_field)
{
    struct err err = {0};
    struct json_writer w;
    struct test_case test_case;
    open_all();
    jw_begin(&w, &line);
    case_write(&w, &two_cases[0]);
    assert_int_equal(case_read(line.data, line.len, arena, &test_case, &err), 0);
    assert_whole_case(&test_case);
    close_all();
}

TEST(a_case_is_read_strictly)
{
    static const struct {
        const char *text;
        const char *word; /* in the message */
    } wrong[] = {
        {"{\"status\":\"passed\"}",                                 "name"  },
        {"{\"name\":\"a\"}",                                        "status"},
        {"{\"name\":\"a\",\"status\":\"fine\"}",                    "fine"  },
        {"{\"name\":\"a\",\"status\":\"passed\",\"colour\":1}",     "colour"},
        {"{\"name\":\"a\",\"status\":\"passed\",\"line\":\"two\"}", "line"  },
        {"{\"name\":7,\"status\":\"passed\"}",                      "name"  },
    };

    open_all();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = {0};
        struct test_case test_case;
        assert_true(case_read(wrong[i].text, strlen(wrong[i].text), arena, &test_case, &err) < 0);
        if (strstr(err.text, wrong[i].word) == NULL) {
            fail_msg("%s: %s", wrong[i].text, err.text);
        }
    }
    close_all();
}
