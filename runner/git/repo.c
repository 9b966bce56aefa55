/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and opening a tree: the user's repository, or a private one in the state folder. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/memo.h"
#include "git/call.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GIT_MAJOR_MIN 2
#define GIT_MINOR_MIN 38 /* merge-tree --write-tree; safe.directory from the environment */

/* Content of a `.git` file: "gitdir: " and a path. */
#define LINK_MAX_BYTES 8192

/* Leftovers of a killed process in state/tmp are removed when older than this. No snapshot takes
 * longer: GIT_CALL_TIMEOUT_MS for each of at most six calls. */
#define LEFTOVER_SECONDS 21600L

/* folder + name into buf; -ENAMETOOLONG with message. */
static int join(char *buf, size_t size, const char *folder, const char *name, struct err *err)
{
    const char *slash = strcmp(folder, "/") == 0 ? "" : "/";
    int len = snprintf(buf, size, "%s%s%s", folder, slash, name);
    if (len < 0 || (size_t)len >= size) {
        return err_set(err, -ENAMETOOLONG, "%s/%s: the path is too long", folder, name);
    }
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Reads the first line of a small file; "" when it cannot be read. */
static void read_line(const char *path, char *buf, size_t size)
{
    CLEANUP(str_fini) struct str text = STR_INIT(LINK_MAX_BYTES);
    buf[0] = '\0';
    if (file_read(path, &text, NULL) == 0) {
        size_t len = strcspn(str_text(&text), "\r\n");
        if (len < size) {
            memcpy(buf, str_text(&text), len);
            buf[len] = '\0';
        }
    }
}

/* The git folder of a work tree into buf: 1, or 0 when there is none. An empty `.git` folder (a
 * mount point, say) is none. */
static int find_git_dir(const char *root, char *buf, size_t size)
{
    char path[PATH_MAX];
    char line[PATH_MAX] = "";
    char head[PATH_MAX];
    if (join(path, sizeof path, root, ".git", NULL) != 0) {
        return 0;
    }
    if (!is_folder(path)) {
        read_line(path, line, sizeof line);
        if (!text_starts_with(line, "gitdir: ")) {
            return 0;
        }
        const char *target = line + strlen("gitdir: ");
        const char *base = target[0] == '/' ? "" : root;
        if (join(path, sizeof path, base, target, NULL) != 0) {
            return 0;
        }
    }
    if (join(head, sizeof head, path, "HEAD", NULL) != 0 || !file_exists(head)
        || strlen(path) >= size) {
        return 0;
    }
    memcpy(buf, path, strlen(path) + 1);
    return 1;
}

int git_find_root(const char *start, char *buf, size_t size, bool *ret_found, struct err *err)
{
    char folder[PATH_MAX];
    char here[PATH_MAX];
    char git_dir[PATH_MAX];
    if (realpath(start, here) == NULL) {
        return err_errno(err, "cannot find the folder %s", start);
    }
    if (!is_folder(here)) {
        return err_set(err, -ENOTDIR, "%s is not a folder", start);
    }
    memcpy(folder, here, sizeof folder);
    bool found = find_git_dir(folder, git_dir, sizeof git_dir) == 1;
    while (!found && strcmp(folder, "/") != 0) {
        char *slash = strrchr(folder, '/');
        slash[slash == folder ? 1 : 0] = '\0';
        found = find_git_dir(folder, git_dir, sizeof git_dir) == 1;
    }
    const char *root = found ? folder : here;
    if (strlen(root) >= size) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", root);
    }
    memcpy(buf, root, strlen(root) + 1);
    *ret_found = found;
    return 0;
}

/* "git version 2.39.5 (...)": -ENOENT when git is missing or too old. */
static int check_version(struct err *err)
{
    static const char *const argv[] = {"git", "version", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    struct git_call call = {.argv = argv};
    int result = git_call_ok(&call, "git version", &out, err);
    if (result == -ENOENT) {
        return err_set(err,
                       -ENOENT,
                       "git was not found on PATH; sluice needs git %d.%d or newer "
                       "(Debian: apt-get install git)",
                       GIT_MAJOR_MIN,
                       GIT_MINOR_MIN);
    }
    if (result != 0) {
        return result;
    }
    static const char prefix[] = "git version ";
    const char *text = str_text(&out);
    char *end = NULL;
    long major = text_starts_with(text, prefix) ? strtol(text + strlen(prefix), &end, 10) : 0;
    long minor = end != NULL && *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major < GIT_MAJOR_MIN || (major == GIT_MAJOR_MIN && minor < GIT_MINOR_MIN)) {
        return err_set(err,
                       -ENOENT,
                       "git is too old (%.*s); sluice needs %d.%d or newer",
                       (int)strcspn(text, "\n"),
                       text,
                       GIT_MAJOR_MIN,
                       GIT_MINOR_MIN);
    }
    return 0;
}

/* The file that PATH leads to. False also when that depends on the folder we are in. */
static bool find_git(char path[PATH_MAX])
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes our environment */
    const char *at = getenv("PATH");
    while (at != NULL && *at == '/') {
        const size_t len = strcspn(at, ":");
        const int printed = snprintf(path, PATH_MAX, "%.*s/git", (int)len, at);
        if (printed > 0 && printed < PATH_MAX && access(path, X_OK) == 0) {
            return true;
        }
        at += len + (at[len] == ':');
    }
    return false;
}

/* Asks git for its version once for each git that is found. */
static int check_version_once(const struct git_repo *repo, struct err *err)
{
    char path[PATH_MAX];
    CLEANUP(str_fini) struct str known = STR_INIT(16);
    struct hasher *hasher = hasher_new();
    int result = join(path, sizeof path, repo->state, "memo", err);
    if (result != 0 || hasher == NULL) {
        hasher_free(hasher);
        return result != 0 ? result : err_set(err, -ENOMEM, "not enough memory to look for git");
    }
    char git[PATH_MAX];
    hasher_begin(hasher);
    hasher_add_text(hasher, "a git that is new enough, 1");
    const bool has_key = find_git(git) && memo_add_file(hasher, git);
    const struct hash key = hasher_end(hasher);
    hasher_free(hasher);
    if (has_key && memo_find(path, &key, &known)) {
        return 0;
    }
    result = check_version(err);
    if (result == 0 && has_key) {
        memo_keep(path, &key, "", 0);
    }
    return result;
}

/* Removes what killed processes left in state/tmp. Errors do not matter: it is tried again. */
static void sweep_leftovers(const char *tmp)
{
    DIR *dir = opendir(tmp);
    if (dir == NULL) {
        return;
    }
    time_t now = time(NULL);
    /* A stream of its own is safe to read whatever other threads do. */
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct stat st;
        if (entry->d_name[0] != '.'
            && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && st.st_mtime < now - LEFTOVER_SECONDS) {
            (void)tree_remove(dirfd(dir), entry->d_name, NULL);
        }
    }
    (void)closedir(dir);
}

static int make_state(const struct git_repo *repo, struct err *err)
{
    char path[PATH_MAX];
    int result = dir_make(repo->state, 0777, err);
    if (result == 0) {
        result = join(path, sizeof path, repo->state, ".gitignore", err);
    }
    if (result == 0 && !file_exists(path)) {
        result = file_write_atomic(path, GIT_STATE_IGNORE, strlen(GIT_STATE_IGNORE), err);
    }
    static const char *const folders[] = {"objects", "tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && result == 0; i++) {
        result = join(path, sizeof path, repo->state, folders[i], err);
        result = result == 0 ? dir_make(path, 0777, err) : result;
    }
    if (result == 0) {
        sweep_leftovers(path);
        return 0;
    }
    return err_wrap(err, "sluice keeps its state in %s", repo->state);
}

/* Makes the private repository. Under a name of its own, then renamed: a killed process leaves no
 * half of one, and of two at once one wins. */
static int make_private(const struct git_repo *repo, struct err *err)
{
    char temporary[PATH_MAX];
    char name[64];
    (void)snprintf(name, sizeof name, "tmp/git.%ld", (long)getpid());
    int result = join(temporary, sizeof temporary, repo->state, name, err);
    if (result != 0) {
        return result;
    }
    const char *const argv[] = {"git", "init", "-q", "--bare", "--template=", temporary, NULL};
    struct git_call call = {.argv = argv};
    result = git_call_ok(&call, "cannot make a private git repository", NULL, err);
    if (result == 0 && rename(temporary, repo->git_dir) != 0 && errno != ENOTEMPTY
        && errno != EEXIST) {
        result = err_errno(err, "cannot make a private git repository in %s", repo->git_dir);
    }
    (void)tree_remove(AT_FDCWD, temporary, NULL);
    return result;
}

/* Object store of the repository: that of the main one for a linked work tree. */
static int find_objects(struct git_repo *repo, struct err *err)
{
    char path[PATH_MAX];
    char line[PATH_MAX];
    int result = join(path, sizeof path, repo->git_dir, "commondir", err);
    if (result != 0) {
        return result;
    }
    read_line(path, line, sizeof line);
    if (line[0] == '\0') {
        return join(repo->objects, sizeof repo->objects, repo->git_dir, "objects", err);
    }
    const char *base = line[0] == '/' ? "" : repo->git_dir;
    result = join(path, sizeof path, base, line, err);
    return result == 0 ? join(repo->objects, sizeof repo->objects, path, "objects", err) : result;
}

/* What `git clone --bare` makes, as git itself tells a repository from other folders. */
static bool is_bare(const char *root)
{
    static const char *const folders[] = {"objects", "refs"};
    char path[PATH_MAX];
    bool is = join(path, sizeof path, root, "HEAD", NULL) == 0 && file_exists(path);
    for (size_t i = 0; is && i < sizeof folders / sizeof folders[0]; i++) {
        is = join(path, sizeof path, root, folders[i], NULL) == 0 && is_folder(path);
    }
    return is;
}

static int open_into(struct git_repo *repo, const char *root, struct err *err)
{
    if (realpath(root, repo->root) == NULL) {
        return err_errno(err, "cannot find the folder %s", root);
    }
    int result = join(repo->state, sizeof repo->state, repo->root, ".sluice", err);
    if (result != 0) {
        return result;
    }
    repo->private_repo = find_git_dir(repo->root, repo->git_dir, sizeof repo->git_dir) == 0;
    if (repo->private_repo && is_bare(repo->root)) {
        return err_set(err,
                       -EINVAL,
                       "%s is a bare git repository: it has no files to test. Use a clone with "
                       "files, or make a work tree: git worktree add FOLDER",
                       repo->root);
    }
    result = make_state(repo, err);
    result = result == 0 ? check_version_once(repo, err) : result;
    if (result == 0 && repo->private_repo) {
        result = join(repo->git_dir, sizeof repo->git_dir, repo->state, "git", err);
        if (result == 0 && !is_folder(repo->git_dir)) {
            result = make_private(repo, err);
        }
    }
    return result == 0 ? find_objects(repo, err) : result;
}

int git_open(const char *root, struct git_repo *ret_repo, struct err *err)
{
    struct git_repo repo = {0};
    const int result = open_into(&repo, root, err);
    if (result == 0) {
        *ret_repo = repo;
    }
    return result;
}
