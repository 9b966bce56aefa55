/* SPDX-License-Identifier: Apache-2.0 */
/* The unit key: everything about a command that is not an observed input. Each part has a name in
 * front and its length, so that no two commands give the same bytes. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/kernel.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/world.h"
#include "reuse/reuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the world fixes for every unit (exec): part of the key, so that evidence earned under other
 * constants is of another kind. */
#define WORLD_CONSTANTS "umask 022; hostname sluice; mtime 1000000000"

/* Bytes of a key without its standard input: a command line is at most 6 MiB of arguments and
 * environment, each with a length in front. */
#define KEY_BYTES_MAX (64u << 20)

/* Variables sorted by insertion: they come nearly sorted, and most units have a dozen. */
#define ENV_INSERT_MAX 64u

/* What many commands have in common, as they name it, and the digest of it. */
struct shared {
    struct text_list env;
    struct text_list expose;
    const struct reuse_policy *policy;
    bool network;
    bool known;
    struct hash digest;
};

struct reuse_keys {
    struct hasher *hasher;
    struct str ground; /* what no command changes */
    struct str text;   /* what is hashed */
    struct shared shared;

    struct {
        VEC_FIELDS(const char *);
    } env;
};

/* As hasher_add_text() has it. */
static void add_text(struct str *key, const char *text)
{
    const uint64_t len = strlen(text);
    char prefix[8];
    for (unsigned i = 0; i < sizeof prefix; i++) {
        prefix[i] = (char)(unsigned char)(len >> (56 - 8 * i));
    }
    (void)str_append_n(key, prefix, sizeof prefix);
    (void)str_append_n(key, text, len);
}

static void add_number(struct str *key, const char *name, uint64_t number)
{
    char text[32];
    char *digit = text + sizeof text - 1;
    *digit = '\0';
    do { /* printf would take as long as the rest */
        *--digit = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number != 0);
    add_text(key, name);
    add_text(key, digit);
}

static void add_texts(struct str *key, const char *name, const char *const *items, size_t count)
{
    add_number(key, name, count);
    for (size_t i = 0; i < count; i++) {
        add_text(key, items[i]);
    }
}

static size_t count_texts(const char *const *items)
{
    size_t count = 0;
    while (items != NULL && items[count] != NULL) {
        count++;
    }
    return count;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts what is nearly sorted. */
static void insert_sorted(const char **items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const char *item = items[i];
        size_t at = i;
        for (; at > 0 && strcmp(items[at - 1], item) > 0; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

/* The order in which variables stand means nothing. */
static int add_env(struct reuse_keys *keys, const char *const *env, size_t count)
{
    keys->env.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (vec_push(&keys->env, env[i]) != 0) {
            return -ENOMEM;
        }
    }
    if (keys->env.count <= ENV_INSERT_MAX) {
        insert_sorted(keys->env.items, keys->env.count);
    } else {
        qsort(keys->env.items, keys->env.count, sizeof *keys->env.items, compare_texts);
    }
    add_texts(&keys->text, "env", keys->env.items, keys->env.count);
    return 0;
}

/* The instructions a compiler or a program may choose by (-march=native, ifunc): levels 1 to 4 as
 * the x86-64 psABI has them; elsewhere the machine's name alone. */
static unsigned abi_level(void)
{
#ifdef __x86_64__
    if (!(__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))) {
        return 1;
    }
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))) {
        return 2;
    }
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") ? 4 : 3;
#else
    return 0;
#endif
}

static const char *machine(void)
{
#if defined(__x86_64__)
    return "x86_64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "other";
#endif
}

/* Standard input is part of the question. */
static int add_input(struct hasher *hasher, const char *path, struct err *err)
{
    char text[32];
    uint64_t total = 0;
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd >= 0 ? hasher_add_fd(hasher, fd, &total) : -errno;
    if (rc != 0) {
        return err_set(
            err, rc, "cannot read the standard input %s: %s", path, strerrordesc_np(-rc));
    }
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)total);
    hasher_add_text(hasher, "input bytes");
    hasher_add_text(hasher, text);
    return 0;
}

/* Ids map to themselves: root is asked and refused other things than everybody else. */
static const char *user(void)
{
    return geteuid() == 0 ? "root" : "user";
}

static uint64_t least(rlim_t limit, uint64_t bound)
{
    return limit < bound ? limit : bound;
}

/* What units are given of the limits sluice itself was started with: exec sets those of files and
 * of the stack, as far as it may (WORLD_FILES_SOFT and its like); the others go through. Limits
 * that follow from the machine's memory (pending signals, locked memory) are not told apart. */
static void add_limits(struct str *key)
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
        (void)getrlimit((__rlimit_resource_t)passed_on[i].resource, &limit);
        add_number(key, passed_on[i].name, limit.rlim_cur);
        add_number(key, passed_on[i].name, limit.rlim_max);
    }
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    add_number(key, "files", least(limit.rlim_max, WORLD_FILES_SOFT));
    add_number(key, "files at most", least(limit.rlim_max, WORLD_FILES_HARD));
    (void)getrlimit(RLIMIT_STACK, &limit);
    add_number(key, "stack", least(limit.rlim_max, WORLD_STACK));
    add_number(key, "stack at most", limit.rlim_max);
}

/* Before Linux 6.6 observation keeps a unit on one processor (observe/supervisor.c), which it can
 * count: evidence from there is of another kind. */
static bool is_pinned(void)
{
    return !kernel_is_at_least(6, 6);
}

static void add_policy(struct str *key, const struct reuse_policy *policy)
{
    bool declared = policy != NULL && policy->mode == REUSE_DECLARED;
    add_text(key, declared ? "declared" : "observed");
    if (declared) {
        add_texts(key, "files", policy->declared.items, policy->declared.count);
    }
}

/* What no command changes: looked at once, not for each of thousands of units. */
static void add_ground(struct str *key)
{
    add_number(key, "observer", REUSE_OBSERVER_VERSION);
    add_number(key, "policy", REUSE_POLICY_VERSION);
    add_text(key, WORLD_CONSTANTS);
    add_text(key, machine());
    add_text(key, user());
    add_limits(key);
    add_number(key, "level", abi_level());
    add_number(key, "pinned", is_pinned());
}

static bool is_same_list(const struct text_list *a, const struct text_list *b)
{
    return a->items == b->items && a->count == b->count;
}

static bool is_shared(const struct shared *shared, const struct reuse_command *command)
{
    return shared->known && is_same_list(&shared->env, &command->shared_env)
           && is_same_list(&shared->expose, &command->expose) && shared->policy == command->policy
           && shared->network == command->network;
}

/* What went wrong with one key is no fault of the next. */
static struct str *begin_text(struct reuse_keys *keys)
{
    str_clear(&keys->text);
    return &keys->text;
}

/* The digest of the ground and of what the command shares with others: a dozen variables and two
 * dozen numbers, which would be two thirds of each key. */
static int digest_shared(struct reuse_keys *keys, const struct reuse_command *command)
{
    if (is_shared(&keys->shared, command)) {
        return 0;
    }
    struct str *text = begin_text(keys);
    keys->shared.known = false;
    (void)str_append_n(text, str_text(&keys->ground), keys->ground.len);
    add_texts(text, "expose", command->expose.items, command->expose.count);
    add_number(text, "network", command->network);
    add_policy(text, command->policy);
    int rc = add_env(keys, command->shared_env.items, command->shared_env.count);
    rc = rc != 0 ? rc : str_error(text);
    if (rc == 0) {
        keys->shared = (struct shared){
            .env = command->shared_env,
            .expose = command->expose,
            .policy = command->policy,
            .network = command->network,
            .known = true,
            .digest = hash_bytes(str_text(text), text->len),
        };
    }
    return rc;
}

static int add_command(struct reuse_keys *keys, const struct reuse_command *command)
{
    int rc = digest_shared(keys, command);
    struct str *key = begin_text(keys);
    (void)str_append_n(key, keys->shared.digest.bytes, HASH_SIZE);
    add_texts(key, "argv", command->argv, count_texts(command->argv));
    add_text(key, command->cwd != NULL ? command->cwd : ".");
    add_number(key, "report", (uint64_t)command->report);
    add_text(key, command->report_path != NULL ? command->report_path : "");
    add_texts(key, "outputs", command->outputs.items, command->outputs.count);
    rc = rc == 0 ? add_env(keys, command->env, count_texts(command->env)) : rc;
    add_text(key, "input");
    return rc != 0 ? rc : str_error(key);
}

int reuse_key(struct reuse_keys *keys,
              const struct reuse_command *command,
              struct hash *ret_key,
              struct err *err)
{
    if (add_command(keys, command) != 0) {
        return err_set(err, -ENOMEM, "not enough memory for a unit's key");
    }
    hasher_add(keys->hasher, str_text(&keys->text), keys->text.len);
    int rc = command->input != NULL ? add_input(keys->hasher, command->input, err) : 0;
    struct hash key = hasher_end(keys->hasher);
    if (rc == 0) {
        *ret_key = key;
    }
    return rc;
}

int reuse_keys_new(struct reuse_keys **ret_keys, struct err *err)
{
    struct reuse_keys *keys = mem_calloc(1, sizeof *keys);
    if (keys == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the keys of units");
    }
    str_init(&keys->text, KEY_BYTES_MAX);
    str_init(&keys->ground, KEY_BYTES_MAX);
    keys->hasher = hasher_new();
    add_ground(&keys->ground);
    if (keys->hasher == NULL || str_error(&keys->ground) != 0) {
        reuse_keys_free(keys);
        return err_set(err, -ENOMEM, "not enough memory for the keys of units");
    }
    *ret_keys = keys;
    return 0;
}

void reuse_keys_forget(struct reuse_keys *keys)
{
    keys->shared.known = false;
}

void reuse_keys_free(struct reuse_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    hasher_free(keys->hasher);
    str_fini(&keys->ground);
    str_fini(&keys->text);
    vec_fini(&keys->env);
    mem_free(keys);
}
