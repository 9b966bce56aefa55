/* SPDX-License-Identifier: Apache-2.0 */
/* How a person steers a run under way: signals, keys, the size of the window, and the clock that
 * views are redrawn by. Everything is called on the loop's thread. */
#ifndef SLUICE_CLI_CONTROLS_H
#define SLUICE_CLI_CONTROLS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;
struct controls;

/* Time between two ticks. */
#define CONTROLS_TICK_MS 100

struct controls_options {
    struct uv_loop_s *loop;
    bool live; /* read keys when we may */
    int fd;    /* the terminal that is drawn on */
    void *context;
    void (*interrupt)(void *context, int signal_number);            /* SIGINT, SIGTERM, SIGHUP */
    void (*show)(void *context);                                    /* `t`, SIGUSR1 */
    void (*resize)(void *context, unsigned width, unsigned height); /* SIGWINCH */
    void (*tick)(void *context, int64_t mono_ms);
};

/* Starts to listen. The handles do not keep the loop alive. A SIGHUP that was ignored stays so:
 * nohup(1) asks for that. */
int controls_new(const struct controls_options *options,
                 struct controls **ret_controls,
                 struct err *err);

/* Gives the terminal back as it was and closes the handles; the memory is freed when the loop has
 * told the last of them (run it once more). NULL is accepted. */
void controls_close(struct controls *controls);

/* Columns and lines of the terminal `fd`, 0 = unknown. */
void controls_size(int fd, unsigned *ret_width, unsigned *ret_height);

#endif
