/* SPDX-License-Identifier: Apache-2.0 */
/* Aliases: which one was meant, what may be merged, how deep they may lead. */
#include "base/cleanup.h"
#include "base/str.h"
#include "config/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/config/support/parse.h"

/* Layers with these anchors, then an alias that none of them is. */
static void expect_meant(const char *const *anchors, const char *alias, const char *words)
{
    CLEANUP(str_fini) struct str text = STR_INIT(10000);
    char expected[200];
    (void)str_append(&text, "version: 1\nlayers:\n");
    for (size_t i = 0; anchors[i] != NULL; i++) {
        (void)str_appendf(&text, "  l%zu: &%s {uses: unit}\n", i, anchors[i]);
    }
    (void)str_appendf(&text, "  last: *%s\n", alias);
    (void)snprintf(expected, sizeof expected, "unknown alias `*%s`: %s", alias, words);
    refuse(text.data, text.len, -EINVAL, expected);
}

TEST(the_nearest_anchor_is_meant_whatever_the_order)
{
    static const char *const one_way[] = {"build", "base", "bases", "other", "unrelated", NULL};
    static const char *const other_way[] = {"unrelated", "other", "bases", "base", "build", NULL};
    static const char *const tie[] = {"basd", "basb", "basc", "zzzz", NULL};
    static const char *const tie_back[] = {"zzzz", "basc", "basb", "basd", NULL};
    static const char *const far[] = {"unrelated", "something", NULL};
    static const char *const none[] = {NULL};
    expect_meant(one_way, "bsae", "did you mean `*base`?");
    expect_meant(other_way, "bsae", "did you mean `*base`?");
    expect_meant(one_way, "basess", "did you mean `*bases`?");
    expect_meant(other_way, "basess", "did you mean `*bases`?");
    expect_meant(tie, "basx", "did you mean `*basb`?");
    expect_meant(tie_back, "basx", "did you mean `*basb`?");
    expect_meant(far, "base", "write `&base` before the value it stands for, above this line");
    expect_meant(none, "base", "write `&base` before the value it stands for, above this line");
}

TEST(only_mappings_and_lists_of_them_are_merged)
{
    static const char *const bad[] = {"text", "[*a, text]", "[text, *a]", "[*a, [*a]]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[200];
        (void)snprintf(text,
                       sizeof text,
                       "version: 1\nlayers:\n  x: &a {uses: unit}\n  b: {<<: %s}\n",
                       bad[i]);
        refuse(text, strlen(text), -EINVAL, "test.yml:4:7: `<<` must be followed by an alias");
    }
    static const char *const good[] = {"*a", "[*a]", "[*a, *c]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[200];
        (void)snprintf(text,
                       sizeof text,
                       "version: 1\nlayers:\n  x: &a {uses: unit}\n  y: &c {uses: command, with: "
                       "{run: x}}\n  b: {<<: %s}\n",
                       good[i]);
        struct config *config = parse(text);
        const struct pipeline *pipeline = config_pipeline(config);
        assert_int_equal(pipeline->layer_count, 3);
        assert_string_equal(pipeline->layers[2].uses, "unit"); /* the first one wins */
        config_free(config);
    }
}

/* `with` of a layer stands three deep: what is in it may have the rest. */
static void write_deep(struct str *text, int own, int by_alias)
{
    (void)str_append(text, "version: 1\nlayers: {a: {uses: unit, with: {x: &x ");
    for (int i = 0; i < by_alias; i++) {
        (void)str_append_char(text, '[');
    }
    for (int i = 0; i < by_alias; i++) {
        (void)str_append_char(text, ']');
    }
    (void)str_append(text, ", y: ");
    for (int i = 0; i < own; i++) {
        (void)str_append_char(text, '[');
    }
    (void)str_append(text, "*x");
    for (int i = 0; i < own; i++) {
        (void)str_append_char(text, ']');
    }
    (void)str_append(text, "}}}\n");
}

TEST(what_an_alias_stands_for_counts_as_if_it_were_written)
{
    for (int by_alias = 1; by_alias <= 20; by_alias += 19) {
        for (int own = 0; own <= 30; own++) {
            CLEANUP(str_fini) struct str text = STR_INIT(10000);
            const int depth = 4 + own + by_alias;
            write_deep(&text, own, by_alias);
            if (depth > NODE_DEPTH_MAX) {
                refuse(text.data, text.len, -EINVAL, "32");
            } else {
                config_free(parse(str_text(&text)));
            }
        }
    }
}
