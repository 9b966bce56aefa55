/* SPDX-License-Identifier: Apache-2.0 */
/* Which questions a product that differs each time answers otherwise: all kinds, all ways to
 * differ. Whole units that do so are in varying_test.c. */
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <string.h>
#include <sys/stat.h>

#include "support/test.h"

/* How it differs. */
enum way {
    CONTENT,
    SIZE,
    TYPE,
    CAME,
};

/* What is told when a unit that asks this reads in a world that holds `products`. */
static const char *judge(struct reuse *reuse,
                         struct varying *varying,
                         const struct manifest *products,
                         const struct observation *question,
                         const char *unit)
{
    struct reuse_state state = {.products = *products};
    const struct reuse_lease lease = {.state = &state, .unit = unit};
    reuse->varying.items = varying;
    reuse->varying.count = 1;
    varying_judge(reuse, &lease, question, 1);
    return reuse_take_note(reuse);
}

static void forget(struct reuse *reuse)
{
    mem_free(reuse->told);
    vec_fini(&reuse->notes);
    *reuse = (struct reuse){0};
}

static bool is_told(const char *path, mode_t mode, enum way way, const char *asked)
{
    struct reuse reuse = {0};
    struct product product = {.path = path, .mode = mode, .size = 3};
    const struct manifest products = {&product, 1};
    const struct observation question = {(enum observation_kind)asked[0], asked + 1};
    struct varying varying = {
        .unit = "maker",
        .path = path,
        .after = product,
        .there = true,
        .came_or_went = way == CAME,
        .type = way == TYPE,
        .size = way == SIZE,
    };
    const bool told = judge(&reuse, &varying, &products, &question, "reader") != NULL;
    assert_int_equal(told, varying.told);
    forget(&reuse);
    return told;
}

TEST(a_product_that_differs_is_told_to_those_whose_answer_it_changes)
{
    static const struct {
        const char *asked;
        const char *told; /* ways that are told: c s t w */
    } list[] = {
        {"C/src/a/b/log",   "cstw"},
        {"R/src/a/b/log",   "cstw"},
        {"T/src/a/b/log",   "stw" },
        {"X/src/a/b/log",   "tw"  },
        {"D/src/a/b/log",   "tw"  },
        {"L/src/a/b/log",   "tw"  },
        {"H/src/a/b/log",   ""    },
        {"R/src/a/b",       "cstw"},
        {"R/src/a",         "cstw"},
        {"R/src",           "cstw"},
        {"D/src/a/b",       "tw"  },
        {"D/src/a",         ""    },
        {"D/src",           ""    },
        {"C/src/a/b",       ""    },
        {"X/src/a/b",       ""    },
        {"T/src/a/b",       ""    },
        {"R/src/a/b/lo",    ""    },
        {"R/src/a/b/log/x", ""    },
        {"C/src/a/b/log/x", ""    },
        {"C/src/a/b/other", ""    },
        {"R/src/b",         ""    },
        {"R/srca/b/log",    ""    },
        {"C/srcxa/b/log",   ""    },
        {"C/usr/a/b/log",   ""    },
        {"R/",              ""    },
    };

    static const char ways[] = "cstw";
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (unsigned way = CONTENT; way <= CAME; way++) {
            const bool expected = strchr(list[i].told, ways[way]) != NULL;
            if (is_told("a/b/log", S_IFREG | 0644, (enum way)way, list[i].asked) != expected) {
                fail_msg("%s, %c: %s", list[i].asked, ways[way], expected ? "not told" : "told");
            }
        }
    }
    assert_true(is_told("log", S_IFREG | 0644, CAME, "D/src"));
    assert_true(is_told("log", S_IFREG | 0644, CONTENT, "R/src"));
    assert_false(is_told("log", S_IFREG | 0644, CONTENT, "D/src"));
    assert_true(is_told("link", S_IFLNK | 0777, CONTENT, "L/src/link"));
    assert_false(is_told("link", S_IFLNK | 0777, CONTENT, "X/src/link"));
}

TEST(what_a_unit_does_not_see_is_not_told)
{
    struct reuse reuse = {0};
    const struct observation question = {OBSERVE_CONTENT, "/src/b"};
    struct product now[] = {
        {.path = "a", .mode = S_IFREG | 0644, .size = 1},
        {.path = "b", .mode = S_IFREG | 0644, .size = 2},
        {.path = "c", .mode = S_IFREG | 0644, .size = 3},
    };
    struct product without[] = {now[0], now[2]};
    const struct manifest all = {now, 3};
    const struct manifest lacking = {without, 2};
    const struct manifest none = {0};
    struct varying there = {.unit = "maker", .path = "b", .after = now[1], .there = true};
    struct varying gone = {.unit = "maker", .path = "b", .came_or_went = true};
    assert_null(judge(&reuse, &there, &lacking, &question, "reader"));
    assert_null(judge(&reuse, &there, &none, &question, "reader"));
    assert_null(judge(&reuse, &gone, &all, &question, "reader"));
    assert_null(judge(&reuse, &gone, &none, &question, "reader"));
    for (int part = 0; part < 3; part++) { /* of another unit, at the same path */
        struct varying other = there;
        other.after.mode ^= part == 0 ? 0111 : 0;
        other.after.size ^= part == 1 ? 1 : 0;
        other.after.digest.bytes[31] ^= part == 2 ? 1 : 0;
        assert_null(judge(&reuse, &other, &all, &question, "reader"));
    }
    assert_non_null(judge(&reuse, &there, &all, &question, "reader"));
    assert_non_null(judge(&reuse, &gone, &lacking, &question, "reader"));
    forget(&reuse);
}

TEST(it_is_told_once_and_names_who_reads)
{
    struct reuse reuse = {0};
    const struct observation question = {OBSERVE_CONTENT, "/src/b"};
    struct product product = {.path = "b", .mode = S_IFREG | 0644};
    const struct manifest products = {&product, 1};
    struct varying varying = {.unit = "maker", .path = "b", .after = product, .there = true};
    assert_string_equal(judge(&reuse, &varying, &products, &question, NULL),
                        "maker leaves something else each time: b differs with the same inputs, "
                        "and a unit reads it");
    assert_null(judge(&reuse, &varying, &products, &question, "another"));
    forget(&reuse);
}
