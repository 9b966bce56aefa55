/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "support/test.h"

#define TEXT_MAX ((size_t)1 << 20)

static const struct outcome full = {
    .status = OUTCOME_FAILED,
    .exit_code = INT_MIN,
    .signal = 9,
    .flags = FLAG_SLOW | FLAG_OUTPUT_LOST,
    .attempt = UINT_MAX,
    .final = true,
    .flaky = true,
    .message = "it says no",
    .hint = "",
    .started_ms = INT64_MAX,
    .wall_ns = INT64_MIN,
    .cpu_user_us = -1,
    .cpu_sys_us = 63,
    .max_rss_kib = 64,
    .slot = 7,
};

static const struct outcome_texts texts = {.out = "a\0b", .out_len = 3, .err = "", .err_len = 0};

static int decode(const struct str *text, struct arena *arena, struct outcome *outcome)
{
    const struct outcome_bytes bytes = {text->data, text->len};
    struct outcome_texts ret = {0};
    int rc = outcome_decode(&bytes, arena, outcome, &ret, NULL);
    if (rc == 0 && ret.out != NULL) {
        assert_int_equal(ret.out_len, texts.out_len);
        assert_memory_equal(ret.out, texts.out, texts.out_len);
        assert_non_null(ret.err);
        assert_int_equal(ret.err_len, 0);
    }
    return rc;
}

static void assert_full(const struct outcome *outcome)
{
    assert_int_equal(outcome->status, full.status);
    assert_int_equal(outcome->exit_code, full.exit_code);
    assert_int_equal(outcome->signal, full.signal);
    assert_int_equal(outcome->flags, full.flags);
    assert_int_equal(outcome->attempt, full.attempt);
    assert_true(outcome->flaky);
    assert_string_equal(outcome->message, full.message);
    assert_string_equal(outcome->hint, "");
    assert_true(outcome->started_ms == full.started_ms);
    assert_true(outcome->wall_ns == full.wall_ns);
    assert_true(outcome->cpu_user_us == full.cpu_user_us);
    assert_true(outcome->cpu_sys_us == full.cpu_sys_us);
    assert_true(outcome->max_rss_kib == full.max_rss_kib);
    assert_int_equal(outcome->slot, -1); /* of the run that earned it */
}

TEST(an_outcome_comes_back_as_it_was)
{
    struct str text = STR_INIT(TEXT_MAX);
    struct arena *arena = arena_new(TEXT_MAX);
    struct outcome outcome = {0};
    assert_int_equal(outcome_encode(&full, &texts, &text), 0);
    assert_int_equal(decode(&text, arena, &outcome), 0);
    assert_full(&outcome);
    arena_free(arena);
    str_fini(&text);
}

TEST(an_outcome_with_cases_comes_back_with_them)
{
    const struct test_case item = {.name = "adds", .status = OUTCOME_PASSED, .time_s = 0.5};
    const struct outcome_texts none = {0};
    struct str text = STR_INIT(TEXT_MAX);
    struct arena *arena = arena_new(TEXT_MAX);
    struct outcome outcome = {
        .attempt = 1, .cases = {&item, 1}
    };
    assert_false(outcome_takes_texts(&outcome));
    assert_int_equal(outcome_encode(&outcome, &none, &text), 0);
    assert_int_equal(decode(&text, arena, &outcome), 0);
    assert_int_equal(outcome.cases.count, 1);
    assert_string_equal(outcome.cases.items[0].name, "adds");
    arena_free(arena);
    str_fini(&text);
}

TEST(an_outcome_of_an_older_sluice_is_read)
{
    static const char line[] =
        "{\"v\":1,\"seq\":0,\"t\":0,\"type\":\"unit_finished\",\"layer\":\"\",\"unit\":\"\","
        "\"status\":\"passed\",\"attempt\":1,\"final\":true,\"exit\":0,\"started\":5,"
        "\"wall_ns\":6,\"user_us\":7,\"sys_us\":8,\"slot\":-1}\n";
    struct str text = STR_INIT(TEXT_MAX);
    struct arena *arena = arena_new(TEXT_MAX);
    struct outcome outcome = {.status = OUTCOME_ERRORED};
    assert_int_equal(str_append(&text, line), 0);
    assert_int_equal(decode(&text, arena, &outcome), 0);
    assert_int_equal(outcome.status, OUTCOME_PASSED);
    assert_int_equal(outcome.wall_ns, 6);
    arena_free(arena);
    str_fini(&text);
}

TEST(a_damaged_outcome_is_refused_or_read_but_never_believed_beyond_its_end)
{
    struct str text = STR_INIT(TEXT_MAX);
    struct outcome outcome = {.attempt = 77};
    assert_int_equal(outcome_encode(&full, &texts, &text), 0);
    for (size_t len = 0; len < text.len; len++) { /* a copy, so that a sanitizer sees its end */
        struct arena *arena = arena_new(TEXT_MAX);
        char *piece = mem_calloc(1, len + 1);
        memcpy(piece, text.data, len);
        const struct outcome_bytes bytes = {piece, len};
        struct outcome_texts ret = {0};
        assert_true(outcome_decode(&bytes, arena, &outcome, &ret, NULL) < 0);
        assert_int_equal(outcome.attempt, 77);
        mem_free(piece);
        arena_free(arena);
    }
    struct arena *arena = arena_new(TEXT_MAX);
    assert_int_equal(str_append_char(&text, 0), 0);
    assert_int_equal(decode(&text, arena, &outcome), -EBADMSG); /* something behind it */
    text.len--;
    const char status = text.data[1];
    text.data[1] = 2 * OUTCOME_STATUS_COUNT;
    assert_int_equal(decode(&text, arena, &outcome), -EBADMSG);
    text.data[1] = status;
    assert_int_equal(decode(&text, arena, &outcome), 0);
    arena_free(arena);
    memset(text.data + 1, 0xff, text.len - 1); /* numbers without end */
    arena = arena_new(TEXT_MAX);
    assert_int_equal(decode(&text, arena, &outcome), -EBADMSG);
    arena_free(arena);
    str_fini(&text);
}

TEST(an_outcome_is_read_whole_or_not_at_all_when_memory_is_short)
{
    struct str text = STR_INIT(TEXT_MAX);
    struct outcome outcome = {0};
    int rc = -ENOMEM;
    assert_int_equal(outcome_encode(&full, &texts, &text), 0);
    for (size_t max = 1; rc != 0; max++) {
        assert_true(max < 65536);
        struct arena *arena = arena_new(max);
        rc = decode(&text, arena, &outcome);
        if (rc != 0) {
            assert_int_equal(rc, -ENOMEM);
        } else {
            assert_full(&outcome);
        }
        arena_free(arena);
    }
    str_fini(&text);
}

TEST(artifacts_are_a_head_of_both_forms_and_a_torn_head_is_damage)
{
    struct test_case cases[] = {{.name = "c"}};
    const struct outcome_artifacts artifacts = {.patterns = {{1, 2, 3}}, .manifest = {{4, 5, 6}}};
    const struct outcome_texts with = {.artifacts = &artifacts};
    for (size_t count = 0; count < 2; count++) {
        const struct outcome outcome = {
            .cases = {cases, count},
              .exit_code = 3
        };
        struct outcome_texts back = {0};
        struct outcome read = {0};
        struct str bytes = STR_INIT(1u << 20);
        struct arena *arena = arena_new(1u << 20);
        assert_int_equal(outcome_encode(&outcome, &with, &bytes), 0);
        struct outcome_bytes all = {bytes.data, bytes.len};
        assert_int_equal(outcome_decode(&all, arena, &read, &back, NULL), 0);
        assert_int_equal(read.exit_code, 3);
        assert_int_equal(read.cases.count, count);
        assert_memory_equal(back.artifacts, &artifacts, sizeof artifacts);
        for (all.len = 1; all.len < bytes.len - 1; all.len++) {
            assert_true(outcome_decode(&all, arena, &read, &back, NULL) < 0);
        }
        arena_free(arena);
        str_fini(&bytes);
    }
}

TEST(what_belongs_to_the_run_that_earned_it_is_left_out)
{
    static const struct reused reused = {.evidence = "1", .run = "r"};
    static const struct trace trace = {0};
    const struct test_case item = {.name = "adds", .status = OUTCOME_PASSED, .time_s = 0.5};
    const struct outcome_texts none = {0};
    for (size_t count = 0; count < 2; count++) {
        const struct outcome outcome = {
            .attempt = 1,
            .cases = {&item,        count   },
            .out = { .file = "out.0", .offset = 2, .len = 5},
            .err = { .file = "out.0", .offset = 3, .len = 6},
            .trace = &trace,
            .reused = &reused,
            .unstored = "because",
            .slot = 5,
        };
        struct str text = STR_INIT(TEXT_MAX);
        struct arena *arena = arena_new(TEXT_MAX);
        struct outcome back = {0};
        struct outcome_texts ret = {.out = "x", .out_len = 1};
        assert_int_equal(outcome_encode(&outcome, &none, &text), 0);
        const struct outcome_bytes bytes = {text.data, text.len};
        assert_int_equal(outcome_decode(&bytes, arena, &back, &ret, NULL), 0);
        assert_null(ret.out);
        assert_null(ret.err);
        assert_int_equal(ret.out_len, 0);
        assert_int_equal(ret.err_len, 0);
        assert_null(ret.artifacts);
        assert_null(back.out.file);
        assert_null(back.err.file);
        assert_int_equal(back.out.len, 0);
        assert_int_equal(back.err.len, 0);
        assert_null(back.trace);
        assert_null(back.reused);
        assert_null(back.unstored);
        assert_null(back.message);
        assert_null(back.hint);
        assert_int_equal(back.slot, -1);
        arena_free(arena);
        str_fini(&text);
    }
}

/* A packed outcome of these numbers, by the format that the head of outcome.c describes. */
static int decode_numbers(const int64_t numbers[11], struct outcome *outcome)
{
    struct str text = STR_INIT(TEXT_MAX);
    struct outcome_texts ret = {0};
    assert_int_equal(str_append_char(&text, 2), 0);
    for (size_t i = 0; i < 15; i++) {
        const int64_t number = i < 11 ? numbers[i] : 0; /* then texts that are not there */
        uint64_t bits = number < 0 ? ~((uint64_t)number << 1) : (uint64_t)number << 1;
        for (; bits > 0x7f; bits >>= 7) {
            assert_int_equal(str_append_char(&text, (char)(unsigned char)(0x80 | (bits & 0x7f))),
                             0);
        }
        assert_int_equal(str_append_char(&text, (char)bits), 0);
    }
    struct arena *arena = arena_new(TEXT_MAX);
    const struct outcome_bytes bytes = {text.data, text.len};
    int rc = outcome_decode(&bytes, arena, outcome, &ret, NULL);
    arena_free(arena);
    str_fini(&text);
    return rc;
}

TEST(numbers_that_no_outcome_has_are_damage)
{
    static const struct {
        size_t at;
        int64_t number;
        int rc;
    } list[] = {
        {0, 0,                        0       }, /* status */
        {0, OUTCOME_STATUS_COUNT - 1, 0       },
        {0, OUTCOME_STATUS_COUNT,     -EBADMSG},
        {0, -1,                       -EBADMSG},
        {1, INT_MIN,                  0       }, /* exit code */
        {1, INT_MAX,                  0       },
        {1, (int64_t)INT_MIN - 1,     -EBADMSG},
        {1, (int64_t)INT_MAX + 1,     -EBADMSG},
        {2, 0,                        0       }, /* signal */
        {2, INT_MAX,                  0       },
        {2, -1,                       -EBADMSG},
        {2, (int64_t)INT_MAX + 1,     -EBADMSG},
        {3, 1023,                     0       }, /* flags */
        {3, 1024,                     -EBADMSG},
        {3, -1,                       -EBADMSG},
        {4, UINT_MAX,                 0       }, /* attempt */
        {4, (int64_t)UINT_MAX + 1,    -EBADMSG},
        {4, -1,                       -EBADMSG},
        {5, 1,                        0       }, /* flaky */
        {5, 2,                        -EBADMSG},
        {5, -1,                       -EBADMSG},
        {6, INT64_MIN,                0       }, /* times are as they are */
        {7, INT64_MAX,                0       },
        {7, 63,                       0       },
        {8, 64,                       0       },
        {9, -64,                      0       },
        {9, -65,                      0       },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        int64_t numbers[11] = {0};
        struct outcome outcome = {0};
        numbers[list[i].at] = list[i].number;
        if (decode_numbers(numbers, &outcome) != list[i].rc) {
            fail_msg("%zu", i);
        }
        if (list[i].rc == 0) {
            assert_true(outcome.final);
            const int64_t back[11] = {outcome.status,
                                      outcome.exit_code,
                                      outcome.signal,
                                      outcome.flags,
                                      outcome.attempt,
                                      outcome.flaky,
                                      outcome.started_ms,
                                      outcome.wall_ns,
                                      outcome.cpu_user_us,
                                      outcome.cpu_sys_us,
                                      outcome.max_rss_kib};
            assert_memory_equal(back, numbers, sizeof numbers);
        }
    }
}

TEST(lines_that_are_no_outcome_are_damage)
{
    static const char *const lines[] = {
        "",
        "\n",
        "\n\n",
        "nonsense",
        "{\"v\":1,\"seq\":0,\"t\":0,\"type\":\"something_new\"}\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct arena *arena = arena_new(TEXT_MAX);
        const size_t len = strlen(lines[i]);
        char *copy = mem_calloc(1, len + (len == 0));
        memcpy(copy, lines[i], len);
        const struct outcome_bytes bytes = {copy, len};
        struct outcome outcome = {.attempt = 77};
        struct outcome_texts ret = {.out_len = 77};
        struct err err = {0};
        assert_true(outcome_decode(&bytes, arena, &outcome, &ret, &err) < 0);
        assert_true(err.text[0] != '\0');
        assert_int_equal(outcome.attempt, 77);
        assert_int_equal(ret.out_len, 77);
        mem_free(copy);
        arena_free(arena);
    }
}

TEST(damage_and_short_memory_are_told_apart)
{
    struct str text = STR_INIT(TEXT_MAX);
    struct outcome outcome = {0};
    struct outcome_texts ret = {0};
    struct err err = {0};
    assert_int_equal(outcome_encode(&full, &texts, &text), 0);
    struct arena *arena = arena_new(1);
    struct outcome_bytes bytes = {text.data, text.len};
    assert_int_equal(outcome_decode(&bytes, arena, &outcome, &ret, &err), -ENOMEM);
    assert_string_equal(err.text, "not enough memory to read an outcome");
    arena_free(arena);
    arena = arena_new(TEXT_MAX);
    bytes.len--;
    assert_int_equal(outcome_decode(&bytes, arena, &outcome, &ret, &err), -EBADMSG);
    assert_string_equal(err.text, "stored evidence holds a damaged outcome");
    arena_free(arena);
    str_fini(&text);
}

TEST(patterns_are_told_apart_by_each_of_them_and_their_order)
{
    const char *ab[] = {"a", "b"};
    const char *ba[] = {"b", "a"};
    const char *joined[] = {"ab"};
    const char *one[] = {"a"};
    const char *empty[] = {"a", ""};
    const struct text_list lists[] = {
        {ab,     2},
        {ba,     2},
        {joined, 1},
        {one,    1},
        {empty,  2},
        {NULL,   0},
    };
    const struct hash expected = hash_bytes("a\0b", 4);
    struct hash hashes[6];
    for (size_t i = 0; i < 6; i++) {
        hashes[i] = hash_patterns(&lists[i]);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(hashes[i].bytes, hashes[j].bytes, HASH_SIZE);
        }
    }
    assert_memory_equal(hashes[0].bytes, expected.bytes, HASH_SIZE);
}
