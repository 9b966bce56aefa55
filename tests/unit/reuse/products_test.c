/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

static void make_products(void)
{
    sh("mkdir -p out/lib/empty; echo object >out/lib/a.o; printf prog >out/prog; chmod 750 out/prog; "
       "ln -s lib/a.o out/link; echo x >\"out/$(printf 'n\\n\\377')\"; mkfifo out/pipe");
}

static const struct manifest *read_out(struct shop *shop, const char *folder, bool keep)
{
    const struct manifest *products = NULL;
    struct err err = {0};
    if (reuse_read_products(shop->reuse, at(folder), keep, shop->arena, &products, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return products;
}

static void assert_same(const struct manifest *a, const struct manifest *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->items[i].path, b->items[i].path);
        assert_int_equal(a->items[i].mode, b->items[i].mode);
        assert_int_equal(a->items[i].size, b->items[i].size);
        assert_memory_equal(a->items[i].digest.bytes, b->items[i].digest.bytes, HASH_SIZE);
    }
}

TEST(a_folder_is_read_into_a_sorted_manifest)
{
    static const char *const paths[] = {"lib", "lib/a.o", "lib/empty", "link", "n\n\377", "prog"};
    struct shop shop = {0};
    shop_make_tree();
    make_products();
    shop_open(&shop, "run");
    const struct manifest *products = read_out(&shop, "out", false);
    assert_int_equal(products->count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(products->items[i].path, paths[i]);
    }
    struct hash content = hash_bytes("object\n", 7);
    struct hash target = hash_bytes("lib/a.o", 7);
    assert_int_equal(products->items[0].mode, S_IFDIR | 0755);
    assert_int_equal(products->items[1].mode, S_IFREG | 0644);
    assert_int_equal(products->items[1].size, 7);
    assert_memory_equal(products->items[1].digest.bytes, content.bytes, HASH_SIZE);
    assert_int_equal(products->items[3].mode, S_IFLNK | 0777);
    assert_memory_equal(products->items[3].digest.bytes, target.bytes, HASH_SIZE);
    assert_int_equal(products->items[5].mode, S_IFREG | 0755);
    assert_false(blobs_has(shop.reuse->blobs, &content));
    assert_same(products, read_out(&shop, "out", true));
    assert_true(blobs_has(shop.reuse->blobs, &content));
    shop_close(&shop);
}

TEST(products_are_made_again_as_they_were)
{
    struct shop shop = {0};
    struct stat st;
    struct err err = {0};
    shop_make_tree();
    make_products();
    shop_open(&shop, "run");
    const struct manifest *products = read_out(&shop, "out", true);
    assert_int_equal(reuse_restore(shop.reuse, products, at("again"), &err), 0);
    assert_same(products, read_out(&shop, "again", false));
    static const char *const nodes[] = {"again", "again/lib", "again/lib/a.o", "again/link"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(lstat(at(nodes[i]), &st), 0);
        assert_int_equal(st.st_mtime, GIT_MTIME);
    }
    assert_string_equal(sh_out("cat again/link; stat -c %a again/prog"), "object\n755");
    shop_close(&shop);
}

TEST(a_manifest_that_would_write_elsewhere_is_refused)
{
    struct hash target = {0};
    struct shop shop = {0};
    struct err err = {0};
    shop_make_tree();
    sh("mkdir outside");
    shop_open(&shop, "run");
    assert_int_equal(
        blobs_put(shop.reuse->blobs, at("outside"), strlen(at("outside")), &target, &err), 0);
    struct product through_link[] = {
        {.path = "l",   .mode = S_IFLNK | 0777, .digest = target},
        {.path = "l/f", .mode = S_IFREG | 0644, .digest = target},
    };
    struct product upwards[] = {
        {.path = "../outside/f", .mode = S_IFREG | 0644, .digest = target}
    };
    const struct manifest lists[] = {
        {through_link, 2},
        {upwards,      1}
    };
    for (size_t i = 0; i < 2; i++) {
        assert_true(reuse_restore(shop.reuse, &lists[i], at("there"), &err) < 0);
        assert_string_equal(sh_out("ls outside; rm -rf there"), "");
    }
    shop_close(&shop);
}

/* An imported file may hold what no unit ever left. */
TEST(artifacts_with_a_link_that_leads_out_are_not_made)
{
    static const struct {
        const char *path;
        const char *target;
        bool inside;
    } links[] = {
        {"l",   "f",           true },
        {"d/l", "../f",        true },
        {"d/l", "../../f",     false},
        {"l",   "/etc/passwd", false},
        {"l",   "d/../../f",   false},
        {"l",   "..",          false},
    };
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct err err = {0};
        struct hash target = {0};
        const char *text = links[i].target;
        assert_int_equal(blobs_put(shop.reuse->blobs, text, strlen(text), &target, &err), 0);
        struct product item = {.path = links[i].path, .mode = S_IFLNK | 0777, .digest = target};
        const struct manifest list = {&item, 1};
        int rc = reuse_restore_artifacts(shop.reuse, &list, at("there"), &err);
        assert_int_equal(rc, links[i].inside ? 0 : -EBADMSG);
        assert_string_equal(sh_out("find there -type l 2>/dev/null | wc -l"),
                            links[i].inside ? "1" : "0");
        sh("rm -rf there");
    }
    shop_close(&shop);
}

TEST(a_manifest_comes_back_from_its_bytes_and_damaged_ones_are_refused)
{
    struct shop shop = {0};
    struct err err = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    struct manifest again = {0};
    shop_make_tree();
    make_products();
    shop_open(&shop, "run");
    const struct manifest *products = read_out(&shop, "out", false);
    assert_int_equal(manifest_encode(products, &text), 0);
    assert_int_equal(manifest_decode(str_text(&text), text.len, shop.arena, &again, &err), 0);
    assert_same(products, &again);
    for (size_t cut = 0; cut < text.len; cut++) {
        int rc = manifest_decode(str_text(&text), cut, shop.arena, &again, &err);
        assert_true(rc == -EBADMSG || rc == 0); /* 0: cut between two records, or behind the head */
    }
    for (size_t i = 0; i < text.len; i++) {
        char *at_byte = text.data + i;
        *at_byte ^= 1;
        (void)manifest_decode(str_text(&text), text.len, shop.arena, &again, &err);
        *at_byte ^= 1;
    }
    static const char *const bad[] = {
        "",
        "sluice-manifest 2\n",
        "sluice-manifest 1\n100644 1 short a",
        "sluice-manifest 1\n104755 1 "
        "0000000000000000000000000000000000000000000000000000000000000000 a",
        "sluice-manifest 1\n100644 1 "
        "0000000000000000000000000000000000000000000000000000000000000000 ../a",
        "sluice-manifest 1\n100644 1 "
        "000000000000000000000000000000000000000000000000000000000000000g a",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(manifest_decode(bad[i], strlen(bad[i]) + 1, shop.arena, &again, &err),
                         -EBADMSG);
    }
    shop_close(&shop);
}

static int earn_with(struct shop *shop, const struct manifest *products)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    const struct trace trace = {.items = &asked, .count = 1};
    const struct outcome outcome = {
        .attempt = 1, .trace = &trace, .started_ms = INT64_MAX / 2000000};
    return shop_end(shop, &outcome, products);
}

TEST(a_hit_brings_products_and_lost_ones_make_it_run)
{
    struct shop shop = {0};
    struct err err = {0};
    shop_make_tree();
    make_products();
    shop_open(&shop, "one");
    const struct manifest *products = read_out(&shop, "out", true);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(earn_with(&shop, products), 1);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_same(products, shop.decision.products);
    assert_int_equal(blobs_remove(shop.reuse->blobs, &products->items[1].digest, &err), 0);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop.decision.reason, REUSE_REASON_DAMAGED);
    shop_close(&shop);
}

/* The folder of a unit that has outputs is made when it passes. A failure was refused for want of
 * it, so that no failure spoke against an earlier pass with the same inputs. */
TEST(a_failure_of_what_has_products_is_kept_and_speaks_against_a_pass)
{
    static const char *const reads_a[] = {"C/src/src/a.c", NULL};
    struct shop shop = {.folder = at("nowhere")};
    shop_make_tree();
    shop_open(&shop, "one");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_FAILED), 1);
    shop_close(&shop);
    make_products();
    shop.folder = at("out");
    shop_open(&shop, "two");
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, reads_a, OUTCOME_PASSED), 1);
    const char *note = reuse_take_note(shop.reuse);
    assert_non_null(note);
    assert_non_null(strstr(note, "is flaky, proven"));
    shop_close(&shop);
}

TEST(what_a_consumer_reads_of_products_decides)
{
    static const char *const asks[] = {"C/src/lib/a.o", NULL};
    struct shop shop = {0};
    shop_make_tree();
    make_products();
    shop_open(&shop, "one");
    shop.products = read_out(&shop, "out", false);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 1);
    sh("printf other >out/prog");
    shop.products = read_out(&shop, "out", false);
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    sh("echo changed >out/lib/a.o");
    shop.products = read_out(&shop, "out", false);
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    shop_drop(&shop);
    shop_close(&shop);
}

TEST(deep_fingerprints_are_of_key_answers_and_producers)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    struct hash producers[2] = {{{1}}, {{2}}};
    struct hash deep[6];
    struct shop shop = {0};
    struct err err = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "one");
    struct reuse_state *state = shop_state(&shop);
    assert_int_equal(reuse_deep(shop.reuse, state, &shop.key, producers, 2, &deep[0], &err), 0);
    assert_int_equal(reuse_deep(shop.reuse, state, &shop.key, producers, 1, &deep[1], &err), 0);
    struct hash other = shop.key;
    other.bytes[3] ^= 1;
    assert_int_equal(reuse_deep(shop.reuse, state, &other, producers, 2, &deep[2], &err), 0);
    sh("echo new >r/src/b.c");
    shop_snapshot(&shop);
    assert_int_equal(
        reuse_deep(shop.reuse, shop_state(&shop), &shop.key, producers, 2, &deep[3], &err), 0);
    assert_int_equal(
        reuse_deep(shop.reuse, shop_state(&shop), &other, producers, 2, &deep[4], &err), 0);
    sh("echo new >r/src/a.c");
    shop_snapshot(&shop);
    assert_int_equal(
        reuse_deep(shop.reuse, shop_state(&shop), &shop.key, producers, 2, &deep[5], &err), 0);
    assert_memory_not_equal(deep[0].bytes, deep[1].bytes, HASH_SIZE);
    assert_memory_not_equal(deep[0].bytes, deep[2].bytes, HASH_SIZE);
    assert_memory_equal(deep[0].bytes, deep[3].bytes, HASH_SIZE); /* b.c is not asked for */
    assert_memory_not_equal(
        deep[2].bytes, deep[4].bytes, HASH_SIZE); /* nothing known: whole state */
    assert_memory_not_equal(deep[0].bytes, deep[5].bytes, HASH_SIZE);
    shop_close(&shop);
}
