/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/libxml.h"

#include "reports/read.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

TEST(the_library_is_loaded_once)
{
    const struct libxml *first = NULL;
    const struct libxml *second = NULL;
    struct err err = {0};
    assert_int_equal(libxml_load(&first, &err), 0);
    assert_int_equal(libxml_load(&second, &err), 0);
    assert_ptr_equal(first, second);
    assert_non_null(first->parse_document);
    assert_int_equal(report_prepare(REPORT_JUNIT, &err), 0);
    assert_int_equal(report_prepare(REPORT_TAP, &err), 0);
}

TEST(a_missing_library_is_told_with_what_to_install)
{
    struct libxml libxml = {0};
    struct err err = {0};
    assert_int_equal(libxml_load_from("libxml2.so.nowhere", &libxml, &err), -ENOPKG);
    assert_non_null(strstr(err.text, "libxml2.so.nowhere"));
    assert_non_null(strstr(err.text, "apt-get install libxml2"));
    assert_null(libxml.parse_document);
}

/* A library that is something else: not used by halves. */
TEST(a_library_without_the_functions_is_refused)
{
    struct libxml libxml = {0};
    struct err err = {0};
    assert_int_equal(libxml_load_from("libc.so.6", &libxml, &err), -ENOPKG);
    assert_non_null(strstr(err.text, "xmlCreateIOParserCtxt"));
    assert_null(libxml.create_parser);
}
