/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_folder.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

static char state[PATH_TEXT_MAX];

static const char *fresh_state(void)
{
    struct err err = {0};
    (void)snprintf(state, sizeof state, "%s/.sluice", test_folder());
    if (state_folder_make(state, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return state;
}

static void make_run(const char *id)
{
    char path[2 * PATH_TEXT_MAX];
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/runs/%s/units", state, id);
    assert_int_equal(dir_make(path, 0755, &err), 0);
}

static bool has_run(const char *id)
{
    char path[2 * PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/runs/%s", state, id);
    return file_exists(path);
}

static int collect(void *context, const char *run_id)
{
    (void)str_appendf(context, "%s ", run_id);
    return 0;
}

/* Is it held, as another process sees it? */
static bool alive_for_others(const char *run_id)
{
    int status = 0;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(run_folder_is_alive(state, FOLDERS_RUNS, run_id) ? 1 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 1;
}

TEST(git_is_told_to_ignore_the_state_folder)
{
    char path[2 * PATH_TEXT_MAX];
    struct str text = STR_INIT(64);
    (void)snprintf(path, sizeof path, "%s/.gitignore", fresh_state());
    assert_int_equal(file_read(path, &text, NULL), 0);
    assert_string_equal(str_text(&text), "*\n");
    str_fini(&text);
}

TEST(a_run_is_alive_while_its_folder_is_held)
{
    char id[RUN_ID_SIZE];
    struct held_folder folder = {.lock = -1};
    struct err err = {0};
    assert_int_equal(run_folder_make(fresh_state(), FOLDERS_RUNS, id, &folder, &err), 0);
    assert_true(run_id_is_valid(id));
    assert_true(has_run(id));
    assert_true(alive_for_others(id));
    held_folder_release(&folder);
    assert_false(alive_for_others(id));
    assert_false(alive_for_others("20200101T000000-0000"));
    held_folder_release(&folder); /* twice does no harm */
}

TEST(two_runs_in_one_second_get_two_folders)
{
    char ids[20][RUN_ID_SIZE];
    struct held_folder folders[20];
    struct err err = {0};
    (void)fresh_state();
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(run_folder_make(state, FOLDERS_RUNS, ids[i], &folders[i], &err), 0);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(ids[i], ids[k]);
        }
    }
    for (size_t i = 0; i < 20; i++) {
        held_folder_release(&folders[i]);
    }
}

TEST(runs_are_listed_newest_first_and_strangers_are_passed_over)
{
    struct str out = STR_INIT(4096);
    struct err err = {0};
    (void)fresh_state();
    assert_int_equal(run_folder_list(state, FOLDERS_RUNS, collect, &out, &err), 0);
    assert_string_equal(str_text(&out), "");
    make_run("20260101T000000-0001");
    make_run("20260102T000000-0001");
    make_run("20251231T000000-ffff");
    make_run("notes");
    assert_int_equal(run_folder_list(state, FOLDERS_RUNS, collect, &out, &err), 0);
    assert_string_equal(str_text(&out),
                        "20260102T000000-0001 20260101T000000-0001 20251231T000000-ffff ");
    str_fini(&out);
}

TEST(pruning_keeps_the_newest_the_living_and_what_is_no_run)
{
    char id[RUN_ID_SIZE];
    struct held_folder folder = {.lock = -1};
    struct err err = {0};
    (void)fresh_state();
    assert_int_equal(run_folder_make(state, FOLDERS_RUNS, id, &folder, &err), 0);
    make_run("29990101T000000-0001"); /* newer than the living one */
    make_run("29990102T000000-0001");
    make_run("20200101T000000-0001");
    make_run("notes");
    assert_int_equal(run_folder_prune(state, FOLDERS_RUNS, 1, &err), 0);
    assert_true(has_run("29990102T000000-0001"));
    assert_false(has_run("29990101T000000-0001"));
    assert_false(has_run("20200101T000000-0001"));
    assert_true(has_run(id));
    assert_true(has_run("notes"));
    held_folder_release(&folder);
}

TEST(a_checkout_of_the_pool_is_used_by_one_at_a_time_and_then_again)
{
    struct held_folder first = {.lock = -1};
    struct held_folder second = {.lock = -1};
    struct held_folder third = {.lock = -1};
    struct err err = {0};
    assert_int_equal(pool_take(fresh_state(), &first, &err), 0);
    assert_int_equal(pool_take(state, &second, &err), 0);
    assert_true(text_ends_with(first.path, "/pool/node_modules/0"));
    assert_true(text_ends_with(second.path, "/pool/node_modules/1"));
    held_folder_release(&first);
    assert_int_equal(pool_take(state, &third, &err), 0);
    assert_true(text_ends_with(third.path, "/pool/node_modules/0"));
    held_folder_release(&second);
    held_folder_release(&third);
}

TEST(a_pool_that_is_used_up_is_told)
{
    struct held_folder folders[POOL_MAX];
    struct held_folder more = {.lock = -1};
    struct err err = {0};
    (void)fresh_state();
    for (size_t i = 0; i < POOL_MAX; i++) {
        assert_int_equal(pool_take(state, &folders[i], &err), 0);
    }
    assert_int_equal(pool_take(state, &more, &err), -EBUSY);
    assert_int_equal(more.lock, -1);
    assert_non_null(strstr(err.text, "in use"));
    for (size_t i = 0; i < POOL_MAX; i++) {
        held_folder_release(&folders[i]);
    }
}

TEST(a_state_folder_that_cannot_be_made_is_told)
{
    char path[2 * PATH_TEXT_MAX];
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/file", test_folder());
    const int fd = open(path, O_CREAT | O_WRONLY, 0644);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)snprintf(path, sizeof path, "%s/file/.sluice", test_folder());
    assert_true(state_folder_make(path, &err) < 0);
    assert_true(err.text[0] != '\0');
}
