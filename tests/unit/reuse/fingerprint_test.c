/* SPDX-License-Identifier: Apache-2.0 */
#include "reuse/fingerprint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static const unsigned char key[16] = "a secret of 16 b";

static struct answer answer_of(const char *bytes)
{
    struct answer answer = {.len = (unsigned char)strlen(bytes)};
    memcpy(answer.bytes, bytes, answer.len);
    return answer;
}

static struct term term(enum observation_kind kind, const char *path, const char *answer)
{
    const struct observation asked = {kind, path};
    const struct answer value = answer_of(answer);
    struct term result = {0};
    assert_int_equal(term_of(key, &asked, &value, &result), 0);
    return result;
}

static bool same(struct term a, struct term b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

TEST(kind_path_answer_and_key_each_make_another_term)
{
    static const unsigned char other_key[16] = "another secret..";
    const struct observation asked = {OBSERVE_CONTENT, "/src/a"};
    const struct answer value = answer_of("f1");
    struct term base = term(OBSERVE_CONTENT, "/src/a", "f1");
    struct term other;
    assert_true(same(base, term(OBSERVE_CONTENT, "/src/a", "f1")));
    assert_false(same(base, term(OBSERVE_TYPE, "/src/a", "f1")));
    assert_false(same(base, term(OBSERVE_CONTENT, "/src/b", "f1")));
    assert_false(same(base, term(OBSERVE_CONTENT, "/src/a", "f2")));
    assert_int_equal(term_of(other_key, &asked, &value, &other), 0);
    assert_false(same(base, other));
    /* what ends one part and begins the next is not up for interpretation */
    assert_false(same(term(OBSERVE_CONTENT, "bc", "a"), term(OBSERVE_CONTENT, "c", "ab")));
}

TEST(the_hash_is_siphash_2_4_with_128_bits)
{
    /* Worked out by another implementation, which agrees with the published vectors, for the bytes
     * "C" 02 "f1" "/src/a" under the key above. */
    struct term got = term(OBSERVE_CONTENT, "/src/a", "f1");
    unsigned char bytes[EVIDENCE_FAST_SIZE];
    term_bytes(got, bytes);
    static const unsigned char expected[EVIDENCE_FAST_SIZE] = {0xb8,
                                                               0x84,
                                                               0x15,
                                                               0xcd,
                                                               0x60,
                                                               0xa2,
                                                               0xf8,
                                                               0x4d,
                                                               0x3d,
                                                               0x81,
                                                               0xbe,
                                                               0xa6,
                                                               0x36,
                                                               0x4b,
                                                               0xb8,
                                                               0x35};
    assert_memory_equal(bytes, expected, sizeof expected);
}

/* By the same implementation, for paths of which the last word holds from no byte to seven. */
TEST(questions_of_every_length_are_hashed_to_their_end)
{
    static const char *const expected[] = {
        "dfb08a8c719c67679a733c3174519990",
        "47c46ee6d0517cb382d2321bd1b4a039",
        "2fdf858f528e5e47c0eef154cb7267d8",
        "b22bbcdfba5cfb7e166b022522d89df3",
        "0e9edddc87051fb43fd07f0a238bb48d",
        "fac9a5a9e5d82ed551d52ecb999ee813",
        "81617972f58448bc3d7675619e4af9e7",
        "7e4c2a72d6721e1ef3baca1661635a0c",
        "e391c370780a115ceb9a10f108095adb",
    };
    char path[32] = "/";
    char hex[2 * EVIDENCE_FAST_SIZE + 1];
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        unsigned char bytes[EVIDENCE_FAST_SIZE];
        memset(path + 1, 'x', i + 10);
        term_bytes(term(OBSERVE_CONTENT, path, "f1"), bytes);
        for (size_t at = 0; at < sizeof bytes; at++) {
            (void)snprintf(hex + 2 * at, 3, "%02x", bytes[at]);
        }
        assert_string_equal(hex, expected[i]);
    }
}

TEST(a_path_that_is_too_long_is_refused)
{
    static char path[5000];
    const struct observation asked = {OBSERVE_CONTENT, path};
    const struct answer value = answer_of("f1");
    struct term result = {1, 2};
    memset(path, 'x', sizeof path - 1);
    assert_int_equal(term_of(key, &asked, &value, &result), -ENAMETOOLONG);
    assert_true(result.lo == 1 && result.hi == 2);
}

TEST(sums_carry_and_come_back)
{
    struct term a = {UINT64_MAX, 5};
    struct term b = {1, UINT64_MAX};
    struct term sum = term_add(a, b);
    assert_true(same(sum, (struct term){0, 5}));
    assert_true(same(term_sub(sum, b), a));
    assert_true(same(term_sub(sum, a), b));
}

TEST(an_updated_sum_is_the_sum_computed_anew)
{
    /* 500 questions; 10,000 changes of an answer, each taken out and put in. */
    enum {
        COUNT = 500
    };

    static char paths[COUNT][32];
    static char values[COUNT][32];
    struct term sum = {0};
    unsigned seed = 7;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/src/f%d", i);
        (void)snprintf(values[i], sizeof values[i], "f%d", i);
        sum = term_add(sum, term(OBSERVE_CONTENT, paths[i], values[i]));
    }
    for (int round = 0; round < 10000; round++) {
        seed = seed * 1103515245u + 12345u;
        unsigned at = seed / 65536u % COUNT;
        sum = term_sub(sum, term(OBSERVE_CONTENT, paths[at], values[at]));
        (void)snprintf(values[at], sizeof values[at], "g%u", seed);
        sum = term_add(sum, term(OBSERVE_CONTENT, paths[at], values[at]));
    }
    struct term anew = {0};
    for (int i = COUNT - 1; i >= 0; i--) {
        anew = term_add(anew, term(OBSERVE_CONTENT, paths[i], values[i]));
    }
    assert_true(same(sum, anew));
}

TEST(a_vector_gives_back_its_answers)
{
    static const char *const values[] = {"a", "f123456789", "p"};
    struct str vector = STR_INIT(1000);
    struct answer got;
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        struct answer answer = answer_of(values[i]);
        assert_int_equal(vector_add(&vector, i * 1234567, &answer), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        struct answer answer = answer_of(values[i]);
        assert_int_equal(vector_next(vector.data, vector.len, &at, &got), 1);
        assert_true(answer_equal(&got, &answer));
    }
    assert_int_equal(vector_next(vector.data, vector.len, &at, &got), 0);
    for (size_t cut = 1; cut < vector.len; cut++) {
        int rc = 1;
        for (at = 0; rc == 1;) {
            rc = vector_next(vector.data, cut, &at, &got);
        }
        assert_true(rc == 0 || rc == -EUCLEAN);
    }
    str_fini(&vector);
}

TEST(a_vector_that_is_damaged_is_refused)
{
    static const struct {
        unsigned char len; /* as it is written */
        size_t total;      /* bytes there are */
        int expected;
    } list[] = {
        {0,                    10,                       -EUCLEAN},
        {1,                    10,                       1       },
        {1,                    9,                        -EUCLEAN},
        {2,                    10,                       -EUCLEAN},
        {2,                    11,                       1       },
        {ANSWER_BYTES_MAX,     9 + ANSWER_BYTES_MAX,     1       },
        {ANSWER_BYTES_MAX + 1, 9 + ANSWER_BYTES_MAX + 1, -EUCLEAN},
        {ANSWER_BYTES_MAX,     9 + ANSWER_BYTES_MAX - 1, -EUCLEAN},
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        unsigned char bytes[9 + ANSWER_BYTES_MAX + 1] = {0};
        struct answer got = {0};
        size_t at = 0;
        bytes[8] = list[i].len;
        bytes[9] = 'f';
        assert_int_equal(vector_next(bytes, list[i].total, &at, &got), list[i].expected);
        assert_int_equal(at, list[i].expected == 1 ? list[i].total : 0);
        assert_int_equal(got.len, list[i].expected == 1 ? list[i].len : 0);
    }
}

TEST(questions_have_numbers_that_never_change)
{
    const struct observation a = {OBSERVE_CONTENT, "/src/a"};
    const struct observation b = {OBSERVE_TYPE, "/src/a"};
    const struct observation c = {OBSERVE_CONTENT, "/src/b"};
    /* kept in stores: another number would make all evidence be missed */
    assert_true(question_number(&a) == UINT64_C(0xb4ff905d8a784062));
    assert_true(question_number(&a) != question_number(&b));
    assert_true(question_number(&a) != question_number(&c));
}
