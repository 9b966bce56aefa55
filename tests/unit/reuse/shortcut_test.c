/* SPDX-License-Identifier: Apache-2.0 */
/* What the shortcut believes, and what it does not: the machine's files by all of their stat data,
 * the tree before as far as git can tell what differs. */
#include "base/clock.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"
#include "store/evidence_transfer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", "X/usr/bin/no-such", NULL};

/* In a fresh run over the tree as it is now: is it a hit, and were no classes looked at for it? */
static bool is_short(struct shop *shop)
{
    shop_open(shop, "again");
    const enum reuse_action action = shop_ask(shop);
    if (action != REUSE_HIT) {
        fail_msg("decided %d: %s", (int)action, shop->decision.why);
    }
    const bool looked = shop_state(shop)->answers != NULL;
    shop_close(shop);
    return !looked;
}

static void earn(struct shop *shop, const char *const *asked)
{
    shop_open(shop, "earn");
    assert_int_equal(shop_ask(shop), REUSE_RUN);
    if (shop_run(shop, asked, OUTCOME_PASSED) != 1) {
        fail_msg("not stored: %s", shop->why);
    }
    shop_close(shop);
}

/* ---- files of the machine ---- */

/* The node of a file of the machine, to be told other stat data before anybody looks. */
static struct host_node *node_of(struct shop *shop, const char *path)
{
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *found = NULL;
    assert_int_equal(host_find(shop->reuse->host, path, 0, &presence, &found, NULL), 0);
    for (size_t i = 0; i < shop->reuse->host->all.count; i++) {
        if (shop->reuse->host->all.items[i] == found) {
            return shop->reuse->host->all.items[i];
        }
    }
    fail_msg("%s was not looked at", path);
    return NULL;
}

#define LOOKED_MS INT64_C(1700000000000)
#define LOOKED_NS (LOOKED_MS * 1000000)

/* As if the file and the folder that it is in had been made this long before they were looked at.
 */
static struct host_node *pretend(struct shop *shop, int64_t mtime_ns, int64_t ctime_ns)
{
    char path[4200];
    struct answer digest = {0};
    (void)snprintf(path, sizeof path, "%s/p", shop->plugins);
    struct host_node *node = node_of(shop, path);
    assert_int_equal(host_digest(shop->reuse->host, node, &digest, NULL), 0); /* read as it is */
    node->seen_ms = LOOKED_MS;
    node->stamp = (struct file_stamp){11, 12, 13, LOOKED_NS - mtime_ns, LOOKED_NS - ctime_ns};
    return node;
}

#define OLD (ANSWER_YOUNG_NS + 1)

TEST(a_file_of_the_machine_is_another_one_when_any_of_its_stat_data_is)
{
    static const char *const asks[] = {"C/sluice/plugins/p", "X/sluice/plugins/none", NULL};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    for (int part = -2; part < 9; part++) {
        struct shop shop = {0};
        char none[4200];
        shop_open(&shop, "again");
        (void)snprintf(none, sizeof none, "%s/none", shop.plugins);
        struct host_node *node = pretend(&shop, OLD, OLD);
        node->stamp.dev += part == 0;
        node->stamp.ino += part == 1;
        node->stamp.size += part == 2;
        node->stamp.mtime_ns -= part == 3;
        node->stamp.ctime_ns -= part == 4;
        node->mode ^= part == 5 ? 0100u : 0;
        node_of(&shop, none)->mode = part == 6 ? S_IFREG | 0644 : 0; /* it is there now */
        node_of(&shop, none)->unseen = part == 7;                    /* we may not look any more */
        const enum reuse_action action = shop_ask(&shop);
        const bool looked = shop_state(&shop)->answers != NULL;
        if (action != (part >= 5 && part <= 7 ? REUSE_RUN : REUSE_HIT)) {
            fail_msg("part %d: decided %d: %s", part, (int)action, shop.decision.why);
        }
        if (looked != (part != -1 && part != 8)) { /* as when it was learnt: in the first round */
            fail_msg("part %d: classes were%s looked at", part, looked ? "" : " not");
        }
        shop_drop(&shop);
        shop_close(&shop);
    }
}

TEST(stat_data_is_believed_when_it_is_older_than_two_clocks_may_differ)
{
    static const struct {
        int64_t mtime_ns;
        int64_t ctime_ns;
        bool believed;
    } list[] = {
        {OLD,             OLD,             true },
        {ANSWER_YOUNG_NS, OLD,             false},
        {OLD,             ANSWER_YOUNG_NS, false},
        {OLD * 2,         OLD,             true },
        {OLD,             OLD * 2,         true },
        {-OLD,            OLD,             false}, /* from the future */
    };

    static const char *const asks[] = {"C/sluice/plugins/p", NULL};

    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (int run = 0; run < 2; run++) { /* the first one learns */
            struct shop shop = {0};
            shop_open(&shop, "again");
            (void)pretend(&shop, list[i].mtime_ns, list[i].ctime_ns);
            assert_int_equal(shop_ask(&shop), REUSE_HIT);
            if (run == 1 && (shop_state(&shop)->answers == NULL) != list[i].believed) {
                fail_msg("%zu: believed: %d", i, !list[i].believed);
            }
            shop_close(&shop);
        }
    }
}

TEST(where_exposed_entries_lead_is_part_of_what_is_unchanged)
{
    const char *items[] = {"dep", "/usr/lib/no-such", "last", NULL};
    static const char *const asks[] = {"X/src/dep/env", "X/src/src/none", NULL};
    struct shop shop = {
        .expose = {items, 3}
    };
    shop_make_tree();
    sh("cd r; printf 'dep\nlast\n' >.gitignore; ln -s /usr/share dep; ln -s /usr/share last");
    earn(&shop, asks);
    assert_true(is_short(&shop));
    sh("ln -sfn /usr/lib r/dep"); /* has no such file, too */
    assert_false(is_short(&shop));
    assert_true(is_short(&shop));
    sh("ln -sfn /usr/lib r/last");
    assert_false(is_short(&shop));
    assert_true(is_short(&shop));
    sh("rm r/dep");
    assert_false(is_short(&shop));
    assert_true(is_short(&shop));
    sh("ln -s /usr/bin r/dep"); /* there it is */
    shop_open(&shop, "again");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_drop(&shop);
    shop_close(&shop);
}

/* ---- the list ---- */

/* A list that is written is another file. */
static const char *lists(void)
{
    return sh_out("ls -i cache/watch");
}

TEST(a_list_is_written_when_it_has_news)
{
    static const char *const more[] = {"X/usr/bin/no-such-either", NULL};
    struct shop shop = {0};
    shop_make_tree();
    earn(&shop, reads_a);
    for (int unit = 1; unit < 4; unit++) { /* one that asks as much, one that asks more, again */
        const char *before = lists();
        shop_open(&shop, "another unit");
        shop.key.bytes[0] = (unsigned char)unit;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, unit == 1 ? reads_a : more, OUTCOME_PASSED), 1);
        shop_close(&shop);
        assert_int_equal(strcmp(before, lists()) != 0, unit == 2);
    }
    assert_string_equal(sh_out("tr '\\0' '\\n' <$(ls -d cache/watch/*) | grep -c no-such"), "2");
    const char *before = lists();
    sh("echo new >r/other");
    assert_true(is_short(&shop)); /* another tree is news */
    assert_string_not_equal(before, lists());
    shop_open(&shop, "nothing learnt");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    sh("rm cache/watch/*");
    shop_close(&shop);
    assert_string_equal(sh_out("ls cache/watch"), "");
}

TEST(a_list_says_the_same_in_any_order)
{
    static const char *const asks[] = {"X/usr/bin/no-such", "X/usr/lib/no-such", NULL};
    struct shop shop = {0};
    shop_make_tree();
    earn(&shop, asks);
    assert_true(is_short(&shop));
    sh("f=$(ls -d cache/watch/*); (head -n 1 $f; tail -n +2 $f | tr '\\0' '\\n' | head -n 1 | tr "
       "'\\n' '\\0'; tail -n +2 $f | tr '\\0' '\\n' | tail -n 2 | sort -r | tr '\\n' '\\0') >new; "
       "cmp -s new $f && exit 1; mv new $f");
    assert_true(is_short(&shop));
}

TEST(a_list_names_the_tree_that_was_answered_last)
{
    static const struct {
        size_t len;
        bool taken;
    } list[] = {
        {GIT_ID_MAX - 1, true },
        {GIT_ID_MAX,     false},
        {3000,           false},
    };

    struct shop shop = {0};
    shop_make_tree();
    earn(&shop, reads_a);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char script[300];
        (void)snprintf(
            script,
            sizeof script,
            "f=$(ls -d cache/watch/*); (printf 'sluice-watch 2\\n'; head -c %zu /dev/zero "
            "| tr '\\0' a; printf '\\0/usr/one\\0/usr/two\\0/usr/one\\0') >new; mv new $f",
            list[i].len);
        sh(script);
        shop_open(&shop, "again");
        struct reuse_state *state = shop_state(&shop);
        assert_int_equal(shortcut_get(state, &shop.key), 0);
        assert_int_equal(strlen(state->base_tree), list[i].taken ? list[i].len : 0);
        assert_int_equal(state->watched_keys.count, 2); /* each once */
        assert_string_equal(state->watched_keys.items[0], "/usr/one");
        assert_string_equal(state->watched_keys.items[1], "/usr/two");
        assert_int_equal(state->carried_count, 0);
        const struct arena *arena = state->short_arena;
        assert_int_equal(shortcut_get(state, &shop.key), 0);
        assert_ptr_equal(state->short_arena, arena); /* looked for once */
        shop_close(&shop);
    }
}

/* ---- what answered ---- */

TEST(each_unit_has_its_own_answer)
{
    int64_t ids[5];
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "earn");
    for (unsigned i = 0; i < 5; i++) {
        shop.key.bytes[HASH_SIZE - 1] = (unsigned char)(i * 17 % 5 * 2);
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
        assert_int_equal(shop_ask(&shop), REUSE_HIT);
        ids[i] = shop.decision.evidence;
    }
    shop_close(&shop);
    for (unsigned other = 0; other < 2; other++) {
        shop_open(&shop, "again");
        struct reuse_state *state = shop_state(&shop);
        reuse_picture_begin(shop.reuse);
        for (unsigned i = 0; i < 5; i++) {
            shop.key.bytes[HASH_SIZE - 1] = (unsigned char)(i * 17 % 5 * 2);
            assert_int_equal(shortcut_get(state, &shop.key), other == 0 ? ids[i] : 0);
            assert_null(state->roll); /* so few rows are asked for one by one */
            assert_int_equal(shortcut_carried(state, &shop.key), other == 0 ? 0 : ids[i]);
            shop.key.bytes[HASH_SIZE - 1]++;
            assert_int_equal(shortcut_get(state, &shop.key), 0);
            assert_int_equal(shortcut_carried(state, &shop.key), 0);
        }
        shop_close(&shop);
        sh("echo new >r/other");
    }
}

TEST(what_cannot_be_watched_is_not_learnt)
{
    static const struct observation asked = {OBSERVE_EXISTS, "/usr/bin/no-such"};
    static const uint32_t atoms[] = {1, 77};
    struct shop shop = {0};
    uint32_t id = 0;
    shop_make_tree();
    shop_open(&shop, "run");
    assert_int_equal(evidence_intern(shop.reuse->store, &asked, 1, &id, NULL), 0);
    assert_int_equal(id, 1);
    struct reuse_state *state = shop_state(&shop);
    shortcut_put(state, &shop.key, 5, atoms, 2); /* there is no question 77 */
    assert_int_equal(state->learnt.count, 0);
    shortcut_put(state, &shop.key, 6, atoms, 1);
    assert_int_equal(state->learnt.count, 1);
    assert_int_equal(state->learnt.items[0].evidence_id, 6);
    assert_int_equal(state->watched_keys.count, 1);
    memset(shop.tree, '1', strlen(shop.tree)); /* a tree that git does not know */
    state = shop_state(&shop);
    shortcut_put(state, &shop.key, 7, atoms, 1);
    assert_int_equal(state->learnt.count, 0);
    shortcut_put(state, &shop.key, 8, NULL, 0); /* rests on nothing */
    assert_int_equal(state->learnt.count, 1);
    shop_close(&shop);
}

/* What is known but not listed would be no part of the state's id. */
TEST(nothing_is_learnt_that_short_memory_kept_from_the_list)
{
    enum {
        TRIES = 40
    };

    static char paths[TRIES][32];
    struct observation asked[TRIES];
    uint32_t atoms[TRIES];
    size_t learnt = 0;
    struct shop shop = {0};
    for (unsigned i = 0; i < TRIES; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/usr/bin/no-such-%02u", i);
        asked[i] = (struct observation){OBSERVE_EXISTS, paths[i]};
    }
    shop_make_tree();
    shop_open(&shop, "run");
    assert_int_equal(evidence_intern(shop.reuse->store, asked, TRIES, atoms, NULL), 0);
    struct reuse_state *state = shop_state(&shop);
    assert_non_null(state_answers(state));
    for (unsigned i = 0; i < TRIES; i++) {
        (void)mem_fail_once(1 + i % 10);
        shortcut_put(state, &shop.key, i, &atoms[i], 1);
        (void)mem_fail_once(0);
        for (size_t at = 0; at < state->watched_keys.count; at++) {
            uintptr_t known = 0;
            assert_int_equal(map_get(&state->watched, state->watched_keys.items[at], &known), 1);
        }
        if (state->learnt.count > learnt) {
            uintptr_t known = 0;
            assert_int_equal(map_get(&state->watched, paths[i], &known), 1);
        }
        learnt = state->learnt.count;
    }
    assert_in_range(learnt, 1, TRIES - 1);
    shop_close(&shop);
}

TEST(what_was_learnt_is_written_once)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    struct reuse_state *state = shop_state(&shop);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shortcut_flush(state, NULL), 0); /* nothing yet */
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    assert_int_equal(state->learnt.count, 1);
    assert_int_equal(shortcut_flush(state, NULL), 0);
    assert_int_equal(state->learnt.count, 0);
    sh("rm cache/watch/*");
    assert_int_equal(shortcut_flush(state, NULL), 0);
    assert_string_equal(sh_out("ls cache/watch"), "");
    shop_close(&shop);
}

static uint64_t exported(struct shop *shop, const char *tree, const char *run)
{
    const struct evidence_selection selection = {.tree = tree, .run = run};
    struct evidence_transferred transferred = {0};
    struct err err = {0};
    if (evidence_export(shop->reuse->store, &selection, at("file"), &transferred, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return transferred.rows;
}

/* Its files cannot be told by stat data, but what answered for a tree, and in a run, can be
 * exported: each for itself, whatever came after. */
TEST(what_answered_without_a_shortcut_is_known_by_its_tree_and_run)
{
    static const char *const asks[] = {"R/sluice/plugins", NULL};
    static const char *const runs[] = {"first", "second", "second"};
    char trees[3][GIT_ID_MAX];
    struct shop shop = {0};
    shop_make_tree();
    earn(&shop, asks);
    for (int i = 0; i < 3; i++) {
        sh(i == 1 ? "true" : "echo new >>r/other"); /* the same tree in two runs */
        shop_open(&shop, runs[i]);
        assert_int_equal(shop_ask(&shop), REUSE_HIT);
        assert_non_null(shop_state(&shop)->answers);
        memcpy(trees[i], shop.tree, sizeof trees[i]);
        shop_close(&shop);
    }
    shop_open(&shop, "export");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(exported(&shop, trees[i], NULL), 1);
        assert_int_equal(exported(&shop, NULL, runs[i]), 1);
    }
    shop_close(&shop);
}

/* ---- another tree ---- */

static void assert_short_after(const char *change, bool expected)
{
    struct shop shop = {0};
    sh(change);
    if (is_short(&shop) != expected) {
        fail_msg("`%s`: classes were%s looked at", change, expected ? "" : " not");
    }
}

TEST(attributes_of_any_folder_may_convert_all_below_it)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    assert_short_after("mkdir r/sub; echo '* text=auto' >r/sub/.gitattributes", false);
    assert_short_after("echo x >>r/sub/.gitattributes", false);
    assert_short_after("echo x >r/sub/x.gitattributes", true);
    assert_short_after("mkdir r/.gitattributes.d; echo x >r/.gitattributes.d/x", true);
    assert_short_after("rm r/sub/.gitattributes", false);
}

TEST(a_change_reaches_who_asks_for_a_folder_above_it_as_far_as_the_answer_does)
{
    static const struct {
        const char *asked;
        const char *change;
        bool holds;
    } list[] = {
        {"R/src/a",         "echo 2 >r/a/b/c/f",               false},
        {"R/src",           "echo 2 >r/a/b/c/f",               false},
        {"R/src/a/b/c",     "echo 2 >r/a/b/c/f",               false},
        {"R/src/a/b/c/f",   "echo 2 >r/a/b/c/f",               false},
        {"R/src/a/b/d",     "echo 2 >r/a/b/c/f",               true },
        {"D/src/a/b/c",     "echo 2 >r/a/b/c/f",               true },
        {"D/src",           "echo 2 >r/a/b/c/f",               true },
        {"X/src/a/b/c/f",   "echo 2 >r/a/b/c/f",               true },
        {"C/src/a/b/c/f",   "echo 2 >r/a/b/c/f",               false},
        {"T/src/a/b/c/f",   "echo 22 >r/a/b/c/f",              false},
        {"L/src/a/b/c/f",   "echo 2 >r/a/b/c/f",               false}, /* may be a link now */
        {"D/src/a/b/c",     "echo 2 >r/a/b/c/g",               false},
        {"X/src/a/b/c/f/x", "echo 2 >r/a/b/c/f",               true }, /* still behind a file */
        {"X/src/a/b/c/f/x", "rm r/a/b/c/f",                    false},
        {"D/src/a/b",       "rm r/a/b/c/f",                    false},
        {"D/src",           "echo 2 >r/g",                     false},
        {"D/src/a/b/c",     "ln -sf x r/a/b/c/f",              false}, /* another type */
        {"X/src/a/b/c/f",   "ln -sf x r/a/b/c/f",              false},
        {"X/src/a",         "rm -r r/a",                       false},
        {"X/src/a/b/c/f",   "rm -r r/a/b/c/f",                 false},
        {"X/src/n/x/y",     "echo >r/n",                       false},
        {"X/src/n/x/y",     "mkdir -p r/n/x; echo >r/n/x/z",   true },
        {"X/src/nn/x",      "echo >r/n",                       true },
        {"X/src/src/a.c",   "echo 2 >r/a/b/c/f; echo >r/a/g2", true },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *asked[] = {list[i].asked, NULL};
        struct shop shop = {0};
        uint32_t atom = 1;
        sh("rm -rf r plugins cache; git init -q r; mkdir plugins; mkdir -p r/src r/a/b/c r/a/b/d; "
           "echo >r/src/a.c; echo 1 >r/a/b/c/f; echo >r/a/b/d/f");
        shop_earn(asked, OUTCOME_PASSED);
        sh(list[i].change);
        shop_open(&shop, "other tree");
        struct reuse_state *state = shop_state(&shop);
        assert_int_equal(shortcut_get(state, &shop.key), 0);
        assert_int_not_equal(shortcut_carried(state, &shop.key), 0);
        assert_true(shortcut_holds(state, &atom, 0));
        if (shortcut_holds(state, &atom, 1) != list[i].holds) {
            fail_msg("%s after `%s`: holds: %d", list[i].asked, list[i].change, !list[i].holds);
        }
        shop_close(&shop);
    }
}

TEST(nothing_is_carried_over_from_a_tree_that_is_gone)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    assert_short_after("echo new >r/other", true);
    assert_short_after("rm -rf r/.git r/.sluice; git init -q r; echo newer >r/other", false);
}

/* With more differences it is quicker to look at classes. */
TEST(ten_thousand_differences_are_looked_at_and_no_more)
{
    shop_make_tree();
    shop_earn(reads_a, OUTCOME_PASSED);
    assert_short_after("mkdir r/many; cd r/many; seq 10000 | xargs touch", true);
    assert_short_after("rm -r r/many; echo >r/other", false);
}

/* The trees are the same, and so are the files of the machine: none. */
TEST(what_answered_in_one_world_is_unknown_in_another)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    const struct product product = {
        .path = "src/a.c", .mode = S_IFREG | 0644, .size = 1, .digest = hash_bytes("x", 1)};
    const struct manifest products = {&product, 1};
    struct shop shop = {0};
    shop_make_tree();
    earn(&shop, asks);
    assert_true(is_short(&shop));
    shop.products = &products;
    shop_open(&shop, "another world");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shortcut_get(shop_state(&shop), &shop.key), 0);
    shop_close(&shop);
}

/* Where no git is, it cannot be asked what it converts. */
TEST(a_tree_that_nobody_can_read_has_no_answers_and_does_no_harm)
{
    const struct hash key = hash_bytes("u", 1);
    struct reuse *reuse = NULL;
    struct reuse_state *state = NULL;
    char cache[4096];
    (void)snprintf(cache, sizeof cache, "%s", at("cache"));
    const struct reuse_options options = {.cache = cache, .trust = EVIDENCE_MEMBER};
    const struct reuse_world world = {.root = "/r", .tree = "1234"};
    assert_int_equal(reuse_open(&options, &reuse, NULL), 0);
    assert_int_equal(reuse_state(reuse, &world, &state, NULL), 0);
    assert_int_equal(shortcut_get(state, &key), 0);
    assert_int_equal(shortcut_carried(state, &key), 0);
    reuse_close(reuse);
}

/* Without git there is no tree, and what is asked of the machine answers all the same. */
TEST(a_world_without_a_tree_has_a_shortcut_too)
{
    static const struct observation asked = {OBSERVE_EXISTS, "/usr/bin/no-such"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct hash key = hash_bytes("u", 1);
    for (int run = 0; run < 2; run++) {
        struct reuse *reuse = NULL;
        struct reuse_decision decision;
        struct err err = {0};
        struct arena *arena = arena_new((size_t)1 << 24);
        char cache[4096];
        (void)snprintf(cache, sizeof cache, "%s", at("cache"));
        const struct reuse_options options = {.cache = cache, .trust = EVIDENCE_MEMBER};
        const struct reuse_world world = {.root = "/r"};
        struct reuse_request request = {.key = key, .layer = "l", .unit = "u"};
        const struct outcome outcome = {
            .attempt = 1, .trace = &trace, .started_ms = clock_wall_ms()};
        const struct reuse_result result = {.outcome = &outcome, .run_dir = test_folder()};
        const char *why = NULL;
        assert_int_equal(reuse_open(&options, &reuse, &err), 0);
        assert_int_equal(reuse_state(reuse, &world, &request.state, &err), 0);
        reuse_decide(reuse, &request, arena, &decision);
        assert_int_equal(decision.action, run == 0 ? REUSE_RUN : REUSE_HIT);
        if (run == 0) {
            assert_int_equal(reuse_record(reuse, decision.lease, &result, arena, &why, &err), 1);
        } else {
            assert_null(request.state->answers);
        }
        reuse_close(reuse);
        arena_free(arena);
    }
}
