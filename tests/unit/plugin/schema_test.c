/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/schema.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct err err = {0};
    if (json_parse(text, strlen(text), &value, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return value;
}

static void assert_schema_refused(const char *text, const char *message)
{
    CLEANUP(json_cleanup) json_t *schema = parse(text);
    struct err err = {0};
    assert_int_equal(schema_check(schema, &err), -EINVAL);
    assert_string_equal(err.text, message);
}

static void assert_valid(const char *schema_text, const char *value_text)
{
    CLEANUP(json_cleanup) json_t *schema = parse(schema_text);
    CLEANUP(json_cleanup) json_t *value = parse(value_text);
    CLEANUP(str_fini) struct str pointer = STR_INIT(1000);
    struct err err = {0};
    if (schema_check(schema, &err) != 0 || schema_validate(schema, value, &pointer, &err) != 0) {
        fail_msg("%s against %s: %s", value_text, schema_text, err.text);
    }
    assert_int_equal(pointer.len, 0);
}

static void assert_invalid(const char *schema_text,
                           const char *value_text,
                           const char *where,
                           const char *message)
{
    CLEANUP(json_cleanup) json_t *schema = parse(schema_text);
    CLEANUP(json_cleanup) json_t *value = parse(value_text);
    CLEANUP(str_fini) struct str pointer = STR_INIT(1000);
    struct err err = {0};
    assert_int_equal(schema_check(schema, &err), 0);
    assert_int_equal(schema_validate(schema, value, &pointer, &err), -EINVAL);
    assert_string_equal(err.text, message);
    assert_string_equal(str_text(&pointer), where);
}

TEST(a_schema_with_a_rule_we_cannot_apply_is_refused)
{
    assert_schema_refused("{\"type\":\"object\",\"propertys\":{}}",
                          "schema of \"with\": keyword \"propertys\" is not supported; did you "
                          "mean \"properties\"?");
    assert_schema_refused("{\"properties\":{\"run\":{\"pattern\":\"^x\"}}}",
                          "schema of \"run\": keyword \"pattern\" is not supported");
    assert_schema_refused("{\"$ref\":\"#\"}",
                          "schema of \"with\": keyword \"$ref\" is not supported");
}

TEST(a_keyword_of_the_wrong_shape_is_refused)
{
    assert_schema_refused(
        "{\"type\":\"text\"}",
        "schema of \"with\": keyword \"type\" takes the name of a type or a list of them");
    assert_schema_refused(
        "{\"type\":[]}",
        "schema of \"with\": keyword \"type\" takes the name of a type or a list of them");
    assert_schema_refused("{\"enum\":[]}",
                          "schema of \"with\": keyword \"enum\" takes a list of values");
    assert_schema_refused("{\"required\":[1]}",
                          "schema of \"with\": keyword \"required\" takes a list of strings");
    assert_schema_refused(
        "{\"minItems\":-1}",
        "schema of \"with\": keyword \"minItems\" takes an integer of at least 0");
    assert_schema_refused("{\"minimum\":\"1\"}",
                          "schema of \"with\": keyword \"minimum\" takes a number");
    assert_schema_refused("{\"items\":[]}", "schema of \"with\": keyword \"items\" takes a schema");
    assert_schema_refused("{\"properties\":{\"a\":true}}",
                          "schema of \"with\": keyword \"properties\" takes an object of schemas");
    assert_schema_refused(
        "{\"additionalProperties\":1}",
        "schema of \"with\": keyword \"additionalProperties\" takes true, false or a schema");
    assert_schema_refused(
        "{\"anyOf\":[{\"oneOf\":[{}]}]}",
        "schema of \"with\": keyword \"oneOf\" takes a list of schemas without anyOf and oneOf");
    assert_schema_refused("[]", "schema must be an object");
}

TEST(a_rule_hidden_deep_inside_is_found)
{
    assert_schema_refused("{\"properties\":{\"a\":{\"items\":{\"anyOf\":[{\"additionalProperties\":"
                          "{\"properties\":{\"z\":{\"format\":\"date\"}}}}]}}}}",
                          "schema of \"z\": keyword \"format\" is not supported");
}

TEST(a_bottomless_schema_is_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1 << 20);
    for (int i = 0; i < SCHEMA_DEPTH_MAX + 1; i++) {
        (void)str_append(&text, "{\"items\":");
    }
    (void)str_append(&text, "{}");
    for (int i = 0; i < SCHEMA_DEPTH_MAX + 1; i++) {
        (void)str_append_char(&text, '}');
    }
    assert_schema_refused(str_text(&text),
                          "schema of \"with\": nested deeper than 32 or more than 4096 schemas");
}

TEST(annotations_are_let_pass)
{
    assert_valid("{\"$schema\":\"x\",\"$id\":\"y\",\"$comment\":\"z\",\"title\":\"t\","
                 "\"description\":\"d\",\"default\":1,\"examples\":[1]}",
                 "{\"anything\":[1,2]}");
}

TEST(types_are_checked)
{
    static const char *const samples[][2] = {
        {"object",  "{}"   },
        {"array",   "[]"   },
        {"string",  "\"\"" },
        {"integer", "3"    },
        {"number",  "3.5"  },
        {"boolean", "false"},
        {"null",    "null" },
    };
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            char schema[64];
            (void)snprintf(schema, sizeof schema, "{\"type\":\"%s\"}", samples[i][0]);
            char message[100];
            (void)snprintf(message,
                           sizeof message,
                           "must be of type %s, but is of type %s",
                           samples[i][0],
                           samples[j][0]);
            bool integer_is_number =
                strcmp(samples[i][0], "number") == 0 && strcmp(samples[j][0], "integer") == 0;
            if (i == j || integer_is_number) {
                assert_valid(schema, samples[j][1]);
            } else {
                assert_invalid(schema, samples[j][1], "", message);
            }
        }
    }
    assert_valid("{\"type\":[\"string\",\"null\"]}", "null");
    assert_invalid("{\"type\":[\"string\",\"null\"]}",
                   "1",
                   "",
                   "must be of one of the types \"string\", \"null\", but is of type integer");
}

TEST(words_are_checked_with_a_suggestion)
{
    assert_valid("{\"enum\":[\"ctest\",\"bats\",3,null]}", "\"bats\"");
    assert_valid("{\"enum\":[\"ctest\",\"bats\",3,null]}", "3");
    assert_invalid("{\"enum\":[\"ctest\",\"bats\"]}",
                   "\"ctset\"",
                   "",
                   "must be one of \"ctest\", \"bats\"; did you mean \"ctest\"?");
    assert_invalid(
        "{\"enum\":[\"ctest\",\"bats\"]}", "[]", "", "must be one of \"ctest\", \"bats\"");
    assert_valid("{\"const\":{\"a\":[1]}}", "{\"a\":[1]}");
    assert_invalid("{\"const\":{\"a\":[1]}}", "{\"a\":[2]}", "", "must be {\"a\":[1]}");
}

TEST(unknown_and_missing_settings_are_named)
{
    const char *schema = "{\"properties\":{\"run\":{\"type\":\"string\"},\"each\":{}},"
                         "\"additionalProperties\":false,\"required\":[\"run\"]}";
    assert_valid(schema, "{\"run\":\"x\"}");
    assert_invalid(schema,
                   "{\"run\":\"x\",\"eahc\":1}",
                   "/eahc",
                   "unknown setting \"eahc\"; did you mean \"each\"?");
    assert_invalid(schema, "{\"run\":\"x\",\"zzz\":1}", "/zzz", "unknown setting \"zzz\"");
    assert_invalid(schema, "{\"each\":1}", "", "setting \"run\" is missing");
    assert_invalid(schema, "{\"run\":1}", "/run", "must be of type string, but is of type integer");
    assert_valid("{\"additionalProperties\":true}", "{\"x\":1}");
    assert_valid("{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":1}");
    assert_invalid("{\"additionalProperties\":{\"type\":\"integer\"}}",
                   "{\"a/b~c\":\"1\"}",
                   "/a~1b~0c",
                   "must be of type integer, but is of type string");
}

TEST(items_are_checked_and_counted)
{
    const char *schema =
        "{\"properties\":{\"files\":{\"type\":\"array\",\"minItems\":1,\"maxItems\""
        ":3,\"items\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":4}}}}";
    assert_valid(schema, "{\"files\":[\"ab\",\"abcd\"]}");
    assert_invalid(schema, "{\"files\":[]}", "/files", "must have at least 1 items");
    assert_invalid(
        schema, "{\"files\":[\"ab\",\"ab\",\"ab\",\"ab\"]}", "/files", "must have at most 3 items");
    assert_invalid(schema, "{\"files\":[\"ab\",\"\"]}", "/files/1", "must not be empty");
    assert_invalid(schema, "{\"files\":[\"a\"]}", "/files/0", "must have at least 2 bytes");
    assert_invalid(
        schema, "{\"files\":[\"ab\",\"abcde\"]}", "/files/1", "must have at most 4 bytes");
}

TEST(numbers_have_bounds)
{
    const char *schema = "{\"minimum\":0.5,\"maximum\":100}";
    assert_valid(schema, "0.5");
    assert_valid(schema, "100");
    assert_valid(schema, "\"not a number\"");
    assert_invalid(schema, "0", "", "must be at least 0.5");
    assert_invalid(schema, "101", "", "must be at most 100");
}

TEST(exactly_one_of_two_settings_is_asked_for_by_name)
{
    const char *schema = "{\"oneOf\":[{\"required\":[\"run\"]},{\"required\":[\"each\"]}]}";
    assert_valid(schema, "{\"run\":1}");
    assert_valid(schema, "{\"each\":1}");
    assert_invalid(schema, "{}", "", "one of the settings \"run\", \"each\" is needed");
    assert_invalid(schema,
                   "{\"run\":1,\"each\":2}",
                   "",
                   "only one of the settings \"run\", \"each\" can be given");
    assert_valid("{\"anyOf\":[{\"required\":[\"run\"]},{\"required\":[\"each\"]}]}",
                 "{\"run\":1,\"each\":2}");
}

TEST(the_branch_that_was_meant_explains_what_is_wrong)
{
    const char *schema =
        "{\"oneOf\":["
        "{\"properties\":{\"discover\":{\"const\":\"ctest\"},\"dir\":{\"type\":\"string\"}},"
        "\"required\":[\"dir\"],\"additionalProperties\":false},"
        "{\"properties\":{\"discover\":{\"const\":\"bats\"},\"tests\":{\"items\":{\"type\":"
        "\"string\"}}},\"required\":[\"tests\"],\"additionalProperties\":false}]}";
    assert_valid(schema, "{\"discover\":\"ctest\",\"dir\":\"build\"}");
    assert_invalid(schema, "{\"discover\":\"ctest\"}", "", "setting \"dir\" is missing");
    assert_invalid(schema,
                   "{\"discover\":\"bats\",\"tests\":[\"a\",1]}",
                   "/tests/1",
                   "must be of type string, but is of type integer");
    assert_invalid(schema,
                   "{\"discover\":\"ctest\",\"dir\":\"b\",\"tests\":[]}",
                   "/tests",
                   "unknown setting \"tests\"");
    assert_invalid(
        schema, "{\"discover\":\"other\"}", "", "matches none of the forms allowed here");
    assert_invalid("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}",
                   "1",
                   "",
                   "matches several of the forms allowed here, must match one");
}

/* A misspelt `discover: ctets` was "none of the forms", which helps nobody. */
TEST(a_word_that_decides_between_branches_is_checked_before_them)
{
    const char *schema =
        "{\"required\":[\"by\"],\"properties\":{\"by\":{\"enum\":[\"name\",\"size\"]}},\"oneOf\":["
        "{\"properties\":{\"by\":{\"const\":\"name\"}}},{\"properties\":{\"by\":{\"const\":\"size\"}}}]}";
    assert_valid(schema, "{\"by\":\"size\"}");
    assert_invalid(schema,
                   "{\"by\":\"nmae\"}",
                   "/by",
                   "must be one of \"name\", \"size\"; did you mean \"name\"?");
    assert_invalid(
        schema, "{}", "", "setting \"by\" is missing; it must be one of \"name\", \"size\"");
}

TEST(branches_below_other_values_keep_their_place)
{
    assert_invalid("{\"properties\":{\"a\":{\"items\":{\"anyOf\":[{\"const\":1},{\"properties\":{"
                   "\"b\":{\"type\":\"string\"}},\"required\":[\"b\"]}]}}}}",
                   "{\"a\":[1,{\"b\":2}]}",
                   "/a/1/b",
                   "must be of type string, but is of type integer");
}
