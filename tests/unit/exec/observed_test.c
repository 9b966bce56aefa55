/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit's trace says of the ways in which programs ask. Only what lies in the tree is
 * compared in full: the rest is the machine's (loader, libraries). */
#include "model/trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/asker.h"
#include "support/engine.h"
#include "support/test.h"

static struct engine engine;
static struct result result;

/* A tree: a.c, dir/{b.c,deep/c.c}, links, a script. */
static void open_tree(void)
{
    need_isolation();
    engine_open(&engine, true);
    put_file(engine.lower, "a.c", "int a;\n");
    put_file(engine.lower, "dir/b.c", "int b;\n");
    put_file(engine.lower, "dir/deep/c.c", "int c;\n");
    put_asker(engine.lower);
}

static void put_link(const char *path, const char *target)
{
    char full[600];
    (void)snprintf(full, sizeof full, "%s/%s", engine.lower, path);
    assert_int_equal(symlink(target, full), 0);
}

static void put_script(const char *path, const char *text)
{
    char full[600];
    put_file(engine.lower, path, text);
    (void)snprintf(full, sizeof full, "%s/%s", engine.lower, path);
    assert_int_equal(chmod(full, 0755), 0);
}

static void observe(const char *script)
{
    engine_shell(&engine, script, observe_it, &result);
    if (!result.observed) {
        fail_msg("not observed: %s%s", result.message, result.err);
    }
}

static void assert_passed(void)
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

static void assert_unflagged(void)
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

/* Runs a script that must pass and be complete, and compares what it asked of the tree: lines "C
 * a.c". */
static void assert_asks(const char *script, const char *expected)
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

static bool has(const char *line)
{
    char whole[600];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    return strstr(result.trace, whole) != NULL;
}

static void assert_has(const char *line)
{
    if (!has(line)) {
        fail_msg("no %s in %s", line, result.trace);
    }
}

static void assert_lacks(const char *line)
{
    if (has(line)) {
        fail_msg("%s in %s", line, result.trace);
    }
}

static void assert_flag(unsigned flag, const char *words)
{
    if ((result.trace_flags & flag) == 0 || strstr(result.trace_why, words) == NULL) {
        fail_msg("flags %x: %s", result.trace_flags, result.trace_why);
    }
}

/* ---- reading ---- */

TEST(a_program_and_what_it_reads_are_the_trace)
{
    open_tree();
    const char *argv[] = {"cat", "a.c", NULL};
    engine_run(&engine, argv, observe_it, &result);
    assert_passed();
    assert_unflagged();
    assert_string_equal(result.out, "int a;\n");
    assert_has("T /src");
    assert_has("C /src/a.c");
    assert_has("C /usr/bin/cat");
    assert_has("X /usr/local/bin/cat"); /* PATH is searched before there is a process to ask */
    assert_has("C /etc/ld.so.cache");
    assert_has("X /etc/ld.so.preload");
#ifdef __x86_64__
    assert_has("L /lib64"); /* the loader is opened by the kernel, over links */
#endif
    assert_true(result.trace_calls > 4 && result.trace_calls < 40);
    engine_close(&engine);
}

TEST(a_unit_that_nobody_wants_observed_has_no_trace)
{
    open_tree();
    engine_shell(&engine, "cat a.c", NULL, &result);
    assert_passed();
    assert_false(result.observed);
    engine_close(&engine);
}

TEST(several_units_of_a_slot_have_a_trace_each)
{
    open_tree();
    assert_asks("cat a.c", "C a.c\n");
    assert_asks("cat dir/b.c", "C dir/b.c\n");
    engine_shell(&engine, "cat a.c", NULL, &result);
    assert_false(result.observed);
    assert_asks("cat dir/deep/c.c", "C dir/deep/c.c\n");
    engine_close(&engine);
}

TEST(what_is_absent_is_asked_by_its_whole_path)
{
    open_tree();
    assert_asks("test ! -e none.c", "X none.c\n");
    assert_asks("test ! -e no/such/file.c", "X no/such/file.c\n");
    assert_asks("test ! -e a.c/below", "X a.c/below\n");
    assert_asks("! cat no/../a.c 2>/dev/null", "X no\n");
    assert_asks("test ! -e dir/none/", "X dir/none\n");
    engine_close(&engine);
}

TEST(looking_at_a_file_is_less_than_reading_it)
{
    open_tree();
    assert_asks("test -x a.c || test -f a.c", "T a.c\n");
    assert_asks("test -d dir", "T dir\n");
    assert_asks("./ask o-path a.c", "T a.c\n");
    assert_asks("./ask inotify dir", "T dir\n");
    assert_asks("stat -f a.c >/dev/null", "X a.c\n");
    assert_asks("cat a.c; test -f a.c", "C a.c\n");
    engine_close(&engine);
}

TEST(a_folder_is_listed_or_only_walked_through)
{
    open_tree();
    assert_asks("ls dir >/dev/null", "D dir\n");
    assert_asks("./ask open-folder dir", "T dir\n");
    assert_asks("cat dir/b.c", "C dir/b.c\n");
    observe("ls >/dev/null");
    assert_has("D /src");
    assert_asks("find dir -name x", "D dir\nD dir/deep\n");
    engine_close(&engine);
}

TEST(each_link_on_the_way_is_asked)
{
    open_tree();
    put_link("one", "two");
    put_link("two", "dir");
    put_link("dir/up", "../a.c");
    put_link("absolute", "/src/dir/deep");
    put_link("broken", "nowhere/x");
    put_link("loop", "loop");
    assert_asks("cat one/b.c", "C dir/b.c\nL one\nL two\n");
    assert_asks("cat dir/up", "C a.c\nT dir\nL dir/up\n");
    assert_asks("cat absolute/c.c", "L absolute\nC dir/deep/c.c\n");
    assert_asks("! cat broken 2>/dev/null", "L broken\nX nowhere/x\n");
    assert_asks("! cat loop 2>/dev/null", "L loop\n");
    assert_asks("readlink one >/dev/null", "L one\n");
    assert_asks("test -L one", "T one\n");
    assert_asks("test -d one/", "T dir\nL one\nL two\n");
    assert_asks("./ask nofollow one", "T one\n");
    engine_close(&engine);
}

TEST(a_component_left_upwards_must_be_a_folder)
{
    open_tree();
    put_link("l", "dir/deep");
    assert_asks("cat dir/../a.c", "C a.c\nT dir\n");
    assert_asks("cat l/../b.c", "C dir/b.c\nT dir/deep\nL l\n");
    assert_asks("cat ../../src/./a.c", "C a.c\n");
    engine_close(&engine);
}

TEST(relative_paths_begin_where_the_process_is)
{
    open_tree();
    assert_asks("cd dir && cat b.c", "T dir\nC dir/b.c\n");
    assert_asks("cd dir/deep && cat ../b.c", "C dir/b.c\nT dir/deep\n");
    assert_asks("./ask dirfd dir deep/c.c", "T dir\nC dir/deep/c.c\n");
    assert_asks("./ask fchdir dir b.c", "T dir\nC dir/b.c\n");
    assert_asks("./ask passed dir b.c", "T dir\nC dir/b.c\n");
    assert_asks("./ask openat2 dir/b.c", "C dir/b.c\n");
    engine_close(&engine);
}

static void in_dir(struct exec_request *request)
{
    request->observe = true;
    request->cwd = "l";
}

TEST(the_folder_a_unit_starts_in_is_asked)
{
    open_tree();
    put_link("l", "dir");
    engine_shell(&engine, "cat b.c", in_dir, &result);
    assert_passed();
    assert_unflagged();
    assert_has("L /src/l");
    assert_has("T /src/dir");
    assert_has("C /src/dir/b.c");
    engine_close(&engine);
}

TEST(a_root_of_its_own_for_one_path_is_kept)
{
    open_tree();
    put_link("dir/abs", "/deep/c.c");
    put_link("dir/out", "../../../b.c");
    assert_asks("./ask in-root dir /b.c", "T dir\nC dir/b.c\n");
    assert_asks("./ask in-root dir abs", "T dir\nL dir/abs\nC dir/deep/c.c\n");
    assert_asks("./ask in-root dir out", "T dir\nC dir/b.c\nL dir/out\n");
    engine_close(&engine);
}

TEST(an_open_file_can_be_opened_again_through_proc)
{
    open_tree();
    assert_asks("./ask reopen a.c", "C a.c\n");
    assert_asks("cat /proc/self/cwd/a.c", "C a.c\n");
    assert_asks("cat /proc/self/root/src/a.c", "C a.c\n");
    assert_asks("cat /proc/thread-self/cwd/dir/../a.c", "C a.c\nT dir\n");
    assert_asks("cat /proc/$$/cwd/a.c", "C a.c\n");
    assert_asks("cat /proc/../src/a.c", "C a.c\n");
    assert_asks("cat /dev/stdin <a.c", "C a.c\n");
    assert_asks("cat /dev/fd/3 3<dir/b.c", "C dir/b.c\n");
    assert_asks("readlink /proc/self/exe /proc/self/cwd >/dev/null", "");
    engine_close(&engine);
}

/* Tasks have other numbers in the unit than for its observer: nothing was found, and nothing asked.
 */
TEST(a_file_is_seen_through_the_folder_of_a_task)
{
    open_tree();
    assert_asks("./ask own-task cwd/a.c", "C a.c\n");
    assert_asks("./ask own-task root/src/dir/b.c", "C dir/b.c\n");
    assert_asks("exec 7<a.c; ./ask own-task fd/7", "C a.c\n");
    engine_close(&engine);
}

TEST(a_quota_asks_whether_its_device_is_there)
{
    open_tree();
    assert_asks("./ask quota a.c", "T a.c\n");
    engine_close(&engine);
}

TEST(other_ways_to_open_are_seen)
{
    open_tree();
    assert_asks("./ask mmap a.c", "C a.c\n");
    engine_close(&engine);
}

TEST(a_path_beside_the_flag_for_none_is_asked)
{
    open_tree();
    /* AT_EMPTY_PATH with a path is an ordinary question: the kernel must not pass it by its flag.
     */
    assert_asks("./ask fd-stat dir none.c || :", "T dir\nX dir/none.c\n");
    assert_asks("./ask fd-stat dir b.c", "T dir\nT dir/b.c\n");
    engine_close(&engine);
}

/* ---- writing ---- */

TEST(what_a_unit_made_itself_says_only_that_it_was_not_there)
{
    open_tree();
    assert_asks("echo x >new; cat new; test -f new", "X new\n");
    assert_asks(
        "mkdir out; echo x >out/f; cat out/f out/f; mkdir out/d; ls out >/dev/null; test -e out/g || :",
        "X out\n");
    assert_asks("mkdir -p p/q/r && ln -s q p/l && echo x >p/l/r/f && cat p/q/r/f", "X p\n");
    assert_asks("echo x >dir/new; cat dir/new", "T dir\nX dir/new\n");
    assert_asks("./ask exclusive once", "X once\n");
    assert_asks("./ask tmpfile dir", "T dir\n");
    engine_close(&engine);
}

TEST(a_file_of_the_tree_that_is_changed_is_still_asked_for)
{
    open_tree();
    assert_asks("echo x >a.c", "T a.c\n");
    assert_asks("echo x >>a.c", "C a.c\n");
    assert_asks("chmod 600 a.c", "C a.c\n");
    assert_asks("touch a.c", "C a.c\n");
    assert_asks("truncate -s 3 a.c", "C a.c\n");
    assert_asks("rm a.c", "T a.c\n");
    assert_asks("rm a.c; echo x >a.c; cat a.c", "C a.c\n");
    assert_asks("! rmdir dir 2>/dev/null", "D dir\n");
    engine_close(&engine);
}

TEST(what_is_moved_or_linked_is_asked_whole)
{
    open_tree();
    assert_asks("mv a.c z.c && cat z.c", "C a.c\nX z.c\n");
    assert_asks("ln a.c hard && cat hard", "C a.c\nX hard\n");
    assert_asks("mkdir n; mv n m; echo x >m/f; cat m/f", "X m\nX n\n");
    observe("mv dir moved && cat moved/b.c");
    assert_passed();
    assert_unflagged();
    assert_has("R /src/dir");
    assert_lacks("C /src/dir/b.c"); /* answered by R */
    engine_close(&engine);
}

TEST(a_link_of_its_own_leads_where_it_leads)
{
    open_tree();
    assert_asks("ln -s dir own && cat own/b.c", "C dir/b.c\nX own\n");
    assert_asks("ln -s a.c own && cat own && rm own && ln -s dir/b.c own && cat own",
                "C a.c\nC dir/b.c\nX own\n");
    assert_asks("ln -s /src/dir /tmp/l && cat /tmp/l/b.c", "C dir/b.c\n");
    assert_asks("ln -s a.c n && mv n m && cat m", "C a.c\nX m\nX n\n");
    assert_asks("mkdir d && ln -s ../dir d/l && mv d e && cat e/l/b.c", "X d\nC dir/b.c\nX e\n");
    assert_asks("test ! -e d/l/b.c; mkdir d; ln -s ../dir d/l; cat d/l/b.c",
                "X d\nX d/l/b.c\nC dir/b.c\n");
    engine_close(&engine);
}

TEST(a_link_of_the_tree_that_is_replaced_is_walked_anew)
{
    open_tree();
    put_link("l", "dir");
    assert_asks("cat l/b.c; rm l; mkdir l; ln -s ../a.c l/x; cat l/x",
                "C a.c\nC dir/b.c\nL l\nT l\nL l/x\nX l/x\n");
    assert_asks("cat l/b.c; rm l; ln -s dir/deep l; cat l/c.c",
                "C dir/b.c\nC dir/deep/c.c\nL l\nT l\n");
    engine_close(&engine);
}

TEST(private_folders_say_nothing)
{
    open_tree();
    assert_asks(
        "cd /tmp && echo x >f && cat f && ls -a >/dev/null && test ! -e g && ls /run /dev /home/sluice /",
        "");
    for (const char *line = result.trace; *line != '\0'; line++) {
        assert_true(strncmp(line, " /tmp", 5) != 0 && strncmp(line, " /dev", 5) != 0);
    }
    engine_close(&engine);
}

/* Machines differ in what they have of /lib32 and /opt, and in whether /lib is a link. */
TEST(a_listing_of_the_root_asks_for_the_folders_of_the_machine)
{
    open_tree();
    observe("echo /l*");
    assert_has("X /libx32");
    assert_has("X /opt");
    observe("cd /; cat /src/a.c");
    assert_false(has("X /opt"));
    engine_close(&engine);
}

TEST(what_no_world_has_says_nothing)
{
    open_tree();
    assert_asks("test ! -e /root/.profile; test ! -e /nix/store; test ! -e /sys/devices", "");
    assert_null(strstr(result.trace, "/root"));
    assert_null(strstr(result.trace, "/nix"));
    engine_close(&engine);
}

static char products[300];

static void with_products(struct exec_request *request)
{
    static const char *items[2];
    request->observe = true;
    items[0] = products;
    request->products = (struct text_list){items, 1};
}

TEST(products_are_inputs_like_any_other)
{
    open_tree();
    char folder[500];
    (void)snprintf(products, sizeof products, "products/p");
    (void)snprintf(folder, sizeof folder, "%s/products/p", engine.run_dir);
    put_file(folder, "made", "x\n");
    engine_shell(&engine, "cat made a.c; test ! -e other", with_products, &result);
    assert_passed();
    assert_has("C /src/made");
    assert_has("C /src/a.c");
    assert_has("X /src/other");
    engine_close(&engine);
}

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

/* ---- the host ---- */

TEST(facts_of_the_host_are_named)
{
    open_tree();
    observe("uname -r >/dev/null");
    assert_has("H uname");
    observe("nproc >/dev/null");
    assert_has("H ncpu");
    observe("./ask pin 0");
    assert_has("H ncpu");
    observe("cat /proc/self/task/*/status >/dev/null");
    assert_has("H ncpu");
    observe("cat /proc/cpuinfo /proc/meminfo /proc/uptime /proc/sys/kernel/osrelease >/dev/null");
    assert_has("H cpuinfo");
    assert_has("H memory");
    assert_has("H proc:uptime");
    assert_has("H proc:sys/kernel/osrelease");
    observe(
        "cat /proc/self/maps /proc/$$/stat /proc/mounts /proc/net/dev >/dev/null; echo /proc/* >/dev/null");
    if (strstr(result.trace, "\nH ") != NULL) {
        fail_msg("%s", result.trace);
    }
    assert_unflagged();
    engine_close(&engine);
}

/* ---- exposed ---- */

TEST(exposed_paths_and_the_folders_above_them_are_asked)
{
    open_tree();
    char folder[400];
    (void)snprintf(folder, sizeof folder, "%s/host/data", test_folder());
    put_file(folder, "f", "x\n");
    put_file(engine.root, "mods/m.js", "1\n");
    const char *items[] = {"mods", folder, "absent"};
    engine.world.expose = (struct text_list){items, 3};
    char script[1500];
    char line[500];
    (void)snprintf(
        script, sizeof script, "cat mods/m.js; cat %s/f; test ! -e %s/g", folder, folder);
    observe(script);
    assert_passed();
    assert_unflagged();
    assert_has("C /src/mods/m.js");
    (void)snprintf(line, sizeof line, "C %s/f", folder);
    assert_has(line);
    (void)snprintf(line, sizeof line, "X %s/g", folder);
    assert_has(line);
    observe("ls >/dev/null");
    assert_has("D /src");
    assert_has("X /src/mods"); /* the listing has it because it is exposed */
    assert_has("X /src/absent");
    (void)snprintf(script, sizeof script, "test -d %s/host", test_folder());
    observe(script);
    (void)snprintf(line, sizeof line, "X %s", folder);
    assert_has(line);
    engine_close(&engine);
}

/* ---- unfit as evidence ---- */

TEST(refused_interfaces_are_told)
{
    open_tree();
    observe("./ask uring");
    assert_passed();
    assert_flag(TRACE_FOREIGN, "io_uring_setup");
    observe("./ask i386");
    assert_passed();
    assert_flag(TRACE_FOREIGN, "foreign architecture");
    observe("./ask x32");
    assert_passed();
    assert_flag(TRACE_FOREIGN, "foreign architecture");
    assert_asks("./ask refused", "");
    engine_close(&engine);
}

TEST(leaving_the_world_is_told)
{
    static const char *const ways[] = {
        "unshare 0x10000000",
        "unshare 0x10020000",
        "clone-flags 0x10000000",
        "clone3-flags 0x10000000",
        "mount /tmp",
        "chroot /tmp",
        "setns /proc/self/ns/mnt",
    };
    open_tree();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char script[100];
        (void)snprintf(script, sizeof script, "./ask %s", ways[i]);
        observe(script);
        assert_passed();
        assert_flag(TRACE_ESCAPED, "namespaces and mounts");
    }
    assert_asks("./ask unshare 0x200", ""); /* CLONE_FS */
    assert_asks("./ask clone-flags 0x200", "");
    assert_asks("./ask clone3-flags 0x200", "");
    engine_close(&engine);
}

TEST(sockets_of_the_tree_are_paths)
{
    open_tree();
    assert_asks("./ask connect dir/none", "X dir/none\n");
    assert_asks("./ask sendmsg one two dir/three", "X dir/three\nX one\nX two\n");
    assert_asks("./ask bind dir/s", "T dir\nX dir/s\n");
    assert_asks("./ask bind s && ./ask connect s", "X s\n");
    assert_asks(
        "./ask socket 2; ./ask socket 10; ./ask socket 16; ./ask socket 1; ./ask socket 200", "");
    engine_close(&engine);
}

TEST(sockets_that_lead_out_are_told)
{
    open_tree();
    char name[400];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(name, sizeof name, "%s/s", test_folder());
    assert_true(strlen(name) < sizeof address.sun_path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    const char *items[] = {test_folder()};
    engine.world.expose = (struct text_list){items, 1};
    char script[500];
    (void)snprintf(script, sizeof script, "./ask connect %s", name);
    observe(script);
    assert_flag(TRACE_NET, "socket of the machine");
    observe("./ask socket 40"); /* AF_VSOCK */
    assert_flag(TRACE_NET, "leads out");
    (void)close(fd);
    engine_close(&engine);
}

TEST(with_a_network_any_socket_of_it_is_told)
{
    open_tree();
    engine.world.network = true;
    observe("./ask socket 2");
    assert_flag(TRACE_NET, "leads out");
    assert_asks("./ask socket 1", "");
    engine_close(&engine);
}

TEST(debuggers_work_and_a_second_listener_is_refused)
{
    open_tree();
    assert_asks("./ask listener", "");
    assert_asks("./ask ptrace", "X traced\n");
    engine_close(&engine);
}

/* ---- hostile ---- */

TEST(paths_in_memory_that_is_closed_for_reading_are_seen)
{
    open_tree();
    assert_asks("./ask write-only a.c", "T a.c\n");
    engine_close(&engine);
}

TEST(bad_pointers_and_long_paths_ask_nothing)
{
    open_tree();
    assert_asks("./ask unreadable", "T a.c\n");
    assert_asks("./ask long", "T a.c\n");
    engine_close(&engine);
}

TEST(folders_too_deep_to_name_make_it_incomplete)
{
    open_tree();
    observe("cd /tmp && /src/ask deep");
    assert_passed();
    assert_flag(TRACE_INCOMPLETE, "folder");
    engine_close(&engine);
}

TEST(a_path_that_changes_while_it_is_read_harms_nobody)
{
    open_tree();
    observe("./ask swapping");
    assert_passed();
    engine_close(&engine);
}

TEST(a_program_that_closes_its_memory_is_read_all_the_same)
{
    open_tree();
    assert_asks("./ask undumpable a.c", "C a.c\n");
    engine_close(&engine);
}

TEST(names_of_any_bytes_are_kept)
{
    open_tree();
    observe("cat \"$(printf 'x\\377\\nC fake')\" 2>/dev/null || :");
    assert_passed();
    assert_unflagged();
    assert_non_null(strstr(result.trace, "X /src/x\377\nC fake\n"));
    engine_close(&engine);
}

TEST(many_questions_are_kept_and_many_repeated_ones_cost_little)
{
    open_tree();
    observe("./ask many 3000");
    assert_passed();
    assert_unflagged();
    assert_has("X /src/many/0");
    assert_has("X /src/many/2999");
    assert_asks("./ask again 100000", "T a.c\n");
    assert_true(result.trace_calls >= 100000);
    engine_close(&engine);
}

/* The first child of a process, 0 = none. */
static pid_t child_of(pid_t pid, const char *name)
{
    char path[64];
    char text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    char *got = file != NULL ? fgets(text, sizeof text, file) : NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    for (char *at = got; at != NULL && *at != '\0';) {
        char comm[64] = "";
        const pid_t child = (pid_t)strtol(at, &at, 10);
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)child);
        file = child > 0 ? fopen(path, "r") : NULL;
        const bool read = file != NULL && fgets(comm, sizeof comm, file) != NULL;
        if (file != NULL) {
            (void)fclose(file);
        }
        if (read && strncmp(comm, name, strlen(name)) == 0) {
            return child;
        }
        at += strspn(at, " \n");
    }
    return 0;
}

struct killing {
    uv_timer_t timer;
    pid_t pid;
};

static void on_kill(uv_timer_t *timer)
{
    struct killing *killing = timer->data;
    const pid_t slot = child_of(getpid(), "sluice-slot");
    const pid_t observer = slot > 0 ? child_of(slot, "sluice-observe") : 0;
    if (observer > 0) {
        killing->pid = observer; /* again while the unit runs: one that dies before is replaced */
        (void)kill(observer, SIGKILL);
    }
}

TEST(without_its_observer_a_unit_is_an_error_and_the_next_gets_another)
{
    open_tree();
    static struct killing killing;
    (void)uv_timer_init(&engine.loop, &killing.timer);
    killing.timer.data = &killing;
    (void)uv_timer_start(&killing.timer, on_kill, 100, 20);
    engine_shell(&engine, "sleep 0.1; while :; do sleep 0.05; done", observe_it, &result);
    uv_close((uv_handle_t *)&killing.timer, NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "infrastructure"));
    assert_non_null(strstr(result.message, "observer"));
    assert_false(result.observed);
    assert_true(killing.pid > 0);
    assert_asks("cat a.c", "C a.c\n");
    engine_close(&engine);
}
