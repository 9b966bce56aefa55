/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/hidden.h"

#include "base/file.h"
#include "base/limits.h"
#include "exec/namespace.h"

#include <stdio.h>
#include <string.h>

/* Characters that stand around a path in messages. */
#define AROUND " \t\r\n\"'`:;,()[]{}<>=|"

/* Absolute paths that a world has as its own private version, beside world_system_paths. */
static const char *const own_paths[] = {
    "/dev",
    "/proc",
    "/sys",
    "/tmp",
    "/var/tmp",
    "/run",
    "/sluice",
    "/src",
    WORLD_HOME,
};

struct search {
    const struct world *world;
    const char *cwd;
    struct str *out;
    int told;
    char seen[HIDDEN_TOLD_MAX][PATH_TEXT_MAX];
};

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_own(const char *path)
{
    for (size_t i = 0; world_system_paths[i] != NULL; i++) {
        if (is_below(path, world_system_paths[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof own_paths / sizeof *own_paths; i++) {
        if (is_below(path, own_paths[i])) {
            return true;
        }
    }
    return false;
}

static bool is_exposed(const struct world *world, const char *path)
{
    for (size_t i = 0; i < world->expose.count; i++) {
        if (is_below(path, world->expose.items[i])) {
            return true;
        }
    }
    return false;
}

static bool exists_below(const char *folder, const char *path)
{
    char full[PATH_TEXT_MAX];
    int n = folder == NULL ? -1 : snprintf(full, sizeof full, "%s/%s", folder, path);
    return n > 0 && (size_t)n < sizeof full && file_exists(full);
}

static void tell(struct search *search, const char *path, const char *why)
{
    for (int i = 0; i < search->told; i++) {
        if (strcmp(search->seen[i], path) == 0) {
            return;
        }
    }
    if (search->told == HIDDEN_TOLD_MAX) {
        return;
    }
    (void)snprintf(search->seen[search->told], PATH_TEXT_MAX, "%s", path);
    (void)str_appendf(
        search->out,
        "%s%s is on this machine, but hidden from the unit because %s; if the unit needs it, add to its layer:  expose: [%s]",
        search->told > 0 ? "\n" : "",
        path,
        why,
        path);
    search->told++;
}

/* The part to expose: the top folder that the world lacks ("node_modules" for node_modules/x/y.js).
 */
static void tell_relative(struct search *search, const char *path)
{
    char top[PATH_TEXT_MAX];
    const struct world *world = search->world;
    (void)snprintf(top, sizeof top, "%s", path);
    for (char *slash = strchr(top, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!exists_below(world->lower, top) && !exists_below(world->products, top)) {
            break;
        }
        *slash = '/';
    }
    if (!is_exposed(world, top) && !is_below(top, ".sluice") && !is_below(top, ".git")) {
        tell(search, top, "git does not track it");
    }
}

static void look_relative(struct search *search, const char *path)
{
    const struct world *world = search->world;
    if (path_is_inside(path) && exists_below(world->root, path) && !exists_below(world->lower, path)
        && !exists_below(world->products, path)) {
        tell_relative(search, path);
    }
}

static void look_absolute(struct search *search, const char *path)
{
    if (path[1] != '\0' && !is_own(path) && !is_exposed(search->world, path) && file_exists(path)) {
        tell(search, path, "it is outside the tree and the system folders");
    }
}

static void look_from_cwd(struct search *search, const char *word)
{
    char joined[PATH_TEXT_MAX];
    char clean[PATH_TEXT_MAX];
    const char *cwd = strcmp(search->cwd, ".") == 0 ? "" : search->cwd;
    int n = snprintf(joined, sizeof joined, "%s%s%s", cwd, cwd[0] != '\0' ? "/" : "", word);
    if (n > 0 && (size_t)n < sizeof joined && path_clean(joined, clean, sizeof clean) >= 0) {
        look_relative(search, clean);
    }
}

/* The rest of `path` below `folder`, or NULL. */
static const char *rest_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static void look(struct search *search, const char *word)
{
    const char *in_world = rest_below(word, WORLD_ROOT);
    const char *in_tree = rest_below(word, search->world->root);
    if (in_world != NULL || in_tree != NULL) {
        look_relative(search, in_world != NULL ? in_world : in_tree);
    } else if (word[0] == '/') {
        look_absolute(search, word);
    } else {
        look_from_cwd(search, word);
    }
}

static bool is_around(char c)
{
    return c == '\0' || strchr(AROUND, c) != NULL;
}

/* The next word of the output into `word`, cut at its size; the position behind it. */
static size_t next_word(const char *output, size_t len, size_t at, char word[PATH_TEXT_MAX])
{
    for (; at < len && is_around(output[at]); at++) {
    }
    const size_t start = at;
    for (; at < len && !is_around(output[at]); at++) {
    }
    size_t size = at - start;
    while (size > 1 && (output[start + size - 1] == '.' || output[start + size - 1] == '/')) {
        size--;
    }
    size = size < PATH_TEXT_MAX ? size : PATH_TEXT_MAX - 1;
    memcpy(word, output + start, size);
    word[size] = '\0';
    return at;
}

int hidden_explain(
    const struct world *world, const char *cwd, const char *output, size_t len, struct str *out)
{
    struct search search = {.world = world, .cwd = cwd, .out = out};
    size_t at = 0;
    for (int words = 0; words < HIDDEN_WORDS_MAX && at < len && search.told < HIDDEN_TOLD_MAX;
         words++) {
        char word[PATH_TEXT_MAX];
        at = next_word(output, len, at, word);
        if (word[0] != '\0' && word[1] != '\0') {
            look(&search, word);
        }
    }
    return search.told;
}
