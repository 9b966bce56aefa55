/* SPDX-License-Identifier: Apache-2.0 */
/* Traces that are no evidence, and programs that mean harm. */
#include "model/trace.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/asker.h"
#include "support/observed.h"
#include "support/test.h"

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

/* The project's own tests of removing deep trees left no evidence, and ran each time. */
TEST(its_own_folders_need_no_name)
{
    open_tree();
    assert_asks("cd /tmp && exec /src/ask deep work -", "T a.c\nT dir\n");
    assert_asks("cd /dev/shm && exec /src/ask deep look -", "");
    assert_asks("cd /tmp && exec /src/ask deep across -", "");
    engine_close(&engine);
}

TEST(folders_of_the_tree_that_are_too_deep_to_name_make_it_incomplete)
{
    open_tree();
    observe("./ask deep look -");
    assert_passed();
    assert_flag(TRACE_INCOMPLETE, "folder");
    engine_close(&engine);
}

static void assert_nameless_flag(const char *script, const char *words)
{
    observe(script);
    assert_passed();
    assert_flag(TRACE_INCOMPLETE, words);
}

TEST(what_may_lead_out_of_folders_without_names_makes_it_incomplete)
{
    open_tree();
    put_script("script", "#!/src/dir/interpreter\n");
    put_script("dir/interpreter", "#!/bin/sh\nexit 0\n");
    assert_nameless_flag("cd /tmp && /src/ask deep link /src/a.c", "symlink");
    assert_nameless_flag("cd /tmp && /src/ask deep rename -", "rename");
    assert_nameless_flag("cd /tmp && /src/ask deep exec /src/script", "execve");
    assert_nameless_flag("cd /tmp && /src/ask deep side -", "up and down");
    engine_close(&engine);
}

TEST(an_exposed_path_among_its_own_folders_needs_names)
{
    open_tree();
    const char *items[] = {"/tmp/absent"};
    engine.world.expose = (struct text_list){items, 1};
    assert_nameless_flag("cd /tmp && /src/ask deep look -", "folder");
    assert_asks("cd /var/tmp && exec /src/ask deep look -", "");
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

struct killing {
    uv_timer_t timer;
    pid_t pid;
};

#define OBSERVED_MARK "while it is observed"

/* Not before the unit's shell is there: what ends with its observer while it is still being made
 * is another error. */
static void on_kill(uv_timer_t *timer)
{
    struct killing *killing = timer->data;
    if (count_processes(OBSERVED_MARK) == 0) {
        return;
    }
    const pid_t slot = engine_child_of(getpid(), "sluice-slot");
    const pid_t observer = slot > 0 ? engine_child_of(slot, "sluice-observe") : 0;
    if (observer > 0) {
        killing->pid = observer;
        (void)kill(observer, SIGKILL);
    }
}

TEST(without_its_observer_a_unit_is_an_error_and_the_next_gets_another)
{
    open_tree();
    static struct killing killing;
    (void)uv_timer_init(&engine.loop, &killing.timer);
    killing.timer.data = &killing;
    (void)uv_timer_start(&killing.timer, on_kill, 20, 20);
    engine_shell(&engine, "while : '" OBSERVED_MARK "'; do sleep 0.05; done", observe_it, &result);
    uv_close((uv_handle_t *)&killing.timer, NULL);
    assert_int_equal(result.outcome.status, OUTCOME_ERRORED);
    assert_non_null(strstr(result.message, "infrastructure"));
    assert_non_null(strstr(result.message, "observer"));
    assert_false(result.observed);
    assert_true(killing.pid > 0);
    assert_asks("cat a.c", "C a.c\n");
    engine_close(&engine);
}
