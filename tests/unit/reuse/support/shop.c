/* SPDX-License-Identifier: Apache-2.0 */
#include "shop.h"

#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

/* At the end more than HOST_CLOCK_SLACK_MS goes by: a file of the machine that was made so shortly
 * before a unit started earns no evidence. */
void shop_make_tree(void)
{
    sh("git init -q r; mkdir plugins; echo p >plugins/p; cd r; mkdir src; echo one >src/a.c; echo "
       "two >src/b.c; printf '#!/bin/sh\\n' >run.sh; chmod +x run.sh; sleep 0.06");
}

void shop_snapshot(struct shop *shop)
{
    memcpy(shop->tree, snapshot(&shop->repo, NULL), sizeof shop->tree);
}

void shop_open_as(struct shop *shop, const struct reuse_options *options)
{
    struct reuse_options own = *options;
    struct err err = {0};
    shop->repo = *open_repo("r");
    (void)snprintf(shop->root, sizeof shop->root, "%s", at("r"));
    (void)snprintf(shop->plugins, sizeof shop->plugins, "%s", at("plugins"));
    (void)snprintf(shop->cache, sizeof shop->cache, "%s", at("cache"));
    shop->arena = arena_new((size_t)1 << 30);
    assert_non_null(shop->arena);
    own.cache = shop->cache;
    own.repo = &shop->repo;
    if (reuse_open(&own, &shop->reuse, &err) != 0) {
        fail_msg("reuse_open: %s", err.text);
    }
    shop_snapshot(shop);
    memset(shop->key.bytes, 7, HASH_SIZE);
}

void shop_open(struct shop *shop, const char *run)
{
    const struct reuse_options options = {.trust = EVIDENCE_MEMBER, .host = "here", .run = run};
    shop_open_as(shop, &options);
}

void shop_close(struct shop *shop)
{
    reuse_close(shop->reuse);
    arena_free(shop->arena);
    shop->reuse = NULL;
    shop->arena = NULL;
}

struct reuse_state *shop_state(struct shop *shop)
{
    struct reuse_state *state = NULL;
    struct err err = {0};
    const struct reuse_world world = {
        .tree = shop->tree,
        .root = shop->root,
        .plugin_dir = shop->plugins,
        .expose = shop->expose,
        .network = shop->network,
        .products = shop->products,
    };
    if (reuse_state(shop->reuse, &world, &state, &err) != 0) {
        fail_msg("reuse_state: %s", err.text);
    }
    return state;
}

struct reuse_request shop_request(struct shop *shop)
{
    static const char *const argv[] = {"./test", "-v", NULL};
    return (struct reuse_request){
        .state = shop_state(shop),
        .key = shop->key,
        .policy = shop->policy,
        .layer = "unit",
        .unit = "the unit",
        .argv = argv,
        .no_join = shop->no_join,
        .again = shop->again,
        .timeout_ms = shop->timeout_ms,
        .attribute = shop->attribute,
        .take_fails = shop->take_fails,
    };
}

enum reuse_action shop_ask(struct shop *shop)
{
    const struct reuse_request request = shop_request(shop);
    reuse_decide(shop->reuse, &request, shop->arena, &shop->decision);
    assert_non_null(shop->decision.why);
    return shop->decision.action;
}

enum reuse_action shop_peek(struct shop *shop)
{
    struct reuse_request request = shop_request(shop);
    request.peek = true;
    reuse_decide(shop->reuse, &request, shop->arena, &shop->decision);
    assert_null(shop->decision.lease);
    return shop->decision.action;
}

void shop_drop(struct shop *shop)
{
    reuse_release(shop->reuse, shop->decision.lease);
    shop->decision.lease = NULL;
}

int shop_end(struct shop *shop, const struct outcome *outcome, const struct manifest *products)
{
    const struct reuse_result result = {
        .outcome = outcome, .run_dir = test_folder(), .folder = shop->folder, .products = products};
    struct err err = {0};
    assert_non_null(shop->decision.lease);
    int rc =
        reuse_record(shop->reuse, shop->decision.lease, &result, shop->arena, &shop->why, &err);
    shop->decision.lease = NULL;
    if (rc < 0) {
        fail_msg("reuse_record: %s", err.text);
    }
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct observation *x = a;
    const struct observation *y = b;
    int order = strcmp(x->path, y->path);
    return order != 0 ? order : (int)x->kind - (int)y->kind;
}

int shop_run(struct shop *shop, const char *const *asked, enum outcome_status status)
{
    struct observation *items = arena_calloc(shop->arena, 100000, sizeof *items);
    struct trace trace = {.items = items};
    for (size_t i = 0; asked[i] != NULL; i++) {
        items[trace.count].kind = (enum observation_kind)asked[i][0];
        items[trace.count++].path = asked[i] + 1;
    }
    qsort(items, trace.count, sizeof *items, compare);
    const struct outcome outcome = {
        .status = status,
        .exit_code = status == OUTCOME_PASSED ? 0 : 1,
        .attempt = shop->attempt > 0 ? shop->attempt
                   : shop->again     ? 2
                                     : 1,
        .final = true,
        .started_ms = clock_wall_ms() - 1,
        .wall_ns = 1000,
        .trace = &trace,
    };
    return shop_end(shop, &outcome, NULL);
}

struct evidence_row shop_row(struct shop *shop)
{
    struct evidence_row row = {0};
    const struct evidence_query query = {
        .unit_key = shop->key,
        .reader = reuse_reader(shop->reuse),
        .failed_too = true,
        .now_ms = 1,
    };
    reuse_picture_end(shop->reuse);
    assert_int_equal(
        evidence_get(shop->reuse->store, shop->decision.evidence, &query, shop->arena, &row, NULL),
        1);
    return row;
}

enum reuse_action shop_now(void)
{
    struct shop shop = {0};
    shop_open(&shop, "now");
    enum reuse_action action = shop_ask(&shop);
    shop_drop(&shop);
    shop_close(&shop);
    return action;
}

void shop_assert_now(enum reuse_action expected)
{
    struct shop shop = {0};
    shop_open(&shop, "now");
    enum reuse_action action = shop_ask(&shop);
    if (action != expected) {
        fail_msg("decided %d, not %d: %s", (int)action, (int)expected, shop.decision.why);
    }
    shop_drop(&shop);
    shop_close(&shop);
}

void shop_earn(const char *const *asked, enum outcome_status status)
{
    struct shop shop = {0};
    shop_open(&shop, "earn");
    enum reuse_action action = shop_ask(&shop);
    if (action != REUSE_RUN) {
        fail_msg("decided %d: %s", (int)action, shop.decision.why);
    }
    if (shop_run(&shop, asked, status) != 1) {
        fail_msg("not stored: %s", shop.why);
    }
    shop_close(&shop);
}
