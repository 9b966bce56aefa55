/* SPDX-License-Identifier: Apache-2.0 */
/* What is plain says what any reader of JSON says; all else is left to one. */
#include "plugin/plain_line.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <string.h>

#include "support/test.h"

static bool is_plain(const char *text)
{
    static struct plain_line line;
    return plain_line_read(text, strlen(text), &line);
}

static void assert_same_text(const char *plain, const json_t *object, const char *name)
{
    const char *read = json_string_value(json_object_get(object, name));
    assert_int_equal(plain == NULL, json_object_get(object, name) == NULL);
    if (plain != NULL) {
        assert_non_null(read);
        assert_string_equal(plain, read);
    }
}

/* Whatever is taken for plain is JSON and has the same fields, and no others. */
static bool agrees(const char *text, size_t len)
{
    static struct plain_line line;
    CLEANUP(json_cleanup) json_t *object = NULL;
    struct err err = {0};
    if (!plain_line_read(text, len, &line)) {
        return false;
    }
    if (json_parse(text, len, &object, &err) != 0) {
        fail_msg("taken for plain: %.*s: %s", (int)len, text, err.text);
    }
    size_t fields = 1;
    static const char *const known[] = {
        "file", "line", "cwd", "timeout", "cost_ms", "slots", "skip"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        fields += json_object_get(object, known[i]) != NULL ? 1 : 0;
    }
    assert_int_equal(json_object_size(object), fields + 1); /* id, argv */
    assert_same_text(line.id, object, "id");
    assert_same_text(line.file, object, "file");
    assert_same_text(line.cwd, object, "cwd");
    assert_same_text(line.timeout, object, "timeout");
    assert_same_text(line.skip, object, "skip");
    assert_int_equal(line.line, json_integer_value(json_object_get(object, "line")));
    assert_int_equal(line.cost_ms, json_integer_value(json_object_get(object, "cost_ms")));
    assert_int_equal(line.slots, json_integer_value(json_object_get(object, "slots")));
    const json_t *argv = json_object_get(object, "argv");
    assert_int_equal(line.argc, json_array_size(argv));
    for (size_t i = 0; i < line.argc; i++) {
        assert_string_equal(line.argv[i], json_string_value(json_array_get(argv, i)));
    }
    return true;
}

TEST(lines_as_plugins_print_them_are_plain)
{
    static const char *const lines[] = {
        "{\"id\":\"a\",\"argv\":[\"b\"]}",
        "{\"argv\":[\"cat\",\"d0/f0\",\"\"],\"id\":\"cat d0/f0 'x'\",\"file\":\"units.txt\",\"line\":1}",
        "{\"id\":\"\",\"argv\":[\"b\"],\"cwd\":\".\",\"timeout\":\"3s\",\"cost_ms\":0,\"slots\":12}",
        "{\"skip\":\"not here\",\"id\":\"a\",\"file\":\"f\",\"argv\":[\"b\"],\"line\":999999999999999}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_true(agrees(lines[i], strlen(lines[i])));
    }
}

TEST(all_else_is_left_to_a_reader_of_json)
{
    static const char *const lines[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"id\":\"a\"}",
        "{\"argv\":[\"a\"]}",
        "{\"id\":\"a\",\"argv\":[]}",
        "{\"id\":\"a\",\"argv\":[\"\"]}",
        "{\"id\":\"a\",\"argv\":[\"b\",]}",
        "{\"id\":\"a\",\"argv\":[\"b\"],}",
        "{\"id\":\"a\",\"argv\":[\"b\"]} ",
        "{\"id\":\"a\",\"argv\":[\"b\"]}}",
        "{\"id\": \"a\",\"argv\":[\"b\"]}",
        "{\"id\":\"a\",\"id\":\"a\",\"argv\":[\"b\"]}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"argv\":[\"b\"]}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"labels\":[\"x\"]}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"other\":1}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":01}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":-1}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":1.0}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":1e3}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":1000000000000000}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"line\":\"1\"}",
        "{\"id\":\"a\",\"argv\":[\"b\"],\"file\":null}",
        "{\"id\":\"\\u0041\",\"argv\":[\"b\"]}",
        "{\"id\":\"\xc3\xa4\",\"argv\":[\"b\"]}",
        "{\"id\":\"a\tb\",\"argv\":[\"b\"]}",
        "{\"id\":\"a\",\"argv\":\"b\"}",
        "{\"id\":\"a\",\"argv\":[1]}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_false(is_plain(lines[i]));
    }
    assert_false(agrees("{\"id\":\"a\0b\",\"argv\":[\"b\"]}", 25));
}

TEST(long_lines_and_long_commands_are_not_plain)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    (void)str_append(&text, "{\"id\":\"a\",\"argv\":[\"b\"");
    for (int i = 0; i < PLAIN_ARGV_MAX - 1; i++) {
        (void)str_append(&text, ",\"w\"");
    }
    const size_t len = text.len;
    (void)str_append(&text, "]}");
    assert_true(agrees(text.data, text.len));
    text.len = len;
    (void)str_append(&text, ",\"w\"]}");
    assert_false(agrees(text.data, text.len));
    str_clear(&text);
    (void)str_append(&text, "{\"id\":\"a\",\"argv\":[\"");
    while (text.len < PLAIN_LINE_MAX - 3) {
        (void)str_append_char(&text, 'x');
    }
    (void)str_append(&text, "\"]}");
    assert_int_equal(text.len, PLAIN_LINE_MAX);
    assert_true(agrees(text.data, text.len));
    text.len -= 3;
    (void)str_append(&text, "x\"]}");
    assert_false(agrees(text.data, text.len));
}

/* Each byte of a line replaced by each of those that mean something, taken away, and doubled. */
TEST(no_slip_of_a_byte_is_taken_for_something_else)
{
    static const char line[] =
        "{\"id\":\"a b\",\"argv\":[\"cat\",\"\"],\"file\":\"u.t\",\"line\":10,"
        "\"cost_ms\":0,\"cwd\":\".\",\"skip\":\"x\"}";
    static const char bytes[] = "\"\\{}[],: 01-.enu\x01\x7f\xc3\n\t";
    const size_t len = sizeof line - 1;
    char text[sizeof line + 1];
    size_t plain = 0;
    for (size_t at = 0; at < len; at++) {
        for (size_t i = 0; i < sizeof bytes; i++) { /* with the NUL */
            memcpy(text, line, len);
            text[at] = bytes[i];
            plain += agrees(text, len) ? 1 : 0;
        }
        memcpy(text, line, at);
        memcpy(text + at, line + at + 1, len - at - 1);
        plain += agrees(text, len - 1) ? 1 : 0;
        memcpy(text, line, at + 1);
        memcpy(text + at + 1, line + at, len - at);
        plain += agrees(text, len + 1) ? 1 : 0;
    }
    assert_true(plain > 50);
}
