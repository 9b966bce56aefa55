/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/settings.h"

#include "base/cleanup.h"
#include "base/json.h"

#include <string.h>

#include "support/test.h"

static int read_settings(const char *text, struct settings *settings, struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = NULL;
    struct err unread = {0};
    if (json_parse(text, strlen(text), &with, &unread) != 0) {
        fail_msg("%s", unread.text);
    }
    return settings_read(with, settings, err);
}

/* The rest of a mapping that has what is needed. */
#define AND(rest) "{\"files\":[\"*.py\"],\"tests\":[{\"run\":\"true\"}]" rest "}"

TEST(settings_have_defaults)
{
    struct settings s = {0};
    struct err err = {0};
    assert_int_equal(read_settings(AND(""), &s, &err), 0);
    assert_int_equal(s.lines, SETTINGS_LINES_AUTO);
    assert_int_equal(s.isolation, SETTINGS_ISOLATION_AUTO);
    assert_int_equal(s.per_line, -1);
    assert_int_equal(s.shards, 1);
    assert_int_equal(s.audit_percent, 2);
    assert_int_equal(s.audit_min, 50);
    assert_true(s.audit_survivors);
    assert_false(s.uncovered_fails);
    assert_true(s.max_timeouts > 0 && s.max_compile_errors > 0);
}

TEST(settings_are_read)
{
    struct settings s = {0};
    struct err err = {0};
    assert_int_equal(
        read_settings(AND(",\"scope\":{\"lines\":\"diff\",\"per_line\":3},\"budget\":\"90s\","
                          "\"shard\":\"2/4\",\"isolation\":\"exec\",\"uncovered\":\"fail\","
                          "\"audit\":{\"percent\":5,\"min\":1,\"survivors\":false,\"seed\":7},"
                          "\"max_timeouts\":1.5,\"max_compile_errors\":2"),
                      &s,
                      &err),
        0);
    assert_int_equal(s.lines, SETTINGS_LINES_DIFF);
    assert_int_equal(s.per_line, 3);
    assert_int_equal(s.budget_ms, 90000);
    assert_int_equal(s.shard, 2);
    assert_int_equal(s.shards, 4);
    assert_int_equal(s.isolation, SETTINGS_ISOLATION_EXEC);
    assert_true(s.uncovered_fails);
    assert_int_equal(s.audit_percent, 5);
    assert_int_equal(s.audit_min, 1);
    assert_int_equal(s.seed, 7);
    assert_false(s.audit_survivors);
    assert_true(s.max_timeouts > 1.4 && s.max_timeouts < 1.6);
}

TEST(wrong_settings_are_refused_in_words)
{
    static const struct {
        const char *with;
        const char *message;
    } cases[] = {
        {"{\"tests\":[\"a\"]}",                                               "with: field \"files\" is missing"                 },
        {"{\"files\":[],\"tests\":[\"a\"]}",
         "with: files: at least one pattern must include files; all begin with !"                                                },
        {"{\"files\":[\"!a\"],\"tests\":[\"a\"]}",
         "with: files: at least one pattern must include files; all begin with !"                                                },
        {"{\"files\":[\"../a\"],\"tests\":[\"a\"]}",
         "with: files: item 1 must be a glob pattern below the root, without \"..\""                                             },
        {"{\"files\":[\"b\",\"!./a\"],\"tests\":[\"a\"]}",
         "with: files: item 2, \"./a\", begins below the root anyhow: write \"a\""                                               },
        {"{\"files\":[\"a\"],\"tests\":[\"./a\"]}",
         "with: tests: item 1, \"./a\", begins below the root anyhow: write \"a\""                                               },
        {"{\"files\":[\"a\"],\"tests\":[\"a\"],\"reads\":[\"./a\"]}",
         "with: reads: item 1, \"./a\", begins below the root anyhow: write \"a\""                                               },
        {"{\"files\":[\"a\"],\"tests\":[\"a\"],\"reads\":[\"b\",\"!a\"]}",
         "with: reads: item 2 must be a glob pattern below the root, without \"..\" and !"                                       },
        {"{\"files\":[\"a\"],\"tests\":[\"a\"],\"reads\":[\"/etc/a\"]}",
         "with: reads: item 1 must be a glob pattern below the root, without \"..\" and !"                                       },
        {"{\"files\":[1],\"tests\":[\"a\"]}",
         "with: files: item 1 must be a glob pattern below the root, without \"..\""                                             },
        {"{\"files\":[\"a\"],\"tests\":[]}",                                  "with: tests: at least one test must be named"     },
        {"{\"files\":[\"a\"],\"tests\":[1]}",
         "with: tests: item 1 must be a glob pattern of programs below the root, or {name, run, "
         "cwd, stdout}"                                                                                                          },
        {"{\"files\":[\"a\"],\"tests\":[{\"run\":\"\"}]}",                    "with: tests: item 1: run is empty"                },
        {"{\"files\":[\"a\"],\"tests\":[{\"run\":\"x\",\"cwd\":\"/\"}]}",
         "with: tests: item 1: cwd \"/\" must be a path below the root, without \"..\""                                          },
        {"{\"files\":[\"a\"],\"tests\":[{\"run\":\"x\",\"stdout\":\"no\"}]}",
         "with: tests: item 1: stdout \"no\" must be one of ignore, compare"                                                     },
        {AND(",\"shard\":\"0/4\""),
         "with: shard \"0/4\" must be PART/PARTS, counted from 1, e.g. 2/4"                                                      },
        {AND(",\"shard\":\"5/4\""),
         "with: shard \"5/4\" must be PART/PARTS, counted from 1, e.g. 2/4"                                                      },
        {AND(",\"shard\":\"1/4x\""),
         "with: shard \"1/4x\" must be PART/PARTS, counted from 1, e.g. 2/4"                                                     },
        {AND(",\"shard\":\"-1/4\""),
         "with: shard \"-1/4\" must be PART/PARTS, counted from 1, e.g. 2/4"                                                     },
        {AND(",\"budget\":\"0\""),                                            "with: budget \"0\" leaves no time to try a mutant"},
        {AND(",\"isolation\":\"vm\""),
         "with: isolation \"vm\" must be one of auto, fork, exec, copy"                                                          },
        {AND(",\"uncovered\":\"x\""),                                         "with: uncovered \"x\" must be one of skip, fail"  },
        {AND(",\"max_timeouts\":101"),                                        "with: max_timeouts must be from 0 to 100"         },
        {AND(",\"audit\":{\"percent\":-1}"),                                  "with: audit: percent must be from 0 to 100"       },
        {AND(",\"baseline\":\"/etc/passwd\""),
         "with: baseline \"/etc/passwd\" must be a path below the root, without \"..\""                                          },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct settings s = {0};
        struct err err = {0};
        assert_true(read_settings(cases[i].with, &s, &err) < 0);
        assert_string_equal(err.text, cases[i].message);
    }
}

TEST(a_unit_is_told_only_what_decides_its_verdicts)
{
    static const char text[] =
        AND(",\"check\":\"c\",\"gone\":1,\"budget\":\"1s\",\"shard\":\"1/2\",\"baseline\":\"b\","
            "\"max_timeouts\":1,\"uncovered\":\"fail\"");
    CLEANUP(json_cleanup) json_t *with = NULL;
    struct err err = {0};
    assert_int_equal(json_parse(text, strlen(text), &with, &err), 0);
    CLEANUP(json_cleanup) json_t *told = settings_of_unit(with);
    assert_int_equal(json_object_size(told), 4);
    assert_non_null(json_object_get(told, "files"));
    assert_non_null(json_object_get(told, "tests"));
    assert_non_null(json_object_get(told, "check"));
    assert_non_null(json_object_get(told, "uncovered"));
}

TEST(the_schema_is_json_and_names_each_setting)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    CLEANUP(json_cleanup) json_t *schema = NULL;
    struct err err = {0};
    settings_write_schema(&text);
    assert_int_equal(json_parse(str_text(&text), text.len, &schema, &err), 0);
    assert_int_equal(json_object_size(json_object_get(schema, "properties")), 15);
}
