/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for files that tell a tool, folder by folder, shallow ones first. Links to folders are not
 * followed, so no loop is possible; folders that hold what others wrote or what a tool made are
 * left out. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *pattern;
    uint32_t mark;
} markers[] = {
    {"CMakeLists.txt",      INIT_CMAKE         },
    {"meson.build",         INIT_MESON         },
    {"configure",           INIT_CONFIGURE     },
    {"configure.ac",        INIT_AUTOCONF      },
    {"Makefile",            INIT_MAKE          },
    {"makefile",            INIT_MAKE          },
    {"GNUmakefile",         INIT_MAKE          },
    {"package.json",        INIT_NPM           },
    {"pyproject.toml",      INIT_PYTHON        },
    {"setup.py",            INIT_PYTHON        },
    {"setup.cfg",           INIT_PYTHON        },
    {"tox.ini",             INIT_PYTHON        },
    {"requirements.txt",    INIT_PYTHON        },
    {"pytest.ini",          INIT_PYTEST        },
    {"conftest.py",         INIT_PYTEST        },
    {"test_*.py",           INIT_PYTEST_FILE   },
    {"*_test.py",           INIT_PYTEST_FILE   },
    {"__init__.py",         INIT_PYTHON_PACKAGE},
    {"go.mod",              INIT_GO            },
    {"*_test.go",           INIT_GO_TEST       },
    {"Cargo.toml",          INIT_CARGO         },
    {"*.bats",              INIT_BATS          },
    {"docker-compose.yml",  INIT_SERVICES      },
    {"docker-compose.yaml", INIT_SERVICES      },
    {"compose.yml",         INIT_SERVICES      },
    {"compose.yaml",        INIT_SERVICES      },
    {".env",                INIT_DOTENV        },
    {".env.example",        INIT_DOTENV        },
    {".gitmodules",         INIT_SUBMODULES    },
    {"*.test.mjs",          INIT_NODE_TEST     },
    {"*.test.cjs",          INIT_NODE_TEST     },
    {"*.test.js",           INIT_NODE_TEST     },
};

/* Folders of other people's sources, of data for tests, and of what tools make. Hidden ones are
 * passed over as well. */
static const char *const passed_over[] = {
    "node_modules", "vendor",   "third_party", "third-party", "thirdparty",    "external",
    "extern",       "deps",     "subprojects", "testdata",    "fixtures",      "__fixtures__",
    "example",      "examples", "build",       "_build",      "dist",          "target",
    "venv",         "env",      "__pycache__", "debian",      "site-packages", "CMakeFiles",
};

static bool is_passed_over(const char *name)
{
    bool found = name[0] == '.';
    for (size_t i = 0; !found && i < sizeof passed_over / sizeof passed_over[0]; i++) {
        found = strcmp(name, passed_over[i]) == 0;
    }
    return found;
}

/* A name, or one with a single '*'. Asked for every file of a tree, so without glob_match(). */
static bool fits(const char *pattern, const char *name)
{
    const char *star = strchr(pattern, '*');
    if (star == NULL) {
        return strcmp(pattern, name) == 0;
    }
    const size_t front = (size_t)(star - pattern);
    const size_t len = strlen(name);
    const size_t back = strlen(star + 1);
    return len >= front + back && memcmp(name, pattern, front) == 0
           && strcmp(name + len - back, star + 1) == 0;
}

static uint32_t marks_of(const char *name)
{
    uint32_t marks = 0;
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        marks |= fits(markers[i].pattern, name) ? markers[i].mark : 0;
    }
    return marks;
}

/* Can a path stand in a pipeline, as a folder and in a pattern? */
static bool is_nameable(const char *name)
{
    const size_t len = strlen(name);
    bool fine = utf8_valid_prefix(name, len) == len && strstr(name, "${{") == NULL;
    for (size_t i = 0; fine && i < len; i++) {
        fine = (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
    }
    return fine && !glob_has_magic(name);
}

/* A regular file, or a link to one; a folder, never by a link. */
static void classify(int dirfd, const struct dirent *entry, bool *ret_file, bool *ret_folder)
{
    struct stat st;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN && fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        type = S_ISDIR(st.st_mode)   ? DT_DIR
               : S_ISREG(st.st_mode) ? DT_REG
               : S_ISLNK(st.st_mode) ? DT_LNK
                                     : DT_UNKNOWN;
    }
    *ret_folder = type == DT_DIR;
    *ret_file = type == DT_REG || type == DT_LNK;
}

static int compare_folders(const void *a, const void *b)
{
    const struct init_folder *left = a;
    const struct init_folder *right = b;
    return strcmp(left->path, right->path);
}

static int add_folder(struct init_tree *tree, const struct init_folder *in, const char *name)
{
    const bool top = strcmp(in->path, ".") == 0;
    const struct init_folder folder = {
        .path = arena_printf(tree->arena, "%s%s%s", top ? "" : in->path, top ? "" : "/", name),
        .depth = in->depth + 1,
    };
    return folder.path != NULL ? vec_push(&tree->folders, folder) : -ENOMEM;
}

/* One entry of the folder `at`. */
static int look_at(struct init_tree *tree, size_t at, int dirfd, const struct dirent *entry)
{
    bool file = false;
    bool folder = false;
    const char *name = entry->d_name;
    classify(dirfd, entry, &file, &folder);
    if (file) {
        tree->folders.items[at].marks |= marks_of(name);
        return 0;
    }
    if (!folder || is_passed_over(name) || tree->folders.items[at].depth >= INIT_DEPTH_MAX) {
        return 0;
    }
    if (!is_nameable(name)) {
        tree->unnameable++;
        return 0;
    }
    const struct init_folder in = tree->folders.items[at];
    return add_folder(tree, &in, name);
}

/* Reads the folder `at`; its folders are added behind, by name. One that cannot be read says
 * nothing: it may hold what nobody but its owner needs. */
static int read_folder(struct init_tree *tree, size_t at)
{
    char path[PATH_TEXT_MAX];
    const size_t before = tree->folders.count;
    const struct dirent *entry = NULL;
    int rc = snprintf(path, sizeof path, "%s/%s", tree->root, tree->folders.items[at].path);
    DIR *dir = rc < (int)sizeof path ? opendir(path) : NULL;
    rc = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while (dir != NULL && rc == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        tree->cut = ++tree->entries > INIT_ENTRIES_MAX;
        if (tree->cut) {
            break;
        }
        rc = look_at(tree, at, dirfd(dir), entry);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    if (rc == 0 && tree->folders.count > before) {
        qsort(tree->folders.items + before,
              tree->folders.count - before,
              sizeof *tree->folders.items,
              compare_folders);
    }
    return rc;
}

int init_scan(const char *root, struct arena *arena, struct init_tree *ret_tree, struct err *err)
{
    struct init_tree tree = {.root = root, .arena = arena};
    const struct init_folder top = {.path = "."};
    int rc = vec_push(&tree.folders, top);
    for (size_t i = 0; rc == 0 && !tree.cut && i < tree.folders.count; i++) {
        rc = read_folder(&tree, i);
    }
    if (rc != 0) {
        init_tree_fini(&tree);
        return err_set(err, rc, "out of memory for the folders of %s", root);
    }
    *ret_tree = tree;
    return 0;
}

void init_tree_fini(struct init_tree *tree)
{
    vec_fini(&tree->folders);
}
