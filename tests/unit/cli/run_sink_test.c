/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_sink.h"

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
