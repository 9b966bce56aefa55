/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

struct showing {
    struct str *out;
    struct sched *sched;
    unsigned count;
};

/* Where the last SHOW_LINES_MAX lines begin. */
static const char *last_lines(const char *text, size_t len)
{
    const char *from = text + len;
    unsigned lines = 0;
    from -= len > 0 && from[-1] == '\n' ? 1 : 0;
    while (from > text) {
        lines += from[-1] == '\n' ? 1 : 0;
        if (lines == SHOW_LINES_MAX) {
            break;
        }
        from--;
    }
    return from;
}

static void append_output(struct str *out, const char *output)
{
    struct str clean = STR_INIT((size_t)8 * SHOW_OUTPUT_MAX);
    (void)text_show(&clean, output, strlen(output));
    const char *line = last_lines(str_text(&clean), clean.len);
    while (*line != '\0') {
        const size_t len = strcspn(line, "\n");
        (void)str_appendf(out, "    | %.*s\n", (int)len, line);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    str_fini(&clean);
}

int show_unit(struct str *out, const struct sched_running *running, const char *output)
{
    char elapsed[DURATION_TEXT_MAX];
    (void)duration_format(running->elapsed_ms, elapsed);
    if (running->joining) {
        (void)str_appendf(out,
                          "waiting for %s, another sluice runs the same: %s/%s\n",
                          elapsed,
                          running->layer,
                          running->unit);
    } else {
        (void)str_appendf(out,
                          "running for %s in slot %d: %s/%s\n",
                          elapsed,
                          running->slot,
                          running->layer,
                          running->unit);
    }
    if (output != NULL) {
        append_output(out, output);
    }
    return str_error(out);
}

static void show_one(void *context, const struct sched_running *running)
{
    struct showing *showing = context;
    char output[SHOW_OUTPUT_MAX];
    const bool runs =
        !running->joining && sched_peek(showing->sched, running->slot, output, sizeof output) == 0;
    (void)show_unit(showing->out, running, runs ? output : NULL);
    showing->count++;
}

int show_running(struct str *out, struct sched *sched)
{
    struct showing showing = {.out = out, .sched = sched};
    if (sched != NULL) {
        sched_running(sched, show_one, &showing);
    }
    if (showing.count == 0) {
        (void)str_append(out, "no unit runs now\n");
    }
    return str_error(out);
}
