/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/spool.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* Appends pieces of so many bytes, each of which says where it stands, up to `total`. */
static void fill(struct spool *spool, struct str *expected, size_t piece, size_t total)
{
    struct err err = {0};
    for (size_t at = 0; at < total; at += piece) {
        char word[32];
        (void)snprintf(word, sizeof word, "<%zu>", at);
        (void)str_append(&spool->text, word);
        (void)str_append(expected, word);
        for (size_t i = strlen(word); i < piece; i++) {
            const char c = (char)('a' + (int)((at + i) % 26));
            (void)str_append_char(&spool->text, c);
            (void)str_append_char(expected, c);
        }
        assert_int_equal(spool_settle(spool, &err), 0);
    }
}

/* Also twice: a report of several files reads a body again. */
static void assert_holds(struct spool *spool, const struct str *expected)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/copy", test_folder());
    for (unsigned round = 0; round < 2; round++) {
        struct err err = {0};
        CLEANUP(str_fini) struct str text = STR_INIT(64u << 20);
        CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(spool_copy(spool, fd, &err), 0);
        assert_int_equal(file_read(path, &text, &err), 0);
        assert_int_equal(text.len, expected->len);
        assert_memory_equal(str_text(&text), str_text(expected), expected->len);
    }
}

TEST(what_was_spooled_comes_out_in_order_however_much_it_is)
{
    static const size_t totals[] = {0, 1, 100u << 10, 1u << 20, SPOOL_MEMORY_MAX, 9u << 20};
    static const size_t pieces[] = {700, 300u << 10, 5u << 20};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            struct spool spool;
            CLEANUP(str_fini) struct str expected = STR_INIT(64u << 20);
            spool_init(&spool, test_folder());
            fill(&spool, &expected, pieces[k], totals[i]);
            assert_holds(&spool, &expected);
            spool_fini(&spool);
        }
    }
}

TEST(as_much_as_a_spool_keeps_in_memory_makes_no_file)
{
    struct spool spool;
    CLEANUP(str_fini) struct str expected = STR_INIT(64u << 20);
    spool_init(&spool, test_folder());
    fill(&spool, &expected, 1000, SPOOL_MEMORY_MAX - 5000);
    assert_int_equal(spool.fd, -1);
    fill(&spool, &expected, 1000, 10000);
    assert_true(spool.fd >= 0);
    assert_holds(&spool, &expected);
    spool_fini(&spool);
}
