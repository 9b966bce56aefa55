/* SPDX-License-Identifier: Apache-2.0 */
/* Run, mutate, expect: decisions over a real store and a real repository. */
#include "reuse/reuse.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/src/src/none.h", "D/src/src", NULL};
static const char *const reads_b[] = {"C/src/src/b.c", NULL};

TEST(what_passed_is_reused_until_something_it_asked_changes)
{
    static const struct {
        const char *change;
        enum reuse_action expected;
    } list[] = {
        {"true",                                               REUSE_HIT},
        {"touch r/src/a.c",                                    REUSE_HIT},
        {"echo other >r/src/b.c",                              REUSE_HIT},
        {"echo new >r/other",                                  REUSE_HIT},
        {"mkdir r/src/sub; echo >r/src/sub/x",                 REUSE_RUN},
        {"rm -r r/src/sub",                                    REUSE_HIT},
        {"echo more >>r/src/a.c",                              REUSE_RUN},
        {"echo one >r/src/a.c",                                REUSE_HIT},
        {"chmod +x r/src/a.c",                                 REUSE_RUN},
        {"chmod -x r/src/a.c; echo >r/src/none.h",             REUSE_RUN},
        {"rm r/src/none.h; mv r/src r/gone; ln -s gone r/src", REUSE_RUN},
        {"rm r/src; mv r/gone r/src",                          REUSE_HIT},
    };

    shop_make_tree();
    shop_assert_now(REUSE_RUN);
    shop_earn(reads_a, OUTCOME_PASSED);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        sh(list[i].change);
        shop_assert_now(list[i].expected);
    }
}

TEST(a_hit_brings_outcome_cases_output_and_origin)
{
    static const struct test_case cases[] = {
        {.suite = "s",           .name = "one", .time_s = 0.5, .status = OUTCOME_PASSED},
        { .suite = "s",
         .name = "two \xc3\xa9",
         .message = "why",
         .time_s = -1,
         .status = OUTCOME_SKIPPED},
    };
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {
        .status = OUTCOME_PASSED,
        .attempt = 1,
        .final = true,
        .started_ms = clock_wall_ms() - 1,
        .wall_ns = 5000000,
        .cpu_user_us = 10,
        .cpu_sys_us = 20,
        .max_rss_kib = 30,
        .out = {.file = "out.0", .offset = 2, .len = 5},
        .cases = {cases,               2                     },
        .trace = &trace,
        .slot = 3,
    };
    struct shop shop = {0};
    shop_make_tree();
    sh("printf 'xxhellorest' >out.0");
    shop_open(&shop, "first run");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_NEW);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);

    shop_open(&shop, "second run");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    const struct outcome *reused = shop.decision.outcome;
    assert_int_equal(reused->status, OUTCOME_PASSED);
    assert_true(reused->final);
    assert_int_equal(reused->wall_ns, 5000000);
    assert_int_equal(reused->max_rss_kib, 30);
    assert_int_equal(reused->cases.count, 2);
    assert_string_equal(reused->cases.items[1].name, "two \xc3\xa9");
    assert_int_equal(reused->cases.items[1].status, OUTCOME_SKIPPED);
    assert_string_equal(reused->reused->run, "first run");
    assert_string_equal(reused->reused->tree, shop.tree);
    assert_null(reused->reused->change);
    assert_null(shop.decision.err);
    assert_non_null(shop.decision.out);
    assert_non_null(strstr(shop.decision.why, "first run"));
    CLEANUP(str_fini) struct str text = STR_INIT(100);
    struct err err = {0};
    int fd = open(at("copy"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(reuse_fetch(shop.reuse, shop.decision.out, fd, &err), 0);
    (void)close(fd);
    assert_int_equal(file_read(at("copy"), &text, &err), 0);
    assert_string_equal(str_text(&text), "hello");
    shop_close(&shop);
}

TEST(another_command_is_another_question)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "other");
    shop.key.bytes[0] ^= 1;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_NEW);
    shop_close(&shop);
}

TEST(a_unit_may_ask_different_things_in_different_states)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo changed >r/src/a.c");
    shop_earn(reads_b, OUTCOME_PASSED); /* as if a.c now said to look at b.c only */
    shop_assert_now(REUSE_HIT);
    sh("echo one >r/src/a.c");
    shop_assert_now(REUSE_HIT);
    sh("echo changed >r/src/b.c; echo another >r/src/a.c");
    shop_assert_now(REUSE_RUN);
}

TEST(a_miss_names_what_differs_with_both_answers)
{
    struct shop shop = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    struct err err = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo longer >r/src/a.c; echo >r/src/none.h");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_CHANGED);
    assert_non_null(strstr(shop.decision.why, "and 2 more"));
    assert_non_null(strstr(shop.decision.why, "run earn"));
    const struct reuse_request request = shop_request(&shop);
    assert_int_equal(reuse_why(shop.reuse, &request, &text, &err), 0);
    assert_non_null(strstr(str_text(&text), "src/a.c changed (content 5626abf0 -> content "));
    assert_non_null(strstr(str_text(&text), "src/none.h changed (absent -> there)"));
    assert_non_null(strstr(str_text(&text), "src lists other names (added none.h)"));
    shop_close(&shop);
}

TEST(a_listing_that_differs_names_what_came_and_went)
{
    static const char *const lists[] = {"D/src/src", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(lists, OUTCOME_PASSED);
    sh("cd r/src; rm a.c; rm b.c; mkdir b.c; for i in 1 2 3 4 5; do echo $i >n$i; done; echo >b.c/x");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why,
                           "src lists other names (added b.c, n1, n2 and 3 more; gone a.c, b.c)"));
    sh("rm -rf r/.git r/.sluice; git init -q r"); /* the tree of then is gone */
    shop_close(&shop);
    shop_open(&shop, "much later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why, "(which ones is not known any more)"));
    shop_close(&shop);
}

TEST(missing_or_damaged_content_makes_it_run)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct outcome outcome = {
        .attempt = 1, .trace = &trace, .out = {.file = "out.0", .len = 5000}
    };
    struct shop shop = {0};
    shop_make_tree();
    sh("head -c 5000 /dev/zero >out.0");
    shop_open(&shop, "one");
    outcome.started_ms = clock_wall_ms();
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);
    shop_assert_now(REUSE_HIT);
    sh("rm -rf cache/blobs/??");
    shop_open(&shop, "two");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_DAMAGED);
    shop_close(&shop);
    shop_assert_now(REUSE_RUN);
}

TEST(short_output_comes_with_the_outcome_and_needs_no_blob)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct outcome outcome = {
        .attempt = 1,
        .trace = &trace,
        .message = "it said so",
        .out = {.file = "out.0", .offset = 2, .len = 5},
        .err = {.file = "out.0",               .len = 1020           }, /* no room for both: a blob */
    };
    struct shop shop = {0};
    shop_make_tree();
    sh("printf '..a\\0b\\nc' >out.0; head -c 2000 /dev/zero >>out.0");
    shop_open(&shop, "one");
    outcome.started_ms = clock_wall_ms();
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    shop_close(&shop);
    shop_open(&shop, "two");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_null(shop.decision.out);
    assert_int_equal(shop.decision.out_len, 5);
    assert_memory_equal(shop.decision.out_text, "a\0b\nc", 5);
    assert_null(shop.decision.err_text);
    assert_non_null(shop.decision.err);
    assert_string_equal(shop.decision.outcome->message, "it said so");
    shop_close(&shop);
}

/* ---- the handle ---- */

static int64_t version_of(struct shop *shop)
{
    int64_t version = 0;
    reuse_picture_begin(shop->reuse);
    assert_true(shop->reuse->picture);
    assert_int_equal(evidence_version(shop->reuse->store, &version, NULL), 0);
    return version;
}

/* Look-ups that follow each other see one picture; a moment later what others wrote is seen. */
TEST(a_picture_of_the_store_serves_for_a_moment)
{
    struct shop shop = {0};
    struct shop other = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    shop_open(&other, "other");
    reuse_picture_end(shop.reuse); /* there is none */
    const int64_t before = version_of(&shop);
    assert_in_range(shop.reuse->picture_ns, 1, clock_mono_ns());
    shop.reuse->picture_ns = INT64_MAX / 2;        /* as if it had been taken this very moment */
    assert_int_equal(shop_ask(&other), REUSE_RUN); /* takes a lease */
    assert_int_equal(version_of(&shop), before);
    assert_true(shop.reuse->picture_ns == INT64_MAX / 2);
    shop.reuse->picture_ns = clock_mono_ns() - 20000001; /* it is too old now */
    assert_int_not_equal(version_of(&shop), before);
    reuse_picture_end(shop.reuse);
    assert_false(shop.reuse->picture);
    shop_drop(&other);
    shop_close(&other);
    shop_close(&shop);
}

TEST(a_handle_keeps_its_own_copy_of_what_it_was_told)
{
    char scope[] = "7";
    char host[] = "here";
    char run[] = "one";
    struct reuse_options options = {.trust = EVIDENCE_MEMBER,
                                    .scope = scope,
                                    .host = host,
                                    .run = run,
                                    .verify_ppm = 3,
                                    .now_ms = 12345};
    struct shop shop = {0};
    shop_make_tree();
    shop_open_as(&shop, &options);
    scope[0] = host[0] = run[0] = shop.cache[0] = '?';
    assert_string_equal(shop.reuse->options.scope, "7");
    assert_string_equal(shop.reuse->options.host, "here");
    assert_string_equal(shop.reuse->options.run, "one");
    assert_string_equal(shop.reuse->options.cache, at("cache"));
    assert_int_equal(shop.reuse->options.verify_ppm, 3);
    assert_int_equal(reuse_now(shop.reuse), 12345);
    shop_close(&shop);
    options = (struct reuse_options){.trust = EVIDENCE_MEMBER};
    shop_open_as(&shop, &options);
    assert_string_equal(shop.reuse->options.scope, "");
    assert_string_equal(shop.reuse->options.host, "");
    assert_string_equal(shop.reuse->options.run, "");
    const int64_t before_ms = clock_wall_ms();
    assert_in_range(reuse_now(shop.reuse), before_ms, clock_wall_ms());
    shop_close(&shop);
}

TEST(a_store_that_cannot_be_opened_is_an_error)
{
    const struct reuse_options options = {.cache = at("file"), .trust = EVIDENCE_MEMBER};
    struct reuse *reuse = NULL;
    struct err err = {0};
    sh("echo >file");
    assert_in_range(-reuse_open(&options, &reuse, &err), 1, 4095);
    assert_non_null(strstr(err.text, "/file"));
    assert_null(reuse);
    reuse_close(NULL);
}

/* Also whether there is too much in the store is looked at then. */
TEST(what_a_run_learnt_is_written_when_it_ends)
{
    static const char *const asks[] = {"C/usr/bin/env", NULL};
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *node = NULL;
    struct hash digest;
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    assert_string_equal(sh_out("cat cache/gc.lock"), "looked");
    shop_open(&shop, "later");
    const struct host *host = shop.reuse->host;
    assert_int_equal(host_find(shop.reuse->host, "/usr/bin/env", 0, &presence, &node, NULL), 0);
    assert_true(host->memo.get_digest(host->memo.context, &node->stamp, &digest));
    shop_close(&shop);
}

/* Who closes gives up what it was about to run. */
TEST(leases_still_held_are_given_back_at_the_end)
{
    struct shop shop = {0};
    struct shop other = {0};
    shop_make_tree();
    shop_open(&other, "other");
    shop_open(&shop, "one");
    for (unsigned i = 0; i < 3; i++) {
        shop.key.bytes[0] = other.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_ask(&other), REUSE_JOIN);
    }
    shop_close(&shop);
    for (unsigned i = 0; i < 3; i++) {
        other.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&other), REUSE_RUN);
    }
    shop_close(&other);
}

/* Two worlds were asked for: what answered is known in both. */
TEST(what_was_learnt_of_each_state_is_written)
{
    static const struct product product = {.path = "out/x", .mode = 0100644, .size = 1};
    const struct manifest products[] = {
        {0 },
        { &product, 1}
    };
    struct shop shop = {0};
    shop_make_tree();
    for (int run = 0; run < 2; run++) {
        shop_open(&shop, "run");
        for (size_t i = 0; i < 2; i++) {
            shop.products = &products[i];
            shop.key.bytes[0] = (unsigned char)i;
            assert_int_equal(shop_ask(&shop), run == 0 ? REUSE_RUN : REUSE_HIT);
            if (run == 0) {
                assert_int_equal(shop_run(&shop, reads_b, OUTCOME_PASSED), 1);
            } else {
                assert_null(shop_state(&shop)->answers); /* no class was looked at */
            }
        }
        shop_close(&shop);
    }
}

TEST(what_was_supposed_is_forgotten_whole)
{
    struct shop shop = {0};
    struct shop other = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    shop_open(&other, "other");
    reuse_suppose(shop.reuse);
    shop.reuse->picture_ns = INT64_MAX / 2;        /* taken this very moment, */
    assert_int_equal(shop_ask(&other), REUSE_RUN); /* and older than what is written now */
    shop_drop(&other);
    assert_false(reuse_stands(shop.reuse));
    (void)shop_state(&shop);
    reuse_note(shop.reuse, "odd");
    assert_int_equal(vec_push(&shop.reuse->used, 5), 0);
    reuse_forget(shop.reuse);
    assert_int_equal(shop.reuse->states.count, 0);
    assert_int_equal(shop.reuse->used.count, 0);
    assert_false(shop.reuse->picture);
    assert_null(reuse_take_note(shop.reuse));
    assert_non_null(shop_state(&shop)); /* made anew */
    assert_int_equal(shop.reuse->states.count, 1);
    shop_close(&other);
    shop_close(&shop);
}

/* Files of the store that this process has open, and its children beside the one that looks. */
static void assert_held(bool store, bool git)
{
    assert_int_equal(
        strcmp(sh_out("ls -l /proc/$PPID/fd | grep -c \"$PWD/cache\" || true"), "0") != 0, store);
    assert_string_equal(sh_out("cat /proc/$PPID/task/*/children | wc -w"), git ? "2" : "1");
}

TEST(a_closed_handle_holds_no_file_and_no_process)
{
    const struct reuse_options options = {.cache = at("cache"), .trust = EVIDENCE_MEMBER};
    struct shop shop = {0};
    struct reuse *reuse = NULL;
    struct err err = {0};
    shop_make_tree();
    assert_held(false, false);
    assert_int_equal(reuse_open(&options, &reuse, &err), 0);
    assert_null(reuse->objects);
    reuse_read_ahead(reuse); /* there is no git to ask */
    assert_held(true, false);
    reuse_close(reuse);
    assert_held(false, false);
    shop_open(&shop, "with git");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    assert_held(true, true);
    reuse_note(shop.reuse, "one was told"); /* and others wait: memory that sanitizers look after */
    assert_string_equal(reuse_take_note(shop.reuse), "one was told");
    reuse_note(shop.reuse, "one waits");
    reuse_note(shop.reuse, "another one waits");
    assert_int_equal(vec_push(&shop.reuse->varying, (struct varying){.told = true}), 0);
    shop_close(&shop);
    assert_held(false, false);
}
