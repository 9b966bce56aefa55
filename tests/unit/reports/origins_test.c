/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/origins.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

static void add(struct origins *origins, const char *change, unsigned count)
{
    const struct reused reused = {.change = change};
    const struct outcome outcome = {.final = true, .slot = -1, .reused = &reused};
    for (unsigned i = 0; i < count; i++) {
        origins_add(origins, &outcome);
    }
}

static void assert_words(const struct origins *origins, uint64_t units, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 16);
    origins_render(origins, units, &out);
    assert_string_equal(str_text(&out), expected);
}

TEST(the_largest_four_origins_are_named)
{
    struct origins origins = {0};
    assert_words(&origins, 9, "");
    add(&origins, "1", 1);
    add(&origins, "2", 2);
    add(&origins, NULL, 7);
    add(&origins, "3", 3);
    assert_words(&origins,
                 20,
                 "13 of 20 reused: 7 from main, 3 from change 3, 2 from change 2, 1 from change 1; "
                 "nothing ran");
    add(&origins, "4", 4);
    add(&origins, "1", 8);
    assert_words(&origins,
                 25,
                 "all 25 reused: 9 from change 1, 7 from main, 4 from change 4, 3 from change 3, 2 "
                 "from others; nothing ran");
    origins_fini(&origins);
    add(&origins, "", 1); /* as good as none */
    assert_words(&origins, 1, "reused: 1 from main; nothing ran");
    origins_fini(&origins);
}

TEST(what_neither_ran_nor_was_reused_is_counted_as_neither)
{
    static const struct reused reused = {.change = "7"};
    struct outcome outcomes[5] = {0};
    for (size_t i = 0; i < 5; i++) {
        outcomes[i].final = true;
    }
    outcomes[0].reused = &reused;
    outcomes[1].final = false; /* tried again */
    outcomes[2].slot = -1;     /* skipped */
    outcomes[3].flags = FLAG_CANCELLED;
    struct origins origins = {0};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        origins_add(&origins, &outcomes[i]);
    }
    assert_words(&origins, 4, "1 of 4 reused: 1 from change 7; 1 ran");
    origins_fini(&origins);
}

TEST(a_name_from_outside_cannot_steer_a_terminal)
{
    struct origins origins = {0};
    add(&origins, "7\033[2J\nx", 1);
    assert_words(&origins, 2, "1 of 2 reused: 1 from change 7 x; nothing ran");
    origins_fini(&origins);
}

TEST(origins_without_number_are_counted_without_a_name)
{
    struct origins origins = {0};
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct json_writer w;
    for (unsigned i = 0; i < ORIGINS_MAX + 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%u", i);
        add(&origins, name, i == 3 ? 2 : 1);
    }
    assert_int_equal(origins.count, ORIGINS_MAX);
    assert_int_equal(origins.others, 5);
    jw_begin(&w, &out);
    origins_write(&origins, &w);
    assert_non_null(strstr(str_text(&out), "{\"c3\":2,"));
    assert_non_null(strstr(str_text(&out), ",\"(others)\":5}"));
    origins_fini(&origins);
}

TEST(origins_without_memory_are_still_counted)
{
    struct origins origins = {0};
    (void)mem_fail_from(1);
    add(&origins, "7", 3);
    (void)mem_fail_from(0);
    assert_words(&origins, 4, "3 of 4 reused: 3 from others; nothing ran");
    origins_fini(&origins);
    (void)mem_fail_from(2);
    add(&origins, NULL, 1);
    (void)mem_fail_from(0);
    add(&origins, NULL, 1);
    assert_words(&origins, 4, "2 of 4 reused: 1 from main, 1 from others; nothing ran");
    origins_fini(&origins);
}

TEST(ages_are_words)
{
    static const struct {
        int64_t age_s;
        const char *words;
    } samples[] = {
        {0,                        "just now"    },
        {59,                       "just now"    },
        {60,                       "1 min ago"   },
        {3599,                     "59 min ago"  },
        {3600,                     "1 h ago"     },
        {INT64_C(47) * 3600,       "47 h ago"    },
        {INT64_C(48) * 3600,       "2 days ago"  },
        {INT64_C(400) * 24 * 3600, "400 days ago"},
        {-30,                      "just now"    }, /* clocks differ */
        {-600,                     ""            },
    };

    const int64_t now_ms = INT64_C(1795338000000);
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        CLEANUP(str_fini) struct str out = STR_INIT(256);
        age_words(now_ms - samples[i].age_s * 1000, now_ms, &out);
        assert_string_equal(str_text(&out), samples[i].words);
    }
    CLEANUP(str_fini) struct str out = STR_INIT(256);
    age_words(0, now_ms, &out);
    assert_string_equal(str_text(&out), "");
}

TEST(what_is_not_known_of_an_origin_is_left_out)
{
    CLEANUP(str_fini) struct str out = STR_INIT(256);
    reused_words(&(struct reused){.run = "r1"}, 5, &out);
    (void)str_append(&out, "|");
    reused_words(&(struct reused){.change = "7", .earned_ms = 1000}, 61000, &out);
    assert_string_equal(str_text(&out), "run r1 (main)|change 7, 1 min ago");
}
