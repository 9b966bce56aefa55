/* SPDX-License-Identifier: Apache-2.0 */
/* The language of build.ninja. The rules are ninja's own (its manual, and what it does where the
 * manual is silent); `ninja` itself is asked where it is installed. */
#include "plugins/build/ninja.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

/* Files of a manifest, by name; the last one is {NULL, NULL}. */
struct text_file {
    const char *name;
    const char *text;
};

static int read_text(void *context, const char *path, struct str *out, struct err *err)
{
    const struct text_file *file = context;
    while (file->name != NULL && strcmp(file->name, path) != 0) {
        file++;
    }
    return file->name != NULL ? str_append(out, file->text)
                              : err_set(err, -ENOENT, "%s: no such file", path);
}

static int load(const struct text_file *files, struct ninja **ret_ninja, struct err *err)
{
    const struct ninja_reader reader = {.read = read_text, .context = (void *)(uintptr_t)files};
    return ninja_read("build.ninja", &reader, ret_ninja, err);
}

static void ninja_cleanup(struct ninja **ninja)
{
    ninja_free(*ninja);
}

static struct ninja *must_load(const char *text)
{
    const struct text_file files[] = {
        {"build.ninja", text},
        {NULL,          NULL}
    };
    struct ninja *ninja = NULL;
    struct err err = {0};
    if (load(files, &ninja, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return ninja;
}

static void assert_refused(const char *text, const char *message)
{
    const struct text_file files[] = {
        {"build.ninja", text                                      },
        {"self",        "include self\n"                          },
        {"bad",         "rule r\n  command = x\nbuild a: nope b\n"},
        {NULL,          NULL                                      }
    };
    struct ninja *ninja = NULL;
    struct err err = {0};
    int rc = load(files, &ninja, &err);
    ninja_free(rc == 0 ? ninja : NULL);
    assert_true(rc < 0);
    assert_int_equal(err.code, rc);
    assert_string_equal(err.text, message);
}

static const char *value(const struct ninja *ninja, size_t edge, const char *name)
{
    static char text[2048];
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    if (ninja_value(ninja, ninja_edges(ninja)->items[edge], name, &out, &err) != 0) {
        fail_msg("%s", err.text);
    }
    (void)snprintf(text, sizeof text, "%s", str_text(&out));
    return text;
}

static const char *paths(const struct ninja_nodes *nodes, size_t from, size_t to)
{
    static char text[1024];
    text[0] = '\0';
    for (size_t i = from; i < to; i++) {
        size_t len = strlen(text);
        (void)snprintf(
            text + len, sizeof text - len, "%s%s", i > from ? "|" : "", nodes->items[i]->path);
    }
    return text;
}

#define RULE "rule cc\n  command = cc -c $in -o $out\n"

TEST(an_edge_has_its_command_and_its_files)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja =
        must_load(RULE "build a.o b.o | a.d: cc a.c x/../b.c | ./gen.h || order |@ check\n"
                       "build check order: phony\n");
    const struct ninja_edge *edge = ninja_edges(ninja)->items[0];
    assert_string_equal(value(ninja, 0, "command"), "cc -c a.c b.c -o a.o b.o");
    assert_string_equal(paths(&edge->outputs, 0, edge->outputs.count), "a.o|b.o|a.d");
    assert_int_equal(edge->explicit_outputs, 2);
    assert_string_equal(paths(&edge->inputs, 0, edge->explicit_inputs), "a.c|b.c");
    assert_string_equal(paths(&edge->inputs, edge->explicit_inputs, edge->all_inputs),
                        "gen.h|order");
    assert_string_equal(paths(&edge->inputs, edge->all_inputs, edge->inputs.count), "check");
    assert_int_equal(edge->line, 3);
    assert_null(ninja_edges(ninja)->items[1]->rule);
}

TEST(variables_are_found_from_the_edge_outwards)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja = must_load("flags = file\n"
                                    "extra = one\n"
                                    "rule cc\n"
                                    "  command = $description $flags ${extra}$none.\n"
                                    "  description = ${flags}-cc\n"
                                    "build a: cc\n"
                                    "extra = two\n"
                                    "build b: cc\n"
                                    "  flags = own $extra\n"
                                    "  extra = three $flags\n"
                                    "flags = later\n");
    /* What a file says last holds for all its edges; what an edge says is settled where it says it.
     */
    assert_string_equal(value(ninja, 0, "command"), "later-cc later two.");
    assert_string_equal(value(ninja, 1, "command"), "own two-cc own two three file.");
}

/* ninja's quirk: an edge without variables of its own asks its file before its rule. */
TEST(a_variable_of_the_file_hides_a_rule_s_for_an_edge_without_its_own)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja = must_load("description = file\n"
                                    "rule cc\n"
                                    "  command = $description\n"
                                    "  description = rule\n"
                                    "build a: cc\n"
                                    "build b: cc\n"
                                    "  x = 1\n");
    assert_string_equal(value(ninja, 0, "command"), "file");
    assert_string_equal(value(ninja, 1, "command"), "rule");
}

TEST(escapes_and_continued_lines)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja = must_load("x = a$\n"
                                    "      b$ c$$d$:e # no comment\r\n"
                                    "# a comment\n"
                                    "   # and another\n"
                                    "\n"
                                    "rule r\n"
                                    "  command = $x|$in|$out\n"
                                    "  # in between\n"
                                    "  rspfile = $out.rsp\n"
                                    "  rspfile_content = $in_newline\n"
                                    "build o$ 1 $\n"
                                    "    c$:2: r $\n"
                                    "    it's$ $$5 b\n");
    assert_string_equal(value(ninja, 0, "command"),
                        "ab c$d:e # no comment|'it'\\''s $5' b|'o 1' 'c:2'");
    assert_string_equal(value(ninja, 0, "rspfile"), "o 1 c:2.rsp");
    assert_string_equal(value(ninja, 0, "rspfile_content"), "'it'\\''s $5'\nb");
}

TEST(paths_of_an_edge_see_its_own_variables)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja = must_load("dir = file\n" RULE "build ${dir}/a.o: cc $dir/a.c\n"
                                    "  dir = own\n");
    assert_string_equal(value(ninja, 0, "command"), "cc -c own/a.c -o own/a.o");
}

TEST(files_are_included_in_the_same_scope_or_in_one_of_their_own)
{
    const struct text_file files[] = {
        {"build.ninja",
         "x = main\n" RULE
         "include a.ninja\nbuild 1: show\nsubninja sub/$x.ninja\nbuild 2: show\n"                },
        {"a.ninja",        "rule show\n  command = $x $y\ny = included\n"                        },
        {"sub/main.ninja",
         "x = sub\nbuild 3: show\nrule show\n  command = other $x $y\nbuild 4: show\ny = sub-y\n"},
        {NULL,             NULL                                                                  }
    };
    CLEANUP(ninja_cleanup) struct ninja *ninja = NULL;
    struct err err = {0};
    assert_int_equal(load(files, &ninja, &err), 0);
    assert_int_equal(ninja_edges(ninja)->count, 4);
    assert_string_equal(value(ninja, 0, "command"), "main included");
    assert_string_equal(value(ninja, 1, "command"), "sub sub-y");
    assert_string_equal(value(ninja, 2, "command"), "other sub sub-y");
    assert_string_equal(value(ninja, 3, "command"), "main included");
    assert_string_equal(ninja_edges(ninja)->items[1]->file, "sub/main.ninja");
}

TEST(pools_and_generators_are_known)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja = must_load("pool link\n  depth = 2\n"
                                    "rule ld\n  command = ld\n  pool = link\n"
                                    "rule again\n  command = cmake\n  generator = 1\n"
                                    "build a: ld\n"
                                    "build b: ld\n  pool = console\n"
                                    "build c: ld\n  pool =\n"
                                    "build build.ninja: again\n");
    const struct ninja_edges *edges = ninja_edges(ninja);
    assert_string_equal(edges->items[0]->pool->name, "link");
    assert_int_equal(edges->items[0]->pool->depth, 2);
    assert_string_equal(edges->items[1]->pool->name, "console");
    assert_null(edges->items[2]->pool);
    assert_false(edges->items[2]->generator);
    assert_true(edges->items[3]->generator);
}

TEST(an_output_named_twice_in_one_statement_counts_once)
{
    CLEANUP(ninja_cleanup) struct ninja *ninja = must_load(RULE "build a ./a b | b c: cc x\n");
    const struct ninja_edge *edge = ninja_edges(ninja)->items[0];
    assert_string_equal(paths(&edge->outputs, 0, edge->outputs.count), "a|b|c");
    assert_int_equal(edge->explicit_outputs, 2);
}

TEST(what_is_no_manifest_is_refused_with_its_place)
{
    assert_refused("build a: cc\n", "build.ninja:1: there is no rule \"cc\"");
    assert_refused("\n\n  x = 1\n", "build.ninja:3: an indented line that belongs to no statement");
    assert_refused("rule cc\n  command = $x\n\tdepfile = y\n",
                   "build.ninja:3: tabs are not allowed, use blanks");
    assert_refused("rule cc\n  depfile = x\n", "build.ninja:1: the rule \"cc\" has no command");
    assert_refused("rule cc\n  command = x\n  comand = y\n",
                   "build.ninja:3: a rule has no variable \"comand\"");
    assert_refused("rule cc\n  command = x\n  rspfile = y\n",
                   "build.ninja:1: the rule \"cc\" has only one of rspfile and rspfile_content");
    assert_refused(RULE RULE, "build.ninja:3: the rule \"cc\" is there already");
    assert_refused(RULE "build a: cc\nbuild b a: cc\n",
                   "build.ninja:4: a is made here and by the statement at build.ninja:3");
    assert_refused(RULE "build : cc\n", "build.ninja:3: a build statement without outputs");
    assert_refused(RULE "build a cc\n", "build.ninja:3: a ':' was expected after the outputs");
    assert_refused(RULE "build a: cc b : c\n",
                   "build.ninja:3: the end of the line was expected, not \":\"");
    assert_refused(RULE "build $none: cc\n", "build.ninja:3: a path is empty");
    assert_refused(RULE "build a: cc\n  pool = p\n", "build.ninja:3: there is no pool \"p\"");
    assert_refused("pool p\n  depth = -1\n",
                   "build.ninja:2: the depth of a pool must be a number, not \"-1\"");
    assert_refused("pool p\n", "build.ninja:1: the pool \"p\" has no depth");
    assert_refused("pool p\n  deep = 1\n", "build.ninja:2: a pool has no variable \"deep\"");
    assert_refused("x = $\n  $(y)\n",
                   "build.ninja:1: bad $-escape: a $ that stands for itself is written $$");
    assert_refused("x = ${y\n",
                   "build.ninja:1: bad $-escape: a $ that stands for itself is written $$");
    assert_refused("x = $", "build.ninja:1: the file ends after a $");
    assert_refused("x y\n", "build.ninja:1: a '=' was expected after \"x\"");
    assert_refused("= y\n",
                   "build.ninja:1: a statement was expected (build, rule, pool, default, ...)");
    assert_refused("default a\n", "build.ninja:1: default: there is no target \"a\"");
    assert_refused("default\n", "build.ninja:1: a default statement without targets");
    assert_refused("include none\n", "build.ninja:2: none: no such file");
    assert_refused("include $none\n", "build.ninja:1: a path was expected");
    assert_refused("\ninclude bad\n", "bad:3: there is no rule \"nope\"");
    assert_refused("include self\n",
                   "self:2: self: files include each other more than 64 levels deep");
}

TEST(variables_that_name_each_other_are_refused)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    CLEANUP(ninja_cleanup)
    struct ninja *ninja = must_load("rule r\n  command = a $description\n"
                                    "  description = b $command\n"
                                    "build x: r\n");
    assert_int_equal(ninja_value(ninja, ninja_edges(ninja)->items[0], "command", &out, &err),
                     -EINVAL);
    assert_string_equal(err.text,
                        "build.ninja:4: command of x: variables of the rule name each other in a "
                        "circle");
}

/* Empty replacements grow by themselves: eight variables that each name the next one eight times
 * are 16 million. */
TEST(variables_that_multiply_are_refused)
{
    static const char *const names[] = {"command",
                                        "description",
                                        "depfile",
                                        "deps",
                                        "msvc_deps_prefix",
                                        "restat",
                                        "rspfile",
                                        "rspfile_content"};
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    CLEANUP(str_fini) struct str out = STR_INIT(1u << 20);
    struct err err = {0};
    (void)str_append(&text, "rule r\n");
    for (size_t i = 0; i < 8; i++) {
        (void)str_appendf(&text, "  %s =", names[i]);
        for (int n = 0; n < 8; n++) {
            (void)str_appendf(&text, "$%s", i < 7 ? names[i + 1] : "none");
        }
        (void)str_append(&text, "\n");
    }
    (void)str_append(&text, "build x: r\n");
    CLEANUP(ninja_cleanup) struct ninja *ninja = must_load(str_text(&text));
    assert_int_equal(ninja_value(ninja, ninja_edges(ninja)->items[0], "command", &out, &err),
                     -E2BIG);
}

/* ---- which edges ---- */

static const char *needed(struct ninja *ninja, const char *const *targets)
{
    static char text[4096];
    struct ninja_edges edges = {0};
    struct err err = {0};
    text[0] = '\0';
    if (ninja_needed(ninja, targets, &edges, &err) != 0) {
        (void)snprintf(text, sizeof text, "%s", err.text);
    }
    for (size_t i = 0; i < edges.count; i++) {
        const struct ninja_edge *edge = edges.items[i];
        size_t len = strlen(text);
        (void)snprintf(
            text + len, sizeof text - len, "%s%s<", i > 0 ? " " : "", edge->outputs.items[0]->path);
        for (size_t n = 0; n < edge->need_count; n++) {
            len = strlen(text);
            (void)snprintf(text + len,
                           sizeof text - len,
                           "%s%s",
                           n > 0 ? "," : "",
                           edge->needs[n]->outputs.items[0]->path);
        }
    }
    vec_fini(&edges);
    return text;
}

#define GRAPH                                                                               \
    "rule r\n  command = x\nrule again\n  command = x\n  generator = 1\n"                   \
    "build gen.h gen.c: r gen.in\nbuild headers: phony gen.h | other.h\nbuild other.h: r\n" \
    "build all-headers: phony headers headers\n"                                            \
    "build a.o: r a.c || all-headers\nbuild gen.o: r gen.c\n"                               \
    "build app: r a.o gen.o |@ app.checked\nbuild app.checked: r app\n"                     \
    "build unused: r\nbuild build.ninja: again CMakeLists.txt gen.h\nbuild late: r build.ninja\n"

TEST(targets_take_what_they_need_and_phony_edges_dissolve)
{
    static const char *const app[] = {"./app", NULL};
    static const char *const headers[] = {"all-headers", NULL};
    static const char *const late[] = {"late", NULL};
    CLEANUP(ninja_cleanup) struct ninja *ninja = must_load(GRAPH);
    assert_string_equal(needed(ninja, app),
                        "gen.h< other.h< a.o<gen.h,other.h gen.o<gen.h app<a.o,gen.o "
                        "app.checked<app");
    assert_string_equal(needed(ninja, headers), "gen.h< other.h<");
    assert_string_equal(needed(ninja, late), "late<"); /* the manifest is as it is */
}

TEST(without_targets_the_defaults_are_built_or_all)
{
    CLEANUP(ninja_cleanup) struct ninja *all = must_load(GRAPH);
    assert_string_equal(needed(all, NULL),
                        "gen.h< other.h< a.o<gen.h,other.h gen.o<gen.h app<a.o,gen.o "
                        "app.checked<app unused< late<");
    CLEANUP(ninja_cleanup) struct ninja *some = must_load(GRAPH "default unused headers\n");
    assert_string_equal(needed(some, NULL), "unused< gen.h< other.h<");
}

TEST(targets_that_are_not_there_are_told)
{
    static const char *const wrong[] = {"apq", NULL};
    static const char *const source[] = {"a.c", NULL};
    CLEANUP(ninja_cleanup) struct ninja *ninja = must_load(GRAPH);
    assert_string_equal(needed(ninja, wrong), "there is no target \"apq\"; did you mean \"app\"?");
    assert_string_equal(needed(ninja, source),
                        "the target \"a.c\" is a source file: nothing makes it");
}

TEST(files_that_need_each_other_in_a_circle_are_named)
{
    static const char *const target[] = {"top", NULL};
    CLEANUP(ninja_cleanup)
    struct ninja *ninja =
        must_load("rule r\n  command = x\nbuild top: r a\nbuild a: r b\nbuild b: phony a\n");
    assert_string_equal(needed(ninja, target),
                        "build.ninja:4: files need each other in a circle: a needs b needs a");
}

TEST(a_phony_edge_that_names_itself_is_forgiven)
{
    CLEANUP(ninja_cleanup)
    struct ninja *ninja =
        must_load("rule r\n  command = x\nbuild a: phony a b\nbuild b: r\nbuild c: r a\n");
    assert_string_equal(needed(ninja, NULL), "b< c<b");
}

TEST(a_deep_chain_is_no_deep_recursion)
{
    CLEANUP(str_fini) struct str text = STR_INIT(64u << 20);
    (void)str_append(&text, "rule r\n  command = x\nbuild n0: r\n");
    for (int i = 1; i < 200000; i++) {
        (void)str_appendf(&text, "build n%d: r n%d\n", i, i - 1);
    }
    CLEANUP(ninja_cleanup) struct ninja *ninja = must_load(str_text(&text));
    struct ninja_edges edges = {0};
    struct err err = {0};
    assert_int_equal(ninja_needed(ninja, NULL, &edges, &err), 0);
    assert_int_equal(edges.count, 200000);
    assert_int_equal(edges.items[199999]->need_count, 1);
    vec_fini(&edges);
}

TEST(running_out_of_memory_while_reading_is_an_error)
{
    const struct text_file files[] = {
        {"build.ninja", GRAPH "pool p\n  depth = 1\nbuild z: r\n  pool = p\ndefault z app\n"},
        {NULL,          NULL                                                                }
    };
    for (size_t n = 1;; n++) {
        struct ninja *ninja = NULL;
        struct ninja_edges edges = {0};
        struct err err = {0};
        mem_fail_from(n);
        int rc = load(files, &ninja, &err);
        if (rc == 0) {
            rc = ninja_needed(ninja, NULL, &edges, &err);
        }
        mem_fail_from(0);
        vec_fini(&edges);
        ninja_free(ninja);
        if (rc == 0) {
            assert_true(n > 10);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
    }
}
