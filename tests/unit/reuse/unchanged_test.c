/* SPDX-License-Identifier: Apache-2.0 */
/* The same state again, and the same questions over another tree: answered without looking at
 * classes. */
#include "base/clock.h"
#include "reuse/reuse_impl.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "support/shop.h"
#include "support/test.h"

/* Was any class looked at? */
static bool looked_at_classes(struct shop *shop)
{
    return shop_state(shop)->answers != NULL;
}

TEST(an_unchanged_state_is_answered_without_looking_at_classes)
{
    static const char *const asks[] = {
        "C/src/src/a.c", "C/usr/bin/env", "X/usr/bin/no-such", "Huname", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_false(looked_at_classes(&shop));
    shop_close(&shop);
    sh("echo new >r/src/a.c");
    shop_assert_now(REUSE_RUN);
}

/* Over another tree: is it decided by what answered before, or by looking at classes? */
static void assert_carried(const char *change, enum reuse_action expected, bool carried)
{
    struct shop shop = {0};
    sh(change);
    shop_open(&shop, "other tree");
    enum reuse_action action = shop_ask(&shop);
    if (action != expected || looked_at_classes(&shop) == carried) {
        fail_msg("`%s`: decided %d: %s", change, (int)action, shop.decision.why);
    }
    shop_drop(&shop);
    shop_close(&shop);
}

TEST(what_answered_over_the_tree_before_is_carried_over_when_nothing_asked_of_differs)
{
    static const char *const asks[] = {"C/src/src/a.c",
                                       "D/src/src",
                                       "R/src/data",
                                       "T/src/run.sh",
                                       "X/src/far/off/file",
                                       "X/src/src/b.c",
                                       "X/usr/bin/no-such",
                                       NULL};

    static const struct {
        const char *change;
        enum reuse_action expected;
        bool carried;
    } list[] = {
        {"echo new >r/other",                            REUSE_HIT, true },
        {"echo new >r/src/b.c",                          REUSE_HIT, true },
        {"echo x >>r/other; mkdir r/new; echo >r/new/f", REUSE_HIT, true },
        {"mkdir r/far; echo >r/far/x",                   REUSE_HIT, true }, /* still nothing there */
        {"echo y >r/far/x",                              REUSE_HIT, true },
        {"rm -r r/far; echo >r/far",                     REUSE_RUN, false},
        {"rm r/far",                                     REUSE_HIT, true },
        {"mkdir r/data/sub; echo >r/data/sub/f",         REUSE_RUN, false},
        {"rm -r r/data/sub",                             REUSE_HIT, true },
        {"echo x >r/data/f",                             REUSE_RUN, false},
        {"echo data >r/data/f",                          REUSE_HIT, true },
        {"echo x >r/src/new",                            REUSE_RUN, false},
        {"rm r/src/new",                                 REUSE_HIT, true },
        {"chmod -x r/run.sh",                            REUSE_RUN, false},
        {"chmod +x r/run.sh",                            REUSE_HIT, true },
        {"echo '* text=auto' >r/.gitattributes",         REUSE_HIT, false}, /* may convert */
        {"echo new2 >r/other",                           REUSE_HIT, true },
        {"mv r/src r/moved; ln -s moved r/src",          REUSE_RUN, false},
    };

    shop_make_tree();
    sh("mkdir r/data; echo data >r/data/f");
    shop_earn(asks, OUTCOME_PASSED);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        assert_carried(list[i].change, list[i].expected, list[i].carried);
    }
}

TEST(the_machines_files_are_part_of_what_is_unchanged)
{
    static const char *const asks[] = {"C/sluice/plugins/p", "X/sluice/plugins/none", NULL};
    struct shop shop = {0};
    shop_make_tree();
    (void)usleep(2200000); /* stat data that is younger is not believed */
    shop_earn(asks, OUTCOME_PASSED);
    shop_open(&shop, "second");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_false(looked_at_classes(&shop));
    shop_close(&shop);
    sh("echo >plugins/none");
    shop_assert_now(REUSE_RUN);
    sh("rm plugins/none");
    shop_assert_now(REUSE_HIT);
    sh("echo q >plugins/p");
    shop_assert_now(REUSE_RUN);
    (void)usleep(2200000);
    shop_assert_now(REUSE_RUN); /* also when its stat data is believed again */
    sh("echo p >plugins/p");
    shop_assert_now(REUSE_HIT);
}

/* The run noted what had answered under the state at its end. */
TEST(what_answered_before_the_machine_changed_is_not_remembered_for_what_it_became)
{
    const char *items[] = {"dep", NULL};
    static const char *const asks[] = {"X/src/dep/env", "X/usr/bin/no-such", "Hncpu", NULL};
    struct shop shop = {
        .expose = {items, 1}
    };
    cpu_set_t all;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
        }
    }
    for (int facts = 0; facts < (CPU_COUNT(&all) > 1 ? 2 : 1); facts++) {
        sh("rm -rf r plugins cache");
        shop_make_tree();
        sh("cd r; echo dep >.gitignore; ln -s /usr/bin dep");
        shop_open(&shop, "one");
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        assert_int_equal(shop_run(&shop, asks, OUTCOME_PASSED), 1);
        if (facts == 1) {
            assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
        } else {
            sh("ln -sfn /usr/lib r/dep");
        }
        shop_close(&shop);
        shop_open(&shop, "two");
        assert_int_equal(shop_ask(&shop), REUSE_RUN);
        shop_drop(&shop);
        shop_close(&shop);
        assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    }
}

/* A unit that joins makes the list of the machine's files longer, and with it the id under which
 * what is known is kept. */
TEST(what_was_known_is_kept_when_the_list_of_the_machines_files_grows)
{
    static const char *const first[] = {"C/src/src/a.c", "X/usr/bin/no-such", NULL};
    static const char *const second[] = {"C/src/src/b.c", "X/usr/lib/no-such", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(first, OUTCOME_PASSED);
    shop_open(&shop, "second");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    shop.key.bytes[0] = 8;
    assert_int_equal(shop_ask(&shop), REUSE_RUN);
    assert_int_equal(shop_run(&shop, second, OUTCOME_PASSED), 1);
    shop_close(&shop);
    shop_open(&shop, "third");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_false(looked_at_classes(&shop));
    shop.key.bytes[0] = 8;
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    assert_false(looked_at_classes(&shop));
    shop_close(&shop);
}

TEST(reading_ahead_changes_no_decision)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    for (int change = 0; change < 2; change++) {
        shop_open(&shop, "ahead");
        reuse_read_ahead(shop.reuse);
        assert_int_equal(shop_ask(&shop), change == 0 ? REUSE_HIT : REUSE_RUN);
        shop_close(&shop);
        sh("cd r; git config core.autocrlf true");
    }
}

/* Rows that answer are touched once an hour, so that what is in use is not cleaned away. */
TEST(a_use_is_noted_when_the_last_one_is_an_hour_ago)
{
    static const char *const asks[] = {"C/src/src/a.c", NULL};
    struct reuse_options options = {.trust = EVIDENCE_MEMBER, .run = "r"};
    struct shop shop = {0};
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    for (int hours = 0; hours < 3; hours += 2) {
        options.now_ms = clock_wall_ms() + INT64_C(3600000) * hours;
        shop_open_as(&shop, &options);
        assert_int_equal(shop_peek(&shop), REUSE_HIT);
        assert_int_equal(shop.reuse->used.count, 0);
        assert_int_equal(shop_ask(&shop), REUSE_HIT);
        assert_int_equal(shop.reuse->used.count, hours > 0);
        shop_close(&shop);
    }
}

/* In a fresh run it is a hit; were classes looked at for it? */
static bool hit_looks_at_classes(void)
{
    struct shop shop = {0};
    shop_open(&shop, "again");
    assert_int_equal(shop_ask(&shop), REUSE_HIT);
    const bool looked = looked_at_classes(&shop);
    shop_close(&shop);
    return looked;
}

TEST(a_list_of_the_machines_files_that_is_damaged_or_gone_is_made_anew)
{
    static const char *const asks[] = {"C/src/src/a.c", "X/usr/bin/no-such", NULL};
    static const char *const damages[] = {
        "rm cache/watch/*",
        "for f in cache/watch/*; do : >$f; done",
        "for f in cache/watch/*; do echo something else of twenty bytes >$f; done",
        "for f in cache/watch/*; do printf 'sluice-watch 2\\n' >$f; done",
        "for f in cache/watch/*; do sed -i 's/watch 2/watch 3/' $f; done",
    };
    shop_make_tree();
    shop_earn(asks, OUTCOME_PASSED);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        assert_false(hit_looks_at_classes());
        sh(damages[i]);
        assert_true(hit_looks_at_classes());
    }
    assert_false(hit_looks_at_classes());
}

/* A whole folder of the machine would have to be walked, and what was changed a moment ago may
 * change again and look the same. */
TEST(what_cannot_be_told_by_stat_data_is_looked_at_in_each_run)
{
    static const char *const whole[] = {"R/sluice/plugins", NULL};
    static const char *const young[] = {"C/sluice/plugins/p", NULL};
    shop_make_tree();
    shop_earn(whole, OUTCOME_PASSED);
    assert_true(hit_looks_at_classes());
    assert_true(hit_looks_at_classes());
    sh("rm -rf cache r plugins");
    shop_make_tree();
    sh("touch -d '+1 hour' plugins/p; sleep 0.06");
    shop_earn(young, OUTCOME_PASSED);
    assert_true(hit_looks_at_classes());
    assert_true(hit_looks_at_classes());
}
