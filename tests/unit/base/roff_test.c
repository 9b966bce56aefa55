/* SPDX-License-Identifier: Apache-2.0 */
#include "base/roff.h"

#include "base/cleanup.h"

#include <errno.h>

#include "support/test.h"

static void assert_text(const char *text, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    assert_int_equal(roff_text(&out, text), 0);
    assert_string_equal(str_text(&out), expected);
}

TEST(text_stands_for_itself)
{
    assert_text("a\\b -c ~^", "a\\eb \\-c \\(ti\\(ha");
    assert_text(".sluice", "\\&.sluice");
    assert_text("'quoted'\n.dot", "\\&'quoted'\n\\&.dot");
    assert_text("in a line: .dot 'quote'", "in a line: .dot 'quote'");
}

TEST(what_is_between_backquotes_is_bold)
{
    assert_text("say `run -j2` now", "say \\fBrun \\-j2\\fR now");
    assert_text("`.open", "\\fB.open\\fR"); /* never ended: the bold ends with the text */
}

TEST(indented_lines_of_a_help_text_stay_as_they_are)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    assert_int_equal(roff_paragraphs(&out, "one\ntwo\n\nthree\n\n  a  b\n  c\n\n  d\n\nlast\n"), 0);
    assert_string_equal(str_text(&out),
                        "one\ntwo\n.PP\nthree\n.PP\n.nf\n  a  b\n  c\n\n  d\n.fi\n.PP\nlast\n");
}

TEST(a_help_text_may_end_indented)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    assert_int_equal(roff_paragraphs(&out, "one\n  a"), 0);
    assert_string_equal(str_text(&out), "one\n.PP\n.nf\n  a\n.fi\n");
}

TEST(what_does_not_fit_is_an_error)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4);
    assert_int_equal(roff_bold(&out, "long"), -EFBIG);
    assert_int_equal(roff_text(&out, "x"), -EFBIG);
    assert_int_equal(roff_paragraphs(&out, "x"), -EFBIG);
}
