/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what with the machine's files and folders: a unit that stats them sees it, and may be
 * refused for it. git keeps no such thing, so the tree's are the same in every state. */
#include "reuse/host.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/setup.h"
#include "support/test.h"

static struct answer ask(enum observation_kind kind, const char *path)
{
    const char *items[] = {"cache", NULL};
    struct setup s = {.state = {.expose = {items, 1}}};
    setup_open(&s);
    struct answer answer = setup_get(&s, kind, path);
    setup_close(&s);
    return answer;
}

static void make_exposed(void)
{
    setup_make_tree();
    sh("cd r; echo cache >.gitignore; mkdir -p cache/d/below; echo x >cache/d/f; mkfifo cache/p; "
       "chmod 755 cache cache/d cache/d/below; chmod 644 cache/d/f cache/p");
}

static void assert_changes(enum observation_kind kind, const char *path, const char *change)
{
    struct answer before = ask(kind, path);
    sh(change);
    struct answer after = ask(kind, path);
    if (answer_equal(&before, &after)) {
        fail_msg("`%s` leaves %c %s", change, (char)kind, path);
    }
}

TEST(a_folder_of_the_machine_has_permissions)
{
    make_exposed();
    assert_changes(OBSERVE_TYPE, "/src/cache/d", "chmod 750 r/cache/d");
    assert_changes(OBSERVE_LISTING, "/src/cache/d", "chmod 711 r/cache/d");
    assert_changes(OBSERVE_CONTENT, "/src/cache/d", "chmod 755 r/cache/d");
    assert_changes(OBSERVE_SUBTREE, "/src/cache/d", "chmod 750 r/cache/d");
    assert_changes(OBSERVE_SUBTREE, "/src/cache", "chmod 700 r/cache/d/below");
    assert_changes(OBSERVE_SUBTREE, "/src/cache", "chmod 600 r/cache/d/f");
    assert_changes(OBSERVE_TYPE, "/src/cache/p", "chmod 600 r/cache/p");
}

TEST(whether_something_is_there_does_not_depend_on_permissions)
{
    make_exposed();
    struct answer before = ask(OBSERVE_EXISTS, "/src/cache/d");
    sh("chmod 750 r/cache/d");
    struct answer after = ask(OBSERVE_EXISTS, "/src/cache/d");
    assert_true(answer_equal(&before, &after));
}

/* git knows no permissions of folders: a clone of another user's has others. */
TEST(folders_of_the_tree_have_none)
{
    make_exposed();
    struct answer before = ask(OBSERVE_TYPE, "/src/src");
    assert_int_equal(before.len, 1);
    sh("chmod 700 r/src");
    struct answer after = ask(OBSERVE_TYPE, "/src/src");
    assert_true(answer_equal(&before, &after));
}

/* Units have no capabilities, so their root is refused where ours is not. */
TEST(behind_a_folder_that_units_may_not_enter_nothing_is_seen)
{
    make_exposed();
    sh("chmod 600 r/cache/d");
    struct answer closed = ask(OBSERVE_CONTENT, "/src/cache/d/f");
    sh("chmod 700 r/cache/d");
    struct answer open = ask(OBSERVE_CONTENT, "/src/cache/d/f");
    assert_int_equal(closed.bytes[0], ANSWER_UNSEEN);
    assert_int_equal(open.bytes[0], ANSWER_FILE);
}

TEST(whose_something_is_is_told_without_numbers)
{
    const uid_t us = geteuid();
    const gid_t group = getegid();
    assert_int_equal(host_owner(0, 0), 0);
    assert_int_equal(host_owner(us, group), us == 0 ? 0 : 1 | 1 << 2);
    assert_int_equal(host_owner(us + 1000, group + 1000), 2 | 2 << 2);
    assert_int_equal(host_owner(0, group + 1000), 2 << 2);
    const struct host_node node = {.mode = S_IFDIR | 01755, .owner = 2};
    assert_int_equal(host_permissions(&node), 2 << 12 | 01755);
}

TEST(root_of_a_unit_is_refused_by_the_permissions_of_others)
{
    make_exposed();
    if (geteuid() != 0 || chown(at("r/cache/d"), 1234, 1234) < 0) {
        skip(); /* others' files are made by root only, with its capabilities */
    }
    sh("chmod 750 r/cache/d");
    struct answer others = ask(OBSERVE_EXISTS, "/src/cache/d/f");
    sh("chmod 751 r/cache/d");
    struct answer open = ask(OBSERVE_EXISTS, "/src/cache/d/f");
    sh("chown 1234:0 r/cache/d; chmod 741 r/cache/d");
    struct answer group = ask(OBSERVE_EXISTS, "/src/cache/d/f");
    assert_int_equal(others.bytes[0], ANSWER_UNSEEN);
    assert_int_equal(open.bytes[0], ANSWER_PRESENT);
    assert_int_equal(group.bytes[0], ANSWER_UNSEEN);
    assert_changes(OBSERVE_TYPE, "/src/cache/d", "chown 1234:1234 r/cache/d; chmod 741 r/cache/d");
}

TEST(permissions_have_words)
{
    struct arena *arena = arena_new(4096);
    struct answer folder = {0};
    struct answer names = {0};
    unsigned char bytes[HASH_SIZE + 2] = {0x12, 0x34, 0x56, 0x78};
    answer_set(&folder, ANSWER_FOLDER, "\xc0\x21", 2);
    assert_string_equal(answer_words(&folder, OBSERVE_TYPE, arena),
                        "a folder, mode 700, owner another, group of root");
    answer_set(&folder, ANSWER_FOLDER, "\xc0\x51", 2);
    assert_string_equal(answer_words(&folder, OBSERVE_TYPE, arena), "a folder, mode 700");
    bytes[HASH_SIZE] = 0xed;
    bytes[HASH_SIZE + 1] = 1;
    answer_set(&names, ANSWER_LISTING, bytes, sizeof bytes);
    assert_string_equal(answer_words(&names, OBSERVE_LISTING, arena), "names 12345678, mode 755");
    answer_set(&names, ANSWER_SPECIAL, "\x01\xed\x01", 3);
    assert_string_equal(answer_words(&names, OBSERVE_TYPE, arena),
                        "a device, pipe or socket, mode 755");
    arena_free(arena);
}
