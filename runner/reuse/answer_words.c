/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as people read them. */
#include "reuse/answer.h"

#include <stdio.h>
#include <string.h>

/* Digits of a digest that are shown: git's short form and one for luck. */
#define DIGEST_SHOWN 8

bool answer_equal(const struct answer *a, const struct answer *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static const char *short_hex(const unsigned char *bytes, size_t len, char buf[DIGEST_SHOWN + 1])
{
    for (size_t i = 0; i < DIGEST_SHOWN / 2; i++) {
        (void)snprintf(buf + 2 * i, 3, "%02x", i < len ? bytes[i] : 0U);
    }
    return buf;
}

static uint64_t size_in(const unsigned char *bytes)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < 8; i++) {
        size |= (uint64_t)bytes[i] << (8 * i);
    }
    return size;
}

/* Lengths of what is told of a file: tag, exec bit, then these. The machine's have permissions. */
#define TYPE_LEN         (2 + 8)
#define HOST_TYPE_LEN    (TYPE_LEN + 2)
#define HOST_CONTENT_LEN (2 + HASH_SIZE + 2)

/* Of a folder, and of the digests of what is in one. */
#define HOST_FOLDER_LEN (1 + 2)
#define HOST_DIGEST_LEN (1 + HASH_SIZE + 2)

#define ROOTS 0u /* host_permissions(): owner and group */
#define OURS  (1u | 1u << 2)

/* The permissions an answer of `host_len` bytes ends with. What is root's, or ours, as nearly all
 * is, has no word for that. */
static const char *permission_words(const struct answer *answer,
                                    size_t host_len,
                                    struct arena *arena)
{
    static const char *const whose[] = {"root", "us", "another", "?"};
    if (answer->len != host_len) {
        return "";
    }
    const unsigned char *last = answer->bytes + answer->len - 2;
    const unsigned bits = (unsigned)last[0] | (unsigned)last[1] << 8;
    if (bits >> 12 == ROOTS || bits >> 12 == OURS) {
        return arena_printf(arena, ", mode %03o", bits & 07777);
    }
    return arena_printf(arena,
                        ", mode %03o, owner %s, group of %s",
                        bits & 07777,
                        whose[bits >> 12 & 3],
                        whose[bits >> 14]);
}

static const char *file_words(const struct answer *answer, struct arena *arena)
{
    char hex[DIGEST_SHOWN + 1];
    const char *exec = answer->len > 1 && answer->bytes[1] == 'x' ? "executable, " : "";
    const bool sized = answer->len == TYPE_LEN || answer->len == HOST_TYPE_LEN;
    const char *mode = permission_words(answer, sized ? HOST_TYPE_LEN : HOST_CONTENT_LEN, arena);
    if (mode == NULL) {
        return NULL;
    }
    if (sized) {
        return arena_printf(arena,
                            "a file, %s%llu bytes%s",
                            exec,
                            (unsigned long long)size_in(answer->bytes + 2),
                            mode);
    }
    return answer->len > 2 ? arena_printf(arena,
                                          "%scontent %s%s",
                                          exec,
                                          short_hex(answer->bytes + 2, answer->len - 2u, hex),
                                          mode)
                           : "a file";
}

static const char *digest_words(const char *what, const struct answer *answer, struct arena *arena)
{
    char hex[DIGEST_SHOWN + 1];
    if (answer->len < 2) {
        return what;
    }
    const char *mode = permission_words(answer, HOST_DIGEST_LEN, arena);
    return mode == NULL ? NULL
                        : arena_printf(arena,
                                       "%s %s%s",
                                       what,
                                       short_hex(answer->bytes + 1, (size_t)answer->len - 1, hex),
                                       mode);
}

/* What has permissions and nothing else: `len` bytes with them. */
static const char *permitted_words(const char *what,
                                   const struct answer *answer,
                                   size_t len,
                                   struct arena *arena)
{
    const char *mode = permission_words(answer, len, arena);
    return mode == NULL ? NULL : arena_printf(arena, "%s%s", what, mode);
}

const char *answer_words(const struct answer *answer,
                         enum observation_kind kind,
                         struct arena *arena)
{
    const char *words = "unknown";
    switch ((enum answer_tag)answer->bytes[0]) {
    case ANSWER_ABSENT:
        return "absent";
    case ANSWER_BLOCKED:
        return "absent: a folder on the way is a file";
    case ANSWER_BEHIND_LINK:
        return "behind a symbolic link";
    case ANSWER_PRESENT:
        return "there";
    case ANSWER_LINK:
        return kind == OBSERVE_TYPE || kind == OBSERVE_EXISTS
                   ? "a symbolic link"
                   : digest_words("a symbolic link to", answer, arena);
    case ANSWER_NO_LINK:
        return "no symbolic link";
    case ANSWER_FOLDER:
        words = permitted_words("a folder", answer, HOST_FOLDER_LEN, arena);
        break;
    case ANSWER_FILE:
        words = file_words(answer, arena);
        break;
    case ANSWER_SPECIAL:
        words = permitted_words("a device, pipe or socket", answer, HOST_FOLDER_LEN + 1, arena);
        break;
    case ANSWER_LISTING:
        words = digest_words("names", answer, arena);
        break;
    case ANSWER_SUBTREE:
        words = digest_words("all below", answer, arena);
        break;
    case ANSWER_FACT:
        words = digest_words("value", answer, arena);
        break;
    case ANSWER_UNSEEN:
        return "not readable";
    case ANSWER_VOLATILE:
        return "changing by itself";
    }
    return words != NULL ? words : "";
}
