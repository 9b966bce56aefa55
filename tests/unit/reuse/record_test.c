/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence says of the run that earned it, and who may be in the sample. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", NULL};

TEST(a_row_says_who_earned_it_where_when_and_at_what_cost)
{
    const int64_t now_ms = clock_wall_ms();
    const struct reuse_options options = {.trust = EVIDENCE_FORK,
                                          .scope = "7",
                                          .host = "that machine",
                                          .run = "that run",
                                          .now_ms = now_ms};
    const struct reuse_policy policy = {.ttl_ms = 60000};
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {.attempt = 1,
                                    .trace = &trace,
                                    .started_ms = now_ms,
                                    .wall_ns = 5000000,
                                    .cpu_user_us = 30,
                                    .cpu_sys_us = 12};
    const char *words = NULL;
    struct shop shop = {.policy = &policy};
    shop_make_tree();
    shop_open_as(&shop, &options);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    const struct evidence_row row = shop_row(&shop);
    assert_true(row.passed);
    assert_int_equal(row.kind, EVIDENCE_OBSERVED);
    assert_int_equal(row.trust, EVIDENCE_FORK);
    assert_string_equal(row.scope, "7");
    assert_string_equal(row.tree, shop.tree);
    assert_string_equal(row.run, "that run");
    assert_string_equal(row.host, "that machine");
    assert_string_equal(row.observer, "4");
    assert_true(row.time_ms == now_ms && row.expires_ms == now_ms + 60000);
    assert_int_equal(row.wall_ns, 5000000);
    assert_int_equal(row.cpu_us, 42);
    assert_int_equal(row.confirmed, 1);
    reuse_picture_end(shop.reuse);
    assert_int_equal(evidence_words(shop.reuse->store, &shop.key, shop.arena, &words, NULL), 0);
    assert_string_equal(words,
                        "{\"layer\":\"unit\",\"unit\":\"the unit\",\"argv\":[\"./test\",\"-v\"]}");
    const struct reused *reused = shop.decision.outcome->reused;
    assert_string_equal(reused->change, "7");
    assert_true(reused->earned_ms == now_ms);
    char id[32];
    (void)snprintf(id, sizeof id, "%lld", (long long)shop.decision.evidence);
    assert_string_equal(reused->evidence, id);
    shop_close(&shop);
}

TEST(evidence_without_a_ttl_does_not_expire_and_a_skip_is_a_pass)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_SKIPPED), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.outcome->status, OUTCOME_SKIPPED);
    const struct evidence_row row = shop_row(&shop);
    assert_true(row.passed);
    assert_true(row.expires_ms == 0);
    assert_string_equal(row.scope, "");
    assert_non_null(strstr(shop.decision.why, "earned by run one, "));
    assert_null(strstr(shop.decision.why, "on change"));
    assert_non_null(strstr(shop.decision.why, ", tree "));
    shop_close(&shop);
}

TEST(output_that_is_gone_or_shorter_than_it_was_is_no_evidence)
{
    static const struct {
        struct capture capture;
        const char *words;
    } list[] = {
        {{.file = "none", .len = 3},               "cannot read "          },
        {{.file = "out.0", .len = 5},              "is shorter than it was"},
        {{.file = "out.0", .offset = 3, .len = 2}, "is shorter than it was"},
        {{.file = "out.0", .len = 1u << 31},       "too much output"       },
    };
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    struct shop shop = {0};
    shop_make_tree();
    sh("printf four >out.0");
    shop_open(&shop, "one");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct outcome outcome = {
            .attempt = 1, .trace = &trace, .started_ms = clock_wall_ms(), .out = list[i].capture};
        const struct reuse_result result = {.outcome = &outcome, .run_dir = test_folder()};
        struct err err = {0};
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_true(
            reuse_record(shop.reuse, shop.decision.lease, &result, shop.arena, &shop.why, &err)
            < 0);
        if (strstr(err.text, list[i].words) == NULL) {
            fail_msg("%zu: %s", i, err.text);
        }
    }
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_NEW);
    shop_close(&shop);
}

TEST(a_product_whose_content_was_not_kept_is_no_evidence)
{
    struct product items[] = {
        {.path = "lib",                .mode = S_IFDIR | 0755},
        { .path = "lib/a.o", .mode = S_IFREG | 0644, .size = 4, .digest = hash_bytes("gone", 4)},
    };
    const struct manifest products = {items, 2};
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {.attempt = 1, .trace = &trace, .started_ms = clock_wall_ms()};
    const struct reuse_result result = {
        .outcome = &outcome, .run_dir = test_folder(), .products = &products};
    struct shop shop = {0};
    struct err err = {0};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(
        reuse_record(shop.reuse, shop.decision.lease, &result, shop.arena, &shop.why, &err),
        -ENOENT);
    assert_non_null(strstr(err.text, "the product lib/a.o was not kept"));
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    shop_close(&shop);
}

/* ---- the sample ---- */

static unsigned count_verified(struct shop *shop, unsigned keys)
{
    unsigned verified = 0;
    for (unsigned i = 0; i < keys; i++) {
        shop->key.bytes[0] = (unsigned char)i;
        enum reuse_action action = shop_ask(shop);
        assert_true(action == REUSE_HIT || action == REUSE_VERIFY);
        assert_int_equal(shop_peek(shop), REUSE_HIT);
        verified += action == REUSE_VERIFY;
    }
    return verified;
}

TEST(the_sample_is_a_share_the_larger_of_two_and_another_in_the_next_run)
{
    enum {
        KEYS = 100
    };

    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "first"};
    const struct reuse_policy all = {.verify_ppm = 1000000};
    struct shop shop = {0};
    shop_make_tree();
    shop_open_as(&shop, &options);
    for (unsigned i = 0; i < KEYS; i++) {
        shop.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    }
    assert_int_equal(count_verified(&shop, KEYS), 0);
    shop.policy = &all;
    assert_int_equal(count_verified(&shop, KEYS), KEYS);
    shop.policy = NULL;
    shop_close(&shop);
    options.verify_ppm = 500000;
    shop_open_as(&shop, &options);
    const unsigned half = count_verified(&shop, KEYS);
    assert_in_range(half, 25, 75); /* the names of run and keys are fixed: so is the number */
    assert_int_equal(count_verified(&shop, KEYS), half);
    shop_close(&shop);
    options.verify_ppm = 1;
    shop_open_as(&shop, &options);
    assert_int_equal(count_verified(&shop, KEYS), 0);
    shop.policy = &all;
    assert_int_equal(count_verified(&shop, KEYS), KEYS);
    shop_close(&shop);
}

/* ---- many questions, many states ---- */

TEST(a_unit_that_asks_thousands_of_questions_is_answered)
{
    enum {
        QUESTIONS = 6000
    };

    static char texts[QUESTIONS][24];
    static const char *asked[QUESTIONS + 1];
    struct shop shop = {0};
    shop_make_tree();
    for (int i = 0; i < QUESTIONS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "X/src/n/f%05d", i);
        asked[i] = texts[i];
    }
    shop_earn(asked, OUTCOME_PASSED);
    sh("echo '* text=auto' >r/.gitattributes"); /* nothing is carried over */
    shop_open(&shop, "same");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_true(shop_state(&shop)->page_count >= QUESTIONS / PAGE_ATOMS);
    shop_close(&shop);
    sh("mkdir r/n; echo >r/n/f05999");
    shop_open(&shop, "last");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why, "n/f05999 changed (absent -> there), unlike"));
    shop_close(&shop);
}

static size_t count_live(const struct reuse *reuse)
{
    size_t live = 0;
    for (size_t i = 0; i < reuse->states.count; i++) {
        live += reuse->states.items[i]->answers != NULL;
    }
    return live;
}

TEST(states_not_asked_for_longest_make_room_and_answer_again)
{
    enum {
        STATES = STATES_LIVE_MAX + 5
    };

    struct product items[STATES];
    struct manifest products[STATES];
    char paths[STATES][16];
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "many");
    for (unsigned i = 0; i < STATES; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "out/%u", i);
        items[i] = (struct product){
            .path = paths[i], .mode = S_IFREG | 0644, .digest = hash_bytes(paths[i], 5)};
        products[i] = (struct manifest){&items[i], 1};
        shop.products = &products[i];
        assert_int_equal(shop_peek(&shop), REUSE_HIT);
        assert_int_equal(count_live(shop.reuse), i < STATES_LIVE_MAX ? i + 1 : STATES_LIVE_MAX);
    }
    assert_int_equal(shop.reuse->states.count, STATES);
    for (unsigned i = 0; i < STATES; i++) { /* the first ones made room */
        assert_true((shop.reuse->states.items[i]->answers == NULL)
                    == (i < STATES - STATES_LIVE_MAX));
    }
    shop.products = &products[0];
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    assert_int_equal(shop.reuse->states.count, STATES); /* known already */
    assert_int_equal(count_live(shop.reuse), STATES_LIVE_MAX);
    shop_close(&shop);
}

/* ---- lists of the machine's files ---- */

TEST(the_oldest_lists_of_the_machines_files_go)
{
    static const char *const asks[] = {"C/sluice/plugins/p", "C/src/src/a.c", NULL};
    shop_make_tree();
    sh("mkdir -p cache/watch; for i in $(seq 70); do echo x >cache/watch/old$i; "
       "touch -d \"2001-01-01 00:$((i % 60)):$((i / 60))\" cache/watch/old$i; done");
    shop_earn(asks, OUTCOME_PASSED);
    assert_string_equal(sh_out("ls cache/watch | wc -l"), "64");
    assert_string_equal(sh_out("ls cache/watch | grep -c '^old'"), "63");
    /* of minute 0, 1, ... the oldest: old60, old1, old61, old2, old62, old3, old63 */
    assert_string_equal(
        sh_out("cd cache/watch; ls old1 old2 old3 old60 old61 old62 old63 2>/dev/null | wc -l"),
        "0");
    assert_string_equal(
        sh_out(
            "cd cache/watch; head -1 $(ls | grep -v '^old'); tr '\\0' '\\n' <$(ls | grep -v '^old') "
            "| grep -c /plugins/p"),
        "sluice-watch 2\n1");
}

/* ---- words ---- */

TEST(what_differs_is_told_up_to_ten_and_then_counted)
{
    static const char *asked[14];
    static char texts[13][24];
    struct shop shop = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    shop_make_tree();
    for (int i = 0; i < 13; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "X/src/src/n%02d", i);
        asked[i] = texts[i];
    }
    shop_earn(asked, OUTCOME_PASSED);
    for (int count = 9; count <= 13; count++) {
        char change[100];
        (void)snprintf(change,
                       sizeof change,
                       "for i in $(seq 0 %d); do : >r/src/n$(printf %%02d $i); done",
                       count - 1);
        sh(change);
        shop_open(&shop, "later");
        const struct reuse_request request = shop_request(&shop);
        text.len = 0;
        assert_int_equal(reuse_why(shop.reuse, &request, &text, NULL), 0);
        char line[64];
        (void)snprintf(line, sizeof line, " differs in %d:\n", count);
        assert_non_null(strstr(str_text(&text), line));
        (void)snprintf(line, sizeof line, "  and %d more\n", count - 10);
        assert_int_equal(strstr(str_text(&text), line) != NULL, count > 10);
        assert_non_null(strstr(str_text(&text), "  src/n08 changed (absent -> there)\n"));
        assert_int_equal(strstr(str_text(&text), "  src/n09 ") != NULL, count > 9);
        assert_null(strstr(str_text(&text), "  src/n10 "));
        shop_close(&shop);
    }
}

TEST(one_difference_is_told_without_counting)
{
    static const struct {
        const char *asked;
        const char *change;
        const char *words;
    } list[] = {
        {"T/src/src/b.c",
         "chmod +x r/src/b.c",                    "src/b.c changed (a file, 4 bytes -> a file, executable, 4 bytes), unlike what was earned by "
         "run earn, "                                                       },
        {"X/src/none",         "echo >r/none",    "none changed (absent -> there), unlike"                },
        {"R/src",              "echo >r/none2",   "the top folder changed below (all below "              },
        {"D/src",              "echo >r/none3",   "the top folder lists other names (added none3), unlike"},
        {"C/sluice/plugins/q", "echo >plugins/q", "/sluice/plugins/q changed (absent -> content "         },
        {"D/src/src/sub",
         "mkdir r/src/sub; echo >r/src/sub/f",    "src/sub changed (absent -> names "                     },
    };

    shop_make_tree();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *asked[] = {list[i].asked, NULL};
        struct shop shop = {0};
        sh("rm -rf cache");
        shop_earn(asked, OUTCOME_PASSED);
        sh(list[i].change);
        shop_open(&shop, "later");
        assert_int_equal(shop_peek(&shop), REUSE_RUN);
        if (strstr(shop.decision.why, list[i].words) != shop.decision.why
            || strstr(shop.decision.why, "more") != NULL) {
            fail_msg("%zu: %s", i, shop.decision.why);
        }
        shop_close(&shop);
    }
}
