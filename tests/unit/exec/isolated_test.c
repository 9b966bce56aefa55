/* SPDX-License-Identifier: Apache-2.0 */
/* Units in their world: what they see, what they cannot see, and what becomes of what they do. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

static struct engine engine;
static struct result result;

static void open_world(void)
{
    need_isolation();
    engine_open(&engine, true);
}

static void run(const char *script, void (*change)(struct exec_request *request))
{
    engine_shell(&engine, script, change, &result);
}

#define assert_passed()                                          \
    do {                                                         \
        if (result.outcome.status != OUTCOME_PASSED) {           \
            fail_msg("%s: %s\n%s%s",                             \
                     outcome_status_name(result.outcome.status), \
                     result.message,                             \
                     result.out,                                 \
                     result.err);                                \
        }                                                        \
    } while (0)

TEST(a_unit_sees_the_snapshot_at_the_fixed_path)
{
    open_world();
    put_file(engine.lower, "a/b.txt", "snapshot\n");
    put_file(engine.root, "a/b.txt", "live tree\n");
    run("pwd; cat a/b.txt; ls", NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "/src\nsnapshot\na\n");
}

TEST(writes_vanish_and_the_next_unit_starts_afresh)
{
    open_world();
    put_file(engine.lower, "file", "old\n");
    run("echo new >file; rm -rf /src/* /src/.??*; ls -a /src; echo x >/tmp/left; echo x >/dev/shm/left; echo x >$HOME/left",
        NULL);
    assert_passed();
    assert_string_equal(result.out, ".\n..\n");
    run("cat file; ls /tmp /dev/shm /run $HOME | grep left; true", NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "old\n");
    assert_true(has_file(engine.lower, "file"));
}

TEST(the_live_tree_the_host_and_other_homes_are_hidden)
{
    open_world();
    put_file(engine.root, "secret", "x");
    char script[1000];
    (void)snprintf(script,
                   sizeof script,
                   "ls %s %s 2>&1; ls /root /var/log 2>&1; ls /",
                   engine.root,
                   engine.run_dir);
    run(script, NULL);
    engine_close(&engine);
    assert_null(strstr(result.out, "secret"));
    assert_null(strstr(result.out, ".stage"));
}

/* Before Linux 6.6 tmpfs has no user attributes, and what units write lies in the run folder. */
TEST(what_units_write_lies_on_disk_where_tmpfs_has_no_attributes)
{
    char left[600];
    need_isolation();
    assert_int_equal(setenv("SLUICE_TEST_PLAIN_TMPFS", "1", 1), 0);
    engine_open(&engine, true);
    put_file(engine.lower, "a", "lower\n");
    run("cat a; echo mine >a; mkdir -p deep/er; echo new >deep/er/file; cat a deep/er/file; "
        "echo t >/tmp/t; ls -d /tmp/*; head -c 3000000 /dev/zero >big; rm a; ls; grep upper "
        "/proc/self/mountinfo | grep -c /.stage/disk/",
        NULL);
    assert_string_equal(result.out, "lower\nmine\nnew\n/tmp/t\nbig\ndeep\n1\n");
    assert_passed();
    (void)snprintf(left,
                   sizeof left,
                   "rmdir %s/scratch.0/* 2>/dev/null; ls %s/scratch.0 | wc -l",
                   engine.run_dir,
                   engine.run_dir);
    run("cat a; ls", NULL);
    assert_string_equal(result.out, "lower\na\n");
    engine_close(&engine);
    assert_int_equal(unsetenv("SLUICE_TEST_PLAIN_TMPFS"), 0);
    FILE *listing = popen(left, "re");
    char entries[16] = "";
    assert_non_null(listing);
    assert_non_null(fgets(entries, sizeof entries, listing));
    (void)pclose(listing);
    assert_string_equal(entries, "0\n");
}

TEST(the_system_and_the_root_are_read_only)
{
    open_world();
    run("for f in /usr /etc / /opt /var; do touch $f/sluice-was-here 2>/dev/null && echo wrote $f; done; true",
        NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "");
}

/* What is written is what is there, so that a failing test changes nothing. */
TEST(settings_of_the_machine_cannot_be_changed)
{
    open_world();
    run("for f in core_pattern panic_on_oops printk; do\n"
        "  v=$(cat /proc/sys/kernel/$f) && echo \"$v\" 2>/dev/null >/proc/sys/kernel/$f && echo changed $f\n"
        "done; true",
        NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "");
}

/* The stage is covered, not unmounted. Neither the unit nor a namespace that it makes, in which it
 * is all-powerful, gets below; and what lies there earns no fresh /proc in which settings of the
 * machine can be written. */
TEST(what_the_world_was_made_of_stays_out_of_reach)
{
    open_world();
    put_file(engine.lower, "a", "lower\n");
    put_file(engine.lower,
             "powerful.sh",
             "mount -t tmpfs none /tmp && echo powerful\n"
             "umount -l /.stage && echo unmounted\n"
             "mount --move /.stage /mnt && echo moved\n"
             "mount --bind / /mnt && echo bound without what covers it\n"
             "mount --rbind / /mnt && find /mnt/.stage | wc -l\n"
             "umount -l /mnt/.stage && echo unmounted there\n");
    put_file(engine.lower,
             "settings.sh",
             "mount -t proc none /proc; cat /proc/sys/kernel/printk >/tmp/was &&"
             " cat /tmp/was >/proc/sys/kernel/printk && echo changed\n");
    run("find /.stage /.nothing | tr '\\n' ' '\n"
        "touch /.stage/x /.nothing/x && echo wrote\n"
        "umount /.stage && echo unmounted\n"
        "unshare='unshare -Um --keep-caps'; test \"$(id -u)\" = 0 || unshare='unshare -Urm'\n"
        "$unshare sh powerful.sh\n"
        "$unshare -pf sh settings.sh\n"
        "true",
        NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "/.stage /.nothing powerful\n1\n");
}

TEST(files_that_only_root_may_read_are_hidden)
{
    open_world();
    run("for f in /etc/shadow /etc/gshadow; do test ! -s $f || cat $f 2>/dev/null; done; cat /etc/passwd | head -n 1 | cut -d: -f1",
        NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "root\n");
}

TEST(only_the_loopback_network_is_there)
{
    open_world();
    run("cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '", NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "lo\n");
}

TEST(no_capability_survives_and_no_other_process_is_seen)
{
    open_world();
    run("grep -e CapEff -e NoNewPrivs /proc/self/status; ls -d /proc/[0-9]* | wc -l; hostname",
        NULL);
    engine_close(&engine);
    assert_passed();
    assert_non_null(strstr(result.out, "CapEff:\t0000000000000000"));
    assert_non_null(strstr(result.out, "NoNewPrivs:\t1")); /* a set-user-ID program gains nothing */
    assert_non_null(strstr(result.out, "\nsluice\n"));
}

TEST(daemonised_descendants_end_with_the_unit_and_are_reported)
{
    open_world();
    run("setsid setsid sh -c 'sleep 1000.51 & sleep 1000.51' >/dev/null 2>&1 & exit 0", NULL);
    engine_close(&engine);
    assert_passed();
    assert_true((result.outcome.flags & FLAG_LEAKED_PROCESS) != 0);
    assert_int_equal(count_processes("1000.51"), 0);
}

static void short_timeout(struct exec_request *request)
{
    request->timeout_ms = 300;
}

TEST(a_hang_is_ended_by_sigterm_even_in_detached_descendants)
{
    open_world();
    run("setsid sleep 1000.61 & sleep 1000.61", short_timeout);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_TIMED_OUT);
    assert_int_equal(count_processes("1000.61"), 0);
}

TEST(a_fork_bomb_is_contained_and_ended)
{
    open_world();
    run("b() { b | b & }; b; sleep 1000.71", short_timeout);
    engine_close(&engine);
    assert_int_not_equal(result.outcome.status, OUTCOME_PASSED);
    assert_int_equal(count_processes("1000.71"), 0);
}

static void small_products(struct exec_request *request)
{
    static const char *const globs[] = {"build/**", "link", NULL};
    static char folder[400];
    (void)snprintf(folder, sizeof folder, "%s/products/one", engine.run_dir);
    request->outputs = (struct text_list){globs, 2};
    request->output_dir = folder;
}

TEST(outputs_of_a_pass_are_collected_with_mode_and_links)
{
    open_world();
    run("mkdir -p build/deep other; echo x >build/deep/file; echo y >other/no; printf '#!/bin/sh\\n' >build/tool; chmod +x build/tool; ln -s "
        "build/tool link",
        small_products);
    engine_close(&engine);
    assert_passed();
    char folder[400];
    (void)snprintf(folder, sizeof folder, "%s/products/one", engine.run_dir);
    assert_true(has_file(folder, "build/deep/file"));
    assert_false(has_file(folder, "other/no"));
    assert_true(has_file(folder, "link"));
    char tool[500];
    (void)snprintf(tool, sizeof tool, "%s/build/tool", folder);
    assert_int_equal(access(tool, X_OK), 0);
}

TEST(a_failed_unit_leaves_no_products)
{
    open_world();
    run("mkdir build; echo x >build/file; exit 1", small_products);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    char folder[400];
    (void)snprintf(folder, sizeof folder, "%s/products/one", engine.run_dir);
    assert_false(has_file(folder, "build/file"));
}

TEST(products_of_another_unit_lie_under_the_snapshot)
{
    open_world();
    put_file(engine.run_dir, "made/build/lib.txt", "product\n");
    put_file(engine.lower, "src.txt", "source\n");
    char made[400];
    (void)snprintf(made, sizeof made, "%s/made", engine.run_dir);
    engine.world.products = made;
    run("cat src.txt build/lib.txt; echo changed >build/lib.txt", NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "source\nproduct\n");
}

static char own_products[2][400];

static void with_own_products(struct exec_request *request)
{
    static const char *folders[3];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(own_products[i],
                       sizeof own_products[i],
                       "%s/" EXEC_PRODUCTS "/build-0/unit-%d",
                       engine.run_dir,
                       i);
        folders[i] = own_products[i];
    }
    request->products = (struct text_list){folders, 2};
}

TEST(products_of_single_units_lie_above_all_others)
{
    char made[400];
    struct exec_request none = {0};
    open_world();
    with_own_products(&none);
    (void)snprintf(made, sizeof made, "%s/products/made", engine.run_dir);
    put_file(made, "out/a", "of the layer");
    put_file(made, "out/layer", "of the layer");
    engine.world.products = made;
    put_file(own_products[1], "out/a", "below");
    put_file(own_products[1], "out/b", "below");
    put_file(own_products[0], "out/b", "on top");
    run("cat out/a out/b out/layer; echo changed >out/b; ls /.stage", with_own_products);
    assert_string_equal(result.out, "belowon topof the layer");
    /* The slot's world was made before these were there, and the next unit sees none of them. */
    put_file(own_products[0], "out/late", "late");
    run("cat out/late out/b", with_own_products);
    assert_string_equal(result.out, "lateon top");
    run("cat out/a; ls out", NULL);
    assert_string_equal(result.out, "of the layera\nlayer\n");
    engine_close(&engine);
}

static void with_foreign_products(struct exec_request *request)
{
    static const char *const folder[] = {"/etc", NULL};
    request->products = (struct text_list){folder, 1};
}

TEST(only_folders_of_products_become_a_layer)
{
    open_world();
    run("true", with_foreign_products);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "/etc is no folder of products"));
    engine_close(&engine);
}

TEST(exposed_paths_are_there_read_only)
{
    static const char *const expose[] = {"node_modules", "deep/er/file", "absent", NULL};
    open_world();
    put_file(engine.root, "node_modules/x/index.js", "exposed\n");
    put_file(engine.root, "deep/er/file", "one file\n");
    engine.world.expose = (struct text_list){expose, 3};
    run("cat node_modules/x/index.js deep/er/file; echo y >node_modules/new 2>/dev/null || echo read-only; test -e absent || echo absent",
        NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "exposed\none file\nread-only\nabsent\n");
    assert_false(has_file(engine.root, "node_modules/new"));
}

/* The story: `expose: [/run/postgresql]` was mounted first and a private /run over it. */
TEST(paths_in_private_folders_can_be_exposed)
{
    static char folder[300];
    static const char *expose[] = {folder, NULL};
    open_world();
    put_file(engine.root, "socket", "exposed\n");
    (void)snprintf(folder, sizeof folder, "%s", engine.root);
    engine.world.expose = (struct text_list){expose, 1};
    char script[700];
    (void)snprintf(
        script,
        sizeof script,
        "cat %s/socket; (echo x >%s/socket) 2>/dev/null || echo read-only; touch /tmp/new && echo mine",
        folder,
        folder);
    run(script, NULL);
    engine_close(&engine);
    assert_passed();
    assert_string_equal(result.out, "exposed\nread-only\nmine\n");
}

TEST(a_failure_for_want_of_an_ignored_path_says_what_to_expose)
{
    open_world();
    put_file(engine.root, "node_modules/x/index.js", "ignored by git\n");
    run("cat node_modules/x/index.js", NULL);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    assert_non_null(strstr(result.hint, "expose: [node_modules]"));
}

static void file_report(struct exec_request *request)
{
    request->report = REPORT_JUNIT;
    request->report_path = "report.xml";
}

TEST(a_report_written_inside_the_world_is_read)
{
    open_world();
    run("echo pass one >report.xml; echo fail two >>report.xml; exit 1", file_report);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    assert_string_equal(result.cases, "one:passed two:failed");
}

TEST(a_report_that_came_with_the_snapshot_is_no_report)
{
    open_world();
    put_file(engine.lower, "report.xml", "pass stale\n");
    char command[700];
    (void)snprintf(command, sizeof command, "touch -d @1000000000 %s/report.xml", engine.lower);
    assert_int_equal(system(command), 0);
    run("true", file_report);
    engine_close(&engine);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "left no report"));
}

/* What writes to "$big" fills the scratch: in the tree, or beside it where the tree lies on disk.
 */
#define WHERE_SCRATCH_IS "big=big; grep -q /.stage/disk/ /proc/self/mountinfo && big=/tmp/big; "

TEST(filling_the_disk_hurts_the_unit_only)
{
    open_world();
    engine.world.scratch_max = 8 << 20;
    run(WHERE_SCRATCH_IS "dd if=/dev/zero of=$big bs=1M count=64 2>/dev/null", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "full: exit code 1"));
    assert_true((result.outcome.flags & FLAG_SCRATCH_FULL) != 0);
    assert_non_null(strstr(result.hint, "scratch"));
    run("echo fine >small && cat small", NULL);
    engine_close(&engine);
    assert_passed();
}

/* Compilers remove what they could not write. */
TEST(a_disk_that_was_full_and_is_not_any_more_is_told)
{
    open_world();
    engine.world.scratch_max = 8 << 20;
    run(WHERE_SCRATCH_IS "dd if=/dev/zero of=$big bs=1M count=64 || { rm $big; exit 3; }", NULL);
    assert_int_equal(result.outcome.status, OUTCOME_FAILED);
    assert_true((result.outcome.flags & FLAG_SCRATCH_FULL) != 0);
    assert_non_null(strstr(result.hint, "scratch"));
    run("echo ENOSPC", NULL); /* nothing failed */
    assert_passed();
    assert_true((result.outcome.flags & FLAG_SCRATCH_FULL) == 0);
    run("exit 3", NULL);
    engine_close(&engine);
    assert_true((result.outcome.flags & FLAG_SCRATCH_FULL) == 0);
}

TEST(eating_descriptors_hurts_the_unit_only)
{
    open_world();
    run("i=3; while [ $i -lt 5000 ]; do eval \"exec $i</dev/null\" 2>/dev/null || exit 9; i=$((i+1)); done",
        NULL);
    assert_int_not_equal(result.outcome.status, OUTCOME_PASSED);
    run("true", NULL);
    engine_close(&engine);
    assert_passed();
}

TEST(shared_memory_left_behind_is_gone_for_the_next_unit)
{
    open_world();
    run("ipcmk -M 4096 >/dev/null && ipcs -m | grep -c 0x", NULL);
    assert_passed();
    assert_string_equal(result.out, "1\n");
    run("ipcs -m | grep -c 0x; true", NULL);
    engine_close(&engine);
    assert_string_equal(result.out, "0\n");
}

TEST(stopping_an_isolated_unit_leaves_nothing)
{
    open_world();
    engine_stop_after(&engine, 200, true);
    run("trap '' TERM; setsid sleep 1000.81 & sleep 1000.81", NULL);
    engine_close(&engine);
    assert_true((result.outcome.flags & FLAG_CANCELLED) != 0);
    assert_int_equal(count_processes("1000.81"), 0);
}

TEST(a_pseudo_terminal_can_be_opened)
{
    open_world();
    run("script -qc 'echo in a pty' /dev/null", NULL);
    engine_close(&engine);
    assert_passed();
    assert_non_null(strstr(result.out, "in a pty"));
}
