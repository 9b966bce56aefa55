/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of products as bytes. What is read may come from an imported file: nothing in it is
 * believed. */
#include "base/mem.h"
#include "base/str.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/test.h"

#define TEXT_MAX ((size_t)1 << 20)

#define HEAD   "sluice-manifest 1\n"
#define ZEROS  "0000000000000000000000000000000000000000000000000000000000000000"
#define DIGEST "09afbc5500000000000000000000000000000000000000000000000000000f90"

/* Of `text` up to its end and the NUL behind it, as a piece of memory of that size. */
static int decode_n(const char *text, size_t len, struct arena *arena, struct manifest *manifest)
{
    struct err err = {0};
    char *copy = mem_calloc(1, len + (len == 0));
    memcpy(copy, text, len);
    int rc = manifest_decode(copy, len, arena, manifest, &err);
    memset(copy, 'x', len); /* nothing of it is needed any more */
    mem_free(copy);
    assert_true((rc == 0) == (err.text[0] == '\0'));
    return rc;
}

TEST(a_list_of_products_is_a_head_and_a_record_for_each)
{
    static const char expected[] = HEAD "40755 0 " ZEROS " d\0"
                                        "100644 12345678901 " DIGEST " d/f\0"
                                        "120777 3 " ZEROS " l";
    struct product items[] = {
        {.path = "d",            .mode = S_IFDIR | 0755},
        {               .path = "d/f",
         .mode = S_IFREG | 0644,
         .size = 12345678901,
         .digest = {{0x09, 0xaf, 0xbc, 0x55, [30] = 0x0f, [31] = 0x90}}},
        { .path = "l",            .mode = S_IFLNK | 0777, .size = 3},
    };
    const struct manifest manifest = {items, 3};
    struct manifest back = {0};
    struct str text = STR_INIT(TEXT_MAX);
    struct arena *arena = arena_new(TEXT_MAX);
    assert_int_equal(manifest_encode(&manifest, &text), 0);
    assert_int_equal(text.len, sizeof expected);
    assert_memory_equal(text.data, expected, sizeof expected);
    assert_int_equal(decode_n(text.data, text.len, arena, &back), 0);
    assert_int_equal(back.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(back.items[i].path, items[i].path);
        assert_int_equal(back.items[i].mode, items[i].mode);
        assert_true(back.items[i].size == items[i].size);
        assert_memory_equal(back.items[i].digest.bytes, items[i].digest.bytes, HASH_SIZE);
    }
    arena_free(arena);
    str_fini(&text);
}

TEST(an_empty_list_is_a_head)
{
    struct manifest back = {.count = 7};
    struct arena *arena = arena_new(TEXT_MAX);
    assert_int_equal(decode_n(HEAD, sizeof HEAD - 1, arena, &back), 0);
    assert_int_equal(back.count, 0);
    back.count = 7;
    for (size_t len = 0; len < sizeof HEAD - 1; len++) {
        assert_int_equal(decode_n(HEAD, len, arena, &back), -EBADMSG);
    }
    assert_int_equal(decode_n("sluice-manifest 2\n", sizeof HEAD - 1, arena, &back), -EBADMSG);
    assert_int_equal(back.count, 7);
    arena_free(arena);
}

TEST(records_that_no_unit_left_are_refused)
{
    static const struct {
        const char *record;
        bool good;
    } list[] = {
        {"100644 1 " ZEROS " a",                                                        true },
        {"100755 1 " ZEROS " a",                                                        true },
        {"120777 1 " ZEROS " a",                                                        true },
        {"40755 0 " ZEROS " a",                                                         true },
        {"100644 1 " ZEROS " a b",                                                      true },
        {"100600 1 " ZEROS " a",                                                        false}, /* modes */
        {"104755 1 " ZEROS " a",                                                        false},
        {"120755 1 " ZEROS " a",                                                        false},
        {"40777 1 " ZEROS " a",                                                         false},
        {"10644 1 " ZEROS " a",                                                         false},
        {"40000100644 1 " ZEROS " a",                                                   false}, /* of 33 bits */
        {"100644",                                                                      false}, /* torn */
        {"100644 1",                                                                    false},
        {"100644x1 " ZEROS " a",                                                        false},
        {"100644 1x" ZEROS " a",                                                        false},
        {"100644 1 " ZEROS,                                                             false},
        {"100644 1 " ZEROS " ",                                                         false},
        {"100644 1 " ZEROS "0 a",                                                       false},
        {"100644 1 " ZEROS "-a",                                                        false},
        {"100644 1 0" DIGEST " a",                                                      false},
        {"100644 1 short a",                                                            false},
        {"100644 1 g000000000000000000000000000000000000000000000000000000000000000 a",
         false                                                                               }, /* digits */
        {"100644 1 0g00000000000000000000000000000000000000000000000000000000000000 a", false},
        {"100644 1 000000000000000000000000000000000000000000000000000000000000000g a", false},
        {"100644 1 000000000000000000000000000000000000000000000000000000000000000A a", false},
        {"100644 1 000000000000000000000000000000000000000000000000000000000000000/ a", false},
        {"100644 1 000000000000000000000000000000000000000000000000000000000000000: a", false},
        {"100644 1 000000000000000000000000000000000000000000000000000000000000000` a", false},
        {"100644 1 " ZEROS " /a",                                                       false}, /* paths */
        {"100644 1 " ZEROS " ../a",                                                     false},
        {"100644 1 " ZEROS " a/../b",                                                   false},
        {"100644 1 " ZEROS " .",                                                        false},
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char text[256];
        struct manifest back = {.count = 7};
        struct arena *arena = arena_new(TEXT_MAX);
        const size_t len = (size_t)snprintf(text, sizeof text, HEAD "%s", list[i].record) + 1;
        int rc = decode_n(text, len, arena, &back);
        if (rc != (list[i].good ? 0 : -EBADMSG) || back.count != (list[i].good ? 1 : 7)) {
            fail_msg("%s: %d", list[i].record, rc);
        }
        assert_int_equal(decode_n(text, len - 1, arena, &back), -EBADMSG); /* without its end */
        arena_free(arena);
    }
}

/* What is sorted has each path once: a consumer that looks one up finds it. */
TEST(paths_are_in_order_and_there_once)
{
    static const struct {
        const char *first;
        const char *second;
        bool good;
    } list[] = {
        {"a", "b",  true },
        {"a", "a1", true },
        {"b", "a",  false},
        {"a", "a",  false},
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct product items[] = {
            {.path = list[i].first,  .mode = S_IFREG | 0644},
            {.path = list[i].second, .mode = S_IFREG | 0644},
        };
        const struct manifest manifest = {items, 2};
        struct manifest back = {0};
        struct str text = STR_INIT(TEXT_MAX);
        struct arena *arena = arena_new(TEXT_MAX);
        assert_int_equal(manifest_encode(&manifest, &text), 0);
        assert_int_equal(decode_n(text.data, text.len, arena, &back), list[i].good ? 0 : -EBADMSG);
        arena_free(arena);
        str_fini(&text);
    }
}

TEST(a_list_that_finds_no_room_is_an_error)
{
    struct product item = {.path = "a", .mode = S_IFREG | 0644};
    const struct manifest manifest = {&item, 1};
    struct manifest back = {.count = 7};
    struct str text = STR_INIT(TEXT_MAX);
    struct str small = STR_INIT(50);
    assert_int_equal(manifest_encode(&manifest, &text), 0);
    assert_true(manifest_encode(&manifest, &small) < 0);
    struct arena *arena = arena_new(1);
    assert_int_equal(decode_n(text.data, text.len, arena, &back), -ENOMEM);
    assert_int_equal(back.count, 7);
    arena_free(arena);
    str_fini(&small);
    str_fini(&text);
}
