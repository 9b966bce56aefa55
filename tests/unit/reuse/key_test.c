/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "reuse/reuse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/git/support/world.h"

static const char *const argv[] = {"./test", "-v", NULL};
static const char *const env[] = {"PATH=/usr/bin", "A=1", NULL};
static const char *globs[] = {"build/**", "lib"};

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

/* ---- what a key is made of ---- */

static void hash_number(struct hasher *hasher, const char *name, uint64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    hasher_add_text(hasher, name);
    hasher_add_text(hasher, text);
}

static void hash_limits(struct hasher *hasher)
{
    static const struct {
        const char *name;
        int resource;
    } passed_on[] = {
        {"address space", RLIMIT_AS   },
        {"processor",     RLIMIT_CPU  },
        {"data",          RLIMIT_DATA },
        {"file size",     RLIMIT_FSIZE},
    };
    struct rlimit limit = {0};
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
        assert_int_equal(getrlimit((__rlimit_resource_t)passed_on[i].resource, &limit), 0);
        hash_number(hasher, passed_on[i].name, limit.rlim_cur);
        hash_number(hasher, passed_on[i].name, limit.rlim_max);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    hash_number(hasher, "files", limit.rlim_max < 1024 ? limit.rlim_max : 1024);
    hash_number(hasher, "files at most", limit.rlim_max < 65536 ? limit.rlim_max : 65536);
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    hash_number(hasher, "stack", limit.rlim_max < (8u << 20) ? limit.rlim_max : 8u << 20);
    hash_number(hasher, "stack at most", limit.rlim_max);
}

#ifdef __x86_64__
/* Does the kernel list all of these flags of a processor (words between blanks)? */
static bool has_flags(const char *cpuinfo, const char *a, const char *b)
{
    char word[32];
    (void)snprintf(word, sizeof word, " %s ", a);
    const bool has_a = strstr(cpuinfo, word) != NULL;
    (void)snprintf(word, sizeof word, " %s ", b);
    return has_a && strstr(cpuinfo, word) != NULL;
}

static uint64_t level(void)
{
    CLEANUP(str_fini) struct str text = STR_INIT(32u << 20);
    assert_int_equal(file_read("/proc/cpuinfo", &text, NULL), 0);
    for (char *end = strchr(text.data, '\n'); end != NULL; end = strchr(end, '\n')) {
        *end = ' ';
    }
    const char *cpuinfo = str_text(&text);
    if (!has_flags(cpuinfo, "sse4_2", "popcnt")) {
        return 1;
    }
    if (!has_flags(cpuinfo, "avx2", "bmi2")) {
        return 2;
    }
    return has_flags(cpuinfo, "avx512f", "avx512vl") ? 4 : 3;
}
#else
static uint64_t level(void)
{
    return 0;
}
#endif

/* Before Linux 6.6 observed units run on one processor. */
static uint64_t pinned(void)
{
    struct utsname name;
    unsigned major = 0;
    unsigned minor = 0;
    assert_int_equal(uname(&name), 0);
    assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2); // NOLINT(cert-err34-c)
    return major > 6 || (major == 6 && minor >= 6) ? 0 : 1;
}

static void hash_texts(struct hasher *hasher,
                       const char *name,
                       const char *const *items,
                       size_t count)
{
    hash_number(hasher, name, count);
    for (size_t i = 0; i < count; i++) {
        hasher_add_text(hasher, items[i]);
    }
}

static const char *const shared_env[] = {"TZ=UTC", "HOME=/h"};

/* What commands of a layer share is hashed first, and the digest is part of each key. */
static struct hash digest_shared(struct hasher *hasher)
{
    static const char *const sorted[] = {"HOME=/h", "TZ=UTC"};
    struct utsname name;
    assert_int_equal(uname(&name), 0);
    hasher_begin(hasher);
    hash_number(hasher, "observer", REUSE_OBSERVER_VERSION);
    hash_number(hasher, "policy", REUSE_POLICY_VERSION);
    hasher_add_text(hasher, "umask 022; hostname sluice; mtime 1000000000");
    hasher_add_text(hasher, name.machine);
    hasher_add_text(hasher, geteuid() == 0 ? "root" : "user");
    hash_limits(hasher);
    hash_number(hasher, "level", level());
    hash_number(hasher, "pinned", pinned());
    hash_texts(hasher, "expose", NULL, 0);
    hash_number(hasher, "network", 0);
    hasher_add_text(hasher, "observed");
    hash_texts(hasher, "env", sorted, 2);
    return hasher_end(hasher);
}

/* What key_of() is to hash of this command: up to its standard input. */
static void hash_command(struct hasher *hasher)
{
    static const char *const sorted[] = {"A=1", "PATH=/usr/bin"};
    const struct hash shared = digest_shared(hasher);
    hasher_begin(hasher);
    hasher_add(hasher, shared.bytes, HASH_SIZE);
    hash_texts(hasher, "argv", argv, 2);
    hasher_add_text(hasher, ".");
    hash_number(hasher, "report", 1);
    hasher_add_text(hasher, "out.xml");
    hash_texts(hasher, "outputs", globs, 2);
    hash_texts(hasher, "env", sorted, 2);
    hasher_add_text(hasher, "input");
}

/* Evidence is found by its key, in later runs and on other machines: a key that comes out otherwise
 * loses all that was earned. What says that it has to be another one are the versions in it. */
TEST(the_key_of_a_command_is_the_same_as_ever)
{
    struct reuse_command command = base();
    struct hasher *hasher = hasher_new();
    command.shared_env = (struct text_list){shared_env, 2};
    command.outputs = (struct text_list){globs, 2};
    command.report_path = "out.xml";
    command.report = REPORT_JUNIT;
    hash_command(hasher);
    struct hash expected = hasher_end(hasher);
    struct hash key = key_of(&command);
    assert_memory_equal(key.bytes, expected.bytes, HASH_SIZE);
    sh("printf 'all that it reads' >input");
    command.input = at("input");
    hash_command(hasher);
    hasher_add(hasher, "all that it reads", 17);
    hash_number(hasher, "input bytes", 17);
    expected = hasher_end(hasher);
    key = key_of(&command);
    assert_memory_equal(key.bytes, expected.bytes, HASH_SIZE);
    hasher_free(hasher);
}

/* Commands of several layers come in any order, and what the one before shared is remembered. */
TEST(what_commands_share_is_part_of_each_key)
{
    static const char *const others[] = {"TZ=UTC", "HOME=/g"};
    const struct text_list shared[] = {
        {shared_env, 2},
        {others,     2},
        {shared_env, 1},
        {NULL,       0},
    };

    enum {
        COUNT = sizeof shared / sizeof shared[0]
    };
    struct hash keys_of[2][COUNT];
    struct err err = {0};
    struct reuse_keys *keys = NULL;
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            struct reuse_command command = base();
            command.shared_env = shared[i];
            assert_int_equal(reuse_key(keys, &command, &keys_of[round][i], &err), 0);
            assert_int_equal(reuse_key(keys, &command, &keys_of[round][i], &err), 0);
            const struct hash alone = key_of(&command);
            assert_memory_equal(alone.bytes, keys_of[round][i].bytes, HASH_SIZE);
        }
    }
    reuse_keys_free(keys);
    assert_memory_equal(keys_of[0], keys_of[1], sizeof keys_of[0]);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(keys_of[0][i].bytes, keys_of[0][k].bytes, HASH_SIZE);
        }
    }
}

TEST(what_is_forgotten_is_read_again)
{
    const char *texts[] = {"HOME=/g"};
    struct reuse_command command = base();
    command.shared_env = (struct text_list){texts, 1};
    struct err err = {0};
    struct reuse_keys *keys = NULL;
    struct hash key = {0};
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    assert_int_equal(reuse_key(keys, &command, &key, &err), 0);
    texts[0] = "HOME=/h"; /* at the same address */
    reuse_keys_forget(keys);
    assert_int_equal(reuse_key(keys, &command, &key, &err), 0);
    const struct hash alone = key_of(&command);
    assert_memory_equal(alone.bytes, key.bytes, HASH_SIZE);
    reuse_keys_free(keys);
}

/* What is exposed, the network and what is declared are told apart after each other as well. */
TEST(a_key_does_not_take_what_the_command_before_it_shared)
{
    static const struct reuse_policy declared = {.mode = REUSE_DECLARED};
    struct reuse_command commands[4] = {base(), base(), base(), base()};
    commands[1].expose = (struct text_list){globs, 2};
    commands[2].network = true;
    commands[3].policy = &declared;
    struct err err = {0};
    struct reuse_keys *keys = NULL;
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    for (size_t i = 0; i < 8; i++) {
        const struct reuse_command *command = &commands[i % 2 == 0 ? 0 : i / 2];
        const struct hash alone = key_of(command);
        struct hash key = {0};
        assert_int_equal(reuse_key(keys, command, &key, &err), 0);
        assert_memory_equal(alone.bytes, key.bytes, HASH_SIZE);
    }
    reuse_keys_free(keys);
}

/* Beyond what any command line can be. */
TEST(a_key_that_is_too_long_is_refused_and_the_next_one_is_right)
{
    const size_t len = (64u << 20) + 1;
    char *text = mem_calloc(1, len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    const char *const long_argv[] = {text, NULL};
    const struct reuse_command plain = base();
    struct reuse_command command = base();
    struct reuse_keys *keys = NULL;
    struct hash key = {{1}};
    struct hash untouched = key;
    struct err err = {0};
    command.argv = long_argv;
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    assert_int_equal(reuse_key(keys, &command, &key, &err), -ENOMEM);
    assert_string_equal(err.text, "not enough memory for a unit's key");
    assert_memory_equal(key.bytes, untouched.bytes, HASH_SIZE);
    mem_free(text);
    assert_int_equal(reuse_key(keys, &plain, &key, &err), 0);
    reuse_keys_free(keys);
    const struct hash expected = key_of(&plain);
    assert_memory_equal(key.bytes, expected.bytes, HASH_SIZE);
}

/* What is left out is what it is by default. */
TEST(a_command_with_nothing_given_has_the_key_of_its_defaults)
{
    static const char *const none[] = {NULL};
    static const struct reuse_policy observed = {.mode = REUSE_OBSERVED};
    const struct reuse_command plain = {.argv = none, .env = none, .cwd = "."};
    const struct reuse_command bare = {.policy = &observed};
    struct reuse_command named = plain;
    named.report_path = "";
    struct hash a = key_of(&plain);
    struct hash b = key_of(&bare);
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
    b = key_of(&named);
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
}

TEST(any_number_of_variables_is_sorted)
{
    enum {
        VARIABLES = 66 /* more than are sorted by insertion */
    };

    static char texts[VARIABLES][16];
    const char *up[VARIABLES + 1] = {0};
    const char *down[VARIABLES + 1] = {0};
    for (size_t i = 0; i < VARIABLES; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "V%03zu=1", i);
    }
    for (size_t count = VARIABLES - 4; count <= VARIABLES; count++) {
        memset(up, 0, sizeof up);
        memset(down, 0, sizeof down);
        for (size_t i = 0; i < count; i++) {
            up[i] = texts[i];
            down[i] = texts[count - 1 - i];
        }
        struct reuse_command command = base();
        command.env = up;
        struct hash a = key_of(&command);
        command.env = down;
        struct hash b = key_of(&command);
        assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
        up[count - 1] = "X=1";
        command.env = up;
        b = key_of(&command);
        assert_memory_not_equal(a.bytes, b.bytes, HASH_SIZE);
    }
}

TEST(declared_files_are_in_the_key_one_by_one)
{
    const char *ab[] = {"a", "b"};
    const char *ba[] = {"b", "a"};
    const char *joined[] = {"ab"};
    const struct text_list lists[] = {
        {ab,     2},
        {ba,     2},
        {joined, 1},
        {NULL,   0}
    };
    struct hash keys[4];
    for (size_t i = 0; i < 4; i++) {
        const struct reuse_policy policy = {.mode = REUSE_DECLARED, .declared = lists[i]};
        struct reuse_command command = base();
        command.policy = &policy;
        assert_differs(&command);
        keys[i] = key_of(&command);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(keys[i].bytes, keys[j].bytes, HASH_SIZE);
        }
    }
    /* of observed reuse they say nothing */
    const struct reuse_policy observed = {.mode = REUSE_OBSERVED, .declared = lists[0]};
    const struct reuse_command plain = base();
    struct reuse_command command = base();
    command.policy = &observed;
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
    command.input = at("long"); /* in several pieces */
    sh("head -c 200000 /dev/zero >long; (head -c 199999 /dev/zero; echo) >other; head -c 199999 "
       "/dev/zero >less");
    struct hash whole = key_of(&command);
    command.input = at("other");
    c = key_of(&command);
    assert_memory_not_equal(whole.bytes, c.bytes, HASH_SIZE);
    command.input = at("less");
    c = key_of(&command);
    assert_memory_not_equal(whole.bytes, c.bytes, HASH_SIZE);
    command.input = test_folder();
    struct reuse_keys *keys = NULL;
    assert_int_equal(reuse_keys_new(&keys, &err), 0);
    assert_int_equal(reuse_key(keys, &command, &empty, &err), -EISDIR);
    assert_non_null(strstr(err.text, "cannot read the standard input"));
    reuse_keys_free(keys);
    command.input = at("missing");
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
