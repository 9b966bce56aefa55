/* SPDX-License-Identifier: Apache-2.0 */
/* docs/mutation/operators.md has a table for each file of operators, which says what the file says.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "plugins/mutation/queries.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

/* The text in quotes behind `mark`, before `end`; empty when there is none. */
static void quoted(const char *from, const char *end, const char *mark, struct str *out)
{
    const char *at = strstr(from, mark);
    str_clear(out);
    if (at != NULL && at < end) {
        at += strlen(mark);
        assert_int_equal(str_append_n(out, at, strcspn(at, "\"")), 0);
    }
}

/* "| `name` | about | on |" for each operator of a query, as it should stand in the document. */
static void write_table(const char *query, struct str *out)
{
    static const char mark[] = "(#set! mutant.operator \"";
    CLEANUP(str_fini) struct str name = STR_INIT(256);
    CLEANUP(str_fini) struct str about = STR_INIT(1024);
    CLEANUP(str_fini) struct str is = STR_INIT(16);
    for (const char *at = strstr(query, mark); at != NULL;) {
        const char *next = strstr(at + 1, mark);
        const char *end = next != NULL ? next : at + strlen(at);
        quoted(at, end, mark, &name);
        quoted(at, end, "(#set! mutant.about \"", &about);
        quoted(at, end, "(#set! mutant.default \"", &is);
        assert_true(about.len > 0);
        (void)str_appendf(out,
                          "| `%s` | %s | %s |\n",
                          str_text(&name),
                          str_text(&about),
                          is.len > 0 ? str_text(&is) : "on");
        at = next;
    }
    assert_int_equal(str_error(out), 0);
}

TEST(the_document_lists_the_operators_of_each_file)
{
    static const char *const queries[] = {query_c, query_python, query_javascript};
    CLEANUP(str_fini) struct str document = STR_INIT(1 << 20);
    struct err err = {0};
    assert_int_equal(file_read(TEST_DATA("../../../docs/mutation/operators.md"), &document, &err),
                     0);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        CLEANUP(str_fini) struct str table = STR_INIT(1 << 16);
        write_table(queries[i], &table);
        assert_true(table.len > 0);
        if (strstr(str_text(&document), str_text(&table)) == NULL) {
            fail_msg("docs/mutation/operators.md lacks this table:\n%s", str_text(&table));
        }
    }
}
