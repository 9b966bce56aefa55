/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit's trace says of the ways in which programs ask. Only what lies in the tree is
 * compared in full: the rest is the machine's (loader, libraries). */
#include "support/observed.h"

#include "base/kernel.h"
#include "model/trace.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/asker.h"
#include "support/test.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#    define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

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

/* From here on this process and its children are on a kernel that has no synchronous wake-up. */
static int refuse_synchronous_wake_up(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                   && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
               ? 0
               : -errno;
}

/* How many processors each of the supervisors below this process may use, added up. */
static int processors_of_supervisors(void)
{
    char pids[256] = "";
    char command[256];
    (void)snprintf(
        command,
        sizeof command,
        "p=%ld; while [ -n \"$p\" ]; do p=$(cat $(printf '/proc/%%s/task/*/children ' $p) "
        "2>/dev/null); for i in $p; do grep -qsx sluice-observe /proc/$i/comm && echo $i; done; done",
        (long)getpid());
    FILE *found = popen(command, "r"); /* NOLINT(cert-env33-c): a test */
    int sum = 0;
    while (found != NULL && fgets(pids, sizeof pids, found) != NULL) {
        cpu_set_t set;
        const pid_t pid = (pid_t)strtol(pids, NULL, 10);
        sum += pid > 0 && sched_getaffinity(pid, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
    }
    if (found != NULL) {
        (void)pclose(found);
    }
    return sum;
}

static int count_where_wake_up_is_refused(const cpu_set_t *all)
{
    if (refuse_synchronous_wake_up() != 0) {
        return 2;
    }
    open_tree();
    for (int unit = 0; unit < 2; unit++) {
        observe("nproc");
        if (result.outcome.status != OUTCOME_PASSED || strcmp(result.out, "1\n") != 0
            || processors_of_supervisors() != CPU_COUNT(all)) {
            return 3;
        }
    }
    engine_close(&engine);
    return 0;
}

/* Before Linux 6.6 a unit shares one processor with its supervisor, which is free again afterwards;
 * else it may use all. */
TEST(a_unit_is_kept_to_one_processor_only_where_wake_up_is_not_synchronous)
{
    char counted[32];
    cpu_set_t all;
    int status = 0;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(count_where_wake_up_is_refused(&all));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    if (kernel_is_at_least(6, 6)) {
        open_tree();
        (void)snprintf(counted, sizeof counted, "%d\n", CPU_COUNT(&all));
        observe("nproc");
        assert_passed();
        assert_string_equal(result.out, counted);
        engine_close(&engine);
    }
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
    assert_false(trace_has("X /opt"));
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

/* Somebody outside writes into it: no state stands for what is read. */
TEST(an_open_pipe_of_the_machine_is_asked_for_its_content)
{
    open_tree();
    char folder[400];
    char pipe[450];
    char line[500];
    char script[1200];
    (void)snprintf(folder, sizeof folder, "%s/host", test_folder());
    (void)snprintf(pipe, sizeof pipe, "%s/pipe", folder);
    put_file(folder, "f", "x\n");
    assert_int_equal(mkfifo(pipe, 0666), 0);
    const char *items[] = {folder};
    engine.world.expose = (struct text_list){items, 1};
    (void)snprintf(script, sizeof script, "test -p %s", pipe);
    observe(script);
    assert_passed();
    (void)snprintf(line, sizeof line, "T %s", pipe);
    assert_has(line);
    (void)snprintf(script, sizeof script, "exec 3<>%s && echo x >&3 && read x <&3", pipe);
    observe(script);
    assert_passed();
    (void)snprintf(line, sizeof line, "C %s", pipe);
    assert_has(line);
    assert_asks("mkfifo own && exec 3<>own && echo x >&3 && read x <&3; : </dev/urandom",
                "X own\n");
    engine_close(&engine);
}

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
