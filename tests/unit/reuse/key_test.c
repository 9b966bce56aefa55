/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/mem.h"
#include "reuse/reuse.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "support/test.h"
#include "unit/git/support/world.h"

static const char *const argv[] = {"./test", "-v", NULL};
static const char *const env[] = {"PATH=/usr/bin", "A=1", NULL};

static struct reuse_command base(void)
{
    return (struct reuse_command){.argv = argv, .env = env, .cwd = "."};
}

static struct hash key_of(const struct reuse_command *command)
{
    struct hash key = {0};
    struct err err = {0};
    struct reuse_keys *keys = NULL;
    if (reuse_keys_new(&keys, &err) != 0 || reuse_key(keys, command, &key, &err) != 0) {
        fail_msg("reuse_key: %s", err.text);
    }
    reuse_keys_free(keys);
    return key;
}

static void assert_differs(const struct reuse_command *command)
{
    const struct reuse_command plain = base();
    struct hash a = key_of(&plain);
    struct hash b = key_of(command);
    assert_memory_not_equal(a.bytes, b.bytes, HASH_SIZE);
}

TEST(the_order_of_variables_means_nothing)
{
    static const char *const other_order[] = {"A=1", "PATH=/usr/bin", NULL};
    const struct reuse_command plain = base();
    struct reuse_command command = base();
    command.env = other_order;
    struct hash a = key_of(&plain);
    struct hash b = key_of(&command);
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
}

/* A pass under the usual limits answered in a shell with other ones. */
TEST(limits_that_units_inherit_are_in_their_keys)
{
    struct rlimit before;
    const struct reuse_command command = base();
    struct hash a = key_of(&command);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit less = before;
    less.rlim_cur = 1u << 30;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    struct hash b = key_of(&command);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_memory_not_equal(a.bytes, b.bytes, HASH_SIZE);
    b = key_of(&command);
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
}

TEST(every_part_of_a_command_is_in_its_key)
{
    static const char *const other_argv[] = {"./test", "-v", "", NULL};
    static const char *const joined_argv[] = {"./test-v", NULL};
    static const char *const unset[] = {"PATH=/usr/bin", NULL};
    static const char *const empty[] = {"PATH=/usr/bin", "A=", NULL};
    static const char *const globs[] = {"build/**", NULL};
    static const char *const *const argvs[] = {other_argv, joined_argv};
    static const char *const *const envs[] = {unset, empty};
    const struct reuse_policy declared = {
        .mode = REUSE_DECLARED, .declared = {globs, 1}
    };
    for (size_t i = 0; i < 2; i++) {
        struct reuse_command command = base();
        command.argv = argvs[i];
        assert_differs(&command);
        command = base();
        command.env = envs[i];
        assert_differs(&command);
    }
    struct reuse_command command = base();
    command.cwd = "src";
    assert_differs(&command);
    command = base();
    command.report = REPORT_JUNIT;
    assert_differs(&command);
    command = base();
    command.report_path = "out.xml";
    assert_differs(&command);
    command = base();
    command.outputs = (struct text_list){globs, 1};
    assert_differs(&command);
    struct hash outputs = key_of(&command);
    command = base();
    command.expose = (struct text_list){globs, 1};
    assert_differs(&command);
    struct hash expose = key_of(&command);
    assert_memory_not_equal(outputs.bytes, expose.bytes, HASH_SIZE);
    command = base();
    command.network = true;
    assert_differs(&command);
    command = base();
    command.policy = &declared;
    assert_differs(&command);
}

TEST(standard_input_is_in_the_key_by_content)
{
    struct reuse_command command = base();
    struct hash empty = {0};
    struct err err = {0};
    sh("printf one >a; printf one >b; printf two >c; : >d");
    command.input = at("a");
    struct hash a = key_of(&command);
    command.input = at("b");
    struct hash b = key_of(&command);
    command.input = at("c");
    assert_differs(&command);
    struct hash c = key_of(&command);
    command.input = at("d");
    assert_differs(&command); /* empty is not none */
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
    assert_memory_not_equal(a.bytes, c.bytes, HASH_SIZE);
    command.input = at("missing");
    struct reuse_keys *keys = NULL;
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    assert_int_equal(reuse_key(keys, &command, &empty, &err), -ENOENT);
    assert_non_null(strstr(err.text, "missing"));
    reuse_keys_free(keys);
}

/* The buffers of a maker of keys serve all of them. */
TEST(keys_that_follow_each_other_do_not_mix)
{
    static const char *const many[] = {
        "Z=1", "Y=2", "X=3", "W=4", "V=5", "U=6", "T=7", "S=8", "PATH=/usr/bin", NULL};
    struct reuse_keys *keys = NULL;
    struct err err = {0};
    struct reuse_command other = base();
    const struct reuse_command plain = base();
    struct hash between;
    struct hash last;
    other.env = many;
    other.input = at("nowhere");
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    assert_int_equal(reuse_key(keys, &other, &between, &err), -ENOENT);
    other.input = NULL;
    assert_int_equal(reuse_key(keys, &other, &between, &err), 0);
    assert_int_equal(reuse_key(keys, &plain, &last, &err), 0);
    reuse_keys_free(keys);
    struct hash first = key_of(&plain);
    assert_memory_equal(first.bytes, last.bytes, HASH_SIZE);
    first = key_of(&other);
    assert_memory_equal(first.bytes, between.bytes, HASH_SIZE);
}

TEST(a_key_without_memory_is_an_error)
{
    struct reuse_command command = base();
    struct hash key;
    bool done = false;
    sh("printf one >a");
    command.input = at("a");
    for (size_t n = 1; !done && n < 50; n++) {
        struct err err = {0};
        (void)mem_fail_from(n);
        struct reuse_keys *keys = NULL;
        int rc = reuse_keys_new(&keys, &err);
        rc = rc == 0 ? reuse_key(keys, &command, &key, &err) : rc;
        reuse_keys_free(keys);
        (void)mem_fail_from(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        done = rc == 0;
    }
    assert_true(done);
}
