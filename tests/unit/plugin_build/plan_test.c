/* SPDX-License-Identifier: Apache-2.0 */
/* Planning with the plugin `build` in the test's folder, which is the root. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/build/build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

static const char *enter_folder(void)
{
    static char path[4096];
    assert_int_equal(chdir(test_folder()), 0);
    assert_non_null(getcwd(path, sizeof path));
    return path;
}

static void write_file(const char *path, const char *text)
{
    struct err err = {0};
    (void)enter_folder();
    if (file_write_atomic(path, text, strlen(text), &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static json_t *read_units(const char *text)
{
    json_t *units = json_array();
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        json_t *unit = NULL;
        struct err err = {0};
        assert_non_null(end);
        assert_int_equal(json_parse(text, (size_t)(end - text), &unit, &err), 0);
        assert_int_equal(json_array_append_new(units, unit), 0);
        text = end + 1;
    }
    return units;
}

static void open_sdk(struct sdk *sdk)
{
    *sdk = (struct sdk){.layer = "l",
                        .root = enter_folder(),
                        .program = "/plugin",
                        .plugin = &build_plugin,
                        .out = STR_INIT(8u << 20),
                        .out_fd = -1};
}

static int plan(const char *settings, json_t **ret_units, struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = NULL;
    struct sdk sdk;
    open_sdk(&sdk);
    assert_int_equal(json_parse(settings, strlen(settings), &with, err), 0);
    sdk.with = with;
    int rc = build_plan(&sdk, err);
    if (rc == 0) {
        *ret_units = read_units(str_text(&sdk.out));
    }
    str_fini(&sdk.out);
    return rc;
}

static json_t *must_plan(const char *settings)
{
    json_t *units = NULL;
    struct err err = {0};
    if (plan(settings, &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return units;
}

static void assert_refused(const char *settings, const char *message)
{
    json_t *units = NULL;
    struct err err = {0};
    assert_true(plan(settings, &units, &err) < 0);
    assert_string_equal(err.text, message);
}

/* Edges as the configure unit writes them: folder `build` is there. */
static json_t *edges(const char *const *targets)
{
    struct sdk sdk;
    struct err err = {0};
    open_sdk(&sdk);
    const struct edge_options options = {
        .root = sdk.root, .folder = "build", .targets = targets, .configured = true};
    if (edges_emit(&sdk, &options, &err) != 0) {
        fail_msg("%s", err.text);
    }
    json_t *units = read_units(str_text(&sdk.out));
    str_fini(&sdk.out);
    return units;
}

static void assert_edges_refused(const char *message)
{
    struct sdk sdk;
    struct err err = {0};
    open_sdk(&sdk);
    const struct edge_options options = {.root = sdk.root, .folder = "build", .configured = true};
    assert_true(edges_emit(&sdk, &options, &err) < 0);
    assert_string_equal(err.text, message);
    str_fini(&sdk.out);
}

/* The list of a unit, words separated by '|', or its text. */
static const char *field(const json_t *units, size_t unit, const char *key)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    const json_t *value = json_object_get(json_array_get(units, unit), key);
    size_t i = 0;
    json_t *word = NULL;
    (void)snprintf(
        text, sizeof texts[0], "%s", json_is_string(value) ? json_string_value(value) : "");
    json_array_foreach(value, i, word)
    {
        size_t len = strlen(text);
        (void)snprintf(
            text + len, sizeof texts[0] - len, "%s%s", i > 0 ? "|" : "", json_string_value(word));
    }
    return text;
}

/* ---- settings ---- */

TEST(a_cmake_project_is_configured_by_a_unit_that_expands)
{
    write_file("src/CMakeLists.txt", "");
    json_t *units CLEANUP(json_cleanup) =
        must_plan("{\"dir\":\"src\",\"configure\":[\"-DX=1\"],\"targets\":[\"app\"]}");
    char words[5000];
    (void)snprintf(words,
                   sizeof words,
                   "/plugin|configure|{\"build_dir\":\"build\",\"configure\":[\"-DX=1\"],"
                   "\"dir\":\"src\",\"root\":\"%s\",\"targets\":[\"app\"],\"tool\":\"cmake\"}",
                   enter_folder());
    assert_int_equal(json_array_size(units), 1);
    assert_string_equal(field(units, 0, "id"), "configure");
    assert_string_equal(field(units, 0, "argv"), words);
    assert_string_equal(field(units, 0, "outputs"), "build/**");
    assert_true(json_is_true(json_object_get(json_array_get(units, 0), "expands")));
}

TEST(the_tool_is_found_by_its_file)
{
    write_file("m/meson.build", "");
    json_t *meson CLEANUP(json_cleanup) = must_plan("{\"dir\":\"m\",\"build_dir\":\"out/m\"}");
    assert_non_null(strstr(field(meson, 0, "argv"), "\"tool\":\"meson\""));
    assert_string_equal(field(meson, 0, "outputs"), "out/m/**");
    write_file("n/build.ninja", "rule r\n  command = true\nbuild a: r\n");
    json_t *ninja CLEANUP(json_cleanup) = must_plan("{\"dir\":\"n\"}");
    assert_string_equal(field(ninja, 0, "id"), "a");
    json_t *other CLEANUP(json_cleanup) = must_plan("{\"build_dir\":\"n\"}");
    assert_string_equal(field(other, 0, "cwd"), "n");
}

TEST(any_other_build_is_one_unit)
{
    json_t *units CLEANUP(json_cleanup) =
        must_plan("{\"dir\":\"lib\",\"command\":\"make -j2 all\",\"outputs\":[\"lib/*.a\"]}");
    assert_int_equal(json_array_size(units), 1);
    assert_string_equal(field(units, 0, "id"), "build");
    assert_string_equal(field(units, 0, "argv"), "make|-j2|all");
    assert_string_equal(field(units, 0, "cwd"), "lib");
    assert_string_equal(field(units, 0, "outputs"), "lib/*.a");
}

TEST(settings_that_make_no_sense_are_told)
{
    assert_refused(
        "{}",
        "with: there is no CMakeLists.txt, meson.build or build.ninja in .; set `dir`, or "
        "`command` for any other build");
    write_file("Makefile", "all:\n");
    assert_refused(
        "{}",
        "with: there is no CMakeLists.txt, meson.build or build.ninja in .; set `dir`, or "
        "build with make as one unit: `command: make`, `outputs: [...]`");
    assert_refused("{\"tool\":\"make\"}",
                   "with: unknown tool \"make\"; known are cmake, meson, ninja (any other: "
                   "`command:`)");
    assert_refused(
        "{\"tool\":\"cmake\",\"configure\":[\"-GUnix Makefiles\"]}",
        "with: configure: \"-GUnix Makefiles\": the generator is always Ninja, its edges "
        "become units");
    assert_refused("{\"command\":\"make\",\"targets\":[\"x\"]}",
                   "with: `command` is the whole build: tool, build_dir, configure and targets do "
                   "not go with it");
    assert_refused("{\"outputs\":[\"x\"]}",
                   "with: `outputs` goes with `command`; what the edges of a build leave is known");
    assert_refused("{\"dir\":\"../x\"}",
                   "with: dir \"../x\" must be a path below the root, without \"..\"");
    assert_refused("{\"targets\":[1]}", "with: targets: item 1 must be a text");
    assert_refused("{\"tool\":\"cmake\",\"build_dir\":\".\"}",
                   "with: build_dir must be a folder of its own: what cmake leaves there is told "
                   "from the sources by it");
}

/* ---- edges ---- */

#define CC "rule cc\n  command = cc -c $in -o $out\n  depfile = $out.d\n  deps = gcc\n"

TEST(an_edge_becomes_a_unit_that_needs_what_makes_its_inputs)
{
    write_file("build/build.ninja",
               CC "rule ld\n  command = cc $in -o $out\n  pool = link\npool link\n  depth = 2\n"
                  "rule again\n  command = cmake\n  generator = 1\n"
                  "build obj/deep/a.o: cc ../src/a.c || gen\n"
                  "build b.o: cc gen.c\nbuild gen: phony gen.c gen.h\n"
                  "build gen.c gen.h: cc ../gen.in\n"
                  "build app | app.map: ld obj/deep/a.o b.o\nbuild tool: ld b.o\nbuild t3: ld b.o\n"
                  "build build.ninja: again ../CMakeLists.txt\n");
    json_t *units CLEANUP(json_cleanup) = edges(NULL);
    assert_int_equal(json_array_size(units), 6);
    assert_string_equal(field(units, 0, "id"), "gen.c");
    assert_string_equal(field(units, 0, "needs"), "configure");
    assert_string_equal(field(units, 0, "outputs"), "build/gen.c|build/gen.h");
    assert_string_equal(field(units, 1, "id"), "obj/deep/a.o");
    assert_string_equal(field(units, 1, "argv"), "/bin/sh|-c|cc -c ../src/a.c -o obj/deep/a.o");
    assert_string_equal(field(units, 1, "cwd"), "build");
    assert_string_equal(field(units, 1, "needs"), "configure|gen.c");
    assert_string_equal(field(units, 1, "file"), "src/a.c");
    assert_string_equal(field(units, 1, "labels"), "cc");
    assert_string_equal(field(units, 1, "locks"), "");
    assert_string_equal(field(units, 3, "id"), "app");
    assert_string_equal(field(units, 3, "needs"), "configure|obj/deep/a.o|b.o");
    assert_string_equal(field(units, 3, "outputs"), "build/app|build/app.map");
    assert_string_equal(field(units, 3, "file"), "");
    /* a pool of two is two locks, dealt out in turn */
    assert_string_equal(field(units, 3, "locks"), "pool link 1");
    assert_string_equal(field(units, 4, "locks"), "pool link 2");
    assert_string_equal(field(units, 5, "locks"), "pool link 1");
    struct stat st;
    assert_int_equal(stat("build/obj/deep", &st), 0); /* made for all edges at once */
}

TEST(response_files_are_written_when_configuring)
{
    write_file(
        "build/build.ninja",
        "rule ar\n  command = ar @$out.rsp\n  rspfile = $out.rsp\n"
        "  rspfile_content = $in_newline\n"
        "rule twice\n  command = x @same.rsp $out\n  rspfile = same.rsp\n"
        "  rspfile_content = $in\n"
        "build lib/a: ar x.o y$ z.o\nbuild b: twice 1\nbuild c: twice 2\nbuild d: twice 1\n");
    json_t *units CLEANUP(json_cleanup) = edges(NULL);
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    struct err err = {0};
    assert_string_equal(field(units, 0, "argv"), "/bin/sh|-c|ar @lib/a.rsp");
    assert_int_equal(file_read("build/lib/a.rsp", &text, &err), 0);
    assert_string_equal(str_text(&text), "x.o\n'y z.o'");
    /* one that another edge has with other words is written by the command */
    assert_string_equal(field(units, 1, "argv"), "/bin/sh|-c|x @same.rsp b");
    assert_non_null(strstr(field(units, 2, "argv"), "|sh|x @same.rsp c|same.rsp|2"));
    assert_string_equal(field(units, 3, "argv"), "/bin/sh|-c|x @same.rsp d");
}

TEST(a_manifest_that_is_there_needs_no_configure_unit)
{
    write_file("build.ninja",
               CC "rule ar\n  command = cat $out.rsp >$out\n  rspfile = $out.rsp\n"
                  "  rspfile_content = it's $in\n"
                  "build out/x/a.o: cc a.c\nbuild lib: ar out/x/a.o\n");
    json_t *units CLEANUP(json_cleanup) = must_plan("{}");
    assert_string_equal(field(units, 0, "needs"), "");
    assert_string_equal(field(units, 0, "outputs"), "out/x/a.o");
    assert_string_equal(field(units, 1, "needs"), "out/x/a.o");
    struct stat st;
    assert_int_equal(stat("out", &st), -1);
    /* the command makes its folder and its response file */
    const json_t *list = json_object_get(json_array_get(units, 1), "argv");
    const char *argv[16] = {NULL};
    for (size_t i = 0; i < json_array_size(list); i++) {
        argv[i] = json_string_value(json_array_get(list, i));
    }
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    struct err err = {0};
    assert_int_equal(sdk_run(argv, NULL, &out, &err), 0);
    assert_int_equal(file_read("lib", &out, &err), 0);
    assert_string_equal(str_text(&out), "it's out/x/a.o");
    assert_true(text_ends_with(field(units, 0, "argv"), "|sh|cc -c a.c -o out/x/a.o|||out/x"));
}

TEST(a_name_that_could_be_a_pattern_or_the_configure_unit_s_is_neither)
{
    write_file("build/build.ninja",
               "rule r\n  command = x\nbuild a[1]*.o: r\nbuild configure: r a[1]*.o\n");
    json_t *units CLEANUP(json_cleanup) = edges(NULL);
    assert_string_equal(field(units, 0, "outputs"), "build/a\\[1]\\*.o");
    assert_string_equal(field(units, 1, "id"), "configure #2");
    assert_string_equal(field(units, 1, "needs"), "configure|a[1]*.o");
}

TEST(absolute_paths_of_the_tree_are_those_of_the_tree)
{
    char text[9000];
    (void)snprintf(text,
                   sizeof text,
                   "rule r\n  command = x\nbuild %s/build/o: r %s/a.c\nbuild ../gen/x.h: r\n",
                   enter_folder(),
                   enter_folder());
    write_file("build/build.ninja", text);
    json_t *units CLEANUP(json_cleanup) = edges(NULL);
    assert_string_equal(field(units, 0, "outputs"), "build/o");
    assert_string_equal(field(units, 0, "file"), "a.c");
    assert_string_equal(field(units, 1, "outputs"), "gen/x.h");
    /* outside of what configuring leaves: the command makes the folder */
    assert_true(text_ends_with(field(units, 1, "argv"), "|../gen"));
}

TEST(what_cannot_be_planned_is_refused_with_its_edge)
{
    write_file("build/build.ninja",
               "rule f\n  command = x\n  dyndep = $out.dd\nbuild a.o: f a.f90 || a.o.dd\n"
               "build a.o.dd: f\n  dyndep =\n");
    assert_edges_refused(
        "build.ninja:4: a.o has its dependencies in a.o.dd (dyndep), which is written while "
        "building (Fortran, modules of C++20): its edges cannot be planned. Build it as one unit "
        "with `command:`, or, where no modules are used, configure with "
        "-DCMAKE_CXX_SCAN_FOR_MODULES=OFF");
    write_file("build/build.ninja", "rule r\n  command = x\nbuild /usr/lib/x: r\n");
    assert_edges_refused(
        "build.ninja:3: /usr/lib/x is made outside of the tree, where nothing can be "
        "kept; leave its target out with `targets`");
    write_file("build/build.ninja", "build all: phony\nx\n");
    assert_edges_refused("build.ninja:2: a '=' was expected after \"x\"");
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    (void)str_append(&text, "rule r\n  command = ");
    while (text.len < (128u << 10) + 20) {
        (void)str_append(&text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ");
    }
    (void)str_append(&text, "\nbuild a: r\n");
    write_file("build/build.ninja", str_text(&text));
    assert_edges_refused("build.ninja:3: the command for a is longer than 131071 bytes, the most a "
                         "process can be given; with CMake, -DCMAKE_NINJA_FORCE_RESPONSE_FILE=ON "
                         "makes it short");
}

TEST(where_nothing_needs_a_command_the_build_tool_says_so)
{
    static const char *const targets[] = {"all", "docs", NULL};
    struct sdk sdk;
    struct err err = {0};
    write_file("build/build.ninja", "build all: phony ../a.c\nbuild docs: phony\n");
    json_t *units CLEANUP(json_cleanup) = edges(NULL);
    assert_int_equal(json_array_size(units), 1);
    assert_string_equal(field(units, 0, "id"), "all");
    assert_string_equal(field(units, 0, "cwd"), "build");
    assert_string_equal(field(units, 0, "needs"), "configure");
    assert_string_equal(field(units, 0, "argv"), "ninja|--");
    open_sdk(&sdk);
    struct edge_options options = {
        .root = sdk.root, .folder = "build", .targets = targets, .cmake = true};
    assert_int_equal(edges_emit(&sdk, &options, &err), 0);
    json_t *named CLEANUP(json_cleanup) = read_units(str_text(&sdk.out));
    assert_int_equal(json_array_size(named), 1);
    assert_string_equal(field(named, 0, "argv"), "cmake|--build|.|--target|all|docs");
    assert_string_equal(field(named, 0, "needs"), "");
    /* a target that is not there is no target without commands */
    static const char *const missing[] = {"all", "dogs", NULL};
    options.targets = missing;
    assert_int_equal(edges_emit(&sdk, &options, &err), -ENOENT);
    assert_non_null(strstr(err.text, "there is no target \"dogs\""));
    str_fini(&sdk.out);
}

/* ninja itself is the judge of what a command is. */
TEST(commands_are_those_that_ninja_would_run)
{
    static const char *const version[] = {"ninja", "--version", NULL};
    static const char *const commands[] = {"ninja", "-C", "build", "-t", "commands", "all", NULL};
    CLEANUP(str_fini) struct str theirs = STR_INIT(1u << 20);
    CLEANUP(str_fini) struct str ours = STR_INIT(1u << 20);
    struct err err = {0};
    (void)enter_folder();
    if (sdk_run(version, NULL, &theirs, &err) != 0) {
        print_message("not tested: %s\n", err.text);
        skip();
    }
    write_file("build/sub/rules.ninja",
               "rule cc\n  command = ${tool} sub $flags $in > $out\n"
               "build $dir/s1.o: cc $dir/s1.c\nflags = -s $flags\n");
    write_file("build/common.ninja", "flags = -O2 $dash\ntool = tool$ with$ blanks\n");
    write_file("build/build.ninja",
               "dash = $\n    -g\n"
               "include common.ninja\n"
               "dir = sub\n"
               "rule cc\n  command = $tool $flags -c $in -o $out -MF $out.d $description\n"
               "  description = of $out from $in ($flags)\n"
               "rule many\n  command = gen $in_newline > $out\n"
               "subninja $dir/rules.ninja\n"
               "build a.o: cc a.c | dep.h || order\n"
               "build odd$ name.o | extra.o: cc it's.c \"q\".c $$x.c a$:b.c\n"
               "  flags = $flags -DX=$$Y '$out'\n"
               "build ./x//y/../z.o: cc ././b.c\n  dash = unused\n"
               "build c.o: many one two$ three\n"
               "build order: phony sub/s1.o\n"
               "description = of the file\n"
               "build all: phony a.o odd$ name.o x/z.o c.o\n");
    str_clear(&theirs);
    assert_int_equal(sdk_run(commands, NULL, &theirs, &err), 0);
    static const char *const all[] = {"all", NULL};
    json_t *units CLEANUP(json_cleanup) = edges(all);
    for (size_t i = 0; i < json_array_size(units); i++) {
        (void)str_appendf(&ours, "%s\n", field(units, i, "argv") + strlen("/bin/sh|-c|"));
    }
    /* ninja -C tells the folder first */
    const char *list = strstr(str_text(&theirs), "\n");
    const bool tells = strncmp(str_text(&theirs), "ninja: Entering", 15) == 0;
    assert_string_equal(str_text(&ours), tells && list != NULL ? list + 1 : str_text(&theirs));
}

TEST(no_memory_for_the_units_is_an_error)
{
    write_file("build/build.ninja",
               CC "pool p\n  depth = 1\nrule ar\n  command = ar\n  rspfile = $out.rsp\n"
                  "  rspfile_content = $in\n  pool = p\n"
                  "build a.o: cc a.c\nbuild lib: ar a.o\n");
    json_decref(edges(NULL)); /* the folders are there now */
    for (size_t n = 1;; n++) {
        struct sdk sdk;
        struct err err = {0};
        open_sdk(&sdk);
        const struct edge_options options = {
            .root = sdk.root, .folder = "build", .configured = true};
        mem_fail_from(n);
        int rc = edges_emit(&sdk, &options, &err);
        mem_fail_from(0);
        str_fini(&sdk.out);
        if (rc == 0) {
            assert_true(n > 20);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
}
