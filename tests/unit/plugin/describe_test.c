/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins of every kind of badness describe themselves: each costs one clear error, soon. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "plugin/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin/support/files.h"

static void cleanup_arena(struct arena **arena)
{
    arena_free(*arena);
}

static int describe(const char *script, struct err *err)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(8u << 20);
    const char *program = write_program("plugin", script);
    struct plugin_description description = {.name = "untouched"};
    int status = plugin_describe(program, arena, &description, err);
    if (status != 0) {
        assert_string_equal(description.name, "untouched");
        assert_int_equal(err->code, status);
        char start[600];
        (void)snprintf(start, sizeof start, "%s describe: ", program);
        assert_true(text_starts_with(err->text, start));
    }
    return status;
}

/* The program prints `answer`; the message must hold `part`. */
static void assert_refused(const char *answer, const char *part)
{
    char script[2000];
    (void)snprintf(script, sizeof script, "#!/bin/sh\ncat <<'END'\n%s\nEND\n", answer);
    struct err err = {0};
    assert_true(describe(script, &err) < 0);
    if (strstr(err.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
    }
}

TEST(a_good_plugin_is_described)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(8u << 20);
    const char *program = write_program(
        "good",
        "#!/bin/sh\n"
        "[ \"$*\" = describe ] || exit 9\n"
        "echo '{\"name\":\"my-plugin\",\"protocol\":1,\"schema\":{\"type\":\"object\"},'\n"
        "echo ' \"metrics\":[\"score\",\"survivors\"],\"verbs\":[\"plan\",\"judge\"],'\n"
        "echo ' \"produces\":true}'\n");
    struct plugin_description description = {0};
    struct err err = {0};
    if (plugin_describe(program, arena, &description, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(description.name, "my-plugin");
    assert_string_equal(description.program, program);
    assert_string_equal(description.schema, "{\"type\":\"object\"}");
    assert_int_equal(description.metrics.count, 2);
    assert_string_equal(description.metrics.items[1], "survivors");
    assert_true(description.judges);
    assert_false(description.selects);
    assert_true(description.produces);
}

TEST(answers_that_are_wrong_are_named)
{
    assert_refused("hello", "not valid JSON");
    assert_refused("", "not valid JSON");
    assert_refused("[]", "must be an object, but is an array");
    assert_refused("{}{}", "not valid JSON: end of file expected");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\"],\"vebrs\":1}",
                   "unknown field \"vebrs\"; did you mean \"verbs\"?");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{}}", "field \"verbs\" is missing");
    assert_refused("{\"name\":\"../x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\"]}",
                   "name \"../x\" is no name");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"judge\"]}",
                   "verbs must name \"plan\"");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\",\"jugde\"]}",
                   "unknown verb \"jugde\"; did you mean \"judge\"?");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\",3]}",
                   "verbs: item 2 must be a string");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{\"patern\":1},\"verbs\":[\"plan\"]}",
                   "keyword \"patern\" is not supported");
}

TEST(metrics_must_be_of_the_plugin_s_own)
{
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\",\"judge\"],"
                   "\"metrics\":[\"failed\"]}",
                   "metric \"failed\" is one that every layer has");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\",\"judge\"],"
                   "\"metrics\":[\"Score\"]}",
                   "metric \"Score\" is no name");
    assert_refused("{\"name\":\"x\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\"],"
                   "\"metrics\":[\"score\"]}",
                   "has metrics, but no verb \"judge\"");
}

TEST(another_protocol_is_told_before_its_fields)
{
    assert_refused("{\"name\":\"x\",\"protocol\":2,\"new_field\":true}",
                   "speaks protocol 2, but this sluice speaks protocol 1");
}

TEST(a_plugin_that_fails_is_quoted)
{
    struct err err = {0};
    assert_int_equal(describe("#!/bin/sh\necho 'no module named \033[31mfoo' >&2\nexit 3\n", &err),
                     -EPROTO);
    assert_non_null(strstr(err.text, "exited with 3. It said:\nno module named foo"));
    assert_int_equal(describe("#!/bin/sh\nexit 3\n", &err), -EPROTO);
    assert_non_null(
        strstr(err.text, "exited with 3. It said:\n(it said nothing on standard error)"));
    assert_int_equal(describe("#!/bin/sh\nkill -SEGV $$\n", &err), -EPROTO);
    assert_non_null(strstr(err.text, "was ended by signal 11"));
}

TEST(a_plugin_that_cannot_be_started_is_told)
{
    struct err err = {0};
    assert_true(describe("#!/no/such/interpreter\n", &err) < 0);
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(1u << 20);
    struct plugin_description description = {0};
    assert_int_equal(plugin_describe("/no/such/plugin", arena, &description, &err), -ENOENT);
}

TEST(a_plugin_that_floods_is_stopped)
{
    int64_t start = clock_mono_ns();
    struct err err = {0};
    assert_int_equal(describe("#!/bin/sh\nyes '{\"name\":1}'\n", &err), -EFBIG);
    assert_non_null(strstr(err.text, "1048576 bytes"));
    assert_int_equal(describe("#!/bin/sh\nyes complaint >&2\n", &err), -EFBIG);
    assert_true(clock_mono_ns() - start < 8LL * 1000 * 1000 * 1000);
}

TEST(a_plugin_that_hangs_is_ended)
{
    int64_t start = clock_mono_ns();
    struct err err = {0};
    assert_int_equal(describe("#!/bin/sh\nsleep 100 & sleep 100\n", &err), -ETIMEDOUT);
    int64_t ms = (clock_mono_ns() - start) / 1000000;
    assert_true(ms >= PLUGIN_DESCRIBE_TIMEOUT_MS && ms < 2LL * PLUGIN_DESCRIBE_TIMEOUT_MS);
}

TEST(a_deeply_nested_answer_is_refused)
{
    struct err err = {0};
    assert_int_equal(describe("#!/bin/sh\nhead -c 200000 /dev/zero | tr '\\0' '['\n", &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "not valid JSON: maximum parsing depth reached"));
}

static int describe_once(const char *program, const char *memo, struct err *err)
{
    CLEANUP(cleanup_arena) struct arena *arena = arena_new(8u << 20);
    struct plugin_description description = {0};
    int status = plugin_describe_once(program, memo, arena, &description, err);
    if (status == 0) {
        assert_string_equal(description.name, "my-plugin");
        assert_string_equal(description.program, program);
    }
    return status;
}

static unsigned long count_runs(const char *path)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    return file_read(path, &text, NULL) == 0 ? text.len : 0;
}

#define SAYS(json) "#!/bin/sh\nprintf x >>\"$0.runs\"\necho '" json "'\n"
#define GOOD       "{\"name\":\"my-plugin\",\"protocol\":1,\"schema\":{},\"verbs\":[\"plan\"]}"

TEST(a_plugin_that_did_not_change_is_asked_once)
{
    struct err err = {0};
    char runs[4096];
    char memo[4096];
    (void)snprintf(memo, sizeof memo, "%s/memo", test_folder());
    const char *program = write_program("once", SAYS(GOOD));
    (void)snprintf(runs, sizeof runs, "%s.runs", program);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(describe_once(program, memo, &err), 0);
        assert_int_equal(count_runs(runs), 1);
    }
    assert_int_equal(describe_once(write_program("once", SAYS(GOOD)), memo, &err), 0);
    assert_int_equal(count_runs(runs), 2);
    assert_int_equal(describe_once(write_program("once", SAYS("{}")), memo, &err), -EINVAL);
    assert_int_equal(describe_once(program, memo, &err), -EINVAL); /* a no is not kept */
    assert_int_equal(count_runs(runs), 4);
    assert_int_equal(describe_once("/no/such/plugin", memo, &err), -ENOENT);
}
