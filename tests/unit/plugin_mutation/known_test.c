/* SPDX-License-Identifier: Apache-2.0 */
/* Memos of verdicts: what was written is read, whatever else stands in the file; the order in which
 * mutants are tried. */
#include "plugins/mutation/known.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static const char *const both[] = {"test_a", "test_b", NULL};

static struct known_verdict verdict_of(const char *id, enum mutant_status status, int64_t when_ms)
{
    return (struct known_verdict){.id = id,
                                  .status = status,
                                  .engine = ENGINE_FORK,
                                  .killer = status == MUTANT_KILLED ? "test_a" : NULL,
                                  .reached = both,
                                  .rests = "0a1b",
                                  .cpu_us = 7,
                                  .when_ms = when_ms,
                                  .sure = true};
}

static void append(struct str *text, const char *id, enum mutant_status status, int64_t when_ms)
{
    const struct known_verdict verdict = verdict_of(id, status, when_ms);
    known_write_verdict(text, &verdict);
    assert_int_equal(str_error(text), 0);
}

static void parse(struct known *known, const struct str *text)
{
    struct err err = {0};
    assert_int_equal(known_parse(known, str_text(text), text->len, &err), 0);
}

static bool knows(const struct str *text, const char *id)
{
    struct known known;
    parse(&known, text);
    bool found = known_find(&known, id) != NULL;
    known_fini(&known);
    return found;
}

TEST(a_verdict_is_read_as_it_was_written)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    CLEANUP(known_fini) struct known known;
    known_write_head(&text);
    append(&text, "aa", MUTANT_KILLED, 1000);
    parse(&known, &text);
    const struct known_verdict *verdict = known_find(&known, "aa");
    assert_non_null(verdict);
    assert_int_equal(verdict->status, MUTANT_KILLED);
    assert_int_equal(verdict->engine, ENGINE_FORK);
    assert_string_equal(verdict->killer, "test_a");
    assert_string_equal(verdict->reached[1], "test_b");
    assert_null(verdict->reached[2]);
    assert_string_equal(verdict->rests, "0a1b");
    assert_int_equal(verdict->cpu_us, 7);
    assert_int_equal(verdict->when_ms, 1000);
    assert_true(verdict->sure);
    assert_null(known_find(&known, "ab"));
}

TEST(the_last_line_of_a_mutant_counts)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    CLEANUP(known_fini) struct known known;
    known_write_head(&text);
    append(&text, "aa", MUTANT_KILLED, 1000);
    append(&text, "bb", MUTANT_KILLED, 1000);
    append(&text, "aa", MUTANT_SURVIVED, 2000);
    parse(&known, &text);
    assert_int_equal(known.verdicts.count, 2);
    assert_int_equal(known_find(&known, "aa")->status, MUTANT_SURVIVED);
    assert_int_equal(known_find(&known, "aa")->when_ms, 2000);
}

/* Killed in the middle of a line: whatever was written of it, it and nothing else is missing. */
TEST(a_torn_line_is_left_out_wherever_it_was_torn)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    known_write_head(&text);
    append(&text, "aa", MUTANT_KILLED, 1000);
    size_t whole = text.len;
    append(&text, "bb", MUTANT_KILLED, 1000);
    for (size_t len = whole; len < text.len; len++) {
        CLEANUP(str_fini) struct str torn = STR_INIT(KNOWN_TEXT_MAX);
        assert_int_equal(str_append_n(&torn, str_text(&text), len), 0);
        assert_true(knows(&torn, "aa"));
        assert_false(knows(&torn, "bb"));
        assert_int_equal(str_append_char(&torn, '\n'), 0);
        append(&torn, "cc", MUTANT_KILLED, 1000); /* by the next run */
        assert_true(knows(&torn, "cc"));
        assert_int_equal(knows(&torn, "bb"), len == text.len - 1);
    }
}

TEST(a_line_in_which_one_byte_is_another_is_left_out)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    known_write_head(&text);
    size_t begin = text.len;
    append(&text, "aa", MUTANT_KILLED, 1000);
    size_t end = text.len;
    append(&text, "bb", MUTANT_KILLED, 1000);
    for (size_t at = begin; at < end - 1; at++) {
        CLEANUP(str_fini) struct str wrong = STR_INIT(KNOWN_TEXT_MAX);
        char changed = (char)(str_text(&text)[at] ^ 1);
        assert_int_equal(str_append_n(&wrong, str_text(&text), at), 0);
        assert_int_equal(str_append_char(&wrong, changed), 0);
        assert_int_equal(str_append(&wrong, str_text(&text) + at + 1), 0);
        assert_false(knows(&wrong, "aa"));
        assert_true(knows(&wrong, "bb"));
    }
}

TEST(a_memo_of_another_version_or_without_its_head_is_empty)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    append(&text, "aa", MUTANT_KILLED, 1000);
    assert_false(knows(&text, "aa"));
    str_clear(&text);
    /* The digest is of {"known":2}. */
    assert_int_equal(str_append(&text, "cb40d67d0d06241c {\"known\":2}\n"), 0);
    append(&text, "aa", MUTANT_KILLED, 1000);
    assert_false(knows(&text, "aa"));
    str_clear(&text);
    assert_false(knows(&text, "aa"));
}

/* The sum is right, and what it says is no verdict. */
TEST(verdicts_that_say_too_little_are_left_out)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    struct known_verdict verdicts[] = {
        verdict_of("k1", MUTANT_KILLED, 1),
        verdict_of("k2", MUTANT_KILLED, 1),
        verdict_of("s1", MUTANT_SURVIVED, 1),
        verdict_of("n1", MUTANT_NO_COVERAGE, 1),
        verdict_of("p1", MUTANT_PENDING, 1),
        verdict_of("i1", MUTANT_IGNORED, 1),
        verdict_of("r1", MUTANT_KILLED, 1),
        verdict_of("ok", MUTANT_KILLED, 1),
    };
    verdicts[0].killer = NULL;
    verdicts[1].reached = NULL;
    verdicts[2].reached = NULL;
    verdicts[6].rests = "no digest";
    known_write_head(&text);
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        known_write_verdict(&text, &verdicts[i]);
    }
    CLEANUP(known_fini) struct known known;
    parse(&known, &text);
    assert_int_equal(known.verdicts.count, 1);
    assert_non_null(known_find(&known, "ok"));
}

TEST(files_are_kept_once_and_forgotten_with_their_epoch)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    CLEANUP(known_fini) struct known known = {0};
    CLEANUP(known_fini) struct known again;
    struct err err = {0};
    known_forget_files(&known);
    assert_int_equal(known_put_file(&known, "data/a", "0a", &err), 1);
    assert_int_equal(known_put_file(&known, "data/a", "0b", &err), 0);
    known_write_head(&text);
    known_write_files(&text, &known, 0);
    assert_int_equal(known_put_file(&known, "data/b", "0c", &err), 1);
    known_write_files(&text, &known, 1);
    parse(&again, &text);
    assert_int_equal(again.files.count, 2);
    assert_string_equal(again.files.items[0].digest, "0a");
    assert_string_equal(again.files.items[1].path, "data/b");
    assert_string_equal(again.epoch, known.epoch);
    char before[KNOWN_EPOCH_SIZE];
    memcpy(before, again.epoch, sizeof before);
    known_forget_files(&again);
    assert_int_equal(again.files.count, 0);
    assert_string_not_equal(again.epoch, before);
    known_write_files(&text, &again, 0);
    known_fini(&again);
    parse(&again, &text);
    assert_int_equal(again.files.count, 0);
}

TEST(a_memo_written_anew_has_the_mutants_that_are_still_there)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    CLEANUP(known_fini) struct known known = {0};
    struct err err = {0};
    struct map ids = {0};
    const struct known_verdict here = verdict_of("aa", MUTANT_KILLED, 1);
    const struct known_verdict gone = verdict_of("bb", MUTANT_KILLED, 1);
    assert_int_equal(known_put(&known, &here, &err), 0);
    assert_int_equal(known_put(&known, &gone, &err), 0);
    assert_int_equal(map_put(&ids, "aa", 1), 0);
    assert_int_equal(known_write(&text, &known, &ids, &err), 0);
    map_fini(&ids);
    assert_true(knows(&text, "aa"));
    assert_false(knows(&text, "bb"));
}

TEST(changed_lines_come_first_then_new_code_then_survivors_then_what_was_tried_longest_ago)
{
    CLEANUP(known_fini) struct known known = {0};
    struct err err = {0};
    static struct mutant mutants[6];

    static const struct {
        const char *id;
        enum mutant_status status;
        int64_t when_ms;
    } last[] = {
        {"k-late",  MUTANT_KILLED,   3000},
        {"k-early", MUTANT_KILLED,   1000},
        {"new-2",   MUTANT_PENDING,  0   },
        {"s-late",  MUTANT_SURVIVED, 4000},
        {"s-early", MUTANT_SURVIVED, 2000},
        {"new-1",   MUTANT_PENDING,  0   },
    };

    const struct mutant *order[6];
    for (size_t i = 0; i < 6; i++) {
        const struct known_verdict verdict =
            verdict_of(last[i].id, last[i].status, last[i].when_ms);
        (void)snprintf(mutants[i].id, sizeof mutants[i].id, "%s", last[i].id);
        mutants[i].number = (uint32_t)i;
        order[i] = &mutants[i];
        if (last[i].status != MUTANT_PENDING) {
            assert_int_equal(known_put(&known, &verdict, &err), 0);
        }
    }
    known_sort(&known, NULL, order, 6);
    assert_string_equal(order[0]->id, "new-2");
    assert_string_equal(order[1]->id, "new-1");
    assert_string_equal(order[2]->id, "s-early");
    assert_string_equal(order[3]->id, "s-late");
    assert_string_equal(order[4]->id, "k-early");
    assert_string_equal(order[5]->id, "k-late");

    static const bool fresh[6] = {[0] = true, [5] = true};
    known_sort(&known, fresh, order, 6);
    assert_string_equal(order[0]->id, "new-1");
    assert_string_equal(order[1]->id, "k-late");
    assert_string_equal(order[2]->id, "new-2");
    assert_string_equal(order[3]->id, "s-early");
}

/* The n-th allocation and all after it fail, or that one alone: a memo is read as a whole or not.
 */
static bool parses_without(const struct str *text, size_t n, size_t (*short_of)(size_t))
{
    CLEANUP(known_fini) struct known known = {0};
    struct err err = {0};
    (void)short_of(n);
    int status = known_parse(&known, str_text(text), text->len, &err);
    (void)short_of(0);
    assert_true(status == 0 || status == -ENOMEM);
    if (status == 0) {
        assert_non_null(known_find(&known, "aa"));
        assert_non_null(known_find(&known, "bb"));
        assert_int_equal(known.files.count, 1);
    }
    return status == 0;
}

TEST(a_memo_that_memory_is_too_short_for_is_an_error_and_none_of_it_is_lost_in_silence)
{
    size_t (*const fails[])(size_t) = {mem_fail_from, mem_fail_once};
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    CLEANUP(known_fini) struct known files;
    struct err err = {0};
    known_write_head(&text);
    parse(&files, &text);
    assert_int_equal(known_put_file(&files, "data.txt", "0c", &err), 1);
    known_write_files(&text, &files, 0);
    append(&text, "aa", MUTANT_KILLED, 1000);
    append(&text, "bb", MUTANT_SURVIVED, 2000);
    for (size_t i = 0; i < 2; i++) {
        size_t n = 1;
        while (!parses_without(&text, n, fails[i])) {
            n++;
            assert_true(n < 1000);
        }
        assert_true(n > 3); /* some did fail */
    }
}
