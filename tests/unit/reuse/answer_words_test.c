/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as people read them, each tag and each length; and sets of atoms. */
#include "base/mem.h"
#include "reuse/host.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

static void expect(enum answer_tag tag,
                   const char *bytes,
                   size_t len,
                   enum observation_kind kind,
                   const char *words)
{
    struct arena *arena = arena_new(4096);
    struct answer answer = {0};
    answer_set(&answer, tag, bytes, len);
    assert_int_equal(answer.len, len + 1);
    assert_string_equal(answer_words(&answer, kind, arena), words);
    arena_free(arena);
}

TEST(every_answer_has_words)
{
    static const struct {
        enum answer_tag tag;
        const char *words;
    } plain[] = {
        {ANSWER_ABSENT,      "absent"                               },
        {ANSWER_BLOCKED,     "absent: a folder on the way is a file"},
        {ANSWER_BEHIND_LINK, "behind a symbolic link"               },
        {ANSWER_PRESENT,     "there"                                },
        {ANSWER_LINK,        "a symbolic link to"                   },
        {ANSWER_NO_LINK,     "no symbolic link"                     },
        {ANSWER_FOLDER,      "a folder"                             },
        {ANSWER_FILE,        "a file"                               },
        {ANSWER_SPECIAL,     "a device, pipe or socket"             },
        {ANSWER_LISTING,     "names"                                },
        {ANSWER_SUBTREE,     "all below"                            },
        {ANSWER_FACT,        "value"                                },
        {ANSWER_UNSEEN,      "not readable"                         },
        {ANSWER_VOLATILE,    "changing by itself"                   },
    };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        expect(plain[i].tag, NULL, 0, OBSERVE_CONTENT, plain[i].words);
    }
    enum answer_tag foreign;
    memset(&foreign, 0, sizeof foreign);
    expect(foreign, NULL, 0, OBSERVE_CONTENT, "unknown");
}

TEST(digests_are_shown_by_their_first_digits)
{
    static const char digest[] = "\x01\x23\x45\xab\xcd\xef";
    expect(ANSWER_LISTING, digest, 6, OBSERVE_LISTING, "names 012345ab");
    expect(ANSWER_SUBTREE, digest, 6, OBSERVE_SUBTREE, "all below 012345ab");
    expect(ANSWER_FACT, digest, 6, OBSERVE_HOST, "value 012345ab");
    expect(ANSWER_FACT, digest, 1, OBSERVE_HOST, "value 01000000");
    expect(ANSWER_LINK, digest, 6, OBSERVE_LINK, "a symbolic link to 012345ab");
    expect(ANSWER_LINK, digest, 6, OBSERVE_CONTENT, "a symbolic link to 012345ab");
    expect(ANSWER_LINK, digest, 6, OBSERVE_EXISTS, "a symbolic link");
    expect(ANSWER_LINK, digest, 6, OBSERVE_TYPE, "a symbolic link");
}

TEST(of_a_file_what_is_known_is_told)
{
    expect(ANSWER_FILE, "-", 1, OBSERVE_CONTENT, "a file");
    expect(ANSWER_FILE, "-\x01\x23\x45\x67\x89", 6, OBSERVE_CONTENT, "content 01234567");
    expect(ANSWER_FILE, "x\x01", 2, OBSERVE_CONTENT, "executable, content 01000000");
    expect(ANSWER_FILE, "-\x02\x01\0\0\0\0\0\0", 9, OBSERVE_TYPE, "a file, 258 bytes");
    expect(ANSWER_FILE,
           "x\0\0\0\0\0\0\0\x10",
           9,
           OBSERVE_TYPE,
           "a file, executable, 1152921504606846976 bytes");
    expect(ANSWER_FILE,
           "x\x05\0\0\0\0\0\0\0\xed\x01",
           11,
           OBSERVE_TYPE,
           "a file, executable, 5 bytes, mode 755");
    char content[1 + HASH_SIZE + 2] = "-\x01\x23\x45\x67";
    content[1 + HASH_SIZE] = 7;
    expect(ANSWER_FILE,
           content,
           sizeof content,
           OBSERVE_CONTENT,
           "content 01234567, mode 007"); /* of the machine */
    expect(ANSWER_FILE, content, 1 + HASH_SIZE, OBSERVE_CONTENT, "content 01234567");
}

/* Of root, or of who runs sluice: as nearly all is. Of others it is said. */
TEST(whose_a_file_of_the_machine_is_is_told_when_it_is_of_others)
{
    static const struct {
        unsigned char
            high; /* of the permissions: two bits each for owner and group, four of mode */
        const char *words;
    } list[] = {
        {0x01, "a file, 5 bytes, mode 644"                                 },
        {0x51, "a file, 5 bytes, mode 644"                                 },
        {0x0f, "a file, 5 bytes, mode 7644"                                },
        {0x11, "a file, 5 bytes, mode 644, owner us, group of root"        },
        {0x41, "a file, 5 bytes, mode 644, owner root, group of us"        },
        {0x21, "a file, 5 bytes, mode 644, owner another, group of root"   },
        {0x81, "a file, 5 bytes, mode 644, owner root, group of another"   },
        {0x61, "a file, 5 bytes, mode 644, owner another, group of us"     },
        {0x91, "a file, 5 bytes, mode 644, owner us, group of another"     },
        {0xa1, "a file, 5 bytes, mode 644, owner another, group of another"},
        {0x31, "a file, 5 bytes, mode 644, owner ?, group of root"         },
        {0xf1, "a file, 5 bytes, mode 644, owner ?, group of ?"            },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char bytes[] = "-\x05\0\0\0\0\0\0\0\xa4?";
        bytes[10] = (char)list[i].high;
        expect(ANSWER_FILE, bytes, 11, OBSERVE_TYPE, list[i].words);
    }
}

TEST(what_has_permissions_beside_its_digest_tells_them)
{
    static const char mode[] = "\xed\x01";
    char digest[HASH_SIZE + 2] = "\x01\x23\x45\xab";
    digest[HASH_SIZE] = (char)0xc0;
    digest[HASH_SIZE + 1] = 0x21;
    expect(ANSWER_FOLDER, mode, 2, OBSERVE_TYPE, "a folder, mode 755");
    expect(ANSWER_FOLDER, mode, 1, OBSERVE_TYPE, "a folder");
    expect(ANSWER_SPECIAL,
           "p\xa4\x21",
           3,
           OBSERVE_TYPE,
           "a device, pipe or socket, mode 644, owner another, group of root");
    expect(ANSWER_SPECIAL, mode, 2, OBSERVE_TYPE, "a device, pipe or socket");
    expect(ANSWER_LISTING,
           digest,
           sizeof digest,
           OBSERVE_LISTING,
           "names 012345ab, mode 700, owner another, group of root");
    expect(ANSWER_SUBTREE,
           digest,
           sizeof digest,
           OBSERVE_SUBTREE,
           "all below 012345ab, mode 700, owner another, group of root");
    expect(ANSWER_LISTING, digest, HASH_SIZE, OBSERVE_LISTING, "names 012345ab");
    expect(ANSWER_LISTING, digest, HASH_SIZE + 1, OBSERVE_LISTING, "names 012345ab");
}

/* An answer may lie where a longer one was. */
TEST(what_lies_behind_the_end_of_an_answer_has_no_words)
{
    static const struct {
        enum answer_tag tag;
        const char *bytes;
        size_t len;
        const char *words;
    } list[] = {
        {ANSWER_FACT,    "\x01",          1, "value 01000000"              },
        {ANSWER_FACT,    "\x01\x02\x03",  3, "value 01020300"              },
        {ANSWER_FILE,    "-\x01",         2, "content 01000000"            },
        {ANSWER_FILE,    "x\x01\x02\x03", 4, "executable, content 01020300"},
        {ANSWER_FILE,    "",              0, "a file"                      },
        {ANSWER_LISTING, "",              0, "names"                       },
    };

    struct arena *arena = arena_new(4096);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct answer answer;
        memset(&answer, 'x', sizeof answer);
        answer.bytes[0] = (unsigned char)list[i].tag;
        memcpy(answer.bytes + 1, list[i].bytes, list[i].len);
        answer.len = (unsigned char)(1 + list[i].len);
        assert_string_equal(answer_words(&answer, OBSERVE_CONTENT, arena), list[i].words);
    }
    arena_free(arena);
}

TEST(words_that_find_no_room_are_empty)
{
    struct arena *arena = arena_new(1);
    struct answer answer = {0};
    answer_set(&answer, ANSWER_FILE, "x\x05\0\0\0\0\0\0\0\xed\x01", 11);
    assert_string_equal(answer_words(&answer, OBSERVE_TYPE, arena), "");
    answer_set(&answer, ANSWER_FACT, "digest", 6);
    assert_string_equal(answer_words(&answer, OBSERVE_HOST, arena), "");
    answer_set(&answer, ANSWER_FOLDER, "\xed\x01", 2);
    assert_string_equal(answer_words(&answer, OBSERVE_TYPE, arena), "");
    arena_free(arena);
}

TEST(answers_are_equal_byte_by_byte)
{
    struct answer a = {0};
    struct answer b = {0};
    answer_set(&a, ANSWER_LINK, "ab", 2);
    answer_set(&b, ANSWER_LINK, "ab", 2);
    assert_true(answer_equal(&a, &b));
    answer_set(&b, ANSWER_LINK, "ac", 2);
    assert_false(answer_equal(&a, &b));
    answer_set(&b, ANSWER_LINK, "ab\0", 3);
    assert_false(answer_equal(&a, &b));
    assert_false(answer_equal(&b, &a));
    answer_set(&b, ANSWER_FILE, "ab", 2);
    assert_false(answer_equal(&a, &b));
    answer_set(&b, ANSWER_LINK, "ab", 2);
    b.bytes[10] = 1; /* behind the end there may be anything */
    assert_true(answer_equal(&a, &b));
}

TEST(a_set_holds_what_was_put_into_it_and_nothing_else)
{
    static const uint32_t atoms[] = {0, 1, 7, 8, 9, 32767, 32768, 40000, 1000000};
    const size_t count = sizeof atoms / sizeof atoms[0];
    struct bits bits = {0};
    for (size_t i = 0; i < count; i++) {
        assert_false(bits_get(&bits, atoms[i]));
        assert_int_equal(bits_set(&bits, atoms[i]), 0);
        assert_true(bits_get(&bits, atoms[i]));
        assert_true(bits.size % 4096 == 0 && bits.size > atoms[i] / 8);
    }
    for (uint32_t atom = 0; atom < 1100000; atom++) {
        bool in = false;
        for (size_t i = 0; i < count; i++) {
            in = in || atoms[i] == atom;
        }
        if (bits_get(&bits, atom) != in) {
            fail_msg("%u", atom);
        }
    }
    bits_fini(&bits);
    assert_false(bits_get(&bits, 1));
    assert_int_equal(bits.size, 0);
}

TEST(a_set_grows_by_twice_its_size_at_least)
{
    struct bits bits = {0};
    assert_int_equal(bits_set(&bits, 3 * 4096 * 8), 0);
    assert_int_equal(bits.size, 4 * 4096);
    assert_int_equal(bits_set(&bits, 4 * 4096 * 8), 0);
    assert_int_equal(bits.size, 8 * 4096);
    assert_int_equal(bits_set(&bits, 8 * 4096 * 8 - 1), 0);
    assert_int_equal(bits.size, 8 * 4096);
    bits_fini(&bits);
}

TEST(a_set_without_memory_stays_as_it_is)
{
    struct bits bits = {0};
    assert_int_equal(bits_set(&bits, 5), 0);
    (void)mem_fail_once(1);
    int rc = bits_set(&bits, 100000);
    (void)mem_fail_once(0);
    assert_int_equal(rc, -ENOMEM);
    assert_true(bits_get(&bits, 5));
    assert_false(bits_get(&bits, 100000));
    bits_fini(&bits);
}
