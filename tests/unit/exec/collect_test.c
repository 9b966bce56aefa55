/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/collect.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

static const char *below(const char *name)
{
    static char paths[4][400];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", test_folder(), name);
    return path;
}

TEST(merging_links_what_is_new_and_accepts_equal_files)
{
    struct err err = {0};
    put_file(below("a"), "x/one", "1");
    put_file(below("b"), "x/one", "1");
    put_file(below("b"), "x/two", "2");
    assert_int_equal(collect_merge(below("a"), below("all"), &err), 0);
    assert_int_equal(collect_merge(below("b"), below("all"), &err), 0);
    assert_true(has_file(below("all"), "x/one"));
    assert_true(has_file(below("all"), "x/two"));
}

TEST(merging_two_contents_for_one_path_is_an_error_that_names_it)
{
    struct err err = {0};
    put_file(below("a"), "x/one", "1");
    put_file(below("b"), "x/one", "2");
    assert_int_equal(collect_merge(below("a"), below("all"), &err), 0);
    assert_int_equal(collect_merge(below("b"), below("all"), &err), -EEXIST);
    assert_non_null(strstr(err.text, "x/one"));
}

static char clashes[256];

static int note_clash(void *context, const char *path)
{
    strncat(clashes, path, 64);
    strncat(clashes, " ", 2);
    return context != NULL ? -EEXIST : 0;
}

TEST(merging_below_keeps_what_is_there_and_tells_it)
{
    struct err err = {0};
    put_file(below("a"), "x/one", "1");
    put_file(below("a"), "y", "file");
    put_file(below("a"), "z/in", "1");
    put_file(below("b"), "x/one", "2");
    put_file(below("b"), "x/two", "2");
    put_file(below("b"), "y/deep", "a folder");
    put_file(below("b"), "z", "a file");
    clashes[0] = '\0';
    assert_int_equal(collect_merge(below("a"), below("all"), &err), 0);
    assert_int_equal(collect_merge_below(below("b"), below("all"), note_clash, NULL, &err), 0);
    assert_string_equal(clashes, "x/one y z ");
    assert_true(has_file(below("all"), "x/two"));
    assert_true(has_file(below("all"), "z/in"));
    struct str text = STR_INIT(64);
    assert_int_equal(file_read(below("all/x/one"), &text, &err), 0);
    assert_string_equal(str_text(&text), "1");
    str_fini(&text);
    assert_int_equal(collect_merge_below(below("b"), below("all"), note_clash, &err, &err),
                     -EEXIST);
}

static int64_t collect_named(const char *one, const char *two)
{
    const char *const globs[] = {one, two, NULL};
    const struct text_list list = {globs, two != NULL ? 2 : 1};
    struct err err = {0};
    CLEANUP(cleanup_fd) int from = open(below("from"), O_RDONLY | O_DIRECTORY);
    (void)tree_remove(AT_FDCWD, below("to"), &err);
    assert_int_equal(dir_make(below("to"), 0755, &err), 0);
    CLEANUP(cleanup_fd) int to = open(below("to"), O_RDONLY | O_DIRECTORY);
    return collect_matching(from, &list, to, false, &err);
}

TEST(files_named_without_wildcards_are_taken_and_may_be_missing)
{
    put_file(below("from"), "out/a.o", "1");
    put_file(below("from"), "out/deep/b.o", "2");
    assert_int_equal(symlink("out", below("from/link")), 0);
    assert_int_equal(collect_named("out/a.o", "out/none.o"), 1);
    assert_true(has_file(below("to"), "out/a.o"));
    assert_false(has_file(below("to"), "out/deep"));
    assert_int_equal(collect_named("out/a.o/below", "none/x"), 0);
    assert_int_equal(collect_named("out", "out/a.o"), 4); /* two folders and what is in them */
    assert_true(has_file(below("to"), "out/deep/b.o"));
    assert_int_equal(collect_named("out/deep/b.o", "**/a.o"), 2);
    assert_int_equal(collect_named("link/a.o", NULL), 0);
    assert_int_equal(collect_named("link", NULL), 1);
}

/* The story: one unit left a link to a folder of the machine, another a folder of that name; the
 * other's files were put where the link led. */
TEST(merging_a_folder_does_not_go_through_a_link_of_another_unit)
{
    struct err err = {0};
    assert_int_equal(dir_make(below("a"), 0755, &err), 0);
    assert_int_equal(dir_make(below("machine"), 0755, &err), 0);
    assert_int_equal(symlink(below("machine"), below("a/x")), 0);
    put_file(below("b"), "x/file", "planted");
    assert_int_equal(collect_merge(below("a"), below("all"), &err), 0);
    assert_int_equal(collect_merge(below("b"), below("all"), &err), -EEXIST);
    assert_non_null(strstr(err.text, "x is a folder"));
    assert_false(has_file(below("machine"), "file"));
}

TEST(merging_a_link_over_a_folder_is_an_error)
{
    struct err err = {0};
    put_file(below("a"), "x/file", "1");
    assert_int_equal(dir_make(below("b"), 0755, &err), 0);
    assert_int_equal(symlink("/", below("b/x")), 0);
    assert_int_equal(collect_merge(below("a"), below("all"), &err), 0);
    assert_int_equal(collect_merge(below("b"), below("all"), &err), -EEXIST);
}

TEST(merging_compares_links_by_their_targets)
{
    struct err err = {0};
    assert_int_equal(dir_make(below("a"), 0755, &err), 0);
    assert_int_equal(dir_make(below("b"), 0755, &err), 0);
    assert_int_equal(dir_make(below("c"), 0755, &err), 0);
    assert_int_equal(symlink("target", below("a/link")), 0);
    assert_int_equal(symlink("target", below("b/link")), 0);
    assert_int_equal(symlink("else", below("c/link")), 0);
    assert_int_equal(collect_merge(below("a"), below("all"), &err), 0);
    assert_int_equal(collect_merge(below("b"), below("all"), &err), 0);
    assert_int_equal(collect_merge(below("c"), below("all"), &err), -EEXIST);
}

static int note_path(void *context, int root, const char *path, mode_t mode)
{
    char *seen = context;
    (void)root;
    (void)snprintf(
        seen + strlen(seen), 1000 - strlen(seen), "%s%s ", path, S_ISDIR(mode) ? "/" : "");
    return strcmp(path, "closed") != 0;
}

/* A test could leave "log.txt -> /etc/shadow", and who uploads artifacts follows links. */
TEST(links_that_lead_out_are_no_artifacts_but_may_be_products)
{
    static const char *const everything[] = {"**"};
    static const char *const inside[] = {"latest", "a/up"};
    static const char *const outside[] = {"host", "up", "a/top", "a/around", "a/end"};
    const struct text_list globs = {everything, 1};
    struct err err = {0};
    put_file(below("from"), "a/file", "1");
    assert_int_equal(symlink("a/file", below("from/latest")), 0);
    assert_int_equal(symlink("../latest", below("from/a/up")), 0);
    assert_int_equal(symlink("/etc/passwd", below("from/host")), 0);
    assert_int_equal(symlink("../x", below("from/up")), 0);
    assert_int_equal(symlink("../../x", below("from/a/top")), 0);
    assert_int_equal(symlink("b/c/../../x", below("from/a/around")), 0);
    assert_int_equal(symlink("b/..", below("from/a/end")), 0);
    assert_int_equal(dir_make(below("kept"), 0755, &err), 0);
    assert_int_equal(dir_make(below("product"), 0755, &err), 0);
    CLEANUP(cleanup_fd) int from = open(below("from"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int kept = open(below("kept"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(cleanup_fd) int product = open(below("product"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    assert_true(collect_matching(from, &globs, kept, true, &err) > 0);
    assert_true(collect_matching(from, &globs, product, false, &err) > 0);
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        assert_int_equal(fstatat(kept, inside[i], &st, AT_SYMLINK_NOFOLLOW), 0);
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(fstatat(kept, outside[i], &st, AT_SYMLINK_NOFOLLOW), -1);
        assert_int_equal(fstatat(product, outside[i], &st, AT_SYMLINK_NOFOLLOW), 0);
    }
}

TEST(a_walk_is_sorted_and_enters_only_where_it_is_told_to)
{
    char seen[1000] = "";
    struct err err = {0};
    put_file(below("t"), "b/2", "");
    put_file(below("t"), "b/1", "");
    put_file(below("t"), "closed/no", "");
    put_file(below("t"), ".git/no", "");
    put_file(below("t"), ".sluice/no", "");
    put_file(below("t"), "a", "");
    CLEANUP(cleanup_fd) int root = open(below("t"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(tree_walk(root, note_path, seen, &err), 0);
    assert_string_equal(seen, "a b/ b/1 b/2 closed/ ");
}

TEST(a_walk_refuses_folders_deeper_than_its_limit)
{
    struct err err = {0};
    char seen[1000] = "";
    CLEANUP(cleanup_fd) int root = open(test_folder(), O_RDONLY | O_DIRECTORY);
    int at = dup(root);
    for (int i = 0; i < COLLECT_DEPTH_MAX + 10; i++) {
        assert_int_equal(mkdirat(at, "d", 0755), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        (void)close(at);
        at = next;
    }
    (void)close(at);
    assert_int_equal(tree_walk(root, note_path, seen, &err), -ELOOP);
    assert_int_equal(tree_remove(root, "d", &err), 0);
}
