/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define OUT_MAX 65536

/* Reads what was written back with the strict reader: the writer's output is always JSON. */
static void assert_is_json(const struct str *out)
{
    json_t *value = NULL;
    struct err err = {0};
    if (json_parse(str_text(out), out->len, &value, &err) != 0) {
        fail_msg("%s: %s", str_text(out), err.text);
    }
    json_decref(value);
}

static void assert_double_is(double value, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    jw_begin(&w, &out);
    jw_double(&w, value);
    assert_string_equal(str_text(&out), expected);
}

static void assert_string_is(const char *value, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    jw_begin(&w, &out);
    jw_string(&w, value);
    assert_string_equal(str_text(&out), expected);
    assert_is_json(&out);
}

TEST(commas_stand_between_values_and_nowhere_else)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    jw_begin(&w, &out);
    jw_object(&w);
    jw_put_string(&w, "a", "x");
    jw_put_string(&w, "left_out", NULL);
    jw_key(&w, "list");
    jw_array(&w);
    jw_int(&w, 1);
    jw_object(&w);
    jw_end_object(&w);
    jw_array(&w);
    jw_end_array(&w);
    jw_null(&w);
    jw_raw(&w, "{\"raw\":[]}");
    jw_bool(&w, true);
    jw_end_array(&w);
    jw_put_bool(&w, "no", false);
    jw_put_int(&w, "n", -7);
    jw_put_double(&w, "d", 0.5);
    jw_key(&w, "s");
    jw_string(&w, NULL);
    jw_end_object(&w);
    assert_int_equal(str_error(&out), 0);
    assert_string_equal(str_text(&out),
                        "{\"a\":\"x\",\"list\":[1,{},[],null,{\"raw\":[]},true],\"no\":false,"
                        "\"n\":-7,\"d\":0.5,\"s\":null}");
    assert_is_json(&out);
}

TEST(a_writer_begins_anew_after_jw_begin)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    for (int i = 0; i < 2; i++) {
        jw_begin(&w, &out);
        jw_int(&w, i);
    }
    assert_string_equal(str_text(&out), "01");
}

TEST(strings_are_escaped_to_stay_on_one_line)
{
    assert_string_is("", "\"\"");
    assert_string_is("quote \" and \\", "\"quote \\\" and \\\\\"");
    assert_string_is("\b\t\n\v\f\r\x1f\x01", "\"\\b\\t\\n\\u000b\\f\\r\\u001f\\u0001\"");
    assert_string_is("\x7f/", "\"\x7f/\"");
}

TEST(valid_utf8_stays_and_each_bad_byte_becomes_a_replacement)
{
    assert_string_is("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9f",
                     "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x9f\"");
    assert_string_is("a\xffz", "\"a\xef\xbf\xbdz\"");
    assert_string_is("cut \xc3", "\"cut \xef\xbf\xbd\"");
    assert_string_is("\xc3\xbc\xff\xc3\xbc", "\"\xc3\xbc\xef\xbf\xbd\xc3\xbc\"");
    /* a surrogate: three bytes that no UTF-8 text may hold */
    assert_string_is("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(a_string_of_given_length_may_hold_nul_bytes)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    jw_begin(&w, &out);
    jw_string_n(&w, "a\0b\xff", 4);
    assert_string_equal(str_text(&out), "\"a\\u0000b\xef\xbf\xbd\"");
}

TEST(integers_are_exact_to_the_ends_of_their_range)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    jw_begin(&w, &out);
    jw_array(&w);
    jw_int(&w, INT64_MIN);
    jw_int(&w, INT64_MAX);
    jw_int(&w, 0);
    jw_end_array(&w);
    assert_string_equal(str_text(&out), "[-9223372036854775808,9223372036854775807,0]");
}

TEST(doubles_have_up_to_six_decimals)
{
    assert_double_is(0.1, "0.1");
    assert_double_is(-0.25, "-0.25");
    assert_double_is(1.0000005, "1.000001");
    assert_double_is(-0.0000001, "0");
    assert_double_is(12.000345, "12.000345");
    assert_double_is(0.999999999, "1");
    assert_double_is(100, "100");
    assert_double_is(123456789.125, "123456789.125");
    assert_double_is(9000000000001.0, "9000000000001");
    assert_double_is(1e300, "1.0000000000000001e+300");
    assert_double_is((double)NAN, "null");
    assert_double_is(-(double)INFINITY, "null");
}

TEST(a_full_buffer_is_told_once_at_the_end)
{
    CLEANUP(str_fini) struct str out = STR_INIT(8);
    struct json_writer w;
    jw_begin(&w, &out);
    jw_object(&w);
    jw_put_string(&w, "key", "far too long");
    jw_end_object(&w);
    assert_int_equal(str_error(&out), -EFBIG);
}

TEST(depth_up_to_the_limit_is_written)
{
    CLEANUP(str_fini) struct str out = STR_INIT(OUT_MAX);
    struct json_writer w;
    jw_begin(&w, &out);
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++) {
        jw_array(&w);
    }
    jw_int(&w, 1);
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++) {
        jw_end_array(&w);
    }
    assert_int_equal(w.depth, 0);
    assert_is_json(&out);
}

static void assert_refused(const char *text, size_t len, const char *part)
{
    json_t *value = NULL;
    struct err err = {0};
    assert_int_equal(json_parse(text, len, &value, &err), -EINVAL);
    assert_null(value);
    assert_int_equal(err.code, -EINVAL);
    assert_true(text_starts_with(err.text, "not valid JSON: "));
    if (strstr(err.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
    }
}

TEST(damaged_json_is_refused_with_its_place)
{
    assert_refused("", 0, "line 1");
    assert_refused("{\"a\":1", 6, "line 1");
    assert_refused("{\n\"a\":1,\n\"a\":2}", 15, "duplicate object key");
    assert_refused("{\n\"a\":1,\n\"a\":2}", 15, "line 3");
    assert_refused("{} x", 4, "end of file expected");
    assert_refused("{}{}", 4, "end of file expected");
    assert_refused("\"\\u0000\"", 8, "\\u0000");
    assert_refused("\"\xff\"", 3, "byte 0xff");
    assert_refused("nan", 3, "");
    assert_refused("[1,]", 4, "");
    assert_refused("{}\0", 3, "");
    assert_refused("1e999", 5, "");
}

TEST(bottomless_nesting_is_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1 << 20);
    for (int i = 0; i < 100000; i++) {
        (void)str_append_char(&text, '[');
    }
    assert_refused(text.data, text.len, "depth");
}

/* What a test printed stands in the strings of a tool's report. */
TEST(escapes_without_a_character_are_read_where_a_tool_wrote_them)
{
    static const struct {
        const char *text;
        const char *value; /* NULL = refused */
    } cases[] = {
        {"[\"a\\u0000b\"]",
         "a\xef\xbf\xbd"
         "b"                                                          },
        {"[\"\\ud800\"]",               "\xef\xbf\xbd"                },
        {"[\"\\uDFFFx\\uD83D\"]",       "\xef\xbf\xbdx\xef\xbf\xbd"   },
        {"[\"\\ud83d\\ude00\\u0000\"]", "\xf0\x9f\x98\x80\xef\xbf\xbd"},
        {"[\"\\\\u0000\\u0000\"]",      "\\u0000\xef\xbf\xbd"         },
        {"[\"\\u00",                    NULL                          },
        {"[\"\\u0000\"",                NULL                          },
        {"[\"\\",                       NULL                          },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(json_cleanup) json_t *value = NULL;
        struct err err = {0};
        int rc = json_parse_foreign(cases[i].text, strlen(cases[i].text), &value, &err);
        assert_int_equal(rc, cases[i].value != NULL ? 0 : -EINVAL);
        if (cases[i].value != NULL) {
            assert_string_equal(json_string_value(json_array_get(value, 0)), cases[i].value);
        } else {
            assert_non_null(strstr(err.text, "not valid JSON"));
        }
    }
    json_t *none = NULL;
    struct err err = {0};
    static const char raw[] = "[\"\\u0000\"]\0]";
    assert_int_equal(json_parse_foreign(raw, sizeof raw - 1, &none, &err), -EINVAL);
    assert_null(none);
}

TEST(any_json_value_is_read)
{
    static const char *const texts[] = {"{}", "[]", "1", "1.5", "\"x\"", "true", "null"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CLEANUP(json_cleanup) json_t *value = NULL;
        struct err err = {0};
        assert_int_equal(json_parse(texts[i], strlen(texts[i]), &value, &err), 0);
        assert_non_null(value);
    }
}

/* One object with a field of each type. */
struct sample {
    const char *text;
    int64_t whole;
    double real;
    bool flag;
    json_t *list;
    json_t *object;
    json_t *any;
};

static int read_sample(const char *text, struct sample *sample, struct err *err)
{
    const struct json_field fields[] = {
        {"text",   JSON_FIELD_STRING, true,  &sample->text  },
        {"whole",  JSON_FIELD_INT,    false, &sample->whole },
        {"real",   JSON_FIELD_DOUBLE, false, &sample->real  },
        {"flag",   JSON_FIELD_BOOL,   false, &sample->flag  },
        {"list",   JSON_FIELD_ARRAY,  false, &sample->list  },
        {"object", JSON_FIELD_OBJECT, false, &sample->object},
        {"any",    JSON_FIELD_ANY,    false, &sample->any   },
    };
    json_t *value = NULL;
    assert_int_equal(json_parse(text, strlen(text), &value, err), 0);
    int status = json_read_object(value, fields, sizeof fields / sizeof fields[0], err);
    /* what was read is borrowed from the object: only plain values outlive it here */
    if (sample->text != NULL) {
        static char copy[64];
        (void)strncpy(copy, sample->text, sizeof copy - 1);
        sample->text = copy;
    }
    json_decref(value);
    return status;
}

TEST(fields_are_read_by_table)
{
    struct sample sample = {0};
    struct err err = {0};
    assert_int_equal(read_sample("{\"real\":2,\"text\":\"hello\",\"whole\":-3,\"flag\":true,"
                                 "\"list\":[],\"object\":{},\"any\":7}",
                                 &sample,
                                 &err),
                     0);
    assert_string_equal(sample.text, "hello");
    assert_int_equal(sample.whole, -3);
    assert_true(sample.real > 1.9 && sample.real < 2.1);
    assert_true(sample.flag);
    assert_non_null(sample.list);
    assert_non_null(sample.object);
    assert_non_null(sample.any);
}

TEST(absent_and_null_fields_leave_their_target_alone)
{
    struct sample sample = {.whole = 5, .real = 0.5, .flag = true};
    struct err err = {0};
    assert_int_equal(read_sample("{\"text\":\"x\",\"whole\":null,\"flag\":null}", &sample, &err),
                     0);
    assert_int_equal(sample.whole, 5);
    assert_true(sample.flag);
    assert_null(sample.any);
}

static void assert_field_error(const char *text, const char *expected)
{
    struct sample sample = {.whole = 5};
    struct err err = {0};
    assert_int_equal(read_sample(text, &sample, &err), -EINVAL);
    assert_string_equal(err.text, expected);
    /* outputs untouched */
    assert_null(sample.text);
    assert_int_equal(sample.whole, 5);
}

TEST(wrong_fields_are_named)
{
    assert_field_error("{\"text\":\"a\",\"whole\":1,\"wohle\":2}",
                       "unknown field \"wohle\"; did you mean \"whole\"?");
    assert_field_error("{\"text\":\"a\",\"whole\":1,\"elsewhere\":2}",
                       "unknown field \"elsewhere\"");
    assert_field_error("{\"whole\":1}", "field \"text\" is missing");
    assert_field_error("{\"whole\":1,\"text\":null}", "field \"text\" is missing");
    assert_field_error("{\"text\":1}", "field \"text\" must be a string, but is an integer");
    assert_field_error("{\"text\":\"a\",\"whole\":1.5}",
                       "field \"whole\" must be an integer, but is a number with a fraction");
    assert_field_error("{\"text\":\"a\",\"real\":\"1\"}",
                       "field \"real\" must be a number, but is a string");
    assert_field_error("{\"text\":\"a\",\"flag\":0}",
                       "field \"flag\" must be true or false, but is an integer");
    assert_field_error("{\"text\":\"a\",\"list\":{}}",
                       "field \"list\" must be an array, but is an object");
    assert_field_error("{\"text\":\"a\",\"object\":[]}",
                       "field \"object\" must be an object, but is an array");
    assert_field_error("[]", "must be an object, but is an array");
    assert_field_error("true", "must be an object, but is true");
}

TEST(a_hostile_field_name_is_shown_cut_and_without_control_bytes)
{
    CLEANUP(str_fini) struct str text = STR_INIT(OUT_MAX);
    (void)str_append(&text, "{\"\\u001b[31m");
    for (int i = 0; i < 5000; i++) {
        (void)str_append_char(&text, 'x');
    }
    (void)str_append(&text, "\":1}");
    struct sample sample = {0};
    struct err err = {0};
    assert_int_equal(read_sample(str_text(&text), &sample, &err), -EINVAL);
    assert_true(text_starts_with(err.text, "unknown field \"?[31mxxx"));
    assert_true(strlen(err.text) < 200);
}

/* Plain text is looked at eight bytes at once: every byte at every place among plain ones. */
TEST(a_field_is_written_alike_wherever_a_byte_stands_in_it)
{
    for (size_t len = 1; len < 20; len++) {
        for (unsigned c = 1; c < 0x80; c++) {
            char value[20] = "";
            char expected[64];
            CLEANUP(str_fini) struct str out = STR_INIT(1000);
            struct json_writer w;
            const size_t place = (len * 7 + c) % len;
            memset(value, 'x', len);
            value[place] = (char)c;
            jw_begin(&w, &out);
            jw_object(&w);
            jw_put_int(&w, "before", -7);
            jw_put_string(&w, "value", value);
            jw_put_string(&w, value, "key");
            jw_end_object(&w);
            /* the same, piece by piece */
            CLEANUP(str_fini) struct str text = STR_INIT(1000);
            jw_begin(&w, &text);
            jw_string_n(&w, value, place);
            text.len--; /* its closing quote */
            if (c == '"' || c == '\\') {
                (void)str_append_char(&text, '\\');
                (void)str_append_char(&text, (char)c);
            } else if (c >= 0x20) {
                (void)str_append_char(&text, (char)c);
            } else if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
                (void)str_append_char(&text, '\\');
                (void)str_append_char(&text, "btn?fr"[c - 0x08]);
            } else {
                (void)str_appendf(&text, "\\u%04x", c);
            }
            (void)str_append(&text, value + place + 1);
            (void)snprintf(expected, sizeof expected, "%s\"", str_text(&text));
            str_clear(&text);
            (void)str_appendf(&text, "{\"before\":-7,\"value\":%s,%s:\"key\"}", expected, expected);
            assert_string_equal(str_text(&out), str_text(&text));
        }
    }
}
