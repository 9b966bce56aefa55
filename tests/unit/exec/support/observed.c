/* SPDX-License-Identifier: Apache-2.0 */
#include "observed.h"

#include "model/trace.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asker.h"
#include "support/test.h"

struct engine engine;
struct result result;

void open_tree(void)
{
    need_isolation();
    engine_open(&engine, true);
    put_file(engine.lower, "a.c", "int a;\n");
    put_file(engine.lower, "dir/b.c", "int b;\n");
    put_file(engine.lower, "dir/deep/c.c", "int c;\n");
    put_asker(engine.lower);
}

void put_link(const char *path, const char *target)
{
    char full[600];
    (void)snprintf(full, sizeof full, "%s/%s", engine.lower, path);
    assert_int_equal(symlink(target, full), 0);
}

void put_script(const char *path, const char *text)
{
    char full[600];
    put_file(engine.lower, path, text);
    (void)snprintf(full, sizeof full, "%s/%s", engine.lower, path);
    assert_int_equal(chmod(full, 0755), 0);
}

void observe(const char *script)
{
    engine_shell(&engine, script, observe_it, &result);
    if (!result.observed) {
        fail_msg("not observed: %s%s", result.message, result.err);
    }
}

void assert_passed(void)
{
    if (result.outcome.status != OUTCOME_PASSED) {
        fail_msg("%s: %s\n%s%s%s",
                 outcome_status_name(result.outcome.status),
                 result.message,
                 result.out,
                 result.err,
                 result.trace);
    }
}

void assert_unflagged(void)
{
    if (result.trace_flags != 0) {
        fail_msg("flags %x: %s", result.trace_flags, result.trace_why);
    }
}

/* The lines about the tree, without its root, "C " of the asking program, and the loader's look at
 * its folder. */
static void keep_tree(char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (char *line = result.trace + 1; *line != '\0'; line = strchr(line, '\n') + 1) {
        const size_t n = strcspn(line, "\n") + 1;
        if (strncmp(line + 2, "/src/", 5) == 0 && strncmp(line, "C /src/ask\n", 11) != 0) {
            assert_true(len + n < size);
            memcpy(out + len, line, 2);
            memcpy(out + len + 2, line + 7, n - 7);
            len += n - 5;
            out[len] = '\0';
        }
    }
}

void assert_asks(const char *script, const char *expected)
{
    static char asked[65536];
    observe(script);
    assert_passed();
    assert_unflagged();
    keep_tree(asked, sizeof asked);
    if (strcmp(asked, expected) != 0) {
        fail_msg("%s asks\n%sand not\n%s", script, asked, expected);
    }
}

bool trace_has(const char *line)
{
    char whole[600];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    return strstr(result.trace, whole) != NULL;
}

void assert_has(const char *line)
{
    if (!trace_has(line)) {
        fail_msg("no %s in %s", line, result.trace);
    }
}

void assert_lacks(const char *line)
{
    if (trace_has(line)) {
        fail_msg("%s in %s", line, result.trace);
    }
}

void assert_flag(unsigned flag, const char *words)
{
    if ((result.trace_flags & flag) == 0 || strstr(result.trace_why, words) == NULL) {
        fail_msg("flags %x: %s", result.trace_flags, result.trace_why);
    }
}
