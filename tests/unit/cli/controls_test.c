/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/controls.h"

#include <uv.h>

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/test.h"

struct heard {
    uv_loop_t loop;
    uv_timer_t work; /* stands for what a run has under way */
    struct controls *controls;
    unsigned interrupts, shows, resizes, ticks;
    int last_signal;
};

static void on_interrupt(void *context, int signal_number)
{
    struct heard *heard = context;
    heard->interrupts++;
    heard->last_signal = signal_number;
}

static void on_show(void *context)
{
    ((struct heard *)context)->shows++;
}

static void on_resize(void *context, unsigned width, unsigned height)
{
    (void)width;
    (void)height;
    ((struct heard *)context)->resizes++;
}

static void on_work(uv_timer_t *timer)
{
    (void)timer;
}

static void on_tick(void *context, int64_t mono_ms)
{
    assert_true(mono_ms > 0);
    ((struct heard *)context)->ticks++;
}

static void start(struct heard *heard, bool live)
{
    struct err err = {0};
    *heard = (struct heard){0};
    assert_int_equal(uv_loop_init(&heard->loop), 0);
    const struct controls_options options = {
        .loop = &heard->loop,
        .live = live,
        .fd = -1,
        .context = heard,
        .interrupt = on_interrupt,
        .show = on_show,
        .resize = on_resize,
        .tick = on_tick,
    };
    assert_int_equal(controls_new(&options, &heard->controls, &err), 0);
    assert_int_equal(uv_timer_init(&heard->loop, &heard->work), 0);
    assert_int_equal(uv_timer_start(&heard->work, on_work, 1, 1), 0);
}

static void stop(struct heard *heard)
{
    controls_close(heard->controls);
    controls_close(NULL);
    uv_close((uv_handle_t *)&heard->work, NULL);
    assert_int_equal(uv_run(&heard->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&heard->loop), 0); /* every handle is closed */
}

/* Turns the loop until `*count` reaches `wanted`; at most two seconds. */
static void turn_until(struct heard *heard, const unsigned *count, unsigned wanted)
{
    for (unsigned i = 0; i < 2000 && *count < wanted; i++) {
        (void)uv_run(&heard->loop, UV_RUN_NOWAIT);
        (void)usleep(1000);
    }
    assert_int_equal(*count, wanted);
}

TEST(signals_become_calls)
{
    struct heard heard;
    start(&heard, false);
    (void)raise(SIGINT);
    turn_until(&heard, &heard.interrupts, 1);
    assert_int_equal(heard.last_signal, SIGINT);
    (void)raise(SIGTERM);
    turn_until(&heard, &heard.interrupts, 2);
    assert_int_equal(heard.last_signal, SIGTERM);
    (void)raise(SIGHUP);
    turn_until(&heard, &heard.interrupts, 3);
    assert_int_equal(heard.last_signal, SIGHUP);
    (void)raise(SIGUSR1);
    turn_until(&heard, &heard.shows, 1);
    (void)raise(SIGWINCH);
    turn_until(&heard, &heard.resizes, 1);
    (void)raise(SIGCONT); /* only looks at the terminal */
    (void)uv_run(&heard.loop, UV_RUN_NOWAIT);
    stop(&heard);
}

/* nohup(1) */
TEST(a_hangup_that_was_ignored_stays_ignored)
{
    struct heard heard;
    (void)signal(SIGHUP, SIG_IGN);
    start(&heard, false);
    (void)raise(SIGHUP); /* would end us, were it not ignored any more */
    (void)raise(SIGTERM);
    turn_until(&heard, &heard.interrupts, 1);
    assert_int_equal(heard.last_signal, SIGTERM);
    stop(&heard);
    assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
}

TEST(the_clock_ticks)
{
    struct heard heard;
    start(&heard, true);
    turn_until(&heard, &heard.ticks, 2);
    stop(&heard);
}

TEST(controls_do_not_keep_the_loop_alive)
{
    struct heard heard;
    start(&heard, true);
    assert_int_equal(uv_timer_stop(&heard.work), 0);
    assert_int_equal(uv_run(&heard.loop, UV_RUN_DEFAULT), 0); /* returns although all listen */
    stop(&heard);
}

static void assert_no_size(int fd)
{
    unsigned width = 1;
    unsigned height = 1;
    controls_size(fd, &width, &height);
    assert_int_equal(width, 0);
    assert_int_equal(height, 0);
}

TEST(what_is_no_terminal_has_no_size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_no_size(ends[1]);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_no_size(-1);
}
