/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/select.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "plugins/mutation/mutation.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* What is answered to `units`, lines of JSON, with what changed as JSON or NULL. */
static void expect_order(const char *units,
                         const char *changed,
                         const char *diff,
                         const char *expected)
{
    struct err err = {0};
    CLEANUP(json_cleanup) json_t *files = NULL;
    CLEANUP(json_cleanup) json_t *lines = NULL;
    assert_true(changed == NULL || json_parse(changed, strlen(changed), &files, &err) == 0);
    assert_true(diff == NULL || json_parse(diff, strlen(diff), &lines, &err) == 0);
    struct sdk sdk = {.layer = "l",
                      .root = "/",
                      .changed = files,
                      .diff = lines,
                      .plugin = &mutation_plugin,
                      .out = STR_INIT(1u << 20),
                      .in = STR_INIT(1u << 20),
                      .out_fd = -1,
                      .in_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
    assert_int_equal(str_append(&sdk.in, units), 0);
    if (mutation_select(&sdk, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(str_text(&sdk.out), expected);
    json_decref(sdk.line);
    str_fini(&sdk.out);
    str_fini(&sdk.in);
    (void)close(sdk.in_fd);
}

static const char units[] =
    "{\"unit\":\"old.c\",\"file\":\"old.c\",\"cost_ms\":9,\"last\":\"passed\",\"last_ms\":5}\n"
    "{\"unit\":\"long.c\",\"file\":\"long.c\",\"cost_ms\":1,\"last\":\"passed\",\"last_ms\":50}\n"
    "{\"unit\":\"weak.c\",\"file\":\"weak.c\",\"last\":\"failed\",\"last_ms\":5}\n"
    "{\"unit\":\"new.c\",\"file\":\"new.c\",\"cost_ms\":5}\n"
    "{\"unit\":\"edited.c#2/2\",\"file\":\"edited.c\",\"last\":\"passed\",\"last_ms\":1}\n"
    "{\"unit\":\"build\",\"last\":\"passed\",\"last_ms\":5}\n";

TEST(changed_files_start_first_then_new_ones_then_those_with_survivors_then_the_longest)
{
    expect_order(units,
                 "[\"README\",\"edited.c\"]",
                 NULL,
                 "{\"unit\":\"build\"}\n{\"unit\":\"edited.c#2/2\"}\n{\"unit\":\"new.c\"}\n"
                 "{\"unit\":\"weak.c\"}\n{\"unit\":\"long.c\"}\n{\"unit\":\"old.c\"}\n");
}

TEST(files_of_the_diff_are_changed_where_lines_were_added)
{
    expect_order(units,
                 NULL,
                 "{\"base\":\"x\",\"files\":[{\"file\":\"old.c\",\"lines\":[[1,2]]},"
                 "{\"file\":\"weak.c\",\"lines\":[]}]}",
                 "{\"unit\":\"build\"}\n{\"unit\":\"old.c\"}\n{\"unit\":\"new.c\"}\n"
                 "{\"unit\":\"weak.c\"}\n{\"unit\":\"long.c\"}\n{\"unit\":\"edited.c#2/2\"}\n");
}
