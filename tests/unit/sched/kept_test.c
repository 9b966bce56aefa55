/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a unit beside its outcome: its artifacts, and who is told of them. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "support/fake.h"
#include "support/fake_reuse.h"
#include "support/test.h"

static struct story story;

#define HEAD               "version: 1\nstages: [one]\nlayers:\n"
#define LAYER(units, more) "  a: {stage: one, uses: fake, with: {units: \"" units "\"}" more "}\n"

static void with_judge(struct sched_options *options)
{
    struct plugin_description *plugins = (struct plugin_description *)(uintptr_t)options->plugins;
    plugins[0].judges = true; /* the story's own copies */
}

static void run(const char *yaml)
{
    story_run(&story, yaml, 1, with_judge);
}

/* The paths that judge was told of for a unit, the folder of the run and of the unit left out: "" =
 * none. `part` counts from 1, 0 = the unit has no parts. */
static void read_told(const char *unit, int part, char *buf, size_t size)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    char path[1024];
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/judge-0.jsonl", test_folder());
    assert_int_equal(file_read(path, &text, &err), 0);
    char *rest = NULL;
    bool found = false;
    buf[0] = '\0';
    for (char *line = strtok_r(text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        CLEANUP(json_cleanup) json_t *object = NULL;
        assert_int_equal(json_parse(line, strlen(line), &object, &err), 0);
        const char *id = json_string_value(json_object_get(object, "unit"));
        if (id == NULL || strcmp(id, unit) != 0
            || json_integer_value(json_object_get(object, "shard")) != part) {
            continue;
        }
        size_t i = 0;
        json_t *item = NULL;
        found = true;
        json_array_foreach(json_object_get(object, "artifacts"), i, item)
        {
            const char *full = json_string_value(item);
            const char *folder = strstr(full, "/artifacts/a-0/");
            assert_true(full[0] == '/' && file_exists(full) && folder != NULL);
            const char *below = strchr(folder + strlen("/artifacts/a-0/"), '/');
            assert_non_null(below);
            size_t len = strlen(buf);
            (void)snprintf(buf + len, size - len, "%s%s", i > 0 ? " " : "", below + 1);
        }
    }
    assert_true(found);
}

#define assert_told(unit, part, paths)                \
    do {                                              \
        char told[4096];                              \
        read_told((unit), (part), told, sizeof told); \
        assert_string_equal(told, (paths));           \
    } while (0)

TEST(artifacts_of_a_unit_are_kept_whatever_its_outcome_and_judge_is_told)
{
    run(HEAD LAYER("ok!log/b=1,log/a=2 fail!log/f=3 error!e=4 ok-2", ""));
    assert_told("ok", 0, "log/a log/b");
    assert_told("fail", 0, "log/f");
    assert_told("error", 0, "e");
    assert_told("ok-2", 0, "");
}

TEST(artifacts_of_the_layer_are_told_too)
{
    run(HEAD LAYER("ok!x=1", ", artifacts: [\"*.log\"]"));
    assert_told("ok", 0, "x");
}

static bool is_kept(const char *path)
{
    char full[1024];
    (void)snprintf(full, sizeof full, "%s/artifacts/a-0/%s", test_folder(), path);
    return file_exists(full);
}

/* A later attempt put its files among those of the one that failed: neither could be told. */
TEST(what_each_attempt_left_is_kept_apart)
{
    run(HEAD LAYER("flaky!log/a=1", ", retry: {max: 1}"));
    assert_true(is_kept("flaky-0.attempt-1/log/a"));
    assert_true(is_kept("flaky-0/log/a"));
    assert_false(is_kept("flaky-0.attempt-2"));
    assert_told("flaky", 0, "log/a");
}

/* Units without needs and outputs may be run in parts, whatever is kept of them. */
TEST(each_part_of_a_unit_has_its_own)
{
    run(HEAD LAYER("ok!x=1", ", shards: 2"));
    assert_told("ok#1/2", 1, "x");
    assert_told("ok#2/2", 2, "x");
    story_lacks(&story, "needs or outputs");
}

TEST(a_unit_that_did_not_start_has_none)
{
    run(HEAD LAYER("fail ok<fail", ""));
    assert_told("ok", 0, "");
}

/* ---- memos ---- */

static struct fake_reuse fake;
static const struct fake_answer no_answers[] = {
    {NULL, NULL}
};

static void with_memos(struct sched_options *options)
{
    with_judge(options);
    options->reuse = &fake.reuse;
}

TEST(a_memo_is_given_before_and_kept_after_whatever_the_outcome_and_is_no_artifact)
{
    fake_reuse_init(&fake, no_answers);
    fake.memo = "old";
    story_run(&story, HEAD LAYER("ok!memo=new,x=1 fail!memo=bad ok-2", ""), 1, with_memos);
    assert_story(&story, "\nok sees memo=old in 1", "\nfail sees memo=old in 1");
    story_lacks(&story, "ok-2 sees");
    assert_int_equal(fake_reuse_count(&fake, "keep memo a/ok: new\n"), 1);
    assert_int_equal(fake_reuse_count(&fake, "keep memo a/fail: bad\n"), 1);
    assert_int_equal(fake_reuse_count(&fake, "memo a/ok-2"), 0);
    /* Where it lies if sluice is killed before it can be kept: among its artifacts. */
    assert_int_equal(fake_reuse_count(&fake, "left /artifacts/a"), 2);
    assert_int_equal(fake_reuse_count(&fake, "/memo\n"), 2);
    assert_told("ok", 0, "x");
    assert_told("fail", 0, "");
}

TEST(without_a_memo_a_unit_runs_as_ever)
{
    fake_reuse_init(&fake, no_answers);
    story_run(&story, HEAD LAYER("ok!memo=new", ""), 1, with_memos);
    story_lacks(&story, "sees");
    assert_int_equal(fake_reuse_count(&fake, "give memo a/ok\n"), 1);
    assert_int_equal(fake_reuse_count(&fake, "keep memo a/ok: new\n"), 1);
}
