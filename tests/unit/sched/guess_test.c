/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that begin with a tree that is only a guess: nothing is told or started before it is
 * confirmed, and nothing ever when it was wrong. */
#include "base/cleanup.h"
#include "base/str.h"
#include "model/event_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/fake.h"
#include "support/fake_reuse.h"
#include "support/test.h"

static struct story story;
static struct fake_reuse fake;

#define HEAD "version: 1\nstages: [one, two]\nlayers:\n"
#define LAYER(id, stage, units, more) \
    "  " id ": {stage: " stage ", uses: fake, with: {units: \"" units "\"}" more "}\n"

// clang-format off
#define ANSWERS(...) ((const struct fake_answer[]){__VA_ARGS__, {NULL, NULL}})
// clang-format on

#define TWO_LAYERS \
    HEAD LAYER("a", "one", "ok-1 ok-2", "") LAYER("b", "two", "ok", ", gate: {total: {min: 2}}")
#define ALL_HITS                            \
    ANSWERS({"a/(plan)", "plan:ok-1 ok-2"}, \
            {"a/ok-1", "hit"},              \
            {"a/ok-2", "fail"},             \
            {"b/(plan)", "plan:ok"},        \
            {"b/ok", "hit+out"})

/* What the tree turns out to be. */
static struct truth {
    int answer;        /* of confirm(), once it is known */
    unsigned known_at; /* the look without waiting that knows it; 0 = none */
    unsigned looks;    /* without waiting, so far */
    unsigned waits;    /* with */
    unsigned asked;    /* questions to reuse when it was told */
    char told[16384];  /* what had been told before */
    unsigned prepared; /* whether anything was on disk before */
} truth;

static unsigned prepared;

static int prepare(void *context, struct err *err)
{
    (void)context;
    (void)err;
    prepared++;
    return 0;
}

static int confirm(void *context, bool wait, struct err *err)
{
    assert_ptr_equal(context, &truth);
    truth.waits += wait ? 1 : 0;
    truth.looks += wait ? 0 : 1;
    if (!wait && truth.looks != truth.known_at) {
        return 0;
    }
    (void)snprintf(truth.told, sizeof truth.told, "%s", story.text);
    truth.prepared = prepared;
    truth.asked = fake_reuse_count(&fake, "ask ");
    return truth.answer < 0 ? err_set(err, truth.answer, "another tree") : truth.answer;
}

static void with_guess(struct sched_options *options)
{
    options->reuse = &fake.reuse;
    options->prepare = prepare;
    options->confirm = confirm;
    options->confirm_context = &truth;
}

static void without_guess(struct sched_options *options)
{
    with_guess(options);
    options->confirm = NULL;
}

static void run(const char *yaml, const struct fake_answer *answers, int answer, unsigned known_at)
{
    fake_reuse_init(&fake, answers);
    prepared = 0;
    truth = (struct truth){.answer = answer, .known_at = known_at};
    story_run(&story, yaml, 2, with_guess);
    assert_int_equal(fake.open, 0); /* tickets */
    assert_string_equal(truth.told, "");
    assert_int_equal(truth.prepared, 0);
}

TEST(a_right_guess_is_told_as_if_the_tree_had_been_known)
{
    static struct story plain;
    fake_reuse_init(&fake, ALL_HITS);
    fake.note = "something odd";
    story_run(&plain, TWO_LAYERS, 2, without_guess);
    fake_reuse_init(&fake, ALL_HITS);
    fake.note = "something odd";
    prepared = 0;
    truth = (struct truth){.answer = 1};
    story_run(&story, TWO_LAYERS, 2, with_guess);
    assert_int_equal(story.code, 0);
    assert_string_equal(truth.told, "");
    assert_string_equal(story.text, plain.text);
    assert_string_equal(story.messages, plain.messages);
    assert_string_equal(story.reason, plain.reason);
    assert_int_equal(story.exit_code, plain.exit_code);
    assert_int_equal(story.tally.reused, plain.tally.reused);
    assert_int_equal(truth.waits, 1);
    assert_int_equal(prepared, 0);
    assert_non_null(strstr(story.text, "unit a/ok-2 failed (reused)"));
    assert_non_null(strstr(story.text, "something odd"));
    assert_non_null(strstr(story.messages, "odd: ok-1; exit code 1odd: ok-2; "));
}

static unsigned told_at_once;

static void emit_kept(struct event_sink *sink, const struct event *events, size_t count)
{
    assert_string_equal(story.text, "");
    told_at_once += (unsigned)count;
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(events[i].type, EVENT_RUN_FINISHED);
        sink->emit(sink, &events[i]);
    }
}

static void with_guess_told_at_once(struct sched_options *options)
{
    with_guess(options);
    options->emit_kept = emit_kept;
}

TEST(what_was_kept_is_told_at_once_to_who_wants_that)
{
    static struct story plain;
    fake_reuse_init(&fake, ALL_HITS);
    story_run(&plain, TWO_LAYERS, 2, without_guess);
    fake_reuse_init(&fake, ALL_HITS);
    truth = (struct truth){.answer = 1};
    told_at_once = 0;
    story_run(&story, TWO_LAYERS, 2, with_guess_told_at_once);
    assert_string_equal(story.text, plain.text);
    assert_string_equal(story.messages, plain.messages);
    assert_true(told_at_once >= 3); /* three units */
    assert_int_equal(truth.waits, 1);
}

TEST(of_a_wrong_guess_nothing_is_told_or_done)
{
    run(TWO_LAYERS, ALL_HITS, -ESTALE, 0);
    assert_int_equal(story.code, -ESTALE);
    assert_string_equal(story.error, "another tree");
    assert_string_equal(story.text, "");
    assert_int_equal(prepared, 0);
}

TEST(a_unit_that_must_run_waits_for_the_tree)
{
    run(TWO_LAYERS, ANSWERS({"a/(plan)", "plan:ok-1 ok-2"}, {"a/ok-1", "hit"}), 1, 0);
    assert_int_equal(story.code, 0);
    assert_int_equal(truth.waits, 1);
    assert_int_equal(prepared, 1);
    assert_story(&story,
                 "started a",
                 "unit a/ok-1 passed (reused)",
                 "starts a/ok-2: nothing is known",
                 "unit a/ok-2 passed",
                 "unit b/ok passed");
}

TEST(a_unit_that_must_run_does_not_on_a_wrong_guess)
{
    run(TWO_LAYERS, ANSWERS({"a/(plan)", "plan:ok-1 ok-2"}, {"a/ok-1", "hit"}), -ESTALE, 0);
    assert_int_equal(story.code, -ESTALE);
    assert_string_equal(story.text, "");
    assert_int_equal(prepared, 0);
    assert_int_equal(story.most_at_once, 0);
    assert_null(strstr(fake.text, "ended a/ok-2 passed"));
}

TEST(a_program_that_plans_waits_for_the_tree)
{
    run(HEAD LAYER("a", "one", "ok", ""), ANSWERS({"a/ok", "hit"}), 1, 0);
    assert_story(&story, "started a", "unit a/ok passed (reused)", "finished 0");
    run(HEAD LAYER("a", "one", "ok", ""), ANSWERS({"a/ok", "hit"}), -ESTALE, 0);
    assert_int_equal(story.code, -ESTALE);
    assert_string_equal(story.text, "");
    assert_int_equal(story.most_at_once, 0);
}

TEST(what_waits_for_another_process_waits_for_the_tree_first)
{
    const struct fake_answer *answers =
        ANSWERS({"a/(plan)", "plan:ok-1 ok-2"}, {"a/ok-1", "join join hit"}, {"a/ok-2", "hit"});
    run(HEAD LAYER("a", "one", "ok-1 ok-2", ""), answers, 1, 0);
    assert_story(&story, "unit a/ok-2 passed (reused)", "unit a/ok-1 passed (reused)");
    run(HEAD LAYER("a", "one", "ok-1 ok-2", ""), answers, -ESTALE, 0);
    assert_string_equal(story.text, "");
    assert_int_equal(fake_reuse_count(&fake, "(peek)"), 0);
}

TEST(units_with_artifacts_wait_for_the_tree_as_a_hit_puts_them_on_disk)
{
    run(HEAD LAYER("a", "one", "ok", ", artifacts: [\"*.png\"]"),
        ANSWERS({"a/(plan)", "plan:ok"}, {"a/ok", "hit"}),
        -ESTALE,
        0);
    assert_int_equal(fake_reuse_count(&fake, "ask a/(plan)"), 1);
    assert_int_equal(fake_reuse_count(&fake, "ask a/ok"), 0);
}

/* "plan:ok-0 ok-1 ..." and an answer for each. */
#define MANY 200
static char many_plan[16 * MANY];
static char many_names[MANY][24];
static struct fake_answer many[MANY + 2];

static const struct fake_answer *answer_many(void)
{
    size_t len = (size_t)snprintf(many_plan, sizeof many_plan, "plan:");
    for (unsigned i = 0; i < MANY; i++) {
        len += (size_t)snprintf(many_plan + len, sizeof many_plan - len, "ok-%u ", i);
        (void)snprintf(many_names[i], sizeof many_names[i], "a/ok-%u", i);
        many[i + 1] = (struct fake_answer){many_names[i], "hit"};
    }
    many_plan[len - 1] = '\0';
    many[0] = (struct fake_answer){"a/(plan)", many_plan};
    return many;
}

TEST(a_tree_that_is_known_early_is_asked_for_no_more)
{
    run(HEAD LAYER("a", "one", "-", ""), answer_many(), 1, 2);
    assert_int_equal(story.code, 0);
    assert_int_equal(story.tally.reused, MANY);
    assert_int_equal(truth.looks, 2);
    assert_int_equal(truth.waits, 0);
    assert_in_range(truth.asked, 1, MANY / 2);
}

TEST(what_is_decided_once_the_tree_is_known_is_told_with_what_was_kept)
{
    fake_reuse_init(&fake, answer_many());
    prepared = 0;
    told_at_once = 0;
    truth = (struct truth){.answer = 1, .known_at = 2};
    story_run(&story, HEAD LAYER("a", "one", "-", ""), 2, with_guess_told_at_once);
    assert_int_equal(story.code, 0);
    assert_int_equal(story.tally.reused, MANY);
    assert_in_range(truth.asked, 1, MANY / 2);
    assert_true(told_at_once >= MANY);
}

TEST(a_guess_that_is_known_to_be_wrong_is_not_followed_to_its_end)
{
    run(HEAD LAYER("a", "one", "-", ""), answer_many(), -ESTALE, 2);
    assert_int_equal(story.code, -ESTALE);
    assert_string_equal(story.text, "");
    assert_int_equal(truth.looks, 2);
    assert_int_equal(truth.waits, 0);
    assert_int_equal(fake_reuse_count(&fake, "ask "), truth.asked);
}

/* ---- while there is nothing to do but to wait ---- */

static struct {
    const struct event *events;
    size_t count;
    size_t told; /* of them, once it was known */
    unsigned forgotten;
    unsigned waits; /* when they came */
} ahead;

static void emit_ahead(struct event_sink *sink, const struct event *events, size_t count)
{
    (void)sink;
    assert_null(ahead.events);
    ahead.events = events;
    ahead.count = count;
    ahead.waits = truth.waits;
}

static void forget_ahead(struct event_sink *sink)
{
    (void)sink;
    ahead.forgotten++;
    for (size_t i = 0; i < ahead.count; i++) { /* they are there yet */
        assert_int_equal(ahead.events[i].seq, i + 1);
    }
}

static void tell_kept(struct event_sink *sink, const struct event *events, size_t count)
{
    ahead.told += count;
    assert_true(ahead.events == NULL || (ahead.events == events && ahead.count <= count));
    for (size_t i = 0; i < count; i++) {
        CLEANUP(str_fini) struct str line = STR_INIT(1u << 16);
        CLEANUP(str_fini) struct str made = STR_INIT(1u << 16);
        struct event plain = events[i];
        plain.line = NULL;
        assert_int_equal(event_write(&line, &plain), 0);
        assert_int_equal(event_write(&made, &events[i]), 0);
        assert_non_null(events[i].line);
        assert_string_equal(str_text(&made), str_text(&line));
        sink->emit(sink, &events[i]);
    }
}

static void with_guess_told_ahead(struct sched_options *options)
{
    with_guess(options);
    options->emit_kept = tell_kept;
    options->emit_ahead = emit_ahead;
    options->forget_ahead = forget_ahead;
}

static void run_ahead(const struct fake_answer *answers, int answer, unsigned known_at)
{
    fake_reuse_init(&fake, answers);
    memset(&ahead, 0, sizeof ahead);
    truth = (struct truth){.answer = answer, .known_at = known_at};
    story_run(&story, TWO_LAYERS, 2, with_guess_told_ahead);
}

TEST(what_is_kept_is_handed_out_while_the_run_waits_for_the_tree)
{
    run_ahead(ALL_HITS, 1, 0);
    assert_int_equal(story.code, 0);
    assert_int_equal(ahead.waits, 0); /* before it waited */
    assert_true(ahead.count >= 3);
    assert_int_equal(ahead.told, ahead.count);
    assert_int_equal(ahead.forgotten, 0);
    run_ahead(ANSWERS({"a/(plan)", "plan:ok-1 ok-2"}, {"a/ok-1", "hit"}), 1, 0);
    assert_int_equal(story.code, 0); /* one is started: it waits before that */
    assert_true(ahead.count >= 2);
    assert_int_equal(ahead.told, ahead.count);
}

TEST(what_was_handed_out_is_taken_back_on_a_wrong_guess)
{
    run_ahead(ALL_HITS, -ESTALE, 0);
    assert_int_equal(story.code, -ESTALE);
    assert_string_equal(story.text, "");
    assert_true(ahead.count >= 3);
    assert_int_equal(ahead.told, 0);
    assert_int_equal(ahead.forgotten, 1);
}

TEST(nothing_is_handed_out_when_the_tree_is_known_before)
{
    fake_reuse_init(&fake, answer_many());
    memset(&ahead, 0, sizeof ahead);
    truth = (struct truth){.answer = 1, .known_at = 2};
    story_run(&story, HEAD LAYER("a", "one", "-", ""), 2, with_guess_told_ahead);
    assert_int_equal(story.code, 0);
    assert_null(ahead.events);
    assert_true(ahead.told >= MANY);
}
