/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unit_memo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

static struct unit_memo memo_of(enum evidence_trust trust, const char *scope, int64_t time_ms)
{
    return (struct unit_memo){
        .layer = "m",
        .unit = "src/a.c",
        .program = {{1}   },
        .who = { trust, scope},
        .host = "host",
        .run = "run",
        .time_ms = time_ms
    };
}

static void put(enum evidence_trust trust, const char *scope, int64_t time_ms, const char *text)
{
    const struct unit_memo memo = memo_of(trust, scope, time_ms);
    struct err err = {0};
    assert_int_equal(unit_memo_put(test_folder(), &memo, text, strlen(text), &err), 0);
}

static void assert_memo(const struct unit_memo *memo, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(UNIT_MEMO_MAX);
    struct err err = {0};
    const int rc = unit_memo_get(test_folder(), memo, &out, &err);
    assert_int_equal(rc, expected != NULL ? 1 : 0);
    assert_string_equal(str_text(&out), expected != NULL ? expected : "");
}

static void assert_read(enum evidence_trust trust, const char *scope, const char *expected)
{
    const struct unit_memo memo = memo_of(trust, scope, 0);
    assert_memo(&memo, expected);
}

TEST(the_last_memo_is_given_to_the_same_unit_of_the_same_program)
{
    assert_read(EVIDENCE_MEMBER, "", NULL);
    put(EVIDENCE_MEMBER, "", 1, "first");
    put(EVIDENCE_MEMBER, "", 2, "second");
    assert_read(EVIDENCE_MEMBER, "", "second");
    struct unit_memo other = memo_of(EVIDENCE_MEMBER, "", 0);
    other.unit = "src/b.c";
    assert_memo(&other, NULL);
    other = memo_of(EVIDENCE_MEMBER, "", 0);
    other.layer = "n";
    assert_memo(&other, NULL);
    other = memo_of(EVIDENCE_MEMBER, "", 0);
    other.program.bytes[0] = 2;
    assert_memo(&other, NULL);
}

TEST(trust_reads_upwards_only)
{
    put(EVIDENCE_FORK, "", 1, "fork");
    put(EVIDENCE_MEMBER, "7", 2, "change 7");
    assert_read(EVIDENCE_PROTECTED, "", NULL);
    assert_read(EVIDENCE_PROTECTED, "7", NULL);
    assert_read(EVIDENCE_MEMBER, "", NULL);
    assert_read(EVIDENCE_MEMBER, "8", NULL);
    assert_read(EVIDENCE_MEMBER, "7", "change 7");
    assert_read(EVIDENCE_FORK, "7", "change 7");
    assert_read(EVIDENCE_FORK, "", "fork");
    put(EVIDENCE_PROTECTED, "", 3, "protected");
    assert_read(EVIDENCE_PROTECTED, "7", "protected");
    assert_read(EVIDENCE_MEMBER, "", "protected");
    assert_read(EVIDENCE_MEMBER, "7", "protected"); /* the newest */
    put(EVIDENCE_MEMBER, "", 4, "member");
    assert_read(EVIDENCE_FORK, "", "protected");
    assert_read(EVIDENCE_MEMBER, "7", "protected");
    assert_read(EVIDENCE_MEMBER, "", "member");
}

TEST(what_is_torn_or_damaged_is_missing)
{
    char path[600];
    struct err err = {0};
    put(EVIDENCE_MEMBER, "", 1, "whole");
    (void)snprintf(path,
                   sizeof path,
                   "cd '%s/memos' && for f in *; do truncate -s -1 $f; done",
                   test_folder());
    assert_int_equal(system(path), 0); // NOLINT(cert-env33-c): a path of ours
    assert_read(EVIDENCE_MEMBER, "", NULL);
    uint64_t count = 0;
    assert_int_equal(unit_memo_tidy(test_folder(), INT64_MAX, UINT64_MAX, &count, &err), 0);
    assert_int_equal(count, 1);
}

TEST(what_is_too_large_is_not_kept)
{
    const struct unit_memo memo = memo_of(EVIDENCE_MEMBER, "", 1);
    struct err err = {0};
    assert_int_equal(unit_memo_put(test_folder(), &memo, "x", (size_t)UNIT_MEMO_MAX + 1, &err),
                     -EFBIG);
    assert_read(EVIDENCE_MEMBER, "", NULL);
}

TEST(memos_are_counted)
{
    uint64_t count = 7;
    uint64_t bytes = 7;
    uint64_t more = 0;
    struct err err = {0};
    assert_int_equal(unit_memo_count(test_folder(), &count, &bytes, &err), 0);
    assert_true(count == 0 && bytes == 0);
    put(EVIDENCE_MEMBER, "1", 1, "one");
    assert_int_equal(unit_memo_count(test_folder(), &count, &bytes, &err), 0);
    assert_true(count == 1 && bytes > strlen("one"));
    put(EVIDENCE_MEMBER, "2", 1, "two and more");
    assert_int_equal(unit_memo_count(test_folder(), &count, &more, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(more, 2 * bytes + strlen("two and more") - strlen("one"));
}

TEST(old_memos_go_and_those_beyond_the_budget)
{
    uint64_t count = 7;
    struct err err = {0};
    assert_int_equal(unit_memo_tidy(test_folder(), 0, 0, &count, &err), 0);
    assert_int_equal(count, 0);
    put(EVIDENCE_MEMBER, "1", 1, "one");
    put(EVIDENCE_MEMBER, "2", 1, "two");
    assert_int_equal(unit_memo_tidy(test_folder(), 0, UINT64_MAX, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(unit_memo_tidy(test_folder(), 0, 300, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_int_equal(unit_memo_tidy(test_folder(), INT64_MAX, UINT64_MAX, &count, &err), 0);
    assert_int_equal(count, 1);
}

TEST(what_rests_on_what_is_revoked_goes)
{
    const struct evidence_revocation of_change = {.scope = "7", .until_ms = INT64_MAX};
    const struct evidence_revocation of_host = {.host = "other", .until_ms = INT64_MAX};
    uint64_t count = 0;
    struct err err = {0};
    put(EVIDENCE_MEMBER, "7", 5, "change");
    put(EVIDENCE_MEMBER, "", 5, "main");
    assert_int_equal(unit_memo_revoke(test_folder(), &of_host, false, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(unit_memo_revoke(test_folder(), &of_change, true, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_read(EVIDENCE_MEMBER, "7", "change");
    assert_int_equal(unit_memo_revoke(test_folder(), &of_change, false, &count, &err), 0);
    assert_read(EVIDENCE_MEMBER, "7", NULL);
    assert_read(EVIDENCE_MEMBER, "", "main");
    const struct evidence_revocation late = {.since_ms = 6, .until_ms = INT64_MAX};
    assert_int_equal(unit_memo_revoke(test_folder(), &late, false, &count, &err), 0);
    assert_int_equal(count, 0);
}

TEST(short_memory_is_an_error_or_a_memo_that_is_missing)
{
    const struct unit_memo memo = memo_of(EVIDENCE_MEMBER, "", 1);
    put(EVIDENCE_MEMBER, "", 1, "text");
    for (size_t n = 1; n < 300; n++) {
        CLEANUP(str_fini) struct str out = STR_INIT(UNIT_MEMO_MAX);
        struct err err = {0};
        (void)mem_fail_from(n);
        const int rc = unit_memo_get(test_folder(), &memo, &out, &err);
        (void)mem_fail_from(0);
        if (rc == 1) {
            return;
        }
        assert_true(rc == 0 || rc == -ENOMEM);
    }
    fail_msg("it never worked");
}
