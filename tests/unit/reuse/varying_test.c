/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit leaves otherwise each time is told when a unit reads it, and not before. */
#include "base/cleanup.h"
#include "base/text.h"
#include "reuse/reuse.h"
#include "reuse/reuse_impl.h"

#include <stdio.h>
#include <string.h>

#include "support/shop.h"
#include "support/test.h"

static const char *const reads_a[] = {"C/src/src/a.c", NULL};

/* The unit that makes: `folder` is what it leaves, from the same inputs as before. */
static void make(struct shop *shop)
{
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/out", test_folder());
    struct err err = {0};
    shop->key = hash_bytes("maker", 5);
    shop->products = NULL;
    shop->folder = folder;
    assert_int_equal(shop_ask(shop), REUSE_RUN);
    assert_int_equal(shop_run(shop, reads_a, OUTCOME_PASSED), 1);
    shop->folder = NULL;
    if (reuse_read_products(shop->reuse, folder, false, shop->arena, &shop->products, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

/* Another unit, in a world in which all that was made is seen. */
static const char *note_of_reader(struct shop *shop, const char *asked)
{
    const char *const questions[] = {asked, NULL};
    shop->key = hash_bytes(asked, strlen(asked));
    assert_int_equal(shop_ask(shop), REUSE_RUN);
    (void)shop_run(shop, questions, OUTCOME_PASSED);
    return reuse_take_note(shop->reuse);
}

static void make_twice(struct shop *shop, const char *first, const char *second)
{
    shop_make_tree();
    sh("mkdir -p out/build/sub; echo same >out/build/config.h; echo x >out/build/sub/y");
    sh(first);
    shop_open(shop, "first");
    make(shop);
    shop_close(shop);
    sh(second);
    const struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "two", .hits_off = true};
    shop_open_as(shop, &options);
    make(shop);
}

TEST(a_log_that_nobody_reads_may_differ_each_time)
{
    struct shop shop = {0};
    make_twice(&shop, "echo 1 >out/build/log", "echo 22 >out/build/log");
    assert_null(reuse_take_note(shop.reuse));
    assert_null(note_of_reader(&shop, "C/src/build/config.h"));
    assert_null(note_of_reader(&shop, "D/src/build"));
    assert_null(note_of_reader(&shop, "X/src/build/log"));
    assert_null(note_of_reader(&shop, "R/src/build/sub"));
    assert_null(note_of_reader(&shop, "C/src/src/b.c"));
    shop_close(&shop);
}

TEST(what_differs_is_told_once_when_a_unit_reads_it)
{
    static const struct {
        const char *first;
        const char *second;
        const char *asked;
        const char *path;
    } list[] = {
        {"echo 1 >out/build/log", "echo 2 >out/build/log",             "C/src/build/log", "build/log" },
        {"echo 1 >out/build/log", "echo 22 >out/build/log",            "T/src/build/log", "build/log" },
        {"echo 1 >out/build/log", "echo 2 >out/build/log",             "R/src/build",     "build/log" },
        {"echo 1 >out/build/log", "echo 2 >out/build/log",             "R/src",           "build/log" },
        {"ln -s a out/build/l",   "ln -sf b out/build/l",              "L/src/build/l",   "build/l"   },
        {"echo >out/build/tmp1",  "mv out/build/tmp1 out/build/tmp2",  "D/src/build",     "build/tmp1"},
        {"true",                  "echo >out/build/new",               "X/src/build/new", "build/new" },
        {"echo >out/build/old",   "rm out/build/old",                  "X/src/build/old", "build/old" },
        {"echo >out/build/f",     "rm out/build/f; mkdir out/build/f", "X/src/build/f",   "build/f"   },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct shop shop = {0};
        char expected[300];
        sh("rm -rf r plugins cache out");
        make_twice(&shop, list[i].first, list[i].second);
        assert_null(reuse_take_note(shop.reuse));
        const char *note = note_of_reader(&shop, list[i].asked);
        (void)snprintf(expected,
                       sizeof expected,
                       "the unit leaves something else each time: %s differs with the same "
                       "inputs, and the unit reads it",
                       list[i].path);
        if (note == NULL || strcmp(note, expected) != 0) {
            fail_msg("%zu: '%s', not '%s'", i, note != NULL ? note : "(none)", expected);
        }
        const char *second = note_of_reader(&shop, "R/src/build");
        assert_true(second == NULL || strstr(second, list[i].path) == NULL);
        shop_close(&shop);
    }
}

TEST(a_path_of_that_name_in_another_world_is_another_file)
{
    struct shop shop = {0};
    make_twice(&shop, "echo 1 >out/build/log", "echo 2 >out/build/log");
    shop.products = NULL; /* it needs nothing of what was made */
    assert_null(note_of_reader(&shop, "C/src/build/log"));
    char folder[4096];
    (void)snprintf(folder, sizeof folder, "%s/else", test_folder());
    sh("mkdir -p else/build; echo other >else/build/log");
    struct err err = {0};
    assert_int_equal(
        reuse_read_products(shop.reuse, folder, false, shop.arena, &shop.products, &err), 0);
    assert_null(note_of_reader(&shop, "X/src/build/log"));
    assert_null(note_of_reader(&shop, "T/src/build/log"));
    shop_close(&shop);
}
