/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugin/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/plugin/support/files.h"

#define UNITS_KEPT 16

static const struct plugin_description description = {.name = "demo"};

/* What plugin_read_units() gave. */
struct reading {
    struct arena *arena;
    struct unit units[UNITS_KEPT];
    size_t count;
    size_t stop_at; /* 0 = never */
};

static void reading_fini(struct reading *reading)
{
    arena_free(reading->arena);
}

static int keep(void *context, const struct unit *unit)
{
    struct reading *reading = context;
    if (reading->count < UNITS_KEPT) {
        reading->units[reading->count] = *unit;
    }
    reading->count++;
    return reading->count == reading->stop_at ? -ECANCELED : 0;
}

static int read_file(struct reading *reading, const char *file, struct err *err)
{
    if (reading->arena == NULL) {
        reading->arena = arena_new(64u << 20);
        assert_non_null(reading->arena);
    }
    return plugin_read_units(
        &description, 3, &FILE_WHOLE(file), reading->arena, keep, reading, err);
}

static void assert_refused(const char *text, int code, const char *message)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    assert_int_equal(read_file(&reading, write_file("plan", text), &err), code);
    assert_string_equal(err.text, message);
}

TEST(a_unit_with_every_field_is_read)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    const char *file = write_file(
        "plan",
        "{\"id\":\"a b\",\"argv\":[\"./x\",\"\",\"y\"],\"cwd\":\"sub/dir\","
        "\"env\":{\"A\":\"1\",\"HOME\":null},\"timeout\":\"1m30s\",\"cost_ms\":250,\"slots\":2,"
        "\"locks\":[\"port 80\"],\"labels\":[\"slow\",\"net\"],"
        "\"report\":{\"format\":\"junit\",\"path\":\"out/*.xml\"},"
        "\"file\":\"tests/a.c\",\"line\":12,\"skip\":\"not today\",\"expands\":false}\n");
    assert_int_equal(read_file(&reading, file, &err), 0);
    assert_int_equal(reading.count, 1);
    const struct unit *unit = &reading.units[0];
    assert_string_equal(unit->id, "a b");
    assert_string_equal(unit->argv[0], "./x");
    assert_string_equal(unit->argv[1], "");
    assert_string_equal(unit->argv[2], "y");
    assert_null(unit->argv[3]);
    assert_string_equal(unit->cwd, "sub/dir");
    assert_int_equal(unit->env.count, 2);
    assert_string_equal(unit->env.items[0].name, "A");
    assert_string_equal(unit->env.items[0].value, "1");
    assert_string_equal(unit->env.items[1].name, "HOME");
    assert_null(unit->env.items[1].value);
    assert_int_equal(unit->timeout_ms, 90000);
    assert_int_equal(unit->cost_ms, 250);
    assert_int_equal(unit->slots, 2);
    assert_string_equal(unit->locks.items[0], "port 80");
    assert_int_equal(unit->labels.count, 2);
    assert_string_equal(unit->labels.items[1], "net");
    assert_null(unit->labels.items[2]);
    assert_int_equal(unit->report, REPORT_JUNIT);
    assert_string_equal(unit->report_path, "out/*.xml");
    assert_string_equal(unit->file, "tests/a.c");
    assert_int_equal(unit->line, 12);
    assert_string_equal(unit->skip, "not today");
    assert_false(unit->expands);
    assert_int_equal(unit->layer, 3);
    assert_int_equal(unit->shard, 0);
}

TEST(a_unit_needs_an_id_and_a_command_only)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    const char *file = write_file("plan",
                                  "{\"id\":\"a\",\"argv\":[\"true\"]}\n"
                                  "{\"id\":\"b\",\"argv\":[\"true\"],\"cwd\":\".\"}");
    assert_int_equal(read_file(&reading, file, &err), 0);
    assert_int_equal(reading.count, 2);
    assert_null(reading.units[0].cwd);
    assert_int_equal(reading.units[0].report, REPORT_NONE);
    assert_int_equal(reading.units[0].env.count, 0);
    assert_int_equal(reading.units[0].timeout_ms, 0);
    assert_string_equal(reading.units[1].cwd, ".");
}

TEST(units_may_need_each_other_and_leave_files)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    const char *file = write_file("plan",
                                  "{\"id\":\"a.o\",\"argv\":[\"cc\"],\"outputs\":[\"out/a.o\"]}\n"
                                  "{\"id\":\"app\",\"argv\":[\"ld\"],\"needs\":[\"a.o\",\"b.o\"],"
                                  "\"outputs\":[\"out/app\",\"out/**/*.map\"]}\n"
                                  "{\"id\":\"b.o\",\"argv\":[\"cc\"],\"needs\":[],\"outputs\":[]}\n"
                                  "{\"id\":\"c\",\"argv\":[\"cc\"],\"needs\":[\"b.o\"]}\n"
                                  "{\"id\":\"d\",\"argv\":[\"cc\"],\"artifacts\":[\"log/*\"]}\n");
    assert_int_equal(read_file(&reading, file, &err), 0);
    const struct unit_links *app = reading.units[1].links;
    assert_int_equal(reading.units[0].links->needs.count, 0);
    assert_string_equal(reading.units[0].links->outputs.items[0], "out/a.o");
    assert_int_equal(app->needs.count, 2);
    assert_string_equal(app->needs.items[0], "a.o");
    assert_null(app->needs.items[2]);
    assert_int_equal(app->outputs.count, 2);
    assert_string_equal(app->outputs.items[1], "out/**/*.map");
    assert_null(reading.units[2].links); /* a plain unit: nothing is kept for it */
    assert_ptr_equal(reading.units[3].links->needs.items[0], app->needs.items[1]);
    assert_true(unit_is_linked(&reading.units[3]));
    assert_string_equal(reading.units[4].links->artifacts.items[0], "log/*");
    assert_false(unit_is_linked(&reading.units[4])); /* nobody sees them */
}

TEST(words_that_return_are_stored_once)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    const char *file = write_file("plan",
                                  "{\"id\":\"make a\",\"argv\":[\"/bin/sh\",\"-c\",\"make a\"]}\n"
                                  "{\"id\":\"make b\",\"argv\":[\"/bin/sh\",\"-c\",\"make b\"]}\n");
    assert_int_equal(read_file(&reading, file, &err), 0);
    assert_ptr_equal(reading.units[0].argv[0], reading.units[1].argv[0]);
    assert_ptr_equal(reading.units[0].argv[2], reading.units[0].id);
    assert_string_equal(reading.units[1].argv[2], "make b");
}

TEST(no_unit_is_an_error)
{
    assert_refused("",
                   -ENODATA,
                   "demo plan: gave no unit, and a layer without units proves nothing; "
                   "check the settings under `with:`");
}

#define UNIT_A "{\"id\":\"a\",\"argv\":[\"x\"]}\n"

TEST(a_line_that_is_no_unit_is_named_with_its_number)
{
    assert_refused(UNIT_A "garbage\n",
                   -EINVAL,
                   "demo plan: line 2: not valid JSON: invalid token near 'garbage' "
                   "(line 1, column 7)");
    assert_refused(UNIT_A "\n" UNIT_A,
                   -EINVAL,
                   "demo plan: line 2: is empty; print one JSON object a line, nothing "
                   "else");
    assert_refused("[]\n", -EINVAL, "demo plan: line 1: must be an object, but is an array");
    assert_refused("{\"id\":\"a\",\"argv\":[\"x\"],\"timeuot\":\"1s\"}\n",
                   -EINVAL,
                   "demo plan: line 1: unknown field \"timeuot\"; did you mean "
                   "\"timeout\"?");
    assert_refused(UNIT_A "{\"id\":\"b\"",
                   -EINVAL,
                   "demo plan: line 2: not valid JSON: '}' expected near end of file "
                   "(line 1, column 9)");
}

TEST(a_field_given_twice_is_refused)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    const char *file = write_file("plan", "{\"id\":\"a\",\"argv\":[\"x\"],\"argv\":[\"y\"]}");
    assert_int_equal(read_file(&reading, file, &err), -EINVAL);
    assert_non_null(strstr(err.text, "line 1: not valid JSON: duplicate object key near"));
}

TEST(an_id_names_one_unit)
{
    assert_refused(UNIT_A "{\"id\":\"b\",\"argv\":[\"x\"]}\n" UNIT_A,
                   -EEXIST,
                   "demo plan: line 3: the id \"a\" was given to the unit of line 1 "
                   "already; ids name units in reports and history, each once");
}

TEST(ids_that_would_break_reports_are_refused)
{
    assert_refused("{\"id\":\"\",\"argv\":[\"x\"]}\n", -EINVAL, "demo plan: line 1: id is empty");
    assert_refused("{\"id\":\"a\\u001b[31m\",\"argv\":[\"x\"]}\n",
                   -EINVAL,
                   "demo plan: line 1: id \"a?[31m\" holds a control character (byte "
                   "0x1b)");
    char line[ID_MAX + 200];
    char id[ID_MAX + 2];
    memset(id, 'i', ID_MAX + 1);
    id[ID_MAX + 1] = '\0';
    (void)snprintf(line, sizeof line, "{\"id\":\"%s\",\"argv\":[\"x\"]}\n", id);
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    assert_int_equal(read_file(&reading, write_file("plan", line), &err), -EINVAL);
    assert_non_null(strstr(err.text, "iii...\" has 1025 bytes, at most 1024 are allowed"));
}

static void assert_field_refused(const char *fields, const char *message)
{
    char line[1000];
    char expected[1000];
    (void)snprintf(line, sizeof line, "{\"id\":\"a\",\"argv\":[\"x\"],%s}\n", fields);
    (void)snprintf(expected, sizeof expected, "demo plan: line 1: %s", message);
    assert_refused(line, -EINVAL, expected);
}

TEST(paths_that_leave_the_root_are_refused)
{
    assert_field_refused(
        "\"cwd\":\"../up\"",
        "cwd \"../up\" must be a relative path without \"..\", \".\" and empty parts");
    assert_field_refused(
        "\"cwd\":\"/etc\"",
        "cwd \"/etc\" must be a relative path without \"..\", \".\" and empty parts");
    assert_field_refused(
        "\"file\":\"a/../../b\"",
        "file \"a/../../b\" must be a relative path without \"..\", \".\" and empty "
        "parts");
    assert_field_refused("\"report\":{\"format\":\"tap\",\"path\":\"/etc/passwd\"}",
                         "path of report \"/etc/passwd\" must be a relative path without \"..\", "
                         "\".\" and empty parts");
}

TEST(each_field_is_checked)
{
    assert_field_refused("\"env\":{\"A=B\":\"1\"}", "name in env \"A=B\" holds '='");
    assert_field_refused("\"env\":{\"\":\"1\"}", "name in env is empty");
    assert_field_refused("\"env\":{\"A\":1}", "env: A must be a string or null");
    assert_field_refused("\"timeout\":\"0\"", "timeout must be more than 0");
    assert_field_refused("\"cost_ms\":-1", "cost_ms is -1, but must be from 0 to 31622400000");
    assert_field_refused("\"slots\":4294967296",
                         "slots is 4294967296, but must be from 0 to 4294967295");
    assert_field_refused("\"file\":\"a\",\"line\":-5",
                         "line is -5, but must be from 0 to 4294967295");
    assert_field_refused("\"line\":5", "\"line\" says nothing without \"file\"");
    assert_field_refused("\"locks\":[1]", "lock: item 1 must be a string");
    assert_field_refused("\"labels\":[\"\"]", "label is empty");
    assert_field_refused("\"skip\":\"\"", "skip is empty: it is the reason shown to people");
    assert_field_refused("\"report\":{\"format\":\"junti\"}",
                         "report: unknown format \"junti\", known are none, junit, tap, cmocka, "
                         "cases, ctrf, subunit, gotest, check, cunit, ctest, boost, nunit, xunit, "
                         "trx, qtest, auto, cppunit, mocha; did you mean \"junit\"?");
    assert_field_refused("\"report\":{\"path\":\"x\"}", "report: field \"format\" is missing");
    assert_field_refused("\"expands\":true,\"needs\":[\"b\"]",
                         "\"expands\" cannot stand beside \"needs\": such a unit runs before the "
                         "others are known");
    assert_field_refused("\"needs\":[\"b\",7]", "need: item 2 must be a string");
    assert_field_refused("\"needs\":[\"\"]", "need is empty");
    assert_field_refused(
        "\"expands\":true,\"artifacts\":[\"b\"]",
        "\"expands\" cannot stand beside \"artifacts\" or \"memo\": what such a unit leaves is "
        "further units");
    assert_field_refused("\"artifacts\":[\"/a\"]",
                         "artifact \"/a\" must be a relative path without \"..\", \".\" and empty "
                         "parts");
    assert_field_refused(
        "\"memo\":\"../a\"",
        "memo \"../a\" must be a relative path without \"..\", \".\" and empty parts");
    assert_field_refused("\"memo\":\"a/*\"", "memo \"a/*\" is one file, not a pattern");
    assert_field_refused("\"outputs\":[\"../a\"]",
                         "output \"../a\" must be a relative path without \"..\", \".\" and empty "
                         "parts");
    assert_field_refused("\"expands\":true,\"report\":{\"format\":\"tap\"}",
                         "\"expands\" cannot stand beside \"report\" or \"skip\": the output of "
                         "such a unit is further units");
}

TEST(a_bad_timeout_is_explained)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    const char *file = write_file("plan", "{\"id\":\"a\",\"argv\":[\"x\"],\"timeout\":\"soon\"}");
    assert_int_equal(read_file(&reading, file, &err), -EINVAL);
    assert_true(text_starts_with(err.text, "demo plan: line 1: timeout: "));
}

TEST(a_command_starts_with_a_program)
{
    assert_refused("{\"id\":\"a\",\"argv\":[]}",
                   -EINVAL,
                   "demo plan: line 1: argv must start with the name of a program");
    assert_refused("{\"id\":\"a\",\"argv\":[\"\"]}",
                   -EINVAL,
                   "demo plan: line 1: argv must start with the name of a program");
    assert_refused("{\"id\":\"a\",\"argv\":[\"x\",7]}",
                   -EINVAL,
                   "demo plan: line 1: argv: item 2 must be a string");
    assert_refused("{\"id\":\"a\",\"argv\":\"x\"}",
                   -EINVAL,
                   "demo plan: line 1: field \"argv\" must be an array, but is a string");
    assert_refused("{\"argv\":[\"x\"]}", -EINVAL, "demo plan: line 1: field \"id\" is missing");
}

/* A unit whose line is exactly `len` bytes long. */
static void append_long_unit(struct str *out, const char *id, size_t len)
{
    size_t start = out->len;
    (void)str_appendf(out, "{\"id\":\"%s\",\"argv\":[\"", id);
    while (out->len - start < len - 3) {
        (void)str_append_char(out, 'x');
    }
    (void)str_append(out, "\"]}");
}

TEST(a_line_of_the_longest_kind_is_read_and_a_longer_one_refused)
{
    for (size_t more = 0; more < 3; more++) {
        CLEANUP(str_fini) struct str text = STR_INIT(8u << 20);
        (void)str_append(&text, UNIT_A);
        append_long_unit(&text, "long", PLUGIN_LINE_MAX + more);
        (void)str_append(&text, "\n{\"id\":\"z\",\"argv\":[\"x\"]}\n");
        CLEANUP(reading_fini) struct reading reading = {0};
        struct err err = {0};
        const char *file = write_bytes("plan", text.data, text.len);
        if (more == 0) {
            assert_int_equal(read_file(&reading, file, &err), 0);
            assert_int_equal(reading.count, 3);
            assert_int_equal(strlen(reading.units[1].argv[0]), PLUGIN_LINE_MAX - 25);
        } else {
            assert_int_equal(read_file(&reading, file, &err), -EFBIG);
            assert_string_equal(err.text,
                                "demo plan: line 2: longer than 1048576 bytes, the "
                                "longest that is read");
        }
    }
}

TEST(a_flood_without_any_newline_costs_one_line_of_memory)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/flood", test_folder());
    FILE *stream = fopen(path, "we");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, 900000000L, SEEK_SET), 0); /* a hole: NUL bytes */
    assert_int_equal(fputc('x', stream), 'x');
    assert_int_equal(fclose(stream), 0);
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    assert_int_equal(read_file(&reading, path, &err), -EFBIG);
    assert_int_equal(reading.count, 0);
}

TEST(many_lines_across_buffers_are_read_in_order)
{
    CLEANUP(str_fini) struct str text = STR_INIT(16u << 20);
    const size_t count = 40000;
    for (size_t i = 0; i < count; i++) {
        (void)str_appendf(&text, "{\"id\":\"unit %zu\",\"argv\":[\"/bin/true\",\"%zu\"]}\n", i, i);
    }
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    assert_int_equal(read_file(&reading, write_bytes("plan", text.data, text.len), &err), 0);
    assert_int_equal(reading.count, count);
    assert_string_equal(reading.units[15].id, "unit 15");
    /* id, argv and their words: the arena holds well under 100 bytes a unit */
    assert_true(arena_used(reading.arena) < count * 100);
}

TEST(the_receiver_can_stop_the_reading)
{
    CLEANUP(reading_fini) struct reading reading = {.stop_at = 1};
    struct err err = {0};
    const char *file = write_file("plan", UNIT_A "garbage\n");
    assert_int_equal(read_file(&reading, file, &err), -ECANCELED);
    assert_int_equal(reading.count, 1);
    assert_int_equal(err.code, 0);
}

TEST(a_missing_file_is_told)
{
    CLEANUP(reading_fini) struct reading reading = {0};
    struct err err = {0};
    assert_int_equal(read_file(&reading, "/nonexistent/plan", &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/plan"));
}

TEST(a_plan_larger_than_its_arena_is_an_error)
{
    CLEANUP(reading_fini) struct reading reading = {.arena = arena_new(4096)};
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    append_long_unit(&text, "long", 20000);
    struct err err = {0};
    assert_int_equal(read_file(&reading, write_bytes("plan", text.data, text.len), &err), -ENOMEM);
    assert_int_equal(reading.count, 0);
}

TEST(running_out_of_memory_anywhere_is_an_error_and_leaks_nothing)
{
    const char *file = write_file(
        "plan",
        "{\"id\":\"a\",\"argv\":[\"x\"],\"env\":{\"A\":\"1\"},\"locks\":[\"l\"],\"labels\":[\"m\"],"
        "\"cwd\":\"d\",\"file\":\"f\",\"skip\":\"s\",\"report\":{\"format\":\"tap\",\"path\":\"p\"}}\n");
    bool succeeded = false;
    for (size_t n = 1; n < 100 && !succeeded; n++) {
        CLEANUP(reading_fini) struct reading reading = {.arena = arena_new(1u << 20)};
        struct err err = {0};
        (void)mem_fail_from(n);
        int status = read_file(&reading, file, &err);
        (void)mem_fail_from(0);
        succeeded = status == 0;
        if (!succeeded) {
            assert_int_equal(status, -ENOMEM);
            assert_int_equal(err.code, -ENOMEM);
        }
    }
    assert_true(succeeded);
}

/* Answers lie one behind the other in the file of what programs printed. */
TEST(a_part_of_a_file_is_read_and_nothing_beside_it)
{
    static const char text[] = "not ours\n{\"id\":\"a\",\"argv\":[\"x\"]}\n{\"id\":\"b\",";
    const size_t begin = strlen("not ours\n");
    const size_t end = (size_t)(strrchr(text, '\n') + 1 - text);
    struct err err = {0};
    struct reading reading = {.arena = arena_new(1u << 20)};
    const char *file = write_file("units", text);
    const struct file_part part = {file, begin, end - begin};
    const struct file_part longer = {file, begin, sizeof text};
    assert_int_equal(plugin_read_units(&description, 3, &part, reading.arena, keep, &reading, &err),
                     0);
    assert_int_equal(reading.count, 1);
    assert_int_equal(
        plugin_read_units(&description, 3, &longer, reading.arena, keep, &reading, &err), -EIO);
    assert_string_equal(
        err.text,
        "demo plan: what it printed is shorter now than it was when it ended: was its file in the run folder cut, or the disk full?");
    arena_free(reading.arena);
}
