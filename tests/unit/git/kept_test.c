/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot that starts from a kept index must never differ from the one that starts from the
 * user's. */
#include "git/kept.h"

#include "git/changes.h"
#include "git/git.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "support/world.h"

#define REPO                                                                  \
    "git init -q r; cd r; mkdir -p src; echo one >src/a.c; echo two >b.txt; " \
    "echo gone >gone; printf '*.o\\n' >.gitignore; git add -A; git commit -qm x\n"

/* What a fresh state folder would say. */
static const char *long_way(const struct git_repo *repo, const char *const *exclude)
{
    sh("mv r/.sluice/objects/kept away 2>/dev/null || true");
    const char *tree = snapshot(repo, exclude);
    sh("rm -rf r/.sluice/objects/kept; mv away r/.sluice/objects/kept 2>/dev/null || true");
    return tree;
}

/* Logs git's verbs to the file `log` of the test's folder from now on. */
static void watch_git(void)
{
    static char path[8192];
    if (getenv("PATH_BEFORE") == NULL) {
        (void)setenv("PATH_BEFORE", getenv("PATH"), 1);
    }
    sh("mkdir -p bin; real=$(PATH=$PATH_BEFORE command -v git)\n"
       "printf '#!/bin/sh\\necho \"$1\" >>\"%s/log\"\\nexec %s \"$@\"\\n' \"$PWD\" \"$real\" "
       ">bin/git; chmod +x bin/git");
    (void)snprintf(path, sizeof path, "%s:%s", at("bin"), getenv("PATH_BEFORE"));
    (void)setenv("PATH", path, 1);
}

static void watch_git_no_more(void)
{
    (void)setenv("PATH", getenv("PATH_BEFORE"), 1);
}

/* The verbs of one snapshot. */
static const char *verbs_of_snapshot(const struct git_repo *repo)
{
    watch_git();
    sh("rm -f log");
    (void)snapshot(repo, NULL);
    watch_git_no_more();
    return sh_out("tr '\\n' ' ' <log");
}

/* Twice: the first may find nothing kept for this index. */
static void assert_same_both_ways(const struct git_repo *repo,
                                  const char *const *exclude,
                                  const char *story)
{
    for (int i = 0; i < 2; i++) {
        const char *fast = snapshot(repo, exclude);
        const char *slow = long_way(repo, exclude);
        if (strcmp(fast, slow) != 0) {
            fail_msg("%s: %s from the kept index, %s from git's", story, fast, slow);
        }
    }
}

/* In a repository of its own, one step after the other. */
static void assert_same_after_each(const char *const *steps, size_t count)
{
    char script[2048];
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(script, sizeof script, "cd r; %s", steps[i]);
        sh(script);
        assert_same_both_ways(repo, NULL, steps[i]);
    }
}

TEST(a_tree_without_changes_takes_one_git_process)
{
    sh(REPO "sleep 1.1");
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    (void)snapshot(repo, NULL); /* settles what the first one kept */
    assert_string_equal(verbs_of_snapshot(repo), "add ");
    assert_string_equal(snapshot(repo, NULL), tree);
    assert_string_equal(tree, sh_out("cd r; git rev-parse HEAD^{tree}"));
    sh("echo new >r/new; echo changed >r/src/a.c");
    assert_string_equal(verbs_of_snapshot(repo), "add config write-tree ");
    sh("echo newer >r/newer");
    assert_string_equal(verbs_of_snapshot(repo), "add write-tree ");
}

/* Neither files that git does not know nor edits cost anything while they stay as they are. */
TEST(what_was_added_once_is_not_added_again)
{
    sh(REPO
       "for i in $(seq 300); do mkdir -p d$i; echo $i >d$i/f; done; echo edit >b.txt; rm gone");
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    sh("sleep 1.1");
    assert_string_equal(verbs_of_snapshot(repo), "add update-index "); /* settles it */
    assert_string_equal(verbs_of_snapshot(repo), "add ");
    assert_string_equal(snapshot(repo, NULL), tree);
    assert_string_equal(sh_out("find r/.sluice/objects/kept -type f | wc -l"), "2");
    sh("echo more >r/d7/more");
    assert_string_equal(verbs_of_snapshot(repo), "add write-tree ");
    assert_string_equal(verbs_of_snapshot(repo), "add ");
    sh("rm -r r/d1 r/d2; echo back >r/gone");
    assert_string_equal(snapshot(repo, NULL), long_way(repo, NULL));
}

/* What decides about files that were added is looked at, although none of them changed. */
TEST(what_added_files_rest_on_is_looked_at_each_time)
{
    static const char *const steps[] = {
        "mkdir -p a/b/c; echo n >a/b/c/n; echo m >a/b/m; sleep 0.05",
        "printf '*\\n' >a/b/.gitignore", /* which names itself */
        "rm a/b/.gitignore",
        "echo n >.gitignore",
        "printf '*.o\\n' >.gitignore",
        "mkdir -p $HOME/.config/git; echo m >$HOME/.config/git/ignore",
        "rm $HOME/.config/git/ignore",
        "echo c >.git/info/exclude",
        "echo d >.git/info/exclude",
        "printf '[include]\\npath = more\\n' >>.git/config",
        "printf '[core]\\nexcludesFile = own-ignore\\n' >.git/more",
        "echo m >own-ignore",
        "echo own-ignore >>own-ignore",
        ": >own-ignore",
        "rm .git/more",
        "printf '[includeIf \"onbranch:x\"]\\npath = on\\n' >>.git/config",
        "printf '[core]\\nexcludesFile = on-ignore\\n' >.git/on; echo a >on-ignore",
        "git checkout -q -b x",
        "git checkout -q main",
        "cd a/b; git init -q .; git add m; git commit -qm m",
        "rm -rf a/b/.git",
        "printf 'x\\r\\n' >a/b/m",
        "echo 'm text eol=crlf' >a/b/.gitattributes",
        "echo '*' >>a/b/.gitignore; printf 'm filter=f\\n' >a/b/.gitattributes",
        "rm a/b/.git*",
        "rm gone; echo gone >>.gitignore",
        "echo back >gone",
        "printf '*.o\\n' >.gitignore",
        "rm a/b/c/n; mkdir a/b/c/n; echo deep >a/b/c/n/x",
        "rm -r a/b/c; ln -s .. a/b/c",
        "mkdir \"$(printf 'l\\ni')\"; echo \"'\" >\"$(printf 'l\\ni')/add 'x'\"; echo q >\"'\"",
        "rm -r \"$(printf 'l\\ni')\"",
        "mv a e",
        "mkdir a; mv e/b a/b; rmdir e 2>/dev/null || true",
        "mkdir old; echo '*' >old/.gitignore; echo o >old/m; sleep 0.02; mv a/b a/c; mv old a/b",
    };
    assert_same_after_each(steps, sizeof steps / sizeof *steps);
}

/* Whatever is touched while git looks may have been read before or after. */
TEST(changes_that_rest_on_something_touched_meanwhile_are_not_kept)
{
    struct str records = STR_INIT(CHANGES_MAX);
    struct stat st;
    struct hash digest;
    size_t count = 0;
    sh(REPO "echo n >src/n; sleep 0.05; : >../clock");
    const struct git_repo *repo = open_repo("r");
    assert_int_equal(changes_add(&records, repo, "add 'src/n'\nadd 'b.txt'\n", &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(stat(at("clock"), &st), 0);
    assert_true(changes_look(&records, repo, &st.st_mtim, &digest));
    sh("sleep 0.05; echo x >r/src/.gitignore");
    assert_false(changes_look(&records, repo, &st.st_mtim, &digest));
    assert_true(changes_look(&records, repo, NULL, &digest));
    assert_int_equal(changes_add(&records, repo, "remove 'away'\n", NULL), 0);
    assert_true(changes_look(&records, repo, NULL, &digest));
    sh("echo back >r/away");
    assert_false(changes_look(&records, repo, NULL, &digest));
    assert_int_equal(changes_add(&records, repo, "add 'away'\n", NULL), -EAGAIN);
    str_fini(&records);
}

TEST(words_of_git_that_are_not_understood_are_refused)
{
    static const char *const words[] = {
        "add 'src'\n", /* a folder: a repository inside of the tree */
        "add 'not there'\n",
        "add 'b.txt\n",
        "add b.txt\n",
        "warning: something\n",
        "remove '\n",
        "\n",
    };
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct str records = STR_INIT(CHANGES_MAX);
        assert_int_equal(changes_add(&records, repo, words[i], NULL), -EINVAL);
        str_fini(&records);
    }
}

TEST(what_a_user_does_to_files_and_index_is_seen)
{
    static const char *const steps[] = {
        "true",
        "echo changed >src/a.c",
        "echo new >new; mkdir -p deep/er; echo d >deep/er/d",
        "rm gone",
        "mv b.txt c.txt",
        "chmod +x c.txt",
        "chmod -x c.txt",
        "git add -A",
        "git commit -qm two",
        "echo x >x.o; echo '*.txt' >>.gitignore; echo u >u.txt",
        "printf '*.o\\n' >.gitignore",
        "git rm -q --cached c.txt",
        "echo c.txt >>.gitignore",
        "git add -f x.o",
        "rm x.o",
        "echo again >x.o",
        "git rm -q -f --cached x.o",
        "mkdir -p own; echo o >own/o",
        "echo '*' >own/.gitignore",
        "git add -f own/o",
        "rm -r own; echo now a file >own",
        "rm own; mkdir own; echo o2 >own/o",
        "git add -A -f; git commit -qm three",
        "git update-index --assume-unchanged src/a.c; echo hidden >src/a.c",
        "git update-index --no-assume-unchanged src/a.c",
        "git update-index --skip-worktree src/a.c; echo hidden too >src/a.c",
        "rm src/a.c",
        "echo back >src/a.c",
        "git update-index --no-skip-worktree src/a.c",
        "git checkout -q -f -b other; echo other >src/a.c; git commit -qam other",
        "git checkout -q main",
        "git checkout -q other",
        "git add -N . ; echo later >later; git add -N later",
        ": >empty; git add -N empty",
        "rm empty later",
        "git reset -q --hard",
        "ln -s nowhere link",
        "rm link; echo no link >link",
        "rm link; mkdir link; echo l >link/l",
        "git add link/l; rm -r link; ln -s nowhere link",
        "git add -A; git commit -qm links; echo before >src/a.c; echo stashed >stashed",
        "git stash -q -u",
        "git stash pop -q",
        "echo link >>.git/info/exclude",
        ": >.git/info/exclude",
        "echo '*.none' >\"$HOME/ignore\"; git config core.excludesFile \"$HOME/ignore\"",
        "echo y >y.none; echo 'n*' >>\"$HOME/ignore\"",
        "git config --unset core.excludesFile",
        "git init -q inner; cd inner; echo i >i; git add i; git commit -qm i",
        "cd inner; echo ii >i; git commit -qam ii",
        "git add inner",
        "cd inner; echo iii >i; git commit -qam iii; echo dirty >i",
        "git rm -q -r -f --cached . ; rm -rf inner",
        "git add -A; git commit -qm all",
        "touch -d '2001-01-01' b.txt c.txt src/a.c 2>/dev/null || true",
        "git gc -q --prune=now",
        "git config core.autocrlf true; printf 'a\\r\\n' >crlf",
        "git add crlf; printf 'b\\r\\n' >crlf",
        "echo 'crlf -text' >.gitattributes",
        "git update-index --split-index",
        "git rm -q -f --cached crlf",
    };
    assert_same_after_each(steps, sizeof steps / sizeof *steps);
}

TEST(each_list_of_excluded_paths_has_an_index_of_its_own)
{
    static const char *const one[] = {"b.txt", NULL};
    static const char *const two[] = {"src", "out [1]*.xml", NULL};
    static const char *const three[] = {"-new", "gone", NULL};
    static const char *const four[] = {"g*", "?o", NULL};
    static const char *const *const lists[] = {NULL, one, two, three, four};
    sh(REPO "echo 1 >'out [1]*.xml'; echo 2 >'out 1.xml'; echo n >-new");
    const struct git_repo *repo = open_repo("r");
    for (size_t i = 0; i < 10; i++) {
        assert_same_both_ways(repo, lists[i % 5], "excluded paths");
        const char *kept = sh_out("ls r/.sluice/objects/kept | grep -c '[.]young$\\|[.]settled$'");
        assert_true(kept[1] == '\0' && kept[0] >= '1' && kept[0] <= '0' + KEPT_MAX);
    }
    sh("cd r; echo 'out [1]*.xml' >>.gitignore");
    assert_same_both_ways(repo, two, "an excluded path becomes ignored");
}

/* git compares whole seconds, so a file that changes twice in one, keeping its size, looks as it
 * did. */
TEST(edits_of_one_size_within_a_second_are_seen)
{
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    char before[GIT_ID_MAX] = "";
    for (unsigned i = 0; i < 200; i++) {
        int fd = open(at("r/b.txt"), O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(dprintf(fd, "%03u\n", i), 4);
        assert_int_equal(close(fd), 0);
        if (i % 20 == 10) {
            sh("cd r; git add b.txt");
        }
        const char *tree = snapshot(repo, NULL);
        assert_string_not_equal(tree, before);
        (void)snprintf(before, sizeof before, "%s", tree);
    }
    assert_string_equal(before, long_way(repo, NULL));
}

/* A file that was read before it changed, and an index written in the next second: by its date the
 * entry would be trusted, were the index not dated with the start. */
TEST(a_kept_index_is_dated_with_the_start_of_its_snapshot)
{
    struct kept_index what = {.young = true};
    struct stat st;
    sh(REPO "sleep 0.01; touch -d '+1 hour' ../index");
    struct kept kept;
    int fd = open(at("r/.git/index"), O_RDONLY | O_CLOEXEC);
    kept_init(&kept, open_repo("r"), fd, NULL, 0);
    (void)close(fd);
    assert_int_equal(strlen(kept.key), 64);
    const struct timespec start = {.tv_sec = 1600000000};
    kept_put(&kept, at("index"), &what, &start);
    assert_true(kept_take(&kept, at("taken"), &what));
    assert_int_equal(stat(at("taken"), &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 1600000000);
    assert_true(what.young);
    assert_string_equal(what.tree, "");
    kept_drop(&kept);
    assert_false(kept_take(&kept, at("again"), &what));
}

TEST(an_unfinished_merge_is_told_whatever_is_kept)
{
    sh(REPO "git checkout -qb other; echo theirs >b.txt; git commit -qam o; git checkout -q main\n"
            "echo ours >b.txt; git commit -qam m");
    const struct git_repo *repo = open_repo("r");
    char tree[GIT_ID_MAX];
    (void)snapshot(repo, NULL);
    sh("cd r; git merge other >/dev/null || true");
    assert_int_equal(git_snapshot(repo, NULL, tree, NULL), -EUCLEAN);
    sh("cd r; git merge --abort");
    assert_same_both_ways(repo, NULL, "the merge is given up");
}

TEST(submodules_are_recorded_alike_both_ways)
{
    static const char *const steps[] = {
        "cd r/mod; echo more >s; git commit -qam more",
        "cd r; git add mod",
        "cd r/mod; echo dirty >s",
        "cd r; git commit -qm moved; git submodule -q deinit -f mod",
        "cd r; git rm -q --cached mod",
    };
    sh("git init -q sub; cd sub; echo s >s; git add s; git commit -qm s; cd ..\n" REPO
       "git submodule -q add ../sub mod; git commit -qm m");
    const struct git_repo *repo = open_repo("r");
    assert_same_both_ways(repo, NULL, "a submodule");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        sh(steps[i]);
        assert_same_both_ways(repo, NULL, steps[i]);
    }
}

TEST(what_is_kept_and_broken_is_not_believed)
{
    sh(REPO "sleep 1.1");
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    static const char *const harms[] = {
        "for f in r/.sluice/objects/kept/*; do echo garbage >$f; done",
        "for f in r/.sluice/objects/kept/*; do : >$f; done",
        "for f in r/.sluice/objects/kept/*; do head -c 100 $f >x; mv x $f; done",
        "cd r/.sluice/objects/kept; for f in *; do mv $f ${f%%.*}.none; done",
        "cd r/.sluice/objects/kept; for f in *; do mv $f ${f%%.*}.none.none.young; done",
        "cd r/.sluice/objects/kept; for f in *; do mv $f ${f%%.*}.x.y.z; done",
        "rm -r r/.sluice/objects; mkdir r/.sluice/objects",
        "rm -r r/.sluice/objects/kept; echo file >r/.sluice/objects/kept",
    };
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        sh(harms[i]);
        assert_string_equal(snapshot(repo, NULL), tree);
        assert_string_equal(snapshot(repo, NULL), tree);
    }
    assert_string_equal(sh_out("ls r/.sluice/tmp"), "");
}

TEST(a_failure_is_told_as_without_a_kept_index)
{
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    struct err err = {0};
    char tree[GIT_ID_MAX] = "untouched";
    (void)snapshot(repo, NULL);
    sh("git init -q r/inner"); /* has no commit */
    assert_true(git_snapshot(repo, NULL, tree, &err) < 0);
    assert_non_null(strstr(err.text, "git repository of its own without a commit"));
    assert_string_equal(tree, "untouched");
    sh("rm -r r/inner");
    assert_same_both_ways(repo, NULL, "after the failure");
}

static pid_t start_snapshots(unsigned count)
{
    struct git_repo repo = *open_repo("r");
    pid_t pid = fork();
    if (pid == 0) {
        char tree[GIT_ID_MAX];
        int result = setpgid(0, 0);
        for (unsigned i = 0; i < count && result == 0; i++) {
            result = git_snapshot(&repo, NULL, tree, NULL);
        }
        _exit(result == 0 ? 0 : 1);
    }
    (void)setpgid(pid, pid);
    return pid;
}

TEST(many_at_once_and_killed_ones_leave_the_right_answer)
{
    pid_t pids[4];
    sh(REPO);
    for (unsigned round = 0; round < 12; round++) {
        char script[256];
        (void)snprintf(script, sizeof script, "cd r; echo %u >b.txt; git add b.txt", round);
        sh(script);
        for (size_t i = 0; i < 4; i++) {
            pids[i] = start_snapshots(3);
        }
        (void)usleep(3000 * round);
        (void)kill(-pids[0], SIGKILL);
        for (size_t i = 0; i < 4; i++) {
            int status = 0;
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(i == 0 || status == 0);
        }
        assert_same_both_ways(open_repo("r"), NULL, script);
    }
}

/* Objects that vanish (a `git gc` that prunes) are missed by the checkout; trying again must help.
 */
TEST(a_checkout_that_lacks_objects_makes_the_next_snapshot_write_them)
{
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    (void)snapshot(repo, NULL);
    assert_string_not_equal(sh_out("ls r/.sluice/objects/kept"), "");
    const char *gone = "4b825dc642cb6eb9a060e54bf8d69288fbee4900";
    assert_true(git_materialise(repo, gone, at("pool"), NULL) < 0);
    assert_int_not_equal(access(at("r/.sluice/objects/kept"), F_OK), 0);
    materialise(repo, snapshot(repo, NULL), at("pool"));
    assert_string_equal(sh_out("cat pool/tree/b.txt"), "two");
}

/* This process and its children on so many of the processors of `all`, which has as many. */
static void keep_to(const cpu_set_t *all, int count)
{
    cpu_set_t some;
    CPU_ZERO(&some);
    for (size_t i = 0; i < CPU_SETSIZE && count > 0; i++) {
        if (CPU_ISSET(i, all)) {
            CPU_SET(i, &some);
            count--;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof some, &some), 0);
}

/* Its threads would take the processors from who is busy. An option comes before git's verb. */
TEST(git_is_kept_to_one_thread_while_its_caller_is_busy_and_processors_are_few)
{
    static const struct {
        uint64_t busy_us;
        int processors;
        bool one_thread;
    } cases[] = {
        {0,       1, false},
        {1000000, 1, true },
        {1000000, 3, false},
    };

    char tree[GIT_ID_MAX];
    cpu_set_t all;
    sh(REPO);
    const struct git_repo *repo = open_repo("r");
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct git_snapshot *taking = NULL;
        if (CPU_COUNT(&all) < cases[i].processors) {
            continue;
        }
        keep_to(&all, cases[i].processors);
        watch_git();
        sh("rm -f log");
        assert_int_equal(git_snapshot_begin(repo, NULL, cases[i].busy_us, &taking, NULL), 0);
        assert_int_equal(git_snapshot_end(taking, tree, NULL), 0);
        watch_git_no_more();
        assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
        assert_string_equal(tree, sh_out("cd r; git rev-parse HEAD^{tree}"));
        const bool has_option = strcmp(sh_out("grep -c -e '^-c$' log || true"), "0") != 0;
        assert_int_equal(has_option, cases[i].one_thread);
    }
}
