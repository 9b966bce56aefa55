/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal's hands: state (terminal_state.c) is rendered (terminal_render.c) and written, with
 * the live block erased before and drawn again after what scrolls. */
#include "reports/terminal.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "reports/terminal_render.h"
#include "reports/terminal_state.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Columns we draw for: below 40 nothing fits, beyond 200 nobody reads. */
#define WIDTH_MIN     40
#define WIDTH_MAX     200
#define WIDTH_DEFAULT 80

/* Without a live block, a line that counts is written so often. */
#define PROGRESS_MS 10000

/* Text of one event: 200 case texts of 20 lines. Beyond, it is cut off. */
#define EVENT_TEXT_MAX (4u << 20)

/* The live block: 10 lines of 200 columns, each of some combining marks. */
#define BLOCK_MAX (1u << 20)

/* A terminal that takes nothing for so long is given up for this text: a run must not hang on it.
 */
#define WRITE_PATIENCE_MS 5000

struct terminal {
    struct event_sink sink;
    struct view view;
    struct render_options render;
    int fd;
    bool live;
    bool ended;
    bool announced;       /* the first line is told */
    bool narrow;          /* the terminal has fewer columns than a block needs */
    unsigned drawn_width; /* width the block on screen was drawn for */
    struct str block;     /* what is on screen below the scrolled lines */
    struct str fresh;     /* the block that will be */
    struct str text;      /* lines that scroll */
    struct str output;    /* one write */
    char *run_dir;
    int64_t base_mono_ms; /* with base_ms: from tick time to event time */
    int64_t base_ms;
};

static unsigned clamp_width(unsigned width)
{
    if (width == 0) {
        return WIDTH_DEFAULT;
    }
    return width < WIDTH_MIN ? WIDTH_MIN : (width > WIDTH_MAX ? WIDTH_MAX : width);
}

/* ---- writing ---- */

/* Also to a descriptor that someone else made non-blocking. */
static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);
        if (done >= 0) {
            bytes += done;
            len -= (size_t)done;
            continue;
        }
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (errno != EINTR && (errno != EAGAIN || poll(&wait, 1, WRITE_PATIENCE_MS) <= 0)) {
            return;
        }
    }
}

/* Rows the block takes on screen: lines wrap when the terminal became narrower. */
static size_t block_rows(const struct terminal *terminal)
{
    CLEANUP(str_fini) struct str line = STR_INIT(BLOCK_MAX);
    size_t rows = 0;
    bool escape = false;
    for (const char *c = str_text(&terminal->block); *c != '\0'; c++) {
        if (*c == '\n') {
            const size_t columns = text_columns(str_text(&line));
            rows += 1 + (columns > 0 ? (columns - 1) / terminal->drawn_width : 0);
            str_clear(&line);
        } else if (*c == '\033' || escape) {
            escape = *c != 'm'; /* our own colours only */
        } else {
            (void)str_append_char(&line, *c);
        }
    }
    return rows;
}

/* Line by line, upwards: where the block begins at the top of the screen, tmux takes "clear to the
 * end" for a new page and keeps every old block in its history. */
static void append_erase(struct terminal *terminal)
{
    size_t rows = block_rows(terminal);
    (void)str_append(&terminal->output, rows > 0 ? "\r" : "");
    for (; rows > 0; rows--) {
        (void)str_append(&terminal->output, "\033[A\033[2K");
    }
    str_clear(&terminal->block);
}

static void render_block(struct terminal *terminal)
{
    str_clear(&terminal->fresh);
    if (terminal->live && !terminal->ended && !terminal->narrow && terminal->view.started_ms > 0) {
        render_live(&terminal->view, &terminal->render, &terminal->fresh);
    }
}

static void append_block(struct terminal *terminal)
{
    render_block(terminal);
    (void)str_append(&terminal->output, str_text(&terminal->fresh));
    (void)str_append(&terminal->block, str_text(&terminal->fresh));
    terminal->drawn_width = terminal->render.width;
}

/* Writes the lines in terminal->text above the block. */
static void flush_text(struct terminal *terminal)
{
    if (terminal->text.len == 0) {
        return;
    }
    str_clear(&terminal->output);
    append_erase(terminal);
    (void)str_append_n(&terminal->output, terminal->text.data, terminal->text.len);
    append_block(terminal);
    write_all(terminal->fd, str_text(&terminal->output), terminal->output.len);
    str_clear(&terminal->text);
}

static void redraw(struct terminal *terminal)
{
    render_block(terminal);
    if (strcmp(str_text(&terminal->fresh), str_text(&terminal->block)) == 0) {
        return;
    }
    str_clear(&terminal->output);
    append_erase(terminal);
    append_block(terminal);
    write_all(terminal->fd, str_text(&terminal->output), terminal->output.len);
}

/* ---- events and time ---- */

static void tell_progress(struct terminal *terminal)
{
    struct view *view = &terminal->view;
    if (terminal->live || terminal->render.verbosity == VERBOSITY_QUIET || terminal->ended
        || view->started_ms == 0 || view->now_ms - view->told_ms < PROGRESS_MS) {
        return;
    }
    view->told_ms = view->now_ms;
    if (view->planned > view->done) {
        render_progress(view, &terminal->text);
    }
}

void terminal_announce(struct terminal *terminal, const struct event *started)
{
    struct view view;
    assert(started->type == EVENT_RUN_STARTED);
    view_init(&view);
    view_apply(&view, started);
    render_event(&view, started, &terminal->render, &terminal->text);
    view_fini(&view);
    terminal->announced = true;
    flush_text(terminal);
}

/* The rest of a first line that was announced. */
static void render_started_late(struct terminal *terminal, const struct event *event)
{
    const char *resumed = event->u.run_started.resumed;
    if (resumed != NULL && terminal->render.verbosity != VERBOSITY_QUIET) {
        (void)str_append(&terminal->text, "continues ");
        (void)text_show(&terminal->text, resumed, strlen(resumed));
        (void)str_append_char(&terminal->text, '\n');
    }
}

static void emit(struct event_sink *sink, const struct event *event)
{
    struct terminal *terminal = (struct terminal *)sink;
    view_apply(&terminal->view, event);
    if (event->type == EVENT_RUN_FINISHED) {
        terminal->ended = true; /* no block below the last line */
    }
    tell_progress(terminal);
    if (event->type == EVENT_RUN_STARTED && terminal->announced) {
        render_started_late(terminal, event);
    } else {
        render_event(&terminal->view, event, &terminal->render, &terminal->text);
    }
    terminal->text.error = 0; /* what did not fit is cut off */
    flush_text(terminal);
}

void terminal_tick(struct terminal *terminal, int64_t mono_ms)
{
    struct view *view = &terminal->view;
    if (terminal->ended || view->started_ms == 0) {
        return;
    }
    if (terminal->base_ms == 0) {
        terminal->base_ms = view->now_ms;
        terminal->base_mono_ms = mono_ms;
    }
    int64_t now_ms = terminal->base_ms + (mono_ms - terminal->base_mono_ms);
    view->now_ms = now_ms > view->now_ms ? now_ms : view->now_ms;
    if (terminal->live) {
        redraw(terminal);
    } else {
        tell_progress(terminal);
        flush_text(terminal);
    }
}

void terminal_resize(struct terminal *terminal, unsigned width, unsigned height)
{
    terminal->render.height = height;
    terminal->render.width = clamp_width(width);
    terminal->narrow = width > 0 && width < WIDTH_MIN;
    if (terminal->live && !terminal->ended) {
        terminal->drawn_width = width > 0 ? width : WIDTH_DEFAULT; /* as it wraps now */
        redraw(terminal);
    }
}

void terminal_print(struct terminal *terminal, const char *text)
{
    (void)text_show(&terminal->text, text, strlen(text));
    if (terminal->text.len > 0 && terminal->text.data[terminal->text.len - 1] != '\n') {
        (void)str_append_char(&terminal->text, '\n');
    }
    flush_text(terminal);
}

void terminal_end(struct terminal *terminal)
{
    terminal->ended = true;
    str_clear(&terminal->output);
    append_erase(terminal);
    if (terminal->output.len > 0) {
        write_all(terminal->fd, str_text(&terminal->output), terminal->output.len);
    }
}

/* ---- life ---- */

int terminal_new(const struct terminal_options *options,
                 struct terminal **ret_terminal,
                 struct err *err)
{
    struct terminal *terminal = mem_calloc(1, sizeof *terminal);
    if (terminal == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    terminal->sink.emit = emit;
    terminal->fd = options->fd;
    terminal->live = options->live && options->verbosity != VERBOSITY_QUIET;
    view_init(&terminal->view);
    str_init(&terminal->block, BLOCK_MAX);
    str_init(&terminal->fresh, BLOCK_MAX);
    str_init(&terminal->text, EVENT_TEXT_MAX);
    str_init(&terminal->output, EVENT_TEXT_MAX + (2u << 20));
    if (options->run_dir != NULL) {
        terminal->run_dir = mem_strdup(options->run_dir);
        if (terminal->run_dir == NULL) {
            terminal_free(terminal);
            return err_set(err, -ENOMEM, "out of memory");
        }
    }
    terminal->render = (struct render_options){.color = options->color,
                                               .verbosity = options->verbosity,
                                               .failure_output = options->failure_output,
                                               .run_dir = terminal->run_dir,
                                               .width = clamp_width(options->width),
                                               .height = options->height};
    terminal->view.slowest_max = options->slowest;
    terminal->view.render = &terminal->render;
    terminal->narrow = options->width > 0 && options->width < WIDTH_MIN;
    terminal->drawn_width = terminal->render.width;
    *ret_terminal = terminal;
    return 0;
}

struct event_sink *terminal_sink(struct terminal *terminal)
{
    return &terminal->sink;
}

void terminal_free(struct terminal *terminal)
{
    if (terminal == NULL) {
        return;
    }
    terminal_end(terminal);
    view_fini(&terminal->view);
    str_fini(&terminal->block);
    str_fini(&terminal->fresh);
    str_fini(&terminal->text);
    str_fini(&terminal->output);
    mem_free(terminal->run_dir);
    mem_free(terminal);
}
