/* SPDX-License-Identifier: Apache-2.0 */
/* CMake, Meson, autotools and make: one of them a folder, and the folders below belong to it. The
 * first of CMake and Meson that declares tests is taken. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/init.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Build files of one project that are looked into for tests. Beyond: the rest is not. */
#define BUILD_FILES_MAX 500

static bool has_word(const char *text, const char *const *words)
{
    for (size_t i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcasestr(text, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The first file of a kind, in or below the folder, that has one of the words; NULL = none. */
static const char *find_words(struct init_plan *plan,
                              const struct init_folder *folder,
                              uint32_t mark,
                              const char *const *words)
{
    const char *name = mark == INIT_CMAKE ? "CMakeLists.txt" : "meson.build";
    size_t read = 0;
    for (size_t i = 0; i < plan->tree->folders.count && read < BUILD_FILES_MAX; i++) {
        const struct init_folder *in = &plan->tree->folders.items[i];
        if ((in->marks & mark) == 0 || !init_is_below(in->path, folder->path)) {
            continue;
        }
        const char *path = init_join(plan, in->path, name);
        read++;
        if (has_word(init_read(plan, path), words)) {
            return path;
        }
    }
    return NULL;
}

/* A folder to build in that is none of the sources'. */
static const char *build_folder(struct init_plan *plan, const struct init_folder *folder)
{
    const char *usual = init_join(plan, folder->path, "build");
    const bool is_build =
        init_exists(plan, init_text(plan, "%s/CMakeCache.txt", usual))
        || init_exists(plan, init_text(plan, "%s/meson-private/coredata.dat", usual));
    return !init_exists(plan, usual) || is_build ? usual
                                                 : init_join(plan, folder->path, "build-sluice");
}

/* ---- options that switch tests on ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Is `name` about building tests, and nothing beside? */
static bool is_test_option(const char *name, size_t len)
{
    static const char *const others[] = {
        "BENCH", "FUZZ", "COVER", "VALGRIND", "EXTERNAL", "INSTALL", "PERF", "SANIT", "NETWORK"};
    char text[80];
    if (len == 0 || len >= sizeof text) {
        return false;
    }
    memcpy(text, name, len);
    text[len] = '\0';
    bool fine = strcasestr(text, "TEST") != NULL;
    for (size_t i = 0; fine && i < len; i++) {
        fine = is_word(text[i]); /* anything else is no option's name */
    }
    for (size_t i = 0; fine && i < sizeof others / sizeof others[0]; i++) {
        fine = strcasestr(text, others[i]) == NULL;
    }
    return fine;
}

/* Is the last word before the ')' OFF? */
static bool ends_off(const char *end)
{
    const char *close = strchr(end, ')');
    while (close != NULL && close > end && isspace((unsigned char)close[-1])) {
        close--;
    }
    return close != NULL && close - end > 4 && strncasecmp(close - 3, "OFF", 3) == 0
           && isspace((unsigned char)close[-4]);
}

/* "option(NAME "words" OFF)": those of tests that are off, as -DNAME=ON. */
static const char *cmake_options(struct init_plan *plan, const char *text)
{
    const char *list = "";
    const char *at = text != NULL ? text : "";
    while ((at = strcasestr(at, "option")) != NULL) {
        at += strlen("option");
        const char *name = at + strspn(at, " \t");
        if (*name != '(') {
            continue;
        }
        name += 1 + strspn(name + 1, " \t\r\n");
        const char *end = name;
        while (is_word(*end)) {
            end++;
        }
        if (ends_off(end) && is_test_option(name, (size_t)(end - name))) {
            list = init_text(
                plan, "%s%s-D%.*s=ON", list, list[0] != '\0' ? ", " : "", (int)(end - name), name);
        }
    }
    return list;
}

/* "option('tests', type : 'boolean', value : false)" */
static const char *meson_options(struct init_plan *plan, const char *text)
{
    const char *list = "";
    for (const char *at = text; at != NULL && (at = strstr(at, "option(")) != NULL;) {
        at += strlen("option(");
        const char *name = at + strspn(at, " \t\r\n'");
        const size_t len = strcspn(name, "'");
        const size_t body = strcspn(at, ")");
        const char *value = memmem(at, body, "value", 5);
        const char *false_word =
            value != NULL ? memmem(value, body - (size_t)(value - at), "false", 5) : NULL;
        if (false_word != NULL && is_test_option(name, len)) {
            list = init_text(
                plan, "%s%s-D%.*s=true", list, list[0] != '\0' ? ", " : "", (int)len, name);
        }
    }
    return list;
}

/* ---- CMake and Meson ---- */

static void add_two(struct init_plan *plan,
                    const struct init_folder *folder,
                    const struct init_layer *build,
                    const char *tests_in,
                    const char *discover)
{
    const char *at = init_scalar(plan, build_folder(plan, folder));
    const bool top = strcmp(folder->path, ".") == 0;
    struct init_layer layer = *build;
    layer.id = "build";
    layer.uses = "build";
    layer.dir = folder->path;
    layer.with = init_text(plan,
                           "%s%s%sbuild_dir: %s\n%s",
                           top ? "" : "dir: ",
                           top ? "" : init_scalar(plan, folder->path),
                           top ? "" : "\n",
                           at,
                           build->with);
    if (build->uses != NULL) { /* the whole build is one command */
        layer.uses = build->uses;
        layer.with = build->with;
    }
    const size_t number = init_add_layer(plan, &layer);
    if (tests_in == NULL || number == 0) {
        init_unknown(
            plan,
            "tests: none of the %s files declares one, so the build is all that is checked",
            layer.tool);
        return;
    }
    const struct init_layer unit = {
        .id = discover,
        .dir = folder->path,
        .marker = tests_in,
        .tool = strcmp(discover, "ctest") == 0 ? "CTest" : "Meson tests",
        .comment = init_text(plan,
                             "%s declares tests: each is a unit, run again when something it read "
                             "has changed.",
                             tests_in),
        .uses = "unit",
        .with = init_text(plan, "discover: %s\ndir: %s", discover, at),
        .programs = build->programs,
        .needs = number,
        .tests = true,
    };
    (void)init_add_layer(plan, &unit);
}

static const char *configure_line(struct init_plan *plan, const char *options, const char *tool)
{
    return options[0] == '\0' ? init_text(plan, "# configure: [%s]", tool)
                              : init_text(plan, "configure: [%s] # off when not said", options);
}

static void tell_downloads(struct init_plan *plan, const struct init_folder *folder)
{
    static const char *const words[] = {"FetchContent_Declare", "ExternalProject_Add", NULL};
    const char *path = find_words(plan, folder, INIT_CMAKE, words);
    if (path != NULL) {
        init_unknown(plan,
                     "network: %s may download while it configures; if the build fails for that, "
                     "write `network: true` in its layer",
                     path);
    }
}

/* Does configuring write into the sources? "configure_file(IN ${PROJECT_SOURCE_DIR}/config.h)":
 * what is no output of the build is not seen by the units of its compilations. */
static bool writes_sources(const char *text)
{
    static const char blanks[] = " \t\r\n";
    const char *at = text != NULL ? text : "";
    while ((at = strcasestr(at, "configure_file(")) != NULL) {
        at += strlen("configure_file(");
        const char *from = at + strspn(at, blanks);
        const char *to = from + strcspn(from, " \t\r\n)");
        to += strspn(to, blanks);
        const size_t len = strcspn(to, " \t\r\n)");
        if (memmem(to, len, "SOURCE_DIR}", strlen("SOURCE_DIR}")) != NULL) {
            return true;
        }
    }
    return false;
}

/* CMake as one command: as whoever wrote its files has tried it. */
static void use_one_unit(struct init_plan *plan,
                         const struct init_folder *folder,
                         struct init_layer *build,
                         const char *options)
{
    CLEANUP(str_fini) struct str run = STR_INIT(INIT_FILE_MAX);
    const char *at = build_folder(plan, folder);
    (void)str_append(&run, "cmake -S ");
    (void)shell_quote(&run, folder->path);
    (void)str_append(&run, " -B ");
    (void)shell_quote(&run, at);
    (void)str_append(&run, " -G Ninja");
    for (const char *option = options; *option != '\0';) {
        const size_t len = strcspn(option, ",");
        (void)str_appendf(&run, " %.*s", (int)len, option);
        option += len + strspn(option + len, ", ");
    }
    (void)str_append(&run, " && cmake --build ");
    (void)shell_quote(&run, at);
    build->uses = "command";
    build->with = init_text(plan, "run: %s", init_scalar(plan, str_text(&run)));
    build->outputs = init_text(plan, "[%s]", init_scalar(plan, init_text(plan, "%s/**", at)));
    build->comment =
        init_text(plan,
                  "%s: configured and built by CMake with Ninja, in one unit: it writes "
                  "into the sources while it configures, which `uses: build` does not "
                  "hand on. Needs: cmake, ninja.",
                  build->marker);
}

static void add_cmake(struct init_plan *plan, const struct init_folder *folder, const char *tests)
{
    const char *marker = init_join(plan, folder->path, "CMakeLists.txt");
    const char *text = init_read(plan, marker);
    const char *options = cmake_options(plan, text);
    struct init_layer build = {
        .marker = marker,
        .tool = "CMake",
        .comment =
            init_text(plan,
                      "%s: configured by CMake with Ninja; each compilation is a unit of its "
                      "own, so a change compiles what reads it. Needs: cmake, ninja.",
                      marker),
        .with = configure_line(plan, options, "-DCMAKE_BUILD_TYPE=Debug"),
        .programs = "cmake ninja cc",
    };
    if (writes_sources(text)) {
        use_one_unit(plan, folder, &build, options);
    }
    add_two(plan, folder, &build, tests, "ctest");
    tell_downloads(plan, folder);
}

static void add_meson(struct init_plan *plan, const struct init_folder *folder, const char *tests)
{
    const char *marker = init_join(plan, folder->path, "meson.build");
    const char *text = init_read(plan, init_join(plan, folder->path, "meson_options.txt"));
    text = text != NULL ? text : init_read(plan, init_join(plan, folder->path, "meson.options"));
    const struct init_layer build = {
        .marker = marker,
        .tool = "Meson",
        .comment = init_text(plan,
                             "%s: configured by Meson; each compilation is a unit of its own, so a "
                             "change compiles what reads it. Needs: meson, ninja.",
                             marker),
        .with = configure_line(plan, meson_options(plan, text), "--buildtype=debug"),
        .programs = "meson ninja cc",
    };
    add_two(plan, folder, &build, tests, "meson");
}

/* ---- make ---- */

/* Is there a line "name:", which is no assignment? */
static bool has_target(const char *text, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        const bool same = strncmp(at, name, len) == 0;
        const char *end = same ? at + len + strspn(at + len, " \t") : "";
        if (end[0] == ':' && end[1] != '=') {
            return true;
        }
    }
    return false;
}

/* The target of a makefile that tests, or NULL. */
static const char *test_target(const char *text)
{
    static const char *const names[] = {"check", "test", "tests"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (has_target(text, names[i])) {
            return names[i];
        }
    }
    return NULL;
}

static const char *read_makefile(struct init_plan *plan,
                                 const struct init_folder *folder,
                                 const char **ret_name)
{
    static const char *const names[] = {"GNUmakefile", "makefile", "Makefile"};
    const char *text = NULL;
    for (size_t i = 0; text == NULL && i < sizeof names / sizeof names[0]; i++) {
        *ret_name = init_join(plan, folder->path, names[i]);
        text = init_read(plan, *ret_name);
    }
    return text;
}

static void add_command(struct init_plan *plan,
                        const struct init_folder *folder,
                        struct init_layer layer,
                        const char *run)
{
    const bool top = strcmp(folder->path, ".") == 0;
    layer.dir = folder->path;
    layer.uses = "command";
    layer.cwd = top ? NULL : init_scalar(plan, folder->path);
    layer.with = init_text(plan, "run: %s", run);
    (void)init_add_layer(plan, &layer);
    init_unknown(plan,
                 "test cases: make does not tell them, so its exit code is the one case; where the "
                 "tests print TAP or leave JUnit files, `report: {format: auto}` reads them");
}

static void add_autotools(struct init_plan *plan, const struct init_folder *folder)
{
    const bool made = (folder->marks & INIT_CONFIGURE) != 0;
    const char *marker = init_join(plan, folder->path, made ? "configure" : "configure.ac");
    const struct init_layer layer = {
        .id = "make-check",
        .marker = marker,
        .tool = "configure and make",
        .comment = init_text(plan,
                             "%s: built and tested by make, in one unit: what `make check` says is "
                             "its result. Needs: make, a compiler%s.",
                             marker,
                             made ? "" : ", autoconf, automake, libtool"),
        .programs = made ? "make cc" : "make cc autoreconf",
        .tests = true,
    };
    add_command(plan,
                folder,
                layer,
                made ? "./configure && make -j2 && make check"
                     : "autoreconf -fi && ./configure && make -j2 && make check");
}

static bool add_make(struct init_plan *plan, const struct init_folder *folder)
{
    const char *marker = NULL;
    const char *text = read_makefile(plan, folder, &marker);
    if (text == NULL) {
        return false;
    }
    const char *target = test_target(text);
    const bool top = strcmp(folder->path, ".") == 0;
    const uint32_t others = INIT_NPM | INIT_GO | INIT_CARGO | INIT_PYTHON | INIT_PYTEST;
    if (target == NULL && !top) {
        return false; /* a part of something */
    }
    if ((folder->marks & others) != 0) {
        init_unknown(plan,
                     "%s: a makefile beside files of another tool is taken for its shortcuts; what "
                     "only `make` tests is not in this pipeline",
                     marker);
        return false;
    }
    const struct init_layer layer = {
        .id = target != NULL ? init_text(plan, "make-%s", target) : "build",
        .marker = marker,
        .tool = "make",
        .comment =
            target != NULL
                ? init_text(plan,
                            "%s: `make %s` builds and tests in one unit. Needs: make, a compiler.",
                            marker,
                            target)
                : init_text(plan, "%s: built by make. Needs: make, a compiler.", marker),
        .programs = "make cc",
        .tests = target != NULL,
    };
    if (target == NULL) {
        init_unknown(plan,
                     "tests: %s has no target check or test, so the build is all that is checked",
                     marker);
    }
    add_command(
        plan,
        folder,
        layer,
        init_text(plan, "make%s%s", target != NULL ? " " : "", target != NULL ? target : ""));
    return true;
}

bool init_detect_build(struct init_plan *plan, const struct init_folder *folder)
{
    static const char *const cmake_words[] = {
        "add_test", "gtest_discover_tests", "catch_discover_tests", "include(CTest", NULL};
    static const char *const meson_words[] = {"test(", NULL};
    const bool cmake = (folder->marks & INIT_CMAKE) != 0;
    const bool meson = (folder->marks & INIT_MESON) != 0;
    const char *by_cmake = cmake ? find_words(plan, folder, INIT_CMAKE, cmake_words) : NULL;
    const char *by_meson = meson ? find_words(plan, folder, INIT_MESON, meson_words) : NULL;
    if (cmake && (by_cmake != NULL || by_meson == NULL)) {
        add_cmake(plan, folder, by_cmake);
        return true;
    }
    if (meson) {
        add_meson(plan, folder, by_meson);
        return true;
    }
    if ((folder->marks & (INIT_CONFIGURE | INIT_AUTOCONF)) != 0) {
        add_autotools(plan, folder);
        return true;
    }
    return add_make(plan, folder);
}
