/* SPDX-License-Identifier: Apache-2.0 */
/* The tree on disk as a git tree, without touching the repository:
 *
 *   1. copy its index            git's stat cache comes with it: unchanged files are not read
 *   2. ls-files                  unmerged entries are refused; entries git would not look at on
 * disk (assume-unchanged, skip-worktree) and those we leave out are found
 *   3. update-index              ... and mended, when there are any
 *   4. add -A                    contents go to the state folder's own object store
 *   5. write-tree
 *   6. what steps 2 to 5 found out is kept for the next time (git/kept.h), with what was added and
 *      what that rests on. Next time, unless the user's index changed, it is step 4 alone, and
 *      step 5 when that found something else.
 *
 * All in a folder of its own in state/tmp, so that neither a killed process's index.lock nor
 * another sluice is ever met. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "git/call.h"
#include "git/changes.h"
#include "git/kept.h"
#include "proc/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that vanishes between git's listing and git's reading fails `git add`; a tree that is
 * written to all the time would do so for ever. */
#define ADD_ATTEMPTS 3

/* git looks at the files of the index on many threads at once, 20 from 10,000 files on. On as few
 * processors as this they are in the way of a caller who is busy: he gets a tenth of them until
 * they are done, and has all his work still to do when git has ended. */
#define FEW_PROCESSORS 2

/* Less work than this is done before git has begun to look. */
#define BUSY_MIN_US 2000u

/* What the threads save on two processors, a file, in nanoseconds: 9 ms of 32 for 20,000 files. */
#define THREADS_SAVE_NS 450u

/* So many entries that were added at once make an index young: as many files may have to be read
 * each time, until it is settled. */
#define YOUNG_CHANGES 100

/* Unmerged files named in the message. */
#define UNMERGED_NAMED 5

struct git_snapshot {
    const struct git_repo *repo;
    char tmp[PATH_MAX];   /* state/tmp/snap.PID.N */
    char index[PATH_MAX]; /* tmp/index */
    char base[PATH_MAX];  /* tmp/base: the index before the disk was looked at */
    int source;           /* the repository's index, open; -1 = nothing was ever added */
    uint64_t busy_us;     /* of the caller */
    struct kept kept;
    struct timespec start;    /* by the clock of the file system */
    struct run_child *adding; /* the first `git add`, under way; NULL = it has ended */
    struct str add_errors;    /* its words */
    bool from_kept;           /* it started from a kept index: */
    struct kept_index taken;
    struct str changes; /* of the index, since the user's (git/changes.h) */
    size_t news;        /* of them those of this snapshot */
    bool can_keep;      /* they can be told */

    struct {
        VEC_FIELDS(char *);
    } exclude; /* cleaned paths; .sluice is the first */

    struct str drop;     /* tracked paths that are left out, NUL-separated */
    struct str unassume; /* tracked paths whose assume-unchanged bit hides the disk */
    struct str unskip;   /* ... skip-worktree bit, although the file is there */
    bool skips;          /* some entry has the skip-worktree bit */
    struct str added;    /* what `git add` told of changes; empty = there are none */
    struct str unmerged; /* lines for the message */
    unsigned unmerged_count;
    const char *last_unmerged; /* stages of one path are told once */
};

static void snapshot_fini(struct git_snapshot *snap)
{
    run_abandon(snap->adding);
    for (size_t i = 0; i < snap->exclude.count; i++) {
        mem_free(snap->exclude.items[i]);
    }
    vec_fini(&snap->exclude);
    str_fini(&snap->drop);
    str_fini(&snap->unassume);
    str_fini(&snap->unskip);
    str_fini(&snap->unmerged);
    str_fini(&snap->added);
    str_fini(&snap->add_errors);
    str_fini(&snap->changes);
    kept_index_fini(&snap->taken);
    cleanup_fd(&snap->source);
    if (snap->tmp[0] != '\0') {
        (void)tree_remove(AT_FDCWD, snap->tmp, NULL);
    }
}

static int exclude_add(struct git_snapshot *snap, const char *path)
{
    char clean[PATH_MAX];
    if (path_clean(path, clean, sizeof clean) != 0 || !path_is_inside(clean)) {
        return 0; /* outside the tree there is nothing to leave out */
    }
    char *copy = mem_strdup(clean);
    if (copy == NULL || vec_push(&snap->exclude, copy) != 0) {
        mem_free(copy);
        return -ENOMEM;
    }
    return 0;
}

static bool is_excluded(const struct git_snapshot *snap, const char *path)
{
    for (size_t i = 0; i < snap->exclude.count; i++) {
        size_t len = strlen(snap->exclude.items[i]);
        if (strncmp(path, snap->exclude.items[i], len) == 0
            && (path[len] == '\0' || path[len] == '/')) {
            return true;
        }
    }
    return false;
}

/* Files are dated by the file system, whose clock may be that of another machine. */
static int read_clock(struct git_snapshot *snap, struct err *err)
{
    struct stat st;
    if (stat(snap->tmp, &st) != 0) {
        return err_errno(err, "cannot read %s", snap->tmp);
    }
    snap->start = st.st_mtim;
    return 0;
}

static int make_tmp(struct git_snapshot *snap, struct err *err)
{
    static atomic_uint counter;
    char path[PATH_MAX];
    int len = snprintf(path,
                       sizeof path,
                       "%s/tmp/snap.%ld.%u",
                       snap->repo->state,
                       (long)getpid(),
                       atomic_fetch_add(&counter, 1));
    if (len < 0 || (size_t)len + sizeof "/index.lock" >= sizeof path) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", snap->repo->state);
    }
    (void)tree_remove(AT_FDCWD, path, NULL); /* of a killed process that had our number */
    int result = dir_make(path, 0700, err);
    if (result == 0) {
        memcpy(snap->tmp, path, (size_t)len + 1);
        (void)snprintf(snap->index, sizeof snap->index, "%.*s/index", len, path);
        (void)snprintf(snap->base, sizeof snap->base, "%.*s/base", len, path);
        result = read_clock(snap, err);
    }
    return result;
}

static int open_index(struct git_snapshot *snap, struct err *err)
{
    char from[PATH_MAX];
    int len = snprintf(from, sizeof from, "%s/index", snap->repo->git_dir);
    if (len < 0 || (size_t)len >= sizeof from) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", snap->repo->git_dir);
    }
    snap->source = open(from, O_RDONLY | O_CLOEXEC);
    return snap->source >= 0 || errno == ENOENT
               ? 0
               : err_errno(err, "cannot read the git index %s", from);
}

/* The copy keeps the modification time: git compares it with those of files to know which entries
 * may be stale although their stat data fits ("racily clean"). A newer time would hide changes. */
static int copy_index(struct git_snapshot *snap, struct err *err)
{
    struct stat st;
    if (snap->source < 0) {
        return 0;
    }
    if (fstat(snap->source, &st) != 0) {
        return err_errno(err, "cannot read the git index in %s", snap->repo->git_dir);
    }
    CLEANUP(cleanup_fd) int out = open(snap->index, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) {
        return err_errno(err, "cannot write %s", snap->index);
    }
    for (ssize_t got = 1; got > 0;) {
        got = sendfile(out, snap->source, NULL, INT_MAX / 2);
        if (got < 0) {
            return err_errno(err, "cannot copy the git index in %s", snap->repo->git_dir);
        }
    }
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    return futimens(out, times) == 0 ? 0 : err_errno(err, "cannot date %s", snap->index);
}

static struct git_call snapshot_call(const struct git_snapshot *snap, const char *const *argv)
{
    return (struct git_call){.argv = argv, .repo = snap->repo, .index = snap->index};
}

/* ---- the listing ---- */

static void note_unmerged(struct git_snapshot *snap, const char *path)
{
    if (snap->last_unmerged != NULL && strcmp(snap->last_unmerged, path) == 0) {
        return;
    }
    snap->last_unmerged = path;
    if (snap->unmerged_count++ < UNMERGED_NAMED) {
        (void)str_appendf(&snap->unmerged, "\n  %s", path);
    }
}

static bool on_disk(const struct git_snapshot *snap, const char *path)
{
    char full[PATH_MAX];
    int len = snprintf(full, sizeof full, "%s/%s", snap->repo->root, path);
    return len > 0 && (size_t)len < sizeof full && file_exists(full);
}

static void append_path(struct str *list, const char *path)
{
    (void)str_append_n(list, path, strlen(path) + 1);
}

/* One entry: "TAG MODE ID STAGE", a tab, the path. The tag is lower case for assume-unchanged, S
 * for skip-worktree. */
static int look_at_entry(struct git_snapshot *snap, const char *entry)
{
    const char *tab = strchr(entry, '\t');
    if (tab == NULL || tab - entry < 2) {
        return -EPROTO;
    }
    const char *path = tab + 1;
    if (is_excluded(snap, path)) {
        append_path(&snap->drop, path);
        return 0;
    }
    if (tab[-1] != '0') {
        note_unmerged(snap, path);
        return 0;
    }
    char tag = entry[0];
    if (tag >= 'a' && tag <= 'z') {
        append_path(&snap->unassume, path);
    }
    if (tag == 'S' || tag == 's') {
        snap->skips = true;
        if (on_disk(snap, path)) {
            append_path(&snap->unskip, path);
        }
    }
    return 0;
}

static int list_entries(struct git_snapshot *snap, struct err *err)
{
    static const char *const argv[] = {"git", "ls-files", "-v", "-s", "-z", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(GIT_OUTPUT_MAX);
    struct git_call call = snapshot_call(snap, argv);
    int result = git_call_ok(&call, "cannot list the tracked files", &out, err);
    if (result != 0) {
        return result;
    }
    const char *end = str_text(&out) + out.len;
    for (const char *entry = str_text(&out); entry < end; entry += strlen(entry) + 1) {
        if (look_at_entry(snap, entry) != 0) {
            return err_set(err, -EPROTO, "git ls-files printed something unexpected: %s", entry);
        }
    }
    if (snap->unmerged_count > 0) {
        return err_set(err,
                       -EUCLEAN,
                       "%u file%s with an unfinished merge:%s%s\nresolve %s and `git add` %s, or "
                       "`git merge --abort`",
                       snap->unmerged_count,
                       snap->unmerged_count == 1 ? "" : "s",
                       str_text(&snap->unmerged),
                       snap->unmerged_count > UNMERGED_NAMED ? "\n  ..." : "",
                       snap->unmerged_count == 1 ? "it" : "them",
                       snap->unmerged_count == 1 ? "it" : "them");
    }
    if (str_error(&snap->drop) != 0 || str_error(&snap->unassume) != 0
        || str_error(&snap->unskip) != 0) {
        return err_set(err, -ENOMEM, "not enough memory for the list of tracked files");
    }
    return 0;
}

static int update_index(const struct git_snapshot *snap,
                        const char *option,
                        const struct str *paths,
                        struct err *err)
{
    if (paths->len == 0) {
        return 0;
    }
    const char *const argv[] = {"git", "update-index", option, "-z", "--stdin", NULL};
    struct git_call call = snapshot_call(snap, argv);
    call.input = paths->data;
    call.input_len = paths->len;
    return git_call_ok(&call, "cannot prepare the snapshot's index", NULL, err);
}

/* In a private repository nobody runs `git rm --cached`: what an ignore file names now, and an
 * earlier snapshot recorded, would stay for ever. */
static int drop_ignored(const struct git_snapshot *snap, struct err *err)
{
    static const char *const argv[] = {
        "git", "ls-files", "-c", "-i", "--exclude-standard", "-z", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(GIT_OUTPUT_MAX);
    if (!snap->repo->private_repo) {
        return 0;
    }
    struct git_call call = snapshot_call(snap, argv);
    int result = git_call_ok(&call, "cannot list the ignored files", &out, err);
    return result == 0 ? update_index(snap, "--force-remove", &out, err) : result;
}

/* ---- reading the disk ---- */

/* git's words, and what they mean for the user. */
static int explain_add(struct err *err, const struct str *errors)
{
    static const struct {
        const char *words;
        const char *meaning;
    } known[] = {
        {"Permission denied",                  "a file cannot be read: make it readable, or name it in .gitignore"},
        {"does not have a commit checked out",
         "a folder is a git repository of its own without a commit, which git cannot record: commit "
         "in it, name it in .gitignore, or remove its .git"                                                       },
        {"No space left on device",            "the disk is full: make room where .sluice lies"                   },
        {"Read-only file system",              "the .sluice folder cannot be written to"                          },
    };

    const char *meaning = "cannot take a snapshot of the tree";
    for (size_t i = sizeof known / sizeof known[0]; i > 0; i--) {
        if (strstr(str_text(errors), known[i - 1].words) != NULL) {
            meaning = known[i - 1].meaning;
        }
    }
    return git_complain(err, -EIO, meaning, errors);
}

/* What came of one `git add -A -v`, whose words are in snap->added. 0, or negative with message;
 * *ret_again tells that another try may do. */
static int judge_add(const struct str *errors, int status, bool *ret_again, struct err *err)
{
    *ret_again = false;
    /* A folder that cannot be opened is a warning for git, and its files would be missing. */
    if (strstr(str_text(errors), "could not open directory") != NULL) {
        return explain_add(err, errors);
    }
    if (status != 0) {
        *ret_again = true;
        return explain_add(err, errors);
    }
    return 0;
}

/* A pattern that matches the path and nothing else. The first byte is quoted although it needs not
 * be: for git this is a pattern then. A plain path that is ignored, too, must not be named: "git
 * add" would call that a failure. */
static void append_pattern(struct str *specs, const char *path)
{
    (void)str_append(specs, ":(exclude,top,glob)");
    for (const char *at = path; *at != '\0'; at++) {
        if (at == path || strchr("*?[\\", *at) != NULL) {
            (void)str_append_char(specs, '\\');
        }
        (void)str_append_char(specs, *at);
    }
}

/* Does the state folder keep git out by its own ignore file? A link in the place of the folder
 * would be recorded as one, and git follows no ignore file that is one. */
static bool hides_itself(const struct git_snapshot *snap)
{
    struct stat folder;
    struct stat file;
    char path[PATH_MAX];
    CLEANUP(str_fini) struct str text = STR_INIT(sizeof GIT_STATE_IGNORE);
    const int len = snprintf(path, sizeof path, "%s/.gitignore", snap->repo->state);
    return len < (int)sizeof path && lstat(snap->repo->state, &folder) == 0
           && S_ISDIR(folder.st_mode) && lstat(path, &file) == 0 && S_ISREG(file.st_mode)
           && file_read(path, &text, NULL) == 0 && strcmp(str_text(&text), GIT_STATE_IGNORE) == 0;
}

/* Pathspecs that leave out the excluded paths and what is below them, one behind the other. git
 * holds each of them against each path of the tree, so the state folder's, which is always the
 * first, is left to what is cheaper. */
static int append_specs(const struct git_snapshot *snap, struct str *specs, struct err *err)
{
    for (size_t i = hides_itself(snap) ? 1 : 0; i < snap->exclude.count; i++) {
        append_pattern(specs, snap->exclude.items[i]);
        (void)str_append_char(specs, '\0');
        append_pattern(specs, snap->exclude.items[i]);
        append_path(specs, "/**");
    }
    return str_error(specs) == 0
               ? 0
               : err_set(err, str_error(specs), "the list of excluded paths is too long");
}

/* Entries of the repository's index: its header has their number, big-endian, behind "DIRC" and a
 * version (git's Documentation/gitformat-index). 0 = none, or not known. */
static uint64_t count_entries(const struct git_snapshot *snap)
{
    unsigned char header[12];
    if (snap->source < 0 || pread(snap->source, header, sizeof header, 0) != sizeof header) {
        return 0;
    }
    return (uint64_t)header[8] << 24 | (uint64_t)header[9] << 16 | (uint64_t)header[10] << 8
           | header[11];
}

/* Would git's threads take more from the caller than they give? */
static bool wants_one_thread(const struct git_snapshot *snap)
{
    cpu_set_t set;
    return snap->busy_us >= BUSY_MIN_US && sched_getaffinity(0, sizeof set, &set) == 0
           && CPU_COUNT(&set) <= FEW_PROCESSORS
           && snap->busy_us >= count_entries(snap) * THREADS_SAVE_NS / 1000;
}

struct arguments {
    VEC_FIELDS(const char *);
};

/* Starts git to look at the disk. */
static int add_begin(struct git_snapshot *snap, struct err *err)
{
    struct arguments argv = {0};
    CLEANUP(str_fini) struct str specs = STR_INIT(1u << 20);
    static const char *const fixed[] = {
        "git", "-c", "core.preloadIndex=false", "add", "-A", "-v", "--", "."};
    const bool one_thread = wants_one_thread(snap);
    int result = append_specs(snap, &specs, err);
    if (result != 0) {
        return result;
    }
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && result == 0; i++) {
        const bool option = i == 1 || i == 2;
        result = option && !one_thread ? 0 : vec_push(&argv, fixed[i]);
    }
    const char *spec = str_text(&specs);
    for (const char *end = spec + specs.len; spec < end && result == 0; spec += strlen(spec) + 1) {
        result = vec_push(&argv, spec);
    }
    result = result == 0 ? vec_push(&argv, NULL) : result;
    if (result != 0) {
        vec_fini(&argv);
        return err_set(err, result, "not enough memory for the list of excluded paths");
    }
    const struct git_call call = snapshot_call(snap, argv.items);
    str_clear(&snap->add_errors);
    result = git_call_begin(&call, &snap->added, &snap->add_errors, &snap->adding, err);
    vec_fini(&argv);
    return result;
}

static int add_end(struct git_snapshot *snap, bool *ret_again, struct err *err)
{
    int status = 0;
    struct run_child *adding = snap->adding;
    snap->adding = NULL;
    *ret_again = false;
    const int result = git_call_end(adding, &status, err);
    return result == 0 ? judge_add(&snap->add_errors, status, ret_again, err) : result;
}

/* The end of the add that is under way, and further ones while they may help. */
static int add_all(struct git_snapshot *snap, unsigned attempts, struct err *err)
{
    bool again = true;
    int result = 0;
    for (unsigned attempt = 0; attempt < attempts && again; attempt++) {
        result = snap->adding == NULL ? add_begin(snap, err) : 0;
        if (result != 0) {
            return result;
        }
        result = add_end(snap, &again, err);
    }
    return result;
}

static int write_tree(const struct git_snapshot *snap, char tree[GIT_ID_MAX], struct err *err)
{
    static const char *const argv[] = {"git", "write-tree", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    struct git_call call = snapshot_call(snap, argv);
    int result = git_call_ok(&call, "cannot write the snapshot", &out, err);
    if (result != 0) {
        return result;
    }
    if (out.len > 0 && out.data[out.len - 1] == '\n') {
        out.data[--out.len] = '\0';
    }
    if (!git_is_id(str_text(&out))) {
        return err_set(err, -EPROTO, "git write-tree printed no id: %s", str_text(&out));
    }
    memcpy(tree, out.data, out.len + 1);
    return 0;
}

/* A private repository has no other index: keep this one, for its stat cache. */
static void keep_index(const struct git_snapshot *snap)
{
    char to[PATH_MAX];
    int len = snprintf(to, sizeof to, "%s/index", snap->repo->git_dir);
    if (snap->repo->private_repo && len > 0 && (size_t)len < sizeof to) {
        (void)rename(snap->index, to); /* without it the next snapshot is slower, not wrong */
    }
}

/* ---- what is kept ---- */

/* The index before the disk was looked at is needed once more when `git add` finds changes. A
 * second name will do: git replaces an index, it does not change one. */
static void save_base(struct git_snapshot *snap)
{
    if (snap->skips || link(snap->index, snap->base) != 0) {
        snap->kept.key[0] = '\0'; /* which entries are on disk is to be asked again each time */
    }
}

/* Keeps the index as it was before the disk was looked at, with fresh stat data. */
static void keep_base(const struct git_snapshot *snap,
                      const char *option,
                      const struct kept_index *what)
{
    const char *const argv[] = {"git", "update-index", "-q", "--refresh", option, NULL};
    struct git_call call = snapshot_call(snap, argv);
    int status = 0;
    call.index = snap->base;
    /* exits with 1 when files differ */
    if (git_call(&call, NULL, NULL, &status, NULL) == 0 && status <= 1) {
        kept_put(&snap->kept, snap->base, what, &snap->start);
    }
}

/* Notes what git has told of changes. False: the index it started from cannot be gone on with. */
static bool note_changes(struct git_snapshot *snap)
{
    int result = 0;
    str_clear(&snap->changes);
    if (snap->from_kept && snap->taken.changes.len > 0) {
        result = str_append_n(&snap->changes, snap->taken.changes.data, snap->taken.changes.len);
    } else if (snap->added.len > 0) {
        result = changes_add_files(&snap->changes, snap->repo);
    }
    result = result == 0
                 ? changes_add(&snap->changes, snap->repo, str_text(&snap->added), &snap->news)
                 : result;
    snap->can_keep = result == 0;
    return result != -EAGAIN;
}

/* Keeps the index as it is, with all that was added. */
static void keep_whole(const struct git_snapshot *snap, const char *tree, bool young)
{
    struct kept_index what = {.young = young, .changes = snap->changes};
    memcpy(what.tree, tree, strlen(tree) + 1);
    kept_put(&snap->kept, snap->index, &what, &snap->start);
}

/* What cannot be told is looked at again each time: then the index is kept that it began with. */
static void keep_for_next(struct git_snapshot *snap, const char *tree)
{
    const struct kept_index base = {.young = true};
    if (snap->kept.key[0] == '\0') {
        return;
    }
    (void)note_changes(snap);
    if (snap->can_keep) {
        keep_whole(snap, tree, true);
    } else {
        keep_base(snap, NULL, &base);
    }
}

static bool same_file(const char *path, const char *other)
{
    struct stat a;
    struct stat b;
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev
           && a.st_ino == b.st_ino;
}

/* After a snapshot from a kept index: keeps what git found out by the way. */
static void keep_better(const struct git_snapshot *snap, const char *tree)
{
    struct stat st;
    const struct kept_index *taken = &snap->taken;
    if (snap->added.len > 0 && snap->can_keep) {
        keep_whole(snap, tree, taken->young || snap->news >= YOUNG_CHANGES);
        return;
    }
    if (taken->young && stat(snap->base, &st) == 0 && st.st_mtim.tv_sec < snap->start.tv_sec) {
        struct kept_index what = *taken;
        what.young = false;
        keep_base(snap, "--force-write-index", &what);
        return;
    }
    const bool refreshed = !same_file(snap->index, snap->base);
    if (snap->added.len == 0 && (refreshed || taken->tree[0] == '\0')) {
        keep_whole(snap, tree, taken->young || refreshed);
    }
}

/* Starts from the kept index. False when there is none, or whatever goes wrong: the long way will
 * say so in words. */
static bool begin_from_kept(struct git_snapshot *snap)
{
    snap->from_kept = kept_take(&snap->kept, snap->index, &snap->taken);
    return snap->from_kept && link(snap->index, snap->base) == 0 && add_begin(snap, NULL) == 0;
}

static void drop_kept(struct git_snapshot *snap)
{
    kept_drop(&snap->kept);
    (void)unlink(snap->index);
    (void)unlink(snap->base);
    str_clear(&snap->added);
    kept_index_fini(&snap->taken);
    snap->from_kept = false;
}

static bool end_from_kept(struct git_snapshot *snap, char tree[GIT_ID_MAX])
{
    const struct kept_index *taken = &snap->taken;
    bool good = add_all(snap, 1, NULL) == 0 && note_changes(snap);
    if (good && snap->added.len == 0 && taken->tree[0] != '\0') {
        memcpy(tree, taken->tree, sizeof taken->tree);
    } else {
        good = good && write_tree(snap, tree, NULL) == 0;
    }
    if (good) {
        keep_better(snap, tree);
    }
    return good;
}

static int prepare(struct git_snapshot *snap, const char *const *exclude, struct err *err)
{
    int result = exclude_add(snap, ".sluice");
    for (size_t i = 0; exclude != NULL && exclude[i] != NULL && result == 0; i++) {
        result = exclude_add(snap, exclude[i]);
    }
    if (result != 0) {
        return err_set(err, result, "not enough memory for the list of excluded paths");
    }
    result = make_tmp(snap, err);
    result = result == 0 ? open_index(snap, err) : result;
    if (result == 0 && snap->source >= 0 && !snap->repo->private_repo) {
        kept_init(&snap->kept,
                  snap->repo,
                  snap->source,
                  (const char *const *)snap->exclude.items,
                  snap->exclude.count);
    }
    return result;
}

/* Starts from the user's index. */
static int begin_from_index(struct git_snapshot *snap, struct err *err)
{
    int result = copy_index(snap, err);
    result = result == 0 ? list_entries(snap, err) : result;
    result = result == 0 ? update_index(snap, "--force-remove", &snap->drop, err) : result;
    result =
        result == 0 ? update_index(snap, "--no-assume-unchanged", &snap->unassume, err) : result;
    result = result == 0 ? update_index(snap, "--no-skip-worktree", &snap->unskip, err) : result;
    result = result == 0 ? drop_ignored(snap, err) : result;
    if (result == 0 && snap->kept.key[0] != '\0') {
        save_base(snap);
    }
    return result == 0 ? add_begin(snap, err) : result;
}

static int end_from_index(struct git_snapshot *snap, char tree[GIT_ID_MAX], struct err *err)
{
    int result = add_all(snap, ADD_ATTEMPTS, err);
    result = result == 0 ? write_tree(snap, tree, err) : result;
    if (result == 0) {
        keep_for_next(snap, tree);
        keep_index(snap);
    }
    return result;
}

int git_snapshot_begin(const struct git_repo *repo,
                       const char *const *exclude,
                       uint64_t busy_us,
                       struct git_snapshot **ret_snapshot,
                       struct err *err)
{
    struct git_snapshot *snap = mem_calloc(1, sizeof *snap);
    if (snap == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a snapshot");
    }
    snap->repo = repo;
    snap->busy_us = busy_us;
    snap->source = -1;
    str_init(&snap->drop, GIT_OUTPUT_MAX);
    str_init(&snap->unassume, GIT_OUTPUT_MAX);
    str_init(&snap->unskip, GIT_OUTPUT_MAX);
    str_init(&snap->unmerged, 1u << 16);
    str_init(&snap->added, GIT_OUTPUT_MAX);
    str_init(&snap->add_errors, GIT_ERRORS_MAX);
    str_init(&snap->changes, CHANGES_MAX);
    int result = prepare(snap, exclude, err);
    if (result == 0 && !begin_from_kept(snap)) {
        if (snap->from_kept) {
            drop_kept(snap);
        }
        result = begin_from_index(snap, err);
    }
    if (result != 0) {
        git_snapshot_abandon(snap);
        return result;
    }
    *ret_snapshot = snap;
    return 0;
}

bool git_snapshot_is_due(struct git_snapshot *snapshot)
{
    return run_is_over(snapshot->adding);
}

int git_snapshot_end(struct git_snapshot *snapshot, char tree[GIT_ID_MAX], struct err *err)
{
    int result = 0;
    if (!snapshot->from_kept) {
        result = end_from_index(snapshot, tree, err);
    } else if (!end_from_kept(snapshot, tree)) {
        drop_kept(snapshot);
        result = begin_from_index(snapshot, err);
        result = result == 0 ? end_from_index(snapshot, tree, err) : result;
    }
    git_snapshot_abandon(snapshot);
    return result;
}

void git_snapshot_abandon(struct git_snapshot *snapshot)
{
    if (snapshot != NULL) {
        snapshot_fini(snapshot);
        mem_free(snapshot);
    }
}

int git_snapshot(const struct git_repo *repo,
                 const char *const *exclude,
                 char tree[GIT_ID_MAX],
                 struct err *err)
{
    struct git_snapshot *snapshot = NULL;
    const int result = git_snapshot_begin(repo, exclude, 0, &snapshot, err);
    return snapshot != NULL ? git_snapshot_end(snapshot, tree, err) : result;
}
