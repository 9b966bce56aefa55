/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of shards as one. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugins/mutation/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/layer.h"

/* A mutant of a report; `more` are further fields, each with a comma in front. */
#define MUTANT(id, status, more)                                                           \
    "{\"id\":\"" id "\",\"mutatorName\":\"swap\",\"status\":\"" status                     \
    "\",\"location\":{\"start\":{\"line\":1,\"column\":1},\"end\":{\"line\":1,\"column\":" \
    "2}}" more "}"

/* A report of a.c with these mutants; its tests have the ids 0 and 1. */
static void write_report(const char *path,
                         const char *source,
                         const char *mutants,
                         const char *tests)
{
    char text[4096];
    (void)snprintf(text,
                   sizeof text,
                   "{\"schemaVersion\":\"2\",\"framework\":{\"name\":\"sluice\"},\"thresholds\":"
                   "{\"high\":80,\"low\":60},\"files\":{\"a.c\":{\"language\":\"c\",\"source\":"
                   "\"%s\",\"mutants\":[%s]}},\"testFiles\":{\"tests\":{\"tests\":[%s]}}}",
                   source,
                   mutants,
                   tests);
    layer_write(path, text, 0644);
}

#define TEST_NAMED(id, name) "{\"id\":\"" id "\",\"name\":\"" name "\"}"

/* Merges first.json and second.json: the exit code. What it printed is in "out" and "err". */
static int merge(const char *how)
{
    char words[][12] = {"merge", "", "whole", "first.json", "second.json"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], NULL};
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    (void)snprintf(words[1], sizeof words[1], "%s", how);
    (void)fflush(NULL);
    assert_non_null(freopen("out", "w", stdout));
    assert_non_null(freopen("err", "w", stderr));
    int status = unit_run_merge(5, argv);
    (void)fflush(NULL);
    assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(dup2(err, STDERR_FILENO), STDERR_FILENO);
    (void)close(out);
    (void)close(err);
    return status;
}

static void expect(const char *said)
{
    if (merge("json") != 0) {
        fail_msg("%s", layer_read("err"));
    }
    assert_string_equal(layer_read("out"), said);
}

/* Status and killer's name of a mutant of the whole. */
static void expect_mutant(const char *id, const char *status, const char *killer)
{
    CLEANUP(json_cleanup) json_t *whole = NULL;
    struct err err = {0};
    const char *text = layer_read("whole/mutation.json");
    size_t i = 0;
    json_t *mutant = NULL;
    assert_int_equal(json_parse(text, strlen(text), &whole, &err), 0);
    json_t *files = json_object_get(whole, "files");
    json_t *groups = json_object_get(whole, "testFiles");
    json_t *tests = json_object_get(json_object_get(groups, "tests"), "tests");
    json_array_foreach(json_object_get(json_object_get(files, "a.c"), "mutants"), i, mutant)
    {
        if (strcmp(json_string_value(json_object_get(mutant, "id")), id) != 0) {
            continue;
        }
        assert_string_equal(json_string_value(json_object_get(mutant, "status")), status);
        json_t *killed = json_array_get(json_object_get(mutant, "killedBy"), 0);
        const char *name = NULL;
        size_t at = 0;
        json_t *test = NULL;
        json_array_foreach(tests, at, test)
        {
            if (killed != NULL && json_equal(json_object_get(test, "id"), killed)) {
                name = json_string_value(json_object_get(test, "name"));
            }
        }
        assert_string_equal(name != NULL ? name : "", killer);
        return;
    }
    fail_msg("%s is not in the whole", id);
}

TEST(mutants_of_all_reports_are_counted_and_tests_keep_their_names)
{
    (void)layer_enter();
    write_report("first.json",
                 "x",
                 MUTANT("1", "Killed", ",\"killedBy\":[\"0\"]") "," MUTANT("2", "Survived", ""),
                 TEST_NAMED("0", "one"));
    write_report("second.json",
                 "x",
                 MUTANT("3", "Killed", ",\"killedBy\":[\"0\"]") "," MUTANT("4", "NoCoverage", ""),
                 TEST_NAMED("0", "two") "," TEST_NAMED("1", "one"));
    expect("{\"score\":50,\"mutants\":4,\"Pending\":0,\"Killed\":2,\"Survived\":1,"
           "\"NoCoverage\":1,\"Timeout\":0,\"CompileError\":0,\"RuntimeError\":0,\"Ignored\":0}\n");
    expect_mutant("1", "Killed", "one");
    expect_mutant("3", "Killed", "two");
}

TEST(of_two_verdicts_the_one_that_says_most_is_kept_and_a_survivor_before_a_kill)
{
    (void)layer_enter();
    write_report("first.json",
                 "x",
                 MUTANT("1", "Killed", ",\"killedBy\":[\"0\"]") "," MUTANT("2", "Pending", ""),
                 TEST_NAMED("0", "one"));
    write_report("second.json",
                 "x",
                 MUTANT("1", "Survived", "") "," MUTANT("2", "Killed", ",\"killedBy\":[\"0\"]"),
                 TEST_NAMED("0", "two"));
    expect("{\"score\":50,\"mutants\":2,\"Pending\":0,\"Killed\":1,\"Survived\":1,"
           "\"NoCoverage\":0,\"Timeout\":0,\"CompileError\":0,\"RuntimeError\":0,\"Ignored\":0}\n");
    expect_mutant("1", "Survived", "");
    expect_mutant("2", "Killed", "two");
}

TEST(what_is_suppressed_is_no_kill_and_what_is_pending_leaves_no_score)
{
    (void)layer_enter();
    write_report("first.json", "x", MUTANT("1", "Killed", ""), "");
    write_report("second.json",
                 "x",
                 MUTANT("2", "Ignored", ",\"statusReason\":\"suppressed: because\"") "," MUTANT(
                     "3", "Ignored", ",\"statusReason\":\"equivalent (TCE)\""),
                 "");
    expect("{\"score\":50,\"mutants\":3,\"Pending\":0,\"Killed\":1,\"Survived\":0,"
           "\"NoCoverage\":0,\"Timeout\":0,\"CompileError\":0,\"RuntimeError\":0,\"Ignored\":2}\n");
    write_report("second.json", "x", MUTANT("2", "Pending", ""), "");
    assert_int_equal(merge("text"), 0);
    assert_string_equal(layer_read("out"), "score not measured: 2 mutants, 1 Pending, 1 Killed\n");
}

/* second.json is refused; the message holds `words`. */
static void expect_refused(const char *words)
{
    assert_int_equal(merge("json"), UNIT_REFUSED);
    if (strstr(layer_read("err"), words) == NULL) {
        fail_msg("%s", layer_read("err"));
    }
    assert_string_equal(layer_read("out"), "");
    assert_false(file_exists("whole/mutation.json"));
}

TEST(reports_that_are_of_other_sources_or_none_are_refused)
{
    (void)layer_enter();
    write_report("first.json", "x", MUTANT("1", "Killed", ""), "");
    write_report("second.json", "y", MUTANT("2", "Killed", ""), "");
    expect_refused("second.json: a.c has another source than in the reports before");
    write_report("second.json", "x", MUTANT("2", "Fine", ""), "");
    expect_refused("second.json is no report of a mutation layer of sluice (a mutant without id");
    write_report("second.json", "x", MUTANT("2", "Killed", ",\"killedBy\":[\"7\"]"), "");
    expect_refused("a mutant names a test that is not listed");
    layer_write("second.json", "{\"files\":{}}", 0644);
    expect_refused("it does not say that sluice made it");
    layer_write("second.json", "{", 0644);
    expect_refused("second.json");
    assert_int_equal(unlink("second.json"), 0);
    expect_refused("second.json");
}
