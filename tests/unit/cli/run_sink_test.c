/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_sink.h"

#include <errno.h>
#include <pthread.h>

#include "support/test.h"

struct seen {
    struct event_sink sink;
    unsigned count;
    enum exit_code exit_code;
    const char *reason;
};

static void see(struct event_sink *sink, const struct event *event)
{
    struct seen *seen = (struct seen *)(void *)sink;
    seen->count++;
    if (event->type == EVENT_RUN_FINISHED) {
        seen->exit_code = event->u.run_finished.exit_code;
        seen->reason = event->u.run_finished.reason;
    }
}

TEST(without_rerun_failed_the_end_is_told_as_it_is)
{
    struct seen seen = {.sink = {.emit = see}};
    struct run_sink sink = {.next = &seen.sink};
    const struct event note = {.type = EVENT_NOTE};
    const struct event end = {
        .type = EVENT_RUN_FINISHED,
        .u.run_finished = {.exit_code = EXIT_SHUT, .reason = "one failed"}
    };
    run_sink_init(&sink);
    assert_int_equal(sink.exit_code, EXIT_INFRASTRUCTURE); /* a run without an end is no success */
    sink.sink.emit(&sink.sink, &note);
    assert_false(sink.finished);
    sink.sink.emit(&sink.sink, &end);
    assert_true(sink.finished);
    assert_int_equal(sink.exit_code, EXIT_SHUT);
    assert_int_equal(seen.exit_code, EXIT_SHUT);
    assert_string_equal(seen.reason, "one failed");
    assert_int_equal(seen.count, 2);
}

/* ---- a record that is not complete ---- */

struct disk {
    unsigned asked;
    unsigned full_at; /* the question from which on the answer is no */
};

static int recorded(void *context, struct err *err)
{
    struct disk *disk = context;
    return ++disk->asked < disk->full_at ? 0 : err_set(err, -ENOSPC, "the log is lost");
}

static void end_with(struct disk *disk, enum exit_code code, struct seen *kept, struct seen *shown)
{
    *kept = (struct seen){.sink = {.emit = see}};
    *shown = *kept;
    struct run_sink sink = {
        .next = &kept->sink,
        .views = &shown->sink,
        .recorded = recorded,
        .recorded_context = disk,
    };
    const struct event end = {
        .type = EVENT_RUN_FINISHED, .u.run_finished = {.exit_code = code, .reason = NULL}
    };
    run_sink_init(&sink);
    sink.sink.emit(&sink.sink, &end);
    assert_int_equal(sink.exit_code, shown->exit_code);
    if (code == EXIT_OPEN && shown->exit_code != EXIT_OPEN) {
        assert_string_equal(shown->reason, "the log is lost");
    }
}

TEST(a_run_whose_record_is_lost_is_no_success_in_any_report)
{
    struct seen kept;
    struct seen shown;
    end_with(&(struct disk){.full_at = 1}, EXIT_OPEN, &kept, &shown);
    assert_int_equal(kept.exit_code, EXIT_INFRASTRUCTURE);
    assert_int_equal(shown.exit_code, EXIT_INFRASTRUCTURE);
    /* the last line is what does not fit */
    end_with(&(struct disk){.full_at = 2}, EXIT_OPEN, &kept, &shown);
    assert_int_equal(kept.exit_code, EXIT_OPEN);
    assert_int_equal(shown.exit_code, EXIT_INFRASTRUCTURE);
    end_with(&(struct disk){.full_at = 3}, EXIT_OPEN, &kept, &shown);
    assert_int_equal(shown.exit_code, EXIT_OPEN);
    /* failed tests are the worse news */
    end_with(&(struct disk){.full_at = 1}, EXIT_SHUT, &kept, &shown);
    assert_int_equal(shown.exit_code, EXIT_SHUT);
}

/* ---- many at once ---- */

#define MANY 5000

/* A report that folds: the order of what it heard, and where. */
struct folded {
    struct event_sink sink;
    size_t count;
    bool in_order;
    pthread_t thread;
};

static void fold(struct event_sink *sink, const struct event *event)
{
    struct folded *folded = (struct folded *)(void *)sink;
    folded->in_order = (folded->count == 0 || folded->in_order) && event->seq == folded->count;
    folded->count++;
    folded->thread = pthread_self();
}

static void tell_at_once(size_t count, struct folded *facts, struct folded *views)
{
    static struct event events[MANY];
    *facts = (struct folded){.sink = {.emit = fold}};
    *views = *facts;
    struct run_sink sink = {.next = &facts->sink, .views = &views->sink};
    run_sink_init(&sink);
    for (size_t i = 0; i < count; i++) {
        events[i] = (struct event){.type = i % 2 == 0 ? EVENT_NOTE : EVENT_UNIT_STARTED, .seq = i};
    }
    run_sink_emit_kept(&sink.sink, events, count);
    assert_int_equal(sink.rerun.ran, count / 2);
    assert_int_equal(facts->count, count);
    assert_true(facts->in_order);
    assert_int_equal(views->count, count);
    assert_true(views->in_order);
    assert_true(pthread_equal(facts->thread, pthread_self()));
}

TEST(many_events_are_shown_by_a_thread_of_their_own_and_all_are_heard_at_the_end)
{
    struct folded facts;
    struct folded views;
    tell_at_once(MANY, &facts, &views);
    assert_false(pthread_equal(views.thread, pthread_self()));
}

TEST(few_events_are_shown_without_a_thread)
{
    struct folded facts;
    struct folded views;
    tell_at_once(4, &facts, &views);
    assert_true(pthread_equal(views.thread, pthread_self()));
}

TEST(events_that_nobody_shows_are_recorded)
{
    static struct event events[MANY];
    struct folded facts = {.sink = {.emit = fold}};
    struct run_sink sink = {.next = &facts.sink};
    run_sink_init(&sink);
    for (size_t i = 0; i < MANY; i++) {
        events[i] = (struct event){.type = EVENT_NOTE, .seq = i};
    }
    run_sink_emit_kept(&sink.sink, events, MANY);
    assert_int_equal(facts.count, MANY);
}

/* ---- before it is known to be true ---- */

static struct event kept[MANY];

/* A sink whose views heard of the first `count` of them ahead. */
static struct run_sink tell_ahead(size_t count, struct folded *facts, struct folded *views)
{
    *facts = (struct folded){.sink = {.emit = fold}};
    *views = *facts;
    struct run_sink sink = {.next = &facts->sink, .views = &views->sink};
    run_sink_init(&sink);
    for (size_t i = 0; i < MANY; i++) {
        kept[i] = (struct event){.type = EVENT_NOTE, .seq = i};
    }
    run_sink_emit_ahead(&sink.sink, kept, count);
    return sink;
}

TEST(what_views_heard_ahead_they_hear_once_and_the_rest_after_it)
{
    static const size_t counts[] = {4, MANY - 7, MANY};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct folded facts;
        struct folded views;
        struct folded screen = {.sink = {.emit = fold}};
        struct run_sink sink = tell_ahead(counts[i], &facts, &views);
        sink.screen = &screen.sink;
        assert_int_equal(facts.count, 0);
        assert_int_equal(screen.count, 0);
        run_sink_emit_kept(&sink.sink, kept, MANY);
        assert_int_equal(facts.count, MANY);
        assert_true(facts.in_order);
        assert_int_equal(views.count, MANY);
        assert_true(views.in_order);
        assert_int_equal(screen.count, MANY);
        assert_true(screen.in_order);
        assert_true(pthread_equal(screen.thread, pthread_self()));
        assert_false(sink.misled);
    }
}

TEST(views_that_heard_what_was_not_true_are_known_to_be_misled)
{
    struct folded facts;
    struct folded views;
    struct run_sink sink = tell_ahead(MANY, &facts, &views);
    run_sink_forget_ahead(&sink.sink);
    assert_true(sink.misled);
    assert_int_equal(facts.count, 0);
    run_sink_forget_ahead(&sink.sink); /* nothing is ahead any more */
    assert_true(sink.misled);
    sink = tell_ahead(4, &facts, &views); /* too few for a thread */
    run_sink_forget_ahead(&sink.sink);
    assert_false(sink.misled);
    assert_int_equal(views.count, 0);
}
