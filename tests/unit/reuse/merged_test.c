/* SPDX-License-Identifier: Apache-2.0 */
/* Products over the tree and what is exposed in it, as a program lists and reads them. What needs
 * no tree is asked without one: then no process of git is needed. */
#include "base/limits.h"
#include "reuse/answer_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/setup.h"
#include "support/test.h"

#define MANIFEST(...)                                                        \
    (const struct manifest)                                                  \
    {                                                                        \
        (struct product[]){__VA_ARGS__},                                     \
            sizeof((struct product[]){__VA_ARGS__}) / sizeof(struct product) \
    }
#define FILE_AT(NAME)                          \
    {                                          \
        .path = (NAME), .mode = S_IFREG | 0644 \
    }
#define LINK_AT(NAME)                          \
    {                                          \
        .path = (NAME), .mode = S_IFLNK | 0777 \
    }
#define FOLDER_AT(NAME)                        \
    {                                          \
        .path = (NAME), .mode = S_IFDIR | 0755 \
    }

/* `names`: letter and name of each, as they are sorted; closed by NULL. */
static void assert_lists(const struct answer *answer, const char *const *names)
{
    char text[1000];
    size_t len = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        const size_t size = strlen(names[i]) + 1;
        assert_true(len + size <= sizeof text);
        memcpy(text + len, names[i], size);
        len += size;
    }
    const struct hash digest = hash_bytes(text, len);
    assert_int_equal(answer->bytes[0], ANSWER_LISTING);
    assert_int_equal(answer->len, 1 + HASH_SIZE);
    if (memcmp(answer->bytes + 1, digest.bytes, HASH_SIZE) != 0) {
        fail_msg("other names than %s, ...", names[0]);
    }
}

/* The listing of a folder of a world that holds products and no tree. */
static void assert_products_list(const struct manifest *products,
                                 const char *path,
                                 const char *const *names)
{
    struct bare bare = {.state = {.products = products}};
    bare_open(&bare);
    const struct answer answer = bare_get(&bare, OBSERVE_LISTING, path);
    bare_close(&bare);
    assert_lists(&answer, names);
}

/* The answer in a world that holds products and no tree. */
static struct answer answer_with(const struct manifest *products,
                                 enum observation_kind kind,
                                 const char *path)
{
    struct bare bare = {.state = {.products = products}};
    bare_open(&bare);
    const struct answer answer = bare_get(&bare, kind, path);
    bare_close(&bare);
    return answer;
}

TEST(a_folder_of_products_lists_each_name_once_with_its_type)
{
    const struct manifest products = MANIFEST(FILE_AT("a"),
                                              FILE_AT("ab"),
                                              FOLDER_AT("b"),
                                              FILE_AT("b-x"),
                                              FILE_AT("b.c"),
                                              FILE_AT("b/d/one"),
                                              FILE_AT("b/d/two"),
                                              FILE_AT("b/d0"),
                                              LINK_AT("b/l"),
                                              FILE_AT("b0/x"),
                                              FOLDER_AT("c"),
                                              LINK_AT("d"),
                                              FILE_AT("e/f/g/h"));
    static const char *const top[] = {
        "fa", "fab", "db", "fb-x", "fb.c", "db0", "dc", "ld", "de", NULL};
    static const char *const b[] = {"dd", "fd0", "ll", NULL};
    static const char *const d[] = {"fone", "ftwo", NULL};
    static const char *const none[] = {NULL};
    static const char *const f[] = {"dg", NULL};
    assert_products_list(&products, "/src", top);
    assert_products_list(&products, "/src/b", b);
    assert_products_list(&products, "/src/b/d", d);
    assert_products_list(&products, "/src/c", none);
    assert_products_list(&products, "/src/e/f", f);
}

TEST(folders_of_products_are_told_from_names_that_start_like_them)
{
    const struct manifest products =
        MANIFEST(FILE_AT("out-1/x"), FILE_AT("out.d"), FILE_AT("out/sub/x"), FILE_AT("outer/x"));

    static const struct {
        const char *path;
        enum answer_tag tag;
    } list[] = {
        {"/src/out",         ANSWER_FOLDER },
        {"/src/out/sub",     ANSWER_FOLDER },
        {"/src/out/sub/x",   ANSWER_FILE   },
        {"/src/out/su",      ANSWER_ABSENT },
        {"/src/o",           ANSWER_ABSENT },
        {"/src/ou",          ANSWER_ABSENT },
        {"/src/oute",        ANSWER_ABSENT },
        {"/src/out/sub/x/y", ANSWER_BLOCKED},
        {"/src/out.d/x/y/z", ANSWER_BLOCKED},
        {"/src/none/x/y/z",  ANSWER_ABSENT },
        {"/src/outer",       ANSWER_FOLDER },
        {"/src/outer/x",     ANSWER_FILE   },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct answer answer = answer_with(&products, OBSERVE_TYPE, list[i].path);
        if (answer.bytes[0] != (unsigned char)list[i].tag) {
            fail_msg("%s: %c", list[i].path, answer.bytes[0]);
        }
    }
}

/* What was asked before changes no answer, in whatever order it comes. */
TEST(answers_of_a_world_do_not_depend_on_their_order)
{
    const struct manifest products =
        MANIFEST(FILE_AT("a/b/c/d"), FILE_AT("a/b/x"), LINK_AT("a/l"), FILE_AT("ab/b/x"));
    static const char *const paths[] = {"/src/a/b/c/d",
                                        "/src",
                                        "/src/a/l/x/y",
                                        "/src/a",
                                        "/src/ab/b/x",
                                        "/src/a/b/x",
                                        "/src/a/b/none",
                                        "/src/ab",
                                        "/src/a/b/c",
                                        "/src/b/x"};

    static const enum observation_kind kinds[] = {
        OBSERVE_EXISTS, OBSERVE_CONTENT, OBSERVE_LISTING, OBSERVE_SUBTREE};

    const size_t count = sizeof paths / sizeof paths[0];
    struct bare bare = {.state = {.products = &products}};
    bare_open(&bare);
    for (size_t i = 0; i < 4 * count * 2; i++) {
        const size_t at = i < 4 * count ? i : 8 * count - 1 - i;
        const struct answer alone = answer_with(&products, kinds[at % 4], paths[at / 4]);
        const struct answer amid = bare_get(&bare, kinds[at % 4], paths[at / 4]);
        if (!answer_equal(&alone, &amid)) {
            fail_msg("%c %s: %c alone, %c",
                     (char)kinds[at % 4],
                     paths[at / 4],
                     alone.bytes[0],
                     amid.bytes[0]);
        }
    }
    bare_close(&bare);
}

TEST(size_and_exec_bit_of_a_product_are_in_its_answers)
{
    struct product item = {
        .path = "x", .mode = S_IFREG | 0644, .size = UINT64_C(0x0807060504030201)};
    const struct manifest products = {&item, 1};
    struct answer answer = answer_with(&products, OBSERVE_TYPE, "/src/x");
    assert_int_equal(answer.len, 10);
    assert_memory_equal(answer.bytes, "f-\1\2\3\4\5\6\7\10", 10);
    answer = answer_with(&products, OBSERVE_CONTENT, "/src/x");
    assert_int_equal(answer.bytes[1], '-');
    item.mode = S_IFREG | 0755;
    answer = answer_with(&products, OBSERVE_TYPE, "/src/x");
    assert_memory_equal(answer.bytes, "fx\1\2\3\4\5\6\7\10", 10);
    answer = answer_with(&products, OBSERVE_CONTENT, "/src/x");
    assert_int_equal(answer.bytes[1], 'x');
}

TEST(all_below_a_folder_of_products_is_their_names_modes_and_contents)
{
    const struct manifest first = MANIFEST(
        FILE_AT("out-1"), FILE_AT("out/a"), FILE_AT("out/b/c"), FILE_AT("out0"), FILE_AT("z"));
    const struct manifest name = MANIFEST(FILE_AT("out/a"), FILE_AT("out/b/d"));
    const struct manifest mode =
        MANIFEST(FILE_AT("out/a"), {.path = "out/b/c", .mode = S_IFREG | 0755});
    const struct manifest content = MANIFEST(
        FILE_AT("out/a"), {.path = "out/b/c", .mode = S_IFREG | 0644, .digest = {.bytes = {1}}});
    const struct manifest less = MANIFEST(FILE_AT("out/a"));
    const struct manifest same = MANIFEST(FILE_AT("out/a"), FILE_AT("out/b/c"));
    const struct manifest *const others[] = {&name, &mode, &content, &less};
    const struct answer before = answer_with(&first, OBSERVE_SUBTREE, "/src/out");
    const struct answer after = answer_with(&same, OBSERVE_SUBTREE, "/src/out");
    const struct answer whole = answer_with(&first, OBSERVE_SUBTREE, "/src");
    const struct answer part = answer_with(&same, OBSERVE_SUBTREE, "/src");
    assert_int_equal(before.bytes[0], ANSWER_SUBTREE);
    assert_true(answer_equal(&before, &after)); /* who stands beside it does not count */
    assert_false(answer_equal(&whole, &part));
    for (size_t i = 0; i < 4; i++) {
        const struct answer other = answer_with(others[i], OBSERVE_SUBTREE, "/src/out");
        assert_false(answer_equal(&before, &other));
    }
}

/* ---- exposed ---- */

static const char *exposed[] = {"dep", "far/off/x", "one.txt", "nothing", NULL};

static void open_exposing(struct bare *bare, const struct manifest *products)
{
    static char root[4096];
    (void)snprintf(root, sizeof root, "%s", at("r"));
    bare->state = (struct answer_state){
        .root = root, .expose = {exposed, 4},
             .products = products
    };
    bare_open(bare);
}

TEST(mount_points_are_listed_with_the_folders_on_the_way)
{
    const struct manifest products =
        MANIFEST(FILE_AT("dep"), FILE_AT("far/away"), LINK_AT("other"));
    static const char *const top[] = {"ddep", "dfar", "fone.txt", NULL};
    static const char *const both[] = {"ddep", "dfar", "fone.txt", "lother", NULL};
    static const char *const far[] = {"doff", NULL};
    static const char *const far_both[] = {"faway", "doff", NULL};
    static const char *const off[] = {"fx", NULL};
    struct bare bare = {0};
    sh("mkdir -p r/dep r/far/off; echo >r/far/off/x; echo >r/far/unseen; echo >r/one.txt");
    open_exposing(&bare, NULL);
    struct answer answer = bare_get(&bare, OBSERVE_LISTING, "/src");
    assert_lists(&answer, top);
    answer = bare_get(&bare, OBSERVE_LISTING, "/src/far");
    assert_lists(&answer, far);
    answer = bare_get(&bare, OBSERVE_LISTING, "/src/far/off");
    assert_lists(&answer, off);
    bare_close(&bare);
    open_exposing(&bare, &products);
    answer = bare_get(&bare, OBSERVE_LISTING, "/src");
    assert_lists(&answer, both);
    answer = bare_get(&bare, OBSERVE_LISTING, "/src/far");
    assert_lists(&answer, far_both);
    bare_close(&bare);
}

TEST(folders_on_the_way_to_a_mount_point_are_there_and_hold_nothing_else)
{
    static const struct {
        enum observation_kind kind;
        const char *path;
        enum answer_tag tag;
    } list[] = {
        {OBSERVE_TYPE,    "/src/far",              ANSWER_FOLDER },
        {OBSERVE_LINK,    "/src/far/off",          ANSWER_NO_LINK},
        {OBSERVE_CONTENT, "/src/far/off",          ANSWER_FOLDER },
        {OBSERVE_EXISTS,  "/src/far",              ANSWER_PRESENT},
        {OBSERVE_EXISTS,  "/src/far/off/x",        ANSWER_PRESENT},
        {OBSERVE_EXISTS,  "/src/far/unseen",       ANSWER_ABSENT },
        {OBSERVE_EXISTS,  "/src/far/unseen/x",     ANSWER_ABSENT },
        {OBSERVE_EXISTS,  "/src/far/off/none",     ANSWER_ABSENT },
        {OBSERVE_EXISTS,  "/src/far/off/none/y/z", ANSWER_ABSENT },
        {OBSERVE_EXISTS,  "/src/fa",               ANSWER_ABSENT },
        {OBSERVE_TYPE,    "/src/nothing",          ANSWER_ABSENT },
    };
    struct bare bare = {0};
    sh("mkdir -p r/dep r/far/off; echo >r/far/off/x; echo >r/far/unseen; echo >r/one.txt");
    open_exposing(&bare, NULL);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct answer answer = bare_get(&bare, list[i].kind, list[i].path);
        if (answer.bytes[0] != (unsigned char)list[i].tag) {
            fail_msg("%c %s: %c", (char)list[i].kind, list[i].path, answer.bytes[0]);
        }
    }
    bare_close(&bare);
}

TEST(what_is_exposed_below_a_folder_is_part_of_all_below_it_and_of_no_other)
{
    struct bare bare = {0};
    sh("mkdir -p r/dep r/far/off; echo >r/far/off/x; echo >r/one.txt");
    open_exposing(&bare, NULL);
    const struct answer top = bare_get(&bare, OBSERVE_SUBTREE, "/src");
    const struct answer far = bare_get(&bare, OBSERVE_SUBTREE, "/src/far");
    bare_close(&bare);
    sh("echo new >r/dep/f");
    open_exposing(&bare, NULL);
    const struct answer top_now = bare_get(&bare, OBSERVE_SUBTREE, "/src");
    const struct answer far_now = bare_get(&bare, OBSERVE_SUBTREE, "/src/far");
    bare_close(&bare);
    assert_false(answer_equal(&top, &top_now));
    assert_true(answer_equal(&far, &far_now));
    sh("echo longer >r/far/off/x");
    open_exposing(&bare, NULL);
    const struct answer far_later = bare_get(&bare, OBSERVE_SUBTREE, "/src/far");
    bare_close(&bare);
    assert_false(answer_equal(&far, &far_later));
}

TEST(all_below_a_folder_in_which_a_device_is_exposed_has_no_answer)
{
    struct bare bare = {0};
    sh("mkdir -p r/dep r/far/off; ln -s /dev/zero r/far/off/x; echo >r/one.txt");
    open_exposing(&bare, NULL);
    const struct answer top = bare_get(&bare, OBSERVE_SUBTREE, "/src");
    const struct answer far = bare_get(&bare, OBSERVE_SUBTREE, "/src/far");
    bare_close(&bare);
    assert_int_equal(top.bytes[0], ANSWER_VOLATILE);
    assert_int_equal(far.bytes[0], ANSWER_VOLATILE);
}

/* ---- over a tree ---- */

TEST(a_tree_is_listed_without_what_is_never_shown)
{
    static const char *const top[] = {
        "f.gita", "f.sluicf", "fabcd", "fabcdefg", "dmodule", "dsub", NULL};
    static const char *const sub[] = {"d.sluice", NULL};
    struct setup s = {0};
    sh("git init -q r");
    const char *tree = sh_out(
        "cd r; b=$(echo x | git hash-object -w --stdin); "
        "i=$(printf '100644 blob %s\\tx\\n' $b | git mktree); "
        "u=$(printf '040000 tree %s\\t.sluice\\n' $i | git mktree); "
        "printf '040000 tree %s\\t.sluice\\n100644 blob %s\\t.gita\\n100644 blob %s\\t.sluicf\\n"
        "100644 blob %s\\tabcd\\n100644 blob %s\\tabcdefg\\n040000 tree %s\\tsub\\n"
        "160000 commit %s\\tmodule\\n' $i $b $b $b $b $u $(printf %040d 1) | git mktree --missing");
    (void)snprintf(s.tree, sizeof s.tree, "%.*s", (int)strcspn(tree, "\n"), tree);
    setup_open(&s);
    struct answer answer = setup_get(&s, OBSERVE_LISTING, "/src");
    assert_lists(&answer, top);
    answer = setup_get(&s, OBSERVE_LISTING, "/src/sub");
    assert_lists(&answer, sub);
    answer = setup_get(&s, OBSERVE_EXISTS, "/src/.sluice/x");
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
    answer = setup_get(&s, OBSERVE_EXISTS, "/src/.gita");
    assert_int_equal(answer.bytes[0], ANSWER_PRESENT);
    answer = setup_get(&s, OBSERVE_EXISTS, "/src/sub/.sluice/x");
    assert_int_equal(answer.bytes[0], ANSWER_PRESENT);
    /* a submodule that is not checked out: an empty folder */
    answer = setup_get(&s, OBSERVE_TYPE, "/src/module");
    assert_int_equal(answer.bytes[0], ANSWER_FOLDER);
    answer = setup_get(&s, OBSERVE_EXISTS, "/src/module/x");
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
    setup_close(&s);
}

static struct answer content_of(const char *path)
{
    struct setup s = {0};
    setup_open(&s);
    const struct answer answer = setup_get(&s, OBSERVE_CONTENT, path);
    setup_close(&s);
    return answer;
}

/* Patterns hold below the folder of their file, and what holds above it holds too. */
TEST(where_attributes_stand_and_what_stands_above_them_changes_contents)
{
    setup_make_tree();
    sh("echo '*.x eol=crlf' >r/src/.gitattributes; echo '*.x eol=crlf' >r/src/sub/.gitattributes");
    const struct answer both = content_of("/src/src/sub/f");
    sh("rm r/src/sub/.gitattributes");
    const struct answer above = content_of("/src/src/sub/f");
    sh("mv r/src/.gitattributes r/src/sub/");
    const struct answer own = content_of("/src/src/sub/f");
    sh("echo '*.y eol=crlf' >r/src/.gitattributes");
    const struct answer other = content_of("/src/src/sub/f");
    assert_false(answer_equal(&both, &above));
    assert_false(answer_equal(&above, &own));
    assert_false(answer_equal(&own, &other));
    assert_false(answer_equal(&both, &other));
}

TEST(a_filter_that_is_set_otherwise_changes_contents_that_it_may_convert)
{
    setup_make_tree();
    sh("cd r; echo '*.c filter=x' >.gitattributes; git config filter.x.smudge cat");
    const struct answer before = content_of("/src/src/a.c");
    sh("cd r; git config filter.x.smudge rev");
    const struct answer after = content_of("/src/src/a.c");
    assert_false(answer_equal(&before, &after));
}

TEST(a_path_that_is_too_long_for_the_tree_is_an_error)
{
    char path[PATH_TEXT_MAX + 100] = "/src/";
    struct answer answer;
    struct err err = {0};
    struct bare bare = {0};
    bare_open(&bare);
    memset(path + 5, 'x', PATH_TEXT_MAX);
    memcpy(path + 5 + PATH_TEXT_MAX, "/y", 3);
    const struct observation asked = {OBSERVE_EXISTS, path};
    assert_int_equal(answers_get(bare.answers, &asked, &answer, &err), -ENAMETOOLONG);
    assert_non_null(strstr(err.text, "too long"));
    memcpy(path + 5 + PATH_TEXT_MAX - 1, "/y", 3);
    assert_int_equal(answers_get(bare.answers, &asked, &answer, &err), 0);
    assert_int_equal(answer.bytes[0], ANSWER_ABSENT);
    bare_close(&bare);
}
