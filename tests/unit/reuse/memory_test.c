/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever allocation fails, alone or with all after it: no crash, nothing left behind, no answer
 * that memory would not have given, and the next question is answered as if nothing had been. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <string.h>

#include "support/shop.h"
#include "support/test.h"

/* More than any of these makes. */
#define ALLOCATIONS_MAX 3000u

static const char *const asks[] = {
    "C/src/src/a.c", "D/src/src", "R/src", "T/src/src/b.c", "X/src/none", "Huname", NULL};

typedef size_t fail_fn(size_t n);

/* Runs `once` with the first, the second, ... allocation failing, until none fails any more. */
static void walk(struct shop *shop, void (*once)(struct shop *shop, fail_fn *set_fail, size_t n))
{
    static fail_fn *const ways[] = {mem_fail_from, mem_fail_once};
    for (size_t way = 0; way < 2; way++) {
        size_t n = 1;
        for (; n < ALLOCATIONS_MAX; n++) {
            once(shop, ways[way], n);
            if (shop->attempt != 0) { /* none failed */
                break;
            }
        }
        shop->attempt = 0;
        assert_in_range(n, 3, ALLOCATIONS_MAX - 1);
    }
}

static void earn_more(struct shop *shop)
{
    static const struct test_case item = {.name = "adds", .status = OUTCOME_PASSED};
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {
        .attempt = 1,
        .trace = &trace,
        .message = "said",
        .cases = {&item, 1},
        .started_ms = clock_wall_ms()
    };
    struct err err = {0};
    const struct manifest *products = NULL;
    assert_int_equal(
        reuse_read_products(shop->reuse, at("out"), true, shop->arena, &products, &err), 0);
    assert_int_equal(shop_ask(shop), REUSE_RUN);
    assert_int_equal(shop_end(shop, &outcome, products), 1);
}

static void decide_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    const struct reuse_world world = {
        .tree = shop->tree, .root = shop->root, .plugin_dir = shop->plugins};
    struct reuse_request request = {.key = shop->key, .layer = "unit", .unit = "u", .peek = true};
    struct arena *arena = arena_new((size_t)1 << 24);
    struct err err = {0};
    reuse_forget(shop->reuse);
    (void)set_fail(n);
    int rc = reuse_state(shop->reuse, &world, &request.state, &err);
    struct reuse_decision decision = {.why = ""};
    if (rc == 0) {
        reuse_decide(shop->reuse, &request, arena, &decision);
    }
    bool whole = set_fail(0) < n;
    assert_true(rc == 0 || (rc == -ENOMEM && err.text[0] != '\0'));
    assert_non_null(decision.why);
    if (rc == 0 && decision.action == REUSE_HIT) {
        assert_string_equal(decision.outcome->message, "said");
        assert_int_equal(decision.outcome->cases.count, 1);
        assert_string_equal(decision.outcome->reused->run, "earn");
        assert_int_equal(decision.products->count, 2);
    } else {
        assert_false(whole);
    }
    shop->attempt = whole;
    arena_free(arena);
    reuse_forget(shop->reuse);
    while (reuse_take_note(shop->reuse) != NULL) {
    }
    assert_int_equal(shop_peek(shop), REUSE_HIT);
}

TEST(a_decision_without_memory_is_to_run_and_takes_nothing_away)
{
    struct shop shop = {0};
    shop_make_tree();
    sh("mkdir -p out/lib; echo object >out/lib/a.o");
    shop_open(&shop, "earn");
    earn_more(&shop);
    shop_close(&shop);
    shop_open(&shop, "later");
    assert_int_equal(shop_peek(&shop), REUSE_HIT);
    walk(&shop, decide_once);
    shop_close(&shop);
}

/* Which unit it is, so that each attempt is the first of its key. */
static void next_key(struct shop *shop)
{
    for (size_t i = 0; i < HASH_SIZE && ++shop->key.bytes[i] == 0; i++) {
    }
}

static void record_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    static const char *const patterns[] = {"out/**"};
    const struct observation questions[] = {
        {OBSERVE_CONTENT, "/src/src/a.c"     },
        {OBSERVE_SUBTREE, "/src/src"         },
        {OBSERVE_TYPE,    "/src/src/b.c"     },
        {OBSERVE_CONTENT, "/sluice/plugins/p"}
    };
    const struct trace trace = {.items = questions, .count = 4};
    const struct outcome outcome = {
        .attempt = 1,
        .trace = &trace,
        .started_ms = INT64_MAX / 2000000,
        .out = {.file = "out.0", .len = 4   },
        .err = {.file = "out.0", .len = 3000}
    };
    struct reuse_result result = {
        .outcome = &outcome, .run_dir = test_folder(), .folder = at("out"), .artifacts = at("out")};
    struct arena *arena = arena_new((size_t)1 << 24);
    const char *why = NULL;
    struct err err = {0};
    next_key(shop);
    struct reuse_request request = shop_request(shop);
    request.artifacts = (struct text_list){patterns, 1};
    request.no_join = true;
    (void)set_fail(n);
    reuse_decide(shop->reuse, &request, arena, &shop->decision);
    struct reuse_lease *lease = shop->decision.lease;
    int rc = lease != NULL ? reuse_record(shop->reuse, lease, &result, arena, &why, &err) : -ENOMEM;
    bool whole = set_fail(0) < n;
    assert_int_equal(shop->decision.action, REUSE_RUN);
    assert_true(rc == 1 || !whole);
    assert_true(rc >= 0 || lease == NULL || err.text[0] != '\0');
    reuse_decide(shop->reuse, &request, arena, &shop->decision);
    if (rc == 1 && shop->decision.action == REUSE_HIT) { /* what was kept is whole */
        assert_int_equal(shop->decision.out_len, 4);
        assert_memory_equal(shop->decision.out_text, "text", 4);
        assert_non_null(shop->decision.err);
        assert_int_equal(shop->decision.products->count, 2);
        assert_int_equal(shop->decision.artifacts->count, 2);
    } else { /* or says what it lacks: for which artifacts it was kept */
        assert_int_equal(shop->decision.action, REUSE_RUN);
        assert_int_equal(shop->decision.reason,
                         rc == 1 ? REUSE_REASON_ARTIFACTS : REUSE_REASON_NEW);
        assert_false(whole);
        reuse_release(shop->reuse, shop->decision.lease);
    }
    assert_null(shop->reuse->leases);
    shop->decision.lease = NULL;
    shop->attempt = whole;
    arena_free(arena);
    reuse_forget(shop->reuse);
}

TEST(what_could_not_be_recorded_whole_is_not_found)
{
    struct shop shop = {0};
    shop_make_tree();
    sh("mkdir -p out/lib; echo object >out/lib/a.o; printf text >out.0; head -c 5000 /dev/zero "
       ">>out.0");
    shop_open(&shop, "records");
    walk(&shop, record_once);
    shop_close(&shop);
}

static void match_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    static const char *const patterns[] = {"other/**"};
    struct arena *arena = arena_new((size_t)1 << 24);
    struct reuse_request request = shop_request(shop);
    request.artifacts = (struct text_list){patterns, 1};
    request.peek = true;
    (void)set_fail(n);
    reuse_decide(shop->reuse, &request, arena, &shop->decision);
    shop->attempt = set_fail(0) < n;
    assert_int_equal(shop->decision.action, REUSE_RUN);
    arena_free(arena);
}

TEST(patterns_that_found_no_memory_match_no_others_that_found_none)
{
    static const char *const patterns[] = {"out/**"};
    const struct trace trace = {0};
    const struct outcome outcome = {.attempt = 1, .trace = &trace, .started_ms = clock_wall_ms()};
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "records");
    struct reuse_request request = shop_request(&shop);
    request.artifacts = (struct text_list){patterns, 1};
    reuse_decide(shop.reuse, &request, shop.arena, &shop.decision);
    shop.decision.lease->artifacts = (struct hash){0}; /* as hash_patterns() has it then */
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    walk(&shop, match_once);
    shop_close(&shop);
}

static void explain_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    CLEANUP(str_fini) struct str text = STR_INIT(100000);
    struct err err = {0};
    reuse_forget(shop->reuse);
    const struct reuse_request request = shop_request(shop);
    (void)set_fail(n);
    int rc = reuse_why(shop->reuse, &request, &text, &err);
    bool whole = set_fail(0) < n;
    assert_true(rc == 0 || err.text[0] != '\0');
    if (whole) {
        assert_int_equal(rc, 0);
        assert_non_null(strstr(str_text(&text), "run: the top folder changed below (all below "));
        assert_non_null(strstr(str_text(&text), "src/a.c changed (content 5626abf0 -> content "));
        assert_non_null(strstr(str_text(&text), "differs in 3:\n"));
        assert_non_null(strstr(str_text(&text), "  src lists other names (added new)\n"));
    }
    shop->attempt = whole;
    reuse_forget(shop->reuse);
}

TEST(an_explanation_without_memory_is_a_shorter_one_or_an_error)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    sh("echo new >r/src/new; echo other >r/src/a.c");
    shop_open(&shop, "later");
    walk(&shop, explain_once);
    shop_close(&shop);
}

static void open_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    const struct reuse_options options = {.cache = shop->cache,
                                          .repo = &shop->repo,
                                          .trust = EVIDENCE_MEMBER,
                                          .scope = "7",
                                          .host = "here",
                                          .run = "r"};
    struct reuse *reuse = NULL;
    struct err err = {0};
    (void)set_fail(n);
    int rc = reuse_open(&options, &reuse, &err);
    bool whole = set_fail(0) < n;
    assert_true(rc == 0 ? reuse != NULL : reuse == NULL && err.text[0] != '\0');
    assert_true(rc == 0 || !whole);
    shop->attempt = whole;
    (void)set_fail(rc == 0 && !whole ? 1 : 0);
    reuse_close(reuse);
    (void)set_fail(0);
}

TEST(opening_without_memory_is_an_error_that_leaves_nothing_behind)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "first");
    walk(&shop, open_once);
    shop_close(&shop);
}

static void products_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    struct arena *arena = arena_new((size_t)1 << 24);
    const struct manifest *products = NULL;
    struct manifest again = {0};
    struct err err = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(100000);
    (void)set_fail(n);
    int rc = reuse_read_products(shop->reuse, at("out"), n % 2 == 0, arena, &products, &err);
    rc = rc == 0 ? manifest_encode(products, &text) : rc;
    rc = rc == 0 ? manifest_decode(str_text(&text), text.len, arena, &again, &err) : rc;
    rc = rc == 0 && n % 2 == 0 ? reuse_restore(shop->reuse, &again, at("again"), &err) : rc;
    bool whole = set_fail(0) < n;
    assert_true(rc == 0 || !whole);
    if (rc == 0) {
        assert_int_equal(again.count, 3);
        assert_string_equal(again.items[1].path, "lib/a.o");
        assert_string_equal(again.items[2].path, "link");
    }
    if (rc == 0 && n % 2 == 0) {
        assert_string_equal(sh_out("cat again/link"), "object");
    }
    if (n % 2 == 0) {
        sh("rm -rf again");
    }
    shop->attempt = whole;
    arena_free(arena);
}

TEST(products_without_memory_are_no_products)
{
    struct shop shop = {0};
    shop_make_tree();
    sh("mkdir -p out/lib; echo object >out/lib/a.o; ln -s lib/a.o out/link");
    shop_open(&shop, "run");
    walk(&shop, products_once);
    shop_close(&shop);
}

static void deep_once(struct shop *shop, fail_fn *set_fail, size_t n)
{
    const struct hash producers[1] = {{{1}}};
    struct hash right;
    struct hash deep;
    struct err err = {0};
    reuse_forget(shop->reuse);
    assert_int_equal(
        reuse_deep(shop->reuse, shop_state(shop), &shop->key, producers, 1, &right, &err), 0);
    reuse_forget(shop->reuse);
    struct reuse_state *state = shop_state(shop);
    (void)set_fail(n);
    int rc = reuse_deep(shop->reuse, state, &shop->key, producers, 1, &deep, &err);
    bool whole = set_fail(0) < n;
    assert_true(rc == 0 || (rc == -ENOMEM && err.text[0] != '\0'));
    if (whole) {
        assert_int_equal(rc, 0);
        assert_memory_equal(right.bytes, deep.bytes, HASH_SIZE);
    }
    shop->attempt = whole;
}

TEST(a_deep_fingerprint_without_memory_is_an_error_or_says_less)
{
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "later");
    walk(&shop, deep_once);
    shop_close(&shop);
}
