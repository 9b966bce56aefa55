/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run on the terminal, and how much of a small screen the live block takes. */
#include "base/cleanup.h"
#include "reports/terminal_render.h"
#include "reports/terminal_state.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/reports/support/feed.h"

/* Folds events and keeps the lines of the last one. */
struct page {
    struct event_sink sink;
    struct view view;
    struct render_options options;
    struct str text;
};

static void emit(struct event_sink *sink, const struct event *event)
{
    struct page *page = (struct page *)(void *)sink;
    view_apply(&page->view, event);
    str_clear(&page->text);
    render_event(&page->view, event, &page->options, &page->text);
}

static void open_page(struct page *page, size_t slowest)
{
    *page = (struct page){
        .sink.emit = emit, .options = {.width = 80, .verbosity = VERBOSITY_NORMAL}
    };
    view_init(&page->view);
    page->view.slowest_max = slowest;
    str_init(&page->text, 1u << 20);
    feed_run_started(&page->sink);
}

static void close_page(struct page *page)
{
    view_fini(&page->view);
    str_fini(&page->text);
}

static void judge(struct page *page, const char *layer, bool may_fail)
{
    const struct verdict verdict = {.state = VERDICT_SHUT, .reason = "no"};
    struct event e = {.type = EVENT_LAYER_JUDGED};
    e.u.layer_judged.layer = layer;
    e.u.layer_judged.allow_failure = may_fail;
    e.u.layer_judged.verdict = &verdict;
    page->sink.emit(&page->sink, &e);
}

static void end(struct page *page, enum outcome_status status, const char *layer, const char *unit)
{
    struct outcome outcome = feed_outcome(status);
    outcome.exit_code = -1;
    feed_unit(&page->sink, layer, unit, &outcome);
}

/* The words stand in this order. */
static void assert_order(const char *text, const char *const *words, size_t count)
{
    const char *from = text;
    for (size_t i = 0; i < count; i++) {
        const char *at = strstr(from, words[i]);
        if (at == NULL) {
            fail_msg("\"%s\" does not come next in\n%s", words[i], text);
        }
        from = at + strlen(words[i]);
    }
}

TEST(at_the_end_what_is_nearest_to_a_cause_comes_first)
{
    struct page page;
    open_page(&page, 0);
    end(&page, OUTCOME_ERRORED, "unit", "crash");
    end(&page, OUTCOME_FAILED, "extra", "may-fail");
    end(&page, OUTCOME_TIMED_OUT, "unit", "slow");
    end(&page, OUTCOME_FAILED, "unit", "second");
    end(&page, OUTCOME_FAILED, "unit", "third");
    judge(&page, "extra", true);
    judge(&page, "unit", false);
    feed_run_finished(&page.sink, EXIT_SHUT, "unit is shut");
    static const char *const order[] = {"\nfailures:\n",
                                        "  FAILED unit second",
                                        "  FAILED unit third",
                                        "  TIMEOUT unit slow",
                                        "  ERROR unit crash",
                                        "  FAILED extra may-fail",
                                        "\ngates:\n"};
    assert_order(str_text(&page.text), order, sizeof order / sizeof order[0]);
    close_page(&page);
}

/* A hundred broken worlds came first and hid the one test that said no. */
TEST(a_failed_test_is_told_after_hundreds_of_errors)
{
    struct page page;
    open_page(&page, 0);
    for (int i = 0; i < 300; i++) {
        char unit[16];
        (void)snprintf(unit, sizeof unit, "e%d", i);
        end(&page, OUTCOME_ERRORED, "unit", unit);
    }
    end(&page, OUTCOME_FAILED, "unit", "culprit");
    feed_run_finished(&page.sink, EXIT_SHUT, "no");
    static const char *const order[] = {
        "\nfailures:\n  FAILED unit culprit",
        "ERROR unit e0 ",
        "ERROR unit e98 ",
        "  and 201 more: `sluice report 20261122T090000-4f2a` shows all\n"};
    assert_order(str_text(&page.text), order, sizeof order / sizeof order[0]);
    assert_null(strstr(str_text(&page.text), "e99 "));
    close_page(&page);
}

static void take(struct page *page, const char *unit, int64_t ms)
{
    struct outcome outcome = feed_outcome(OUTCOME_PASSED);
    outcome.wall_ns = ms * 1000000;
    feed_unit(&page->sink, "unit", unit, &outcome);
}

TEST(the_slowest_units_are_named_in_order)
{
    struct page page;
    open_page(&page, 3);
    take(&page, "b", 2000);
    take(&page, "quick", 1);
    take(&page, "a", 61000);
    take(&page, "d", 500);
    take(&page, "c", 2000);
    feed_reused(&page.sink, "unit", "reused", NULL);
    feed_run_finished(&page.sink, EXIT_OPEN, NULL);
    static const char *const order[] = {"\nslowest:\n",
                                        "    1m01s  unit a\n",
                                        "   2.000s  unit b\n",
                                        "   2.000s  unit c\n",
                                        "\n6 units: 6 passed\n"};
    assert_order(str_text(&page.text), order, sizeof order / sizeof order[0]);
    assert_null(strstr(str_text(&page.text), "unit d"));
    assert_null(strstr(str_text(&page.text), "unit reused"));
    close_page(&page);
}

TEST(nobody_asked_for_the_slowest)
{
    struct page page;
    open_page(&page, 0);
    take(&page, "b", 2000);
    feed_run_finished(&page.sink, EXIT_OPEN, NULL);
    assert_null(strstr(str_text(&page.text), "slowest"));
    close_page(&page);
}

static size_t count_lines(const struct str *text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text->len; i++) {
        lines += text->data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

TEST(the_live_block_leaves_a_line_of_every_screen_free)
{
    struct page page;
    open_page(&page, 0);
    feed_planned(&page.sink, "unit", 30);
    for (int i = 0; i < 20; i++) {
        char unit[16];
        (void)snprintf(unit, sizeof unit, "u%d", i);
        feed_unit_started(&page.sink, "unit", unit, i);
    }
    for (unsigned height = 2; height < 30; height++) {
        page.options.height = height;
        str_clear(&page.text);
        render_live(&page.view, &page.options, &page.text);
        const size_t lines = count_lines(&page.text);
        assert_true(lines < height);
        assert_int_equal(lines, height > 10 ? 10 : height - 1);
    }
    page.options.height = 5;
    str_clear(&page.text);
    render_live(&page.view, &page.options, &page.text);
    assert_non_null(strstr(str_text(&page.text), "unit u1\n"));
    assert_non_null(strstr(str_text(&page.text), "  and 18 more\n"));
    close_page(&page);
}

static struct outcome failure_with_words(const char *details, struct test_case *c)
{
    struct outcome outcome = feed_outcome(OUTCOME_FAILED);
    *c = (struct test_case){
        .name = "adds", .message = "no", .details = details, .status = OUTCOME_FAILED};
    outcome.cases = (struct case_list){.items = c, .count = 1};
    outcome.hint = "look here";
    return outcome;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        count++;
    }
    return count;
}

TEST(what_a_failed_unit_said_is_shown_where_it_was_asked_for)
{
    static const struct {
        enum failure_output when;
        size_t at_once, at_end;
    } rows[] = {
        {FAILURE_OUTPUT_IMMEDIATE, 1, 0},
        {FAILURE_OUTPUT_FINAL,     0, 1},
        {FAILURE_OUTPUT_BOTH,      1, 1},
        {FAILURE_OUTPUT_NEVER,     0, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page page;
        struct test_case c;
        const struct outcome outcome = failure_with_words("expected 1\ngot 2", &c);
        open_page(&page, 0);
        page.options.failure_output = rows[i].when;
        page.view.render = &page.options;
        feed_unit(&page.sink, "unit", "a", &outcome);
        assert_int_equal(count_of(str_text(&page.text), "    | got 2\n"), rows[i].at_once);
        assert_int_equal(count_of(str_text(&page.text), "  hint: look here\n"), 1);
        feed_run_finished(&page.sink, EXIT_SHUT, "no");
        assert_int_equal(count_of(str_text(&page.text), "      | got 2\n"), rows[i].at_end);
        assert_int_equal(count_of(str_text(&page.text), "    adds: no\n"), 1);
        close_page(&page);
    }
}
