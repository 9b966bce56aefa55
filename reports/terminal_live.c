/* SPDX-License-Identifier: Apache-2.0 */
/* The live block, and the line that counts where nothing is redrawn. */
#include "base/cleanup.h"
#include "reports/terminal_impl.h"

#include <inttypes.h>
#include <string.h>

#define BAR_WIDTH 20

/* A unit that runs for so long is named where nothing is redrawn: is it that one which hangs? Half
 * of the time between two lines: who has run since the first of ten seconds is named at their end.
 */
#define NAMED_MS 5000

/* Lines of the block besides those of units: the counts, "and N more"; and the cursor's own line
 * below, so that the whole of it can be erased. */
#define HEIGHT_BESIDES 3

void render_progress(const struct view *view, struct str *out)
{
    (void)str_appendf(out, "... %" PRIu64 " of ", view->done);
    term_put_count(out, view->planned, "unit");
    if (view->origins.reused > 0) {
        (void)str_appendf(out, ", %" PRIu64 " reused", view->origins.reused);
    }
    (void)str_appendf(out, ", %" PRIu64 " failed, ", view_bad(view));
    (void)str_appendf(out, "%zu running, ", view->running.count);
    term_put_duration(out, view->now_ms - view->started_ms);
    int64_t eta_ms = view_eta_ms(view);
    if (eta_ms >= 0) {
        (void)str_append(out, ", about ");
        term_put_duration(out, eta_ms);
        (void)str_append(out, " left");
    }
    const struct view_running *longest = view->running.count > 0 ? view->running.items : NULL;
    if (longest != NULL && view->now_ms - longest->started_ms >= NAMED_MS) {
        (void)str_append(out, ", longest: ");
        term_put_text(out, longest->layer);
        (void)str_append_char(out, ' ');
        term_put_text(out, longest->unit);
        (void)str_append_char(out, ' ');
        term_put_duration(out, view->now_ms - longest->started_ms);
    }
    (void)str_append_char(out, '\n');
}

static void put_bar(struct str *out, const struct view *view)
{
    char bar[BAR_WIDTH + 1];
    uint64_t planned = view->planned > 0 ? view->planned : 1;
    uint64_t done = view->done < planned ? view->done : planned;
    size_t filled = (size_t)(done * BAR_WIDTH / planned);
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', filled);
    if (filled > 0 && filled < BAR_WIDTH) {
        bar[filled - 1] = '>';
    }
    bar[BAR_WIDTH] = '\0';
    (void)str_appendf(out, "[%s] ", bar);
}

/* The first line, in parts: those that do not fit are left out from the end. */
static void put_live_head(struct str *out, const struct view *view, unsigned width, bool color)
{
    CLEANUP(str_fini) struct str line = STR_INIT(4096);
    uint64_t bad = view_bad(view);
    if (width >= 60) {
        put_bar(&line, view);
    }
    if (view->planned == 0) {
        (void)str_append(&line, "planning");
    } else {
        (void)str_appendf(&line, "%" PRIu64 "/%" PRIu64, view->done, view->planned);
    }
    if (bad > 0) {
        (void)str_appendf(&line, "  %" PRIu64 " failed", bad);
    }
    if (view->origins.reused > 0) {
        (void)str_appendf(&line, "  %" PRIu64 " reused", view->origins.reused);
    }
    if (view->flaky_count > 0) {
        (void)str_appendf(&line, "  %" PRIu64 " flaky", view->flaky_count);
    }
    (void)str_append(&line, "  ");
    term_put_duration(&line, view->now_ms - view->started_ms);
    int64_t eta_ms = view_eta_ms(view);
    if (eta_ms >= 0) {
        (void)str_append(&line, "  ETA ");
        term_put_duration(&line, eta_ms);
    }
    (void)str_append(out, color ? (bad > 0 ? TERM_RED : TERM_GREEN) : "");
    render_cut(out, str_text(&line), width - 1);
    (void)str_append(out, color ? TERM_RESET "\n" : "\n");
}

/* Units that have a line of their own. */
static size_t units_shown(const struct view *view, unsigned height)
{
    size_t room = LIVE_UNITS_MAX;
    if (height > 0 && height < LIVE_UNITS_MAX + HEIGHT_BESIDES) {
        room = height > HEIGHT_BESIDES ? height - HEIGHT_BESIDES : 0;
    }
    return view->running.count < room ? view->running.count : room;
}

void render_live(const struct view *view, const struct render_options *options, struct str *out)
{
    put_live_head(out, view, options->width, options->color);
    size_t shown = units_shown(view, options->height);
    for (size_t i = 0; i < shown; i++) {
        const struct view_running *running = &view->running.items[i];
        CLEANUP(str_fini) struct str elapsed = STR_INIT(64);
        CLEANUP(str_fini) struct str line = STR_INIT(16384);
        term_put_duration(&elapsed, view->now_ms - running->started_ms);
        (void)str_appendf(&line, "%7s  %s %s", str_text(&elapsed), running->layer, running->unit);
        if (running->attempt > 1) {
            (void)str_appendf(&line, " (attempt %u)", running->attempt);
        }
        render_cut(out, str_text(&line), options->width - 1);
        (void)str_append_char(out, '\n');
    }
    if (view->running.count > shown
        && (options->height == 0 || options->height >= HEIGHT_BESIDES)) {
        (void)str_appendf(out, "%7s  and %zu more\n", "", view->running.count - shown);
    }
}
