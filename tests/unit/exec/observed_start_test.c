/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit's trace says of the ways in which programs start. */
#include "model/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/asker.h"
#include "support/observed.h"
#include "support/test.h"

/* ---- starting ---- */

TEST(the_interpreters_the_kernel_opens_are_asked)
{
    open_tree();
    put_script("third", "#!/bin/sh\ncat a.c\n");
    put_script("second", "#! ./third -x\n");
    put_link("bin", "dir");
    put_script("dir/first", "#!/src/second\n");
    assert_asks("bin/first", "C a.c\nL bin\nC dir/first\nC second\nC third\n");
    assert_has("C /usr/bin/dash");
    put_script("badscript", "#!/no/such/interpreter\n");
    assert_asks("! ./badscript 2>/dev/null", "C badscript\n");
    put_script("lost", "#!./none\n");
    assert_asks("! ./lost 2>/dev/null", "C lost\nX none\n");
    engine_close(&engine);
}

TEST(a_script_of_the_first_command_is_seen_before_there_is_a_process)
{
    open_tree();
    put_script("dir/run", "#!dir/../dir/interp\n");
    put_script("dir/interp", "#!/bin/sh\ncat a.c\n");
    const char *argv[] = {"dir/run", NULL};
    engine_run(&engine, argv, observe_it, &result);
    assert_passed();
    assert_unflagged();
    assert_has("C /src/dir/run");
    assert_has("C /src/dir/interp");
    assert_has("C /src/a.c");
    engine_close(&engine);
}

/* What the kernel opens for a program is read from the file by its name: where it has none, as with
 * memfd_create(2), the interpreter was in no trace, and its changes went unseen. */
TEST(a_program_without_a_name_is_incomplete)
{
    open_tree();
    put_script("s", "#!/src/ask passed\n");
    observe("./ask memfd-exec s plain");
    assert_flag(TRACE_INCOMPLETE, "no name");
    observe("./ask memfd-exec s with/slash");
    assert_flag(TRACE_INCOMPLETE, "no name");
    observe("cp s /tmp/s; exec 7</tmp/s; rm /tmp/s; /proc/self/fd/7");
    assert_flag(TRACE_INCOMPLETE, "no name");
    assert_asks("! ./nothing 2>/dev/null", "X nothing\n");
    assert_asks("! /proc/self/cwd/nothing 2>/dev/null", "X nothing\n"); /* through one, not it */
    engine_close(&engine);
}

TEST(programs_are_started_in_many_ways)
{
    open_tree();
    put_script("s", "#!/bin/sh\n");
    put_script("dir/s", "#!/bin/sh\n");
    assert_asks("./ask vfork ./s", "C s\n");
    assert_asks("./ask clone3 ./s", "C s\n");
    assert_asks("./ask fexecve s", "C s\n");
    assert_asks("./ask execveat dir s", "T dir\nC dir/s\n");
    assert_asks("PATH=/src/none:/src/dir:$PATH s", "C dir/s\nX none/s\n");
    engine_close(&engine);
}

static bool compile(const char *command)
{
    char line[2000];
    (void)snprintf(line, sizeof line, "cd '%s' && %s 2>/dev/null", engine.lower, command);
    return system(line) == 0; /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}

TEST(static_programs_and_libraries_of_the_tree_are_seen)
{
    open_tree();
    put_file(engine.lower,
             "main.c",
             "#include <fcntl.h>\nint main(void){return open(\"a.c\",O_RDONLY)<0;}\n");
    if (!compile("cc -static -o fixed main.c") || !compile("cc -shared -fPIC -o lib.so a.c")) {
        print_message("skipped: no compiler for static programs\n");
        engine_close(&engine);
        skip();
    }
    assert_asks("./fixed", "C a.c\nC fixed\n");
    assert_asks("./ask dlopen ./lib.so", "C lib.so\n");
    observe("LD_LIBRARY_PATH=/src/none:/src/dir /bin/true");
    assert_has("X /src/none/libc.so.6");
    assert_has("X /src/dir/libc.so.6");
    engine_close(&engine);
}

TEST(the_loader_a_program_names_is_asked)
{
    open_tree();
    put_file(engine.lower, "main.c", "int main(void){return 0;}\n");
    if (!compile("cc -Wl,--dynamic-linker=/src/dir/ld.so -o odd main.c")) {
        print_message("skipped: no compiler\n");
        engine_close(&engine);
        skip();
    }
    assert_asks("! ./odd 2>/dev/null", "X dir/ld.so\nC odd\n");
    engine_close(&engine);
}

TEST(threads_ask_at_once)
{
    open_tree();
    put_file(engine.lower, "probe/7/7", "");
    observe("./ask threads");
    assert_passed();
    assert_unflagged();
    for (int i = 0; i < 64; i++) {
        for (int j = 0; j < 20; j++) {
            char line[64];
            (void)snprintf(
                line, sizeof line, "%c /src/probe/%d/%d", i == 7 && j == 7 ? 'T' : 'X', i, j);
            assert_has(line);
        }
    }
    engine_close(&engine);
}

TEST(a_link_that_comes_and_goes_under_a_reader_is_followed)
{
    open_tree();
    put_file(engine.lower, "target/file", "x\n");
    observe("./ask flipping target");
    assert_passed();
    assert_unflagged();
    if (strcmp(result.out, "1\n") == 0) {
        assert_has("C /src/target/file");
    }
    engine_close(&engine);
}
