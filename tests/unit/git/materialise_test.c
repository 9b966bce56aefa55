/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "git/git.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"
#include "support/world.h"

/* Two states with every kind of change between them. */
#define TWO_STATES                                                                            \
    "git init -q r; cd r; mkdir -p src/deep was-dir; echo one >src/a.c; echo f >src/deep/f; " \
    "echo run >run; chmod +x run; ln -s src/a.c link; echo w >was-dir/f; echo w >was-file; "  \
    "echo gone >gone\n"

#define SECOND_STATE                                                               \
    "cd r; echo two >src/a.c; rm -r was-dir was-file gone link; echo d >was-dir; " \
    "mkdir was-file; echo f >was-file/f; chmod -x run; ln -s run link; "           \
    "printf n >\"new\nline\"; printf y >\"$(printf 'n\\377')\"\n"

/* Every node with type, mode, size, time and content. */
#define LISTING                                                                \
    "cd %s; find . -path ./.git -prune -o -path ./.sluice -prune -o "          \
    "-printf '%%P %%y %%m %%T@ %%l\\n' | sort; "                               \
    "find . -path ./.git -prune -o -path ./.sluice -prune -o -type f -print0 " \
    "| sort -z | xargs -0 sha256sum"

static const char *listing(const char *folder)
{
    static char script[1024];
    (void)snprintf(script, sizeof script, LISTING, folder);
    return sh_out(script);
}

/* What the checkout of the live tree must look like. */
static const char *expected(void)
{
    sh("rm -rf copy; cp -a r copy; rm -rf copy/.git copy/.sluice\n"
       "find copy -type d -exec chmod 755 {} +; find copy -exec touch -h -d @1000000000 {} +");
    return listing("copy");
}

TEST(a_snapshot_is_materialised_exactly_with_constant_times)
{
    sh(TWO_STATES);
    materialise(open_repo("r"), snapshot(open_repo("r"), NULL), at("pool"));
    assert_string_equal(listing("pool/tree"), expected());
}

TEST(another_snapshot_is_reached_by_difference)
{
    sh(TWO_STATES);
    const struct git_repo *repo = open_repo("r");
    const char *one = snapshot(repo, NULL);
    materialise(repo, one, at("pool"));
    char first[65536];
    (void)snprintf(first, sizeof first, "%s", listing("pool/tree"));
    struct stat before;
    assert_int_equal(stat(at("pool/tree/src/deep/f"), &before), 0);

    sh(SECOND_STATE);
    const char *two = snapshot(repo, NULL);
    materialise(repo, two, at("pool"));
    assert_string_equal(listing("pool/tree"), expected());
    struct stat after;
    assert_int_equal(stat(at("pool/tree/src/deep/f"), &after), 0);
    assert_true(before.st_ino == after.st_ino); /* not written again */
    assert_true(before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);

    materialise(repo, one, at("pool"));
    assert_string_equal(listing("pool/tree"), first);
}

TEST(what_somebody_changed_in_the_checkout_is_repaired)
{
    sh(TWO_STATES);
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    materialise(repo, tree, at("pool"));
    char first[65536];
    (void)snprintf(first, sizeof first, "%s", listing("pool/tree"));

    static const char *const damage[] = {
        "sleep 1.1; echo ONE >src/a.c; touch -d @1000000000 src/a.c", /* same size and time */
        "chmod -x run; chmod 600 src/a.c; chmod 700 src",
        "rm -r src/deep link",
        "echo x >stranger; mkdir -p s/t/r; echo x >s/t/r/f; mkdir empty; echo x >src/x.o",
        "mkfifo fifo; ln -s /etc outside; printf x >\"s\nt\"",
        "git init -q inner; echo x >inner/x",
        "rm -r src; ln -s /etc src",
        "rm run; mkdir -p run/a; echo x >run/a/f",
        "rm link; echo x >link",
        "touch src src/deep",
        "printf '*\\n' >.gitignore; echo x >hidden",
        "rm -rf *",
        "mkdir -p locked/in; echo x >locked/in/f; chmod 0 locked/in locked",
        "rm ../index",
        "echo garbage >../index",
        ": >../index.lock",
        "cd ..; rm -rf tree",
    };
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        char script[1024];
        (void)snprintf(script, sizeof script, "cd pool/tree; %s", damage[i]);
        sh(script);
        materialise(repo, tree, at("pool"));
        if (strcmp(listing("pool/tree"), first) != 0) {
            fail_msg("not repaired: %s\n%s\nexpected\n%s", damage[i], listing("pool/tree"), first);
        }
        assert_string_equal(sh_out("ls pool"), "index\nmade\ntree");
    }
}

TEST(a_checkout_marked_dirty_is_not_believed)
{
    sh(TWO_STATES);
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    materialise(repo, tree, at("pool"));
    struct stat before;
    struct stat after;
    assert_int_equal(stat(at("pool/tree/src/deep/f"), &before), 0);
    sh(": >pool/dirty; cp pool/tree/src/deep/f keep; ln keep pool/held");
    materialise(repo, tree, at("pool"));
    assert_int_equal(stat(at("pool/tree/src/deep/f"), &after), 0);
    assert_true(before.st_ctim.tv_nsec != after.st_ctim.tv_nsec);
    assert_int_not_equal(access(at("pool/dirty"), F_OK), 0);
}

/* kill -9 at any instant, which leaves a git process that still writes: the next use is right. */
TEST(a_killed_process_leaves_nothing_that_is_believed)
{
    sh(TWO_STATES "for i in $(seq 300); do echo $i >src/f$i; done");
    struct git_repo repo = *open_repo("r");
    char one[GIT_ID_MAX];
    (void)snprintf(one, sizeof one, "%s", snapshot(&repo, NULL));
    sh(SECOND_STATE "for i in $(seq 300); do echo $i$i >src/f$i; done");
    char two[GIT_ID_MAX];
    (void)snprintf(two, sizeof two, "%s", snapshot(&repo, NULL));
    const char *wanted = expected();
    for (unsigned i = 0; i < 30; i++) {
        materialise(&repo, one, at("pool"));
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            _exit(git_materialise(&repo, two, at("pool"), NULL) == 0 ? 0 : 1);
        }
        (void)usleep(1000 * i);
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        materialise(&repo, two, at("pool"));
        assert_string_equal(listing("pool/tree"), wanted);
    }
}

TEST(twenty_thousand_files_come_in_seconds_and_five_changes_at_once)
{
    sh("mkdir r; cd r; for d in $(seq 100); do mkdir d$d; for f in $(seq 200); do "
       "echo \"$d $f\" >d$d/f$f; done; done");
    const struct git_repo *repo = open_repo("r");
    const char *one = snapshot(repo, NULL);
    int64_t begin = clock_mono_ns();
    materialise(repo, one, at("pool"));
    int64_t first_ms = (clock_mono_ns() - begin) / 1000000;
    sh("for i in 1 2 3 4 5; do echo changed >r/d$i/f$i; done");
    const char *two = snapshot(repo, NULL);
    begin = clock_mono_ns();
    materialise(repo, two, at("pool"));
    int64_t second_ms = (clock_mono_ns() - begin) / 1000000;
    print_message("20,000 files: %ld ms, five changes: %ld ms\n", (long)first_ms, (long)second_ms);
    assert_string_equal(sh_out("cat pool/tree/d5/f5"), "changed");
    assert_true(first_ms < 20000); /* 2 s on a calm machine */
    assert_true(second_ms < 3000); /* 0.2 s */
}

TEST(what_is_no_tree_is_refused)
{
    sh(TWO_STATES);
    const struct git_repo *repo = open_repo("r");
    struct err err = {0};
    assert_int_equal(git_materialise(repo, "--help", at("pool"), &err), -EINVAL);
    assert_int_equal(git_materialise(repo, "", at("pool"), &err), -EINVAL);
    const char *none = "0123456789012345678901234567890123456789";
    assert_int_equal(git_materialise(repo, none, at("pool"), &err), -EIO);
    assert_non_null(strstr(err.text, "cannot check out the snapshot"));
    assert_int_equal(access(at("pool/dirty"), F_OK), 0);
    sh("echo x >file");
    assert_int_equal(git_materialise(repo, none, at("file"), &err), -ENOTDIR);
    materialise(repo, snapshot(repo, NULL), at("pool"));
}

TEST(a_full_checkout_under_a_strict_umask_is_readable)
{
    sh(TWO_STATES);
    const struct git_repo *repo = open_repo("r");
    const char *tree = snapshot(repo, NULL);
    mode_t old = umask(077);
    materialise(repo, tree, at("pool"));
    (void)umask(old);
    assert_string_equal(listing("pool/tree"), expected());
}

/* A used checkout kept the line ends of before, and evidence earned there was filed under the new
 * ones: wrong answers for everybody. */
TEST(files_are_written_again_when_only_their_conversion_changed)
{
    sh("git init -q r; printf 'one\\n' >r/a");
    const struct git_repo *repo = open_repo("r");
    materialise(repo, snapshot(repo, NULL), at("pool"));
    sh("echo 'a text eol=crlf' >r/.gitattributes");
    materialise(repo, snapshot(repo, NULL), at("pool"));
    sh("printf 'one\\r\\n' | cmp - pool/tree/a");
    sh("rm r/.gitattributes");
    materialise(repo, snapshot(repo, NULL), at("pool"));
    sh("printf 'one\\n' | cmp - pool/tree/a");
    sh("mkdir -p r/.git/info; echo 'a text eol=crlf' >r/.git/info/attributes");
    materialise(repo, snapshot(repo, NULL), at("pool"));
    sh("printf 'one\\r\\n' | cmp - pool/tree/a");
}

TEST(questions_about_a_repository)
{
    sh(TWO_STATES "printf '*.o\\nbuild/\\n' >.gitignore; git add -A; git commit -qm x; git tag v1\n"
                  "mkdir build; echo t >tracked.o; git add -f tracked.o");
    const struct git_repo *repo = open_repo("r");
    struct err err = {0};

    char id[GIT_ID_MAX] = "untouched";
    assert_int_equal(git_resolve(repo, "nope", id, &err), -ENOENT);
    assert_non_null(strstr(err.text, "'nope' names no commit"));
    assert_int_equal(git_resolve(repo, "--help", id, &err), -ENOENT);
    assert_int_equal(git_resolve(repo, "v1^{tree}", id, &err), -ENOENT);
    assert_string_equal(id, "untouched");
    assert_int_equal(git_resolve(repo, "v1", id, &err), 0);
    assert_string_equal(id, sh_out("cd r; git rev-parse HEAD"));
}

TEST(the_paths_between_two_snapshots_are_told_with_their_odd_names)
{
    sh("git init -q r; cd r; echo a >a; echo b >b; git add -A; git commit -qm x");
    const struct git_repo *repo = open_repo("r");
    const char *one = snapshot(repo, NULL);
    sh("cd r; rm a; echo B >b; printf x >\"n\nl\"; mkdir d; echo d >d/e");
    const char *two = snapshot(repo, NULL);
    struct str out = STR_INIT(1u << 20);
    assert_int_equal(str_append(&out, ">"), 0);
    assert_int_equal(git_diff_names(repo, one, two, &out, NULL), 0);
    static const char wanted[] = ">a\0b\0d/e\0n\nl"; /* and the last NUL */
    assert_int_equal(out.len, sizeof wanted);
    assert_memory_equal(out.data, wanted, sizeof wanted);
    struct err err = {0};
    assert_int_equal(git_diff_names(repo, one, "HEAD", &out, &err), -EINVAL);
    assert_int_equal(out.len, sizeof wanted);
    str_fini(&out);
}

TEST(short_memory_while_materialising_is_an_error_and_the_next_use_is_right)
{
    sh(TWO_STATES);
    struct git_repo repo = *open_repo("r");
    char tree[GIT_ID_MAX];
    (void)snprintf(tree, sizeof tree, "%s", snapshot(&repo, NULL));
    int result = -ENOMEM;
    for (size_t n = 1; result != 0; n += 17) {
        (void)mem_fail_from(n);
        result = git_materialise(&repo, tree, at("pool"), NULL);
        (void)mem_fail_from(0);
        assert_true(n < 20000);
    }
    assert_string_equal(listing("pool/tree"), expected());
}
