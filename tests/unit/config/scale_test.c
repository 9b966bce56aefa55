/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, and how long large pipelines take: what costs more than a few milliseconds. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "unit/config/support/parse.h"

TEST(a_file_beyond_the_limit_is_refused_before_it_is_parsed)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX + 64);
    struct config *config = NULL;
    struct err err;
    char path[512];
    (void)str_append(&text, "version: 1\nlayers: {a: {uses: unit}}\n#");
    while (text.len < CONFIG_BYTES_MAX) {
        (void)str_append_char(&text, 'x');
    }
    assert_int_equal(config_parse("t", text.data, text.len, &parse_options, &config, &err), 0);
    config_free(config);
    config = NULL;
    (void)str_append_char(&text, 'x');
    refuse(text.data, text.len, -EFBIG, "larger than 1024 KiB");
    (void)snprintf(path, sizeof path, "%s/big.yml", test_folder());
    assert_int_equal(file_write_atomic(path, text.data, text.len, &err), 0);
    assert_int_equal(config_load(path, &parse_options, &config, &err), -EFBIG);
    assert_non_null(strstr(err.text, "big.yml: the file is larger"));
}

TEST(more_layers_than_the_limit_are_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    (void)str_append(&text, "version: 1\nlayers:\n");
    for (int i = 0; i < 65; i++) {
        (void)str_appendf(&text,
                          "  l%d: {uses: unit, matrix: {a: [0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f], b: "
                          "[0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f]}}\n",
                          i);
    }
    refuse(text.data, text.len, -EINVAL, "more than 16384 layers");
}

/* `stages` stages and `variables` variables. */
static void write_many(struct str *text, int stages, int variables)
{
    (void)str_append(text, "version: 1\nstages: [s0");
    for (int i = 1; i < stages; i++) {
        (void)str_appendf(text, ", s%d", i);
    }
    (void)str_append(text, "]\nlayers:\n  a:\n    uses: unit\n    env: {V0: 1");
    for (int i = 1; i < variables; i++) {
        (void)str_appendf(text, ", V%d: 1", i);
    }
    (void)str_append(text, "}\n");
}

TEST(as_many_stages_and_variables_as_the_limits_say_are_accepted_and_no_more)
{
    static const struct {
        int stages;
        int variables;
        const char *complaint;
    } cases[] = {
        {257, 1,    "2:9: more than 256 stages"                  },
        {1,   1025, "6:10: more than 1024 variables in one layer"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
        write_many(&text, cases[i].stages, cases[i].variables);
        refuse(text.data, text.len, -EINVAL, cases[i].complaint);
    }
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    write_many(&text, 256, 1024);
    struct config *config = parse(str_text(&text));
    assert_int_equal(config_pipeline(config)->stages.count, 256);
    assert_int_equal(config_pipeline(config)->layers[0].env.count, 1024);
    config_free(config);
}

TEST(more_needs_than_the_limit_are_refused)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    (void)str_append(&text, "version: 1\nlayers:\n");
    for (int i = 0; i < 20; i++) {
        (void)str_appendf(&text,
                          "  l%d: {uses: unit, matrix: {a: [0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f], b: "
                          "[0,1,2,3,4,5,6,7,8,9,a,b,c,d,e,f]}, needs: [%s",
                          i,
                          i > 0 ? "l0" : "");
        for (int k = 1; k < i; k++) {
            (void)str_appendf(&text, ",l%d", k);
        }
        (void)str_append(&text, "]}\n");
    }
    refuse(text.data, text.len, -E2BIG, "too big");
}

/* 625 layers of eight lines; `needs` leads back by two, and the first needs `first`. */
static void write_long_pipeline(struct str *text, const char *first)
{
    (void)str_append(text, "version: 1\nstages: [fast, deep]\nlayers:\n");
    for (int i = 0; i < 625; i++) {
        (void)str_appendf(text,
                          "  layer%d:\n"
                          "    uses: command\n"
                          "    stage: %s\n"
                          "    env: {A: \"%d\", B: c, D: 1}\n"
                          "    timeout: 10m\n"
                          "    with: {run: \"make test-%d\", files: [a, b, c]}\n"
                          "    gate: {failed: {max: 0}}\n",
                          i,
                          i % 2 == 0 ? "fast" : "deep",
                          i,
                          i);
        if (i >= 2) {
            (void)str_appendf(text, "    needs: [layer%d]\n", i - 2);
        } else {
            (void)str_appendf(text, "    needs: [%s]\n", first);
        }
    }
}

TEST(five_thousand_lines_are_read_in_a_blink)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    write_long_pipeline(&text, "");
    int64_t start = clock_mono_ns();
    struct config *config = parse(str_text(&text));
    int64_t took_ms = (clock_mono_ns() - start) / 1000000;

    assert_int_equal(config_pipeline(config)->layer_count, 625);
    /* The promise is 100 ms for all of `lint` in a release build on a calm machine. This may be a
     * debug build with sanitizers on a busy one. */
    assert_true(took_ms < 1000);
    config_free(config);
}

TEST(a_circle_of_hundreds_of_layers_is_found)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    write_long_pipeline(&text, "layer600");
    refuse(text.data, text.len, -EINVAL, "circle: layer0 -> layer600 -> layer598 -> ");
}

/* Every expression is unknown; looking each up in the file once took half a minute. */
TEST(thousands_of_mistakes_are_told_quickly)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
    (void)str_append(&text, "version: 1\nlayers:\n");
    for (int i = 0; i < 8000; i++) {
        (void)str_appendf(&text,
                          "  l%d: {uses: z%d, needs: [q%d], nme: 1, stage: s%d, with: {a: \"${{ x "
                          "}}\"}}\n",
                          i,
                          i,
                          i,
                          i);
    }
    int64_t start = clock_mono_ns();
    refuse(text.data, text.len, -EINVAL, "more complaints)");
    assert_true(clock_mono_ns() - start < 10LL * 1000 * 1000 * 1000);
}
