/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memo.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

static const char *folder(void)
{
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/memo", test_folder());
    return path;
}

static struct hash key_of(const char *text)
{
    return hash_bytes(text, strlen(text));
}

static const char *found(const char *name)
{
    static struct str out = STR_INIT(MEMO_ANSWER_MAX);
    struct hash key = key_of(name);
    str_fini(&out);
    out = (struct str)STR_INIT(MEMO_ANSWER_MAX);
    bool is_there = memo_find(folder(), &key, &out);
    assert_true(is_there || out.len == 0);
    return is_there ? str_text(&out) : "(none)";
}

static void keep(const char *name, const char *text)
{
    struct hash key = key_of(name);
    memo_keep(folder(), &key, text, strlen(text));
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder());
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(dir);
    return count;
}

TEST(an_answer_is_found_under_its_key_only)
{
    assert_string_equal(found("a"), "(none)");
    keep("a", "one");
    keep("b", "");
    assert_string_equal(found("a"), "one");
    assert_string_equal(found("b"), "");
    assert_string_equal(found("c"), "(none)");
    keep("a", "two");
    assert_string_equal(found("a"), "two");
    assert_int_equal(count_files(), 2);
    found("none"); /* frees */
}

TEST(a_file_that_was_cut_or_changed_is_no_answer)
{
    char path[8192];
    char hex[HASH_HEX_SIZE];
    struct hash key = key_of("a");
    keep("a", "a long answer");
    (void)snprintf(path, sizeof path, "%s/%s", folder(), hash_hex(&key, hex));
    for (off_t len = 44; len >= 0; len -= 11) {
        assert_int_equal(truncate(path, len), 0);
        assert_string_equal(found("a"), "(none)");
    }
    keep("a", "a long answer");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "A", 1, 32), 1);
    (void)close(fd);
    assert_string_equal(found("a"), "(none)");
}

TEST(the_folder_stays_small)
{
    char name[32];
    for (unsigned i = 0; i < 3 * MEMO_COUNT_MAX; i++) {
        (void)snprintf(name, sizeof name, "%u", i);
        keep(name, name);
        assert_true(count_files() <= MEMO_COUNT_MAX);
        assert_string_equal(found(name), name);
    }
    static char large[MEMO_ANSWER_MAX + 1];
    struct hash key = key_of("large");
    memo_keep(folder(), &key, large, sizeof large);
    assert_string_equal(found("large"), "(none)");
}

TEST(without_a_place_nothing_is_kept_and_nothing_breaks)
{
    struct hash key = key_of("a");
    struct str out = STR_INIT(10);
    memo_keep("/proc/no/such/place", &key, "x", 1);
    assert_false(memo_find("/proc/no/such/place", &key, &out));
    keep("a", "more than ten bytes");
    assert_false(memo_find(folder(), &key, &out)); /* no room */
    (void)mem_fail_from(1);
    assert_false(memo_find(folder(), &key, &out));
    (void)mem_fail_from(0);
    str_fini(&out);
}

static struct hash key_of_file(const char *path, bool *ret_there)
{
    struct hasher *hasher = hasher_new();
    hasher_begin(hasher);
    *ret_there = memo_add_file(hasher, path);
    struct hash key = hasher_end(hasher);
    hasher_free(hasher);
    return key;
}

TEST(a_key_changes_with_the_file_it_names)
{
    char path[4096];
    bool there = false;
    (void)snprintf(path, sizeof path, "%s/file", test_folder());
    struct hash missing = key_of_file(path, &there);
    assert_false(there);
    assert_int_equal(file_write_atomic(path, "one", 3, NULL), 0);
    struct hash one = key_of_file(path, &there);
    assert_true(there);
    struct hash again = key_of_file(path, &there);
    assert_memory_equal(&one, &again, sizeof one);
    assert_int_equal(file_write_atomic(path, "two", 3, NULL), 0);
    struct hash two = key_of_file(path, &there);
    assert_memory_not_equal(&one, &two, sizeof one);
    assert_memory_not_equal(&one, &missing, sizeof one);
    assert_int_equal(chmod(path, 0700), 0);
    struct hash mode = key_of_file(path, &there);
    assert_memory_not_equal(&two, &mode, sizeof two);
}

TEST(a_boot_has_one_key)
{
    struct hash keys[2];
    for (int i = 0; i < 2; i++) {
        struct hasher *hasher = hasher_new();
        hasher_begin(hasher);
        assert_true(memo_add_boot(hasher));
        assert_false(memo_add_content(hasher, "/no/such/file"));
        keys[i] = hasher_end(hasher);
        hasher_free(hasher);
    }
    assert_memory_equal(&keys[0], &keys[1], sizeof keys[0]);
}
