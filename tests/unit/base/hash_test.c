/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

static void expect_hex(struct hash hash, const char *hex)
{
    char buf[HASH_HEX_SIZE];
    assert_string_equal(hash_hex(&hash, buf), hex);
}

TEST(the_vectors_of_fips_180_are_met)
{
    expect_hex(hash_bytes("", 0),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_hex(hash_bytes("abc", 3),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(pieces_hash_as_the_whole_and_a_hasher_can_be_used_again)
{
    struct hasher *hasher = hasher_new();
    assert_non_null(hasher);
    for (int round = 0; round < 3; round++) {
        hasher_begin(hasher);
        hasher_add(hasher, "a", 1);
        hasher_add(hasher, "", 0);
        hasher_add(hasher, "bc", 2);
        expect_hex(hasher_end(hasher),
                   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    hasher_add(hasher, "abc", 3); /* begun anew by hasher_end() */
    expect_hex(hasher_end(hasher),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hasher_free(hasher);
}

TEST(texts_are_kept_apart_by_their_lengths)
{
    struct hasher *hasher = hasher_new();
    assert_non_null(hasher);
    hasher_add_text(hasher, "ab");
    hasher_add_text(hasher, "c");
    struct hash one = hasher_end(hasher);
    hasher_add_text(hasher, "a");
    hasher_add_text(hasher, "bc");
    struct hash two = hasher_end(hasher);
    assert_memory_not_equal(one.bytes, two.bytes, HASH_SIZE);
    hasher_free(hasher);
}

TEST(the_number_behind_shards_is_the_same_in_every_version)
{
    assert_true(hash_stable64("abc") == UINT64_C(0xba7816bf8f01cfea));
    assert_true(hash_stable64("") == UINT64_C(0xe3b0c44298fc1c14));
}

TEST(short_memory_gives_no_hasher)
{
    (void)mem_fail_from(1);
    struct hasher *hasher = hasher_new();
    (void)mem_fail_from(0);
    assert_null(hasher);
    hasher_free(NULL);
}

TEST(pieces_of_all_sizes_hash_as_the_whole)
{
    unsigned char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    }
    const struct hash whole = hash_bytes(bytes, sizeof bytes);
    const size_t steps[] = {1, 7, 511, 1023, 1024, 1025, 3000, 5000};
    struct hasher *hasher = hasher_new();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        hasher_add(hasher, "dropped by beginning again", i); /* nothing at first */
        hasher_begin(hasher);
        for (size_t at = 0; at < sizeof bytes; at += steps[i]) {
            const size_t left = sizeof bytes - at;
            hasher_add(hasher, bytes + at, left < steps[i] ? left : steps[i]);
        }
        const struct hash pieces = hasher_end(hasher);
        assert_memory_equal(&pieces, &whole, sizeof whole);
        hasher_add(hasher, bytes, 1024 + i); /* what is not ended leaves nothing behind */
    }
    hasher_begin(hasher);
    const struct hash empty = hasher_end(hasher);
    const struct hash expected = hash_bytes("", 0);
    assert_memory_equal(&empty, &expected, sizeof empty);
    hasher_free(hasher);
}

TEST(a_hasher_that_is_new_or_has_ended_holds_nothing)
{
    const struct hash expected = hash_bytes("text", 4);
    struct hasher *hasher = hasher_new();
    assert_non_null(hasher);
    for (int i = 0; i < 3; i++) {
        hasher_add(hasher, "text", 4);
        const struct hash got = hasher_end(hasher);
        assert_memory_equal(got.bytes, expected.bytes, HASH_SIZE);
    }
    hasher_free(hasher);
}

TEST(a_file_is_hashed_to_its_end_and_one_that_cannot_be_read_leaves_nothing)
{
    static unsigned char bytes[200001];
    static const size_t lens[] = {0, 1, 65535, 65536, 65537, sizeof bytes};
    struct hasher *hasher = hasher_new();
    char path[4096];
    uint64_t len = 77;
    (void)snprintf(path, sizeof path, "%s/f", test_folder());
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, bytes, lens[i]), lens[i]);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        hasher_add(hasher, "before", 6);
        assert_int_equal(hasher_add_fd(hasher, fd, i % 2 == 0 ? &len : NULL), 0);
        assert_int_equal(len, lens[i - i % 2]);
        hasher_add(hasher, "behind", 6);
        const struct hash got = hasher_end(hasher);
        hasher_add(hasher, "before", 6);
        hasher_add(hasher, bytes, lens[i]);
        hasher_add(hasher, "behind", 6);
        const struct hash expected = hasher_end(hasher);
        assert_memory_equal(got.bytes, expected.bytes, HASH_SIZE);
        (void)close(fd);
    }
    const struct hash empty = hash_bytes("", 0);
    int fd = open(test_folder(), O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 2; i++) { /* a folder, and no memory */
        len = 77;
        hasher_add(hasher, "dropped", 7);
        (void)mem_fail_once(i == 0 ? 0 : 1);
        int rc = hasher_add_fd(hasher, fd, &len);
        (void)mem_fail_once(0);
        assert_int_equal(rc, i == 0 ? -EISDIR : -ENOMEM);
        assert_int_equal(len, 77);
        const struct hash got = hasher_end(hasher);
        assert_memory_equal(got.bytes, empty.bytes, HASH_SIZE);
    }
    (void)close(fd);
    hasher_free(hasher);
}
