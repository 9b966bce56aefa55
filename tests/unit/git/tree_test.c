/* SPDX-License-Identifier: Apache-2.0 */
#include "git/tree.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "support/world.h"

#define AUTHOR "git -c user.name=a -c user.email=a@x "

static struct git_objects *open_objects(const struct git_repo *repo)
{
    struct git_objects *objects = NULL;
    struct err err = {0};
    assert_int_equal(git_objects_open(repo, &objects, &err), 0);
    return objects;
}

static const struct git_folder *open_tree(struct git_objects *objects, const char *tree)
{
    const struct git_folder *root = NULL;
    struct err err = {0};
    if (git_tree_open(objects, tree, &root, &err) != 0) {
        fail_msg("git_tree_open: %s", err.text);
    }
    return root;
}

static struct git_found find(struct git_objects *objects,
                             const struct git_folder *root,
                             const char *path)
{
    struct git_found found = {0};
    struct err err = {0};
    if (git_tree_find(objects, root, path, &found, &err) != 0) {
        fail_msg("git_tree_find: %s", err.text);
    }
    return found;
}

static void assert_found(struct git_objects *objects,
                         const struct git_folder *root,
                         const char *path,
                         enum git_type type)
{
    struct git_found found = find(objects, root, path);
    if (found.presence != GIT_PRESENT || found.entry.type != type) {
        fail_msg("%s: presence %d, type %d", path, (int)found.presence, (int)found.entry.type);
    }
}

static void assert_presence(struct git_objects *objects,
                            const struct git_folder *root,
                            const char *path,
                            enum git_presence presence)
{
    struct git_found found = find(objects, root, path);
    if (found.presence != presence) {
        fail_msg("%s: presence %d, not %d", path, (int)found.presence, (int)presence);
    }
}

static void make_tree(void)
{
    sh("git init -q r; cd r; mkdir -p a/b/c a.d; echo one >a/b/c/f; echo two >a.b; echo x >a.d/x; "
       "printf run >tool; chmod +x tool; ln -s a/b link; ln -s nowhere dangling; echo z >a0");
}

TEST(every_kind_of_path_is_found)
{
    make_tree();
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    assert_found(objects, root, "", GIT_TYPE_FOLDER);
    assert_found(objects, root, ".", GIT_TYPE_FOLDER);
    assert_found(objects, root, "a", GIT_TYPE_FOLDER);
    assert_found(objects, root, "a.b", GIT_TYPE_FILE);
    assert_found(objects, root, "a.d", GIT_TYPE_FOLDER);
    assert_found(objects, root, "a0", GIT_TYPE_FILE);
    assert_found(objects, root, "a/b/c/f", GIT_TYPE_FILE);
    assert_found(objects, root, "tool", GIT_TYPE_EXECUTABLE);
    assert_found(objects, root, "link", GIT_TYPE_LINK);
    assert_presence(objects, root, "nothing", GIT_ABSENT);
    assert_presence(objects, root, "a/b/nothing/below", GIT_ABSENT);
    assert_presence(objects, root, "a.b/below", GIT_BLOCKED);
    assert_presence(objects, root, "link/c/f", GIT_BEHIND_LINK);
    assert_int_equal(find(objects, root, "link/c/f").reached, strlen("link"));
    assert_int_equal(find(objects, root, "a/b/nothing/below").reached, strlen("a/b/nothing"));
    git_objects_close(objects);
}

TEST(what_a_commit_has_is_seen_without_a_checkout)
{
    make_tree();
    sh("cd r; git add -A; " AUTHOR "commit -qm one; rm -rf a; " AUTHOR "commit -qam two");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    char tree[GIT_ID_MAX];
    struct err err = {0};
    assert_int_equal(git_commit_tree(repo, "HEAD~1", tree, &err), 0);
    assert_string_equal(tree, sh_out("cd r; git rev-parse HEAD~1^{tree}"));
    assert_found(objects, open_tree(objects, tree), "a/b/c/f", GIT_TYPE_FILE);
    assert_int_equal(git_commit_tree(repo, "HEAD", tree, &err), 0);
    assert_presence(objects, open_tree(objects, tree), "a/b/c/f", GIT_ABSENT);
    assert_int_equal(git_commit_tree(repo, "nowhere", tree, &err), -ENOENT);
    git_objects_close(objects);
}

TEST(a_sha256_repository_is_read_as_well)
{
    sh("git init -q --object-format=sha256 r; cd r; mkdir a; echo one >a/f");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    char hex[GIT_ID_MAX];
    struct git_found found = find(objects, root, "a/f");
    assert_int_equal(found.presence, GIT_PRESENT);
    assert_int_equal(git_id_size(objects), 32);
    assert_string_equal(git_id_hex(objects, found.entry.id, hex),
                        sh_out("cd r; git hash-object a/f"));
    git_objects_close(objects);
}

TEST(names_may_be_any_bytes)
{
    sh("git init -q r; cd r; mkdir \"$(printf 'a\\nb')\"; echo 1 >\"$(printf 'a\\nb/x\\377y')\"; "
       "echo 2 >' lead'; echo 3 >'*'");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    assert_found(objects, root, "a\nb/x\377y", GIT_TYPE_FILE);
    assert_found(objects, root, " lead", GIT_TYPE_FILE);
    assert_found(objects, root, "*", GIT_TYPE_FILE);
    git_objects_close(objects);
}

TEST(a_submodule_is_an_empty_folder)
{
    sh("git init -q sub; cd sub; echo x >f; git add f; " AUTHOR
       "commit -qm s; cd ..; git init -q r; cd r; git submodule --quiet add ../sub sub");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    assert_found(objects, root, "sub", GIT_TYPE_SUBMODULE);
    assert_presence(objects, root, "sub/f", GIT_ABSENT);
    git_objects_close(objects);
}

TEST(folders_of_many_paths_are_read_at_once)
{
    sh("git init -q r; cd r; for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3 4 5 6 7 8 9; do mkdir -p "
       "d$i/e$j; echo $i$j >d$i/e$j/f; done; done");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    static char texts[90][32];
    static const char *paths[90];
    struct err err = {0};
    size_t count = 0;
    for (int i = 1; i <= 9; i++) {
        for (int j = 1; j <= 9; j++) {
            (void)snprintf(texts[count], sizeof texts[count], "d%d/e%d/f", i, j);
            paths[count] = texts[count];
            count++;
        }
    }
    paths[count++] = "nowhere/at/all";
    paths[count++] = "d1/e1/f/below";
    paths[count++] = "";
    assert_int_equal(git_tree_prefetch(objects, root, paths, count, &err), 0);
    for (size_t i = 0; i < 81; i++) {
        assert_found(objects, root, paths[i], GIT_TYPE_FILE);
    }
    git_objects_close(objects);
}

static struct hash listing(struct git_objects *objects,
                           const struct git_folder *root,
                           const char *path)
{
    struct git_found found = find(objects, root, path);
    const struct git_folder *folder = NULL;
    struct hash hash;
    struct err err = {0};
    assert_int_equal(git_folder_open(objects, &found.entry, &folder, &err), 0);
    assert_int_equal(git_folder_listing(folder, &hash, &err), 0);
    return hash;
}

TEST(a_listing_is_names_and_types_not_contents)
{
    sh("git init -q r; cd r; mkdir a b c d; echo 1 >a/x; echo 2 >b/x; chmod +x b/x; mkdir c/x; "
       "echo 1 >c/x/f; echo 1 >d/y");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    struct hash a = listing(objects, root, "a");
    struct hash b = listing(objects, root, "b");
    struct hash c = listing(objects, root, "c");
    struct hash d = listing(objects, root, "d");
    assert_memory_equal(a.bytes, b.bytes, HASH_SIZE);
    assert_memory_not_equal(a.bytes, c.bytes, HASH_SIZE);
    assert_memory_not_equal(a.bytes, d.bytes, HASH_SIZE);
    git_objects_close(objects);
}

TEST(a_listing_is_in_byte_order_whatever_gits_order_is)
{
    /* Git puts "a.b" before the folder "a", which counts as "a/": byte order does not. */
    static const char text[] = "da\0fa.b\0fa0";
    sh("git init -q r; cd r; mkdir -p t/a; echo 1 >t/a/f; echo 2 >t/a.b; echo 3 >t/a0");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    struct hash got = listing(objects, root, "t");
    struct hash expected = hash_bytes(text, sizeof text);
    assert_memory_equal(got.bytes, expected.bytes, HASH_SIZE);
    git_objects_close(objects);
}

TEST(contents_and_sizes_are_read)
{
    make_tree();
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    CLEANUP(str_fini) struct str text = STR_INIT(100);
    struct git_found link = find(objects, root, "link");
    struct git_found file = find(objects, root, "a/b/c/f");
    unsigned char ids[40];
    uint64_t sizes[2];
    struct err err = {0};
    assert_int_equal(git_blob_read(objects, link.entry.id, &text, &err), 0);
    assert_string_equal(str_text(&text), "a/b");
    memcpy(ids, link.entry.id, 20);
    memcpy(ids + 20, file.entry.id, 20);
    assert_int_equal(git_blob_sizes(objects, ids, 2, sizes, &err), 0);
    assert_int_equal(sizes[0], 3);
    assert_int_equal(sizes[1], 4);
    git_objects_close(objects);
}

TEST(a_missing_object_is_named_and_the_next_question_is_answered)
{
    static const unsigned char nothing[20] = {1, 2, 3};
    make_tree();
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const char *tree = snapshot(repo, NULL);
    const struct git_folder *root = open_tree(objects, tree);
    const struct git_folder *none = NULL;
    CLEANUP(str_fini) struct str text = STR_INIT(100);
    struct err err = {0};
    assert_int_equal(git_blob_read(objects, nothing, &text, &err), -ENOENT);
    assert_non_null(strstr(err.text, "0102030000"));
    assert_int_equal(
        git_tree_open(objects, "0102030405060708090a0b0c0d0e0f1011121314", &none, &err), -ENOENT);
    assert_int_equal(git_tree_open(objects, "HEAD", &none, &err), -EINVAL);
    assert_int_equal(git_tree_open(objects, sh_out("cd r; git hash-object -w a.b"), &none, &err),
                     -ENOENT);
    assert_found(objects, root, "a/b/c/f", GIT_TYPE_FILE);
    git_objects_close(objects);
}

TEST(a_process_that_was_killed_is_started_again)
{
    make_tree();
    sh("cd r; git add -A; " AUTHOR "commit -qm one");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    struct git_found found;
    struct err err = {0};
    sh("for p in $(pgrep -x git); do [ \"$(readlink /proc/$p/cwd)\" = \"$PWD/r\" ] && kill -9 $p; "
       "done; true");
    int rc = git_tree_find(objects, root, "a/b/c/f", &found, &err);
    assert_true(rc == -EPIPE || rc == -ECONNRESET);
    assert_found(objects, root, "a/b/c/f", GIT_TYPE_FILE);
    git_objects_close(objects);
}

static bool converts(struct git_objects *objects, const struct git_folder *root, const char *path)
{
    struct git_found found = find(objects, root, path);
    const struct git_folder *folder = NULL;
    const unsigned char *id = NULL;
    struct err err = {0};
    assert_int_equal(git_folder_open(objects, &found.entry, &folder, &err), 0);
    int rc = git_folder_conversion(objects, folder, &id, &err);
    assert_true(rc >= 0);
    return rc == 1;
}

TEST(attributes_that_convert_are_told_from_those_that_do_not)
{
    sh("git init -q r; cd r; mkdir a b c d; echo '* text=auto' >a/.gitattributes; "
       "echo '* eol=crlf' >b/.gitattributes; echo x >c/f; ln -s ../b/.gitattributes "
       "d/.gitattributes");
    const struct git_repo *repo = open_repo("r");
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, snapshot(repo, NULL));
    assert_false(converts(objects, root, "a"));
    assert_true(converts(objects, root, "b"));
    assert_false(converts(objects, root, "c"));
    assert_false(converts(objects, root, "d"));
    git_objects_close(objects);
}

static struct hash config_salt(const struct git_repo *repo, bool *ret_always)
{
    struct git_objects *objects = open_objects(repo);
    struct hash salt;
    struct err err = {0};
    assert_int_equal(git_conversion_config(objects, &salt, ret_always, &err), 0);
    git_objects_close(objects);
    return salt;
}

TEST(settings_that_were_asked_for_ahead_are_the_same)
{
    bool always = false;
    struct hash salt;
    struct err err = {0};
    sh("git init -q r; cd r; git config core.autocrlf true");
    const struct git_repo *repo = open_repo("r");
    const struct hash plain = config_salt(repo, &always);
    struct git_objects *objects = open_objects(repo);
    git_conversion_ask(objects);
    git_conversion_ask(objects);
    assert_int_equal(git_conversion_config(objects, &salt, &always, &err), 0);
    assert_memory_equal(salt.bytes, plain.bytes, HASH_SIZE);
    assert_true(always);
    git_conversion_ask(objects); /* it is known */
    git_objects_close(objects);
    sh("cd r; echo '[' >>.git/config");
    objects = open_objects(repo);
    git_conversion_ask(objects);
    assert_true(git_conversion_config(objects, &salt, &always, &err) < 0);
    assert_non_null(strstr(err.text, "git config"));
    git_conversion_ask(objects);
    git_objects_close(objects); /* while git is at it */
}

TEST(settings_that_convert_make_another_salt)
{
    static const struct hash none = {0};
    bool always = true;
    sh("git init -q r");
    const struct git_repo *repo = open_repo("r");
    struct hash plain = config_salt(repo, &always);
    assert_memory_equal(plain.bytes, none.bytes, HASH_SIZE);
    assert_false(always);
    sh("cd r; git config filter.x.smudge rev");
    struct hash filtered = config_salt(repo, &always);
    assert_memory_not_equal(filtered.bytes, none.bytes, HASH_SIZE);
    assert_false(always);
    sh("cd r; git config core.autocrlf true");
    struct hash crlf = config_salt(repo, &always);
    assert_memory_not_equal(crlf.bytes, filtered.bytes, HASH_SIZE);
    assert_true(always);
    sh("cd r; git config core.autocrlf false; git config --unset filter.x.smudge; "
       "echo '*.txt ident' >.git/info/attributes");
    (void)config_salt(repo, &always);
    assert_true(always);
}

static void make_changes(void)
{
    sh("git init -q r; cd r; echo base >f; echo base >g; git add -A; " AUTHOR
       "commit -qm base; git checkout -qb one; echo one >f; " AUTHOR
       "commit -qam one; git checkout -qb two main; echo two >g; " AUTHOR
       "commit -qam two; git checkout -qb three main; echo three >f; " AUTHOR
       "commit -qam three; git checkout -q main");
}

TEST(a_merge_nobody_made_has_a_tree)
{
    static const char *const changes[] = {"one", "two", NULL};
    make_changes();
    const struct git_repo *repo = open_repo("r");
    char tree[GIT_ID_MAX];
    struct err err = {0};
    if (git_merge_tree(repo, "main", changes, tree, &err) != 0) {
        fail_msg("%s", err.text);
    }
    struct git_objects *objects = open_objects(repo);
    const struct git_folder *root = open_tree(objects, tree);
    CLEANUP(str_fini) struct str text = STR_INIT(100);
    assert_int_equal(git_blob_read(objects, find(objects, root, "f").entry.id, &text, &err), 0);
    assert_int_equal(git_blob_read(objects, find(objects, root, "g").entry.id, &text, &err), 0);
    assert_string_equal(str_text(&text), "one\ntwo\n");
    git_objects_close(objects);
    assert_string_equal(sh_out("cd r; git status --porcelain; git for-each-ref | wc -l"), "4");
}

TEST(a_conflict_names_change_and_file)
{
    static const char *const changes[] = {"one", "three", NULL};
    static const char *const missing[] = {"nowhere", NULL};
    make_changes();
    const struct git_repo *repo = open_repo("r");
    char tree[GIT_ID_MAX] = "untouched";
    struct err err = {0};
    assert_int_equal(git_merge_tree(repo, "main", changes, tree, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, "merging three conflicts in f"));
    assert_int_equal(git_merge_tree(repo, "main", missing, tree, &err), -ENOENT);
    assert_string_equal(tree, "untouched");
}

struct differences {
    char text[1000];
    size_t len;
};

static int note_difference(void *context, const char *path, bool in_place)
{
    struct differences *all = context;
    int n = snprintf(
        all->text + all->len, sizeof all->text - all->len, "%s%s\n", in_place ? "~" : "!", path);
    all->len += (size_t)n;
    return strcmp(path, "stop") == 0 ? -E2BIG : 0;
}

TEST(differences_are_told_with_whether_something_came_or_went)
{
    struct differences all = {.len = 0};
    struct err err = {0};
    sh("git init -q r; cd r; mkdir d; for f in a b c d/x gone; do echo $f >$f; done; ln -s a l");
    const struct git_repo *repo = open_repo("r");
    char before[GIT_ID_MAX];
    memcpy(before, snapshot(repo, NULL), sizeof before);
    sh("cd r; echo more >>a; chmod +x b; rm c; ln -s a c; rm -r d; echo >d; rm gone; ln -sfn b l; "
       "echo >\"$(printf 'n\\n\\377')\"");
    const char *after = snapshot(repo, NULL);
    assert_int_equal(git_diff_each(repo, before, after, note_difference, &all, &err), 0);
    assert_string_equal(all.text, "~a\n~b\n!c\n!d\n!d/x\n!gone\n~l\n!n\n\377\n");
    sh("cd r; echo >stop");
    assert_int_equal(git_diff_each(repo, before, snapshot(repo, NULL), note_difference, &all, &err),
                     -E2BIG);
    assert_int_equal(git_diff_each(repo, "HEAD", after, note_difference, &all, &err), -EINVAL);
}

TEST(short_memory_is_an_error_wherever_it_strikes)
{
    make_tree();
    sh("cd r; echo '* eol=lf' >.gitattributes");
    const struct git_repo *repo = open_repo("r");
    char tree[GIT_ID_MAX];
    static const char *const paths[] = {"a/b/c/f", "a.d/x", "nothing/there"};
    memcpy(tree, snapshot(repo, NULL), sizeof tree);
    bool done = false;
    for (size_t n = 1; !done && n < 5000; n++) {
        struct git_objects *objects = NULL;
        const struct git_folder *root = NULL;
        const unsigned char *id = NULL;
        struct hash hash;
        struct git_found found;
        struct err err = {0};
        (void)mem_fail_from(n);
        int rc = git_objects_open(repo, &objects, &err);
        rc = rc == 0 ? git_tree_open(objects, tree, &root, &err) : rc;
        rc = rc == 0 ? git_tree_prefetch(objects, root, paths, 3, &err) : rc;
        rc = rc == 0 ? git_tree_find(objects, root, "a/b/c/f", &found, &err) : rc;
        rc = rc == 0 ? git_folder_listing(root, &hash, &err) : rc;
        rc = rc == 0 ? git_folder_conversion(objects, root, &id, &err) : rc;
        (void)mem_fail_from(0);
        assert_true(rc >= 0 || (err.code == rc && err.text[0] != '\0'));
        done = rc >= 0;
        git_objects_close(objects);
    }
    assert_true(done);
}
