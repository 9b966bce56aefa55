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
