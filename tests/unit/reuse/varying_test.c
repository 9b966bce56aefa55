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

/* Which of the products that differ are told to a unit that asks this, each with a blank in front;
 * afterwards none counts as told. */
static const char *told_to(struct shop *shop, const char *asked)
{
    static char told[1000];
    const struct observation question = {(enum observation_kind)asked[0], asked + 1};
    const struct reuse_lease lease = {.state = shop_state(shop), .unit = "u"};
    varying_judge(shop->reuse, &lease, &question, 1);
    while (reuse_take_note(shop->reuse) != NULL) {
    }
    told[0] = '\0';
    for (size_t i = 0; i < shop->reuse->varying.count; i++) {
        struct varying *varying = &shop->reuse->varying.items[i];
        if (varying->told) {
            (void)strcat(strcat(told, " "), varying->path);
        }
        varying->told = false;
    }
    return told;
}

TEST(each_kind_of_question_is_told_what_changes_its_answer)
{
    static const struct {
        const char *asked;
        const char *told;
    } list[] = {
        {"C/src/same/f",     " same/f"    }, /* other content of the same length */
        {"R/src/same/f",     " same/f"    },
        {"R/src/same",       " same/f"    },
        {"T/src/same/f",     ""           },
        {"L/src/same/f",     ""           },
        {"X/src/same/f",     ""           },
        {"D/src/same/f",     ""           },
        {"D/src/same",       ""           },
        {"C/src/same",       ""           },
        {"R/src/sam",        ""           },
        {"R/src/same/f/g",   ""           },
        {"R/src/s",          ""           },
        {"R/src/sama",       ""           },
        {"T/src/exec/f",     " exec/f"    },
        {"X/src/exec/f",     ""           },
        {"D/src/exec",       ""           },
        {"T/src/link/f",     ""           }, /* another target of the same length */
        {"L/src/link/f",     " link/f"    },
        {"X/src/link/f",     ""           },
        {"C/src/new/f",      " new/f"     },
        {"T/src/new/f",      " new/f"     },
        {"L/src/new/f",      " new/f"     },
        {"X/src/new/f",      " new/f"     },
        {"D/src/new/f",      " new/f"     },
        {"D/src/new",        " new/f"     },
        {"X/src/new",        ""           },
        {"T/src/new",        ""           },
        {"C/src/new",        ""           },
        {"C/src/gone/f",     " gone/f"    },
        {"L/src/gone/f",     " gone/f"    },
        {"X/src/gone/f",     " gone/f"    },
        {"D/src/gone",       " gone/f"    },
        {"X/src/folder/f",   " folder/f"  }, /* was a file */
        {"T/src/folder/f",   " folder/f"  },
        {"L/src/folder/f",   " folder/f"  },
        {"D/src/folder/f",   " folder/f"  },
        {"D/src/folder",     " folder/f"  },
        {"L/src/linked/f",   " linked/f"  }, /* was a file */
        {"L/src/unlinked/f", " unlinked/f"}, /* was a link */
        {"X/src/unlinked/f", " unlinked/f"},
        {"D/src/deep/er",    " deep/er/f" },
        {"D/src/deep",       ""           },
        {"R/src/deep",       " deep/er/f" },
        {"D/src",            " top"       },
        {"X/src/same/other", ""           },
        {"Rsame",            ""           }, /* not of this world */
        {"R/srcsame/f",      ""           },
        {"R/usr/same/f",     ""           },
        {"R/src",
         " deep/er/f exec/f folder/f gone/f link/f linked/f new/f same/f top "
         "unlinked/f"                     },
    };

    struct shop shop = {0};
    make_twice(
        &shop,
        "cd out; rm -r build; mkdir same exec link new gone folder linked unlinked; "
        "mkdir -p deep/er; for d in *; do echo >$d/other; done; echo 1 >same/f; echo >exec/f; "
        "ln -s a link/f; echo >gone/f; echo >folder/f; echo >linked/f; ln -s a unlinked/f",
        "cd out; echo 2 >same/f; chmod +x exec/f; ln -sf b link/f; echo >new/f; rm gone/f; "
        "rm folder/f; mkdir folder/f; ln -sf a linked/f; rm unlinked/f; echo >unlinked/f; "
        "echo >deep/er/f; echo >top");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *told = told_to(&shop, list[i].asked);
        if (strcmp(told, list[i].told) != 0) {
            fail_msg("%s: told of '%s', not '%s'", list[i].asked, told, list[i].told);
        }
    }
    shop_close(&shop);
}

TEST(what_came_went_and_changed_is_found_whatever_stands_between)
{
    static const struct {
        const char *path;
        bool there;
        bool came_or_went;
    } list[] = {
        {"a", true,  true },
        {"b", false, true },
        {"d", true,  false},
        {"f", false, true },
        {"g", true,  true },
        {"j", false, true },
        {"k", true,  true },
        {"l", true,  true },
    };

    struct shop shop = {0};
    make_twice(&shop,
               "cd out; rm -r build; for i in b c d f h j; do echo 1 >$i; done",
               "cd out; rm b f j; echo >a; echo 2 >d; echo >g; echo >k; echo >l");
    assert_int_equal(shop.reuse->varying.count, sizeof list / sizeof list[0]);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct varying *varying = &shop.reuse->varying.items[i];
        assert_string_equal(varying->path, list[i].path);
        assert_string_equal(varying->unit, "the unit");
        assert_int_equal(varying->there, list[i].there);
        assert_int_equal(varying->came_or_went, list[i].came_or_went);
        assert_false(varying->type);
        assert_false(varying->size);
    }
    shop_close(&shop);
}

TEST(a_unit_that_left_nothing_before_is_told_for_all_it_leaves)
{
    struct shop shop = {0};
    make_twice(&shop, "rm -r out/*", "echo >out/a; echo >out/b");
    assert_string_equal(told_to(&shop, "R/src"), " a b");
    shop_close(&shop);
    sh("rm -r r plugins cache");
    make_twice(&shop, "rm -r out/*; echo >out/a; echo >out/b", "rm out/a; rm out/b");
    assert_int_equal(shop.reuse->varying.count, 2);
    assert_string_equal(told_to(&shop, "R/src"), ""); /* in a world without products nobody knows */
    shop_close(&shop);
}

/* What it left before is not known any more. */
TEST(nothing_is_told_when_what_was_left_before_is_lost)
{
    struct shop shop = {0};
    make_twice(&shop, "echo 1 >out/build/log", "echo 2 >out/build/log; rm -r cache/blobs/??");
    assert_int_equal(shop.reuse->varying.count, 0);
    shop_close(&shop);
}

TEST(what_differs_is_not_counted_without_end)
{
    struct shop shop = {0};
    make_twice(&shop,
               "cd out; rm -r build; for i in $(seq -f %04g 999); do echo 1 >f$i; done; echo >x",
               "cd out; for i in $(seq -f %04g 999); do echo 2 >f$i; done; rm x; echo >y; echo >z");
    assert_int_equal(shop.reuse->varying.count, 1000);
    assert_string_equal(shop.reuse->varying.items[998].path, "f0999");
    assert_string_equal(told_to(&shop, "C/src/x"), " x");
    assert_string_equal(told_to(&shop, "C/src/y"), "");
    shop_close(&shop);
}

TEST(one_question_of_many_is_enough_and_one_product_beside_it)
{
    const struct observation asked[] = {
        {OBSERVE_EXISTS, "/src/kept"},
        {OBSERVE_EXISTS, "/src/gone"},
        {OBSERVE_EXISTS, "/src/none"},
    };
    struct shop shop = {0};
    make_twice(&shop, "cd out; rm -r build; echo >gone; echo >kept", "rm out/gone");
    assert_int_equal(shop.products->count, 1);
    const struct reuse_lease lease = {.state = shop_state(&shop), .unit = "u"};
    varying_judge(shop.reuse, &lease, asked, 1);
    assert_null(reuse_take_note(shop.reuse));
    varying_judge(shop.reuse, &lease, asked, 3);
    assert_non_null(reuse_take_note(shop.reuse));
    shop_close(&shop);
}

TEST(what_nobody_gave_a_name_is_told_as_a_unit)
{
    const struct observation asked = {OBSERVE_CONTENT, "/src/build/log"};
    struct shop shop = {0};
    make_twice(&shop, "echo 1 >out/build/log", "echo 2 >out/build/log");
    const struct reuse_lease lease = {.state = shop_state(&shop)};
    varying_judge(shop.reuse, &lease, &asked, 0); /* asks nothing */
    assert_null(reuse_take_note(shop.reuse));
    varying_judge(shop.reuse, &lease, &asked, 1);
    assert_string_equal(reuse_take_note(shop.reuse),
                        "the unit leaves something else each time: build/log differs with the same "
                        "inputs, and a unit reads it");
    shop_close(&shop);
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
