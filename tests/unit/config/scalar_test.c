/* SPDX-License-Identifier: Apache-2.0 */
#include "config/scalar.h"

#include "support/test.h"

static void expect(const char *text, enum scalar_type type)
{
    struct scalar scalar = scalar_parse(text);
    if (scalar.type != type) {
        fail_msg("`%s` is %d, expected %d", text, (int)scalar.type, (int)type);
    }
}

TEST(words_of_the_core_schema_are_typed)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    static const char *const yes[] = {"true", "True", "TRUE"};
    static const char *const no[] = {"false", "False", "FALSE"};
    static const char *const old[] = {
        "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"};
    static const char *const text[] = {"nUll", "tRue", "y", "n", "None", "oN"};

    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        expect(nothing[i], SCALAR_NULL);
    }
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        expect(yes[i], SCALAR_BOOL);
        assert_int_equal(scalar_parse(yes[i]).integer, 1);
        expect(no[i], SCALAR_BOOL);
        assert_int_equal(scalar_parse(no[i]).integer, 0);
    }
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        expect(old[i], SCALAR_OLDBOOL);
    }
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        expect(text[i], SCALAR_TEXT);
    }
}

TEST(whole_numbers_are_exact_or_odd)
{
    assert_int_equal(scalar_parse("0").integer, 0);
    assert_int_equal(scalar_parse("-9223372036854775808").integer, INT64_MIN);
    assert_int_equal(scalar_parse("0x7fffffffffffffff").integer, INT64_MAX);
    assert_int_equal(scalar_parse("0o17").integer, 15);
    expect("9223372036854775808", SCALAR_ODD);
    expect("007", SCALAR_ODD);
    expect("-00", SCALAR_ODD);
    expect("+0", SCALAR_INT);
    expect("0x", SCALAR_TEXT);
    expect("0xg", SCALAR_TEXT);
    expect("0o8", SCALAR_TEXT);
    expect("0x1fz", SCALAR_TEXT);
    expect("-0x1f", SCALAR_TEXT);
    expect("1_000", SCALAR_TEXT);
    expect("+", SCALAR_TEXT);
}

TEST(floats_have_the_shape_of_yaml_not_of_c)
{
    assert_true(scalar_parse("1.5").number == 1.5);
    assert_true(scalar_parse("-.5e1").number == -5);
    expect("5.", SCALAR_FLOAT);
    expect("1e3", SCALAR_FLOAT);
    expect(".", SCALAR_TEXT);
    expect("-", SCALAR_TEXT);
    expect("1e", SCALAR_TEXT);
    expect("1.2.3", SCALAR_TEXT);
    expect("e1", SCALAR_TEXT);
    expect("nan", SCALAR_TEXT);
    expect("inf", SCALAR_TEXT);
    expect("0x1p3", SCALAR_TEXT);
    expect("1e999", SCALAR_ODD);
    expect(".inf", SCALAR_ODD);
    expect("-.Inf", SCALAR_ODD);
    expect(".nan", SCALAR_ODD);
    expect(".NaN", SCALAR_ODD);
    expect(".NAN", SCALAR_ODD);
}
