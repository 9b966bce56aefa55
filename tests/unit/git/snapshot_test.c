/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "git/git.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/test.h"
#include "support/world.h"

/* Names of a tree's files, sorted by git, one a line. */
static const char *names(const char *repo, const char *tree)
{
    static char script[4096];
    (void)snprintf(script,
                   sizeof script,
                   "cd '%s'; if test -e .git; then d=.git; else d=.sluice/git; fi; "
                   "GIT_ALTERNATE_OBJECT_DIRECTORIES=.sluice/objects git --git-dir=$d "
                   "ls-tree -r --name-only %s",
                   repo,
                   tree);
    return sh_out(script);
}

/* Content of a file in a tree. */
static const char *content(const char *repo, const char *tree, const char *path)
{
    static char script[4096];
    (void)snprintf(script,
                   sizeof script,
                   "cd '%s'; GIT_ALTERNATE_OBJECT_DIRECTORIES=.sluice/objects "
                   "git cat-file -p %s:'%s'",
                   repo,
                   tree,
                   path);
    return sh_out(script);
}

#define REPO                                                                  \
    "git init -q r; cd r; mkdir -p src; echo one >src/a.c; echo two >b.txt; " \
    "echo gone >gone; printf '*.o\\n' >.gitignore; git add -A; git commit -qm x\n"

TEST(the_snapshot_of_a_clean_repository_is_its_commits_tree)
{
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    assert_string_equal(snapshot(repo, NULL), sh_out("cd r; git rev-parse HEAD^{tree}"));
    assert_false(repo->private_repo);
}

TEST(a_snapshot_is_taken_while_its_caller_does_something_else)
{
    char tree[GIT_ID_MAX];
    const struct timespec moment = {.tv_nsec = 1000000};
    struct git_snapshot *taking = NULL;
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    for (unsigned i = 0; i < 3; i++) { /* from the user's index, then from a kept one */
        assert_int_equal(git_snapshot_begin(repo, NULL, 0, &taking, NULL), 0);
        while (i > 0 && !git_snapshot_is_due(taking)) {
            (void)nanosleep(&moment, NULL);
        }
        assert_int_equal(git_snapshot_end(taking, tree, NULL), 0);
        assert_string_equal(tree, sh_out("cd r; git rev-parse HEAD^{tree}"));
    }
    assert_int_equal(git_snapshot_begin(repo, NULL, 0, &taking, NULL), 0);
    git_snapshot_abandon(taking);
    git_snapshot_abandon(NULL);
    assert_string_equal(sh_out("ls r/.sluice/tmp"), "");
    sh("rm r/.git/index; mkdir r/.git/index");
    assert_true(git_snapshot_begin(repo, NULL, 0, &taking, NULL) < 0);
}

/* "git add" fails when an excluded path is also ignored, after it has added all the others: a
 * repository whose .gitignore names .sluice or the report folder had no snapshot. */
TEST(what_is_excluded_may_be_ignored_too)
{
    static const char *const exclude[] = {"build/reports", "out.o", NULL};
    sh(REPO "printf '*.o\\n.sluice/\\nbuild/\\n' >.gitignore\n"
            "mkdir -p build/reports; echo x >build/reports/x; echo o >out.o; echo new >new");
    const struct git_repo *repo = open_repo("r");
    assert_string_equal(names("r", snapshot(repo, exclude)),
                        ".gitignore\nb.txt\ngone\nnew\nsrc/a.c");
}

TEST(a_dirty_tree_is_taken_as_git_add_would_take_it)
{
    sh(REPO
       "echo changed >src/a.c; rm gone; chmod +x b.txt; ln -s nowhere link; echo o >x.o\n"
       "mkdir new; echo n >new/file; printf x >\"new\nline\"; printf y >\"$(printf 'n\\377')\"");
    const char *tree = snapshot(open_repo("r"), NULL);
    sh("cp -a r s; rm -r s/.sluice; cd s; git add -A");
    assert_string_equal(tree, sh_out("cd s; git write-tree"));
    assert_string_equal(content("r", tree, "src/a.c"), "changed");
}

/* What a user must never see after a run. */
TEST(index_refs_objects_and_hooks_of_the_repository_are_left_alone)
{
    sh(REPO "for h in post-index-change pre-commit post-checkout; do\n"
            "  printf '#!/bin/sh\\ntouch \"%s\"\\n' \"$HOME/hook-ran\" >.git/hooks/$h\n"
            "  chmod +x .git/hooks/$h; done\n"
            "printf '#!/bin/sh\\ntouch \"%s\"\\n' \"$HOME/monitor-ran\" >../monitor\n"
            "chmod +x ../monitor; git config core.fsmonitor \"$HOME/monitor\"\n"
            "echo changed >src/a.c; echo new >new");
    const char *look = "cd r; find .git -type f | sort | xargs sha256sum; ls -lA .git";
    char before[65536];
    (void)snprintf(before, sizeof before, "%s", sh_out(look));
    const char *tree = snapshot(open_repo("r"), NULL);
    assert_string_equal(sh_out(look), before);
    assert_string_equal(content("r", tree, "new"), "new");
    materialise(open_repo("r"), tree, at("pool"));
    assert_string_equal(sh_out(look), before);
    assert_int_not_equal(access(at("hook-ran"), F_OK), 0);
    assert_int_not_equal(access(at("monitor-ran"), F_OK), 0);
    assert_string_equal(sh_out("cd r; ls .sluice/tmp"), "");
}

TEST(unmerged_files_are_named)
{
    sh(REPO "git checkout -qb other; echo theirs >b.txt; git commit -qam o; git checkout -q main\n"
            "echo ours >b.txt; git commit -qam m; git merge other >/dev/null || true");
    char tree[GIT_ID_MAX] = "untouched";
    struct err err = {0};
    assert_int_equal(git_snapshot(open_repo("r"), NULL, tree, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, "1 file with an unfinished merge:\n  b.txt\n"));
    assert_string_equal(tree, "untouched");
}

static int snapshot_of_unreadable(void)
{
    struct git_repo repo;
    struct err err = {0};
    char tree[GIT_ID_MAX];
    if (git_open(at("r"), &repo, NULL) != 0) {
        return 1;
    }
    if (git_snapshot(&repo, NULL, tree, &err) == 0 || strstr(err.text, "cannot be read") == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    return strstr(err.text, "secret") != NULL ? 0 : 3;
}

TEST(an_unreadable_file_is_named)
{
    sh(REPO "echo s >secret; chmod 0 secret; chown -R 65534 .. 2>/dev/null || true");
    as_nobody(snapshot_of_unreadable);
}

/* git itself only warns, and the files below would be missing from the snapshot. */
TEST(an_unreadable_folder_is_named)
{
    sh(REPO "mkdir secret; echo s >secret/f; chmod 0 secret; "
            "chown -R 65534 .. 2>/dev/null || true");
    as_nobody(snapshot_of_unreadable);
    sh("chmod 755 r/secret");
}

TEST(bits_that_hide_the_disk_from_git_are_overruled)
{
    sh(REPO "echo i >intent; git add -N intent; git update-index --assume-unchanged b.txt\n"
            "git update-index --skip-worktree src/a.c; echo 1 >b.txt; echo 2 >src/a.c\n"
            "git update-index --skip-worktree gone; rm gone");
    const char *tree = snapshot(open_repo("r"), NULL);
    assert_string_equal(content("r", tree, "intent"), "i");
    assert_string_equal(content("r", tree, "b.txt"), "1");
    assert_string_equal(content("r", tree, "src/a.c"), "2");
    assert_string_equal(content("r", tree, "gone"), "gone"); /* kept off the disk on purpose */
}

TEST(a_sparse_checkout_gives_the_whole_tree)
{
    sh(REPO "mkdir p q; echo p >p/f; echo q >q/f; git add -A; git commit -qm y\n"
            "git sparse-checkout set --cone --sparse-index p; test ! -e q\n"
            "git ls-files --sparse | grep -q '^q/$'; echo changed >p/f\n"
            "mkdir src; echo outside >src/new");
    const char *tree = snapshot(open_repo("r"), NULL);
    assert_string_equal(content("r", tree, "q/f"), "q");
    assert_string_equal(content("r", tree, "p/f"), "changed");
    assert_string_equal(content("r", tree, "src/new"), "outside");
    materialise(open_repo("r"), tree, at("pool"));
    assert_string_equal(sh_out("cat pool/tree/q/f"), "q");
}

TEST(a_split_index_and_an_untracked_cache_do_not_matter)
{
    sh(REPO "git config core.splitIndex true; git update-index --split-index --untracked-cache\n"
            "git status >/dev/null; echo changed >src/a.c; echo new >new; mkdir many\n"
            "for i in $(seq 50); do echo $i >many/$i; done");
    char before[65536];
    (void)snprintf(before, sizeof before, "%s", sh_out("cd r/.git; ls; sha256sum *index*"));
    const char *tree = snapshot(open_repo("r"), NULL);
    assert_string_equal(content("r", tree, "src/a.c"), "changed");
    assert_string_equal(content("r", tree, "many/50"), "50");
    assert_string_equal(sh_out("cd r/.git; ls; sha256sum *index*"), before);
}

/* git's index is racy: an entry whose file has the index's own modification time is not trusted. A
 * copy of the index with a newer time would trust it. */
TEST(a_change_within_the_clocks_grain_is_seen)
{
    sh(REPO "git config core.trustctime false; echo 11 >b.txt; touch -d @1700000000 b.txt\n"
            "git add b.txt; touch -d @1700000000 .git/index\n"
            "echo 22 >b.txt; touch -d @1700000000 b.txt");
    /* trustctime is forced on by us: take the change time out of the play by copying it */
    const char *tree = snapshot(open_repo("r"), NULL);
    assert_string_equal(content("r", tree, "b.txt"), "22");
    assert_string_equal(sh_out("stat -c %Y r/.git/index"), "1700000000");
}

TEST(submodules_and_inner_repositories_are_recorded_by_their_commit)
{
    sh("git init -q sub; cd sub; echo s >s; git add s; git commit -qm s; cd ..\n" REPO
       "git submodule -q add ../sub mod; git commit -qm m\n"
       "git clone -q ../sub inner; echo dirty >mod/s; echo dirty >mod/untracked");
    const char *tree = snapshot(open_repo("r"), NULL);
    char expected[256];
    (void)snprintf(expected, sizeof expected, "160000 %s", sh_out("git -C sub rev-parse HEAD"));
    char script[512];
    (void)snprintf(
        script,
        sizeof script,
        "cd r; GIT_ALTERNATE_OBJECT_DIRECTORIES=.sluice/objects git ls-tree %s mod inner "
        "| sed 's/ commit / /;s/\\t.*//' | sort -u",
        tree);
    assert_string_equal(sh_out(script), expected);
    CLEANUP(str_fini) struct str names = STR_INIT(4096);
    struct err err = {0};
    assert_int_equal(git_submodules(open_repo("r"), tree, &names, &err), 0);
    assert_int_equal(names.len, sizeof "inner\0mod");
    assert_memory_equal(str_text(&names), "inner\0mod", sizeof "inner\0mod");
    assert_int_equal(git_submodules(open_repo("r"), "HEAD", &names, &err), -EINVAL);
    materialise(open_repo("r"), tree, at("pool"));
    assert_string_equal(sh_out("ls -A pool/tree/mod pool/tree/inner"),
                        "pool/tree/inner:\n\npool/tree/mod:");
}

/* git add starts `git status` in each submodule, whose configuration must not run a program either.
 */
TEST(configuration_of_submodules_is_not_executed)
{
    sh("git init -q sub; cd sub; echo s >s; git add s; git commit -qm s; cd ..\n" REPO
       "git submodule -q add ../sub mod; git commit -qm m; echo dirty >mod/s\n"
       "printf '#!/bin/sh\\ntouch \"%s\"\\n' \"$HOME/monitor-ran\" >../monitor\n"
       "chmod +x ../monitor; git -C mod config core.fsmonitor \"$HOME/monitor\"; cd ..\n"
       "cp -a r proof; git -C proof/mod status >/dev/null; test -e monitor-ran; rm monitor-ran");
    const char *look = "cd r/.git/modules/mod; find . -type f | sort | xargs sha256sum";
    char before[65536];
    (void)snprintf(before, sizeof before, "%s", sh_out(look));
    (void)snapshot(open_repo("r"), NULL);
    assert_int_not_equal(access(at("monitor-ran"), F_OK), 0);
    assert_string_equal(sh_out(look), before);
}

TEST(an_inner_repository_without_a_commit_is_explained)
{
    sh(REPO "git init -q inner; echo x >inner/x");
    char tree[GIT_ID_MAX];
    struct err err = {0};
    assert_int_equal(git_snapshot(open_repo("r"), NULL, tree, &err), -EIO);
    assert_non_null(strstr(err.text, "git repository of its own without a commit"));
    assert_non_null(strstr(err.text, "inner"));
}

TEST(a_linked_work_tree_works)
{
    sh(REPO "git worktree add -q ../w; echo w >../w/new");
    char root[4096];
    bool found = false;
    assert_int_equal(git_find_root(at("w/src"), root, sizeof root, &found, NULL), 0);
    assert_true(found);
    assert_string_equal(root, at("w"));
    const char *tree = snapshot(open_repo("w"), NULL);
    assert_string_equal(content("w", tree, "new"), "w");
    materialise(open_repo("w"), tree, at("pool"));
    assert_string_equal(sh_out("cat pool/tree/new pool/tree/b.txt"), "w\ntwo");
}

TEST(a_folder_without_git_gets_a_private_repository)
{
    sh("mkdir f; echo a >f/a; echo o >f/x.o; echo '*.o' >f/.gitignore");
    char root[4096];
    bool found = true;
    assert_int_equal(git_find_root(at("f"), root, sizeof root, &found, NULL), 0);
    assert_false(found);
    const struct git_repo *repo = open_repo("f");
    assert_true(repo->private_repo);
    const char *one = snapshot(repo, NULL);
    assert_string_equal(names("f", one), ".gitignore\na");
    assert_string_equal(snapshot(open_repo("f"), NULL), one);
    sh("echo a >>f/.gitignore; echo b >f/b");
    assert_string_equal(names("f", snapshot(repo, NULL)), ".gitignore\nb");
    assert_string_equal(sh_out("ls -A f"), ".gitignore\n.sluice\na\nb\nx.o");
    materialise(repo, one, at("pool"));
    assert_string_equal(sh_out("cat pool/tree/a"), "a");
}

/* It was taken for a folder without git: everything in it would have been a file to test. */
TEST(a_bare_repository_is_refused_and_left_alone)
{
    sh(REPO "git clone -q --bare . ../b.git; git -C ../b.git worktree add -q ../w");
    struct git_repo repo;
    struct err err = {0};
    assert_int_equal(git_open(at("b.git"), &repo, &err), -EINVAL);
    assert_non_null(strstr(err.text, "b.git is a bare git repository"));
    assert_string_equal(sh_out("ls -A b.git | grep sluice || true"), "");
    assert_string_equal(content("w", snapshot(open_repo("w"), NULL), "b.txt"), "two");
    sh("mkdir f; touch f/HEAD; mkdir f/objects; echo a >f/a");
    assert_true(open_repo("f")->private_repo);
}

TEST(an_empty_folder_has_the_empty_tree)
{
    sh("mkdir e; git init -q g");
    assert_string_equal(snapshot(open_repo("e"), NULL), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    assert_string_equal(snapshot(open_repo("g"), NULL), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    materialise(open_repo("g"), "4b825dc642cb6eb9a060e54bf8d69288fbee4904", at("pool"));
    assert_string_equal(sh_out("ls -A pool/tree"), "");
}

TEST(excluded_paths_are_left_out_tracked_or_not)
{
    sh(REPO "mkdir -p out/deep 'od*d' odd .sluice; echo 1 >out/deep/f; echo 2 >'od*d/f'; "
            "echo 3 >odd/f; echo 4 >outer; echo 5 >.sluice/tracked\n"
            "git add -f out .sluice; git commit -qm o; echo 6 >out/new");
    const char *const exclude[] = {"./out/", "od*d", "../elsewhere", "/absolute", NULL};
    const char *tree = snapshot(open_repo("r"), exclude);
    assert_string_equal(names("r", tree), ".gitignore\nb.txt\ngone\nodd/f\nouter\nsrc/a.c");
}

/* git is asked not to look there, or the folder's own ignore file says so: nobody's change to that
 * brings it in. */
TEST(the_state_folder_is_left_out_however_it_lies_there)
{
    static const char *const changes[] = {
        "true",
        "rm .sluice/.gitignore",
        "cp .sluice/.gitignore ../same; ln -sf ../../same .sluice/.gitignore",
        "rm .sluice/.gitignore; mkfifo .sluice/.gitignore",
        "printf '*\\n!log\\n' >.sluice/.gitignore",
        "echo '!.sluice' >>.git/info/exclude",
        "mv .sluice ../elsewhere; ln -s ../elsewhere .sluice",
    };
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    const char *plain = snapshot(repo, NULL);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char script[256];
        (void)snprintf(script, sizeof script, "cd r; touch .sluice/log\n%s", changes[i]);
        sh(script);
        for (unsigned round = 0; round < 2; round++) { /* the second one from a kept index */
            assert_string_equal(snapshot(repo, NULL), plain);
        }
        sh("cd r; test ! -L .sluice || { rm .sluice; mv ../elsewhere .sluice; }\n"
           "rm -f .sluice/.gitignore; printf '*\\n' >.sluice/.gitignore");
    }
}

TEST(a_checkout_that_belongs_to_somebody_else_works)
{
    sh("touch mine");
    if (chown(at("mine"), 12345, (gid_t)-1) != 0) {
        skip(); /* only a privileged user gives files away */
    }
    sh("git init -q sub; cd sub; echo s >s; git add s; git commit -qm s; cd ..\n" REPO
       "git submodule -q add ../sub mod; git commit -qm m; echo new >new; cd ..; chown -R 12345 r");
    const char *tree = snapshot(open_repo("r"), NULL);
    assert_string_equal(content("r", tree, "new"), "new");
}

TEST(a_repository_of_sha256_objects_works)
{
    sh("git init -q --object-format=sha256 r; cd r; echo a >a; git add a; git commit -qm a; "
       "echo b >b");
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    assert_int_equal(strlen(tree), 64);
    materialise(repo, tree, at("pool"));
    assert_string_equal(sh_out("cat pool/tree/a pool/tree/b"), "a\nb");
}

TEST(folders_with_odd_names_work)
{
    sh("mkdir 'a:b \"c\\\\d%'; cd 'a:b \"c\\\\d%'\n" REPO "echo new >new");
    const struct git_repo *repo = open_repo("a:b \"c\\\\d%/r");
    const char *tree = snapshot(repo, NULL);
    materialise(repo, tree, at("po:ol"));
    assert_string_equal(sh_out("cat po:ol/tree/new po:ol/tree/b.txt"), "new\ntwo");
}

TEST(the_users_environment_does_not_reach_git)
{
    sh(REPO "echo new >new");
    (void)setenv("GIT_INDEX_FILE", "/nonexistent/index", 1);
    (void)setenv("GIT_DIR", "/nonexistent", 1);
    (void)setenv("GIT_LITERAL_PATHSPECS", "1", 1);
    const char *tree = snapshot(open_repo("r"), NULL);
    (void)unsetenv("GIT_INDEX_FILE");
    (void)unsetenv("GIT_DIR");
    (void)unsetenv("GIT_LITERAL_PATHSPECS");
    assert_string_equal(content("r", tree, "new"), "new");
}

TEST(what_killed_processes_left_is_swept)
{
    sh(REPO);
    (void)open_repo("r");
    sh("cd r/.sluice/tmp; mkdir snap.1.0 snap.2.0; touch snap.1.0/index.lock\n"
       "touch -d '1 week ago' snap.1.0");
    (void)open_repo("r");
    assert_string_equal(sh_out("ls r/.sluice/tmp"), "snap.2.0");
}

TEST(a_missing_and_an_old_git_are_told)
{
    sh("mkdir r bin; printf '#!/bin/sh\\necho git version 2.30.2\\n' >bin/git; chmod +x bin/git");
    struct git_repo repo;
    struct err err = {0};
    char path[4096];
    (void)snprintf(path, sizeof path, "%s", getenv("PATH"));
    (void)setenv("PATH", "/nonexistent", 1);
    int missing = git_open(at("r"), &repo, &err);
    bool told = strstr(err.text, "git was not found on PATH") != NULL;
    (void)setenv("PATH", at("bin"), 1);
    int old = git_open(at("r"), &repo, &err);
    (void)setenv("PATH", path, 1);
    assert_int_equal(missing, -ENOENT);
    assert_true(told);
    assert_int_equal(old, -ENOENT);
    assert_non_null(strstr(err.text, "git version 2.30.2"));
}

TEST(a_state_folder_that_cannot_be_made_is_named)
{
    sh(REPO "echo x >.sluice");
    struct git_repo repo;
    struct err err = {0};
    assert_int_equal(git_open(at("r"), &repo, &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "r/.sluice"));
    assert_int_equal(git_open(at("missing"), &repo, &err), -ENOENT);
    assert_non_null(strstr(err.text, "missing"));
}

TEST(the_root_is_found_from_below)
{
    sh(REPO "mkdir -p deep/er/.git; cd ..; mkdir plain");
    char root[4096];
    bool found = false;
    struct err err = {0};
    assert_int_equal(git_find_root(at("r/deep/er"), root, sizeof root, &found, &err), 0);
    assert_true(found);
    assert_string_equal(root, at("r")); /* an empty .git folder is no repository */
    assert_int_equal(git_find_root(at("missing"), root, sizeof root, &found, &err), -ENOENT);
    assert_int_equal(git_find_root(at("r/b.txt"), root, sizeof root, &found, &err), -ENOTDIR);
    assert_int_equal(git_find_root(at("r"), root, 3, &found, &err), -ENAMETOOLONG);
}

TEST(twenty_thousand_files_are_quick_the_second_time)
{
    sh("mkdir big; cd big; for d in $(seq 100); do mkdir d$d; for f in $(seq 200); do "
       "echo \"$d $f\" >d$d/f$f; done; done");
    const struct git_repo *repo = open_repo("big");
    const char *one = snapshot(repo, NULL);
    sh("sleep 0.05; echo changed >big/d1/f1");
    int64_t begin = clock_mono_ns();
    const char *two = snapshot(repo, NULL);
    int64_t took_ms = (clock_mono_ns() - begin) / 1000000;
    assert_string_not_equal(one, two);
    print_message("20,000 files, one changed: %ld ms\n", (long)took_ms);
    assert_true(took_ms < 5000); /* 150 ms on a calm machine */
}

TEST(short_memory_is_an_error_wherever_it_happens)
{
    sh(REPO "git update-index --assume-unchanged b.txt");
    struct git_repo repo = *open_repo("r");
    const char *const exclude[] = {"gone", NULL};
    char tree[GIT_ID_MAX];
    int result = -ENOMEM;
    for (size_t n = 1; result != 0; n += n < 20 ? 1 : 23) {
        (void)mem_fail_from(n);
        result = git_snapshot(&repo, exclude, tree, NULL);
        (void)mem_fail_from(0);
        assert_true(result <= 0);
        assert_true(n < 20000);
    }
    assert_string_equal(names("r", tree), ".gitignore\nb.txt\nsrc/a.c");
}
