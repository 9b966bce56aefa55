/* SPDX-License-Identifier: Apache-2.0 */
/* Every bad/NAME.yml is refused with exactly the text of bad/NAME.expect; every good/NAME.yml is
 * accepted. After a change of wording, write the expectations anew with SLUICE_TEST_UPDATE=1 and
 * read the difference. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static const char *const plugins[] = {"build", "command", "unit"};
static const struct config_options options = {.seed = 42, .plugins = plugins, .plugin_count = 3};

static int is_pipeline(const struct dirent *entry)
{
    return text_ends_with(entry->d_name, ".yml");
}

static void read_data(const char *folder, const char *name, struct str *out)
{
    char path[1024];
    struct err err;
    (void)snprintf(path, sizeof path, "%s/%s/%s", SLUICE_TEST_DATA, folder, name);
    if (file_read(path, out, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void each_file(const char *folder,
                      size_t at_least,
                      void (*check)(const char *name, const struct str *))
{
    char path[1024];
    struct dirent **entries = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", SLUICE_TEST_DATA, folder);
    int count = scandir(path, &entries, is_pipeline, alphasort);
    assert_true(count >= (int)at_least);
    for (int i = 0; i < count; i++) {
        CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX);
        read_data(folder, entries[i]->d_name, &text);
        check(entries[i]->d_name, &text);
        free(entries[i]);
    }
    free(entries);
}

static void expect_text(const char *name, const char *found)
{
    char expect[300];
    char path[1024];
    CLEANUP(str_fini) struct str expected = STR_INIT(64 << 10);
    CLEANUP(str_fini) struct str line = STR_INIT(64 << 10);
    (void)snprintf(expect, sizeof expect, "%.*s.expect", (int)strlen(name) - 4, name);
    (void)str_appendf(&line, "%s\n", found);
    if (getenv("SLUICE_TEST_UPDATE") != NULL) {
        struct err err;
        (void)snprintf(path, sizeof path, "%s/bad/%s", SLUICE_TEST_DATA, expect);
        assert_int_equal(file_write_atomic(path, line.data, line.len, &err), 0);
    }
    read_data("bad", expect, &expected);
    if (strcmp(str_text(&expected), str_text(&line)) != 0) {
        fail_msg("%s:\nexpected:\n%s\nfound:\n%s", name, str_text(&expected), str_text(&line));
    }
}

static void check_bad(const char *name, const struct str *text)
{
    struct config *config = NULL;
    struct err err = {0};
    int result = config_parse(name, str_text(text), text->len, &options, &config, &err);
    if (result != -EINVAL || config != NULL) {
        fail_msg("%s was accepted, or failed for another reason: %s", name, err.text);
    }
    expect_text(name, err.text);
}

static void check_good(const char *name, const struct str *text)
{
    struct config *config = NULL;
    struct err err = {0};
    if (config_parse(name, str_text(text), text->len, &options, &config, &err) != 0) {
        fail_msg("%s", err.text);
    }
    config_free(config);
}

TEST(every_bad_pipeline_is_refused_with_its_message)
{
    each_file("bad", 60, check_bad);
}

TEST(every_good_pipeline_is_accepted)
{
    each_file("good", 5, check_good);
}

/* Every file of both folders, with the first, the second, ... allocation failing, alone or with all
 * after it: never a crash, a leak or a half-built result, and as soon as memory suffices the usual
 * answer. */
static void check_failing(const char *name, const struct str *text, size_t (*set_fail)(size_t n))
{
    struct config *whole = NULL;
    struct err usual = {0};
    int result = config_parse(name, str_text(text), text->len, &options, &whole, &usual);
    config_free(whole);
    size_t n = 1;
    for (;; n++) {
        struct config *config = NULL;
        struct err err = {0};
        (void)set_fail(n);
        int now = config_parse(name, str_text(text), text->len, &options, &config, &err);
        size_t made = set_fail(0);
        assert_true((now == 0) == (config != NULL));
        config_free(config);
        if (made < n) {
            assert_int_equal(now, result);
            break;
        }
        assert_true(now != 0);
        assert_true(err.text[0] != '\0');
    }
    assert_true(n > 2);
}

static void check_short_of_memory(const char *name, const struct str *text)
{
    check_failing(name, text, mem_fail_from);
    check_failing(name, text, mem_fail_once);
}

TEST(short_memory_is_told_at_every_allocation)
{
    each_file("good", 5, check_short_of_memory);
    each_file("bad", 60, check_short_of_memory);
}
