/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/reads.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"
#include "unit/plugin_mutation/support/layer.h"

static char opened[1000];

static int note(void *context, const char *path)
{
    (void)context;
    (void)strcat(opened, path);
    (void)strcat(opened, " ");
    return 0;
}

static void look_into(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
}

TEST(files_that_are_opened_are_named_once)
{
    struct reads reads;
    struct err err = {0};
    const char *root = layer_enter();
    layer_write("tree/data/a.txt", "a", 0644);
    layer_write("tree/data/b.txt", "b", 0644);
    layer_write("tree/c", "c", 0644);
    opened[0] = '\0';
    if (reads_init("tree", NULL, &reads, &err) != 0) {
        reads_fini(&reads);
        print_message("%s\n", err.text);
        skip();
    }
    look_into("tree/data/a.txt");
    assert_int_equal(reads_take(&reads, note, NULL), 0);
    assert_string_equal(opened, "data/a.txt ");
    look_into("tree/data/a.txt");
    look_into("tree/c");
    assert_int_equal(reads_take(&reads, note, NULL), 0);
    assert_string_equal(opened, "data/a.txt c ");
    assert_false(reads.lost);
    reads_fini(&reads);
    assert_non_null(root);
}

/* Both digests of names in the tree as it is. */
static void names(const char *patterns, struct hash *ret_all, struct hash *ret_asked)
{
    struct reads reads;
    struct err err = {0};
    CLEANUP(json_cleanup) json_t *list = NULL;
    assert_true(patterns == NULL || json_parse(patterns, strlen(patterns), &list, &err) == 0);
    int status = reads_init("tree", list, &reads, &err);
    *ret_all = reads.names;
    *ret_asked = reads.asked;
    reads_fini(&reads);
    if (status != 0) {
        print_message("%s\n", err.text);
        skip();
    }
}

static bool is_same(const struct hash *a, const struct hash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

TEST(names_that_tests_may_ask_for_are_told_from_the_others)
{
    static const char few[] = "[\"data/**\",\"*.conf\"]";
    struct hash all[5];
    struct hash asked[5];
    (void)layer_enter();
    layer_write("tree/data/a", "a", 0644);
    layer_write("tree/b", "b", 0644);
    names(few, &all[0], &asked[0]);
    layer_write("tree/src/c", "c", 0644);
    names(few, &all[1], &asked[1]);
    assert_false(is_same(&all[0], &all[1]));
    assert_true(is_same(&asked[0], &asked[1]));
    layer_write("tree/data/deep/d", "d", 0644);
    names(few, &all[2], &asked[2]);
    assert_false(is_same(&asked[1], &asked[2]));
    layer_write("tree/e.conf", "e", 0644);
    names(few, &all[3], &asked[3]);
    assert_false(is_same(&asked[2], &asked[3]));
    assert_int_equal(unlink("tree/data/a"), 0);
    names(few, &all[4], &asked[4]);
    assert_false(is_same(&asked[3], &asked[4]));
}

TEST(without_patterns_any_name_may_be_asked_for_and_with_an_empty_list_none)
{
    struct hash all[2];
    struct hash asked[2];
    (void)layer_enter();
    layer_write("tree/a", "a", 0644);
    names(NULL, &all[0], &asked[0]);
    assert_true(is_same(&all[0], &asked[0]));
    names("[]", &all[0], &asked[0]);
    layer_write("tree/b", "b", 0644);
    names("[]", &all[1], &asked[1]);
    assert_true(is_same(&asked[0], &asked[1]));
    assert_false(is_same(&all[0], &all[1]));
    names(NULL, &all[1], &asked[1]);
    assert_true(is_same(&all[1], &asked[1]));
}

static void digest(char text[HASH_HEX_SIZE])
{
    static const char *const skipped[] = {".git", NULL};
    static const char *const named[] = {"node_modules", NULL};
    struct err err = {0};
    assert_int_equal(reads_digest_tree("tree", skipped, named, text, &err), 0);
}

TEST(the_digest_of_a_tree_is_of_all_that_is_in_it)
{
    char before[HASH_HEX_SIZE];
    char now[HASH_HEX_SIZE];
    (void)layer_enter();
    layer_write("tree/a", "a", 0644);
    layer_write("tree/.git/HEAD", "a", 0644);
    layer_write("tree/node_modules/p/deep/index.js", "a", 0644);
    layer_write("tree/z", "z", 0644);
    digest(before);
    layer_write("tree/.git/HEAD", "b", 0644);
    layer_write("tree/node_modules/p/deep/index.js", "b", 0644); /* as long as before */
    digest(now);
    assert_string_equal(now, before);
    layer_write("tree/node_modules/p/deep/index.js", "longer", 0644);
    digest(now);
    assert_string_not_equal(now, before);
    layer_write("tree/node_modules/p/deep/index.js", "a", 0644);
    layer_write("tree/z", "y", 0644); /* behind the folder of which only names count */
    digest(now);
    assert_string_not_equal(now, before);
    layer_write("tree/z", "z", 0755);
    digest(now);
    assert_string_not_equal(now, before);
    layer_write("tree/z", "z", 0644);
    digest(now);
    assert_string_equal(now, before);
    assert_int_equal(symlink("a", "tree/link"), 0);
    digest(now);
    assert_string_not_equal(now, before);
}

TEST(a_file_that_is_gone_has_a_digest_of_its_own)
{
    char there[HASH_HEX_SIZE];
    char gone[HASH_HEX_SIZE];
    const char *root = layer_enter();
    layer_write("a", "a", 0644);
    reads_digest(root, "a", there);
    reads_digest(root, "b", gone);
    assert_string_equal(gone, "-");
    assert_int_equal(strlen(there), HASH_HEX_SIZE - 1);
}
