/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/source.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

TEST(a_language_is_known_by_the_ending)
{
    assert_string_equal(language_of("src/a.c")->name, "c");
    assert_string_equal(language_of("a.h")->name, "c");
    assert_string_equal(language_of("a.py")->name, "python");
    assert_string_equal(language_of("x/a.mjs")->name, "javascript");
    assert_string_equal(language_of("a.mts")->name, "typescript");
    assert_string_equal(language_of("a.tsx")->name, "tsx");
    assert_string_equal(language_of("a.go")->name, "go");
    assert_null(language_of("a.unknown"));
    assert_null(language_of("Makefile"));
    assert_null(language_of("src/.c"));
    assert_string_equal(language_named("tsx")->name, "tsx");
    assert_null(language_named("C"));
    assert_string_equal(language_of_text()->name, "text");
}

/* The ABI of a grammar that is linked is one that the library reads. */
TEST(each_grammar_parses)
{
    size_t grammars = 0;
    for (size_t i = 0; language_at(i) != NULL; i++) {
        const struct language *language = language_at(i);
        if (language->grammar == NULL) {
            continue;
        }
        struct source source = {0};
        struct err err = {0};
        CLEANUP(str_fini) struct str path = STR_INIT(64);
        (void)str_appendf(&path, "a%s", language->endings[0]);
        assert_int_equal(source_parse(str_text(&path), "x = 1;\n", 7, &source, &err), 0);
        assert_ptr_equal(source.language, language);
        assert_false(ts_node_has_error(ts_tree_root_node(source.tree)));
        source_fini(&source);
        grammars++;
    }
    assert_int_equal(grammars, 5);
}

TEST(a_file_is_read_below_its_root)
{
    struct err err = {0};
    struct source source = {0};
    CLEANUP(str_fini) struct str path = STR_INIT(4096);
    (void)str_appendf(&path, "%s/src/a.c", test_folder());
    assert_int_equal(file_write_atomic(str_text(&path), "int a;\n", 7, &err), 0);
    assert_int_equal(source_read(test_folder(), "src/a.c", &source, &err), 0);
    assert_string_equal(source.path, "src/a.c");
    assert_string_equal(source.text, "int a;\n");
    assert_int_equal(source.size, 7);
    source_fini(&source);
    assert_int_equal(source_read(test_folder(), "src/b.c", &source, &err), -ENOENT);
    assert_non_null(strstr(err.text, "src/b.c"));
    assert_null(source.text);
    source_fini(&source);
}

TEST(a_text_of_no_known_language_has_no_tree)
{
    struct source source = {0};
    struct err err = {0};
    assert_int_equal(source_parse("a.xyz", "a < b", 5, &source, &err), 0);
    assert_string_equal(source.language->name, "text");
    assert_null(source.tree);
    source_fini(&source);
}

TEST(what_is_no_text_is_refused)
{
    struct source source = {0};
    struct err err = {0};
    assert_int_equal(source_parse("a.c", "int\0a;", 6, &source, &err), -EINVAL);
    assert_string_equal(err.text,
                        "a.c: a NUL byte at offset 3: it is no text, exclude it in `files`");
    char *big = mem_calloc(SOURCE_MAX + 1, 1);
    assert_non_null(big);
    memset(big, ' ', SOURCE_MAX + 1);
    assert_int_equal(source_parse("a.c", big, SOURCE_MAX + 1, &source, &err), -EFBIG);
    assert_non_null(strstr(err.text, "8388609 bytes"));
    assert_int_equal(source_parse("a.c", big, SOURCE_MAX, &source, &err), 0);
    source_fini(&source);
    mem_free(big);
}

TEST(short_memory_while_reading_is_an_error)
{
    struct err err = {0};
    for (size_t n = 1;; n++) {
        struct source source = {0};
        (void)mem_fail_from(n);
        int rc = source_parse("a.c", "int a;", 6, &source, &err);
        (void)mem_fail_from(0);
        source_fini(&source);
        if (rc == 0) {
            assert_true(n > 2);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
}
