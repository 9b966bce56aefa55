/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a unit that ran: what it printed, its products and artifacts. */
#include "base/clock.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"
#include "store/evidence_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static const struct observation asks_a = {OBSERVE_CONTENT, "/src/src/a.c"};
static const struct trace reads_a = {.items = &asks_a, .count = 1};

static const char *const patterns[] = {"out/**"};

static struct outcome passed(void)
{
    return (struct outcome){.attempt = 1, .trace = &reads_a, .started_ms = clock_wall_ms()};
}

/* Decides for a unit whose artifacts are wanted. */
static enum reuse_action ask_for_artifacts(struct shop *shop)
{
    struct reuse_request request = shop_request(shop);
    request.artifacts = (struct text_list){patterns, 1};
    reuse_decide(shop->reuse, &request, shop->arena, &shop->decision);
    return shop->decision.action;
}

/* Takes the unit that was decided to run for one that left folders of products and artifacts. */
static int end_with(struct shop *shop,
                    const struct outcome *outcome,
                    const char *products,
                    const char *artifacts)
{
    const struct reuse_result result = {.outcome = outcome,
                                        .run_dir = test_folder(),
                                        .folder = at(products),
                                        .artifacts = at(artifacts)};
    struct err err = {0};
    int rc =
        reuse_record(shop->reuse, shop->decision.lease, &result, shop->arena, &shop->why, &err);
    if (rc < 0) {
        fail_msg("reuse_record: %s", err.text);
    }
    return rc;
}

/* The content of a blob, as text. */
static const char *fetched(struct shop *shop, const struct hash *blob)
{
    struct err err = {0};
    int fd = open(at("fetched"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (reuse_fetch(shop->reuse, blob, fd, &err) != 0) {
        fail_msg("reuse_fetch: %s", err.text);
    }
    (void)close(fd);
    return sh_out("cat fetched");
}

/* ---- output ---- */

static void assert_output(
    struct shop *shop, const char *text, size_t len, const struct hash *blob, const char *expected)
{
    if (blob == NULL) {
        assert_int_equal(len, strlen(expected));
        assert_memory_equal(text, expected, len);
    } else {
        assert_null(text);
        assert_string_equal(fetched(shop, blob), expected);
    }
}

/* Both together have room for 1024 bytes; what finds none is content of its own. */
TEST(output_is_kept_with_the_outcome_as_long_as_there_is_room)
{
    static const struct {
        size_t out;
        size_t err;
        bool out_inside;
        bool err_inside;
    } list[] = {
        {1024, 0,    true,  true },
        {1025, 0,    false, true },
        {1000, 24,   true,  true },
        {1000, 25,   true,  false},
        {1025, 1024, false, true },
        {1,    1023, true,  true },
        {1,    1024, true,  false},
        {0,    5,    true,  true },
    };

    char out[2048] = {0};
    char errors[2048] = {0};
    struct shop shop = {0};
    shop_make_tree();
    sh("head -c 3000 /dev/zero | tr '\\0' o >out.0; head -c 3000 /dev/zero | tr '\\0' e >err.0");
    shop_open(&shop, "one");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct outcome outcome = passed();
        memset(out, 'o', sizeof out);
        memset(errors, 'e', sizeof errors);
        out[list[i].out] = '\0';
        errors[list[i].err] = '\0';
        outcome.out = (struct capture){.file = "out.0", .offset = i, .len = list[i].out};
        outcome.err = (struct capture){.file = "err.0", .offset = i, .len = list[i].err};
        shop.key.bytes[0] = (unsigned char)i;
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
        assert_int_equal(shop_ask(&shop), REUSE_HIT);
        const struct reuse_decision *hit = &shop.decision;
        if ((hit->out == NULL) != list[i].out_inside || (hit->err == NULL) != list[i].err_inside) {
            fail_msg("%zu", i);
        }
        assert_output(&shop, hit->out_text, hit->out_len, hit->out, out);
        assert_output(&shop, hit->err_text, hit->err_len, hit->err, errors);
    }
    shop_close(&shop);
}

TEST(output_with_cases_beside_it_is_content_of_its_own)
{
    static const struct test_case item = {.name = "adds", .status = OUTCOME_PASSED};
    struct shop shop = {0};
    struct outcome outcome = passed();
    shop_make_tree();
    sh("printf 'said more' >out.0");
    outcome.cases = (struct case_list){&item, 1};
    outcome.out = (struct capture){.file = "out.0", .len = 4};
    outcome.err = (struct capture){.file = "out.0", .offset = 5, .len = 4};
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_end(&shop, &outcome, NULL), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_string_equal(fetched(&shop, shop.decision.out), "said");
    assert_string_equal(fetched(&shop, shop.decision.err), "more");
    shop_close(&shop);
}

/* ---- products and artifacts ---- */

static void make_folders(void)
{
    sh("mkdir -p out/lib art/empty; echo object >out/lib/a.o; ln -s lib/a.o out/link; "
       "echo report >art/report; echo more >art/more");
}

static void assert_whole(struct shop *shop)
{
    struct err err = {0};
    const struct reuse_decision *hit = &shop->decision;
    assert_int_equal(hit->products->count, 3);
    assert_int_equal(hit->artifacts->count, 3);
    sh("rm -rf back");
    if (reuse_restore(shop->reuse, hit->products, at("back/out"), &err) != 0
        || reuse_restore_artifacts(shop->reuse, hit->artifacts, at("back/art"), &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(
        sh_out("cd back; cat out/link art/report art/more; ls -d art/empty out/lib"),
        "object\nreport\nmore\nart/empty\nout/lib");
    assert_int_equal(strlen(fetched(shop, hit->out)), 2000);
}

/* Cleaning removes content that no evidence names: what a unit left has to be named, all of it. */
TEST(whatever_evidence_brings_is_kept_when_the_store_is_cleaned)
{
    struct shop shop = {0};
    struct outcome outcome = passed();
    struct evidence_cleaned cleaned = {0};
    struct err err = {0};
    shop_make_tree();
    make_folders();
    sh("head -c 2000 /dev/zero | tr '\\0' o >out.0");
    outcome.out = (struct capture){.file = "out.0", .len = 2000};
    shop_open(&shop, "one");
    assert_int_equal(ask_for_artifacts(&shop), REUSE_RUN);
    assert_int_equal(end_with(&shop, &outcome, "out", "art"), 1);
    assert_int_equal(ask_for_artifacts(&shop), REUSE_HIT);
    assert_whole(&shop);
    reuse_picture_end(shop.reuse);
    sh("find cache/blobs -type f -exec touch -d 2001-01-01 {} +");
    assert_int_equal(evidence_gc(shop.reuse->store, UINT64_MAX / 2, &cleaned, &err), 0);
    assert_int_equal(cleaned.rows, 0);
    assert_int_equal(cleaned.blobs, 0);
    assert_int_equal(ask_for_artifacts(&shop), REUSE_HIT);
    assert_whole(&shop);
    shop_close(&shop);
}

TEST(a_unit_that_left_no_artifacts_is_answered_without_any)
{
    struct shop shop = {0};
    const struct outcome outcome = passed();
    shop_make_tree();
    sh("mkdir none");
    shop_open(&shop, "one");
    for (unsigned i = 0; i < 2; i++) {
        shop.key.bytes[0] = (unsigned char)i;
        assert_int_equal(ask_for_artifacts(&shop), REUSE_RUN);
        assert_int_equal(end_with(&shop, &outcome, "none", i == 0 ? "none" : "nowhere"), 1);
        assert_int_equal(ask_for_artifacts(&shop), REUSE_HIT);
        assert_null(shop.decision.artifacts);
        assert_null(shop.decision.products);
    }
    shop_close(&shop);
}

/* Folders that lie there although nobody asked for artifacts are none. */
TEST(artifacts_that_were_not_asked_for_are_not_kept)
{
    struct shop shop = {0};
    const struct outcome outcome = passed();
    const struct hash report = hash_bytes("report\n", 7);
    shop_make_tree();
    make_folders();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(end_with(&shop, &outcome, "out", "art"), 1);
    assert_false(blobs_has(shop.reuse->blobs, &report));
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.products->count, 3);
    assert_null(shop.decision.artifacts);
    assert_int_equal(ask_for_artifacts(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_ARTIFACTS);
    assert_int_equal(end_with(&shop, &outcome, "out", "art"), 1);
    assert_int_equal(ask_for_artifacts(&shop), REUSE_HIT);
    assert_int_equal(shop.decision.artifacts->count, 3);
    shop_close(&shop);
}

/* A failure has artifacts (that is what they are for), but no products. */
TEST(a_failure_keeps_its_artifacts_and_no_products)
{
    struct shop shop = {.attribute = true};
    struct outcome outcome = passed();
    shop_make_tree();
    make_folders();
    outcome.status = OUTCOME_FAILED;
    outcome.exit_code = 1;
    shop_open(&shop, "one");
    assert_int_equal(ask_for_artifacts(&shop), REUSE_RUN);
    assert_int_equal(end_with(&shop, &outcome, "out", "art"), 1);
    assert_int_equal(ask_for_artifacts(&shop), REUSE_HIT);
    assert_null(shop.decision.products);
    assert_int_equal(shop.decision.artifacts->count, 3);
    shop_close(&shop);
}

/* ---- what cannot be kept ---- */

TEST(a_folder_of_products_or_artifacts_that_cannot_be_read_is_an_error)
{
    struct shop shop = {0};
    const struct outcome outcome = passed();
    shop_make_tree();
    sh("echo >file; mkdir out");
    shop_open(&shop, "one");
    for (unsigned i = 0; i < 2; i++) {
        struct err err = {0};
        const struct reuse_result result = {.outcome = &outcome,
                                            .run_dir = test_folder(),
                                            .folder = at(i == 0 ? "file" : "out"),
                                            .artifacts = at(i == 0 ? "out" : "file")};
        assert_int_equal(ask_for_artifacts(&shop), REUSE_RUN);
        assert_int_equal(
            reuse_record(shop.reuse, shop.decision.lease, &result, shop.arena, &shop.why, &err),
            -ENOTDIR);
        assert_non_null(strstr(err.text, "cannot read the folder of products "));
        assert_null(shop.reuse->leases);
    }
    shop_close(&shop);
}
