/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that differ, in real repositories. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "support/world.h"

#define COMMIT "git -c user.name=a -c user.email=a@x commit -q --no-gpg-sign -m x"

static int put(void *context, const char *path, const struct git_lines *lines, size_t count)
{
    struct str *out = context;
    (void)str_appendf(out, "%s:", path);
    for (size_t i = 0; i < count; i++) {
        (void)str_appendf(out, " %u-%u", lines[i].first, lines[i].last);
    }
    return str_append(out, "\n");
}

/* Between HEAD and the work tree of `r`. */
static void assert_lines(const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    const struct git_repo *repo = open_repo("r");
    const char *head = sh_out("git -C r rev-parse HEAD");
    struct err err = {0};
    if (git_diff_lines(repo, head, snapshot(repo, NULL), put, &out, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(str_text(&out), expected);
}

static void make_repo(void)
{
    sh("git init -q -b main r; cd r; seq 20 >a.c; seq 5 >b.c; printf 'a\\0b' >bin; ln -s a.c link; "
       "echo gone >gone; git add .; " COMMIT);
}

TEST(changed_lines_are_told_and_added_files_whole)
{
    make_repo();
    sh("cd r; sed -i '3s/$/x/; 7,9s/$/x/; 20d' a.c; sed -i '1i new' b.c; seq 3 >new.c; rm gone");
    assert_lines("a.c: 3-3 7-9\nb.c: 1-1\nnew.c: 1-3\n");
}

TEST(nothing_that_differs_is_nothing)
{
    make_repo();
    assert_lines("");
}

TEST(files_without_new_lines_have_none)
{
    make_repo();
    sh("cd r; sed -i 2d a.c; chmod +x b.c; printf 'a\\0c' >bin; ln -sf b.c link; : >empty");
    assert_lines("a.c:\nb.c:\nbin:\nempty:\nlink:\n");
}

TEST(a_renamed_file_is_compared_with_what_it_was)
{
    make_repo();
    sh("cd r; mkdir d; mv a.c 'd/with blank'; sed -i '5s/$/x/' 'd/with blank'; mv b.c d/pure");
    assert_lines("d/pure:\nd/with blank: 5-5\n");
}

TEST(odd_names_are_told_as_they_are)
{
    make_repo();
    sh("cd r; echo x >'tab\tname'; echo x >'new\nline'; echo x >'quote\"q'; echo x >\"$(printf "
       "'byte\\377')\"; echo x >'diff --git a b'; echo x >:100644");
    assert_lines(":100644: 1-1\nbyte\377: 1-1\ndiff --git a b: 1-1\nnew\nline: 1-1\nquote\"q: "
                 "1-1\ntab\tname: 1-1\n");
}

/* Lines of a hunk are counted: what stands in them is not read. */
TEST(a_source_that_looks_like_a_patch_is_none)
{
    make_repo();
    sh("cd r; printf '%s\\n' '++ b/x' 'diff --git a/a b/a' '@@ -1 +90,9 @@' >>b.c; "
       "printf 'diff --git a/x b/x\\n@@ -1 +7 @@' >last");
    assert_lines("b.c: 6-8\nlast: 1-2\n");
}

TEST(a_file_that_becomes_a_link_or_stops_being_one_is_told_once)
{
    make_repo();
    sh("cd r; ln -sf b.c a.c; rm link; seq 4 >link");
    assert_lines("a.c:\nlink: 1-4\n");
}

TEST(a_submodule_has_no_lines)
{
    make_repo();
    sh("cd r; git init -q sub; cd sub; echo 1 >f; git add f; " COMMIT);
    assert_lines("sub:\n");
}

TEST(settings_of_the_user_change_nothing)
{
    make_repo();
    sh("cd r; git config diff.noprefix true; git config diff.mnemonicPrefix true; "
       "git config color.ui always; git config diff.renames false; git config diff.context 9; "
       "git config diff.interHunkContext 9; git config diff.external false; "
       "echo '*.c diff=odd' >.git/info/attributes; git config diff.odd.textconv 'sed d'; "
       "git config diff.odd.command false; sed -i '3s/$/x/; 5s/$/x/' a.c; mv b.c c.c");
    assert_lines("a.c: 3-3 5-5\nc.c:\n");
}

TEST(many_files_are_told)
{
    CLEANUP(str_fini) struct str expected = STR_INIT(1u << 20);
    make_repo();
    sh("cd r; for i in $(seq 10000 12999); do seq 2 >f$i; done");
    for (int i = 10000; i < 13000; i++) {
        (void)str_appendf(&expected, "f%d: 1-2\n", i);
    }
    assert_lines(str_text(&expected));
}

/* ---- what to compare with ---- */

static void assert_no_base(const char *name, const char *revision, const char *message)
{
    char base[GIT_ID_MAX] = "untouched";
    struct err err = {0};
    assert_int_equal(git_merge_base(open_repo(name), revision, base, &err), -ENOENT);
    assert_string_equal(base, "untouched");
    if (strstr(err.text, message) == NULL) {
        fail_msg("\"%s\" is not in: %s", message, err.text);
    }
}

struct told {
    size_t files, pieces;
};

static int count_told(void *context, const char *path, const struct git_lines *lines, size_t count)
{
    struct told *told = context;
    (void)path;
    (void)lines;
    told->files++;
    told->pieces += count;
    return 0;
}

/* `set_fail` is a hook of base/mem.h. */
static void check_short_of_memory(const struct git_repo *repo,
                                  const char *head,
                                  const char *tree,
                                  size_t (*set_fail)(size_t n))
{
    size_t made = 1;
    for (size_t n = 1; made >= n; n++) {
        struct told told = {0};
        struct err err = {0};
        (void)set_fail(n);
        int rc = git_diff_lines(repo, head, tree, count_told, &told, &err);
        made = set_fail(0);
        assert_int_equal(rc, made >= n ? -ENOMEM : 0);
        assert_int_equal(err.code, rc);
        assert_true(rc != 0 || (told.files == 2 && told.pieces == 3));
        assert_true(n < 200);
    }
}

TEST(short_memory_is_told_and_no_line_is_missing_unseen)
{
    make_repo();
    sh("cd r; sed -i '3s/$/x/; 7,9s/$/x/' a.c; seq 3 >new.c");
    const struct git_repo repo = *open_repo("r");
    char head[GIT_ID_MAX];
    char tree[GIT_ID_MAX];
    (void)snprintf(head, sizeof head, "%s", sh_out("git -C r rev-parse HEAD"));
    (void)snprintf(tree, sizeof tree, "%s", snapshot(&repo, NULL));
    check_short_of_memory(&repo, head, tree, mem_fail_from);
    check_short_of_memory(&repo, head, tree, mem_fail_once);
}

TEST(a_change_is_compared_with_where_it_left_the_branch)
{
    make_repo();
    sh("cd r; git checkout -q -b change; echo 1 >c; git add c; " COMMIT
       "; git checkout -q main; echo 2 >m; git add m; " COMMIT "; git checkout -q change");
    char base[GIT_ID_MAX];
    struct err err = {0};
    assert_int_equal(git_merge_base(open_repo("r"), "main", base, &err), 0);
    assert_string_equal(base, sh_out("git -C r rev-parse main~1"));
    assert_int_equal(git_merge_base(open_repo("r"), "HEAD", base, &err), 0);
    assert_string_equal(base, sh_out("git -C r rev-parse HEAD"));
}

TEST(what_cannot_be_compared_with_is_told_with_the_way_out)
{
    make_repo();
    assert_no_base("r", "nowhere", "'nowhere' names no commit here; a branch of the server");
    assert_no_base("r", "--help", "'--help' names no commit here");
    sh("cd r; git checkout -q --orphan other; echo 9 >q; git add q; " COMMIT);
    assert_no_base("r", "main", "'main' and HEAD have no common history");
    sh("git init -q -b own empty; cd empty; git fetch -q ../r main:main");
    assert_no_base("empty", "main", "HEAD has no commit yet");
    sh("mkdir plain; echo 1 >plain/a");
    assert_no_base("plain", "main", "this is no git repository");
}

TEST(a_clone_with_a_part_of_the_history_says_how_to_fetch_the_rest)
{
    make_repo();
    sh("cd r; git checkout -q -b change; echo 1 >c; git add c; " COMMIT
       "; git checkout -q main; echo 2 >m; git add m; " COMMIT
       "; cd ..; git clone -q --depth 1 --no-single-branch file://$PWD/r shallow; "
       "cd shallow; git checkout -q change");
    assert_no_base("shallow", "origin/main", "git fetch --unshallow");
}
