/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/controls.h"

#include "base/clock.h"
#include "base/mem.h"

#include <uv.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGWINCH, SIGCONT};

#define SIGNAL_COUNT (sizeof signals / sizeof signals[0])

struct controls {
    struct controls_options options;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_timer_t tick;
    uv_poll_t keys;
    unsigned open; /* handles not yet closed; the last close callback frees */
    bool reads_keys;
    bool closing;
    struct termios cooked; /* the terminal as we found it */
};

void controls_size(int fd, unsigned *ret_width, unsigned *ret_height)
{
    struct winsize size = {0};
    const bool known = ioctl(fd, TIOCGWINSZ, &size) == 0;
    *ret_width = known ? size.ws_col : 0;
    *ret_height = known ? size.ws_row : 0;
}

/* ---- the terminal's mode: single keys without echo; Ctrl-C stays a signal ---- */

/* A process in the background that changes the terminal would be stopped. */
static bool in_foreground(void)
{
    return isatty(STDIN_FILENO) == 1 && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void keys_on(const struct controls *controls)
{
    if (controls->reads_keys && in_foreground()) {
        struct termios raw = controls->cooked;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
}

static void keys_off(const struct controls *controls)
{
    if (controls->reads_keys && in_foreground()) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &controls->cooked);
    }
}

static void on_keys(uv_poll_t *handle, int status, int events)
{
    const struct controls *controls = handle->data;
    char keys[64];
    (void)events;
    const ssize_t count =
        status == 0 && in_foreground() ? read(STDIN_FILENO, keys, sizeof keys) : 0;
    if (count <= 0) {
        (void)uv_poll_stop(handle); /* the terminal is gone */
        return;
    }
    if (memchr(keys, 't', (size_t)count) != NULL) {
        controls->options.show(controls->options.context);
    }
}

/* ---- signals and clock ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    const struct controls *controls = handle->data;
    void *context = controls->options.context;
    if (number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT) {
        controls->options.interrupt(context, number);
    } else if (number == SIGUSR1) {
        controls->options.show(context);
    } else if (number == SIGWINCH) {
        unsigned width = 0;
        unsigned height = 0;
        controls_size(controls->options.fd, &width, &height);
        controls->options.resize(context, width, height);
    } else {
        keys_on(controls); /* back from Ctrl-Z: the shell has had the terminal */
    }
}

static void on_tick(uv_timer_t *handle)
{
    const struct controls *controls = handle->data;
    controls->options.tick(controls->options.context, clock_mono_ns() / 1000000);
}

static void on_closed(uv_handle_t *handle)
{
    struct controls *controls = handle->data;
    assert(controls->open > 0);
    if (--controls->open == 0) {
        mem_free(controls);
    }
}

/* Counts a handle that was initialised; it does not keep the loop alive. */
static void adopt(struct controls *controls, uv_handle_t *handle)
{
    handle->data = controls;
    uv_unref(handle);
    controls->open++;
}

/* nohup(1) starts us with SIGHUP ignored, and shells what is in the background with SIGQUIT. */
static bool stays_ignored(int number)
{
    struct sigaction before;
    return (number == SIGHUP || number == SIGQUIT) && sigaction(number, NULL, &before) == 0
           && before.sa_handler == SIG_IGN;
}

static int listen_signals(struct controls *controls)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (stays_ignored(signals[i])) {
            continue;
        }
        int rc = uv_signal_init(controls->options.loop, &controls->signals[i]);
        if (rc == 0) {
            adopt(controls, (uv_handle_t *)&controls->signals[i]);
            rc = uv_signal_start(&controls->signals[i], on_signal, signals[i]);
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int start_clock(struct controls *controls)
{
    const int rc = uv_timer_init(controls->options.loop, &controls->tick);
    if (rc != 0) {
        return rc;
    }
    adopt(controls, (uv_handle_t *)&controls->tick);
    return uv_timer_start(&controls->tick, on_tick, CONTROLS_TICK_MS, CONTROLS_TICK_MS);
}

/* Without keys nothing is lost but a convenience, so failures are passed over. */
static void listen_keys(struct controls *controls)
{
    if (!in_foreground() || tcgetattr(STDIN_FILENO, &controls->cooked) != 0
        || uv_poll_init(controls->options.loop, &controls->keys, STDIN_FILENO) != 0) {
        return;
    }
    adopt(controls, (uv_handle_t *)&controls->keys);
    if (uv_poll_start(&controls->keys, UV_READABLE, on_keys) == 0) {
        controls->reads_keys = true;
        keys_on(controls);
    }
}

int controls_new(const struct controls_options *options,
                 struct controls **ret_controls,
                 struct err *err)
{
    struct controls *controls = mem_calloc(1, sizeof *controls);
    if (controls == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    controls->options = *options;
    int rc = listen_signals(controls);
    if (rc == 0) {
        rc = start_clock(controls);
    }
    if (rc == 0 && options->live) {
        listen_keys(controls);
    }
    if (rc != 0) {
        controls_close(controls);
        return err_set(err, rc, "cannot listen to signals: %s", uv_strerror(rc));
    }
    *ret_controls = controls;
    return 0;
}

static void close_mine(uv_handle_t *handle, void *context)
{
    if (handle->data == context && uv_is_closing(handle) == 0) {
        uv_close(handle, on_closed);
    }
}

void controls_close(struct controls *controls)
{
    if (controls == NULL || controls->closing) {
        return;
    }
    controls->closing = true;
    keys_off(controls);
    if (controls->open == 0) {
        mem_free(controls);
        return;
    }
    uv_walk(controls->options.loop, close_mine, controls);
}
