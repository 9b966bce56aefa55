/* SPDX-License-Identifier: Apache-2.0 */
/* The unit key: everything about a command that is not an observed input. Each part has a name in
 * front and its length, so that no two commands give the same bytes. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "model/world.h"
#include "reuse/reuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What the world fixes for every unit (exec): part of the key, so that evidence earned under other
 * constants is of another kind. */
#define WORLD_CONSTANTS "umask 022; hostname sluice; mtime 1000000000"

/* Bytes of a standard input that is hashed at once. */
#define INPUT_CHUNK 65536u

static void add_number(struct hasher *hasher, const char *name, uint64_t number)
{
    char text[32];
    char *digit = text + sizeof text - 1;
    *digit = '\0';
    do { /* a key has thirty of them: printf took a fifth of its time */
        *--digit = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number != 0);
    hasher_add_text(hasher, name);
    hasher_add_text(hasher, digit);
}

static void add_texts(struct hasher *hasher,
                      const char *name,
                      const char *const *items,
                      size_t count)
{
    add_number(hasher, name, count);
    for (size_t i = 0; i < count; i++) {
        hasher_add_text(hasher, items[i]);
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

/* The order in which variables stand means nothing. */
static int add_env(struct hasher *hasher, const char *const *env)
{
    size_t count = count_texts(env);
    CLEANUP(cleanup_free) const char **sorted = mem_calloc(count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = env[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_texts);
    add_texts(hasher, "env", sorted, count);
    return 0;
}

/* The instructions a compiler or a program may choose by (-march=native, ifunc): levels 1 to 4 as
 * the x86-64 psABI has them; elsewhere the machine's name alone. */
static unsigned abi_level(void)
{
    unsigned level = 0;
#ifdef __x86_64__
    __builtin_cpu_init();
    level = 1;
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")) {
        level = 2;
    }
    if (level == 2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
        level = 3;
    }
    if (level == 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
        level = 4;
    }
#endif
    return level;
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
    hasher_add_text(hasher, "input");
    if (path == NULL) {
        return 0;
    }
    CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(cleanup_free) char *chunk = mem_calloc(1, INPUT_CHUNK);
    if (fd < 0) {
        return err_errno(err, "cannot read the standard input %s", path);
    }
    if (chunk == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to read %s", path);
    }
    uint64_t total = 0;
    for (;;) {
        ssize_t n = read(fd, chunk, INPUT_CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(err, "cannot read the standard input %s", path);
        }
        if (n == 0) {
            break;
        }
        hasher_add(hasher, chunk, (size_t)n);
        total += (uint64_t)n;
    }
    add_number(hasher, "input bytes", total);
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
static void add_limits(struct hasher *hasher)
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
        add_number(hasher, passed_on[i].name, limit.rlim_cur);
        add_number(hasher, passed_on[i].name, limit.rlim_max);
    }
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    add_number(hasher, "files", least(limit.rlim_max, WORLD_FILES_SOFT));
    add_number(hasher, "files at most", least(limit.rlim_max, WORLD_FILES_HARD));
    (void)getrlimit(RLIMIT_STACK, &limit);
    add_number(hasher, "stack", least(limit.rlim_max, WORLD_STACK));
    add_number(hasher, "stack at most", limit.rlim_max);
}

/* Before Linux 6.6 observation keeps a unit on one processor (observe/supervisor.c), which it can
 * count: evidence from there is of another kind. */
static bool is_pinned(void)
{
    struct utsname name;
    char *rest = NULL;
    if (uname(&name) < 0) {
        return false;
    }
    const unsigned long major = strtoul(name.release, &rest, 10);
    const unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
    return major < 6 || (major == 6 && minor < 6);
}

static void add_policy(struct hasher *hasher, const struct reuse_policy *policy)
{
    bool declared = policy != NULL && policy->mode == REUSE_DECLARED;
    hasher_add_text(hasher, declared ? "declared" : "observed");
    if (declared) {
        add_texts(hasher, "files", policy->declared.items, policy->declared.count);
    }
}

static int add_all(struct hasher *hasher, const struct reuse_command *command, struct err *err)
{
    add_number(hasher, "observer", REUSE_OBSERVER_VERSION);
    add_number(hasher, "policy", REUSE_POLICY_VERSION);
    hasher_add_text(hasher, WORLD_CONSTANTS);
    hasher_add_text(hasher, machine());
    hasher_add_text(hasher, user());
    add_limits(hasher);
    add_number(hasher, "level", abi_level());
    add_number(hasher, "pinned", is_pinned() ? 1 : 0);
    add_texts(hasher, "argv", command->argv, count_texts(command->argv));
    hasher_add_text(hasher, command->cwd != NULL ? command->cwd : ".");
    add_number(hasher, "report", (uint64_t)command->report);
    hasher_add_text(hasher, command->report_path != NULL ? command->report_path : "");
    add_texts(hasher, "outputs", command->outputs.items, command->outputs.count);
    add_texts(hasher, "expose", command->expose.items, command->expose.count);
    add_number(hasher, "network", command->network ? 1 : 0);
    add_policy(hasher, command->policy);
    if (add_env(hasher, command->env) != 0) {
        return err_set(err, -ENOMEM, "not enough memory for a unit's key");
    }
    return add_input(hasher, command->input, err);
}

int reuse_key(const struct reuse_command *command, struct hash *ret_key, struct err *err)
{
    struct hasher *hasher = hasher_new();
    if (hasher == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a unit's key");
    }
    hasher_begin(hasher);
    int rc = add_all(hasher, command, err);
    struct hash key = hasher_end(hasher);
    hasher_free(hasher);
    if (rc == 0) {
        *ret_key = key;
    }
    return rc;
}
