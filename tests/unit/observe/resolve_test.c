/* SPDX-License-Identifier: Apache-2.0 */
/* Walking without a kernel that waits: the root is a folder, its "src" the unit's merged view, and
 * "pristine" beside it what the run was given. */
#include "base/file.h"
#include "observe/race.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "support/test.h"

static struct recorder recorder;
static struct resolver resolver;
static struct race *race;
static char written[8192];

static const char *in(const char *path)
{
    static char full[4][600];
    static unsigned next;
    char *buf = full[next++ % 4];
    (void)snprintf(buf, 600, "%s/%s", test_folder(), path);
    return buf;
}

/* Both in the view and in the pristine state. */
static void put(const char *path, const char *text)
{
    char name[500];
    struct err err = {0};
    (void)snprintf(name, sizeof name, "src/%s", path);
    assert_int_equal(file_write_atomic(in(name), text, strlen(text), &err), 0);
    (void)snprintf(name, sizeof name, "pristine/%s", path);
    assert_int_equal(file_write_atomic(in(name), text, strlen(text), &err), 0);
}

static void put_link(const char *path, const char *target)
{
    char name[500];
    (void)snprintf(name, sizeof name, "src/%s", path);
    assert_int_equal(symlink(target, in(name)), 0);
    (void)snprintf(name, sizeof name, "pristine/%s", path);
    assert_int_equal(symlink(target, in(name)), 0);
}

static void open_view(void)
{
    put("a.c", "a");
    put("d/b.c", "b");
    assert_int_equal(recorder_init(&recorder), 0);
    assert_int_equal(recorder_zone(&recorder, "/src", ZONE_TREE), 0);
    assert_int_equal(recorder_zone(&recorder, "/proc", ZONE_PROC), 0);
    resolver = (struct resolver){
        .recorder = &recorder,
        .root = open(test_folder(), O_PATH | O_DIRECTORY),
        .layers = {open(in("pristine"), O_PATH | O_DIRECTORY)},
        .layer_count = 1,
        .tree = places_at(&recorder.places, "/src"),
        .proc = places_at(&recorder.places, "/proc"),
    };
    race = race_new(&resolver);
    assert_non_null(race);
}

static void close_view(void)
{
    (void)close(resolver.root);
    (void)close(resolver.layers[0]);
    race_free(race);
    recorder_fini(&recorder);
}

static void ask_as(pid_t pid, const char *path, unsigned asked)
{
    const struct caller caller = {.pid = pid, .proc = open("/proc", O_PATH), .folder = "/src"};
    const struct path_question question = {.caller = &caller,
                                           .base = places_at(&recorder.places, "/src"),
                                           .dirfd = AT_FDCWD,
                                           .path = path,
                                           .follow = asked != ASKED_LINK};
    struct landing landing;
    race_returned(race, &caller);
    resolve(&resolver, &question, &landing);
    ask_landing(&resolver, &landing, asked);
    race_asked(race, &question, &landing, asked);
    (void)close(caller.proc);
}

static void change_as(pid_t pid, const char *path)
{
    const struct caller caller = {.pid = pid, .proc = open("/proc", O_PATH)};
    race_returned(race, &caller);
    race_changing(race, &caller, places_at(&recorder.places, path));
    (void)close(caller.proc);
}

static void assert_asked(const char *expected)
{
    struct arena *arena = arena_new(1u << 20);
    const struct trace *trace = NULL;
    size_t len = 0;
    written[0] = '\0';
    assert_int_equal(recorder_trace(&recorder, arena, &trace, NULL), 0);
    for (size_t i = 0; i < trace->count; i++) {
        len += (size_t)snprintf(written + len,
                                sizeof written - len,
                                "%c %s\n",
                                (char)trace->items[i].kind,
                                trace->items[i].path);
    }
    arena_free(arena);
    assert_string_equal(written, expected);
}

static void ask_in(const char *folder, const char *path)
{
    const struct caller caller = {.pid = 1, .proc = -1, .folder = folder};
    const struct path_question question = {
        .caller = &caller, .dirfd = AT_FDCWD, .path = path, .follow = true};
    struct landing landing;
    resolve(&resolver, &question, &landing);
    ask_landing(&resolver, &landing, ASKED_CONTENT);
}

/* The folder of the last relative path is remembered. */
TEST(relative_paths_begin_where_each_caller_works)
{
    open_view();
    ask_in("/src/d", "b.c");
    ask_in("/src", "a.c");
    ask_in("/src", "b.c");
    ask_in("/src/d", "a.c");
    ask_in("/src/dd", "a.c");
    ask_in("relative", "a.c");
    ask_in("/src", "a.c");
    assert_asked("C /src/a.c\nX /src/b.c\nX /src/d/a.c\nC /src/d/b.c\nX /src/dd/a.c\n");
    close_view();
}

static void folder_of(int proc, int dirfd, int expected, const char *text)
{
    const uint64_t args[6] = {0};
    const struct caller caller = {.pid = getpid(), .proc = proc, .args = args};
    char folder[PATH_MAX] = "";
    const int len = caller_folder(&caller, dirfd, folder, sizeof folder);
    assert_int_equal(len, expected == 0 ? (int)strlen(text) : expected);
    assert_string_equal(folder, expected == 0 ? text : "");
}

TEST(folders_of_a_caller_are_told_by_its_numbers)
{
    char cwd[PATH_MAX];
    const int proc = open("/proc", O_PATH | O_CLOEXEC);
    const int folder = open("/usr", O_PATH | O_CLOEXEC);
    const int high = fcntl(folder, F_DUPFD_CLOEXEC, 107);
    assert_true(proc >= 0 && folder >= 0 && high >= 107);
    assert_non_null(getcwd(cwd, sizeof cwd));
    folder_of(proc, AT_FDCWD, 0, cwd);
    folder_of(proc, folder, 0, "/usr");
    folder_of(proc, high, 0, "/usr");
    folder_of(proc, high + 1, -ENOENT, "");
    folder_of(proc, INT_MAX, -ENOENT, "");
    folder_of(proc, -1, -ENOENT, "");
    folder_of(proc, INT_MIN, -ENOENT, "");
    (void)close(high);
    (void)close(folder);
    (void)close(proc);
}

static void expect_folder(int proc, int dirfd, const char *name)
{
    char expected[PATH_MAX];
    assert_true(snprintf(expected, sizeof expected, "%s/%s", test_folder(), name) > 0);
    folder_of(proc, dirfd, 0, expected);
}

/* What was asked below a folder of that name was noted for another one, or as absent. */
TEST(a_folder_whose_name_ends_like_the_mark_of_deleted_ones_is_told_from_them)
{
    const int proc = open("/proc", O_PATH | O_CLOEXEC);
    const int top = open(test_folder(), O_PATH | O_CLOEXEC);
    assert_int_equal(mkdirat(top, "a", 0755), 0);
    assert_int_equal(mkdirat(top, "a (deleted)", 0755), 0);
    const int plain = openat(top, "a", O_PATH | O_CLOEXEC);
    const int marked = openat(top, "a (deleted)", O_PATH | O_CLOEXEC);
    expect_folder(proc, plain, "a");
    expect_folder(proc, marked, "a (deleted)");
    assert_int_equal(unlinkat(top, "a", AT_REMOVEDIR), 0);
    expect_folder(proc, plain, "a");
    expect_folder(proc, marked, "a (deleted)");
    assert_int_equal(unlinkat(top, "a (deleted)", AT_REMOVEDIR), 0);
    expect_folder(proc, plain, "a");
    expect_folder(proc, marked, "a (deleted)");
    (void)close(plain);
    (void)close(marked);
    (void)close(top);
    (void)close(proc);
}

/* Longer names were cut off once, and what the rest leads to was taken for the answer. */
TEST(links_of_a_caller_have_no_longer_names_than_the_kernel_gives)
{
    const struct caller caller = {.pid = getpid(), .proc = open("/proc", O_PATH | O_CLOEXEC)};
    char buf[PATH_MAX];
    char name[PATH_MAX] = "fd/";
    memset(name + 3, '1', 200);
    assert_int_equal(caller_link(&caller, name, buf, sizeof buf), -ENOENT);
    assert_true(caller_link(&caller, "exe", buf, sizeof buf) > 0);
    (void)close(caller.proc);
}

TEST(a_walk_ends_at_a_place_and_notes_its_links)
{
    open_view();
    put_link("l", "d");
    ask_as(1, "l/./b.c", ASKED_CONTENT);
    assert_asked("C /src/d/b.c\nL /src/l\n");
    close_view();
}

/* The kernel says ENOENT, ENOTDIR or ENAMETOOLONG, by what stands in front of the long name. */
TEST(in_front_of_a_name_that_is_too_long_a_folder_is_looked_for)
{
    char path[600];
    open_view();
    const char *const fronts[] = {"d", "missing", "gone/deeper", "a.c"};
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        (void)snprintf(path, sizeof path, "%s/%0*d", fronts[i], NAME_MAX + 1, 0);
        ask_as(1, path, ASKED_TYPE);
    }
    assert_asked("T /src/a.c\nT /src/d\nX /src/gone/deeper\nX /src/missing\n");
    close_view();
}

TEST(forty_links_are_followed_and_no_more)
{
    open_view();
    put_link("hop0", "a.c");
    for (int i = 1; i <= 40; i++) {
        char name[32];
        char target[32];
        (void)snprintf(name, sizeof name, "hop%d", i);
        (void)snprintf(target, sizeof target, "hop%d", i - 1);
        put_link(name, target);
    }
    ask_as(1, "hop39", ASKED_CONTENT);
    struct place *file = places_at(&recorder.places, "/src/a.c");
    assert_int_equal(file->asked, ASKED_CONTENT);
    file->asked = 0;
    ask_as(1, "hop40", ASKED_CONTENT);
    assert_int_equal(file->asked, 0);
    assert_int_equal(recorder.flags, 0);
    close_view();
}

TEST(a_folder_made_after_it_was_missed_is_found)
{
    open_view();
    ask_as(1, "new/l/b.c", ASKED_CONTENT);
    assert_int_equal(mkdir(in("src/new"), 0755), 0);
    assert_int_equal(symlink("../d", in("src/new/l")), 0);
    ask_as(1, "new/l/b.c", ASKED_CONTENT);
    assert_asked("C /src/d/b.c\nX /src/new\nX /src/new/l/b.c\n");
    close_view();
}

TEST(a_name_that_was_changed_is_looked_up_every_time)
{
    open_view();
    put("e/b.c", "e");
    put_link("l", "d");
    ask_as(1, "l/b.c", ASKED_CONTENT);
    change_as(1, "/src/l");
    assert_int_equal(unlink(in("src/l")), 0);
    assert_int_equal(symlink("e", in("src/l")), 0);
    ask_as(1, "l/b.c", ASKED_CONTENT);
    assert_asked("C /src/d/b.c\nC /src/e/b.c\nL /src/l\n");
    close_view();
}

/* The story: thread 1 is about to rename a link into place; thread 2 opens through that name. The
 * open may be walked by the kernel after the rename, although it was seen before. */
TEST(a_question_under_a_change_is_asked_again_when_the_thread_is_back)
{
    open_view();
    change_as(1, "/src/l"); /* pid 1 lives as long as this machine */
    ask_as(2, "l/b.c", ASKED_CONTENT);
    assert_int_equal(symlink("d", in("src/l")), 0);
    assert_asked("X /src/l/b.c\n");
    ask_as(1, "a.c", ASKED_TYPE);
    assert_asked("T /src/a.c\nC /src/d/b.c\nX /src/l\nX /src/l/b.c\n");
    assert_int_equal(recorder.flags, 0);
    close_view();
}

TEST(a_change_under_the_last_question_of_another_has_it_asked_again)
{
    open_view();
    /* A thread that exists, and is not remembered in the same place as the other. */
    const pid_t other = getpid() % RACE_THREADS != 1 ? getpid() : getppid();
    ask_as(other, "l/b.c", ASKED_CONTENT);
    change_as(1, "/src/l");
    assert_int_equal(symlink("d", in("src/l")), 0);
    ask_as(other, "a.c", ASKED_TYPE);
    assert_asked("T /src/a.c\nX /src/l/b.c\n");
    ask_as(1, "a.c", ASKED_TYPE);
    assert_asked("T /src/a.c\nC /src/d/b.c\nX /src/l\nX /src/l/b.c\n");
    close_view();
}

TEST(what_still_waits_at_the_end_is_asked_or_flagged)
{
    open_view();
    change_as(1, "/src/l");
    ask_as(2, "l/b.c", ASKED_CONTENT);
    assert_int_equal(symlink("d", in("src/l")), 0);
    race_ended(race);
    assert_asked("C /src/d/b.c\nX /src/l\nX /src/l/b.c\n");
    assert_int_equal(recorder.flags, 0);
    change_as(1, "/src/l");
    ask_as(2, "l/b.c", ASKED_CONTENT);
    assert_int_equal(rename(in("src"), in("gone")), 0);
    race_ended(race);
    assert_int_equal(recorder.flags, TRACE_INCOMPLETE);
    close_view();
}

TEST(too_many_changes_at_once_are_incomplete)
{
    open_view();
    for (int i = 0; i <= RACE_CHANGES_MAX; i++) {
        const struct caller caller = {.pid = 1, .proc = open("/proc", O_PATH)};
        race_changing(race, &caller, places_at(&recorder.places, "/src/l"));
        (void)close(caller.proc);
    }
    assert_int_equal(recorder.flags, TRACE_INCOMPLETE);
    close_view();
}

TEST(paths_of_every_length_are_walked_or_refused)
{
    static char path[PATH_TEXT_MAX + 10];
    open_view();
    for (size_t len = PATH_TEXT_MAX - 3; len < PATH_TEXT_MAX + 3; len++) {
        memset(path, '/', sizeof path - 1);
        path[len] = '\0';
        memcpy(path + len - 8, "/src/a.c", 8);
        ask_as(1, path, ASKED_TYPE);
    }
    memset(path, 'x', NAME_MAX + 1);
    path[NAME_MAX + 1] = '\0';
    ask_as(1, path, ASKED_TYPE);
    ask_as(1, "", ASKED_TYPE);
    assert_asked("T /src\nT /src/a.c\n"); /* a name that is too long needs a folder to be one */
    assert_int_equal(recorder.flags, 0);
    close_view();
}
