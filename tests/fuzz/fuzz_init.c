/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: cli */
/* What `sluice init` makes of a stranger's package.json, CMakeLists.txt, Makefile ...: whatever is
 * in them, the pipeline that is written is one that sluice reads, with the layers that were meant.
 * The input is the files' texts, in the order below, with a NUL between them; an empty one is not
 * there. */
#include "base/file.h"
#include "cli/init.h"
#include "config/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As assert(), in every build. */
#define CHECK(condition) ((condition) ? (void)0 : abort())

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"package.json",
                                    "CMakeLists.txt",
                                    "meson.build",
                                    "meson_options.txt",
                                    "Makefile",
                                    "configure.ac",
                                    "pyproject.toml",
                                    "go.mod",
                                    "Cargo.toml"};

static char root[64];

static void remove_root(void)
{
    struct err err = {0};
    (void)tree_remove(AT_FDCWD, root, &err);
}

/* A folder in memory where there is one; gone when the fuzzer ends. */
static void make_root(void)
{
    const char *const places[] = {"/dev/shm/fuzz-init-XXXXXX", "/tmp/fuzz-init-XXXXXX"};
    for (size_t i = 0; i < 2 && root[0] == '\0'; i++) {
        char path[sizeof root];
        (void)snprintf(path, sizeof path, "%s", places[i]);
        if (mkdtemp(path) != NULL) {
            memcpy(root, path, sizeof root);
        }
    }
    CHECK(root[0] != '\0' && atexit(remove_root) == 0);
}

static void put_file(const char *name, const uint8_t *text, size_t len)
{
    char path[sizeof root + 32];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    if (len == 0) {
        (void)unlink(path);
        return;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    (void)close(fd);
}

static void put_files(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
        const size_t len = nul != NULL ? (size_t)(nul - data) : size;
        put_file(names[i], data, len);
        data += len + (nul != NULL ? 1 : 0);
        size -= len + (nul != NULL ? 1 : 0);
    }
}

/* The pipeline is read as it was written. */
static void check_written(const struct init_plan *plan)
{
    static const char *const plugins[] = {"build", "command", "unit"};
    const struct config_options options = {.plugins = plugins, .plugin_count = 3};
    struct str out = STR_INIT((size_t)64 << 20);
    struct config *config = NULL;
    struct err err = {0};
    if (init_write(plan, &out) == 0 && plan->layers.count > 0) {
        const int rc = config_parse("sluice.yml", out.data, out.len, &options, &config, &err);
        if (rc != 0) {
            (void)fprintf(stderr, "%s\n%s\n", err.text, str_text(&out));
        }
        CHECK(rc == 0 && config_pipeline(config)->layer_count == plan->layers.count);
        config_free(config);
    }
    str_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct init_tree tree = {0};
    struct init_plan plan = {0};
    struct err err = {0};
    if (root[0] == '\0') {
        make_root();
    }
    put_files(data, size);
    struct arena *arena = arena_new(INIT_ARENA_MAX);
    CHECK(arena != NULL && init_scan(root, arena, &tree, &err) == 0);
    if (init_detect(&tree, &plan, &err) == 0 && !plan.failed) {
        check_written(&plan);
    }
    init_plan_fini(&plan);
    init_tree_fini(&tree);
    arena_free(arena);
    return 0;
}
