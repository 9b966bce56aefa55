/* SPDX-License-Identifier: Apache-2.0 */
/* Products are read from a folder and made again in another one: what is taken, what is refused. */
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/shop.h"
#include "support/test.h"

static struct hash put(struct shop *shop, const char *bytes, size_t len)
{
    struct hash digest = {0};
    assert_int_equal(blobs_put(shop->reuse->blobs, bytes, len, &digest, NULL), 0);
    return digest;
}

static const struct manifest *read_folder(struct shop *shop, const char *folder, bool keep)
{
    const struct manifest *products = NULL;
    struct err err = {0};
    if (reuse_read_products(shop->reuse, at(folder), keep, shop->arena, &products, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return products;
}

/* ---- reading ---- */

TEST(each_bit_that_lets_execute_makes_a_program)
{
    struct shop shop = {0};
    shop_make_tree();
    sh("mkdir out; cd out; for m in 744 654 645; do echo >x$m; chmod $m x$m; done; for m in 644 600; do "
       "echo >$m; chmod $m $m; done");
    shop_open(&shop, "run");
    for (int keep = 0; keep < 2; keep++) {
        const struct manifest *products = read_folder(&shop, "out", keep == 1);
        assert_int_equal(products->count, 5);
        for (size_t i = 0; i < 5; i++) {
            const struct product *item = &products->items[i];
            assert_int_equal(item->mode, S_IFREG | (item->path[0] == 'x' ? 0755 : 0644));
            assert_int_equal(item->size, 1);
        }
    }
    shop_close(&shop);
}

TEST(a_long_product_is_read_to_its_end)
{
    static char zeros[200001];
    struct shop shop = {0};
    const struct hash expected = hash_bytes(zeros, sizeof zeros);
    shop_make_tree();
    sh("mkdir out; head -c 200001 /dev/zero >out/long; : >out/empty");
    shop_open(&shop, "run");
    for (int keep = 0; keep < 2; keep++) {
        const struct manifest *products = read_folder(&shop, "out", keep == 1);
        assert_int_equal(products->count, 2);
        assert_int_equal(products->items[0].size, 0);
        assert_int_equal(products->items[1].size, sizeof zeros);
        assert_memory_equal(products->items[1].digest.bytes, expected.bytes, HASH_SIZE);
        assert_int_equal(blobs_has(shop.reuse->blobs, &expected), keep);
    }
    shop_close(&shop);
}

TEST(a_link_is_its_target_and_leads_nowhere)
{
    struct shop shop = {0};
    const struct hash target = hash_bytes("../elsewhere", 12);
    shop_make_tree();
    sh("mkdir out elsewhere; echo x >elsewhere/f; ln -s ../elsewhere out/l");
    shop_open(&shop, "run");
    for (int keep = 0; keep < 2; keep++) {
        const struct manifest *products = read_folder(&shop, "out", keep == 1);
        assert_int_equal(products->count, 1);
        assert_int_equal(products->items[0].size, 12);
        assert_memory_equal(products->items[0].digest.bytes, target.bytes, HASH_SIZE);
        assert_int_equal(blobs_has(shop.reuse->blobs, &target), keep);
    }
    shop_close(&shop);
}

TEST(a_folder_that_is_none_is_an_error_and_an_empty_one_an_empty_list)
{
    static const char *const names[] = {"missing", "file"};
    struct shop shop = {0};
    shop_make_tree();
    sh("mkdir empty; echo >file");
    shop_open(&shop, "run");
    assert_int_equal(read_folder(&shop, "empty", true)->count, 0);
    for (size_t i = 0; i < 2; i++) {
        const struct manifest *products = NULL;
        struct err err = {0};
        assert_true(reuse_read_products(shop.reuse, at(names[i]), true, shop.arena, &products, &err)
                    < 0);
        assert_null(products);
        assert_non_null(strstr(err.text, "cannot read the folder of products "));
        assert_non_null(strstr(err.text, names[i]));
    }
    shop_close(&shop);
}

/* ---- making ---- */

TEST(what_is_made_has_the_time_and_permissions_of_the_tree)
{
    static const struct {
        const char *path;
        mode_t mode;
    } list[] = {
        {"there",       S_IFDIR | 0755},
        {"there/x",     S_IFDIR | 0755},
        {"there/x/y",   S_IFDIR | 0755},
        {"there/x/y/f", S_IFREG | 0644},
        {"there/x/run", S_IFREG | 0755},
        {"there/x/l",   S_IFLNK | 0777},
        {"there/z",     S_IFDIR | 0755},
    };
    struct shop shop = {0};
    struct stat st;
    struct err err = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    struct product items[] = {
        {.path = "x/l",   .mode = S_IFLNK | 0777,          .digest = put(&shop, "y/f", 3)},
        {.path = "x/run",          .mode = S_IFREG | 0755,                                       .digest = put(&shop, "run", 3)},
        {.path = "x/y/f", .mode = S_IFREG | 0644, .digest = put(&shop, "content", 7)},
        {.path = "z",          .mode = S_IFDIR | 0755                                      },
    };
    const struct manifest products = {items, 4};
    assert_int_equal(reuse_restore(shop.reuse, &products, at("there"), &err), 0);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        assert_int_equal(lstat(at(list[i].path), &st), 0);
        if (st.st_mode != list[i].mode || st.st_mtime != GIT_MTIME) {
            fail_msg("%s: %o, %lld", list[i].path, st.st_mode, (long long)st.st_mtime);
        }
    }
    assert_string_equal(sh_out("cat there/x/l; cat there/x/run"), "contentrun");
    shop_close(&shop);
}

TEST(what_stands_in_the_way_is_never_written_over)
{
    static const struct {
        const char *before; /* what is there */
        const char *path;
        mode_t mode;
        const char *told; /* NULL = it does no harm */
        const char *after;
    } list[] = {
        {"echo old >there/f",                                   "f",   S_IFREG | 0644, "cannot make the product f",     "cat there/f"            },
        {"echo old >there/f",                                   "f",   S_IFLNK | 0777, "cannot make the product f",     "cat there/f"            },
        {"echo old >old; ln -s ../old there/f",
         "f",                                                          S_IFREG | 0644,
         "cannot make the product f",                                                                                   "cat old"                },
        {"echo old >there/d",
         "d/f",                                                        S_IFREG | 0644,
         "cannot make the folder of d/f",                                                                               "cat there/d"            },
        {"mkdir away; ln -s ../away there/d; echo old >away/o",
         "d/f",                                                        S_IFREG | 0644,
         "cannot make the folder of d/f",                                                                               "cat away/*"             },
        {"mkdir there/d; echo old >there/d/o",                  "d",   S_IFDIR | 0755, NULL,                            "cat there/d/o"          },
        {"mkdir there/d; echo old >there/d/o",                  "d/f", S_IFREG | 0644, NULL,                            "cat there/d/o"          },
        {"echo old >there/o",
         "../f",                                                       S_IFREG | 0644,
         "../f is no path inside the tree",                                                                             "[ ! -e f ]; cat there/o"},
        {"echo old >there/o",                                   "/f",  S_IFREG | 0644, "/f is no path inside the tree", "cat there/o"            },
    };
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct err err = {0};
        struct product item = {
            .path = list[i].path, .mode = list[i].mode, .digest = put(&shop, "new", 3)};
        const struct manifest products = {&item, 1};
        sh("rm -rf there away old; mkdir there");
        sh(list[i].before);
        int rc = reuse_restore(shop.reuse, &products, at("there"), &err);
        if ((rc == 0) != (list[i].told == NULL)
            || (rc < 0 && strstr(err.text, list[i].told) == NULL)) {
            fail_msg("%zu: %d %s", i, rc, err.text);
        }
        assert_string_equal(sh_out(list[i].after), "old");
    }
    shop_close(&shop);
}

TEST(a_folder_that_cannot_be_made_is_an_error)
{
    struct product item = {.path = "d", .mode = S_IFDIR | 0755};
    const struct manifest products = {&item, 1};
    struct shop shop = {0};
    struct err err = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    sh("echo >file; mkdir there; echo >there/d");
    assert_true(reuse_restore(shop.reuse, &products, at("file/d"), &err) < 0);
    assert_true(err.text[0] != '\0');
    char name[257]; /* longer than any file system has them */
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    item.path = name;
    assert_int_equal(reuse_restore(shop.reuse, &products, at("there"), &err), -ENAMETOOLONG);
    assert_non_null(strstr(err.text, "cannot make the folder nnn"));
    item.path = "d/e";
    assert_int_equal(reuse_restore(shop.reuse, &products, at("there"), &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "cannot make the folder of d/e: Not a directory"));
    shop_close(&shop);
}

TEST(lost_content_is_named_by_the_product_it_was)
{
    static const struct {
        mode_t mode;
        bool artifact;
        const char *told;
    } list[] = {
        {S_IFREG | 0644, false, "the product d/x: " },
        {S_IFLNK | 0777, false, "the product d/x: " },
        {S_IFLNK | 0777, true,  "the artifact d/x: "},
    };
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct err err = {0};
        struct product item = {
            .path = "d/x", .mode = list[i].mode, .digest = hash_bytes("never stored", 12)};
        const struct manifest products = {&item, 1};
        int rc = list[i].artifact
                     ? reuse_restore_artifacts(shop.reuse, &products, at("there"), &err)
                     : reuse_restore(shop.reuse, &products, at("there"), &err);
        assert_int_equal(rc, -ENOENT);
        if (strstr(err.text, list[i].told) == NULL) {
            fail_msg("%zu: %s", i, err.text);
        }
    }
    shop_close(&shop);
}

/* The name that is looked at and the one that is made end at the same byte. */
TEST(a_link_of_artifacts_with_a_nul_in_its_target_is_refused)
{
    struct shop shop = {0};
    struct err err = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    struct product items[] = {
        {.path = "a",
         .mode = S_IFREG | 0644,
         .digest = put(&shop,                                      "/etc/passwd", 11)}, /* no link */
        {.path = "l", .mode = S_IFLNK | 0777, .digest = put(&shop, "a\0b",        3) },
    };
    struct manifest artifacts = {items, 2};
    assert_int_equal(reuse_restore_artifacts(shop.reuse, &artifacts, at("there"), &err), -EBADMSG);
    assert_string_equal(err.text, "the artifact l is a link that leads out");
    assert_string_equal(sh_out("ls there 2>/dev/null || true"), "");
    artifacts.count = 1;
    assert_int_equal(reuse_restore_artifacts(shop.reuse, &artifacts, at("there"), &err), 0);
    shop_close(&shop);
}
