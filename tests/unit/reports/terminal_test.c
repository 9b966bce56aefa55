/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/terminal.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "reports/event_log.h"
#include "reports/terminal_render.h"
#include "reports/terminal_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/reports/support/feed.h"

#define ASSERT_CONTAINS(text, part) assert_contains_at(__LINE__, text, part)
#define ASSERT_LACKS(text, part)    assert_null(strstr((text), (part)))

/* The time of feed_run_started(). */
#define START_MS 1795338000000

static void assert_contains_at(int line, const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("line %d: no \"%s\" in\n%s", line, part, text);
    }
}

/* A terminal that writes into a file. */
struct screen {
    struct terminal *terminal;
    int fd;
    char text[1 << 20];
};

static struct screen screen;

static struct event_sink *open_screen(bool live, bool color, enum verbosity verbosity)
{
    struct err err = {0};
    screen.fd = memfd_create("screen", MFD_CLOEXEC);
    assert_true(screen.fd >= 0);
    const struct terminal_options options = {.fd = screen.fd,
                                             .live = live,
                                             .color = color,
                                             .width = 80,
                                             .verbosity = verbosity,
                                             .run_dir = test_folder()};
    assert_int_equal(terminal_new(&options, &screen.terminal, &err), 0);
    return terminal_sink(screen.terminal);
}

static const char *shown(void)
{
    ssize_t got = pread(screen.fd, screen.text, sizeof screen.text - 1, 0);
    assert_true(got >= 0);
    screen.text[got] = '\0';
    return screen.text;
}

static void close_screen(void)
{
    terminal_free(screen.terminal);
    (void)close(screen.fd);
}

static void write_output(const char *name, const char *text)
{
    char file[600];
    (void)snprintf(file, sizeof file, "%s/%s", test_folder(), name);
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    (void)fputs(text, out);
    (void)fclose(out);
}

/* The first line was told twice: before the tree was read, and when the run started. */
TEST(what_was_announced_is_not_told_again)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    struct event event = {
        .type = EVENT_RUN_STARTED,
        .u.run_started = {
                          .version = "0.1.0", .name = "demo", .run_id = "new", .jobs = 1, .layer_count = 2}
    };
    terminal_announce(screen.terminal, &event);
    assert_string_equal(shown(), "sluice 0.1.0: demo, 2 layers, 1 job, run new\n");
    event.u.run_started.resumed = "old";
    sink->emit(sink, &event);
    assert_string_equal(shown(), "sluice 0.1.0: demo, 2 layers, 1 job, run new\ncontinues old\n");
    close_screen();
}

/* It was told that "total is 0, must be at least 1". */
TEST(the_gates_of_an_interrupted_layer_say_that_it_was_interrupted)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    const struct gate_result gate = {
        .rule = {.metric = "total", .has_min = true, .min = 1},
          .known = true
    };
    const struct verdict verdict = {.state = VERDICT_SHUT,
                                    .gates = &gate,
                                    .gate_count = 1,
                                    .reason = "1 of 1 units were not run: the run was interrupted"};
    const struct judgement judgement = {0};
    const struct tally cut = {.units = 1, .not_run = 1};
    const struct tally none = {0};
    struct event event = {.type = EVENT_LAYER_JUDGED, .time_ms = 1795338002345};
    event.u.layer_judged.layer = "cut";
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.verdict = &verdict;
    event.u.layer_judged.tally = &cut;
    feed_run_started(sink);
    sink->emit(sink, &event);
    event.u.layer_judged.layer = "empty";
    event.u.layer_judged.tally = &none;
    sink->emit(sink, &event);
    feed_run_finished(sink, EXIT_INTERRUPTED, "the run was interrupted");
    ASSERT_CONTAINS(shown(),
                    "\ngates:\n  cut: 1 of 1 units were not run: the run was interrupted\n"
                    "  empty: total is 0, must be at least 1\n");
    close_screen();
}

TEST(a_plain_run_tells_layers_failures_and_the_end)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    ASSERT_CONTAINS(shown(), "sluice 0.1.0: demo, 1 layer, 2 jobs, run 20261122T090000-4f2a\n");
    feed_layer_started(sink, "unit");
    feed_planned(sink, "unit", 2);
    feed_unit_started(sink, "unit", "a", 0);
    feed_passed(sink, "unit", "a");
    feed_unit(sink, "unit", "b", &failed);
    ASSERT_CONTAINS(shown(), "FAILED unit b (0.010s): exit code 1\n");
    feed_judged(sink, "unit", VERDICT_SHUT, "failed is 1");
    feed_run_finished(sink, EXIT_SHUT, "unit is shut");
    const char *text = shown();
    ASSERT_CONTAINS(text, "unit: started, stage default\n");
    ASSERT_CONTAINS(text, "unit: 2 units\n");
    ASSERT_LACKS(text, "unit a");
    ASSERT_CONTAINS(text, "unit: shut, 2 units: 1 passed, 1 failed in 0.029s: failed is 1\n");
    ASSERT_CONTAINS(text, "\nfailures:\n  FAILED unit b (0.010s): exit code 1\n");
    ASSERT_CONTAINS(text, "\ngates:\n  unit: failed is 1, must be at most 0\n");
    ASSERT_CONTAINS(text, "  unit: score was not reported, must be at least 80\n");
    ASSERT_CONTAINS(text, "\n2 units: 1 passed, 1 failed\nwall 12.3s, cpu 45.6s (3.7x)\n");
    ASSERT_CONTAINS(text, "\nshut: 1 of 2 units failed in 12.3s: unit is shut\n");
    ASSERT_LACKS(text, "\033");
    close_screen();
}

TEST(an_open_run_ends_with_one_word)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_passed(sink, "unit", "a");
    feed_judged(sink, "unit", VERDICT_OPEN, NULL);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    ASSERT_CONTAINS(shown(), "unit: open, 1 unit: 1 passed in 0.000s\n");
    ASSERT_CONTAINS(shown(), "\nopen: 1 unit passed in 12.3s\n");
    ASSERT_LACKS(shown(), "failures:");
    close_screen();
}

TEST(failed_cases_come_with_their_place_first_and_their_text)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    const struct test_case cases[] = {
        {.name = "fine",                 .status = OUTCOME_PASSED},
        { .name = "adds",
         .suite = "math",
         .file = "t.c",
         .line = 12,
         .message = "1 != 2",
         .details = "1 != 2\nat t.c:12",
         .status = OUTCOME_FAILED}
    };
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.cases = (struct case_list){cases, 2};
    outcome.hint = "add data/x to expose:";
    feed_run_started(sink);
    feed_unit(sink, "unit", "t", &outcome);
    ASSERT_CONTAINS(shown(),
                    "FAILED unit t (0.010s): 1 of 2 cases\n  t.c:12: math > adds: 1 != 2\n"
                    "    | 1 != 2\n    | at t.c:12\n  hint: add data/x to expose:\n");
    close_screen();
}

TEST(a_suite_that_is_called_like_its_file_is_told_once)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    const struct test_case cases[] = {
        {.name = "line 2",          .suite = "a.c", .file = "a.c",          .line = 2, .status = OUTCOME_FAILED},
        {.name = "line 3", .suite = "a.c",               .file = "b.c",                      .line = 3, .status = OUTCOME_FAILED},
        {.name = "no line",            .suite = "a.c",   .status = OUTCOME_FAILED},
    };
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.cases = (struct case_list){cases, 3};
    feed_run_started(sink);
    feed_unit(sink, "unit", "t", &outcome);
    ASSERT_CONTAINS(shown(), "  a.c:2: line 2\n  b.c:3: a.c > line 3\n  a.c > no line\n");
    close_screen();
}

TEST(what_nobody_can_see_in_a_name_is_shown_by_its_number)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    const struct test_case cases[] = {
        {.name = "a\xE2\x80\xAE"
                 "b", .message = "x\xE2\x80\x8By",
         .status = OUTCOME_FAILED}
    };
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.cases = (struct case_list){cases, 1};
    feed_run_started(sink);
    feed_unit(sink, "unit", "t", &outcome);
    ASSERT_CONTAINS(shown(), "  a\\u{202e}b: x\\u{200b}y\n");
    close_screen();
}

TEST(what_is_odd_about_a_report_is_told_though_it_passed)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    outcome.warning = "its junit report: suite s counts 2 tests, but 1 are in it";
    feed_run_started(sink);
    feed_unit(sink, "unit", "t", &outcome);
    ASSERT_CONTAINS(shown(),
                    "WARNING unit t: its junit report: suite s counts 2 tests, but 1 are in it\n");
    close_screen();
}

TEST(the_tail_of_the_output_is_shown_cleaned)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    for (int i = 1; i <= 30; i++) {
        (void)str_appendf(&text, "line %d \033[2J\a\n", i);
    }
    write_output("out.0", str_text(&text));
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    outcome.out = (struct capture){.file = "out.0", .len = text.len};
    feed_run_started(sink);
    feed_unit(sink, "unit", "t", &outcome);
    ASSERT_CONTAINS(shown(), "    | line 11 \xEF\xBF\xBD\n");
    ASSERT_CONTAINS(shown(), "    | line 30 \xEF\xBF\xBD\n");
    ASSERT_LACKS(shown(), "line 10 ");
    ASSERT_LACKS(shown(), "\033");
    close_screen();
}

TEST(retries_flakes_leaks_and_slow_units_are_told)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    struct outcome first = feed_outcome(OUTCOME_FAILED);
    struct outcome second = feed_outcome(OUTCOME_PASSED);
    first.final = false;
    second.attempt = 2;
    second.flaky = true;
    second.flags = FLAG_LEAKED_PROCESS;
    feed_run_started(sink);
    feed_unit_started(sink, "unit", "a", 0);
    struct event slow = {.type = EVENT_UNIT_SLOW, .time_ms = START_MS + 60003};
    slow.u.unit_slow.layer = "unit";
    slow.u.unit_slow.unit = "a";
    sink->emit(sink, &slow);
    feed_unit(sink, "unit", "a", &first);
    feed_unit(sink, "unit", "a", &second);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    ASSERT_CONTAINS(shown(), "SLOW unit a: still running after 1m00s\n");
    ASSERT_CONTAINS(shown(), "RETRY unit a: attempt 1 failed: exit code 1\n");
    ASSERT_CONTAINS(shown(), "FLAKY unit a: passed at attempt 2\n");
    ASSERT_CONTAINS(shown(), "LEAK unit a: left processes behind, which were killed\n");
    ASSERT_CONTAINS(shown(), "\nflaky:\n  unit a passed at attempt 2\n");
    close_screen();
}

TEST(quiet_leaves_failures_and_the_end)
{
    struct event_sink *sink = open_screen(true, false, VERBOSITY_QUIET);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    feed_layer_started(sink, "unit");
    feed_unit(sink, "unit", "b", &failed);
    feed_note(sink, "info", "nothing");
    terminal_tick(screen.terminal, 100);
    assert_string_equal(shown(), "");
    feed_note(sink, "warning", "careful");
    feed_run_finished(sink, EXIT_SHUT, "no");
    assert_string_equal(shown(),
                        "warning: careful\n\nfailures:\n  FAILED unit b (0.010s): exit code 1\n"
                        "shut: 1 of 1 unit failed in 12.3s: no\n");
    close_screen();
}

TEST(verbose_names_every_unit)
{
    struct event_sink *sink = open_screen(false, true, VERBOSITY_VERBOSE);
    feed_run_started(sink);
    feed_passed(sink, "unit", "a");
    ASSERT_CONTAINS(shown(), "\033[32mPASSED\033[0m unit a (0.010s)\n");
    close_screen();
}

TEST(many_failures_are_counted_not_told)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    feed_run_started(sink);
    for (int i = 0; i < 150; i++) {
        char unit[16];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        feed_unit(sink, "unit", unit, &failed);
    }
    feed_run_finished(sink, EXIT_SHUT, "no");
    ASSERT_CONTAINS(
        shown(),
        "  FAILED unit u99 (0.010s): exit code 1\n  and 50 more: `sluice report 20261122T090000-4f2a` shows all\n");
    ASSERT_CONTAINS(shown(), "shut: 150 of 150 units failed");
    close_screen();
}

TEST(without_a_live_block_progress_is_counted_every_ten_seconds)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_planned(sink, "unit", 4);
    feed_unit_started(sink, "unit", "a", 0);
    feed_passed(sink, "unit", "a");
    feed_unit_started(sink, "unit", "b", 0);
    terminal_tick(screen.terminal, 5000);
    ASSERT_LACKS(shown(), "...");
    terminal_tick(screen.terminal, 15000);
    ASSERT_CONTAINS(shown(),
                    "... 1 of 4 units, 0 failed, 1 running, 10.0s, longest: unit b 10.0s\n");
    terminal_tick(screen.terminal, 16000);
    terminal_tick(screen.terminal, 26000);
    ASSERT_CONTAINS(shown(), "1 running, 21.0s, longest: unit b 21.0s\n");
    close_screen();
}

TEST(the_live_block_is_erased_before_lines_and_at_the_end)
{
    struct event_sink *sink = open_screen(true, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_planned(sink, "unit", 4);
    feed_unit_started(sink, "unit", "a", 0);
    terminal_tick(screen.terminal, 1000);
    terminal_tick(screen.terminal, 1000);
    const char *text = shown();
    size_t len = strlen(text);
    assert_string_equal(text + len - strlen(" 0.000s  unit a\n"), " 0.000s  unit a\n");
    terminal_tick(screen.terminal, 3500);
    ASSERT_CONTAINS(
        shown(),
        "\r\033[A\033[2K\033[A\033[2K[                    ] 0/4  2.503s\n 2.500s  unit a\n");
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    feed_unit(sink, "unit", "a", &failed);
    ASSERT_CONTAINS(shown(),
                    "\r\033[A\033[2K\033[A\033[2KFAILED unit a (0.010s): exit code 1\n[====>");
    terminal_print(screen.terminal, "a message");
    ASSERT_CONTAINS(shown(), "\r\033[A\033[2Ka message\n[====>");
    terminal_end(screen.terminal);
    terminal_end(screen.terminal);
    len = strlen(shown());
    assert_string_equal(screen.text + len - strlen("\r\033[A\033[2K"), "\r\033[A\033[2K");
    close_screen();
    assert_int_equal(len, strlen(screen.text));
}

TEST(a_narrower_terminal_erases_the_lines_that_wrapped)
{
    struct event_sink *sink = open_screen(true, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_unit_started(
        sink, "unit", "a/very/long/name/of/a/unit/that/takes/more/than/forty/columns/on/screen", 0);
    terminal_tick(screen.terminal, 1000);
    terminal_resize(screen.terminal, 40, 24);
    ASSERT_CONTAINS(shown(), "\r\033[A\033[2K\033[A\033[2K\033[A\033[2Kplanning  0.003s\n");
    terminal_resize(screen.terminal, 20, 24);
    size_t len = strlen(shown());
    assert_int_equal(screen.text[len - 1], 'K'); /* too narrow: nothing is drawn */
    close_screen();
}

static void fill_view(struct view *view, unsigned running)
{
    struct event e = {.type = EVENT_RUN_STARTED, .time_ms = 1000};
    view_init(view);
    e.u.run_started.run_id = "r";
    e.u.run_started.layer_count = 1;
    view_apply(view, &e);
    e = (struct event){.type = EVENT_LAYER_PLANNED, .time_ms = 1000};
    e.u.layer_planned.layer = "unit";
    e.u.layer_planned.units = 100;
    view_apply(view, &e);
    for (unsigned i = 0; i < 20 + running; i++) {
        char unit[128];
        (void)snprintf(unit,
                       sizeof unit,
                       "tests/\xE6\x97\xA5/%u/\033[2J a long name indeed, more than fits",
                       i);
        e = (struct event){.type = EVENT_UNIT_STARTED, .time_ms = 2000 + i};
        e.u.unit_started.layer = "unit";
        e.u.unit_started.unit = unit;
        e.u.unit_started.attempt = i % 3;
        view_apply(view, &e);
        if (i < 20) {
            struct outcome outcome = feed_outcome(i == 3 ? OUTCOME_FAILED : OUTCOME_PASSED);
            e = (struct event){.type = EVENT_UNIT_FINISHED, .time_ms = 4000};
            e.u.unit_finished.layer = "unit";
            e.u.unit_finished.unit = unit;
            e.u.unit_finished.outcome = &outcome;
            view_apply(view, &e);
        }
    }
}

TEST(the_live_block_fits_every_width)
{
    for (unsigned width = 40; width <= 200; width += 8) {
        struct view view;
        CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
        const struct render_options options = {.width = width};
        fill_view(&view, 20);
        render_live(&view, &options, &out);
        size_t lines = 0;
        for (char *line = strtok(out.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            assert_true(text_columns(line) < width);
            assert_null(strchr(line, '\033'));
            lines++;
        }
        assert_int_equal(lines, LIVE_UNITS_MAX + 2);
        view_fini(&view);
    }
}

TEST(an_end_is_foretold_when_all_layers_are_planned)
{
    struct view view;
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    const struct render_options options = {.width = 80};
    fill_view(&view, 1);
    /* 20 of 100 units took 2 s: 8 s for the other 80 */
    assert_int_equal(view_eta_ms(&view), 8000);
    render_live(&view, &options, &out);
    ASSERT_CONTAINS(str_text(&out),
                    "[===>                ] 20/100  1 failed  3.000s  ETA 8.000s\n");
    view.layer_count = 2;
    assert_int_equal(view_eta_ms(&view), -1);
    view_fini(&view);
}

TEST(long_lines_are_cut_at_characters)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1024);
    render_cut(&out, "\xE6\x97\xA5\xE6\x97\xA5\xE6\x97\xA5", 5);
    assert_string_equal(str_text(&out), "\xE6\x97\xA5...");
    str_clear(&out);
    render_cut(&out, "abc", 3);
    assert_string_equal(str_text(&out), "abc");
    str_clear(&out);
    render_cut(&out, "abcdef", 2);
    assert_string_equal(str_text(&out), "..");
}

TEST(other_ends_of_a_run_are_named)
{
    static const struct {
        enum exit_code code;
        const char *text;
    } ends[] = {
        {EXIT_NOTHING_SELECTED,   "nothing selected: 0 units passed in 12.3s: why\n"},
        {EXIT_DEADLINE,           "out of time: 0 units passed in 12.3s: why\n"     },
        {EXIT_INTERRUPTED,        "interrupted: 0 units passed in 12.3s: why\n"     },
        {EXIT_RERUNS_OUTSTANDING, "re-runs outstanding: 0 units passed"             },
        {EXIT_INFRASTRUCTURE,     "error: 0 units passed"                           }
    };

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
        feed_run_started(sink);
        feed_run_finished(sink, ends[i].code, "why");
        ASSERT_CONTAINS(shown(), ends[i].text);
        close_screen();
    }
}

static void feed_many_reused(struct event_sink *sink, const char *change, int count)
{
    static int number;
    for (int i = 0; i < count; i++) {
        char unit[32];
        (void)snprintf(unit, sizeof unit, "r%d", number++);
        feed_reused(sink, "unit", unit, change);
    }
}

TEST(what_was_reused_is_counted_by_origin)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_layer_started(sink, "unit");
    feed_planned(sink, "unit", 431);
    feed_many_reused(sink, "7", 32);
    feed_many_reused(sink, NULL, 380);
    for (int i = 0; i < 19; i++) {
        feed_passed(sink, "unit", "ran");
    }
    feed_judged(sink, "unit", VERDICT_OPEN, NULL);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    ASSERT_CONTAINS(shown(),
                    "unit: open, 431 units: 431 passed (412 of 431 reused: 380 from main, 32 from "
                    "change 7; 19 ran) in 0.029s\n");
    ASSERT_CONTAINS(shown(),
                    "\n431 units: 431 passed\n412 of 431 reused: 380 from main, 32 from change 7; "
                    "19 ran\nwall 12.3s");
    ASSERT_CONTAINS(shown(), "\nopen: 431 units passed, 412 reused, in 12.3s\n");
    ASSERT_LACKS(shown(), "not run again");
    close_screen();
}

TEST(a_wholly_reused_run_says_that_nothing_ran)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_layer_started(sink, "unit");
    feed_many_reused(sink, NULL, 2);
    feed_judged(sink, "unit", VERDICT_OPEN, NULL);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    ASSERT_CONTAINS(shown(), "\nall 2 reused: 2 from main; nothing ran\n");
    ASSERT_CONTAINS(shown(), "\nopen: 2 units passed, all reused, in 12.3s\n");
    close_screen();
}

TEST(quiet_says_that_it_is_reused_too)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_QUIET);
    feed_run_started(sink);
    feed_many_reused(sink, NULL, 1);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    assert_string_equal(shown(), "open: 1 unit passed, all reused, in 12.3s\n");
    close_screen();
}

TEST(verbose_names_the_run_of_every_reused_unit)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_VERBOSE);
    feed_run_started(sink);
    feed_reused(sink, "unit", "a", "7");
    feed_reused(sink, "unit", "b", NULL);
    ASSERT_CONTAINS(shown(),
                    "PASSED unit a (0.010s), reused from run 20261122T070000-0001 (change 7, 2 h "
                    "ago)\nPASSED unit b (0.010s), reused from run 20261122T070000-0001 (main, 2 h "
                    "ago)\n");
    close_screen();
}

TEST(a_reused_failure_is_shown_with_where_it_comes_from)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    const struct reused reused = feed_origin("7\033[2J\n");
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    failed.slot = -1;
    failed.reused = &reused;
    feed_run_started(sink);
    feed_unit(sink, "unit", "b", &failed);
    feed_run_finished(sink, EXIT_SHUT, "no");
    ASSERT_CONTAINS(shown(),
                    "FAILED unit b (0.010s): exit code 1\n  not run again, reused from run "
                    "20261122T070000-0001 (change 7 , 2 h ago)\n  to run it again: sluice run "
                    "--rerun-failed\n");
    ASSERT_CONTAINS(shown(),
                    "\nfailures:\n  FAILED unit b (0.010s): exit code 1\n    not run again, reused "
                    "from run ");
    ASSERT_CONTAINS(shown(), "shut: 1 of 1 unit failed, all reused, in 12.3s: no\n");
    close_screen();
}

TEST(a_reused_flake_says_when_it_was_one)
{
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    const struct reused reused = feed_origin(NULL);
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    outcome.attempt = 2;
    outcome.flaky = true;
    outcome.reused = &reused;
    feed_run_started(sink);
    feed_unit(sink, "unit", "a", &outcome);
    feed_run_finished(sink, EXIT_OPEN, NULL);
    ASSERT_CONTAINS(
        shown(),
        "FLAKY unit a: passed at attempt 2, reused from run 20261122T070000-0001 (main, "
        "2 h ago)\n");
    ASSERT_CONTAINS(shown(), "\nflaky:\n  unit a passed at attempt 2, when it ran\n");
    close_screen();
}

/* Reused units are counted, and no end is foretold from how fast they were. */
TEST(the_live_block_counts_reused_units_and_shows_none_as_running)
{
    struct event_sink *sink = open_screen(true, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_planned(sink, "unit", 40);
    terminal_tick(screen.terminal, 1000);
    feed_many_reused(sink, NULL, 20);
    terminal_tick(screen.terminal, 3000);
    const char *text = shown();
    const char *last = "[=========>          ] 20/40  20 reused  2.002s\n";
    ASSERT_CONTAINS(text, last);
    assert_string_equal(text + strlen(text) - strlen(last), last);
    close_screen();
    sink = open_screen(false, false, VERBOSITY_NORMAL);
    feed_run_started(sink);
    feed_planned(sink, "unit", 40);
    feed_many_reused(sink, NULL, 20);
    terminal_tick(screen.terminal, 1000);
    terminal_tick(screen.terminal, 12000);
    ASSERT_CONTAINS(shown(), "... 20 of 40 units, 20 reused, 0 failed, 0 running, 11.0s\n");
    close_screen();
}

TEST(a_layer_nobody_asked_for_is_told_to_the_curious_only)
{
    const struct verdict verdict = {.state = VERDICT_SKIPPED, .reason = "manual", .unasked = true};
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = "sweep";
    event.u.layer_judged.verdict = &verdict;
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    sink->emit(sink, &event);
    assert_null(strstr(shown(), "sweep"));
    close_screen();
    sink = open_screen(false, false, VERBOSITY_VERBOSE);
    sink->emit(sink, &event);
    ASSERT_CONTAINS(shown(), "sweep: skipped: manual\n");
    close_screen();
}

/* A suppression that suppressed nothing was in reports alone. */
TEST(what_a_judge_found_is_told_where_no_failed_case_tells_it)
{
    static const struct finding findings[] = {
        {.file = "a.c", .line = 3,       .rule = "logical",  .severity = "warning",                 .message = "survived"},
        {.file = "a.c",
         .line = 9,
         .rule = "unused-suppression",
         .severity = "warning",
         .message = "suppresses nothing",
         .fix = "remove\033[31m it"},
        {.rule = "whole",             .severity = "error",              .message = "of the tree"},
        {.file = "a.c",   .line = 12, .rule = "known", .severity = "note", .message = "a note"                     },
    };
    const struct test_case failed_case = {.name = "3",
                                          .file = "a.c",
                                          .line = 3,
                                          .message = "1 of 1 mutant survived",
                                          .status = OUTCOME_FAILED};
    const struct judgement judgement = {.findings = findings, .finding_count = 4};
    const struct verdict verdict = {.state = VERDICT_OPEN};
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = "m";
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.verdict = &verdict;
    outcome.cases = (struct case_list){&failed_case, 1};

    static const enum verbosity all[] = {VERBOSITY_NORMAL, VERBOSITY_QUIET};

    for (size_t i = 0; i < 2; i++) {
        struct event_sink *sink = open_screen(false, false, all[i]);
        feed_run_started(sink);
        feed_unit(sink, "m", "a.c", &outcome);
        sink->emit(sink, &event);
        ASSERT_CONTAINS(shown(),
                        "warning: m a.c:9: suppresses nothing: remove it\n"
                        "error: m of the tree\n");
        assert_null(strstr(shown(), "m a.c:3: survived"));
        assert_null(strstr(shown(), "a note"));
        close_screen();
    }
}

TEST(of_many_findings_ten_are_told_and_the_rest_is_counted)
{
    struct finding findings[13];
    for (size_t i = 0; i < 13; i++) {
        findings[i] = (struct finding){.rule = "r", .severity = "warning", .message = "no"};
    }
    const struct judgement judgement = {.findings = findings, .finding_count = 13};
    const struct verdict verdict = {.state = VERDICT_OPEN};
    struct event event = {.type = EVENT_LAYER_JUDGED};
    event.u.layer_judged.layer = "m";
    event.u.layer_judged.judgement = &judgement;
    event.u.layer_judged.verdict = &verdict;
    struct event_sink *sink = open_screen(false, false, VERBOSITY_NORMAL);
    sink->emit(sink, &event);
    ASSERT_CONTAINS(shown(), "warning: m no\nm: 3 more findings, which reports have");
    close_screen();
}

static void feed_mixed_run(struct event_sink *sink)
{
    const struct reused reused = feed_origin(NULL);
    struct outcome failed = feed_outcome(OUTCOME_FAILED);
    struct outcome skipped = feed_outcome(OUTCOME_SKIPPED);
    failed.reused = &reused;
    failed.slot = -1;
    skipped.slot = -1;
    feed_run_started(sink);
    feed_layer_started(sink, "unit");
    feed_planned(sink, "unit", 4);
    feed_reused(sink, "unit", "a", "7");
    feed_unit(sink, "unit", "b", &failed);
    feed_passed(sink, "unit", "c");
    feed_unit(sink, "unit", "d", &skipped);
    feed_judged(sink, "unit", VERDICT_SHUT, "failed is 1");
    feed_run_finished(sink, EXIT_SHUT, "no");
}

TEST(a_past_run_is_shown_from_its_log_with_the_same_lines)
{
    static char first[1 << 16];
    struct event_log *log = NULL;
    int fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fd >= 0);
    feed_mixed_run(open_screen(false, false, VERBOSITY_VERBOSE));
    (void)snprintf(first, sizeof first, "%s", shown());
    close_screen();
    ASSERT_CONTAINS(first, "(2 of 4 reused: 1 from change 7, 1 from main; 1 ran)");
    assert_int_equal(event_log_new(fd, false, &log, NULL), 0);
    feed_mixed_run(event_log_sink(log));
    event_log_free(log);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(
        event_log_replay(fd, "log", open_screen(false, false, VERBOSITY_VERBOSE), NULL, NULL), 0);
    assert_string_equal(shown(), first);
    close_screen();
    (void)close(fd);
}

TEST(a_terminal_short_of_memory_goes_on)
{
    for (size_t n = 1; n < 60; n++) {
        struct err err = {0};
        const struct terminal_options options = {.fd = -1, .live = true, .run_dir = test_folder()};
        struct terminal *terminal = NULL;
        (void)mem_fail_from(n);
        if (terminal_new(&options, &terminal, &err) == 0) {
            struct event_sink *sink = terminal_sink(terminal);
            struct outcome failed = feed_outcome(OUTCOME_FAILED);
            failed.message = "a message";
            feed_run_started(sink);
            feed_layer_started(sink, "unit");
            feed_planned(sink, "unit", 4);
            feed_unit_started(sink, "unit", "a", 0);
            terminal_tick(terminal, 1000);
            feed_unit(sink, "unit", "a", &failed);
            feed_reused(sink, "unit", "b", "7");
            feed_judged(sink, "unit", VERDICT_SHUT, "no");
            feed_run_finished(sink, EXIT_SHUT, "no");
        }
        (void)mem_fail_from(0);
        terminal_free(terminal);
    }
}
