/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told: where evidence comes from, what differs, and which names came and went. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

TEST(where_evidence_comes_from_is_told_with_its_change_its_age_and_its_tree)
{
    static const struct {
        const char *scope;
        const char *tree;
        int64_t age_ms;
        const char *words; /* with %s for the age */
    } list[] = {
        {NULL, NULL,               65000, "earned by run one, %s ago"                   },
        {"",   "",                 65000, "earned by run one, %s ago"                   },
        {"7",  NULL,               0,     "earned by run one on change 7, %s ago"       },
        {NULL, "0123456789abcdef", 1,     "earned by run one, %s ago, tree 0123456789ab"},
        {"7",
         "0123456789abcdef",       -5000,
         "earned by run one on change 7, %s ago, tree 0123456789ab"                     },
    };
    const struct reuse reuse = {.options = {.now_ms = INT64_C(1000000000000)}};
    struct arena *arena = arena_new(65536);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char age[DURATION_TEXT_MAX];
        char expected[200];
        const struct evidence_row row = {.run = "one",
                                         .scope = list[i].scope,
                                         .tree = list[i].tree,
                                         .time_ms = reuse.options.now_ms - list[i].age_ms};
        const char *parts = strstr(list[i].words, "%s");
        (void)duration_format(list[i].age_ms > 0 ? list[i].age_ms : 0, age);
        (void)snprintf(expected,
                       sizeof expected,
                       "%.*s%s%s",
                       (int)(parts - list[i].words),
                       list[i].words,
                       age,
                       parts + 2);
        assert_string_equal(explain_origin(&reuse, &row, arena), expected);
    }
    arena_free(arena);
}

/* After `change`: the sentence of the decision is `sentence` and then where it was earned. */
static void assert_told(const char *const *asks, const char *change, const char *sentence)
{
    struct shop shop = {0};
    char expected[1000];
    sh("rm -rf r plugins cache");
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    sh(change);
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    (void)snprintf(expected, sizeof expected, "%s, unlike what was earned by run earn, ", sentence);
    if (strncmp(shop.decision.why, expected, strlen(expected)) != 0) {
        fail_msg("'%s', not '%s'", shop.decision.why, expected);
    }
    shop_close(&shop);
}

TEST(names_that_came_and_went_are_told_up_to_three)
{
    static const char *const top[] = {"D/src", NULL};
    static const char *const plugins[] = {"D/sluice/plugins", NULL};
    char change[400];
    char sentence[400];
    assert_told(top, "echo >r/zz", "the top folder lists other names (added zz)");
    assert_told(
        top, "echo >r/x; echo >r/y; echo >r/z", "the top folder lists other names (added x, y, z)");
    assert_told(top,
                "echo >r/w; echo >r/x; echo >r/y; echo >r/z; rm r/run.sh",
                "the top folder lists other names (added w, x, y and 1 more; gone run.sh)");
    assert_told(top, "rm r/run.sh", "the top folder lists other names (gone run.sh)");
    assert_told(plugins,
                "echo >plugins/q",
                "/sluice/plugins lists other names (which ones is not known any more)");
    (void)snprintf(change, sizeof change, "echo >r/%0150d", 7);
    (void)snprintf(sentence, sizeof sentence, "the top folder lists other names (added %0100d)", 0);
    assert_told(top, change, sentence);
}

TEST(one_difference_stands_alone_and_more_are_counted)
{
    static const char *const one[] = {"X/src/new", NULL};
    static const char *const two[] = {"X/src/new", "X/src/other", NULL};
    static const char *const three[] = {"X/src/new", "X/src/other", "X/src/third", NULL};
    const char *change = "echo >r/new; echo >r/other; echo >r/third";
    assert_told(one, change, "new changed (absent -> there)");
    assert_told(two, change, "new changed (absent -> there), and 1 more");
    assert_told(three, change, "new changed (absent -> there), and 2 more");
}

/* A listing that became something else lists no names. */
TEST(a_folder_that_went_is_no_list_of_names)
{
    static const char *const lists[] = {"D/src/src", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(lists, OUTCOME_PASSED);
    sh("rm -r r/src");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why, "src changed (names "));
    assert_non_null(strstr(shop.decision.why, " -> absent), unlike"));
    shop_close(&shop);
}

TEST(whole_folders_and_facts_are_told_as_such)
{
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    char fact[64];
    char expected[100];
    struct shop shop = {0};
    (void)snprintf(fact, sizeof fact, "Hproc:%ld/comm", (long)getpid());
    const char *const asks[] = {"R/src/src", fact, NULL};
    shop_make_tree();
    assert_int_equal(prctl(PR_SET_NAME, "one"), 0);
    shop_earn(asks, OUTCOME_PASSED);
    assert_int_equal(prctl(PR_SET_NAME, "two"), 0);
    sh("echo >r/src/new");
    shop_open(&shop, "later");
    const struct reuse_request request = shop_request(&shop);
    assert_int_equal(reuse_why(shop.reuse, &request, &text, NULL), 0);
    (void)snprintf(expected, sizeof expected, "  the machine's %s changed (value ", fact + 1);
    assert_non_null(strstr(str_text(&text), "\n  src changed below (all below "));
    assert_non_null(strstr(str_text(&text), expected));
    assert_non_null(strstr(str_text(&text), "\nthe nearest evidence, earned by run earn, "));
    assert_non_null(strstr(str_text(&text), " differs in 2:\n"));
    assert_null(strstr(str_text(&text), "more\n"));
    shop_close(&shop);
}

TEST(a_hit_and_a_join_are_explained_without_differences)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    CLEANUP(str_fini) struct str hit = STR_INIT(10000);
    CLEANUP(str_fini) struct str busy = STR_INIT(10000);
    struct shop shop = {0};
    struct shop other = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    struct reuse_request request = shop_request(&shop);
    assert_int_equal(reuse_why(shop.reuse, &request, &hit, NULL), 0);
    assert_int_equal(strncmp(str_text(&hit), "hit: earned by run earn, ", 25), 0);
    assert_null(strstr(str_text(&hit), "nearest"));
    shop.key.bytes[0] = 8;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_open(&other, "third");
    other.key.bytes[0] = 8;
    request = shop_request(&other);
    assert_int_equal(reuse_why(other.reuse, &request, &busy, NULL), 0);
    assert_int_equal(strncmp(str_text(&busy), "join: the same is being run by ", 31), 0);
    assert_null(strstr(str_text(&busy), "nearest"));
    shop_close(&other);
    shop_close(&shop);
}

/* Of all that is known the evidence with the fewest differences is told, not the newest. */
TEST(the_nearest_evidence_is_told)
{
    static const char *const near[] = {"C/src/src/a.c", "X/src/one", NULL};
    static const char *const far[] = {"C/src/src/a.c", "X/src/two", "X/src/three", NULL};
    struct shop shop = {0};
    for (int turn = 0; turn < 2; turn++) {
        sh("rm -rf r plugins cache");
        shop_make_tree();
        shop_earn(turn == 0 ? near : far, OUTCOME_PASSED);
        sh("echo other >r/src/a.c");
        shop_earn(turn == 0 ? far : near, OUTCOME_PASSED);
        sh("echo new >r/src/a.c; echo >r/two; echo >r/three");
        shop_open(&shop, "later");
        assert_int_equal(shop_peek(&shop), REUSE_RUN);
        assert_non_null(strstr(shop.decision.why, "src/a.c changed (content "));
        assert_null(strstr(shop.decision.why, " more"));
        shop_close(&shop);
    }
}

static void assert_why(struct shop *shop, enum reuse_reason reason, const char *words)
{
    assert_int_equal(shop_ask(shop), REUSE_RUN);
    assert_int_equal(shop->decision.reason, reason);
    if (strncmp(shop->decision.why, words, strlen(words)) != 0) {
        fail_msg("'%s', not '%s'", shop->decision.why, words);
    }
    shop_drop(shop);
}

TEST(each_reason_to_run_has_its_sentence)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    const struct reuse_policy day = {.mode = REUSE_OBSERVED, .ttl_ms = 60000};
    const struct reuse_policy off = {.mode = REUSE_OFF};
    const char *patterns[] = {"*.log", NULL};
    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r"};
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "first");
    assert_why(&shop,
               REUSE_REASON_NEW,
               "it has never run with this command and these settings, as far as this store knows");
    shop_close(&shop);
    shop_earn(asks, OUTCOME_PASSED);
    options.now_ms = clock_wall_ms() + 61000;
    shop_open_as(&shop, &options);
    shop.policy = &day;
    assert_why(&shop, REUSE_REASON_EXPIRED, "its evidence is too old: earned by run earn, ");
    shop.policy = &off;
    assert_why(&shop, REUSE_REASON_OFF, "nothing is looked up for it");
    shop.policy = NULL;
    shop.again = true;
    assert_why(&shop, REUSE_REASON_OFF, "nothing is looked up for it");
    shop.again = false;
    struct reuse_request request = shop_request(&shop);
    request.artifacts = (struct text_list){patterns, 1};
    request.peek = true;
    reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
    assert_int_equal(shop.decision.reason, REUSE_REASON_ARTIFACTS);
    assert_non_null(strstr(shop.decision.why,
                           "the artifacts that are asked for were not kept with it: earned by "));
    request = shop_request(&shop);
    request.brief = true;
    reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
    assert_int_equal(shop.decision.action, REUSE_HIT);
    assert_string_equal(shop.decision.why, ""); /* nobody reads it */
    shop_close(&shop);
}

/* ---- the edges of words ---- */

static const char *const reads_a[] = {"C/src/src/a.c", NULL};

/* What reuse_why() says of a unit whose questions `asks` were answered, after `change`. */
static void explain(const char *const *asks, const char *change, struct str *text)
{
    struct shop shop = {0};
    sh("rm -rf r plugins cache");
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    sh(change);
    shop_open(&shop, "later");
    const struct reuse_request request = shop_request(&shop);
    assert_int_equal(reuse_why(shop.reuse, &request, text, NULL), 0);
    shop_close(&shop);
}

/* Names are foreign: they may be long, and hold what moves a cursor. */
TEST(a_path_is_told_in_part_and_made_safe)
{
    char asked[300];
    char change[600];
    char sentence[600];
    const char *asks[] = {asked, NULL};
    (void)snprintf(asked, sizeof asked, "X/src/%0220d", 7);
    (void)snprintf(change, sizeof change, ":>r/%0220d", 7);
    (void)snprintf(sentence, sizeof sentence, "%0200d changed (absent -> there)", 0);
    assert_told(asks, change, sentence);
    (void)snprintf(asked, sizeof asked, "X/src/a\033[31mb\001");
    assert_told(
        asks, ":>\"r/$(printf 'a\\033[31mb\\001')\"", "ab\xef\xbf\xbd changed (absent -> there)");
}

TEST(what_no_state_can_stand_for_now_has_no_answer)
{
    static const char *const asks[] = {"C/sluice/plugins/p", NULL};
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    explain(asks, "rm plugins/p; mkfifo plugins/p", &text);
    assert_non_null(strstr(str_text(&text), "\n  /sluice/plugins/p changed (content "));
    assert_non_null(strstr(str_text(&text), " -> no answer)\n"));
}

/* Rows go before the answers that are kept with them. */
TEST(evidence_that_is_gone_is_compared_with_and_not_named)
{
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    static const char words[] = "src/a.c changed (content ";
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("echo other >r/src/a.c");
    shop_earn(reads_a, OUTCOME_PASSED);
    shop_open(&shop, "forgets");
    assert_int_equal(evidence_forget(shop.reuse->store, 2, NULL), 0);
    sh("echo third >r/src/a.c");
    shop_snapshot(&shop);
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_CHANGED);
    assert_int_equal(strncmp(shop.decision.why, words, sizeof words - 1), 0);
    assert_null(strstr(shop.decision.why, "unlike"));
    const struct reuse_request request = shop_request(&shop);
    assert_int_equal(reuse_why(shop.reuse, &request, &text, NULL), 0);
    assert_non_null(strstr(str_text(&text), "\nthe nearest evidence differs in 1:\n"));
    shop_close(&shop);
}

/* What answered in this very state, and is gone, is not how it differs. */
TEST(evidence_that_is_gone_does_not_hide_what_differs_from_the_rest)
{
    static const char words[] = "src/a.c changed (content ";
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("cp r/src/a.c kept; echo other >r/src/a.c");
    shop_earn(reads_a, OUTCOME_PASSED);
    sh("cp kept r/src/a.c");
    shop_open(&shop, "forgets");
    assert_int_equal(evidence_forget(shop.reuse->store, 1, NULL), 0);
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_int_equal(strncmp(shop.decision.why, words, sizeof words - 1), 0);
    assert_non_null(strstr(shop.decision.why, ", unlike what was earned by run earn, "));
    shop_close(&shop);
}

/* A failure is compared with as a pass is: what has changed since may be what was mended. */
TEST(of_one_class_the_nearest_is_told_failed_or_not)
{
    static const char *const asks[] = {"C/src/src/a.c", "C/src/src/b.c", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "near");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, asks, OUTCOME_FAILED), 1);
    shop_close(&shop);
    sh("echo other >r/src/a.c; cp r/src/b.c kept; echo other >r/src/b.c");
    shop_earn(asks, OUTCOME_PASSED);
    sh("echo new >r/src/a.c; cp kept r/src/b.c");
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_null(strstr(shop.decision.why, " more"));
    assert_non_null(strstr(shop.decision.why, ", unlike what was earned by run near, "));
    shop_close(&shop);
}

/* Of several that are as near, the one that was earned last. */
TEST(of_the_nearest_the_newest_is_told)
{
    static const char *const runs[] = {"first", "second", "third"};
    struct shop shop = {0};
    shop_make_tree();
    for (size_t i = 0; i < 3; i++) {
        char change[100];
        shop_open(&shop, runs[i]);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
        shop_close(&shop);
        (void)snprintf(change, sizeof change, "echo %s >r/src/a.c", runs[i]);
        sh(change);
    }
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_RUN);
    assert_non_null(strstr(shop.decision.why, ", unlike what was earned by run third, "));
    shop_close(&shop);
}

/* To unpack the answers of all classes may take longer than the unit. */
TEST(the_sixteen_classes_that_were_used_last_are_compared)
{
    static char asks[17][32];
    for (int classes = 16; classes <= 17; classes++) {
        struct shop shop = {0};
        sh("rm -rf r plugins cache");
        shop_make_tree();
        for (int i = 0; i < classes; i++) { /* the first has one question, the others two */
            const char *asked[] = {"C/src/src/a.c", i > 0 ? asks[i] : NULL, NULL};
            char change[64];
            (void)snprintf(asks[i], sizeof asks[i], "X/src/n%d", i);
            (void)snprintf(change, sizeof change, "echo %d >r/src/a.c", i);
            sh(change);
            shop_earn(asked, OUTCOME_PASSED);
        }
        sh("echo new >r/src/a.c; for i in $(seq 16); do :>r/n$i; done");
        shop_open(&shop, "later");
        assert_int_equal(shop_peek(&shop), REUSE_RUN);
        assert_int_equal(strstr(shop.decision.why, "and 1 more") != NULL, classes == 17);
        shop_close(&shop);
    }
}

/* ---- names that came and went, by the trees themselves ---- */

static void assert_listing(struct shop *shop, const char *tree, const char *path, const char *words)
{
    const char *said = listing_words(shop_state(shop), tree, path, shop->arena);
    if (words == NULL) {
        assert_null(said);
    } else {
        assert_non_null(said);
        assert_string_equal(said, words);
    }
}

TEST(names_are_told_of_folders_that_both_trees_have)
{
    struct shop shop = {0};
    char then[GIT_ID_MAX];
    shop_make_tree();
    sh("cd r; mkdir -p src/deep/er gone d; : >d/f; : >src/deep/er/f; : >gone/f; : >was_file");
    shop_open(&shop, "one");
    memcpy(then, shop.tree, sizeof then);
    sh("cd r; : >src/deep/er/g; chmod +x src/deep/er/f; rm -r gone was_file; mkdir was_file; : >was_file/f; "
       "mkdir srcs; : >srcs/f; : >d/g");
    shop_snapshot(&shop);
    assert_listing(&shop, then, "/src/src/deep/er", "added g");
    assert_listing(&shop, then, "/src/d", "added g");
    assert_listing(&shop, then, "/src/src/deep", NULL); /* the same names */
    assert_listing(&shop, then, "/src", "added srcs, was_file; gone gone, was_file");
    assert_listing(&shop, then, "/src/", "added srcs, was_file; gone gone, was_file");
    assert_listing(&shop, then, "/src/gone", NULL);
    assert_listing(&shop, then, "/src/srcs", NULL);
    assert_listing(&shop, then, "/src/was_file", NULL);
    assert_listing(&shop, then, "/src/run.sh", NULL);
    assert_listing(&shop, then, "/src/nowhere", NULL);
    assert_listing(&shop, then, "/srcs", NULL); /* none of the tree's */
    assert_listing(&shop, then, "/usr", NULL);
    assert_listing(&shop, then, "/sluice/plugins", NULL);
    assert_listing(&shop, NULL, "/src", NULL);
    assert_listing(&shop, "", "/src", NULL);
    assert_listing(&shop, "1234567890123456789012345678901234567890", "/src", NULL);
    struct reuse_state *state = shop_state(&shop);
    struct reuse_state without = *state;
    without.world.tree = NULL;
    assert_null(listing_words(&without, then, "/src", shop.arena));
    struct reuse no_git = *shop.reuse;
    struct reuse_state outside = *state;
    no_git.objects = NULL;
    outside.reuse = &no_git;
    assert_null(listing_words(&outside, then, "/src", shop.arena));
    shop_close(&shop);
}
