/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/command/command.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* The tests run in their folder, as plan runs in the root. */
static void enter_folder(void)
{
    assert_int_equal(chdir(test_folder()), 0);
}

static void write_list(const void *bytes, size_t len)
{
    enter_folder();
    assert_int_equal(file_write_atomic("list", bytes, len, NULL), 0);
}

/* Plans with the given settings; what was written is in *out. */
static int plan(const char *with_text, struct str *out, struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = NULL;
    assert_int_equal(json_parse(with_text, strlen(with_text), &with, err), 0);
    /* what is too long for the buffer goes there */
    CLEANUP(cleanup_fd) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct sdk sdk = {.layer = "l",
                      .root = test_folder(),
                      .program = "/p",
                      .with = with,
                      .plugin = &command_plugin,
                      .out = STR_INIT(8u << 20),
                      .out_fd = null};
    int status = command_plan(&sdk, err);
    (void)str_append(out, str_text(&sdk.out));
    str_fini(&sdk.out);
    return status;
}

static void assert_planned(const char *with, const char *expected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    if (plan(with, &out, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(str_text(&out), expected);
}

static void assert_refused(const char *with, const char *message)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    assert_true(plan(with, &out, &err) < 0);
    assert_string_equal(err.text, message);
}

TEST(a_command_is_one_unit)
{
    assert_planned("{\"run\":\"make check\"}", "{\"id\":\"run\",\"argv\":[\"make\",\"check\"]}\n");
    assert_planned("{\"run\":\"make\\nmake check\\n\",\"id\":\"build\"}",
                   "{\"id\":\"build\",\"argv\":[\"/bin/sh\",\"-c\",\"make\\nmake check\\n\"]}\n");
    assert_planned("{\"run\":\"./t\",\"report\":{\"format\":\"junit\",\"path\":\"out/*.xml\"}}",
                   "{\"id\":\"run\",\"argv\":[\"./t\"],\"report\":{\"format\":\"junit\",\"path\":"
                   "\"out/*.xml\"}}\n");
}

TEST(each_line_is_a_unit)
{
    static const char list[] = "# all tests\n"
                               "\n"
                               "  make a  \r\n"
                               "./t 'x y' && ./u\n"
                               "   # indented comment\n"
                               "make a\n"
                               "exit 3";
    write_list(list, sizeof list - 1);
    assert_planned("{\"each\":\"list\",\"report\":{\"format\":\"tap\"}}",
                   "{\"id\":\"make a\",\"argv\":[\"make\",\"a\"],\"report\":{\"format\":\"tap\"},"
                   "\"file\":\"list\",\"line\":3}\n"
                   "{\"id\":\"./t 'x y' && ./u\",\"argv\":[\"/bin/sh\",\"-c\",\"./t 'x y' && "
                   "./u\"],\"report\":{\"format\":\"tap\"},\"file\":\"list\",\"line\":4}\n"
                   "{\"id\":\"make a #2\",\"argv\":[\"make\",\"a\"],\"report\":{\"format\":\"tap\"}"
                   ",\"file\":\"list\",\"line\":6}\n"
                   "{\"id\":\"exit 3\",\"argv\":[\"/bin/sh\",\"-c\",\"exit 3\"],\"report\":"
                   "{\"format\":\"tap\"},\"file\":\"list\",\"line\":7}\n");
}

TEST(a_file_without_commands_is_an_error)
{
    write_list("# only\n\n   \n", 12);
    assert_refused("{\"each\":\"list\"}",
                   "each: list has no command in it, only empty lines and comments");
    write_list("", 0);
    assert_refused("{\"each\":\"list\"}",
                   "each: list has no command in it, only empty lines and comments");
}

TEST(a_file_that_is_not_there_is_an_error)
{
    enter_folder();
    assert_refused("{\"each\":\"missing\"}",
                   "each: cannot read missing (a file another layer makes is there when that layer "
                   "is in `needs` and has it in `outputs`): No such file or directory");
    assert_refused("{\"each\":\"../list\"}",
                   "each: \"../list\" must be a path below the root, without \"..\"");
    assert_refused("{\"each\":\"/etc/passwd\"}",
                   "each: \"/etc/passwd\" must be a path below the root, without \"..\"");
}

TEST(a_folder_is_no_list)
{
    enter_folder();
    assert_int_equal(dir_make("folder", 0755, NULL), 0);
    assert_refused("{\"each\":\"folder\"}", "folder: Is a directory");
}

TEST(lines_that_cannot_be_commands_are_named)
{
    write_list("make\nmake \xff\n", 12);
    assert_refused("{\"each\":\"list\"}", "list:2: cannot take this line: it is not UTF-8");
    write_list("make\n\nma\0ke\n", 12);
    assert_refused("{\"each\":\"list\"}", "list:3: cannot take this line: a NUL byte stands in it");
}

/* A list with one line of `len` bytes. */
static void write_long_line(size_t len)
{
    char *text = mem_calloc(len + 6, 1);
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text + len, "\nmake", sizeof "\nmake");
    write_list(text, len + 5);
    mem_free(text);
}

TEST(a_line_may_be_as_long_as_a_process_can_be_given)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    write_long_line(COMMAND_LINE_MAX);
    assert_int_equal(plan("{\"each\":\"list\"}", &out, &err), 0);
    write_long_line(COMMAND_LINE_MAX + 1);
    assert_refused("{\"each\":\"list\"}",
                   "list:1: cannot take this line: it is longer than 131071 bytes, the most a "
                   "process can be given; put the command into a script");
}

TEST(a_command_may_be_as_long_as_a_process_can_be_given)
{
    CLEANUP(str_fini) struct str with = STR_INIT(1u << 20);
    (void)str_append(&with, "{\"run\":\"");
    for (size_t i = 0; i <= COMMAND_LINE_MAX; i++) {
        (void)str_append_char(&with, 'x');
    }
    (void)str_append(&with, "\"}");
    assert_refused(str_text(&with),
                   "run: the command is longer than 131071 bytes, the most a process can be given; "
                   "put it into a script");
}

TEST(settings_that_are_wrong_are_told)
{
    assert_refused("{}", "with: one of \"run\" and \"each\" must be given, not both");
    assert_refused("{\"run\":\"a\",\"each\":\"b\"}",
                   "with: one of \"run\" and \"each\" must be given, not both");
    assert_refused("{\"rnu\":\"a\"}", "with: unknown field \"rnu\"; did you mean \"run\"?");
    assert_refused("{\"run\":\"a\",\"report\":{\"path\":\"x\"}}",
                   "with: field \"format\" is missing");
}

TEST(the_schema_is_json)
{
    CLEANUP(json_cleanup) json_t *schema = NULL;
    struct err err = {0};
    const char *text = command_plugin.schema;
    if (json_parse(text, strlen(text), &schema, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(json_object_size(json_object_get(schema, "properties")), 4);
}

TEST(running_out_of_memory_anywhere_is_an_error_and_leaks_nothing)
{
    write_list("make a\nmake b && c\n", 19);
    bool succeeded = false;
    for (size_t n = 1; n < 100 && !succeeded; n++) {
        CLEANUP(json_cleanup) json_t *with = json_pack("{s:s}", "each", "list");
        struct sdk sdk = {.with = with, .plugin = &command_plugin, .out = STR_INIT(1u << 20)};
        sdk.out_fd = -1;
        struct err err = {0};
        (void)mem_fail_from(n);
        int status = command_plan(&sdk, &err);
        (void)mem_fail_from(0);
        succeeded = status == 0;
        assert_true(succeeded || status == -ENOMEM);
        str_fini(&sdk.out);
    }
    assert_true(succeeded);
}
