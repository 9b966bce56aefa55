/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a state, by the numbers of the questions: however many there are, and in whatever
 * order they come. */
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/shop.h"
#include "support/test.h"

enum {
    QUESTIONS = 9000
};

/* Questions that no store knew: the n-th has number n. */
struct questions {
    char texts[QUESTIONS + 1][24];
    struct observation items[QUESTIONS + 1];
};

static struct questions many;

static void intern(struct reuse *reuse,
                   const struct observation *asked,
                   size_t count,
                   uint32_t from)
{
    uint32_t ids[QUESTIONS];
    assert_int_equal(evidence_intern(reuse->store, asked, count, ids, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ids[i], from + i);
    }
}

static void intern_many(struct reuse *reuse)
{
    for (size_t n = 1; n <= QUESTIONS; n++) {
        (void)snprintf(many.texts[n], sizeof many.texts[n], "/src/n/f%05zu", n);
        many.items[n] = (struct observation){OBSERVE_EXISTS, many.texts[n]};
    }
    intern(reuse, many.items + 1, QUESTIONS, 1);
}

/* What is at none of the paths. */
static struct answer absent(struct reuse_state *state)
{
    const struct observation asked = {OBSERVE_EXISTS, "/src/none"};
    struct answer answer = {0};
    assert_int_equal(answers_get(state_answers(state), &asked, &answer, NULL), 0);
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
    return answer;
}

/* ---- the question behind a number ---- */

static void assert_question(struct reuse *reuse, uint32_t atom, const struct observation *expected)
{
    struct observation asked = {.path = NULL};
    assert_int_equal(reuse_atom(reuse, atom, &asked, NULL), 0);
    assert_int_equal(asked.kind, expected->kind);
    assert_string_equal(asked.path, expected->path);
}

TEST(questions_are_looked_up_one_by_one_until_they_are_many)
{
    static const struct observation first[] = {
        {OBSERVE_CONTENT, "/src/a"},
        {OBSERVE_EXISTS,  "/src/a"},
        {OBSERVE_HOST,    "uname" },
    };
    static const struct observation later = {OBSERVE_TYPE, "/src/b"};
    struct shop shop = {0};
    struct observation none = {.path = NULL};
    struct err err = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    intern(shop.reuse, first, 3, 1);
    for (uint32_t i = 0; i < ATOMS_SINGLY; i++) {
        assert_question(shop.reuse, 1 + i % 3, &first[i % 3]);
    }
    assert_null(shop.reuse->atoms);
    assert_question(shop.reuse, 3, &first[2]);
    assert_non_null(shop.reuse->atoms);
    assert_int_equal(shop.reuse->atom_end, 4);
    assert_question(shop.reuse, 1, &first[0]);
    intern(shop.reuse, &later, 1, 4); /* since all were loaded */
    assert_question(shop.reuse, 4, &later);
    assert_int_equal(reuse_atom(shop.reuse, 5, &none, &err), -ENOENT);
    assert_string_equal(err.text, "there is no question 5 in the evidence");
    assert_int_equal(reuse_atom(shop.reuse, 0, &none, &err), -ENOENT);
    shop_close(&shop);
}

/* ---- many answers ---- */

static void assert_vector(struct reuse_state *state, const uint32_t *atoms, size_t count)
{
    const struct answer answer = absent(state);
    struct str vector = STR_INIT(1u << 20);
    struct str expected = STR_INIT(1u << 20);
    assert_int_equal(state_vector(state, atoms, count, &vector, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(vector_add(&expected, question_number(&many.items[atoms[i]]), &answer), 0);
    }
    assert_int_equal(vector.len, expected.len);
    assert_memory_equal(str_text(&vector), str_text(&expected), expected.len);
    str_fini(&vector);
    str_fini(&expected);
}

TEST(the_numbers_of_questions_are_kept_whatever_their_order)
{
    static const struct {
        uint32_t atom;
        uint32_t cap; /* numbers there is room for, then */
    } steps[] = {
        {5,    1024 },
        {1023, 1024 },
        {1024, 2048 },
        {3,    2048 },
        {8191, 8192 },
        {8192, 16384},
        {9000, 16384},
    };

    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    intern_many(shop.reuse);
    struct reuse_state *state = shop_state(&shop);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        uint32_t known = 0;
        assert_vector(state, &steps[i].atom, 1);
        assert_int_equal(shop.reuse->question_cap, steps[i].cap);
        for (uint32_t atom = 0; atom < steps[i].cap; atom++) {
            known += shop.reuse->questions[atom] != 0;
        }
        assert_int_equal(known, i + 1);
    }
    const uint32_t asked[] = {8191, 3, 4, 1024, 8192, 1023, 5};
    assert_vector(state, asked, 7);
    shop.reuse->questions[5] = 42; /* what is known is not looked up again */
    struct str vector = STR_INIT(1000);
    assert_int_equal(state_vector(state, asked + 6, 1, &vector, NULL), 0);
    assert_int_equal(str_text(&vector)[0], 42);
    str_fini(&vector);
    shop_close(&shop);
}

static size_t count_pages(const struct reuse_state *state)
{
    size_t pages = 0;
    for (size_t i = 0; i < state->page_count; i++) {
        pages += state->pages[i] != NULL;
    }
    return pages;
}

TEST(a_state_has_room_for_the_answers_it_was_asked_for)
{
    static const struct {
        uint32_t atom;
        size_t room; /* for pages */
        size_t pages;
    } steps[] = {
        {1,                   16, 1},
        {PAGE_ATOMS - 1,      16, 1},
        {PAGE_ATOMS,          16, 2},
        {16 * PAGE_ATOMS - 1, 16, 3},
        {16 * PAGE_ATOMS,     32, 4},
        {9000,                64, 5},
        {2,                   64, 5},
    };

    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    intern_many(shop.reuse);
    struct reuse_state *state = shop_state(&shop);
    const struct answer expected = absent(state);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct answer answer = {0};
        assert_int_equal(state_answer(state, steps[i].atom, &answer, NULL), 1);
        assert_true(answer_equal(&answer, &expected));
        assert_int_equal(state->page_count, steps[i].room);
        assert_int_equal(count_pages(state), steps[i].pages);
        assert_int_equal(state->rounds, i + 1);
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) { /* all are known */
        struct answer answer = {0};
        assert_int_equal(state_answer(state, steps[i].atom, &answer, NULL), 1);
        assert_true(answer_equal(&answer, &expected));
    }
    assert_int_equal(state->rounds, sizeof steps / sizeof steps[0]);
    shop_close(&shop);
}

/* ---- a class ---- */

TEST(a_class_sums_up_to_the_same_in_any_order_and_known_or_not)
{
    static const struct observation asked[] = {
        {OBSERVE_CONTENT, "/src/src/a.c"},
        {OBSERVE_EXISTS,  "/src/none"   },
        {OBSERVE_TYPE,    "/src/src/b.c"},
    };
    static const uint32_t orders[][3] = {
        {1, 2, 3},
        {3, 1, 2},
        {2, 3, 1}
    };
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    intern(shop.reuse, asked, 3, 1);
    struct reuse_state *state = shop_state(&shop);
    struct term expected = {0};
    for (size_t i = 0; i < 3; i++) {
        struct answer answer = {0};
        struct term term = {0};
        assert_int_equal(answers_get(state_answers(state), &asked[i], &answer, NULL), 0);
        assert_int_equal(term_of(evidence_secret(shop.reuse->store), &asked[i], &answer, &term), 0);
        expected = term_add(expected, term);
    }
    for (size_t i = 0; i < 3; i++) {
        struct term sum = {.lo = 1};
        assert_int_equal(state_fast(state, orders[i], 3, &sum, NULL), 1);
        assert_int_equal(sum.lo, expected.lo);
        assert_int_equal(sum.hi, expected.hi);
        assert_int_equal(state->rounds, 1); /* git is asked for all of them at once */
    }
    struct term nothing = {.lo = 1};
    assert_int_equal(state_fast(state, NULL, 0, &nothing, NULL), 1);
    assert_int_equal(nothing.lo, 0);
    shop_close(&shop);
}

/* The content of a device may be another one each time it is read. */
TEST(a_class_with_a_question_that_has_no_answer_has_none)
{
    static const struct observation asked[] = {
        {OBSERVE_CONTENT, "/dev/null"   },
        {OBSERVE_CONTENT, "/src/src/a.c"},
    };
    static const uint32_t atoms[] = {1, 2, 1};
    const char *items[] = {"/dev/null", NULL};
    struct shop shop = {
        .expose = {items, 1}
    };
    struct answer answer = {0};
    struct term sum = {0};
    struct err err = {0};
    struct str vector = STR_INIT(1000);
    shop_make_tree();
    shop_open(&shop, "run");
    intern(shop.reuse, asked, 2, 1);
    struct reuse_state *state = shop_state(&shop);
    for (int times = 0; times < 2; times++) {
        assert_int_equal(state_fast(state, atoms, 2, &sum, NULL), 0);
        assert_int_equal(state_fast(state, atoms + 1, 2, &sum, NULL), 0);
        assert_int_equal(state_fast(state, atoms + 1, 1, &sum, NULL), 1);
        assert_int_equal(state_answer(state, 1, &answer, NULL), 0);
        assert_int_equal(state_answer(state, 2, &answer, NULL), 1);
        assert_int_equal(state_vector(state, atoms, 2, &vector, &err), -ENODATA);
        assert_string_equal(err.text, "a question has no answer");
    }
    assert_int_equal(state->rounds, 1);
    assert_null(reuse_take_note(shop.reuse)); /* nothing odd about it */
    str_fini(&vector);
    shop_close(&shop);
}

TEST(a_number_without_a_question_is_an_error)
{
    static const uint32_t atoms[] = {1, 2};
    static const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    struct answer answer = {0};
    struct term sum = {0};
    struct str vector = STR_INIT(1000);
    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    intern(shop.reuse, &asked, 1, 1);
    struct reuse_state *state = shop_state(&shop);
    assert_int_equal(state_fast(state, atoms, 2, &sum, NULL), -ENOENT);
    assert_int_equal(state_answer(state, 2, &answer, NULL), -ENOENT);
    assert_int_equal(state_vector(state, atoms, 2, &vector, NULL), -ENOENT);
    assert_int_equal(state_fast(state, atoms, 1, &sum, NULL), 1); /* the other one stands alone */
    str_fini(&vector);
    shop_close(&shop);
}

/* ---- the world ---- */

TEST(a_state_keeps_all_of_what_it_is_given)
{
    const char *items[] = {"dep", "/usr/share", "more"};
    struct product products[] = {
        {.path = "a", .mode = S_IFREG | 0644, .size = 1},
        {.path = "b", .mode = S_IFREG | 0755, .size = 2},
        {.path = "c", .mode = S_IFLNK | 0777, .size = 3}
    };
    const struct manifest manifest = {products, 3};
    struct shop shop = {
        .expose = {items, 3},
          .products = &manifest
    };
    shop_make_tree();
    shop_open(&shop, "run");
    const struct reuse_state *state = shop_state(&shop);
    assert_int_equal(state->world.expose.count, 3);
    assert_int_equal(state->products.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(state->world.expose.items[i], items[i]);
        assert_string_equal(state->products.items[i].path, products[i].path);
        assert_int_equal(state->products.items[i].mode, products[i].mode);
        assert_int_equal(state->products.items[i].size, products[i].size);
    }
    shop_close(&shop);
}

/* Which of the entries is the clone's own does not matter. */
TEST(where_a_tree_lies_counts_wherever_its_own_entry_stands)
{
    static const struct {
        const char *items[2];
        size_t count;
        bool same;
    } list[] = {
        {{"dep"},                    1, false},
        {{"dep", "/usr/share"},      2, false},
        {{"/usr/share", "dep"},      2, false},
        {{"/usr/share", "/usr/lib"}, 2, true },
        {{NULL},                     0, true },
    };

    struct shop shop = {0};
    shop_make_tree();
    shop_open(&shop, "run");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *items[] = {list[i].items[0], list[i].items[1]};
        shop.expose = (struct text_list){items, list[i].count};
        const struct hash here = shop_state(&shop)->work;
        shop.root[0] = '?';
        const struct hash there = shop_state(&shop)->work;
        shop.root[0] = '/';
        if ((memcmp(here.bytes, there.bytes, HASH_SIZE) == 0) != list[i].same) {
            fail_msg("%zu: the same: %d", i, !list[i].same);
        }
    }
    shop_close(&shop);
}

/* ---- reading ahead ---- */

enum {
    FOLDERS = ROUNDS_MAX + 8
};

/* Asks for one file of each of some folders: each costs git a round. */
static void ask_each(struct reuse_state *state, uint32_t from, uint32_t until)
{
    for (uint32_t atom = from; atom <= until; atom++) {
        struct answer answer = {0};
        assert_int_equal(state_answer(state, atom, &answer, NULL), 1);
        assert_int_equal(answer.bytes[0], ANSWER_PRESENT);
    }
}

static void intern_folders(struct reuse *reuse)
{
    for (size_t n = 1; n <= FOLDERS; n++) {
        (void)snprintf(many.texts[n], sizeof many.texts[n], "/src/d%03zu/f", n);
        many.items[n] = (struct observation){OBSERVE_EXISTS, many.texts[n]};
    }
    intern(reuse, many.items + 1, FOLDERS, 1);
}

TEST(a_state_that_is_asked_often_reads_its_whole_tree)
{
    static const struct observation sizes[] = {
        {OBSERVE_TYPE, "/src/src/a.c"},
        {OBSERVE_TYPE, "/src/src/b.c"},
        {OBSERVE_TYPE, "/src/run.sh" },
    };
    struct answer answer = {0};
    struct shop shop = {0};
    shop_make_tree();
    sh("cd r; for i in $(seq -f %03g 40); do mkdir d$i; echo $i >d$i/f; done");
    assert_int_equal(FOLDERS, 40);
    shop_open(&shop, "run");
    intern_folders(shop.reuse);
    intern(shop.reuse, sizes, 2, FOLDERS + 1);
    struct reuse_state *state = shop_state(&shop);
    ask_each(state, 1, ROUNDS_MAX);
    assert_int_equal(state->rounds, ROUNDS_MAX);
    assert_false(state->read_whole);
    assert_null(shop.reuse->atoms);
    ask_each(state, ROUNDS_MAX + 1, ROUNDS_MAX + 1);
    assert_true(state->read_whole);
    assert_int_equal(shop.reuse->atom_end, FOLDERS + 3);
    intern(shop.reuse, sizes + 2, 1, FOLDERS + 3);
    sh("rm -rf r/.git/objects r/.sluice"); /* git cannot tell any more */
    ask_each(state, ROUNDS_MAX + 2, FOLDERS);
    for (uint32_t atom = FOLDERS + 1; atom <= FOLDERS + 2; atom++) {
        assert_int_equal(state_answer(state, atom, &answer, NULL), 1);
        assert_int_equal(answer.bytes[0], ANSWER_FILE);
    }
    assert_null(reuse_take_note(shop.reuse));
    for (int times = 0; times < 2; times++) { /* a size that no class asked for then */
        assert_int_equal(state_answer(state, FOLDERS + 3, &answer, NULL), 0);
    }
    const char *note = reuse_take_note(shop.reuse);
    assert_non_null(note);
    assert_non_null(strstr(note, "units that look at /src/run.sh run: "));
    assert_null(reuse_take_note(shop.reuse)); /* told once */
    shop_close(&shop);
}

TEST(a_state_that_cannot_read_ahead_is_an_error)
{
    struct answer answer = {0};
    struct err err = {0};
    struct shop shop = {0};
    shop_make_tree();
    sh("cd r; for i in $(seq -f %03g 40); do mkdir d$i; echo $i >d$i/f; done");
    shop_open(&shop, "run");
    intern_folders(shop.reuse);
    struct reuse_state *state = shop_state(&shop);
    ask_each(state, 1, ROUNDS_MAX);
    sh("rm -rf r/.git/objects r/.sluice");
    assert_in_range(-state_answer(state, ROUNDS_MAX + 1, &answer, &err), 1, 4095);
    assert_true(err.text[0] != '\0');
    ask_each(state, 1, ROUNDS_MAX); /* what was known is */
    shop_close(&shop);
}

TEST(a_state_that_made_room_begins_anew)
{
    static const struct observation asked = {OBSERVE_CONTENT, "/src/src/a.c"};
    struct answer before = {0};
    struct answer after = {0};
    struct shop shop = {0};
    shop_make_tree();
    sh("cd r; for i in $(seq -f %03g 40); do mkdir d$i; echo $i >d$i/f; done");
    shop_open(&shop, "run");
    intern_folders(shop.reuse);
    intern(shop.reuse, &asked, 1, FOLDERS + 1);
    struct reuse_state *state = shop_state(&shop);
    ask_each(state, 1, FOLDERS);
    assert_true(state->read_whole);
    assert_int_equal(state_answer(state, FOLDERS + 1, &before, NULL), 1);
    for (unsigned i = 0; i < STATES_LIVE_MAX; i++) {
        (void)snprintf(shop.plugins, sizeof shop.plugins, "/nowhere/%u", i);
        assert_non_null(state_answers(shop_state(&shop)));
    }
    assert_null(state->answers);
    assert_null(state->pages);
    assert_int_equal(state->page_count, 0);
    assert_int_equal(state_answer(state, FOLDERS + 1, &after, NULL), 1);
    assert_true(answer_equal(&before, &after));
    assert_int_equal(state->rounds, 1);
    assert_false(state->read_whole);
    shop_close(&shop);
}
