/* SPDX-License-Identifier: Apache-2.0 */
/* sluice was killed while units were under way that keep memos. */
#include "cli/memos_left.h"

#include "base/file.h"
#include "cli/run_folder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

static char state[4096], cache[4096];

/* A run's folder; locked as long as it lives. */
static struct held_folder start_run(char id[RUN_ID_SIZE])
{
    struct held_folder folder;
    struct err err = {0};
    (void)snprintf(state, sizeof state, "%s/state", test_folder());
    (void)snprintf(cache, sizeof cache, "%s/cache", test_folder());
    assert_int_equal(run_folder_make(state, FOLDERS_RUNS, id, &folder, &err), 0);
    return folder;
}

static struct unit_memo memo_of(const char *unit)
{
    return (struct unit_memo){
        .layer = "mutation",
        .unit = unit,
        .program = hash_bytes("program", 7),
        .who = {EVIDENCE_MEMBER, ""},
        .host = "host",
        .run = "run",
        .time_ms = 1000
    };
}

/* Notes where the memo of a unit will lie, and leaves it there unless `text` is NULL. */
static void leave(const struct held_folder *folder, const char *unit, const char *text)
{
    char file[8192];
    struct err err = {0};
    const struct unit_memo memo = memo_of(unit);
    (void)snprintf(file, sizeof file, "%s/artifacts/%s/memo", folder->path, unit);
    assert_int_equal(memos_left_note(folder->path, &memo, file, &err), 0);
    if (text != NULL) {
        char above[8192];
        (void)snprintf(above, sizeof above, "%s/artifacts/%s", folder->path, unit);
        assert_int_equal(dir_make(above, 0755, &err), 0);
        assert_int_equal(file_write_atomic(file, text, strlen(text), &err), 0);
    }
}

/* What is kept of a unit; "" = nothing. */
static const char *kept(const char *unit)
{
    static char text[100];
    struct str found = STR_INIT(UNIT_MEMO_MAX);
    struct err err = {0};
    const struct unit_memo memo = memo_of(unit);
    assert_true(unit_memo_get(cache, &memo, &found, &err) >= 0);
    (void)snprintf(text, sizeof text, "%s", str_text(&found));
    str_fini(&found);
    return text;
}

static size_t recover(void)
{
    size_t count = 0;
    struct err err = {0};
    assert_int_equal(memos_left_recover(state, cache, &count, &err), 0);
    return count;
}

TEST(memos_of_a_run_that_was_killed_are_kept_by_the_next_one)
{
    char id[RUN_ID_SIZE];
    struct held_folder folder = start_run(id);
    leave(&folder, "a", "of a");
    leave(&folder, "b", NULL); /* it ended before there was one */
    leave(&folder, "c", "of c");
    held_folder_release(&folder);
    assert_int_equal(recover(), 2);
    assert_string_equal(kept("a"), "of a");
    assert_string_equal(kept("b"), "");
    assert_string_equal(kept("c"), "of c");
    assert_int_equal(recover(), 0);
}

TEST(memos_of_a_run_that_is_alive_are_its_own)
{
    char id[RUN_ID_SIZE];
    struct held_folder folder = start_run(id);
    leave(&folder, "a", "of a");
    assert_int_equal(recover(), 0);
    assert_string_equal(kept("a"), "");
    held_folder_release(&folder);
    assert_int_equal(recover(), 1);
}

TEST(a_run_that_came_to_its_end_leaves_none)
{
    char id[RUN_ID_SIZE];
    struct held_folder folder = start_run(id);
    leave(&folder, "a", "of a");
    memos_left_forget(folder.path);
    held_folder_release(&folder);
    assert_int_equal(recover(), 0);
}

TEST(torn_and_foreign_notes_are_passed_over)
{
    char id[RUN_ID_SIZE];
    char path[8192];
    char outside[8192];
    struct err err = {0};
    struct held_folder folder = start_run(id);
    (void)snprintf(outside, sizeof outside, "%s/outside", test_folder());
    assert_int_equal(file_write_atomic(outside, "mine", 4, &err), 0);
    const struct unit_memo memo = memo_of("outside");
    assert_int_equal(memos_left_note(folder.path, &memo, outside, &err), 0);
    leave(&folder, "a", "of a");
    (void)snprintf(path, sizeof path, "%s/memos.ndjson", folder.path);
    FILE *notes = fopen(path, "ae");
    assert_non_null(notes);
    (void)fputs("{}\nno JSON\n{\"layer\":\"mutat", notes);
    assert_int_equal(fclose(notes), 0);
    held_folder_release(&folder);
    assert_int_equal(recover(), 1);
    assert_string_equal(kept("a"), "of a");
    assert_string_equal(kept("outside"), "");
    assert_true(file_exists(outside));
}
